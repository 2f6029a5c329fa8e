/* Asked for, listed, taken back; and what upkeep does with them. */
#include "requests_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- to ask ---- */

static bool is_file(const struct camreq *what)
{
    return what->kind == CAMREQ_VIDEO || what->kind == CAMREQ_PHOTO;
}

static int check(struct requests_request *r, int64_t now_us, struct err *err)
{
    size_t n = strspn(r->imei, "0123456789");
    if (n != sizeof r->imei - 1)
        return err_set(err, ERR_CONFIG, "IMEI '%.15s': expected 15 digits, as trackers log in with",
                       r->imei);
    r->codec = r->codec ? r->codec : 12;
    if (r->codec != 12 && r->codec != 14)
        return err_set(err, ERR_CONFIG, "codec %d: expected 12 or 14", r->codec);
    if (!r->by[0])
        return err_set(err, ERR_CONFIG, "a request needs the name of who asks");
    return camreq_command(r->command, &r->what, now_us / 1000000, err);
}

/* A card is overwritten after some three days; what is about to be is asked for two hours. */
static int64_t expiry(const struct requests_request *r)
{
    static const int64_t least_us = (int64_t)2 * 3600 * 1000000;
    int64_t from_us = r->added_us;
    if (r->what.time_s > 0 && r->what.time_s * 1000000 < from_us)
        from_us = r->what.time_s * 1000000;
    int64_t until_us = from_us + REQUESTS_LIFE_US;
    return until_us > r->added_us + least_us ? until_us : r->added_us + least_us;
}

static int insert(struct catalogue *c, struct row *row, struct err *err)
{
    struct requests_request *r = &row->r;
    struct rows_st *st;
    int rc = row_prepare(
        c, &st,
        "INSERT INTO request(imei, kind, camera, time_s, seconds, resolution, host, port, com,"
        " codec, command, asked_by, reason, added_us, expires_us, state, waits, changed_us,"
        " not_before_us, answered_s, sent, files_due, failures)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 'queued', 0,"
        " ?14, 0, 0, 0, ?16, 0)",
        err);
    if (rc < 0)
        return rc;
    const char *const texts[] = {r->imei, camreq_kind_name(r->what.kind), r->what.camera};
    for (int i = 0; i < 3; i++)
        rows_bind_word(st, 1 + i, texts[i]);
    rows_bind_int64(st, 4, r->what.time_s);
    rows_bind_int64(st, 5, r->what.seconds);
    rows_bind_word(st, 6, r->what.resolution);
    rows_bind_word(st, 7, r->what.host);
    rows_bind_int64(st, 8, r->what.port);
    rows_bind_int64(st, 9, r->what.com);
    rows_bind_int64(st, 10, r->codec);
    rows_bind_word(st, 11, r->command);
    rows_bind_word(st, 12, r->by);
    rows_bind_word(st, 13, r->reason);
    rows_bind_int64(st, 14, r->added_us);
    rows_bind_int64(st, 15, r->expires_us);
    rows_bind_int64(st, 16, r->files_due);
    rc = rows_add(st, "id", &r->id, err);
    rows_finalize(&st);
    return rc;
}

/* Those that ask for the same, and are not on their way. */
static int supersede(struct catalogue *c, const struct requests_request *by, int64_t now_us,
                     struct err *err)
{
    struct buf ids;
    struct row row;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    int rc = row_open_ids(c, by->imei, &ids, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&ids); i++) {
        rc = row_get_open(c, catalogue_keys_at(&ids, i), &row, err);
        if (rc < 0 || row.r.id == by->id || strcmp(row.r.command, by->command) != 0 ||
            (row.r.state != REQUESTS_QUEUED && row.r.state != REQUESTS_WAITING))
            continue;
        row.r.state = REQUESTS_SUPERSEDED;
        row.r.waits = 0;
        row.r.not_before_us = 0;
        rc = row_change(c, &row, now_us, "", err, "the same was asked for anew: request %" PRId64,
                        by->id);
    }
    buf_clear(&ids);
    return rc;
}

int requests_add(struct catalogue *c, struct requests_request *r, int64_t now_us, struct err *err)
{
    bool own;
    struct row row;
    int rc = check(r, now_us, err);
    if (rc < 0)
        return rc;
    r->added_us = now_us;
    r->expires_us = expiry(r);
    r->state = REQUESTS_QUEUED;
    r->waits = 0;
    r->changed_us = now_us;
    r->not_before_us = r->answered_s = 0;
    r->sent = r->files = 0;
    r->files_due = !is_file(&r->what) ? 0 : strcmp(r->what.camera, "both") == 0 ? 2 : 1;
    r->why[0] = r->words[0] = '\0';
    if ((rc = catalogue_enter(c, &own, err)) < 0)
        return rc;
    row = (struct row){.r = *r};
    rc = insert(c, &row, err);
    if (rc == ERR_OK)
        rc = row_change(c, &row, now_us, "", err, "asked for by %s", r->by);
    if (rc == ERR_OK)
        rc = supersede(c, &row.r, now_us, err);
    rc = catalogue_leave(c, own, rc, err);
    if (rc == ERR_OK)
        *r = row.r;
    return rc;
}

int requests_cancel(struct catalogue *c, int64_t id, const char *who, int64_t now_us,
                    struct err *err)
{
    bool own;
    struct row row;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rc = row_get(c, id, &row, err);
    if (rc == ERR_OK && row.r.state >= REQUESTS_FETCHED)
        rc = err_set(err, ERR_CONFIG, "request %" PRId64 " is over already: %s", id,
                     requests_state_name(row.r.state));
    if (rc == ERR_OK) {
        bool out = row.r.state == REQUESTS_SENT || row.r.state == REQUESTS_ACCEPTED ||
                   row.r.state == REQUESTS_UPLOADING;
        row.r.state = REQUESTS_CANCELLED;
        row.r.waits = 0;
        row.r.not_before_us = 0;
        rc = row_change(c, &row, now_us, "", err, "cancelled by %s%s", who,
                        out ? "; the tracker has the command, and may send the file none the less"
                            : "");
    }
    return catalogue_leave(c, own, rc, err);
}

/* ---- to look ---- */

int requests_get(struct catalogue *c, int64_t id, struct requests_request *out, struct err *err)
{
    struct row row;
    int rc = row_get(c, id, &row, err);
    *out = row.r;
    return rc;
}

/* The ids that match. */
static int find(struct catalogue *c, const struct requests_filter *f, struct buf *ids,
                struct err *err)
{
    char states[200] = "";
    char sql[600];
    struct rows_st *st;
    size_t used = 0;
    for (int i = 0; f->states && i < REQUESTS_N_STATES; i++)
        if (f->states & 1u << i)
            used += (size_t)snprintf(states + used, sizeof states - used, "%s'%s'",
                                     used ? ", " : "", requests_state_name((enum requests_state)i));
    snprintf(sql, sizeof sql,
             "SELECT id FROM request WHERE (CAST(?1 AS TEXT) IS NULL OR imei = ?1) AND (CAST(?2 AS "
             "TEXT) IS NULL OR asked_by ="
             " ?2) AND added_us >= ?3%s%s%s ORDER BY id",
             used ? " AND state IN (" : "", states, used ? ")" : "");
    int rc = row_prepare(c, &st, sql, err);
    if (rc < 0)
        return rc;
    rows_bind_word(st, 1, f->imei ? f->imei : "");
    rows_bind_word(st, 2, f->by ? f->by : "");
    rows_bind_int64(st, 3, f->since_us ? f->since_us : INT64_MIN);
    rc = catalogue_keys_read(st, ids, err);
    rows_finalize(&st);
    return rc;
}

int requests_each(struct catalogue *c, const struct requests_filter *filter, requests_fn *fn,
                  void *arg, struct err *err)
{
    struct buf ids;
    struct row row;
    struct err one, first = {.code = ERR_OK};
    struct rows_st *st = NULL;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    int rc = find(c, filter, &ids, err);
    if (rc == ERR_OK)
        rc = row_prepare_get(c, &st, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&ids); i++) {
        int read = row_read(st, catalogue_keys_at(&ids, i), &row, &one);
        if (read == ERR_OK)
            rc = fn(arg, &row.r, err);
        else if (read == ERR_MALFORMED && first.code == ERR_OK)
            first = one;
        else if (read != ERR_MALFORMED && read != ERR_NOTFOUND) { /* removed meanwhile */
            *err = one;
            rc = read;
        }
    }
    rows_finalize(&st);
    buf_clear(&ids);
    if (rc == ERR_OK && first.code != ERR_OK) {
        *err = first;
        rc = first.code;
    }
    return rc;
}

int requests_count(struct catalogue *c, const struct requests_filter *filter, int64_t *out,
                   struct err *err)
{
    struct buf ids;
    buf_init(&ids, CATALOGUE_KEYS_BYTES_MAX);
    int rc = find(c, filter, &ids, err);
    *out = (int64_t)catalogue_keys_count(&ids);
    buf_clear(&ids);
    return rc;
}

static bool read_event(struct rows_st *st, struct requests_event *e)
{
    char state[16];
    if (!rows_int64(st, 0, INT64_MIN, INT64_MAX, &e->at_us) ||
        !rows_text(st, 1, state, sizeof state) || !rows_text(st, 2, e->what, sizeof e->what) ||
        !rows_text(st, 3, e->words, sizeof e->words))
        return false;
    for (int i = 0; i < REQUESTS_N_STATES; i++)
        if (strcmp(state, requests_state_name((enum requests_state)i)) == 0) {
            e->state = (enum requests_state)i;
            return true;
        }
    return false;
}

static bool read_file(struct rows_st *st, struct requests_file *f)
{
    int64_t complete, by_order;
    if (!rows_text(st, 0, f->transfer, sizeof f->transfer) ||
        !rows_text(st, 1, f->camera, sizeof f->camera) ||
        !rows_int64(st, 2, INT64_MIN, INT64_MAX, &f->at_us) ||
        !rows_int64(st, 3, 0, 1, &complete) || !rows_int64(st, 4, 0, 1, &by_order))
        return false;
    f->complete = complete;
    f->by_order = by_order;
    return true;
}

/* The parts of a request, each by its place, so that fn may write. */
static int part_at(struct rows_st *st, int64_t id, int64_t at, bool *found, struct err *err)
{
    *found = false;
    rows_bind_int64(st, 1, id);
    rows_bind_int64(st, 2, at);
    return rows_step(st, found, err);
}

int requests_event_each(struct catalogue *c, int64_t id, requests_event_fn *fn, void *arg,
                        struct err *err)
{
    bool found = true;
    struct rows_st *st;
    int rc = row_prepare(c, &st,
                         "SELECT at_us, state, what, words FROM request_event"
                         " WHERE request = ?1 AND n = ?2",
                         err);
    for (int64_t n = 1; rc == ERR_OK && found; n++) {
        struct requests_event e;
        rc = part_at(st, id, n, &found, err);
        if (rc == ERR_OK && found && !read_event(st, &e))
            rc = rows_unreadable(
                st, err, "catalogue: event %" PRId64 " of request %" PRId64 " is malformed", n, id);
        rows_reset(st);
        if (rc == ERR_OK && found)
            rc = fn(arg, &e, err);
    }
    rows_finalize(&st);
    return rc;
}

int requests_file_each(struct catalogue *c, int64_t id, requests_file_fn *fn, void *arg,
                       struct err *err)
{
    bool found = true;
    struct rows_st *st;
    int rc = row_prepare(c, &st,
                         "SELECT transfer, camera, at_us, complete, by_order FROM request_transfer"
                         " WHERE request = ?1 ORDER BY at_us, transfer LIMIT 1 OFFSET ?2",
                         err);
    for (int64_t n = 0; rc == ERR_OK && found; n++) {
        struct requests_file f;
        rc = part_at(st, id, n, &found, err);
        if (rc == ERR_OK && found && !read_file(st, &f))
            rc = rows_unreadable(st, err, "catalogue: a file of request %" PRId64 " is malformed",
                                 id);
        rows_reset(st);
        if (rc == ERR_OK && found)
            rc = fn(arg, &f, err);
    }
    rows_finalize(&st);
    return rc;
}

/* ---- upkeep ---- */

/* Copies the rows of a table as they are: whoever reads them judges them. */
static int carry_table(struct catalogue *from, struct catalogue *to, const char *table, int columns,
                       struct err *err)
{
    char sql[200];
    struct rows_st *get = NULL, *put = NULL;
    bool found = true;
    snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
    int rc = row_prepare(from, &get, sql, err);
    int n = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(?1", table);
    for (int i = 2; i <= columns; i++)
        n += snprintf(sql + n, sizeof sql - (size_t)n, ", ?%d", i);
    snprintf(sql + n, sizeof sql - (size_t)n, ")");
    if (rc == ERR_OK)
        rc = row_prepare(to, &put, sql, err);
    while (rc == ERR_OK && (rc = rows_step(get, &found, err)) == ERR_OK && found) {
        for (int i = 0; i < columns; i++)
            rows_bind_column(put, i + 1, get, i);
        rc = rows_run(put, NULL, err);
    }
    rows_finalize(&put);
    rows_finalize(&get);
    return rc;
}

/* No id is used twice, also if the newest request was forgotten. */
static int carry_sequence(struct catalogue *from, struct catalogue *to, struct err *err)
{
    int64_t last;
    int rc = row_number(from,
                        catalogue_is_of_site(from)
                            ? "SELECT last_value FROM request_id_seq WHERE is_called"
                            : "SELECT seq FROM sqlite_sequence WHERE name = 'request'",
                        NULL, 0, &last, err);
    if (rc == ERR_OK && catalogue_is_of_site(to))
        return row_run(to, "SELECT setval('request_id_seq', ?1) WHERE ?1 > 0", last, NULL, err);
    if (rc == ERR_OK)
        rc = row_run(to, "DELETE FROM sqlite_sequence WHERE name = ?2 AND seq <= ?1", last,
                     "request", err);
    return rc < 0 ? rc
                  : row_run(to,
                            "INSERT INTO sqlite_sequence(name, seq) SELECT ?2, ?1 WHERE ?1 > 0 AND"
                            " NOT EXISTS(SELECT 1 FROM sqlite_sequence WHERE name = ?2)",
                            last, "request", err);
}

int requests_carry(struct catalogue *from, struct catalogue *to, struct err *err)
{
    bool own;
    int rc = catalogue_enter(to, &own, err);
    if (rc < 0)
        return rc;
    if ((rc = carry_table(from, to, "request", 25, err)) == ERR_OK &&
        (rc = carry_table(from, to, "request_event", 6, err)) == ERR_OK &&
        (rc = carry_table(from, to, "request_transfer", 6, err)) == ERR_OK)
        rc = carry_sequence(from, to, err);
    return catalogue_leave(to, own, rc, err);
}

#define OVER                                                                      \
    " FROM request WHERE state NOT IN"                                            \
    " ('queued', 'sent', 'accepted', 'uploading', 'waiting') AND changed_us < ?2" \
    " AND CAST(?1 AS TEXT) IS NULL"

int requests_sweep(struct catalogue *c, int64_t before_us, bool dry_run, int64_t *n,
                   struct err *err)
{
    enum { AT_ONCE = 1000 };
    bool own;
    struct rows_st *st = NULL;
    int gone = AT_ONCE, rc;
    *n = 0;
    if (dry_run)
        return row_number(c, "SELECT count(*)" OVER, NULL, before_us, n, err);
    for (rc = ERR_OK; rc == ERR_OK && gone == AT_ONCE; *n += rc == ERR_OK ? gone : 0) {
        if ((rc = catalogue_enter(c, &own, err)) < 0)
            return rc;
        rc = row_prepare(c, &st,
                         "DELETE FROM request WHERE id IN (SELECT id" OVER " ORDER BY id LIMIT ?3)",
                         err);
        if (rc == ERR_OK) {
            rows_bind_int64(st, 2, before_us);
            rows_bind_int64(st, 3, AT_ONCE);
            rc = rows_run(st, NULL, err);
            gone = rc == ERR_OK ? (int)rows_changes(c->rows) : 0;
        }
        rows_finalize(&st);
        rc = catalogue_leave(c, own, rc, err);
    }
    return rc;
}

#define OF_TIME                                              \
    " FROM request WHERE imei = ?1"                          \
    " AND iif(time_s > 0, time_s * 1000000, added_us) >= ?2" \
    " AND (?3 = 0 OR iif(time_s > 0, time_s * 1000000, added_us) < ?3)"

int requests_forget(struct catalogue *c, const char *imei, int64_t since_us, int64_t until_us,
                    bool dry_run, int64_t *n, struct err *err)
{
    bool own, found;
    struct rows_st *st = NULL;
    *n = 0;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rc = row_prepare(c, &st, dry_run ? "SELECT count(*)" OF_TIME : "DELETE" OF_TIME, err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, imei);
        rows_bind_int64(st, 2, since_us ? since_us : INT64_MIN);
        rows_bind_int64(st, 3, until_us);
        rc = rows_step(st, &found, err);
        if (rc == ERR_OK)
            *n = dry_run ? rows_column(st, 0) : rows_changes(c->rows);
    }
    rows_finalize(&st);
    return catalogue_leave(c, own, rc, err);
}
