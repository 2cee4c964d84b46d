/*
 * chunks.h - cutting a text into the chunks inside which tokens are merged.
 *
 * GPT-2 never merges across word boundaries, or "dog", "dog." and "dog!" would each become a
 * token. Its tokenizer cuts the text first, at the leftmost match of the first of these that fits:
 *
 *     's 't 're 've 'm 'll 'd     the endings of English contractions, small letters only
 *     ' '? letters                " server": a word keeps the space before it
 *     ' '? numerals               " 404"
 *     ' '? other characters       " -->": neither white space nor letters nor numerals
 *     white space                 a run of it, without its last character when a word follows
 *
 * As the regular expression of OpenAI's encoder.py (https://github.com/openai/gpt-2):
 *     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 */
#ifndef COMMON_CHUNKS_H
#define COMMON_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

/* What the rules tell apart. A byte that is no valid UTF-8 counts as CHARACTER_OTHER. */
enum character_class { CHARACTER_LETTER, CHARACTER_NUMERAL, CHARACTER_SPACE, CHARACTER_OTHER };

enum character_class character_class(int32_t codepoint);

/* The length in bytes of the first chunk of a text. length >= 1; returns 1 to length. */
size_t chunk_length(const char *text, size_t length);

#endif
