#include "linear.h"

#include <stdlib.h>
#include <string.h>

#include "../ops.h"
#include "../tensor.h"

enum {
    // Inputs of a panel that are unpacked at a time: 32 KB, the nearest cache. They stand on the
    // stack of a thread, and some systems (musl) give it no more than 128 KB.
    UNPACKED = 128,
    EDGE_ROWS = 32, // rows at a time in the last panel, when it is not full
    PIECES_PER_THREAD = 4,
};

struct job {
    const struct compute *compute;
    const struct linear_layer *layer;
    float *out;     // [n_rows, n_out]
    const float *x; // [n_rows, n_in]
    size_t n_rows;
    size_t rows_per_item; // an item is one panel for so many rows
};

/* --- making and freeing ----------------------------------------------------------------------- */

bool compute_new(struct compute *compute, size_t n_threads, size_t max_rows, size_t max_in,
                 struct error *err) {
    struct packed_rows *rows = &compute->rows;
    size_t n_blocks = groups_of(max_in, INT8_BLOCK), n_all;
    compute->kernels = kernels_for_this_processor();
    compute->max_rows = max_rows;
    compute->max_in = max_in;
    compute->pool = threads_new(n_threads, err);
    if (compute->pool == NULL)
        return false;
    if (!size_multiply(max_rows, n_blocks, &n_all) || n_all > SIZE_MAX / (4 * INT8_BLOCK))
        return error_no_memory(err, "packed activations");
    rows->bf16 = malloc((n_all * INT8_BLOCK + 1) * sizeof *rows->bf16);
    rows->int8 = malloc(n_all * INT8_BLOCK + 1);
    rows->scales = tensor_new(n_all);
    rows->starts = malloc((n_all + 1) * sizeof *rows->starts);
    return (rows->bf16 != NULL && rows->int8 != NULL && rows->scales != NULL &&
            rows->starts != NULL) ||
           error_no_memory(err, "packed activations");
}

void compute_free(struct compute *compute) {
    threads_free(compute->pool);
    free(compute->rows.bf16);
    free(compute->rows.int8);
    tensor_free(compute->rows.scales);
    free(compute->rows.starts);
    *compute = (struct compute){0};
}

/* --- the beginning and the end of an output --------------------------------------------------- */

/* What the sums of outputs [first, first + n) start with. out: [n] */
static void begin(const struct linear_layer *layer, float *out, size_t first, size_t n) {
    if (!layer->add)
        memset(out, 0, n * sizeof *out);
    for (size_t o = 0; o < n && layer->bias != NULL; o++)
        out[o] += layer->bias[first + o];
}

static void finish(const struct job *job, float *out, size_t n) {
    if (job->layer->then == THEN_GELU)
        job->compute->kernels->gelu(out, n);
    else if (job->layer->then == THEN_GELU_EXACT)
        gelu_exact(out, n);
}

/* --- one row: decode -------------------------------------------------------------------------- */

static bool in_panels(const struct matrix *m) {
    return m->format == MATRIX_BF16 || m->format == MATRIX_INT8;
}

/* The panels [first, end), one row. */
static void run_row(void *context, size_t first_panel, size_t end_panel) {
    const struct job *job = context;
    const struct matrix *m = &job->layer->weight;
    size_t first = first_panel * PANEL;
    size_t end = end_panel * PANEL < m->n_out ? end_panel * PANEL : m->n_out;
    begin(job->layer, job->out + first, first, end - first);
    if (!in_panels(m)) {
        job->compute->kernels->multiply_row(m, job->x, first, end - first, job->out + first);
    } else {
        for (size_t o = first; o < end; o += PANEL) {
            float edge[PANEL] = {0};
            bool whole = o + PANEL <= m->n_out;
            job->compute->kernels->multiply_row(m, job->x, o, PANEL, whole ? job->out + o : edge);
            for (size_t i = 0; !whole && i < m->n_out - o; i++)
                job->out[o + i] += edge[i];
        }
    }
    finish(job, job->out + first, end - first);
}

/* --- many rows: prefill ----------------------------------------------------------------------- */

/* Adds x times one panel to PANEL outputs of n_rows rows from first_row on. */
static void multiply_panel(const struct job *job, size_t panel, size_t first_row, size_t n_rows,
                           float *out, size_t out_stride) {
    const struct matrix *m = &job->layer->weight;
    const struct kernels *kernels = job->compute->kernels;
    if (m->format == MATRIX_BF16 && kernels->multiply_bf16 != NULL) {
        kernels->multiply_bf16(m, panel, &job->compute->rows, first_row, n_rows, out, out_stride);
    } else if (m->format == MATRIX_INT8 && kernels->multiply_int8 != NULL) {
        kernels->multiply_int8(m, panel, &job->compute->rows, first_row, n_rows, out, out_stride);
    } else {
        _Alignas(64) float unpacked[UNPACKED * PANEL];
        for (size_t k = 0; k < m->n_in; k += UNPACKED) {
            size_t n_k = m->n_in - k < UNPACKED ? m->n_in - k : UNPACKED;
            kernels->unpack(m, panel, k, n_k, unpacked);
            kernels->multiply_rows(job->x + first_row * m->n_in + k, m->n_in, n_rows, unpacked, n_k,
                                   out, out_stride);
        }
    }
}

/* The last panel when it has only n outputs: by way of a buffer that has them all. */
static void run_edge(const struct job *job, size_t panel, size_t first_row, size_t n_rows,
                     size_t n) {
    size_t n_out = job->layer->weight.n_out;
    float edge[EDGE_ROWS * PANEL]; // [EDGE_ROWS, PANEL]
    for (size_t done = 0; done < n_rows; done += EDGE_ROWS) {
        size_t rows = n_rows - done < EDGE_ROWS ? n_rows - done : EDGE_ROWS;
        float *out = job->out + (first_row + done) * n_out + panel * PANEL;
        memset(edge, 0, sizeof edge);
        for (size_t r = 0; r < rows; r++)
            memcpy(edge + r * PANEL, out + r * n_out, n * sizeof *edge);
        multiply_panel(job, panel, first_row + done, rows, edge, PANEL);
        for (size_t r = 0; r < rows; r++)
            memcpy(out + r * n_out, edge + r * PANEL, n * sizeof *edge);
    }
}

/* Items [begin, end): an item is one panel for rows_per_item rows. */
static void run_rows(void *context, size_t begin_item, size_t end_item) {
    const struct job *job = context;
    size_t n_out = job->layer->weight.n_out, n_panels = groups_of(n_out, PANEL);
    for (size_t item = begin_item; item < end_item; item++) {
        size_t panel = item % n_panels, first_row = item / n_panels * job->rows_per_item;
        size_t rest = job->n_rows - first_row;
        size_t n_rows = rest < job->rows_per_item ? rest : job->rows_per_item;
        size_t first = panel * PANEL, n = n_out - first < PANEL ? n_out - first : PANEL;
        float *out = job->out + first_row * n_out + first;
        for (size_t r = 0; r < n_rows; r++)
            begin(job->layer, out + r * n_out, first, n);
        if (n == PANEL)
            multiply_panel(job, panel, first_row, n_rows, out, n_out);
        else
            run_edge(job, panel, first_row, n_rows, n);
        for (size_t r = 0; r < n_rows; r++)
            finish(job, out + r * n_out, n);
    }
}

/* Rows [begin, end) in the format that the weights' dot-product instruction wants. */
static void pack_rows(void *context, size_t begin_row, size_t end_row) {
    const struct job *job = context;
    const struct matrix *m = &job->layer->weight;
    const struct kernels *kernels = job->compute->kernels;
    for (size_t r = begin_row; r < end_row; r++) {
        const float *x = job->x + r * m->n_in; // [n_in]
        if (m->format == MATRIX_BF16)
            kernels->pack_bf16(x, m->n_in, &job->compute->rows, r);
        else
            kernels->pack_int8(x, m->n_in, &job->compute->rows, r);
    }
}

void linear_forward(struct compute *compute, const struct linear_layer *layer, float *out,
                    const float *x, size_t n_rows) {
    const struct matrix *m = &layer->weight;
    const struct kernels *kernels = compute->kernels;
    struct job job = {compute, layer, out, x, n_rows, n_rows};
    size_t n_panels = groups_of(m->n_out, PANEL);
    if (n_rows == 0)
        return;
    if (n_rows == 1) {
        threads_run(compute->pool, n_panels, run_row, &job);
        return;
    }
    if ((m->format == MATRIX_BF16 && kernels->pack_bf16 != NULL) ||
        (m->format == MATRIX_INT8 && kernels->pack_int8 != NULL)) {
        compute->rows.n_blocks = groups_of(m->n_in, INT8_BLOCK);
        threads_run(compute->pool, n_rows, pack_rows, &job);
    }
    // Few panels and many threads: cut the rows too, so that all threads have work.
    size_t pieces = threads_count(compute->pool) * PIECES_PER_THREAD;
    if (threads_count(compute->pool) > 1 && n_panels < pieces)
        job.rows_per_item = groups_of(n_rows, groups_of(pieces, n_panels));
    threads_run(compute->pool, n_panels * groups_of(n_rows, job.rows_per_item), run_rows, &job);
}
