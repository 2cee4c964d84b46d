/*
 * kernels/pack.h - weights as floats into panels of BF16 or int8 (matrix.h has the formats).
 *
 * BF16 keeps a float's upper half, rounded to the nearest, ties to even. int8 takes blocks of
 * INT8_BLOCK inputs of one output: the largest of them becomes 127, the others their share of it,
 * rounded. What 1 is worth, largest / 127, is itself rounded to a BF16, by at most 1/256, so nothing
 * gets beyond 127.5; the numbers are divided by the rounded scale, so its rounding costs next to
 * nothing.
 *
 * A weight that is not a number, or infinite, must not come out as one that looks fine. BF16 keeps
 * both, and floats beyond its largest number, 3.39e38, become infinite. In int8 such a weight makes
 * its whole block not a number: the scale is. Blocks with nothing above 2e-36 become zeros.
 */
#ifndef COMMON_KERNELS_PACK_H
#define COMMON_KERNELS_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "../error.h"
#include "../threads.h"
#include "kernels.h"
#include "matrix.h"

/* Bytes of `data` and of `scales` for a matrix of this format and size (panels only); false when
 * they don't fit into a size_t. */
bool packed_sizes(enum matrix_format format, size_t n_in, size_t n_out, size_t *data_bytes,
                  size_t *scale_bytes);

/*
 * Packs a matrix of floats. source: MATRIX_F32_IN_OUT or MATRIX_F32_OUT_IN. format: MATRIX_BF16 or
 * MATRIX_INT8. data, scales: of the sizes above, scales NULL for BF16; owned by the caller, and so
 * by *packed, which is filled in.
 */
void matrix_pack(const struct matrix *source, enum matrix_format format, void *data,
                 uint16_t *scales, const struct kernels *kernels, struct threads *pool,
                 struct matrix *packed);

/* One weight, of any format, as a float. */
float matrix_number(const struct matrix *m, size_t input, size_t output);

/* All weights of one output. row: [n_in] */
void matrix_row(const struct matrix *m, size_t output, float *row);

#endif
