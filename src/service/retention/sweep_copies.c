/* sweep: copies alone, and failed jobs. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "sweep_internal.h"
#include "upkeep/files.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- copies ---- */

struct gathering {
    struct sweep *s;
    const struct catalogue_transfer *t;
    struct buf *list;
};

static int gather_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct gathering *g = arg;
    const struct catalogue_transfer *t = g->t;
    int rule = rules_find(&g->s->copies, t->kind, t->camera, t->imei, copy->kind);
    if (rule < 0 || g->s->copies.rule[rule].forever)
        return ERR_OK;
    struct candidate c = {t->key, copy->made_us,       copy->length_bytes,
                          rule,   sweep_pool(rule, t), strdup(copy->path)};
    int rc = c.path ? buf_append(g->list, &c, sizeof c, err)
                    : err_set(err, ERR_NOMEM, "no memory for a list of copies");
    if (rc < 0)
        free(c.path);
    return rc;
}

static int gather(void *arg, int64_t key, struct err *err)
{
    struct gathering *g = arg;
    struct catalogue_transfer t;
    bool found = false;
    char name[40];
    snprintf(name, sizeof name, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(g->s->catalogue, key, &t, &found, err);
    g->t = &t;
    if (rc == ERR_OK && found)
        rc = catalogue_copy_each(g->s->catalogue, key, gather_copy, g, err);
    return sweep_trouble(g->s, name, rc, err);
}

struct wanted {
    const char *path;
    struct catalogue_copy copy;
    bool found;
};

static int find_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct wanted *w = arg;
    (void)err;
    if (strcmp(copy->path, w->path) == 0) {
        w->copy = *copy;
        w->found = true;
    }
    return ERR_OK;
}

static int delete_copy(struct sweep *s, const char *id, const struct catalogue_copy *copy,
                       const char *why, struct err *err)
{
    char *path = NULL;
    if (!files_archived_ok(copy->path))
        return err_set(err, ERR_MALFORMED, "'%.200s' is no place for a copy", copy->path);
    int rc = fsx_path(&path, err, "%s/%s", s->root, copy->path);
    if (rc == ERR_OK)
        rc = files_delete(path, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_remove(s->catalogue, copy->path, err);
    free(path);
    if (rc < 0)
        return rc;
    json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "copy", copy->kind, "path", copy->path, "sha256",
                          copy->sha256, "why", why);
    char *what = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return sweep_note(s, id, "copy-deleted", what, err);
}

/* In the transaction; *stay SWEEP_GOES with w->found: it went. */
static int look_and_delete(struct sweep *s, const struct candidate *c, const char *why,
                           struct wanted *w, enum sweep_stay *stay, struct err *err)
{
    struct catalogue_transfer t;
    bool found = false;
    int rc = catalogue_transfer_by_key(s->catalogue, c->key, &t, &found, err);
    if (rc == ERR_OK && found)
        rc = catalogue_copy_each(s->catalogue, c->key, find_copy, w, err);
    if (rc == ERR_OK && w->found)
        rc = sweep_copy_may_go(s, &t, stay, err);
    if (rc == ERR_OK && w->found && *stay == SWEEP_GOES && !s->dry_run)
        rc = delete_copy(s, t.id, &w->copy, why, err);
    return rc;
}

static int take_copy(struct sweep *s, const struct candidate *c, const char *why, int64_t *freed,
                     struct err *err)
{
    struct wanted w = {.path = c->path};
    enum sweep_stay stay = SWEEP_GOES;
    int rc = s->dry_run ? ERR_OK : catalogue_begin(s->catalogue, err);
    if (rc < 0)
        return rc;
    rc = look_and_delete(s, c, why, &w, &stay, err);
    bool gone = rc == ERR_OK && w.found && stay == SWEEP_GOES;
    if (!s->dry_run && gone)
        rc = catalogue_commit(s->catalogue, err);
    else if (!s->dry_run)
        catalogue_rollback(s->catalogue);
    if (rc < 0)
        return sweep_trouble(s, c->path, rc, err);
    sweep_count_stay(s, stay);
    if (gone) {
        *freed = c->bytes > 0 ? c->bytes : 1;
        s->out->copies++;
        sweep_tell(s, &(struct retention_swept){"copy", c->path, NULL, why, c->bytes});
    }
    return ERR_OK;
}

int sweep_copies(struct sweep *s, struct err *err)
{
    struct buf list;
    struct gathering g = {s, NULL, &list};
    if (s->copies.n == 0)
        return ERR_OK;
    buf_init(&list, SWEEP_LIST_MAX);
    int rc = catalogue_key_each(s->catalogue, gather, &g, err);
    if (rc == ERR_OK)
        rc = sweep_judge(s, &list, &s->copies, take_copy, err);
    sweep_list_clear(&list);
    return rc;
}

/* ---- failed jobs ---- */

struct failed {
    struct sweep *s;
    const struct spools_one *stage;
};

static char *bare_words(const char *stage)
{
    json_t *o = json_pack("{s:s}", "stage", stage);
    char *what = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    return what;
}

/* The custody of transfer `id` says so; NULL: there is none any more. */
static int drop_job(struct failed *f, const struct spool_found *job, const char *id,
                    const char *why, struct err *err)
{
    int rc = ERR_OK;
    if (!f->s->dry_run && id) {
        json_t *o = json_pack("{s:s, s:s, s:s}", "stage", f->stage->stage, "why", why, "failed",
                              job->reason);
        char *what = o ? json_dumps(o, JSON_COMPACT)
                       : bare_words(f->stage->stage); /* the reason is no text */
        json_decref(o);
        rc = sweep_note(f->s, id, "dropped", what, err);
    }
    if (rc == ERR_OK && !f->s->dry_run)
        rc = spool_drop(f->stage->spool, job->job, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND || rc == ERR_BUSY ? ERR_OK
                                                    : sweep_trouble(f->s, job->job, rc, err);
    f->s->out->jobs++;
    sweep_tell(f->s, &(struct retention_swept){"failed job", job->job, f->stage->stage, why, 0});
    return ERR_OK;
}

struct last_event {
    char event[CUSTODY_EVENT_ROOM];
};

static int see_event(void *arg, const char *line, struct err *err)
{
    struct last_event *last = arg;
    json_t *json = json_loads(line, 0, NULL);
    const char *event = json_string_value(json_object_get(json, "event"));
    (void)err;
    snprintf(last->event, sizeof last->event, "%s", event ? event : "");
    json_decref(json);
    return ERR_OK;
}

static int look_at_job(void *arg, const struct spool_found *job, struct err *err)
{
    struct failed *f = arg;
    struct catalogue_transfer t;
    struct last_event last = {""};
    char id[CATALOGUE_ID_ROOM];
    intake_job_id(job->job, id);
    int rc = catalogue_transfer_get(f->s->catalogue, id, &t, err);
    if (rc == ERR_NOTFOUND) { /* of one that was deleted; else somebody should look */
        rc = catalogue_event_each(f->s->catalogue, id, see_event, &last, err);
        if (rc == ERR_OK && strcmp(last.event, "deleted") == 0)
            return drop_job(f, job, NULL, "its transfer was deleted", err);
        return sweep_trouble(f->s, job->job, rc, err);
    }
    if (rc < 0)
        return sweep_trouble(f->s, job->job, rc, err);
    int rule = rules_find(&f->s->jobs, t.kind, t.camera, t.imei, "");
    if (rule < 0 || f->s->jobs.rule[rule].forever ||
        f->s->now_us - job->changed_us <= f->s->jobs.rule[rule].age_us)
        return ERR_OK;
    bool kept;
    rc = catalogue_protected(f->s->catalogue, t.key, &kept, err);
    if (rc < 0 || kept) {
        f->s->out->protected += rc == ERR_OK;
        return sweep_trouble(f->s, job->job, rc, err);
    }
    return drop_job(f, job, id, f->s->jobs.rule[rule].text, err);
}

/* They keep their originals, for ever if nobody looks. */
static int note_left_over(struct sweep *s, const struct spools_one *one, struct err *err)
{
    char where[SPOOL_NAME_ROOM + 16], what[160];
    struct spool_count n;
    if (spools_configured(s->stages, one->stage) || !s->listener->note)
        return ERR_OK;
    int rc = spool_count(one->spool, &n, err);
    if (rc < 0 || n.ready + n.claimed + n.failed == 0)
        return rc;
    snprintf(where, sizeof where, "spool/%s", one->stage);
    snprintf(what, sizeof what,
             "a stage that the settings do not have: %d jobs wait there, and keep their originals; "
             "%d failed",
             n.ready + n.claimed, n.failed);
    s->listener->note(s->listener->arg, where, what);
    return ERR_OK;
}

int sweep_jobs(struct sweep *s, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < s->spools.n && !sweep_ended(s); i++) {
        struct failed f = {s, &s->spools.one[i]};
        rc = spool_each(f.stage->spool, SPOOL_PLACE_FAILED, look_at_job, &f, err);
        if (rc == ERR_OK)
            rc = note_left_over(s, f.stage, err);
    }
    return rc;
}
