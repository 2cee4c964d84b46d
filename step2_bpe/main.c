/*
 * Step 2: from text to token ids.
 *
 * A model reads numbers. This program shows how text becomes numbers: how byte-pair encoding (BPE)
 * learns which pieces of text deserve an id of their own, on six words, before your eyes; how
 * GPT-2's tokenizer cuts a text into chunks and merges the bytes of one; what a text costs. In the
 * end it compares its own slow encoder with common/tokenizer.
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
#include "../common/tokenizer.h"
#include "../common/utf8.h"
#include "../common/vocabulary.h"

static const char default_text[] =
    "The server crashed because it ran out of memory. I'm restarting it!";

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

/* How often two symbols stand side by side, in the whole text. */
static size_t count_pair(const struct word *words, const char *left, const char *right) {
    size_t count = 0;
    for (size_t w = 0; w < N_WORDS; w++) {
        for (size_t i = 0; i + 1 < words[w].n_symbols; i++) {
            if (strcmp(words[w].symbols[i], left) == 0 &&
                strcmp(words[w].symbols[i + 1], right) == 0)
                count += words[w].count;
        }
    }
    return count;
}

/* Makes one symbol of two, wherever they stand side by side. */
static void join_pair(struct word *words, const char *left, const char *right) {
    for (size_t w = 0; w < N_WORDS; w++) {
        struct word *word = &words[w];
        for (size_t i = 0; i + 1 < word->n_symbols; i++) {
            if (strcmp(word->symbols[i], left) != 0 || strcmp(word->symbols[i + 1], right) != 0)
                continue;
            strcat(word->symbols[i], word->symbols[i + 1]);
            word->n_symbols--;
            memmove(word->symbols[i + 1], word->symbols[i + 2],
                    (word->n_symbols - i - 1) * SYMBOL_SIZE);
        }
    }
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
        for (size_t w = 0; w < N_WORDS; w++) {
            for (size_t i = 0; i + 1 < words[w].n_symbols; i++) {
                size_t count = count_pair(words, words[w].symbols[i], words[w].symbols[i + 1]);
                if (count > most) {
                    most = count;
                    strcpy(left, words[w].symbols[i]);
                    strcpy(right, words[w].symbols[i + 1]);
                }
            }
        }
        if (most == 0)
            break; // every word is one symbol
        join_pair(words, left, right);
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

static void show_bytes(void) {
    static const unsigned char bytes[] = {'A', '!', ' ', '\n', 0, 0xc3, 0xa9};
    lesson_section("Every byte as a character");
    for (size_t i = 0; i < sizeof bytes; i++) {
        unsigned character = character_of(bytes[i]);
        printf("byte %3u (0x%02x)   character %3u   ", bytes[i], bytes[i], character);
        if (character >= 0x80) // two bytes in UTF-8
            printf("%c%c\n", (int)(0xc0 | character >> 6), (int)(0x80 | (character & 0x3f)));
        else
            printf("%c\n", (int)character);
    }
}

/* --- Cutting the text into chunks ------------------------------------------------------------- */

static const char *rule_of(const char *chunk, size_t length) {
    static const char *const names[] = {[CHARACTER_LETTER] = "letters",
                                        [CHARACTER_NUMERAL] = "numerals",
                                        [CHARACTER_SPACE] = "white space",
                                        [CHARACTER_OTHER] = "other characters"};
    size_t space = chunk[0] == ' ' && length > 1 ? 1 : 0;
    int32_t codepoint;
    if (chunk[0] == '\'' && length > 1 && chunk[1] >= 'a' && chunk[1] <= 'z')
        return "the ending of a contraction";
    bool valid = utf8_decode(chunk + space, length - space, &codepoint) > 0;
    return names[valid ? character_class(codepoint) : CHARACTER_OTHER];
}

static void show_chunks(const struct lesson *lesson) {
    enum { MOST = 20 };
    size_t n = 0;
    lesson_section("Cutting the text into chunks");
    for (size_t at = 0, length; at < lesson->length; at += length, n++) {
        length = chunk_length(lesson->text + at, lesson->length - at);
        char label[LABEL_SIZE], shown[LABEL_SIZE];
        label_shorten(label_of_token(lesson->text + at, length, label), 24, shown);
        if (n < MOST)
            printf("%s%*s%s\n", shown, (int)(26 - label_columns(shown)), "",
                   rule_of(lesson->text + at, length));
    }
    if (n > MOST)
        printf("... %zu chunks in all\n", n);
}

/* --- Merging one word ------------------------------------------------------------------------- */

enum { MAX_CHUNK = 4096 }; // bytes of a chunk that the slow encoder takes

/* The files that say which tokens and which merge rules there are, and what is made with them. */
struct bpe_files {
    struct vocabulary *vocabulary;
    struct merges *merges;
    struct token_list by_hand;   // the text's tokens
    struct tokenizer *tokenizer; // the library's
};

static bool open_files(const struct lesson *lesson, struct bpe_files *files, struct error *err) {
    char *vocabulary_path = path_join(lesson->model, "vocab.json");
    char *merges_path = path_join(lesson->model, "merges.txt");
    if (vocabulary_path == NULL || merges_path == NULL)
        error_no_memory(err, "the files' names");
    else if ((files->vocabulary = vocabulary_open(vocabulary_path, err)) != NULL)
        files->merges = merges_open(merges_path, files->vocabulary, err);
    free(vocabulary_path);
    free(merges_path);
    return files->merges != NULL;
}

static const char *label_of(const struct bpe_files *files, uint32_t id, char label[LABEL_SIZE]) {
    size_t length;
    const char *bytes = vocabulary_bytes(files->vocabulary, id, &length);
    return label_of_token(bytes, length, label);
}

static void print_tokens(const struct bpe_files *files, const uint32_t *ids, size_t n) {
    char label[LABEL_SIZE];
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i > 0 ? " " : "", label_of(files, ids[i], label));
    printf("\n");
}

static void print_ids(const uint32_t *ids, size_t n) {
    enum { MOST = 18 };
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

/* Bytes to tokens: one token for each byte, then merge the chosen pair until there is none.
 * ids: [length]. Returns how many tokens there are, 0 when a byte has no token. */
static size_t merge_chunk(const struct bpe_files *files, const char *bytes, size_t length,
                          choose_pair *choose, bool trace, uint32_t *ids) {
    size_t n = length;
    for (size_t i = 0; i < n; i++) {
        if (!vocabulary_find(files->vocabulary, bytes + i, 1, &ids[i]))
            return 0;
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

/* Merges the longest chunk of the reader's text, or what of it fits on a line, and says how. */
static void trace_one_word(const struct lesson *lesson, const struct bpe_files *files) {
    enum { LONGEST = 24 };
    const char *word = lesson->text;
    size_t best = 0;
    for (size_t at = 0, length; at < lesson->length; at += length) {
        length = chunk_length(lesson->text + at, lesson->length - at);
        if (length > best) {
            best = length;
            word = lesson->text + at;
        }
    }
    best = best < LONGEST ? best : LONGEST;
    uint32_t ids[LONGEST];
    lesson_section("Merging one word");
    lesson_shape("vocabulary", shape_1(vocabulary_count(files->vocabulary)),
                 "tokens in vocab.json");
    lesson_shape("merge rules", shape_1(merges_count(files->merges)), "in merges.txt");
    printf("as bytes     ");
    for (size_t i = 0; i < best; i++) {
        char label[LABEL_SIZE];
        printf(" %s", label_of_token(word + i, 1, label));
    }
    printf("\n");
    size_t n = merge_chunk(files, word, best, best_pair, true, ids);
    printf("ids          ");
    print_ids(ids, n);
}

/* --- Why not from left to right --------------------------------------------------------------- */

static void compare_orders(const struct bpe_files *files) {
    static const char *const words[] = {" restarting", " because",  " timeout", " database",
                                        " connection", " replicas", " another", " latency"};
    enum { LONGEST = 24 };
    lesson_section("Why not from left to right");
    size_t shown = 0;
    for (size_t w = 0; w < sizeof words / sizeof words[0] && shown < 3; w++) {
        uint32_t ranked[LONGEST], from_left[LONGEST];
        size_t length = strlen(words[w]);
        size_t n = merge_chunk(files, words[w], length, best_pair, false, ranked);
        size_t m = merge_chunk(files, words[w], length, first_pair, false, from_left);
        if (n == m && memcmp(ranked, from_left, n * sizeof *ranked) == 0)
            continue;
        printf("lowest rank first    %zu tokens   ", n);
        print_tokens(files, ranked, n);
        printf("from left to right   %zu tokens   ", m);
        print_tokens(files, from_left, m);
        shown++;
    }
    if (shown == 0)
        printf("With this vocabulary the two agree on every word that was tried.\n");
}

/* --- The whole text --------------------------------------------------------------------------- */

/* The slow encoder on a whole text. false with *err filled in. */
static bool encode_by_hand(const struct bpe_files *files, const char *text, size_t length,
                           struct token_list *list, struct error *err) {
    uint32_t ids[MAX_CHUNK];
    for (size_t at = 0, n; at < length; at += n) {
        n = chunk_length(text + at, length - at);
        if (n > MAX_CHUNK)
            return error_set(
                err,
                "a word of the text has %zu bytes, and this lesson's encoder takes %d: "
                "put spaces into it",
                n, MAX_CHUNK);
        size_t count = merge_chunk(files, text + at, n, best_pair, false, ids);
        if (count == 0)
            return error_set(
                err,
                "vocab.json lacks a token for one of the text's bytes: use another model (-m DIR)");
        for (size_t i = 0; i < count; i++) {
            if (!token_list_add(list, ids[i]))
                return error_no_memory(err, "the tokens");
        }
    }
    return true;
}

/* The tokens side by side: in two colours by turns, or with bars between where there are none. */
static void show_tokens(const struct bpe_files *files) {
    enum { MOST = 60 };
    const struct token_list *list = &files->by_hand;
    struct term term = term_for(stdout);
    size_t column = 0;
    lesson_section("The whole text");
    for (size_t i = 0; i < list->count && i < MOST; i++) {
        char label[LABEL_SIZE];
        size_t columns = label_columns(label_of(files, list->ids[i], label)) + 1;
        bool wrap = column + columns > TERM_COLUMNS - 1;
        printf(wrap ? "\n" : "");
        column = wrap ? columns : column + columns;
        term_background(&term, color_sequential(i % 2 == 0 ? 0.2 : 0.45));
        printf("%s", label);
        term_reset(&term);
        printf(term.colors == TERM_PLAIN ? "|" : "");
    }
    printf(list->count > MOST ? "...\n" : "\n");
    printf("ids ");
    print_ids(list->ids, list->count);
    lesson_shape("token ids", shape_1(list->count), "");
}

/* --- The same with common/tokenizer ----------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, const struct bpe_files *files,
                                 struct error *err) {
    const struct token_list *by_hand = &files->by_hand;
    struct token_list list = {0};
    lesson_section("The same with common/tokenizer");
    if (!tokenizer_encode(files->tokenizer, lesson->text, lesson->length, SPECIAL_AS_TEXT, &list,
                          err))
        return false;
    bool same =
        list.count == by_hand->count &&
        (list.count == 0 || memcmp(list.ids, by_hand->ids, list.count * sizeof *list.ids) == 0);
    lesson_check(lesson, same, "the library finds the same tokens");
    size_t at = 0; // decoding
    bool back = true;
    for (size_t i = 0, n; i < list.count && back; i++, at += n) {
        const char *bytes = tokenizer_decode(files->tokenizer, list.ids[i], &n);
        back = n <= lesson->length - at && memcmp(lesson->text + at, bytes, n) == 0;
    }
    lesson_check(lesson, back && at == lesson->length,
                 "the tokens' bytes, one after the other, are the text");
    token_list_free(&list);
    return true;
}

/* --- What a text costs ------------------------------------------------------------------------ */

static bool show_costs(const struct tokenizer *tokenizer, struct error *err) {
    static const char *const texts[] = {" server",  "server", " Server",  " SERVER",
                                        " servers", "404",    " 1234567", "  ",
                                        "été",      "服务器", "😀"};
    lesson_section("What a text costs");
    printf("%-14s %5s  %6s  %s\n", "text", "bytes", "tokens", "bytes per token");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct token_list list = {0};
        char label[LABEL_SIZE];
        size_t length = strlen(texts[i]);
        if (!tokenizer_encode(tokenizer, texts[i], length, SPECIAL_AS_TEXT, &list, err))
            return false;
        label_of_token(texts[i], length, label);
        printf("%s%*s %5zu  %6zu  %.1f\n", label, (int)(14 - label_columns(label)), "", length,
               list.count, (double)length / (double)list.count);
        token_list_free(&list);
    }
    return true;
}

/* --- Special tokens --------------------------------------------------------------------------- */

static bool show_special(const struct tokenizer *tokenizer, struct error *err) {
    static const char text[] = "<|endoftext|>";
    lesson_section("Special tokens");
    for (int i = 0; i < 2; i++) {
        enum special_tokens special = i == 0 ? SPECIAL_AS_TEXT : SPECIAL_AS_TOKEN;
        struct token_list list = {0};
        if (!tokenizer_encode(tokenizer, text, strlen(text), special, &list, err))
            return false;
        printf("%s %-21s", text, i == 0 ? "typed by a user:" : "as a separator:");
        print_ids(list.ids, list.count);
        token_list_free(&list);
    }
    return true;
}

/* --- From top to bottom ----------------------------------------------------------------------- */

static bool run(struct lesson *lesson, struct bpe_files *files, struct error *err) {
    learn_merges();
    show_bytes();
    show_chunks(lesson);
    if (!open_files(lesson, files, err))
        return false;
    trace_one_word(lesson, files);
    compare_orders(files);
    if (!encode_by_hand(files, lesson->text, lesson->length, &files->by_hand, err))
        return false;
    show_tokens(files);
    files->tokenizer = tokenizer_open(lesson->model, err);
    return files->tokenizer != NULL && compare_with_library(lesson, files, err) &&
           show_costs(files->tokenizer, err) && show_special(files->tokenizer, err);
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct bpe_files files = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step2", "Step 2: From Text to Token Ids", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &files, &err);
    token_list_free(&files.by_hand);
    tokenizer_close(files.tokenizer);
    merges_close(files.merges);
    vocabulary_close(files.vocabulary);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
