/*
 * engine.h - the two ways to the next logits: with the KV cache, and without.
 *
 * The way with the cache is gpt2.h. The way without is transformer.h, the readable forward pass,
 * which computes every position anew for each token, as the lessons do before step 8.
 */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"
#include "../../common/gpt2.h"
#include "../../common/model.h"
#include "../../common/tokenizer.h"
#include "../../common/transformer.h"

struct engine {
    struct gpt2_model *model;
    struct gpt2_session *session;    // with the cache,
    struct transformer *transformer; // or without it: the other is NULL
    float *logits;                   // [vocab_size], without the cache
};

/* false with *err filled in; engine_close in either case. */
bool engine_open(struct engine *engine, const char *folder, bool cached,
                 enum weights_format weights, size_t n_threads, struct error *err);
void engine_close(struct engine *engine);

/*
 * The logits after a text: [vocab_size], good until the next call. ids holds the whole text, at
 * least one token; the tokens up to the last call's must be the same, and with the cache they are
 * not computed again. NULL with *err filled in.
 */
const float *engine_logits(struct engine *engine, const struct token_list *ids, struct error *err);

/* Begins another text. */
void engine_reset(struct engine *engine);

#endif
