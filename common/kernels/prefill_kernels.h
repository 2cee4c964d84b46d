/*
 * kernels/prefill_kernels.h - many rows of activations times a matrix.
 *
 * A prompt of 512 tokens uses every weight 512 times, so now arithmetic is the limit, and the art is
 * to keep the multipliers fed: a number that has come all the way from memory must be used as often
 * as possible before it is dropped, like a batch job that loads a shard once and runs all queries
 * against it.
 *
 *   - UNPACKED inputs of one panel at a time are unpacked to floats: UNPACKED x PANEL of them, 32 KB,
 *     which nearly fill the first-level cache. (Whatever the format was; this also undoes the strides
 *     of the file, which the cache does not like.)
 *   - All rows run over this block, TILE_ROWS at a time. A tile of TILE_ROWS rows x TILE_VECTORS
 *     vectors of outputs stays in registers: for each input k, one load of weights serves
 *     TILE_ROWS multiplications, and one load of an activation TILE_VECTORS.
 *
 * The sum of an output is added up in the order of k, whatever the tile: results don't depend on
 * how many rows come at once.
 */

/* A tile in registers: n_rows x TILE_VECTORS. The caller gives n_rows as a constant. */
INLINE void multiply_tile(const float *x, size_t x_stride, size_t n_rows, const float *packed,
                          size_t n_k, f32x16 sums[TILE_ROWS][TILE_VECTORS]) {
    for (size_t k = 0; k < n_k; k++) {
        f32x16 w[TILE_VECTORS];
        for (size_t v = 0; v < TILE_VECTORS; v++)
            w[v] = f32x16_load(packed + k * PANEL + v * 16);
        for (size_t r = 0; r < n_rows; r++) {
            f32x16 in = f32x16_set(x[r * x_stride + k]);
            for (size_t v = 0; v < TILE_VECTORS; v++)
                sums[r][v] = f32x16_fma(in, w[v], sums[r][v]);
        }
    }
}

/* What a vector of outputs begins with. o: its place in the panel */
INLINE f32x16 first_sum(const struct start *start, size_t o, const float *out) {
    if (start == NULL)
        return f32x16_load(out);
    f32x16 bias = f32x16_load(start->bias + o);
    return start->replace ? bias : f32x16_add(f32x16_load(out), bias);
}

/* The outputs of a tile, which begin at place o of the panel. */
INLINE void add_tile(const float *x, size_t x_stride, size_t n_rows, const float *packed,
                     size_t n_k, const struct start *start, size_t o, float *out,
                     size_t out_stride) {
    f32x16 sums[TILE_ROWS][TILE_VECTORS];
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < TILE_VECTORS; v++)
            sums[r][v] = first_sum(start, o + v * 16, out + r * out_stride + v * 16);
    }
    multiply_tile(x, x_stride, n_rows, packed, n_k, sums);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < TILE_VECTORS; v++)
            f32x16_store(out + r * out_stride + v * 16, sums[r][v]);
    }
}

TARGET static void multiply_rows(const float *x, size_t x_stride, size_t n_rows,
                                 const float *packed, size_t n_k, const struct start *start,
                                 float *out, size_t out_stride) {
    for (size_t o = 0; o < PANEL; o += TILE_VECTORS * 16) {
        size_t r = 0;
        for (; r + TILE_ROWS <= n_rows; r += TILE_ROWS)
            add_tile(x + r * x_stride, x_stride, TILE_ROWS, packed + o, n_k, start, o,
                     out + r * out_stride + o, out_stride);
        for (; r + 2 <= n_rows; r += 2)
            add_tile(x + r * x_stride, x_stride, 2, packed + o, n_k, start, o,
                     out + r * out_stride + o, out_stride);
        if (r < n_rows)
            add_tile(x + r * x_stride, x_stride, 1, packed + o, n_k, start, o,
                     out + r * out_stride + o, out_stride);
    }
}

/* --- unpacking -------------------------------------------------------------------------------- */

INLINE void unpack_in_out(const struct matrix *m, size_t first, size_t n, size_t k, size_t n_k,
                          float *packed) {
    for (size_t i = 0; i < n_k; i++) {
        const char *row = (const char *)m->data + ((k + i) * m->n_out + first) * sizeof(float);
        // Rows are far apart, which no processor foresees: ask for those of the next call.
        const char *next = row + n_k * m->n_out * sizeof(float);
        for (size_t line = 0; line <= PANEL * sizeof(float); line += 64)
            __builtin_prefetch(next + line, 0, 2);
        if (n < PANEL)
            memset(packed + i * PANEL, 0, PANEL * sizeof *packed);
        memcpy(packed + i * PANEL, row, n * sizeof *packed);
    }
}

INLINE void unpack_out_in(const struct matrix *m, size_t first, size_t n, size_t k, size_t n_k,
                          float *packed) {
    for (size_t o = 0; o < PANEL; o++) {
        const char *row = (const char *)m->data + ((first + o) * m->n_in + k) * sizeof(float);
        for (size_t i = 0; i < n_k; i++) {
            float weight = 0.0f;
            if (o < n)
                memcpy(&weight, row + i * sizeof weight, sizeof weight);
            packed[i * PANEL + o] = weight;
        }
    }
}

INLINE void unpack_bf16(const struct matrix *m, size_t panel, size_t k, size_t n_k, float *packed) {
    const char *w = (const char *)m->data + panel_offset(m, panel) + k * PANEL * sizeof(uint16_t);
    for (size_t i = 0; i < n_k; i++) {
        const char *group = w + i / BF16_GROUP * PANEL * 4;
        for (size_t v = 0; v < PANEL / 16; v++)
            f32x16_store(packed + i * PANEL + v * 16,
                         f32x16_bf16(group + v * 64, (int)(i % BF16_GROUP)));
    }
}

INLINE void unpack_int8(const struct matrix *m, size_t panel, size_t k, size_t n_k, float *packed) {
    const char *w = (const char *)m->data + panel_offset(m, panel) + k * PANEL;
    size_t n_blocks = groups_of(m->n_in, INT8_BLOCK);
    const uint16_t *scales = m->scales + (panel * n_blocks + k / INT8_BLOCK) * PANEL;
    for (size_t i = 0; i < n_k; i++) {
        const char *group = w + i / INT8_GROUP * PANEL * INT8_GROUP;
        for (size_t v = 0; v < PANEL / 16; v++) {
            f32x16 scale = scales_of(scales + i / INT8_BLOCK * PANEL, v * 16);
            f32x16 whole = f32x16_int8(group + v * 64, (int)(i % INT8_GROUP));
            f32x16_store(packed + i * PANEL + v * 16, f32x16_mul(whole, scale));
        }
    }
}

TARGET static void unpack(const struct matrix *m, size_t panel, size_t k, size_t n_k,
                          float *packed) {
    size_t first = panel * PANEL;
    size_t n = m->n_out - first < PANEL ? m->n_out - first : PANEL;
    switch (m->format) {
    case MATRIX_F32_IN_OUT:
        unpack_in_out(m, first, n, k, n_k, packed);
        break;
    case MATRIX_F32_OUT_IN:
        unpack_out_in(m, first, n, k, n_k, packed);
        break;
    case MATRIX_BF16:
        unpack_bf16(m, panel, k, n_k, packed);
        break;
    case MATRIX_INT8:
        unpack_int8(m, panel, k, n_k, packed);
        break;
    }
}
