/* Events of [request NAME] become requests: once each, whatever comes again and whatever is killed;
 * what belongs together as one; nothing that the cameras hand over by themselves. */
#include "dashspool/clock.h"
#include "dashspool/requests.h"
#include "dashspool/standing.h"
#include "dashspool/wire.h"
#include "support/catalogued.h"
#include "support/engines.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/tracker.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMEI  TRACKER_IMEI
#define S     INT64_C(1000000)
#define T0_MS (CATALOGUED_T0_US / 1000) /* 2024-11-29T07:23:45Z */
#define NOW   (CATALOGUED_T0_US + 60 * S)
#define CRASH 247, 1
#define GREEN 253, 2

struct fixture {
    struct catalogued *cat; /* the first: catalogued_tear_down() */
    struct records *records;
    struct cfg *cfg;
    struct standing *rules;
};

static struct fixture fx;

static void load(const char *text)
{
    char path[600];
    struct err err;
    standing_free(&fx.rules);
    cfg_free(&fx.cfg);
    snprintf(path, sizeof path, "%s/pipeline.d", fx.cat->root);
    (void)mkdir(path, 0755);
    snprintf(path, sizeof path, "%s/pipeline.d/a.conf", fx.cat->root);
    support_write(path, text, strlen(text));
    snprintf(path, sizeof path, "%s/pipeline.d", fx.cat->root);
    assert_ok(cfg_load(&fx.cfg, path, &standing_cfg_section, 1, &err));
    assert_ok(standing_load(&fx.rules, fx.cfg, &err));
}

static int set_up(void **state)
{
    struct err err;
    struct root_id id;
    if (catalogued_set_up(state) < 0)
        return -1;
    fx = (struct fixture){.cat = *state};
    if (catalogue_root(fx.cat->c, &id, &err) < 0 || root_mark(fx.cat->root, &id, &err) < 0 ||
        records_open(&fx.records, fx.cat->root, RECORDS_WRITE, &err) < 0)
        return -1;
    load("[request harsh]\non = crash, green-driving\n");
    return 0;
}

static int tear_down(void **state)
{
    standing_free(&fx.rules);
    cfg_free(&fx.cfg);
    records_close(&fx.records);
    return catalogued_tear_down(state);
}

/* A record of that event; private_mode < 0: not told. */
static struct records_new event_of(const char *imei, int64_t time_ms, uint16_t id, uint8_t value,
                                   int private_mode, uint8_t *bytes, size_t room)
{
    const uint8_t private[1] = {(uint8_t)private_mode}, is[1] = {value};
    const struct avl_io ios[] = {{.id = id, .width = 1, .bytes = is},
                                 {.id = AVL_ID_PRIVATE_MODE, .width = 1, .bytes = private}};
    const struct avl_record record = {
        .time_ms = (uint64_t)time_ms, .priority = 1, .event_id = id, .satellites = 9};
    size_t n = avl_record_put(bytes, room, AVL_CODEC_8E, &record, ios, private_mode < 0 ? 1 : 2);
    assert_true(n > 0);
    return (struct records_new){
        .imei = imei, .codec = AVL_CODEC_8E, .bytes = bytes, .n = n, .arrived_us = NOW};
}

/* As the stage does it: on disk, then noted. The number of events that are new. */
static int say_now(const char *imei, int64_t time_ms, uint16_t id, uint8_t value, int64_t now)
{
    uint8_t bytes[256];
    struct err err;
    struct records_done done;
    int noted;
    struct records_new v = event_of(imei, time_ms, id, value, -1, bytes, sizeof bytes);
    assert_ok(records_put(fx.records, &v, 1, &done, &err));
    assert_ok(standing_note(fx.rules, fx.cat->c, &v, 1, now, &noted, &err));
    return noted;
}

static int say(int64_t time_ms, uint16_t id, uint8_t value)
{
    return say_now(IMEI, time_ms, id, value, NOW);
}

static struct standing_asked ask(int64_t now)
{
    struct err err;
    struct standing_asked out;
    assert_ok(standing_ask(fx.rules, fx.cat->c, fx.records, now, &out, &err));
    return out;
}

static int64_t requests(void)
{
    struct err err;
    int64_t n;
    assert_ok(requests_count(fx.cat->c, &(struct requests_filter){.imei = NULL}, &n, &err));
    return n;
}

static struct requests_request get(int64_t id)
{
    struct err err;
    struct requests_request r;
    assert_ok(requests_get(fx.cat->c, id, &r, &err));
    return r;
}

/* ---- what is asked for ---- */

static void test_an_event_is_asked_for_when_its_footage_is_over(void **state)
{
    (void)state;
    load("[request harsh]\non = crash\nbefore = 8 s\nafter = 12 s\ncameras = rear\ncodec = 14\n"
         "reason = policy 7\n");
    assert_int_equal(say(T0_MS + 250, CRASH), 1);
    assert_int_equal(ask(NOW + 20 * S - 1).asked, 0); /* others may follow */
    assert_int_equal(ask(NOW + 20 * S).asked, 1);
    struct requests_request r = get(1);
    assert_string_equal(r.imei, IMEI);
    assert_string_equal(r.by, "rule harsh");
    assert_string_equal(r.reason, "crash (AVL 247 = 1) at 2024-11-29T07:23:45.250Z: policy 7");
    assert_string_equal(r.command, "camreq:0,2,1732865017,20");
    assert_int_equal(r.codec, 14);
    assert_int_equal(r.state, REQUESTS_QUEUED);
}

/* A clock that is some minutes ahead, or an event of this moment. */
static void test_no_footage_of_the_future_is_asked_for(void **state)
{
    int64_t at_ms = NOW / 1000 + 300000;
    (void)state;
    assert_int_equal(say(at_ms, CRASH), 1);
    assert_int_equal(ask(at_ms * 1000 + 15 * S - 1).asked, 0);
    assert_int_equal(ask(at_ms * 1000 + 15 * S).asked, 1);
    assert_int_equal(say(NOW / 1000 + 600000, CRASH), 0); /* such a clock is not believed */
}

static void test_what_cards_hold_no_more_is_not_asked_for(void **state)
{
    (void)state;
    assert_int_equal(say((NOW - REQUESTS_LIFE_US) / 1000, CRASH), 0);
    assert_int_equal(say((NOW - REQUESTS_LIFE_US) / 1000 + 1, CRASH), 1);
    struct standing_asked out = ask(NOW + 60 * S); /* too old by now */
    assert_int_equal(out.asked, 0);
    assert_int_equal(out.late, 1);
    assert_int_equal(ask(NOW + 60 * S).late, 0);
}

static void test_nothing_is_asked_for_in_private_mode(void **state)
{
    uint8_t bytes[2][256];
    struct err err;
    int noted;
    (void)state;
    struct records_new v[] = {event_of(IMEI, T0_MS, CRASH, 1, bytes[0], sizeof bytes[0]),
                              event_of(IMEI, T0_MS + 1, CRASH, 0, bytes[1], sizeof bytes[1])};
    v[0].state = v[1].state = RECORDS_STORED;
    assert_ok(standing_note(fx.rules, fx.cat->c, v, 2, NOW, &noted, &err));
    assert_int_equal(noted, 1);
    assert_int_equal(ask(NOW + 60 * S).asked, 1);
    assert_non_null(strstr(get(1).reason, "45.001Z"));
}

static void test_a_record_is_asked_for_once_whenever_it_comes_again(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(say(T0_MS, CRASH), i == 0);
        assert_int_equal(say_now("352093081452251", T0_MS, CRASH, NOW), i == 0);
        ask(NOW + 60 * S);
        catalogued_reopen(fx.cat);
    }
    assert_int_equal(requests(), 2); /* another tracker's is another event */
}

static void test_two_rules_ask_each_for_its_own(void **state)
{
    (void)state;
    load("[request a]\non = crash\n[request b]\non = 247=1\nafter = 9 s\n");
    assert_int_equal(say(T0_MS, CRASH), 2);
    assert_int_equal(ask(NOW + 60 * S).asked, 2);
    assert_string_equal(get(1).by, "rule a");
    assert_string_equal(get(2).by, "rule b");
}

static void test_a_rule_that_was_removed_asks_for_nothing(void **state)
{
    (void)state;
    assert_int_equal(say(T0_MS, CRASH), 1);
    load("[request other]\non = crash\n");
    assert_int_equal(ask(NOW + 60 * S).late, 1);
    load("[request harsh]\non = crash\n");
    assert_int_equal(ask(NOW + 60 * S).asked, 0);
}

/* ---- what belongs together ---- */

static void test_events_whose_times_overlap_are_one_request(void **state)
{
    (void)state;
    say(T0_MS + 10000, GREEN); /* newest first */
    say(T0_MS, CRASH);
    say(T0_MS + 20000, GREEN);
    say(T0_MS + 21000, GREEN); /* above 30 s with those before */
    say(T0_MS + 40000, CRASH);
    assert_int_equal(ask(NOW + 60 * S).asked, 3);
    assert_string_equal(get(1).command, "camreq:0,3,1732865020,30");
    assert_non_null(strstr(get(1).reason, "and 2 more"));
    assert_string_equal(get(2).command, "camreq:0,3,1732865041,10");
    assert_string_equal(get(3).command, "camreq:0,3,1732865060,10");
}

/* They come one by one as they happen: the first waits for those that may belong to it. */
static void test_an_event_waits_for_the_next_one(void **state)
{
    int64_t t_us = T0_MS * 1000;
    (void)state;
    say_now(IMEI, T0_MS, CRASH, t_us + S);
    assert_int_equal(ask(t_us + 10 * S).asked, 0);
    say_now(IMEI, T0_MS + 10000, GREEN, t_us + 11 * S);
    assert_int_equal(ask(t_us + 15 * S).asked, 1);
    assert_string_equal(get(1).command, "camreq:0,3,1732865020,20");
    assert_int_equal(ask(t_us + 60 * S).asked, 0);
}

static void test_what_comes_later_belongs_to_what_was_asked_for(void **state)
{
    (void)state;
    say(T0_MS, CRASH);
    assert_int_equal(ask(NOW + 60 * S).asked, 1);
    assert_int_equal(say(T0_MS + 5000, GREEN), 1); /* in it */
    assert_int_equal(say(T0_MS + 6000, GREEN), 1); /* behind it */
    assert_int_equal(ask(NOW + 60 * S).asked, 1);
    assert_string_equal(get(2).command, "camreq:0,3,1732865026,10");
}

static void test_per_day_holds_for_a_tracker_and_the_days_of_its_events(void **state)
{
    struct standing_asked out;
    (void)state;
    load("[request harsh]\non = crash\nper_day = 2\n");
    for (int i = 0; i < 4; i++)
        say(T0_MS - i * 60000, CRASH);
    say(T0_MS - 86400000, CRASH);
    say_now("352093081452251", T0_MS, CRASH, NOW);
    out = ask(NOW + 60 * S);
    assert_int_equal(out.asked, 4); /* 2, 1 of yesterday, 1 of the other */
    assert_int_equal(out.beyond, 2);
    catalogued_reopen(fx.cat);
    say(T0_MS + 30000, CRASH);
    assert_int_equal(ask(NOW + 120 * S).beyond, 1);
    assert_int_equal(requests(), 4);
}

/* What came late of yesterday takes nothing from today, not even within one request. */
static void test_a_backlog_of_yesterday_takes_nothing_from_today(void **state)
{
    struct standing_asked out;
    const int64_t midnight_ms = (T0_MS / 86400000 + 1) * 86400000, now_us = midnight_ms * 1000;
    (void)state;
    load("[request harsh]\non = crash\nper_day = 2\n");
    for (int i = 5; i > 0; i--)
        say_now(IMEI, midnight_ms - i * 60000, CRASH, now_us + 60 * S);
    say_now(IMEI, midnight_ms - 3000, CRASH, now_us + 60 * S);
    say_now(IMEI, midnight_ms + 4000, CRASH, now_us + 60 * S);
    out = ask(now_us + 120 * S);
    assert_int_equal(out.asked, 3);
    assert_int_equal(out.beyond, 4);
    assert_int_equal(get(3).what.time_s, midnight_ms / 1000 - 1);
    assert_int_equal(get(3).what.seconds, 10);
    say_now(IMEI, midnight_ms + 60000, CRASH, now_us + 120 * S);
    assert_int_equal(ask(now_us + 180 * S).asked, 1);
}

static void test_a_flood_of_events_does_not_fill_the_catalogue(void **state)
{
    int64_t noted = 0;
    (void)state;
    load("[request harsh]\non = crash\nbefore = 0\nafter = 1 s\n");
    for (int i = 0; i < STANDING_EVENTS_MAX + 10; i++) {
        uint8_t bytes[256];
        struct err err;
        int n;
        struct records_new v = event_of(IMEI, T0_MS - i * 2000, CRASH, -1, bytes, sizeof bytes);
        v.state = RECORDS_STORED;
        assert_ok(standing_note(fx.rules, fx.cat->c, &v, 1, NOW, &n, &err));
        noted += n;
    }
    assert_int_equal(noted, STANDING_EVENTS_MAX);
    while (ask(NOW + 60 * S).beyond > 0)
        ;
    assert_int_equal(requests(), 10);
}

/* ---- what cameras hand over by themselves ---- */

static struct catalogue_transfer put_own(const char *camera, int trigger, bool json)
{
    struct err err;
    struct catalogue_transfer t = catalogued_transfer(IMEI, camera, (T0_MS - 4000) * 1000);
    t.known |= CATALOGUE_HAS_META | CATALOGUE_TIME_OK;
    t.trigger = json ? 0 : trigger;
    wire_trigger_name(WIRE_KIND_DUALCAM, (uint8_t)trigger, t.trigger_name);
    t.state = CATALOGUE_STORED;
    t.completed_us = NOW;
    assert_ok(catalogue_transfer_add(fx.cat->c, &t, &err));
    return t;
}

static struct catalogue_transfer own_file(const char *camera, int trigger)
{
    return put_own(camera, trigger, false);
}

/* Cameras of newer firmware name their trigger, and have no number. */
static void test_a_trigger_that_is_a_name_is_known(void **state)
{
    (void)state;
    put_own("front", 3, true);
    put_own("rear", 8, true);
    say(T0_MS, CRASH);
    assert_int_equal(ask(NOW + 60 * S).asked, 1);
    assert_string_equal(get(1).what.camera, "rear");
}

static void test_footage_that_is_here_is_not_asked_for(void **state)
{
    (void)state;
    own_file("front", 3);
    own_file("rear", 3);
    say(T0_MS, CRASH);
    struct standing_asked out = ask(NOW + 60 * S);
    assert_int_equal(out.camera, 1);
    assert_int_equal(out.asked, 0);
    assert_int_equal(requests(), 0);
}

static void test_the_camera_that_missed_it_is_asked(void **state)
{
    (void)state;
    own_file("front", 3);
    own_file("rear", 8); /* of another trigger */
    say(T0_MS, CRASH);
    assert_int_equal(ask(NOW + 60 * S).asked, 1);
    assert_string_equal(get(1).what.camera, "rear");
}

static void test_a_camera_that_was_triggered_has_time_to_hand_it_over(void **state)
{
    int64_t give_up = NOW + STANDING_CAMERA_US;
    (void)state;
    say(T0_MS, CRASH);
    say(T0_MS + 2000, AVL_ID_CAMERA_TRIGGER, 3);
    assert_int_equal(ask(NOW + 60 * S).asked, 0);
    assert_int_equal(ask(give_up - 1).asked, 0);
    assert_int_equal(ask(give_up).asked, 1); /* it did not come */
}

static void test_the_file_of_a_camera_that_was_triggered_is_enough(void **state)
{
    (void)state;
    load("[request harsh]\non = crash\ncameras = front\n");
    say(T0_MS, CRASH);
    say(T0_MS + 2000, AVL_ID_CAMERA_TRIGGER, 3);
    assert_int_equal(ask(NOW + 60 * S).camera, 0);
    own_file("front", 3);
    assert_int_equal(ask(NOW + 180 * S).camera, 1);
    assert_int_equal(ask(NOW + 2 * STANDING_CAMERA_US).asked, 0);
}

static void test_another_trigger_is_not_this_event(void **state)
{
    (void)state;
    say(T0_MS, CRASH);
    say(T0_MS + 1000, AVL_ID_CAMERA_TRIGGER, 8);  /* green driving */
    say(T0_MS + 60000, AVL_ID_CAMERA_TRIGGER, 3); /* another crash */
    assert_int_equal(ask(NOW + 60 * S).asked, 1);
}

/* ---- whatever happens ---- */

static void test_what_is_not_noted_is_not_acknowledged(void **state)
{
    if (engines_wanted())
        skip(); /* nobody keeps others from writing there */
    uint8_t bytes[2][256];
    char path[600];
    struct err err;
    int noted, status;
    (void)state;
    struct records_new v[] = {event_of(IMEI, T0_MS, CRASH, -1, bytes[0], sizeof bytes[0]),
                              event_of(IMEI, T0_MS, 240, 1, -1, bytes[1], sizeof bytes[1])};
    v[0].state = v[1].state = RECORDS_STORED;
    snprintf(path, sizeof path, "%s/catalogue.db", fx.cat->root);
    int lock[2], done[2];
    assert_int_equal(pipe(lock) | pipe(done), 0);
    pid_t child = fork();
    if (child == 0) { /* holds the catalogue until it is told */
        struct catalogue *c;
        char byte = 0;
        close(done[1]); /* a test that failed ends it, too */
        if (catalogue_open(&c, fx.cat->root, false, &err) < 0 || catalogue_begin(c, &err) < 0)
            _exit(1);
        (void)!write(lock[1], &byte, 1);
        (void)!read(done[0], &byte, 1);
        catalogue_rollback(c);
        _exit(0);
    }
    char byte;
    assert_int_equal(read(lock[0], &byte, 1), 1);
    assert_int_equal(standing_note(fx.rules, fx.cat->c, v, 2, NOW, &noted, &err), ERR_BUSY);
    assert_int_equal(v[0].state, RECORDS_MISSING);
    assert_int_equal(v[1].state, RECORDS_STORED); /* it is no event: nothing waits */
    assert_int_equal(write(done[1], &byte, 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(lock[0]), close(lock[1]), close(done[0]), close(done[1]);
    v[0].state = RECORDS_KNOWN; /* as it comes again */
    assert_ok(standing_note(fx.rules, fx.cat->c, v, 2, NOW, &noted, &err));
    assert_int_equal(noted, 1);
}

enum { EVENTS = 12, KILLS = 40 };

/* All of a backlog, one frame an event, and asked for in between; each step is told before. */
static void play(struct catalogue *c, struct records *records, int64_t now, int tell_fd)
{
    for (int i = 0; i < EVENTS; i++) {
        uint8_t bytes[256];
        struct err err;
        struct standing_asked out;
        int noted;
        struct records_new v = event_of(IMEI, T0_MS - i * 60000, CRASH, -1, bytes, sizeof bytes);
        v.state = RECORDS_KNOWN;
        if (write(tell_fd, "n", 1) != 1 ||
            standing_note(fx.rules, c, &v, 1, now, &noted, &err) < 0 ||
            write(tell_fd, "a", 1) != 1 ||
            standing_ask(fx.rules, c, records, now + 60 * S, &out, &err) < 0)
            _exit(1);
    }
}

static void test_after_kills_each_event_has_one_request(void **state)
{
    int killed = 0;
    (void)state;
    records_close(&fx.records);
    catalogue_close(&fx.cat->c);
    for (int i = 0; i < KILLS; i++) {
        int status, tell[2];
        assert_int_equal(pipe(tell), 0);
        pid_t child = fork();
        if (child == 0) {
            struct catalogue *c;
            struct records *records;
            struct err err;
            if (catalogue_open(&c, fx.cat->root, false, &err) < 0 ||
                records_open(&records, fx.cat->root, RECORDS_READ, &err) < 0)
                _exit(1);
            play(c, records, NOW, tell[1]);
            _exit(0);
        }
        close(tell[1]);
        char step;
        for (int k = 0; k <= i % (2 * EVENTS); k++) /* killed in the step that was told last */
            assert_int_equal(read(tell[0], &step, 1), 1);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        close(tell[0]);
        killed += WIFSIGNALED(status);
        assert_true(WIFSIGNALED(status) || status == 0);
    }
    assert_true(killed > 0);
    struct err err;
    assert_ok(catalogue_open(&fx.cat->c, fx.cat->root, false, &err));
    assert_ok(records_open(&fx.records, fx.cat->root, RECORDS_WRITE, &err));
    int null = open("/dev/null", O_WRONLY);
    play(fx.cat->c, fx.records, NOW, null);
    close(null);
    assert_int_equal(requests(), 10); /* per_day */
    assert_int_equal(catalogued_sql(fx.cat, "SELECT count(DISTINCT command) FROM request"), 10);
    assert_int_equal(catalogued_sql(fx.cat, "SELECT count(*) FROM rule_event"
                                            " WHERE outcome IN ('asked', 'beyond')"),
                     EVENTS);
}

/* ---- upkeep ---- */

static void test_what_was_asked_for_is_carried_on_and_forgotten(void **state)
{
    struct catalogue *to = NULL;
    struct err err;
    char *other = support_tmp_dir();
    (void)state;
    say(T0_MS, CRASH);
    say_now("352093081452251", T0_MS, CRASH, NOW);
    ask(NOW + 60 * S);
    assert_ok(catalogue_open_local(&to, other, true, &err));
    assert_ok(requests_carry(fx.cat->c, to, &err));
    assert_ok(standing_carry(fx.cat->c, to, &err));
    struct catalogue *from = fx.cat->c;
    fx.cat->c = to;
    assert_int_equal(say(T0_MS, CRASH), 0);
    fx.cat->c = from;
    catalogue_close(&to);
    support_tmp_remove(&other);
    assert_ok(standing_forget(fx.cat->c, IMEI, T0_MS * 1000 + 1, 0, &err));
    assert_int_equal(catalogued_sql(fx.cat, "SELECT count(*) FROM rule_event"), 2);
    assert_ok(standing_forget(fx.cat->c, IMEI, T0_MS * 1000, T0_MS * 1000 + 1, &err));
    assert_int_equal(catalogued_sql(fx.cat, "SELECT count(*) FROM rule_event"), 1);
}

static void test_events_are_not_kept_for_ever(void **state)
{
    (void)state;
    say(T0_MS, CRASH);
    ask(NOW + 60 * S);
    int64_t later = NOW + 6 * 86400 * S;
    say_now(IMEI, later / 1000, CRASH, later);
    ask(later + 60 * S);
    assert_int_equal(catalogued_sql(fx.cat, "SELECT count(*) FROM rule_event"), 1);
    assert_int_equal(requests(), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(test_an_event_is_asked_for_when_its_footage_is_over),
        TEST(test_no_footage_of_the_future_is_asked_for),
        TEST(test_what_cards_hold_no_more_is_not_asked_for),
        TEST(test_nothing_is_asked_for_in_private_mode),
        TEST(test_a_record_is_asked_for_once_whenever_it_comes_again),
        TEST(test_two_rules_ask_each_for_its_own),
        TEST(test_a_rule_that_was_removed_asks_for_nothing),
        TEST(test_events_whose_times_overlap_are_one_request),
        TEST(test_an_event_waits_for_the_next_one),
        TEST(test_what_comes_later_belongs_to_what_was_asked_for),
        TEST(test_per_day_holds_for_a_tracker_and_the_days_of_its_events),
        TEST(test_a_backlog_of_yesterday_takes_nothing_from_today),
        TEST(test_a_flood_of_events_does_not_fill_the_catalogue),
        TEST(test_footage_that_is_here_is_not_asked_for),
        TEST(test_the_camera_that_missed_it_is_asked),
        TEST(test_a_trigger_that_is_a_name_is_known),
        TEST(test_a_camera_that_was_triggered_has_time_to_hand_it_over),
        TEST(test_the_file_of_a_camera_that_was_triggered_is_enough),
        TEST(test_another_trigger_is_not_this_event),
        TEST(test_what_is_not_noted_is_not_acknowledged),
        TEST(test_after_kills_each_event_has_one_request),
        TEST(test_what_was_asked_for_is_carried_on_and_forgotten),
        TEST(test_events_are_not_kept_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
