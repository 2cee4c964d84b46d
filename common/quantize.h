/*
 * quantize.h - writes a model with smaller weights to a folder of its own.
 *
 * The folder is a GPT-2 folder like any other, with the same config.json, vocab.json and merges.txt.
 * Its model.safetensors holds the linear layers and embeddings in panels of BF16 or int8 (weights.h
 * has the shapes), aligned, so that the engine maps the file and uses it as it is. The layout is the
 * same for every processor.
 */
#ifndef COMMON_QUANTIZE_H
#define COMMON_QUANTIZE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "weights.h"

/*
 * Writes the model of `folder` to the folder `out`, which is made, or must hold no model yet
 * (copies of its small files may be there, from an attempt that was interrupted). weights:
 * WEIGHTS_BF16 or WEIGHTS_INT8, no other. false with *err filled in.
 * model.safetensors is written last, and gets its name when it is whole. Ctrl-C leaves no other
 * piece of it, kill -9 may (files.h); that does not stop the next attempt.
 */
bool quantize_folder(const char *folder, const char *out, enum weights_format weights,
                     size_t n_threads, struct error *err);

#endif
