/*
 * fsx: files and directories that survive a power cut.
 *
 * "Durable" means: file data fsynced, directory entries fsynced. Paths are NUL-terminated, errors
 * name them. Thread-safe; no state.
 */
#ifndef DASHSPOOL_FSX_H
#define DASHSPOOL_FSX_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A path from a format; *out is the caller's (free). On failure *out is NULL. */
int fsx_path(char **out, struct err *err, const char *fmt, ...) DS_PRINTF(3, 4) DS_MUST_CHECK;

/* "a/b/c/" is "a/b" and "c"; "c" is "." and "c". Both are the caller's (free). */
int fsx_split(const char *path, char **parent, char **name, struct err *err) DS_MUST_CHECK;

/* Whether a path leads to something below where it begins: relative, no part of it empty, "." or
 * "..". */
bool fsx_path_is_inside(const char *path);

/* mkdir -p, mode 0750; what exists already is fine; new entries are fsynced in their parents. */
int fsx_mkdirs(const char *path, struct err *err) DS_MUST_CHECK;

/* Writes a whole file beside `path`, fsyncs, renames over it, fsyncs the directory. */
int fsx_write_file(const char *path, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* The same, without fsync and for everybody to read: after a power cut it is written anew. */
int fsx_publish_file(const char *path, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Appends the whole file to `out` (whose ceiling bounds it: ERR_LIMIT). */
int fsx_read_file(const char *path, struct buf *out, struct err *err) DS_MUST_CHECK;

/* Hands on what is left of an open file, in pieces, until its end or an error of `piece`, which is
 * returned. path: for errors. */
typedef int fsx_piece_fn(void *arg, const void *data, size_t n, struct err *err);
int fsx_read_pieces(int fd, const char *path, fsx_piece_fn *piece, void *arg,
                    struct err *err) DS_MUST_CHECK;

/* Whether it is an ordinary file that can be read; a FIFO is not waited for. ERR_CONFIG says what
 * it is instead. */
int fsx_check_file(const char *path, struct err *err) DS_MUST_CHECK;

/* Whether it is a directory that can be written to, or can be made. ERR_CONFIG likewise. */
int fsx_check_dir(const char *path, struct err *err) DS_MUST_CHECK;

/* write(2) until all is written. */
int fsx_write_all(int fd, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* A new file in `dir` that has no name: gone when it is closed. *out is the caller's (fclose). */
int fsx_scratch(FILE **out, const char *dir, struct err *err) DS_MUST_CHECK;

int fsx_sync_file(const char *path, struct err *err) DS_MUST_CHECK;
int fsx_sync_dir(const char *path, struct err *err) DS_MUST_CHECK;

/* Renames durably: both parents are fsynced. An existing directory with content at `to` is
 * ERR_BUSY. */
int fsx_rename(const char *from, const char *to, struct err *err) DS_MUST_CHECK;

/* Renames to a name that is free (ERR_BUSY: it is not), also if somebody else takes it in the same
 * moment. Not durable yet: many are, by one fsx_sync_dir(). */
int fsx_rename_new(const char *from, const char *to, struct err *err) DS_MUST_CHECK;

/* rm -r; a path that does not exist is fine. Symbolic links are removed, not followed. */
int fsx_remove_tree(const char *path, struct err *err) DS_MUST_CHECK;

/* Bytes that may still be written on the disk of `path`; INT64_MAX: nobody tells. */
int64_t fsx_free_bytes(const char *path);

/* ---- what is in a directory ---- */

/* One name after the other, without "." and "..", in no order; for directories that may be large,
 * or where the descriptor is needed (dirfd(stream)). */
struct fsx_dir {
    DIR *stream;      /* NULL: not open */
    const char *path; /* for the errors; borrowed */
    bool may_be_dir;  /* the last name: it is one, or this file system does not say */
};

/* ERR_NOTFOUND if there is none. */
int fsx_dir_open(struct fsx_dir *out, const char *path, struct err *err) DS_MUST_CHECK;
/* Of an open descriptor, which it takes, also on failure. */
int fsx_dir_of(struct fsx_dir *out, int fd, const char *path, struct err *err) DS_MUST_CHECK;
/* *name is borrowed until the next call; NULL: that was all. */
int fsx_dir_next(struct fsx_dir *dir, const char **name, struct err *err) DS_MUST_CHECK;
void fsx_dir_close(struct fsx_dir *dir); /* also one that could not be opened */

/* Cuts a path to the directory that it is in, or will be: "a/b" to "a", "a" to "."; false: there is
 * none above it. */
bool fsx_go_up(char *path);

struct fsx_names {
    char **name;
    size_t n;
};

/* All names at once, in the order of their bytes; the directory is closed again. *out is the
 * caller's (clear), also on failure. ERR_NOTFOUND if there is none, ERR_LIMIT: more than 16
 * million. */
int fsx_list(const char *path, struct fsx_names *out, struct err *err) DS_MUST_CHECK;
int fsx_names_add(struct fsx_names *names, const char *name, struct err *err) DS_MUST_CHECK;
void fsx_names_clear(struct fsx_names *names);

/* ---- working directories ----
 *
 * A directory to make something in, that goes when its owner does.
 *
 * It has a fresh name, PARENT/PREFIXxxxxxx, and is locked (flock(2) on the directory). What an
 * owner that was killed left behind is removed by the next one with the same parent, kind of prefix
 * and user; but a thread that opens many looks for such only once a minute. Who knows that there
 * may be one sweeps at once. The kind of a prefix is what it has from its last '.' on: who makes
 * "b.zip.unfinished-…" removes "a.unfinished-…", too.
 */

struct workdir {
    char *path; /* NULL: none */
    int lock_fd;
};
#define WORKDIR_NONE ((struct workdir){.lock_fd = -1})

/* Mode 0700. prefix has no '/'. On failure *out is WORKDIR_NONE. */
int workdir_open(struct workdir *out, const char *parent, const char *prefix,
                 struct err *err) DS_MUST_CHECK;

/* Removes it with all that is in it; fine if it is no longer there (it got a name). What could not
 * be removed the next owner removes. */
void workdir_close(struct workdir *w);

/* Removes what dead owners left. Tells nothing: the next one tries again. */
void workdir_sweep(const char *parent, const char *prefix);

/* Names what they left, and removes nothing. A parent that does not exist is fine. */
typedef void workdir_left_fn(void *arg, const char *name);
int workdir_each_left(const char *parent, const char *prefix, workdir_left_fn *fn, void *arg,
                      struct err *err) DS_MUST_CHECK;

#endif
