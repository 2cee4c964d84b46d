/*
 * output.h - text to standard output as it is made, in whole characters.
 *
 * A token may end in the middle of a UTF-8 character: those bytes wait until the next token
 * completes it, so that a terminal never sees half a character.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"

enum { OUTPUT_HELD_MAX = 3 }; // a character of four bytes lacks at least one

struct output {
    char held[OUTPUT_HELD_MAX]; // [n_held]: the beginning of a character
    size_t n_held;
    bool closed; // the reader of our pipe has gone: nothing more to do, and no error
};

/*
 * All of these return false with *err filled in when it could not be written; output->closed is set
 * when that was because the reader has gone.
 */

/* Raw bytes, which may wait in a buffer. */
bool output_bytes(struct output *output, const char *bytes, size_t length, struct error *err);

/* What is whole of the held bytes and these, at once; the rest is held back. */
bool output_text(struct output *output, const char *bytes, size_t length, struct error *err);

/* What is still held back, whole or not, and the end of the line, at once. */
bool output_end_line(struct output *output, struct error *err);

/* Everything that waits in the buffer. */
bool output_flush(struct output *output, struct error *err);

#endif
