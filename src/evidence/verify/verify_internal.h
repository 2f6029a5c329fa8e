/*
 * verify: what the judges of an evidence package share. verify.c reads the package once and tells;
 * each of the others judges one thing of what was read.
 */
#ifndef EXPORT_VERIFY_INTERNAL_H
#define EXPORT_VERIFY_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/export_verify.h"
#include "dashspool/hash.h"
#include <stddef.h>

/* The text files that are judged by what they say. */
enum text {
    T_BAGIT,
    T_INFO,
    T_MANIFEST,
    T_TAGS,
    T_CUSTODY,
    T_SIGNATURE,
    T_REQUEST,
    T_STAMP,
    TEXTS
};
extern const char *const verify_text_names[TEXTS];

struct file {
    char *name;
    char sha256[HASH_HEX_ROOM];
    int64_t bytes;
    bool claimed; /* a manifest names it */
    bool sound;   /* … and its hash is the one there */

    /* of a copy */
    enum { NOT_NOTED, NOTED_SAME, NOTED_OTHER } noted; /* its hash in the custody */
    char made_from[HASH_HEX_ROOM]; /* the master's hash there; "": it does not matter */
    int recipe; /* 1 and on: which of its clip's; 0: nothing tells how it was made */
    enum { NOT_MADE, MADE_SAME, MADE_OTHER, MADE_EXCUSED /* other, and no wonder */ } made;
};

struct claim { /* a line of a manifest */
    const char *name;
    const char *sha256; /* 64 characters, no NUL */
    struct file *file;  /* NULL: it is not there */
};

struct verify {
    const struct verify_request *request;
    const struct verify_listener *to;
    struct buf files; /* struct file, by name once all are read */
    struct hash *hash;
    struct file now;
    int text; /* being read; -1: another file */
    struct buf texts[TEXTS];
    bool have[TEXTS];
    struct buf payload, tags; /* struct claim */
    int problems[VERIFY_CHECKS];
};

/* One thing that is wrong; the name is another's words, told as they are. */
void verify_problem(struct verify *v, enum verify_check check, const char *fmt, ...)
    DS_PRINTF(3, 4);

/* What is not wrong, of a check. */
void verify_note(struct verify *v, enum verify_check check, const char *fmt, ...) DS_PRINTF(3, 4);

/* The line of a check: `good`, or how many faults were found. */
void verify_result(struct verify *v, enum verify_check check, const char *good);

/* All files, by name. */
struct file *verify_files(const struct verify *v, size_t *n);
struct file *verify_find(const struct verify *v, const char *name); /* NULL: it is not there */

/* verify_manifest.c: structure, completeness and hashes, after `read`: the lines are cut in place.
 */
int verify_manifests_read(struct verify *v, struct err *err) DS_MUST_CHECK;
void verify_manifests_judge(struct verify *v);

/* verify_signature.c: signature and time stamp, of the tag manifest as it came: so before
 * verify_manifests_read(), and told later. */
struct verify_seals {
    char signature[400], stamp[600];
};
int verify_seals_judge(struct verify *v, struct verify_seals *out, struct err *err) DS_MUST_CHECK;
void verify_seals_tell(struct verify *v, const struct verify_seals *seals);

/* verify_custody.c */
void verify_custody_judge(struct verify *v);

/* verify_copies.c: what the copies are, by looking into them. */
int verify_copies(struct verify *v, struct err *err) DS_MUST_CHECK;

#endif
