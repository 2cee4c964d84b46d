#include "pack.h"

#include <math.h>
#include <string.h>

#include "../float_formats.h"
#include "../tensor.h"

struct job {
    const struct matrix *source;
    struct matrix *packed;
    void *data;
    uint16_t *scales;
    const struct kernels *kernels;
};

bool packed_sizes(enum matrix_format format, size_t n_in, size_t n_out, size_t *data_bytes,
                  size_t *scale_bytes) {
    size_t n_panels = groups_of(n_out, PANEL), n_blocks = groups_of(n_in, INT8_BLOCK), n_numbers;
    if (n_in > SIZE_MAX - INT8_BLOCK || n_out > SIZE_MAX - PANEL ||
        !size_multiply(n_panels * PANEL, n_blocks * INT8_BLOCK, &n_numbers) ||
        n_numbers > SIZE_MAX / sizeof(uint16_t))
        return false;
    if (format == MATRIX_INT8) {
        *data_bytes = n_numbers;
        *scale_bytes = n_panels * PANEL * n_blocks * sizeof(uint16_t);
    } else {
        size_t n_groups = groups_of(n_in, BF16_GROUP);
        *data_bytes = n_panels * PANEL * n_groups * BF16_GROUP * sizeof(uint16_t);
        *scale_bytes = 0;
    }
    return true;
}

/* --- BF16 ------------------------------------------------------------------------------------- */

/* Inputs [k, k + n_k) of a panel. floats: [n_k filled up to whole groups, PANEL] */
static void pack_bf16_block(const struct job *job, size_t panel, size_t k, size_t n_k,
                            const float *floats) {
    uint16_t *out = (uint16_t *)job->data + panel_offset(job->packed, panel) / 2 + k * PANEL;
    for (size_t g = 0; g < groups_of(n_k, BF16_GROUP); g++) {
        for (size_t o = 0; o < PANEL; o++) {
            for (size_t i = 0; i < BF16_GROUP; i++)
                out[(g * PANEL + o) * BF16_GROUP + i] =
                    f32_to_bf16(floats[(g * BF16_GROUP + i) * PANEL + o]);
        }
    }
}

/* --- int8 ------------------------------------------------------------------------------------- */

/*
 * For each output of a block: what 1 is worth, and by what to multiply a weight to get its number.
 * floats: [INT8_BLOCK, PANEL]  scales, factors: [PANEL]
 */
static void choose_scales(const float *floats, uint16_t *scales, float *factors) {
    const float too_small = 2e-36f; // a 127th of it is a BF16 of full precision
    float largest[PANEL] = {0}, nothing[PANEL] = {0};
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        for (size_t o = 0; o < PANEL; o++) {
            float magnitude = fabsf(floats[i * PANEL + o]);
            largest[o] = magnitude > largest[o] ? magnitude : largest[o];
            nothing[o] += 0.0f * magnitude; // but not of infinity: that gives not a number
        }
    }
    for (size_t o = 0; o < PANEL; o++) {
        bool useless = isnan(nothing[o]), used = !useless && largest[o] >= too_small;
        scales[o] = useless ? f32_to_bf16(NAN) : used ? f32_to_bf16(largest[o] / 127.0f) : 0;
        factors[o] = used ? 1.0f / bf16_to_f32(scales[o]) : 0.0f;
    }
}

/* One block of a panel. floats: [INT8_BLOCK, PANEL] */
static void pack_int8_block(const struct job *job, size_t panel, size_t block,
                            const float *floats) {
    size_t n_blocks = groups_of(job->packed->n_in, INT8_BLOCK);
    uint16_t *scales = job->scales + (panel * n_blocks + block) * PANEL; // [PANEL]
    int8_t *out = (int8_t *)job->data + (panel * n_blocks + block) * INT8_BLOCK * PANEL;
    float factors[PANEL];
    choose_scales(floats, scales, factors);
    for (size_t i = 0; i < INT8_BLOCK; i++) {
        for (size_t o = 0; o < PANEL; o++) {
            float whole =
                floats[i * PANEL + o] * factors[o]; // a scale rounds by 1/256: below 127.5
            // Not a number becomes 0 here (it fails both comparisons): its scale tells.
            int number = whole >= 0.0f  ? (int)(whole + 0.5f)
                         : whole < 0.0f ? (int)(whole - 0.5f)
                                        : 0;
            size_t at = (i / INT8_GROUP * PANEL + o) * INT8_GROUP + i % INT8_GROUP;
            out[at] = (int8_t)number;
        }
    }
}

/* --- all -------------------------------------------------------------------------------------- */

/* The panels [begin, end). */
static void pack_panels(void *context, size_t begin, size_t end) {
    const struct job *job = context;
    float floats[INT8_BLOCK * PANEL]; // [INT8_BLOCK, PANEL]
    for (size_t panel = begin; panel < end; panel++) {
        for (size_t k = 0; k < job->source->n_in; k += INT8_BLOCK) {
            size_t rest = job->source->n_in - k, n_k = rest < INT8_BLOCK ? rest : INT8_BLOCK;
            memset(floats, 0, sizeof floats);
            job->kernels->unpack(job->source, panel, k, n_k, floats);
            if (job->packed->format == MATRIX_BF16)
                pack_bf16_block(job, panel, k, n_k, floats);
            else
                pack_int8_block(job, panel, k / INT8_BLOCK, floats);
        }
    }
}

void matrix_pack(const struct matrix *source, enum matrix_format format, void *data,
                 uint16_t *scales, const struct kernels *kernels, struct threads *pool,
                 struct matrix *packed) {
    *packed = (struct matrix){format, data, scales, source->n_in, source->n_out};
    struct job job = {source, packed, data, scales, kernels};
    threads_run(pool, groups_of(source->n_out, PANEL), pack_panels, &job);
}

static float float_at(const struct matrix *m, size_t index) {
    float number;
    memcpy(&number, (const char *)m->data + index * sizeof number, sizeof number);
    return number;
}

float matrix_number(const struct matrix *m, size_t i, size_t o) {
    if (m->format == MATRIX_F32_IN_OUT)
        return float_at(m, i * m->n_out + o);
    if (m->format == MATRIX_F32_OUT_IN)
        return float_at(m, o * m->n_in + i);
    size_t panel = o / PANEL, lane = o % PANEL;
    const char *data = (const char *)m->data + panel_offset(m, panel);
    if (m->format == MATRIX_BF16) {
        uint16_t bits;
        size_t at = (i / BF16_GROUP * PANEL + lane) * BF16_GROUP + i % BF16_GROUP;
        memcpy(&bits, data + at * sizeof bits, sizeof bits);
        return bf16_to_f32(bits);
    }
    size_t at = (i / INT8_GROUP * PANEL + lane) * INT8_GROUP + i % INT8_GROUP;
    size_t block = panel * groups_of(m->n_in, INT8_BLOCK) + i / INT8_BLOCK;
    return (float)((const int8_t *)data)[at] * bf16_to_f32(m->scales[block * PANEL + lane]);
}

void matrix_row(const struct matrix *m, size_t output, float *row) {
    if (m->format == MATRIX_F32_OUT_IN) {
        memcpy(row, (const char *)m->data + output * m->n_in * sizeof *row, m->n_in * sizeof *row);
        return;
    }
    for (size_t i = 0; i < m->n_in; i++)
        row[i] = matrix_number(m, i, output);
}
