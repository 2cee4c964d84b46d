/*
 * facts - checks a model folder against a file of facts about it.
 *
 *     facts FOLDER FACTS.json
 *
 * Prints TAP. The facts are numbers that somebody else computed; each list may be absent:
 *
 *     "n_parameters": 124439808
 *     "rows":    [{"tensor": "wte", "row": 0, "values": [first numbers], "tolerance": 1e-6}]
 *     "cosines": [{"tensor": "wte", "a": " king", "b": " queen", "value": 0.657, "tolerance": 1e-3}]
 *                a and b are rows: a number, or a text that is one token
 *     "analogies": [{"plus": " king", "minus": " man", "and": " woman", "gives": " queen",
 *                "value": 0.7085, "tolerance": 1e-3}]   nearest row of wte to a - b + c
 *     "tokens":  [{"text": "Hello, world!", "ids": [15496, 11, 995, 0]}]
 *     "greedy":  [{"ids": [464, 3290], "next": [373, 1043]}]
 *     "top":     [{"ids": [...], "top_id": 38350, "logits": [{"id": 38350, "logit": -135.9}],
 *                "tolerance": 0.5}]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/gpt2.h"
#include "../common/json.h"
#include "../common/ops.h"
#include "../common/tensor.h"
#include "../common/tokenizer.h"

static int n_tests, n_failed;

static void result(bool passed, const char *what, double found, double expected) {
    n_tests++;
    n_failed += !passed;
    printf("%s %d - %s: found %.7g, expected %.7g\n", passed ? "ok" : "not ok", n_tests, what,
           found, expected);
}

static void die(const char *what, const char *why) {
    printf("not ok %d - %s: %s\n1..%d\n", n_tests + 1, what, why, n_tests + 1);
    exit(1);
}

struct subject {
    struct gpt2_model *model;
    struct gpt2_session *session;
    struct tokenizer *tokenizer;
    const cJSON *facts;
};

static const cJSON *list(const struct subject *subject, const char *name) {
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(subject->facts, name);
    return array == NULL ? NULL : array->child;
}

static const cJSON *member(const cJSON *fact, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(fact, name);
    if (item == NULL)
        die("the facts lack a member", name);
    return item;
}

static double number(const cJSON *fact, const char *name) {
    return member(fact, name)->valuedouble;
}

/* A row's number: as it stands, or as the one token of a text. */
static size_t row_of(const struct subject *subject, const cJSON *item) {
    if (cJSON_IsNumber(item))
        return (size_t)item->valuedouble;
    struct token_list ids = {0};
    struct error err;
    if (!tokenizer_encode(subject->tokenizer, item->valuestring, strlen(item->valuestring),
                          SPECIAL_AS_TEXT, &ids, &err) ||
        ids.count != 1)
        die(item->valuestring, "is not one token");
    size_t id = ids.ids[0];
    token_list_free(&ids);
    return id;
}

static const float *row(const struct subject *subject, const char *tensor, size_t index) {
    const struct gpt2_config *config = &subject->model->config;
    bool is_wte = strcmp(tensor, "wte") == 0;
    if (index >= (is_wte ? config->vocab_size : config->n_ctx))
        die(tensor, "has no such row");
    return (is_wte ? subject->model->wte : subject->model->wpe) + index * config->n_embd;
}

static double cosine(const float *a, const float *b, size_t n) {
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

static void check_rows(const struct subject *subject) {
    for (const cJSON *fact = list(subject, "rows"); fact != NULL; fact = fact->next) {
        const char *tensor = member(fact, "tensor")->valuestring;
        size_t index = (size_t)number(fact, "row");
        const float *values = row(subject, tensor, index);
        for (const cJSON *value = member(fact, "values")->child; value != NULL;
             value = value->next, values++) {
            char what[64];
            snprintf(what, sizeof what, "%s[%zu]", tensor, index);
            double difference = fabs((double)*values - value->valuedouble);
            result(difference <= number(fact, "tolerance"), what, (double)*values,
                   value->valuedouble);
        }
    }
}

/* "king-queen" for a message. */
static void name_pair(char *what, size_t size, const cJSON *fact, const cJSON *a, const cJSON *b) {
    const char *tensor = member(fact, "tensor")->valuestring;
    if (cJSON_IsString(a))
        snprintf(what, size, "cosine in %s of \"%s\" and \"%s\"", tensor, a->valuestring,
                 b->valuestring);
    else
        snprintf(what, size, "cosine in %s of rows %g and %g", tensor, a->valuedouble,
                 b->valuedouble);
}

static void check_cosines(const struct subject *subject) {
    for (const cJSON *fact = list(subject, "cosines"); fact != NULL; fact = fact->next) {
        const char *tensor = member(fact, "tensor")->valuestring;
        const cJSON *a = member(fact, "a"), *b = member(fact, "b");
        double found =
            cosine(row(subject, tensor, row_of(subject, a)),
                   row(subject, tensor, row_of(subject, b)), subject->model->config.n_embd);
        char what[128];
        name_pair(what, sizeof what, fact, a, b);
        result(fabs(found - number(fact, "value")) <= number(fact, "tolerance"), what, found,
               number(fact, "value"));
    }
}

/* The nearest row of wte to target, the three rows of the question left out. */
static size_t nearest(const struct subject *subject, const float *target, const size_t given[3],
                      double *similarity) {
    size_t best = 0;
    *similarity = -2.0;
    for (size_t id = 0; id < subject->model->config.vocab_size; id++) {
        if (id == given[0] || id == given[1] || id == given[2])
            continue;
        double value = cosine(row(subject, "wte", id), target, subject->model->config.n_embd);
        if (value > *similarity) {
            *similarity = value;
            best = id;
        }
    }
    return best;
}

static void check_analogies(const struct subject *subject) {
    size_t n_embd = subject->model->config.n_embd;
    for (const cJSON *fact = list(subject, "analogies"); fact != NULL; fact = fact->next) {
        size_t given[3] = {row_of(subject, member(fact, "plus")),
                           row_of(subject, member(fact, "minus")),
                           row_of(subject, member(fact, "and"))};
        float *target = tensor_new(n_embd); // [n_embd]
        if (target == NULL)
            die("analogies", "out of memory");
        for (size_t i = 0; i < n_embd; i++)
            target[i] = row(subject, "wte", given[0])[i] - row(subject, "wte", given[1])[i] +
                        row(subject, "wte", given[2])[i];
        double similarity;
        size_t found = nearest(subject, target, given, &similarity);
        size_t expected = row_of(subject, member(fact, "gives"));
        result(found == expected, "analogy, nearest token", (double)found, (double)expected);
        result(fabs(similarity - number(fact, "value")) <= number(fact, "tolerance"),
               "analogy, cosine", similarity, number(fact, "value"));
        tensor_free(target);
    }
}

static struct token_list read_ids(const cJSON *fact, const char *name) {
    struct token_list ids = {0};
    for (const cJSON *item = member(fact, name)->child; item != NULL; item = item->next) {
        if (!token_list_add(&ids, (uint32_t)item->valuedouble))
            die(name, "out of memory");
    }
    return ids;
}

static void check_tokens(const struct subject *subject) {
    for (const cJSON *fact = list(subject, "tokens"); fact != NULL; fact = fact->next) {
        const char *text = member(fact, "text")->valuestring;
        struct token_list expected = read_ids(fact, "ids"), found = {0};
        struct error err;
        if (!tokenizer_encode(subject->tokenizer, text, strlen(text), SPECIAL_AS_TEXT, &found,
                              &err))
            die(text, err.message);
        bool same = found.count == expected.count &&
                    memcmp(found.ids, expected.ids, found.count * sizeof *found.ids) == 0;
        result(same, "number of tokens of a text, and the ids", (double)found.count,
               (double)expected.count);
        token_list_free(&expected);
        token_list_free(&found);
    }
}

static const float *logits_after(const struct subject *subject, const struct token_list *ids) {
    struct error err;
    gpt2_rewind(subject->session, 0);
    if (!gpt2_prefill(subject->session, ids->ids, ids->count, GPT2_LOGITS_LAST, &err))
        die("prefill", err.message);
    return gpt2_logits(subject->session);
}

static void check_greedy(const struct subject *subject) {
    size_t vocab_size = subject->model->config.vocab_size;
    for (const cJSON *fact = list(subject, "greedy"); fact != NULL; fact = fact->next) {
        struct token_list ids = read_ids(fact, "ids"), next = read_ids(fact, "next");
        const float *logits = logits_after(subject, &ids);
        size_t n_right = 0;
        for (size_t i = 0; i < next.count; i++) {
            struct error err;
            size_t id = argmax(logits, vocab_size);
            n_right += id == next.ids[i];
            // Goes on from the published ids, so that one difference counts once.
            if (i + 1 < next.count && !gpt2_decode(subject->session, next.ids[i], &err))
                die("decode", err.message);
            logits = gpt2_logits(subject->session);
        }
        result(n_right == next.count, "greedy tokens that are right", (double)n_right,
               (double)next.count);
        token_list_free(&ids);
        token_list_free(&next);
    }
}

static void check_top(const struct subject *subject) {
    for (const cJSON *fact = list(subject, "top"); fact != NULL; fact = fact->next) {
        struct token_list ids = read_ids(fact, "ids");
        const float *logits = logits_after(subject, &ids);
        double top = (double)argmax(logits, subject->model->config.vocab_size);
        result(top == number(fact, "top_id"), "likeliest next token", top, number(fact, "top_id"));
        const cJSON *items = cJSON_GetObjectItemCaseSensitive(fact, "logits");
        for (const cJSON *item = items != NULL ? items->child : NULL; item != NULL;
             item = item->next) {
            double found = (double)logits[(size_t)number(item, "id")];
            double difference = fabs(found - number(item, "logit"));
            result(difference <= number(fact, "tolerance"), "logit", found, number(item, "logit"));
        }
        token_list_free(&ids);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: facts FOLDER FACTS.json\n");
        return 2;
    }
    struct error err;
    size_t length;
    char *text = file_read(argv[2], (size_t)1 << 26, &length, &err);
    cJSON *facts = text != NULL ? json_parse(argv[2], text, length, &err) : NULL;
    struct subject subject = {.model = gpt2_model_open(argv[1], &err), .facts = facts};
    if (facts == NULL || subject.model == NULL)
        die(argv[1], err.message);
    subject.session = gpt2_session_new(subject.model, 1, &err);
    subject.tokenizer = tokenizer_open(argv[1], &err);
    if (subject.session == NULL || subject.tokenizer == NULL)
        die(argv[1], err.message);
    const cJSON *n_parameters = cJSON_GetObjectItemCaseSensitive(facts, "n_parameters");
    if (n_parameters != NULL)
        result((double)subject.model->n_parameters == n_parameters->valuedouble, "parameters",
               (double)subject.model->n_parameters, n_parameters->valuedouble);
    check_rows(&subject);
    check_cosines(&subject);
    check_analogies(&subject);
    check_tokens(&subject);
    check_greedy(&subject);
    check_top(&subject);
    printf("1..%d\n", n_tests);
    tokenizer_close(subject.tokenizer);
    gpt2_session_free(subject.session);
    gpt2_model_close(subject.model);
    cJSON_Delete(facts);
    free(text);
    return n_failed > 0 || n_tests == 0;
}
