/*
 * kernels/attention.h - where keys and values stand in the KV cache, and attention over it.
 *
 * Each head of each layer has a part of the cache to itself, so that a query runs through it in one
 * go:
 *
 *     keys    [n_ctx / KEY_TILE, d_head, KEY_TILE]   position p in tile p / KEY_TILE; see
 *                                                    attention_kernels.h for the reason
 *     values  [n_ctx, padded_head(d_head)]
 */
#ifndef COMMON_KERNELS_ATTENTION_H
#define COMMON_KERNELS_ATTENTION_H

#include <stddef.h>

#include "kernels.h"

enum {
    KEY_TILE = 16,
    ATTEND_TOGETHER = 4, // queries that run through the keys side by side
};

/* A head's values are filled up to whole vectors. */
static inline size_t padded_head(size_t d_head) {
    return groups_of(d_head, 16) * 16;
}

/* Floats that the keys, and the values, of one head take for n_ctx positions. */
static inline size_t head_keys_size(size_t n_ctx, size_t d_head) {
    return groups_of(n_ctx, KEY_TILE) * KEY_TILE * d_head;
}
static inline size_t head_values_size(size_t n_ctx, size_t d_head) {
    return n_ctx * padded_head(d_head);
}

/* Puts one key [d_head] and one value [d_head] at a position of a head's part. */
void cache_write(float *keys, float *values, size_t position, size_t d_head, const float *key,
                 const float *value);

#endif
