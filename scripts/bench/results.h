/*
 * results.h - what was measured, as a JSON file keeps it.
 *
 *     {"facts": {"date": "2026-11-24", "processor": "...", "rounds": "7", ...},
 *      "peers": {"llama.cpp": "version", ...},
 *      "measurements": [{"what": "decode", "format": "f32", "threads": 2, "who": "gpt2",
 *                        "samples": [82.9, ...], "median": 83.1, "limit": 90.3, "share": 0.92},
 *                       {..., "who": "llama.cpp", ..., "ratio": 1.2}, ...]}
 *
 * what, with its unit:
 *     decode, prefill                              tokens/s
 *     decode_near, decode_far                      tokens/s at two positions
 *     prefill_half, prefill_whole                  tokens/s of two lengths
 *     decode_busy, prefill_busy                    tokens/s while another process keeps a core busy
 *     first_token                                  seconds
 *     memory                                       bytes
 *     bandwidth, arithmetic                        bytes/s, operations/s: the machine's limits
 *     bytes_per_token, operations_per_prompt_token what there is to do; threads is 0 here
 * who is "gpt2" for this project's program, "machine" for limits, or a peer's name.
 *
 * Limit and share are there for decode and prefill, ratio where a peer did them. The share is the
 * median of what the rounds say, each by its own limit, and so is the ratio, of ours to a peer's:
 * when the machine slows down for a round, all of the round slows down with it.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../common/error.h"
#include "../../common/json.h"

/* Reads a file of results. NULL with *err filled in; cJSON_Delete frees it. */
cJSON *results_read(const char *path, struct error *err);

/* The measurement, or NULL when there is none. */
cJSON *results_find(const cJSON *results, const char *what, const char *format, int threads,
                    const char *who);

/* A number of a measurement, such as its "median"; NaN when there is none, or no measurement. */
double results_number(const cJSON *measurement, const char *name);

/* A fact's text; "?" when there is none. */
const char *results_fact(const cJSON *results, const char *name);

/* The number of threads of the main table: as many as the machine has cores. */
int results_threads(const cJSON *results);

extern const char *const results_formats[3]; // f32, bf16, int8

#endif
