#include "read_internal.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int package_tell_top(const struct package *p, const char *top, struct err *err)
{
    return p->fns->top ? p->fns->top(p->arg, top, err) : ERR_OK;
}

bool package_wants(const struct package *p, const char *name)
{
    return !p->fns->want || p->fns->want(p->arg, name);
}

int archive_read(const char *path, const struct archive_limits *limits,
                 const struct archive_reader *fns, void *arg, struct err *err)
{
    struct package p = {.path = path, .limits = *limits, .fns = fns, .arg = arg};
    struct stat st;
    if (p.limits.entries == 0)
        p.limits.entries = ARCHIVE_ENTRIES_DEFAULT;
    if (p.limits.bytes == 0)
        p.limits.bytes = ARCHIVE_BYTES_DEFAULT;
    /* O_NONBLOCK: a pipe must not hold us up. */
    p.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (p.fd < 0)
        return err_sys(err, "open %s", path);
    int rc;
    if (fstat(p.fd, &st) < 0)
        rc = err_sys(err, "stat %s", path);
    else if (S_ISDIR(st.st_mode))
        rc = package_read_folder(&p, err);
    else if (S_ISREG(st.st_mode))
        rc = package_read_zip(&p, err);
    else
        rc = err_set(err, ERR_MALFORMED, "%s is neither a folder nor a file", path);
    close(p.fd);
    return rc;
}
