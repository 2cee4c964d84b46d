/*
 * random_model - writes a GPT-2 folder with seeded random weights.
 *
 * The real weights are half a gigabyte, so tests use models of their own: any shape, every number
 * format, old and new tensor names. The numbers come from random.h through plain arithmetic (no
 * libm), so that a seed gives the same bytes on every machine; golden results rely on that.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64 // a 32-bit system too has files of more than 2 GB

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../common/files.h"
#include "../common/float_formats.h"
#include "../common/random.h"
#include "../common/tensor.h"

struct settings {
    const char *folder;
    size_t n_layer, n_head, n_embd, n_ctx, n_inner, vocab_size;
    const char *epsilon, *activation, *dtype;
    const char *rules; // a merges.txt whose rules come first; NULL: all are made up
    bool prefix, masks, lm_head;
    double peak; // scales the weights that decide how sharp attention and the logits are
    uint64_t seed;
};

struct entry {
    char name[128];
    struct shape shape;
    double spread; // the standard deviation of the numbers
    double center; // and their mean
};

struct model {
    const struct settings *settings;
    struct entry *entries; // [count]
    size_t count;
};

static void die(const char *message) {
    fprintf(stderr, "random_model: %s\n", message);
    exit(1);
}

/* --- which tensors ---------------------------------------------------------------------------- */

static void add(struct model *model, const char *name, struct shape shape, double center,
                double spread) {
    struct entry *entry = &model->entries[model->count++];
    const char *prefix =
        model->settings->prefix && strcmp(name, "lm_head.weight") != 0 ? "transformer." : "";
    snprintf(entry->name, sizeof entry->name, "%s%s", prefix, name);
    entry->shape = shape;
    entry->center = center;
    entry->spread = spread;
}

static void add_to_layer(struct model *model, size_t layer, const char *name, struct shape shape,
                         double center, double spread) {
    char full_name[64];
    snprintf(full_name, sizeof full_name, "h.%zu.%s", layer, name);
    add(model, full_name, shape, center, spread);
}

/* 1 / sqrt(n) by Newton's method: the spread that keeps a sum of n products at size 1. */
static double unit_spread(size_t n) {
    double root = (double)n;
    for (int i = 0; i < 200; i++)
        root = 0.5 * (root + (double)n / root);
    return 1.0 / root;
}

/*
 * The spreads make mistakes visible: attention that is neither even nor all on one token, small
 * embeddings so that the layer norms' epsilon counts, and MLP inputs around -2.3, where the two
 * forms of GELU differ most. tests/golden/sensitivity.py measures what each mistake would move.
 */
static void add_layer(struct model *model, size_t n) {
    const struct settings *s = model->settings;
    double peak = s->peak, in = unit_spread(s->n_embd), inner = unit_spread(s->n_inner);
    struct shape vector = shape_1(s->n_embd), square = shape_2(s->n_embd, s->n_embd);
    struct shape qkv = shape_2(s->n_embd, 3 * s->n_embd);
    struct shape widen = shape_2(s->n_embd, s->n_inner), narrow = shape_2(s->n_inner, s->n_embd);
    add_to_layer(model, n, "ln_1.weight", vector, 1.0, 0.3);
    add_to_layer(model, n, "ln_1.bias", vector, 0.0, 0.3);
    if (s->masks) {
        struct shape mask = {.rank = 4, .dims = {1, 1, s->n_ctx, s->n_ctx}};
        add_to_layer(model, n, "attn.bias", mask, 1.0, 0.0);
        add_to_layer(model, n, "attn.masked_bias", (struct shape){.rank = 0}, -10000.0, 0.0);
    }
    add_to_layer(model, n, "attn.c_attn.weight", qkv, 0.0, 0.75 * peak * in);
    add_to_layer(model, n, "attn.c_attn.bias", shape_1(3 * s->n_embd), 0.0, 0.5);
    add_to_layer(model, n, "attn.c_proj.weight", square, 0.0, 0.1 * in);
    add_to_layer(model, n, "attn.c_proj.bias", vector, 0.0, 0.04);
    add_to_layer(model, n, "ln_2.weight", vector, 1.0, 0.3);
    add_to_layer(model, n, "ln_2.bias", vector, 0.0, 0.3);
    add_to_layer(model, n, "mlp.c_fc.weight", widen, 0.0, 0.35 * peak * in);
    add_to_layer(model, n, "mlp.c_fc.bias", shape_1(s->n_inner), -2.3, 0.3);
    add_to_layer(model, n, "mlp.c_proj.weight", narrow, 0.0, 2.0 * inner);
    add_to_layer(model, n, "mlp.c_proj.bias", vector, 0.0, 0.04);
}

static void add_all(struct model *model) {
    const struct settings *s = model->settings;
    model->entries = calloc(s->n_layer * 14 + 5, sizeof *model->entries);
    if (model->entries == NULL)
        die("out of memory");
    add(model, "wte.weight", shape_2(s->vocab_size, s->n_embd), 0.0, 0.02);
    add(model, "wpe.weight", shape_2(s->n_ctx, s->n_embd), 0.0, 0.02);
    for (size_t n = 0; n < s->n_layer; n++)
        add_layer(model, n);
    add(model, "ln_f.weight", shape_1(s->n_embd), 10.0, 3.0);
    add(model, "ln_f.bias", shape_1(s->n_embd), 0.0, 3.0);
    if (s->lm_head)
        add(model, "lm_head.weight", shape_2(s->vocab_size, s->n_embd), 0.0, 0.02);
}

/* --- model.safetensors ------------------------------------------------------------------------ */

static size_t dtype_size(const struct settings *settings) {
    return strcmp(settings->dtype, "F32") == 0 ? 4 : 2;
}

/* About a normal distribution: the sum of four uniform numbers, brought to variance 1. */
static float random_value(struct random_source *random, const struct entry *entry) {
    if (entry->spread == 0.0)
        return (float)entry->center;
    double sum = 0.0;
    for (int i = 0; i < 4; i++)
        sum += random_uniform(random) - 0.5;
    const double sqrt_3 = 1.7320508075688772;
    return (float)(entry->center + entry->spread * sqrt_3 * sum);
}

static void write_header(FILE *file, const struct model *model, const size_t *counts) {
    char *header = NULL;
    size_t length = 0, offset = 0;
    FILE *text = open_memstream(&header, &length);
    if (text == NULL)
        die("out of memory");
    fprintf(text, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (size_t i = 0; i < model->count; i++) {
        const struct entry *entry = &model->entries[i];
        char shape[SHAPE_TEXT_SIZE];
        size_t end = offset + counts[i] * dtype_size(model->settings);
        fprintf(text, ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                entry->name, model->settings->dtype, shape_text(&entry->shape, shape), offset, end);
        offset = end;
    }
    fprintf(text, "}");
    fflush(text);
    while (length % 4 != 3) { // like the real file: the data begins at no multiple of 4
        fputc(' ', text);
        fflush(text);
    }
    fclose(text);
    unsigned char size[8];
    for (int i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)length >> (8 * i));
    fwrite(size, 1, sizeof size, file);
    fwrite(header, 1, length, file);
    free(header);
}

static void write_values(FILE *file, const struct model *model, const size_t *counts) {
    struct random_source random = {model->settings->seed};
    const char *dtype = model->settings->dtype;
    for (size_t i = 0; i < model->count; i++) {
        for (size_t n = 0; n < counts[i]; n++) {
            float value = random_value(&random, &model->entries[i]);
            if (strcmp(dtype, "F32") == 0) {
                fwrite(&value, sizeof value, 1, file);
            } else {
                uint16_t bits = dtype[0] == 'F' ? f32_to_f16(value) : f32_to_bf16(value);
                fwrite(&bits, sizeof bits, 1, file);
            }
        }
    }
}

static FILE *create(const struct settings *settings, const char *name) {
    char *path = path_join(settings->folder, name);
    FILE *file = path != NULL ? fopen(path, "wb") : NULL;
    if (file == NULL)
        die("cannot create a file in the folder");
    free(path);
    return file;
}

static void finish(FILE *file) {
    if (ferror(file) || fclose(file) != 0)
        die("cannot write: is the disk full?");
}

static void write_weights(const struct settings *settings) {
    struct model model = {.settings = settings};
    add_all(&model);
    size_t *counts = calloc(model.count, sizeof *counts);
    if (counts == NULL)
        die("out of memory");
    for (size_t i = 0; i < model.count; i++)
        shape_count(&model.entries[i].shape, &counts[i]);
    FILE *file = create(settings, "model.safetensors");
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    write_header(file, &model, counts);
    write_values(file, &model, counts);
    finish(file);
    free(counts);
    free(model.entries);
}

/* --- config.json, vocab.json, merges.txt ------------------------------------------------------- */

static void write_config(const struct settings *s) {
    FILE *file = create(s, "config.json");
    fprintf(file, "{\n  \"model_type\": \"gpt2\",\n  \"architectures\": [\"GPT2LMHeadModel\"],\n");
    fprintf(file, "  \"vocab_size\": %zu,\n  \"n_positions\": %zu,\n  \"n_ctx\": %zu,\n",
            s->vocab_size, s->n_ctx, s->n_ctx);
    fprintf(file, "  \"n_embd\": %zu,\n  \"n_head\": %zu,\n  \"n_layer\": %zu,\n", s->n_embd,
            s->n_head, s->n_layer);
    if (s->n_inner != 4 * s->n_embd)
        fprintf(file, "  \"n_inner\": %zu,\n", s->n_inner);
    fprintf(file, "  \"activation_function\": \"%s\",\n  \"layer_norm_epsilon\": %s\n}\n",
            s->activation, s->epsilon);
    finish(file);
}

static bool is_printable_byte(int byte) {
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/* The bytes in GPT-2's order: first those that print as themselves, then the other 68. */
static void byte_symbol(int index, char *symbol) {
    int codepoint = 0, printable = 0, others = 0;
    for (int byte = 0; byte < 256; byte++) {
        if (is_printable_byte(byte) && printable++ == index)
            codepoint = byte;
        else if (!is_printable_byte(byte) && 188 + others++ == index)
            codepoint = 256 + others - 1;
    }
    if (codepoint < 0x80) {
        symbol[0] = (char)codepoint;
        symbol[1] = '\0';
    } else {
        symbol[0] = (char)(0xc0 | codepoint >> 6);
        symbol[1] = (char)(0x80 | (codepoint & 0x3f));
        symbol[2] = '\0';
    }
}

/*
 * The n-th made-up token: in letters aa, ab ... zz, aaa, aab ...; each is one of before plus a
 * symbol, so the rule that makes it is known. Beside rules from a file the symbols are those of the
 * bytes 0xf8 to 0xff, which no text contains.
 */
static void made_up_token(size_t n, bool beside_a_file, char *token) {
    size_t base = beside_a_file ? 8 : 26, length = 2, count = base * base;
    while (n >= count) {
        n -= count;
        count *= base;
        length++;
    }
    size_t width = beside_a_file ? 2 : 1;
    token[length * width] = '\0';
    for (size_t i = length; i-- > 0; n /= base) {
        if (beside_a_file)
            token[2 * i] = '\xc3'; // U+00F8 to U+00FF in UTF-8: c3 b8 to c3 bf
        token[width * i + width - 1] = (char)((beside_a_file ? 0xb8 : 'a') + (int)(n % base));
    }
}

/* The next rule of a file, "left right", as its token; false at the end. Writes the rule. */
static bool next_rule(FILE *rules, FILE *merges, char *token, size_t size) {
    char line[512];
    do {
        if (rules == NULL || fgets(line, sizeof line, rules) == NULL)
            return false;
        line[strcspn(line, "\r\n")] = '\0';
    } while (strncmp(line, "#version", 8) == 0 || strchr(line, ' ') == NULL);
    fprintf(merges, "%s\n", line);
    char *space = strchr(line, ' ');
    snprintf(token, size, "%.*s%s", (int)(space - line), line, space + 1);
    return true;
}

static void write_json_member(FILE *vocab, const char *token, size_t id) {
    fprintf(vocab, "\"");
    for (const char *c = token; *c != '\0'; c++)
        fprintf(vocab, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
    fprintf(vocab, "\": %zu, ", id);
}

static void write_tokenizer(const struct settings *s) {
    FILE *vocab = create(s, "vocab.json"), *merges = create(s, "merges.txt");
    FILE *rules = s->rules != NULL ? fopen(s->rules, "rb") : NULL;
    if (s->rules != NULL && rules == NULL)
        die("cannot open the file of --rules");
    fprintf(vocab, "{");
    fprintf(merges, "#version: 0.2\n");
    size_t n_made_up = 0;
    for (size_t id = 0; id + 1 < s->vocab_size; id++) {
        char token[512];
        if (id < 256) {
            byte_symbol((int)id, token);
        } else if (!next_rule(rules, merges, token, sizeof token)) {
            made_up_token(n_made_up++, rules != NULL, token);
            size_t left = strlen(token) - (rules != NULL ? 2 : 1);
            fprintf(merges, "%.*s %s\n", (int)left, token, token + left);
        }
        write_json_member(vocab, token, id);
    }
    fprintf(vocab, "\"<|endoftext|>\": %zu}\n", s->vocab_size - 1);
    finish(vocab);
    finish(merges);
    if (rules != NULL)
        fclose(rules);
}

/* --- the command line -------------------------------------------------------------------------- */

static const struct option options[] = {
    {"n-layer", required_argument, NULL, 'l'},
    {"n-head", required_argument, NULL, 'h'},
    {"n-embd", required_argument, NULL, 'd'},
    {"n-ctx", required_argument, NULL, 'c'},
    {"n-inner", required_argument, NULL, 'i'},
    {"vocab-size", required_argument, NULL, 'v'},
    {"epsilon", required_argument, NULL, 'e'},
    {"activation", required_argument, NULL, 'a'},
    {"dtype", required_argument, NULL, 't'},
    {"prefix", no_argument, NULL, 'p'},
    {"masks", no_argument, NULL, 'm'},
    {"lm-head", no_argument, NULL, 'o'},
    {"peak", required_argument, NULL, 'k'},
    {"seed", required_argument, NULL, 's'},
    {"gpt2", no_argument, NULL, 'g'},
    {"rules", required_argument, NULL, 'r'},
    {NULL, 0, NULL, 0},
};

static size_t number(const char *text) {
    return (size_t)strtoull(text, NULL, 10);
}

static void set_option(struct settings *s, int option, const char *value) {
    switch (option) {
    // clang-format off
    case 'l': s->n_layer = number(value); break;
    case 'h': s->n_head = number(value); break;
    case 'd': s->n_embd = number(value); break;
    case 'c': s->n_ctx = number(value); break;
    case 'i': s->n_inner = number(value); break;
    case 'v': s->vocab_size = number(value); break;
    case 'e': s->epsilon = value; break;
    case 'a': s->activation = value; break;
    case 't': s->dtype = value; break;
    case 'p': s->prefix = true; break;
    case 'm': s->masks = true; break;
    case 'o': s->lm_head = true; break;
    case 'k': s->peak = strtod(value, NULL); break;
    case 's': s->seed = number(value); break;
    case 'r': s->rules = value; break;
    // clang-format on
    case 'g':
        s->n_layer = 12, s->n_head = 12, s->n_embd = 768, s->n_ctx = 1024, s->vocab_size = 50257;
        break;
    default:
        fprintf(
            stderr,
            "usage: random_model DIR [--n-layer N] [--n-head N] [--n-embd N] [--n-ctx N]\n"
            "  [--n-inner N] [--vocab-size N] [--epsilon X] [--activation gelu_new|gelu]\n"
            "  [--dtype F32|F16|BF16] [--prefix] [--masks] [--lm-head] [--peak X] [--seed N]\n"
            "  [--gpt2]   the shapes of GPT-2 124M   [--rules merges.txt]  begin with its rules\n");
        exit(2);
    }
}

int main(int argc, char **argv) {
    struct settings s = {.n_layer = 2,
                         .n_head = 2,
                         .n_embd = 32,
                         .n_ctx = 64,
                         .vocab_size = 300,
                         .epsilon = "1e-05",
                         .activation = "gelu_new",
                         .dtype = "F32",
                         .peak = 2.0,
                         .seed = 1};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        set_option(&s, option, optarg);
    if (optind + 1 != argc)
        set_option(&s, '?', NULL);
    s.folder = argv[optind];
    if (s.n_inner == 0)
        s.n_inner = 4 * s.n_embd;
    mkdir(s.folder, 0777); // it may be there
    write_config(&s);
    write_weights(&s);
    write_tokenizer(&s);
    return 0;
}
