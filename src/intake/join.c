/* Transfers and the tracker's records of their time, when records come after them. */
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include <stdio.h>
#include <string.h>

#define CONVERT     "convert"

/* A clip begins at most so much before its last picture, and its trigger's time. */
#define CLIP_US_MAX (10 * 60 * INT64_C(1000000))

struct pass {
    const struct intake_joining *j;
    int *joined, *again;
    int rc; /* of the first that cannot be joined: the others are */
    struct err err;
};

static int see_export(void *arg, const char *line, struct err *err)
{
    bool *exported = arg;
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    *exported |= r.kind == CUSTODY_EXPORTED;
    custody_record_clear(&r);
    return ERR_OK;
}

/* In the transaction of the join. Nothing, if its copies are still to be made, or were made anew
 * before. */
static int make_again(const struct intake_joining *j, struct catalogue_transfer *t, bool *again,
                      struct err *err)
{
    static const struct custody_what what = {
        .stage = CONVERT, .why = "the tracker's account came after the copies were made"};
    int64_t done_us = 0;
    bool exported = false;
    *again = false;
    int rc = catalogue_done_get(j->c, t->key, CONVERT, &done_us, err);
    if (rc < 0 || done_us == 0 || t->remade != CATALOGUE_NOT_REMADE)
        return rc;
    rc = catalogue_event_each(j->c, t->id, see_export, &exported, err);
    if (rc < 0)
        return rc;
    *again = true;
    t->remade = exported ? CATALOGUE_REMADE_BESIDE : CATALOGUE_REMADE;
    rc = catalogue_transfer_update(j->c, t, err);
    if (rc == ERR_OK)
        rc = catalogue_owe_again(j->c, t->key, CONVERT, clock_utc_us(), err);
    return rc < 0 ? rc : intake_note(j->c, t->id, j->who, CUSTODY_PUBLISHED, &what, err);
}

static int put_job(const char *root, const char *id, struct err *err)
{
    struct intake_feeds feeds = {.n = 0};
    struct intake_text text;
    struct spool_item job = intake_job(id, &text);
    int rc = intake_feeds_open(&feeds, root, NULL, 0, err);
    if (rc == ERR_OK)
        rc = intake_put(&feeds, &job, 1, err);
    intake_feeds_close(&feeds);
    return rc;
}

static int join_one(void *arg, const struct catalogue_transfer *of, struct err *err)
{
    struct pass *p = arg;
    struct catalogue_transfer t;
    struct journey_joined joined = {.records = 0};
    bool again = false;
    if (of->state != CATALOGUE_STORED)
        return ERR_OK; /* when it is whole */
    int rc = catalogue_begin(p->j->c, err);
    if (rc < 0)
        return rc;
    rc = catalogue_transfer_get(p->j->c, of->id, &t, err);
    if (rc == ERR_OK)
        rc = journey_join(p->j->c, p->j->records, &t, p->j->window_us, p->j->who, &joined, err);
    if (rc == ERR_OK && joined.near > 0)
        rc = make_again(p->j, &t, &again, err);
    rc = catalogue_end(p->j->c, rc, err);
    if (rc < 0) {
        if (err_is_temporary(rc))
            return rc;
        if (rc != ERR_NOTFOUND && p->rc == ERR_OK) { /* else somebody removed it meanwhile */
            p->rc = rc;
            p->err = *err;
        }
        return ERR_OK;
    }
    if (joined.added > 0 || joined.event_new) {
        ++*p->joined;
        log_info(p->j->who, "joined", LOG_TEXT("id", t.id), LOG_INT("records", joined.records),
                 LOG_BOOL("event", joined.event), LOG_BOOL("copies_again", again));
        if (joined.full)
            log_warn(p->j->who, "too many records around a clip, the rest is left out of it",
                     LOG_TEXT("id", t.id), LOG_TEXT("imei", t.imei),
                     LOG_INT("records", joined.records));
    }
    *p->again += again;
    return again ? put_job(p->j->root, t.id, err) : ERR_OK;
}

static int join_all(const struct intake_joining *j, const struct catalogue_filter *of, int *joined,
                    int *again, struct err *err)
{
    struct pass p = {.j = j, .joined = joined, .again = again};
    *joined = *again = 0;
    int rc = catalogue_transfer_each(j->c, of, join_one, &p, err);
    if (rc == ERR_OK && p.rc < 0)
        *err = p.err;
    return rc < 0 ? rc : p.rc;
}

int intake_join(const struct intake_joining *j, int *joined, int *again, struct err *err)
{
    /* the record of its event may be further away than all others */
    const int64_t around_us = JOURNEY_AROUND_US + j->window_us;
    const struct catalogue_filter near = {
        .imei = j->imei,
        .since_us = j->from_ms * 1000 - around_us - CLIP_US_MAX,
        .until_us = j->until_ms * 1000 + around_us + 1000,
        .states = 1u << CATALOGUE_STORED,
    };
    return join_all(j, &near, joined, again, err);
}

int intake_join_all(const char *root, int64_t window_us, const char *who, int *joined, int *again,
                    struct err *err)
{
    static const struct catalogue_filter all = {.states = 1u << CATALOGUE_STORED};
    struct intake_joining j = {.root = root, .window_us = window_us, .who = who};
    *joined = *again = 0;
    int rc = catalogue_open(&j.c, root, false, err);
    if (rc == ERR_OK)
        rc = records_open(&j.records, root, RECORDS_READ, err);
    if (rc == ERR_OK)
        rc = join_all(&j, &all, joined, again, err);
    records_close(&j.records);
    catalogue_close(&j.c);
    return rc;
}
