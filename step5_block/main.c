/*
 * Step 5: a transformer block, from start to end.
 *
 * A block keeps each token's vector x and adds to it twice: what attention has fetched (step 4),
 * and what an MLP makes of each token by itself. Before each of the two, layer norm brings x to one
 * scale. This program leaves out the residual connections and the norms to see what they are for,
 * computes layer norm and the MLP by hand for one token, and compares with common/transformer.
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
#include "../common/transformer.h"

static const char default_text[] = "The server crashed because it ran out of memory";

enum {
    DEPTH = 48,        // blocks to stack: as many as the largest GPT-2 has
    MOST_STACKED = 16, // tokens to do it with
    N_VARIANTS = 3,
    N_STRONGEST = 8, // units of the MLP to look at
    N_PARTS = 4,     // x, what attention adds, what the MLP adds, the new x
    SHOWN = 6,       // numbers of a vector to print
};

/* Everything the lesson works on. T is the number of tokens. All but the last come from one forward
 * pass of the library. */
struct work {
    struct lesson_model given; // the model, and the text as T tokens
    struct transformer *transformer;
    size_t token;          // the last one: we look at its numbers
    float *x;              // [n_layer + 1, T, n_embd]: the embeddings, and x after each block
    float *attention_adds; // [n_layer, T, n_embd]
    float *mlp_adds;       // [n_layer, T, n_embd]
    float *ln_1, *ln_2;    // [T, n_embd] each, of block 0
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
    struct work *work = context;
    size_t block = layer == TRACE_OUTSIDE ? 0 : layer, count = 0;
    if (!shape_count(&shape, &count))
        return;
    bool first = block == 0;
    struct {
        const char *name;
        float *to; // [at + count]; NULL: not kept
        size_t at;
    } kept[] = {{"embeddings", work->x, 0},
                {"residual", work->x, (block + 1) * count},
                {"attention_output", work->attention_adds, block * count},
                {"mlp_output", work->mlp_adds, block * count},
                {"ln_1", first ? work->ln_1 : NULL, 0},
                {"ln_2", first ? work->ln_2 : NULL, 0},
                {"activated", first ? work->activated : NULL, 0}};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (kept[i].to != NULL && strcmp(name, kept[i].name) == 0)
            memcpy(kept[i].to + kept[i].at, data, count * sizeof *data);
    }
}

static bool show_text(struct work *work, struct error *err) {
    const struct gpt2_config *config = &work->given.model->config;
    struct trace trace = {keep, work};
    size_t n = work->given.n;
    if (!transformer_forward(work->transformer, work->given.ids, n, &trace, err))
        return false;
    work->token = n - 1;
    lesson_section("The text");
    lesson_shape("token ids", shape_1(n), "");
    lesson_shape("x", shape_2(n, config->n_embd), "the embeddings of step 3");
    printf("the model has %zu blocks\n", config->n_layer);
    printf("our token, whose numbers we print: %zu, \"%s\"\n", work->token,
           work->given.labels[work->token]);
    return true;
}

/* --- Stacking blocks --------------------------------------------------------------------------- */

/* What a block has, and what it lacks for the sake of the experiment. */
struct variant {
    const char *name;
    bool has_residual, has_norms;
};
static const struct variant variants[N_VARIANTS] = {
    {"as it is", true, true}, {"no residual", false, true}, {"no norms", true, false}};

/* One half of a block: layer norm, then part (attention or the MLP, which read normed and write
 * added), then the residual connection. Updates x [seq_len, n_embd] */
static void half_block(struct transformer *transformer, size_t layer, size_t seq_len,
                       const float *weight, const float *bias,
                       void (*part)(struct transformer *, size_t, size_t, const struct trace *),
                       struct variant variant) {
    const struct gpt2_config *config = &transformer->model->config;
    size_t n_embd = config->n_embd;
    float *x = transformer->x, *normed = transformer->normed; // [seq_len, n_embd] each
    memcpy(normed, x, seq_len * n_embd * sizeof *x);
    for (size_t t = 0; t < seq_len && variant.has_norms; t++)
        layer_norm(normed + t * n_embd, x + t * n_embd, weight, bias, n_embd,
                   config->layer_norm_epsilon);
    part(transformer, layer, seq_len, NULL);
    for (size_t i = 0; i < seq_len * n_embd; i++)
        x[i] = (variant.has_residual ? x[i] : 0.0f) + transformer->added[i];
}

/* A block is two of them. */
static void block(struct transformer *transformer, size_t layer, size_t seq_len,
                  struct variant variant) {
    const struct gpt2_layer *weights = &transformer->model->layers[layer];
    half_block(transformer, layer, seq_len, weights->ln_1_weight, weights->ln_1_bias,
               transformer_attention, variant);
    half_block(transformer, layer, seq_len, weights->ln_2_weight, weights->ln_2_bias,
               transformer_mlp, variant);
}

/* How one variant fares, for every number of blocks. NaN: x no longer fits into floats. */
struct fate {
    float power[DEPTH + 1]; // the tokens' mean length of x, as a power of ten: 2 is 100
    float alike[DEPTH + 1]; // the mean cosine of two tokens' x; NaN for a single token
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
        fate->power[depth] = fits ? (float)log10(length) : NAN;
        fate->alike[depth] = fits && pairs > 0.0 ? (float)(alike / pairs) : NAN;
        if (fits && depth < DEPTH)
            block(transformer, depth % transformer->model->config.n_layer, seq_len, variant);
    }
}

static void print_fates(const struct fate fates[N_VARIANTS]) {
    static const size_t depths[] = {0, 1, 2, 4, 8, 12, 24, DEPTH};
    printf("%18s%-36s%s\nblocks", "", "mean length of x", "mean cosine of two tokens");
    for (size_t v = 0; v < 2 * N_VARIANTS; v++)
        printf("%12s", variants[v % N_VARIANTS].name);
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        printf("\n%6zu", depths[i]);
        for (size_t v = 0; v < N_VARIANTS; v++)
            printf("%12.3g", pow(10.0, (double)fates[v].power[depths[i]]));
        for (size_t v = 0; v < N_VARIANTS; v++)
            printf("%12.2f", (double)fates[v].alike[depths[i]]);
    }
    printf("\n");
}

/* Says in words what the table shows. */
static void print_verdicts(const struct fate fates[N_VARIANTS]) {
    const float *whole = fates[0].power, *no_norms = fates[2].power;
    size_t same = 0, burst = 0;
    while (same <= DEPTH && !(fates[1].alike[same] >= 0.99f))
        same++;
    while (burst <= DEPTH && isfinite(no_norms[burst]))
        burst++;
    printf("as it is:    after %d blocks x is %.0f times as long\n", DEPTH,
           pow(10.0, (double)(whole[DEPTH] - whole[0])));
    if (isnan(fates[0].alike[0]))
        printf("a single token is like no other (nan)\n");
    if (same <= DEPTH)
        printf("no residual: after %zu blocks all tokens have nearly the same x\n", same);
    if (burst <= DEPTH)
        printf("no norms:    after %zu blocks x no longer fits into floats (nan)\n", burst);
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
    print_verdicts(fates);
    struct line_chart length = {
        "How long x becomes", "blocks", "length, as a power of ten", lengths, N_VARIANTS, false};
    struct line_chart alike = {
        "How alike tokens become", "blocks", "mean cosine of two tokens", alikes, N_VARIANTS, true};
    struct canvas *pictures[] = {plot_lines(&length, err), plot_lines(&alike, err)};
    lesson_save(lesson, plot_together("A stack of blocks", pictures, 2, 2, err), "stacking.png",
                err);
}

/* --- Layer norm -------------------------------------------------------------------------------- */

static void print_row(const char *name, const float *v, size_t n) {
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
    float length = length_of(v, n);
    print_row("gain", weights->ln_1_weight, n);
    print_row("bias", weights->ln_1_bias, n);
    for (size_t i = 0; i < n; i++)
        v[i] = v[i] * weights->ln_1_weight[i] + weights->ln_1_bias[i];
    print_row("normed", v, n);
    printf("length: x %.2f, on one scale %.2f (the root of %zu is %.2f), normed %.2f\n",
           (double)length_of(x, n), (double)length, n, sqrt((double)n), (double)length_of(v, n));
    lesson_check_close(lesson, tensor_difference(v, work->ln_1 + work->token * n, n), 1e-3,
                       "layer_norm in ops.c makes the same of it");
}

/* --- ReLU and GELU ----------------------------------------------------------------------------- */

/* Both in characters, x from -3 to 3 in steps of 0.1, y in steps of 0.25. ReLU is fmaxf(x, 0). */
static void print_bends(void) {
    for (int row = 12; row >= -1; row--) {
        char line[61];
        int end = 0; // after the last mark
        printf(row % 4 == 0 ? "%3d |" : "    |", row / 4);
        for (int column = 0; column < 61; column++) {
            float x = (float)(column - 30) / 10.0f, g = x;
            gelu(&g, 1);
            bool r_here = lroundf(fmaxf(x, 0.0f) * 4.0f) == row, g_here = lroundf(g * 4.0f) == row;
            line[column] = r_here && g_here ? '=' : g_here ? 'g' : r_here ? 'r' : ' ';
            end = r_here || g_here ? column + 1 : end;
        }
        printf("%.*s\n", end, line);
    }
    printf("    +---------+---------+---------+---------+---------+---------+-\n");
    printf("x    -3        -2        -1         0         1         2         3\n");
    printf("r: ReLU   g: GELU   =: both\n\n");
}

static void show_bends(const struct lesson *lesson, struct error *err) {
    enum { POINTS = 121 };
    static const float points[] = {-3.0f, -2.0f, -1.0f, -0.5f, 0.5f, 1.0f, 2.0f, 3.0f};
    float x[POINTS], of_relu[POINTS], of_gelu[POINTS];
    lesson_section("ReLU and GELU");
    print_bends();
    printf("      x    ReLU    GELU   GELU lets through\n");
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        float g = points[i];
        gelu(&g, 1);
        printf("%7.1f %7.3f %7.3f   %6.1f %%\n", (double)points[i], (double)fmaxf(points[i], 0.0f),
               (double)g, 100.0 * (double)(g / points[i]));
    }
    for (size_t i = 0; i < POINTS; i++) {
        x[i] = (float)i / 20.0f - 3.0f;
        of_relu[i] = fmaxf(x[i], 0.0f);
        of_gelu[i] = x[i];
    }
    gelu(of_gelu, POINTS);
    struct line_series series[] = {{"ReLU", x, of_relu, POINTS}, {"GELU", x, of_gelu, POINTS}};
    struct line_chart chart = {.title = "Two ways to switch a number off",
                               .x_title = "what goes in",
                               .y_title = "what comes out",
                               .series = series,
                               .n_series = 2};
    lesson_save(lesson, plot_lines(&chart, err), "gelu.png", err);
}

/* --- Widen, decide, narrow --------------------------------------------------------------------- */

/* The activations of the strongest units for each token: which unit is on for whom?
 * values: [n_strongest, T] */
static void show_units(const struct work *work, const size_t *strongest, size_t n_strongest,
                       float *values) {
    size_t n = work->given.n, n_inner = work->given.model->config.n_inner;
    char names[N_STRONGEST][32];
    const char *labels[N_STRONGEST];
    for (size_t i = 0; i < n_strongest; i++) {
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
    printf("the strongest units of \"%s\", and what they are for the others:\n",
           work->given.labels[work->token]);
    term_heatmap(&term, &map);
}

/* The MLP for one token. widened, activated: [n_inner] */
static void compute_mlp(const struct work *work, float *widened, float *activated) {
    const struct gpt2_config *config = &work->given.model->config;
    const struct gpt2_layer *weights = &work->given.model->layers[0];
    size_t n_embd = config->n_embd, n_inner = config->n_inner;
    const float *normed = work->ln_2 + work->token * n_embd; // [n_embd]
    // [mlp]
    linear(widened, normed, weights->mlp_c_fc_weight, weights->mlp_c_fc_bias, 1, n_embd, n_inner);
    memcpy(activated, widened, n_inner * sizeof *activated);
    if (config->activation == GPT2_GELU_TANH)
        gelu(activated, n_inner);
    else
        gelu_exact(activated, n_inner);
    linear(work->ours, activated, weights->mlp_c_proj_weight, weights->mlp_c_proj_bias, 1, n_inner,
           n_embd);
    // [end]
    lesson_shape("normed token", shape_1(n_embd), "after ln_2");
    lesson_shape("c_fc.weight", shape_2(n_embd, n_inner), "widens");
    lesson_shape("widened token", shape_1(n_inner), "a number for each unit");
    lesson_shape("activated token", shape_1(n_inner), "after GELU: decided");
    lesson_shape("mlp.c_proj.weight", shape_2(n_inner, n_embd), "narrows");
    lesson_shape("MLP adds", shape_1(n_embd), "to x of this token");
}

static bool show_mlp(struct work *work, struct error *err) {
    size_t n_inner = work->given.model->config.n_inner, n_off = 0, strongest[N_STRONGEST];
    size_t n_strongest = n_inner < N_STRONGEST ? n_inner : N_STRONGEST;
    float *widened = tensor_new(n_inner), *activated = tensor_new(n_inner); // [n_inner] each
    float *values = tensor_new_2(n_strongest, work->given.n);               // [n_strongest, T]
    bool fine = widened != NULL && activated != NULL && values != NULL;
    lesson_section("Widen, decide, narrow");
    if (fine) {
        compute_mlp(work, widened, activated);
        for (size_t i = 0; i < n_inner; i++)
            n_off += widened[i] < 0.0f;
        printf("switched off: %zu of %zu units (%.0f %%) are below 0 for \"%s\"\n", n_off, n_inner,
               100.0 * (double)n_off / (double)n_inner, work->given.labels[work->token]);
        for (size_t i = 0; i < n_strongest; i++) {
            strongest[i] = argmax(activated, n_inner);
            activated[strongest[i]] = -INFINITY; // so that the next round finds the next one
        }
        show_units(work, strongest, n_strongest, values);
    }
    tensor_free(widened);
    tensor_free(activated);
    tensor_free(values);
    return fine || error_no_memory(err, "the MLP");
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

/* x before a block, what attention adds, what the MLP adds, x after it: lengths [N_PARTS] */
static void measure(const struct work *work, size_t layer, size_t t, float *lengths) {
    size_t n = work->given.n, n_embd = work->given.model->config.n_embd;
    size_t at = (layer * n + t) * n_embd;
    lengths[0] = length_of(work->x + at, n_embd);
    lengths[1] = length_of(work->attention_adds + at, n_embd);
    lengths[2] = length_of(work->mlp_adds + at, n_embd);
    lengths[3] = length_of(work->x + at + n * n_embd, n_embd);
}

/* A table of lengths, rows by row. lengths: [n_rows, N_PARTS] */
static struct heatmap table_of(const float *lengths, size_t n_rows, const char *const *row_labels) {
    static const char *const parts[N_PARTS] = {"x", "attention", "MLP", "new x"};
    return (struct heatmap){.value_title = "length",
                            .values = lengths,
                            .n_rows = n_rows,
                            .n_columns = N_PARTS,
                            .row_labels = row_labels,
                            .column_labels = parts,
                            .show_values = true};
}

static bool show_block(const struct lesson *lesson, struct work *work, struct error *err) {
    size_t n = work->given.n, n_layer = work->given.model->config.n_layer;
    float *of_tokens = tensor_new_2(n, N_PARTS);       // [T, N_PARTS], of block 0
    float *of_blocks = tensor_new_2(n_layer, N_PARTS); // [n_layer, N_PARTS], of our token
    bool fine = of_tokens != NULL && of_blocks != NULL;
    struct trace trace = {print_step, work};
    struct term term = term_for(stdout);
    lesson_section("One block");
    if (fine) {
        transformer_embed(work->transformer, work->given.ids, n);
        print_step(work, 0, "x", shape_2(n, work->given.model->config.n_embd), work->x);
        transformer_block(work->transformer, 0, n, &trace);
        for (size_t t = 0; t < n; t++)
            measure(work, 0, t, of_tokens + t * N_PARTS);
        for (size_t layer = 0; layer < n_layer; layer++)
            measure(work, layer, work->token, of_blocks + layer * N_PARTS);
        struct heatmap tokens = table_of(of_tokens, n, work->given.labels);
        struct heatmap blocks = table_of(of_blocks, n_layer, NULL);
        blocks.row_title = "block";
        printf("\nlengths in block 0, token by token:\n");
        term_heatmap(&term, &tokens);
        printf("\nlengths for \"%s\", block by block:\n", work->given.labels[work->token]);
        term_heatmap(&term, &blocks);
        tokens.title = "Block 0, token by token";
        blocks.title = "The last token, block by block";
        struct canvas *pictures[] = {plot_heatmap(&tokens, err), plot_heatmap(&blocks, err)};
        lesson_save(lesson, plot_together("What a block adds", pictures, 2, 2, err),
                    "contributions.png", err);
    }
    tensor_free(of_tokens);
    tensor_free(of_blocks);
    return fine || error_no_memory(err, "the lengths");
}

/* --- The same with common/transformer ---------------------------------------------------------- */

static void compare_with_library(struct lesson *lesson, struct work *work) {
    const struct gpt2_config *config = &work->given.model->config;
    size_t n = work->given.n, count = n * config->n_embd;
    float *x = work->transformer->x; // [T, n_embd]
    lesson_section("The same with common/transformer");
    lesson_check_close(lesson,
                       tensor_difference(work->ours, work->mlp_adds + work->token * config->n_embd,
                                         config->n_embd),
                       1e-3, "what the MLP adds to our token");
    transformer_embed(work->transformer, work->given.ids, n);
    block(work->transformer, 0, n, variants[0]);
    lesson_check_close(lesson, tensor_difference(x, work->x + count, count), 1e-3,
                       "transformer_block, for every token");
    // [sum]
    memcpy(x, work->x, count * sizeof *x); // the embeddings
    for (size_t i = 0; i < config->n_layer * count; i++) {
        x[i % count] += work->attention_adds[i];
        x[i % count] += work->mlp_adds[i];
    }
    // [end]
    lesson_check_close(lesson, tensor_difference(x, work->x + config->n_layer * count, count), 1e-2,
                       "the last x is a sum of all parts");
}

/* --- From top to bottom ------------------------------------------------------------------------ */

static bool allocate(struct work *work, struct error *err) {
    const struct gpt2_config *config = &work->given.model->config;
    size_t n = work->given.n, count = n * config->n_embd; // fits: the transformer has such arrays
    work->transformer = transformer_new(work->given.model, n, err);
    if (work->transformer == NULL)
        return false;
    work->x = tensor_new_2(config->n_layer + 1, count);
    work->attention_adds = tensor_new_2(config->n_layer, count);
    work->mlp_adds = tensor_new_2(config->n_layer, count);
    work->ln_1 = tensor_new(count);
    work->ln_2 = tensor_new(count);
    work->activated = tensor_new_2(n, config->n_inner);
    work->ours = tensor_new(config->n_embd);
    return (work->x && work->attention_adds && work->mlp_adds && work->ln_1 && work->ln_2 &&
            work->activated && work->ours) ||
           error_no_memory(err, "what the blocks make");
}

static bool run(struct lesson *lesson, struct work *work, struct error *err) {
    if (!lesson_model_open(lesson, &work->given, err))
        return false;
    if (work->given.model->config.n_layer == 0)
        return error_set(
            err, "the model has no layers, and so no block to look at: use another one (-m DIR)");
    if (!allocate(work, err) || !show_text(work, err))
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
    float *owned[] = {work.x,    work.attention_adds, work.mlp_adds, work.ln_1,
                      work.ln_2, work.activated,      work.ours};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    transformer_free(work.transformer);
    lesson_model_close(&work.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
