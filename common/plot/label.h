/*
 * label.h - the short texts beside a chart.
 *
 * A token is a piece of bytes: mostly a word with a space in front, sometimes a newline or a third
 * of an emoji. A label is text that can stand anywhere: valid UTF-8 on one line, NUL-terminated,
 * without anything that a terminal would obey.
 *
 * Lengths of labels are counted in columns, as a terminal does: 1 for most characters, 2 for
 * emoji and for Chinese, Japanese and Korean ones, 0 for accents that join the letter before them.
 */
#ifndef COMMON_LABEL_H
#define COMMON_LABEL_H

#include <stddef.h>
#include <stdint.h>

enum {
    LABEL_SIZE = 128, // bytes, with the NUL: longer labels are cut
};

/*
 * Writes a token's bytes as a label, and returns it: "·server" for " server", "↵" for a newline,
 * "→" for a tab, "\xf0" for a byte that is no whole character or a control character.
 * What does not fit into LABEL_SIZE is cut off and ends in '…'.
 */
const char *label_of_token(const char *bytes, size_t length, char text[LABEL_SIZE]);

/* How many columns a label takes. Bytes that are not UTF-8 count one column each. */
size_t label_columns(const char *label);

/* The columns of one character: 0, 1 or 2. */
size_t label_character_columns(int32_t codepoint);

/*
 * Writes a label of at most `columns` columns: the label itself, or its beginning and '…'.
 * Returns text. With 0 columns that is "". text may not be label.
 */
const char *label_shorten(const char *label, size_t columns, char text[LABEL_SIZE]);

/*
 * Reads the character at the front of a label and steps *label past it: U+FFFD, the replacement
 * character, for a byte that is not UTF-8 or a control character; 0 at the end, without a step.
 */
int32_t label_next(const char **label);

#endif
