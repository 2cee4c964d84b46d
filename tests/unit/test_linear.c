/* common/kernels/linear.h: the fast linear layer against the readable one, on odd shapes. */
#include "support.h"

#include "../../common/kernels/linear.h"
#include "../../common/ops.h"
#include "../../common/tensor.h"

/* Sizes around the kernel's tiles and vectors, and some that fit nothing. */
static const size_t sizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 63, 64, 65, 97, 129, 200};

struct operands {
    float *weight;   // [n_in, n_out]
    float *turned;   // [n_out, n_in]: the same weights the other way
    float *bias;     // [n_out]
    float *x;        // [n_rows, n_in]
    float *found;    // [n_rows * n_out + 1]
    float *expected; // [n_rows, n_out]
    size_t n_in, n_out, n_rows;
};

static struct operands make_operands(size_t n_in, size_t n_out, size_t n_rows) {
    struct random_source random = {n_in * 1000003 + n_out * 1009 + n_rows};
    struct operands o = {
        .weight = tensor_new(n_in * n_out),
        .turned = tensor_new(n_in * n_out),
        .bias = tensor_new(n_out),
        .x = tensor_new(n_rows * n_in),
        .found = tensor_new(n_rows * n_out + 1),
        .expected = tensor_new(n_rows * n_out),
        .n_in = n_in,
        .n_out = n_out,
        .n_rows = n_rows,
    };
    random_floats(&random, o.weight, n_in * n_out);
    random_floats(&random, o.bias, n_out);
    random_floats(&random, o.x, n_rows * n_in);
    for (size_t i = 0; i < n_in; i++) {
        for (size_t j = 0; j < n_out; j++)
            o.turned[j * n_in + i] = o.weight[i * n_out + j];
    }
    return o;
}

static void free_operands(struct operands *o) {
    tensor_free(o->weight);
    tensor_free(o->turned);
    tensor_free(o->bias);
    tensor_free(o->x);
    tensor_free(o->found);
    tensor_free(o->expected);
}

static struct linear_layer layer_of(const struct operands *o, enum linear_layout layout,
                                    bool with_bias) {
    return (struct linear_layer){layout == LINEAR_IN_OUT ? o->weight : o->turned,
                                 with_bias ? o->bias : NULL, o->n_in, o->n_out, layout};
}

/* The kernel and ops.h agree, and nothing is written behind the output. */
static void check_shape(size_t n_in, size_t n_out, size_t n_rows, enum linear_layout layout,
                        bool with_bias) {
    struct operands o = make_operands(n_in, n_out, n_rows);
    struct linear_layer layer = layer_of(&o, layout, with_bias);
    size_t n = n_rows * n_out;
    for (size_t i = 0; i <= n; i++)
        o.found[i] = 12345;
    linear(o.expected, o.x, o.weight, layer.bias, n_rows, n_in, n_out);
    linear_layer_forward(&layer, NULL, o.found, o.x, n_rows);
    for (size_t i = 0; i < n; i++) {
        // Sums of n_in products below 1, added in any order.
        double tolerance = 1e-6 * (1 + (double)n_in / 4);
        if (!(fabs((double)o.found[i] - (double)o.expected[i]) <= tolerance))
            fail_msg("[%zu, %zu], %zu rows: number %zu is %g, expected %g", n_in, n_out, n_rows, i,
                     (double)o.found[i], (double)o.expected[i]);
    }
    assert_close(o.found[n], 12345, 0);
    free_operands(&o);
}

static void check_all_shapes(enum linear_layout layout, bool with_bias) {
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        for (size_t j = 0; j < LENGTH(sizes); j++)
            check_shape(sizes[i], sizes[j], 1 + (i + 2 * j) % 9, layout, with_bias);
    }
}

TEST(in_out_with_bias_equals_the_readable_layer) {
    check_all_shapes(LINEAR_IN_OUT, true);
}

TEST(in_out_without_bias_equals_the_readable_layer) {
    check_all_shapes(LINEAR_IN_OUT, false);
}

TEST(out_in_with_bias_equals_the_readable_layer) {
    check_all_shapes(LINEAR_OUT_IN, true);
}

TEST(out_in_without_bias_equals_the_readable_layer) {
    check_all_shapes(LINEAR_OUT_IN, false);
}

TEST(every_number_of_rows_works) {
    for (size_t n_rows = 1; n_rows <= 20; n_rows++) {
        check_shape(33, 71, n_rows, LINEAR_IN_OUT, true);
        check_shape(33, 71, n_rows, LINEAR_OUT_IN, true);
    }
}

TEST(no_rows_write_nothing) {
    struct operands o = make_operands(5, 7, 1);
    struct linear_layer layer = layer_of(&o, LINEAR_IN_OUT, true);
    o.found[0] = 12345;
    linear_layer_forward(&layer, NULL, o.found, o.x, 0);
    layer = layer_of(&o, LINEAR_OUT_IN, true);
    linear_layer_forward(&layer, NULL, o.found, o.x, 0);
    assert_close(o.found[0], 12345, 0);
    free_operands(&o);
}

/* Any number of threads gives the same bits as one. */
static void check_threads(enum linear_layout layout) {
    struct error err;
    for (size_t n_threads = 2; n_threads <= 9; n_threads++) {
        struct threads *pool = threads_new(n_threads, &err);
        assert_non_null(pool);
        for (size_t i = 0; i < LENGTH(sizes); i++) {
            struct operands o = make_operands(sizes[i], 7 + 67 * i % 500, 1 + i % 9);
            struct linear_layer layer = layer_of(&o, layout, true);
            linear_layer_forward(&layer, NULL, o.expected, o.x, o.n_rows);
            linear_layer_forward(&layer, pool, o.found, o.x, o.n_rows);
            assert_same_floats(o.found, o.expected, o.n_rows * o.n_out);
            free_operands(&o);
        }
        threads_free(pool);
    }
}

TEST(in_out_has_the_same_bits_for_any_number_of_threads) {
    check_threads(LINEAR_IN_OUT);
}

TEST(out_in_has_the_same_bits_for_any_number_of_threads) {
    check_threads(LINEAR_OUT_IN);
}

TEST(weights_may_stand_at_any_float) {
    // wte and the others begin on a cache line, but a caller's array need not.
    struct operands o = make_operands(19, 23, 3);
    float *moved = tensor_new(19 * 23 + 1), *x = tensor_new(3 * 19 + 1);
    memcpy(moved + 1, o.weight, 19 * 23 * sizeof *moved);
    memcpy(x + 1, o.x, 3 * 19 * sizeof *x);
    struct linear_layer layer = layer_of(&o, LINEAR_IN_OUT, true);
    linear_layer_forward(&layer, NULL, o.expected, o.x, 3);
    layer.weight = moved + 1;
    linear_layer_forward(&layer, NULL, o.found, x + 1, 3);
    assert_same_floats(o.found, o.expected, 3 * 23);
    tensor_free(moved);
    tensor_free(x);
    free_operands(&o);
}

TEST(a_layer_by_hand) {
    const float weight[] = {1, 10, 100, 2, 20, 200}; // [2, 3]
    const float bias[] = {0.5f, 0, -1}, x[] = {1, 2, 3, 4};
    const float expected[] = {5.5f, 50, 499, 11.5f, 110, 1099};
    const struct linear_layer layer = {weight, bias, 2, 3, LINEAR_IN_OUT};
    float out[6];
    linear_layer_forward(&layer, NULL, out, x, 2);
    assert_same_floats(out, expected, 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_out_with_bias_equals_the_readable_layer),
        cmocka_unit_test(in_out_without_bias_equals_the_readable_layer),
        cmocka_unit_test(out_in_with_bias_equals_the_readable_layer),
        cmocka_unit_test(out_in_without_bias_equals_the_readable_layer),
        cmocka_unit_test(every_number_of_rows_works),
        cmocka_unit_test(no_rows_write_nothing),
        cmocka_unit_test(in_out_has_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(out_in_has_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(weights_may_stand_at_any_float),
        cmocka_unit_test(a_layer_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
