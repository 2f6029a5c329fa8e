/* The screen. */
#include "text.h"
#include "dashspool/clock.h"
#include <stdio.h>
#include <string.h>

static const struct limits widest = {CAMERAS_TOLD, 10, 8, 40, 10, 1};
static const struct limits narrowest = {0, 1, 0, 3, 2, 0};

/* ---- the parts ---- */

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
        page_wrap(p, STYLE_BAD, INDENT, "PROBLEM: %s", s->trouble[i].what);
        page_wrap(p, STYLE_PLAIN, INDENT, "      do: %s", s->trouble[i].advice);
    }
    if (n > most->troubles)
        page_line(p, STYLE_BAD, "PROBLEM: … %d more", n - most->troubles);
}

static void put_run(struct page *p, const struct status *s)
{
    char span[24];
    enum style style = s->run == LIFE_CRASHED ? STYLE_BAD : STYLE_PLAIN;
    if (s->run == LIFE_RUNNING)
        page_line(p, style, "%-*s running, process %d, for %s", INDENT - 1, "run", s->run_pid,
                  text_since(s, s->run_since_us, span));
    else
        page_line(p, style, "%-*s %s", INDENT - 1, "run", status_lives[s->run]);
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
    for (size_t i = 0; i < LIST_COUNT(&s->processes, struct process); i++) {
        const struct process *q = LIST_AT(&s->processes, struct process, i);
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
    for (size_t i = 0; i < LIST_COUNT(&s->processes, struct process); i++) {
        const struct process *q = LIST_AT(&s->processes, struct process, i);
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
    for (size_t i = 0; i < LIST_COUNT(&s->claims, struct claim); i++) {
        const struct claim *c = LIST_AT(&s->claims, struct claim, i);
        char span[24], who[32] = "a process";
        if (c->stage != stage)
            continue;
        if (told++ >= most) {
            more++;
            continue;
        }
        if (c->pid > 0)
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
    for (size_t i = 0; i < LIST_COUNT(&s->stage, struct stage); i++) {
        const struct stage *t = LIST_AT(&s->stage, struct stage, i);
        for (int k = 0; k < JOB_STATES; k++)
            if (t->jobs[k].n > 0 && rows++ < most->job_rows)
                put_job_row(p, t->name, (enum job_state)k, &t->jobs[k]);
    }
    text_more(p, rows - most->job_rows);
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
    text_disk(p, s, most);
    text_errors(p, s, most);
}

/* One line less, from where there are most. */
static bool reduce(struct limits *l)
{
    int *const of[] = {&l->cameras, &l->claims, &l->errors, &l->job_rows, &l->troubles};
    const int least[] = {narrowest.cameras, narrowest.claims, narrowest.errors, narrowest.job_rows,
                         narrowest.troubles};
    int at = -1;
    for (int i = 0; i < 5; i++)
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
