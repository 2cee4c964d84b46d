/*
 * Step 7: how a model that scores one next token writes a text.
 *
 * A forward pass gives a score to every token that could come next. Choose one, append it, ask
 * again: this program writes that loop out, and then the ways to choose: the likeliest token, or a
 * draw from shares that temperature bends and top-k and top-p cut. It measures how surprised the
 * model is by a text, and compares its choices with common/sampler.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The ways to choose that we compare. All but greedy draw, with the numbers of one seed. */
enum { GREEDY, COOL, PLAIN, HOT, TOP_K, TOP_P, N_WAYS, SEED = 24 };
static const struct {
    const char *name;
    struct sampler_settings settings; // temperature, top_k (0: off), top_p (1: off), seed
} ways[N_WAYS] = {
    {"greedy", {0.0f, 0, 1.0f, SEED}},        {"temperature 0.5", {0.5f, 0, 1.0f, SEED}},
    {"temperature 1", {1.0f, 0, 1.0f, SEED}}, {"temperature 2", {2.0f, 0, 1.0f, SEED}},
    {"top-k 3", {1.0f, 3, 1.0f, SEED}},       {"top-p 0.9", {1.0f, 0, 0.9f, SEED}},
};

enum { MOST_BARS = 10, MOST_LINES = 24, MOST_NEW = 32 }; // on a chart; in a table; to append

/* A token that could come next. */
struct option {
    uint32_t id;
    float logit, share;
};

/* Everything the lesson works on. */
struct writer {
    struct lesson_model given; // the model, and the prompt
    struct transformer *transformer;
    size_t n_ctx;           // the longest text that the model can read
    size_t n_options;       // tokens that can be chosen: rows of wte that the tokenizer knows
    uint32_t end_of_text;   // UINT32_MAX: the vocabulary has none
    size_t most_new;        // tokens to append; fewer than MOST_NEW where a pass takes long
    uint32_t *ids;          // [n_ctx]: the prompt, and what has been appended
    size_t length;          // how many of ids there are
    const char *stopped_by; // why the text ended
    float *logits;          // [vocab_size]: scores for the next token
    float *after, *shares;  // [vocab_size]: the scores after the prompt; shares, to work in
    struct option *options; // [n_options]: those that may be drawn come first
    size_t n_kept;          // how many those are
};

/* --- The loop --------------------------------------------------------------------------------- */

static uint32_t choose(struct writer *w, const float *logits, struct sampler_settings settings,
                       struct random_source *random); // under "The draw"

/* Continues the prompt by most_new tokens at most: fills ids [length], and says in stopped_by why the
 * text ends there. no_end: <|endoftext|> is a token like any other. */
static bool generate(struct writer *w, struct sampler_settings settings, size_t most_new,
                     bool no_end, struct error *err) {
    struct random_source random = {.counter = settings.seed};
    size_t n_prompt = w->given.n;
    memcpy(w->ids, w->given.ids, n_prompt * sizeof *w->ids);
    w->length = n_prompt;
    // [loop]
    w->stopped_by = "our limit";
    while (w->length - n_prompt < most_new) {
        if (w->length >= w->n_ctx) {
            w->stopped_by = "the end of the context";
            break;
        }
        if (!transformer_forward(w->transformer, w->ids, w->length, NULL, err))
            return false;
        transformer_logits(w->transformer, w->length - 1, w->logits); // of the last token
        uint32_t next = choose(w, w->logits, settings, &random);
        w->ids[w->length++] = next; // append
        if (next == w->end_of_text && !no_end) {
            w->stopped_by = "the end-of-text token";
            break;
        }
    }
    // [end]
    return true;
}

static bool show_loop(struct writer *w, struct error *err) {
    size_t n = w->given.n;
    char text[LABEL_SIZE];
    lesson_section("The loop");
    lesson_shape("ids", shape_1(n), "the prompt");
    lesson_shape("logits", shape_1(w->given.model->config.vocab_size),
                 "after its last token: a score for each");
    if (!generate(w, ways[GREEDY].settings, 3 * w->most_new, true, err))
        return false;
    for (size_t t = n; t < w->length && t < n + 6; t++)
        printf("read %3zu tokens, append \"%s\"\n", t,
               lesson_model_label(&w->given, w->ids[t], text));
    printf("and so on, %zu times in all: then %s is reached\n", w->length - n, w->stopped_by);
    return true;
}

/* --- Always the likeliest --------------------------------------------------------------------- */

/* Looks for a run of tokens that comes twice in ids. Fills in both places. */
static bool find_repeat(const struct writer *w, size_t run, size_t *first, size_t *again) {
    for (*again = run; *again + run <= w->length; ++*again) {
        for (*first = 0; *first + run <= *again; ++*first) {
            if (memcmp(w->ids + *first, w->ids + *again, run * sizeof *w->ids) == 0)
                return true;
        }
    }
    return false;
}

/* What show_loop has written, and whether it goes round in circles. */
static void show_greedy(const struct writer *w) {
    enum { RUN = 8 };
    size_t first = 0, again = 0;
    bool found = find_repeat(w, RUN, &first, &again), same_text = true;
    lesson_section("Always the likeliest");
    lesson_model_print(&w->given, w->ids, w->length, 0);
    for (size_t t = first; found && t < again + RUN; t++)
        same_text = same_text && w->ids[t] != w->end_of_text;
    if (!found) {
        printf("no run of %d tokens comes twice: it does not repeat itself yet\n", RUN);
        return;
    }
    printf("it repeats itself in %s text, at token %zu as at token %zu:\n    ",
           same_text ? "the same" : "another", again, first);
    lesson_model_print(&w->given, w->ids + again, RUN, 4);
}

/* --- Temperature, top-k and top-p ------------------------------------------------------------- */

/* Scores, divided by the temperature, become shares. logits, shares: [n] */
static void shares_at(const float *logits, size_t n, float temperature, float *shares) {
    float largest = logits[argmax(logits, n)]; // subtracting it changes no share
    for (size_t i = 0; i < n; i++)
        shares[i] = (logits[i] - largest) / temperature;
    softmax(shares, n);
}

static double sum_of_shares(const struct option *options, size_t n) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)options[i].share;
    return sum;
}

/* How many options, the best first, make up a share of top_p of all n. At least one. */
static size_t count_top_p(const struct option *options, size_t n, float top_p) {
    double wanted = (double)top_p * sum_of_shares(options, n), taken = 0.0;
    size_t count = 0;
    while (count < n && (count == 0 || taken < wanted))
        taken += (double)options[count++].share;
    return count;
}

/* For qsort: the higher score first; of equal ones the lower id. */
static int better_first(const void *a, const void *b) {
    const struct option *left = a, *right = b;
    if (left->logit != right->logit)
        return left->logit > right->logit ? -1 : 1;
    return left->id < right->id ? -1 : 1;
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

/* The first column of a table: a token. */
static void print_token(const struct writer *w, uint32_t id) {
    struct term term = term_for(stdout);
    char text[LABEL_SIZE];
    term_left(&term, lesson_model_label(&w->given, id, text), 18);
}

/* Bars of the best options, grey where cut: on the terminal, and as a picture. */
static struct canvas *chart_options(const struct writer *w, const char *title, float high,
                                    struct error *err) {
    float values[MOST_BARS];
    char texts[MOST_BARS][LABEL_SIZE], others[CHART_NUMBER_SIZE];
    const char *labels[MOST_BARS];
    bool muted[MOST_BARS];
    struct term term = term_for(stdout);
    struct bar_chart chart = {.title = title,
                              .value_title = "share",
                              .percent = true,
                              .values = values,
                              .high = high,
                              .labels = labels,
                              .muted = muted,
                              .muted_title = "cut: can't be drawn",
                              .n = w->n_options < MOST_BARS ? w->n_options : MOST_BARS};
    for (size_t i = 0; i < chart.n; i++) {
        values[i] = w->options[i].share;
        labels[i] = lesson_model_label(&w->given, w->options[i].id, texts[i]);
        muted[i] = i >= w->n_kept;
    }
    term_bars(&term, &chart);
    double sum = sum_of_shares(w->options + chart.n, w->n_options - chart.n);
    printf("all others together: %s\n", chart_percent(sum, others));
    return plot_bars(&chart, err);
}

/* What the scores after the prompt become in n of the ways, from `first` on. */
static void show_ways(const struct lesson *lesson, struct writer *w, size_t first, size_t n,
                      const char *title, const char *file_name, struct error *err) {
    struct canvas *pictures[N_WAYS];
    float high = 0.0f; // the first way's longest bar: one scale for all
    lesson_section(title);
    lesson_shape("shares", shape_1(w->n_options), "after the prompt; the ten largest:");
    for (size_t i = 0; i < n; i++) {
        list_options(w, w->after, ways[first + i].settings);
        qsort(w->options, w->n_options, sizeof *w->options, better_first);
        high = i == 0 ? w->options[0].share : high;
        pictures[i] = chart_options(w, ways[first + i].name, high, err);
    }
    lesson_save(lesson, plot_together(title, pictures, n, n, err), file_name, err);
}

/* --- The draw --------------------------------------------------------------------------------- */

/* Draws one of the options [n]. Their shares lie side by side on a line; number, from 0 to 1, is a
 * place on it, and the option whose share lies there is drawn. */
static uint32_t draw(const struct option *options, size_t n, double number) {
    double all = sum_of_shares(options, n), end = 0.0; // all: less than 1 when something was cut
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

static void show_draw(struct writer *w) {
    struct random_source random = {.counter = SEED};
    double end = 0.0, number = random_uniform(&random);
    char text[LABEL_SIZE];
    lesson_section("The draw");
    list_options(w, w->after, ways[TOP_K].settings);
    printf("token                share     from       to\n");
    for (size_t i = 0; i < w->n_kept; i++) {
        double share = (double)w->options[i].share / sum_of_shares(w->options, w->n_kept);
        print_token(w, w->options[i].id);
        printf("%8.4f %8.4f %8.4f\n", share, end, end + share);
        end += share;
    }
    printf("the first number of seed %d is %.4f: it draws \"%s\"\n", SEED, number,
           lesson_model_label(&w->given, draw(w->options, w->n_kept, number), text));
}

/* --- Seeds ------------------------------------------------------------------------------------ */

/* Writes a text; prints what was appended, behind a name, and why it ended there. */
static bool write_text(struct writer *w, const char *name, struct sampler_settings settings,
                       struct error *err) {
    if (!generate(w, settings, w->most_new, false, err))
        return false;
    printf("%-17s", name);
    lesson_model_print(&w->given, w->ids + w->given.n, w->length - w->given.n, 17);
    printf("%17s[%zu tokens, ended by %s]\n", "", w->length - w->given.n, w->stopped_by);
    return true;
}

static bool show_seeds(struct lesson *lesson, struct writer *w, struct error *err) {
    static const int seeds[] = {SEED + 1, SEED, SEED};
    uint32_t texts[3][MOST_NEW] = {{0}};
    lesson_section("Seeds");
    for (size_t i = 0; i < 3; i++) {
        struct sampler_settings settings = ways[TOP_P].settings;
        settings.seed = (uint64_t)seeds[i];
        char name[32];
        snprintf(name, sizeof name, "seed %d%s", seeds[i], i == 2 ? " again" : "");
        if (!write_text(w, name, settings, err))
            return false;
        memcpy(texts[i], w->ids + w->given.n, (w->length - w->given.n) * sizeof *w->ids);
    }
    lesson_check(lesson, memcmp(texts[1], texts[2], sizeof texts[1]) == 0,
                 "the same seed gives the same text");
    return true;
}

/* --- Six settings ----------------------------------------------------------------------------- */

static bool show_texts(struct writer *w, struct error *err) {
    bool fine = true;
    lesson_section("Six settings");
    for (size_t i = 0; i < N_WAYS && fine; i++)
        fine = write_text(w, ways[i].name, ways[i].settings, err);
    return fine;
}

/* --- How surprised is the model? -------------------------------------------------------------- */

/* A line of the table: a token, its share, and how many tokens top-p would have kept there. */
static void show_surprise(struct writer *w, uint32_t id, double surprised) {
    char text[CHART_NUMBER_SIZE];
    list_options(w, w->logits, ways[TOP_P].settings);
    print_token(w, id);
    printf("%8s %8.2f %15zu\n", chart_percent(exp(-surprised), text), surprised, w->n_kept);
}

/* How surprised is who reads ids [n], n >= 2: prints a table, and fills in the mean. */
static bool read_text(struct writer *w, const char *title, const uint32_t *ids, size_t n,
                      double *mean, struct error *err) {
    double sum = 0.0;
    printf("%-18s   share surprise   top-p 0.9 keeps\n", title);
    if (!transformer_forward(w->transformer, ids, n, NULL, err))
        return false;
    // [score]
    for (size_t t = 1; t < n; t++) {
        transformer_logits(w->transformer, t - 1, w->logits); // what the model expects at t
        double surprised = surprise(w->logits, w->given.model->config.vocab_size, ids[t]);
        sum += surprised;
        if (t <= MOST_LINES)
            show_surprise(w, ids[t], surprised);
    }
    *mean = sum / (double)(n - 1);
    double perplexity = exp(*mean), likelihood = exp(-sum);
    // [end]
    printf("%slikelihood %.1e, mean surprise %.3f, perplexity %.2f\n",
           n > MOST_LINES + 1 ? "...\n" : "", likelihood, *mean, perplexity);
    return true;
}

static bool show_perplexity(struct writer *w, struct error *err) {
    size_t n = w->given.n;
    double forwards = 0.0, backwards = 0.0;
    lesson_section("How surprised is the model?");
    for (size_t t = 0; t < n; t++)
        w->ids[t] = w->given.ids[n - 1 - t];
    if (n < 2)
        printf("one token: nothing comes before it, so there is nothing to score\n");
    else if (!read_text(w, "token", w->given.ids, n, &forwards, err) ||
             !read_text(w, "backwards", w->ids, n, &backwards, err))
        return false;
    else
        printf("backwards it is %s surprising\n", backwards > forwards ? "more" : "not more");
    return true;
}

/* --- The same with common/sampler ------------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, struct writer *w, struct error *err) {
    enum { DRAWS = 50 };
    lesson_section("The same with common/sampler");
    for (size_t i = 0; i < N_WAYS; i++) {
        struct random_source random = {.counter = SEED};
        struct sampler *sampler = sampler_new(ways[i].settings, w->n_options, err);
        uint32_t id = 0;
        int n_same = 0;
        char line[80];
        if (sampler == NULL)
            return false;
        while (n_same < DRAWS && sampler_next(sampler, w->after, w->n_options, &id, err) &&
               id == choose(w, w->after, ways[i].settings, &random))
            n_same++;
        sampler_free(sampler);
        snprintf(line, sizeof line, "%s: the first %d of %d agree", ways[i].name, n_same, DRAWS);
        lesson_check(lesson, n_same == DRAWS, line);
    }
    return true;
}

/* --- From top to bottom ----------------------------------------------------------------------- */

static bool prepare(struct writer *w, struct error *err) {
    const struct gpt2_config *config = &w->given.model->config;
    size_t n = w->given.n, n_tokens = tokenizer_count(w->given.tokenizer);
    // A pass multiplies every token with every weight.
    double products = (double)w->given.model->n_parameters * (double)n;
    w->most_new = products > 2e8 ? MOST_NEW / 4 : MOST_NEW;
    w->n_ctx = config->n_ctx;
    w->n_options = n_tokens < config->vocab_size ? n_tokens : config->vocab_size;
    if (!tokenizer_end_of_text(w->given.tokenizer, &w->end_of_text))
        w->end_of_text = UINT32_MAX;
    w->ids = calloc(w->n_ctx, sizeof *w->ids);
    w->options = calloc(w->n_options, sizeof *w->options);
    w->logits = tensor_new_2(3, config->vocab_size);
    if (w->ids == NULL || w->options == NULL || w->logits == NULL)
        return error_no_memory(err, "the texts");
    w->after = w->logits + config->vocab_size;
    w->shares = w->after + config->vocab_size;
    w->transformer = transformer_new(w->given.model, w->n_ctx, err);
    if (w->transformer == NULL || !transformer_forward(w->transformer, w->given.ids, n, NULL, err))
        return false;
    transformer_logits(w->transformer, n - 1, w->after);
    return true;
}

static bool run(struct lesson *lesson, struct writer *w, struct error *err) {
    if (!lesson_model_open(lesson, &w->given, err) || !prepare(w, err) || !show_loop(w, err))
        return false;
    show_greedy(w);
    show_ways(lesson, w, COOL, 3, "Temperature", "temperature.png", err);
    show_ways(lesson, w, TOP_K, 2, "Top-k and top-p", "cuts.png", err);
    show_draw(w);
    return show_seeds(lesson, w, err) && show_texts(w, err) && show_perplexity(w, err) &&
           compare_with_library(lesson, w, err);
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct writer w = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step7", "Step 7: Generating Text", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &w, &err);
    tensor_free(w.logits);
    free(w.ids);
    free(w.options);
    transformer_free(w.transformer);
    lesson_model_close(&w.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
