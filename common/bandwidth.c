#include "bandwidth.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "kernels/kernels.h"
#include "threads.h"
#include "weights.h"

enum { PASSES = 8, PIECE = 1 << 20, GUESSED_CACHE = 32 << 20 };

/* All weights, as pieces of at most PIECE bytes. */
struct scan {
    const struct kernels *kernels;
    struct piece {
        const char *data;
        size_t n_floats;
    } * pieces; // [n_pieces]
    size_t n_pieces;
    float *sums; // [n_pieces]: what is done with the numbers, so that they must be read
};

static size_t pieces_of(const struct matrix *m) {
    return (weights_bytes(m) + PIECE - 1) / PIECE;
}

static void add_matrix(struct scan *scan, const struct matrix *m) {
    size_t bytes = weights_bytes(m);
    // The scales of int8 stand elsewhere; reading the numbers is enough to know the rate.
    if (m->format == MATRIX_INT8)
        bytes = panel_offset(m, groups_of(m->n_out, PANEL));
    for (size_t at = 0; at < bytes; at += PIECE) {
        size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        scan->pieces[scan->n_pieces++] =
            (struct piece){(const char *)m->data + at, n / sizeof(float)};
    }
}

static void read_pieces(void *context, size_t begin, size_t end) {
    struct scan *scan = context;
    for (size_t i = begin; i < end; i++)
        scan->sums[i] = scan->kernels->read(scan->pieces[i].data, scan->pieces[i].n_floats);
}

/* Lists the weights that a token reads. false without memory. */
static bool list_pieces(const struct gpt2_model *model, struct scan *scan) {
    size_t most = pieces_of(&model->head);
    for (size_t i = 0; i < model->config.n_layer; i++) {
        const struct gpt2_layer *l = &model->layers[i];
        most += pieces_of(&l->attn_c_attn) + pieces_of(&l->attn_c_proj) + pieces_of(&l->mlp_c_fc) +
                pieces_of(&l->mlp_c_proj);
    }
    scan->pieces = calloc(most + 1, sizeof *scan->pieces);
    scan->sums = calloc(most + 1, sizeof *scan->sums);
    if (scan->pieces == NULL || scan->sums == NULL)
        return false;
    for (size_t i = 0; i < model->config.n_layer; i++) {
        const struct gpt2_layer *l = &model->layers[i];
        add_matrix(scan, &l->attn_c_attn);
        add_matrix(scan, &l->attn_c_proj);
        add_matrix(scan, &l->mlp_c_fc);
        add_matrix(scan, &l->mlp_c_proj);
    }
    add_matrix(scan, &model->head);
    return true;
}

static double best_rate(struct scan *scan, struct threads *pool) {
    double best = 0.0, bytes = 0.0;
    for (size_t i = 0; i < scan->n_pieces; i++)
        bytes += (double)(scan->pieces[i].n_floats * sizeof(float));
    for (int pass = 0; pass < PASSES; pass++) {
        double start = seconds_now();
        threads_run(pool, scan->n_pieces, read_pieces, scan);
        double seconds = seconds_now() - start;
        if (seconds > 0.0 && bytes / seconds > best)
            best = bytes / seconds;
    }
    return best;
}

double bandwidth_of_weights(const struct gpt2_model *model, size_t n_threads) {
    struct error err;
    struct scan scan = {.kernels = kernels_for_this_processor()};
    struct threads *pool = threads_new(n_threads, &err);
    double rate = 0.0;
    if (pool != NULL && list_pieces(model, &scan))
        rate = best_rate(&scan, pool);
    threads_free(pool);
    free(scan.pieces);
    free(scan.sums);
    return rate;
}

/* "32768K" in a file of Linux's description of the first processor's caches; 0 when not there. */
static size_t cache_size_in(const char *path) {
    FILE *file = fopen(path, "r");
    unsigned long long kibibytes = 0;
    if (file == NULL)
        return 0;
    bool read = fscanf(file, "%lluK", &kibibytes) == 1;
    fclose(file);
    return read ? (size_t)kibibytes * 1024 : 0;
}

size_t last_cache_size(void) {
    size_t size = cache_size_in("/sys/devices/system/cpu/cpu0/cache/index3/size");
    if (size == 0)
        size = cache_size_in("/sys/devices/system/cpu/cpu0/cache/index2/size");
    return size > 0 ? size : GUESSED_CACHE;
}
