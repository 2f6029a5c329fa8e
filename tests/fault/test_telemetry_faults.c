/* The trackers' inbox when memory, disk or the process fails at each single call: what was answered
 * is on disk, what was not is tried again, and nothing is there twice. */
#include "dashspool/clock.h"
#include "dashspool/log.h"
#include "dashspool/records.h"
#include "intake/telemetry/inbox.h"
#include "support/inject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A_TEXT "352093081452251"
#define B_TEXT "352094082736916"
#define DAY_MS INT64_C(86400000)

static uv_loop_t loop;
static struct inbox *inbox;

/* Frames of records with the time base_ms + `days` days + 0, 1, 2, … ms. */
struct sent {
    const char *imei;
    char ack;
    int64_t days; /* back; of far years: odd.db */
    int n;        /* records */
    bool waits, answered;
};

static struct sent frames[] = {
    {.imei = A_TEXT, .ack = 'a', .days = 0, .n = 3},
    {.imei = B_TEXT, .ack = 'b', .days = -1, .n = 2},
    {.imei = B_TEXT, .ack = 'o', .days = -20000, .n = 1},
    {.imei = A_TEXT, .ack = 'a', .days = 0, .n = 3}, /* again: its answer was lost */
};
enum { FRAMES = sizeof frames / sizeof *frames };

static int64_t base_ms;

static void on_done(void *owner, int rc, const struct err *err)
{
    struct sent *f = owner;
    if (rc < 0)
        fail_msg("%c was given up: %s", f->ack, err->text);
    f->waits = false;
    f->answered = true;
    inject_ack(f->ack);
}

/* False: there was no memory for it. */
static bool put(struct sent *f)
{
    uint8_t records[1024];
    size_t n = 0;
    for (int i = 0; i < f->n; i++) {
        const struct avl_record r = {.time_ms = (uint64_t)(base_ms + f->days * DAY_MS + i),
                                     .satellites = 7};
        n += avl_record_put(records + n, sizeof records - n, AVL_CODEC_8, &r, NULL, 0);
    }
    const struct avl_frame frame = {
        .codec = AVL_CODEC_8, .n = (uint8_t)f->n, .body = records, .body_bytes = n};
    f->waits = inbox_put(inbox, f->imei, &frame, f, on_done) != NULL;
    return f->waits;
}

static bool any_waits(void)
{
    for (int i = 0; i < FRAMES; i++)
        if (frames[i].waits)
            return true;
    return false;
}

/* What fails for ever is mended when the inbox has noticed, or has had its time to. */
static void wait_for_answers(void)
{
    for (int turns = 0; any_waits(); turns++) {
        uv_run(&loop, UV_RUN_ONCE);
        if (inject_reached() && (inbox_trouble(inbox) || turns > 20))
            inject_disarm();
    }
}

static int open_inbox(const char *root, struct err *err)
{
    static const struct inbox_options options = {
        .commit_ms = 1, .commit_records = 4, .queued_bytes = 8 << 20, .retry_ms = 1};
    if (uv_loop_init(&loop) != 0)
        return err_set(err, ERR_NOMEM, "no loop");
    return inbox_open(&inbox, root, &loop, &options, err);
}

static void close_inbox(void)
{
    inbox_close(&inbox);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

/* A tracker sends until it is answered. */
static void work(void)
{
    for (int i = 0; i < FRAMES; i++)
        frames[i].answered = frames[i].waits = false;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < FRAMES; i++) {
            if (!frames[i].answered && !put(&frames[i])) {
                more = true;
                if (inject_reached())
                    inject_disarm();
            }
        }
        wait_for_answers();
    }
}

static int open_and_work(const char *root)
{
    struct err err = {0};
    int rc = open_inbox(root, &err);
    if (rc == ERR_OK)
        work();
    close_inbox();
    return rc;
}

/* ---- what must be true ---- */

static int count_row(void *arg, const struct records_row *row, struct err *err)
{
    int *n = arg;
    (void)row;
    (void)err;
    ++*n;
    return ERR_OK;
}

static int count(const char *root, const char *imei, bool odd)
{
    struct records *records = NULL;
    struct err err;
    int n = 0;
    const struct records_query query = {.imei = imei,
                                        .from_ms = INT64_MIN,
                                        .until_ms = INT64_MAX,
                                        .event_id = RECORDS_ANY_EVENT,
                                        .odd = odd};
    const struct records_reader reader = {.fn = count_row, .arg = &n};
    assert_ok(records_open(&records, root, RECORDS_READ, &err));
    assert_ok(records_each(records, &query, &reader, &err));
    records_close(&records);
    return n;
}

static void are_stored(const char *root, const char *acks)
{
    if (strchr(acks, 'a'))
        assert_int_equal(count(root, A_TEXT, false), 3);
    if (strchr(acks, 'b'))
        assert_int_equal(count(root, B_TEXT, false), 2);
    if (strchr(acks, 'o'))
        assert_int_equal(count(root, B_TEXT, true), 1);
}

/* ---- rounds ---- */

static bool run_round(enum inject_kind kind, enum inject_how how, long n, bool opened)
{
    char *root = support_tmp_dir();
    struct err err = {0};
    if (opened)
        assert_ok(open_inbox(root, &err));
    inject_arm(kind, how, n);
    int rc = opened ? ERR_OK : open_inbox(root, &err);
    inject_check_told(rc, &err);
    if (rc == ERR_OK)
        work();
    bool more = inject_disarm();
    close_inbox();
    if (rc < 0)
        assert_int_equal(open_and_work(root), ERR_OK);
    are_stored(root, "abo");
    support_tmp_remove(&root);
    return more;
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    return run_round(kind, how, n, false);
}

static bool round_on_an_open_inbox(enum inject_kind kind, enum inject_how how, long n)
{
    return run_round(kind, how, n, true);
}

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[16];
    struct err err;
    (void)kind;
    (void)how;
    assert_ok(open_inbox(root, &err));
    close_inbox();
    bool more = inject_killed(open_and_work, root, n, acks, sizeof acks);
    are_stored(root, acks);
    assert_int_equal(open_and_work(root), ERR_OK);
    are_stored(root, "abo");
    support_tmp_remove(&root);
    return more;
}

static void test_memory_that_fails_loses_nothing_answered(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 199, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_ONCE, 41, round_on_an_open_inbox);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 97, round_on_an_open_inbox);
}

static void test_a_disk_that_fails_is_waited_out(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 3, round_on_an_open_inbox);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 11, round_on_an_open_inbox);
}

static void test_a_full_disk_is_waited_out(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 5, round_on_an_open_inbox);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 3, round_on_an_open_inbox);
}

static void test_a_kill_between_any_two_changes_loses_nothing_answered(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 3, round_of_killing);
}

int main(void)
{
#define T(test) cmocka_unit_test_teardown(test, inject_teardown)
    const struct CMUnitTest tests[] = {
        T(test_memory_that_fails_loses_nothing_answered),
        T(test_a_disk_that_fails_is_waited_out),
        T(test_a_full_disk_is_waited_out),
        T(test_a_kill_between_any_two_changes_loses_nothing_answered),
    };
    inject_install();
    log_setup(LOG_LEVEL_ERROR, false);
    base_ms = clock_utc_us() / 1000 - 3600 * 1000;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
