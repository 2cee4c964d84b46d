#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model_files.h"
#include "utf8.h"

/* Whether a \u0000 escape stands in the text; in "\\u0000" the backslash itself is escaped. */
static bool has_nul_escape(const char *text, size_t length) {
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] != '\\')
            continue;
        if (length - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
            return true;
        i++; // skip the escaped character
    }
    return false;
}

static bool only_white_space(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\n' && text[i] != '\r')
            return false;
    }
    return true;
}

/* No text has more values than this: each but the first stands after one of three signs. (In a
 * string they are counted too.) */
static size_t most_values(const char *text, size_t length) {
    size_t n = 1;
    for (size_t i = 0; i < length; i++)
        n += text[i] == ',' || text[i] == '[' || text[i] == '{';
    return n;
}

cJSON *json_parse(const char *path, const char *text, size_t length, struct error *err) {
    if (!utf8_valid(text, length)) {
        model_file_refuse(err, path, "the JSON text is not valid UTF-8");
        return NULL;
    }
    if (memchr(text, '\0', length) != NULL || has_nul_escape(text, length)) {
        model_file_refuse(err, path, "the JSON text contains a NUL character, expected none");
        return NULL;
    }
    size_t n_values = most_values(text, length);
    if (n_values > JSON_VALUES_MAX) {
        model_file_refuse(err, path, "the JSON text has about %zu values, expected at most %d",
                          n_values, JSON_VALUES_MAX);
        return NULL;
    }
    const char *end = NULL;
    cJSON *value = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (value == NULL) {
        size_t at = end != NULL && end >= text ? (size_t)(end - text) : 0;
        // cJSON does not say which of the two it was.
        model_file_refuse(err, path, "not valid JSON near byte %zu, unless memory ran out", at);
        return NULL;
    }
    size_t used = (size_t)(end - text);
    if (!only_white_space(text + used, length - used)) {
        model_file_refuse(err, path,
                          "something follows the JSON value at byte %zu, expected nothing", used);
        cJSON_Delete(value);
        return NULL;
    }
    return value;
}

bool json_count(const cJSON *item, size_t *count) {
    if (!cJSON_IsNumber(item))
        return false;
    double value = item->valuedouble;
    if (!(value >= 0.0 && value <= (double)JSON_COUNT_MAX)) // a NaN is no count either
        return false;
    *count = (size_t)value;
    return (double)*count == value;
}

/* One character, or one stray byte (used == 0), as it stands in a JSON string; returns its length. */
static size_t for_json(const char *bytes, size_t used, int32_t codepoint, char *out) {
    static const char replacement[] = "\xef\xbf\xbd"; // U+FFFD
    if (used == 0) {
        memcpy(out, replacement, 3);
        return 3;
    }
    if (utf8_is_control(codepoint) && codepoint > 0xffff) // JSON writes it as UTF-16 does, in two
        return (size_t)sprintf(out, "\\u%04x\\u%04x",
                               0xd800 + ((unsigned)(codepoint - 0x10000) >> 10),
                               0xdc00 + ((unsigned)codepoint & 0x3ff));
    if (utf8_is_control(codepoint))
        return (size_t)sprintf(out, "\\u%04x", (unsigned)codepoint);
    size_t n = 0;
    if (codepoint == '"' || codepoint == '\\')
        out[n++] = '\\';
    memcpy(out + n, bytes, used);
    return n + used;
}

char *json_quote(const char *bytes, size_t length) {
    return utf8_quote_as(bytes, length, for_json);
}
