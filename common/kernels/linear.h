/*
 * kernels/linear.h - the linear layer, fast and on several threads.
 *
 * Nine tenths of a language model's work is this one operation. The engine calls it through this
 * small interface and does not know how it is done; ops.h has the same operation written to be
 * read, and the tests hold the two against each other.
 */
#ifndef COMMON_KERNELS_LINEAR_H
#define COMMON_KERNELS_LINEAR_H

#include <stddef.h>

#include "../threads.h"

/* How the weights of a layer stand in memory. */
enum linear_layout {
    LINEAR_IN_OUT, // [n_in, n_out]: as GPT-2's files have them
    LINEAR_OUT_IN, // [n_out, n_in]: a row per output, as wte has them when it is the output head
};

struct linear_layer {
    const float *weight; // [n_in, n_out] or [n_out, n_in]
    const float *bias;   // [n_out], or NULL for none
    size_t n_in, n_out;
    enum linear_layout layout;
};

/*
 * out[r] = weights applied to x[r], plus the bias. x: [n_rows, n_in], out: [n_rows, n_out]; they
 * must not overlap. The result does not depend on the number of threads, to the last bit.
 */
void linear_layer_forward(const struct linear_layer *layer, struct threads *pool, float *out,
                          const float *x, size_t n_rows);

#endif
