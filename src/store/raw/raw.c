#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include "raw_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int raw_open(struct raw **out, const char *root, struct err *err)
{
    if (!site_used())
        return raw_open_local(out, root, err);
    struct raw *raw = *out = calloc(1, sizeof *raw);
    int rc = raw ? raw_site_open(&raw->site, err) : err_nomem(err, "the masters' store");
    if (rc < 0)
        raw_close(out);
    return rc;
}

bool raw_is_of_site(const struct raw *raw)
{
    return raw->site != NULL;
}

int raw_open_local(struct raw **out, const char *root, struct err *err)
{
    *out = NULL;
    struct raw *raw = calloc(1, sizeof *raw);
    if (!raw)
        return err_nomem(err, "the masters' store");
    int rc = fsx_path(&raw->dir, err, "%s/raw", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(raw->dir, err);
    if (rc == ERR_OK)
        rc = root_read(root, "raw", &raw->root, err);
    if (rc < 0)
        raw_close(&raw);
    *out = raw;
    return rc;
}

void raw_close(struct raw **raw)
{
    if (!*raw)
        return;
    raw_site_close(&(*raw)->site);
    while ((*raw)->days) {
        struct raw_dayfile *d = (*raw)->days;
        (*raw)->days = d->next;
        raw_dayfile_free(&d);
    }
    free((*raw)->dir);
    free(*raw);
    *raw = NULL;
}

void raw_day(int64_t utc_us, char out[RAW_DAY_ROOM])
{
    clock_date(utc_us, out);
}

/* What there is of a master. */
struct extent {
    int64_t length_bytes;
    bool any, sealed;
    bool owned;  /* it says whose it is */
    bool its;    /* and that is who was asked for */
    char id[96]; /* of whose it is, for messages */
    uint8_t sha256[HASH_BYTES];
};

static int read_tail(struct raw_dayfile *d, int64_t key, struct extent *e, struct err *err)
{
    sqlite3_stmt *st = d->sql[RAW_SQL_TAIL];
    sqlite3_bind_int64(st, 1, key);
    int rc = sqlx_step(st, &e->any, err);
    if (rc < 0 || !e->any)
        return rc;
    int64_t offset, n;
    char type[8];
    bool ok = sqlx_int64(st, 0, 0, RAW_MASTER_BYTES_MAX, &offset) &&
              sqlx_int64(st, 1, 1, RAW_CHUNK_BYTES, &n) && n > 0 &&
              sqlx_text(st, 2, type, sizeof type) && strcmp(type, "blob") == 0 &&
              offset + n <= RAW_MASTER_BYTES_MAX;
    if (!ok)
        return sqlx_unreadable(st, err, "master %s/%" PRId64 ": its last chunk is malformed",
                               d->day, key);
    sqlx_reset(st);
    e->length_bytes = offset + n;
    return ERR_OK;
}

static bool same_text(sqlite3_stmt *st, int col, const char *text)
{
    const char *found = (const char *)sqlite3_column_text(st, col);
    return strcmp(found ? found : "", text ? text : "") == 0;
}

static bool same_blob(sqlite3_stmt *st, int col, const void *data, size_t n)
{
    const void *found = sqlite3_column_blob(st, col);
    return (size_t)sqlite3_column_bytes(st, col) == n && (n == 0 || memcmp(found, data, n) == 0);
}

/* The row of a master is that of this transfer. What a camera says again when it resumes may
 * differ (INIT, metadata); what the file is called may not. */
static bool is_of(const struct raw *raw, sqlite3_stmt *st, const struct raw_facts *whose)
{
    int64_t arrived_us;
    return sqlx_int64(st, 7, INT64_MIN, INT64_MAX, &arrived_us) &&
           arrived_us == whose->arrived_us && same_text(st, 2, whose->id) &&
           same_text(st, 3, whose->imei) && same_text(st, 4, whose->camera) &&
           same_text(st, 5, whose->kind) && same_text(st, 6, whose->source) &&
           same_blob(st, 8, whose->start, whose->start_bytes) &&
           same_blob(st, 9, whose->path, whose->path_bytes) &&
           (sqlite3_column_type(st, 10) == SQLITE_NULL || !root_id_known(&raw->root) ||
            same_blob(st, 10, raw->root.bytes, sizeof raw->root.bytes));
}

static int read_facts(const struct raw *raw, struct raw_dayfile *d, int64_t key,
                      const struct raw_facts *whose, struct extent *e, struct err *err)
{
    sqlite3_stmt *st = d->sql[RAW_SQL_FACTS];
    sqlite3_bind_int64(st, 1, key);
    int rc = sqlx_step(st, &e->owned, err);
    if (rc < 0 || !e->owned)
        return rc;
    e->its = !whose || is_of(raw, st, whose);
    if (!sqlx_text(st, 2, e->id, sizeof e->id))
        e->id[0] = '\0';
    e->sealed =
        sqlite3_column_type(st, 0) != SQLITE_NULL || sqlite3_column_type(st, 1) != SQLITE_NULL;
    int64_t sealed_bytes = e->length_bytes;
    size_t sha_bytes = HASH_BYTES;
    bool ok = !e->sealed || (sqlx_int64(st, 0, 0, RAW_MASTER_BYTES_MAX, &sealed_bytes) &&
                             sqlx_blob(st, 1, e->sha256, sizeof e->sha256, &sha_bytes) &&
                             sha_bytes == HASH_BYTES);
    if (!ok)
        return sqlx_unreadable(st, err, "master %s/%" PRId64 ": its facts are malformed", d->day,
                               key);
    sqlx_reset(st);
    if (sealed_bytes != e->length_bytes)
        return err_set(err, ERR_MALFORMED,
                       "master %s/%" PRId64 " was sealed with %" PRId64 " bytes, but has %" PRId64,
                       d->day, key, sealed_bytes, e->length_bytes);
    e->any = e->any || e->sealed;
    return ERR_OK;
}

/* whose: NULL for who only looks. */
static int measure(const struct raw *raw, struct raw_dayfile *d, int64_t key,
                   const struct raw_facts *whose, struct extent *e, struct err *err)
{
    *e = (struct extent){0};
    int rc = read_tail(d, key, e, err);
    return rc < 0 ? rc : read_facts(raw, d, key, whose, e, err);
}

/* Nobody but the transfer that began a master goes on with it. */
static int check_whose(const char *day, int64_t key, const struct raw_facts *whose,
                       const struct extent *e, struct err *err)
{
    if (!e->any || (whose ? e->owned && e->its : !e->owned))
        return ERR_OK;
    if (!e->owned)
        return err_set(err, ERR_UNSUPPORTED,
                       "master %s/%" PRId64 " does not say whose it is (from before version 4 of "
                       "that file); it stays as it is",
                       day, key);
    if (whose && strcmp(e->id, whose->id) == 0)
        return err_set(err, ERR_MALFORMED,
                       "master %s/%" PRId64 " is of another %s, which began at another time; it "
                       "stays as it is",
                       day, key, e->id);
    return err_set(err, ERR_MALFORMED,
                   "master %s/%" PRId64 " is of %s, not of %s; it stays as it is", day, key, e->id,
                   whose ? whose->id : "nobody");
}

static int refuse_writing(const char *day, int64_t key, struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "master %s/%" PRId64 ": a site's masters are not written piece by piece", day,
                   key);
}

/* The day, ready for writing, and what it has of the master, which is of `whose`. */
static int begin_write(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
                       struct raw_dayfile **d, struct extent *e, struct err *err)
{
    int rc = raw_dayfile_get(raw, day, true, d, err);
    if (rc == ERR_OK)
        rc = raw_dayfile_begin(raw, *d, err);
    if (rc == ERR_OK)
        rc = measure(raw, *d, key, whose, e, err);
    return rc < 0 ? rc : check_whose(day, key, whose, e, err);
}

static int check_wire(const struct raw_facts *f, struct err *err)
{
    return f->init_bytes > RAW_WIRE_BYTES_MAX || f->meta_bytes > RAW_WIRE_BYTES_MAX ||
                   f->start_bytes > RAW_WIRE_BYTES_MAX || f->path_bytes > RAW_WIRE_BYTES_MAX
               ? err_set(err, ERR_LIMIT, "a wire fact of more than %d bytes", RAW_WIRE_BYTES_MAX)
               : ERR_OK;
}

/* Whose it is, with its first chunk: a key that was used before is refused by the table. */
int raw_begin_master(const struct raw *raw, struct raw_dayfile *d, int64_t key,
                     const struct raw_facts *whose, struct err *err)
{
    sqlite3_stmt *st = d->sql[RAW_SQL_BEGIN];
    int rc = check_wire(whose, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, key);
    sqlx_bind_text(st, 2, whose->id);
    sqlx_bind_text(st, 3, whose->imei);
    sqlx_bind_text(st, 4, whose->camera);
    sqlx_bind_text(st, 5, whose->kind);
    sqlx_bind_text(st, 6, whose->source);
    sqlite3_bind_int64(st, 7, whose->arrived_us);
    sqlx_bind_blob(st, 8, whose->init, whose->init_bytes);
    sqlx_bind_blob(st, 9, whose->meta, whose->meta_bytes);
    sqlx_bind_blob(st, 10, whose->start, whose->start_bytes);
    sqlx_bind_blob(st, 11, whose->path, whose->path_bytes);
    sqlx_bind_blob(st, 12, raw->root.bytes, root_id_known(&raw->root) ? sizeof raw->root.bytes : 0);
    return sqlx_run(st, err);
}

int raw_append(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
               int64_t offset, const void *data, size_t n, struct err *err)
{
    if (n < 1 || n > RAW_CHUNK_BYTES)
        return err_set(err, ERR_LIMIT, "a chunk of %zu bytes; 1 to %d are allowed", n,
                       RAW_CHUNK_BYTES);
    if (offset < 0 || offset > (int64_t)RAW_MASTER_BYTES_MAX - (int64_t)n)
        return err_set(err, ERR_LIMIT, "%zu bytes at %" PRId64 ": a master has at most %" PRIu32, n,
                       offset, RAW_MASTER_BYTES_MAX);
    struct raw_dayfile *d;
    struct extent e;
    if (raw->site)
        return refuse_writing(day, key, err);
    int rc = begin_write(raw, day, key, whose, &d, &e, err);
    if (rc < 0)
        return rc;
    if (e.sealed)
        return err_set(err, ERR_MALFORMED, "master %s/%" PRId64 " is sealed", day, key);
    if (offset != e.length_bytes)
        return err_set(err, ERR_MALFORMED,
                       "master %s/%" PRId64 ": a chunk for %" PRId64 ", but %" PRId64
                       " bytes are there",
                       day, key, offset, e.length_bytes);
    if (whose && offset == 0 && (rc = raw_begin_master(raw, d, key, whose, err)) < 0)
        return rc;
    sqlite3_stmt *st = d->sql[RAW_SQL_APPEND];
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, offset);
    sqlx_bind_blob(st, 3, data, n);
    return sqlx_run(st, err);
}

int raw_seal(struct raw *raw, const char *day, int64_t key, const struct raw_facts *facts,
             struct err *err)
{
    struct raw_dayfile *d;
    struct extent e;
    if (raw->site)
        return refuse_writing(day, key, err);
    int rc = check_wire(facts, err);
    if (rc == ERR_OK)
        rc = begin_write(raw, day, key, facts, &d, &e, err);
    if (rc < 0)
        return rc;
    if (facts->length_bytes != e.length_bytes)
        return err_set(err, ERR_MALFORMED,
                       "master %s/%" PRId64 ": %" PRId64 " bytes to seal, but %" PRId64
                       " are there",
                       day, key, facts->length_bytes, e.length_bytes);
    if (e.sealed && memcmp(e.sha256, facts->sha256, HASH_BYTES) == 0)
        return ERR_OK;
    if (e.sealed)
        return err_set(err, ERR_MALFORMED, "master %s/%" PRId64 " is sealed with another SHA-256",
                       day, key);
    if (!e.any && (rc = raw_begin_master(raw, d, key, facts, err)) < 0) /* an empty one */
        return rc;
    sqlite3_stmt *st = d->sql[RAW_SQL_SEAL];
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, facts->length_bytes);
    sqlx_bind_blob(st, 3, facts->sha256, HASH_BYTES);
    sqlx_bind_blob(st, 4, facts->init, facts->init_bytes);
    sqlx_bind_blob(st, 5, facts->meta, facts->meta_bytes);
    sqlx_bind_blob(st, 6, facts->start, facts->start_bytes);
    sqlx_bind_blob(st, 7, facts->path, facts->path_bytes);
    return sqlx_run(st, err);
}

int raw_check_whose(struct raw *raw, const char *day, int64_t key, const struct raw_facts *whose,
                    struct err *err)
{
    if (raw->site)
        return raw_site_check_whose(raw->site, day, key, whose, err);
    struct raw_dayfile *d;
    struct extent e;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_OK)
        rc = measure(raw, d, key, whose, &e, err);
    if (rc == ERR_OK)
        rc = check_whose(day, key, whose, &e, err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

int raw_drop(struct raw *raw, const char *day, int64_t key, struct err *err)
{
    if (raw->site)
        return raw_site_drop(raw->site, day, key, err);
    struct raw_dayfile *d;
    int64_t rows = 0;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_NOTFOUND)
        return ERR_OK;
    if (rc == ERR_OK)
        rc = raw_dayfile_begin(raw, d, err);
    for (enum raw_sql i = RAW_SQL_DROP_CHUNKS; rc == ERR_OK && i <= RAW_SQL_DROP_MASTER; i++) {
        sqlite3_bind_int64(d->sql[i], 1, key);
        rc = sqlx_run(d->sql[i], err);
        rows += sqlite3_changes(d->db);
    }
    if (rc < 0 || rows == 0)
        return rc;
    sqlite3_bind_int64(d->sql[RAW_SQL_DROPPED], 1, rows * RAW_CHUNK_BYTES);
    sqlite3_bind_int64(d->sql[RAW_SQL_DROPPED], 2, clock_utc_us());
    return sqlx_run(d->sql[RAW_SQL_DROPPED], err);
}

int raw_commit(struct raw *raw, struct err *err)
{
    if (raw->site)
        return raw_site_commit(raw->site, err);
    int rc = ERR_OK;
    for (struct raw_dayfile *d = raw->days; rc == ERR_OK && d; d = d->next) {
        if (!d->writing)
            continue;
        /* begin: tells whether the transaction is still there */
        if ((rc = raw_dayfile_begin(raw, d, err)) == ERR_OK && sqlx_has_moved(d->db))
            rc = err_set(err, ERR_IO,
                         "raw/%s.db was deleted or replaced while it was written to; put it back, "
                         "or see with 'dashspool fsck' what is missing",
                         d->day);
        if (rc == ERR_OK)
            rc = sqlx_exec(d->db, "COMMIT", err);
        if (rc == ERR_OK)
            d->writing = false;
    }
    if (rc < 0)
        raw_rollback(raw);
    raw_dayfile_trim(raw, RAW_DAYS_OPEN);
    return rc;
}

void raw_rollback(struct raw *raw)
{
    if (raw->site)
        raw_site_rollback(raw->site);
    for (struct raw_dayfile *d = raw->days; d; d = d->next) {
        if (d->writing)
            sqlx_rollback(d->db, d->sql[RAW_SQL_ROLLBACK]);
        d->writing = false;
    }
}

int raw_end(struct raw *raw, int rc, struct err *err)
{
    if (rc == ERR_OK)
        return raw_commit(raw, err);
    raw_rollback(raw);
    return rc;
}

int raw_stat(struct raw *raw, const char *day, int64_t key, int64_t *length_bytes, bool *sealed,
             uint8_t sha256[HASH_BYTES], struct err *err)
{
    if (raw->site) {
        *sealed = true;
        return raw_site_stat(raw->site, day, key, length_bytes, sha256, err);
    }
    struct raw_dayfile *d;
    struct extent e;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc == ERR_OK)
        rc = measure(raw, d, key, NULL, &e, err);
    if (rc < 0)
        return rc;
    if (!e.any)
        return err_set(err, ERR_NOTFOUND, "no master %s/%" PRId64, day, key);
    *length_bytes = e.length_bytes;
    *sealed = e.sealed;
    if (sha256 && e.sealed)
        memcpy(sha256, e.sha256, HASH_BYTES);
    return ERR_OK;
}

/* The chunk that begins at `at`, in `out`; it must be there and end within `end`. */
int raw_read_chunk(struct raw *raw, const char *day, int64_t key, int64_t at, int64_t end,
                   uint8_t out[RAW_CHUNK_BYTES], size_t *n, struct err *err)
{
    if (raw->site)
        return raw_site_read_chunk(raw->site, day, key, at, end, out, n, err);
    struct raw_dayfile *d;
    bool row;
    *n = 0;
    int rc = raw_dayfile_get(raw, day, false, &d, err);
    if (rc < 0)
        return rc;
    sqlite3_stmt *st = d->sql[RAW_SQL_CHUNK];
    sqlite3_bind_int64(st, 1, key);
    sqlite3_bind_int64(st, 2, at);
    if ((rc = sqlx_step(st, &row, err)) < 0)
        return rc;
    bool ok = row && sqlx_blob(st, 0, out, RAW_CHUNK_BYTES, n) && *n > 0 && (int64_t)*n <= end - at;
    if (!ok)
        return sqlx_unreadable(st, err, "master %s/%" PRId64 ": %s at %" PRId64 " of %" PRId64, day,
                               key, row ? "a malformed chunk" : "a hole", at, end);
    sqlx_reset(st);
    return ERR_OK;
}

int raw_copy(struct raw *raw, const char *day, int64_t key, raw_sink_fn *fn, void *arg,
             struct err *err)
{
    if (raw->site)
        return raw_site_copy(raw->site, day, key, fn, arg, err);
    int64_t length_bytes, at = 0;
    bool sealed;
    int rc = raw_stat(raw, day, key, &length_bytes, &sealed, NULL, err);
    if (rc < 0)
        return rc;
    uint8_t *chunk = malloc(RAW_CHUNK_BYTES);
    if (!chunk)
        return err_nomem(err, "a chunk");
    /* Each chunk is a read of its own: fn may take its time (a pipe, a slow client) without keeping
     * the receiver from its commit, and may use this store itself. */
    for (size_t n; rc == ERR_OK && at < length_bytes; at += (int64_t)n) {
        if ((rc = raw_read_chunk(raw, day, key, at, length_bytes, chunk, &n, err)) == ERR_OK)
            rc = fn(arg, chunk, n, err);
    }
    free(chunk);
    return rc;
}
