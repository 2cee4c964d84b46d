/*
 * model_files.h - what to say when a file of a model is missing or is not what it should be.
 *
 * A GPT-2 folder holds config.json, model.safetensors, vocab.json and merges.txt. Each has a reader
 * of its own that knows what can be wrong in it; how to mend it depends on the folder alone, and
 * stands here: models/gpt2 can be downloaded again, models/tiny is in the repository, and where any
 * other folder comes from only the user knows. A file can also become too short after it was found
 * to be whole: see the last function.
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

/*
 * For programs: weights are read where their file is mapped, and when another program cuts the file
 * short meanwhile, or its disk fails, the system sends SIGBUS. From here on that ends this process
 * with status 1 and one line on standard error, which begins with `prefix` ("gpt2: ") and names the
 * folder's model.safetensors.
 */
void model_file_explain_cut(const char *prefix, const char *folder);

#endif
