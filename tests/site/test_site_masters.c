/* The masters of a site: rows in PostgreSQL, bytes in Ceph; none without the other. */
#include "dashspool/hash.h"
#include "dashspool/objects.h"
#include "dashspool/raw.h"
#include "dashspool/site.h"
#include "rows/rows.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY   "2026-11-21"
#define OTHER "2026-11-22"

enum { BYTES = 200 * 1024 + 17 }; /* some chunks, and not whole ones */

static struct raw *raw;
static struct rows *rows;
static struct objects *objects;
static uint8_t content[BYTES];

static int set_up(void **state)
{
    struct err err;
    (void)state;
    engines_use_site();
    assert_ok(raw_open(&raw, "/nowhere", &err));
    assert_true(raw_is_of_site(raw));
    assert_ok(rows_open(&rows, site_used(), &err));
    assert_ok(objects_open(&objects, site_used(), &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    objects_close(&objects);
    rows_close(&rows);
    raw_close(&raw);
    engines_end();
    return 0;
}

static void fill(uint8_t seed, char hex[HASH_HEX_ROOM], uint8_t sha256[HASH_BYTES])
{
    struct err err;
    struct hash *h = NULL;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 31 + i / 1024 + seed);
    assert_ok(hash_new(&h, &err));
    hash_update(h, content, sizeof content);
    assert_ok(hash_final(h, sha256, &err));
    hash_free(&h);
    hash_hex(sha256, hex);
}

static void put(const char *key, const void *data, size_t n, const char *hex)
{
    struct err err;
    char own[HASH_HEX_ROOM];
    assert_ok(hash_text(data, n, own, &err));
    const struct objects_put p = {
        .key = key, .fd = -1, .data = data, .n = (int64_t)n, .sha256 = hex ? hex : own};
    assert_ok(objects_put(objects, &p, &err));
}

/* As accept does it. */
static void add(const char *day, int64_t key, uint8_t seed)
{
    struct err err;
    char hex[HASH_HEX_ROOM], name[RAW_OBJECT_ROOM];
    struct raw_facts f = {.id = "352093081452251-front-video-20261121T103414Z",
                          .imei = "352093081452251",
                          .camera = "front",
                          .kind = "video",
                          .source = "camera",
                          .arrived_us = 1000 + key,
                          .length_bytes = BYTES,
                          .start = (const uint8_t *)"\0\1start",
                          .start_bytes = 7};
    fill(seed, hex, f.sha256);
    assert_ok(raw_site_object(hex, 0, name, &err));
    put(name, content, BYTES, hex);
    assert_ok(raw_site_object(hex, key, name, &err));
    put(name, "{}", 2, NULL);
    assert_ok(rows_begin(rows, &err));
    assert_ok(raw_site_lock(rows, hex, &err));
    assert_ok(raw_site_add(rows, day, key, &f, &err));
    assert_ok(rows_commit(rows, &err));
}

static bool is_there(uint8_t seed, int64_t facts_of)
{
    struct err err;
    char hex[HASH_HEX_ROOM], name[RAW_OBJECT_ROOM];
    uint8_t sha256[HASH_BYTES];
    struct objects_facts facts;
    fill(seed, hex, sha256);
    assert_ok(raw_site_object(hex, facts_of, name, &err));
    int rc = objects_head(objects, name, &facts, &err);
    assert_true(rc == ERR_OK || rc == ERR_NOTFOUND);
    return rc == ERR_OK;
}

struct taken {
    size_t n;
    size_t largest;
};

static int compare(void *arg, const void *data, size_t n, struct err *err)
{
    struct taken *t = arg;
    (void)err;
    assert_true(t->n + n <= BYTES);
    assert_memory_equal(content + t->n, data, n);
    t->n += n;
    t->largest = n > t->largest ? n : t->largest;
    return ERR_OK;
}

static void test_a_master_is_read_as_it_came(void **state)
{
    struct err err;
    struct taken t = {0, 0};
    int64_t length, at = 0;
    bool sealed;
    uint8_t sha256[HASH_BYTES], chunk[RAW_CHUNK_BYTES];
    size_t n;
    (void)state;
    add(DAY, 7, 1);
    assert_ok(raw_stat(raw, DAY, 7, &length, &sealed, sha256, &err));
    assert_int_equal(length, BYTES);
    assert_true(sealed);
    assert_ok(raw_copy(raw, DAY, 7, compare, &t, &err));
    assert_int_equal(t.n, BYTES);
    assert_true(t.largest <= RAW_CHUNK_BYTES);
    for (; at < BYTES; at += (int64_t)n) {
        assert_ok(raw_read_chunk(raw, DAY, 7, at, BYTES, chunk, &n, &err));
        assert_memory_equal(content + at, chunk, n);
    }
    assert_ok(raw_read_chunk(raw, DAY, 7, 100000, BYTES, chunk, &n, &err));
    assert_memory_equal(content + 100000, chunk, n);
    assert_err(ERR_NOTFOUND, raw_stat(raw, OTHER, 7, &length, &sealed, NULL, &err));
    assert_err(ERR_NOTFOUND, raw_stat(raw, DAY, 8, &length, &sealed, NULL, &err));
    assert_err(ERR_UNSUPPORTED, raw_append(raw, DAY, 7, NULL, BYTES, "x", 1, &err));
}

struct seen {
    int n;
    int64_t keys, days;
    char text[256];
};

static int see_master(void *arg, const struct raw_master *m, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    s->n++;
    s->keys += m->key;
    assert_true(m->sealed && m->owned && m->noted && !m->flaw);
    assert_string_equal(m->facts.imei, "352093081452251");
    assert_int_equal(m->facts.start_bytes, 7);
    assert_memory_equal(m->facts.start, "\0\1start", 7);
    assert_int_equal(m->facts.init_bytes, 0);
    return ERR_OK;
}

static int see_day(void *arg, const char *name, bool is_day, struct err *err)
{
    struct seen *s = arg;
    struct raw_sum sum;
    assert_true(is_day);
    assert_int_equal(raw_sum(raw, name, &sum, err), ERR_OK);
    s->days += sum.masters;
    return ERR_OK;
}

static void test_days_are_lists_of_them(void **state)
{
    struct err err;
    struct seen s = {.n = 0};
    struct raw_sum sum;
    int64_t top;
    (void)state;
    add(DAY, 1, 1);
    add(DAY, 5, 2);
    add(OTHER, 9, 3);
    assert_ok(raw_each(raw, DAY, see_master, &s, &err));
    assert_int_equal(s.n, 2);
    assert_int_equal(s.keys, 6);
    assert_ok(raw_one(raw, OTHER, 9, see_master, &s, &err));
    assert_int_equal(s.keys, 15);
    assert_err(ERR_NOTFOUND, raw_one(raw, DAY, 9, see_master, &s, &err));
    assert_ok(raw_days(raw, see_day, &s, &err));
    assert_int_equal(s.days, 3);
    assert_ok(raw_sum(raw, DAY, &sum, &err));
    assert_int_equal(sum.masters, 2);
    assert_int_equal(sum.keys, 6);
    assert_int_equal(sum.lengths, INT64_C(1) * BYTES + INT64_C(5) * BYTES);
    assert_int_equal(sum.arrivals, 1001 + 1005);
    assert_ok(raw_highest_key(raw, NULL, &top, &err));
    assert_int_equal(top, 9);
    assert_ok(raw_highest_key(raw, DAY, &top, &err));
    assert_int_equal(top, 5);
}

/* Two masters of the same bytes have one object. */
static void test_an_object_goes_with_the_last_that_has_it(void **state)
{
    struct err err;
    int64_t length;
    bool sealed;
    (void)state;
    add(DAY, 1, 1);
    add(OTHER, 2, 1);
    assert_ok(raw_drop(raw, DAY, 1, &err));
    assert_ok(raw_commit(raw, &err));
    assert_true(is_there(1, 0));
    assert_false(is_there(1, 1)); /* what reindex would make the first of again */
    assert_true(is_there(1, 2));
    assert_err(ERR_NOTFOUND, raw_stat(raw, DAY, 1, &length, &sealed, NULL, &err));
    assert_ok(raw_drop(raw, OTHER, 2, &err));
    raw_rollback(raw);
    assert_ok(raw_stat(raw, OTHER, 2, &length, &sealed, NULL, &err));
    assert_ok(raw_drop(raw, OTHER, 2, &err));
    assert_ok(raw_commit(raw, &err));
    assert_false(is_there(1, 0));
    assert_false(is_there(1, 2));
    assert_ok(raw_drop(raw, OTHER, 2, &err)); /* again is fine */
    assert_ok(raw_commit(raw, &err));
}

/* It came once more between its drop and the deletion of its object. */
static void test_what_comes_again_keeps_its_object(void **state)
{
    struct err err;
    int64_t freed;
    (void)state;
    add(DAY, 1, 1);
    assert_ok(rows_begin(rows, &err)); /* the drop of a process that dies after its commit */
    assert_ok(rows_exec(rows,
                        "INSERT INTO dropped(key, sha256, length_bytes, at_us)"
                        " SELECT key, sha256, length_bytes, 0 FROM master;"
                        "DELETE FROM master",
                        &err));
    assert_ok(rows_commit(rows, &err));
    add(OTHER, 2, 1);
    assert_ok(raw_trim(raw, DAY, RAW_TRIM_NOW, &freed, &err));
    assert_int_equal(freed, 0);
    assert_true(is_there(1, 0));
    assert_ok(raw_drop(raw, OTHER, 2, &err));
    assert_ok(raw_commit(raw, &err));
    assert_false(is_there(1, 0));
}

static int note_flaw(void *arg, const char *text, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    s->n++;
    snprintf(s->text, sizeof s->text, "%.255s", text);
    return ERR_OK;
}

static void test_a_lost_object_is_found_out(void **state)
{
    struct err err;
    struct seen s = {.n = 0};
    struct taken t = {0, 0};
    char hex[HASH_HEX_ROOM], name[RAW_OBJECT_ROOM];
    uint8_t sha256[HASH_BYTES];
    (void)state;
    add(DAY, 1, 1);
    add(DAY, 2, 2);
    assert_ok(raw_check(raw, DAY, note_flaw, &s, &err));
    assert_int_equal(s.n, 0);
    fill(2, hex, sha256);
    assert_ok(raw_site_object(hex, 0, name, &err));
    assert_ok(objects_delete(objects, name, &err));
    assert_ok(raw_check(raw, DAY, note_flaw, &s, &err));
    assert_int_equal(s.n, 1);
    assert_has(s.text, "is not there");
    assert_err(ERR_MALFORMED, raw_copy(raw, DAY, 2, compare, &t, &err));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_master_is_read_as_it_came),
        T(test_days_are_lists_of_them),
        T(test_an_object_goes_with_the_last_that_has_it),
        T(test_what_comes_again_keeps_its_object),
        T(test_a_lost_object_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
