/* fsx, hash, err, stop: files that survive, their digests, how failures read, being told to end. */
#include "dashspool/fsx.h"
#include "dashspool/hash.h"
#include "dashspool/stop.h"
#include "support/support.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static const char *in_dir(const char *name)
{
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void test_mkdirs_makes_all_levels_and_may_be_repeated(void **state)
{
    (void)state;
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("a/b/c"), &err));
    assert_ok(fsx_mkdirs(in_dir("a/b/c//"), &err));
    assert_true(support_exists(in_dir("a/b/c")));
    support_write(in_dir("file"), "x", 1);
    assert_err(ERR_CONFIG, fsx_mkdirs(in_dir("file/d"), &err));
    assert_non_null(strstr(err.text, "is not a directory"));
}

static void test_write_file_replaces_whole_and_leaves_nothing_beside(void **state)
{
    (void)state;
    struct err err;
    assert_ok(fsx_write_file(in_dir("x"), "first", 5, &err));
    assert_ok(fsx_write_file(in_dir("x"), "2", 1, &err));
    struct buf b = support_read(in_dir("x"));
    assert_int_equal(b.used, 1);
    buf_clear(&b);
    assert_int_equal(support_entries(dir), 1);
    assert_err(ERR_NOTFOUND, fsx_write_file(in_dir("no/such/dir"), "x", 1, &err));
    /* a directory in the way: nothing is left of the attempt */
    assert_ok(fsx_mkdirs(in_dir("y"), &err));
    assert_true(fsx_write_file(in_dir("y"), "x", 1, &err) < 0);
    assert_int_equal(support_entries(dir), 2);
}

static void test_read_file_stops_at_the_ceiling(void **state)
{
    (void)state;
    struct err err;
    struct buf b;
    char bytes[5000];
    memset(bytes, 'z', sizeof bytes);
    support_write(in_dir("x"), bytes, sizeof bytes);
    buf_init(&b, sizeof bytes);
    assert_ok(fsx_read_file(in_dir("x"), &b, &err));
    assert_int_equal(b.used, sizeof bytes);
    buf_clear(&b);
    buf_init(&b, sizeof bytes - 1);
    assert_err(ERR_LIMIT, fsx_read_file(in_dir("x"), &b, &err));
    buf_clear(&b);
    support_write(in_dir("empty"), "", 0);
    assert_ok(fsx_read_file(in_dir("empty"), &b, &err));
    assert_int_equal(b.used, 0);
    buf_clear(&b);
}

static void test_rename_does_not_overwrite_a_directory_with_content(void **state)
{
    (void)state;
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("a/x"), &err));
    assert_ok(fsx_mkdirs(in_dir("b/y"), &err));
    assert_err(ERR_BUSY, fsx_rename(in_dir("a"), in_dir("b"), &err));
    assert_true(support_exists(in_dir("b/y")));
    assert_ok(fsx_rename(in_dir("a"), in_dir("c"), &err));
    assert_true(support_exists(in_dir("c/x")));
}

static void test_a_new_name_replaces_nothing(void **state)
{
    (void)state;
    struct err err;
    support_write(in_dir("mine"), "mine", 4);
    support_write(in_dir("theirs"), "theirs", 6);
    assert_ok(fsx_mkdirs(in_dir("empty"), &err));
    assert_ok(fsx_mkdirs(in_dir("full/x"), &err));
    assert_err(ERR_BUSY, fsx_rename_new(in_dir("mine"), in_dir("theirs"), &err));
    assert_err(ERR_BUSY, fsx_rename_new(in_dir("full"), in_dir("empty"), &err));
    assert_err(ERR_BUSY, fsx_rename_new(in_dir("full"), in_dir("theirs"), &err));
    struct buf b = support_read(in_dir("theirs"));
    assert_int_equal(b.used, 6);
    buf_clear(&b);
    assert_ok(fsx_rename_new(in_dir("mine"), in_dir("free"), &err));
    assert_ok(fsx_rename_new(in_dir("full"), in_dir("moved"), &err));
    assert_false(support_exists(in_dir("mine")));
    assert_true(support_exists(in_dir("moved/x")));
    assert_err(ERR_NOTFOUND, fsx_rename_new(in_dir("mine"), in_dir("never"), &err));
}

static void test_remove_tree_does_not_follow_links(void **state)
{
    (void)state;
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("keep"), &err));
    support_write(in_dir("keep/precious"), "x", 1);
    assert_ok(fsx_mkdirs(in_dir("gone/deep"), &err));
    assert_int_equal(symlink(in_dir("keep"), in_dir("gone/deep/link")), 0);
    assert_ok(fsx_remove_tree(in_dir("gone"), &err));
    assert_ok(fsx_remove_tree(in_dir("gone"), &err));
    assert_false(support_exists(in_dir("gone")));
    assert_true(support_exists(in_dir("keep/precious")));
}

static void test_sha256_of_nist(void **state)
{
    (void)state;
    struct err err;
    struct hash *h = NULL;
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    assert_ok(hash_new(&h, &err));
    for (int round = 0; round < 2; round++) { /* starts anew after final */
        hash_update(h, "a", 1);
        hash_update(h, "bc", 2);
        assert_ok(hash_final(h, digest, &err));
        hash_hex(digest, hex);
        assert_string_equal(hex,
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    hash_free(&h);
    support_write(in_dir("abc"), "abc", 3);
    uint8_t again[HASH_BYTES];
    assert_ok(hash_file(in_dir("abc"), again, &err));
    assert_memory_equal(digest, again, HASH_BYTES);
    assert_err(ERR_NOTFOUND, hash_file(in_dir("nothing"), again, &err));
}

static void test_hmac_of_rfc_4231(void **state)
{
    (void)state;
    struct err err;
    uint8_t key[131], digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    assert_ok(hash_hmac("Jefe", 4, "what do ya want for nothing?", 28, digest, &err));
    hash_hex(digest, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key); /* longer than a block */
    static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
    assert_ok(hash_hmac(key, sizeof key, text, strlen(text), digest, &err));
    hash_hex(digest, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_errors_say_where_and_why(void **state)
{
    (void)state;
    struct err err;
    errno = ENOSPC;
    assert_int_equal(err_sys(&err, "write %s", "x"), ERR_IO);
    assert_int_equal(err_wrap(&err, "job %d", 7), ERR_IO);
    assert_string_equal(err.text, "job 7: write x: No space left on device");
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_true(err_is_temporary(ERR_IO) && err_is_temporary(ERR_BUSY));
    assert_false(err_is_temporary(ERR_MALFORMED) || err_is_temporary(ERR_OK));
    char longer[2000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    err_set(&err, ERR_LIMIT, "%s", longer);
    assert_string_equal(err.text + strlen(err.text) - 4, "x...");
}

static void test_a_path_has_two_parts(void **state)
{
    (void)state;
    static const struct {
        const char *path, *parent, *name;
    } is[] = {{"a/b/c", "a/b", "c"}, {"a/b//", "a", "b"}, {"c", ".", "c"}, {"/c", "/", "c"}};
    struct err err;
    for (size_t i = 0; i < sizeof is / sizeof *is; i++) {
        char *parent, *name;
        assert_ok(fsx_split(is[i].path, &parent, &name, &err));
        assert_string_equal(parent, is[i].parent);
        assert_string_equal(name, is[i].name);
        free(parent);
        free(name);
    }
}

static void test_a_scratch_file_has_no_name(void **state)
{
    (void)state;
    struct err err;
    FILE *f = NULL;
    char back[8] = "";
    assert_ok(fsx_mkdirs(in_dir("scratch"), &err));
    assert_ok(fsx_scratch(&f, in_dir("scratch"), &err));
    assert_true(fputs("words", f) >= 0);
    rewind(f);
    assert_non_null(fgets(back, sizeof back, f));
    assert_string_equal(back, "words");
    assert_int_equal(rmdir(in_dir("scratch")), 0);
    fclose(f);
    assert_err(ERR_NOTFOUND, fsx_scratch(&f, in_dir("no/such/dir"), &err));
    assert_null(f);
}

static void test_list_has_all_names_in_order_and_not_the_dots(void **state)
{
    (void)state;
    struct err err;
    struct fsx_names names;
    for (int i = 40; i-- > 0;) {
        char name[16];
        snprintf(name, sizeof name, "n%02d", i);
        support_write(in_dir(name), "x", 1);
    }
    support_write(in_dir(".hidden"), "x", 1);
    assert_ok(fsx_list(dir, &names, &err));
    assert_int_equal(41, names.n);
    assert_string_equal(".hidden", names.name[0]);
    assert_string_equal("n00", names.name[1]);
    assert_string_equal("n39", names.name[40]);
    fsx_names_clear(&names);
    assert_err(ERR_NOTFOUND, fsx_list(in_dir("none"), &names, &err));
    assert_non_null(strstr(err.text, "/none"));
    fsx_names_clear(&names);
}

static void test_dir_gives_names_with_their_kinds_until_the_end(void **state)
{
    (void)state;
    struct err err;
    struct fsx_dir d;
    const char *name;
    int n = 0;
    assert_ok(fsx_mkdirs(in_dir("sub"), &err));
    support_write(in_dir("file"), "x", 1);
    assert_ok(fsx_dir_open(&d, dir, &err));
    for (;;) {
        assert_ok(fsx_dir_next(&d, &name, &err));
        if (!name)
            break;
        n++;
        assert_true(d.may_be_dir || strcmp(name, "sub") != 0);
    }
    assert_int_equal(2, n);
    fsx_dir_close(&d);
    fsx_dir_close(&d);
    int fd = open(in_dir("file"), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(fsx_dir_of(&d, fd, "it", &err) < 0);
    fsx_dir_close(&d);
    assert_int_equal(-1, fcntl(fd, F_GETFD)); /* it was taken */
}

static void test_path_is_inside_only_without_a_way_up(void **state)
{
    (void)state;
    static const char *const inside[] = {"a", "a/b.c", "archive/1/..x/y", ".hidden/..."};
    static const char *const outside[] = {"",      "/",  "/a",   "a/",     "a//b", ".",  "./a",
                                          "a/./b", "..", "../a", "a/../b", "a/..", "a/."};
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        assert_true(fsx_path_is_inside(inside[i]));
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_false(fsx_path_is_inside(outside[i]));
}

static void test_stop_is_caught_once_and_kept_through_nested_catches(void **state)
{
    (void)state;
    struct sigaction before, now;
    sigaction(SIGTERM, NULL, &before);
    stop_catch();
    assert_false(stop_caught());
    raise(SIGTERM);
    assert_true(stop_caught());
    stop_catch();
    assert_true(stop_caught());
    stop_release();
    raise(SIGINT); /* still caught */
    stop_release();
    sigaction(SIGTERM, NULL, &now);
    assert_true(now.sa_handler == before.sa_handler);
    stop_catch();
    assert_false(stop_caught());
    stop_release();
}

static void test_stop_leaves_ignored_signals_ignored(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGHUP, &ignore, &before);
    stop_catch();
    raise(SIGHUP);
    assert_false(stop_caught());
    stop_release();
    sigaction(SIGHUP, &before, NULL);
    stop_catch();
    raise(SIGHUP);
    assert_true(stop_caught());
    stop_release();
}

/* ---- pieces ---- */

static int ends[2]; /* of a pipe */

static void write_and_close(int signum)
{
    (void)signum;
    if (write(ends[1], "x", 1) == 1)
        close(ends[1]);
}

struct seen {
    size_t bytes, most;
    uint8_t sum;
};

static int see_piece(void *arg, const void *data, size_t n, struct err *err)
{
    struct seen *s = arg;
    for (size_t i = 0; i < n; i++)
        s->sum = (uint8_t)(s->sum * 31 + ((const uint8_t *)data)[i]);
    s->bytes += n;
    return s->most && s->bytes > s->most ? err_set(err, ERR_LIMIT, "enough") : ERR_OK;
}

static void test_pieces_are_all_bytes_in_order_until_one_fails(void **state)
{
    (void)state;
    static uint8_t data[600000];
    struct seen all = {0}, expected = {0}, some = {.most = 1};
    struct err err;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    support_write(in_dir("f"), data, sizeof data);
    assert_ok(see_piece(&expected, data, sizeof data, &err));
    int fd = open(in_dir("f"), O_RDONLY | O_CLOEXEC);
    assert_ok(fsx_read_pieces(fd, "f", see_piece, &all, &err));
    assert_true(all.bytes == sizeof data && all.sum == expected.sum);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_err(ERR_LIMIT, fsx_read_pieces(fd, "f", see_piece, &some, &err));
    assert_true(some.bytes < sizeof data);
    close(fd);
    fd = open(dir, O_RDONLY | O_CLOEXEC);
    assert_true(fsx_read_pieces(fd, "a folder", see_piece, &all, &err) < 0);
    assert_non_null(strstr(err.text, "read a folder"));
    close(fd);
}

static void test_a_signal_does_not_end_reading(void **state)
{
    (void)state;
    const struct sigaction interrupt = {.sa_handler = write_and_close}; /* no SA_RESTART */
    const struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    struct sigaction before;
    struct seen seen = {0};
    struct err err;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(sigaction(SIGALRM, &interrupt, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_ok(fsx_read_pieces(ends[0], "a pipe", see_piece, &seen, &err));
    assert_int_equal(seen.bytes, 1);
    close(ends[0]);
    sigaction(SIGALRM, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_list_has_all_names_in_order_and_not_the_dots),
        TEST(test_dir_gives_names_with_their_kinds_until_the_end),
        TEST(test_path_is_inside_only_without_a_way_up),
        TEST(test_stop_is_caught_once_and_kept_through_nested_catches),
        TEST(test_stop_leaves_ignored_signals_ignored),
        TEST(test_a_scratch_file_has_no_name),
        TEST(test_a_path_has_two_parts),
        TEST(test_mkdirs_makes_all_levels_and_may_be_repeated),
        TEST(test_write_file_replaces_whole_and_leaves_nothing_beside),
        TEST(test_read_file_stops_at_the_ceiling),
        TEST(test_pieces_are_all_bytes_in_order_until_one_fails),
        TEST(test_a_signal_does_not_end_reading),
        TEST(test_rename_does_not_overwrite_a_directory_with_content),
        TEST(test_a_new_name_replaces_nothing),
        TEST(test_remove_tree_does_not_follow_links),
        TEST(test_sha256_of_nist),
        TEST(test_hmac_of_rfc_4231),
        TEST(test_errors_say_where_and_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
