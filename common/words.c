#include "words.h"

#include <stdlib.h>
#include <string.h>

char *words_join(char *const *words, size_t n) {
    size_t size = 1; // of the NUL; that of each word is room for the space
    for (size_t i = 0; i < n; i++)
        size += strlen(words[i]) + 1;
    char *text = malloc(size), *end = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(words[i]);
        if (i > 0)
            *end++ = ' ';
        memcpy(end, words[i], length);
        end += length;
    }
    *end = '\0';
    return text;
}
