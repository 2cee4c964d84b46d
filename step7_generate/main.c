/*
 * Step 7: how a model that scores one next token writes a text.
 *
 * A forward pass gives a score to every token that could come next. Choose one, append it, ask
 * again: that is all of it. This program writes that loop out, and then the ways to choose: the
 * likeliest token, or a draw from shares that temperature bends and top-k and top-p cut. It
 * measures how surprised the model is by a text, and compares its choices with common/sampler.
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/random.h"
#include "../common/sampler.h"
#include "../common/tensor.h"
#include "../common/transformer.h"

static const char default_text[] = "When the server ran out of memory, it";

/* A token that could come next. */
struct option {
    uint32_t id;
    float logit, share;
};

/* What ends a text. */
struct limits {
    size_t most_new; // tokens to append
    size_t context;  // tokens that the model can read
    bool no_end;     // <|endoftext|> is a token like any other
};

/* Everything the lesson works on. */
struct writer {
    struct lesson_model given; // the model, and the prompt
    struct transformer *transformer;
    size_t n_ctx;             // the longest text that the model can read
    size_t n_options;         // tokens that can be chosen: rows of wte that the tokenizer knows
    uint32_t end_of_text;     // UINT32_MAX: the vocabulary has none
    bool is_slow;             // a forward pass takes long: keep the texts short
    size_t most_new;          // how long they get
    uint32_t *ids;            // [n_ctx]: the prompt, and what has been appended
    size_t length;            // how many of ids there are
    const char *stopped_by;   // why the text ended
    double first_ms, last_ms; // what its first and its last forward pass took
    float *logits, *after;    // [vocab_size]: scores for the next token; those after the prompt
    float *shares;            // [n_options]
    struct option *options;   // [n_options]: those that may be drawn come first
    size_t n_kept;            // how many those are
};

/* --- The loop ---------------------------------------------------------------------------------- */

static uint32_t choose(struct writer *w, const float *logits, struct sampler_settings settings,
                       struct random_source *random); // under "The draw"

/* One forward pass over all tokens so far: fills logits with the scores for the next one. */
static bool forward(struct writer *w, struct error *err) {
    clock_t begin = clock();
    if (isatty(STDERR_FILENO)) // for whoever waits
        fprintf(stderr, "\rreading %zu tokens ...", w->length);
    bool fine = transformer_forward(w->transformer, w->ids, w->length, NULL, err);
    if (fine)
        transformer_logits(w->transformer, w->length - 1, w->logits);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%30s\r", "");
    w->last_ms = 1e3 * (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (w->length == w->given.n)
        w->first_ms = w->last_ms;
    return fine;
}

/* Continues the prompt: fills ids [length], and says in stopped_by why the text ends there. */
static bool generate(struct writer *w, struct sampler_settings settings, struct limits limits,
                     struct error *err) {
    struct random_source random = {.counter = settings.seed};
    size_t n = w->given.n;
    memcpy(w->ids, w->given.ids, n * sizeof *w->ids);
    w->length = n;
    // [loop]
    w->stopped_by = "the limit";
    while (w->length - n < limits.most_new) {
        if (w->length >= limits.context) {
            w->stopped_by = "the context is full";
            break;
        }
        if (!forward(w, err))
            return false;
        uint32_t next = choose(w, w->logits, settings, &random);
        w->ids[w->length++] = next; // append
        if (next == w->end_of_text && !limits.no_end) {
            w->stopped_by = "the end-of-text token";
            break;
        }
    }
    // [end]
    return true;
}

static const struct sampler_settings greedy = {.temperature = 0.0f, .top_p = 1.0f};

static bool show_loop(struct writer *w, struct error *err) {
    size_t n = w->given.n;
    char text[LABEL_SIZE];
    lesson_section("The loop");
    if (w->is_slow)
        printf("Every token takes a whole forward pass, and nothing is kept between two of them\n"
               "(that is step 8). With this model or prompt it takes a while: texts are short.\n");
    if (!generate(w, greedy, (struct limits){w->is_slow ? 24 : 96, w->n_ctx, true}, err))
        return false;
    lesson_shape("ids", shape_1(n), "the prompt");
    lesson_shape("x", shape_2(n, w->given.model->config.n_embd), "a row for each of its tokens");
    lesson_shape("logits", shape_1(w->given.model->config.vocab_size),
                 "from the last row: a score for each token");
    for (size_t t = n; t < w->length && t < n + 6; t++)
        printf("read %3zu tokens, append \"%s\"\n", t,
               lesson_model_label(&w->given, w->ids[t], text));
    if (w->length > n)
        printf("and so on: reading %zu tokens took %.1f ms, and at last %zu tokens %.1f ms\n", n,
               w->first_ms, w->length - 1, w->last_ms);
    return true;
}

/* --- Always the likeliest ---------------------------------------------------------------------- */

/* Where a run of `run` tokens has come before: returns its second place in ids [n], and the first
 * one in *before; n when no run comes twice. */
static size_t find_repeat(const uint32_t *ids, size_t n, size_t run, size_t *before) {
    for (size_t t = run; t + run <= n; t++) {
        for (*before = 0; *before + run <= t; ++*before) {
            if (memcmp(ids + *before, ids + t, run * sizeof *ids) == 0)
                return t;
        }
    }
    return n;
}

/* What show_loop has written, and whether it goes round in circles. */
static void show_greedy(const struct writer *w) {
    enum { RUN = 8 };
    size_t before = 0, again = find_repeat(w->ids, w->length, RUN, &before);
    lesson_section("Always the likeliest");
    lesson_model_print(&w->given, w->ids, w->length, 0);
    if (again == w->length) {
        printf("no run of %d tokens comes twice: it does not repeat itself yet\n", RUN);
    } else {
        printf("it repeats itself: what begins at token %zu comes again at token %zu:\n    ",
               before, again);
        lesson_model_print(&w->given, w->ids + again, RUN, 4);
    }
}

/* --- Temperature, top-k and top-p -------------------------------------------------------------- */

/* Scores, divided by the temperature, become shares. logits, shares: [n] */
static void shares_at(const float *logits, size_t n, float temperature, float *shares) {
    float largest = logits[argmax(logits, n)]; // subtracting it changes no share
    for (size_t i = 0; i < n; i++)
        shares[i] = (logits[i] - largest) / temperature;
    softmax(shares, n);
}

/* For qsort: the higher score first; of equal ones the lower id. */
static int better_first(const void *a, const void *b) {
    const struct option *left = a, *right = b;
    if (left->logit != right->logit)
        return left->logit > right->logit ? -1 : 1;
    return left->id < right->id ? -1 : 1;
}

/* How many options, the best first, make up a share of top_p of all n. At least one. */
static size_t count_top_p(const struct option *options, size_t n, float top_p) {
    double all = 0.0, taken = 0.0;
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        all += (double)options[i].share;
    while (count < n && (count == 0 || taken < (double)top_p * all))
        taken += (double)options[count++].share;
    return count;
}

/* Fills options with every token and its share, and says in n_kept how many may be drawn. */
static void list_options(struct writer *w, const float *logits, struct sampler_settings settings) {
    size_t n = w->n_options;
    shares_at(logits, n, settings.temperature, w->shares);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = (uint32_t)(n - 1 - i); // backwards, as common/sampler goes through them
        w->options[i] = (struct option){id, logits[id], w->shares[id]};
    }
    // [cuts]
    w->n_kept = n;
    if (settings.top_k > 0 || settings.top_p < 1.0f)
        qsort(w->options, n, sizeof *w->options, better_first);
    if (settings.top_k > 0 && settings.top_k < n)
        w->n_kept = settings.top_k;
    if (settings.top_p < 1.0f)
        w->n_kept = count_top_p(w->options, w->n_kept, settings.top_p);
    // [end]
}

enum { MOST_BARS = 10 };

/* Bars of the ten best options, grey where cut: on the terminal, and as a picture. */
static struct canvas *chart_options(const struct writer *w, const char *title, float high,
                                    struct error *err) {
    float values[MOST_BARS];
    char texts[MOST_BARS][LABEL_SIZE];
    const char *labels[MOST_BARS];
    bool muted[MOST_BARS];
    struct bar_chart chart = {.title = title,
                              .value_title = "share",
                              .values = values,
                              .labels = labels,
                              .percent = true,
                              .n = w->n_options < MOST_BARS ? w->n_options : MOST_BARS,
                              .muted = muted,
                              .muted_title = "cut: can't be drawn",
                              .high = high};
    for (size_t i = 0; i < chart.n; i++) {
        values[i] = w->options[i].share;
        labels[i] = lesson_model_label(&w->given, w->options[i].id, texts[i]);
        muted[i] = i >= w->n_kept;
    }
    struct term term = term_for(stdout);
    term_bars(&term, &chart);
    return plot_bars(&chart, err);
}

/* The share of what is not on the chart. */
static void show_others(const struct writer *w) {
    char text[CHART_NUMBER_SIZE];
    double sum = 0.0;
    for (size_t i = MOST_BARS; i < w->n_options; i++)
        sum += (double)w->options[i].share;
    printf("all others together: %s\n", chart_percent(sum, text));
}

static void show_temperatures(struct lesson *lesson, struct writer *w, struct error *err) {
    struct sampler_settings settings = {0.5f, w->n_options, 1.0f, 0}; // sorted, nothing cut
    struct canvas *pictures[3];
    float high = 0.0f;
    lesson_section("Temperature");
    lesson_shape("shares", shape_1(w->n_options), "after the prompt; the ten largest:");
    for (size_t i = 0; i < 3; i++, settings.temperature *= 2.0f) {
        char title[48];
        snprintf(title, sizeof title, "temperature %.1f", (double)settings.temperature);
        list_options(w, w->after, settings);
        high = i == 0 ? w->options[0].share : high; // one scale; the first has the longest bar
        pictures[i] = chart_options(w, title, high, err);
        show_others(w);
    }
    lesson_save(lesson, plot_together("One set of scores, three temperatures", pictures, 3, 3, err),
                "temperature.png", err);
}

static bool show_cuts(struct lesson *lesson, struct writer *w, struct error *err) {
    static const struct sampler_settings top_k = {1.0f, 3, 1.0f, 0}, top_p = {1.0f, 0, 0.9f, 0};
    struct canvas *pictures[2];
    struct term term = term_for(stdout);
    size_t n = w->given.n;
    lesson_section("Top-k and top-p");
    list_options(w, w->after, top_k);
    pictures[0] = chart_options(w, "top-k 3", 0.0f, err);
    list_options(w, w->after, top_p);
    pictures[1] = chart_options(w, "top-p 0.9", 0.0f, err);
    lesson_save(lesson, plot_together("One set of shares, two cuts", pictures, 2, 2, err),
                "cuts.png", err);
    printf("how many tokens top-p 0.9 keeps after each token of the prompt:\n");
    if (!transformer_forward(w->transformer, w->given.ids, n, NULL, err))
        return false;
    size_t begin = n > 10 ? n - 10 : 0; // the last ones: 10 x 8 columns
    for (size_t t = begin; t < n; t++) {
        term_spaces(&term, t > begin ? 1 : 0);
        term_right(&term, w->given.labels[t], 7);
    }
    printf("\n");
    for (size_t t = begin; t < n; t++) {
        transformer_logits(w->transformer, t, w->logits);
        list_options(w, w->logits, top_p);
        printf("%s%7zu", t > begin ? " " : "", w->n_kept);
    }
    printf("\n");
    return true;
}

/* --- The draw ---------------------------------------------------------------------------------- */

/* Draws one of the options [n]. Their shares lie side by side on a line; number, from 0 to 1, is a
 * place on it, and the option whose share lies there is drawn. */
static uint32_t draw(const struct option *options, size_t n, double number) {
    double all = 0.0, end = 0.0;
    for (size_t i = 0; i < n; i++)
        all += (double)options[i].share; // less than 1 when something was cut
    for (size_t i = 0; i < n; i++) {
        end += (double)options[i].share; // where this share ends
        if (number * all < end)
            return options[i].id;
    }
    return options[0].id; // rounding can leave a crumb at the end of the line
}

/* The whole choice: the likeliest, or a draw from what the cuts leave. logits: [n_options] */
static uint32_t choose(struct writer *w, const float *logits, struct sampler_settings settings,
                       struct random_source *random) {
    if (settings.temperature == 0.0f)
        return (uint32_t)argmax(logits, w->n_options);
    list_options(w, logits, settings);
    if (w->n_kept == 1)
        return w->options[0].id; // no number is needed
    return draw(w->options, w->n_kept, random_uniform(random));
}

enum {
    SEED = 3,      // of everything that is drawn below
    MOST_NEW = 32, // tokens of the texts below
};

static void show_draw(struct lesson *lesson, struct writer *w) {
    enum { DRAWS = 10000, TOP_K = 3 };
    struct random_source random = {.counter = SEED};
    struct term term = term_for(stdout);
    size_t counts[TOP_K] = {0};
    double all = 0.0, end = 0.0, largest = 0.0, number = random_uniform(&random);
    char text[LABEL_SIZE];
    lesson_section("The draw");
    list_options(w, w->after, (struct sampler_settings){1.0f, TOP_K, 1.0f, 0});
    for (size_t i = 0; i < w->n_kept; i++)
        all += (double)w->options[i].share;
    for (size_t d = 0; d < DRAWS; d++) {
        uint32_t id = draw(w->options, w->n_kept, random_uniform(&random));
        for (size_t i = 0; i < w->n_kept; i++)
            counts[i] += w->options[i].id == id;
    }
    printf("token                share     from       to   in %d draws\n", DRAWS);
    for (size_t i = 0; i < w->n_kept; i++) {
        double share = (double)w->options[i].share / all, drawn = (double)counts[i] / DRAWS;
        term_left(&term, lesson_model_label(&w->given, w->options[i].id, text), 18);
        printf("%8.4f %8.4f %8.4f %8.4f\n", share, end, end + share, drawn);
        end += share;
        largest = fabs(drawn - share) <= largest ? largest : fabs(drawn - share);
    }
    printf("the first number of seed %d is %.4f: it draws \"%s\"\n", SEED, number,
           lesson_model_label(&w->given, draw(w->options, w->n_kept, number), text));
    lesson_check_close(lesson, largest, 0.03, "drawn as often as the shares say");
}

/* --- Seeds ------------------------------------------------------------------------------------- */

/* Writes a text and prints what was appended, behind a name. */
static bool write_text(struct writer *w, const char *name, struct sampler_settings settings,
                       struct error *err) {
    if (!generate(w, settings, (struct limits){w->most_new, w->n_ctx, false}, err))
        return false;
    printf("%-17s", name);
    if (w->length == w->given.n)
        printf("(nothing: %s)\n", w->stopped_by);
    else
        lesson_model_print(&w->given, w->ids + w->given.n, w->length - w->given.n, 17);
    return true;
}

static bool show_seeds(struct lesson *lesson, struct writer *w, struct error *err) {
    struct sampler_settings one = {1.0f, 0, 0.9f, SEED}, other = {1.0f, 0, 0.9f, SEED + 1};
    lesson_section("Seeds");
    if (!write_text(w, "another seed", other, err) || !write_text(w, "a seed", one, err))
        return false;
    uint32_t once[MOST_NEW];
    size_t n = w->length - w->given.n;
    memcpy(once, w->ids + w->given.n, n * sizeof *once);
    if (!write_text(w, "the same seed", one, err))
        return false;
    lesson_check(lesson,
                 n == w->length - w->given.n &&
                     memcmp(once, w->ids + w->given.n, n * sizeof *once) == 0,
                 "the same seed gives the same text");
    return true;
}

/* --- Stopping ---------------------------------------------------------------------------------- */

static bool show_stopping(struct writer *w, struct error *err) {
    size_t n = w->given.n, small = n + 6 < w->n_ctx ? n + 6 : w->n_ctx;
    const struct limits cases[] = {
        {4, w->n_ctx, false}, {w->is_slow ? 12 : 96, w->n_ctx, false}, {12, small, true}};
    lesson_section("Stopping");
    printf("limit  context  appended  stopped by\n");
    for (size_t i = 0; i < 3; i++) {
        if (!generate(w, greedy, cases[i], err))
            return false;
        printf("%5zu %8zu %9zu  %s\n", cases[i].most_new, cases[i].context, w->length - n,
               w->stopped_by);
    }
    return true;
}

/* --- Six settings ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    struct sampler_settings settings;
} six[] = {
    {"greedy", {0.0f, 0, 1.0f, SEED}},        {"temperature 0.5", {0.5f, 0, 1.0f, SEED}},
    {"temperature 1", {1.0f, 0, 1.0f, SEED}}, {"temperature 2", {2.0f, 0, 1.0f, SEED}},
    {"top-k 3", {1.0f, 3, 1.0f, SEED}},       {"top-p 0.9", {1.0f, 0, 0.9f, SEED}},
};
enum { N_SETTINGS = sizeof six / sizeof six[0] };

static bool show_six(struct writer *w, struct error *err) {
    bool fine = true;
    lesson_section("Six settings");
    for (size_t i = 0; i < N_SETTINGS && fine; i++)
        fine = write_text(w, six[i].name, six[i].settings, err);
    return fine;
}

/* --- How surprised is the model? --------------------------------------------------------------- */

/* -log of the share that softmax gives to one token: 0 when it was certain. logits: [n] */
static double surprise(const float *logits, size_t n, uint32_t id) {
    double largest = (double)logits[argmax(logits, n)], sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - largest);
    return log(sum) - ((double)logits[id] - largest);
}

static void show_surprise(const struct writer *w, size_t t, uint32_t id, double surprised) {
    enum { MOST = 24 };
    struct term term = term_for(stdout);
    char label[LABEL_SIZE], number[CHART_NUMBER_SIZE];
    if (t <= MOST) {
        term_left(&term, lesson_model_label(&w->given, id, label), 18);
        printf("%8s %8.2f\n", chart_percent(exp(-surprised), number), surprised);
    } else if (t == MOST + 1) {
        printf("...\n");
    }
}

/* How surprised is who reads ids [n]: in the mean, and token by token when `show` says so. */
static bool read_text(struct writer *w, const uint32_t *ids, size_t n, bool show, double *mean,
                      struct error *err) {
    char number[CHART_NUMBER_SIZE];
    double sum = 0.0;
    if (!transformer_forward(w->transformer, ids, n, NULL, err))
        return false;
    // [score]
    for (size_t t = 1; t < n; t++) {
        transformer_logits(w->transformer, t - 1, w->logits); // what the model expects at t
        double surprised = surprise(w->logits, w->given.model->config.vocab_size, ids[t]);
        sum += surprised;
        if (show)
            show_surprise(w, t, ids[t], surprised);
    }
    *mean = sum / (double)(n - 1);
    double perplexity = exp(*mean), likelihood = exp(-sum);
    // [end]
    printf("likelihood %.1e, mean surprise %.3f, perplexity %s\n", likelihood, *mean,
           chart_number(perplexity, perplexity, number));
    return true;
}

/* Puts ids [n] into a random order: each place gets one of those that are left. */
static void scramble(uint32_t *ids, size_t n) {
    struct random_source random = {.counter = SEED};
    for (size_t left = n; left > 1; left--) {
        size_t pick = (size_t)(random_uniform(&random) * (double)left);
        uint32_t kept = ids[left - 1];
        ids[left - 1] = ids[pick];
        ids[pick] = kept;
    }
}

static bool show_perplexity(struct lesson *lesson, struct writer *w, struct error *err) {
    static const float even[20] = {0};
    size_t n = w->given.n;
    double mean = 0.0, scrambled = 0.0;
    lesson_section("How surprised is the model?");
    if (n < 2) {
        printf("one token: nothing comes before it, so there is nothing to score\n");
    } else {
        printf("token                share surprise\n");
        if (!read_text(w, w->given.ids, n, true, &mean, err))
            return false;
        memcpy(w->ids, w->given.ids, n * sizeof *w->ids);
        scramble(w->ids, n);
        printf("scrambled: ");
        lesson_model_print(&w->given, w->ids, n < 24 ? n : 24, 11);
        if (!read_text(w, w->ids, n, false, &scrambled, err))
            return false;
        printf("the scrambled text is %s surprising\n", scrambled > mean ? "more" : "not more");
    }
    lesson_check_close(lesson, fabs(exp(surprise(even, 20, 7)) - 20.0), 1e-9,
                       "20 equal scores: perplexity 20");
    return true;
}

/* --- The same with common/sampler -------------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, struct writer *w, struct error *err) {
    enum { DRAWS = 50 };
    bool fine = true;
    lesson_section("The same with common/sampler");
    for (size_t i = 0; i < N_SETTINGS && fine; i++) {
        struct random_source random = {.counter = six[i].settings.seed};
        struct sampler *sampler = sampler_new(six[i].settings, w->n_options, err);
        size_t n_same = 0;
        fine = sampler != NULL;
        for (size_t d = 0; d < DRAWS && fine; d++) {
            uint32_t id = 0;
            fine = sampler_next(sampler, w->after, w->n_options, &id, err);
            n_same += fine && id == choose(w, w->after, six[i].settings, &random);
        }
        sampler_free(sampler);
        char line[80];
        snprintf(line, sizeof line, "%s: %zu of %d tokens are the same", six[i].name, n_same,
                 DRAWS);
        lesson_check(lesson, n_same == DRAWS, line);
    }
    return fine;
}

/* --- From top to bottom ------------------------------------------------------------------------ */

static bool prepare(struct writer *w, struct error *err) {
    const struct gpt2_config *config = &w->given.model->config;
    size_t n = w->given.n, n_tokens = tokenizer_count(w->given.tokenizer);
    // A pass multiplies every token with about 12 n_embd x n_embd weights of each block.
    double n_embd = (double)config->n_embd;
    w->is_slow = 12.0 * n_embd * n_embd * (double)config->n_layer * (double)n > 1e8;
    w->most_new = w->is_slow ? 12 : MOST_NEW;
    w->n_ctx = config->n_ctx;
    w->n_options = n_tokens < config->vocab_size ? n_tokens : config->vocab_size;
    if (!tokenizer_end_of_text(w->given.tokenizer, &w->end_of_text))
        w->end_of_text = UINT32_MAX;
    w->ids = calloc(w->n_ctx, sizeof *w->ids);
    w->logits = tensor_new(config->vocab_size);
    w->after = tensor_new(config->vocab_size);
    w->shares = tensor_new(w->n_options);
    w->options = calloc(w->n_options, sizeof *w->options);
    if (w->ids == NULL || w->logits == NULL || w->after == NULL || w->shares == NULL ||
        w->options == NULL)
        return error_no_memory(err, "the texts");
    w->transformer = transformer_new(w->given.model, n + 96 < w->n_ctx ? n + 96 : w->n_ctx, err);
    if (w->transformer == NULL || !transformer_forward(w->transformer, w->given.ids, n, NULL, err))
        return false;
    transformer_logits(w->transformer, n - 1, w->after);
    return true;
}

static bool run(struct lesson *lesson, struct writer *w, struct error *err) {
    if (!lesson_model_open(lesson, &w->given, err) || !prepare(w, err) || !show_loop(w, err))
        return false;
    show_greedy(w);
    show_temperatures(lesson, w, err);
    if (!show_cuts(lesson, w, err))
        return false;
    show_draw(lesson, w);
    return show_seeds(lesson, w, err) && show_stopping(w, err) && show_six(w, err) &&
           show_perplexity(lesson, w, err) && compare_with_library(lesson, w, err);
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct writer w = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step7", "Step 7: Generating Text", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &w, &err);
    tensor_free(w.logits);
    tensor_free(w.after);
    tensor_free(w.shares);
    free(w.ids);
    free(w.options);
    transformer_free(w.transformer);
    lesson_model_close(&w.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
