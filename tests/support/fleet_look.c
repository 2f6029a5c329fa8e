/* fleet: what is in the stores afterwards. */
#include "dashspool/catalogue.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include "support/fleet.h"
#include <glob.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct look {
    struct fleet *fleet;
    struct raw *raw;
    struct fleet_found found;
    uint8_t **seen; /* of each camera, of each of its files */
    int64_t rows;   /* with bytes behind them */
    int64_t jobs;   /* of rows that say so */
};

struct compare {
    const uint8_t *expected;
    size_t n, at;
    bool same;
    struct hash *hash;
};

static int compare(void *arg, const void *data, size_t n, struct err *err)
{
    struct compare *c = arg;
    (void)err;
    c->same = c->same && n <= c->n - c->at && memcmp(c->expected + c->at, data, n) == 0;
    c->at += n;
    hash_update(c->hash, data, n);
    return ERR_OK;
}

/* The bytes in the masters are those that were sent, and the catalogue's SHA-256 is theirs. */
static bool same_bytes(struct look *l, const struct catalogue_transfer *t, int camera,
                       uint32_t file)
{
    struct compare c = {.same = true};
    uint8_t sha256[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct err err;
    c.expected = fleet_file(l->fleet, camera, file, &c.n);
    assert_ok(hash_new(&c.hash, &err));
    int rc = raw_copy(l->raw, t->day, t->key, compare, &c, &err);
    if (rc < 0)
        fprintf(stderr, "%s: %s\n", t->id, err.text);
    assert_ok(hash_final(c.hash, sha256, &err));
    hash_free(&c.hash);
    hash_hex(sha256, hex);
    return rc == ERR_OK && c.same && c.at == c.n && strcmp(hex, t->sha256) == 0 &&
           t->length_bytes == (int64_t)c.n;
}

static int look_at(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct look *l = arg;
    uint64_t camera = strtoull(t->imei, NULL, 10) - FLEET_IMEI;
    int64_t file = (t->time_us - fleet_file_time_us(0)) / 1000000;
    (void)err;
    l->rows++;
    l->jobs += t->published;
    if (t->state != CATALOGUE_STORED) {
        l->found.partial++;
    } else if (camera >= (uint64_t)fleet_cameras(l->fleet) || file < 0 ||
               file >= fleet_acknowledged(l->fleet, (int)camera)) {
        l->found.unknown++;
    } else if (l->seen[camera][file]++ > 0) {
        l->found.doubled++;
    } else if (same_bytes(l, t, (int)camera, (uint32_t)file)) {
        l->found.right++;
    } else {
        l->found.altered++;
        fprintf(stderr, "altered: %s\n", t->id);
    }
    return ERR_OK;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    return v;
}

/* integrity_check, and (of a day) how many masters and partials have bytes. */
static int64_t check_database(struct look *l, const char *path, bool day)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s", path, sqlite3_errmsg(db));
    const char *says = (const char *)sqlite3_column_text(st, 0);
    if (strcmp(says, "ok") != 0)
        snprintf(l->found.damage, sizeof l->found.damage, "%s: %.200s", path, says);
    sqlite3_finalize(st);
    int64_t keys = day ? number(db, "SELECT count(*) FROM (SELECT key FROM chunk"
                                    " UNION SELECT key FROM master)")
                       : 0;
    sqlite3_close(db);
    l->found.databases++;
    return keys;
}

static void check_databases(struct look *l, const char *root)
{
    char pattern[600];
    glob_t days;
    int64_t keys = 0;
    snprintf(pattern, sizeof pattern, "%s/catalogue.db", root);
    (void)check_database(l, pattern, false);
    snprintf(pattern, sizeof pattern, "%s/raw/*.db", root);
    assert_int_equal(glob(pattern, 0, NULL, &days), 0);
    for (size_t i = 0; i < days.gl_pathc; i++)
        keys += check_database(l, days.gl_pathv[i], true);
    globfree(&days);
    l->found.orphans = keys - l->rows;
}

/* Nobody has claimed one. */
static int64_t count_jobs(const char *root)
{
    struct spool *spool = NULL;
    struct spool_count n;
    struct err err;
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_count(spool, &n, &err));
    spool_close(&spool);
    return n.ready;
}

struct fleet_found fleet_look(struct fleet *f, const char *root)
{
    struct look l = {.fleet = f};
    struct catalogue *catalogue = NULL;
    struct catalogue_filter all = {0};
    struct err err;
    int cameras = fleet_cameras(f);
    assert_ok(catalogue_open(&catalogue, root, false, &err));
    assert_ok(raw_open(&l.raw, root, &err));
    l.seen = calloc((size_t)cameras, sizeof *l.seen);
    assert_non_null(l.seen);
    for (int i = 0; i < cameras; i++) {
        l.seen[i] = calloc(fleet_acknowledged(f, i) + 1, 1);
        assert_non_null(l.seen[i]);
    }
    assert_ok(catalogue_transfer_each(catalogue, &all, look_at, &l, &err));
    for (int i = 0; i < cameras; i++) {
        for (uint32_t k = 0; k < fleet_acknowledged(f, i); k++)
            l.found.missing += l.seen[i][k] == 0;
        free(l.seen[i]);
    }
    free(l.seen);
    catalogue_close(&catalogue);
    raw_close(&l.raw);
    check_databases(&l, root);
    l.found.jobless = l.found.right - count_jobs(root);
    if (l.found.jobless == 0)
        l.found.jobless = l.found.right - l.jobs;
    return l.found;
}

bool fleet_all_right(const struct fleet_found *found)
{
    return found->missing + found->doubled + found->altered + found->unknown + found->partial ==
               0 &&
           found->orphans == 0 && found->jobless == 0 && !found->damage[0];
}
