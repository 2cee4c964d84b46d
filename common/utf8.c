#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

size_t utf8_decode(const char *bytes, size_t length, int32_t *codepoint) {
    utf8proc_int32_t value;
    utf8proc_ssize_t available = length < 4 ? (utf8proc_ssize_t)length : 4;
    utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)bytes, available, &value);
    if (used <= 0)
        return 0;
    *codepoint = value;
    return (size_t)used;
}

bool utf8_valid(const char *bytes, size_t length) {
    size_t at = 0;
    while (at < length) {
        int32_t codepoint;
        size_t used = utf8_decode(bytes + at, length - at, &codepoint);
        if (used == 0)
            return false;
        at += used;
    }
    return true;
}

/* The number of bytes of a character, told by its first byte; 0 for a byte that begins none. */
static size_t character_length(unsigned char first) {
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

/*
 * Whether n bytes, fewer than their first byte asks for, can still become a character. Whatever
 * can be completed is completed by bytes of 0x80 or of 0xbf (the second byte of some characters
 * has a narrower range, which one of the two always hits), so we try both.
 */
static bool can_be_completed(const char *bytes, size_t n, size_t wanted) {
    for (int fill = 0x80; fill <= 0xbf; fill += 0x3f) {
        char whole[4];
        int32_t codepoint;
        memcpy(whole, bytes, n);
        memset(whole + n, fill, wanted - n);
        if (utf8_decode(whole, wanted, &codepoint) == wanted)
            return true;
    }
    return false;
}

bool utf8_is_control(int32_t codepoint) {
    enum { ZERO_WIDTH_NON_JOINER = 0x200c, ZERO_WIDTH_JOINER };
    if (codepoint == ZERO_WIDTH_NON_JOINER || codepoint == ZERO_WIDTH_JOINER)
        return false;
    utf8proc_category_t category = utf8proc_category(codepoint);
    return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

size_t utf8_printable_now(const char *bytes, size_t length) {
    // Only the last three bytes can be the beginning of a character that is not there in full.
    size_t earliest = length < 3 ? 0 : length - 3;
    for (size_t start = length; start-- > earliest;) {
        unsigned char byte = (unsigned char)bytes[start];
        if (byte >= 0x80 && byte <= 0xbf)
            continue; // the inside of a character: its beginning is further left
        size_t wanted = character_length(byte);
        size_t have = length - start;
        if (wanted > have && can_be_completed(bytes + start, have, wanted))
            return start;
        break;
    }
    return length;
}

/* One character, or one stray byte, as utf8_quote shows it; returns the length written. */
static size_t for_a_person(const char *bytes, size_t used, int32_t codepoint, char *out) {
    static const char *const escapes[][2] = {
        {"\n", "\\n"}, {"\r", "\\r"}, {"\t", "\\t"}, {"\"", "\\\""}, {"\\", "\\\\"}};
    for (size_t i = 0; used > 0 && i < sizeof escapes / sizeof escapes[0]; i++) {
        if (bytes[0] == escapes[i][0][0]) {
            memcpy(out, escapes[i][1], 2);
            return 2;
        }
    }
    if (used == 0 || (used == 1 && utf8_is_control(codepoint)))
        return (size_t)sprintf(out, "\\x%02x", (unsigned char)bytes[0]);
    if (utf8_is_control(codepoint))
        return (size_t)sprintf(out, codepoint > 0xffff ? "\\U%08x" : "\\u%04x",
                               (unsigned)codepoint);
    memcpy(out, bytes, used);
    return used;
}

char *utf8_quote_as(const char *bytes, size_t length, utf8_notation *notation) {
    if (length > (SIZE_MAX - 4) / UTF8_QUOTED_MAX)
        return NULL;
    char *text = malloc(length * UTF8_QUOTED_MAX + 4); // two quotes, a NUL, and sprintf's NUL
    if (text == NULL)
        return NULL;
    size_t written = 0;
    text[written++] = '"';
    for (size_t at = 0; at < length;) {
        int32_t codepoint = 0;
        size_t used = utf8_decode(bytes + at, length - at, &codepoint);
        written += notation(bytes + at, used, codepoint, text + written);
        at += used > 0 ? used : 1;
    }
    text[written++] = '"';
    text[written] = '\0';
    return text;
}

char *utf8_quote(const char *bytes, size_t length) {
    return utf8_quote_as(bytes, length, for_a_person);
}
