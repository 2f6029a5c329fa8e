/* A tracker's connection: what is answered to what it sends, whatever way its bytes were cut; and
 * one command at a time beside its records. */
#include "intake/telemetry/session.h"
#include "support/vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S       INT64_C(1000000)
#define OWN     "356307042441013" /* of the vector "login" */
#define COMMAND "camreq:1,1"

static const struct session_limits limits = {
    .login_us = 30 * S,
    .idle_us = 1800 * S,
    .quiet_us = 2 * S,
    .answer_us = 120 * S,
    .wrong_max = 3,
    .length_max = AVL_LENGTH_MAX,
};

/* The driver of a test: it accepts, stores at once, and writes down what it was told. */
static struct play {
    struct session *s;
    int64_t now_us;
    bool refuses, keeps; /* keeps: a STORE is answered by hand */
    char told[8192];
    char answer[1024]; /* the last ANSWER, or SILENT */
} p;

static int load(void **state)
{
    (void)state;
    vectors_load("avl-vectors.tsv");
    return 0;
}

static void note(const char *word, const uint8_t *data, size_t n, const char *text)
{
    size_t used = strlen(p.told);
    used += (size_t)snprintf(p.told + used, sizeof p.told - used, "%s%s", used ? " " : "", word);
    for (size_t i = 0; i < n && i < 8; i++)
        used +=
            (size_t)snprintf(p.told + used, sizeof p.told - used, "%s%02x", i ? "" : ":", data[i]);
    if (text[0])
        snprintf(p.told + used, sizeof p.told - used, "(%s)", text);
}

static void drain(void)
{
    struct session_action a;
    for (;;) {
        session_next(p.s, p.now_us, &a);
        switch (a.type) {
        case SESSION_DO_NOTHING:
            return;
        case SESSION_DO_SEND:
            note("send", a.data, a.n, "");
            break;
        case SESSION_DO_LOGIN:
            note("login", NULL, 0, session_imei(p.s));
            session_judged(p.s, !p.refuses, "not on the list", p.now_us);
            break;
        case SESSION_DO_STORE:
            note("store", &a.frame.n, 1, "");
            if (!p.keeps)
                session_stored(p.s, p.now_us);
            break;
        case SESSION_DO_READY:
            assert_true(session_ready(p.s, p.now_us));
            note("ready", NULL, 0, "");
            break;
        case SESSION_DO_ANSWER:
        case SESSION_DO_MORE:
        case SESSION_DO_SILENT:
            snprintf(p.answer, sizeof p.answer, "%.*s", (int)a.n, (const char *)a.data);
            note(a.type == SESSION_DO_ANSWER ? "answer"
                 : a.type == SESSION_DO_MORE ? "more"
                                             : "silent",
                 NULL, 0, "");
            break;
        case SESSION_DO_NACK:
            note("nack", NULL, 0, "");
            break;
        case SESSION_DO_LOG:
            note("log", NULL, 0, a.event);
            break;
        case SESSION_DO_CLOSE:
            note("close", NULL, 0, a.text);
            break;
        }
    }
}

static void begin(void)
{
    struct err err;
    memset(&p, 0, sizeof p);
    p.now_us = 1000 * S;
    assert_ok(session_new(&p.s, &limits, p.now_us, &err));
}

static int end(void **state)
{
    (void)state;
    session_free(&p.s);
    return 0;
}

static void feed(const void *data, size_t n)
{
    struct err err;
    assert_ok(session_feed(p.s, data, n, p.now_us, &err));
    drain();
}

static void feed_vector(const char *name)
{
    feed(vector(name)->data, vector(name)->n);
}

/* Since the last call. */
#define assert_told(what)                    \
    do {                                     \
        assert_string_equal(p.told, (what)); \
        p.told[0] = '\0';                    \
    } while (0)

static void log_in(void)
{
    begin();
    feed_vector("login");
    assert_told("login(" OWN ") send:01");
}

static void later(int64_t us)
{
    p.now_us += us;
    drain();
}

/* ---- records ---- */

static void test_records_are_answered_by_their_number_once_they_are_stored(void **state)
{
    (void)state;
    log_in();
    p.keeps = true;
    feed_vector("c8-2rec");
    assert_told("store:02");
    assert_true(session_waiting(p.s));
    feed_vector("c8-1rec"); /* it should wait, and is not lost */
    assert_told("");
    session_stored(p.s, p.now_us);
    drain();
    assert_told("send:00000002 store:01");
    session_stored(p.s, p.now_us);
    drain();
    assert_told("send:00000001 ready");
}

static void test_two_frames_in_one_segment_have_an_answer_each(void **state)
{
    (void)state;
    log_in();
    feed_vector("two-frames");
    assert_told("store:01 send:00000001 store:01 send:00000001 ready");
}

static void test_a_session_is_the_same_byte_by_byte(void **state)
{
    (void)state;
    static const char *const session[] = {
        "ping", "login",          "ping", "c8-1rec",  "c13-rsp",      "c8e-2rec-nx",
        "ping", "c8e-tamper-crc", "c15",  "c16-2rec", "c8-1rec-short"};
    static char whole[sizeof p.told];
    for (int bytewise = 0; bytewise < 2; bytewise++) {
        begin();
        for (size_t i = 0; i < sizeof session / sizeof *session; i++) {
            const struct vector *v = vector(session[i]);
            for (size_t at = 0, n = bytewise ? 1 : v->n; at < v->n; at += n)
                feed((const uint8_t *)v->data + at, n);
        }
        if (!bytewise)
            snprintf(whole, sizeof whole, "%s", p.told);
        else
            assert_told(whole);
        end(state);
    }
    assert_has(whole, "send:01 store:01 send:00000001");
    assert_has(whole, "store:02 send:00000002");
    begin();
}

static void test_no_records_are_answered_by_0(void **state)
{
    (void)state;
    uint8_t frame[64];
    log_in();
    size_t n = avl_frame_put(frame, sizeof frame, AVL_CODEC_8, 0, "", 0);
    assert_true(n > 0);
    feed(frame, n);
    assert_told("send:00000000");
}

static void test_wrong_frames_are_not_answered_and_the_third_closes(void **state)
{
    (void)state;
    log_in();
    feed_vector("c8e-tamper-crc");
    feed_vector("c8e-tamper-crc");
    assert_told("log(wrong frame, not answered) log(wrong frame, not answered)");
    feed_vector("c8-1rec"); /* it has found its feet */
    assert_told("store:01 send:00000001 ready");
    for (int i = 0; i < 3; i++)
        feed_vector("c8e-tamper-crc");
    assert_has(p.told, "close(3 wrong frames in a row, the last: ");
    assert_null(strstr(p.told, "send"));
    assert_int_equal(session_stats(p.s)->wrong, 5);
    assert_int_equal(session_stats(p.s)->records, 1);
}

/* ---- who is no tracker, or not ours ---- */

static void test_who_is_not_accepted_is_told_so_and_closed(void **state)
{
    (void)state;
    begin();
    p.refuses = true;
    feed_vector("login");
    assert_told("login(" OWN ") send:00 close(not on the list)");
    feed_vector("c8-1rec");
    assert_told("");
}

static void test_a_login_of_other_things_than_15_digits_is_refused(void **state)
{
    (void)state;
    begin();
    feed("\0\x0f"
         "35630704244101x",
         17);
    assert_told("send:00 close(login is not an IMEI of 15 digits)");
}

static void test_a_second_login(void **state)
{
    (void)state;
    log_in();
    feed_vector("login");
    assert_told("send:01");
    feed("\0\x0f"
         "352093081452251",
         17);
    assert_told("send:00 close(second login, with another IMEI)");
}

static void test_data_before_the_login_closes(void **state)
{
    (void)state;
    begin();
    feed_vector("c8-1rec");
    assert_told("close(data before the login)");
}

static void test_a_camera_on_this_port_is_told_where_to_go(void **state)
{
    (void)state;
    static const uint8_t init[] = {0,    0,    0,    5,    0, 1, 0x40, 0x3a,
                                   0x98, 0x46, 0x11, 0x35, 0, 0, 0,    0};
    begin();
    feed(init, sizeof init);
    assert_has(p.told, "close(a camera's file transfer (IMEI ");
    assert_has(p.told, "[receive]");
}

static void test_a_browser_and_a_wrong_preamble_close_with_their_name(void **state)
{
    (void)state;
    begin();
    feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    assert_has(p.told, "close(");
    assert_has(p.told, "HTTP");
    end(state);
    log_in();
    feed_vector("c8-bad-preamble");
    assert_has(p.told, "close(");
    assert_null(strstr(p.told, "send"));
}

/* ---- silence ---- */

static void test_silence_ends_a_link(void **state)
{
    (void)state;
    begin();
    later(29 * S);
    assert_told("");
    assert_int_equal(session_deadline_us(p.s), p.now_us + S);
    later(S);
    assert_told("close(no login)");
    end(state);
    log_in();
    later(1700 * S);
    assert_told("ready");
    feed_vector("ping"); /* a ping is enough */
    later(1700 * S);
    assert_told("");
    later(100 * S);
    assert_told("close(silent)");
}

static void test_the_tracker_closes(void **state)
{
    (void)state;
    log_in();
    session_eof(p.s);
    drain();
    assert_told("close(closed by the tracker)");
}

/* ---- commands ---- */

static void send_command(void)
{
    struct err err;
    assert_true(session_ready(p.s, p.now_us));
    assert_ok(session_command(p.s, COMMAND, false, p.now_us, &err));
    assert_false(session_ready(p.s, p.now_us)); /* one at a time */
    drain();
    assert_told("send:0000000000000012");
}

static void say(uint8_t codec, enum avl_message_kind kind, const char *text)
{
    uint8_t frame[512];
    struct avl_message m = {
        .codec = codec, .kind = kind, .data = (const uint8_t *)text, .n = strlen(text)};
    if (codec == AVL_CODEC_14)
        memcpy(m.imei, OWN, sizeof OWN);
    size_t n = avl_message_put(frame, sizeof frame, &m);
    assert_true(n > 0);
    feed(frame, n);
}

static void test_a_command_may_be_sent_after_a_frame_or_two_seconds(void **state)
{
    (void)state;
    log_in();
    assert_false(session_ready(p.s, p.now_us));
    assert_int_equal(session_deadline_us(p.s), p.now_us + 2 * S);
    later(2 * S);
    assert_told("ready");
    send_command();
    end(state);
    log_in();
    feed_vector("c8-1rec");
    assert_told("store:01 send:00000001 ready");
    send_command();
}

static void test_an_answer_is_never_answered(void **state)
{
    (void)state;
    log_in();
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    send_command();
    feed_vector("c12-camreq-rsp");
    assert_told("answer");
    assert_has(p.answer, "Photo request from source 1.");
    session_settled(p.s, true);
    drain();
    assert_told("ready");
    later(limits.answer_us);
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "late");
    assert_told("log(unexpected answer of the tracker)");
    feed_vector("c13-rsp");
    feed_vector("c15");
    assert_told("log(message of the tracker ignored) log(message of the tracker ignored)");
}

static void test_an_answer_in_two_parts_between_records(void **state)
{
    (void)state;
    log_in();
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    send_command();
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "Video request from sou");
    assert_told("answer");
    session_settled(p.s, false);
    feed_vector("c8-2rec");
    assert_told("store:02 send:00000002");
    assert_false(session_ready(p.s, p.now_us));
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "rce 1. Preparing\r\n");
    assert_told("answer");
    assert_string_equal(p.answer, "Video request from source 1. Preparing\r\n");
    session_settled(p.s, true);
    drain();
    assert_told("ready");
}

static void test_pieces_that_come_while_the_first_is_judged_are_not_lost(void **state)
{
    (void)state;
    log_in();
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    send_command();
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "one ");
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "two");
    assert_told("answer");
    session_settled(p.s, false);
    drain();
    assert_told("answer");
    assert_string_equal(p.answer, "one two");
}

/* As camgetver has a sentence for each camera, and the first one settles it. */
static void test_the_rest_of_an_answer_belongs_to_it(void **state)
{
    (void)state;
    log_in();
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "of nothing");
    assert_told("log(unexpected answer of the tracker)");
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    send_command();
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "Front V1.");
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, " Rear V2."); /* while the first is judged */
    assert_told("answer");
    session_settled(p.s, true);
    drain();
    assert_told("more ready");
    assert_string_equal(p.answer, "Front V1. Rear V2.");
    assert_true(session_ready(p.s, p.now_us)); /* nothing waits for it */
    feed_vector("c8-2rec");
    assert_told("store:02 send:00000002 ready");
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, " Road V3.");
    assert_told("more");
    assert_string_equal(p.answer, "Front V1. Rear V2. Road V3.");
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "");
    assert_told("");
    for (int i = 2; i < SESSION_REST; i++) {
        say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "!");
        assert_told("more");
    }
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "without end");
    assert_told("log(unexpected answer of the tracker)");
    send_command(); /* what comes now is of the next one */
    say(AVL_CODEC_12, AVL_MESSAGE_ANSWER, "Front V4.");
    assert_told("answer");
    assert_string_equal(p.answer, "Front V4.");
}

static void test_no_answer_is_told_after_two_minutes(void **state)
{
    (void)state;
    log_in();
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    send_command();
    assert_int_equal(session_deadline_us(p.s), p.now_us + 120 * S);
    later(119 * S);
    assert_told("");
    later(S);
    assert_told("silent ready");
    assert_string_equal(p.answer, "");
}

static void test_codec_14_names_the_tracker_and_can_be_refused(void **state)
{
    (void)state;
    struct err err;
    log_in();
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    assert_ok(session_command(p.s, COMMAND, true, p.now_us, &err));
    drain();
    assert_told("send:000000000000001a");
    say(AVL_CODEC_14, AVL_MESSAGE_NACK, "");
    assert_told("nack ready");
    assert_ok(session_command(p.s, COMMAND, true, p.now_us, &err));
    drain();
    feed_vector("c14-ack"); /* of another IMEI */
    assert_has(p.told, "log(answer of another tracker)");
    p.told[0] = '\0';
    say(AVL_CODEC_14, AVL_MESSAGE_ANSWER, "done");
    assert_told("answer");
    assert_string_equal(p.answer, "done");
}

static void test_what_is_no_command_is_not_sent(void **state)
{
    (void)state;
    struct err err;
    char text[AVL_COMMAND_CHARS + 2];
    log_in();
    feed_vector("c8-1rec");
    p.told[0] = '\0';
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_err(ERR_LIMIT, session_command(p.s, text, false, p.now_us, &err));
    drain();
    assert_told("");
    assert_true(session_ready(p.s, p.now_us));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, end)
    const struct CMUnitTest tests[] = {
        TEST(test_records_are_answered_by_their_number_once_they_are_stored),
        TEST(test_two_frames_in_one_segment_have_an_answer_each),
        TEST(test_a_session_is_the_same_byte_by_byte),
        TEST(test_no_records_are_answered_by_0),
        TEST(test_wrong_frames_are_not_answered_and_the_third_closes),
        TEST(test_who_is_not_accepted_is_told_so_and_closed),
        TEST(test_a_login_of_other_things_than_15_digits_is_refused),
        TEST(test_a_second_login),
        TEST(test_data_before_the_login_closes),
        TEST(test_a_camera_on_this_port_is_told_where_to_go),
        TEST(test_a_browser_and_a_wrong_preamble_close_with_their_name),
        TEST(test_silence_ends_a_link),
        TEST(test_the_tracker_closes),
        TEST(test_a_command_may_be_sent_after_a_frame_or_two_seconds),
        TEST(test_an_answer_is_never_answered),
        TEST(test_an_answer_in_two_parts_between_records),
        TEST(test_pieces_that_come_while_the_first_is_judged_are_not_lost),
        TEST(test_the_rest_of_an_answer_belongs_to_it),
        TEST(test_no_answer_is_told_after_two_minutes),
        TEST(test_codec_14_names_the_tracker_and_can_be_refused),
        TEST(test_what_is_no_command_is_not_sent),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
