/*
 * line_reader.h - one line from a terminal, with editing and history where libedit is there.
 */
#ifndef CLI_LINE_READER_H
#define CLI_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

enum line_result {
    LINE_READ,        // a line, without its end
    LINE_INTERRUPTED, // Ctrl-C: the line was dropped
    LINE_END,         // Ctrl-D
};

struct line_reader;

/* NULL without memory. line_reader_free puts the terminal back; NULL is fine there. */
struct line_reader *line_reader_new(const char *prompt);
void line_reader_free(struct line_reader *reader);

/* *line: [*length], owned by the reader, good until the next call. */
enum line_result line_reader_next(struct line_reader *reader, const char **line, size_t *length);

#endif
