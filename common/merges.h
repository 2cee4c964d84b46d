/*
 * merges.h - merges.txt: which two neighbouring tokens become one, in order of importance.
 *
 * The first line is a comment that begins with "#version". Each other line is a rule: two tokens in
 * the printable characters of vocab.json with a space between. The line's place is the rule's
 * rank: where several rules fit, the lowest rank goes first, because that is the order in which
 * training found them. (Rules that begin with '#' exist: only the first line is a comment.)
 */
#ifndef COMMON_MERGES_H
#define COMMON_MERGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "vocabulary.h"

struct merge {
    uint32_t left, right; // token ids
    uint32_t rank;        // 0 for the file's first rule
    uint32_t joined;      // the id of the token that has the bytes of left, then of right
};

struct merges;

/*
 * Reads merges.txt; both tokens of a rule and the one they become must be in the vocabulary. Lines
 * may end with \n or \r\n. NULL with *err filled in. merges_close frees it; NULL is fine there.
 */
struct merges *merges_open(const char *path, const struct vocabulary *vocabulary,
                           struct error *err);
void merges_close(struct merges *merges);

/* How many rules there are. */
size_t merges_count(const struct merges *merges);

/* The rule for two neighbours, or NULL when they stay two. */
const struct merge *merges_find(const struct merges *merges, uint32_t left, uint32_t right);

#endif
