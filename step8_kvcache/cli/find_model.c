#define _XOPEN_SOURCE 700 // realpath

#include "find_model.h"

#include <stdlib.h>
#include <string.h>

#include "../../common/files.h"
#include "../../common/model_files.h"

/*
 * The folder of this program, which models/ stands beside, with its slash: "" for the current one.
 * Linux knows where the program is; elsewhere its name tells, unless the shell found it on its PATH.
 */
static char *program_folder(const char *program_path) {
    char *path = realpath("/proc/self/exe", NULL);
    if (path == NULL && strchr(program_path, '/') != NULL)
        path = realpath(program_path, NULL);
    if (path == NULL)
        return path_join("", "");
    strrchr(path, '/')[1] = '\0';
    return path;
}

/* The files of a model's folder; the first two are all that the tokenizer needs. */
static const char *const model_files[] = {"vocab.json", "merges.txt", "config.json",
                                          "model.safetensors"};
enum { N_TOKENIZER_FILES = 2, N_MODEL_FILES = 4 };

/* The first of n files that a folder lacks; NULL when all are there. */
static const char *missing_file(const char *folder, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char *path = path_join(folder, model_files[i]);
        bool there = path != NULL && file_exists(path);
        free(path);
        if (!there)
            return model_files[i];
    }
    return NULL;
}

char *find_default_model(const char *program_path, struct error *err) {
    static const char *const names[] = {"models/gpt2", "models/tiny"};
    char *found = NULL, *folder = program_folder(program_path);
    for (size_t i = 0; i < 2 && found == NULL && folder != NULL; i++) {
        found = path_join(folder, names[i]);
        if (found != NULL && missing_file(found, N_MODEL_FILES) != NULL) {
            free(found);
            found = NULL;
        }
    }
    if (found == NULL)
        error_set(err,
                  "no model in %smodels/gpt2 or %smodels/tiny: run scripts/download_model.sh, "
                  "or name a GPT-2 folder with -m",
                  folder != NULL ? folder : "", folder != NULL ? folder : "");
    free(folder);
    return found;
}

bool find_files(const char *folder, bool only_tokenizer, struct error *err) {
    const char *missing = missing_file(folder, only_tokenizer ? N_TOKENIZER_FILES : N_MODEL_FILES);
    if (missing == NULL)
        return true;
    char *path = path_join(folder, missing);
    bool there = path != NULL ? model_file_check(path, err) : error_no_memory(err, folder);
    free(path);
    return there;
}
