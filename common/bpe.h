/*
 * bpe.h - byte-pair encoding: merging the bytes of one chunk into tokens.
 *
 * The rule: of all neighbours that have a merge rule, the pair with the lowest rank becomes one
 * token (the leftmost, where it occurs several times); look again, until no rule fits. Looking
 * through the whole chunk after every merge costs n x n steps, which a log file with a megabyte of
 * one letter turns into hours. Here the candidates wait in a priority queue, like jobs in a
 * scheduler, and a merge touches only its two neighbours: n log n.
 */
#ifndef COMMON_BPE_H
#define COMMON_BPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "merges.h"

/*
 * Merges ids in place. ids: [*count], the tokens of the chunk's single bytes; on return the first
 * *count of them are the chunk's tokens. false without memory.
 */
bool bpe_merge(const struct merges *merges, uint32_t *ids, size_t *count);

#endif
