/*
 * lesson_model.h - what the programs of steps 3 to 8 begin with: a model, its tokenizer, and the
 * reader's text as token ids with a label for each. And back: ids as labels and as text.
 */
#ifndef COMMON_LESSON_MODEL_H
#define COMMON_LESSON_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "lesson.h"
#include "model.h"
#include "plot/label.h"
#include "tokenizer.h"

struct lesson_model {
    struct gpt2_model *model;
    struct tokenizer *tokenizer;
    size_t n;            // tokens of the text, seq_len on the pages: 1 to n_ctx
    const uint32_t *ids; // [n], each below vocab_size
    const char **labels; // [n]: what to call each token in tables and charts

    struct token_list owned_ids;     // what ids points to
    char (*owned_texts)[LABEL_SIZE]; // [n], what labels points to
};

/*
 * Opens the lesson's model and encodes its text. An empty text is the one token <|endoftext|>,
 * which GPT-2 knows as the beginning of a text. false with *err filled in, also when the text is
 * longer than the model takes, or empty and the vocabulary has no such token. lesson_model_close
 * frees it in either case.
 */
bool lesson_model_open(const struct lesson *lesson, struct lesson_model *opened, struct error *err);
void lesson_model_close(struct lesson_model *opened);

/* What to call a token in tables and charts, any of the vocabulary. Returns text. */
const char *lesson_model_label(const struct lesson_model *opened, uint32_t id,
                               char text[LABEL_SIZE]);

/*
 * Prints ids [n] as running text on standard output, word by word, and ends the line. The first
 * line begins where the cursor is, at column `indent`; the others are indented to there, and none
 * is longer than a terminal. Newlines are shown as ↵, so a text takes no more lines than it needs.
 */
void lesson_model_print(const struct lesson_model *opened, const uint32_t *ids, size_t n,
                        size_t indent);

#endif
