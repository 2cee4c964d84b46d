/* common/gpt2.h: the engine with its cache, against the readable transformer and against itself. */
#include "support.h"

#include <pthread.h>

#include "../../common/gpt2.h"
#include "../../common/kernels/kernels.h"
#include "../../common/tensor.h"
#include "../../common/transformer.h"

/* Odd shapes: no power of two, heads of 1 and of 16 numbers, n_inner of its own, no blocks. */
static const char *const shapes[] = {
    "--n-layer 3 --n-head 5 --n-embd 80 --n-ctx 24 --vocab-size 301 --n-inner 77",
    "--n-layer 1 --n-head 1 --n-embd 7 --n-ctx 9 --vocab-size 19",
    "--n-layer 2 --n-head 6 --n-embd 6 --n-ctx 13 --vocab-size 65 --activation gelu --lm-head",
    "--n-layer 2 --n-head 3 --n-embd 33 --n-ctx 31 --vocab-size 130 --epsilon 0.01 --dtype BF16",
    "--n-layer 0 --n-head 2 --n-embd 10 --n-ctx 6 --vocab-size 33",
    "--n-layer 1 --n-head 2 --n-embd 2 --n-ctx 1 --vocab-size 3",
};

enum { N_MODELS = LENGTH(shapes), LONGEST = 31 };

static struct gpt2_model *models[N_MODELS];
static uint32_t texts[N_MODELS][LONGEST];
static float *oracle[N_MODELS]; // [n_ctx, vocab_size]: the transformer's logits of the text

static void make(size_t i) {
    struct error err;
    char name[20];
    snprintf(name, sizeof name, "model%zu", i);
    models[i] = gpt2_model_open(make_model(name, shapes[i]), &err);
    if (models[i] == NULL)
        fail_msg("%s", err.message);
    const struct gpt2_config *config = &models[i]->config;
    struct random_source random = {i};
    for (size_t t = 0; t < config->n_ctx; t++)
        texts[i][t] = (uint32_t)random_below(&random, config->vocab_size);
    struct transformer *transformer = transformer_new(models[i], config->n_ctx, &err);
    assert_non_null(transformer);
    assert_true(transformer_forward(transformer, texts[i], config->n_ctx, NULL, &err));
    oracle[i] = tensor_new_2(config->n_ctx, config->vocab_size);
    for (size_t t = 0; t < config->n_ctx; t++)
        transformer_logits(transformer, t, oracle[i] + t * config->vocab_size);
    transformer_free(transformer);
}

static int set_up(void **state) {
    if (open_test_folder(state) != 0)
        return -1;
    for (size_t i = 0; i < N_MODELS; i++)
        make(i);
    return 0;
}

static int tear_down(void **state) {
    for (size_t i = 0; i < N_MODELS; i++) {
        gpt2_model_close(models[i]);
        tensor_free(oracle[i]);
    }
    return close_test_folder(state);
}

static struct gpt2_session *new_session(size_t i, size_t n_threads) {
    struct error err;
    struct gpt2_session *session = gpt2_session_new(models[i], n_threads, &err);
    if (session == NULL)
        fail_msg("%s", err.message);
    return session;
}

static void prefill(struct gpt2_session *session, const uint32_t *ids, size_t n,
                    enum gpt2_logits_wanted wanted) {
    struct error err;
    assert_done(gpt2_prefill(session, ids, n, wanted, &err), &err);
}

/* The spread of all logits of a model's text. */
static double deviation(size_t i) {
    size_t n = models[i]->config.n_ctx * models[i]->config.vocab_size;
    double sum = 0, squares = 0;
    for (size_t k = 0; k < n; k++) {
        sum += (double)oracle[i][k];
        squares += (double)oracle[i][k] * (double)oracle[i][k];
    }
    return sqrt(squares / (double)n - sum / (double)n * (sum / (double)n));
}

/* The logits of a position of model i's text, to 1e-4 of their standard deviation. */
static void check_logits(size_t i, size_t position, const float *found) {
    size_t vocab_size = models[i]->config.vocab_size;
    double tolerance = 1e-4 * deviation(i);
    assert_non_null(found);
    for (size_t id = 0; id < vocab_size; id++) {
        double expected = (double)oracle[i][position * vocab_size + id];
        if (!(fabs((double)found[id] - expected) <= tolerance))
            fail_msg("model %zu, position %zu, id %zu: %g, expected %g", i, position, id,
                     (double)found[id], expected);
    }
}

/* --- against the transformer ---------------------------------------------------------------- */

TEST(decoding_token_by_token_equals_the_transformer) {
    struct error err;
    for (size_t i = 0; i < N_MODELS; i++) {
        struct gpt2_session *session = new_session(i, 1);
        for (size_t t = 0; t < models[i]->config.n_ctx; t++) {
            assert_done(gpt2_decode(session, texts[i][t], &err), &err);
            check_logits(i, t, gpt2_logits(session));
            assert_int_equal(gpt2_n_past(session), t + 1);
        }
        gpt2_session_free(session);
    }
}

TEST(a_prefill_of_any_length_equals_the_transformer) {
    for (size_t i = 0; i < N_MODELS; i++) {
        for (size_t n = 1; n <= models[i]->config.n_ctx; n++) {
            struct gpt2_session *session = new_session(i, 1);
            prefill(session, texts[i], n, GPT2_LOGITS_LAST);
            check_logits(i, n - 1, gpt2_logits(session));
            gpt2_session_free(session);
        }
    }
}

TEST(all_positions_of_a_prefill_equal_the_transformer) {
    for (size_t i = 0; i < N_MODELS; i++) {
        size_t n = models[i]->config.n_ctx, vocab_size = models[i]->config.vocab_size;
        struct gpt2_session *session = new_session(i, 2);
        float *out = tensor_new_2(n, vocab_size);
        prefill(session, texts[i], n, GPT2_LOGITS_ALL);
        assert_true(gpt2_logits_at(session, 0, n, out, NULL));
        for (size_t t = 0; t < n; t++)
            check_logits(i, t, out + t * vocab_size);
        tensor_free(out);
        gpt2_session_free(session);
    }
}

TEST(any_split_into_prefills_equals_the_transformer) {
    struct random_source random = {1};
    for (int round = 0; round < 60; round++) {
        size_t i = random_below(&random, N_MODELS), n_ctx = models[i]->config.n_ctx;
        struct gpt2_session *session = new_session(i, 1 + random_below(&random, 3));
        for (size_t at = 0; at < n_ctx;) {
            size_t n = 1 + random_below(&random, n_ctx - at);
            prefill(session, texts[i] + at, n, GPT2_LOGITS_LAST);
            at += n;
            check_logits(i, at - 1, gpt2_logits(session));
        }
        gpt2_session_free(session);
    }
}

/* --- logits --------------------------------------------------------------------------------- */

TEST(there_are_no_logits_before_the_first_token) {
    struct gpt2_session *session = new_session(0, 1);
    assert_null(gpt2_logits(session));
    assert_int_equal(gpt2_n_past(session), 0);
    gpt2_session_free(session);
}

TEST(logits_at_may_be_asked_for_in_parts) {
    size_t n = models[0]->config.n_ctx, vocab_size = models[0]->config.vocab_size;
    struct gpt2_session *session = new_session(0, 2);
    float *whole = tensor_new_2(n, vocab_size), *part = tensor_new_2(n, vocab_size);
    prefill(session, texts[0], n, GPT2_LOGITS_ALL);
    assert_true(gpt2_logits_at(session, 0, n, whole, NULL));
    for (size_t step = 1; step <= 7; step++) {
        for (size_t first = 0; first < n; first += step) {
            size_t count = first + step <= n ? step : n - first;
            assert_true(gpt2_logits_at(session, first, count, part, NULL));
            for (size_t t = 0; t < count; t++)
                check_logits(0, first + t, part + t * vocab_size);
        }
    }
    tensor_free(whole);
    tensor_free(part);
    gpt2_session_free(session);
}

TEST(logits_at_counts_from_the_last_prefills_beginning) {
    size_t vocab_size = models[0]->config.vocab_size;
    struct gpt2_session *session = new_session(0, 1);
    float *out = tensor_new_2(4, vocab_size);
    prefill(session, texts[0], 5, GPT2_LOGITS_LAST);
    prefill(session, texts[0] + 5, 4, GPT2_LOGITS_ALL);
    assert_true(gpt2_logits_at(session, 0, 4, out, NULL));
    for (size_t t = 0; t < 4; t++)
        check_logits(0, 5 + t, out + t * vocab_size);
    tensor_free(out);
    gpt2_session_free(session);
}

TEST(logits_for_all_include_those_of_the_last) {
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 9, GPT2_LOGITS_ALL);
    check_logits(0, 8, gpt2_logits(session));
    gpt2_session_free(session);
}

/* --- rewinding ------------------------------------------------------------------------------ */

TEST(after_a_rewind_another_text_can_go_on) {
    size_t n_ctx = models[0]->config.n_ctx;
    struct gpt2_session *session = new_session(0, 1);
    for (size_t kept = 0; kept < n_ctx; kept++) {
        // Some other tokens come first, and must leave no trace.
        const uint32_t other[] = {1, 2, 3};
        if (kept + 3 <= n_ctx)
            prefill(session, other, 3, GPT2_LOGITS_LAST);
        gpt2_rewind(session, kept);
        assert_int_equal(gpt2_n_past(session), kept);
        prefill(session, texts[0] + kept, n_ctx - kept, GPT2_LOGITS_LAST);
        check_logits(0, n_ctx - 1, gpt2_logits(session));
        gpt2_rewind(session, kept + 1);
    }
    gpt2_session_free(session);
}

TEST(a_rewind_leaves_no_logits) {
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 5, GPT2_LOGITS_LAST);
    gpt2_rewind(session, 3);
    assert_null(gpt2_logits(session));
    gpt2_session_free(session);
}

TEST(a_rewind_to_the_end_or_beyond_does_nothing) {
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 5, GPT2_LOGITS_LAST);
    gpt2_rewind(session, 5);
    gpt2_rewind(session, 1000);
    assert_int_equal(gpt2_n_past(session), 5);
    check_logits(0, 4, gpt2_logits(session));
    gpt2_session_free(session);
}

/* --- threads -------------------------------------------------------------------------------- */

/* Prefills half of the text, decodes the rest; out: the last logits. */
static void run_text(size_t i, size_t n_threads, float *out) {
    struct error err;
    size_t n_ctx = models[i]->config.n_ctx, half = (n_ctx + 1) / 2;
    struct gpt2_session *session = new_session(i, n_threads);
    prefill(session, texts[i], half, GPT2_LOGITS_LAST);
    for (size_t t = half; t < n_ctx; t++)
        assert_done(gpt2_decode(session, texts[i][t], &err), &err);
    memcpy(out, gpt2_logits(session), models[i]->config.vocab_size * sizeof *out);
    gpt2_session_free(session);
}

TEST(any_number_of_threads_gives_the_same_bits) {
    for (size_t i = 0; i < N_MODELS; i++) {
        float one[301], more[301];
        run_text(i, 1, one);
        for (size_t n_threads = 2; n_threads <= 5; n_threads++) {
            run_text(i, n_threads, more);
            assert_same_floats(more, one, models[i]->config.vocab_size);
        }
    }
}

/* A text's last logits, by a session on a model of the engine's own. */
static void run_format(const char *folder, enum weights_format weights, size_t n_threads, float *out) {
    struct error err;
    struct gpt2_model *model = gpt2_model_open_for_engine(folder, weights, n_threads, &err);
    if (model == NULL)
        fail_msg("%s", err.message);
    struct gpt2_session *session = gpt2_session_new(model, n_threads, &err);
    assert_non_null(session);
    prefill(session, texts[0], 15, GPT2_LOGITS_LAST);
    for (size_t t = 15; t < 24; t++)
        assert_done(gpt2_decode(session, texts[0][t], &err), &err);
    memcpy(out, gpt2_logits(session), model->config.vocab_size * sizeof *out);
    gpt2_session_free(session);
    gpt2_model_close(model);
}

TEST(any_number_of_threads_gives_the_same_bits_in_every_format_with_all_kernels) {
    static const enum weights_format formats[] = {WEIGHTS_AS_STORED, WEIGHTS_BF16, WEIGHTS_INT8};
    size_t n_kernels, vocab_size = models[0]->config.vocab_size;
    const struct kernels *const *kernels = kernels_all(&n_kernels);
    for (size_t i = 0; i < n_kernels; i++) {
        if (!kernels_work_here(kernels[i]))
            continue;
        setenv("GPT2_KERNELS", kernels[i]->name, 1);
        for (size_t f = 0; f < LENGTH(formats); f++) {
            float one[301], more[301];
            run_format(path_of("model0"), formats[f], 1, one);
            for (size_t n_threads = 2; n_threads <= 8; n_threads++) {
                run_format(path_of("model0"), formats[f], n_threads, more);
                assert_same_floats(more, one, vocab_size);
            }
        }
    }
    unsetenv("GPT2_KERNELS");
}

/* --- kernels -------------------------------------------------------------------------------- */

TEST(a_session_computes_with_the_kernels_that_were_asked_for) {
    struct error err;
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        setenv("GPT2_KERNELS", all[i]->name, 1);
        struct gpt2_session *session = new_session(0, 1);
        bool works = kernels_work_here(all[i]);
        assert_int_equal(strcmp(gpt2_kernels_name(session), all[i]->name) == 0, works);
        assert_int_equal(kernels_check_wanted(&err), works);
        gpt2_session_free(session);
    }
    unsetenv("GPT2_KERNELS");
}

TEST(kernels_that_are_not_there_are_said_and_the_fastest_are_taken) {
    struct error err;
    struct gpt2_session *session = new_session(0, 1);
    setenv("GPT2_KERNELS", "abacus", 1);
    assert_false(kernels_check_wanted(&err));
    assert_message(&err, "GPT2_KERNELS", "abacus", "portable");
    struct gpt2_session *other = new_session(0, 1);
    assert_string_equal(gpt2_kernels_name(other), gpt2_kernels_name(session));
    setenv("GPT2_KERNELS", "", 1);
    assert_true(kernels_check_wanted(&err));
    unsetenv("GPT2_KERNELS");
    assert_true(kernels_check_wanted(&err));
    gpt2_session_free(session);
    gpt2_session_free(other);
}

struct run {
    size_t n_threads;
    float logits[301];
};

static void *run_often(void *argument) {
    struct run *run = argument;
    for (int i = 0; i < 5; i++)
        run_text(0, run->n_threads, run->logits);
    return NULL;
}

TEST(two_sessions_at_once_give_the_same_as_alone) {
    struct run runs[2] = {{.n_threads = 1}, {.n_threads = 2}};
    pthread_t threads[2];
    float alone[301];
    run_text(0, 1, alone);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runs[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_same_floats(runs[i].logits, alone, models[0]->config.vocab_size);
    }
}

TEST(a_bad_number_of_threads_is_refused) {
    struct error err;
    assert_null(gpt2_session_new(models[0], 0, &err));
    assert_message(&err, "0 threads", "1 to 256");
    assert_null(gpt2_session_new(models[0], 1000, &err));
    assert_message(&err, "1000 threads");
}

/* --- errors leave the session as it was ----------------------------------------------------- */

/* The session still has the first n tokens, and goes on rightly. */
static void check_unharmed(struct gpt2_session *session, size_t n) {
    struct error err;
    assert_int_equal(gpt2_n_past(session), n);
    check_logits(0, n - 1, gpt2_logits(session));
    assert_done(gpt2_decode(session, texts[0][n], &err), &err);
    check_logits(0, n, gpt2_logits(session));
}

#if SIZE_MAX == UINT32_MAX
TEST(a_session_too_large_for_32_bits_is_refused) {
    // 185,365 positions: the attention scores of all of them would take 2^32 floats and a few.
    struct error err;
    struct gpt2_model *model = gpt2_model_open(
        make_model("wide", "--n-layer 1 --n-head 1 --n-embd 1 --n-ctx 185365 --vocab-size 300"),
        &err);
    assert_non_null(model);
    assert_null(gpt2_session_new(model, 1, &err));
    assert_message(&err, "out of memory", "KV cache");
    gpt2_model_close(model);
}
#endif

TEST(an_id_outside_the_vocabulary_is_refused) {
    struct error err;
    const uint32_t bad[] = {1, 301};
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 4, GPT2_LOGITS_LAST);
    assert_false(gpt2_prefill(session, bad, 2, GPT2_LOGITS_LAST, &err));
    assert_message(&err, "id 301", "position 5", "less than 301");
    assert_false(gpt2_decode(session, UINT32_MAX, &err));
    assert_message(&err, "id 4294967295", "position 4");
    check_unharmed(session, 4);
    gpt2_session_free(session);
}

TEST(no_tokens_are_refused) {
    struct error err;
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 4, GPT2_LOGITS_LAST);
    assert_false(gpt2_prefill(session, texts[0], 0, GPT2_LOGITS_LAST, &err));
    assert_message(&err, "at least 1");
    check_unharmed(session, 4);
    gpt2_session_free(session);
}

TEST(a_text_longer_than_n_ctx_is_refused_with_both_numbers) {
    struct error err;
    static const uint32_t zeros[100];
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 4, GPT2_LOGITS_LAST);
    assert_false(gpt2_prefill(session, zeros, 21, GPT2_LOGITS_LAST, &err));
    assert_message(&err, "25 tokens", "at most 24");
    assert_false(gpt2_prefill(session, zeros, SIZE_MAX, GPT2_LOGITS_LAST, &err));
    assert_message(&err, "at most 24");
    check_unharmed(session, 4);
    gpt2_session_free(session);
}

TEST(a_full_session_takes_no_further_token) {
    struct error err;
    struct gpt2_session *session = new_session(0, 1);
    prefill(session, texts[0], 24, GPT2_LOGITS_LAST);
    assert_false(gpt2_decode(session, 1, &err));
    assert_message(&err, "25 tokens", "at most 24");
    assert_int_equal(gpt2_n_past(session), 24);
    check_logits(0, 23, gpt2_logits(session));
    gpt2_session_free(session);
}

TEST(freeing_null_is_fine) {
    gpt2_session_free(NULL);
}

TEST(logits_of_positions_that_were_not_kept_are_refused) {
    struct gpt2_model *model = models[0];
    struct error err;
    struct gpt2_session *session = gpt2_session_new(model, 1, &err);
    const uint32_t ids[3] = {1, 2, 3};
    float *out = tensor_new_2(4, model->config.vocab_size);
    assert_false(gpt2_logits_at(session, 0, 1, out, &err));
    assert_true(gpt2_prefill(session, ids, 3, GPT2_LOGITS_LAST, &err));
    assert_false(gpt2_logits_at(session, 0, 1, out, &err));
    assert_message(&err, "GPT2_LOGITS_ALL");
    assert_true(gpt2_prefill(session, ids, 3, GPT2_LOGITS_ALL, &err));
    assert_true(gpt2_logits_at(session, 1, 2, out, &err));
    assert_false(gpt2_logits_at(session, 1, 3, out, &err));
    assert_false(gpt2_logits_at(session, SIZE_MAX, 2, out, &err));
    tensor_free(out);
    gpt2_session_free(session);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_of_positions_that_were_not_kept_are_refused),
        cmocka_unit_test(decoding_token_by_token_equals_the_transformer),
        cmocka_unit_test(a_prefill_of_any_length_equals_the_transformer),
        cmocka_unit_test(all_positions_of_a_prefill_equal_the_transformer),
        cmocka_unit_test(any_split_into_prefills_equals_the_transformer),
        cmocka_unit_test(there_are_no_logits_before_the_first_token),
        cmocka_unit_test(logits_at_may_be_asked_for_in_parts),
        cmocka_unit_test(logits_at_counts_from_the_last_prefills_beginning),
        cmocka_unit_test(logits_for_all_include_those_of_the_last),
        cmocka_unit_test(after_a_rewind_another_text_can_go_on),
        cmocka_unit_test(a_rewind_leaves_no_logits),
        cmocka_unit_test(a_rewind_to_the_end_or_beyond_does_nothing),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(
            any_number_of_threads_gives_the_same_bits_in_every_format_with_all_kernels),
        cmocka_unit_test(a_session_computes_with_the_kernels_that_were_asked_for),
        cmocka_unit_test(kernels_that_are_not_there_are_said_and_the_fastest_are_taken),
        cmocka_unit_test(two_sessions_at_once_give_the_same_as_alone),
        cmocka_unit_test(a_bad_number_of_threads_is_refused),
#if SIZE_MAX == UINT32_MAX
        cmocka_unit_test(a_session_too_large_for_32_bits_is_refused),
#endif
        cmocka_unit_test(an_id_outside_the_vocabulary_is_refused),
        cmocka_unit_test(no_tokens_are_refused),
        cmocka_unit_test(a_text_longer_than_n_ctx_is_refused_with_both_numbers),
        cmocka_unit_test(a_full_session_takes_no_further_token),
        cmocka_unit_test(freeing_null_is_fine),
    };
    program_path(argc > 0 ? argv[0] : NULL);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
