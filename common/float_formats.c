#include "float_formats.h"

#include <string.h>

static float float_of_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float bf16_to_f32(uint16_t bits) {
    return float_of_bits((uint32_t)bits << 16);
}

float f16_to_f32(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16;
    uint32_t exponent = (bits >> 10) & 0x1fu;
    uint32_t fraction = bits & 0x3ffu;
    if (exponent == 0x1f) // infinity, or NaN when the fraction is not 0
        return float_of_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent == 0) { // zero and the subnormal numbers: fraction x 2^-24
        float magnitude = (float)fraction * 0x1p-24f;
        return sign ? -magnitude : magnitude;
    }
    // The exponents are stored with an offset: 15 in F16, 127 in F32.
    return float_of_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13);
}

/* Cuts the last n bits off, rounding to the nearest, ties to even. */
static uint32_t round_off_bits(uint32_t x, unsigned n) {
    uint32_t half = 1u << (n - 1);
    uint32_t last_kept = (x >> n) & 1u;
    return (x + half - 1 + last_kept) >> n;
}

uint16_t f32_to_bf16(float value) {
    uint32_t bits = bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) // NaN: rounding could turn it into infinity
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)round_off_bits(bits, 16);
}

uint16_t f32_to_f16(float value) {
    uint32_t bits = bits_of_float(value);
    uint32_t sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) // NaN
        return (uint16_t)(sign | 0x7e00u);
    if (magnitude >= 0x477ff000u) // rounds to 65536 or more: infinity
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude >= 0x38800000u) // 2^-14 and more: a normal number
        return (uint16_t)(sign | round_off_bits(magnitude - ((127u - 15u) << 23), 13));
    if (magnitude < 0x33000000u) // less than 2^-25: rounds to 0
        return (uint16_t)sign;
    // Subnormal: the fraction with its hidden leading 1, shifted to units of 2^-24.
    uint32_t exponent = magnitude >> 23;
    uint32_t fraction = (magnitude & 0x7fffffu) | 0x800000u;
    return (uint16_t)(sign | round_off_bits(fraction, 126u - exponent));
}
