/*
 * refuse_safetensors.h - what the tests of broken safetensors files share.
 */
#ifndef TESTS_UNIT_REFUSE_SAFETENSORS_H
#define TESTS_UNIT_REFUSE_SAFETENSORS_H

#include "support.h"

#include "../../common/safetensors.h"

#define INCOMPLETE "the copy is incomplete", "get the file again"

static const char NAME[] = "bad.safetensors";

/* Opens what stands under NAME and expects a refusal whose message has the file's name. */
static inline void refuse(struct error *err) {
    struct safetensors *file = safetensors_open(path_of(NAME), err);
    if (file != NULL)
        fail_msg("the file was accepted");
    assert_message(err, path_of(NAME));
}

/* Refuses a file with this header and so many bytes of data; the message has the words. */
#define check_refused(header, data_length, ...)                                                    \
    do {                                                                                           \
        static const char data_[100];                                                              \
        struct error err_;                                                                         \
        write_safetensors(path_of(NAME), header, data_, data_length);                              \
        refuse(&err_);                                                                             \
        assert_message(&err_, __VA_ARGS__);                                                        \
    } while (0)

/* The header with one tensor w with these members. */
#define ENTRY(members) "{\"w\":{" members "}}"

static inline void refuse_header_length(uint64_t length, const char *header, struct error *err) {
    write_safetensors_with_length(path_of(NAME), length, header, strlen(header), "", 0);
    refuse(err);
}

/* Two tensors of U8 with these ranges. */
#define TWO(n_a, range_a, n_b, range_b)                                                            \
    "{\"a\":{\"dtype\":\"U8\",\"shape\":[" n_a "],\"data_offsets\":[" range_a "]},"                \
    "\"b\":{\"dtype\":\"U8\",\"shape\":[" n_b "],\"data_offsets\":[" range_b "]}}"

#endif
