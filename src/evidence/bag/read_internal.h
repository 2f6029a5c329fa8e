/* What the two ways to read a package share. Internal to archive. */
#ifndef ARCHIVE_READ_INTERNAL_H
#define ARCHIVE_READ_INTERNAL_H

#include "dashspool/archive.h"

/* A package that is read. */
struct package {
    const char *path;
    int fd;
    struct archive_limits limits; /* none is 0 */
    const struct archive_reader *fns;
    void *arg;
};

int package_read_folder(const struct package *p, struct err *err) DS_MUST_CHECK;
int package_read_zip(const struct package *p, struct err *err) DS_MUST_CHECK;

/* The announcement of the top folder, where the caller wants it. */
int package_tell_top(const struct package *p, const char *top, struct err *err) DS_MUST_CHECK;

bool package_wants(const struct package *p, const char *name);

#endif
