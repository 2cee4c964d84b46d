/*
 * The kernels for 64-bit ARM. Its 32 registers hold a tile of 6 rows x 16 outputs (24 registers),
 * 16 weights and an activation.
 */
#if defined(__aarch64__)
#include <stddef.h>

#include "f32x16_neon.h"

enum { TILE_ROWS = 6, TILE_VECTORS = 1, CHAINS = 1 };

#include "attention.h"
#include "row_kernels.h"

#include "decode_kernels.h"

#include "attention_kernels.h"
#include "prefill_kernels.h"
#include "tables.h"

const struct kernels kernels_neon = {
    .name = "neon",
    .multiply_row = multiply_row,
    .unpack = unpack,
    .multiply_rows = multiply_rows,
    .attend = attend,
    .read = read_floats,
    .softmax = softmax,
    .gelu = gelu,
    .layer_norm = layer_norm,
};
#else
typedef int not_this_processor;
#endif
