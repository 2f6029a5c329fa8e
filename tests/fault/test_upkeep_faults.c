/* Retention when memory, disk or the process fails at each single call: what is protected is never
 * touched, what went has its custody, and the next sweep brings it to its end. */
#include "dashspool/catalogue.h"
#include "dashspool/upkeep.h"
#include "support/inject.h"
#include "support/upkept.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rules[] = {"masters", "30d", "copies", "viewing 1d", NULL};

struct ids {
    char old[CATALOGUE_ID_ROOM], kept[CATALOGUE_ID_ROOM], failed[CATALOGUE_ID_ROOM];
};

static struct ids ids;

static void make_root(const char *root)
{
    struct err err;
    struct catalogue *c = NULL;
    const struct catalogue_protection p = {1, "somebody", "claim 17"};
    upkept_add(root, "front", UPKEPT_AT_US, 70000, true, ids.old);
    upkept_add(root, "rear", UPKEPT_AT_US, 3000, true, ids.kept);
    upkept_add(root, "front", UPKEPT_AT_US + 1000000, 3000, false, ids.failed);
    upkept_fail_job(root, ids.failed);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_protect(c, ids.kept, &p, &err));
    catalogue_close(&c);
}

static void ignore_swept(void *arg, const struct retention_swept *item)
{
    (void)arg;
    (void)item;
}

static void ignore_trouble(void *arg, const char *name, const char *why)
{
    (void)name;
    snprintf(arg, 512, "%s", why);
}

static int sweep(const char *root, struct cfg *cfg, struct err *err)
{
    char trouble[512] = "";
    struct retention_result r;
    const struct retention_listener listener = {ignore_swept, ignore_trouble, NULL, NULL, trouble};
    return retention_sweep(root, cfg, NULL, RETENTION_CLOCK_IS_RIGHT, &listener, &r, err);
}

/* At any point: fsck finds nothing worse than what a sweep had begun. */
static void check_begun(const char *root)
{
    char problems[8192], *rest = NULL;
    upkept_fsck(root, problems);
    for (char *line = strtok_r(problems, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        bool begun = strstr(line, ".db.smaller") ||
                     strstr(line, "deleted, but its bytes still exist") ||
                     (strncmp(line, "copy ", 5) == 0 && strstr(line, "missing") &&
                      !strstr(line, ids.kept)) ||
                     (strncmp(line, "job ", 4) == 0 && strstr(line, ids.failed));
        if (!begun)
            fail_msg("%s", line);
    }
    assert_true(upkept_has(root, ids.kept));
    assert_int_equal(upkept_copies(root, ids.kept), 2);
}

static void check_done(const char *root)
{
    char problems[8192], event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM], told[8192];
    upkept_sweep(root, rules, false, told);
    assert_null(strstr(told, "TROUBLE"));
    upkept_fsck(root, problems);
    assert_string_equal(problems, "");
    assert_false(upkept_has(root, ids.old) || upkept_has(root, ids.failed));
    assert_true(upkept_has(root, ids.kept));
    upkept_last_event(root, ids.old, event, line);
    assert_string_equal(event, "deleted");
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    struct err err = {0};
    char *root = support_tmp_dir();
    make_root(root);
    struct cfg *cfg = upkept_cfg(rules);
    struct inject_left before = inject_left();
    inject_arm(kind, how, n);
    int rc = sweep(root, cfg, &err);
    bool reached = inject_disarm();
    inject_check_left(before);
    if (rc < 0)
        inject_check_told(rc, &err);
    cfg_free(&cfg);
    check_begun(root);
    check_done(root);
    support_tmp_remove(&root);
    return reached;
}

static void test_a_failure_leaves_what_the_next_sweep_ends(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 47, round_of_failure);
    inject_each(INJECT_FILES, INJECT_ONCE, 13, round_of_failure);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 13, round_of_failure);
    inject_each(INJECT_STEPS, INJECT_ONCE, 13, round_of_failure);
}

static int sweep_below(const char *root)
{
    struct err err;
    struct cfg *cfg = upkept_cfg(rules);
    int rc = sweep(root, cfg, &err);
    cfg_free(&cfg);
    return rc;
}

static void test_a_kill_leaves_what_the_next_sweep_ends(void **state)
{
    (void)state;
    bool killed = true;
    for (long n = 1; killed; n++) {
        char acks[8], *root = support_tmp_dir();
        make_root(root);
        killed = inject_killed(sweep_below, root, n, acks, sizeof acks);
        check_begun(root);
        check_done(root);
        inject_check_sound(root, "catalogue.db");
        support_tmp_remove(&root);
    }
}

/* ---- reindex, backup ---- */

static void ignore_where(void *arg, const char *where, const char *why)
{
    (void)arg;
    (void)where;
    (void)why;
}

static const struct upkeep_settings no_settings = {NULL, NULL};
static const struct upkeep_progress quiet = {.trouble = ignore_where};

static int reindex_below(const char *root)
{
    struct err err;
    struct upkeep_reindex_result r;
    return upkeep_reindex(root, &quiet, &r, &err);
}

/* There is a catalogue, the old one or the new one, and no custody is lost. */
static void check_catalogue(const char *root)
{
    char problems[8192], event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    upkept_fsck(root, problems);
    assert_string_equal(problems, "");
    upkept_last_event(root, ids.kept, event, line);
    assert_null(strstr(line, "\"n\":1,"));
    assert_int_equal(upkept_copies(root, ids.kept), 2);
}

static void test_a_kill_while_the_catalogue_is_made_anew_loses_nothing(void **state)
{
    (void)state;
    bool killed = true;
    for (long n = 1; killed; n++) {
        char acks[8], *root = support_tmp_dir();
        make_root(root);
        killed = inject_killed(reindex_below, root, n, acks, sizeof acks);
        check_catalogue(root);
        assert_int_equal(reindex_below(root), ERR_OK);
        check_catalogue(root);
        support_tmp_remove(&root);
    }
}

static bool round_of_failed_reindex(enum inject_kind kind, enum inject_how how, long n)
{
    struct err err = {0};
    struct upkeep_reindex_result r;
    char *root = support_tmp_dir();
    make_root(root);
    struct inject_left before = inject_left();
    inject_arm(kind, how, n);
    int rc = upkeep_reindex(root, &quiet, &r, &err);
    bool reached = inject_disarm();
    inject_check_left(before);
    if (rc < 0)
        inject_check_told(rc, &err);
    check_catalogue(root);
    support_tmp_remove(&root);
    return reached;
}

static void test_a_failure_while_the_catalogue_is_made_anew_loses_nothing(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 47, round_of_failed_reindex);
    inject_each(INJECT_FILES, INJECT_ONCE, 13, round_of_failed_reindex);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 13, round_of_failed_reindex);
}

static char backup_dir[600];

static int backup_below(const char *root)
{
    struct err err;
    struct upkeep_backup_result r;
    return upkeep_backup(root, backup_dir, &no_settings, &quiet, &r, &err);
}

static void test_a_backup_that_was_cut_short_is_brought_to_its_end(void **state)
{
    (void)state;
    bool killed = true;
    for (long n = 1; killed; n++) {
        char acks[8], problems[8192], *root = support_tmp_dir(), *dir = support_tmp_dir();
        snprintf(backup_dir, sizeof backup_dir, "%s", dir);
        make_root(root);
        killed = inject_killed(backup_below, root, n, acks, sizeof acks);
        assert_int_equal(backup_below(root), ERR_OK);
        upkept_fsck(dir, problems);
        assert_string_equal(problems, "");
        assert_true(upkept_has(dir, ids.kept) && upkept_has(dir, ids.old));
        support_tmp_remove(&root);
        support_tmp_remove(&dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_failure_leaves_what_the_next_sweep_ends, inject_teardown),
        cmocka_unit_test_teardown(test_a_kill_leaves_what_the_next_sweep_ends, inject_teardown),
        cmocka_unit_test_teardown(test_a_kill_while_the_catalogue_is_made_anew_loses_nothing,
                                  inject_teardown),
        cmocka_unit_test_teardown(test_a_failure_while_the_catalogue_is_made_anew_loses_nothing,
                                  inject_teardown),
        cmocka_unit_test_teardown(test_a_backup_that_was_cut_short_is_brought_to_its_end,
                                  inject_teardown),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
