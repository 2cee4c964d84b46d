/*
 * gpt2 - continues a text with GPT-2, on the library that the lessons have built up.
 *
 * The whole way of a text through the program stands in run_generation, below:
 *
 *     text -> tokens -> (logits -> next token) again and again -> text
 *
 * The parts are in cli/: options.h reads the command line, engine.h has the model with its cache,
 * generate.h the loop, output.h prints whole characters, report.h has --json and --stats.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/clock.h"
#include "../common/kernels/kernels.h"
#include "../common/model_files.h"
#include "../common/quantize.h"
#include "../common/score.h"
#include "../common/tokenizer.h"
#include "cli/engine.h"
#include "cli/find_model.h"
#include "cli/generate.h"
#include "cli/input.h"
#include "cli/inspect.h"
#include "cli/interactive.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/report.h"

enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* What every mode works with. */
struct program {
    struct options options;
    char *model_folder;
    struct tokenizer *tokenizer;
    struct engine engine;
    double load_seconds;
    struct output output;
    struct text prompt;
};

/* --- opening the model ------------------------------------------------------------------------ */

static bool find_model(struct program *program, const char *program_path, struct error *err) {
    const char *given = program->options.model;
    if (given == NULL)
        program->model_folder = find_default_model(program_path, err);
    else if ((program->model_folder = strdup(given)) == NULL)
        error_no_memory(err, "the model's name");
    enum mode mode = program->options.mode;
    bool only_tokenizer = mode == MODE_TOKENIZE || mode == MODE_DETOKENIZE;
    return program->model_folder != NULL &&
           check_model_files(program->model_folder, only_tokenizer, err);
}

static bool open_tokenizer(struct program *program, struct error *err) {
    program->tokenizer = tokenizer_open(program->model_folder, err);
    return program->tokenizer != NULL;
}

static bool open_model(struct program *program, struct error *err) {
    const struct options *options = &program->options;
    double start = seconds_now();
    if (!open_tokenizer(program, err) ||
        !engine_open(&program->engine, program->model_folder, !options->no_cache, options->weights,
                     options->n_threads, err))
        return false;
    size_t n_tokens = tokenizer_count(program->tokenizer);
    size_t vocab_size = program->engine.model->config.vocab_size;
    if (n_tokens > vocab_size)
        return error_set(
            err,
            "%s: vocab.json has %zu tokens, but the model knows only %zu: copy all four "
            "files from one model's folder",
            program->model_folder, n_tokens, vocab_size);
    program->load_seconds = seconds_now() - start;
    return true;
}

/* --- from text to tokens ---------------------------------------------------------------------- */

static bool encode(const struct program *program, struct token_list *ids, struct error *err) {
    const struct text *text = &program->prompt;
    return input_encode(program->tokenizer, &program->options, text->bytes, text->length, ids, err);
}

/* The same for a text that is continued: as many tokens as the model takes, and at least one. */
static bool encode_prompt(const struct program *program, struct token_list *ids,
                          struct error *err) {
    const struct text *text = &program->prompt;
    return input_encode_prompt(program->tokenizer, &program->options,
                               program->engine.model->config.n_ctx, text->bytes, text->length, ids,
                               err);
}

/* --- the modes -------------------------------------------------------------------------------- */

static struct report make_report(const struct program *program,
                                 const struct generation *generation) {
    return (struct report){
        .model_folder = program->model_folder,
        .options = &program->options,
        .engine = &program->engine,
        .tokenizer = program->tokenizer,
        .generation = generation,
        .prompt = &program->prompt,
        .load_seconds = program->load_seconds,
    };
}

static bool run_generation(struct program *program, const struct generator *generator,
                           struct generation *generation, struct error *err) {
    const struct options *options = &program->options;
    struct output *output = &program->output;

    // [text]
    // Text -> tokens.
    if (!encode_prompt(program, &generation->ids, err))
        return false;
    generation->n_prompt = generation->ids.count;

    // Tokens -> logits -> next token, again and again; printed as they come.
    interrupt_catch(false);
    if (!options->json && !options->no_prompt &&
        !output_text(output, program->prompt.bytes, program->prompt.length, err))
        return false;
    if (!generate(generator, generation, err))
        return false;
    // [end]

    // What is left to say.
    struct report report = make_report(program, generation);
    if (options->json) {
        if (!report_json(&report, output, err))
            return false;
    } else if (!output_end_line(output, err)) {
        return false;
    }
    if (generation->stop == STOP_CONTEXT)
        fprintf(stderr,
                "gpt2: stopped: the text has reached the model's last position, %zu; a shorter "
                "prompt leaves more room\n",
                program->engine.model->config.n_ctx);
    if (options->stats)
        report_stats(&report);
    return true;
}

/* Generates once, or line by line at a terminal; returns the exit status. */
static int run_text_mode(struct program *program, bool interactive, struct error *err) {
    const struct options *options = &program->options;
    struct sampler *sampler =
        sampler_new(options->sampler, tokenizer_count(program->tokenizer), err);
    if (sampler == NULL)
        return EXIT_FAILURE;
    struct generator generator = {&program->engine, program->tokenizer, sampler,
                                  options->json ? NULL : &program->output, options->max_new_tokens};
    struct generation generation = {0};
    struct report report = make_report(program, &generation);
    bool fine = interactive ? interactive_run(&generator, &report, err)
                            : run_generation(program, &generator, &generation, err);
    bool interrupted = !interactive && generation.stop == STOP_INTERRUPTED;
    generation_free(&generation);
    sampler_free(sampler);
    if (!fine)
        return EXIT_FAILURE;
    return interrupted ? EXIT_INTERRUPTED : EXIT_SUCCESS;
}

static bool run_tokenizer_mode(struct program *program, struct error *err) {
    if (!open_tokenizer(program, err))
        return false;
    if (program->options.mode == MODE_DETOKENIZE)
        return inspect_detokenize(program->tokenizer, &program->prompt, &program->output, err);
    struct token_list ids = {0};
    bool fine = encode(program, &ids, err) && inspect_tokenize(&ids, &program->output, err);
    token_list_free(&ids);
    return fine;
}

static bool run_inspect_mode(struct program *program, struct error *err) {
    const struct options *options = &program->options;
    struct token_list ids = {0};
    bool fine = encode_prompt(program, &ids, err);
    if (fine && options->mode == MODE_TOP)
        fine = inspect_top(&program->engine, program->tokenizer, &ids, options->top,
                           &program->output, err);
    else if (fine)
        fine = inspect_logits(&program->engine, &ids, options->file, &program->output, err);
    token_list_free(&ids);
    return fine;
}

static bool print_score(struct program *program, const struct score *score, size_t stride,
                        struct error *err) {
    char lines[256];
    int n;
    if (program->options.json)
        n = snprintf(lines, sizeof lines,
                     "{\"tokens\":%zu,\"stride\":%zu,\"mean_nll\":%.9g,\"perplexity\":%.9g}\n",
                     score->n_scored, stride, score->mean_nll, score->perplexity);
    else
        n = snprintf(lines, sizeof lines,
                     "tokens                        %zu (stride %zu)\n"
                     "mean negative log-likelihood  %.6f nats\n"
                     "perplexity                    %.4f\n",
                     score->n_scored, stride, score->mean_nll, score->perplexity);
    return output_bytes(&program->output, lines, (size_t)n, err) &&
           output_flush(&program->output, err);
}

static void show_progress(void *context, size_t done, size_t total) {
    (void)context;
    fprintf(stderr, "\rscored %3.0f %%%s", 100.0 * (double)done / (double)total,
            done == total ? "\r            \r" : "");
}

static bool run_score_mode(struct program *program, struct error *err) {
    const struct options *options = &program->options;
    const struct gpt2_model *model = program->engine.model;
    size_t stride = options->stride != 0 ? options->stride : model->config.n_ctx;
    struct token_list ids = {0};
    struct score score;
    bool fine = encode(program, &ids, err) &&
                score_text(program->engine.session, model, &ids, stride,
                           isatty(STDERR_FILENO) ? show_progress : NULL, NULL, &score, err) &&
                print_score(program, &score, stride, err);
    token_list_free(&ids);
    return fine;
}

/* The text that a mode works on. */
static bool read_text(struct program *program, struct error *err) {
    const struct options *options = &program->options;
    return options->mode == MODE_SCORE ? input_file(options->file, &program->prompt, err)
                                       : input_prompt(options, &program->prompt, err);
}

static int run(struct program *program, const char *program_path, struct error *err) {
    const struct options *options = &program->options;
    bool interactive = options->mode == MODE_GENERATE && options->n_words == 0 && !options->json &&
                       isatty(STDIN_FILENO) != 0;
    if (!find_model(program, program_path, err))
        return EXIT_FAILURE;
    model_file_explain_cut("gpt2: ", program->model_folder);
    if (options->mode == MODE_QUANTIZE)
        return quantize_folder(program->model_folder, options->file, options->weights,
                               options->n_threads, err)
                   ? EXIT_SUCCESS
                   : EXIT_FAILURE;
    if (!interactive && !read_text(program, err))
        return EXIT_FAILURE;
    if (options->mode == MODE_TOKENIZE || options->mode == MODE_DETOKENIZE)
        return run_tokenizer_mode(program, err) ? EXIT_SUCCESS : EXIT_FAILURE;
    if (!open_model(program, err))
        return EXIT_FAILURE;
    if (options->mode == MODE_GENERATE)
        return run_text_mode(program, interactive, err);
    if (options->mode == MODE_SCORE)
        return run_score_mode(program, err) ? EXIT_SUCCESS : EXIT_FAILURE;
    return run_inspect_mode(program, err) ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- beginning and end ------------------------------------------------------------------------ */

/*
 * A program may be started with standard input, output or error closed. The next file that it
 * opens would get that number, and a message would be written into it: fill the holes first.
 */
static void fill_standard_files(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
            (void)!open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
}

/* Line editing asks the locale which bytes make a character. Ours are always UTF-8; in a locale of
 * other letters, or of ASCII alone, libedit would drop some. */
static void use_locale(void) {
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0 && setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "en_US.UTF-8"); // systems that lack C.UTF-8, such as older macOS
}

static int print_text(const char *text) {
    struct output output = {{0}, 0, false};
    struct error err = {""};
    if ((output_bytes(&output, text, strlen(text), &err) && output_flush(&output, &err)) ||
        output.closed)
        return EXIT_SUCCESS;
    fprintf(stderr, "gpt2: %s\n", err.message);
    return EXIT_FAILURE;
}

int main(int argc, char **argv) {
    struct program program = {0};
    struct error err = {""};
    fill_standard_files();
    signal(SIGPIPE, SIG_IGN); // a closed pipe is an error of write, which output.c knows
    use_locale();
    if (!options_parse(argc, argv, &program.options, &err)) {
        fprintf(stderr, "gpt2: %s (gpt2 --help lists the options)\n", err.message);
        return EXIT_USAGE;
    }
    if (program.options.mode == MODE_HELP)
        return print_text(options_help());
    if (program.options.mode == MODE_VERSION)
        return print_text("gpt2 " GPT2_VERSION "\n");
    if (!kernels_check_wanted(&err)) {
        fprintf(stderr, "gpt2: %s\n", err.message);
        return EXIT_USAGE;
    }

    int status = run(&program, argv[0], &err);
    if (status == EXIT_FAILURE && program.output.closed)
        status = EXIT_SUCCESS; // the reader has what it wanted
    if (status == EXIT_FAILURE)
        fprintf(stderr, "gpt2: %s\n", err.message);
    engine_close(&program.engine);
    tokenizer_close(program.tokenizer);
    text_free(&program.prompt);
    free(program.model_folder);
    return status;
}
