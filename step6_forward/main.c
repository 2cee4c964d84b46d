/*
 * Step 6: the whole way from token ids to the next token.
 *
 * The ids become vectors, the vectors pass through every layer, a last norm brings them to one
 * scale, and the last token's vector is compared with every row of wte: a score for each token of
 * the vocabulary. This program goes that way with the loop over the layers in plain sight, asks
 * after every layer what the answer would be, counts the work, and compares with
 * common/transformer.
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/tokenizer.h"
#include "../common/transformer.h"

static const char default_text[] = "On Monday the server ran out of";

enum {
    MOST_STAGES = 64, // GPT-2 XL has 49
    TOP = 10,         // tokens in the list of answers
    LENS_TOP = 3,     // and in a line of the table of layers
    LENS_LINES = 5,   // and in its picture
};

/* Everything the lesson works on. T is the number of tokens. A stage is a place to look at x:
 * stage 0 is after the embeddings, stage 1 after layer 0, the last one after the last layer. */
struct pass {
    struct lesson_model given; // the model, and the text as T tokens
    struct transformer *transformer;
    size_t n_stages;        // n_layer + 1
    float *lengths;         // [n_stages, T]: of every token's vector
    float *last;            // [n_stages, n_embd]: the last token's vector
    float *final;           // [T, n_embd]: after the final norm
    float *logits, *shares; // [vocab_size] each: the model's answer
    float *scores;          // [vocab_size], to work in
    size_t n_top, top[TOP]; // [n_top]: the likeliest tokens' ids
    char stages[MOST_STAGES][32], tops[TOP][LABEL_SIZE]; // names of both
};

/* --- The text ---------------------------------------------------------------------------------- */

static void show_text(const struct pass *pass) {
    size_t last = pass->given.n - 1;
    lesson_section("The text");
    lesson_shape("token ids", shape_1(pass->given.n), "");
    printf("the last token is \"%s\", at position %zu: what comes next?\n",
           pass->given.labels[last], last);
}

/* --- Through the layers ------------------------------------------------------------------------ */

static float length_of(const float *v, size_t n) {
    return sqrtf(dot(v, v, n));
}

/* Notes how long every token's vector is at a stage, and keeps the last token's. */
static void keep(struct pass *pass, size_t stage) {
    size_t n = pass->given.n, n_embd = pass->given.model->config.n_embd;
    const float *x = pass->transformer->x; // [T, n_embd]
    for (size_t t = 0; t < n; t++)
        pass->lengths[stage * n + t] = length_of(x + t * n_embd, n_embd);
    memcpy(pass->last + stage * n_embd, x + (n - 1) * n_embd, n_embd * sizeof *x);
    if (stage == 0)
        snprintf(pass->stages[stage], sizeof pass->stages[stage], "embeddings");
    else
        snprintf(pass->stages[stage], sizeof pass->stages[stage], "layer %zu", stage - 1);
}

static void show_lengths(const struct lesson *lesson, const struct pass *pass, struct error *err) {
    size_t n = pass->given.n, n_stages = pass->n_stages;
    float first[MOST_STAGES], last[MOST_STAGES];
    const char *names[MOST_STAGES];
    for (size_t s = 0; s < n_stages; s++) {
        names[s] = pass->stages[s];
        first[s] = pass->lengths[s * n];
        last[s] = pass->lengths[s * n + n - 1];
    }
    struct term term = term_for(stdout);
    struct bar_chart bars = {.title = "length of the last token's vector, after",
                             .values = last,
                             .labels = names,
                             .n = n_stages};
    term_bars(&term, &bars);
    struct line_series series[] = {{"last token", NULL, last, n_stages},
                                   {"first token", NULL, first, n_stages}};
    struct line_chart chart = {.title = "The residual stream, layer by layer",
                               .x_title = "layers passed",
                               .y_title = "length of a token's vector",
                               .series = series,
                               .n_series = n > 1 ? 2 : 1,
                               .from_zero = true};
    lesson_save(lesson, plot_lines(&chart, err), "stream.png", err);
}

static void pass_layers(const struct lesson *lesson, struct pass *pass, struct error *err) {
    struct transformer *transformer = pass->transformer;
    const uint32_t *ids = pass->given.ids; // [T]
    size_t n = pass->given.n, n_embd = pass->given.model->config.n_embd;
    size_t n_layer = pass->given.model->config.n_layer;
    lesson_section("Through the layers");
    // [layers]
    transformer_embed(transformer, ids, n); // x = token rows + position rows
    keep(pass, 0);
    for (size_t layer = 0; layer < n_layer; layer++) {
        transformer_block(transformer, layer, n, NULL); // x = x + attention + MLP
        keep(pass, layer + 1);
    }
    // [end]
    lesson_shape("x", shape_2(n, n_embd), "the same shape after every layer");
    show_lengths(lesson, pass, err);
}

/* --- The final norm ---------------------------------------------------------------------------- */

static void normalize(struct pass *pass) {
    const struct gpt2_model *model = pass->given.model;
    size_t n = pass->given.n, n_embd = model->config.n_embd;
    float *before = pass->lengths + (pass->n_stages - 1) * n; // [T]
    lesson_section("The final norm");
    // [final_norm]
    for (size_t t = 0; t < n; t++) {
        const float *x = pass->transformer->x + t * n_embd; // [n_embd]
        layer_norm(pass->final + t * n_embd, x, model->ln_f_weight, model->ln_f_bias, n_embd,
                   model->config.layer_norm_epsilon);
    }
    // [end]
    float *after = pass->lengths; // [T]: the embeddings' are no longer needed
    double low, high;
    lesson_shape("ln_f.weight", shape_1(n_embd), "and a bias of the same shape");
    lesson_shape("final", shape_2(n, n_embd), "every token's vector, on one scale");
    chart_range(before, n, &low, &high);
    printf("lengths of the tokens' vectors before it: %6.1f to %6.1f\n", low, high);
    for (size_t t = 0; t < n; t++)
        after[t] = length_of(pass->final + t * n_embd, n_embd);
    chart_range(after, n, &low, &high);
    printf("                                after it: %6.1f to %6.1f\n", low, high);
}

/* --- Logits ------------------------------------------------------------------------------------ */

/* vector [n_embd] -> scores [vocab_size]: the vector compared with every token's row. */
static void compare_with_all(const struct gpt2_model *model, const float *vector, float *scores) {
    size_t n_embd = model->config.n_embd;
    for (size_t id = 0; id < model->config.vocab_size; id++)
        scores[id] = dot(vector, model->lm_head + id * n_embd, n_embd);
}

/* The id with the highest of scores, which is crossed out there: the next call finds the next. */
static size_t take_best(struct pass *pass, char label[LABEL_SIZE], float *score) {
    size_t id = argmax(pass->scores, pass->given.model->config.vocab_size), length;
    const char *bytes = tokenizer_decode(pass->given.tokenizer, (uint32_t)id, &length);
    label_of_token(bytes, length, label);
    *score = pass->scores[id];
    pass->scores[id] = -INFINITY;
    return id;
}

static void make_logits(struct pass *pass) {
    const struct gpt2_model *model = pass->given.model;
    size_t n = pass->given.n, n_embd = model->config.n_embd;
    size_t vocab_size = model->config.vocab_size;
    lesson_section("Logits");
    // [logits]
    const float *vector = pass->final + (n - 1) * n_embd; // [n_embd]: the last token's
    compare_with_all(model, vector, pass->logits);
    // [end]
    float score;
    memcpy(pass->scores, pass->logits, vocab_size * sizeof *pass->scores);
    pass->n_top = vocab_size < TOP ? vocab_size : TOP;
    for (size_t i = 0; i < pass->n_top; i++)
        pass->top[i] = take_best(pass, pass->tops[i], &score);
    double low, high;
    chart_range(pass->logits, vocab_size, &low, &high);
    lesson_shape("vector", shape_1(n_embd), "the last token's row of final");
    lesson_shape("lm_head", shape_2(vocab_size, n_embd), "a row for each token");
    lesson_shape("logits", shape_1(vocab_size), "a score for each token");
    printf("from %.2f to %.2f; the highest is that of \"%s\"\n", low, high, pass->tops[0]);
}

/* One of these dot products, product by product. */
static void show_one_logit(struct lesson *lesson, const struct pass *pass) {
    enum { SHOWN = 5 };
    size_t n_embd = pass->given.model->config.n_embd, id = pass->top[0];
    const float *vector = pass->final + (pass->given.n - 1) * n_embd; // [n_embd]
    const float *row = pass->given.model->lm_head + id * n_embd;      // [n_embd]
    double sum = 0.0, size = 0.0; // of the products, and of their amounts
    lesson_section("One logit by hand");
    printf("token %zu, \"%s\"\n       vector        row    product\n", id, pass->tops[0]);
    for (size_t i = 0; i < n_embd; i++) {
        double product = (double)vector[i] * (double)row[i];
        sum += product;
        size += fabs(product);
        if (i < SHOWN)
            printf("%13.3f x %8.3f = %8.3f\n", (double)vector[i], (double)row[i], product);
    }
    printf("... and so on\n%35.3f the sum of all %zu products: the logit\n", sum, n_embd);
    lesson_check(lesson, fabs(sum - (double)pass->logits[id]) <= 1e-5 * (1.0 + size),
                 "it stands in logits, up to rounding");
}

/* --- The tied head ----------------------------------------------------------------------------- */

static void show_head(const struct pass *pass) {
    const struct gpt2_model *model = pass->given.model;
    size_t size = model->config.vocab_size * model->config.n_embd, all = model->n_parameters;
    bool tied = model->lm_head == model->wte; // the same address
    lesson_section("The tied head");
    lesson_shape("wte", shape_2(model->config.vocab_size, model->config.n_embd), "ids to vectors");
    lesson_shape("lm_head", shape_2(model->config.vocab_size, model->config.n_embd),
                 tied ? "vectors to scores: the same memory" : "a table of its own");
    printf("%12zu parameters in this table\n%12zu in the whole model\n%12zu %s\n", size, all,
           tied ? all + size : all - size,
           tied ? "if the head had a table of its own" : "if the head used wte");
}

/* --- From logits to shares --------------------------------------------------------------------- */

static void make_shares(struct lesson *lesson, struct pass *pass, struct error *err) {
    size_t vocab_size = pass->given.model->config.vocab_size;
    float values[TOP];
    const char *labels[TOP];
    double sum = 0.0, sum_top = 0.0;
    lesson_section("From logits to shares");
    // [shares]
    memcpy(pass->shares, pass->logits, vocab_size * sizeof *pass->shares);
    softmax(pass->shares, vocab_size);
    // [end]
    for (size_t id = 0; id < vocab_size; id++)
        sum += (double)pass->shares[id];
    for (size_t i = 0; i < pass->n_top; i++) {
        values[i] = pass->shares[pass->top[i]];
        labels[i] = pass->tops[i];
        sum_top += (double)values[i];
    }
    lesson_shape("shares", shape_1(vocab_size), "of 100 %");
    struct term term = term_for(stdout);
    struct bar_chart bars = {.title = "The likeliest next tokens",
                             .value_title = "share",
                             .values = values,
                             .labels = labels,
                             .percent = true,
                             .n = pass->n_top};
    term_bars(&term, &bars);
    printf("these %zu together: %.2f %%; the other %zu: %.2f %%\n", pass->n_top, 100.0 * sum_top,
           vocab_size - pass->n_top, 100.0 * fabs(sum - sum_top));
    lesson_save(lesson, plot_bars(&bars, err), "top.png", err);
    lesson_check(lesson, fabs(sum - 1.0) <= 1e-3, "the shares sum to 1");
}

/* --- What each layer would have answered ------------------------------------------------------- */

/* The answer at a stage: scores [vocab_size] become shares. Returns the final winner's rank. */
static size_t answer_at(struct pass *pass, size_t stage) {
    const struct gpt2_model *model = pass->given.model;
    size_t n_embd = model->config.n_embd, rank = 1;
    // [lens]
    float *x = pass->last + stage * n_embd; // [n_embd]: a copy, as it was after this layer
    layer_norm(x, x, model->ln_f_weight, model->ln_f_bias, n_embd,
               model->config.layer_norm_epsilon);
    compare_with_all(model, x, pass->scores);
    // [end]
    for (size_t id = 0; id < model->config.vocab_size; id++)
        rank += pass->scores[id] > pass->scores[pass->top[0]];
    softmax(pass->scores, model->config.vocab_size);
    return rank;
}

static void save_lens(const struct lesson *lesson, const struct pass *pass,
                      float (*shares)[MOST_STAGES], struct error *err) {
    struct line_series series[LENS_LINES];
    size_t n_series = pass->n_top < LENS_LINES ? pass->n_top : LENS_LINES;
    for (size_t i = 0; i < n_series; i++)
        series[i] = (struct line_series){pass->tops[i], NULL, shares[i], pass->n_stages};
    struct line_chart chart = {.title = "What each layer would have answered",
                               .x_title = "layers passed",
                               .y_title = "share",
                               .series = series,
                               .n_series = n_series,
                               .from_zero = true};
    lesson_save(lesson, plot_lines(&chart, err), "lens.png", err);
}

/* The likeliest tokens on one line; takes their shares out of scores. */
static void print_likeliest(struct pass *pass) {
    struct term term = term_for(stdout);
    char label[LABEL_SIZE], number[CHART_NUMBER_SIZE];
    float share;
    for (size_t i = 0; i < LENS_TOP && i < pass->n_top; i++) {
        take_best(pass, label, &share);
        printf("  ");
        term_left(&term, label, 12);
        printf("%6s", chart_percent((double)share, number));
    }
    printf("\n");
}

static void show_lens(struct lesson *lesson, struct pass *pass, struct error *err) {
    size_t vocab_size = pass->given.model->config.vocab_size, since = 0;
    float shares[LENS_LINES][MOST_STAGES];
    double difference = 0.0; // of the last stage's answer and the model's
    lesson_section("What each layer would have answered");
    printf("rank: the place of \"%s\" among all tokens\n", pass->tops[0]);
    printf("after         rank  the likeliest\n");
    for (size_t s = 0; s < pass->n_stages; s++) {
        size_t rank = answer_at(pass, s);
        since = rank > 1 ? s + 1 : since;
        for (size_t i = 0; i < LENS_LINES && i < pass->n_top; i++)
            shares[i][s] = pass->scores[pass->top[i]];
        difference = tensor_difference(pass->scores, pass->shares, vocab_size);
        printf("%-12s%6zu", pass->stages[s], rank);
        print_likeliest(pass);
    }
    if (since < pass->n_stages)
        printf("\"%s\" leads from here on: %s\n", pass->tops[0], pass->stages[since]);
    save_lens(lesson, pass, shares, err);
    lesson_check_close(lesson, difference, 1e-6, "the last line is the model's answer");
}

/* --- Where the work goes ----------------------------------------------------------------------- */

enum part { EMBEDDINGS, NORMS, QKV, LOOKUP, C_PROJ, MLP, BEND, SUMS, HEAD, N_PARTS };

struct work {
    const char *part, *formula; // the formula is for one token
    double flops, weights;      // multiplications and additions; numbers read at least once
};

/* The work for one answer after n tokens, of which those from `first` on are computed.
 * work: [N_PARTS + 1], the last one is the sum */
static void count_work(const struct gpt2_config *config, size_t first, size_t n,
                       struct work *work) {
    double E = (double)config->n_embd, M = (double)config->n_inner, L = (double)config->n_layer;
    double V = (double)config->vocab_size, norms = 2.0 * L + 1.0;
    double tokens = (double)(n - first), seen = 0.0;
    for (size_t t = first; t < n; t++)
        seen += (double)(t + 1); // token 0 looks at one token, token 1 at two ...
    const struct work counted[N_PARTS] = {
        [EMBEDDINGS] = {"embeddings", "E", E * tokens, 2.0 * E * tokens},
        [NORMS] = {"layer norms", "8E(2L+1)", 8.0 * E * norms * tokens, 2.0 * E * norms},
        [QKV] = {"Q, K, V", "6EEL", 6.0 * E * E * L * tokens, 3.0 * E * (E + 1.0) * L},
        [LOOKUP] = {"scores, blend", "4EtL", 4.0 * E * L * seen, 0.0},
        [C_PROJ] = {"c_proj", "2EEL", 2.0 * E * E * L * tokens, E * (E + 1.0) * L},
        [MLP] = {"MLP", "4EML", 4.0 * E * M * L * tokens, (2.0 * E * M + E + M) * L},
        [BEND] = {"GELU", "9ML", 9.0 * M * L * tokens, 0.0},
        [SUMS] = {"residual sums", "2EL", 2.0 * E * L * tokens, 0.0},
        [HEAD] = {"output head", "2EV", 2.0 * E * V, E * V}, // once: for the last token
    };
    memcpy(work, counted, sizeof counted);
    work[N_PARTS] = (struct work){"all", "", 0.0, 0.0};
    for (size_t i = 0; i < N_PARTS; i++) {
        work[N_PARTS].flops += work[i].flops;
        work[N_PARTS].weights += work[i].weights;
    }
}

static void show_work(const struct pass *pass) {
    static const struct gpt2_config gpt2_124m = {50257, 1024, 768, 12, 12, 3072, 0, 0};
    const struct gpt2_config *configs[2] = {&pass->given.model->config, &gpt2_124m};
    struct work work[2][N_PARTS + 1];
    size_t n = pass->given.n;
    char texts[3][CHART_NUMBER_SIZE];
    lesson_section("Where the work goes");
    for (size_t k = 0; k < 2; k++)
        count_work(configs[k], n - 1, n, work[k]);
    printf("%41s%28s\n", "this model", "GPT-2 124M");
    printf("%-14s%-10s  %9s %7s %8s  %9s %7s %8s\n", "for one token", "formula", "FLOPs", "share",
           "bytes", "FLOPs", "share", "bytes");
    for (size_t i = 0; i <= N_PARTS; i++) {
        printf("%-14s%-10s", work[0][i].part, work[0][i].formula);
        for (size_t k = 0; k < 2; k++) {
            double flops = work[k][i].flops, bytes = work[k][i].weights * (double)sizeof(float);
            printf("  %9s %7s %8s", chart_number(flops, flops, texts[0]),
                   chart_percent(flops / work[k][N_PARTS].flops, texts[1]),
                   chart_number(bytes, bytes, texts[2]));
        }
        printf("\n");
    }
    printf("E: n_embd, M: n_inner, L: n_layer, V: vocab_size, t: the %zu tokens so far\n", n);
}

/* --- Where the time goes ----------------------------------------------------------------------- */

static double now_in_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

struct stopwatch {
    double last, spent[N_PARTS]; // milliseconds
};

/* Called when an intermediate result is ready: the time since the one before was spent on it. */
static void stop_time(void *context, size_t layer, const char *name, struct shape shape,
                      const float *data) {
    static const char *const names[N_PARTS] = {"embeddings",
                                               "ln_1 ln_2 ln_f",
                                               "qkv",
                                               "attention_weights context",
                                               "attention_output",
                                               "widened mlp_output",
                                               "activated",
                                               "residual_middle residual",
                                               ""};
    struct stopwatch *watch = context;
    double now = now_in_ms();
    (void)layer, (void)shape, (void)data;
    for (size_t part = 0; part < N_PARTS; part++) {
        if (strstr(names[part], name) != NULL)
            watch->spent[part] += now - watch->last;
    }
    watch->last = now_in_ms();
}

/* The library goes the same way, with a stopwatch: each part's fastest of several runs counts.
 * Leaves its logits in scores [vocab_size]. */
static bool measure(struct pass *pass, struct error *err) {
    enum { MOST_RUNS = 9, LONG_ENOUGH = 300 }; // milliseconds
    size_t n = pass->given.n;
    double all = 0.0, fastest[N_PARTS], begin = now_in_ms();
    struct work work[N_PARTS + 1];
    for (size_t run = 0; run < MOST_RUNS && (run == 0 || now_in_ms() - begin < LONG_ENOUGH);
         run++) {
        struct stopwatch watch = {.last = now_in_ms()};
        struct trace trace = {stop_time, &watch};
        if (!transformer_forward(pass->transformer, pass->given.ids, n, &trace, err))
            return false;
        watch.last = now_in_ms();
        transformer_logits(pass->transformer, n - 1, pass->scores);
        watch.spent[HEAD] = now_in_ms() - watch.last;
        for (size_t i = 0; i < N_PARTS; i++)
            fastest[i] = run == 0 ? watch.spent[i] : fmin(fastest[i], watch.spent[i]);
    }
    for (size_t i = 0; i < N_PARTS; i++)
        all += fastest[i];
    lesson_section("Where the time goes");
    printf("all %zu tokens through all layers, then the logits of the last one:\n", n);
    count_work(&pass->given.model->config, 0, n, work);
    for (size_t i = 0; i < N_PARTS; i++)
        printf("%-15s%10.3f ms%7.1f %% of the time%7.1f %% of the FLOPs\n", work[i].part,
               fastest[i], 100.0 * fastest[i] / all, 100.0 * work[i].flops / work[N_PARTS].flops);
    printf("%-15s%10.3f ms\n", "all", all);
    return true;
}

/* --- The same with common/transformer ---------------------------------------------------------- */

static void compare_with_library(struct lesson *lesson, const struct pass *pass) {
    const struct gpt2_config *config = &pass->given.model->config;
    lesson_section("The same with common/transformer");
    lesson_check_close(
        lesson,
        tensor_difference(pass->final, pass->transformer->x, pass->given.n * config->n_embd), 1e-4,
        "every token's vector after the final norm");
    lesson_check_close(lesson, tensor_difference(pass->logits, pass->scores, config->vocab_size),
                       1e-4, "the logits");
}

/* --- From top to bottom ------------------------------------------------------------------------ */

static bool prepare(const struct lesson *lesson, struct pass *pass, struct error *err) {
    if (!lesson_model_open(lesson, &pass->given, err))
        return false;
    const struct gpt2_config *config = &pass->given.model->config;
    size_t n = pass->given.n;
    pass->n_stages = config->n_layer + 1;
    if (pass->n_stages > MOST_STAGES)
        return error_set(
            err,
            "%s: the model has %zu layers, this lesson shows at most %d: use another one (-m DIR)",
            lesson->model, config->n_layer, MOST_STAGES - 1);
    pass->transformer = transformer_new(pass->given.model, n, err);
    if (pass->transformer == NULL)
        return false;
    pass->lengths = tensor_new_2(pass->n_stages, n);
    pass->last = tensor_new_2(pass->n_stages, config->n_embd);
    pass->final = tensor_new_2(n, config->n_embd);
    bool fine = pass->lengths != NULL && pass->last != NULL && pass->final != NULL;
    float **wide[] = {&pass->logits, &pass->shares, &pass->scores};
    for (size_t i = 0; i < 3; i++)
        fine = (*wide[i] = tensor_new(config->vocab_size)) != NULL && fine;
    return fine || error_no_memory(err, "the vectors and the scores");
}

static bool run(struct lesson *lesson, struct pass *pass, struct error *err) {
    if (!prepare(lesson, pass, err))
        return false;
    show_text(pass);
    pass_layers(lesson, pass, err);
    normalize(pass);
    make_logits(pass);
    show_one_logit(lesson, pass);
    show_head(pass);
    make_shares(lesson, pass, err);
    show_lens(lesson, pass, err);
    show_work(pass);
    if (!measure(pass, err))
        return false;
    compare_with_library(lesson, pass);
    return true;
}

int main(int argc, char **argv) {
    struct lesson lesson;
    static struct pass pass; // all fields 0
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step6", "Step 6: The Forward Pass", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &pass, &err);
    float *owned[] = {pass.lengths, pass.last, pass.final, pass.logits, pass.shares, pass.scores};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    transformer_free(pass.transformer);
    lesson_model_close(&pass.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
