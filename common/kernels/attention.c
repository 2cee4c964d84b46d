#include "attention.h"

#include <string.h>

/* The first number of a position's key; the next ones follow every KEY_TILE floats. */
static size_t key_offset(size_t position, size_t d_head) {
    return position / KEY_TILE * d_head * KEY_TILE + position % KEY_TILE;
}

void cache_write(float *keys, float *values, size_t position, size_t d_head, const float *key,
                 const float *value) {
    float *column = keys + key_offset(position, d_head); // [d_head], KEY_TILE floats apart
    for (size_t i = 0; i < d_head; i++)
        column[i * KEY_TILE] = key[i];
    memcpy(values + position * padded_head(d_head), value, d_head * sizeof *value);
}
