#define _POSIX_C_SOURCE 200809L

#include "lesson_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "plot/term.h"

/* The text's ids, each a row of wte, and not more than there are positions. */
static bool encode(const struct lesson *lesson, struct lesson_model *opened, struct error *err) {
    const struct gpt2_config *config = &opened->model->config;
    struct token_list *list = &opened->owned_ids;
    uint32_t end_of_text;
    if (!tokenizer_encode(opened->tokenizer, lesson->text, lesson->length, SPECIAL_AS_TEXT, list,
                          err))
        return false;
    if (list->count == 0) {
        if (!tokenizer_end_of_text(opened->tokenizer, &end_of_text))
            return error_set(err, "the text is empty, and the vocabulary has no <|endoftext|> to "
                                  "start from: give a text");
        if (!token_list_add(list, end_of_text))
            return error_no_memory(err, "the text's tokens");
    }
    if (list->count > config->n_ctx)
        return error_set(err,
                         "the text has %zu tokens, the model has %zu positions; shorten it by at "
                         "least %zu tokens",
                         list->count, config->n_ctx, list->count - config->n_ctx);
    for (size_t t = 0; t < list->count; t++) {
        if (list->ids[t] >= config->vocab_size)
            return error_set(err,
                             "%s/vocab.json: has a token with id %lu, and wte has %zu rows; the "
                             "folder's files belong to different models, copy all four from one",
                             lesson->model, (unsigned long)list->ids[t], config->vocab_size);
    }
    opened->ids = list->ids;
    opened->n = list->count;
    return true;
}

static bool label(struct lesson_model *opened, struct error *err) {
    opened->owned_texts = calloc(opened->n, sizeof *opened->owned_texts);
    opened->labels = calloc(opened->n, sizeof(*opened->labels));
    if (opened->owned_texts == NULL || opened->labels == NULL)
        return error_no_memory(err, "the tokens' labels");
    for (size_t t = 0; t < opened->n; t++)
        opened->labels[t] = lesson_model_label(opened, opened->ids[t], opened->owned_texts[t]);
    return true;
}

bool lesson_model_open(const struct lesson *lesson, struct lesson_model *opened,
                       struct error *err) {
    *opened = (struct lesson_model){0};
    opened->tokenizer = tokenizer_open(lesson->model, err);
    if (opened->tokenizer == NULL)
        return false;
    opened->model = gpt2_model_open(lesson->model, err);
    return opened->model != NULL && encode(lesson, opened, err) && label(opened, err);
}

void lesson_model_close(struct lesson_model *opened) {
    free(opened->labels);
    free(opened->owned_texts);
    token_list_free(&opened->owned_ids);
    gpt2_model_close(opened->model);
    tokenizer_close(opened->tokenizer);
    *opened = (struct lesson_model){0};
}

const char *lesson_model_label(const struct lesson_model *opened, uint32_t id,
                               char text[LABEL_SIZE]) {
    size_t length;
    const char *bytes = tokenizer_decode(opened->tokenizer, id, &length);
    return label_of_token(bytes, length, text);
}

/* The bytes of all tokens, *size of them: a character may be cut into several. NULL: no memory. */
static char *join_tokens(const struct lesson_model *opened, const uint32_t *ids, size_t n,
                         size_t *size) {
    char *bytes = NULL;
    FILE *stream = open_memstream(&bytes, size);
    if (stream == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t length;
        const char *token = tokenizer_decode(opened->tokenizer, ids[i], &length);
        if (length > 0)
            fwrite(token, 1, length, stream);
    }
    fclose(stream);
    return bytes;
}

void lesson_model_print(const struct lesson_model *opened, const uint32_t *ids, size_t n,
                        size_t indent) {
    size_t size = 0, column = indent;
    char *bytes = join_tokens(opened, ids, n, &size);
    for (size_t at = 0, end; bytes != NULL && at < size; at = end) {
        char whole[LABEL_SIZE], word[LABEL_SIZE];
        size_t start = at + (bytes[at] == ' ');
        for (end = start; end < size && bytes[end] != ' ';)
            end++;
        label_of_token(bytes + start, end - start, whole);
        label_shorten(whole, TERM_COLUMNS - indent - 1, word);
        if (column + 1 + label_columns(word) > TERM_COLUMNS) {
            printf("\n%*s", (int)indent, "");
            column = indent;
        } else if (start > at && column > indent) {
            printf(" ");
            column++;
        }
        column += label_columns(word);
        fputs(word, stdout);
    }
    printf("\n");
    free(bytes);
}
