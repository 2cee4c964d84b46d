/*
 * Step 3: from token ids to vectors.
 *
 * An id is a label, so a model turns it into something it can calculate with: a row of numbers.
 * This program looks rows up by hand, measures which rows point the same way, tries to calculate
 * with words, looks at the rows for positions, and adds the two kinds. In the end it compares the
 * sums with those of common/transformer.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/lesson.h"
#include "../common/lesson_model.h"
#include "../common/ops.h"
#include "../common/plot/plot.h"
#include "../common/plot/term_plot.h"
#include "../common/tensor.h"
#include "../common/transformer.h"

static const char default_text[] = "The cache server is down, and the database server is slow.";

enum { MOST_ROWS = 10, MOST_WORDS = 16, MOST_POSITIONS = 64, NEAREST = 3, WORD_COLUMNS = 11 };

/* wte or wpe. */
struct rows {
    const float *data; // [n_rows, n_embd]
    float *cosines;    // [n_rows]: how near each is to what was last looked for
    size_t n_rows, n_embd;
};

/* All that the sections share. */
struct embeddings {
    struct lesson_model given; // the model, and the text as seq_len tokens
    struct rows wte, wpe;
    size_t seq_len, n_embd;
    float *token_rows; // [seq_len, n_embd]
    float *x;          // [seq_len, n_embd]: token rows + position rows
    float *v;          // [n_embd], to calculate in
};

static const float *row_of(const struct rows *rows, size_t row) {
    return rows->data + row * rows->n_embd; // [n_embd]
}

/* --- Words and their ids ---------------------------------------------------------------------- */

static const char *label_of(const struct embeddings *e, size_t id, char label[LABEL_SIZE]) {
    size_t length;
    char whole[LABEL_SIZE];
    const char *bytes = tokenizer_decode(e->given.tokenizer, (uint32_t)id, &length);
    label_of_token(bytes != NULL ? bytes : "?", bytes != NULL ? length : 1, whole);
    return label_shorten(whole, WORD_COLUMNS, label);
}

static void print_word(const struct embeddings *e, size_t id) {
    struct term term = term_for(stdout);
    char label[LABEL_SIZE];
    term_left(&term, label_of(e, id, label), WORD_COLUMNS);
}

/* The ids of those words that are one token of this vocabulary, at most `most` of them. Each word
 * of `words` begins with its space. Another model's vocabulary may have none of them. */
static size_t find_words(const struct embeddings *e, const char *words, uint32_t *ids,
                         size_t most) {
    size_t n = 0;
    while (*words != '\0' && n < most) {
        struct token_list list = {0};
        size_t length = 1 + strcspn(words + 1, " ");
        if (tokenizer_encode(e->given.tokenizer, words, length, SPECIAL_AS_TEXT, &list, NULL) &&
            list.count == 1 && list.ids[0] < e->wte.n_rows)
            ids[n++] = list.ids[0];
        token_list_free(&list);
        words += length;
    }
    return n;
}

/* Appends what is new among the tokens of the reader's text, those of `shortest` bytes or more. */
static size_t add_text(const struct embeddings *e, uint32_t *ids, size_t n, size_t most,
                       size_t shortest) {
    for (size_t t = 0; t < e->seq_len && n < most; t++) {
        size_t length, same = 0;
        tokenizer_decode(e->given.tokenizer, e->given.ids[t], &length);
        while (same < n && ids[same] != e->given.ids[t])
            same++;
        if (same == n && length >= shortest)
            ids[n++] = e->given.ids[t];
    }
    return n;
}

static void show_labels(const struct embeddings *e) {
    static const char *const names[] = {"a token", "the id after it", "another token",
                                        "the average of both ids"};
    uint32_t ids[2] = {0, 0};
    if (find_words(e, " server database", ids, 2) < 2)
        add_text(e, ids, 0, 2, 1); // another model's vocabulary: the text's own tokens stand in
    size_t shown[] = {ids[0], (ids[0] + 1) % e->wte.n_rows, ids[1], (ids[0] + (size_t)ids[1]) / 2};
    lesson_section("Ids are labels");
    for (size_t i = 0; i < 4; i++) {
        char label[LABEL_SIZE];
        printf("%-25s id %5zu   %s\n", names[i], shown[i], label_of(e, shown[i], label));
    }
}

/* --- A row for each id ------------------------------------------------------------------------ */

/* ids [seq_len] -> token_rows [seq_len, n_embd]: a row of wte [vocab_size, n_embd] for each id */
static void look_up_rows(const float *wte, const uint32_t *ids, size_t seq_len, size_t n_embd,
                         float *token_rows) {
    for (size_t t = 0; t < seq_len; t++) {
        const float *row = wte + ids[t] * n_embd; // [n_embd]
        memcpy(token_rows + t * n_embd, row, n_embd * sizeof *row);
    }
}

static void show_rows(const struct embeddings *e) {
    enum { NUMBERS = 5 };
    lesson_section("A row for each id");
    lesson_shape("wte", shape_2(e->wte.n_rows, e->n_embd), "a row for each token");
    lesson_shape("ids", shape_1(e->seq_len), "the text");
    look_up_rows(e->wte.data, e->given.ids, e->seq_len, e->n_embd, e->token_rows);
    lesson_shape("token rows", shape_2(e->seq_len, e->n_embd), "one row for each id");
    printf("%-*s %6s   its row\n", WORD_COLUMNS, "token", "id");
    for (size_t t = 0; t < e->seq_len && t < MOST_ROWS; t++) {
        print_word(e, e->given.ids[t]);
        printf(" %6lu  ", (unsigned long)e->given.ids[t]);
        for (size_t i = 0; i < e->n_embd && i < NUMBERS; i++)
            printf(" %6.3f", (double)e->token_rows[t * e->n_embd + i]);
        printf(e->n_embd > NUMBERS ? " ...\n" : "\n");
    }
    if (e->seq_len > MOST_ROWS)
        printf("... %zu rows in all\n", e->seq_len);
}

/* --- Cosine by hand --------------------------------------------------------------------------- */

/* How long an arrow is: Pythagoras, with n sides instead of two. a: [n] */
static float vector_length(const float *a, size_t n) {
    return sqrtf(dot(a, a, n));
}

/* Whether two arrows point the same way (1), are perpendicular (0) or opposite (-1). a, b: [n]
 * An arrow of length 0 points nowhere: 0. */
static float cosine(const float *a, const float *b, size_t n) {
    float lengths = vector_length(a, n) * vector_length(b, n);
    return lengths > 0.0f ? dot(a, b, n) / lengths : 0.0f;
}

static void show_cosine(void) {
    static const float a[2] = {3, 4};
    static const float others[][2] = {{6, 8}, {4, 3}, {-4, 3}, {-3, -4}};
    lesson_section("Cosine by hand");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const float *b = others[i]; // [2]
        printf("[3, 4] . [%2g, %2g] = 3 x %2g + 4 x %2g = %3g   / (%g x %2g) = %5.2f\n",
               (double)b[0], (double)b[1], (double)b[0], (double)b[1], (double)dot(a, b, 2),
               (double)vector_length(a, 2), (double)vector_length(b, 2), (double)cosine(a, b, 2));
    }
}

/* --- Nearest neighbours ----------------------------------------------------------------------- */

/* The `most` rows that point most nearly the same way as v [n_embd], the nearest first, without
 * those in skip [n_skip]. nearest: [most], row numbers */
static void nearest_rows(const struct rows *rows, const float *v, const uint32_t *skip,
                         size_t n_skip, size_t most, size_t *nearest) {
    for (size_t row = 0; row < rows->n_rows; row++)
        rows->cosines[row] = cosine(v, row_of(rows, row), rows->n_embd);
    for (size_t i = 0; i < n_skip; i++)
        rows->cosines[skip[i]] = -INFINITY;
    for (size_t i = 0; i < most; i++) {
        nearest[i] = argmax(rows->cosines, rows->n_rows);
        rows->cosines[nearest[i]] = -INFINITY; // the next round takes the next best
    }
}

/* Prints the tokens nearest to v [n_embd] on one line. */
static void print_nearest(const struct embeddings *e, const float *v, const uint32_t *skip,
                          size_t n_skip) {
    size_t nearest[NEAREST];
    nearest_rows(&e->wte, v, skip, n_skip, NEAREST, nearest);
    for (size_t i = 0; i < NEAREST; i++) {
        printf("  ");
        print_word(e, nearest[i]);
        printf("%5.2f", (double)cosine(v, row_of(&e->wte, nearest[i]), e->n_embd));
    }
    printf("\n");
}

static void show_neighbours(const struct embeddings *e) {
    enum { MOST = 9, LONG_WORD = 5 }; // bytes of a word, its space counted
    uint32_t ids[MOST];
    size_t n = find_words(e, " server Monday north Lena 503 memory", ids, MOST);
    n = add_text(e, ids, n, MOST, n > 0 ? LONG_WORD : 0); // and some words of the reader's own
    lesson_section("Nearest neighbours");
    for (size_t i = 0; i < n; i++) {
        print_word(e, ids[i]);
        print_nearest(e, row_of(&e->wte, ids[i]), &ids[i], 1);
    }
}

/* --- A map of words --------------------------------------------------------------------------- */

/* Shows the cosine of each row with each, in the terminal and as a picture. map: titles and labels
 * ids: [n], which rows, or NULL: the first n. n is at most MOST_POSITIONS. */
static void show_map(const struct lesson *lesson, struct heatmap map, const struct rows *rows,
                     const uint32_t *ids, size_t n, const char *file_name, struct error *err) {
    float cosines[MOST_POSITIONS * MOST_POSITIONS]; // [n, n]
    struct term term = term_for(stdout);
    for (size_t i = 0; i < n * n; i++) {
        size_t a = ids != NULL ? ids[i / n] : i / n, b = ids != NULL ? ids[i % n] : i % n;
        cosines[i] = cosine(row_of(rows, a), row_of(rows, b), rows->n_embd);
    }
    map.value_title = "cosine";
    map.values = cosines;
    map.n_rows = map.n_columns = n;
    map.scale = CHART_SIGNED;
    map.low = -1.0f;
    map.high = 1.0f;
    lesson_shape("cosines", shape_2(n, n), "each with each");
    term_heatmap(&term, &map);
    lesson_save(lesson, plot_heatmap(&map, err), file_name, err);
}

static void show_words(const struct lesson *lesson, const struct embeddings *e, struct error *err) {
    static const char words[] = " server proxy database cache Monday Friday Sunday Lena Paul Adam"
                                " north south west 404 502 503";
    uint32_t ids[MOST_WORDS];
    char labels[MOST_WORDS][LABEL_SIZE];
    const char *names[MOST_WORDS];
    size_t n = find_words(e, words, ids, MOST_WORDS);
    if (n < 2)
        n = add_text(e, ids, n, MOST_WORDS, 0);
    for (size_t i = 0; i < n; i++)
        names[i] = label_of(e, ids[i], labels[i]);
    lesson_section("A map of words");
    struct heatmap map = {
        .title = "how alike the rows of words are", .row_labels = names, .column_labels = names};
    show_map(lesson, map, &e->wte, ids, n, "words.png", err);
}

/* --- Analogies -------------------------------------------------------------------------------- */

/* a - b + c, and the rows nearest to where that leads; the three words themselves do not count. */
static void show_analogy(const struct embeddings *e, const uint32_t ids[3]) {
    const float *a = row_of(&e->wte, ids[0]), *b = row_of(&e->wte, ids[1]);
    const float *c = row_of(&e->wte, ids[2]);
    float *v = e->v;
    char labels[3][LABEL_SIZE];
    for (size_t i = 0; i < 3; i++)
        label_of(e, ids[i], labels[i]);
    // [analogy]
    for (size_t i = 0; i < e->n_embd; i++)
        v[i] = a[i] - b[i] + c[i];
    // [end]
    printf("%s - %s + %s\n  leads to              ", labels[0], labels[1], labels[2]);
    print_nearest(e, v, ids, 3);
    printf("  nearest to ");
    print_word(e, ids[0]);
    print_nearest(e, a, ids, 3);
}

static void show_analogies(const struct embeddings *e) {
    static const char *const words[] = {" nodes node server", " replicas replica worker",
                                        " Lena lena paul", " king man woman",
                                        " Paris France Italy"};
    uint32_t ids[3];
    size_t shown = 0;
    lesson_section("Analogies");
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        if (find_words(e, words[w], ids, 3) == 3) {
            show_analogy(e, ids);
            shown++;
        }
    }
    if (shown == 0)
        printf("none: in this vocabulary the words are not one token each\n");
}

/* --- A row for each position ------------------------------------------------------------------ */

static void show_positions(const struct lesson *lesson, const struct embeddings *e,
                           struct error *err) {
    static const size_t others[] = {1, 10, 100, 1000};
    size_t n = e->wpe.n_rows < MOST_POSITIONS ? e->wpe.n_rows : MOST_POSITIONS;
    lesson_section("A row for each position");
    lesson_shape("wpe", shape_2(e->wpe.n_rows, e->n_embd), "a row for each position");
    for (size_t i = 0; i < sizeof others / sizeof others[0] && others[i] < e->wpe.n_rows; i++)
        printf("row 0 against row %4zu   %5.2f\n", others[i],
               (double)cosine(row_of(&e->wpe, 0), row_of(&e->wpe, others[i]), e->n_embd));
    struct heatmap map = {.title = "how alike the rows of positions are",
                          .row_title = "position",
                          .column_title = "position"};
    show_map(lesson, map, &e->wpe, NULL, n, "positions.png", err);
}

/* --- Token plus position ---------------------------------------------------------------------- */

/* x [seq_len, n_embd] = token_rows [seq_len, n_embd] + the first rows of wpe [n_ctx, n_embd] */
static void add_positions(const float *token_rows, const float *wpe, size_t seq_len, size_t n_embd,
                          float *x) {
    for (size_t t = 0; t < seq_len; t++) {
        for (size_t i = 0; i < n_embd; i++)
            x[t * n_embd + i] = token_rows[t * n_embd + i] + wpe[t * n_embd + i];
    }
}

static double mean_length(const struct rows *rows) {
    double sum = 0.0;
    for (size_t row = 0; row < rows->n_rows; row++)
        sum += (double)vector_length(row_of(rows, row), rows->n_embd);
    return sum / (double)rows->n_rows;
}

/* How loud the two are, and how much of a token's row lies in the direction of its position's. */
static void show_sizes(const struct embeddings *e) {
    double wte = mean_length(&e->wte), wpe = mean_length(&e->wpe), overlap = 0.0;
    for (size_t t = 0; t < e->seq_len; t++)
        overlap +=
            fabs((double)cosine(e->token_rows + t * e->n_embd, row_of(&e->wpe, t), e->n_embd));
    printf("mean length of a row: wte %.2f, wpe %.2f; ratio %.2f\n", wte, wpe, wte / wpe);
    printf("mean size of the cosine, token row with position row   %.3f\n",
           overlap / (double)e->seq_len);
    // A cosine of random directions is close to normal, with a deviation of 1 / sqrt(n_embd).
    printf("the same for random directions, %5zu dimensions       %.3f\n", e->n_embd,
           sqrt(2.0 / (3.14159265358979 * (double)e->n_embd)));
}

/* Which row of wte, and which of wpe, is nearest to each sum? Often those that were added. */
static void show_parts(const struct embeddings *e) {
    size_t n = e->seq_len < MOST_ROWS ? e->seq_len : MOST_ROWS, n_tokens = 0, n_positions = 0;
    printf("\nposition  %-*s  nearest in wte    nearest in wpe\n", WORD_COLUMNS, "token");
    for (size_t t = 0; t < n; t++) {
        const float *x = e->x + t * e->n_embd; // [n_embd]
        size_t token, position;
        nearest_rows(&e->wte, x, NULL, 0, 1, &token);
        nearest_rows(&e->wpe, x, NULL, 0, 1, &position);
        n_tokens += token == e->given.ids[t];
        n_positions += position == t;
        printf("%8zu  ", t);
        print_word(e, e->given.ids[t]);
        printf("  ");
        print_word(e, token);
        printf("%5.2f  %9zu%5.2f\n", (double)cosine(x, row_of(&e->wte, token), e->n_embd), position,
               (double)cosine(x, row_of(&e->wpe, position), e->n_embd));
    }
    printf("found again: %zu of %zu tokens, %zu of %zu positions\n", n_tokens, n, n_positions, n);
}

/* The same word at two places of the text: the row is the same, the sum is not. */
static void show_same_word(const struct embeddings *e) {
    size_t n = e->n_embd, first = 0, second = 0;
    for (size_t t = 1; t < e->seq_len && first == second; t++) {
        second = t;
        for (first = 0; e->given.ids[first] != e->given.ids[second];)
            first++;
    }
    if (first == second) {
        printf("\nno token comes twice in this text\n");
        return;
    }
    char label[LABEL_SIZE];
    printf("\n%s at positions %zu and %zu\n", label_of(e, e->given.ids[first], label), first,
           second);
    printf("    token rows      %5.2f\n",
           (double)cosine(e->token_rows + first * n, e->token_rows + second * n, n));
    printf("    position rows   %5.2f\n",
           (double)cosine(row_of(&e->wpe, first), row_of(&e->wpe, second), n));
    printf("    sums            %5.2f\n", (double)cosine(e->x + first * n, e->x + second * n, n));
}

static void show_sums(const struct embeddings *e) {
    lesson_section("Token plus position");
    lesson_shape("token rows", shape_2(e->seq_len, e->n_embd), "from wte");
    lesson_shape("position rows", shape_2(e->seq_len, e->n_embd), "from wpe");
    add_positions(e->token_rows, e->wpe.data, e->seq_len, e->n_embd, e->x);
    lesson_shape("x", shape_2(e->seq_len, e->n_embd), "their sum");
    show_sizes(e);
    show_parts(e);
    show_same_word(e);
}

/* --- The same with common/transformer --------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, const struct embeddings *e,
                                 struct error *err) {
    size_t count = e->seq_len * e->n_embd;
    struct transformer *transformer = transformer_new(e->given.model, e->seq_len, err);
    if (transformer == NULL)
        return false;
    lesson_section("The same with common/transformer");
    transformer_embed(transformer, e->given.ids, e->seq_len);
    lesson_check_close(lesson, tensor_difference(e->x, transformer->x, count), 1e-6,
                       "the library finds the same x");
    for (size_t i = 0; i < count; i++)
        e->x[i] -= e->wpe.data[i];
    lesson_check_close(lesson, tensor_difference(e->x, e->token_rows, count), 1e-5,
                       "x minus position rows is token rows");
    transformer_free(transformer);
    return true;
}

/* --- From top to bottom ----------------------------------------------------------------------- */

static bool prepare(const struct lesson *lesson, struct embeddings *e, struct error *err) {
    if (!lesson_model_open(lesson, &e->given, err))
        return false;
    const struct gpt2_model *model = e->given.model;
    size_t n_tokens = model->config.vocab_size, n_positions = model->config.n_ctx;
    e->seq_len = e->given.n;
    e->n_embd = model->config.n_embd;
    e->wte = (struct rows){model->wte, tensor_new(n_tokens), n_tokens, e->n_embd};
    e->wpe = (struct rows){model->wpe, tensor_new(n_positions), n_positions, e->n_embd};
    e->token_rows = tensor_new_2(e->seq_len, e->n_embd);
    e->x = tensor_new_2(e->seq_len, e->n_embd);
    e->v = tensor_new(e->n_embd);
    return (e->wte.cosines && e->wpe.cosines && e->token_rows && e->x && e->v) ||
           error_no_memory(err, "the text's vectors");
}

static bool run(struct lesson *lesson, struct embeddings *e, struct error *err) {
    if (!prepare(lesson, e, err))
        return false;
    show_labels(e);
    show_rows(e);
    show_cosine();
    show_neighbours(e);
    show_words(lesson, e, err);
    show_analogies(e);
    show_positions(lesson, e, err);
    show_sums(e);
    return compare_with_library(lesson, e, err);
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct embeddings e = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step3", "Step 3: From Ids to Vectors", default_text))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &e, &err);
    float *owned[] = {e.x, e.v, e.token_rows, e.wte.cosines, e.wpe.cosines};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        tensor_free(owned[i]);
    lesson_model_close(&e.given);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
