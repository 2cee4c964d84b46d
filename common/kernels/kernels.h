/*
 * kernels/kernels.h - the fast loops, for each kind of processor.
 *
 * All loops of the engine that take time stand in one table of functions. There is a table for each
 * kind of processor (see f32x16.h); kernels_for_this_processor takes the fastest one that works
 * here, so one program runs everywhere and nobody has to compile it for a machine.
 *
 * None of these functions allocates or starts threads. Callers cut the work into pieces (linear.c,
 * gpt2.c); every piece gives the same numbers whoever computes it.
 */
#ifndef COMMON_KERNELS_KERNELS_H
#define COMMON_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../error.h"
#include "matrix.h"

/* Rows of activations in the form that a processor's dot-product instructions want. A block is
 * INT8_BLOCK inputs; the last one is filled up with zeros. */
struct packed_rows {
    uint16_t *bf16;  // [n_rows, n_blocks, INT8_BLOCK], for a matrix in BF16
    int8_t *int8;    // [n_rows, n_blocks, INT8_BLOCK], for one in int8, with
    float *scales;   // [n_rows, n_blocks]: what 1 is worth
    int32_t *starts; // [n_rows, n_blocks]: -128 times the sum of the block
    size_t n_blocks;
};

/* What the sums of a panel's outputs begin with: what is in `out`, or not, and the bias. */
struct start {
    const float *bias; // [PANEL]
    bool replace;      // what is in `out` is not added to, but replaced
};

struct head_cache;

struct kernels {
    const char *name;

    /* Decode: adds x times the columns [first, first + n) of the matrix to out[0 .. n). x: [n_in].
     * For formats in panels, first is a multiple of PANEL, and so is n, also at the end. */
    void (*multiply_row)(const struct matrix *m, const float *x, size_t first, size_t n,
                         float *out);

    /* The same by dot-product instructions, for int8, or NULL where the processor has none. x holds
     * one row, packed by pack_int8. */
    void (*multiply_int8_row)(const struct matrix *m, const struct packed_rows *x, size_t first,
                              size_t n, float *out);

    /* Prefill, first half: floats of panel `panel`, inputs [k, k + n_k), to packed: [n_k, PANEL].
     * k is a multiple of INT8_BLOCK. Outputs beyond n_out are 0. */
    void (*unpack)(const struct matrix *m, size_t panel, size_t k, size_t n_k, float *packed);

    /* Prefill, second half: adds x times packed [n_k, PANEL] to PANEL outputs of each row.
     * x: [n_rows, x_stride]  out: [n_rows, out_stride]  start: NULL to go on with what is there */
    void (*multiply_rows)(const float *x, size_t x_stride, size_t n_rows, const float *packed,
                          size_t n_k, const struct start *start, float *out, size_t out_stride);

    /* Prefill by dot-product instructions, or NULL where the processor has none for the format:
     * pack one row of activations [n_in] as row `row`; add packed rows times a whole panel to PANEL
     * outputs of each row. out: [n_rows, out_stride] */
    void (*pack_bf16)(const float *x, size_t n_in, const struct packed_rows *rows, size_t row);
    void (*multiply_bf16)(const struct matrix *m, size_t panel, const struct packed_rows *x,
                          size_t first_row, size_t n_rows, const struct start *start, float *out,
                          size_t out_stride);
    void (*pack_int8)(const float *x, size_t n_in, const struct packed_rows *rows, size_t row);
    void (*multiply_int8)(const struct matrix *m, size_t panel, const struct packed_rows *x,
                          size_t first_row, size_t n_rows, const struct start *start, float *out,
                          size_t out_stride);

    /* Attention of n_rows queries of one head over its part of the cache (attention.h): the first
     * query sees n_keys keys, the next one more, and so on.
     * queries: [n_rows, query_stride], d_head numbers of each row   contexts: the same, written
     * scores: [ATTEND_TOGETHER, score_stride], the room to work in; a row has at least
     * n_keys + n_rows - 1 scores, rounded up to whole tiles of KEY_TILE */
    void (*attend)(const struct head_cache *cache, const float *queries, size_t query_stride,
                   size_t n_rows, size_t n_keys, float *scores, size_t score_stride,
                   float *contexts, size_t context_stride);

    /* Adds up n floats at any address, to measure how fast memory can be read. */
    float (*read)(const void *floats, size_t n);

    /* As in ops.h; the exponential function's relative error is at most 1.2e-7. */
    void (*softmax)(float *x, size_t n);
    void (*gelu)(float *x, size_t n);
    void (*layer_norm)(float *out, const float *x, const float *weight, const float *bias, size_t n,
                       float epsilon);
};

/*
 * The fastest table that works on this processor, or the one that the environment's GPT2_KERNELS
 * names ("portable", "avx2", "avx512", "avx512_dot", "neon"), if it works here. Never NULL.
 */
const struct kernels *kernels_for_this_processor(void);

/*
 * For programs: whether GPT2_KERNELS, if it is set and not empty, names a table that works here.
 * Otherwise false with *err filled in; the function above would take the fastest one.
 */
bool kernels_check_wanted(struct error *err);

/* The tables there are, whether or not they work here; their number to *n. For tests. */
const struct kernels *const *kernels_all(size_t *n);
bool kernels_work_here(const struct kernels *kernels);

#endif
