/* common/lesson.h: what a lesson prints for its reader to compare. */
#include "support.h"

#include <unistd.h>

#include "../../common/lesson.h"

/* The line that a check of a difference prints. */
static const char *line_of(struct lesson *lesson, double difference, double limit) {
    static char line[200];
    const char *path = path_of("line");
    fflush(stdout);
    int terminal = dup(STDOUT_FILENO);
    FILE *file = fopen(path, "w+");
    assert_non_null(file);
    assert_int_equal(dup2(fileno(file), STDOUT_FILENO), STDOUT_FILENO);
    lesson_check_close(lesson, difference, limit, "two ways agree");
    fflush(stdout);
    dup2(terminal, STDOUT_FILENO);
    close(terminal);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_passed_check_shows_the_power_of_ten_above_the_difference),
        cmocka_unit_test(roundings_of_a_float_all_look_the_same),
        cmocka_unit_test(a_failed_check_shows_the_difference),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
