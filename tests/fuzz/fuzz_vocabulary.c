/*
 * Any bytes as vocab.json and merges.txt, which a byte 0xff separates (UTF-8 has none). What was
 * accepted is used: every token is found by its bytes, and a text comes back as it was or is refused.
 */
#include "fuzz.h"

#include "../../common/tokenizer.h"
#include "../../common/vocabulary.h"

static void check_tokens(const char *path) {
    struct error err = {""};
    struct vocabulary *vocabulary = vocabulary_open(path, &err);
    check(vocabulary != NULL, "%s", err.message);
    for (uint32_t id = 0; id < vocabulary_count(vocabulary); id++) {
        size_t length;
        uint32_t found;
        const char *bytes = vocabulary_bytes(vocabulary, id, &length);
        check(length > 0, "token %lu", (unsigned long)id);
        check(vocabulary_find(vocabulary, bytes, length, &found) && found == id, "token %lu",
              (unsigned long)id);
    }
    vocabulary_close(vocabulary);
}

static void check_text(const struct tokenizer *tokenizer, const char *text, size_t length) {
    struct error err = {""};
    struct token_list ids = {0};
    if (tokenizer_encode(tokenizer, text, length, SPECIAL_AS_TEXT, &ids, &err)) {
        size_t at = 0;
        for (size_t i = 0; i < ids.count; i++) {
            size_t n;
            const char *bytes = tokenizer_decode(tokenizer, ids.ids[i], &n);
            check(bytes != NULL && n <= length - at && memcmp(text + at, bytes, n) == 0,
                  "token %zu of the text", i);
            at += n;
        }
        check(at == length, "%zu of %zu bytes", at, length);
    } else {
        check_message(&err);
        check(ids.count == 0, "%zu tokens of a refused text", ids.count);
    }
    token_list_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] = "the the abab aaaa 12 <|endoftext|> \xc3\xa9\xff";
    const uint8_t *separator = size > 0 ? memchr(data, 0xff, size) : NULL;
    size_t first = separator != NULL ? (size_t)(separator - data) : size;
    size_t second = separator != NULL ? size - first - 1 : 0;
    struct error err = {""};
    const char *path = fuzz_write("vocab.json", data, first);
    fuzz_write("merges.txt", separator != NULL ? separator + 1 : data, second);
    struct tokenizer *tokenizer = tokenizer_open(fuzz_folder(), &err);
    if (tokenizer == NULL) {
        check_message(&err);
        return 0;
    }
    check_tokens(path);
    check_text(tokenizer, text, sizeof text - 1);
    check_text(tokenizer, (const char *)data, size < 200 ? size : 200);
    uint32_t id;
    if (tokenizer_end_of_text(tokenizer, &id))
        check(id < tokenizer_count(tokenizer), "id %lu", (unsigned long)id);
    tokenizer_close(tokenizer);
    return 0;
}
