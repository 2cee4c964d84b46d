/*
 * Sixteen floats in plain C: loops that a compiler turns into whatever vector instructions it
 * knows. f32x16.h says what each operation does.
 */
#include <stdint.h>
#include <string.h>

#define TARGET
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    float lane[16];
} f32x16;

INLINE f32x16 f32x16_set(float x) {
    f32x16 v;
    for (size_t i = 0; i < 16; i++)
        v.lane[i] = x;
    return v;
}
INLINE f32x16 f32x16_zero(void) {
    return f32x16_set(0.0f);
}
INLINE f32x16 f32x16_load(const void *p) {
    f32x16 v;
    memcpy(v.lane, p, sizeof v.lane);
    return v;
}
INLINE void f32x16_store(void *p, f32x16 v) {
    memcpy(p, v.lane, sizeof v.lane);
}
INLINE f32x16 f32x16_add(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 16; i++)
        a.lane[i] += b.lane[i];
    return a;
}
INLINE f32x16 f32x16_mul(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 16; i++)
        a.lane[i] *= b.lane[i];
    return a;
}
INLINE f32x16 f32x16_div(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 16; i++)
        a.lane[i] /= b.lane[i];
    return a;
}
INLINE f32x16 f32x16_max(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 16; i++)
        a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
INLINE f32x16 f32x16_min(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 16; i++)
        a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
}
INLINE f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
    for (size_t i = 0; i < 16; i++)
        c.lane[i] += a.lane[i] * b.lane[i];
    return c;
}
INLINE float f32x16_sum(f32x16 v) {
    for (size_t width = 8; width > 0; width /= 2) {
        for (size_t i = 0; i < width; i++)
            v.lane[i] += v.lane[i + width];
    }
    return v.lane[0];
}
INLINE float f32x16_largest(f32x16 v) {
    float largest = v.lane[0];
    for (size_t i = 1; i < 16; i++)
        largest = v.lane[i] > largest ? v.lane[i] : largest;
    return largest;
}
INLINE f32x16 f32x16_round(f32x16 v) {
    const float large = 12582912.0f; // 1.5 * 2^23: a float of this size has no room for fractions
    for (size_t i = 0; i < 16; i++) {
        float whole = v.lane[i] + large;
        v.lane[i] = whole - large;
    }
    return v;
}
INLINE f32x16 f32x16_power_of_2(f32x16 v) {
    for (size_t i = 0; i < 16; i++) {
        // A NaN has no whole number; any power will do, it is multiplied with the NaN later.
        int32_t n = v.lane[i] >= -127.0f && v.lane[i] <= 128.0f ? (int32_t)v.lane[i] : 0;
        uint32_t bits = (uint32_t)(n + 127) << 23;
        memcpy(&v.lane[i], &bits, sizeof bits);
    }
    return v;
}
INLINE f32x16 f32x16_bf16(const void *p, int which) {
    f32x16 v;
    uint32_t pairs[16];
    memcpy(pairs, p, sizeof pairs);
    for (size_t i = 0; i < 16; i++)
        pairs[i] = which == 0 ? pairs[i] << 16 : pairs[i] & 0xffff0000u;
    memcpy(v.lane, pairs, sizeof pairs);
    return v;
}
INLINE f32x16 f32x16_int8(const void *p, int which) {
    f32x16 v;
    int8_t bytes[64];
    memcpy(bytes, p, sizeof bytes);
    for (size_t i = 0; i < 16; i++)
        v.lane[i] = (float)bytes[4 * i + (size_t)which];
    return v;
}
