/*
 * Any logits and settings: what is drawn is a number among the top_k best, the same seed draws the
 * same, greedy takes the first of the best, and sampler_best is sorted. The input: temperature,
 * top_p, top_k, seed, then the logits.
 */
#include "fuzz.h"

#include <math.h>

#include "../../common/sampler.h"

enum { MOST = 512 };

static bool can_be_drawn(float logit) {
    return !isnan(logit) && logit != -INFINITY;
}

/* How many logits are better than this one: larger, or as large with a lower id. */
static size_t rank_of(const float *logits, size_t n, uint32_t id) {
    size_t rank = 0;
    for (uint32_t i = 0; i < n; i++)
        rank += can_be_drawn(logits[i]) &&
                (logits[i] > logits[id] || (logits[i] == logits[id] && i < id));
    return rank;
}

static void check_best(struct sampler *sampler, const float *logits, size_t n, size_t n_numbers) {
    struct candidate best[MOST];
    for (size_t k = 0; k <= n + 1 && k < MOST; k += 1 + n / 3) {
        size_t found = sampler_best(sampler, logits, n, k, best);
        check(found == (k < n_numbers ? k : n_numbers), "%zu of %zu", found, k);
        for (size_t i = 0; i < found; i++)
            check(best[i].id < n && rank_of(logits, n, best[i].id) == i, "place %zu", i);
    }
}

/* Draws five tokens with one sampler. false when there is nothing to draw. */
static bool draw(struct sampler_settings settings, const float *logits, size_t n, uint32_t *ids) {
    struct error err = {""};
    struct sampler *sampler = sampler_new(settings, n, &err);
    check(sampler != NULL, "%s", err.message);
    bool drawn = true;
    for (size_t i = 0; i < 5 && drawn; i++)
        drawn = sampler_next(sampler, logits, n, &ids[i], &err);
    if (!drawn)
        check_message(&err);
    sampler_free(sampler);
    return drawn;
}

static void check_draws(struct sampler_settings settings, const float *logits, size_t n,
                        size_t n_numbers) {
    uint32_t ids[5], again[5];
    bool drawn = draw(settings, logits, n, ids);
    check(drawn == (n_numbers > 0), "%zu logits are numbers", n_numbers);
    if (!drawn)
        return;
    check(draw(settings, logits, n, again) && memcmp(ids, again, sizeof ids) == 0,
          "the same seed draws others");
    for (size_t i = 0; i < 5; i++) {
        check(ids[i] < n && can_be_drawn(logits[ids[i]]), "id %lu", (unsigned long)ids[i]);
        size_t rank = rank_of(logits, n, ids[i]);
        check(settings.top_k == 0 || rank < settings.top_k, "rank %zu", rank);
        check(settings.temperature > 0.0f || rank == 0, "greedy took rank %zu", rank);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes input = {data, size};
    float temperature, top_p, logits[MOST];
    uint16_t top_k;
    uint8_t seed;
    take(&input, &temperature, sizeof temperature);
    take(&input, &top_p, sizeof top_p);
    take(&input, &top_k, sizeof top_k);
    take(&input, &seed, sizeof seed);
    size_t n = input.size / sizeof *logits < MOST ? input.size / sizeof *logits : MOST;
    if (n == 0)
        n = 1;
    take(&input, logits, n * sizeof *logits);
    size_t n_numbers = 0;
    for (size_t i = 0; i < n; i++)
        n_numbers += can_be_drawn(logits[i]);

    struct sampler_settings settings = {temperature, top_k, top_p, seed};
    struct error err = {""};
    struct sampler *sampler = sampler_new(settings, n, &err);
    bool sensible = temperature >= 0.0f && isfinite(temperature) && top_p > 0.0f && top_p <= 1.0f;
    check((sampler != NULL) == sensible, "temperature %g, top_p %g", (double)temperature,
          (double)top_p);
    if (sampler == NULL) {
        check_message(&err);
        return 0;
    }
    check_best(sampler, logits, n, n_numbers);
    sampler_free(sampler);
    check_draws(settings, logits, n, n_numbers);
    return 0;
}
