/* The copies that an evidence package still needs: what is there stays, what is missing is made;
 * and nothing of what is erased meanwhile. */
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/copies.h"
#include "dashspool/export.h"
#include "dashspool/journey.h"
#include "dashspool/retention.h"
#include "dashspool/work.h"
#include "support/stored.h"
#include "support/support.h"
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_missing_timing_file_is_made),
        cmocka_unit_test(test_copies_of_what_was_erased_meanwhile_do_not_appear),
        cmocka_unit_test(test_no_package_appears_of_what_was_erased_meanwhile),
    };
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return confine_child();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
