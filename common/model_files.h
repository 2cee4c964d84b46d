/*
 * model_files.h - what to say when a file of a model is missing or is not what it should be.
 *
 * A GPT-2 folder holds config.json, model.safetensors, vocab.json and merges.txt. Each has a reader
 * of its own that knows what can be wrong in it; how to mend it depends on the folder alone, and
 * stands here: models/gpt2 can be downloaded again, models/tiny is in the repository, and where any
 * other folder comes from only the user knows.
 */
#ifndef COMMON_MODEL_FILES_H
#define COMMON_MODEL_FILES_H

#include <stdbool.h>

#include "error.h"

/*
 * Whether there is a file under this path, "DIR/NAME". false with *err filled in when not: it says
 * whether the folder or only the file is missing or something else stands there, and how to get
 * the file. Call it before reading, since a reader can only say that it can't open the file.
 */
bool model_file_check(const char *path, struct error *err);

/*
 * Fills *err with "PATH: what is wrong in the file; how to get another" and returns false. The
 * format is printf's, for what is wrong.
 */
ERROR_FORMAT(3, 4)
bool model_file_refuse(struct error *err, const char *path, const char *format, ...);

#endif
