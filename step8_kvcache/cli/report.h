/*
 * report.h - what --json and --stats say about a generated text.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

#include "../../common/error.h"
#include "../../common/tokenizer.h"
#include "engine.h"
#include "generate.h"
#include "input.h"
#include "options.h"
#include "output.h"

/* Everything about one run. */
struct report {
    const char *model_folder;
    const struct options *options;
    const struct engine *engine;
    const struct tokenizer *tokenizer;
    const struct generation *generation;
    const struct text *prompt;
    double load_seconds;
};

/* One JSON object on a line of standard output. false with *err filled in. */
bool report_json(const struct report *report, struct output *output, struct error *err);

/* A few lines for a person, on standard error. */
void report_stats(const struct report *report);

/* "length", "eos", "context" or "interrupted" */
const char *stop_name(enum stop stop);

#endif
