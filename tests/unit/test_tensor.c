/* common/tensor.h: shapes, and memory for arrays of numbers. */
#include "support.h"

#include <math.h>

#include "../../common/tensor.h"

TEST(size_multiply_multiplies) {
    size_t product;
    assert_true(size_multiply(6, 7, &product));
    assert_int_equal(product, 42);
    assert_true(size_multiply(0, SIZE_MAX, &product));
    assert_int_equal(product, 0);
    assert_true(size_multiply(SIZE_MAX, 0, &product));
    assert_int_equal(product, 0);
}

TEST(size_multiply_goes_up_to_the_last_size) {
    size_t product;
    assert_true(size_multiply(SIZE_MAX, 1, &product));
    assert_int_equal(product, SIZE_MAX);
    assert_true(size_multiply(SIZE_MAX / 2, 2, &product));
    assert_int_equal(product, SIZE_MAX - 1);
}

TEST(size_multiply_refuses_what_does_not_fit) {
    size_t product;
    assert_false(size_multiply(SIZE_MAX, 2, &product));
    assert_false(size_multiply(SIZE_MAX / 2 + 1, 2, &product));
    assert_false(size_multiply(SIZE_MAX, SIZE_MAX, &product));
}

TEST(a_shape_counts_its_elements) {
    struct shape shape = shape_3(12, 1024, 64);
    size_t count;
    assert_true(shape_count(&shape, &count));
    assert_int_equal(count, 12 * 1024 * 64);
}

TEST(rank_0_is_one_number) {
    struct shape shape = {.rank = 0};
    size_t count;
    assert_true(shape_count(&shape, &count));
    assert_int_equal(count, 1);
}

TEST(a_zero_makes_the_shape_empty_however_large_the_rest) {
    struct shape shape = shape_3(SIZE_MAX, SIZE_MAX, 0);
    size_t count = 7;
    assert_true(shape_count(&shape, &count));
    assert_int_equal(count, 0);
}

TEST(a_shape_with_too_many_elements_is_refused) {
    struct shape shape = shape_3(SIZE_MAX / 4, 2, 3);
    size_t count;
    assert_false(shape_count(&shape, &count));
}

TEST(the_makers_of_shapes_fill_rank_and_dimensions) {
    struct shape one = shape_1(5), two = shape_2(5, 6), three = shape_3(5, 6, 7);
    assert_int_equal(one.rank, 1);
    assert_int_equal(two.rank, 2);
    assert_int_equal(three.rank, 3);
    assert_int_equal(one.dims[0], 5);
    assert_int_equal(two.dims[1], 6);
    assert_int_equal(three.dims[2], 7);
}

TEST(shapes_are_equal_when_rank_and_dimensions_are) {
    struct shape a = shape_2(2, 3), same = shape_2(2, 3), other = shape_2(3, 2);
    struct shape longer = shape_3(2, 3, 1);
    assert_true(shape_equal(&a, &same));
    assert_false(shape_equal(&a, &other));
    assert_false(shape_equal(&a, &longer));
}

TEST(dimensions_beyond_the_rank_do_not_matter) {
    struct shape a = shape_1(2), b = shape_1(2);
    a.dims[1] = 99;
    assert_true(shape_equal(&a, &b));
}

TEST(a_shape_prints_in_brackets) {
    char text[SHAPE_TEXT_SIZE];
    struct shape shape = shape_2(50257, 768);
    assert_string_equal(shape_text(&shape, text), "[50257, 768]");
    shape = shape_1(3);
    assert_string_equal(shape_text(&shape, text), "[3]");
    shape.rank = 0;
    assert_string_equal(shape_text(&shape, text), "[]");
}

TEST(the_longest_shape_fits_its_text) {
    char text[SHAPE_TEXT_SIZE];
    struct shape shape = {.rank = SHAPE_MAX_RANK};
    for (size_t i = 0; i < SHAPE_MAX_RANK; i++)
        shape.dims[i] = SIZE_MAX;
    size_t length = strlen(shape_text(&shape, text));
    char longest[32];
    snprintf(longest, sizeof longest, "%zu", SIZE_MAX);
    assert_int_equal(length, 2 + 8 * strlen(longest) + 7 * strlen(", "));
    assert_int_equal(text[length - 1], ']');
}

TEST(tensors_are_aligned_and_writable) {
    for (size_t count = 0; count < 70; count++) {
        float *data = tensor_new(count);
        assert_non_null(data);
        assert_int_equal((uintptr_t)data % TENSOR_ALIGNMENT, 0);
        for (size_t i = 0; i < count; i++)
            data[i] = 1.0f;
        tensor_free(data);
    }
}

TEST(a_tensor_too_large_for_memory_is_null) {
    assert_null(tensor_new(SIZE_MAX));
    assert_null(tensor_new(SIZE_MAX / sizeof(float)));
    assert_null(tensor_new((SIZE_MAX - TENSOR_ALIGNMENT) / sizeof(float) + 1));
}

TEST(a_table_whose_size_overflows_is_null) {
    // With 64 bits, 2^33 * 2^33 is 2^66: as a size_t that would be 4.
    size_t half = SIZE_MAX / 2 + 1; // and half * 2 would be 0
    while (half > SIZE_MAX / half)
        half /= 2;
    assert_null(tensor_new_2(half * 2, half * 2));
    assert_null(tensor_new_2(SIZE_MAX / 2 + 1, 2));
    assert_null(tensor_new_2(SIZE_MAX, 2));
}

TEST(a_table_has_room_for_rows_times_columns) {
    float *table = tensor_new_2(3, 5);
    assert_non_null(table);
    memset(table, 0, 15 * sizeof *table);
    tensor_free(table);
}

TEST(the_largest_difference_is_found_on_either_side) {
    const float a[] = {1.0f, -2.0f, 3.0f}, b[] = {1.5f, 1.0f, 2.0f};
    assert_true(tensor_difference(a, b, 3) == 3.0);
    assert_true(tensor_difference(b, a, 3) == 3.0);
    assert_true(tensor_difference(a, a, 3) == 0.0);
    assert_true(tensor_difference(a, b, 0) == 0.0);
}

TEST(not_a_number_is_infinitely_different) {
    const float a[] = {NAN, 1.0f}, b[] = {0.0f, 5.0f};
    assert_true(isinf(tensor_difference(a, b, 2)));
    assert_true(isinf(tensor_difference(b, a, 2)));
    assert_true(isinf(tensor_difference(a, a, 2)));
}

TEST(freeing_null_is_fine) {
    tensor_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_multiply_multiplies),
        cmocka_unit_test(size_multiply_goes_up_to_the_last_size),
        cmocka_unit_test(size_multiply_refuses_what_does_not_fit),
        cmocka_unit_test(a_shape_counts_its_elements),
        cmocka_unit_test(rank_0_is_one_number),
        cmocka_unit_test(a_zero_makes_the_shape_empty_however_large_the_rest),
        cmocka_unit_test(a_shape_with_too_many_elements_is_refused),
        cmocka_unit_test(the_makers_of_shapes_fill_rank_and_dimensions),
        cmocka_unit_test(shapes_are_equal_when_rank_and_dimensions_are),
        cmocka_unit_test(dimensions_beyond_the_rank_do_not_matter),
        cmocka_unit_test(a_shape_prints_in_brackets),
        cmocka_unit_test(the_longest_shape_fits_its_text),
        cmocka_unit_test(tensors_are_aligned_and_writable),
        cmocka_unit_test(a_tensor_too_large_for_memory_is_null),
        cmocka_unit_test(a_table_whose_size_overflows_is_null),
        cmocka_unit_test(a_table_has_room_for_rows_times_columns),
        cmocka_unit_test(the_largest_difference_is_found_on_either_side),
        cmocka_unit_test(not_a_number_is_infinitely_different),
        cmocka_unit_test(freeing_null_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
