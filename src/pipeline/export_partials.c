/* Events of which nothing whole came: the camera broke off, and is not heard of any more. Nothing
 * else has a job of theirs. */
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/spool_upkeep.h"
#include "worker.h"

#define LOOK_EVERY_US (60 * INT64_C(1000000))

/* Has it rested for long enough, and is it in no package yet? */
static int is_due(const struct worker *w, const struct catalogue_transfer *t, int64_t now_us,
                  bool *out, struct err *err)
{
    char issued[EXPORT_EVENT_NAME_ROOM];
    int64_t last_us = t->completed_us > t->arrived_us ? t->completed_us : t->arrived_us;
    *out = !t->published && last_us <= now_us - w->policy.broken_off_us &&
           export_policy_wants(&w->policy, t->trigger_name);
    if (!*out)
        return ERR_OK;
    int rc = export_event_issued(issued, w->catalogue, t->id, false, err);
    *out = rc == ERR_OK && !issued[0];
    return rc;
}

static int look_at_partial(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct worker *w = arg;
    struct intake_text text;
    struct spool_item job = intake_job_of_partial(t->id, &text);
    bool due;
    int rc = is_due(w, t, clock_utc_us(), &due, err);
    if (rc < 0 || !due)
        return rc;
    rc = spool_put(w->spool, job.job, job.json, job.n, err);
    if (rc == ERR_OK)
        rc = intake_published(w->catalogue, t->id, w->stage->name, err);
    if (rc == ERR_OK)
        log_info(w->stage->name, "broke off, and is handed on as it is", LOG_TEXT("id", t->id));
    return rc == ERR_NOTFOUND ? ERR_OK : rc; /* somebody removed it meanwhile */
}

int export_look_for_partials(struct worker *w, struct err *err)
{
    const struct catalogue_filter partials = {.states = 1U << CATALOGUE_PARTIAL};
    int64_t now_us = clock_mono_us();
    if (w->policy.broken_off_us == 0 || (w->partials_us && now_us - w->partials_us < LOOK_EVERY_US))
        return ERR_OK;
    w->partials_us = now_us;
    return catalogue_transfer_each(w->catalogue, &partials, look_at_partial, w, err);
}
