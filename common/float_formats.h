/*
 * float_formats.h - the 16-bit ways to write a number, and the 32-bit one that we compute with.
 *
 *            sign  exponent  fraction
 *     F32      1       8        23      the `float` of C (IEEE 754 binary32)
 *     BF16     1       8         7      F32 with the last 16 bits cut off: same range, 3 digits
 *     F16      1       5        10      IEEE 754 binary16: smaller range (to 65504), 4 digits
 */
#ifndef COMMON_FLOAT_FORMATS_H
#define COMMON_FLOAT_FORMATS_H

#include <stdint.h>

/* Widening is exact: every 16-bit number is a float too. */
float f16_to_f32(uint16_t bits);
float bf16_to_f32(uint16_t bits);

/* Narrowing rounds to the nearest, ties to even; too large becomes infinity, NaN stays NaN. */
uint16_t f32_to_f16(float value);
uint16_t f32_to_bf16(float value);

#endif
