/*
 * bandwidth.h - how fast can this machine read the weights?
 *
 * Decoding a token reads every weight once, so it can't be faster than reading them. This measures
 * that: the model's weights are read, and nothing else is done with them. The bound on tokens per
 * second is the rate divided by model->n_bytes_per_token. It means something only for models that
 * are larger than the processor's last cache; smaller ones are not read from memory.
 */
#ifndef COMMON_BANDWIDTH_H
#define COMMON_BANDWIDTH_H

#include <stddef.h>

#include "model.h"

/* Bytes per second, the best of a few passes over all weights on n_threads threads; 0 when there are
 * no weights, or no memory for the threads. */
double bandwidth_of_weights(const struct gpt2_model *model, size_t n_threads);

/* The size of the processor's last cache in bytes; a guess of 32 MiB where the system can't tell. */
size_t last_cache_size(void);

#endif
