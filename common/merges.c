#include "merges.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "model_files.h"

enum { FILE_LIMIT = 32 * 1024 * 1024 };

struct merges {
    struct merge *slots; // [n_slots]: a hash table by (left, right); rank FREE_SLOT is free
    size_t n_slots;      // a power of two, more than count
    size_t count;
    char *scratch; // [the file's length]: the bytes of the rule being read
};

static const uint32_t FREE_SLOT = UINT32_MAX;

/* The slot that holds the rule for these two, or the free slot where it would go. */
static size_t find_slot(const struct merges *merges, uint32_t left, uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right;
    // Multiplying by an odd number with mixed bits spreads neighbouring keys; its high bits are
    // the well-mixed ones. (Knuth, The Art of Computer Programming 3, 6.4)
    size_t slot = (size_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (merges->n_slots - 1);
    while (merges->slots[slot].rank != FREE_SLOT &&
           (merges->slots[slot].left != left || merges->slots[slot].right != right))
        slot = (slot + 1) & (merges->n_slots - 1);
    return slot;
}

static bool allocate(struct merges *merges, const char *text, size_t length) {
    size_t n_lines = 1; // that are not empty
    for (size_t i = 1; i < length; i++)
        n_lines += text[i] == '\n' && text[i - 1] != '\n';
    merges->n_slots = 16;
    while (merges->n_slots < 2 * n_lines)
        merges->n_slots *= 2;
    merges->slots = malloc(merges->n_slots * sizeof *merges->slots);
    merges->scratch = malloc(length + 1);
    if (merges->slots == NULL || merges->scratch == NULL)
        return false;
    for (size_t i = 0; i < merges->n_slots; i++)
        merges->slots[i].rank = FREE_SLOT;
    return true;
}

/* Finds the id of a token written in symbols, whose bytes are put at `bytes`. */
static bool find_token(const struct vocabulary *vocabulary, const char *symbols, size_t length,
                       char *bytes, size_t *n_bytes, uint32_t *id) {
    ptrdiff_t n = vocabulary_symbols_to_bytes(symbols, length, bytes);
    if (n <= 0)
        return false;
    *n_bytes = (size_t)n;
    return vocabulary_find(vocabulary, bytes, *n_bytes, id);
}

/* Adds the rule of one line, without its line end. */
static bool add_rule(struct merges *merges, const struct vocabulary *vocabulary, const char *path,
                     size_t line_number, const char *line, size_t length, struct error *err) {
    const char *space = memchr(line, ' ', length);
    size_t left_length = space != NULL ? (size_t)(space - line) : 0;
    size_t right_length = space != NULL ? length - left_length - 1 : 0;
    if (left_length == 0 || right_length == 0 || memchr(space + 1, ' ', right_length) != NULL)
        return model_file_refuse(err, path,
                                 "line %zu is \"%.*s\", expected two tokens with a space between",
                                 line_number, (int)(length < 80 ? length : 80), line);

    struct merge rule = {.rank = (uint32_t)merges->count};
    char *bytes = merges->scratch;
    size_t left_bytes, right_bytes;
    if (!find_token(vocabulary, line, left_length, bytes, &left_bytes, &rule.left) ||
        !find_token(vocabulary, space + 1, right_length, bytes + left_bytes, &right_bytes,
                    &rule.right))
        return model_file_refuse(err, path,
                                 "line %zu: \"%.*s\" names a token that is not in vocab.json: "
                                 "both must be of one model",
                                 line_number, (int)(length < 80 ? length : 80), line);
    if (!vocabulary_find(vocabulary, bytes, left_bytes + right_bytes, &rule.joined))
        return model_file_refuse(err, path,
                                 "line %zu: \"%.*s\" would make a token that is not in vocab.json: "
                                 "both must be of one model",
                                 line_number, (int)(length < 80 ? length : 80), line);

    size_t slot = find_slot(merges, rule.left, rule.right);
    if (merges->slots[slot].rank != FREE_SLOT)
        return model_file_refuse(err, path, "line %zu: the rule \"%.*s\" stands in the file twice",
                                 line_number, (int)(length < 80 ? length : 80), line);
    merges->slots[slot] = rule;
    merges->count++;
    return true;
}

static bool fill(struct merges *merges, const struct vocabulary *vocabulary, const char *path,
                 const char *text, size_t length, struct error *err) {
    static const char comment[] = "#version";
    size_t line_number = 0;
    for (size_t at = 0; at < length;) {
        const char *line = text + at;
        const char *newline = memchr(line, '\n', length - at);
        size_t line_length = newline != NULL ? (size_t)(newline - line) : length - at;
        at += line_length + 1;
        line_number++;
        if (line_length > 0 && line[line_length - 1] == '\r')
            line_length--;
        bool is_comment = line_number == 1 && line_length >= sizeof comment - 1 &&
                          memcmp(line, comment, sizeof comment - 1) == 0;
        if (line_length > 0 && !is_comment &&
            !add_rule(merges, vocabulary, path, line_number, line, line_length, err))
            return false;
    }
    return true;
}

struct merges *merges_open(const char *path, const struct vocabulary *vocabulary,
                           struct error *err) {
    size_t length;
    if (!model_file_check(path, err))
        return NULL;
    char *text = file_read(path, FILE_LIMIT, &length, err);
    if (text == NULL)
        return NULL;
    struct merges *merges = calloc(1, sizeof *merges);
    if (merges == NULL || !allocate(merges, text, length)) {
        error_no_memory(err, path);
        merges_close(merges);
        merges = NULL;
    } else if (!fill(merges, vocabulary, path, text, length, err)) {
        merges_close(merges);
        merges = NULL;
    } else {
        free(merges->scratch);
        merges->scratch = NULL;
    }
    free(text);
    return merges;
}

void merges_close(struct merges *merges) {
    if (merges == NULL)
        return;
    free(merges->slots);
    free(merges->scratch);
    free(merges);
}

size_t merges_count(const struct merges *merges) {
    return merges->count;
}

const struct merge *merges_find(const struct merges *merges, uint32_t left, uint32_t right) {
    const struct merge *found = &merges->slots[find_slot(merges, left, right)];
    return found->rank == FREE_SLOT ? NULL : found;
}
