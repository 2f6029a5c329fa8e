#include "dashspool/clock.h"
#include "page.h"
#include "status_internal.h"
#include <stdlib.h>
#include <string.h>

/* A builder's failures are found at the end: a part that there is no memory for is NULL, and so is
 * all that it belongs to. */

static json_t *time_json(int64_t us)
{
    char text[CLOCK_TEXT_ROOM];
    if (us <= 0)
        return json_null();
    clock_rfc3339(us, 0, text);
    return json_string(text);
}

static json_t *known_json(int64_t v) /* from 0 on, else not known */
{
    return v < 0 ? json_null() : json_integer(v);
}

static json_t *text_json(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

/* ["%s: failed jobs: %lld", "convert", "3"]: for who says it in another language. */
static json_t *said_json(const struct said *said)
{
    bool is_value = strcmp(said->format, "%s") == 0;
    json_t *out = json_array();
    if (!is_value)
        json_array_append_new(out, json_string(said->format));
    const char *p = said->values;
    for (size_t i = 0; i < said->n; i++, p += strlen(p) + 1)
        json_array_append_new(out, json_string(p));
    return out;
}

static json_t *trouble_json(const struct status *s)
{
    json_t *out = json_array();
    for (size_t i = 0; i < s->n_trouble; i++) {
        const struct trouble *t = &s->trouble[i];
        json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:{s:o, s:o}}", "what", t->what.text,
                                             "advice", t->advice.text, "about",
                                             status_abouts[t->about], "said", "what",
                                             said_json(&t->what), "advice", said_json(&t->advice)));
    }
    return out;
}

static json_t *staged_json(const struct staged *g)
{
    return !g->in_site
               ? json_null()
               : json_pack("{s:s, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "ack",
                           g->local ? "local" : "site", "files", (json_int_t)g->files, "bytes",
                           (json_int_t)g->bytes, "oldest", time_json(g->oldest_us), "accepted",
                           (json_int_t)g->accepted, "last", time_json(g->last_us), "trouble",
                           text_json(g->trouble), "full", text_json(g->full));
}

static json_t *receiver_json(const struct receiver *r)
{
    json_t *listens = json_array();
    for (int i = 0; i < r->n_listens; i++)
        json_array_append_new(listens, json_string(r->listens[i]));
    if (!r->known) {
        json_decref(listens);
        return json_pack("{s:s}", "state", status_lives[r->life]);
    }
    return json_pack("{s:s, s:i, s:b, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:o, "
                     "s:o}",
                     "state", status_lives[r->life], "pid", r->pid, "frozen", r->frozen, "started",
                     time_json(r->started_us), "updated", time_json(r->updated_us), "listens",
                     listens, "connections", (json_int_t)r->connections, "receiving",
                     (json_int_t)r->receiving, "taken", (json_int_t)r->taken, "refused",
                     (json_int_t)r->refused, "bytes", (json_int_t)r->bytes, "rate",
                     (json_int_t)r->rate, "trouble", text_json(r->trouble), "jobs_waiting",
                     (json_int_t)r->jobs_waiting, "jobs_trouble", text_json(r->jobs_trouble),
                     "site", staged_json(&r->staged));
}

static json_t *camera_state_json(int state)
{
    return state < 0 ? json_null() : json_string(status_camera_states[state]);
}

static json_t *telemetry_json(const struct status *s)
{
    const struct telemetry *t = &s->telemetry;
    json_t *o = receiver_json(&t->server), *list = json_array();
    static const char *const of_receiver[] = {"receiving", "bytes", "jobs_waiting", "jobs_trouble",
                                              "site"};
    for (size_t i = 0; i < sizeof of_receiver / sizeof *of_receiver; i++)
        json_object_del(o, of_receiver[i]);
    if (t->server.known) {
        json_object_set_new(o, "logged_in", json_integer(t->logged_in));
        json_object_set_new(o, "records", json_integer(t->records));
        json_object_set_new(o, "known", json_integer(t->known));
        json_object_set_new(o, "wrong_frames", json_integer(t->wrong));
        json_object_set_new(o, "rate", json_real(t->rate));
    }
    LIST_EACH (&s->trackers, const struct tracker, one) {
        json_array_append_new(
            list,
            json_pack("{s:s, s:b, s:o, s:b, s:b, s:o, s:o, s:o}", "imei", one->imei, "connected",
                      one->connected, "last_record", time_json(one->time_us), "private",
                      one->is_private, "fix", one->valid, "speed_kmh",
                      one->is_private || !one->valid ? json_null() : json_integer(one->speed_kmh),
                      "front", camera_state_json(one->front), "rear",
                      camera_state_json(one->rear)));
    }
    json_object_set_new(o, "trackers", list);
    return o;
}

static json_t *asked_json(const struct status *s)
{
    json_t *list = json_array();
    LIST_EACH (&s->asked, const struct asked, one) {
        json_array_append_new(
            list, json_pack("{s:I, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "id",
                            (json_int_t)one->id, "imei", one->imei, "state", one->state, "kind",
                            one->kind, "camera", text_json(one->camera), "time",
                            time_json(one->time_s * 1000000), "by", text_json(one->by), "added",
                            time_json(one->added_us), "why", text_json(one->why)));
    }
    return list;
}

static json_t *noted_json(const struct status *s)
{
    json_t *list = json_array();
    LIST_EACH (&s->noted, const struct noted, one) {
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:o, s:o}", "rule", one->rule, "waiting",
                                        (json_int_t)one->n, "oldest", time_json(one->oldest_us),
                                        "due", time_json(one->due_us)));
    }
    return list;
}

static json_t *processes_json(const struct status *s, const char *stage)
{
    json_t *out = json_array();
    LIST_EACH (&s->processes, const struct process, p) {
        if (strcmp(p->stage, stage) == 0)
            json_array_append_new(
                out, json_pack("{s:s, s:i, s:o, s:o, s:o, s:o, s:I, s:b}", "name", p->name, "pid",
                               p->pid, "since", time_json(p->pid ? p->since_us : 0), "waits_until",
                               time_json(p->waits_until_us), "ended", time_json(p->ended_us), "how",
                               text_json(p->how), "ends_of_the_day", (json_int_t)p->ends_of_the_day,
                               "frozen", p->frozen));
    }
    return out;
}

static json_t *working_json(const struct status *s, size_t stage)
{
    json_t *out = json_array();
    LIST_EACH (&s->claims, const struct claim, c) {
        if (c->stage == stage)
            json_array_append_new(
                out, json_pack("{s:s, s:i, s:o, s:o, s:i, s:b, s:b, s:b}", "job", c->job, "pid",
                               c->pid, "where", text_json(c->where), "since",
                               time_json(c->since_us), "attempt", c->attempt, "alive", c->alive,
                               "frozen", c->frozen, "stuck", status_claim_stuck(s, c)));
    }
    return out;
}

static json_t *stages_json(const struct status *s)
{
    static const char *const kinds[] = {[STAGES_RECEIVE] = "receive",
                                        [STAGES_CONVERT] = "convert",
                                        [STAGES_EXPORT] = "export",
                                        [STAGES_EXEC] = "exec",
                                        [STAGES_ACTION] = "action"};
    json_t *out = json_array();
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++) {
        const struct stage *t = LIST_AT(&s->stage, struct stage, i);
        json_array_append_new(out,
                              json_pack("{s:s, s:s, s:b, s:b, s:i, s:o, s:o}", "stage", t->name,
                                        "kind", kinds[t->kind], "enabled", t->enabled, "known",
                                        t->known, "workers", t->workers, "processes",
                                        processes_json(s, t->name), "working", working_json(s, i)));
    }
    for (size_t i = 0; i < LIST_COUNT(&s->processes, struct process); i++) {
        const char *name = LIST_AT(&s->processes, struct process, i)->stage;
        if (status_stage_find(s, name) == SIZE_MAX) /* watch, sweep: they have no jobs */
            json_array_append_new(out,
                                  json_pack("{s:s, s:s, s:b, s:b, s:i, s:o, s:[]}", "stage", name,
                                            "kind", "other", "enabled", 1, "known", 1, "workers", 1,
                                            "processes", processes_json(s, name), "working"));
    }
    return out;
}

static json_t *jobs_json(const struct status *s)
{
    json_t *out = json_object();
    LIST_EACH (&s->stage, const struct stage, t) {
        json_t *one = json_object(), *ages = json_object();
        if (t->kind == STAGES_RECEIVE) {
            json_decref(one);
            json_decref(ages);
            continue;
        }
        for (int k = 0; k < JOB_STATES; k++) {
            json_t *of_age = json_array();
            for (int a = 0; a < AGES; a++)
                json_array_append_new(of_age, json_integer(t->jobs[k].of_age[a]));
            json_object_set_new(one, status_job_states[k], json_integer(t->jobs[k].n));
            json_object_set_new(ages, status_job_states[k], of_age);
        }
        json_object_set_new(one, "ages", ages);
        json_object_set_new(one, "leases_lost", json_integer(t->leases_lost));
        json_object_set_new(out, t->name, one);
    }
    return out;
}

static json_t *transfers_json(const struct status *s)
{
    const struct catalogue_totals *n = &s->totals;
    if (!s->have_totals)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "receiving", (json_int_t)n->receiving, "stored",
                     (json_int_t)n->stored, "partial", (json_int_t)n->partial, "unpublished",
                     (json_int_t)n->unpublished, "bytes", (json_int_t)n->bytes);
}

static json_t *silence_json(const struct camera *c)
{
    return c->silence_us > 0 ? json_integer(c->silence_us / 1000000) : json_null();
}

static json_t *cameras_json(const struct status *s)
{
    json_t *list = json_array(), *unheard = json_array();
    size_t n = LIST_COUNT(&s->cameras, struct camera);
    LIST_EACH (&s->cameras, const struct camera, c) {
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:o, s:o, s:b}", "imei", c->imei, "camera",
                                        c->camera, "last", time_json(c->last_us), "max_silence_s",
                                        silence_json(c), "overdue", status_camera_overdue(s, c)));
    }
    LIST_EACH (&s->unheard, const struct camera, c) {
        json_array_append_new(unheard,
                              json_pack("{s:s, s:o, s:o}", "imei", c->imei, "camera",
                                        text_json(c->camera), "max_silence_s", silence_json(c)));
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "known", (json_int_t)s->n_cameras,
                     "of_the_hour", (json_int_t)s->cameras_of_the_hour, "of_the_day",
                     (json_int_t)s->cameras_of_the_day, "left_out",
                     (json_int_t)(s->n_cameras - (int64_t)n), "overdue", (json_int_t)s->overdue,
                     "list", list, "unheard", unheard);
}

static json_t *upkeep_json(const struct status *s)
{
    json_t *out = json_object();
    for (int i = 0; i < UPKEEP_CLOCK; i++) {
        const struct upkeep *u = &s->upkeep[i];
        json_object_set_new(out, status_upkeep_tasks[i],
                            u->known ? json_pack("{s:o, s:b, s:s}", "at", time_json(u->last.at_us),
                                                 "ok", u->last.ok, "text", u->last.text)
                                     : json_null());
    }
    json_object_set_new(out, "clock_doubted", json_boolean(s->clock_doubted));
    return out;
}

static json_t *certificates_json(const struct status *s)
{
    json_t *out = json_array();
    LIST_EACH (&s->certificates, const struct certificate, c) {
        double left = (double)(c->until_us - s->now_us) / (double)STATUS_DAY_US;
        json_array_append_new(out, json_pack("{s:s, s:s, s:o, s:o, s:f}", "setting", c->setting,
                                             "path", c->path, "from", time_json(c->from_us),
                                             "until", time_json(c->until_us), "days_left", left));
    }
    return out;
}

static json_t *incoming_json(const struct status *s)
{
    json_t *list = json_array();
    bool running = s->receiver.life == LIFE_RUNNING;
    LIST_EACH (&s->incoming, const struct incoming, t) {
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:I, s:o}", "id", t->id,
                            "imei", t->imei, "camera", t->camera, "kind", t->kind, "bytes",
                            (json_int_t)t->bytes, "total", (json_int_t)t->total, "rate",
                            (json_int_t)t->rate, "since", time_json(t->since_us), "quiet_s",
                            (json_int_t)t->quiet_s, "left_s", known_json(t->left_s)));
    }
    return json_pack("{s:I, s:I, s:o}", "n", (json_int_t)(running ? s->receiver.receiving : 0),
                     "rate", (json_int_t)(running ? s->receiver.rate : 0), "list", list);
}

static json_t *disk_json(const struct disk *d)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:o, s:b, s:o, s:b, s:I, s:o, s:I, s:I, s:I}", "bytes",
        known_json(d->bytes), "free", known_json(d->free), "raw", known_json(d->raw), "archive",
        known_json(d->archive), "archive_exact", d->archive_exact, "spool", known_json(d->spool),
        "spool_exact", !d->spool_more, "packages", known_json(d->packages), "packages_exact",
        !d->packages_more, "telemetry", known_json(d->telemetry), "telemetry_exact",
        !d->telemetry_more, "a_day", (json_int_t)d->a_day, "days_left",
        d->days_left < 0 ? json_null() : json_real(d->days_left), "min_free",
        (json_int_t)d->min_free, "warn_free", (json_int_t)d->warn_free, "delete_free",
        (json_int_t)d->delete_free);
}

static json_t *errors_json(const struct status *s)
{
    json_t *out = json_array();
    for (size_t i = 0; i < s->n_errors; i++) {
        const struct error *e = &s->errors[i];
        json_array_append_new(out, json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:s}", "kind",
                                             status_error_kinds[e->kind], "stage", e->stage, "what",
                                             e->what, "n", (json_int_t)e->n, "last",
                                             time_json(e->last_us), "example",
                                             text_json(e->example), "advice", e->advice));
    }
    return out;
}

static json_t *oldest_json(const struct status *s)
{
    const struct oldest *o = &s->oldest;
    if (o->kind == OLDEST_NONE)
        return json_null();
    const char *stage =
        o->kind == OLDEST_JOB ? LIST_AT(&s->stage, struct stage, o->stage)->name : "receive";
    return json_pack("{s:s, s:s, s:o, s:s, s:s}", "id", o->id, "stage", stage, "since",
                     time_json(o->since_us), "why", o->why, "advice", o->advice);
}

static json_t *limits_json(void)
{
    json_t *out = json_array();
    for (int i = 0; i < AGES - 1; i++)
        json_array_append_new(out, json_integer(status_age_limits_s[i]));
    return out;
}

int status_json(const struct status *s, bool compact, struct buf *out, struct err *err)
{
    char root[4200];
    format_clean(root, sizeof root, s->root);
    json_t *run = json_pack("{s:s, s:i, s:o, s:o, s:b}", "state", status_lives[s->run], "pid",
                            s->run_pid, "since", time_json(s->run_since_us), "stopped",
                            time_json(s->run_stopped_us), "frozen", s->run_frozen);
    json_t *o =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
                  "s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                  "version", DASHSPOOL_VERSION, "root", root, "at", time_json(s->now_us), "trouble",
                  trouble_json(s), "run", run, "receiver", receiver_json(&s->receiver), "telemetry",
                  telemetry_json(s), "requests", asked_json(s), "rules", noted_json(s), "stages",
                  stages_json(s), "jobs", jobs_json(s), "age_limits_s", limits_json(), "transfers",
                  transfers_json(s), "cameras", cameras_json(s), "incoming", incoming_json(s),
                  "upkeep", upkeep_json(s), "certificates", certificates_json(s), "disk",
                  disk_json(&s->disk), "errors", errors_json(s), "oldest", oldest_json(s),
                  "sandbox_missing", s->sandbox[0] ? json_string(s->sandbox) : json_null());
    char *text =
        o ? json_dumps(o, (compact ? JSON_COMPACT : JSON_INDENT(2)) | JSON_REAL_PRECISION(6))
          : NULL;
    int rc = text ? buf_append(out, text, strlen(text), err) : err_nomem(err, "JSON");
    if (rc == ERR_OK)
        rc = buf_append(out, "\n", 1, err);
    free(text);
    json_decref(o);
    return rc;
}
