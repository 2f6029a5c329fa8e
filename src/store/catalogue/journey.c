#include "catalogue_internal.h"
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *const catalogue_journey_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_RECORD_PUT] =
        "INSERT INTO journey(transfer, time_ms, priority, event, sha256, codec, arrived_us, raw)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    [CATALOGUE_SQL_RECORD_NEXT] =
        "SELECT time_ms, priority, event, sha256, codec, arrived_us, raw FROM journey"
        " WHERE transfer = ?1 AND (time_ms, priority, event, sha256) > (?2, ?3, ?4, ?5)"
        " AND time_ms <= ?6 ORDER BY time_ms, priority, event, sha256 LIMIT 1",
    [CATALOGUE_SQL_RECORD_COUNT] =
        "SELECT count(*), coalesce(sum(length(raw)), 0) FROM journey WHERE transfer = ?1",
    [CATALOGUE_SQL_MATCH_PUT] =
        "INSERT INTO journey_event(transfer, time_ms, priority, event, sha256, difference_ms)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(transfer) DO UPDATE SET"
        " time_ms = excluded.time_ms, priority = excluded.priority, event = excluded.event,"
        " sha256 = excluded.sha256, difference_ms = excluded.difference_ms",
    [CATALOGUE_SQL_MATCH_GET] = "SELECT time_ms, priority, event, sha256, difference_ms"
                                " FROM journey_event WHERE transfer = ?1",
    [CATALOGUE_SQL_PRIVATE_PUT] = "INSERT INTO private_mode(transfer) VALUES(?1)"
                                  " ON CONFLICT DO NOTHING",
    [CATALOGUE_SQL_PRIVATE_OVER] = "DELETE FROM private_mode WHERE transfer = ?1",
};

static void bind_name(struct rows_st *st, int64_t key, int64_t time_ms, int priority, int event,
                      const uint8_t sha256[HASH_BYTES])
{
    rows_bind_int64(st, 1, key);
    rows_bind_int64(st, 2, time_ms);
    rows_bind_int64(st, 3, priority);
    rows_bind_int64(st, 4, event);
    rows_bind_blob(st, 5, sha256, HASH_BYTES);
}

int catalogue_record_put(struct catalogue *c, int64_t key, const struct catalogue_record *r,
                         bool *added, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_RECORD_PUT, err);
    bind_name(st, key, r->time_ms, r->priority, r->event, r->sha256);
    rows_bind_int64(st, 6, r->codec);
    rows_bind_int64(st, 7, r->arrived_us);
    rows_bind_blob(st, 8, r->raw, r->raw_bytes);
    int rc = catalogue_run(c, st, key, err);
    *added = rc == ERR_OK && rows_changes(c->rows) > 0;
    return rc;
}

/* Of times in milliseconds whose microseconds are a number, too. */
#define MS_MAX (INT64_MAX / 1000)

/* The name of a row, in the columns from 0 on. */
static bool read_name(struct rows_st *st, int64_t *time_ms, int *priority, int *event,
                      uint8_t sha256[HASH_BYTES])
{
    int64_t p, e;
    size_t n;
    if (!rows_int64(st, 0, -MS_MAX, MS_MAX, time_ms) || !rows_int64(st, 1, 0, UINT8_MAX, &p) ||
        !rows_int64(st, 2, 0, UINT16_MAX, &e) || !rows_blob(st, 3, sha256, HASH_BYTES, &n) ||
        n != HASH_BYTES)
        return false;
    *priority = (int)p;
    *event = (int)e;
    return true;
}

/* raw: its room is UINT16_MAX. */
static bool read_record(struct rows_st *st, struct catalogue_record *r, uint8_t *raw)
{
    int64_t codec;
    bool good = read_name(st, &r->time_ms, &r->priority, &r->event, r->sha256) &&
                rows_int64(st, 4, 0, UINT8_MAX, &codec) &&
                rows_int64(st, 5, INT64_MIN, INT64_MAX, &r->arrived_us) &&
                rows_blob(st, 6, raw, UINT16_MAX, &r->raw_bytes);
    r->codec = good ? (int)codec : 0;
    r->raw = raw;
    return good;
}

int catalogue_record_each(struct catalogue *c, int64_t key, int64_t from_ms, int64_t until_ms,
                          catalogue_record_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_RECORD_NEXT, err);
    /* behind this there is everything of from_ms */
    struct catalogue_record r = {.time_ms = from_ms, .priority = -1};
    uint8_t *raw = malloc(UINT16_MAX);
    bool found = true;
    int rc = raw ? ERR_OK : err_nomem(err, "records");
    while (rc == ERR_OK && found) {
        bind_name(st, key, r.time_ms, r.priority, r.event, r.sha256);
        rows_bind_int64(st, 6, until_ms);
        rc = rows_step(st, &found, err);
        if (rc == ERR_OK && found && !read_record(st, &r, raw))
            rc = rows_unreadable(st, err,
                                 "catalogue: a record of transfer %" PRId64 " is malformed", key);
        rows_reset(st);
        if (rc == ERR_OK && found)
            rc = fn(arg, &r, err);
    }
    free(raw);
    return rc;
}

int catalogue_record_count(struct catalogue *c, int64_t key, int64_t *records, int64_t *bytes,
                           struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_RECORD_COUNT, err);
    bool row = false;
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, &row, err);
    *records = *bytes = 0;
    if (rc == ERR_OK && row &&
        (!rows_int64(st, 0, 0, INT64_MAX, records) || !rows_int64(st, 1, 0, INT64_MAX, bytes)))
        rc = rows_unreadable(st, err, "catalogue: records of transfer %" PRId64 " are malformed",
                             key);
    rows_reset(st);
    return rc;
}

int catalogue_match_put(struct catalogue *c, int64_t key, const struct catalogue_match *m,
                        struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_MATCH_PUT, err);
    bind_name(st, key, m->time_ms, m->priority, m->event, m->sha256);
    rows_bind_int64(st, 6, m->difference_ms);
    return catalogue_run(c, st, key, err);
}

int catalogue_match_get(struct catalogue *c, int64_t key, struct catalogue_match *out, bool *found,
                        struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_MATCH_GET, err);
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, found, err);
    if (rc == ERR_OK && *found &&
        (!read_name(st, &out->time_ms, &out->priority, &out->event, out->sha256) ||
         !rows_int64(st, 4, -MS_MAX, MS_MAX, &out->difference_ms)))
        rc = rows_unreadable(st, err, "catalogue: the event of transfer %" PRId64 " is malformed",
                             key);
    rows_reset(st);
    return rc;
}

int catalogue_private_put(struct catalogue *c, int64_t key, bool is_private, struct err *err)
{
    struct rows_st *st =
        catalogue_sql(c, is_private ? CATALOGUE_SQL_PRIVATE_PUT : CATALOGUE_SQL_PRIVATE_OVER, err);
    rows_bind_int64(st, 1, key);
    return catalogue_run(c, st, key, err);
}
