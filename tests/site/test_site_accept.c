/* A site takes what a node has stored: all of it, once, whatever is lost on the way. */
#include "dashspool/accept.h"
#include "dashspool/clock.h"
#include "dashspool/custody.h"
#include "dashspool/intake.h"
#include "dashspool/objects.h"
#include "support/engines.h"
#include "support/sql.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1732865025000000)
#define ID "352093081452251-front-video-20241129T072345Z"

enum { BYTES = 150000 };

static char *node_root, *site_root;
static struct catalogue *node;
static struct raw *raw;
static struct accept *site;
static uint8_t content[BYTES];

static void open_accept(struct accept **out)
{
    static const char *const stages[] = {"convert", "other"};
    struct err err;
    assert_ok(accept_open(out, site_used(), site_root, stages, 2, &err));
}

static int set_up(void **state)
{
    struct err err;
    (void)state;
    engines_use_site();
    node_root = support_tmp_dir();
    site_root = support_tmp_dir();
    assert_ok(catalogue_open_local(&node, node_root, true, &err));
    assert_ok(raw_open_local(&raw, node_root, &err));
    assert_ok(intake_stores_opened(node, raw, node_root, INTAKE_ADDS, &err));
    open_accept(&site);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    accept_close(&site);
    raw_close(&raw);
    catalogue_close(&node);
    support_tmp_remove(&site_root);
    support_tmp_remove(&node_root);
    engines_end();
    return 0;
}

/* A video that the node has received, of these bytes. */
static struct catalogue_transfer stored(uint8_t seed)
{
    struct err err;
    struct hash *h = NULL;
    struct catalogue_transfer t = {.imei = "352093081452251",
                                   .camera = "front",
                                   .kind = "video",
                                   .source = "camera",
                                   .peer = "10.0.0.1:5",
                                   .known = CATALOGUE_TIME_OK,
                                   .time_us = T0,
                                   .arrived_us = T0 + 60000000,
                                   .completed_us = T0 + 90000000,
                                   .length_bytes = BYTES,
                                   .wire = {.start_n = 10},
                                   .state = CATALOGUE_STORED};
    const struct catalogue_arrival part = {.peer = "10.0.0.1:5",
                                           .began_us = t.arrived_us,
                                           .ended_us = t.completed_us,
                                           .until_bytes = BYTES,
                                           .packets = 147,
                                           .ended = "complete"};
    const struct catalogue_origin origin = {.path = "/media/card/a.mp4", .whole = true};
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7 + i / 1000 + seed);
    raw_day(t.arrived_us, t.day);
    assert_ok(intake_transfer_add(node, raw, &t, &err));
    struct raw_facts facts = master_facts(&t);
    for (size_t at = 0; at < BYTES; at += RAW_CHUNK_BYTES)
        assert_ok(raw_append(raw, t.day, t.key, &facts, (int64_t)at, content + at,
                             BYTES - at < RAW_CHUNK_BYTES ? BYTES - at : RAW_CHUNK_BYTES, &err));
    assert_ok(hash_new(&h, &err));
    hash_update(h, content, sizeof content);
    assert_ok(hash_final(h, facts.sha256, &err));
    hash_free(&h);
    hash_hex(facts.sha256, t.sha256);
    assert_ok(raw_seal(raw, t.day, t.key, &facts, &err));
    assert_ok(raw_commit(raw, &err));
    assert_ok(catalogue_transfer_update(node, &t, &err));
    assert_ok(catalogue_arrival_add(node, t.key, &part, &err));
    assert_ok(catalogue_origin_put(node, t.key, &origin, &err));
    assert_ok(intake_note(node, t.id, "receive", CUSTODY_RECEIVED,
                          &(struct custody_what){.from = t.peer}, &err));
    assert_ok(intake_note(node, t.id, "receive", CUSTODY_STORED,
                          &(struct custody_what){.sha256 = t.sha256}, &err));
    return t;
}

static int take(struct accept *a, const struct catalogue_transfer *t, const char *token,
                struct accept_taken *out, struct err *err)
{
    const struct accept_from from = {node_root, node, raw, t, token};
    return accept_transfer(a, &from, out, err);
}

struct chain {
    struct custody_chain at;
    char events[200];
};

static int follow(void *arg, const char *line, struct err *err)
{
    struct chain *c = arg;
    int rc = custody_next(&c->at, line, strlen(line), err);
    size_t used = strlen(c->events);
    snprintf(c->events + used, sizeof c->events - used, "%s ", c->at.event);
    return rc;
}

/* The events in the site's custody of a transfer, whose chain is whole. */
static void assert_custody(const char *id, const char *events)
{
    struct err err;
    struct catalogue *c = NULL;
    struct chain chain = {.events = ""};
    assert_ok(catalogue_open(&c, site_root, false, &err));
    assert_ok(catalogue_event_each(c, id, follow, &chain, &err));
    catalogue_close(&c);
    assert_string_equal(chain.events, events);
}

static int compare(void *arg, const void *data, size_t n, struct err *err)
{
    size_t *at = arg;
    (void)err;
    assert_memory_equal(content + *at, data, n);
    *at += n;
    return ERR_OK;
}

static int keep(void *arg, const void *data, size_t n, struct err *err)
{
    char *text = arg;
    size_t used = strlen(text);
    (void)err;
    assert_true(used + n < 8192);
    memcpy(text + used, data, n);
    return ERR_OK;
}

/* Bytes and facts are in the object store, as they came. */
static void assert_objects(const char *sha256, int64_t key)
{
    struct err err;
    struct objects *o = NULL;
    char name[RAW_OBJECT_ROOM], text[8192] = "";
    size_t at = 0;
    assert_ok(objects_open(&o, site_used(), &err));
    assert_ok(raw_site_object(sha256, 0, name, &err));
    assert_ok(objects_get(o, name, 0, -1, compare, &at, &err));
    assert_int_equal(at, BYTES);
    assert_ok(raw_site_object(sha256, key, name, &err));
    assert_ok(objects_get(o, name, 0, -1, keep, text, &err));
    assert_has(text, sha256);
    assert_has(text, "\"imei\": \"352093081452251\"");
    assert_has(text, "published");
    objects_close(&o);
}

static void test_a_transfer_is_taken_with_all_that_is_known_of_it(void **state)
{
    struct err err;
    struct accept_taken got;
    (void)state;
    struct catalogue_transfer t = stored(1);
    assert_ok(take(site, &t, "a/1", &got, &err));
    assert_string_equal(got.id, ID);
    assert_false(got.same);
    assert_int_equal(got.lines, 2);
    assert_custody(ID, "received stored published ");
    assert_int_equal(engines_sql("SELECT count(*) FROM transfer WHERE id = '" ID
                                 "' AND published = 1"
                                 " AND length(start) = 10 AND state = 'stored'"),
                     1);
    assert_int_equal(engines_sql("SELECT packets FROM arrival"), 147);
    assert_int_equal(engines_sql("SELECT count(*) FROM origin"), 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM master WHERE length_bytes = 150000"), 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM job WHERE name = '" ID "'"), 2);
    assert_int_equal(engines_sql("SELECT count(*) FROM done WHERE attempt = 0"), 2);
    assert_objects(t.sha256, 1);
}

static void test_what_is_handed_on_twice_is_there_once(void **state)
{
    struct err err;
    struct accept_taken got;
    (void)state;
    struct catalogue_transfer t = stored(1);
    assert_ok(take(site, &t, "a/1", &got, &err));
    got = (struct accept_taken){.id = ""};
    assert_ok(take(site, &t, "a/1", &got, &err));
    assert_string_equal(got.id, ID);
    assert_int_equal(got.lines, 2);
    assert_false(got.same);
    assert_custody(ID, "received stored published ");
    assert_int_equal(engines_sql("SELECT count(*) FROM transfer"), 1);
}

static void test_the_same_bytes_of_another_node_are_a_repeat(void **state)
{
    struct err err;
    struct accept_taken got;
    (void)state;
    struct catalogue_transfer t = stored(1);
    assert_ok(take(site, &t, "a/1", &got, &err));
    assert_ok(take(site, &t, "b/7", &got, &err));
    assert_true(got.same);
    assert_string_equal(got.id, ID);
    assert_ok(take(site, &t, "b/7", &got, &err)); /* noted once */
    assert_true(got.same);
    assert_custody(ID, "received stored published offered-again ");
    assert_int_equal(engines_sql("SELECT count(*) FROM transfer"), 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM job"), 2);
}

/* Two receivers had a file of the same camera and moment: each calls it the same. */
static void test_a_name_that_is_taken_becomes_another_with_its_chain_whole(void **state)
{
    struct err err;
    struct accept_taken got;
    (void)state;
    struct catalogue_transfer t = stored(1);
    assert_ok(take(site, &t, "a/1", &got, &err));
    assert_ok(catalogue_transfer_remove(node, t.key, &err));
    t = stored(2);
    assert_string_equal(t.id, ID);
    assert_ok(take(site, &t, "b/2", &got, &err));
    assert_string_equal(got.id, ID "-2");
    assert_custody(ID "-2", "received stored published ");
    /* the events are those of the node: their time, their words */
    int64_t same =
        engines_sql("SELECT count(*) FROM custody WHERE transfer = '" ID "-2' AND line LIKE"
                    " '%\"event\":\"received\"%\"from\":\"10.0.0.1:5\"%dashspool%receive%'");
    assert_int_equal(same, 1);
    assert_objects(t.sha256, 2);
    assert_int_equal(engines_sql("SELECT count(*) FROM job WHERE name = '" ID "-2'"), 2);
}

/* As if the power went; another process goes on. */
static void die_at(const char *place, const struct catalogue_transfer *t)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err;
        struct accept *a = NULL;
        struct catalogue *c = NULL;
        struct raw *r = NULL;
        struct accept_taken got;
        setenv("DASHSPOOL_DIE_AT", place, 1);
        open_accept(&a);
        if (catalogue_open_local(&c, node_root, false, &err) < 0 ||
            raw_open_local(&r, node_root, &err) < 0)
            _exit(1);
        const struct accept_from from = {node_root, c, r, t, "a/1"};
        _exit(accept_transfer(a, &from, &got, &err) == ERR_OK ? 2 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 99);
}

static void test_who_dies_on_the_way_left_nothing_half_done(void **state)
{
    static const char *const places[] = {"put", "commit", "committed"};
    struct err err;
    struct accept_taken got;
    (void)state;
    struct catalogue_transfer t = stored(1);
    for (size_t i = 0; i < 3; i++) {
        die_at(places[i], &t);
        assert_int_equal(engines_sql("SELECT count(*) FROM transfer"), i == 2);
        assert_int_equal(engines_sql("SELECT count(*) FROM accepted"), i == 2);
    }
    assert_ok(take(site, &t, "a/1", &got, &err));
    assert_string_equal(got.id, ID);
    assert_custody(ID, "received stored published ");
    assert_int_equal(engines_sql("SELECT count(*) FROM transfer"), 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM job"), 2);
    assert_objects(t.sha256, 1);
}

static void test_bytes_that_are_not_those_received_go_nowhere(void **state)
{
    struct err err;
    struct accept_taken got;
    char path[300];
    (void)state;
    struct catalogue_transfer t = stored(1);
    snprintf(path, sizeof path, "%s/raw/%s.db", node_root, t.day);
    sql_run(path, "UPDATE chunk SET data = zeroblob(length(data)) WHERE offset = 0");
    assert_err(ERR_MALFORMED, take(site, &t, "a/1", &got, &err));
    assert_has(err.text, "checksum mismatch");
    assert_int_equal(engines_sql("SELECT count(*) FROM transfer"), 0);
}

static void test_lines_that_came_later_are_noted_once(void **state)
{
    struct err err;
    struct accept_taken got;
    (void)state;
    struct catalogue_transfer t = stored(1);
    const struct accept_from from = {node_root, node, raw, &t, "a/1"};
    assert_ok(accept_transfer(site, &from, &got, &err));
    assert_ok(intake_note(node, t.id, "receive", CUSTODY_PUBLISHED,
                          &(struct custody_what){.from = NULL}, &err));
    assert_ok(intake_note(node, t.id, "receive", CUSTODY_OFFERED_AGAIN,
                          &(struct custody_what){.from = "10.0.0.1:6"}, &err));
    for (int i = 0; i < 2; i++)
        assert_ok(accept_note(site, &from, got.lines + 1, &err));
    const struct accept_from unknown = {node_root, node, raw, &t, "a/2"};
    assert_err(ERR_NOTFOUND, accept_note(site, &unknown, 1, &err));
    assert_custody(ID, "received stored published offered-again ");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_transfer_is_taken_with_all_that_is_known_of_it),
        T(test_what_is_handed_on_twice_is_there_once),
        T(test_the_same_bytes_of_another_node_are_a_repeat),
        T(test_a_name_that_is_taken_becomes_another_with_its_chain_whole),
        T(test_who_dies_on_the_way_left_nothing_half_done),
        T(test_bytes_that_are_not_those_received_go_nowhere),
        T(test_lines_that_came_later_are_noted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
