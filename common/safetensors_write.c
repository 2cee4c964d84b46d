#include "safetensors_write.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"

enum { LENGTH_BYTES = 8, ALIGNMENT = 64 };

static bool add_number(cJSON *array, size_t number) {
    cJSON *item = cJSON_CreateNumber((double)number); // exact: no file has 2^53 bytes
    if (item != NULL && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool add_entry(cJSON *header, const struct safetensors_entry *entry, size_t begin) {
    cJSON *object = cJSON_AddObjectToObject(header, entry->name);
    if (object == NULL || cJSON_AddStringToObject(object, "dtype", entry->dtype) == NULL)
        return false;
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    bool fine = shape != NULL;
    for (size_t i = 0; i < entry->shape.rank && fine; i++)
        fine = add_number(shape, entry->shape.dims[i]);
    cJSON *offsets = fine ? cJSON_AddArrayToObject(object, "data_offsets") : NULL;
    return offsets != NULL && add_number(offsets, begin) &&
           add_number(offsets, begin + entry->n_bytes);
}

/* The header's JSON; the caller frees it with cJSON_free. NULL without memory. */
static char *make_json(const struct safetensors_entry *entries, size_t n) {
    cJSON *header = cJSON_CreateObject();
    size_t begin = 0;
    bool fine = header != NULL;
    for (size_t i = 0; i < n && fine; i++) {
        fine = add_entry(header, &entries[i], begin);
        begin += entries[i].n_bytes;
    }
    char *json = fine ? cJSON_PrintUnformatted(header) : NULL;
    cJSON_Delete(header);
    return json;
}

/* The length and the JSON, filled up. *length gets the bytes in all. The caller frees it. */
static char *make_header(const struct safetensors_entry *entries, size_t n, size_t *length) {
    char *json = make_json(entries, n);
    if (json == NULL)
        return NULL;
    size_t json_length = strlen(json);
    *length = (LENGTH_BYTES + json_length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    char *header = malloc(*length);
    if (header != NULL) {
        uint64_t promised = *length - LENGTH_BYTES;
        for (size_t i = 0; i < LENGTH_BYTES; i++) // the lowest byte first
            header[i] = (char)(promised >> (8 * i));
        memset(header + LENGTH_BYTES, ' ', *length - LENGTH_BYTES);
        memcpy(header + LENGTH_BYTES, json, json_length);
    }
    cJSON_free(json);
    return header;
}

bool safetensors_write(const char *path, const struct safetensors_entry *entries, size_t n,
                       struct error *err) {
    size_t header_length;
    char *header = make_header(entries, n, &header_length);
    struct file_part *parts = calloc(n + 1, sizeof *parts);
    bool written = false;
    if (header == NULL || parts == NULL) {
        error_no_memory(err, path);
    } else {
        parts[0] = (struct file_part){header, header_length};
        for (size_t i = 0; i < n; i++)
            parts[i + 1] = (struct file_part){entries[i].data, entries[i].n_bytes};
        written = file_write_parts(path, parts, n + 1, err);
    }
    free(parts);
    free(header);
    return written;
}
