/*
 * import_walk: which files in a folder may be footage. Links are not followed, and nothing is
 * opened but directories.
 */
#ifndef DASHSPOOL_IMPORT_WALK_H
#define DASHSPOOL_IMPORT_WALK_H

#include "dashspool/catalogue.h"

#define IMPORT_DEPTH_MAX 64 /* folders in each other */

enum import_name {
    IMPORT_NAME_FOOTAGE, /* .h265 .hevc .265 .jpg .jpeg .mp4 */
    IMPORT_NAME_OURS,    /* a copy of this program */
    IMPORT_NAME_UNDONE,  /* hidden, or as programs name what they still write: .part, ~ … */
    IMPORT_NAME_OTHER,
};
enum import_name import_name(const char *name);

enum import_entry {
    IMPORT_ENTRY_DIR,     /* before what is in it; stat is not set */
    IMPORT_ENTRY_FILE,    /* regular; its name is footage's */
    IMPORT_ENTRY_OURS,    /* a file by its name, or a folder: an evidence package */
    IMPORT_ENTRY_UNDONE,  /* a file */
    IMPORT_ENTRY_TROUBLE, /* cannot be read: why */
};

/* path is borrowed for the call. Negative (with err set) ends the walk. */
typedef int import_entry_fn(void *arg, enum import_entry what, const char *path,
                            const struct catalogue_stat *stat, const char *why, struct err *err);

struct import_walk {
    bool deep;     /* folders in it, too */
    bool packages; /* also what is in evidence packages (folders with bagit.txt) */
    const char
        *skip[2]; /* directories that are not entered, whatever they are called there; NULL */
    import_entry_fn *fn;
    void *arg;
};

/* Tells what is in dir, in the order of the names. A dir that cannot be read is told as trouble. */
int import_walk(const struct import_walk *walk, const char *dir, struct err *err) DS_MUST_CHECK;

void import_stat_of(int64_t inode, int64_t length_bytes, int64_t mtime_s, int64_t mtime_ns,
                    struct catalogue_stat *out);

/* A path as a line for a person: control characters, backslashes and what is no UTF-8 are \xNN; a
 * long one loses its beginning. out is returned. */
const char *import_path_text(const char *path, char *out, size_t room);

#endif
