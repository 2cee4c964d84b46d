/*
 * safetensors_write.h - the other direction: arrays in memory to a safetensors file (safetensors.h
 * has the format).
 *
 * The header is filled up with spaces, so that the data begins at a multiple of 64 bytes and a
 * reader may map the file and use it as it is.
 */
#ifndef COMMON_SAFETENSORS_WRITE_H
#define COMMON_SAFETENSORS_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "tensor.h"

/* One tensor of a file to be. */
struct safetensors_entry {
    const char *name;
    const char *dtype; // "F32", "BF16", "I8"
    struct shape shape;
    const void *data; // [n_bytes]
    size_t n_bytes;
};

/*
 * Writes tensors in the order given. entries: [n]. The file gets its name only when it is complete.
 * false with *err filled in.
 */
bool safetensors_write(const char *path, const struct safetensors_entry *entries, size_t n,
                       struct error *err);

#endif
