/* common/kernels/pack.h: floats into panels of BF16 and int8, and what becomes of weights that are
 * no numbers. kernels/matrix.h says where each number stands; the tests look there by themselves. */
#include "support.h"

#include <float.h>

#include "../../common/kernels/pack.h"

/* [n_in, n_out]: around panels, blocks and groups, and some that fit nothing. */
static const size_t sizes[][2] = {{1, 1},  {2, 3},   {3, 64},  {31, 65}, {32, 64},
                                  {33, 1}, {64, 63}, {65, 66}, {97, 70}, {200, 129}};

struct packed {
    size_t n_in, n_out, n_blocks;
    float *floats; // [n_in, n_out]
    unsigned char *data;
    uint16_t *scales;
    size_t data_bytes, scale_bytes;
    struct matrix matrix;
};

/* Packs floats [n_in, n_out], which stand at an odd address, in either layout of a file. */
static void pack(struct packed *p, enum matrix_format format, enum matrix_format layout,
                 struct threads *pool) {
    char *odd = malloc(p->n_in * p->n_out * sizeof(float) + 3);
    for (size_t i = 0; i < p->n_in; i++) {
        for (size_t o = 0; o < p->n_out; o++) {
            size_t at = layout == MATRIX_F32_IN_OUT ? i * p->n_out + o : o * p->n_in + i;
            memcpy(odd + 3 + at * sizeof(float), &p->floats[i * p->n_out + o], sizeof(float));
        }
    }
    struct matrix source = {layout, odd + 3, NULL, p->n_in, p->n_out};
    assert_true(packed_sizes(format, p->n_in, p->n_out, &p->data_bytes, &p->scale_bytes));
    p->data = malloc(p->data_bytes);
    p->scales = malloc(p->scale_bytes + 1);
    memset(p->data, 0x55, p->data_bytes); // all of it is to be written
    memset(p->scales, 0x55, p->scale_bytes);
    matrix_pack(&source, format, p->data, p->scales, kernels_for_this_processor(), pool,
                &p->matrix);
    free(odd);
}

static struct packed new_floats(size_t n_in, size_t n_out, float spread) {
    struct packed p = {.n_in = n_in, .n_out = n_out, .n_blocks = (n_in + 31) / 32};
    struct random_source random = {n_in * 1000 + n_out};
    p.floats = malloc(n_in * n_out * sizeof *p.floats);
    assert_non_null(p.floats);
    random_floats(&random, p.floats, n_in * n_out);
    for (size_t i = 0; i < n_in * n_out; i++)
        p.floats[i] *= spread;
    return p;
}

static void free_packed(struct packed *p) {
    free(p->floats);
    free(p->data);
    free(p->scales);
}

/* The float of input i, output o; 0 where the matrix was filled up. */
static float float_of(const struct packed *p, size_t i, size_t o) {
    return i < p->n_in && o < p->n_out ? p->floats[i * p->n_out + o] : 0.0f;
}

/* --- BF16 ----------------------------------------------------------------------------------- */

/* From the panels, as matrix.h describes them: [panels][n_in / 2][64][2]. */
static uint16_t bf16_at(const struct packed *p, size_t i, size_t o) {
    uint16_t bits;
    size_t at = (((o / 64) * ((p->n_in + 1) / 2) + i / 2) * 64 + o % 64) * 2 + i % 2;
    memcpy(&bits, p->data + at * 2, sizeof bits);
    return bits;
}

/* The nearest float whose lower half is 0; of two that are as near, the one with an even upper. */
static float nearest_bf16(float x) {
    uint32_t bits, below;
    float down, up;
    memcpy(&bits, &x, sizeof bits);
    below = bits & 0xffff0000u;
    memcpy(&down, &below, sizeof down);
    below += 0x10000u;
    memcpy(&up, &below, sizeof up);
    double to_down = fabs((double)x - (double)down), to_up = fabs((double)up - (double)x);
    return to_down < to_up || (to_down == to_up && (bits & 0x10000u) == 0) ? down : up;
}

static void check_bf16(const struct packed *p) {
    for (size_t o = 0; o < (p->n_out + 63) / 64 * 64; o++) {
        for (size_t i = 0; i < (p->n_in + 1) / 2 * 2; i++) {
            uint32_t bits = (uint32_t)bf16_at(p, i, o) << 16;
            float found, expected = nearest_bf16(float_of(p, i, o));
            memcpy(&found, &bits, sizeof found);
            if (!(found == expected))
                fail_msg("[%zu, %zu], input %zu, output %zu: %.9g became %.9g, expected %.9g",
                         p->n_in, p->n_out, i, o, (double)float_of(p, i, o), (double)found,
                         (double)expected);
            if (i < p->n_in && o < p->n_out)
                assert_true(matrix_number(&p->matrix, i, o) == found);
        }
    }
}

TEST(bf16_is_the_nearest_and_stands_where_it_should) {
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        for (int layout = MATRIX_F32_IN_OUT; layout <= MATRIX_F32_OUT_IN; layout++) {
            struct packed p = new_floats(sizes[s][0], sizes[s][1], 3);
            pack(&p, MATRIX_BF16, (enum matrix_format)layout, NULL);
            assert_int_equal(p.scale_bytes, 0);
            check_bf16(&p);
            free_packed(&p);
        }
    }
}

/* 1 + k * 2^-9 has a tie for every odd k: 1 + 1/256 goes down to 1, 1 + 3/256 up to 1 + 4/256. */
TEST(bf16_ties_go_to_even) {
    struct packed p = new_floats(40, 50, 1);
    for (size_t i = 0; i < 40 * 50; i++)
        p.floats[i] = (i % 2 == 0 ? 1.0f : -1.0f) * (1.0f + (float)(i / 2) * 0x1p-9f);
    pack(&p, MATRIX_BF16, MATRIX_F32_IN_OUT, NULL);
    assert_close(matrix_number(&p.matrix, 0, 4), 1, 0);               // 1 + 2 * 2^-9
    assert_close(matrix_number(&p.matrix, 0, 12), 1 + 0x1p-6, 0);     // 1 + 6 * 2^-9
    assert_close(matrix_number(&p.matrix, 0, 13), -1 - 0x1p-6, 0);    // the same below 0
    assert_close(matrix_number(&p.matrix, 0, 20), 1 + 2 * 0x1p-7, 0); // 1 + 10 * 2^-9
    check_bf16(&p);
    free_packed(&p);
}

TEST(bf16_keeps_what_is_no_number_and_infinite) {
    struct packed p = new_floats(3, 4, 1);
    uint32_t nearly_infinite = 0x7f800001u; // not a number whose set bit is in the lower half
    const float odd[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, 3.38e38f, 1e-40f, -0.0f};
    memcpy(p.floats, odd, sizeof odd);
    memcpy(&p.floats[8], &nearly_infinite, sizeof nearly_infinite);
    pack(&p, MATRIX_BF16, MATRIX_F32_IN_OUT, NULL);
    assert_true(isnan(matrix_number(&p.matrix, 0, 0)));
    assert_true(isnan(matrix_number(&p.matrix, 2, 0)));
    assert_true(matrix_number(&p.matrix, 0, 1) == INFINITY);
    assert_true(matrix_number(&p.matrix, 0, 2) == -INFINITY);
    assert_true(matrix_number(&p.matrix, 0, 3) == INFINITY); // nearer than the largest BF16
    assert_true(matrix_number(&p.matrix, 1, 0) == -INFINITY);
    assert_true(isfinite(matrix_number(&p.matrix, 1, 1)));
    assert_close(matrix_number(&p.matrix, 1, 2), 1e-40, 5e-41);
    assert_true(signbit(matrix_number(&p.matrix, 1, 3)));
    free_packed(&p);
}

/* --- int8 ----------------------------------------------------------------------------------- */

/* The whole number: [panels][n_in / 4][64][4], the inputs filled up to blocks of 32. */
static int int8_at(const struct packed *p, size_t i, size_t o) {
    size_t groups = p->n_blocks * 8;
    return ((int8_t *)p->data)[((o / 64 * groups + i / 4) * 64 + o % 64) * 4 + i % 4];
}

/* What 1 is worth: [panels][n_in / 32][64], BF16. */
static float scale_at(const struct packed *p, size_t block, size_t o) {
    uint32_t bits = (uint32_t)p->scales[(o / 64 * p->n_blocks + block) * 64 + o % 64] << 16;
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return scale;
}

/* Everything that must hold for one block of one output. */
static void check_block(const struct packed *p, size_t block, size_t o) {
    double largest = 0, scale = (double)scale_at(p, block, o);
    int most = 0;
    for (size_t i = block * 32; i < (block + 1) * 32; i++) {
        int number = int8_at(p, i, o);
        double weight = (double)float_of(p, i, o), error = fabs(number * scale - weight);
        largest = fmax(largest, fabs(weight));
        most = abs(number) > most ? abs(number) : most;
        if (!(error <= 0.5 * scale * (1 + 1e-5)))
            fail_msg("input %zu, output %zu: %g became %d times %g, more than half a step away", i,
                     o, weight, number, scale);
        if (i < p->n_in && o < p->n_out)
            assert_close(matrix_number(&p->matrix, i, o), (float)(number * scale), 0);
    }
    assert_in_range(most, largest > 0 ? 126 : 0, largest > 0 ? 127 : 0);
    // What 127 must be worth, rounded to a BF16.
    assert_close(scale, largest / 127, largest / 127 * (0x1p-8 + 1e-6));
}

static void check_int8(const struct packed *p) {
    for (size_t o = 0; o < (p->n_out + 63) / 64 * 64; o++) {
        for (size_t block = 0; block < p->n_blocks; block++)
            check_block(p, block, o);
    }
}

TEST(int8_is_within_half_a_step_and_stands_where_it_should) {
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        for (int layout = MATRIX_F32_IN_OUT; layout <= MATRIX_F32_OUT_IN; layout++) {
            struct packed p = new_floats(sizes[s][0], sizes[s][1], 0.02f);
            pack(&p, MATRIX_INT8, (enum matrix_format)layout, NULL);
            check_int8(&p);
            free_packed(&p);
        }
    }
}

/* Blocks of every magnitude, and largest weights with every rounding of their scale. */
TEST(int8_of_any_magnitude_stays_between_minus_127_and_127) {
    struct packed p = new_floats(64, 640, 1);
    for (size_t o = 0; o < 640; o++) {
        float magnitude = (float)pow(10.0, -35.6 + 73.7 * (double)o / 640.0);
        for (size_t i = 0; i < 64; i++)
            p.floats[i * 640 + o] *= i % 32 == o % 32 ? 0 : magnitude;
        // Each block's largest: the magnitude itself and the negative of what is left of it.
        p.floats[o % 32 * 640 + o] = magnitude;
        p.floats[(32 + o % 32) * 640 + o] = -magnitude * 1.0039f;
    }
    pack(&p, MATRIX_INT8, MATRIX_F32_IN_OUT, NULL);
    check_int8(&p);
    free_packed(&p);
}

TEST(int8_by_hand) {
    // The largest is 127: a step is 1. Halves are rounded away from 0.
    const float weights[] = {127, -127, 0.4f, 0.5f, -0.5f, -63.4f, 1.5f, 0};
    const int expected[] = {127, -127, 0, 1, -1, -63, 2, 0};
    struct packed p = new_floats(8, 1, 1);
    memcpy(p.floats, weights, sizeof weights);
    pack(&p, MATRIX_INT8, MATRIX_F32_IN_OUT, NULL);
    assert_close(scale_at(&p, 0, 0), 1, 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(int8_at(&p, i, 0), expected[i]);
    free_packed(&p);
}

TEST(int8_of_zeros_and_of_next_to_nothing_is_zero) {
    static const float nothing[] = {0.0f, -0.0f, 1e-45f, -1e-40f, 1e-38f, -9e-37f};
    for (size_t n = 0; n < LENGTH(nothing); n++) {
        struct packed p = new_floats(70, 70, 1);
        for (size_t i = 0; i < 32; i++) // the first block of output 5
            p.floats[i * 70 + 5] = nothing[n];
        pack(&p, MATRIX_INT8, MATRIX_F32_OUT_IN, NULL);
        assert_int_equal(scale_at(&p, 0, 5), 0);
        for (size_t i = 0; i < 32; i++)
            assert_int_equal(int8_at(&p, i, 5), 0);
        for (size_t i = 0; i < 32; i++)
            p.floats[i * 70 + 5] = 0;
        check_int8(&p);
        free_packed(&p);
    }
}

TEST(int8_of_a_block_with_no_number_is_none) {
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < LENGTH(bad); b++) {
        for (size_t at = 32; at < 64; at += 3) {
            struct packed p = new_floats(70, 70, 1);
            p.floats[at * 70 + 66] = bad[b];
            pack(&p, MATRIX_INT8, MATRIX_F32_IN_OUT, NULL);
            for (size_t i = 0; i < 70; i++)
                assert_true(isnan(matrix_number(&p.matrix, i, 66)) == (i >= 32 && i < 64));
            for (size_t o = 0; o < 70; o++) // the neighbours are what they were
                check_block(&p, o == 66 ? 0 : 1, o);
            free_packed(&p);
        }
    }
}

/* --- the rest ------------------------------------------------------------------------------- */

TEST(any_number_of_threads_packs_the_same_bytes) {
    struct error err;
    for (int format = MATRIX_BF16; format <= MATRIX_INT8; format++) {
        struct packed one = new_floats(97, 1000, 1);
        pack(&one, (enum matrix_format)format, MATRIX_F32_IN_OUT, NULL);
        for (size_t n_threads = 1; n_threads <= 5; n_threads++) {
            struct threads *pool = threads_new(n_threads, &err);
            struct packed p = new_floats(97, 1000, 1);
            pack(&p, (enum matrix_format)format, MATRIX_F32_IN_OUT, pool);
            assert_memory_equal(p.data, one.data, one.data_bytes);
            assert_memory_equal(p.scales, one.scales, one.scale_bytes);
            free_packed(&p);
            threads_free(pool);
        }
        free_packed(&one);
    }
}

TEST(a_row_holds_all_weights_of_an_output) {
    for (int format = MATRIX_BF16; format <= MATRIX_INT8; format++) {
        struct packed p = new_floats(33, 70, 1);
        float row[33];
        pack(&p, (enum matrix_format)format, MATRIX_F32_OUT_IN, NULL);
        for (size_t o = 0; o < 70; o++) {
            matrix_row(&p.matrix, o, row);
            for (size_t i = 0; i < 33; i++)
                assert_close(row[i], matrix_number(&p.matrix, i, o), 0);
        }
        free_packed(&p);
    }
}

TEST(sizes_are_filled_up_and_checked) {
    size_t data, scales;
    assert_true(packed_sizes(MATRIX_BF16, 3, 65, &data, &scales));
    assert_int_equal(data, 2 * 2 * 64 * 2 * 2);
    assert_int_equal(scales, 0);
    assert_true(packed_sizes(MATRIX_INT8, 33, 65, &data, &scales));
    assert_int_equal(data, 2 * 64 * 64);
    assert_int_equal(scales, 2 * 2 * 64 * 2);
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 31, SIZE_MAX - 63, SIZE_MAX / 64,
                                  SIZE_MAX / 96};
    for (size_t i = 0; i < LENGTH(huge); i++) {
        assert_false(packed_sizes(MATRIX_INT8, huge[i], 64, &data, &scales));
        assert_false(packed_sizes(MATRIX_BF16, 64, huge[i], &data, &scales));
        assert_false(packed_sizes(MATRIX_INT8, huge[i], huge[i], &data, &scales));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_is_the_nearest_and_stands_where_it_should),
        cmocka_unit_test(bf16_ties_go_to_even),
        cmocka_unit_test(bf16_keeps_what_is_no_number_and_infinite),
        cmocka_unit_test(int8_is_within_half_a_step_and_stands_where_it_should),
        cmocka_unit_test(int8_of_any_magnitude_stays_between_minus_127_and_127),
        cmocka_unit_test(int8_by_hand),
        cmocka_unit_test(int8_of_zeros_and_of_next_to_nothing_is_zero),
        cmocka_unit_test(int8_of_a_block_with_no_number_is_none),
        cmocka_unit_test(any_number_of_threads_packs_the_same_bytes),
        cmocka_unit_test(a_row_holds_all_weights_of_an_output),
        cmocka_unit_test(sizes_are_filled_up_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
