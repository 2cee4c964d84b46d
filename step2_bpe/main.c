/*
 * Step 2: from text to token ids.
 *
 * A model reads numbers. This program shows how text becomes numbers: how byte-pair encoding (BPE)
 * learns on six words which pieces deserve an id of their own; how GPT-2's tokenizer cuts a text
 * into chunks and merges the bytes of one; what a text costs. In the end it compares its own slow
 * encoder with common/tokenizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/chunks.h"
#include "../common/files.h"
#include "../common/lesson.h"
#include "../common/merges.h"
#include "../common/plot/label.h"
#include "../common/plot/term.h"
#include "../common/tensor.h"
#include "../common/tokenizer.h"
#include "../common/utf8.h"
#include "../common/vocabulary.h"

static const char default_text[] =
    "The server crashed because it ran out of memory. I'm restarting it!";

/* --- The model's files ------------------------------------------------------------------------- */

/* Bytes of the longest chunk that the slow encoder takes, and of one whose merges fit on a line. */
enum { MAX_CHUNK = 4096, LONGEST_WORD = 24 };

/* The two files, and the library's tokenizer, for the comparison at the end. */
struct bpe_files {
    struct vocabulary *vocabulary;
    struct merges *merges;
    struct tokenizer *tokenizer;
};

static bool open_files(const char *folder, struct bpe_files *files, struct error *err) {
    char *vocabulary_path = path_join(folder, "vocab.json");
    char *merges_path = path_join(folder, "merges.txt");
    if (vocabulary_path == NULL || merges_path == NULL)
        error_no_memory(err, "the files' names");
    else if ((files->vocabulary = vocabulary_open(vocabulary_path, err)) != NULL &&
             (files->merges = merges_open(merges_path, files->vocabulary, err)) != NULL)
        files->tokenizer = tokenizer_open(folder, err);
    free(vocabulary_path);
    free(merges_path);
    return files->tokenizer != NULL;
}

/* --- Learning merges from six words ----------------------------------------------------------- */

enum { N_WORDS = 6, MAX_SYMBOLS = 16, SYMBOL_SIZE = 16, N_MERGES = 7 };

/* A word of the training text: how often it occurs, and the symbols that it is cut into now. */
struct word {
    size_t count, n_symbols;
    char symbols[MAX_SYMBOLS][SYMBOL_SIZE];
};

static void print_words(const struct word *words) {
    for (size_t w = 0; w < N_WORDS; w++) {
        printf("%zux", words[w].count);
        for (size_t i = 0; i < words[w].n_symbols; i++)
            printf(" %s", words[w].symbols[i]);
        printf(w % 3 == 2 ? "\n" : "     ");
    }
}

/* How often two symbols stand side by side, in the whole text. join: makes one symbol of them. */
static size_t count_pair(struct word *words, const char *left, const char *right, bool join) {
    size_t count = 0;
    for (struct word *word = words; word < words + N_WORDS; word++) {
        for (size_t i = 0; i + 1 < word->n_symbols; i++) {
            if (strcmp(word->symbols[i], left) != 0 || strcmp(word->symbols[i + 1], right) != 0)
                continue;
            count += word->count;
            if (join) {
                strcat(word->symbols[i], right);
                word->n_symbols--;
                memmove(word->symbols[i + 1], word->symbols[i + 2],
                        (word->n_symbols - i - 1) * SYMBOL_SIZE);
            }
        }
    }
    return count;
}

/* The pair that occurs most often becomes a symbol; again and again. */
static void learn_merges(void) {
    struct word words[N_WORDS] = {
        {6, 5, {"c", "a", "c", "h", "e"}},           {3, 6, {"c", "a", "c", "h", "e", "d"}},
        {2, 6, {"c", "a", "c", "h", "e", "s"}},      {4, 5, {"c", "r", "a", "s", "h"}},
        {3, 7, {"c", "r", "a", "s", "h", "e", "d"}}, {1, 7, {"c", "r", "a", "s", "h", "e", "s"}}};
    lesson_section("Learning merges from six words");
    print_words(words);
    // [learn]
    for (size_t rank = 0; rank < N_MERGES; rank++) {
        char left[SYMBOL_SIZE] = "", right[SYMBOL_SIZE] = "";
        size_t most = 0;
        for (struct word *word = words; word < words + N_WORDS; word++) {
            for (size_t i = 0; i + 1 < word->n_symbols; i++) {
                size_t count = count_pair(words, word->symbols[i], word->symbols[i + 1], false);
                if (count > most) {
                    most = count;
                    strcpy(left, word->symbols[i]);
                    strcpy(right, word->symbols[i + 1]);
                }
            }
        }
        if (most == 0)
            break; // every word is one symbol
        count_pair(words, left, right, true);
        printf("rule %zu: %s + %s, seen %zu times\n", rank, left, right, most);
    }
    // [end]
    print_words(words);
}

/* --- Every byte as a character ---------------------------------------------------------------- */

static bool prints_as_itself(unsigned byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* The bytes that print keep their number as a character; the other 68 are numbered from 256 on. */
static unsigned character_of(unsigned byte) {
    unsigned n_before = 0; // bytes before this one that do not print
    for (unsigned b = 0; b < byte; b++)
        n_before += !prints_as_itself(b);
    return prints_as_itself(byte) ? byte : 256 + n_before;
}

static void show_bytes(const struct bpe_files *files) {
    static const unsigned char bytes[] = {'A', '!', ' ', '\n', 0, 0xc3, 0xa9};
    lesson_section("Every byte as a character");
    for (size_t i = 0; i < sizeof bytes; i++) {
        uint32_t id = 0; // encode_by_hand refuses a vocabulary that lacks a byte
        vocabulary_find(files->vocabulary, (const char *)bytes + i, 1, &id);
        unsigned character = character_of(bytes[i]);
        char utf8[3] = {(char)character, '\0', '\0'};
        if (character >= 0x80) { // two bytes in UTF-8
            utf8[0] = (char)(0xc0 | character >> 6);
            utf8[1] = (char)(0x80 | (character & 0x3f));
        }
        printf("byte %3u (0x%02x)   character %3u   %s   id %3lu\n", bytes[i], bytes[i], character,
               utf8, (unsigned long)id);
    }
}

/* --- Cutting the text into chunks ------------------------------------------------------------- */

static const char *rule_of(const char *chunk, size_t length) {
    static const char *const names[] = {[CHARACTER_LETTER] = "letters",
                                        [CHARACTER_NUMERAL] = "numerals",
                                        [CHARACTER_SPACE] = "white space",
                                        [CHARACTER_OTHER] = "other characters"};
    size_t space = chunk[0] == ' ' && length > 1 ? 1 : 0;
    int32_t codepoint = 0; // is of the class "other"; stays where the text is no UTF-8
    if (chunk[0] == '\'' && length > 1 && chunk[1] >= 'a' && chunk[1] <= 'z')
        return "the ending of a contraction";
    utf8_decode(chunk + space, length - space, &codepoint);
    return names[character_class(codepoint)];
}

/* Sets *word, of *word_length bytes, to the longest chunk that fits on a line; 0 if none does. */
static void show_chunks(const struct lesson *lesson, const char **word, size_t *word_length) {
    enum { MOST = 20 };
    struct term term = term_for(stdout);
    char label[LABEL_SIZE];
    size_t n = 0, length;
    *word = lesson->text;
    *word_length = 0;
    lesson_section("Cutting the text into chunks");
    for (size_t at = 0; at < lesson->length; at += length, n++) {
        const char *chunk = lesson->text + at;
        length = chunk_length(chunk, lesson->length - at);
        if (n < MOST) {
            term_left(&term, label_of_token(chunk, length, label), 24);
            printf("  %s\n", rule_of(chunk, length));
        }
        if (length > *word_length && length <= LONGEST_WORD) {
            *word_length = length;
            *word = chunk;
        }
    }
    if (n > MOST)
        printf("... %zu chunks in all\n", n);
}

/* --- Merging one word ------------------------------------------------------------------------- */

static void print_tokens(const struct bpe_files *files, const uint32_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char label[LABEL_SIZE];
        size_t length;
        const char *bytes = vocabulary_bytes(files->vocabulary, ids[i], &length);
        printf("%s%s", i > 0 ? " " : "", label_of_token(bytes, length, label));
    }
    printf("\n");
}

static void print_ids(const char *title, const uint32_t *ids, size_t n) {
    enum { MOST = 18 }; // on a line
    printf("%s", title);
    for (size_t i = 0; i < n && i < MOST; i++)
        printf(" %lu", (unsigned long)ids[i]);
    printf(n > MOST ? " ...\n" : "\n");
}

/* The place of the pair whose rule has the lowest rank; n when no pair has a rule. */
static size_t best_pair(const struct bpe_files *files, const uint32_t *ids, size_t n) {
    const struct merge *best = NULL;
    size_t place = n;
    for (size_t i = 0; i + 1 < n; i++) {
        const struct merge *rule = merges_find(files->merges, ids[i], ids[i + 1]);
        if (rule != NULL && (best == NULL || rule->rank < best->rank)) {
            best = rule;
            place = i;
        }
    }
    return place;
}

/* The place of the first pair, from the left, that has a rule at all: the wrong way. */
static size_t first_pair(const struct bpe_files *files, const uint32_t *ids, size_t n) {
    for (size_t i = 0; i + 1 < n; i++) {
        if (merges_find(files->merges, ids[i], ids[i + 1]) != NULL)
            return i;
    }
    return n;
}

typedef size_t choose_pair(const struct bpe_files *files, const uint32_t *ids, size_t n);

/*
 * Bytes to tokens: one token for each byte, then merge the chosen pair until there is none.
 * ids: [length]. Returns how many tokens there are, 0 when a byte has no token. Looking through the
 * whole chunk for every merge takes length x length steps; bpe.c does it in fewer.
 */
static size_t merge_chunk(const struct bpe_files *files, const char *bytes, size_t length,
                          choose_pair *choose, bool trace, uint32_t *ids) {
    size_t n = length;
    for (size_t i = 0; i < n; i++) {
        if (!vocabulary_find(files->vocabulary, bytes + i, 1, &ids[i]))
            return 0;
    }
    if (trace) {
        printf("as bytes     ");
        print_tokens(files, ids, n);
    }
    // [merge]
    for (size_t place = choose(files, ids, n); place < n; place = choose(files, ids, n)) {
        const struct merge *rule = merges_find(files->merges, ids[place], ids[place + 1]);
        if (trace)
            printf("rank %5lu   ", (unsigned long)rule->rank);
        ids[place] = rule->joined;
        n--;
        memmove(ids + place + 1, ids + place + 2, (n - place - 1) * sizeof *ids);
        if (trace)
            print_tokens(files, ids, n);
    }
    // [end]
    return n;
}

static void trace_one_word(const struct bpe_files *files, const char *word, size_t length) {
    uint32_t ids[LONGEST_WORD];
    lesson_section("Merging one word");
    lesson_shape("vocabulary", shape_1(vocabulary_count(files->vocabulary)), "in vocab.json");
    lesson_shape("merge rules", shape_1(merges_count(files->merges)), "in merges.txt");
    if (length > 0)
        print_ids("ids         ", ids, merge_chunk(files, word, length, best_pair, true, ids));
    else
        printf(word[0] == '\0' ? "the text is empty\n" : "no chunk is short enough to show\n");
}

/* --- Why not from left to right --------------------------------------------------------------- */

static void compare_orders(const struct bpe_files *files) {
    uint32_t ranked[MAX_CHUNK], from_left[MAX_CHUNK];
    size_t n_shown = 0, n_differ = 0, count = vocabulary_count(files->vocabulary), length;
    lesson_section("Why not from left to right");
    for (size_t id = 0; id < count; id++) {
        const char *bytes = vocabulary_bytes(files->vocabulary, (uint32_t)id, &length);
        if (length > MAX_CHUNK)
            continue;
        size_t n = merge_chunk(files, bytes, length, best_pair, false, ranked);
        size_t m = merge_chunk(files, bytes, length, first_pair, false, from_left);
        if (n == m && memcmp(ranked, from_left, n * sizeof *ranked) == 0)
            continue;
        n_differ++;
        if (length < 8 || n_shown++ >= 3)
            continue;
        printf("lowest rank first   %2zu:  ", n);
        print_tokens(files, ranked, n);
        printf("from left to right  %2zu:  ", m);
        print_tokens(files, from_left, m);
    }
    printf("from left to right, %zu of all %zu tokens (%.0f %%) come out in other pieces\n",
           n_differ, count, 100.0 * (double)n_differ / (double)count);
}

/* --- The whole text --------------------------------------------------------------------------- */

/* The slow encoder on a whole text. ids: room for [length]. false with *err filled in. */
static bool encode_by_hand(const struct bpe_files *files, const char *text, size_t length,
                           uint32_t *ids, size_t *count, struct error *err) {
    *count = 0;
    for (size_t at = 0, n; at < length; at += n) {
        n = chunk_length(text + at, length - at);
        if (n > MAX_CHUNK)
            return error_set(err,
                             "a word of the text has %zu bytes, and this lesson's encoder takes "
                             "%d: put spaces into it",
                             n, MAX_CHUNK);
        size_t made = merge_chunk(files, text + at, n, best_pair, false, ids + *count);
        if (made == 0)
            return error_set(
                err,
                "vocab.json lacks a token for one of the text's bytes: use another model (-m DIR)");
        *count += made;
    }
    return true;
}

/* The tokens side by side: in two colours by turns, or with bars between where there are none. */
static void show_tokens(const struct bpe_files *files, const uint32_t *ids, size_t count) {
    enum { MOST = 60 };
    struct term term = term_for(stdout);
    size_t column = 0;
    lesson_section("The whole text");
    for (size_t i = 0; i < count && i < MOST; i++) {
        char label[LABEL_SIZE];
        size_t length;
        const char *bytes = vocabulary_bytes(files->vocabulary, ids[i], &length);
        size_t columns = label_columns(label_of_token(bytes, length, label)) + 1;
        bool fits = column + columns < TERM_COLUMNS;
        printf(fits ? "" : "\n");
        column = fits ? column + columns : columns;
        term_background(&term, color_sequential(i % 2 == 0 ? 0.2 : 0.45));
        printf("%s", label);
        term_reset(&term);
        printf(term.colors == TERM_PLAIN ? "|" : "");
    }
    printf(count > MOST ? "...\n" : "\n");
    print_ids("ids ", ids, count);
    lesson_shape("token ids", shape_1(count), "");
}

/* --- What a text costs ------------------------------------------------------------------------ */

static bool show_costs(const struct bpe_files *files, struct error *err) {
    static const char *const texts[] = {" server",
                                        "server",
                                        " Server",
                                        "Server",
                                        " SERVER",
                                        " servers",
                                        "404",
                                        " 1234567",
                                        "  ",
                                        "\xc3\xa9t\xc3\xa9",
                                        "\xe6\x9c\x8d\xe5\x8a\xa1\xe5\x99\xa8",
                                        "\xf0\x9f\x98\x80"};
    struct term term = term_for(stdout);
    lesson_section("What a text costs");
    printf("text            bytes  tokens  bytes per token\n");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t length = strlen(texts[i]), count;
        uint32_t ids[16];
        char label[LABEL_SIZE];
        if (!encode_by_hand(files, texts[i], length, ids, &count, err))
            return false;
        term_left(&term, label_of_token(texts[i], length, label), 16);
        printf("%5zu  %6zu  %.1f\n", length, count, (double)length / (double)count);
    }
    return true;
}

/* --- Special tokens ----------------------------------------------------------------------------- */

static bool show_special(const struct tokenizer *tokenizer, struct error *err) {
    static const char text[] = "<|endoftext|>";
    struct token_list list = {0};
    bool fine = tokenizer_encode(tokenizer, text, strlen(text), SPECIAL_AS_TEXT, &list, err);
    size_t n = list.count; // the second call adds to the list
    fine = fine && tokenizer_encode(tokenizer, text, strlen(text), SPECIAL_AS_TOKEN, &list, err);
    lesson_section("Special tokens");
    print_ids("<|endoftext|> typed by a user:     ", list.ids, n);
    print_ids("<|endoftext|> as a separator:      ", list.ids + n, list.count - n);
    token_list_free(&list);
    return fine;
}

/* --- The same with common/tokenizer ----------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, const struct tokenizer *tokenizer,
                                 const uint32_t *ids, size_t count, struct error *err) {
    struct token_list list = {0};
    size_t at = 0; // bytes of the text that decoding has given back
    lesson_section("The same with common/tokenizer");
    if (!tokenizer_encode(tokenizer, lesson->text, lesson->length, SPECIAL_AS_TEXT, &list, err))
        return false;
    bool same = list.count == count, decoded = true;
    for (size_t i = 0; i < count && decoded; i++) {
        size_t n;
        const char *bytes = tokenizer_decode(tokenizer, ids[i], &n);
        same = same && list.ids[i] == ids[i];
        decoded = n <= lesson->length - at && memcmp(lesson->text + at, bytes, n) == 0;
        at += n;
    }
    lesson_check(lesson, same, "the library finds the same tokens");
    lesson_check(lesson, decoded && at == lesson->length,
                 "the tokens' bytes, one after the other, are the text");
    token_list_free(&list);
    return true;
}

/* --- From top to bottom ----------------------------------------------------------------------- */

static bool run(struct lesson *lesson, const struct bpe_files *files, struct error *err) {
    const char *word;
    size_t word_length, count;
    learn_merges();
    show_bytes(files);
    show_chunks(lesson, &word, &word_length);
    trace_one_word(files, word, word_length);
    compare_orders(files);
    uint32_t *ids = calloc(lesson->length + 1, sizeof *ids); // [count] of them are used
    bool fine = ids != NULL ? encode_by_hand(files, lesson->text, lesson->length, ids, &count, err)
                            : error_no_memory(err, "the token ids");
    if (fine) {
        show_tokens(files, ids, count);
        fine = show_costs(files, err) && show_special(files->tokenizer, err) &&
               compare_with_library(lesson, files->tokenizer, ids, count, err);
    }
    free(ids);
    return fine;
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct bpe_files files = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step2", "Step 2: From Text to Token Ids", default_text))
        return lesson_end(&lesson);
    bool fine = open_files(lesson.model, &files, &err) && run(&lesson, &files, &err);
    tokenizer_close(files.tokenizer);
    merges_close(files.merges);
    vocabulary_close(files.vocabulary);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
