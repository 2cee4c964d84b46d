/*
 * safetensors.h - reading model.safetensors, the file that holds a model's numbers.
 *
 * The format, https://github.com/huggingface/safetensors:
 *
 *     byte 0                8 bytes: N, the length of the header, a little-endian unsigned number
 *     byte 8                N bytes: the header, a JSON object in UTF-8 that begins with '{' and
 *                           may end with spaces
 *     byte 8 + N            the data: every tensor's numbers, one tensor after the other
 *
 * The header names each tensor, in any order:
 *
 *     { "wte.weight": { "dtype": "F32", "shape": [50257, 768], "data_offsets": [0, 154389504] },
 *       ...,
 *       "__metadata__": { "format": "pt" } }
 *
 * data_offsets are [first byte, byte after the last], counted from the beginning of the data. The
 * numbers stand in row-major order, little-endian. N may be anything, so the data begins at any
 * address: GPT-2's own file has N = 14283, and its floats begin at byte 14291, which no multiple
 * of 4 is. A `float *` to such an address is undefined behaviour in C: read with memcpy.
 *
 * What safetensors_open checks, because a file can come from anywhere: N is at most 100 MB and
 * inside the file; the header is what it should be, with no name twice; "__metadata__" holds
 * strings only; each tensor's byte range has the size that its dtype and shape ask for; the ranges
 * cover the data with no hole and no overlap, to the file's last byte. Tensors without dimensions
 * (one number) or with a dimension of 0 (no numbers) are fine.
 */
#ifndef COMMON_SAFETENSORS_H
#define COMMON_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "tensor.h"

/* One tensor of an open file. Everything in it belongs to the file and ends with it. */
struct safetensors_tensor {
    const char *name;          // NUL-terminated UTF-8
    const char *dtype;         // "F32", "F16", "BF16", "I64" ...
    struct shape shape;        // at most SHAPE_MAX_RANK dimensions
    size_t n_elements;         // the product of the dimensions
    const unsigned char *data; // [n_bytes], at any address: never cast it to float *
    size_t begin;              // data_offsets[0]
    size_t n_bytes;            // data_offsets[1] - data_offsets[0]
};

struct safetensors;

/*
 * Opens and checks a file; its data is mapped and read from the disk only when touched. NULL with
 * *err filled in. safetensors_close frees it; NULL is fine there.
 */
struct safetensors *safetensors_open(const char *path, struct error *err);
void safetensors_close(struct safetensors *file);

const char *safetensors_path(const struct safetensors *file);
size_t safetensors_header_length(const struct safetensors *file); // N

/* The tensors in the order of their data: index from 0 to count - 1. */
size_t safetensors_count(const struct safetensors *file);
const struct safetensors_tensor *safetensors_at(const struct safetensors *file, size_t index);

/* The tensor with this name, or NULL. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);

/*
 * Copies a tensor's numbers to out, widened to float; exact for F32, F16 and BF16. out:
 * [n_elements]. false with *err filled in for any other dtype.
 */
bool safetensors_to_float(const struct safetensors *file, const struct safetensors_tensor *tensor,
                          float *out, struct error *err);

/* Says that a tensor's data will not be needed soon, so that its memory can be used otherwise. */
void safetensors_release(const struct safetensors *file, const struct safetensors_tensor *tensor);

#endif
