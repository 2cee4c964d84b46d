/*
 * arithmetic - how fast this processor multiplies and adds: the limit of prefill.
 *
 *     arithmetic THREADS     prints a line each for f32, bf16 and int8: the format, operations/s,
 *                            and the fastest instruction
 *
 * Prefill reads a weight once for many tokens, so memory has time to rest and the arithmetic units
 * don't. Each loop here does nothing but the one instruction that such work consists of, on numbers
 * that stay in registers. An instruction takes some cycles until its result is there, and a new one
 * can start in each cycle; so a dozen independent sums are under way at once, like requests in a
 * pipelined connection. A multiplication and an addition count as two operations.
 *
 * Where a processor has no dot products for bf16 or int8, their limit is that of f32, to which they
 * then have to be widened.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "../../common/clock.h"
#include "../../common/threads.h"

enum {
    SUMS = 12,              // under way at once
    STEPS_PER_ITEM = 20000, // of the inner loop: some tens of microseconds
};
static const double seconds_per_loop = 0.15;

/* --- the loops -------------------------------------------------------------------------------- */

/* Each takes n steps of SUMS instructions, and returns something that needs all their results. */

/* For every processor, in whatever vectors the compiler chooses. */
typedef float four_floats __attribute__((vector_size(16)));
static float loop_plain(size_t n, float x) {
    four_floats sums[SUMS] = {{0}}, factor = {x, x, x, x};
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < SUMS; j++)
            sums[j] = sums[j] * factor + factor;
    }
    for (size_t j = 1; j < SUMS; j++)
        sums[0] += sums[j];
    return sums[0][0];
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float loop_avx2(size_t n, float x) {
    __m256 sums[SUMS], factor = _mm256_set1_ps(x);
    for (size_t j = 0; j < SUMS; j++)
        sums[j] = _mm256_setzero_ps();
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < SUMS; j++)
            sums[j] = _mm256_fmadd_ps(factor, factor, sums[j]);
    }
    for (size_t j = 1; j < SUMS; j++)
        sums[0] = _mm256_add_ps(sums[0], sums[j]);
    return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) static float loop_avx512(size_t n, float x) {
    __m512 sums[SUMS], factor = _mm512_set1_ps(x);
    for (size_t j = 0; j < SUMS; j++)
        sums[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < SUMS; j++)
            sums[j] = _mm512_fmadd_ps(factor, factor, sums[j]);
    }
    for (size_t j = 1; j < SUMS; j++)
        sums[0] = _mm512_add_ps(sums[0], sums[j]);
    return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) static float loop_bf16(size_t n,
                                                                                       float x) {
    __m512 sums[SUMS];
    __m512bh factor = _mm512_cvtne2ps_pbh(_mm512_set1_ps(x), _mm512_set1_ps(x));
    for (size_t j = 0; j < SUMS; j++)
        sums[j] = _mm512_setzero_ps();
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < SUMS; j++)
            sums[j] = _mm512_dpbf16_ps(sums[j], factor, factor);
    }
    for (size_t j = 1; j < SUMS; j++)
        sums[0] = _mm512_add_ps(sums[0], sums[j]);
    return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f,avx512vnni"))) static float loop_int8(size_t n, float x) {
    __m512i sums[SUMS], factor = _mm512_set1_epi32((int)x);
    for (size_t j = 0; j < SUMS; j++)
        sums[j] = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < SUMS; j++)
            sums[j] = _mm512_dpbusd_epi32(sums[j], factor, factor);
    }
    for (size_t j = 1; j < SUMS; j++)
        sums[0] = _mm512_add_epi32(sums[0], sums[j]);
    return (float)_mm512_cvtsi512_si32(sums[0]);
}

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool has_avx512(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
}
static bool has_bf16(void) {
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}
static bool has_vnni(void) {
    return has_avx512() && __builtin_cpu_supports("avx512vnni");
}
#elif defined(__aarch64__)
static float loop_neon(size_t n, float x) {
    float32x4_t sums[SUMS], factor = vdupq_n_f32(x);
    for (size_t j = 0; j < SUMS; j++)
        sums[j] = vdupq_n_f32(0.0f);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < SUMS; j++)
            sums[j] = vfmaq_f32(sums[j], factor, factor);
    }
    for (size_t j = 1; j < SUMS; j++)
        sums[0] = vaddq_f32(sums[0], sums[j]);
    return vgetq_lane_f32(sums[0], 0);
}
#endif

static bool always(void) {
    return true;
}

struct loop {
    const char *format; // the narrowest it is for
    const char *name;
    float (*run)(size_t n, float x);
    bool (*works_here)(void);
    size_t n_operations; // of one instruction
};

static const struct loop loops[] = {
    {"f32", "multiply and add", loop_plain, always, 8},
#if defined(__x86_64__)
    {"f32", "AVX2 fused multiply-add", loop_avx2, has_avx2, 16},
    {"f32", "AVX-512 fused multiply-add", loop_avx512, has_avx512, 32},
    {"bf16", "AVX-512 BF16 dot product", loop_bf16, has_bf16, 64},
    {"int8", "AVX-512 VNNI dot product", loop_int8, has_vnni, 128},
#elif defined(__aarch64__)
    {"f32", "NEON fused multiply-add", loop_neon, always, 8},
#endif
};
enum { N_LOOPS = sizeof loops / sizeof loops[0] };

/* --- measuring -------------------------------------------------------------------------------- */

struct job {
    const struct loop *loop;
    volatile float factor; // the compiler must not know it
    volatile float sink;
};

static void run_items(void *context, size_t begin, size_t end) {
    struct job *job = context;
    job->sink = job->loop->run((end - begin) * STEPS_PER_ITEM, job->factor);
}

/* Operations per second on all threads of the pool. */
static double rate_of(struct threads *pool, const struct loop *loop) {
    struct job job = {.loop = loop, .factor = 0.5f};
    size_t n_items = threads_count(pool) * 16, n_rounds = 0;
    double begin = seconds_now(), seconds;
    do {
        threads_run(pool, n_items, run_items, &job);
        n_rounds++;
        seconds = seconds_now() - begin;
    } while (seconds < seconds_per_loop);
    return (double)(n_rounds * n_items * STEPS_PER_ITEM * SUMS * loop->n_operations) / seconds;
}

/* The best rate for a format; f32's serves every format. */
static void measure(const double *rates, const char *format) {
    size_t best = 0;
    for (size_t i = 1; i < N_LOOPS; i++) {
        bool fits = strcmp(loops[i].format, "f32") == 0 || strcmp(loops[i].format, format) == 0;
        if (fits && rates[i] > rates[best])
            best = i;
    }
    printf("%s %.6g %s\n", format, rates[best], loops[best].name);
}

int main(int argc, char **argv) {
    struct error err = {""};
    double rates[N_LOOPS] = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: arithmetic THREADS\n");
        return 2;
    }
    struct threads *pool = threads_new((size_t)strtoull(argv[1], NULL, 10), &err);
    if (pool == NULL) {
        fprintf(stderr, "arithmetic: %s\n", err.message);
        return 1;
    }
    for (size_t i = 0; i < N_LOOPS; i++)
        rates[i] = loops[i].works_here() ? rate_of(pool, &loops[i]) : 0.0;
    measure(rates, "f32");
    measure(rates, "bf16");
    measure(rates, "int8");
    threads_free(pool);
    return 0;
}
