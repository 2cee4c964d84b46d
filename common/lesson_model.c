#include "lesson_model.h"

#include <stdlib.h>

/* The text's ids, each a row of wte, and not more than there are positions. */
static bool encode(const struct lesson *lesson, struct lesson_model *opened, struct error *err) {
    const struct gpt2_config *config = &opened->model->config;
    struct token_list *list = &opened->owned_ids;
    uint32_t end_of_text = 0;
    if (!tokenizer_encode(opened->tokenizer, lesson->text, lesson->length, SPECIAL_AS_TEXT, list,
                          err))
        return false;
    tokenizer_end_of_text(opened->tokenizer, &end_of_text);
    if (list->count == 0 && !token_list_add(list, end_of_text))
        return error_no_memory(err, "the text's tokens");
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
    for (size_t t = 0; t < opened->n; t++) {
        size_t length;
        const char *bytes = tokenizer_decode(opened->tokenizer, opened->ids[t], &length);
        opened->labels[t] = label_of_token(bytes, length, opened->owned_texts[t]);
    }
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
