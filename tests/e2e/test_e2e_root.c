#define _GNU_SOURCE /* memmem */
/*
 * What a ROOT may suffer: it is of an earlier version, its name is mistyped, its spool or its
 * catalogue is removed under those who use it, a camera is cut off and comes back. Nothing that was
 * acknowledged is forgotten, and "all is well" is said only when it is.
 */
#include "dashspool/fsx.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define OLD   TEST_DATA "/store/420212c.tar.xz"
#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define VIDEO IMEI "-rear-video-20241129T072345Z"
#define STILL IMEI "-front-photo-20241129T072345Z"
#define TIME  "2024-11-29T07:23:45Z"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)
#define SIMULATE(...) \
    RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--time", TIME, __VA_ARGS__)

static int set_up(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void remove_spool(void)
{
    struct err err;
    assert_ok(fsx_remove_tree(support_path(w.root, "spool"), &err));
}

static int jobs(void)
{
    return support_entries(support_path(w.root, "spool/convert/new"));
}

static void receive_two(void)
{
    world_start(&w);
    expect(SIMULATE("--rear", CLIP, "--photo-front", PHOTO), 0, "files uploaded: 2,");
    world_wait_jobs(&w);
}

/* ---- an earlier version's ---- */

/* Made by commit 420212c: see tests/data/README.md. */
static void test_a_store_of_schema_6_is_read_exported_and_kept(void **state)
{
    char root[512], old[512], package[512], text[600];
    (void)state;
    expect(PROC_RUN("tar", "-xJf", OLD, "-C", w.dir), 0, "");
    snprintf(root, sizeof root, "%s/store", w.dir);
    snprintf(old, sizeof old, "%s/package", w.dir);
    snprintf(package, sizeof package, "%s/new.zip", w.dir);
    expect(DASHSPOOL(root, "status", "--json"), 1, "\"partial\": 1"); /* as it is */
    assert_int_equal(sql_run(support_path(root, "catalogue.db"), "PRAGMA user_version"), 6);
    expect(DASHSPOOL(root, "fsck"), 0,
           "8 originals, 19 copies, 9 custody records, 1 job: no problems");
    assert_int_equal(sql_run(support_path(root, "catalogue.db"), "PRAGMA user_version"), 10);
    struct proc_result r = DASHSPOOL(root, "list");
    assert_int_equal(r.status, 0);
    static const char *const has[] = {"352093081452251-front-video-20241129T072345Z",
                                      "352093081452251-rear-video-20241129T072345Z",
                                      "352093081452251-front-photo-20241129T080000Z",
                                      "352093081452269-driver-video-20241129T090000Z",
                                      "352093081452301-front-video-20241129T092345Z",
                                      "352093081452277-front-video-20241129T100000Z",
                                      "352093081452285-front-video-20241129T110000Z",
                                      "352093081452293-rear-video-20261130T053915Z"};
    for (size_t i = 0; i < sizeof has / sizeof *has; i++) {
        if (!memmem(buf_data(&r.out), r.out.used, has[i], strlen(has[i])))
            fail_msg("%s is not listed", has[i]);
        expect(DASHSPOOL(root, "show", has[i]), 0, has[i]);
        expect(DASHSPOOL(root, "show", "--custody", has[i]), 0, "\"event\":\"received\"");
        expect(DASHSPOOL(root, "show", "--json", has[i]), 0, has[i]);
    }
    proc_clear(&r);
    expect(DASHSPOOL(root, "export", "--trigger", "crash", "-o", package), 0, "");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", package), 0, "no problems found");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", old), 0, "no problems found");
    expect(DASHSPOOL(root, "work", "--once"), 0, "1 job done"); /* that waits there since */
    snprintf(text, sizeof text, "%s/backup", w.dir);
    expect(DASHSPOOL(root, "backup", text), 0, "");
    expect(DASHSPOOL(text, "fsck"), 0, "no problems");
    expect(DASHSPOOL(root, "reindex"), 0, "8 originals");
    expect(DASHSPOOL(root, "fsck"), 0, "no problems");
}

/* An import counted as a sign of its camera. */
static void test_an_import_of_an_earlier_version_is_no_contact_any_more(void **state)
{
    char root[512];
    (void)state;
    expect(PROC_RUN("tar", "-xJf", OLD, "-C", w.dir), 0, "");
    snprintf(root, sizeof root, "%s/store", w.dir);
    expect(DASHSPOOL(root, "list"), 0, "352093081452301"); /* brings it up to date */
    expect(DASHSPOOL(root, "status"), 1, "352093081452293 rear");
    struct proc_result r = DASHSPOOL(root, "status");
    assert_null(memmem(buf_data(&r.out), r.out.used, "352093081452301 front", 21));
    proc_clear(&r);
}

/* ---- a ROOT that is not there ---- */

static void test_a_mistyped_root_is_made_by_none_but_who_brings_footage(void **state)
{
    char root[512], other[512], package[512];
    (void)state;
    snprintf(root, sizeof root, "%s/no/rooot", w.dir);
    snprintf(other, sizeof other, "%s/other", w.dir);
    snprintf(package, sizeof package, "%s/package", w.dir);
    const char *const commands[][5] = {
        {"serve", "--listen", "127.0.0.1:0"},
        {"work", "--once"},
        {"work", "--once", "--stage", "convert"},
        {"list"},
        {"show", VIDEO},
        {"cat", VIDEO},
        {"status"},
        {"status", "--json"},
        {"sweep"},
        {"sweep", "--dry-run"},
        {"fsck"},
        {"fsck", "--repair"},
        {"backup", other},
        {"reindex"},
        {"retry", "--all"},
        {"drop", VIDEO},
        {"release", "--all"},
        {"protect", VIDEO, "--reason", "x"},
        {"export", VIDEO, "-o", package},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *const *c = commands[i];
        struct proc_result r = DASHSPOOL(root, c[0], c[1], c[2], c[3], c[4]); /* NULL ends it */
        if (r.status == 0 || support_exists(support_path(w.dir, "no")))
            fail_msg("%s: %d, and the ROOT is %sthere", c[0], r.status,
                     support_exists(support_path(w.dir, "no")) ? "" : "not ");
        if (!memmem(buf_data(&r.err), r.err.used, "rooot", 5))
            fail_msg("%s does not name it: %.*s", c[0], (int)r.err.used,
                     (const char *)buf_data(&r.err));
        proc_clear(&r);
        assert_false(support_exists(other));
        assert_false(support_exists(package));
    }
    expect(DASHSPOOL(root, "import", "--imei", IMEI, CLIP), 0, "1 imported");
}

/* ---- jobs that are lost ---- */

static void test_a_spool_that_was_removed_is_told_and_filled_again(void **state)
{
    (void)state;
    receive_two();
    world_stop(&w);
    remove_spool();
    expect(RUN("fsck"), 1, "not done by stage convert, which has no job of it: its job was lost");
    expect(RUN("fsck"), 1, "2 problems");
    expect(RUN("fsck", "--repair"), 0, "2 transfers repaired, no problems");
    assert_int_equal(jobs(), 2);
    expect(RUN("show", "--custody", VIDEO), 0, "\"event\":\"published\"");
    expect(RUN("fsck"), 0, "2 jobs: no problems");

    world_start(&w);
    remove_spool(); /* what comes then is put all the same, and so are the others */
    expect(SIMULATE("--photo-rear", PHOTO), 0, "files uploaded: 1,");
    support_wait(support_exists(support_path(w.root, "spool/convert/new")) && jobs() == 3);
    assert_true(world_log_lines(&w, "spool was removed or replaced") > 0);
    world_stop(&w);
    remove_spool();
    world_start(&w);
    assert_int_equal(jobs(), 3);

    expect(RUN("work", "--once"), 0, "3 jobs done");
    remove_spool(); /* with copies nothing is lost */
    expect(RUN("fsck"), 0, "no problems");
    world_stop(&w);
    world_start(&w);
    assert_int_equal(jobs(), 0);
}

static void test_a_job_that_was_dropped_is_not_lost(void **state)
{
    char path[512], bytes[3000] = "neither a video nor a photo";
    (void)state;
    world_start(&w);
    snprintf(path, sizeof path, "%s/bad.h265", w.dir); /* what cannot be converted */
    support_write(path, bytes, sizeof bytes);
    expect(SIMULATE("--rear", path), 0, "files uploaded: 1,");
    world_wait_jobs(&w);
    expect(RUN("work", "--once"), 1, "1 failed");
    expect(RUN("fsck"), 0, "1 job: no problems");
    expect(RUN("drop", "--all"), 0, "dropped");
    expect(RUN("fsck"), 0, "0 jobs: no problems");
    world_stop(&w);
    world_start(&w);
    assert_int_equal(jobs(), 0);
}

/* ---- originals that are lost ---- */

/* The row of a transfer is no reason to let go of what comes again when its bytes are gone. */
static void test_what_was_lost_is_taken_again(void **state)
{
    struct err err;
    char imported[512];
    (void)state;
    snprintf(imported, sizeof imported, "%s/photo.jpg", w.dir);
    struct buf b = support_read(PHOTO);
    assert_ok(buf_append(&b, "x", 1, &err)); /* another file */
    support_write(imported, buf_data(&b), b.used);
    buf_clear(&b);
    receive_two();
    expect(RUN("import", "--imei", IMEI, imported), 0, "1 imported");
    expect(RUN("import", "--imei", IMEI, imported), 0, "0 imported, 1 already stored");
    world_stop(&w);
    assert_ok(fsx_remove_tree(support_path(w.root, "raw"), &err));
    expect(RUN("status"), 1, "raw/ has no originals");
    /* it may have been put back from a backup by mistake: somebody says that it is lost */
    expect_err(RUN("import", "--imei", IMEI, imported), 1, "are not in raw/: 3");
    expect(RUN("fsck", "--repair"), 1, "its custody record says that its original is missing");
    world_start(&w);
    expect(SIMULATE("--rear", CLIP), 0, "files uploaded: 1,");
    assert_int_equal(world_log_lines(&w, "duplicate, already stored"), 0);
    expect(RUN("import", "--imei", IMEI, imported), 0, "1 imported, 0 already stored");
    expect(RUN("import", "--imei", IMEI, imported), 0, "0 imported, 1 already stored");
    struct proc_result r = RUN("cat", VIDEO "-2");
    b = support_read(CLIP);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.out.used, b.used);
    assert_memory_equal(buf_data(&r.out), buf_data(&b), b.used);
    proc_clear(&r);
    buf_clear(&b);
    expect(RUN("fsck"), 1, VIDEO ": its bytes are not in");
}

/* ---- a catalogue that is gone ---- */

/* They would work and show what nobody else sees, and mark it as done there. What keeps them
 * running starts them again, with what is there then. */
static void test_workers_and_pages_end_when_their_catalogue_is_replaced(void **state)
{
    static const char *const command[][3] = {
        {"work", "--stage", "convert"},
        {"serve", "--listen", "127.0.0.1:0"},
    };
    (void)state;
    receive_two();
    world_stop(&w);
    for (size_t i = 0; i < 2; i++) {
        char log[512], was[512], saved[512], line[200];
        snprintf(log, sizeof log, "%s/log-%zu", w.dir, i);
        snprintf(was, sizeof was, "%s/catalogue.db", w.root);
        snprintf(saved, sizeof saved, "%s/saved.db", w.dir);
        struct proc p =
            proc_start(log, (const char *const[]){DASHSPOOL_BINARY, "--root", w.root, command[i][0],
                                                  command[i][1], command[i][2], NULL});
        if (i == 0)
            support_wait(jobs() == 0);
        else
            proc_wait_for(&p, "listening on", line, sizeof line);
        expect(PROC_RUN("cp", was, saved), 0, "");
        expect(PROC_RUN("mv", saved, was), 0, "");
        assert_int_equal(proc_stop(&p, 0), 1);
        struct buf said = support_read(log);
        assert_non_null(memmem(buf_data(&said), said.used, "deleted or replaced while in use", 32));
        buf_clear(&said);
    }
}

static void test_status_does_not_take_a_lost_catalogue_for_a_new_root(void **state)
{
    (void)state;
    receive_two();
    world_stop(&w);
    support_write(support_path(w.root, "catalogue.db"), "", 0);
    expect(RUN("status"), 1, "catalogue.db is missing or empty, but raw/ has originals");
    assert_int_equal(unlink(support_path(w.root, "catalogue.db")), 0);
    expect(RUN("status"), 1, "catalogue.db is missing or empty, but raw/ has originals");
}

static bool is_in_trouble(struct world *unused, void *arg)
{
    struct proc_result r = RUN("status");
    bool is = memmem(buf_data(&r.out), r.out.used, "deleted or replaced", 19) != NULL;
    (void)unused;
    *(int *)arg = r.status;
    proc_clear(&r);
    return is;
}

static void test_a_catalogue_that_was_moved_away_is_noticed_and_missed(void **state)
{
    char away[512], file[512];
    int status = 0;
    (void)state;
    receive_two();
    snprintf(away, sizeof away, "%s/away.db", w.dir);
    snprintf(file, sizeof file, "%s/catalogue.db", w.root);
    assert_int_equal(rename(file, away), 0);
    world_wait(&w, is_in_trouble, &status, "a receiver that notices"); /* though nothing comes */
    assert_int_equal(status, 1);
    assert_int_equal(world_log_lines(&w, "store unavailable"), 1);
    expect(SIMULATE("--rear", PHOTO), 1, "without taking anything");
    assert_int_equal(rename(away, file), 0);
    support_wait(world_log_lines(&w, "store recovered") == 1);
    expect(SIMULATE("--rear", PHOTO), 0, "files uploaded: 1,");
    expect(RUN("fsck"), 0, "3 originals");
}

/* ---- cameras ---- */

static void is_whole(const char *path)
{
    struct world_rows rows;
    world_settled_rows(&w, IMEI, &rows);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.row[0].state, CATALOGUE_STORED);
    struct buf want = support_read(path), got = world_bytes(&w, &rows.row[0]);
    assert_int_equal(got.used, want.used);
    assert_memory_equal(buf_data(&got), buf_data(&want), want.used);
    buf_clear(&want);
    buf_clear(&got);
}

static void test_a_camera_that_counts_from_0_is_resumed_to_the_bit(void **state)
{
    (void)state;
    world_start(&w);
    expect(SIMULATE("--rear", CLIP, "--fault", "sync-0", "--fault", "disconnect=40"), 0,
           "files uploaded: 0,");
    struct world_rows rows;
    world_settled_rows(&w, IMEI, &rows);
    assert_int_equal(rows.row[0].state, CATALOGUE_PARTIAL);
    expect(RUN("status"), 0, "interrupted: ");
    expect(RUN("status"), 0, VIDEO " in receive");
    world_kill(&w); /* it is not in its memory alone */
    world_start(&w);
    expect(SIMULATE("--rear", CLIP, "--fault", "sync-0"), 0, "files uploaded: 1,");
    assert_int_equal(world_log_lines(&w, "resumed"), 1);
    is_whole(CLIP);
}

static void test_a_duplicate_is_logged_as_what_is_there(void **state)
{
    (void)state;
    world_start(&w);
    expect(SIMULATE("--rear", CLIP), 0, "files uploaded: 1,");
    expect(SIMULATE("--rear", CLIP), 0, "files uploaded: 1,");
    is_whole(CLIP);
    assert_int_equal(world_log_lines(&w, "msg=\"stored\" id=" VIDEO " "), 1);
    assert_int_equal(world_log_lines(&w, "msg=\"duplicate, already stored\" same_as=" VIDEO " "),
                     1);
    assert_int_equal(world_log_lines(&w, VIDEO "-2"), 0);
}

/* ---- limits ---- */

static void test_limits_that_nothing_works_with_are_refused_at_the_start(void **state)
{
    (void)state;
    expect(PROC_RUN("sh", "-c",
                    "ulimit -n 48; exec \"$0\" --root \"$1\" receive --listen 127.0.0.1:0",
                    DASHSPOOL_BINARY, w.root),
           2, "48 file descriptors are allowed, at least 80 are needed");
    expect(PROC_RUN("sh", "-c",
                    "ulimit -f 8; exec \"$0\" --root \"$1\" receive --listen 127.0.0.1:0",
                    DASHSPOOL_BINARY, w.root),
           2, "(ulimit -f unlimited, LimitFSIZE=infinity)");
    expect(PROC_RUN("sh", "-c",
                    "ulimit -f 8; exec \"$0\" --root \"$1\" import --imei " IMEI " \"$2\"",
                    DASHSPOOL_BINARY, w.root, CLIP),
           1, "(ulimit -f unlimited, LimitFSIZE=infinity)");
    expect(PROC_RUN("sh", "-c", "ulimit -f 8; exec \"$0\" --root \"$1\" work --once",
                    DASHSPOOL_BINARY, w.root),
           2, "(ulimit -f unlimited, LimitFSIZE=infinity)");
}

/* ---- lists ---- */

static void test_until_a_day_means_its_end(void **state)
{
    (void)state;
    receive_two();
    expect(RUN("list", "--since", "2024-11-29", "--until", "2024-11-29"), 0, VIDEO);
    expect(RUN("list", "--until", "2024-11-28"), 0, "");
    struct proc_result r = RUN("list", "--until", "2024-11-28");
    assert_null(memmem(buf_data(&r.out), r.out.used, IMEI, 15));
    proc_clear(&r);
    r = RUN("list", "--until", TIME); /* a time is a time */
    assert_null(memmem(buf_data(&r.out), r.out.used, IMEI, 15));
    proc_clear(&r);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_store_of_schema_6_is_read_exported_and_kept),
        T(test_an_import_of_an_earlier_version_is_no_contact_any_more),
        T(test_a_mistyped_root_is_made_by_none_but_who_brings_footage),
        T(test_a_spool_that_was_removed_is_told_and_filled_again),
        T(test_a_job_that_was_dropped_is_not_lost),
        T(test_what_was_lost_is_taken_again),
        T(test_workers_and_pages_end_when_their_catalogue_is_replaced),
        T(test_status_does_not_take_a_lost_catalogue_for_a_new_root),
        T(test_a_catalogue_that_was_moved_away_is_noticed_and_missed),
        T(test_a_camera_that_counts_from_0_is_resumed_to_the_bit),
        T(test_a_duplicate_is_logged_as_what_is_there),
        T(test_limits_that_nothing_works_with_are_refused_at_the_start),
        T(test_until_a_day_means_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
