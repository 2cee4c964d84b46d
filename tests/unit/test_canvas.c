/* common/canvas.h, png.h and color.h: pictures in memory, and their files. */
#include "support.h"

#include "../../common/plot/canvas.h"
#include "../../common/plot/font.h"

static const struct color RED = {200, 10, 20};

static struct canvas *new_canvas(int width, int height) {
    struct error err;
    struct canvas *canvas = canvas_new(width, height, &err);
    if (canvas == NULL)
        fail_msg("%s", err.message);
    return canvas;
}

static bool same_color(struct color a, struct color b) {
    return a.red == b.red && a.green == b.green && a.blue == b.blue;
}

static bool is_red(const struct canvas *canvas, int x, int y) {
    return same_color(canvas_get(canvas, x, y), RED);
}

/* How many pixels are not white. */
static int count_drawn(const struct canvas *canvas) {
    int drawn = 0;
    for (int y = 0; y < canvas->height; y++) {
        for (int x = 0; x < canvas->width; x++)
            drawn += !same_color(canvas_get(canvas, x, y), color_white());
    }
    return drawn;
}

/* --- drawing ------------------------------------------------------------------------------------ */

TEST(a_new_canvas_is_white) {
    struct canvas *canvas = new_canvas(7, 5);
    assert_int_equal(canvas->width, 7);
    assert_int_equal(canvas->height, 5);
    assert_int_equal(count_drawn(canvas), 0);
    canvas_free(canvas);
    canvas_free(NULL);
}

TEST(a_size_out_of_range_is_refused) {
    struct error err;
    static const int sizes[][2] = {
        {0, 5}, {5, 0}, {-1, 5}, {5, -1}, {CANVAS_LARGEST + 1, 5}, {5, CANVAS_LARGEST + 1}};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        assert_null(canvas_new(sizes[i][0], sizes[i][1], &err));
        assert_message(&err, "pixels", "expected 1 to 4096");
    }
}

TEST(a_rectangle_is_filled_and_nothing_else) {
    struct canvas *canvas = new_canvas(10, 8);
    canvas_rectangle(canvas, 2, 3, 4, 2, RED);
    assert_int_equal(count_drawn(canvas), 8);
    assert_true(is_red(canvas, 2, 3) && is_red(canvas, 5, 4));
    canvas_rectangle(canvas, 0, 0, 0, 5, RED);
    canvas_rectangle(canvas, 0, 0, 5, -3, RED);
    assert_int_equal(count_drawn(canvas), 8);
    canvas_free(canvas);
}

TEST(a_frame_is_an_outline) {
    struct canvas *canvas = new_canvas(10, 8);
    canvas_frame(canvas, 1, 1, 5, 4, RED);
    assert_int_equal(count_drawn(canvas), 5 * 4 - 3 * 2);
    assert_false(is_red(canvas, 2, 2));
    canvas_free(canvas);
}

TEST(what_lies_outside_is_left_out) {
    struct canvas *canvas = new_canvas(10, 8);
    canvas_rectangle(canvas, -100, -100, 102, 103, RED); // 2 x 3 pixels of it are inside
    assert_int_equal(count_drawn(canvas), 6);
    canvas_rectangle(canvas, 9, 7, INT32_MAX, INT32_MAX, RED);
    assert_int_equal(count_drawn(canvas), 7);
    canvas_pixel(canvas, INT32_MIN, INT32_MAX, RED);
    canvas_text(canvas, -1000, -1000, ALIGN_LEFT, "nobody sees this", RED);
    canvas_text_up(canvas, 1000, 1000, ALIGN_RIGHT, "nobody sees this", RED);
    assert_int_equal(count_drawn(canvas), 7);
    canvas_free(canvas);
}

TEST(a_picture_is_pasted) {
    struct canvas *canvas = new_canvas(10, 8), *small = new_canvas(3, 3);
    canvas_rectangle(small, 0, 0, 3, 3, RED);
    canvas_paste(canvas, 8, -1, small);
    assert_int_equal(count_drawn(canvas), 2 * 2);
    canvas_free(canvas);
    canvas_free(small);
}

/* --- text --------------------------------------------------------------------------------------- */

TEST(text_is_the_fonts_dots) {
    struct canvas *canvas = new_canvas(60, 30);
    canvas_text(canvas, 5, 6, ALIGN_LEFT, "g·T", RED);
    static const int32_t characters[] = {'g', 0xb7, 'T'};
    for (int y = 0; y < 30; y++) {
        for (int x = 0; x < 60; x++) {
            int column = x - 5, row = y - 6;
            bool inside = column >= 0 && column < 3 * FONT_WIDTH && row >= 0 && row < FONT_HEIGHT;
            bool dot = inside && font_dot(font_glyph(characters[column / FONT_WIDTH]), (size_t)row,
                                          (size_t)(column % FONT_WIDTH));
            assert_int_equal(is_red(canvas, x, y), dot);
        }
    }
    canvas_free(canvas);
}

TEST(text_upwards_is_text_turned_to_the_left) {
    struct canvas *flat = new_canvas(64, 64), *turned = new_canvas(64, 64);
    canvas_text(flat, 10, 20, ALIGN_LEFT, "Fig. 7", RED);
    canvas_text_up(turned, 20, 63 - 10, ALIGN_LEFT, "Fig. 7", RED);
    for (int y = 0; y < 64; y++) {
        for (int x = 0; x < 64; x++)
            assert_int_equal(is_red(flat, x, y), is_red(turned, y, 63 - x));
    }
    assert_true(count_drawn(flat) > 50);
    canvas_free(flat);
    canvas_free(turned);
}

/* The first and the last column that have something drawn in them. */
static void drawn_columns(const struct canvas *canvas, int *first, int *last) {
    *first = canvas->width;
    *last = -1;
    for (int x = 0; x < canvas->width; x++) {
        for (int y = 0; y < canvas->height; y++) {
            if (is_red(canvas, x, y)) {
                *first = x < *first ? x : *first;
                *last = x;
            }
        }
    }
}

TEST(text_is_aligned) {
    // H takes the columns 0 to 5 of its cell of 8.
    static const int expected[][2] = {{50, 63}, {42, 55}, {34, 47}};
    static const enum canvas_align aligns[] = {ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT};
    for (size_t i = 0; i < 3; i++) {
        struct canvas *canvas = new_canvas(100, 20);
        int first, last;
        canvas_text(canvas, 50, 2, aligns[i], "HH", RED);
        drawn_columns(canvas, &first, &last);
        assert_int_equal(first, expected[i][0]);
        assert_int_equal(last, expected[i][1]);
        canvas_free(canvas);
    }
}

TEST(bold_text_is_text_drawn_twice) {
    struct canvas *once = new_canvas(100, 20), *bold = new_canvas(100, 20);
    canvas_text(once, 5, 2, ALIGN_LEFT, "Title", RED);
    canvas_text(once, 6, 2, ALIGN_LEFT, "Title", RED);
    canvas_text_bold(bold, 5, 2, ALIGN_LEFT, "Title", RED);
    assert_memory_equal(once->rgb, bold->rgb, 100 * 20 * 3);
    canvas_free(once);
    canvas_free(bold);
}

TEST(wide_characters_take_two_cells) {
    assert_int_equal(canvas_text_width("日"), 2 * FONT_WIDTH);
    assert_int_equal(canvas_text_width("e\xcc\x81"), FONT_WIDTH);
    struct canvas *canvas = new_canvas(40, 20);
    int first, last;
    canvas_text(canvas, 5, 2, ALIGN_LEFT, "日", RED);
    drawn_columns(canvas, &first, &last);
    assert_int_equal(first, 5);
    assert_in_range(last, 5 + FONT_WIDTH, 5 + 2 * FONT_WIDTH - 1);
    canvas_free(canvas);
}

/* --- colours ------------------------------------------------------------------------------------ */

static double brightness(struct color color) {
    return 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue;
}

TEST(the_maps_get_darker_away_from_nothing) {
    for (int i = 1; i <= 200; i++) {
        double t = i / 200.0, before = (i - 1) / 200.0;
        assert_true(brightness(color_sequential(t)) <= brightness(color_sequential(before)));
        assert_true(brightness(color_diverging(t)) <= brightness(color_diverging(before)));
        assert_true(brightness(color_diverging(-t)) <= brightness(color_diverging(-before)));
    }
    assert_true(brightness(color_sequential(0)) - brightness(color_sequential(1)) > 150);
    struct color negative = color_diverging(-0.8), positive = color_diverging(0.8);
    assert_true(negative.red > negative.blue && positive.blue > positive.red);
}

TEST(levels_outside_of_a_map_are_its_ends) {
    assert_true(same_color(color_sequential(-5), color_sequential(0)));
    assert_true(same_color(color_sequential(1e30), color_sequential(1)));
    assert_true(same_color(color_diverging(-INFINITY), color_diverging(-1)));
    assert_true(same_color(color_sequential(NAN), color_none()));
    assert_true(same_color(color_diverging(NAN), color_none()));
}

TEST(text_can_be_read_on_every_colour) {
    for (int i = -100; i <= 100; i++) {
        struct color colors[] = {color_diverging(i / 100.0), color_sequential((i + 100) / 200.0)};
        for (size_t k = 0; k < 2; k++) {
            double difference = brightness(colors[k]) - brightness(color_text_on(colors[k]));
            assert_true(fabs(difference) > 90.0);
        }
    }
}

/* --- files -------------------------------------------------------------------------------------- */

#if defined(HAVE_STB)

/* The checksum of a PNG's chunks, bit by bit (ISO 3309). */
static uint32_t crc(const unsigned char *bytes, size_t n) {
    uint32_t rest = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        rest ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            rest = (rest >> 1) ^ (rest & 1 ? 0xedb88320u : 0);
    }
    return ~rest;
}

static uint32_t big_endian(const unsigned char *b) {
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

struct bits {
    const unsigned char *bytes;
    size_t at; // bits read so far
};

static unsigned read_bits(struct bits *bits, unsigned n, bool high_first) {
    unsigned value = 0;
    for (unsigned i = 0; i < n; i++, bits->at++) {
        unsigned bit = (unsigned)bits->bytes[bits->at / 8] >> bits->at % 8 & 1u;
        value = high_first ? value << 1 | bit : value | bit << i;
    }
    return value;
}

/* A symbol in the fixed code of RFC 1951, 3.2.6. */
static unsigned read_symbol(struct bits *bits) {
    unsigned code = read_bits(bits, 7, true);
    if (code <= 23)
        return 256 + code;
    code = code << 1 | read_bits(bits, 1, true);
    if (code >= 48 && code <= 191)
        return code - 48;
    if (code >= 192 && code <= 199)
        return 280 + code - 192;
    code = code << 1 | read_bits(bits, 1, true);
    return 144 + code - 400;
}

/* Unpacks the fixed-code blocks that stb_image_write makes (RFC 1951). Returns the bytes written. */
static size_t inflate_fixed(const unsigned char *packed, unsigned char *out, size_t room) {
    struct bits bits = {packed, 0};
    size_t n = 0;
    for (bool last = false; !last;) {
        last = read_bits(&bits, 1, false);
        assert_int_equal(read_bits(&bits, 2, false), 1);
        for (unsigned symbol; (symbol = read_symbol(&bits)) != 256;) {
            if (symbol < 256) {
                assert_true(n < room);
                out[n++] = (unsigned char)symbol;
                continue;
            }
            unsigned k = symbol - 257, more = k < 8 || k == 28 ? 0 : (k - 4) / 4;
            unsigned length = k == 28 ? 258 : k < 8 ? 3 + k : ((4 + k % 4) << more) + 3;
            length += read_bits(&bits, more, false);
            unsigned d = read_bits(&bits, 5, true), far = d < 4 ? 0 : (d - 2) / 2;
            unsigned distance = d < 4 ? 1 + d : ((2 + d % 2) << far) + 1;
            distance += read_bits(&bits, far, false);
            assert_true(distance <= n && n + length <= room);
            for (unsigned i = 0; i < length; i++, n++)
                out[n] = out[n - distance];
        }
    }
    return n;
}

static int paeth(int a, int b, int c) {
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/* Takes back the filters of a PNG's rows (PNG specification, 9.2). rows: [height, 1 + stride] */
static void unfilter(unsigned char *rows, size_t height, size_t stride) {
    for (size_t y = 0; y < height; y++) {
        unsigned char *row = rows + y * (stride + 1);
        for (size_t i = 0; i < stride; i++) {
            int left = i >= 3 ? row[1 + i - 3] : 0;
            int up = y > 0 ? row[1 + i - (stride + 1)] : 0;
            int corner = y > 0 && i >= 3 ? row[1 + i - 3 - (stride + 1)] : 0;
            int guess[] = {0, left, up, (left + up) / 2, paeth(left, up, corner)};
            assert_true(row[0] < 5);
            row[1 + i] = (unsigned char)(row[1 + i] + guess[row[0]]);
        }
    }
}

static struct canvas *random_picture(struct random_source *random, int width, int height) {
    struct canvas *canvas = new_canvas(width, height);
    for (size_t i = 0; i < 30; i++) {
        struct color color = color_sequential(random_uniform(random));
        int x = (int)random_below(random, (size_t)width);
        int y = (int)random_below(random, (size_t)height);
        if (i % 3 == 0)
            canvas_text(canvas, x, y, ALIGN_CENTER, "some text", color);
        else
            canvas_rectangle(canvas, x, y, 40, 9, color);
    }
    return canvas;
}

TEST(a_png_holds_the_picture) {
    struct random_source random = {11};
    static const int sizes[][2] = {{1, 1}, {3, 2}, {1, 300}, {257, 64}, {400, 300}};
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        struct error err;
        size_t length, stride = (size_t)sizes[s][0] * 3, height = (size_t)sizes[s][1];
        struct canvas *canvas = random_picture(&random, sizes[s][0], sizes[s][1]);
        assert_done(canvas_write_png(canvas, path_of("picture.png"), &err), &err);
        unsigned char *file = (unsigned char *)read_bytes(path_of("picture.png"), &length);
        assert_true(length > 57);
        assert_memory_equal(file, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
        assert_int_equal(big_endian(file + 16), canvas->width);
        assert_int_equal(big_endian(file + 20), canvas->height);
        assert_memory_equal(file + 24, "\x08\x02\0\0\0", 5); // 8 bits each of red, green, blue
        assert_int_equal(big_endian(file + 29), crc(file + 12, 17));

        size_t packed = big_endian(file + 33);
        assert_int_equal(length, 8 + 25 + 12 + packed + 12);
        assert_memory_equal(file + 37, "IDAT", 4);
        assert_int_equal(big_endian(file + 41 + packed), crc(file + 37, packed + 4));
        size_t room = (stride + 1) * height;
        unsigned char *rows = malloc(room);
        assert_non_null(rows);
        assert_int_equal(inflate_fixed(file + 41 + 2, rows, room), room); // 2: zlib's header
        unfilter(rows, height, stride);
        for (size_t y = 0; y < height; y++)
            assert_memory_equal(rows + y * (stride + 1) + 1, canvas->rgb + y * stride, stride);
        free(rows);
        free(file);
        canvas_free(canvas);
    }
}

TEST(the_same_picture_gives_the_same_bytes) {
    struct error err;
    char *files[2];
    size_t lengths[2];
    for (size_t i = 0; i < 2; i++) {
        struct random_source random = {7};
        struct canvas *canvas = random_picture(&random, 300, 200);
        assert_done(canvas_write_png(canvas, path_of("same.png"), &err), &err);
        files[i] = read_bytes(path_of("same.png"), &lengths[i]);
        canvas_free(canvas);
    }
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(files[0], files[1], lengths[0]);
    free(files[0]);
    free(files[1]);
}

TEST(a_missing_folder_is_an_error) {
    struct error err;
    struct canvas *canvas = new_canvas(4, 4);
    assert_false(canvas_write_png(canvas, path_of("nowhere/picture.png"), &err));
    assert_message(&err, "nowhere/picture.png", "cannot create");
    canvas_free(canvas);
}

#else

TEST(without_stb_a_png_is_an_error_that_says_what_to_install) {
    struct error err;
    struct canvas *canvas = new_canvas(4, 4);
    assert_false(canvas_write_png(canvas, path_of("picture.png"), &err));
    assert_message(&err, "stb_image_write", "scripts/setup.sh");
    assert_int_not_equal(access(path_of("picture.png"), F_OK), 0);
    canvas_free(canvas);
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_canvas_is_white),
        cmocka_unit_test(a_size_out_of_range_is_refused),
        cmocka_unit_test(a_rectangle_is_filled_and_nothing_else),
        cmocka_unit_test(a_frame_is_an_outline),
        cmocka_unit_test(what_lies_outside_is_left_out),
        cmocka_unit_test(a_picture_is_pasted),
        cmocka_unit_test(text_is_the_fonts_dots),
        cmocka_unit_test(text_upwards_is_text_turned_to_the_left),
        cmocka_unit_test(text_is_aligned),
        cmocka_unit_test(bold_text_is_text_drawn_twice),
        cmocka_unit_test(wide_characters_take_two_cells),
        cmocka_unit_test(the_maps_get_darker_away_from_nothing),
        cmocka_unit_test(levels_outside_of_a_map_are_its_ends),
        cmocka_unit_test(text_can_be_read_on_every_colour),
#if defined(HAVE_STB)
        cmocka_unit_test(a_png_holds_the_picture),
        cmocka_unit_test(the_same_picture_gives_the_same_bytes),
        cmocka_unit_test(a_missing_folder_is_an_error),
#else
        cmocka_unit_test(without_stb_a_png_is_an_error_that_says_what_to_install),
#endif
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
