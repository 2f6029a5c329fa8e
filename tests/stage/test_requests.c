/* Requests from the asking to the file: each answer, silence, lost links, what comes in which
 * order; and by chance, whatever happens, what must always hold. */
#include "dashspool/requests.h"
#include "support/catalogued.h"
#include "support/sql.h"
#include "support/support.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMEI  "352093081452251"
#define OTHER "352093081452252"
#define S     INT64_C(1000000)
#define T     (CATALOGUED_T0_US / S) /* of the footage that is asked for */
#define NOW   (CATALOGUED_T0_US + 600 * S)

static struct camreq video(const char *camera, int64_t time_s)
{
    struct camreq what = {.kind = CAMREQ_VIDEO, .time_s = time_s, .seconds = 10};
    snprintf(what.camera, sizeof what.camera, "%s", camera);
    return what;
}

static struct camreq plain(enum camreq_kind kind, const char *camera)
{
    struct camreq what = {.kind = kind};
    snprintf(what.camera, sizeof what.camera, "%s", camera);
    return what;
}

static int64_t ask(struct catalogued *f, const char *imei, struct camreq what, int64_t now)
{
    struct err err;
    struct requests_request r = {.what = what, .by = "anna", .reason = "claim 17"};
    snprintf(r.imei, sizeof r.imei, "%s", imei);
    assert_ok(requests_add(f->c, &r, now, &err));
    assert_int_equal(r.state, REQUESTS_QUEUED);
    return r.id;
}

static struct requests_request get(struct catalogued *f, int64_t id)
{
    struct err err;
    struct requests_request r;
    assert_ok(requests_get(f->c, id, &r, &err));
    return r;
}

#define assert_state(f, id, expected)                                                       \
    do {                                                                                    \
        struct requests_request r_ = get(f, id);                                            \
        if (r_.state != (expected))                                                         \
            fail_msg("request %d is %s instead of %s: %s", (int)(id),                       \
                     requests_state_name(r_.state), requests_state_name(expected), r_.why); \
    } while (0)

/* The id of what is due; 0: nothing. */
static int64_t next(struct catalogued *f, const char *imei, int64_t now)
{
    struct err err;
    struct requests_request r;
    bool found;
    assert_ok(requests_next(f->c, imei, now, &r, &found, &err));
    return found ? r.id : 0;
}

static void assert_due_at(struct catalogued *f, int64_t id, int64_t at)
{
    assert_int_equal(next(f, IMEI, at - 1), 0);
    assert_int_equal(next(f, IMEI, at), id);
}

static void send_to(struct catalogued *f, const char *imei, int64_t id, int64_t now)
{
    struct err err;
    assert_int_equal(next(f, imei, now), id);
    assert_ok(requests_sent(f->c, id, "10.0.0.1:40123", now, &err));
    assert_state(f, id, REQUESTS_SENT);
}

static void send(struct catalogued *f, int64_t id, int64_t now)
{
    send_to(f, IMEI, id, now);
}

static void answer(struct catalogued *f, int64_t id, const char *text, int64_t now)
{
    struct err err;
    bool settled;
    assert_ok(requests_answered(f->c, id, text, strlen(text), now, &settled, &err));
    assert_true(settled);
}

static void accept(struct catalogued *f, int64_t id, int64_t time_s, int64_t now)
{
    char text[100];
    send(f, id, now);
    snprintf(text, sizeof text, "Preparing to send file from timestamp %" PRId64 ".", time_s);
    answer(f, id, text, now + S);
    assert_state(f, id, REQUESTS_ACCEPTED);
}

static struct catalogue_transfer transfer(const char *imei, const char *camera, const char *kind,
                                          int64_t time_s)
{
    struct catalogue_transfer t = catalogued_transfer(imei, camera, time_s * S);
    snprintf(t.kind, sizeof t.kind, "%s", kind);
    snprintf(t.trigger_name, sizeof t.trigger_name, "request");
    return t;
}

static void begin(struct catalogued *f, struct catalogue_transfer *t, int64_t now)
{
    struct err err;
    assert_ok(catalogue_transfer_add(f->c, t, &err));
    assert_ok(requests_began(f->c, t, now, &err));
}

static void store(struct catalogued *f, struct catalogue_transfer *t, int64_t now)
{
    struct err err;
    t->state = CATALOGUE_STORED;
    t->completed_us = now;
    assert_ok(catalogue_transfer_update(f->c, t, &err));
    assert_ok(requests_stored(f->c, t, NULL, now, &err));
}

static struct catalogue_transfer arrive(struct catalogued *f, struct catalogue_transfer t,
                                        int64_t now)
{
    begin(f, &t, now);
    store(f, &t, now + S);
    return t;
}

/* ---- asking ---- */

static int add_event(void *arg, const struct requests_event *e, struct err *err)
{
    char *text = arg;
    size_t used = strlen(text);
    (void)err;
    snprintf(text + used, 4000 - used, "%s|%s|%s\n", requests_state_name(e->state), e->what,
             e->words);
    return 0;
}

static void test_a_request_is_kept_with_all_that_happens(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    char events[4000] = "";
    int64_t id = ask(f, IMEI, video("front", T), NOW);
    struct requests_request r = get(f, id);
    assert_int_equal(id, 1);
    assert_string_equal(r.command, "camreq:0,1,1732865025,10");
    assert_string_equal(r.by, "anna");
    assert_string_equal(r.reason, "claim 17");
    assert_int_equal(r.codec, 12);
    assert_int_equal(r.files_due, 1);
    assert_int_equal(r.expires_us, T * S + 72 * 3600 * S);
    accept(f, id, T, NOW);
    catalogued_reopen(f);
    arrive(f, transfer(IMEI, "front", "video", T), NOW + 60 * S);
    r = get(f, id);
    assert_int_equal(r.state, REQUESTS_FETCHED);
    assert_int_equal(r.files, 1);
    assert_int_equal(r.answered_s, T);
    assert_string_equal(r.words, "Preparing to send file from timestamp 1732865025.");
    assert_ok(requests_event_each(f->c, id, add_event, events, &err));
    assert_string_equal(
        events,
        "queued|asked for by anna|\n"
        "sent|sent to 10.0.0.1:40123 (Codec 12)|\n"
        "accepted|accepted; the file comes|Preparing to send file from timestamp 1732865025.\n"
        "uploading|the front camera sends it: 352093081452251-front-video-20241129T072345Z|\n"
        "fetched|stored: 352093081452251-front-video-20241129T072345Z|\n");
}

static void test_what_no_tracker_takes_is_not_asked_for(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct requests_request r = {.imei = IMEI, .by = "anna", .what = video("front", T)};
    r.what.seconds = 31;
    assert_err(ERR_CONFIG, requests_add(f->c, &r, NOW, &err));
    r.what.seconds = 10;
    r.codec = 13;
    assert_err(ERR_CONFIG, requests_add(f->c, &r, NOW, &err));
    r.codec = 0;
    r.imei[13] = '\0';
    assert_err(ERR_CONFIG, requests_add(f->c, &r, NOW, &err));
    snprintf(r.imei, sizeof r.imei, "%s", IMEI);
    r.by[0] = '\0';
    assert_err(ERR_CONFIG, requests_add(f->c, &r, NOW, &err));
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM request"), 0);
    assert_err(ERR_NOTFOUND, requests_get(f->c, 1, &r, &err));
}

static void test_the_same_asked_for_anew_supersedes(void **state)
{
    struct catalogued *f = *state;
    int64_t first = ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW),
            rear = ask(f, IMEI, plain(CAMREQ_PHOTO, "rear"), NOW),
            elsewhere = ask(f, OTHER, plain(CAMREQ_PHOTO, "front"), NOW),
            second = ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW);
    assert_state(f, first, REQUESTS_SUPERSEDED);
    assert_has(get(f, first).why, "request 4");
    assert_state(f, rear, REQUESTS_QUEUED);
    assert_state(f, elsewhere, REQUESTS_QUEUED);
    send(f, rear, NOW);
    answer(f, rear, "Error: Cannot capture because ignition is off", NOW);
    accept(f, second, T, NOW);
    ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW); /* what is under way comes */
    assert_state(f, second, REQUESTS_ACCEPTED);
    ask(f, IMEI, plain(CAMREQ_PHOTO, "rear"), NOW);
    assert_state(f, rear, REQUESTS_SUPERSEDED);
}

static void test_a_person_takes_it_back(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t id = ask(f, IMEI, video("front", T), NOW), out = ask(f, IMEI, video("rear", T), NOW);
    assert_ok(requests_cancel(f->c, id, "bert", NOW, &err));
    assert_state(f, id, REQUESTS_CANCELLED);
    assert_string_equal(get(f, id).why, "cancelled by bert");
    assert_err(ERR_CONFIG, requests_cancel(f->c, id, "bert", NOW, &err));
    assert_has(err.text, "cancelled");
    assert_err(ERR_NOTFOUND, requests_cancel(f->c, 99, "bert", NOW, &err));
    assert_err(ERR_BUSY, requests_sent(f->c, id, "x", NOW, &err));
    accept(f, out, T, NOW);
    assert_ok(requests_cancel(f->c, out, "bert", NOW, &err));
    assert_has(get(f, out).why, "none the less");
    arrive(f, transfer(IMEI, "rear", "video", T), NOW); /* fulfils nothing any more */
    assert_state(f, out, REQUESTS_CANCELLED);
}

/* ---- answers ---- */

static void test_each_answer_has_its_state(void **state)
{
    static const struct {
        const char *text;
        enum requests_state state;
        int due_s; /* after the answer; -1: not by itself */
    } rows[] = {
        {"Preparing to send file from timestamp 1732865025", REQUESTS_ACCEPTED, 35 * 60},
        {"Request for video from source 1 received for 10 seconds since 2024-11-2907:23:45",
         REQUESTS_ACCEPTED, 35 * 60},
        {"Warning: Photo / Video already captured previously, trying to send it", REQUESTS_WAITING,
         35 * 60},
        {"Error: Invalid camera request command!", REQUESTS_REFUSED, -1},
        {"Timestamp", REQUESTS_REFUSED, -1},
        {"Error: DualCam is not configured!", REQUESTS_REFUSED, -1},
        {"Error: Front / Rear Camera not present", REQUESTS_WAITING, 60},
        {"Error: requested file does not exist", REQUESTS_REFUSED, -1},
        {"Error: Ignition not detected!", REQUESTS_WAITING, 3600},
        {"Error: modem not ready to start send", REQUESTS_WAITING, 35 * 60},
        {"Error: connect to server", REQUESTS_WAITING, 35 * 60},
        {"Error: capture failed", REQUESTS_WAITING, 60},
        {"Error: DualCam NAK", REQUESTS_WAITING, 60},
        {"Cannot send, DualCam configuration is in progress", REQUESTS_WAITING, 15},
    };
    struct catalogued *f = *state;
    struct err err;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t id = ask(f, IMEI, video("front", T), NOW);
        send(f, id, NOW);
        answer(f, id, rows[i].text, NOW);
        assert_state(f, id, rows[i].state);
        assert_string_equal(get(f, id).words, rows[i].text);
        if (rows[i].due_s >= 0)
            assert_due_at(f, id, NOW + rows[i].due_s * S);
        else
            assert_int_equal(next(f, IMEI, NOW + 71 * 3600 * S), 0);
        if (get(f, id).state < REQUESTS_FETCHED)
            assert_ok(requests_cancel(f->c, id, "a test", NOW, &err));
    }
}

static void test_an_answer_in_two_parts_is_one(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    static const char whole[] =
        "Photo request from source 1. Preparing to send file from timestamp 1732865025.\r\n";
    int64_t id = ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW);
    bool settled;
    send(f, id, NOW);
    for (size_t n = 0; n < 70; n++) {
        assert_ok(requests_answered(f->c, id, whole, n, NOW, &settled, &err));
        assert_false(settled);
        assert_state(f, id, REQUESTS_SENT);
    }
    assert_ok(requests_answered(f->c, id, whole, sizeof whole, NOW, &settled, &err));
    assert_true(settled);
    assert_int_equal(get(f, id).answered_s, T);
    /* what comes behind it is no answer to it */
    answer(f, id, "Error: DualCam NAK", NOW);
    assert_state(f, id, REQUESTS_ACCEPTED);
}

static void test_temporary_failures_are_repeated_three_times(void **state)
{
    struct catalogued *f = *state;
    int64_t id = ask(f, IMEI, video("front", T), NOW), now = NOW;
    for (int i = 0; i < 3; i++, now += 60 * S) {
        send(f, id, now);
        answer(f, id, "Error: capture failed", now);
        assert_due_at(f, id, now + 60 * S);
    }
    /* another sort is counted by itself */
    for (int i = 0; i < 20; i++, now += 15 * S) {
        send(f, id, now);
        answer(f, id, "Cannot send, DualCam configuration is in progress", now);
        assert_due_at(f, id, now + 15 * S);
    }
    for (int i = 0; i < 4; i++, now += 60 * S) {
        assert_state(f, id, REQUESTS_WAITING);
        send(f, id, now);
        answer(f, id, "Error: DualCam NAK", now);
    }
    assert_state(f, id, REQUESTS_REFUSED);
    assert_has(get(f, id).why, "4 times");
}

static void test_ignition_and_cameras_are_waited_for(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    unsigned awaited;
    int64_t id = ask(f, IMEI, video("both", T), NOW), half = 1800 * S;
    send(f, id, NOW);
    answer(f, id, "Error: Cannot capture because ignition is off", NOW);
    assert_ok(requests_awaited(f->c, IMEI, &awaited, &err));
    assert_int_equal(awaited, REQUESTS_FOR_IGNITION);
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_CONTACT, NOW + half, &err));
    assert_ok(requests_heard(f->c, OTHER, REQUESTS_FOR_IGNITION, NOW + half, &err));
    assert_int_equal(next(f, IMEI, NOW + half), 0);
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_IGNITION, NOW + half, &err));
    assert_due_at(f, id, NOW + half + 5 * S);
    send(f, id, NOW + half + 5 * S);
    answer(f, id, "Error: Front / Rear Camera not present", NOW + half);
    send(f, id, NOW + half + 60 * S);
    answer(f, id, "Error: Front / Rear Camera not present", NOW + 2 * half);
    assert_int_equal(next(f, IMEI, NOW + 3 * half), 0);
    assert_ok(requests_awaited(f->c, IMEI, &awaited, &err));
    assert_int_equal(awaited, REQUESTS_FOR_FRONT | REQUESTS_FOR_REAR);
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_REAR, NOW + 3 * half, &err));
    assert_int_equal(next(f, IMEI, NOW + 4 * half), 0);
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_FRONT, NOW + 4 * half, &err));
    assert_due_at(f, id, NOW + 4 * half + 5 * S);
    assert_ok(requests_awaited(f->c, IMEI, &awaited, &err));
    assert_int_equal(awaited, 0);
    /* a tracker that does not report these is asked each hour */
    id = ask(f, OTHER, video("front", T), NOW);
    send_to(f, OTHER, id, NOW);
    for (int64_t now = NOW, i = 0; i < 3; i++, now += 2 * half) {
        answer(f, id, i ? "Error: Ignition not detected!" : "Error: ignition off", now);
        assert_int_equal(next(f, OTHER, now + 2 * half - 1), 0);
        send_to(f, OTHER, id, now + 2 * half);
    }
}

static void test_silence_and_lost_links_are_asked_again(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t id = ask(f, IMEI, video("front", T), NOW), min = 60 * S, now = NOW;
    send(f, id, now);
    assert_int_equal(next(f, IMEI, now + 2 * min - 1), 0); /* it may still come */
    assert_state(f, id, REQUESTS_SENT);
    assert_int_equal(next(f, IMEI, now + 2 * min), 0);
    assert_state(f, id, REQUESTS_WAITING);
    assert_due_at(f, id, now + 7 * min);
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_CONTACT, now + 3 * min, &err));
    assert_int_equal(next(f, IMEI, now + 3 * min), id); /* the next login is earlier */
    send(f, id, now + 3 * min);
    assert_ok(requests_link_lost(f->c, OTHER, now + 4 * min, &err));
    assert_state(f, id, REQUESTS_SENT);
    assert_ok(requests_link_lost(f->c, IMEI, now + 4 * min, &err));
    assert_state(f, id, REQUESTS_WAITING);
    assert_due_at(f, id, now + 14 * min);
    /* words that nobody knows are kept */
    send(f, id, now + 14 * min);
    assert_ok(requests_silent(f->c, id, "\r\nHm?\0", 6, now + 16 * min, &err));
    assert_state(f, id, REQUESTS_WAITING);
    assert_string_equal(get(f, id).words, "Hm?");
    assert_due_at(f, id, now + 36 * min);
    /* one that never answers is not asked at each login, and once an hour at least */
    send(f, id, now + 36 * min);
    assert_ok(requests_link_lost(f->c, NULL, now + 36 * min, &err));
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_CONTACT, now + 37 * min, &err));
    assert_due_at(f, id, now + 76 * min);
    for (now += 76 * min; now < NOW + 6 * 60 * min; now += 60 * min) {
        send(f, id, now);
        assert_ok(requests_silent(f->c, id, NULL, 0, now, &err));
        assert_due_at(f, id, now + 60 * min);
    }
    /* an answer that was cut off after its words is one, in the end */
    send(f, id, now);
    static const char cut[] = "Preparing to send file from time";
    assert_ok(requests_silent(f->c, id, cut, sizeof cut - 1, now, &err));
    assert_state(f, id, REQUESTS_ACCEPTED);
    assert_int_equal(get(f, id).answered_s, 0);
}

/* A tracker whose links are short: the command is there when the link is gone, again and again.
 * Nobody has refused anything, not even a command that is sent once. */
static void test_what_was_never_sent_is_never_refused(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t id = ask(f, IMEI, plain(CAMREQ_FORMAT, "rear"), NOW), now = NOW;
    for (int i = 0; i < 20; i++) {
        send(f, id, now);
        assert_ok(requests_unsent(f->c, id, "the connection ended before it was sent", now, &err));
        assert_state(f, id, REQUESTS_WAITING);
        assert_int_equal(get(f, id).sent, 0);
        int64_t login = now + S;
        assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_CONTACT, login, &err));
        assert_int_equal(next(f, IMEI, login), i < 3 ? id : 0); /* nor is it a flood of events */
        now = i < 3 ? login : now + 3600 * S;
    }
    send(f, id, now);
    answer(f, id, "success", now);
    assert_state(f, id, REQUESTS_FETCHED);
    assert_int_equal(get(f, id).sent, 1);
}

/* Its records say that the ignition is on, its camera says that it is off; likewise of a camera. */
static void test_a_tracker_that_contradicts_itself_is_not_asked_all_the_time(void **state)
{
    struct catalogued *f = *state;
    static const struct {
        const char *says;
        unsigned heard;
    } cases[] = {{"Error: Ignition not detected!", REQUESTS_FOR_IGNITION},
                 {"Error: Rear Camera not present", REQUESTS_FOR_REAR}};
    for (int k = 0; k < 2; k++) {
        struct err err;
        int64_t id = ask(f, IMEI, video("rear", T + k), NOW), now = NOW, first = 0;
        int sent = 0;
        for (; now < NOW + 24 * 3600 * S; now += 10 * S) { /* a record each 10 s */
            assert_ok(requests_heard(f->c, IMEI, (enum requests_wait)cases[k].heard, now, &err));
            if (next(f, IMEI, now + 5 * S) != id)
                continue;
            send(f, id, now + 5 * S);
            answer(f, id, cases[k].says, now + 5 * S);
            first = ++sent == 3 ? now - NOW : first;
        }
        assert_in_range(sent, 24, 36);
        assert_true(first <= 180 * S); /* the first times soon, as it may have begun in between */
        assert_ok(requests_cancel(f->c, id, "anna", now, &err));
    }
}

/* The clock was ahead by a year when the tracker answered, and is right now. */
static void test_a_clock_that_was_ahead_keeps_nothing_waiting(void **state)
{
    struct catalogued *f = *state;
    const int64_t ahead = NOW + 365 * INT64_C(86400) * S;
    struct err err;
    static const char *const answers[] = {"Error: DualCam NAK", "Error: modem not ready",
                                          "Preparing to send file from timestamp 1732865025."};
    for (int i = 0; i < 3; i++) {
        int64_t id = ask(f, IMEI, video("rear", T), ahead);
        send(f, id, ahead);
        answer(f, id, answers[i], ahead);
        next(f, IMEI, NOW); /* what did not come is seen first */
        assert_int_equal(next(f, IMEI, NOW), id);
        assert_ok(requests_cancel(f->c, id, "anna", NOW, &err));
    }
    int64_t id = ask(f, IMEI, video("rear", T), ahead);
    send(f, id, ahead);
    assert_int_equal(next(f, IMEI, NOW), 0);
    assert_state(f, id, REQUESTS_WAITING); /* and does not bar the others */
}

/* The answer to the first command comes when the second one is out. */
static void test_a_late_answer_to_another_request_names_no_time_of_this_one(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t first = ask(f, IMEI, video("front", T), NOW);
    int64_t second = ask(f, IMEI, video("front", T + 100), NOW);
    send(f, first, NOW);
    assert_ok(requests_silent(f->c, first, NULL, 0, NOW + 120 * S, &err));
    char late[100];
    snprintf(late, sizeof late, "Preparing to send file from timestamp %lld.", (long long)T);
    send(f, second, NOW + 121 * S);
    answer(f, second, late, NOW + 122 * S);
    arrive(f, transfer(IMEI, "front", "video", T), NOW + 200 * S);
    assert_state(f, first, REQUESTS_FETCHED);
    assert_state(f, second, REQUESTS_ACCEPTED);
    arrive(f, transfer(IMEI, "front", "video", T + 100), NOW + 300 * S);
    assert_state(f, second, REQUESTS_FETCHED);
}

static void test_format_and_restart_are_sent_once(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    static const enum camreq_kind kinds[] = {CAMREQ_FORMAT, CAMREQ_RESTART};
    for (int i = 0; i < 2; i++)
        for (int how = 0; how < 5; how++) {
            int64_t id = ask(f, IMEI, plain(kinds[i], "front"), NOW);
            send(f, id, NOW);
            if (how == 0)
                assert_ok(requests_link_lost(f->c, NULL, NOW, &err));
            else if (how == 1)
                assert_ok(requests_silent(f->c, id, NULL, 0, NOW, &err));
            else if (how == 2)
                assert_int_equal(next(f, IMEI, NOW + 120 * S), 0);
            else if (how == 3)
                answer(f, id, "Error: Ignition is off. Failed", NOW);
            else
                answer(f, id, "success", NOW);
            assert_state(f, id,
                         how < 3    ? REQUESTS_EXPIRED
                         : how == 3 ? REQUESTS_REFUSED
                                    : REQUESTS_FETCHED);
            assert_int_equal(get(f, id).sent, 1);
            assert_int_equal(next(f, IMEI, NOW + 3600 * S), 0);
        }
    /* what was certainly not carried out is sent again */
    int64_t id = ask(f, IMEI, plain(CAMREQ_FORMAT, "rear"), NOW);
    send(f, id, NOW);
    assert_ok(requests_not_executed(f->c, id, "another tracker answered", NOW, &err));
    assert_due_at(f, id, NOW + 60 * S);
}

static void test_information_is_fetched_with_the_answer(void **state)
{
    struct catalogued *f = *state;
    int64_t id = ask(f, IMEI, plain(CAMREQ_VERSION, ""), NOW);
    assert_int_equal(get(f, id).files_due, 0);
    send(f, id, NOW);
    answer(f, id, "Front camera V1.9.3. Rear camera V1.9.3.\r\n", NOW);
    assert_state(f, id, REQUESTS_FETCHED);
    assert_string_equal(get(f, id).words, "Front camera V1.9.3. Rear camera V1.9.3.");
}

static void tell_more(struct catalogued *f, int64_t id, const char *text, int64_t now)
{
    struct err err;
    assert_ok(requests_more(f->c, id, text, strlen(text), now, &err));
}

static void test_what_comes_behind_an_answer_is_of_it(void **state)
{
    struct catalogued *f = *state;
    int64_t id = ask(f, IMEI, plain(CAMREQ_VERSION, ""), NOW);
    send(f, id, NOW);
    answer(f, id, "Front camera V1.9.3.\r\n", NOW);
    assert_state(f, id, REQUESTS_FETCHED);
    char why[REQUESTS_WORDS_ROOM];
    snprintf(why, sizeof why, "%s", get(f, id).why);
    tell_more(f, id, "Front camera V1.9.3.\r\nRear camera V1.9.4.\r\n", NOW + S);
    assert_state(f, id, REQUESTS_FETCHED);
    assert_string_equal(get(f, id).words, "Front camera V1.9.3. Rear camera V1.9.4.");
    assert_string_equal(get(f, id).why, why);
    int64_t events = catalogued_sql(f, "SELECT count(*) FROM request_event");
    tell_more(f, id, "Front camera V1.9.3.\r\nRear camera V1.9.4.\r\n", NOW + S);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM request_event"), events);
    tell_more(f, id + 1, "of nothing", NOW + S); /* erased meanwhile */
    id = ask(f, IMEI, video("front", T), NOW);
    accept(f, id, T, NOW);
    tell_more(f, id, "Preparing to send file from timestamp 1. Bye.", NOW + 2 * S);
    assert_state(f, id, REQUESTS_ACCEPTED);
    assert_string_equal(get(f, id).words, "Preparing to send file from timestamp 1. Bye.");
    assert_int_equal(get(f, id).answered_s, T);
}

/* ---- one after the other ---- */

static void test_one_command_is_out_and_one_file_a_camera(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t a = ask(f, IMEI, video("front", T), NOW), b = ask(f, IMEI, video("front", T - 60), NOW),
            c = ask(f, IMEI, video("rear", T), NOW), d = ask(f, IMEI, video("both", T - 90), NOW),
            e = ask(f, IMEI, plain(CAMREQ_FORMAT, "front"), NOW),
            v = ask(f, IMEI, plain(CAMREQ_VERSION, ""), NOW),
            o = ask(f, OTHER, video("front", T), NOW);
    send(f, a, NOW);
    assert_int_equal(next(f, IMEI, NOW), 0);
    assert_int_equal(next(f, OTHER, NOW), o);
    assert_err(ERR_BUSY, requests_sent(f->c, c, "x", NOW, &err));
    assert_has(err.text, "another one is out");
    answer(f, a, "Preparing to send file from timestamp 1732865025", NOW);
    accept(f, c, T, NOW); /* not b: the front camera is busy */
    send(f, v, NOW);
    answer(f, v, "Front camera V1.9.3.", NOW);
    assert_int_equal(next(f, IMEI, NOW), 0);
    arrive(f, transfer(IMEI, "front", "video", T), NOW);
    accept(f, b, T - 60, NOW);
    arrive(f, transfer(IMEI, "rear", "video", T), NOW);
    assert_int_equal(next(f, IMEI, NOW), 0); /* neither both nor a format meanwhile */
    arrive(f, transfer(IMEI, "front", "video", T - 60), NOW);
    accept(f, d, T - 90, NOW);
    assert_int_equal(next(f, IMEI, NOW), 0);
    arrive(f, transfer(IMEI, "front", "video", T - 90), NOW);
    assert_state(f, d, REQUESTS_UPLOADING); /* both: the rear one is missing */
    assert_int_equal(next(f, IMEI, NOW), 0);
    arrive(f, transfer(IMEI, "rear", "video", T - 90), NOW);
    assert_state(f, d, REQUESTS_FETCHED);
    assert_int_equal(get(f, d).files, 2);
    assert_int_equal(next(f, IMEI, NOW), e);
}

/* ---- files ---- */

static void test_a_file_is_matched_by_all_that_it_says(void **state)
{
    struct catalogued *f = *state;
    struct catalogue_transfer t;
    int64_t id = ask(f, IMEI, video("front", T), NOW);
    accept(f, id, T, NOW);
    t = transfer(OTHER, "front", "video", T);
    arrive(f, t, NOW);
    arrive(f, transfer(IMEI, "rear", "video", T), NOW);
    arrive(f, transfer(IMEI, "front", "photo", T), NOW);
    arrive(f, transfer(IMEI, "front", "video", T + 1), NOW);
    t = transfer(IMEI, "front", "video", T);
    t.trigger = 3; /* covers the time, and was not asked for */
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    arrive(f, t, NOW);
    t = transfer(IMEI, "front", "video", T); /* metadata in JSON: a name, and no number */
    t.trigger = 0;
    snprintf(t.trigger_name, sizeof t.trigger_name, "harsh-braking");
    arrive(f, t, NOW);
    t = transfer(IMEI, "front", "video", T);
    snprintf(t.source, sizeof t.source, "file");
    arrive(f, t, NOW);
    assert_state(f, id, REQUESTS_ACCEPTED);
    t = transfer(IMEI, "front", "video", T);
    t.time_us += 999999; /* the second counts */
    t.known = CATALOGUE_HAS_META;
    arrive(f, t, NOW);
    assert_state(f, id, REQUESTS_FETCHED);
    /* a driver camera calls its trigger by another number */
    id = ask(f, IMEI, plain(CAMREQ_PHOTO, "driver"), NOW);
    accept(f, id, T + 700, NOW);
    t = transfer(IMEI, "driver", "photo", T + 700);
    t.trigger = 0; /* … and its 0 is none */
    snprintf(t.trigger_name, sizeof t.trigger_name, "none");
    arrive(f, t, NOW);
    assert_state(f, id, REQUESTS_ACCEPTED);
    t = transfer(IMEI, "driver", "photo", T + 700);
    t.trigger = 11;
    arrive(f, t, NOW);
    assert_state(f, id, REQUESTS_FETCHED);
    /* of JSON nobody knows what 0 is, or that there is none */
    static const char *const maybe[] = {"trigger-0", "", "server-request"};
    for (int i = 0; i < 3; i++) {
        id = ask(f, IMEI, video("front", T - 20 - i), NOW);
        t = transfer(IMEI, "front", "video", T - 20 - i);
        t.trigger = 0;
        snprintf(t.trigger_name, sizeof t.trigger_name, "%s", maybe[i]);
        arrive(f, t, NOW);
        assert_state(f, id, REQUESTS_FETCHED);
    }
    /* also if nobody knows that it was sent: it is what was asked for */
    id = ask(f, IMEI, video("rear", T - 5), NOW);
    arrive(f, transfer(IMEI, "rear", "video", T - 5), NOW);
    assert_state(f, id, REQUESTS_FETCHED);
}

struct custody {
    int requested;
    char what[1000];
};

static int see_line(void *arg, const char *line, struct err *err)
{
    struct custody *c = arg;
    struct custody_record r;
    (void)err;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_REQUESTED) {
        char *what = custody_record_what(&r);
        c->requested++;
        snprintf(c->what, sizeof c->what, "%s", what);
        free(what);
    }
    custody_record_clear(&r);
    return 0;
}

static struct custody custody_of(struct catalogued *f, const char *id)
{
    struct err err;
    struct custody c = {0};
    assert_ok(catalogue_event_each(f->c, id, see_line, &c, &err));
    return c;
}

static void test_the_custody_says_who_asked_and_why(void **state)
{
    struct catalogued *f = *state;
    int64_t id = ask(f, IMEI, video("front", T), NOW);
    accept(f, id, T, NOW);
    struct catalogue_transfer t = transfer(IMEI, "front", "video", T);
    begin(f, &t, NOW);
    assert_int_equal(custody_of(f, t.id).requested, 0);
    store(f, &t, NOW);
    struct custody c = custody_of(f, t.id);
    assert_int_equal(c.requested, 1);
    assert_string_equal(c.what, "{\"asked\":\"2024-11-29T07:33:45.000000Z\",\"by\":\"anna\","
                                "\"command\":\"camreq:0,1,1732865025,10\",\"reason\":\"claim 17\","
                                "\"request\":1}");
    struct catalogue_transfer other = arrive(f, transfer(IMEI, "front", "video", T + 1), NOW);
    assert_int_equal(custody_of(f, other.id).requested, 0);
}

static int see_file(void *arg, const struct requests_file *file, struct err *err)
{
    char *text = arg;
    size_t used = strlen(text);
    (void)err;
    snprintf(text + used, 400 - used, "%s%s%s ", file->camera, file->complete ? "" : "?",
             file->by_order ? "*" : "");
    return 0;
}

static const char *files_of(struct catalogued *f, int64_t id)
{
    static char text[400];
    struct err err;
    text[0] = '\0';
    assert_ok(requests_file_each(f->c, id, see_file, text, &err));
    return text;
}

static void test_without_metadata_the_order_decides_and_is_marked(void **state)
{
    struct catalogued *f = *state;
    int64_t a = ask(f, IMEI, video("front", T), NOW), b = ask(f, IMEI, video("front", T - 60), NOW);
    struct catalogue_transfer t = transfer(IMEI, "front", "video", T);
    t.known = 0;
    t.time_us = 0;
    arrive(f, t, NOW); /* nothing was asked for yet, as far as the tracker knows */
    assert_state(f, a, REQUESTS_QUEUED);
    accept(f, a, T, NOW);
    t.arrived_us += S;
    struct catalogue_transfer got = arrive(f, t, NOW);
    assert_state(f, a, REQUESTS_FETCHED);
    assert_state(f, b, REQUESTS_QUEUED);
    assert_string_equal(files_of(f, a), "front* ");
    assert_has(custody_of(f, got.id).what, "\"by_order\":true");
    accept(f, b, T - 60, NOW);
    t.arrived_us += S;
    arrive(f, t, NOW);
    assert_string_equal(files_of(f, b), "front* ");
}

static void test_a_photo_is_of_the_time_that_the_tracker_named(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t now_s = NOW / S, id = ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW);
    accept(f, id, now_s + 2, NOW);
    arrive(f, transfer(IMEI, "front", "photo", now_s + 3), NOW);
    assert_state(f, id, REQUESTS_ACCEPTED);
    arrive(f, transfer(IMEI, "front", "photo", now_s + 2), NOW);
    assert_string_equal(files_of(f, id), "front ");
    /* both cameras: the other one is a little later, and is marked */
    id = ask(f, IMEI, plain(CAMREQ_PHOTO, "both"), NOW);
    accept(f, id, now_s + 12, NOW);
    arrive(f, transfer(IMEI, "front", "photo", now_s + 12), NOW);
    arrive(f, transfer(IMEI, "rear", "photo", now_s + 22), NOW);
    assert_state(f, id, REQUESTS_UPLOADING);
    arrive(f, transfer(IMEI, "rear", "photo", now_s + 13), NOW);
    assert_string_equal(files_of(f, id), "front rear* ");
    assert_state(f, id, REQUESTS_FETCHED);
    /* no time was named, or the answer was lost: one made since */
    static const char *const texts[] = {"Request for photo from source 1 received",
                                        "Error: connect to server", NULL};
    for (int i = 0; i < 3; i++) {
        id = ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW);
        send(f, id, NOW + 100 * (i + 1) * S);
        if (texts[i])
            answer(f, id, texts[i], NOW);
        else
            assert_ok(requests_silent(f->c, id, NULL, 0, NOW, &err));
        arrive(f, transfer(IMEI, "front", "photo", now_s + 100 * i + 60), NOW + 200 * (i + 1) * S);
        assert_true(get(f, id).state != REQUESTS_FETCHED); /* made before */
        arrive(f, transfer(IMEI, "front", "photo", now_s + 100 * (i + 1) + 3),
               NOW + 200 * (i + 1) * S);
        assert_state(f, id, REQUESTS_FETCHED);
        assert_string_equal(files_of(f, id), "front* ");
    }
}

static void test_a_file_has_one_request_by_order_and_the_one_of_its_time_first(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int64_t now_s = NOW / S, silent = ask(f, IMEI, plain(CAMREQ_PHOTO, "front"), NOW);
    send(f, silent, NOW);
    assert_ok(requests_silent(f->c, silent, NULL, 0, NOW, &err));
    struct camreq elsewhere = plain(CAMREQ_PHOTO, "front");
    snprintf(elsewhere.host, sizeof elsewhere.host, "a.b");
    elsewhere.port = 7160;
    int64_t named = ask(f, IMEI, elsewhere, NOW);
    accept(f, named, now_s + 5, NOW);
    arrive(f, transfer(IMEI, "front", "photo", now_s + 5), NOW);
    assert_state(f, named, REQUESTS_FETCHED);
    assert_state(f, silent, REQUESTS_WAITING);
    arrive(f, transfer(IMEI, "front", "photo", now_s + 6), NOW);
    assert_state(f, silent, REQUESTS_FETCHED);
}

static void test_the_older_file_first_then_it_is_asked_again(void **state)
{
    struct catalogued *f = *state;
    int64_t id = ask(f, IMEI, video("front", T), NOW);
    send(f, id, NOW);
    answer(f, id,
           "Already connected. Warning: Photo / Video already captured previously, trying to "
           "send it",
           NOW);
    assert_state(f, id, REQUESTS_WAITING);
    struct catalogue_transfer rear = transfer(IMEI, "rear", "video", T - 500);
    arrive(f, rear, NOW);
    arrive(f, transfer(IMEI, "front", "photo", T - 400), NOW); /* has a place of its own */
    assert_int_equal(next(f, IMEI, NOW + 60 * S), 0);
    struct catalogue_transfer old = transfer(IMEI, "front", "video", T - 500);
    begin(f, &old, NOW + 60 * S);
    assert_int_equal(next(f, IMEI, NOW + 60 * S), 0);
    store(f, &old, NOW + 90 * S);
    assert_int_equal(custody_of(f, old.id).requested, 0);
    assert_has(get(f, id).why, old.id);
    accept(f, id, T, NOW + 90 * S);
    arrive(f, transfer(IMEI, "front", "video", T), NOW + 120 * S);
    assert_state(f, id, REQUESTS_FETCHED);
    /* the older one is the one itself: the first answer was lost */
    id = ask(f, IMEI, video("rear", T), NOW);
    send(f, id, NOW);
    answer(f, id, "Warning: Photo / Video already captured previously, trying to send it", NOW);
    arrive(f, transfer(IMEI, "rear", "video", T), NOW);
    assert_state(f, id, REQUESTS_FETCHED);
}

static void test_bytes_that_were_here_before_fulfil_it(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer first = arrive(f, transfer(IMEI, "front", "video", T), NOW), again;
    int64_t id = ask(f, IMEI, video("front", T), NOW);
    accept(f, id, T, NOW);
    again = transfer(IMEI, "front", "video", T);
    begin(f, &again, NOW);
    assert_state(f, id, REQUESTS_UPLOADING);
    assert_string_not_equal(first.id, again.id);
    assert_ok(requests_stored(f->c, &again, first.id, NOW, &err));
    assert_ok(catalogue_transfer_remove(f->c, again.key, &err));
    assert_state(f, id, REQUESTS_FETCHED);
    assert_string_equal(files_of(f, id), "front ");
    assert_int_equal(custody_of(f, first.id).requested, 1);
}

/* ---- time ---- */

static void test_what_does_not_come_is_asked_again_and_expires(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int n;
    int64_t min = 60 * S, hour = 60 * min, id = ask(f, IMEI, video("front", T), NOW);
    accept(f, id, T, NOW);
    assert_due_at(f, id, NOW + S + 35 * min);
    accept(f, id, T, NOW + hour);
    struct catalogue_transfer t = transfer(IMEI, "front", "video", T);
    begin(f, &t, NOW + hour + min);
    assert_state(f, id, REQUESTS_UPLOADING);
    assert_int_equal(next(f, IMEI, NOW + 9 * hour), 0); /* it is coming in */
    t.state = CATALOGUE_PARTIAL;
    t.completed_us = NOW + 10 * hour;
    assert_ok(catalogue_transfer_update(f->c, &t, &err));
    assert_due_at(f, id, NOW + 10 * hour + 45 * min);
    assert_state(f, id, REQUESTS_WAITING);
    assert_ok(requests_expire(f->c, NOW + 71 * hour, &n, &err));
    assert_int_equal(n, 0);
    assert_ok(requests_expire(f->c, T * S + 72 * hour, &n, &err));
    assert_int_equal(n, 1);
    assert_state(f, id, REQUESTS_EXPIRED);
    assert_has(get(f, id).why, "the upload stands still");
    assert_int_equal(next(f, IMEI, NOW + 80 * hour), 0);
    /* what is old has two hours at least */
    int64_t late = NOW + 90 * hour;
    id = ask(f, IMEI, video("front", T), late);
    assert_int_equal(get(f, id).expires_us, late + 2 * hour);
    /* what is under way at the end has its time */
    accept(f, id, T, late + 2 * hour - S);
    assert_int_equal(next(f, IMEI, late + 2 * hour + 34 * min), 0);
    assert_state(f, id, REQUESTS_ACCEPTED);
    assert_int_equal(next(f, IMEI, late + 2 * hour + 36 * min), 0);
    assert_state(f, id, REQUESTS_EXPIRED);
}

/* ---- upkeep ---- */

static void test_all_of_it_is_carried_and_forgotten(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue *to = NULL;
    struct requests_request r;
    char events[4000] = "", *root = support_tmp_dir();
    int64_t n, id = ask(f, IMEI, video("front", T), NOW),
               other = ask(f, OTHER, video("rear", T), NOW),
               photo = ask(f, IMEI, plain(CAMREQ_PHOTO, "rear"), NOW + S);
    accept(f, id, T, NOW);
    arrive(f, transfer(IMEI, "front", "video", T), NOW);
    assert_ok(requests_forget(f->c, IMEI, NOW, 0, true, &n, &err));
    assert_int_equal(n, 1);
    assert_ok(requests_forget(f->c, IMEI, NOW, 0, false, &n, &err));
    assert_int_equal(n, 1);
    assert_err(ERR_NOTFOUND, requests_get(f->c, photo, &r, &err));

    assert_ok(catalogue_open_local(&to, root, true, &err));
    assert_ok(requests_carry(f->c, to, &err));
    assert_ok(requests_get(to, id, &r, &err));
    assert_int_equal(r.state, REQUESTS_FETCHED);
    assert_int_equal(r.files, 1);
    assert_ok(requests_event_each(to, id, add_event, events, &err));
    assert_has(events, "fetched|");
    r = (struct requests_request){.imei = IMEI, .by = "x", .what = video("front", T)};
    assert_ok(requests_add(to, &r, NOW, &err));
    assert_int_equal(r.id, photo + 1); /* the forgotten one's is not given again */
    catalogue_close(&to);
    support_tmp_remove(&root);

    assert_ok(requests_forget(f->c, IMEI, 0, T * S, false, &n, &err));
    assert_int_equal(n, 0);
    assert_ok(requests_forget(f->c, IMEI, 0, 0, false, &n, &err));
    assert_int_equal(n, 1);
    assert_state(f, other, REQUESTS_QUEUED);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM request_event WHERE request <> 2"), 0);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM request_transfer"), 0);
}

static int count_one(void *arg, const struct requests_request *r, struct err *err)
{
    (void)r, (void)err;
    ++*(int *)arg;
    return 0;
}

static int add_tracker(void *arg, const char *imei, struct err *err)
{
    size_t used = strlen(arg);
    (void)err;
    snprintf((char *)arg + used, 100 - used, "%s ", imei);
    return 0;
}

static void test_lists_choose_and_a_malformed_row_keeps_no_other(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct requests_request r = {.imei = OTHER, .by = "rule crash", .what = video("rear", T)};
    int64_t n, id = ask(f, IMEI, video("front", T), NOW),
               rear = ask(f, IMEI, video("rear", T), NOW + S);
    int seen = 0;
    assert_ok(requests_add(f->c, &r, NOW + 2 * S, &err));
    assert_ok(requests_each(f->c, &(struct requests_filter){.imei = IMEI}, count_one, &seen, &err));
    assert_int_equal(seen, 2);
    assert_ok(requests_count(f->c, &(struct requests_filter){.by = "rule crash", .imei = OTHER}, &n,
                             &err));
    assert_int_equal(n, 1);
    assert_ok(requests_count(f->c, &(struct requests_filter){.since_us = NOW + S}, &n, &err));
    assert_int_equal(n, 2);
    assert_ok(requests_cancel(f->c, rear, "x", NOW, &err));
    assert_ok(requests_count(f->c, &(struct requests_filter){.states = REQUESTS_OPEN}, &n, &err));
    assert_int_equal(n, 2);
    rear = ask(f, IMEI, video("rear", T), NOW);
    catalogued_sql(f, "UPDATE request SET kind = 'film' WHERE id = 1");
    assert_err(ERR_MALFORMED, requests_get(f->c, id, &r, &err));
    assert_has(err.text, "request 1 is malformed");
    char trackers[100] = "";
    assert_ok(requests_tracker_each(f->c, add_tracker, trackers, &err));
    assert_string_equal(trackers, IMEI " " OTHER " ");
    send(f, rear, NOW);
    arrive(f, transfer(IMEI, "front", "video", T), NOW);
    arrive(f, transfer(IMEI, "rear", "video", T), NOW);
    assert_state(f, rear, REQUESTS_FETCHED);
    /* the stage starts, is told things, the same is asked for, time goes by; lists tell of it last
     */
    int expired;
    rear = ask(f, IMEI, video("rear", T + 1), NOW);
    assert_ok(requests_link_lost(f->c, NULL, NOW, &err));
    catalogued_sql(f, "UPDATE request SET waits = 2, state = 'waiting' WHERE kind = 'film'");
    assert_ok(requests_heard(f->c, IMEI, REQUESTS_FOR_IGNITION, NOW, &err));
    id = rear;
    rear = ask(f, IMEI, video("rear", T + 1), NOW);
    assert_state(f, id, REQUESTS_SUPERSEDED);
    assert_int_equal(get(f, id).waits, 0);
    seen = 0;
    assert_err(ERR_MALFORMED, requests_each(f->c, &(struct requests_filter){.imei = IMEI},
                                            count_one, &seen, &err));
    assert_has(err.text, "request 1 is malformed");
    assert_int_equal(seen, 4);
    assert_ok(requests_expire(f->c, NOW + 2 * REQUESTS_LIFE_US, &expired, &err));
    assert_int_equal(expired, 2);
    assert_state(f, rear, REQUESTS_EXPIRED);
}

static void test_what_is_over_goes_and_what_is_open_stays(void **state)
{
    enum { N = 2345 };
    struct catalogued *f = *state;
    struct err err;
    int64_t n, open = ask(f, IMEI, video("front", T), NOW);
    for (int i = 0; i < N; i++)
        ask(f, IMEI, plain(CAMREQ_VERSION, ""), NOW + i); /* each supersedes the one before */
    assert_ok(requests_sweep(f->c, NOW + N - 1, true, &n, &err));
    assert_int_equal(n, N - 2); /* that of this moment is not before it */
    assert_ok(requests_sweep(f->c, NOW + N - 1, false, &n, &err));
    assert_int_equal(n, N - 2);
    assert_ok(requests_sweep(f->c, NOW + N - 1, false, &n, &err));
    assert_int_equal(n, 0);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM request_event"), 4);
    assert_state(f, open, REQUESTS_QUEUED);
}

/* ---- by chance ---- */

static uint64_t chance;

static unsigned dice(unsigned sides)
{
    chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(chance >> 33) % sides;
}

enum { ASKED_MAX = 60, STEPS = 400 };

struct game {
    struct catalogued *f;
    int64_t id[ASKED_MAX], now, out; /* out: the one that was sent; 0: none */
    struct requests_request was[ASKED_MAX];
    int n;
    struct catalogue_transfer open; /* one that is coming in; key 0: none */
};

static const char *const some_answers[] = {
    "Preparing to send file from timestamp 1732865025",
    "Request for photo from source 1 received",
    "Warning: Photo / Video already captured previously, trying to send it",
    "Error: requested file does not exist",
    "Error: Cannot capture because ignition is off",
    "Error: Front / Rear Camera not present",
    "Error: modem not ready to start send",
    "Error: DualCam NAK",
    "Cannot send, DualCam configuration is in progress",
    "success. Front camera V1.9.3.",
    "half an ans",
};

static void play_ask(struct game *g)
{
    static const char *const cameras[] = {"front", "rear", "both"};
    const char *camera = cameras[dice(3)];
    unsigned kind = dice(10);
    if (g->n == ASKED_MAX)
        return;
    struct camreq what = kind < 5   ? video(camera, T - dice(3))
                         : kind < 8 ? plain(CAMREQ_PHOTO, camera)
                         : kind < 9 ? plain(CAMREQ_FORMAT, cameras[dice(2)])
                                    : plain(CAMREQ_VERSION, "");
    g->id[g->n++] = ask(g->f, IMEI, what, g->now);
}

static void play_next(struct game *g)
{
    struct err err;
    struct requests_request r;
    bool found;
    assert_ok(requests_next(g->f->c, IMEI, g->now, &r, &found, &err));
    if (!found)
        return;
    /* nothing is out, and nothing of its cameras is coming */
    for (int i = 0; i < g->n; i++) {
        struct requests_request other = get(g->f, g->id[i]);
        assert_true(other.state != REQUESTS_SENT);
        bool same =
            strcmp(other.what.camera, r.what.camera) == 0 ||
            (r.what.camera[0] && other.what.camera[0] &&
             (strcmp(other.what.camera, "both") == 0 || strcmp(r.what.camera, "both") == 0));
        if (same && r.what.camera[0])
            assert_true(other.state != REQUESTS_ACCEPTED && other.state != REQUESTS_UPLOADING);
    }
    assert_ok(requests_sent(g->f->c, r.id, "10.0.0.1:1", g->now, &err));
    g->out = r.id;
}

static void play_answer(struct game *g)
{
    struct err err;
    bool settled = true;
    const char *text = some_answers[dice(sizeof some_answers / sizeof *some_answers)];
    if (!g->out)
        return;
    switch (dice(6)) {
    case 0:
        assert_ok(requests_link_lost(g->f->c, dice(2) ? IMEI : NULL, g->now, &err));
        break;
    case 1:
        assert_ok(requests_silent(g->f->c, g->out, text, strlen(text), g->now, &err));
        break;
    case 2:
        assert_ok(requests_not_executed(g->f->c, g->out, "not meant", g->now, &err));
        break;
    default:
        assert_ok(requests_answered(g->f->c, g->out, text, strlen(text), g->now, &settled, &err));
    }
    if (settled)
        g->out = 0;
}

static void play_file(struct game *g)
{
    static const char *const cameras[] = {"front", "rear"}, *const kinds[] = {"video", "photo"};
    struct err err;
    if (g->open.key == 0) {
        g->open = transfer(IMEI, cameras[dice(2)], kinds[dice(2)],
                           dice(2) ? T - dice(4) : g->now / S - dice(60));
        g->open.trigger = dice(4) ? 0 : 3;
        snprintf(g->open.trigger_name, sizeof g->open.trigger_name, "%s",
                 g->open.trigger ? "crash" : "request");
        if (dice(6) == 0)
            g->open.known = 0;
        begin(g->f, &g->open, g->now);
    } else if (dice(4)) {
        store(g->f, &g->open, g->now);
        g->open.key = 0;
    } else {
        g->open.state = CATALOGUE_PARTIAL;
        g->open.completed_us = g->now;
        assert_ok(catalogue_transfer_update(g->f->c, &g->open, &err));
        g->open.key = 0;
    }
}

static int count_sent(void *arg, const struct requests_event *e, struct err *err)
{
    struct requests_request *r = arg;
    (void)err;
    r->sent += strncmp(e->what, "sent to", 7) == 0;
    r->state = e->state;
    return 0;
}

static void judge_all(struct game *g)
{
    struct err err;
    int out = 0;
    for (int i = 0; i < g->n; i++) {
        struct requests_request r = get(g->f, g->id[i]), by_events = {.sent = 0};
        assert_ok(requests_event_each(g->f->c, r.id, count_sent, &by_events, &err));
        assert_int_equal(by_events.sent, r.sent);
        assert_int_equal(by_events.state, r.state);
        out += r.state == REQUESTS_SENT;
        if (r.what.kind == CAMREQ_FORMAT && r.sent > 1) /* but for what was not carried out */
            assert_true(r.sent <= 4);
        if (r.state == REQUESTS_FETCHED)
            assert_int_equal(r.files, r.files_due);
        else
            assert_true(r.files_due == 0 || r.files < r.files_due);
        if (r.state == REQUESTS_WAITING) /* nothing waits for ever for nothing */
            assert_true(r.waits != 0 || r.not_before_us > 0);
        if (g->was[i].id && g->was[i].state >= REQUESTS_FETCHED)
            assert_int_equal(r.state, g->was[i].state);
        g->was[i] = r;
    }
    assert_in_range(out, 0, 1);
}

static void test_whatever_happens_these_hold(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct game *g = calloc(1, sizeof *g);
    *g = (struct game){.f = f, .now = NOW};
    chance = support_seed(17);
    for (int step = 0; step < STEPS; step++) {
        static const int64_t leaps[] = {S, 5 * S, 61 * S, 130 * S, 600 * S, 2200 * S, 40000 * S};
        g->now += leaps[dice(step % 10 == 0 ? 7 : 5)];
        switch (dice(8)) {
        case 0:
            play_ask(g);
            break;
        case 1:
        case 2:
            play_next(g);
            break;
        case 3:
        case 4:
            play_answer(g);
            break;
        case 5:
            play_file(g);
            break;
        case 6:
            assert_ok(requests_heard(f->c, IMEI, 1 << dice(4), g->now, &err));
            break;
        default:
            if (g->n > 0 && dice(8) == 0 &&
                requests_cancel(f->c, g->id[dice((unsigned)g->n)], "x", g->now, &err) < 0)
                assert_int_equal(err.code, ERR_CONFIG);
            break;
        }
        if (g->out && get(f, g->out).state != REQUESTS_SENT)
            g->out = 0;
        judge_all(g);
    }
    /* and all of it comes to an end */
    struct requests_request r;
    bool found;
    for (int i = 0; i < 400; i++) {
        g->now += 3600 * S;
        assert_ok(requests_link_lost(f->c, NULL, g->now, &err));
        assert_ok(requests_next(f->c, IMEI, g->now, &r, &found, &err));
        if (g->open.key)
            play_file(g);
    }
    for (int i = 0; i < g->n; i++)
        if (get(f, g->id[i]).state < REQUESTS_FETCHED)
            fail_msg("request %d is %s", (int)g->id[i],
                     requests_state_name(get(f, g->id[i]).state));
    free(g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_kept_with_all_that_happens),
        TEST(test_what_no_tracker_takes_is_not_asked_for),
        TEST(test_the_same_asked_for_anew_supersedes),
        TEST(test_a_person_takes_it_back),
        TEST(test_each_answer_has_its_state),
        TEST(test_an_answer_in_two_parts_is_one),
        TEST(test_temporary_failures_are_repeated_three_times),
        TEST(test_ignition_and_cameras_are_waited_for),
        TEST(test_silence_and_lost_links_are_asked_again),
        TEST(test_what_was_never_sent_is_never_refused),
        TEST(test_a_tracker_that_contradicts_itself_is_not_asked_all_the_time),
        TEST(test_a_clock_that_was_ahead_keeps_nothing_waiting),
        TEST(test_a_late_answer_to_another_request_names_no_time_of_this_one),
        TEST(test_what_is_over_goes_and_what_is_open_stays),
        TEST(test_format_and_restart_are_sent_once),
        TEST(test_information_is_fetched_with_the_answer),
        TEST(test_what_comes_behind_an_answer_is_of_it),
        TEST(test_one_command_is_out_and_one_file_a_camera),
        TEST(test_a_file_is_matched_by_all_that_it_says),
        TEST(test_the_custody_says_who_asked_and_why),
        TEST(test_without_metadata_the_order_decides_and_is_marked),
        TEST(test_a_photo_is_of_the_time_that_the_tracker_named),
        TEST(test_a_file_has_one_request_by_order_and_the_one_of_its_time_first),
        TEST(test_the_older_file_first_then_it_is_asked_again),
        TEST(test_bytes_that_were_here_before_fulfil_it),
        TEST(test_what_does_not_come_is_asked_again_and_expires),
        TEST(test_all_of_it_is_carried_and_forgotten),
        TEST(test_lists_choose_and_a_malformed_row_keeps_no_other),
        TEST(test_whatever_happens_these_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
