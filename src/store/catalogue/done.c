/* What the stages have done of a transfer, have to do, or could not do. */
#include "catalogue_internal.h"
#include <inttypes.h>
#include <limits.h>
#include <string.h>

const char *const catalogue_done_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_DONE_PUT] =
        "INSERT INTO done(transfer, stage, at_us, attempt) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(transfer, stage) DO UPDATE SET at_us = excluded.at_us,"
        " attempt = excluded.attempt",
    [CATALOGUE_SQL_DONE_GET] =
        "SELECT at_us FROM done WHERE transfer = ?1 AND stage = ?2 AND attempt > 0",
    [CATALOGUE_SQL_DONE_AT] = "SELECT stage, at_us, attempt FROM done WHERE transfer = ?1"
                              " ORDER BY stage LIMIT 1 OFFSET ?2",
    [CATALOGUE_SQL_OWE] = "INSERT INTO done(transfer, stage, at_us, attempt) VALUES(?1, ?2, ?3, 0)"
                          " ON CONFLICT(transfer, stage) DO NOTHING",
    [CATALOGUE_SQL_OWE_AGAIN] =
        "INSERT INTO done(transfer, stage, at_us, attempt) VALUES(?1, ?2, ?3, 0)"
        " ON CONFLICT(transfer, stage) DO UPDATE SET at_us = excluded.at_us, attempt = 0",
    [CATALOGUE_SQL_GIVE_UP] =
        "INSERT INTO done(transfer, stage, at_us, attempt) VALUES(?1, ?2, ?3, -1)"
        " ON CONFLICT(transfer, stage) DO UPDATE SET at_us = excluded.at_us, attempt = -1"
        " WHERE done.attempt <= 0",
    [CATALOGUE_SQL_OWED] = "SELECT 1 FROM done WHERE transfer = ?1 AND stage = ?2 AND attempt = 0",
    [CATALOGUE_SQL_OWED_KEYS] =
        "SELECT DISTINCT transfer FROM done WHERE attempt = 0 ORDER BY transfer",
    [CATALOGUE_SQL_TROUBLE_PUT] =
        "INSERT INTO trouble(transfer, stage, why, at_us) VALUES(?1, ?2, ?3, ?4)"
        " ON CONFLICT(transfer, stage) DO UPDATE SET why = excluded.why, at_us = excluded.at_us",
    [CATALOGUE_SQL_TROUBLE_OVER] = "DELETE FROM trouble WHERE transfer = ?1 AND stage = ?2",
    [CATALOGUE_SQL_TROUBLE_GET] =
        "SELECT at_us, why FROM trouble WHERE transfer = ?1 AND stage = ?2",
};

int catalogue_trouble_note(struct catalogue *c, int64_t key, const char *stage,
                           const struct catalogue_trouble *t, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_TROUBLE_PUT, err);
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, stage);
    rows_bind_text(st, 3, t->why);
    rows_bind_int64(st, 4, t->at_us);
    return catalogue_run(c, st, key, err);
}

int catalogue_trouble_over(struct catalogue *c, int64_t key, const char *stage, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_TROUBLE_OVER, err);
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, stage);
    return catalogue_run(c, st, key, err);
}

int catalogue_trouble_get(struct catalogue *c, int64_t key, const char *stage,
                          struct catalogue_trouble *out, bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_TROUBLE_GET, err);
    *out = (struct catalogue_trouble){.at_us = 0};
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, stage);
    int rc = rows_step(st, found, err);
    if (rc == ERR_OK && *found &&
        (!rows_int64(st, 0, INT64_MIN, INT64_MAX, &out->at_us) ||
         !rows_text(st, 1, out->why, sizeof out->why)))
        return rows_unreadable(st, err,
                               "catalogue: the trouble of transfer %" PRId64 " is malformed", key);
    rows_reset(st);
    return rc;
}

/* What a stage has done, or has to do, ends its trouble. */
static int put(struct catalogue *c, enum catalogue_sql sql, int64_t key, const char *stage,
               int64_t at_us, int attempt, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, sql, err);
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, stage);
    rows_bind_int64(st, 3, at_us);
    if (sql == CATALOGUE_SQL_DONE_PUT)
        rows_bind_int64(st, 4, attempt);
    rc = catalogue_run(c, st, key, err);
    if (rc == ERR_OK && sql != CATALOGUE_SQL_OWE)
        rc = catalogue_trouble_over(c, key, stage, err);
    return catalogue_leave(c, own, rc, err);
}

int catalogue_done_put(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                       int attempt, struct err *err)
{
    return put(c, CATALOGUE_SQL_DONE_PUT, key, stage, at_us, attempt, err);
}

int catalogue_owe(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                  struct err *err)
{
    return put(c, CATALOGUE_SQL_OWE, key, stage, at_us, 0, err);
}

int catalogue_owe_again(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                        struct err *err)
{
    return put(c, CATALOGUE_SQL_OWE_AGAIN, key, stage, at_us, 0, err);
}

int catalogue_give_up(struct catalogue *c, int64_t key, const char *stage, int64_t at_us,
                      struct err *err)
{
    return put(c, CATALOGUE_SQL_GIVE_UP, key, stage, at_us, 0, err);
}

int catalogue_is_owed(struct catalogue *c, int64_t key, const char *stage, bool *out,
                      struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_OWED, err);
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, stage);
    int rc = rows_step(st, out, err);
    rows_reset(st);
    return rc;
}

int catalogue_owed_each(struct catalogue *c, catalogue_key_fn *fn, void *arg, struct err *err)
{
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    int rc = catalogue_keys_read(catalogue_sql(c, CATALOGUE_SQL_OWED_KEYS, err), &keys, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++)
        rc = fn(arg, catalogue_keys_at(&keys, i), err);
    buf_clear(&keys);
    return rc;
}

int catalogue_done_get(struct catalogue *c, int64_t key, const char *stage, int64_t *at_us,
                       struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_DONE_GET, err);
    bool found = false;
    *at_us = 0;
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, stage);
    int rc = rows_step(st, &found, err);
    if (rc == ERR_OK && found && !rows_int64(st, 0, 1, INT64_MAX, at_us))
        return rows_unreadable(st, err, "catalogue: stage %s of transfer %" PRId64 " is malformed",
                               stage, key);
    rows_reset(st);
    return rc;
}

static int done_at(struct catalogue *c, int64_t key, int at, struct catalogue_done *out,
                   bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_DONE_AT, err);
    int64_t attempt = 0;
    rows_bind_int64(st, 1, key);
    rows_bind_int64(st, 2, at);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!rows_text(st, 0, out->stage, sizeof out->stage) ||
        !rows_int64(st, 1, 1, INT64_MAX, &out->at_us) ||
        !rows_int64(st, 2, INT_MIN, INT_MAX, &attempt))
        return rows_unreadable(
            st, err, "catalogue: what was done of transfer %" PRId64 " is malformed", key);
    out->attempt = (int)attempt;
    rows_reset(st);
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
