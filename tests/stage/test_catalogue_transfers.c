/* Rows of transfers: what is written comes back; the IDs, keys and cameras that they get. */
#include "support/catalogued.h"
#include "support/support.h"
#include <stdio.h>

#define T0 CATALOGUED_T0_US
#define S  INT64_C(1000000)

/* memcmp would also compare what is behind the texts' ends. */
static void same_bytes(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
    assert_int_equal(a_n, b_n);
    assert_memory_equal(a, b, a_n);
}

static void assert_same(const struct catalogue_transfer *a, const struct catalogue_transfer *b)
{
    assert_int_equal(a->key, b->key);
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->imei, b->imei);
    assert_string_equal(a->camera, b->camera);
    assert_string_equal(a->kind, b->kind);
    assert_string_equal(a->source, b->source);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->published, b->published);
    assert_string_equal(a->day, b->day);
    assert_int_equal(a->arrived_us, b->arrived_us);
    assert_int_equal(a->completed_us, b->completed_us);
    assert_int_equal(a->length_bytes, b->length_bytes);
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->known, b->known);
    assert_int_equal(a->meta_version, b->meta_version);
    assert_int_equal(a->time_us, b->time_us);
    assert_int_equal(a->trigger, b->trigger);
    assert_string_equal(a->trigger_name, b->trigger_name);
    assert_int_equal(a->length_s, b->length_s);
    assert_int_equal(a->fps, b->fps);
    assert_int_equal(a->tz_min, b->tz_min);
    assert_memory_equal(&a->lat_deg, &b->lat_deg, sizeof a->lat_deg);
    assert_memory_equal(&a->lon_deg, &b->lon_deg, sizeof a->lon_deg);
    assert_int_equal(a->trigger_time_us, b->trigger_time_us);
    assert_string_equal(a->peer, b->peer);
    assert_int_equal(a->protocol_id, b->protocol_id);
    assert_int_equal(a->packets, b->packets);
    assert_int_equal(a->crc_errors, b->crc_errors);
    assert_int_equal(a->resumes, b->resumes);
    assert_int_equal(a->connections, b->connections);
    assert_int_equal(a->bytes_lost, b->bytes_lost);
    assert_int_equal(a->duplicates, b->duplicates);
    assert_int_equal(a->events, b->events);
    assert_string_equal(a->driver, b->driver);
    same_bytes(a->wire.init, a->wire.init_n, b->wire.init, b->wire.init_n);
    same_bytes(a->wire.start, a->wire.start_n, b->wire.start, b->wire.start_n);
    same_bytes(a->wire.path, a->wire.path_n, b->wire.path, b->wire.path_n);
    same_bytes(a->wire.meta, a->wire.meta_n, b->wire.meta, b->wire.meta_n);
}

static void test_every_column_comes_back(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0), back;
    assert_string_equal(t.id, "350000000000001-front-video-20241129T072345Z");
    assert_true(t.key > 0);
    back = catalogued_get(f, t.id);
    assert_same(&t, &back);
    catalogued_fill(&t);
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    catalogued_reopen(f);
    back = catalogued_get(f, t.id);
    assert_same(&t, &back);
}

static void test_what_was_absent_is_null_and_what_was_zero_is_not(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_transfer("350000000000001", "rear", 0);
    t.known = 0;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_int_equal(
        catalogued_sql(
            f, "SELECT meta_version IS NULL AND time_us IS NULL AND trigger_raw IS NULL"
               " AND trigger_name IS NULL AND length_s IS NULL AND fps IS NULL AND tz_min IS NULL"
               " AND lat_deg IS NULL AND lon_deg IS NULL AND trigger_time_us IS NULL"
               " AND sha256 IS NULL AND completed_us IS NULL AND init IS NULL FROM transfer"),
        1);
    t.known = CATALOGUE_HAS_META | CATALOGUE_ZONE_OK | CATALOGUE_POSITION_OK;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_int_equal(
        catalogued_sql(f, "SELECT trigger_raw=0 AND tz_min=0 AND lat_deg=0.0 AND lon_deg=0.0"
                          " AND fps IS NULL FROM transfer"),
        1);
    struct catalogue_transfer back = catalogued_get(f, t.id);
    assert_same(&t, &back);
}

static void test_taken_ids_get_the_next_number(void **state)
{
    struct catalogued *f = *state;
    char expected[CATALOGUE_ID_ROOM];
    for (int i = 1; i <= 40; i++) {
        struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0 + i);
        snprintf(expected, sizeof expected, "350000000000001-front-video-20241129T072345Z%s%.0d",
                 i > 1 ? "-" : "", i > 1 ? i : 0);
        assert_string_equal(t.id, expected);
    }
    /* its own camera has its own numbers */
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "rear", T0);
    assert_string_equal(t.id, "350000000000001-rear-video-20241129T072345Z");
}

static void test_an_unknown_time_is_named_by_the_arrival(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_transfer("350000000000001", "front", T0 + 999 * S);
    t.known = CATALOGUE_HAS_META;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_string_equal(t.id, "350000000000001-front-video-20241129T082345Z");
}

static void test_what_cannot_be_a_file_name_is_refused(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    static const char *const bad[] = {"", "../x", "a b", "a-b", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct catalogue_transfer t = catalogued_transfer(bad[i], "front", T0);
        assert_err(ERR_MALFORMED, catalogue_transfer_add(f->c, &t, &err));
        t = catalogued_transfer("350000000000001", bad[i], T0);
        assert_err(ERR_MALFORMED, catalogue_transfer_add(f->c, &t, &err));
    }
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM transfer"), 0);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM camera"), 0);
}

static void test_keys_are_never_used_twice(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0), other;
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_get(f->c, t.id, &other, &err));
    assert_err(ERR_NOTFOUND, catalogue_transfer_update(f->c, &t, &err));
    catalogued_reopen(f);
    other = catalogued_add(f, "350000000000001", "front", T0);
    assert_string_equal(other.id, t.id);
    assert_true(other.key > t.key);
}

static void test_a_camera_is_noted_with_first_and_last_sight(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    static const int64_t seen[] = {50, 10, 90};
    for (int i = 0; i < 3; i++) {
        struct catalogue_transfer t = catalogued_transfer("350000000000001", "front", T0);
        t.arrived_us = seen[i];
        assert_ok(catalogue_transfer_add(f->c, &t, &err));
    }
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM camera WHERE imei='350000000000001'"
                                       " AND camera='front' AND first_us=10 AND last_us=90"),
                     1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_every_column_comes_back),
        T(test_what_was_absent_is_null_and_what_was_zero_is_not),
        T(test_taken_ids_get_the_next_number),
        T(test_an_unknown_time_is_named_by_the_arrival),
        T(test_what_cannot_be_a_file_name_is_refused),
        T(test_keys_are_never_used_twice),
        T(test_a_camera_is_noted_with_first_and_last_sight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
