#include "attention.h"

#include "../float_formats.h"

/* Puts a number at `place` of a line; in BF16, as number `which` of the pair there. */
static void put(enum cache_format format, unsigned char *line, size_t place, size_t which,
                float number) {
    if (format == CACHE_F32)
        ((float *)(void *)line)[place] = number;
    else
        ((uint16_t *)(void *)line)[place * 2 + which] = f32_to_bf16(number);
}

void cache_write(const struct head_cache *cache, size_t position, const float *key,
                 const float *value) {
    enum cache_format format = cache->format;
    size_t d_head = cache->d_head, n = numbers_in_place(format);
    unsigned char *tile =
        (unsigned char *)cache->keys + position / KEY_TILE * key_tile_bytes(format, d_head);
    for (size_t i = 0; i < d_head; i++)
        put(format, tile + i / n * LINE, position % KEY_TILE, i % n, key[i]);
    unsigned char *row = (unsigned char *)cache->values + position / n * value_row_bytes(d_head);
    for (size_t i = 0; i < d_head; i++)
        put(format, row + i / 16 * LINE, i % 16, position % n, value[i]);
}
