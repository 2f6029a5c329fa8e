/* What this node has stored goes on to a site, and goes here when it may. The site is the test's:
 * it takes, or does not, or does and its answer is lost. */
#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "intake/forward/forward.h"
#include "support/sql.h"
#include "support/support.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

enum { BYTES = 3000, FILES_MAX = 16 };

static struct site {
    int refuses; /* as often */
    bool loses;  /* the next answer */
    bool damaged;
    int opens, takes, notes;
    char token[FILES_MAX][80]; /* of what it has */
    int64_t lines[FILES_MAX];
    int n;
    struct catalogue *also_writes; /* a line comes while it takes */
} site;

static char *root;
static struct catalogue *c;
static struct raw *raw;
static struct forward *forward;
static int64_t accepted[FILES_MAX];
static int n_accepted;

static int site_open(void **out, void *arg, accept_stop_fn *stop, void *stop_arg, struct err *err)
{
    (void)err;
    assert_false(stop(stop_arg));
    site.opens++;
    *out = arg;
    return ERR_OK;
}

static void site_close(void **at)
{
    *at = NULL;
}

static int count_line(void *arg, const char *line, struct err *err)
{
    (void)line, (void)err;
    ++*(int64_t *)arg;
    return ERR_OK;
}

static int add_bytes(void *arg, const void *data, size_t n, struct err *err)
{
    (void)data, (void)err;
    *(size_t *)arg += n;
    return ERR_OK;
}

static int site_take(void *at, const struct accept_from *from, struct accept_taken *out,
                     struct err *why)
{
    struct err err;
    struct site *s = at;
    size_t n = 0;
    int i;
    s->takes++;
    if (s->refuses > 0) {
        s->refuses--;
        return err_set(why, ERR_IO, "the database is away");
    }
    if (s->damaged)
        return err_set(why, ERR_MALFORMED, "a hole");
    assert_ok(raw_copy(from->raw, from->row->day, from->row->key, add_bytes, &n, &err));
    assert_int_equal(n, BYTES);
    for (i = 0; i < s->n && strcmp(s->token[i], from->token) != 0; i++) {
    }
    out->same = i < s->n;
    if (i == s->n) {
        snprintf(s->token[s->n++], sizeof s->token[0], "%s", from->token);
        s->lines[i] = 0;
        assert_ok(
            catalogue_event_each(from->catalogue, from->row->id, count_line, &s->lines[i], &err));
    }
    if (s->loses) {
        s->loses = false;
        return err_set(why, ERR_IO, "the line was cut");
    }
    snprintf(out->id, sizeof out->id, "%s", from->row->id);
    out->lines = s->lines[i];
    if (s->also_writes) {
        assert_ok(intake_note(s->also_writes, from->row->id, "receive", CUSTODY_OFFERED_AGAIN,
                              &(struct custody_what){.from = "10.0.0.1:2"}, &err));
        s->also_writes = NULL;
    }
    return ERR_OK;
}

static int site_note(void *at, const struct accept_from *from, int64_t from_line, struct err *why)
{
    struct err err;
    struct site *s = at;
    int64_t lines = 0;
    (void)why;
    s->notes++;
    assert_ok(catalogue_event_each(from->catalogue, from->row->id, count_line, &lines, &err));
    assert_true(from_line <= lines);
    return ERR_OK;
}

static void on_accepted(void *arg, int64_t key)
{
    (void)arg;
    accepted[n_accepted++ % FILES_MAX] = key;
}

static void open_forward(void)
{
    struct err err;
    const struct forward_options options = {
        .who = "receive",
        .site = {site_open, site_close, site_take, site_note, &site},
        .staged_bytes_max = 2 * BYTES,
        .staged_age_max_us = 3600 * INT64_C(1000000),
        .accepted = on_accepted,
    };
    assert_ok(forward_open(&forward, root, &options, &err));
}

static int set_up(void **state)
{
    struct err err;
    (void)state;
    root = support_tmp_dir();
    site = (struct site){.refuses = 0};
    n_accepted = 0;
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(raw_open(&raw, root, &err));
    assert_ok(intake_stores_opened(c, raw, root, INTAKE_ADDS, &err));
    open_forward();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    forward_close(&forward);
    raw_close(&raw);
    catalogue_close(&c);
    support_tmp_remove(&root);
    return 0;
}

/* A stored transfer that came to its end then. */
static int64_t stored(const char *source, int64_t at_us)
{
    struct err err;
    uint8_t bytes[BYTES] = {(uint8_t)at_us};
    struct catalogue_transfer t = {.imei = "352093081452251",
                                   .camera = "front",
                                   .kind = "photo",
                                   .arrived_us = at_us,
                                   .completed_us = at_us,
                                   .length_bytes = BYTES,
                                   .state = CATALOGUE_STORED};
    snprintf(t.source, sizeof t.source, "%s", source);
    raw_day(at_us, t.day);
    assert_ok(intake_transfer_add(c, raw, &t, &err));
    struct raw_facts facts = master_facts(&t);
    assert_ok(raw_append(raw, t.day, t.key, &facts, 0, bytes, sizeof bytes, &err));
    struct hash *h = NULL;
    assert_ok(hash_new(&h, &err));
    hash_update(h, bytes, sizeof bytes);
    assert_ok(hash_final(h, facts.sha256, &err));
    hash_free(&h);
    hash_hex(facts.sha256, t.sha256);
    assert_ok(raw_seal(raw, t.day, t.key, &facts, &err));
    assert_ok(raw_commit(raw, &err));
    assert_ok(catalogue_transfer_update(c, &t, &err));
    assert_ok(intake_note(c, t.id, "receive", CUSTODY_STORED,
                          &(struct custody_what){.sha256 = t.sha256}, &err));
    return t.key;
}

static int64_t now_us(void)
{
    return clock_utc_us();
}

static struct catalogue_transfer row_of(int64_t key)
{
    struct err err;
    struct catalogue_transfer t = {.key = 0};
    bool found;
    assert_ok(catalogue_transfer_by_key(c, key, &t, &found, &err));
    t.key = found ? key : 0;
    return t;
}

static bool has_bytes(int64_t key)
{
    struct err err;
    struct catalogue_transfer t = row_of(key);
    int64_t length;
    bool sealed;
    return raw_stat(raw, t.day, key, &length, &sealed, NULL, &err) == ERR_OK;
}

static struct forward_state look(void)
{
    struct forward_state s;
    forward_look(forward, &s);
    return s;
}

static void test_what_is_stored_goes_on_and_stays_until_it_is_heard_of(void **state)
{
    struct err err;
    (void)state;
    int64_t key = stored("camera", now_us());
    assert_ok(forward_all(forward, &err));
    assert_int_equal(n_accepted, 1);
    assert_int_equal(accepted[0], key);
    assert_true(row_of(key).published);
    assert_true(has_bytes(key));
    assert_int_equal(look().files, 0);
    assert_ok(forward_all(forward, &err));
    assert_int_equal(site.takes, 1);
    forward_heard(forward, key);
    assert_ok(forward_all(forward, &err));
    assert_false(has_bytes(key));
    assert_true(row_of(key).set_aside); /* and is still counted for its day */
}

static void test_a_site_that_is_away_has_it_later(void **state)
{
    struct err err;
    (void)state;
    int64_t key = stored("camera", now_us());
    site.refuses = 1;
    assert_err(ERR_IO, forward_all(forward, &err));
    assert_has(look().trouble, "the database is away");
    assert_int_equal(look().files, 1);
    assert_int_equal(look().bytes, BYTES);
    assert_false(row_of(key).published);
    assert_ok(forward_all(forward, &err));
    assert_true(row_of(key).published);
    assert_string_equal(look().trouble, "");
}

/* The same token comes again, and the site knows. */
static void test_a_lost_answer_is_asked_for_again(void **state)
{
    struct err err;
    (void)state;
    int64_t key = stored("camera", now_us());
    site.loses = true;
    assert_err(ERR_IO, forward_all(forward, &err));
    assert_int_equal(n_accepted, 0);
    forward_close(&forward); /* and another process goes on */
    open_forward();
    assert_ok(forward_all(forward, &err));
    assert_int_equal(site.n, 1);
    assert_int_equal(site.takes, 2);
    assert_int_equal(accepted[0], key);
    assert_true(row_of(key).published);
}

/* Nothing that happened to it here is unknown there. */
static void test_a_line_that_comes_meanwhile_goes_on_too(void **state)
{
    struct err err;
    (void)state;
    int64_t key = stored("camera", now_us());
    site.also_writes = c;
    assert_ok(forward_all(forward, &err));
    assert_int_equal(site.notes, 1);
    assert_true(row_of(key).published);
    assert_ok(intake_note(c, row_of(key).id, "receive", CUSTODY_OFFERED_AGAIN,
                          &(struct custody_what){.from = "10.0.0.1:3"}, &err));
    forward_heard(forward, key);
    assert_ok(forward_all(forward, &err));
    assert_int_equal(site.notes, 2);
    assert_false(has_bytes(key));
}

static void test_what_was_acknowledged_before_goes_when_the_site_has_it(void **state)
{
    struct err err;
    (void)state;
    int64_t key = stored("camera", now_us());
    site.refuses = 1;
    forward_heard(forward, key); /* ack = local */
    assert_err(ERR_IO, forward_all(forward, &err));
    assert_true(has_bytes(key));
    forward_heard(forward, key);
    assert_ok(forward_all(forward, &err));
    assert_ok(forward_all(forward, &err));
    assert_false(has_bytes(key));
}

static void test_a_file_goes_at_once(void **state)
{
    struct err err;
    (void)state;
    int64_t key = stored("file", now_us());
    assert_ok(forward_all(forward, &err));
    assert_false(has_bytes(key));
    assert_true(row_of(key).set_aside);
}

static void test_what_is_damaged_keeps_no_other_from_it(void **state)
{
    struct err err;
    (void)state;
    int64_t bad = stored("camera", now_us());
    site.damaged = true;
    assert_err(ERR_MALFORMED, forward_all(forward, &err));
    site.damaged = false;
    int64_t good = stored("camera", now_us());
    assert_err(ERR_MALFORMED, forward_all(forward, &err));
    assert_true(row_of(good).published);
    assert_false(row_of(bad).published);
    assert_true(has_bytes(bad));
}

static void test_cameras_are_refused_when_too_much_waits(void **state)
{
    struct err err;
    (void)state;
    for (int i = 0; i < 3; i++)
        stored("camera", now_us());
    site.refuses = 1;
    assert_err(ERR_IO, forward_all(forward, &err));
    assert_has(look().full, "staged_mib");
    assert_ok(forward_all(forward, &err));
    assert_string_equal(look().full, "");
    stored("camera", now_us() - 2 * 3600 * INT64_C(1000000));
    site.refuses = 1;
    assert_err(ERR_IO, forward_all(forward, &err));
    assert_has(look().full, "staged_age");
}

static void test_what_nobody_brought_again_goes_after_a_day(void **state)
{
    struct err err;
    (void)state;
    int64_t old = stored("camera", now_us() - 3 * DAY_US);
    int64_t young = stored("camera", now_us());
    assert_ok(forward_all(forward, &err));
    assert_ok(forward_all(forward, &err)); /* what is old is looked at now and then */
    forward_close(&forward);
    open_forward();
    assert_ok(forward_all(forward, &err));
    assert_int_equal(row_of(old).key, 0);
    assert_true(has_bytes(young));
    /* its day's file is gone with it */
    char path[64], day[RAW_DAY_ROOM];
    raw_day(now_us() - 3 * DAY_US, day);
    snprintf(path, sizeof path, "raw/%s.db", day);
    assert_false(support_exists(support_path(root, path)));
}

static void test_a_thread_does_it_all(void **state)
{
    struct err err;
    (void)state;
    site.refuses = 2;
    int64_t key = stored("camera", now_us());
    assert_ok(forward_start(forward, &err));
    forward_wants(forward, key);
    support_wait(look().accepted == 1);
    support_wait(row_of(key).published);
    forward_heard(forward, key);
    support_wait(!has_bytes(key));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_what_is_stored_goes_on_and_stays_until_it_is_heard_of),
        T(test_a_site_that_is_away_has_it_later),
        T(test_a_lost_answer_is_asked_for_again),
        T(test_a_line_that_comes_meanwhile_goes_on_too),
        T(test_what_was_acknowledged_before_goes_when_the_site_has_it),
        T(test_a_file_goes_at_once),
        T(test_what_is_damaged_keeps_no_other_from_it),
        T(test_cameras_are_refused_when_too_much_waits),
        T(test_what_nobody_brought_again_goes_after_a_day),
        T(test_a_thread_does_it_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
