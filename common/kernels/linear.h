/*
 * kernels/linear.h - the linear layer, fast and on several threads.
 *
 * Nine tenths of a language model's work is this one operation. The engine calls it through this
 * small interface and does not know how it is done; ops.h has the same operation written to be
 * read, and the tests hold the two against each other.
 *
 * Threads share the outputs: each computes some columns of `out` from start to end, like the shards
 * of a table. Only one row times a matrix of floats [in, out] is cut by its inputs, into a few parts
 * whose sums are added up afterwards (linear.c); more than ROW_GROUPS = 8 threads don't speed that up.
 * Every number is added up in the same order however many threads there are.
 */
#ifndef COMMON_KERNELS_LINEAR_H
#define COMMON_KERNELS_LINEAR_H

#include <stdbool.h>
#include <stddef.h>

#include "../error.h"
#include "../threads.h"
#include "kernels.h"
#include "matrix.h"

/* What happens to an output when it is complete. */
enum linear_then { THEN_NOTHING, THEN_GELU, THEN_GELU_EXACT };

struct linear_layer {
    struct matrix weight;
    const float *bias; // [n_out], or NULL for none
    enum linear_then then;
    bool add; // add to what is in `out`, instead of replacing it: a residual connection
};

/* What computing takes: kernels, threads, and room for rows in another format. */
struct compute {
    const struct kernels *kernels;
    struct threads *pool;
    struct packed_rows rows; // room for max_rows rows of `widest` numbers
    float *group_sums;       // [ROW_GROUPS, widest]: see linear.c
    size_t max_rows, widest;
};

/*
 * widest: the most numbers in a row of inputs, and of outputs of a matrix [in, out]. *compute must be
 * {0}. false with *err filled in; compute_free frees what there is in either case.
 */
bool compute_new(struct compute *compute, size_t n_threads, size_t max_rows, size_t widest,
                 struct error *err);
void compute_free(struct compute *compute);

/*
 * out[r] = weights applied to x[r], plus the bias. x: [n_rows, n_in], out: [n_rows, n_out]; they
 * must not overlap. At most max_rows rows of at most `widest` numbers; in a matrix [in, out], at most
 * `widest` outputs. The result does not depend on the number of threads, to the last bit.
 */
void linear_forward(struct compute *compute, const struct linear_layer *layer, float *out,
                    const float *x, size_t n_rows);

#endif
