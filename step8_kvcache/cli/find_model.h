/*
 * find_model.h - which model folder to use, and whether all its files are there.
 */
#ifndef CLI_FIND_MODEL_H
#define CLI_FIND_MODEL_H

#include <stdbool.h>

#include "../../common/error.h"

/*
 * models/gpt2 beside the program when it has been downloaded in full, else models/tiny. NULL with
 * *err filled in. The caller frees it.
 */
char *find_default_model(const char *program_path, struct error *err);

/* Says which of a folder's files is not there, before anything is read. false with *err filled in. */
bool check_model_files(const char *folder, bool only_tokenizer, struct error *err);

#endif
