/*
 * Any bytes as a text for the vocabulary of models/tiny: decoding gives them back, and the tokens
 * are those that the rule of bpe.h gives when it is followed to the letter, one merge at a time.
 */
#include "fuzz.h"

#include "../../common/chunks.h"
#include "../../common/merges.h"
#include "../../common/tokenizer.h"
#include "../../common/vocabulary.h"

enum { LONGEST = 400 }; // of a chunk for the slow way

static struct tokenizer *tokenizer;
static struct vocabulary *vocabulary;
static struct merges *merges;

static void open_all(void) {
    struct error err = {""};
    vocabulary = vocabulary_open("models/tiny/vocab.json", &err);
    check(vocabulary != NULL, "%s", err.message);
    merges = merges_open("models/tiny/merges.txt", vocabulary, &err);
    check(merges != NULL, "%s", err.message);
    tokenizer = tokenizer_open("models/tiny", &err);
    check(tokenizer != NULL, "%s", err.message);
}

/* The leftmost of the pairs with the lowest rank; NULL when no rule fits any. */
static const struct merge *best_rule(const uint32_t *ids, size_t n, size_t *at) {
    const struct merge *best = NULL;
    for (size_t i = 0; i + 1 < n; i++) {
        const struct merge *rule = merges_find(merges, ids[i], ids[i + 1]);
        if (rule != NULL && (best == NULL || rule->rank < best->rank)) {
            best = rule;
            *at = i;
        }
    }
    return best;
}

/* ids: room for length. Returns how many. */
static size_t merge_slowly(const char *chunk, size_t length, uint32_t *ids) {
    size_t n = length, at = 0;
    for (size_t i = 0; i < length; i++)
        check(vocabulary_find(vocabulary, chunk + i, 1, &ids[i]), "byte %zu", i);
    for (const struct merge *rule; (rule = best_rule(ids, n, &at)) != NULL;) {
        ids[at] = rule->joined;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
    return n;
}

static void check_tokens(const char *text, size_t length, const struct token_list *list) {
    size_t done = 0;
    for (size_t at = 0; at < length;) {
        size_t n = chunk_length(text + at, length - at);
        check(n >= 1 && n <= length - at, "a chunk of %zu bytes at %zu", n, at);
        if (n > LONGEST)
            return;
        uint32_t ids[LONGEST];
        size_t count = merge_slowly(text + at, n, ids);
        check(count <= list->count - done, "the chunk at %zu", at);
        check(memcmp(ids, list->ids + done, count * sizeof *ids) == 0, "the chunk at %zu", at);
        done += count;
        at += n;
    }
    check(done == list->count, "%zu of %zu tokens", done, list->count);
}

static void check_bytes(const char *text, size_t length, const struct token_list *list) {
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t n;
        const char *bytes = tokenizer_decode(tokenizer, list->ids[i], &n);
        check(bytes != NULL && n <= length - at && memcmp(text + at, bytes, n) == 0, "token %zu",
              i);
        at += n;
    }
    check(at == length, "%zu of %zu bytes", at, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = {""};
    struct token_list as_text = {0}, as_token = {0};
    const char *text = size > 0 ? (const char *)data : "";
    if (tokenizer == NULL)
        open_all();
    check(tokenizer_encode(tokenizer, text, size, SPECIAL_AS_TEXT, &as_text, &err), "%s",
          err.message);
    check_bytes(text, size, &as_text);
    check_tokens(text, size, &as_text);
    check(tokenizer_encode(tokenizer, text, size, SPECIAL_AS_TOKEN, &as_token, &err), "%s",
          err.message);
    check_bytes(text, size, &as_token);
    token_list_free(&as_text);
    token_list_free(&as_token);
    return 0;
}
