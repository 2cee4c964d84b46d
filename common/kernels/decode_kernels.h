/*
 * kernels/decode_kernels.h - one row of activations times a matrix.
 *
 * To write one token, the engine reads every weight once and uses it once. A processor can
 * calculate tens of times faster than memory delivers, so this is a table scan: what counts is to read
 * the weights in an order that the memory likes, each byte once, with nothing waiting in between.
 *
 *   - Floats [n_in, n_out]: the rows in two parts of equal length, a row of each part at a
 *     time. So there are two streams, and each runs from its first byte to its last without a jump;
 *     two neighbouring rows would be two streams that end and begin anew with every row. The sums of
 *     all outputs stay in the first-level cache. We ask for each stream's bytes AHEAD of their use,
 *     because the processor's own guesses stop at a 4 KB boundary.
 *   - [n_out, n_in]: the outputs in two parts, each a stream, in the same way.
 *   - Panels of BF16: the panels in two parts, a panel of each at a time. Panels of int8: one stream.
 *     These run on for long enough that the processor guesses them.
 *
 * BF16 weights are half the bytes and so nearly twice as fast: widening them to float on the way costs
 * less time than reading the bytes they save. int8 weights are a quarter, but less than four times as
 * fast, since widening them takes longer than memory does. The activations stay floats here, so
 * decoding loses nothing beyond what the stored weights have lost. (Where int8 has an instruction of
 * its own, avx512_dot_row.h decodes it, and rounds the activations for it.)
 */

enum { STREAMS = 2, AHEAD = 1024 }; // AHEAD: in bytes

/*
 * Adds n_streams (a constant, so that the compiler unrolls the loops) rows of weights to n outputs.
 * Row i begins bytes_apart bytes after row i - 1 and is worth x[i * x_apart].
 */
INLINE void add_rows(float *out, size_t n, const char *w, size_t bytes_apart, const float *x,
                     size_t x_apart, size_t n_streams) {
    f32x16 in[STREAMS];
    size_t o = 0;
    for (size_t i = 0; i < n_streams; i++)
        in[i] = f32x16_set(x[i * x_apart]);
    for (; o + 16 <= n; o += 16, w += sizeof(f32x16)) {
        f32x16 sum = f32x16_load(out + o);
        for (size_t i = 0; i < n_streams; i++) {
            __builtin_prefetch(w + i * bytes_apart + AHEAD);
            sum = f32x16_fma(in[i], f32x16_load(w + i * bytes_apart), sum);
        }
        f32x16_store(out + o, sum);
    }
    // Fewer than 16 outputs may be the end of the matrix, so no more is read.
    for (; o < n; o++, w += sizeof(float)) {
        for (size_t i = 0; i < n_streams; i++) {
            float weight;
            memcpy(&weight, w + i * bytes_apart, sizeof weight);
            out[o] += x[i * x_apart] * weight;
        }
    }
}

INLINE void row_times_in_out(const struct matrix *m, const float *x, size_t first, size_t n,
                             float *out) {
    size_t stride = m->n_out * sizeof(float), part = m->n_in / STREAMS;
    const char *w = (const char *)m->data + first * sizeof(float);
    for (size_t k = 0; k < part; k++)
        add_rows(out, n, w + k * stride, part * stride, x + k, part, STREAMS);
    for (size_t k = part * STREAMS; k < m->n_in; k++)
        add_rows(out, n, w + k * stride, 0, x + k, 0, 1);
}

/* Adds n_streams (a constant) dot products of x with rows of weights to outputs. Row i begins
 * rows_apart rows after row i - 1, and so does its output. */
INLINE void dot_rows(const char *w, const float *x, size_t n_in, float *out, size_t rows_apart,
                     size_t n_streams) {
    f32x16 sums[STREAMS];
    size_t stride = rows_apart * n_in * sizeof(float), k = 0;
    for (size_t i = 0; i < n_streams; i++)
        sums[i] = f32x16_zero();
    for (; k + 16 <= n_in; k += 16) {
        f32x16 in = f32x16_load(x + k);
        for (size_t i = 0; i < n_streams; i++) {
            const char *weights = w + i * stride + k * sizeof(float);
            __builtin_prefetch(weights + AHEAD);
            sums[i] = f32x16_fma(in, f32x16_load(weights), sums[i]);
        }
    }
    for (size_t i = 0; i < n_streams; i++) {
        float sum = f32x16_sum(sums[i]);
        for (size_t j = k; j < n_in; j++) {
            float weight;
            memcpy(&weight, w + i * stride + j * sizeof weight, sizeof weight);
            sum += x[j] * weight;
        }
        out[i * rows_apart] += sum;
    }
}

INLINE void row_times_out_in(const struct matrix *m, const float *x, size_t first, size_t n,
                             float *out) {
    size_t stride = m->n_in * sizeof(float), part = n / STREAMS;
    const char *w = (const char *)m->data + first * stride;
    for (size_t o = 0; o < part; o++)
        dot_rows(w + o * stride, x, m->n_in, out + o, part, STREAMS);
    for (size_t o = part * STREAMS; o < n; o++)
        dot_rows(w + o * stride, x, m->n_in, out + o, 0, 1);
}

enum {
    PANEL_VECTORS = PANEL / 16,
    PANEL_STREAMS = 2,
    BF16_GROUP_BYTES = PANEL * BF16_GROUP * sizeof(uint16_t), // of a panel
};

/* Adds a panel's sums to its outputs. out: [PANEL] */
INLINE void add_panel(float *out, const f32x16 sums[PANEL_VECTORS]) {
    for (size_t v = 0; v < PANEL_VECTORS; v++)
        f32x16_store(out + v * 16, f32x16_add(f32x16_load(out + v * 16), sums[v]));
}

/* Adds n_streams (a constant) panels times x to their outputs. Panel i is panels_apart panels after
 * panel i - 1. w, out: the first one's */
INLINE void add_bf16_panels(const char *w, size_t panels_apart, const float *x, size_t n_in,
                            float *out, size_t n_streams) {
    f32x16 sums[PANEL_STREAMS][PANEL_VECTORS];
    size_t panel_bytes = groups_of(n_in, BF16_GROUP) * BF16_GROUP_BYTES;
    for (size_t i = 0; i < n_streams; i++) {
        for (size_t v = 0; v < PANEL_VECTORS; v++)
            sums[i][v] = f32x16_load(out + i * panels_apart * PANEL + v * 16);
    }
    for (size_t k = 0; k < n_in; k += BF16_GROUP, w += BF16_GROUP_BYTES) {
        f32x16 x0 = f32x16_set(x[k]), x1 = f32x16_set(k + 1 < n_in ? x[k + 1] : 0.0f);
        for (size_t i = 0; i < n_streams; i++) {
            for (size_t v = 0; v < PANEL_VECTORS; v++) {
                const char *pairs = w + i * panels_apart * panel_bytes + v * 64;
                sums[i][v] = f32x16_fma(x0, f32x16_bf16(pairs, 0), sums[i][v]);
                sums[i][v] = f32x16_fma(x1, f32x16_bf16(pairs, 1), sums[i][v]);
            }
        }
    }
    for (size_t i = 0; i < n_streams; i++) {
        for (size_t v = 0; v < PANEL_VECTORS; v++)
            f32x16_store(out + i * panels_apart * PANEL + v * 16, sums[i][v]);
    }
}

INLINE void row_times_bf16(const struct matrix *m, const float *x, size_t first, size_t n,
                           float *out) {
    size_t n_panels = n / PANEL, part = n_panels / PANEL_STREAMS;
    const char *w = (const char *)m->data + panel_offset(m, first / PANEL);
    for (size_t p = 0; p < part; p++)
        add_bf16_panels(w + panel_offset(m, p), part, x, m->n_in, out + p * PANEL, PANEL_STREAMS);
    for (size_t p = part * PANEL_STREAMS; p < n_panels; p++)
        add_bf16_panels(w + panel_offset(m, p), 0, x, m->n_in, out + p * PANEL, 1);
}

/* A block's scales as floats: PANEL BF16 numbers, 16 from `first` on. */
INLINE f32x16 scales_of(const uint16_t *scales, size_t first) {
    uint32_t bits[16];
    for (size_t i = 0; i < 16; i++)
        bits[i] = (uint32_t)scales[first + i] << 16;
    return f32x16_load(bits);
}

/* One block of INT8_BLOCK inputs times a panel. x: [INT8_BLOCK]
 * A sum waits four cycles for the one before it, so each output has CHAINS of them, as many as
 * registers allow. */
INLINE void add_int8_block(f32x16 sums[PANEL_VECTORS], const char *w, const uint16_t *scales,
                           const float *x) {
    f32x16 block[CHAINS][PANEL_VECTORS];
    for (size_t c = 0; c < CHAINS; c++) {
        for (size_t v = 0; v < PANEL_VECTORS; v++)
            block[c][v] = f32x16_zero();
    }
    for (size_t k = 0; k < INT8_BLOCK; k += INT8_GROUP, w += PANEL * INT8_GROUP) {
        for (int i = 0; i < INT8_GROUP; i++) {
            f32x16 in = f32x16_set(x[k + (size_t)i]);
            for (size_t v = 0; v < PANEL_VECTORS; v++)
                block[i % CHAINS][v] =
                    f32x16_fma(in, f32x16_int8(w + v * 64, i), block[i % CHAINS][v]);
        }
    }
    for (size_t v = 0; v < PANEL_VECTORS; v++) {
        for (size_t c = 1; c < CHAINS; c++)
            block[0][v] = f32x16_add(block[0][v], block[c][v]);
        sums[v] = f32x16_fma(block[0][v], scales_of(scales, v * 16), sums[v]);
    }
}

INLINE void panel_times_int8(const struct matrix *m, const float *x, size_t panel, float *out) {
    const char *w = (const char *)m->data + panel_offset(m, panel);
    size_t n_blocks = groups_of(m->n_in, INT8_BLOCK);
    const uint16_t *scales = m->scales + panel * n_blocks * PANEL; // [n_blocks, PANEL]
    f32x16 sums[PANEL_VECTORS];
    for (size_t v = 0; v < PANEL_VECTORS; v++)
        sums[v] = f32x16_zero();
    for (size_t b = 0; b < n_blocks; b++, w += INT8_BLOCK * PANEL, scales += PANEL) {
        size_t k = b * INT8_BLOCK, rest = m->n_in - k;
        float filled[INT8_BLOCK] = {0};
        const float *block = x + k;
        if (rest < INT8_BLOCK) { // the last block may be short
            memcpy(filled, block, rest * sizeof *filled);
            block = filled;
        }
        add_int8_block(sums, w, scales, block);
    }
    add_panel(out, sums);
}

TARGET static void multiply_row(const struct matrix *m, const float *x, size_t first, size_t n,
                                float *out) {
    switch (m->format) {
    case MATRIX_F32_IN_OUT:
        row_times_in_out(m, x, first, n, out);
        break;
    case MATRIX_F32_OUT_IN:
        row_times_out_in(m, x, first, n, out);
        break;
    case MATRIX_BF16:
        row_times_bf16(m, x, first, n, out);
        break;
    case MATRIX_INT8:
        for (size_t o = 0; o < n; o += PANEL)
            panel_times_int8(m, x, (first + o) / PANEL, out + o);
        break;
    }
}
