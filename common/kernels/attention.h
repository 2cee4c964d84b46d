/*
 * kernels/attention.h - where keys and values stand in the KV cache, and attention over it.
 *
 * Each head of each layer has a part of the cache to itself, so that a query runs through it in one
 * go. attention_kernels.h says why the parts are laid out like this:
 *
 *     CACHE_F32   keys    [n_ctx / KEY_TILE, d_head, KEY_TILE]         floats; position p in tile
 *                                                                      p / KEY_TILE
 *                 values  [n_ctx, padded_head]
 *     CACHE_BF16  keys    [n_ctx / KEY_TILE, d_head / 2, KEY_TILE, 2]  BF16; pairs of numbers,
 *                 values  [n_ctx / 2, padded_head, 2]                  pairs of positions
 *
 * The divisions round up; padded_head is d_head filled up to whole vectors of 16. Sixteen floats and
 * sixteen pairs of BF16 are both a LINE of 64 bytes, so a kernel walks both in the same way.
 *
 * BF16 goes with weights that are rounded too: it takes half the memory and half the time to read. At
 * position 1000 a cache of floats would be more than half as large as GPT-2 124M's weights in int8.
 */
#ifndef COMMON_KERNELS_ATTENTION_H
#define COMMON_KERNELS_ATTENTION_H

#include <stddef.h>

#include "kernels.h"

enum {
    KEY_TILE = 16,
    ATTEND_TOGETHER = 4, // queries that run through the keys side by side
};

enum cache_format { CACHE_F32, CACHE_BF16 };

/* One head's part of the cache. */
struct head_cache {
    enum cache_format format;
    size_t d_head;
    void *keys, *values; // as above
};

enum { LINE = 64 };

/* Numbers side by side in a line's sixteen places: one float, or a pair of BF16. */
static inline size_t numbers_in_place(enum cache_format format) {
    return format == CACHE_BF16 ? 2 : 1;
}

/* Bytes of a tile of keys, and of a row of values, which is one position's or two's. */
static inline size_t key_tile_bytes(enum cache_format format, size_t d_head) {
    return groups_of(d_head, numbers_in_place(format)) * LINE;
}
static inline size_t value_row_bytes(size_t d_head) {
    return groups_of(d_head, 16) * LINE;
}

/* Bytes that the keys, and the values, of one head take for n_ctx positions. */
static inline size_t head_keys_bytes(enum cache_format format, size_t n_ctx, size_t d_head) {
    return groups_of(n_ctx, KEY_TILE) * key_tile_bytes(format, d_head);
}
static inline size_t head_values_bytes(enum cache_format format, size_t n_ctx, size_t d_head) {
    return groups_of(n_ctx, numbers_in_place(format)) * value_row_bytes(d_head);
}

/* Puts one key [d_head] and one value [d_head] at a position. */
void cache_write(const struct head_cache *cache, size_t position, const float *key,
                 const float *value);

#endif
