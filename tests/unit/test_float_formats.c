/* common/float_formats.h: F16 and BF16, all of them, against arithmetic in double. */
#include "support.h"

#include "../../common/float_formats.h"

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The format's number that is nearest to a finite value, ties to even, as a double: the value is
 * counted in units of the format's last digit there, and rounded by the machine. */
static double nearest(double value, int fraction_bits, int smallest_exponent, double limit) {
    if (value == 0)
        return value;
    int exponent;
    frexp(value, &exponent); // value = 0.1xxx x 2^exponent
    if (exponent - 1 < smallest_exponent)
        exponent = smallest_exponent + 1; // below, the units get no smaller: subnormal numbers
    int unit = exponent - 1 - fraction_bits;
    double rounded = ldexp(nearbyint(ldexp(value, -unit)), unit);
    return fabs(rounded) > limit ? copysign(INFINITY, value) : rounded;
}

static double nearest_f16(double value) {
    return nearest(value, 10, -14, 65504);
}

static double nearest_bf16(double value) {
    return nearest(value, 7, -126, 0x1.fep127);
}

static void check_f16(float value) {
    float found = f16_to_f32(f32_to_f16(value));
    double expected = isinf(value) ? (double)value : nearest_f16((double)value);
    if ((double)found != expected || signbit(found) != signbit(value))
        fail_msg("%a becomes %a, expected %a", (double)value, (double)found, expected);
}

static void check_bf16(float value) {
    float found = bf16_to_f32(f32_to_bf16(value));
    double expected = isinf(value) ? (double)value : nearest_bf16((double)value);
    if ((double)found != expected || signbit(found) != signbit(value))
        fail_msg("%a becomes %a, expected %a", (double)value, (double)found, expected);
}

/* --- widening ------------------------------------------------------------------------------- */

/* The number that 16 bits mean, by the definition of the format. */
static double meaning_of_f16(unsigned bits) {
    unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    double magnitude =
        exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, (int)exponent - 25);
    if (exponent == 31)
        magnitude = INFINITY;
    return bits & 0x8000 ? -magnitude : magnitude;
}

TEST(every_f16_widens_to_what_its_bits_mean) {
    for (unsigned bits = 0; bits < 65536; bits++) {
        float found = f16_to_f32((uint16_t)bits);
        if ((bits & 0x7fff) > 0x7c00) {
            assert_true(isnan(found));
            continue;
        }
        double expected = meaning_of_f16(bits);
        assert_true((double)found == expected);
        assert_int_equal(signbit(found) != 0, bits >> 15);
    }
}

TEST(known_f16_values) {
    assert_true(f16_to_f32(0x3c00) == 1.0f);
    assert_true(f16_to_f32(0xc000) == -2.0f);
    assert_true(f16_to_f32(0x7bff) == 65504.0f);
    assert_true(f16_to_f32(0x0001) == 0x1p-24f);
    assert_true(f16_to_f32(0x03ff) == 1023 * 0x1p-24f);
    assert_true(f16_to_f32(0x3555) == 0.333251953125f);
    assert_true(isinf(f16_to_f32(0x7c00)) && isinf(f16_to_f32(0xfc00)));
}

TEST(every_bf16_is_the_upper_half_of_a_float) {
    for (unsigned bits = 0; bits < 65536; bits++) {
        uint32_t found = bits_of(bf16_to_f32((uint16_t)bits)), expected = (uint32_t)bits << 16;
        // A signaling NaN may come out as a quiet one: 32-bit x86 changes it when it hands it over.
        if (isnan(bf16_to_f32((uint16_t)bits)) && found != expected)
            expected |= 0x400000u;
        assert_int_equal(found, expected);
    }
}

TEST(known_bf16_values) {
    assert_true(bf16_to_f32(0x3f80) == 1.0f);
    assert_true(bf16_to_f32(0xc049) == -3.140625f);
    assert_true(isinf(bf16_to_f32(0x7f80)));
    assert_true(isnan(bf16_to_f32(0x7fc0)));
}

/* --- round trips ---------------------------------------------------------------------------- */

TEST(every_f16_survives_the_round_trip) {
    for (unsigned bits = 0; bits < 65536; bits++) {
        uint16_t again = f32_to_f16(f16_to_f32((uint16_t)bits));
        if ((bits & 0x7fff) > 0x7c00)
            assert_true((again & 0x7fff) > 0x7c00);
        else
            assert_int_equal(again, bits);
    }
}

TEST(every_bf16_survives_the_round_trip) {
    for (unsigned bits = 0; bits < 65536; bits++) {
        uint16_t again = f32_to_bf16(bf16_to_f32((uint16_t)bits));
        if ((bits & 0x7fff) > 0x7f80)
            assert_true((again & 0x7fff) > 0x7f80);
        else
            assert_int_equal(again, bits);
    }
}

/* --- narrowing ------------------------------------------------------------------------------ */

TEST(f16_rounds_around_every_one_of_its_values) {
    // Between two neighbours: just below the middle, the middle, just above it.
    for (unsigned bits = 0; bits < 0x7c00; bits++) {
        float low = f16_to_f32((uint16_t)bits);
        float high = bits == 0x7bff ? 65536.0f : f16_to_f32((uint16_t)(bits + 1));
        float middle = low + (high - low) / 2; // exact: one digit more
        const float tries[] = {middle, nextafterf(middle, 0), nextafterf(middle, INFINITY), low,
                               nextafterf(high, 0)};
        for (size_t i = 0; i < LENGTH(tries); i++) {
            check_f16(tries[i]);
            check_f16(-tries[i]);
        }
    }
}

TEST(bf16_rounds_around_every_one_of_its_values) {
    for (unsigned bits = 0; bits < 0x7f80; bits++) {
        uint32_t middle = (uint32_t)bits << 16 | 0x8000u;
        for (uint32_t near = middle - 1; near <= middle + 1; near++) {
            check_bf16(float_of(near));
            check_bf16(-float_of(near));
        }
    }
}

TEST(random_floats_round_to_the_nearest) {
    struct random_source random = {1};
    for (int i = 0; i < 200000; i++) {
        float value = float_of((uint32_t)random_bits(&random));
        if (isnan(value))
            continue;
        check_f16(value);
        check_bf16(value);
    }
}

TEST(ties_go_to_the_even_neighbour) {
    assert_int_equal(f32_to_f16(1.0f + 0x1p-11f), 0x3c00);
    assert_int_equal(f32_to_f16(1.0f + 3 * 0x1p-11f), 0x3c02);
    assert_int_equal(f32_to_bf16(1.0f + 0x1p-8f), 0x3f80);
    assert_int_equal(f32_to_bf16(1.0f + 3 * 0x1p-8f), 0x3f82);
}

TEST(f16_subnormals_round_to_even) {
    assert_int_equal(f32_to_f16(0x1p-25f), 0);          // half of the smallest: 0 is even
    assert_int_equal(f32_to_f16(0x1.8p-24f), 2);        // 1.5 units
    assert_int_equal(f32_to_f16(0x1.000002p-25f), 1);   // a little more than half
    assert_int_equal(f32_to_f16(0x1.ffcp-15f), 0x0400); // up to the smallest normal number
}

TEST(f16_overflows_to_infinity_at_65520) {
    assert_int_equal(f32_to_f16(65519.996f), 0x7bff);
    assert_int_equal(f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(f32_to_f16(-65520.0f), 0xfc00);
    assert_int_equal(f32_to_f16(INFINITY), 0x7c00);
}

TEST(bf16_overflows_to_infinity) {
    assert_int_equal(f32_to_bf16(0x1.fffffep127f), 0x7f80);
    assert_int_equal(f32_to_bf16(-0x1.fffffep127f), 0xff80);
    assert_int_equal(f32_to_bf16(INFINITY), 0x7f80);
}

TEST(nan_stays_nan_wherever_its_bits_are) {
    for (uint32_t fraction = 1; fraction != 1u << 23; fraction <<= 1) {
        float nan = float_of(0x7f800000u | fraction);
        assert_true(isnan(f16_to_f32(f32_to_f16(nan))));
        assert_true(isnan(bf16_to_f32(f32_to_bf16(nan))));
    }
    assert_true(isnan(bf16_to_f32(f32_to_bf16(float_of(0x7fffffffu)))));
    assert_true(isnan(bf16_to_f32(f32_to_bf16(float_of(0xffffffffu)))));
}

TEST(minus_0_keeps_its_sign) {
    assert_int_equal(f32_to_f16(-0.0f), 0x8000);
    assert_int_equal(f32_to_bf16(-0.0f), 0x8000);
    assert_int_equal(f32_to_f16(-0x1p-30f), 0x8000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_f16_widens_to_what_its_bits_mean),
        cmocka_unit_test(known_f16_values),
        cmocka_unit_test(every_bf16_is_the_upper_half_of_a_float),
        cmocka_unit_test(known_bf16_values),
        cmocka_unit_test(every_f16_survives_the_round_trip),
        cmocka_unit_test(every_bf16_survives_the_round_trip),
        cmocka_unit_test(f16_rounds_around_every_one_of_its_values),
        cmocka_unit_test(bf16_rounds_around_every_one_of_its_values),
        cmocka_unit_test(random_floats_round_to_the_nearest),
        cmocka_unit_test(ties_go_to_the_even_neighbour),
        cmocka_unit_test(f16_subnormals_round_to_even),
        cmocka_unit_test(f16_overflows_to_infinity_at_65520),
        cmocka_unit_test(bf16_overflows_to_infinity),
        cmocka_unit_test(nan_stays_nan_wherever_its_bits_are),
        cmocka_unit_test(minus_0_keeps_its_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
