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
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/transformer.h"

static const char default_text[] = "The server crashed because it ran out of memory.";

/* Everything the lesson works on. In comments, T is seq_len. */
struct lookup {
    struct lesson_model given; // the model, and the text as seq_len tokens
    size_t seq_len, n_head, n_embd, d_head;
    size_t asker, noun;               // positions: "it", and the noun that it refers to
    size_t layer, head;               // where we look
    float *all_weights;               // [n_layer, n_head, T, T], from the library
    float *all_normed;                // [n_layer, T, n_embd]: what arrives at attention
    float *all_contexts, *all_added;  // [n_layer, T, n_embd]: all heads' contexts, c_proj of them
    float *query, *key, *value;       // [T, d_head] each, by hand, of one head
    float *scores, *scaled, *weights; // [T, T] each
    float *context;                   // [T, d_head]
};

/* --- The text, and who asks ------------------------------------------------------------------- */

/* Whether a token is this word, with or without a space before it. */
static bool reads(const struct lookup *lookup, size_t position, const char *word) {
    static const char space[] = "\xc2\xb7"; // how labels show it: ·
    const char *label = lookup->given.labels[position];
    if (strncmp(label, space, strlen(space)) == 0)
        label += strlen(space);
    return strcmp(label, word) == 0;
}

/* The asker is the last "it", or else the last token. Its noun is the first thing before it that
 * can break, or else the token before it. */
static void choose_tokens(struct lookup *lookup) {
    static const char *const things[] = {"server",  "database", "cache",   "queue", "worker",
                                         "replica", "cluster",  "service", "disk",  "node"};
    lookup->asker = lookup->seq_len - 1;
    for (size_t t = 0; t < lookup->seq_len; t++) {
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
    choose_tokens(lookup);
    lesson_section("The text");
    lesson_shape("token ids", shape_1(lookup->seq_len), "");
    lesson_shape("x", shape_2(lookup->seq_len, lookup->n_embd), "a vector for each token");
    printf("who asks: token %zu, \"%s\"   whom it should find: token %zu, \"%s\"\n", lookup->asker,
           labels[lookup->asker], lookup->noun, labels[lookup->noun]);
}

/* --- Finding the head ------------------------------------------------------------------------- */

/* Keeps what the library computes, layer by layer. */
static void keep(void *context, size_t layer, const char *name, struct shape shape,
                 const float *data) {
    struct lookup *lookup = context;
    size_t count = 0;
    float *kept = strcmp(name, "attention_weights") == 0  ? lookup->all_weights
                  : strcmp(name, "ln_1") == 0             ? lookup->all_normed
                  : strcmp(name, "context") == 0          ? lookup->all_contexts
                  : strcmp(name, "attention_output") == 0 ? lookup->all_added
                                                          : NULL;
    if (kept != NULL && shape_count(&shape, &count))
        memcpy(kept + layer * count, data, count * sizeof *data);
}

static bool run_model(struct lookup *lookup, struct error *err) {
    struct trace trace = {keep, lookup};
    struct transformer *transformer = transformer_new(lookup->given.model, lookup->seq_len, err);
    bool fine = transformer != NULL &&
                transformer_forward(transformer, lookup->given.ids, lookup->seq_len, &trace, err);
    transformer_free(transformer);
    return fine;
}

/* The weights of one head: [T, T] */
static const float *head_weights(const struct lookup *lookup, size_t layer, size_t head) {
    return lookup->all_weights +
           (layer * lookup->n_head + head) * lookup->seq_len * lookup->seq_len;
}

/* Which of all heads puts most of the asker's weight on the noun? */
static bool find_head(struct lookup *lookup, struct error *err) {
    size_t n_layer = lookup->given.model->config.n_layer, n_head = lookup->n_head;
    if (n_layer == 0)
        return error_set(err, "the model has no layers, and so no heads: use another one (-m DIR)");
    if (!run_model(lookup, err))
        return false;
    float *found = tensor_new_2(n_layer, n_head); // [n_layer, n_head]
    if (found == NULL)
        return error_no_memory(err, "the table of heads");
    for (size_t layer = 0; layer < n_layer; layer++) {
        for (size_t head = 0; head < n_head; head++)
            found[layer * n_head + head] =
                head_weights(lookup, layer, head)[lookup->asker * lookup->seq_len + lookup->noun];
    }
    size_t best = argmax(found, n_layer * n_head);
    lookup->layer = best / n_head;
    lookup->head = best % n_head;
    lesson_section("Finding the head");
    struct heatmap map = {.values = found,
                          .n_rows = n_layer,
                          .n_columns = n_head,
                          .row_title = "layer",
                          .column_title = "head",
                          .high = 1.0f,
                          .show_values = true};
    struct term term = term_for(stdout);
    term_heatmap(&term, &map);
    printf("\"%s\" puts %.0f %% of its weight on \"%s\" in layer %zu, head %zu.\n",
           lookup->given.labels[lookup->asker], 100.0 * (double)found[best],
           lookup->given.labels[lookup->noun], lookup->layer, lookup->head);
    if (found[argmax(found, n_layer * n_head)] < 0.5f)
        printf("No head puts half of it there: it may look for another thing in this text.\n");
    tensor_free(found);
    return true;
}

/* --- Queries, keys and values ----------------------------------------------------------------- */

/* One batched call makes all three, for all heads: columns [Q | K | V], each n_embd wide. */
static bool make_qkv(struct lookup *lookup, struct error *err) {
    const struct gpt2_layer *layer = &lookup->given.model->layers[lookup->layer];
    size_t seq_len = lookup->seq_len, n_embd = lookup->n_embd, d_head = lookup->d_head;
    const float *normed = lookup->all_normed + lookup->layer * seq_len * n_embd; // [T, n_embd]
    float *qkv = tensor_new_2(seq_len, 3 * n_embd);                              // [T, 3 * n_embd]
    char remark[64];
    if (qkv == NULL)
        return error_no_memory(err, "queries, keys and values");
    // [qkv]
    linear(qkv, normed, layer->attn_c_attn_weight, layer->attn_c_attn_bias, seq_len, n_embd,
           3 * n_embd);
    for (size_t t = 0; t < seq_len; t++) {
        const float *row = qkv + t * 3 * n_embd; // [3 * n_embd]: Q, then K, then V
        size_t first = lookup->head * d_head;    // where this head's columns begin in each
        memcpy(lookup->query + t * d_head, row + first, d_head * sizeof *row);
        memcpy(lookup->key + t * d_head, row + n_embd + first, d_head * sizeof *row);
        memcpy(lookup->value + t * d_head, row + 2 * n_embd + first, d_head * sizeof *row);
    }
    // [end]
    lesson_section("Queries, keys and values");
    snprintf(remark, sizeof remark, "what arrives at layer %zu's attention", lookup->layer);
    lesson_shape("normed", shape_2(seq_len, n_embd), remark);
    lesson_shape("c_attn.weight", shape_2(n_embd, 3 * n_embd), "");
    lesson_shape("qkv", shape_2(seq_len, 3 * n_embd), "normed * c_attn.weight + bias");
    lesson_shape("query", shape_2(seq_len, d_head), "this head's columns of Q");
    lesson_shape("key", shape_2(seq_len, d_head), "of K");
    lesson_shape("value", shape_2(seq_len, d_head), "of V");
    tensor_free(qkv);
    return true;
}

/* --- Scores, scaled, masked, weights ---------------------------------------------------------- */

/* values: [T, T] */
static struct heatmap map_of(const struct lookup *lookup, const char *title, const float *values) {
    return (struct heatmap){.title = title,
                            .values = values,
                            .n_rows = lookup->seq_len,
                            .n_columns = lookup->seq_len,
                            .row_labels = lookup->given.labels,
                            .column_labels = lookup->given.labels,
                            .row_title = "asks",
                            .column_title = "answers"};
}

static void show_matrix(const struct lookup *lookup, const char *name, const float *values,
                        enum chart_scale scale) {
    struct term term = term_for(stdout);
    struct heatmap map = map_of(lookup, NULL, values);
    map.scale = scale;
    map.show_values = true;
    lesson_shape(name, shape_2(lookup->seq_len, lookup->seq_len), "");
    term_heatmap(&term, &map);
}

static void make_scores(struct lookup *lookup) {
    size_t seq_len = lookup->seq_len, d_head = lookup->d_head;
    lesson_section("Scores");
    // [scores]
    for (size_t t = 0; t < seq_len; t++) {
        for (size_t s = 0; s < seq_len; s++)
            lookup->scores[t * seq_len + s] =
                dot(lookup->query + t * d_head, lookup->key + s * d_head, d_head);
    }
    // [end]
    show_matrix(lookup, "scores", lookup->scores, CHART_SIGNED);
}

static void scale_and_mask(struct lookup *lookup) {
    size_t seq_len = lookup->seq_len, d_head = lookup->d_head;
    lesson_section("Scaled and masked");
    // [mask]
    for (size_t t = 0; t < seq_len; t++) {
        for (size_t s = 0; s < seq_len; s++) {
            float scaled = lookup->scores[t * seq_len + s] / sqrtf((float)d_head);
            lookup->scaled[t * seq_len + s] = s > t ? -INFINITY : scaled; // s > t: the future
        }
    }
    // [end]
    show_matrix(lookup, "scaled", lookup->scaled, CHART_SIGNED);
}

/* One row as a load balancer would show it: the shares of a token's attention. */
static void show_row(const struct lookup *lookup, const char *title, const float *row, size_t n) {
    struct term term = term_for(stdout);
    struct bar_chart bars = {.title = title,
                             .values = row,
                             .labels = lookup->given.labels,
                             .n = n < CHART_MOST_BARS ? n : CHART_MOST_BARS,
                             .percent = true,
                             .high = 1.0f};
    term_bars(&term, &bars);
}

static void make_weights(struct lesson *lesson, struct lookup *lookup) {
    size_t seq_len = lookup->seq_len, n_alike = 0;
    double largest = 0.0;
    lesson_section("Attention weights");
    // [weights]
    memcpy(lookup->weights, lookup->scaled, seq_len * seq_len * sizeof *lookup->weights);
    for (size_t t = 0; t < seq_len; t++)
        softmax(lookup->weights + t * seq_len, seq_len);
    // [end]
    show_matrix(lookup, "weights", lookup->weights, CHART_AMOUNT);
    printf("the row of \"%s\", as shares:\n", lookup->given.labels[lookup->asker]);
    show_row(lookup, NULL, lookup->weights + lookup->asker * seq_len, lookup->asker + 1);
    for (size_t t = lookup->noun + 1; t < seq_len; t++)
        n_alike += lookup->weights[t * seq_len + lookup->noun] > 0.5f;
    printf("of the %zu tokens after \"%s\", %zu give it more than half of their weight\n",
           seq_len - 1 - lookup->noun, lookup->given.labels[lookup->noun], n_alike);
    for (size_t t = 0; t < seq_len; t++) {
        double sum = 0.0;
        for (size_t s = 0; s < seq_len; s++)
            sum += (double)lookup->weights[t * seq_len + s];
        largest = isnan(sum) ? INFINITY : fmax(largest, fabs(sum - 1.0));
    }
    lesson_check_close(lesson, largest, 1e-5, "every row sums to 1");
}

/* --- What scale and mask are for -------------------------------------------------------------- */

static float largest_weight(const struct lookup *lookup, size_t t) {
    const float *row = lookup->weights + t * lookup->seq_len; // [T]
    return row[argmax(row, lookup->seq_len)];
}

/* The row shown is the one whose largest weight is the smallest: it has most to lose. */
static void show_why(const struct lookup *lookup) {
    size_t seq_len = lookup->seq_len, t = seq_len - 1;
    float *row = lookup->scaled; // [T]: nobody needs its first row any more
    char title[LABEL_SIZE + 48];
    for (size_t other = seq_len / 2; other < seq_len; other++)
        t = largest_weight(lookup, other) < largest_weight(lookup, t) ? other : t;
    lesson_section("Why scale, why mask");
    snprintf(title, sizeof title, "what token %zu, \"%s\", looks at", t, lookup->given.labels[t]);
    show_row(lookup, title, lookup->weights + t * seq_len, t + 1);
    memcpy(row, lookup->scores + t * seq_len, seq_len * sizeof *row);
    softmax(row, t + 1);
    show_row(lookup, "the same without the scale", row, t + 1);
    // Without the mask the first token, which has nothing before it, would look ahead.
    for (size_t s = 0; s < seq_len; s++)
        row[s] = lookup->scores[s] / sqrtf((float)lookup->d_head);
    softmax(row, seq_len);
    printf("without the mask, \"%s\" would take %.0f %% of its context from tokens after it\n",
           lookup->given.labels[0], 100.0 * (1.0 - (double)row[0]));
}

/* --- What it fetches -------------------------------------------------------------------------- */

/* Step 3's measure: 1 for two vectors that point the same way, 0 for perpendicular ones. */
static double cosine(const float *a, const float *b, size_t n) {
    return (double)dot(a, b, n) / sqrt((double)dot(a, a, n) * (double)dot(b, b, n));
}

static void fetch(struct lookup *lookup) {
    size_t seq_len = lookup->seq_len, d_head = lookup->d_head;
    lesson_section("What it fetches");
    // [context]
    for (size_t t = 0; t < seq_len; t++) {
        float *context = lookup->context + t * d_head; // [d_head]
        memset(context, 0, d_head * sizeof *context);
        for (size_t s = 0; s < seq_len; s++) { // the mask has made the later weights 0
            for (size_t i = 0; i < d_head; i++)
                context[i] += lookup->weights[t * seq_len + s] * lookup->value[s * d_head + i];
        }
    }
    // [end]
    lesson_shape("context", shape_2(seq_len, d_head), "weights * value");
    const float *fetched = lookup->context + lookup->asker * d_head; // [d_head]
    const size_t others[] = {lookup->noun, lookup->asker};
    printf("cosine of what \"%s\" fetched\n", lookup->given.labels[lookup->asker]);
    for (size_t i = 0; i < 2; i++)
        printf("    %5.2f  with the value of \"%s\"\n",
               cosine(fetched, lookup->value + others[i] * d_head, d_head),
               lookup->given.labels[others[i]]);
}

/* --- All heads -------------------------------------------------------------------------------- */

static void show_heads(const struct lesson *lesson, const struct lookup *lookup,
                       struct error *err) {
    enum { MOST = PLOT_MOST_MAPS, TITLE_SIZE = 64 };
    size_t seq_len = lookup->seq_len, n_embd = lookup->n_embd;
    size_t n_maps = lookup->n_head < MOST ? lookup->n_head : MOST, n_others = 0;
    struct heatmap maps[MOST], others[MOST];
    char titles[MOST][TITLE_SIZE], title[TITLE_SIZE];
    struct term term = term_for(stdout);
    for (size_t head = 0; head < n_maps; head++) {
        snprintf(titles[head], TITLE_SIZE, "head %zu", head);
        maps[head] = map_of(lookup, titles[head], head_weights(lookup, lookup->layer, head));
        maps[head].value_title = "weight";
        maps[head].high = 1.0f;
        if (head != lookup->head)
            others[n_others++] = maps[head];
    }
    lesson_section("All heads");
    lesson_shape("attention_weights", shape_3(lookup->n_head, seq_len, seq_len), "one per head");
    lesson_shape("contexts", shape_2(seq_len, n_embd), "the heads' contexts side by side");
    lesson_shape("c_proj.weight", shape_2(n_embd, n_embd), "mixes them");
    lesson_shape("added", shape_2(seq_len, n_embd), "what attention adds");
    if (n_others > 0)
        term_heatmaps(&term, others, n_others);
    snprintf(title, TITLE_SIZE, "Every head of layer %zu", lookup->layer);
    struct canvas *all = plot_heatmaps(title, maps, n_maps, err);
    snprintf(title, TITLE_SIZE, "layer %zu, head %zu", lookup->layer, lookup->head);
    struct heatmap ours = map_of(lookup, title, lookup->weights);
    ours.value_title = "weight";
    ours.high = 1.0f;
    ours.show_values = seq_len <= 12;
    lesson_save(lesson, plot_heatmap(&ours, err), "head.png", err);
    lesson_save(lesson, all, "heads.png", err);
}

/* --- The same with common/transformer --------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, const struct lookup *lookup,
                                 struct error *err) {
    const struct gpt2_layer *layer = &lookup->given.model->layers[lookup->layer];
    size_t seq_len = lookup->seq_len, n_embd = lookup->n_embd, d_head = lookup->d_head;
    size_t first = lookup->layer * seq_len * n_embd; // where our layer begins
    const float *contexts = lookup->all_contexts + first;
    double largest = 0.0;
    float *added = tensor_new_2(seq_len, n_embd); // [T, n_embd]
    if (added == NULL)
        return error_no_memory(err, "the layer's output");
    lesson_section("The same with common/transformer");
    const float *weights = head_weights(lookup, lookup->layer, lookup->head); // [T, T]
    lesson_check_close(lesson, tensor_difference(lookup->weights, weights, seq_len * seq_len), 1e-4,
                       "this head's weights");
    for (size_t t = 0; t < seq_len; t++) { // this head's columns of all contexts
        const float *slice = contexts + t * n_embd + lookup->head * d_head; // [d_head]
        largest = fmax(largest, tensor_difference(lookup->context + t * d_head, slice, d_head));
    }
    lesson_check_close(lesson, largest, 1e-3, "this head's contexts");
    // [c_proj]
    linear(added, contexts, layer->attn_c_proj_weight, layer->attn_c_proj_bias, seq_len, n_embd,
           n_embd);
    // [end]
    lesson_check_close(lesson,
                       tensor_difference(added, lookup->all_added + first, seq_len * n_embd), 1e-3,
                       "what c_proj makes of all contexts");
    tensor_free(added);
    return true;
}

/* --- From top to bottom ----------------------------------------------------------------------- */

static bool prepare(const struct lesson *lesson, struct lookup *lookup, struct error *err) {
    if (!lesson_model_open(lesson, &lookup->given, err))
        return false;
    const struct gpt2_config *config = &lookup->given.model->config;
    size_t seq_len = lookup->seq_len = lookup->given.n;
    lookup->n_head = config->n_head;
    lookup->n_embd = config->n_embd;
    lookup->d_head = config->n_embd / config->n_head;
    float **deep[] = {&lookup->all_normed, &lookup->all_contexts, &lookup->all_added};
    float **squares[] = {&lookup->scores, &lookup->scaled, &lookup->weights};
    float **narrow[] = {&lookup->query, &lookup->key, &lookup->value, &lookup->context};
    lookup->all_weights = tensor_new_2(config->n_layer * config->n_head, seq_len * seq_len);
    bool fine = lookup->all_weights != NULL;
    for (size_t i = 0; i < 3; i++) {
        fine = (*deep[i] = tensor_new_2(config->n_layer * seq_len, config->n_embd)) && fine;
        fine = (*squares[i] = tensor_new_2(seq_len, seq_len)) && fine;
    }
    for (size_t i = 0; i < 4; i++)
        fine = (*narrow[i] = tensor_new_2(seq_len, lookup->d_head)) && fine;
    return fine || error_no_memory(err, "the matrices");
}

static bool run(struct lesson *lesson, struct lookup *lookup, struct error *err) {
    if (!prepare(lesson, lookup, err))
        return false;
    show_text(lookup);
    if (!find_head(lookup, err) || !make_qkv(lookup, err))
        return false;
    make_scores(lookup);
    scale_and_mask(lookup);
    make_weights(lesson, lookup);
    show_why(lookup);
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
    float *owned[] = {lookup.all_weights, lookup.all_normed, lookup.all_contexts, lookup.all_added,
                      lookup.query,       lookup.key,        lookup.value,        lookup.context,
                      lookup.scores,      lookup.scaled,     lookup.weights};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    lesson_model_close(&lookup.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
