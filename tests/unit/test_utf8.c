/* common/utf8.h: Unicode text as bytes. */
#include "support.h"

#include "../../common/utf8.h"

enum { LAST_CODEPOINT = 0x10ffff };

static bool is_surrogate(int32_t codepoint) {
    return codepoint >= 0xd800 && codepoint <= 0xdfff;
}

/* Writes a code point by the definition of UTF-8 (RFC 3629), surrogates too; returns the length. */
static size_t encode(int32_t codepoint, char bytes[4]) {
    uint32_t c = (uint32_t)codepoint;
    size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; c >>= 6)
        bytes[i] = (char)(0x80 | (c & 0x3f));
    bytes[0] = (char)(first[length] | c);
    return length;
}

/* --- decoding ------------------------------------------------------------------------------- */

TEST(every_character_is_decoded) {
    for (int32_t c = 0; c <= LAST_CODEPOINT; c++) {
        char bytes[4];
        int32_t found = -1;
        size_t length = encode(c, bytes);
        size_t used = utf8_decode(bytes, length, &found);
        if (is_surrogate(c) ? used != 0 : used != length || found != c)
            fail_msg("U+%04X: %zu bytes used, U+%04X found", (unsigned)c, used, (unsigned)found);
    }
}

TEST(what_follows_a_character_is_left_alone) {
    int32_t found;
    assert_int_equal(utf8_decode("a\xff", 2, &found), 1);
    assert_int_equal(utf8_decode("\xc3\xa9\xa9\xa9", 4, &found), 2);
    assert_int_equal(found, 0xe9);
}

TEST(a_character_cut_short_is_invalid) {
    for (int32_t c = 0x80; c <= LAST_CODEPOINT; c += 0x3d) {
        char bytes[4];
        int32_t found;
        size_t length = encode(c, bytes);
        for (size_t cut = 1; cut < length; cut++)
            assert_int_equal(utf8_decode(bytes, cut, &found), 0);
    }
}

TEST(overlong_forms_and_characters_beyond_unicode_are_invalid) {
    static const char *const texts[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\x80",
        "\xbf",
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        int32_t found;
        assert_int_equal(utf8_decode(texts[i], strlen(texts[i]), &found), 0);
        assert_false(utf8_valid(texts[i], strlen(texts[i])));
    }
}

TEST(valid_text_is_valid) {
    assert_true(utf8_valid("", 0));
    assert_true(utf8_valid("caf\xc3\xa9 \xe4\xbd\xa0 \xf0\x9f\x98\x80", 14));
    assert_true(utf8_valid("a\0b", 3));
}

TEST(one_bad_byte_anywhere_makes_a_text_invalid) {
    for (size_t at = 0; at < 9; at++) {
        char text[] = "some text";
        text[at] = '\xfe';
        assert_false(utf8_valid(text, 9));
    }
    assert_false(utf8_valid("caf\xc3", 4));
}

/* --- what can be printed now ---------------------------------------------------------------- */

static unsigned char beginnings[4][1 << 21]; // a bit for each 1, 2 and 3 bytes

static uint32_t key_of(const unsigned char *bytes, size_t n) {
    uint32_t key = 0;
    for (size_t i = 0; i < n; i++)
        key = key << 8 | bytes[i];
    return key;
}

/* Marks the beginnings of all characters, without the whole ones. */
static int find_beginnings(void **state) {
    (void)state;
    for (int32_t c = 0x80; c <= LAST_CODEPOINT; c++) {
        unsigned char whole[4];
        size_t length = is_surrogate(c) ? 0 : encode(c, (char *)whole);
        for (size_t n = 1; n < length; n++) {
            uint32_t key = key_of(whole, n);
            beginnings[n][key / 8] |= (unsigned char)(1u << key % 8);
        }
    }
    return 0;
}

static bool is_beginning(const unsigned char *bytes, size_t n) {
    uint32_t key = key_of(bytes, n);
    return beginnings[n][key / 8] >> key % 8 & 1;
}

static void check_printable(const unsigned char *bytes, size_t length) {
    size_t expected = length;
    for (size_t n = 1; n <= 3 && n <= length; n++) {
        if (is_beginning(bytes + length - n, n))
            expected = length - n;
    }
    size_t found = utf8_printable_now((const char *)bytes, length);
    if (found != expected)
        fail_msg("%zu of %zu bytes ending in %02x %02x, expected %zu", found, length,
                 length > 1 ? bytes[length - 2] : 0, length > 0 ? bytes[length - 1] : 0, expected);
}

TEST(nothing_is_held_back_of_nothing) {
    assert_int_equal(utf8_printable_now("", 0), 0);
}

TEST(whole_characters_are_printed) {
    assert_int_equal(utf8_printable_now("caf\xc3\xa9", 5), 5);
    assert_int_equal(utf8_printable_now("\xf0\x9f\x98\x80", 4), 4);
}

TEST(the_beginning_of_a_character_is_held_back) {
    assert_int_equal(utf8_printable_now("caf\xc3", 4), 3);
    assert_int_equal(utf8_printable_now("a\xf0\x9f\x98", 4), 1);
}

TEST(bytes_that_can_never_become_valid_are_printed) {
    assert_int_equal(utf8_printable_now("\xe0\x80", 2), 2);
    assert_int_equal(utf8_printable_now("\xf4\x90", 2), 2);
    assert_int_equal(utf8_printable_now("\xed\xa0", 2), 2); // a surrogate
    assert_int_equal(utf8_printable_now("\xff", 1), 1);
}

TEST(every_end_of_one_or_two_bytes_is_held_back_rightly) {
    for (unsigned a = 0; a < 256; a++) {
        check_printable((const unsigned char[]){(unsigned char)a}, 1);
        for (unsigned b = 0; b < 256; b++)
            check_printable((const unsigned char[]){(unsigned char)a, (unsigned char)b}, 2);
    }
}

TEST(every_end_of_three_bytes_that_begins_a_character_is_held_back_rightly) {
    for (unsigned a = 0xdf; a <= 0xf6; a++) {
        for (unsigned b = 0x70; b <= 0xc8; b++) {
            for (unsigned c = 0x70; c < 256; c++) {
                const unsigned char bytes[] = {'x', (unsigned char)a, (unsigned char)b,
                                               (unsigned char)c};
                check_printable(bytes, 4);
            }
        }
    }
}

TEST(random_bytes_printed_piece_by_piece_lose_nothing) {
    struct random_source random = {1};
    for (int round = 0; round < 2000; round++) {
        char bytes[60];
        size_t printed = 0;
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char)(random_below(&random, 2) ? 0x80 | random_bits(&random)
                                                       : random_bits(&random));
        for (size_t have = 1; have <= sizeof bytes; have++) {
            printed += utf8_printable_now(bytes + printed, have - printed);
            assert_true(printed <= have && have - printed <= 3);
        }
    }
}

/* --- quoting ------------------------------------------------------------------------------- */

static void check_quote(const char *bytes, size_t length, const char *expected) {
    char *text = utf8_quote(bytes, length);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

TEST(quotes_stand_around_the_text) {
    check_quote("", 0, "\"\"");
    check_quote(" server", 7, "\" server\"");
    check_quote("\xe4\xbd\xa0", 3, "\"\xe4\xbd\xa0\"");
}

TEST(controls_and_bad_bytes_are_quoted) {
    check_quote("a\n\r\t\"\\", 6, "\"a\\n\\r\\t\\\"\\\\\"");
    check_quote("\0\x1b\x7f", 3, "\"\\x00\\x1b\\x7f\"");
    check_quote("\xf0\x9f", 2, "\"\\xf0\\x9f\"");
    check_quote("\xc2\x9b", 2, "\"\\u009b\""); // CSI, which begins a terminal command
    check_quote("\xc2\x80\xc2\xa0", 4, "\"\\u0080\xc2\xa0\"");
    check_quote("\xe2\x80\xae", 3, "\"\\u202e\""); // from right to left from there on
    check_quote("\xe2\x80\xa8", 3, "\"\\u2028\""); // a line's end
    check_quote("\xf3\xa0\x80\x81", 4, "\"\\U000e0001\"");
    check_quote("\xe2\x80\x8d", 3, "\"\xe2\x80\x8d\""); // joins the parts of an emoji
}

TEST(every_byte_can_be_quoted) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char all[40];
        memset(all, (int)byte, sizeof all);
        char *text = utf8_quote(all, sizeof all);
        assert_non_null(text);
        assert_true(utf8_valid(text, strlen(text)));
        assert_true(strlen(text) >= sizeof all + 2);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_decoded),
        cmocka_unit_test(what_follows_a_character_is_left_alone),
        cmocka_unit_test(a_character_cut_short_is_invalid),
        cmocka_unit_test(overlong_forms_and_characters_beyond_unicode_are_invalid),
        cmocka_unit_test(valid_text_is_valid),
        cmocka_unit_test(one_bad_byte_anywhere_makes_a_text_invalid),
        cmocka_unit_test(nothing_is_held_back_of_nothing),
        cmocka_unit_test(whole_characters_are_printed),
        cmocka_unit_test(the_beginning_of_a_character_is_held_back),
        cmocka_unit_test(bytes_that_can_never_become_valid_are_printed),
        cmocka_unit_test(every_end_of_one_or_two_bytes_is_held_back_rightly),
        cmocka_unit_test(every_end_of_three_bytes_that_begins_a_character_is_held_back_rightly),
        cmocka_unit_test(random_bytes_printed_piece_by_piece_lose_nothing),
        cmocka_unit_test(quotes_stand_around_the_text),
        cmocka_unit_test(controls_and_bad_bytes_are_quoted),
        cmocka_unit_test(every_byte_can_be_quoted),
    };
    return cmocka_run_group_tests(tests, find_beginnings, NULL);
}
