/*
 * Step 5: a transformer block, from start to end.
 *
 * A block adds to each token's vector x what attention has fetched, and what an MLP makes of it;
 * before each, layer norm brings x to one scale. This program leaves out residual connections and
 * norms to see what they are for, and computes layer norm and the MLP by hand.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/transformer.h"

static const char default_text[] = "The server crashed because it ran out of memory";

enum {
    DEPTH = 48,        // blocks to stack: as many as the largest GPT-2 has
    MOST_STACKED = 16, // tokens to do it with
    N_VARIANTS = 3,    // of a block, when we stack it
    N_STRONGEST = 8,   // units of the MLP to look at
    N_LENGTHS = 5,     // to compare in each block
};

/* Everything the lesson works on: T tokens, and what the library's forward pass makes of them. */
struct work {
    struct lesson_model given; // the model, and the text as T tokens
    struct transformer *transformer;
    size_t token;          // the last one: we look at its numbers
    float *x;              // [n_layer + 1, T, n_embd]: the embeddings, and x after each block
    float *attention_adds; // [n_layer, T, n_embd]
    float *mlp_adds;       // [n_layer, T, n_embd]
    float *ln_2;           // [T, n_embd], of block 0
    float *activated;      // [T, n_inner], of block 0
    float *ours;           // [n_embd], what we compute by hand for our token
};

static float length_of(const float *v, size_t n) {
    double sum = 0.0; // in a float, the squares would overflow before the length does
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return (float)sqrt(sum);
}

static float cosine(const float *a, const float *b, size_t n) {
    double product = 0.0;
    for (size_t i = 0; i < n; i++)
        product += (double)a[i] * (double)b[i];
    return (float)(product / (double)length_of(a, n) / (double)length_of(b, n));
}

/* --- The text ---------------------------------------------------------------------------------- */

/* Called by the library with everything that it makes on its way; keeps what we look at. */
static void keep(void *context, size_t layer, const char *name, struct shape shape,
                 const float *data) {
    const struct work *work = context;
    size_t count = 0;
    if (!shape_count(&shape, &count))
        return;
    float *kept = strcmp(name, "embeddings") == 0         ? work->x
                  : strcmp(name, "residual") == 0         ? work->x + (layer + 1) * count
                  : strcmp(name, "attention_output") == 0 ? work->attention_adds + layer * count
                  : strcmp(name, "mlp_output") == 0       ? work->mlp_adds + layer * count
                  : layer > 0                             ? NULL // the others are of block 0
                  : strcmp(name, "ln_2") == 0             ? work->ln_2
                  : strcmp(name, "activated") == 0        ? work->activated
                                                          : NULL;
    if (kept != NULL)
        memcpy(kept, data, count * sizeof *data);
}

static bool show_text(struct work *work, struct error *err) {
    const struct gpt2_config *config = &work->given.model->config;
    struct trace trace = {keep, work};
    size_t n = work->given.n;
    work->token = n - 1;
    lesson_section("The text");
    printf("%-20s", "text");
    lesson_model_print(&work->given, work->given.ids, n, 20);
    lesson_shape("token ids", shape_1(n), "");
    lesson_shape("x", shape_2(n, config->n_embd), "the embeddings of step 3");
    printf("the model has %zu blocks\n", config->n_layer);
    printf("our token, whose numbers we print: %zu, \"%s\"\n", n - 1, work->given.labels[n - 1]);
    return transformer_forward(work->transformer, work->given.ids, n, &trace, err);
}

/* --- Stacking blocks --------------------------------------------------------------------------- */

/* What a block has, and what it lacks for the sake of the experiment. */
struct variant {
    const char *name;
    bool has_residual, has_norms;
};
static const struct variant variants[N_VARIANTS] = {
    {"as it is", true, true}, {"no residual", false, true}, {"no norms", true, false}};

/* A block with two switches; otherwise it does what transformer_block does. Attention and the MLP
 * read normed and write added. Updates x [seq_len, n_embd] */
static void block(struct transformer *transformer, size_t layer, size_t seq_len,
                  struct variant variant) {
    const struct gpt2_config *config = &transformer->model->config;
    const struct gpt2_layer *weights = &transformer->model->layers[layer];
    const float *gains[] = {weights->ln_1_weight, weights->ln_2_weight}; // [n_embd] each
    const float *biases[] = {weights->ln_1_bias, weights->ln_2_bias};
    size_t n_embd = config->n_embd;
    float *x = transformer->x, *normed = transformer->normed; // [seq_len, n_embd] each
    for (size_t half = 0; half < 2; half++) {
        memcpy(normed, x, seq_len * n_embd * sizeof *x);
        for (size_t t = 0; t < seq_len && variant.has_norms; t++)
            layer_norm(normed + t * n_embd, x + t * n_embd, gains[half], biases[half], n_embd,
                       config->layer_norm_epsilon);
        if (half == 0)
            transformer_attention(transformer, layer, seq_len, NULL);
        else
            transformer_mlp(transformer, layer, seq_len, NULL);
        for (size_t i = 0; i < seq_len * n_embd; i++)
            x[i] = (variant.has_residual ? x[i] : 0.0f) + transformer->added[i];
    }
}

/* How one variant fares, after 0 to DEPTH blocks. NaN: the numbers no longer fit into floats. */
struct fate {
    float power[DEPTH + 1]; // the tokens' mean length of x, as a power of ten: 2 is 100
    float alike[DEPTH + 1]; // the mean cosine of two tokens' x; NaN for a single token
    size_t last;            // the number of blocks after which they still fit
};

/* Stacks DEPTH blocks, going round the model's own as often as it takes. */
static void stack(struct transformer *transformer, const uint32_t *ids, size_t seq_len,
                  struct variant variant, struct fate *fate) {
    size_t n_embd = transformer->model->config.n_embd;
    transformer_embed(transformer, ids, seq_len);
    for (size_t depth = 0; depth <= DEPTH; depth++) {
        double length = 0.0, alike = 0.0, pairs = 0.0;
        for (size_t t = 0; t < seq_len; t++) {
            const float *x = transformer->x + t * n_embd; // [n_embd]
            length += (double)length_of(x, n_embd) / (double)seq_len;
            for (size_t s = 0; s < t; s++, pairs++)
                alike += (double)cosine(x, transformer->x + s * n_embd, n_embd);
        }
        bool fits = isfinite(length);
        fate->last = fits ? depth : fate->last;
        fate->power[depth] = fits ? (float)log10(length) : NAN;
        fate->alike[depth] = fits && pairs > 0.0 ? (float)(alike / pairs) : NAN;
        if (fits && depth < DEPTH)
            block(transformer, depth % transformer->model->config.n_layer, seq_len, variant);
    }
}

static void print_fates(const struct fate fates[N_VARIANTS]) {
    printf("%18s%-36s%s\nblocks", "", "mean length of x", "mean cosine of two tokens");
    for (size_t v = 0; v < 2 * N_VARIANTS; v++)
        printf("%12s", variants[v % N_VARIANTS].name);
    for (size_t depth = 0; depth <= DEPTH; depth += depth < 3 ? 3 : depth) {
        printf("\n%6zu", depth);
        for (size_t v = 0; v < N_VARIANTS; v++)
            printf("%12.3g", pow(10.0, (double)fates[v].power[depth]));
        for (size_t v = 0; v < N_VARIANTS; v++)
            printf("%12.2f", (double)fates[v].alike[depth]);
    }
    printf("\n");
}

/* Says in words what the table shows. */
static void print_verdict(const char *name, const struct fate *fate) {
    size_t same = 0;
    while (same <= fate->last && !(fate->alike[same] >= 0.99f))
        same++;
    if (fate->last == DEPTH)
        printf("%-12s after %d blocks x is %.3g times as long\n", name, DEPTH,
               pow(10.0, (double)(fate->power[DEPTH] - fate->power[0])));
    if (same <= fate->last)
        printf("%-12s by block %zu the mean cosine is 0.99: all tokens alike\n", name, same);
    if (fate->last < DEPTH)
        printf("%-12s in block %zu numbers no longer fit floats (nan)\n", name, fate->last + 1);
}

static void show_stack(const struct lesson *lesson, struct work *work, struct error *err) {
    struct fate fates[N_VARIANTS];
    struct line_series lengths[N_VARIANTS], alikes[N_VARIANTS];
    size_t n = work->given.n < MOST_STACKED ? work->given.n : MOST_STACKED;
    lesson_section("Stacking blocks");
    for (size_t v = 0; v < N_VARIANTS; v++) {
        stack(work->transformer, work->given.ids, n, variants[v], &fates[v]);
        lengths[v] = (struct line_series){variants[v].name, NULL, fates[v].power, DEPTH + 1};
        alikes[v] = (struct line_series){variants[v].name, NULL, fates[v].alike, DEPTH + 1};
    }
    print_fates(fates);
    for (size_t v = 0; v < N_VARIANTS; v++)
        print_verdict(variants[v].name, &fates[v]);
    struct line_chart length = {
        "How long x becomes", "blocks",        "mean length of x", lengths,
        N_VARIANTS,           .whole_x = true, .powers_y = true,   .high = 8};
    struct line_chart alike = {
        "How alike tokens become", "blocks", "mean cosine of two tokens", alikes, N_VARIANTS,
        .whole_x = true,           .high = 1};
    struct canvas *both[] = {plot_lines(&length, err), plot_lines(&alike, err)};
    lesson_save(lesson, plot_together("A stack of blocks", both, 2, 2, err), "stacking.png", err);
}

/* --- Layer norm -------------------------------------------------------------------------------- */

static void print_row(const char *name, const float *v, size_t n) {
    enum { SHOWN = 6 };
    printf("%-18s", name);
    for (size_t i = 0; i < n && i < SHOWN; i++)
        printf("%8.3f", (double)v[i]);
    printf("%s\n", n > SHOWN ? " ..." : "");
}

/* One vector, step by step; ops.c does the same in two loops. */
static void show_layer_norm(struct lesson *lesson, struct work *work) {
    const struct gpt2_config *config = &work->given.model->config;
    const struct gpt2_layer *weights = &work->given.model->layers[0];
    size_t n = config->n_embd;
    const float *x = work->x + work->token * n; // [n_embd]
    float *v = work->ours;                      // [n_embd], what becomes of x
    double mean = 0.0, variance = 0.0;
    lesson_section("Layer norm");
    lesson_shape("x of our token", shape_1(n), "");
    print_row("x", x, n);
    for (size_t i = 0; i < n; i++)
        mean += (double)x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    double spread = sqrt(variance + (double)config->layer_norm_epsilon);
    printf("mean %.4f   variance %.4f   its root, the spread %.4f\n", mean, variance, spread);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(((double)x[i] - mean) / spread);
    print_row("on one scale", v, n);
    printf("length: x %.2f, on one scale %.2f (the root of %zu is %.2f)\n", (double)length_of(x, n),
           (double)length_of(v, n), n, sqrt((double)n));
    print_row("gain", weights->ln_1_weight, n);
    print_row("bias", weights->ln_1_bias, n);
    for (size_t i = 0; i < n; i++)
        v[i] = v[i] * weights->ln_1_weight[i] + weights->ln_1_bias[i];
    print_row("normed", v, n);
    float *library = work->transformer->normed; // [n_embd], to write into
    layer_norm(library, x, weights->ln_1_weight, weights->ln_1_bias, n, config->layer_norm_epsilon);
    lesson_check_close(lesson, tensor_difference(v, library, n), 1e-3,
                       "layer_norm in ops.c makes the same of it");
}

/* --- ReLU and GELU ----------------------------------------------------------------------------- */

static void show_bends(const struct lesson *lesson, struct error *err) {
    enum { POINTS = 121 }; // from -3 to 3
    float x[POINTS], of_relu[POINTS], of_gelu[POINTS];
    lesson_section("ReLU and GELU");
    printf("      x    ReLU    GELU   GELU lets through\n");
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = of_gelu[i] = (float)i / 20.0f - 3.0f;
        of_relu[i] = fmaxf(x[i], 0.0f);
        gelu(&of_gelu[i], 1);
        if (i % 10 == 0 && i != POINTS / 2)
            printf("%7.1f %7.3f %7.3f   %6.1f %%\n", (double)x[i], (double)of_relu[i],
                   (double)of_gelu[i], 100.0 * (double)(of_gelu[i] / x[i]));
    }
    struct line_series series[] = {{"ReLU", x, of_relu, POINTS}, {"GELU", x, of_gelu, POINTS}};
    struct line_chart chart = {"Two ways to switch a number off", "what goes in", "what comes out",
                               .series = series, .n_series = 2};
    lesson_save(lesson, plot_lines(&chart, err), "gelu.png", err);
}

/* --- Widen, decide, narrow --------------------------------------------------------------------- */

/* The MLP for our token. activated: [n_inner] */
static void compute_mlp(const struct work *work, float *activated) {
    const struct gpt2_config *config = &work->given.model->config;
    const struct gpt2_layer *weights = &work->given.model->layers[0];
    size_t n_embd = config->n_embd, n_inner = config->n_inner;
    const float *normed = work->ln_2 + work->token * n_embd; // [n_embd]
    // [mlp]
    linear(activated, normed, weights->mlp_c_fc_weight, weights->mlp_c_fc_bias, 1, n_embd, n_inner);
    (config->activation == GPT2_GELU_TANH ? gelu : gelu_exact)(activated, n_inner); // in place
    linear(work->ours, activated, weights->mlp_c_proj_weight, weights->mlp_c_proj_bias, 1, n_inner,
           n_embd);
    // [end]
    lesson_shape("normed token", shape_1(n_embd), "after ln_2");
    lesson_shape("c_fc.weight", shape_2(n_embd, n_inner), "widens");
    lesson_shape("activated token", shape_1(n_inner), "a number for each unit, after GELU");
    lesson_shape("mlp.c_proj.weight", shape_2(n_inner, n_embd), "narrows");
    lesson_shape("MLP adds", shape_1(n_embd), "to x of this token");
}

/* The strongest units, for each token: which unit is on for whom? */
static bool show_mlp(struct work *work, struct error *err) {
    size_t n = work->given.n, n_inner = work->given.model->config.n_inner, n_off = 0;
    size_t n_strongest = n_inner < N_STRONGEST ? n_inner : N_STRONGEST, strongest[N_STRONGEST];
    char names[N_STRONGEST][32];
    const char *labels[N_STRONGEST], *our_label = work->given.labels[work->token];
    float *activated = work->transformer->widened; // [n_inner], to work in
    float *values = tensor_new_2(n_strongest, n);  // [n_strongest, T]
    if (values == NULL)
        return error_no_memory(err, "the strongest units");
    lesson_section("Widen, decide, narrow");
    compute_mlp(work, activated);
    for (size_t i = 0; i < n_inner; i++)
        n_off += activated[i] <= 0.0f;
    printf("switched off: %zu of %zu units (%.0f %%) are not above 0 for \"%s\"\n", n_off, n_inner,
           100.0 * (double)n_off / (double)n_inner, our_label);
    for (size_t i = 0; i < n_strongest; i++) {
        strongest[i] = argmax(activated, n_inner);
        activated[strongest[i]] = -INFINITY; // so that the next round finds the next one
        snprintf(names[i], sizeof names[i], "unit %zu", strongest[i]);
        labels[i] = names[i];
        for (size_t t = 0; t < n; t++)
            values[i * n + t] = work->activated[t * n_inner + strongest[i]];
    }
    struct term term = term_for(stdout);
    struct heatmap map = {.values = values,
                          .n_rows = n_strongest,
                          .n_columns = n,
                          .row_labels = labels,
                          .column_labels = work->given.labels,
                          .scale = CHART_SIGNED,
                          .show_values = true};
    printf("the strongest units of \"%s\", and what they are for the others:\n", our_label);
    term_heatmap(&term, &map);
    tensor_free(values);
    return true;
}

/* --- One block --------------------------------------------------------------------------------- */

/* Called by the library: prints what it has made, and how long our token's row of it is. */
static void print_step(void *context, size_t layer, const char *name, struct shape shape,
                       const float *data) {
    const struct work *work = context;
    char remark[48] = "";
    (void)layer;
    if (shape.rank == 2)
        snprintf(remark, sizeof remark, "length %6.2f",
                 (double)length_of(data + work->token * shape.dims[1], shape.dims[1]));
    lesson_shape(name, shape, remark);
}

static bool show_block(const struct lesson *lesson, struct work *work, struct error *err) {
    static const char *const names[] = {"x", "attention", "MLP", "Pythagoras", "new x"};
    size_t n = work->given.n, n_embd = work->given.model->config.n_embd;
    size_t n_layer = work->given.model->config.n_layer;
    float *lengths = tensor_new_2(n_layer, N_LENGTHS); // [n_layer, N_LENGTHS], of our token
    if (lengths == NULL)
        return error_no_memory(err, "the lengths");
    struct trace trace = {print_step, work};
    lesson_section("One block");
    transformer_embed(work->transformer, work->given.ids, n);
    print_step(work, 0, "x", shape_2(n, n_embd), work->x);
    transformer_block(work->transformer, 0, n, &trace);
    for (size_t layer = 0; layer < n_layer; layer++) {
        size_t at = (layer * n + work->token) * n_embd;
        float *row = lengths + layer * N_LENGTHS;
        row[0] = length_of(work->x + at, n_embd);
        row[1] = length_of(work->attention_adds + at, n_embd);
        row[2] = length_of(work->mlp_adds + at, n_embd);
        row[3] = length_of(row, 3); // of the new x, if those three stood at right angles
        row[4] = length_of(work->x + at + n * n_embd, n_embd);
    }
    struct term term = term_for(stdout);
    struct heatmap map = {.row_title = "block",
                          .value_title = "length",
                          .values = lengths,
                          .n_rows = n_layer,
                          .n_columns = N_LENGTHS,
                          .column_labels = names,
                          .show_values = true};
    printf("\nlengths for \"%s\", block by block:\n", work->given.labels[work->token]);
    term_heatmap(&term, &map);
    map.title = "What each block adds to the last token";
    lesson_save(lesson, plot_heatmap(&map, err), "contributions.png", err);
    tensor_free(lengths);
    return true;
}

/* --- The same with common/transformer ---------------------------------------------------------- */

static void compare_with_library(struct lesson *lesson, struct work *work) {
    const struct gpt2_config *config = &work->given.model->config;
    size_t n = work->given.n, n_embd = config->n_embd, count = n * n_embd;
    const float *mlp_adds = work->mlp_adds + work->token * n_embd; // [n_embd]
    float *x = work->transformer->x;                               // [T, n_embd]
    lesson_section("The same with common/transformer");
    lesson_check_close(lesson, tensor_difference(work->ours, mlp_adds, n_embd), 1e-3,
                       "what the MLP adds to our token");
    transformer_embed(work->transformer, work->given.ids, n);
    block(work->transformer, 0, n, variants[0]);
    lesson_check_close(lesson, tensor_difference(x, work->x + count, count), 1e-3,
                       "transformer_block, for every token");
    // [sum]
    memcpy(x, work->x, count * sizeof *x); // the embeddings
    for (size_t i = 0; i < config->n_layer * count; i++)
        x[i % count] += work->attention_adds[i] + work->mlp_adds[i];
    // [end]
    lesson_check_close(lesson, tensor_difference(x, work->x + config->n_layer * count, count), 1e-2,
                       "the last x is a sum of all parts");
}

/* --- From top to bottom ------------------------------------------------------------------------ */

static bool run(struct lesson *lesson, struct work *work, struct error *err) {
    if (!lesson_model_open(lesson, &work->given, err))
        return false;
    const struct gpt2_config *config = &work->given.model->config;
    if (config->n_layer == 0)
        return error_set(err, "the model has no layers, and so no block: use another one (-m DIR)");
    size_t n = work->given.n, count = n * config->n_embd; // fits: the model has larger arrays
    work->transformer = transformer_new(work->given.model, n, err);
    if (work->transformer == NULL)
        return false;
    work->x = tensor_new_2(config->n_layer + 1, count);
    work->attention_adds = tensor_new_2(config->n_layer, count);
    work->mlp_adds = tensor_new_2(config->n_layer, count);
    work->ln_2 = tensor_new(count);
    work->activated = tensor_new_2(n, config->n_inner);
    work->ours = tensor_new(config->n_embd);
    if (!work->x || !work->attention_adds || !work->mlp_adds || !work->ln_2 || !work->activated ||
        !work->ours)
        return error_no_memory(err, "what the blocks make");
    if (!show_text(work, err))
        return false;
    show_stack(lesson, work, err);
    show_layer_norm(lesson, work);
    show_bends(lesson, err);
    if (!show_mlp(work, err) || !show_block(lesson, work, err))
        return false;
    compare_with_library(lesson, work);
    return true;
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct work work = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step5", "Step 5: The Transformer Block", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &work, &err);
    float *owned[] = {work.x,    work.attention_adds, work.mlp_adds,
                      work.ln_2, work.activated,      work.ours};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    transformer_free(work.transformer);
    lesson_model_close(&work.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
