/*
 * The tokenizer against ids that OpenAI's tiktoken gave: small.jsonl and real.jsonl in
 * tests/golden/tokenizer, a text a line. Runs from the top of the repository. real.jsonl needs
 * GPT-2's own vocabulary, in GPT2_TOKENIZER_DIR or models/gpt2; its tests are skipped without.
 */
#include "support.h"

#include <cjson/cJSON.h>

#include "../../common/tokenizer.h"
#include "../../common/utf8.h"

#define GOLDEN "tests/golden/tokenizer/"

static const char *tokenizer_folder(void) {
    const char *folder = getenv("GPT2_TOKENIZER_DIR");
    return folder != NULL && folder[0] != '\0' ? folder : "models/gpt2";
}

static bool has_tokenizer(const char *folder) {
    char path[600];
    snprintf(path, sizeof path, "%.500s/vocab.json", folder);
    bool vocab = access(path, R_OK) == 0;
    snprintf(path, sizeof path, "%.500s/merges.txt", folder);
    return vocab && access(path, R_OK) == 0;
}

/* The text of a line. bytes: room for half of the hex digits. */
static size_t unhex(const char *hex, char *bytes) {
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        bytes[i] = (char)byte;
    }
    return n;
}

/* Encoding gives the line's ids. */
static bool encodes(const struct tokenizer *tokenizer, const cJSON *line, const char *text,
                    size_t length) {
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(line, "ids");
    bool special = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(line, "special"));
    struct token_list list = {0};
    struct error err;
    assert_done(tokenizer_encode(tokenizer, text, length,
                                 special ? SPECIAL_AS_TOKEN : SPECIAL_AS_TEXT, &list, &err),
                &err);
    size_t n = 0;
    bool same = true;
    for (const cJSON *id = ids->child; id != NULL; id = id->next, n++)
        same = same && n < list.count && (double)list.ids[n] == id->valuedouble;
    same = same && n == list.count;
    token_list_free(&list);
    return same;
}

/* Decoding the line's ids gives the text. */
static bool decodes(const struct tokenizer *tokenizer, const cJSON *line, const char *text,
                    size_t length) {
    const cJSON *ids = cJSON_GetObjectItemCaseSensitive(line, "ids");
    size_t at = 0;
    for (const cJSON *id = ids->child; id != NULL; id = id->next) {
        size_t n;
        const char *bytes = tokenizer_decode(tokenizer, (uint32_t)id->valuedouble, &n);
        if (bytes == NULL || n > length - at || memcmp(bytes, text + at, n) != 0)
            return false;
        at += n;
    }
    return at == length;
}

typedef bool check_line(const struct tokenizer *tokenizer, const cJSON *line, const char *text,
                        size_t length);

/* Checks every line of a file; shows the first that fails. */
static void check_file(const char *path, const char *folder, check_line *check) {
    struct error err;
    struct tokenizer *tokenizer = tokenizer_open(folder, &err);
    if (tokenizer == NULL)
        fail_msg("%s", err.message);
    size_t length, n_lines = 0;
    char *lines = read_bytes(path, &length);
    for (char *line = strtok(lines, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cJSON *object = cJSON_Parse(line);
        const cJSON *hex = cJSON_GetObjectItemCaseSensitive(object, "hex");
        if (!cJSON_IsString(hex))
            fail_msg("%s: line %zu is no golden line", path, n_lines + 1);
        char *text = malloc(strlen(hex->valuestring) / 2 + 1);
        size_t text_length = unhex(hex->valuestring, text);
        n_lines++;
        if (!check(tokenizer, object, text, text_length))
            fail_msg("%s: line %zu differs: %s", path, n_lines, line);
        free(text);
        cJSON_Delete(object);
    }
    assert_true(n_lines > 100);
    free(lines);
    tokenizer_close(tokenizer);
}

TEST(small_vocabulary_encodes_like_tiktoken) {
    check_file(GOLDEN "small.jsonl", GOLDEN "small", encodes);
}

TEST(small_vocabulary_decodes_to_the_text) {
    check_file(GOLDEN "small.jsonl", GOLDEN "small", decodes);
}

TEST(real_vocabulary_encodes_like_tiktoken) {
    if (!has_tokenizer(tokenizer_folder()))
        skip();
    check_file(GOLDEN "real.jsonl", tokenizer_folder(), encodes);
}

TEST(real_vocabulary_decodes_to_the_text) {
    if (!has_tokenizer(tokenizer_folder()))
        skip();
    check_file(GOLDEN "real.jsonl", tokenizer_folder(), decodes);
}

TEST(real_vocabulary_has_344_tokens_that_are_no_utf8) {
    if (!has_tokenizer(tokenizer_folder()))
        skip();
    struct error err;
    struct tokenizer *tokenizer = tokenizer_open(tokenizer_folder(), &err);
    assert_non_null(tokenizer);
    assert_int_equal(tokenizer_count(tokenizer), 50257);
    size_t n_bad = 0;
    for (uint32_t id = 0; id < 50257; id++) {
        size_t length;
        const char *bytes = tokenizer_decode(tokenizer, id, &length);
        n_bad += !utf8_valid(bytes, length);
    }
    assert_int_equal(n_bad, 344);
    tokenizer_close(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_vocabulary_encodes_like_tiktoken),
        cmocka_unit_test(small_vocabulary_decodes_to_the_text),
        cmocka_unit_test(real_vocabulary_encodes_like_tiktoken),
        cmocka_unit_test(real_vocabulary_decodes_to_the_text),
        cmocka_unit_test(real_vocabulary_has_344_tokens_that_are_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
