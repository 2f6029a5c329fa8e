/*
 * package: what the writers of an evidence package share. package.c says what comes when; each of
 * the others writes one kind of thing.
 */
#ifndef EXPORT_PACKAGE_INTERNAL_H
#define EXPORT_PACKAGE_INTERNAL_H

#include "dashspool/bag.h"
#include "dashspool/buf.h"
#include "dashspool/export.h"
#include "dashspool/raw.h"
#include "dashspool/seal.h"
#include "redaction.h"
#include "report_facts.h"

#define PACKAGE_PARTIALS_BYTES_MAX (64 << 20)

struct package {
    const struct export_request *request;
    struct export_result *result;
    export_progress_fn *progress; /* NULL: nobody asks */
    void *progress_arg;
    const char *id;                /* that is being written */
    int64_t all_bytes, done_bytes; /* masters and copies */
    int64_t all_files;
    struct catalogue *catalogue;
    struct raw *raw;
    struct bag *bag;
    struct seal_key *key; /* NULL: unsigned */
    struct buf custody;   /* lines of all */
    struct buf partials;  /* "\n<id>\n" of each that was packed before it was whole */
    struct report_facts *story;
    char *beside, *name;         /* the folder that the package will be in, and its name there */
    struct redaction *redaction; /* NULL: nothing is hidden */
};

/* package_payload.c: a transfer's master, facts, copies and custody. ERR_BUSY: it is still coming
 * in. */
int package_put_transfer(struct package *p, const char *id, struct err *err) DS_MUST_CHECK;
int package_add_partial(struct package *p, const char *id, struct err *err) DS_MUST_CHECK;

/* … parts of it, for a redacted transfer: a copy in dir/copy->path, whose hash is compared; and
 * that so many bytes of the work are done (ERR_AGAIN: the caller wants no more). */
int package_put_copy(struct package *p, const struct catalogue_copy *copy, const char *dir,
                     struct err *err) DS_MUST_CHECK;
int package_did(struct package *p, int64_t bytes, struct err *err) DS_MUST_CHECK;

/* package.c: notes it in the custody of each transfer, which it protects. Needs the catalogue, the
 * request, and the hash of the result. */
int package_note_exported(struct package *p, struct err *err) DS_MUST_CHECK;

/* package_tool.c: data/tool.json, what the package was made by and with. */
int package_put_tool(struct package *p, struct err *err) DS_MUST_CHECK;

/* package_seals.c: what stands over the tag manifest: signature, and the question to a time-stamp
 * authority (with its answer, if one is asked). */
int package_put_seals(struct package *p, const struct buf *tags, struct err *err) DS_MUST_CHECK;

#endif
