/* import when memory, disk or the process fails at each single call: told, and put right by the
 * same command again. */
#include "dashspool/fsx.h"
#include "dashspool/import.h"
#include "support/drop.h"
#include "support/inject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 9, SAME = 3 }; /* file 8 has the content of file 3; 9 jobs are synced as one */

static char *base;

static void path_of(int i, char out[400])
{
    snprintf(out, 400, "%s/%d.h265", base, i);
}

static int setup_files(void **state)
{
    static const char meta[] = "Cmd version: \t3\nTime (UTC+0): \t(1732865025000)\n";
    char path[400];
    (void)state;
    base = support_tmp_dir();
    for (int i = 0; i < FILES; i++) {
        path_of(i, path);
        drop_clip(path, i == FILES - 1 ? SAME : (uint32_t)i, i == 1 ? 150000 : 500);
    }
    snprintf(path, sizeof path, "%s/0.txt", base);
    support_write(path, meta, sizeof meta - 1);
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    support_tmp_remove(&base);
    return 0;
}

struct tally {
    int count[IMPORT_N_OUTCOMES];
};

static void on_import_result(void *arg, const char *path, enum import_outcome outcome,
                             const char *id, const char *why)
{
    struct tally *t = arg;
    (void)path;
    (void)id;
    (void)why;
    t->count[outcome]++;
}

static void on_note(void *arg, const char *path, const char *text)
{
    (void)arg;
    fail_msg("%s: %s", path, text);
}

/* All files, in two batches. */
static int import_all(const char *root, struct tally *t, struct err *err)
{
    struct import_options options = {
        .who = "import", .on_result = on_import_result, .on_note = on_note, .arg = t};
    struct import *im = NULL;
    char path[400];
    *t = (struct tally){{0}};
    int rc = import_open(&im, root, &options, err);
    for (int i = 0; rc == ERR_OK && i < FILES; i++) {
        path_of(i, path);
        rc = import_file(im, path, true, err);
        if (rc == ERR_OK && i == 1)
            rc = import_flush(im, err);
    }
    if (rc == ERR_OK)
        rc = import_flush(im, err);
    import_close(&im);
    return rc;
}

static int all(const struct tally *t)
{
    return t->count[IMPORT_TAKEN] + t->count[IMPORT_SAME] + t->count[IMPORT_KNOWN];
}

static void check_right(const char *root)
{
    struct err err;
    struct tally t;
    assert_ok(import_all(root, &t, &err));
    assert_int_equal(all(&t), FILES);
    assert_ok(import_all(root, &t, &err));
    assert_int_equal(t.count[IMPORT_KNOWN], FILES);
    assert_int_equal(drop_look(root).n, FILES - 1);
}

static bool fault_round(enum inject_kind kind, enum inject_how how, long n)
{
    struct err err = {0};
    struct tally t;
    char *root = support_tmp_dir();
    struct inject_left before = inject_left();
    inject_arm(kind, how, n);
    int rc = import_all(root, &t, &err);
    bool more = inject_disarm();
    if (rc < 0)
        inject_check_told(rc, &err);
    inject_check_left(before);
    check_right(root);
    support_tmp_remove(&root);
    return more;
}

static void test_memory(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 37, fault_round);
}

static void test_files(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 23, fault_round);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 41, fault_round);
}

static void test_space(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 13, fault_round);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 29, fault_round);
}

static void test_steps(void **state)
{
    (void)state;
    inject_each(INJECT_STEPS, INJECT_ONCE, 17, fault_round);
}

static int import_in_child(const char *root)
{
    struct err err;
    struct tally t;
    return import_all(root, &t, &err) < 0 || all(&t) != FILES;
}

static bool kill_round(enum inject_kind kind, enum inject_how how, long n)
{
    char acks[8];
    char *root = support_tmp_dir();
    (void)kind;
    (void)how;
    bool killed = inject_killed(import_in_child, root, n, acks, sizeof acks);
    check_right(root);
    support_tmp_remove(&root);
    return killed;
}

static void test_killed(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 7, kill_round);
}

int main(void)
{
    inject_install();
#define T(name) cmocka_unit_test_teardown(name, inject_teardown)
    const struct CMUnitTest tests[] = {
        T(test_memory), T(test_files), T(test_space), T(test_steps), T(test_killed),
    };
    return cmocka_run_group_tests(tests, setup_files, remove_files);
}
