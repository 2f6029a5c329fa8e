/*
 * sink: where a package's files go: a folder, or a .zip by its name, in which everything lies in
 * one folder of the zip's own name. It grows under a temporary name beside the one that it will
 * have, and gets that name when all of it is on disk: what has the name is whole.
 */
#ifndef EXPORT_SINK_H
#define EXPORT_SINK_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

struct sink;

/* ERR_BUSY if there is something at `path` already. at_us: what the files of a zip are dated. *out
 * is the caller's (sink_free). */
int sink_new(struct sink **out, const char *path, int64_t at_us, struct err *err) DS_MUST_CHECK;

/* A file of exactly `size` bytes, in pieces. Names are those of bag.h. ERR_MALFORMED: the name
 * came before, or more or fewer bytes come. */
int sink_begin(struct sink *s, const char *name, int64_t size, struct err *err) DS_MUST_CHECK;
int sink_write(struct sink *s, const void *data, size_t n, struct err *err) DS_MUST_CHECK;
int sink_end(struct sink *s, struct err *err) DS_MUST_CHECK;

/* Everything is on disk, then it has its name. */
int sink_finish(struct sink *s, struct err *err) DS_MUST_CHECK;

/* What is not finished is removed. */
void sink_free(struct sink **s);

#endif
