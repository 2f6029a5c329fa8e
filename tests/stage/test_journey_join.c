/* What a tracker said, and the transfers that it belongs to: whichever comes first. */
#include "dashspool/clock.h"
#include "dashspool/hash.h"
#include "dashspool/intake.h"
#include "dashspool/journey.h"
#include "dashspool/wire.h"
#include "support/catalogued.h"
#include "support/support.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0     CATALOGUED_T0_US
#define IMEI   "352093081452251"
#define SECOND INT64_C(1000000)
#define CRASH  3 /* of 499, and of the metadata */

struct place {
    struct catalogued *f;
    struct records *records;
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    void *f = NULL;
    struct root_id id;
    struct err err;
    assert_non_null(p);
    catalogued_set_up(&f);
    p->f = f;
    assert_ok(catalogue_root(p->f->c, &id, &err));
    assert_ok(root_mark(p->f->root, &id, &err));
    assert_ok(records_open(&p->records, p->f->root, RECORDS_WRITE, &err));
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    void *f = p->f;
    records_close(&p->records);
    catalogued_tear_down(&f);
    free(p);
    return 0;
}

struct said {
    int64_t utc_us;
    int satellites, speed_kmh;
    int trigger; /* of 499; -1: not said */
    bool private_mode;
};

/* At 54.7, 25.2, and 0.0001 degrees further to the north with each second behind T0. */
static void say(const struct place *p, const struct said *s)
{
    uint8_t trigger = (uint8_t)s->trigger, private_mode = s->private_mode, bytes[256];
    struct avl_io io[2];
    size_t n = 0;
    struct err err;
    struct avl_record r = {.codec = AVL_CODEC_8E,
                           .time_ms = (uint64_t)(s->utc_us / 1000),
                           .longitude_e7 = 252000000,
                           .latitude_e7 = 547000000 + (int32_t)((s->utc_us - T0) / 1000),
                           .altitude_m = 112,
                           .angle_deg = (uint16_t)(s->satellites ? 90 : 0),
                           .satellites = (uint8_t)s->satellites,
                           .speed_kmh = (uint16_t)s->speed_kmh,
                           .event_id = s->trigger >= 0 ? AVL_ID_CAMERA_TRIGGER : 0,
                           .generation = -1};
    if (s->trigger >= 0)
        io[n++] = (struct avl_io){AVL_ID_CAMERA_TRIGGER, 1, false, &trigger};
    io[n++] = (struct avl_io){AVL_ID_PRIVATE_MODE, 1, false, &private_mode};
    size_t size = avl_record_put(bytes, sizeof bytes, AVL_CODEC_8E, &r, io, n);
    assert_int_not_equal(size, 0);
    struct records_new v = {.imei = IMEI,
                            .codec = AVL_CODEC_8E,
                            .bytes = bytes,
                            .n = size,
                            .arrived_us = T0 + 3600 * SECOND};
    struct records_done done;
    assert_ok(records_put(p->records, &v, 1, &done, &err));
}

static void drive(const struct place *p, int from_s, int until_s)
{
    for (int s = from_s; s <= until_s; s++)
        say(p, &(struct said){T0 + s * SECOND, 9, 50 + s, -1, false});
}

/* A clip of 10 s from T0 on, with a crash 5 s behind its beginning. */
static struct catalogue_transfer clip(const struct place *p)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(IMEI, "front", T0);
    t.state = CATALOGUE_STORED;
    t.known |= CATALOGUE_HAS_META | CATALOGUE_TIME_OK | CATALOGUE_TRIGGER_TIME_OK;
    t.time_us = T0;
    t.length_s = 10;
    t.trigger = CRASH;
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    t.trigger_time_us = T0 + 5 * SECOND;
    t.completed_us = t.arrived_us + SECOND;
    snprintf(t.sha256, sizeof t.sha256, "%064d", 1);
    assert_ok(catalogue_transfer_add(p->f->c, &t, &err));
    return t;
}

static struct journey_joined join(const struct place *p, const struct catalogue_transfer *t)
{
    struct journey_joined j;
    struct err err;
    assert_ok(journey_join(p->f->c, p->records, t, 3 * SECOND, "a test", &j, &err));
    return j;
}

static int keep_last(void *arg, const char *line, struct err *err)
{
    (void)err;
    snprintf(arg, CUSTODY_LINE_ROOM, "%s", line);
    return ERR_OK;
}

static void last_line(const struct place *p, const char *id, char out[CUSTODY_LINE_ROOM])
{
    struct err err;
    out[0] = '\0';
    assert_ok(catalogue_event_each(p->f->c, id, keep_last, out, &err));
}

static void test_records_around_a_clip_are_its_own_once(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    char line[CUSTODY_LINE_ROOM], hex[HASH_HEX_ROOM];
    struct buf text;
    struct err err;
    drive(p, -100, 100);
    struct journey_joined j = join(p, &t);
    assert_int_equal(j.added, 60 + 10 + 60 + 1); /* both ends with it */
    assert_int_equal(j.near, 15 + 10 + 15 + 1);
    assert_int_equal(j.records, j.added);
    assert_false(j.event || j.full);
    last_line(p, t.id, line);
    assert_has(line, "\"event\":\"joined\"");
    assert_has(line, "\"records\":131");
    buf_init(&text, 1 << 20);
    assert_ok(journey_text(p->f->c, &t, -1, true, &text, NULL, NULL, &err));
    assert_ok(hash_text((const char *)buf_data(&text), text.used, hex, &err));
    assert_has(line, hex);
    buf_clear(&text);
    int64_t lines = 0, again = 0;
    assert_ok(catalogue_event_count(p->f->c, t.id, &lines, &err));
    j = join(p, &t);
    assert_int_equal(j.added, 0);
    assert_int_equal(j.records, 131);
    assert_ok(catalogue_event_count(p->f->c, t.id, &again, &err));
    assert_int_equal(again, lines);
    /* and goes with it */
    struct custody_event gone = {T0, CUSTODY_DELETED, "a test", NULL};
    assert_ok(catalogue_retire(p->f->c, &t, &gone, &err));
    assert_int_equal(catalogued_sql(p->f, "SELECT count(*) FROM journey"), 0);
}

static void test_its_event_is_the_closest_record_of_the_same_trigger(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    int64_t at = t.trigger_time_us;
    char line[CUSTODY_LINE_ROOM];
    say(p, &(struct said){at + 100000, 9, 50, CRASH + 1, false}); /* another trigger */
    say(p, &(struct said){at - 3100000, 9, 50, CRASH, false});    /* too far away */
    assert_false(join(p, &t).event);
    say(p, &(struct said){at + 2000000, 9, 50, CRASH, false});
    struct journey_joined j = join(p, &t);
    assert_true(j.event && j.event_new);
    assert_int_equal(j.match.difference_ms, 2000);
    say(p, &(struct said){at - 700000, 9, 50, CRASH, false});
    j = join(p, &t);
    assert_true(j.event_new);
    assert_int_equal(j.match.difference_ms, -700);
    last_line(p, t.id, line);
    assert_has(line, "\"difference_ms\":-700");
    assert_has(line, "\"event_at\":\"2024-11-29T07:23:49.300Z\"");
    say(p, &(struct said){at + 1500000, 9, 50, CRASH, false});
    j = join(p, &t);
    assert_true(j.event && !j.event_new);
    assert_int_equal(j.match.difference_ms, -700);
}

/* Driver and road cameras number their triggers in their own way, newer firmware names them. */
static void test_a_trigger_is_joined_by_what_it_means(void **state)
{
    const struct place *p = *state;
    static const struct {
        int raw;
        const char *name;
        int avl;
        bool same;
    } triggers[] = {
        {5, "crash", 3, true},
        {5, "crash", 5, false}, /* DSM, ADAS: 5 is idling of 499 */
        {3, "din3", 3, false},
        {3, "din3", 10, true},
        {0, "crash", 3, true}, /* JSON */
        {0, "green-driving", 8, true},
        {0, "din-1", 1, true},
        {0, "crash", 8, false},
        {0, "crash-", 3, true},
        {0, "crashed", 3, false},
        {37, "trigger-37", 37, true}, /* nobody knows what it means */
        {3, "trigger-3", 3, true},
        {13, "dsm-event", 13, false},
        {11, "request", 11, false},
        {0, "server-request", 0, false},
        {0, "none", 0, false},
    };
    struct catalogue_transfer t = clip(p);
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++) {
        struct err err;
        const int64_t off_ms = 1000 - 20 * (int64_t)i; /* closer each time */
        t.trigger = triggers[i].raw;
        snprintf(t.trigger_name, sizeof t.trigger_name, "%s", triggers[i].name);
        t.trigger_time_us += 60 * SECOND;
        assert_ok(catalogue_transfer_update(p->f->c, &t, &err));
        say(p, &(struct said){t.trigger_time_us + off_ms * 1000, 9, 50, triggers[i].avl, false});
        struct journey_joined j = join(p, &t);
        if (j.event_new != triggers[i].same ||
            (triggers[i].same && j.match.difference_ms != off_ms))
            fail_msg("%s (%d) and 499 = %d", triggers[i].name, triggers[i].raw, triggers[i].avl);
    }
}

/* What people read of 499 says the same. */
static void test_the_words_of_499_are_the_names_of_triggers(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 11; i++) {
        const char *word = avl_word(AVL_FMB, AVL_ID_CAMERA_TRIGGER, i);
        char slug[32];
        size_t n = 0;
        assert_non_null(word);
        for (; word[n]; n++)
            slug[n] = word[n] == ' ' ? '-' : (char)tolower((unsigned char)word[n]);
        slug[n] = '\0';
        assert_true(wire_trigger_is(slug, i));
    }
}

static void test_what_a_server_asked_for_has_no_event(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct err err;
    t.trigger = 0;
    snprintf(t.trigger_name, sizeof t.trigger_name, "request");
    assert_ok(catalogue_transfer_update(p->f->c, &t, &err));
    say(p, &(struct said){t.trigger_time_us, 9, 50, 0, false});
    struct journey_joined j = join(p, &t);
    assert_int_equal(j.added, 1);
    assert_false(j.event);
}

static void test_without_time_or_tracker_there_is_no_journey(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct track *track = NULL;
    struct err err;
    drive(p, 0, 10);
    t.known &= ~(unsigned)CATALOGUE_TIME_OK;
    assert_int_equal(join(p, &t).added, 0);
    assert_ok(journey_track(p->f->c, &t, 0, &track, &err));
    assert_null(track);
    t.known |= CATALOGUE_TIME_OK;
    snprintf(t.imei, sizeof t.imei, CATALOGUE_IMEI_UNKNOWN);
    assert_int_equal(join(p, &t).added, 0);
}

static void test_private_mode_hides_where_it_was(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct track *track = NULL;
    struct track_point point;
    struct buf text;
    struct err err;
    int64_t records = 0, withheld = 0;
    drive(p, 0, 3);
    say(p, &(struct said){T0 + 4 * SECOND, 9, 77, -1, true});
    say(p, &(struct said){T0 + 5 * SECOND, 0, 0, -1, false});
    drive(p, 6, 8);
    join(p, &t);
    assert_ok(journey_track(p->f->c, &t, 0, &track, &err));
    assert_int_equal(track->n, 9);
    assert_int_equal(track->source, TRACK_TRACKER);
    assert_int_equal(track_at(track, T0 + 2500000, &point), TRACK_HERE);
    assert_true(fabs(point.lat_deg - 54.70025) < 1e-9);
    assert_true(fabs(point.speed_ms * 3.6 - 52.5) < 1e-9);
    assert_int_equal(track_at(track, T0 + 3500000, &point), TRACK_PRIVATE);
    assert_int_equal(track_at(track, T0 + 5500000, &point), TRACK_NO_FIX);
    assert_int_equal(track_at(track, T0 + 7500000, &point), TRACK_HERE);
    track_free(&track);
    buf_init(&text, 1 << 20);
    assert_ok(journey_text(p->f->c, &t, 0, false, &text, &records, &withheld, &err));
    assert_ok(buf_append(&text, "", 1, &err));
    assert_int_equal(records, 9);
    assert_int_equal(withheld, 1);
    assert_has((const char *)buf_data(&text),
               "Z codec 8e withheld: private mode, priority 0, event 0, ids 391\n");
    assert_has((const char *)buf_data(&text),
               "dashspool records 1\n2024-11-29T07:23:45.000Z arrived ");
    buf_clear(&text);
}

static void rejoin(const struct place *p, int expect_joined, int expect_again)
{
    struct err err;
    int joined = -1, again = -1;
    const struct intake_joining j = {p->f->c, p->records,        p->f->root,        3 * SECOND,
                                     IMEI,    T0 / 1000 - 60000, T0 / 1000 + 60000, "telemetry"};
    assert_ok(intake_join(&j, &joined, &again, &err));
    assert_int_equal(joined, expect_joined);
    assert_int_equal(again, expect_again);
}

static void test_copies_are_made_anew_once(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p), now;
    struct err err;
    char line[CUSTODY_LINE_ROOM];
    int64_t done_us = 0;
    drive(p, 0, 2);
    rejoin(p, 1, 0); /* none were made yet */
    assert_ok(catalogue_done_put(p->f->c, t.key, "convert", T0, 1, &err));
    rejoin(p, 0, 0); /* nothing new */
    say(p, &(struct said){T0 + 50 * SECOND, 9, 50, -1, false});
    rejoin(p, 1, 0); /* no picture shows it */
    drive(p, 3, 4);
    rejoin(p, 1, 1);
    now = catalogued_get(p->f, t.id);
    assert_int_equal(now.remade, CATALOGUE_REMADE);
    assert_ok(catalogue_done_get(p->f->c, t.key, "convert", &done_us, &err));
    assert_int_equal(done_us, 0);
    assert_int_equal(support_entries(support_path(p->f->root, "spool/convert/new")), 1);
    last_line(p, t.id, line);
    assert_has(line, "the tracker's account came after the copies were made");
    assert_ok(catalogue_done_put(p->f->c, t.key, "convert", T0, 1, &err));
    drive(p, 5, 6);
    rejoin(p, 1, 0); /* once */
}

static void test_copies_in_a_package_stay_and_new_ones_stand_beside_them(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p), now;
    struct err err;
    struct catalogue_copy copy = {.kind = "viewing"};
    const struct custody_what what = {.package = "case-1.zip"};
    assert_ok(catalogue_done_put(p->f->c, t.key, "convert", T0, 1, &err));
    assert_ok(catalogue_event_note(p->f->c, t.id, T0, CUSTODY_EXPORTED, "a test", &what, &err));
    drive(p, 0, 2);
    rejoin(p, 1, 1);
    now = catalogued_get(p->f, t.id);
    assert_int_equal(now.remade, CATALOGUE_REMADE_BESIDE);
    snprintf(copy.path, sizeof copy.path, "archive/%s/2024-11-29/%s.viewing-DERIVED.mp4", IMEI,
             t.id);
    assert_true(catalogue_copy_is_current(&t, &copy));
    assert_false(catalogue_copy_is_current(&now, &copy));
    snprintf(copy.path, sizeof copy.path, "archive/%s/2024-11-29/%s.tracker.viewing-DERIVED.mp4",
             IMEI, t.id);
    assert_false(catalogue_copy_is_current(&t, &copy));
    assert_true(catalogue_copy_is_current(&now, &copy));
}

static void test_copies_wait_for_a_tracker_that_is_there(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct err err;
    int64_t wait_ms = -1, now_us = T0 + 3600 * SECOND;
    t.completed_us = now_us - SECOND;
    assert_ok(journey_wait_ms(p->records, &t, 30 * SECOND, now_us, &wait_ms, &err));
    assert_int_equal(wait_ms, 0); /* nobody knows that tracker */
    drive(p, 0, 3);
    assert_ok(journey_wait_ms(p->records, &t, 30 * SECOND, now_us, &wait_ms, &err));
    assert_true(wait_ms > 0 && wait_ms <= 2000);
    assert_ok(journey_wait_ms(p->records, &t, 0, now_us, &wait_ms, &err));
    assert_int_equal(wait_ms, 0);
    assert_ok(journey_wait_ms(p->records, &t, 30 * SECOND, now_us + 29 * SECOND, &wait_ms, &err));
    assert_int_equal(wait_ms, 0);
    assert_ok(
        journey_wait_ms(p->records, &t, 30 * SECOND, now_us + JOURNEY_ALIVE_US, &wait_ms, &err));
    assert_int_equal(wait_ms, 0);
    drive(p, 10, 11);
    assert_ok(journey_wait_ms(p->records, &t, 30 * SECOND, now_us, &wait_ms, &err));
    assert_int_equal(wait_ms, 0); /* it is behind the clip already */
}

static int count_difference(void *arg, bool note, const char *text, struct err *err)
{
    (void)text;
    (void)err;
    *(int *)arg += !note;
    return ERR_OK;
}

static int differences(const struct place *p, const struct catalogue_transfer *t)
{
    struct err err;
    int n = 0;
    assert_ok(journey_check(p->f->c, t, count_difference, &n, &err));
    return n;
}

/* A record of that many bytes. */
static void say_much(const struct place *p, int64_t utc_us, size_t record_bytes)
{
    static uint8_t much[AVL_LENGTH_MAX], bytes[AVL_LENGTH_MAX];
    struct err err;
    struct records_done done;
    const struct avl_record r = {.codec = AVL_CODEC_8E, .time_ms = (uint64_t)(utc_us / 1000)};
    const struct avl_io io = {.id = AVL_ID_CRASH_TRACE,
                              .width = (uint16_t)(record_bytes - 42),
                              .sized = true,
                              .bytes = much};
    size_t size = avl_record_put(bytes, sizeof bytes, AVL_CODEC_8E, &r, &io, 1);
    assert_int_equal(size, record_bytes);
    struct records_new v = {.imei = IMEI,
                            .codec = AVL_CODEC_8E,
                            .bytes = bytes,
                            .n = size,
                            .arrived_us = T0 + 3600 * SECOND};
    assert_ok(records_put(p->records, &v, 1, &done, &err));
}

static void test_a_flood_is_bounded_and_does_not_hide_the_event(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct err err;
    int64_t records = 0, bytes = 0;
    for (int i = 0; i < 150; i++) /* 9 MB, all of them earlier than the event */
        say_much(p, T0 - 50 * SECOND + i * 100000, 60000);
    say(p, &(struct said){t.trigger_time_us + 300000, 9, 50, CRASH, false});
    struct journey_joined j = join(p, &t);
    assert_true(j.full);
    assert_true(j.event);
    assert_int_equal(j.match.difference_ms, 300);
    assert_ok(catalogue_record_count(p->f->c, t.key, &records, &bytes, &err));
    assert_int_equal(records, j.records);
    assert_in_range(bytes, JOURNEY_BYTES_MAX - 70000, JOURNEY_BYTES_MAX);
    assert_int_equal(differences(p, &t), 0);
    assert_int_equal(join(p, &t).added, 0);
}

/* Whatever came first: what its pictures show has room before what is around it, and the record of
 * its event beside all others. */
static void test_what_counts_has_room_behind_a_flood(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct err err;
    int64_t records = 0, bytes = 0, left = JOURNEY_BYTES_MAX;
    for (int64_t at = T0 - 50 * SECOND; left > 0; at += 100000) {
        size_t n = left >= 60100 ? 60000 : left > 60000 ? 50000 : (size_t)left;
        say_much(p, at, n);
        left -= (int64_t)n;
    }
    drive(p, 0, 10);
    struct journey_joined j = join(p, &t);
    assert_true(j.full && !j.event);
    assert_int_equal(j.near, 11);
    assert_ok(catalogue_record_count(p->f->c, t.key, &records, &bytes, &err));
    say_much(p, T0 + 30 * SECOND, (size_t)(JOURNEY_BYTES_MAX - bytes)); /* to the last byte */
    assert_int_equal(join(p, &t).added, 1);
    say(p, &(struct said){t.trigger_time_us + 300000, 9, 50, CRASH, false});
    j = join(p, &t);
    assert_true(j.event && j.event_new);
    assert_int_equal(j.match.difference_ms, 300);
    assert_ok(catalogue_record_count(p->f->c, t.key, &records, &bytes, &err));
    assert_int_equal(records, j.records);
    assert_in_range(bytes, 0, JOURNEY_BYTES_MAX + JOURNEY_EVENT_BYTES);
    assert_int_equal(differences(p, &t), 0);
}

/* The shortest records make the longest text of all that fit. */
static void test_a_flood_of_short_records_can_be_told(void **state)
{
    enum { SHORT = 30 };
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct err err;
    uint8_t bytes[SHORT] = {0};
    assert_ok(catalogue_begin(p->f->c, &err));
    for (int64_t i = 0; i < JOURNEY_BYTES_MAX / SHORT - 1000; i++) {
        const struct avl_record said = {.codec = AVL_CODEC_8,
                                        .time_ms = (uint64_t)(T0 / 1000 + i / 20),
                                        .latitude_e7 = (int32_t)i};
        struct catalogue_record r = {
            .time_ms = T0 / 1000 + i / 20, .codec = AVL_CODEC_8, .arrived_us = T0, .raw = bytes};
        bool added;
        r.raw_bytes = avl_record_put(bytes, sizeof bytes, AVL_CODEC_8, &said, NULL, 0);
        assert_int_equal(r.raw_bytes, SHORT);
        memcpy(r.sha256, &i, sizeof i);
        assert_ok(catalogue_record_put(p->f->c, t.key, &r, &added, &err));
    }
    assert_ok(catalogue_end(p->f->c, ERR_OK, &err));
    say(p, &(struct said){t.trigger_time_us, 9, 50, CRASH, false});
    assert_true(join(p, &t).event);
}

static void test_of_two_as_close_the_earlier_is_its_event(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    say(p, &(struct said){t.trigger_time_us + 700000, 9, 50, CRASH, false});
    assert_int_equal(join(p, &t).match.difference_ms, 700);
    say(p, &(struct said){t.trigger_time_us - 700000, 9, 50, CRASH, false});
    struct journey_joined j = join(p, &t);
    assert_true(j.event_new);
    assert_int_equal(j.match.difference_ms, -700);
    assert_false(join(p, &t).event_new);
    assert_int_equal(differences(p, &t), 0);
}

/* Records that were put back came as new to nobody. A file that is broken keeps none of the other
 * days' from it. */
static void test_records_that_were_put_back_are_joined(void **state)
{
    enum { DAY_S = 86400 };
    const struct place *p = *state;
    struct catalogue_transfer early = clip(p), late = early;
    int joined = 9, again = 9;
    char path[600], kept[700];
    struct err err;
    late.key = 0;
    late.time_us += DAY_S * SECOND;
    late.trigger_time_us += DAY_S * SECOND;
    snprintf(late.id, sizeof late.id, IMEI "-front-video-20241130T072345Z");
    assert_ok(catalogue_transfer_add(p->f->c, &late, &err));
    drive(p, 0, 9);
    drive(p, DAY_S, DAY_S + 9);
    snprintf(path, sizeof path, "%s/telemetry/2024-11-29.db", p->f->root);
    snprintf(kept, sizeof kept, "%s.kept", path);
    records_close(&((struct place *)*state)->records); /* as a server that was stopped */
    assert_int_equal(rename(path, kept), 0);
    support_write(path, "broken", 6);
    assert_true(intake_join_all(p->f->root, 3 * SECOND, "fsck", &joined, &again, &err) < 0);
    assert_has(err.text, "2024-11-29");
    assert_int_equal(joined, 1);
    assert_int_equal(catalogued_sql(p->f, "SELECT count(DISTINCT transfer) FROM journey"), 1);
    assert_int_equal(rename(kept, path), 0);
    assert_ok(intake_join_all(p->f->root, 3 * SECOND, "fsck", &joined, &again, &err));
    assert_int_equal(joined, 1);
    assert_int_equal(again, 0); /* its copies are still to be made */
    assert_int_equal(catalogued_sql(p->f, "SELECT count(*) FROM journey"), 20);
    assert_ok(intake_join_all(p->f->root, 3 * SECOND, "fsck", &joined, &again, &err));
    assert_int_equal(joined, 0);
}

/* With a window that is larger than what is around a clip: also where the record comes second. */
static void test_its_event_is_found_as_far_away_as_the_window_reaches(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    struct catalogue_match match;
    struct err err;
    for (int sign = -1; sign <= 1; sign += 2) {
        int64_t at_us = t.trigger_time_us + sign * (sign < 0 ? 1800 : 1700) * SECOND;
        bool found = false;
        int joined = 0, again = 0;
        const struct intake_joining j = {p->f->c, p->records,   p->f->root,   3600 * SECOND,
                                         IMEI,    at_us / 1000, at_us / 1000, "telemetry"};
        say(p, &(struct said){at_us, 9, 50, CRASH, false});
        assert_ok(intake_join(&j, &joined, &again, &err));
        assert_int_equal(joined, 1);
        assert_ok(catalogue_match_get(p->f->c, t.key, &match, &found, &err));
        assert_true(found);
        assert_int_equal(match.time_ms, at_us / 1000);
    }
}

static void test_times_beyond_all_numbers_are_refused(void **state)
{
    static const char *const alterations[] = {
        "UPDATE journey SET time_ms = 9223372036854775000",
        "UPDATE journey SET time_ms = -9223372036854775000",
        "UPDATE journey_event SET time_ms = 9223372036854775000",
        "UPDATE journey_event SET difference_ms = 9223372036854775000",
    };
    const struct place *p = *state;
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
        struct catalogue_transfer t = clip(p);
        struct err err;
        int n = 0;
        say(p, &(struct said){t.trigger_time_us, 9, 50, CRASH, false});
        assert_true(join(p, &t).event);
        catalogued_sql(p->f, alterations[i]);
        assert_err(ERR_MALFORMED, journey_check(p->f->c, &t, count_difference, &n, &err));
        struct custody_event gone = {T0, CUSTODY_DELETED, "a test", NULL};
        assert_ok(catalogue_retire(p->f->c, &t, &gone, &err));
    }
}

static bool hides(const struct place *p, const struct catalogue_transfer *t)
{
    struct err err;
    bool out = false;
    join(p, t);
    assert_ok(journey_hides(p->f->c, t, &out, &err));
    return out;
}

static void test_private_mode_at_any_moment_of_it_hides_the_cameras_position(void **state)
{
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    assert_false(hides(p, &t));
    drive(p, -5, 6);
    assert_false(hides(p, &t));
    say(p, &(struct said){T0 - 20 * SECOND, 9, 50, -1, true}); /* long over */
    assert_false(hides(p, &t));
    say(p, &(struct said){T0 + 20 * SECOND, 9, 50, -1, true}); /* nobody knows since when */
    assert_true(hides(p, &t));
    drive(p, 11, 12);
    assert_false(hides(p, &t));
    say(p, &(struct said){T0 + 7 * SECOND + 300000, 9, 50, -1, true}); /* a moment */
    assert_true(hides(p, &t));
}

static void test_times_of_the_settings(void **state)
{
    (void)state;
    static struct cfg_section sections[JOURNEY_CFG_SECTIONS];
    struct cfg *cfg;
    struct err err;
    memcpy(sections, journey_cfg_sections, sizeof sections);
    assert_ok(cfg_load(&cfg, NULL, sections, JOURNEY_CFG_SECTIONS, &err));
    assert_int_equal(journey_window_us(cfg), 3 * SECOND);
    assert_int_equal(journey_wait_us(cfg), 30 * SECOND);
    cfg_free(&cfg);
}

static void test_what_is_altered_is_told(void **state)
{
    static const char *const alterations[] = {
        "UPDATE journey SET raw = CAST(x'7f' || substr(raw, 2) AS BLOB) WHERE time_ms = (SELECT "
        "min(time_ms) "
        "FROM journey)",
        "UPDATE journey SET raw = CAST(substr(raw, 1, 8) AS BLOB) WHERE time_ms = (SELECT "
        "min(time_ms) FROM "
        "journey)",
        "UPDATE journey SET time_ms = time_ms - 1 WHERE time_ms = (SELECT min(time_ms) FROM "
        "journey)",
        "UPDATE journey SET priority = 2 WHERE time_ms = (SELECT min(time_ms) FROM journey)",
        "UPDATE journey SET event = 7 WHERE time_ms = (SELECT min(time_ms) FROM journey)",
        "UPDATE journey SET codec = 8 WHERE time_ms = (SELECT min(time_ms) FROM journey)",
        "UPDATE journey SET arrived_us = arrived_us + 1 WHERE time_ms = (SELECT min(time_ms) FROM "
        "journey)",
        "UPDATE journey SET sha256 = zeroblob(32) WHERE time_ms = (SELECT min(time_ms) FROM "
        "journey)",
        "DELETE FROM journey WHERE time_ms = (SELECT max(time_ms) FROM journey)",
        "DELETE FROM journey",
        "UPDATE journey_event SET time_ms = time_ms + 1",
        "UPDATE journey_event SET priority = priority + 1",
        "UPDATE journey_event SET event = 1",
        "UPDATE journey_event SET sha256 = zeroblob(32)",
        "UPDATE journey_event SET difference_ms = 0",
        "DELETE FROM journey_event",
    };
    const struct place *p = *state;
    struct catalogue_transfer t = clip(p);
    drive(p, 0, 10);
    say(p, &(struct said){t.trigger_time_us + 300000, 9, 50, CRASH, false});
    assert_int_equal(differences(p, &t), 0);
    assert_true(join(p, &t).event);
    assert_int_equal(differences(p, &t), 0);
    for (size_t i = 0; i < sizeof alterations / sizeof *alterations; i++) {
        catalogued_sql(p->f, "CREATE TABLE kept AS SELECT * FROM journey;"
                             "CREATE TABLE kept_event AS SELECT * FROM journey_event");
        catalogued_sql(p->f, alterations[i]);
        if (differences(p, &t) == 0)
            fail_msg("nobody sees: %s", alterations[i]);
        catalogued_sql(p->f, "DELETE FROM journey; INSERT INTO journey SELECT * FROM kept;"
                             "DELETE FROM journey_event; INSERT INTO journey_event SELECT * FROM"
                             " kept_event; DROP TABLE kept; DROP TABLE kept_event");
        assert_int_equal(differences(p, &t), 0);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_records_around_a_clip_are_its_own_once),
        T(test_its_event_is_the_closest_record_of_the_same_trigger),
        T(test_a_trigger_is_joined_by_what_it_means),
        T(test_the_words_of_499_are_the_names_of_triggers),
        T(test_what_a_server_asked_for_has_no_event),
        T(test_without_time_or_tracker_there_is_no_journey),
        T(test_private_mode_hides_where_it_was),
        T(test_copies_are_made_anew_once),
        T(test_copies_in_a_package_stay_and_new_ones_stand_beside_them),
        T(test_copies_wait_for_a_tracker_that_is_there),
        T(test_what_is_altered_is_told),
        T(test_a_flood_is_bounded_and_does_not_hide_the_event),
        T(test_what_counts_has_room_behind_a_flood),
        T(test_a_flood_of_short_records_can_be_told),
        T(test_of_two_as_close_the_earlier_is_its_event),
        T(test_records_that_were_put_back_are_joined),
        T(test_its_event_is_found_as_far_away_as_the_window_reaches),
        T(test_times_beyond_all_numbers_are_refused),
        T(test_private_mode_at_any_moment_of_it_hides_the_cameras_position),
        T(test_times_of_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
