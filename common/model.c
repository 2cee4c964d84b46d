#include "model.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "model_files.h"
#include "safetensors.h"
#include "tensor.h"

enum { TENSORS_PER_LAYER = 12, TENSORS_OUTSIDE = 5, NAME_SIZE = 128 };

static const char OF_ONE_MODEL[] = "config.json and this file must be of one model";

/* What loading a tensor needs to know. */
struct loader {
    const struct safetensors *file;
    const char *prefix; // "transformer." or ""
    struct gpt2_model *model;
    struct error *err;
};

static bool load(struct loader *loader, float **out, struct shape expected, const char *name) {
    const char *path = safetensors_path(loader->file);
    const struct safetensors_tensor *tensor = safetensors_find(loader->file, name);
    if (tensor == NULL)
        return model_file_refuse(loader->err, path, "tensor %s is missing: %s", name, OF_ONE_MODEL);
    char found_text[SHAPE_TEXT_SIZE], expected_text[SHAPE_TEXT_SIZE];
    if (!shape_equal(&tensor->shape, &expected))
        return model_file_refuse(loader->err, path, "tensor %s has shape %s, expected %s: %s", name,
                                 shape_text(&tensor->shape, found_text),
                                 shape_text(&expected, expected_text), OF_ONE_MODEL);
    float *data = tensor_new(tensor->n_elements);
    if (data == NULL)
        return error_no_memory(loader->err, path);
    *out = data;
    loader->model->owned[loader->model->n_owned++] = data;
    loader->model->n_parameters += tensor->n_elements;
    bool copied = safetensors_to_float(loader->file, tensor, data, loader->err);
    // Without this the file and the copy are both in memory until all tensors are loaded.
    safetensors_release(loader->file, tensor);
    return copied;
}

/* Loads a tensor outside the blocks, such as wte.weight. */
static bool load_outer(struct loader *loader, float **out, struct shape expected,
                       const char *name) {
    char full_name[NAME_SIZE];
    snprintf(full_name, sizeof full_name, "%s%s", loader->prefix, name);
    return load(loader, out, expected, full_name);
}

/* Loads a tensor of block n, such as h.3.ln_1.weight. */
static bool load_inner(struct loader *loader, size_t n, float **out, struct shape expected,
                       const char *name) {
    char full_name[NAME_SIZE];
    snprintf(full_name, sizeof full_name, "%sh.%zu.%s", loader->prefix, n, name);
    return load(loader, out, expected, full_name);
}

static bool load_layer(struct loader *loader, size_t n) {
    const struct gpt2_config *config = &loader->model->config;
    struct gpt2_layer *layer = &loader->model->layers[n];
    size_t n_embd = config->n_embd, n_inner = config->n_inner;
    struct shape vector = shape_1(n_embd);
    struct shape qkv = shape_2(n_embd, 3 * n_embd), square = shape_2(n_embd, n_embd);
    struct shape widen = shape_2(n_embd, n_inner), narrow = shape_2(n_inner, n_embd);
    return load_inner(loader, n, &layer->ln_1_weight, vector, "ln_1.weight") &&
           load_inner(loader, n, &layer->ln_1_bias, vector, "ln_1.bias") &&
           load_inner(loader, n, &layer->attn_c_attn_weight, qkv, "attn.c_attn.weight") &&
           load_inner(loader, n, &layer->attn_c_attn_bias, shape_1(3 * n_embd),
                      "attn.c_attn.bias") &&
           load_inner(loader, n, &layer->attn_c_proj_weight, square, "attn.c_proj.weight") &&
           load_inner(loader, n, &layer->attn_c_proj_bias, vector, "attn.c_proj.bias") &&
           load_inner(loader, n, &layer->ln_2_weight, vector, "ln_2.weight") &&
           load_inner(loader, n, &layer->ln_2_bias, vector, "ln_2.bias") &&
           load_inner(loader, n, &layer->mlp_c_fc_weight, widen, "mlp.c_fc.weight") &&
           load_inner(loader, n, &layer->mlp_c_fc_bias, shape_1(n_inner), "mlp.c_fc.bias") &&
           load_inner(loader, n, &layer->mlp_c_proj_weight, narrow, "mlp.c_proj.weight") &&
           load_inner(loader, n, &layer->mlp_c_proj_bias, vector, "mlp.c_proj.bias");
}

/* The output head: a tensor of its own, or else the token embeddings read the other way. */
static bool load_head(struct loader *loader) {
    struct gpt2_model *model = loader->model;
    if (safetensors_find(loader->file, "lm_head.weight") == NULL) {
        model->lm_head = model->wte;
        return true;
    }
    // Never prefixed: in Hugging Face's model the head stands beside the transformer.
    return load(loader, &model->lm_head, shape_2(model->config.vocab_size, model->config.n_embd),
                "lm_head.weight");
}

static bool load_all(struct loader *loader) {
    struct gpt2_model *model = loader->model;
    const struct gpt2_config *config = &model->config;
    struct shape vector = shape_1(config->n_embd);
    if (!load_outer(loader, &model->wte, shape_2(config->vocab_size, config->n_embd),
                    "wte.weight") ||
        !load_outer(loader, &model->wpe, shape_2(config->n_ctx, config->n_embd), "wpe.weight") ||
        !load_outer(loader, &model->ln_f_weight, vector, "ln_f.weight") ||
        !load_outer(loader, &model->ln_f_bias, vector, "ln_f.bias") || !load_head(loader))
        return false;
    for (size_t n = 0; n < config->n_layer; n++) {
        if (!load_layer(loader, n))
            return false;
    }
    return true;
}

/* config.json and the file must agree on the number of blocks, before we allocate for them. */
static bool check_layers(const struct loader *loader) {
    size_t n_layer = loader->model->config.n_layer;
    const char *path = safetensors_path(loader->file);
    if (n_layer > safetensors_count(loader->file))
        return model_file_refuse(
            loader->err, path,
            "holds %zu tensors, too few for the %zu layers that config.json claims: %s",
            safetensors_count(loader->file), n_layer, OF_ONE_MODEL);
    char name[NAME_SIZE];
    snprintf(name, sizeof name, "%sh.%zu.ln_1.weight", loader->prefix, n_layer);
    if (safetensors_find(loader->file, name) != NULL)
        return model_file_refuse(
            loader->err, path,
            "tensor %s is there, but config.json says that there are %zu layers: %s", name, n_layer,
            OF_ONE_MODEL);
    return true;
}

static bool fill(struct gpt2_model *model, const struct safetensors *file, struct error *err) {
    struct loader loader = {.file = file, .prefix = "", .model = model, .err = err};
    if (safetensors_find(file, "transformer.wte.weight") != NULL)
        loader.prefix = "transformer.";
    if (!check_layers(&loader))
        return false;
    size_t n_layer = model->config.n_layer;
    model->layers = calloc(n_layer + 1, sizeof *model->layers);
    model->owned = calloc(n_layer * TENSORS_PER_LAYER + TENSORS_OUTSIDE, sizeof(*model->owned));
    if (model->layers == NULL || model->owned == NULL)
        return error_no_memory(err, safetensors_path(file));
    return load_all(&loader);
}

struct gpt2_model *gpt2_model_open(const char *folder, struct error *err) {
    struct gpt2_config config;
    if (!gpt2_config_read(folder, &config, err))
        return NULL;
    struct gpt2_model *model = calloc(1, sizeof *model);
    char *path = path_join(folder, "model.safetensors");
    bool filled = false;
    if (model == NULL || path == NULL) {
        error_no_memory(err, folder);
    } else {
        model->config = config;
        struct safetensors *file = safetensors_open(path, err);
        filled = file != NULL && fill(model, file, err);
        safetensors_close(file);
    }
    free(path);
    if (!filled) {
        gpt2_model_close(model);
        return NULL;
    }
    return model;
}

void gpt2_model_close(struct gpt2_model *model) {
    if (model == NULL)
        return;
    for (size_t i = 0; i < model->n_owned; i++)
        tensor_free(model->owned[i]);
    free(model->owned);
    free(model->layers);
    free(model);
}
