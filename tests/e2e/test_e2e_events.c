/* Evidence packages by themselves: a receiver, cameras, workers, and what is in ROOT/packages in
 * the end, whatever is killed when. */
#include "dashspool/fsx.h"
#include "support/sql.h"
#include "support/world.h"
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define TIME  "2024-11-29T07:23:45Z"
#define NAME  IMEI "-crash-20241129T072345Z"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

/* Each package that is handed on is a line of DIR/sent. */
static void configure(const char *export)
{
    char text[2000];
    snprintf(text, sizeof text,
             "[convert]\npreset = ultrafast\n"
             "[export]\nenabled = yes\n%s\n"
             "[exec send]\nafter = export\nbackoff = 1 ms\n"
             "command = sh -c 'echo \"$0\" >>%s/sent' %%{package}\n",
             export, w.dir);
    world_configure(&w, text);
}

static int set_up(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    configure("settle = 0");
    world_start(&w);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char *to(void)
{
    return world_address(w.port);
}

/* A camera hands it over; its job is there. */
static void take(const char *side, const char *path, const char *time, const char *trigger)
{
    expect(RUN("simulate", "--to", to(), "--imei", IMEI, side, path, "--time", time, "--trigger",
               trigger),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
}

static void take_photo(const char *side, const char *time, const char *trigger)
{
    static char n;
    struct err err;
    struct buf b = support_read(PHOTO);
    assert_ok(buf_append(&b, &n, 1, &err)); /* another file each time */
    n++;
    support_write(in_dir("photo.jpg"), buf_data(&b), b.used);
    buf_clear(&b);
    take(side, in_dir("photo.jpg"), time, trigger);
}

/* What the packages are, and that nothing else lies there. */
static void assert_packages(int n)
{
    char list[4000] = "";
    glob_t found;
    if (glob(in_dir("root/packages/*"), 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s\n", found.gl_pathv[i]);
        globfree(&found);
    }
    bool there = support_exists(in_dir("root/packages"));
    if ((there ? support_entries(in_dir("root/packages")) : 0) != n)
        fail_msg("not %d packages: %s", n, list);
}

static const char *text_of(const char *name)
{
    static char text[65536];
    text[0] = '\0';
    if (!support_exists(in_dir(name)))
        return text;
    struct buf b = support_read(in_dir(name));
    snprintf(text, sizeof text, "%.*s", (int)b.used, (const char *)buf_data(&b));
    buf_clear(&b);
    return text;
}

/* The packages of DIR/sent, by their names, in order. */
static void assert_sent(const char *names)
{
    char expected[2000] = "", all[1000];
    snprintf(all, sizeof all, "%s", names);
    for (char *one = strtok(all, " "); one; one = strtok(NULL, " "))
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected),
                 "%s/packages/%s\n", w.root, one);
    assert_string_equal(text_of("sent"), expected);
}

static int masters_in(const char *package)
{
    struct proc_result r =
        PROC_RUN("unzip", "-Z1", in_dir(package), "*/data/master/*.j*", "-x", "*.json");
    int n = 0;
    for (const char *at = proc_out(&r); (at = strchr(at, '\n')) != NULL; at++)
        n++;
    proc_clear(&r);
    return n;
}

/* ---- what there is in the end ---- */

static void test_front_and_rear_of_a_crash_are_one_package(void **state)
{
    (void)state;
    take("--front", CLIP, TIME, "crash");
    take("--rear", TEST_SAMPLES "/front-20fps-10s-sound.h265", "2024-11-29T07:23:46Z", "crash");
    expect(RUN("work", "--once"), 0, "6 jobs done, 0 failed\n");
    assert_packages(1);
    expect(RUN("verify", in_dir("root/packages/" NAME ".zip")), 0, "");
    assert_sent(NAME ".zip");
    expect(RUN("show", "--custody", IMEI "-rear-video-20241129T072346Z"), 0,
           "\"package\":\"" NAME ".zip\"");
    expect(RUN("show", "--custody", IMEI "-rear-video-20241129T072346Z"), 0,
           "contained in package");
    expect(RUN("work", "--once"), 0, "0 jobs done");
    assert_packages(1);
}

/* The spool does not know any more which package it was: the custody does. */
static void test_a_package_whose_job_was_lost_is_handed_on(void **state)
{
    (void)state;
    struct err err;
    take_photo("--photo-front", TIME, "crash");
    expect(RUN("work", "--once", "--stage", "convert"), 0, "1 job done, 0 failed\n");
    world_stop(&w); /* a receiver that runs would put it again */
    assert_ok(fsx_remove_tree(in_dir("root/spool/export"), &err));
    expect(RUN("fsck"), 1, "not done by stage export, which has no job of it");
    expect(RUN("fsck", "--repair"), 0, "queued for stage export, whose job of it was lost");
    expect(RUN("work", "--once", "--stage", "export"), 0, "1 job done, 0 failed\n");
    assert_packages(1);
    assert_ok(fsx_remove_tree(in_dir("root/spool"), &err));
    expect(RUN("fsck", "--repair"), 0, "queued for stage send, whose job of it was lost");
    expect(RUN("work", "--once"), 0, "1 job done, 0 failed\n");
    assert_packages(1);
    assert_sent(NAME ".zip");
    expect(RUN("fsck"), 0, "no problems");
    world_start(&w);
}

static void test_what_is_not_asked_for_is_not_packed(void **state)
{
    (void)state;
    take_photo("--photo-front", TIME, "periodic");
    take_photo("--photo-rear", TIME, "request");
    expect(RUN("work", "--once"), 0, "no package exists for this job");
    assert_packages(0);
    assert_sent("");
}

static void test_what_comes_later_makes_a_second_package(void **state)
{
    (void)state;
    take_photo("--photo-front", TIME, "crash");
    expect(RUN("work", "--once"), 0, "3 jobs done");
    take_photo("--photo-rear", "2024-11-29T07:24:30Z", "crash");
    take_photo("--photo-rear", "2024-11-29T07:26:30Z", "crash"); /* another event */
    expect(RUN("work", "--once"), 0, "6 jobs done");
    assert_packages(3);
    assert_sent(NAME ".zip " NAME "-2.zip " IMEI "-crash-20241129T072630Z.zip");
    assert_int_equal(masters_in("root/packages/" NAME ".zip"), 1);
    assert_int_equal(masters_in("root/packages/" NAME "-2.zip"), 2);
    assert_int_equal(masters_in("root/packages/" IMEI "-crash-20241129T072630Z.zip"), 1);
}

/* ---- waiting ---- */

static void test_an_event_is_given_time_to_settle(void **state)
{
    (void)state;
    configure("settle = 1 h");
    take_photo("--photo-front", TIME, "crash");
    take_photo("--photo-rear", TIME, "crash");
    expect(RUN("work", "--once"), 0,
           "2 jobs done, 0 failed, 2 waiting for the rest of their events");
    expect(RUN("work", "--once"), 0, "0 jobs done, 0 failed\n");
    assert_packages(0);
    const char *attempt =
        text_of("root/spool/export/new/" IMEI "-front-photo-20241129T072345Z/attempt");
    assert_true(strncmp(attempt, "1\n2", 3) == 0); /* the first still, and when it is due */
}

static void test_a_worker_packs_when_the_time_has_come(void **state)
{
    (void)state;
    configure("settle = 300 ms");
    take_photo("--photo-front", TIME, "crash");
    take_photo("--photo-rear", TIME, "crash");
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", w.root, "work", NULL};
    struct proc worker = proc_start(in_dir("work.log"), argv);
    support_wait(support_exists(in_dir("root/packages/" NAME ".zip")) && text_of("sent")[0]);
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
    assert_packages(1);
    assert_sent(NAME ".zip");
    assert_int_equal(masters_in("root/packages/" NAME ".zip"), 2);
}

static void test_what_is_still_coming_in_is_waited_for(void **state)
{
    (void)state;
    take_photo("--photo-front", TIME, "crash");
    const char *const argv[] = {DASHSPOOL_BINARY, "simulate",    "--to",      to(),
                                "--imei",         IMEI,          "--rear",    CLIP,
                                "--time",         TIME,          "--trigger", "crash",
                                "--fault",        "silence=200", NULL};
    struct proc camera = proc_start(in_dir("camera.log"), argv);
    world_wait_stored(&w, IMEI, 199 * 1024);
    expect(RUN("work", "--once"), 0,
           "1 job done, 0 failed, 1 waiting for the rest of their events");
    assert_packages(0);
    assert_int_equal(proc_stop(&camera, SIGKILL), 128 + SIGKILL);
    take("--rear", CLIP, TIME, "crash");
    char attempt[700];
    snprintf(attempt, sizeof attempt, "%s",
             in_dir("root/spool/export/new/" IMEI "-front-photo-20241129T072345Z/attempt"));
    support_write(attempt, "1\n", 2); /* it is due */
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_packages(1);
    expect(RUN("verify", in_dir("root/packages/" NAME ".zip")), 0, "");
    assert_sent(NAME ".zip");
}

static void test_a_receiver_that_is_slow_to_note_its_jobs_is_not_waited_for(void **state)
{
    (void)state;
    world_stop(&w);
    world_configure(&w, "commit_ms = 60000\n[export]\nenabled = yes\nsettle = 0\n");
    world_start(&w);
    take_photo("--photo-front", TIME, "crash");
    take_photo("--photo-rear", TIME, "crash");
    expect(RUN("work", "--once"), 0, "4 jobs done, 0 failed\n");
    struct world_rows rows;
    world_rows(&w, IMEI, &rows);
    assert_int_equal(rows.n, 2);
    assert_false(rows.row[0].published && rows.row[1].published);
    assert_packages(1);
    assert_int_equal(masters_in("root/packages/" NAME ".zip"), 2);
}

static bool all_published(struct world *world, void *arg)
{
    (void)arg;
    struct world_rows rows;
    world_rows(world, IMEI, &rows);
    for (int i = 0; i < rows.n; i++)
        if (!rows.row[i].published)
            return false;
    return true;
}

static void test_what_has_no_job_yet_is_waited_for(void **state)
{
    (void)state;
    static const char job[] = "root/spool/convert/new/" IMEI "-rear-photo-20241129T072345Z";
    take_photo("--photo-front", TIME, "crash");
    take_photo("--photo-rear", TIME, "crash");
    world_wait(&w, all_published, NULL, "noted as published");
    world_kill(&w);
    assert_int_equal(sql_run(in_dir("root/catalogue.db"),
                             "UPDATE transfer SET published = 0 WHERE camera = 'rear';"
                             "SELECT changes()"),
                     1);
    assert_int_equal(rename(in_dir(job), in_dir("job")), 0);
    expect(RUN("work", "--once"), 0,
           "1 job done, 0 failed, 1 waiting for the rest of their events");
    assert_packages(0);
    assert_int_equal(rename(in_dir("job"), in_dir(job)), 0);
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_packages(1);
    assert_int_equal(masters_in("root/packages/" NAME ".zip"), 2);
}

static void test_a_clip_that_broke_off_is_packed_as_it_is_and_again_when_it_is_whole(void **state)
{
    (void)state;
    take_photo("--photo-front", TIME, "crash");
    expect(RUN("simulate", "--to", to(), "--imei", IMEI, "--rear", CLIP, "--time", TIME,
               "--trigger", "crash", "--fault", "disconnect=300"),
           0, "files uploaded: 0,");
    struct world_rows rows;
    world_settled_rows(&w, IMEI, &rows);
    expect(RUN("work", "--once"), 0, "3 jobs done");
    assert_packages(1);
    take("--rear", CLIP, TIME, "crash");
    expect(RUN("work", "--once"), 0, "3 jobs done");
    assert_packages(2);
    assert_sent(NAME ".zip " NAME "-2.zip");
    expect(RUN("verify", in_dir("root/packages/" NAME "-2.zip")), 0, "");
}

/* ---- trouble ---- */

static void test_a_package_that_cannot_be_made_says_why(void **state)
{
    (void)state;
    take_photo("--photo-front", TIME, "crash");
    expect(RUN("work", "--once", "--stage", "convert"), 0, "1 job done");
    support_write(in_dir("root/archive/" IMEI "/2024-11-29/" IMEI
                         "-front-photo-20241129T072345Z.still-DERIVED.jpg"),
                  "other", 5);
    expect(RUN("work", "--once"), 1, "1 failed");
    assert_has(text_of("root/spool/export/failed/" IMEI "-front-photo-20241129T072345Z/reason.txt"),
               "was changed (made with");
    assert_packages(0);
    assert_sent("");
}

static void test_a_job_that_failed_may_be_tried_again_otherwise(void **state)
{
    (void)state;
    char text[900];
    support_write(in_dir("file"), "x", 1);
    snprintf(text, sizeof text, "settle = 0\ndir = %s", in_dir("file/packages"));
    configure(text);
    take_photo("--photo-front", TIME, "crash");
    expect(RUN("work", "--once"), 1, "file exists, but is not a directory; move it away");
    configure("settle = 0\nformat = folder");
    /* Who names no stage hears of it, too; only convert's own are touched. */
    static const char *const told[] = {"stage convert: no jobs failed",
                                       "stage export: 1 job failed; see 'dashspool retry --stage"};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        expect(RUN("retry"), 0, told[i]);
        expect(RUN("retry", "--all"), 0, told[i]);
    }
    expect(RUN("drop"), 0, "stage export: 1 job failed; see 'dashspool drop --stage export'");
    expect(RUN("release"), 0, "stage convert: no jobs in progress");
    expect(RUN("retry", "--stage", "convert"), 0, "stage convert: no jobs failed\n");
    expect(RUN("retry", "--stage", "export", "--all"), 0, "requeued");
    expect(RUN("work", "--once"), 0, "2 jobs done");
    assert_packages(1);
    assert_sent(NAME);
    expect(RUN("verify", in_dir("root/packages/" NAME)), 0, "");
}

static void test_wherever_a_worker_is_killed_there_is_one_whole_package(void **state)
{
    (void)state;
    const char *const argv[] = {DASHSPOOL_BINARY, "--root",  w.root,   "work",
                                "--once",         "--stage", "export", NULL};
    uint64_t seed = support_seed(0);
    int kills = 0, at_work = 0;
    configure("settle = 0\nretries = 1000");
    for (int event = 0; event < 12; event++) {
        char time[32], base[80], id[120];
        snprintf(time, sizeof time, "2024-11-29T%02d:00:00Z", event);
        snprintf(base, sizeof base, IMEI "-crash-20241129T%02d0000Z", event);
        take_photo("--photo-front", time, "crash");
        take_photo("--photo-rear", time, "crash");
        expect(RUN("work", "--once", "--stage", "convert"), 0, "2 jobs done");
        struct proc_killer k = proc_killer(seed + 83 * (uint64_t)event, 50);
        while (proc_kill_later(&k, in_dir("work.log"), argv))
            at_work += support_entries_like(in_dir("root/spool/export/cur/")) > 0;
        kills += k.killed;
        expect(RUN("work", "--once"), 0, "0 failed\n");
        assert_packages(event + 1);
        snprintf(id, sizeof id, "root/packages/%s.zip", base);
        expect(RUN("verify", in_dir(id)), 0, "");
        assert_int_equal(masters_in(id), 2);
    }
    printf("%d kills, %d of them while it had a job\n", kills, at_work);
    assert_true(kills >= 12 && at_work >= 1);
    char sent[2000] = "";
    for (int event = 0; event < 12; event++)
        snprintf(sent + strlen(sent), sizeof sent - strlen(sent),
                 IMEI "-crash-20241129T%02d0000Z.zip ", event);
    assert_sent(sent);
    assert_int_equal(support_entries_like(in_dir("root/.complete-")), 0);
}

static void test_several_workers_make_one_package(void **state)
{
    (void)state;
    static const char *const sides[] = {"--photo-front", "--photo-rear"};
    for (int i = 0; i < 8; i++) {
        char time[32];
        snprintf(time, sizeof time, "2024-11-29T07:23:%02dZ", 45 + i / 2);
        take_photo(sides[i % 2], time, "crash");
    }
    expect(RUN("work", "--once", "--stage", "convert"), 0, "8 jobs done");
    expect(RUN("work", "--once", "--workers", "4"), 0, "0 failed");
    for (int i = 0; i < 8; i++) { /* those that met somebody else at it */
        char attempt[200];
        snprintf(attempt, sizeof attempt,
                 "root/spool/export/new/" IMEI "-%s-photo-20241129T0723%dZ",
                 i % 2 ? "rear" : "front", 45 + i / 2);
        if (!support_exists(in_dir(attempt)))
            continue;
        strncat(attempt, "/attempt", sizeof attempt - strlen(attempt) - 1);
        support_write(in_dir(attempt), "1\n", 2);
    }
    expect(RUN("work", "--once"), 0, "0 failed\n");
    assert_packages(1);
    assert_sent(NAME ".zip");
    assert_int_equal(masters_in("root/packages/" NAME ".zip"), 8);
}

/* A fact that was moved: no package, no attempt more, and whoever looks is told what to do; then it
 * is made. */
static void test_a_moved_fact_fails_its_package_and_says_what_to_do(void **state)
{
    (void)state;
    take_photo("--photo-front", TIME, "crash");
    expect(RUN("work", "--once", "--stage", "convert"), 0, "");
    sql_change(in_dir("root/catalogue.db"), "UPDATE transfer SET time_us = time_us - 60000000");
    expect(RUN("work", "--once", "--stage", "export"), 1, "1 failed");
    assert_packages(0);
    expect(RUN("work", "--once", "--stage", "export"), 0, "0 jobs"); /* not tried again */
    static const char *const says[] = {"time: the catalogue says 2024-11-29T07:22:45",
                                       "'fsck --repair' restores them", "'export --as-found'"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        expect(RUN("status"), 1, says[i]);
        expect(RUN("retry", "--stage", "export"), 0, says[i]);
    }
    expect(RUN("status"), 1, "retry --stage export");
    expect(RUN("fsck", "--quick"), 1, "time: the catalogue says 2024-11-29T07:22:45");
    expect(RUN("fsck", "--quick", "--repair"), 0, "1 transfer repaired");
    expect(RUN("retry", "--stage", "export", "--all"), 0, "requeued");
    expect(RUN("work", "--once"), 0, "");
    assert_packages(1);
    assert_sent(NAME ".zip");
    expect(RUN("verify", in_dir("root/packages/" NAME ".zip")), 0, "no problems found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        E2E(test_front_and_rear_of_a_crash_are_one_package),
        E2E(test_a_package_whose_job_was_lost_is_handed_on),
        E2E(test_what_is_not_asked_for_is_not_packed),
        E2E(test_what_comes_later_makes_a_second_package),
        E2E(test_an_event_is_given_time_to_settle),
        E2E(test_a_worker_packs_when_the_time_has_come),
        E2E(test_what_is_still_coming_in_is_waited_for),
        E2E(test_a_receiver_that_is_slow_to_note_its_jobs_is_not_waited_for),
        E2E(test_what_has_no_job_yet_is_waited_for),
        E2E(test_a_clip_that_broke_off_is_packed_as_it_is_and_again_when_it_is_whole),
        E2E(test_a_package_that_cannot_be_made_says_why),
        E2E(test_a_job_that_failed_may_be_tried_again_otherwise),
        E2E(test_wherever_a_worker_is_killed_there_is_one_whole_package),
        E2E(test_several_workers_make_one_package),
        E2E(test_a_moved_fact_fails_its_package_and_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
