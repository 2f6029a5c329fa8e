#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "footage/media/timing.h"
#include "support/support.h"
#include <stdlib.h>
#include <string.h>

static struct media_timing vote(struct timing_facts f)
{
    struct media_timing t;
    timing_select(&f, &t);
    return t;
}

static void test_the_best_source_wins(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 300, .default_fps = 25};
    assert_int_equal(vote(f).chosen, MEDIA_SOURCE_DEFAULT);
    f.stream_fps = 30;
    assert_int_equal(vote(f).chosen, MEDIA_SOURCE_STREAM);
    f.length_s = 20;
    assert_int_equal(vote(f).chosen, MEDIA_SOURCE_LENGTH);
    assert_true(vote(f).fps[MEDIA_SOURCE_LENGTH] == 15);
    f.person_fps = 15;
    assert_int_equal(vote(f).chosen, MEDIA_SOURCE_PERSON);
    f.meta_fps = 15;
    assert_int_equal(vote(f).chosen, MEDIA_SOURCE_META);
    f.has_ptmf = true, f.first_us = 5000000, f.last_us = 24933333;
    assert_int_equal(vote(f).chosen, MEDIA_SOURCE_PTMF);
}

static void test_two_percent_is_the_limit_of_agreement(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 10, .meta_fps = 20, .default_fps = 99};
    assert_false(vote(f).disagree); /* the default is no witness */
    f.stream_fps = 20.39;
    assert_false(vote(f).disagree);
    f.stream_fps = 20.41;
    assert_true(vote(f).disagree);
}

static void test_nonsense_says_nothing(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 10, .meta_fps = -3, .person_fps = 1e9};
    struct media_timing t = vote(f);
    assert_int_equal(t.chosen, MEDIA_SOURCE_DEFAULT);
    assert_true(t.fps[MEDIA_SOURCE_DEFAULT] == 25);
    f.has_ptmf = true; /* one picture: no span, no rate */
    assert_true(vote(f).fps[MEDIA_SOURCE_PTMF] == 0);
}

static void test_constant_times_do_not_drift(void **state)
{
    (void)state;
    assert_int_equal(timing_constant_us(0, 25), 0);
    assert_int_equal(timing_constant_us(500, 25), 20000000);
    assert_int_equal(timing_constant_us(1, 30), 33333);
    assert_int_equal(timing_constant_us(90000, 30), INT64_C(3000000000));
}

static void reads(struct timing_facts f, const char *sources, const char *dispute)
{
    char text[256], against[MEDIA_DISPUTE_ROOM];
    struct media_timing t = vote(f);
    media_timing_text(&t, text, sizeof text);
    assert_string_equal(text, sources);
    media_timing_dispute(&t, against);
    assert_string_equal(against, dispute);
    assert_int_equal(t.disagree, dispute[0] != '\0');
}

static void test_a_vote_reads_as_a_line(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 150, .meta_fps = 20, .default_fps = 25, .length_s = 10};
    f.has_ptmf = true, f.last_us = 5967000;
    reads(f, "capture times 24.971, metadata rate 20, pictures over length 15",
          "Announced 10 s at 20/s, holds 6.0 s at 24.97/s");
    f.header_fps = 20; /* the same claim, from the same camera */
    reads(f, "capture times 24.971, metadata rate 20, header rate 20, pictures over length 15",
          "Announced 10 s at 20/s, holds 6.0 s at 24.97/s");
    f.meta_fps = 0, f.length_s = 0, f.stream_fps = 20;
    reads(f, "capture times 24.971, header rate 20, stream rate 20",
          "The record headers and the stream say 20/s, holds 6.0 s at 24.97/s");
    f.stream_fps = 30, f.person_fps = 24.9;
    reads(f, "capture times 24.971, header rate 20, given rate 24.9, stream rate 30",
          "The record headers say 20/s, the stream says 30/s, holds 6.0 s at 24.97/s");
    f = (struct timing_facts){.pictures = 150, .person_fps = 40, .has_ptmf = true};
    f.last_us = 5967000;
    reads(f, "capture times 24.971, given rate 40", "Given as 40/s, holds 6.0 s at 24.97/s");
    f = (struct timing_facts){.pictures = 150, .meta_fps = 20, .stream_fps = 30};
    reads(f, "metadata rate 20, stream rate 30",
          "The stream says 30/s, taken as 20/s (metadata rate)");
    reads((struct timing_facts){.pictures = 10, .default_fps = 25}, "default rate 25", "");
    f = (struct timing_facts){.pictures = 65, .length_s = 3, .has_ptmf = true, .default_fps = 99};
    f.last_us = 2560000; /* whole seconds: 2.6 s are 3 s, and no contradiction */
    reads(f, "capture times 25, pictures over length 21.667", "");
    for (int k = 0; k <= MEDIA_N_SOURCES; k++) {
        bool none = k == MEDIA_N_SOURCES;
        assert_true(!strcmp(media_source_name((enum media_source)k), "unknown") == none);
        assert_true(!strcmp(timing_source_text((enum media_source)k), "unknown") == none);
    }
}

/* ---- can these be the times of a camera? ---- */

static struct timing_clock judged(int n, double step_us, double header, double stream)
{
    int64_t t[200];
    struct timing_clock clock;
    struct err err;
    for (int i = 0; i < n; i++)
        t[i] = 106572394 + (int64_t)(i * step_us + (step_us > 0 ? 0.5 : -0.5));
    assert_ok(timing_judge_clock(t, n, header, stream, &clock, &err));
    return clock;
}

static void test_a_clock_in_another_unit_is_named(void **state)
{
    (void)state;
    static const struct {
        double step_us, header, stream;
        const char *unit; /* NULL: believed; "": not believed, and nobody knows why */
    } all[] = {
        {40000, 25, 25, NULL},
        {66667, 30, 30, NULL}, /* slower than header and stream say: it is the camera that is */
        {66667, 30, 0, NULL},
        {8333, 120, 0, NULL},
        {1000000, 25, 0, NULL},
        {40, 25, 25, "milliseconds"},
        {40, 0, 25, "milliseconds"},
        {33, 30, 0, "milliseconds"},
        {3600, 25, 25, "ticks of a 90 kHz clock"},
        {18000, 5, 5, "ticks of a 90 kHz clock"}, /* 55.6/s would be possible */
        {18000, 5, 25, NULL},                     /* … and here only the header is against it */
        {40e6, 25, 25, "nanoseconds"},
        {0.04, 25, 25, "seconds"},
        {8000, 25, 25, ""}, /* 125/s */
        {2e6, 25, 25, ""},
        {40, 0, 0, ""},
        {0, 25, 25, ""},
        {-40000, 25, 25, ""},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct timing_clock c = judged(100, all[i].step_us, all[i].header, all[i].stream);
        if (c.usable != !all[i].unit || (c.unit && strcmp(c.unit, all[i].unit) != 0) ||
            (!c.unit && all[i].unit && all[i].unit[0]))
            fail_msg("case %zu: %d, %s, %g/s", i, c.usable, c.unit ? c.unit : "-", c.fps);
    }
    assert_true(judged(1, 40, 25, 25).usable);
    assert_true(judged(3, 5e6, 25, 25).usable); /* a gap or two, and nothing else */
}

#define N_TIMES 12
static const struct {
    const char *what;
    int n;
    int64_t step_us, changed, first;
    enum timing_anomaly kind;
    int64_t given[N_TIMES], wanted[N_TIMES];
    int64_t unit_us; /* of all the times; 0: 1000 */
} clocks[] = {
    {"jitter and a gap of a minute",
     5,
     33,
     0,
     -1,
     TIMING_SANE,
     {10, 43, 110, 143, 60143},
     {10, 43, 110, 143, 60143}},
    {"one behind", 5, 40, 1, 2, TIMING_STRAYED, {0, 40, 30, 120, 160}, {0, 40, 80, 120, 160}},
    {"one ahead", 5, 40, 1, 2, TIMING_STRAYED, {0, 40, 200, 120, 160}, {0, 40, 80, 120, 160}},
    {"equal", 5, 40, 1, 2, TIMING_STRAYED, {0, 40, 40, 120, 160}, {0, 40, 80, 120, 160}},
    {"equal at the end", 3, 40, 1, 2, TIMING_JUMPED, {0, 40, 40}, {0, 40, 80}},
    {"two swapped", 5, 40, 1, 3, TIMING_STRAYED, {0, 40, 120, 80, 160}, {0, 40, 120, 140, 160}},
    {"one nonsense",
     5,
     40,
     1,
     2,
     TIMING_STRAYED,
     {0, 40, INT64_C(1) << 51, 120, 160},
     {0, 40, 80, 120, 160}},
    {"two nonsense in a row",
     6,
     40,
     2,
     2,
     TIMING_STRAYED,
     {0, 40, INT64_C(1) << 51, 7, 170, 210},
     {0, 40, 80, 120, 170, 210}},
    {"no room for whole steps",
     5,
     40,
     2,
     2,
     TIMING_STRAYED,
     {0, 40, -5, -9, 100},
     {0, 40, 60, 80, 100}},
    {"the first is nonsense",
     4,
     40,
     1,
     1,
     TIMING_JUMPED,
     {INT64_C(1) << 40, 40, 90, 120},
     {INT64_C(1) << 40, (INT64_C(1) << 40) + 40, (INT64_C(1) << 40) + 90,
      (INT64_C(1) << 40) + 120}},
    {"32 bits wrap within a gap",
     5,
     40000,
     1,
     3,
     TIMING_WRAPPED,
     {4294867200, 4294900200, 4294957200, 23000, 53000},
     {4294867200, 4294900200, 4294957200, 4294990296, 4295020296},
     1},
    {"a microsecond only",
     5,
     40000,
     1,
     2,
     TIMING_STRAYED,
     {0, 40000, 40001, 119999, 160000},
     {0, 40000, 79999, 119999, 160000},
     1},
    {"less than a millisecond, twice",
     6,
     40000,
     2,
     2,
     TIMING_STRAYED,
     {0, 40000, 40005, 40999, 160000, 200000},
     {0, 40000, 80000, 120000, 160000, 200000},
     1},
    {"a millisecond stays",
     4,
     40000,
     0,
     -1,
     TIMING_SANE,
     {0, 40000, 41000, 80000},
     {0, 40000, 41000, 80000},
     1},
    {"jumps back for good",
     7,
     40,
     1,
     3,
     TIMING_JUMPED,
     {500, 540, 580, 100, 133, 200, 240},
     {500, 540, 580, 620, 653, 720, 760}},
    {"jumps back by a little",
     8,
     40,
     1,
     4,
     TIMING_JUMPED,
     {0, 40, 80, 120, 20, 60, 100, 140},
     {0, 40, 80, 120, 160, 200, 240, 280}},
    {"jumps ahead for good",
     6,
     40,
     1,
     2,
     TIMING_JUMPED,
     {0, 40, 61000000, 61000033, 61000100, 61000140},
     {0, 40, 80, 113, 180, 220}},
    {"ahead for three pictures and back",
     8,
     40,
     3,
     2,
     TIMING_STRAYED,
     {0, 40, 10080, 10120, 10160, 200, 240, 280},
     {0, 40, 80, 120, 160, 200, 240, 280}},
    {"back for three pictures",
     8,
     40,
     3,
     2,
     TIMING_STRAYED,
     {1000, 1040, 80, 120, 160, 1200, 1240, 1280},
     {1000, 1040, 1080, 1120, 1160, 1200, 1240, 1280}},
};

static void test_a_clock_is_repaired_with_the_least_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        int64_t t[N_TIMES], unit_us = clocks[i].unit_us ? clocks[i].unit_us : 1000;
        uint8_t kind[N_TIMES];
        for (int k = 0; k < clocks[i].n; k++)
            t[k] = clocks[i].given[k] * unit_us;
        struct timing_repair r = timing_repair(t, clocks[i].n, clocks[i].step_us * unit_us, kind);
        if (r.first >= 0)
            assert_int_equal(kind[r.first], r.kind);
        for (int k = 0; k < clocks[i].n; k++)
            if (t[k] != clocks[i].wanted[k] * unit_us)
                fail_msg("%s: time %d is %lld, not %lld", clocks[i].what, k, (long long)t[k],
                         (long long)(clocks[i].wanted[k] * unit_us));
        if (r.changed != clocks[i].changed || r.first != clocks[i].first ||
            r.kind != clocks[i].kind)
            fail_msg("%s: %d changed, first %d, kind %d", clocks[i].what, (int)r.changed,
                     (int)r.first, (int)r.kind);
        assert_int_equal(timing_repair(t, clocks[i].n, clocks[i].step_us * unit_us, NULL).changed,
                         0);
    }
}

static void test_any_clock_becomes_monotonic(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 2000; round++) {
        int64_t t[50];
        for (int i = 0; i < 50; i++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            t[i] = (int64_t)(seed >> 3 >> (seed >> 59) % 40) * (seed & 4 ? 1 : -1);
        }
        timing_repair(t, 50, round % 3 ? 40000 : 0, NULL);
        for (int i = 1; i < 50; i++)
            assert_in_range(t[i] - t[i - 1], TIMING_STEP_MIN_US, TIMING_JUMP_US);
    }
}

static void test_median_step(void **state)
{
    (void)state;
    struct err err;
    int64_t step, times[] = {0, 67000, 100000, 167000, 200000, 10000000};
    assert_ok(timing_median_step_us(times, 6, &step, &err));
    assert_int_equal(step, 67000);
    assert_ok(timing_median_step_us(times, 1, &step, &err));
    assert_int_equal(step, 0);
    int64_t wild[] = {INT64_C(1) << 50, 0, 40000, 30000, 70000, INT64_C(1) << 60};
    assert_ok(timing_median_step_us(wild, 6, &step, &err));
    assert_int_equal(step, 40000);
    assert_ok(timing_median_step_us(wild, 2, &step, &err));
    assert_int_equal(step, 0);
}

static void check_wall(const struct media_facts *f, const struct media_timing *t, int64_t offset_us,
                       double error_s, const char *why)
{
    struct media_wall w = timing_wall(f, t, 20000000, offset_us);
    assert_true(w.known);
    assert_int_equal(w.utc_us, f->start_utc_us + offset_us);
    if (llabs(w.error_us - (int64_t)(error_s * 1e6 + 0.5)) > 1)
        fail_msg("known to %lld us, not %g s (%s)", (long long)w.error_us, error_s, w.why);
    if (!strstr(w.why, why))
        fail_msg("because '%s', not '%s'", w.why, why);
}

static void test_a_time_of_day_knows_its_uncertainty(void **state)
{
    (void)state;
    struct media_timing ptmf = vote((struct timing_facts){
        .has_ptmf = true, .last_us = 9967000, .pictures = 200, .meta_fps = 20});
    struct media_facts f = {.has_time = false};
    assert_false(timing_wall(&f, &ptmf, 1, 0).known);
    f = (struct media_facts){.has_time = true, .start_utc_us = INT64_C(1732865025000000)};
    strcpy(f.trigger, "request");
    check_wall(&f, &ptmf, 2500000, 1.1, "within 0.1 s");
    assert_string_equal(timing_wall(&f, &ptmf, 1, 0).source, "metadata");
    strcpy(f.trigger, "crash");
    check_wall(&f, &ptmf, 0, 21.1, "can be the end");
    f.length_s = 10;
    check_wall(&f, &ptmf, 0, 11.1, "can be the end");
    f.has_trigger_time = true, f.trigger_utc_us = f.start_utc_us + 500000;
    check_wall(&f, &ptmf, 0, 11.1, "can be the end");
    f.trigger_utc_us = f.start_utc_us + 5000000;
    check_wall(&f, &ptmf, 0, 1.1, "before the trigger");
    f.length_s = 0, f.has_trigger_time = false;
    assert_int_equal(timing_wall(&f, &ptmf, 0, 0).error_us, 61100000); /* no length at all */
    strcpy(f.time_source, "--time");
    check_wall(&f, &ptmf, 0, 1, "as given");
    f.start_utc_us += 250000;
    check_wall(&f, &ptmf, 0, 0.1, "as given");
    strcpy(f.time_source, TIMING_NAME);
    check_wall(&f, &ptmf, 0, 1, "of the name");
    strcpy(f.time_source, TIMING_NAME_UTC);
    check_wall(&f, &ptmf, 0, 14 * 3600, "no time zone");
    strcpy(f.time_source, TIMING_NAME_UPLOAD);
    check_wall(&f, &ptmf, 0, 24 * 3600, "later than the clip");
    f.time_error_us = 20000;
    check_wall(&f, &ptmf, 0, 0.02, "stated");
}

static void test_a_photo_has_no_length(void **state)
{
    (void)state;
    struct media_facts f = {.has_time = true, .start_utc_us = INT64_C(1732865025000000)};
    strcpy(f.trigger, "crash");
    check_wall(&f, NULL, 0, 1.1, "time of the photo");
    f.has_trigger_time = true, f.trigger_utc_us = f.start_utc_us;
    check_wall(&f, NULL, 0, 1.1, "time of the photo");
    strcpy(f.time_source, TIMING_NAME);
    check_wall(&f, NULL, 0, 1, "time of the photo");
    strcpy(f.time_source, TIMING_NAME_UPLOAD);
    check_wall(&f, NULL, 0, 24 * 3600, "later than the photo");
    strcpy(f.time_source, "--time");
    check_wall(&f, NULL, 0, 1, "as given");
}

static void test_a_constant_rate_adds_to_the_uncertainty(void **state)
{
    (void)state;
    struct media_facts f = {.has_time = true, .time_error_us = 1000000};
    struct timing_facts v = {.pictures = 200, .meta_fps = 20, .default_fps = 25};
    struct media_timing t = vote(v);
    check_wall(&f, &t, 8000000, 1.025, "half a picture step");
    v.stream_fps = 10; /* then 8 s might be 16 s */
    t = vote(v);
    check_wall(&f, &t, 0, 1.025, "in dispute");
    check_wall(&f, &t, 8000000, 9.025, "in dispute");
    t = vote((struct timing_facts){.pictures = 200, .default_fps = 25});
    check_wall(&f, &t, 8000000, 9.02, "nothing tells the rate");
}

static void test_names_tell_times(void **state)
{
    (void)state;
    static const struct {
        const char *name, *utc, *source, *local; /* local: with --tz +02:00; NULL: as utc */
    } names[] = {
        {"20241129_092345.h265", "2024-11-29T09:23:45Z", TIMING_NAME_UTC, "2024-11-29T07:23:45Z"},
        {"clip 2024-11-29 09-23-45.h265", "2024-11-29T09:23:45Z", TIMING_NAME_UTC,
         "2024-11-29T07:23:45Z"},
        {"VID20241129092345", "2024-11-29T09:23:45Z", TIMING_NAME_UTC, "2024-11-29T07:23:45Z"},
        {"29.11.2024 09-23-45.h265", "2024-11-29T09:23:45Z", TIMING_NAME_UTC,
         "2024-11-29T07:23:45Z"},
        {"front 29.11.2024_09-23-45", "2024-11-29T09:23:45Z", TIMING_NAME_UTC,
         "2024-11-29T07:23:45Z"},
        {"2024_1129_092345_0001F.h265", "2024-11-29T09:23:45Z", TIMING_NAME_UTC,
         "2024-11-29T07:23:45Z"},
        {"241129_092345.h265", "2024-11-29T09:23:45Z", TIMING_NAME_UTC, "2024-11-29T07:23:45Z"},
        {"350612071913857_241129_092345", "2024-11-29T09:23:45Z", TIMING_NAME_UTC,
         "2024-11-29T07:23:45Z"},
        {"2024-11-29T09_23_45.h265", "2024-11-29T09:23:45Z", TIMING_NAME_UTC,
         "2024-11-29T07:23:45Z"},
        {"2024-11-29T07_23_45Z.h265", "2024-11-29T07:23:45Z", TIMING_NAME, NULL},
        {"2024-11-29072345.h265", "2024-11-29T07:23:45Z", TIMING_NAME_UPLOAD, NULL},
        {"350612071913857-front-video-20241129T072345Z", "2024-11-29T07:23:45Z", TIMING_NAME, NULL},
        {"1732865025.h265", "2024-11-29T07:23:45Z", TIMING_NAME, NULL},
        {"cam_1732865025000_x", "2024-11-29T07:23:45Z", TIMING_NAME, NULL},
        {"20140101_000000 20150102_000000", "2015-01-02T00:00:00Z", TIMING_NAME_UTC,
         "2015-01-01T22:00:00Z"},
    };
    struct err err;
    int64_t now, utc, wanted;
    const char *source;
    int tz = 120;
    assert_ok(clock_parse("2026-01-01T00:00:00Z", 0, &now, NULL, &err));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_ok(clock_parse(names[i].utc, 0, &wanted, NULL, &err));
        if (!timing_from_name(names[i].name, NULL, now, &utc, &source))
            fail_msg("%s tells nothing", names[i].name);
        assert_int_equal(utc, wanted);
        assert_string_equal(source, names[i].source);
        if (names[i].local)
            assert_ok(clock_parse(names[i].local, 0, &wanted, NULL, &err));
        assert_true(timing_from_name(names[i].name, &tz, now, &utc, &source));
        assert_int_equal(utc, wanted);
        assert_string_equal(source, names[i].local ? TIMING_NAME : names[i].source);
    }
    static const char *const none[] = {
        "", "clip.h265", "20141231_235959", "20260102_000001", "20241329_092345", "1420070399",
        "350612071913857", "20241129_0923456", "99991231_235959", "20240230_000000", "1999999999",
        "2024-11-29", "20241129_2523",
        /* near misses of a date with two digits for the year */
        "999999_999999", "141129_092345", "350612_071913", "241329_092345", "240230_000000",
        "241129_240000", "241129_0923456", "1241129_092345", "241129-092345", "241129_09234",
        "350612071913857_999999",
        /* … of the others */
        "129.11.2024 09-23-45", "31.02.2024 09-23-45", "29.13.2024 09-23-45", "29.11.24 09-23-45",
        "29.11.2024 09-23-450", "11/29/2024 09-23-45", "2024_1329_092345", "2024_1129_246060",
        "2024_11299_092345", "2024-11-29T09_23_60Z", "2024-11-29T09_23"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (timing_from_name(none[i], NULL, now, &utc, &source))
            fail_msg("%s tells %lld", none[i], (long long)utc);
}

static void test_a_path_fills_only_what_is_not_known(void **state)
{
    (void)state;
    int64_t now = INT64_C(1767225600000000);
    struct media_facts f = {.has_zone = true, .tz_min = 120};
    media_facts_from_path("in/350612071913857/20241129_092345.h265", now, &f);
    assert_true(f.has_time);
    assert_int_equal(f.start_utc_us, INT64_C(1732865025000000));
    assert_string_equal(f.time_source, TIMING_NAME);
    assert_string_equal(f.imei, text_imei_ok("350612071913857") ? "350612071913857" : "");
    f = (struct media_facts){.has_time = true, .start_utc_us = 5, .imei = "356307042441013"};
    media_facts_from_path("490154203237518/20241129_092345.h265", now, &f);
    assert_int_equal(f.start_utc_us, 5);
    assert_string_equal(f.imei, "356307042441013");
    f.imei[0] = '\0';
    media_facts_from_path("490154203237518/x.h265", now, &f);
    assert_string_equal(f.imei, "490154203237518");
    f.imei[0] = '\0';
    media_facts_from_path("490154203237519/x.h265", now, &f); /* check digit */
    media_facts_from_path("x.h265", now, &f);
    media_facts_from_path("/x.h265", now, &f);
    media_facts_from_path("a/49015420323751x/x.h265", now, &f);
    assert_string_equal(f.imei, "");
    char imei[16];
    assert_true(media_imei_doubtful("a/490154203237519/x.h265", imei));
    assert_string_equal(imei, "490154203237519");
    assert_false(media_imei_doubtful("a/490154203237518/x.h265", imei));
    assert_false(media_imei_doubtful("a/49015420323751x/x.h265", imei));
    assert_false(media_imei_doubtful("490154203237519/a/x.h265", imei));
    assert_false(media_imei_doubtful("490154203237519", imei));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_source_wins),
        cmocka_unit_test(test_two_percent_is_the_limit_of_agreement),
        cmocka_unit_test(test_nonsense_says_nothing),
        cmocka_unit_test(test_constant_times_do_not_drift),
        cmocka_unit_test(test_a_vote_reads_as_a_line),
        cmocka_unit_test(test_a_clock_in_another_unit_is_named),
        cmocka_unit_test(test_a_photo_has_no_length),
        cmocka_unit_test(test_a_clock_is_repaired_with_the_least_change),
        cmocka_unit_test(test_any_clock_becomes_monotonic),
        cmocka_unit_test(test_median_step),
        cmocka_unit_test(test_a_time_of_day_knows_its_uncertainty),
        cmocka_unit_test(test_a_constant_rate_adds_to_the_uncertainty),
        cmocka_unit_test(test_names_tell_times),
        cmocka_unit_test(test_a_path_fills_only_what_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
