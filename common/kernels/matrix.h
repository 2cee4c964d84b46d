/*
 * kernels/matrix.h - how the engine keeps a matrix of weights.
 *
 * Two formats have the layout of GPT-2's files; the kernels read them at any address, since packing
 * takes them from where the file is mapped:
 *
 *     MATRIX_F32_IN_OUT   [n_in, n_out] floats    the linear layers in the file
 *     MATRIX_F32_OUT_IN   [n_out, n_in] floats    wte, when it is read as the output head
 *
 * Two are smaller, and cut into panels: PANEL outputs with all their inputs, one after the other in
 * the order in which a kernel reads them, as a column store keeps together what is read together.
 * The outputs are filled up to whole panels with zeros, and the inputs to whole groups, those of
 * int8 to whole blocks:
 *
 *     MATRIX_BF16   [panels][n_in / 2][PANEL][2]         BF16: the upper half of a float
 *     MATRIX_INT8   [panels][n_in / 4][PANEL][4]         whole numbers from -127 to 127, and
 *         scales    [panels][n_in / INT8_BLOCK][PANEL]   BF16: what 1 is worth, for each output in
 *                                                        each block of INT8_BLOCK inputs
 *
 * The groups of 2 and 4 inputs side by side are what the dot-product instructions of AVX-512 take;
 * kernels without such instructions take them apart at no cost. A block of 32 with a scale of its
 * own keeps one large weight from making its neighbours coarse beyond its block.
 */
#ifndef COMMON_KERNELS_MATRIX_H
#define COMMON_KERNELS_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PANEL = 64, BF16_GROUP = 2, INT8_GROUP = 4, INT8_BLOCK = 32 };

enum matrix_format { MATRIX_F32_IN_OUT, MATRIX_F32_OUT_IN, MATRIX_BF16, MATRIX_INT8 };

struct matrix {
    enum matrix_format format;
    const void *data;       // as above; floats may stand at any address
    const uint16_t *scales; // MATRIX_INT8 only
    size_t n_in, n_out;
};

/* n divided by size, rounded up. */
static inline size_t groups_of(size_t n, size_t size) {
    return (n + size - 1) / size;
}

/* Where panel `panel` begins, in bytes from data. MATRIX_BF16 and MATRIX_INT8. */
static inline size_t panel_offset(const struct matrix *m, size_t panel) {
    if (m->format == MATRIX_BF16)
        return panel * groups_of(m->n_in, BF16_GROUP) * BF16_GROUP * PANEL * sizeof(uint16_t);
    return panel * groups_of(m->n_in, INT8_BLOCK) * INT8_BLOCK * PANEL;
}

#endif
