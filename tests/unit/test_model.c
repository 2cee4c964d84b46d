/* common/model.h: a GPT-2 folder in memory, from model folders with random weights. */
#include "support.h"

#include "../../common/float_formats.h"
#include "../../common/model.h"
#include "../../common/safetensors.h"

#define SHAPE "--n-layer 2 --n-head 3 --n-embd 12 --n-ctx 10 --vocab-size 40 --n-inner 20"

enum { N_EMBD = 12, N_CTX = 10, VOCAB_SIZE = 40, N_INNER = 20, N_LAYER = 2 };

static struct gpt2_model *base; // the plain one, to compare with

static struct gpt2_model *open_made(const char *name, const char *arguments) {
    struct error err;
    struct gpt2_model *model = gpt2_model_open(make_model(name, arguments), &err);
    if (model == NULL)
        fail_msg("%s", err.message);
    return model;
}

static int set_up(void **state) {
    if (open_test_folder(state) != 0)
        return -1;
    base = open_made("base", SHAPE);
    return 0;
}

static int tear_down(void **state) {
    gpt2_model_close(base);
    return close_test_folder(state);
}

/* Every weight of a block, and how many numbers it has. */
struct weight {
    const float *data;
    size_t count;
};

enum { WEIGHTS_PER_LAYER = 12 };

static void layer_weights(const struct gpt2_layer *layer, struct weight out[WEIGHTS_PER_LAYER]) {
    const struct weight all[WEIGHTS_PER_LAYER] = {
        {layer->ln_1_weight, N_EMBD},
        {layer->ln_1_bias, N_EMBD},
        {layer->attn_c_attn_weight, N_EMBD * 3 * N_EMBD},
        {layer->attn_c_attn_bias, 3 * N_EMBD},
        {layer->attn_c_proj_weight, N_EMBD * N_EMBD},
        {layer->attn_c_proj_bias, N_EMBD},
        {layer->ln_2_weight, N_EMBD},
        {layer->ln_2_bias, N_EMBD},
        {layer->mlp_c_fc_weight, N_EMBD * N_INNER},
        {layer->mlp_c_fc_bias, N_INNER},
        {layer->mlp_c_proj_weight, N_INNER * N_EMBD},
        {layer->mlp_c_proj_bias, N_EMBD},
    };
    memcpy(out, all, sizeof all);
}

/* The names of a block's tensors, in the same order. */
static const char *const layer_names[WEIGHTS_PER_LAYER] = {
    "ln_1.weight",        "ln_1.bias",        "attn.c_attn.weight", "attn.c_attn.bias",
    "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight",        "ln_2.bias",
    "mlp.c_fc.weight",    "mlp.c_fc.bias",    "mlp.c_proj.weight",  "mlp.c_proj.bias",
};

typedef float narrowing(float value);

static float unchanged(float value) {
    return value;
}

static float through_f16(float value) {
    return f16_to_f32(f32_to_f16(value));
}

static float through_bf16(float value) {
    return bf16_to_f32(f32_to_bf16(value));
}

static void check_weight(struct weight found, struct weight expected, narrowing *narrow) {
    assert_int_equal(found.count, expected.count);
    for (size_t i = 0; i < found.count; i++) {
        float value = narrow(expected.data[i]);
        assert_same_floats(&found.data[i], &value, 1);
    }
}

/* The model has the numbers of the plain one, narrowed to a 16-bit format and widened again. */
static void check_like_base(const struct gpt2_model *model, narrowing *narrow) {
    check_weight((struct weight){model->wte, VOCAB_SIZE * N_EMBD},
                 (struct weight){base->wte, VOCAB_SIZE * N_EMBD}, narrow);
    check_weight((struct weight){model->wpe, N_CTX * N_EMBD},
                 (struct weight){base->wpe, N_CTX * N_EMBD}, narrow);
    check_weight((struct weight){model->ln_f_weight, N_EMBD},
                 (struct weight){base->ln_f_weight, N_EMBD}, narrow);
    check_weight((struct weight){model->ln_f_bias, N_EMBD},
                 (struct weight){base->ln_f_bias, N_EMBD}, narrow);
    for (size_t n = 0; n < N_LAYER; n++) {
        struct weight found[WEIGHTS_PER_LAYER], expected[WEIGHTS_PER_LAYER];
        layer_weights(&model->layers[n], found);
        layer_weights(&base->layers[n], expected);
        for (size_t i = 0; i < WEIGHTS_PER_LAYER; i++)
            check_weight(found[i], expected[i], narrow);
    }
}

/* --- the numbers ---------------------------------------------------------------------------- */

/* The numbers of a tensor of the file are those of the model. */
static void check_in_file(const struct safetensors *file, const char *name, struct weight weight) {
    const struct safetensors_tensor *tensor = safetensors_find(file, name);
    assert_non_null(tensor);
    assert_int_equal(tensor->n_elements, weight.count);
    assert_memory_equal(tensor->data, weight.data, weight.count * sizeof *weight.data);
}

TEST(each_weight_comes_from_the_tensor_of_its_name) {
    struct error err;
    struct safetensors *file = safetensors_open(path_of("base/model.safetensors"), &err);
    assert_non_null(file);
    check_in_file(file, "wte.weight", (struct weight){base->wte, VOCAB_SIZE * N_EMBD});
    check_in_file(file, "wpe.weight", (struct weight){base->wpe, N_CTX * N_EMBD});
    check_in_file(file, "ln_f.weight", (struct weight){base->ln_f_weight, N_EMBD});
    check_in_file(file, "ln_f.bias", (struct weight){base->ln_f_bias, N_EMBD});
    for (size_t n = 0; n < N_LAYER; n++) {
        struct weight weights[WEIGHTS_PER_LAYER];
        layer_weights(&base->layers[n], weights);
        for (size_t i = 0; i < WEIGHTS_PER_LAYER; i++) {
            char name[64];
            snprintf(name, sizeof name, "h.%zu.%s", n, layer_names[i]);
            check_in_file(file, name, weights[i]);
        }
    }
    safetensors_close(file);
}

TEST(the_sizes_come_from_config_json) {
    assert_int_equal(base->config.n_embd, N_EMBD);
    assert_int_equal(base->config.n_head, 3);
    assert_int_equal(base->config.n_layer, N_LAYER);
    assert_int_equal(base->config.n_ctx, N_CTX);
    assert_int_equal(base->config.n_inner, N_INNER);
    assert_int_equal(base->config.vocab_size, VOCAB_SIZE);
}

TEST(the_names_may_have_a_prefix) {
    struct gpt2_model *model = open_made("prefix", SHAPE " --prefix");
    check_like_base(model, unchanged);
    gpt2_model_close(model);
}

TEST(mask_buffers_are_ignored) {
    struct gpt2_model *model = open_made("masks", SHAPE " --masks");
    check_like_base(model, unchanged);
    assert_int_equal(model->n_parameters, base->n_parameters);
    gpt2_model_close(model);
}

TEST(prefix_and_masks_go_together) {
    struct gpt2_model *model = open_made("both", SHAPE " --prefix --masks --lm-head");
    check_like_base(model, unchanged);
    gpt2_model_close(model);
}

TEST(f16_files_are_widened) {
    struct gpt2_model *model = open_made("f16", SHAPE " --dtype F16");
    check_like_base(model, through_f16);
    gpt2_model_close(model);
}

TEST(bf16_files_are_widened) {
    struct gpt2_model *model = open_made("bf16", SHAPE " --dtype BF16");
    check_like_base(model, through_bf16);
    gpt2_model_close(model);
}

/* --- the output head ------------------------------------------------------------------------ */

TEST(without_lm_head_the_token_embeddings_are_the_head) {
    assert_ptr_equal(base->lm_head, base->wte);
}

TEST(lm_head_is_used_where_it_is_there) {
    struct error err;
    struct gpt2_model *model = open_made("head", SHAPE " --lm-head");
    struct safetensors *file = safetensors_open(path_of("head/model.safetensors"), &err);
    assert_non_null(file);
    assert_ptr_not_equal(model->lm_head, model->wte);
    check_in_file(file, "lm_head.weight", (struct weight){model->lm_head, VOCAB_SIZE * N_EMBD});
    check_like_base(model, unchanged);
    safetensors_close(file);
    gpt2_model_close(model);
}

TEST(parameters_are_counted) {
    size_t per_layer = 4 * N_EMBD + N_EMBD * 3 * N_EMBD + 3 * N_EMBD + N_EMBD * N_EMBD + N_EMBD +
                       N_EMBD * N_INNER + N_INNER + N_INNER * N_EMBD + N_EMBD;
    assert_int_equal(base->n_parameters,
                     VOCAB_SIZE * N_EMBD + N_CTX * N_EMBD + 2 * N_EMBD + N_LAYER * per_layer);
}

TEST(a_tied_head_counts_once_and_a_head_of_its_own_too) {
    struct gpt2_model *model = open_made("counted", SHAPE " --lm-head");
    assert_int_equal(model->n_parameters, base->n_parameters + VOCAB_SIZE * N_EMBD);
    gpt2_model_close(model);
}

/* --- other shapes --------------------------------------------------------------------------- */

TEST(one_layer_and_one_head_are_enough) {
    struct gpt2_model *model =
        open_made("one", "--n-layer 1 --n-head 1 --n-embd 1 --n-ctx 1 --vocab-size 2");
    assert_int_equal(model->config.n_head, 1);
    gpt2_model_close(model);
}

TEST(no_layer_at_all_is_fine) {
    struct gpt2_model *model =
        open_made("none", "--n-layer 0 --n-head 1 --n-embd 4 --n-ctx 3 --vocab-size 9");
    assert_int_equal(model->n_parameters, 9 * 4 + 3 * 4 + 2 * 4);
    gpt2_model_close(model);
}

TEST(closing_null_is_fine) {
    gpt2_model_close(NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_weight_comes_from_the_tensor_of_its_name),
        cmocka_unit_test(the_sizes_come_from_config_json),
        cmocka_unit_test(the_names_may_have_a_prefix),
        cmocka_unit_test(mask_buffers_are_ignored),
        cmocka_unit_test(prefix_and_masks_go_together),
        cmocka_unit_test(f16_files_are_widened),
        cmocka_unit_test(bf16_files_are_widened),
        cmocka_unit_test(without_lm_head_the_token_embeddings_are_the_head),
        cmocka_unit_test(lm_head_is_used_where_it_is_there),
        cmocka_unit_test(parameters_are_counted),
        cmocka_unit_test(a_tied_head_counts_once_and_a_head_of_its_own_too),
        cmocka_unit_test(one_layer_and_one_head_are_enough),
        cmocka_unit_test(no_layer_at_all_is_fine),
        cmocka_unit_test(closing_null_is_fine),
    };
    program_path(argc > 0 ? argv[0] : NULL);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
