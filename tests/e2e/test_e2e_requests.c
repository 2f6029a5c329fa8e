/* Footage is asked for on the command line, comes in over a camera's connection, and says so: in
 * the list, in its custody, in the package that is made of it. */
#include "dashspool/clock.h"
#include "support/world.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define TIME  "2024-11-29T07:23:45Z"
#define VIDEO IMEI "-rear-video-20241129T072345Z"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)
#define SIMULATE(...) \
    RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--time", TIME, __VA_ARGS__)

static int open_world(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    world_start(&w);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static json_t *json_of(struct proc_result r)
{
    json_t *o = json_loads(proc_out(&r), JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(r.status, 0);
    assert_non_null(o);
    proc_clear(&r);
    return o;
}

static void assert_text(const json_t *o, const char *key, const char *expected)
{
    const json_t *value = json_object_get(o, key);
    if (!expected)
        assert_true(json_is_null(value));
    else
        assert_string_equal(json_string_value(value), expected);
}

static void test_a_clip_that_was_asked_for_says_by_whom_and_why(void **state)
{
    (void)state;
    char package[600];
    expect(RUN("request", "video", "--imei", IMEI, "--camera", "rear", "--at", TIME, "--for", "10s",
               "--reason", "claim 17", "--who", "anna"),
           0, "request 1 queued: camreq:0,2,1732865025,10\n");
    expect(RUN("requests"), 0, "    1  queued      " IMEI "  rear video of " TIME ", 10 s, by ");
    expect(SIMULATE("--rear", CLIP, "--trigger", "crash"), 0, "files uploaded: 1,");
    expect(RUN("requests", "--open"), 0, "queued"); /* the same moment, and not asked for */
    expect(RUN("requests", "show", "1"), 0, "  same time  " VIDEO "\n");
    expect(RUN("request", "video", "--imei", IMEI, "--camera", "both", "--at",
               "2024-11-29T07:23:54Z", "--for", "10s"),
           0, "\nStored already, of the same time: " VIDEO "\n");
    struct proc_result apart = RUN("request", "video", "--imei", IMEI, "--camera", "both", "--at",
                                   "2024-11-29T07:23:55Z", "--for", "10s");
    assert_null(strstr(proc_out(&apart), "Stored already"));
    proc_clear(&apart);
    expect(SIMULATE("--rear", CLIP, "--length", "6", "--fps", "25"), 0, "files uploaded: 1,");
    world_wait_jobs(&w);

    json_t *o = json_of(RUN("requests", "show", "1", "--json"));
    assert_text(o, "state", "fetched");
    assert_text(o, "by", "anna");
    assert_text(o, "reason", "claim 17");
    assert_text(o, "time", TIME);
    assert_text(o, "words", NULL);
    const json_t *file = json_array_get(json_object_get(o, "files"), 0);
    assert_true(json_is_true(json_object_get(file, "complete")));
    assert_true(json_is_false(json_object_get(file, "by_order")));
    char id[100];
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(file, "transfer")));
    /* of the same time is what is not the answer itself */
    const json_t *here = json_object_get(o, "covered_by");
    for (size_t i = 0; i < json_array_size(here); i++)
        assert_string_not_equal(json_string_value(json_array_get(here, i)), id);
    json_decref(o);
    json_t *all = json_of(RUN("requests", "--json"));
    assert_int_equal(json_array_size(all), 3);
    json_decref(all);
    all = json_of(RUN("requests", "--json", "--since", "2099-01-01"));
    assert_int_equal(json_array_size(all), 0);
    json_decref(all);
    expect(RUN("requests", "--since", "2024-11-29"), 0, "    1  fetched ");
    expect(RUN("requests", "--since", "2099-01-01"), 0, "no such requests");

    expect(RUN("show", id, "--custody"), 0, "\"what\":{\"asked\":\"2");
    expect(RUN("show", id, "--custody"), 0,
           "\"by\":\"anna\",\"command\":\"camreq:0,2,1732865025,10\",\"reason\":\"claim 17\","
           "\"request\":1}");
    expect(RUN("fsck"), 0, "no problems");
    snprintf(package, sizeof package, "%s/case", w.dir);
    expect(RUN("export", id, "-o", package), 0, "");
    expect(RUN("verify", package), 0, "");
    snprintf(package, sizeof package, "%s/case/data/custody.jsonl", w.dir);
    assert_int_equal(support_count(package, "\"event\":\"requested\""), 1);

    /* somebody who may not know who is who does not learn it so */
    snprintf(package, sizeof package, "%s/hidden", w.dir);
    expect(RUN("export", id, "-o", package, "--hide", "source,driver"), 0, "");
    expect(RUN("verify", package), 0, "");
    snprintf(package, sizeof package, "%s/hidden/data/custody.jsonl", w.dir);
    assert_int_equal(support_count(package, "\"event\":\"requested\""), 1);
    assert_int_equal(support_count(package, "anna"), 0);
    assert_int_equal(support_count(package, "camreq"), 0);
}

static void test_what_no_tracker_takes_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *says, *argv[12];
    } wrong[] = {
        {"a video has 1 to 30 seconds, not 31",
         {"video", "--camera", "front", "--at", TIME, "--for", "31s", "--imei", IMEI}},
        {"--for 1m: expected a number of seconds",
         {"video", "--camera", "front", "--at", TIME, "--for", "1m", "--imei", IMEI}},
        {"a video needs the time", {"video", "--camera", "front", "--for", "10", "--imei", IMEI}},
        {"in the future",
         {"video", "--camera", "front", "--at", "2099-01-01", "--for", "9", "--imei", IMEI}},
        {"a video needs a camera", {"video", "--at", TIME, "--for", "10", "--imei", IMEI}},
        {"a photo is of now", {"photo", "--camera", "front", "--at", TIME, "--imei", IMEI}},
        {"a resolution goes with a host",
         {"photo", "--camera", "front", "--resolution", "640x480", "--imei", IMEI}},
        {"a host goes with a port",
         {"photo", "--camera", "front", "--host", "a.b", "--imei", IMEI}},
        {"in lower case",
         {"photo", "--camera", "front", "--host", "A.b", "--port", "1", "--imei", IMEI}},
        {"give the tracker with --imei", {"photo", "--camera", "front"}},
        {"expected 15 digits", {"photo", "--camera", "front", "--imei", "12345"}},
        {"expected 15 digits, as trackers log in with",
         {"photo", "--camera", "front", "--imei", "35209308145225"}},
        {"expected 15 digits", {"photo", "--camera", "front", "--imei", "3520930814522510"}},
        {"--camera side: expected front, rear, both",
         {"photo", "--camera", "side", "--imei", IMEI}},
        {"dsm is of the driver camera", {"dsm", "--camera", "front", "--imei", IMEI}},
        {"restart needs one camera: front or rear", {"restart", "--imei", IMEI}},
        {"film: expected video, photo", {"film", "--imei", IMEI}},
        {"--login and --password go with --sms",
         {"photo", "--camera", "front", "--imei", IMEI, "--login", "x"}},
        {"say what", {"--imei", IMEI}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *argv[20] = {DASHSPOOL_BINARY, "--root", w.root, "request"};
        for (int k = 0; k < 12; k++)
            argv[4 + k] = wrong[i].argv[k];
        expect(proc_run(argv), 2, wrong[i].says);
    }
    expect(RUN("requests"), 0, "no requests; ask with 'dashspool request'");
    expect(RUN("requests", "drop", "1"), 2, "expected nothing, show ID or cancel ID");
    expect(RUN("requests", "show", "7"), 1, "no such request: 7");
    expect(RUN("requests", "cancel", "7"), 1, "no such request: 7");
}

/* A person finds out now, and not when the request expires. */
static void test_what_may_keep_it_from_coming_is_told_at_once(void **state)
{
    (void)state;
    static const char *const doubts[] = {"\nNo tracker with this IMEI has sent records here yet",
                                         "\n[telemetry] is not enabled: it is sent only",
                                         "\nThis time is more than 72 hours ago"};
    char now[CLOCK_TEXT_ROOM];
    clock_rfc3339(clock_utc_us() - 3600 * INT64_C(1000000), 0, now);
    for (size_t i = 0; i < sizeof doubts / sizeof *doubts; i++)
        expect(RUN("request", "video", "--imei", IMEI, "--camera", "rear", "--at", TIME, "--for",
                   "10s"),
               0, doubts[i]);
    struct proc_result r =
        RUN("request", "video", "--imei", IMEI, "--camera", "rear", "--at", now, "--for", "10s");
    assert_null(strstr(proc_out(&r), "72 hours"));
    proc_clear(&r);
}

static void test_commands_are_printed_as_they_are_sent(void **state)
{
    (void)state;
    expect(RUN("request", "photo", "--camera", "both", "--text"), 0, "camreq:1,3\n");
    expect(RUN("request", "dsm", "--text"), 0, "dsm_camreq:2,4\n");
    expect(RUN("request", "adas", "--at", TIME, "--text"), 0, "mdas_camreq:1,0,1732865025\n");
    expect(RUN("request", "adas", "--at", TIME, "--for", "5", "--text"), 0,
           "mdas_camreq:0,0,1732865025,5\n");
    expect(RUN("request", "version", "--text"), 0, "camgetver\n");
    expect(RUN("request", "format", "--camera", "driver", "--text"), 0, "dsm_sdformat\n");
    struct proc_result r = RUN("request", "photo", "--camera", "front", "--sms");
    assert_string_equal(proc_out(&r), "  camreq:1,1\n");
    proc_clear(&r);
    r = RUN("request", "photo", "--camera", "front", "--sms", "--login", "opa", "--password", "1");
    assert_string_equal(proc_out(&r), "opa 1 camreq:1,1\n");
    proc_clear(&r);
    json_t *all = json_of(RUN("requests", "--json"));
    assert_int_equal(json_array_size(all), 0);
    json_decref(all);
}

static void test_a_request_is_taken_back(void **state)
{
    (void)state;
    json_t *o = json_of(
        RUN("request", "photo", "--imei", IMEI, "--camera", "front", "--codec", "14", "--json"));
    assert_text(o, "state", "queued");
    assert_int_equal(json_integer_value(json_object_get(o, "codec")), 14);
    json_decref(o);
    expect(RUN("requests", "cancel", "1"), 0, "request 1: cancelled by ");
    expect(RUN("requests", "cancel", "1"), 1, "request 1 is over already: cancelled");
    expect(RUN("requests", "show", "1"), 0, "request 1: cancelled");
    expect(SIMULATE("--photo-front", PHOTO), 0, "files uploaded: 1,");
    json_t *all = json_of(RUN("requests", "--json", "--imei", IMEI));
    assert_int_equal(json_array_size(json_object_get(json_array_get(all, 0), "files")), 0);
    assert_int_equal(json_array_size(json_object_get(json_array_get(all, 0), "events")), 2);
    json_decref(all);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_clip_that_was_asked_for_says_by_whom_and_why),
        TEST(test_what_no_tracker_takes_is_refused_with_a_reason),
        TEST(test_what_may_keep_it_from_coming_is_told_at_once),
        TEST(test_commands_are_printed_as_they_are_sent),
        TEST(test_a_request_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
