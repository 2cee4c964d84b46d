#include "gpt2.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/linear.h"
#include "ops.h"
#include "tensor.h"
#include "threads.h"

struct gpt2_session {
    const struct gpt2_model *model;
    struct threads *pool;
    size_t n_past; // tokens in the cache
    bool has_logits;
    size_t n_readable; // positions of the last prefill that gpt2_logits_at may read

    // The cache. Each head's keys stand together, so that a query runs through them in a row.
    float *keys;   // [n_layer, n_head, n_ctx, d_head]
    float *values; // [n_layer, n_head, n_ctx, d_head]

    // What one pass over n tokens works in; n is at most n_ctx.
    float *x;       // [n, n_embd]: the residual stream; at the end, after ln_f
    float *normed;  // [n, n_embd]
    float *qkv;     // [n, 3 * n_embd]
    float *scores;  // [n_head, n_ctx]: one row for each head at work
    float *context; // [n, n_embd]
    float *widened; // [n, n_inner]
    float *added;   // [n, n_embd]
    float *logits;  // [vocab_size]
};

/* --- making and freeing ----------------------------------------------------------------------- */

static bool allocate(struct gpt2_session *session) {
    const struct gpt2_config *config = &session->model->config;
    size_t n_ctx = config->n_ctx, n_embd = config->n_embd, n_positions;
    if (!size_multiply(config->n_layer, n_ctx, &n_positions))
        return false;
    session->keys = tensor_new_2(n_positions, n_embd);
    session->values = tensor_new_2(n_positions, n_embd);
    session->x = tensor_new_2(n_ctx, n_embd);
    session->normed = tensor_new_2(n_ctx, n_embd);
    session->qkv = tensor_new_2(n_ctx, 3 * n_embd);
    session->scores = tensor_new_2(config->n_head, n_ctx);
    session->context = tensor_new_2(n_ctx, n_embd);
    session->widened = tensor_new_2(n_ctx, config->n_inner);
    session->added = tensor_new_2(n_ctx, n_embd);
    session->logits = tensor_new(config->vocab_size);
    return session->keys != NULL && session->values != NULL && session->x != NULL &&
           session->normed != NULL && session->qkv != NULL && session->scores != NULL &&
           session->context != NULL && session->widened != NULL && session->added != NULL &&
           session->logits != NULL;
}

struct gpt2_session *gpt2_session_new(const struct gpt2_model *model, size_t n_threads,
                                      struct error *err) {
    struct gpt2_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        error_no_memory(err, "a session");
        return NULL;
    }
    session->model = model;
    session->pool = threads_new(n_threads, err);
    if (session->pool == NULL) {
        gpt2_session_free(session);
        return NULL;
    }
    if (!allocate(session)) {
        error_no_memory(err, "the KV cache and buffers of a session");
        gpt2_session_free(session);
        return NULL;
    }
    return session;
}

void gpt2_session_free(struct gpt2_session *session) {
    if (session == NULL)
        return;
    threads_free(session->pool);
    tensor_free(session->keys);
    tensor_free(session->values);
    tensor_free(session->x);
    tensor_free(session->normed);
    tensor_free(session->qkv);
    tensor_free(session->scores);
    tensor_free(session->context);
    tensor_free(session->widened);
    tensor_free(session->added);
    tensor_free(session->logits);
    free(session);
}

size_t gpt2_n_past(const struct gpt2_session *session) {
    return session->n_past;
}

void gpt2_rewind(struct gpt2_session *session, size_t n_past) {
    if (n_past < session->n_past) {
        session->n_past = n_past;
        session->has_logits = false;
        session->n_readable = 0;
    }
}

/* --- attention over the cache ----------------------------------------------------------------- */

/* Where the keys (or values) of one head stand in the cache: [n_ctx, d_head] */
static float *cached(const struct gpt2_session *session, float *cache, size_t layer, size_t head) {
    const struct gpt2_config *config = &session->model->config;
    size_t d_head = config->n_embd / config->n_head;
    return cache + (layer * config->n_head + head) * config->n_ctx * d_head;
}

struct attention_job {
    struct gpt2_session *session;
    size_t layer;
    size_t n; // new tokens, at positions n_past to n_past + n - 1
};

/* Puts the new tokens' keys and values of one head into the cache. */
static void remember(const struct attention_job *job, size_t head) {
    struct gpt2_session *session = job->session;
    const struct gpt2_config *config = &session->model->config;
    size_t n_embd = config->n_embd, d_head = n_embd / config->n_head;
    float *keys = cached(session, session->keys, job->layer, head);     // [n_ctx, d_head]
    float *values = cached(session, session->values, job->layer, head); // [n_ctx, d_head]
    for (size_t t = 0; t < job->n; t++) {
        const float *key = session->qkv + t * 3 * n_embd + n_embd + head * d_head; // [d_head]
        const float *value = key + n_embd;                                         // [d_head]
        size_t position = session->n_past + t;
        memcpy(keys + position * d_head, key, d_head * sizeof *key);
        memcpy(values + position * d_head, value, d_head * sizeof *value);
    }
}

/* One query against the first n_keys cached keys; context: [d_head] gets the blended values. */
static void attend(const float *query, const float *keys, const float *values, size_t n_keys,
                   size_t d_head, float *scores, float *context) {
    float scale = 1.0f / sqrtf((float)d_head);
    for (size_t s = 0; s < n_keys; s++)
        scores[s] = dot(query, keys + s * d_head, d_head) * scale;
    softmax(scores, n_keys);
    memset(context, 0, d_head * sizeof *context);
    for (size_t s = 0; s < n_keys; s++) {
        const float *value = values + s * d_head; // [d_head]
        for (size_t i = 0; i < d_head; i++)
            context[i] += scores[s] * value[i];
    }
}

/* The heads [begin, end) for all new tokens. */
static void run_heads(void *argument, size_t begin, size_t end) {
    const struct attention_job *job = argument;
    struct gpt2_session *session = job->session;
    const struct gpt2_config *config = &session->model->config;
    size_t n_embd = config->n_embd, d_head = n_embd / config->n_head;
    for (size_t head = begin; head < end; head++) {
        remember(job, head);
        const float *keys = cached(session, session->keys, job->layer, head);
        const float *values = cached(session, session->values, job->layer, head);
        for (size_t t = 0; t < job->n; t++) {
            // The causal mask: a token sees the keys up to its own and no further.
            size_t n_keys = session->n_past + t + 1;
            attend(session->qkv + t * 3 * n_embd + head * d_head, keys, values, n_keys, d_head,
                   session->scores + head * config->n_ctx,
                   session->context + t * n_embd + head * d_head);
        }
    }
}

/* --- the forward pass ------------------------------------------------------------------------- */

static void embed(struct gpt2_session *session, const uint32_t *ids, size_t n) {
    const struct gpt2_model *model = session->model;
    size_t n_embd = model->config.n_embd;
    for (size_t t = 0; t < n; t++) {
        const float *token = model->wte + ids[t] * n_embd;                   // [n_embd]
        const float *position = model->wpe + (session->n_past + t) * n_embd; // [n_embd]
        for (size_t i = 0; i < n_embd; i++)
            session->x[t * n_embd + i] = token[i] + position[i];
    }
}

static void norm_rows(struct gpt2_session *session, float *out, const float *weight,
                      const float *bias, size_t n) {
    const struct gpt2_config *config = &session->model->config;
    for (size_t t = 0; t < n; t++)
        layer_norm(out + t * config->n_embd, session->x + t * config->n_embd, weight, bias,
                   config->n_embd, config->layer_norm_epsilon);
}

/* added = layer(in), for n rows */
static void apply(struct gpt2_session *session, float *out, const float *in, const float *weight,
                  const float *bias, size_t n, size_t n_in, size_t n_out) {
    struct linear_layer layer = {weight, bias, n_in, n_out, LINEAR_IN_OUT};
    linear_layer_forward(&layer, session->pool, out, in, n);
}

static void add_to_x(struct gpt2_session *session, size_t n) {
    size_t count = n * session->model->config.n_embd;
    for (size_t i = 0; i < count; i++)
        session->x[i] += session->added[i];
}

static void run_attention(struct gpt2_session *session, size_t layer, size_t n) {
    const struct gpt2_config *config = &session->model->config;
    const struct gpt2_layer *weights = &session->model->layers[layer];
    size_t n_embd = config->n_embd;
    apply(session, session->qkv, session->normed, weights->attn_c_attn_weight,
          weights->attn_c_attn_bias, n, n_embd, 3 * n_embd);
    struct attention_job job = {session, layer, n};
    threads_run(session->pool, config->n_head, run_heads, &job);
    apply(session, session->added, session->context, weights->attn_c_proj_weight,
          weights->attn_c_proj_bias, n, n_embd, n_embd);
}

static void run_mlp(struct gpt2_session *session, size_t layer, size_t n) {
    const struct gpt2_config *config = &session->model->config;
    const struct gpt2_layer *weights = &session->model->layers[layer];
    size_t n_embd = config->n_embd, n_inner = config->n_inner;
    apply(session, session->widened, session->normed, weights->mlp_c_fc_weight,
          weights->mlp_c_fc_bias, n, n_embd, n_inner);
    if (config->activation == GPT2_GELU_TANH)
        gelu(session->widened, n * n_inner);
    else
        gelu_exact(session->widened, n * n_inner);
    apply(session, session->added, session->widened, weights->mlp_c_proj_weight,
          weights->mlp_c_proj_bias, n, n_inner, n_embd);
}

static void run_block(struct gpt2_session *session, size_t layer, size_t n) {
    const struct gpt2_layer *weights = &session->model->layers[layer];
    norm_rows(session, session->normed, weights->ln_1_weight, weights->ln_1_bias, n);
    run_attention(session, layer, n);
    add_to_x(session, n);
    norm_rows(session, session->normed, weights->ln_2_weight, weights->ln_2_bias, n);
    run_mlp(session, layer, n);
    add_to_x(session, n);
}

/* Scores for n rows of x from `first` on. out: [n, vocab_size] */
static void run_head(struct gpt2_session *session, size_t first, size_t n, float *out) {
    const struct gpt2_model *model = session->model;
    size_t n_embd = model->config.n_embd;
    struct linear_layer head = {model->lm_head, NULL, n_embd, model->config.vocab_size,
                                LINEAR_OUT_IN};
    linear_layer_forward(&head, session->pool, out, session->x + first * n_embd, n);
}

static bool check(const struct gpt2_session *session, const uint32_t *ids, size_t n,
                  struct error *err) {
    const struct gpt2_config *config = &session->model->config;
    if (n < 1)
        return error_set(err, "no tokens given, expected at least 1");
    if (n > config->n_ctx - session->n_past)
        return error_set(err,
                         "the text has %zu tokens, and the model takes at most %zu: shorten it",
                         session->n_past + n, config->n_ctx);
    for (size_t t = 0; t < n; t++) {
        if (ids[t] >= config->vocab_size)
            return error_set(err, "token id %lu at position %zu, expected less than %zu",
                             (unsigned long)ids[t], session->n_past + t, config->vocab_size);
    }
    return true;
}

bool gpt2_prefill(struct gpt2_session *session, const uint32_t *ids, size_t n,
                  enum gpt2_logits_wanted wanted, struct error *err) {
    const struct gpt2_model *model = session->model;
    size_t n_embd = model->config.n_embd;
    if (!check(session, ids, n, err))
        return false;
    embed(session, ids, n);
    for (size_t layer = 0; layer < model->config.n_layer; layer++)
        run_block(session, layer, n);
    if (wanted == GPT2_LOGITS_ALL) {
        norm_rows(session, session->x, model->ln_f_weight, model->ln_f_bias, n);
    } else {
        float *last = session->x + (n - 1) * n_embd; // [n_embd]
        layer_norm(last, last, model->ln_f_weight, model->ln_f_bias, n_embd,
                   model->config.layer_norm_epsilon);
    }
    run_head(session, n - 1, 1, session->logits);
    session->n_past += n;
    session->has_logits = true;
    session->n_readable = wanted == GPT2_LOGITS_ALL ? n : 0;
    return true;
}

bool gpt2_decode(struct gpt2_session *session, uint32_t id, struct error *err) {
    return gpt2_prefill(session, &id, 1, GPT2_LOGITS_LAST, err);
}

const float *gpt2_logits(const struct gpt2_session *session) {
    return session->has_logits ? session->logits : NULL;
}

bool gpt2_logits_at(struct gpt2_session *session, size_t first, size_t n, float *out,
                    struct error *err) {
    if (first > session->n_readable || n > session->n_readable - first)
        return error_set(err,
                         "the logits of %zu positions from %zu on asked for, but the last prefill "
                         "kept %zu: was it one with GPT2_LOGITS_ALL?",
                         n, first, session->n_readable);
    run_head(session, first, n, out);
    return true;
}
