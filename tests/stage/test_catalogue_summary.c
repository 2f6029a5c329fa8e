/* The catalogue by one who only looks. */
#include "dashspool/catalogue.h"
#include "support/sql.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define T0 INT64_C(1732865025000000)
#define S  INT64_C(1000000)

static char *root;
static struct catalogue *c;

static int set_up(void **state)
{
    struct err err;
    (void)state;
    root = support_tmp_dir();
    assert_ok(catalogue_open(&c, root, true, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalogue_close(&c);
    support_tmp_remove(&root);
    return 0;
}

static struct catalogue_transfer add(const char *camera, enum catalogue_state at, int64_t began_us)
{
    struct err err;
    struct catalogue_transfer t = {
        .state = at, .arrived_us = began_us, .completed_us = began_us + S, .length_bytes = 1000};
    snprintf(t.imei, sizeof t.imei, "352093081452251");
    snprintf(t.camera, sizeof t.camera, "%s", camera);
    snprintf(t.kind, sizeof t.kind, "video");
    snprintf(t.source, sizeof t.source, "camera");
    snprintf(t.day, sizeof t.day, "2024-11-29");
    assert_ok(catalogue_transfer_add(c, &t, &err));
    return t;
}

static void end(const struct catalogue_transfer *t, const char *why, int64_t at_us)
{
    struct err err;
    struct catalogue_arrival a = {.ended_us = at_us};
    snprintf(a.ended, sizeof a.ended, "%s", why);
    assert_ok(catalogue_arrival_add(c, t->key, &a, &err));
}

static struct catalogue_summary *look(void)
{
    struct catalogue_summary *l = NULL;
    struct err err;
    assert_ok(catalogue_summary_open(&l, root, &err));
    return l;
}

static void test_all_is_counted_and_what_waits_for_a_job_is_named(void **state)
{
    struct catalogue_totals n;
    struct err err;
    (void)state;
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_totals(l, T0, &n, &err));
    assert_true(n.stored == 0 && n.bytes == 0 && n.first_us == 0);
    add("front", CATALOGUE_STORED, T0 + 9 * S);
    struct catalogue_transfer first = add("front", CATALOGUE_STORED, T0 - 5 * S);
    add("rear", CATALOGUE_PARTIAL, T0 + 1);
    add("rear", CATALOGUE_RECEIVING, T0 + 2);
    catalogue_summary_close(&l);
    l = look();
    assert_ok(catalogue_summary_totals(l, T0, &n, &err));
    assert_true(n.receiving == 1 && n.stored == 2 && n.partial == 1 && n.unpublished == 2);
    assert_true(n.bytes == 4000 && n.since_bytes == 3000 && n.first_us == T0 - 5 * S);
    assert_string_equal(n.oldest_unpublished, first.id);
    assert_true(n.oldest_unpublished_us == T0 - 4 * S);
    catalogue_summary_close(&l);
}

static int note_camera(void *arg, const char *imei, const char *camera, int64_t last_us,
                       struct err *err)
{
    (void)err;
    snprintf((char *)arg + strlen(arg), 200, "%s %s %lld;", imei, camera,
             (long long)((last_us - T0) / S));
    return ERR_OK;
}

static void test_cameras_tell_when_they_came_last(void **state)
{
    char text[1000] = "";
    struct err err;
    (void)state;
    add("rear", CATALOGUE_STORED, T0 + 2 * S);
    add("rear", CATALOGUE_STORED, T0 + 7 * S);
    add("front", CATALOGUE_PARTIAL, T0 + 3 * S);
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_cameras(l, note_camera, text, &err));
    assert_string_equal(text, "352093081452251 front 3;352093081452251 rear 7;");
    catalogue_summary_close(&l);
}

static void test_an_imported_file_is_no_contact_with_its_camera(void **state)
{
    char text[1000] = "";
    struct err err;
    (void)state;
    add("rear", CATALOGUE_STORED, T0 + 2 * S);
    struct catalogue_transfer t = add("front", CATALOGUE_STORED, T0);
    snprintf(t.source, sizeof t.source, "file");
    t.arrived_us = T0 + 9 * S;
    for (int i = 0; i < 3; i++) {
        snprintf(t.camera, sizeof t.camera, "%s", ((const char *[]){"front", "rear", "road"})[i]);
        assert_ok(catalogue_transfer_add(c, &t, &err));
    }
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_cameras(l, note_camera, text, &err));
    assert_string_equal(text, "352093081452251 front 0;352093081452251 rear 2;");
    catalogue_summary_close(&l);
    add("road", CATALOGUE_STORED, T0 + 5 * S); /* it connects in the end */
    assert_int_equal(sql_run(support_path(root, "catalogue.db"),
                             "SELECT first_us = last_us FROM camera WHERE camera = 'road'"),
                     1);
}

static void test_the_partial_that_waits_longest_is_named(void **state)
{
    struct catalogue_totals n;
    struct err err;
    (void)state;
    add("rear", CATALOGUE_PARTIAL, T0 + 9 * S);
    struct catalogue_transfer first = add("front", CATALOGUE_PARTIAL, T0);
    end(&first, "stalled", T0);
    end(&first, "the camera closed", T0 + S);
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_totals(l, T0, &n, &err));
    assert_string_equal(n.oldest_partial, first.id);
    assert_string_equal(n.partial_why, "the camera closed");
    assert_true(n.oldest_partial_us == T0 + S);
    catalogue_summary_close(&l);
}

static int note_broken(void *arg, const struct catalogue_broken *b, struct err *err)
{
    (void)err;
    snprintf((char *)arg + strlen(arg), 200, "%s: %s%s;", b->camera, b->why,
             b->partial ? " (partial)" : "");
    return ERR_OK;
}

static void test_what_broke_off_since_is_told_the_last_first(void **state)
{
    char text[1000] = "";
    struct err err;
    (void)state;
    struct catalogue_transfer old = add("front", CATALOGUE_PARTIAL, T0),
                              whole = add("rear", CATALOGUE_STORED, T0 + S),
                              part = add("front", CATALOGUE_PARTIAL, T0 + 2 * S);
    end(&whole, "the camera closed", T0);
    end(&old, "too old", T0 - S); /* the order is not quite that of time */
    end(&whole, "complete", T0 + S);
    end(&part, "silent", T0 + 2 * S);
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_broken(l, T0, note_broken, text, &err));
    assert_string_equal(text, "front: silent (partial);rear: the camera closed;");
    catalogue_summary_close(&l);
}

static void add_copies(const struct catalogue_transfer *t, int from, int n)
{
    struct err err;
    assert_ok(catalogue_begin(c, &err));
    for (int i = from; i < from + n; i++) {
        struct catalogue_copy copy = {.kind = "working", .length_bytes = i % 3 * 100};
        snprintf(copy.path, sizeof copy.path, "archive/%d", i);
        assert_ok(catalogue_copy_put(c, t->key, &copy, &err));
    }
    assert_ok(catalogue_commit(c, &err));
}

static void test_copies_are_added_up_and_where_they_are_many_estimated(void **state)
{
    int64_t copies, bytes;
    bool exact;
    struct err err;
    (void)state;
    struct catalogue_transfer t = add("front", CATALOGUE_STORED, T0);
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_copies(l, &copies, &bytes, &exact, &err));
    assert_true(copies == 0 && bytes == 0 && exact);
    catalogue_summary_close(&l);
    add_copies(&t, 0, CATALOGUE_LOOK_COPIES - 2);
    l = look();
    assert_ok(catalogue_summary_copies(l, &copies, &bytes, &exact, &err));
    assert_true(exact && copies == CATALOGUE_LOOK_COPIES - 2 && bytes == copies * 100);
    catalogue_summary_close(&l);
    add_copies(&t, CATALOGUE_LOOK_COPIES, 4000);
    l = look();
    assert_ok(catalogue_summary_copies(l, &copies, &bytes, &exact, &err));
    assert_true(!exact && copies == CATALOGUE_LOOK_COPIES + 3998);
    assert_true(bytes > copies * 95 && bytes < copies * 105);
    catalogue_summary_close(&l);
}

static int64_t sql(const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    return sql_run(path, text);
}

static void test_an_older_catalogue_is_looked_at_and_stays_as_it_is(void **state)
{
    struct catalogue_totals n;
    char text[100] = "";
    struct err err;
    (void)state;
    add("front", CATALOGUE_STORED, T0);
    catalogue_close(&c);
    sql("DROP TABLE arrival; PRAGMA user_version = 1");
    struct catalogue_summary *l = look();
    assert_ok(catalogue_summary_totals(l, T0, &n, &err));
    assert_int_equal(n.stored, 1);
    assert_ok(catalogue_summary_broken(l, T0, note_broken, text, &err));
    catalogue_summary_close(&l);
    sql("CREATE TABLE arrival(x)"); /* nobody has made it again */
    sql("PRAGMA user_version = 99");
    assert_err(ERR_UNSUPPORTED, catalogue_summary_open(&l, root, &err));
}

static void test_where_there_is_none_none_is_made(void **state)
{
    struct catalogue_summary *l = NULL;
    char path[600];
    struct err err;
    (void)state;
    catalogue_close(&c);
    snprintf(path, sizeof path, "%s/nothing", root);
    assert_err(ERR_NOTFOUND, catalogue_summary_open(&l, path, &err));
    assert_null(l);
    assert_false(support_exists(path));
    assert_int_equal(mkdir(path, 0750), 0);
    assert_err(ERR_NOTFOUND, catalogue_summary_open(&l, path, &err));
    assert_int_equal(support_entries(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        T(test_all_is_counted_and_what_waits_for_a_job_is_named),
        T(test_cameras_tell_when_they_came_last),
        T(test_an_imported_file_is_no_contact_with_its_camera),
        T(test_the_partial_that_waits_longest_is_named),
        T(test_what_broke_off_since_is_told_the_last_first),
        T(test_copies_are_added_up_and_where_they_are_many_estimated),
        T(test_an_older_catalogue_is_looked_at_and_stays_as_it_is),
        T(test_where_there_is_none_none_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
