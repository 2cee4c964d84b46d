/*
 * tensor.h - shapes, and memory for arrays of numbers.
 *
 * A tensor is an array of numbers with a shape: [3] is a vector of 3 numbers, [2, 3] a table of
 * 2 rows and 3 columns, [12, 1024, 64] twelve tables. In memory the numbers stand in one row, the
 * last dimension's neighbours side by side: element (r, c) of a [rows, columns] table is
 * data[r * columns + c].
 *
 * We pass tensors as plain `float *` with the shape in a comment, `float *q; // [n_head, d_head]`,
 * because the shapes are known where the code is written. `struct shape` is for the places where
 * they are known only at run time: reading a file, printing.
 */
#ifndef COMMON_TENSOR_H
#define COMMON_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SHAPE_MAX_RANK = 8,    // GPT-2 needs 4
    SHAPE_TEXT_SIZE = 200, // holds SHAPE_MAX_RANK dimensions of 20 digits
    TENSOR_ALIGNMENT = 64, // bytes: one cache line, and the widest vector register
};

struct shape {
    size_t rank;                 // how many dimensions; 0 is a single number
    size_t dims[SHAPE_MAX_RANK]; // [rank]
};

/* *product = a * b; false when that does not fit into a size_t. */
bool size_multiply(size_t a, size_t b, size_t *product);

/* *count = the number of elements, 1 for rank 0; false when it does not fit into a size_t. */
bool shape_count(const struct shape *shape, size_t *count);

/* Shapes of the lengths that we need most. */
struct shape shape_1(size_t n);
struct shape shape_2(size_t rows, size_t columns);
struct shape shape_3(size_t tables, size_t rows, size_t columns);

bool shape_equal(const struct shape *a, const struct shape *b);

/* Writes "[2, 3]" into text and returns text, so that it can stand inside a printf. */
const char *shape_text(const struct shape *shape, char text[SHAPE_TEXT_SIZE]);

/*
 * Memory for count floats, aligned to TENSOR_ALIGNMENT, not initialized; a count of 0 is fine.
 * NULL when it cannot be had. The caller frees it with tensor_free.
 */
float *tensor_new(size_t count);

/* The same for rows * columns floats; NULL too when the product overflows. */
float *tensor_new_2(size_t rows, size_t columns);

/*
 * Memory for bytes that will all be used, such as a model's weights, aligned to TENSOR_ALIGNMENT. A
 * large piece comes in large pages where the system has them: they are faster to get and to read.
 * NULL when it cannot be had. The caller frees it with tensor_free.
 */
void *tensor_memory(size_t bytes);

void tensor_free(void *data);

/* The largest |a[i] - b[i]| of two arrays [count]; infinite when one of them holds a NaN. */
double tensor_difference(const float *a, const float *b, size_t count);

#endif
