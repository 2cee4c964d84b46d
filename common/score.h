/*
 * score.h - how surprised is the model by a text? Its perplexity.
 *
 * For each token of the text we ask which share the model gave to it, knowing the tokens before.
 * The mean of -log(share) is the negative log-likelihood; e to the power of it is the perplexity:
 * 20 means that the model was as unsure as if it had to choose among 20 equally likely tokens.
 *
 * A text longer than n_ctx is read through windows of n_ctx tokens that begin every `stride`
 * tokens. Each window scores the tokens that no window before it has scored; a small stride gives
 * each of them more context, and costs more passes. A window's first token has no context and is
 * not scored. (As in https://huggingface.co/docs/transformers/perplexity)
 */
#ifndef COMMON_SCORE_H
#define COMMON_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "gpt2.h"
#include "tokenizer.h"

struct score {
    size_t n_scored; // tokens
    double mean_nll; // in nats
    double perplexity;
};

/* Called after each window: `done` of `total` tokens are behind us. */
typedef void score_progress(void *context, size_t done, size_t total);

/*
 * Scores a text of at least 2 tokens; what the session held is forgotten. model: the one that the
 * session was made for; stride: 1 to n_ctx.
 * progress may be NULL. false with *err filled in.
 */
bool score_text(struct gpt2_session *session, const struct gpt2_model *model,
                const struct token_list *ids, size_t stride, score_progress *progress,
                void *context, struct score *score, struct error *err);

#endif
