/*
 * weights.h - a tensor of a safetensors file as a matrix that the engine can use (kernels/matrix.h).
 *
 * What is done with the file's bytes was decided by measuring, on 500 MB of GPT-2 124M:
 *
 *   - F32 weights are used where they are: mapped, in the file's own layout, at addresses that are
 *     odd in the real file. Reading them from there is nearly as fast as from a layout of our own
 *     (about 95 %: the memory is the limit, not the instructions), opening costs nothing, and the
 *     weights are in memory once, shared with the system's file cache.
 *   - BF16 and int8 are made at load time, panel by panel, on all threads; or they come out of a
 *     folder that --quantize has written, which holds the panels as they are, aligned, to be mapped.
 *   - F16 and BF16 files that are wanted as F32 are widened into memory of our own.
 *
 * In a quantized folder a matrix `name` has dtype BF16 and shape [panels, n_in / 2, 64, 2], or
 * dtype I8 and shape [panels, n_in / 32 * 8, 64, 4] and a tensor `name`_scales, BF16 [panels,
 * n_in / 32, 64]. The divisions round up.
 */
#ifndef COMMON_WEIGHTS_H
#define COMMON_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "kernels/kernels.h"
#include "kernels/matrix.h"
#include "safetensors.h"
#include "threads.h"

enum weights {
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
    enum weights wanted;
    const struct kernels *kernels;
    struct threads *pool; // NULL: one thread
};

/*
 * Loads the matrix `name` of n_in inputs and n_out outputs. *owned gets the memory that holds it, to
 * be freed with tensor_free, or NULL when it is used where it is mapped; then the file must stay open.
 * false with *err filled in when the tensor is missing, or neither a matrix of this size nor its
 * panels, or already smaller than wanted.
 */
bool weights_load(const struct weights_loader *loader, const char *name, enum weights_layout layout,
                  size_t n_in, size_t n_out, struct matrix *m, void **owned, struct error *err);

/* A matrix as floats in the layout of a file. out: [n_in * n_out] */
void weights_to_float(const struct matrix *m, enum weights_layout layout, float *out);

/* Bytes that a matrix takes, scales included. */
size_t weights_bytes(const struct matrix *m);

/* The shape of a matrix's panels, and of their scales, in a file. BF16 and int8 only. */
struct shape weights_panel_shape(const struct matrix *m);
struct shape weights_scale_shape(const struct matrix *m);

#endif
