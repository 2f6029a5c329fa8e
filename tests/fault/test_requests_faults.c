/* Requests when memory, disk or the process fails at each single call: what goes out once at most
 * never goes out twice, all else comes to its end, and a file is the answer once. */
#include "dashspool/requests.h"
#include "support/inject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S    INT64_C(1000000)
#define T0   (INT64_C(1732865025) * S)
#define IMEI "352093081452251"
#define ID   IMEI "-front-video-20241129T072345Z"

static int64_t now;
static int formats; /* commands to format that went out */

static int ask(struct catalogue *c, enum camreq_kind kind, struct err *err)
{
    struct requests_request r = {.imei = IMEI, .by = "anna", .what = {kind, "front"}};
    if (kind == CAMREQ_VIDEO) {
        r.what.time_s = T0 / S;
        r.what.seconds = 10;
    }
    return requests_add(c, &r, now, err);
}

static int ask_for_both(struct catalogue *c, struct err *err)
{
    int64_t n = 0;
    int rc = requests_count(c, &(struct requests_filter){0}, &n, err);
    if (rc < 0 || n > 0)
        return rc;
    if ((rc = catalogue_begin(c, err)) < 0)
        return rc;
    if ((rc = ask(c, CAMREQ_VIDEO, err)) == ERR_OK)
        rc = ask(c, CAMREQ_FORMAT, err);
    return catalogue_end(c, rc, err);
}

/* The command goes out when it is noted, and the tracker answers. */
static int send(struct catalogue *c, const struct requests_request *r, struct err *err)
{
    static const char yes[] = "Preparing to send file from timestamp 1732865025",
                      done[] = "success";
    bool format = r->what.kind == CAMREQ_FORMAT, settled = false;
    int rc = requests_sent(c, r->id, "10.0.0.1:1", now, err);
    if (rc < 0)
        return rc;
    formats += format;
    inject_ack(format ? 'F' : 'V');
    rc = requests_answered(c, r->id, format ? done : yes, format ? sizeof done - 1 : sizeof yes - 1,
                           now, &settled, err);
    if (rc == ERR_OK && !settled)
        rc = err_set(err, ERR_MALFORMED, "half an answer");
    return rc;
}

/* As the receiver does it: the row and what it means for requests are one. */
static int upload(struct catalogue *c, struct err *err)
{
    struct catalogue_transfer t;
    int rc = catalogue_transfer_get(c, ID, &t, err);
    if (rc == ERR_OK && t.state == CATALOGUE_STORED)
        return ERR_OK;
    bool begun = rc == ERR_OK;
    if (rc < 0 && rc != ERR_NOTFOUND)
        return rc;
    if ((rc = catalogue_begin(c, err)) < 0)
        return rc;
    if (!begun) {
        t = (struct catalogue_transfer){.imei = IMEI,
                                        .camera = "front",
                                        .kind = "video",
                                        .source = "camera",
                                        .day = "2024-11-29",
                                        .arrived_us = T0,
                                        .known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK,
                                        .time_us = T0,
                                        .trigger_name = "request"};
        rc = catalogue_transfer_add(c, &t, err);
        if (rc == ERR_OK)
            rc = requests_began(c, &t, now, err);
        if ((rc = catalogue_end(c, rc, err)) < 0 || (rc = catalogue_begin(c, err)) < 0)
            return rc;
    }
    t.state = CATALOGUE_STORED;
    t.completed_us = now;
    rc = catalogue_transfer_update(c, &t, err);
    if (rc == ERR_OK)
        rc = requests_stored(c, &t, NULL, now, err);
    rc = catalogue_end(c, rc, err);
    if (rc == ERR_OK)
        inject_ack('s');
    return rc;
}

/* A stage and a receiver that have just started. */
static int work(struct catalogue *c, struct err *err)
{
    struct requests_request r;
    bool found = true, accepted = false;
    int rc = ask_for_both(c, err);
    if (rc == ERR_OK)
        rc = requests_link_lost(c, NULL, now, err);
    for (int i = 0; rc == ERR_OK && i < 3; i++) {
        now += 600 * S;
        rc = requests_next(c, IMEI, now, &r, &found, err);
        if (rc == ERR_OK && found) {
            accepted |= r.what.kind == CAMREQ_VIDEO;
            rc = send(c, &r, err);
        }
        if (rc == ERR_OK && (accepted || i == 1))
            rc = upload(c, err);
    }
    return rc;
}

static int count_requested(void *arg, const char *line, struct err *err)
{
    (void)err;
    *(int *)arg += strstr(line, "\"event\":\"requested\"") != NULL;
    return ERR_OK;
}

static void is_right(const char *root)
{
    struct err err;
    struct catalogue *c = NULL;
    struct requests_request r;
    int requested = 0;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(requests_get(c, 1, &r, &err));
    assert_int_equal(r.state, REQUESTS_FETCHED);
    assert_int_equal(r.files, 1);
    assert_ok(requests_get(c, 2, &r, &err));
    if (r.state != REQUESTS_FETCHED && r.state != REQUESTS_EXPIRED)
        fail_msg("the format is %s", requests_state_name(r.state));
    assert_true(r.sent <= 1);
    assert_ok(catalogue_event_each(c, ID, count_requested, &requested, &err));
    assert_int_equal(requested, 1);
    catalogue_close(&c);
    inject_check_sound(root, "catalogue.db");
    assert_in_range(formats, 0, 1);
}

static void start(void)
{
    now = T0 + 600 * S;
    formats = 0;
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir();
    struct inject_left before = inject_left();
    struct err err = {0};
    struct catalogue *c = NULL;
    start();
    assert_ok(catalogue_open(&c, root, true, &err));
    inject_arm(kind, how, n);
    int rc = work(c, &err);
    inject_check_told(rc, &err);
    bool more = inject_reached();
    inject_disarm();
    for (int i = 0; i < 2; i++)
        assert_ok(work(c, &err));
    catalogue_close(&c);
    is_right(root);
    inject_check_left(before);
    support_tmp_remove(&root);
    return more;
}

static int work_in_child(const char *root)
{
    struct err err;
    struct catalogue *c = NULL;
    int rc = catalogue_open(&c, root, false, &err);
    if (rc == ERR_OK)
        rc = work(c, &err);
    catalogue_close(&c);
    return rc;
}

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[16];
    struct err err;
    struct catalogue *c = NULL;
    (void)kind;
    (void)how;
    start();
    assert_ok(catalogue_open(&c, root, true, &err));
    catalogue_close(&c);
    bool more = inject_killed(work_in_child, root, n, acks, sizeof acks);
    formats = strchr(acks, 'F') != NULL;
    assert_ok(catalogue_open(&c, root, false, &err));
    if (strchr(acks, 's')) {
        struct requests_request r;
        assert_ok(requests_get(c, 1, &r, &err));
        assert_int_equal(r.state, REQUESTS_FETCHED);
    }
    now += 3600 * S;
    for (int i = 0; i < 2; i++)
        assert_ok(work(c, &err));
    catalogue_close(&c);
    is_right(root);
    support_tmp_remove(&root);
    return more;
}

static void test_memory_that_fails_repeats_no_command(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 31, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 61, round_of_failure);
}

static void test_a_disk_that_fails_repeats_no_command(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 3, round_of_failure);
    inject_each(INJECT_SPACE, INJECT_ONCE, 1, round_of_failure);
}

static void test_a_step_that_fails_repeats_no_command(void **state)
{
    (void)state;
    inject_each(INJECT_STEPS, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_STEPS, INJECT_FOR_EVER, 3, round_of_failure);
}

static void test_a_kill_between_any_two_changes_repeats_no_command(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 1, round_of_killing);
}

#define T(test) cmocka_unit_test_teardown(test, inject_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_memory_that_fails_repeats_no_command),
        T(test_a_disk_that_fails_repeats_no_command),
        T(test_a_step_that_fails_repeats_no_command),
        T(test_a_kill_between_any_two_changes_repeats_no_command),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
