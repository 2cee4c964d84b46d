/*
 * Step 1: what is in a weights file?
 *
 * A trained model is a file of numbers and a program that uses them. This program opens the file
 * with nothing but fopen, fseek and fread, follows one tensor from the header to its first number,
 * lists all tensors, and counts where the numbers are. In the end it hands over to
 * common/safetensors, which does the same with every check that an unknown file needs.
 */
#define _FILE_OFFSET_BITS 64 // a 32-bit system too has files of more than 2 GB

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "../common/files.h"
#include "../common/float_formats.h"
#include "../common/lesson.h"
#include "../common/model_files.h"
#include "../common/plot/plot.h"
#include "../common/safetensors.h"
#include "../common/tensor.h"

enum { LENGTH_BYTES = 8, MAX_HEADER_LENGTH = 100 * 1000 * 1000, SHOWN_FLOATS = 4 };

/* The weights file, open, with its header in memory. */
struct weights_file {
    char *path;
    FILE *stream;
    uint64_t header_length; // N
    char *header;           // [N], then a NUL
    cJSON *entries;         // the header as JSON
};

/* One tensor as the header describes it. */
struct entry {
    const char *name;
    const char *dtype;
    struct shape shape;
    uint64_t begin, end; // data_offsets: counted from the beginning of the data
};

/* --- The folder ------------------------------------------------------------------------------- */

static bool show_folder(const struct lesson *lesson, struct error *err) {
    static const struct {
        const char *name, *purpose;
    } files[] = {{"config.json", "the sizes: layers, heads, dimensions"},
                 {"model.safetensors", "the numbers that training has found"},
                 {"vocab.json", "the tokens: text <-> id (step 2)"},
                 {"merges.txt", "how text is cut into tokens (step 2)"}};
    lesson_section("The folder");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char *path = path_join(lesson->model, files[i].name);
        struct stat status = {0};
        bool there =
            path != NULL ? model_file_check(path, err) : error_no_memory(err, "the file's name");
        if (there)
            stat(path, &status);
        free(path);
        if (!there)
            return false;
        printf("%-18s %11jd bytes   %s\n", files[i].name, (intmax_t)status.st_size,
               files[i].purpose);
    }
    return true;
}

/* --- The first eight bytes -------------------------------------------------------------------- */

static bool open_weights(const struct lesson *lesson, struct weights_file *file,
                         struct error *err) {
    file->path = path_join(lesson->model, "model.safetensors");
    if (file->path == NULL)
        return error_no_memory(err, "the file's name");
    file->stream = fopen(file->path, "rb");
    return file->stream != NULL || error_set(err, "%s: cannot open", file->path);
}

/* The file begins with the length of its header: 8 bytes, the lowest first (little-endian). */
static bool read_header_length(struct weights_file *file, struct error *err) {
    unsigned char bytes[LENGTH_BYTES];
    lesson_section("The first eight bytes");
    if (fread(bytes, 1, LENGTH_BYTES, file->stream) != LENGTH_BYTES)
        return model_file_refuse(err, file->path, "has fewer than %d bytes", LENGTH_BYTES);
    printf("in hex          ");
    for (int i = 0; i < LENGTH_BYTES; i++)
        printf(" %02x", bytes[i]);
    // [length]
    file->header_length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        file->header_length = file->header_length * 256 + bytes[i];
    // [end]
    printf("\nas a number      %u", bytes[0]);
    uint64_t worth = 256;
    for (int i = 1; i < LENGTH_BYTES; i++, worth *= 256) {
        if (bytes[i] != 0)
            printf(" + %u x %" PRIu64, bytes[i], worth);
    }
    printf(" = %" PRIu64 ": the length of the header\n", file->header_length);
    printf("so the data begins at byte %d + %" PRIu64 " = %" PRIu64 "\n", LENGTH_BYTES,
           file->header_length, LENGTH_BYTES + file->header_length);
    return file->header_length <= MAX_HEADER_LENGTH ||
           model_file_refuse(err, file->path, "no safetensors file: its header would be that long");
}

/* --- The header ------------------------------------------------------------------------------- */

static bool read_header(struct weights_file *file, struct error *err) {
    enum { LINE = 78, SHOWN = 3 * LINE }; // three lines from its beginning
    size_t length = (size_t)file->header_length;
    lesson_section("The header");
    file->header = calloc(length + 1, 1);
    if (file->header == NULL)
        return error_no_memory(err, "the header");
    if (fread(file->header, 1, length, file->stream) != length)
        return model_file_refuse(err, file->path, "ends inside its header: the copy is incomplete");
    for (size_t i = 0; i < length && i < SHOWN; i += LINE)
        printf("%.*s\n", LINE, file->header + i);
    printf("... and so on: a JSON object with an entry for each tensor\n");
    file->entries = cJSON_Parse(file->header);
    return cJSON_IsObject(file->entries) ||
           model_file_refuse(err, file->path, "its header is not a JSON object");
}

/* Takes an entry of the header apart; false for "__metadata__" and for what is no entry. */
static bool read_entry(const cJSON *item, struct entry *entry) {
    const cJSON *dtype = cJSON_GetObjectItem(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItem(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItem(item, "data_offsets");
    if (!cJSON_IsString(dtype) || !cJSON_IsArray(shape) || cJSON_GetArraySize(offsets) != 2 ||
        cJSON_GetArraySize(shape) > SHAPE_MAX_RANK)
        return false;
    *entry = (struct entry){.name = item->string, .dtype = dtype->valuestring};
    for (const cJSON *dim = shape->child; dim != NULL; dim = dim->next)
        entry->shape.dims[entry->shape.rank++] = (size_t)dim->valuedouble;
    entry->begin = (uint64_t)offsets->child->valuedouble;
    entry->end = (uint64_t)offsets->child->next->valuedouble;
    return true;
}

/* --- One tensor, from the header to its first number ------------------------------------------ */

/* Reads `n` bytes of the data that begin at byte `at` of the data. */
static bool read_data(const struct weights_file *file, uint64_t at, void *bytes, size_t n,
                      struct error *err) {
    uint64_t position = LENGTH_BYTES + file->header_length + at; // in the file
    if (fseek(file->stream, (long)position, SEEK_SET) != 0 || fread(bytes, 1, n, file->stream) != n)
        return model_file_refuse(err, file->path, "cannot read %zu bytes at byte %" PRIu64, n,
                                 position);
    return true;
}

/* The number that two or four bytes stand for. */
static float to_float(const char *dtype, const unsigned char *bytes) {
    uint16_t half;
    float value;
    memcpy(&half, bytes, sizeof half);
    if (strcmp(dtype, "F16") == 0)
        return f16_to_f32(half);
    if (strcmp(dtype, "BF16") == 0)
        return bf16_to_f32(half);
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* The bytes that a number takes; 0 for a format that holds no model weights. */
static size_t dtype_size(const char *dtype) {
    bool half = strcmp(dtype, "F16") == 0 || strcmp(dtype, "BF16") == 0;
    return half ? 2 : strcmp(dtype, "F32") == 0 ? 4 : 0;
}

/* Finds the token embeddings in the header. */
static bool find_wte(const struct weights_file *file, struct entry *wte, struct error *err) {
    for (const cJSON *item = file->entries->child; item != NULL; item = item->next) {
        if (read_entry(item, wte) && (strcmp(wte->name, "wte.weight") == 0 ||
                                      strcmp(wte->name, "transformer.wte.weight") == 0))
            return true;
    }
    return model_file_refuse(err, file->path, "has no tensor wte.weight: it is no GPT-2");
}

/* values: [SHOWN_FLOATS], for the comparison at the end. */
static bool follow_one_tensor(const struct weights_file *file, float *values, struct error *err) {
    struct entry wte;
    unsigned char bytes[SHOWN_FLOATS * 4];
    char text[SHAPE_TEXT_SIZE];
    if (!find_wte(file, &wte, err))
        return false;
    size_t size = dtype_size(wte.dtype);
    if (wte.shape.rank == 4) // as common/weights.h describes
        return error_set(
            err,
            "%s: was written by ./gpt2 --quantize, which cuts the weights up; this step "
            "reads files as training leaves them: name the folder that it was made "
            "from, with -m DIR (make: MODEL=DIR)",
            file->path);
    if (size == 0 || wte.shape.rank != 2)
        return model_file_refuse(err, file->path,
                                 "tensor %s has dtype %s, expected F32, F16 or BF16", wte.name,
                                 wte.dtype);
    lesson_section("One tensor, from the header to its first number");
    printf("%s: dtype %s, shape %s\n", wte.name, wte.dtype, shape_text(&wte.shape, text));
    printf("data_offsets      [%" PRIu64 ", %" PRIu64 "]\n", wte.begin, wte.end);
    printf("in the file       %d + %" PRIu64 " + %" PRIu64 " = byte %" PRIu64 "\n", LENGTH_BYTES,
           file->header_length, wte.begin, LENGTH_BYTES + file->header_length + wte.begin);
    if (!read_data(file, wte.begin, bytes, SHOWN_FLOATS * size, err))
        return false;
    for (size_t i = 0; i < SHOWN_FLOATS; i++) {
        values[i] = to_float(wte.dtype, bytes + i * size);
        printf("wte[0][%zu]         ", i);
        for (size_t b = 0; b < size; b++)
            printf(" %02x", bytes[i * size + b]);
        printf("  = %.8g\n", (double)values[i]);
    }
    printf("The row goes on to wte[0][%zu]; wte[1][0] is the next number after it.\n",
           wte.shape.dims[1] - 1);
    return true;
}

/* --- Every tensor ----------------------------------------------------------------------------- */

/* What is counted together. */
enum group { TOKENS, POSITIONS, ATTENTION, MLP, NORMS, N_GROUPS };

static const char *const group_names[N_GROUPS] = {"tokens (wte)", "positions (wpe)", "attention",
                                                  "MLP", "layer norms"};

/* What config.json says about a model's size; the ONE before it is 1. */
enum size { ONE, VOCAB, POSITION, EMBD, LAYER, N_SIZES };

/* The parts of GPT-2: how a tensor's name ends, what it is for, and its shape, [rows, columns x
 * n_embd]. The first N_OUTSIDE stand outside the blocks. */
static const struct part {
    const char *end, *purpose;
    enum group group;
    enum size rows;
    size_t columns;
} parts[] = {
    {"wte.weight", "for each token: what it means", TOKENS, VOCAB, 1},
    {"wpe.weight", "for each position: where it is", POSITIONS, POSITION, 1},
    {"ln_f.weight", "the last layer norm: gain", NORMS, ONE, 1},
    {"ln_f.bias", "  and shift", NORMS, ONE, 1},
    {"lm_head.weight", "an output head of its own", TOKENS, VOCAB, 0}, // GPT-2 has none
    {"ln_1.weight", "layer norm before attention: gain", NORMS, ONE, 1},
    {"ln_1.bias", "  and shift", NORMS, ONE, 1},
    {"attn.c_attn.weight", "queries, keys, values, side by side", ATTENTION, EMBD, 3},
    {"attn.c_attn.bias", "  and their shift", ATTENTION, ONE, 3},
    {"attn.c_proj.weight", "what the heads found, put together", ATTENTION, EMBD, 1},
    {"attn.c_proj.bias", "  and its shift", ATTENTION, ONE, 1},
    {"ln_2.weight", "layer norm before the MLP: gain", NORMS, ONE, 1},
    {"ln_2.bias", "  and shift", NORMS, ONE, 1},
    {"mlp.c_fc.weight", "the MLP widens the vector", MLP, EMBD, 4},
    {"mlp.c_fc.bias", "  and shifts it", MLP, ONE, 4},
    {"mlp.c_proj.weight", "the MLP narrows it again", MLP, EMBD, 4}, // [4 x n_embd, n_embd]
    {"mlp.c_proj.bias", "  and shifts it", MLP, ONE, 1},
};

enum { N_OUTSIDE = 5, N_PARTS = sizeof parts / sizeof parts[0] };

static bool ends_with(const char *name, const char *end) {
    size_t length = strlen(name), end_length = strlen(end);
    return length >= end_length && strcmp(name + length - end_length, end) == 0;
}

/* Which part a tensor is: an index into parts, or N_PARTS for the mask buffers of old files, which
 * are no parameters. */
static size_t part_of(const char *name) {
    size_t i = 0;
    while (i < N_PARTS && !ends_with(name, parts[i].end))
        i++;
    return i;
}

/* The number of the block that a tensor belongs to ("h.3.ln_1.weight" is 3), or -1. */
static long block_of(const char *name) {
    const char *h = strstr(name, "h.");
    bool at_start = h == name || (h != NULL && h[-1] == '.');
    return at_start ? strtol(h + 2, NULL, 10) : -1;
}

static void print_tensor(const struct entry *entry, size_t part) {
    char text[SHAPE_TEXT_SIZE];
    bool prefixed = strncmp(entry->name, "transformer.", 12) == 0; // as in some files
    const char *name = entry->name + (prefixed ? 12 : 0);
    printf("%-25s %-4s %-13s %s\n", name, entry->dtype, shape_text(&entry->shape, text),
           part < N_PARTS ? parts[part].purpose : "a mask that is always the same");
}

/* What is counted on the way: the numbers of each part in all blocks, and of the masks. */
struct counts {
    size_t n_tensors, n_blocks;
    size_t parts[N_PARTS + 1]; // the last one: masks
};

/* Counts all tensors; lists those outside the blocks and in block 0, in the order of parts. */
static void list_tensors(const struct weights_file *file, struct counts *counts) {
    struct entry entry;
    lesson_section("Every tensor");
    for (size_t part = 0; part <= N_PARTS; part++) {
        for (const cJSON *item = file->entries->child; item != NULL; item = item->next) {
            if (!read_entry(item, &entry) || part_of(entry.name) != part)
                continue;
            long block = block_of(entry.name);
            size_t count = 0;
            if (shape_count(&entry.shape, &count))
                counts->parts[part] += count;
            if (block < 1)
                print_tensor(&entry, part);
            if (block >= 0 && (size_t)block + 1 > counts->n_blocks)
                counts->n_blocks = (size_t)block + 1;
            counts->n_tensors++;
        }
    }
    if (counts->n_blocks > 1)
        printf("... and the same again for h.1 to h.%zu: %zu tensors in all\n",
               counts->n_blocks - 1, counts->n_tensors);
}

/* --- Where the parameters are ----------------------------------------------------------------- */

/* The picture has a tile for each part: finer than the bars. */
static void draw_parts(const struct lesson *lesson, const struct counts *counts,
                       struct error *err) {
    float values[N_PARTS];
    const char *labels[N_PARTS];
    size_t groups[N_PARTS];
    for (size_t i = 0; i < N_PARTS; i++) {
        values[i] = (float)counts->parts[i];
        labels[i] = parts[i].end;
        groups[i] = parts[i].group;
    }
    struct treemap map = {.title = "Where the parameters are",
                          .values = values,
                          .labels = labels,
                          .groups = groups,
                          .n = N_PARTS,
                          .group_names = group_names,
                          .n_groups = N_GROUPS};
    lesson_save(lesson, plot_treemap(&map, err), "parameters.png", err);
}

/* The numbers of a part, in all blocks of a model of these sizes. sizes: [N_SIZES] */
static size_t count_of(size_t part, const size_t *sizes) {
    size_t count = sizes[parts[part].rows] * parts[part].columns * sizes[EMBD];
    return part < N_OUTSIDE ? count : count * sizes[LAYER];
}

/* The groups' shares of all numbers: of this file's, and of two models' known by their sizes. */
static void show_counts(const struct lesson *lesson, const struct counts *counts,
                        struct error *err) {
    enum { N_MODELS = 3 };
    static const size_t known[N_MODELS - 1][N_SIZES] = {{1, 50257, 1024, 768, 12},
                                                        {1, 50257, 1024, 1600, 48}};
    size_t groups[N_GROUPS][N_MODELS] = {{0}}, totals[N_MODELS] = {0};
    for (size_t i = 0; i < N_PARTS; i++) {
        for (size_t m = 0; m < N_MODELS; m++) {
            size_t count = m == 0 ? counts->parts[i] : count_of(i, known[m - 1]);
            groups[parts[i].group][m] += count;
            totals[m] += count;
        }
    }
    lesson_section("Where the parameters are");
    printf("%-30s %9s %12s %12s\n", "", "this file", "GPT-2 124M", "GPT-2 XL");
    for (size_t g = 0; g < N_GROUPS; g++) {
        printf("%-16s %13zu", group_names[g], groups[g][0]);
        for (size_t m = 0; m < N_MODELS; m++)
            printf(m == 0 ? " %7.1f %%" : " %10.1f %%",
                   100.0 * (double)groups[g][m] / (double)totals[m]);
        printf("\n");
    }
    printf("%-16s %13zu %9s %12zu %12zu\n", "all parameters", totals[0], "", totals[1], totals[2]);
    printf("(attention, MLP and layer norms are summed over %zu, 12 and 48 blocks)\n",
           counts->n_blocks);
    if (counts->parts[N_PARTS] > 0)
        printf("the sum over all tensors of the file is %zu: %zu of them are masks\n",
               totals[0] + counts->parts[N_PARTS], counts->parts[N_PARTS]);
    draw_parts(lesson, counts, err);
}

/* --- Three ways to write a number ------------------------------------------------------------- */

static void print_bits(const char *name, uint32_t bits, int n_bits, int n_exponent, float value) {
    printf("%-5s", name);
    for (int i = n_bits - 1; i >= 0; i--) {
        putchar((bits >> i & 1u) != 0 ? '1' : '0');
        if (i == n_bits - 1 || i == n_bits - 1 - n_exponent)
            putchar(' ');
    }
    printf("%*s = %.9g\n", 32 - n_bits, "", (double)value);
}

static void show_formats(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    lesson_section("Three ways to write a number");
    printf("     sign, exponent, fraction\n");
    print_bits("F32", bits, 32, 8, value);
    print_bits("BF16", f32_to_bf16(value), 16, 8, bf16_to_f32(f32_to_bf16(value)));
    print_bits("F16", f32_to_f16(value), 16, 5, f16_to_f32(f32_to_f16(value)));
}

/* --- The same with common/safetensors --------------------------------------------------------- */

static bool compare_with_library(struct lesson *lesson, const struct weights_file *file,
                                 const struct counts *counts, const float *by_hand,
                                 struct error *err) {
    lesson_section("The same with common/safetensors");
    struct safetensors *library = safetensors_open(file->path, err);
    if (library == NULL)
        return false;
    struct entry wte;
    bool fine = find_wte(file, &wte, err);
    const struct safetensors_tensor *tensor = fine ? safetensors_find(library, wte.name) : NULL;
    float *values = tensor != NULL ? tensor_new(tensor->n_elements) : NULL;
    fine = values != NULL ? safetensors_to_float(library, tensor, values, err)
                          : error_no_memory(err, "the numbers of wte");
    if (fine) {
        lesson_check(lesson, safetensors_header_length(library) == file->header_length,
                     "the header has the same length");
        lesson_check(lesson, safetensors_count(library) == counts->n_tensors,
                     "there are as many tensors");
        lesson_check(lesson, memcmp(values, by_hand, SHOWN_FLOATS * sizeof *values) == 0,
                     "the first numbers of wte are the same, to the bit");
    }
    tensor_free(values);
    safetensors_close(library);
    return fine;
}

/* --- From top to bottom ----------------------------------------------------------------------- */

static bool run(struct lesson *lesson, struct weights_file *file, struct error *err) {
    float values[SHOWN_FLOATS]; // wte[0][0], wte[0][1], ...
    struct counts counts = {0};
    if (!show_folder(lesson, err) || !open_weights(lesson, file, err) ||
        !read_header_length(file, err) || !read_header(file, err) ||
        !follow_one_tensor(file, values, err))
        return false;
    list_tensors(file, &counts);
    show_counts(lesson, &counts, err);
    show_formats(values[0]);
    return compare_with_library(lesson, file, &counts, values, err);
}

int main(int argc, char **argv) {
    struct lesson lesson;
    struct weights_file file = {0};
    struct error err = {""};
    if (!lesson_begin(&lesson, argc, argv, "step1", "Step 1: What Is in a Weights File", ""))
        return lesson_end(&lesson);
    bool fine = run(&lesson, &file, &err);
    if (file.stream != NULL)
        fclose(file.stream);
    cJSON_Delete(file.entries);
    free(file.header);
    free(file.path);
    return fine ? lesson_end(&lesson) : lesson_fail(&lesson, &err);
}
