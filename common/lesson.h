/*
 * lesson.h - what the program of every step needs: its arguments, section titles, lines that show
 * shapes, and the checks at its end.
 *
 * A step's program is called like this, and `make step4 PROMPT="..." MODEL=DIR` does it for you:
 *
 *     main [-m DIR] [-o DIR] [text]
 *
 * Without a text on the command line it takes the environment's PROMPT, and without that the
 * lesson's own. These functions print to standard output, which is what the page shows.
 */
#ifndef COMMON_LESSON_H
#define COMMON_LESSON_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "plot/canvas.h"
#include "tensor.h"

struct lesson {
    const char *model; // the model's folder
    const char *out;   // the folder for pictures, such as out/step4
    const char *text;  // [length] the reader's text, or the lesson's own
    size_t length;
    size_t n_failed; // checks that did not pass
    int status;      // what the program ends with, apart from failed checks
    char *owned[2];  // what lesson_end frees
};

/*
 * Reads the arguments and prints the title. name: "step4". false when the program should end at
 * once with status lesson_end(lesson): wrong usage (said on standard error) or --help.
 */
bool lesson_begin(struct lesson *lesson, int argc, char **argv, const char *name, const char *title,
                  const char *default_text);

/* Prints a section's title, underlined: the same words as on the page. */
void lesson_section(const char *title);

/* "scores              [6, 6]": a name, its shape, and a remark that may be empty. */
void lesson_shape(const char *name, struct shape shape, const char *remark);

/* A check of the lesson's own: "rows of the attention weights sum to 1   ok", or FAILED. */
void lesson_check(struct lesson *lesson, bool passed, const char *what);

/*
 * A check that a difference is small; not a number is not small. Prints the first power of ten above
 * it, 1e-06 or more, because the digits differ from machine to machine; a failed one is printed
 * itself. limit is finite.
 */
void lesson_check_close(struct lesson *lesson, double difference, double limit, const char *what);

/*
 * Writes a picture to the lesson's folder, which is made if need be, says where, and frees it. When
 * that can't be done (a full disk, a build without PNG) it says so, and the lesson goes on. picture
 * may be NULL because making it has failed: *err then says why.
 */
void lesson_save(const struct lesson *lesson, struct canvas *picture, const char *file_name,
                 struct error *err);

/* Says on standard error what went wrong; returns the exit status for that. */
int lesson_fail(struct lesson *lesson, const struct error *err);

/*
 * Frees what the lesson holds. Returns the exit status: 0, or 1 when a check failed, or when not
 * all of the output could be written (said on standard error).
 */
int lesson_end(struct lesson *lesson);

#endif
