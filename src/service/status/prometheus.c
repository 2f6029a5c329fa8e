/* Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats). */
#include "dashspool/fsx.h"
#include "dashspool/requests.h"
#include "status_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct metrics {
    struct buf *out;
    const char *name;
    int rc;
    struct err *err;
};

static void put(struct metrics *m, const char *text, size_t n)
{
    if (m->rc == ERR_OK)
        m->rc = buf_append(m->out, text, n, m->err);
}

static void print(struct metrics *m, const char *fmt, ...) DS_PRINTF(2, 3);
static void print(struct metrics *m, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    put(m, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

static void begin(struct metrics *m, const char *name, const char *type, const char *help)
{
    m->name = name;
    print(m, "# HELP dashspool_%s %s\n# TYPE dashspool_%s %s\n", name, help, name, type);
}

/* One label; the first of a value has '{' in front, the next ',', NULL ends them. */
static void label(struct metrics *m, char before, const char *name, const char *value)
{
    print(m, "%c%s=\"", before, name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            put(m, "\\", 1);
        if (*value == '\n')
            put(m, "\\n", 2);
        else
            put(m, value, 1);
    }
    put(m, "\"", 1);
}

static void value(struct metrics *m, double v)
{
    print(m, " %.15g\n", v);
}

static void one(struct metrics *m, const char *name, const char *type, const char *help, double v)
{
    begin(m, name, type, help);
    print(m, "dashspool_%s", name);
    value(m, v);
}

/* One value with up to two labels (b NULL: one). */
static void of(struct metrics *m, const char *a, const char *a_is, const char *b, const char *b_is,
               double v)
{
    print(m, "dashspool_%s", m->name);
    label(m, '{', a, a_is);
    if (b)
        label(m, ',', b, b_is);
    put(m, "}", 1);
    value(m, v);
}

/* ---- what there is ---- */

static void put_lives(struct metrics *m, const char *name, const char *help, enum life is)
{
    begin(m, name, "gauge", help);
    for (int i = LIFE_STOPPED; i <= LIFE_STUCK; i++)
        of(m, "state", status_lives[i], NULL, NULL, (int)is == i);
}

static void put_processes(struct metrics *m, const struct status *s)
{
    const struct receiver *r = &s->receiver;
    begin(m, "info", "gauge", "Version of dashspool.");
    of(m, "version", DASHSPOOL_VERSION, NULL, NULL, 1);
    one(m, "status_timestamp_seconds", "gauge", "Time of collection, Unix time.",
        (double)s->now_us / 1e6);
    one(m, "troubles", "gauge", "Number of problems reported by 'dashspool status'.",
        (double)s->n_trouble);
    one(m, "run_up", "gauge", "1 if 'dashspool run' is running.", s->run == LIFE_RUNNING);
    put_lives(m, "run_state",
              "1 for the state that 'dashspool run' is in; dead: without a clean end.", s->run);
    if (s->run_stopped_us > 0)
        one(m, "run_stopped_timestamp_seconds", "gauge", "Its last clean end, Unix time.",
            (double)s->run_stopped_us / 1e6);
    one(m, "receiver_up", "gauge", "1 if the receiver is running.", r->life == LIFE_RUNNING);
    put_lives(m, "receiver_state", "1 for the state that the receiver is in; stuck: it is silent.",
              r->life);
    if (!r->known || r->life != LIFE_RUNNING)
        return;
    one(m, "receiver_start_timestamp_seconds", "gauge", "When it started, Unix time.",
        (double)r->started_us / 1e6);
    one(m, "receiver_connections", "gauge", "Open connections.", (double)r->connections);
    one(m, "receiver_transfers", "gauge", "Connections currently receiving a file.",
        (double)r->receiving);
    one(m, "receiver_connections_taken_total", "counter",
        "Connections accepted since the receiver started.", (double)r->taken);
    one(m, "receiver_connections_refused_total", "counter",
        "Connections refused because of connection limits.", (double)r->refused);
    one(m, "receiver_bytes_total", "counter", "File bytes received since the receiver started.",
        (double)r->bytes);
    if (!r->staged.in_site)
        return;
    one(m, "staged_files", "gauge", "Stored files that wait for the site.",
        (double)r->staged.files);
    one(m, "staged_bytes", "gauge", "… and their bytes.", (double)r->staged.bytes);
    one(m, "staged_age_seconds", "gauge", "How long the oldest of them waits.",
        r->staged.oldest_us ? (double)(s->now_us - r->staged.oldest_us) / 1e6 : 0);
    one(m, "staged_trouble", "gauge", "1 if nothing can be handed on to the site.",
        r->staged.trouble[0] != '\0');
    one(m, "site_accepted_total", "counter",
        "Files that the site has accepted since the receiver started.", (double)r->staged.accepted);
    one(m, "ack_local", "gauge",
        "1 if cameras are acknowledged before the site has their files ([site] ack).",
        r->staged.local);
}

/* Nothing where nobody has a server of trackers, nor had one. */
static void put_telemetry(struct metrics *m, const struct status *s)
{
    const struct telemetry *t = &s->telemetry;
    if (!t->server.known && t->server.stopped_us == 0 &&
        LIST_COUNT(&s->trackers, struct tracker) == 0)
        return;
    one(m, "telemetry_up", "gauge", "1 if the server of trackers is running.",
        t->server.life == LIFE_RUNNING);
    put_lives(m, "telemetry_state",
              "1 for the state that the server of trackers is in; stuck: it is silent.",
              t->server.life);
    if (t->server.known && t->server.life == LIFE_RUNNING) {
        one(m, "telemetry_connections", "gauge", "Open connections of trackers.",
            (double)t->server.connections);
        one(m, "telemetry_trackers", "gauge", "Trackers that are logged in.", (double)t->logged_in);
        one(m, "telemetry_connections_refused_total", "counter",
            "Connections refused because of connection limits.", (double)t->server.refused);
        one(m, "telemetry_records_total", "counter",
            "Records acknowledged since the server of trackers started.", (double)t->records);
        one(m, "telemetry_records_known_total", "counter",
            "Of these, records that were stored already.", (double)t->known);
        one(m, "telemetry_wrong_frames_total", "counter",
            "Frames with a wrong CRC, count or end, not acknowledged.", (double)t->wrong);
    }
    begin(m, "tracker_last_record_timestamp_seconds", "gauge",
          "Time of the tracker's newest record, Unix time.");
    LIST_EACH (&s->trackers, const struct tracker, one_of) {
        if (one_of->time_us > 0)
            of(m, "imei", one_of->imei, NULL, NULL, (double)one_of->time_us / 1e6);
    }
    begin(m, "tracker_camera_state", "gauge",
          "State of a camera as the tracker tells it: 0 not detected, 1 no card, 2 mount failed, 3 "
          "ready, 4 card faulty.");
    LIST_EACH (&s->trackers, const struct tracker, one_of) {
        if (one_of->front >= 0)
            of(m, "imei", one_of->imei, "camera", "front", one_of->front);
        if (one_of->rear >= 0)
            of(m, "imei", one_of->imei, "camera", "rear", one_of->rear);
    }
}

/* Footage that is still to come. */
static void put_asked(struct metrics *m, const struct status *s)
{
    begin(m, "requests", "gauge",
          "Open requests for footage; waiting: for what 'dashspool status' tells.");
    for (int i = 0; i < REQUESTS_N_STATES; i++) {
        const char *state = requests_state_name((enum requests_state)i);
        int n = 0;
        LIST_EACH (&s->asked, const struct asked, one)
            n += strcmp(one->state, state) == 0;
        if (REQUESTS_OPEN >> i & 1)
            of(m, "state", state, NULL, NULL, n);
    }
}

static void put_noted(struct metrics *m, const struct status *s)
{
    begin(m, "rule_events", "gauge", "Events of a rule that may still become requests.");
    LIST_EACH (&s->noted, const struct noted, one_of) {
        of(m, "rule", one_of->rule, NULL, NULL, (double)one_of->n);
    }
}

static void put_workers(struct metrics *m, const struct status *s)
{
    begin(m, "stage_enabled", "gauge", "1 if the stage is enabled.");
    LIST_EACH (&s->stage, const struct stage, t) {
        of(m, "stage", t->name, NULL, NULL, t->enabled);
    }
    if (LIST_COUNT(&s->processes, struct process) == 0)
        return;
    begin(m, "process_up", "gauge", "1 if the supervised process is running.");
    LIST_EACH (&s->processes, const struct process, p) {
        if (!p->repeated)
            of(m, "process", p->name, "stage", p->stage, p->pid > 0);
    }
    begin(m, "process_frozen", "gauge", "1 if the process was stopped by a signal (SIGSTOP).");
    LIST_EACH (&s->processes, const struct process, p) {
        if (!p->repeated)
            of(m, "process", p->name, "stage", p->stage, p->frozen);
    }
    begin(m, "process_ends_last_day", "gauge", "Number of unexpected exits.");
    LIST_EACH (&s->processes, const struct process, p) {
        of(m, "process", p->name, "stage", p->stage, (double)p->ends_of_the_day);
    }
}

typedef double job_value_fn(const struct status *s, const struct jobs *j);

static double job_count(const struct status *s, const struct jobs *j)
{
    (void)s;
    return (double)j->n;
}

static double job_oldest_s(const struct status *s, const struct jobs *j)
{
    return j->oldest_us && j->oldest_us < s->now_us ? (double)(s->now_us - j->oldest_us) / 1e6 : 0;
}

static void each_state(struct metrics *m, const struct status *s, job_value_fn *fn)
{
    LIST_EACH (&s->stage, const struct stage, t) {
        for (int k = 0; k < JOB_STATES && t->kind != STAGES_RECEIVE; k++)
            of(m, "stage", t->name, "state", status_job_states[k], fn(s, &t->jobs[k]));
    }
}

static void put_jobs(struct metrics *m, const struct status *s)
{
    static const char *const ages[AGES] = {"1m", "5m", "1h", "1d", "7d", "older"};
    begin(m, "jobs", "gauge", "Jobs.");
    each_state(m, s, job_count);
    begin(m, "jobs_oldest_seconds", "gauge",
          "Age of the oldest job in seconds; 0 if there is none.");
    each_state(m, s, job_oldest_s);
    begin(m, "jobs_stuck", "gauge", "Jobs in progress for longer than their stage allows.");
    LIST_EACH (&s->stage, const struct stage, t) {
        if (t->kind != STAGES_RECEIVE)
            of(m, "stage", t->name, NULL, NULL, (double)t->stuck);
    }
    begin(m, "jobs_leases_lost_total", "counter",
          "Leases that ran out: workers of a site that were not heard of for too long.");
    LIST_EACH (&s->stage, const struct stage, t) {
        if (t->kind != STAGES_RECEIVE)
            of(m, "stage", t->name, NULL, NULL, (double)t->leases_lost);
    }
    begin(m, "jobs_by_age", "gauge",
          "Jobs that are younger than this age, but not than the one before.");
    LIST_EACH (&s->stage, const struct stage, t) {
        for (int k = 0; k < JOB_STATES && t->kind != STAGES_RECEIVE; k++)
            for (int a = 0; a < AGES; a++) {
                print(m, "dashspool_%s", m->name);
                label(m, '{', "stage", t->name);
                label(m, ',', "state", status_job_states[k]);
                label(m, ',', "age", ages[a]);
                print(m, "} %lld\n", (long long)t->jobs[k].of_age[a]);
            }
    }
    one(m, "oldest_item_age_seconds", "gauge",
        "Age of the oldest unfinished item in seconds, partial transfers apart; 0 if there is "
        "none.",
        s->oldest.kind == OLDEST_NONE || s->oldest.kind == OLDEST_PARTIAL
            ? 0
            : (double)(s->now_us - s->oldest.since_us) / 1e6);
}

static void put_transfers(struct metrics *m, const struct status *s)
{
    const struct catalogue_totals *n = &s->totals;
    if (!s->have_totals)
        return;
    begin(m, "transfers", "gauge", "Transfers in the catalogue.");
    of(m, "state", "receiving", NULL, NULL, (double)n->receiving);
    of(m, "state", "stored", NULL, NULL, (double)n->stored);
    of(m, "state", "partial", NULL, NULL, (double)n->partial);
    one(m, "masters_bytes", "gauge", "Bytes of all originals.", (double)n->bytes);
    int64_t told = (int64_t)LIST_COUNT(&s->cameras, struct camera);
    if (told > STATUS_CAMERA_METRICS)
        told = STATUS_CAMERA_METRICS;
    one(m, "cameras", "gauge", "Cameras that have ever sent a file.", (double)s->n_cameras);
    one(m, "cameras_left_out", "gauge", "Of these: without a metric of their own.",
        (double)(s->n_cameras - told));
    one(m, "cameras_overdue", "gauge",
        "Cameras silent for longer than [status] max_silence allows.", (double)s->overdue);
    if (told == 0)
        return;
    begin(m, "camera_last_contact_timestamp_seconds", "gauge",
          "Start of the camera's last transfer, Unix time.");
    for (int64_t i = 0; i < told; i++) {
        const struct camera *c = LIST_AT(&s->cameras, struct camera, i);
        of(m, "imei", c->imei, "camera", c->camera, (double)c->last_us / 1e6);
    }
}

static void put_upkeep(struct metrics *m, const struct status *s)
{
    begin(m, "upkeep_last_timestamp_seconds", "gauge",
          "When it was last done, Unix time; 0: never.");
    for (int i = 0; i < UPKEEP_CLOCK; i++)
        of(m, "task", status_upkeep_tasks[i], NULL, NULL, (double)s->upkeep[i].last.at_us / 1e6);
    begin(m, "upkeep_last_ok", "gauge", "1 if it found no problems, or was never done.");
    for (int i = 0; i < UPKEEP_CLOCK; i++)
        of(m, "task", status_upkeep_tasks[i], NULL, NULL,
           s->upkeep[i].last.ok || !s->upkeep[i].known);
    one(m, "clock_doubted", "gauge", "1 if the last sweep waits because it doubts the clock.",
        s->clock_doubted);
    if (LIST_COUNT(&s->certificates, struct certificate) == 0)
        return;
    begin(m, "certificate_expiry_timestamp_seconds", "gauge",
          "End of the certificate's validity, Unix time.");
    LIST_EACH (&s->certificates, const struct certificate, c) {
        of(m, "setting", c->setting, "path", c->path, (double)c->until_us / 1e6);
    }
}

static void put_part(struct metrics *m, const char *part, int64_t bytes)
{
    if (bytes >= 0)
        of(m, "part", part, NULL, NULL, (double)bytes);
}

static void put_disk(struct metrics *m, const struct status *s)
{
    const struct disk *d = &s->disk;
    if (d->free >= 0) {
        one(m, "disk_free_bytes", "gauge", "Free space on ROOT's disk.", (double)d->free);
        one(m, "disk_size_bytes", "gauge", "Size of ROOT's disk.", (double)d->bytes);
    }
    one(m, "disk_min_free_bytes", "gauge", "Free space below which receiving stops.",
        (double)d->min_free);
    begin(m, "disk_used_bytes", "gauge",
          "Disk usage of ROOT by part; archive may be estimated, spool, packages and telemetry "
          "are lower bounds.");
    put_part(m, "raw", d->raw);
    put_part(m, "archive", d->archive);
    put_part(m, "spool", d->spool);
    put_part(m, "packages", d->packages);
    put_part(m, "telemetry", d->telemetry);
    one(m, "disk_growth_bytes_per_second", "gauge",
        "Growth of ROOT in bytes per second, mean of the last 7 days.", (double)d->a_day / 86400);
    if (d->days_left >= 0)
        one(m, "disk_left_seconds", "gauge",
            "Seconds until receiving stops, at the current growth.", d->days_left * 86400);
}

int status_prometheus(const struct status *s, struct buf *out, struct err *err)
{
    struct metrics m = {.out = out, .rc = ERR_OK, .err = err};
    put_processes(&m, s);
    put_telemetry(&m, s);
    put_asked(&m, s);
    put_noted(&m, s);
    put_workers(&m, s);
    put_jobs(&m, s);
    put_transfers(&m, s);
    put_disk(&m, s);
    put_upkeep(&m, s);
    begin(&m, "errors_last_day", "gauge",
          "Failed jobs, partial transfers, refusals and process exits of the last day.");
    for (int k = 0; k < ERROR_KINDS; k++) {
        int64_t n = 0;
        for (size_t i = 0; i < s->n_errors; i++)
            n += (int)s->errors[i].kind == k ? s->errors[i].n : 0;
        of(&m, "kind", status_error_kinds[k], NULL, NULL, (double)n);
    }
    return m.rc;
}

/* ---- into a file ---- */

int status_prometheus_file(const struct status *s, const char *path, struct err *err)
{
    struct buf text;
    size_t n = strlen(path);
    if (n < 6 || strcmp(path + n - 5, ".prom") != 0 || path[n - 6] == '/')
        return err_set(err, ERR_CONFIG,
                       "%s: the name must end in .prom, or node_exporter does not read it", path);
    buf_init(&text, (size_t)64 << 20);
    int rc = status_prometheus(s, &text, err);
    if (rc == ERR_OK)
        rc = fsx_publish_file(path, buf_data(&text), text.used, err);
    buf_clear(&text);
    return rc;
}
