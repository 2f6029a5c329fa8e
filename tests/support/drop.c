#include "support/drop.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint8_t *drop_bytes(uint32_t seed, size_t bytes, size_t *n)
{
    enum { HEADER = 36, RECORD = 8000 };
    uint8_t *data = calloc(1, bytes + RECORD + HEADER);
    uint32_t x = seed * 2654435761u + 1;
    assert_non_null(data);
    for (*n = 0; *n < bytes;) {
        size_t left = bytes - *n, payload = left > RECORD ? RECORD
                                            : left < 100  ? 64
                                                          : left - HEADER;
        uint8_t *p = data + *n;
        memcpy(p, "PTMF", 4);
        p[5] = *n == 0 ? 'I' : 'P';
        p[24] = (uint8_t)payload;
        p[25] = (uint8_t)(payload >> 8);
        for (size_t i = 0; i < payload; i++) {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            p[HEADER + i] = (uint8_t)(x >> 8 | 1); /* no header by chance */
        }
        *n += HEADER + payload;
    }
    return data;
}

void drop_clip(const char *path, uint32_t seed, size_t bytes)
{
    size_t n;
    uint8_t *data = drop_bytes(seed, bytes, &n);
    support_write(path, data, n);
    free(data);
}

static uint64_t sum_of(const uint8_t digest[HASH_BYTES])
{
    uint64_t v;
    memcpy(&v, digest, sizeof v);
    return v;
}

uint64_t drop_sum(uint64_t sum, const void *data, size_t n)
{
    struct err err;
    struct hash *h = NULL;
    uint8_t digest[HASH_BYTES];
    assert_ok(hash_new(&h, &err));
    hash_update(h, data, n);
    assert_ok(hash_final(h, digest, &err));
    hash_free(&h);
    return sum + sum_of(digest);
}

struct look {
    struct raw *raw;
    const char *root;
    struct drop_found found;
};

static int add(void *arg, const void *data, size_t n, struct err *err)
{
    (void)err;
    hash_update(arg, data, n);
    return ERR_OK;
}

static void check_job(const char *root, const char *id)
{
    static const char *const states[] = {"new", "cur", "failed"};
    int there = 0;
    for (int i = 0; i < 3; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/spool/convert/%s/%s/job.json", root, states[i], id);
        there += support_exists(path);
    }
    if (there != 1)
        fail_msg("%s has %d jobs", id, there);
}

static int look_at(void *arg, const struct catalogue_transfer *t, struct err *unused)
{
    struct err err;
    (void)unused;
    struct look *l = arg;
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    struct hash *h = NULL;
    assert_string_equal(t->source, "file");
    assert_int_equal(t->state, CATALOGUE_STORED);
    assert_true(t->published);
    assert_ok(hash_new(&h, &err));
    assert_ok(raw_copy(l->raw, t->day, t->key, add, h, &err));
    assert_ok(hash_final(h, digest, &err));
    hash_free(&h);
    hash_hex(digest, hex);
    assert_string_equal(hex, t->sha256);
    check_job(l->root, t->id);
    l->found.n++;
    l->found.sum += sum_of(digest);
    return ERR_OK;
}

static int64_t number(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW)
        fail_msg("%s: %s: %s", path, sql, sqlite3_errmsg(db));
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

static void check_databases(const char *root, int64_t rows)
{
    static const char sound[] = "SELECT count(*) FROM pragma_integrity_check"
                                " WHERE integrity_check <> 'ok'";
    char pattern[600];
    glob_t days;
    int64_t masters = 0;
    snprintf(pattern, sizeof pattern, "%s/catalogue.db", root);
    assert_int_equal(number(pattern, sound), 0);
    snprintf(pattern, sizeof pattern, "%s/raw/*.db", root);
    if (glob(pattern, 0, NULL, &days) == 0) {
        for (size_t i = 0; i < days.gl_pathc; i++) {
            assert_int_equal(number(days.gl_pathv[i], sound), 0);
            masters += number(days.gl_pathv[i], "SELECT count(*) FROM (SELECT key FROM chunk"
                                                " UNION SELECT key FROM master)");
        }
        globfree(&days);
    }
    assert_int_equal(masters, rows);
}

struct drop_found drop_look(const char *root)
{
    struct look l = {.root = root};
    struct catalogue *c = NULL;
    struct err err;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(raw_open(&l.raw, root, &err));
    assert_ok(catalogue_transfer_each(c, NULL, look_at, &l, &err));
    raw_close(&l.raw);
    catalogue_close(&c);
    check_databases(root, l.found.n);
    return l.found;
}

int64_t drop_count(const char *root)
{
    struct catalogue *c = NULL;
    struct catalogue_counts counts;
    struct err err;
    int rc = catalogue_open(&c, root, false, &err);
    if (rc == ERR_NOTFOUND)
        return 0;
    assert_int_equal(rc, ERR_OK);
    assert_ok(catalogue_count(c, &counts, &err));
    catalogue_close(&c);
    return counts.stored;
}

struct search {
    struct catalogue *c;
    const char *name;
    struct catalogue_transfer row;
    int n;
};

static int search(void *arg, const struct catalogue_transfer *t, struct err *unused)
{
    struct err err;
    (void)unused;
    struct search *s = arg;
    struct catalogue_origin o;
    assert_ok(catalogue_origin_get(s->c, t->key, &o, &err));
    const char *slash = strrchr(o.path, '/');
    if (strcmp(slash ? slash + 1 : o.path, s->name) == 0) {
        s->row = *t;
        s->n++;
    }
    return ERR_OK;
}

struct catalogue_transfer drop_row(const char *root, const char *name)
{
    struct search s = {.name = name};
    struct err err;
    assert_ok(catalogue_open(&s.c, root, false, &err));
    assert_ok(catalogue_transfer_each(s.c, NULL, search, &s, &err));
    catalogue_close(&s.c);
    if (s.n != 1)
        fail_msg("%d transfers came from %s", s.n, name);
    return s.row;
}
