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
#ifndef CLI_SCORE_H
#define CLI_SCORE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"
#include "../../common/gpt2.h"
#include "../../common/tokenizer.h"

struct score {
    size_t n_scored; // tokens
    double mean_nll; // in nats
    double perplexity;
};

/*
 * Scores a text of at least 2 tokens. stride: 1 to n_ctx. show_progress prints a percentage on
 * standard error. false with *err filled in.
 */
bool score_text(struct gpt2_session *session, const struct gpt2_model *model,
                const struct token_list *ids, size_t stride, bool show_progress,
                struct score *score, struct error *err);

#endif
