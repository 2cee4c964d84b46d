/*
 * interactive.h - a session at a terminal: each line is a new text to continue.
 */
#ifndef CLI_INTERACTIVE_H
#define CLI_INTERACTIVE_H

#include <stdbool.h>

#include "../../common/error.h"
#include "generate.h"
#include "report.h"

/*
 * Reads lines until Ctrl-D. An empty line continues the last text; Ctrl-C ends the text that is
 * being written, or drops the line that is being typed. A line that is only quit, exit or help, or
 * one of them behind a slash, is not a text: the answer says how to end the session. What can be
 * mended by another line (a prompt that is too long) is said and the session goes on, still with
 * the last text; false with *err filled in otherwise.
 * report: what --stats says after each text; its generation is filled in here.
 */
bool interactive_run(const struct generator *generator, struct report *report, struct error *err);

#endif
