/* common/safetensors.h: files that are as they should be. For the others:
 * test_safetensors_refused.c */
#include "support.h"

#include "../../common/float_formats.h"
#include "../../common/safetensors.h"

static struct safetensors *open_file(const char *header, const void *data, size_t length) {
    struct error err;
    const char *path = path_of("x.safetensors");
    write_safetensors(path, header, data, length);
    struct safetensors *file = safetensors_open(path, &err);
    if (file == NULL)
        fail_msg("%s", err.message);
    return file;
}

/* A tensor that must be there. */
static const struct safetensors_tensor *find(const struct safetensors *file, const char *name) {
    const struct safetensors_tensor *tensor = safetensors_find(file, name);
    assert_non_null(tensor);
    assert_string_equal(tensor->name, name);
    return tensor;
}

static void check_floats(const struct safetensors *file, const char *name, const float *expected) {
    struct error err;
    const struct safetensors_tensor *tensor = find(file, name);
    float found[100];
    assert_true(tensor->n_elements <= LENGTH(found));
    assert_done(safetensors_to_float(file, tensor, found, &err), &err);
    assert_same_floats(found, expected, tensor->n_elements);
}

/* --- what is in the file -------------------------------------------------------------------- */

TEST(a_tensor_has_a_name_a_dtype_a_shape_and_data) {
    const float data[6] = {1, 2, 3, 4, 5, 6};
    struct safetensors *file =
        open_file("{\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}", data, 24);
    const struct safetensors_tensor *tensor = find(file, "w");
    assert_string_equal(tensor->dtype, "F32");
    struct shape expected = shape_2(2, 3);
    assert_true(shape_equal(&tensor->shape, &expected));
    assert_int_equal(tensor->n_elements, 6);
    assert_int_equal(tensor->begin, 0);
    assert_int_equal(tensor->n_bytes, 24);
    assert_memory_equal(tensor->data, data, 24);
    safetensors_close(file);
}

TEST(the_file_knows_its_path_and_its_headers_length) {
    const char *header = "{}   ";
    struct safetensors *file = open_file(header, "", 0);
    assert_string_equal(safetensors_path(file), path_of("x.safetensors"));
    assert_int_equal(safetensors_header_length(file), 5);
    safetensors_close(file);
}

TEST(a_file_without_tensors_is_fine) {
    struct safetensors *file = open_file("{}", "", 0);
    assert_int_equal(safetensors_count(file), 0);
    assert_null(safetensors_find(file, "w"));
    safetensors_close(file);
}

TEST(a_header_may_end_with_spaces) {
    for (size_t n = 0; n < 70; n++) {
        char header[200];
        snprintf(header, sizeof header, "%s%*s",
                 "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", (int)n, "");
        struct safetensors *file = open_file(header, "abc", 3);
        assert_memory_equal(find(file, "a")->data, "abc", 3);
        safetensors_close(file);
    }
}

static const char THREE[] = "{\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]},"
                            "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]},"
                            "\"b\":{\"data_offsets\":[0,3],\"shape\":[3],\"dtype\":\"U8\"}}";

TEST(tensors_come_in_the_order_of_their_data) {
    struct safetensors *file = open_file(THREE, "123456", 6);
    assert_int_equal(safetensors_count(file), 3);
    assert_string_equal(safetensors_at(file, 0)->name, "b");
    assert_string_equal(safetensors_at(file, 1)->name, "a");
    assert_string_equal(safetensors_at(file, 2)->name, "c");
    safetensors_close(file);
}

TEST(each_tensor_finds_its_own_data) {
    struct safetensors *file = open_file(THREE, "123456", 6);
    assert_memory_equal(find(file, "b")->data, "123", 3);
    assert_memory_equal(find(file, "a")->data, "45", 2);
    assert_memory_equal(find(file, "c")->data, "6", 1);
    safetensors_close(file);
}

TEST(a_name_that_is_not_there_is_null) {
    struct safetensors *file = open_file(THREE, "123456", 6);
    static const char *const names[] = {"", "aa", "A", "d", "__metadata__"};
    for (size_t i = 0; i < LENGTH(names); i++)
        assert_null(safetensors_find(file, names[i]));
    safetensors_close(file);
}

TEST(a_thousand_names_are_all_found) {
    enum { COUNT = 1000 };
    char *header = malloc(COUNT * 80), name[30];
    size_t used = 0;
    static unsigned char data[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        data[i] = (unsigned char)(i * 31);
        used += (size_t)sprintf(header + used,
                                "%c\"h.%zu.w\":{\"dtype\":\"U8\",\"shape\":[1],"
                                "\"data_offsets\":[%zu,%zu]}",
                                i == 0 ? '{' : ',', i * 7 % COUNT, i, i + 1);
    }
    strcpy(header + used, "}");
    struct safetensors *file = open_file(header, data, COUNT);
    assert_int_equal(safetensors_count(file), COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "h.%zu.w", i * 7 % COUNT);
        assert_int_equal(find(file, name)->data[0], data[i]);
    }
    safetensors_close(file);
    free(header);
}

TEST(names_may_be_any_text) {
    struct safetensors *file =
        open_file("{\"\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"a b\\n\\u00e9\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                  "xy", 2);
    assert_int_equal(find(file, "")->data[0], 'x');
    assert_int_equal(find(file, "a b\n\xc3\xa9")->data[0], 'y');
    safetensors_close(file);
}

TEST(metadata_of_strings_is_no_tensor) {
    struct safetensors *file =
        open_file("{\"__metadata__\":{\"format\":\"pt\",\"\":\"\"},"
                  "\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                  "x", 1);
    assert_int_equal(safetensors_count(file), 1);
    find(file, "w");
    safetensors_close(file);
}

TEST(empty_metadata_is_fine) {
    safetensors_close(open_file("{\"__metadata__\":{}}", "", 0));
}

TEST(further_members_of_an_entry_are_ignored) {
    struct safetensors *file = open_file("{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"new\":[{}],"
                                         "\"data_offsets\":[0,1]}}",
                                         "x", 1);
    find(file, "w");
    safetensors_close(file);
}

/* --- unusual shapes ------------------------------------------------------------------------- */

TEST(rank_0_is_one_number) {
    const float data[] = {-10000};
    struct safetensors *file =
        open_file("{\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", data, 4);
    assert_int_equal(find(file, "s")->shape.rank, 0);
    assert_int_equal(find(file, "s")->n_elements, 1);
    check_floats(file, "s", data);
    safetensors_close(file);
}

TEST(a_dimension_of_0_holds_no_numbers) {
    struct error err;
    struct safetensors *file =
        open_file("{\"e\":{\"dtype\":\"F32\",\"shape\":[4294967295,0,4294967295,4294967295],"
                  "\"data_offsets\":[0,0]}}",
                  "", 0);
    const struct safetensors_tensor *tensor = find(file, "e");
    assert_int_equal(tensor->n_elements, 0);
    float untouched = 42;
    assert_done(safetensors_to_float(file, tensor, &untouched, &err), &err);
    assert_close(untouched, 42, 0);
    safetensors_release(file, tensor);
    safetensors_close(file);
}

TEST(a_tensor_may_have_more_than_half_a_gigabyte) {
    static const char header[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[134217729],"
                                 "\"data_offsets\":[0,536870916]}}";
    struct error err;
    const char *path = path_of("large.safetensors");
    write_safetensors(path, header, "", 0);
    assert_int_equal(truncate(path, 8 + (off_t)strlen(header) + 536870916), 0); // takes no space
    struct safetensors *file = safetensors_open(path, &err);
    if (file == NULL)
        fail_msg("%s", err.message);
    assert_int_equal(find(file, "w")->n_elements, 134217729);
    safetensors_close(file);
    remove(path);
}

TEST(empty_tensors_stand_anywhere_between_others) {
    struct safetensors *file =
        open_file("{\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[3,3]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]},"
                  "\"y\":{\"dtype\":\"U8\",\"shape\":[0,5],\"data_offsets\":[2,2]},"
                  "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                  "\"x\":{\"dtype\":\"U8\",\"shape\":[5,0],\"data_offsets\":[0,0]}}",
                  "123", 3);
    static const char *const order[] = {"x", "a", "y", "b", "z"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(safetensors_at(file, i)->name, order[i]);
    assert_memory_equal(find(file, "b")->data, "3", 1);
    safetensors_close(file);
}

TEST(eight_dimensions_are_fine) {
    struct safetensors *file =
        open_file("{\"w\":{\"dtype\":\"U8\",\"shape\":[1,1,2,1,1,1,1,3],\"data_offsets\":[0,6]}}",
                  "123456", 6);
    assert_int_equal(find(file, "w")->shape.rank, 8);
    assert_int_equal(find(file, "w")->n_elements, 6);
    safetensors_close(file);
}

TEST(every_dtype_is_known_by_its_size) {
    static const struct {
        const char *name;
        size_t n_bytes; // of four numbers
    } dtypes[] = {{"F64", 32}, {"F32", 16},   {"F16", 8},  {"BF16", 8},    {"I64", 32},
                  {"I32", 16}, {"I16", 8},    {"I8", 4},   {"U64", 32},    {"U32", 16},
                  {"U16", 8},  {"U8", 4},     {"BOOL", 4}, {"F8_E4M3", 4}, {"F8_E5M2", 4},
                  {"F4", 2},   {"F6_E2M3", 3}};
    static const char data[32];
    for (size_t i = 0; i < LENGTH(dtypes); i++) {
        char header[200];
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"%s\",\"shape\":[4],\"data_offsets\":[0,%zu]}}",
                 dtypes[i].name, dtypes[i].n_bytes);
        struct safetensors *file = open_file(header, data, dtypes[i].n_bytes);
        assert_string_equal(find(file, "w")->dtype, dtypes[i].name);
        safetensors_close(file);
    }
}

/* --- the numbers ---------------------------------------------------------------------------- */

TEST(f32_is_copied_bit_for_bit) {
    const uint32_t bits[] = {0x3f800000, 0x80000000, 0x7f800000,
                             0x00000001, 0x7fc00001, 0xffa5a5a5};
    float expected[6];
    memcpy(expected, bits, sizeof expected);
    struct safetensors *file =
        open_file("{\"w\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[0,24]}}", bits, 24);
    check_floats(file, "w", expected);
    safetensors_close(file);
}

/* All 65536 numbers of a 16-bit format come out as that format's widening says. */
static void check_all_numbers(const char *dtype, float (*widen)(uint16_t)) {
    static unsigned char data[2 * 65536];
    static float found[65536];
    struct error err;
    char header[200];
    for (size_t i = 0; i < 65536; i++) {
        data[2 * i] = (unsigned char)i; // little-endian, whatever this machine is
        data[2 * i + 1] = (unsigned char)(i >> 8);
    }
    snprintf(header, sizeof header,
             "{\"w\":{\"dtype\":\"%s\",\"shape\":[256,256],\"data_offsets\":[0,131072]}}", dtype);
    struct safetensors *file = open_file(header, data, sizeof data);
    assert_done(safetensors_to_float(file, find(file, "w"), found, &err), &err);
    for (size_t i = 0; i < 65536; i++) {
        float expected = widen((uint16_t)i);
        assert_same_floats(&found[i], &expected, 1);
    }
    safetensors_close(file);
}

TEST(every_f16_is_widened_exactly) {
    check_all_numbers("F16", f16_to_f32);
}

TEST(every_bf16_is_widened_exactly) {
    check_all_numbers("BF16", bf16_to_f32);
}

TEST(numbers_may_begin_at_any_address) {
    const float one[] = {1.25f, -3}, two[] = {0.5f, -2, 8};
    const uint16_t half[] = {0x3800, 0xc000, 0x4800};
    for (size_t n = 0; n < 8; n++) { // the data begins at 8 + header, so at every remainder
        char header[300], data[1 + 8 + 6];
        snprintf(header, sizeof header,
                 "{\"odd\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                 "\"one\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]},"
                 "\"two\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[9,15]}}%*s",
                 (int)n, "");
        data[0] = 'x';
        memcpy(data + 1, one, 8);
        memcpy(data + 9, half, 6);
        struct safetensors *file = open_file(header, data, sizeof data);
        check_floats(file, "one", one);
        check_floats(file, "two", two);
        safetensors_close(file);
    }
}

TEST(other_dtypes_are_listed_but_not_converted) {
    struct error err;
    static const char *const dtypes[] = {"I32", "U32"};
    for (size_t i = 0; i < LENGTH(dtypes); i++) {
        char header[200];
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,4]}}", dtypes[i]);
        struct safetensors *file = open_file(header, "1234", 4);
        float out = 42;
        assert_false(safetensors_to_float(file, find(file, "w"), &out, &err));
        assert_message(&err, "x.safetensors", "tensor w", dtypes[i], "F32, F16 or BF16");
        assert_close(out, 42, 0);
        safetensors_close(file);
    }
}

TEST(a_released_tensor_stays_readable) {
    enum { COUNT = 10000 };
    static float data[COUNT], found[COUNT];
    struct error err;
    struct random_source random = {1};
    random_floats(&random, data, COUNT);
    struct safetensors *file = open_file(
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[10000],\"data_offsets\":[0,40000]}}", data, 40000);
    safetensors_release(file, find(file, "w"));
    assert_done(safetensors_to_float(file, find(file, "w"), found, &err), &err);
    assert_same_floats(found, data, COUNT);
    safetensors_close(file);
}

TEST(closing_null_is_fine) {
    safetensors_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_has_a_name_a_dtype_a_shape_and_data),
        cmocka_unit_test(the_file_knows_its_path_and_its_headers_length),
        cmocka_unit_test(a_file_without_tensors_is_fine),
        cmocka_unit_test(a_header_may_end_with_spaces),
        cmocka_unit_test(tensors_come_in_the_order_of_their_data),
        cmocka_unit_test(each_tensor_finds_its_own_data),
        cmocka_unit_test(a_name_that_is_not_there_is_null),
        cmocka_unit_test(a_thousand_names_are_all_found),
        cmocka_unit_test(names_may_be_any_text),
        cmocka_unit_test(metadata_of_strings_is_no_tensor),
        cmocka_unit_test(empty_metadata_is_fine),
        cmocka_unit_test(further_members_of_an_entry_are_ignored),
        cmocka_unit_test(rank_0_is_one_number),
        cmocka_unit_test(a_dimension_of_0_holds_no_numbers),
        cmocka_unit_test(a_tensor_may_have_more_than_half_a_gigabyte),
        cmocka_unit_test(empty_tensors_stand_anywhere_between_others),
        cmocka_unit_test(eight_dimensions_are_fine),
        cmocka_unit_test(every_dtype_is_known_by_its_size),
        cmocka_unit_test(f32_is_copied_bit_for_bit),
        cmocka_unit_test(every_f16_is_widened_exactly),
        cmocka_unit_test(every_bf16_is_widened_exactly),
        cmocka_unit_test(numbers_may_begin_at_any_address),
        cmocka_unit_test(other_dtypes_are_listed_but_not_converted),
        cmocka_unit_test(a_released_tensor_stays_readable),
        cmocka_unit_test(closing_null_is_fine),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
