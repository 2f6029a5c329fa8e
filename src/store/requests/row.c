/* Rows: read as the hostile things that they are, and changed with an event each time. */
#include "requests_internal.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *requests_state_name(enum requests_state state)
{
    static const char *const names[REQUESTS_N_STATES] = {
        "queued",  "sent",    "accepted",   "uploading", "waiting",
        "fetched", "refused", "superseded", "expired",   "cancelled"};
    return (unsigned)state < REQUESTS_N_STATES ? names[state] : "unknown";
}

static bool state_of(const char *name, enum requests_state *out)
{
    for (int i = 0; i < REQUESTS_N_STATES; i++)
        if (strcmp(name, requests_state_name((enum requests_state)i)) == 0) {
            *out = (enum requests_state)i;
            return true;
        }
    return false;
}

unsigned lenses_of(const char *camera)
{
    static const struct {
        const char *camera;
        unsigned lenses;
    } all[] = {{"", 0},
               {"front", LENS_FRONT},
               {"rear", LENS_REAR},
               {"both", LENS_FRONT | LENS_REAR},
               {"driver", LENS_DRIVER},
               {"road", LENS_ROAD},
               {"dashcam", LENS_FRONT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(camera, all[i].camera) == 0)
            return all[i].lenses;
    return LENS_OTHER;
}

/* ---- statements ---- */

int row_prepare(struct catalogue *c, struct rows_st **out, const char *sql, struct err *err)
{
    *out = NULL;
    return rows_prepare(c->rows, out, sql, err);
}

int row_run(struct catalogue *c, const char *sql, int64_t id, const char *text, struct err *err)
{
    struct rows_st *st;
    int rc = row_prepare(c, &st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, id);
    if (text)
        rows_bind_text(st, 2, text);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc;
}

int row_number(struct catalogue *c, const char *sql, const char *text, int64_t number, int64_t *out,
               struct err *err)
{
    struct rows_st *st;
    bool found = false;
    *out = 0;
    int rc = row_prepare(c, &st, sql, err);
    if (rc < 0)
        return rc;
    if (text)
        rows_bind_text(st, 1, text);
    rows_bind_int64(st, 2, number);
    rc = rows_step(st, &found, err);
    if (rc == ERR_OK && found)
        *out = rows_column(st, 0);
    rows_finalize(&st);
    return rc;
}

int row_open_ids(struct catalogue *c, const char *imei, struct buf *ids, struct err *err)
{
    struct rows_st *st;
    int rc = row_prepare(c, &st,
                         "SELECT id FROM request WHERE state IN"
                         " ('queued', 'sent', 'accepted', 'uploading', 'waiting')"
                         " AND (CAST(?1 AS TEXT) IS NULL OR imei = ?1) ORDER BY id",
                         err);
    if (rc == ERR_OK && imei)
        rows_bind_text(st, 1, imei);
    if (rc == ERR_OK)
        rc = catalogue_keys_read(st, ids, err);
    rows_finalize(&st);
    return rc;
}

/* ---- reading ---- */

static bool read_what(struct rows_st *st, struct requests_request *r)
{
    char kind[16];
    int64_t seconds, port, com, codec;
    if (!rows_text(st, 0, r->imei, sizeof r->imei) || !rows_text(st, 1, kind, sizeof kind) ||
        !rows_text(st, 2, r->what.camera, sizeof r->what.camera) ||
        !rows_int64(st, 3, 0, UINT32_MAX, &r->what.time_s) ||
        !rows_int64(st, 4, 0, CAMREQ_SECONDS_MAX, &seconds) ||
        !rows_text(st, 5, r->what.resolution, sizeof r->what.resolution) ||
        !rows_text(st, 6, r->what.host, sizeof r->what.host) ||
        !rows_int64(st, 7, 0, 65535, &port) || !rows_int64(st, 8, 0, 2, &com) ||
        !rows_int64(st, 9, 12, 14, &codec) || !rows_text(st, 10, r->command, sizeof r->command) ||
        camreq_kind_value(kind) < 0)
        return false;
    r->what.kind = (enum camreq_kind)camreq_kind_value(kind);
    r->what.seconds = (int)seconds;
    r->what.port = (int)port;
    r->what.com = (int)com;
    r->codec = (int)codec;
    return true;
}

static bool read_course(struct rows_st *st, struct row *row)
{
    struct requests_request *r = &row->r;
    char state[16];
    int64_t waits, sent, files_due, files, failures;
    if (!rows_text(st, 11, r->by, sizeof r->by) ||
        !rows_text(st, 12, r->reason, sizeof r->reason) ||
        !rows_int64(st, 13, INT64_MIN, INT64_MAX, &r->added_us) ||
        !rows_int64(st, 14, INT64_MIN, INT64_MAX, &r->expires_us) ||
        !rows_text(st, 15, state, sizeof state) || !state_of(state, &r->state) ||
        !rows_int64(st, 16, 0, 255, &waits) ||
        !rows_int64(st, 17, INT64_MIN, INT64_MAX, &r->changed_us) ||
        !rows_int64(st, 18, INT64_MIN, INT64_MAX, &r->not_before_us) ||
        !rows_int64(st, 19, 0, INT64_MAX / 1000000, &r->answered_s) ||
        !rows_int64(st, 20, 0, INT32_MAX, &sent) || !rows_int64(st, 21, 0, 2, &files_due) ||
        !rows_int64(st, 22, 0, INT32_MAX, &failures) ||
        !rows_text(st, 23, row->failing, sizeof row->failing) ||
        !rows_int64(st, 24, 0, INT32_MAX, &files) || !rows_text(st, 25, r->why, sizeof r->why) ||
        !rows_text(st, 26, r->words, sizeof r->words) ||
        !rows_int64(st, 27, INT64_MIN, INT64_MAX, &row->first_sent_us))
        return false;
    r->waits = (unsigned)waits;
    r->sent = (int)sent;
    r->files_due = (int)files_due;
    r->files = (int)files;
    row->failures = (int)failures;
    return true;
}

int row_prepare_get(struct catalogue *c, struct rows_st **out, struct err *err)
{
    static const char sql[] =
        "SELECT imei, kind, camera, time_s, seconds, resolution, host, port, com, codec, command,"
        " asked_by, reason, added_us, expires_us, state, waits, changed_us, not_before_us,"
        " answered_s, sent, files_due, failures, failing,"
        " (SELECT count(*) FROM request_transfer WHERE request = ?1 AND complete = 1),"
        " (SELECT what FROM request_event WHERE request = ?1 ORDER BY n DESC LIMIT 1),"
        " (SELECT words FROM request_event WHERE request = ?1 AND words IS NOT NULL"
        "  ORDER BY n DESC LIMIT 1),"
        " (SELECT min(at_us) FROM request_event WHERE request = ?1 AND state = 'sent')"
        " FROM request WHERE id = ?1";
    char locking[sizeof sql + sizeof " FOR UPDATE"];
    if (!catalogue_is_of_site(c) || !rows_in_transaction(c->rows) || c->is_reading)
        return row_prepare(c, out, sql, err);
    /* nobody else changes it until we have */
    snprintf(locking, sizeof locking, "%s FOR UPDATE", sql);
    return row_prepare(c, out, locking, err);
}

int row_read(struct rows_st *st, int64_t id, struct row *out, struct err *err)
{
    bool found = false;
    *out = (struct row){.r.id = id};
    rows_bind_int64(st, 1, id);
    int rc = rows_step(st, &found, err);
    if (rc == ERR_OK && !found)
        rc = err_set(err, ERR_NOTFOUND, "no such request: %" PRId64, id);
    else if (rc == ERR_OK && (!read_what(st, &out->r) || !read_course(st, out)))
        rc = rows_unreadable(st, err, "catalogue: request %" PRId64 " is malformed", id);
    rows_reset(st);
    return rc;
}

int row_get(struct catalogue *c, int64_t id, struct row *out, struct err *err)
{
    struct rows_st *st;
    *out = (struct row){.r.id = id};
    int rc = row_prepare_get(c, &st, err);
    if (rc == ERR_OK)
        rc = row_read(st, id, out, err);
    rows_finalize(&st);
    return rc;
}

int row_get_open(struct catalogue *c, int64_t id, struct row *out, struct err *err)
{
    int rc = row_get(c, id, out, err);
    if (rc != ERR_MALFORMED && rc != ERR_NOTFOUND)
        return rc;
    *out = (struct row){.r = {.id = id, .state = REQUESTS_REFUSED}};
    return ERR_OK;
}

/* ---- changes ---- */

static int add_event(struct catalogue *c, const struct row *row, int64_t now_us, const char *words,
                     struct err *err)
{
    struct rows_st *st;
    int rc = row_prepare(
        c, &st,
        "INSERT INTO request_event(request, n, at_us, state, what, words) VALUES(?1,"
        " (SELECT coalesce(max(n), 0) + 1 FROM request_event WHERE request = ?1), ?2, ?3, ?4, ?5)"
        " ON CONFLICT DO NOTHING",
        err);
    if (rc < 0)
        return rc;
    int64_t added = 0;
    for (int i = 0; rc == ERR_OK && added == 0 && i < CATALOGUE_TRIES; i++) {
        rows_bind_int64(st, 1, row->r.id);
        rows_bind_int64(st, 2, now_us);
        rows_bind_text(st, 3, requests_state_name(row->r.state));
        rows_bind_text(st, 4, row->r.why);
        rows_bind_word(st, 5, words);
        rc = rows_run(st, &added, err);
    }
    rows_finalize(&st);
    return rc == ERR_OK && added == 0
               ? err_set(err, ERR_BUSY, "request %" PRId64 ": others write to it again and again",
                         row->r.id)
               : rc;
}

int row_change(struct catalogue *c, struct row *row, int64_t now_us, const char *words,
               struct err *err, const char *what, ...)
{
    struct requests_request *r = &row->r;
    struct rows_st *st;
    va_list args;
    va_start(args, what);
    vsnprintf(r->why, sizeof r->why, what, args);
    va_end(args);
    if (*words)
        snprintf(r->words, sizeof r->words, "%s", words);
    r->changed_us = now_us;
    int rc = row_prepare(c, &st,
                         "UPDATE request SET (state, waits, changed_us, not_before_us, answered_s,"
                         " sent, failures, failing) = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                         " WHERE id = ?1",
                         err);
    if (rc < 0)
        return rc;
    const int64_t numbers[] = {r->waits,      r->changed_us, r->not_before_us,
                               r->answered_s, r->sent,       row->failures};
    rows_bind_int64(st, 1, r->id);
    rows_bind_text(st, 2, requests_state_name(r->state));
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        rows_bind_int64(st, 3 + i, numbers[i]);
    rows_bind_word(st, 9, row->failing);
    rc = rows_run(st, NULL, err);
    rows_finalize(&st);
    return rc < 0 ? rc : add_event(c, row, now_us, words, err);
}
