#include "transformer.h"

#include <math.h>
#include <stdlib.h>

#include "ops.h"

static void show(const struct trace *trace, size_t layer, const char *name, struct shape shape,
                 const float *data) {
    if (trace != NULL)
        trace->show(trace->context, layer, name, shape, data);
}

void transformer_embed(struct transformer *transformer, const uint32_t *ids, size_t seq_len) {
    const struct gpt2_model *model = transformer->model;
    size_t n_embd = model->config.n_embd;
    for (size_t t = 0; t < seq_len; t++) {
        const float *token = model->wte + ids[t] * n_embd; // [n_embd]
        const float *position = model->wpe + t * n_embd;   // [n_embd]
        float *x = transformer->x + t * n_embd;            // [n_embd]
        for (size_t i = 0; i < n_embd; i++)
            x[i] = token[i] + position[i];
    }
}

/* Layer norm of every position. x: [seq_len, n_embd] -> normed: [seq_len, n_embd] */
static void norm_all(struct transformer *transformer, float *out, const float *weight,
                     const float *bias, size_t seq_len) {
    const struct gpt2_config *config = &transformer->model->config;
    for (size_t t = 0; t < seq_len; t++)
        layer_norm(out + t * config->n_embd, transformer->x + t * config->n_embd, weight, bias,
                   config->n_embd, config->layer_norm_epsilon);
}

/* The residual connection: keep x, add what attention or the MLP found. */
static void add_to_x(struct transformer *transformer, size_t seq_len) {
    size_t n = seq_len * transformer->model->config.n_embd;
    for (size_t i = 0; i < n; i++)
        transformer->x[i] += transformer->added[i];
}

/* One head: every token's query searches the keys of the tokens up to itself. */
static void attention_head(struct transformer *transformer, size_t head, size_t seq_len) {
    const struct gpt2_config *config = &transformer->model->config;
    size_t n_embd = config->n_embd;
    size_t d_head = n_embd / config->n_head;
    float scale = 1.0f / sqrtf((float)d_head);
    float *head_weights = transformer->attention_weights + head * seq_len * seq_len;

    for (size_t t = 0; t < seq_len; t++) {
        const float *qkv_t = transformer->qkv + t * 3 * n_embd;             // [3 * n_embd]
        const float *query = qkv_t + head * d_head;                         // [d_head]
        float *weights = head_weights + t * seq_len;                        // [seq_len]
        float *context = transformer->context + t * n_embd + head * d_head; // [d_head]

        // A token may look at itself and at what came before it. The rest is masked: it gets a
        // weight of 0.
        for (size_t s = 0; s <= t; s++) {
            const float *key = transformer->qkv + s * 3 * n_embd + n_embd + head * d_head;
            weights[s] = dot(query, key, d_head) * scale;
        }
        softmax(weights, t + 1);
        for (size_t s = t + 1; s < seq_len; s++)
            weights[s] = 0.0f;

        // What it fetches: the values, each taken to its weight.
        for (size_t i = 0; i < d_head; i++)
            context[i] = 0.0f;
        for (size_t s = 0; s <= t; s++) {
            const float *value = transformer->qkv + s * 3 * n_embd + 2 * n_embd + head * d_head;
            for (size_t i = 0; i < d_head; i++)
                context[i] += weights[s] * value[i];
        }
    }
}

void transformer_attention(struct transformer *transformer, size_t layer, size_t seq_len,
                           const struct trace *trace) {
    const struct gpt2_config *config = &transformer->model->config;
    const struct gpt2_layer *weights = &transformer->model->layers[layer];
    size_t n_embd = config->n_embd;

    linear(transformer->qkv, transformer->normed, weights->attn_c_attn_weight,
           weights->attn_c_attn_bias, seq_len, n_embd, 3 * n_embd);
    show(trace, layer, "qkv", shape_2(seq_len, 3 * n_embd), transformer->qkv);

    for (size_t head = 0; head < config->n_head; head++)
        attention_head(transformer, head, seq_len);
    show(trace, layer, "attention_weights", shape_3(config->n_head, seq_len, seq_len),
         transformer->attention_weights);
    show(trace, layer, "context", shape_2(seq_len, n_embd), transformer->context);

    linear(transformer->added, transformer->context, weights->attn_c_proj_weight,
           weights->attn_c_proj_bias, seq_len, n_embd, n_embd);
    show(trace, layer, "attention_output", shape_2(seq_len, n_embd), transformer->added);
}

void transformer_mlp(struct transformer *transformer, size_t layer, size_t seq_len,
                     const struct trace *trace) {
    const struct gpt2_config *config = &transformer->model->config;
    const struct gpt2_layer *weights = &transformer->model->layers[layer];
    size_t n_embd = config->n_embd, n_inner = config->n_inner;

    linear(transformer->widened, transformer->normed, weights->mlp_c_fc_weight,
           weights->mlp_c_fc_bias, seq_len, n_embd, n_inner);
    show(trace, layer, "widened", shape_2(seq_len, n_inner), transformer->widened);

    if (config->activation == GPT2_GELU_TANH)
        gelu(transformer->widened, seq_len * n_inner);
    else
        gelu_exact(transformer->widened, seq_len * n_inner);
    show(trace, layer, "activated", shape_2(seq_len, n_inner), transformer->widened);

    linear(transformer->added, transformer->widened, weights->mlp_c_proj_weight,
           weights->mlp_c_proj_bias, seq_len, n_inner, n_embd);
    show(trace, layer, "mlp_output", shape_2(seq_len, n_embd), transformer->added);
}

void transformer_block(struct transformer *transformer, size_t layer, size_t seq_len,
                       const struct trace *trace) {
    const struct gpt2_layer *weights = &transformer->model->layers[layer];
    struct shape shape = shape_2(seq_len, transformer->model->config.n_embd);

    norm_all(transformer, transformer->normed, weights->ln_1_weight, weights->ln_1_bias, seq_len);
    show(trace, layer, "ln_1", shape, transformer->normed);
    transformer_attention(transformer, layer, seq_len, trace);
    add_to_x(transformer, seq_len);
    show(trace, layer, "residual_middle", shape, transformer->x);

    norm_all(transformer, transformer->normed, weights->ln_2_weight, weights->ln_2_bias, seq_len);
    show(trace, layer, "ln_2", shape, transformer->normed);
    transformer_mlp(transformer, layer, seq_len, trace);
    add_to_x(transformer, seq_len);
    show(trace, layer, "residual", shape, transformer->x);
}

static bool check_ids(const struct transformer *transformer, const uint32_t *ids, size_t seq_len,
                      struct error *err) {
    size_t vocab_size = transformer->model->config.vocab_size;
    if (seq_len < 1 || seq_len > transformer->max_len)
        return error_set(err, "%zu tokens given, expected 1 to %zu", seq_len, transformer->max_len);
    for (size_t t = 0; t < seq_len; t++) {
        if (ids[t] >= vocab_size)
            return error_set(err, "token id %lu at position %zu, expected less than %zu",
                             (unsigned long)ids[t], t, vocab_size);
    }
    return true;
}

bool transformer_forward(struct transformer *transformer, const uint32_t *ids, size_t seq_len,
                         const struct trace *trace, struct error *err) {
    const struct gpt2_model *model = transformer->model;
    struct shape shape = shape_2(seq_len, model->config.n_embd);
    if (!check_ids(transformer, ids, seq_len, err))
        return false;

    transformer_embed(transformer, ids, seq_len);
    show(trace, TRACE_OUTSIDE, "embeddings", shape, transformer->x);
    for (size_t layer = 0; layer < model->config.n_layer; layer++)
        transformer_block(transformer, layer, seq_len, trace);
    norm_all(transformer, transformer->x, model->ln_f_weight, model->ln_f_bias, seq_len);
    show(trace, TRACE_OUTSIDE, "ln_f", shape, transformer->x);
    return true;
}

void transformer_logits(const struct transformer *transformer, size_t position, float *logits) {
    const struct gpt2_model *model = transformer->model;
    size_t n_embd = model->config.n_embd;
    linear_by_rows(logits, transformer->x + position * n_embd, model->lm_head, 1, n_embd,
                   model->config.vocab_size);
}

struct transformer *transformer_new(const struct gpt2_model *model, size_t max_len,
                                    struct error *err) {
    const struct gpt2_config *config = &model->config;
    if (max_len < 1 || max_len > config->n_ctx) {
        error_set(err, "room for %zu tokens asked for, expected 1 to %zu", max_len, config->n_ctx);
        return NULL;
    }
    if (model->wte == NULL) {
        error_set(err, "the model was opened for the engine: the readable forward pass needs its "
                       "weights as arrays (gpt2_model_open)");
        return NULL;
    }
    struct transformer *transformer = calloc(1, sizeof *transformer);
    if (transformer == NULL) {
        error_no_memory(err, "the forward pass");
        return NULL;
    }
    size_t n_embd = config->n_embd, n_weights;
    transformer->model = model;
    transformer->max_len = max_len;
    transformer->x = tensor_new_2(max_len, n_embd);
    transformer->normed = tensor_new_2(max_len, n_embd);
    transformer->qkv = tensor_new_2(max_len, 3 * n_embd);
    if (size_multiply(max_len, max_len, &n_weights))
        transformer->attention_weights = tensor_new_2(config->n_head, n_weights);
    transformer->context = tensor_new_2(max_len, n_embd);
    transformer->widened = tensor_new_2(max_len, config->n_inner);
    transformer->added = tensor_new_2(max_len, n_embd);
    if (transformer->x == NULL || transformer->normed == NULL || transformer->qkv == NULL ||
        transformer->attention_weights == NULL || transformer->context == NULL ||
        transformer->widened == NULL || transformer->added == NULL) {
        error_no_memory(err, "the forward pass");
        transformer_free(transformer);
        return NULL;
    }
    return transformer;
}

void transformer_free(struct transformer *transformer) {
    if (transformer == NULL)
        return;
    tensor_free(transformer->x);
    tensor_free(transformer->normed);
    tensor_free(transformer->qkv);
    tensor_free(transformer->attention_weights);
    tensor_free(transformer->context);
    tensor_free(transformer->widened);
    tensor_free(transformer->added);
    free(transformer);
}
