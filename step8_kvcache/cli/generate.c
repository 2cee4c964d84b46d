#define _POSIX_C_SOURCE 200809L

#include "generate.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../../common/clock.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/*
 * A signal ends only a read that has begun. One that comes a moment earlier, while the prompt is
 * shown, would be noticed with the next key. So an alarm follows, until one meets the read.
 */
static void on_interrupt_of_reading(int signal_number) {
    (void)signal_number;
    interrupted = 1;
    alarm(1);
}

static void catch_signal(int signal_number, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    sigaction(signal_number, &action, NULL);
}

void interrupt_catch(bool breaks_reading) {
    int once = (int)SA_RESETHAND; // a second Ctrl-C ends the program at once
    alarm(0);
    interrupted = 0;
    if (breaks_reading) {
        catch_signal(SIGALRM, on_interrupt_of_reading, 0);
        catch_signal(SIGINT, on_interrupt_of_reading, once);
    } else {
        // A write that waits for a slow reader goes on, and loses nothing.
        catch_signal(SIGINT, on_interrupt, once | SA_RESTART);
    }
}

bool interrupt_happened(void) {
    return interrupted != 0;
}

/* Adds a token to the text and prints it. */
static bool take_token(const struct generator *generator, struct generation *generation,
                       uint32_t id, struct error *err) {
    if (!token_list_add(&generation->ids, id))
        return error_no_memory(err, "the text");
    size_t length;
    const char *bytes = tokenizer_decode(generator->tokenizer, id, &length);
    return generator->output == NULL || output_text(generator->output, bytes, length, err);
}

/* Whether the text is long enough, or can't or mustn't grow; *stop says why. */
static bool must_stop(const struct generator *generator, const struct generation *generation,
                      enum stop *stop) {
    size_t n_new = generation->ids.count - generation->n_prompt;
    bool at_length = n_new >= generator->max_new_tokens;
    bool at_context = generation->ids.count >= generator->engine->model->config.n_ctx;
    bool at_interrupt = interrupt_happened();
    if (at_length)
        *stop = STOP_LENGTH;
    else if (at_interrupt)
        *stop = STOP_INTERRUPTED;
    else if (at_context)
        *stop = STOP_CONTEXT;
    return at_length || at_context || at_interrupt;
}

bool generate(const struct generator *generator, struct generation *generation, struct error *err) {
    uint32_t end_of_text;
    bool has_end = tokenizer_end_of_text(generator->tokenizer, &end_of_text);
    size_t n_tokens = tokenizer_count(generator->tokenizer);
    double start = seconds_now(), first = start;
    bool fine = true;

    while (fine && !must_stop(generator, generation, &generation->stop)) {
        // All tokens so far -> the scores of the next one. The first round takes the whole
        // prompt (prefill), each later one the token chosen before it (decode).
        const float *logits = engine_logits(generator->engine, &generation->ids, err);
        uint32_t next;
        fine = logits != NULL && sampler_next(generator->sampler, logits, n_tokens, &next, err);
        if (generation->ids.count == generation->n_prompt)
            first = seconds_now(); // the first new token is known
        if (fine && has_end && next == end_of_text) {
            generation->stop = STOP_EOS;
            break;
        }
        if (fine)
            fine = take_token(generator, generation, next, err);
    }
    generation->prompt_seconds = first - start;
    generation->decode_seconds = seconds_now() - first;
    return fine;
}

void generation_free(struct generation *generation) {
    token_list_free(&generation->ids);
}
