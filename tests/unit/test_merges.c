/* common/merges.h: merges.txt, which neighbours become one. */
#include "support.h"

#include "../../common/merges.h"

/* a 0, b 1, # 2, ## 3, ab 4, abab 5, a space 6, a space and a 7, aa 8, CR 9 */
static const char VOCABULARY[] = "{\"a\": 0, \"b\": 1, \"#\": 2, \"##\": 3, \"ab\": 4, \"abab\": 5,"
                                 "\"\\u0120\": 6, \"\\u0120a\": 7, \"aa\": 8, \"\\u010d\": 9}";

static struct vocabulary *vocabulary;

static int set_up(void **state) {
    struct error err;
    if (open_test_folder(state) != 0)
        return -1;
    write_text(path_of("vocab.json"), VOCABULARY);
    vocabulary = vocabulary_open(path_of("vocab.json"), &err);
    return vocabulary == NULL;
}

static int tear_down(void **state) {
    vocabulary_close(vocabulary);
    return close_test_folder(state);
}

static struct merges *open_text(const char *text) {
    struct error err;
    write_text(path_of("merges.txt"), text);
    struct merges *merges = merges_open(path_of("merges.txt"), vocabulary, &err);
    if (merges == NULL)
        fail_msg("%s", err.message);
    return merges;
}

/* The file is refused, and the message has its name and the words. */
#define check_refused(text, ...)                                                                   \
    do {                                                                                           \
        struct error err_;                                                                         \
        write_text(path_of("merges.txt"), text);                                                   \
        assert_null(merges_open(path_of("merges.txt"), vocabulary, &err_));                        \
        assert_message(&err_, path_of("merges.txt"), __VA_ARGS__);                                 \
    } while (0)

static void check_rule(const struct merges *merges, uint32_t left, uint32_t right, uint32_t rank,
                       uint32_t joined) {
    const struct merge *rule = merges_find(merges, left, right);
    assert_non_null(rule);
    assert_int_equal(rule->left, left);
    assert_int_equal(rule->right, right);
    assert_int_equal(rule->rank, rank);
    assert_int_equal(rule->joined, joined);
}

/* --- good files ----------------------------------------------------------------------------- */

TEST(rules_have_the_rank_of_their_line) {
    struct merges *merges = open_text("#version: 0.2\na b\nab ab\n");
    assert_int_equal(merges_count(merges), 2);
    check_rule(merges, 0, 1, 0, 4);
    check_rule(merges, 4, 4, 1, 5);
    merges_close(merges);
}

TEST(a_pair_without_a_rule_stays_two) {
    struct merges *merges = open_text("#version: 0.2\na b\n");
    assert_null(merges_find(merges, 1, 0));
    assert_null(merges_find(merges, 0, 0));
    assert_null(merges_find(merges, 4, 4));
    assert_null(merges_find(merges, UINT32_MAX, UINT32_MAX));
    merges_close(merges);
}

TEST(lines_may_end_with_cr_and_lf) {
    struct merges *merges = open_text("#version: 0.2\r\na b\r\nab ab\r\n");
    assert_int_equal(merges_count(merges), 2);
    check_rule(merges, 0, 1, 0, 4);
    check_rule(merges, 4, 4, 1, 5);
    merges_close(merges);
}

TEST(the_last_line_needs_no_end) {
    struct merges *merges = open_text("#version: 0.2\na b\nab ab");
    assert_int_equal(merges_count(merges), 2);
    merges_close(merges);
}

TEST(empty_lines_have_no_rank) {
    struct merges *merges = open_text("#version: 0.2\n\na b\n\nab ab\n\n");
    check_rule(merges, 4, 4, 1, 5);
    merges_close(merges);
}

TEST(a_rule_that_begins_with_a_number_sign_is_no_comment) {
    struct merges *merges = open_text("#version: 0.2\na b\n# #\n");
    assert_int_equal(merges_count(merges), 2);
    check_rule(merges, 2, 2, 1, 3);
    merges_close(merges);
}

TEST(a_first_line_that_is_a_rule_counts) {
    struct merges *merges = open_text("# #\na b\n");
    assert_int_equal(merges_count(merges), 2);
    check_rule(merges, 2, 2, 0, 3);
    merges_close(merges);
}

TEST(a_file_without_the_version_line_is_fine) {
    struct merges *merges = open_text("a b\n");
    check_rule(merges, 0, 1, 0, 4);
    merges_close(merges);
}

TEST(a_file_without_rules_is_fine) {
    static const char *const texts[] = {"", "#version: 0.2", "#version: 0.2\n"};
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct merges *merges = open_text(texts[i]);
        assert_int_equal(merges_count(merges), 0);
        assert_null(merges_find(merges, 0, 1));
        merges_close(merges);
    }
}

TEST(tokens_are_written_in_the_characters_of_vocab_json) {
    struct merges *merges = open_text("#version: 0.2\n\xc4\xa0 a\n");
    check_rule(merges, 6, 0, 0, 7);
    merges_close(merges);
}

TEST(closing_null_is_fine) {
    merges_close(NULL);
}

/* --- refused files -------------------------------------------------------------------------- */

TEST(an_unknown_token_is_refused) {
    check_refused("#version: 0.2\na b\nz b\n", "line 3", "\"z b\"", "not in vocab.json");
    check_refused("#version: 0.2\na z\n", "line 2", "\"a z\"", "not in vocab.json");
}

TEST(a_rule_for_an_unknown_token_is_refused) {
    check_refused("#version: 0.2\nb a\n", "line 2", "\"b a\"", "would make a token", "vocab.json");
}

TEST(a_rule_given_twice_is_refused) {
    check_refused("#version: 0.2\na b\n# #\na b\n", "line 4", "\"a b\"", "twice");
}

TEST(a_line_without_two_tokens_is_refused) {
    static const char *const lines[] = {"ab", "a b a", " a b", "a b ", "a  b",
                                        " ",  "a ",    " b",   "a\tb"};
    for (size_t i = 0; i < LENGTH(lines); i++) {
        char text[100];
        snprintf(text, sizeof text, "#version: 0.2\n%s\n", lines[i]);
        check_refused(text, "line 2", "two tokens");
    }
}

TEST(a_second_comment_is_refused) {
    check_refused("#version: 0.2\n#version: 0.2\n", "line 2");
}

TEST(bytes_that_are_no_symbols_are_refused) {
    check_refused("#version: 0.2\na \xff\n", "line 2", "not in vocab.json");
    check_refused("#version: 0.2\na \xe4\xbd\xa0\n", "line 2", "not in vocab.json");
}

TEST(a_nul_byte_is_refused) {
    struct error err;
    write_bytes(path_of("merges.txt"), "a \0b\n", 5);
    assert_null(merges_open(path_of("merges.txt"), vocabulary, &err));
    assert_message(&err, "line 1");
}

TEST(a_line_of_a_megabyte_is_refused_in_one_short_message) {
    struct error err;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    memset(text, 'a', SIZE);
    write_bytes(path_of("merges.txt"), text, SIZE);
    free(text);
    assert_null(merges_open(path_of("merges.txt"), vocabulary, &err));
    assert_message(&err, "line 1", "two tokens with a space");
}

TEST(a_huge_file_is_refused_before_it_is_read) {
    struct error err;
    write_text(path_of("huge.txt"), "a b\n");
    assert_int_equal(truncate(path_of("huge.txt"), 32 * 1024 * 1024 + 1), 0);
    assert_null(merges_open(path_of("huge.txt"), vocabulary, &err));
    assert_message(&err, "huge.txt: has 33554433 bytes, expected at most 33554432", "right file");
}

TEST(a_missing_file_is_refused) {
    struct error err;
    assert_null(merges_open(path_of("missing.txt"), vocabulary, &err));
    assert_message(&err, path_of("missing.txt"), "no such file", "merges.txt", "-m DIR");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_have_the_rank_of_their_line),
        cmocka_unit_test(a_pair_without_a_rule_stays_two),
        cmocka_unit_test(lines_may_end_with_cr_and_lf),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(empty_lines_have_no_rank),
        cmocka_unit_test(a_rule_that_begins_with_a_number_sign_is_no_comment),
        cmocka_unit_test(a_first_line_that_is_a_rule_counts),
        cmocka_unit_test(a_file_without_the_version_line_is_fine),
        cmocka_unit_test(a_file_without_rules_is_fine),
        cmocka_unit_test(tokens_are_written_in_the_characters_of_vocab_json),
        cmocka_unit_test(closing_null_is_fine),
        cmocka_unit_test(an_unknown_token_is_refused),
        cmocka_unit_test(a_rule_for_an_unknown_token_is_refused),
        cmocka_unit_test(a_rule_given_twice_is_refused),
        cmocka_unit_test(a_line_without_two_tokens_is_refused),
        cmocka_unit_test(a_second_comment_is_refused),
        cmocka_unit_test(bytes_that_are_no_symbols_are_refused),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(a_line_of_a_megabyte_is_refused_in_one_short_message),
        cmocka_unit_test(a_huge_file_is_refused_before_it_is_read),
        cmocka_unit_test(a_missing_file_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
