#include "engine.h"

#include "../../common/tensor.h"

bool engine_open(struct engine *engine, const char *folder, bool cached,
                 enum weights_format weights, size_t n_threads, struct error *err) {
    *engine = (struct engine){NULL, NULL, NULL, NULL};
    engine->model = cached ? gpt2_model_open_for_engine(folder, weights, n_threads, err)
                           : gpt2_model_open(folder, err);
    if (engine->model == NULL)
        return false;
    if (cached) {
        engine->session = gpt2_session_new(engine->model, n_threads, err);
        return engine->session != NULL;
    }
    engine->transformer = transformer_new(engine->model, engine->model->config.n_ctx, err);
    engine->logits = tensor_new(engine->model->config.vocab_size);
    if (engine->transformer != NULL && engine->logits == NULL)
        error_no_memory(err, "the logits");
    return engine->transformer != NULL && engine->logits != NULL;
}

void engine_close(struct engine *engine) {
    gpt2_session_free(engine->session);
    transformer_free(engine->transformer);
    tensor_free(engine->logits);
    gpt2_model_close(engine->model);
    *engine = (struct engine){NULL, NULL, NULL, NULL};
}

const float *engine_logits(struct engine *engine, const struct token_list *ids, struct error *err) {
    if (engine->session != NULL) {
        // Nothing new to take (a text that is continued): its last token gives the logits again.
        if (gpt2_n_past(engine->session) == ids->count)
            gpt2_rewind(engine->session, ids->count - 1);
        size_t n_past = gpt2_n_past(engine->session);
        bool taken = gpt2_prefill(engine->session, ids->ids + n_past, ids->count - n_past,
                                  GPT2_LOGITS_LAST, err);
        return taken ? gpt2_logits(engine->session) : NULL;
    }
    if (!transformer_forward(engine->transformer, ids->ids, ids->count, NULL, err))
        return NULL;
    transformer_logits(engine->transformer, ids->count - 1, engine->logits);
    return engine->logits;
}

void engine_reset(struct engine *engine) {
    if (engine->session != NULL)
        gpt2_rewind(engine->session, 0);
}
