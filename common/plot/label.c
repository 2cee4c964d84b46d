#include "label.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "../utf8.h"

static const char ELLIPSIS[] = "…";

enum {
    REPLACEMENT = 0xfffd,
    MOST_WRITTEN = 12,                          // bytes for one character: "\\U000e0001" and a NUL
    CUT_AT = LABEL_SIZE - (int)sizeof ELLIPSIS, // bytes that fit and leave room for the ellipsis
};

/* One character (used > 0) or one stray byte as a label shows it; returns the bytes written. */
static size_t write_one(const char *bytes, size_t used, int32_t codepoint, char out[MOST_WRITTEN]) {
    const char *instead = codepoint == ' '    ? "·"
                          : codepoint == '\n' ? "↵"
                          : codepoint == '\t' ? "→"
                                              : NULL;
    if (used > 0 && instead != NULL)
        return (size_t)snprintf(out, MOST_WRITTEN, "%s", instead);
    if (used == 0 || (used == 1 && utf8_is_control(codepoint)))
        return (size_t)snprintf(out, MOST_WRITTEN, "\\x%02x", (unsigned)(unsigned char)bytes[0]);
    if (utf8_is_control(codepoint))
        return (size_t)snprintf(out, MOST_WRITTEN, codepoint > 0xffff ? "\\U%08x" : "\\u%04x",
                                (unsigned)codepoint);
    memcpy(out, bytes, used);
    return used;
}

const char *label_of_token(const char *bytes, size_t length, char text[LABEL_SIZE]) {
    size_t written = 0;
    for (size_t at = 0; at < length;) {
        char one[MOST_WRITTEN];
        int32_t codepoint = -1;
        size_t used = utf8_decode(bytes + at, length - at, &codepoint);
        size_t size = write_one(bytes + at, used, codepoint, one);
        if (written + size > (size_t)CUT_AT) {
            memcpy(text + written, ELLIPSIS, sizeof ELLIPSIS);
            return text;
        }
        memcpy(text + written, one, size);
        written += size;
        at += used > 0 ? used : 1;
    }
    text[written] = '\0';
    return text;
}

int32_t label_next(const char **label) {
    if (**label == '\0')
        return 0;
    int32_t codepoint;
    size_t used = utf8_decode(*label, strlen(*label), &codepoint);
    *label += used > 0 ? used : 1;
    return used > 0 && !utf8_is_control(codepoint) ? codepoint : REPLACEMENT;
}

size_t label_character_columns(int32_t codepoint) {
    int columns = utf8proc_charwidth(codepoint);
    return columns > 0 ? (size_t)columns : 0;
}

size_t label_columns(const char *label) {
    size_t columns = 0;
    for (int32_t codepoint; (codepoint = label_next(&label)) != 0;)
        columns += label_character_columns(codepoint);
    return columns;
}

/* Copies the characters that fit into columns and CUT_AT bytes; returns the bytes written. */
static size_t copy_columns(const char *label, size_t columns, char text[LABEL_SIZE]) {
    size_t written = 0, used = 0;
    const char *next = label;
    for (int32_t codepoint; (codepoint = label_next(&next)) != 0; label = next) {
        char one[4];
        size_t size = (size_t)utf8proc_encode_char(codepoint, (utf8proc_uint8_t *)one);
        used += label_character_columns(codepoint);
        if (used > columns || written + size > (size_t)CUT_AT)
            break;
        memcpy(text + written, one, size);
        written += size;
    }
    text[written] = '\0';
    return written;
}

const char *label_shorten(const char *label, size_t columns, char text[LABEL_SIZE]) {
    size_t all = label_columns(label);
    copy_columns(label, columns, text);
    if (columns > 0 && label_columns(text) < all) {
        size_t written = copy_columns(label, columns - 1, text);
        memcpy(text + written, ELLIPSIS, sizeof ELLIPSIS);
    }
    return text;
}
