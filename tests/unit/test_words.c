/* common/words.h: the words of a command line. */
#include "support.h"

#include "../../common/words.h"

static void check_joined(char *const *words, size_t n, const char *expected) {
    char *text = words_join(words, n);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

TEST(words_have_a_space_between) {
    char *words[] = {(char[]){"the"}, (char[]){"cache was"}, (char[]){"empty"}};
    check_joined(words, 1, "the");
    check_joined(words, 3, "the cache was empty");
}

TEST(no_words_are_an_empty_text) {
    check_joined(NULL, 0, "");
}

TEST(empty_words_leave_their_spaces) {
    char *words[] = {(char[]){""}, (char[]){"a"}, (char[]){""}, (char[]){""}};
    check_joined(words, 1, "");
    check_joined(words, 4, " a  ");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_have_a_space_between),
        cmocka_unit_test(no_words_are_an_empty_text),
        cmocka_unit_test(empty_words_leave_their_spaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
