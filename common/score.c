#include "score.h"

#include <math.h>
#include <stddef.h>

#include "ops.h"
#include "tensor.h"

enum { CHUNK = 32 }; // positions whose logits are in memory at once

/*
 * Adds the surprises of the tokens ids[first..last) of a window that was prefilled with them to
 * *sum. first is at least 1: the logits at a position are about the token after it.
 */
static bool add_window(struct gpt2_session *session, size_t vocab_size, const uint32_t *ids,
                       size_t first, size_t last, float *logits, double *sum, struct error *err) {
    for (size_t at = first; at < last; at += CHUNK) {
        size_t n = last - at < CHUNK ? last - at : CHUNK;
        if (!gpt2_logits_at(session, at - 1, n, logits, err))
            return false;
        for (size_t i = 0; i < n; i++)
            *sum += surprise(logits + i * vocab_size, vocab_size, ids[at + i]);
    }
    return true;
}

bool score_text(struct gpt2_session *session, const struct gpt2_model *model,
                const struct token_list *ids, size_t stride, score_progress *progress,
                void *context, struct score *score, struct error *err) {
    size_t n_ctx = model->config.n_ctx, vocab_size = model->config.vocab_size;
    if (ids->count < 2)
        return error_set(err,
                         "the text has %zu tokens, expected at least 2 to score: give a longer one",
                         ids->count);
    if (stride < 1 || stride > n_ctx)
        return error_set(err, "a stride of %zu given, expected 1 to %zu (the model's n_ctx)",
                         stride, n_ctx);
    float *logits = tensor_new_2(CHUNK, vocab_size);
    if (logits == NULL)
        return error_no_memory(err, "the logits");

    double sum = 0.0;
    size_t n_scored = 0, done = 0; // tokens before `done` have been scored, or can't be
    bool fine = true;
    for (size_t begin = 0; done < ids->count && fine; begin += stride) {
        size_t end = ids->count - begin < n_ctx ? ids->count : begin + n_ctx;
        size_t first = done > begin ? done - begin : 1; // in the window
        gpt2_rewind(session, 0);
        fine = gpt2_prefill(session, ids->ids + begin, end - begin, GPT2_LOGITS_ALL, err) &&
               add_window(session, vocab_size, ids->ids + begin, first, end - begin, logits, &sum,
                          err);
        n_scored += first < end - begin ? end - begin - first : 0;
        done = end;
        if (fine && progress != NULL)
            progress(context, done, ids->count);
    }
    tensor_free(logits);
    if (!fine)
        return false;
    if (n_scored == 0)
        return error_set(
            err, "the model has one position only, so no token has a context: use another model");
    double mean = sum / (double)n_scored;
    *score = (struct score){n_scored, mean, exp(mean)};
    if (isnan(mean)) // C libraries print it with and without a sign
        return error_set(err,
                         "the mean surprise is no number: the model's weights are damaged, get "
                         "model.safetensors again");
    return isfinite(score->perplexity) ||
           error_set(err,
                     "the mean surprise is %g nats: the model's weights are damaged, get "
                     "model.safetensors again",
                     mean);
}
