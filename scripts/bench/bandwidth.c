/*
 * bandwidth - how fast this machine reads memory: the limit of decoding.
 *
 *     bandwidth THREADS BYTES...     prints a line for each size: bytes/s, and the fastest pattern
 *
 * Decoding one token reads every weight once, so no program decodes faster than the memory hands
 * the weights over. How fast that is depends on the order in which one asks, like a disk's
 * throughput on the order of its requests; so we try several orders and take the best. The sizes
 * are those of the weights: what half fits into the cache has another limit than what doesn't.
 */
#define _GNU_SOURCE // madvise

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../common/clock.h"
#include "../../common/threads.h"

enum {
    BLOCK = 4096,       // bytes; threads share whole blocks
    LINES_AT_ONCE = 16, // cache lines asked for before any is added up
};
static const double seconds_per_pattern = 0.1;

/* A cache line. The compiler makes of it whatever registers the function's target has. */
typedef uint64_t line __attribute__((vector_size(64)));
enum { LINE = sizeof(line) };

/* --- the patterns ----------------------------------------------------------------------------- */

/*
 * Reads n_lines lines as n_streams streams side by side, each from its beginning to its end, and
 * asks for lines `ahead` in advance (0: leaves that to the processor). The sum only keeps the
 * compiler from leaving the reading out.
 */
static inline __attribute__((always_inline)) uint64_t read_lines(const line *lines, size_t n_lines,
                                                                 size_t n_streams, size_t ahead) {
    size_t length = n_lines / n_streams, n_each = LINES_AT_ONCE / n_streams;
    line sums[LINES_AT_ONCE] = {{0}};
    for (size_t i = 0; i < length; i += n_each) {
        for (size_t s = 0; s < n_streams; s++) {
            for (size_t j = 0; j < n_each; j++) {
                const line *next = lines + s * length + i + j;
                if (ahead > 0)
                    __builtin_prefetch(next + ahead);
                sums[s * n_each + j] += *next;
            }
        }
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < LINES_AT_ONCE; i++)
        sum += sums[i][0] + sums[i][7];
    return sum;
}

typedef uint64_t read_function(const line *lines, size_t n_lines);

struct pattern {
    const char *name;
    read_function *read;
    const char *needs; // an instruction set, or NULL
};

/* The same patterns for a kind of processor. */
#define PATTERNS_FOR(suffix, attribute)                                                            \
    attribute static uint64_t one_##suffix(const line *lines, size_t n) {                          \
        return read_lines(lines, n, 1, 0);                                                         \
    }                                                                                              \
    attribute static uint64_t ahead_##suffix(const line *lines, size_t n) {                        \
        return read_lines(lines, n, 1, 64);                                                        \
    }                                                                                              \
    attribute static uint64_t two_##suffix(const line *lines, size_t n) {                          \
        return read_lines(lines, n, 2, 0);                                                         \
    }                                                                                              \
    attribute static uint64_t four_##suffix(const line *lines, size_t n) {                         \
        return read_lines(lines, n, 4, 0);                                                         \
    }

PATTERNS_FOR(plain, )
#if defined(__x86_64__)
PATTERNS_FOR(avx2, __attribute__((target("avx2"))))
PATTERNS_FOR(avx512, __attribute__((target("avx512f"))))
#endif

static const struct pattern patterns[] = {
#if defined(__x86_64__)
    {"one stream, AVX-512", one_avx512, "avx512f"},
    {"one stream asked for ahead, AVX-512", ahead_avx512, "avx512f"},
    {"two streams, AVX-512", two_avx512, "avx512f"},
    {"four streams, AVX-512", four_avx512, "avx512f"},
    {"one stream, AVX2", one_avx2, "avx2"},
    {"one stream asked for ahead, AVX2", ahead_avx2, "avx2"},
    {"two streams, AVX2", two_avx2, "avx2"},
    {"four streams, AVX2", four_avx2, "avx2"},
#endif
    {"one stream", one_plain, NULL},
    {"one stream asked for ahead", ahead_plain, NULL},
    {"two streams", two_plain, NULL},
    {"four streams", four_plain, NULL},
};
enum { N_PATTERNS = sizeof patterns / sizeof patterns[0] };

/* --- measuring -------------------------------------------------------------------------------- */

static bool works_here(const struct pattern *pattern) {
#if defined(__x86_64__)
    if (pattern->needs != NULL && strcmp(pattern->needs, "avx512f") == 0)
        return __builtin_cpu_supports("avx512f");
    // Half as wide, so never faster where AVX-512 works too.
    bool avx2 = __builtin_cpu_supports("avx2") && !__builtin_cpu_supports("avx512f");
    if (pattern->needs != NULL)
        return avx2;
    return !__builtin_cpu_supports("avx2");
#else
    return pattern->needs == NULL;
#endif
}

struct job {
    const char *data;
    read_function *read;
    volatile uint64_t sink;
};

static void read_blocks(void *context, size_t begin, size_t end) {
    struct job *job = context;
    const line *lines = (const void *)(job->data + begin * BLOCK);
    job->sink = job->read(lines, (end - begin) * BLOCK / LINE);
}

/* Bytes per second over as many passes as fit into a tenth of a second. */
static double rate_of(struct threads *pool, const char *data, size_t n_bytes, read_function *read) {
    struct job job = {.data = data, .read = read};
    size_t n_passes = 0;
    double begin = seconds_now(), seconds;
    do {
        threads_run(pool, n_bytes / BLOCK, read_blocks, &job);
        n_passes++;
        seconds = seconds_now() - begin;
    } while (seconds < seconds_per_pattern || n_passes < 3);
    return (double)n_passes * (double)(n_bytes / BLOCK * BLOCK) / seconds;
}

static void measure(struct threads *pool, const char *data, size_t n_bytes) {
    double best = 0.0;
    const char *name = "";
    for (size_t i = 0; i < N_PATTERNS; i++) {
        if (!works_here(&patterns[i]))
            continue;
        double rate = rate_of(pool, data, n_bytes, patterns[i].read);
        if (rate > best) {
            best = rate;
            name = patterns[i].name;
        }
    }
    printf("%.6g %s\n", best, name);
}

/* Memory in large pages where the system has them, so that looking up addresses costs nothing. */
static char *memory_of(size_t n_bytes) {
    size_t large_page = (size_t)2 << 20, length = (n_bytes / large_page + 1) * large_page;
    char *data = aligned_alloc(large_page, length);
    if (data == NULL)
        return NULL;
#if defined(MADV_HUGEPAGE)
    madvise(data, length, MADV_HUGEPAGE); // only a wish
#endif
    memset(data, 1, length);
    return data;
}

int main(int argc, char **argv) {
    struct error err = {""};
    size_t largest = 0;
    for (int i = 2; i < argc; i++) {
        size_t n_bytes = (size_t)strtoull(argv[i], NULL, 10);
        largest = n_bytes > largest ? n_bytes : largest;
    }
    if (argc < 3 || largest < BLOCK) {
        fprintf(stderr, "usage: bandwidth THREADS BYTES...\n");
        return 2;
    }
    struct threads *pool = threads_new((size_t)strtoull(argv[1], NULL, 10), &err);
    char *data = pool != NULL ? memory_of(largest) : NULL;
    if (data == NULL) {
        fprintf(stderr, "bandwidth: %s\n", pool == NULL ? err.message : "out of memory");
        threads_free(pool);
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        size_t n_bytes = (size_t)strtoull(argv[i], NULL, 10);
        measure(pool, data, n_bytes < BLOCK ? BLOCK : n_bytes);
    }
    free(data);
    threads_free(pool);
    return 0;
}
