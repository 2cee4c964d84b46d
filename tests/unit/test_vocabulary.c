/* common/vocabulary.h: vocab.json, the table of tokens. */
#include "support.h"

#include "../../common/vocabulary.h"

static struct vocabulary *open_text(const char *text) {
    struct error err;
    write_text(path_of("vocab.json"), text);
    struct vocabulary *vocabulary = vocabulary_open(path_of("vocab.json"), &err);
    if (vocabulary == NULL)
        fail_msg("%s", err.message);
    return vocabulary;
}

/* The file is refused, and the message has its name and the words. */
#define check_refused(text, ...)                                                                   \
    do {                                                                                           \
        struct error err_;                                                                         \
        write_text(path_of("vocab.json"), text);                                                   \
        assert_null(vocabulary_open(path_of("vocab.json"), &err_));                                \
        assert_message(&err_, path_of("vocab.json"), __VA_ARGS__);                                 \
    } while (0)

static void check_bytes(const struct vocabulary *vocabulary, uint32_t id, const char *expected) {
    size_t length;
    const char *bytes = vocabulary_bytes(vocabulary, id, &length);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, length);
}

/* --- good files ----------------------------------------------------------------------------- */

TEST(each_id_has_its_bytes) {
    struct vocabulary *vocabulary = open_text("{\"a\": 1, \"b\": 0, \"ab\": 2}");
    assert_int_equal(vocabulary_count(vocabulary), 3);
    check_bytes(vocabulary, 0, "b");
    check_bytes(vocabulary, 1, "a");
    check_bytes(vocabulary, 2, "ab");
    vocabulary_close(vocabulary);
}

TEST(each_token_has_its_id) {
    struct vocabulary *vocabulary = open_text("{\"a\": 1, \"b\": 0, \"ab\": 2}");
    uint32_t id = 9;
    assert_true(vocabulary_find(vocabulary, "ab", 2, &id));
    assert_int_equal(id, 2);
    assert_true(vocabulary_find(vocabulary, "abc", 1, &id));
    assert_int_equal(id, 1);
    vocabulary_close(vocabulary);
}

TEST(a_token_that_is_not_there_is_not_found) {
    struct vocabulary *vocabulary = open_text("{\"a\": 1, \"b\": 0, \"ab\": 2}");
    uint32_t id = 9;
    assert_false(vocabulary_find(vocabulary, "", 0, &id));
    assert_false(vocabulary_find(vocabulary, "ba", 2, &id));
    assert_false(vocabulary_find(vocabulary, "abc", 3, &id));
    assert_false(vocabulary_find(vocabulary, "a\0", 2, &id));
    assert_int_equal(id, 9);
    vocabulary_close(vocabulary);
}

TEST(a_vocabulary_of_one_token_is_fine) {
    struct vocabulary *vocabulary = open_text("{\"a\": 0}");
    assert_int_equal(vocabulary_count(vocabulary), 1);
    vocabulary_close(vocabulary);
}

TEST(a_g_with_a_dot_above_is_a_space) {
    struct vocabulary *vocabulary = open_text("{\"\\u0120server\": 0, \"\xc4\x8a\": 1}");
    check_bytes(vocabulary, 0, " server");
    check_bytes(vocabulary, 1, "\n");
    vocabulary_close(vocabulary);
}

TEST(a_token_may_have_bytes_that_are_no_utf8) {
    // The bytes f0 9f, half of an emoji, are the characters U+00F0 and U+0141 of the file.
    struct vocabulary *vocabulary = open_text("{\"\\u00f0\\u0141\": 0}");
    check_bytes(vocabulary, 0, "\xf0\x9f");
    vocabulary_close(vocabulary);
}

TEST(quotes_and_backslashes_are_tokens_like_others) {
    struct vocabulary *vocabulary = open_text("{\"\\\"\": 0, \"\\\\\": 1}");
    check_bytes(vocabulary, 0, "\"");
    check_bytes(vocabulary, 1, "\\");
    vocabulary_close(vocabulary);
}

TEST(thousands_of_tokens_are_all_found) {
    enum { COUNT = 20000 };
    char *text = malloc(COUNT * 20), token[20];
    size_t used = 0, length;
    for (int id = 0; id < COUNT; id++)
        used += (size_t)sprintf(text + used, "%c\"t%x\": %d", id == 0 ? '{' : ',', id * 7, id);
    strcpy(text + used, "}");
    struct vocabulary *vocabulary = open_text(text);
    for (uint32_t id = 0; id < COUNT; id++) {
        uint32_t found;
        sprintf(token, "t%x", id * 7);
        assert_true(vocabulary_find(vocabulary, token, strlen(token), &found));
        assert_int_equal(found, id);
        vocabulary_bytes(vocabulary, id, &length);
        assert_int_equal(length, strlen(token));
    }
    vocabulary_close(vocabulary);
    free(text);
}

TEST(closing_null_is_fine) {
    vocabulary_close(NULL);
}

/* --- the characters that stand for bytes ---------------------------------------------------- */

/* OpenAI's table, by its description: printable bytes are themselves, the others count from 256. */
static int32_t symbol_of_byte(unsigned byte) {
    int32_t next = 256;
    for (unsigned b = 0; b <= byte; b++) {
        bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
        if (b == byte)
            return printable ? (int32_t)b : next;
        next += !printable;
    }
    return -1;
}

static size_t encode_symbol(int32_t c, char *out) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

TEST(each_byte_has_its_character) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char symbol[2], bytes[2];
        size_t length = encode_symbol(symbol_of_byte(byte), symbol);
        assert_int_equal(vocabulary_symbols_to_bytes(symbol, length, bytes), 1);
        assert_int_equal((unsigned char)bytes[0], byte);
    }
}

TEST(other_characters_stand_for_no_byte) {
    static const char *const texts[] = {
        " ",        "\n",       "a b",          "\x7f",  "\xc2\xa0",
        "\xc2\xad", "\xc5\x84", "\xe4\xbd\xa0", "a\xff", "\x01",
    };
    char bytes[10];
    for (size_t i = 0; i < LENGTH(texts); i++)
        assert_int_equal(vocabulary_symbols_to_bytes(texts[i], strlen(texts[i]), bytes), -1);
}

TEST(the_last_character_is_u0143) {
    char bytes[2];
    assert_int_equal(vocabulary_symbols_to_bytes("\xc5\x83", 2, bytes), 1); // U+0143
    assert_int_equal((unsigned char)bytes[0], 0xad);
}

TEST(no_characters_are_no_bytes) {
    char bytes[1];
    assert_int_equal(vocabulary_symbols_to_bytes("", 0, bytes), 0);
}

/* --- refused files -------------------------------------------------------------------------- */

TEST(a_hole_in_the_ids_is_refused) {
    check_refused("{\"a\": 0, \"b\": 2}", "token \"b\"", "no id from 0 to 1", "2 tokens");
}

TEST(an_id_out_of_range_is_refused) {
    check_refused("{\"a\": 0, \"b\": 4294967296}", "token \"b\"", "no id from 0 to 1");
    check_refused("{\"a\": 18446744073709551616}", "token \"a\"", "no id from 0 to 0");
}

TEST(an_id_that_is_no_whole_number_is_refused) {
    static const char *const ids[] = {"-1", "0.5", "\"0\"", "null", "[0]", "{}", "true", "1e999"};
    for (size_t i = 0; i < LENGTH(ids); i++) {
        char text[50];
        snprintf(text, sizeof text, "{\"a\": %s}", ids[i]);
        check_refused(text, "token \"a\"", "no id");
    }
}

TEST(an_id_given_twice_is_refused) {
    check_refused("{\"a\": 0, \"b\": 0, \"c\": 1}", "id 0", "two tokens", "\"b\"");
}

TEST(a_token_given_twice_is_refused) {
    check_refused("{\"a\": 0, \"a\": 1}", "token \"a\"", "twice");
    check_refused("{\"a\": 0, \"\\u0061\": 1}", "token \"a\"", "twice");
}

TEST(an_empty_token_is_refused) {
    check_refused("{\"\": 0}", "token \"\"", "id 0", "empty");
}

TEST(a_vocabulary_that_is_not_byte_level_is_refused) {
    check_refused("{\" server\": 0}", "token \" server\"", "not a byte-level vocabulary");
    check_refused("{\"a\": 0, \"\xe4\xbd\xa0\": 1}", "id 1", "not a byte-level vocabulary");
    check_refused("{\"\xe2\x96\x81server\": 0}", "not a byte-level vocabulary");
}

TEST(an_empty_object_is_refused) {
    check_refused("{}", "at least one token");
}

TEST(something_else_than_an_object_is_refused) {
    check_refused("[\"a\", \"b\"]", "expected a JSON object");
    check_refused("[]", "expected a JSON object");
    check_refused("\"a\"", "expected a JSON object");
    check_refused("17", "expected a JSON object");
    check_refused("null", "expected a JSON object");
}

TEST(broken_json_is_refused) {
    check_refused("", "not valid JSON");
    check_refused("{\"a\": 0", "not valid JSON");
    check_refused("{\"a\": 0} {", "something follows");
    check_refused("{\"a\xff\": 0}", "UTF-8");
    check_refused("{\"a\\u0000\": 0}", "NUL");
}

TEST(a_missing_file_is_refused) {
    struct error err;
    assert_null(vocabulary_open(path_of("missing.json"), &err));
    assert_message(&err, path_of("missing.json"), "no such file", "vocab.json", "-m DIR");
}

TEST(a_huge_file_is_refused_before_it_is_read) {
    struct error err;
    const char *path = path_of("huge.json");
    write_text(path, "{");
    assert_int_equal(truncate(path, (off_t)1 << 40), 0); // a hole: takes no space
    assert_null(vocabulary_open(path, &err));
    assert_message(&err, path, "expected at most", "right file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_id_has_its_bytes),
        cmocka_unit_test(each_token_has_its_id),
        cmocka_unit_test(a_token_that_is_not_there_is_not_found),
        cmocka_unit_test(a_vocabulary_of_one_token_is_fine),
        cmocka_unit_test(a_g_with_a_dot_above_is_a_space),
        cmocka_unit_test(a_token_may_have_bytes_that_are_no_utf8),
        cmocka_unit_test(quotes_and_backslashes_are_tokens_like_others),
        cmocka_unit_test(thousands_of_tokens_are_all_found),
        cmocka_unit_test(closing_null_is_fine),
        cmocka_unit_test(each_byte_has_its_character),
        cmocka_unit_test(other_characters_stand_for_no_byte),
        cmocka_unit_test(the_last_character_is_u0143),
        cmocka_unit_test(no_characters_are_no_bytes),
        cmocka_unit_test(a_hole_in_the_ids_is_refused),
        cmocka_unit_test(an_id_out_of_range_is_refused),
        cmocka_unit_test(an_id_that_is_no_whole_number_is_refused),
        cmocka_unit_test(an_id_given_twice_is_refused),
        cmocka_unit_test(a_token_given_twice_is_refused),
        cmocka_unit_test(an_empty_token_is_refused),
        cmocka_unit_test(a_vocabulary_that_is_not_byte_level_is_refused),
        cmocka_unit_test(an_empty_object_is_refused),
        cmocka_unit_test(something_else_than_an_object_is_refused),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(a_missing_file_is_refused),
        cmocka_unit_test(a_huge_file_is_refused_before_it_is_read),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
