/* common/model_files.h: each message says how to get the file, by the folder it lies in. */
#include "support.h"

#include <pthread.h>

#include "../../common/files.h"
#include "../../common/model_files.h"
#include "../../common/threads.h"

static void make_folder(const char *name) {
    assert_int_equal(mkdir(path_of(name), 0777), 0);
}

static int set_up(void **state) {
    if (open_test_folder(state) != 0)
        return -1;
    make_folder("models");
    make_folder("models/gpt2");
    make_folder("models/gpt2-medium");
    make_folder("models/tiny");
    make_folder("models/mine");
    make_folder("mymodels");
    make_folder("mymodels/gpt2");
    write_text(path_of("models/mine/config.json"), "{}");
    return 0;
}

#define check_missing(name, ...)                                                                   \
    do {                                                                                           \
        struct error err_;                                                                         \
        assert_false(model_file_check(path_of(name), &err_));                                      \
        assert_message(&err_, __VA_ARGS__);                                                        \
    } while (0)

static void check_lacks(const struct error *err, const char *text) {
    if (strstr(err->message, text) != NULL)
        fail_msg("the message \"%s\" has \"%s\"", err->message, text);
}

TEST(a_file_that_is_there_is_fine) {
    struct error err = {"untouched"};
    assert_true(model_file_check(path_of("models/mine/config.json"), &err));
    assert_string_equal(err.message, "untouched");
}

TEST(a_missing_file_is_named_with_the_command_that_brings_it) {
    check_missing("models/gpt2/vocab.json", path_of("models/gpt2/vocab.json"), "no such file",
                  "run scripts/download_model.sh");
    check_missing("models/gpt2-medium/vocab.json", "run scripts/download_model.sh gpt2-medium");
    check_missing("models/tiny/merges.txt", "run git checkout models/tiny");
    check_missing("models/mine/merges.txt", "config.json", "model.safetensors", "vocab.json",
                  "merges.txt", "-m DIR", "MODEL=DIR");
}

TEST(a_missing_folder_is_named_with_the_command_that_brings_it) {
    check_missing("models/gpt2-xl/config.json", path_of("models/gpt2-xl"), "no such folder",
                  "run scripts/download_model.sh gpt2-xl");
    check_missing("models/none/config.json", path_of("models/none"), "no such folder", "-m DIR",
                  "MODEL=DIR", "models/tiny", "scripts/download_model.sh");
}

TEST(a_file_in_place_of_the_folder_is_named) {
    check_missing("models/mine/config.json/vocab.json", path_of("models/mine/config.json"),
                  "is a file", "-m names the folder");
}

TEST(a_folder_or_pipe_in_place_of_the_file_is_named) {
    make_folder("models/gpt2/vocab.json");
    check_missing("models/gpt2/vocab.json", "is a folder, expected a file",
                  "delete it and run scripts/download_model.sh");
    assert_int_equal(mkfifo(path_of("models/mine/vocab.json"), 0666), 0);
    check_missing("models/mine/vocab.json", "is a pipe", "expected a file", "get the file again");
}

TEST(only_whole_names_of_folders_are_known) {
    struct error err;
    assert_false(model_file_check(path_of("mymodels/gpt2/config.json"), &err));
    check_lacks(&err, "download_model.sh");
    assert_false(model_file_check("gpt2/config.json", &err));
    check_lacks(&err, "run ");
    assert_false(model_file_check("models/gpt2-none/config.json", &err));
    check_lacks(&err, "run ");
}

TEST(a_file_without_a_folder_is_looked_for_here) {
    struct error err;
    assert_false(model_file_check("no_such_vocab.json", &err));
    assert_message(&err, "no_such_vocab.json: no such file", "-m DIR");
}

TEST(a_bad_file_is_refused_with_the_way_to_another) {
    struct error err;
    assert_false(model_file_refuse(&err, "models/gpt2/vocab.json", "id %d is twice", 7));
    assert_string_equal(err.message, "models/gpt2/vocab.json: id 7 is twice; delete it and run "
                                     "scripts/download_model.sh");
    assert_false(model_file_refuse(&err, "/a/models/tiny/x", "bad"));
    assert_message(&err, "/a/models/tiny/x: bad; ", "git checkout models/tiny");
    assert_false(model_file_refuse(&err, "models/x/vocab.json", "bad"));
    assert_message(&err, "models/x/vocab.json: bad; get the file again", "-m DIR", "MODEL=DIR");
}

TEST(a_long_finding_leaves_room_for_the_way_out) {
    static char name[3000];
    struct error err;
    memset(name, 'x', sizeof name - 1);
    assert_false(model_file_refuse(&err, "models/gpt2/a", "tensor %s", name));
    assert_message(&err, "tensor xxx", "delete it and run scripts/download_model.sh");
}

/* --- a file that is cut short ----------------------------------------------------------------- */

static volatile const unsigned char *lost; // a byte of the file that is no longer there

/* The threads other than the main one look for it. */
static void read_lost(void *context, size_t begin, size_t end) {
    const pthread_t *main_thread = context;
    (void)begin, (void)end;
    while (pthread_equal(pthread_self(), *main_thread))
        pause();
    (void)*lost;
}

/* Reads a mapped file that was cut short, on three threads of four. Ends as the signal makes it end. */
static void use_cut_file(void) {
    struct error err;
    struct mapped_file file;
    pthread_t self = pthread_self();
    struct threads *pool = threads_new(4, &err);
    if (pool == NULL || !file_map(path_of("models/mine/model.safetensors"), &file, &err) ||
        truncate(path_of("models/mine/model.safetensors"), 0) != 0)
        _exit(99);
    lost = file.data + 5000;
    model_file_explain_cut("test: ", path_of("models/mine"));
    threads_run_even(pool, 4, read_lost, &self);
    _exit(98);
}

TEST(a_file_that_is_cut_short_while_threads_read_it_is_one_line) {
    int ends[2], status;
    char *bytes = calloc(1, 10000), line[1000];
    assert_non_null(bytes);
    for (int i = 0; i < 20; i++) {
        write_bytes(path_of("models/mine/model.safetensors"), bytes, 10000);
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            dup2(ends[1], STDERR_FILENO);
            use_cut_file();
        }
        assert_true(child > 0);
        close(ends[1]);
        size_t length = 0;
        for (ssize_t n; (n = read(ends[0], line + length, sizeof line - 1 - length)) > 0;)
            length += (size_t)n;
        line[length] = '\0';
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        assert_ptr_equal(strstr(line, "test: "), line);
        assert_non_null(strstr(line, "models/mine/model.safetensors: can no longer be read"));
        assert_ptr_equal(strchr(line, '\n'), line + length - 1);
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_there_is_fine),
        cmocka_unit_test(a_missing_file_is_named_with_the_command_that_brings_it),
        cmocka_unit_test(a_missing_folder_is_named_with_the_command_that_brings_it),
        cmocka_unit_test(a_file_in_place_of_the_folder_is_named),
        cmocka_unit_test(a_folder_or_pipe_in_place_of_the_file_is_named),
        cmocka_unit_test(only_whole_names_of_folders_are_known),
        cmocka_unit_test(a_file_without_a_folder_is_looked_for_here),
        cmocka_unit_test(a_bad_file_is_refused_with_the_way_to_another),
        cmocka_unit_test(a_long_finding_leaves_room_for_the_way_out),
        cmocka_unit_test(a_file_that_is_cut_short_while_threads_read_it_is_one_line),
    };
    return cmocka_run_group_tests(tests, set_up, close_test_folder);
}
