/* Sixteen floats in two registers of AVX2. f32x16.h says what each operation does. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef struct {
    __m256 a, b;
} f32x16;

INLINE f32x16 f32x16_zero(void) {
    return (f32x16){_mm256_setzero_ps(), _mm256_setzero_ps()};
}
INLINE f32x16 f32x16_set(float x) {
    return (f32x16){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
INLINE f32x16 f32x16_load(const void *p) {
    return (f32x16){_mm256_loadu_ps(p), _mm256_loadu_ps((const float *)((const char *)p + 32))};
}
INLINE void f32x16_store(void *p, f32x16 v) {
    _mm256_storeu_ps(p, v.a);
    _mm256_storeu_ps((float *)((char *)p + 32), v.b);
}
INLINE f32x16 f32x16_add(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
INLINE f32x16 f32x16_mul(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
INLINE f32x16 f32x16_div(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
INLINE f32x16 f32x16_max(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
INLINE f32x16 f32x16_min(f32x16 x, f32x16 y) {
    return (f32x16){_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
INLINE f32x16 f32x16_fma(f32x16 x, f32x16 y, f32x16 z) {
    return (f32x16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
INLINE float f32x16_sum(f32x16 v) {
    __m256 sum = _mm256_add_ps(v.a, v.b);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
INLINE float f32x16_largest(f32x16 v) {
    __m256 most = _mm256_max_ps(v.a, v.b);
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}
INLINE f32x16 f32x16_round(f32x16 v) {
    return (f32x16){_mm256_round_ps(v.a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC),
                    _mm256_round_ps(v.b, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
INLINE __m256 power_of_2(__m256 v) {
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
INLINE f32x16 f32x16_power_of_2(f32x16 v) {
    return (f32x16){power_of_2(v.a), power_of_2(v.b)};
}
INLINE __m256i eight_lanes(const void *p, size_t first) {
    return _mm256_loadu_si256((const __m256i *)((const char *)p + first * 4));
}
INLINE __m256 bf16_of(__m256i pairs, int which) {
    return _mm256_castsi256_ps(which == 0 ? _mm256_slli_epi32(pairs, 16)
                                          : _mm256_and_si256(pairs, _mm256_set1_epi32(-65536)));
}
INLINE f32x16 f32x16_bf16(const void *p, int which) {
    return (f32x16){bf16_of(eight_lanes(p, 0), which), bf16_of(eight_lanes(p, 8), which)};
}
INLINE __m256 int8_of(__m256i groups, int which) {
    __m256i moved = _mm256_slli_epi32(groups, 24 - 8 * which);
    return _mm256_cvtepi32_ps(_mm256_srai_epi32(moved, 24));
}
INLINE f32x16 f32x16_int8(const void *p, int which) {
    return (f32x16){int8_of(eight_lanes(p, 0), which), int8_of(eight_lanes(p, 8), which)};
}
