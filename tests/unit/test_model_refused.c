/* common/model.h: folders that gpt2_model_open refuses, and what it says then. */
#include "support.h"

#include "../../common/json.h"
#include "../../common/model.h"

#define INCOMPLETE "the copy is incomplete", "get the file again"
#define SHAPE "--n-layer 2 --n-head 3 --n-embd 12 --n-ctx 10 --vocab-size 40"

static char *weights, *config; // a good model's files, from which the bad ones are made
static size_t weights_length, config_length;

static int set_up(void **state) {
    if (open_test_folder(state) != 0)
        return -1;
    make_model("model", SHAPE);
    weights = read_bytes(path_of("model/model.safetensors"), &weights_length);
    config = read_bytes(path_of("model/config.json"), &config_length);
    return 0;
}

static int tear_down(void **state) {
    free(weights);
    free(config);
    return close_test_folder(state);
}

static void restore(void) {
    write_bytes(path_of("model/model.safetensors"), weights, weights_length);
    write_bytes(path_of("model/config.json"), config, config_length);
}

/* Where a text stands in bytes that may hold NUL characters. */
static char *find_text(char *bytes, size_t length, const char *text) {
    size_t n = strlen(text);
    for (size_t i = 0; i + n <= length; i++) {
        if (memcmp(bytes + i, text, n) == 0)
            return bytes + i;
    }
    fail_msg("%s is not in the file", text);
    return NULL;
}

/* Writes the good files, with one text in one of them changed to another of the same length. */
static void change(const char *name, const char *from, const char *to) {
    restore();
    size_t length;
    assert_int_equal(strlen(from), strlen(to));
    char *bytes = read_bytes(path_of(name), &length);
    memcpy(find_text(bytes, length, from), to, strlen(to));
    write_bytes(path_of(name), bytes, length);
    free(bytes);
}

static void change_weights(const char *from, const char *to) {
    change("model/model.safetensors", from, to);
}

static void change_config(const char *from, const char *to) {
    change("model/config.json", from, to);
}

/* The model is refused, and the message has the words. */
#define check_refused(...)                                                                         \
    do {                                                                                           \
        struct error err_;                                                                         \
        struct gpt2_model *model_ = gpt2_model_open(path_of("model"), &err_);                      \
        if (model_ != NULL)                                                                        \
            fail_msg("the model was accepted");                                                    \
        assert_message(&err_, __VA_ARGS__);                                                        \
    } while (0)

TEST(the_good_model_is_accepted) {
    struct error err;
    restore();
    struct gpt2_model *model = gpt2_model_open(path_of("model"), &err);
    if (model == NULL)
        fail_msg("%s", err.message);
    gpt2_model_close(model);
}

/* --- files ---------------------------------------------------------------------------------- */

TEST(a_missing_folder_is_refused) {
    struct error err;
    assert_null(gpt2_model_open(path_of("no_folder"), &err));
    assert_message(&err, "no_folder: no such folder", "-m DIR", "models/tiny");
}

TEST(missing_weights_are_refused) {
    restore();
    assert_int_equal(unlink(path_of("model/model.safetensors")), 0);
    check_refused("model/model.safetensors", "no such file", "-m DIR");
}

TEST(a_missing_config_is_refused) {
    restore();
    assert_int_equal(unlink(path_of("model/config.json")), 0);
    check_refused("model/config.json", "no such file", "-m DIR");
}

TEST(an_empty_weights_file_is_refused) {
    restore();
    write_bytes(path_of("model/model.safetensors"), "", 0);
    check_refused("model/model.safetensors", "file has 0 bytes", "at least 8", INCOMPLETE);
}

TEST(an_empty_config_is_refused) {
    restore();
    write_bytes(path_of("model/config.json"), "", 0);
    check_refused("model/config.json", "not valid JSON");
}

TEST(truncated_weights_are_refused) {
    for (size_t cut = 1; cut < weights_length; cut = cut * 2 + 1) {
        restore();
        write_bytes(path_of("model/model.safetensors"), weights, weights_length - cut);
        check_refused("model/model.safetensors", INCOMPLETE);
    }
}

TEST(a_config_that_is_not_gpt2_is_refused) {
    change_config("\"gpt2\"", "\"opt1\"");
    check_refused("model/config.json", "model_type is \"opt1\"", "expected \"gpt2\"");
}

TEST(n_embd_that_n_head_does_not_divide_is_refused) {
    change_config("\"n_head\": 3", "\"n_head\": 5");
    check_refused("model/config.json", "n_embd 12", "not divisible", "n_head 5");
}

TEST(an_unknown_activation_is_refused) {
    change_config("gelu_new", "silu_new");
    check_refused("model/config.json", "activation_function is \"silu_new\"");
}

/* --- shapes and dtypes ---------------------------------------------------------------------- */

TEST(a_tensor_of_the_wrong_shape_is_refused) {
    change_weights("\"wte.weight\":{\"dtype\":\"F32\",\"shape\":[40, 12]",
                   "\"wte.weight\":{\"dtype\":\"F32\",\"shape\":[12, 40]");
    check_refused("model/model.safetensors", "tensor wte.weight", "shape [12, 40]",
                  "expected [40, 12]");
}

TEST(a_turned_linear_layer_is_refused) {
    change_weights("\"h.1.attn.c_attn.weight\":{\"dtype\":\"F32\",\"shape\":[12, 36]",
                   "\"h.1.attn.c_attn.weight\":{\"dtype\":\"F32\",\"shape\":[36, 12]");
    check_refused("model/model.safetensors", "tensor h.1.attn.c_attn.weight", "shape [36, 12]",
                  "expected [12, 36]");
}

TEST(a_vector_of_the_wrong_length_is_refused) {
    change_weights("\"h.0.ln_1.weight\":{\"dtype\":\"F32\",\"shape\":[12]",
                   "\"h.0.ln_1.weight\":{\"dtype\":\"F64\",\"shape\":[ 6]");
    check_refused("tensor h.0.ln_1.weight", "shape [6]", "expected [12]");
}

TEST(a_tensor_of_the_wrong_dtype_is_refused) {
    change_weights("\"wpe.weight\":{\"dtype\":\"F32\"", "\"wpe.weight\":{\"dtype\":\"I32\"");
    check_refused("model/model.safetensors", "tensor wpe.weight", "dtype I32",
                  "expected F32, F16 or BF16");
}

TEST(sizes_of_another_model_are_refused) {
    change_config("\"vocab_size\": 40", "\"vocab_size\": 41");
    check_refused("tensor wte.weight", "shape [40, 12]", "expected [41, 12]");
    change_config("\"n_positions\": 10", "\"n_positions\": 11");
    check_refused("tensor wpe.weight", "shape [10, 12]", "expected [11, 12]");
    change_config("\"n_embd\": 12", "\"n_embd\": 15");
    check_refused("tensor wte.weight", "shape [40, 12]", "expected [40, 15]");
}

TEST(an_n_inner_that_does_not_fit_is_refused) {
    change_config("\"n_ctx\": 10", "\"n_inner\":9");
    check_refused("tensor h.0.mlp.c_fc.weight", "shape [12, 48]", "expected [12, 9]");
}

TEST(sizes_beyond_all_memory_are_refused) {
    restore();
    char text[300], expected[100];
    size_t most = JSON_COUNT_MAX < SIZE_MAX / 4 ? JSON_COUNT_MAX : SIZE_MAX / 4;
    snprintf(text, sizeof text,
             "{\"model_type\":\"gpt2\",\"vocab_size\":%zu,\"n_positions\":%zu,\"n_embd\":%zu,"
             "\"n_head\":1,\"n_layer\":2}",
             most, most, most);
    snprintf(expected, sizeof expected, "expected [%zu, %zu]", most, most);
    write_text(path_of("model/config.json"), text);
    check_refused("tensor wte.weight", "shape [40, 12]", expected);
}

/* --- tensors and layers --------------------------------------------------------------------- */

/* Renames a tensor, so that the one that is asked for is missing. */
static void check_missing(const char *name) {
    char from[80], to[80];
    snprintf(from, sizeof from, "\"%s\"", name);
    snprintf(to, sizeof to, "\"%s\"", name);
    to[strlen(to) - 2] = 'X';
    change_weights(from, to);
    check_refused("model/model.safetensors", name, "is missing");
}

TEST(a_missing_tensor_is_refused_by_name) {
    check_missing("wte.weight");
    check_missing("wpe.weight");
    check_missing("ln_f.weight");
    check_missing("ln_f.bias");
}

TEST(each_missing_tensor_of_a_block_is_refused_by_name) {
    static const char *const names[] = {
        "ln_1.weight",        "ln_1.bias",        "attn.c_attn.weight", "attn.c_attn.bias",
        "attn.c_proj.weight", "attn.c_proj.bias", "ln_2.weight",        "ln_2.bias",
        "mlp.c_fc.weight",    "mlp.c_fc.bias",    "mlp.c_proj.weight",  "mlp.c_proj.bias",
    };
    for (size_t i = 0; i < LENGTH(names); i++) {
        char name[64];
        snprintf(name, sizeof name, "h.%zu.%s", i % 2, names[i]);
        check_missing(name);
    }
}

TEST(a_prefix_on_one_tensor_only_is_refused) {
    make_model("prefixed", SHAPE " --prefix");
    size_t length;
    char *bytes = read_bytes(path_of("prefixed/model.safetensors"), &length);
    memcpy(find_text(bytes, length, "transformer.ln_f.bias"), "transformer_ln_f.bias", 21);
    restore();
    write_bytes(path_of("model/model.safetensors"), bytes, length);
    free(bytes);
    check_refused("tensor transformer.ln_f.bias is missing");
}

TEST(a_config_that_claims_too_many_layers_is_refused) {
    change_config("\"n_layer\": 2", "\"n_layer\": 3");
    check_refused("model/model.safetensors", "tensor h.2.attn.c_attn.weight is missing");
}

TEST(a_config_that_claims_too_few_layers_is_refused) {
    change_config("\"n_layer\": 2", "\"n_layer\": 1");
    check_refused("model/model.safetensors", "tensor h.1.ln_1.weight is there", "1 layers");
    change_config("\"n_layer\": 2", "\"n_layer\": 0");
    check_refused("model/model.safetensors", "tensor h.0.ln_1.weight is there", "0 layers");
}

TEST(a_config_that_claims_layers_without_end_is_refused) {
    change_config("\"n_layer\": 2,\n ", "\"n_layer\":4e09,");
    check_refused("model/model.safetensors", "holds 28 tensors", "4000000000 layers");
}

TEST(an_lm_head_of_the_wrong_shape_is_refused) {
    make_model("headed", SHAPE " --lm-head");
    size_t length;
    char *bytes = read_bytes(path_of("headed/model.safetensors"), &length);
    const char *from = "\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[40, 12]";
    const char *to = "\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[12, 40]";
    memcpy(find_text(bytes, length, from), to, strlen(to));
    restore();
    write_bytes(path_of("model/model.safetensors"), bytes, length);
    free(bytes);
    check_refused("tensor lm_head.weight", "shape [12, 40]", "expected [40, 12]");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_model_is_accepted),
        cmocka_unit_test(a_missing_folder_is_refused),
        cmocka_unit_test(missing_weights_are_refused),
        cmocka_unit_test(a_missing_config_is_refused),
        cmocka_unit_test(an_empty_weights_file_is_refused),
        cmocka_unit_test(an_empty_config_is_refused),
        cmocka_unit_test(truncated_weights_are_refused),
        cmocka_unit_test(a_config_that_is_not_gpt2_is_refused),
        cmocka_unit_test(n_embd_that_n_head_does_not_divide_is_refused),
        cmocka_unit_test(an_unknown_activation_is_refused),
        cmocka_unit_test(a_tensor_of_the_wrong_shape_is_refused),
        cmocka_unit_test(a_turned_linear_layer_is_refused),
        cmocka_unit_test(a_vector_of_the_wrong_length_is_refused),
        cmocka_unit_test(a_tensor_of_the_wrong_dtype_is_refused),
        cmocka_unit_test(sizes_of_another_model_are_refused),
        cmocka_unit_test(an_n_inner_that_does_not_fit_is_refused),
        cmocka_unit_test(sizes_beyond_all_memory_are_refused),
        cmocka_unit_test(a_missing_tensor_is_refused_by_name),
        cmocka_unit_test(each_missing_tensor_of_a_block_is_refused_by_name),
        cmocka_unit_test(a_prefix_on_one_tensor_only_is_refused),
        cmocka_unit_test(a_config_that_claims_too_many_layers_is_refused),
        cmocka_unit_test(a_config_that_claims_too_few_layers_is_refused),
        cmocka_unit_test(a_config_that_claims_layers_without_end_is_refused),
        cmocka_unit_test(an_lm_head_of_the_wrong_shape_is_refused),
    };
    program_path(argc > 0 ? argv[0] : NULL);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
