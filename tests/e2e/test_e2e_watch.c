/* A watched folder, as people and programs treat one. */
#define _GNU_SOURCE
#include "dashspool/fsx.h"
#include "dashspool/sandbox.h"
#include "support/drop.h"
#include "support/proc.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_ROOM = 700, CLIP = 20000 };

struct fixture {
    char *dir;
    char root[300], in[300];
    struct proc watch;
    bool running;
    int starts;
    size_t said; /* lines of the log that were asked for */
};

/* quick: nothing waits long; a file that is cut is never taken. */
static const char quick[] = "quiet_s = 0.15\nscan_s = 3600\npatience_s = 3600\n";

static void configure(struct fixture *f, const char *text)
{
    char all[1000];
    snprintf(all, sizeof all, "[watch]\nmin_free_mib = 0\n%s", text);
    support_configure(f->root, all);
}

static void start(struct fixture *f)
{
    char log[PATH_ROOM];
    snprintf(log, sizeof log, "%s/watch-%d.log", f->dir, ++f->starts);
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", f->root, "watch", f->in, NULL};
    f->watch = proc_start(log, argv);
    f->running = true;
    proc_wait_for(&f->watch, "msg=\"watching\"", NULL, 0);
}

static void stop(struct fixture *f)
{
    f->running = false;
    assert_int_equal(proc_stop(&f->watch, SIGTERM), 0);
}

static int setup(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    f->dir = support_tmp_dir();
    snprintf(f->root, sizeof f->root, "%s/root", f->dir);
    snprintf(f->in, sizeof f->in, "%s/in", f->dir);
    assert_ok(fsx_mkdirs(f->in, &err));
    configure(f, quick);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->running)
        proc_stop(&f->watch, SIGKILL);
    support_tmp_remove(&f->dir);
    free(f);
    return 0;
}

static const char *in(const struct fixture *f, const char *name)
{
    return support_path(f->in, name);
}

static void wait_log(struct fixture *f, const char *fmt, ...) DS_PRINTF(2, 3);
static void wait_log(struct fixture *f, const char *fmt, ...)
{
    char words[PATH_ROOM];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    proc_wait_for(&f->watch, words, NULL, 0);
}

static void wait_taken(struct fixture *f, const char *name)
{
    wait_log(f, "file=%s/%s ", f->in, name);
}

static int lines_with(const struct fixture *f, const char *words)
{
    return support_count(f->watch.log, words);
}

/* Whatever was quiet before this clip came would have been taken before it. */
static void let_pass(struct fixture *f, uint32_t seed)
{
    char name[40];
    snprintf(name, sizeof name, "marker-%u.h265", seed);
    drop_clip(in(f, name), 900000 + seed, 200);
    wait_taken(f, name);
}

static void write_part(const char *path, int flags, const uint8_t *data, size_t n)
{
    int fd = open(path, O_WRONLY | flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), (ssize_t)n);
    assert_int_equal(close(fd), 0);
}

static void test_a_slow_writer_is_waited_for(void **state)
{
    struct fixture *f = *state;
    size_t n;
    uint8_t *data = drop_bytes(1, CLIP, &n);
    start(f);
    write_part(in(f, "slow.h265"), O_CREAT, data, 5000); /* within a record */
    let_pass(f, 1);
    write_part(in(f, "slow.h265"), O_APPEND, data + 5000, 7000);
    let_pass(f, 2);
    assert_int_equal(drop_count(f->root), 2);
    write_part(in(f, "slow.h265"), O_APPEND, data + 12000, n - 12000);
    wait_taken(f, "slow.h265");
    stop(f);
    assert_int_equal(drop_row(f->root, "slow.h265").length_bytes, n);
    assert_int_equal(drop_look(f->root).n, 3);
    free(data);
}

/* A writer that holds the file open: no event tells of its last bytes. */
static void test_a_writer_that_does_not_close(void **state)
{
    struct fixture *f = *state;
    size_t n;
    uint8_t *data = drop_bytes(1, CLIP, &n);
    start(f);
    int fd = open(in(f, "open.h265"), O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n - 10), n - 10);
    let_pass(f, 1);
    assert_int_equal(write(fd, data + n - 10, 10), 10);
    configure(f, "quiet_s = 0.1\nscan_s = 0.2\npatience_s = 3600\n");
    stop(f);
    start(f); /* now with scans */
    wait_taken(f, "open.h265");
    close(fd);
    free(data);
    stop(f);
    assert_int_equal(drop_look(f->root).n, 2);
}

static void test_one_that_stays_cut_is_taken_and_marked(void **state)
{
    struct fixture *f = *state;
    size_t n;
    uint8_t *data = drop_bytes(1, CLIP, &n);
    configure(f, "quiet_s = 0.05\nscan_s = 3600\npatience_s = 0.4\n");
    support_write(in(f, "cut.h265"), data, n - 1);
    start(f);
    wait_log(f, "cut.h265 note=\"ends early, the last ");
    stop(f);
    struct catalogue_transfer row = drop_row(f->root, "cut.h265");
    struct catalogue_origin o;
    struct catalogue *c = NULL;
    struct err err;
    assert_ok(catalogue_open(&c, f->root, false, &err));
    assert_ok(catalogue_origin_get(c, row.key, &o, &err));
    catalogue_close(&c);
    assert_false(o.whole);
    assert_non_null(strstr(o.note, "no whole record"));
    free(data);
}

static void test_renamed_in(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a.h265.part", ".b.h265", "c.h265~", "d.filepart"};
    start(f);
    for (unsigned i = 0; i < 4; i++)
        drop_clip(in(f, names[i]), i, CLIP);
    let_pass(f, 1);
    assert_int_equal(drop_count(f->root), 1);
    for (unsigned i = 0; i < 4; i++) {
        char to[20];
        snprintf(to, sizeof to, "clip-%u.h265", i);
        assert_int_equal(rename(in(f, names[i]), in(f, to)), 0);
        wait_taken(f, to);
    }
    stop(f);
    assert_int_equal(drop_look(f->root).n, 5);
}

/* Also when the watcher starts anew, and nothing is said again. */
static void test_copied_twice(void **state)
{
    struct fixture *f = *state;
    start(f);
    drop_clip(in(f, "one.h265"), 7, CLIP);
    wait_taken(f, "one.h265");
    drop_clip(in(f, "two.h265"), 7, CLIP);
    wait_log(f, "two.h265 reason=\"identical to 000000000000000-other-video-");
    stop(f);
    drop_clip(in(f, "three.h265"), 8, CLIP);
    start(f);
    wait_taken(f, "three.h265");
    stop(f);
    assert_int_equal(lines_with(f, "one.h265") + lines_with(f, "two.h265"), 0);
    assert_int_equal(drop_look(f->root).n, 2);
}

static void rsync(struct fixture *f, const char *option)
{
    expect(PROC_RUN("rsync", "-a", option, support_path(f->dir, "from/"), in(f, "")), 0, "");
}

static void test_written_by_rsync(void **state)
{
    struct fixture *f = *state;
    struct err err;
    if (!proc_have("rsync"))
        skip();
    start(f);
    assert_ok(fsx_mkdirs(support_path(f->dir, "from/352093081452251"), &err));
    drop_clip(support_path(f->dir, "from/352093081452251/a.h265"), 1, 3000000);
    rsync(f, "--whole-file");
    wait_taken(f, "352093081452251/a.h265");
    drop_clip(support_path(f->dir, "from/352093081452251/b.h265"), 2, 3000000);
    rsync(f, "--inplace");
    wait_taken(f, "352093081452251/b.h265");
    rsync(f, "--checksum"); /* nothing is new */
    let_pass(f, 1);
    stop(f);
    assert_string_equal(drop_row(f->root, "a.h265").imei, "352093081452251");
    assert_int_equal(drop_look(f->root).n, 3);
}

static void test_truncated_and_rewritten(void **state)
{
    struct fixture *f = *state;
    static const char name[] = "clip-20241129T072345Z.h265";
    start(f);
    drop_clip(in(f, name), 1, CLIP);
    wait_taken(f, name);
    drop_clip(in(f, name), 2, CLIP); /* the same inode, the same length */
    wait_log(f, "msg=\"imported\" id=000000000000000-other-video-20241129T072345Z-2 ");
    assert_int_equal(truncate(in(f, name), 0), 0);
    let_pass(f, 1);
    drop_clip(in(f, name), 1, CLIP); /* as it was at first */
    wait_log(f, "%s reason=\"identical to 000000000000000-other-video-20241129T072345Z", name);
    stop(f);
    assert_int_equal(drop_look(f->root).n, 3);
}

/* More than the kernel's queue holds (16 384 events), while nobody reads it. */
static void test_16385_files_at_once(void **state)
{
    struct fixture *f = *state;
    enum { FILES = 16385 };
    uint64_t sum = 0;
    start(f);
    assert_int_equal(kill(f->watch.pid, SIGSTOP), 0);
    for (unsigned i = 0; i < FILES; i++) {
        char name[40];
        size_t n;
        uint8_t *data = drop_bytes(i, 150, &n);
        snprintf(name, sizeof name, "%u.h265", i);
        support_write(in(f, name), data, n);
        sum = drop_sum(sum, data, n);
        free(data);
    }
    assert_int_equal(kill(f->watch.pid, SIGCONT), 0);
    wait_log(f, "inotify events lost");
    for (int i = 0; i < 12000 && drop_count(f->root) < FILES; i++)
        poll(NULL, 0, 20);
    stop(f);
    struct drop_found found = drop_look(f->root);
    assert_int_equal(found.n, FILES);
    assert_true(found.sum == sum);
}

static void test_a_directory_made_later(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char from[PATH_ROOM];
    start(f);
    assert_ok(fsx_mkdirs(in(f, "a/b/c"), &err));
    drop_clip(in(f, "a/b/c/deep.h265"), 1, CLIP);
    wait_taken(f, "a/b/c/deep.h265");
    snprintf(from, sizeof from, "%s/whole", f->dir); /* filled elsewhere, then moved in */
    assert_ok(fsx_mkdirs(from, &err));
    char path[PATH_ROOM + 20];
    snprintf(path, sizeof path, "%s/x.h265", from);
    drop_clip(path, 2, CLIP);
    assert_int_equal(rename(from, in(f, "moved")), 0);
    wait_taken(f, "moved/x.h265");
    drop_clip(in(f, "moved/y.h265"), 3, CLIP);
    wait_taken(f, "moved/y.h265");
    assert_int_equal(rename(in(f, "moved"), in(f, "renamed")), 0); /* the files are not new */
    wait_log(f, "renamed/x.h265 reason=\"identical to ");
    stop(f);
    assert_int_equal(drop_look(f->root).n, 3);
}

/* Copies go beside the clip; one is given another name; ROOT and a package are there, too. */
static void test_output_in_the_watched_folder(void **state)
{
    struct fixture *f = *state;
    char root[PATH_ROOM], clip[PATH_ROOM];
    snprintf(root, sizeof root, "%s/store", f->in);
    snprintf(clip, sizeof clip, "%s/clip.h265", f->in);
    struct buf sample = support_read(TEST_SAMPLES "/rear-25fps-6s-silent.h265");
    support_write(clip, buf_data(&sample), sample.used);
    buf_clear(&sample);
    expect(PROC_RUN(DASHSPOOL_BINARY, "convert", "--copies", "working,viewing,poster,sheet",
                    "--still", "1", clip),
           0, "");
    assert_int_equal(link(in(f, "clip.working.mp4"), in(f, "renamed.mp4")), 0);
    assert_int_equal(link(in(f, "clip.poster-DERIVED.jpg"), in(f, "renamed.jpg")), 0);
    snprintf(f->root, sizeof f->root, "%s", root);
    start(f);
    proc_wait_for(&f->watch, "renamed.jpg reason=\"a copy made by dashspool", NULL, 0);
    wait_log(f, "file=%s ", clip);
    expect(DASHSPOOL(root, "export", "--kind", "video", "-o", in(f, "case-1")), 0, "");
    wait_log(f, "case-1 reason=\"evidence package, not imported");
    stop(f);
    assert_int_equal(drop_look(f->root).n, 1);
    assert_int_equal(lines_with(f, "renamed.mp4 reason=\"a copy made by dashspool"), 1);
    expect(DASHSPOOL(root, "watch", root), 2, "");
}

/* Links, pipes, other things: nothing is waited for or followed. */
static void test_what_is_no_file(void **state)
{
    struct fixture *f = *state;
    char outside[PATH_ROOM];
    struct err err;
    snprintf(outside, sizeof outside, "%s/outside.h265", f->dir);
    drop_clip(outside, 5, CLIP);
    assert_int_equal(symlink(outside, in(f, "link.h265")), 0);
    assert_int_equal(symlink(f->dir, in(f, "dir")), 0);
    assert_int_equal(mkfifo(in(f, "pipe.h265"), 0600), 0);
    assert_int_equal(mkdir(in(f, "folder.h265"), 0700), 0);
    support_write(in(f, "text.h265"), "nothing to see\n", 15);
    support_write(in(f, "empty.jpg"), "", 0);
    drop_clip(in(f, "new\nline \xff.h265"), 6, CLIP);
    drop_clip(in(f, "notes.doc"), 7, CLIP);
    char deep[PATH_ROOM];
    int n = snprintf(deep, sizeof deep, "%s", f->in);
    for (int i = 0; i < 70; i++)
        n += snprintf(deep + n, sizeof deep - (size_t)n, "/d");
    assert_ok(fsx_mkdirs(deep, &err));
    configure(f, "quiet_s = 0.1\nscan_s = 0.1\npatience_s = 3600\n");
    start(f);
    wait_log(f, "file=\"%s/new\\\\x0aline \\\\xff.h265\"", f->in);
    wait_log(f, "text.h265 reason=\"this is text, not H.265");
    wait_log(f, "folders are nested too deeply");
    for (uint32_t i = 0; i < 3; i++)
        let_pass(f, i); /* scans pass by */
    stop(f);
    assert_int_equal(lines_with(f, "text.h265"), 1);
    assert_int_equal(lines_with(f, "folders are nested too deeply"), 1);
    assert_int_equal(lines_with(f, "link.h265") + lines_with(f, "pipe.h265"), 0);
    assert_int_equal(drop_look(f->root).n, 4);
}

/* What is beside it goes with it; the same name comes again; a restart finishes what was left. */
static void test_moved_when_it_is_safe(void **state)
{
    struct fixture *f = *state;
    char conf[300];
    static const char meta[] = "Cmd version: \t3\nTime (UTC+0): \t(1732865025000)\n";
    snprintf(conf, sizeof conf, "%safter = move\n", quick);
    struct err err;
    assert_ok(fsx_mkdirs(in(f, "352093081452251"), &err));
    drop_clip(in(f, "352093081452251/clip.h265"), 1, CLIP);
    support_write(in(f, "352093081452251/clip.txt"), meta, sizeof meta - 1);
    start(f); /* keeps */
    wait_taken(f, "352093081452251/clip.h265");
    stop(f);
    configure(f, conf);
    start(f); /* takes it away now */
    support_wait(support_exists(in(f, "done/352093081452251/clip.txt")));
    drop_clip(in(f, "352093081452251/clip.h265"), 2, CLIP);
    wait_taken(f, "352093081452251/clip.h265");
    support_wait(support_exists(in(f, "done/352093081452251/clip-2.h265")));
    let_pass(f, 1);
    stop(f);
    assert_true(support_exists(in(f, "done/352093081452251/clip.h265")));
    assert_int_equal(support_entries(in(f, "352093081452251")), 0);
    assert_string_equal(drop_row(f->root, "marker-1.h265").imei, CATALOGUE_IMEI_UNKNOWN);
    assert_int_equal(drop_look(f->root).n, 3);
}

static void test_removed_when_it_is_safe(void **state)
{
    struct fixture *f = *state;
    char conf[300];
    static const char meta[] = "Cmd version: \t3\nTime (UTC+0): \t(1732865025000)\n";
    snprintf(conf, sizeof conf, "%safter = remove\n", quick);
    configure(f, conf);
    support_write(in(f, "clip.txt"), meta, sizeof meta - 1);
    support_write(in(f, "two.txt"), "somebody's notes\n", 17);
    drop_clip(in(f, "clip.h265"), 1, CLIP);
    drop_clip(in(f, "two.h265"), 2, CLIP);
    support_write(in(f, "text.h265"), "nothing to see\n", 15);
    start(f);
    support_wait(!support_exists(in(f, "clip.h265")) && !support_exists(in(f, "clip.txt")) &&
                 !support_exists(in(f, "two.h265")));
    wait_log(f, "text.h265 reason=\"this is text");
    stop(f);
    assert_true(support_exists(in(f, "two.txt")));
    assert_true(support_exists(in(f, "text.h265")));
    assert_int_equal(drop_look(f->root).n, 2);
}

/* Killed at any moment, the next one goes on; nothing is lost or double, whatever becomes of the
 * files. */
static void test_killed_again_and_again(void **state)
{
    struct fixture *f = *state;
    enum { FILES = 300, KILLS = 30 };
    uint64_t sum = 0;
    int at_work = 0;
    srand((unsigned)support_seed(20261121));
    configure(f, "quiet_s = 0.02\nscan_s = 0.1\nafter = remove\n");
    for (unsigned i = 0; i < FILES; i++) {
        char name[40];
        size_t n;
        uint8_t *data = drop_bytes(i, 40000, &n);
        snprintf(name, sizeof name, "%u.h265", i);
        support_write(in(f, name), data, n);
        sum = drop_sum(sum, data, n);
        free(data);
    }
    for (int i = 0; i < KILLS; i++) {
        start(f);
        /* every other one comes so far that each gets its share of the files */
        int left = support_entries(f->in), share = FILES * (KILLS - i) / (KILLS + 1);
        if (i % 2)
            support_wait(support_entries(f->in) <= share);
        poll(NULL, 0, rand() % (i % 2 ? 6 : 60));
        f->running = false;
        assert_int_equal(proc_stop(&f->watch, SIGKILL), 128 + SIGKILL);
        int after = support_entries(f->in);
        at_work += after > 0 && after < left;
    }
    printf("%d of %d were killed between two files\n", at_work, KILLS);
    assert_true(at_work >= 1);
    start(f);
    support_wait(support_entries(f->in) == 0);
    stop(f);
    struct drop_found found = drop_look(f->root);
    assert_int_equal(found.n, FILES);
    assert_true(found.sum == sum);
}

/* Its rights were those of the old folder: it says so and ends; 'run' starts it anew. */
static void test_a_folder_that_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct sandbox_report can;
    char old[PATH_ROOM];
    sandbox_probe(&can);
    if (can.landlock_abi == 0 || !can.seccomp)
        skip();
    configure(f, "quiet_s = 0.15\nscan_s = 0.1\n");
    start(f);
    snprintf(old, sizeof old, "%s/old", f->dir);
    assert_int_equal(rename(f->in, old), 0);
    assert_int_equal(mkdir(f->in, 0700), 0);
    f->running = false;
    assert_int_equal(proc_stop(&f->watch, 0), 1);
    assert_int_equal(lines_with(f, "was replaced by another folder"), 1);
    drop_clip(in(f, "clip.h265"), 1, CLIP);
    start(f);
    wait_taken(f, "clip.h265");
    stop(f);
}

static void test_settings_that_are_of_no_use(void **state)
{
    struct fixture *f = *state;
    expect(DASHSPOOL(f->root, "watch"), 2, "");
    expect(DASHSPOOL(f->root, "watch", "/no/such"), 2, "");
    expect(DASHSPOOL(f->root, "watch", f->in, "--after", "burn"), 2, "");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_slow_writer_is_waited_for),
        T(test_a_writer_that_does_not_close),
        T(test_one_that_stays_cut_is_taken_and_marked),
        T(test_renamed_in),
        T(test_copied_twice),
        T(test_written_by_rsync),
        T(test_truncated_and_rewritten),
        T(test_16385_files_at_once),
        T(test_a_directory_made_later),
        T(test_output_in_the_watched_folder),
        T(test_what_is_no_file),
        T(test_moved_when_it_is_safe),
        T(test_removed_when_it_is_safe),
        T(test_killed_again_and_again),
        T(test_a_folder_that_is_replaced),
        T(test_settings_that_are_of_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
