/* common/threads.h: a pool of worker threads. */
#include "support.h"

#include <pthread.h>
#include <signal.h>

#include "../../common/threads.h"

enum { MANY = 1000, PER_THREAD = 4, MOST_PIECES = PER_THREAD * THREADS_MAX };

/* What a loop did: how often each item was done, in how many pieces, by which threads. */
struct record {
    pthread_mutex_t mutex;
    unsigned done[MANY];
    size_t n_pieces;
    pthread_t workers[MOST_PIECES];
    bool interrupt_blocked[MOST_PIECES];
};

static void note(void *context, size_t begin, size_t end) {
    struct record *record = context;
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    pthread_mutex_lock(&record->mutex);
    record->workers[record->n_pieces] = pthread_self();
    record->interrupt_blocked[record->n_pieces] = sigismember(&mask, SIGINT) == 1;
    record->n_pieces++;
    for (size_t i = begin; i < end; i++)
        record->done[i]++;
    pthread_mutex_unlock(&record->mutex);
}

static struct record new_record(void) {
    struct record record = {.n_pieces = 0};
    pthread_mutex_init(&record.mutex, NULL);
    return record;
}

static struct threads *new_pool(size_t n_threads) {
    struct error err;
    struct threads *pool = threads_new(n_threads, &err);
    if (pool == NULL)
        fail_msg("%s", err.message);
    return pool;
}

static void check_each_once(struct threads *pool, size_t n_items) {
    struct record record = new_record(), even = new_record();
    threads_run(pool, n_items, note, &record);
    threads_run_even(pool, n_items, note, &even);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(record.done[i], i < n_items);
        assert_int_equal(even.done[i], i < n_items);
    }
    size_t n_threads = threads_count(pool);
    assert_true(record.n_pieces <= PER_THREAD * n_threads);
    assert_int_equal(even.n_pieces, n_items < n_threads ? n_items : n_threads);
}

TEST(each_item_is_done_once) {
    static const size_t n_items[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 999, 1000};
    for (size_t n_threads = 1; n_threads <= 17; n_threads++) {
        struct threads *pool = new_pool(n_threads);
        for (size_t i = 0; i < LENGTH(n_items); i++)
            check_each_once(pool, n_items[i]);
        threads_free(pool);
    }
}

TEST(a_large_pool_does_each_item_once) {
    struct threads *pool = new_pool(64);
    for (size_t n_items = 1; n_items <= 130; n_items += 43)
        check_each_once(pool, n_items);
    threads_free(pool);
}

TEST(no_pool_is_a_plain_call) {
    struct record record = new_record();
    threads_run(NULL, 10, note, &record);
    assert_int_equal(record.n_pieces, 1);
    assert_true(pthread_equal(record.workers[0], pthread_self()));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(record.done[i], 1);
}

TEST(a_pool_of_one_works_in_the_callers_thread) {
    struct threads *pool = new_pool(1);
    struct record record = new_record();
    threads_run(pool, 10, note, &record);
    assert_int_equal(record.n_pieces, 1);
    assert_true(pthread_equal(record.workers[0], pthread_self()));
    threads_free(pool);
}

TEST(no_items_mean_no_call) {
    struct threads *pool = new_pool(3);
    struct record record = new_record();
    threads_run(pool, 0, note, &record);
    threads_run(NULL, 0, note, &record);
    assert_int_equal(record.n_pieces, 0);
    threads_free(pool);
}

/* Threads that wait for one another. */
struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t n_wanted, n_there;
    pthread_t there[THREADS_MAX];
};

/* Waits, in a thread's first piece, until as many threads as wanted are in theirs. */
static void meet(void *context, size_t begin, size_t end) {
    struct meeting *meeting = context;
    bool known = false;
    (void)begin, (void)end;
    pthread_mutex_lock(&meeting->mutex);
    for (size_t i = 0; i < meeting->n_there; i++)
        known = known || pthread_equal(meeting->there[i], pthread_self());
    if (!known)
        meeting->there[meeting->n_there++] = pthread_self();
    pthread_cond_broadcast(&meeting->changed);
    while (meeting->n_there < meeting->n_wanted)
        pthread_cond_wait(&meeting->changed, &meeting->mutex);
    pthread_mutex_unlock(&meeting->mutex);
}

TEST(the_pieces_run_on_all_threads_and_the_callers) {
    for (int i = 0; i < 20; i++) { // does not return unless five threads meet
        struct threads *pool = new_pool(5);
        struct meeting meeting = {.n_wanted = 5};
        pthread_mutex_init(&meeting.mutex, NULL);
        pthread_cond_init(&meeting.changed, NULL);
        threads_run(pool, 100, meet, &meeting);
        assert_int_equal(meeting.n_there, 5);
        bool found = false;
        for (size_t t = 0; t < 5; t++)
            found = found || pthread_equal(meeting.there[t], pthread_self());
        assert_true(found);
        threads_free(pool);
    }
}

TEST(workers_leave_signals_to_the_main_thread) {
    struct threads *pool = new_pool(4);
    struct record record = new_record();
    threads_run(pool, 100, note, &record);
    for (size_t i = 0; i < record.n_pieces; i++) {
        bool is_caller = pthread_equal(record.workers[i], pthread_self());
        assert_int_equal(record.interrupt_blocked[i], !is_caller);
    }
    threads_free(pool);
}

/* Adds the items' numbers up, each piece into a slot of its own. */
struct sums {
    size_t by_begin[MANY];
};

static void add_up(void *context, size_t begin, size_t end) {
    struct sums *sums = context;
    size_t sum = 0;
    for (size_t i = begin; i < end; i++)
        sum += i;
    sums->by_begin[begin] = sum;
}

TEST(ten_thousand_loops_on_one_pool) {
    struct threads *pool = new_pool(4);
    for (size_t loop = 0; loop < 10000; loop++) {
        struct sums sums = {{0}};
        size_t n_items = loop % 50, total = 0;
        threads_run(pool, n_items, add_up, &sums);
        for (size_t i = 0; i < n_items; i++)
            total += sums.by_begin[i];
        assert_int_equal(total, n_items == 0 ? 0 : n_items * (n_items - 1) / 2);
    }
    threads_free(pool);
}

TEST(workers_hear_of_loops_that_come_while_they_fall_asleep) {
    // Pauses from none to far more than a worker looks for work before it sleeps: some loops come
    // in the very moment between. A loop that a worker does not hear of never sees three meet.
    struct threads *pool = new_pool(3);
    struct meeting meeting = {.n_wanted = 3};
    pthread_mutex_init(&meeting.mutex, NULL);
    pthread_cond_init(&meeting.changed, NULL);
    for (size_t loop = 0; loop < 1000; loop++) {
        for (volatile size_t i = 0; i < loop * 7919 % 200000; i++) { // a pause
        }
        meeting.n_there = 0;
        threads_run(pool, 12, meet, &meeting);
        assert_int_equal(meeting.n_there, 3);
    }
    threads_free(pool);
}

/* Two threads meet, then the worker takes its time while the caller has nothing left to do. */
struct parting {
    struct meeting meeting;
    pthread_t caller;
    size_t pause;
};

static void part(void *context, size_t begin, size_t end) {
    struct parting *parting = context;
    meet(&parting->meeting, begin, end);
    if (pthread_equal(pthread_self(), parting->caller))
        return;
    for (volatile size_t i = 0; i < parting->pause; i++) {
    }
}

TEST(the_caller_hears_of_an_end_that_comes_while_it_falls_asleep) {
    // As above: some loops end in the very moment between. One that is missed never returns.
    struct threads *pool = new_pool(2);
    struct parting parting = {.meeting = {.n_wanted = 2}, .caller = pthread_self()};
    pthread_mutex_init(&parting.meeting.mutex, NULL);
    pthread_cond_init(&parting.meeting.changed, NULL);
    for (size_t loop = 0; loop < 5000; loop++) {
        parting.meeting.n_there = 0;
        parting.pause = loop * 7919 % 100000;
        threads_run(pool, 2, part, &parting);
        assert_int_equal(parting.meeting.n_there, 2);
    }
    threads_free(pool);
}

TEST(what_a_loop_wrote_is_there_when_it_returns) {
    struct threads *pool = new_pool(3);
    struct sums sums = {{0}};
    threads_run(pool, 3, add_up, &sums);
    assert_int_equal(sums.by_begin[1], 1);
    assert_int_equal(sums.by_begin[2], 2);
    threads_free(pool);
}

TEST(pools_come_and_go) {
    for (int i = 0; i < 200; i++) {
        struct threads *pool = new_pool(3);
        if (i % 2 == 0)
            check_each_once(pool, 10);
        threads_free(pool);
    }
}

TEST(two_pools_do_not_disturb_each_other) {
    struct threads *a = new_pool(2), *b = new_pool(3);
    for (int i = 0; i < 100; i++) {
        check_each_once(a, 11);
        check_each_once(b, 7);
    }
    threads_free(a);
    threads_free(b);
}

TEST(a_pool_of_none_is_refused) {
    struct error err;
    assert_null(threads_new(0, &err));
    assert_message(&err, "0 threads", "1 to 256");
}

TEST(a_pool_of_too_many_is_refused) {
    struct error err;
    assert_null(threads_new(THREADS_MAX + 1, &err));
    assert_message(&err, "257 threads", "1 to 256");
    assert_null(threads_new(SIZE_MAX, &err));
}

TEST(the_count_is_what_was_asked_for) {
    struct threads *pool = new_pool(7);
    assert_int_equal(threads_count(pool), 7);
    assert_int_equal(threads_count(NULL), 1);
    threads_free(pool);
}

TEST(freeing_null_is_fine) {
    threads_free(NULL);
}

TEST(a_containers_share_of_time_counts_as_whole_processors) {
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
        {"max 100000\n", THREADS_MAX}, {"200000 100000\n", 2}, {"150000 100000\n", 2},
        {"1000 100000\n", 1},          {"-1 100000\n", THREADS_MAX}, {"5 0\n", THREADS_MAX},
        {"9e300 1\n", THREADS_MAX},    {"", THREADS_MAX},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        write_text(path_of("cpu.max"), cases[i].text);
        assert_int_equal(threads_in_quota(path_of("cpu.max")), cases[i].n);
    }
    assert_int_equal(threads_in_quota(path_of("none")), THREADS_MAX);
}

TEST(at_least_one_processor_is_available) {
    size_t n = threads_available();
    assert_true(n >= 1 && n <= THREADS_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_item_is_done_once),
        cmocka_unit_test(a_large_pool_does_each_item_once),
        cmocka_unit_test(no_pool_is_a_plain_call),
        cmocka_unit_test(a_pool_of_one_works_in_the_callers_thread),
        cmocka_unit_test(no_items_mean_no_call),
        cmocka_unit_test(the_pieces_run_on_all_threads_and_the_callers),
        cmocka_unit_test(workers_leave_signals_to_the_main_thread),
        cmocka_unit_test(ten_thousand_loops_on_one_pool),
        cmocka_unit_test(workers_hear_of_loops_that_come_while_they_fall_asleep),
        cmocka_unit_test(the_caller_hears_of_an_end_that_comes_while_it_falls_asleep),
        cmocka_unit_test(what_a_loop_wrote_is_there_when_it_returns),
        cmocka_unit_test(pools_come_and_go),
        cmocka_unit_test(two_pools_do_not_disturb_each_other),
        cmocka_unit_test(a_pool_of_none_is_refused),
        cmocka_unit_test(a_pool_of_too_many_is_refused),
        cmocka_unit_test(the_count_is_what_was_asked_for),
        cmocka_unit_test(freeing_null_is_fine),
        cmocka_unit_test(a_containers_share_of_time_counts_as_whole_processors),
        cmocka_unit_test(at_least_one_processor_is_available),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
