/* The copies that an evidence package still needs: what is there stays, what is missing is made. */
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/journey.h"
#include "dashspool/work.h"
#include "support/stored.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLIP       TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define ARRIVED_US INT64_C(1732865085000000) /* 2024-11-29T07:24:45Z */

static struct catalogue_transfer store_clip(struct stored *s)
{
    struct catalogue_transfer row = {
        .state = CATALOGUE_STORED, .arrived_us = ARRIVED_US, .completed_us = ARRIVED_US + 4000000};
    struct buf b = support_read(CLIP);
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "rear");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_add(s, &row, buf_data(&b), b.used);
    buf_clear(&b);
    return row;
}

static int complete(const char *root, const char *id)
{
    struct work_completion completion = {0};
    const struct cfg_section sections[] = {convert_cfg_section, journey_cfg_sections[0],
                                           journey_cfg_sections[1]};
    struct cfg *cfg;
    struct err err;
    assert_ok(cfg_load(&cfg, NULL, sections, 3, &err));
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
    struct catalogue_transfer row = store_clip(&s);
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

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_missing_timing_file_is_made),
    };
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return confine_child();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
