/*
 * first_token - how long a program takes to its first word, and how much memory.
 *
 *     first_token COMMAND ARGUMENT...     runs the command, prints the lines "first_token SECONDS"
 *                                         and "memory BYTES"
 *
 * The time runs from just before the program is started (not from its main function: loading it and
 * its libraries counts too) to its first byte on standard output. The memory is the largest part of
 * it that was resident at once.
 */
#define _DEFAULT_SOURCE // wait4

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../common/clock.h"

/* Starts the command with its output in a pipe; *output gets the end to read from. */
static pid_t start(char **command, int *output) {
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    close(ends[1]);
    *output = ends[0];
    return child;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: first_token COMMAND ARGUMENT...\n");
        return 2;
    }
    int output, status;
    char bytes[4096];
    struct rusage usage;
    double begin = seconds_now();
    pid_t child = start(argv + 1, &output);
    if (child < 0) {
        perror("first_token");
        return 1;
    }
    ssize_t n_first = read(output, bytes, sizeof bytes);
    double seconds = seconds_now() - begin;
    while (read(output, bytes, sizeof bytes) > 0) // until it ends, so that it is not cut off
        ;
    close(output);
    if (wait4(child, &status, 0, &usage) != child || status != 0 || n_first <= 0) {
        fprintf(stderr, "first_token: %s failed, or printed nothing\n", argv[1]);
        return 1;
    }
#if defined(__APPLE__)
    double memory = (double)usage.ru_maxrss; // bytes there,
#else
    double memory = (double)usage.ru_maxrss * 1024.0; // kibibytes elsewhere
#endif
    printf("first_token %.6g\nmemory %.10g\n", seconds, memory);
    return 0;
}
