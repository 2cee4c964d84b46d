/*
 * common/bpe.h: merging the bytes of a chunk into tokens, against the rule carried out literally.
 * Runs from the top of the repository: the vocabulary is tests/golden/tokenizer/small.
 */
#include "support.h"

#include "../../common/bpe.h"

#define SMALL "tests/golden/tokenizer/small/"

static struct vocabulary *vocabulary;
static struct merges *merges;

static int set_up(void **state) {
    struct error err;
    if (open_test_folder(state) != 0)
        return -1;
    vocabulary = vocabulary_open(SMALL "vocab.json", &err);
    if (vocabulary != NULL)
        merges = merges_open(SMALL "merges.txt", vocabulary, &err);
    if (merges == NULL)
        print_error("%s\n", err.message);
    return merges == NULL;
}

static int tear_down(void **state) {
    merges_close(merges);
    vocabulary_close(vocabulary);
    return close_test_folder(state);
}

/* The rule as bpe.h states it: look through all pairs, merge the best, look again. */
static size_t merge_naively(const struct merges *rules, uint32_t *ids, size_t count) {
    for (;;) {
        const struct merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            const struct merge *rule = merges_find(rules, ids[i], ids[i + 1]);
            if (rule != NULL && (best == NULL || rule->rank < best->rank)) {
                best = rule;
                at = i;
            }
        }
        if (best == NULL)
            return count;
        ids[at] = best->joined;
        count--;
        memmove(ids + at + 1, ids + at + 2, (count - at - 1) * sizeof *ids);
    }
}

/* The rule as OpenAI's encoder.py has it: merge the best pair wherever it stands, look again. */
static size_t merge_everywhere(const struct merges *rules, uint32_t *ids, size_t count) {
    for (;;) {
        const struct merge *best = NULL;
        for (size_t i = 0; i + 1 < count; i++) {
            const struct merge *rule = merges_find(rules, ids[i], ids[i + 1]);
            if (rule != NULL && (best == NULL || rule->rank < best->rank))
                best = rule;
        }
        if (best == NULL)
            return count;
        size_t kept = 0;
        for (size_t i = 0; i < count; kept++) {
            bool fits = i + 1 < count && ids[i] == best->left && ids[i + 1] == best->right;
            ids[kept] = fits ? best->joined : ids[i];
            i += fits ? 2 : 1;
        }
        count = kept;
    }
}

/* The tokens of single bytes, which all are in the vocabulary. */
static void bytes_to_ids(const char *bytes, size_t length, uint32_t *ids) {
    for (size_t i = 0; i < length; i++)
        assert_true(vocabulary_find(vocabulary, bytes + i, 1, &ids[i]));
}

enum { LONGEST = 400 };

static void check_against_naive(const char *bytes, size_t length) {
    uint32_t found[LONGEST], naive[LONGEST], everywhere[LONGEST];
    size_t count = length;
    bytes_to_ids(bytes, length, found);
    memcpy(naive, found, sizeof naive);
    memcpy(everywhere, found, sizeof everywhere);
    assert_true(bpe_merge(merges, found, &count));
    assert_int_equal(count, merge_naively(merges, naive, length));
    assert_memory_equal(found, naive, count * sizeof *found);
    assert_int_equal(count, merge_everywhere(merges, everywhere, length));
    assert_memory_equal(found, everywhere, count * sizeof *found);
}

/* --- against the rule ----------------------------------------------------------------------- */

TEST(chunks_made_of_tokens_are_merged_by_the_rule) {
    struct random_source random = {1};
    for (int round = 0; round < 3000; round++) {
        char bytes[LONGEST];
        size_t length = 0;
        for (size_t n = 1 + random_below(&random, 12); n-- > 0;) {
            uint32_t id = (uint32_t)random_below(&random, vocabulary_count(vocabulary));
            size_t token_length;
            const char *token = vocabulary_bytes(vocabulary, id, &token_length);
            memcpy(bytes + length, token, token_length);
            length += token_length;
        }
        check_against_naive(bytes, length);
    }
}

TEST(chunks_of_frequent_letters_are_merged_by_the_rule) {
    static const char letters[] = " etaoinshrdlu#er the";
    struct random_source random = {2};
    for (int round = 0; round < 3000; round++) {
        char bytes[LONGEST];
        size_t length = 1 + random_below(&random, 40);
        for (size_t i = 0; i < length; i++)
            bytes[i] = letters[random_below(&random, sizeof letters - 1)];
        check_against_naive(bytes, length);
    }
}

TEST(chunks_of_random_bytes_are_merged_by_the_rule) {
    struct random_source random = {3};
    for (int round = 0; round < 1000; round++) {
        char bytes[LONGEST];
        size_t length = 1 + random_below(&random, 100);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)random_bits(&random);
        check_against_naive(bytes, length);
    }
}

TEST(long_runs_of_one_or_two_letters_are_merged_by_the_rule) {
    static const char *const patterns[] = {"#", "e", "er", "the", " t", "re", "ee ", "##-"};
    for (size_t i = 0; i < LENGTH(patterns); i++) {
        for (size_t length = 1; length <= 200; length += 1 + length / 8) {
            char bytes[LONGEST];
            for (size_t at = 0; at < length; at++)
                bytes[at] = patterns[i][at % strlen(patterns[i])];
            check_against_naive(bytes, length);
        }
    }
}

/* --- by hand -------------------------------------------------------------------------------- */

/* Merges a text over the letters of a small vocabulary of its own, and compares the tokens. */
static void check_rules(const char *vocab, const char *rules, const char *text,
                        const char *expected) {
    struct error err;
    write_text(path_of("vocab.json"), vocab);
    write_text(path_of("merges.txt"), rules);
    struct vocabulary *v = vocabulary_open(path_of("vocab.json"), &err);
    assert_non_null(v);
    struct merges *m = merges_open(path_of("merges.txt"), v, &err);
    assert_non_null(m);
    uint32_t ids[50];
    size_t count = strlen(text), used = 0;
    for (size_t i = 0; i < count; i++)
        assert_true(vocabulary_find(v, text + i, 1, &ids[i]));
    assert_true(bpe_merge(m, ids, &count));
    char found[200] = "";
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *bytes = vocabulary_bytes(v, ids[i], &length);
        used += (size_t)sprintf(found + used, "%s%.*s", i > 0 ? "|" : "", (int)length, bytes);
    }
    assert_string_equal(found, expected);
    merges_close(m);
    vocabulary_close(v);
}

TEST(the_lowest_rank_goes_first_and_not_the_leftmost_pair) {
    check_rules("{\"a\":0,\"b\":1,\"c\":2,\"bc\":3,\"ab\":4}", "b c\na b\n", "abc", "a|bc");
    check_rules("{\"a\":0,\"b\":1,\"c\":2,\"bc\":3,\"ab\":4}", "a b\nb c\n", "abc", "ab|c");
}

TEST(equal_pairs_merge_from_the_left) {
    check_rules("{\"a\":0,\"aa\":1}", "a a\n", "aaa", "aa|a");
    check_rules("{\"a\":0,\"aa\":1,\"aaaa\":2}", "a a\naa aa\n", "aaaaaaa", "aaaa|aa|a");
}

TEST(a_merge_makes_new_pairs_on_both_sides) {
    check_rules("{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"bc\":4,\"abc\":5,\"abcd\":6}",
                "b c\na bc\nabc d\n", "abcd", "abcd");
    check_rules("{\"a\":0,\"b\":1,\"c\":2,\"d\":3,\"bc\":4,\"bcd\":5,\"abcd\":6}",
                "b c\nbc d\na bcd\n", "abcd", "abcd");
}

TEST(a_pair_that_a_better_merge_has_taken_apart_is_gone) {
    // "cd" was a candidate, and then its c went into "bc".
    check_rules("{\"b\":0,\"c\":1,\"d\":2,\"bc\":3,\"cd\":4}", "b c\nc d\n", "bcdcd", "bc|d|cd");
}

TEST(a_new_pair_with_a_low_rank_goes_before_old_ones) {
    // No training makes such a file, but one can be written: "xy z" outranks the "x y" it needs.
    check_rules("{\"x\":0,\"y\":1,\"z\":2,\"xy\":3,\"xyz\":4,\"zx\":5}", "xy z\nx y\nz x\n",
                "xyzxyz", "xyz|xyz");
}

TEST(a_chunk_without_rules_stays_bytes) {
    check_rules("{\"a\":0,\"b\":1}", "", "abab", "a|b|a|b");
}

TEST(a_chunk_of_none_or_one_is_left_alone) {
    uint32_t ids[] = {42};
    size_t count = 0;
    assert_true(bpe_merge(merges, ids, &count));
    assert_int_equal(count, 0);
    count = 1;
    assert_true(bpe_merge(merges, ids, &count));
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 42);
}

/* --- long chunks ---------------------------------------------------------------------------- */

/* A loop that looks through the whole chunk after each merge would take hours here. */
static void check_long(const char *pattern) {
    enum { SIZE = 1 << 20 };
    uint32_t *ids = malloc(SIZE * sizeof *ids);
    char *bytes = malloc(SIZE);
    size_t count = SIZE, total = 0;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = pattern[i % strlen(pattern)];
    bytes_to_ids(bytes, SIZE, ids);
    assert_true(bpe_merge(merges, ids, &count));
    for (size_t i = 0; i < count; i++) {
        size_t length;
        const char *token = vocabulary_bytes(vocabulary, ids[i], &length);
        assert_memory_equal(token, bytes + total, length);
        total += length;
    }
    assert_int_equal(total, SIZE);
    free(ids);
    free(bytes);
}

TEST(a_megabyte_of_one_letter_ends) {
    check_long("e");
    check_long("#");
}

TEST(a_megabyte_of_a_word_ends) {
    check_long("the");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_made_of_tokens_are_merged_by_the_rule),
        cmocka_unit_test(chunks_of_frequent_letters_are_merged_by_the_rule),
        cmocka_unit_test(chunks_of_random_bytes_are_merged_by_the_rule),
        cmocka_unit_test(long_runs_of_one_or_two_letters_are_merged_by_the_rule),
        cmocka_unit_test(the_lowest_rank_goes_first_and_not_the_leftmost_pair),
        cmocka_unit_test(equal_pairs_merge_from_the_left),
        cmocka_unit_test(a_merge_makes_new_pairs_on_both_sides),
        cmocka_unit_test(a_pair_that_a_better_merge_has_taken_apart_is_gone),
        cmocka_unit_test(a_new_pair_with_a_low_rank_goes_before_old_ones),
        cmocka_unit_test(a_chunk_without_rules_stays_bytes),
        cmocka_unit_test(a_chunk_of_none_or_one_is_left_alone),
        cmocka_unit_test(a_megabyte_of_one_letter_ends),
        cmocka_unit_test(a_megabyte_of_a_word_ends),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
