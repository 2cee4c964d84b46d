/* open_safetensors.h - what must hold of a safetensors file, accepted or not. */
#ifndef TESTS_FUZZ_OPEN_SAFETENSORS_H
#define TESTS_FUZZ_OPEN_SAFETENSORS_H

#include "fuzz.h"

#include "../../common/safetensors.h"

/* Every tensor can be found and read to its last byte, and they fill the data without a gap. */
static inline void check_tensors(const struct safetensors *file, size_t file_size) {
    size_t data_start = 8 + safetensors_header_length(file), expected = 0;
    check(data_start <= file_size, "%zu, file of %zu", data_start, file_size);
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_tensor *tensor = safetensors_at(file, i);
        check(tensor->begin == expected, "tensor %s", tensor->name);
        expected += tensor->n_bytes;
        check(tensor->n_bytes <= file_size - data_start, "tensor %s", tensor->name);
        check(safetensors_find(file, tensor->name) == tensor, "tensor %s", tensor->name);
        char text[SHAPE_TEXT_SIZE];
        check(strlen(shape_text(&tensor->shape, text)) < SHAPE_TEXT_SIZE, "tensor %s",
              tensor->name);
        struct error err = {""};
        float *numbers = malloc(tensor->n_elements * sizeof *numbers + 1);
        check(numbers != NULL, "tensor %s", tensor->name);
        if (!safetensors_to_float(file, tensor, numbers, &err))
            check_message(&err);
        safetensors_release(file, tensor);
        unsigned sum = 0; // reads all of it
        for (size_t b = 0; b < tensor->n_bytes; b++)
            sum += tensor->data[b];
        check(sum <= 255 * tensor->n_bytes, "tensor %s", tensor->name);
        free(numbers);
    }
    check(data_start + expected == file_size, "%zu of %zu", data_start + expected, file_size);
}

static inline void open_safetensors(const char *path, size_t file_size) {
    struct error err = {""};
    struct safetensors *file = safetensors_open(path, &err);
    if (file == NULL)
        check_message(&err);
    else
        check_tensors(file, file_size);
    safetensors_close(file);
}

#endif
