/*
 * Requests on their way to a tracker: made by one process, sent by another, answered as trackers
 * answer, in pieces and between records; links that end, a server that is killed.
 */
#include "dashspool/clock.h"
#include "dashspool/requests.h"
#include "support/sql.h"
#include "support/trackers.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IMEI  "352093081452251"
#define PHOTO "camreq:1,1"

static struct world w;

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void start(void)
{
    world_open_telemetry(&w, DASHSPOOL_BINARY, "commit_ms = 5\n");
    world_start(&w);
}

static int log_in(void)
{
    return tracker_dial(&w, IMEI, AVL_LOGIN_ACCEPTED);
}

/* As a person does it, in another process. */
#define REQUEST(...) expect(DASHSPOOL(w.root, "request", __VA_ARGS__, "--imei", IMEI), 0, "")

/* ---- the tracker ---- */

static void say_as(int fd, uint16_t event_id, uint16_t id, uint8_t value)
{
    uint8_t one[128], frame[256];
    static uint64_t later_ms;
    const struct avl_io io = {.id = id, .width = 1, .bytes = &value};
    const struct avl_record r = {.time_ms = (uint64_t)clock_utc_us() / 1000 + later_ms++,
                                 .event_id = event_id,
                                 .satellites = 9};
    size_t n = avl_record_put(one, sizeof one, AVL_CODEC_8E, &r, &io, 1);
    n = avl_frame_put(frame, sizeof frame, AVL_CODEC_8E, 1, one, n);
    tracker_say(fd, frame, n);
}

static void deliver_as(int fd, uint16_t event_id, uint16_t id, uint8_t value)
{
    say_as(fd, event_id, id, value);
    tracker_is_answered(fd, 1);
}

static void deliver(int fd, uint16_t id, uint8_t value)
{
    deliver_as(fd, 0, id, value);
}

static void deliver_event(int fd, uint16_t id, uint8_t value)
{
    deliver_as(fd, id, id, value);
}

/* The next that comes is this command, of which the preamble was heard already. */
static void hears_rest(int fd, uint8_t codec, const char *command)
{
    uint8_t bytes[512] = {0};
    struct avl_frame frame;
    struct avl_message m;
    assert_true(tracker_hear(fd, bytes + 4, 4));
    size_t n = (size_t)bytes[6] << 8 | bytes[7];
    assert_in_range(n, 8, sizeof bytes - 12);
    assert_true(tracker_hear(fd, bytes + 8, n + 4));
    assert_int_equal(avl_frame_parse(bytes, n + 12, AVL_LENGTH_MAX, &frame), AVL_FINE);
    assert_true(avl_message_parse(&frame, &m));
    assert_int_equal(m.codec, codec);
    assert_int_equal(m.kind, AVL_MESSAGE_COMMAND);
    assert_string_equal(m.imei, codec == AVL_CODEC_14 ? IMEI : "");
    assert_int_equal(m.n, strlen(command));
    assert_memory_equal(m.data, command, m.n);
}

static void hears(int fd, uint8_t codec, const char *command)
{
    tracker_is_answered(fd, 0); /* the preamble */
    hears_rest(fd, codec, command);
}

static void says(int fd, uint8_t codec, enum avl_message_kind kind, const char *text)
{
    uint8_t frame[512];
    struct avl_message m = {
        .codec = codec, .kind = kind, .data = (const uint8_t *)text, .n = strlen(text)};
    if (codec == AVL_CODEC_14)
        memcpy(m.imei, IMEI, sizeof IMEI);
    size_t n = avl_message_put(frame, sizeof frame, &m);
    assert_true(n > 0);
    tracker_say(fd, frame, n);
}

static void answers(int fd, const char *text)
{
    says(fd, AVL_CODEC_12, AVL_MESSAGE_ANSWER, text);
}

/* ---- what is known of a request ---- */

static struct requests_request request(int64_t id)
{
    struct requests_request r = {.id = 0};
    struct catalogue *c = NULL;
    struct err err;
    assert_ok(catalogue_open(&c, w.root, false, &err));
    assert_ok(requests_get(c, id, &r, &err));
    catalogue_close(&c);
    return r;
}

static enum requests_state state_of(int64_t id)
{
    return request(id).state;
}

#define ACCEPTED "Photo request from source 1. Preparing to send file from timestamp 1732865025."

static void is_accepted(int64_t id)
{
    support_wait(state_of(id) == REQUESTS_ACCEPTED);
    assert_int_equal(request(id).answered_s, 1732865025);
}

/* ---- tests ---- */

static void test_a_request_of_another_process_is_sent_while_the_link_is_up(void **state)
{
    (void)state;
    start();
    int fd = log_in();
    deliver(fd, AVL_ID_IGNITION, 1);
    REQUEST("photo", "--camera", "front");
    hears(fd, AVL_CODEC_12, PHOTO); /* with no further frame of the tracker */
    assert_int_equal(state_of(1), REQUESTS_SENT);
    answers(fd, ACCEPTED "\r\n");
    is_accepted(1);
    assert_string_equal(request(1).words, ACCEPTED);
    deliver(fd, AVL_ID_IGNITION, 1); /* no number was sent for the answer */
    tracker_is_silent(fd);
    close(fd);
}

static void test_a_request_waits_for_the_tracker_and_for_its_silence(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in();
    tracker_is_silent(fd);
    hears(fd, AVL_CODEC_12, PHOTO); /* without a record of it */
    answers(fd, ACCEPTED);
    is_accepted(1);
    close(fd);
}

/* Its next frame is there before the command was looked for: it goes between two of them. */
static void test_a_tracker_with_a_backlog_hears_the_command_between_frames(void **state)
{
    (void)state;
    static const uint8_t one[4] = {0, 0, 0, 1};
    uint8_t got[4];
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in(), frames = 0;
    do {
        assert_in_range(++frames, 1, 100000);
        say_as(fd, 0, AVL_ID_IGNITION, 1);
        assert_true(tracker_hear(fd, got, sizeof got));
    } while (memcmp(got, one, sizeof one) == 0);
    hears_rest(fd, AVL_CODEC_12, PHOTO);
    assert_int_equal(request(1).sent, 1); /* at the first try */
    answers(fd, ACCEPTED);
    is_accepted(1);
    close(fd);
}

static void test_an_answer_in_two_parts_between_records(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    answers(fd, "Photo request from source 1. Preparing to send fi");
    deliver(fd, AVL_ID_IGNITION, 1);
    assert_int_equal(state_of(1), REQUESTS_SENT);
    answers(fd, "le from timestamp 1732865025.");
    is_accepted(1);
    assert_string_equal(request(1).words, ACCEPTED);
    close(fd);
}

static void test_a_binary_answer_is_kept_in_one_printable_line(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    answers(fd, "Error: DualCam\033[31m is not\nconfigured!\r\n");
    support_wait(state_of(1) != REQUESTS_SENT || request(1).words[0]);
    for (const char *p = request(1).words; *p; p++)
        assert_true(*p >= ' ');
    close(fd);
}

static void test_one_command_at_a_time(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    REQUEST("photo", "--camera", "rear");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    deliver(fd, AVL_ID_IGNITION, 1);
    deliver(fd, AVL_ID_IGNITION, 1);
    tracker_is_silent(fd);
    assert_int_equal(state_of(2), REQUESTS_QUEUED);
    answers(fd, ACCEPTED);
    hears(fd, AVL_CODEC_12, "camreq:1,2");
    close(fd);
}

static void test_a_link_that_ends_before_the_answer(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    close(fd);
    support_wait(state_of(1) == REQUESTS_WAITING);
    fd = log_in();
    deliver(fd, AVL_ID_IGNITION, 1);
    hears(fd, AVL_CODEC_12, PHOTO);
    answers(fd, ACCEPTED);
    is_accepted(1);
    assert_int_equal(request(1).sent, 2);
    close(fd);
}

static void test_a_server_that_is_killed_after_the_command(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    REQUEST("restart", "--camera", "rear");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    answers(fd, "Error: DualCam is not configured!");
    support_wait(state_of(1) == REQUESTS_REFUSED);
    hears(fd, AVL_CODEC_12, request(2).command);
    world_kill(&w);
    close(fd);
    world_start(&w);
    fd = log_in();
    deliver(fd, AVL_ID_IGNITION, 1);
    REQUEST("photo", "--camera", "front");
    hears(fd, AVL_CODEC_12, PHOTO); /* and not the restart again */
    assert_int_equal(request(2).sent, 1);
    close(fd);
}

static void test_what_waits_for_the_ignition_is_sent_when_it_is_on(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    answers(fd, "Error: Cannot capture because ignition is off");
    support_wait(state_of(1) == REQUESTS_WAITING);
    assert_true(request(1).waits & REQUESTS_FOR_IGNITION);
    expect(DASHSPOOL(w.root, "status"), 0, "requests   1 open\n  1    " IMEI " front photo, by ");
    expect(DASHSPOOL(w.root, "status"), 0, ": waiting: the ignition is off; asked again when");
    expect(DASHSPOOL(w.root, "status", "--json"), 0, "\"state\": \"waiting\"");
    deliver(fd, AVL_ID_IGNITION, 0);
    deliver(fd, AVL_ID_IGNITION, 1);
    hears(fd, AVL_CODEC_12, PHOTO);
    close(fd);
}

/* FMx650 reports its cameras by ids of their own. */
static void test_what_waits_for_a_camera_is_sent_when_it_is_there(void **state)
{
    static const uint16_t of_front[] = {AVL_ID_CAMERA_FRONT, 12301, 12303, 12304, 12306};
    (void)state;
    start();
    REQUEST("photo", "--camera", "front");
    int fd = log_in();
    hears(fd, AVL_CODEC_12, PHOTO);
    answers(fd, "Error: Front / Rear Camera not present");
    support_wait(state_of(1) == REQUESTS_WAITING);
    for (size_t i = 0; i < sizeof of_front / sizeof *of_front; i++) {
        sql_run(support_path(w.root, "catalogue.db"),
                "PRAGMA busy_timeout = 30000; UPDATE request SET waits = 4, not_before_us ="
                " (strftime('%s', 'now') + 3600) * 1000000"); /* and is not sent meanwhile */
        deliver(fd, 12302, 3);                                /* the other camera */
        deliver(fd, of_front[i], 1);                          /* it has no card */
        assert_int_equal(request(1).waits, REQUESTS_FOR_FRONT);
        deliver(fd, of_front[i], 3);
        support_wait(request(1).waits == 0);
    }
    close(fd);
}

static void test_codec_14_that_another_tracker_refuses(void **state)
{
    (void)state;
    start();
    REQUEST("photo", "--camera", "front", "--codec", "14");
    int fd = log_in();
    hears(fd, AVL_CODEC_14, PHOTO);
    says(fd, AVL_CODEC_14, AVL_MESSAGE_NACK, "");
    support_wait(state_of(1) == REQUESTS_WAITING || state_of(1) == REQUESTS_QUEUED);
    assert_has(request(1).why, "another IMEI");
    close(fd);
}

/* [request NAME]: what was acknowledged is asked for, whatever ends in between. */
static void test_an_event_is_asked_for_by_itself_after_a_kill(void **state)
{
    struct catalogue *c = NULL;
    struct err err;
    int64_t n = 0;
    (void)state;
    world_open_telemetry(&w, DASHSPOOL_BINARY,
                         "commit_ms = 5\n[request harsh]\non = crash\ncameras = front\n"
                         "before = 3 s\nafter = 0\n");
    world_start(&w);
    int fd = log_in();
    deliver(fd, AVL_ID_CRASH, 1); /* not the event of its record: it is periodic */
    deliver_event(fd, AVL_ID_CRASH, 1);
    world_kill(&w);
    close(fd);
    world_start(&w);
    fd = log_in();
    assert_ok(catalogue_open(&c, w.root, false, &err));
    for (int64_t until_us = 0; n == 0; support_wait_a_little(&until_us, "a request"))
        assert_ok(requests_count(c, &(struct requests_filter){.imei = IMEI}, &n, &err));
    catalogue_close(&c);
    assert_int_equal(n, 1);
    assert_string_equal(request(1).by, "rule harsh");
    assert_has(request(1).reason, "crash (AVL 247 = 1) at ");
    hears(fd, AVL_CODEC_12, request(1).command);
    char accepted[100];
    const int64_t time_s = request(1).what.time_s;
    snprintf(accepted, sizeof accepted, "Preparing to send file from timestamp %lld.",
             (long long)time_s);
    answers(fd, accepted);
    support_wait(state_of(1) == REQUESTS_ACCEPTED);
    assert_int_equal(request(1).answered_s, time_s);
    close(fd);
    struct proc_result listed = DASHSPOOL(w.root, "requests");
    expect(listed, 0, "rule harsh");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_of_another_process_is_sent_while_the_link_is_up),
        TEST(test_a_request_waits_for_the_tracker_and_for_its_silence),
        TEST(test_a_tracker_with_a_backlog_hears_the_command_between_frames),
        TEST(test_an_answer_in_two_parts_between_records),
        TEST(test_a_binary_answer_is_kept_in_one_printable_line),
        TEST(test_one_command_at_a_time),
        TEST(test_a_link_that_ends_before_the_answer),
        TEST(test_a_server_that_is_killed_after_the_command),
        TEST(test_what_waits_for_the_ignition_is_sent_when_it_is_on),
        TEST(test_what_waits_for_a_camera_is_sent_when_it_is_there),
        TEST(test_codec_14_that_another_tracker_refuses),
        TEST(test_an_event_is_asked_for_by_itself_after_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
