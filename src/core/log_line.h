/* log_line: the bytes of one event, in logfmt or JSON; log.h tells both. */
#ifndef CORE_LOG_LINE_H
#define CORE_LOG_LINE_H

#include "dashspool/log.h"
#include <stddef.h>

enum {
    LOG_LINE_BYTES = 4096, /* PIPE_BUF: a pipe takes so many at once, or none (pipe(7)) */
    LOG_VALUE_BYTES = 800, /* of one value as it is written; an err's text fits */
};

struct log_line {
    char bytes[LOG_LINE_BYTES];
    size_t used, room, head; /* room: up to what the end needs; head: the first key is there */
    bool json, full, cut;
};

/* priority: of the journal; -1: the line does not go there. */
void log_line_begin(struct log_line *l, bool json, int priority);
/* always_quoted: also where logfmt could do without. */
void log_line_text(struct log_line *l, const char *key, const char *text, bool always_quoted);
void log_line_field(struct log_line *l, const struct log_field *f);
/* Then it is whole, with its newline. */
void log_line_end(struct log_line *l, int pid);

#endif
