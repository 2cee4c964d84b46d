/*
 * common/safetensors.h: the broken files that the format's own library tests
 * (https://github.com/huggingface/safetensors, safetensors/src/tensor.rs), where they are not in
 * test_safetensors_refused.c.
 */
#include "support.h"

#include "../../common/json.h"
#include "../../common/safetensors.h"
#include "refuse_safetensors.h"

TEST(a_header_length_alone_is_refused) {
    struct error err;
    refuse_header_length(2, "", &err);
    assert_message(&err, "file has 8 bytes, its header promises at least 10", INCOMPLETE);
    refuse_header_length(0, "", &err);
    assert_message(&err, "does not begin with '{'");
    write_bytes(path_of(NAME), "<\0\0\0\0\0\0\0", 8); // there: test_header_too_small
    refuse(&err);
    assert_message(&err, "file has 8 bytes, its header promises at least 68", INCOMPLETE);
}

TEST(a_huge_header_length_is_refused) {
    struct error err;
    write_bytes(path_of(NAME), "<\0\0\0\0\xff\xff\xff", 8); // test_header_too_large
    refuse(&err);
    assert_message(&err, "18446742974197923900 bytes", "at most 100000000", "no safetensors file");
}

TEST(a_header_of_one_stray_byte_is_refused) {
    struct error err;
    write_bytes(path_of(NAME), "\1\0\0\0\0\0\0\0\xff", 9); // test_invalid_header_non_utf8
    refuse(&err);
    assert_message(&err, "does not begin with '{'");
    check_refused("{\"w\":\"\xff\"}", 0, "not valid UTF-8");
    check_refused("{\"\xc3\":1}", 0, "not valid UTF-8");
}

TEST(a_lone_brace_is_refused) {
    check_refused("{", 0, "not valid JSON near byte"); // test_invalid_header_not_json
    check_refused("{ ", 0, "not valid JSON near byte");
}

TEST(an_empty_tensor_of_overflowing_dimensions_is_fine_or_refused) {
    // test_zero_sized_tensor: a zero makes it empty, however large the rest is.
    struct error err;
    write_safetensors(path_of(NAME),
                      ENTRY("\"dtype\":\"I32\",\"shape\":[2,0,4294967295,4294967295,"
                            "4294967295],\"data_offsets\":[0,0]"),
                      "", 0);
    struct safetensors *file = safetensors_open(path_of(NAME), &err);
    assert_done(file != NULL, &err);
    assert_int_equal(safetensors_at(file, 0)->n_elements, 0);
    safetensors_close(file);
    // test_invalid_info: the shape and the range do not fit.
    check_refused(ENTRY("\"dtype\":\"I32\",\"shape\":[2,2],\"data_offsets\":[0,4]"), 4,
                  "tensor w of I32 and shape [2, 2] has 4 bytes", "does not match");
}

TEST(shapes_whose_products_overflow_are_refused) {
    // test_validation_overflow: the number of elements, then the number of bytes.
    check_refused(ENTRY("\"dtype\":\"I32\",\"shape\":[2,18446744073709551614],"
                        "\"data_offsets\":[0,16]"),
                  16, "tensor w: dimension 2 of its shape is not a whole number");
    size_t root = (size_t)1 << (sizeof(size_t) * 4 - 1); // 4 * root * root is one too many
    char header[200];
    snprintf(header, sizeof header,
             ENTRY("\"dtype\":\"I32\",\"shape\":[2,%zu,%zu],\"data_offsets\":[0,16]"), 2 * root,
             root);
    check_refused(header, 16, "tensor w", "more elements than fit");
    snprintf(header, sizeof header,
             ENTRY("\"dtype\":\"I32\",\"shape\":[2,%zu,%zu],\"data_offsets\":[0,16]"), root, root);
    check_refused(header, 16, "tensor w", "has 16 bytes of data, which does not match");
}

TEST(two_bytes_missing_are_refused) {
    check_refused(TWO("2", "0,2", "2", "2,4"), 2, INCOMPLETE);
    check_refused(ENTRY("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"), 6, INCOMPLETE);
}

TEST(junk_after_the_data_is_refused) {
    check_refused(ENTRY("\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]"), 12,
                  "4 bytes follow the last tensor, expected none");
}

TEST(numbers_of_400_digits_are_refused) {
    char digits[401], header[1200];
    memset(digits, '9', 400);
    digits[400] = '\0';
    // cJSON before 1.7.19 ends a number after 63 characters, and then finds no JSON behind it.
    cJSON *number = json_parse("", digits, 400, NULL);
    const bool read = number != NULL;
    cJSON_Delete(number);
#define IF_READ(word) (read ? (word) : "not valid JSON")
    snprintf(header, sizeof header,
             "{\"w\":{\"dtype\":\"U8\",\"shape\":[%s],\"data_offsets\":[0,1]}}", digits);
    check_refused(header, 1, IF_READ("tensor w"), IF_READ("dimension 1"), IF_READ("whole number"));
    snprintf(header, sizeof header,
             "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,%s]}}", digits);
    check_refused(header, 1, IF_READ("data_offsets must be two whole numbers"));
    digits[1] = '.'; // as many digits behind the point
    snprintf(header, sizeof header,
             "{\"w\":{\"dtype\":\"U8\",\"shape\":[%s],\"data_offsets\":[0,1]}}", digits);
    check_refused(header, 1, IF_READ("tensor w"));
#undef IF_READ
}

TEST(a_depth_of_2000_is_refused_wherever_it_stands) {
    static char header[4200];
    static const char *const begin[] = {
        "{\"w\":", "{\"w\":{\"dtype\":\"U8\",\"more\":", "{\"__metadata__\":"};
    for (size_t i = 0; i < LENGTH(begin); i++) {
        size_t n = strlen(begin[i]);
        memcpy(header, begin[i], n);
        memset(header + n, '[', 2000);
        memset(header + n + 2000, ']', 2000);
        strcpy(header + n + 4000, i == 1 ? "}}" : "}");
        check_refused(header, 0, "not valid JSON near byte");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_length_alone_is_refused),
        cmocka_unit_test(a_huge_header_length_is_refused),
        cmocka_unit_test(a_header_of_one_stray_byte_is_refused),
        cmocka_unit_test(a_lone_brace_is_refused),
        cmocka_unit_test(an_empty_tensor_of_overflowing_dimensions_is_fine_or_refused),
        cmocka_unit_test(shapes_whose_products_overflow_are_refused),
        cmocka_unit_test(two_bytes_missing_are_refused),
        cmocka_unit_test(junk_after_the_data_is_refused),
        cmocka_unit_test(numbers_of_400_digits_are_refused),
        cmocka_unit_test(a_depth_of_2000_is_refused_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
