/* common/sampler.h: choosing the next token from the logits. */
#include "support.h"

#include "../../common/ops.h"
#include "../../common/sampler.h"

enum { MOST = 1000, DRAWS = 100000 };

static struct sampler *new_sampler(float temperature, size_t top_k, float top_p, uint64_t seed) {
    struct error err;
    struct sampler *sampler =
        sampler_new((struct sampler_settings){temperature, top_k, top_p, seed}, MOST, &err);
    if (sampler == NULL)
        fail_msg("%s", err.message);
    return sampler;
}

static uint32_t next(struct sampler *sampler, const float *logits, size_t n) {
    struct error err;
    uint32_t id = UINT32_MAX;
    assert_done(sampler_next(sampler, logits, n, &id, &err), &err);
    assert_true(id < n);
    return id;
}

/* Draws from the logits often and counts each id. counts: [n] */
static void count_draws(const float *logits, size_t n, float temperature, size_t top_k, float top_p,
                        size_t *counts) {
    struct sampler *sampler = new_sampler(temperature, top_k, top_p, 12345);
    memset(counts, 0, n * sizeof *counts);
    for (int i = 0; i < DRAWS; i++)
        counts[next(sampler, logits, n)]++;
    sampler_free(sampler);
}

/* The counts are within five standard deviations of what the shares say; a share of 0 is never
 * drawn. */
static void check_counts(const size_t *counts, const float *shares, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double p = (double)shares[i], expected = DRAWS * p;
        assert_close(counts[i], expected, 5 * sqrt(DRAWS * p * (1 - p)));
    }
}

/* Whatever is drawn often enough comes up, and so tells what may be drawn. */
static void check_drawable(const float *logits, size_t n, size_t top_k, float top_p,
                           const char *expected) {
    struct sampler *sampler = new_sampler(1, top_k, top_p, 1);
    char found[20] = "";
    memset(found, '-', n);
    for (int i = 0; i < 2000; i++)
        found[next(sampler, logits, n)] = 'x';
    assert_string_equal(found, expected);
    sampler_free(sampler);
}

/* The same id comes a hundred times. */
static void check_always(const float *logits, size_t n, float temperature, size_t top_k,
                         float top_p, uint32_t expected) {
    struct sampler *sampler = new_sampler(temperature, top_k, top_p, 3);
    for (int i = 0; i < 100; i++)
        assert_int_equal(next(sampler, logits, n), expected);
    sampler_free(sampler);
}

/* --- greedy --------------------------------------------------------------------------------- */

TEST(temperature_0_takes_the_best) {
    const float logits[] = {1, 5, 4.999f, -2};
    check_always(logits, 4, 0, 0, 1, 1);
    check_always(logits, 4, 0, 40, 0.5f, 1);
}

TEST(of_equal_logits_the_lower_id_is_the_best) {
    const float logits[] = {1, 7, 7, 7, 2};
    check_always(logits, 5, 0, 0, 1, 1);
    check_always(logits, 5, 1, 1, 1, 1);
    check_always(logits, 5, 1, 0, 1e-6f, 1);
}

TEST(greedy_equals_argmax) {
    struct random_source random = {1};
    struct sampler *sampler = new_sampler(0, 0, 1, 0);
    float logits[MOST];
    for (size_t n = 1; n < MOST; n += 13) {
        random_floats(&random, logits, n);
        assert_int_equal(next(sampler, logits, n), argmax(logits, n));
    }
    sampler_free(sampler);
}

TEST(one_token_is_always_drawn) {
    const float logits[] = {-3};
    check_always(logits, 1, 1, 0, 1, 0);
}

/* --- shares --------------------------------------------------------------------------------- */

static const float five[] = {1, 0.5f, 0, -1, 2};

TEST(draws_follow_the_softmax) {
    size_t counts[5];
    float shares[5];
    memcpy(shares, five, sizeof shares);
    softmax(shares, 5);
    count_draws(five, 5, 1, 0, 1, counts);
    check_counts(counts, shares, 5);
}

TEST(the_temperature_divides_the_logits) {
    static const float temperatures[] = {0.5f, 0.8f, 2, 10};
    for (size_t t = 0; t < LENGTH(temperatures); t++) {
        size_t counts[5];
        float shares[5];
        for (size_t i = 0; i < 5; i++)
            shares[i] = five[i] / temperatures[t];
        softmax(shares, 5);
        count_draws(five, 5, temperatures[t], 0, 1, counts);
        check_counts(counts, shares, 5);
    }
}

TEST(what_top_k_leaves_shares_everything) {
    size_t counts[5];
    float shares[5] = {1, 0.5f, -INFINITY, -INFINITY, 2};
    softmax(shares, 5);
    count_draws(five, 5, 1, 3, 1, counts);
    check_counts(counts, shares, 5);
}

TEST(what_top_p_leaves_shares_everything) {
    // The ids 4, 0, 1 have the shares 0.563, 0.207, 0.126: 0.7 takes two of them.
    size_t counts[5];
    float shares[5] = {1, -INFINITY, -INFINITY, -INFINITY, 2};
    softmax(shares, 5);
    count_draws(five, 5, 1, 0, 0.7f, counts);
    check_counts(counts, shares, 5);
}

TEST(a_shift_of_all_logits_changes_nothing) {
    float shifted[5];
    for (size_t i = 0; i < 5; i++)
        shifted[i] = five[i] + 64; // exact in float
    struct sampler *a = new_sampler(0.8f, 4, 0.9f, 7), *b = new_sampler(0.8f, 4, 0.9f, 7);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(next(a, five, 5), next(b, shifted, 5));
    sampler_free(a);
    sampler_free(b);
}

TEST(logits_of_any_size_work) {
    const float large[] = {3e38f, 1e38f, -3e38f}, small[] = {-1e30f, -1e30f, -2e30f};
    check_always(large, 3, 1, 0, 1, 0);
    check_drawable(small, 3, 0, 1, "xx-");
}

/* --- top_k and top_p ------------------------------------------------------------------------ */

static const float equal[] = {2, 2, 2, 2};

TEST(top_k_of_1_is_greedy_at_any_temperature) {
    check_always(five, 5, 5, 1, 1, 4);
}

TEST(top_k_keeps_the_k_best) {
    check_drawable(five, 5, 2, 1, "x---x");
    check_drawable(five, 5, 4, 1, "xxx-x");
}

TEST(a_top_k_of_0_or_beyond_the_vocabulary_keeps_all) {
    check_drawable(five, 5, 0, 1, "xxxxx");
    check_drawable(five, 5, 5, 1, "xxxxx");
    check_drawable(five, 5, 1000000, 1, "xxxxx");
    check_drawable(five, 5, SIZE_MAX, 1, "xxxxx");
}

TEST(top_k_keeps_the_lower_ids_of_equals) {
    check_drawable(equal, 4, 1, 1, "x---");
    check_drawable(equal, 4, 3, 1, "xxx-");
}

TEST(top_p_stops_at_exactly_its_mass) {
    // Each has a share of exactly a quarter.
    check_drawable(equal, 4, 0, 0.25f, "x---");
    check_drawable(equal, 4, 0, 0.5f, "xx--");
    check_drawable(equal, 4, 0, 0.75f, "xxx-");
}

TEST(top_p_takes_one_more_when_the_mass_is_not_reached) {
    check_drawable(equal, 4, 0, 0.2500001f, "xx--");
    check_drawable(equal, 4, 0, 0.50001f, "xxx-");
    check_drawable(equal, 4, 0, 0.76f, "xxxx");
}

TEST(top_p_of_1_is_off) {
    check_drawable(equal, 4, 0, 1, "xxxx");
}

TEST(top_p_keeps_at_least_one) {
    check_always(five, 5, 1, 0, 1e-30f, 4);
    check_always(equal, 4, 1, 0, 1e-30f, 0);
}

TEST(top_p_is_taken_of_what_top_k_left) {
    check_drawable(equal, 4, 2, 0.5f, "x---");
    check_drawable(equal, 4, 2, 0.51f, "xx--");
}

TEST(top_p_sees_the_temperature) {
    // At 1 the best has 0.88 of the mass, at 5 only 0.6.
    const float logits[] = {2, 0};
    check_always(logits, 2, 1, 0, 0.7f, 0);
    struct sampler *sampler = new_sampler(5, 0, 0.7f, 1);
    size_t n_others = 0;
    for (int i = 0; i < 1000; i++)
        n_others += next(sampler, logits, 2);
    assert_true(n_others > 300 && n_others < 500);
    sampler_free(sampler);
}

/* --- seeds ---------------------------------------------------------------------------------- */

static void draw_many(uint64_t seed, uint32_t *ids) {
    struct sampler *sampler = new_sampler(1, 0, 1, seed);
    for (size_t i = 0; i < 100; i++)
        ids[i] = next(sampler, five, 5);
    sampler_free(sampler);
}

TEST(the_same_seed_gives_the_same_tokens) {
    uint32_t a[100], b[100];
    draw_many(42, a);
    draw_many(42, b);
    assert_memory_equal(a, b, sizeof a);
}

TEST(another_seed_gives_other_tokens) {
    uint32_t a[100], b[100];
    draw_many(42, a);
    draw_many(43, b);
    assert_memory_not_equal(a, b, sizeof a);
}

TEST(the_logits_stay_as_they_are) {
    float logits[5];
    memcpy(logits, five, sizeof logits);
    struct sampler *sampler = new_sampler(0.5f, 3, 0.9f, 1);
    next(sampler, logits, 5);
    assert_same_floats(logits, five, 5);
    sampler_free(sampler);
}

/* --- damaged logits ------------------------------------------------------------------------- */

TEST(nan_and_minus_infinity_are_never_drawn) {
    const float logits[] = {NAN, 0, -INFINITY, 0, NAN};
    check_drawable(logits, 5, 0, 1, "-x-x-");
    check_drawable(logits, 5, 4, 1, "-x-x-");
    check_drawable(logits, 5, 0, 0.9f, "-x-x-");
    check_always(logits, 5, 0, 0, 1, 1);
}

TEST(infinity_takes_all) {
    const float logits[] = {5, INFINITY, 1e38f, INFINITY};
    check_always(logits, 4, 0, 0, 1, 1);
    check_drawable(logits, 4, 0, 1, "-x-x");
    check_drawable(logits, 4, 3, 1, "-x-x");
    check_drawable(logits, 4, 0, 0.5f, "-x--");
}

TEST(nothing_to_draw_is_an_error) {
    const float nothing[] = {NAN, -INFINITY, NAN};
    static const float temperatures[] = {0, 1};
    for (size_t i = 0; i < 2; i++) {
        struct error err;
        uint32_t id;
        struct sampler *sampler = new_sampler(temperatures[i], 0, 0.9f, 1);
        assert_false(sampler_next(sampler, nothing, 3, &id, &err));
        assert_message(&err, "no logit is a number", "damaged", "get model.safetensors again");
        sampler_free(sampler);
    }
}

/* --- settings ------------------------------------------------------------------------------- */

TEST(bad_settings_are_refused) {
    static const float bad[][2] = {{-0.1f, 1}, {NAN, 1}, {1, 0}, {1, -1}, {1, 1.01f}, {1, NAN}};
    for (size_t i = 0; i < LENGTH(bad); i++) {
        struct error err;
        struct sampler_settings settings = {bad[i][0], 0, bad[i][1], 0};
        assert_null(sampler_new(settings, 10, &err));
        assert_message(&err, "temperature", "top_p", "expected");
    }
}

TEST(freeing_null_is_fine) {
    sampler_free(NULL);
}

/* --- the best ------------------------------------------------------------------------------- */

TEST(the_best_come_in_falling_order) {
    struct candidate best[5];
    static const uint32_t order[] = {4, 0, 1, 2, 3};
    struct sampler *sampler = new_sampler(1, 0, 1, 0);
    assert_int_equal(sampler_best(sampler, five, 5, 5, best), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(best[i].id, order[i]);
        assert_close(best[i].logit, five[order[i]], 0);
    }
    sampler_free(sampler);
}

TEST(equals_come_in_the_order_of_their_ids) {
    struct candidate best[4];
    struct sampler *sampler = new_sampler(1, 0, 1, 0);
    assert_int_equal(sampler_best(sampler, equal, 4, 4, best), 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(best[i].id, i);
    sampler_free(sampler);
}

TEST(there_are_no_more_than_can_be_drawn) {
    const float logits[] = {NAN, 1, -INFINITY, 2};
    struct candidate best[10];
    struct sampler *sampler = new_sampler(1, 0, 1, 0);
    assert_int_equal(sampler_best(sampler, logits, 4, 10, best), 2);
    assert_int_equal(best[0].id, 3);
    assert_int_equal(best[1].id, 1);
    assert_int_equal(sampler_best(sampler, logits, 4, 1, best), 1);
    assert_int_equal(sampler_best(sampler, logits, 4, 0, best), 0);
    assert_int_equal(sampler_best(sampler, logits, 1, 10, best), 0);
    sampler_free(sampler);
}

TEST(the_best_of_a_thousand_are_sorted) {
    struct random_source random = {4};
    struct sampler *sampler = new_sampler(1, 0, 1, 0);
    float logits[MOST];
    struct candidate best[MOST];
    for (size_t i = 0; i < MOST; i++)
        logits[i] = (float)random_below(&random, 200); // many equals
    assert_int_equal(sampler_best(sampler, logits, MOST, MOST, best), MOST);
    for (size_t i = 1; i < MOST; i++) {
        assert_true(best[i - 1].logit > best[i].logit ||
                    (best[i - 1].logit == best[i].logit && best[i - 1].id < best[i].id));
        assert_close(best[i].logit, logits[best[i].id], 0);
    }
    sampler_free(sampler);
}

TEST(a_weight_is_the_share_compared_with_that_of_the_best) {
    assert_close(sampler_weight(3.0f, 3.0f, 1.0f), 1.0, 0.0);
    assert_close(sampler_weight(2.0f, 3.0f, 1.0f), 0.36787944, 1e-6); // 1 / e
    assert_close(sampler_weight(2.0f, 3.0f, 0.5f), 0.13533528, 1e-6); // 1 / e^2
    assert_close(sampler_weight(INFINITY, INFINITY, 1.0f), 1.0, 0.0);
    assert_close(sampler_weight(3.0f, INFINITY, 1.0f), 0.0, 0.0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(temperature_0_takes_the_best),
        cmocka_unit_test(of_equal_logits_the_lower_id_is_the_best),
        cmocka_unit_test(greedy_equals_argmax),
        cmocka_unit_test(one_token_is_always_drawn),
        cmocka_unit_test(draws_follow_the_softmax),
        cmocka_unit_test(the_temperature_divides_the_logits),
        cmocka_unit_test(what_top_k_leaves_shares_everything),
        cmocka_unit_test(what_top_p_leaves_shares_everything),
        cmocka_unit_test(a_shift_of_all_logits_changes_nothing),
        cmocka_unit_test(logits_of_any_size_work),
        cmocka_unit_test(top_k_of_1_is_greedy_at_any_temperature),
        cmocka_unit_test(top_k_keeps_the_k_best),
        cmocka_unit_test(a_top_k_of_0_or_beyond_the_vocabulary_keeps_all),
        cmocka_unit_test(top_k_keeps_the_lower_ids_of_equals),
        cmocka_unit_test(top_p_stops_at_exactly_its_mass),
        cmocka_unit_test(top_p_takes_one_more_when_the_mass_is_not_reached),
        cmocka_unit_test(top_p_of_1_is_off),
        cmocka_unit_test(top_p_keeps_at_least_one),
        cmocka_unit_test(top_p_is_taken_of_what_top_k_left),
        cmocka_unit_test(top_p_sees_the_temperature),
        cmocka_unit_test(the_same_seed_gives_the_same_tokens),
        cmocka_unit_test(another_seed_gives_other_tokens),
        cmocka_unit_test(the_logits_stay_as_they_are),
        cmocka_unit_test(nan_and_minus_infinity_are_never_drawn),
        cmocka_unit_test(infinity_takes_all),
        cmocka_unit_test(nothing_to_draw_is_an_error),
        cmocka_unit_test(bad_settings_are_refused),
        cmocka_unit_test(freeing_null_is_fine),
        cmocka_unit_test(the_best_come_in_falling_order),
        cmocka_unit_test(equals_come_in_the_order_of_their_ids),
        cmocka_unit_test(there_are_no_more_than_can_be_drawn),
        cmocka_unit_test(the_best_of_a_thousand_are_sorted),
        cmocka_unit_test(a_weight_is_the_share_compared_with_that_of_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
