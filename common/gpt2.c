#include "gpt2.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/pack.h"
#include "tensor.h"
#include "threads.h"

enum { QUERIES_PER_ITEM = 32 }; // of one head: what a thread takes at a time

struct gpt2_session {
    const struct gpt2_model *model;
    struct compute compute;
    size_t n_past; // tokens in the cache
    bool has_logits;
    size_t n_readable; // positions of the last prefill that gpt2_logits_at may read

    // The cache: a part for each head of each layer; kernels/attention.h describes a part.
    enum cache_format format;
    void *keys;   // [n_layer, n_head, head_keys_bytes]
    void *values; // [n_layer, n_head, head_values_bytes]

    // What one pass over n tokens works in; n is at most n_ctx.
    float *x;       // [n, n_embd]: the residual stream; at the end, after ln_f
    float *normed;  // [n, n_embd]
    float *qkv;     // [n, 3 * n_embd]
    float *scores;  // [items of attention, ATTEND_TOGETHER, n_scores]
    float *context; // [n, n_embd]
    float *widened; // [n, n_inner]
    float *logits;  // [vocab_size]
};

/* --- making and freeing ----------------------------------------------------------------------- */

/* Scores of one query, filled up to whole tiles of keys. */
static size_t n_scores(const struct gpt2_config *config) {
    return groups_of(config->n_ctx, KEY_TILE) * KEY_TILE;
}

/* Each item of attention needs room for the scores of the queries that run side by side. NULL
 * without memory. */
static float *new_scores(const struct gpt2_config *config) {
    size_t n_rows;
    if (!size_multiply(config->n_head, groups_of(config->n_ctx, QUERIES_PER_ITEM), &n_rows) ||
        !size_multiply(n_rows, ATTEND_TOGETHER, &n_rows))
        return NULL;
    return tensor_new_2(n_rows, n_scores(config));
}

static bool allocate(struct gpt2_session *session) {
    const struct gpt2_config *config = &session->model->config;
    size_t n_ctx = config->n_ctx, n_embd = config->n_embd, d_head = n_embd / config->n_head;
    size_t n_heads, most;
    // head_keys_bytes and head_values_bytes multiply unchecked: this is no less than they give.
    if (!size_multiply(config->n_layer, config->n_head, &n_heads) ||
        !size_multiply(n_ctx + KEY_TILE, d_head + 16, &most) ||
        !size_multiply(most, sizeof(float), &most))
        return false;
    // Weights that are rounded go with a cache that is.
    session->format = session->model->weights == WEIGHTS_F32 ? CACHE_F32 : CACHE_BF16;
    size_t key_bytes = head_keys_bytes(session->format, n_ctx, d_head);
    size_t value_bytes = head_values_bytes(session->format, n_ctx, d_head);
    session->keys = tensor_new_2(n_heads, key_bytes / sizeof(float));
    session->values = tensor_new_2(n_heads, value_bytes / sizeof(float));
    session->x = tensor_new_2(n_ctx, n_embd);
    session->normed = tensor_new_2(n_ctx, n_embd);
    session->qkv = tensor_new_2(n_ctx, 3 * n_embd);
    session->scores = new_scores(config);
    session->context = tensor_new_2(n_ctx, n_embd);
    session->widened = tensor_new_2(n_ctx, config->n_inner);
    session->logits = tensor_new(config->vocab_size);
    return session->keys != NULL && session->values != NULL && session->x != NULL &&
           session->normed != NULL && session->qkv != NULL && session->scores != NULL &&
           session->context != NULL && session->widened != NULL && session->logits != NULL;
}

struct gpt2_session *gpt2_session_new(const struct gpt2_model *model, size_t n_threads,
                                      struct error *err) {
    const struct gpt2_config *config = &model->config;
    struct gpt2_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        error_no_memory(err, "a session");
        return NULL;
    }
    session->model = model;
    size_t widest = config->n_inner > 3 * config->n_embd ? config->n_inner : 3 * config->n_embd;
    if (!compute_new(&session->compute, n_threads, config->n_ctx, widest, err)) {
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
    compute_free(&session->compute);
    tensor_free(session->keys);
    tensor_free(session->values);
    tensor_free(session->x);
    tensor_free(session->normed);
    tensor_free(session->qkv);
    tensor_free(session->scores);
    tensor_free(session->context);
    tensor_free(session->widened);
    tensor_free(session->logits);
    free(session);
}

const char *gpt2_kernels_name(const struct gpt2_session *session) {
    return session->compute.kernels->name;
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

struct attention_job {
    struct gpt2_session *session;
    size_t layer;
    size_t n; // new tokens, at positions n_past to n_past + n - 1
};

/* One head's part of the cache. */
static struct head_cache cache_of(const struct gpt2_session *session, size_t layer, size_t head) {
    const struct gpt2_config *config = &session->model->config;
    size_t d_head = config->n_embd / config->n_head, part = layer * config->n_head + head;
    enum cache_format format = session->format;
    unsigned char *keys = session->keys, *values = session->values;
    keys += part * head_keys_bytes(format, config->n_ctx, d_head);
    values += part * head_values_bytes(format, config->n_ctx, d_head);
    return (struct head_cache){format, d_head, keys, values};
}

/* Puts the new tokens' keys and values of heads [begin, end) into the cache. */
static void remember(void *context, size_t begin, size_t end) {
    const struct attention_job *job = context;
    struct gpt2_session *session = job->session;
    size_t n_embd = session->model->config.n_embd, d_head = n_embd / session->model->config.n_head;
    for (size_t head = begin; head < end; head++) {
        struct head_cache cache = cache_of(session, job->layer, head);
        for (size_t t = 0; t < job->n; t++) {
            const float *query = session->qkv + t * 3 * n_embd + head * d_head; // [d_head]
            cache_write(&cache, session->n_past + t, query + n_embd, query + 2 * n_embd);
        }
    }
}

/* Items [begin, end): an item is up to QUERIES_PER_ITEM queries of one head. */
static void run_queries(void *context, size_t begin, size_t end) {
    const struct attention_job *job = context;
    struct gpt2_session *session = job->session;
    const struct gpt2_config *config = &session->model->config;
    size_t n_embd = config->n_embd, d_head = n_embd / config->n_head;
    if (job->n == 1) // an item is a head: what is remembered here need not be fetched again
        remember(context, begin, end);
    for (size_t item = begin; item < end; item++) {
        size_t head = item % config->n_head, first = item / config->n_head * QUERIES_PER_ITEM;
        size_t n = job->n - first < QUERIES_PER_ITEM ? job->n - first : QUERIES_PER_ITEM;
        const float *queries = session->qkv + first * 3 * n_embd + head * d_head;
        struct head_cache cache = cache_of(session, job->layer, head);
        // The causal mask: a token sees the keys up to its own and no further.
        session->compute.kernels->attend(
            &cache, queries, 3 * n_embd, n, session->n_past + first + 1,
            session->scores + item * ATTEND_TOGETHER * n_scores(config), n_scores(config),
            session->context + first * n_embd + head * d_head, n_embd);
    }
}

/* --- the forward pass ------------------------------------------------------------------------- */

static void embed(struct gpt2_session *session, const uint32_t *ids, size_t n) {
    const struct gpt2_model *model = session->model;
    size_t n_embd = model->config.n_embd;
    for (size_t t = 0; t < n; t++) {
        const float *position = model->wpe + (session->n_past + t) * n_embd; // [n_embd]
        matrix_row(&model->embeddings, ids[t], session->x + t * n_embd);
        for (size_t i = 0; i < n_embd; i++)
            session->x[t * n_embd + i] += position[i];
    }
}

/* Layer norm of rows of x. */
struct norm_job {
    const struct gpt2_session *session;
    float *out; // [n, n_embd]
    const float *weight, *bias;
};

static void run_norms(void *context, size_t begin, size_t end) {
    const struct norm_job *job = context;
    const struct gpt2_config *config = &job->session->model->config;
    size_t n_embd = config->n_embd;
    for (size_t t = begin; t < end; t++)
        job->session->compute.kernels->layer_norm(job->out + t * n_embd,
                                                  job->session->x + t * n_embd, job->weight,
                                                  job->bias, n_embd, config->layer_norm_epsilon);
}

/* out: [n, n_embd], may be x */
static void norm_rows(struct gpt2_session *session, float *out, const float *weight,
                      const float *bias, size_t n) {
    struct norm_job job = {session, out, weight, bias};
    // One row is done sooner than another thread is told of it.
    threads_run(n > 1 ? session->compute.pool : NULL, n, run_norms, &job);
}

/* x += attention(normed) */
static void run_attention(struct gpt2_session *session, size_t layer, size_t n) {
    const struct gpt2_config *config = &session->model->config;
    const struct gpt2_layer *weights = &session->model->layers[layer];
    struct attention_job job = {session, layer, n};
    struct linear_layer make_qkv = {weights->attn_c_attn, weights->attn_c_attn_bias, THEN_NOTHING,
                                    false};
    struct linear_layer mix = {weights->attn_c_proj, weights->attn_c_proj_bias, THEN_NOTHING, true};
    linear_forward(&session->compute, &make_qkv, session->qkv, session->normed, n);
    if (n == 1) {
        threads_run_even(session->compute.pool, config->n_head, run_queries, &job);
    } else {
        threads_run(session->compute.pool, config->n_head, remember, &job);
        // Later queries see more keys, so some items take longer.
        threads_run(session->compute.pool, config->n_head * groups_of(n, QUERIES_PER_ITEM),
                    run_queries, &job);
    }
    linear_forward(&session->compute, &mix, session->x, session->context, n);
}

/* x += mlp(normed) */
static void run_mlp(struct gpt2_session *session, size_t layer, size_t n) {
    const struct gpt2_layer *weights = &session->model->layers[layer];
    bool exact = session->model->config.activation == GPT2_GELU_EXACT;
    struct linear_layer widen = {weights->mlp_c_fc, weights->mlp_c_fc_bias,
                                 exact ? THEN_GELU_EXACT : THEN_GELU, false};
    struct linear_layer narrow = {weights->mlp_c_proj, weights->mlp_c_proj_bias, THEN_NOTHING,
                                  true};
    linear_forward(&session->compute, &widen, session->widened, session->normed, n);
    linear_forward(&session->compute, &narrow, session->x, session->widened, n);
}

static void run_block(struct gpt2_session *session, size_t layer, size_t n) {
    const struct gpt2_layer *weights = &session->model->layers[layer];
    norm_rows(session, session->normed, weights->ln_1_weight, weights->ln_1_bias, n);
    run_attention(session, layer, n);
    norm_rows(session, session->normed, weights->ln_2_weight, weights->ln_2_bias, n);
    run_mlp(session, layer, n);
}

/* Scores for n rows of x from `first` on. out: [n, vocab_size] */
static void run_head(struct gpt2_session *session, size_t first, size_t n, float *out) {
    const struct gpt2_model *model = session->model;
    struct linear_layer head = {model->head, NULL, THEN_NOTHING, false};
    linear_forward(&session->compute, &head, out, session->x + first * model->config.n_embd, n);
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
        session->compute.kernels->layer_norm(last, last, model->ln_f_weight, model->ln_f_bias,
                                             n_embd, model->config.layer_norm_epsilon);
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
