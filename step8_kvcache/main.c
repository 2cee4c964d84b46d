/*
 * Step 8: not computing again what can't change.
 *
 * Step 7 ran the whole model on the whole text for every new token. This program counts that work,
 * proves that nearly all of it repeats itself, and keeps what repeats in a cache: one token through
 * all layers by hand, on ops.h. It compares with common/transformer (no cache) and common/gpt2 (the
 * engine, with a cache), times both ways, and shows what is left to wait for: memory.
 */
#define _POSIX_C_SOURCE 200809L // sysconf
#define _DARWIN_C_SOURCE        // and its _SC_PHYS_PAGES on macOS

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/bandwidth.h"
#include "../common/clock.h"
#include "../common/gpt2.h"
#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/tensor.h"
#include "../common/threads.h"
#include "../common/transformer.h"

static const char default_text[] = "The server crashed because";

enum {
    N_ROUNDS = 6,     // tokens that we append
    MOST_PROMPT = 32, // of a longer text we take the beginning; the prompt that is timed
    LONGEST = 512,    // tokens of the longest text that we time
    N_POINTS = 8,     // lengths at which both ways are timed; `longest` is no less
};

/* What is kept of all tokens so far, in every layer. n_past tokens are in it. */
struct cache {
    float *keys;   // [n_layer, n_ctx, n_embd]
    float *values; // [n_layer, n_ctx, n_embd]
    size_t n_past;
};

struct lab {
    struct lesson_model given;
    const struct gpt2_config *config;
    size_t n_prompt;           // P tokens of the reader's text
    size_t n;                  // T = P + N_ROUNDS, with those that the model appends
    uint32_t *ids;             // [n_ctx]: these T, then the same again, for the timing
    size_t longest;            // the longest text we time
    struct transformer *whole; // the model without a cache
    struct transformer *one;   // room for one token: the working memory of take_token
    struct cache cache;
    float *scores;            // [n_ctx], one query's against all keys so far
    float *logits, *expected; // [vocab_size]: the second are those to compare with
    float *before;            // [n_layer, P, 3 * n_embd]: Q, K, V of the prompt's tokens
    float *after;             // [n_layer, T, 3 * n_embd]: and of all
};

static size_t at_most(size_t n, size_t limit) {
    return n < limit ? n : limit;
}

/* --- Counting the work ------------------------------------------------------------------------- */

/* Keeps the queries, keys and values of all tokens and layers. context: [n_layer, seq_len, 3 * n_embd] */
static void keep_qkv(void *context, size_t layer, const char *name, struct shape shape,
                     const float *data) {
    size_t n = shape.dims[0] * shape.dims[1]; // qkv is [seq_len, 3 * n_embd]
    if (strcmp(name, "qkv") == 0)
        memcpy((float *)context + layer * n, data, n * sizeof *data);
}

/* The loop of step 7, greedy: the whole text through the whole model for each new token. */
static bool count_the_work(struct lab *lab, struct error *err) {
    struct trace trace = {keep_qkv, lab->before};
    size_t computed = 0, different = lab->n - 1;
    lesson_section("Counting the work");
    if (lab->n_prompt < lab->given.n)
        printf("the first %zu of your %zu tokens\n", lab->n_prompt, lab->given.n);
    printf("round  tokens fed in  of them new  next token\n");
    for (size_t round = 0; round < N_ROUNDS; round++) {
        size_t n = lab->n_prompt + round;
        char label[LABEL_SIZE];
        if (!transformer_forward(lab->whole, lab->ids, n, round == 0 ? &trace : NULL, err))
            return false;
        transformer_logits(lab->whole, n - 1, lab->logits);
        lab->ids[n] = (uint32_t)argmax(lab->logits, lab->config->vocab_size);
        printf("%5zu  %13zu  %11zu  \"%s\"\n", round, n, round == 0 ? n : 1,
               lesson_model_label(&lab->given, lab->ids[n], label));
        computed += n;
    }
    printf("in all %13zu  %11zu  so %zu of %zu had been computed before\n", computed, different,
           computed - different, computed);
    return true;
}

/* --- What never changes ------------------------------------------------------------------------ */

/* The prompt's keys and values again, now that tokens have been appended: are they the same? */
static bool prove_nothing_changes(struct lesson *lesson, struct lab *lab, struct error *err) {
    struct trace trace = {keep_qkv, lab->after};
    size_t n_embd = lab->config->n_embd, n_layer = lab->config->n_layer;
    const float *before = lab->before, *after = lab->after;
    bool same_keys = true, same_values = true;
    if (!transformer_forward(lab->whole, lab->ids, lab->n, &trace, err))
        return false;
    lesson_section("What never changes");
    lesson_shape("qkv before", shape_3(n_layer, lab->n_prompt, 3 * n_embd), "of all layers");
    lesson_shape("qkv after", shape_3(n_layer, lab->n, 3 * n_embd), "with the new tokens");
    // [never]
    for (size_t layer = 0; layer < n_layer; layer++) {
        for (size_t t = 0; t < lab->n_prompt; t++) {
            before = lab->before + (layer * lab->n_prompt + t) * 3 * n_embd; // its Q, K, V
            after = lab->after + (layer * lab->n + t) * 3 * n_embd;
            size_t bytes = n_embd * sizeof *before;
            same_keys &= memcmp(before + n_embd, after + n_embd, bytes) == 0;
            same_values &= memcmp(before + 2 * n_embd, after + 2 * n_embd, bytes) == 0;
        }
    }
    // [end]
    printf("the first number of the last layer's key of \"%s\"\n"
           "in a text of %zu tokens: %.4f    in a text of %zu tokens: %.4f\n",
           lab->given.labels[lab->n_prompt - 1], lab->n_prompt, (double)before[n_embd], lab->n,
           (double)after[n_embd]);
    lesson_check(lesson, same_keys, "old keys, after tokens were appended: all bits are equal");
    lesson_check(lesson, same_values, "old values: all bits are equal");
    return true;
}

/* --- The cache --------------------------------------------------------------------------------- */

/* What a model's cache takes; n_kv_head is how many heads have keys and values of their own. */
struct cache_size {
    const char *model;
    size_t n_layer, n_kv_head, d_head, bytes_per_number, n_ctx;
};

// [bytes]
/* For one token: a key and a value in each layer and head. */
static double bytes_per_token(const struct cache_size *size) {
    return 2.0 * (double)size->n_layer * (double)size->n_kv_head * (double)size->d_head *
           (double)size->bytes_per_number;
}
// [end]

static void show_the_cache(const struct lab *lab) {
    const struct gpt2_config *c = lab->config;
    const struct cache_size sizes[] = {
        {"this model", c->n_layer, c->n_head, c->n_embd / c->n_head, 4, c->n_ctx},
        {"GPT-2 124M", 12, 12, 64, 4, 1024},
        {"70B, all 64 heads", 80, 64, 128, 2, 131072},
        {"70B, grouped queries", 80, 8, 128, 2, 131072},
    };
    lesson_section("The cache");
    lesson_shape("keys", shape_3(c->n_layer, c->n_ctx, c->n_embd), "layer, position, all heads");
    lesson_shape("values", shape_3(c->n_layer, c->n_ctx, c->n_embd), "");
    printf("\n%-20s %6s %6s %6s %6s %10s %7s %8s\n", "", "layers", "heads", "d_head", "bytes",
           "per token", "window", "full");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct cache_size *size = &sizes[i];
        char token[CHART_NUMBER_SIZE], window[CHART_NUMBER_SIZE];
        double full = bytes_per_token(size) * (double)size->n_ctx;
        double bytes = bytes_per_token(size);
        printf("%-20s %6zu %6zu %6zu %6zu %10s %7zu %8s\n", size->model, size->n_layer,
               size->n_kv_head, size->d_head, size->bytes_per_number,
               chart_number(bytes, bytes, token), size->n_ctx, chart_number(full, full, window));
    }
}

/* --- One token by hand ------------------------------------------------------------------------- */

/* The newest token's query against the keys of all tokens so far, its own among them, head by head.
 * query: [n_embd], all heads side by side; context: [n_embd], written. */
static void attend_to_cache(const struct lab *lab, size_t layer, const float *query,
                            float *context) {
    size_t n_embd = lab->config->n_embd, d_head = n_embd / lab->config->n_head;
    size_t n_keys = lab->cache.n_past + 1;
    const float *keys = lab->cache.keys + layer * lab->config->n_ctx * n_embd; // [n_keys, n_embd]
    const float *values = lab->cache.values + layer * lab->config->n_ctx * n_embd;
    float scale = 1.0f / sqrtf((float)d_head);
    memset(context, 0, n_embd * sizeof *context);
    for (size_t first = 0; first < n_embd; first += d_head) { // the head's own numbers
        for (size_t s = 0; s < n_keys; s++)
            lab->scores[s] = dot(query + first, keys + s * n_embd + first, d_head) * scale;
        softmax(lab->scores, n_keys);
        for (size_t s = 0; s < n_keys; s++) {
            for (size_t i = first; i < first + d_head; i++)
                context[i] += lab->scores[s] * values[s * n_embd + i];
        }
    }
}

/* One layer for one token: reads and updates x [1, n_embd]; remembers its key and value. */
static void run_layer(struct lab *lab, size_t layer) {
    struct transformer *one = lab->one;
    const struct gpt2_layer *weights = &lab->given.model->layers[layer];
    size_t n_embd = lab->config->n_embd;
    float epsilon = lab->config->layer_norm_epsilon;
    size_t slot = (layer * lab->config->n_ctx + lab->cache.n_past) * n_embd;

    layer_norm(one->normed, one->x, weights->ln_1_weight, weights->ln_1_bias, n_embd, epsilon);
    linear(one->qkv, one->normed, weights->attn_c_attn_weight, weights->attn_c_attn_bias, 1, n_embd,
           3 * n_embd);
    memcpy(lab->cache.keys + slot, one->qkv + n_embd, n_embd * sizeof *one->qkv);
    memcpy(lab->cache.values + slot, one->qkv + 2 * n_embd, n_embd * sizeof *one->qkv);
    attend_to_cache(lab, layer, one->qkv, one->context);
    linear(one->added, one->context, weights->attn_c_proj_weight, weights->attn_c_proj_bias, 1,
           n_embd, n_embd);
    for (size_t i = 0; i < n_embd; i++)
        one->x[i] += one->added[i];

    layer_norm(one->normed, one->x, weights->ln_2_weight, weights->ln_2_bias, n_embd, epsilon);
    transformer_mlp(one, layer, 1, NULL);
    for (size_t i = 0; i < n_embd; i++)
        one->x[i] += one->added[i];
}

/* The whole model for one token. Its logits: transformer_logits(lab->one, 0, ...) */
static void take_token(struct lab *lab, uint32_t id) {
    const struct gpt2_model *model = lab->given.model;
    size_t n_embd = lab->config->n_embd;
    float *x = lab->one->x; // [1, n_embd]
    for (size_t i = 0; i < n_embd; i++)
        x[i] = model->wte[id * n_embd + i] + model->wpe[lab->cache.n_past * n_embd + i];
    for (size_t layer = 0; layer < lab->config->n_layer; layer++)
        run_layer(lab, layer);
    layer_norm(x, x, model->ln_f_weight, model->ln_f_bias, n_embd, lab->config->layer_norm_epsilon);
    lab->cache.n_past++;
}

/* How far logits [vocab_size] are from those of lab->whole, which has run all T tokens at once. */
static double difference(const struct lab *lab, const float *logits, size_t position) {
    transformer_logits(lab->whole, position, lab->expected);
    return tensor_difference(logits, lab->expected, lab->config->vocab_size);
}

static void decode_by_hand(struct lesson *lesson, struct lab *lab) {
    size_t n = lab->n, n_embd = lab->config->n_embd, n_head = lab->config->n_head;
    double largest = 0.0;
    lesson_section("One token by hand");
    for (size_t t = 0; t < n; t++) {
        take_token(lab, lab->ids[t]);
        transformer_logits(lab->one, 0, lab->logits);
        largest = fmax(largest, difference(lab, lab->logits, t));
    }
    printf("the last token, number %zu, in each layer:\n", n - 1);
    lesson_shape("x", shape_2(1, n_embd), "its vector, nobody else's");
    lesson_shape("qkv", shape_2(1, 3 * n_embd), "key and value go to the cache");
    lesson_shape("keys so far", shape_2(n, n_embd), "from the cache, its own among them");
    lesson_shape("scores", shape_2(n_head, n), "one row for each head");
    lesson_shape("scores, no cache", shape_3(n_head, n, n), "all rows, nearly half of it masked");
    lesson_shape("logits", shape_1(lab->config->vocab_size), "at the end");
    lesson_check_close(lesson, largest, 1e-3, "logits with the cache and without");
}

/* --- Prefill and decode ------------------------------------------------------------------------ */

/* The engine takes the prompt at once and then token by token; then all tokens one by one. */
static bool prefill_and_decode(struct lesson *lesson, struct lab *lab, struct error *err) {
    struct gpt2_session *session = gpt2_session_new(lab->given.model, 1, err);
    double largest[2] = {0.0, 0.0};
    bool fine = session != NULL;
    for (size_t way = 0; way < 2 && fine; way++) {
        // [two ways]
        size_t n_prefill = way == 0 ? lab->n_prompt : 1;
        gpt2_rewind(session, 0);
        fine = gpt2_prefill(session, lab->ids, n_prefill, GPT2_LOGITS_LAST, err);
        for (size_t t = n_prefill; t <= lab->n && fine; t++) {
            largest[way] = fmax(largest[way], difference(lab, gpt2_logits(session), t - 1));
            if (t < lab->n)
                fine = gpt2_decode(session, lab->ids[t], err);
        }
        // [end]
    }
    gpt2_session_free(session);
    if (!fine)
        return false;
    lesson_section("Prefill and decode");
    printf("prefill %zu tokens, decode %d: %d passes; decode all %zu: %zu passes\n", lab->n_prompt,
           N_ROUNDS, 1 + N_ROUNDS, lab->n, lab->n);
    lesson_check_close(lesson, largest[0], 1e-3, "engine, prefill and decode");
    lesson_check_close(lesson, largest[1], 1e-3, "engine, decode alone");
    return true;
}

/* --- With and without a cache ------------------------------------------------------------------ */

/* Milliseconds for token n of a text, without a cache and with one: the fastest of three. */
static bool time_token(struct lab *lab, size_t n, float *without, float *with, struct error *err) {
    *without = *with = INFINITY;
    while (lab->cache.n_past < n - 1)
        take_token(lab, lab->ids[lab->cache.n_past]);
    for (size_t run = 0; run < 3; run++) {
        double start = seconds_now();
        if (!transformer_forward(lab->whole, lab->ids, n, NULL, err))
            return false;
        transformer_logits(lab->whole, n - 1, lab->logits);
        double between = seconds_now();
        lab->cache.n_past = n - 1;
        take_token(lab, lab->ids[n - 1]);
        transformer_logits(lab->one, 0, lab->logits);
        *without = fminf(*without, (float)(between - start) * 1e3f);
        *with = fminf(*with, (float)(seconds_now() - between) * 1e3f);
    }
    return true;
}

static bool time_both_ways(const struct lesson *lesson, struct lab *lab, struct error *err) {
    float x[N_POINTS], without[N_POINTS], with[N_POINTS]; // milliseconds at each length
    for (size_t t = lab->n; t < lab->longest; t++)
        lab->ids[t] = lab->ids[t - lab->n]; // the same text again
    lab->cache.n_past = 0;
    lesson_section("With and without a cache");
    printf("tokens so far   without a cache   with a cache\n");
    for (size_t i = 0; i < N_POINTS; i++) {
        size_t n = lab->longest * (i + 1) / N_POINTS;
        x[i] = (float)n;
        if (!time_token(lab, n, &without[i], &with[i], err))
            return false;
        printf("%13zu   %12.2f ms   %9.2f ms   %5.1f times as long\n", n, (double)without[i],
               (double)with[i], (double)(without[i] / with[i]));
    }
    printf("the last against the first: without %.1f times as long, with %.1f times as long\n",
           (double)(without[N_POINTS - 1] / without[0]), (double)(with[N_POINTS - 1] / with[0]));
    struct line_series series[] = {{"without a cache", x, without, N_POINTS},
                                   {"with a cache", x, with, N_POINTS}};
    struct line_chart chart = {.title = "Time for one more token",
                               .x_title = "tokens so far",
                               .y_title = "milliseconds",
                               .series = series,
                               .n_series = 2,
                               .from_zero = true};
    lesson_save(lesson, plot_lines(&chart, err), "timing.png", err);
    return true;
}

/* --- Why decoding waits for memory ------------------------------------------------------------- */

/* The best of a few rounds, each of which reads all weights, takes a prompt, and decodes a token. */
static bool measure(const struct gpt2_model *model, struct gpt2_session *session, size_t n_threads,
                    struct error *err) {
    uint32_t ids[MOST_PROMPT] = {0};
    double rate = 0.0, prefill = INFINITY, decode = INFINITY; // bytes a second, seconds
    for (size_t round = 0; round < 5; round++) {
        rate = fmax(rate, bandwidth_of_weights(model, n_threads));
        gpt2_rewind(session, 0);
        double start = seconds_now();
        bool fine = gpt2_prefill(session, ids, MOST_PROMPT, GPT2_LOGITS_LAST, err);
        double between = seconds_now();
        if (!fine || !gpt2_decode(session, 0, err))
            return false;
        prefill = fmin(prefill, between - start);
        decode = fmin(decode, seconds_now() - between);
    }
    double weights = (double)model->n_bytes_per_token / sizeof(float);
    double head = (double)model->head.n_in * (double)model->head.n_out;
    double once = (double)model->n_bytes_per_token / rate; // seconds
    // Two operations for each weight and token; of a prompt, only the last token needs the head.
    double flops[2] = {2.0 * weights, 2.0 * (MOST_PROMPT * (weights - head) + head)};
    printf("all weights              %8.1f MB\n"
           "memory delivers          %8.1f GB/s\n"
           "all of them, once        %8.1f ms    at most %.1f tokens/s\n"
           "decoding one token       %8.1f ms    %.1f times as long, %.0f GFLOP/s\n"
           "each token of a prefill  %8.1f ms    %.1f times as fast, %.0f GFLOP/s\n",
           (double)model->n_bytes_per_token * 1e-6, rate * 1e-9, once * 1e3, 1.0 / once,
           decode * 1e3, decode / once, flops[0] / decode * 1e-9, prefill / MOST_PROMPT * 1e3,
           decode * MOST_PROMPT / prefill, flops[1] / prefill * 1e-9);
    return true;
}

/* A model that no processor's cache holds. Without memory for it the lesson says so and goes on. */
static void wait_for_memory(void) {
    const struct gpt2_config gpt2_124m = {50257, 1024, 768, 12, 12, 3072, 1e-5f, GPT2_GELU_TANH};
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    size_t n_threads = threads_available();
    struct gpt2_model *model = NULL;
    struct error err = {""};
    lesson_section("Why decoding waits for memory");
    if (memory < 3.0 * 0x1p30)
        error_set(&err, "this takes 0.6 GB, and the machine has %.1f GiB in all", memory / 0x1p30);
    else
        model = gpt2_model_random(&gpt2_124m, 1, &err);
    struct gpt2_session *session = model != NULL ? gpt2_session_new(model, n_threads, &err) : NULL;
    if (session == NULL || !measure(model, session, n_threads, &err))
        printf("left out: %s\n", err.message);
    gpt2_session_free(session);
    gpt2_model_close(model);
}

/* --- From top to bottom ------------------------------------------------------------------------ */

/* Decides how much of the text we take, and how long a text we time: on a large model a short one. */
static bool prepare(struct lab *lab, struct error *err) {
    const struct gpt2_config *c = lab->config = &lab->given.model->config;
    if (c->n_layer == 0 || c->n_ctx < N_ROUNDS + 2)
        return error_set(err,
                         "the model has %zu layers and %zu positions, this lesson needs at least 1 "
                         "and %d: use another one (-m DIR)",
                         c->n_layer, c->n_ctx, N_ROUNDS + 2);
    lab->n_prompt = at_most(at_most(lab->given.n, MOST_PROMPT), c->n_ctx - N_ROUNDS);
    lab->n = lab->n_prompt + N_ROUNDS;
    lab->longest =
        at_most(at_most(c->n_ctx, LONGEST), 8 + 300 * 1000 * 1000 / lab->given.model->n_parameters);
    lab->ids = calloc(c->n_ctx, sizeof *lab->ids);
    lab->cache.keys = tensor_new_2(c->n_layer * c->n_ctx, c->n_embd);
    lab->cache.values = tensor_new_2(c->n_layer * c->n_ctx, c->n_embd);
    lab->scores = tensor_new(c->n_ctx);
    lab->logits = tensor_new_2(2, c->vocab_size);
    lab->before = tensor_new_2(c->n_layer * (lab->n_prompt + lab->n), 3 * c->n_embd);
    if (lab->ids == NULL || lab->cache.keys == NULL || lab->cache.values == NULL ||
        lab->scores == NULL || lab->logits == NULL || lab->before == NULL)
        return error_no_memory(err, "the cache");
    lab->expected = lab->logits + c->vocab_size;
    lab->after = lab->before + c->n_layer * lab->n_prompt * 3 * c->n_embd;
    memcpy(lab->ids, lab->given.ids, lab->n_prompt * sizeof *lab->ids);
    lab->whole = transformer_new(lab->given.model, c->n_ctx, err);
    lab->one = transformer_new(lab->given.model, 1, err);
    return lab->whole != NULL && lab->one != NULL;
}

static bool run(struct lesson *lesson, struct lab *lab, struct error *err) {
    if (!lesson_model_open(lesson, &lab->given, err) || !prepare(lab, err) ||
        !count_the_work(lab, err) || !prove_nothing_changes(lesson, lab, err))
        return false;
    show_the_cache(lab);
    decode_by_hand(lesson, lab);
    if (!prefill_and_decode(lesson, lab, err) || !time_both_ways(lesson, lab, err))
        return false;
    wait_for_memory();
    return true;
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct lab lab = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step8", "Step 8: The KV Cache", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &lab, &err);
    float *owned[] = {lab.cache.keys, lab.cache.values, lab.scores, lab.logits, lab.before};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    free(lab.ids);
    transformer_free(lab.whole);
    transformer_free(lab.one);
    lesson_model_close(&lab.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
