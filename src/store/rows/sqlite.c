/* SQLite, over a connection that somebody else has opened (sqlx.h). */
#include "rows_internal.h"
#include "sqlx/sqlx.h"
#include <stdlib.h>

struct lite {
    struct rows rows;
    sqlite3 *db; /* its owner's */
};

struct lite_st {
    struct rows_st st;
    sqlite3 *db;
    sqlite3_stmt *sqlite;
};

static sqlite3 *db_of(const struct rows *rows)
{
    return ((const struct lite *)rows)->db;
}

static sqlite3_stmt *st_of(const struct rows_st *st)
{
    return ((const struct lite_st *)st)->sqlite;
}

/* ---- transactions ---- */

static int lite_begin(struct rows *rows, struct err *err)
{
    return sqlx_exec(db_of(rows), "BEGIN IMMEDIATE", err);
}

static void lite_rollback(struct rows *rows)
{
    if (!sqlite3_get_autocommit(db_of(rows)))
        sqlite3_exec(db_of(rows), "ROLLBACK", NULL, NULL, NULL);
}

static int lite_commit(struct rows *rows, struct err *err)
{
    int rc = sqlx_exec(db_of(rows), "COMMIT", err);
    if (rc < 0)
        lite_rollback(rows);
    return rc;
}

static bool lite_in_transaction(const struct rows *rows)
{
    return !sqlite3_get_autocommit(db_of(rows));
}

static int lite_exec(struct rows *rows, const char *sql, struct err *err)
{
    return sqlx_exec(db_of(rows), sql, err);
}

/* ---- statements ---- */

static void lite_finalize(struct rows_st *st)
{
    sqlite3_finalize(st_of(st));
    free(st);
}

static int lite_prepare(struct rows *rows, struct rows_st **out, const char *sql, struct err *err)
{
    struct lite_st *st = calloc(1, sizeof *st);
    *out = NULL;
    if (!st)
        return err_nomem(err, "a statement");
    st->db = db_of(rows);
    int rc = sqlx_prepare(st->db, &st->sqlite, sql, err);
    if (rc < 0)
        free(st);
    else
        *out = &st->st;
    return rc;
}

static void lite_bind_int64(struct rows_st *st, int at, int64_t v)
{
    sqlite3_bind_int64(st_of(st), at, v);
}

static void lite_bind_text(struct rows_st *st, int at, const char *text)
{
    sqlite3_bind_text(st_of(st), at, text, -1, SQLITE_TRANSIENT);
}

static void lite_bind_blob(struct rows_st *st, int at, const void *data, size_t n)
{
    if (n > 0)
        sqlite3_bind_blob64(st_of(st), at, data, n, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(st_of(st), at);
}

static int lite_step(struct rows_st *st, bool *row, struct err *err)
{
    return sqlx_step(st_of(st), row, err);
}

static int lite_run(struct rows_st *st, int64_t *changed, struct err *err)
{
    int rc = sqlx_run(st_of(st), err);
    if (rc == ERR_OK && changed)
        *changed = sqlite3_changes64(((struct lite_st *)st)->db);
    return rc;
}

static void lite_reset(struct rows_st *st)
{
    sqlx_reset(st_of(st));
}

static bool lite_text(const struct rows_st *st, int col, char *out, size_t room)
{
    return sqlx_text(st_of(st), col, out, room);
}

static bool lite_blob(const struct rows_st *st, int col, uint8_t *out, size_t room, size_t *n)
{
    return sqlx_blob(st_of(st), col, out, room, n);
}

static bool lite_int64(const struct rows_st *st, int col, int64_t min, int64_t max, int64_t *out)
{
    return sqlx_int64(st_of(st), col, min, max, out);
}

static void lite_close(struct rows *rows)
{
    free(rows);
}

static const struct rows_engine engine = {
    .close = lite_close,
    .begin = lite_begin,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .in_transaction = lite_in_transaction,
    .exec = lite_exec,
    .prepare = lite_prepare,
    .finalize = lite_finalize,
    .bind_int64 = lite_bind_int64,
    .bind_text = lite_bind_text,
    .bind_blob = lite_bind_blob,
    .step = lite_step,
    .run = lite_run,
    .reset = lite_reset,
    .text = lite_text,
    .blob = lite_blob,
    .int64 = lite_int64,
};

int rows_of_sqlite(struct rows **out, struct sqlite3 *db, struct err *err)
{
    struct lite *lite = calloc(1, sizeof *lite);
    *out = NULL;
    if (!lite)
        return err_nomem(err, "a connection");
    *out = &lite->rows;
    lite->rows = (struct rows){&engine, NULL};
    lite->db = db;
    return ERR_OK;
}
