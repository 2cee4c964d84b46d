#include "quantize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "model.h"
#include "safetensors_write.h"
#include "tensor.h"

enum { NAME_SIZE = 64, ENTRIES_PER_LAYER = 16, ENTRIES_OUTSIDE = 8, FILE_LIMIT = 1 << 28 };

/* The tensors of the file to be. */
struct list {
    struct safetensors_entry *entries; // [count]
    char (*names)[NAME_SIZE];          // [count]
    size_t count;
};

static void add(struct list *list, const char *name, const char *dtype, struct shape shape,
                const void *data, size_t n_bytes) {
    char *kept = list->names[list->count];
    snprintf(kept, NAME_SIZE, "%s", name);
    list->entries[list->count++] = (struct safetensors_entry){kept, dtype, shape, data, n_bytes};
}

static void add_array(struct list *list, const char *name, struct shape shape, const float *data) {
    size_t count = 0;
    shape_count(&shape, &count); // it is in memory, so it fits
    add(list, name, "F32", shape, data, count * sizeof *data);
}

static void add_matrix(struct list *list, const char *name, const struct matrix *m) {
    size_t scale_bytes = 0, all = weights_bytes(m);
    if (m->format == MATRIX_BF16) {
        add(list, name, "BF16", weights_panel_shape(m), m->data, all);
    } else {
        char scales[NAME_SIZE];
        struct shape shape = weights_scale_shape(m);
        shape_count(&shape, &scale_bytes);
        scale_bytes *= sizeof *m->scales;
        snprintf(scales, sizeof scales, "%s_scales", name);
        add(list, name, "I8", weights_panel_shape(m), m->data, all - scale_bytes);
        add(list, scales, "BF16", shape, m->scales, scale_bytes);
    }
}

/* Those of a block: its matrices, or all else. */
static void add_layer(struct list *list, const struct gpt2_model *model, size_t n, bool matrices) {
    struct gpt2_tensor tensors[GPT2_LAYER_TENSORS];
    gpt2_layer_tensors(&model->config, &model->layers[n], tensors);
    for (size_t i = 0; i < GPT2_LAYER_TENSORS; i++) {
        const struct gpt2_tensor *t = &tensors[i];
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "h.%zu.%s", n, t->name);
        if (matrices && t->matrix != NULL)
            add_matrix(list, name, t->matrix);
        else if (!matrices && t->matrix == NULL)
            add_array(list, name, shape_1(t->n_out), *t->array);
    }
}

/* All matrices, which keep the alignment of what follows them; then the small arrays. */
static void list_tensors(const struct gpt2_model *model, struct list *list) {
    const struct gpt2_config *c = &model->config;
    add_matrix(list, "wte.weight", &model->embeddings);
    if (model->head.data != model->embeddings.data)
        add_matrix(list, "lm_head.weight", &model->head);
    for (size_t n = 0; n < c->n_layer; n++)
        add_layer(list, model, n, true);
    add_array(list, "wpe.weight", shape_2(c->n_ctx, c->n_embd), model->wpe);
    add_array(list, "ln_f.weight", shape_1(c->n_embd), model->ln_f_weight);
    add_array(list, "ln_f.bias", shape_1(c->n_embd), model->ln_f_bias);
    for (size_t n = 0; n < c->n_layer; n++)
        add_layer(list, model, n, false);
}

static bool write_weights(const struct gpt2_model *model, const char *path, struct error *err) {
    size_t most = model->config.n_layer * ENTRIES_PER_LAYER + ENTRIES_OUTSIDE;
    struct list list = {calloc(most, sizeof *list.entries), calloc(most, sizeof *list.names), 0};
    bool written = false;
    if (list.entries == NULL || list.names == NULL) {
        error_no_memory(err, path);
    } else {
        list_tensors(model, &list);
        written = safetensors_write(path, list.entries, list.count, err);
    }
    free(list.entries);
    free(list.names);
    return written;
}

/* --- the folder ------------------------------------------------------------------------------- */

static const char *const copied[] = {"config.json", "vocab.json", "merges.txt"};

static bool refuse(const char *path, struct error *err) {
    return error_set(err, "%s: is there already: name another folder, or remove it first", path);
}

/* Nothing that is there may be written over. */
static bool refuse_weights(const char *out, struct error *err) {
    char *path = path_join(out, "model.safetensors");
    if (path == NULL)
        return error_no_memory(err, out);
    bool fine = !file_exists(path) || refuse(path, err);
    free(path);
    return fine;
}

/* The same for a copy, unless an attempt that was interrupted has left the very same one. */
static bool refuse_other(const char *from, const char *to, struct error *err) {
    size_t n_from, n_to;
    if (!file_exists(to))
        return true;
    char *expected = file_read(from, FILE_LIMIT, &n_from, err);
    char *found = expected != NULL ? file_read(to, FILE_LIMIT, &n_to, err) : NULL;
    bool fine = false;
    if (found != NULL)
        fine = (n_from == n_to && memcmp(expected, found, n_to) == 0) || refuse(to, err);
    free(expected);
    free(found);
    return fine;
}

static bool copy_file(const char *from, const char *to, struct error *err) {
    size_t length;
    char *bytes = file_read(from, FILE_LIMIT, &length, err);
    bool done = bytes != NULL && file_write(to, bytes, length, err);
    free(bytes);
    return done;
}

typedef bool file_action(const char *from, const char *to, struct error *err);

/* Does something with each file that is copied, until it fails. */
static bool for_copied(const char *folder, const char *out, file_action *action,
                       struct error *err) {
    bool done = true;
    for (size_t i = 0; i < sizeof copied / sizeof copied[0] && done; i++) {
        char *from = path_join(folder, copied[i]), *to = path_join(out, copied[i]);
        done = from != NULL && to != NULL ? action(from, to, err) : error_no_memory(err, copied[i]);
        free(from);
        free(to);
    }
    return done;
}

static bool write_folder(const char *folder, const char *out, const struct gpt2_model *model,
                         struct error *err) {
    if (!folder_make(out, err) || !for_copied(folder, out, copy_file, err))
        return false;
    char *path = path_join(out, "model.safetensors");
    bool written = path != NULL ? write_weights(model, path, err) : error_no_memory(err, out);
    free(path);
    return written;
}

bool quantize_folder(const char *folder, const char *out, enum weights_format weights,
                     size_t n_threads, struct error *err) {
    if (!refuse_weights(out, err) || !for_copied(folder, out, refuse_other, err))
        return false;
    struct gpt2_model *model = gpt2_model_open_for_engine(folder, weights, n_threads, err);
    bool written = model != NULL && write_folder(folder, out, model, err);
    gpt2_model_close(model);
    return written;
}
