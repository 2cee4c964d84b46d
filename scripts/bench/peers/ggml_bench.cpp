// ggml_bench - times the GPT-2 of ggml's examples.
//
//     ggml_bench decode|prefill MODEL.bin THREADS    prints tokens/s
//     ggml_bench start MODEL.bin THREADS             prints the token after the tokens 100 to 107, and
//                                                    the first four scores
//
// The model is the example's own, which is compiled in; only its main function is replaced.
#define main main_of_example
#include "main-backend.cpp"
#undef main

#include <algorithm>
#include <fcntl.h>
#include <numeric>
#include <random>
#include <unistd.h>

static const int n_positions = 1024;

using tokens = std::vector<gpt_vocab::id>;

struct engine {
    gpt2_model model;
    gpt_vocab vocab; // read, since it stands in the file, and not used
    ggml_gallocr_t allocator = nullptr;
    int threads = 1;
    std::vector<float> scores; // [n_vocab], after the last evaluation

    // at_once: the most tokens that one evaluation will have.
    bool open(const char *path, int at_once) {
        if (!gpt2_model_load(path, model, vocab, n_positions, 0))
            return false;
        allocator = ggml_gallocr_new(ggml_backend_get_default_buffer_type(model.backend));
        return ggml_gallocr_reserve(allocator, gpt2_graph(model, n_positions - at_once, at_once));
    }

    void evaluate(int past, const tokens &text) {
        gpt2_eval(model, allocator, threads, past, text, scores);
    }
};

// Leaves standard output to us: the example reports there and on standard error while it loads.
static int take_output() {
    int output = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    return output;
}

static tokens random_tokens(size_t count, int n_vocab) {
    std::mt19937 random(1);
    tokens made(count);
    for (auto &id : made)
        id = (gpt_vocab::id)(random() % (unsigned)n_vocab);
    return made;
}

// Tokens/s for n tokens, one by one, after a text of 16.
static double decode(engine &gpt2, const tokens &ids, int n) {
    gpt2.evaluate(0, tokens(ids.begin(), ids.begin() + 16));
    int64_t begin = ggml_time_us();
    for (int i = 16; i < 16 + n; i++)
        gpt2.evaluate(i, {ids[(size_t)i]});
    return n * 1e6 / (double)(ggml_time_us() - begin);
}

// Tokens/s for n tokens at once.
static double prefill(engine &gpt2, const tokens &ids, int n) {
    tokens text(ids.begin(), ids.begin() + n);
    int64_t begin = ggml_time_us();
    gpt2.evaluate(0, text);
    return n * 1e6 / (double)(ggml_time_us() - begin);
}

static void start(engine &gpt2, int output) {
    tokens text(8);
    std::iota(text.begin(), text.end(), 100);
    gpt2.evaluate(0, text);
    const std::vector<float> &s = gpt2.scores;
    long best = std::max_element(s.begin(), s.end()) - s.begin();
    dprintf(output, "%ld %f %f %f %f\n", best, s[0], s[1], s[2], s[3]);
}

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: ggml_bench decode|prefill|start MODEL.bin THREADS\n");
        return 2;
    }
    std::string what = argv[1];
    int output = take_output();
    ggml_time_init();
    engine gpt2;
    gpt2.threads = atoi(argv[3]);
    if (!gpt2.open(argv[2], what == "prefill" ? 512 : 32)) // 32 is the example's own choice
        return 1;
    if (what == "start") {
        start(gpt2, output);
        return 0;
    }
    auto measure = what == "prefill" ? prefill : decode;
    tokens ids = random_tokens(n_positions, gpt2.model.hparams.n_vocab);
    measure(gpt2, ids, what == "prefill" ? 512 : 8); // warms up
    dprintf(output, "%.6g\n", measure(gpt2, ids, what == "prefill" ? 512 : 200));
    return 0;
}
