/*
 * Step 6: the whole way from token ids to the next token.
 *
 * The ids become vectors, the vectors pass through every layer, a last norm brings them to one
 * scale, and the last token's vector is compared with every row of wte: a score for each token of
 * the vocabulary. This program goes that way with the loop over the layers in plain sight, asks
 * after every layer what the answer would be, and counts the work.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../common/clock.h"
#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/transformer.h"

static const char default_text[] = "The server ran out of";

enum {
    MOST_STAGES = 64, // GPT-2 XL has 49
    TOP = 10,         // tokens in the list of answers
    LENS_TOP = 3,     // and in a line of the table of layers
    LENS_LINES = 5,   // and in its picture, besides the last token itself
};

/* Everything the lesson works on. T is the number of tokens. A stage is a place to look at x:
 * stage 0 is after the embeddings, stage 1 after layer 0, the last one after the last layer. */
struct pass {
    struct lesson_model given; // the model, and the text as T tokens
    struct transformer *transformer;
    size_t n_stages;        // n_layer + 1
    float *lengths;         // [T]: of every token's vector, where we last looked
    float *last;            // [n_stages, n_embd]: the last token's vector
    float *final;           // [T, n_embd]: after the final norm
    float *logits, *shares; // [vocab_size] each: the model's answer
    float *scores;          // [vocab_size], to work in
    size_t n_top, top[TOP]; // [n_top]: the likeliest tokens' ids
    char stages[MOST_STAGES][32], tops[TOP][LABEL_SIZE]; // names of both
};

/* --- The text ---------------------------------------------------------------------------------- */

static void show_text(const struct pass *pass) {
    size_t n = pass->given.n;
    lesson_section("The text");
    printf("%-20s", "text");
    lesson_model_print(&pass->given, pass->given.ids, n, 20);
    lesson_shape("token ids", shape_1(n), "");
    printf("the last token is %zu, \"%s\": what comes next?\n", n - 1, pass->given.labels[n - 1]);
}

/* --- Through the layers ------------------------------------------------------------------------ */

static float length_of(const float *v, size_t n) {
    return sqrtf(dot(v, v, n));
}

/* Looks at x at a stage: prints how long vectors are, and keeps the last token's. */
static void look(struct pass *pass, size_t stage) {
    size_t n = pass->given.n, n_embd = pass->given.model->config.n_embd;
    const float *x = pass->transformer->x; // [T, n_embd]
    char label[LABEL_SIZE];
    for (size_t t = 0; t < n; t++)
        pass->lengths[t] = length_of(x + t * n_embd, n_embd);
    size_t longest = argmax(pass->lengths, n);
    memcpy(pass->last + stage * n_embd, x + (n - 1) * n_embd, n_embd * sizeof *x);
    snprintf(pass->stages[stage], sizeof *pass->stages, "layer %zu", stage - 1);
    if (stage == 0)
        strcpy(pass->stages[stage], "embeddings");
    printf("%-12s%12.1f%13.1f  %s\n", pass->stages[stage], (double)pass->lengths[n - 1],
           (double)pass->lengths[longest], label_shorten(pass->given.labels[longest], 20, label));
}

static void pass_layers(struct pass *pass) {
    struct transformer *transformer = pass->transformer;
    const uint32_t *ids = pass->given.ids; // [T]
    size_t n = pass->given.n, n_layer = pass->given.model->config.n_layer;
    lesson_section("Through the layers");
    lesson_shape("x", shape_2(n, pass->given.model->config.n_embd), "the same after every layer");
    printf("length after  last token  the longest\n");
    // [layers]
    transformer_embed(transformer, ids, n); // x = token rows + position rows
    look(pass, 0);
    for (size_t layer = 0; layer < n_layer; layer++) {
        transformer_block(transformer, layer, n, NULL); // x = x + attention + MLP
        look(pass, layer + 1);
    }
    // [end]
}

/* --- The final norm ---------------------------------------------------------------------------- */

static void normalize(struct pass *pass) {
    const struct gpt2_model *model = pass->given.model;
    size_t n = pass->given.n, n_embd = model->config.n_embd;
    lesson_section("The final norm");
    // [final_norm]
    for (size_t t = 0; t < n; t++) {
        const float *x = pass->transformer->x + t * n_embd; // [n_embd]
        layer_norm(pass->final + t * n_embd, x, model->ln_f_weight, model->ln_f_bias, n_embd,
                   model->config.layer_norm_epsilon);
    }
    // [end]
    double low, high;
    lesson_shape("ln_f.weight", shape_1(n_embd), "and a bias of the same shape");
    lesson_shape("final", shape_2(n, n_embd), "every token's vector, on one scale");
    chart_range(pass->lengths, n, &low, &high);
    printf("lengths of the tokens' vectors before it: %6.1f to %6.1f\n", low, high);
    for (size_t t = 0; t < n; t++)
        pass->lengths[t] = length_of(pass->final + t * n_embd, n_embd);
    chart_range(pass->lengths, n, &low, &high);
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
    size_t id = argmax(pass->scores, pass->given.model->config.vocab_size);
    lesson_model_label(&pass->given, (uint32_t)id, label);
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
    struct bar_chart bars = {
        "The likeliest next tokens", "share", values, labels, .percent = true, .n = pass->n_top};
    term_bars(&term, &bars);
    printf("these %zu together: %.2f %%; the other %zu: %.2f %%\n", pass->n_top, 100.0 * sum_top,
           vocab_size - pass->n_top, 100.0 * fabs(sum - sum_top));
    lesson_save(lesson, plot_bars(&bars, err), "top.png", err);
    lesson_check(lesson, fabs(sum - 1.0) <= 1e-3, "the shares sum to 1");
}

/* --- What each layer would have answered ------------------------------------------------------- */

/* The answer at a stage: scores [vocab_size] become shares. Returns the final winner's place. */
static size_t answer_at(struct pass *pass, size_t stage) {
    const struct gpt2_model *model = pass->given.model;
    size_t n_embd = model->config.n_embd, place = 1;
    // [lens]
    float *x = pass->last + stage * n_embd; // [n_embd]: a copy, as it was after this layer
    layer_norm(x, x, model->ln_f_weight, model->ln_f_bias, n_embd,
               model->config.layer_norm_epsilon);
    compare_with_all(model, x, pass->scores);
    // [end]
    for (size_t id = 0; id < model->config.vocab_size; id++)
        place += pass->scores[id] > pass->scores[pass->top[0]];
    softmax(pass->scores, model->config.vocab_size);
    return place;
}

/* shares: [LENS_LINES + 1], of the last token itself, then of the likeliest tokens */
static void save_lens(const struct lesson *lesson, const struct pass *pass,
                      float (*shares)[MOST_STAGES], struct error *err) {
    struct line_series series[LENS_LINES + 1] = {
        {"the token itself", NULL, shares[0], pass->n_stages}};
    size_t n_series = 1;
    for (; n_series <= LENS_LINES && n_series <= pass->n_top; n_series++)
        series[n_series] =
            (struct line_series){pass->tops[n_series - 1], NULL, shares[n_series], pass->n_stages};
    struct line_chart chart = {"What each layer would have answered",
                               "layers passed (0: embeddings)",
                               "share",
                               .series = series,
                               .n_series = n_series,
                               .whole_x = true,
                               .high = 1};
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
    float shares[LENS_LINES + 1][MOST_STAGES];
    double difference = 0.0; // of the last stage's answer and the model's
    lesson_section("What each layer would have answered");
    printf("place: where \"%s\" stands among all tokens\n", pass->tops[0]);
    printf("after        place  the likeliest\n");
    for (size_t s = 0; s < pass->n_stages; s++) {
        size_t place = answer_at(pass, s);
        since = place > 1 ? s + 1 : since;
        shares[0][s] = pass->scores[pass->given.ids[pass->given.n - 1]];
        for (size_t i = 0; i < LENS_LINES && i < pass->n_top; i++)
            shares[i + 1][s] = pass->scores[pass->top[i]];
        difference = tensor_difference(pass->scores, pass->shares, vocab_size);
        printf("%-12s%6zu", pass->stages[s], place);
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

/* The work for the last of n tokens, and for the answer. work: [N_PARTS + 1], the last is the sum */
static void count_work(const struct gpt2_config *config, size_t n, struct work *work) {
    double E = (double)config->n_embd, M = (double)config->n_inner, L = (double)config->n_layer;
    double V = (double)config->vocab_size, t = (double)n, norms = 2.0 * L + 1.0;
    const struct work counted[N_PARTS] = {
        [EMBEDDINGS] = {"embeddings", "E", E, 2.0 * E},
        [NORMS] = {"layer norms", "8E(2L+1)", 8.0 * E * norms, 2.0 * E * norms},
        [QKV] = {"Q, K, V", "6EEL", 6.0 * E * E * L, 3.0 * E * (E + 1.0) * L},
        [LOOKUP] = {"scores, blend", "4EtL", 4.0 * E * L * t, 0.0},
        [C_PROJ] = {"c_proj", "2EEL", 2.0 * E * E * L, E * (E + 1.0) * L},
        [MLP] = {"MLP", "4EML", 4.0 * E * M * L, (2.0 * E * M + E + M) * L},
        [BEND] = {"GELU", "9ML", 9.0 * M * L, 0.0},
        [SUMS] = {"residual sums", "2EL", 2.0 * E * L, 0.0},
        [HEAD] = {"output head", "2EV", 2.0 * E * V, E * V},
    };
    memcpy(work, counted, sizeof counted);
    work[N_PARTS] = (struct work){.part = "all", .formula = ""};
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
        count_work(configs[k], n, work[k]);
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

/* Called by the library with each result: the time since the one before was spent on it. */
static void stop_time(void *context, size_t layer, const char *name, struct shape shape,
                      const float *data) {
    double *times = context; // when the last result came, and what GELU has taken
    (void)layer, (void)shape, (void)data;
    times[1] += strcmp(name, "activated") == 0 ? seconds_now() - times[0] : 0.0;
    times[0] = seconds_now();
}

/* The library goes the same way, and leaves its final vectors in its x. */
static bool show_time(const struct pass *pass, struct error *err) {
    double begin = seconds_now(), times[2] = {begin, 0.0};
    struct trace trace = {stop_time, times};
    if (!transformer_forward(pass->transformer, pass->given.ids, pass->given.n, &trace, err))
        return false;
    double all = times[0] - begin, of_gelu = times[1];
    lesson_section("Where the time goes");
    printf("all layers, for all tokens: %.3f ms\n", all * 1e3);
    printf("of that GELU:               %.3f ms, %.1f %% of the time\n", of_gelu * 1e3,
           100.0 * of_gelu / all);
    return true;
}

/* --- The same with common/transformer ---------------------------------------------------------- */

static void compare_with_library(struct lesson *lesson, const struct pass *pass) {
    const struct gpt2_config *config = &pass->given.model->config;
    size_t n = pass->given.n, count = n * config->n_embd;
    transformer_logits(pass->transformer, n - 1, pass->scores);
    lesson_section("The same with common/transformer");
    lesson_check_close(lesson, tensor_difference(pass->final, pass->transformer->x, count), 1e-4,
                       "every token's vector after the final norm");
    lesson_check_close(lesson, tensor_difference(pass->logits, pass->scores, config->vocab_size),
                       1e-4, "the logits");
}

/* --- From top to bottom ------------------------------------------------------------------------ */

static bool run(struct lesson *lesson, struct pass *pass, struct error *err) {
    if (!lesson_model_open(lesson, &pass->given, err))
        return false;
    const struct gpt2_config *config = &pass->given.model->config;
    pass->n_stages = config->n_layer + 1;
    if (pass->n_stages > MOST_STAGES)
        return error_set(
            err, "%s: has more than %d layers, too many to show: use another model (-m DIR)",
            lesson->model, MOST_STAGES - 1);
    pass->transformer = transformer_new(pass->given.model, pass->given.n, err);
    if (pass->transformer == NULL)
        return false;
    pass->lengths = tensor_new(pass->given.n);
    pass->last = tensor_new_2(pass->n_stages, config->n_embd);
    pass->final = tensor_new_2(pass->given.n, config->n_embd);
    pass->logits = tensor_new(config->vocab_size);
    pass->shares = tensor_new(config->vocab_size);
    pass->scores = tensor_new(config->vocab_size);
    if (!pass->lengths || !pass->last || !pass->final || !pass->logits || !pass->shares ||
        !pass->scores)
        return error_no_memory(err, "the vectors and the scores");
    show_text(pass);
    pass_layers(pass);
    normalize(pass);
    make_logits(pass);
    show_one_logit(lesson, pass);
    show_head(pass);
    make_shares(lesson, pass, err);
    show_lens(lesson, pass, err);
    show_work(pass);
    if (!show_time(pass, err))
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
