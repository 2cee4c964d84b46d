/*
 * generate.h - the loop that writes text, one token at a time.
 */
#ifndef CLI_GENERATE_H
#define CLI_GENERATE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"
#include "../../common/sampler.h"
#include "../../common/tokenizer.h"
#include "engine.h"
#include "output.h"

/* Why a text ended. */
enum stop {
    STOP_LENGTH,      // as many tokens as were asked for
    STOP_EOS,         // the model chose <|endoftext|>
    STOP_CONTEXT,     // the text has reached the model's last position
    STOP_INTERRUPTED, // Ctrl-C
};

/* A text and how it came about. Begin with {0}; generation_free frees it. */
struct generation {
    struct token_list ids; // the prompt's, then the new ones
    size_t n_prompt;
    enum stop stop;
    double prompt_seconds; // from the start to the first new token
    double decode_seconds; // for the tokens after the first
};

/* What the loop works with. */
struct generator {
    struct engine *engine;
    const struct tokenizer *tokenizer;
    struct sampler *sampler;
    struct output *output; // NULL: nothing is printed
    size_t max_new_tokens;
};

/*
 * Continues generation->ids, which holds at least one token, and prints the new text as it comes.
 * false with *err filled in, or with output->closed set; what was made so far is in *generation.
 */
bool generate(const struct generator *generator, struct generation *generation, struct error *err);

void generation_free(struct generation *generation);

/*
 * Ctrl-C ends the text that is being written, and not the program: from interrupt_catch on, a first
 * one only sets a flag, which interrupt_happened tells; a second one ends the program. Each call
 * clears the flag. breaks_reading: a read from the terminal that is waiting ends with EINTR, too,
 * and so does, within a second, one that begins after the signal. Then the caller has to end it with
 * interrupt_catch(false) after the read.
 */
void interrupt_catch(bool breaks_reading);
bool interrupt_happened(void);

#endif
