/* The care of a ROOT by the commands that a person types, while cameras come and go. */
#include "support/world.h"
#include <stdio.h>
#include <unistd.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define FRONT TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define VIDEO IMEI "-rear-video-20241129T072345Z"
#define STILL IMEI "-front-photo-20241129T072345Z"

static struct world w;
static char backup[400];

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static int make_store(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    world_start(&w);
    snprintf(backup, sizeof backup, "%s/backup", w.dir);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", CLIP,
               "--photo-front", PHOTO, "--time", "2024-11-29T07:23:45Z", "--lat", "54.7", "--lon",
               "25.25"),
           0, "files uploaded: 2,");
    world_wait_jobs(&w);
    expect(RUN("work", "--once"), 0, "2 jobs done");
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void test_fsck_says_that_all_is_well_while_a_receiver_runs(void **state)
{
    (void)state;
    expect(RUN("fsck"), 0, "2 originals, 4 copies, 2 custody records, 0 jobs: no problems");
    expect(RUN("fsck", "--quick", "--json"), 0, "\"ok\": true");
}

static void test_whoever_is_shown_the_original_is_in_the_custody(void **state)
{
    (void)state;
    struct proc_result r = RUN("cat", STILL);
    assert_int_equal(r.status, 0);
    assert_true(r.out.used > 100000);
    proc_clear(&r);
    expect(RUN("show", STILL, "--custody"), 0, "\"event\":\"shown\"");
    r = PROC_RUN("sh", "-c", "\"$0\" --root \"$1\" cat \"$2\" | head -c 1", DASHSPOOL_BINARY,
                 w.root, VIDEO);
    assert_int_equal(r.out.used, 1);
    proc_clear(&r);
    expect(RUN("show", VIDEO, "--custody"), 0, "\"event\":\"shown\"");
}

static void test_a_package_protects_what_it_contains(void **state)
{
    (void)state;
    char path[500];
    snprintf(path, sizeof path, "%s/without", w.dir);
    expect(RUN("export", STILL, "-o", path, "--as-is", "--no-protect"), 0, "without: 1 transfer");
    expect(RUN("protect", "--release", STILL), 0, "was not protected");
    snprintf(path, sizeof path, "%s/case-17", w.dir);
    expect(RUN("export", STILL, "-o", path, "--as-is"), 0, "case-17: 1 transfer");
    expect(RUN("show", STILL), 0, "contained in package case-17");
    expect(RUN("protect", "--list"), 0, STILL);
    expect(RUN("protect", VIDEO, "--reason", "claim 18", "--who", "a clerk"), 0, "protected");
    expect(RUN("show", VIDEO, "--custody"), 0, "\"who\":\"a clerk\"");
    expect(RUN("protect", "--release", VIDEO), 0, "released");
    expect(RUN("protect", VIDEO), 2, "--reason");
    expect(RUN("protect", "nobody", "--reason", "x"), 1, "no such transfer: nobody");
}

static void test_a_backup_of_a_running_store_is_one_of_its_own(void **state)
{
    (void)state;
    expect(RUN("backup", backup), 0, "2 originals of today and yesterday, 4 copies");
    expect(DASHSPOOL(backup, "fsck"), 0,
           "2 originals, 4 copies, 2 custody records, 0 jobs: no problems");
    expect(RUN("backup", backup), 0, "0 originals of today and yesterday, 0 copies");
    expect(RUN("backup", w.dir), 1, "neither empty nor an earlier backup");
}

static void test_reindex_wants_the_receiver_to_be_stopped(void **state)
{
    (void)state;
    expect(RUN("reindex"), 1, "is in use by a receiver");
}

static void test_a_lost_catalogue_is_made_anew_from_a_backup(void **state)
{
    (void)state;
    char path[500];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/catalogue.db%s", backup, ends[i]);
        unlink(path);
    }
    expect(DASHSPOOL(backup, "fsck"), 1, "run 'dashspool reindex' to rebuild it");
    expect(DASHSPOOL(backup, "status"), 1, "catalogue.db is missing");
    expect_err(DASHSPOOL(backup, "run"), 1, "catalogue.db is missing");
    expect_err(DASHSPOOL(backup, "work"), 1, "catalogue.db is missing");
    snprintf(path, sizeof path, "%s/catalogue.db", backup);
    assert_false(support_exists(path)); /* none of them makes a new one */
    expect(DASHSPOOL(backup, "reindex"), 0, "2 originals (0 with facts from the old catalogue)");
    expect(DASHSPOOL(backup, "fsck"), 0, "no problems");
    expect(DASHSPOOL(backup, "show", VIDEO), 0, "2024-11-29T07:23:45.000Z");
    expect(DASHSPOOL(backup, "show", VIDEO, "--custody"), 0, "\"event\":\"reindexed\"");
    snprintf(path, sizeof path, "%s/again", w.dir);
    expect(DASHSPOOL(backup, "export", VIDEO, "-o", path, "--as-is"), 0, "1 transfer");
    expect(RUN("verify", path), 0, "");
}

static void test_a_failed_job_is_retried_or_dropped_and_then_may_go(void **state)
{
    (void)state;
    char bad[500];
    static const char garbage[] = "this is no footage at all, whatever its name says";
    const char *id = IMEI "-rear-video-20241130T080000Z";
    snprintf(bad, sizeof bad, "%s/bad.h265", w.dir);
    support_write(bad, garbage, sizeof garbage);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", bad, "--time",
               "2024-11-30T08:00:00Z"),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
    expect(RUN("work", "--once"), 1, "1 failed");
    expect(RUN("retry"), 0, id);
    expect(RUN("retry", "--all"), 0, "requeued");
    expect(RUN("work", "--once"), 1, "1 failed");
    expect(RUN("release", id), 1, "no job");
    expect(RUN("drop", id, "--reason", "no footage"), 0, "dropped; the original is kept");
    expect(RUN("show", id, "--custody"), 0, "\"event\":\"dropped\"");
    expect(RUN("drop", id), 1, "failed");
    expect(RUN("status"), 0, "0 failed");
}

static void test_sweep_tells_before_it_deletes_and_a_custody_stays(void **state)
{
    (void)state;
    char dir[400], conf[500];
    static const char rules[] = "[retention]\nmasters = video 1MB\n", bad[] =
                                                                          "[retention]\n"
                                                                          "masters = video 1q\n";
    snprintf(dir, sizeof dir, "%s/conf.d", w.dir);
    snprintf(conf, sizeof conf, "%s/40-retention.conf", dir);
    expect(PROC_RUN("mkdir", dir), 0, "");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--front", FRONT,
               "--time", "2024-12-01T08:00:00Z"),
           0, "files uploaded: 1,");
    expect(RUN("sweep"), 0, "0 originals, 0 copies, 0 failed jobs deleted");
    support_write(conf, bad, sizeof bad - 1);
    expect(RUN("--config", dir, "sweep"), 2, "'1q' is not valid in this rule");
    support_write(conf, rules, sizeof rules - 1);
    expect(RUN("--config", dir, "sweep", "--dry-run"), 0, "would delete master " VIDEO);
    expect(RUN("show", VIDEO), 0, "stored");
    /* the first, and the one that was given up; that which came last waits for its conversion */
    expect(RUN("--config", dir, "sweep"), 0, "2 originals, 0 copies, 0 failed jobs deleted");
    expect(RUN("--config", dir, "sweep"), 0, "1 not converted yet");
    expect(RUN("show", VIDEO), 1, "was deleted");
    expect(RUN("show", VIDEO, "--custody"), 0, "\"event\":\"deleted\"");
    expect(RUN("fsck"), 0, "no problems");
    expect(RUN("list"), 0, STILL);
}

/* Stages of commands, too; and those that are in the settings no more. */
static void test_jobs_of_other_stages_are_cared_for(void **state)
{
    (void)state;
    char dir[400], conf[500];
    static const char settings[] = "[exec send]\ncommand = false\n";
    const char *id = IMEI "-front-video-20241201T080000Z";
    snprintf(dir, sizeof dir, "%s/conf.d", w.dir);
    snprintf(conf, sizeof conf, "%s/40-retention.conf", dir);
    support_write(conf, settings, sizeof settings - 1);
    expect(RUN("--config", dir, "work", "--once"), 1, "1 failed");
    expect(RUN("--config", dir, "fsck"), 0, "1 job: no problems");
    expect(RUN("--config", dir, "sweep"), 0, "0 failed jobs deleted");
    expect(RUN("fsck"), 1,
           "spool/send: 1 job of a stage that is not in the settings: nothing processes them");
    expect(RUN("sweep"), 0, "spool/send: a stage that the settings do not have");
    expect(RUN("drop", "--stage", "send", id), 0, "dropped");
    expect(RUN("show", id, "--custody"), 0, "\"stage\":\"send\"");
    expect(RUN("fsck"), 0, "0 jobs: no problems");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fsck_says_that_all_is_well_while_a_receiver_runs),
        cmocka_unit_test(test_whoever_is_shown_the_original_is_in_the_custody),
        cmocka_unit_test(test_a_package_protects_what_it_contains),
        cmocka_unit_test(test_a_backup_of_a_running_store_is_one_of_its_own),
        cmocka_unit_test(test_reindex_wants_the_receiver_to_be_stopped),
        cmocka_unit_test(test_a_lost_catalogue_is_made_anew_from_a_backup),
        cmocka_unit_test(test_a_failed_job_is_retried_or_dropped_and_then_may_go),
        cmocka_unit_test(test_sweep_tells_before_it_deletes_and_a_custody_stays),
        cmocka_unit_test(test_jobs_of_other_stages_are_cared_for),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
