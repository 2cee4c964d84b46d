#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64 // a 32-bit system too has files of more than 2 GB

#include "model_files.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

enum { MEND_SIZE = 256 };

/* The folders whose origin we know, and the command that brings a missing file back. */
static const struct known {
    const char *folder, *command;
} known_folders[] = {
    {"models/gpt2", "scripts/download_model.sh"},
    {"models/gpt2-medium", "scripts/download_model.sh gpt2-medium"},
    {"models/gpt2-large", "scripts/download_model.sh gpt2-large"},
    {"models/gpt2-xl", "scripts/download_model.sh gpt2-xl"},
    {"models/distilgpt2", "scripts/download_model.sh distilgpt2"},
    {"models/tiny", "git checkout models/tiny"},
};

/* The length of the folder's part of "DIR/NAME", without the slash. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

/* The command for the folder that begins at `path`, such as ../models/gpt2; or NULL. */
static const char *command_for(const char *path, size_t length) {
    for (size_t i = 0; i < sizeof known_folders / sizeof known_folders[0]; i++) {
        const char *folder = known_folders[i].folder;
        size_t n = strlen(folder);
        if (n <= length && memcmp(path + length - n, folder, n) == 0 &&
            (n == length || path[length - n - 1] == '/'))
            return known_folders[i].command;
    }
    return NULL;
}

/* "run COMMAND" for a folder that we know, else what is the user's to do. */
static const char *mend(const char *path, const char *before, const char *otherwise,
                        char text[MEND_SIZE]) {
    const char *command = command_for(path, folder_length(path));
    if (command == NULL)
        return otherwise;
    snprintf(text, MEND_SIZE, "%s %s", before, command);
    return text;
}

static bool refuse_folder(const char *path, struct error *err) {
    char text[MEND_SIZE];
    const char *how =
        mend(path, "run",
             "name one with -m DIR (make: MODEL=DIR): models/tiny is in the repository, "
             "scripts/download_model.sh downloads models/gpt2",
             text);
    return error_set(err, "%.*s: no such folder, expected a GPT-2 folder; %s",
                     (int)folder_length(path), path, how);
}

bool model_file_check(const char *path, struct error *err) {
    struct stat status;
    char text[MEND_SIZE];
    bool found = stat(path, &status) == 0;
    if (found && !S_ISREG(status.st_mode))
        return model_file_refuse(err, path, "is a %s, expected a file",
                                 S_ISDIR(status.st_mode) ? "folder" : "pipe or device");
    if (found || (errno != ENOENT && errno != ENOTDIR))
        return true; // what else keeps us from it, opening it will tell
    size_t length = folder_length(path);
    char *folder = path_join("", path);
    if (folder == NULL)
        return error_no_memory(err, path);
    folder[length] = '\0';
    bool there = length == 0 || stat(folder, &status) == 0;
    bool is_folder = length == 0 || (there && S_ISDIR(status.st_mode));
    if (!there)
        refuse_folder(path, err);
    else if (!is_folder)
        error_set(err, "%s: is a file, expected a GPT-2 folder; -m names the folder that holds it",
                  folder);
    else
        error_set(err,
                  "%s: no such file; a GPT-2 folder holds config.json, model.safetensors, "
                  "vocab.json and merges.txt: %s",
                  path,
                  mend(path, "run",
                       "copy it there, or name another folder with -m DIR (make: MODEL=DIR)",
                       text));
    free(folder);
    return false;
}

bool model_file_refuse(struct error *err, const char *path, const char *format, ...) {
    char found[ERROR_SIZE / 2], text[MEND_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found, sizeof found, format, arguments);
    va_end(arguments);
    return error_set(
        err, "%s: %s; %s", path, found,
        mend(path, "delete it and run",
             "get the file again, or name another folder with -m DIR (make: MODEL=DIR)", text));
}

/* A signal handler can't put a line together: it may have interrupted malloc. */
static char cut_line[ERROR_SIZE + 16];

static void on_cut(int signal_number) {
    static atomic_flag told = ATOMIC_FLAG_INIT;
    (void)signal_number;
    while (atomic_flag_test_and_set(&told)) // by another thread, which is about to end the process
        pause();
    (void)!write(STDERR_FILENO, cut_line, strlen(cut_line));
    _exit(EXIT_FAILURE);
}

void model_file_explain_cut(const char *prefix, const char *folder) {
    char *path = path_join(folder, "model.safetensors");
    struct error err;
    model_file_refuse(&err, path != NULL ? path : folder,
                      "can no longer be read: it was cut short while in use, or its disk fails");
    snprintf(cut_line, sizeof cut_line, "%s%s\n", prefix, err.message);
    free(path);
    struct sigaction action = {.sa_handler = on_cut};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
