/* What is stuck, why, and what to do. */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "page.h"
#include "status_internal.h"
#include <stdio.h>
#include <string.h>

#define SILENT_S    5    /* a camera says something every second or so */
#define SILENT_TOLD 8    /* cameras by name; the others are counted */
#define INODES_MIN  1000 /* a job takes two, a clip's copies ten */

/* ---- who works ---- */

/* Of run's processes of a stage: those that are there. *waiting: one that is to be started again,
 * or NULL. */
static int count_running(const struct status *s, const char *stage, const struct process **waiting)
{
    int n = 0;
    *waiting = NULL;
    LIST_EACH (&s->processes, const struct process, p) {
        if (strcmp(p->stage, stage) != 0)
            continue;
        n += p->pid > 0;
        if (p->pid == 0 && p->waits_until_us > 0)
            *waiting = p;
    }
    return n;
}

static void advise_start(char *out, size_t room, const struct stage *stage)
{
    snprintf(out, room, "start 'dashspool run', or 'dashspool work --stage %.64s'", stage->name);
}

/* Why nobody will take its jobs; false: somebody will. */
static bool no_worker_reason(const struct status *s, const struct stage *stage, struct oldest *o)
{
    const struct process *waiting;
    int n = count_running(s, stage->name, &waiting);
    char span[24];
    if (!stage->known) {
        snprintf(o->why, sizeof o->why, "stage '%.64s' is no longer in the settings", stage->name);
        snprintf(o->advice, sizeof o->advice, "restore [exec %.64s], or delete ROOT/spool/%.64s",
                 stage->name, stage->name);
    } else if (!stage->enabled && stage->alive == 0) {
        snprintf(o->why, sizeof o->why, "stage %.64s is disabled", stage->name);
        snprintf(o->advice, sizeof o->advice,
                 "set enabled = yes, or run 'dashspool work --stage %.64s'", stage->name);
    } else if (n == 0 && stage->alive == 0 && waiting) {
        int64_t left_us = waiting->waits_until_us - s->now_us;
        snprintf(o->why, sizeof o->why, "its worker %.80s; restart in %s", waiting->how,
                 format_span(left_us > 0 ? left_us / 1000000 : 0, span));
        snprintf(o->advice, sizeof o->advice, "see the log of 'dashspool run' for the cause");
    } else if (n == 0 && stage->alive == 0 && s->run == LIFE_RUNNING) {
        snprintf(o->why, sizeof o->why,
                 "'dashspool run' does not run this stage (settings not reloaded)");
        snprintf(o->advice, sizeof o->advice, "reload the settings: kill -HUP %d", s->run_pid);
    } else if (n == 0 && stage->alive == 0) {
        snprintf(o->why, sizeof o->why, "no worker for stage %.64s", stage->name);
        advise_start(o->advice, sizeof o->advice, stage);
    } else {
        return false;
    }
    return true;
}

/* ---- the oldest ---- */

static void explain_ready(const struct status *s, const struct stage *stage, struct oldest *o)
{
    if (no_worker_reason(s, stage, o))
        return;
    snprintf(o->advice, sizeof o->advice, "nothing");
    if (stage->alive == 0)
        snprintf(o->why, sizeof o->why, "about to be claimed by a worker");
    else
        snprintf(o->why, sizeof o->why, "waiting in the queue: %lld ready, %lld in progress",
                 (long long)stage->jobs[JOB_READY].n, (long long)stage->alive);
    if (stage->alive > 0 && s->now_us - o->since_us > STATUS_DAY_US)
        snprintf(o->advice, sizeof o->advice,
                 "if the queue keeps growing, add workers ([%s%.64s] workers = %d)",
                 stage->kind == STAGES_EXEC ? "exec " : "", stage->name, stage->workers + 1);
}

static void explain_waiting(const struct status *s, const struct stage *stage, struct oldest *o)
{
    char span[24], at[CLOCK_TEXT_ROOM];
    struct oldest nobody = {0};
    clock_rfc3339(o->due_us, 0, at);
    format_span((o->due_us - s->now_us) / 1000000, span);
    snprintf(o->why, sizeof o->why, "attempt %d in %s, at %s; %s%.120s", o->attempt, span, at,
             o->why_before[0] ? "last error: " : "the last attempt failed", o->why_before);
    if (no_worker_reason(s, stage, &nobody))
        memcpy(o->advice, nobody.advice, sizeof o->advice);
    else
        snprintf(o->advice, sizeof o->advice, "fix the cause; it is retried automatically");
}

static void explain_claimed(const struct status *s, const struct stage *stage, struct oldest *o)
{
    char span[24], pid[96] = "somebody";
    struct oldest nobody = {0};
    format_span((s->now_us - o->claimed_us) / 1000000, span);
    if (o->where[0])
        memcpy(pid, o->where, sizeof pid);
    else if (o->pid > 0)
        snprintf(pid, sizeof pid, "process %d", o->pid);
    if (o->alive) {
        snprintf(o->why, sizeof o->why, "%s has been working on it for %s (attempt %d)", pid, span,
                 o->attempt);
        snprintf(o->advice, sizeof o->advice, "nothing");
        return;
    }
    snprintf(o->why, sizeof o->why, "its worker died");
    if (no_worker_reason(s, stage, &nobody))
        memcpy(o->advice, nobody.advice, sizeof o->advice);
    else
        snprintf(o->advice, sizeof o->advice, "nothing: it is requeued within seconds");
}

static void explain_incoming(const struct incoming *t, struct oldest *o)
{
    char have[24], of[24], rate[24], span[24];
    size_text(t->bytes, have);
    size_text(t->total, of);
    snprintf(o->advice, sizeof o->advice, "nothing");
    if (t->quiet_s >= SILENT_S) {
        snprintf(o->why, sizeof o->why, "camera silent for %s, %s of %s received",
                 format_span(t->quiet_s, span), have, of);
        snprintf(o->advice, sizeof o->advice,
                 "nothing: the receiver retries, then keeps it as a partial transfer");
    } else {
        snprintf(o->why, sizeof o->why, "receiving: %s of %s, %s/s, %s left", have, of,
                 size_text(t->rate, rate), format_span(t->left_s, span));
    }
}

static void find_oldest_transfer(struct status *s)
{
    struct oldest *o = &s->oldest;
    LIST_EACH (&s->incoming, const struct incoming, t) {
        if (o->kind != OLDEST_NONE && o->since_us <= t->since_us)
            continue;
        *o = (struct oldest){.kind = OLDEST_INCOMING, .since_us = t->since_us};
        snprintf(o->id, sizeof o->id, "%s", t->id[0] ? t->id : t->imei);
        explain_incoming(t, o);
    }
    const struct catalogue_totals *n = &s->totals;
    if (o->kind == OLDEST_NONE && n->unpublished == 0 && n->partial > 0) {
        /* it may stay for ever, and must not hide the others */
        *o = (struct oldest){.kind = OLDEST_PARTIAL, .since_us = n->oldest_partial_us};
        char why[TEXT_ROOM];
        format_clean(o->id, sizeof o->id, n->oldest_partial);
        format_clean(why, sizeof why, n->partial_why);
        snprintf(o->why, sizeof o->why, "interrupted%s%.120s (partial transfers: %lld)",
                 why[0] ? ": " : "", why, (long long)n->partial);
        snprintf(o->advice, sizeof o->advice,
                 "nothing: the camera resumes it on its next connection; 'dashspool export %.96s' "
                 "packages what is there",
                 o->id);
        return;
    }
    if (n->unpublished == 0 || (o->kind != OLDEST_NONE && o->since_us <= n->oldest_unpublished_us))
        return;
    *o = (struct oldest){.kind = OLDEST_UNPUBLISHED,
                         .since_us = n->oldest_unpublished_us,
                         .why = "stored, but not queued yet"};
    format_clean(o->id, sizeof o->id, n->oldest_unpublished);
    snprintf(o->advice, sizeof o->advice,
             s->receiver.life == LIFE_RUNNING
                 ? "nothing: the receiver is about to queue it"
                 : "start the receiver ('dashspool run'): it queues what is missing");
}

static void explain_oldest(struct status *s)
{
    struct oldest *o = &s->oldest;
    if (o->kind == OLDEST_JOB) {
        const struct stage *stage = LIST_AT(&s->stage, struct stage, o->stage);
        if (o->state == JOB_WAITING)
            explain_waiting(s, stage, o);
        else if (o->state == JOB_CLAIMED)
            explain_claimed(s, stage, o);
        else
            explain_ready(s, stage, o);
    }
    find_oldest_transfer(s);
}

/* ---- trouble ---- */

static void judge_staged(struct status *s, const struct staged *g)
{
    if (!g->in_site || s->receiver.life != LIFE_RUNNING)
        return;
    if (g->full[0])
        status_problem_add(s, W_("fix the cause; cameras keep their files, and come again"),
                           W_("cameras are refused: %s"), g->full);
    if (g->trouble[0])
        status_problem_add(
            s,
            g->local ? W_("fix the cause; until then the only copy of what cameras were "
                          "acknowledged is on this machine's disk")
                     : W_("fix the cause; until then cameras are not acknowledged, and "
                          "what they brought waits here"),
            W_("not handed on to the site, files: %lld: %s"), (long long)g->files, g->trouble);
}

static void judge_receiver(struct status *s)
{
    const struct receiver *r = &s->receiver;
    char span[24];
    status_advise(s, W_("let it go on: kill -CONT %d"), r->pid);
    if (r->life == LIFE_CRASHED)
        status_problem_add(s, W_("restart it; everything it acknowledged is safe"),
                           W_("the receiver died unexpectedly"));
    if (r->frozen)
        status_problem_add(
            s, NULL, W_("the receiver (process %d) was stopped by a signal (SIGSTOP)"), r->pid);
    else if (r->life == LIFE_STUCK)
        status_problem_add(s, W_("kill it (kill -KILL) and restart it"),
                           W_("the receiver (process %d) has not responded for %s"), r->pid,
                           format_span((s->now_us - r->updated_us) / 1000000, span));
    if (r->trouble[0] && r->life != LIFE_CRASHED)
        status_problem_add(s, W_("fix the cause; meanwhile cameras wait and nothing is lost"), "%s",
                           r->trouble);
    if (r->jobs_trouble[0] && r->life == LIFE_RUNNING)
        status_problem_add(s,
                           W_("fix the cause; the receiver queues them then, and nothing is lost"),
                           W_("stored, but not queued: transfers: %lld: %s"),
                           (long long)r->jobs_waiting, r->jobs_trouble);
    judge_staged(s, &r->staged);
}

static void judge_telemetry(struct status *s)
{
    const struct receiver *r = &s->telemetry.server;
    const struct tracker *first = NULL;
    char span[24];
    long long bad = 0;
    status_advise(s, W_("let it go on: kill -CONT %d"), r->pid);
    if (r->life == LIFE_CRASHED)
        status_problem_add(s, W_("restart it; everything it acknowledged is safe"),
                           W_("the server of trackers died unexpectedly"));
    if (r->frozen)
        status_problem_add(
            s, NULL, W_("the server of trackers (process %d) was stopped by a signal (SIGSTOP)"),
            r->pid);
    else if (r->life == LIFE_STUCK)
        status_problem_add(s, W_("kill it (kill -KILL) and restart it"),
                           W_("the server of trackers (process %d) has not responded for %s"),
                           r->pid, format_span((s->now_us - r->updated_us) / 1000000, span));
    if (r->trouble[0] && r->life != LIFE_CRASHED)
        status_problem_add(s, W_("fix the cause; meanwhile trackers keep their records"), "%s",
                           r->trouble);
    LIST_EACH (&s->trackers, const struct tracker, t) {
        if (!status_camera_bad(t->front) && !status_camera_bad(t->rear))
            continue;
        bad++;
        first = first ? first : t;
    }
    if (first) {
        bool front = status_camera_bad(first->front);
        s->about = ABOUT_CAMERAS;
        status_problem_add(s, W_("look at its memory card: without a good one there are no videos"),
                           W_("trackers whose camera has a bad card, or none: %lld (%s %s: %s)"),
                           bad, first->imei, front ? W_("front") : W_("rear"),
                           status_camera_states[front ? first->front : first->rear]);
        s->about = ABOUT_PARTS;
    }
}

/* Whatever the receiver says: it may not run, or these came by another way. */
static void judge_unpublished(struct status *s)
{
    const struct catalogue_totals *n = &s->totals;
    char span[24];
    if (n->unpublished == 0 || s->receiver.jobs_trouble[0] || s->receiver.staged.in_site ||
        s->now_us - n->oldest_unpublished_us < STATUS_LATE_US)
        return;
    status_problem_add(
        s,
        s->receiver.life == LIFE_RUNNING
            ? W_("see the log of the receiver for the cause; its next start queues them")
            : W_("start the receiver ('dashspool run'), or run 'dashspool fsck --repair'"),
        W_("stored, but not queued: transfers: %lld, the oldest for %s"), (long long)n->unpublished,
        format_span((s->now_us - n->oldest_unpublished_us) / 1000000, span));
}

/* Those that run keeps, and others that have a job. */
static void judge_frozen(struct status *s)
{
    status_advise(s, W_("let it go on: kill -CONT %d"), s->run_pid);
    if (s->run_frozen)
        status_problem_add(s, NULL,
                           W_("'dashspool run' (process %d) was stopped by a signal (SIGSTOP)"),
                           s->run_pid);
    LIST_EACH (&s->processes, const struct process, p) {
        status_advise(s, W_("let it go on: kill -CONT %d"), p->pid);
        if (p->frozen && p->pid != s->receiver.pid)
            status_problem_add(s, NULL, W_("%s (process %d) was stopped by a signal (SIGSTOP)"),
                               p->name, p->pid);
    }
    LIST_EACH (&s->claims, const struct claim, c) {
        bool told = false;
        LIST_EACH (&s->processes, const struct process, p) {
            told = told || p->pid == c->pid;
        }
        status_advise(s, W_("let it go on: kill -CONT %d"), c->pid);
        if (c->frozen && !told)
            status_problem_add(s, NULL, W_("%s: process %d was stopped by a signal (SIGSTOP)"),
                               LIST_AT(&s->stage, struct stage, c->stage)->name, c->pid);
    }
}

static void judge_run(struct status *s)
{
    char span[24], at[CLOCK_TEXT_ROOM];
    if (s->run_stopped_us > 0 && s->receiver.life == LIFE_STOPPED) {
        clock_rfc3339(s->run_stopped_us, 0, at);
        status_problem_add(
            s,
            W_("start it: systemctl start dashspool, or 'dashspool run'; if it is to "
               "stay so, delete ROOT/run.json"),
            W_("'dashspool run' was stopped cleanly at %s (%s ago): nothing is received"), at,
            format_span((s->now_us - s->run_stopped_us) / 1000000, span));
    }
    if (s->run == LIFE_STOPPED && s->run_stopped_us == 0 && s->receiver.stopped_us > 0) {
        clock_rfc3339(s->receiver.stopped_us, 0, at);
        status_problem_add(
            s, W_("start 'dashspool run'; if it is to stay so, delete ROOT/receive.json"),
            W_("the receiver was stopped cleanly at %s (%s ago): nothing is received"), at,
            format_span((s->now_us - s->receiver.stopped_us) / 1000000, span));
    }
    judge_frozen(s);
    if (s->run == LIFE_CRASHED)
        status_problem_add(s, W_("restart it; see its log for the cause"),
                           W_("'dashspool run' died unexpectedly"));
    LIST_EACH (&s->processes, const struct process, p) {
        int64_t left_us = p->waits_until_us - s->now_us;
        if (s->run == LIFE_RUNNING && p->pid == 0 && left_us > 0)
            status_problem_add(s, W_("see the log of 'dashspool run' for the cause"),
                               W_("%s %s (%lld × within a day); restart in %s"), p->name, p->how,
                               (long long)p->ends_of_the_day, format_span(left_us / 1000000, span));
    }
}

static void judge_stage(struct status *s, const struct stage *stage)
{
    struct oldest nobody = {0};
    char span[24], limit[24];
    const struct jobs *failed = &stage->jobs[JOB_FAILED], *ready = &stage->jobs[JOB_READY];
    bool exec = strcmp(stage->name, "convert") != 0;
    if (failed->n > 0) {
        status_advise(s, W_("list them with 'dashspool retry%s%.64s', requeue with --all"),
                      exec ? " --stage " : "", exec ? stage->name : "");
        status_problem_add(s, NULL, W_("%s: failed jobs: %lld"), stage->name, (long long)failed->n);
    }
    if (stage->foreign > 0)
        status_problem_add(
            s, W_("give them to the user of ROOT: chown -R USER: ROOT/spool"),
            W_("%s: jobs that belong to another user and are set aside: %lld (%.100s)"),
            stage->name, (long long)stage->foreign, stage->foreign_job);
    LIST_EACH (&s->claims, const struct claim, c) {
        if (LIST_AT(&s->stage, struct stage, c->stage) != stage || !status_claim_stuck(s, c))
            continue;
        if (c->pid > 0)
            status_advise(s, W_("see its log; kill -KILL %d ends it, and the job is requeued"),
                          c->pid);
        else
            status_advise(s, W_("see its log, then restart that worker%s%s"),
                          c->where[0] ? ": " : "", c->where);
        status_problem_add(s, NULL, W_("%s: %s has been worked at for %s; no job should take %s"),
                           stage->name, c->job,
                           format_span((s->now_us - c->since_us) / 1000000, span),
                           format_span(stage->limit_us / 1000000, limit));
    }
    if (stage->lost > 0)
        status_problem_add(s, W_("run 'dashspool fsck --repair' to queue them again"),
                           W_("%s: jobs that were lost: %lld, the first of %s"), stage->name,
                           (long long)stage->lost, stage->lost_id);
    if (stage->lease_lost_us > s->now_us - STATUS_HOUR_US && stage->leases_lost > 0)
        status_problem_add(
            s, W_("see the logs of its workers, their load, and their way to the database"),
            W_("%s: a worker was not heard of for longer than its lease, %s ago; %lld "
               "times so far"),
            stage->name, format_span((s->now_us - stage->lease_lost_us) / 1000000, span),
            (long long)stage->leases_lost);
    bool meant = stage->kind == STAGES_CONVERT && !stage->enabled; /* somebody else works them */
    if (ready->n > 0 && !meant && s->now_us - ready->oldest_us > STATUS_HOUR_US &&
        no_worker_reason(s, stage, &nobody))
        status_problem_add(s, nobody.advice, W_("%s: %lld ready, the oldest for %s: %s"),
                           stage->name, (long long)ready->n,
                           format_span((s->now_us - ready->oldest_us) / 1000000, span), nobody.why);
}

/* ---- cameras and upkeep ---- */

static void tell_silent(struct status *s, const struct camera *c)
{
    const char *advice = W_("look at the camera, its SIM card and its power; or change "
                            "[status] max_silence");
    char silence[24], span[24], at[CLOCK_TEXT_ROOM];
    format_span(c->silence_us / 1000000, silence);
    if (c->last_us == 0) {
        status_problem_add(s, advice,
                           W_("camera %s%s%s: nothing received; expected at least every %s"),
                           c->imei, c->camera[0] ? " " : "", c->camera, silence);
        return;
    }
    clock_rfc3339(c->last_us, 0, at);
    status_problem_add(
        s, advice, W_("camera %s %s: silent for %s, since %s; expected at least every %s"), c->imei,
        c->camera, format_span((s->now_us - c->last_us) / 1000000, span), at, silence);
}

static void judge_cameras(struct status *s)
{
    int64_t told = 0;
    LIST_EACH (&s->cameras, const struct camera, c) {
        if (status_camera_overdue(s, c) && told++ < SILENT_TOLD)
            tell_silent(s, c);
    }
    LIST_EACH (&s->unheard, const struct camera, c) {
        if (told++ < SILENT_TOLD)
            tell_silent(s, c);
    }
    if (s->overdue > SILENT_TOLD)
        status_problem_add(
            s, W_("see \"overdue\" in 'dashspool status --json'"),
            W_("%lld %s silent for longer than [status] max_silence allows"),
            SIZE_COUNT(s->overdue - SILENT_TOLD, W_("more camera is"), W_("more cameras are")));
}

static void judge_upkeep(struct status *s)
{
    char span[24];
    for (int i = 0; i < UPKEEP_CLOCK; i++) {
        const struct catalogue_upkeep *u = &s->upkeep[i].last;
        static const char *const advice[] = {
            [UPKEEP_SWEEP] = W_("run 'dashspool sweep' for details"),
            [UPKEEP_FSCK] = W_("run 'dashspool fsck' for details, and what to do"),
            [UPKEEP_BACKUP] = W_("run 'dashspool backup' again for details")};
        if (s->upkeep[i].known && !u->ok)
            status_problem_add(
                s,
                i == UPKEEP_SWEEP && s->clock_doubted
                    ? W_("check this computer's clock (date); if it is right: 'dashspool sweep "
                         "--clock-is-right'")
                    : advice[i],
                W_("the last %s, %s ago: %s"), status_upkeep_tasks[i],
                format_span((s->now_us - u->at_us) / 1000000, span), u->text);
    }
}

static void judge_disk(struct status *s)
{
    const struct disk *d = &s->disk;
    char free_bytes[24], least[24];
    if (d->read_only)
        status_problem_add(
            s, W_("see the system's log (dmesg) for the cause, then mount it again"),
            W_("the disk is mounted read-only: nothing can be received or converted"));
    if (d->inodes > 0 && d->inodes_free < INODES_MIN)
        status_problem_add(
            s, W_("delete small files on that disk, or make a file system with more"),
            W_("%lld of %lld inodes free: without any, no jobs, copies and packages can be made"),
            (long long)d->inodes_free, (long long)d->inodes);
    int64_t limit = d->free < d->min_free ? d->min_free : d->warn_free;
    if (d->free < 0 || d->free >= limit)
        return;
    size_text(d->free, free_bytes);
    size_text(limit, least);
    if (limit == d->min_free && !s->receiver.trouble[0])
        status_problem_add(s,
                           W_("free disk space (see [retention]), or lower [receive] min_free_mib"),
                           W_("disk full: %s free, receiving stops below %s"), free_bytes, least);
    else if (limit != d->min_free)
        status_problem_add(s, W_("free disk space; see [retention]"),
                           W_("low disk space: %s free, less than %s ([retention] warn_free_mib)"),
                           free_bytes, least);
}

void diagnose(struct status *s)
{
    s->about = ABOUT_PARTS;
    judge_receiver(s);
    judge_telemetry(s);
    judge_run(s);
    s->about = ABOUT_JOBS;
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++)
        judge_stage(s, LIST_AT(&s->stage, struct stage, i));
    judge_unpublished(s);
    s->about = ABOUT_CAMERAS;
    judge_cameras(s);
    s->about = ABOUT_UPKEEP;
    judge_upkeep(s);
    s->about = ABOUT_DISK;
    judge_disk(s);
    s->about = ABOUT_OTHER;
    explain_oldest(s);
}
