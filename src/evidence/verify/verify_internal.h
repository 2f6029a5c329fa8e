/*
 * verify: what the judges of an evidence package share. findings.c keeps what was read and tells;
 * upon it seals.c, custody.c, telemetry.c and copies.c (with extract.c) judge one thing each;
 * verify.c reads the package once, and judges what a bag has to be.
 */
#ifndef VERIFY_INTERNAL_H
#define VERIFY_INTERNAL_H

#include "dashspool/bag.h"
#include "dashspool/buf.h"
#include "dashspool/verify.h"

/* The text files that are judged by what they say. */
enum text {
    T_BAGIT,
    T_INFO,
    T_MANIFEST,
    T_TAGS,
    T_CUSTODY, /* what is behind it has at most SEAL_DER_MAX_BYTES */
    T_TOOL,
    T_SIGNATURE,
    T_CERTIFICATE,
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

struct claim {
    struct bag_claim line;
    struct file *file; /* NULL: it is not there */
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
    char lf_sha256[TEXTS][HASH_HEX_ROOM]; /* of what it is without its CRLF; "": it had none */
    struct buf empty;                     /* folders that nothing is in, each with its NUL */
    struct buf payload, tags;             /* struct claim */
    int problems[VERIFY_CHECKS];
    char unmet[VERIFY_CHECKS][400]; /* what was asked for and is not so; "": nothing */
};

/* One thing that is wrong; the name is another's words, told as they are. */
void verify_problem(struct verify *v, enum verify_check check, const char *fmt, ...)
    DS_PRINTF(3, 4);

/* The package is whole, for all that this check knows, but not what the request demands. */
void verify_unmet(struct verify *v, enum verify_check check, const char *fmt, ...) DS_PRINTF(3, 4);

/* Either. */
bool verify_failed(const struct verify *v, enum verify_check check);

/* What is not wrong, of a check. */
void verify_note(struct verify *v, enum verify_check check, const char *fmt, ...) DS_PRINTF(3, 4);

/* The line of a check. */
void verify_tell(struct verify *v, enum verify_check check, enum verify_verdict verdict,
                 const char *text);
/* … `good`, or how many faults were found. */
void verify_result(struct verify *v, enum verify_check check, const char *good);

/* All files, by name once they are sorted. */
void verify_sort(struct verify *v);
struct file *verify_files(const struct verify *v, size_t *n);
struct file *verify_find(const struct verify *v, const char *name); /* NULL: it is not there */

/* The id in data/<folder>/<id>.<…>: as the catalogue makes them, letters, digits and hyphens. */
bool verify_id_of(const char *name, char id[CUSTODY_ID_ROOM]);

/* In a folder of data/ that is for copies. */
bool verify_is_copy(const char *name);

/* verify.c: structure, completeness and hashes, after `read`: the lines are cut in place. */
int verify_manifests_read(struct verify *v, struct err *err) DS_MUST_CHECK;
void verify_manifests_judge(struct verify *v);

/* seals.c: signature/, and the fingerprint. Of the tag manifest as it came: judged before
 * `verify_manifests_read`, told later. */
struct seals {
    char signature[400], stamp[600];
};
int verify_seals_judge(struct verify *v, struct seals *out, struct err *err) DS_MUST_CHECK;
void verify_seals_tell(struct verify *v, const struct seals *seals);

/* Whether a file of signature/ has its place there. */
bool verify_seal_belongs(const struct verify *v, const char *name);

/* The first value of this label in bag-info.txt; false: it has none. */
bool verify_info(const struct verify *v, enum bag_key key, struct bag_value *out);

/* Whether a program of this version made it, as far as bag-info.txt says so. */
bool verify_of_this_version(const struct verify *v);

/* Whether bag-info.txt says that it is a redacted one. */
bool verify_redacted(const struct verify *v);

/* custody.c */
int verify_custody_judge(struct verify *v, struct err *err) DS_MUST_CHECK;

/* facts.c: whether facts are what the bytes received and the custody say; before the custody's line
 * is told, whose faults these are. */
int verify_facts(struct verify *v, struct err *err) DS_MUST_CHECK;

/* telemetry.c: data/telemetry/. */
int verify_telemetry(struct verify *v, struct err *err) DS_MUST_CHECK;

/* A file that packages have in data/telemetry/. */
bool verify_is_telemetry(const char *name);

/* copies.c: what the copies are, by looking into them. */
int verify_copies(struct verify *v, struct err *err) DS_MUST_CHECK;

/* ---- extract.c: files of a package, read again, one at a time, each into a file of a private
 * directory. What a file is handed out as is what its hash was found to be: a package that changes
 * meanwhile is refused. */

struct extract;

/* Makes the directory (fsx.h), mode 0700, in $TMPDIR or /tmp, and sweeps what a verify that was
 * killed left there; SIGINT and SIGTERM are caught from here on. */
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
