/*
 * chart - results (results.h) as a picture: who takes how many tokens per second.
 *
 *     chart JSON PNG
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../common/plot/plot.h"
#include "results.h"

struct bars {
    float values[CHART_MOST_BARS];
    char names[CHART_MOST_BARS][LABEL_SIZE];
    const char *labels[CHART_MOST_BARS];
    char texts[CHART_MOST_BARS][CHART_NUMBER_SIZE];
    const char *value_texts[CHART_MOST_BARS];
    bool muted[CHART_MOST_BARS];
    size_t n;
};

static void add_bar(struct bars *bars, const char *format, const char *name, double value,
                    bool muted) {
    if (!isfinite(value) || bars->n == CHART_MOST_BARS)
        return;
    snprintf(bars->names[bars->n], LABEL_SIZE, "%s %s", format, name);
    bars->labels[bars->n] = bars->names[bars->n];
    snprintf(bars->texts[bars->n], CHART_NUMBER_SIZE, value < 100 ? "%.1f" : "%.0f", value);
    bars->value_texts[bars->n] = bars->texts[bars->n];
    bars->values[bars->n] = (float)value;
    bars->muted[bars->n++] = muted;
}

/* For each format: ours, the peers', and the limit in grey. */
static struct canvas *draw(const cJSON *results, const char *what, const char *title,
                           struct error *err) {
    struct bars bars = {.n = 0};
    int threads = results_threads(results);
    const cJSON *peer = NULL;
    for (size_t f = 0; f < 3; f++) {
        const char *format = results_formats[f];
        const cJSON *ours = results_find(results, what, format, threads, "gpt2");
        add_bar(&bars, format, "gpt2", results_number(ours, "median"), false);
        cJSON_ArrayForEach(peer, cJSON_GetObjectItem(results, "peers")) {
            const cJSON *theirs = results_find(results, what, format, threads, peer->string);
            add_bar(&bars, format, peer->string, results_number(theirs, "median"), false);
        }
        add_bar(&bars, format, "limit", results_number(ours, "limit"), true);
    }
    struct bar_chart chart = {.title = title,
                              .value_title = "tokens per second",
                              .values = bars.values,
                              .labels = bars.labels,
                              .value_texts = bars.value_texts,
                              .n = bars.n,
                              .muted = bars.muted,
                              .muted_title = "what the machine could do"};
    return plot_bars(&chart, err);
}

int main(int argc, char **argv) {
    struct error err = {""};
    if (argc != 3) {
        fprintf(stderr, "usage: chart JSON PNG\n");
        return 2;
    }
    cJSON *results = results_read(argv[1], &err);
    bool fine = results != NULL;
    if (fine) {
        char decode[LABEL_SIZE], prefill[LABEL_SIZE], title[2 * LABEL_SIZE];
        snprintf(decode, sizeof decode, "decode, %d threads", results_threads(results));
        snprintf(prefill, sizeof prefill, "prefill of %s tokens, %d threads",
                 results_fact(results, "prefill_tokens"), results_threads(results));
        snprintf(title, sizeof title, "%s, %s", results_fact(results, "model"),
                 results_fact(results, "date"));
        struct canvas *pictures[2] = {draw(results, "decode", decode, &err),
                                      draw(results, "prefill", prefill, &err)};
        fine = plot_save(plot_together(title, pictures, 2, 2, &err), argv[2], &err);
    }
    if (!fine)
        fprintf(stderr, "chart: %s\n", err.message);
    cJSON_Delete(results);
    return fine ? 0 : 1;
}
