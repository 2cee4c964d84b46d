/*
 * input.h - where the prompt comes from, and its tokens.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"
#include "../../common/tokenizer.h"
#include "options.h"

/* Bytes with a length: a prompt may hold any, NUL too. */
struct text {
    char *bytes; // [length]
    size_t length;
};

/*
 * The prompt: the words of the command line joined with spaces; or all of standard input, byte for
 * byte, for "-" or no words. false with *err filled in. The caller frees it with text_free.
 */
bool input_prompt(const struct options *options, struct text *prompt, struct error *err);

/* All of standard input. When that is a terminal, it says so: the program is not stuck. */
bool input_read_all(struct text *text, struct error *err);

/* The text of --score: a file's, or standard input's for "-". The same as above otherwise. */
bool input_file(const char *path, struct text *text, struct error *err);

void text_free(struct text *text);

/* Appends the tokens of a text to *ids; --special says what <|endoftext|> in it is. false with *err
 * filled in. */
bool input_encode(const struct tokenizer *tokenizer, const struct options *options,
                  const char *bytes, size_t length, struct token_list *ids, struct error *err);

/*
 * The tokens of a prompt, 1 to n_ctx of them, to *ids, which is empty before. An empty prompt is
 * <|endoftext|>: GPT-2 then begins a text of its own. false with *err filled in.
 */
bool input_encode_prompt(const struct tokenizer *tokenizer, const struct options *options,
                         size_t n_ctx, const char *bytes, size_t length, struct token_list *ids,
                         struct error *err);

#endif
