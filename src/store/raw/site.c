/*
 * Masters of a site: their facts in the table `master` of its database, their bytes as objects
 * masters/<2 hex>/<sha256>; whole ones only. The same bytes are one object, however many masters
 * have them.
 *
 * Who adds a master, and who deletes an object, holds the lock of its SHA-256 (raw_site_lock())
 * until his commit. Dropping takes the row away, and leaves its key and hash in `dropped`, in
 * one transaction; then, under the lock, the object goes if no row has that hash any more, and what
 * `dropped` says of it. So no row is without its object; an object without a row goes the next
 * time.
 */
#include "dashspool/site.h"
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/log.h"
#include "dashspool/objects.h"
#include "raw_internal.h"
#include "rows/rows.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW_BYTES = 1024 * 1024, /* that are fetched for a chunk: the next ones are asked for next */
    REAP_OBJECTS = 256,         /* at once */
};
#define REAP_AGAIN_US (INT64_C(86400) * 1000000) /* what the store keeps, by object lock */

static const char *const tables[] = {
    "CREATE TABLE master("
    " key bigint PRIMARY KEY,"
    " day text COLLATE \"C\" NOT NULL,"
    " id text COLLATE \"C\" NOT NULL,"
    " imei text COLLATE \"C\", camera text COLLATE \"C\", kind text COLLATE \"C\","
    " source text COLLATE \"C\","
    " arrived_us bigint NOT NULL,"
    " length_bytes bigint NOT NULL,"
    " sha256 bytea NOT NULL CHECK(length(sha256) = 32),"
    " init bytea, meta bytea, start bytea, path bytea);"
    "CREATE INDEX master_day ON master(day, key);"
    "CREATE INDEX master_sha256 ON master(sha256);"
    "CREATE TABLE dropped("
    " key bigint PRIMARY KEY,"
    " sha256 bytea NOT NULL,"
    " length_bytes bigint NOT NULL,"
    " at_us bigint NOT NULL);"
    "CREATE INDEX dropped_at ON dropped(at_us, key);",
};

struct raw_site {
    struct rows *rows;
    struct objects *objects;
    bool writing;
    /* what was fetched last, of a master */
    int64_t key, from;
    size_t n;
    uint8_t window[WINDOW_BYTES];
};

/* ---- open, close ---- */

int raw_site_open(struct raw_site **out, struct err *err)
{
    struct raw_site *s = *out = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the masters of the site");
    int rc = rows_open(&s->rows, site_used(), err);
    if (rc == ERR_OK)
        rc = rows_schema(s->rows, "masters", tables, sizeof tables / sizeof *tables, err);
    if (rc == ERR_OK)
        rc = objects_open(&s->objects, site_used(), err);
    if (rc < 0)
        raw_site_close(out);
    return rc;
}

void raw_site_close(struct raw_site **site)
{
    struct raw_site *s = *site;
    if (!s)
        return;
    objects_close(&s->objects);
    rows_close(&s->rows);
    free(s);
    *site = NULL;
}

/* ---- rows ---- */

int raw_site_object(const char *sha256, int64_t facts_of, char out[RAW_OBJECT_ROOM],
                    struct err *err)
{
    char suffix[40] = "";
    if (facts_of)
        snprintf(suffix, sizeof suffix, ".%" PRId64 ".json", facts_of);
    return objects_key(out, "masters", sha256, suffix, err);
}

int raw_site_lock(struct rows *rows, const char *sha256, struct err *err)
{
    struct rows_st *st = NULL;
    bool row;
    int rc = rows_prepare(rows, &st, "SELECT pg_advisory_xact_lock(hashtextextended(?1, 18))", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, sha256);
        rc = rows_step(st, &row, err);
    }
    rows_finalize(&st);
    return rc;
}

int raw_site_add(struct rows *rows, const char *day, int64_t key, const struct raw_facts *f,
                 struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(rows, &st,
                          "INSERT INTO master(day, key, id, imei, camera, kind, source, arrived_us,"
                          " length_bytes, sha256, init, meta, start, path)"
                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, day);
        rows_bind_int64(st, 2, key);
        rows_bind_text(st, 3, f->id);
        rows_bind_text(st, 4, f->imei);
        rows_bind_text(st, 5, f->camera);
        rows_bind_text(st, 6, f->kind);
        rows_bind_text(st, 7, f->source);
        rows_bind_int64(st, 8, f->arrived_us);
        rows_bind_int64(st, 9, f->length_bytes);
        rows_bind_blob(st, 10, f->sha256, HASH_BYTES);
        rows_bind_blob(st, 11, f->init, f->init_bytes);
        rows_bind_blob(st, 12, f->meta, f->meta_bytes);
        rows_bind_blob(st, 13, f->start, f->start_bytes);
        rows_bind_blob(st, 14, f->path, f->path_bytes);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

static int not_there(const char *day, int64_t key, struct err *err)
{
    return err_set(err, ERR_NOTFOUND, "no master %s/%" PRId64, day, key);
}

static int unreadable(const char *day, int64_t key, struct err *err)
{
    return err_set(err, ERR_MALFORMED, "master %s/%" PRId64 ": its facts are malformed", day, key);
}

/* ---- reading ---- */

int raw_site_stat(struct raw_site *s, const char *day, int64_t key, int64_t *length_bytes,
                  uint8_t sha256[HASH_BYTES], struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    uint8_t digest[HASH_BYTES];
    size_t n = 0;
    int rc = rows_prepare(
        s->rows, &st, "SELECT length_bytes, sha256 FROM master WHERE key = ?1 AND day = ?2", err);
    if (rc == ERR_OK) {
        rows_bind_int64(st, 1, key);
        rows_bind_text(st, 2, day);
        rc = rows_step(st, &row, err);
    }
    if (rc == ERR_OK && row &&
        (!rows_int64(st, 0, 0, RAW_MASTER_BYTES_MAX, length_bytes) ||
         !rows_blob(st, 1, digest, sizeof digest, &n) || n != HASH_BYTES))
        rc = unreadable(day, key, err);
    rows_finalize(&st);
    if (rc == ERR_OK && sha256 && row)
        memcpy(sha256, digest, HASH_BYTES);
    return rc < 0 || row ? rc : not_there(day, key, err);
}

static int object_of(struct raw_site *s, const char *day, int64_t key, char out[RAW_OBJECT_ROOM],
                     int64_t *length_bytes, struct err *err)
{
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    int rc = raw_site_stat(s, day, key, length_bytes, sha256, err);
    if (rc < 0)
        return rc;
    hash_hex(sha256, hex);
    return raw_site_object(hex, 0, out, err);
}

/* A master without its object is broken, not gone. */
static int get(struct raw_site *s, const char *object, int64_t from, int64_t n, raw_sink_fn *fn,
               void *arg, struct err *err)
{
    int rc = objects_get(s->objects, object, from, n, fn, arg, err);
    return rc == ERR_NOTFOUND || rc == ERR_LIMIT
               ? err_set(err, ERR_MALFORMED, "%s is not in the object store, or too short", object)
               : rc;
}

struct copying {
    raw_sink_fn *fn;
    void *arg;
};

/* In pieces as a day's file has them. */
static int copy_piece(void *arg, const void *data, size_t n, struct err *err)
{
    const struct copying *c = arg;
    int rc = ERR_OK;
    for (size_t at = 0; rc == ERR_OK && at < n; at += RAW_CHUNK_BYTES)
        rc = c->fn(c->arg, (const uint8_t *)data + at,
                   n - at < RAW_CHUNK_BYTES ? n - at : RAW_CHUNK_BYTES, err);
    return rc;
}

int raw_site_copy(struct raw_site *s, const char *day, int64_t key, raw_sink_fn *fn, void *arg,
                  struct err *err)
{
    char object[RAW_OBJECT_ROOM];
    int64_t length_bytes = 0;
    struct copying c = {fn, arg};
    int rc = object_of(s, day, key, object, &length_bytes, err);
    return rc < 0 || length_bytes == 0 ? rc : get(s, object, 0, length_bytes, copy_piece, &c, err);
}

static int add_to_window(void *arg, const void *data, size_t n, struct err *err)
{
    struct raw_site *s = arg;
    if (n > sizeof s->window - s->n)
        return err_set(err, ERR_MALFORMED, "the object store sent more than was asked for");
    memcpy(s->window + s->n, data, n);
    s->n += n;
    return ERR_OK;
}

static int fetch_window(struct raw_site *s, const char *day, int64_t key, int64_t at,
                        int64_t length, struct err *err)
{
    char object[RAW_OBJECT_ROOM];
    int64_t length_bytes = 0, left = length - at;
    s->n = 0;
    s->key = key;
    s->from = at;
    int rc = object_of(s, day, key, object, &length_bytes, err);
    if (rc == ERR_OK)
        rc = get(s, object, at, left < WINDOW_BYTES ? left : WINDOW_BYTES, add_to_window, s, err);
    if (rc < 0)
        s->n = 0;
    return rc;
}

int raw_site_read_chunk(struct raw_site *s, const char *day, int64_t key, int64_t at,
                        int64_t length, uint8_t out[RAW_CHUNK_BYTES], size_t *n, struct err *err)
{
    int64_t want = length - at < RAW_CHUNK_BYTES ? length - at : RAW_CHUNK_BYTES;
    int rc = ERR_OK;
    *n = 0;
    if (want <= 0)
        return err_set(err, ERR_MALFORMED, "master %s/%" PRId64 ": nothing at %" PRId64, day, key,
                       at);
    if (s->key != key || at < s->from || at + want > s->from + (int64_t)s->n)
        rc = fetch_window(s, day, key, at, length, err);
    if (rc < 0)
        return rc;
    memcpy(out, s->window + (at - s->from), (size_t)want);
    *n = (size_t)want;
    return ERR_OK;
}

/* ---- facts ---- */

#define FACTS_COLUMNS                                                                    \
    "key, length_bytes, sha256, id, imei, camera, kind, source, arrived_us, init, meta," \
    " start, path"

static bool read_master(struct rows_st *st, struct raw_kept *k, struct raw_master *out)
{
    struct raw_facts *f = &out->facts;
    size_t digest = 0;
    *out = (struct raw_master){.sealed = true, .owned = true, .noted = true};
    bool ok = rows_int64(st, 0, 1, INT64_MAX, &out->key) &&
              rows_int64(st, 1, 0, RAW_MASTER_BYTES_MAX, &out->length_bytes) &&
              rows_blob(st, 2, f->sha256, HASH_BYTES, &digest) && digest == HASH_BYTES &&
              rows_text(st, 3, k->id, sizeof k->id) && rows_text(st, 4, k->imei, sizeof k->imei) &&
              rows_text(st, 5, k->camera, sizeof k->camera) &&
              rows_text(st, 6, k->kind, sizeof k->kind) &&
              rows_text(st, 7, k->source, sizeof k->source) &&
              rows_int64(st, 8, INT64_MIN, INT64_MAX, &f->arrived_us);
    for (int i = 0; ok && i < 4; i++)
        ok = rows_blob(st, 9 + i, k->wire[i], sizeof k->wire[i], &k->wire_bytes[i]);
    if (!ok)
        return false;
    f->length_bytes = out->length_bytes;
    raw_kept_facts(k, f);
    return true;
}

/* The next of a day behind `after`. *there false: there is none. */
static int next_master(struct raw_site *s, const char *day, int64_t after, int64_t until,
                       struct raw_kept *k, struct raw_master *out, bool *there, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(s->rows, &st,
                          "SELECT " FACTS_COLUMNS " FROM master WHERE day = ?1 AND key > ?2"
                          " AND key <= ?3 ORDER BY key LIMIT 1",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, day);
        rows_bind_int64(st, 2, after);
        rows_bind_int64(st, 3, until);
        rc = rows_step(st, there, err);
    }
    if (rc == ERR_OK && *there && !read_master(st, k, out))
        rc = unreadable(day, after, err);
    rows_finalize(&st);
    return rc;
}

int raw_site_each(struct raw_site *s, const char *day, raw_master_fn *fn, void *arg,
                  struct err *err)
{
    struct raw_kept *k = malloc(sizeof *k);
    struct raw_master m = {.key = 0};
    bool there = true;
    int rc = k ? ERR_OK : err_nomem(err, "a master's facts");
    while (rc == ERR_OK && there) {
        rc = next_master(s, day, m.key, INT64_MAX, k, &m, &there, err);
        int64_t key = m.key;
        if (rc == ERR_OK && there)
            rc = fn(arg, &m, err);
        m.key = key;
    }
    free(k);
    return rc;
}

int raw_site_one(struct raw_site *s, const char *day, int64_t key, raw_master_fn *fn, void *arg,
                 struct err *err)
{
    struct raw_kept *k = malloc(sizeof *k);
    struct raw_master m;
    bool there = false;
    int rc = k ? next_master(s, day, key - 1, key, k, &m, &there, err)
               : err_nomem(err, "a master's facts");
    if (rc == ERR_OK)
        rc = there ? fn(arg, &m, err) : not_there(day, key, err);
    free(k);
    return rc;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_blob(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
    return n == m && (n == 0 || memcmp(a, b, n) == 0);
}

static int compare_whose(void *arg, const struct raw_master *m, struct err *err)
{
    const struct raw_facts *whose = arg, *f = &m->facts;
    bool its = f->arrived_us == whose->arrived_us && same_text(f->id, whose->id) &&
               same_text(f->imei, whose->imei) && same_text(f->camera, whose->camera) &&
               same_text(f->kind, whose->kind) && same_text(f->source, whose->source) &&
               same_blob(f->start, f->start_bytes, whose->start, whose->start_bytes) &&
               same_blob(f->path, f->path_bytes, whose->path, whose->path_bytes);
    return its ? ERR_OK
               : err_set(err, ERR_MALFORMED, "master %" PRId64 " is of %s, not of %s", m->key,
                         f->id, whose->id);
}

int raw_site_check_whose(struct raw_site *s, const char *day, int64_t key,
                         const struct raw_facts *whose, struct err *err)
{
    struct raw_facts copy = *whose;
    int rc = raw_site_one(s, day, key, compare_whose, &copy, err);
    return rc == ERR_NOTFOUND ? ERR_OK : rc;
}

int raw_site_days(struct raw_site *s, raw_name_fn *fn, void *arg, struct err *err)
{
    char day[RAW_DAY_ROOM] = "";
    bool row = true;
    int rc = ERR_OK;
    while (rc == ERR_OK && row) { /* none is open while fn runs */
        struct rows_st *st = NULL;
        rc = rows_prepare(s->rows, &st,
                          "SELECT day FROM master WHERE day > ?1 ORDER BY day LIMIT 1", err);
        if (rc == ERR_OK) {
            rows_bind_text(st, 1, day);
            rc = rows_step(st, &row, err);
        }
        if (rc == ERR_OK && row && !rows_text(st, 0, day, sizeof day))
            rc = err_set(err, ERR_MALFORMED, "masters of the site: a day is malformed");
        rows_finalize(&st);
        if (rc == ERR_OK && row)
            rc = fn(arg, day, true, err);
    }
    return rc;
}

int raw_site_highest_key(struct raw_site *s, const char *day, int64_t *out, struct err *err)
{
    struct rows_st *st = NULL;
    bool row = false;
    int rc = rows_prepare(
        s->rows, &st, "SELECT coalesce(max(key), 0) FROM master WHERE ?1 = '' OR day = ?1", err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, day ? day : "");
        rc = rows_step(st, &row, err);
    }
    *out = 0;
    if (rc == ERR_OK && row && !rows_int64(st, 0, 0, INT64_MAX, out))
        rc = err_set(err, ERR_MALFORMED, "masters of the site: a key is malformed");
    rows_finalize(&st);
    return rc;
}

int raw_site_sum(struct raw_site *s, const char *day, struct raw_sum *out, struct err *err)
{
    int64_t *const to[] = {&out->masters, &out->keys, &out->lengths, &out->arrivals};
    struct rows_st *st = NULL;
    bool row = false;
    *out = (struct raw_sum){0};
    int rc = rows_prepare(s->rows, &st,
                          "SELECT count(*), CAST(coalesce(sum(key), 0) AS bigint),"
                          " CAST(coalesce(sum(key * length_bytes % 1000000007), 0) AS bigint),"
                          " CAST(coalesce(sum(arrived_us % 1000000007), 0) AS bigint)"
                          " FROM master WHERE day = ?1",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, day);
        rc = rows_step(st, &row, err);
    }
    for (int i = 0; rc == ERR_OK && row && i < 4; i++)
        if (!rows_int64(st, i, INT64_MIN, INT64_MAX, to[i]))
            rc = err_set(err, ERR_MALFORMED, "masters of the site: a sum is malformed");
    rows_finalize(&st);
    return rc;
}

/* ---- dropping ---- */

static int begin(struct raw_site *s, struct err *err)
{
    int rc = s->writing ? ERR_OK : rows_begin(s->rows, err);
    s->writing = rc == ERR_OK;
    return rc;
}

int raw_site_drop(struct raw_site *s, const char *day, int64_t key, struct err *err)
{
    static const char *const steps[] = {"INSERT INTO dropped(key, sha256, length_bytes, at_us)"
                                        " SELECT key, sha256, length_bytes, CAST(?3 AS bigint) "
                                        "FROM master WHERE key = ?1 AND day = ?2"
                                        " ON CONFLICT DO NOTHING",
                                        "DELETE FROM master WHERE key = ?1 AND day = ?2"};
    int rc = begin(s, err);
    for (size_t i = 0; rc == ERR_OK && i < 2; i++) {
        struct rows_st *st = NULL;
        if ((rc = rows_prepare(s->rows, &st, steps[i], err)) == ERR_OK) {
            rows_bind_int64(st, 1, key);
            rows_bind_text(st, 2, day);
            if (i == 0)
                rows_bind_int64(st, 3, clock_utc_us());
            rc = rows_run(st, NULL, err);
        }
        rows_finalize(&st);
    }
    return rc;
}

int raw_site_commit(struct raw_site *s, struct err *err)
{
    int64_t bytes;
    if (!s->writing)
        return ERR_OK;
    s->writing = false;
    int rc = rows_commit(s->rows, err);
    struct err later;
    if (rc == ERR_OK && raw_site_reap(s, &bytes, &later) < 0)
        log_warn("raw", "objects of dropped originals stay until the next sweep", LOG_ERR(&later));
    return rc;
}

void raw_site_rollback(struct raw_site *s)
{
    if (s->writing)
        rows_rollback(s->rows);
    s->writing = false;
}

struct dropped {
    uint8_t sha256[HASH_BYTES];
    int64_t key, length_bytes;
};

static int next_dropped(struct raw_site *s, int64_t now_us, struct dropped *out, bool *there,
                        struct err *err)
{
    struct rows_st *st = NULL;
    size_t n = 0;
    int rc = rows_prepare(s->rows, &st,
                          "SELECT sha256, key, length_bytes FROM dropped WHERE at_us <= ?1"
                          " ORDER BY at_us, key LIMIT 1",
                          err);
    if (rc == ERR_OK) {
        rows_bind_int64(st, 1, now_us);
        rc = rows_step(st, there, err);
    }
    if (rc == ERR_OK && *there &&
        (!rows_blob(st, 0, out->sha256, HASH_BYTES, &n) || n != HASH_BYTES ||
         !rows_int64(st, 1, 1, INT64_MAX, &out->key) ||
         !rows_int64(st, 2, 0, RAW_MASTER_BYTES_MAX, &out->length_bytes)))
        rc = err_set(err, ERR_MALFORMED, "masters of the site: what was dropped is malformed");
    rows_finalize(&st);
    return rc;
}

static int is_in_use(struct raw_site *s, const struct dropped *d, bool *out, struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(s->rows, &st, "SELECT 1 FROM master WHERE sha256 = ?1 LIMIT 1", err);
    if (rc == ERR_OK) {
        rows_bind_blob(st, 1, d->sha256, HASH_BYTES);
        rc = rows_step(st, out, err);
    }
    rows_finalize(&st);
    return rc;
}

/* again_us: it is looked at once more then; 0: it is gone. */
static int forget_dropped(struct raw_site *s, const struct dropped *d, int64_t again_us,
                          struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(s->rows, &st,
                          again_us ? "UPDATE dropped SET at_us = ?2 WHERE key = ?1"
                                   : "DELETE FROM dropped WHERE key = ?1",
                          err);
    if (rc == ERR_OK) {
        rows_bind_int64(st, 1, d->key);
        if (again_us)
            rows_bind_int64(st, 2, again_us);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

/* What lies beside it, then, if it was the last with these bytes, they; in the transaction of their
 * lock. */
static int reap_one(struct raw_site *s, const struct dropped *d, int64_t *freed_bytes,
                    struct err *err)
{
    char hex[HASH_HEX_ROOM], object[RAW_OBJECT_ROOM], facts[RAW_OBJECT_ROOM];
    bool used = true;
    hash_hex(d->sha256, hex);
    int rc = raw_site_lock(s->rows, hex, err);
    if (rc == ERR_OK)
        rc = raw_site_object(hex, 0, object, err);
    if (rc == ERR_OK)
        rc = raw_site_object(hex, d->key, facts, err);
    if (rc == ERR_OK)
        rc = is_in_use(s, d, &used, err);
    if (rc == ERR_OK)
        rc = objects_delete(s->objects, facts, err);
    if (rc == ERR_OK && !used)
        rc = objects_delete(s->objects, object, err);
    if (rc == ERR_BUSY) /* the store keeps it for a time that somebody has set */
        return forget_dropped(s, d, clock_utc_us() + REAP_AGAIN_US, err);
    if (rc == ERR_OK && !used)
        *freed_bytes += d->length_bytes;
    return rc < 0 ? rc : forget_dropped(s, d, 0, err);
}

int raw_site_reap(struct raw_site *s, int64_t *freed_bytes, struct err *err)
{
    struct dropped d;
    bool there = true;
    int rc = ERR_OK;
    *freed_bytes = 0;
    for (int i = 0; rc == ERR_OK && i < REAP_OBJECTS; i++) {
        rc = next_dropped(s, clock_utc_us(), &d, &there, err);
        if (rc < 0 || !there || (rc = rows_begin(s->rows, err)) < 0)
            break;
        rc = reap_one(s, &d, freed_bytes, err);
        if (rc == ERR_OK)
            rc = rows_commit(s->rows, err);
        else
            rows_rollback(s->rows);
    }
    return rc;
}

/* ---- checking ---- */

struct checking {
    struct raw_site *s;
    raw_flaw_fn *fn;
    void *arg;
};

static int check_one(void *arg, const struct raw_master *m, struct err *err)
{
    const struct checking *c = arg;
    struct objects_facts facts = {.bytes = 0};
    char hex[HASH_HEX_ROOM], key[RAW_OBJECT_ROOM], text[256];
    hash_hex(m->facts.sha256, hex);
    int rc = raw_site_object(hex, 0, key, err);
    if (rc == ERR_OK)
        rc = objects_head(c->s->objects, key, &facts, err);
    if (rc < 0 && rc != ERR_NOTFOUND)
        return rc;
    if (rc == ERR_OK && facts.bytes == m->length_bytes)
        return ERR_OK;
    snprintf(text, sizeof text, "master %" PRId64 " (%s): its object %.80s %s", m->key, m->facts.id,
             key, rc == ERR_NOTFOUND ? "is not there" : "has another length");
    return c->fn(c->arg, text, err);
}

int raw_site_check(struct raw_site *s, const char *day, raw_flaw_fn *fn, void *arg, struct err *err)
{
    struct checking c = {s, fn, arg};
    return raw_site_each(s, day, check_one, &c, err);
}
