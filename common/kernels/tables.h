/* kernels/tables.h - the tables of kernels that are compiled in; kernels.h explains them. */
#ifndef COMMON_KERNELS_TABLES_H
#define COMMON_KERNELS_TABLES_H

#include "kernels.h"

extern const struct kernels kernels_portable;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2;
extern const struct kernels kernels_avx512;
extern const struct kernels kernels_avx512_dot; // with the dot products of BF16 and of int8
#elif defined(__aarch64__)
extern const struct kernels kernels_neon;
#endif

#endif
