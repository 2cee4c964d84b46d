#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../../common/bandwidth.h"
#include "../../common/json.h"

const char *stop_name(enum stop stop) {
    static const char *const names[] = {
        [STOP_LENGTH] = "length",
        [STOP_EOS] = "eos",
        [STOP_CONTEXT] = "context",
        [STOP_INTERRUPTED] = "interrupted",
    };
    return names[stop];
}

/* The most memory the process has held at once, in bytes. */
static double peak_memory(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0.0;
#if defined(__APPLE__)
    return (double)usage.ru_maxrss; // bytes there,
#else
    return (double)usage.ru_maxrss * 1024.0; // kibibytes elsewhere
#endif
}

static size_t new_tokens(const struct generation *generation) {
    return generation->ids.count - generation->n_prompt;
}

/* Decoding begins with the second new token: the first is the prompt's work. */
static double decode_rate(const struct generation *generation) {
    size_t n = new_tokens(generation);
    return n > 1 && generation->decode_seconds > 0.0 ? (double)(n - 1) / generation->decode_seconds
                                                     : 0.0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* A text of any bytes, which is more than cJSON's own strings can hold. */
static bool add_text(cJSON *object, const char *name, const char *bytes, size_t length) {
    char *text = json_quote(bytes, length);
    bool added = text != NULL && cJSON_AddRawToObject(object, name, text) != NULL;
    free(text);
    return added;
}

static bool add_ids(cJSON *object, const char *name, const uint32_t *ids, size_t count) {
    cJSON *array = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < count && array != NULL; i++) {
        cJSON *number = cJSON_CreateNumber((double)ids[i]);
        if (number == NULL || !cJSON_AddItemToArray(array, number))
            return false;
    }
    return array != NULL;
}

/* Seeds have 64 bits and cJSON's numbers 53, so the digits go in as they are. */
static bool add_seed(cJSON *object, uint64_t seed) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, seed);
    return cJSON_AddRawToObject(object, "seed", digits) != NULL;
}

static bool add_new_text(cJSON *object, const struct report *report) {
    const struct generation *generation = report->generation;
    struct text text = {NULL, 0};
    bool fine = true;
    for (size_t i = generation->n_prompt; i < generation->ids.count && fine; i++) {
        size_t length;
        const char *bytes = tokenizer_decode(report->tokenizer, generation->ids.ids[i], &length);
        char *grown = realloc(text.bytes, text.length + length);
        fine = grown != NULL;
        if (fine) {
            memcpy(grown + text.length, bytes, length);
            text.bytes = grown;
            text.length += length;
        }
    }
    fine = fine && add_text(object, "text", text.bytes, text.length);
    text_free(&text);
    return fine;
}

static bool add_timings(cJSON *object, const struct report *report) {
    const struct generation *generation = report->generation;
    cJSON *timings = cJSON_AddObjectToObject(object, "timings");
    return timings != NULL &&
           cJSON_AddNumberToObject(timings, "load_seconds", report->load_seconds) != NULL &&
           cJSON_AddNumberToObject(timings, "prompt_seconds", generation->prompt_seconds) != NULL &&
           cJSON_AddNumberToObject(timings, "decode_seconds", generation->decode_seconds) != NULL &&
           cJSON_AddNumberToObject(timings, "tokens_per_second", decode_rate(generation)) != NULL &&
           cJSON_AddNumberToObject(timings, "peak_memory_bytes", peak_memory()) != NULL;
}

static bool fill(cJSON *object, const struct report *report) {
    const struct generation *generation = report->generation;
    const uint32_t *ids = generation->ids.ids;
    size_t n_prompt = generation->n_prompt;
    return add_text(object, "model", report->model_folder, strlen(report->model_folder)) &&
           add_text(object, "prompt", report->prompt->bytes, report->prompt->length) &&
           add_ids(object, "prompt_ids", ids, n_prompt) && add_new_text(object, report) &&
           add_ids(object, "ids", ids + n_prompt, generation->ids.count - n_prompt) &&
           cJSON_AddStringToObject(object, "stop", stop_name(generation->stop)) != NULL &&
           add_seed(object, report->options->sampler.seed) && add_timings(object, report);
}

bool report_json(const struct report *report, struct output *output, struct error *err) {
    cJSON *object = cJSON_CreateObject();
    char *line = object != NULL && fill(object, report) ? cJSON_PrintUnformatted(object) : NULL;
    bool written =
        line != NULL ? output_bytes(output, line, strlen(line), err) && output_end_line(output, err)
                     : error_no_memory(err, "the JSON object");
    cJSON_free(line);
    cJSON_Delete(object);
    return written;
}

/* --- for a person ----------------------------------------------------------------------------- */

/* Decoding against the time it takes to read the weights; not for models that fit into the cache. */
static void report_bound(const struct report *report) {
    const struct gpt2_model *model = report->engine->model;
    double rate = decode_rate(report->generation);
    if (rate == 0.0 || report->options->no_cache || model->n_bytes_per_token <= last_cache_size())
        return;
    double bandwidth = bandwidth_of_weights(model, report->options->n_threads);
    double bound = bandwidth / (double)model->n_bytes_per_token;
    if (bound > 0.0)
        fprintf(stderr,
                "bound        %.1f tokens/s: %.1f MB of weights per token, read at %.1f GB/s; "
                "reached %.0f %%\n",
                bound, (double)model->n_bytes_per_token / 1e6, bandwidth / 1e9,
                100.0 * rate / bound);
}

void report_stats(const struct report *report) {
    const struct generation *generation = report->generation;
    const struct gpt2_model *model = report->engine->model;
    size_t n = new_tokens(generation);
    static const char *const formats[] = {
        [WEIGHTS_F32] = "f32", [WEIGHTS_BF16] = "bf16", [WEIGHTS_INT8] = "int8"};
    fprintf(stderr, "model        %s: %zu parameters; a token reads %.1f MB of weights (%s)\n",
            report->model_folder, model->n_parameters, (double)model->n_bytes_per_token / 1e6,
            formats[model->weights]);
    fprintf(stderr, "seed         %" PRIu64 "\n", report->options->sampler.seed);
    fprintf(stderr, "threads      %zu\n",
            report->options->no_cache ? (size_t)1 : report->options->n_threads);
    fprintf(stderr, "kernels      %s\n",
            report->engine->session != NULL ? gpt2_kernels_name(report->engine->session)
                                            : "none without the cache");
    fprintf(stderr, "load         %.1f ms\n", 1e3 * report->load_seconds);
    fprintf(stderr, "first token  %.1f ms, for a text of %zu tokens\n",
            1e3 * generation->prompt_seconds, generation->n_prompt);
    if (n > 1)
        fprintf(stderr, "decode       %.1f ms for %zu more tokens: %.1f tokens/s\n",
                1e3 * generation->decode_seconds, n - 1, decode_rate(generation));
    report_bound(report);
    fprintf(stderr, "memory       %.1f MiB at the most\n", peak_memory() / (1024.0 * 1024.0));
    fprintf(stderr, "stopped      %s, after %zu new tokens\n", stop_name(generation->stop), n);
}
