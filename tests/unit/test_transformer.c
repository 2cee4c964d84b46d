/* common/transformer.h: the readable forward pass, and what its trace shows. */
#include "support.h"

#include "../../common/ops.h"
#include "../../common/transformer.h"

enum { N_LAYER = 2, N_HEAD = 3, N_EMBD = 12, N_CTX = 10, VOCAB_SIZE = 40, N_INNER = 20 };

#define SHAPE "--n-layer 2 --n-head 3 --n-embd 12 --n-ctx 10 --vocab-size 40 --n-inner 20"

static const uint32_t ids[N_CTX] = {3, 14, 15, 9, 26, 5, 35, 8, 39, 0};

static struct gpt2_model *model;
static struct transformer *transformer;

static struct gpt2_model *open_made(const char *name, const char *arguments) {
    struct error err;
    struct gpt2_model *made = gpt2_model_open(make_model(name, arguments), &err);
    assert_done(made, &err);
    return made;
}

static int set_up(void **state) {
    struct error err;
    if (open_test_folder(state) != 0)
        return -1;
    model = open_made("model", SHAPE);
    transformer = transformer_new(model, N_CTX, &err);
    return transformer == NULL;
}

static int tear_down(void **state) {
    transformer_free(transformer);
    gpt2_model_close(model);
    return close_test_folder(state);
}

/* --- the trace, recorded -------------------------------------------------------------------- */

enum { MOST_STEPS = 40, MOST_NUMBERS = N_CTX * 3 * N_EMBD };

struct step {
    size_t layer;
    char name[40];
    struct shape shape;
    size_t count;
    float data[MOST_NUMBERS];
};

struct recording {
    struct step steps[MOST_STEPS];
    size_t n;
};

static struct recording recording;

static void record(void *context, size_t layer, const char *name, struct shape shape,
                   const float *data) {
    struct recording *into = context;
    assert_true(into->n < MOST_STEPS);
    struct step *step = &into->steps[into->n++];
    step->layer = layer;
    snprintf(step->name, sizeof step->name, "%s", name);
    step->shape = shape;
    assert_true(shape_count(&shape, &step->count) && step->count <= MOST_NUMBERS);
    memcpy(step->data, data, step->count * sizeof *data);
}

static void run_recorded(size_t seq_len) {
    const struct trace trace = {record, &recording};
    struct error err;
    recording.n = 0;
    assert_done(transformer_forward(transformer, ids, seq_len, &trace, &err), &err);
}

static const struct step *step_of(size_t layer, const char *name) {
    for (size_t i = 0; i < recording.n; i++) {
        if (recording.steps[i].layer == layer && strcmp(recording.steps[i].name, name) == 0)
            return &recording.steps[i];
    }
    fail_msg("no step %s", name);
    return NULL;
}

static const float *data_of(size_t layer, const char *name) {
    return step_of(layer, name)->data;
}

static const char *const block_steps[] = {
    "ln_1", "qkv",     "attention_weights", "context",    "attention_output", "residual_middle",
    "ln_2", "widened", "activated",         "mlp_output", "residual",
};

TEST(the_trace_has_the_documented_names_in_their_order) {
    run_recorded(5);
    size_t at = 0;
    assert_string_equal(recording.steps[at].name, "embeddings");
    assert_true(recording.steps[at++].layer == TRACE_OUTSIDE);
    for (size_t layer = 0; layer < N_LAYER; layer++) {
        for (size_t i = 0; i < LENGTH(block_steps); i++, at++) {
            assert_string_equal(recording.steps[at].name, block_steps[i]);
            assert_int_equal(recording.steps[at].layer, layer);
        }
    }
    assert_string_equal(recording.steps[at].name, "ln_f");
    assert_true(recording.steps[at++].layer == TRACE_OUTSIDE);
    assert_int_equal(recording.n, at);
}

TEST(the_trace_has_the_right_shapes) {
    static const struct {
        const char *name;
        const char *shape;
    } expected[] = {{"ln_1", "[7, 12]"},
                    {"qkv", "[7, 36]"},
                    {"attention_weights", "[3, 7, 7]"},
                    {"context", "[7, 12]"},
                    {"attention_output", "[7, 12]"},
                    {"residual_middle", "[7, 12]"},
                    {"ln_2", "[7, 12]"},
                    {"widened", "[7, 20]"},
                    {"activated", "[7, 20]"},
                    {"mlp_output", "[7, 12]"},
                    {"residual", "[7, 12]"}};
    char text[SHAPE_TEXT_SIZE];
    run_recorded(7);
    for (size_t layer = 0; layer < N_LAYER; layer++) {
        for (size_t i = 0; i < LENGTH(expected); i++)
            assert_string_equal(shape_text(&step_of(layer, expected[i].name)->shape, text),
                                expected[i].shape);
    }
    assert_string_equal(shape_text(&step_of(TRACE_OUTSIDE, "embeddings")->shape, text), "[7, 12]");
    assert_string_equal(shape_text(&step_of(TRACE_OUTSIDE, "ln_f")->shape, text), "[7, 12]");
}

TEST(watching_changes_nothing) {
    struct error err;
    float watched[VOCAB_SIZE], alone[VOCAB_SIZE];
    run_recorded(6);
    transformer_logits(transformer, 5, watched);
    assert_done(transformer_forward(transformer, ids, 6, NULL, &err), &err);
    transformer_logits(transformer, 5, alone);
    assert_same_floats(watched, alone, VOCAB_SIZE);
}

/* --- each step follows from the ones before ------------------------------------------------- */

TEST(embeddings_are_token_plus_position) {
    run_recorded(N_CTX);
    const float *found = data_of(TRACE_OUTSIDE, "embeddings");
    for (size_t t = 0; t < N_CTX; t++) {
        for (size_t i = 0; i < N_EMBD; i++) {
            // Kept in a float: 32-bit x86 adds with more digits.
            float sum = model->wte[ids[t] * N_EMBD + i] + model->wpe[t * N_EMBD + i];
            assert_close(found[t * N_EMBD + i], sum, 0);
        }
    }
}

TEST(the_rows_of_the_attention_weights_sum_to_1) {
    run_recorded(9);
    for (size_t layer = 0; layer < N_LAYER; layer++) {
        const float *weights = data_of(layer, "attention_weights"); // [N_HEAD, 9, 9]
        for (size_t row = 0; row < N_HEAD * 9; row++) {
            double sum = 0;
            for (size_t s = 0; s < 9; s++)
                sum += (double)weights[row * 9 + s];
            assert_close(sum, 1, 1e-6);
        }
    }
}

TEST(the_attention_weights_are_0_above_the_diagonal) {
    run_recorded(9);
    for (size_t layer = 0; layer < N_LAYER; layer++) {
        const float *weights = data_of(layer, "attention_weights"); // [N_HEAD, 9, 9]
        for (size_t head = 0; head < N_HEAD; head++) {
            for (size_t t = 0; t < 9; t++) {
                for (size_t s = 0; s < 9; s++)
                    assert_true(s > t ? weights[(head * 9 + t) * 9 + s] == 0.0f
                                      : weights[(head * 9 + t) * 9 + s] > 0.0f);
            }
        }
    }
}

TEST(the_first_token_looks_at_itself_alone) {
    run_recorded(4);
    for (size_t head = 0; head < N_HEAD; head++)
        assert_close(data_of(1, "attention_weights")[head * 16], 1, 0);
    // So its context is its own value.
    assert_same_floats(data_of(1, "context"), data_of(1, "qkv") + 2 * N_EMBD, N_EMBD);
}

TEST(the_weights_are_the_softmax_of_scaled_products) {
    enum { D_HEAD = N_EMBD / N_HEAD, LAST = 5 };
    run_recorded(LAST + 1);
    const float *qkv = data_of(0, "qkv"); // [6, 36]
    for (size_t head = 0; head < N_HEAD; head++) {
        float scores[LAST + 1];
        for (size_t s = 0; s <= LAST; s++)
            scores[s] = dot(qkv + LAST * 36 + head * D_HEAD, qkv + s * 36 + N_EMBD + head * D_HEAD,
                            D_HEAD) /
                        2; // the square root of 4
        softmax(scores, LAST + 1);
        for (size_t s = 0; s <= LAST; s++)
            assert_close(data_of(0, "attention_weights")[(head * 6 + LAST) * 6 + s], scores[s],
                         1e-6);
    }
}

/* c = a + b, for everything that the residual stream gets. */
static void check_sum(const float *c, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_close(c[i], a[i] + b[i], 1e-6);
}

TEST(the_residual_stream_adds_up) {
    enum { N = 6 * N_EMBD };
    run_recorded(6);
    const float *before = data_of(TRACE_OUTSIDE, "embeddings");
    for (size_t layer = 0; layer < N_LAYER; layer++) {
        check_sum(data_of(layer, "residual_middle"), before, data_of(layer, "attention_output"), N);
        check_sum(data_of(layer, "residual"), data_of(layer, "residual_middle"),
                  data_of(layer, "mlp_output"), N);
        before = data_of(layer, "residual");
    }
}

TEST(the_layer_norms_use_their_own_weights) {
    const struct gpt2_layer *layer = &model->layers[1];
    float expected[N_EMBD];
    run_recorded(3);
    layer_norm(expected, data_of(0, "residual"), layer->ln_1_weight, layer->ln_1_bias, N_EMBD,
               1e-5f);
    assert_same_floats(data_of(1, "ln_1"), expected, N_EMBD);
    layer_norm(expected, data_of(1, "residual_middle"), layer->ln_2_weight, layer->ln_2_bias,
               N_EMBD, 1e-5f);
    assert_same_floats(data_of(1, "ln_2"), expected, N_EMBD);
    layer_norm(expected, data_of(1, "residual"), model->ln_f_weight, model->ln_f_bias, N_EMBD,
               1e-5f);
    assert_same_floats(data_of(TRACE_OUTSIDE, "ln_f"), expected, N_EMBD);
}

TEST(the_mlp_widens_bends_and_narrows) {
    const struct gpt2_layer *layer = &model->layers[0];
    float widened[3 * N_INNER], output[3 * N_EMBD];
    run_recorded(3);
    linear(widened, data_of(0, "ln_2"), layer->mlp_c_fc_weight, layer->mlp_c_fc_bias, 3, N_EMBD,
           N_INNER);
    assert_same_floats(data_of(0, "widened"), widened, 3 * N_INNER);
    gelu(widened, 3 * N_INNER);
    assert_same_floats(data_of(0, "activated"), widened, 3 * N_INNER);
    linear(output, widened, layer->mlp_c_proj_weight, layer->mlp_c_proj_bias, 3, N_INNER, N_EMBD);
    assert_same_floats(data_of(0, "mlp_output"), output, 3 * N_EMBD);
}

TEST(the_logits_compare_the_last_vector_with_every_token) {
    float logits[VOCAB_SIZE];
    run_recorded(4);
    for (size_t position = 0; position < 4; position++) {
        transformer_logits(transformer, position, logits);
        for (size_t id = 0; id < VOCAB_SIZE; id++)
            assert_close(logits[id],
                         dot(data_of(TRACE_OUTSIDE, "ln_f") + position * N_EMBD,
                             model->wte + id * N_EMBD, N_EMBD),
                         1e-5);
    }
}

/* --- what a text's beginning may depend on -------------------------------------------------- */

TEST(a_text_has_the_logits_of_its_beginning) {
    struct error err;
    float whole[N_CTX][VOCAB_SIZE], part[VOCAB_SIZE];
    assert_done(transformer_forward(transformer, ids, N_CTX, NULL, &err), &err);
    for (size_t t = 0; t < N_CTX; t++)
        transformer_logits(transformer, t, whole[t]);
    for (size_t length = 1; length <= N_CTX; length++) {
        assert_done(transformer_forward(transformer, ids, length, NULL, &err), &err);
        transformer_logits(transformer, length - 1, part);
        for (size_t id = 0; id < VOCAB_SIZE; id++)
            assert_close(part[id], whole[length - 1][id], 1e-5);
    }
}

TEST(a_later_token_changes_nothing_before_it) {
    struct error err;
    uint32_t other[N_CTX];
    float before[VOCAB_SIZE], after[VOCAB_SIZE];
    memcpy(other, ids, sizeof other);
    other[6] = 1;
    assert_done(transformer_forward(transformer, ids, N_CTX, NULL, &err), &err);
    transformer_logits(transformer, 5, before);
    assert_done(transformer_forward(transformer, other, N_CTX, NULL, &err), &err);
    transformer_logits(transformer, 5, after);
    assert_same_floats(before, after, VOCAB_SIZE);
}

TEST(the_order_of_the_tokens_matters) {
    struct error err;
    const uint32_t there[] = {3, 14, 15}, back[] = {14, 3, 15};
    float a[VOCAB_SIZE], b[VOCAB_SIZE];
    assert_done(transformer_forward(transformer, there, 3, NULL, &err), &err);
    transformer_logits(transformer, 2, a);
    assert_done(transformer_forward(transformer, back, 3, NULL, &err), &err);
    transformer_logits(transformer, 2, b);
    assert_memory_not_equal(a, b, sizeof a);
}

/* The logits after three tokens on a model made with these arguments. */
static void logits_of(const char *name, const char *arguments, float *out) {
    struct error err;
    struct gpt2_model *made = open_made(name, arguments);
    struct transformer *own = transformer_new(made, 3, &err);
    assert_non_null(own);
    assert_done(transformer_forward(own, ids, 3, NULL, &err), &err);
    transformer_logits(own, 2, out);
    transformer_free(own);
    gpt2_model_close(made);
}

TEST(activation_epsilon_and_head_make_a_difference) {
    static const char *const variants[] = {SHAPE " --activation gelu", SHAPE " --epsilon 0.1",
                                           SHAPE " --lm-head"};
    float base[VOCAB_SIZE], other[VOCAB_SIZE];
    logits_of("plain", SHAPE, base);
    for (size_t i = 0; i < LENGTH(variants); i++) {
        logits_of("variant", variants[i], other);
        assert_memory_not_equal(base, other, sizeof base);
    }
}

TEST(a_model_without_blocks_works) {
    float logits[VOCAB_SIZE];
    logits_of("bare", "--n-layer 0 --n-head 1 --n-embd 12 --n-ctx 3 --vocab-size 40", logits);
    for (size_t id = 0; id < VOCAB_SIZE; id++)
        assert_true(isfinite(logits[id]));
}

/* --- errors --------------------------------------------------------------------------------- */

TEST(a_text_too_long_or_empty_is_refused) {
    struct error err;
    struct transformer *small = transformer_new(model, 4, &err);
    assert_non_null(small);
    assert_false(transformer_forward(small, ids, 5, NULL, &err));
    assert_message(&err, "5 tokens", "1 to 4");
    assert_false(transformer_forward(small, ids, 0, NULL, &err));
    assert_message(&err, "0 tokens", "1 to 4");
    assert_done(transformer_forward(small, ids, 4, NULL, &err), &err);
    transformer_free(small);
}

TEST(an_id_outside_the_vocabulary_is_refused) {
    struct error err;
    const uint32_t bad[] = {1, 2, VOCAB_SIZE}, worse[] = {UINT32_MAX};
    assert_false(transformer_forward(transformer, bad, 3, NULL, &err));
    assert_message(&err, "id 40", "position 2", "less than 40");
    assert_false(transformer_forward(transformer, worse, 1, NULL, &err));
    assert_message(&err, "id 4294967295", "position 0");
}

TEST(room_beyond_n_ctx_or_for_nothing_is_refused) {
    struct error err;
    assert_null(transformer_new(model, N_CTX + 1, &err));
    assert_message(&err, "11 tokens", "1 to 10");
    assert_null(transformer_new(model, 0, &err));
    assert_message(&err, "0 tokens", "1 to 10");
}

TEST(freeing_null_is_fine) {
    transformer_free(NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trace_has_the_documented_names_in_their_order),
        cmocka_unit_test(the_trace_has_the_right_shapes),
        cmocka_unit_test(watching_changes_nothing),
        cmocka_unit_test(embeddings_are_token_plus_position),
        cmocka_unit_test(the_rows_of_the_attention_weights_sum_to_1),
        cmocka_unit_test(the_attention_weights_are_0_above_the_diagonal),
        cmocka_unit_test(the_first_token_looks_at_itself_alone),
        cmocka_unit_test(the_weights_are_the_softmax_of_scaled_products),
        cmocka_unit_test(the_residual_stream_adds_up),
        cmocka_unit_test(the_layer_norms_use_their_own_weights),
        cmocka_unit_test(the_mlp_widens_bends_and_narrows),
        cmocka_unit_test(the_logits_compare_the_last_vector_with_every_token),
        cmocka_unit_test(a_text_has_the_logits_of_its_beginning),
        cmocka_unit_test(a_later_token_changes_nothing_before_it),
        cmocka_unit_test(the_order_of_the_tokens_matters),
        cmocka_unit_test(activation_epsilon_and_head_make_a_difference),
        cmocka_unit_test(a_model_without_blocks_works),
        cmocka_unit_test(a_text_too_long_or_empty_is_refused),
        cmocka_unit_test(an_id_outside_the_vocabulary_is_refused),
        cmocka_unit_test(room_beyond_n_ctx_or_for_nothing_is_refused),
        cmocka_unit_test(freeing_null_is_fine),
    };
    program_path(argc > 0 ? argv[0] : NULL);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
