/* A transfer's row, lines in its custody, its job in the spool. */
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/raw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>

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

int intake_stores_opened(struct catalogue *c, struct raw *raw, struct err *err)
{
    int64_t top;
    int rc = raw_highest_key(raw, NULL, &top, err);
    return rc < 0 ? rc : catalogue_keys_above(c, top, err);
}

int intake_transfer_add(struct catalogue *c, struct raw *raw, struct catalogue_transfer *row,
                        struct err *err)
{
    int64_t top;
    int rc = raw_highest_key(raw, row->day, &top, err);
    if (rc == ERR_OK)
        rc = catalogue_keys_above(c, top, err);
    return rc < 0 ? rc : catalogue_transfer_add(c, row, err);
}

int64_t intake_free_bytes(const char *root)
{
    struct statvfs vfs;
    if (statvfs(root, &vfs) < 0)
        return INT64_MAX; /* the first write will tell */
    return (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize;
}

struct raw_facts intake_facts(const struct catalogue_transfer *row)
{
    const struct catalogue_wire *w = &row->wire;
    return (struct raw_facts){.id = row->id,
                              .imei = row->imei,
                              .camera = row->camera,
                              .kind = row->kind,
                              .source = row->source,
                              .arrived_us = row->arrived_us,
                              .length_bytes = row->length_bytes,
                              .init = w->init,
                              .init_bytes = w->init_n,
                              .meta = w->meta,
                              .meta_bytes = w->meta_n,
                              .start = w->start,
                              .start_bytes = w->start_n,
                              .path = w->path,
                              .path_bytes = w->path_n};
}

int intake_note(struct catalogue *c, const char *id, const char *who, enum custody_kind event,
                const struct custody_what *what, struct err *err)
{
    char by[64];
    snprintf(by, sizeof by, "dashspool " DASHSPOOL_VERSION " %s", who);
    return catalogue_event_note(c, id, clock_utc_us(), event, by, what, err);
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

static int mark(struct catalogue *c, const char *id, const char *who, struct err *err)
{
    struct catalogue_transfer row;
    int rc = catalogue_transfer_get(c, id, &row, err);
    if (rc < 0 || row.published)
        return rc;
    row.published = true;
    rc = catalogue_transfer_update(c, &row, err);
    return rc < 0 ? rc
                  : intake_note(c, id, who, CUSTODY_PUBLISHED, &(struct custody_what){.from = NULL},
                                err);
}

int intake_published(struct catalogue *c, const char *id, const char *who, struct err *err)
{
    bool own = !catalogue_in_transaction(c);
    int rc = own ? catalogue_begin(c, err) : ERR_OK;
    if (rc < 0)
        return rc;
    rc = mark(c, id, who, err);
    return own ? catalogue_end(c, rc, err) : rc;
}

/* ---- jobs that were lost ---- */

struct losing {
    struct catalogue *c;
    const struct spools *spools;
    catalogue_each_fn *fn;
    void *arg;
    int64_t late_us;
    bool worked; /* of the one that is looked at */
};

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
    return l->fn(l->arg, t, err);
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

int intake_lost_each(struct catalogue *c, const struct spools *spools, catalogue_each_fn *fn,
                     void *arg, struct err *err)
{
    struct losing l = {c, spools, fn, arg, clock_utc_us() - INTAKE_LATE_US, false};
    struct catalogue_filter unworked = {.unworked = true};
    return catalogue_transfer_each(c, &unworked, look_for_job, &l, err);
}

int intake_unpublish(struct catalogue *c, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_transfer row = *t;
    row.published = false;
    return t->published ? catalogue_transfer_update(c, &row, err) : ERR_OK;
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
        rc = intake_published(l->c, t->id, l->who, err);
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
