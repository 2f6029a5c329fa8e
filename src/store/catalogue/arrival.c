#include "catalogue_internal.h"
#include <inttypes.h>

const char *const catalogue_arrival_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_ARRIVAL_ADD] =
        "INSERT INTO arrival(transfer, peer, began_us, ended_us, from_bytes, until_bytes, packets,"
        " crc_errors, resumes, bytes_lost, duplicates, errors, ended)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    [CATALOGUE_SQL_ARRIVAL_KEYS] = "SELECT key FROM arrival WHERE transfer = ?1 ORDER BY key",
    [CATALOGUE_SQL_ARRIVAL_BY_KEY] =
        "SELECT peer, began_us, ended_us, from_bytes, until_bytes, packets, crc_errors, resumes,"
        " bytes_lost, duplicates, errors, ended FROM arrival WHERE key = ?1",
};

static int run_add(struct catalogue *c, int64_t key, const struct catalogue_arrival *a,
                   struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_ARRIVAL_ADD];
    const int64_t numbers[] = {a->began_us,    a->ended_us,   a->from_bytes,
                               a->until_bytes, a->packets,    a->crc_errors,
                               a->resumes,     a->bytes_lost, a->duplicates};
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_text(st, 2, a->peer, -1, SQLITE_STATIC);
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        sqlite3_bind_int64(st, 3 + i, numbers[i]);
    sqlx_bind_text(st, 12, a->errors);
    sqlx_bind_text(st, 13, a->ended);
    int rc = sqlx_run(st, err);
    if (rc < 0 && sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
        rc = err_set(err, ERR_NOTFOUND, "no transfer with key %" PRId64, key);
    return rc;
}

int catalogue_arrival_add(struct catalogue *c, int64_t key, const struct catalogue_arrival *a,
                          struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, run_add(c, key, a, err), err);
}

static int read_arrival(struct catalogue *c, int64_t key, struct catalogue_arrival *out,
                        bool *found, struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_ARRIVAL_BY_KEY];
    int64_t crc_errors = 0, resumes = 0;
    sqlite3_bind_int64(st, 1, key);
    int rc = sqlx_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!sqlx_text(st, 0, out->peer, sizeof out->peer) ||
        !sqlx_int64(st, 1, INT64_MIN, INT64_MAX, &out->began_us) ||
        !sqlx_int64(st, 2, INT64_MIN, INT64_MAX, &out->ended_us) ||
        !sqlx_int64(st, 3, 0, INT64_MAX, &out->from_bytes) ||
        !sqlx_int64(st, 4, 0, INT64_MAX, &out->until_bytes) ||
        !sqlx_int64(st, 5, 0, INT64_MAX, &out->packets) ||
        !sqlx_int64(st, 6, 0, INT32_MAX, &crc_errors) ||
        !sqlx_int64(st, 7, 0, INT32_MAX, &resumes) ||
        !sqlx_int64(st, 8, 0, INT64_MAX, &out->bytes_lost) ||
        !sqlx_int64(st, 9, 0, INT64_MAX, &out->duplicates) ||
        !sqlx_text(st, 10, out->errors, sizeof out->errors) ||
        !sqlx_text(st, 11, out->ended, sizeof out->ended))
        return sqlx_unreadable(st, err, "catalogue: the row of arrival %" PRId64 " is malformed",
                               key);
    out->crc_errors = (int)crc_errors;
    out->resumes = (int)resumes;
    sqlx_reset(st);
    return rc;
}

int catalogue_arrival_each(struct catalogue *c, int64_t key, catalogue_arrival_fn *fn, void *arg,
                           struct err *err)
{
    struct catalogue_arrival a;
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    sqlite3_bind_int64(c->sql[CATALOGUE_SQL_ARRIVAL_KEYS], 1, key);
    int rc = catalogue_keys_read(c->sql[CATALOGUE_SQL_ARRIVAL_KEYS], &keys, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++) {
        bool found;
        rc = read_arrival(c, catalogue_keys_at(&keys, i), &a, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, &a, err);
    }
    buf_clear(&keys);
    return rc;
}
