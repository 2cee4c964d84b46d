#include "linear.h"

#include <stdlib.h>
#include <string.h>

#include "../ops.h"
#include "../tensor.h"

enum {
    // Inputs of a panel that are unpacked at a time: 32 KB, the nearest cache. They stand on the
    // stack of a thread, and some systems (musl) give it no more than 128 KB.
    UNPACKED = 128,
    ROW_GROUPS = 8, // most parts of a matrix [in, out] whose sums are made apart, for one row
    GROUP_BYTES = 512 << 10, // and how large a part should be
    EDGE_ROWS = 32,          // rows at a time in the last panel, when it is not full
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

bool compute_new(struct compute *compute, size_t n_threads, size_t max_rows, size_t widest,
                 struct error *err) {
    struct packed_rows *rows = &compute->rows;
    size_t n_blocks = groups_of(widest, INT8_BLOCK), n_all;
    compute->kernels = kernels_for_this_processor();
    compute->max_rows = max_rows;
    compute->widest = widest;
    compute->pool = threads_new(n_threads, err);
    if (compute->pool == NULL)
        return false;
    if (!size_multiply(max_rows, n_blocks, &n_all) || n_all > SIZE_MAX / (4 * INT8_BLOCK))
        return error_no_memory(err, "packed activations");
    rows->bf16 = malloc((n_all * INT8_BLOCK + 1) * sizeof *rows->bf16);
    rows->int8 = malloc(n_all * INT8_BLOCK + 1);
    rows->scales = tensor_new(n_all);
    rows->starts = malloc((n_all + 1) * sizeof *rows->starts);
    compute->group_sums = tensor_new_2(ROW_GROUPS, widest);
    return (rows->bf16 != NULL && rows->int8 != NULL && rows->scales != NULL &&
            rows->starts != NULL && compute->group_sums != NULL) ||
           error_no_memory(err, "packed activations");
}

void compute_free(struct compute *compute) {
    threads_free(compute->pool);
    free(compute->rows.bf16);
    free(compute->rows.int8);
    tensor_free(compute->rows.scales);
    free(compute->rows.starts);
    tensor_free(compute->group_sums);
    *compute = (struct compute){0};
}

/* --- the beginning and the end of an output --------------------------------------------------- */

/* What the sums of outputs [first, first + n) start with. out: [n] */
static void begin_outputs(const struct linear_layer *layer, float *out, size_t first, size_t n) {
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

/* --- activations for dot-product instructions -------------------------------------------------- */

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

/* --- one row: decode -------------------------------------------------------------------------- */

static bool in_panels(const struct matrix *m) {
    return m->format == MATRIX_BF16 || m->format == MATRIX_INT8;
}

/* Adds x times the columns [first, first + n) to out[0 .. n). */
static void multiply_columns(const struct job *job, size_t first, size_t n, float *out) {
    const struct matrix *m = &job->layer->weight;
    const struct kernels *kernels = job->compute->kernels;
    if (m->format == MATRIX_INT8 && kernels->multiply_int8_row != NULL)
        kernels->multiply_int8_row(m, &job->compute->rows, first, n, out);
    else
        kernels->multiply_row(m, job->x, first, n, out);
}

/* The outputs of panels [first_panel, end_panel), one row. */
static void run_row(void *context, size_t first_panel, size_t end_panel) {
    const struct job *job = context;
    const struct matrix *m = &job->layer->weight;
    size_t first = first_panel * PANEL;
    size_t end = end_panel * PANEL < m->n_out ? end_panel * PANEL : m->n_out;
    size_t edge = in_panels(m) ? (end - first) % PANEL : 0; // outputs of a panel that is not full
    float *out = job->out + first;                          // [end - first]
    begin_outputs(job->layer, out, first, end - first);
    multiply_columns(job, first, end - first - edge, out);
    if (edge > 0) {
        float panel[PANEL] = {0};
        multiply_columns(job, end - edge, PANEL, panel);
        for (size_t i = 0; i < edge; i++)
            job->out[end - edge + i] += panel[i];
    }
    finish(job, out, end - first);
}

/* How many groups of rows a matrix [in, out] is cut into. Not by the number of threads: the sums, and
 * so the text, must not depend on it. */
static size_t count_groups(const struct matrix *m) {
    size_t n = m->n_in * m->n_out * sizeof(float) / GROUP_BYTES;
    return n < 1 ? 1 : n > ROW_GROUPS ? ROW_GROUPS : n;
}

/*
 * A matrix [in, out] is cut by its inputs, not by its outputs: each group of rows is one piece of
 * memory, read in streams without a jump, while columns would be thousands of short
 * pieces, which two threads together read at half the speed. The price is one sum per group and
 * output, to be added up afterwards, always in the same order.
 */
static void run_group(void *context, size_t begin_group, size_t end_group) {
    const struct job *job = context;
    const struct matrix *m = &job->layer->weight;
    size_t n_groups = count_groups(m);
    for (size_t group = begin_group; group < end_group; group++) {
        float *sums = job->compute->group_sums + group * m->n_out; // [n_out]
        size_t first = m->n_in * group / n_groups, end = m->n_in * (group + 1) / n_groups;
        const char *rows = (const char *)m->data + first * m->n_out * sizeof(float);
        struct matrix part = {m->format, rows, NULL, end - first, m->n_out};
        memset(sums, 0, m->n_out * sizeof *sums);
        job->compute->kernels->multiply_row(&part, job->x + first, 0, m->n_out, sums);
    }
}

/* Adds up the groups' sums. On one thread: it takes less time than to call the others. */
static void add_groups(const struct job *job) {
    size_t n_out = job->layer->weight.n_out, n_groups = count_groups(&job->layer->weight);
    begin_outputs(job->layer, job->out, 0, n_out);
    for (size_t group = 0; group < n_groups; group++) {
        const float *sums = job->compute->group_sums + group * n_out; // [n_out]
        for (size_t o = 0; o < n_out; o++)
            job->out[o] += sums[o];
    }
    finish(job, job->out, n_out);
}

static void multiply_one_row(struct compute *compute, struct job *job) {
    const struct matrix *m = &job->layer->weight;
    if (m->format == MATRIX_INT8 && compute->kernels->multiply_int8_row != NULL)
        pack_rows(job, 0, 1);
    if (m->format == MATRIX_F32_IN_OUT) {
        threads_run_even(compute->pool, count_groups(m), run_group, job);
        add_groups(job);
    } else {
        threads_run_even(compute->pool, groups_of(m->n_out, PANEL), run_row, job);
    }
}

/* --- many rows: prefill ----------------------------------------------------------------------- */

/* x times one panel: PANEL outputs of n_rows rows from first_row on. */
static void multiply_panel(const struct job *job, size_t panel, size_t first_row, size_t n_rows,
                           const struct start *start, float *out, size_t out_stride) {
    const struct matrix *m = &job->layer->weight;
    const struct kernels *kernels = job->compute->kernels;
    const struct packed_rows *rows = &job->compute->rows;
    if (m->format == MATRIX_BF16 && kernels->multiply_bf16 != NULL) {
        kernels->multiply_bf16(m, panel, rows, first_row, n_rows, start, out, out_stride);
    } else if (m->format == MATRIX_INT8 && kernels->multiply_int8 != NULL) {
        kernels->multiply_int8(m, panel, rows, first_row, n_rows, start, out, out_stride);
    } else {
        _Alignas(64) float unpacked[UNPACKED * PANEL];
        for (size_t k = 0; k < m->n_in; k += UNPACKED) {
            size_t n_k = m->n_in - k < UNPACKED ? m->n_in - k : UNPACKED;
            kernels->unpack(m, panel, k, n_k, unpacked);
            kernels->multiply_rows(job->x + first_row * m->n_in + k, m->n_in, n_rows, unpacked, n_k,
                                   k == 0 ? start : NULL, out, out_stride);
        }
    }
}

/* The last panel when it has only n outputs: by way of a buffer that has them all. */
static void run_edge(const struct job *job, size_t panel, size_t first_row, size_t n_rows, size_t n,
                     const struct start *start) {
    size_t n_out = job->layer->weight.n_out;
    float edge[EDGE_ROWS * PANEL]; // [EDGE_ROWS, PANEL]
    for (size_t done = 0; done < n_rows; done += EDGE_ROWS) {
        size_t rows = n_rows - done < EDGE_ROWS ? n_rows - done : EDGE_ROWS;
        float *out = job->out + (first_row + done) * n_out + panel * PANEL;
        memset(edge, 0, sizeof edge);
        for (size_t r = 0; r < rows && !start->replace; r++)
            memcpy(edge + r * PANEL, out + r * n_out, n * sizeof *edge);
        multiply_panel(job, panel, first_row + done, rows, start, edge, PANEL);
        for (size_t r = 0; r < rows; r++)
            memcpy(out + r * n_out, edge + r * PANEL, n * sizeof *edge);
    }
}

/* Items [begin, end): an item is one panel for rows_per_item rows. */
static void run_rows(void *context, size_t begin_item, size_t end_item) {
    const struct job *job = context;
    const struct linear_layer *layer = job->layer;
    size_t n_out = layer->weight.n_out, n_panels = groups_of(n_out, PANEL);
    for (size_t item = begin_item; item < end_item; item++) {
        size_t panel = item % n_panels, first_row = item / n_panels * job->rows_per_item;
        size_t rest = job->n_rows - first_row;
        size_t n_rows = rest < job->rows_per_item ? rest : job->rows_per_item;
        size_t first = panel * PANEL, n = n_out - first < PANEL ? n_out - first : PANEL;
        float *out = job->out + first_row * n_out + first;
        float bias[PANEL] = {0};
        if (layer->bias != NULL)
            memcpy(bias, layer->bias + first, n * sizeof *bias);
        struct start start = {bias, !layer->add};
        if (n == PANEL)
            multiply_panel(job, panel, first_row, n_rows, &start, out, n_out);
        else
            run_edge(job, panel, first_row, n_rows, n, &start);
        for (size_t r = 0; r < n_rows && layer->then != THEN_NOTHING; r++)
            finish(job, out + r * n_out, n);
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
    compute->rows.n_blocks = groups_of(m->n_in, INT8_BLOCK);
    if (n_rows == 1) {
        multiply_one_row(compute, &job);
        return;
    }
    if ((m->format == MATRIX_BF16 && kernels->pack_bf16 != NULL) ||
        (m->format == MATRIX_INT8 && kernels->pack_int8 != NULL)) {
        threads_run(compute->pool, n_rows, pack_rows, &job);
    }
    // Few panels and many threads: cut the rows too, so that all threads have work.
    size_t pieces = threads_count(compute->pool) * PIECES_PER_THREAD;
    if (threads_count(compute->pool) > 1 && n_panels < pieces)
        job.rows_per_item = groups_of(n_rows, groups_of(pieces, n_panels));
    threads_run(compute->pool, n_panels * groups_of(n_rows, job.rows_per_item), run_rows, &job);
}
