/* What people noted is what the custody record tells: compared, made anew, and kept when the
 * catalogue is. */
#include "dashspool/review.h"
#include "dashspool/upkeep.h"
#include "support/catalogued.h"
#include "support/stored.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define T0 CATALOGUED_T0_US
#define A  "350000000000001"

static int tell(void *arg, bool is_note, const char *text, struct err *err)
{
    char *all = arg;
    (void)err;
    assert_false(is_note);
    snprintf(all + strlen(all), 400 - strlen(all), "%s\n", text);
    return ERR_OK;
}

static const char *told(struct catalogue *c, const struct catalogue_transfer *t)
{
    static char all[400];
    struct err err;
    all[0] = '\0';
    assert_ok(review_check(c, t, tell, all, &err));
    return all;
}

static void note_all(struct catalogue *c, const char *id)
{
    struct err err;
    assert_ok(review_put_reviewed(c, id, "Ona", true, &err));
    assert_ok(review_put_reviewed(c, id, "Ona", false, &err));
    assert_ok(review_put_reviewed(c, id, "Petras", true, &err));
    assert_ok(review_add_note(c, id, "Ona", "the first\nof two", &err));
    assert_ok(review_add_note(c, id, "Jonas Žukas", "\"}],{\"event\":\"case\"", &err));
    assert_ok(review_put_case(c, id, "Ona", "Z 1", &err));
    assert_ok(review_put_case(c, id, "Petras", "Z 2", &err));
}

static void test_each_value_that_was_changed_is_told_and_made_right(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    bool changed;
    struct catalogue_transfer t = catalogued_add(f, A, "front", T0),
                              other = catalogued_add(f, A, "rear", T0);
    note_all(f->c, t.id);
    assert_string_equal(told(f->c, &t), "");
    assert_string_equal(told(f->c, &other), "");
    static const struct {
        const char *sql, *says;
    } all[] = {
        {"UPDATE reviewed SET who = 'Ona'", "reviewed"},
        {"UPDATE reviewed SET at_us = at_us + 1", "reviewed"},
        {"DELETE FROM reviewed", "reviewed"},
        {"UPDATE case_number SET number = 'Z 1'", "case number"},
        {"DELETE FROM case_number", "case number"},
        {"UPDATE note SET text = text || 'x' WHERE n = 2", "notes"},
        {"UPDATE note SET n = 7 WHERE n = 1", "notes"},
        {"DELETE FROM note WHERE n = 1", "notes"},
        {"INSERT INTO note VALUES(1, 3, 5, 'Ona', 'a third')", "notes"},
        {"UPDATE note SET who = CAST(x'00ff' AS TEXT)", "notes"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        catalogued_sql(f, all[i].sql);
        if (!strstr(told(f->c, &t), all[i].says))
            fail_msg("%s: told '%s'", all[i].sql, told(f->c, &t));
        assert_ok(review_restore(f->c, &t, &changed, &err));
        assert_true(changed);
        assert_string_equal(told(f->c, &t), "");
    }
    assert_ok(review_restore(f->c, &t, &changed, &err));
    assert_false(changed);
    /* rows of what nobody noted */
    catalogued_sql(f, "INSERT INTO reviewed VALUES(2, 'nobody', 5)");
    assert_string_not_equal(told(f->c, &other), "");
    assert_ok(review_restore(f->c, &other, &changed, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM reviewed"), 1);
    /* a record that was changed proves nothing */
    catalogued_sql(f, "UPDATE custody SET line = replace(line, 'Petras', 'Jonas') WHERE n = 3");
    catalogued_sql(f, "UPDATE reviewed SET who = 'Jonas'");
    assert_string_equal(told(f->c, &t), "");
    assert_ok(review_restore(f->c, &t, &changed, &err));
    assert_false(changed);
}

static void quiet(void *arg, const char *where, const char *why)
{
    (void)arg;
    fail_msg("%s: %s", where, why);
}

static int keep_text(void *arg, const struct review_note *note, struct err *err)
{
    char *all = arg;
    (void)err;
    snprintf(all + strlen(all), 400 - strlen(all), "%s: %s|", note->who, note->text);
    return ERR_OK;
}

static void test_it_is_there_when_the_catalogue_was_made_anew(void **state)
{
    (void)state;
    struct err err;
    struct stored s;
    struct review_event e, again;
    struct review_vehicle v = {A, "Van 4", "VNO 1", "north"};
    struct catalogue_transfer t = {
        .state = CATALOGUE_STORED, .arrived_us = T0, .known = CATALOGUE_TIME_OK, .time_us = T0};
    struct upkeep_reindex_result result;
    const struct upkeep_progress progress = {.trouble = quiet};
    char notes[400] = "", *root = support_tmp_dir();
    snprintf(t.imei, sizeof t.imei, A);
    snprintf(t.camera, sizeof t.camera, "front");
    snprintf(t.kind, sizeof t.kind, "video");
    snprintf(t.source, sizeof t.source, "file");
    stored_open(&s, root);
    stored_add(&s, &t, "no video", 8);
    note_all(s.catalogue, t.id);
    assert_ok(review_vehicle_put(s.catalogue, &v, &err));
    stored_close(&s);
    stored_open(&s, root);
    assert_ok(review_get(s.catalogue, t.id, &e, &err));
    stored_close(&s);
    assert_ok(upkeep_reindex(root, &progress, &result, &err));
    assert_int_equal(result.masters, 1);
    stored_open(&s, root);
    assert_ok(review_get(s.catalogue, t.id, &again, &err));
    assert_string_equal(again.case_number, "Z 2");
    assert_int_equal(again.marks, REVIEW_REVIEWED | REVIEW_NOTED | REVIEW_CASE);
    assert_int_equal(again.marks, e.marks);
    assert_string_equal(again.vehicle.plate, "VNO 1");
    assert_ok(review_notes(s.catalogue, t.key, keep_text, notes, &err));
    assert_string_equal(notes, "Ona: the first\nof two|Jonas Žukas: \"}],{\"event\":\"case\"|");
    assert_string_equal(told(s.catalogue, &t), "");
    stored_close(&s);
    support_tmp_remove(&root);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_each_value_that_was_changed_is_told_and_made_right),
        cmocka_unit_test(test_it_is_there_when_the_catalogue_was_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
