/*
 * random.h - random numbers that are the same on every machine.
 *
 * The C library's rand() differs from system to system; with this generator a seed gives the same
 * numbers everywhere. It is SplitMix64: a counter that is stepped by a constant and scrambled.
 * Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014,
 * https://doi.org/10.1145/2660193.2660195. Not for secrets.
 */
#ifndef COMMON_RANDOM_H
#define COMMON_RANDOM_H

#include <stdint.h>

struct random_source {
    uint64_t counter; // begin with the seed; any value is fine
};

/* 64 random bits. */
uint64_t random_bits(struct random_source *source);

/* A number in [0, 1), every multiple of 2^-53 equally likely. */
double random_uniform(struct random_source *source);

#endif
