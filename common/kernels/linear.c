/*
 * The plain kernel: portable C that a compiler turns into vector instructions.
 *
 * Threads share the outputs: each computes some columns of `out` from start to end, so nobody
 * waits for anybody and every number is added up in the same order however many threads there are.
 * The unit is a tile of columns, like a shard of a table.
 */
#include "linear.h"

#include <string.h>

enum {
    TILE_OUTPUTS = 64, // outputs per tile
    ROW_BLOCK = 4,     // rows that share one reading of the weights
    LANES = 16,        // partial sums of a dot product that run side by side
};

struct job {
    const struct linear_layer *layer;
    float *out;     // [n_rows, n_out]
    const float *x; // [n_rows, n_in]
    size_t n_rows;
};

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Outputs [first, first + n) of up to ROW_BLOCK rows, n at most TILE_OUTPUTS. Weights [in, out]. */
static void tile_in_out(const struct linear_layer *layer, float *out, const float *x, size_t n_rows,
                        size_t first, size_t n) {
    float sums[ROW_BLOCK][TILE_OUTPUTS] = {{0}};
    for (size_t i = 0; i < layer->n_in; i++) {
        const float *weight = layer->weight + i * layer->n_out + first; // [n]
        for (size_t r = 0; r < n_rows; r++) {
            float input = x[r * layer->n_in + i];
            for (size_t o = 0; o < n; o++)
                sums[r][o] += input * weight[o];
        }
    }
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t o = 0; o < n; o++) {
            float bias = layer->bias != NULL ? layer->bias[first + o] : 0.0f;
            out[r * layer->n_out + first + o] = sums[r][o] + bias;
        }
    }
}

/* The sum of a[i] * b[i], in LANES partial sums that vector instructions add at once. */
static float dot_in_lanes(const float *a, const float *b, size_t n) {
    float sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += a[i + lane] * b[i + lane];
    }
    float sum = 0.0f;
    for (size_t lane = 0; lane < LANES; lane++)
        sum += sums[lane];
    for (; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The same outputs from weights [out, in]: each output is a dot product with a row. */
static void tile_out_in(const struct linear_layer *layer, float *out, const float *x, size_t n_rows,
                        size_t first, size_t n) {
    for (size_t o = first; o < first + n; o++) {
        const float *weight = layer->weight + o * layer->n_in; // [n_in]
        float bias = layer->bias != NULL ? layer->bias[o] : 0.0f;
        for (size_t r = 0; r < n_rows; r++)
            out[r * layer->n_out + o] =
                dot_in_lanes(weight, x + r * layer->n_in, layer->n_in) + bias;
    }
}

static void run_tiles(void *context, size_t begin, size_t end) {
    const struct job *job = context;
    const struct linear_layer *layer = job->layer;
    for (size_t tile = begin; tile < end; tile++) {
        size_t first = tile * TILE_OUTPUTS;
        size_t n = smaller(TILE_OUTPUTS, layer->n_out - first);
        for (size_t row = 0; row < job->n_rows; row += ROW_BLOCK) {
            size_t n_rows = smaller(ROW_BLOCK, job->n_rows - row);
            float *out = job->out + row * layer->n_out;
            const float *x = job->x + row * layer->n_in;
            if (layer->layout == LINEAR_IN_OUT)
                tile_in_out(layer, out, x, n_rows, first, n);
            else
                tile_out_in(layer, out, x, n_rows, first, n);
        }
    }
}

void linear_layer_forward(const struct linear_layer *layer, struct threads *pool, float *out,
                          const float *x, size_t n_rows) {
    struct job job = {layer, out, x, n_rows};
    size_t n_tiles = (layer->n_out + TILE_OUTPUTS - 1) / TILE_OUTPUTS;
    threads_run(pool, n_tiles, run_tiles, &job);
}
