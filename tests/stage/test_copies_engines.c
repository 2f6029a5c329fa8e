/* copies: what is published comes back as it was made, and goes when it is deleted, whether copies
 * are in the archive of this machine or in the store of its site. */
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/objects.h"
#include "dashspool/site.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY "archive/352093081452251/2024-11-29/"

static char *root, *other; /* two nodes of a site; without one, two names of the same ROOT */

static int set_up(void **state)
{
    struct err err;
    (void)state;
    engines_begin();
    root = support_tmp_dir();
    other = site_used() ? support_tmp_dir() : strdup(root);
    assert_ok(fsx_mkdirs(support_path(root, DAY), &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (site_used())
        support_tmp_remove(&other);
    free(other);
    other = NULL;
    support_tmp_remove(&root);
    engines_end();
    return 0;
}

/* As convert leaves it, and as its row will be. */
static struct catalogue_copy make(const char *name, const char *text)
{
    struct err err;
    struct catalogue_copy copy = {.length_bytes = (int64_t)strlen(text)};
    snprintf(copy.path, sizeof copy.path, DAY "%s", name);
    assert_ok(hash_text(text, strlen(text), copy.sha256, &err));
    support_write(support_path(root, copy.path), text, strlen(text));
    return copy;
}

static void must_read(const char *from, const struct catalogue_copy *copy, const char *expected)
{
    struct err err;
    struct stat st;
    char text[200] = "";
    int fd;
    assert_ok(copies_open(from, copy, &fd, &st, &err));
    assert_int_equal(st.st_size, strlen(expected));
    assert_int_equal(strlen(expected), pread(fd, text, sizeof text - 1, 0));
    assert_string_equal(text, expected);
    close(fd);
}

static void test_what_is_published_can_be_read_by_all(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM], *path = NULL;
    int64_t bytes = 0;
    struct catalogue_copy copy = make("A-1T.viewing-DERIVED.mp4", "a film");
    assert_ok(copies_publish(root, &copy, &err));
    assert_ok(copies_publish(root, &copy, &err)); /* killed before the row: again */
    must_read(other, &copy, "a film");
    must_read(other, &copy, "a film");
    must_read(root, &copy, "a film");
    assert_ok(copies_look(other, &copy, &bytes, &err));
    assert_int_equal(bytes, 6);
    assert_ok(copies_hash(other, &copy, NULL, NULL, hex, &err));
    assert_string_equal(hex, copy.sha256);
    assert_ok(copies_file(&path, other, &copy, &err));
    assert_string_equal(strrchr(path, '/'), "/A-1T.viewing-DERIVED.mp4"); /* commands see that */
    struct buf b = support_read(path);
    assert_int_equal(b.used, 6);
    buf_clear(&b);
    free(path);
}

static int add_up(void *arg, int64_t n, struct err *err)
{
    *(int64_t *)arg += n;
    return *(int64_t *)arg > 3 ? err_set(err, ERR_AGAIN, "enough") : ERR_OK;
}

static void test_who_hashes_is_asked_and_may_stop(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM];
    int64_t n = 0;
    struct catalogue_copy copy = make("A-1.gpx", "abc"), longer = make("A-2.gpx", "abcd");
    assert_ok(copies_publish(root, &copy, &err));
    assert_ok(copies_publish(root, &longer, &err));
    assert_ok(copies_hash(root, &copy, add_up, &n, hex, &err));
    assert_int_equal(n, 3);
    n = 0;
    assert_err(ERR_AGAIN, copies_hash(root, &longer, add_up, &n, hex, &err));
}

static void test_one_of_two_with_the_same_bytes_stays(void **state)
{
    (void)state;
    struct err err;
    struct stat st;
    int fd;
    int64_t bytes;
    struct catalogue_copy one = make("A-1.srt", "nothing was said"),
                          two = make("A-2.srt", "nothing was said");
    assert_ok(copies_publish(root, &one, &err));
    assert_ok(copies_publish(root, &two, &err));
    must_read(other, &one, "nothing was said");
    assert_ok(copies_delete(root, &one, &err));
    assert_ok(copies_delete(root, &one, &err));
    assert_err(ERR_NOTFOUND, copies_open(root, &one, &fd, &st, &err));
    assert_err(ERR_NOTFOUND, copies_look(other, &one, &bytes, &err));
    must_read(other, &two, "nothing was said");
}

static void test_what_was_made_anew_replaces_the_earlier(void **state)
{
    (void)state;
    struct err err;
    int64_t bytes;
    struct catalogue_copy earlier = make("A-1.gpx", "one point");
    assert_ok(copies_publish(root, &earlier, &err));
    struct catalogue_copy now = make("A-1.gpx", "two points");
    assert_ok(copies_publish(root, &now, &err));
    assert_ok(copies_replaced(root, &earlier, &err));
    must_read(other, &now, "two points");
    if (site_used())
        assert_err(ERR_NOTFOUND, copies_look(root, &earlier, &bytes, &err));
}

static void test_no_row_leads_elsewhere(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "catalogue.db", "archive/../catalogue.db", "/etc/passwd",
                                      "archive/"};
    struct err err;
    struct stat st;
    char *path = NULL;
    int fd;
    int64_t bytes;
    struct catalogue_copy copy = make("A-1.gpx", "abc");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(copy.path, sizeof copy.path, "%s", bad[i]);
        assert_err(ERR_MALFORMED, copies_file(&path, root, &copy, &err));
        assert_null(path);
        assert_err(ERR_MALFORMED, copies_open(root, &copy, &fd, &st, &err));
        assert_err(ERR_MALFORMED, copies_look(root, &copy, &bytes, &err));
        assert_err(ERR_MALFORMED, copies_delete(root, &copy, &err));
    }
}

static int damage(void *arg, const char *key, int64_t bytes, int64_t modified_us, struct err *err)
{
    struct objects_put put = {.key = key, .fd = -1, .data = "a filn", .n = 6, .sha256 = NULL};
    char hex[HASH_HEX_ROOM];
    (void)bytes, (void)modified_us;
    assert_int_equal(ERR_OK, hash_text("a filn", 6, hex, err));
    put.sha256 = hex;
    return objects_put(arg, &put, err);
}

static void test_damage_in_the_store_is_seen_and_fetched_files_are_not_believed(void **state)
{
    (void)state;
    struct err err;
    struct stat st;
    struct objects *o = NULL;
    char hex[HASH_HEX_ROOM], *path = NULL;
    int fd;
    if (!site_used())
        return; /* of an archive serve, fsck and export see it: their tests */
    struct catalogue_copy copy = make("A-1.mp4", "a film");
    assert_ok(copies_publish(root, &copy, &err));
    assert_false(support_exists(support_path(root, copy.path)));
    assert_ok(copies_file(&path, other, &copy, &err));
    support_write(path, "half", 4); /* the disk was full once */
    must_read(other, &copy, "a film");
    free(path);
    assert_ok(objects_take(&o, &err));
    assert_ok(objects_list(o, "copies/", "", damage, o, &err));
    objects_give(&o);
    assert_err(ERR_MALFORMED, copies_open(root, &copy, &fd, &st, &err));
    assert_has(err.text, "is damaged");
    assert_ok(copies_hash(root, &copy, NULL, NULL, hex, &err));
    assert_true(strcmp(hex, copy.sha256) != 0);
}

static void test_processes_do_not_share_a_connection(void **state)
{
    (void)state;
    struct err err;
    int status;
    struct catalogue_copy copy = make("A-1.mp4", "a film");
    assert_ok(copies_publish(root, &copy, &err));
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int64_t bytes = 0;
        bool good = true;
        for (int i = 0; good && i < 20; i++)
            good = copies_look(root, &copy, &bytes, &err) == ERR_OK && bytes == 6;
        _exit(good ? 0 : 1);
    }
    for (int i = 0; i < 20; i++)
        must_read(other, &copy, "a film");
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_what_is_published_can_be_read_by_all),
        TEST(test_who_hashes_is_asked_and_may_stop),
        TEST(test_one_of_two_with_the_same_bytes_stays),
        TEST(test_what_was_made_anew_replaces_the_earlier),
        TEST(test_no_row_leads_elsewhere),
        TEST(test_damage_in_the_store_is_seen_and_fetched_files_are_not_believed),
        TEST(test_processes_do_not_share_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
