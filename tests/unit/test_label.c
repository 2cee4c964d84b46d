/* common/label.h: the short texts beside a chart. */
#include "support.h"

#include <utf8proc.h>

#include "../../common/plot/label.h"

static void check_token(const char *bytes, size_t length, const char *expected) {
    char text[LABEL_SIZE];
    assert_ptr_equal(label_of_token(bytes, length, text), text);
    assert_string_equal(text, expected);
}

TEST(tokens_become_labels) {
    check_token("The", 3, "The");
    check_token(" server", 7, "·server");
    check_token("  ", 2, "··");
    check_token("\n\n", 2, "↵↵");
    check_token("\t", 1, "→");
    check_token("", 0, "");
    check_token("caf\xc3\xa9", 5, "café");
    check_token(" \xe6\x97\xa5", 4, "·日");
}

TEST(what_is_no_text_is_shown_as_bytes) {
    check_token("\xf0\x9f", 2, "\\xf0\\x9f");
    check_token("a\0b", 3, "a\\x00b");
    check_token("\r", 1, "\\x0d");
    check_token("\033[31m", 5, "\\x1b[31m");
    check_token("\x7f", 1, "\\x7f");
    check_token("\xc2\x9b", 2, "\\u009b");     // a terminal's other way to begin an escape code
    check_token("\xe2\x80\xae", 3, "\\u202e"); // writes from right to left from there on
    check_token("\xf3\xa0\x80\x81", 4, "\\U000e0001"); // a tag, which nobody sees
}

TEST(a_label_of_any_bytes_is_text_that_fits) {
    struct random_source random = {5};
    for (size_t round = 0; round < 3000; round++) {
        char bytes[300], text[LABEL_SIZE];
        size_t length = random_below(&random, sizeof bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)random_below(&random, round % 2 == 0 ? 256 : 40);
        memset(text, 'x', sizeof text);
        label_of_token(bytes, length, text);
        const char *end = memchr(text, '\0', sizeof text);
        assert_non_null(end);
        for (const char *c = text; c < end; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
        utf8proc_int32_t codepoint;
        for (const char *c = text; c < end;) {
            utf8proc_ssize_t used =
                utf8proc_iterate((const utf8proc_uint8_t *)c, end - c, &codepoint);
            assert_true(used > 0);
            c += used;
        }
    }
}

TEST(a_long_token_is_cut_with_an_ellipsis) {
    char bytes[500], text[LABEL_SIZE];
    memset(bytes, 'a', sizeof bytes);
    label_of_token(bytes, sizeof bytes, text);
    size_t length = strlen(text);
    assert_in_range(length, 100, LABEL_SIZE - 1);
    assert_string_equal(text + length - 3, "…");
}

TEST(columns_are_those_of_a_terminal) {
    assert_int_equal(label_columns(""), 0);
    assert_int_equal(label_columns("·server"), 7);
    assert_int_equal(label_columns("日本"), 4);
    assert_int_equal(label_columns("👋"), 2);
    assert_int_equal(label_columns("e\xcc\x81"), 1);  // e and an accent that joins it
    assert_int_equal(label_columns("\xff\xfe"), 2);   // two stray bytes
    assert_int_equal(label_columns("a\033b"), 3);
}

static void check_short(const char *label, size_t columns, const char *expected) {
    char text[LABEL_SIZE];
    assert_ptr_equal(label_shorten(label, columns, text), text);
    assert_string_equal(text, expected);
}

TEST(labels_are_shortened_to_columns) {
    check_short("server", 6, "server");
    check_short("server", 7, "server");
    check_short("server", 5, "serv…");
    check_short("server", 1, "…");
    check_short("server", 0, "");
    check_short("", 0, "");
    check_short("日本語", 6, "日本語");
    check_short("日本語", 5, "日本…");
    check_short("日本語", 4, "日…"); // 本 has no room: its second column is the ellipsis'
    check_short("日本語", 3, "日…");
    check_short("日本語", 2, "…");
}

TEST(a_shortened_label_holds_no_control_characters) {
    check_short("a\033[0mb", 20, "a\xef\xbf\xbd[0mb");
    check_short("a\nb", 20, "a\xef\xbf\xbd" "b");
    check_short("\xff", 20, "\xef\xbf\xbd");
}

TEST(many_accents_on_one_letter_still_fit) {
    char label[1000] = "e", text[LABEL_SIZE];
    for (size_t i = 0; i < 400; i++)
        strcat(label, "\xcc\x81");
    label_shorten(label, 10, text);
    assert_true(strlen(text) < LABEL_SIZE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_become_labels),
        cmocka_unit_test(what_is_no_text_is_shown_as_bytes),
        cmocka_unit_test(a_label_of_any_bytes_is_text_that_fits),
        cmocka_unit_test(a_long_token_is_cut_with_an_ellipsis),
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(labels_are_shortened_to_columns),
        cmocka_unit_test(a_shortened_label_holds_no_control_characters),
        cmocka_unit_test(many_accents_on_one_letter_still_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
