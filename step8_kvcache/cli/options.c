#define _POSIX_C_SOURCE 200809L

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../common/threads.h"
#include "suggest.h"

/* Options without a one-letter form, numbered beyond all letters. */
enum {
    OPTION_NO_PROMPT = 256,
    OPTION_NO_CACHE,
    OPTION_SPECIAL,
    OPTION_TOP,
    OPTION_LOGITS,
    OPTION_TOKENIZE,
    OPTION_DETOKENIZE,
    OPTION_SCORE,
    OPTION_STRIDE,
    OPTION_QUANTIZE,
    OPTION_JSON,
    OPTION_STATS,
};

static const struct option long_options[] = {
    {"model", required_argument, NULL, 'm'},
    {"max-new-tokens", required_argument, NULL, 'n'},
    {"temperature", required_argument, NULL, 'T'},
    {"top-k", required_argument, NULL, 'k'},
    {"top-p", required_argument, NULL, 'p'},
    {"seed", required_argument, NULL, 's'},
    {"threads", required_argument, NULL, 't'},
    {"weights", required_argument, NULL, 'w'},
    {"no-prompt", no_argument, NULL, OPTION_NO_PROMPT},
    {"no-cache", no_argument, NULL, OPTION_NO_CACHE},
    {"special", no_argument, NULL, OPTION_SPECIAL},
    {"top", required_argument, NULL, OPTION_TOP},
    {"logits", required_argument, NULL, OPTION_LOGITS},
    {"tokenize", no_argument, NULL, OPTION_TOKENIZE},
    {"detokenize", no_argument, NULL, OPTION_DETOKENIZE},
    {"score", required_argument, NULL, OPTION_SCORE},
    {"stride", required_argument, NULL, OPTION_STRIDE},
    {"quantize", required_argument, NULL, OPTION_QUANTIZE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"stats", no_argument, NULL, OPTION_STATS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

enum { MAX_COUNT = 1000000000 };

const char *options_help(void) {
    return "usage: gpt2 [options] \"prompt\"\n"
           "\n"
           "Continues a text with GPT-2. Several words are joined with spaces. \"-\", or no\n"
           "prompt with piped input, reads standard input byte for byte, newlines too. No\n"
           "prompt on a terminal starts an interactive session: each line is a new text,\n"
           "an empty line continues the last one, Ctrl-D ends the session (the lines\n"
           "quit, exit and help only say so).\n"
           "\n"
           "  -m, --model DIR           a GPT-2 folder as Hugging Face has them\n"
           "                            (models/gpt2 when downloaded, else models/tiny)\n"
           "  -n, --max-new-tokens N    how many tokens to add at most (64)\n"
           "  -T, --temperature X       0 always takes the likeliest token (0.8)\n"
           "  -k, --top-k N             draw from the N likeliest tokens, 0 = all (40)\n"
           "  -p, --top-p X             draw from the likeliest with total share X (1)\n"
           "  -s, --seed N              same seed, same text (from the clock)\n"
           "  -t, --threads N           (all cores)\n"
           "  -w, --weights FORMAT      f32, or the smaller and faster bf16 or int8\n"
           "                            (f32, or as the folder has them)\n"
           "      --no-prompt           print the new text only\n"
           "      --no-cache            compute everything anew for each token\n"
           "      --special             <|endoftext|> in the prompt is the special token\n"
           "      --top N               show the N likeliest next tokens, no text\n"
           "      --logits FILE         write the next token's scores as raw floats\n"
           "      --tokenize            text to token ids\n"
           "      --detokenize          token ids to text\n"
           "      --score FILE          perplexity of a text (- reads standard input)\n"
           "      --stride N            tokens per step of --score (the model's n_ctx)\n"
           "      --quantize DIR        write the model to DIR in bf16 or int8 (-w)\n"
           "      --json                one JSON object instead of text\n"
           "      --stats               times and memory for new text, on standard error\n"
           "  -h, --help                this text\n"
           "  -V, --version\n"
           "  --                        ends the options\n"
           "\n"
           "Examples:\n"
           "  ./gpt2 \"The server crashed because\"\n"
           "  ./gpt2 -T 0 -n 20 --stats \"Once upon a time\"\n"
           "  git log -1 | ./gpt2 --tokenize\n";
}

/* A whole number from `low` to `high`; `name` is the option as the user may write it. */
static bool parse_count(const char *name, const char *text, uint64_t low, uint64_t high,
                        uint64_t *value, struct error *err) {
    char *end;
    errno = 0;
    unsigned long long parsed = strtoull(text, &end, 10);
    // strtoull takes "-1" and wraps it round, and skips white space: we want digits only.
    bool digits = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    if (!digits || errno != 0 || parsed < low || parsed > high)
        return error_set(err, "%s: found \"%s\", expected a whole number from %llu to %llu", name,
                         text, (unsigned long long)low, (unsigned long long)high);
    *value = parsed;
    return true;
}

static bool parse_size(const char *name, const char *text, size_t low, size_t high, size_t *value,
                       struct error *err) {
    uint64_t parsed = 0;
    if (!parse_count(name, text, low, high, &parsed, err))
        return false;
    *value = (size_t)parsed;
    return true;
}

static bool parse_temperature(const char *text, float *value, struct error *err) {
    char *end;
    *value = strtof(text, &end);
    return (end != text && *end == '\0' && isfinite(*value) && *value >= 0.0f) ||
           error_set(err, "-T (--temperature): found \"%s\", expected a number of at least 0",
                     text);
}

static bool parse_top_p(const char *text, float *value, struct error *err) {
    char *end;
    *value = strtof(text, &end);
    return (end != text && *end == '\0' && *value > 0.0f && *value <= 1.0f) ||
           error_set(err,
                     "-p (--top-p): found \"%s\", expected a number greater than 0 and at most 1",
                     text);
}

/* Each of the modes excludes the others. */
static bool set_mode(struct options *options, enum mode mode, struct error *err) {
    if (options->mode != MODE_GENERATE && options->mode != mode)
        return error_set(err, "give only one of --top, --logits, --score, --tokenize, "
                              "--detokenize and --quantize");
    options->mode = mode;
    return true;
}

static bool parse_weights(const char *text, enum weights_format *weights, struct error *err) {
    static const struct {
        const char *name;
        enum weights_format weights;
    } formats[] = {{"f32", WEIGHTS_F32}, {"bf16", WEIGHTS_BF16}, {"int8", WEIGHTS_INT8}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(text, formats[i].name) == 0) {
            *weights = formats[i].weights;
            return true;
        }
    }
    return error_set(err, "-w (--weights): found \"%s\", expected f32, bf16 or int8", text);
}

/* The name of a file or folder. */
static bool parse_path(const char *name, const char *text, const char **path, struct error *err) {
    *path = text;
    return text[0] != '\0' || error_set(err, "%s: found \"\", expected a name", name);
}

static bool parse_mode_option(int option, const char *argument, struct options *options,
                              struct error *err) {
    switch (option) {
    case OPTION_TOP:
        return set_mode(options, MODE_TOP, err) &&
               parse_size("--top", argument, 1, MAX_COUNT, &options->top, err);
    case OPTION_LOGITS:
        return parse_path("--logits", argument, &options->file, err) &&
               set_mode(options, MODE_LOGITS, err);
    case OPTION_SCORE:
        return parse_path("--score", argument, &options->file, err) &&
               set_mode(options, MODE_SCORE, err);
    case OPTION_QUANTIZE:
        return parse_path("--quantize", argument, &options->file, err) &&
               set_mode(options, MODE_QUANTIZE, err);
    case OPTION_STRIDE:
        return parse_size("--stride", argument, 1, MAX_COUNT, &options->stride, err);
    case OPTION_TOKENIZE:
        return set_mode(options, MODE_TOKENIZE, err);
    case OPTION_DETOKENIZE:
        return set_mode(options, MODE_DETOKENIZE, err);
    default:
        return error_set(err, "unknown option");
    }
}

static bool parse_option(int option, const char *argument, struct options *options,
                         struct error *err) {
    struct sampler_settings *sampler = &options->sampler;
    switch (option) {
    case 'm':
        return parse_path("-m (--model)", argument, &options->model, err);
    case 'n':
        return parse_size("-n (--max-new-tokens)", argument, 0, MAX_COUNT, &options->max_new_tokens,
                          err);
    case 'T':
        return parse_temperature(argument, &sampler->temperature, err);
    case 'k':
        return parse_size("-k (--top-k)", argument, 0, MAX_COUNT, &sampler->top_k, err);
    case 'p':
        return parse_top_p(argument, &sampler->top_p, err);
    case 's':
        return parse_count("-s (--seed)", argument, 0, UINT64_MAX, &sampler->seed, err);
    case 't':
        return parse_size("-t (--threads)", argument, 1, THREADS_MAX, &options->n_threads, err);
    case 'w':
        return parse_weights(argument, &options->weights, err);
    case OPTION_NO_PROMPT:
        options->no_prompt = true;
        return true;
    case OPTION_NO_CACHE:
        options->no_cache = true;
        return true;
    case OPTION_SPECIAL:
        options->special = true;
        return true;
    case OPTION_JSON:
        options->json = true;
        return true;
    case OPTION_STATS:
        options->stats = true;
        return true;
    default:
        return parse_mode_option(option, argument, options, err);
    }
}

static const char short_options[] = ":m:n:T:k:p:s:t:w:hV";

/* A value for each option that needs one, to show how it is written. */
static const char *example_value(int option) {
    static const struct {
        int option;
        const char *value;
    } examples[] = {
        {'m', "models/tiny"},
        {'n', "64"},
        {'T', "0.8"},
        {'k', "40"},
        {'p', "0.9"},
        {'s', "1"},
        {'t', "4"},
        {'w', "f32"},
        {OPTION_TOP, "5"},
        {OPTION_LOGITS, "logits.f32"},
        {OPTION_SCORE, "text.txt"},
        {OPTION_STRIDE, "32"},
        {OPTION_QUANTIZE, "models/gpt2-int8 -w int8"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        if (examples[i].option == option)
            return examples[i].value;
    }
    return "VALUE";
}

/* Whether a word is an option's whole name behind a single dash: getopt takes that for letters. */
static bool lacks_a_dash(const char *word) {
    size_t length = word[0] == '-' ? strcspn(word + 1, "=") : 0;
    for (const struct option *option = long_options; option->name != NULL; option++) {
        if (strlen(option->name) == length && memcmp(option->name, word + 1, length) == 0)
            return true;
    }
    return false;
}

/* Refuses --name or --name=value, which is no option's name, and the beginning of none or several. */
static bool refuse_name(const char *word, struct error *err) {
    size_t length = strcspn(word, "=");
    char several[ERROR_SIZE / 4] = "";
    for (const struct option *option = long_options; option->name != NULL; option++) {
        if (strncmp(option->name, word + 2, length - 2) == 0) {
            size_t n = strlen(several);
            snprintf(several + n, sizeof several - n, "%s--%s", n > 0 ? " or " : "", option->name);
        }
    }
    if (several[0] != '\0')
        return error_set(err, "option %s can be %s: write one of them", word, several);
    const char *meant = suggest_option(long_options, word + 2, length - 2);
    if (meant != NULL)
        return error_set(err, "unknown option %s: did you mean --%s?", word, meant);
    return error_set(err, "unknown option %s: a text that begins with - goes after --", word);
}

/* Whether getopt_long stopped at a letter that is no option; optopt is the letter then. */
static bool at_unknown_letter(int found) {
    return found == '?' && optopt > 0 && optopt < 256 && strchr(short_options, optopt) == NULL;
}

/* The word in which getopt_long found this: argv[optind - 1], but for two cases. Inside a group of
 * letters such as -xy it has not gone past the word. And musl's counts a value that is missing. */
static const char *current_word(int found, int argc, char **argv) {
    for (int i = optind - 1; at_unknown_letter(found) && i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], optopt) != NULL)
            return argv[i];
    }
    return argv[optind - 1] != NULL ? argv[optind - 1] : argv[optind - 2];
}

/* What getopt_long found wrong in the word: '?' or ':'. */
static bool refuse(int found, const char *word, struct error *err) {
    if (found == ':')
        return error_set(err, "option %s needs a value, such as %s %s", word, word,
                         example_value(optopt));
    if (at_unknown_letter(found))
        return error_set(err, "unknown option -%c: a text that begins with - goes after --",
                         optopt);
    if (optopt != 0)
        return error_set(err, "option %s takes no value: write %.*s", word, (int)strcspn(word, "="),
                         word);
    return refuse_name(word, err);
}

static bool check_quantize(const struct options *options, struct error *err) {
    if (options->mode != MODE_QUANTIZE)
        return true;
    if (options->weights != WEIGHTS_BF16 && options->weights != WEIGHTS_INT8)
        return error_set(err, "--quantize needs a format smaller than f32: -w bf16 or -w int8");
    return options->n_words == 0 || error_set(err,
                                              "--quantize writes a model and no text: leave "
                                              "\"%s\" out",
                                              options->words[0]);
}

/* Whether the options go together. */
static bool check_together(const struct options *options, struct error *err) {
    if (options->stride != 0 && options->mode != MODE_SCORE)
        return error_set(err, "--stride goes with --score FILE: add that, or leave --stride out");
    if (options->mode == MODE_SCORE && options->no_cache)
        return error_set(err, "--score needs the cache: leave --no-cache out");
    if (options->json && options->mode != MODE_GENERATE && options->mode != MODE_SCORE)
        return error_set(err, "--json goes with new text and with --score: leave it out");
    if (options->stats && options->mode != MODE_GENERATE)
        return error_set(err, "--stats goes with new text: leave it out");
    if (options->mode == MODE_SCORE && options->n_words > 0)
        return error_set(err, "--score reads its text from the file: leave \"%s\" out",
                         options->words[0]);
    if (options->no_cache && options->weights > WEIGHTS_F32)
        return error_set(err, "--no-cache works with f32 weights only: leave -w out");
    return check_quantize(options, err);
}

/* Enough of the clock to differ from run to run, and few enough digits to type again. */
static uint64_t seed_from_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec * 1000003u + (uint64_t)now.tv_nsec) & 0xffffffffu;
}

bool options_parse(int argc, char **argv, struct options *options, struct error *err) {
    *options = (struct options){
        .mode = MODE_GENERATE,
        .max_new_tokens = 64,
        .sampler = {.temperature = 0.8f, .top_k = 40, .top_p = 1.0f, .seed = seed_from_clock()},
        .n_threads = threads_available(),
    };
    opterr = 0; // we say it in our own words
    for (;;) {
        int option = getopt_long(argc, argv, short_options, long_options, NULL);
        if (option == -1)
            break;
        if (option == 'h' || option == 'V') {
            options->mode = option == 'h' ? MODE_HELP : MODE_VERSION;
            return true;
        }
        const char *word = current_word(option, argc, argv);
        if (lacks_a_dash(word))
            return error_set(err, "option %s needs two dashes: -%s", word, word);
        if (option == '?' || option == ':')
            return refuse(option, word, err);
        if (!parse_option(option, optarg, options, err))
            return false;
    }
    options->words = argv + optind;
    options->n_words = (size_t)(argc - optind);
    return check_together(options, err);
}
