/*
 * import: takes files that people, FTP, SMB, rsync or the vendor's tool have put down, as transfers
 * of source "file". What watch (watch.h) does for ever, `dashspool import` does once.
 *
 *     file ─► looked at: footage? ends well? ours? ─► read, hashed, unchanged meanwhile?
 *          ─► batch ─► rows `receiving`, committed ─► masters sealed, committed
 *          ─► rows `stored`, custody, "seen", committed ─► reported: it is safe
 *          ─► jobs in spool/<stage>/new ─► rows marked published
 *
 * The same content (SHA-256, length) is stored once, whoever brought it first. A file that stays as
 * it is (path, inode, size, mtime) is not read again. What a crash left is put right by the next
 * import_open(); the files themselves are never touched here.
 *
 * Of whom a file is, in this order: <stem>.json of ours beside it (if it names the file's SHA-256);
 * a person's word; for the camera the metadata; the file's name (an id of ours, a word "front"…);
 * the folders that it is in, the nearest first. Else CATALOGUE_IMEI_UNKNOWN and "other".
 * Metadata: <stem> or <name> with .json, .meta, .bin, .txt: ours, the camera's JSON, a metadata
 * response as received (its payload, or the frame), the text of the vendor's test server; which one
 * it is, the bytes tell, not the name. What is there and cannot be read is told (import_note_fn).
 * Without any, a time in the file's name is the time, in a person's zone if the name tells none;
 * without that a person's time, which is of one clip: one file of each camera and kind takes it,
 * another one is refused.
 *
 * Everything about a file is hostile: links are not followed, pipes and devices not opened; what
 * its bytes, the files beside it and its name say is read by a process that can read nothing else
 * and write nothing, one for each file (sandbox.h, a function apart), and judged before it is
 * believed. This process, which may write the stores, hashes and stores.
 *
 * Several processes may import into one ROOT: batches take turns (flock on ROOT/import.lock). Not
 * thread-safe. Files touched: that one, ROOT/catalogue.db, ROOT/raw, ROOT/spool/<stage>.
 */
#ifndef DASHSPOOL_IMPORT_H
#define DASHSPOOL_IMPORT_H

#include "dashspool/catalogue.h"
#include "dashspool/clock.h"

enum import_outcome {
    IMPORT_TAKEN,   /* its bytes and its row are on disk */
    IMPORT_SAME,    /* the same content is stored already, as that transfer */
    IMPORT_KNOWN,   /* this very file was taken before */
    IMPORT_LEFT,    /* it is none to take: a copy of ours, a link, a pipe; gone */
    IMPORT_NOT_YET, /* it does not end as it should, or changed while it was read */
    IMPORT_REFUSED, /* it cannot be taken as it is: no footage, too large */
    IMPORT_FAILED,  /* not now: the file cannot be read, or the store could not take it */
    IMPORT_N_OUTCOMES,
};

/* id: of the transfer, "" if there is none; why: one line for a person, "" if there is nothing to
 * say. All are borrowed for the call. */
typedef void import_result_fn(void *arg, const char *path, enum import_outcome outcome,
                              const char *id, const char *why);

/* Of the file at path, which is taken all the same, or of what lies beside it: one line that a
 * person should know. Both are borrowed for the call. */
typedef void import_note_fn(void *arg, const char *path, const char *text);

struct import_options {
    const char *who;               /* "import", "watch": in the custody */
    const char *imei;              /* a person's word; NULL: none */
    const char *camera;            /* likewise */
    const struct clock_told *told; /* likewise; who said so: */
    const char *told_by;
    const char *const *feeds;    /* stages that get jobs; borrowed */
    size_t n_feeds;              /* 0: convert alone */
    int64_t free_bytes_min;      /* with less free space nothing is taken */
    import_result_fn *on_result; /* once for each file, when it is settled */
    import_note_fn *on_note;     /* before that */
    void *arg;
};

struct import;

/* Opens the stores below root (made if they are not there) and puts right what a crash left. The
 * options' texts are borrowed until import_close(). */
int import_open(struct import **out, const char *root, const struct import_options *options,
                struct err *err) DS_MUST_CHECK;
void import_close(struct import **im); /* what was not flushed is forgotten */

/* Shuts this process in, for good, before it looks at the first file: it writes into the stores and
 * the spools of these stages, and reads below dirs (the list ends with NULL; they must be there);
 * with `moves` it moves and removes there, too. After import_open(). What the kernel cannot do is
 * logged by `who`. */
int import_guard(const char *root, const char *who, const char *const *feeds, size_t n_feeds,
                 const char *const *dirs, bool moves, struct err *err) DS_MUST_CHECK;

/* One file, by its absolute path. as_it_is: also if it does not end well; then that is noted with
 * it. It is settled at once, or with its batch. An error is the store's, or of import_lost():
 * whatever was waiting was reported as IMPORT_FAILED, and may be tried again later. */
int import_file(struct import *im, const char *path, bool as_it_is, struct err *err) DS_MUST_CHECK;

/* Whether nobody looks at files any more (the process that does was killed): whatever is imported
 * from now on fails, and only a new start helps. */
bool import_lost(const struct import *im);

/* Settles what waits in the batch. */
int import_flush(struct import *im, struct err *err) DS_MUST_CHECK;

/* Whether the master of a file that was reported as TAKEN, SAME or KNOWN as `id` is stored, and the
 * file is still what was seen: only then it may be moved or removed. ERR_NOTFOUND: not so. */
int import_safe(struct import *im, const char *path, const char *id, struct err *err) DS_MUST_CHECK;

/* The file is at `to` now, or (NULL) gone: what was seen goes with it. */
int import_moved(struct import *im, const char *path, const char *to,
                 struct err *err) DS_MUST_CHECK;

/* The names under which metadata may lie beside a file, the i-th of IMPORT_SIDECARS; *of_stem: it
 * may belong to another file with the same stem, too. */
#define IMPORT_SIDECARS 8
void import_sidecar(const char *path, int i, char *out, size_t room, bool *of_stem);

/* Whether what lies in that file is kept, byte for byte, with transfer `id`. */
bool import_sidecar_kept(struct import *im, const char *sidecar, const char *id);

/* 14 or 15 digits. */
bool import_imei_ok(const char *text);

/* ---- walk ----
 *
 * Which files in a folder may be footage. Links are not followed, and nothing is
 * opened but directories.
 */

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

struct stat;
void import_stat_of(const struct stat *st, struct catalogue_stat *out);

/* A path as a line for a person: control characters, backslashes and what is no UTF-8 are \xNN; a
 * long one loses its beginning. out is returned. */
const char *import_path_text(const char *path, char *out, size_t room);

#endif
