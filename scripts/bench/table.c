/*
 * table - results (results.h) as tables to read.
 *
 *     table JSON
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"

enum { LABEL = 34, CELL = 10 };

/* --- cells and rows --------------------------------------------------------------------------- */

/* Digits behind the point, so that three count. */
static int places_of(double value) {
    return value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
}

/* A number, or a dash. */
static void print_cell(double value) {
    if (isfinite(value))
        printf("%*.*f", CELL, places_of(value), value);
    else
        printf("%*s", CELL, "-");
}

static void print_percent(double share) {
    if (isfinite(share))
        printf("%*.0f %%", CELL - 2, share * 100.0);
    else
        printf("%*s", CELL, "-");
}

/* How many times as fast ours was, in the round where that was least, and where it was most. */
static void print_range(const cJSON *ours, const cJSON *other) {
    const cJSON *our_samples = cJSON_GetObjectItem(ours, "samples");
    const cJSON *samples = cJSON_GetObjectItem(other, "samples");
    double least = INFINITY, most = 0.0;
    int n = our_samples != NULL && samples != NULL ? cJSON_GetArraySize(samples) : 0;
    for (int i = 0; i < n && i < cJSON_GetArraySize(our_samples); i++) {
        double ratio = cJSON_GetArrayItem(our_samples, i)->valuedouble /
                       cJSON_GetArrayItem(samples, i)->valuedouble;
        least = fmin(least, ratio);
        most = fmax(most, ratio);
    }
    char text[64] = "-";
    if (isfinite(least))
        snprintf(text, sizeof text, "%.*f-%.*f", places_of(most), least, places_of(most), most);
    printf(" %*s", CELL - 1, text);
}

static void print_label(const char *text) {
    printf("%-*s", LABEL, text);
}

/* A row over all formats, decode and prefill: one number of the measurements by `who`. */
static void print_rates(const cJSON *results, const char *label, const char *who, int threads,
                        const char *number, void (*print)(double)) {
    const char *const whats[2] = {"decode", "prefill"};
    print_label(label);
    for (size_t i = 0; i < 2; i++) {
        for (size_t f = 0; f < 3; f++)
            print(results_number(results_find(results, whats[i], results_formats[f], threads, who),
                                 number));
    }
    printf("\n");
}

/* A row over all formats, decode and prefill: the peer's ratio in single rounds. */
static void print_ranges(const cJSON *results, const char *peer, int threads) {
    const char *const whats[2] = {"decode", "prefill"};
    print_label("  in single rounds, from - to");
    for (size_t i = 0; i < 6; i++) {
        const char *what = whats[i / 3], *format = results_formats[i % 3];
        print_range(results_find(results, what, format, threads, "gpt2"),
                    results_find(results, what, format, threads, peer));
    }
    printf("\n");
}

static void print_head(const cJSON *results) {
    print_label("tokens/s");
    printf("%*s%*s %s\n", CELL * 2, "decode", CELL * 3 - 4, "prefill of",
           results_fact(results, "prefill_tokens"));
    print_label("");
    for (size_t i = 0; i < 6; i++)
        printf("%*s", CELL, results_formats[i % 3]);
    printf("\n");
}

static double median_of(const cJSON *results, const char *what, const char *format, int threads) {
    return results_number(results_find(results, what, format, threads, "gpt2"), "median");
}

/* --- the tables ------------------------------------------------------------------------------- */

/* Ours, the peers' and the limits. */
static void print_comparison(const cJSON *results) {
    int threads = results_threads(results);
    const cJSON *peers = cJSON_GetObjectItem(results, "peers"), *peer = NULL;
    print_head(results);
    print_rates(results, "gpt2", "gpt2", threads, "median", print_cell);
    print_rates(results, "limit of the machine", "gpt2", threads, "limit", print_cell);
    print_rates(results, "gpt2's share of the limit", "gpt2", threads, "share", print_percent);
    cJSON_ArrayForEach(peer, peers)
        print_rates(results, peer->string, peer->string, threads, "median", print_cell);
    cJSON_ArrayForEach(peer, peers) {
        char label[LABEL];
        snprintf(label, sizeof label, "gpt2 : %s", peer->string);
        print_rates(results, label, peer->string, threads, "ratio", print_cell);
        print_ranges(results, peer->string, threads);
    }
}

/* Few threads and many, and a machine that has something else to do as well. */
static void print_threads(const cJSON *results) {
    const char *const whats[2] = {"decode_busy", "prefill_busy"};
    int cores = results_threads(results);
    print_head(results);
    for (int threads = 1; threads <= 2 * cores; threads++) {
        char label[LABEL];
        snprintf(label, sizeof label, "%d thread%s", threads, threads > 1 ? "s" : "");
        if (results_find(results, "decode", "f32", threads, "gpt2") != NULL)
            print_rates(results, label, "gpt2", threads, "median", print_cell);
    }
    print_label("and another process on one core");
    for (size_t i = 0; i < 6; i++)
        print_cell(median_of(results, whats[i / 3], results_formats[i % 3], cores));
    printf("\n");
}

/* A row over the formats: medians divided by `unit`. */
static void print_medians(const cJSON *results, const char *label, const char *what,
                          const char *who, double unit) {
    int threads = results_threads(results);
    print_label(label);
    for (size_t f = 0; f < 3; f++)
        print_cell(results_number(results_find(results, what, results_formats[f], threads, who),
                                  "median") /
                   unit);
    printf("\n");
}

/* Ours, then those of the peers that were measured. */
static void print_with_peers(const cJSON *results, const char *label, const char *what,
                             double unit) {
    const cJSON *peer = NULL;
    print_medians(results, label, what, "gpt2", unit);
    cJSON_ArrayForEach(peer, cJSON_GetObjectItem(results, "peers")) {
        char indented[LABEL];
        snprintf(indented, sizeof indented, "  %s", peer->string);
        if (results_find(results, what, "f32", results_threads(results), peer->string) != NULL)
            print_medians(results, indented, what, peer->string, unit);
    }
}

/* The programs as a whole. */
static void print_start(const cJSON *results) {
    print_label("");
    for (size_t f = 0; f < 3; f++)
        printf("%*s", CELL, results_formats[f]);
    printf("\n");
    print_with_peers(results, "start to first token, s", "first_token", 1.0);
    print_with_peers(results, "memory, MiB", "memory", 1048576.0);
    print_label("weights read for a token, MiB");
    for (size_t f = 0; f < 3; f++)
        print_cell(median_of(results, "bytes_per_token", results_formats[f], 0) / 1048576.0);
    printf("\n");
}

static void print_growth(const cJSON *results) {
    int threads = results_threads(results);
    int far = (int)strtol(results_fact(results, "far_position"), NULL, 10);
    double near_rate = median_of(results, "decode_near", "f32", threads);
    double far_rate = median_of(results, "decode_far", "f32", threads);
    double half = median_of(results, "prefill_half", "f32", threads);
    double whole = median_of(results, "prefill_whole", "f32", threads);
    printf("A token at position %d takes %.2f times as long as one at position %s (f32).\n", far,
           near_rate / far_rate, results_fact(results, "near_position"));
    printf("Prefill of %d tokens takes %.2f times as long as of %d (f32).\n", far,
           half / whole * far / (double)(far / 2), far / 2);
}

int main(int argc, char **argv) {
    struct error err = {""};
    if (argc != 2) {
        fprintf(stderr, "usage: table JSON\n");
        return 2;
    }
    cJSON *results = results_read(argv[1], &err);
    if (results == NULL) {
        fprintf(stderr, "table: %s\n", err.message);
        return 1;
    }
    printf("%s, %s cores, on %s\n", results_fact(results, "processor"),
           results_fact(results, "cores"), results_fact(results, "date"));
    const char *rounds = results_fact(results, "rounds");
    printf("%s; %s threads; medians of %s round%s\n\n", results_fact(results, "model"),
           results_fact(results, "cores"), rounds, strcmp(rounds, "1") == 0 ? "" : "s");
    print_comparison(results);
    printf("\n");
    print_threads(results);
    printf("\n");
    print_start(results);
    printf("\n");
    print_growth(results);
    const cJSON *peer = NULL;
    cJSON_ArrayForEach(peer, cJSON_GetObjectItem(results, "peers"))
        printf("%s: %s\n", peer->string, peer->valuestring);
    cJSON_Delete(results);
    return 0;
}
