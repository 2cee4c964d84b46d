/*
 * golden_forward - holds both forward passes against what PyTorch computed.
 *
 *     golden_forward RANDOM_MODEL [--logits] GOLDEN.json ...
 *
 * For each golden it has the random_model program write the model again, and compares: the logits
 * at every position, of transformer.h and of the engine; and, without --logits, the engine's greedy
 * ids and perplexities, and all of the engine's with each kind of kernels that works here.
 * Prints TAP. The largest error is shown as a share of the tolerance, 1e-4 of the logits'
 * standard deviation: "largest error 0.02 of the tolerance".
 */
#define _XOPEN_SOURCE 700

#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/gpt2.h"
#include "../common/json.h"
#include "../common/kernels/kernels.h"
#include "../common/ops.h"
#include "../common/score.h"
#include "../common/tensor.h"
#include "../common/transformer.h"

extern char **environ;

static const double TOLERANCE = 1e-4;            // of the logits' standard deviation
static const double PERPLEXITY_TOLERANCE = 1e-4; // relative

static int n_tests, n_failed;
static const char *kernels_name = ""; // of the engine that is being checked

static void result(bool passed, const char *golden, const char *what, double error) {
    n_tests++;
    n_failed += !passed;
    printf("%s %d - %s: %s%s, largest error %.3g of the tolerance\n", passed ? "ok" : "not ok",
           n_tests, golden, kernels_name, what, error);
}

static void die(const char *what, const char *why) {
    printf("not ok %d - %s: %s\n", ++n_tests, what, why);
    exit(1);
}

struct golden {
    char *path;
    const char *name;
    cJSON *json;
    struct token_list ids; // the tokens whose logits we have
    float *logits;         // [ids.count, vocab_size]
    double tolerance;      // absolute
    struct gpt2_model *model;
};

static const cJSON *member(const struct golden *golden, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(golden->json, name);
    if (item == NULL)
        die(golden->path, name);
    return item;
}

static struct token_list read_ids(const struct golden *golden, const char *name) {
    struct token_list ids = {0};
    for (const cJSON *item = member(golden, name)->child; item != NULL; item = item->next) {
        if (!token_list_add(&ids, (uint32_t)item->valuedouble))
            die(golden->path, "out of memory");
    }
    return ids;
}

/* --- making what a golden describes ------------------------------------------------------------ */

/* Runs random_model FOLDER with the golden's arguments. */
static void write_model(const struct golden *golden, const char *random_model, const char *folder) {
    enum { MAX_ARGUMENTS = 40 };
    char *arguments[MAX_ARGUMENTS] = {(char *)(size_t)random_model, (char *)(size_t)folder};
    size_t n = 2;
    const cJSON *item = member(golden, "arguments")->child;
    for (; item != NULL && n + 1 < MAX_ARGUMENTS; item = item->next)
        arguments[n++] = item->valuestring;
    pid_t child;
    int status;
    if (posix_spawn(&child, random_model, NULL, NULL, arguments, environ) != 0 ||
        waitpid(child, &status, 0) != child || status != 0)
        die(golden->path, "random_model failed");
}

static void remove_model(const char *folder) {
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.json",
                                        "merges.txt"};
    for (size_t i = 0; i < 4; i++) {
        char *path = path_join(folder, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(folder);
}

static void read_logits(struct golden *golden) {
    char *slash = strrchr(golden->path, '/');
    size_t folder_length = slash != NULL ? (size_t)(slash - golden->path) : 0;
    char *folder = strdup(golden->path);
    folder[folder_length] = '\0';
    char *path = path_join(folder, member(golden, "logits")->valuestring);
    struct error err;
    size_t length, count = golden->ids.count * (size_t)member(golden, "vocab_size")->valuedouble;
    char *bytes = file_read(path, (size_t)1 << 30, &length, &err);
    golden->logits = tensor_new(count);
    if (bytes == NULL || length != count * sizeof(float))
        die(path, bytes == NULL ? err.message : "has the wrong size");
    memcpy(golden->logits, bytes, length);
    free(bytes);
    free(path);
    free(folder);
}

static void open_golden(struct golden *golden, const char *path, const char *random_model) {
    struct error err;
    size_t length;
    *golden = (struct golden){.path = strdup(path)};
    const char *slash = strrchr(golden->path, '/');
    golden->name = slash != NULL ? slash + 1 : golden->path;
    char *text = file_read(path, (size_t)1 << 26, &length, &err);
    golden->json = text != NULL ? json_parse(path, text, length, &err) : NULL;
    if (golden->json == NULL)
        die(path, err.message);
    free(text);
    golden->ids = read_ids(golden, "ids");
    golden->tolerance = TOLERANCE * member(golden, "logits_std")->valuedouble;
    read_logits(golden);

    char folder[] = "/tmp/golden_XXXXXX";
    if (mkdtemp(folder) == NULL)
        die(path, "no temporary folder");
    write_model(golden, random_model, folder);
    golden->model = gpt2_model_open(folder, &err);
    remove_model(folder);
    if (golden->model == NULL)
        die(path, err.message);
}

static void close_golden(struct golden *golden) {
    gpt2_model_close(golden->model);
    tensor_free(golden->logits);
    token_list_free(&golden->ids);
    cJSON_Delete(golden->json);
    free(golden->path);
}

/* --- comparing ---------------------------------------------------------------------------------- */

/* The largest difference as a share of the tolerance; NaN counts as infinitely wrong. */
static double largest_error(const struct golden *golden, const float *logits, size_t position,
                            size_t n) {
    size_t vocab_size = golden->model->config.vocab_size;
    const float *expected = golden->logits + position * vocab_size; // [n, vocab_size]
    double largest = 0.0;
    for (size_t i = 0; i < n * vocab_size; i++) {
        double error = fabs((double)logits[i] - (double)expected[i]);
        if (!(error <= largest))
            largest = isnan(error) ? INFINITY : error;
    }
    return largest / golden->tolerance;
}

static void check_transformer(const struct golden *golden) {
    struct error err;
    const struct token_list *ids = &golden->ids;
    struct transformer *transformer = transformer_new(golden->model, ids->count, &err);
    float *logits = tensor_new(golden->model->config.vocab_size);
    if (transformer == NULL || logits == NULL ||
        !transformer_forward(transformer, ids->ids, ids->count, NULL, &err))
        die(golden->name, err.message);
    double largest = 0.0;
    for (size_t t = 0; t < ids->count; t++) {
        transformer_logits(transformer, t, logits);
        largest = fmax(largest, largest_error(golden, logits, t, 1));
    }
    result(largest <= 1.0, golden->name, "transformer logits", largest);
    tensor_free(logits);
    transformer_free(transformer);
}

/* Prefills the first `first` tokens, then takes the others one by one. */
static double engine_error(const struct golden *golden, struct gpt2_session *session,
                           size_t first) {
    struct error err;
    const struct token_list *ids = &golden->ids;
    size_t vocab_size = golden->model->config.vocab_size;
    float *logits = tensor_new_2(first, vocab_size);
    gpt2_rewind(session, 0);
    if (!gpt2_prefill(session, ids->ids, first, GPT2_LOGITS_ALL, &err))
        die(golden->name, err.message);
    if (!gpt2_logits_at(session, 0, first, logits, &err))
        die(golden->name, err.message);
    double largest = largest_error(golden, logits, 0, first);
    for (size_t t = first; t < ids->count; t++) {
        if (!gpt2_decode(session, ids->ids[t], &err))
            die(golden->name, err.message);
        largest = fmax(largest, largest_error(golden, gpt2_logits(session), t, 1));
    }
    tensor_free(logits);
    return largest;
}

static void check_greedy(const struct golden *golden, struct gpt2_session *session) {
    struct error err;
    size_t n_prompt = (size_t)member(golden, "greedy_prompt")->valuedouble, n_wrong = 0;
    struct token_list expected = read_ids(golden, "greedy_ids");
    gpt2_rewind(session, 0);
    bool fine = gpt2_prefill(session, golden->ids.ids, n_prompt, GPT2_LOGITS_LAST, &err);
    for (size_t i = 0; i < expected.count && fine; i++) {
        size_t id = argmax(gpt2_logits(session), golden->model->config.vocab_size);
        n_wrong += id != expected.ids[i];
        if (i + 1 < expected.count)
            fine = gpt2_decode(session, (uint32_t)id, &err);
    }
    if (!fine)
        die(golden->name, err.message);
    result(n_wrong == 0 && expected.count > 0, golden->name, "greedy ids", (double)n_wrong);
    token_list_free(&expected);
}

static void check_perplexity(const struct golden *golden, struct gpt2_session *session) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(golden->json, "perplexity");
    if (item == NULL)
        return;
    struct token_list ids = read_ids(golden, "long_ids");
    for (item = item->child; item != NULL; item = item->next) {
        struct error err;
        struct score score;
        size_t stride = (size_t)cJSON_GetObjectItem(item, "stride")->valuedouble;
        size_t n_scored = (size_t)cJSON_GetObjectItem(item, "tokens")->valuedouble;
        double expected = cJSON_GetObjectItem(item, "perplexity")->valuedouble;
        if (!score_text(session, golden->model, &ids, stride, NULL, NULL, &score, &err))
            die(golden->name, err.message);
        double error = fabs(score.perplexity - expected) / expected / PERPLEXITY_TOLERANCE;
        char what[64];
        snprintf(what, sizeof what, "perplexity at stride %zu", stride);
        result(error <= 1.0 && score.n_scored == n_scored, golden->name, what, error);
    }
    token_list_free(&ids);
}

static void check_session(const struct golden *golden, bool logits_only) {
    struct error err;
    struct gpt2_session *session = gpt2_session_new(golden->model, 2, &err);
    if (session == NULL)
        die(golden->name, err.message);
    char name[64];
    snprintf(name, sizeof name, "engine with %s: ", gpt2_kernels_name(session));
    kernels_name = name;
    size_t count = golden->ids.count;
    double error = engine_error(golden, session, count);
    result(error <= 1.0, golden->name, "logits, prefill", error);
    error = engine_error(golden, session, count / 3 + 1);
    result(error <= 1.0, golden->name, "logits, prefill and decode", error);
    if (!logits_only) {
        check_greedy(golden, session);
        check_perplexity(golden, session);
    }
    gpt2_session_free(session);
    kernels_name = "";
}

static void check_engine(const struct golden *golden, bool logits_only) {
    if (logits_only) { // with the kernels that the caller has chosen
        check_session(golden, true);
        return;
    }
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (!kernels_work_here(all[i]))
            continue;
        setenv("GPT2_KERNELS", all[i]->name, 1);
        check_session(golden, false);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: golden_forward RANDOM_MODEL [--logits] GOLDEN.json ...\n");
        return 2;
    }
    bool logits_only = strcmp(argv[2], "--logits") == 0;
    for (int i = logits_only ? 3 : 2; i < argc; i++) {
        struct golden golden;
        open_golden(&golden, argv[i], argv[1]);
        check_transformer(&golden);
        check_engine(&golden, logits_only);
        close_golden(&golden);
    }
    printf("1..%d\n", n_tests);
    return n_failed > 0;
}
