#include "weights.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernels/pack.h"
#include "model_files.h"
#include "tensor.h"

enum { NAME_SIZE = 160, COPY_BLOCK = 1 << 20 };

const char weights_of_one_model[] = "config.json and this file must be of one model";

static const char QUANTIZE_AGAIN[] = "write the folder again with --quantize";

static struct shape shape_4(size_t a, size_t b, size_t c, size_t d) {
    return (struct shape){4, {a, b, c, d}};
}

struct shape weights_panel_shape(const struct matrix *m) {
    size_t group = m->format == MATRIX_BF16 ? BF16_GROUP : INT8_GROUP;
    // int8 inputs are filled up to whole blocks, not only to whole groups
    size_t n_in = m->format == MATRIX_BF16 ? m->n_in : groups_of(m->n_in, INT8_BLOCK) * INT8_BLOCK;
    return shape_4(groups_of(m->n_out, PANEL), groups_of(n_in, group), PANEL, group);
}

struct shape weights_scale_shape(const struct matrix *m) {
    return shape_3(groups_of(m->n_out, PANEL), groups_of(m->n_in, INT8_BLOCK), PANEL);
}

size_t weights_bytes(const struct matrix *m) {
    size_t data_bytes = m->n_in * m->n_out * sizeof(float), scale_bytes = 0;
    if (m->format == MATRIX_BF16 || m->format == MATRIX_INT8)
        packed_sizes(m->format, m->n_in, m->n_out, &data_bytes, &scale_bytes);
    return data_bytes + scale_bytes;
}

void weights_to_float(const struct matrix *m, enum weights_layout layout, float *out) {
    for (size_t i = 0; i < m->n_in; i++) {
        for (size_t o = 0; o < m->n_out; o++)
            out[layout == WEIGHTS_IN_OUT ? i * m->n_out + o : o * m->n_in + i] =
                matrix_number(m, i, o);
    }
}

const struct safetensors_tensor *weights_find(const struct safetensors *file, const char *name,
                                              const struct shape *expected, struct error *err) {
    const char *path = safetensors_path(file);
    const struct safetensors_tensor *tensor = safetensors_find(file, name);
    char found_text[SHAPE_TEXT_SIZE], expected_text[SHAPE_TEXT_SIZE];
    if (tensor == NULL) {
        model_file_refuse(err, path, "tensor %s is missing: %s", name, weights_of_one_model);
        return NULL;
    }
    if (!shape_equal(&tensor->shape, expected)) {
        model_file_refuse(err, path, "tensor %s has shape %s, expected %s: %s", name,
                          shape_text(&tensor->shape, found_text),
                          shape_text(expected, expected_text), weights_of_one_model);
        return NULL;
    }
    return tensor;
}

/* --- panels from a quantized folder ----------------------------------------------------------- */

/* The scales that belong to an int8 tensor. */
static bool find_scales(const struct weights_loader *loader, const char *name, struct matrix *m,
                        struct error *err) {
    char scales_name[NAME_SIZE], found[SHAPE_TEXT_SIZE], expected[SHAPE_TEXT_SIZE];
    const char *path = safetensors_path(loader->file);
    snprintf(scales_name, sizeof scales_name, "%s_scales", name);
    const struct safetensors_tensor *scales = safetensors_find(loader->file, scales_name);
    struct shape shape = weights_scale_shape(m);
    if (scales == NULL)
        return error_set(err, "%s: tensor %s is missing; %s", path, scales_name, QUANTIZE_AGAIN);
    if (strcmp(scales->dtype, "BF16") != 0 || !shape_equal(&scales->shape, &shape))
        return error_set(err, "%s: tensor %s is %s %s, expected BF16 %s; %s", path, scales_name,
                         scales->dtype, shape_text(&scales->shape, found),
                         shape_text(&shape, expected), QUANTIZE_AGAIN);
    if ((uintptr_t)scales->data % sizeof(uint16_t) != 0)
        return error_set(err, "%s: tensor %s begins at an odd address; %s", path, scales_name,
                         QUANTIZE_AGAIN);
    m->scales = (const void *)scales->data;
    return true;
}

/* Whether a tensor holds panels; *m is then filled in, but for the scales. */
static bool is_panels(const struct safetensors_tensor *tensor, size_t n_in, size_t n_out,
                      struct matrix *m) {
    if (tensor->shape.rank != 4)
        return false;
    bool int8 = strcmp(tensor->dtype, "I8") == 0;
    *m = (struct matrix){int8 ? MATRIX_INT8 : MATRIX_BF16, tensor->data, NULL, n_in, n_out};
    struct shape shape = weights_panel_shape(m);
    return (int8 || strcmp(tensor->dtype, "BF16") == 0) && shape_equal(&tensor->shape, &shape);
}

static bool use_panels(const struct weights_loader *loader, const char *name, struct matrix *m,
                       struct error *err) {
    enum weights_format stored = m->format == MATRIX_INT8 ? WEIGHTS_INT8 : WEIGHTS_BF16;
    if (m->format == MATRIX_INT8 && !find_scales(loader, name, m, err))
        return false;
    if (loader->wanted != WEIGHTS_AS_STORED && loader->wanted != stored)
        return error_set(err,
                         "%s: its weights are stored as %s, and cannot be turned into another "
                         "format: leave out -w, or use the folder that they were made from",
                         safetensors_path(loader->file), stored == WEIGHTS_INT8 ? "int8" : "bf16");
    return true;
}

/* --- matrices of numbers ---------------------------------------------------------------------- */

struct copy_job {
    unsigned char *to;
    const unsigned char *from;
    size_t bytes;
};

static void copy_blocks(void *context, size_t begin, size_t end) {
    const struct copy_job *job = context;
    size_t first = begin * COPY_BLOCK, last = end * COPY_BLOCK;
    if (last > job->bytes)
        last = job->bytes;
    memcpy(job->to + first, job->from + first, last - first);
}

/* A tensor's numbers as floats. out: [n_elements] */
static bool to_floats(const struct weights_loader *loader, const struct safetensors_tensor *tensor,
                      float *out, struct error *err) {
    if (strcmp(tensor->dtype, "F32") != 0)
        return safetensors_to_float(loader->file, tensor, out, err);
    struct copy_job job = {(void *)out, tensor->data, tensor->n_elements * sizeof *out};
    threads_run(loader->pool, groups_of(job.bytes, COPY_BLOCK), copy_blocks, &job);
    return true;
}

static bool load_floats(const struct weights_loader *loader,
                        const struct safetensors_tensor *tensor, struct matrix *m,
                        struct error *err) {
    float *floats = arena_take_floats(loader->arena, tensor->n_elements, 1);
    if (floats == NULL)
        return error_no_memory(err, safetensors_path(loader->file));
    m->data = floats;
    return to_floats(loader, tensor, floats, err);
}

/* Makes panels of a matrix of floats. source, m: the matrix before and after */
static bool pack(const struct weights_loader *loader, const struct matrix *source, struct matrix *m,
                 struct error *err) {
    enum matrix_format format = loader->wanted == WEIGHTS_INT8 ? MATRIX_INT8 : MATRIX_BF16;
    size_t data_bytes, scale_bytes;
    if (!packed_sizes(format, source->n_in, source->n_out, &data_bytes, &scale_bytes) ||
        data_bytes > SIZE_MAX - scale_bytes)
        return error_no_memory(err, safetensors_path(loader->file));
    unsigned char *panels = arena_take(loader->arena, data_bytes + scale_bytes);
    if (panels == NULL)
        return error_no_memory(err, safetensors_path(loader->file));
    uint16_t *scales = format == MATRIX_INT8 ? (void *)(panels + data_bytes) : NULL;
    matrix_pack(source, format, panels, scales, loader->kernels, loader->pool, m);
    return true;
}

/* Panels of a tensor: from where it is mapped, or by way of floats when it is none. */
static bool load_packed(const struct weights_loader *loader,
                        const struct safetensors_tensor *tensor, struct matrix *m,
                        struct error *err) {
    struct matrix source = *m;
    if (strcmp(tensor->dtype, "F32") == 0) {
        source.data = tensor->data;
        return pack(loader, &source, m, err);
    }
    float *floats = tensor_new(tensor->n_elements);
    source.data = floats;
    bool packed = (floats != NULL || error_no_memory(err, safetensors_path(loader->file))) &&
                  to_floats(loader, tensor, floats, err) && pack(loader, &source, m, err);
    tensor_free(floats);
    return packed;
}

bool weights_load(const struct weights_loader *loader, const char *name, enum weights_layout layout,
                  size_t n_in, size_t n_out, struct matrix *m, bool *mapped, struct error *err) {
    const struct safetensors_tensor *tensor = safetensors_find(loader->file, name);
    struct shape shape = layout == WEIGHTS_IN_OUT ? shape_2(n_in, n_out) : shape_2(n_out, n_in);
    *mapped = tensor != NULL && is_panels(tensor, n_in, n_out, m);
    if (*mapped)
        return use_panels(loader, name, m, err);
    tensor = weights_find(loader->file, name, &shape, err);
    if (tensor == NULL)
        return false;
    *m = (struct matrix){layout == WEIGHTS_IN_OUT ? MATRIX_F32_IN_OUT : MATRIX_F32_OUT_IN, NULL,
                         NULL, n_in, n_out};
    bool packed = loader->wanted == WEIGHTS_BF16 || loader->wanted == WEIGHTS_INT8;
    bool loaded =
        packed ? load_packed(loader, tensor, m, err) : load_floats(loader, tensor, m, err);
    // Without this the file and the weights are both in memory until all tensors are loaded.
    safetensors_release(loader->file, tensor);
    return loaded;
}
