/*
 * engine - how many tokens per second the engine takes, as a program that calls it sees it.
 *
 *     engine MODEL FORMAT THREADS decode     200 tokens, one by one, after a text of 16
 *     engine MODEL FORMAT THREADS prefill    512 tokens at once
 *     engine MODEL FORMAT THREADS growth     what a longer text costs: decoding at position 1000
 *                                            and 10, prefill of 1000 tokens and 500
 *     engine MODEL FORMAT THREADS work       measures nothing, tells what there is to do
 *
 * MODEL is a folder, FORMAT f32, bf16 or int8. Prints lines of a name and a number; rates are
 * tokens/s. Where a model has fewer positions, the numbers of tokens are smaller. The tokens are
 * random: which ones they are makes no difference to the time. Choosing a token from the scores is
 * not part of it. Everything is done once before it is measured, so that the weights are in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/clock.h"
#include "../../common/gpt2.h"
#include "../../common/kernels/kernels.h"
#include "../../common/random.h"

enum {
    PROMPT = 16,
    NEW = 200,
    PREFILL = 512,
    NEAR = 10,
    FAR = 1000,
    BURST = 8, // tokens decoded at one place of growth, before the other has its turn
    N_TURNS = 5,
};

struct bench {
    struct gpt2_model *model;
    struct gpt2_session *session, *other; // other: for growth alone
    size_t n_threads;
    uint32_t *ids; // [n_ctx]
    size_t n_ctx;
    struct error err;
};

static size_t at_most(size_t n, size_t limit) {
    return n < limit ? n : limit;
}

/* How long the texts of `growth` are in a model with n_ctx positions. */
struct growth {
    size_t n_near, n_far, n_burst;
};
static struct growth growth_of(size_t n_ctx) {
    struct growth growth = {.n_burst = at_most(BURST, n_ctx / 4)};
    growth.n_far = at_most(FAR, n_ctx - growth.n_burst);
    growth.n_near = at_most(NEAR, growth.n_far);
    return growth;
}

/* --- what is measured ------------------------------------------------------------------------- */

/* Puts n tokens into an emptied session. Returns the seconds that took, below 0 when it failed. */
static double prefill(struct bench *bench, struct gpt2_session *session, size_t n) {
    gpt2_rewind(session, 0);
    double begin = seconds_now();
    if (!gpt2_prefill(session, bench->ids, n, GPT2_LOGITS_LAST, &bench->err))
        return -1.0;
    return seconds_now() - begin;
}

/* Adds n tokens one by one; the same. */
static double decode(struct bench *bench, struct gpt2_session *session, size_t n) {
    double begin = seconds_now();
    for (size_t i = 0; i < n; i++) {
        if (!gpt2_decode(session, bench->ids[gpt2_n_past(session)], &bench->err))
            return -1.0;
    }
    return seconds_now() - begin;
}

static bool measure_decode(struct bench *bench) {
    size_t n_prompt = at_most(PROMPT, bench->n_ctx / 2);
    size_t n_new = at_most(NEW, bench->n_ctx - n_prompt);
    if (prefill(bench, bench->session, n_prompt) < 0 ||
        decode(bench, bench->session, at_most(BURST, n_new)) < 0 ||
        prefill(bench, bench->session, n_prompt) < 0)
        return false;
    double seconds = decode(bench, bench->session, n_new);
    printf("decode %.6g\n", (double)n_new / seconds);
    return seconds >= 0;
}

static bool measure_prefill(struct bench *bench) {
    size_t n = at_most(PREFILL, bench->n_ctx);
    if (prefill(bench, bench->session, n) < 0)
        return false;
    double seconds = prefill(bench, bench->session, n);
    printf("prefill %.6g\n", (double)n / seconds);
    return seconds >= 0;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* One turn of growth: seconds to decode near and far, and of a prefill of half and whole. */
static bool take_turn(struct bench *bench, const struct growth *growth, double seconds[4]) {
    seconds[2] = prefill(bench, bench->other, growth->n_far / 2);
    seconds[3] = prefill(bench, bench->other, growth->n_far);
    seconds[1] = decode(bench, bench->other, growth->n_burst);
    seconds[0] = prefill(bench, bench->session, growth->n_near);
    if (seconds[0] >= 0)
        seconds[0] = decode(bench, bench->session, growth->n_burst);
    return seconds[0] >= 0 && seconds[1] >= 0 && seconds[2] >= 0 && seconds[3] >= 0;
}

/* The four take turns, so that whatever else the machine does hits all of them. */
static bool measure_growth(struct bench *bench) {
    const char *const names[4] = {"decode_near", "decode_far", "prefill_half", "prefill_whole"};
    struct growth growth = growth_of(bench->n_ctx);
    const size_t n[4] = {growth.n_burst, growth.n_burst, growth.n_far / 2, growth.n_far};
    double turns[4][N_TURNS], seconds[4];
    if (!take_turn(bench, &growth, seconds)) // to warm up
        return false;
    for (size_t turn = 0; turn < N_TURNS; turn++) {
        if (!take_turn(bench, &growth, seconds))
            return false;
        for (size_t i = 0; i < 4; i++)
            turns[i][turn] = seconds[i];
    }
    for (size_t i = 0; i < 4; i++) {
        qsort(turns[i], N_TURNS, sizeof turns[i][0], compare);
        printf("%s %.6g\n", names[i], (double)n[i] / turns[i][N_TURNS / 2]);
    }
    return true;
}

/*
 * What a token costs. Prefill: two operations for each weight of a block and each prompt token; in
 * attention four for each number of a token and of each token that it sees, in each block; and two
 * for each weight of the head, which only the last token meets. Shared among the tokens.
 */
static void print_work(const struct bench *bench) {
    const struct gpt2_config *c = &bench->model->config;
    double n_embd = (double)c->n_embd, n_layer = (double)c->n_layer, n_inner = (double)c->n_inner;
    size_t n = at_most(PREFILL, c->n_ctx);
    double block = 4.0 * n_embd * n_embd + 2.0 * n_embd * n_inner; // weights
    double seen = ((double)n + 1.0) / 2.0;                         // tokens, on average
    double head = n_embd * (double)c->vocab_size / (double)n;
    printf("kernels %s\n", kernels_for_this_processor()->name);
    printf("parameters %zu\n", bench->model->n_parameters);
    printf("bytes_per_token %zu\n", bench->model->n_bytes_per_token);
    printf("operations_per_prompt_token %.6g\n",
           n_layer * (2.0 * block + 4.0 * n_embd * seen) + 2.0 * head);
    printf("prompt_tokens %zu\n", at_most(PROMPT, c->n_ctx / 2));
    printf("new_tokens %zu\n", at_most(NEW, c->n_ctx - at_most(PROMPT, c->n_ctx / 2)));
    printf("prefill_tokens %zu\n", n);
    printf("near_position %zu\nfar_position %zu\n", growth_of(c->n_ctx).n_near,
           growth_of(c->n_ctx).n_far);
}

/* --- the command line ------------------------------------------------------------------------- */

static bool format_of(const char *name, enum weights_format *format) {
    const char *const names[] = {"f32", "bf16", "int8"};
    const enum weights_format formats[] = {WEIGHTS_F32, WEIGHTS_BF16, WEIGHTS_INT8};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = formats[i];
            return true;
        }
    }
    return false;
}

static bool start(struct bench *bench, const char *folder, enum weights_format format, bool two) {
    bench->model = gpt2_model_open_for_engine(folder, format, bench->n_threads, &bench->err);
    if (bench->model == NULL)
        return false;
    const struct gpt2_config *config = &bench->model->config;
    bench->n_ctx = config->n_ctx;
    bench->ids = calloc(config->n_ctx, sizeof *bench->ids);
    if (bench->ids == NULL)
        return error_no_memory(&bench->err, "the tokens");
    struct random_source random = {1};
    for (size_t i = 0; i < config->n_ctx; i++)
        bench->ids[i] = (uint32_t)(random_bits(&random) % config->vocab_size);
    bench->session = gpt2_session_new(bench->model, bench->n_threads, &bench->err);
    if (two && bench->session != NULL)
        bench->other = gpt2_session_new(bench->model, bench->n_threads, &bench->err);
    return bench->session != NULL && (!two || bench->other != NULL);
}

int main(int argc, char **argv) {
    enum weights_format format;
    if (argc != 5 || !format_of(argv[2], &format)) {
        fprintf(stderr, "usage: engine MODEL f32|bf16|int8 THREADS decode|prefill|growth|work\n");
        return 2;
    }
    const char *what = argv[4];
    struct bench bench = {.n_threads = (size_t)strtoull(argv[3], NULL, 10)};
    bool fine = start(&bench, argv[1], format, strcmp(what, "growth") == 0);
    if (fine && strcmp(what, "decode") == 0)
        fine = measure_decode(&bench);
    else if (fine && strcmp(what, "prefill") == 0)
        fine = measure_prefill(&bench);
    else if (fine && strcmp(what, "growth") == 0)
        fine = measure_growth(&bench);
    else if (fine)
        print_work(&bench);
    if (!fine)
        fprintf(stderr, "engine: %s\n", bench.err.message);
    gpt2_session_free(bench.session);
    gpt2_session_free(bench.other);
    gpt2_model_close(bench.model);
    free(bench.ids);
    return fine ? 0 : 1;
}
