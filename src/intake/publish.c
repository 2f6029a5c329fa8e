/* A transfer's row, lines in its custody, its job in the spool. */
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/intake.h"
#include "dashspool/raw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

int intake_check_limits(struct err *err)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_FSIZE, &r) < 0 || r.rlim_cur == RLIM_INFINITY)
        return ERR_OK;
    return err_set(err, ERR_CONFIG,
                   "files are limited to %llu KiB, and a day's file grows beyond any limit; "
                   "remove it (ulimit -f unlimited, LimitFSIZE=infinity)",
                   (unsigned long long)r.rlim_cur >> 10);
}

int intake_holds(struct raw *raw, const struct catalogue_transfer *t, bool *out, struct err *err)
{
    int64_t length = 0;
    bool sealed = false;
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    *out = false;
    int rc = raw_stat(raw, t->day, t->key, &length, &sealed, sha256, err);
    if (rc < 0)
        return err_is_temporary(rc) ? rc : ERR_OK; /* nothing is there, or nothing that is whole */
    hash_hex(sha256, hex);
    *out = t->state == CATALOGUE_STORED && sealed && length == t->length_bytes &&
           strcmp(hex, t->sha256) == 0;
    return ERR_OK;
}

int intake_note(struct catalogue *c, const char *id, const char *who, enum custody_kind event,
                const struct custody_what *what, struct err *err)
{
    char by[256]; /* a person's name may be in it */
    snprintf(by, sizeof by, "dashspool " DASHSPOOL_VERSION " %s", who);
    return catalogue_event_note(c, id, CATALOGUE_NOW, event, by, what, err);
}

int intake_record(struct catalogue *c, const struct catalogue_transfer *row, unsigned scopes,
                  const char *who, enum custody_kind event, const struct custody_what *what,
                  struct err *err)
{
    struct facts_record r;
    struct custody_what all = *what;
    int rc = facts_record(&r, &all, c, row, scopes, err);
    if (rc == ERR_OK)
        rc = intake_note(c, row->id, who, event, &all, err);
    facts_record_clear(&r);
    return rc;
}

void intake_feeds_close(struct intake_feeds *feeds)
{
    for (size_t i = 0; i < feeds->n; i++)
        spool_close(&feeds->spool[i]);
    feeds->n = 0;
}

int intake_feeds_open(struct intake_feeds *feeds, const char *root, const char *const *stages,
                      size_t n, struct err *err)
{
    static const char *const convert[] = {"convert"};
    int rc = n > INTAKE_FEEDS_MAX ? err_set(err, ERR_LIMIT, "%zu stages behind one", n) : ERR_OK;
    stages = n > 0 ? stages : convert;
    n = n > 0 ? n : 1;
    for (feeds->n = 0; rc == ERR_OK && feeds->n < n; feeds->n += rc == ERR_OK)
        rc = spool_open(&feeds->spool[feeds->n], root, stages[feeds->n], err);
    if (rc < 0)
        intake_feeds_close(feeds);
    return rc;
}

int intake_put(const struct intake_feeds *feeds, const struct spool_item *items, size_t n,
               struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < feeds->n; i++)
        rc = n == 1 ? spool_put(feeds->spool[i], items->job, items->json, items->n, err)
                    : spool_put_all(feeds->spool[i], items, n, err);
    return rc;
}

struct spool_item intake_job(const char *id, struct intake_text *text)
{
    int n = snprintf(text->json, sizeof text->json, "{\"version\": 1, \"id\": \"%s\"}\n", id);
    return (struct spool_item){id, text->json, (size_t)n};
}

struct spool_item intake_job_of_partial(const char *id, struct intake_text *text)
{
    struct spool_item item = intake_job(id, text);
    snprintf(text->name, sizeof text->name, "%s" SPOOL_PARTIAL, id);
    item.job = text->name;
    return item;
}

static int mark(struct catalogue *c, const struct intake_feeds *feeds, const char *id,
                const char *who, struct err *err)
{
    struct catalogue_transfer row;
    int rc = catalogue_transfer_get(c, id, &row, err);
    if (rc < 0 || row.published)
        return rc;
    row.published = true;
    rc = catalogue_transfer_update(c, &row, err);
    for (size_t i = 0; rc == ERR_OK && feeds && i < feeds->n; i++)
        rc = catalogue_owe(c, row.key, spool_stage(feeds->spool[i]), clock_utc_us(), err);
    return rc < 0 ? rc
                  : intake_note(c, id, who, CUSTODY_PUBLISHED, &(struct custody_what){.from = NULL},
                                err);
}

int intake_published(struct catalogue *c, const struct intake_feeds *feeds, const char *id,
                     const char *who, struct err *err)
{
    bool own = !catalogue_in_transaction(c);
    int rc = own ? catalogue_begin(c, err) : ERR_OK;
    if (rc < 0)
        return rc;
    rc = mark(c, feeds, id, who, err);
    return own ? catalogue_end(c, rc, err) : rc;
}

/* ---- jobs that were lost: what a stage has to do ---- */

struct losing {
    struct catalogue *c;
    const struct spools *spools;
    const struct spools_known *stages;
    intake_lost_fn *fn;
    void *arg;
    const struct catalogue_transfer *t; /* that is looked at */
    int64_t late_us;
    bool worked; /* it is */
};

/* One that is done and has its job yet hands it on. */
static int is_handed_on(const struct losing *l, const char *to, bool *out, struct err *err)
{
    int rc = ERR_OK;
    *out = false;
    for (size_t i = 0; rc == ERR_OK && !*out && i < l->spools->n; i++) {
        const struct spools_one *one = &l->spools->one[i];
        enum spool_place place = SPOOL_PLACE_NONE;
        int64_t done_us = 0;
        if (strcmp(one->stage, to) == 0)
            continue;
        rc = spool_find(one->spool, l->t->id, &place, err);
        if (rc == ERR_OK && place != SPOOL_PLACE_NONE)
            rc = catalogue_done_get(l->c, l->t->key, one->stage, &done_us, err);
        *out = done_us != 0;
    }
    return rc;
}

static int has_job(const struct losing *l, const char *stage, bool *out, struct err *err)
{
    enum spool_place place = SPOOL_PLACE_NONE;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < l->spools->n; i++)
        if (strcmp(l->spools->one[i].stage, stage) == 0)
            for (int n = 0; n < 2 && rc == ERR_OK && place == SPOOL_PLACE_NONE; n++)
                rc = spool_find(l->spools->one[i].spool, l->t->id, &place, err); /* it may move */
    *out = place != SPOOL_PLACE_NONE;
    return rc;
}

/* In the order in which a job goes: put, then gone where it was; done, then gone. */
static int look_at_stage(void *arg, const struct catalogue_done *d, struct err *err)
{
    struct losing *l = arg;
    bool found = false, owed = false;
    if (d->attempt != 0 || !spools_configured(l->stages, d->stage))
        return ERR_OK;
    int rc = is_handed_on(l, d->stage, &found, err);
    if (rc == ERR_OK && !found)
        rc = has_job(l, d->stage, &found, err);
    if (rc == ERR_OK && !found)
        rc = catalogue_is_owed(l->c, l->t->key, d->stage, &owed, err);
    return rc < 0 || !owed ? rc : l->fn(l->arg, l->t, d->stage, err);
}

static int look_at_owed(void *arg, int64_t key, struct err *err)
{
    struct losing *l = arg;
    struct catalogue_transfer t;
    bool found = false;
    int rc = catalogue_transfer_by_key(l->c, key, &t, &found, err);
    if (rc < 0 || !found || t.state != CATALOGUE_STORED || !t.published)
        return rc == ERR_MALFORMED ? ERR_OK : rc; /* others tell it; or it is put in any case */
    l->t = &t;
    return catalogue_done_each(l->c, key, look_at_stage, l, err);
}

/* ---- jobs that were lost: where nothing is known of stages ---- */

/* Copies may be gone by a rule, and a job by somebody's word. */
static int see_work(void *arg, const char *line, struct err *err)
{
    struct losing *l = arg;
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    l->worked |=
        r.kind == CUSTODY_CONVERTED || r.kind == CUSTODY_COPY_DELETED || r.kind == CUSTODY_DROPPED;
    if (r.kind == CUSTODY_STORED) /* before that it was of a part */
        l->worked = false;
    custody_record_clear(&r);
    return ERR_OK;
}

static int still_unworked(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct losing *l = arg;
    return l->fn(l->arg, t, NULL, err);
}

static int look_for_job(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct losing *l = arg;
    struct spools_found jobs;
    const struct catalogue_filter again = {.id = t->id, .unworked = true};
    int64_t ended_us = t->completed_us ? t->completed_us : t->arrived_us;
    if (!t->published && ended_us > l->late_us)
        return ERR_OK;
    int rc = spools_find(l->spools, t->id, &jobs, err);
    if (rc < 0 || jobs.ready || jobs.claimed || jobs.failed)
        return rc;
    l->worked = false;
    rc = catalogue_event_each(l->c, t->id, see_work, l, err);
    if (rc < 0 || l->worked)
        return rc;
    /* Its job may have ended between two looks. */
    return catalogue_transfer_each(l->c, &again, still_unworked, l, err);
}

int intake_lost_each(struct catalogue *c, const struct spools *spools,
                     const struct spools_known *stages, intake_lost_fn *fn, void *arg,
                     struct err *err)
{
    struct losing l = {c, spools, stages, fn, arg, NULL, clock_utc_us() - INTAKE_LATE_US, false};
    struct catalogue_filter unworked = {.unworked = true};
    int rc = catalogue_owed_each(c, look_at_owed, &l, err);
    return rc < 0 ? rc : catalogue_transfer_each(c, &unworked, look_for_job, &l, err);
}

int intake_put_lost(struct catalogue *c, const char *root, const struct catalogue_transfer *t,
                    const char *stage, struct err *err)
{
    struct intake_text text;
    struct spool_item job = intake_job(t->id, &text);
    struct spool *spool = NULL;
    struct catalogue_transfer row = *t;
    row.published = false;
    if (!stage)
        return t->published ? catalogue_transfer_update(c, &row, err) : ERR_OK;
    int rc = spool_open(&spool, root, stage, err);
    if (rc == ERR_OK)
        rc = spool_put(spool, job.job, job.json, job.n, err);
    spool_close(&spool);
    return rc;
}

struct late {
    struct catalogue *c;
    const struct intake_feeds *feeds;
    const char *who;
    int n;
};

static int publish_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct late *l = arg;
    struct intake_text text;
    struct spool_item job = intake_job(t->id, &text);
    int rc = intake_put(l->feeds, &job, 1, err);
    if (rc == ERR_OK)
        rc = intake_published(l->c, l->feeds, t->id, l->who, err);
    l->n += rc == ERR_OK;
    return rc == ERR_NOTFOUND ? ERR_OK : rc; /* somebody removed it meanwhile */
}

int intake_publish_late(struct catalogue *c, const struct intake_feeds *feeds, const char *who,
                        int *n, struct err *err)
{
    struct late l = {c, feeds, who, 0};
    struct catalogue_filter unpublished = {.unpublished = true};
    int rc = catalogue_transfer_each(c, &unpublished, publish_one, &l, err);
    if (n)
        *n = l.n;
    return rc;
}
