/*
 * err: how a failure is told.
 *
 * A function that can fail returns int (0 or a negative enum err_code), takes a struct err last and
 * fills it where the failure is known; callers add context on the way up with err_wrap(). Errors
 * are returned or logged, never both. Nothing here allocates.
 */
#ifndef DASHSPOOL_ERR_H
#define DASHSPOOL_ERR_H

#include <stdbool.h>

#define DS_MUST_CHECK             __attribute__((warn_unused_result))
#define DS_PRINTF(fmt_at, arg_at) __attribute__((format(printf, fmt_at, arg_at)))

enum err_code {
    ERR_OK = 0,
    /* temporary: the same call may work later */
    ERR_AGAIN = -1,
    ERR_IO = -2,
    ERR_NOMEM = -3,
    ERR_BUSY = -4,
    /* permanent: this input will never do */
    ERR_MALFORMED = -5,
    ERR_LIMIT = -6,
    ERR_UNSUPPORTED = -7,
    ERR_CONFIG = -8,
    ERR_NOTFOUND = -9,
    ERR_LOST = -11,    /* somebody else has it by now: what came of it here counts for nothing */
    ERR_FOREIGN = -10, /* stores that do not belong together: a person puts the right one back */
};

struct err {
    int code;      /* enum err_code */
    int sys_errno; /* 0 where no system call was involved */
    char text[512];
};

/* Sets code and text; returns code, so that `return err_set(err, ERR_LIMIT, "…")` reads well. */
int err_set(struct err *err, int code, const char *fmt, ...) DS_PRINTF(3, 4);

/* ERR_NOMEM, "out of memory: <what for>". */
int err_nomem(struct err *err, const char *what_for, ...) DS_PRINTF(2, 3);

/* Like err_set() with ": strerror(errno)" behind the text and the code that fits errno. */
int err_sys(struct err *err, const char *fmt, ...) DS_PRINTF(2, 3);

/* Puts "fmt: " before the text that is already there; returns err->code. */
int err_wrap(struct err *err, const char *fmt, ...) DS_PRINTF(2, 3);

bool err_is_temporary(int code);

/* A system call was refused for one file (another owner, a directory in the way), and others may
 * well do: neither the disk nor the system is at its end. */
bool err_is_of_one_file(const struct err *err);

/* Lower-case name of a code ("malformed"); never NULL. */
const char *err_name(int code);

#endif
