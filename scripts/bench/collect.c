/*
 * collect - makes results (results.h) of what bench.sh has written down.
 *
 *     collect SAMPLES JSON
 *
 * Lines of SAMPLES, in the order in which they were measured:
 *     fact NAME TEXT                          such as "fact processor AMD EPYC"
 *     peer NAME VERSION
 *     sample WHAT FORMAT THREADS WHO NUMBER   once in each round
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/files.h"
#include "results.h"

enum { WORD = 64, LINE = 1024, MOST_SAMPLES = 1000 };

/* --- reading ---------------------------------------------------------------------------------- */

/* The samples of a measurement, which is made when it is not there. */
static cJSON *samples_of(cJSON *results, const char *what, const char *format, int threads,
                         const char *who) {
    cJSON *found = results_find(results, what, format, threads, who);
    if (found == NULL) {
        found = cJSON_CreateObject();
        cJSON_AddStringToObject(found, "what", what);
        cJSON_AddStringToObject(found, "format", format);
        cJSON_AddNumberToObject(found, "threads", threads);
        cJSON_AddStringToObject(found, "who", who);
        cJSON_AddArrayToObject(found, "samples");
        cJSON_AddItemToArray(cJSON_GetObjectItem(results, "measurements"), found);
    }
    return cJSON_GetObjectItem(found, "samples");
}

/* Takes one line in; false when it is none of the three kinds. */
static bool take_line(cJSON *results, char *line) {
    char what[WORD], format[WORD], who[WORD];
    int threads, text = 0;
    double number;
    line[strcspn(line, "\n")] = '\0';
    if (sscanf(line, "sample %63s %63s %d %63s %lf", what, format, &threads, who, &number) == 5) {
        cJSON *samples = samples_of(results, what, format, threads, who);
        return cJSON_AddItemToArray(samples, cJSON_CreateNumber(number));
    }
    if (sscanf(line, "fact %63s %n", what, &text) == 1 && text > 0)
        return cJSON_AddStringToObject(cJSON_GetObjectItem(results, "facts"), what, line + text);
    if (sscanf(line, "peer %63s %n", who, &text) == 1 && text > 0)
        return cJSON_AddStringToObject(cJSON_GetObjectItem(results, "peers"), who, line + text);
    return false;
}

static bool take_file(cJSON *results, const char *path, struct error *err) {
    char line[LINE];
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return error_set(err, "%s: cannot be opened; bench.sh writes it", path);
    bool fine = true;
    while (fine && fgets(line, sizeof line, file) != NULL) {
        if (!take_line(results, line))
            fine =
                error_set(err, "%s: found \"%s\", expected a fact, a peer or a sample", path, line);
    }
    fclose(file);
    return fine;
}

/* --- medians and shares ----------------------------------------------------------------------- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the values. */
static double median(double *values, size_t n) {
    if (n == 0)
        return (double)NAN;
    qsort(values, n, sizeof *values, compare);
    return (values[(n - 1) / 2] + values[n / 2]) / 2.0;
}

/* The samples of a measurement; their number, at most MOST_SAMPLES. */
static size_t samples_in(const cJSON *measurement, double *values) {
    size_t n = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(measurement, "samples")) {
        if (n < MOST_SAMPLES)
            values[n++] = item->valuedouble;
    }
    return n;
}

/* The median of a / b over the rounds, times factor. */
static double median_ratio(const cJSON *a, const cJSON *b, double factor) {
    static double x[MOST_SAMPLES], y[MOST_SAMPLES];
    size_t n_x = samples_in(a, x), n_y = samples_in(b, y), n = n_x < n_y ? n_x : n_y;
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] / y[i] * factor;
    return median(x, n);
}

/* The measurement of the same thing by somebody else. */
static cJSON *same_by(const cJSON *results, const cJSON *m, const char *what, const char *who) {
    return results_find(results, what, cJSON_GetObjectItem(m, "format")->valuestring,
                        (int)results_number(m, "threads"), who);
}

/*
 * Limit, share and ratio. Decoding takes bytes and prefill operations, so many for each token; the
 * machine gives so many in a second.
 */
static void add_comparisons(const cJSON *results, cJSON *m) {
    const char *what = cJSON_GetObjectItem(m, "what")->valuestring;
    const char *who = cJSON_GetObjectItem(m, "who")->valuestring;
    bool decode = strcmp(what, "decode") == 0;
    if (!decode && strcmp(what, "prefill") != 0)
        return;
    const char *format = cJSON_GetObjectItem(m, "format")->valuestring;
    const cJSON *machine = same_by(results, m, decode ? "bandwidth" : "arithmetic", "machine");
    const cJSON *work = results_find(
        results, decode ? "bytes_per_token" : "operations_per_prompt_token", format, 0, "gpt2");
    double per_token = results_number(work, "median");
    cJSON_AddNumberToObject(m, "limit", results_number(machine, "median") / per_token);
    cJSON_AddNumberToObject(m, "share", median_ratio(m, machine, per_token));
    if (strcmp(who, "gpt2") != 0)
        cJSON_AddNumberToObject(m, "ratio", median_ratio(same_by(results, m, what, "gpt2"), m, 1));
}

static void add_statistics(cJSON *results) {
    static double values[MOST_SAMPLES];
    cJSON *m = NULL;
    cJSON_ArrayForEach(m, cJSON_GetObjectItem(results, "measurements")) {
        size_t n = samples_in(m, values);
        cJSON_AddNumberToObject(m, "median", median(values, n));
    }
    cJSON_ArrayForEach(m, cJSON_GetObjectItem(results, "measurements")) add_comparisons(results, m);
}

/* --- the program ------------------------------------------------------------------------------ */

int main(int argc, char **argv) {
    struct error err = {""};
    if (argc != 3) {
        fprintf(stderr, "usage: collect SAMPLES JSON\n");
        return 2;
    }
    cJSON *results = cJSON_CreateObject();
    cJSON_AddObjectToObject(results, "facts");
    cJSON_AddObjectToObject(results, "peers");
    cJSON_AddArrayToObject(results, "measurements");
    bool fine = take_file(results, argv[1], &err);
    if (fine)
        add_statistics(results);
    char *text = fine ? cJSON_Print(results) : NULL;
    if (fine && text == NULL)
        fine = error_no_memory(&err, "the results");
    fine = fine && file_write(argv[2], text, strlen(text), &err);
    if (!fine)
        fprintf(stderr, "collect: %s\n", err.message);
    cJSON_free(text);
    cJSON_Delete(results);
    return fine ? 0 : 1;
}
