/* Sixteen floats in four registers of NEON. f32x16.h says what each operation does. */
#include <arm_neon.h>
#include <stdint.h>

#define TARGET
#define INLINE static inline __attribute__((always_inline))

typedef float32x4x4_t f32x16;

INLINE f32x16 f32x16_set(float x) {
    float32x4_t v = vdupq_n_f32(x);
    return (f32x16){{v, v, v, v}};
}
INLINE f32x16 f32x16_zero(void) {
    return f32x16_set(0.0f);
}
INLINE float32x4_t four_at(const void *p, size_t part) { // byte loads may stand at any address
    return vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)p + part * 16));
}
INLINE f32x16 f32x16_load(const void *p) {
    return (f32x16){{four_at(p, 0), four_at(p, 1), four_at(p, 2), four_at(p, 3)}};
}
INLINE void f32x16_store(void *p, f32x16 v) {
    for (size_t i = 0; i < 4; i++)
        vst1q_u8((uint8_t *)p + i * 16, vreinterpretq_u8_f32(v.val[i]));
}
INLINE f32x16 f32x16_add(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 4; i++)
        a.val[i] = vaddq_f32(a.val[i], b.val[i]);
    return a;
}
INLINE f32x16 f32x16_mul(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 4; i++)
        a.val[i] = vmulq_f32(a.val[i], b.val[i]);
    return a;
}
INLINE f32x16 f32x16_div(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 4; i++)
        a.val[i] = vdivq_f32(a.val[i], b.val[i]);
    return a;
}
INLINE f32x16 f32x16_max(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 4; i++)
        a.val[i] = vmaxq_f32(a.val[i], b.val[i]);
    return a;
}
INLINE f32x16 f32x16_min(f32x16 a, f32x16 b) {
    for (size_t i = 0; i < 4; i++)
        a.val[i] = vminq_f32(a.val[i], b.val[i]);
    return a;
}
INLINE f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
    for (size_t i = 0; i < 4; i++)
        c.val[i] = vfmaq_f32(c.val[i], a.val[i], b.val[i]);
    return c;
}
INLINE float f32x16_sum(f32x16 v) {
    return vaddvq_f32(vaddq_f32(vaddq_f32(v.val[0], v.val[1]), vaddq_f32(v.val[2], v.val[3])));
}
INLINE float f32x16_largest(f32x16 v) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(v.val[0], v.val[1]), vmaxq_f32(v.val[2], v.val[3])));
}
INLINE f32x16 f32x16_round(f32x16 v) {
    for (size_t i = 0; i < 4; i++)
        v.val[i] = vrndnq_f32(v.val[i]);
    return v;
}
INLINE f32x16 f32x16_power_of_2(f32x16 v) {
    for (size_t i = 0; i < 4; i++) {
        int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(v.val[i]), vdupq_n_s32(127));
        v.val[i] = vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
    }
    return v;
}
INLINE f32x16 f32x16_bf16(const void *p, int which) {
    f32x16 v;
    for (size_t i = 0; i < 4; i++) {
        uint32x4_t pairs = vreinterpretq_u32_f32(four_at(p, i));
        v.val[i] = vreinterpretq_f32_u32(which == 0 ? vshlq_n_u32(pairs, 16)
                                                    : vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
    }
    return v;
}
INLINE f32x16 f32x16_int8(const void *p, int which) {
    f32x16 v;
    int32x4_t places = vdupq_n_s32(24 - 8 * which);
    for (size_t i = 0; i < 4; i++) {
        int32x4_t moved = vshlq_s32(vreinterpretq_s32_f32(four_at(p, i)), places);
        v.val[i] = vcvtq_f32_s32(vshrq_n_s32(moved, 24));
    }
    return v;
}
