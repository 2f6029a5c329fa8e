/* Who works, and at what: `run` and its processes, `receive`, the jobs of all stages. */
#include "dashspool/fsx.h"
#include "page.h"
#include "status_internal.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OLD_US = 10 * 1000000, /* the receiver writes its file every second */
    PROCESSES_MAX = 2048,
};

const char *const status_lives[] = {[LIFE_STOPPED] = "stopped",
                                    [LIFE_RUNNING] = "running",
                                    [LIFE_CRASHED] = "dead",
                                    [LIFE_STUCK] = "stuck"};

/* ---- run ---- */

static int take_process(struct status *s, const json_t *o, struct err *err)
{
    struct process p = {.pid = (int)file_number(o, "pid", 0),
                        .since_us = file_time_us(o, "since"),
                        .waits_until_us = file_time_us(o, "waits_until"),
                        .ended_us = file_time_us(o, "ended"),
                        .repeated = file_number(o, "every_ms", 0) > 0,
                        .ends_of_the_day = file_number(o, "ends_of_the_day", 0)};
    file_text(o, "name", p.name, sizeof p.name);
    file_text(o, "stage", p.stage, sizeof p.stage);
    file_text(o, "how", p.how, sizeof p.how);
    if (p.ended_us < s->now_us - STATUS_DAY_US)
        p.ends_of_the_day = 0;
    if (s->run != LIFE_RUNNING)
        p.pid = 0;
    p.frozen = process_frozen(p.pid);
    if (p.ends_of_the_day > 0) {
        struct error e = {.kind = ERROR_RESTART, .n = p.ends_of_the_day, .last_us = p.ended_us};
        snprintf(e.stage, sizeof e.stage, "%s", p.stage);
        snprintf(e.what, sizeof e.what, "%.70s %.100s", strcmp(p.name, p.stage) ? p.name : "it",
                 p.how);
        snprintf(e.advice, sizeof e.advice, "see the log of 'dashspool run' for the cause");
        status_error_add(s, &e);
    }
    return buf_append(&s->processes, &p, sizeof p, err);
}

/* The number that `run` has written into its lock. */
static int lock_pid(const char *path)
{
    char text[32] = "";
    FILE *f = fopen(path, "re");
    if (f && !fgets(text, sizeof text, f))
        text[0] = '\0';
    if (f)
        fclose(f);
    long pid = strtol(text, NULL, 10);
    return pid > 0 && pid < INT32_MAX ? (int)pid : 0;
}

static const char look_as_owner[] = W_("look as the owner of ROOT, or as root (sudo)");

static int collect_run(struct status *s, struct err *err)
{
    char *path = NULL;
    struct locks *locks = NULL;
    json_t *o = NULL, *one;
    size_t i;
    int rc = fsx_path(&path, err, "%s/run.lock", s->root);
    if (rc == ERR_OK)
        rc = locks_read(&locks, err);
    if (rc == ERR_OK && locks_held(locks, path, &s->run_pid)) {
        s->run = LIFE_RUNNING;
        s->run_pid = lock_pid(path);
        s->run_frozen = process_frozen(s->run_pid);
    }
    if (rc == ERR_OK && (rc = file_read(&o, s->root, "run.json", err)) < 0 && rc != ERR_NOMEM) {
        status_problem_add(s,
                           err_is_of_one_file(err) ? look_as_owner
                                                   : W_("delete it; 'dashspool run' recreates it"),
                           "%s", err->text);
        rc = ERR_OK;
    }
    if (s->run == LIFE_STOPPED)
        s->run_stopped_us = file_time_us(o, "stopped");
    if (o && s->run == LIFE_STOPPED && s->run_stopped_us == 0)
        s->run = LIFE_CRASHED;
    s->run_since_us = file_time_us(o, "since");
    json_array_foreach(json_object_get(o, "processes"), i, one)
    {
        if (rc == ERR_OK && i < PROCESSES_MAX)
            rc = take_process(s, one, err);
    }
    json_decref(o);
    locks_free(&locks);
    free(path);
    return rc;
}

/* ---- receive ---- */

static void take_refusal(struct status *s, const char *stage, const json_t *o)
{
    struct error e = {.kind = ERROR_REFUSAL,
                      .n = file_number(o, "of_the_day", 0),
                      .last_us = file_time_us(o, "last"),
                      .advice = "to accept them, see [receive] in 'dashspool config'"};
    snprintf(e.stage, sizeof e.stage, "%s", stage);
    file_text(o, "why", e.what, sizeof e.what);
    if (e.n > 0 && e.last_us >= s->now_us - STATUS_DAY_US)
        status_error_add(s, &e);
}

static void take_staged(struct staged *out, const json_t *o)
{
    char ack[16];
    out->in_site = json_is_object(o);
    if (!out->in_site)
        return;
    file_text(o, "ack", ack, sizeof ack);
    out->local = strcmp(ack, "local") == 0;
    out->files = file_number(o, "files", 0);
    out->bytes = file_number(o, "bytes", 0);
    out->oldest_us = file_time_us(o, "oldest");
    out->accepted = file_number(o, "accepted", 0);
    out->last_us = file_time_us(o, "last");
    file_text(o, "trouble", out->trouble, sizeof out->trouble);
    file_text(o, "full", out->full, sizeof out->full);
}

static void take_listens(struct receiver *r, const json_t *listens)
{
    for (size_t i = 0; i < json_array_size(listens) && i < 2; i++) {
        const char *text = json_string_value(json_array_get(listens, i));
        format_clean(r->listens[i], sizeof r->listens[i], text ? text : "");
        r->n_listens++;
    }
}

/* Its number is anybody's after it died, or the computer was started again: it holds this lock. */
static bool holds_lock(const struct status *s, const char *locked)
{
    char *path = NULL;
    struct locks *locks = NULL;
    struct err unknown;
    int pid;
    bool held = fsx_path(&path, &unknown, "%s/%s", s->root, locked) < 0 ||
                locks_read(&locks, &unknown) < 0 || locks_held(locks, path, &pid);
    locks_free(&locks);
    free(path);
    return held;
}

int status_server_read(struct status *s, const char *name, const char *locked, struct receiver *r,
                       json_t **out, struct err *err)
{
    char file[64];
    json_t *o, *one;
    size_t i;
    snprintf(file, sizeof file, "%s.json", name);
    int rc = file_read(out, s->root, file, err);
    o = *out;
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        status_problem_add(s,
                           err_is_of_one_file(err) ? look_as_owner
                           : strcmp(name, "receive") == 0
                               ? W_("restart the receiver; it recreates the file")
                               : W_("restart it; it recreates the file"),
                           "%s", err->text);
    r->stopped_us = file_time_us(o, "stopped");
    if (o && r->stopped_us == 0) {
        r->known = true;
        r->pid = (int)file_number(o, "pid", 0);
        r->started_us = file_time_us(o, "started");
        r->updated_us = file_time_us(o, "updated");
        r->connections = file_number(o, "connections", 0);
        r->receiving = file_number(o, "receiving", 0);
        r->taken = file_number(o, "taken", 0);
        r->refused = file_number(o, "refused", 0);
        r->bytes = file_number(o, "bytes", 0);
        r->rate = file_number(o, "rate", 0);
        file_text(o, "trouble", r->trouble, sizeof r->trouble);
        r->jobs_waiting = file_number(o, "jobs_waiting", 0);
        file_text(o, "jobs_trouble", r->jobs_trouble, sizeof r->jobs_trouble);
        take_staged(&r->staged, json_object_get(o, "site"));
        take_listens(r, json_object_get(o, "listens"));
        bool alive = r->pid > 1 && (kill(r->pid, 0) == 0 || errno == EPERM);
        bool silent = s->now_us - r->updated_us >= OLD_US;
        if (alive && silent)
            alive = holds_lock(s, locked);
        r->life = !alive ? LIFE_CRASHED : silent ? LIFE_STUCK : LIFE_RUNNING;
        r->frozen = alive && process_frozen(r->pid);
    }
    json_array_foreach(json_object_get(o, "refusals"), i, one) take_refusal(s, name, one);
    return ERR_OK;
}

static int collect_receiver(struct status *s, struct err *err)
{
    json_t *o = NULL, *one;
    size_t i;
    int rc = status_server_read(s, "receive", "raw", &s->receiver, &o, err);
    json_array_foreach(json_object_get(o, "transfers"), i, one)
    {
        if (rc == ERR_OK && i < CLAIMS_MAX && s->receiver.life == LIFE_RUNNING) {
            struct incoming t = {.bytes = file_number(one, "bytes", 0),
                                 .total = file_number(one, "total", 0),
                                 .rate = file_number(one, "rate", 0),
                                 .since_us = file_time_us(one, "since"),
                                 .quiet_s = file_number(one, "quiet_s", 0),
                                 .left_s = -1};
            file_text(one, "id", t.id, sizeof t.id);
            file_text(one, "imei", t.imei, sizeof t.imei);
            file_text(one, "camera", t.camera, sizeof t.camera);
            file_text(one, "kind", t.kind, sizeof t.kind);
            if (t.rate > 0 && t.quiet_s < 5 && t.total >= t.bytes)
                t.left_s = (t.total - t.bytes) / t.rate;
            rc = buf_append(&s->incoming, &t, sizeof t, err);
        }
    }
    json_decref(o);
    return rc;
}

int collect_processes(struct status *s, struct err *err)
{
    int rc = collect_run(s, err);
    return rc < 0 ? rc : collect_receiver(s, err);
}

/* ---- jobs: by state and age; who works at them; why they failed ---- */

const int64_t status_age_limits_s[AGES - 1] = {60, 300, 3600, 86400, 7 * 86400};
const char *const status_job_states[JOB_STATES] = {"ready", "waiting", "claimed", "failed"};

size_t status_stage_find(const struct status *s, const char *name)
{
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++)
        if (strcmp(LIST_AT(&s->stage, struct stage, i)->name, name) == 0)
            return i;
    return SIZE_MAX;
}

bool status_claim_stuck(const struct status *s, const struct claim *c)
{
    int64_t limit_us = LIST_AT(&s->stage, struct stage, c->stage)->limit_us;
    return c->alive && limit_us > 0 && s->now_us - c->since_us > limit_us;
}

struct survey {
    struct status *s;
    struct locks *locks;
    size_t stage;
};

/* Twice the limit of a command, and some time to prepare it and to clean up; of copies and packages
 * what none of them takes. */
static int64_t limit_of(const struct status *s, const struct stages_stage *known)
{
    if (known->kind == STAGES_EXEC)
        return known->timeout_ms > 0 ? 2 * known->timeout_ms * 1000 + STATUS_LATE_US : 0;
    return known->kind == STAGES_RECEIVE ? 0 : 6 * STATUS_HOUR_US + 2 * s->convert_timeout_us;
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
        st.limit_us = limit_of(s, known);
    }
    return buf_append(&s->stage, &st, sizeof st, err);
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
    if (job->owner) {
        c->alive = !job->expired;
        c->pid = job->here ? job->pid : 0;
        snprintf(c->where, sizeof c->where, "node %.63s, process %d", job->owner, job->pid);
    } else {
        c->alive = locks_held(v->locks, job->lock, &c->pid);
    }
    c->frozen = c->alive && process_frozen(c->pid);
    if (c->alive)
        LIST_AT(&v->s->stage, struct stage, v->stage)->alive++;
    if (status_claim_stuck(v->s, c))
        LIST_AT(&v->s->stage, struct stage, v->stage)->stuck++;
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
    memcpy(o->where, c->where, sizeof o->where);
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
    int64_t since_us = state == JOB_FAILED ? job->changed_us : job->put_us;
    int64_t age_s = (now_us - since_us) / 1000000;
    int at = 0;
    while (at < AGES - 1 && age_s >= status_age_limits_s[at])
        at++;
    stage->jobs[state].of_age[at]++;
    stage->jobs[state].n++;
    if (stage->jobs[state].oldest_us == 0 || since_us < stage->jobs[state].oldest_us)
        stage->jobs[state].oldest_us = since_us;
    if (job->foreign && state != JOB_FAILED) {
        stage->foreign++;
        snprintf(stage->foreign_job, sizeof stage->foreign_job, "%s", job->job);
    }
    if (state == JOB_FAILED)
        take_failure(v, job, stage->name);
    if (state == JOB_CLAIMED)
        rc = take_claim(v, job, &claim, err);
    if (state != JOB_FAILED && !job->foreign)
        keep_if_oldest(v, job, state, &claim);
    return rc;
}

/* A stage that the configuration has no more may have jobs all the same. */
static int add_unknown(void *arg, const char *name, struct err *err)
{
    struct status *s = arg;
    return status_stage_find(s, name) == SIZE_MAX ? add_stage(s, NULL, name, err) : ERR_OK;
}

int collect_jobs(struct status *s, struct err *err)
{
    struct survey v = {.s = s};
    const struct stages_stage *known;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && (known = stages_at(s->stages, i)) != NULL; i++)
        rc = add_stage(s, known, known->name, err);
    if (rc == ERR_OK) {
        rc = spool_stages(s->root, add_unknown, s, err);
        if (rc < 0 && rc != ERR_NOMEM) {
            status_problem_add(s, W_("check owner and permissions"), "%s", err->text);
            rc = ERR_OK;
        }
    }
    if (rc == ERR_OK)
        rc = locks_read(&v.locks, err);
    for (; rc == ERR_OK && v.stage < LIST_COUNT(&s->stage, struct stage); v.stage++) {
        char name[SPOOL_NAME_ROOM];
        snprintf(name, sizeof name, "%s", LIST_AT(&s->stage, struct stage, v.stage)->name);
        struct stage *at = LIST_AT(&s->stage, struct stage, v.stage);
        rc = spool_survey(s->root, name, s->now_us - STATUS_DAY_US, take_job, &v, err);
        if (rc == ERR_OK)
            rc = spool_leases_lost(s->root, name, &at->leases_lost, &at->lease_lost_us, err);
        if (rc < 0 && rc != ERR_NOMEM) {
            status_problem_add(s, W_("check owner and permissions"), "%s", err->text);
            rc = ERR_OK;
        }
    }
    locks_free(&v.locks);
    return rc;
}
