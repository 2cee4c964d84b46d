/*
 * sampler.h - choosing the next token from the logits.
 *
 * The logits are one score per token of the vocabulary. Softmax turns them into shares; the
 * sampler draws one token by its share, after bending and cutting the shares as asked:
 *
 *     temperature   divides the logits first. Below 1 the favourites get more, above 1 the others
 *                   do; 0 always takes the favourite ("greedy")
 *     top_k         only the k best may be drawn; 0 is off
 *     top_p         only the best that together make up a share of p; 1 is off. It is taken of
 *                   what top_k has left, and at least one token stays
 *
 * Holtzman et al., "The Curious Case of Neural Text Degeneration", 2019,
 * https://arxiv.org/abs/1904.09751, for top_p; Fan, Lewis and Dauphin, 2018,
 * https://arxiv.org/abs/1805.04833, for top_k.
 */
#ifndef COMMON_SAMPLER_H
#define COMMON_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct sampler_settings {
    float temperature; // 0 or more, finite
    size_t top_k;      // 0: all
    float top_p;       // more than 0, at most 1
    uint64_t seed;     // the same seed, settings and logits give the same tokens
};

struct candidate {
    float logit;
    uint32_t id;
};

struct sampler;

/* A sampler for up to max_tokens logits. NULL with *err filled in. sampler_free takes NULL too. */
struct sampler *sampler_new(struct sampler_settings settings, size_t max_tokens, struct error *err);
void sampler_free(struct sampler *sampler);

/*
 * Draws the next token. logits: [n], 1 <= n <= max_tokens, unchanged. NaN and minus infinity are
 * never drawn; of equal logits the lower id is the better. false with *err filled in when nothing
 * can be drawn: the weights are damaged.
 */
bool sampler_next(struct sampler *sampler, const float *logits, size_t n, uint32_t *id,
                  struct error *err);

/*
 * The k best tokens in falling order, to best: [k]; returns how many there are (fewer than k when
 * n is smaller or logits are NaN or minus infinity).
 */
size_t sampler_best(struct sampler *sampler, const float *logits, size_t n, size_t k,
                    struct candidate *best);

/* A logit's share before it is divided by the sum of all: 1 for the largest logit. temperature:
 * more than 0. */
float sampler_weight(float logit, float largest, float temperature);

/* Fills in *err with why there is nothing to draw from, and returns false. */
bool sampler_no_candidate(struct error *err);

#endif
