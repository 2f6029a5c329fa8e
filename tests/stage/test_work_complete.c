/* The copies that an evidence package still needs: what is there stays, what is missing is made;
 * nothing of what is erased meanwhile, and all of what is joined meanwhile. */
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/copies.h"
#include "dashspool/export.h"
#include "dashspool/intake.h"
#include "dashspool/journey.h"
#include "dashspool/master.h"
#include "dashspool/recipe.h"
#include "dashspool/retention.h"
#include "dashspool/wire.h"
#include "dashspool/work.h"
#include "support/stored.h"
#include "support/support.h"
#include "support/tracker.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIP       TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define ARRIVED_US INT64_C(1732865085000000) /* 2024-11-29T07:24:45Z */

static struct catalogue_transfer store(struct stored *s, const char *path, const char *kind)
{
    struct catalogue_transfer row = {
        .state = CATALOGUE_STORED, .arrived_us = ARRIVED_US, .completed_us = ARRIVED_US + 4000000};
    struct buf b = support_read(path);
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "rear");
    snprintf(row.kind, sizeof row.kind, "%s", kind);
    stored_add(s, &row, buf_data(&b), b.used);
    buf_clear(&b);
    return row;
}

static struct cfg *settings(void)
{
    static struct cfg_section sections[3]; /* the configuration borrows them */
    struct cfg *cfg;
    struct err err;
    sections[0] = convert_cfg_section;
    sections[1] = journey_cfg_sections[0];
    sections[2] = journey_cfg_sections[1];
    assert_ok(cfg_load(&cfg, NULL, sections, 3, &err));
    return cfg;
}

static int complete(const char *root, const char *id)
{
    struct work_completion completion = {0};
    struct cfg *cfg = settings();
    struct err err;
    assert_ok(work_complete(root, cfg, &id, 1, &completion, &err));
    cfg_free(&cfg);
    return completion.made;
}

static int keep_timing_path(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    (void)err;
    if (strcmp(copy->kind, "timing") == 0)
        snprintf(arg, sizeof copy->path, "%s", copy->path);
    return ERR_OK;
}

/* A timing file is made together with a working copy, but a working copy is none. */
static void test_only_the_missing_timing_file_is_made(void **state)
{
    static const char *const there[][2] = {{"working", "working.mp4"},
                                           {"viewing", "viewing-DERIVED.mp4"},
                                           {"csv", "timing.csv"},
                                           {"poster", "poster-DERIVED.jpg"},
                                           {"sheet", "sheet-DERIVED.jpg"}};
    struct stored s;
    struct err err;
    char *root = support_tmp_dir(), name[128],
         timing[sizeof((struct catalogue_copy *)0)->path] = "";
    char path[sizeof timing + 200];
    (void)state;
    stored_open(&s, root);
    struct catalogue_transfer row = store(&s, CLIP, "video");
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        snprintf(name, sizeof name, "%s.%s", row.id, there[i][1]);
        stored_copy(&s, root, &row, there[i][0], name, "as it was", 9);
    }
    stored_close(&s);

    assert_int_equal(complete(root, row.id), 1);
    stored_open(&s, root);
    assert_ok(catalogue_copy_each(s.catalogue, row.key, keep_timing_path, timing, &err));
    stored_close(&s);
    snprintf(path, sizeof path, "%s/%s", root, timing);
    assert_true(timing[0] && access(path, R_OK) == 0);
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        snprintf(path, sizeof path, "%s/archive/%s.%s", root, row.id, there[i][1]);
        struct buf b = support_read(path);
        assert_int_equal(b.used, 9);
        buf_clear(&b);
    }

    assert_int_equal(complete(root, row.id), 0);
    assert_int_equal(unlink(path), 0); /* the sheet, which the catalogue still has */
    assert_int_equal(complete(root, row.id), 1);
    support_tmp_remove(&root);
}

/* ---- what is erased meanwhile ---- */

struct eraser {
    const char *root, *id;
    int at, asked; /* at: which time it is asked that it erases; 0: never */
};

static void on_swept(void *arg, const struct retention_swept *item)
{
    (void)arg, (void)item;
}

static void on_trouble(void *arg, const char *name, const char *why)
{
    (void)arg;
    fail_msg("%s: %s", name, why);
}

static bool erase_it(void *arg, const char *id, double done)
{
    struct eraser *e = arg;
    struct retention_result r;
    struct err err;
    const struct retention_listener listener = {on_swept, on_trouble, NULL, NULL, NULL};
    const struct retention_erasing what = {
        .ids = &e->id, .n = 1, .reason = "a court", .who = "me", .protected_too = true};
    (void)id, (void)done;
    if (++e->asked != e->at)
        return true;
    assert_ok(retention_erase(e->root, &what, &listener, &r, &err));
    assert_int_equal(r.masters, 1);
    return true;
}

static int no_file(void *arg, const char *path, const struct stat *st, struct err *err)
{
    (void)arg, (void)st, (void)err;
    fail_msg("%s is left", path);
    return ERR_OK;
}

static void test_copies_of_what_was_erased_meanwhile_do_not_appear(void **state)
{
    struct stored s;
    struct err err;
    struct cfg *cfg;
    char *root = support_tmp_dir();
    (void)state;
    stored_open(&s, root);
    struct catalogue_transfer row = store(&s, CLIP, "video");
    stored_close(&s);
    const char *id = row.id;
    struct eraser e = {.root = root, .id = id, .at = 1};
    struct work_completion completion = {.progress = erase_it, .arg = &e};
    cfg = settings();
    assert_err(ERR_NOTFOUND, work_complete(root, cfg, &id, 1, &completion, &err));
    assert_non_null(strstr(err.text, "was deleted while"));
    assert_ok(copies_each(root, no_file, NULL, &err));
    cfg_free(&cfg);
    support_tmp_remove(&root);
}

static void test_no_package_appears_of_what_was_erased_meanwhile(void **state)
{
    (void)state;
    for (int protect = 0; protect < 2; protect++) {
        struct stored s;
        struct err err;
        struct export_result result;
        enum custody_kind last;
        char *root = support_tmp_dir(), path[700];
        stored_open(&s, root);
        struct catalogue_transfer clip = store(&s, CLIP, "video"),
                                  photo = store(&s, TEST_SAMPLES "/photo-720p.jpg", "photo");
        stored_close(&s);
        const bool first = strcmp(clip.id, photo.id) < 0;
        const char *list[] = {first ? clip.id : photo.id, first ? photo.id : clip.id};
        struct eraser e = {.root = root, .id = list[0]};
        snprintf(path, sizeof path, "%s/case.zip", root);
        const struct export_request request = {.root = root,
                                               .ids = list,
                                               .n = 2,
                                               .path = path,
                                               .who = "A. Person",
                                               .at_us = ARRIVED_US,
                                               .no_protect = !protect};
        assert_ok(export_package(&request, erase_it, &e, &result, &err));
        assert_int_equal(remove(path), 0);
        e.at = e.asked; /* as late as can be */
        e.asked = 0;
        assert_err(ERR_BUSY, export_package(&request, erase_it, &e, &result, &err));
        assert_false(support_exists(path));
        stored_open(&s, root);
        assert_ok(catalogue_event_last(s.catalogue, list[0], &last, NULL, &err));
        assert_int_equal(last, CUSTODY_DELETED);
        stored_close(&s);
        assert_ok(export_package(&(struct export_request){.root = root,
                                                          .ids = list + 1,
                                                          .n = 1,
                                                          .path = path,
                                                          .who = "A. Person",
                                                          .at_us = ARRIVED_US},
                                 NULL, NULL, &result, &err));
        support_tmp_remove(&root);
    }
}

/* ---- what its tracker says meanwhile ---- */

#define IMEI "352093081452251"

/* As the stage that holds the trackers' connections does; *again: copies are to be made anew. */
static void tell(const char *root, int64_t from_us, int seconds, int *again)
{
    struct catalogue *c = NULL;
    struct records *r = NULL;
    struct err err;
    int joined = 0;
    assert_ok(records_open(&r, root, RECORDS_WRITE, &err));
    for (int s = 0; s <= seconds; s++) {
        struct tracker_says says = tracker_says(from_us / 1000 + 1000 * s);
        tracker_put(r, IMEI, &says, from_us + 60000000);
    }
    records_close(&r);
    if (!again)
        return;
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(records_open(&r, root, RECORDS_READ, &err));
    const struct intake_joining j = {
        c, r, root, 3000000, IMEI, from_us / 1000, from_us / 1000 + 1000 * seconds, "telemetry"};
    assert_ok(intake_join(&j, &joined, again, &err));
    assert_int_equal(joined, 1);
    records_close(&r);
    catalogue_close(&c);
}

static struct catalogue_transfer store_with_time(struct stored *s, const char *root)
{
    struct catalogue_transfer row = {
        .state = CATALOGUE_STORED, .arrived_us = ARRIVED_US, .completed_us = ARRIVED_US + 4000000};
    const struct wire_meta said = {
        .file_type = 32, .time_ms = ARRIVED_US / 1000 - 60000, .length_s = 6};
    struct buf b = support_read(CLIP);
    struct root_id id;
    struct err err;
    snprintf(row.imei, sizeof row.imei, IMEI);
    snprintf(row.camera, sizeof row.camera, "rear");
    snprintf(row.kind, sizeof row.kind, "video");
    row.wire.meta_n = wire_meta_put(row.wire.meta, &said, 3);
    assert_true(facts_decode(&row));
    assert_int_equal(row.time_us, ARRIVED_US - 60000000);
    stored_open(s, root);
    stored_add(s, &row, buf_data(&b), b.used);
    assert_ok(catalogue_root(s->catalogue, &id, &err));
    assert_ok(root_mark(root, &id, &err));
    stored_close(s);
    buf_clear(&b);
    return row;
}

static int expect_track(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct recipe_settings s;
    (void)err;
    assert_true(recipe_settings_read(&s, copy->settings));
    assert_string_equal(s.track_sha256, (const char *)arg);
    return ERR_OK;
}

/* All copies show what is joined with the clip by now. */
static void expect_shown(const char *root, const struct catalogue_transfer *t)
{
    struct catalogue *c = NULL;
    struct track *track = NULL;
    struct err err;
    char sha256[HASH_HEX_ROOM];
    const char *path = support_path(root, "expected.csv");
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(journey_track(c, t, JOURNEY_PICTURES_US, &track, &err));
    assert_non_null(track);
    assert_ok(track_save(track, path, sha256, &err));
    assert_ok(catalogue_copy_each(c, t->key, expect_track, sha256, &err));
    track_free(&track);
    catalogue_close(&c);
}

struct teller {
    const char *root;
    int64_t at_us;
    int asked, again;
};

static bool tell_it(void *arg, const char *id, double done)
{
    struct teller *t = arg;
    (void)id, (void)done;
    if (t->asked++ == 0)
        tell(t->root, t->at_us, 6, &t->again);
    return true;
}

static void test_copies_show_what_was_joined_while_they_were_made(void **state)
{
    struct stored s;
    struct err err;
    char *root = support_tmp_dir();
    struct cfg *cfg = settings();
    (void)state;
    struct catalogue_transfer row = store_with_time(&s, root);
    const char *id = row.id;
    struct teller t = {.root = root, .at_us = row.time_us, .again = -1};
    struct work_completion completion = {.progress = tell_it, .arg = &t};
    assert_ok(work_complete(root, cfg, &id, 1, &completion, &err));
    assert_true(t.asked > 0);
    assert_int_equal(t.again, 0); /* none were made yet: nobody would come back to it */
    expect_shown(root, &row);
    cfg_free(&cfg);
    support_tmp_remove(&root);
}

/* Else one copy would show them, the others not, and nobody would make these anew. */
static void test_a_copy_beside_others_joins_no_records(void **state)
{
    struct stored s;
    struct err err;
    int again = -1;
    char *root = support_tmp_dir();
    (void)state;
    struct catalogue_transfer row = store_with_time(&s, root);
    stored_open(&s, root);
    stored_copy(&s, root, &row, "working", "working.mp4", "as it was", 9);
    assert_ok(catalogue_done_put(s.catalogue, row.key, "convert", ARRIVED_US, 1, &err));
    stored_close(&s);
    tell(root, row.time_us, 3, NULL);
    assert_true(complete(root, row.id) > 0);
    tell(root, row.time_us, 3, &again);
    assert_int_equal(again, 1);
    support_tmp_remove(&root);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_missing_timing_file_is_made),
        cmocka_unit_test(test_copies_of_what_was_erased_meanwhile_do_not_appear),
        cmocka_unit_test(test_no_package_appears_of_what_was_erased_meanwhile),
        cmocka_unit_test(test_copies_show_what_was_joined_while_they_were_made),
        cmocka_unit_test(test_a_copy_beside_others_joins_no_records),
    };
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return confine_child();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
