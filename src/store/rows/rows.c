/* The door: the engine of a connection does it. */
#include "rows_internal.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rows_close(struct rows **rows)
{
    if (*rows)
        (*rows)->engine->close(*rows);
    *rows = NULL;
}

int rows_begin(struct rows *rows, struct err *err)
{
    return rows->engine->begin(rows, err);
}

int rows_begin_read(struct rows *rows, struct err *err)
{
    return rows->engine->begin_read(rows, err);
}

int rows_commit(struct rows *rows, struct err *err)
{
    return rows->engine->commit(rows, err);
}

void rows_rollback(struct rows *rows)
{
    rows->engine->rollback(rows);
}

bool rows_in_transaction(const struct rows *rows)
{
    return rows->engine->in_transaction(rows);
}

int rows_exec(struct rows *rows, const char *sql, struct err *err)
{
    return rows->engine->exec(rows, sql, err);
}

int rows_prepare(struct rows *rows, struct rows_st **out, const char *sql, struct err *err)
{
    int rc = rows->engine->prepare(rows, out, sql, err);
    if (rc == ERR_OK)
        (*out)->engine = rows->engine;
    return rc;
}

void rows_finalize(struct rows_st **st)
{
    if (*st)
        (*st)->engine->finalize(*st);
    *st = NULL;
}

void rows_bind_int64(struct rows_st *st, int at, int64_t v)
{
    if (st)
        st->engine->bind_int64(st, at, v);
}

void rows_bind_double(struct rows_st *st, int at, double v)
{
    if (st)
        st->engine->bind_double(st, at, v);
}

void rows_bind_text_n(struct rows_st *st, int at, const char *text, size_t n)
{
    if (st)
        st->engine->bind_text(st, at, text, n);
}

void rows_bind_text(struct rows_st *st, int at, const char *text)
{
    rows_bind_text_n(st, at, text, text ? strlen(text) : 0);
}

void rows_bind_word(struct rows_st *st, int at, const char *text)
{
    rows_bind_text(st, at, text && *text ? text : NULL);
}

void rows_bind_blob(struct rows_st *st, int at, const void *data, size_t n)
{
    if (st)
        st->engine->bind_blob(st, at, data, n);
}

void rows_bind_column(struct rows_st *st, int at, const struct rows_st *from, int col)
{
    double real;
    size_t n;
    switch (from->engine->type(from, col)) {
    case ROWS_NULL:
        rows_bind_text(st, at, NULL);
        break;
    case ROWS_NUMBER:
        rows_bind_int64(st, at, rows_column(from, col));
        break;
    case ROWS_REAL:
        if (rows_double(from, col, &real))
            rows_bind_double(st, at, real);
        break;
    case ROWS_TEXT: {
        const char *text = rows_bytes(from, col, &n);
        rows_bind_text_n(st, at, text, n);
        break;
    }
    case ROWS_BLOB: {
        const void *data = rows_bytes(from, col, &n);
        rows_bind_blob(st, at, data, n);
        break;
    }
    }
}

int rows_parameters(const struct rows_st *st)
{
    return st ? st->engine->parameters(st) : 0;
}

int rows_step(struct rows_st *st, bool *row, struct err *err)
{
    *row = false;
    return st ? st->engine->step(st, row, err) : err->code;
}

int rows_run(struct rows_st *st, int64_t *changed, struct err *err)
{
    return st ? st->engine->run(st, changed, err) : err->code;
}

int rows_add(struct rows_st *st, const char *number_of, int64_t *number, struct err *err)
{
    *number = 0;
    return st ? st->engine->add(st, number_of, number, err) : err->code;
}

void rows_reset(struct rows_st *st)
{
    if (st)
        st->engine->reset(st);
}

int64_t rows_changes(const struct rows *rows)
{
    return rows->engine->changes(rows);
}

bool rows_was_reference(const struct rows *rows)
{
    return rows->engine->was_reference(rows);
}

int rows_numbers(struct rows *rows, const char *sql, int64_t *const out[], int n, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    int rc = rows_prepare(rows, &st, sql, err);
    if (rc == ERR_OK)
        rc = rows_step(st, &row, err);
    for (int i = 0; i < n; i++)
        *out[i] = row ? rows_column(st, i) : 0;
    rows_finalize(&st);
    return rc;
}

int rows_number(struct rows *rows, const char *sql, int64_t *out, struct err *err)
{
    return rows_numbers(rows, sql, &out, 1, err);
}

bool rows_text(const struct rows_st *st, int col, char *out, size_t room)
{
    return st->engine->text(st, col, out, room);
}

bool rows_blob(const struct rows_st *st, int col, uint8_t *out, size_t room, size_t *n)
{
    return st->engine->blob(st, col, out, room, n);
}

bool rows_int64(const struct rows_st *st, int col, int64_t min, int64_t max, int64_t *out)
{
    return st->engine->int64(st, col, min, max, out);
}

bool rows_double(const struct rows_st *st, int col, double *out)
{
    return st->engine->real(st, col, out);
}

int64_t rows_column(const struct rows_st *st, int col)
{
    int64_t v;
    return rows_int64(st, col, INT64_MIN, INT64_MAX, &v) ? v : 0;
}

bool rows_is_null(const struct rows_st *st, int col)
{
    return st->engine->type(st, col) == ROWS_NULL;
}

const void *rows_bytes(const struct rows_st *st, int col, size_t *n)
{
    enum rows_type type = st->engine->type(st, col);
    *n = 0;
    return type == ROWS_TEXT || type == ROWS_BLOB ? st->engine->bytes(st, col, n) : NULL;
}

int rows_columns(const struct rows_st *st)
{
    return st->engine->columns(st);
}

bool rows_was_nomem(const struct rows_st *st)
{
    return st->engine->was_nomem(st);
}

int rows_unreadable(struct rows_st *st, struct err *err, const char *fmt, ...)
{
    char text[sizeof err->text];
    bool nomem = rows_was_nomem(st);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rows_reset(st);
    if (nomem)
        return err_set(err, ERR_NOMEM, "%s, or there is no memory to read it", text);
    return err_set(err, ERR_MALFORMED, "%s", text);
}

/* ---- the schema ---- */

static int read_version(struct rows *rows, const char *part, int64_t *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    int rc = rows_prepare(rows, &st, "SELECT version FROM schema_version WHERE part = ?1", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, part);
        rc = rows_step(st, &row, err);
    }
    *out = 0;
    if (rc == ERR_OK && row && !rows_int64(st, 0, 0, INT32_MAX, out))
        rc = err_set(err, ERR_MALFORMED, "the site's database: the version of %s is malformed",
                     part);
    rows_finalize(&st);
    return rc;
}

static int write_version(struct rows *rows, const char *part, int64_t version, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(rows, &st,
                          "INSERT INTO schema_version(part, version) VALUES(?1, ?2)"
                          " ON CONFLICT(part) DO UPDATE SET version = excluded.version",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, part);
        rows_bind_int64(st, 2, version);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

/* In a transaction that holds the lock: others may have been quicker. */
static int upgrade(struct rows *rows, const char *part, const char *const *steps, size_t n,
                   struct err *err)
{
    char sql[200];
    int64_t version = 0;
    int rc = rows_exec(
        rows, "SELECT pg_advisory_xact_lock(hashtextextended('dashspool schema', 0))", err);
    snprintf(sql, sizeof sql,
             "CREATE SCHEMA IF NOT EXISTS %.60s;"
             "CREATE TABLE IF NOT EXISTS schema_version("
             " part text COLLATE \"C\" PRIMARY KEY, version bigint NOT NULL)",
             rows->schema);
    if (rc == ERR_OK)
        rc = rows_exec(rows, sql, err);
    if (rc == ERR_OK)
        rc = read_version(rows, part, &version, err);
    if (rc < 0 || version >= (int64_t)n)
        return rc;
    for (; rc == ERR_OK && version < (int64_t)n; version++)
        rc = rows_exec(rows, steps[version], err);
    return rc < 0 ? rc : write_version(rows, part, (int64_t)n, err);
}

int rows_schema(struct rows *rows, const char *part, const char *const *steps, size_t n,
                struct err *err)
{
    int64_t version = 0;
    int rc = read_version(rows, part, &version, err);
    if (rc == ERR_OK && version > (int64_t)n)
        return err_set(err, ERR_UNSUPPORTED,
                       "the site's %s are of a newer version of dashspool (%lld, this one knows "
                       "%zu); install that one on this node",
                       part, (long long)version, n);
    if ((rc < 0 && rc != ERR_UNSUPPORTED) || version == (int64_t)n)
        return rc;
    if ((rc = rows_begin(rows, err)) < 0)
        return rc;
    rc = upgrade(rows, part, steps, n, err);
    if (rc == ERR_OK)
        return rows_commit(rows, err);
    rows_rollback(rows);
    return rc;
}
