#include "catalogue_internal.h"
#include <inttypes.h>
#include <limits.h>

const char *const catalogue_done_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_DONE_PUT] =
        "INSERT INTO done(transfer, stage, at_us, attempt) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(transfer, stage) DO UPDATE SET at_us = excluded.at_us,"
        " attempt = excluded.attempt",
    [CATALOGUE_SQL_DONE_GET] = "SELECT at_us FROM done WHERE transfer = ?1 AND stage = ?2",
    [CATALOGUE_SQL_DONE_REMOVE] = "DELETE FROM done WHERE transfer = ?1 AND stage = ?2",
    [CATALOGUE_SQL_DONE_AT] = "SELECT stage, at_us, attempt FROM done WHERE transfer = ?1"
                              " ORDER BY stage LIMIT 1 OFFSET ?2",
};

static int run(struct catalogue *c, sqlite3_stmt *st, int64_t key, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0) {
        sqlx_reset(st);
        return rc;
    }
    rc = sqlx_run(st, err);
    if (rc < 0 && sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
        rc = err_set(err, ERR_NOTFOUND, "no transfer with key %" PRId64, key);
    return catalogue_leave(c, own, rc, err);
}

int catalogue_done_put(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                       int attempt, struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_DONE_PUT];
    sqlite3_bind_int64(st, 1, key);
    sqlx_bind_text(st, 2, stage);
    sqlite3_bind_int64(st, 3, at_us);
    sqlite3_bind_int(st, 4, attempt);
    return run(c, st, key, err);
}

int catalogue_done_get(struct catalogue *c, int64_t key, const char *stage, int64_t *at_us,
                       struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_DONE_GET];
    bool found = false;
    *at_us = 0;
    sqlite3_bind_int64(st, 1, key);
    sqlx_bind_text(st, 2, stage);
    int rc = sqlx_step(st, &found, err);
    if (rc == ERR_OK && found && !sqlx_int64(st, 0, 1, INT64_MAX, at_us))
        return sqlx_unreadable(st, err, "catalogue: stage %s of transfer %" PRId64 " is malformed",
                               stage, key);
    sqlx_reset(st);
    return rc;
}

int catalogue_done_remove(struct catalogue *c, int64_t key, const char *stage, struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_DONE_REMOVE];
    sqlite3_bind_int64(st, 1, key);
    sqlx_bind_text(st, 2, stage);
    return run(c, st, key, err);
}

static int done_at(struct catalogue *c, int64_t key, int at, struct catalogue_done *out,
                   bool *found, struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_DONE_AT];
    int64_t attempt = 0;
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int(st, 2, at);
    int rc = sqlx_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!sqlx_text(st, 0, out->stage, sizeof out->stage) ||
        !sqlx_int64(st, 1, 1, INT64_MAX, &out->at_us) ||
        !sqlx_int64(st, 2, INT_MIN, INT_MAX, &attempt))
        return sqlx_unreadable(
            st, err, "catalogue: what was done of transfer %" PRId64 " is malformed", key);
    out->attempt = (int)attempt;
    sqlx_reset(st);
    return rc;
}

int catalogue_done_each(struct catalogue *c, int64_t key, catalogue_done_fn *fn, void *arg,
                        struct err *err)
{
    struct catalogue_done d;
    bool found = true;
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && found; i++) {
        rc = done_at(c, key, i, &d, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, &d, err);
    }
    return rc;
}
