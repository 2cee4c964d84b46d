#include "safetensors.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "float_formats.h"
#include "json.h"
#include "model_files.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian, and this program reads them as they are: it needs a \
little-endian processor (x86, ARM, RISC-V)."
#endif

enum { LENGTH_BYTES = 8, MAX_HEADER_LENGTH = 100 * 1000 * 1000 };

struct safetensors {
    char *path;
    struct mapped_file mapping;
    size_t header_length;
    cJSON *header;                             // owns the names
    struct safetensors_tensor *tensors;        // [count], in the order of their data
    const struct safetensors_tensor **by_name; // [count], in the order of their names
    size_t count;
};

/* The number formats that a file may hold; we can list all of them and compute with three. */
static const struct dtype {
    const char *name;
    size_t bits;
} dtypes[] = {
    {"F32", 32},    {"F16", 16},    {"BF16", 16}, {"F64", 64},    {"I8", 8},
    {"U8", 8},      {"I16", 16},    {"U16", 16},  {"I32", 32},    {"U32", 32},
    {"I64", 64},    {"U64", 64},    {"BOOL", 8},  {"C64", 64},    {"F8_E4M3", 8},
    {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F4", 4},    {"F6_E2M3", 6}, {"F6_E3M2", 6},
};

static const struct dtype *find_dtype(const char *name) {
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    }
    return NULL;
}

/* Refuses a file that ends too soon; who: what says how long it must be. */
static bool refuse_cut(const struct safetensors *file, const char *who, uint64_t length,
                       struct error *err) {
    return model_file_refuse(err, file->path, "file has %zu bytes, %s %llu: the copy is incomplete",
                             file->mapping.length, who, (unsigned long long)length);
}

/* --- the header's length, and the header as JSON ------------------------------------------- */

/* What often stands under the name of a file of weights in its place. */
static const char *other_kind(const struct mapped_file *mapping) {
    static const char lfs[] = "version https://git-lfs";
    if (mapping->length >= sizeof lfs - 1 && memcmp(mapping->data, lfs, sizeof lfs - 1) == 0)
        return " but a Git LFS pointer (git lfs pull brings the file)";
    return mapping->data[0] == '<' ? " but a web page" : "";
}

static bool read_header_length(struct safetensors *file, struct error *err) {
    size_t length = file->mapping.length;
    if (length < LENGTH_BYTES)
        return refuse_cut(file, "a safetensors file at least", LENGTH_BYTES, err);
    uint64_t header_length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        header_length = header_length << 8 | file->mapping.data[i];
    if (header_length > MAX_HEADER_LENGTH)
        return model_file_refuse(err, file->path,
                                 "the header's length is given as %llu bytes, expected at most %d: "
                                 "this is no safetensors file%s",
                                 (unsigned long long)header_length, MAX_HEADER_LENGTH,
                                 other_kind(&file->mapping));
    if (header_length > length - LENGTH_BYTES)
        return refuse_cut(file, "its header promises at least", LENGTH_BYTES + header_length, err);
    file->header_length = (size_t)header_length;
    return true;
}

static bool parse_header(struct safetensors *file, struct error *err) {
    const char *text = (const char *)file->mapping.data + LENGTH_BYTES; // [header_length]
    if (file->header_length == 0 || text[0] != '{')
        return model_file_refuse(err, file->path,
                                 "the header does not begin with '{': this is no safetensors file");
    file->header = json_parse(file->path, text, file->header_length, err);
    return file->header != NULL;
}

static bool check_metadata(const struct safetensors *file, const cJSON *metadata,
                           struct error *err) {
    if (!cJSON_IsObject(metadata))
        return model_file_refuse(err, file->path,
                                 "__metadata__ in the header is not an object, expected one");
    for (const cJSON *item = metadata->child; item != NULL; item = item->next) {
        if (!cJSON_IsString(item))
            return model_file_refuse(err, file->path,
                                     "__metadata__ entry %s is not a string, expected strings",
                                     item->string);
    }
    return true;
}

/* --- one tensor's entry ---------------------------------------------------------------------- */

/* The entry's members, each of which must be there once. Other members are ignored. */
struct entry {
    const cJSON *dtype, *shape, *data_offsets;
};

static bool find_members(const struct safetensors *file, const cJSON *item, struct entry *entry,
                         struct error *err) {
    *entry = (struct entry){NULL, NULL, NULL};
    if (!cJSON_IsObject(item))
        return model_file_refuse(err, file->path,
                                 "the header's entry for tensor %s is not an object", item->string);
    for (const cJSON *member = item->child; member != NULL; member = member->next) {
        const cJSON **slot = strcmp(member->string, "dtype") == 0          ? &entry->dtype
                             : strcmp(member->string, "shape") == 0        ? &entry->shape
                             : strcmp(member->string, "data_offsets") == 0 ? &entry->data_offsets
                                                                           : NULL;
        if (slot != NULL && *slot != NULL)
            return model_file_refuse(err, file->path, "tensor %s has %s twice, expected once",
                                     item->string, member->string);
        if (slot != NULL)
            *slot = member;
    }
    if (!cJSON_IsString(entry->dtype) || !cJSON_IsArray(entry->shape) ||
        !cJSON_IsArray(entry->data_offsets))
        return model_file_refuse(err, file->path,
                                 "tensor %s lacks one of dtype (a string), shape (an array) and "
                                 "data_offsets (an array)",
                                 item->string);
    return true;
}

static bool read_shape(const struct safetensors *file, const cJSON *array,
                       struct safetensors_tensor *tensor, struct error *err) {
    struct shape *shape = &tensor->shape;
    shape->rank = 0;
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        if (shape->rank == SHAPE_MAX_RANK)
            return model_file_refuse(err, file->path,
                                     "tensor %s has more than %d dimensions, expected 1 or 2",
                                     tensor->name, SHAPE_MAX_RANK);
        if (!json_count(item, &shape->dims[shape->rank]))
            return model_file_refuse(err, file->path,
                                     "tensor %s: dimension %zu of its shape is not a whole number "
                                     "from 0 to %zu",
                                     tensor->name, shape->rank + 1, JSON_COUNT_MAX);
        shape->rank++;
    }
    if (!shape_count(shape, &tensor->n_elements))
        return model_file_refuse(err, file->path,
                                 "tensor %s has a shape with more elements than fit into memory",
                                 tensor->name);
    return true;
}

static bool read_offsets(const struct safetensors *file, const cJSON *array,
                         struct safetensors_tensor *tensor, struct error *err) {
    size_t end;
    if (cJSON_GetArraySize(array) != 2 || !json_count(array->child, &tensor->begin) ||
        !json_count(array->child->next, &end) || end < tensor->begin)
        return model_file_refuse(err, file->path,
                                 "tensor %s: data_offsets must be two whole numbers [begin, end] "
                                 "from 0 to %zu, end not before begin",
                                 tensor->name, JSON_COUNT_MAX);
    tensor->n_bytes = end - tensor->begin;
    return true;
}

/* How many bytes n numbers take; false when they don't fill whole bytes or don't fit into memory. */
static bool bytes_of(size_t n, const struct dtype *dtype, size_t *bytes) {
    size_t rest = n % 8 * dtype->bits;
    if (rest % 8 != 0 || !size_multiply(n / 8, dtype->bits, bytes) || *bytes > SIZE_MAX - rest / 8)
        return false;
    *bytes += rest / 8;
    return true;
}

static bool read_entry(const struct safetensors *file, const cJSON *item,
                       struct safetensors_tensor *tensor, struct error *err) {
    struct entry entry;
    tensor->name = item->string;
    if (!find_members(file, item, &entry, err) || !read_shape(file, entry.shape, tensor, err) ||
        !read_offsets(file, entry.data_offsets, tensor, err))
        return false;
    const struct dtype *dtype = find_dtype(entry.dtype->valuestring);
    if (dtype == NULL)
        return model_file_refuse(err, file->path,
                                 "tensor %s has the unknown dtype %s, expected F32, F16 or BF16",
                                 tensor->name, entry.dtype->valuestring);
    tensor->dtype = dtype->name;
    size_t bytes;
    char text[SHAPE_TEXT_SIZE];
    if (!bytes_of(tensor->n_elements, dtype, &bytes) || bytes != tensor->n_bytes)
        return model_file_refuse(
            err, file->path,
            "tensor %s of %s and shape %s has %zu bytes of data, which does not match",
            tensor->name, tensor->dtype, shape_text(&tensor->shape, text), tensor->n_bytes);
    return true;
}

/* --- all tensors together -------------------------------------------------------------------- */

static int compare_places(const void *left, const void *right) {
    const struct safetensors_tensor *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    // An empty tensor stands before the one that begins at the same byte.
    return (a->n_bytes > b->n_bytes) - (a->n_bytes < b->n_bytes);
}

static int compare_names(const void *left, const void *right) {
    const struct safetensors_tensor *const *a = left, *const *b = right;
    return strcmp((*a)->name, (*b)->name);
}

static bool read_entries(struct safetensors *file, struct error *err) {
    size_t n = 0;
    for (const cJSON *item = file->header->child; item != NULL; item = item->next)
        n++;
    file->tensors = calloc(n + 1, sizeof *file->tensors);
    file->by_name = calloc(n + 1, sizeof *file->by_name);
    if (file->tensors == NULL || file->by_name == NULL)
        return error_no_memory(err, file->path);
    bool metadata_seen = false;
    for (const cJSON *item = file->header->child; item != NULL; item = item->next) {
        if (strcmp(item->string, "__metadata__") == 0) {
            if (metadata_seen)
                return model_file_refuse(err, file->path,
                                         "__metadata__ stands in the header twice");
            metadata_seen = true;
            if (!check_metadata(file, item, err))
                return false;
        } else if (!read_entry(file, item, &file->tensors[file->count++], err)) {
            return false;
        }
    }
    qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    return true;
}

/* Where the data of the last tensor ends. */
static uint64_t last_byte(const struct safetensors *file) {
    const struct safetensors_tensor *last = &file->tensors[file->count - 1];
    return (uint64_t)last->begin + last->n_bytes;
}

/* No hole, no overlap, and the last tensor ends where the file ends. */
static bool place_tensors(struct safetensors *file, struct error *err) {
    size_t data_start = LENGTH_BYTES + file->header_length;
    size_t data_length = file->mapping.length - data_start;
    size_t expected = 0; // where the next tensor must begin
    for (size_t i = 0; i < file->count; i++) {
        struct safetensors_tensor *tensor = &file->tensors[i];
        if (tensor->begin != expected)
            return model_file_refuse(err, file->path,
                                     "tensor %s begins at byte %zu of the data, expected %zu: %s",
                                     tensor->name, tensor->begin, expected,
                                     tensor->begin < expected ? "it overlaps the one before"
                                                              : "there is a hole before it");
        if (tensor->n_bytes > data_length - expected)
            return refuse_cut(file, "its header promises", data_start + last_byte(file), err);
        tensor->data = file->mapping.data + data_start + tensor->begin;
        expected += tensor->n_bytes;
    }
    if (expected != data_length)
        return model_file_refuse(err, file->path, "%zu bytes follow the last tensor, expected none",
                                 data_length - expected);
    return true;
}

static bool index_names(struct safetensors *file, struct error *err) {
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof(*file->by_name), compare_names);
    for (size_t i = 1; i < file->count; i++) {
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0)
            return model_file_refuse(err, file->path, "the header names tensor %s twice",
                                     file->by_name[i]->name);
    }
    return true;
}

/* --- the public functions -------------------------------------------------------------------- */

struct safetensors *safetensors_open(const char *path, struct error *err) {
    struct safetensors *file = calloc(1, sizeof *file);
    if (file == NULL || (file->path = path_join("", path)) == NULL) {
        error_no_memory(err, path);
        safetensors_close(file);
        return NULL;
    }
    if (model_file_check(path, err) && file_map(path, &file->mapping, err) &&
        read_header_length(file, err) && parse_header(file, err) && read_entries(file, err) &&
        index_names(file, err) && place_tensors(file, err))
        return file;
    safetensors_close(file);
    return NULL;
}

void safetensors_close(struct safetensors *file) {
    if (file == NULL)
        return;
    file_unmap(&file->mapping);
    cJSON_Delete(file->header);
    free(file->by_name);
    free(file->tensors);
    free(file->path);
    free(file);
}

const char *safetensors_path(const struct safetensors *file) {
    return file->path;
}

size_t safetensors_header_length(const struct safetensors *file) {
    return file->header_length;
}

size_t safetensors_count(const struct safetensors *file) {
    return file->count;
}

const struct safetensors_tensor *safetensors_at(const struct safetensors *file, size_t index) {
    return &file->tensors[index];
}

const struct safetensors_tensor *safetensors_find(const struct safetensors *file,
                                                  const char *name) {
    const struct safetensors_tensor wanted = {.name = name};
    const struct safetensors_tensor *key = &wanted;
    const struct safetensors_tensor **found =
        bsearch(&key, file->by_name, file->count, sizeof(*file->by_name), compare_names);
    return found == NULL ? NULL : *found;
}

static uint16_t load_u16(const unsigned char *bytes) {
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

bool safetensors_to_float(const struct safetensors *file, const struct safetensors_tensor *tensor,
                          float *out, struct error *err) {
    const unsigned char *data = tensor->data;
    size_t n = tensor->n_elements;
    if (strcmp(tensor->dtype, "F32") == 0) {
        if (n > 0)
            memcpy(out, data, n * sizeof *out);
    } else if (strcmp(tensor->dtype, "F16") == 0) {
        for (size_t i = 0; i < n; i++)
            out[i] = f16_to_f32(load_u16(data + 2 * i));
    } else if (strcmp(tensor->dtype, "BF16") == 0) {
        for (size_t i = 0; i < n; i++)
            out[i] = bf16_to_f32(load_u16(data + 2 * i));
    } else {
        return model_file_refuse(err, file->path,
                                 "tensor %s has dtype %s, expected F32, F16 or BF16", tensor->name,
                                 tensor->dtype);
    }
    return true;
}

void safetensors_release(const struct safetensors *file, const struct safetensors_tensor *tensor) {
    size_t data_start = LENGTH_BYTES + file->header_length;
    file_release(&file->mapping, data_start + tensor->begin, tensor->n_bytes);
}
