/*
 * example - the library in thirty lines: continues a text. usage: example FOLDER "text"
 *
 *     cc -O2 -o build/example tests/example.c common/[a-z]*.c common/plot/[a-z]*.c common/kernels/[a-z]*.c \
 *         $(pkg-config --cflags --libs libcjson libutf8proc) -lm -pthread
 */
#include <stdio.h>
#include <string.h>

#include "../common/gpt2.h"
#include "../common/sampler.h"
#include "../common/tokenizer.h"

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    struct error err = {""};
    struct token_list ids = {0};
    struct sampler_settings settings = {.temperature = 0.8f, .top_k = 40, .top_p = 1, .seed = 1};
    struct tokenizer *tokenizer = tokenizer_open(argv[1], &err);
    struct gpt2_model *model =
        tokenizer != NULL ? gpt2_model_open_for_engine(argv[1], WEIGHTS_AS_STORED, 2, &err) : NULL;
    struct gpt2_session *session = model != NULL ? gpt2_session_new(model, 2, &err) : NULL;
    struct sampler *sampler = sampler_new(settings, model ? model->config.vocab_size : 1, &err);

    bool fine =
        session != NULL && sampler != NULL &&
        tokenizer_encode(tokenizer, argv[2], strlen(argv[2]), SPECIAL_AS_TEXT, &ids, &err) &&
        gpt2_prefill(session, ids.ids, ids.count, GPT2_LOGITS_LAST, &err);
    uint32_t id = 0, end_of_text = 0;
    bool has_end = fine && tokenizer_end_of_text(tokenizer, &end_of_text);
    for (int i = 0; i < 20 && fine; i++) {
        size_t length;
        fine = sampler_next(sampler, gpt2_logits(session), tokenizer_count(tokenizer), &id, &err);
        if (!fine || (has_end && id == end_of_text))
            break;
        const char *bytes = tokenizer_decode(tokenizer, id, &length);
        fwrite(bytes, 1, length, stdout);
        fine = gpt2_decode(session, id, &err);
    }
    printf("\n");
    if (!fine)
        fprintf(stderr, "example: %s\n", err.message);
    token_list_free(&ids);
    sampler_free(sampler);
    gpt2_session_free(session);
    gpt2_model_close(model);
    tokenizer_close(tokenizer);
    return fine ? 0 : 1;
}
