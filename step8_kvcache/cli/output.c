#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/files.h"
#include "../../common/utf8.h"

/* What errno says about a write that failed. */
static bool write_failed(struct output *output, struct error *err) {
    if (errno == EPIPE) {
        output->closed = true;
        return error_set(err, "standard output was closed");
    }
    return error_set(err, "standard output: cannot write: %s; %s", strerror(errno),
                     file_mend(errno));
}

bool output_bytes(struct output *output, const char *bytes, size_t length, struct error *err) {
    if (output->closed)
        return false;
    return fwrite(bytes, 1, length, stdout) == length || write_failed(output, err);
}

bool output_flush(struct output *output, struct error *err) {
    if (output->closed)
        return false;
    return fflush(stdout) == 0 || write_failed(output, err);
}

bool output_text(struct output *output, const char *bytes, size_t length, struct error *err) {
    char *joined = malloc(output->n_held + length + 1);
    if (joined == NULL)
        return error_no_memory(err, "the output");
    memcpy(joined, output->held, output->n_held);
    memcpy(joined + output->n_held, bytes, length);
    size_t total = output->n_held + length;
    size_t ready = utf8_printable_now(joined, total);
    output->n_held = total - ready;
    memcpy(output->held, joined + ready, output->n_held);
    bool written = output_bytes(output, joined, ready, err) && output_flush(output, err);
    free(joined);
    return written;
}

bool output_end_line(struct output *output, struct error *err) {
    size_t n = output->n_held;
    output->n_held = 0;
    return output_bytes(output, output->held, n, err) && output_bytes(output, "\n", 1, err) &&
           output_flush(output, err);
}
