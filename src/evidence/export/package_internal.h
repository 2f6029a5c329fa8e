/*
 * package: what the writers of an evidence package share. package.c says what comes when, upon
 * redaction.c, report_facts.c, readme.c and package_parts.c.
 */
#ifndef EXPORT_PACKAGE_INTERNAL_H
#define EXPORT_PACKAGE_INTERNAL_H

#include "dashspool/bag.h"
#include "dashspool/buf.h"
#include "dashspool/custody.h"
#include "dashspool/export.h"
#include "dashspool/fsx.h"
#include "dashspool/raw.h"
#include "dashspool/seal.h"
#include "report_facts.h"

#define PACKAGE_PARTIALS_BYTES_MAX (64 << 20)

struct redaction;
struct hide;

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
    struct seal_key *key;   /* NULL: unsigned */
    struct buf custody;     /* lines of all */
    struct buf differences; /* texts, each with its NUL */
    struct buf partials;    /* "\n<id>\n" of each that was packed before it was whole */
    struct report_facts *report;
    char *beside, *name;         /* the folder that the package will be in, and its name there */
    struct redaction *redaction; /* NULL: nothing is hidden */
    const struct hide *hide;     /* the facts that are; NULL: it is no redacted package */
};

/* ---- package_parts.c ---- */

/* So many bytes of the work are done. ERR_AGAIN: the caller wants no more. */
int package_did(struct package *p, int64_t bytes, struct err *err) DS_MUST_CHECK;

/* Bytes of the master or copy that is open; `arg` is a struct package. */
int package_write(void *arg, const void *data, size_t n, struct err *err) DS_MUST_CHECK;

/* Something of transfer `id` is not what it should be, as err says: with request->as_found that
 * goes along (ERR_OK), else it is the error. */
int package_differs(struct package *p, const char *id, struct err *err) DS_MUST_CHECK;

/* A copy in dir/copy->path, whose hash is compared. */
int package_put_copy(struct package *p, const struct catalogue_copy *copy, const char *path,
                     struct err *err) DS_MUST_CHECK;

/* data/tool.json, what the package was made by and with. */
int package_put_tool(struct package *p, struct err *err) DS_MUST_CHECK;

/* ---- telemetry.c: data/telemetry/ ---- */

/* What the tracker said of this clip, as far as the package has that. */
int telemetry_put(struct package *p, const struct catalogue_transfer *t,
                  struct err *err) DS_MUST_CHECK;

/* Says in bag-info.txt of how many recordings there is any, so that none is removed unseen. */
int telemetry_claim(struct package *p, struct err *err) DS_MUST_CHECK;

/* ---- seals.c ---- */

/* Says in bag-info.txt who signs, and whether an authority is asked: before the tag manifest is
 * taken, so that neither can be removed unseen. */
int package_put_claims(struct package *p, struct err *err) DS_MUST_CHECK;

/* What stands over the tag manifest: signature, and the question to a time-stamp authority (with
 * its answer, if one is asked). */
int package_put_seals(struct package *p, const struct buf *tags, struct err *err) DS_MUST_CHECK;

/* ---- redaction.c: what makes a package a redacted one (export.h): which package is the whole,
 * copies made anew without what is hidden, and the words that say so ---- */

/* Sets p->redaction and p->result->full_sha256, and judges what was asked, before anything is
 * written. p has its catalogue and raw. redaction_free() also after a failure. */
int redaction_new(struct package *p, struct err *err) DS_MUST_CHECK;
void redaction_free(struct redaction **r);

/* Makes the copies of a transfer and puts them into the package. One that cannot be converted and
 * never could has none. *t becomes what is shown of it. */
int redaction_put(struct package *p, struct catalogue_transfer *t, int *copies,
                  struct err *err) DS_MUST_CHECK;

/* … adds it and them to the facts of the report, and removes them. */
int redaction_report(struct package *p, const struct catalogue_transfer *t,
                     struct err *err) DS_MUST_CHECK;

const char *redaction_full_sha256(const struct redaction *r);

/* The words, with a NUL behind them: for the report, and a section of README.txt. */
const struct buf *redaction_sentence(const struct redaction *r);
const struct buf *redaction_section(const struct redaction *r);

/* Lines of bag-info.txt; members of the event "exported", whose lists lie in `lists`. */
int redaction_info(const struct redaction *r, struct bag *bag, struct err *err) DS_MUST_CHECK;
#define REDACTION_MASK_ROOM  (CATALOGUE_ID_ROOM + CONVERT_MASK_ROOM)
#define REDACTION_MASKS_ROOM (EXPORT_MASKS_MAX * REDACTION_MASK_ROOM + CONVERT_N_HIDES * 16)
void redaction_note(const struct redaction *r, struct custody_what *what,
                    char lists[REDACTION_MASKS_ROOM]);

/* ---- hide.c: facts that are hidden of a redacted package ---- */

struct hide {
    unsigned what;          /* enum convert_hide */
    struct fsx_names imeis; /* of the package, sorted, if they are hidden: "tracker-1" … */
    struct fsx_names drivers;
};

/* p has its request and catalogue. hide_clear() also after a failure. */
int hide_init(struct hide *h, unsigned what, const struct package *p,
              struct err *err) DS_MUST_CHECK;
void hide_clear(struct hide *h);

/* The text with other names for IMEIs that are hidden. *out is the caller's (free). */
int hide_text(const struct hide *h, const char *text, char **out, struct err *err) DS_MUST_CHECK;

/* Leaves of a transfer what is shown of it, and its id as the package has it. */
int hide_transfer(const struct hide *h, struct catalogue_transfer *t,
                  struct err *err) DS_MUST_CHECK;

/* … of a file of facts, which is replaced (NULL on failure). */
int hide_json(const struct hide *h, char **text, struct err *err) DS_MUST_CHECK;

/* … of a custody line. last: the one before it, as it was shown ("": none); becomes this one. Only
 * the originals' hashes and that of the full package stay in it. */
int hide_custody(const struct hide *h, const char *full_sha256, const char *line,
                 char last[CUSTODY_LINE_ROOM], struct err *err) DS_MUST_CHECK;

/* ---- readme.c ---- */

#define README_ROOM 16384

/* README.txt, for whoever gets the package and has never heard of this program: bytes of the text,
 * in out. The bag has its payload by now. redaction: NULL if nothing is hidden; hidden: facts that
 * are (enum convert_hide). */
size_t readme_text(const struct bag *bag, const struct export_result *result, bool with_signature,
                   const struct redaction *redaction, unsigned hidden, char out[README_ROOM]);

/* ---- package.c ---- */

/* This transfer was not whole when it was packed. */
int package_add_partial(struct package *p, const char *id, struct err *err) DS_MUST_CHECK;

/* Notes it in the custody of each transfer, which it protects. Needs the catalogue, the request,
 * and the hash of the result. */
int package_note_exported(struct package *p, struct err *err) DS_MUST_CHECK;

#endif
