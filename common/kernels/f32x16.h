/*
 * kernels/f32x16.h - sixteen floats at a time, whatever the processor.
 *
 * A processor's vector instructions are like a bulk API: one call works on 4, 8 or 16 numbers. Each
 * family of processors has an API of its own, so the kernels are written once, on a vector of
 * sixteen floats with the dozen operations below, and each processor says how it does sixteen:
 *
 *     f32x16_avx512.h    one register of 16     Intel and AMD since 2017 to 2022
 *     f32x16_avx2.h      two registers of 8     Intel and AMD since 2013
 *     f32x16_neon.h      four registers of 4    64-bit ARM
 *     f32x16_portable.h  a loop over 16         everything else
 *
 * A file of kernels (avx512.c, ...) includes one of them and then the kernels: the same source is
 * compiled once for each processor, and kernels.c chooses when the program runs. TARGET allows a
 * function to use the instructions; the rest of the program must run without them.
 *
 * Each such file also says how large a tile its registers hold (prefill_kernels.h), and how many sums
 * of one output run side by side (decode_kernels.h): CHAINS.
 *
 *     f32x16                          sixteen floats
 *     f32x16_zero(), f32x16_set(x)    all 0; all x
 *     f32x16_load(p)                  16 floats, at any address
 *     f32x16_store(p, v)              the other way
 *     f32x16_add, _mul, _max, _min    element by element; a NaN in the second operand stays
 *     f32x16_fma(a, b, c)             a * b + c in one step
 *     f32x16_div(a, b)
 *     f32x16_sum(v), f32x16_largest(v)  of all sixteen
 *     f32x16_round(v)                 to the nearest whole number; v between -2^22 and 2^22
 *     f32x16_power_of_2(v)            2 to the power of whole numbers from -126 to 127; -127 gives 0
 *                                     and 128 infinity
 *     f32x16_bf16(p, which)           from 16 pairs of BF16: the first (0) or second (1) of each
 *     f32x16_int8(p, which)           from 16 groups of 4 bytes: byte `which` of each
 */
