/*
 * utf8.h - Unicode text as bytes.
 *
 * UTF-8 writes a character (a "code point") as one to four bytes. A language model's tokens are
 * pieces of bytes and may end in the middle of a character, so a program that prints them as they
 * come must know how much of what it has is whole.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads the character at the front of bytes (length >= 1). Returns how many bytes it takes, and
 * the character in *codepoint; 0 when the bytes are not valid UTF-8 there.
 */
size_t utf8_decode(const char *bytes, size_t length, int32_t *codepoint);

bool utf8_valid(const char *bytes, size_t length);

/*
 * Whether a terminal would obey this character instead of showing it: controls, ends of lines and
 * paragraphs, and what Unicode calls format characters (some turn the direction of writing round),
 * except the two joiners that emoji are made with.
 */
bool utf8_is_control(int32_t codepoint);

/*
 * How many of the bytes can be printed now: all of them, except the beginning of a character at
 * the very end that further bytes may still complete. Bytes that can no longer become valid are
 * not held back.
 */
size_t utf8_printable_now(const char *bytes, size_t length);

/*
 * Writes one character in another notation and returns the length written, at most UTF8_QUOTED_MAX
 * for each byte that it has. used: its bytes; 0 for a single byte that is not part of valid UTF-8.
 */
typedef size_t utf8_notation(const char *bytes, size_t used, int32_t codepoint, char *out);

enum { UTF8_QUOTED_MAX = 6 };

/*
 * The bytes in double quotes, each character in the notation given. NULL without memory; the
 * caller frees.
 */
char *utf8_quote_as(const char *bytes, size_t length, utf8_notation *notation);

/*
 * The bytes as a person can read them on one line, in double quotes: "\n" for a newline, "\xf0" for
 * a byte that is not part of valid UTF-8. NULL without memory; the caller frees.
 */
char *utf8_quote(const char *bytes, size_t length);

#endif
