/*
 * capture.h - catches what is printed to a terminal, for the tests of charts and tables in one.
 */
#ifndef TESTS_UNIT_CAPTURE_H
#define TESTS_UNIT_CAPTURE_H

#include "support.h"

#include <utf8proc.h>

#include "../../common/plot/term_plot.h"

struct capture {
    char *text;
    size_t length;
    struct term term;
};

static inline void capture_begin(struct capture *capture, enum term_colors colors, bool ascii) {
    FILE *out = open_memstream(&capture->text, &capture->length);
    assert_non_null(out);
    capture->term = (struct term){.out = out, .colors = colors, .ascii = ascii};
}

static inline void capture_end(struct capture *capture) {
    assert_int_equal(fclose(capture->term.out), 0);
}

/* Ends the capture and compares what was printed. */
static inline void assert_printed(struct capture *capture, const char *expected) {
    capture_end(capture);
    assert_string_equal(capture->text, expected);
    free(capture->text);
}

/*
 * Ends the capture and checks every line: at most 80 columns, valid UTF-8, no control characters
 * but the escape codes of colours, which end before the line does; in a plain terminal none.
 */
static inline void assert_lines_fit(struct capture *capture) {
    bool colored = false;
    int columns = 0;
    capture_end(capture);
    const char *end = capture->text + capture->length;
    for (const char *c = capture->text; c < end;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)c, end - c, &codepoint);
        if (used <= 0)
            fail_msg("this is not UTF-8:\n%s", capture->text);
        if (codepoint == '\033') {
            assert_int_not_equal(capture->term.colors, TERM_PLAIN);
            const char *m = strchr(c, 'm');
            assert_non_null(m);
            assert_int_equal(strspn(c + 1, "[0123456789;"), m - c - 1);
            colored = strncmp(c, "\033[0m", 4) != 0;
            c = m + 1;
            continue;
        }
        if (codepoint == '\n') {
            assert_false(colored);
            columns = 0;
        } else {
            assert_true(codepoint >= 0x20 && codepoint != 0x7f);
            columns += utf8proc_charwidth(codepoint);
        }
        if (columns > TERM_COLUMNS)
            fail_msg("a line is longer than 80 columns:\n%s", capture->text);
        c += used;
    }
    assert_int_equal(columns, 0); // the last line is ended
    free(capture->text);
}

#endif
