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

/* Writes raw bytes and flushes. false with *err filled in, or with output->closed set. */
bool output_bytes(struct output *output, const char *bytes, size_t length, struct error *err);

/* Writes what is whole of the held bytes and these; the rest is held back. */
bool output_text(struct output *output, const char *bytes, size_t length, struct error *err);

/* Writes what is still held back, whole or not. */
bool output_finish(struct output *output, struct error *err);

#endif
