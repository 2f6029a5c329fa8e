/*
 * actions: what a person at the pages wants done, as jobs in ROOT/spool/action/. The pages may put
 * one and look what became of it, no more: all that is written (catalogue, custody, packages, jobs
 * of other stages) is written by `work`, which does the action, in the person's name.
 *
 *     page ──put──► spool/action/new ──work──► done: actions/<job>.json    (what came of it)
 *                                        └──► spool/action/failed/<job>    (reason.txt)
 *
 * A job's name is unique by chance, 128 bits of it: nobody can guess another one's. job.json:
 *
 *     {"action":"protect","events":["<id of a transfer>",…],"at":"2026-11-30T20:43:00.000000Z",
 *      "by":"claims-desk-2","role":"reviewer", … what the action needs …}
 *
 * An action is of events as they are when it is done: each transfer of them. It is done at least
 * once, and does nothing where it was done before. The role is judged twice: by the page, and by
 * work (actions_allowed()), which trusts no job.
 *
 * ROOT/actions/ holds the outcomes of the last [serve] outcomes_h hours.
 */
#ifndef DASHSPOOL_ACTIONS_H
#define DASHSPOOL_ACTIONS_H

#include "dashspool/catalogue.h"
#include "dashspool/err.h"
#include "dashspool/people.h"
#include <stdbool.h>

#define ACTIONS_STAGE      "action"
#define ACTIONS_JOB_ROOM   40
#define ACTIONS_EVENTS_MAX 500
#define ACTIONS_MASKS_MAX  32
#define ACTIONS_TEXT_ROOM  2048

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
    int64_t request;
    /* retry, drop */
    const char *stage, *job;
    /* vehicle */
    const char *name, *plate, *group;
    /* import */
    const char *upload;        /* its directory below ROOT/upload */
    const char *camera, *zone; /* where the files do not tell */
};

/* The job of an action; it must be durable before the person is told that it was taken. */
struct spool;
int actions_put(struct spool *spool, const struct actions_action *a, char job[ACTIONS_JOB_ROOM],
                struct err *err) DS_MUST_CHECK;

/* A job.json, read: ERR_MALFORMED for what is none of ours, or has what its kind does not take. */
struct actions_read;
int actions_read(struct actions_read **out, const char *json, struct err *err) DS_MUST_CHECK;
const struct actions_action *actions_of(const struct actions_read *read);
void actions_read_free(struct actions_read **read);

/* What became of one: for the page that follows it. */
enum actions_state { ACTIONS_READY, ACTIONS_AT_WORK, ACTIONS_DONE, ACTIONS_FAILED, ACTIONS_GONE };
struct actions_outcome {
    enum actions_state state;
    enum actions_kind kind;
    char by[PEOPLE_NAME_ROOM];
    double done;                        /* 0..1, of an export or an import that is at work */
    char text[ACTIONS_TEXT_ROOM];       /* DONE, FAILED: for people, a line or more */
    char result[CATALOGUE_ID_ROOM * 2]; /* DONE: the package's name, the new transfer's id … */
};
/* GONE: there is no such job (any more). */
int actions_look(const char *root, const char *job, struct actions_outcome *out,
                 struct err *err) DS_MUST_CHECK;
/* Work tells it: durable before the job ends. */
int actions_tell(const char *root, const char *job, const struct actions_outcome *o,
                 struct err *err) DS_MUST_CHECK;

#endif
