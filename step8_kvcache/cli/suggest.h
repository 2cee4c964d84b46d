/*
 * suggest.h - which option a mistyped one was meant to be.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <getopt.h>
#include <stddef.h>

/*
 * The name among the options (the last has the name NULL) that the word[length] is nearest to, or
 * NULL when it is near to none. Near is: a third of its letters, and one more in a long word, have
 * to be put in, left out, changed or swapped with a neighbour. Capitals and _ count as small
 * letters and -.
 */
const char *suggest_option(const struct option *options, const char *word, size_t length);

#endif
