/*
 * verify_extract: files of a package, read again, one at a time, each into a file of a private
 * directory. What a file is handed out as is what its hash was found to be: a package that changes
 * meanwhile is refused.
 */
#ifndef EXPORT_VERIFY_EXTRACT_H
#define EXPORT_VERIFY_EXTRACT_H

#include "verify_internal.h"

struct extract;

/* Makes the directory, mode 0700, in $TMPDIR or /tmp; SIGINT and SIGTERM are caught from here on.
 */
int extract_open(struct extract **out, struct verify *v, struct err *err) DS_MUST_CHECK;
/* Removes it with all that is in it. */
void extract_close(struct extract **x);

const char *extract_dir(const struct extract *x);

/* ERR_AGAIN once a signal has come: whoever waits for something looks often. */
int extract_stopped(struct err *err) DS_MUST_CHECK;

/* Hands out those sound files that `want` names, in the package's order; path (with the extension
 * of its name) is there for the call only. */
typedef bool extract_want_fn(void *arg, const struct file *f);
typedef int extract_file_fn(void *arg, struct file *f, const char *path, struct err *err);
int extract_each(struct extract *x, extract_want_fn *want, extract_file_fn *file, void *arg,
                 struct err *err) DS_MUST_CHECK;

#endif
