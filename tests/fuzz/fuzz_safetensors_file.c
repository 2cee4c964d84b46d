/* Any bytes as model.safetensors. */
#include "open_safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    open_safetensors(fuzz_write("model.safetensors", data, size), size);
    return 0;
}
