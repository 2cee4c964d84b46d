/* A model whose weights come from a random-number generator instead of a file. See model.h. */
#include "model.h"

#include <stdlib.h>

#include "random.h"
#include "tensor.h"

/* What the next tensor comes from and goes to. */
struct maker {
    struct gpt2_model *model;
    struct random_source random;
    bool failed; // a tensor could not be had; the later ones are not tried
};

/* Memory for a tensor [rows, columns] that the model owns; NULL when it can't be had. */
static float *make(struct maker *maker, size_t rows, size_t columns) {
    struct gpt2_model *model = maker->model;
    float *data = maker->failed ? NULL : arena_take_floats(&model->arena, rows, columns);
    if (data == NULL) {
        maker->failed = true;
        return NULL;
    }
    model->n_parameters += rows * columns; // fits: arena_take_floats has checked it
    return data;
}

/* [n]: every element the same, such as a layer norm's weights before training. */
static float *make_constant(struct maker *maker, size_t n, float value) {
    float *data = make(maker, 1, n);
    for (size_t i = 0; i < n && data != NULL; i++)
        data[i] = value;
    return data;
}

/*
 * [rows, columns]: numbers between -0.035 and 0.035, every one equally likely. Their standard
 * deviation is 0.02, config.json's initializer_range.
 */
static float *make_spread(struct maker *maker, size_t rows, size_t columns) {
    const float step = 0.035f / 0x1p31f; // 32 random bits make a whole number of steps
    float *data = make(maker, rows, columns);
    size_t count = data != NULL ? rows * columns : 0, i = 0;
    for (; i + 2 <= count; i += 2) {
        uint64_t bits = random_bits(&maker->random); // enough for two numbers
        data[i] = ((float)(uint32_t)bits - 0x1p31f) * step;
        data[i + 1] = ((float)(uint32_t)(bits >> 32) - 0x1p31f) * step;
    }
    if (i < count)
        data[i] = ((float)(uint32_t)random_bits(&maker->random) - 0x1p31f) * step;
    return data;
}

static void make_layer(struct maker *maker, struct gpt2_layer *layer) {
    size_t n_embd = maker->model->config.n_embd, n_inner = maker->model->config.n_inner;
    layer->ln_1_weight = make_constant(maker, n_embd, 1.0f);
    layer->ln_1_bias = make_constant(maker, n_embd, 0.0f);
    layer->attn_c_attn_weight = make_spread(maker, n_embd, 3 * n_embd);
    layer->attn_c_attn_bias = make_constant(maker, 3 * n_embd, 0.0f);
    layer->attn_c_proj_weight = make_spread(maker, n_embd, n_embd);
    layer->attn_c_proj_bias = make_constant(maker, n_embd, 0.0f);
    layer->ln_2_weight = make_constant(maker, n_embd, 1.0f);
    layer->ln_2_bias = make_constant(maker, n_embd, 0.0f);
    layer->mlp_c_fc_weight = make_spread(maker, n_embd, n_inner);
    layer->mlp_c_fc_bias = make_constant(maker, n_inner, 0.0f);
    layer->mlp_c_proj_weight = make_spread(maker, n_inner, n_embd);
    layer->mlp_c_proj_bias = make_constant(maker, n_embd, 0.0f);
}

static bool fill(struct gpt2_model *model, uint64_t seed) {
    const struct gpt2_config *config = &model->config;
    struct maker maker = {model, {seed}, false};
    size_t three_wide, layer_bytes;
    if (!size_multiply(config->n_embd, 3, &three_wide) ||
        !size_multiply(config->n_layer, sizeof *model->layers, &layer_bytes))
        return false;
    model->layers = calloc(config->n_layer + 1, sizeof *model->layers);
    if (model->layers == NULL)
        return false;
    model->wte = make_spread(&maker, config->vocab_size, config->n_embd);
    model->lm_head = model->wte;
    model->wpe = make_spread(&maker, config->n_ctx, config->n_embd);
    model->ln_f_weight = make_constant(&maker, config->n_embd, 1.0f);
    model->ln_f_bias = make_constant(&maker, config->n_embd, 0.0f);
    for (size_t n = 0; n < config->n_layer && !maker.failed; n++)
        make_layer(&maker, &model->layers[n]);
    if (!maker.failed)
        gpt2_model_link(model);
    return !maker.failed;
}

struct gpt2_model *gpt2_model_random(const struct gpt2_config *config, uint64_t seed,
                                     struct error *err) {
    struct gpt2_model *model = calloc(1, sizeof *model);
    if (model != NULL)
        model->config = *config;
    if (model == NULL || !fill(model, seed)) {
        error_no_memory(err, "a model with random weights");
        gpt2_model_close(model);
        return NULL;
    }
    return model;
}
