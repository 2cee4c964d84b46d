/* common/weights.h: tensors of a file as matrices for the engine: floats copied or widened, panels
 * of a quantized folder in place, and what is refused. */
#include "support.h"

#include "../../common/kernels/pack.h"
#include "../../common/tensor.h"
#include "../../common/weights.h"

enum { N_IN = 3, N_OUT = 5, NUMBERS = N_IN * N_OUT };

/* --- a file with a matrix w [3, 5] ------------------------------------------------------------ */

/* The header's length is filled up so that the data begins at an address with this rest by 4. */
static void write_file(const char *path, const char *header, size_t rest, const void *data,
                       size_t length) {
    char filled[1000];
    size_t n = (size_t)snprintf(filled, sizeof filled - 4, "%s", header);
    while ((8 + n) % 4 != rest)
        filled[n++] = ' ';
    filled[n] = '\0';
    write_safetensors(path, filled, data, length);
}

static const char f32_header[] =
    "{\"w\":{\"dtype\":\"F32\",\"shape\":[3,5],\"data_offsets\":[0,60]}}";
static const char f16_header[] =
    "{\"w\":{\"dtype\":\"F16\",\"shape\":[3,5],\"data_offsets\":[0,30]}}";
static const char bf16_header[] =
    "{\"w\":{\"dtype\":\"BF16\",\"shape\":[3,5],\"data_offsets\":[0,30]}}";
static const char bf16_panels[] =
    "{\"w\":{\"dtype\":\"BF16\",\"shape\":[1,2,64,2],\"data_offsets\":[0,512]}}";
static const char int8_panels[] =
    "{\"w\":{\"dtype\":\"I8\",\"shape\":[1,8,64,4],\"data_offsets\":[0,2048]},"
    "\"w_scales\":{\"dtype\":\"BF16\",\"shape\":[1,1,64],\"data_offsets\":[2048,2176]}}";

static struct safetensors *open_file(const char *path) {
    struct error err;
    struct safetensors *file = safetensors_open(path, &err);
    if (file == NULL)
        fail_msg("%s", err.message);
    return file;
}

static struct arena arena; // what load has made; emptied by close_file

static bool load(const struct safetensors *file, enum weights_format wanted, struct matrix *m,
                 bool *mapped, struct error *err) {
    struct weights_loader loader = {file, wanted, kernels_for_this_processor(), NULL, &arena};
    return weights_load(&loader, "w", WEIGHTS_IN_OUT, N_IN, N_OUT, m, mapped, err);
}

static void close_file(struct safetensors *file) {
    safetensors_close(file);
    arena_free(&arena);
}

/* The file is refused with these texts, whatever is wanted. */
static void check_refused(const char *header, size_t rest, size_t length,
                          const char *const *texts) {
    static const unsigned char data[8192];
    const char *path = path_of("refused.safetensors");
    struct error err;
    struct matrix m;
    bool mapped;
    write_file(path, header, rest, data, length);
    struct safetensors *file = open_file(path);
    for (int wanted = WEIGHTS_AS_STORED; wanted <= WEIGHTS_INT8; wanted++) {
        assert_false(load(file, (enum weights_format)wanted, &m, &mapped, &err));
        const char *missing = first_missing(err.message, texts);
        if (missing != NULL)
            fail_msg("the message \"%s\" lacks \"%s\"", err.message, missing);
    }
    close_file(file);
}
#define assert_refused(header, rest, length, ...)                                                  \
    check_refused(header, rest, length, (const char *const[]){__VA_ARGS__, NULL})

/* --- floats ----------------------------------------------------------------------------------- */

TEST(f32_is_copied_from_any_address) {
    struct error err;
    float numbers[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++)
        numbers[i] = (float)i - 7.25f;
    for (size_t rest = 0; rest < 4; rest++) {
        const char *path = path_of("f32.safetensors");
        write_file(path, f32_header, rest, numbers, sizeof numbers);
        struct safetensors *file = open_file(path);
        for (int wanted = WEIGHTS_AS_STORED; wanted <= WEIGHTS_F32; wanted++) {
            struct matrix m;
            bool mapped = true;
            assert_done(load(file, (enum weights_format)wanted, &m, &mapped, &err), &err);
            assert_false(mapped);
            assert_int_equal((uintptr_t)m.data % 64, 0);
            for (size_t i = 0; i < NUMBERS; i++)
                assert_close(matrix_number(&m, i / N_OUT, i % N_OUT), numbers[i], 0);
        }
        close_file(file);
    }
}

/* Sizes around the blocks of a megabyte that threads copy. */
TEST(threads_copy_all_of_a_large_matrix) {
    enum { BLOCK = 1 << 18 }; // floats
    static const size_t counts[] = {BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK - 1, 9 * BLOCK + 7};
    static float numbers[9 * BLOCK + 7];
    for (size_t i = 0; i < LENGTH(numbers); i++)
        numbers[i] = (float)i;
    for (size_t i = 0; i < LENGTH(counts); i++) {
        struct error err;
        struct matrix m;
        bool mapped;
        char header[200];
        size_t bytes = counts[i] * sizeof *numbers;
        const char *path = path_of("large.safetensors");
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"F32\",\"shape\":[1,%zu],\"data_offsets\":[0,%zu]}}",
                 counts[i], bytes);
        write_file(path, header, 3, numbers, bytes);
        struct safetensors *file = open_file(path);
        struct threads *pool = threads_new(3, &err);
        assert_non_null(pool);
        struct weights_loader loader = {file, WEIGHTS_F32, kernels_for_this_processor(), pool,
                                        &arena};
        assert_done(weights_load(&loader, "w", WEIGHTS_IN_OUT, 1, counts[i], &m, &mapped, &err),
                    &err);
        assert_memory_equal(m.data, numbers, bytes);
        threads_free(pool);
        close_file(file);
    }
}

/* 1, -2, 0.5 and so on in either format's bits. */
static void check_widened(const char *header, const uint16_t *bits, const float *expected) {
    struct error err;
    const char *path = path_of("half.safetensors");
    write_file(path, header, 3, bits, NUMBERS * sizeof *bits);
    struct safetensors *file = open_file(path);
    for (int wanted = WEIGHTS_AS_STORED; wanted <= WEIGHTS_INT8; wanted++) {
        struct matrix m;
        bool mapped = true;
        assert_done(load(file, (enum weights_format)wanted, &m, &mapped, &err), &err);
        assert_false(mapped);
        assert_int_equal(m.format, wanted == WEIGHTS_BF16   ? MATRIX_BF16
                                   : wanted == WEIGHTS_INT8 ? MATRIX_INT8
                                                            : MATRIX_F32_IN_OUT);
        for (size_t i = 0; i < NUMBERS; i++) // int8: half a step of 4 / 127
            assert_close(matrix_number(&m, i / N_OUT, i % N_OUT), expected[i],
                         wanted == WEIGHTS_INT8 ? 0.016 : 0);
    }
    close_file(file);
}

TEST(f16_and_bf16_are_widened_exactly_and_packed) {
    static const float numbers[] = {1, -2, 0.5f, 0, 4, 1, -2, 0.5f, 0, 4, 1, -2, 0.5f, 0, 4};
    static const uint16_t f16[] = {0x3c00, 0xc000, 0x3800, 0, 0x4400};
    static const uint16_t bf16[] = {0x3f80, 0xc000, 0x3f00, 0, 0x4080};
    uint16_t bits[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++)
        bits[i] = f16[i % 5];
    check_widened(f16_header, bits, numbers);
    for (size_t i = 0; i < NUMBERS; i++)
        bits[i] = bf16[i % 5];
    check_widened(bf16_header, bits, numbers);
}

TEST(floats_come_back_in_either_layout) {
    float numbers[NUMBERS], out[NUMBERS];
    for (size_t i = 0; i < NUMBERS; i++)
        numbers[i] = (float)i;
    const struct matrix m = {MATRIX_F32_IN_OUT, numbers, NULL, N_IN, N_OUT};
    weights_to_float(&m, WEIGHTS_IN_OUT, out);
    assert_same_floats(out, numbers, NUMBERS);
    weights_to_float(&m, WEIGHTS_OUT_IN, out);
    for (size_t i = 0; i < NUMBERS; i++)
        assert_close(out[i % N_OUT * N_IN + i / N_OUT], numbers[i], 0);
    assert_int_equal(weights_bytes(&m), sizeof numbers);
}

/* --- panels ----------------------------------------------------------------------------------- */

TEST(panels_have_the_shapes_that_files_say) {
    static const struct {
        size_t n_in, n_out;
        struct shape bf16, int8, scales;
    } cases[] = {
        {3, 5, {4, {1, 2, 64, 2}}, {4, {1, 8, 64, 4}}, {3, {1, 1, 64}}},
        {32, 64, {4, {1, 16, 64, 2}}, {4, {1, 8, 64, 4}}, {3, {1, 1, 64}}},
        {33, 65, {4, {2, 17, 64, 2}}, {4, {2, 16, 64, 4}}, {3, {2, 2, 64}}},
        {768, 2304, {4, {36, 384, 64, 2}}, {4, {36, 192, 64, 4}}, {3, {36, 24, 64}}},
        {768, 50257, {4, {786, 384, 64, 2}}, {4, {786, 192, 64, 4}}, {3, {786, 24, 64}}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct matrix m = {MATRIX_BF16, NULL, NULL, cases[i].n_in, cases[i].n_out};
        struct shape bf16 = weights_panel_shape(&m), scales = weights_scale_shape(&m);
        size_t n, n_scales;
        assert_true(shape_equal(&bf16, &cases[i].bf16));
        assert_true(shape_equal(&scales, &cases[i].scales));
        assert_true(shape_count(&bf16, &n));
        assert_true(shape_count(&scales, &n_scales));
        assert_int_equal(weights_bytes(&m), 2 * n);
        m.format = MATRIX_INT8;
        struct shape int8 = weights_panel_shape(&m);
        assert_true(shape_equal(&int8, &cases[i].int8));
        assert_true(shape_count(&int8, &n));
        assert_int_equal(weights_bytes(&m), n + 2 * n_scales);
    }
}

/* Panels need no copy. Numbers of 2 and 1 bytes may stand anywhere, but the scales of int8, which
 * are read as numbers of 2 bytes, at even addresses. */
TEST(panels_are_used_where_they_are_mapped) {
    struct error err;
    for (size_t rest = 0; rest < 4; rest++) {
        static uint16_t bf16[256], int8[1024 + 64];
        const char *path = path_of("panels.safetensors");
        struct matrix m;
        bool mapped = false;
        bf16[2] = 0x3f80; // input 0 of output 1: 1
        write_file(path, bf16_panels, rest, bf16, sizeof bf16);
        struct safetensors *file = open_file(path);
        assert_done(load(file, WEIGHTS_AS_STORED, &m, &mapped, &err), &err);
        assert_true(mapped);
        assert_true(m.data == safetensors_find(file, "w")->data);
        assert_close(matrix_number(&m, 0, 1), 1, 0);
        assert_done(load(file, WEIGHTS_BF16, &m, &mapped, &err), &err);
        close_file(file);

        if (rest % 2 == 1)
            continue;
        ((int8_t *)int8)[6] = -3; // input 2 of output 1,
        int8[1024 + 1] = 0x3f00;  // in halves
        write_file(path, int8_panels, rest, int8, sizeof int8);
        file = open_file(path);
        assert_done(load(file, WEIGHTS_AS_STORED, &m, &mapped, &err), &err);
        assert_true(mapped);
        assert_true(m.data == safetensors_find(file, "w")->data);
        assert_true((const void *)m.scales == safetensors_find(file, "w_scales")->data);
        assert_close(matrix_number(&m, 2, 1), -1.5, 0);
        assert_done(load(file, WEIGHTS_INT8, &m, &mapped, &err), &err);
        close_file(file);
    }
}

TEST(panels_are_not_turned_into_another_format) {
    static const unsigned char data[2176];
    static const struct {
        const char *header, *name;
        size_t length;
        enum weights_format wanted[2];
    } cases[] = {{bf16_panels, "bf16", 512, {WEIGHTS_F32, WEIGHTS_INT8}},
                 {int8_panels, "int8", 2176, {WEIGHTS_F32, WEIGHTS_BF16}}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        const char *path = path_of("panels.safetensors");
        write_file(path, cases[i].header, 0, data, cases[i].length);
        struct safetensors *file = open_file(path);
        for (size_t k = 0; k < 2; k++) {
            struct error err;
            struct matrix m;
            bool mapped;
            assert_false(load(file, cases[i].wanted[k], &m, &mapped, &err));
            assert_message(&err, path, "stored as", cases[i].name, "leave out -w");
        }
        close_file(file);
    }
}

/* --- refused ---------------------------------------------------------------------------------- */

TEST(scales_that_are_missing_or_of_another_kind_are_refused) {
    assert_refused("{\"w\":{\"dtype\":\"I8\",\"shape\":[1,8,64,4],\"data_offsets\":[0,2048]}}", 0,
                   2048, "w_scales is missing", "--quantize");
    assert_refused(
        "{\"w\":{\"dtype\":\"I8\",\"shape\":[1,8,64,4],\"data_offsets\":[0,2048]},"
        "\"w_scales\":{\"dtype\":\"BF16\",\"shape\":[1,64],\"data_offsets\":[2048,2176]}}",
        0, 2176, "w_scales is BF16 [1, 64], expected BF16 [1, 1, 64]", "--quantize");
    assert_refused(
        "{\"w\":{\"dtype\":\"I8\",\"shape\":[1,8,64,4],\"data_offsets\":[0,2048]},"
        "\"w_scales\":{\"dtype\":\"BF16\",\"shape\":[1,2,64],\"data_offsets\":[2048,2304]}}",
        0, 2304, "w_scales is BF16 [1, 2, 64], expected BF16 [1, 1, 64]", "--quantize");
    assert_refused(
        "{\"w\":{\"dtype\":\"I8\",\"shape\":[1,8,64,4],\"data_offsets\":[0,2048]},"
        "\"w_scales\":{\"dtype\":\"F16\",\"shape\":[1,1,64],\"data_offsets\":[2048,2176]}}",
        0, 2176, "w_scales is F16 [1, 1, 64], expected BF16 [1, 1, 64]", "--quantize");
}

TEST(scales_at_an_odd_address_are_refused) {
    assert_refused(int8_panels, 1, 2176, "w_scales begins at an odd address", "--quantize");
    assert_refused(int8_panels, 3, 2176, "w_scales begins at an odd address", "--quantize");
}

TEST(panels_of_another_matrix_are_refused) {
    static const char *const shapes[] = {"[2,1,64,4]", "[1,1,64,8]", "[1,2,4,64]", "[1,4,64,2]"};
    for (size_t i = 0; i < LENGTH(shapes); i++) {
        char header[200], spaced[40];
        snprintf(header, sizeof header,
                 "{\"w\":{\"dtype\":\"I8\",\"shape\":%s,\"data_offsets\":[0,512]}}", shapes[i]);
        snprintf(spaced, sizeof spaced, "%.2s, %c, ", shapes[i], shapes[i][3]);
        assert_refused(header, 0, 512, "tensor w has shape", spaced, "expected [3, 5]");
    }
    // The right shape, and numbers of another kind.
    assert_refused("{\"w\":{\"dtype\":\"F16\",\"shape\":[1,2,64,2],\"data_offsets\":[0,512]}}", 0,
                   512, "tensor w has shape [1, 2, 64, 2], expected [3, 5]");
    assert_refused("{\"w\":{\"dtype\":\"I8\",\"shape\":[1,2,64,2],\"data_offsets\":[0,256]}}", 0,
                   256, "tensor w has shape [1, 2, 64, 2], expected [3, 5]");
}

TEST(a_matrix_that_is_missing_or_of_another_shape_or_kind_is_refused) {
    assert_refused("{\"v\":{\"dtype\":\"F32\",\"shape\":[3,5],\"data_offsets\":[0,60]}}", 0, 60,
                   "tensor w is missing");
    assert_refused("{\"w\":{\"dtype\":\"F32\",\"shape\":[5,3],\"data_offsets\":[0,60]}}", 0, 60,
                   "tensor w has shape [5, 3], expected [3, 5]");
    assert_refused("{\"w\":{\"dtype\":\"F32\",\"shape\":[15],\"data_offsets\":[0,60]}}", 0, 60,
                   "tensor w has shape [15], expected [3, 5]");
    assert_refused("{\"w\":{\"dtype\":\"I32\",\"shape\":[3,5],\"data_offsets\":[0,60]}}", 0, 60,
                   "tensor w has dtype I32, expected F32, F16 or BF16");
    assert_refused("{\"w\":{\"dtype\":\"I8\",\"shape\":[3,5],\"data_offsets\":[0,15]}}", 0, 15,
                   "tensor w has dtype I8, expected F32, F16 or BF16");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_is_copied_from_any_address),
        cmocka_unit_test(threads_copy_all_of_a_large_matrix),
        cmocka_unit_test(f16_and_bf16_are_widened_exactly_and_packed),
        cmocka_unit_test(floats_come_back_in_either_layout),
        cmocka_unit_test(panels_have_the_shapes_that_files_say),
        cmocka_unit_test(panels_are_used_where_they_are_mapped),
        cmocka_unit_test(panels_are_not_turned_into_another_format),
        cmocka_unit_test(scales_that_are_missing_or_of_another_kind_are_refused),
        cmocka_unit_test(scales_at_an_odd_address_are_refused),
        cmocka_unit_test(panels_of_another_matrix_are_refused),
        cmocka_unit_test(a_matrix_that_is_missing_or_of_another_shape_or_kind_is_refused),
    };
    return cmocka_run_group_tests(tests, open_test_folder, close_test_folder);
}
