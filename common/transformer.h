/*
 * transformer.h - GPT-2's forward pass, written to be read.
 *
 * A forward pass is a request going through a pipeline of middleware. What travels is the residual
 * stream x: one vector of n_embd numbers for each token of the text. Each block reads it and adds
 * to it; at the end each position's vector is compared with every token of the vocabulary.
 *
 *     ids [seq_len]
 *      |  wte + wpe
 *      v
 *     x [seq_len, n_embd] --+-- block 0 --+-- block 1 --+ ... --> ln_f --> lm_head --> logits
 *
 *     a block:   x = x + attention(ln_1(x))        look at the other tokens
 *                x = x + mlp(ln_2(x))              think about each by itself
 *
 * Nothing is cached and nothing is parallel: every call computes every position anew. gpt2.h is
 * the engine that does it fast, and is tested against this file.
 */
#ifndef COMMON_TRANSFORMER_H
#define COMMON_TRANSFORMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "model.h"
#include "tensor.h"

/*
 * A way to watch: `show` is called with every intermediate result as it is made. layer is
 * TRACE_OUTSIDE for what belongs to no block. The names, in their order:
 *     embeddings;  in each block ln_1, qkv, attention_weights, context, attention_output,
 *     residual_middle, ln_2, widened, activated, mlp_output, residual;  ln_f
 * data belongs to the transformer and changes when `show` returns.
 */
struct trace {
    void (*show)(void *context, size_t layer, const char *name, struct shape shape,
                 const float *data);
    void *context;
};

#define TRACE_OUTSIDE SIZE_MAX

/* A model and all the memory that its forward pass works in. */
struct transformer {
    const struct gpt2_model *model;
    size_t max_len; // the longest text it has room for

    float *x;                 // [max_len, n_embd]: the residual stream; at the end, after ln_f
    float *normed;            // [max_len, n_embd]: a layer norm's output
    float *qkv;               // [max_len, 3 * n_embd]: queries, keys and values side by side
    float *attention_weights; // [n_head, max_len, max_len]
    float *context;           // [max_len, n_embd]: the values each token has fetched, head by head
    float *widened;           // [max_len, n_inner]
    float *added;             // [max_len, n_embd]: what attention or the MLP adds to x
};

/*
 * Allocates for texts of up to max_len tokens (at most n_ctx). The model must outlive it. NULL
 * with *err filled in. transformer_free frees it; NULL is fine there.
 */
struct transformer *transformer_new(const struct gpt2_model *model, size_t max_len,
                                    struct error *err);
void transformer_free(struct transformer *transformer);

/* x = token embedding + position embedding. ids: [seq_len]; fills x [seq_len, n_embd]. */
void transformer_embed(struct transformer *transformer, const uint32_t *ids, size_t seq_len);

/* Reads normed [seq_len, n_embd], writes added [seq_len, n_embd]. trace may be NULL. */
void transformer_attention(struct transformer *transformer, size_t layer, size_t seq_len,
                           const struct trace *trace);
void transformer_mlp(struct transformer *transformer, size_t layer, size_t seq_len,
                     const struct trace *trace);

/* One whole block: reads and updates x [seq_len, n_embd]. */
void transformer_block(struct transformer *transformer, size_t layer, size_t seq_len,
                       const struct trace *trace);

/*
 * Everything up to the final layer norm: fills x [seq_len, n_embd]. ids: [seq_len], 1 to max_len
 * of them, each below vocab_size; false with *err filled in otherwise.
 */
bool transformer_forward(struct transformer *transformer, const uint32_t *ids, size_t seq_len,
                         const struct trace *trace, struct error *err);

/* The scores for the token after `position` (below the last forward's seq_len).
 * logits: [vocab_size] */
void transformer_logits(const struct transformer *transformer, size_t position, float *logits);

#endif
