/*
 * common/tokenizer.h: text to token ids and back.
 * Runs from the top of the repository: the vocabulary is tests/golden/tokenizer/small.
 */
#include "support.h"

#include <pthread.h>

#include "../../common/tokenizer.h"

#define SMALL "tests/golden/tokenizer/small"

static struct tokenizer *small;

static int set_up(void **state) {
    struct error err;
    if (open_test_folder(state) != 0)
        return -1;
    small = tokenizer_open(SMALL, &err);
    if (small == NULL)
        print_error("%s\n", err.message);
    return small == NULL;
}

static int tear_down(void **state) {
    tokenizer_close(small);
    return close_test_folder(state);
}

static struct token_list encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                                enum special_tokens special) {
    struct token_list list = {0};
    struct error err;
    if (!tokenizer_encode(tokenizer, text, length, special, &list, &err))
        fail_msg("%s", err.message);
    return list;
}

/* Decoding the ids gives exactly these bytes. */
static void check_decoded(const struct tokenizer *tokenizer, const struct token_list *list,
                          const char *text, size_t length) {
    size_t at = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t n;
        const char *bytes = tokenizer_decode(tokenizer, list->ids[i], &n);
        assert_non_null(bytes);
        assert_true(n >= 1 && n <= length - at);
        assert_memory_equal(bytes, text + at, n);
        at += n;
    }
    assert_int_equal(at, length);
}

static void check_round_trip(const char *text, size_t length) {
    struct token_list list = encode(small, text, length, SPECIAL_AS_TEXT);
    check_decoded(small, &list, text, length);
    token_list_free(&list);
}

/* The ids of the text are those of the other texts, one after the other, NULL at the end; the text
 * "<|endoftext|>" among them stands for the special token. */
static void check_pieces(const char *text, enum special_tokens special, const char *const *pieces) {
    struct token_list found = encode(small, text, strlen(text), special), expected = {0};
    uint32_t end_of_text;
    struct error err;
    assert_true(tokenizer_end_of_text(small, &end_of_text));
    for (; *pieces != NULL; pieces++) {
        if (strcmp(*pieces, "<|endoftext|>") == 0)
            assert_true(token_list_add(&expected, end_of_text));
        else
            assert_true(tokenizer_encode(small, *pieces, strlen(*pieces), SPECIAL_AS_TEXT,
                                         &expected, &err));
    }
    assert_int_equal(found.count, expected.count);
    assert_memory_equal(found.ids, expected.ids, found.count * sizeof *found.ids);
    token_list_free(&found);
    token_list_free(&expected);
}

#define check_special(text, ...)                                                                   \
    check_pieces(text, SPECIAL_AS_TOKEN, (const char *const[]){__VA_ARGS__, NULL})

/* --- there and back ------------------------------------------------------------------------- */

TEST(an_empty_text_has_no_tokens) {
    struct token_list list = encode(small, "", 0, SPECIAL_AS_TEXT);
    assert_int_equal(list.count, 0);
    token_list_free(&list);
    list = encode(small, "", 0, SPECIAL_AS_TOKEN);
    assert_int_equal(list.count, 0);
    token_list_free(&list);
}

TEST(text_comes_back) {
    static const char text[] = "The server crashed at 03:14, didn't it?\r\n\t caf\xc3\xa9 "
                               "\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80";
    check_round_trip(text, sizeof text - 1);
}

TEST(every_byte_comes_back) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[3] = {(char)byte, (char)byte, (char)byte};
        check_round_trip(text, 1);
        check_round_trip(text, 3);
    }
}

TEST(nul_bytes_come_back) {
    check_round_trip("\0", 1);
    check_round_trip("a\0\0b \0", 6);
}

TEST(random_bytes_come_back) {
    struct random_source random = {1};
    for (size_t length = 0; length < 400; length++) {
        char *text = calloc(length + 1, 1);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(random_below(&random, 3) ? random_bits(&random) : 'a' + i % 26);
        check_round_trip(text, length);
        free(text);
    }
}

TEST(a_megabyte_of_one_letter_comes_back) {
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    memset(text, 'a', SIZE);
    check_round_trip(text, SIZE);
    memset(text, ' ', SIZE);
    check_round_trip(text, SIZE);
    free(text);
}

TEST(ids_are_appended) {
    struct token_list list = {0};
    struct error err;
    assert_true(token_list_add(&list, 7));
    assert_done(tokenizer_encode(small, "abc", 3, SPECIAL_AS_TEXT, &list, &err), &err);
    assert_int_equal(list.ids[0], 7);
    assert_true(list.count > 1);
    token_list_free(&list);
}

TEST(an_id_that_does_not_exist_is_null) {
    size_t length = 9;
    assert_null(tokenizer_decode(small, (uint32_t)tokenizer_count(small), &length));
    assert_int_equal(length, 0);
    assert_null(tokenizer_decode(small, UINT32_MAX, &length));
    assert_non_null(tokenizer_decode(small, (uint32_t)tokenizer_count(small) - 1, &length));
}

TEST(no_token_crosses_a_chunk) {
    check_pieces("The server's log", SPECIAL_AS_TEXT,
                 (const char *const[]){"The", " server", "'s", " log", NULL});
}

/* --- <|endoftext|> -------------------------------------------------------------------------- */

TEST(end_of_text_in_a_text_is_text) {
    uint32_t end_of_text;
    assert_true(tokenizer_end_of_text(small, &end_of_text));
    struct token_list list = encode(small, "a<|endoftext|>b", 15, SPECIAL_AS_TEXT);
    for (size_t i = 0; i < list.count; i++)
        assert_int_not_equal(list.ids[i], end_of_text);
    check_decoded(small, &list, "a<|endoftext|>b", 15);
    token_list_free(&list);
}

TEST(end_of_text_is_one_token_where_asked_for) {
    check_special("<|endoftext|>", "<|endoftext|>");
}

TEST(what_stands_around_end_of_text_is_text_of_its_own) {
    check_special("a<|endoftext|>b", "a", "<|endoftext|>", "b");
    check_special("The end  <|endoftext|>  The start", "The end  ", "<|endoftext|>", "  The start");
    check_special("<|endoftext|><|endoftext|>", "<|endoftext|>", "<|endoftext|>");
}

TEST(parts_of_end_of_text_are_text) {
    check_special("<|endoftext|", "<|", "endoftext", "|");
    check_special("<|<|endoftext|>|>", "<|", "<|endoftext|>", "|>");
    check_special("<<|endoftext|>", "<", "<|endoftext|>");
    check_special("<|ENDOFTEXT|>", "<|", "ENDOFTEXT", "|>");
    check_special("<", "<");
}

TEST(end_of_text_decodes_to_its_name) {
    uint32_t id;
    size_t length;
    assert_true(tokenizer_end_of_text(small, &id));
    const char *bytes = tokenizer_decode(small, id, &length);
    assert_int_equal(length, 13);
    assert_memory_equal(bytes, "<|endoftext|>", 13);
}

/* --- other folders -------------------------------------------------------------------------- */

static const char *make_folder(const char *name, const char *vocab, const char *merges) {
    char file[700];
    const char *folder = path_of(name);
    mkdir(folder, 0777);
    snprintf(file, sizeof file, "%s/vocab.json", folder);
    if (vocab != NULL)
        write_text(file, vocab);
    snprintf(file, sizeof file, "%s/merges.txt", folder);
    if (merges != NULL)
        write_text(file, merges);
    return folder;
}

static struct tokenizer *open_folder(const char *folder) {
    struct error err;
    struct tokenizer *tokenizer = tokenizer_open(folder, &err);
    if (tokenizer == NULL)
        fail_msg("%s", err.message);
    return tokenizer;
}

TEST(a_byte_without_a_token_is_an_error) {
    struct error err;
    struct token_list list = {0};
    struct tokenizer *tokenizer =
        open_folder(make_folder("few", "{\"a\":0,\"b\":1,\"ab\":2}", "#version: 0.2\na b\n"));
    assert_done(tokenizer_encode(tokenizer, "abba", 4, SPECIAL_AS_TEXT, &list, &err), &err);
    assert_int_equal(list.count, 3);
    assert_false(tokenizer_encode(tokenizer, "abz", 3, SPECIAL_AS_TEXT, &list, &err));
    assert_message(&err, "0x7a", "vocab.json has no token");
    token_list_free(&list);
    tokenizer_close(tokenizer);
}

TEST(a_vocabulary_without_end_of_text_takes_it_as_text) {
    struct tokenizer *tokenizer = open_folder(
        make_folder("none",
                    "{\"<\":0,\"|\":1,\">\":2,\"endoftext\":3,\"e\":4,\"n\":5,\"d\":6,\"o\":7,"
                    "\"f\":8,\"t\":9,\"x\":10}",
                    ""));
    uint32_t id = 17;
    assert_false(tokenizer_end_of_text(tokenizer, &id));
    assert_int_equal(id, 17); // as it was
    struct token_list list = encode(tokenizer, "<|endoftext|>", 13, SPECIAL_AS_TOKEN);
    assert_int_equal(list.count, 13);
    token_list_free(&list);
    tokenizer_close(tokenizer);
}

TEST(rules_that_begin_with_a_number_sign_merge) {
    struct tokenizer *tokenizer =
        open_folder(make_folder("sharp", "{\"#\":0,\"##\":1}", "#version: 0.2\n# #\n"));
    struct token_list list = encode(tokenizer, "####", 4, SPECIAL_AS_TEXT);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.ids[0], 1);
    token_list_free(&list);
    tokenizer_close(tokenizer);
}

TEST(merges_with_crlf_give_the_same_ids) {
    static const char text[] = "The server restarted ### then it's the other one's turn";
    size_t vocab_length, merges_length, used = 0;
    char *vocab = read_bytes(SMALL "/vocab.json", &vocab_length);
    char *merges = read_bytes(SMALL "/merges.txt", &merges_length);
    char *crlf = malloc(2 * merges_length + 1);
    for (size_t i = 0; i < merges_length; i++) {
        if (merges[i] == '\n')
            crlf[used++] = '\r';
        crlf[used++] = merges[i];
    }
    crlf[used] = '\0';
    struct tokenizer *tokenizer = open_folder(make_folder("crlf", vocab, crlf));
    struct token_list expected = encode(small, text, sizeof text - 1, SPECIAL_AS_TEXT);
    struct token_list found = encode(tokenizer, text, sizeof text - 1, SPECIAL_AS_TEXT);
    assert_int_equal(found.count, expected.count);
    assert_memory_equal(found.ids, expected.ids, found.count * sizeof *found.ids);
    token_list_free(&expected);
    token_list_free(&found);
    tokenizer_close(tokenizer);
    free(vocab), free(merges), free(crlf);
}

TEST(a_missing_vocabulary_is_refused) {
    struct error err;
    assert_null(tokenizer_open(make_folder("no_vocab", NULL, ""), &err));
    assert_message(&err, "no_vocab/vocab.json", "no such file");
    assert_null(tokenizer_open(path_of("no_folder"), &err));
    assert_message(&err, "no_folder: no such folder", "-m DIR");
}

TEST(missing_merges_are_refused) {
    struct error err;
    assert_null(tokenizer_open(make_folder("no_merges", "{\"a\":0}", NULL), &err));
    assert_message(&err, "no_merges/merges.txt", "no such file");
}

TEST(closing_null_is_fine) {
    tokenizer_close(NULL);
}

/* --- sharing and lists ---------------------------------------------------------------------- */

static void *encode_often(void *result) {
    static const char text[] = "The server restarted; the other servers didn't.";
    for (int i = 0; i < 300; i++) {
        struct token_list list = encode(small, text, sizeof text - 1, SPECIAL_AS_TOKEN);
        *(size_t *)result += list.count;
        token_list_free(&list);
    }
    return NULL;
}

TEST(threads_may_share_a_tokenizer) {
    pthread_t threads[4];
    size_t results[5] = {0};
    encode_often(&results[4]);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, encode_often, &results[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(results[i], results[4]);
    }
}

TEST(a_list_grows) {
    struct token_list list = {0};
    for (uint32_t i = 0; i < 100000; i++)
        assert_true(token_list_add(&list, i));
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(list.ids[i], i);
    token_list_free(&list);
    assert_null(list.ids);
    assert_int_equal(list.count, 0);
    token_list_free(&list); // twice does no harm
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_has_no_tokens),
        cmocka_unit_test(text_comes_back),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(nul_bytes_come_back),
        cmocka_unit_test(random_bytes_come_back),
        cmocka_unit_test(a_megabyte_of_one_letter_comes_back),
        cmocka_unit_test(ids_are_appended),
        cmocka_unit_test(an_id_that_does_not_exist_is_null),
        cmocka_unit_test(no_token_crosses_a_chunk),
        cmocka_unit_test(end_of_text_in_a_text_is_text),
        cmocka_unit_test(end_of_text_is_one_token_where_asked_for),
        cmocka_unit_test(what_stands_around_end_of_text_is_text_of_its_own),
        cmocka_unit_test(parts_of_end_of_text_are_text),
        cmocka_unit_test(end_of_text_decodes_to_its_name),
        cmocka_unit_test(a_byte_without_a_token_is_an_error),
        cmocka_unit_test(a_vocabulary_without_end_of_text_takes_it_as_text),
        cmocka_unit_test(rules_that_begin_with_a_number_sign_merge),
        cmocka_unit_test(merges_with_crlf_give_the_same_ids),
        cmocka_unit_test(a_missing_vocabulary_is_refused),
        cmocka_unit_test(missing_merges_are_refused),
        cmocka_unit_test(closing_null_is_fine),
        cmocka_unit_test(threads_may_share_a_tokenizer),
        cmocka_unit_test(a_list_grows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
