/*
 * options.h - what the user asked ./gpt2 for.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../common/error.h"
#include "../../common/sampler.h"
#include "../../common/weights.h"

#define GPT2_VERSION "0.1.0"

/* What to do with the text. */
enum mode {
    MODE_GENERATE,   // continue it
    MODE_TOP,        // --top N: show the likeliest next tokens
    MODE_LOGITS,     // --logits FILE: write the scores of the next token
    MODE_SCORE,      // --score FILE: how surprised is the model by a text?
    MODE_TOKENIZE,   // --tokenize: text -> ids
    MODE_DETOKENIZE, // --detokenize: ids -> text
    MODE_QUANTIZE,   // --quantize DIR: write the model with smaller weights
    MODE_HELP,
    MODE_VERSION,
};

struct options {
    enum mode mode;
    const char *model; // a folder; NULL: the default one
    size_t max_new_tokens;
    struct sampler_settings sampler;
    size_t n_threads;
    enum weights_format weights;
    bool no_prompt, no_cache, special, json, stats;
    size_t top;         // MODE_TOP
    const char *file;   // MODE_LOGITS and MODE_QUANTIZE: written, MODE_SCORE: read
    size_t stride;      // MODE_SCORE; 0: n_ctx
    char *const *words; // [n_words]: the prompt, in the words of the command line
    size_t n_words;
};

/*
 * Reads the command line. false with *err filled in when it is not one that we understand. The
 * options point into argv.
 */
bool options_parse(int argc, char **argv, struct options *options, struct error *err);

/* The text of --help. */
const char *options_help(void);

#endif
