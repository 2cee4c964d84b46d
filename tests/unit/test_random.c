/* common/random.h: random numbers that are the same on every machine. */
#include "support.h"

TEST(seed_0_gives_the_published_numbers) {
    struct random_source random = {0};
    assert_true(random_bits(&random) == 0xe220a8397b1dcdafu);
    assert_true(random_bits(&random) == 0x6e789e6aa1b965f4u);
    assert_true(random_bits(&random) == 0x06c45d188009454fu);
}

TEST(seed_1234567_gives_the_published_numbers) {
    struct random_source random = {1234567};
    assert_true(random_bits(&random) == 6457827717110365317u);
    assert_true(random_bits(&random) == 3203168211198807973u);
}

TEST(the_same_seed_gives_the_same_numbers) {
    struct random_source a = {99}, b = {99};
    for (int i = 0; i < 1000; i++)
        assert_true(random_bits(&a) == random_bits(&b));
}

TEST(the_largest_seed_is_fine) {
    struct random_source random = {UINT64_MAX};
    assert_true(random_bits(&random) != random_bits(&random));
}

TEST(uniform_is_the_upper_53_bits) {
    struct random_source random = {0};
    double expected = (double)(0xe220a8397b1dcdafu >> 11) / 9007199254740992.0;
    assert_true(random_uniform(&random) == expected);
}

TEST(uniform_stays_in_0_to_1) {
    struct random_source random = {5};
    for (int i = 0; i < 100000; i++) {
        double x = random_uniform(&random);
        assert_true(x >= 0.0 && x < 1.0);
    }
}

TEST(uniform_can_be_exactly_0_and_never_1) {
    // Scrambling keeps 0, so the counter that is stepped to 0 gives 64 zeros.
    struct random_source zero = {0x0u - 0x9e3779b97f4a7c15u};
    assert_true(random_uniform(&zero) == 0.0);
    assert_true((double)(UINT64_MAX >> 11) * 0x1p-53 < 1.0);
}

TEST(uniform_has_the_mean_and_variance_of_a_uniform_number) {
    struct random_source random = {6};
    enum { DRAWS = 100000 };
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = random_uniform(&random) - 0.5;
        sum += x;
        squares += x * x;
    }
    // Five standard deviations of the two averages.
    assert_close(sum / DRAWS, 0, 5 * sqrt(1.0 / 12 / DRAWS));
    assert_close(squares / DRAWS, 1.0 / 12, 5 * sqrt(1.0 / 180 / DRAWS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seed_0_gives_the_published_numbers),
        cmocka_unit_test(seed_1234567_gives_the_published_numbers),
        cmocka_unit_test(the_same_seed_gives_the_same_numbers),
        cmocka_unit_test(the_largest_seed_is_fine),
        cmocka_unit_test(uniform_is_the_upper_53_bits),
        cmocka_unit_test(uniform_stays_in_0_to_1),
        cmocka_unit_test(uniform_can_be_exactly_0_and_never_1),
        cmocka_unit_test(uniform_has_the_mean_and_variance_of_a_uniform_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
