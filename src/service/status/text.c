/* The screen. */
#include "dashspool/clock.h"
#include "page.h"
#include "status_internal.h"
#include <stdio.h>
#include <string.h>

enum { INDENT = 11, CAMERAS_TOLD = 12 };

/* How many lines a part may have; the rest is counted. */
struct limits {
    int cameras, trackers, errors, claims, job_rows, troubles;
    int details; /* 0: what is well is told in as few lines as can be */
    const struct camera *recent[CAMERAS_TOLD]; /* who was here last, but for those that are now */
    int n_recent;
};

/* A directory with nothing in it but its identity. */
#define EMPTY_BYTES 16384

static const struct limits widest = {CAMERAS_TOLD, 6, 10, 8, 40, 10, 1};
static const struct limits narrowest = {0, 0, 1, 0, 3, 2, 0};

static const char *text_since(const struct status *s, int64_t since_us, char out[24])
{
    bool past = since_us > 0 && since_us < s->now_us;
    return format_span(past ? (s->now_us - since_us) / 1000000 : 0, out);
}

static void text_more(struct page *p, long long n)
{
    if (n > 0)
        page_line(p, STYLE_FAINT, "%*s… %lld more", INDENT, "", n);
}

static void text_transfers(struct page *p, const struct status *s)
{
    const struct catalogue_totals *n = &s->totals;
    char size[24];
    if (!s->have_totals)
        page_line(p, STYLE_WARN, "%-*s unknown", INDENT - 1, "transfers");
    else
        page_line(p, STYLE_STRONG, "%-*s %lld stored, %lld partial, %lld being received: %s",
                  INDENT - 1, "transfers", (long long)n->stored, (long long)n->partial,
                  (long long)n->receiving, size_text(n->bytes, size));
}

/* ---- cameras ---- */

static void put_incoming(struct page *p, const struct incoming *t)
{
    char of[24], rate[24], left[24];
    double part = t->total > 0 ? 100.0 * (double)t->bytes / (double)t->total : 0;
    size_text(t->total, of);
    size_text(t->rate, rate);
    if (t->quiet_s >= 5)
        page_line(p, STYLE_WARN, "  %-15s %-6s %3.0f %% of %s, silent for %s  %s", t->imei,
                  t->camera, part, of, format_span(t->quiet_s, left), t->id);
    else
        page_line(p, STYLE_PLAIN, "  %-15s %-6s %3.0f %% of %s, %s/s, %s left  %s", t->imei,
                  t->camera, part, of, rate, format_span(t->left_s, left), t->id);
}

static bool comes_in(const struct status *s, const struct camera *c)
{
    LIST_EACH (&s->incoming, const struct incoming, t) {
        if (strcmp(t->imei, c->imei) == 0 && strcmp(t->camera, c->camera) == 0)
            return true;
    }
    return false;
}

/* The CAMERAS_TOLD that were here last, in that order. */
static void text_find_recent(const struct status *s, struct limits *l)
{
    LIST_EACH (&s->cameras, const struct camera, c) {
        bool full = l->n_recent == CAMERAS_TOLD;
        if ((full && c->last_us <= l->recent[CAMERAS_TOLD - 1]->last_us) || comes_in(s, c))
            continue;
        int at = full ? CAMERAS_TOLD - 1 : l->n_recent++;
        for (; at > 0 && c->last_us > l->recent[at - 1]->last_us; at--)
            l->recent[at] = l->recent[at - 1];
        l->recent[at] = c;
    }
}

static void put_contacts(struct page *p, const struct status *s, const struct limits *l, int most)
{
    char span[24], at[CLOCK_TEXT_ROOM];
    for (int i = 0; i < l->n_recent && i < most; i++) {
        const struct camera *c = l->recent[i];
        clock_rfc3339(c->last_us, 0, at);
        page_line(p, STYLE_PLAIN, "  %-15s %-6s last seen %s ago, %s", c->imei, c->camera,
                  text_since(s, c->last_us, span), at);
    }
}

static void text_cameras(struct page *p, const struct status *s, const struct limits *most)
{
    size_t n = LIST_COUNT(&s->incoming, struct incoming);
    char rate[24];
    page_line(p, STYLE_STRONG,
              "%-*s %lld, active: %lld in the last hour, %lld in the last day; %lld sending, %s/s",
              INDENT - 1, "cameras", (long long)s->n_cameras, (long long)s->cameras_of_the_hour,
              (long long)s->cameras_of_the_day,
              s->receiver.life == LIFE_RUNNING ? (long long)s->receiver.receiving : 0,
              size_text(s->receiver.life == LIFE_RUNNING ? s->receiver.rate : 0, rate));
    size_t shown = n < (size_t)most->cameras ? n : (size_t)most->cameras;
    for (size_t i = 0; i < shown; i++)
        put_incoming(p, LIST_AT(&s->incoming, struct incoming, i));
    put_contacts(p, s, most, most->cameras - (int)shown);
    long long all = s->n_cameras > (int64_t)n ? (long long)s->n_cameras : (long long)n;
    text_more(p, most->cameras > 0 ? all - most->cameras : 0);
}

/* ---- disk, errors, the oldest ---- */

static const char *until_full(const struct disk *d, char out[64])
{
    char a_day[24], span[24];
    out[0] = '\0';
    if (d->days_left > 3650)
        snprintf(out, 64, "; growing %s/day, room for years", size_text(d->a_day, a_day));
    else if (d->days_left >= 0)
        snprintf(out, 64, "; growing %s/day, full in %s", size_text(d->a_day, a_day),
                 format_span((int64_t)(d->days_left * 86400), span));
    return out;
}

static void put_marks(struct page *p, const struct disk *d)
{
    const struct {
        const char *what;
        int64_t bytes;
    } marks[] = {{"receiving stops below ", d->min_free},
                 {"oldest originals deleted below ", d->delete_free},
                 {"warning below ", d->warn_free}};
    char line[160] = "", size[24];
    for (size_t i = 0; i < 3; i++)
        if (marks[i].bytes > 0)
            snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s%s", *line ? "; " : "",
                     marks[i].what, size_text(marks[i].bytes, size));
    if (*line)
        page_line(p, STYLE_FAINT, "%*s%s", INDENT, "", line);
}

static void text_disk(struct page *p, const struct status *s, const struct limits *most)
{
    const struct disk *d = &s->disk;
    char a[24], b[24], c[24], until[64], packages[48] = "", telemetry[48] = "";
    if (d->free < 0) {
        page_line(p, STYLE_WARN, "%-*s unknown", INDENT - 1, "disk");
        return;
    }
    page_line(p, d->days_left >= 0 && d->days_left < 7 ? STYLE_WARN : STYLE_STRONG,
              "%-*s %s of %s free (%.0f %%)%s", INDENT - 1, "disk", size_text(d->free, a),
              size_text(d->bytes, b), d->bytes > 0 ? 100.0 * (double)d->free / (double)d->bytes : 0,
              until_full(d, until));
    if (most->details == 0)
        return;
    if (d->packages != 0)
        snprintf(packages, sizeof packages, ", packages %s%s", d->packages_more ? "over " : "",
                 size_text(d->packages, a));
    if (d->telemetry > EMPTY_BYTES)
        snprintf(telemetry, sizeof telemetry, ", telemetry %s%s", d->telemetry_more ? "over " : "",
                 size_text(d->telemetry, a));
    page_line(p, STYLE_PLAIN, "%*soriginals %s, copies %s%s, spool %s%s%s%s", INDENT, "",
              size_text(d->raw, a), d->archive_exact || d->archive < 0 ? "" : "about ",
              size_text(d->archive, b), d->spool_more ? "over " : "", size_text(d->spool, c),
              packages, telemetry);
    put_marks(p, d);
}

static void text_errors(struct page *p, const struct status *s, const struct limits *most)
{
    long long n = 0;
    char span[24];
    for (size_t i = 0; i < s->n_errors; i++)
        n += s->errors[i].n;
    page_line(p, STYLE_STRONG, "%-*s in the last day: %lld", INDENT - 1, "errors", n);
    for (size_t i = 0; i < s->n_errors && i < (size_t)most->errors; i++) {
        const struct error *e = &s->errors[i];
        page_line(p, e->kind == ERROR_JOB ? STYLE_BAD : STYLE_PLAIN,
                  "  %5lld × %7s ago  %s: %s (do: %s)", (long long)e->n,
                  text_since(s, e->last_us, span), e->stage, e->what, e->advice);
    }
    text_more(p, (long long)s->n_errors - most->errors);
}

static void text_oldest(struct page *p, const struct status *s)
{
    const struct oldest *o = &s->oldest;
    char span[24];
    if (o->kind == OLDEST_NONE) {
        page_line(p, STYLE_STRONG, "%-*s nothing pending", INDENT - 1, "oldest");
        return;
    }
    const char *stage =
        o->kind == OLDEST_JOB ? LIST_AT(&s->stage, struct stage, o->stage)->name : "receive";
    page_line(p, STYLE_STRONG, "%-*s %s in %s, for %s", INDENT - 1, "oldest", o->id, stage,
              text_since(s, o->since_us, span));
    page_wrap(p, STYLE_PLAIN, INDENT + 5, "%*swhy: %s", INDENT, "", o->why);
    page_wrap(p, STYLE_PLAIN, INDENT + 5, "%*sdo:  %s", INDENT, "", o->advice);
}

/* ---- the top: who is there, and at what ---- */

static void put_head(struct page *p, const struct status *s, const struct limits *most)
{
    char root[200], at[CLOCK_TEXT_ROOM];
    int n = (int)s->n_trouble;
    format_clean(root, sizeof root, s->root);
    clock_rfc3339(s->now_us, 0, at);
    if (n == 0)
        page_line(p, STYLE_STRONG, "%s  %s  OK", root, at);
    else
        page_line(p, STYLE_BAD, "%s  %s  problems: %d", root, at, n);
    for (int i = 0; i < n && i < most->troubles; i++) {
        page_wrap(p, STYLE_BAD, INDENT, "PROBLEM: %s", s->trouble[i].what.text);
        page_wrap(p, STYLE_PLAIN, INDENT, "      do: %s", s->trouble[i].advice.text);
    }
    if (n > most->troubles)
        page_line(p, STYLE_BAD, "PROBLEM: … %d more", n - most->troubles);
}

/* ---- trackers ---- */

static void put_tracker(struct page *p, const struct status *s, const struct tracker *t)
{
    char span[24], last[64] = "no record yet", cameras[80] = "";
    bool bad = status_camera_bad(t->front) || status_camera_bad(t->rear);
    if (t->time_us > 0)
        snprintf(last, sizeof last, "last record %s ago%s", text_since(s, t->time_us, span),
                 t->is_private ? ", private"
                 : t->valid    ? ""
                               : ", no fix");
    if (t->front >= 0)
        snprintf(cameras, sizeof cameras, ", front %s", status_camera_states[t->front]);
    if (t->rear >= 0)
        snprintf(cameras + strlen(cameras), sizeof cameras - strlen(cameras), ", rear %s",
                 status_camera_states[t->rear]);
    page_line(p, bad ? STYLE_WARN : STYLE_PLAIN, "  %-15s %s, %s%s", t->imei,
              t->connected ? "connected" : "not connected", last, cameras);
}

/* Those whose cameras need somebody first, then those that are connected, then the others. */
static int rank_of(const struct tracker *t)
{
    return status_camera_bad(t->front) || status_camera_bad(t->rear) ? 0 : t->connected ? 1 : 2;
}

static void text_trackers(struct page *p, const struct status *s, const struct limits *most)
{
    const struct telemetry *t = &s->telemetry;
    size_t n = LIST_COUNT(&s->trackers, struct tracker);
    int told = 0;
    bool running = t->server.life == LIFE_RUNNING;
    if (!t->server.known && n == 0)
        return;
    page_line(p, STYLE_STRONG, "%-*s %zu, connected: %lld; %.1f records/s%s%s", INDENT - 1,
              "trackers", n, running ? (long long)t->logged_in : 0, running ? t->rate : 0,
              running ? ", on " : "", running ? t->server.listens[0] : "");
    for (int rank = 0; rank < 3; rank++)
        LIST_EACH (&s->trackers, const struct tracker, one) {
            if (rank_of(one) == rank && told < most->trackers && ++told)
                put_tracker(p, s, one);
        }
    text_more(p, most->trackers > 0 ? (long long)n - told : 0);
}

/* What is still to come, and what it waits for. */
static void text_asked(struct page *p, const struct status *s, const struct limits *most)
{
    size_t n = LIST_COUNT(&s->asked, struct asked);
    int told = 0;
    if (n == 0)
        return;
    page_line(p, STYLE_STRONG, "%-*s %zu open", INDENT - 1, "requests", n);
    LIST_EACH (&s->asked, const struct asked, one) {
        if (told == most->trackers)
            break;
        told++;
        page_line(p, STYLE_PLAIN, "  %-4lld %s %s%s%s, by %s: %s: %s", (long long)one->id,
                  one->imei, one->camera, one->camera[0] ? " " : "", one->kind, one->by, one->state,
                  one->why);
    }
    text_more(p, most->trackers > 0 ? (long long)n - told : 0);
}

/* What rules may ask for when its footage is over, and the cameras had time to send it. */
static void text_noted(struct page *p, const struct status *s, const struct limits *most)
{
    char at[CLOCK_TEXT_ROOM], span[24], next[24];
    int64_t all = 0;
    int told = 0;
    LIST_EACH (&s->noted, const struct noted, one) {
        all += one->n;
    }
    if (all == 0)
        return;
    page_line(p, STYLE_STRONG, "%-*s %lld %s of rules may become requests", INDENT - 1, "events",
              SIZE_COUNT(all, "event", "events"));
    LIST_EACH (&s->noted, const struct noted, one) {
        if (told == most->trackers)
            break;
        told++;
        clock_rfc3339(one->oldest_us, 0, at);
        page_line(
            p, STYLE_PLAIN, "  %s: %lld, the oldest of %s (%s ago); next look in %s", one->rule,
            (long long)one->n, at, text_since(s, one->oldest_us, span),
            format_span(one->due_us > s->now_us ? (one->due_us - s->now_us) / 1000000 : 0, next));
    }
    text_more(p, most->trackers > 0 ? (long long)LIST_COUNT(&s->noted, struct noted) - told : 0);
}

static void put_run(struct page *p, const struct status *s)
{
    char span[24];
    enum style style = s->run == LIFE_CRASHED ? STYLE_BAD : STYLE_PLAIN;
    if (s->run == LIFE_RUNNING)
        page_line(p, s->run_frozen ? STYLE_BAD : style, "%-*s %s, process %d, for %s", INDENT - 1,
                  "run", s->run_frozen ? "stopped by a signal" : "running", s->run_pid,
                  text_since(s, s->run_since_us, span));
    else if (s->run_stopped_us > 0)
        page_line(p, style, "%-*s stopped %s ago", INDENT - 1, "run",
                  text_since(s, s->run_stopped_us, span));
    else
        page_line(p, style, "%-*s %s", INDENT - 1, "run", status_lives[s->run]);
}

static void put_staged(struct page *p, const struct status *s, const struct staged *g)
{
    char size[24], span[24];
    if (g->files > 0)
        page_line(p, STYLE_PLAIN, "%*s%lld (%s) wait for the site, the oldest for %s", INDENT, "",
                  (long long)g->files, size_text(g->bytes, size),
                  text_since(s, g->oldest_us, span));
    else
        page_line(p, STYLE_PLAIN, "%*severything is in the site; since start %lld", INDENT, "",
                  (long long)g->accepted);
    if (g->local)
        page_line(p, STYLE_WARN,
                  "%*sack = local: a lost disk can lose footage that cameras have deleted", INDENT,
                  "");
}

static void put_receiver(struct page *p, const struct status *s, const struct limits *most)
{
    const struct receiver *r = &s->receiver;
    char span[24];
    enum style style = r->life == LIFE_CRASHED || r->life == LIFE_STUCK ? STYLE_BAD : STYLE_PLAIN;
    if (!r->known) {
        page_line(p, style, "%-*s %s", INDENT - 1, "receiver", status_lives[r->life]);
        return;
    }
    page_line(p, style, "%-*s %s%s%s%s%s, process %d, for %s", INDENT - 1, "receiver",
              status_lives[r->life], r->n_listens > 0 ? " on " : "", r->listens[0],
              r->n_listens > 1 ? ", " : "", r->listens[1], r->pid,
              text_since(s, r->started_us, span));
    if (most->details == 0)
        return;
    page_line(p, STYLE_PLAIN,
              "%*s%lld open, %lld receiving; since start %lld accepted, %lld refused", INDENT, "",
              (long long)r->connections, (long long)r->receiving, (long long)r->taken,
              (long long)r->refused);
    if (r->staged.in_site)
        put_staged(p, s, &r->staged);
}

/* One that is not there, and should be; or that comes and goes, and failed. */
static void put_absent(struct page *p, const struct status *s, const struct process *q)
{
    char span[24];
    int64_t left_us = q->waits_until_us - s->now_us;
    format_span(left_us > 0 ? left_us / 1000000 : 0, span);
    if (q->repeated && q->how[0])
        page_line(p, STYLE_WARN, "%-*s %s %s ago", INDENT - 1, q->name, q->how,
                  text_since(s, q->ended_us, span));
    else if (!q->repeated && s->run == LIFE_RUNNING)
        page_line(p, STYLE_BAD, "%-*s %s; restart in %s", INDENT - 1, q->name,
                  q->how[0] ? q->how : "ended", span);
}

/* How many processes run keeps of a stage; *well: all of them are there. */
static int count_processes(const struct status *s, const char *stage, bool *well)
{
    int n = 0;
    *well = true;
    LIST_EACH (&s->processes, const struct process, q) {
        if (strcmp(q->stage, stage) != 0)
            continue;
        n++;
        *well = *well && (q->pid > 0 || (q->repeated && !q->how[0]));
    }
    return n;
}

/* All stages whose processes are there on one line. */
static void put_workers(struct page *p, const struct status *s)
{
    char line[PAGE_LINE_ROOM] = "";
    for (size_t i = 0; i < LIST_COUNT(&s->processes, struct process); i++) {
        const struct process *q = LIST_AT(&s->processes, struct process, i);
        const struct process *before = i > 0 ? q - 1 : NULL; /* a stage's come together */
        bool well;
        int n = count_processes(s, q->stage, &well);
        if (q->pid > 0 && well && strcmp(q->stage, "receive") != 0 &&
            (!before || strcmp(before->stage, q->stage) != 0))
            snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s %d", *line ? ", " : "",
                     q->stage, n);
    }
    if (*line)
        page_wrap(p, STYLE_PLAIN, INDENT, "%-*s %s", INDENT - 1, "workers", line);
}

/* The processes that run keeps of a stage; how many lines that took. */
static int put_processes(struct page *p, const struct status *s, const char *stage)
{
    char pids[80] = "", span[24];
    int64_t since_us = 0, ends = 0;
    int n = 0, lines = page_lines(p);
    LIST_EACH (&s->processes, const struct process, q) {
        if (strcmp(q->stage, stage) != 0)
            continue;
        ends += q->ends_of_the_day;
        if (q->pid == 0) {
            put_absent(p, s, q);
            continue;
        }
        if (n++ < 8)
            snprintf(pids + strlen(pids), sizeof pids - strlen(pids), " %d", q->pid);
        if (q->since_us > since_us)
            since_us = q->since_us;
    }
    if (n > 0)
        page_line(p, STYLE_PLAIN, "%-*s process%s%s%s for %s%s", INDENT - 1, stage,
                  n > 1 ? "es" : "", pids, n > 8 ? " …" : "", text_since(s, since_us, span),
                  ends > 0 ? ", restarted today" : "");
    return page_lines(p) - lines;
}

static void put_claims(struct page *p, const struct status *s, size_t stage, int most)
{
    int told = 0;
    long long more = 0;
    LIST_EACH (&s->claims, const struct claim, c) {
        char span[24], who[96] = "a process";
        if (c->stage != stage)
            continue;
        if (told++ >= most) {
            more++;
            continue;
        }
        if (c->where[0])
            memcpy(who, c->where, sizeof who);
        else if (c->pid > 0)
            snprintf(who, sizeof who, "process %d", c->pid);
        page_line(p, c->alive ? STYLE_PLAIN : STYLE_WARN, "%*s%s: attempt %d, for %s, %s%s", INDENT,
                  "", c->job, c->attempt, text_since(s, c->since_us, span), c->alive ? "by " : "",
                  c->alive ? who : "its worker died");
    }
    text_more(p, more);
}

/* Workers that run does not keep are seen by what they work at. */
static void put_stage(struct page *p, const struct status *s, size_t i, const struct limits *most)
{
    const struct stage *t = LIST_AT(&s->stage, struct stage, i);
    int64_t jobs = 0;
    bool well;
    if (most->details == 0 && count_processes(s, t->name, &well) > 0 && well)
        return;
    for (int k = 0; k < JOB_STATES; k++)
        jobs += t->jobs[k].n;
    int told = put_processes(p, s, t->name);
    if (told == 0 && t->alive > 0)
        page_line(p, STYLE_PLAIN, "%-*s jobs in progress: %lld", INDENT - 1, t->name,
                  (long long)t->alive);
    else if (told == 0 && (t->enabled || jobs > 0))
        page_line(p, t->jobs[JOB_READY].n > 0 ? STYLE_WARN : STYLE_PLAIN, "%-*s %s", INDENT - 1,
                  t->name,
                  !t->known     ? "no longer in the settings"
                  : !t->enabled ? "disabled"
                                : "no worker running");
    put_claims(p, s, i, most->claims);
}

static void put_stages(struct page *p, const struct status *s, const struct limits *most)
{
    put_run(p, s);
    put_receiver(p, s, most);
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++)
        if (LIST_AT(&s->stage, struct stage, i)->kind != STAGES_RECEIVE)
            put_stage(p, s, i, most);
    for (size_t i = 0; i < LIST_COUNT(&s->processes, struct process); i++) {
        const char *name = LIST_AT(&s->processes, struct process, i)->stage;
        bool well;
        count_processes(s, name, &well);
        if (status_stage_find(s, name) == SIZE_MAX && (most->details > 0 || !well))
            put_processes(p, s, name); /* watch, sweep: one process each */
    }
    if (most->details == 0)
        put_workers(p, s);
    size_t receive = status_stage_find(s, "receive");
    if (receive != SIZE_MAX && s->receiver.life != LIFE_RUNNING)
        put_processes(p, s, "receive");
}

static void put_job_row(struct page *p, const char *stage, enum job_state state,
                        const struct jobs *j)
{
    static const enum style styles[] = {STYLE_PLAIN, STYLE_WARN, STYLE_PLAIN, STYLE_BAD};
    char row[160];
    int n = snprintf(row, sizeof row, "  %-16.16s %-8s %7lld", stage, status_job_states[state],
                     (long long)j->n);
    for (int a = 0; a < AGES; a++) {
        char cell[24] = ".";
        if (j->of_age[a] > 0)
            snprintf(cell, sizeof cell, "%lld", (long long)j->of_age[a]);
        n += snprintf(row + n, sizeof row - (size_t)n, " %6s", cell);
    }
    page_line(p, styles[state], "%s", row);
}

static void put_jobs(struct page *p, const struct status *s, const struct limits *most)
{
    int64_t n[JOB_STATES] = {0};
    int rows = 0;
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++)
        for (int k = 0; k < JOB_STATES; k++)
            n[k] += LIST_AT(&s->stage, struct stage, i)->jobs[k].n;
    page_line(p, STYLE_STRONG, "%-*s %lld ready, %lld waiting, %lld in progress, %lld failed",
              INDENT - 1, "jobs", (long long)n[JOB_READY], (long long)n[JOB_WAITING],
              (long long)n[JOB_CLAIMED], (long long)n[JOB_FAILED]);
    if (n[JOB_READY] + n[JOB_WAITING] + n[JOB_CLAIMED] + n[JOB_FAILED] == 0)
        return;
    page_line(p, STYLE_FAINT, "  %-25s %7s %6s %6s %6s %6s %6s %6s", "by age", "all", "<1 min",
              "<5 min", "<1 h", "<1 d", "<7 d", "older");
    LIST_EACH (&s->stage, const struct stage, t) {
        for (int k = 0; k < JOB_STATES; k++)
            if (t->jobs[k].n > 0 && rows++ < most->job_rows)
                put_job_row(p, t->name, (enum job_state)k, &t->jobs[k]);
    }
    text_more(p, rows - most->job_rows);
}

/* ---- upkeep and certificates ---- */

static void text_upkeep(struct page *p, const struct status *s, const struct limits *most)
{
    char span[24], never[64] = "";
    const char *head = "upkeep";
    for (int i = 0; i < UPKEEP_CLOCK && most->details > 0; i++) {
        const struct upkeep *u = &s->upkeep[i];
        if (!u->known) {
            snprintf(never + strlen(never), sizeof never - strlen(never), "%s%s",
                     *never ? ", " : "", status_upkeep_tasks[i]);
            continue;
        }
        page_line(p, u->last.ok ? STYLE_PLAIN : STYLE_BAD, "%-*s %s %s ago: %s", INDENT - 1, head,
                  status_upkeep_tasks[i], text_since(s, u->last.at_us, span), u->last.text);
        head = "";
    }
    if (*never)
        page_line(p, STYLE_FAINT, "%-*s never yet: %s", INDENT - 1, head, never);
    head = "certificate";
    LIST_EACH (&s->certificates, const struct certificate, c) {
        int64_t left_us = c->until_us - s->now_us;
        if (most->details > 0)
            page_line(p,
                      left_us < STATUS_CERTIFICATE_DAYS * STATUS_DAY_US ? STYLE_BAD : STYLE_PLAIN,
                      "%-*s %s %s%s", INDENT - 1, head, c->setting,
                      left_us < 0 ? "expired" : "expires in ",
                      left_us < 0 ? "" : format_span(left_us / 1000000, span));
    }
}

/* ---- all ---- */

static void build(struct page *p, const struct status *s, const struct limits *most)
{
    put_head(p, s, most);
    text_oldest(p, s); /* this and what is above it is what a small terminal must show */
    put_stages(p, s, most);
    put_jobs(p, s, most);
    text_transfers(p, s);
    text_cameras(p, s, most);
    text_trackers(p, s, most);
    text_asked(p, s, most);
    text_noted(p, s, most);
    text_disk(p, s, most);
    text_upkeep(p, s, most);
    text_errors(p, s, most);
    if (s->sandbox[0])
        page_line(p, STYLE_WARN, "%-*s %s", INDENT - 1, "sandbox", s->sandbox);
}

/* One line less, from where there are most. */
static bool reduce(struct limits *l)
{
    int *const of[] = {&l->cameras, &l->trackers, &l->claims,
                       &l->errors,  &l->job_rows, &l->troubles};
    const int least[] = {narrowest.cameras, narrowest.trackers, narrowest.claims,
                         narrowest.errors,  narrowest.job_rows, narrowest.troubles};
    int at = -1;
    for (int i = 0; i < 6; i++)
        if (*of[i] > least[i] && (at < 0 || *of[i] > *of[at]))
            at = i;
    if (at >= 0)
        --*of[at];
    else if (l->details > narrowest.details)
        return --l->details, true;
    return at >= 0;
}

int status_text(const struct status *s, const struct status_screen *screen, struct buf *out,
                struct err *err)
{
    struct limits most = widest;
    struct page p;
    text_find_recent(s, &most);
    for (;;) {
        page_init(&p, screen->columns, err);
        build(&p, s, &most);
        if (screen->rows <= 0 || page_lines(&p) <= screen->rows || !reduce(&most))
            break;
        page_clear(&p);
    }
    int rc = page_print(&p, screen->rows, screen->colour, out, err);
    page_clear(&p);
    return rc;
}
