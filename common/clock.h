/*
 * clock.h - how long something takes.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

/* Seconds on a clock that never jumps; only differences mean something. */
double seconds_now(void);

#endif
