/* SQLite, over a connection that somebody else has opened (sqlx.h). */
#include "rows_internal.h"
#include "sqlx/sqlx.h"
#include <stdlib.h>

struct lite {
    struct rows rows;
    sqlite3 *db;        /* its owner's */
    sqlite3_stmt *undo; /* there before it is needed: making one needs memory */
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

/* IMMEDIATE: a transaction that reads first and writes later would be told "busy" at once if
 * another process wrote in between, with no waiting. */
static int lite_begin(struct rows *rows, struct err *err)
{
    return sqlx_exec(db_of(rows), "BEGIN IMMEDIATE", err);
}

static int lite_begin_read(struct rows *rows, struct err *err)
{
    return sqlx_exec(db_of(rows), "BEGIN", err);
}

static void lite_rollback(struct rows *rows)
{
    sqlx_rollback(db_of(rows), ((struct lite *)rows)->undo);
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

static void lite_bind_double(struct rows_st *st, int at, double v)
{
    sqlite3_bind_double(st_of(st), at, v);
}

static void lite_bind_text(struct rows_st *st, int at, const char *text, size_t n)
{
    sqlite3_bind_text64(st_of(st), at, text, n, SQLITE_STATIC, SQLITE_UTF8);
}

static void lite_bind_blob(struct rows_st *st, int at, const void *data, size_t n)
{
    sqlx_bind_blob(st_of(st), at, data, n);
}

static int lite_parameters(const struct rows_st *st)
{
    return sqlite3_bind_parameter_count(st_of(st));
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

static int lite_add(struct rows_st *st, const char *number_of, int64_t *number, struct err *err)
{
    int64_t changed = 0;
    (void)number_of; /* the row's own number has one name in all tables that have such */
    int rc = lite_run(st, &changed, err);
    if (rc == ERR_OK && changed > 0)
        *number = sqlite3_last_insert_rowid(((struct lite_st *)st)->db);
    return rc;
}

static int64_t lite_changes(const struct rows *rows)
{
    return sqlite3_changes64(db_of(rows));
}

static bool lite_was_reference(const struct rows *rows)
{
    return sqlite3_extended_errcode(db_of(rows)) == SQLITE_CONSTRAINT_FOREIGNKEY;
}

static bool lite_was_nomem(const struct rows_st *st)
{
    return sqlite3_errcode(((const struct lite_st *)st)->db) == SQLITE_NOMEM;
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

static bool lite_real(const struct rows_st *st, int col, double *out)
{
    return sqlx_double(st_of(st), col, out);
}

static enum rows_type lite_type(const struct rows_st *st, int col)
{
    switch (sqlite3_column_type(st_of(st), col)) {
    case SQLITE_INTEGER:
        return ROWS_NUMBER;
    case SQLITE_FLOAT:
        return ROWS_REAL;
    case SQLITE_TEXT:
        return ROWS_TEXT;
    case SQLITE_BLOB:
        return ROWS_BLOB;
    default:
        return ROWS_NULL;
    }
}

static const void *lite_bytes(const struct rows_st *st, int col, size_t *n)
{
    const void *data = sqlite3_column_blob(st_of(st), col);
    *n = data ? (size_t)sqlite3_column_bytes(st_of(st), col) : 0;
    return data;
}

static int lite_columns(const struct rows_st *st)
{
    return sqlite3_column_count(st_of(st));
}

static void lite_close(struct rows *rows)
{
    sqlite3_finalize(((struct lite *)rows)->undo);
    free(rows);
}

static const struct rows_engine engine = {
    .close = lite_close,
    .begin = lite_begin,
    .begin_read = lite_begin_read,
    .commit = lite_commit,
    .rollback = lite_rollback,
    .in_transaction = lite_in_transaction,
    .exec = lite_exec,
    .prepare = lite_prepare,
    .finalize = lite_finalize,
    .bind_int64 = lite_bind_int64,
    .bind_double = lite_bind_double,
    .bind_text = lite_bind_text,
    .bind_blob = lite_bind_blob,
    .step = lite_step,
    .run = lite_run,
    .add = lite_add,
    .parameters = lite_parameters,
    .changes = lite_changes,
    .was_reference = lite_was_reference,
    .was_nomem = lite_was_nomem,
    .reset = lite_reset,
    .text = lite_text,
    .blob = lite_blob,
    .int64 = lite_int64,
    .real = lite_real,
    .type = lite_type,
    .bytes = lite_bytes,
    .columns = lite_columns,
};

int rows_of_sqlite(struct rows **out, struct sqlite3 *db, struct err *err)
{
    struct lite *lite = calloc(1, sizeof *lite);
    *out = NULL;
    if (!lite)
        return err_nomem(err, "a connection");
    lite->rows = (struct rows){&engine, NULL};
    lite->db = db;
    int rc = sqlx_prepare(db, &lite->undo, SQLX_ROLLBACK, err);
    if (rc < 0)
        free(lite);
    else
        *out = &lite->rows;
    return rc;
}
