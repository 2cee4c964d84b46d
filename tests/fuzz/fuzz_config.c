/* Any bytes as config.json: sizes that were accepted are ones that the model's code may rely on. */
#include "fuzz.h"

#include <math.h>

#include "../../common/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct error err = {""};
    struct gpt2_config config;
    fuzz_write("config.json", data, size);
    if (!gpt2_config_read(fuzz_folder(), &config, &err)) {
        check_message(&err);
        return 0;
    }
    check(config.vocab_size >= 1 && config.n_ctx >= 1 && config.n_embd >= 1 && config.n_head >= 1,
          "a size of 0");
    check(config.n_inner >= 1, "n_inner is 0");
    check(config.n_embd % config.n_head == 0, "%zu, %zu", config.n_embd, config.n_head);
    check(isfinite(config.layer_norm_epsilon) && config.layer_norm_epsilon >= 0.0f, "%g",
          (double)config.layer_norm_epsilon);
    check(config.activation == GPT2_GELU_TANH || config.activation == GPT2_GELU_EXACT, "%d",
          (int)config.activation);
    return 0;
}
