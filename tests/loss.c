/*
 * What smaller weights cost: logits, likeliest token and perplexity of BF16 and int8 weights against
 * F32, on a text.
 *
 *     loss DIR TEXT        a model and a text, in which <|endoftext|> is the special token
 *     loss DIR             the same on random tokens, with outlier channels put into the model: a few
 *                          inputs of every matrix become 20 times larger, as they are in large models
 *
 * "q8_0" is the scheme of ggml's 8-bit format for comparison: blocks of 32 inputs with an F16 scale.
 * Only its weights are rounded here; ggml rounds the activations too, so its loss is at least this.
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

static void pack(struct matrix *m, enum matrix_format format) {
    size_t data_bytes, scale_bytes;
    struct matrix source = *m;
    if (!packed_sizes(format, m->n_in, m->n_out, &data_bytes, &scale_bytes))
        abort();
    void *data = tensor_memory(data_bytes);
    uint16_t *scales = tensor_memory(scale_bytes + 1);
    if (data == NULL || scales == NULL)
        abort();
    // Freed with the process: this program makes each format once.
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

static void to_q8_0(struct matrix *m, float *floats) {
    for (size_t o = 0; o < m->n_out; o++) {
        for (size_t first = 0; first < m->n_in; first += 32) {
            float largest = 0.0f;
            for (size_t i = first; i < first + 32 && i < m->n_in; i++)
                largest = fmaxf(largest, fabsf(floats[index_of(m, i, o)]));
            float scale = largest / 127.0f, kept = f16_to_f32(f32_to_f16(scale));
            for (size_t i = first; i < first + 32 && i < m->n_in && scale > 0.0f; i++) {
                float *number = &floats[index_of(m, i, o)];
                *number = roundf(*number / scale) * kept;
            }
        }
    }
}

static void add_outliers(struct matrix *m, float *floats) {
    struct random_source random = {m->n_in * 31 + m->n_out};
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

/* Runs the text through both models, window by window, and by prefill or token by token. */
static struct result measure(const struct gpt2_model *model, const struct gpt2_model *f32,
                             const struct token_list *text, bool prefill) {
    struct error err;
    struct result result = {0};
    size_t n_ctx = model->config.n_ctx, n_vocab = model->config.vocab_size;
    float *logits = tensor_new(n_vocab), *reference = tensor_new(n_vocab);
    struct gpt2_session *a = gpt2_session_new(model, THREADS, &err);
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
            compare(&result, prefill ? logits : gpt2_logits(a), reference, n_vocab,
                    text->ids[first + t + 1]);
        }
    }
    gpt2_session_free(a);
    gpt2_session_free(b);
    tensor_free(logits);
    tensor_free(reference);
    return result;
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
    struct random_source random = {1};
    for (size_t i = 0; i < N_RANDOM_TOKENS; i++)
        token_list_add(text, (uint32_t)(random_bits(&random) % model->config.vocab_size));
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        change_weights *change;
    } formats[] = {{"bf16", to_bf16}, {"int8", to_int8}, {"q8_0", to_q8_0}};
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: loss DIR [TEXT]\n");
        return 2;
    }
    bool with_text = argc == 3;
    struct gpt2_model *f32 = open_model(argv[1], !with_text);
    struct token_list text = {0};
    if (with_text)
        read_text(argv[1], argv[2], &text);
    else
        random_text(f32, &text);
    printf("%-6s %-8s %12s %14s%s\n", "", "", "logits error", "same likeliest",
           with_text ? "   perplexity" : "");
    print_row("f32", "", measure(f32, f32, &text, true), with_text);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct gpt2_model *model = open_model(argv[1], !with_text);
        for_each_matrix(model, formats[i].change);
        print_row(formats[i].name, "decode", measure(model, f32, &text, false), with_text);
        if (formats[i].change != to_q8_0)
            print_row(formats[i].name, "prefill", measure(model, f32, &text, true), with_text);
        gpt2_model_close(model);
    }
    gpt2_model_close(f32);
    token_list_free(&text);
    return 0;
}
