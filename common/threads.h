/*
 * threads.h - a small pool of worker threads, for one loop at a time.
 *
 * Like a pool of workers behind a queue: threads_run cuts a loop of n items into a few pieces per
 * thread; each thread, the caller too, takes a piece, does it, and takes the next until none is
 * left. A thread that the system has put aside takes fewer, so the others don't wait for its share.
 *
 * A token needs some sixty short loops, and to wake a sleeping thread takes as long as a short
 * loop. So a thread without work looks for the next loop for some tens of microseconds before it
 * sleeps in the kernel (a condition variable), where it uses no processor time.
 *
 * We do not use OpenMP: Apple's clang lacks it, and its threads wait by spinning, which collapses
 * on a machine where another program holds one of the processors.
 */
#ifndef COMMON_THREADS_H
#define COMMON_THREADS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum { THREADS_MAX = 256 };

struct threads;

/* Does the items [begin, end) of a loop. Runs on several threads at once. */
typedef void threads_task(void *context, size_t begin, size_t end);

/*
 * A pool that runs loops on n_threads threads: the caller's and n_threads - 1 of its own.
 * n_threads: 1 to THREADS_MAX. NULL, with *err filled in, when they cannot be started.
 */
struct threads *threads_new(size_t n_threads, struct error *err);

/* Ends the workers and frees the pool; no loop may be running. NULL is fine. */
void threads_free(struct threads *pool);

/* How many threads loops run on; 1 when pool is NULL. */
size_t threads_count(const struct threads *pool);

/*
 * Calls task(context, begin, end) for pieces that together cover [0, n_items), a few for each
 * thread, and returns when all have ended. With one thread, or pool NULL, this is a plain call.
 * A pool runs one loop at a time: it belongs to one caller.
 */
void threads_run(struct threads *pool, size_t n_items, threads_task *task, void *context);

/*
 * The same with one piece for each thread, for loops of some microseconds whose items are all alike:
 * each thread then reads one long piece of memory, which decoding needs, and no time goes into
 * handing out. What is lost is that a thread which is held up can't leave pieces to the others.
 */
void threads_run_even(struct threads *pool, size_t n_items, threads_task *task, void *context);

/* The number of processors this process may use; at least 1, at most THREADS_MAX. On Linux less than
 * the machine has, where taskset or a container's limit says so. */
size_t threads_available(void);

/*
 * How many processors' time a container may use, rounded up, by its file cpu.max: "150000 100000" are
 * the microseconds that it may use in each period, and the period's length. THREADS_MAX where there is
 * no such limit, or no such file. (https://docs.kernel.org/admin-guide/cgroup-v2.html)
 */
size_t threads_in_quota(const char *path);

#endif
