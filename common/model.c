#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "model_files.h"
#include "safetensors.h"
#include "tensor.h"
#include "weights.h"

enum { NAME_SIZE = 128 };

/* What loading a tensor needs to know. */
struct loader {
    struct weights_loader weights;
    bool readable;      // as arrays, or as matrices for the engine
    bool mapped;        // some matrix is used where the file is mapped
    const char *prefix; // "transformer." or ""
    struct gpt2_model *model;
    struct error *err;
};

/* --- one tensor ------------------------------------------------------------------------------- */

/* A tensor that is no matrix: always floats in memory of our own. out: the array of `shape` */
static bool load_array(struct loader *loader, const char *name, struct shape expected,
                       float **out) {
    const struct safetensors *file = loader->weights.file;
    const struct safetensors_tensor *tensor = weights_find(file, name, &expected, loader->err);
    if (tensor == NULL)
        return false;
    *out = arena_take_floats(&loader->model->arena, tensor->n_elements, 1);
    if (*out == NULL)
        return error_no_memory(loader->err, safetensors_path(file));
    loader->model->n_parameters += tensor->n_elements;
    return safetensors_to_float(file, tensor, *out, loader->err);
}

/* Panels, unpacked: an array that can be read. */
static bool unpack_matrix(struct loader *loader, enum weights_layout layout, const struct matrix *m,
                          float **array) {
    *array = arena_take_floats(&loader->model->arena, m->n_in, m->n_out);
    if (*array == NULL)
        return error_no_memory(loader->err, safetensors_path(loader->weights.file));
    weights_to_float(m, layout, *array);
    return true;
}

/* The weights of a linear layer, or the embeddings. array: [n_in, n_out] or [n_out, n_in], for a
 * model that is to be read */
static bool load_matrix(struct loader *loader, const char *name, enum weights_layout layout,
                        size_t n_in, size_t n_out, float **array, struct matrix *m) {
    bool mapped;
    if (!weights_load(&loader->weights, name, layout, n_in, n_out, m, &mapped, loader->err))
        return false;
    loader->model->n_parameters += n_in * n_out;
    loader->mapped = loader->mapped || mapped;
    if (!loader->readable)
        return true;
    if (mapped)
        return unpack_matrix(loader, layout, m, array);
    *array = (float *)(uintptr_t)m->data; // in the model's own memory
    return true;
}

/* --- all tensors ------------------------------------------------------------------------------ */

/* "h.3.ln_1.weight" of block 3, with the file's prefix. Returns text. */
static const char *inner(const struct loader *loader, size_t layer, const char *name,
                         char text[NAME_SIZE]) {
    snprintf(text, NAME_SIZE, "%sh.%zu.%s", loader->prefix, layer, name);
    return text;
}

/* "wte.weight", with the file's prefix. Returns text. */
static const char *outer(const struct loader *loader, const char *name, char text[NAME_SIZE]) {
    snprintf(text, NAME_SIZE, "%s%s", loader->prefix, name);
    return text;
}

void gpt2_layer_tensors(const struct gpt2_config *config, struct gpt2_layer *layer,
                        struct gpt2_tensor *tensors) {
    size_t n = config->n_embd, n_inner = config->n_inner;
    const struct gpt2_tensor table[GPT2_LAYER_TENSORS] = {
        {"attn.c_attn.weight", n, 3 * n, &layer->attn_c_attn_weight, &layer->attn_c_attn},
        {"attn.c_proj.weight", n, n, &layer->attn_c_proj_weight, &layer->attn_c_proj},
        {"mlp.c_fc.weight", n, n_inner, &layer->mlp_c_fc_weight, &layer->mlp_c_fc},
        {"mlp.c_proj.weight", n_inner, n, &layer->mlp_c_proj_weight, &layer->mlp_c_proj},
        {"ln_1.weight", 1, n, &layer->ln_1_weight, NULL},
        {"ln_1.bias", 1, n, &layer->ln_1_bias, NULL},
        {"attn.c_attn.bias", 1, 3 * n, &layer->attn_c_attn_bias, NULL},
        {"attn.c_proj.bias", 1, n, &layer->attn_c_proj_bias, NULL},
        {"ln_2.weight", 1, n, &layer->ln_2_weight, NULL},
        {"ln_2.bias", 1, n, &layer->ln_2_bias, NULL},
        {"mlp.c_fc.bias", 1, n_inner, &layer->mlp_c_fc_bias, NULL},
        {"mlp.c_proj.bias", 1, n, &layer->mlp_c_proj_bias, NULL},
    };
    memcpy(tensors, table, sizeof table);
}

/* Block n. */
static bool load_layer(struct loader *loader, size_t n) {
    struct gpt2_tensor tensors[GPT2_LAYER_TENSORS];
    gpt2_layer_tensors(&loader->model->config, &loader->model->layers[n], tensors);
    for (size_t i = 0; i < GPT2_LAYER_TENSORS; i++) {
        const struct gpt2_tensor *t = &tensors[i];
        char name[NAME_SIZE];
        inner(loader, n, t->name, name);
        bool loaded = t->matrix != NULL ? load_matrix(loader, name, WEIGHTS_IN_OUT, t->n_in,
                                                      t->n_out, t->array, t->matrix)
                                        : load_array(loader, name, shape_1(t->n_out), t->array);
        if (!loaded)
            return false;
    }
    return true;
}

/* The output head: a tensor of its own, or else the token embeddings read the other way. */
static bool load_head(struct loader *loader) {
    struct gpt2_model *model = loader->model;
    if (safetensors_find(loader->weights.file, "lm_head.weight") == NULL) {
        model->lm_head = model->wte;
        model->head = model->embeddings;
        return true;
    }
    // Never prefixed: in Hugging Face's model the head stands beside the transformer.
    return load_matrix(loader, "lm_head.weight", WEIGHTS_OUT_IN, model->config.n_embd,
                       model->config.vocab_size, &model->lm_head, &model->head);
}

static bool load_all(struct loader *loader) {
    struct gpt2_model *model = loader->model;
    const struct gpt2_config *config = &model->config;
    struct shape vector = shape_1(config->n_embd);
    char name[NAME_SIZE];
    if (!load_matrix(loader, outer(loader, "wte.weight", name), WEIGHTS_OUT_IN, config->n_embd,
                     config->vocab_size, &model->wte, &model->embeddings) ||
        !load_array(loader, outer(loader, "wpe.weight", name),
                    shape_2(config->n_ctx, config->n_embd), &model->wpe) ||
        !load_array(loader, outer(loader, "ln_f.weight", name), vector, &model->ln_f_weight) ||
        !load_array(loader, outer(loader, "ln_f.bias", name), vector, &model->ln_f_bias) ||
        !load_head(loader))
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
    const struct safetensors *file = loader->weights.file;
    if (n_layer > safetensors_count(file))
        return model_file_refuse(
            loader->err, safetensors_path(file),
            "holds %zu tensors, too few for the %zu layers that config.json claims: %s",
            safetensors_count(file), n_layer, weights_of_one_model);
    char name[NAME_SIZE];
    inner(loader, n_layer, "ln_1.weight", name);
    if (safetensors_find(file, name) != NULL)
        return model_file_refuse(
            loader->err, safetensors_path(file),
            "tensor %s is there, but config.json says that there are %zu layers: %s", name, n_layer,
            weights_of_one_model);
    return true;
}

/* --- the model -------------------------------------------------------------------------------- */

/* What every token reads: all linear layers, the head, the blocks' small arrays. (A row of each
 * embedding and the final norm come to less than a thousandth of that.) */
static size_t bytes_per_token(const struct gpt2_model *model) {
    size_t bytes = weights_bytes(&model->head);
    for (size_t n = 0; n < model->config.n_layer; n++) {
        struct gpt2_tensor tensors[GPT2_LAYER_TENSORS];
        gpt2_layer_tensors(&model->config, &model->layers[n], tensors);
        for (size_t i = 0; i < GPT2_LAYER_TENSORS; i++)
            bytes += tensors[i].matrix != NULL ? weights_bytes(tensors[i].matrix)
                                               : tensors[i].n_out * sizeof(float);
    }
    return bytes;
}

void gpt2_model_link(struct gpt2_model *model) {
    const struct gpt2_config *c = &model->config;
    size_t n_in = c->n_embd, n_out = c->vocab_size;
    model->weights = WEIGHTS_F32;
    model->embeddings = (struct matrix){MATRIX_F32_OUT_IN, model->wte, NULL, n_in, n_out};
    model->head = (struct matrix){MATRIX_F32_OUT_IN, model->lm_head, NULL, n_in, n_out};
    for (size_t n = 0; n < c->n_layer; n++) {
        struct gpt2_tensor tensors[GPT2_LAYER_TENSORS];
        gpt2_layer_tensors(c, &model->layers[n], tensors);
        for (size_t i = 0; i < GPT2_LAYER_TENSORS; i++) {
            const struct gpt2_tensor *t = &tensors[i];
            if (t->matrix != NULL)
                *t->matrix = (struct matrix){MATRIX_F32_IN_OUT, *t->array, NULL, t->n_in, t->n_out};
        }
    }
    model->n_bytes_per_token = bytes_per_token(model);
}

/* The format that the matrices turned out to have. */
static enum weights_format format_of(const struct gpt2_model *model) {
    return model->embeddings.format == MATRIX_BF16   ? WEIGHTS_BF16
           : model->embeddings.format == MATRIX_INT8 ? WEIGHTS_INT8
                                                     : WEIGHTS_F32;
}

static bool fill(struct loader *loader) {
    struct gpt2_model *model = loader->model;
    loader->prefix = "";
    if (safetensors_find(model->file, "transformer.wte.weight") != NULL)
        loader->prefix = "transformer.";
    if (!check_layers(loader))
        return false;
    size_t n_layer = model->config.n_layer;
    model->layers = calloc(n_layer + 1, sizeof *model->layers);
    if (model->layers == NULL)
        return error_no_memory(loader->err, safetensors_path(model->file));
    if (!load_all(loader))
        return false;
    if (loader->readable)
        gpt2_model_link(model);
    model->weights = format_of(model);
    model->n_bytes_per_token = bytes_per_token(model);
    return true;
}

/* Opens config.json and the weights of a folder into a new model. */
static bool open_files(const char *folder, struct gpt2_model *model, struct error *err) {
    if (!gpt2_config_read(folder, &model->config, err))
        return false;
    char *path = path_join(folder, "model.safetensors");
    if (path == NULL)
        return error_no_memory(err, folder);
    model->file = safetensors_open(path, err);
    free(path);
    return model->file != NULL;
}

static struct gpt2_model *open_model(const char *folder, bool readable, enum weights_format wanted,
                                     struct threads *pool, struct error *err) {
    struct gpt2_model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        error_no_memory(err, folder);
        return NULL;
    }
    struct loader loader = {.readable = readable, .model = model, .err = err};
    if (open_files(folder, model, err)) {
        loader.weights = (struct weights_loader){model->file, wanted, kernels_for_this_processor(),
                                                 pool, &model->arena};
        if (fill(&loader)) {
            if (readable || !loader.mapped) { // everything is in memory of our own
                safetensors_close(model->file);
                model->file = NULL;
            }
            return model;
        }
    }
    gpt2_model_close(model);
    return NULL;
}

struct gpt2_model *gpt2_model_open(const char *folder, struct error *err) {
    return open_model(folder, true, WEIGHTS_AS_STORED, NULL, err);
}

struct gpt2_model *gpt2_model_open_for_engine(const char *folder, enum weights_format wanted,
                                              size_t n_threads, struct error *err) {
    struct threads *pool = threads_new(n_threads, err);
    if (pool == NULL)
        return NULL;
    struct gpt2_model *model = open_model(folder, false, wanted, pool, err);
    threads_free(pool);
    return model;
}

void gpt2_model_close(struct gpt2_model *model) {
    if (model == NULL)
        return;
    arena_free(&model->arena);
    free(model->layers);
    safetensors_close(model->file);
    free(model);
}
