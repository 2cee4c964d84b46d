/* common/chunks.h: cutting a text into chunks. Each test is one rule, or one trap, as a table. */
#include "support.h"

#include "../../common/chunks.h"
#include "../../common/utf8.h"

/* The chunks of a text, in order, are these. */
#define check(text, ...)                                                                           \
    check_chunks(text, sizeof(text) - 1, (const char *const[]){__VA_ARGS__, NULL}, __LINE__)

static void check_chunks(const char *text, size_t length, const char *const *expected, int line) {
    size_t at = 0;
    for (size_t i = 0; at < length; i++) {
        size_t n = chunk_length(text + at, length - at);
        if (n == 0 || n > length - at)
            fail_msg("line %d: a chunk of %zu bytes", line, n);
        if (expected[i] == NULL || strlen(expected[i]) != n ||
            memcmp(text + at, expected[i], n) != 0)
            fail_msg("line %d: chunk %zu is \"%.*s\", expected \"%s\"", line, i, (int)n, text + at,
                     expected[i] == NULL ? "(none)" : expected[i]);
        at += n;
        if (at == length && expected[i + 1] != NULL)
            fail_msg("line %d: \"%s\" is missing", line, expected[i + 1]);
    }
}

TEST(words_keep_the_space_before_them) {
    check("The server crashed", "The", " server", " crashed");
    check(" a", " a");
    check("a", "a");
}

TEST(numerals_are_apart_from_letters) {
    check("abc123def", "abc", "123", "def");
    check("HTTP 404", "HTTP", " 404");
    check("1234567890", "1234567890");
}

TEST(other_characters_are_apart_from_both) {
    check("Hello, world!", "Hello", ",", " world", "!");
    check("a->b", "a", "->", "b");
    check("x --> 1", "x", " -->", " 1");
    check("_a_", "_", "a", "_");
}

TEST(contractions_are_chunks) {
    check("I'm", "I", "'m");
    check("it's", "it", "'s");
    check("don't", "don", "'t");
    check("we're", "we", "'re");
    check("I've", "I", "'ve");
    check("I'll", "I", "'ll");
    check("he'd", "he", "'d");
    check("you'll've", "you", "'ll", "'ve");
}

TEST(contractions_are_small_ascii_letters_only) {
    check("I'M", "I", "'", "M");
    check("IT'S", "IT", "'", "S");
    check("don\xe2\x80\x99t", "don", "\xe2\x80\x99", "t");
}

TEST(contractions_match_inside_words) {
    check("'tis", "'t", "is");
    check("'sofa", "'s", "ofa");
    check("'real", "'re", "al");
    check("'demon", "'d", "emon");
    check("'lemon", "'", "lemon"); // only 'll is one
    check("'x", "'", "x");
}

TEST(a_space_before_the_apostrophe_takes_it_away_from_the_contraction) {
    check(" 's", " '", "s");
    check(" 'tis", " '", "tis");
}

TEST(an_apostrophe_inside_other_characters_begins_no_contraction) {
    check("!'s", "!'", "s");
    check("''s", "''", "s");
}

TEST(a_contraction_at_the_end_of_the_text_may_be_cut) {
    check("a'", "a", "'");
    check("a'l", "a", "'", "l");
    check("a'v", "a", "'", "v");
    check("a'r", "a", "'", "r");
}

TEST(white_space_leaves_its_last_character_for_the_next_word) {
    check("   a", "  ", " a");
    check("a   b", "a", "  ", " b");
    check(" \n x", " \n", " x");
    check("a \n\n  b", "a", " \n\n ", " b");
}

TEST(white_space_at_the_end_is_one_chunk) {
    check("a  ", "a", "  ");
    check(" ", " ");
    check("\n\n", "\n\n");
    check("a \t\r\n", "a", " \t\r\n");
    check("                    ", "                    ");
}

TEST(white_space_other_than_a_space_never_joins_a_word) {
    check("a\nb", "a", "\n", "b");
    check("a\n\nb", "a", "\n", "\n", "b");
    check("a\tb", "a", "\t", "b");
    check("hello\r\nworld", "hello", "\r", "\n", "world");
    check("\n!", "\n", "!");
    check(" \nx", " ", "\n", "x");
}

TEST(unicode_white_space_is_white_space) {
    check("\xc2\xa0"
          "a",
          "\xc2\xa0", "a"); // U+00A0
    check("a\xc2\xa0 b", "a", "\xc2\xa0", " b");
    check("a \xc2\xa0"
          "b",
          "a", " ", "\xc2\xa0", "b");
    check("a\xc2\x85"
          "b",
          "a", "\xc2\x85", "b"); // U+0085
    check("a\xe2\x80\xa8"
          "b",
          "a", "\xe2\x80\xa8", "b");                               // U+2028
    check("\xe3\x80\x80\xe3\x80\x80", "\xe3\x80\x80\xe3\x80\x80"); // U+3000
    check("\xe3\x80\x80\xe3\x80\x80x", "\xe3\x80\x80", "\xe3\x80\x80", "x");
}

TEST(what_only_looks_like_white_space_is_not) {
    check(" \x1c", " \x1c"); // the separators 1C to 1F
    check("a\x1c\x1d\x1e\x1f"
          "b",
          "a", "\x1c\x1d\x1e\x1f", "b");
    check("a \xe2\x80\x8b"
          "b",
          "a", " \xe2\x80\x8b", "b");            // U+200B
    check("\xef\xbb\xbfx", "\xef\xbb\xbf", "x"); // U+FEFF
    check("a\x08", "a", "\x08");
}

TEST(numerals_of_all_kinds_are_numerals) {
    check("x\xc2\xb2", "x", "\xc2\xb2");           // superscript two
    check("\xc2\xbd cup", "\xc2\xbd", " cup");     // one half
    check("\xe2\x85\xa3 V", "\xe2\x85\xa3", " V"); // the Roman numeral four
    check(" 1\xc2\xb2\xe2\x85\xa3", " 1\xc2\xb2\xe2\x85\xa3");
    check("\xd9\xa3\xd9\xa4", "\xd9\xa3\xd9\xa4"); // Arabic digits
}

TEST(letters_of_all_scripts_are_letters) {
    check("caf\xc3\xa9s", "caf\xc3\xa9s");
    check("\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xbd\xa0\xe5\xa5\xbd");
    check(" \xd0\xbf\xd1\x80\xd0\xb8", " \xd0\xbf\xd1\x80\xd0\xb8");
    check("\xca\xb0x", "\xca\xb0x"); // a modifier letter
    check("\xc7\x85z", "\xc7\x85z"); // a title-case letter
}

TEST(combining_marks_are_neither_letters_nor_numerals) {
    check("cafe\xcc\x81", "cafe", "\xcc\x81");
    check("e\xcc\x81t", "e", "\xcc\x81", "t");
}

TEST(symbols_and_emoji_are_others) {
    check("hi\xf0\x9f\x98\x80", "hi", "\xf0\x9f\x98\x80");
    check(" \xf0\x9f\x98\x80\xe2\x82\xac", " \xf0\x9f\x98\x80\xe2\x82\xac");
}

TEST(the_special_token_as_text_is_three_chunks) {
    check("<|endoftext|>", "<|", "endoftext", "|>");
}

TEST(bytes_that_are_no_utf8_are_others) {
    check("\xff", "\xff");
    check("a\xff\xfe"
          "b",
          "a", "\xff\xfe", "b");
    check(" \x80z", " \x80", "z");
    check("\xe4\xbd", "\xe4\xbd"); // cut short
    check("x\xc3", "x", "\xc3");
    check("\xc0\x80!", "\xc0\x80!");       // an overlong NUL
    check("\xed\xa0\x80", "\xed\xa0\x80"); // a surrogate
    check("  \xff", " ", " \xff");
}

TEST(a_nul_byte_is_another_character) {
    const char text[] = {'a', 0, 'b'};
    assert_int_equal(chunk_length(text, 3), 1);
    assert_int_equal(chunk_length(text + 1, 2), 1);
}

TEST(characters_have_their_class) {
    static const struct {
        int32_t codepoint;
        enum character_class class;
    } cases[] = {
        {'a', CHARACTER_LETTER},     {0x1c5, CHARACTER_LETTER},   {0x2b0, CHARACTER_LETTER},
        {0x5d0, CHARACTER_LETTER},   {0x4e00, CHARACTER_LETTER},  {'7', CHARACTER_NUMERAL},
        {0x2163, CHARACTER_NUMERAL}, {0xbd, CHARACTER_NUMERAL},   {' ', CHARACTER_SPACE},
        {0x0b, CHARACTER_SPACE},     {0x1680, CHARACTER_SPACE},   {0x2009, CHARACTER_SPACE},
        {0x180e, CHARACTER_OTHER},   {0x200b, CHARACTER_OTHER},   {0x2060, CHARACTER_OTHER},
        {'_', CHARACTER_OTHER},      {0, CHARACTER_OTHER},        {0x301, CHARACTER_OTHER},
        {0xad, CHARACTER_OTHER},     {0x10ffff, CHARACTER_OTHER}, {0xe000, CHARACTER_OTHER},
    };
    for (size_t i = 0; i < LENGTH(cases); i++)
        assert_int_equal(character_class(cases[i].codepoint), cases[i].class);
}

TEST(exactly_25_characters_are_white_space) {
    size_t n = 0;
    for (int32_t c = 0; c <= 0x10ffff; c++)
        n += character_class(c) == CHARACTER_SPACE;
    assert_int_equal(n, 25);
}

/* --- against the regular expression, tried alternative by alternative ----------------------- */

enum { MOST = 64 };

/* A text as characters: class and first byte of each, and where it begins. */
struct characters {
    enum character_class class[MOST];
    char first[MOST];
    size_t start[MOST + 1], n;
};

static struct characters split(const char *text, size_t length) {
    struct characters c = {.n = 0};
    for (size_t at = 0; at < length; c.n++) {
        int32_t codepoint;
        size_t used = utf8_decode(text + at, length - at, &codepoint);
        c.class[c.n] = used > 0 ? character_class(codepoint) : CHARACTER_OTHER;
        c.first[c.n] = text[at];
        c.start[c.n] = at;
        at += used > 0 ? used : 1;
        c.start[c.n + 1] = at;
    }
    return c;
}

/* How many characters of a class stand at i. */
static size_t run(const struct characters *c, size_t i, enum character_class class) {
    size_t n = 0;
    while (i + n < c->n && c->class[i + n] == class)
        n++;
    return n;
}

/* The number of characters that the regular expression takes from the front. */
static size_t match(const struct characters *c, const char *text, size_t length) {
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    static const enum character_class classes[] = {CHARACTER_LETTER, CHARACTER_NUMERAL,
                                                   CHARACTER_OTHER};
    for (size_t i = 0; i < LENGTH(endings); i++) {
        size_t n = strlen(endings[i]);
        if (n <= length && memcmp(text, endings[i], n) == 0)
            return n;
    }
    for (size_t i = 0; i < 3; i++) {
        size_t space = c->first[0] == ' ';
        if (run(c, space, classes[i]) > 0)
            return space + run(c, space, classes[i]);
    }
    size_t n = run(c, 0, CHARACTER_SPACE);
    // \s+(?!\S) gives characters back until no other character follows; \s+ takes the rest.
    for (size_t taken = n; taken > 0; taken--) {
        if (taken == c->n || c->class[taken] == CHARACTER_SPACE)
            return taken;
    }
    return n;
}

TEST(random_tricky_texts_are_cut_like_the_regular_expression) {
    static const char *const pieces[] = {
        " ",        " ",        "\n",   "\t",       "'",        "'s",
        "'ll",      "s",        "t",    "re",       "a",        "Z",
        "1",        "\xc2\xb2", "!",    "-",        "\xc2\xa0", "\xe3\x80\x80",
        "\xc3\xa9", "\xcc\x81", "\xff", "\xe4\xbd", "\x1c"};
    struct random_source random = {1};
    for (int round = 0; round < 50000; round++) {
        char text[MOST] = "";
        for (size_t i = random_below(&random, 16); i-- > 0;)
            strcat(text, pieces[random_below(&random, LENGTH(pieces))]);
        for (size_t at = 0, length = strlen(text); at < length;) {
            struct characters c = split(text + at, length - at);
            size_t expected = c.start[match(&c, text + at, length - at)];
            assert_int_equal(chunk_length(text + at, length - at), expected);
            at += expected;
        }
    }
}

TEST(chunks_of_random_bytes_cover_the_text) {
    struct random_source random = {2};
    for (int round = 0; round < 3000; round++) {
        size_t length = 1 + random_below(&random, 200), at = 0;
        char *text = malloc(length); // exactly, so that a read beyond it is noticed
        for (size_t i = 0; i < length; i++)
            text[i] = (char)random_bits(&random);
        while (at < length) {
            size_t n = chunk_length(text + at, length - at);
            assert_true(n >= 1 && n <= length - at);
            at += n;
        }
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_keep_the_space_before_them),
        cmocka_unit_test(numerals_are_apart_from_letters),
        cmocka_unit_test(other_characters_are_apart_from_both),
        cmocka_unit_test(contractions_are_chunks),
        cmocka_unit_test(contractions_are_small_ascii_letters_only),
        cmocka_unit_test(contractions_match_inside_words),
        cmocka_unit_test(a_space_before_the_apostrophe_takes_it_away_from_the_contraction),
        cmocka_unit_test(an_apostrophe_inside_other_characters_begins_no_contraction),
        cmocka_unit_test(a_contraction_at_the_end_of_the_text_may_be_cut),
        cmocka_unit_test(white_space_leaves_its_last_character_for_the_next_word),
        cmocka_unit_test(white_space_at_the_end_is_one_chunk),
        cmocka_unit_test(white_space_other_than_a_space_never_joins_a_word),
        cmocka_unit_test(unicode_white_space_is_white_space),
        cmocka_unit_test(what_only_looks_like_white_space_is_not),
        cmocka_unit_test(numerals_of_all_kinds_are_numerals),
        cmocka_unit_test(letters_of_all_scripts_are_letters),
        cmocka_unit_test(combining_marks_are_neither_letters_nor_numerals),
        cmocka_unit_test(symbols_and_emoji_are_others),
        cmocka_unit_test(the_special_token_as_text_is_three_chunks),
        cmocka_unit_test(bytes_that_are_no_utf8_are_others),
        cmocka_unit_test(a_nul_byte_is_another_character),
        cmocka_unit_test(characters_have_their_class),
        cmocka_unit_test(exactly_25_characters_are_white_space),
        cmocka_unit_test(random_tricky_texts_are_cut_like_the_regular_expression),
        cmocka_unit_test(chunks_of_random_bytes_cover_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
