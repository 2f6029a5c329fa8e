#include "catalogue_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const catalogue_copy_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_COPY_PUT] =
        "INSERT INTO copy(transfer, kind, path, length_bytes, sha256, made_us, tool, settings)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        " ON CONFLICT(path) DO UPDATE SET transfer = excluded.transfer, kind = excluded.kind,"
        " length_bytes = excluded.length_bytes, sha256 = excluded.sha256,"
        " made_us = excluded.made_us, tool = excluded.tool, settings = excluded.settings",
    [CATALOGUE_SQL_COPY_KEYS] = "SELECT key FROM copy WHERE transfer = ?1 ORDER BY kind, path",
    [CATALOGUE_SQL_COPY_BY_KEY] = "SELECT kind, path, length_bytes, sha256, made_us, tool, settings"
                                  " FROM copy WHERE key = ?1",
};

static int run_put(struct catalogue *c, int64_t key, const struct catalogue_copy *copy,
                   struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_COPY_PUT];
    sqlite3_bind_int64(st, 1, key);
    sqlx_bind_text(st, 2, copy->kind);
    sqlx_bind_text(st, 3, copy->path);
    sqlite3_bind_int64(st, 4, copy->length_bytes);
    sqlx_bind_text(st, 5, copy->sha256);
    sqlite3_bind_int64(st, 6, copy->made_us);
    sqlx_bind_text(st, 7, copy->tool);
    sqlx_bind_text(st, 8, copy->settings);
    int rc = sqlx_run(st, err);
    if (rc < 0 && sqlite3_extended_errcode(c->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
        rc = err_set(err, ERR_NOTFOUND, "no transfer with key %" PRId64, key);
    return rc < 0 ? err_wrap(err, "copy %s", copy->path) : rc;
}

int catalogue_copy_put(struct catalogue *c, int64_t key, const struct catalogue_copy *copy,
                       struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    return rc < 0 ? rc : catalogue_leave(c, own, run_put(c, key, copy, err), err);
}

static int read_copy(struct catalogue *c, int64_t key, struct catalogue_copy *out, bool *found,
                     struct err *err)
{
    sqlite3_stmt *st = c->sql[CATALOGUE_SQL_COPY_BY_KEY];
    sqlite3_bind_int64(st, 1, key);
    int rc = sqlx_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!sqlx_text(st, 0, out->kind, sizeof out->kind) ||
        !sqlx_text(st, 1, out->path, sizeof out->path) ||
        !sqlx_int64(st, 2, 0, INT64_MAX, &out->length_bytes) ||
        !sqlx_text(st, 3, out->sha256, sizeof out->sha256) ||
        !sqlx_int64(st, 4, INT64_MIN, INT64_MAX, &out->made_us) ||
        !sqlx_text(st, 5, out->tool, sizeof out->tool) ||
        !sqlx_text(st, 6, out->settings, sizeof out->settings))
        return sqlx_unreadable(st, err, "catalogue: the row of copy %" PRId64 " is malformed", key);
    sqlx_reset(st);
    return rc;
}

int catalogue_copy_each(struct catalogue *c, int64_t key, catalogue_copy_fn *fn, void *arg,
                        struct err *err)
{
    struct catalogue_copy copy;
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    sqlite3_bind_int64(c->sql[CATALOGUE_SQL_COPY_KEYS], 1, key);
    int rc = catalogue_keys_read(c->sql[CATALOGUE_SQL_COPY_KEYS], &keys, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++) {
        bool found;
        rc = read_copy(c, catalogue_keys_at(&keys, i), &copy, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, &copy, err);
    }
    buf_clear(&keys);
    return rc;
}

bool catalogue_copy_is_current(const struct catalogue_transfer *t,
                               const struct catalogue_copy *copy)
{
    char begins[CATALOGUE_ID_ROOM + 16];
    const char *base = strrchr(copy->path, '/');
    snprintf(begins, sizeof begins, "%s.partial.", t->id);
    bool of_partial = strncmp(base ? base + 1 : copy->path, begins, strlen(begins)) == 0;
    return !of_partial || (t->state == CATALOGUE_PARTIAL && copy->made_us >= t->completed_us);
}
