/*
 * vocabulary.h - vocab.json: the table of tokens, from id to bytes and back.
 *
 * The file is one JSON object, {"!": 0, "\"": 1, ..., "\u0120server": 4382, ...}. JSON holds text
 * and tokens are bytes, so GPT-2 writes each of the 256 bytes as a printable character of its own:
 * the bytes 33-126, 161-172 and 174-255 as the characters with those numbers, and the other 68 in
 * their order as the characters 256, 257, ... A space, byte 32, becomes U+0120; you will see it in
 * the file as a G with a dot above. (Source: encoder.py in https://github.com/openai/gpt-2)
 */
#ifndef COMMON_VOCABULARY_H
#define COMMON_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct vocabulary;

/*
 * Reads vocab.json. The ids must be 0, 1, 2 ... without holes, each given once, and no token may
 * stand in it twice. NULL with *err filled in. vocabulary_close frees it; NULL is fine there.
 */
struct vocabulary *vocabulary_open(const char *path, struct error *err);
void vocabulary_close(struct vocabulary *vocabulary);

/* How many tokens there are: ids run from 0 to count - 1. */
size_t vocabulary_count(const struct vocabulary *vocabulary);

/* The bytes of a token, *length of them, owned by the vocabulary. id < count */
const char *vocabulary_bytes(const struct vocabulary *vocabulary, uint32_t id, size_t *length);

/* The id of the token with exactly these bytes; false when there is none. */
bool vocabulary_find(const struct vocabulary *vocabulary, const char *bytes, size_t length,
                     uint32_t *id);

/*
 * Turns the printable characters of vocab.json and merges.txt into the bytes that they stand for.
 * bytes: room for `length`. Returns how many bytes, or -1 when a character stands for none.
 */
ptrdiff_t vocabulary_symbols_to_bytes(const char *symbols, size_t length, char *bytes);

#endif
