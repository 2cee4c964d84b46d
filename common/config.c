/* config.c - config.json: the sizes of a model. Declared in model.h. */
#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"
#include "model.h"
#include "model_files.h"

enum { FILE_LIMIT = 1024 * 1024 };

/* A size from the file, no less than `least`; `fallback` when it is absent or null, and a fallback
 * of 0 means required. */
static bool read_size(const char *path, const cJSON *object, const char *name, size_t least,
                      size_t fallback, size_t *value, struct error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (item == NULL || cJSON_IsNull(item)) {
        *value = fallback;
        return fallback > 0 || model_file_refuse(err, path, "%s is missing", name);
    }
    if (!json_count(item, value) || *value < least)
        return model_file_refuse(err, path, "%s is not a whole number from %zu to %zu", name, least,
                                 JSON_COUNT_MAX);
    return true;
}

static bool read_sizes(const char *path, const cJSON *object, struct gpt2_config *config,
                       struct error *err) {
    // Both names stand in GPT-2's own file, with the same value; n_positions is what is used.
    const cJSON *n_positions = cJSON_GetObjectItemCaseSensitive(object, "n_positions");
    bool has_n_positions = n_positions != NULL && !cJSON_IsNull(n_positions);
    const char *n_ctx_name = has_n_positions ? "n_positions" : "n_ctx";
    if (!read_size(path, object, "vocab_size", 1, 0, &config->vocab_size, err) ||
        !read_size(path, object, n_ctx_name, 1, 0, &config->n_ctx, err) ||
        !read_size(path, object, "n_embd", 1, 0, &config->n_embd, err) ||
        !read_size(path, object, "n_head", 1, 0, &config->n_head, err) ||
        !read_size(path, object, "n_layer", 0, 0, &config->n_layer, err))
        return false;
    if (config->n_embd > SIZE_MAX / 4)
        return model_file_refuse(err, path, "n_embd %zu is too large", config->n_embd);
    if (!read_size(path, object, "n_inner", 1, 4 * config->n_embd, &config->n_inner, err))
        return false;
    if (config->n_embd % config->n_head != 0)
        return model_file_refuse(
            err, path,
            "n_embd %zu is not divisible by n_head %zu: every head needs the same "
            "share",
            config->n_embd, config->n_head);
    return true;
}

static bool read_activation(const char *path, const cJSON *object, struct gpt2_config *config,
                            struct error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "activation_function");
    if (item != NULL && !cJSON_IsString(item))
        return model_file_refuse(err, path,
                                 "activation_function is not a text, expected gelu_new or gelu");
    const char *name = item != NULL ? item->valuestring : "gelu_new";
    if (strcmp(name, "gelu_new") == 0 || strcmp(name, "gelu_pytorch_tanh") == 0)
        config->activation = GPT2_GELU_TANH;
    else if (strcmp(name, "gelu") == 0)
        config->activation = GPT2_GELU_EXACT;
    else
        return error_set(
            err,
            "%s: activation_function is \"%s\", expected gelu_new or gelu: this program "
            "has no other: name another folder with -m DIR (make: MODEL=DIR)",
            path, name);
    return true;
}

static bool read_epsilon(const char *path, const cJSON *object, struct gpt2_config *config,
                         struct error *err) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "layer_norm_epsilon");
    double value = item == NULL ? 1e-5 : item->valuedouble;
    if (item != NULL && (!cJSON_IsNumber(item) || !(value >= 0.0 && value <= FLT_MAX)))
        return model_file_refuse(err, path, "layer_norm_epsilon is not a number of at least 0");
    config->layer_norm_epsilon = (float)value;
    return true;
}

/* Settings of GPT-2 configurations that would change the arithmetic, and the value we know. */
static bool check_settings(const char *path, const cJSON *object, struct error *err) {
    static const struct {
        const char *name;
        bool known;
    } settings[] = {
        {"scale_attn_weights", true},
        {"scale_attn_by_inverse_layer_idx", false},
        {"add_cross_attention", false},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, settings[i].name);
        bool is_known = settings[i].known ? cJSON_IsTrue(item) : cJSON_IsFalse(item);
        const char *found = cJSON_IsTrue(item)    ? "true"
                            : cJSON_IsFalse(item) ? "false"
                                                  : "no boolean";
        if (item != NULL && !is_known)
            return error_set(err,
                             "%s: %s is %s, and this program only knows %s: name another folder "
                             "with -m DIR (make: MODEL=DIR)",
                             path, settings[i].name, found, settings[i].known ? "true" : "false");
    }
    return true;
}

/* The members that we read stand once: of two, other programs take the second, cJSON the first. */
static bool check_once(const char *path, const cJSON *object, struct error *err) {
    static const char *const names[] = {
        "model_type",
        "vocab_size",
        "n_positions",
        "n_ctx",
        "n_embd",
        "n_head",
        "n_layer",
        "n_inner",
        "activation_function",
        "layer_norm_epsilon",
        "scale_attn_weights",
        "scale_attn_by_inverse_layer_idx",
        "add_cross_attention",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = 0;
        for (const cJSON *item = object->child; item != NULL; item = item->next)
            n += strcmp(item->string, names[i]) == 0;
        if (n > 1)
            return model_file_refuse(err, path, "%s stands there %zu times, expected once",
                                     names[i], n);
    }
    return true;
}

static bool read_config(const char *path, const cJSON *object, struct gpt2_config *config,
                        struct error *err) {
    if (!cJSON_IsObject(object))
        return model_file_refuse(err, path, "expected a JSON object");
    if (!check_once(path, object, err))
        return false;
    const cJSON *model_type = cJSON_GetObjectItemCaseSensitive(object, "model_type");
    if (!cJSON_IsString(model_type))
        return model_file_refuse(err, path, "model_type is missing, expected \"gpt2\"");
    if (strcmp(model_type->valuestring, "gpt2") != 0)
        return error_set(
            err,
            "%s: model_type is \"%s\", expected \"gpt2\": this program runs GPT-2 "
            "and its relatives of the same architecture only: name such a folder with -m DIR "
            "(make: MODEL=DIR)",
            path, model_type->valuestring);
    return read_sizes(path, object, config, err) && read_activation(path, object, config, err) &&
           read_epsilon(path, object, config, err) && check_settings(path, object, err);
}

bool gpt2_config_read(const char *folder, struct gpt2_config *config, struct error *err) {
    char *path = path_join(folder, "config.json");
    if (path == NULL)
        return error_no_memory(err, folder);
    bool read = false;
    size_t length;
    char *text = model_file_check(path, err) ? file_read(path, FILE_LIMIT, &length, err) : NULL;
    if (text != NULL) {
        cJSON *object = json_parse(path, text, length, err);
        read = object != NULL && read_config(path, object, config, err);
        cJSON_Delete(object);
        free(text);
    }
    free(path);
    return read;
}
