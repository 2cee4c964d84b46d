/*
 * gpt2.h - the engine: GPT-2 with a KV cache.
 *
 * A token's key and value in each block depend on the tokens before it only, so they never change
 * once computed. The engine keeps them, as a service keeps results in Redis, and each new token
 * costs one pass over the weights instead of one for every token so far. There are two ways in:
 *
 *     prefill   many tokens at once: the prompt. Each weight that is read serves all of them.
 *     decode    one token: the one that was chosen last. The next logits come out.
 *
 * A session is one text being written. Sessions on the same model share its weights, and may run
 * in different threads; each has a cache, buffers and a thread pool of its own.
 *
 *     struct gpt2_session *session = gpt2_session_new(model, n_threads, &err);
 *     gpt2_prefill(session, ids, n, GPT2_LOGITS_LAST, &err);
 *     for (...) {
 *         uint32_t next = ...;                      // chosen from gpt2_logits(session)
 *         gpt2_decode(session, next, &err);
 *     }
 *     gpt2_session_free(session);
 */
#ifndef COMMON_GPT2_H
#define COMMON_GPT2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "model.h"

struct gpt2_session;

/* Which positions of a prefill you will ask logits for. */
enum gpt2_logits_wanted {
    GPT2_LOGITS_LAST, // the last one only: enough to continue the text
    GPT2_LOGITS_ALL,  // any: what scoring a text needs
};

/*
 * A session that works on n_threads threads (threads.h). The model must outlive it. Takes
 * 2 * n_layer * n_ctx * n_embd numbers for the cache, floats with weights in F32 and BF16 with
 * others, and about 15 * n_ctx * n_embd floats for the work; the system hands them out as they are
 * used. NULL with *err filled in. gpt2_session_free frees it; NULL is fine there.
 */
struct gpt2_session *gpt2_session_new(const struct gpt2_model *model, size_t n_threads,
                                      struct error *err);
void gpt2_session_free(struct gpt2_session *session);

/* The name of the kernels that the session computes with (kernels/kernels.h): "avx2". */
const char *gpt2_kernels_name(const struct gpt2_session *session);

/* How many tokens are in the cache: the position of the next one. At most n_ctx. */
size_t gpt2_n_past(const struct gpt2_session *session);

/* Forgets all tokens but the first n_past, so that another text can go on from there. More than
 * there are changes nothing. */
void gpt2_rewind(struct gpt2_session *session, size_t n_past);

/*
 * Takes n tokens (at least 1) in one pass, after those that are in the cache. ids: [n]. false with
 * *err filled in, and the session as it was, when an id is not in the vocabulary or the text
 * would be longer than n_ctx.
 */
bool gpt2_prefill(struct gpt2_session *session, const uint32_t *ids, size_t n,
                  enum gpt2_logits_wanted wanted, struct error *err);

/* Takes one token: a prefill of one. */
bool gpt2_decode(struct gpt2_session *session, uint32_t id, struct error *err);

/*
 * The scores for the token after the last one taken: [vocab_size], owned by the session, good
 * until the next call. Before the first prefill there are none: NULL.
 */
const float *gpt2_logits(const struct gpt2_session *session);

/*
 * After a prefill with GPT2_LOGITS_ALL: the scores for the tokens after its positions
 * [first, first + n), counted from the prefill's own beginning. out: [n, vocab_size]. Asking for a
 * few positions at a time keeps memory small: 1024 positions of GPT-2 are 206 MB. false with *err
 * filled in when the last prefill was another, or had fewer positions.
 */
bool gpt2_logits_at(struct gpt2_session *session, size_t first, size_t n, float *out,
                    struct error *err);

#endif
