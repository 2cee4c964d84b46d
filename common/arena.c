#include "arena.h"

#include <stdint.h>
#include <stdlib.h>

#include "tensor.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#if !defined(ASAN_POISON_MEMORY_REGION)
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

enum { CHUNK_BYTES = 32 << 20 }; // a block's weights of GPT-2 124M in F32 are 28 MB

/* The chunks are a list, newest first. */
struct arena_chunk {
    struct arena_chunk *older;
    unsigned char *data; // [size]
    size_t size, used;
};

/* What a piece takes: whole cache lines, and one or two more behind it that nobody may touch, which
 * AddressSanitizer watches. 0 when that is too much for a size_t. */
static size_t room_for(size_t bytes) {
    const size_t line = TENSOR_ALIGNMENT;
    return bytes > SIZE_MAX - 3 * line ? 0 : (bytes / line + 2) * line;
}

/* Puts a new chunk with at least `room` bytes before the others. NULL without memory. */
static struct arena_chunk *add_chunk(struct arena *arena, size_t room) {
    struct arena_chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    chunk->size = room > CHUNK_BYTES ? room : CHUNK_BYTES;
    chunk->data = tensor_memory(chunk->size);
    if (chunk->data == NULL) {
        free(chunk);
        return NULL;
    }
    ASAN_POISON_MEMORY_REGION(chunk->data, chunk->size);
    chunk->older = arena->newest;
    arena->newest = chunk;
    return chunk;
}

void *arena_take(struct arena *arena, size_t bytes) {
    struct arena_chunk *chunk = arena->newest;
    size_t room = room_for(bytes);
    if (room == 0)
        return NULL;
    if (chunk == NULL || chunk->size - chunk->used < room)
        chunk = add_chunk(arena, room);
    if (chunk == NULL)
        return NULL;
    unsigned char *piece = chunk->data + chunk->used;
    chunk->used += room;
    ASAN_UNPOISON_MEMORY_REGION(piece, bytes);
    return piece;
}

float *arena_take_floats(struct arena *arena, size_t rows, size_t columns) {
    size_t count, bytes;
    if (!size_multiply(rows, columns, &count) || !size_multiply(count, sizeof(float), &bytes))
        return NULL;
    return arena_take(arena, bytes);
}

void arena_free(struct arena *arena) {
    while (arena->newest != NULL) {
        struct arena_chunk *chunk = arena->newest;
        arena->newest = chunk->older;
        ASAN_UNPOISON_MEMORY_REGION(chunk->data, chunk->size);
        tensor_free(chunk->data);
        free(chunk);
    }
}
