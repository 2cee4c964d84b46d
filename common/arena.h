/*
 * arena.h - memory for many arrays that are freed together.
 *
 * A model has some 150 tensors: all come at the beginning and go at the end. So they are cut from a
 * few large chunks, as a server cuts what one request needs from one buffer. Here that brings
 * speed: a chunk stands in large pages of memory (2 MB instead of 4 KB) where the system has
 * them, also when the tensors in it are smaller than that. The processor has to look up where a page
 * is when it comes to a new one; with large pages, that is once in 2 MB. What is left of a chunk when
 * a piece does not fit stays unused, but the system gives out only what is touched.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Begin with {0}. */
struct arena {
    struct arena_chunk *newest; // from which the next piece is cut
};

/*
 * A piece of `bytes` bytes, aligned to TENSOR_ALIGNMENT, not initialized; 0 bytes are fine. NULL when
 * it cannot be had. It lives until arena_free.
 */
void *arena_take(struct arena *arena, size_t bytes);

/* The same for rows * columns floats; NULL too when the product overflows. */
float *arena_take_floats(struct arena *arena, size_t rows, size_t columns);

/* Frees all pieces; the arena is empty then, and can be used again. */
void arena_free(struct arena *arena);

#endif
