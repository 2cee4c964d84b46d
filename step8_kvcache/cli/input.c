#define _POSIX_C_SOURCE 200809L

#include "input.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../common/files.h"
#include "../../common/words.h"

static bool join_words(const struct options *options, struct text *prompt, struct error *err) {
    prompt->bytes = words_join(options->words, options->n_words);
    if (prompt->bytes == NULL)
        return error_no_memory(err, "the prompt");
    prompt->length = strlen(prompt->bytes);
    return true;
}

bool input_read_all(struct text *text, struct error *err) {
    size_t capacity = 0;
    *text = (struct text){NULL, 0};
    if (isatty(STDIN_FILENO))
        fprintf(stderr, "gpt2: reading from the terminal; Ctrl-D on an empty line ends the text\n");
    for (;;) {
        if (text->length == capacity) {
            capacity = capacity == 0 ? 65536 : 2 * capacity;
            char *bytes = capacity > SIZE_MAX / 4 ? NULL : realloc(text->bytes, capacity);
            if (bytes == NULL)
                return error_no_memory(err, "standard input");
            text->bytes = bytes;
        }
        ssize_t n = read(STDIN_FILENO, text->bytes + text->length, capacity - text->length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, "standard input: cannot read: %s; give it a file or a pipe",
                             strerror(errno));
        if (n == 0)
            return true;
        text->length += (size_t)n;
    }
}

bool input_prompt(const struct options *options, struct text *prompt, struct error *err) {
    bool from_input =
        options->n_words == 0 || (options->n_words == 1 && strcmp(options->words[0], "-") == 0);
    return from_input ? input_read_all(prompt, err) : join_words(options, prompt, err);
}

bool input_file(const char *path, struct text *text, struct error *err) {
    struct error why;
    if (strcmp(path, "-") == 0)
        return input_read_all(text, err);
    text->bytes = file_read(path, SIZE_MAX - 1, &text->length, &why);
    return text->bytes != NULL ||
           error_set(err, "--score: %s; name a text file, or give - and the text on standard input",
                     why.message);
}

void text_free(struct text *text) {
    free(text->bytes);
    *text = (struct text){NULL, 0};
}

bool input_encode(const struct tokenizer *tokenizer, const struct options *options,
                  const char *bytes, size_t length, struct token_list *ids, struct error *err) {
    enum special_tokens special = options->special ? SPECIAL_AS_TOKEN : SPECIAL_AS_TEXT;
    return tokenizer_encode(tokenizer, bytes, length, special, ids, err);
}

bool input_encode_prompt(const struct tokenizer *tokenizer, const struct options *options,
                         size_t n_ctx, const char *bytes, size_t length, struct token_list *ids,
                         struct error *err) {
    uint32_t end_of_text;
    if (!input_encode(tokenizer, options, bytes, length, ids, err))
        return false;
    if (ids->count > n_ctx)
        return error_set(err,
                         "the prompt has %zu tokens, and the model takes at most %zu: shorten it "
                         "by at least %zu",
                         ids->count, n_ctx, ids->count - n_ctx);
    if (ids->count > 0)
        return true;
    if (!tokenizer_end_of_text(tokenizer, &end_of_text))
        return error_set(err, "the prompt is empty, and the vocabulary has no <|endoftext|> to "
                              "start from: give a prompt");
    return token_list_add(ids, end_of_text) || error_no_memory(err, "the prompt");
}
