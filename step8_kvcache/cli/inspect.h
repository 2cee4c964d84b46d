/*
 * inspect.h - the modes that look at a text and generate nothing: --tokenize, --detokenize, --top
 * and --logits. Each prints its result and returns false, with *err filled in, when it failed.
 */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"
#include "../../common/tokenizer.h"
#include "engine.h"
#include "input.h"
#include "output.h"

/* ids: the tokens of the text. */
bool inspect_tokenize(const struct token_list *ids, struct output *output, struct error *err);

/* text: token ids in digits, with white space between. */
bool inspect_detokenize(const struct tokenizer *tokenizer, const struct text *text,
                        struct output *output, struct error *err);

/* The n likeliest next tokens, one per line: rank, share in percent, id, text. */
bool inspect_top(struct engine *engine, const struct tokenizer *tokenizer,
                 const struct token_list *ids, size_t n, struct output *output, struct error *err);

/* The scores after the last token, [vocab_size] little-endian floats, to a file;
 * "-" is standard output. */
bool inspect_logits(struct engine *engine, const struct token_list *ids, const char *path,
                    struct output *output, struct error *err);

#endif
