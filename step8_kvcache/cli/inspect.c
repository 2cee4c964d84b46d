#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64 // a 32-bit system too has files of more than 2 GB

#include "inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../common/files.h"
#include "../../common/sampler.h"
#include "../../common/utf8.h"

bool inspect_tokenize(const struct token_list *ids, struct output *output, struct error *err) {
    for (size_t i = 0; i < ids->count; i++) {
        char digits[16];
        int n =
            snprintf(digits, sizeof digits, "%s%lu", i > 0 ? " " : "", (unsigned long)ids->ids[i]);
        if (!output_bytes(output, digits, (size_t)n, err))
            return false;
    }
    return output_end_line(output, err);
}

static bool is_white_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Reads the id that begins at text[*at]; the word that is wrong goes into the message. */
static bool next_id(const struct text *text, size_t *at, size_t n_tokens, uint32_t *id,
                    struct error *err) {
    size_t start = *at;
    uint64_t value = 0;
    bool digits = true;
    for (; *at < text->length && !is_white_space(text->bytes[*at]); (*at)++) {
        char c = text->bytes[*at];
        digits = digits && c >= '0' && c <= '9';
        if (digits && value < n_tokens) // beyond that it is too large however it goes on
            value = value * 10 + (uint64_t)(c - '0');
    }
    int length = (int)(*at - start < 40 ? *at - start : 40);
    if (!digits || value >= n_tokens)
        return error_set(err, "--detokenize: \"%.*s\" is not a token id, expected %s%zu%s", length,
                         text->bytes + start, digits ? "0 to " : "numbers from 0 to ", n_tokens - 1,
                         digits ? " (-m names another model)"
                                : " with spaces between, such as \"1 2 3\"");
    *id = (uint32_t)value;
    return true;
}

/* All ids first: a text with a mistake in it prints nothing. */
static bool read_ids(const struct text *text, size_t n_tokens, struct token_list *ids,
                     struct error *err) {
    for (size_t at = 0; at < text->length;) {
        uint32_t id = 0;
        if (is_white_space(text->bytes[at])) {
            at++;
            continue;
        }
        if (!next_id(text, &at, n_tokens, &id, err))
            return false;
        if (!token_list_add(ids, id))
            return error_no_memory(err, "the ids");
    }
    return true;
}

bool inspect_detokenize(const struct tokenizer *tokenizer, const struct text *text,
                        struct output *output, struct error *err) {
    struct token_list ids = {0};
    bool fine = read_ids(text, tokenizer_count(tokenizer), &ids, err);
    for (size_t i = 0; i < ids.count && fine; i++) {
        size_t length;
        const char *bytes = tokenizer_decode(tokenizer, ids.ids[i], &length);
        fine = output_bytes(output, bytes, length, err);
    }
    token_list_free(&ids);
    return fine && output_end_line(output, err);
}

/* The sum of the weights over the vocabulary: what softmax divides by. */
static double softmax_sum(const float *logits, size_t n, float largest) {
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += isnan(logits[i]) ? 0.0 : (double)sampler_weight(logits[i], largest, 1.0f);
    return sum;
}

static bool print_candidate(const struct tokenizer *tokenizer, size_t rank,
                            const struct candidate *candidate, double share, struct output *output,
                            struct error *err) {
    char columns[64];
    size_t length;
    const char *bytes = tokenizer_decode(tokenizer, candidate->id, &length);
    char *quoted = utf8_quote(bytes, length);
    if (quoted == NULL)
        return error_no_memory(err, "the table");
    int n = snprintf(columns, sizeof columns, "%4zu  %8.4f %%  %6lu  ", rank, 100.0 * share,
                     (unsigned long)candidate->id);
    bool written = output_bytes(output, columns, (size_t)n, err) &&
                   output_bytes(output, quoted, strlen(quoted), err) &&
                   output_end_line(output, err);
    free(quoted);
    return written;
}

static bool print_table(const struct tokenizer *tokenizer, const float *logits,
                        const struct candidate *best, size_t n_best, struct output *output,
                        struct error *err) {
    size_t n_tokens = tokenizer_count(tokenizer);
    double sum = n_best > 0 ? softmax_sum(logits, n_tokens, best[0].logit) : 0.0;
    for (size_t i = 0; i < n_best; i++) {
        double share = (double)sampler_weight(best[i].logit, best[0].logit, 1.0f) / sum;
        if (!print_candidate(tokenizer, i + 1, &best[i], share, output, err))
            return false;
    }
    return n_best > 0 || sampler_no_candidate(err);
}

bool inspect_top(struct engine *engine, const struct tokenizer *tokenizer,
                 const struct token_list *ids, size_t n, struct output *output, struct error *err) {
    size_t n_tokens = tokenizer_count(tokenizer);
    n = n < n_tokens ? n : n_tokens;
    const float *logits = engine_logits(engine, ids, err);
    if (logits == NULL)
        return false;
    struct sampler_settings greedy = {.temperature = 0.0f, .top_k = 0, .top_p = 1.0f, .seed = 0};
    struct sampler *sampler = sampler_new(greedy, n_tokens, err);
    if (sampler == NULL)
        return false;
    struct candidate *best = calloc(n, sizeof *best); // [n]
    bool printed = false;
    if (best == NULL) {
        error_no_memory(err, "the table");
    } else {
        size_t n_best = sampler_best(sampler, logits, n_tokens, n, best);
        printed = print_table(tokenizer, logits, best, n_best, output, err);
    }
    free(best);
    sampler_free(sampler);
    return printed;
}

/* Whether a path leads to our standard output, by whatever name: /dev/stdout, a link to it. */
static bool is_standard_output(const char *path) {
    struct stat there, ours;
    return stat(path, &there) == 0 && fstat(STDOUT_FILENO, &ours) == 0 &&
           there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

bool inspect_logits(struct engine *engine, const struct token_list *ids, const char *path,
                    struct output *output, struct error *err) {
    const float *logits = engine_logits(engine, ids, err);
    if (logits == NULL)
        return false;
    // The processor is little-endian (safetensors.c refuses any other), so memory is the format.
    size_t length = engine->model->config.vocab_size * sizeof *logits;
    bool to_output = strcmp(path, "-") == 0 || is_standard_output(path);
    return to_output ? output_bytes(output, (const char *)logits, length, err) &&
                           output_flush(output, err)
                     : file_write(path, logits, length, err);
}
