#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

/* From the fastest to the one that works everywhere. */
static const struct kernels *const tables[] = {
#if defined(__x86_64__)
    &kernels_avx512_dot,
    &kernels_avx512,
    &kernels_avx2,
#elif defined(__aarch64__)
    &kernels_neon,
#endif
    &kernels_portable,
};

enum { N_TABLES = sizeof tables / sizeof tables[0] };

const struct kernels *const *kernels_all(size_t *n) {
    *n = N_TABLES;
    return tables;
}

bool kernels_work_here(const struct kernels *kernels) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (kernels == &kernels_avx512_dot)
        return avx512 && __builtin_cpu_supports("avx512bf16") &&
               __builtin_cpu_supports("avx512vnni");
    if (kernels == &kernels_avx512)
        return avx512;
    if (kernels == &kernels_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return kernels != NULL;
}

/* The table of this name, if it works here, or NULL. */
static const struct kernels *find(const char *name) {
    for (size_t i = 0; i < N_TABLES; i++) {
        if (strcmp(name, tables[i]->name) == 0 && kernels_work_here(tables[i]))
            return tables[i];
    }
    return NULL;
}

bool kernels_check_wanted(struct error *err) {
    const char *wanted = getenv("GPT2_KERNELS");
    if (wanted == NULL || wanted[0] == '\0' || find(wanted) != NULL)
        return true;
    char names[128] = "";
    size_t length = 0;
    for (size_t i = 0; i < N_TABLES; i++) {
        if (kernels_work_here(tables[i]))
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s",
                                       length > 0 ? ", " : "", tables[i]->name);
    }
    return error_set(err,
                     "GPT2_KERNELS: found \"%s\", expected kernels that work on this processor "
                     "(%s), or nothing for the fastest",
                     wanted, names);
}

const struct kernels *kernels_for_this_processor(void) {
    const char *wanted = getenv("GPT2_KERNELS");
    const struct kernels *found = wanted != NULL ? find(wanted) : NULL;
    if (found != NULL)
        return found;
    size_t best = 0;
    while (!kernels_work_here(tables[best]))
        best++;
    return tables[best];
}
