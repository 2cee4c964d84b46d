#include "sampler.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"

struct sampler {
    struct sampler_settings settings;
    struct random_source random;
    size_t max_tokens;
    struct candidate *candidates; // [max_tokens]: the best at the end, see take_best
    float *weights;               // [max_tokens]: of the candidates, while one is drawn
};

struct sampler *sampler_new(struct sampler_settings settings, size_t max_tokens,
                            struct error *err) {
    if (!(settings.temperature >= 0.0f && isfinite(settings.temperature)) ||
        !(settings.top_p > 0.0f && settings.top_p <= 1.0f)) {
        error_set(err,
                  "temperature %g and top_p %g given, expected a temperature of at least 0 "
                  "and 0 < top_p <= 1",
                  (double)settings.temperature, (double)settings.top_p);
        return NULL;
    }
    struct sampler *sampler = calloc(1, sizeof *sampler);
    if (sampler != NULL) {
        sampler->settings = settings;
        sampler->random.counter = settings.seed;
        sampler->max_tokens = max_tokens;
        sampler->candidates = calloc(max_tokens, sizeof *sampler->candidates);
        sampler->weights = calloc(max_tokens, sizeof *sampler->weights);
    }
    if (sampler == NULL || sampler->candidates == NULL || sampler->weights == NULL) {
        error_no_memory(err, "the sampler");
        sampler_free(sampler);
        return NULL;
    }
    return sampler;
}

void sampler_free(struct sampler *sampler) {
    if (sampler == NULL)
        return;
    free(sampler->candidates);
    free(sampler->weights);
    free(sampler);
}

/* --- the best first: a binary heap, so that taking 40 of 50,257 does not sort them all -------- */

static bool is_better(const struct candidate *a, const struct candidate *b) {
    if (a->logit != b->logit)
        return a->logit > b->logit;
    return a->id < b->id;
}

/* heap[at] may be worse than its children heap[2 at + 1] and heap[2 at + 2]: lets it sink. */
static void sink(struct candidate *heap, size_t n, size_t at) {
    struct candidate moving = heap[at];
    for (size_t child = 2 * at + 1; child < n; child = 2 * at + 1) {
        if (child + 1 < n && is_better(&heap[child + 1], &heap[child]))
            child++;
        if (!is_better(&heap[child], &moving))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moving;
}

static void make_heap(struct candidate *heap, size_t n) {
    for (size_t at = n / 2; at-- > 0;)
        sink(heap, n, at);
}

/* Moves the best of a heap of n behind the others, to heap[n - 1]; the first n - 1 stay a heap. */
static void take_best(struct candidate *heap, size_t n) {
    struct candidate best = heap[0];
    heap[0] = heap[n - 1];
    heap[n - 1] = best;
    sink(heap, n - 1, 0);
}

/* Collects what can be drawn; returns how many. */
static size_t collect(struct sampler *sampler, const float *logits, size_t n) {
    size_t count = 0;
    for (size_t id = 0; id < n && id < sampler->max_tokens; id++) {
        if (logits[id] > -INFINITY) // NaN is not
            sampler->candidates[count++] = (struct candidate){logits[id], (uint32_t)id};
    }
    return count;
}

size_t sampler_best(struct sampler *sampler, const float *logits, size_t n, size_t k,
                    struct candidate *best) {
    size_t count = collect(sampler, logits, n);
    if (k > count)
        k = count;
    make_heap(sampler->candidates, count);
    for (size_t i = 0; i < k; i++) {
        take_best(sampler->candidates, count - i);
        best[i] = sampler->candidates[count - i - 1];
    }
    return k;
}

/* --- drawing ---------------------------------------------------------------------------------- */

float sampler_weight(float logit, float largest, float temperature) {
    // Equal first: infinity minus infinity is no number.
    return logit == largest ? 1.0f : expf((logit - largest) / temperature);
}

/* Fills in the weights of the candidates [first, count) and returns their sum. */
static double weigh(struct sampler *sampler, size_t first, size_t count, float largest) {
    double sum = 0.0;
    for (size_t i = first; i < count; i++) {
        sampler->weights[i] =
            sampler_weight(sampler->candidates[i].logit, largest, sampler->settings.temperature);
        sum += (double)sampler->weights[i];
    }
    return sum;
}

/* Takes the best one by one until they make up a share of top_p; returns the first that stays. */
static size_t cut_to_top_p(struct sampler *sampler, size_t first, size_t count, float largest) {
    double wanted = (double)sampler->settings.top_p * weigh(sampler, first, count, largest);
    size_t n = count - first;
    struct candidate *heap = sampler->candidates + first;
    double sum = 0.0;
    make_heap(heap, n);
    do {
        take_best(heap, n);
        n--;
        sum += (double)sampler_weight(heap[n].logit, largest, sampler->settings.temperature);
    } while (n > 0 && sum < wanted);
    return first + n;
}

/* Draws one of the candidates [first, count) by weight. */
static uint32_t draw(struct sampler *sampler, size_t first, size_t count, float largest) {
    double sum = weigh(sampler, first, count, largest);
    double left = random_uniform(&sampler->random) * sum;
    size_t last = first;                   // with a weight: the last one that was come by
    for (size_t i = count; i-- > first;) { // the best stand last if they were sorted: begin there
        left -= (double)sampler->weights[i];
        if (left < 0.0)
            return sampler->candidates[i].id;
        if (sampler->weights[i] > 0.0f)
            last = i;
    }
    return sampler->candidates[last].id; // rounding has left a crumb
}

bool sampler_no_candidate(struct error *err) {
    return error_set(
        err, "no logit is a number: the model's weights are damaged, get model.safetensors again");
}

bool sampler_next(struct sampler *sampler, const float *logits, size_t n, uint32_t *id,
                  struct error *err) {
    const struct sampler_settings *settings = &sampler->settings;
    size_t count = collect(sampler, logits, n);
    if (count == 0)
        return sampler_no_candidate(err);

    struct candidate *candidates = sampler->candidates;
    size_t keep = settings->temperature == 0.0f ? 1 : settings->top_k;
    size_t first = 0; // the candidates [first, count) may be drawn
    if (keep > 0 && keep < count) {
        make_heap(candidates, count);
        for (size_t i = 0; i < keep; i++)
            take_best(candidates, count - i);
        first = count - keep;
    }
    float largest = candidates[first].logit;
    for (size_t i = first; i < count; i++)
        largest = candidates[i].logit > largest ? candidates[i].logit : largest;
    if (settings->top_p < 1.0f && count - first > 1)
        first = cut_to_top_p(sampler, first, count, largest);
    *id = count - first == 1 ? candidates[first].id : draw(sampler, first, count, largest);
    return true;
}
