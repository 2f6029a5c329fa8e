#include "catalogue_internal.h"
#include "dashspool/fsx.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int catalogue_check(struct catalogue *c, bool quick, catalogue_flaw_fn *fn, void *arg,
                    struct err *err)
{
    int64_t changed = 0;
    int rc = c->db ? sqlx_check(c->db, quick, fn, arg, err) : ERR_OK;
    if (rc == ERR_OK && !quick)
        rc =
            rows_number(c->rows,
                        "SELECT (SELECT count(*) FROM settings"
                        " WHERE sha256 IS DISTINCT FROM sha256(" CATALOGUE_SETTINGS_TEXT ")) +"
                        " (SELECT count(*) FROM recipe WHERE sha256 IS DISTINCT FROM sha256(text))",
                        &changed, err);
    if (rc < 0 || changed == 0)
        return rc;
    char text[96];
    snprintf(text, sizeof text, "settings of copies that do not have their checksum: %d",
             (int)changed);
    return fn(arg, text, err);
}

int catalogue_count_newer(const char *root, int64_t *custodies, int64_t *protections,
                          struct err *err)
{
    struct sqlx_schema any = catalogue_schema;
    sqlite3 *db = NULL;
    char *path = NULL;
    int version;
    any.version = INT_MAX;
    *custodies = *protections = 0;
    int rc = fsx_path(&path, err, "%s/catalogue.db", root);
    if (rc == ERR_OK)
        rc = sqlx_open_readonly(&db, path, &any, SQLX_BUSY_MS, &version, err);
    if (rc == ERR_OK)
        rc = sqlx_number(db, "SELECT count(DISTINCT transfer) FROM custody", custodies, err);
    if (rc == ERR_OK)
        rc = sqlx_number(db, "SELECT count(*) FROM protection", protections, err);
    sqlx_close(&db);
    free(path);
    return rc;
}

static int each_key(struct rows_st *st, catalogue_key_fn *fn, void *arg, struct err *err)
{
    struct buf keys;
    buf_init(&keys, CATALOGUE_KEYS_BYTES_MAX);
    int rc = catalogue_keys_read(st, &keys, err);
    for (size_t i = 0; rc == ERR_OK && i < catalogue_keys_count(&keys); i++)
        rc = fn(arg, catalogue_keys_at(&keys, i), err);
    buf_clear(&keys);
    return rc;
}

int catalogue_key_each(struct catalogue *c, catalogue_key_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(c->rows, &st, "SELECT key FROM transfer ORDER BY key", err);
    if (rc == ERR_OK)
        rc = each_key(st, fn, arg, err);
    rows_finalize(&st);
    return rc;
}

int catalogue_stored_of_day(struct catalogue *c, const char *day, catalogue_key_fn *fn, void *arg,
                            struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(c->rows, &st,
                          "SELECT key FROM transfer WHERE state = 'stored' AND day = ?1"
                          " ORDER BY key",
                          err);
    if (rc == ERR_OK) {
        rows_bind_word(st, 1, day);
        rc = each_key(st, fn, arg, err);
    }
    rows_finalize(&st);
    return rc;
}

int catalogue_days(struct catalogue *c, struct buf *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = true;
    int rc = rows_prepare(
        c->rows, &st,
        "SELECT day, count(*), sum(key), sum(iif(state = 'stored',"
        " key * length_bytes % 1000000007, 0)), sum(arrived_us % 1000000007) FROM transfer"
        " WHERE state <> 'receiving' AND set_aside = 0 GROUP BY day",
        err);
    while (rc == ERR_OK && (rc = rows_step(st, &row, err)) == ERR_OK && row) {
        struct catalogue_day d = {.transfers = rows_column(st, 1),
                                  .keys = rows_column(st, 2),
                                  .lengths = rows_column(st, 3),
                                  .arrivals = rows_column(st, 4)};
        if (rows_text(st, 0, d.day, sizeof d.day)) /* else fsck tells */
            rc = buf_append(out, &d, sizeof d, err);
    }
    rows_finalize(&st);
    return rc;
}

/* The id behind `id`, cut to its room; the next search goes on behind what was cut. */
static int next_id(struct rows_st *st, struct buf *id, bool *found, struct err *err)
{
    rows_bind_text_n(st, 1, (const char *)buf_data(id), id->used);
    int rc = rows_step(st, found, err);
    if (rc < 0 || !*found)
        return rc;
    size_t n;
    const void *text = rows_bytes(st, 0, &n);
    struct buf next;
    buf_init(&next, SQLX_VALUE_MAX);
    *found = text != NULL; /* the smallest of none is NULL */
    if (*found)
        rc = buf_append(&next, text, n, err);
    rows_reset(st);
    buf_clear(id);
    *id = next;
    return rc;
}

static int count_lines(struct rows_st *st, const struct buf *id, int64_t *lines, struct err *err)
{
    bool row;
    rows_bind_text_n(st, 1, (const char *)buf_data(id), id->used);
    int rc = rows_step(st, &row, err);
    *lines = rc == ERR_OK && row ? rows_column(st, 0) : 0;
    rows_reset(st);
    return rc;
}

int catalogue_event_count(struct catalogue *c, const char *id, int64_t *lines, struct err *err)
{
    struct rows_st *st = NULL;
    bool row;
    int rc = rows_prepare(c->rows, &st, "SELECT count(*) FROM custody WHERE transfer = ?1", err);
    if (rc == ERR_OK) {
        rows_bind_word(st, 1, id);
        rc = rows_step(st, &row, err);
    }
    *lines = rc == ERR_OK && row ? rows_column(st, 0) : 0;
    rows_finalize(&st);
    return rc;
}

int catalogue_custody_each(struct catalogue *c, catalogue_id_fn *fn, void *arg, struct err *err)
{
    struct rows_st *st = NULL, *count = NULL;
    struct buf id;
    bool found = true;
    int64_t lines;
    buf_init(&id, SQLX_VALUE_MAX);
    int rc =
        rows_prepare(c->rows, &st, "SELECT min(transfer) FROM custody WHERE transfer > ?1", err);
    if (rc == ERR_OK)
        rc = rows_prepare(c->rows, &count, "SELECT count(*) FROM custody WHERE transfer = ?1", err);
    while (rc == ERR_OK && (rc = next_id(st, &id, &found, err)) == ERR_OK && found) {
        char text[CATALOGUE_ID_ROOM];
        snprintf(text, sizeof text, "%.*s", (int)id.used, (const char *)buf_data(&id));
        if ((rc = count_lines(count, &id, &lines, err)) == ERR_OK)
            rc = fn(arg, text, lines, err);
    }
    rows_finalize(&count);
    rows_finalize(&st);
    buf_clear(&id);
    return rc;
}

int catalogue_copy_owner(struct catalogue *c, const char *path, char id[CATALOGUE_ID_ROOM],
                         struct err *err)
{
    struct rows_st *st = NULL;
    bool found = false;
    int rc = rows_prepare(c->rows, &st,
                          "SELECT id FROM copy JOIN transfer ON transfer.key = copy.transfer"
                          " WHERE copy.path = ?1",
                          err);
    if (rc == ERR_OK) {
        rows_bind_word(st, 1, path);
        rc = rows_step(st, &found, err);
    }
    if (rc == ERR_OK && !found)
        rc = err_set(err, ERR_NOTFOUND, "no copy %s", path);
    if (rc == ERR_OK && !rows_text(st, 0, id, CATALOGUE_ID_ROOM))
        rc = rows_unreadable(st, err, "catalogue: the owner of %s is malformed", path);
    rows_finalize(&st);
    return rc;
}

int catalogue_copy_count(struct catalogue *c, int64_t *copies, int64_t *bytes, struct err *err)
{
    return rows_numbers(c->rows, "SELECT count(*), coalesce(sum(length_bytes), 0) FROM copy",
                        (int64_t *const[]){copies, bytes}, 2, err);
}

int catalogue_backup(struct catalogue *c, const char *path, struct err *err)
{
    return c->db ? sqlx_backup(c->db, path, -1, err)
                 : err_set(err, ERR_UNSUPPORTED,
                           "a site's catalogue is in its database; back that up by pg_basebackup");
}

int catalogue_settle(struct catalogue *c, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    if (!c->db) /* there, the server sees to its files */
        return ERR_OK;
    int rc = rows_prepare(c->rows, &st, "PRAGMA wal_checkpoint(TRUNCATE)", err);
    if (rc == ERR_OK)
        rc = rows_step(st, &row, err);
    if (rc == ERR_OK && (!row || (int)rows_column(st, 0) != 0))
        rc = err_set(err, ERR_BUSY, "%s: others have it open", sqlite3_db_filename(c->db, "main"));
    rows_finalize(&st);
    return rc;
}

int catalogue_scrub(struct catalogue *c, struct err *err)
{
    int rc = c->db ? rows_exec(c->rows, "VACUUM", err) : ERR_OK;
    return rc < 0 ? rc : catalogue_settle(c, err);
}
