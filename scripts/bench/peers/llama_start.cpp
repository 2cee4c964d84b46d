// llama_start - llama.cpp from its start to the first token.
//
//     llama_start MODEL.gguf THREADS     prints the token after the tokens 100 to 107, and the first
//                                        four scores
//
// llama-bench doesn't measure this, and a program with a prompt would also time its tokenizer.
#include "llama.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

static void no_log(ggml_log_level, const char *, void *) {
}

static llama_context *open_model(const char *path, int threads) {
    llama_model_params of_model = llama_model_default_params();
    of_model.n_gpu_layers = 0;
    llama_model *model = llama_model_load_from_file(path, of_model);
    if (!model)
        return nullptr;
    llama_context_params of_context = llama_context_default_params();
    of_context.n_ctx = 1024; // as many positions as GPT-2 has
    of_context.n_threads = of_context.n_threads_batch = threads;
    return llama_init_from_model(model, of_context);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: llama_start MODEL.gguf THREADS\n");
        return 2;
    }
    llama_log_set(no_log, nullptr);
    llama_backend_init();
    llama_context *context = open_model(argv[1], atoi(argv[2]));
    std::vector<llama_token> text(8);
    std::iota(text.begin(), text.end(), 100);
    if (!context ||
        llama_decode(context, llama_batch_get_one(text.data(), (int)text.size())) != 0) {
        fprintf(stderr, "llama_start: %s can't be read or evaluated\n", argv[1]);
        return 1;
    }
    const float *scores = llama_get_logits_ith(context, -1); // of the last token
    int n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(llama_get_model(context)));
    int best = (int)(std::max_element(scores, scores + n_vocab) - scores);
    printf("%d %f %f %f %f\n", best, scores[0], scores[1], scores[2], scores[3]);
    fflush(stdout);
    std::_Exit(0); // tearing down is not of interest
}
