/* The jobs of all stages, by state and age; who works at them; why they failed. */
#include "dashspool/spool_survey.h"
#include "status_internal.h"
#include <stdio.h>
#include <string.h>

const int64_t status_age_limits_s[AGES - 1] = {60, 300, 3600, 86400, 7 * 86400};
const char *const status_job_states[JOB_STATES] = {"ready", "waiting", "claimed", "failed"};

struct survey {
    struct status *s;
    struct locks *locks;
    size_t stage;
};

size_t status_stage_find(const struct status *s, const char *name)
{
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++)
        if (strcmp(LIST_AT(&s->stage, struct stage, i)->name, name) == 0)
            return i;
    return SIZE_MAX;
}

static int add_stage(struct status *s, const struct stages_stage *known, const char *name,
                     struct err *err)
{
    struct stage st = {.kind = STAGES_EXEC};
    snprintf(st.name, sizeof st.name, "%s", name);
    if (known) {
        st.kind = known->kind;
        st.known = true;
        st.enabled = known->enabled;
        st.workers = known->workers;
    }
    return buf_append(&s->stage, &st, sizeof st, err);
}

/* ---- one job ---- */

static void count(struct jobs *j, int64_t since_us, int64_t now_us)
{
    int64_t age_s = (now_us - since_us) / 1000000;
    int at = 0;
    while (at < AGES - 1 && age_s >= status_age_limits_s[at])
        at++;
    j->of_age[at]++;
    j->n++;
    if (j->oldest_us == 0 || since_us < j->oldest_us)
        j->oldest_us = since_us;
}

static void take_failure(struct survey *v, const struct spool_sight *job, const char *stage)
{
    struct error e = {.kind = ERROR_JOB, .n = 1, .last_us = job->changed_us};
    if (job->changed_us < v->s->now_us - STATUS_DAY_US)
        return;
    snprintf(e.stage, sizeof e.stage, "%s", stage);
    format_clean(e.what, sizeof e.what, job->why[0] ? job->why : "reason unknown (no reason.txt)");
    snprintf(e.example, sizeof e.example, "%s", job->job);
    if (strcmp(stage, "convert") == 0)
        snprintf(e.advice, sizeof e.advice, "'dashspool retry --all', or 'drop'");
    else
        snprintf(e.advice, sizeof e.advice, "dashspool retry --stage %.64s --all, or drop", stage);
    status_error_add(v->s, &e);
}

static int take_claim(struct survey *v, const struct spool_sight *job, struct claim *c,
                      struct err *err)
{
    *c = (struct claim){.since_us = job->changed_us, .attempt = job->attempt, .stage = v->stage};
    snprintf(c->job, sizeof c->job, "%s", job->job);
    c->alive = locks_held(v->locks, job->lock, &c->pid);
    if (c->alive)
        LIST_AT(&v->s->stage, struct stage, v->stage)->alive++;
    if (LIST_COUNT(&v->s->claims, struct claim) >= CLAIMS_MAX)
        return ERR_OK;
    return buf_append(&v->s->claims, c, sizeof *c, err);
}

static void keep_if_oldest(struct survey *v, const struct spool_sight *job, enum job_state state,
                           const struct claim *c)
{
    struct oldest *o = &v->s->oldest;
    if (o->kind != OLDEST_NONE && o->since_us <= job->put_us)
        return;
    *o = (struct oldest){.kind = OLDEST_JOB,
                         .state = state,
                         .stage = v->stage,
                         .since_us = job->put_us,
                         .due_us = job->due_us,
                         .claimed_us = c->since_us,
                         .attempt = job->attempt,
                         .alive = c->alive,
                         .pid = c->pid};
    snprintf(o->id, sizeof o->id, "%s", job->job);
    format_clean(o->why_before, sizeof o->why_before, job->why);
}

static int take_job(void *arg, const struct spool_sight *job, struct err *err)
{
    struct survey *v = arg;
    struct stage *stage = LIST_AT(&v->s->stage, struct stage, v->stage);
    struct claim claim = {0};
    int64_t now_us = v->s->now_us;
    int rc = ERR_OK;
    bool waits = job->due_us > now_us && job->due_us <= now_us + SPOOL_LATER_MS_MAX * 1000;
    enum job_state state = job->place == SPOOL_PLACE_FAILED    ? JOB_FAILED
                           : job->place == SPOOL_PLACE_CLAIMED ? JOB_CLAIMED
                           : waits                             ? JOB_WAITING
                                                               : JOB_READY;
    count(&stage->jobs[state], state == JOB_FAILED ? job->changed_us : job->put_us, now_us);
    if (state == JOB_FAILED)
        take_failure(v, job, stage->name);
    if (state == JOB_CLAIMED)
        rc = take_claim(v, job, &claim, err);
    if (state != JOB_FAILED)
        keep_if_oldest(v, job, state, &claim);
    return rc;
}

/* ---- all ---- */

/* A stage that the configuration has no more may have jobs all the same. */
static int add_unknown(void *arg, const char *name, struct err *err)
{
    struct status *s = arg;
    return status_stage_find(s, name) == SIZE_MAX ? add_stage(s, NULL, name, err) : ERR_OK;
}

static int find_stages(struct status *s, struct err *err)
{
    const struct stages_stage *known;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && (known = stages_at(s->stages, i)) != NULL; i++)
        rc = add_stage(s, known, known->name, err);
    if (rc < 0)
        return rc;
    rc = spool_stages(s->root, add_unknown, s, err);
    if (rc < 0 && rc != ERR_NOMEM) {
        status_problem_add(s, "check owner and permissions", "%s", err->text);
        rc = ERR_OK;
    }
    return rc;
}

int collect_jobs(struct status *s, struct err *err)
{
    struct survey v = {.s = s};
    int rc = find_stages(s, err);
    if (rc == ERR_OK)
        rc = locks_read(&v.locks, err);
    for (; rc == ERR_OK && v.stage < LIST_COUNT(&s->stage, struct stage); v.stage++) {
        char name[SPOOL_NAME_ROOM];
        snprintf(name, sizeof name, "%s", LIST_AT(&s->stage, struct stage, v.stage)->name);
        rc = spool_survey(s->root, name, s->now_us - STATUS_DAY_US, take_job, &v, err);
        if (rc < 0 && rc != ERR_NOMEM) {
            status_problem_add(s, "check owner and permissions", "%s", err->text);
            rc = ERR_OK;
        }
    }
    locks_free(&v.locks);
    return rc;
}
