/*
 * Each allocation fails in turn: the library answers with a message, frees all it had, and can do
 * the same again when there is memory. Once with one failing allocation, once with all that follow.
 *
 * This file has the program's malloc, which the C library and cJSON use too. It needs glibc, and no
 * sanitizer, which would have an allocator of its own: elsewhere the tests are skipped.
 */
#include "support.h"

#include <errno.h>

#include "../../common/gpt2.h"
#include "../../common/json.h"
#include "../../common/lesson_model.h"
#include "../../common/plot/plot.h"
#include "../../common/plot/term_plot.h"
#include "../../common/quantize.h"
#include "../../common/sampler.h"
#include "../../common/score.h"
#include "../../common/tensor.h"
#include "../../common/tokenizer.h"
#include "../../common/transformer.h"
#include "../../common/utf8.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#if defined(__GLIBC__) && !defined(HAS_SANITIZER)
#define HAS_OWN_MALLOC 1
#else
#define HAS_OWN_MALLOC 0
#endif

/* --- the allocator ---------------------------------------------------------------------------- */

static struct {
    bool counting;
    bool failing_on; // what follows the failing allocation fails too
    size_t n_done;   // allocations since counting began
    size_t fail_at;  // this one fails, counted from 1; 0: none
    size_t n_failed;
    ptrdiff_t n_live; // pieces of memory since counting began that are not free again
} heap;

#if HAS_OWN_MALLOC

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static bool fails_now(void) {
    if (!heap.counting)
        return false;
    heap.n_done++;
    bool fails = heap.fail_at != 0 &&
                 (heap.failing_on ? heap.n_done >= heap.fail_at : heap.n_done == heap.fail_at);
    heap.n_failed += fails;
    if (fails)
        errno = ENOMEM;
    return fails;
}

static void *counted(void *memory) {
    if (memory != NULL && heap.counting)
        heap.n_live++;
    return memory;
}

void *malloc(size_t size) {
    return fails_now() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size) {
    return fails_now() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size) {
    if (fails_now())
        return NULL;
    return old == NULL ? counted(__libc_realloc(old, size)) : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    return fails_now() ? NULL : counted(__libc_memalign(alignment, size));
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    *memory = fails_now() ? NULL : counted(__libc_memalign(alignment, size));
    return *memory != NULL ? 0 : ENOMEM;
}

void free(void *memory) {
    if (memory != NULL && heap.counting)
        heap.n_live--;
    __libc_free(memory);
}

#endif

/* --- the loop over all allocations ------------------------------------------------------------ */

/* Does something and undoes it. false with *err filled in when it could not. */
typedef bool work(struct error *err);

struct outcome {
    bool done;
    size_t n_done, n_failed;
    ptrdiff_t n_live;
    struct error err;
};

static struct outcome run(work *todo, size_t fail_at, bool failing_on) {
    struct outcome outcome = {.err = {""}};
    heap.n_done = heap.n_failed = 0;
    heap.n_live = 0;
    heap.fail_at = fail_at;
    heap.failing_on = failing_on;
    heap.counting = true;
    outcome.done = todo(&outcome.err);
    heap.counting = false;
    outcome.n_done = heap.n_done;
    outcome.n_failed = heap.n_failed;
    outcome.n_live = heap.n_live;
    return outcome;
}

/* An outcome is right when it says that memory ran out, or when nobody needed what failed. */
static void check_outcome(const struct outcome *outcome, size_t fail_at, bool failing_on) {
    static const char *const words[] = {"out of memory", "unless memory ran out",
                                        "Cannot allocate"};
    bool said = false;
    for (size_t i = 0; i < LENGTH(words); i++)
        said = said || strstr(outcome->err.message, words[i]) != NULL;
    if (outcome->n_live != 0)
        fail_msg("allocation %zu%s failed: %td pieces of memory were not freed (\"%s\")", fail_at,
                 failing_on ? " and all after it" : "", outcome->n_live, outcome->err.message);
    if (!outcome->done && !said)
        fail_msg("allocation %zu%s failed: the message is \"%s\"", fail_at,
                 failing_on ? " and all after it" : "", outcome->err.message);
    assert_false(outcome->done && failing_on);
}

/* Fails about `most` of the allocations: the first half of that one by one, then every so many. */
static void fail_some(work *todo, size_t most) {
    if (!HAS_OWN_MALLOC)
        skip();
    struct outcome whole = run(todo, 0, false); // the C library keeps what it makes the first time
    whole = run(todo, 0, false);
    if (!whole.done)
        fail_msg("%s", whole.err.message);
    assert_int_equal(whole.n_live, 0);
    assert_true(whole.n_done > 0);
    size_t step = 1 + whole.n_done / most;
    for (size_t i = 1; i <= whole.n_done; i += i < most / 2 ? 1 : step) {
        for (int failing_on = 0; failing_on <= 1; failing_on++) {
            struct outcome outcome = run(todo, i, failing_on == 1);
            assert_true(outcome.n_failed > 0);
            check_outcome(&outcome, i, failing_on == 1);
        }
    }
    struct outcome again = run(todo, 0, false);
    assert_true(again.done);
}

static void fail_each(work *todo) {
    fail_some(todo, SIZE_MAX);
}

/* --- what is done ------------------------------------------------------------------------------ */

#define TEXT "!!\"#$%&!"

static char model[600], quantized[600], picture[600]; // paths

static bool open_tokenizer(struct error *err) {
    struct token_list ids = {0};
    struct tokenizer *tokenizer = tokenizer_open(model, err);
    bool done = tokenizer != NULL &&
                tokenizer_encode(tokenizer, TEXT, strlen(TEXT), SPECIAL_AS_TEXT, &ids, err);
    if (done)
        assert_true(ids.count > 0);
    token_list_free(&ids);
    tokenizer_close(tokenizer);
    return done;
}

TEST(a_tokenizer_without_memory_says_so) {
    fail_each(open_tokenizer);
}

static bool generate(enum weights_format weights, struct error *err) {
    const uint32_t ids[] = {1, 2, 3};
    struct gpt2_model *opened = gpt2_model_open_for_engine(model, weights, 1, err);
    struct gpt2_session *session = opened != NULL ? gpt2_session_new(opened, 1, err) : NULL;
    struct sampler *sampler =
        session != NULL ? sampler_new((struct sampler_settings){1, 5, 0.9f, 1}, 30, err) : NULL;
    uint32_t id;
    bool done = sampler != NULL && gpt2_prefill(session, ids, 3, GPT2_LOGITS_LAST, err) &&
                sampler_next(sampler, gpt2_logits(session), 30, &id, err) &&
                gpt2_decode(session, id, err);
    sampler_free(sampler);
    gpt2_session_free(session);
    gpt2_model_close(opened);
    return done;
}

static bool generate_f32(struct error *err) {
    return generate(WEIGHTS_F32, err);
}

static bool generate_bf16(struct error *err) {
    return generate(WEIGHTS_BF16, err);
}

static bool generate_int8(struct error *err) {
    return generate(WEIGHTS_INT8, err);
}

TEST(the_engine_without_memory_says_so) {
    fail_each(generate_f32);
    fail_each(generate_bf16);
    fail_each(generate_int8);
}

static bool forward(struct error *err) {
    const uint32_t ids[] = {1, 2, 3};
    struct gpt2_model *opened = gpt2_model_open(model, err);
    struct transformer *transformer = opened != NULL ? transformer_new(opened, 5, err) : NULL;
    bool done = transformer != NULL && transformer_forward(transformer, ids, 3, NULL, err);
    transformer_free(transformer);
    gpt2_model_close(opened);
    return done;
}

TEST(the_transformer_without_memory_says_so) {
    fail_each(forward);
}

static bool score(struct error *err) {
    struct token_list ids = {0};
    struct score score;
    struct gpt2_model *opened = gpt2_model_open_for_engine(model, WEIGHTS_F32, 1, err);
    struct gpt2_session *session = opened != NULL ? gpt2_session_new(opened, 1, err) : NULL;
    bool done = session != NULL;
    for (uint32_t i = 0; i < 100 && done; i++)
        done = token_list_add(&ids, i % 30) || error_no_memory(err, "the ids");
    done = done && score_text(session, opened, &ids, 5, NULL, NULL, &score, err);
    token_list_free(&ids);
    gpt2_session_free(session);
    gpt2_model_close(opened);
    return done;
}

TEST(scoring_without_memory_says_so) {
    fail_each(score);
}

static void empty_quantized(void) {
    static const char *const names[] = {"config.json", "vocab.json", "merges.txt",
                                        "model.safetensors"};
    char path[700];
    for (size_t i = 0; i < LENGTH(names); i++) {
        snprintf(path, sizeof path, "%s/%s", quantized, names[i]);
        unlink(path);
    }
}

static bool quantize(struct error *err) {
    struct stat status;
    char path[700];
    bool done = quantize_folder(model, quantized, WEIGHTS_INT8, 1, err);
    snprintf(path, sizeof path, "%s/model.safetensors", quantized);
    assert_int_equal(stat(path, &status) == 0, done); // whole or not there
    empty_quantized();
    assert_true(rmdir(quantized) == 0 || errno == ENOENT); // no temporary file is left
    return done;
}

TEST(quantizing_without_memory_says_so_and_leaves_no_half_a_file) {
    fail_each(quantize);
}

static bool draw_picture(struct error *err) {
    static const float values[6] = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f};
    static const char *const labels[] = {"a", "b", "c"};
    const struct heatmap map = {.title = "map",
                                .values = values,
                                .n_rows = 2,
                                .n_columns = 3,
                                .row_labels = labels,
                                .column_labels = labels};
    const struct bar_chart bars = {.title = "bars", .values = values, .labels = labels, .n = 3};
    const struct line_series series = {.name = "s", .y = values, .n = 6};
    const struct line_chart lines = {.title = "lines", .series = &series, .n_series = 1};
    struct canvas *pictures[] = {plot_heatmap(&map, err), NULL, NULL};
    if (pictures[0] != NULL)
        pictures[1] = plot_bars(&bars, err);
    if (pictures[1] != NULL)
        pictures[2] = plot_lines(&lines, err);
    bool done = plot_save(plot_together("all", pictures, 3, 2, err), picture, err);
    unlink(picture);
    return done;
}

TEST(a_picture_without_memory_says_so) {
#ifdef HAVE_STB
    fail_some(draw_picture, 60); // compressing takes thousands
#else
    (void)draw_picture;
    skip();
#endif
}

static bool open_lesson(struct error *err) {
    struct lesson lesson = {.model = model, .text = TEXT, .length = strlen(TEXT)};
    struct lesson_model opened;
    bool done = lesson_model_open(&lesson, &opened, err);
    lesson_model_close(&opened);
    return done;
}

TEST(a_lesson_without_memory_says_so) {
    fail_each(open_lesson);
}

static bool make_random_model(struct error *err) {
    const struct gpt2_config config = {30, 10, 12, 3, 2, 48, 1e-5f, GPT2_GELU_TANH};
    struct gpt2_model *made = gpt2_model_random(&config, 1, err);
    bool done = made != NULL;
    gpt2_model_close(made);
    return done;
}

TEST(a_random_model_without_memory_says_so) {
    fail_each(make_random_model);
}

static bool quote(struct error *err) {
    char *a = utf8_quote("a\xff", 2), *b = json_quote("a\xff", 2);
    bool done = (a != NULL && b != NULL) || error_no_memory(err, "a text");
    free(a);
    free(b);
    return done;
}

TEST(quoting_without_memory_gives_null) {
    fail_each(quote);
}

static int set_up(void **state) {
    if (open_test_folder(state) != 0)
        return -1;
    snprintf(model, sizeof model, "%s",
             make_model("model", "--n-layer 2 --n-head 3 --n-embd 12 --n-ctx 10 --vocab-size 40"));
    snprintf(quantized, sizeof quantized, "%s", path_of("quantized"));
    snprintf(picture, sizeof picture, "%s", path_of("picture.png"));
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tokenizer_without_memory_says_so),
        cmocka_unit_test(the_engine_without_memory_says_so),
        cmocka_unit_test(the_transformer_without_memory_says_so),
        cmocka_unit_test(scoring_without_memory_says_so),
        cmocka_unit_test(quantizing_without_memory_says_so_and_leaves_no_half_a_file),
        cmocka_unit_test(a_picture_without_memory_says_so),
        cmocka_unit_test(a_lesson_without_memory_says_so),
        cmocka_unit_test(a_random_model_without_memory_says_so),
        cmocka_unit_test(quoting_without_memory_gives_null),
    };
    program_path(argc > 0 ? argv[0] : NULL);
    return cmocka_run_group_tests(tests, set_up, close_test_folder);
}
