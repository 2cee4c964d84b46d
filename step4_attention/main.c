/*
 * Step 4: how a token finds the tokens that matter to it.
 *
 * Attention is a query against the tokens before: each token asks, the others answer with a key,
 * and the values of those that match are fetched, blended by how well they match. This program
 * finds the head in which "it" looks for its noun, computes that head by hand, one matrix after the
 * other, and compares the result with common/transformer.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/tokenizer.h"
#include "../common/transformer.h"

static const char default_text[] = "The server crashed because it ran out of memory.";

/* Everything the lesson works on. T is the number of tokens. */
struct lookup {
    struct lesson_model given; // the model, and the text as T tokens
    struct transformer *transformer;
    size_t asker, noun;               // positions: "it", and the noun that it refers to
    size_t layer, head;               // where we look
    float *all_weights;               // [n_layer, n_head, T, T], from the library
    float *normed;                    // [T, n_embd], our layer's input after layer norm
    float *contexts, *output;         // [T, n_embd] each, from the library: all heads, and c_proj
    float *query, *key, *value;       // [T, d_head] each
    float *scores, *scaled, *weights; // [T, T] each
    float *context;                   // [T, d_head]
};

/* --- The text, and who asks -------------------------------------------------------------------- */

/* Whether a token is this word, with or without a space before it. */
static bool reads(const struct lookup *lookup, size_t position, const char *word) {
    size_t length;
    const char *bytes =
        tokenizer_decode(lookup->given.tokenizer, lookup->given.ids[position], &length);
    size_t space = length > 0 && bytes[0] == ' ' ? 1 : 0;
    return length - space == strlen(word) && memcmp(bytes + space, word, length - space) == 0;
}

/* The asker is the last "it", or else the last token. Its noun is the first thing before it that
 * can break, or else the token before it. */
static void choose_tokens(struct lookup *lookup) {
    static const char *const things[] = {"server",  "database", "cache",   "queue", "worker",
                                         "replica", "cluster",  "service", "disk",  "node"};
    lookup->asker = lookup->given.n - 1;
    for (size_t t = 0; t < lookup->given.n; t++) {
        if (reads(lookup, t, "it"))
            lookup->asker = t;
    }
    lookup->noun = lookup->asker > 0 ? lookup->asker - 1 : 0;
    for (size_t t = lookup->asker; t-- > 0;) {
        for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
            if (reads(lookup, t, things[i]))
                lookup->noun = t;
        }
    }
}

static void show_text(struct lookup *lookup) {
    const char **labels = lookup->given.labels;
    size_t n = lookup->given.n;
    choose_tokens(lookup);
    lesson_section("The text");
    lesson_shape("token ids", shape_1(n), "");
    lesson_shape("x", shape_2(n, lookup->given.model->config.n_embd), "a vector for each token");
    printf("who asks: token %zu, \"%s\"   whom it should find: token %zu, \"%s\"\n", lookup->asker,
           labels[lookup->asker], lookup->noun, labels[lookup->noun]);
}

/* --- Finding the head -------------------------------------------------------------------------- */

/* Keeps the attention weights of every layer, and at the end what arrives at ours. */
static void keep(void *context, size_t layer, const char *name, struct shape shape,
                 const float *data) {
    struct lookup *lookup = context;
    size_t count = 0;
    if (!shape_count(&shape, &count))
        return;
    if (strcmp(name, "attention_weights") == 0)
        memcpy(lookup->all_weights + layer * count, data, count * sizeof *data);
    float *kept = strcmp(name, "ln_1") == 0               ? lookup->normed
                  : strcmp(name, "context") == 0          ? lookup->contexts
                  : strcmp(name, "attention_output") == 0 ? lookup->output
                                                          : NULL;
    if (kept != NULL && layer == lookup->layer)
        memcpy(kept, data, count * sizeof *data);
}

static bool run_model(struct lookup *lookup, struct error *err) {
    struct trace trace = {keep, lookup};
    return transformer_forward(lookup->transformer, lookup->given.ids, lookup->given.n, &trace,
                               err);
}

/* The weights of one head: [T, T] */
static const float *head_weights(const struct lookup *lookup, size_t layer, size_t head) {
    size_t n = lookup->given.n;
    return lookup->all_weights + (layer * lookup->given.model->config.n_head + head) * n * n;
}

/* Which of all heads puts most of the asker's weight on the noun? */
static bool find_head(struct lookup *lookup, struct error *err) {
    const struct gpt2_config *config = &lookup->given.model->config;
    size_t n = lookup->given.n;
    if (config->n_layer == 0)
        return error_set(err, "the model has no layers, and so no heads: use another one (-m DIR)");
    float *found = tensor_new_2(config->n_layer, config->n_head); // [n_layer, n_head]
    if (found == NULL)
        return error_no_memory(err, "the table of heads");
    if (!run_model(lookup, err)) {
        tensor_free(found);
        return false;
    }
    for (size_t layer = 0; layer < config->n_layer; layer++) {
        for (size_t head = 0; head < config->n_head; head++)
            found[layer * config->n_head + head] =
                head_weights(lookup, layer, head)[lookup->asker * n + lookup->noun];
    }
    size_t best = argmax(found, config->n_layer * config->n_head);
    lookup->layer = best / config->n_head;
    lookup->head = best % config->n_head;
    lesson_section("Finding the head");
    struct heatmap map = {.values = found,
                          .n_rows = config->n_layer,
                          .n_columns = config->n_head,
                          .row_title = "layer",
                          .column_title = "head",
                          .low = 0.0f,
                          .high = 1.0f,
                          .show_values = true};
    struct term term = term_for(stdout);
    term_heatmap(&term, &map);
    printf("\"%s\" puts %.0f %% of its weight on \"%s\" in layer %zu, head %zu.\n",
           lookup->given.labels[lookup->asker], 100.0 * (double)found[best],
           lookup->given.labels[lookup->noun], lookup->layer, lookup->head);
    tensor_free(found);
    return run_model(lookup, err); // once more, to keep what arrives at that layer
}

/* --- Queries, keys and values ------------------------------------------------------------------ */

/* One batched call makes all three, for all heads: columns [Q | K | V], each n_embd wide. */
static bool make_qkv(struct lookup *lookup, struct error *err) {
    const struct gpt2_layer *weights = &lookup->given.model->layers[lookup->layer];
    size_t n = lookup->given.n, n_embd = lookup->given.model->config.n_embd;
    size_t d_head = n_embd / lookup->given.model->config.n_head;
    float *qkv = tensor_new_2(n, 3 * n_embd); // [T, 3 * n_embd]
    if (qkv == NULL)
        return error_no_memory(err, "queries, keys and values");
    lesson_section("Queries, keys and values");
    // [qkv]
    linear(qkv, lookup->normed, weights->attn_c_attn_weight, weights->attn_c_attn_bias, n, n_embd,
           3 * n_embd);
    for (size_t t = 0; t < n; t++) {
        const float *row = qkv + t * 3 * n_embd; // [3 * n_embd]: Q, then K, then V
        size_t first = lookup->head * d_head;    // where this head's share begins in each
        memcpy(lookup->query + t * d_head, row + first, d_head * sizeof *row);
        memcpy(lookup->key + t * d_head, row + n_embd + first, d_head * sizeof *row);
        memcpy(lookup->value + t * d_head, row + 2 * n_embd + first, d_head * sizeof *row);
    }
    // [end]
    lesson_shape("normed", shape_2(n, n_embd), "what arrives at the layer");
    lesson_shape("c_attn.weight", shape_2(n_embd, 3 * n_embd), "");
    lesson_shape("qkv", shape_2(n, 3 * n_embd), "normed x c_attn.weight + bias");
    lesson_shape("query", shape_2(n, d_head), "this head's columns of Q");
    lesson_shape("key", shape_2(n, d_head), "of K");
    lesson_shape("value", shape_2(n, d_head), "of V");
    tensor_free(qkv);
    return true;
}

/* --- Scores, scaled, masked, weights ----------------------------------------------------------- */

static void show_matrix(const struct lookup *lookup, const char *name, const float *values,
                        enum chart_scale scale) {
    size_t n = lookup->given.n;
    struct term term = term_for(stdout);
    struct heatmap map = {.values = values,
                          .n_rows = n,
                          .n_columns = n,
                          .row_labels = lookup->given.labels,
                          .column_labels = lookup->given.labels,
                          .row_title = "asks",
                          .column_title = "answers",
                          .scale = scale,
                          .show_values = true};
    lesson_shape(name, shape_2(n, n), "");
    term_heatmap(&term, &map);
}

static void make_scores(struct lookup *lookup) {
    size_t n = lookup->given.n,
           d_head = lookup->given.model->config.n_embd / lookup->given.model->config.n_head;
    lesson_section("Scores");
    // [scores]
    for (size_t t = 0; t < n; t++) {
        for (size_t s = 0; s < n; s++)
            lookup->scores[t * n + s] =
                dot(lookup->query + t * d_head, lookup->key + s * d_head, d_head);
    }
    // [end]
    show_matrix(lookup, "scores", lookup->scores, CHART_SIGNED);
}

static void scale_and_mask(struct lookup *lookup) {
    size_t n = lookup->given.n,
           d_head = lookup->given.model->config.n_embd / lookup->given.model->config.n_head;
    lesson_section("Scaled and masked");
    // [mask]
    for (size_t t = 0; t < n; t++) {
        for (size_t s = 0; s < n; s++) {
            lookup->scaled[t * n + s] = lookup->scores[t * n + s] / sqrtf((float)d_head);
            if (s > t) // a token of the future
                lookup->scaled[t * n + s] = -INFINITY;
        }
    }
    // [end]
    show_matrix(lookup, "scaled", lookup->scaled, CHART_SIGNED);
}

/* One row as a load balancer would show it: the shares of the asker's attention. */
static void show_row(const struct lookup *lookup, const char *title, const float *row, size_t n) {
    struct term term = term_for(stdout);
    struct bar_chart bars = {.title = title,
                             .values = row,
                             .labels = lookup->given.labels,
                             .n = n < CHART_MOST_BARS ? n : CHART_MOST_BARS,
                             .percent = true,
                             .low = 0.0f,
                             .high = 1.0f};
    term_bars(&term, &bars);
}

static void make_weights(struct lesson *lesson, struct lookup *lookup) {
    size_t n = lookup->given.n;
    double largest = 0.0;
    lesson_section("Attention weights");
    // [weights]
    memcpy(lookup->weights, lookup->scaled, n * n * sizeof *lookup->weights);
    for (size_t t = 0; t < n; t++)
        softmax(lookup->weights + t * n, n);
    // [end]
    show_matrix(lookup, "weights", lookup->weights, CHART_AMOUNT);
    printf("the row of \"%s\", as shares:\n", lookup->given.labels[lookup->asker]);
    show_row(lookup, NULL, lookup->weights + lookup->asker * n, lookup->asker + 1);
    for (size_t t = 0; t < n; t++) {
        double sum = 0.0;
        for (size_t s = 0; s < n; s++)
            sum += (double)lookup->weights[t * n + s];
        if (!(fabs(sum - 1.0) <= largest)) // so that NaN counts
            largest = fabs(sum - 1.0);
    }
    lesson_check_close(lesson, largest, 1e-5, "every row sums to 1");
}

/* --- What scale and mask are for --------------------------------------------------------------- */

/* The row of the later half whose largest weight is the smallest: the one with most to lose. */
static size_t most_spread_row(const struct lookup *lookup) {
    size_t n = lookup->given.n, best = n - 1;
    float smallest = 2.0f;
    for (size_t t = n / 2; t < n; t++) {
        const float *row = lookup->weights + t * n; // [T]
        float largest = row[argmax(row, n)];
        if (largest < smallest) {
            smallest = largest;
            best = t;
        }
    }
    return best;
}

static bool show_why(const struct lookup *lookup, struct error *err) {
    size_t n = lookup->given.n, t = most_spread_row(lookup);
    size_t d_head = lookup->given.model->config.n_embd / lookup->given.model->config.n_head;
    float *row = tensor_new(n); // [T]
    char title[LABEL_SIZE + 48];
    if (row == NULL)
        return error_no_memory(err, "a row of scores");
    lesson_section("Why scale, why mask");
    snprintf(title, sizeof title, "what token %zu, \"%s\", looks at", t, lookup->given.labels[t]);
    show_row(lookup, title, lookup->weights + t * n, t + 1);
    memcpy(row, lookup->scores + t * n, n * sizeof *row);
    softmax(row, t + 1);
    show_row(lookup, "the same without the scale", row, t + 1);
    // Without the mask the first token, which has nothing before it, would look ahead.
    for (size_t s = 0; s < n; s++)
        row[s] = lookup->scores[s] / sqrtf((float)d_head);
    softmax(row, n);
    printf("without the mask, \"%s\" would take %.0f %% of its context from tokens after it\n",
           lookup->given.labels[0], 100.0 * (1.0 - (double)row[0]));
    tensor_free(row);
    return true;
}

/* --- What it fetches --------------------------------------------------------------------------- */

static void fetch(struct lookup *lookup) {
    size_t n = lookup->given.n,
           d_head = lookup->given.model->config.n_embd / lookup->given.model->config.n_head;
    lesson_section("What it fetches");
    // [context]
    for (size_t t = 0; t < n; t++) {
        float *context = lookup->context + t * d_head; // [d_head]
        memset(context, 0, d_head * sizeof *context);
        for (size_t s = 0; s < n; s++) { // the mask has made the later weights 0
            for (size_t i = 0; i < d_head; i++)
                context[i] += lookup->weights[t * n + s] * lookup->value[s * d_head + i];
        }
    }
    // [end]
    lesson_shape("context", shape_2(n, d_head), "weights x value");
    const float *of_asker = lookup->context + lookup->asker * d_head; // [d_head]
    const float *of_noun = lookup->value + lookup->noun * d_head;     // [d_head]
    double cosine =
        (double)dot(of_asker, of_noun, d_head) /
        sqrt((double)dot(of_asker, of_asker, d_head) * (double)dot(of_noun, of_noun, d_head));
    printf("cosine of what \"%s\" fetched and the value of \"%s\": %.2f\n",
           lookup->given.labels[lookup->asker], lookup->given.labels[lookup->noun], cosine);
}

/* --- All heads --------------------------------------------------------------------------------- */

static void show_heads(const struct lesson *lesson, const struct lookup *lookup,
                       struct error *err) {
    enum { MOST = PLOT_MOST_MAPS };
    const struct gpt2_config *config = &lookup->given.model->config;
    size_t n = lookup->given.n, n_maps = config->n_head < MOST ? config->n_head : MOST;
    struct heatmap maps[MOST] = {{0}};
    char titles[MOST][16];
    lesson_section("All heads");
    for (size_t head = 0; head < n_maps; head++) {
        snprintf(titles[head], sizeof titles[head], "head %zu", head);
        maps[head] = (struct heatmap){.title = titles[head],
                                      .values = head_weights(lookup, lookup->layer, head),
                                      .n_rows = n,
                                      .n_columns = n,
                                      .row_labels = lookup->given.labels,
                                      .column_labels = lookup->given.labels,
                                      .row_title = "asks",
                                      .column_title = "answers",
                                      .value_title = "weight",
                                      .low = 0.0f,
                                      .high = 1.0f};
    }
    lesson_shape("attention_weights", shape_3(config->n_head, n, n), "one matrix for each head");
    lesson_shape("contexts", shape_2(n, config->n_embd), "the heads' contexts side by side");
    lesson_shape("c_proj.weight", shape_2(config->n_embd, config->n_embd), "mixes them");
    lesson_shape("added", shape_2(n, config->n_embd), "what attention adds to x");
    struct term term = term_for(stdout);
    term_heatmaps(&term, maps, n_maps);
    char title[48];
    snprintf(title, sizeof title, "Every head of layer %zu", lookup->layer);
    maps[lookup->head].show_values = n <= 12;
    lesson_save(lesson, plot_heatmap(&maps[lookup->head], err), "head.png", err);
    lesson_save(lesson, plot_heatmaps(title, maps, n_maps, err), "heads.png", err);
}

/* --- The same with common/transformer ---------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, const struct lookup *lookup,
                                 struct error *err) {
    const struct gpt2_config *config = &lookup->given.model->config;
    const struct gpt2_layer *layer = &lookup->given.model->layers[lookup->layer];
    size_t n = lookup->given.n, n_embd = config->n_embd, d_head = n_embd / config->n_head;
    double largest = 0.0;
    float *added = tensor_new_2(n, n_embd); // [T, n_embd]
    if (added == NULL)
        return error_no_memory(err, "the layer's output");
    lesson_section("The same with common/transformer");
    lesson_check_close(lesson,
                       tensor_difference(lookup->weights,
                                         head_weights(lookup, lookup->layer, lookup->head), n * n),
                       1e-4, "this head's weights");
    for (size_t t = 0; t < n; t++) { // this head's slice of all contexts
        const float *slice = lookup->contexts + t * n_embd + lookup->head * d_head;
        double d = tensor_difference(lookup->context + t * d_head, slice, d_head);
        largest = d <= largest ? largest : d;
    }
    lesson_check_close(lesson, largest, 1e-3, "this head's contexts");
    // [c_proj]
    linear(added, lookup->contexts, layer->attn_c_proj_weight, layer->attn_c_proj_bias, n, n_embd,
           n_embd);
    // [end]
    lesson_check_close(lesson, tensor_difference(added, lookup->output, n * n_embd), 1e-3,
                       "what c_proj makes of all contexts");
    tensor_free(added);
    return true;
}

/* --- From top to bottom ------------------------------------------------------------------------ */

static bool allocate(struct lookup *lookup, struct error *err) {
    const struct gpt2_config *config = &lookup->given.model->config;
    size_t n = lookup->given.n, d_head = config->n_embd / config->n_head;
    lookup->transformer = transformer_new(lookup->given.model, n, err);
    if (lookup->transformer == NULL)
        return false;
    lookup->all_weights = tensor_new_2(config->n_layer * config->n_head, n * n);
    float **wide[] = {&lookup->normed, &lookup->contexts, &lookup->output};
    float **narrow[] = {&lookup->query, &lookup->key, &lookup->value, &lookup->context};
    float **squares[] = {&lookup->scores, &lookup->scaled, &lookup->weights};
    bool fine = lookup->all_weights != NULL;
    for (size_t i = 0; i < 3; i++) {
        fine = (*wide[i] = tensor_new_2(n, config->n_embd)) != NULL && fine;
        fine = (*squares[i] = tensor_new_2(n, n)) != NULL && fine;
    }
    for (size_t i = 0; i < 4; i++)
        fine = (*narrow[i] = tensor_new_2(n, d_head)) != NULL && fine;
    return fine || error_no_memory(err, "the matrices");
}

static bool run(struct lesson *lesson, struct lookup *lookup, struct error *err) {
    if (!lesson_model_open(lesson, &lookup->given, err) || !allocate(lookup, err))
        return false;
    show_text(lookup);
    if (!find_head(lookup, err) || !make_qkv(lookup, err))
        return false;
    make_scores(lookup);
    scale_and_mask(lookup);
    make_weights(lesson, lookup);
    if (!show_why(lookup, err))
        return false;
    fetch(lookup);
    show_heads(lesson, lookup, err);
    return compare_with_library(lesson, lookup, err);
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct lookup lookup = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step4", "Step 4: Attention", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &lookup, &err);
    float *owned[] = {lookup.all_weights, lookup.normed, lookup.contexts, lookup.output,
                      lookup.query,       lookup.key,    lookup.value,    lookup.context,
                      lookup.scores,      lookup.scaled, lookup.weights};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    transformer_free(lookup.transformer);
    lesson_model_close(&lookup.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
