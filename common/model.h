/*
 * model.h - a GPT-2 folder in memory: its configuration and its weights by name.
 *
 * A Hugging Face GPT-2 folder holds config.json (the sizes), model.safetensors (the numbers),
 * vocab.json and merges.txt (the tokenizer, tokenizer.h). Every size of GPT-2 has the same parts:
 *
 *     wte                       what each token means           [vocab_size, n_embd]
 *     wpe                       what each position means        [n_ctx, n_embd]
 *     h.0 ... h.{n_layer - 1}   the blocks, each with
 *         ln_1, ln_2            layer norms                     weight and bias [n_embd]
 *         attn.c_attn           Q, K and V in one               [n_embd, 3 * n_embd]
 *         attn.c_proj           back into the stream            [n_embd, n_embd]
 *         mlp.c_fc              widen                           [n_embd, n_inner]
 *         mlp.c_proj            narrow                          [n_inner, n_embd]
 *     ln_f                      the final layer norm            weight and bias [n_embd]
 *     lm_head                   scores for every token          [vocab_size, n_embd], mostly wte
 */
#ifndef COMMON_MODEL_H
#define COMMON_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "error.h"
#include "kernels/matrix.h"
#include "safetensors.h"
#include "weights.h"

enum gpt2_activation {
    GPT2_GELU_TANH,  // config.json: gelu_new (every published GPT-2), or gelu_pytorch_tanh
    GPT2_GELU_EXACT, // config.json: gelu
};

/* config.json. All sizes are at least 1, but n_layer may be 0; n_head divides n_embd. */
struct gpt2_config {
    size_t vocab_size; // tokens: 50257 for GPT-2
    size_t n_ctx;      // positions: the longest text, in tokens; 1024
    size_t n_embd;     // numbers per token: 768 for GPT-2 124M
    size_t n_head;     // attention heads per block: 12
    size_t n_layer;    // blocks: 12
    size_t n_inner;    // the MLP's width: 4 * n_embd where config.json does not say
    float layer_norm_epsilon;
    enum gpt2_activation activation;
};

/*
 * The weights of one block. Those of the linear layers are there twice over, not in memory but in
 * name: as arrays to be read by people and by transformer.h, and as matrices for the engine, in
 * whatever format it was opened with (weights.h). A model opened for the engine has no such arrays.
 */
struct gpt2_layer {
    float *ln_1_weight;        // [n_embd]
    float *ln_1_bias;          // [n_embd]
    float *attn_c_attn_weight; // [n_embd, 3 * n_embd]
    float *attn_c_attn_bias;   // [3 * n_embd]
    float *attn_c_proj_weight; // [n_embd, n_embd]
    float *attn_c_proj_bias;   // [n_embd]
    float *ln_2_weight;        // [n_embd]
    float *ln_2_bias;          // [n_embd]
    float *mlp_c_fc_weight;    // [n_embd, n_inner]
    float *mlp_c_fc_bias;      // [n_inner]
    float *mlp_c_proj_weight;  // [n_inner, n_embd]
    float *mlp_c_proj_bias;    // [n_embd]

    struct matrix attn_c_attn, attn_c_proj, mlp_c_fc, mlp_c_proj; // the same weights
};

/* A tensor of a block: how a file calls it, and where it is. */
struct gpt2_tensor {
    const char *name;      // behind "h.3." for block 3
    size_t n_in, n_out;    // [n_in, n_out]; an array [n_out] has n_in 1
    float **array;         // in the block
    struct matrix *matrix; // in the block: the same as a matrix; NULL for what is none
};

enum { GPT2_LAYER_TENSORS = 12 };

struct gpt2_model {
    struct gpt2_config config;
    float *wte;                // [vocab_size, n_embd]
    float *wpe;                // [n_ctx, n_embd]
    struct gpt2_layer *layers; // [n_layer]
    float *ln_f_weight;        // [n_embd]
    float *ln_f_bias;          // [n_embd]
    float *lm_head;            // [vocab_size, n_embd]: wte itself when the file has no lm_head

    struct matrix embeddings, head; // wte and lm_head as matrices, n_embd in and vocab_size out
    enum weights_format weights;    // what the matrices hold; never WEIGHTS_AS_STORED

    size_t n_parameters;      // numbers in the tensors above; a tied lm_head counts once
    size_t n_bytes_per_token; // weights that are read to decode one token
    struct arena arena;       // the memory that holds them
    struct safetensors *file; // of a quantized folder, whose matrices are mapped; else NULL
};

/*
 * Reads config.json alone. Refused: what is no GPT-2 (model_type), settings that change the
 * arithmetic in ways this program does not know, sizes that do not fit together.
 */
bool gpt2_config_read(const char *folder, struct gpt2_config *config, struct error *err);

/*
 * Reads config.json and model.safetensors in a folder; every tensor must be there in the shape
 * that the configuration asks for. F32, F16 and BF16 files, and folders written by --quantize, are
 * widened to float. Names may begin with "transformer."; the causal-mask buffers of old files are
 * ignored. NULL with *err filled in. gpt2_model_close frees it; NULL is fine there. An open model
 * never changes: threads may share it.
 */
struct gpt2_model *gpt2_model_open(const char *folder, struct error *err);

/*
 * The same for the engine alone (gpt2.h): the linear layers and embeddings are there as matrices in
 * the format that is wanted, and not as arrays. n_threads: to copy or convert them.
 */
struct gpt2_model *gpt2_model_open_for_engine(const char *folder, enum weights_format wanted,
                                              size_t n_threads, struct error *err);
void gpt2_model_close(struct gpt2_model *model);

/*
 * The one table of a block's tensors, the matrices first: loading, linking and quantizing walk it.
 *   tensors  [GPT2_LAYER_TENSORS]  written; they point into *layer
 */
void gpt2_layer_tensors(const struct gpt2_config *config, struct gpt2_layer *layer,
                        struct gpt2_tensor *tensors);

/* Makes the matrices of a model point to its arrays, all of which must be there. */
void gpt2_model_link(struct gpt2_model *model);

/*
 * A model with random weights, spread as GPT-2's were before its training: it says nothing
 * sensible, and takes as long as a trained one of the same sizes. 124 million numbers take a fraction
 * of a second. The same seed gives the same model on every machine. config: sizes as described
 * above. NULL with *err filled in when there is not enough memory; gpt2_model_close frees it.
 */
struct gpt2_model *gpt2_model_random(const struct gpt2_config *config, uint64_t seed,
                                     struct error *err);

#endif
