/* Models in every format of weights: opened for the engine and for reading, converted at load and
 * from a folder that common/quantize.h has written. */
#include "support.h"

#include "../../common/gpt2.h"
#include "../../common/kernels/pack.h"
#include "../../common/quantize.h"
#include "../../common/tensor.h"
#include "../../common/transformer.h"

static const char *const shapes[] = {
    "--n-layer 3 --n-head 5 --n-embd 80 --n-ctx 24 --vocab-size 301 --n-inner 77",
    "--n-layer 2 --n-head 3 --n-embd 33 --n-ctx 31 --vocab-size 130 --prefix --dtype BF16",
    "--n-layer 1 --n-head 1 --n-embd 7 --n-ctx 9 --vocab-size 19 --lm-head --masks --dtype F16",
    "--n-layer 0 --n-head 2 --n-embd 10 --n-ctx 6 --vocab-size 65",
};

enum { N_MODELS = LENGTH(shapes), MOST_CTX = 31, MOST_VOCAB = 301 };

static const enum weights_format smaller[] = {WEIGHTS_BF16, WEIGHTS_INT8};

/* Logits at each position of a model's text. */
struct run {
    size_t n, n_vocab;
    float logits[MOST_CTX][MOST_VOCAB];
};

static char folders[N_MODELS][600];

static int set_up(void **state) {
    if (open_test_folder(state) != 0)
        return -1;
    for (size_t i = 0; i < N_MODELS; i++) {
        char name[20];
        snprintf(name, sizeof name, "model%zu", i);
        snprintf(folders[i], sizeof folders[i], "%s", make_model(name, shapes[i]));
    }
    return 0;
}

/* The folder's model, for the engine in a format, or NULL for reading. */
static struct gpt2_model *open_model(const char *folder, const enum weights_format *wanted) {
    struct error err;
    struct gpt2_model *model = wanted != NULL ? gpt2_model_open_for_engine(folder, *wanted, 2, &err)
                                              : gpt2_model_open(folder, &err);
    if (model == NULL)
        fail_msg("%s", err.message);
    return model;
}

static void make_text(const struct gpt2_model *model, uint32_t ids[MOST_CTX]) {
    struct random_source random = {7};
    for (size_t t = 0; t < model->config.n_ctx; t++)
        ids[t] = (uint32_t)random_below(&random, model->config.vocab_size);
}

/* Prefills n_prefill tokens, and decodes the others one by one. */
static struct run *run_engine(const struct gpt2_model *model, size_t n_prefill) {
    struct error err;
    uint32_t ids[MOST_CTX];
    struct run *run = calloc(1, sizeof *run);
    struct gpt2_session *session = gpt2_session_new(model, 2, &err);
    assert_true(run != NULL && session != NULL);
    make_text(model, ids);
    run->n = model->config.n_ctx;
    run->n_vocab = model->config.vocab_size;
    if (n_prefill > 0)
        assert_done(gpt2_prefill(session, ids, n_prefill, GPT2_LOGITS_ALL, &err), &err);
    for (size_t t = 0; t < run->n; t++) {
        if (t < n_prefill) {
            assert_done(gpt2_logits_at(session, t, 1, run->logits[t], &err), &err);
            continue;
        }
        assert_done(gpt2_decode(session, ids[t], &err), &err);
        memcpy(run->logits[t], gpt2_logits(session), run->n_vocab * sizeof(float));
    }
    gpt2_session_free(session);
    return run;
}

static struct run *run_transformer(const struct gpt2_model *model) {
    struct error err;
    uint32_t ids[MOST_CTX];
    struct run *run = calloc(1, sizeof *run);
    struct transformer *transformer = transformer_new(model, model->config.n_ctx, &err);
    assert_true(run != NULL && transformer != NULL);
    make_text(model, ids);
    run->n = model->config.n_ctx;
    run->n_vocab = model->config.vocab_size;
    assert_true(transformer_forward(transformer, ids, run->n, NULL, &err));
    for (size_t t = 0; t < run->n; t++)
        transformer_logits(transformer, t, run->logits[t]);
    transformer_free(transformer);
    return run;
}

static void assert_same_runs(const struct run *found, const struct run *expected) {
    for (size_t t = 0; t < expected->n; t++)
        assert_same_floats(found->logits[t], expected->logits[t], expected->n_vocab);
}

/* The largest and the usual (root mean square) difference, in standard deviations of the logits. */
static void differences(const struct run *found, const struct run *expected, double *largest,
                        double *usual) {
    double n = (double)(expected->n * expected->n_vocab), sum = 0, squares = 0, errors = 0;
    *largest = 0;
    for (size_t t = 0; t < expected->n; t++) {
        for (size_t i = 0; i < expected->n_vocab; i++) {
            double logit = (double)expected->logits[t][i];
            double error = fabs((double)found->logits[t][i] - logit);
            *largest = error <= *largest ? *largest : error; // not a number is the largest
            sum += logit;
            squares += logit * logit;
            errors += error * error;
        }
    }
    double deviation = sqrt(squares / n - sum / n * (sum / n));
    *largest /= deviation;
    *usual = sqrt(errors / n) / deviation;
}

/* Runs a check with each table of kernels that works here. */
static void for_all_kernels(void (*check)(const struct kernels *kernels)) {
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (!kernels_work_here(all[i]))
            continue;
        assert_int_equal(setenv("GPT2_KERNELS", all[i]->name, 1), 0);
        assert_true(kernels_for_this_processor() == all[i]);
        check(all[i]);
    }
    unsetenv("GPT2_KERNELS");
}

/* --- opening ---------------------------------------------------------------------------------- */

static void check_f32(const struct kernels *kernels) {
    (void)kernels;
    static const enum weights_format as_stored = WEIGHTS_AS_STORED, wanted = WEIGHTS_F32;
    for (size_t i = 0; i < N_MODELS; i++) {
        struct gpt2_model *readable = open_model(folders[i], NULL);
        struct gpt2_model *f32 = open_model(folders[i], &wanted);
        struct gpt2_model *stored = open_model(folders[i], &as_stored);
        struct run *expected = run_engine(readable, 5),
                   *runs[] = {run_engine(f32, 5), run_engine(stored, 5)};
        assert_same_runs(runs[0], expected);
        assert_same_runs(runs[1], expected);
        assert_int_equal(stored->weights, WEIGHTS_F32);
        assert_int_equal(stored->n_parameters, readable->n_parameters);
        assert_int_equal(stored->n_bytes_per_token, readable->n_bytes_per_token);
        free(expected);
        free(runs[0]);
        free(runs[1]);
        gpt2_model_close(readable);
        gpt2_model_close(f32);
        gpt2_model_close(stored);
    }
}

TEST(f32_weights_give_the_same_bits_to_the_engine_however_they_were_opened) {
    for_all_kernels(check_f32);
}

/* What smaller weights may cost. A weight is off by a share of the usual weight: 2^-9 / sqrt(3) in
 * BF16 (a rounding of 8 bits), and in int8 half a step at the most, 1 / sqrt(12) usually, of
 * largest / 127, the largest of a block being about 3 times the usual. Activations that are rounded
 * too, as some kernels do, and keys and values, double the square. A sum of many products is off by the same share. The
 * stream is the sum of what 2 n_layer + 1 pairs of layers have made, and each of them may pass an
 * error on enlarged: the layers of these models are three times as sharp as others. */
static double expected_loss(enum weights_format weights, const struct gpt2_model *model) {
    double share = weights == WEIGHTS_BF16 ? 0x1p-9 / sqrt(3.0) : 3.0 / 127 / sqrt(12.0);
    return 3 * share * sqrt(2.0) * sqrt(2.0 * (2.0 * (double)model->config.n_layer + 1));
}

static void check_loss(const struct kernels *kernels) {
    for (size_t i = 0; i < N_MODELS; i++) {
        struct gpt2_model *readable = open_model(folders[i], NULL);
        struct run *expected = run_transformer(readable);
        for (size_t f = 0; f < LENGTH(smaller); f++) {
            struct gpt2_model *model = open_model(folders[i], &smaller[f]);
            struct run *run = run_engine(model, readable->config.n_ctx - 2);
            double largest, usual, most = expected_loss(smaller[f], readable);
            differences(run, expected, &largest, &usual);
            if (!(usual <= most && largest <= 6 * most))
                fail_msg("%s, model %zu, format %d: logits are off by %g usually and %g at most, "
                         "expected %g",
                         kernels->name, i, (int)smaller[f], usual, largest, most);
            assert_int_equal(model->weights, smaller[f]);
            free(run);
            gpt2_model_close(model);
        }
        free(expected);
        gpt2_model_close(readable);
    }
}

TEST(smaller_weights_cost_no_more_than_their_roundings) {
    for_all_kernels(check_loss);
}

/* --- a quantized folder ------------------------------------------------------------------------ */

/* Writes model i in a format; returns the folder, as path_of does. */
static const char *quantized(size_t i, enum weights_format weights) {
    struct error err;
    char name[40];
    static unsigned number;
    snprintf(name, sizeof name, "quantized%u", number++);
    const char *folder = path_of(name);
    assert_done(quantize_folder(folders[i], folder, weights, 2, &err), &err);
    return folder;
}

/* All matrices are the file's own bytes: nothing was converted or copied. */
static void check_mapped(const struct gpt2_model *model) {
    const struct safetensors_tensor *wte = safetensors_find(model->file, "wte.weight");
    assert_non_null(wte);
    assert_true(model->embeddings.data == wte->data);
    for (size_t i = 0; i < model->config.n_layer; i++) {
        char name[64];
        snprintf(name, sizeof name, "h.%zu.mlp.c_fc.weight", i);
        assert_non_null(safetensors_find(model->file, name));
        assert_true(model->layers[i].mlp_c_fc.data == safetensors_find(model->file, name)->data);
    }
    assert_int_equal((uintptr_t)wte->data % 64, 0);
}

TEST(a_quantized_folder_is_mapped_and_gives_the_bits_of_a_conversion) {
    static const enum weights_format as_stored = WEIGHTS_AS_STORED;
    for (size_t i = 0; i < N_MODELS; i++) {
        for (size_t f = 0; f < LENGTH(smaller); f++) {
            struct gpt2_model *converted = open_model(folders[i], &smaller[f]);
            struct gpt2_model *stored = open_model(quantized(i, smaller[f]), &as_stored);
            struct run *expected = run_engine(converted, 4), *found = run_engine(stored, 4);
            assert_same_runs(found, expected);
            check_mapped(stored);
            assert_int_equal(stored->weights, smaller[f]);
            assert_int_equal(stored->n_parameters, converted->n_parameters);
            assert_int_equal(stored->n_bytes_per_token, converted->n_bytes_per_token);
            free(expected);
            free(found);
            gpt2_model_close(converted);
            gpt2_model_close(stored);
        }
    }
}

/* Read as arrays, a quantized model is one like any other: the transformer runs on the very weights
 * that the engine has. What the engine rounds beyond them: keys and values to BF16, and activations to
 * bytes where int8 has its own instruction. */
static void check_readable(const struct kernels *kernels) {
    for (size_t i = 0; i < N_MODELS; i++) {
        for (size_t f = 0; f < LENGTH(smaller); f++) {
            const char *folder = quantized(i, smaller[f]);
            struct gpt2_model *readable = open_model(folder, NULL);
            struct gpt2_model *model = open_model(folder, &smaller[f]);
            struct run *expected = run_transformer(readable), *found = run_engine(model, 0);
            bool bytes = smaller[f] == WEIGHTS_INT8 && kernels->multiply_int8_row != NULL;
            double largest, usual;
            double most = 6 * expected_loss(bytes ? WEIGHTS_INT8 : WEIGHTS_BF16, readable);
            differences(found, expected, &largest, &usual);
            if (!(largest <= most))
                fail_msg("%s, model %zu, format %d: logits are off by %g standard deviations",
                         kernels->name, i, (int)smaller[f], largest);
            assert_int_equal(readable->weights, WEIGHTS_F32);
            free(expected);
            free(found);
            gpt2_model_close(readable);
            gpt2_model_close(model);
        }
    }
}

TEST(a_quantized_folder_opens_for_reading_with_the_same_weights) {
    for_all_kernels(check_readable);
}

TEST(a_quantized_folder_cannot_be_quantized_to_another_format) {
    struct error err;
    const char *folder = quantized(0, WEIGHTS_INT8), *again = path_of("again");
    assert_false(quantize_folder(folder, again, WEIGHTS_BF16, 1, &err));
    assert_message(&err, folder, "stored as int8");
    assert_int_not_equal(access(again, F_OK), 0); // not even the folder was made
    assert_done(quantize_folder(folder, again, WEIGHTS_INT8, 1, &err), &err);
    for (size_t i = 0; i < 2; i++) {
        char first[700], second[700];
        static const char *const names[] = {"model.safetensors", "config.json"};
        size_t n_first, n_second;
        snprintf(first, sizeof first, "%s/%s", folder, names[i]);
        snprintf(second, sizeof second, "%s/%s", again, names[i]);
        char *a = read_bytes(first, &n_first), *b = read_bytes(second, &n_second);
        assert_int_equal(n_first, n_second);
        assert_memory_equal(a, b, n_first);
        free(a);
        free(b);
    }
}

/* --- sizes that the file does not have --------------------------------------------------------- */

/* Every way of opening refuses the folder with a message on sizes. */
static void check_refused(const char *folder, const char *what) {
    struct error err;
    for (int wanted = -1; wanted <= WEIGHTS_INT8; wanted++) {
        struct gpt2_model *model =
            wanted < 0 ? gpt2_model_open(folder, &err)
                       : gpt2_model_open_for_engine(folder, (enum weights_format)wanted, 2, &err);
        if (model != NULL)
            fail_msg("%s with %s was opened as %d", folder, what, wanted);
        assert_message(&err, folder);
        // A size that is no tensor's here comes after the weights, which have a format already.
        static const char *const reasons[] = {"expected", "too", "is missing", "whole number",
                                              "leave out -w"};
        size_t r = 0;
        while (r < LENGTH(reasons) && strstr(err.message, reasons[r]) == NULL)
            r++;
        if (r == LENGTH(reasons))
            fail_msg("%s with %s: %s", folder, what, err.message);
    }
}

TEST(huge_sizes_in_config_json_are_refused) {
    static const char *const names[] = {"n_embd", "vocab_size", "n_positions", "n_inner",
                                        "n_layer"};
    static const char *const sizes[] = {"4294967296",       "4611686018427387904",
                                        "9007199254740992", "9007199254740991",
                                        "2147483648",       "65536"};
    static const char *const usual[] = {"80", "301", "24", "77", "3"};
    const char *all[] = {make_model("huge", shapes[0]), quantized(0, WEIGHTS_BF16),
                         quantized(0, WEIGHTS_INT8)};
    for (size_t i = 0; i < LENGTH(all); i++) {
        const char *folder = all[i];
        char config[700];
        snprintf(config, sizeof config, "%s/config.json", folder);
        for (size_t n = 0; n < LENGTH(names); n++) {
            for (size_t s = 0; s < LENGTH(sizes); s++) {
                char text[400];
                const char *v[5];
                for (size_t k = 0; k < 5; k++)
                    v[k] = k == n ? sizes[s] : usual[k];
                snprintf(text, sizeof text,
                         "{\"model_type\":\"gpt2\",\"n_head\":1,\"n_embd\":%s,\"vocab_size\":%s,"
                         "\"n_positions\":%s,\"n_inner\":%s,\"n_layer\":%s}",
                         v[0], v[1], v[2], v[3], v[4]);
                write_text(config, text);
                check_refused(folder, text);
            }
        }
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_weights_give_the_same_bits_to_the_engine_however_they_were_opened),
        cmocka_unit_test(smaller_weights_cost_no_more_than_their_roundings),
        cmocka_unit_test(a_quantized_folder_is_mapped_and_gives_the_bits_of_a_conversion),
        cmocka_unit_test(a_quantized_folder_opens_for_reading_with_the_same_weights),
        cmocka_unit_test(a_quantized_folder_cannot_be_quantized_to_another_format),
        cmocka_unit_test(huge_sizes_in_config_json_are_refused),
    };
    program_path(argc > 0 ? argv[0] : NULL);
    return cmocka_run_group_tests(tests, set_up, close_test_folder);
}
