/* Events of which nothing whole came: the camera broke off, and is not heard of any more. Nothing
 * else has a job of theirs. */
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/spool_upkeep.h"
#include "worker.h"

#define LOOK_EVERY_US (60 * INT64_C(1000000))
#define OLD_US        (7 * 86400 * INT64_C(1000000)) /* what nobody looked at before stays */

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
        rc = intake_published(w->catalogue, t->id, w->stage->name, err);
    if (rc == ERR_OK)
        return catalogue_commit(w->catalogue, err);
    catalogue_rollback(w->catalogue);
    return rc;
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
