/*
 * The kernels in plain C. They run everywhere, and are what the others are compared with.
 * One vector of outputs per tile: plain loops need more registers than they are given.
 */
#include <stddef.h>

#include "f32x16_portable.h"

enum { TILE_ROWS = 4, TILE_VECTORS = 1, CHAINS = 1 };

#include "attention.h"
#include "row_kernels.h"

#include "decode_kernels.h"

#include "attention_kernels.h"
#include "prefill_kernels.h"
#include "tables.h"

const struct kernels kernels_portable = {
    .name = "portable",
    .multiply_row = multiply_row,
    .unpack = unpack,
    .multiply_rows = multiply_rows,
    .attend = attend,
    .read = read_floats,
    .softmax = softmax,
    .gelu = gelu,
    .layer_norm = layer_norm,
};
