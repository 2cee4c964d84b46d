/*
 * The kernels for processors with AVX-512, and for those of them that have dot products of BF16
 * and of int8. 32 registers hold a tile of 6 rows x 64 outputs (24 registers), 64 weights and an
 * activation.
 */
#if defined(__x86_64__)
#include <stddef.h>

#include "f32x16_avx512.h"

enum { TILE_ROWS = 6, TILE_VECTORS = 4, CHAINS = 2 };

#include "attention.h"
#include "row_kernels.h"

#include "decode_kernels.h"

#include "attention_kernels.h"
#include "prefill_kernels.h"

#include "avx512_dot.h"
#include "avx512_dot_row.h"
#include "tables.h"

const struct kernels kernels_avx512 = {
    .name = "avx512",
    .multiply_row = multiply_row,
    .unpack = unpack,
    .multiply_rows = multiply_rows,
    .attend = attend,
    .read = read_floats,
    .softmax = softmax,
    .gelu = gelu,
    .layer_norm = layer_norm,
};

const struct kernels kernels_avx512_dot = {
    .name = "avx512_dot",
    .multiply_row = multiply_row,
    .multiply_int8_row = multiply_int8_row,
    .unpack = unpack,
    .multiply_rows = multiply_rows,
    .pack_bf16 = pack_bf16,
    .multiply_bf16 = multiply_bf16,
    .pack_int8 = pack_int8,
    .multiply_int8 = multiply_int8,
    .attend = attend,
    .read = read_floats,
    .softmax = softmax,
    .gelu = gelu,
    .layer_norm = layer_norm,
};
#else
typedef int not_this_processor;
#endif
