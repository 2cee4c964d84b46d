#include "interactive.h"

#include <stdio.h>
#include <string.h>

#include "input.h"
#include "line_reader.h"
#include "options.h"

/* Puts a new text in the place of the last one, which stays when this one can't be taken. */
static bool begin_text(const struct generator *generator, const struct options *options,
                       const char *line, size_t length, struct generation *generation,
                       struct error *err) {
    struct token_list ids = {0};
    if (!input_encode_prompt(generator->tokenizer, options, generator->engine->model->config.n_ctx,
                             line, length, &ids, err)) {
        token_list_free(&ids);
        return false;
    }
    generation_free(generation);
    *generation = (struct generation){.ids = ids};
    engine_reset(generator->engine);
    return true;
}

/* Whether a line is exactly this word. */
static bool is_word(const char *line, size_t length, const char *word) {
    return strlen(word) == length && memcmp(line, word, length) == 0;
}

/* Answers the words that other programs take for commands; false for any other line. */
static bool answer_command(const char *line, size_t length) {
    static const char *const words[] = {"quit", "exit", "help", "/quit", "/exit", "/help"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is_word(line, length, words[i])) {
            fprintf(stderr, "(Ctrl-D ends the session; a space before \"%s\" makes it a text.)\n",
                    words[i]);
            return true;
        }
    }
    return false;
}

/* Says why a text ended where it did, when the reader might wonder. */
static void explain_stop(const struct generator *generator, enum stop stop) {
    if (stop == STOP_CONTEXT)
        fprintf(stderr, "(the text has reached the model's last position, %zu: begin a new one)\n",
                generator->engine->model->config.n_ctx);
    else if (stop == STOP_EOS)
        fprintf(stderr, "(the model ended its text: type a new one)\n");
}

/* Continues the text and prints it; what went wrong, the caller says. */
static bool continue_text(const struct generator *generator, const struct options *options,
                          const char *line, size_t length, struct generation *generation,
                          struct error *err) {
    struct output *output = generator->output;
    generation->n_prompt = generation->ids.count;
    if (!options->no_prompt && !output_text(output, line, length, err))
        return false;
    interrupt_catch(false);
    bool fine = generate(generator, generation, err);
    if (fine)
        fine = output_end_line(output, err);
    if (fine)
        explain_stop(generator, generation->stop);
    return fine;
}

bool interactive_run(const struct generator *generator, struct report *report, struct error *err) {
    const struct options *options = report->options;
    struct line_reader *reader = line_reader_new("> ");
    if (reader == NULL)
        return error_no_memory(err, "the session");
    fprintf(stderr, "Each line is a new text. An empty line continues the last one, Ctrl-C stops "
                    "it,\nCtrl-D ends the session.\n");
    struct generation generation = {0};
    bool fine = true;
    while (fine) {
        const char *line;
        size_t length;
        enum line_result result = line_reader_next(reader, &line, &length);
        if (result == LINE_END)
            break;
        if (result == LINE_INTERRUPTED)
            continue;
        if (length == 0 && generation.ids.count == 0)
            continue; // nothing yet to continue
        if (answer_command(line, length))
            continue;
        if (length == 0 && generation.stop == STOP_EOS) {
            explain_stop(generator, STOP_EOS);
            continue;
        }
        if (length > 0 && !begin_text(generator, options, line, length, &generation, err)) {
            fprintf(stderr, "gpt2: %s\n", err->message); // another line may do better
            continue;
        }
        fine = continue_text(generator, options, line, length, &generation, err);
        report->generation = &generation;
        if (fine && options->stats)
            report_stats(report);
    }
    generation_free(&generation);
    line_reader_free(reader);
    return fine;
}
