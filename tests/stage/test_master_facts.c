/* Facts that an earlier version decoded otherwise: that is told, is no contradiction, and can be
 * taken over. */
#include "dashspool/custody.h"
#include "dashspool/master.h"
#include "support/stored.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define AT_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

static char *root;

static int make_root(void **state)
{
    (void)state;
    root = support_tmp_dir();
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

/* JSON behind a byte order mark, once taken for a binary layout. */
static struct catalogue_transfer misread(const void *meta, size_t n)
{
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = AT_US};
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    row.protocol_id = 5;
    row.connections = 1;
    row.completed_us = AT_US;
    wire_init_put(row.wire.init, 5, UINT64_C(352093081452251), 0);
    row.wire.init_n = WIRE_INIT_BYTES;
    memcpy(row.wire.meta, meta, row.wire.meta_n = n);
    row.known = CATALOGUE_HAS_META | CATALOGUE_FPS_OK;
    row.meta_version = 0xef;
    row.trigger = 58;
    snprintf(row.trigger_name, sizeof row.trigger_name, "trigger-58");
    row.fps = 102;
    return row;
}

/* The row, with a custody whose facts are of that decoder; *s is as a program has it that looks. */
static void put(struct stored *s, struct catalogue_transfer *row, int version)
{
    stored_open(s, root);
    struct custody_what what = {.from = NULL};
    struct facts_record r;
    struct err err;
    stored_add(s, row, "bytes", 5);
    assert_ok(facts_record(&r, &what, s->catalogue, row, FACTS_WIRE | FACTS_ARRIVAL, &err));
    char *decoder = strstr(r.facts, "\"decoder\":");
    assert_non_null(decoder);
    decoder[10] = (char)('0' + version);
    assert_ok(catalogue_event_note(s->catalogue, row->id, CATALOGUE_NOW, CUSTODY_REPAIRED, "a test",
                                   &what, &err));
    facts_record_clear(&r);
    stored_close(s);
    assert_ok(catalogue_open(&s->catalogue, root, true, &err));
    assert_ok(raw_open(&s->raw, root, &err));
}

static void close_all(struct stored *s)
{
    raw_close(&s->raw);
    catalogue_close(&s->catalogue);
}

struct told {
    int notes, problems;
    char text[4000];
};

static int tell(void *arg, bool note, const char *text, struct err *err)
{
    struct told *t = arg;
    size_t n = strlen(t->text);
    (void)err;
    *(note ? &t->notes : &t->problems) += 1;
    snprintf(t->text + n, sizeof t->text - n, "%s\n", text);
    return ERR_OK;
}

static struct told check(struct stored *s, int64_t key)
{
    struct told t = {.text = ""};
    struct err err;
    assert_ok(facts_check(s->catalogue, s->raw, key, tell, &t, &err));
    return t;
}

static const char json[] =
    "\xef\xbb\xbf{\"file\":{\"file_timestamp\":1732864425,\"framerate\":25}}";

static void test_facts_of_an_older_decoder_are_noted_and_renewed(void **state)
{
    (void)state;
    /* read otherwise; not to be read at all */
    static const char garbage[] = "\x07\x10 no camera's metadata, whatever it is";
    for (int i = 0; i < 2; i++) {
        struct catalogue_transfer row =
            i ? misread(garbage, sizeof garbage - 1) : misread(json, sizeof json - 1);
        struct stored s;
        struct err err;
        int changed = 0;
        put(&s, &row, 1);
        struct told t = check(&s, row.key);
        assert_int_equal(t.problems, 0);
        assert_has(t.text,
                   "trigger: the catalogue and the custody record say trigger-58, the bytes "
                   "received say nothing (a newer version decodes them otherwise)");
        assert_ok(facts_repair(s.catalogue, s.raw, row.key, "a test", &changed, &err));
        assert_true(changed >= 4);
        t = check(&s, row.key);
        assert_string_equal(t.text, "");
        assert_ok(catalogue_transfer_get(s.catalogue, row.id, &row, &err));
        assert_int_equal(row.fps, i ? 0 : 25);
        assert_int_equal(row.known,
                         i ? 0 : CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_FPS_OK);
        assert_string_equal(row.trigger_name, "");
        close_all(&s);
    }
}

/* Nobody but a newer decoder is excused. */
static void test_the_same_facts_of_this_decoder_are_a_contradiction(void **state)
{
    (void)state;
    struct catalogue_transfer row = misread(json, sizeof json - 1);
    struct stored s;
    struct err err;
    int changed = 1;
    put(&s, &row, WIRE_FACTS_VERSION);
    struct told t = check(&s, row.key);
    assert_int_equal(t.notes, 0);
    assert_true(t.problems >= 4);
    assert_ok(facts_repair(s.catalogue, s.raw, row.key, "a test", &changed, &err));
    assert_int_equal(changed, 0);
    close_all(&s);
}

/* A row that was changed by hand agrees with nobody, whoever decoded it. */
static void test_a_changed_row_of_an_older_decoder_is_a_contradiction(void **state)
{
    (void)state;
    struct catalogue_transfer row = misread(json, sizeof json - 1);
    struct stored s;
    struct err err;
    put(&s, &row, 1);
    row.fps = 60;
    assert_ok(catalogue_transfer_update(s.catalogue, &row, &err));
    struct told t = check(&s, row.key);
    assert_int_equal(t.problems, 1);
    assert_has(t.text, "fps: the catalogue says 60, the bytes received say 25, the custody record "
                       "says 102\n");
    close_all(&s);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        T(test_facts_of_an_older_decoder_are_noted_and_renewed),
        T(test_the_same_facts_of_this_decoder_are_a_contradiction),
        T(test_a_changed_row_of_an_older_decoder_is_a_contradiction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
