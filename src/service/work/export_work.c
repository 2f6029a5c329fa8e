#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "worker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IN_FLIGHT_US_MAX (6 * 3600 * INT64_C(1000000)) /* then the receiver is no more */
#define LOOK_MS_MIN      1000                          /* at what is still in flight */
#define LOOK_MS_MAX      30000
#define LOOK_EVERY_US    (60 * INT64_C(1000000))
#define OLD_US           (7 * 86400 * INT64_C(1000000)) /* what nobody looked at before stays */

/* ---- is all of it there? ---- */

/* A receiver notes a little later that it put a job: one that is seen, or done, is put. */
static int is_put(const struct worker *w, const struct export_event_member *m, bool *out,
                  struct err *err)
{
    enum spool_place place;
    int64_t done_us;
    int rc = spool_find(w->spool, m->id, &place, err);
    *out = rc == ERR_OK && place != SPOOL_PLACE_NONE;
    if (rc == ERR_OK && !*out)
        rc = catalogue_done_get(w->catalogue, m->key, w->stage->name, &done_us, err);
    *out = *out || (rc == ERR_OK && done_us > 0);
    return rc;
}

static int is_on_its_way(const struct worker *w, const struct export_event_member *m,
                         int64_t now_us, bool *out, struct err *err)
{
    int rc = ERR_OK;
    bool put = m->published;
    *out = m->state == CATALOGUE_RECEIVING && now_us - m->arrived_us < IN_FLIGHT_US_MAX;
    /* In the order in which a job goes: it is put to the next stage before it leaves one. */
    for (size_t i = 0; rc == ERR_OK && !*out && i < w->n_before; i++) {
        enum spool_place place;
        rc = spool_find(w->before[i], m->id, &place, err);
        *out = rc == ERR_OK && (place == SPOOL_PLACE_READY || place == SPOOL_PLACE_CLAIMED);
        put = put || (rc == ERR_OK && place == SPOOL_PLACE_FAILED);
    }
    if (rc == ERR_OK && !*out && !put && m->state == CATALOGUE_STORED) {
        rc = is_put(w, m, &put, err);
        *out = !put;
    }
    return rc;
}

/* When the last thing happened to it; what is to come, by a clock that was wrong, counts for
 * nothing. */
static int last_of(const struct worker *w, const struct export_event_member *m, int64_t now_us,
                   int64_t *out, struct err *err)
{
    int rc = ERR_OK;
    *out = m->last_us <= now_us ? m->last_us : 0;
    for (size_t i = 0; rc == ERR_OK && i < w->n_before; i++) {
        int64_t done_us;
        rc = catalogue_done_get(w->catalogue, m->key, w->before_name[i], &done_us, err);
        if (rc == ERR_OK && done_us > *out && done_us <= now_us)
            *out = done_us;
    }
    return rc;
}

/* *wait_ms 0: nothing more is expected. */
static int judge_event(const struct worker *w, const struct export_event *event, int64_t *wait_ms,
                       struct err *err)
{
    int64_t now_us = clock_utc_us(), settle_us = w->policy.settle_us;
    int64_t look_ms = settle_us / 10000;
    int rc = ERR_OK;
    look_ms = look_ms < LOOK_MS_MIN ? LOOK_MS_MIN : look_ms > LOOK_MS_MAX ? LOOK_MS_MAX : look_ms;
    *wait_ms = 0;
    for (size_t i = 0; rc == ERR_OK && i < event->n; i++) {
        bool coming = false;
        int64_t last_us = 0;
        rc = is_on_its_way(w, &event->member[i], now_us, &coming, err);
        if (rc == ERR_OK)
            rc = last_of(w, &event->member[i], now_us, &last_us, err);
        int64_t ms = coming                         ? look_ms
                     : last_us + settle_us > now_us ? (last_us + settle_us - now_us) / 1000 + 1
                                                    : 0;
        *wait_ms = ms > *wait_ms ? ms : *wait_ms;
    }
    return rc;
}

/* ---- its package ---- */

static bool go_on(void *arg, const char *id, double done)
{
    const struct worker *w = arg;
    (void)id;
    (void)done;
    return !stop_requested(w->stop);
}

static void tell_cannot(void *arg, const char *id, const char *why)
{
    const struct worker *w = arg;
    log_warn(w->stage->name, "copies not made", LOG_TEXT("id", id), LOG_TEXT("reason", why));
}

static int packages_dir(const struct worker *w, char **out, struct err *err)
{
    const char *dir = w->policy.dir;
    char *named = NULL;
    int rc =
        dir[0] ? fsx_path(&named, err, "%s", dir) : fsx_path(&named, err, "%s/packages", w->root);
    if (rc == ERR_OK && (rc = fsx_mkdirs(named, err)) == ERR_OK && !(*out = realpath(named, NULL)))
        rc = err_sys(err, "%s", named);
    free(named);
    return rc;
}

struct held {
    struct worker *w;
    struct work *work;
};

static int may_note(void *arg, struct catalogue *catalogue, struct err *err)
{
    const struct held *h = arg;
    return worker_hold(h->w, h->work, catalogue, err);
}

/* With all copies; `ids` has room for all of the event, and for the words of the command. */
static int make_package(struct worker *w, struct work *work, const struct export_event *event,
                        const char **ids, struct err *err)
{
    struct work_completion completion = {
        .progress = go_on, .cannot = tell_cannot, .arg = w, .dir = spool_job_dir(work->job)};
    struct export_result result;
    struct held held = {w, work};
    struct export_request request = {.root = w->root,
                                     .ids = ids + 2,
                                     .who = w->policy.who,
                                     .sign_cert = w->policy.sign_cert,
                                     .sign_key = w->policy.sign_key,
                                     .tsa_url = w->policy.tsa_url,
                                     .command = ids,
                                     .cfg = w->cfg,
                                     .for_job = work->transfer.id,
                                     .may_note = may_note,
                                     .may_note_arg = &held,
                                     .no_protect = !w->policy.protect};
    char *dir = NULL, *path = NULL;
    bool adopted = false;
    int64_t began_us = clock_mono_us();
    ids[0] = "work";
    ids[1] = "--stage=export";
    for (size_t i = 0; i < event->n; i++)
        if (event->member[i].state != CATALOGUE_RECEIVING)
            ids[2 + request.n++] = event->member[i].id;
    request.n_command = 2 + request.n;
    int rc = work_complete(w->root, w->cfg, request.ids, request.n, &completion, err);
    request.at_us = clock_utc_us(); /* after the copies' */
    if (rc == ERR_OK && (rc = packages_dir(w, &dir, err)) == ERR_OK)
        rc = export_event_package(&request, event, dir, w->policy.zip, go_on, w, &result, &path,
                                  &adopted, err);
    if (rc == ERR_OK) {
        double took_s = (double)(clock_mono_us() - began_us) / 1e6;
        if (adopted)
            log_info(w->stage->name, "existing package recorded", LOG_TEXT("file", path));
        else
            log_info(w->stage->name, "package made", LOG_TEXT("file", path),
                     LOG_INT("transfers", result.transfers), LOG_INT("files", result.files),
                     LOG_SECONDS("seconds", took_s));
        if (result.no_stamp[0])
            log_warn(w->stage->name, "package not time-stamped, use dashspool attach-timestamp",
                     LOG_TEXT("file", path), LOG_TEXT("reason", result.no_stamp));
    }
    free(dir);
    free(path);
    return rc;
}

/* Unless another job of its event did it. */
static int pack(struct worker *w, struct work *work, struct err *err)
{
    char issued[EXPORT_EVENT_NAME_ROOM];
    struct export_event event = {.n = 0};
    const char **ids = NULL;
    int rc = export_event_issued(issued, w->catalogue, work->transfer.id, false, err);
    if (rc < 0 || issued[0]) {
        if (rc == ERR_OK)
            log_info(w->stage->name, "already packaged", LOG_TEXT("id", work->transfer.id),
                     LOG_TEXT("file", issued));
        return rc;
    }
    rc = export_event_find(&event, w->catalogue, &work->transfer, w->policy.window_us, err);
    if (rc == ERR_OK)
        rc = judge_event(w, &event, &work->wait_ms, err);
    if (rc == ERR_OK && work->wait_ms == 0) {
        ids = calloc(event.n + 3, sizeof *ids);
        rc = ids ? make_package(w, work, &event, ids, err) : err_nomem(err, "an event");
    }
    free(ids);
    export_event_clear(&event);
    return rc;
}

int export_work(struct worker *w, struct work *work, struct err *err)
{
    bool alone;
    if (work->of_partial && work->transfer.state != CATALOGUE_PARTIAL) {
        log_info(w->stage->name, "partial job skipped, the completed transfer has its own",
                 LOG_TEXT("id", work->transfer.id));
        return ERR_OK;
    }
    if (!export_policy_wants(&w->policy, work->transfer.trigger_name))
        return ERR_OK;
    int rc = spool_job_alone(w->spool, work->job, work->transfer.imei, false, &alone, err);
    if (rc == ERR_OK && !alone) /* one at a time of a vehicle */
        work->wait_ms = LOOK_MS_MIN;
    return rc < 0 || !alone ? rc : pack(w, work, err);
}

int export_find_package(struct worker *w, struct work *work, struct err *err)
{
    char name[EXPORT_EVENT_NAME_ROOM], *dir = NULL;
    free(work->package);
    work->package = NULL;
    int rc = export_event_issued(name, w->catalogue, work->transfer.id, true, err);
    if (rc < 0 || !name[0])
        return rc;
    rc = packages_dir(w, &dir, err);
    if (rc == ERR_OK)
        rc = fsx_path(&work->package, err, "%s/%s", dir, name);
    free(dir);
    return rc;
}

/* ---- events of which nothing whole came ----
 *
 * The camera broke off, and is not heard of any more. Nothing else has a job of theirs. */

struct twin {
    const struct catalogue_transfer *of;
    bool found;
};

static int see_twin(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct twin *twin = arg;
    (void)err;
    twin->found |= export_event_recording(t) == export_event_recording(twin->of);
    return ERR_OK;
}

/* Is it there as a whole? Its camera, which did not hear so, offered it once more. */
static int has_twin(const struct worker *w, const struct catalogue_transfer *t, bool *out,
                    struct err *err)
{
    struct twin twin = {.of = t};
    const struct catalogue_filter near = {.imei = t->imei,
                                          .states = 1U << CATALOGUE_STORED,
                                          .since_us = t->time_us,
                                          .until_us = t->time_us + 1};
    int rc = t->known & CATALOGUE_TIME_OK
                 ? catalogue_transfer_each(w->catalogue, &near, see_twin, &twin, err)
                 : ERR_OK;
    *out = twin.found;
    return rc;
}

/* Has it rested for long enough, and is it in no package yet? */
static int is_due(const struct worker *w, const struct catalogue_transfer *t, bool *out,
                  struct err *err)
{
    char issued[EXPORT_EVENT_NAME_ROOM] = "";
    bool twin = false;
    int64_t now_us = clock_utc_us();
    int64_t last_us = t->completed_us > t->arrived_us ? t->completed_us : t->arrived_us;
    *out = !t->published && last_us <= now_us - w->policy.broken_off_us &&
           last_us > now_us - w->policy.broken_off_us - OLD_US &&
           export_policy_wants(&w->policy, t->trigger_name);
    if (!*out)
        return ERR_OK;
    int rc = export_event_issued(issued, w->catalogue, t->id, false, err);
    if (rc == ERR_OK && !issued[0])
        rc = has_twin(w, t, &twin, err);
    *out = rc == ERR_OK && !issued[0] && !twin;
    return rc;
}

/* As it was a moment ago: what its camera goes on with has another job to come. */
static int mark(const struct worker *w, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_transfer now;
    int rc = catalogue_begin(w->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_transfer_get(w->catalogue, t->id, &now, err);
    if (rc == ERR_OK && now.state == CATALOGUE_PARTIAL && now.completed_us == t->completed_us)
        rc = intake_published(w->catalogue, NULL, t->id, w->stage->name, err);
    return catalogue_end(w->catalogue, rc, err);
}

static int enqueue_partial(const struct worker *w, const struct catalogue_transfer *t,
                           struct err *err)
{
    struct intake_text text;
    struct spool_item job = intake_job_of_partial(t->id, &text);
    bool due;
    int rc = is_due(w, t, &due, err);
    if (rc < 0 || !due)
        return rc;
    rc = spool_put(w->spool, job.job, job.json, job.n, err);
    if (rc == ERR_OK)
        rc = mark(w, t, err);
    if (rc == ERR_OK)
        log_info(w->stage->name, "partial transfer queued as is", LOG_TEXT("id", t->id));
    return rc;
}

/* One that cannot be read must not keep the others, nor the jobs that there are. */
static int look_at_partial(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    const struct worker *w = arg;
    int rc = enqueue_partial(w, t, err);
    if (rc < 0 && (err_is_temporary(rc) || stop_requested(w->stop)))
        return rc;
    if (rc < 0 && rc != ERR_NOTFOUND) /* else somebody removed it */
        log_warn(w->stage->name, "partial transfer not queued, will be retried",
                 LOG_TEXT("id", t->id), LOG_ERR(err));
    return ERR_OK;
}

void export_look_for_partials(struct worker *w)
{
    const struct catalogue_filter partials = {.states = 1U << CATALOGUE_PARTIAL};
    int64_t now_us = clock_mono_us();
    struct err err;
    if (w->policy.broken_off_us == 0 || (w->partials_us && now_us - w->partials_us < LOOK_EVERY_US))
        return;
    w->partials_us = now_us;
    if (catalogue_transfer_each(w->catalogue, &partials, look_at_partial, w, &err) < 0)
        log_warn(w->stage->name, "looking for partial transfers failed", LOG_ERR(&err));
}
