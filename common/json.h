/*
 * json.h - JSON from files that nobody vouches for.
 *
 * cJSON does the parsing. This file adds what a hostile or broken file needs: the text must be
 * UTF-8, must be one value and nothing after it, and numbers that count things must be whole.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "error.h"

/*
 * Parses `length` bytes as one JSON value; white space around it is fine. `path` names the source
 * in messages. Returns the value, which the caller frees with cJSON_Delete, or NULL with *err
 * filled in. Refused besides what is no JSON: bytes that are no UTF-8, \u0000 (C strings end there,
 * so two different names would look the same), and more than JSON_VALUES_MAX values: cJSON takes
 * about a hundred bytes for each, of which a hostile file needs two. The header of a GPT-2 with
 * 1,000 layers has fewer than 120,000 values.
 */
#define JSON_VALUES_MAX 1000000
cJSON *json_parse(const char *path, const char *text, size_t length, struct error *err);

/*
 * Takes a whole number from 0 to JSON_COUNT_MAX out of a value; false when it is anything else.
 * The most is 2^53, beyond which a double can't tell neighbouring whole numbers apart, or on a
 * 32-bit system what a size_t holds.
 */
#define JSON_COUNT_MAX (SIZE_MAX < 9007199254740992u ? SIZE_MAX : (size_t)9007199254740992u)
bool json_count(const cJSON *item, size_t *count);

/*
 * Any bytes as a JSON string, with its quotes: control characters, NUL too, are escaped, and U+FFFD
 * stands for each byte that is not part of valid UTF-8. (cJSON's own strings end at a NUL.) NULL
 * without memory; the caller frees.
 */
char *json_quote(const char *bytes, size_t length);

#endif
