/* Retention when memory, disk or the process fails at each single call: what is protected is never
 * touched, what went has its custody, and the next sweep brings it to its end. */
#include "dashspool/catalogue_keep.h"
#include "support/cared.h"
#include "support/inject.h"
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
    cared_add(root, "front", CARED_AT_US, 70000, true, ids.old);
    cared_add(root, "rear", CARED_AT_US, 3000, true, ids.kept);
    cared_add(root, "front", CARED_AT_US + 1000000, 3000, false, ids.failed);
    cared_fail_job(root, ids.failed);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_protect(c, ids.kept, &p, &err));
    catalogue_close(&c);
}

static void ignore_swept(void *arg, const struct care_swept *item)
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
    struct care_sweep_result r;
    const struct care_sweep_listener listener = {ignore_swept, ignore_trouble, NULL, trouble};
    return care_sweep(root, cfg, false, &listener, &r, err);
}

/* At any point: fsck finds nothing worse than what a sweep had begun. */
static void check_begun(const char *root)
{
    char problems[8192], *rest = NULL;
    cared_fsck(root, problems);
    for (char *line = strtok_r(problems, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        bool begun = strstr(line, ".db.smaller") ||
                     strstr(line, "it was deleted, but its bytes are there still") ||
                     (strncmp(line, "copy ", 5) == 0 && strstr(line, "it is not there") &&
                      !strstr(line, ids.kept)) ||
                     (strncmp(line, "job ", 4) == 0 && strstr(line, ids.failed));
        if (!begun)
            fail_msg("%s", line);
    }
    assert_true(cared_has(root, ids.kept));
    assert_int_equal(cared_copies(root, ids.kept), 2);
}

static void check_done(const char *root)
{
    char problems[8192], event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM], told[8192];
    cared_sweep(root, rules, false, told);
    assert_null(strstr(told, "TROUBLE"));
    cared_fsck(root, problems);
    assert_string_equal(problems, "");
    assert_false(cared_has(root, ids.old) || cared_has(root, ids.failed));
    assert_true(cared_has(root, ids.kept));
    cared_last_event(root, ids.old, event, line);
    assert_string_equal(event, "deleted");
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    struct err err = {0};
    char *root = support_tmp_dir();
    make_root(root);
    struct cfg *cfg = cared_cfg(rules);
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
    struct cfg *cfg = cared_cfg(rules);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_failure_leaves_what_the_next_sweep_ends, inject_teardown),
        cmocka_unit_test_teardown(test_a_kill_leaves_what_the_next_sweep_ends, inject_teardown),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
