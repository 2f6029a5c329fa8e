/* What is kept beside a transfer, and goes with it: copies, parts, where it came from, what was
 * done, its custody; and the files that a watched folder has. */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "support/catalogued.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define T0 CATALOGUED_T0_US

static int note_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    (void)err;
    struct catalogue_copy **at = arg;
    *(*at)++ = *copy;
    return 0;
}

static void test_copies_are_listed_replaced_and_go_with_their_transfer(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0);
    catalogued_copy(f, t.key, "working", "archive/a.mp4", 1);
    catalogued_copy(f, t.key, "viewing", "archive/b.mp4", 2);
    catalogued_copy(f, t.key, "working", "archive/a.mp4", 3);
    struct catalogue_copy got[4], *end = got;
    assert_ok(catalogue_copy_each(f->c, t.key, note_copy, &end, &err));
    assert_int_equal(end - got, 2);
    assert_string_equal(got[0].kind, "viewing");
    assert_string_equal(got[1].path, "archive/a.mp4");
    assert_int_equal(got[1].length_bytes, 3);
    assert_int_equal(got[1].made_us, T0);
    assert_int_equal(strlen(got[1].sha256), 64);
    assert_string_equal(got[1].tool, "dashspool 0.1.0");
    assert_string_equal(got[1].settings, "{\"fps\":20}");
    assert_err(ERR_NOTFOUND, catalogue_copy_put(f->c, t.key + 1, &got[0], &err));
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM copy"), 0);
}

static void put_settings(struct catalogued *f, int64_t key, const char *path, const char *settings)
{
    struct err err;
    struct catalogue_copy copy = {.kind = "working", .made_us = T0};
    snprintf(copy.path, sizeof copy.path, "%s", path);
    snprintf(copy.settings, sizeof copy.settings, "%s", settings);
    assert_ok(catalogue_copy_put(f->c, key, &copy, &err));
}

#define SETTINGS "SELECT count(*) FROM settings"

static void test_settings_are_kept_once_and_as_long_as_a_copy_has_them(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0),
                              u = catalogued_add(f, "350000000000002", "front", T0);
    put_settings(f, t.key, "archive/1", "{\"crf\":1}");
    put_settings(f, t.key, "archive/2", "{\"crf\":1}");
    put_settings(f, u.key, "archive/3", "{\"crf\":1}");
    put_settings(f, u.key, "archive/4", "");
    assert_int_equal(catalogued_sql(f, SETTINGS), 1);
    put_settings(f, u.key, "archive/3", "{\"crf\":3}"); /* made again */
    put_settings(f, u.key, "archive/4", "{\"crf\":4}");
    assert_int_equal(catalogued_sql(f, SETTINGS), 3);
    assert_ok(catalogue_copy_remove(f->c, "archive/1", &err));
    assert_int_equal(catalogued_sql(f, SETTINGS), 3); /* archive/2 has them */
    assert_ok(catalogue_copy_remove(f->c, "archive/4", &err));
    assert_ok(catalogue_copy_remove(f->c, "archive/none", &err));
    assert_int_equal(catalogued_sql(f, SETTINGS), 2);
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(catalogued_sql(f, SETTINGS), 1);
    struct custody_event gone = {T0, CUSTODY_DELETED, "a test", NULL};
    assert_ok(catalogue_retire(f->c, &u, &gone, &err));
    assert_int_equal(catalogued_sql(f, SETTINGS), 0);
}

/* With words of a person's own, in more than one byte a letter, on both sides of it. */
#define LONG(who, libraries, end)                                                         \
    "{\"duration_s\":6.25,\"recipe\":{\"facts\":{\"driver\":\"Žukas " who                 \
    "\"},\"libraries\":{\"x264\":"                                                        \
    "\"" libraries "\"},\"options\":{\"note\":\"Žalgirio\"},\"program\":\"dashspool\"}," \
    "\"slices\":\"" end "\"}"

static void test_what_settings_have_in_common_is_kept_once(void **state)
{
    static const char *const texts[] = {LONG("1", "core", "a"), LONG("2", "core", "b"),
                                        LONG("2", "other", ""),
                                        "{\"libraries\":{},\"else\":1}", /* no program */
                                        "{\"program\":1,\"libraries\":2}"};
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_copy got[5], *end = got;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0);
    for (int i = 0; i < 5; i++) {
        char path[32];
        snprintf(path, sizeof path, "archive/%d", i);
        put_settings(f, t.key, path, texts[i]);
    }
    assert_int_equal(catalogued_sql(f, SETTINGS), 5);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM recipe"), 2);
    assert_int_equal(catalogued_sql(f, SETTINGS " WHERE text LIKE '%x264%'"), 0);
    assert_ok(catalogue_copy_each(f->c, t.key, note_copy, &end, &err));
    for (int i = 0; i < 5; i++)
        assert_string_equal(got[i].settings, texts[i]);
    struct catalogue_copies few;
    assert_ok(catalogue_copy_summary(f->c, t.key, &few, &err));
    assert_string_equal(few.kinds, "working working working working working");
    assert_true(few.duration_s > 6.24 && few.duration_s < 6.26);
    assert_ok(catalogue_copy_summary(f->c, t.key + 1, &few, &err));
    assert_string_equal(few.kinds, "");
    assert_true(few.duration_s <= 0);
}

static void test_the_condition_is_the_worst_that_a_copy_of_the_whole_tells(void **state)
{
    static const struct {
        const char *path, *settings;
        enum catalogue_condition then;
    } steps[] = {
        {"archive/a", "{\"duration_s\":6.25,\"damage\"", CATALOGUE_CONDITION_UNKNOWN},
        {"archive/b", "{\"warning\":\"\\\"damage\\\":{\\\"missing\\\":1}\"}",
         CATALOGUE_CONDITION_UNKNOWN},
        {"archive/c.partial.x", "{\"damage\":{\"missing\":3}}", CATALOGUE_CONDITION_UNKNOWN},
        {"archive/d", "{\"damage\":{}}", CATALOGUE_WHOLE},
        {"archive/e", "{\"damage\":{\"repeated\":1,\"times_repaired\":2,\"stray_bytes\":3}}",
         CATALOGUE_WHOLE},
        {"archive/f", "{\"damage\":{\"cut_bytes\":17},\"other\":{\"missing\":1}}",
         CATALOGUE_ENDS_EARLY},
        {"archive/g", "{\"damage\":{\"cut_bytes\":17,\"sound_records_missing\":1}}",
         CATALOGUE_DAMAGED},
        {"archive/h", "{\"damage\":{}}", CATALOGUE_DAMAGED},
    };
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_copies few;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        put_settings(f, t.key, steps[i].path, steps[i].settings);
        assert_ok(catalogue_copy_summary(f->c, t.key, &few, &err));
        assert_string_equal(catalogue_condition_name(few.condition),
                            catalogue_condition_name(steps[i].then));
    }
}

static int note_flaw(void *arg, const char *text, struct err *err)
{
    (void)err;
    snprintf(arg, 200, "%s", text);
    return ERR_OK;
}

static void test_settings_that_were_changed_or_are_gone_are_told(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    char flaw[200] = "";
    struct catalogue_copy got[1], *end = got;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0);
    put_settings(f, t.key, "archive/1", LONG("1", "core", "a"));
    assert_ok(catalogue_check(f->c, false, note_flaw, flaw, &err));
    assert_string_equal(flaw, "");
    static const char *const changes[][2] = {
        {"UPDATE settings SET text = replace(text, 'a', 'b')",
         "UPDATE settings SET text = replace(text, 'b', 'a')"},
        {"UPDATE settings SET at = at + 1", "UPDATE settings SET at = at - 1"},
        {"UPDATE recipe SET text = replace(text, 'core', 'CORE')",
         "UPDATE recipe SET text = replace(text, 'CORE', 'core')"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        catalogued_sql(f, changes[i][0]);
        assert_ok(catalogue_check(f->c, false, note_flaw, flaw, &err));
        assert_non_null(strstr(flaw, "settings of copies that do not have their checksum: "));
        catalogued_sql(f, changes[i][1]);
        flaw[0] = '\0';
    }
    assert_ok(catalogue_check(f->c, false, note_flaw, flaw, &err));
    assert_string_equal(flaw, "");
    if (engines_wanted()) /* there, a copy's settings go with their row */
        return;
    catalogued_sql(f, "DELETE FROM settings");
    assert_err(ERR_MALFORMED, catalogue_copy_each(f->c, t.key, note_copy, &end, &err));
}

static int count_arrival(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    int *n = arg;
    (void)err;
    assert_int_equal(a->from_bytes, *n * 1024);
    assert_int_equal(a->until_bytes, *n * 1024 + 1024);
    assert_string_equal(a->errors, *n ? "0 2048" : "");
    assert_string_equal(a->ended, "the camera closed");
    assert_int_equal(a->crc_errors + a->resumes + a->bytes_lost + a->duplicates, 2 + 3 + 4 + 5);
    ++*n;
    return ERR_OK;
}

static void test_parts_of_a_transfer_are_kept_in_order_and_go_with_it(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 0);
    int n = 0;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    for (int i = 0; i < 3; i++) {
        struct catalogue_arrival a = {.peer = "10.0.0.1:1",
                                      .from_bytes = i * 1024,
                                      .until_bytes = i * 1024 + 1024,
                                      .packets = 1,
                                      .crc_errors = 2,
                                      .resumes = 3,
                                      .bytes_lost = 4,
                                      .duplicates = 5,
                                      .ended = "the camera closed"};
        snprintf(a.errors, sizeof a.errors, "%s", i ? "0 2048" : "");
        assert_ok(catalogue_arrival_add(f->c, t.key, &a, &err));
        assert_err(ERR_NOTFOUND, catalogue_arrival_add(f->c, t.key + 1, &a, &err));
    }
    assert_ok(catalogue_arrival_each(f->c, t.key, count_arrival, &n, &err));
    assert_int_equal(n, 3);
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM arrival"), 0);
}

static struct catalogue_origin origin_of(const char *path)
{
    struct catalogue_origin o = {.stat = {.inode = -7, .length_bytes = 5, .mtime_ns = T0 * 1000},
                                 .note = "it ends within a record"};
    snprintf(o.path, sizeof o.path, "%s", path);
    return o;
}

static void test_where_a_file_came_from(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024);
    struct catalogue_origin o = origin_of("/in/a\nb\xff.h265"), out;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_origin_get(f->c, t.key, &out, &err));
    assert_err(ERR_NOTFOUND, catalogue_origin_put(f->c, t.key + 1, &o, &err));
    assert_ok(catalogue_origin_put(f->c, t.key, &o, &err));
    o.whole = true;
    o.note[0] = '\0';
    assert_ok(catalogue_origin_put(f->c, t.key, &o, &err));
    catalogued_reopen(f);
    assert_ok(catalogue_origin_get(f->c, t.key, &out, &err));
    assert_string_equal(out.path, o.path);
    assert_memory_equal(&out.stat, &o.stat, sizeof o.stat);
    assert_true(out.whole);
    assert_string_equal(out.note, "");
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_err(ERR_NOTFOUND, catalogue_origin_get(f->c, t.key, &out, &err));
}

static void test_files_that_were_seen(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_seen s = {.stat = {1, 2, 3}, .id = "x-front-video-1"}, out;
    memset(s.path, 'p', sizeof s.path - 1); /* the longest there can be */
    assert_err(ERR_NOTFOUND, catalogue_seen_get(f->c, s.path, &out, &err));
    assert_ok(catalogue_seen_put(f->c, &s, &err));
    s.stat.mtime_ns = INT64_MIN;
    assert_ok(catalogue_seen_put(f->c, &s, &err));
    catalogued_reopen(f);
    assert_ok(catalogue_seen_get(f->c, s.path, &out, &err));
    assert_string_equal(out.path, s.path);
    assert_memory_equal(&out.stat, &s.stat, sizeof s.stat);
    assert_string_equal(out.id, s.id);
    assert_ok(catalogue_seen_remove(f->c, s.path, &err));
    assert_ok(catalogue_seen_remove(f->c, s.path, &err));
    assert_err(ERR_NOTFOUND, catalogue_seen_get(f->c, s.path, &out, &err));
    catalogued_sql(f, "INSERT INTO seen VALUES(x'610062', 1, 1, 1, 'x')");
    assert_err(ERR_NOTFOUND, catalogue_seen_get(f->c, "a", &out, &err));
    catalogued_sql(f, "INSERT INTO seen VALUES(x'61', 1, -1, 1, 'x')");
    assert_err(ERR_MALFORMED, catalogue_seen_get(f->c, "a", &out, &err));
}

struct paths {
    int n;
    char last[CATALOGUE_FILE_ROOM];
};

static int see_path(void *arg, const struct catalogue_seen *s, struct err *err)
{
    struct paths *p = arg;
    (void)err;
    assert_true(p->n == 0 || strcmp(p->last, s->path) < 0);
    memcpy(p->last, s->path, sizeof p->last);
    p->n++;
    return ERR_OK;
}

static void test_all_files_that_were_seen(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct paths p = {.n = 0};
    struct catalogue_seen s = {.stat = {1, 2, 3}, .id = "x-front-video-1"};
    static const char *const paths[] = {"/b", "/a/\xff", "/a", "\x01", "/a/b"};
    assert_ok(catalogue_seen_each(f->c, see_path, &p, &err));
    assert_int_equal(p.n, 0);
    for (int i = 0; i < 5; i++) {
        snprintf(s.path, sizeof s.path, "%s", paths[i]);
        assert_ok(catalogue_seen_put(f->c, &s, &err));
    }
    assert_ok(catalogue_seen_each(f->c, see_path, &p, &err));
    assert_int_equal(p.n, 5);
    assert_string_equal(p.last, "/b");
    catalogued_sql(f, "UPDATE seen SET length_bytes = -1 WHERE path = x'2f61'"); /* "/a" */
    p.n = 0;
    assert_err(ERR_MALFORMED, catalogue_seen_each(f->c, see_path, &p, &err));
    assert_int_equal(p.n, 1);
}

static int keep_line(void *arg, const char *line, struct err *err)
{
    char(*lines)[CUSTODY_LINE_ROOM] = arg;
    (void)err;
    int n = 0;
    while (lines[n][0])
        n++;
    snprintf(lines[n], CUSTODY_LINE_ROOM, "%s", line);
    return ERR_OK;
}

static void test_events_are_chained_and_go_back_with_a_rollback(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024);
    static char lines[4][CUSTODY_LINE_ROOM];
    struct custody_chain chain = {0};
    struct custody_event e = {T0, CUSTODY_RECEIVED, "a test", "{\"from\":\"x\"}"};
    memset(lines, 0, sizeof lines);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    assert_ok(catalogue_begin(f->c, &err));
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    catalogue_rollback(f->c);
    e.event = CUSTODY_STORED;
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    assert_ok(catalogue_event_each(f->c, t.id, keep_line, lines, &err));
    assert_true(lines[1][0] && !lines[2][0]);
    for (int i = 0; i < 2; i++)
        assert_ok(custody_next(&chain, lines[i], strlen(lines[i]), &err));
    assert_string_equal(chain.event, "stored");
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM custody"), 0);
}

static int64_t time_of(const char *line)
{
    struct custody_record r;
    struct err err;
    int64_t at_us = 0;
    custody_read(&r, line, strlen(line));
    assert_ok(clock_parse(r.at, 0, &at_us, NULL, &err));
    custody_record_clear(&r);
    return at_us;
}

static void test_an_event_has_the_time_of_its_entry(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024);
    static char lines[3][CUSTODY_LINE_ROOM]; /* the last stays empty */
    struct custody_event e = {CATALOGUE_NOW, CUSTODY_SHOWN, "a test", NULL};
    memset(lines, 0, sizeof lines);
    int64_t began_us = clock_utc_us();
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    assert_ok(catalogue_event_add(f->c, t.id, &e, &err));
    assert_ok(catalogue_event_each(f->c, t.id, keep_line, lines, &err));
    assert_in_range(time_of(lines[0]), began_us, time_of(lines[1]));
    assert_in_range(time_of(lines[1]), began_us, clock_utc_us());
}

static void test_a_stage_is_done_once_and_goes_with_its_transfer(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024);
    int64_t at_us;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 5, 1, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 7, 2, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "convert", 8, 1, &err));
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 7);
    assert_err(ERR_NOTFOUND, catalogue_done_put(f->c, t.key + 1, "upload", 5, 1, &err));
    assert_ok(catalogue_begin(f->c, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "export", 5, 1, &err));
    catalogue_rollback(f->c);
    assert_ok(catalogue_done_get(f->c, t.key, "export", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM done"), 0);
}

static int keep_stage(void *arg, const struct catalogue_done *d, struct err *err)
{
    char *text = arg;
    size_t n = strlen(text);
    (void)err;
    snprintf(text + n, 200 - n, "%s %lld %d;", d->stage, (long long)d->at_us, d->attempt);
    return ERR_OK;
}

static void test_all_that_is_done_of_a_transfer(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024);
    char text[200] = "";
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_ok(catalogue_done_each(f->c, t.key, keep_stage, text, &err));
    assert_string_equal(text, "");
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 7, 2, &err));
    assert_ok(catalogue_done_put(f->c, t.key, "convert", 8, 1, &err));
    assert_ok(catalogue_done_each(f->c, t.key, keep_stage, text, &err));
    assert_string_equal(text, "convert 8 1;upload 7 2;");
    assert_ok(catalogue_owe(f->c, t.key, "upload", 9, &err)); /* has done it already */
    assert_ok(catalogue_owe(f->c, t.key, "mail", 9, &err));
    text[0] = '\0';
    assert_ok(catalogue_done_each(f->c, t.key, keep_stage, text, &err));
    assert_string_equal(text, "convert 8 1;mail 9 0;upload 7 2;");
    catalogued_sql(f, "UPDATE done SET at_us = -1 WHERE stage = 'convert'");
    assert_err(ERR_MALFORMED, catalogue_done_each(f->c, t.key, keep_stage, text, &err));
}

static int keep_key(void *arg, int64_t key, struct err *err)
{
    (void)err;
    *(int64_t *)arg = *(int64_t *)arg * 100 + key;
    return ERR_OK;
}

static void test_what_a_stage_has_to_do_is_known_until_it_is_done_or_given_up(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024);
    int64_t at_us, keys = 0;
    bool owed = false;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_err(ERR_NOTFOUND, catalogue_owe(f->c, t.key + 1, "upload", 5, &err));
    assert_ok(catalogue_owe(f->c, t.key, "upload", 5, &err));
    assert_ok(catalogue_owe(f->c, t.key, "mail", 5, &err));
    assert_ok(catalogue_is_owed(f->c, t.key, "upload", &owed, &err));
    assert_true(owed);
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_ok(catalogue_owed_each(f->c, keep_key, &keys, &err));
    assert_int_equal(keys, t.key);
    assert_ok(catalogue_done_put(f->c, t.key, "upload", 7, 1, &err));
    assert_ok(catalogue_give_up(f->c, t.key, "upload", 8, &err)); /* it is done */
    assert_ok(catalogue_done_get(f->c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 7);
    assert_ok(catalogue_give_up(f->c, t.key, "mail", 8, &err));
    assert_ok(catalogue_owe(f->c, t.key, "mail", 9, &err)); /* who noted late that it was put */
    assert_ok(catalogue_done_get(f->c, t.key, "mail", &at_us, &err));
    assert_int_equal(at_us, 0);
    assert_ok(catalogue_is_owed(f->c, t.key, "mail", &owed, &err));
    assert_false(owed);
    keys = 0;
    assert_ok(catalogue_owed_each(f->c, keep_key, &keys, &err));
    assert_int_equal(keys, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_copies_are_listed_replaced_and_go_with_their_transfer),
        T(test_settings_are_kept_once_and_as_long_as_a_copy_has_them),
        T(test_what_settings_have_in_common_is_kept_once),
        T(test_the_condition_is_the_worst_that_a_copy_of_the_whole_tells),
        T(test_settings_that_were_changed_or_are_gone_are_told),
        T(test_parts_of_a_transfer_are_kept_in_order_and_go_with_it),
        T(test_where_a_file_came_from),
        T(test_files_that_were_seen),
        T(test_all_files_that_were_seen),
        T(test_events_are_chained_and_go_back_with_a_rollback),
        T(test_an_event_has_the_time_of_its_entry),
        T(test_a_stage_is_done_once_and_goes_with_its_transfer),
        T(test_all_that_is_done_of_a_transfer),
        T(test_what_a_stage_has_to_do_is_known_until_it_is_done_or_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
