/* common/error.h: how a library function says what went wrong. */
#include "support.h"

TEST(error_set_returns_false) {
    struct error err;
    assert_false(error_set(&err, "x"));
}

TEST(error_set_formats_like_printf) {
    struct error err;
    error_set(&err, "%s: has %zu bytes, expected %d", "a/b", (size_t)3, 8);
    assert_string_equal(err.message, "a/b: has 3 bytes, expected 8");
}

TEST(error_set_takes_null_when_nobody_asks_why) {
    assert_false(error_set(NULL, "%d", 1));
}

TEST(error_set_replaces_the_message_before) {
    struct error err;
    error_set(&err, "a long first message");
    error_set(&err, "second");
    assert_string_equal(err.message, "second");
}

TEST(a_message_stays_one_line) {
    struct error err;
    error_set(&err, "name \"%s\"", "a\nb\rc\td");
    assert_string_equal(err.message, "name \"a?b?c?d\"");
}

TEST(escape_codes_cannot_reach_the_terminal) {
    struct error err;
    error_set(&err, "%s", "\x1b[31mred\x7f\x01");
    assert_string_equal(err.message, "?[31mred??");
}

TEST(control_characters_beyond_ascii_cannot_reach_it_either) {
    struct error err;
    error_set(&err, "%s",
              "\xc2\x9b"
              "31mred\xc2\x80\xc2\x9f \xc2");
    assert_string_equal(err.message, "??31mred???? \xc2");
}

TEST(text_beyond_ascii_is_kept) {
    struct error err;
    error_set(&err, "%s", "caf\xc3\xa9 \xc3\x80\xc2\xa0\xe2\x82\x9b");
    assert_string_equal(err.message, "caf\xc3\xa9 \xc3\x80\xc2\xa0\xe2\x82\x9b");
}

TEST(a_message_too_long_is_cut_and_terminated) {
    struct error err;
    char text[3 * ERROR_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    error_set(&err, "%s", text);
    assert_int_equal(strlen(err.message), ERROR_SIZE - 1);
}

TEST(a_percent_sign_in_a_name_is_only_a_character) {
    struct error err;
    error_set(&err, "%s", "100%s%n");
    assert_string_equal(err.message, "100%s%n");
}

TEST(no_memory_says_for_what) {
    struct error err;
    assert_false(error_no_memory(&err, "the cache"));
    assert_message(&err, "out of memory", "the cache");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_set_returns_false),
        cmocka_unit_test(error_set_formats_like_printf),
        cmocka_unit_test(error_set_takes_null_when_nobody_asks_why),
        cmocka_unit_test(error_set_replaces_the_message_before),
        cmocka_unit_test(a_message_stays_one_line),
        cmocka_unit_test(escape_codes_cannot_reach_the_terminal),
        cmocka_unit_test(control_characters_beyond_ascii_cannot_reach_it_either),
        cmocka_unit_test(text_beyond_ascii_is_kept),
        cmocka_unit_test(a_message_too_long_is_cut_and_terminated),
        cmocka_unit_test(a_percent_sign_in_a_name_is_only_a_character),
        cmocka_unit_test(no_memory_says_for_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
