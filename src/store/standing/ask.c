/* standing: events are noted, and asked for when their footage is over. */
#include "catalogue/catalogue_internal.h"
#include "dashspool/clock.h"
#include "dashspool/requests.h"
#include "dashspool/wire.h"
#include "standing_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_US   INT64_C(1000000)
#define DAY_MS (86400 * INT64_C(1000))

enum {
    SETTLE_S = 10, /* for events that follow, and what the camera's own trigger tells */
    NEAR_S = 3,    /* a trigger of the camera and the event, at least */
    CLIP_S = 30,   /* a video's time and its event, at most */
    LOOK_S = 60,   /* for a file that is awaited */
    PAIRS_MAX = 100,
    EVENTS_MAX = 200,
    KEPT_DAYS = 5, /* what is older than cards hold is not noted again */
};

/* Of table rule_event, in this order. */
#define COLUMNS "rule, imei, time_ms, what, own, noted_us, due_us, outcome, request"
#define DIGITS  "0123456789"

enum { LENS_FRONT = 1, LENS_REAR = 2, LENS_ROAD = 4 };

static int settle_s(const struct rule *r)
{
    int both = r->before_s + r->after_s;
    return both > SETTLE_S ? both : SETTLE_S;
}

static int prepare(struct catalogue *c, struct rows_st **out, const char *sql, struct err *err)
{
    *out = NULL;
    return rows_prepare(c->rows, out, sql, err);
}

/* ---- noting ---- */

static bool is_fresh(int64_t at_us, int64_t now_us)
{
    return at_us > now_us - REQUESTS_LIFE_US && at_us < now_us + STANDING_AHEAD_US;
}

struct note {
    const struct standing *rules;
    struct catalogue *c;
    struct rows_st *st; /* NULL: nothing to note so far */
    int64_t now_us;
    bool own;
    int noted;
};

static int begin(struct note *n, struct err *err)
{
    int rc = catalogue_enter(n->c, &n->own, err);
    if (rc < 0)
        return rc;
    rc = prepare(n->c, &n->st,
                 "INSERT INTO rule_event(rule, imei, time_ms, what, own, noted_us, due_us)"
                 " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT count(*) FROM rule_event"
                 "  WHERE rule = ?1 AND imei = ?2 AND time_ms >= ?8 AND time_ms < ?9) < ?10"
                 " ON CONFLICT DO NOTHING",
                 err);
    return rc < 0 ? catalogue_leave(n->c, n->own, rc, err) : rc;
}

static int insert(struct note *n, const struct rule *r, const char *imei,
                  const struct avl_record *record, const char *what, struct err *err)
{
    int64_t time_ms = (int64_t)record->time_ms, over_us = (time_ms + r->after_s * 1000) * 1000;
    int64_t day_ms = time_ms / DAY_MS * DAY_MS;
    rows_bind_word(n->st, 1, r->name);
    rows_bind_word(n->st, 2, imei);
    rows_bind_int64(n->st, 3, time_ms);
    rows_bind_word(n->st, 4, what);
    rows_bind_int64(n->st, 5, standing_trigger(n->rules, imei, record));
    rows_bind_int64(n->st, 6, n->now_us);
    rows_bind_int64(n->st, 7, (over_us > n->now_us ? over_us : n->now_us) + settle_s(r) * S_US);
    rows_bind_int64(n->st, 8, day_ms);
    rows_bind_int64(n->st, 9, day_ms + DAY_MS);
    rows_bind_int64(n->st, 10, STANDING_EVENTS_MAX);
    int rc = rows_run(n->st, NULL, err);
    n->noted += rc == ERR_OK ? (int)rows_changes(n->c->rows) : 0;
    return rc;
}

/* The rules that name this record; `note` NULL: only whether there is one. */
static int each_match(const struct standing *rules, const struct records_new *v, int64_t now_us,
                      struct note *note, bool *any, struct err *err)
{
    struct avl_record record;
    char what[STANDING_WHAT_ROOM];
    struct err no;
    int rc = ERR_OK;
    *any = false;
    if (v->state == RECORDS_MISSING ||
        avl_record_decode(v->codec, v->bytes, v->n, &record, &no) < 0 ||
        !is_fresh(avl_record_utc_us(&record), now_us))
        return ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < rules->n; i++) {
        if (!standing_match(rules, i, v->imei, &record, what))
            continue;
        *any = true;
        if (note && !note->st)
            rc = begin(note, err);
        if (note && rc == ERR_OK)
            rc = insert(note, &rules->rule[i], v->imei, &record, what, err);
    }
    return rc;
}

int standing_note(const struct standing *rules, struct catalogue *c, struct records_new *v,
                  size_t n, int64_t now_us, int *noted, struct err *err)
{
    struct note note = {.rules = rules, .c = c, .now_us = now_us};
    bool any;
    int rc = ERR_OK;
    for (size_t i = 0; rules && rules->n > 0 && rc == ERR_OK && i < n; i++)
        rc = each_match(rules, &v[i], now_us, &note, &any, err);
    if (note.st) {
        rows_finalize(&note.st);
        rc = catalogue_leave(c, note.own, rc, err);
    }
    for (size_t i = 0; err_is_temporary(rc) && i < n; i++) {
        struct err no;
        if (each_match(rules, &v[i], now_us, NULL, &any, &no) == ERR_OK && any)
            v[i].state = RECORDS_MISSING;
    }
    *noted = rc == ERR_OK ? note.noted : 0;
    return rc;
}

/* ---- asking ---- */

struct event {
    int64_t time_ms, noted_us, due_us;
    char what[STANDING_WHAT_ROOM];
    int own;       /* the camera's trigger of it; 0: it has none */
    unsigned lens; /* whose footage is to be asked for */
};

/* Due events of a rule and tracker. */
struct asking {
    struct catalogue *c;
    struct records *records;
    const struct rule *rule;
    const char *name, *imei;
    int64_t now_us;
    struct standing_asked *out;
    struct event event[EVENTS_MAX];
    size_t n;
};

/* A statement about one of them: its rule, IMEI and time are ?1 to ?3. */
static int about(const struct asking *a, int64_t time_ms, const char *sql, struct rows_st **st,
                 struct err *err)
{
    int rc = prepare(a->c, st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_word(*st, 1, a->name);
    rows_bind_word(*st, 2, a->imei);
    rows_bind_int64(*st, 3, time_ms);
    return rc;
}

static int settle(struct asking *a, int64_t time_ms, const char *outcome, int64_t request,
                  struct err *err)
{
    struct rows_st *st;
    int rc = about(a, time_ms,
                   "UPDATE rule_event SET outcome = ?4, request = ?5"
                   " WHERE rule = ?1 AND imei = ?2 AND time_ms = ?3",
                   &st, err);
    if (rc < 0)
        return rc;
    rows_bind_word(st, 4, outcome);
    if (request)
        rows_bind_int64(st, 5, request);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

static int postpone(struct asking *a, int64_t time_ms, int64_t due_us, struct err *err)
{
    struct rows_st *st;
    int rc = about(a, time_ms,
                   "UPDATE rule_event SET due_us = ?4"
                   " WHERE rule = ?1 AND imei = ?2 AND time_ms = ?3",
                   &st, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 4, due_us);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

/* A number of a SELECT with rule, IMEI and two numbers bound; no row: 0. */
static int number(const struct asking *a, const char *sql, int64_t x, int64_t y, int64_t *out,
                  struct err *err)
{
    struct rows_st *st;
    bool found = false;
    *out = 0;
    int rc = prepare(a->c, &st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_word(st, 1, a->name);
    rows_bind_word(st, 2, a->imei);
    rows_bind_int64(st, 3, x);
    rows_bind_int64(st, 4, y);
    rc = rows_step(st, &found, err);
    if (rc == ERR_OK && found)
        *out = rows_column(st, 0);
    rows_finalize(&st);
    return rc;
}

/* The request of this rule in whose time it lies; 0: none. */
static int asked_before(const struct asking *a, int64_t time_ms, int64_t *id, struct err *err)
{
    return number(a,
                  "SELECT r.id FROM rule_event AS e JOIN request AS r ON r.id = e.request"
                  " WHERE e.rule = ?1 AND e.imei = ?2 AND e.time_ms BETWEEN ?3 - ?4 AND ?3 + ?4"
                  " AND ?3 BETWEEN r.time_s * 1000 AND (r.time_s + r.seconds) * 1000 LIMIT 1",
                  time_ms, CAMREQ_SECONDS_MAX * 1000, id, err);
}

static unsigned lens_of(const char *camera)
{
    return strcmp(camera, "front") == 0  ? LENS_FRONT
           : strcmp(camera, "rear") == 0 ? LENS_REAR
           : strcmp(camera, "both") == 0 ? LENS_FRONT | LENS_REAR
                                         : LENS_ROAD;
}

static const char *camera_of(unsigned lens)
{
    return lens == LENS_FRONT  ? "front"
           : lens == LENS_REAR ? "rear"
           : lens == LENS_ROAD ? "road"
                               : "both";
}

/* What the cameras have made of an event by themselves. */
struct own {
    const struct event *event;
    unsigned here; /* lenses whose video is here */
    bool comes;    /* one is on its way, or is to be expected */
};

static int see_transfer(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct own *own = arg;
    int64_t at_us = t->known & CATALOGUE_TRIGGER_TIME_OK ? t->trigger_time_us : t->time_us;
    int64_t off_us = at_us - own->event->time_ms * 1000;
    unsigned lens = lens_of(t->camera);
    (void)err;
    if (!(t->known & CATALOGUE_HAS_META) ||
        !wire_trigger_is(t->trigger_name, (uint64_t)own->event->own) || lens == LENS_ROAD ||
        off_us < -CLIP_S * S_US || off_us > CLIP_S * S_US)
        return ERR_OK;
    if (t->state == CATALOGUE_STORED)
        own->here |= lens;
    else
        own->comes = true;
    return ERR_OK;
}

static int see_record(void *arg, const struct records_row *row, struct err *err)
{
    struct own *own = arg;
    struct avl_record record;
    struct avl_io io;
    struct err no;
    (void)err;
    if (row->bytes && avl_record_decode(row->codec, row->bytes, row->n, &record, &no) == ERR_OK &&
        avl_io_find(&record, AVL_ID_CAMERA_TRIGGER, &io) &&
        avl_io_unsigned(&io) == (uint64_t)own->event->own)
        own->comes = true;
    return ERR_OK;
}

static void no_trouble(void *arg, const char *name, const char *why)
{
    (void)arg; /* of a file that cannot be read others tell; it does not keep an event */
    (void)name;
    (void)why;
}

static int look_at_cameras(const struct asking *a, const struct event *e, struct own *own,
                           struct err *err)
{
    const struct rule *r = a->rule;
    int64_t at_us = e->time_ms * 1000;
    const struct catalogue_filter near = {.imei = a->imei,
                                          .kind = "video",
                                          .since_us = at_us - 2 * CLIP_S * S_US,
                                          .until_us = at_us + 2 * CLIP_S * S_US};
    int before_s = r->before_s > NEAR_S ? r->before_s : NEAR_S;
    int after_s = r->after_s > NEAR_S ? r->after_s : NEAR_S;
    const struct records_query triggers = {.imei = a->imei,
                                           .from_ms = e->time_ms - before_s * 1000,
                                           .until_ms = e->time_ms + after_s * 1000,
                                           .event_id = AVL_ID_CAMERA_TRIGGER};
    const struct records_reader reader = {see_record, no_trouble, own};
    *own = (struct own){.event = e};
    if (e->own == 0 || lens_of(r->cameras) == LENS_ROAD)
        return ERR_OK;
    int rc = catalogue_transfer_each(a->c, &near, see_transfer, own, err);
    return rc < 0 ? rc : records_each(a->records, &triggers, &reader, err);
}

/* Whether it is to be asked for now (*left), or else what became of it. */
static int judge(struct asking *a, struct event *e, bool *left, struct err *err)
{
    struct own own;
    int64_t id;
    *left = false;
    if (!is_fresh(e->time_ms * 1000, a->now_us)) {
        a->out->late++;
        return settle(a, e->time_ms, "late", 0, err);
    }
    int rc = asked_before(a, e->time_ms, &id, err);
    if (rc < 0)
        return rc;
    if (id)
        return settle(a, e->time_ms, "with", id, err);
    if ((rc = look_at_cameras(a, e, &own, err)) < 0)
        return rc;
    e->lens = lens_of(a->rule->cameras) & ~own.here;
    if (e->lens == 0) {
        a->out->camera++;
        return settle(a, e->time_ms, "camera", 0, err);
    }
    int64_t until_us = e->noted_us + STANDING_CAMERA_US, next_us = a->now_us + LOOK_S * S_US;
    *left = !own.comes || a->now_us >= until_us;
    return *left ? ERR_OK : postpone(a, e->time_ms, next_us < until_us ? next_us : until_us, err);
}

/* "crash (AVL 247 = 1) at 2024-11-29T07:23:45.250Z, and 2 more: claim" */
static void tell_reason(const struct asking *a, const struct event *e, size_t n, char *out,
                        size_t room)
{
    char at[CLOCK_TEXT_ROOM], more[32] = "";
    clock_rfc3339(e->time_ms * 1000, 3, at);
    if (n > 1)
        snprintf(more, sizeof more, ", and %zu more", n - 1);
    snprintf(out, room, "%s at %s%s%s%s", e->what, at, more, *a->rule->reason ? ": " : "",
             a->rule->reason);
}

/* *n events as one request, from start_s on. If those of the first one's day are used up, *n
 * becomes the number of its events: those behind midnight are of the next day, and have its. */
static int ask_for(struct asking *a, const struct event *e, size_t *n, int64_t start_s,
                   int64_t seconds, struct err *err)
{
    const struct rule *r = a->rule;
    struct requests_request q = {
        .codec = r->codec,
        .what = {.kind = CAMREQ_VIDEO, .time_s = start_s, .seconds = (int)seconds}};
    int64_t today, day_ms = e->time_ms / DAY_MS * DAY_MS;
    unsigned lens = 0;
    int rc = number(a,
                    "SELECT count(DISTINCT request) FROM rule_event WHERE rule = ?1 AND imei = ?2"
                    " AND time_ms >= ?3 AND time_ms < ?4 AND outcome = 'asked'",
                    day_ms, day_ms + DAY_MS, &today, err);
    const char *outcome = today >= r->per_day ? "beyond" : "asked";
    while (today >= r->per_day && e[*n - 1].time_ms >= day_ms + DAY_MS)
        --*n;
    for (size_t i = 0; i < *n; i++)
        lens |= e[i].lens;
    snprintf(q.imei, sizeof q.imei, "%s", a->imei);
    snprintf(q.what.camera, sizeof q.what.camera, "%s", camera_of(lens));
    snprintf(q.by, sizeof q.by, "rule %s", r->name);
    tell_reason(a, e, *n, q.reason, sizeof q.reason);
    if (rc == ERR_OK && today < r->per_day)
        rc = requests_add(a->c, &q, a->now_us, err);
    if (rc == ERR_CONFIG) { /* a limit of commands that none of our settings can break */
        outcome = "refused";
        rc = ERR_OK;
    }
    for (size_t i = 0; rc == ERR_OK && i < *n; i++)
        rc = settle(a, e[i].time_ms, outcome, q.id, err);
    a->out->asked += q.id > 0;
    a->out->beyond += q.id > 0 ? 0 : (int)*n;
    return rc;
}

/* Those whose times overlap are one, if one of them is due. */
static int ask_all(struct asking *a, struct err *err)
{
    const struct rule *r = a->rule;
    int rc = ERR_OK;
    for (size_t i = 0, n; rc == ERR_OK && i < a->n; i += n) {
        int64_t start_s = a->event[i].time_ms / 1000 - r->before_s, end_s = start_s;
        bool due = false;
        for (n = 0; i + n < a->n; n++) {
            const struct event *e = &a->event[i + n];
            int64_t at_s = e->time_ms / 1000;
            if (n > 0 &&
                (at_s - r->before_s > end_s || at_s + r->after_s - start_s > CAMREQ_SECONDS_MAX))
                break;
            end_s = at_s + r->after_s;
            due |= e->due_us <= a->now_us;
        }
        if (due)
            rc = ask_for(a, &a->event[i], &n, start_s, end_s - start_s, err);
    }
    return rc;
}

/* Also those that are not due yet, but over: they may belong to one that is. */
static int read_events(struct asking *a, struct err *err)
{
    struct rows_st *st;
    bool found;
    int rc = prepare(a->c, &st,
                     "SELECT time_ms, what, own, noted_us, due_us FROM rule_event"
                     " WHERE rule = ?1 AND imei = ?2 AND outcome IS NULL AND time_ms <= ?3"
                     " ORDER BY time_ms",
                     err);
    if (rc < 0)
        return rc;
    rows_bind_word(st, 1, a->name);
    rows_bind_word(st, 2, a->imei);
    rows_bind_int64(st, 3, a->now_us / 1000 - a->rule->after_s * 1000);
    for (a->n = 0; a->n < EVENTS_MAX && (rc = rows_step(st, &found, err)) == ERR_OK && found;) {
        struct event *e = &a->event[a->n];
        int64_t own;
        *e = (struct event){.time_ms = rows_column(st, 0),
                            .noted_us = rows_column(st, 3),
                            .due_us = rows_column(st, 4)};
        if (!rows_text(st, 1, e->what, sizeof e->what))
            snprintf(e->what, sizeof e->what, "an event");
        e->own = rows_int64(st, 2, 0, 255, &own) ? (int)own : 0;
        a->n++;
    }
    rows_finalize(&st);
    return rc;
}

static int ask_pair(struct asking *a, struct err *err)
{
    bool own;
    size_t kept = 0;
    int rc = catalogue_enter(a->c, &own, err);
    if (rc < 0)
        return rc;
    rc = read_events(a, err);
    for (size_t i = 0; rc == ERR_OK && i < a->n; i++) {
        bool left;
        rc = judge(a, &a->event[i], &left, err);
        if (rc == ERR_OK && left)
            a->event[kept++] = a->event[i];
    }
    a->n = kept;
    if (rc == ERR_OK)
        rc = ask_all(a, err);
    return catalogue_leave(a->c, own, rc, err);
}

/* Its section is no more. */
static int forget_pair(struct asking *a, struct err *err)
{
    struct rows_st *st;
    int rc = prepare(a->c, &st,
                     "UPDATE rule_event SET outcome = 'gone'"
                     " WHERE rule = ?1 AND imei = ?2 AND outcome IS NULL",
                     err);
    if (rc < 0)
        return rc;
    rows_bind_word(st, 1, a->name);
    rows_bind_word(st, 2, a->imei);
    rc = rows_run(st, NULL, err);
    a->out->late += rc == ERR_OK ? (int)rows_changes(a->c->rows) : 0;
    rows_finalize(&st);
    return rc;
}

struct pair {
    char rule[STANDING_NAME_ROOM], imei[AVL_IMEI_ROOM];
};

static int find_pairs(struct catalogue *c, int64_t now_us, struct pair *out, size_t *n,
                      struct err *err)
{
    struct rows_st *st;
    bool found;
    int rc = prepare(c, &st,
                     "SELECT DISTINCT rule, imei FROM rule_event"
                     " WHERE outcome IS NULL AND due_us <= ?1 LIMIT ?2",
                     err);
    *n = 0;
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, now_us);
    rows_bind_int64(st, 2, PAIRS_MAX);
    while (*n < PAIRS_MAX && (rc = rows_step(st, &found, err)) == ERR_OK && found)
        if (rows_text(st, 0, out[*n].rule, sizeof out->rule) &&
            rows_text(st, 1, out[*n].imei, sizeof out->imei))
            ++*n;
    rows_finalize(&st);
    return rc;
}

static int forget_old(struct catalogue *c, int64_t now_us, struct err *err)
{
    struct rows_st *st;
    int rc = prepare(c, &st, "DELETE FROM rule_event WHERE time_ms < ?1", err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, now_us / 1000 - KEPT_DAYS * DAY_MS);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

int standing_ask(const struct standing *rules, struct catalogue *c, struct records *records,
                 int64_t now_us, struct standing_asked *out, struct err *err)
{
    struct pair pair[PAIRS_MAX];
    size_t n;
    *out = (struct standing_asked){0};
    int rc = find_pairs(c, now_us, pair, &n, err);
    if (rc < 0 || n == 0)
        return rc;
    struct asking *a = calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err, "events");
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        *a = (struct asking){.c = c,
                             .records = records,
                             .name = pair[i].rule,
                             .imei = pair[i].imei,
                             .now_us = now_us,
                             .out = out};
        for (size_t k = 0; k < rules->n; k++)
            if (strcmp(rules->rule[k].name, pair[i].rule) == 0)
                a->rule = &rules->rule[k];
        rc = a->rule ? ask_pair(a, err) : forget_pair(a, err);
    }
    free(a);
    return rc < 0 ? rc : forget_old(c, now_us, err);
}

/* ---- upkeep ---- */

static bool is_event_row(struct rows_st *st)
{
    static const char *const outcomes[] = {"",     "asked",  "with",    "camera",
                                           "late", "beyond", "refused", "gone"};
    struct pair pair;
    char what[STANDING_WHAT_ROOM], outcome[16];
    int64_t number;
    if (!rows_text(st, 0, pair.rule, sizeof pair.rule) ||
        !rows_text(st, 1, pair.imei, sizeof pair.imei) || pair.imei[strspn(pair.imei, DIGITS)] ||
        strlen(pair.imei) != AVL_IMEI_ROOM - 1 ||
        !rows_int64(st, 2, 0, INT64_MAX / 1000, &number) || !rows_text(st, 3, what, sizeof what) ||
        !rows_int64(st, 4, 0, 255, &number) || !rows_text(st, 7, outcome, sizeof outcome) ||
        (!rows_is_null(st, 8) && !rows_int64(st, 8, 1, INT64_MAX, &number)))
        return false;
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (strcmp(outcome, outcomes[i]) == 0)
            return true;
    return false;
}

int standing_check(struct catalogue *c, struct err *err)
{
    struct rows_st *st;
    bool found = true;
    int rc = prepare(c, &st, "SELECT " COLUMNS " FROM rule_event", err);
    while (rc == ERR_OK && (rc = rows_step(st, &found, err)) == ERR_OK && found)
        if (!is_event_row(st)) {
            size_t n, m;
            const char *rule = rows_bytes(st, 0, &n), *imei = rows_bytes(st, 1, &m);
            rc = rows_unreadable(st, err,
                                 "catalogue: an event of rule '%.*s' of tracker %.*s is malformed",
                                 rule ? (int)(n < 40 ? n : 40) : 0, rule ? rule : "",
                                 imei ? (int)(m < 15 ? m : 15) : 0, imei ? imei : "");
        }
    rows_finalize(&st);
    return rc;
}

int standing_carry(struct catalogue *from, struct catalogue *to, struct err *err)
{
    struct rows_st *get = NULL, *put = NULL;
    bool own, found = true;
    int rc = catalogue_enter(to, &own, err);
    if (rc < 0)
        return rc;
    rc = prepare(from, &get, "SELECT " COLUMNS " FROM rule_event", err);
    if (rc == ERR_OK)
        rc = prepare(to, &put, "INSERT INTO rule_event VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     err);
    while (rc == ERR_OK && (rc = rows_step(get, &found, err)) == ERR_OK && found) {
        for (int i = 0; i < 9; i++)
            rows_bind_column(put, i + 1, get, i);
        rc = rows_run(put, NULL, err);
    }
    rows_finalize(&put);
    rows_finalize(&get);
    return catalogue_leave(to, own, rc, err);
}

int standing_forget(struct catalogue *c, const char *imei, int64_t since_us, int64_t until_us,
                    struct err *err)
{
    struct rows_st *st;
    int rc = prepare(c, &st,
                     "DELETE FROM rule_event WHERE imei = ?1 AND time_ms * 1000 >= ?2"
                     " AND (?3 = 0 OR time_ms * 1000 < ?3)",
                     err);
    if (rc < 0)
        return rc;
    rows_bind_word(st, 1, imei);
    rows_bind_int64(st, 2, since_us ? since_us : INT64_MIN);
    rows_bind_int64(st, 3, until_us);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}
