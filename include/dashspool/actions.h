/*
 * actions: what a person at the pages wants done, as jobs in ROOT/spool/action/. The pages may put
 * one and look what became of it, no more: all that is written (catalogue, custody, packages, jobs
 * of other stages) is written by `work`, which does the action, in the person's name.
 *
 *     page ──put──► spool/action/new ──work──► done: actions/<job>.json    (what came of it)
 *                                        └──► spool/action/failed/<job>    (reason.txt)
 *
 * A job's name is its kind and 128 bits by chance, "protect-<32 hex digits>": nobody can guess
 * another one's. Those of an import are its upload's, where that is called so: an upload has one
 * job, however often somebody says that it is whole. job.json:
 *
 *     {"action":"protect","events":["<id of a transfer>",…],"at":"2026-11-30T20:43:00.000000Z",
 *      "by":"claims-desk-2","role":"reviewer", … what the action needs …}
 *
 * An action is of events as they are when it is done: each transfer of them. It is done at least
 * once, and does nothing where it was done before. The role is judged twice: by the page, and by
 * work (actions_allowed()), which trusts no job.
 *
 * What a kind takes and needs, how long each text may be, and that it is clean (UTF-8, nothing that
 * text_hidden() hides; a note may have line ends) is judged when a job is put, and again when it is
 * read: a member that is none of its kind is refused.
 *
 * ROOT/actions/ (in a site the table job_word) holds the outcomes of the last [serve] outcomes_h
 * hours. A failed one has none: its
 * job is in failed/ with the reason, until a person retries or drops it.
 */
#ifndef DASHSPOOL_ACTIONS_H
#define DASHSPOOL_ACTIONS_H

#include "dashspool/catalogue.h"
#include "dashspool/err.h"
#include "dashspool/people.h"
#include <stdbool.h>
#include <stdint.h>

#define ACTIONS_STAGE       "action"
#define ACTIONS_JOB_ROOM    48
#define ACTIONS_BY_ROOM     128 /* as custody and requests have it */
#define ACTIONS_EVENTS_MAX  500
#define ACTIONS_MASKS_MAX   32
#define ACTIONS_TEXT_ROOM   2048
#define ACTIONS_WORDS_ROOM  16384
#define ACTIONS_SECONDS_MAX 180 /* of a request: the cameras' own limit is one of each file */

enum actions_kind {
    ACTIONS_REVIEWED,   /* reviewer */
    ACTIONS_UNREVIEWED, /* reviewer */
    ACTIONS_PROTECT,    /* reviewer: reason */
    ACTIONS_UNPROTECT,  /* admin */
    ACTIONS_NOTE,       /* reviewer: text */
    ACTIONS_CASE,       /* reviewer: text; "" takes it away */
    ACTIONS_EXPORT,     /* reviewer: a package */
    ACTIONS_VERIFY,     /* reviewer: package; the lines of `verify` */
    ACTIONS_REQUEST,    /* reviewer: footage of a time */
    ACTIONS_CANCEL,     /* reviewer: request */
    ACTIONS_RETRY,      /* admin: job, stage; or what failed of the events */
    ACTIONS_DROP,       /* admin: likewise */
    ACTIONS_VEHICLE,    /* admin: imei, name, plate, group */
    ACTIONS_IMPORT,     /* reviewer: files that were uploaded */
    ACTIONS_DOWNLOADED, /* viewer …: an original or a package was handed out */
    ACTIONS_KINDS
};
const char *actions_name(enum actions_kind kind); /* "reviewed" */
bool actions_kind_of(const char *name, enum actions_kind *out);
bool actions_allowed(enum actions_kind kind, enum people_role role);
/* The kind of a job by its name; false: it is no action's. */
bool actions_kind_of_job(const char *job, enum actions_kind *out);
/* It may take a minute, or ten: no short one waits behind it. */
bool actions_is_long(enum actions_kind kind);

/* Borrowed from its maker, or from the job that it was read from. "" and 0: not given. */
struct actions_action {
    enum actions_kind kind;
    const char *by;
    enum people_role role;
    int64_t at_us;
    const char *events[ACTIONS_EVENTS_MAX];
    size_t n_events;
    const char *text; /* note, case, reason of a protection or a request */
    /* export */
    const char *title, *recipient, *case_number;
    bool redacted, no_sound;
    const char *hide;                     /* "position,driver": as export --hide has it */
    const char *masks[ACTIONS_MASKS_MAX]; /* as export --mask has it */
    size_t n_masks;
    const char *package; /* verify, downloaded: its name below ROOT/packages */
    /* request, cancel */
    const char *imei, *cameras; /* "front rear" */
    int64_t time_us;
    int seconds;
    bool photo; /* one photo instead: of now; of the time from a road camera */
    int64_t request;
    /* retry, drop */
    const char *stage, *job;
    /* vehicle */
    const char *name, *plate, *group;
    /* import */
    const char *upload;       /* its directory below ROOT/upload */
    const char *camera;       /* where the files do not tell; so are */
    const char *local, *zone; /* … when the clip began, and where names' times are of */
};

/* What its kind takes and needs, and whether each value is fit for it. ERR_MALFORMED: a person can
 * read what is wrong with it. */
int actions_check(const struct actions_action *a, struct err *err) DS_MUST_CHECK;
/* The job of an action that actions_check() takes, durable. */
struct spool;
int actions_put(struct spool *spool, const struct actions_action *a, char job[ACTIONS_JOB_ROOM],
                struct err *err) DS_MUST_CHECK;

/* The job of an upload (that may be there or not); false: it is not called as one of the pages. */
bool actions_job_of_upload(const char *upload, char job[ACTIONS_JOB_ROOM]);

/* A job.json, read: ERR_MALFORMED for what is none of ours, or has what its kind does not take. */
struct actions_read;
int actions_read(struct actions_read **out, const char *json, struct err *err) DS_MUST_CHECK;
const struct actions_action *actions_of(const struct actions_read *read);
void actions_read_free(struct actions_read **read);

/* ---- what became of one ---- */

enum actions_state {
    ACTIONS_READY, /* text: why it is tried once more, if it is */
    ACTIONS_AT_WORK,
    ACTIONS_DONE,
    ACTIONS_FAILED,
    ACTIONS_GONE
};
struct actions_outcome {
    enum actions_state state;
    enum actions_kind kind;
    char by[ACTIONS_BY_ROOM];
    char event[CATALOGUE_ID_ROOM]; /* the first one, "": of none */
    bool bad;                      /* DONE, with bad news: a package is not what it was */
    double done;                   /* 0..1, of a long one that is at work */
    char text[ACTIONS_WORDS_ROOM]; /* DONE, FAILED: for people, a line or more */
    char result[256];              /* DONE: the package's name, the new transfer's id … */
};
/* GONE: there is no such job (any more), or it is no name of one. */
int actions_look(const char *root, const char *job, struct actions_outcome *out,
                 struct err *err) DS_MUST_CHECK;
/* Work tells it: AT_WORK now and then, and DONE, durably, before the job ends. */
int actions_tell(const char *root, const char *job, const struct actions_outcome *o,
                 struct err *err) DS_MUST_CHECK;
/* Outcomes that are older than that go. Trouble with one does not keep it from the others. */
int actions_sweep(const char *root, int64_t before_us, struct err *err) DS_MUST_CHECK;

#endif
