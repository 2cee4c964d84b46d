/* Any header in front of as many bytes of data as the first byte of the input says. */
#include "open_safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes input = {data, size};
    uint8_t data_length;
    take(&input, &data_length, sizeof data_length);
    size_t file_size = 8 + input.size + data_length;
    uint8_t *file = calloc(1, file_size);
    check(file != NULL, "no memory");
    for (size_t i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)input.size >> (8 * i));
    if (input.size > 0)
        memcpy(file + 8, input.data, input.size);
    open_safetensors(fuzz_write("model.safetensors", file, file_size), file_size);
    free(file);
    return 0;
}
