#define _DEFAULT_SOURCE // madvise

#include "tensor.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { LARGE_PAGE = 2 * 1024 * 1024 };

bool size_multiply(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}

bool shape_count(const struct shape *shape, size_t *count) {
    // A zero anywhere makes the whole empty, however large the other dimensions are.
    for (size_t i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 0) {
            *count = 0;
            return true;
        }
    }
    size_t product = 1;
    for (size_t i = 0; i < shape->rank; i++) {
        if (!size_multiply(product, shape->dims[i], &product))
            return false;
    }
    *count = product;
    return true;
}

struct shape shape_1(size_t n) {
    return (struct shape){.rank = 1, .dims = {n}};
}

struct shape shape_2(size_t rows, size_t columns) {
    return (struct shape){.rank = 2, .dims = {rows, columns}};
}

struct shape shape_3(size_t tables, size_t rows, size_t columns) {
    return (struct shape){.rank = 3, .dims = {tables, rows, columns}};
}

bool shape_equal(const struct shape *a, const struct shape *b) {
    if (a->rank != b->rank)
        return false;
    for (size_t i = 0; i < a->rank; i++) {
        if (a->dims[i] != b->dims[i])
            return false;
    }
    return true;
}

const char *shape_text(const struct shape *shape, char text[SHAPE_TEXT_SIZE]) {
    size_t used = 0;
    text[used++] = '[';
    for (size_t i = 0; i < shape->rank; i++) {
        const char *separator = i == 0 ? "" : ", ";
        int n = snprintf(text + used, SHAPE_TEXT_SIZE - used, "%s%zu", separator, shape->dims[i]);
        used += (size_t)n;
    }
    text[used++] = ']';
    text[used] = '\0';
    return text;
}

float *tensor_new(size_t count) {
    if (count > (SIZE_MAX - TENSOR_ALIGNMENT) / sizeof(float))
        return NULL;
    // aligned_alloc wants a size that is a multiple of the alignment, and 0 may give NULL.
    size_t bytes = count * sizeof(float);
    bytes = (bytes / TENSOR_ALIGNMENT + 1) * TENSOR_ALIGNMENT;
    return aligned_alloc(TENSOR_ALIGNMENT, bytes);
}

float *tensor_new_2(size_t rows, size_t columns) {
    size_t count;
    return size_multiply(rows, columns, &count) ? tensor_new(count) : NULL;
}

void *tensor_memory(size_t bytes) {
    size_t alignment = bytes >= LARGE_PAGE ? LARGE_PAGE : TENSOR_ALIGNMENT;
    if (bytes > SIZE_MAX - alignment)
        return NULL;
    void *memory = aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
#if defined(MADV_HUGEPAGE)
    if (memory != NULL && alignment == LARGE_PAGE)
        madvise(memory, bytes, MADV_HUGEPAGE); // only a wish: it does not matter when it fails
#endif
    return memory;
}

void tensor_free(void *data) {
    free(data);
}

double tensor_difference(const float *a, const float *b, size_t count) {
    double largest = 0.0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (isnan(difference))
            return INFINITY; // nothing is less alike than no number at all
        largest = fmax(largest, difference);
    }
    return largest;
}
