/*
 * tokenizer.h - text to token ids and back: GPT-2's byte-level BPE.
 *
 * A model reads numbers, and its unit is the token: a frequent piece of text with an id, like the
 * key of a cache entry. Encoding cuts the text into chunks (chunks.h), turns each byte into the
 * token for that byte, and merges neighbours by the learned rules (bpe.h). GPT-2's vocabulary has a
 * token for each of the 256 bytes, so any bytes can be encoded: text in any script, damaged
 * UTF-8, NUL; decoding gives them back. A vocabulary that lacks some bytes is fine for texts
 * without them.
 */
#ifndef COMMON_TOKENIZER_H
#define COMMON_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* A list that grows. Begin with {0}; token_list_free frees it. */
struct token_list {
    uint32_t *ids; // [count]
    size_t count, capacity;
};

bool token_list_add(struct token_list *list, uint32_t id); // false without memory
void token_list_free(struct token_list *list);

/* What "<|endoftext|>" in a text is. A prompt from outside must not be able to end the text. */
enum special_tokens {
    SPECIAL_AS_TEXT,  // thirteen characters like any others
    SPECIAL_AS_TOKEN, // the one token that separates documents
};

struct tokenizer;

/*
 * Opens vocab.json and merges.txt in a folder. NULL with *err filled in. tokenizer_close frees it;
 * NULL is fine there. An open tokenizer never changes: threads may share it.
 */
struct tokenizer *tokenizer_open(const char *folder, struct error *err);
void tokenizer_close(struct tokenizer *tokenizer);

/* How many tokens the vocabulary has: ids run from 0 to count - 1. */
size_t tokenizer_count(const struct tokenizer *tokenizer);

/*
 * Appends the ids of a text to *list; none for a length of 0. false with *err filled in when
 * memory runs out, or when the vocabulary lacks a token for one of the bytes; *list then holds what
 * it held before.
 */
bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                      enum special_tokens special, struct token_list *list, struct error *err);

/*
 * The bytes of one token, *length of them, owned by the tokenizer; perhaps not whole UTF-8.
 * NULL with a length of 0 when there is no such id.
 */
const char *tokenizer_decode(const struct tokenizer *tokenizer, uint32_t id, size_t *length);

/* The id of <|endoftext|>; false when the vocabulary has none, and *id is as it was. */
bool tokenizer_end_of_text(const struct tokenizer *tokenizer, uint32_t *id);

#endif
