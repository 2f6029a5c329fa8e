/* What belongs to a transfer: how it arrived, and its copies. */
#include "catalogue_internal.h"
#include "dashspool/copy_kind.h"
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

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

int catalogue_arrival_add(struct catalogue *c, int64_t key, const struct catalogue_arrival *a,
                          struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ARRIVAL_ADD, err);
    const int64_t numbers[] = {a->began_us,    a->ended_us,   a->from_bytes,
                               a->until_bytes, a->packets,    a->crc_errors,
                               a->resumes,     a->bytes_lost, a->duplicates};
    rows_bind_int64(st, 1, key);
    rows_bind_text(st, 2, a->peer);
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
        rows_bind_int64(st, 3 + i, numbers[i]);
    rows_bind_word(st, 12, a->errors);
    rows_bind_word(st, 13, a->ended);
    return catalogue_run(c, st, key, err);
}

static int read_arrival(struct catalogue *c, int64_t key, struct catalogue_arrival *out,
                        bool *found, struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ARRIVAL_BY_KEY, err);
    int64_t crc_errors = 0, resumes = 0;
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!rows_text(st, 0, out->peer, sizeof out->peer) ||
        !rows_int64(st, 1, INT64_MIN, INT64_MAX, &out->began_us) ||
        !rows_int64(st, 2, INT64_MIN, INT64_MAX, &out->ended_us) ||
        !rows_int64(st, 3, 0, INT64_MAX, &out->from_bytes) ||
        !rows_int64(st, 4, 0, INT64_MAX, &out->until_bytes) ||
        !rows_int64(st, 5, 0, INT64_MAX, &out->packets) ||
        !rows_int64(st, 6, 0, INT32_MAX, &crc_errors) ||
        !rows_int64(st, 7, 0, INT32_MAX, &resumes) ||
        !rows_int64(st, 8, 0, INT64_MAX, &out->bytes_lost) ||
        !rows_int64(st, 9, 0, INT64_MAX, &out->duplicates) ||
        !rows_text(st, 10, out->errors, sizeof out->errors) ||
        !rows_text(st, 11, out->ended, sizeof out->ended))
        return rows_unreadable(st, err, "catalogue: the row of arrival %" PRId64 " is malformed",
                               key);
    out->crc_errors = (int)crc_errors;
    out->resumes = (int)resumes;
    rows_reset(st);
    return rc;
}

int catalogue_arrival_each(struct catalogue *c, int64_t key, catalogue_arrival_fn *fn, void *arg,
                           struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_ARRIVAL_KEYS, err);
    struct catalogue_arrival a;
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    rows_bind_int64(st, 1, key);
    int rc = catalogue_keys_read(st, &keys, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++) {
        bool found;
        rc = read_arrival(c, catalogue_keys_at(&keys, i), &a, &found, err);
        if (rc == ERR_OK && found)
            rc = fn(arg, &a, err);
    }
    buf_clear(&keys);
    return rc;
}

/* ---- copy ---- */

const char *const catalogue_copy_sql[CATALOGUE_SQL_COUNT] = {
    [CATALOGUE_SQL_RECIPE_PUT] = CATALOGUE_RECIPE_PUT("(SELECT ?1 AS given) AS g", "given"),
    [CATALOGUE_SQL_SETTINGS_PUT] = CATALOGUE_SETTINGS_PUT("(SELECT ?1 AS given) AS g", "given"),
    /* only what no other copy has */
    [CATALOGUE_SQL_SETTINGS_FORGET] =
        "DELETE FROM settings WHERE key IN"
        "  (SELECT settings FROM copy WHERE transfer = ?1 OR path = ?2)"
        " AND NOT EXISTS (SELECT 1 FROM copy WHERE copy.settings = settings.key"
        "                 AND transfer IS DISTINCT FROM ?1 AND path IS DISTINCT FROM ?2)",
    [CATALOGUE_SQL_COPY_PUT] =
        "INSERT INTO copy(transfer, kind, path, length_bytes, sha256, made_us, tool, settings)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT key FROM settings WHERE sha256 = sha256(?8)))"
        " ON CONFLICT(path) DO UPDATE SET transfer = excluded.transfer, kind = excluded.kind,"
        " length_bytes = excluded.length_bytes, sha256 = excluded.sha256,"
        " made_us = excluded.made_us, tool = excluded.tool, settings = excluded.settings",
    [CATALOGUE_SQL_COPY_KEYS] = "SELECT key FROM copy WHERE transfer = ?1 ORDER BY kind, path",
    [CATALOGUE_SQL_COPY_BY_KEY] =
        "SELECT kind, path, length_bytes, sha256, made_us, tool,"
        " iif(settings IS NULL, NULL, coalesce((SELECT " CATALOGUE_SETTINGS_TEXT
        " FROM settings WHERE settings.key = copy.settings), 0))"
        " FROM copy WHERE key = ?1",
    [CATALOGUE_SQL_COPY_REMOVE] = "DELETE FROM copy WHERE path = ?1",
};

int catalogue_settings_forget(struct catalogue *c, int64_t transfer, const char *path,
                              struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_SETTINGS_FORGET, err);
    if (transfer != 0)
        rows_bind_int64(st, 1, transfer);
    rows_bind_word(st, 2, path);
    return rows_run(st, NULL, err);
}

static int put_copy(struct catalogue *c, int64_t key, const struct catalogue_copy *copy,
                    struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_COPY_PUT, err);
    int rc = catalogue_settings_forget(c, 0, copy->path, err);
    for (int i = CATALOGUE_SQL_RECIPE_PUT; rc == ERR_OK && i <= CATALOGUE_SQL_SETTINGS_PUT; i++) {
        struct rows_st *text = catalogue_sql(c, i, err);
        rows_bind_word(text, 1, copy->settings);
        rc = rows_run(text, NULL, err);
    }
    if (rc < 0)
        return rc;
    rows_bind_int64(st, 1, key);
    rows_bind_word(st, 2, copy->kind);
    rows_bind_word(st, 3, copy->path);
    rows_bind_int64(st, 4, copy->length_bytes);
    rows_bind_word(st, 5, copy->sha256);
    rows_bind_int64(st, 6, copy->made_us);
    rows_bind_word(st, 7, copy->tool);
    rows_bind_word(st, 8, copy->settings);
    return catalogue_run(c, st, key, err);
}

int catalogue_copy_put(struct catalogue *c, int64_t key, const struct catalogue_copy *copy,
                       struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc == ERR_OK)
        rc = catalogue_leave(c, own, put_copy(c, key, copy, err), err);
    return rc < 0 ? err_wrap(err, "copy %s", copy->path) : rc;
}

int catalogue_copy_remove(struct catalogue *c, const char *path, struct err *err)
{
    bool own;
    int rc = catalogue_enter(c, &own, err);
    if (rc < 0)
        return rc;
    if ((rc = catalogue_settings_forget(c, 0, path, err)) == ERR_OK) {
        struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_COPY_REMOVE, err);
        rows_bind_word(st, 1, path);
        rc = rows_run(st, NULL, err);
    }
    return catalogue_leave(c, own, rc, err);
}

static int read_copy(struct catalogue *c, int64_t key, struct catalogue_copy *out, bool *found,
                     struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_COPY_BY_KEY, err);
    rows_bind_int64(st, 1, key);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    if (!rows_text(st, 0, out->kind, sizeof out->kind) ||
        !rows_text(st, 1, out->path, sizeof out->path) ||
        !rows_int64(st, 2, 0, INT64_MAX, &out->length_bytes) ||
        !rows_text(st, 3, out->sha256, sizeof out->sha256) ||
        !rows_int64(st, 4, INT64_MIN, INT64_MAX, &out->made_us) ||
        !rows_text(st, 5, out->tool, sizeof out->tool) ||
        !rows_text(st, 6, out->settings, sizeof out->settings))
        return rows_unreadable(st, err, "catalogue: the row of copy %" PRId64 " is malformed", key);
    rows_reset(st);
    return rc;
}

int catalogue_copy_each(struct catalogue *c, int64_t key, catalogue_copy_fn *fn, void *arg,
                        struct err *err)
{
    struct rows_st *st = catalogue_sql(c, CATALOGUE_SQL_COPY_KEYS, err);
    struct catalogue_copy copy;
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    rows_bind_int64(st, 1, key);
    int rc = catalogue_keys_read(st, &keys, err);
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
    static const char partial[] = ".partial.", beside[] = COPY_BESIDE ".";
    const char *base = strrchr(copy->path, '/');
    base = base ? base + 1 : copy->path;
    size_t n = strlen(t->id);
    if (strncmp(base, t->id, n) != 0)
        return true;
    if (strncmp(base + n, partial, sizeof partial - 1) == 0)
        return t->state == CATALOGUE_PARTIAL && copy->made_us >= t->completed_us;
    bool is_beside = strncmp(base + n, beside, sizeof beside - 1) == 0;
    return is_beside == (t->remade == CATALOGUE_REMADE_BESIDE);
}
