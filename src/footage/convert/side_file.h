/*
 * side_file: text of a sidecar, put together and written whole. An error sticks: the calls behind
 * it do nothing, and side_file_write() returns it.
 */
#ifndef CONVERT_SIDE_FILE_H
#define CONVERT_SIDE_FILE_H

#include "dashspool/buf.h"

#define SIDE_FILE_BYTES_MAX ((size_t)512 * 1024 * 1024) /* a million pictures, a cue each */

struct side_file {
    struct buf text;
    int rc;
    struct err *err;
};

struct side_file side_file_init(struct err *err);
void side_file_add(struct side_file *f, const char *text);
void side_file_print(struct side_file *f, const char *fmt, ...) DS_PRINTF(2, 3); /* < 512 bytes */

/* text, which has no control characters (osd_text_plain), with & < > " as entities. What XML 1.0,
 * section 2.2, has no place for becomes "?". */
void side_file_escaped(struct side_file *f, const char *text);

/* Into the file at path, which exists and is empty; frees the text. */
int side_file_write(struct side_file *f, const char *path) DS_MUST_CHECK;

#endif
