#if defined(__linux__)
#define _GNU_SOURCE // sched_getaffinity
#endif

#include "threads.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

enum {
    PIECES_PER_THREAD = 4, // pieces of a loop: enough to even out threads that run at odds
    SPINS = 2000,          // looks before a thread sleeps: some tens of microseconds on x86
};

/*
 * The loop being run. Its pieces are handed out from one number, `left`: how many of them nobody has
 * taken yet. Whoever counts it down by one has taken that piece, and only then reads the other
 * members: the loop can't end without it. (So it does no harm when a thread that was put aside counts
 * down a later loop than the one it saw: it has then taken a piece of that one.)
 */
struct threads {
    size_t n_threads;
    pthread_t *workers; // [n_threads - 1]
    size_t n_started;   // workers whose thread runs

    threads_task *task;
    void *context;
    size_t n_items, n_pieces;
    _Atomic size_t left;   // pieces that nobody has taken
    _Atomic size_t n_done; // pieces of this loop that have ended

    _Atomic size_t n_sleeping; // workers that wait for work_ready
    atomic_bool caller_sleeps; // the caller waits for work_done
    atomic_bool stopping;
    pthread_mutex_t mutex; // held to sleep and to wake
    pthread_cond_t work_ready;
    pthread_cond_t work_done;
};

/* Tells the processor that this is a waiting loop. */
static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Does piece `piece` of n_pieces nearly equal ones. */
static void run_piece(const struct threads *pool, size_t piece) {
    size_t whole = pool->n_items / pool->n_pieces;
    size_t rest = pool->n_items % pool->n_pieces; // the first `rest` pieces get one item more
    size_t begin = piece * whole + (piece < rest ? piece : rest);
    size_t end = begin + whole + (piece < rest ? 1 : 0);
    pool->task(pool->context, begin, end);
}

/* Takes pieces and does them until nobody has any left to give. */
static void work(struct threads *pool) {
    size_t left = atomic_load(&pool->left);
    while (left > 0) {
        if (!atomic_compare_exchange_weak(&pool->left, &left, left - 1))
            continue; // another thread was faster; `left` is now what it left
        size_t n_pieces = pool->n_pieces;
        run_piece(pool, n_pieces - left);
        if (atomic_fetch_add(&pool->n_done, 1) + 1 == n_pieces &&
            atomic_load(&pool->caller_sleeps)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->work_done);
            pthread_mutex_unlock(&pool->mutex);
        }
        left = atomic_load(&pool->left);
    }
}

/* Looks for work for a while, then sleeps. Returns when there is some, or the pool ends. */
static void await_work(struct threads *pool) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->left) > 0 || atomic_load(&pool->stopping))
            return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->n_sleeping, 1);
    while (atomic_load(&pool->left) == 0 && !atomic_load(&pool->stopping))
        pthread_cond_wait(&pool->work_ready, &pool->mutex);
    atomic_fetch_sub(&pool->n_sleeping, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void *worker_main(void *argument) {
    struct threads *pool = argument;
    while (!atomic_load(&pool->stopping)) {
        await_work(pool);
        work(pool);
    }
    return NULL;
}

/* What a worker leaves to the main thread: Ctrl-C and all other signals but those of its own faults,
 * which no other thread can take. */
static void signals_of_main(sigset_t *signals) {
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigfillset(signals);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(signals, faults[i]);
}

/* Returns 0, or why not all could be started. */
static int start_workers(struct threads *pool) {
    sigset_t blocked, before;
    signals_of_main(&blocked);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    int reason = 0;
    while (reason == 0 && pool->n_started + 1 < pool->n_threads) {
        reason = pthread_create(&pool->workers[pool->n_started], NULL, worker_main, pool);
        if (reason == 0)
            pool->n_started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return reason;
}

struct threads *threads_new(size_t n_threads, struct error *err) {
    if (n_threads < 1 || n_threads > THREADS_MAX) {
        error_set(err, "%zu threads asked for, expected 1 to %d", n_threads, THREADS_MAX);
        return NULL;
    }
    struct threads *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        error_no_memory(err, "the thread pool");
        return NULL;
    }
    pool->n_threads = n_threads;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->work_ready, NULL);
    pthread_cond_init(&pool->work_done, NULL);
    pool->workers = calloc(n_threads, sizeof(*pool->workers));
    if (pool->workers == NULL) {
        error_no_memory(err, "the thread pool");
        threads_free(pool);
        return NULL;
    }
    int reason = start_workers(pool);
    if (reason != 0) {
        error_set(err, "could not start %zu threads: %s; use fewer (./gpt2: -t N)", n_threads,
                  strerror(reason));
        threads_free(pool);
        return NULL;
    }
    return pool;
}

void threads_free(struct threads *pool) {
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stopping, true);
    pthread_cond_broadcast(&pool->work_ready);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->n_started; i++)
        pthread_join(pool->workers[i], NULL);
    pthread_cond_destroy(&pool->work_done);
    pthread_cond_destroy(&pool->work_ready);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

size_t threads_count(const struct threads *pool) {
    return pool == NULL ? 1 : pool->n_threads;
}

/* Waits, looking for a while and then asleep, until all pieces have ended. */
static void await_end(struct threads *pool) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool->n_done) == pool->n_pieces)
            return;
        relax();
    }
    pthread_mutex_lock(&pool->mutex);
    // To be seen before n_done is looked at. A store would do by the rules of C; emulators of ARM on
    // x86 (QEMU 7.2) let the load overtake it, and the caller would sleep for ever.
    atomic_exchange(&pool->caller_sleeps, true);
    while (atomic_load(&pool->n_done) < pool->n_pieces)
        pthread_cond_wait(&pool->work_done, &pool->mutex);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->mutex);
}

static void run(struct threads *pool, size_t n_items, size_t pieces_per_thread, threads_task *task,
                void *context) {
    if (pool == NULL || pool->n_threads == 1 || n_items <= 1) {
        if (n_items > 0)
            task(context, 0, n_items);
        return;
    }
    size_t most = pool->n_threads * pieces_per_thread;
    pool->task = task;
    pool->context = context;
    pool->n_items = n_items;
    pool->n_pieces = n_items < most ? n_items : most;
    atomic_store(&pool->n_done, 0);
    atomic_store(&pool->left, pool->n_pieces);
    if (atomic_load(&pool->n_sleeping) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->work_ready);
        pthread_mutex_unlock(&pool->mutex);
    }
    work(pool);
    await_end(pool);
}

size_t threads_in_quota(const char *path) {
    double quota, period;
    FILE *file = fopen(path, "r");
    bool limited =
        file != NULL && fscanf(file, "%lf %lf", &quota, &period) == 2; // not "max 100000"
    if (file != NULL)
        fclose(file);
    if (!limited || !(quota > 0.0 && period > 0.0) || !(quota < THREADS_MAX * period))
        return THREADS_MAX;
    return (size_t)ceil(quota / period);
}

size_t threads_available(void) {
    long n = 0;
#if defined(__linux__)
    cpu_set_t allowed; // taskset and containers that have processors of their own
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        n = CPU_COUNT(&allowed);
#endif
    if (n < 1)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        n = 1;
    size_t quota = threads_in_quota("/sys/fs/cgroup/cpu.max"); // containers that share them
    return (size_t)n < quota ? (size_t)n : quota;
}

void threads_run(struct threads *pool, size_t n_items, threads_task *task, void *context) {
    run(pool, n_items, PIECES_PER_THREAD, task, context);
}

void threads_run_even(struct threads *pool, size_t n_items, threads_task *task, void *context) {
    run(pool, n_items, 1, task, context);
}
