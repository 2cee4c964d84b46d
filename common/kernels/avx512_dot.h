/*
 * kernels/avx512_dot.h - prefill with the dot-product instructions of newer processors.
 *
 * For smaller numbers there are instructions that do more at once. One of them multiplies 32 pairs
 * of BF16 numbers and adds each two products to one of 16 floats (AVX512_BF16); another multiplies
 * 64 pairs of bytes and adds each four products to one of 16 whole numbers (AVX512_VNNI). They are
 * like a bulk API that takes smaller records: twice and four times as many per call.
 *
 * Both need the activations in the same small format, which costs some accuracy. BF16 is a
 * rounding. For bytes each block of INT8_BLOCK activations gets a scale of its own, as the weights
 * have: the largest becomes 127. The block's whole numbers are added up exactly, and each block's
 * sum is then worth scale of the weights x scale of the activations. A block with an activation that
 * is infinite or not a number has no such scale: it is worth not a number.
 *
 * The byte instruction wants its first operand without signs. We add 128 to each weight (flipping
 * one bit does it) and start each sum at -128 times the sum of the activations, which takes it off.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define DOT_TARGET                                                                                 \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni,fma")))
#define DOT_INLINE DOT_TARGET static inline __attribute__((always_inline))

enum { DOT_ROWS = 6, BF16_VECTORS = 4, INT8_VECTORS = 2 };
enum { BF16_PAIRS = 128, INT8_BLOCKS = 16 }; // of a panel at a time: 32 KB, the first-level cache

/* --- BF16 ------------------------------------------------------------------------------------- */

DOT_TARGET static void pack_bf16(const float *x, size_t n_in, const struct packed_rows *rows,
                                 size_t row) {
    size_t filled = rows->n_blocks * INT8_BLOCK;
    uint16_t *packed = rows->bf16 + row * filled; // [n_blocks, INT8_BLOCK]
    for (size_t k = 0; k < filled; k += 16) {
        size_t rest = k < n_in ? n_in - k : 0;
        __mmask16 there = (__mmask16)(rest >= 16 ? 0xffffu : (1u << rest) - 1u);
        __m512 in = _mm512_maskz_loadu_ps(there, rest > 0 ? x + k : x);
        _mm256_storeu_si256((__m256i *)(packed + k), (__m256i)_mm512_cvtneps_pbh(in));
    }
}

/* One tile in registers: n_rows (a constant) x BF16_VECTORS. x: n_rows rows of pairs. */
DOT_INLINE void bf16_tile(const uint16_t *x, size_t stride, size_t n_rows, const char *w,
                          size_t n_pairs, const struct start *start, float *out,
                          size_t out_stride) {
    __m512 sums[DOT_ROWS][BF16_VECTORS];
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < BF16_VECTORS; v++)
            sums[r][v] = first_sum(start, v * 16, out + r * out_stride + v * 16);
    }
    for (size_t k = 0; k < n_pairs; k++, w += PANEL * 4) {
        __m512i weights[BF16_VECTORS];
        for (size_t v = 0; v < BF16_VECTORS; v++)
            weights[v] = _mm512_loadu_si512(w + v * 64);
        for (size_t r = 0; r < n_rows; r++) {
            int32_t pair;
            memcpy(&pair, x + r * stride + k * 2, sizeof pair);
            __m512bh in = (__m512bh)_mm512_set1_epi32(pair);
            for (size_t v = 0; v < BF16_VECTORS; v++)
                sums[r][v] = _mm512_dpbf16_ps(sums[r][v], (__m512bh)weights[v], in);
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < BF16_VECTORS; v++)
            _mm512_storeu_ps(out + r * out_stride + v * 16, sums[r][v]);
    }
}

DOT_TARGET static void multiply_bf16(const struct matrix *m, size_t panel,
                                     const struct packed_rows *x, size_t first_row, size_t n_rows,
                                     const struct start *start, float *out, size_t out_stride) {
    const char *w = (const char *)m->data + panel_offset(m, panel);
    size_t stride = x->n_blocks * INT8_BLOCK, n_pairs = groups_of(m->n_in, BF16_GROUP);
    for (size_t k = 0; k < n_pairs; k += BF16_PAIRS) { // a block of 32 KB, and all rows against it
        size_t n = n_pairs - k < BF16_PAIRS ? n_pairs - k : BF16_PAIRS, r = 0;
        const uint16_t *in = x->bf16 + first_row * stride + k * BF16_GROUP;
        const char *block = w + k * PANEL * 4;
        for (; r + DOT_ROWS <= n_rows; r += DOT_ROWS)
            bf16_tile(in + r * stride, stride, DOT_ROWS, block, n, start, out + r * out_stride,
                      out_stride);
        for (; r < n_rows; r++)
            bf16_tile(in + r * stride, stride, 1, block, n, start, out + r * out_stride,
                      out_stride);
        start = NULL; // the next block goes on with what this one has made
    }
}

/* --- int8 ------------------------------------------------------------------------------------- */

DOT_TARGET static void pack_int8(const float *x, size_t n_in, const struct packed_rows *rows,
                                 size_t row) {
    const float too_small = 1e-30f; // 127 / it must be a float; what is smaller counts as 0
    for (size_t b = 0; b < rows->n_blocks; b++) {
        size_t k = b * INT8_BLOCK, at = row * rows->n_blocks + b, rest = n_in - k;
        size_t second = rest > 16 ? k + 16 : k; // where the second half begins, if there is one
        uint32_t there = rest >= INT8_BLOCK ? ~0u : (1u << rest) - 1u;
        __m512 low = _mm512_maskz_loadu_ps((__mmask16)there, x + k);
        __m512 high = _mm512_maskz_loadu_ps((__mmask16)(there >> 16), x + second);
        float largest =
            _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)));
        bool numbers = _mm512_cmp_ps_mask(low, high, _CMP_UNORD_Q) == 0 && isfinite(largest);
        bool used = numbers && largest > too_small;
        __mmask16 all = used ? 0xffff : 0;
        __m512 scale = _mm512_set1_ps(used ? 127.0f / largest : 0.0f);
        __m512i low_int = _mm512_maskz_cvtps_epi32(all, _mm512_mul_ps(low, scale));
        __m512i high_int = _mm512_maskz_cvtps_epi32(all, _mm512_mul_ps(high, scale));
        int8_t *packed = rows->int8 + at * INT8_BLOCK; // [INT8_BLOCK]
        _mm_storeu_si128((__m128i *)packed, _mm512_cvtsepi32_epi8(low_int));
        _mm_storeu_si128((__m128i *)(packed + 16), _mm512_cvtsepi32_epi8(high_int));
        rows->scales[at] = numbers ? largest / 127.0f : NAN;
        rows->starts[at] = -128 * _mm512_reduce_add_epi32(_mm512_add_epi32(low_int, high_int));
    }
}

/* A block of INT8_BLOCK inputs for n_rows rows (a constant) x INT8_VECTORS vectors of outputs. */
DOT_INLINE void int8_block(const int8_t *x, size_t stride, size_t n_rows, const char *w,
                           __m512i sums[DOT_ROWS][INT8_VECTORS]) {
    const __m512i flip = _mm512_set1_epi8(-128);
    for (size_t k = 0; k < INT8_BLOCK; k += INT8_GROUP, w += PANEL * INT8_GROUP) {
        __m512i weights[INT8_VECTORS];
        for (size_t v = 0; v < INT8_VECTORS; v++)
            weights[v] = _mm512_xor_si512(_mm512_loadu_si512(w + v * 64), flip);
        for (size_t r = 0; r < n_rows; r++) {
            int32_t four;
            memcpy(&four, x + r * stride + k, sizeof four);
            __m512i in = _mm512_set1_epi32(four);
            for (size_t v = 0; v < INT8_VECTORS; v++)
                sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], weights[v], in);
        }
    }
}

/* 16 BF16 scales as floats. */
DOT_INLINE __m512 sixteen_scales(const uint16_t *scales) {
    __m256i halves = _mm256_loadu_si256((const __m256i *)scales);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/* n_blocks blocks for n_rows rows (a constant). x is the row and block that they begin with. */
DOT_INLINE void int8_tile(const struct packed_rows *x, size_t at, size_t n_rows, const char *w,
                          const uint16_t *scales, size_t n_blocks, const struct start *start,
                          size_t o, float *out, size_t out_stride) {
    __m512 total[DOT_ROWS][INT8_VECTORS];
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < INT8_VECTORS; v++)
            total[r][v] = first_sum(start, o + v * 16, out + r * out_stride + v * 16);
    }
    for (size_t b = 0; b < n_blocks; b++, at++, w += INT8_BLOCK * PANEL, scales += PANEL) {
        __m512i sums[DOT_ROWS][INT8_VECTORS];
        for (size_t r = 0; r < n_rows; r++) {
            for (size_t v = 0; v < INT8_VECTORS; v++)
                sums[r][v] = _mm512_set1_epi32(x->starts[at + r * x->n_blocks]);
        }
        int8_block(x->int8 + at * INT8_BLOCK, x->n_blocks * INT8_BLOCK, n_rows, w, sums);
        for (size_t v = 0; v < INT8_VECTORS; v++) {
            __m512 weight_scale = sixteen_scales(scales + v * 16);
            for (size_t r = 0; r < n_rows; r++) {
                __m512 in_scale = _mm512_set1_ps(x->scales[at + r * x->n_blocks]);
                total[r][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums[r][v]),
                                              _mm512_mul_ps(weight_scale, in_scale), total[r][v]);
            }
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t v = 0; v < INT8_VECTORS; v++)
            _mm512_storeu_ps(out + r * out_stride + v * 16, total[r][v]);
    }
}

DOT_TARGET static void multiply_int8(const struct matrix *m, size_t panel,
                                     const struct packed_rows *x, size_t first_row, size_t n_rows,
                                     const struct start *start, float *out, size_t out_stride) {
    const char *w = (const char *)m->data + panel_offset(m, panel);
    const uint16_t *scales = m->scales + panel * x->n_blocks * PANEL; // [n_blocks, PANEL]
    for (size_t b = 0; b < x->n_blocks; b += INT8_BLOCKS) {
        size_t n = x->n_blocks - b < INT8_BLOCKS ? x->n_blocks - b : INT8_BLOCKS;
        const char *block = w + b * INT8_BLOCK * PANEL;
        const uint16_t *block_scales = scales + b * PANEL;
        for (size_t o = 0; o < PANEL; o += INT8_VECTORS * 16) {
            size_t r = 0;
            for (; r + DOT_ROWS <= n_rows; r += DOT_ROWS)
                int8_tile(x, (first_row + r) * x->n_blocks + b, DOT_ROWS, block + o * INT8_GROUP,
                          block_scales + o, n, start, o, out + r * out_stride + o, out_stride);
            for (; r < n_rows; r++)
                int8_tile(x, (first_row + r) * x->n_blocks + b, 1, block + o * INT8_GROUP,
                          block_scales + o, n, start, o, out + r * out_stride + o, out_stride);
        }
        start = NULL;
    }
}
