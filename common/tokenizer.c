#include "tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "bpe.h"
#include "chunks.h"
#include "files.h"
#include "merges.h"
#include "vocabulary.h"

static const char END_OF_TEXT[] = "<|endoftext|>";
enum { END_OF_TEXT_LENGTH = sizeof END_OF_TEXT - 1 };

struct tokenizer {
    struct vocabulary *vocabulary;
    struct merges *merges;
    uint32_t byte_ids[256]; // the token of each single byte
    bool byte_known[256];
    bool has_end_of_text;
    uint32_t end_of_text;
};

/* --- the list --------------------------------------------------------------------------------- */

static bool reserve(struct token_list *list, size_t extra) {
    if (extra <= list->capacity - list->count)
        return true;
    size_t capacity = list->capacity < 64 ? 64 : list->capacity;
    while (capacity - list->count < extra) {
        if (capacity > SIZE_MAX / (2 * sizeof *list->ids))
            return false;
        capacity *= 2;
    }
    uint32_t *ids = realloc(list->ids, capacity * sizeof *ids);
    if (ids == NULL)
        return false;
    list->ids = ids;
    list->capacity = capacity;
    return true;
}

bool token_list_add(struct token_list *list, uint32_t id) {
    if (!reserve(list, 1))
        return false;
    list->ids[list->count++] = id;
    return true;
}

void token_list_free(struct token_list *list) {
    free(list->ids);
    *list = (struct token_list){NULL, 0, 0};
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool open_files(struct tokenizer *tokenizer, const char *folder, struct error *err) {
    char *vocabulary_path = path_join(folder, "vocab.json");
    char *merges_path = path_join(folder, "merges.txt");
    if (vocabulary_path == NULL || merges_path == NULL) {
        error_no_memory(err, folder);
    } else {
        tokenizer->vocabulary = vocabulary_open(vocabulary_path, err);
        if (tokenizer->vocabulary != NULL)
            tokenizer->merges = merges_open(merges_path, tokenizer->vocabulary, err);
    }
    free(vocabulary_path);
    free(merges_path);
    return tokenizer->merges != NULL;
}

struct tokenizer *tokenizer_open(const char *folder, struct error *err) {
    struct tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (tokenizer == NULL) {
        error_no_memory(err, folder);
        return NULL;
    }
    if (!open_files(tokenizer, folder, err)) {
        tokenizer_close(tokenizer);
        return NULL;
    }
    const struct vocabulary *vocabulary = tokenizer->vocabulary;
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        tokenizer->byte_known[i] = vocabulary_find(vocabulary, &byte, 1, &tokenizer->byte_ids[i]);
    }
    tokenizer->has_end_of_text =
        vocabulary_find(vocabulary, END_OF_TEXT, END_OF_TEXT_LENGTH, &tokenizer->end_of_text);
    return tokenizer;
}

void tokenizer_close(struct tokenizer *tokenizer) {
    if (tokenizer == NULL)
        return;
    merges_close(tokenizer->merges);
    vocabulary_close(tokenizer->vocabulary);
    free(tokenizer);
}

size_t tokenizer_count(const struct tokenizer *tokenizer) {
    return vocabulary_count(tokenizer->vocabulary);
}

/* --- encoding --------------------------------------------------------------------------------- */

static bool encode_chunk(const struct tokenizer *tokenizer, const char *chunk, size_t length,
                         struct token_list *list, struct error *err) {
    if (!reserve(list, length))
        return error_no_memory(err, "the tokens of the text");
    uint32_t *ids = list->ids + list->count; // [length]
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)chunk[i];
        if (!tokenizer->byte_known[byte])
            return error_set(err,
                             "the text has the byte 0x%02x, for which vocab.json has no token: "
                             "use a model whose vocabulary has all 256 bytes",
                             byte);
        ids[i] = tokenizer->byte_ids[byte];
    }
    size_t count = length;
    if (!bpe_merge(tokenizer->merges, ids, &count))
        return error_no_memory(err, "merging the tokens of the text");
    list->count += count;
    return true;
}

static bool encode_plain(const struct tokenizer *tokenizer, const char *text, size_t length,
                         struct token_list *list, struct error *err) {
    for (size_t at = 0; at < length;) {
        size_t n = chunk_length(text + at, length - at);
        if (!encode_chunk(tokenizer, text + at, n, list, err))
            return false;
        at += n;
    }
    return true;
}

/* Where the next <|endoftext|> begins; length when there is none. */
static size_t find_end_of_text(const char *text, size_t length) {
    for (size_t at = 0; at + END_OF_TEXT_LENGTH <= length; at++) {
        const char *found = memchr(text + at, END_OF_TEXT[0], length - at);
        if (found == NULL)
            break;
        at = (size_t)(found - text);
        if (length - at >= END_OF_TEXT_LENGTH &&
            memcmp(found, END_OF_TEXT, END_OF_TEXT_LENGTH) == 0)
            return at;
    }
    return length;
}

static bool encode_with_special(const struct tokenizer *tokenizer, const char *text, size_t length,
                                struct token_list *list, struct error *err) {
    for (size_t at = 0; at < length;) {
        size_t plain = find_end_of_text(text + at, length - at);
        if (!encode_plain(tokenizer, text + at, plain, list, err))
            return false;
        at += plain;
        if (at < length) {
            if (!token_list_add(list, tokenizer->end_of_text))
                return error_no_memory(err, "the tokens of the text");
            at += END_OF_TEXT_LENGTH;
        }
    }
    return true;
}

bool tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                      enum special_tokens special, struct token_list *list, struct error *err) {
    size_t count = list->count;
    bool plain = special == SPECIAL_AS_TEXT || !tokenizer->has_end_of_text;
    bool encoded = plain ? encode_plain(tokenizer, text, length, list, err)
                         : encode_with_special(tokenizer, text, length, list, err);
    if (!encoded)
        list->count = count;
    return encoded;
}

/* --- decoding --------------------------------------------------------------------------------- */

const char *tokenizer_decode(const struct tokenizer *tokenizer, uint32_t id, size_t *length) {
    if (id >= tokenizer_count(tokenizer)) {
        *length = 0;
        return NULL;
    }
    return vocabulary_bytes(tokenizer->vocabulary, id, length);
}

bool tokenizer_end_of_text(const struct tokenizer *tokenizer, uint32_t *id) {
    if (tokenizer->has_end_of_text)
        *id = tokenizer->end_of_text;
    return tokenizer->has_end_of_text;
}
