#include "vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"
#include "model_files.h"
#include "utf8.h"

enum { FILE_LIMIT = 32 * 1024 * 1024, NO_TOKEN = -1 };

struct token {
    size_t offset, length; // in the arena
};

struct vocabulary {
    struct token *tokens; // [count], by id
    size_t count;
    char *arena;    // the bytes of all tokens, one after the other
    int64_t *slots; // [n_slots]: a hash table of ids, by the tokens' bytes; NO_TOKEN is free
    size_t n_slots; // a power of two, more than count
};

static bool is_printable_byte(int32_t value) {
    return (value >= 33 && value <= 126) || (value >= 161 && value <= 172) ||
           (value >= 174 && value <= 255);
}

/* The byte that a character stands for, or -1. */
static int byte_of_symbol(int32_t codepoint) {
    if (is_printable_byte(codepoint))
        return codepoint;
    int32_t next = 256; // the characters of the unprintable bytes, counted up
    for (int byte = 0; byte < 256; byte++) {
        if (!is_printable_byte(byte) && next++ == codepoint)
            return byte;
    }
    return -1;
}

ptrdiff_t vocabulary_symbols_to_bytes(const char *symbols, size_t length, char *bytes) {
    ptrdiff_t n = 0;
    for (size_t at = 0; at < length;) {
        int32_t codepoint;
        size_t used = utf8_decode(symbols + at, length - at, &codepoint);
        int byte = used > 0 ? byte_of_symbol(codepoint) : -1;
        if (byte < 0)
            return -1;
        bytes[n++] = (char)byte;
        at += used;
    }
    return n;
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static size_t hash_bytes(const char *bytes, size_t length) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
    return (size_t)(hash ^ hash >> 32);
}

/* The slot that holds a token with these bytes, or the free slot where it would go. */
static size_t find_slot(const struct vocabulary *vocabulary, const char *bytes, size_t length) {
    size_t slot = hash_bytes(bytes, length) & (vocabulary->n_slots - 1);
    while (vocabulary->slots[slot] != NO_TOKEN) {
        const struct token *token = &vocabulary->tokens[vocabulary->slots[slot]];
        if (token->length == length &&
            memcmp(vocabulary->arena + token->offset, bytes, length) == 0)
            break;
        slot = (slot + 1) & (vocabulary->n_slots - 1);
    }
    return slot;
}

/* Allocates everything for n tokens whose bytes take at most `arena_size`. */
static bool allocate(struct vocabulary *vocabulary, size_t n, size_t arena_size) {
    vocabulary->n_slots = 16;
    while (vocabulary->n_slots < 2 * n)
        vocabulary->n_slots *= 2;
    vocabulary->count = n;
    vocabulary->tokens = calloc(n, sizeof *vocabulary->tokens);
    vocabulary->arena = malloc(arena_size);
    vocabulary->slots = malloc(vocabulary->n_slots * sizeof *vocabulary->slots);
    if (vocabulary->tokens == NULL || vocabulary->arena == NULL || vocabulary->slots == NULL)
        return false;
    for (size_t i = 0; i < vocabulary->n_slots; i++)
        vocabulary->slots[i] = NO_TOKEN;
    return true;
}

/* Adds one "symbols": id of the file. *used is how much of the arena is taken. */
static bool add_token(struct vocabulary *vocabulary, const char *path, const cJSON *item,
                      size_t *used, struct error *err) {
    const char *symbols = item->string;
    size_t id;
    if (!json_count(item, &id) || id >= vocabulary->count)
        return model_file_refuse(err, path,
                                 "token \"%s\" has no id from 0 to %zu (the file has %zu tokens)",
                                 symbols, vocabulary->count - 1, vocabulary->count);
    struct token *token = &vocabulary->tokens[id];
    if (token->length != 0)
        return model_file_refuse(err, path, "id %zu is given to two tokens, the second is \"%s\"",
                                 id, symbols);
    char *bytes = vocabulary->arena + *used;
    ptrdiff_t length = vocabulary_symbols_to_bytes(symbols, strlen(symbols), bytes);
    if (length <= 0)
        return model_file_refuse(
            err, path,
            "token \"%s\" (id %zu) is empty or has a character that stands for "
            "no byte: not a byte-level vocabulary like GPT-2's",
            symbols, id);
    size_t slot = find_slot(vocabulary, bytes, (size_t)length);
    if (vocabulary->slots[slot] != NO_TOKEN)
        return model_file_refuse(err, path, "token \"%s\" stands in the file twice", symbols);
    *token = (struct token){.offset = *used, .length = (size_t)length};
    vocabulary->slots[slot] = (int64_t)id;
    *used += (size_t)length;
    return true;
}

static bool fill(struct vocabulary *vocabulary, const char *path, const cJSON *object,
                 size_t file_length, struct error *err) {
    size_t n = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next)
        n++;
    if (!cJSON_IsObject(object) || n == 0 || n > UINT32_MAX)
        return model_file_refuse(err, path, "expected a JSON object with at least one token");
    if (!allocate(vocabulary, n, file_length))
        return error_no_memory(err, path);
    size_t used = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (!add_token(vocabulary, path, item, &used, err))
            return false;
    }
    // n tokens, n ids below n, none twice: so there is no hole either.
    return true;
}

struct vocabulary *vocabulary_open(const char *path, struct error *err) {
    size_t length;
    if (!model_file_check(path, err))
        return NULL;
    char *text = file_read(path, FILE_LIMIT, &length, err);
    if (text == NULL)
        return NULL;
    struct vocabulary *vocabulary = NULL;
    cJSON *object = json_parse(path, text, length, err);
    if (object != NULL) {
        vocabulary = calloc(1, sizeof *vocabulary);
        if (vocabulary == NULL) {
            error_no_memory(err, path);
        } else if (!fill(vocabulary, path, object, length, err)) {
            vocabulary_close(vocabulary);
            vocabulary = NULL;
        }
    }
    cJSON_Delete(object);
    free(text);
    return vocabulary;
}

void vocabulary_close(struct vocabulary *vocabulary) {
    if (vocabulary == NULL)
        return;
    free(vocabulary->tokens);
    free(vocabulary->arena);
    free(vocabulary->slots);
    free(vocabulary);
}

size_t vocabulary_count(const struct vocabulary *vocabulary) {
    return vocabulary->count;
}

const char *vocabulary_bytes(const struct vocabulary *vocabulary, uint32_t id, size_t *length) {
    *length = vocabulary->tokens[id].length;
    return vocabulary->arena + vocabulary->tokens[id].offset;
}

bool vocabulary_find(const struct vocabulary *vocabulary, const char *bytes, size_t length,
                     uint32_t *id) {
    int64_t found = vocabulary->slots[find_slot(vocabulary, bytes, length)];
    if (found == NO_TOKEN)
        return false;
    *id = (uint32_t)found;
    return true;
}
