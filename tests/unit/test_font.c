/* common/font.h: which dots make a character. */
#include "support.h"

#include "../../common/plot/font.h"

static bool has_dot_in_row(size_t glyph, size_t row) {
    for (size_t column = 0; column < FONT_WIDTH; column++) {
        if (font_dot(glyph, row, column))
            return true;
    }
    return false;
}

static size_t count_dots(size_t glyph) {
    size_t dots = 0;
    for (size_t row = 0; row < FONT_HEIGHT; row++) {
        for (size_t column = 0; column < FONT_WIDTH; column++)
            dots += font_dot(glyph, row, column);
    }
    return dots;
}

static bool same_drawing(size_t a, size_t b) {
    for (size_t row = 0; row < FONT_HEIGHT; row++) {
        for (size_t column = 0; column < FONT_WIDTH; column++) {
            if (font_dot(a, row, column) != font_dot(b, row, column))
                return false;
        }
    }
    return true;
}

/* The characters that labels may hope for: ASCII and what font.h promises. */
static size_t all_characters(int32_t characters[200]) {
    static const int32_t more[] = {0x00b7, 0x2026, 0x2192, 0x2190, 0x21b5, 0x00d7, 0x221a,
                                   0x00b2, 0x00b1, 0x2248, 0x2264, 0x2265, 0x221e, 0x00b5};
    size_t n = 0;
    for (int32_t c = 33; c <= 126; c++)
        characters[n++] = c;
    for (size_t i = 0; i < LENGTH(more); i++)
        characters[n++] = more[i];
    return n;
}

TEST(every_character_has_a_drawing_of_its_own) {
    int32_t characters[200];
    size_t n = all_characters(characters);
    for (size_t i = 0; i < n; i++) {
        size_t glyph = font_glyph(characters[i]);
        if (count_dots(glyph) == 0 || glyph == font_box())
            fail_msg("U+%04X has no drawing", (unsigned)characters[i]);
        for (size_t k = 0; k <= i; k++) {
            size_t other = k < i ? font_glyph(characters[k]) : font_box();
            if (same_drawing(glyph, other))
                fail_msg("U+%04X looks like U+%04X", (unsigned)characters[i],
                         k < i ? (unsigned)characters[k] : 0xfffd);
        }
    }
}

TEST(a_space_is_empty) {
    assert_int_equal(count_dots(font_glyph(' ')), 0);
}

TEST(neighbours_do_not_touch) {
    int32_t characters[200];
    size_t n = all_characters(characters);
    for (size_t i = 0; i < n; i++) {
        for (size_t row = 0; row < FONT_HEIGHT; row++) {
            if (font_dot(font_glyph(characters[i]), row, FONT_WIDTH - 1))
                fail_msg("U+%04X uses the free column in row %zu", (unsigned)characters[i], row);
        }
    }
}

TEST(letters_stand_on_the_baseline) {
    static const char standing[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefhiklmnorstuvwxz0123456789.!?";
    static const char hanging[] = "gjpqy";
    for (const char *c = standing; *c != '\0'; c++) {
        assert_true(has_dot_in_row(font_glyph(*c), FONT_BASELINE));
        assert_false(has_dot_in_row(font_glyph(*c), FONT_BASELINE + 1));
    }
    for (const char *c = hanging; *c != '\0'; c++)
        assert_true(has_dot_in_row(font_glyph(*c), FONT_BASELINE + 1));
}

TEST(capitals_and_digits_have_one_height) {
    for (int c = '0'; c <= 'Z'; c++) {
        if (c > '9' && c < 'A')
            continue;
        assert_false(has_dot_in_row(font_glyph(c), 0));
        assert_true(has_dot_in_row(font_glyph(c), 1));
    }
}

TEST(a_T_is_drawn_as_a_T) {
    size_t glyph = font_glyph('T');
    for (size_t row = 0; row < FONT_HEIGHT; row++) {
        for (size_t column = 0; column < FONT_WIDTH; column++) {
            bool bar = row == 1 && column <= 6, stem = row >= 1 && row <= 10 && column == 3;
            assert_int_equal(font_dot(glyph, row, column), bar || stem);
        }
    }
}

TEST(typographic_signs_share_the_plain_drawings) {
    assert_int_equal(font_glyph(0x2019), font_glyph('\''));
    assert_int_equal(font_glyph(0x201c), font_glyph('"'));
    assert_int_equal(font_glyph(0x2014), font_glyph('-'));
    assert_int_equal(font_glyph(0x00a0), font_glyph(' '));
}

TEST(what_the_font_lacks_is_a_box) {
    static const int32_t unknown[] = {-1, 0, 10, 31, 127, 0xe9, 0x65e5, 0xfffd, 0x1f44b, 0x10ffff};
    for (size_t i = 0; i < LENGTH(unknown); i++)
        assert_int_equal(font_glyph(unknown[i]), font_box());
    assert_true(font_dot(font_box(), 1, 0));
    assert_false(font_dot(font_box(), 5, 3));
}

TEST(there_are_no_dots_outside_of_a_cell) {
    assert_false(font_dot(font_glyph('T'), FONT_HEIGHT, 3));
    assert_false(font_dot(font_glyph('T'), 1, FONT_WIDTH));
    assert_false(font_dot(font_box() + 1, 1, 0));
    assert_false(font_dot(SIZE_MAX, SIZE_MAX, SIZE_MAX));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_has_a_drawing_of_its_own),
        cmocka_unit_test(a_space_is_empty),
        cmocka_unit_test(neighbours_do_not_touch),
        cmocka_unit_test(letters_stand_on_the_baseline),
        cmocka_unit_test(capitals_and_digits_have_one_height),
        cmocka_unit_test(a_T_is_drawn_as_a_T),
        cmocka_unit_test(typographic_signs_share_the_plain_drawings),
        cmocka_unit_test(what_the_font_lacks_is_a_box),
        cmocka_unit_test(there_are_no_dots_outside_of_a_cell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
