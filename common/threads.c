#if defined(__linux__)
#define _GNU_SOURCE // sched_getaffinity
#endif

#include "threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

struct worker {
    struct threads *pool;
    size_t index; // which piece of a loop it does, 1 to n_threads - 1; the caller does piece 0
    pthread_t thread;
};

struct threads {
    size_t n_threads;
    struct worker *workers; // [n_threads - 1]
    size_t n_started;       // workers whose thread runs

    pthread_mutex_t mutex; // guards what follows
    pthread_cond_t work_ready;
    pthread_cond_t work_done;
    size_t generation; // counts the loops: a worker that sees a new number has a piece to do
    size_t n_busy;     // workers that have not ended their piece
    bool stopping;

    threads_task *task; // the loop being run
    void *context;
    size_t n_items;
};

/* Does piece `index` of n_threads nearly equal pieces. */
static void run_piece(const struct threads *pool, size_t index) {
    size_t whole = pool->n_items / pool->n_threads;
    size_t rest = pool->n_items % pool->n_threads; // the first `rest` pieces get one item more
    size_t begin = index * whole + (index < rest ? index : rest);
    size_t end = begin + whole + (index < rest ? 1 : 0);
    if (begin < end)
        pool->task(pool->context, begin, end);
}

static void *worker_main(void *argument) {
    struct worker *worker = argument;
    struct threads *pool = worker->pool;
    size_t seen = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (pool->generation == seen && !pool->stopping)
            pthread_cond_wait(&pool->work_ready, &pool->mutex);
        if (pool->stopping)
            break;
        seen = pool->generation;
        pthread_mutex_unlock(&pool->mutex);
        run_piece(pool, worker->index);
        pthread_mutex_lock(&pool->mutex);
        pool->n_busy--;
        if (pool->n_busy == 0)
            pthread_cond_signal(&pool->work_done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Starts the workers with all signals blocked, so that Ctrl-C always reaches the main thread. */
static bool start_workers(struct threads *pool) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    for (size_t i = 0; i + 1 < pool->n_threads && started; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i + 1;
        started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
        if (started)
            pool->n_started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
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
    pool->workers = calloc(n_threads, sizeof *pool->workers);
    if (pool->workers == NULL) {
        error_no_memory(err, "the thread pool");
        threads_free(pool);
        return NULL;
    }
    if (!start_workers(pool)) {
        error_set(err, "could not start %zu threads: use fewer (-t N)", n_threads);
        threads_free(pool);
        return NULL;
    }
    return pool;
}

void threads_free(struct threads *pool) {
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work_ready);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->n_started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->work_done);
    pthread_cond_destroy(&pool->work_ready);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

size_t threads_count(const struct threads *pool) {
    return pool == NULL ? 1 : pool->n_threads;
}

void threads_run(struct threads *pool, size_t n_items, threads_task *task, void *context) {
    if (pool == NULL || pool->n_threads == 1 || n_items <= 1) {
        if (n_items > 0)
            task(context, 0, n_items);
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    pool->task = task;
    pool->context = context;
    pool->n_items = n_items;
    pool->n_busy = pool->n_threads - 1;
    pool->generation++;
    pthread_cond_broadcast(&pool->work_ready);
    pthread_mutex_unlock(&pool->mutex);

    run_piece(pool, 0);

    pthread_mutex_lock(&pool->mutex);
    while (pool->n_busy > 0)
        pthread_cond_wait(&pool->work_done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

size_t threads_available(void) {
    long n = 0;
#if defined(__linux__)
    // Containers and taskset allow fewer processors than the machine has.
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        n = CPU_COUNT(&allowed);
#endif
    if (n < 1)
        n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1)
        n = 1;
    return n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}
