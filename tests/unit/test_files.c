/* common/files.h: whole files in, whole files out. */
#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "../../common/files.h"

/* How many entries a folder has, without "." and "..". */
static size_t count_entries(const char *path) {
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t n = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

/* A new folder in the test folder, so that a test sees only its own files. */
static const char *new_folder(const char *name) {
    const char *path = path_of(name);
    assert_int_equal(mkdir(path, 0777), 0);
    return path;
}

static void check_content(const char *path, const char *expected) {
    size_t length;
    char *bytes = read_bytes(path, &length);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, length);
    free(bytes);
}

/* --- reading -------------------------------------------------------------------------------- */

TEST(a_file_is_read_with_a_nul_behind_it) {
    struct error err;
    const char *path = path_of("bytes");
    write_bytes(path, "a\0b\n", 4);
    size_t length = 0;
    char *bytes = file_read(path, 100, &length, &err);
    assert_non_null(bytes);
    assert_int_equal(length, 4);
    assert_memory_equal(bytes, "a\0b\n\0", 5);
    free(bytes);
}

TEST(an_empty_file_is_read) {
    struct error err;
    const char *path = path_of("empty");
    write_bytes(path, "", 0);
    size_t length = 9;
    char *bytes = file_read(path, 100, &length, &err);
    assert_non_null(bytes);
    assert_int_equal(length, 0);
    assert_int_equal(bytes[0], 0);
    free(bytes);
}

TEST(a_file_of_exactly_the_limit_is_read) {
    struct error err;
    const char *path = path_of("limit");
    write_bytes(path, "12345", 5);
    size_t length;
    char *bytes = file_read(path, 5, &length, &err);
    assert_non_null(bytes);
    free(bytes);
}

TEST(a_file_over_the_limit_is_refused) {
    struct error err;
    const char *path = path_of("over");
    write_bytes(path, "12345", 5);
    size_t length;
    assert_null(file_read(path, 4, &length, &err));
    assert_message(&err, path, "5 bytes", "at most 4");
}

TEST(a_missing_file_is_refused) {
    struct error err;
    struct mapped_file file;
    size_t length;
    const char *path = path_of("missing");
    assert_null(file_read(path, 100, &length, &err));
    assert_message(&err, path, "No such file");
    assert_false(file_map(path, &file, &err));
    assert_message(&err, path, "No such file");
}

TEST(a_file_of_5_GB_is_mapped_or_said_to_be_too_large) {
    struct error err;
    struct mapped_file file;
    const char *path = path_of("large");
    off_t size = (off_t)5 << 30;
    write_text(path, "x");
    assert_int_equal(truncate(path, size), 0); // a hole: takes no space
    assert_true(file_exists(path));
    bool mapped = file_map(path, &file, &err);
    remove(path);
    if ((uintmax_t)size > SIZE_MAX) {
        assert_false(mapped);
        assert_message(&err, path, "has 5368709120 bytes", "32-bit", "build it on a 64-bit system");
    } else {
        assert_done(mapped, &err);
        assert_int_equal(file.length, size);
        assert_int_equal(file.data[0], 'x');
        file_unmap(&file);
    }
}

TEST(a_folder_is_refused) {
    struct error err;
    struct mapped_file file;
    size_t length;
    assert_null(file_read(test_folder(), 100, &length, &err));
    assert_message(&err, test_folder(), "folder", "expected a file");
    assert_false(file_map(test_folder(), &file, &err));
    assert_message(&err, test_folder(), "folder", "expected a file");
}

TEST(a_pipe_is_refused_without_waiting_for_its_other_end) {
    struct error err;
    struct mapped_file file;
    size_t length;
    const char *path = path_of("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    alarm(20); // a program that hangs is ended
    assert_null(file_read(path, 100, &length, &err));
    assert_message(&err, path, "pipe", "expected a file");
    assert_false(file_map(path, &file, &err));
    assert_message(&err, path, "pipe", "expected a file");
    alarm(0);
}

TEST(a_device_is_refused) {
    struct error err;
    size_t length;
    assert_null(file_read("/dev/zero", 100, &length, &err));
    assert_message(&err, "/dev/zero", "device");
}

/* --- mapping -------------------------------------------------------------------------------- */

TEST(a_mapped_file_shows_its_bytes) {
    struct error err;
    struct mapped_file file;
    write_bytes(path_of("mapped"), "hello", 5);
    assert_done(file_map(path_of("mapped"), &file, &err), &err);
    assert_int_equal(file.length, 5);
    assert_memory_equal(file.data, "hello", 5);
    file_unmap(&file);
    assert_null(file.data);
    assert_int_equal(file.length, 0);
}

TEST(an_empty_file_is_mapped) {
    struct error err;
    struct mapped_file file;
    write_bytes(path_of("nothing"), "", 0);
    assert_done(file_map(path_of("nothing"), &file, &err), &err);
    assert_int_equal(file.length, 0);
    file_unmap(&file);
    file_unmap(&file); // twice does no harm
}

TEST(released_bytes_stay_readable) {
    struct error err;
    struct mapped_file file;
    enum { SIZE = 200000 };
    char *bytes = malloc(SIZE);
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i * 7);
    write_bytes(path_of("released"), bytes, SIZE);
    assert_done(file_map(path_of("released"), &file, &err), &err);
    file_release(&file, 0, SIZE);
    file_release(&file, 3, 5);
    file_release(&file, 5000, 100000);
    file_release(&file, SIZE, 0);
    assert_memory_equal(file.data, bytes, SIZE);
    file_unmap(&file);
    free(bytes);
}

/* --- writing -------------------------------------------------------------------------------- */

TEST(a_new_file_has_the_bytes_and_stands_alone) {
    struct error err;
    const char *folder = new_folder("new"), *path = path_of("new/file");
    assert_done(file_write(path, "hello", 5, &err), &err);
    check_content(path, "hello");
    assert_int_equal(count_entries(folder), 1);
}

TEST(an_old_file_is_replaced_as_a_whole) {
    struct error err;
    const char *folder = new_folder("old"), *path = path_of("old/file");
    write_text(path, "something much longer");
    assert_done(file_write(path, "new", 3, &err), &err);
    check_content(path, "new");
    assert_int_equal(count_entries(folder), 1);
}

TEST(who_has_the_old_file_open_keeps_its_bytes) {
    // The new file comes by a rename: readers see the old or the new one, never a mixture.
    struct error err;
    struct mapped_file old;
    const char *path = path_of("open");
    write_text(path, "old bytes");
    assert_done(file_map(path, &old, &err), &err);
    assert_done(file_write(path, "new", 3, &err), &err);
    assert_memory_equal(old.data, "old bytes", 9);
    file_unmap(&old);
}

TEST(an_empty_file_is_written) {
    struct error err;
    assert_done(file_write(path_of("no_bytes"), "", 0, &err), &err);
    check_content(path_of("no_bytes"), "");
}

TEST(a_written_file_has_the_usual_mode) {
    struct error err;
    struct stat status;
    mode_t before = umask(027);
    assert_done(file_write(path_of("mode"), "x", 1, &err), &err);
    umask(before);
    assert_int_equal(stat(path_of("mode"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
}

TEST(a_replaced_file_keeps_its_mode) {
    static const mode_t modes[] = {0600, 0640, 0666, 0755}; // 0666: more than a new file gets
    struct error err;
    struct stat status;
    const char *path = path_of("kept_mode");
    mode_t before = umask(022);
    for (size_t i = 0; i < LENGTH(modes); i++) {
        write_text(path, "old");
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_done(file_write(path, "new", 3, &err), &err);
        check_content(path, "new");
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, modes[i]);
    }
    umask(before);
}

TEST(a_link_to_no_file_is_an_error_and_stays) {
    struct error err;
    struct stat status;
    const char *folder = new_folder("links"), *path = path_of("links/link");
    assert_int_equal(symlink("nowhere", path), 0);
    assert_false(file_write(path, "x", 1, &err));
    assert_message(&err, path, "is a link that leads to no file", "No such file", "remove it");
    assert_int_equal(lstat(path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(count_entries(folder), 1);
}

TEST(a_missing_folder_is_an_error) {
    struct error err;
    const char *path = path_of("no/such/file");
    assert_false(file_write(path, "x", 1, &err));
    assert_message(&err, path, "No such file", "check the name of its folder");
}

TEST(a_folder_is_not_written_to) {
    struct error err;
    const char *path = new_folder("in_the_way");
    assert_false(file_write(path, "x", 1, &err));
    assert_message(&err, path, "name a file, not a folder");
    assert_int_equal(count_entries(path), 0);
}

TEST(a_full_device_is_an_error) {
    struct error err;
    if (access("/dev/full", W_OK) != 0)
        return; // Linux only
    assert_false(file_write("/dev/full", "hello", 5, &err));
    assert_message(&err, "/dev/full", "cannot write 5 bytes", "No space left", "make room");
    struct stat status;
    assert_int_equal(stat("/dev/full", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
}

/* A limit on the size of files stands in for a full disk. */
static bool write_with_little_room(const char *path, struct error *err) {
    static char bytes[100000];
    struct rlimit before, little;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little = before;
    little.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    bool written = file_write(path, bytes, sizeof bytes, err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    return written;
}

TEST(a_full_disk_keeps_the_old_file_and_leaves_nothing_else) {
    struct error err;
    const char *folder = new_folder("full"), *path = path_of("full/file");
    write_text(path, "precious");
    assert_false(write_with_little_room(path, &err));
    assert_message(&err, path, "cannot write 100000 bytes");
    check_content(path, "precious");
    assert_int_equal(count_entries(folder), 1);
}

TEST(a_full_disk_leaves_no_new_file) {
    struct error err;
    const char *folder = new_folder("full_and_new"), *path = path_of("full_and_new/file");
    assert_false(write_with_little_room(path, &err));
    assert_int_equal(count_entries(folder), 0);
}

static volatile sig_atomic_t n_signals;

static void count_signal(int number) {
    (void)number;
    n_signals++;
}

TEST(a_signal_that_has_come_ends_the_writing_and_arrives_after_it) {
    struct error err;
    const char *folder = new_folder("signal"), *path = path_of("signal/file");
    write_text(path, "precious");
    void (*handler)(int) = signal(SIGINT, count_signal);
    sigset_t interrupt, now;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    assert_int_equal(sigprocmask(SIG_BLOCK, &interrupt, NULL), 0);
    assert_int_equal(raise(SIGINT), 0); // waits, as one that comes while bytes are written
    assert_false(file_write(path, "x", 1, &err));
    assert_message(&err, path, "cannot write 1 bytes", "Interrupted", "start again");
    check_content(path, "precious");
    assert_int_equal(count_entries(folder), 1);
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &interrupt, NULL), 0);
    assert_int_equal(n_signals, 1);
    assert_done(file_write(path, "x", 1, &err), &err);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &now), 0); // and the mask is as it was
    assert_int_equal(sigismember(&now, SIGINT), 0);
    signal(SIGINT, handler);
}

TEST(a_pipe_is_written_to_directly) {
    struct error err;
    char bytes[6] = "";
    const char *path = path_of("pipe_out");
    assert_int_equal(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    alarm(20);
    assert_done(file_write(path, "hello", 5, &err), &err);
    alarm(0);
    assert_int_equal(read(fd, bytes, 5), 5);
    assert_string_equal(bytes, "hello");
    close(fd);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_true(S_ISFIFO(status.st_mode)); // and was not replaced
}

/* --- names ---------------------------------------------------------------------------------- */

TEST(a_file_exists_or_not) {
    write_text(path_of("here"), "");
    assert_true(file_exists(path_of("here")));
    assert_true(file_exists(test_folder()));
    assert_false(file_exists(path_of("not_here")));
}

TEST(paths_are_joined_with_one_slash) {
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"},  {"", "b", "b"},
        {"/", "b", "/b"},  {"a/b", "", "a/b/"},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        char *path = path_join(cases[i][0], cases[i][1]);
        assert_non_null(path);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

TEST(folders_are_made_one_in_the_other) {
    struct error err;
    struct stat status;
    for (int round = 0; round < 2; round++) { // the second time they are there
        assert_done(folder_make(path_of("one/two/three"), &err), &err);
        assert_int_equal(stat(path_of("one/two/three"), &status), 0);
        assert_true(S_ISDIR(status.st_mode));
    }
    assert_done(folder_make(path_of("one/two/four/"), &err), &err);
    assert_done(folder_make("/", &err), &err);
}

TEST(a_file_in_the_place_of_a_folder_is_an_error) {
    struct error err;
    write_text(path_of("no_folder"), "mine");
    assert_false(folder_make(path_of("no_folder"), &err));
    assert_message(&err, "no_folder: cannot make the folder", "choose another place");
    assert_false(folder_make(path_of("no_folder/inside"), &err));
    assert_message(&err, "no_folder/inside: cannot make the folder");
}

TEST(a_folder_without_a_name_is_an_error) {
    struct error err;
    assert_false(folder_make("", &err));
    assert_message(&err, "found \"\"", "the name of a folder");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_with_a_nul_behind_it),
        cmocka_unit_test(an_empty_file_is_read),
        cmocka_unit_test(a_file_of_exactly_the_limit_is_read),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(a_missing_file_is_refused),
        cmocka_unit_test(a_folder_is_refused),
        cmocka_unit_test(a_pipe_is_refused_without_waiting_for_its_other_end),
        cmocka_unit_test(a_device_is_refused),
        cmocka_unit_test(a_mapped_file_shows_its_bytes),
        cmocka_unit_test(a_file_of_5_GB_is_mapped_or_said_to_be_too_large),
        cmocka_unit_test(an_empty_file_is_mapped),
        cmocka_unit_test(released_bytes_stay_readable),
        cmocka_unit_test(a_new_file_has_the_bytes_and_stands_alone),
        cmocka_unit_test(an_old_file_is_replaced_as_a_whole),
        cmocka_unit_test(who_has_the_old_file_open_keeps_its_bytes),
        cmocka_unit_test(an_empty_file_is_written),
        cmocka_unit_test(a_written_file_has_the_usual_mode),
        cmocka_unit_test(a_replaced_file_keeps_its_mode),
        cmocka_unit_test(a_link_to_no_file_is_an_error_and_stays),
        cmocka_unit_test(a_missing_folder_is_an_error),
        cmocka_unit_test(a_folder_is_not_written_to),
        cmocka_unit_test(a_full_device_is_an_error),
        cmocka_unit_test(a_full_disk_keeps_the_old_file_and_leaves_nothing_else),
        cmocka_unit_test(a_full_disk_leaves_no_new_file),
        cmocka_unit_test(a_signal_that_has_come_ends_the_writing_and_arrives_after_it),
        cmocka_unit_test(a_pipe_is_written_to_directly),
        cmocka_unit_test(a_file_exists_or_not),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        cmocka_unit_test(folders_are_made_one_in_the_other),
        cmocka_unit_test(a_file_in_the_place_of_a_folder_is_an_error),
        cmocka_unit_test(a_folder_without_a_name_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
