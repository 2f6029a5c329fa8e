/* A clip whose tracker tells where it was: from the records in the store to the pictures of its
 * copies, and to what says how these were made. */
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/journey.h"
#include "dashspool/recipe.h"
#include "support/footage.h"
#include "support/tracker.h"
#include "support/world.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define REAR     TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define IMEI     "352093081452251"
#define VIDEO    IMEI "-rear-video-20241129T072345Z"
#define COPY     "archive/" IMEI "/2024-11-29/" VIDEO
#define T0_MS    INT64_C(1732865025000) /* 2024-11-29T07:23:45Z, when the clip begins */
#define RUN(...) DASHSPOOL(w->root, __VA_ARGS__)

static void set_copies(const struct world *w, const char *copies)
{
    char text[200];
    snprintf(text, sizeof text, "[convert]\ncopies = %s\n", copies);
    support_write(support_path(w->root, "pipeline.d/60-copies.conf"), text, strlen(text));
}

static void set_up_world(struct world *w, const char *lat, const char *lon)
{
    world_open(w, DASHSPOOL_BINARY, "");
    set_copies(w, "viewing,srt,gpx");
    world_start(w);
    expect(RUN("simulate", "--to", world_address(w->port), "--imei", IMEI, "--rear", REAR, "--time",
               "2024-11-29T07:23:45Z", "--lat", lat, "--lon", lon),
           0, "files uploaded: 1,");
    world_stop(w);
}

static int says_private = -1; /* 391 of what is said from now on */
static int64_t arrives_ms = T0_MS + 3600000;

/* As the stage that holds the trackers' connections does. */
static void join_all(struct world *w)
{
    struct err err;
    struct catalogue *c = NULL;
    struct records *r = NULL;
    int joined = 0, again = 0;
    assert_ok(catalogue_open(&c, w->root, true, &err));
    assert_ok(records_open(&r, w->root, RECORDS_READ, &err));
    const struct intake_joining j = {c,    r,     w->root,       3000000,
                                     IMEI, T0_MS, T0_MS + 10000, "telemetry"};
    assert_ok(intake_join(&j, &joined, &again, &err));
    assert_int_equal(again, 1);
    records_close(&r);
    catalogue_close(&c);
}

/* Long after it, as trackers do that were out of coverage. */
static void say(struct world *w, int64_t at_ms, int32_t latitude_e7, uint16_t speed_kmh,
                uint8_t satellites)
{
    struct err err;
    struct records *records = NULL;
    struct records_done done;
    struct tracker_says says = tracker_says(T0_MS + at_ms);
    says.latitude_e7 = latitude_e7;
    says.longitude_e7 = 252000000;
    says.speed_kmh = speed_kmh;
    says.satellites = satellites;
    says.private_mode = says_private;
    struct records_new r = {.imei = IMEI, .codec = AVL_CODEC_8E, .arrived_us = arrives_ms * 1000};
    uint8_t *bytes = tracker_record(&says, &r.n);
    r.bytes = bytes;
    assert_ok(records_open(&records, w->root, RECORDS_WRITE, &err));
    assert_ok(records_put(records, &r, 1, &done, &err));
    records_close(&records);
    free(bytes);
}

struct made {
    int n;
    char track[HASH_HEX_ROOM];
};

static int keep_track(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct made *made = arg;
    struct recipe_settings s;
    (void)err;
    assert_true(recipe_settings_read(&s, copy->settings));
    if (made->n++ > 0)
        assert_string_equal(made->track, s.track_sha256);
    memcpy(made->track, s.track_sha256, sizeof made->track);
    return ERR_OK;
}

/* What the copies say that they were made with, and what the store says now. */
static void compare_track(struct world *w)
{
    struct err err;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct track *track = NULL;
    struct made made = {0};
    struct buf text;
    char sha256[HASH_HEX_ROOM];
    const struct track_label label = {.id = VIDEO, .camera = "rear", .source = "tracker"};
    assert_ok(catalogue_open(&c, w->root, true, &err));
    assert_ok(catalogue_transfer_get(c, VIDEO, &t, &err));
    assert_ok(catalogue_copy_each(c, t.key, keep_track, &made, &err));
    assert_int_equal(made.n, 4); /* and the timing */
    assert_ok(journey_track(c, &t, JOURNEY_PICTURES_US, &track, &err));
    assert_non_null(track);
    buf_init(&text, TRACK_BYTES_MAX);
    assert_ok(track_write(track, &label, TRACK_CSV, &text, &err));
    assert_ok(hash_text((const char *)buf_data(&text), text.used, sha256, &err));
    assert_string_equal(made.track, sha256);
    buf_clear(&text);
    track_free(&track);
    catalogue_close(&c);
}

static void test_each_picture_has_its_own_position_and_speed(void **state)
{
    (void)state;
    struct world world, *w = &world;
    char text[1024];
    static const struct {
        const char *at;
        const char *words[6];
    } pictures[] = {
        /* 1.0 and 3.0667 s behind the beginning, at 0.01° and 10 km/h more each second */
        {"1.00", {"07:23:45.9", "54.620", "25.200", "tracker", "60 km/h"}},
        {"3.06", {"07:23:48.0", "54.640", "25.200", "tracker", "81 km/h"}},
        {"5.50", {"07:23:50.5", "no fix", "tracker"}},
    };
    set_up_world(w, "51.5", "-0.25");
    say(w, -1000, 546000000, 40, 9);
    say(w, 4000, 546500000, 90, 9);
    say(w, 5000, 546500000, 0, 0); /* into a tunnel */
    say(w, 9000, 546500000, 0, 0);
    expect(RUN("work", "--once"), 0, "1 job done");
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        footage_read_part(w->dir, support_path(w->root, COPY ".viewing-DERIVED.mp4"),
                          pictures[i].at, "iw:58:0:ih-58", text, sizeof text);
        for (const char *const *word = pictures[i].words; *word; word++)
            if (!strstr(text, *word))
                fail_msg("'%s' is not in '%s'", *word, text);
    }
    const char *srt = support_path(w->root, COPY ".srt"), *gpx = support_path(w->root, COPY ".gpx");
    assert_int_equal(support_count(srt, "51.5"), 0); /* the camera's own single one */
    assert_true(support_count(srt, "km/h") > 3);
    assert_int_equal(support_count(gpx, "<src>tracker</src>"), 1);
    assert_int_equal(support_count(gpx, "lat=\"54.6500000\""), 1);
    compare_track(w);
    world_close(w);
}

static void test_without_records_the_cameras_position_stays(void **state)
{
    (void)state;
    struct world world, *w = &world;
    set_up_world(w, "51.5", "-0.25");
    say(w, 7200000, 546000000, 40, 9); /* two hours later */
    expect(RUN("work", "--once"), 0, "1 job done");
    const char *srt = support_path(w->root, COPY ".srt");
    assert_true(support_count(srt, "51.50000° N  0.25000° W") > 3);
    assert_int_equal(support_count(srt, "tracker"), 0);
    world_close(w);
}

/* Whom the camera told none: files for maps come with the package all the same. */
static void test_a_package_has_maps_by_the_trackers_word(void **state)
{
    (void)state;
    struct world world, *w = &world;
    set_up_world(w, "0", "0");
    say(w, -1000, 546000000, 40, 9);
    say(w, 9000, 547000000, 90, 9);
    expect(RUN("work", "--once"), 0, "1 job done");
    expect(RUN("export", VIDEO, "-o", support_path(w->dir, "case")), 0, "1 transfer");
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", "--reproduce", support_path(w->dir, "case")), 0,
           "made again from the originals: the same bytes");
    const char *kml = support_path(w->dir, "case/data/position/" VIDEO ".kml");
    assert_int_equal(support_count(kml, "25.2000000,54.6"), 2); /* both ends of the clip */
    assert_int_equal(support_count(kml, "tracker"), 1);
    const char *report = support_path(w->dir, "case/data/report.html");
    assert_int_equal(support_count(report, "What the tracker says"), 1);
    assert_int_equal(support_count(report, "class=\"map route\""), 1);
    world_close(w);
}

/* A redacted copy shows what the full one shows, unless the position is hidden. */
static void test_a_redacted_copy_moves_too_unless_it_must_not(void **state)
{
    (void)state;
    struct world world, *w = &world;
    set_up_world(w, "51.5", "-0.25");
    say(w, -1000, 546000000, 40, 9);
    say(w, 9000, 547000000, 90, 9);
    expect(RUN("work", "--once"), 0, "1 job done");
    expect(RUN("export", VIDEO, "-o", support_path(w->dir, "whole")), 0, "1 transfer");
    expect(RUN("export", VIDEO, "--mask", "0,0,100,100", "-o", support_path(w->dir, "masked")), 0,
           "1 transfer");
    const char *srt = support_path(w->dir, "masked/data/viewing/" VIDEO ".REDACTED.srt");
    assert_true(support_count(srt, "tracker") > 3);
    assert_int_equal(support_count(srt, "51.5"), 0);
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", support_path(w->dir, "masked")), 0,
           "no problems found");
    expect(RUN("export", VIDEO, "--hide", "position", "-o", support_path(w->dir, "hidden")), 0,
           "1 transfer");
    srt = support_path(w->dir, "hidden/data/viewing/" VIDEO ".REDACTED.srt");
    assert_true(support_count(srt, "position hidden") > 3);
    assert_int_equal(support_count(srt, "tracker"), 0);
    world_close(w);
}

/* Whoever records it, nobody may tell it: not in what was made before it was known, and not in the
 * words of the camera, which has its position from the tracker. */
static void test_private_mode_that_comes_later_hides_it_in_all_copies(void **state)
{
    (void)state;
    struct world world, *w = &world;
    static const char *const there[] = {".geojson", ".kml", ".gpx", ".srt", ".timing.csv"};
    set_up_world(w, "51.5", "-0.25");
    set_copies(w, "viewing,srt,gpx,kml,geojson,csv");
    expect(RUN("work", "--once"), 0, "1 job done");
    assert_true(support_count(support_path(w->root, COPY ".kml"), "51.5") > 0);
    set_copies(w, "viewing,srt"); /* and no more */
    expect(RUN("show", VIDEO), 0, "position   51.5");
    says_private = 1;
    say(w, -1000, 546000000, 40, 9);
    say(w, 9000, 547000000, 90, 9);
    says_private = -1;
    join_all(w);
    expect(RUN("work", "--once"), 0, "1 job done");
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        char name[200];
        snprintf(name, sizeof name, COPY "%s", there[i]);
        if (support_count(support_path(w->root, name), "51.5") > 0)
            fail_msg("%s tells it", name);
    }
    expect(RUN("show", VIDEO), 0, "position   hidden: its driver was in private mode");
    expect(RUN("export", VIDEO, "-o", support_path(w->dir, "case")), 0, "1 transfer");
    const char *report = support_path(w->dir, "case/data/report.html");
    assert_int_equal(support_count(report, "51.5"), 0);
    assert_int_equal(support_count(report, "private mode: it is hidden"), 1);
    expect(PROC_RUN(DASHSPOOL_BINARY, "verify", "--reproduce", support_path(w->dir, "case")), 0,
           "no problems found");
    world_close(w);
}

/* Footage is not held up by a store of records that is broken, or by what is only derived of it. */
static void test_copies_are_made_where_records_cannot_be_read(void **state)
{
    (void)state;
    static const char *const files[] = {"telemetry/2024-11-29.db", "telemetry/latest.db"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct world world, *w = &world;
        set_up_world(w, "51.5", "-0.25");
        say(w, -1000, 546000000, 40, 9);
        support_write(support_path(w->root, files[i]), "no database at all, but a text", 30);
        expect(RUN("work", "--once"), 0, "1 job done, 0 failed");
        assert_true(support_count(support_path(w->root, COPY ".srt"), i == 0 ? "51.5" : "07:23") >
                    3);
        world_close(w);
    }
}

static bool is_converted(struct world *w, void *arg)
{
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    int64_t done_us = 0;
    (void)arg;
    assert_ok(catalogue_open(&c, w->root, false, &err));
    assert_ok(catalogue_transfer_get(c, VIDEO, &t, &err));
    assert_ok(catalogue_done_get(c, t.key, "convert", &done_us, &err));
    catalogue_close(&c);
    return done_us != 0;
}

/* Its job is still there then, and takes the place of another one; it waits to hand it on. */
static void test_records_that_come_between_done_and_gone_are_shown(void **state)
{
    (void)state;
    struct world world, *w = &world;
    set_up_world(w, "51.5", "-0.25");
    set_copies(w, "srt\n[export]\nenabled = yes");
    expect(RUN("work", "--once", "--stage", "export"), 0, "0 jobs done");
    int held = open(support_path(w->root, "spool/export"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(held >= 0 && flock(held, LOCK_EX) == 0);
    struct proc worker =
        proc_start(support_path(w->dir, "work.log"),
                   (const char *const[]){DASHSPOOL_BINARY, "--root", w->root, "work", "--once",
                                         "--stage", "convert", NULL});
    world_wait(w, is_converted, NULL, "that copies are made");
    say(w, -1000, 546000000, 40, 9);
    say(w, 9000, 547000000, 90, 9);
    join_all(w);
    close(held);
    assert_int_equal(proc_stop(&worker, 0), 0);
    assert_true(support_count(support_path(w->root, COPY ".srt"), "tracker") > 3);
    world_close(w);
}

static bool is_joined(struct world *w, void *arg)
{
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct err err;
    int64_t records = 0, bytes = 0;
    assert_ok(catalogue_open(&c, w->root, false, &err));
    assert_ok(catalogue_transfer_get(c, VIDEO, &t, &err));
    assert_ok(catalogue_record_count(c, t.key, &records, &bytes, &err));
    catalogue_close(&c);
    return records == *(const int64_t *)arg;
}

/* A tracker told what it had kept for days when the power went. */
static void test_old_records_that_came_before_a_crash_are_joined_after_it(void **state)
{
    (void)state;
    struct world world, *w = &world;
    char port[64];
    int64_t both = 2;
    const int64_t day_ms = 86400000;
    set_up_world(w, "51.5", "-0.25");
    arrives_ms = T0_MS + 3 * day_ms + 1000;
    say(w, 3 * day_ms, 546000000, 40, 9); /* the newest first */
    say(w, -1000, 546000000, 40, 9);
    say(w, 9000, 547000000, 90, 9);
    arrives_ms = T0_MS + 3600000;
    set_copies(w, "srt\n[telemetry]\nlisten = 127.0.0.1:0");
    struct proc server =
        proc_start(support_path(w->dir, "telemetry.log"),
                   (const char *const[]){DASHSPOOL_BINARY, "--root", w->root, "telemetry", NULL});
    proc_wait_for(&server, "listening on 127.0.0.1:", port, sizeof port);
    world_wait(w, is_joined, &both, "that records are joined");
    assert_int_equal(proc_stop(&server, SIGTERM), 0);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_picture_has_its_own_position_and_speed),
        cmocka_unit_test(test_a_package_has_maps_by_the_trackers_word),
        cmocka_unit_test(test_a_redacted_copy_moves_too_unless_it_must_not),
        cmocka_unit_test(test_without_records_the_cameras_position_stays),
        cmocka_unit_test(test_private_mode_that_comes_later_hides_it_in_all_copies),
        cmocka_unit_test(test_copies_are_made_where_records_cannot_be_read),
        cmocka_unit_test(test_records_that_come_between_done_and_gone_are_shown),
        cmocka_unit_test(test_old_records_that_came_before_a_crash_are_joined_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
