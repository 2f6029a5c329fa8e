/* What people at the pages want done, in their name (actions.h). An action is one transaction of
 * the catalogue, so that it is done as a whole or not at all; what it wrote before a kill it finds,
 * and does not write again. */
#include "action.h"
#include "dashspool/camreq.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/requests.h"
#include "dashspool/review.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- each transfer of its events ---- */

struct walking {
    struct acting *act;
    int (*fn)(struct acting *act, const struct catalogue_transfer *t, struct err *err);
    int done;
};

static int walk_one(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct walking *w = arg;
    w->done++;
    return w->fn(w->act, t, err);
}

/* An event that was deleted meanwhile keeps it from no other one. */
static int each_transfer(struct acting *act,
                         int (*fn)(struct acting *act, const struct catalogue_transfer *t,
                                   struct err *err),
                         struct err *err)
{
    struct walking walking = {.act = act, .fn = fn};
    const struct actions_action *a = act->a;
    size_t gone = 0;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < a->n_events; i++) {
        rc = review_members(act->w->catalogue, a->events[i], walk_one, &walking, err);
        if (rc == ERR_NOTFOUND) {
            gone++;
            rc = ERR_OK;
        }
    }
    if (rc == ERR_OK && gone == a->n_events)
        return err_set(err, ERR_NOTFOUND, "%s is not there any more", a->events[0]);
    if (rc == ERR_OK && gone > 0)
        act_say(act, "%d transfers; %zu events are not there any more", walking.done, gone);
    else if (rc == ERR_OK)
        act_say(act, "%d %s", walking.done, walking.done == 1 ? "transfer" : "transfers");
    return rc;
}

/* ---- what is noted of events ---- */

static int put_reviewed(struct acting *act, const struct catalogue_transfer *t, struct err *err)
{
    return review_put_reviewed(act->w->catalogue, t->id, act->a->by,
                               act->a->kind == ACTIONS_REVIEWED, err);
}

static int put_case(struct acting *act, const struct catalogue_transfer *t, struct err *err)
{
    return review_put_case(act->w->catalogue, t->id, act->a->by, act->a->text ? act->a->text : "",
                           err);
}

static int protect(struct acting *act, const struct catalogue_transfer *t, struct err *err)
{
    struct catalogue_protection p = {.since_us = clock_utc_us()};
    snprintf(p.who, sizeof p.who, "%s", act->a->by);
    snprintf(p.reason, sizeof p.reason, "%s", act->a->text);
    return catalogue_protect(act->w->catalogue, t->id, &p, err);
}

static int unprotect(struct acting *act, const struct catalogue_transfer *t, struct err *err)
{
    int ended;
    return catalogue_unprotect(act->w->catalogue, t->id, act->a->by, &ended, err);
}

struct same_note {
    const struct actions_action *a;
    bool found;
};

static int is_same_note(void *arg, const struct review_note *note, struct err *err)
{
    struct same_note *s = arg;
    (void)err;
    s->found |= note->at_us >= s->a->at_us && strcmp(note->who, s->a->by) == 0 &&
                strcmp(note->text, s->a->text) == 0;
    return ERR_OK;
}

/* Notes are added, so that one that is done again would be there twice: this one is there already
 * if it came after it was wished for. */
static int add_note(struct acting *act, const struct catalogue_transfer *t, struct err *err)
{
    struct same_note same = {.a = act->a};
    int rc = review_notes(act->w->catalogue, t->key, is_same_note, &same, err);
    return rc < 0 || same.found
               ? rc
               : review_add_note(act->w->catalogue, t->id, act->a->by, act->a->text, err);
}

/* ---- downloads ---- */

struct same_job {
    const char *job;
    bool found;
};

static int is_same_job(void *arg, const char *line, struct err *err)
{
    struct same_job *s = arg;
    struct custody_record r;
    (void)err;
    if (!strstr(line, s->job)) /* nearly all of them */
        return ERR_OK;
    custody_read(&r, line, strlen(line));
    s->found |= r.what.for_job && strcmp(r.what.for_job, s->job) == 0;
    custody_record_clear(&r);
    return ERR_OK;
}

static int note_shown(struct acting *act, const char *id, const char *what, struct err *err)
{
    struct same_job same = {.job = act->job};
    const struct custody_what shown = {
        .by = "serve", .shown = what, .for_job = act->job}; /* which download: each is one */
    int rc = catalogue_event_each(act->w->catalogue, id, is_same_job, &same, err);
    return rc < 0 || same.found ? rc
                                : catalogue_event_note(act->w->catalogue, id, CATALOGUE_NOW,
                                                       CUSTODY_SHOWN, act->a->by, &shown, err);
}

static int note_in_package(void *arg, const char *id, struct err *err)
{
    struct acting *act = arg;
    struct catalogue_transfer t;
    char what[300];
    int rc = catalogue_transfer_get(act->w->catalogue, id, &t, err);
    if (rc < 0) /* it is gone, or its name is hidden */
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    snprintf(what, sizeof what, "package %s", act->a->package);
    return note_shown(act, id, what, err);
}

static int downloaded(struct acting *act, struct err *err)
{
    const struct actions_action *a = act->a;
    struct catalogue_transfer t;
    int rc = ERR_OK;
    if (a->package && a->package[0])
        return act_package_ids(act, note_in_package, act, err);
    for (size_t i = 0; rc == ERR_OK && i < a->n_events; i++)
        if ((rc = catalogue_transfer_get(act->w->catalogue, a->events[i], &t, err)) == ERR_OK)
            rc = note_shown(act, a->events[i], "original", err);
    return rc;
}

/* ---- requests ---- */

struct same_request {
    const struct actions_action *a;
    const struct camreq *what;
    int64_t id;
};

static int is_same_request(void *arg, const struct requests_request *r, struct err *err)
{
    struct same_request *s = arg;
    (void)err;
    if (r->added_us >= s->a->at_us && r->what.kind == s->what->kind &&
        r->what.time_s == s->what->time_s && r->what.seconds == s->what->seconds &&
        strcmp(r->what.camera, s->what->camera) == 0)
        s->id = r->id;
    return ERR_OK;
}

static int request_one(struct acting *act, const struct camreq *what, struct err *err)
{
    const struct actions_action *a = act->a;
    struct requests_request r = {.what = *what};
    struct same_request same = {.a = a, .what = what};
    const struct requests_filter mine = {.imei = a->imei, .by = a->by, .since_us = a->at_us};
    snprintf(r.imei, sizeof r.imei, "%s", a->imei);
    snprintf(r.by, sizeof r.by, "%s", a->by);
    snprintf(r.reason, sizeof r.reason, "%s", a->text ? a->text : "");
    int rc = requests_each(act->w->catalogue, &mine, is_same_request, &same, err);
    if (rc < 0 || same.id > 0)
        return rc;
    rc = requests_add(act->w->catalogue, &r, clock_utc_us(), err);
    if (rc == ERR_OK)
        act_say(act, "request %" PRId64 ": %s", r.id, r.command);
    if (rc == ERR_OK && !act->o.result[0])
        snprintf(act->o.result, sizeof act->o.result, "%" PRId64, r.id);
    return rc;
}

/* In pieces, as the cameras have it; front and rear are one request. */
static int request(struct acting *act, struct err *err)
{
    const struct actions_action *a = act->a;
    char words[64];
    bool front = false, rear = false;
    int rc = ERR_OK;
    for (const char *p = a->cameras; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (!words_have(CAMREQ_CAMERAS, p, n))
            return err_set(err, ERR_CONFIG, "there is no camera '%.*s': expected %s", (int)n, p,
                           CAMREQ_CAMERAS);
        front = front || (n == 5 && strncmp(p, "front", n) == 0);
        rear = rear || (n == 4 && strncmp(p, "rear", n) == 0);
    }
    snprintf(words, sizeof words, "%s", a->cameras);
    int seconds = a->photo ? 1 : a->seconds; /* once */
    for (int from = 0; rc == ERR_OK && from < seconds; from += CAMREQ_SECONDS_MAX) {
        struct camreq what = {.kind = a->photo ? CAMREQ_PHOTO : CAMREQ_VIDEO};
        int left = a->seconds - from;
        if (!a->photo)
            what.seconds = left < CAMREQ_SECONDS_MAX ? left : CAMREQ_SECONDS_MAX;
        bool both = false;
        for (const char *p = words; rc == ERR_OK && *p; p += strcspn(p, " "), p += strspn(p, " ")) {
            size_t n = strcspn(p, " ");
            bool of_both =
                front && rear &&
                ((n == 5 && strncmp(p, "front", n) == 0) || (n == 4 && strncmp(p, "rear", n) == 0));
            if (of_both && both)
                continue;
            both = both || of_both;
            snprintf(what.camera, sizeof what.camera, "%.*s", of_both ? 4 : (int)n,
                     of_both ? "both" : p);
            bool of_time = !a->photo || strcmp(what.camera, "road") == 0;
            what.time_s = of_time ? a->time_us / 1000000 + from : 0;
            rc = request_one(act, &what, err);
        }
    }
    return rc;
}

/* One that is over already is as good as cancelled, by whom ever. */
static int cancel(struct acting *act, struct err *err)
{
    struct requests_request r;
    int rc = requests_get(act->w->catalogue, act->a->request, &r, err);
    if (rc == ERR_OK && r.state == REQUESTS_CANCELLED)
        return ERR_OK;
    return rc < 0 ? rc
                  : requests_cancel(act->w->catalogue, act->a->request, act->a->by, clock_utc_us(),
                                    err);
}

/* ---- jobs that failed ---- */

int work_drop(struct catalogue *c, struct spool *spool, const char *job, const char *who,
              const char *reason, struct err *err)
{
    struct catalogue_transfer t;
    char id[CATALOGUE_ID_ROOM];
    const char *stage = spool_stage(spool);
    const struct custody_what what = {.stage = stage, .why = reason};
    enum spool_place place;
    int64_t at_us = clock_utc_us();
    bool partial = spool_transfer_of(job, id, sizeof id);
    int rc = spool_find(spool, job, &place, err);
    if (rc < 0 || place != SPOOL_PLACE_FAILED)
        return rc < 0 ? rc : spool_drop(spool, job, err); /* which says what it is instead */
    rc = catalogue_transfer_get(c, id, &t, err);
    if (rc == ERR_OK && (rc = catalogue_begin(c, err)) == ERR_OK) {
        rc = catalogue_event_note(c, id, at_us, CUSTODY_DROPPED, who, &what, err);
        if (rc == ERR_OK)
            rc = partial ? catalogue_trouble_over(c, t.key, stage, err)
                         : catalogue_give_up(c, t.key, stage, at_us, err);
        rc = catalogue_end(c, rc, err);
    }
    return rc < 0 && rc != ERR_NOTFOUND ? rc : spool_drop(spool, job, err);
}

/* First the job, then the catalogue: while its job is there, lists say that it failed. */
int work_retry(struct catalogue *c, struct spool *spool, const char *job, struct err *err)
{
    struct catalogue_transfer t;
    char id[CATALOGUE_ID_ROOM];
    int rc = spool_retry(spool, job, err);
    if (rc < 0)
        return rc;
    spool_transfer_of(job, id, sizeof id);
    rc = catalogue_transfer_get(c, id, &t, err);
    if (rc == ERR_OK)
        rc = catalogue_trouble_over(c, t.key, spool_stage(spool), err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc; /* a job of no transfer */
}

/* Of one that does not wait for a person any more somebody has decided. */
static int decide(struct acting *act, struct spool *spool, const char *job, int *n, struct err *err)
{
    const struct actions_action *a = act->a;
    enum spool_place place;
    int rc = spool_find(spool, job, &place, err);
    if (rc < 0 || place != SPOOL_PLACE_FAILED)
        return rc;
    ++*n;
    return a->kind == ACTIONS_RETRY ? work_retry(act->w->catalogue, spool, job, err)
                                    : work_drop(act->w->catalogue, spool, job, a->by,
                                                a->text && a->text[0] ? a->text : "given up", err);
}

struct deciding {
    struct acting *act;
    struct spools all;
    int n;
};

static int decide_transfer(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct deciding *d = arg;
    char partial[CATALOGUE_ID_ROOM + 16];
    int rc = ERR_OK;
    snprintf(partial, sizeof partial, "%s" SPOOL_PARTIAL, t->id);
    for (size_t i = 0; rc == ERR_OK && i < d->all.n; i++) {
        if (strcmp(d->all.one[i].stage, ACTIONS_STAGE) == 0)
            continue;
        rc = decide(d->act, d->all.one[i].spool, t->id, &d->n, err);
        if (rc == ERR_OK)
            rc = decide(d->act, d->all.one[i].spool, partial, &d->n, err);
    }
    return rc;
}

static int decide_all(struct acting *act, struct err *err)
{
    const struct actions_action *a = act->a;
    struct deciding d = {.act = act};
    struct spool *spool = NULL;
    int rc;
    if (a->n_events == 0) {
        rc = spool_open(&spool, act->w->root, a->stage, err);
        if (rc == ERR_OK)
            rc = decide(act, spool, a->job, &d.n, err);
        spool_close(&spool);
    } else {
        rc = spools_open(&d.all, act->w->root, NULL, NULL, err);
        for (size_t i = 0; rc == ERR_OK && i < a->n_events; i++)
            rc = review_members(act->w->catalogue, a->events[i], decide_transfer, &d, err);
        spools_close(&d.all);
    }
    if (rc == ERR_OK)
        act_say(act, "%d %s", d.n, d.n == 1 ? "job" : "jobs");
    return rc;
}

/* ---- vehicles ---- */

static int put_vehicle(struct acting *act, struct err *err)
{
    const struct actions_action *a = act->a;
    struct review_vehicle v;
    int rc = review_vehicle_get(act->w->catalogue, a->imei, &v, err);
    if (rc < 0)
        return rc;
    snprintf(v.name, sizeof v.name, "%s", a->name ? a->name : "");
    snprintf(v.plate, sizeof v.plate, "%s", a->plate ? a->plate : "");
    snprintf(v.group, sizeof v.group, "%s", a->group ? a->group : "");
    return review_vehicle_put(act->w->catalogue, &v, err);
}

/* ---- one of them ---- */

static int do_in_catalogue(struct acting *act, struct err *err)
{
    switch (act->a->kind) {
    case ACTIONS_REVIEWED:
    case ACTIONS_UNREVIEWED:
        return each_transfer(act, put_reviewed, err);
    case ACTIONS_PROTECT:
        return each_transfer(act, protect, err);
    case ACTIONS_UNPROTECT:
        return each_transfer(act, unprotect, err);
    case ACTIONS_NOTE:
        return each_transfer(act, add_note, err);
    case ACTIONS_CASE:
        return each_transfer(act, put_case, err);
    case ACTIONS_REQUEST:
        return request(act, err);
    case ACTIONS_CANCEL:
        return cancel(act, err);
    case ACTIONS_VEHICLE:
        return put_vehicle(act, err);
    case ACTIONS_DOWNLOADED:
        return downloaded(act, err);
    case ACTIONS_EXPORT:
    case ACTIONS_VERIFY:
    case ACTIONS_RETRY:
    case ACTIONS_DROP:
    case ACTIONS_IMPORT:
    case ACTIONS_KINDS:
        break;
    }
    return err_set(err, ERR_UNSUPPORTED, "%s is no action of the catalogue",
                   actions_name(act->a->kind));
}

static int do_action(struct acting *act, struct err *err)
{
    int rc;
    switch (act->a->kind) {
    case ACTIONS_EXPORT:
        return act_export(act, err);
    case ACTIONS_VERIFY:
        return act_verify(act, err);
    case ACTIONS_IMPORT:
        return act_import(act, err);
    case ACTIONS_RETRY:
    case ACTIONS_DROP:
        return decide_all(act, err);
    case ACTIONS_REVIEWED:
    case ACTIONS_UNREVIEWED:
    case ACTIONS_PROTECT:
    case ACTIONS_UNPROTECT:
    case ACTIONS_NOTE:
    case ACTIONS_CASE:
    case ACTIONS_REQUEST:
    case ACTIONS_CANCEL:
    case ACTIONS_VEHICLE:
    case ACTIONS_DOWNLOADED:
    case ACTIONS_KINDS:
        break;
    }
    rc = catalogue_begin(act->w->catalogue, err);
    if (rc < 0)
        return rc;
    rc = do_in_catalogue(act, err);
    if (rc == ERR_OK)
        rc = act_hold(act, act->w->catalogue, err);
    return catalogue_end(act->w->catalogue, rc, err);
}

/* Whoever can write a job can write any name into it: it must be a person's, who may do this now.
 * Where nobody was ever added, everybody at this computer may. What was handed out already is noted
 * in any case. */
static int judge_person(const struct acting *act, struct err *err)
{
    const struct actions_action *a = act->a;
    struct people *people = NULL;
    struct people_person person;
    int64_t mark;
    bool any = false;
    int rc = people_open(&people, act->w->root, false, err);
    if (rc == ERR_OK)
        rc = people_any(people, &any, err);
    else if (rc == ERR_NOTFOUND)
        rc = ERR_OK;
    if (rc == ERR_OK && any && a->kind != ACTIONS_DOWNLOADED) {
        rc = people_find(people, a->by, &person, &mark, err);
        if (rc == ERR_NOTFOUND)
            rc = err_set(err, rc, "%s is none of the people who may use the pages", a->by);
        else if (rc == ERR_OK && !actions_allowed(a->kind, person.role))
            rc = err_set(err, ERR_CONFIG, "%s: %s has the role %s by now, which may not do this",
                         actions_name(a->kind), a->by, people_role_name(person.role));
    }
    people_close(&people);
    return rc;
}

static int judge(const struct acting *act, struct err *err)
{
    enum actions_kind kind;
    const struct actions_action *a = act->a;
    if (!actions_kind_of_job(act->job, &kind) || kind != a->kind)
        return err_set(err, ERR_MALFORMED, "job.json is of another action than its name says");
    if (!actions_allowed(a->kind, a->role))
        return err_set(err, ERR_CONFIG, "%s: the role %s may not do this", actions_name(a->kind),
                       people_role_name(a->role));
    return judge_person(act, err);
}

static int do_it(struct acting *act, struct work *work, struct err *err)
{
    enum { LOOK_AGAIN_MS = 500 };
    int rc = ERR_OK;
    bool turn = false;
    /* One of a node's workers at a time does what may take minutes, so that another one is free for
     * what a person waits for. */
    if (actions_is_long(act->a->kind)) {
        rc = spool_job_alone(act->w->spool, work->job, "long", true, &turn, err);
        if (rc == ERR_OK && !turn)
            work->wait_ms = LOOK_AGAIN_MS;
    }
    if (rc == ERR_OK && work->wait_ms == 0 && (rc = do_action(act, err)) == ERR_OK)
        rc = spool_job_hold(act->w->spool, work->job, NULL, err);
    if (rc < 0 || work->wait_ms > 0)
        return rc;
    act->o.state = ACTIONS_DONE;
    act->o.done = 1;
    return actions_tell(act->w->root, act->job, &act->o, err);
}

int action_work(struct worker *w, struct work *work, struct err *err)
{
    struct actions_read *read = NULL;
    struct acting *act = calloc(1, sizeof *act);
    if (!act)
        return err_nomem(err, "an action");
    *act = (struct acting){
        .w = w, .work = work, .job = spool_job_name(work->job), .dir = spool_job_dir(work->job)};
    int rc = actions_read(&read, spool_job_json(work->job), err);
    if (rc == ERR_OK) {
        act->a = actions_of(read);
        rc = judge(act, err);
    }
    /* It was done, and its worker was killed before the job's end. */
    if (rc == ERR_OK)
        rc = actions_look(w->root, act->job, &act->o, err);
    if (rc == ERR_OK && act->o.state != ACTIONS_DONE) {
        act->o = (struct actions_outcome){.kind = act->a->kind};
        snprintf(act->o.by, sizeof act->o.by, "%s", act->a->by);
        if (act->a->n_events > 0)
            snprintf(act->o.event, sizeof act->o.event, "%s", act->a->events[0]);
        rc = do_it(act, work, err);
    }
    if (rc == ERR_OK && work->wait_ms == 0)
        log_info(w->stage->name, "done", LOG_TEXT("id", act->job), LOG_TEXT("by", act->a->by),
                 LOG_TEXT("event", act->o.event));
    actions_read_free(&read);
    free(act);
    return rc;
}

void action_order(const char *job, struct spool_order *out)
{
    enum actions_kind kind;
    out->class = actions_kind_of_job(job, &kind) && actions_is_long(kind);
}

void action_sweep(struct worker *w)
{
    struct err err;
    int64_t keep_us = cfg_int(w->cfg, "serve", "outcomes_h") * 3600 * INT64_C(1000000);
    int64_t now_us = clock_mono_us();
    if (w->outcomes_us && now_us - w->outcomes_us < 600 * INT64_C(1000000))
        return;
    w->outcomes_us = now_us;
    if (actions_sweep(w->root, clock_utc_us() - keep_us, &err) < 0)
        log_warn(w->stage->name, "old outcomes were not removed", LOG_ERR(&err));
}
