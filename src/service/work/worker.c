#include "worker.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "dashspool/text.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SWEEP_EVERY_US = 5 * 1000000 };

/* ---- order ---- */

enum { CLASS_TRIGGERED, CLASS_ASKED_FOR, CLASS_PERIODIC };

static int class_of(const struct catalogue_transfer *t)
{
    static const char *const asked[] = {"", "none", "request", "retransmit"};
    if (strcmp(t->trigger_name, "periodic") == 0)
        return CLASS_PERIODIC;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (strcmp(t->trigger_name, asked[i]) == 0)
            return CLASS_ASKED_FOR;
    return CLASS_TRIGGERED;
}

/* Of a job whose transfer the catalogue does not know the worker finds out. */
static void order(void *arg, const char *job, struct spool_order *out)
{
    struct worker *w = arg;
    struct catalogue_transfer t;
    struct err unimportant;
    char id[CATALOGUE_ID_ROOM];
    if (w->stage->kind == STAGES_ACTION) {
        action_order(job, out);
        return;
    }
    out->class = CLASS_ASKED_FOR;
    spool_transfer_of(job, id, sizeof id);
    if (catalogue_transfer_get(w->catalogue, id, &t, &unimportant) < 0)
        return;
    out->class = class_of(&t);
    out->age_us = t.arrived_us;
    snprintf(out->flow, sizeof out->flow, "%s-%s", t.imei, t.camera);
}

/* ---- jobs that cannot be touched ---- */

static void on_aside(void *arg, const char *job, const char *why)
{
    struct worker *w = arg;
    w->aside++;
    log_error(w->stage->name, "job set aside, it cannot be touched", LOG_TEXT("id", job),
              LOG_TEXT("reason", why));
}

/* ---- open, close ---- */

void worker_close(struct worker *w)
{
    catalogue_close(&w->catalogue);
    raw_close(&w->raw);
    records_close(&w->records);
    spool_close(&w->spool);
    for (size_t i = 0; i < w->n_next; i++)
        spool_close(&w->next[i]);
    for (size_t i = 0; i < w->n_before; i++)
        spool_close(&w->before[i]);
    free(w->root);
    *w = (struct worker){0};
}

static bool uses_package(const struct stages_stage *stage)
{
    return stage->kind == STAGES_EXEC && stages_command_uses(stage->command, STAGES_PACKAGE);
}

/* The spools of n stages, *opened of them so far. */
static int open_spools(const struct worker *w, struct spool **spools, const char *const *names,
                       size_t n, size_t *opened, struct err *err)
{
    int rc = ERR_OK;
    for (; rc == ERR_OK && *opened < n; *opened += rc == ERR_OK)
        rc = spool_open(&spools[*opened], w->root, names[*opened], err);
    return rc;
}

static int open_stores(struct worker *w, const char *root, const struct stages *stages,
                       struct err *err)
{
    const char *next[STAGES_MAX];
    size_t n_next = stages_feeds(stages, w->stage->name, next);
    int rc = catalogue_open(&w->catalogue, root, true, err);
    if (rc < 0)
        return rc;
    w->root = realpath(root, NULL);
    if (!w->root)
        return err_sys(err, "%s", root);
    rc = raw_open(&w->raw, w->root, err);
    if (rc == ERR_OK && w->stage->kind == STAGES_CONVERT)
        rc = records_open(&w->records, w->root, RECORDS_READ, err);
    if (rc == ERR_OK)
        rc = spool_open(&w->spool, w->root, w->stage->name, err);
    if (w->stage->kind == STAGES_ACTION)
        w->n_feeds = stages_feeds(stages, "receive", w->feeds);
    if (rc == ERR_OK && w->stage->kind == STAGES_EXPORT)
        rc = open_spools(w, w->before, w->before_name,
                         stages_before(stages, w->stage->name, w->before_name), &w->n_before, err);
    return rc < 0 ? rc : open_spools(w, w->next, next, n_next, &w->n_next, err);
}

int worker_open(struct worker *w, const char *root, const struct cfg *cfg,
                const struct stages *stages, const struct stages_stage *stage, struct stop *stop,
                struct err *err)
{
    *w = (struct worker){.stage = stage, .stop = stop, .cfg = cfg};
    if (stage->kind == STAGES_CONVERT) {
        convert_options_from_cfg(cfg, &w->options);
        confine_limits_from_cfg(cfg, &w->limits);
        w->options.overwrite = true; /* what an earlier attempt left */
        w->window_us = journey_window_us(cfg);
        w->telemetry_wait_us = journey_wait_us(cfg);
    }
    uint64_t seed = (uint64_t)clock_mono_us() ^ (uint64_t)getpid() << 20;
    memcpy(w->random, &seed, sizeof w->random);
    int rc = open_stores(w, root, stages, err);
    if (rc == ERR_OK && (stage->kind == STAGES_EXPORT || uses_package(stage)))
        rc = export_policy_read(&w->policy, cfg, err);
    if (rc < 0)
        worker_close(w);
    if (rc < 0)
        return rc;
    spool_set_order(w->spool, order, w);
    spool_on_aside(w->spool, on_aside, w);
    return ERR_OK;
}

/* ---- one job ---- */

/* The id of job.json; and its package, the caller's, where it names one. */
static int read_job(const struct spool_job *job, char out[CATALOGUE_ID_ROOM], char **package,
                    struct err *err)
{
    json_error_t why;
    json_t *root = json_loads(spool_job_json(job), JSON_REJECT_DUPLICATES, &why);
    const char *id = json_string_value(json_object_get(root, "id"));
    const char *path = json_string_value(json_object_get(root, "package"));
    int rc = ERR_OK;
    if (!root)
        rc = err_set(err, ERR_MALFORMED, "job.json, line %d: %s", why.line, why.text);
    else if (!id || strlen(id) >= CATALOGUE_ID_ROOM)
        rc = err_set(err, ERR_MALFORMED, "job.json names no transfer (\"id\")");
    else
        snprintf(out, CATALOGUE_ID_ROOM, "%s", id);
    if (rc == ERR_OK && path && path[0] == '/')
        rc = fsx_path(package, err, "%s", path);
    json_decref(root);
    return rc;
}

/* The job is over, and those behind it have one of its name. */
static int hand_on(struct worker *w, struct work *work, struct spool_job **job, struct err *err)
{
    const char *json = spool_job_json(*job);
    char *named = NULL;
    int rc = ERR_OK;
    if (w->stage->kind == STAGES_EXPORT && work->package) {
        json_t *o = json_pack("{s:s, s:s}", "id", work->transfer.id, "package", work->package);
        json = named = o ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        if (!json)
            rc = err_set(err, ERR_MALFORMED, "the package's path %s is not UTF-8", work->package);
    }
    if (rc == ERR_OK)
        rc = spool_hand_on(w->spool, job, w->next, w->n_next, json, strlen(json), err);
    free(named);
    return rc;
}

/* One that kills its workers must come to an end, too. */
static int check_attempts(const struct worker *w, const struct spool_job *job, struct err *err)
{
    int attempt = spool_job_attempt(job);
    if (attempt <= w->stage->retries)
        return ERR_OK;
    return err_set(err, ERR_LIMIT,
                   "all %d attempts used (retries = %d); the worker did not survive the last one "
                   "(killed, or power failure)",
                   attempt - 1, w->stage->retries);
}

/* A job of a partial transfer is never marked as done: the whole one may still come. */
static int do_stage(struct worker *w, struct work *work, struct err *err)
{
    int rc = ERR_OK;
    switch (w->stage->kind) {
    case STAGES_CONVERT:
        return convert_work(w, work, err);
    case STAGES_EXPORT:
        rc = export_work(w, work, err);
        break;
    case STAGES_EXEC:
        rc = exec_work(w, work, err);
        break;
    case STAGES_ACTION:
    case STAGES_RECEIVE:
        return err_set(err, ERR_CONFIG, "no jobs are worked by %s", w->stage->name);
    }
    if (rc < 0 || work->wait_ms > 0 || work->of_partial)
        return rc;
    if ((rc = catalogue_begin(w->catalogue, err)) < 0)
        return rc;
    rc = worker_done(w, work, err);
    return catalogue_end(w->catalogue, rc, err);
}

/* The stage's work, unless it is done. Where others come behind it, its job is handed on to them,
 * and *job is NULL. */
static int do_work(struct worker *w, struct work *work, struct spool_job **job, struct err *err)
{
    char id[CATALOGUE_ID_ROOM];
    int64_t done_us = 0;
    work->of_partial = spool_transfer_of(spool_job_name(work->job), id, sizeof id);
    int rc = read_job(work->job, id, &work->package, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_get(w->catalogue, id, &work->transfer, err);
    if (rc == ERR_OK && !work->of_partial)
        rc = catalogue_done_get(w->catalogue, work->transfer.key, w->stage->name, &done_us, err);
    if (rc == ERR_OK && !work->package && uses_package(w->stage)) /* it was lost, and put again */
        rc = export_find_package(w, work, err);
    if (rc < 0)
        return rc;
    if (done_us == 0 && w->stage->kind == STAGES_CONVERT && spool_job_attempt(work->job) > 1)
        convert_sweep(w, work);
    if (done_us != 0)
        log_info(w->stage->name, "already done", LOG_TEXT("id", id));
    else if ((rc = check_attempts(w, work->job, err)) == ERR_OK)
        rc = do_stage(w, work, err);
    bool is_other = work->of_partial && work->transfer.state != CATALOGUE_PARTIAL;
    if (rc == ERR_OK && work->wait_ms == 0 && w->stage->kind == STAGES_EXPORT && !is_other)
        rc = export_find_package(w, work, err);
    bool ends_here = work->of_partial && !work->package; /* the whole one comes, or came */
    if (rc < 0 || work->wait_ms > 0 || ends_here || w->n_next == 0)
        return rc;
    rc = hand_on(w, work, job, err);
    work->job = *job;
    return rc;
}

/* It is done, and its job gone. Who ordered it anew after the first and before the second (the
 * tracker's account came) saw the job that was still there, and put no other. */
static int finish(struct worker *w, struct spool_job **job, const struct work *work,
                  struct err *err)
{
    struct intake_text text;
    int64_t done_us = 0;
    bool owed = false;
    int rc = *job ? spool_finish(w->spool, job, err) : ERR_OK; /* else it was handed on */
    if (rc < 0 || w->stage->kind != STAGES_CONVERT || work->of_partial)
        return rc;
    rc = catalogue_done_get(w->catalogue, work->transfer.key, w->stage->name, &done_us, err);
    if (rc == ERR_OK && done_us == 0)
        rc = catalogue_is_owed(w->catalogue, work->transfer.key, w->stage->name, &owed, err);
    if (rc < 0 || !owed)
        return rc;
    struct spool_item again = intake_job(work->transfer.id, &text);
    return spool_put(w->spool, again.job, again.json, again.n, err);
}

/* For lists: first the catalogue, then the job. Killed in between, the job is taken again. */
static int note_trouble(struct worker *w, const struct work *work, const struct err *why,
                        struct err *err)
{
    struct catalogue_trouble t = {.at_us = clock_utc_us()};
    if (work->transfer.key == 0) /* nobody knows of which */
        return ERR_OK;
    text_shown(why->text, t.why, sizeof t.why);
    int rc = catalogue_begin(w->catalogue, err);
    if (rc < 0)
        return rc;
    rc = catalogue_trouble_note(w->catalogue, work->transfer.key, w->stage->name, &t, err);
    if (rc == ERR_OK)
        rc = worker_hold(w, work, w->catalogue, err);
    rc = catalogue_end(w->catalogue, rc, err);
    return err_is_temporary(rc) || rc == ERR_LOST ? rc : ERR_OK; /* it was deleted meanwhile, say */
}

/* Somebody else has it, and does it: what came of it here is nothing, and no error. */
static int tell_lost(const struct worker *w, const char *name, struct work_tally *tally)
{
    tally->lost++;
    log_warn(w->stage->name, "lease ran out, result refused, another worker has the job",
             LOG_TEXT("id", name));
    return ERR_OK;
}

/* Does a claimed job and ends it, one way or another. */
static int work_job(struct worker *w, struct spool_job **job, struct work_tally *tally,
                    struct err *err)
{
    struct err why = {0};
    struct work work = {.job = *job};
    char name[SPOOL_NAME_ROOM];
    int rc;
    snprintf(name, sizeof name, "%s", spool_job_name(*job));
    if (w->stage->kind != STAGES_ACTION)
        rc = do_work(w, &work, job, &why);
    else if ((rc = check_attempts(w, *job, &why)) == ERR_OK)
        rc = action_work(w, &work, &why);
    bool lost = rc == ERR_LOST || (rc < 0 && *job && spool_job_lost(w->spool, *job));
    if (lost) {
        rc = ERR_LOST;
    } else if (rc == ERR_OK && work.wait_ms > 0) {
        tally->waiting++;
        rc = spool_postpone(w->spool, job, work.wait_ms, err);
    } else if (rc == ERR_OK) {
        rc = finish(w, job, &work, err);
        tally->done += rc != ERR_LOST;
    } else if (err_is_temporary(rc) && stop_requested(w->stop)) {
        log_info(w->stage->name, "returned to queue", LOG_TEXT("id", spool_job_name(*job)),
                 LOG_ERR(&why));
        rc = spool_unclaim(w->spool, job, err);
    } else if (err_is_temporary(rc) && spool_job_attempt(*job) < w->stage->retries) {
        tally->later++;
        int attempt = spool_job_attempt(*job);
        int64_t later_ms = stages_backoff_ms(w->stage, attempt, erand48(w->random));
        log_warn(w->stage->name, "failed, will be retried", LOG_TEXT("id", spool_job_name(*job)),
                 LOG_INT("attempt", attempt), LOG_INT("attempts", w->stage->retries),
                 LOG_SECONDS("wait_seconds", (double)later_ms / 1000), LOG_ERR(&why));
        spool_job_because(*job, why.text);
        rc = spool_release(w->spool, job, later_ms, err);
    } else {
        tally->failed++;
        char *reason = NULL;
        log_error(w->stage->name, "failed", LOG_TEXT("id", spool_job_name(*job)),
                  LOG_INT("attempt", spool_job_attempt(*job)), LOG_ERR(&why));
        rc = fsx_path(&reason, err, "%s%s%s", why.text,
                      work.words ? "\n\nLast output of the command (more in output.txt):\n" : "",
                      work.words ? work.words : "");
        if (rc == ERR_OK && (rc = note_trouble(w, &work, &why, err)) == ERR_OK)
            rc = spool_fail(w->spool, job, reason, err);
        free(reason);
    }
    if (rc == ERR_LOST)
        rc = tell_lost(w, name, tally);
    free(work.words);
    free(work.package);
    spool_job_free(job);
    return rc;
}

static int sweep(struct worker *w, struct err *err)
{
    int given_back = 0;
    if (w->swept_us && clock_mono_us() - w->swept_us < SWEEP_EVERY_US)
        return ERR_OK;
    w->swept_us = clock_mono_us();
    int rc = spool_sweep(w->spool, &given_back, err);
    if (rc == ERR_OK && given_back > 0)
        log_info(w->stage->name, "requeued jobs of a dead worker", LOG_INT("jobs", given_back));
    return rc;
}

/* *did: there was a job. */
static int step(struct worker *w, struct work_tally *tally, bool *did, struct err *err)
{
    struct spool_job *job = NULL;
    int rc = sweep(w, err);
    if (rc == ERR_OK && w->stage->kind == STAGES_EXPORT)
        export_look_for_partials(w);
    if (rc == ERR_OK && w->stage->kind == STAGES_ACTION)
        action_sweep(w);
    if (rc == ERR_OK)
        rc = spool_claim(w->spool, &job, err);
    if (rc < 0 || !job)
        return rc;
    *did = true;
    log_debug(w->stage->name, "claimed", LOG_TEXT("id", spool_job_name(job)),
              LOG_INT("attempt", spool_job_attempt(job)));
    return work_job(w, &job, tally, err);
}

int worker_step(struct worker *w, struct work_tally *tally, bool *did, struct err *err)
{
    *did = false;
    int rc = catalogue_there(w->catalogue, err); /* who starts it again opens what is there now */
    if (rc == ERR_OK)
        rc = step(w, tally, did, err);
    tally->failed += w->aside;
    w->aside = 0;
    return rc;
}
