/*
 * A whole small folder, through load and four tokens. The input: a byte that says how to open it,
 * the length of config.json in two bytes, config.json, model.safetensors.
 *
 * Both ways to compute are run, the engine and the readable transformer, on all formats.
 */
#include "fuzz.h"

#include "../../common/gpt2.h"
#include "../../common/ops.h"
#include "../../common/sampler.h"
#include "../../common/tensor.h"
#include "../../common/transformer.h"

enum { N_TOKENS = 4, READABLE = 4 };

/* Sizes that the memory of one machine can't serve are refused with a message; larger ones than a
 * test should take are left alone. */
static bool is_small(const struct gpt2_config *config) {
    size_t most = config->n_ctx;
    return config->n_ctx <= 4096 && config->n_inner <= 65536 &&
           size_multiply(most, config->n_head, &most) && most <= 65536;
}

static uint32_t next_token(struct sampler *sampler, const float *logits, size_t n) {
    struct error err = {""};
    uint32_t id = 0;
    if (!sampler_next(sampler, logits, n, &id, &err))
        check_message(&err);
    check(id < n, "id %lu", (unsigned long)id);
    return id;
}

static void run_engine(const struct gpt2_model *model, size_t n_threads, struct sampler *sampler) {
    size_t vocab_size = model->config.vocab_size, n_ctx = model->config.n_ctx;
    struct error err = {""};
    struct gpt2_session *session = gpt2_session_new(model, n_threads, &err);
    if (session == NULL) {
        check_message(&err);
        return;
    }
    uint32_t ids[3] = {0, (uint32_t)(vocab_size - 1), (uint32_t)(vocab_size / 2)};
    size_t n = n_ctx < 3 ? n_ctx : 3;
    check(gpt2_prefill(session, ids, n, GPT2_LOGITS_ALL, &err), "%s", err.message);
    float *all = tensor_new_2(n, vocab_size);
    check(all != NULL && gpt2_logits_at(session, 0, n, all, &err), "%s", err.message);
    tensor_free(all);
    for (size_t i = 0; i < N_TOKENS; i++) {
        uint32_t id = next_token(sampler, gpt2_logits(session), vocab_size);
        bool room = gpt2_n_past(session) < n_ctx;
        check(gpt2_decode(session, id, &err) == room, "%s", err.message);
    }
    gpt2_session_free(session);
}

static void run_transformer(const struct gpt2_model *model, struct sampler *sampler) {
    size_t vocab_size = model->config.vocab_size;
    size_t max_len = model->config.n_ctx < N_TOKENS + 1 ? model->config.n_ctx : N_TOKENS + 1;
    struct error err = {""};
    struct transformer *transformer = transformer_new(model, max_len, &err);
    float *logits = tensor_new(vocab_size);
    check(transformer != NULL && logits != NULL, "%s", err.message);
    uint32_t ids[N_TOKENS + 1] = {(uint32_t)(vocab_size - 1)};
    for (size_t n = 1; n < max_len; n++) {
        check(transformer_forward(transformer, ids, n, NULL, &err), "%s", err.message);
        transformer_logits(transformer, n - 1, logits);
        ids[n] = next_token(sampler, logits, vocab_size);
    }
    transformer_free(transformer);
    tensor_free(logits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes input = {data, size};
    uint8_t how;
    uint16_t config_length;
    take(&input, &how, sizeof how);
    take(&input, &config_length, sizeof config_length);
    size_t length = config_length < input.size ? config_length : input.size;
    fuzz_write("config.json", input.data, length);
    fuzz_write("model.safetensors", input.data + length, input.size - length);

    struct error err = {""};
    bool readable = how % 5 == READABLE;
    size_t n_threads = 1 + how / 5 % 2;
    struct gpt2_model *model =
        readable ? gpt2_model_open(fuzz_folder(), &err)
                 : gpt2_model_open_for_engine(fuzz_folder(), (enum weights_format)(how % 5),
                                              n_threads, &err);
    if (model == NULL) {
        check_message(&err);
        return 0;
    }
    if (is_small(&model->config)) {
        struct sampler *sampler = sampler_new((struct sampler_settings){1.0f, 0, 0.9f, 1},
                                              model->config.vocab_size, &err);
        check(sampler != NULL, "%s", err.message);
        if (readable)
            run_transformer(model, sampler);
        else
            run_engine(model, n_threads, sampler);
        sampler_free(sampler);
    }
    gpt2_model_close(model);
    return 0;
}
