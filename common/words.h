/*
 * words.h - the words of a command line as one text.
 */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stddef.h>

/* The words [n], each NUL-terminated, with a space between; NUL-terminated, too. NULL without
 * memory; the caller frees. */
char *words_join(char *const *words, size_t n);

#endif
