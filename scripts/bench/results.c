#include "results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/files.h"

enum { LARGEST_FILE = 16 << 20 };

const char *const results_formats[3] = {"f32", "bf16", "int8"};

cJSON *results_read(const char *path, struct error *err) {
    size_t length;
    char *text = file_read(path, LARGEST_FILE, &length, err);
    cJSON *results = text != NULL ? json_parse(path, text, length, err) : NULL;
    free(text);
    if (results != NULL && (!cJSON_IsObject(cJSON_GetObjectItem(results, "facts")) ||
                            !cJSON_IsArray(cJSON_GetObjectItem(results, "measurements")))) {
        error_set(err, "%s: no facts and measurements in it, expected what bench.sh --json writes",
                  path);
        cJSON_Delete(results);
        return NULL;
    }
    return results;
}

static bool text_is(const cJSON *object, const char *name, const char *expected) {
    const cJSON *item = cJSON_GetObjectItem(object, name);
    return cJSON_IsString(item) && strcmp(item->valuestring, expected) == 0;
}

cJSON *results_find(const cJSON *results, const char *what, const char *format, int threads,
                    const char *who) {
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(results, "measurements")) {
        if (text_is(item, "what", what) && text_is(item, "format", format) &&
            (int)results_number(item, "threads") == threads && text_is(item, "who", who))
            return item;
    }
    return NULL;
}

double results_number(const cJSON *measurement, const char *name) {
    const cJSON *item = cJSON_GetObjectItem(measurement, name);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

const char *results_fact(const cJSON *results, const char *name) {
    const cJSON *item = cJSON_GetObjectItem(cJSON_GetObjectItem(results, "facts"), name);
    return cJSON_IsString(item) ? item->valuestring : "?";
}

int results_threads(const cJSON *results) {
    return (int)strtol(results_fact(results, "cores"), NULL, 10);
}
