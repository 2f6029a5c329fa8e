/* The care of a ROOT by the commands that a person types, while cameras come and go. */
#include "support/world.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
    expect(RUN("backup", w.dir), 1, "ROOT is inside of ");
    expect(RUN("backup", "/etc"), 1, "neither empty nor an earlier backup");
}

/* Certificates go along, keys and tokens are named. */
static void test_a_backup_has_the_settings_and_names_what_it_may_not_have(void **state)
{
    (void)state;
    char cert[500], key[500], token[500], text[2000], to[500], other[500];
    snprintf(cert, sizeof cert, "%s/sign.pem", w.dir);
    snprintf(key, sizeof key, "%s/sign.key", w.dir);
    snprintf(token, sizeof token, "%s/token", w.dir);
    snprintf(to, sizeof to, "%s/with-settings", w.dir);
    snprintf(other, sizeof other, "%s/pipeline.d/70-other.conf", w.root);
    expect(RUN("keygen", "--cert", cert, "--key", key, "--name", "Depot"), 0, "certificate");
    support_write(token, "0123456789abcdef\n", 17);
    snprintf(text, sizeof text,
             "[export]\nsign_cert = %s\nsign_key = %s\n[serve]\ntoken_file = %s\n", cert, key,
             token);
    support_write(support_path(w.root, "pipeline.d/60-keys.conf"), text, strlen(text));
    support_write(other, "[run]\nrestart = 2 s\n", 20);
    struct proc_result r = RUN("backup", to);
    assert_has(proc_out(&r), "[export] sign_key ");
    assert_has(proc_out(&r), "[serve] token_file ");
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    assert_int_equal(support_count(support_path(to, "pipeline.d/60-keys.conf"), "sign_cert"), 1);
    assert_int_equal(support_count(support_path(to, "settings/sign_cert-sign.pem"), "BEGIN CERT"),
                     1);
    assert_int_equal(support_count(support_path(to, "settings/MISSING.txt"), key), 1);
    assert_int_equal(support_count(support_path(to, "settings/MISSING.txt"), token), 1);
    expect(PROC_RUN("grep", "-rl", "PRIVATE KEY\\|0123456789abcdef", to), 1, "");
    assert_int_equal(unlink(other), 0); /* what is no setting any more is none there */
    snprintf(other, sizeof other, "%s/elsewhere", w.dir);
    assert_int_equal(mkdir(other, 0755), 0);
    support_write(support_path(other, "80-else.conf"), "[run]\nrestart = 3 s\n", 20);
    expect(RUN("backup", to), 0, "");
    assert_false(support_exists(support_path(to, "pipeline.d/70-other.conf")));
    expect(RUN("--config", other, "backup", to), 0, "");
    assert_true(support_exists(support_path(to, "settings/pipeline.d/80-else.conf")));
    assert_int_equal(unlink(support_path(w.root, "pipeline.d/60-keys.conf")), 0);
}

static void test_a_backup_sees_through_bind_mounts(void **state)
{
    (void)state;
    static const char script[] = "mount --bind \"$1\" \"$2\" || exit 77; "
                                 "\"$0\" --root \"$1\" backup \"$2$3\"";
    char at[500], archive[500];
    snprintf(at, sizeof at, "%s/mounted", w.dir);
    snprintf(archive, sizeof archive, "%s/archive", w.root);
    assert_int_equal(mkdir(at, 0755), 0);
    struct proc_result r =
        PROC_RUN("unshare", "-m", "sh", "-c", script, DASHSPOOL_BINARY, w.root, at, "/new");
    if (r.status != 1 || !strstr(proc_err(&r), "ROOT")) {
        print_message("skipped: bind mounts are not allowed here\n");
        proc_clear(&r);
        skip();
    }
    expect_err(r, 1, "is inside of ROOT");
    expect(PROC_RUN("unshare", "-m", "sh", "-c", script, DASHSPOOL_BINARY, w.root, at, ""), 1,
           "is ROOT itself");
    expect(PROC_RUN("unshare", "-m", "sh", "-c",
                    "mount --bind \"$1/archive\" \"$2\" && \"$0\" --root \"$1\" backup \"$2\"",
                    DASHSPOOL_BINARY, w.root, at),
           1, "is in archive of ROOT itself");
}

/* As docs/operating.md has it: copied back, checked, started. */
static void test_a_store_is_restored_from_its_backup_and_goes_on(void **state)
{
    (void)state;
    char to[500], lost[500];
    snprintf(to, sizeof to, "%s/restore-from", w.dir);
    snprintf(lost, sizeof lost, "%s/lost", w.dir);
    expect(RUN("backup", to), 0, "originals");
    world_stop(&w);
    assert_int_equal(rename(w.root, lost), 0);
    expect(PROC_RUN("cp", "-a", to, w.root), 0, "");
    expect(RUN("fsck"), 0, "no problems");
    world_start(&w);
    struct buf b = support_read(PHOTO);
    char photo[500];
    snprintf(photo, sizeof photo, "%s/another.jpg", w.dir);
    support_write(photo, buf_data(&b), b.used - 3);
    buf_clear(&b);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--photo-front", photo,
               "--time", "2024-12-24T18:00:00Z"),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
    expect(RUN("fsck"), 0, "no problems");
    expect(RUN("show", VIDEO, "--custody"), 0, "received");
    expect(RUN("backup", to), 0, "1 original of today"); /* the same backup goes on */
    expect(DASHSPOOL(to, "fsck"), 0, "no problems");
    expect(DASHSPOOL(lost, "backup", to), 1, "is newer than ROOT"); /* not from the lost one */
    expect(DASHSPOOL(to, "backup", w.root), 1, "in use");           /* nor the wrong way round */
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
        cmocka_unit_test(test_a_backup_has_the_settings_and_names_what_it_may_not_have),
        cmocka_unit_test(test_a_backup_sees_through_bind_mounts),
        cmocka_unit_test(test_reindex_wants_the_receiver_to_be_stopped),
        cmocka_unit_test(test_a_lost_catalogue_is_made_anew_from_a_backup),
        cmocka_unit_test(test_a_failed_job_is_retried_or_dropped_and_then_may_go),
        cmocka_unit_test(test_sweep_tells_before_it_deletes_and_a_custody_stays),
        cmocka_unit_test(test_jobs_of_other_stages_are_cared_for),
        cmocka_unit_test(test_a_store_is_restored_from_its_backup_and_goes_on),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
