/* Events, looked at: pages of them, numbers, days, and what stands beside one. */
#include "review_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const conditions[REVIEW_CONDITIONS] = {
    [REVIEW_WHOLE] = "whole",     [REVIEW_ENDS_EARLY] = "ends-early", [REVIEW_DAMAGED] = "damaged",
    [REVIEW_PARTIAL] = "partial", [REVIEW_RECEIVING] = "receiving",   [REVIEW_WAITING] = "waiting",
    [REVIEW_FAILED] = "failed"};

const char *review_condition_name(enum review_condition condition)
{
    return (unsigned)condition < REVIEW_CONDITIONS ? conditions[condition] : "unknown";
}

bool review_condition_of(const char *name, enum review_condition *out)
{
    for (int i = 0; i < REVIEW_CONDITIONS; i++)
        if (strcmp(name, conditions[i]) == 0) {
            *out = (enum review_condition)i;
            return true;
        }
    return false;
}

/* ---- rows ---- */

#define SELECT(from)                                                                              \
    "SELECT e.id, e.imei, v.name, v.plate, v.team, e.trigger, e.at_us, e.until_us, e.time_known," \
    " e.tz_min, e.cameras, e.videos, e.photos, e.condition, e.marks, e.lat_deg, e.lon_deg,"       \
    " e.seconds, e.case_number FROM " from " LEFT JOIN vehicle AS v ON v.imei = e.imei"

static int read_event(struct rows_st *st, struct review_event *e, struct err *err)
{
    int64_t condition, cameras, marks, tz_min, videos, photos, time_known;
    *e = (struct review_event){.trigger = ""};
    struct review_vehicle *v = &e->vehicle;
    if (!rows_text(st, 0, e->id, sizeof e->id) || !rows_text(st, 1, v->imei, sizeof v->imei) ||
        !rows_text(st, 2, v->name, sizeof v->name) ||
        !rows_text(st, 3, v->plate, sizeof v->plate) ||
        !rows_text(st, 4, v->group, sizeof v->group) ||
        !rows_text(st, 5, e->trigger, sizeof e->trigger) ||
        !rows_int64(st, 6, INT64_MIN, INT64_MAX, &e->at_us) ||
        !rows_int64(st, 7, INT64_MIN, INT64_MAX, &e->until_us) ||
        !rows_int64(st, 8, 0, 1, &time_known) || !rows_int64(st, 9, -1440, 1440, &tz_min) ||
        !rows_int64(st, 10, 0, 31, &cameras) || !rows_int64(st, 11, 0, INT32_MAX, &videos) ||
        !rows_int64(st, 12, 0, INT32_MAX, &photos) ||
        !rows_int64(st, 13, 0, REVIEW_CONDITIONS - 1, &condition) ||
        !rows_int64(st, 14, 0, 63, &marks) || !rows_double(st, 15, &e->lat_deg) ||
        !rows_double(st, 16, &e->lon_deg) || !rows_double(st, 17, &e->seconds) ||
        !rows_text(st, 18, e->case_number, sizeof e->case_number))
        return rows_unreadable(st, err,
                               "catalogue: the row of an event is malformed; 'dashspool fsck "
                               "--repair' makes it anew");
    e->time_known = time_known;
    e->zone_known = !rows_is_null(st, 9);
    e->tz_min = (int)tz_min;
    e->cameras = (unsigned)cameras;
    e->videos = (int)videos;
    e->photos = (int)photos;
    e->condition = (enum review_condition)condition;
    e->marks = (unsigned)marks;
    e->position = !rows_is_null(st, 15);
    return ERR_OK;
}

/* rc: of what came before. */
static int prepare(struct catalogue *c, struct rows_st **st, int rc, const char *sql,
                   const struct review_where *w, struct err *err)
{
    *st = NULL;
    if (rc == ERR_OK)
        rc = rows_prepare(c->rows, st, sql, err);
    if (rc == ERR_OK)
        review_where_bind(w, *st);
    return rc;
}

/* Which ones they are, an index alone tells, also for the last page. */
int review_each(struct catalogue *c, const struct review_filter *f, int64_t skip, int64_t limit,
                review_event_fn *fn, void *arg, struct err *err)
{
    struct review_where w;
    struct review_event e;
    struct rows_st *st;
    char sql[sizeof w.sql + 1000];
    bool row = true;
    int rc = review_where(&w, c, f, err);
    snprintf(
        sql, sizeof sql,
        SELECT(
            "(SELECT key FROM event%s ORDER BY at_us DESC, key DESC"
            " LIMIT ?%d OFFSET ?%d) AS k CROSS JOIN event AS e ON e.key = k.key") " ORDER BY "
                                                                                  "e.at_us DESC, "
                                                                                  "e.key DESC",
        w.sql, w.n + 1, w.n + 2);
    rc = prepare(c, &st, rc, sql, &w, err);
    if (rc == ERR_OK) {
        rows_bind_int64(st, w.n + 1, limit);
        rows_bind_int64(st, w.n + 2, skip);
    }
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row)
        if ((rc = read_event(st, &e, err)) == ERR_OK)
            rc = fn(arg, &e, err);
    rows_finalize(&st);
    return rc;
}

/* ---- numbers ---- */

/* Grouped by SQL they would be sorted first. */
int review_count(struct catalogue *c, const struct review_filter *f, struct review_counts *out,
                 struct err *err)
{
    struct review_where w;
    struct rows_st *st;
    char sql[sizeof w.sql + 1000];
    bool row = true;
    *out = (struct review_counts){.all = 0};
    int rc = review_where(&w, c, f, err);
    int n = snprintf(sql, sizeof sql, "SELECT count(*), count(*) FILTER (WHERE marks & %d = 0)",
                     REVIEW_REVIEWED);
    for (int i = 0; i < REVIEW_CONDITIONS; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, ", count(*) FILTER (WHERE condition = %d)",
                      i);
    snprintf(sql + n, sizeof sql - (size_t)n, " FROM event%s", w.sql);
    rc = prepare(c, &st, rc, sql, &w, err);
    if (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        out->all = rows_column(st, 0);
        out->to_review = rows_column(st, 1);
        for (int i = 0; i < REVIEW_CONDITIONS; i++)
            out->condition[i] = rows_column(st, 2 + i);
    }
    rows_finalize(&st);
    return rc;
}

static int64_t day_of(int64_t at_us, int64_t east_us)
{
    const int64_t day_us = INT64_C(86400) * 1000000;
    int64_t us =
        at_us > INT64_MAX - INT64_C(86400000000) || at_us < INT64_MIN / 2 ? at_us : at_us + east_us;
    return us / day_us - (us % day_us < 0);
}

int review_days(struct catalogue *c, const struct review_filter *f, int tz_min, review_day_fn *fn,
                void *arg, struct err *err)
{
    struct review_where w;
    struct rows_st *st;
    char sql[sizeof w.sql + 200];
    bool row = true;
    int64_t day = 0, all = 0, to_review = 0, east_us = tz_min * INT64_C(60000000);
    int rc = review_where(&w, c, f, err);
    snprintf(sql, sizeof sql, "SELECT at_us, marks FROM event%s ORDER BY at_us DESC", w.sql);
    rc = prepare(c, &st, rc, sql, &w, err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        int64_t of = day_of(rows_column(st, 0), east_us);
        if (all > 0 && of != day) {
            rc = fn(arg, day, all, to_review, err);
            all = to_review = 0;
        }
        day = of;
        all++;
        to_review += (rows_column(st, 1) & REVIEW_REVIEWED) == 0;
    }
    rows_finalize(&st);
    return rc < 0 || all == 0 ? rc : fn(arg, day, all, to_review, err);
}

/* ---- one ---- */

static int not_there(const char *id, struct err *err)
{
    return err_set(err, ERR_NOTFOUND, "no such transfer: %s", id);
}

#define EVENT_OF                                                                                \
    "(SELECT o.event FROM transfer AS t JOIN event_of AS o ON o.transfer = t.key WHERE t.id = " \
    "?%d)"

int review_get(struct catalogue *c, const char *id, struct review_event *out, struct err *err)
{
    struct rows_st *st = NULL;
    char sql[1000];
    bool found = false;
    snprintf(sql, sizeof sql, SELECT("event AS e") " WHERE e.key = " EVENT_OF, 1);
    int rc = rows_prepare(c->rows, &st, sql, err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, id);
        rc = rows_step(st, &found, err);
    }
    if (rc == ERR_OK)
        rc = found ? read_event(st, out, err) : not_there(id, err);
    rows_finalize(&st);
    return rc;
}

int review_members(struct catalogue *c, const char *id, catalogue_each_fn *fn, void *arg,
                   struct err *err)
{
    struct catalogue_transfer t;
    struct rows_st *st = NULL;
    struct buf keys;
    char sql[500];
    bool found;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    snprintf(sql, sizeof sql,
             "SELECT m.key FROM event_of AS o JOIN transfer AS m ON m.key = o.transfer"
             " WHERE o.event = " EVENT_OF " ORDER BY m.when_us, m.camera, m.id",
             1);
    int rc = rows_prepare(c->rows, &st, sql, err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, id);
        rc = catalogue_keys_read(st, &keys, err);
    }
    rows_finalize(&st);
    if (rc == ERR_OK && catalogue_keys_count(&keys) == 0)
        rc = not_there(id, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++) {
        rc = catalogue_transfer_by_key(c, catalogue_keys_at(&keys, i), &t, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, &t, err);
    }
    buf_clear(&keys);
    return rc;
}

/* ---- beside ---- */

/* The one before it in a list (newer), or behind it. */
static int neighbour(struct catalogue *c, const struct review_where *w, int64_t at_us, int64_t key,
                     bool newer, char out[CATALOGUE_ID_ROOM], struct err *err)
{
    struct rows_st *st;
    char sql[sizeof w->sql + 300];
    bool found = false;
    snprintf(sql, sizeof sql,
             "SELECT id FROM event WHERE key = (SELECT key FROM event%s %s (at_us, key) %s (?%d,"
             " ?%d) ORDER BY at_us %s, key %s LIMIT 1)",
             w->sql, w->sql[0] ? "AND" : "WHERE", newer ? ">" : "<", w->n + 1, w->n + 2,
             newer ? "ASC" : "DESC", newer ? "ASC" : "DESC");
    int rc = prepare(c, &st, ERR_OK, sql, w, err);
    out[0] = '\0';
    if (rc == ERR_OK) {
        rows_bind_int64(st, w->n + 1, at_us);
        rows_bind_int64(st, w->n + 2, key);
        rc = rows_step(st, &found, err);
    }
    if (rc == ERR_OK && found && !rows_text(st, 0, out, CATALOGUE_ID_ROOM))
        rc = rows_unreadable(st, err, "catalogue: the row of an event is malformed");
    rows_finalize(&st);
    return rc;
}

static int place_of(struct catalogue *c, const char *id, int64_t *at_us, int64_t *key,
                    struct err *err)
{
    struct rows_st *st = NULL;
    char sql[400];
    bool found = false;
    snprintf(sql, sizeof sql, "SELECT at_us, key FROM event WHERE key = " EVENT_OF, 1);
    int rc = rows_prepare(c->rows, &st, sql, err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, id);
        rc = rows_step(st, &found, err);
    }
    if (rc == ERR_OK && !found)
        rc = not_there(id, err);
    if (rc == ERR_OK) {
        *at_us = rows_column(st, 0);
        *key = rows_column(st, 1);
    }
    rows_finalize(&st);
    return rc;
}

int review_beside(struct catalogue *c, const struct review_filter *f, const char *id,
                  struct review_beside *out, struct err *err)
{
    struct review_where w;
    struct rows_st *st = NULL;
    char sql[sizeof w.sql + 200];
    int64_t at_us = 0, key = 0;
    bool row = false;
    *out = (struct review_beside){.newer = ""};
    int rc = place_of(c, id, &at_us, &key, err);
    if (rc < 0 || (rc = review_where(&w, c, f, err)) < 0)
        return rc;
    snprintf(sql, sizeof sql,
             "SELECT count(*) FILTER (WHERE (at_us, key) > (?%d, ?%d)), count(*) FROM event%s",
             w.n + 1, w.n + 2, w.sql);
    if ((rc = prepare(c, &st, ERR_OK, sql, &w, err)) == ERR_OK) {
        rows_bind_int64(st, w.n + 1, at_us);
        rows_bind_int64(st, w.n + 2, key);
        rc = rows_step(st, &row, err);
    }
    if (rc == ERR_OK && row) {
        out->before = rows_column(st, 0);
        out->all = rows_column(st, 1);
    }
    rows_finalize(&st);
    if (rc == ERR_OK)
        rc = neighbour(c, &w, at_us, key, true, out->newer, err);
    return rc < 0 ? rc : neighbour(c, &w, at_us, key, false, out->older, err);
}

int review_rebuild(struct catalogue *c, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, catalogue_group_anew(c, err), err);
}
