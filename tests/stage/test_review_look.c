/* Events, looked at: lists, numbers, days, neighbours; what people note; what vehicles are called.
 */
#include "dashspool/clock.h"
#include "dashspool/review.h"
#include "support/catalogued.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define T0 CATALOGUED_T0_US
#define S  INT64_C(1000000)
#define A  "350000000000001"
#define B  "350000000000002"

static struct catalogue_transfer add(struct catalogued *f, const char *imei, const char *camera,
                                     const char *trigger, int64_t at_us)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(imei, camera, at_us);
    t.state = CATALOGUE_STORED;
    snprintf(t.trigger_name, sizeof t.trigger_name, "%s", trigger);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    return t;
}

struct seen {
    struct review_event e[20];
    int n;
};

static int see(void *arg, const struct review_event *e, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    s->e[s->n++] = *e;
    return ERR_OK;
}

static struct seen list(struct catalogued *f, const struct review_filter *filter, int64_t skip,
                        int64_t limit)
{
    struct err err;
    struct seen s = {.n = 0};
    assert_ok(review_each(f->c, filter, skip, limit, see, &s, &err));
    return s;
}

static int64_t count(struct catalogued *f, const struct review_filter *filter)
{
    struct err err;
    struct review_counts n;
    assert_ok(review_count(f->c, filter, &n, &err));
    assert_int_equal(list(f, filter, 0, 20).n, n.all);
    return n.all;
}

static void test_pages_are_the_newest_first(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct review_beside b;
    const struct review_filter all = {.q = ""}, only_a = {.imei = A};
    struct catalogue_transfer t[6];
    for (int i = 0; i < 6; i++)
        t[i] = add(f, i % 2 ? B : A, "front", "crash", T0 + i / 2 * 3600 * S);
    struct seen s = list(f, &all, 1, 3);
    assert_int_equal(s.n, 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(s.e[i].id, t[4 - i].id);
    assert_int_equal(list(f, &all, 6, 3).n, 0);
    assert_ok(review_beside(f->c, &only_a, t[2].id, &b, &err));
    assert_string_equal(b.newer, t[4].id);
    assert_string_equal(b.older, t[0].id);
    assert_int_equal(b.before, 1);
    assert_int_equal(b.all, 3);
    assert_ok(review_beside(f->c, &only_a, t[3].id, &b, &err)); /* it does not match itself */
    assert_string_equal(b.newer, t[4].id);
    assert_string_equal(b.older, t[2].id);
    assert_ok(review_beside(f->c, &all, t[5].id, &b, &err));
    assert_string_equal(b.newer, "");
    assert_int_equal(b.before, 0);
    assert_err(ERR_NOTFOUND, review_beside(f->c, &all, "nobody", &b, &err));
    assert_err(ERR_NOTFOUND, review_get(f->c, "nobody", &s.e[0], &err));
}

static void test_filters_are_all_to_be_met(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    const struct catalogue_protection kept = {T0, "a test", "a reason"};
    struct catalogue_transfer crash = add(f, A, "front", "crash", T0);
    add(f, A, "rear", "crash", T0);
    struct catalogue_transfer towing = add(f, B, "rear", "towing", T0 + 3600 * S);
    towing.known |= CATALOGUE_POSITION_OK;
    towing.lat_deg = 54.7;
    towing.lon_deg = 179.9;
    assert_ok(catalogue_transfer_update(f->c, &towing, &err));
    assert_ok(catalogue_protect(f->c, crash.id, &kept, &err));
    catalogued_copy(f, towing.key, "viewing", "archive/a.mp4", 1);
#define COUNT(...) count(f, &(const struct review_filter){__VA_ARGS__})
    assert_int_equal(COUNT(.q = NULL), 2);
    assert_int_equal(COUNT(.trigger = "crash"), 1);
    assert_int_equal(COUNT(.cameras = REVIEW_REAR), 2);
    assert_int_equal(COUNT(.cameras = REVIEW_REAR | REVIEW_FRONT), 1);
    assert_int_equal(COUNT(.conditions = 1 << REVIEW_WAITING), 1);
    assert_int_equal(COUNT(.conditions = 1 << REVIEW_WAITING | 1 << REVIEW_WHOLE), 2);
    assert_int_equal(COUNT(.marks = REVIEW_PROTECTED), 1);
    assert_int_equal(COUNT(.no_marks = REVIEW_PROTECTED), 1);
    assert_int_equal(COUNT(.since_us = T0, .until_us = T0 + 1), 1);
    assert_int_equal(COUNT(.since_us = T0 + 1), 1);
    assert_int_equal(COUNT(.west = 179, .east = 180, .south = 54, .north = 55), 1);
    assert_int_equal(COUNT(.west = 170, .east = -170, .south = 54, .north = 55), 1);
    assert_int_equal(COUNT(.west = -170, .east = 170, .south = 54, .north = 55), 0);
    assert_int_equal(COUNT(.trigger = "crash", .marks = REVIEW_NOTED), 0);
    /* in private mode it is nowhere */
    assert_ok(catalogue_private_put(f->c, towing.key, true, &err));
    assert_int_equal(COUNT(.west = 179, .east = 180, .south = 54, .north = 55), 0);
    struct review_event e;
    assert_ok(review_get(f->c, towing.id, &e, &err));
    assert_false(e.position);
}

static void test_words_are_found_in_names_notes_cases_and_imeis(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer a = add(f, A, "front", "crash", T0);
    add(f, A, "rear", "crash", T0);
    add(f, B, "front", "crash", T0);
    const struct review_vehicle v = {A, "Kangoo Süd", "VNO-123", "Lieferung"};
    assert_ok(review_vehicle_put(f->c, &v, &err));
    assert_ok(review_add_note(f->c, a.id, "Ona", "ÖLSPUR 100% am Rand_'\";--\nzweite Zeile", &err));
    assert_ok(review_put_case(f->c, a.id, "Ona", "Z-77", &err));
#define Q(text) COUNT(.q = text)
    assert_int_equal(Q("0000001"), 1);
    assert_int_equal(Q("350000"), 2);
    assert_int_equal(Q("SÜD"), 1);
    assert_int_equal(Q("vno-12 lief ölspur z-77"), 1);
    assert_int_equal(Q("ölspur 0000002"), 0);
    assert_int_equal(Q("100%"), 1);
    assert_int_equal(Q("%"), 1);
    assert_int_equal(Q("_"), 1);
    assert_int_equal(Q("'\";--"), 1);
    assert_int_equal(Q("  \t "), 2);
    assert_int_equal(Q("\xff\xc3"), 0);
    assert_int_equal(Q("zweite"), 1);
    char many[REVIEW_QUERY_ROOM];
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ' ' : '3';
    many[sizeof many - 1] = '\0';
    assert_int_equal(Q(many), 2);
    /* what was found is of the moment, whoever writes */
    assert_int_equal(Q("süd"), 1);
    catalogued_sql(f, "UPDATE vehicle SET words = 'x'");
    assert_int_equal(Q("süd"), 0);
    catalogued_sql(f, "UPDATE vehicle SET words = 'süd'");
    assert_int_equal(Q("süd"), 1);
    assert_ok(catalogue_read_begin(f->c, &err));
    assert_int_equal(Q("ölspur"), 1);
    catalogue_rollback(f->c);
    assert_int_equal(Q("süd"), 1);
    assert_ok(review_vehicle_put(f->c, &(struct review_vehicle){A, "", "", ""}, &err));
    assert_int_equal(Q("süd"), 0);
    assert_ok(review_put_case(f->c, a.id, "Ona", "", &err));
    assert_int_equal(Q("z-77"), 0);
}

static int see_day(void *arg, int64_t day, int64_t all, int64_t to_review, struct err *err)
{
    (void)err;
    char *text = arg;
    snprintf(text + strlen(text), 400 - strlen(text), "%lld:%lld:%lld ", (long long)day,
             (long long)all, (long long)to_review);
    return ERR_OK;
}

static void test_days_are_of_a_zone(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    const struct review_filter all = {.q = NULL};
    const int64_t day = INT64_C(86400) * S;
    char text[400] = "";
    add(f, A, "front", "crash", 20000 * day - 1);
    struct catalogue_transfer t = add(f, B, "front", "crash", 20000 * day);
    add(f, A, "front", "crash", -day - 1);
    assert_ok(review_put_reviewed(f->c, t.id, "Ona", true, &err));
    assert_ok(review_days(f->c, &all, 0, see_day, text, &err));
    assert_string_equal(text, "20000:1:0 19999:1:1 -2:1:1 ");
    text[0] = '\0';
    assert_ok(review_days(f->c, &all, -60, see_day, text, &err));
    assert_string_equal(text, "19999:2:1 -2:1:1 ");
    text[0] = '\0';
    assert_ok(review_days(f->c, &all, 60, see_day, text, &err));
    assert_string_equal(text, "20000:2:1 -1:1:1 ");
}

/* ---- what people note ---- */

static int64_t lines(struct catalogued *f, const char *id)
{
    struct err err;
    int64_t n;
    assert_ok(catalogue_event_count(f->c, id, &n, &err));
    return n;
}

static int last_line(void *arg, const char *line, struct err *err)
{
    (void)err;
    snprintf(arg, CUSTODY_LINE_ROOM, "%s", line);
    return ERR_OK;
}

static int see_note(void *arg, const struct review_note *note, struct err *err)
{
    (void)err;
    char *text = arg;
    snprintf(text + strlen(text), 400 - strlen(text), "%s: %s\n", note->who, note->text);
    return ERR_OK;
}

static void test_what_people_note_is_in_custody_once(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct review_event e;
    char line[CUSTODY_LINE_ROOM], notes[400] = "";
    struct catalogue_transfer front = add(f, A, "front", "crash", T0),
                              rear = add(f, A, "rear", "crash", T0);
    assert_ok(review_put_reviewed(f->c, front.id, "Ona", true, &err));
    assert_ok(review_put_reviewed(f->c, front.id, "Petras", true, &err));
    assert_int_equal(lines(f, front.id), 1);
    assert_ok(review_get(f->c, rear.id, &e, &err));
    assert_int_equal(e.marks & REVIEW_REVIEWED, 0); /* one of two */
    assert_ok(review_put_reviewed(f->c, rear.id, "Ona", true, &err));
    assert_ok(review_get(f->c, rear.id, &e, &err));
    assert_int_equal(e.marks, REVIEW_REVIEWED);
    add(f, A, "driver", "crash", T0 + S); /* one that comes later is to be looked at */
    assert_ok(review_get(f->c, rear.id, &e, &err));
    assert_int_equal(e.marks, 0);
    assert_ok(review_put_reviewed(f->c, front.id, "Ona", false, &err));
    assert_ok(review_put_reviewed(f->c, front.id, "Ona", false, &err));
    assert_int_equal(lines(f, front.id), 2);
    assert_ok(review_put_case(f->c, front.id, "Ona", "Z 1", &err));
    assert_ok(review_put_case(f->c, front.id, "Ona", "Z 1", &err));
    assert_ok(review_put_case(f->c, front.id, "Ona", "Z 2", &err));
    assert_int_equal(lines(f, front.id), 4);
    assert_ok(catalogue_event_each(f->c, front.id, last_line, line, &err));
    assert_non_null(strstr(line, "\"event\":\"case\""));
    assert_non_null(strstr(line, "\"what\":{\"number\":\"Z 2\"},\"who\":\"Ona\""));
    assert_ok(review_get(f->c, rear.id, &e, &err));
    assert_string_equal(e.case_number, "Z 2");
    assert_ok(review_put_case(f->c, front.id, "Ona", "", &err));
    assert_ok(review_put_case(f->c, front.id, "Ona", "", &err));
    assert_int_equal(lines(f, front.id), 5);
    assert_ok(review_add_note(f->c, front.id, "Ona", "one\ntwo", &err));
    assert_ok(review_add_note(f->c, front.id, "Petras", "three", &err));
    assert_ok(review_notes(f->c, front.key, see_note, notes, &err));
    assert_string_equal(notes, "Ona: one\ntwo\nPetras: three\n");
    assert_ok(catalogue_event_each(f->c, front.id, last_line, line, &err));
    assert_non_null(strstr(line, "\"event\":\"noted\""));
    assert_non_null(strstr(line, "\"note\":\"three\""));
    assert_ok(review_get(f->c, rear.id, &e, &err));
    assert_int_equal(e.marks, REVIEW_NOTED);
}

static void test_what_cannot_be_noted_is_refused(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    char text[REVIEW_NOTE_ROOM + 1];
    struct catalogue_transfer t = add(f, A, "front", "crash", T0);
    for (size_t i = 0; i < sizeof text - 1; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    text[sizeof text - 1] = '\0';
    assert_err(ERR_MALFORMED, review_add_note(f->c, t.id, "Ona", text, &err));
    text[REVIEW_NOTE_ROOM - 2] = '\0'; /* the longest: its line has room for it */
    assert_ok(review_add_note(f->c, t.id, "Ona", text, &err));
    static const char *const bad[] = {"", "a\x01z", "a\rz", "\xe2\x80\xae", "\xff", "\xc3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(ERR_MALFORMED, review_add_note(f->c, t.id, "Ona", bad[i], &err));
        assert_err(ERR_MALFORMED, review_put_reviewed(f->c, t.id, bad[i], true, &err));
        if (*bad[i])
            assert_err(ERR_MALFORMED, review_put_case(f->c, t.id, "Ona", bad[i], &err));
    }
    assert_err(ERR_MALFORMED, review_put_case(f->c, t.id, "Ona", "a\nz", &err));
    assert_err(ERR_NOTFOUND, review_add_note(f->c, "nobody", "Ona", "text", &err));
    assert_err(ERR_NOTFOUND, review_put_reviewed(f->c, "nobody", "Ona", true, &err));
    assert_int_equal(lines(f, t.id), 1);
    assert_int_equal(lines(f, "nobody"), 0);
}

/* ---- what becomes of the copies ---- */

static enum review_condition condition(struct catalogued *f, const char *id)
{
    struct err err;
    struct review_event e;
    assert_ok(review_get(f->c, id, &e, &err));
    return e.condition;
}

static void test_the_condition_follows_what_is_done(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_trouble told;
    bool found;
    const struct catalogue_trouble trouble = {T0, "out of colours"};
    struct catalogue_transfer t = catalogued_partial(A, T0, 1024);
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    assert_int_equal(condition(f, t.id), REVIEW_PARTIAL);
    assert_ok(catalogue_owe(f->c, t.key, "convert", T0, &err));
    assert_int_equal(condition(f, t.id), REVIEW_WAITING);
    char path[200];
    snprintf(path, sizeof path, "archive/%s.partial.viewing.mp4", t.id);
    catalogued_copy(f, t.key, "viewing", path, 1);
    assert_int_equal(condition(f, t.id), REVIEW_PARTIAL);
    t.state = CATALOGUE_STORED;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_int_equal(condition(f, t.id), REVIEW_WAITING);
    assert_ok(catalogue_trouble_note(f->c, t.key, "convert", &trouble, &err));
    assert_int_equal(condition(f, t.id), REVIEW_FAILED);
    assert_ok(catalogue_trouble_get(f->c, t.key, "convert", &told, &found, &err));
    assert_true(found);
    assert_string_equal(told.why, "out of colours");
    assert_ok(catalogue_trouble_note(f->c, t.key, "upload", &trouble, &err));
    assert_ok(catalogue_trouble_over(f->c, t.key, "convert", &err));
    assert_int_equal(condition(f, t.id), REVIEW_WAITING);
    assert_ok(catalogue_trouble_note(f->c, t.key, "convert", &trouble, &err));
    catalogued_copy(f, t.key, "viewing", "archive/a.mp4", 1);
    assert_ok(catalogue_done_put(f->c, t.key, "convert", T0, 1, &err));
    assert_int_equal(condition(f, t.id), REVIEW_WHOLE);
    struct catalogue_copy copy = {.kind = "working",
                                  .path = "archive/b.mkv",
                                  .made_us = T0,
                                  .settings = "{\"damage\":{\"cut_bytes\":7},\"duration_s\":12.5}"};
    assert_ok(catalogue_copy_put(f->c, t.key, &copy, &err));
    assert_int_equal(condition(f, t.id), REVIEW_ENDS_EARLY);
    snprintf(copy.settings, sizeof copy.settings, "%s", "{\"damage\":{\"missing\":1}}");
    assert_ok(catalogue_copy_put(f->c, t.key, &copy, &err));
    assert_int_equal(condition(f, t.id), REVIEW_DAMAGED);
    assert_ok(catalogue_copy_remove(f->c, copy.path, &err));
    assert_int_equal(condition(f, t.id), REVIEW_WHOLE);
    /* what a camera began once more and broke off, when it had handed it over */
    struct catalogue_transfer twin = t;
    twin.state = CATALOGUE_PARTIAL;
    assert_ok(catalogue_transfer_add(f->c, &twin, &err));
    assert_int_equal(condition(f, t.id), REVIEW_WHOLE);
    t.set_aside = true;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_int_equal(condition(f, t.id), REVIEW_FAILED);
}

static void test_a_job_that_was_given_up_leaves_no_video(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    const struct catalogue_trouble trouble = {T0, "out of colours"};
    struct catalogue_transfer t = add(f, A, "front", "crash", T0);
    bool found;
    struct catalogue_trouble told;
    assert_ok(catalogue_trouble_note(f->c, t.key, "convert", &trouble, &err));
    assert_ok(catalogue_give_up(f->c, t.key, "convert", T0, &err));
    assert_ok(catalogue_trouble_get(f->c, t.key, "convert", &told, &found, &err));
    assert_false(found);
    assert_int_equal(condition(f, t.id), REVIEW_FAILED);
    assert_err(ERR_NOTFOUND, catalogue_trouble_note(f->c, 77, "convert", &trouble, &err));
}

static void test_marks_that_custody_tells(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct review_event e;
    struct catalogue_transfer t = add(f, A, "front", "crash", T0);
    const struct custody_what feint = {.note = "\",\"event\":\"exported\",\"id\":\"x",
                                       .reason = "\"event\":\"requested\""};
    assert_ok(catalogue_event_note(f->c, t.id, T0, CUSTODY_NOTED, "a test", &feint, &err));
    assert_ok(review_get(f->c, t.id, &e, &err));
    assert_int_equal(e.marks, 0);
    assert_ok(catalogue_event_note(f->c, t.id, T0, CUSTODY_EXPORTED, "a test",
                                   &(struct custody_what){.package = "x", .redacted = true}, &err));
    assert_ok(review_get(f->c, t.id, &e, &err));
    assert_int_equal(e.marks, REVIEW_EXPORTED);
    assert_ok(catalogue_event_note(f->c, t.id, T0, CUSTODY_REQUESTED, "a test",
                                   &(struct custody_what){.by = "Ona"}, &err));
    assert_ok(review_get(f->c, t.id, &e, &err));
    assert_int_equal(e.marks, REVIEW_EXPORTED | REVIEW_REQUESTED);
}

/* ---- vehicles ---- */

static int see_vehicle(void *arg, const struct review_vehicle *v, struct err *err)
{
    (void)err;
    char *text = arg;
    snprintf(text + strlen(text), 400 - strlen(text), "%s=%s/%s/%s ", v->imei, v->name, v->plate,
             v->group);
    return ERR_OK;
}

static void test_vehicles_have_names(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct review_vehicle v = {A, "Žiguli", "VNO 1", "old"};
    struct catalogue_transfer t = add(f, A, "front", "crash", T0);
    char text[400] = "";
    struct review_event e;
    add(f, B, "front", "crash", T0);
    assert_ok(review_vehicle_put(f->c, &v, &err));
    assert_ok(
        review_vehicle_put(f->c, &(struct review_vehicle){"35000000000009", "Audi", "", ""}, &err));
    assert_ok(review_vehicle_each(f->c, see_vehicle, text, &err));
    assert_string_equal(text, "35000000000009=Audi// " A "=Žiguli/VNO 1/old " B "=// ");
    assert_ok(review_get(f->c, t.id, &e, &err));
    assert_string_equal(e.vehicle.name, "Žiguli");
    assert_ok(review_vehicle_get(f->c, B, &v, &err));
    assert_string_equal(v.imei, B);
    assert_string_equal(v.name, "");
    static const struct review_vehicle bad[] = {
        {"35000000000", "x", "", ""}, {"35000000000000x", "x", "", ""}, {A, "a\nb", "", ""},
        {A, "\xff", "", ""},          {A, "x", "\xe2\x80\xae", ""},     {A, "x", "", "\x1b"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_MALFORMED, review_vehicle_put(f->c, &bad[i], &err));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_pages_are_the_newest_first),
        T(test_filters_are_all_to_be_met),
        T(test_words_are_found_in_names_notes_cases_and_imeis),
        T(test_days_are_of_a_zone),
        T(test_what_people_note_is_in_custody_once),
        T(test_what_cannot_be_noted_is_refused),
        T(test_the_condition_follows_what_is_done),
        T(test_a_job_that_was_given_up_leaves_no_video),
        T(test_marks_that_custody_tells),
        T(test_vehicles_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
