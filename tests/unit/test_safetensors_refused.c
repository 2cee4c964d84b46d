/* common/safetensors.h: what safetensors_open refuses, rule by rule, and what it says then. */
#include "support.h"

#include "../../common/json.h"
#include "../../common/safetensors.h"
#include "refuse_safetensors.h"

/* --- the header's length -------------------------------------------------------------------- */

TEST(an_empty_file_is_refused) {
    struct error err;
    write_bytes(path_of(NAME), "", 0);
    refuse(&err);
    assert_message(&err, "file has 0 bytes", "at least 8", INCOMPLETE);
}

TEST(a_file_of_less_than_8_bytes_is_refused) {
    struct error err;
    write_bytes(path_of(NAME), "\2\0\0\0\0\0\0", 7);
    refuse(&err);
    assert_message(&err, "file has 7 bytes", "at least 8", INCOMPLETE);
}

TEST(a_header_length_of_0_is_refused) {
    struct error err;
    refuse_header_length(0, "{}", &err);
    assert_message(&err, "does not begin with '{'");
}

TEST(a_header_length_past_the_end_is_refused) {
    struct error err;
    refuse_header_length(3, "{}", &err);
    assert_message(&err, "file has 10 bytes, its header promises at least 11", INCOMPLETE);
}

TEST(a_header_length_of_more_than_100_mb_is_refused) {
    struct error err;
    refuse_header_length(100000001, "{}", &err);
    assert_message(&err, "100000001 bytes", "at most 100000000");
    refuse_header_length(100000000, "{}", &err);
    assert_message(&err, "promises at least 100000008", INCOMPLETE);
}

TEST(the_largest_header_length_is_refused) {
    struct error err;
    refuse_header_length(UINT64_MAX, "{}", &err);
    assert_message(&err, "18446744073709551615 bytes");
    refuse_header_length(UINT64_MAX - 7, "{}", &err); // plus 8 that would be 0
    assert_message(&err, "no safetensors file");
    refuse_header_length((uint64_t)1 << 63, "{}", &err);
    assert_message(&err, "no safetensors file");
}

TEST(a_web_page_instead_of_the_file_is_refused) {
    struct error err;
    write_text(path_of(NAME), "<!DOCTYPE html><html>404 not found</html>");
    refuse(&err);
    assert_message(&err, "no safetensors file", "web page", "get the file again");
}

TEST(a_pointer_of_git_lfs_instead_of_the_file_is_refused) {
    struct error err;
    write_text(path_of(NAME), "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    refuse(&err);
    assert_message(&err, "no safetensors file", "git lfs pull");
}

TEST(a_missing_file_is_refused) {
    struct error err;
    assert_null(safetensors_open(path_of("missing"), &err));
    assert_message(&err, path_of("missing"), "no such file", "-m DIR");
}

TEST(a_folder_is_refused) {
    struct error err;
    assert_null(safetensors_open(test_folder(), &err));
    assert_message(&err, test_folder(), "folder");
}

/* --- the header ----------------------------------------------------------------------------- */

TEST(a_header_that_does_not_begin_with_a_brace_is_refused) {
    check_refused(" {}", 0, "does not begin with '{'");
    check_refused("[]", 0, "does not begin with '{'");
    check_refused("\xef\xbb\xbf{}", 0, "does not begin with '{'");
}

TEST(a_header_that_is_no_json_is_refused) {
    check_refused("{\"w\":", 0, "not valid JSON");
    check_refused("{} x", 0, "something follows");
}

TEST(a_header_that_is_no_utf8_is_refused) {
    check_refused("{\"w\xff\":{}}", 0, "UTF-8");
}

TEST(a_header_with_nul_characters_is_refused) {
    struct error err;
    write_safetensors_with_length(path_of(NAME), 4, "{}\0\0", 4, "", 0);
    refuse(&err);
    assert_message(&err, "NUL");
    check_refused("{\"w\\u0000\":{}}", 0, "NUL");
}

TEST(a_header_nested_too_deeply_is_refused) {
    static char header[6002];
    memset(header, '[', 6000);
    memcpy(header, "{\"w\":", 5);
    check_refused(header, 0, "not valid JSON");
}

TEST(a_name_given_twice_is_refused) {
    check_refused("{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                  2, "tensor w twice");
}

TEST(a_name_given_twice_in_two_spellings_is_refused) {
    check_refused("{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"\\u0077\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                  2, "tensor w twice");
}

TEST(metadata_that_is_no_object_is_refused) {
    check_refused("{\"__metadata__\":\"pt\"}", 0, "__metadata__", "not an object");
    check_refused("{\"__metadata__\":[]}", 0, "__metadata__", "not an object");
}

TEST(metadata_with_something_else_than_strings_is_refused) {
    check_refused("{\"__metadata__\":{\"a\":\"b\",\"n\":1}}", 0, "__metadata__ entry n", "string");
    check_refused("{\"__metadata__\":{\"o\":{}}}", 0, "__metadata__ entry o", "string");
    check_refused("{\"__metadata__\":{\"x\":null}}", 0, "__metadata__ entry x", "string");
}

TEST(metadata_given_twice_is_refused) {
    check_refused("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__", "twice");
}

/* --- one tensor's entry --------------------------------------------------------------------- */

TEST(an_entry_that_is_no_object_is_refused) {
    check_refused("{\"w\":1}", 0, "tensor w", "not an object");
    check_refused("{\"w\":[]}", 0, "tensor w", "not an object");
}

TEST(an_entry_that_lacks_a_member_is_refused) {
    check_refused(ENTRY("\"shape\":[1],\"data_offsets\":[0,1]"), 1, "tensor w lacks", "dtype");
    check_refused(ENTRY("\"dtype\":\"U8\",\"data_offsets\":[0,1]"), 1, "tensor w lacks", "shape");
    check_refused(ENTRY("\"dtype\":\"U8\",\"shape\":[1]"), 1, "tensor w lacks", "data_offsets");
    check_refused("{\"w\":{}}", 0, "tensor w lacks");
}

TEST(an_entry_with_members_of_the_wrong_type_is_refused) {
    check_refused(ENTRY("\"dtype\":8,\"shape\":[1],\"data_offsets\":[0,1]"), 1, "tensor w",
                  "string");
    check_refused(ENTRY("\"dtype\":\"U8\",\"shape\":1,\"data_offsets\":[0,1]"), 1, "tensor w",
                  "array");
    check_refused(ENTRY("\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{}"), 1, "tensor w",
                  "array");
}

TEST(an_entry_with_a_member_twice_is_refused) {
    check_refused(ENTRY("\"dtype\":\"U8\",\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]"),
                  1, "tensor w", "dtype twice");
    check_refused(ENTRY("\"dtype\":\"U8\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,1]"), 1,
                  "tensor w", "shape twice");
}

TEST(an_unknown_dtype_is_refused) {
    check_refused(ENTRY("\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "tensor w",
                  "unknown dtype F33");
    check_refused(ENTRY("\"dtype\":\"f32\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "tensor w",
                  "unknown dtype f32");
    check_refused(ENTRY("\"dtype\":\"\",\"shape\":[1],\"data_offsets\":[0,4]"), 4, "tensor w",
                  "unknown dtype");
}

TEST(a_dimension_that_is_no_whole_number_is_refused) {
    static const char *const dimensions[] = {"-1", "1.5", "\"1\"", "null", "[1]", "1e300", "true"};
    for (size_t i = 0; i < LENGTH(dimensions); i++) {
        char header[200];
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"U8\",\"shape\":[1,%s],\"data_offsets\":[0,1]}}",
                 dimensions[i]);
        check_refused(header, 1, "tensor w", "dimension 2", "whole number");
    }
}

TEST(more_than_eight_dimensions_are_refused) {
    check_refused(ENTRY("\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]"), 1,
                  "tensor w", "more than 8 dimensions");
}

TEST(a_shape_whose_product_overflows_is_refused) {
    // 2^64 is 0 in 64 bits, and in 32: the empty range would fit a careless product.
    check_refused(
        ENTRY("\"dtype\":\"U8\",\"shape\":[65536,65536,65536,65536],\"data_offsets\":[0,0]"), 0,
        "tensor w", "more elements than fit");
    // 2^62 numbers of 32 bits, given in one dimension, which is more than a count may be.
    check_refused(ENTRY("\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]"),
                  0, "tensor w");
    // With 64 bits 2^31 * 2^31 numbers, which fit; their bytes do not.
    size_t root = (size_t)1 << (sizeof(size_t) * 4 - 1);
    char header[200];
    snprintf(header, sizeof header,
             ENTRY("\"dtype\":\"F32\",\"shape\":[%zu,%zu],\"data_offsets\":[0,0]"), root, root);
    check_refused(header, 0, "tensor w", "does not match");
}

TEST(a_range_that_does_not_match_the_shape_is_refused) {
    check_refused(ENTRY("\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,20]"), 20,
                  "tensor w", "F32", "[2, 3]", "20 bytes", "does not match");
    check_refused(ENTRY("\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,4]"), 4, "tensor w",
                  "[]", "4 bytes");
    check_refused(ENTRY("\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,4]"), 4, "tensor w",
                  "[0]", "4 bytes");
    check_refused(ENTRY("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,0]"), 0, "tensor w",
                  "[1]", "0 bytes");
}

TEST(numbers_that_end_inside_a_byte_are_refused) {
    check_refused(ENTRY("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]"), 2, "tensor w",
                  "does not match");
    check_refused(ENTRY("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]"), 1, "tensor w",
                  "does not match");
}

TEST(data_offsets_that_are_no_two_whole_numbers_are_refused) {
    static const char *const offsets[] = {"",        "0",      "0,1,2",   "-1,0", "0,1.5",
                                          "\"0\",1", "null,1", "0,1e300", "1,0"};
    for (size_t i = 0; i < LENGTH(offsets); i++) {
        char header[200];
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%s]}}", offsets[i]);
        check_refused(header, 1, "tensor w", "data_offsets", "two whole numbers");
    }
}

/* --- all tensors together ------------------------------------------------------------------- */

TEST(a_hole_between_two_tensors_is_refused) {
    check_refused(TWO("2", "0,2", "2", "3,5"), 5, "tensor b", "byte 3", "expected 2", "hole");
}

TEST(a_hole_before_the_first_tensor_is_refused) {
    check_refused(TWO("2", "1,3", "2", "3,5"), 5, "tensor a", "byte 1", "expected 0", "hole");
}

TEST(two_tensors_that_overlap_are_refused) {
    check_refused(TWO("3", "0,3", "2", "2,4"), 4, "tensor b", "byte 2", "expected 3", "overlaps");
}

TEST(two_tensors_on_the_same_bytes_are_refused) {
    check_refused(TWO("2", "0,2", "2", "0,2"), 2, "tensor", "byte 0", "expected 2", "overlaps");
}

TEST(an_empty_tensor_inside_another_is_refused) {
    check_refused(TWO("3", "0,3", "0", "1,1"), 3, "tensor b", "byte 1", "expected 3", "overlaps");
}

TEST(a_tensor_past_the_end_of_the_file_is_refused) {
    static const char header[] = TWO("2", "0,2", "2", "2,4");
    char sizes[100];
    snprintf(sizes, sizeof sizes, "file has %zu bytes, its header promises %zu",
             8 + strlen(header) + 3, 8 + strlen(header) + 4);
    check_refused(header, 3, sizes, INCOMPLETE);
}

TEST(a_tensor_far_past_the_end_of_the_file_is_refused) {
    char header[200], promised[100];
    snprintf(header, sizeof header,
             ENTRY("\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]"), JSON_COUNT_MAX,
             JSON_COUNT_MAX);
    snprintf(promised, sizeof promised, "its header promises %llu",
             (unsigned long long)JSON_COUNT_MAX + 8 + strlen(header));
    check_refused(header, 3, promised, INCOMPLETE);
}

TEST(bytes_after_the_last_tensor_are_refused) {
    check_refused(TWO("2", "0,2", "2", "2,4"), 7, "3 bytes follow", "expected none");
    check_refused("{}", 1, "1 bytes follow", "expected none");
}

/* --- damage anywhere ------------------------------------------------------------------------ */

static const char HEADER[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                             "\"v\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[8,14]},"
                             "\"w\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}} ";

TEST(a_file_cut_at_any_byte_is_refused) {
    struct error err;
    write_safetensors(path_of(NAME), HEADER, "12345678abcdef", 14);
    size_t length;
    char *bytes = read_bytes(path_of(NAME), &length);
    for (size_t cut = 0; cut < length; cut++) {
        write_bytes(path_of(NAME), bytes, cut);
        refuse(&err);
    }
    free(bytes);
}

/* Whatever was accepted lies inside the file and can be read. */
static void check_inside(const struct safetensors *file, size_t length) {
    size_t expected = 8 + safetensors_header_length(file), end = expected;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const struct safetensors_tensor *tensor = safetensors_at(file, i);
        float out[64];
        assert_int_equal(tensor->begin, end - expected);
        end += tensor->n_bytes;
        assert_true(end <= length && tensor->n_elements <= 64);
        assert_ptr_equal(safetensors_find(file, tensor->name), tensor);
        safetensors_to_float(file, tensor, out, NULL);
    }
    assert_int_equal(end, length);
}

TEST(any_changed_byte_is_refused_or_harmless) {
    static const char values[] = "\0\1 \"07],:\xff";
    struct error err;
    write_safetensors(path_of(NAME), HEADER, "12345678abcdef", 14);
    size_t length;
    char *bytes = read_bytes(path_of(NAME), &length);
    for (size_t at = 0; at < length - 14; at++) {
        char before = bytes[at];
        for (size_t i = 0; i < sizeof values - 1; i++) {
            bytes[at] = values[i];
            write_bytes(path_of(NAME), bytes, length);
            struct safetensors *file = safetensors_open(path_of(NAME), &err);
            if (file != NULL)
                check_inside(file, length);
            safetensors_close(file);
        }
        bytes[at] = before;
    }
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(a_file_of_less_than_8_bytes_is_refused),
        cmocka_unit_test(a_header_length_of_0_is_refused),
        cmocka_unit_test(a_header_length_past_the_end_is_refused),
        cmocka_unit_test(a_header_length_of_more_than_100_mb_is_refused),
        cmocka_unit_test(the_largest_header_length_is_refused),
        cmocka_unit_test(a_web_page_instead_of_the_file_is_refused),
        cmocka_unit_test(a_pointer_of_git_lfs_instead_of_the_file_is_refused),
        cmocka_unit_test(a_missing_file_is_refused),
        cmocka_unit_test(a_folder_is_refused),
        cmocka_unit_test(a_header_that_does_not_begin_with_a_brace_is_refused),
        cmocka_unit_test(a_header_that_is_no_json_is_refused),
        cmocka_unit_test(a_header_that_is_no_utf8_is_refused),
        cmocka_unit_test(a_header_with_nul_characters_is_refused),
        cmocka_unit_test(a_header_nested_too_deeply_is_refused),
        cmocka_unit_test(a_name_given_twice_is_refused),
        cmocka_unit_test(a_name_given_twice_in_two_spellings_is_refused),
        cmocka_unit_test(metadata_that_is_no_object_is_refused),
        cmocka_unit_test(metadata_with_something_else_than_strings_is_refused),
        cmocka_unit_test(metadata_given_twice_is_refused),
        cmocka_unit_test(an_entry_that_is_no_object_is_refused),
        cmocka_unit_test(an_entry_that_lacks_a_member_is_refused),
        cmocka_unit_test(an_entry_with_members_of_the_wrong_type_is_refused),
        cmocka_unit_test(an_entry_with_a_member_twice_is_refused),
        cmocka_unit_test(an_unknown_dtype_is_refused),
        cmocka_unit_test(a_dimension_that_is_no_whole_number_is_refused),
        cmocka_unit_test(more_than_eight_dimensions_are_refused),
        cmocka_unit_test(a_shape_whose_product_overflows_is_refused),
        cmocka_unit_test(a_range_that_does_not_match_the_shape_is_refused),
        cmocka_unit_test(numbers_that_end_inside_a_byte_are_refused),
        cmocka_unit_test(data_offsets_that_are_no_two_whole_numbers_are_refused),
        cmocka_unit_test(a_hole_between_two_tensors_is_refused),
        cmocka_unit_test(a_hole_before_the_first_tensor_is_refused),
        cmocka_unit_test(two_tensors_that_overlap_are_refused),
        cmocka_unit_test(two_tensors_on_the_same_bytes_are_refused),
        cmocka_unit_test(an_empty_tensor_inside_another_is_refused),
        cmocka_unit_test(a_tensor_past_the_end_of_the_file_is_refused),
        cmocka_unit_test(a_tensor_far_past_the_end_of_the_file_is_refused),
        cmocka_unit_test(bytes_after_the_last_tensor_are_refused),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_changed_byte_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
