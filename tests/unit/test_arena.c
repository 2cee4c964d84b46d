/* common/arena.h: pieces of memory that are freed together. */
#include "support.h"

#include "../../common/arena.h"
#include "../../common/tensor.h"

TEST(pieces_are_aligned_and_do_not_overlap) {
    struct arena arena = {0};
    struct random_source random = {1};
    enum { PIECES = 200 };
    unsigned char *pieces[PIECES];
    size_t sizes[PIECES];
    for (size_t i = 0; i < PIECES; i++) {
        sizes[i] = (size_t)(random_bits(&random) % 1000);
        pieces[i] = arena_take(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % TENSOR_ALIGNMENT, 0);
        memset(pieces[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < PIECES; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(pieces[i][k], (unsigned char)i);
    }
    arena_free(&arena);
}

/* One byte less than a chunk, a whole one, and more than one can hold; then small ones again. */
TEST(pieces_may_be_larger_than_a_chunk) {
    enum { CHUNK = 32 << 20 };
    static const size_t sizes[] = {CHUNK - 1, 1, CHUNK, CHUNK + 1, 3 * CHUNK, 64, 0};
    struct arena arena = {0};
    unsigned char *pieces[LENGTH(sizes)];
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        pieces[i] = arena_take(&arena, sizes[i]);
        assert_non_null(pieces[i]);
        if (sizes[i] > 0)
            pieces[i][0] = pieces[i][sizes[i] - 1] = (unsigned char)(i + 1);
    }
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        if (sizes[i] > 0)
            assert_true(pieces[i][0] == i + 1 && pieces[i][sizes[i] - 1] == i + 1);
    }
    arena_free(&arena);
    assert_non_null(arena_take(&arena, 10)); // it can be used again
    arena_free(&arena);
}

TEST(what_cannot_be_had_is_null_and_spoils_nothing) {
    struct arena arena = {0};
    float *before = arena_take_floats(&arena, 10, 10);
    assert_non_null(before);
    before[99] = 7;
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_take(&arena, SIZE_MAX - 64));
    assert_null(arena_take_floats(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_take_floats(&arena, SIZE_MAX / 4 + 1, 1));
    assert_non_null(arena_take_floats(&arena, 1, 1));
    assert_true(before[99] == 7);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(pieces_may_be_larger_than_a_chunk),
        cmocka_unit_test(what_cannot_be_had_is_null_and_spoils_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
