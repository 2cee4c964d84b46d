/* Sixteen floats in one register of AVX-512. f32x16.h says what each operation does. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef __m512 f32x16;

INLINE f32x16 f32x16_zero(void) {
    return _mm512_setzero_ps();
}
INLINE f32x16 f32x16_set(float x) {
    return _mm512_set1_ps(x);
}
INLINE f32x16 f32x16_load(const void *p) {
    return _mm512_loadu_ps(p);
}
INLINE void f32x16_store(void *p, f32x16 v) {
    _mm512_storeu_ps(p, v);
}
INLINE f32x16 f32x16_add(f32x16 a, f32x16 b) {
    return _mm512_add_ps(a, b);
}
INLINE f32x16 f32x16_mul(f32x16 a, f32x16 b) {
    return _mm512_mul_ps(a, b);
}
INLINE f32x16 f32x16_div(f32x16 a, f32x16 b) {
    return _mm512_div_ps(a, b);
}
INLINE f32x16 f32x16_max(f32x16 a, f32x16 b) {
    return _mm512_max_ps(a, b);
}
INLINE f32x16 f32x16_min(f32x16 a, f32x16 b) {
    return _mm512_min_ps(a, b);
}
INLINE f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
    return _mm512_fmadd_ps(a, b, c);
}
INLINE float f32x16_sum(f32x16 v) {
    return _mm512_reduce_add_ps(v);
}
INLINE float f32x16_largest(f32x16 v) {
    return _mm512_reduce_max_ps(v);
}
INLINE f32x16 f32x16_round(f32x16 v) {
    // Not _mm512_roundscale_ps: without optimization it is a macro, in which gcc finds a sign
    // conversion. A float of 1.5 * 2^23 has no room for fractions.
    __m512 large = _mm512_set1_ps(12582912.0f);
    return _mm512_sub_ps(_mm512_add_ps(v, large), large);
}
INLINE f32x16 f32x16_power_of_2(f32x16 v) {
    __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}
INLINE f32x16 f32x16_bf16(const void *p, int which) {
    __m512i pairs = _mm512_loadu_si512(p);
    return _mm512_castsi512_ps(which == 0 ? _mm512_slli_epi32(pairs, 16)
                                          : _mm512_and_si512(pairs, _mm512_set1_epi32(-65536)));
}
INLINE f32x16 f32x16_int8(const void *p, int which) {
    __m512i moved = _mm512_slli_epi32(_mm512_loadu_si512(p), (unsigned)(24 - 8 * which));
    return _mm512_cvtepi32_ps(_mm512_srai_epi32(moved, 24));
}
