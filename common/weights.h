/*
 * weights.h - a tensor of a safetensors file as a matrix that the engine can use (kernels/matrix.h).
 *
 * What is done with the file's bytes was decided by measuring, on 500 MB of GPT-2 124M:
 *
 *   - F32 weights are copied into memory of our own, on all threads, in the file's own layout. They
 *     could be used where they are mapped, and at first they were; but the system maps a file in pages
 *     of 4 KB, and with the large pages of arena.h decoding is 3 to 5 % faster. With the file in the
 *     system's cache the copy takes about a twentieth of a second, no longer than mapping those small
 *     pages. The price is memory: the system may keep the file in its cache besides. Panels made
 *     of F32 would be no faster to read than this layout, and take longer to make.
 *   - BF16 and int8 are made at load time, panel by panel, on all threads; or they come out of a
 *     folder that --quantize has written, which holds the panels as they are, aligned, to be mapped.
 *   - F16 and BF16 files that are wanted as F32 are widened into the arena.
 *
 * In a quantized folder a matrix `name` has dtype BF16 and shape [panels, n_in / 2, 64, 2], or
 * dtype I8 and shape [panels, n_in / 32 * 8, 64, 4] and a tensor `name`_scales, BF16 [panels,
 * n_in / 32, 64]. The divisions round up.
 */
#ifndef COMMON_WEIGHTS_H
#define COMMON_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "arena.h"
#include "error.h"
#include "kernels/kernels.h"
#include "kernels/matrix.h"
#include "safetensors.h"
#include "threads.h"

enum weights_format {
    WEIGHTS_AS_STORED, // F32, unless the folder was quantized
    WEIGHTS_F32,
    WEIGHTS_BF16,
    WEIGHTS_INT8,
};

/* How a linear layer stands in a file of floats. */
enum weights_layout { WEIGHTS_IN_OUT, WEIGHTS_OUT_IN };

/* What to do when config.json and the file don't fit together: the end of a message. */
extern const char weights_of_one_model[];

/* The tensor `name`, which must have this shape. NULL with *err filled in when it is not so. */
const struct safetensors_tensor *weights_find(const struct safetensors *file, const char *name,
                                              const struct shape *expected, struct error *err);

/* What is needed to load: the file, what is wanted, and the means to convert. */
struct weights_loader {
    const struct safetensors *file;
    enum weights_format wanted;
    const struct kernels *kernels;
    struct threads *pool; // NULL: one thread
    struct arena *arena;  // gets the weights that are made
};

/*
 * Loads the matrix `name` of n_in inputs and n_out outputs. *mapped: whether it is used where the
 * file is mapped, as panels are; then the file must stay open. Otherwise it is in the arena.
 * false with *err filled in when the tensor is missing, or neither a matrix of this size nor its
 * panels, or panels of another format than the one wanted.
 */
bool weights_load(const struct weights_loader *loader, const char *name, enum weights_layout layout,
                  size_t n_in, size_t n_out, struct matrix *m, bool *mapped, struct error *err);

/* A matrix as floats in the layout of a file. out: [n_in * n_out] */
void weights_to_float(const struct matrix *m, enum weights_layout layout, float *out);

/* Bytes that a matrix takes, scales included. */
size_t weights_bytes(const struct matrix *m);

/* The shape of a matrix's panels, and of their scales, in a file. BF16 and int8 only. */
struct shape weights_panel_shape(const struct matrix *m);
struct shape weights_scale_shape(const struct matrix *m);

#endif
