/*
 * kernels/attention_kernels.h - queries against the KV cache.
 *
 * A query is compared with every key before it: a scan over the cache. Keys stand in tiles of
 * KEY_TILE = 16 positions, a line for each of the key's numbers (in BF16, for each pair of them), so
 * that sixteen scores grow side by side in one vector and nothing has to be added up across it: a
 * column store again. Values stand as rows (in BF16, a row for two positions), because each is
 * multiplied by one weight as a whole. During prefill QUERIES queries read each tile together.
 */

enum { QUERIES = ATTEND_TOGETHER, TILES = 2, VALUE_VECTORS = 4 };

/* A line's sixteen floats, or number `which` of each of its pairs. format: a constant */
INLINE f32x16 cached(enum cache_format format, const char *line, size_t which) {
    return format == CACHE_F32 ? f32x16_load(line) : f32x16_bf16(line, (int)which);
}

/* Scores of n_rows queries against n_tiles tiles side by side (constants at the call). */
INLINE void score_tiles(enum cache_format format, const float *queries, size_t query_stride,
                        size_t n_rows, const char *keys, size_t n_tiles, size_t d_head,
                        f32x16 scale, float *scores, size_t score_stride) {
    size_t n = numbers_in_place(format), tile = key_tile_bytes(format, d_head);
    f32x16 sums[QUERIES][TILES];
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t t = 0; t < n_tiles; t++)
            sums[r][t] = f32x16_zero();
    }
    for (size_t i = 0; i < d_head; i += n, keys += LINE) {
        for (size_t j = 0; j < n && i + j < d_head; j++) {
            for (size_t r = 0; r < n_rows; r++) {
                f32x16 q = f32x16_set(queries[r * query_stride + i + j]);
                for (size_t t = 0; t < n_tiles; t++)
                    sums[r][t] = f32x16_fma(q, cached(format, keys + t * tile, j), sums[r][t]);
            }
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t t = 0; t < n_tiles; t++)
            f32x16_store(scores + r * score_stride + t * KEY_TILE, f32x16_mul(sums[r][t], scale));
    }
}

/* Adds the value at one position to the queries from first_row on, by each one's weight for it.
 * weights: that position's; which: its number in `line` (all else: constants) */
INLINE void add_value(enum cache_format format, const float *weights, size_t weight_stride,
                      size_t first_row, size_t n_rows, const char *line, size_t which,
                      size_t n_vectors, f32x16 *sums) {
    for (size_t r = first_row; r < n_rows; r++) {
        f32x16 weight = f32x16_set(weights[r * weight_stride]);
        for (size_t v = 0; v < n_vectors; v++)
            sums[r * n_vectors + v] =
                f32x16_fma(weight, cached(format, line + v * LINE, which), sums[r * n_vectors + v]);
    }
}

/*
 * sums = weights times values: n_vectors vectors for each of n_rows queries (constants), the first
 * of which sees n_keys positions and each other one more than the one before it. What a query does
 * not see is not added with a weight of 0 either: 0 times infinity is no number.
 */
INLINE void blend(enum cache_format format, const float *weights, size_t weight_stride,
                  size_t n_rows, const char *values, size_t value_row, size_t n_keys,
                  size_t n_vectors, f32x16 *sums) {
    size_t n = numbers_in_place(format), s = 0;
    for (size_t i = 0; i < n_rows * n_vectors; i++)
        sums[i] = f32x16_zero();
    for (; s + n <= n_keys; s += n) {
        for (size_t j = 0; j < n; j++)
            add_value(format, weights + s + j, weight_stride, 0, n_rows, values + s / n * value_row,
                      j, n_vectors, sums);
    }
    if (s < n_keys)
        add_value(format, weights + s, weight_stride, 0, n_rows, values + s / n * value_row, 0,
                  n_vectors, sums);
    for (size_t more = 1; more < n_rows; more++) {
        s = n_keys + more - 1;
        add_value(format, weights + s, weight_stride, more, n_rows, values + s / n * value_row,
                  s % n, n_vectors, sums);
    }
}

/* The contexts of n_rows queries (a constant): a few vectors of the values at a time. */
INLINE void blend_values(enum cache_format format, const float *weights, size_t weight_stride,
                         size_t n_rows, const char *values, size_t n_keys, size_t d_head,
                         float *contexts, size_t context_stride) {
    size_t row = value_row_bytes(d_head), d = 0;
    f32x16 sums[QUERIES * VALUE_VECTORS];
    for (; d + 16 * VALUE_VECTORS <= d_head; d += 16 * VALUE_VECTORS) {
        blend(format, weights, weight_stride, n_rows, values + d / 16 * LINE, row, n_keys,
              VALUE_VECTORS, sums);
        for (size_t r = 0; r < n_rows; r++) {
            for (size_t v = 0; v < VALUE_VECTORS; v++)
                f32x16_store(contexts + r * context_stride + d + v * 16,
                             sums[r * VALUE_VECTORS + v]);
        }
    }
    for (; d < d_head; d += 16) {
        size_t rest = d_head - d < 16 ? d_head - d : 16;
        blend(format, weights, weight_stride, n_rows, values + d / 16 * LINE, row, n_keys, 1, sums);
        for (size_t r = 0; r < n_rows; r++)
            store_some(contexts + r * context_stride + d, rest, sums[r]);
    }
}

/* n_rows queries (format, n_rows: constants), the first of which sees n_keys keys, the next one more,
 * and so on. */
INLINE void attend_rows(enum cache_format format, const struct head_cache *cache,
                        const float *queries, size_t query_stride, size_t n_rows, size_t n_keys,
                        float *scores, size_t score_stride, float *contexts,
                        size_t context_stride) {
    size_t most = n_keys + n_rows - 1, n_tiles = groups_of(most, KEY_TILE), t = 0;
    size_t d_head = cache->d_head, tile = key_tile_bytes(format, d_head);
    const char *keys = cache->keys;
    f32x16 scale = f32x16_set(1.0f / sqrtf((float)d_head));
    for (; t + TILES <= n_tiles; t += TILES)
        score_tiles(format, queries, query_stride, n_rows, keys + t * tile, TILES, d_head, scale,
                    scores + t * KEY_TILE, score_stride);
    for (; t < n_tiles; t++)
        score_tiles(format, queries, query_stride, n_rows, keys + t * tile, 1, d_head, scale,
                    scores + t * KEY_TILE, score_stride);
    for (size_t r = 0; r < n_rows; r++) {
        // The causal mask: a query sees the keys up to its own. blend leaves out the others.
        softmax(scores + r * score_stride, n_keys + r);
    }
    blend_values(format, scores, score_stride, n_rows, cache->values, n_keys, d_head, contexts,
                 context_stride);
}

INLINE void attend_in(enum cache_format format, const struct head_cache *cache,
                      const float *queries, size_t query_stride, size_t n_rows, size_t n_keys,
                      float *scores, size_t score_stride, float *contexts, size_t context_stride) {
    size_t r = 0;
    for (; r + QUERIES <= n_rows; r += QUERIES)
        attend_rows(format, cache, queries + r * query_stride, query_stride, QUERIES, n_keys + r,
                    scores, score_stride, contexts + r * context_stride, context_stride);
    for (; r < n_rows; r++)
        attend_rows(format, cache, queries + r * query_stride, query_stride, 1, n_keys + r, scores,
                    score_stride, contexts + r * context_stride, context_stride);
}

TARGET static void attend(const struct head_cache *cache, const float *queries, size_t query_stride,
                          size_t n_rows, size_t n_keys, float *scores, size_t score_stride,
                          float *contexts, size_t context_stride) {
    if (cache->format == CACHE_F32)
        attend_in(CACHE_F32, cache, queries, query_stride, n_rows, n_keys, scores, score_stride,
                  contexts, context_stride);
    else
        attend_in(CACHE_BF16, cache, queries, query_stride, n_rows, n_keys, scores, score_stride,
                  contexts, context_stride);
}
