/*
 * kernels/avx512_dot_row.h - one row of activations times int8 weights, by dot products of bytes.
 *
 * This does for the one token of decode what avx512_dot.h does for the many tokens of a prompt. There
 * the instruction saves arithmetic; here it saves the conversion. Turning bytes into floats takes three
 * instructions for every sixteen weights, and at a quarter of a float's bytes memory delivers them
 * faster than that: like a consumer that parses each record of a queue, when it could add up the
 * raw records a batch at a time. So the activations become bytes too, a block of INT8_BLOCK at a
 * time, once for the whole matrix (avx512_dot.h says what that rounds), and 64 weights take one
 * instruction.
 *
 * The panels are cut into two parts, a panel of each at a time: two streams of memory.
 */

/* A block of INT8_BLOCK inputs of one panel: the sums of its outputs, in whole numbers. start: what
 * they begin with, x->starts of the block */
DOT_INLINE void int8_row_block(const int8_t *x, int32_t start, const char *w,
                               __m512i sums[PANEL_VECTORS]) {
    const __m512i flip = _mm512_set1_epi8(-128); // weights without signs: see avx512_dot.h
    for (size_t v = 0; v < PANEL_VECTORS; v++)
        sums[v] = _mm512_set1_epi32(start);
    for (size_t k = 0; k < INT8_BLOCK; k += INT8_GROUP, w += PANEL * INT8_GROUP) {
        int32_t four;
        memcpy(&four, x + k, sizeof four);
        __m512i in = _mm512_set1_epi32(four);
        for (size_t v = 0; v < PANEL_VECTORS; v++) {
            __m512i weights = _mm512_xor_si512(_mm512_loadu_si512(w + v * 64), flip);
            sums[v] = _mm512_dpbusd_epi32(sums[v], weights, in);
        }
    }
}

/* Adds n_streams (a constant) panels times x to their outputs. Panel i is panels_apart panels after
 * panel i - 1. w, scales, out: the first one's */
DOT_INLINE void add_int8_panels(const struct packed_rows *x, const char *w, const uint16_t *scales,
                                size_t panels_apart, float *out, size_t n_streams) {
    __m512 total[PANEL_STREAMS][PANEL_VECTORS];
    size_t w_apart = panels_apart * x->n_blocks * INT8_BLOCK * PANEL;
    size_t scales_apart = panels_apart * x->n_blocks * PANEL;
    for (size_t i = 0; i < n_streams; i++) {
        for (size_t v = 0; v < PANEL_VECTORS; v++)
            total[i][v] = _mm512_loadu_ps(out + i * panels_apart * PANEL + v * 16);
    }
    for (size_t b = 0; b < x->n_blocks; b++, w += INT8_BLOCK * PANEL, scales += PANEL) {
        __m512 in_scale = _mm512_set1_ps(x->scales[b]);
        for (size_t i = 0; i < n_streams; i++) {
            __m512i sums[PANEL_VECTORS];
            int8_row_block(x->int8 + b * INT8_BLOCK, x->starts[b], w + i * w_apart, sums);
            for (size_t v = 0; v < PANEL_VECTORS; v++) {
                __m512 scale = sixteen_scales(scales + i * scales_apart + v * 16);
                total[i][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[v]),
                                              _mm512_mul_ps(scale, in_scale), total[i][v]);
            }
        }
    }
    for (size_t i = 0; i < n_streams; i++) {
        for (size_t v = 0; v < PANEL_VECTORS; v++)
            _mm512_storeu_ps(out + i * panels_apart * PANEL + v * 16, total[i][v]);
    }
}

DOT_TARGET static void multiply_int8_row(const struct matrix *m, const struct packed_rows *x,
                                         size_t first, size_t n, float *out) {
    size_t n_panels = n / PANEL, part = n_panels / PANEL_STREAMS, panel = first / PANEL;
    const char *w = (const char *)m->data + panel_offset(m, panel);
    const uint16_t *scales = m->scales + panel * x->n_blocks * PANEL; // [n_blocks, PANEL]
    for (size_t p = 0; p < part; p++)
        add_int8_panels(x, w + panel_offset(m, p), scales + p * x->n_blocks * PANEL, part,
                        out + p * PANEL, PANEL_STREAMS);
    for (size_t p = part * PANEL_STREAMS; p < n_panels; p++)
        add_int8_panels(x, w + panel_offset(m, p), scales + p * x->n_blocks * PANEL, 0,
                        out + p * PANEL, 1);
}
