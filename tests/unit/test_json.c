/* common/json.h: JSON from files that nobody vouches for. */
#include "support.h"

#include "../../common/json.h"

/* Parses a copy that ends where the text ends, so that a read beyond it is noticed. */
static cJSON *parse_bytes(const char *text, size_t length, struct error *err) {
    char *copy = malloc(length > 0 ? length : 1);
    assert_non_null(copy);
    memcpy(copy, text, length);
    cJSON *value = json_parse("x.json", copy, length, err);
    free(copy);
    return value;
}

static cJSON *parse(const char *text, struct error *err) {
    return parse_bytes(text, strlen(text), err);
}

static void check_accepted(const char *text) {
    struct error err;
    cJSON *value = parse(text, &err);
    if (value == NULL)
        fail_msg("%s: %s", text, err.message);
    cJSON_Delete(value);
}

static void check_refused(const char *text, size_t length, const char *reason) {
    struct error err;
    cJSON *value = parse_bytes(text, length, &err);
    if (value != NULL)
        fail_msg("accepted: %s", text);
    assert_message(&err, "x.json", reason);
}

/* --- what is JSON --------------------------------------------------------------------------- */

TEST(an_object_is_parsed) {
    struct error err;
    cJSON *value = parse("{\"a\": [1, \"caf\xc3\xa9\", null]}", &err);
    assert_non_null(value);
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(value, "a");
    assert_int_equal(cJSON_GetArraySize(array), 3);
    assert_string_equal(cJSON_GetArrayItem(array, 1)->valuestring, "caf\xc3\xa9");
    cJSON_Delete(value);
}

TEST(a_value_that_ends_with_the_file_is_parsed) {
    check_accepted("12");
    check_accepted("true");
    check_accepted("\"\"");
    check_accepted("[]");
    check_accepted("-1.5e3");
}

TEST(white_space_around_the_value_is_fine) {
    check_accepted(" \t\r\n{} \t\r\n");
}

TEST(an_empty_text_is_refused) {
    check_refused("", 0, "not valid JSON");
    check_refused(" \n", 2, "not valid JSON");
}

TEST(broken_json_is_refused) {
    static const char *const texts[] = {
        "{",     "}",        "[1,]", "[1 2]",   "{\"a\" 1}", "{a: 1}",    "\"open", "nul",
        "[1, 2", "{\"a\":}", "tru",  "\"\\x\"", "\"\\",      "\"\\u12\"", "--1",    "\"\\ud800\""};
    for (size_t i = 0; i < LENGTH(texts); i++)
        check_refused(texts[i], strlen(texts[i]), "not valid JSON");
}

TEST(every_beginning_of_an_object_is_refused) {
    static const char text[] = "{\"a\": [1, \"x\\u00e9\", {\"b\": -1.5e3}], \"c\": true}";
    for (size_t length = 0; length < sizeof text - 1; length++)
        check_refused(text, length, "not valid JSON");
}

TEST(something_after_the_value_is_refused) {
    check_refused("{} x", 4, "something follows");
    check_refused("{}{}", 4, "something follows");
    check_refused("1 2", 3, "something follows");
    check_refused("[]]", 3, "something follows");
}

TEST(the_message_says_where) {
    struct error err;
    assert_null(parse("[1, 2] 3", &err));
    assert_message(&err, "byte 6");
}

/* --- what hostile files try ----------------------------------------------------------------- */

TEST(bytes_that_are_no_utf8_are_refused) {
    check_refused("{\"a\xff\": 1}", 9, "UTF-8");
    check_refused("\"\xc0\x80\"", 4, "UTF-8");
    check_refused("\"\xed\xa0\x80\"", 5, "UTF-8");
    check_refused("{} \x80", 4, "UTF-8");
}

TEST(a_nul_byte_is_refused_anywhere) {
    check_refused("{}\0", 3, "NUL");
    check_refused("\0{}", 3, "NUL");
    check_refused("\"a\0b\"", 5, "NUL");
}

TEST(an_escaped_nul_is_refused) {
    check_refused("\"\\u0000\"", 8, "NUL");
    check_refused("{\"a\\u0000b\": 1}", 15, "NUL");
    check_refused("\"\\\\\\u0000\"", 10, "NUL"); // an escaped backslash, then the NUL
}

TEST(an_escaped_backslash_before_u0000_is_text) {
    struct error err;
    cJSON *value = parse("\"\\\\u0000\"", &err);
    assert_non_null(value);
    assert_string_equal(value->valuestring, "\\u0000");
    cJSON_Delete(value);
}

TEST(other_escapes_are_text) {
    struct error err;
    cJSON *value = parse("\"\\u0120\\n\\ud83d\\ude00\"", &err);
    assert_non_null(value);
    assert_string_equal(value->valuestring, "\xc4\xa0\n\xf0\x9f\x98\x80");
    cJSON_Delete(value);
}

TEST(a_depth_of_2000_is_refused) {
    char text[4000];
    memset(text, '[', 2000);
    memset(text + 2000, ']', 2000);
    check_refused(text, 4000, "not valid JSON");
    check_refused(text, 2000, "not valid JSON");
}

TEST(a_depth_of_100_is_fine) {
    char text[201] = "";
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    check_accepted(text);
}

/* An array of n zeros; the caller frees it. */
static char *zeros(size_t n) {
    char *text = malloc(2 * n + 2);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + 2 * i, ",0", 2);
    text[0] = '[';
    strcpy(text + 2 * n, "]");
    return text;
}

TEST(more_values_than_a_model_has_are_refused_before_they_take_memory) {
    char *most = zeros(JSON_VALUES_MAX - 1), *more = zeros(JSON_VALUES_MAX); // the array counts too
    check_accepted(most);
    check_refused(more, strlen(more), "has about 1000001 values, expected at most 1000000");
    free(most);
    free(more);
}

TEST(a_number_of_400_digits_counts_nothing) {
    struct error err;
    char text[401];
    memset(text, '9', 400);
    text[400] = '\0';
    cJSON *value = parse(text, &err);
    size_t count;
    assert_true(value == NULL || !json_count(value, &count));
    cJSON_Delete(value);
}

TEST(the_same_name_twice_is_kept_for_the_caller_to_see) {
    struct error err;
    cJSON *value = parse("{\"a\": 1, \"a\": 2}", &err);
    assert_non_null(value);
    assert_int_equal(cJSON_GetArraySize(value), 2);
    cJSON_Delete(value);
}

/* --- json_count ----------------------------------------------------------------------------- */

static bool count_of(const char *text, size_t *count) {
    struct error err;
    cJSON *value = parse(text, &err);
    assert_non_null(value);
    bool is_count = json_count(value, count);
    cJSON_Delete(value);
    return is_count;
}

TEST(whole_numbers_count) {
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {
        {"0", 0},
        {"1", 1},
        {"50257", 50257},
        {"1e3", 1000},
        {"2.0", 2},
        {"-0", 0},
        {"4294967295", 4294967295u},
#if SIZE_MAX > UINT32_MAX
        {"4294967296", 4294967296u},
        {"9007199254740992", 9007199254740992u}
#endif
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        size_t count = 77;
        assert_true(count_of(cases[i].text, &count));
        assert_int_equal(count, cases[i].count);
    }
}

TEST(other_values_do_not_count) {
    static const char *const texts[] = {
        "-1",
        "0.5",
        "1.0000001",
        "9007199254740994",
        "1e300",
        "1e999",
        "-1e999",
        "\"1\"",
        "null",
        "true",
        "[1]",
        "{}",
#if SIZE_MAX == UINT32_MAX
        "4294967296",
        "9007199254740992"
#endif
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        size_t count;
        if (count_of(texts[i], &count))
            fail_msg("%s counts as %zu", texts[i], count);
    }
}

TEST(nothing_does_not_count) {
    size_t count;
    assert_false(json_count(NULL, &count));
}

/* --- quoting ------------------------------------------------------------------------------- */

static void check_quote(const char *bytes, size_t length, const char *expected) {
    char *text = json_quote(bytes, length);
    assert_string_equal(text, expected);
    free(text);
}

TEST(a_plain_text_stands_in_quotes) {
    check_quote("", 0, "\"\"");
    check_quote("caf\xc3\xa9", 5, "\"caf\xc3\xa9\"");
}

TEST(quotes_backslashes_and_controls_are_escaped) {
    check_quote("\"\\", 2, "\"\\\"\\\\\"");
    check_quote("a\n\t", 3, "\"a\\u000a\\u0009\"");
    check_quote("\x7f\xc2\x9b\xc2\xa0", 5, "\"\\u007f\\u009b\xc2\xa0\"");
    check_quote("\xe2\x80\xae", 3, "\"\\u202e\"");
    check_quote("\xf3\xa0\x80\x81", 4, "\"\\udb40\\udc01\"");
}

TEST(a_nul_is_escaped_and_ends_nothing) {
    check_quote("a\0b", 3, "\"a\\u0000b\"");
}

TEST(bytes_that_are_no_utf8_become_replacement_characters) {
    check_quote("a\xc3", 2, "\"a\xef\xbf\xbd\"");
    check_quote("\xe2\x82z", 3, "\"\xef\xbf\xbd\xef\xbf\xbdz\"");
}

TEST(quoted_random_bytes_are_json) {
    struct random_source random = {17};
    for (int round = 0; round < 500; round++) {
        char bytes[60];
        struct error err;
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (char)random_bits(&random);
            bytes[i] = (char)(bytes[i] == 0 ? 1 : bytes[i]); // cJSON could not hold it
        }
        char *text = json_quote(bytes, sizeof bytes);
        cJSON *value = json_parse("random", text, strlen(text), &err);
        assert_true(cJSON_IsString(value));
        cJSON_Delete(value);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_text_stands_in_quotes),
        cmocka_unit_test(quotes_backslashes_and_controls_are_escaped),
        cmocka_unit_test(a_nul_is_escaped_and_ends_nothing),
        cmocka_unit_test(bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(quoted_random_bytes_are_json),
        cmocka_unit_test(an_object_is_parsed),
        cmocka_unit_test(a_value_that_ends_with_the_file_is_parsed),
        cmocka_unit_test(white_space_around_the_value_is_fine),
        cmocka_unit_test(an_empty_text_is_refused),
        cmocka_unit_test(broken_json_is_refused),
        cmocka_unit_test(every_beginning_of_an_object_is_refused),
        cmocka_unit_test(something_after_the_value_is_refused),
        cmocka_unit_test(the_message_says_where),
        cmocka_unit_test(bytes_that_are_no_utf8_are_refused),
        cmocka_unit_test(a_nul_byte_is_refused_anywhere),
        cmocka_unit_test(an_escaped_nul_is_refused),
        cmocka_unit_test(an_escaped_backslash_before_u0000_is_text),
        cmocka_unit_test(other_escapes_are_text),
        cmocka_unit_test(a_depth_of_2000_is_refused),
        cmocka_unit_test(a_depth_of_100_is_fine),
        cmocka_unit_test(more_values_than_a_model_has_are_refused_before_they_take_memory),
        cmocka_unit_test(a_number_of_400_digits_counts_nothing),
        cmocka_unit_test(the_same_name_twice_is_kept_for_the_caller_to_see),
        cmocka_unit_test(whole_numbers_count),
        cmocka_unit_test(other_values_do_not_count),
        cmocka_unit_test(nothing_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
