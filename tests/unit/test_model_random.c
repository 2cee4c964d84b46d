/* gpt2_model_random of common/model.h: a model made in memory. */
#include "support.h"

#include "../../common/gpt2.h"
#include "../../common/model.h"
#include "../../common/tensor.h"
#include "../../common/transformer.h"

/* Odd counts, so that a tensor ends in the middle of a pair of random numbers. */
static const struct gpt2_config sizes = {
    .vocab_size = 41,
    .n_ctx = 9,
    .n_embd = 15,
    .n_head = 3,
    .n_layer = 2,
    .n_inner = 7,
    .layer_norm_epsilon = 1e-5f,
    .activation = GPT2_GELU_TANH,
};

static struct gpt2_model *make(const struct gpt2_config *config, uint64_t seed) {
    struct error err = {""};
    struct gpt2_model *model = gpt2_model_random(config, seed, &err);
    if (model == NULL)
        fail_msg("%s", err.message);
    return model;
}

TEST(every_parameter_is_there_and_counted) {
    struct gpt2_model *model = make(&sizes, 1);
    size_t d = sizes.n_embd, inner = sizes.n_inner;
    size_t per_layer = 4 * d + 3 * d * d + 3 * d + d * d + d + 2 * d * inner + inner + d;
    assert_int_equal(model->n_parameters, (sizes.vocab_size + sizes.n_ctx + 2) * d + 2 * per_layer);
    assert_ptr_equal(model->lm_head, model->wte);
    gpt2_model_close(model);
}

TEST(the_weights_spread_like_those_of_an_untrained_model) {
    struct gpt2_config config = sizes;
    config.vocab_size = 20011;
    struct gpt2_model *model = make(&config, 7);
    size_t n = config.vocab_size * config.n_embd;
    double sum = 0.0, squares = 0.0, largest = 0.0;
    for (size_t i = 0; i < n; i++) {
        double value = (double)model->wte[i];
        sum += value;
        squares += value * value;
        largest = fmax(largest, fabs(value));
    }
    assert_close(sum / (double)n, 0.0, 0.0002);
    assert_close(sqrt(squares / (double)n), 0.0202, 0.0002);
    assert_close(largest, 0.035, 0.0001);
    gpt2_model_close(model);
}

TEST(layer_norms_begin_with_1_and_biases_with_0) {
    struct gpt2_model *model = make(&sizes, 3);
    for (size_t i = 0; i < sizes.n_embd; i++) {
        assert_close(model->ln_f_weight[i], 1.0, 0.0);
        assert_close(model->layers[1].ln_2_weight[i], 1.0, 0.0);
        assert_close(model->layers[1].attn_c_proj_bias[i], 0.0, 0.0);
    }
    gpt2_model_close(model);
}

TEST(a_seed_gives_the_same_model_again_and_another_seed_another) {
    struct gpt2_model *a = make(&sizes, 5), *b = make(&sizes, 5), *c = make(&sizes, 6);
    size_t n = sizes.n_inner * sizes.n_embd;
    assert_same_floats(a->layers[1].mlp_c_proj_weight, b->layers[1].mlp_c_proj_weight, n);
    assert_true(
        tensor_difference(a->layers[1].mlp_c_proj_weight, c->layers[1].mlp_c_proj_weight, n) > 0.0);
    gpt2_model_close(a);
    gpt2_model_close(b);
    gpt2_model_close(c);
}

TEST(the_engine_and_the_readable_transformer_run_it_alike) {
    struct gpt2_model *model = make(&sizes, 9);
    struct error err = {""};
    const uint32_t ids[] = {3, 40, 0, 17, 17};
    float logits[41];
    struct transformer *transformer = transformer_new(model, LENGTH(ids), &err);
    struct gpt2_session *session = gpt2_session_new(model, 2, &err);
    assert_non_null(transformer);
    assert_non_null(session);
    assert_done(transformer_forward(transformer, ids, LENGTH(ids), NULL, &err), &err);
    assert_done(gpt2_prefill(session, ids, LENGTH(ids), GPT2_LOGITS_LAST, &err), &err);
    transformer_logits(transformer, LENGTH(ids) - 1, logits);
    assert_close(tensor_difference(logits, gpt2_logits(session), 41), 0.0, 1e-5);
    gpt2_session_free(session);
    transformer_free(transformer);
    gpt2_model_close(model);
}

TEST(no_layers_are_fine) {
    struct gpt2_config config = sizes;
    config.n_layer = 0;
    gpt2_model_close(make(&config, 1));
}

TEST(sizes_that_no_memory_holds_are_refused) {
    struct gpt2_config config = sizes;
    struct error err = {""};
    config.vocab_size = SIZE_MAX / 2;
    assert_null(gpt2_model_random(&config, 1, &err));
    assert_message(&err, "out of memory", "random weights");
    config = sizes;
    config.n_layer = SIZE_MAX / 4;
    assert_null(gpt2_model_random(&config, 1, &err));
    config = sizes;
    config.n_embd = SIZE_MAX / 2;
    assert_null(gpt2_model_random(&config, 1, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_parameter_is_there_and_counted),
        cmocka_unit_test(the_weights_spread_like_those_of_an_untrained_model),
        cmocka_unit_test(layer_norms_begin_with_1_and_biases_with_0),
        cmocka_unit_test(a_seed_gives_the_same_model_again_and_another_seed_another),
        cmocka_unit_test(the_engine_and_the_readable_transformer_run_it_alike),
        cmocka_unit_test(no_layers_are_fine),
        cmocka_unit_test(sizes_that_no_memory_holds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
