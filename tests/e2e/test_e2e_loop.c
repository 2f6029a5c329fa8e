/* The two links of a vehicle, end to end: `simulate --avl` plays a tracker against `dashspool
 * telemetry`: its records are stored once each, whatever goes wrong on the way; and a video that is
 * asked for is sent by its camera, and shows where the vehicle was, picture by picture. */
#include "dashspool/clock.h"
#include "dashspool/records.h"
#include "dashspool/track.h"
#include "support/certs.h"
#include "support/footage.h"
#include "support/proc.h"
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND        INT64_C(1000000)
#define IMEI          "352093081452251"
#define FRONT         TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define PHOTO         TEST_SAMPLES "/photo-720p.jpg"
#define TRACK         TEST_SAMPLES "/drive.gpx"
#define RUN(...)      DASHSPOOL(v->root, __VA_ARGS__)
#define SIMULATE(...) PROC_RUN(DASHSPOOL_BINARY, "simulate", "--imei", IMEI, __VA_ARGS__)

/* Where a vehicle calls: both servers of one ROOT. */
struct place {
    char *dir;
    char root[256];
    struct proc receive, telemetry;
    char cameras[64], trackers[64]; /* addresses */
    int starts;
};

/* config: lines of [convert], then other sections. */
static void place_open(struct place *v, const char *config)
{
    char text[2000];
    if (!v->dir)
        v->dir = support_tmp_dir();
    snprintf(v->root, sizeof v->root, "%s/root", v->dir);
    snprintf(text, sizeof text,
             "[receive]\nmin_free_mib = 0\n[telemetry]\nmin_free_mib = 0\n[convert]\n%s", config);
    support_configure(v->root, text);
}

/* `at`: "" a free port. */
static struct proc begin(struct place *v, const char *stage, const char *at, char address[64])
{
    char log[600];
    snprintf(log, sizeof log, "%s/%s-%d.log", v->dir, stage, v->starts++);
    const char *const argv[] = {DASHSPOOL_BINARY,         "--root", v->root, stage, "--listen",
                                *at ? at : "127.0.0.1:0", NULL};
    struct proc p = proc_start(log, argv);
    proc_wait_for(&p, "listening on ", address, 64);
    address[strcspn(address, " ")] = '\0';
    return p;
}

static void tls_address(const struct proc *p, char address[64])
{
    char line[2000];
    proc_wait_for(p, " (TLS)", NULL, 0);
    FILE *f = fopen(p->log, "re");
    assert_non_null(f);
    *address = '\0';
    while (fgets(line, sizeof line, f))
        if (strstr(line, "(TLS)"))
            assert_int_equal(sscanf(line, "listening on %63s", address), 1);
    fclose(f);
}

static void place_close(struct place *v)
{
    support_tmp_remove(&v->dir);
}

/* So many records, each once, from the first to the last a second each. */
static void stored(struct place *v, int64_t n, int64_t first_ms)
{
    struct records *records = NULL;
    struct records_sum sum;
    struct err err;
    const struct records_query all = {
        .imei = IMEI, .from_ms = INT64_MIN, .until_ms = INT64_MAX, .event_id = RECORDS_ANY_EVENT};
    assert_ok(records_open(&records, v->root, RECORDS_READ, &err));
    assert_ok(records_count(records, &all, &sum, &err));
    assert_int_equal(sum.records, n);
    assert_int_equal(sum.oldest_ms, first_ms);
    assert_int_equal(sum.newest_ms, first_ms + (n - 1) * 1000);
    records_close(&records);
}

/* That many seconds ago, as options have it. */
static int64_t ago(int64_t s, char text[CLOCK_TEXT_ROOM])
{
    int64_t utc_us = (clock_utc_us() / SECOND - s) * SECOND;
    clock_rfc3339(utc_us, 0, text);
    return utc_us;
}

static void test_records_are_stored_once_in_spite_of_the_network(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    char begun[CLOCK_TEXT_ROOM];
    place_open(v, "");
    v->telemetry = begin(v, "telemetry", "", v->trackers);
    int64_t first_us = ago(3600, begun);
    expect_err(SIMULATE("--avl", v->trackers, "--track", TRACK, "--avl-time", begun, "--avl-stay",
                        "0", "--avl-newest-first", "--avl-batch", "40", "--avl-wait", "1",
                        "--avl-fault", "lost-each", "--avl-fault", "twice=2", "--avl-fault",
                        "cut=3", "--avl-fault", "crc=4", "--avl-fault", "pings", "--avl-fault",
                        "pieces=9"),
               0, "121 of 121");
    assert_int_equal(support_count(v->telemetry.log, "wrong CRC"), 1);
    assert_true(support_count(v->telemetry.log, "msg=\"connected\"") > 5);
    stored(v, 121, first_us / 1000);
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    place_close(v);
}

static void test_a_tracker_sleeps_and_the_server_is_killed(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    char begun[CLOCK_TEXT_ROOM], log[600];
    place_open(v, "");
    v->telemetry = begin(v, "telemetry", "", v->trackers);
    int64_t first_us = ago(3600, begun);
    snprintf(log, sizeof log, "%s/simulate.log", v->dir);
    const char *const argv[] = {
        DASHSPOOL_BINARY, "simulate", "--imei",      IMEI,    "--avl",       v->trackers,
        "--lat",          "54.7",     "--lon",       "25.25", "--avl-time",  begun,
        "--avl-for",      "59",       "--avl-batch", "2",     "--avl-fault", "sleep=3",
        "--avl-sleep",    "0.2",      "--avl-stay",  "0",     NULL};
    struct proc tracker = proc_start(log, argv);
    for (int i = 0; i < 4; i++) {
        char address[64];
        support_wait(support_count(v->telemetry.log, "msg=\"connected\"") > 1);
        assert_int_equal(proc_stop(&v->telemetry, SIGKILL), 128 + SIGKILL);
        v->telemetry = begin(v, "telemetry", v->trackers, address);
        assert_string_equal(address, v->trackers);
    }
    assert_int_equal(proc_stop(&tracker, 0), 0);
    assert_int_equal(support_count(log, "60 of 60"), 1);
    stored(v, 60, first_us / 1000);
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    place_close(v);
}

/* ---- the loop ---- */

/* The number in front of these words, in what was read from a picture; -1: none. */
static double number_before(const char *text, const char *words)
{
    const char *p = strstr(text, words);
    while (p && p > text && p[-1] == ' ')
        p--;
    const char *end = p;
    while (p && p > text && strchr("0123456789.", p[-1]))
        p--;
    return p && p < end ? strtod(p, NULL) : -1;
}

/* What a picture of the copy says is what the drive was at its time. */
static double compare(struct place *v, const char *copy, const char *at, int64_t clip_us,
                      const struct track *drive, int64_t shift_us)
{
    char text[1024];
    struct track_point p;
    footage_read_part(v->dir, copy, at, "iw:58:0:ih-58", text, sizeof text);
    int64_t utc_us = clip_us + (int64_t)(strtod(at, NULL) * 1e6) - shift_us;
    assert_int_equal(track_at(drive, utc_us, &p), TRACK_HERE);
    double kmh = number_before(text, "km/h"), lat = number_before(text, "\xc2\xb0 N");
    if (fabs(kmh - p.speed_ms * 3.6) > 2 || fabs(lat - p.lat_deg) > 0.00003 ||
        !strstr(text, "tracker"))
        fail_msg("at %s: %.1f km/h at %.5f expected, '%s' read", at, p.speed_ms * 3.6, p.lat_deg,
                 text);
    return lat + kmh * 1000;
}

static void test_what_is_asked_for_comes_and_shows_where_it_was(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    char begun[CLOCK_TEXT_ROOM], asked[CLOCK_TEXT_ROOM], name[CLOCK_TEXT_ROOM],
        day[CLOCK_DATE_ROOM];
    char id[96], copy[512], package[512];
    struct track *drive = NULL;
    struct err err;
    place_open(v, "copies = viewing,gpx\n");
    v->receive = begin(v, "receive", "", v->cameras);
    v->telemetry = begin(v, "telemetry", "", v->trackers);
    int64_t first_us = ago(300, begun), clip_us = first_us + 86 * SECOND; /* it speeds up */
    clock_rfc3339(clip_us, 0, asked);
    clock_compact(clip_us, name);
    clock_date(clip_us, day);
    snprintf(id, sizeof id, IMEI "-front-video-%s", name);
    expect(RUN("request", "video", "--imei", IMEI, "--camera", "front", "--at", asked, "--for",
               "10s", "--reason", "claim 17", "--who", "Ann"),
           0, "queued");
    expect_err(SIMULATE("--avl", v->trackers, "--to", v->cameras, "--track", TRACK, "--avl-time",
                        begun, "--front", FRONT, "--avl-fault", "halves", "--avl-fault", "twice"),
               0, "Preparing to send file from timestamp");
    assert_int_equal(proc_stop(&v->receive, SIGTERM), 0);
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    expect(RUN("requests"), 0, "fetched");
    expect(RUN("requests", "--json"), 0, id);
    expect(RUN("work", "--once"), 0, "1 job done, 0 failed");
    expect(RUN("show", id, "--custody"), 0, "claim 17");
    expect(RUN("track", id), 0, "km/h");
    snprintf(package, sizeof package, "%s/claim", v->dir);
    expect(RUN("export", id, "-o", package), 0, "1 transfer");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", package), 0, "");
    assert_true(support_entries(support_path(package, "data/telemetry")) >= 2);

    snprintf(copy, sizeof copy, "%s/archive/" IMEI "/%s/%s.viewing-DERIVED.mp4", v->root, day, id);
    assert_ok(track_load(&drive, TRACK, NULL, &err));
    int64_t shift_us = first_us - drive->point[0].utc_us;
    double early = compare(v, copy, "1.00", clip_us, drive, shift_us);
    double late = compare(v, copy, "6.00", clip_us, drive, shift_us);
    assert_true(late - early > 10000); /* 10 km/h faster, and elsewhere */
    track_free(&drive);
    place_close(v);
}

/* It says a sentence for each camera, and the first one is an answer by itself. */
static void test_an_answer_in_two_frames_is_one(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    place_open(v, "");
    v->telemetry = begin(v, "telemetry", "", v->trackers);
    expect(RUN("request", "version", "--imei", IMEI), 0, "queued");
    expect_err(SIMULATE("--avl", v->trackers, "--avl-for", "2", "--avl-rear", "3", "--avl-fault",
                        "halves"),
               0, "Front camera V1.9.3. Rear camera V1.9.3.");
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    expect(RUN("requests", "show", "1"), 0, "Front camera V1.9.3. Rear camera V1.9.3.");
    assert_int_equal(support_count(v->telemetry.log, "unexpected answer"), 0);
    place_close(v);
}

/* Footage did not wait for a file that is broken. When it is back, so are its records. */
static void test_records_that_were_put_back_are_joined_by_fsck(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    char begun[CLOCK_TEXT_ROOM], at[CLOCK_TEXT_ROOM], name[CLOCK_TEXT_ROOM], id[96];
    place_open(v, "copies = viewing\n");
    v->telemetry = begin(v, "telemetry", "", v->trackers);
    int64_t first_us = ago(300, begun), clip_us = first_us + 60 * SECOND;
    clock_rfc3339(clip_us, 0, at);
    clock_compact(clip_us, name);
    snprintf(id, sizeof id, IMEI "-front-video-%s", name);
    expect_err(
        SIMULATE("--avl", v->trackers, "--track", TRACK, "--avl-time", begun, "--avl-stay", "0"), 0,
        "121 of 121");
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    expect(PROC_RUN("env", "-C", v->root, "sh", "-ec",
                    "cp -a telemetry kept; for f in telemetry/2*.db; do echo broken >$f; done"),
           0, "");
    v->receive = begin(v, "receive", "", v->cameras);
    expect(SIMULATE("--to", v->cameras, "--front", FRONT, "--time", at), 0, "files uploaded: 1,");
    assert_int_equal(proc_stop(&v->receive, SIGTERM), 0);
    expect(RUN("work", "--once"), 0, "1 job done, 0 failed");
    expect(RUN("fsck", "--repair"), 1, "its records are not joined with footage");
    expect(RUN("track", id), 1, "");
    expect(PROC_RUN("env", "-C", v->root, "sh", "-ec", "rm -r telemetry; mv kept telemetry"), 0,
           "");
    expect(
        RUN("fsck", "--repair"), 0,
        "1 transfer joined with tracker records that were not joined; copies of 1 are made anew");
    expect(RUN("fsck", "--repair"), 0, "custody record, 1 job: no problems");
    expect(RUN("track", id), 0, "km/h");
    expect(RUN("work", "--once"), 0, "1 job done, 0 failed");
    place_close(v);
}

/* The camera was quicker: copies are made anew once, and those that a package has stay. */
static void test_records_that_come_after_the_copies_are_shown_by_new_ones(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    char begun[CLOCK_TEXT_ROOM], at[CLOCK_TEXT_ROOM], name[CLOCK_TEXT_ROOM], day[CLOCK_DATE_ROOM];
    char id[96], copy[512], anew[512], before[512], after[512];
    struct track *drive = NULL;
    struct err err;
    place_open(v, "copies = viewing\n");
    v->receive = begin(v, "receive", "", v->cameras);
    int64_t first_us = ago(300, begun), clip_us = first_us + 86 * SECOND;
    clock_rfc3339(clip_us, 0, at);
    clock_compact(clip_us, name);
    clock_date(clip_us, day);
    snprintf(id, sizeof id, IMEI "-front-video-%s", name);
    expect_err(SIMULATE("--to", v->cameras, "--front", FRONT, "--time", at, "--trigger", "crash"),
               0, "files uploaded: 1");
    assert_int_equal(proc_stop(&v->receive, SIGTERM), 0);
    expect(RUN("work", "--once"), 0, "1 job done, 0 failed");
    snprintf(before, sizeof before, "%s/before", v->dir);
    snprintf(after, sizeof after, "%s/after", v->dir);
    expect(RUN("export", id, "-o", before), 0, "1 transfer");

    v->telemetry = begin(v, "telemetry", "", v->trackers);
    expect_err(SIMULATE("--avl", v->trackers, "--track", TRACK, "--avl-time", begun, "--avl-stay",
                        "0", "--avl-trigger", "86", "--trigger", "crash"),
               0, "122 of 122");
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    expect(RUN("track", id), 0, "by the tracker's record, 0.000 s after");
    struct proc_result told = RUN("show", id, "--custody");
    const char *line = proc_out(&told);
    assert_has(line, "the tracker's account came after the copies were made");
    int joins = 0; /* once it was quiet, not with each of a dozen batches */
    while ((line = strstr(line, "\"event\":\"joined\"")) != NULL)
        joins++, line++;
    assert_in_range(joins, 1, 3);
    proc_clear(&told);
    expect(RUN("work", "--once"), 0, "1 job done, 0 failed");
    expect(RUN("work", "--once"), 0, "0 jobs done");
    snprintf(copy, sizeof copy, "%s/archive/" IMEI "/%s/%s.viewing-DERIVED.mp4", v->root, day, id);
    snprintf(anew, sizeof anew, "%s/archive/" IMEI "/%s/%s.tracker.viewing-DERIVED.mp4", v->root,
             day, id);
    assert_true(support_exists(copy));
    assert_ok(track_load(&drive, TRACK, NULL, &err));
    compare(v, anew, "6.00", clip_us, drive, first_us - drive->point[0].utc_us);
    track_free(&drive);
    expect(RUN("fsck"), 0, "no problems");
    expect(RUN("export", id, "-o", after), 0, "1 transfer");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", "--reproduce", before), 0, "no problems");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", "--reproduce", after), 0, "the same bytes");
    place_close(v);
}

/* Both links by TLS, two photos of one request, to where the request says. */
static void test_the_loop_over_tls(void **state)
{
    (void)state;
    struct place place = {0}, *v = &place;
    char config[1024], log[64];
    v->dir = support_tmp_dir();
    certs_make_ca(v->dir, "ca");
    certs_make(v->dir, "ca", "server", "IP:127.0.0.1");
    for (int i = 0, at = 0; i < 2; i++)
        at += snprintf(config + at, sizeof config - (size_t)at,
                       "[%s]\ntls_cert = %s/server.pem\ntls_key = %s/server.key\n"
                       "tls_listen = 127.0.0.1:0\n",
                       i ? "telemetry" : "receive", v->dir, v->dir);
    place_open(v, config);
    v->receive = begin(v, "receive", "", log);
    v->telemetry = begin(v, "telemetry", "", log);
    tls_address(&v->receive, v->cameras);
    tls_address(&v->telemetry, v->trackers);
    expect(RUN("request", "photo", "--imei", IMEI, "--camera", "both", "--codec", "14", "--host",
               "127.0.0.1", "--port", strrchr(v->cameras, ':') + 1),
           0, "queued");
    expect_err(SIMULATE("--avl", v->trackers, "--avl-tls", "--tls", "--tls-ca",
                        support_path(v->dir, "ca.pem"), "--photo-front", PHOTO, "--photo-rear",
                        PHOTO, "--avl-for", "2"),
               0, "files uploaded: 2,");
    expect(RUN("requests"), 0, "fetched");
    assert_true(support_count(v->receive.log, "tls=true") > 0);
    assert_true(support_count(v->telemetry.log, "tls=true") > 0);
    assert_int_equal(proc_stop(&v->receive, SIGTERM), 0);
    assert_int_equal(proc_stop(&v->telemetry, SIGTERM), 0);
    place_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_stored_once_in_spite_of_the_network),
        cmocka_unit_test(test_a_tracker_sleeps_and_the_server_is_killed),
        cmocka_unit_test(test_what_is_asked_for_comes_and_shows_where_it_was),
        cmocka_unit_test(test_an_answer_in_two_frames_is_one),
        cmocka_unit_test(test_records_that_were_put_back_are_joined_by_fsck),
        cmocka_unit_test(test_records_that_come_after_the_copies_are_shown_by_new_ones),
        cmocka_unit_test(test_the_loop_over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
