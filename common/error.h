/*
 * error.h - how a library function says what went wrong.
 *
 * A function in common/ that can fail takes a `struct error *` as its last parameter, fills in one
 * line for a person, and returns false or NULL; the program prints the line and decides what to do.
 * No function prints or exits, but for those whose work it is: lesson.h and lesson_model.h print
 * the lessons' output and messages, plot/term.h and plot/term_plot.h print where the caller says,
 * and model_files.h has a signal handler that ends the program. A good line names the file, the
 * thing in it, what was found, what was expected and how to mend it:
 *
 *     models/x/model.safetensors: tensor wte.weight has shape [50257, 700], expected [50257, 768]
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum { ERROR_SIZE = 1024 };

struct error {
    char message[ERROR_SIZE]; // one line, NUL-terminated, without a newline
};

/* Lets the compiler check our format strings like printf's. */
#if defined(__GNUC__)
#define ERROR_FORMAT(format_index, first_argument)                                                 \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define ERROR_FORMAT(format_index, first_argument)
#endif

/*
 * Fills *err with a formatted line and returns false, so that a function can end with
 * `return error_set(err, ...)`. `err` may be NULL when the caller does not care why.
 * Names and texts from files end up in these lines, so control characters (a newline, or an escape
 * code that would recolour the reader's terminal) become '?': the message stays one line.
 */
ERROR_FORMAT(2, 3)
static inline bool error_set(struct error *err, const char *format, ...) {
    if (err == NULL)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    for (unsigned char *c = (unsigned char *)err->message; *c != '\0'; c++) {
        if (*c < 0x20 || *c == 0x7f)
            *c = '?';
        else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) // U+0080 to U+009f: more controls
            c[0] = c[1] = '?';
    }
    return false;
}

/* The one message for memory that could not be had; `what` names what it was for. */
static inline bool error_no_memory(struct error *err, const char *what) {
    return error_set(
        err, "out of memory for %s: close other programs, or use a smaller model or text", what);
}

#endif
