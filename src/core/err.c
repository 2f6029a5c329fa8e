#include "dashspool/err.h"
#include "dashspool/text.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

DS_PRINTF(2, 0)
static void set_text(struct err *err, const char *fmt, va_list ap)
{
    char text[2 * sizeof err->text]; /* what it names may be anybody's words */
    vsnprintf(text, sizeof text, fmt, ap);
    text_shown(text, err->text, sizeof err->text);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    err->code = code;
    err->sys_errno = 0;
    return code;
}

int err_nomem(struct err *err, const char *what_for, ...)
{
    va_list ap;
    va_start(ap, what_for);
    set_text(err, what_for, ap);
    va_end(ap);
    err->code = ERR_NOMEM;
    err->sys_errno = 0;
    return err_wrap(err, "out of memory");
}

static int code_of_errno(int e)
{
    switch (e) {
    case EAGAIN:
    case EINTR:
        return ERR_AGAIN;
    case ENOMEM:
        return ERR_NOMEM;
    case EBUSY:
    case EEXIST:
    case ENOTEMPTY:
    case EADDRINUSE:
        return ERR_BUSY;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOTFOUND;
    case ENAMETOOLONG:
    case ELOOP:
        return ERR_LIMIT;
    default:
        return ERR_IO;
    }
}

int err_sys(struct err *err, const char *fmt, ...)
{
    int e = errno;
    va_list ap;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    char why[128];
    if (strerror_r(e, why, sizeof why) != 0)
        snprintf(why, sizeof why, "error %d", e);
    snprintf(err->text + used, sizeof err->text - used, ": %s", why);
    err->code = code_of_errno(e);
    err->sys_errno = e;
    return err->code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    char inner[sizeof err->text];
    memcpy(inner, err->text, sizeof inner);
    va_list ap;
    va_start(ap, fmt);
    set_text(err, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
    return err->code;
}

bool err_is_temporary(int code)
{
    return code == ERR_AGAIN || code == ERR_IO || code == ERR_NOMEM || code == ERR_BUSY;
}

bool err_is_of_one_file(const struct err *err)
{
    static const int its[] = {EACCES, EPERM, ELOOP, EISDIR, ENOTDIR, ENOTEMPTY, EEXIST, EBUSY};
    for (size_t i = 0; i < sizeof its / sizeof *its; i++)
        if (err->sys_errno == its[i])
            return true;
    return false;
}

const char *err_name(int code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
    case ERR_AGAIN:
        return "again";
    case ERR_IO:
        return "io";
    case ERR_NOMEM:
        return "nomem";
    case ERR_BUSY:
        return "busy";
    case ERR_MALFORMED:
        return "malformed";
    case ERR_LIMIT:
        return "limit";
    case ERR_UNSUPPORTED:
        return "unsupported";
    case ERR_CONFIG:
        return "config";
    case ERR_NOTFOUND:
        return "notfound";
    case ERR_FOREIGN:
        return "foreign";
    case ERR_LOST:
        return "lost";
    default:
        return "unknown";
    }
}
