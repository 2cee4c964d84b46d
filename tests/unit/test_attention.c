/* common/kernels/attention.h and attention_kernels.h: where the cache keeps keys and values, and
 * attention over it by every table of kernels that works here, against loops on ops.h. */
#include "support.h"

#include "../../common/float_formats.h"
#include "../../common/kernels/attention.h"
#include "../../common/ops.h"

enum { N_PAST = 40, N_ROWS = 9, N_CTX = N_PAST + N_ROWS, MOST_HEAD = 80, SENTINEL = 12345 };

static const size_t heads[] = {1, 3, 16, 20, 64, 80}; // d_head

/* One head's part of the cache, and queries. Keys, values, queries: a number per position and i. */
struct head {
    size_t d_head;
    float plain_keys[N_CTX][MOST_HEAD], plain_values[N_CTX][MOST_HEAD]; // as the cache rounds them
    struct head_cache cache;              // as cache_write has put them; NAN elsewhere
    float queries[N_ROWS][3 * MOST_HEAD]; // a row is longer than a query, as in qkv
};

/* [n] floats that are not a number, nor is either half of them one. */
static float *nothing(size_t n) {
    float *floats = malloc(n * sizeof *floats);
    assert_non_null(floats);
    memset(floats, 0xff, n * sizeof *floats);
    return floats;
}

/* What becomes of a number in the cache. */
static float rounded(enum cache_format format, float number) {
    return format == CACHE_F32 ? number : bf16_to_f32(f32_to_bf16(number));
}

static void write_position(struct head *head, size_t p) {
    cache_write(&head->cache, p, head->plain_keys[p], head->plain_values[p]);
    for (size_t i = 0; i < head->d_head; i++) {
        head->plain_keys[p][i] = rounded(head->cache.format, head->plain_keys[p][i]);
        head->plain_values[p][i] = rounded(head->cache.format, head->plain_values[p][i]);
    }
}

/* A head with keys and values at positions [0, n); free_head frees it. */
static struct head *make_head(enum cache_format format, size_t d_head, size_t n) {
    struct random_source random = {d_head * 100 + n};
    struct head *head = calloc(1, sizeof *head);
    assert_non_null(head);
    head->d_head = d_head;
    head->cache = (struct head_cache){
        format, d_head, nothing(head_keys_bytes(format, N_CTX, d_head) / sizeof(float)),
        nothing(head_values_bytes(format, N_CTX, d_head) / sizeof(float))};
    for (size_t p = 0; p < n; p++) {
        random_floats(&random, head->plain_keys[p], d_head);
        random_floats(&random, head->plain_values[p], d_head);
        write_position(head, p);
    }
    for (size_t r = 0; r < N_ROWS; r++)
        random_floats(&random, head->queries[r], 3 * MOST_HEAD);
    return head;
}

static void free_head(struct head *head) {
    free(head->cache.keys);
    free(head->cache.values);
    free(head);
}

/* --- the cache ------------------------------------------------------------------------------ */

/* Number `index` of an array in the cache's format. */
static float number_at(const struct head *head, const void *array, size_t index) {
    return head->cache.format == CACHE_F32 ? ((const float *)array)[index]
                                           : bf16_to_f32(((const uint16_t *)array)[index]);
}

/* Every number is where attention.h says, and the rest is as it was. Both formats as arrays of
 * numbers: a place of a line holds n of them. */
static void check_places(enum cache_format format, size_t d_head, size_t n_written) {
    struct head *head = make_head(format, d_head, n_written);
    size_t n = format == CACHE_BF16 ? 2 : 1, number = 4 / n;
    size_t lines = (d_head + n - 1) / n, places = (d_head + 15) / 16 * 16; // of a tile, of a row
    for (size_t i = 0; i < head_keys_bytes(format, N_CTX, d_head) / number; i++) {
        size_t place = i / n % 16, line = i / n / 16 % lines, key = line * n + i % n;
        size_t position = i / n / 16 / lines * 16 + place;
        float found = number_at(head, head->cache.keys, i);
        bool written = position < n_written && key < d_head;
        assert_true(written ? found == head->plain_keys[position][key] : isnan(found));
    }
    for (size_t i = 0; i < head_values_bytes(format, N_CTX, d_head) / number; i++) {
        size_t position = i / n / places * n + i % n, value = i / n % places;
        float found = number_at(head, head->cache.values, i);
        bool written = position < n_written && value < d_head;
        assert_true(written ? found == head->plain_values[position][value] : isnan(found));
    }
    free_head(head);
}

TEST(keys_stand_in_tiles_and_values_in_rows) {
    for (size_t h = 0; h < LENGTH(heads); h++) {
        size_t d_head = heads[h];
        assert_int_equal(head_keys_bytes(CACHE_F32, N_CTX, d_head), 64 * 4 * d_head);
        assert_int_equal(head_keys_bytes(CACHE_BF16, N_CTX, d_head), 64 * 4 * ((d_head + 1) / 2));
        for (size_t n = 0; n <= N_CTX; n += 7) {
            check_places(CACHE_F32, d_head, n);
            check_places(CACHE_BF16, d_head, n);
        }
    }
}

/* --- attention ------------------------------------------------------------------------------ */

/* What one query fetches that sees the first n positions. out: [d_head] */
static void readable_attention(const struct head *head, const float *query, size_t n, float *out) {
    float weights[N_CTX];
    for (size_t s = 0; s < n; s++)
        weights[s] = dot(query, head->plain_keys[s], head->d_head) / sqrtf((float)head->d_head);
    softmax(weights, n);
    for (size_t i = 0; i < head->d_head; i++) {
        out[i] = 0.0f;
        for (size_t s = 0; s < n; s++)
            out[i] += weights[s] * head->plain_values[s][i];
    }
}

/* The contexts of n_rows queries after n_past positions; nothing else is written. contexts:
 * [N_ROWS, MOST_HEAD + 1] */
static void attend(const struct kernels *kernels, const struct head *head, size_t n_past,
                   size_t first_row, size_t n_rows, float (*contexts)[MOST_HEAD + 1]) {
    size_t stride = groups_of(n_past + n_rows, KEY_TILE) * KEY_TILE;
    float *scores = nothing(ATTEND_TOGETHER * stride + 1);
    for (size_t r = 0; r < N_ROWS; r++) {
        for (size_t i = 0; i <= MOST_HEAD; i++)
            contexts[r][i] = SENTINEL;
    }
    scores[ATTEND_TOGETHER * stride] = SENTINEL;
    kernels->attend(&head->cache, head->queries[first_row], 3 * MOST_HEAD, n_rows, n_past + 1,
                    scores, stride, contexts[0], MOST_HEAD + 1);
    assert_close(scores[ATTEND_TOGETHER * stride], SENTINEL, 0);
    for (size_t r = 0; r < N_ROWS; r++) {
        for (size_t i = r < n_rows ? head->d_head : 0; i <= MOST_HEAD; i++)
            assert_close(contexts[r][i], SENTINEL, 0);
    }
    free(scores);
}

static void check_attention(const struct kernels *kernels, enum cache_format format, size_t d_head,
                            size_t n_past, size_t n_rows) {
    // Beyond these positions the cache is NAN: it must not be seen.
    struct head *head = make_head(format, d_head, n_past + n_rows);
    float contexts[N_ROWS][MOST_HEAD + 1], expected[MOST_HEAD];
    attend(kernels, head, n_past, 0, n_rows, contexts);
    for (size_t r = 0; r < n_rows; r++) {
        size_t n = n_past + r + 1;
        readable_attention(head, head->queries[r], n, expected);
        // Roundings of the scores, of the shares, and of the blend of values below 1.
        double tolerance = (4 * (double)d_head + 3 * (double)n + 32) * 0x1p-24;
        for (size_t i = 0; i < d_head; i++) {
            if (!(fabs((double)contexts[r][i] - (double)expected[i]) <= tolerance))
                fail_msg("%s, format %d, d_head %zu, %zu in the cache, query %zu of %zu: number "
                         "%zu is %g, expected %g",
                         kernels->name, (int)format, d_head, n_past, r, n_rows, i,
                         (double)contexts[r][i], (double)expected[i]);
        }
    }
    free_head(head);
}

/* Each query by itself gives the same bits: a text's logits don't depend on how it was cut. */
static void check_alone(const struct kernels *kernels, enum cache_format format, size_t d_head,
                        size_t n_past, size_t n_rows) {
    struct head *head = make_head(format, d_head, n_past + n_rows);
    float together[N_ROWS][MOST_HEAD + 1], alone[N_ROWS][MOST_HEAD + 1];
    attend(kernels, head, n_past, 0, n_rows, together);
    for (size_t r = 0; r < n_rows; r++) {
        attend(kernels, head, n_past + r, r, 1, alone);
        assert_same_floats(together[r], alone[0], d_head);
    }
    free_head(head);
}

/* The last position's key and value change what the last query fetches, and no other's: not even
 * when they are no numbers, as in a damaged model. */
static void check_mask(const struct kernels *kernels, enum cache_format format, size_t d_head,
                       size_t n_past, size_t n_rows) {
    static const float sizes[] = {1e20f, INFINITY, NAN};
    size_t last = n_past + n_rows - 1;
    struct head *head = make_head(format, d_head, last + 1);
    float before[N_ROWS][MOST_HEAD + 1], after[N_ROWS][MOST_HEAD + 1];
    attend(kernels, head, n_past, 0, n_rows, before);
    for (size_t s = 0; s < LENGTH(sizes); s++) {
        for (size_t i = 0; i < d_head; i++)
            head->plain_keys[last][i] = head->plain_values[last][i] =
                i % 2 == 0 ? sizes[s] : -sizes[s];
        write_position(head, last);
        attend(kernels, head, n_past, 0, n_rows, after);
        for (size_t r = 0; r + 1 < n_rows; r++)
            assert_same_floats(after[r], before[r], d_head);
        if (last > 0)
            assert_memory_not_equal(after[n_rows - 1], before[n_rows - 1], d_head * sizeof(float));
    }
    free_head(head);
}

typedef void attention_check(const struct kernels *kernels, enum cache_format format, size_t d_head,
                             size_t n_past, size_t n_rows);

/* Runs a check on each table, with every size of head, cache and batch. */
static void for_all(attention_check *check) {
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t k = 0; k < n; k++) {
        for (size_t h = 0; h < LENGTH(heads) && kernels_work_here(all[k]); h++) {
            for (size_t n_past = 0; n_past <= N_PAST; n_past++) {
                for (size_t n_rows = 1; n_rows <= N_ROWS; n_rows++) {
                    check(all[k], CACHE_F32, heads[h], n_past, n_rows);
                    check(all[k], CACHE_BF16, heads[h], n_past, n_rows);
                }
            }
        }
    }
}

TEST(attention_equals_the_readable_one) {
    for_all(check_attention);
}

TEST(a_query_fetches_the_same_bits_alone_and_among_others) {
    for_all(check_alone);
}

TEST(a_query_does_not_see_the_positions_after_its_own) {
    for_all(check_mask);
}

/* Shares of 3 : 1 by hand: scores 0 and -ln 3, from d_head = 1. */
TEST(attention_by_hand) {
    static float keys[16], values[32], scores[ATTEND_TOGETHER * 16];
    struct head_cache cache = {CACHE_F32, 1, keys, values};
    const float key[] = {0, -1.0986123f}, value[] = {8, 4}, query = 1;
    size_t n;
    const struct kernels *const *all = kernels_all(&n);
    for (size_t p = 0; p < 2; p++)
        cache_write(&cache, p, &key[p], &value[p]);
    for (size_t k = 0; k < n; k++) {
        float context = SENTINEL;
        if (!kernels_work_here(all[k]))
            continue;
        all[k]->attend(&cache, &query, 1, 1, 2, scores, 16, &context, 1);
        assert_close(context, 7, 1e-6);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_stand_in_tiles_and_values_in_rows),
        cmocka_unit_test(attention_equals_the_readable_one),
        cmocka_unit_test(a_query_fetches_the_same_bits_alone_and_among_others),
        cmocka_unit_test(a_query_does_not_see_the_positions_after_its_own),
        cmocka_unit_test(attention_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
