#include "chunks.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

#include "utf8.h"

/* Unicode's White_Space property; \s in the regular expression. */
static bool is_white_space(int32_t codepoint) {
    return (codepoint >= 0x09 && codepoint <= 0x0d) || codepoint == 0x20 || codepoint == 0x85 ||
           codepoint == 0xa0 || codepoint == 0x1680 ||
           (codepoint >= 0x2000 && codepoint <= 0x200a) || codepoint == 0x2028 ||
           codepoint == 0x2029 || codepoint == 0x202f || codepoint == 0x205f || codepoint == 0x3000;
}

enum character_class character_class(int32_t codepoint) {
    if (is_white_space(codepoint))
        return CHARACTER_SPACE;
    switch (utf8proc_category(codepoint)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return CHARACTER_LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return CHARACTER_NUMERAL;
    default:
        return CHARACTER_OTHER;
    }
}

/* The class of the character at the front of the text, and how many bytes it takes. */
static enum character_class next_class(const char *text, size_t length, size_t *used) {
    int32_t codepoint;
    *used = utf8_decode(text, length, &codepoint);
    if (*used > 0)
        return character_class(codepoint);
    *used = 1; // a stray byte stands for itself
    return CHARACTER_OTHER;
}

/* How many bytes from `start` on are characters of this class. */
static size_t run_length(const char *text, size_t length, size_t start,
                         enum character_class wanted) {
    size_t at = start;
    while (at < length) {
        size_t used;
        if (next_class(text + at, length - at, &used) != wanted)
            break;
        at += used;
    }
    return at - start;
}

static size_t contraction_length(const char *text, size_t length) {
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t n = strlen(endings[i]);
        if (n <= length && memcmp(text, endings[i], n) == 0)
            return n;
    }
    return 0;
}

/* A run of white space; when something follows, its last character is left to go with that. */
static size_t white_space_length(const char *text, size_t length) {
    size_t at = 0, last = 0; // `last` is where the run's last character begins
    while (at < length) {
        size_t used;
        if (next_class(text + at, length - at, &used) != CHARACTER_SPACE)
            break;
        last = at;
        at += used;
    }
    bool leave_last = at < length && last > 0;
    return leave_last ? last : at;
}

size_t chunk_length(const char *text, size_t length) {
    size_t contraction = contraction_length(text, length);
    if (contraction > 0)
        return contraction;
    // The one character that may stand before a word is U+0020, no other white space.
    size_t space = text[0] == ' ' && length > 1 ? 1 : 0;
    size_t used;
    enum character_class class = next_class(text + space, length - space, &used);
    if (class != CHARACTER_SPACE)
        return space + run_length(text, length, space, class);
    return white_space_length(text, length);
}
