/* common/config.c: config.json, the sizes of a model. */
#include "support.h"

#include <cjson/cJSON.h>

#include "../../common/model.h"

static const char GPT2[] =
    "{\"model_type\": \"gpt2\", \"architectures\": [\"GPT2LMHeadModel\"], \"vocab_size\": 50257, "
    "\"n_positions\": 1024, \"n_ctx\": 1024, \"n_embd\": 768, \"n_head\": 12, \"n_layer\": 12, "
    "\"activation_function\": \"gelu_new\", \"layer_norm_epsilon\": 1e-05, "
    "\"initializer_range\": 0.02, \"resid_pdrop\": 0.1}";

/* Writes GPT-2's config.json with changes: pairs of a name and its new value as JSON, "" for a
 * member that is to be left out; NULL at the end. */
static void write_config(const char *const *changes) {
    cJSON *object = cJSON_Parse(GPT2);
    assert_non_null(object);
    for (; *changes != NULL; changes += 2) {
        cJSON_DeleteItemFromObjectCaseSensitive(object, changes[0]);
        if (changes[1][0] != '\0')
            cJSON_AddItemToObject(object, changes[0], cJSON_CreateRaw(changes[1]));
    }
    char *text = cJSON_PrintUnformatted(object);
    write_text(path_of("config.json"), text);
    cJSON_free(text);
    cJSON_Delete(object);
}

static struct gpt2_config read_changed(const char *const *changes) {
    struct gpt2_config config;
    struct error err;
    write_config(changes);
    assert_done(gpt2_config_read(test_folder(), &config, &err), &err);
    return config;
}

#define read_with(...) read_changed((const char *const[]){__VA_ARGS__, NULL})

/* With this one change the file is refused, and the message has the file's name and the words. */
#define check_refused(name, value, ...)                                                            \
    do {                                                                                           \
        struct gpt2_config config_;                                                                \
        struct error err_;                                                                         \
        write_config((const char *const[]){name, value, NULL});                                    \
        assert_false(gpt2_config_read(test_folder(), &config_, &err_));                            \
        assert_message(&err_, path_of("config.json"), __VA_ARGS__);                                \
    } while (0)

/* --- what is read --------------------------------------------------------------------------- */

TEST(gpt2_has_the_published_sizes) {
    struct gpt2_config config = read_changed((const char *const[]){NULL});
    assert_int_equal(config.vocab_size, 50257);
    assert_int_equal(config.n_ctx, 1024);
    assert_int_equal(config.n_embd, 768);
    assert_int_equal(config.n_head, 12);
    assert_int_equal(config.n_layer, 12);
    assert_int_equal(config.n_inner, 3072);
    assert_close(config.layer_norm_epsilon, 1e-5, 1e-12);
    assert_int_equal(config.activation, GPT2_GELU_TANH);
}

TEST(n_ctx_does_where_n_positions_is_absent) {
    assert_int_equal(read_with("n_positions", "", "n_ctx", "77").n_ctx, 77);
    assert_int_equal(read_with("n_positions", "null", "n_ctx", "77").n_ctx, 77);
}

TEST(n_positions_does_where_n_ctx_is_absent) {
    assert_int_equal(read_with("n_ctx", "", "n_positions", "88").n_ctx, 88);
}

TEST(n_positions_counts_where_both_are_there) {
    assert_int_equal(read_with("n_ctx", "77", "n_positions", "88").n_ctx, 88);
}

TEST(n_inner_is_four_times_n_embd_unless_it_is_given) {
    assert_int_equal(read_with("n_embd", "60").n_inner, 240);
    assert_int_equal(read_with("n_inner", "null").n_inner, 3072);
    assert_int_equal(read_with("n_inner", "100").n_inner, 100);
}

TEST(epsilon_is_read) {
    assert_close(read_with("layer_norm_epsilon", "0.001").layer_norm_epsilon, 0.001, 1e-9);
    assert_close(read_with("layer_norm_epsilon", "0").layer_norm_epsilon, 0, 0);
}

TEST(epsilon_is_1e_5_where_it_is_absent) {
    assert_close(read_with("layer_norm_epsilon", "").layer_norm_epsilon, 1e-5, 1e-12);
}

TEST(the_activation_is_read) {
    assert_int_equal(read_with("activation_function", "\"gelu_new\"").activation, GPT2_GELU_TANH);
    assert_int_equal(read_with("activation_function", "\"gelu_pytorch_tanh\"").activation,
                     GPT2_GELU_TANH);
    assert_int_equal(read_with("activation_function", "\"gelu\"").activation, GPT2_GELU_EXACT);
}

TEST(the_activation_is_gelu_new_where_it_is_absent) {
    assert_int_equal(read_with("activation_function", "").activation, GPT2_GELU_TANH);
}

TEST(a_model_without_layers_is_fine) {
    assert_int_equal(read_with("n_layer", "0").n_layer, 0);
}

TEST(a_model_of_ones_is_fine) {
    struct gpt2_config config = read_with("n_layer", "1", "n_head", "1", "n_embd", "1",
                                          "vocab_size", "1", "n_positions", "1");
    assert_int_equal(config.n_embd, 1);
    assert_int_equal(config.n_ctx, 1);
}

TEST(settings_with_their_usual_value_are_fine) {
    read_with("scale_attn_weights", "true");
    read_with("scale_attn_by_inverse_layer_idx", "false");
    read_with("add_cross_attention", "false");
}

/* --- what is refused ------------------------------------------------------------------------ */

TEST(a_model_type_other_than_gpt2_is_refused) {
    check_refused("model_type", "\"llama\"", "model_type is \"llama\"", "expected \"gpt2\"");
    check_refused("model_type", "\"GPT2\"", "model_type is \"GPT2\"");
}

TEST(no_model_type_is_refused) {
    check_refused("model_type", "", "model_type is missing", "gpt2");
    check_refused("model_type", "2", "model_type", "gpt2");
}

TEST(n_embd_that_n_head_does_not_divide_is_refused) {
    check_refused("n_head", "7", "n_embd 768", "not divisible", "n_head 7");
    check_refused("n_head", "769", "n_embd 768", "not divisible", "n_head 769");
}

TEST(a_missing_size_is_refused) {
    static const char *const names[] = {"vocab_size", "n_embd", "n_head", "n_layer"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        check_refused(names[i], "", names[i], "missing");
        check_refused(names[i], "null", names[i], "missing");
    }
}

TEST(no_number_of_positions_is_refused) {
    struct gpt2_config config;
    struct error err;
    write_config((const char *const[]){"n_ctx", "", "n_positions", "", NULL});
    assert_false(gpt2_config_read(test_folder(), &config, &err));
    assert_message(&err, "n_ctx", "missing");
}

TEST(a_size_that_is_no_count_is_refused) {
    static const char *const names[] = {"vocab_size", "n_embd", "n_head", "n_positions", "n_inner"};
    static const char *const values[] = {"0", "-1", "1.5", "1e300"};
    for (size_t i = 0; i < LENGTH(names); i++) {
        for (size_t j = 0; j < LENGTH(values); j++)
            check_refused(names[i], values[j], names[i], "not a whole number from 1 to ");
    }
    check_refused("n_embd", "\"768\"", "n_embd", "not a whole number");
    check_refused("n_layer", "-1", "n_layer", "from 0 to ");
    check_refused("n_layer", "[12]", "n_layer", "from 0 to ");
}

TEST(an_unknown_activation_is_refused) {
    check_refused("activation_function", "\"relu\"", "activation_function is \"relu\"",
                  "expected gelu_new or gelu");
    check_refused("activation_function", "\"\"", "activation_function",
                  "expected gelu_new or gelu");
}

TEST(an_activation_that_is_no_text_is_refused) {
    check_refused("activation_function", "[\"relu\"]", "activation_function");
}

TEST(an_epsilon_that_is_no_number_of_at_least_0_is_refused) {
    static const char *const values[] = {"-1e-5", "1e39", "1e999", "\"1e-5\"", "true", "[]"};
    for (size_t i = 0; i < LENGTH(values); i++)
        check_refused("layer_norm_epsilon", values[i], "layer_norm_epsilon",
                      "number of at least 0");
}

TEST(settings_that_change_the_arithmetic_are_refused) {
    check_refused("scale_attn_weights", "false", "scale_attn_weights is false", "only knows true");
    check_refused("scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx",
                  "only knows false");
    check_refused("add_cross_attention", "true", "add_cross_attention", "only knows false");
}

TEST(a_setting_that_is_no_boolean_is_refused) {
    // Python takes 0 for false and 1 for true, so these change the arithmetic as well.
    check_refused("scale_attn_weights", "0", "scale_attn_weights");
    check_refused("scale_attn_by_inverse_layer_idx", "1", "scale_attn_by_inverse_layer_idx");
}

static void check_text_refused(const char *text, const char *words) {
    struct gpt2_config config;
    struct error err;
    write_text(path_of("config.json"), text);
    assert_false(gpt2_config_read(test_folder(), &config, &err));
    assert_message(&err, path_of("config.json"), words);
}

TEST(something_else_than_an_object_is_refused) {
    check_text_refused("[]", "JSON object");
    check_text_refused("\"gpt2\"", "JSON object");
    check_text_refused("null", "JSON object");
}

TEST(an_empty_object_is_refused) {
    check_text_refused("{}", "model_type is missing");
}

TEST(broken_json_is_refused) {
    check_text_refused("", "not valid JSON");
    check_text_refused("{\"model_type\": \"gpt2\"", "not valid JSON");
    check_text_refused("{} {}", "something follows");
    check_text_refused("{\"\xff\": 1}", "UTF-8");
}

TEST(a_missing_folder_is_refused) {
    struct gpt2_config config;
    struct error err;
    assert_false(gpt2_config_read(path_of("no_folder"), &config, &err));
    assert_message(&err, "no_folder: no such folder", "-m DIR", "models/tiny");
}

TEST(a_huge_file_is_refused) {
    struct gpt2_config config;
    struct error err;
    write_text(path_of("config.json"), "{");
    assert_int_equal(truncate(path_of("config.json"), (off_t)1 << 40), 0);
    assert_false(gpt2_config_read(test_folder(), &config, &err));
    assert_message(&err, path_of("config.json"), "expected at most");
}

TEST(a_member_that_stands_twice_is_refused) {
    struct gpt2_config config;
    struct error err;
    char text[sizeof GPT2 + 40];
    snprintf(text, sizeof text, "{\"n_head\": 12, %s", GPT2 + 1); // even when both say the same
    write_text(path_of("config.json"), text);
    assert_false(gpt2_config_read(test_folder(), &config, &err));
    assert_message(&err, path_of("config.json"), "n_head stands there 2 times, expected once");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt2_has_the_published_sizes),
        cmocka_unit_test(n_ctx_does_where_n_positions_is_absent),
        cmocka_unit_test(n_positions_does_where_n_ctx_is_absent),
        cmocka_unit_test(n_positions_counts_where_both_are_there),
        cmocka_unit_test(n_inner_is_four_times_n_embd_unless_it_is_given),
        cmocka_unit_test(epsilon_is_read),
        cmocka_unit_test(epsilon_is_1e_5_where_it_is_absent),
        cmocka_unit_test(the_activation_is_read),
        cmocka_unit_test(the_activation_is_gelu_new_where_it_is_absent),
        cmocka_unit_test(a_model_without_layers_is_fine),
        cmocka_unit_test(a_model_of_ones_is_fine),
        cmocka_unit_test(settings_with_their_usual_value_are_fine),
        cmocka_unit_test(a_model_type_other_than_gpt2_is_refused),
        cmocka_unit_test(no_model_type_is_refused),
        cmocka_unit_test(n_embd_that_n_head_does_not_divide_is_refused),
        cmocka_unit_test(a_missing_size_is_refused),
        cmocka_unit_test(no_number_of_positions_is_refused),
        cmocka_unit_test(a_size_that_is_no_count_is_refused),
        cmocka_unit_test(an_unknown_activation_is_refused),
        cmocka_unit_test(an_activation_that_is_no_text_is_refused),
        cmocka_unit_test(an_epsilon_that_is_no_number_of_at_least_0_is_refused),
        cmocka_unit_test(settings_that_change_the_arithmetic_are_refused),
        cmocka_unit_test(a_setting_that_is_no_boolean_is_refused),
        cmocka_unit_test(something_else_than_an_object_is_refused),
        cmocka_unit_test(an_empty_object_is_refused),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(a_missing_folder_is_refused),
        cmocka_unit_test(a_huge_file_is_refused),
        cmocka_unit_test(a_member_that_stands_twice_is_refused),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
