/*
 * Step 8: not computing again what can't change.
 *
 * Step 7 ran the whole model on the whole text for every new token. This program counts that work,
 * proves that nearly all of it repeats itself, and keeps what repeats in a cache: one token through
 * all layers by hand, on ops.h. It then compares with common/transformer (no cache) and common/gpt2
 * (the engine, with a cache), times both ways, and shows what is left to wait for: memory.
 */
#define _POSIX_C_SOURCE 200809L // sysconf
#define _DARWIN_C_SOURCE        // and its _SC_PHYS_PAGES on macOS

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/gpt2.h"
#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/threads.h"
#include "../common/transformer.h"

static const char default_text[] = "The server crashed because";

enum {
    N_ROUNDS = 6,     // tokens that we append
    MOST_PROMPT = 32, // of a longer text we take the beginning
    LONGEST = 512,    // tokens of the longest text that we time
    N_POINTS = 8,     // lengths at which both ways are timed
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
    struct transformer *whole; // the model without a cache, for texts of `longest` tokens
    struct transformer *one;   // room for one token: the working memory of take_token
    struct cache cache;
    float *scores;         // [n_ctx], one query's against all keys so far
    float *logits;         // [vocab_size]
    float *expected;       // [vocab_size], the logits to compare with
    float *before, *after; // [n_layer, P, 3 * n_embd]: Q, K, V of the prompt's tokens
    float *kept;           // which of the two keep_qkv writes
};

static size_t at_most(size_t n, size_t limit) {
    return n < limit ? n : limit;
}

/* --- Counting the work ------------------------------------------------------------------------- */

/* Keeps the queries, keys and values of the prompt's tokens; those of later tokens are left out. */
static void keep_qkv(void *context, size_t layer, const char *name, struct shape shape,
                     const float *data) {
    const struct lab *lab = context;
    size_t n_kept = lab->n_prompt * shape.dims[1]; // of qkv [seq_len, 3 * n_embd]
    if (strcmp(name, "qkv") == 0)
        memcpy(lab->kept + layer * n_kept, data, n_kept * sizeof *data);
}

/* The loop of step 7, greedy: the whole text through the whole model for each new token. */
static bool count_the_work(struct lab *lab, struct error *err) {
    struct trace trace = {keep_qkv, lab};
    size_t computed = 0;
    lab->kept = lab->before;
    lesson_section("Counting the work");
    printf("round  tokens fed in  of them new  next token\n");
    for (size_t round = 0; round < N_ROUNDS; round++) {
        size_t length, n = lab->n_prompt + round;
        char label[LABEL_SIZE];
        if (!transformer_forward(lab->whole, lab->ids, n, round == 0 ? &trace : NULL, err))
            return false;
        transformer_logits(lab->whole, n - 1, lab->logits);
        lab->ids[n] = (uint32_t)argmax(lab->logits, lab->config->vocab_size);
        const char *bytes = tokenizer_decode(lab->given.tokenizer, lab->ids[n], &length);
        printf("%5zu  %13zu  %11zu  \"%s\"\n", round, n, round == 0 ? n : 1,
               label_of_token(bytes, length, label));
        computed += n;
    }
    size_t different = lab->n - 1;
    printf("in all %13zu  %11zu  so %zu of %zu had been computed before\n", computed, different,
           computed - different, computed);
    printf("\ntokens through the model, to write a text of ...\n");
    printf("%13s   %15s   %12s\n", "... tokens", "without a cache", "with a cache");
    for (size_t n = 10; n <= 1000; n *= 10)
        printf("%13zu   %15zu   %12zu\n", n, n * (n + 1) / 2, n);
    return true;
}

/* --- What never changes ------------------------------------------------------------------------ */

/* The prompt's keys and values again, now that tokens have been appended: are they the same? */
static bool prove_nothing_changes(struct lesson *lesson, struct lab *lab, struct error *err) {
    struct trace trace = {keep_qkv, lab};
    size_t n_embd = lab->config->n_embd, n_layer = lab->config->n_layer;
    double largest[2] = {0.0, 0.0}; // of keys, of values
    lab->kept = lab->after;
    if (!transformer_forward(lab->whole, lab->ids, lab->n, &trace, err))
        return false;
    lesson_section("What never changes");
    lesson_shape("qkv before", shape_3(n_layer, lab->n_prompt, 3 * n_embd), "of all layers");
    lesson_shape("qkv after", shape_3(n_layer, lab->n_prompt, 3 * n_embd), "the same tokens");
    // [never]
    for (size_t row = 0; row < n_layer * lab->n_prompt; row++) {
        for (size_t part = 0; part < 2; part++) {
            size_t at = row * 3 * n_embd + (1 + part) * n_embd; // Q comes first, then K, V
            double d = tensor_difference(lab->before + at, lab->after + at, n_embd);
            largest[part] = d <= largest[part] ? largest[part] : d;
        }
    }
    // [end]
    size_t last = ((n_layer - 1) * lab->n_prompt + lab->n_prompt - 1) * 3 * n_embd + n_embd;
    size_t n_shown = n_embd < 6 ? n_embd : 6;
    printf("the first numbers of the last layer's key of token %zu, \"%s\"\n", lab->n_prompt - 1,
           lab->given.labels[lab->n_prompt - 1]);
    for (size_t time = 0; time < 2; time++) {
        printf("  in a text of %2zu tokens:", time == 0 ? lab->n_prompt : lab->n);
        for (size_t i = 0; i < n_shown; i++)
            printf("%8.4f", (double)(time == 0 ? lab->before : lab->after)[last + i]);
        printf("\n");
    }
    lesson_check_close(lesson, largest[0], 0.0, "old keys, after tokens were appended");
    lesson_check_close(lesson, largest[1], 0.0, "old values");
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

/* "72 KiB". Returns text. */
static const char *bytes_text(double bytes, char text[16]) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB"};
    size_t unit = 0;
    for (; bytes >= 1024.0 && unit < 3; unit++)
        bytes /= 1024.0;
    snprintf(text, 16, "%.*f %s", bytes == floor(bytes) ? 0 : 1, bytes, units[unit]);
    return text;
}

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
    printf("\n%-20s %7s %6s %7s %6s %10s %12s\n", "", "layers", "heads", "d_head", "bytes",
           "per token", "full window");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct cache_size *size = &sizes[i];
        char token[16], window[16];
        double bytes = bytes_per_token(size);
        printf("%-20s %7zu %6zu %7zu %6zu %10s %12s\n", size->model, size->n_layer, size->n_kv_head,
               size->d_head, size->bytes_per_number, bytes_text(bytes, token),
               bytes_text(bytes * (double)size->n_ctx, window));
    }
}

/* --- One token by hand ------------------------------------------------------------------------- */

/*
 * The newest token's query against the keys of all tokens so far, its own among them, head by head.
 * query: [n_embd], all heads side by side; context: [n_embd], written.
 */
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
        double d = difference(lab, lab->logits, t);
        largest = d <= largest ? largest : d;
    }
    printf("the last token, number %zu, in each layer:\n", n - 1);
    lesson_shape("x", shape_2(1, n_embd), "its vector, nobody else's");
    lesson_shape("qkv", shape_2(1, 3 * n_embd), "key and value go to the cache");
    lesson_shape("keys so far", shape_2(n, n_embd), "from the cache, its own among them");
    lesson_shape("scores", shape_2(n_head, n), "one row for each head");
    lesson_shape("logits", shape_1(lab->config->vocab_size), "at the end");
    lesson_check_close(lesson, largest, 1e-3, "logits with the cache and without");

    lesson_section("What becomes of the mask");
    lesson_shape("scores, no cache", shape_3(n_head, n, n), "every query against every key");
    printf("  in each head %zu scores, %zu of them masked\n", n * n, n * (n - 1) / 2);
    lesson_shape("scores, cache", shape_3(n_head, 1, n), "the last row alone");
    printf("  in each head %zu scores, none masked: the future is not in the cache\n", n);
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
            double d = difference(lab, gpt2_logits(session), t - 1);
            largest[way] = d <= largest[way] ? largest[way] : d;
            if (t < lab->n)
                fine = gpt2_decode(session, lab->ids[t], err);
        }
        // [end]
    }
    gpt2_session_free(session);
    if (!fine)
        return false;
    lesson_section("Prefill and decode");
    printf("prefill %zu tokens, decode %d: the model runs %d times\n", lab->n_prompt, N_ROUNDS,
           1 + N_ROUNDS);
    printf("decode all %zu one by one: %zu times\n", lab->n, lab->n);
    lesson_check_close(lesson, largest[0], 1e-3, "engine, prefill and decode");
    lesson_check_close(lesson, largest[1], 1e-3, "engine, decode alone");
    return true;
}

/* --- With and without a cache ------------------------------------------------------------------ */

/* Milliseconds for token n of a text, the fastest of three: without a cache, and with one that holds
 * the tokens before it. */
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
    size_t n_points = at_most(lab->longest, N_POINTS);
    for (size_t t = lab->n; t < lab->longest; t++)
        lab->ids[t] = lab->ids[t - lab->n]; // the same text again
    lab->cache.n_past = 0;
    lesson_section("With and without a cache");
    printf("tokens so far   without a cache   with a cache\n");
    for (size_t i = 0; i < n_points; i++) {
        size_t n = lab->longest * (i + 1) / n_points;
        x[i] = (float)n;
        if (!time_token(lab, n, &without[i], &with[i], err))
            return false;
        printf("%13zu   %12.2f ms   %9.2f ms\n", n, (double)without[i], (double)with[i]);
    }
    printf("at the end a token takes %.0f times as long without a cache\n",
           (double)(without[n_points - 1] / with[n_points - 1]));
    struct line_series series[] = {{"without a cache", x, without, n_points},
                                   {"with a cache", x, with, n_points}};
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

enum { LANES = 16, RUNS = 5, N_PREFILL = 32 };

/* Adds up an array and does nothing else, in groups of LANES numbers: so fast does memory deliver.
 * (One sum alone would wait for its own last addition, and not for memory.) */
static void read_numbers(void *context, size_t begin, size_t end) {
    const float *numbers = context; // [n_groups, LANES]
    float sums[LANES] = {0};
    for (size_t i = begin * LANES; i < end * LANES; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += numbers[i + lane];
    }
    for (size_t lane = 1; lane < LANES; lane++)
        sums[0] += sums[lane];
    volatile float used = sums[0]; // a result that nobody uses would never be computed
    (void)used;
}

/* Reading, decoding, and prefill, on all processors. */
static bool measure(const struct gpt2_model *model, struct gpt2_session *session,
                    struct threads *pool, struct error *err) {
    size_t n_groups = model->config.vocab_size * model->config.n_embd / LANES; // of wte
    uint32_t ids[N_PREFILL] = {0};
    bool fine = gpt2_prefill(session, ids, N_PREFILL, GPT2_LOGITS_LAST, err); // to touch its memory
    double times[4] = {seconds_now()};
    for (size_t i = 0; i < RUNS; i++)
        threads_run(pool, n_groups, read_numbers, model->wte);
    times[1] = seconds_now();
    for (size_t i = 0; i < RUNS && fine; i++)
        fine = gpt2_decode(session, 0, err);
    times[2] = seconds_now();
    gpt2_rewind(session, 0);
    fine = fine && gpt2_prefill(session, ids, N_PREFILL, GPT2_LOGITS_LAST, err);
    times[3] = seconds_now();

    double rate = RUNS * (double)(n_groups * LANES * sizeof(float)) / (times[1] - times[0]);
    double once = (double)model->n_parameters * sizeof(float) / rate;
    double decode = (times[2] - times[1]) / RUNS, prefill = (times[3] - times[2]) / N_PREFILL;
    printf("memory delivers          %8.1f GB/s\n", rate * 1e-9);
    printf("all weights, once        %8.1f ms    at most %.1f tokens/s\n", once * 1e3, 1 / once);
    printf("decoding one token       %8.1f ms    %.1f times as long\n", decode * 1e3,
           decode / once);
    printf("each token of a prefill  %8.1f ms    %.1f times as fast as decoding one\n",
           prefill * 1e3, decode / prefill);
    return fine;
}

/* A model that no processor's cache holds: the given one, or else random weights in memory. */
static struct gpt2_model *large_model(const struct lab *lab, struct error *err) {
    const struct gpt2_config gpt2_124m = {50257, 1024, 768, 12, 12, 3072, 1e-5f, GPT2_GELU_TANH};
    double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    printf("this model's weights     %8.1f MB\n", (double)lab->given.model->n_parameters * 4e-6);
    if (lab->given.model->n_parameters >= 100 * 1000 * 1000 && lab->config->n_ctx >= 64)
        return lab->given.model;
    if (memory < 3.0 * 0x1p30) {
        error_set(err, "this takes 0.6 GB, and the machine has %.1f GiB in all", memory / 0x1p30);
        return NULL;
    }
    struct gpt2_model *model = gpt2_model_random(&gpt2_124m, 1, err);
    if (model != NULL)
        printf("random ones, GPT-2 124M  %8.1f MB\n", (double)model->n_parameters * 4e-6);
    return model;
}

/* Where there isn't enough memory, the lesson says so and goes on. */
static void wait_for_memory(const struct lab *lab) {
    struct error err = {""};
    lesson_section("Why decoding waits for memory");
    struct gpt2_model *model = large_model(lab, &err);
    size_t n_threads = threads_available();
    struct threads *pool = model != NULL ? threads_new(n_threads, &err) : NULL;
    struct gpt2_session *session = pool != NULL ? gpt2_session_new(model, n_threads, &err) : NULL;
    if (session == NULL || !measure(model, session, pool, &err))
        printf("left out: %s\n", err.message);
    gpt2_session_free(session);
    threads_free(pool);
    if (model != lab->given.model)
        gpt2_model_close(model);
}

/* --- From top to bottom ------------------------------------------------------------------------ */

/* How much of the text we take, and how long a text we time: on a large model a short one. */
static bool choose_sizes(struct lab *lab, struct error *err) {
    const struct gpt2_config *config = lab->config = &lab->given.model->config;
    if (config->n_layer == 0)
        return error_set(
            err,
            "the model has no layers, and so no keys and values to keep: use another one (-m DIR)");
    if (config->n_ctx < N_ROUNDS + 2)
        return error_set(
            err,
            "the model has %zu positions, this lesson needs at least %d: use another one (-m DIR)",
            config->n_ctx, N_ROUNDS + 2);
    lab->n_prompt = at_most(at_most(lab->given.n, MOST_PROMPT), config->n_ctx - N_ROUNDS);
    lab->n = lab->n_prompt + N_ROUNDS;
    lab->longest = at_most(at_most(config->n_ctx, LONGEST),
                           8 + 300 * 1000 * 1000 / lab->given.model->n_parameters);
    lesson_section("The text");
    lesson_shape("token ids", shape_1(lab->n_prompt), "");
    if (lab->n_prompt < lab->given.n)
        printf("the beginning of your %zu tokens\n", lab->given.n);
    return true;
}

static bool allocate(struct lab *lab, struct error *err) {
    const struct gpt2_config *c = lab->config;
    size_t n_rows = c->n_layer * lab->n_prompt;
    size_t longest = lab->longest > lab->n ? lab->longest : lab->n;
    lab->whole = transformer_new(lab->given.model, longest, err);
    lab->one = transformer_new(lab->given.model, 1, err);
    if (lab->whole == NULL || lab->one == NULL)
        return false;
    lab->ids = calloc(c->n_ctx, sizeof *lab->ids);
    lab->cache.keys = tensor_new_2(c->n_layer * c->n_ctx, c->n_embd);
    lab->cache.values = tensor_new_2(c->n_layer * c->n_ctx, c->n_embd);
    lab->scores = tensor_new(c->n_ctx);
    lab->logits = tensor_new(c->vocab_size);
    lab->expected = tensor_new(c->vocab_size);
    lab->before = tensor_new_2(n_rows, 3 * c->n_embd);
    lab->after = tensor_new_2(n_rows, 3 * c->n_embd);
    if (lab->ids == NULL || lab->cache.keys == NULL || lab->cache.values == NULL ||
        lab->scores == NULL || lab->logits == NULL || lab->expected == NULL ||
        lab->before == NULL || lab->after == NULL)
        return error_no_memory(err, "the cache");
    memcpy(lab->ids, lab->given.ids, lab->n_prompt * sizeof *lab->ids);
    return true;
}

static bool run(struct lesson *lesson, struct lab *lab, struct error *err) {
    if (!lesson_model_open(lesson, &lab->given, err) || !choose_sizes(lab, err) ||
        !allocate(lab, err) || !count_the_work(lab, err) ||
        !prove_nothing_changes(lesson, lab, err))
        return false;
    show_the_cache(lab);
    decode_by_hand(lesson, lab);
    if (!prefill_and_decode(lesson, lab, err) || !time_both_ways(lesson, lab, err))
        return false;
    wait_for_memory(lab);
    return true;
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct lab lab = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step8", "Step 8: The KV Cache", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &lab, &err);
    float *owned[] = {lab.cache.keys, lab.cache.values, lab.scores, lab.logits,
                      lab.expected,   lab.before,       lab.after};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    free(lab.ids);
    transformer_free(lab.whole);
    transformer_free(lab.one);
    lesson_model_close(&lab.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
