/* common/lesson.h: what a lesson prints for its reader to compare. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../common/lesson.h"

/* Lets what is written to a file descriptor go elsewhere; returns what `restore` needs. */
static int redirect(int fd, int elsewhere) {
    fflush(stdout);
    int before = dup(fd);
    assert_int_equal(dup2(elsewhere, fd), fd);
    return before;
}

static void restore(int fd, int before) {
    fflush(stdout);
    dup2(before, fd);
    close(before);
}

/* The line that a check of a difference prints. */
static const char *line_of(struct lesson *lesson, double difference, double limit) {
    static char line[200];
    FILE *file = fopen(path_of("line"), "w+");
    assert_non_null(file);
    int terminal = redirect(STDOUT_FILENO, fileno(file));
    lesson_check_close(lesson, difference, limit, "two ways agree");
    restore(STDOUT_FILENO, terminal);
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return line;
}

static void check_line(double difference, bool passes, const char *shown) {
    struct lesson lesson = {0};
    const char *line = line_of(&lesson, difference, 1e-3);
    assert_non_null(strstr(line, shown));
    assert_non_null(strstr(line, passes ? " ok\n" : " FAILED\n"));
    assert_int_equal(lesson.n_failed, passes ? 0 : 1);
}

TEST(a_passed_check_shows_the_power_of_ten_above_the_difference) {
    check_line(3e-6, true, "(largest difference below 1e-05)");
    check_line(9.9e-5, true, "(largest difference below 1e-04)");
    check_line(1e-3, true, "(largest difference below 1e-02)");
}

TEST(roundings_of_a_float_all_look_the_same) {
    check_line(0.0, true, "(largest difference below 1e-06)");
    check_line(1.2e-7, true, "(largest difference below 1e-06)");
    check_line(9e-7, true, "(largest difference below 1e-06)");
}

TEST(a_failed_check_shows_the_difference) {
    check_line(0.25, false, "(largest difference 2.5e-01)");
    check_line(INFINITY, false, "(largest difference inf)");
    check_line(NAN, false, "nan)");
}

/* Fills a pipe that nobody reads, so that writes into it fail instead of waiting. */
static void fill(int pipe) {
    static const char zeros[4096];
    assert_int_not_equal(fcntl(pipe, F_SETFL, O_NONBLOCK), -1);
    for (size_t size = sizeof zeros; size > 0;) {
        if (write(pipe, zeros, size) < 0) {
            assert_int_equal(errno, EAGAIN);
            size /= 2;
        }
    }
}

/* Reads all that is in a pipe. */
static void empty(int pipe) {
    char bytes[4096];
    assert_int_not_equal(fcntl(pipe, F_SETFL, O_NONBLOCK), -1);
    while (read(pipe, bytes, sizeof bytes) > 0)
        ;
}

TEST(output_that_was_lost_on_the_way_is_told_at_the_end) {
    struct lesson lesson = {0};
    char line[200] = "";
    int pipes[2];
    FILE *messages = fopen(path_of("messages"), "w+");
    assert_non_null(messages);
    assert_int_equal(pipe(pipes), 0);
    fill(pipes[1]);
    int output = redirect(STDOUT_FILENO, pipes[1]);
    int errors = redirect(STDERR_FILENO, fileno(messages));
    printf("a part of the lesson's output");
    bool written = fflush(stdout) == 0;
    empty(pipes[0]); // now there is room
    int status = lesson_end(&lesson);
    restore(STDOUT_FILENO, output);
    restore(STDERR_FILENO, errors);
    clearerr(stdout);
    assert_false(written);
    assert_int_equal(status, EXIT_FAILURE);
    rewind(messages);
    assert_non_null(fgets(line, sizeof line, messages));
    assert_int_equal(strncmp(line, "error: standard output: ", 24), 0);
    assert_non_null(strstr(line, "a part could not be written and is lost"));
    fclose(messages);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_passed_check_shows_the_power_of_ten_above_the_difference),
        cmocka_unit_test(roundings_of_a_float_all_look_the_same),
        cmocka_unit_test(a_failed_check_shows_the_difference),
        cmocka_unit_test(output_that_was_lost_on_the_way_is_told_at_the_end),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
