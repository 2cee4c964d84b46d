#define _POSIX_C_SOURCE 200809L

#include "lesson.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "model_files.h"
#include "plot/plot.h"
#include "words.h"

enum { EXIT_USAGE = 2 };

static int usage(const char *name, FILE *stream) {
    fprintf(stream,
            "usage: %s [-m DIR] [-o DIR] [text]\n"
            "  -m DIR   the model's folder (models/tiny)\n"
            "  -o DIR   where pictures go (out/%s)\n"
            "  text     what to work on (the environment's PROMPT, or the lesson's own text)\n",
            name, name);
    return stream == stdout ? EXIT_SUCCESS : EXIT_USAGE;
}

/* The text: from the command line, else from PROMPT, else the lesson's own. */
static bool choose_text(struct lesson *lesson, int argc, char **argv, int first,
                        const char *default_text) {
    const char *prompt = getenv("PROMPT");
    lesson->text = prompt != NULL && prompt[0] != '\0' ? prompt : default_text;
    if (first < argc) {
        lesson->owned[0] = words_join(argv + first, (size_t)(argc - first));
        lesson->text = lesson->owned[0];
    }
    if (lesson->text == NULL)
        return false;
    lesson->length = strlen(lesson->text);
    return true;
}

/* The options; optind is then where the text begins. false when the program should end. */
static bool choose_folders(struct lesson *lesson, int argc, char **argv, const char *name) {
    int option;
    while ((option = getopt(argc, argv, "m:o:h")) != -1) {
        if (option != 'm' && option != 'o') {
            lesson->status = usage(name, option == 'h' ? stdout : stderr);
            return false;
        }
        if (optarg[0] == '\0') {
            fprintf(stderr, "%s: -%c: found \"\", expected a folder's name\n", name, option);
            lesson->status = EXIT_USAGE;
            return false;
        }
        if (option == 'm')
            lesson->model = optarg;
        else
            lesson->out = optarg;
    }
    return true;
}

bool lesson_begin(struct lesson *lesson, int argc, char **argv, const char *name, const char *title,
                  const char *default_text) {
    *lesson = (struct lesson){.model = "models/tiny"};
    lesson->owned[1] = path_join("out", name);
    lesson->out = lesson->owned[1];
    if (!choose_folders(lesson, argc, argv, name))
        return false;
    if (!choose_text(lesson, argc, argv, optind, default_text) || lesson->out == NULL) {
        fprintf(stderr,
                "%s: out of memory for the text: close other programs, or use a smaller text\n",
                name);
        lesson->status = EXIT_FAILURE;
        return false;
    }
    model_file_explain_cut("error: ", lesson->model);
    printf("%s\n", title);
    for (size_t i = 0; i < strlen(title); i++)
        putchar('=');
    printf("\n");
    return true;
}

void lesson_section(const char *title) {
    printf("\n%s\n", title);
    for (size_t i = 0; i < strlen(title); i++)
        putchar('-');
    printf("\n");
}

void lesson_shape(const char *name, struct shape shape, const char *remark) {
    char text[SHAPE_TEXT_SIZE];
    shape_text(&shape, text);
    if (remark[0] == '\0')
        printf("%-20s%s\n", name, text);
    else
        printf("%-20s%-18s %s\n", name, text, remark);
}

void lesson_check(struct lesson *lesson, bool passed, const char *what) {
    lesson->n_failed += !passed;
    printf("%-70s %s\n", what, passed ? "ok" : "FAILED");
}

void lesson_check_close(struct lesson *lesson, double difference, double limit, const char *what) {
    char line[128];
    bool passed = difference <= limit; // NaN compares as false
    double order = 1e-6;               // what is below is a float's rounding
    while (passed && order <= difference)
        order *= 10.0;
    snprintf(line, sizeof line,
             passed ? "%s (largest difference below %.0e)" : "%s (largest difference %.1e)", what,
             passed ? order : difference);
    lesson_check(lesson, passed, line);
}

void lesson_save(const struct lesson *lesson, struct canvas *picture, const char *file_name,
                 struct error *err) {
    char *path = path_join(lesson->out, file_name);
    if (path == NULL)
        error_no_memory(err, "a picture's name");
    if (picture == NULL || path == NULL || !folder_make(lesson->out, err)) {
        canvas_free(picture);
        printf("no picture: %s\n", err->message);
    } else if (plot_save(picture, path, err)) {
        printf("picture: %s\n", path);
    } else {
        printf("no picture: %s\n", err->message);
    }
    free(path);
}

int lesson_fail(struct lesson *lesson, const struct error *err) {
    fflush(stdout);
    fprintf(stderr, "error: %s\n", err->message);
    lesson->status = EXIT_FAILURE;
    return lesson_end(lesson);
}

/* Writes the rest of the output. Says so and returns false when not all of it could be written. */
static bool finish_output(void) {
    if (fflush(stdout) != 0)
        fprintf(stderr, "error: standard output: cannot write: %s; %s\n", strerror(errno),
                file_mend(errno));
    else if (ferror(stdout)) // an earlier write; errno is no longer of that one
        fprintf(stderr,
                "error: standard output: a part could not be written and is lost; make room "
                "for it, or choose another place\n");
    else
        return true;
    return false;
}

int lesson_end(struct lesson *lesson) {
    if (lesson->status == EXIT_SUCCESS && lesson->n_failed > 0)
        lesson->status = EXIT_FAILURE;
    for (size_t i = 0; i < 2; i++) {
        free(lesson->owned[i]);
        lesson->owned[i] = NULL;
    }
    if (lesson->status == EXIT_SUCCESS && !finish_output())
        lesson->status = EXIT_FAILURE;
    return lesson->status;
}
