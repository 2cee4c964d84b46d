#define _XOPEN_SOURCE 700 // realpath

#include "find_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/files.h"
#include "../../common/model_files.h"

/*
 * The folder of this program, which models/ stands beside, with its slash: "" for the current one.
 * Linux knows where the program is; elsewhere its name tells, unless the shell found it on its PATH.
 * NULL without memory.
 */
static char *program_folder(const char *program_path) {
    char *path = realpath("/proc/self/exe", NULL);
    if (path == NULL && errno != ENOMEM && strchr(program_path, '/') != NULL)
        path = realpath(program_path, NULL);
    if (path == NULL)
        return errno != ENOMEM ? strdup("") : NULL;
    strrchr(path, '/')[1] = '\0';
    return path;
}

/* The files of a model's folder; the first two are all that the tokenizer needs. */
static const char *const model_files[] = {"vocab.json", "merges.txt", "config.json",
                                          "model.safetensors"};
enum { N_TOKENIZER_FILES = 2, N_MODEL_FILES = 4 };

/* *missing: the first of n files that a folder lacks; NULL when all are there. Without memory it
 * can't tell: false. */
static bool look_for_files(const char *folder, size_t n, const char **missing, struct error *err) {
    *missing = NULL;
    for (size_t i = 0; i < n && *missing == NULL; i++) {
        char *path = path_join(folder, model_files[i]);
        if (path == NULL)
            return error_no_memory(err, folder);
        if (!file_exists(path))
            *missing = model_files[i];
        free(path);
    }
    return true;
}

/* *found: the model's path in new memory; NULL when it is not there in full. Without memory it
 * can't tell: false. */
static bool look_for_model(const char *folder, const char *name, char **found, struct error *err) {
    const char *missing = NULL;
    *found = path_join(folder, name);
    bool told = *found != NULL ? look_for_files(*found, N_MODEL_FILES, &missing, err)
                               : error_no_memory(err, name);
    if (!told || missing != NULL) {
        free(*found);
        *found = NULL;
    }
    return told;
}

char *find_default_model(const char *program_path, struct error *err) {
    static const char *const names[] = {"models/gpt2", "models/tiny"};
    char *found = NULL, *folder = program_folder(program_path);
    bool told = folder != NULL || error_no_memory(err, "the program's folder");
    for (size_t i = 0; i < 2 && told && found == NULL; i++)
        told = look_for_model(folder, names[i], &found, err);
    if (told && found == NULL)
        error_set(err,
                  "no model in %smodels/gpt2 or %smodels/tiny: run scripts/download_model.sh, "
                  "or name a GPT-2 folder with -m",
                  folder, folder);
    free(folder);
    return found;
}

bool check_model_files(const char *folder, bool only_tokenizer, struct error *err) {
    const char *missing;
    if (!look_for_files(folder, only_tokenizer ? N_TOKENIZER_FILES : N_MODEL_FILES, &missing, err))
        return false;
    if (missing == NULL)
        return true;
    char *path = path_join(folder, missing);
    bool there = path != NULL ? model_file_check(path, err) : error_no_memory(err, folder);
    free(path);
    return there;
}
