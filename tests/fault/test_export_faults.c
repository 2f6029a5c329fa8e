/* An evidence package when memory, disk or the process fails at each single call: it is whole or it
 * is not there, and what it is made of stays as it was. */
#include "dashspool/export.h"
#include "dashspool/verify.h"
#include "support/inject.h"
#include "support/proc.h"
#include "support/stored.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

static bool zipped;
static char ids[2][CATALOGUE_ID_ROOM];

static void make_store(const char *root)
{
    struct stored s;
    uint8_t bytes[3000];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = AT_US};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, root);
    stored_add(&s, &row, bytes, sizeof bytes);
    char copy[CATALOGUE_ID_ROOM + 32];
    snprintf(copy, sizeof copy, "%s.viewing-DERIVED.mp4", row.id);
    stored_copy(&s, root, &row, "viewing", copy, bytes, 1000);
    char path[CATALOGUE_ID_ROOM + 40], sha256[HASH_HEX_ROOM];
    struct err err;
    snprintf(path, sizeof path, "archive/%s", copy);
    char settings[HASH_HEX_ROOM];
    assert_ok(hash_text(bytes, 1000, sha256, &err));
    assert_ok(hash_text("{}", 2, settings, &err));
    char *what = custody_what_text(&(struct custody_what){.copy = "viewing",
                                                          .path = path,
                                                          .sha256 = sha256,
                                                          .from_sha256 = row.sha256,
                                                          .settings_sha256 = settings});
    const struct custody_event made = {AT_US, CUSTODY_CONVERTED, "a test", what};
    assert_ok(catalogue_event_add(s.catalogue, row.id, &made, &err));
    free(what);
    snprintf(ids[0], sizeof ids[0], "%s", row.id);
    row.state = CATALOGUE_PARTIAL;
    row.sha256[0] = '\0';
    stored_add(&s, &row, bytes, 2000);
    snprintf(ids[1], sizeof ids[1], "%s", row.id);
    stored_close(&s);
}

static void package_path(const char *root, char out[600])
{
    snprintf(out, 600, "%s/package%s", root, zipped ? ".zip" : "");
}

static int write_package(const char *root, struct err *err)
{
    char path[600];
    const char *const both[] = {ids[0], ids[1]};
    struct export_result result;
    package_path(root, path);
    const struct export_request request = {
        .root = root, .ids = both, .n = 2, .path = path, .who = "a test", .at_us = AT_US};
    return export_package(&request, NULL, NULL, &result, err);
}

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    (void)arg;
    if (verdict == VERIFY_FAILED)
        fprintf(stderr, "%s: %s\n", verify_check_name(check), text);
}

static bool is_there(const char *root)
{
    char path[600];
    package_path(root, path);
    return access(path, F_OK) == 0;
}

static void is_whole(const char *root)
{
    char path[600];
    struct err err;
    bool good = false;
    const struct verify_listener listener = {on_told, NULL, NULL};
    package_path(root, path);
    assert_ok(verify_package(&(struct verify_request){.path = path}, &listener, &good, &err));
    assert_true(good);
}

/* Of what lies in ROOT, how many are begun and not finished. */
static int unfinished(const char *root)
{
    int n = 0;
    DIR *dir = opendir(root);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        n += strstr(e->d_name, "unfinished") != NULL;
    closedir(dir);
    return n;
}

static void remove_package(const char *root)
{
    char path[600];
    const char *const argv[] = {"rm", "-rf", path, NULL};
    package_path(root, path);
    struct proc_result r = proc_run(argv);
    assert_int_equal(r.status, 0);
    proc_clear(&r);
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    struct err err = {0}, again;
    char *root = support_tmp_dir();
    make_store(root);
    struct inject_left before = inject_left();
    inject_arm(kind, how, n);
    int rc = write_package(root, &err);
    bool reached = inject_disarm();
    inject_check_left(before);
    if (rc < 0) {
        inject_check_told(rc, &err);
        if (!strstr(err.text,
                    "the package was written")) /* only its custody is not, and that is said */
            assert_false(is_there(root));
    }
    if (is_there(root))
        is_whole(root);
    if (how == INJECT_ONCE && kind != INJECT_FILES) /* there the removal may be what failed */
        assert_int_equal(unfinished(root), 0);
    if (is_there(root))
        remove_package(root);
    if (write_package(root, &again) < 0)
        fail_msg("when all is well again: %s", again.text);
    is_whole(root);
    inject_check_sound(root, "catalogue.db");
    support_tmp_remove(&root);
    return reached;
}

static int write_and_say(const char *root)
{
    struct err err;
    int rc = write_package(root, &err);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    inject_ack('w');
    return rc < 0 ? 1 : 0;
}

static bool round_of_kill(enum inject_kind kind, enum inject_how how, long n)
{
    char acks[8];
    struct err err;
    (void)kind;
    (void)how;
    char *root = support_tmp_dir();
    make_store(root);
    bool killed = inject_killed(write_and_say, root, n, acks, sizeof acks);
    if (is_there(root)) {
        is_whole(root);
        remove_package(root);
    }
    if (write_package(root, &err) < 0)
        fail_msg("after the kill: %s", err.text);
    is_whole(root);
    inject_check_sound(root, "catalogue.db");
    support_tmp_remove(&root);
    return killed;
}

static void test_memory(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 53, round_of_failure);
}

static void test_disk(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 11, round_of_failure);
}

static void test_space(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 3, round_of_failure);
}

static void test_kill(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 3, round_of_kill);
}

static void test_zip_disk(void **state)
{
    (void)state;
    zipped = true;
    inject_each(INJECT_FILES, INJECT_ONCE, 11, round_of_failure);
}

static void test_zip_kill(void **state)
{
    (void)state;
    zipped = true;
    inject_each(INJECT_CHANGES, INJECT_KILL, 3, round_of_kill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_memory, inject_teardown),
        cmocka_unit_test_teardown(test_disk, inject_teardown),
        cmocka_unit_test_teardown(test_space, inject_teardown),
        cmocka_unit_test_teardown(test_kill, inject_teardown),
        cmocka_unit_test_teardown(test_zip_disk, inject_teardown),
        cmocka_unit_test_teardown(test_zip_kill, inject_teardown),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
