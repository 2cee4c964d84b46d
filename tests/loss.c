/*
 * What smaller weights cost: logits, likeliest token and perplexity of BF16 and int8 weights against
 * F32, on a text.
 *
 *     loss DIR TEXT        a model and a text, in which <|endoftext|> is the special token
 *     loss DIR             the same on random tokens, with outlier channels put into the model: a few
 *                          inputs of every matrix become 20 times larger, as they are in large models.
 *                          Which ones decides much, so it is done with several draws.
 *
 * "q8_0" is the scheme of ggml's 8-bit format for comparison: weights and activations in blocks of 32
 * with a scale each. The products are added up as floats here, which rounds less than its F16 scales;
 * and keys and values stay floats, which llama.cpp rounds to F16.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/float_formats.h"
#include "../common/gpt2.h"
#include "../common/kernels/pack.h"
#include "../common/ops.h"
#include "../common/random.h"
#include "../common/tensor.h"
#include "../common/tokenizer.h"

enum {
    THREADS = 2,
    N_OUTLIERS = 6,
    N_RANDOM_TOKENS = 64,
    N_DRAWS = 10,
    MOST_TOKENS = 20000,
    TEXT_LIMIT = 1 << 24
};

/* What a format of weights makes of a text. */
struct result {
    double squared_error; // of the logits, summed up
    double squared;       // of the logits of F32 around their mean, summed up
    double nll;
    size_t n_same, n;
};

static void fail(const struct error *err) {
    fprintf(stderr, "loss: %s\n", err->message);
    exit(1);
}

/* --- formats ---------------------------------------------------------------------------------- */

typedef void change_weights(struct matrix *m, float *floats);

/* Every matrix of a model, with the array that it is made from. */
static void for_each_matrix(struct gpt2_model *model, change_weights *change) {
    for (size_t i = 0; i < model->config.n_layer; i++) {
        struct gpt2_layer *l = &model->layers[i];
        change(&l->attn_c_attn, l->attn_c_attn_weight);
        change(&l->attn_c_proj, l->attn_c_proj_weight);
        change(&l->mlp_c_fc, l->mlp_c_fc_weight);
        change(&l->mlp_c_proj, l->mlp_c_proj_weight);
    }
    change(&model->embeddings, model->wte);
    model->head = model->embeddings;
}

static void *packed[2048]; // what the model being measured is packed into
static size_t n_packed;

/* Memory until free_packed. */
static void *packed_memory(size_t n_bytes) {
    void *memory = tensor_memory(n_bytes);
    if (memory == NULL || n_packed == sizeof packed / sizeof packed[0])
        abort();
    return packed[n_packed++] = memory;
}

static void free_packed(void) {
    while (n_packed > 0)
        tensor_free(packed[--n_packed]);
}

static void pack(struct matrix *m, enum matrix_format format) {
    size_t data_bytes, scale_bytes;
    struct matrix source = *m;
    if (!packed_sizes(format, m->n_in, m->n_out, &data_bytes, &scale_bytes))
        abort();
    void *data = packed_memory(data_bytes);
    uint16_t *scales = packed_memory(scale_bytes + 1);
    matrix_pack(&source, format, data, scales, kernels_for_this_processor(), NULL, m);
}

static void to_bf16(struct matrix *m, float *floats) {
    (void)floats;
    pack(m, MATRIX_BF16);
}

static void to_int8(struct matrix *m, float *floats) {
    (void)floats;
    pack(m, MATRIX_INT8);
}

/* The number of input i, output o in the layout of a file. */
static size_t index_of(const struct matrix *m, size_t i, size_t o) {
    return m->format == MATRIX_F32_IN_OUT ? i * m->n_out + o : o * m->n_in + i;
}

/* Rounds n <= 32 numbers that stand `stride` apart to what q8_0 keeps of them. */
static void round_to_q8_0(float *numbers, size_t n, size_t stride) {
    float largest = 0.0f;
    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(numbers[i * stride]));
    float scale = largest / 127.0f, kept = f16_to_f32(f32_to_f16(scale));
    for (size_t i = 0; i < n && scale > 0.0f; i++)
        numbers[i * stride] = roundf(numbers[i * stride] / scale) * kept;
}

static void to_q8_0(struct matrix *m, float *floats) {
    size_t stride = index_of(m, 1, 0) - index_of(m, 0, 0);
    for (size_t o = 0; o < m->n_out; o++) {
        for (size_t i = 0; i < m->n_in; i += 32)
            round_to_q8_0(&floats[index_of(m, i, o)], m->n_in - i < 32 ? m->n_in - i : 32, stride);
    }
}

/* --- activations ------------------------------------------------------------------------------ */

static bool round_activations; // in the F32 matrices of sessions that begin from now on

/* The engine's own kernels; the linker gives this program the function below instead of them. */
const struct kernels *__real_kernels_for_this_processor(void);
const struct kernels *__wrap_kernels_for_this_processor(void);

/* A piece of a row that the engine multiplies begins at a multiple of 32 here. */
static void multiply_rounded_row(const struct matrix *m, const float *x, size_t first, size_t n,
                                 float *out) {
    float *rounded = tensor_new(m->n_in);
    if (rounded == NULL)
        abort();
    memcpy(rounded, x, m->n_in * sizeof *rounded);
    for (size_t i = 0; i < m->n_in; i += 32)
        round_to_q8_0(rounded + i, m->n_in - i < 32 ? m->n_in - i : 32, 1);
    __real_kernels_for_this_processor()->multiply_row(m, rounded, first, n, out);
    tensor_free(rounded);
}

const struct kernels *__wrap_kernels_for_this_processor(void) {
    static struct kernels rounding;
    const struct kernels *real = __real_kernels_for_this_processor();
    rounding = *real;
    rounding.multiply_row = multiply_rounded_row;
    return round_activations ? &rounding : real;
}

static uint64_t draw; // which tokens and which outlier channels

static void add_outliers(struct matrix *m, float *floats) {
    struct random_source random = {m->n_in * 31 + m->n_out + draw * 1000003};
    for (size_t k = 0; k < N_OUTLIERS; k++) {
        size_t i = (size_t)(random_bits(&random) % m->n_in);
        for (size_t o = 0; o < m->n_out; o++)
            floats[index_of(m, i, o)] *= 20.0f;
    }
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Adds what one position says. logits, reference: [n_vocab]; next: the token that follows. */
static void compare(struct result *result, const float *logits, const float *reference,
                    size_t n_vocab, uint32_t next) {
    double mean = 0.0, sum = 0.0;
    size_t best = argmax(logits, n_vocab);
    for (size_t i = 0; i < n_vocab; i++) {
        mean += (double)reference[i] / (double)n_vocab;
        sum += exp((double)logits[i] - (double)logits[best]);
    }
    for (size_t i = 0; i < n_vocab; i++) {
        double error = (double)logits[i] - (double)reference[i], d = (double)reference[i] - mean;
        result->squared_error += error * error;
        result->squared += d * d;
    }
    result->nll += log(sum) - ((double)logits[next] - (double)logits[best]);
    result->n_same += best == argmax(reference, n_vocab);
    result->n++;
}

/* Runs the text through both models, window by window, and by prefill or token by token, and adds what
 * it finds to the result. q8_0: the model's activations are rounded too. */
static void measure(struct result *result, const struct gpt2_model *model,
                    const struct gpt2_model *f32, const struct token_list *text, bool prefill,
                    bool q8_0) {
    struct error err;
    size_t n_ctx = model->config.n_ctx, n_vocab = model->config.vocab_size;
    float *logits = tensor_new(n_vocab), *reference = tensor_new(n_vocab);
    round_activations = q8_0;
    struct gpt2_session *a = gpt2_session_new(model, THREADS, &err);
    round_activations = false;
    struct gpt2_session *b = gpt2_session_new(f32, THREADS, &err);
    if (logits == NULL || reference == NULL || a == NULL || b == NULL)
        fail(&err);
    for (size_t first = 0; first < text->count; first += n_ctx) {
        size_t n = text->count - first < n_ctx ? text->count - first : n_ctx;
        gpt2_rewind(a, 0);
        gpt2_rewind(b, 0);
        if (!gpt2_prefill(b, text->ids + first, n, GPT2_LOGITS_ALL, &err) ||
            (prefill && !gpt2_prefill(a, text->ids + first, n, GPT2_LOGITS_ALL, &err)))
            fail(&err);
        for (size_t t = 0; t + 1 < n; t++) {
            if (!gpt2_logits_at(b, t, 1, reference, &err) ||
                (prefill && !gpt2_logits_at(a, t, 1, logits, &err)) ||
                (!prefill && !gpt2_decode(a, text->ids[first + t], &err)))
                fail(&err);
            compare(result, prefill ? logits : gpt2_logits(a), reference, n_vocab,
                    text->ids[first + t + 1]);
        }
    }
    gpt2_session_free(a);
    gpt2_session_free(b);
    tensor_free(logits);
    tensor_free(reference);
}

static void print_row(const char *name, const char *way, struct result r, bool with_text) {
    double error = sqrt(r.squared_error / r.squared);
    printf("%-6s %-8s %12.2e %12.2f %%", name, way, error, 100.0 * (double)r.n_same / (double)r.n);
    if (with_text)
        printf(" %12.4f", exp(r.nll / (double)r.n));
    printf("\n");
}

static struct gpt2_model *open_model(const char *folder, bool outliers) {
    struct error err;
    struct gpt2_model *model = gpt2_model_open(folder, &err);
    if (model == NULL)
        fail(&err);
    if (outliers)
        for_each_matrix(model, add_outliers);
    return model;
}

/* --- the text --------------------------------------------------------------------------------- */

static void read_text(const char *folder, const char *path, struct token_list *text) {
    struct error err;
    size_t length;
    struct tokenizer *tokenizer = tokenizer_open(folder, &err);
    char *bytes = file_read(path, TEXT_LIMIT, &length, &err);
    if (tokenizer == NULL || bytes == NULL ||
        !tokenizer_encode(tokenizer, bytes, length, SPECIAL_AS_TOKEN, text, &err))
        fail(&err);
    free(bytes);
    tokenizer_close(tokenizer);
    if (text->count > MOST_TOKENS)
        text->count = MOST_TOKENS;
}

static void random_text(const struct gpt2_model *model, struct token_list *text) {
    struct random_source random = {draw};
    text->count = 0;
    for (size_t i = 0; i < N_RANDOM_TOKENS; i++)
        token_list_add(text, (uint32_t)(random_bits(&random) % model->config.vocab_size));
}

/* --- all formats ------------------------------------------------------------------------------ */

static const struct format {
    const char *name, *way;
    change_weights *change;
    enum weights_format weights; // what the engine takes them for: it rounds keys and values with them
    bool prefill;
} formats[] = {
    {"f32", "", NULL, WEIGHTS_F32, true},
    {"bf16", "decode", to_bf16, WEIGHTS_BF16, false},
    {"bf16", "prefill", to_bf16, WEIGHTS_BF16, true},
    {"int8", "decode", to_int8, WEIGHTS_INT8, false},
    {"int8", "prefill", to_int8, WEIGHTS_INT8, true},
    {"q8_0", "decode", to_q8_0, WEIGHTS_F32, false},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

/* One text through all formats. path: NULL for random tokens and outliers */
static void measure_all(const char *folder, const char *path, struct result results[N_FORMATS]) {
    struct gpt2_model *f32 = open_model(folder, path == NULL);
    struct token_list text = {0};
    if (path != NULL)
        read_text(folder, path, &text);
    else
        random_text(f32, &text);
    for (size_t i = 0; i < N_FORMATS; i++) {
        struct gpt2_model *model = open_model(folder, path == NULL);
        if (formats[i].change != NULL)
            for_each_matrix(model, formats[i].change);
        model->weights = formats[i].weights;
        measure(&results[i], model, f32, &text, formats[i].prefill, formats[i].change == to_q8_0);
        gpt2_model_close(model);
        free_packed();
    }
    gpt2_model_close(f32);
    token_list_free(&text);
}

int main(int argc, char **argv) {
    struct result results[N_FORMATS] = {0};
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: loss DIR [TEXT]\n");
        return 2;
    }
    const char *path = argc == 3 ? argv[2] : NULL;
    for (draw = 1; draw <= (path != NULL ? 1 : N_DRAWS); draw++)
        measure_all(argv[1], path, results);
    printf("%-6s %-8s %12s %14s%s\n", "", "", "logits error", "same likeliest",
           path != NULL ? "   perplexity" : "");
    for (size_t i = 0; i < N_FORMATS; i++)
        print_row(formats[i].name, formats[i].way, results[i], path != NULL);
    return 0;
}
