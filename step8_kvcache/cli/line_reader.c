#define _POSIX_C_SOURCE 200809L

#include "line_reader.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_LIBEDIT
#include <histedit.h>
#endif

#include "generate.h"

struct line_reader {
    const char *prompt;
#ifdef HAVE_LIBEDIT
    EditLine *editor;
    History *history;
#endif
    char *line; // [capacity], without libedit
    size_t capacity;
};

#ifdef HAVE_LIBEDIT

static char *show_prompt(EditLine *editor) {
    struct line_reader *reader;
    static char none[] = "";
    if (el_get(editor, EL_CLIENTDATA, &reader) != 0)
        return none;
    return (char *)(size_t)reader->prompt;
}

static bool start_editor(struct line_reader *reader) {
    HistEvent event;
    reader->editor = el_init("gpt2", stdin, stdout, stderr);
    reader->history = history_init();
    if (reader->editor == NULL || reader->history == NULL)
        return false;
    history(reader->history, &event, H_SETSIZE, 1000);
    history(reader->history, &event, H_SETUNIQUE, 1);
    el_set(reader->editor, EL_CLIENTDATA, reader);
    el_set(reader->editor, EL_PROMPT, show_prompt);
    el_set(reader->editor, EL_EDITOR, "emacs");
    el_set(reader->editor, EL_SIGNAL, 0); // Ctrl-C is ours
    el_set(reader->editor, EL_HIST, history, reader->history);
    el_source(reader->editor, NULL); // the user's own ~/.editrc
    return true;
}

/*
 * After Ctrl-Z and fg the terminal is as the shell has it, where lines are echoed twice. This is
 * what libedit does itself where it handles the signals: the line is drawn again, and goes on.
 */
static EditLine *editor_to_resume; // a signal handler has no other way to know

static void on_continue(int signal_number) {
    int reason = errno;
    (void)signal_number;
    el_set(editor_to_resume, EL_PREP_TERM, 1);
    el_set(editor_to_resume, EL_REFRESH);
    errno = reason;
}

static void catch_continue(EditLine *editor) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = editor != NULL ? on_continue : SIG_DFL;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    editor_to_resume = editor;
    sigaction(SIGCONT, &action, NULL);
}

static void stop_editor(struct line_reader *reader) {
    if (reader->editor != NULL)
        el_end(reader->editor);
    if (reader->history != NULL)
        history_end(reader->history);
}

enum line_result line_reader_next(struct line_reader *reader, const char **line, size_t *length) {
    int count = 0;
    interrupt_catch(true);
    errno = 0;
    catch_continue(reader->editor);
    const char *read = el_gets(reader->editor, &count);
    catch_continue(NULL);
    bool interrupted = interrupt_happened();
    interrupt_catch(false);
    if (interrupted) {
        el_reset(reader->editor);
        fprintf(stderr, "\n");
        return LINE_INTERRUPTED;
    }
    if (read == NULL || count <= 0) {
        fprintf(stderr, "\n");
        return LINE_END;
    }
    *line = read;
    *length = (size_t)count;
    while (*length > 0 && (read[*length - 1] == '\n' || read[*length - 1] == '\r'))
        (*length)--;
    if (*length > 0) {
        HistEvent event;
        history(reader->history, &event, H_ENTER, read);
    }
    return LINE_READ;
}

#else

static bool start_editor(struct line_reader *reader) {
    (void)reader;
    return true;
}

static void stop_editor(struct line_reader *reader) {
    free(reader->line);
}

enum line_result line_reader_next(struct line_reader *reader, const char **line, size_t *length) {
    interrupt_catch(true);
    fprintf(stderr, "%s", reader->prompt);
    errno = 0;
    ssize_t count = getline(&reader->line, &reader->capacity, stdin);
    bool interrupted = interrupt_happened();
    interrupt_catch(false);
    if (count < 0 && interrupted) {
        clearerr(stdin);
        fprintf(stderr, "\n");
        return LINE_INTERRUPTED;
    }
    if (count < 0) {
        fprintf(stderr, "\n");
        return LINE_END;
    }
    *line = reader->line;
    *length = (size_t)count;
    while (*length > 0 && (reader->line[*length - 1] == '\n' || reader->line[*length - 1] == '\r'))
        (*length)--;
    return LINE_READ;
}

#endif

struct line_reader *line_reader_new(const char *prompt) {
    struct line_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->prompt = prompt;
    if (!start_editor(reader)) {
        line_reader_free(reader);
        return NULL;
    }
    return reader;
}

void line_reader_free(struct line_reader *reader) {
    if (reader == NULL)
        return;
    stop_editor(reader);
    free(reader);
}
