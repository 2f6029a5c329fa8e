/* The trackers' records on a real disk: stored once, found again, and what a tracker said last. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/records.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/tracker.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 2026-11-21T02:55:54Z, and when all arrives that says nothing else. */
#define AT_MS      INT64_C(1795229754000)
#define DAY_MS     INT64_C(86400000)
#define ARRIVED_US ((AT_MS + 5000) * 1000)
#define OTHER_IMEI "350000000000006"

static char *root;
static struct records *records;

static int setup(void **state)
{
    struct err err;
    (void)state;
    root = support_tmp_dir();
    tracker_root(root, 1);
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    records_close(&records);
    support_tmp_remove(&root);
    return 0;
}

static const char *db(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/telemetry/%s", root, name);
    return path;
}

static void reopen(void)
{
    struct err err;
    records_close(&records);
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
}

/* ---- putting ---- */

static struct records_new item(const char *imei, struct tracker_says says, int64_t arrived_us)
{
    struct records_new r = {.imei = imei, .codec = AVL_CODEC_8E, .arrived_us = arrived_us};
    r.bytes = tracker_record(&says, &r.n);
    return r;
}

static void let_go(struct records_new *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)v[i].bytes);
}

/* One record; its state. */
static enum records_state put_one(const char *imei, struct tracker_says says, int64_t arrived_us)
{
    struct err err;
    struct records_done done;
    struct records_new r = item(imei, says, arrived_us);
    assert_ok(records_put(records, &r, 1, &done, &err));
    assert_int_equal(done.stored + done.known, 1);
    let_go(&r, 1);
    return r.state;
}

static void put_at(int64_t time_ms)
{
    put_one(TRACKER_IMEI, tracker_says(time_ms), ARRIVED_US);
}

/* ---- reading ---- */

struct seen {
    size_t n;
    struct records_row row[64];
    uint8_t bytes[64][512];
    char order[64][AVL_IMEI_ROOM];
    int troubles;
    char trouble[600];
};

static int see(void *arg, const struct records_row *row, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    if (s->n < 64) {
        s->row[s->n] = *row;
        if (row->bytes)
            memcpy(s->bytes[s->n], row->bytes, row->n);
    }
    s->n++;
    return ERR_OK;
}

static void see_trouble(void *arg, const char *name, const char *why)
{
    struct seen *s = arg;
    s->troubles++;
    snprintf(s->trouble, sizeof s->trouble, "%s: %s", name, why);
}

static struct seen seen;

static const struct records_query all_of_it = {
    .from_ms = 0, .until_ms = INT64_MAX, .event_id = RECORDS_ANY_EVENT};

static void look(struct records_query q)
{
    struct err err;
    const struct records_reader reader = {.fn = see, .trouble = see_trouble, .arg = &seen};
    seen = (struct seen){.n = 0};
    assert_ok(records_each(records, &q, &reader, &err));
}

static int64_t count(struct records_query q)
{
    struct err err;
    struct records_sum sum;
    assert_ok(records_count(records, &q, &sum, &err));
    return sum.records;
}

static struct records_query odd(void)
{
    struct records_query q = all_of_it;
    q.odd = true;
    return q;
}

static void test_what_was_put_is_found_by_time(void **state)
{
    (void)state;
    struct err err;
    struct records_done done;
    struct records_new v[5];
    for (int i = 0; i < 4; i++) { /* newest first, over midnight */
        struct tracker_says says = tracker_says(AT_MS - i * DAY_MS / 2);
        says.odometer = (uint64_t)i;
        says.event_id = i == 2 ? 247 : 0;
        v[i] = item(TRACKER_IMEI, says, ARRIVED_US + i);
    }
    v[4] = item(OTHER_IMEI, tracker_says(AT_MS - 1), ARRIVED_US);
    assert_ok(records_put(records, v, 5, &done, &err));
    assert_int_equal(done.stored, 5);
    assert_string_equal(done.aside, "");

    struct records_query q = all_of_it;
    q.imei = TRACKER_IMEI;
    look(q);
    assert_int_equal(seen.n, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct records_row *r = &seen.row[i];
        const struct records_new *n = &v[3 - i];
        assert_string_equal(r->imei, TRACKER_IMEI);
        assert_int_equal(r->time_ms, AT_MS - (int64_t)(3 - i) * DAY_MS / 2);
        assert_int_equal(r->arrived_us, n->arrived_us / 1000 * 1000);
        assert_int_equal(r->codec, AVL_CODEC_8E);
        assert_int_equal(r->longitude_e7, 252795678);
        assert_int_equal(r->latitude_e7, 546872233);
        assert_int_equal(r->altitude_m, 105);
        assert_int_equal(r->angle_deg, 214);
        assert_int_equal(r->speed_kmh, 50);
        assert_int_equal(r->satellites, 11);
        assert_true(r->valid && !r->is_private && !r->hidden);
        assert_int_equal(r->n, n->n);
        assert_memory_equal(seen.bytes[i], n->bytes, n->n);
    }
    q.event_id = 247;
    look(q);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.row[0].time_ms, AT_MS - DAY_MS);
    q.event_id = RECORDS_ANY_EVENT;
    q.from_ms = AT_MS - DAY_MS; /* both ends are in it */
    q.until_ms = AT_MS - DAY_MS / 2;
    look(q);
    assert_int_equal(seen.n, 2);
    assert_int_equal(count(q), 2);
    q.imei = NULL;
    q.until_ms = INT64_MAX;
    assert_int_equal(count(q), 4);
    look(q);
    assert_int_equal(seen.n, 4);
    assert_true(support_exists(db("2026-11-19.db")));
    assert_int_equal(count(odd()), 0);
    let_go(v, 5);
}

/* More than a page, in two files; many of the same ms. */
static void test_pages_lose_nothing(void **state)
{
    (void)state;
    enum { N = 700 };
    struct err err;
    struct records_done done;
    struct records_new v[N];
    for (int i = 0; i < N; i++) {
        struct tracker_says says = tracker_says(AT_MS - 600000 + i / 300 * 1000);
        says.odometer = (uint64_t)i;
        v[i] = item(TRACKER_IMEI, says, ARRIVED_US);
    }
    assert_ok(records_put(records, v, N, &done, &err));
    look(all_of_it);
    assert_int_equal(seen.n, N);
    assert_int_equal(count(all_of_it), N);
    let_go(v, N);
}

static void test_a_record_is_stored_once(void **state)
{
    (void)state;
    struct err err;
    struct records_done done;
    struct tracker_says says = tracker_says(AT_MS), panic = says;
    panic.priority = 2; /* of the same ms, and another record */
    struct records_new v[4] = {
        item(TRACKER_IMEI, says, ARRIVED_US), item(TRACKER_IMEI, panic, ARRIVED_US),
        item(TRACKER_IMEI, says, ARRIVED_US), item(OTHER_IMEI, says, ARRIVED_US)};
    assert_ok(records_put(records, v, 4, &done, &err));
    assert_int_equal(done.stored, 3);
    assert_int_equal(done.known, 1);
    assert_int_equal(v[0].state, RECORDS_STORED);
    assert_int_equal(v[2].state, RECORDS_KNOWN);
    reopen();
    for (size_t i = 0; i < 4; i++)
        v[i].arrived_us += 1000000;
    assert_ok(records_put(records, v, 4, &done, &err));
    assert_int_equal(done.known, 4);
    assert_int_equal(count(all_of_it), 3);
    look(all_of_it);
    assert_int_equal(seen.row[0].arrived_us, ARRIVED_US); /* the first time counts */
    let_go(v, 4);
}

static void test_what_is_no_record_keeps_nothing_else_away(void **state)
{
    (void)state;
    struct err err;
    struct records_done done;
    struct records_new v[4] = {item(TRACKER_IMEI, tracker_says(AT_MS), ARRIVED_US),
                               item(TRACKER_IMEI, tracker_says(AT_MS + 1), ARRIVED_US),
                               item("35000000000000", tracker_says(AT_MS), ARRIVED_US),
                               item(TRACKER_IMEI, tracker_says(AT_MS + 2), ARRIVED_US)};
    v[1].n--;
    v[3].codec = AVL_CODEC_12;
    assert_err(ERR_MALFORMED, records_put(records, v, 4, &done, &err));
    assert_int_equal(v[0].state, RECORDS_STORED);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(v[i].state, RECORDS_MISSING);
    assert_int_equal(count(all_of_it), 1);
    let_go(v, 4);
}

/* ---- times ---- */

static void test_times_that_are_not_believed_are_odd(void **state)
{
    (void)state;
    const int64_t arrived_ms = ARRIVED_US / 1000;
    put_at(arrived_ms - 400 * DAY_MS);
    put_at(arrived_ms + DAY_MS);
    assert_int_equal(count(odd()), 0);
    assert_int_equal(count(all_of_it), 2);
    put_at(arrived_ms - 400 * DAY_MS - 1);
    put_at(arrived_ms + DAY_MS + 1);
    put_at(0);
    put_at(INT64_MAX);
    put_at(INT64_MIN); /* as the tracker says it: far beyond all */
    assert_int_equal(count(odd()), 5);
    assert_int_equal(count(all_of_it), 2);
    struct records_query q = odd();
    look(q);
    assert_int_equal(seen.n, 5);
    assert_int_equal(seen.row[0].time_ms, 0);
    assert_int_equal(seen.row[4].time_ms, INT64_MAX);
}

/* A year of 31556952 s each. */
static void test_ten_thousand_years_are_one_file(void **state)
{
    (void)state;
    enum { N = 10000 };
    struct err err;
    struct records_done done;
    struct records_new *v = calloc(N, sizeof *v);
    assert_non_null(v);
    for (int i = 0; i < N; i++)
        v[i] = item(TRACKER_IMEI, tracker_says((int64_t)i * 31556952000), ARRIVED_US);
    assert_ok(records_put(records, v, N, &done, &err));
    assert_int_equal(done.stored, N);
    assert_in_range(support_entries(support_path(root, "telemetry")), 3, 10);
    assert_in_range(count(odd()), N - 3, N);
    assert_int_equal(count(odd()) + count(all_of_it), N);
    let_go(v, N);
    free(v);
}

static void test_hundreds_of_days_need_few_descriptors(void **state)
{
    (void)state;
    enum { N = 399, DESCRIPTORS = 240 };
    struct err err;
    struct records_done done;
    struct rlimit before_it, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before_it), 0);
    few = before_it;
    few.rlim_cur = DESCRIPTORS;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    reopen();
    struct records_new *v = calloc(N, sizeof *v);
    assert_non_null(v);
    for (int i = 0; i < N; i++)
        v[i] = item(TRACKER_IMEI, tracker_says(AT_MS - i * DAY_MS), ARRIVED_US);
    int before = support_entries("/proc/self/fd");
    for (int i = 0; i < 2; i++) {
        assert_ok(records_put(records, v, N, &done, &err));
        assert_in_range(support_entries("/proc/self/fd"), 1, before + DESCRIPTORS / 4);
    }
    assert_int_equal(done.known, N);
    look(all_of_it);
    assert_int_equal(seen.n, N);
    assert_in_range(support_entries("/proc/self/fd"), 1, before + DESCRIPTORS / 4);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before_it), 0);
    let_go(v, N);
    free(v);
}

/* What is written again and again goes into the file; else a log would be as large as the day, and
 * be read whole by who opens it. */
static void test_logs_stay_short(void **state)
{
    (void)state;
    enum { BATCHES = 150, EACH = 200, LOG_BYTES = 6 << 20 };
    struct err err;
    struct stat st;
    off_t longest = 0;
    for (int b = 0; b < BATCHES; b++) {
        struct records_new v[EACH];
        struct records_done done;
        for (int i = 0; i < EACH; i++)
            v[i] = item(TRACKER_IMEI, tracker_says(AT_MS + b * EACH + i), ARRIVED_US);
        assert_ok(records_put(records, v, EACH, &done, &err));
        assert_int_equal(stat(db("2026-11-21.db-wal"), &st), 0);
        longest = st.st_size > longest ? st.st_size : longest;
        let_go(v, EACH);
    }
    assert_in_range(longest, 1 << 20, LOG_BYTES);
    assert_int_equal(count(all_of_it), BATCHES * EACH);
    records_close(&records);
    assert_false(support_exists(db("2026-11-21.db-wal")));
}

/* ---- private ---- */

static void test_private_records_tell_no_position(void **state)
{
    (void)state;
    struct tracker_says says = tracker_says(AT_MS);
    says.private_mode = 1;
    put_one(TRACKER_IMEI, says, ARRIVED_US);
    look(all_of_it);
    assert_int_equal(seen.n, 1);
    assert_true(seen.row[0].is_private && seen.row[0].hidden && !seen.row[0].valid);
    assert_int_equal(seen.row[0].time_ms, AT_MS);
    assert_int_equal(seen.row[0].longitude_e7, 0);
    assert_int_equal(seen.row[0].latitude_e7, 0);
    assert_int_equal(seen.row[0].speed_kmh, 0);
    assert_int_equal(seen.row[0].angle_deg, 0);
    assert_int_equal(seen.row[0].altitude_m, 0);
    assert_int_equal(seen.row[0].satellites, 0);
    assert_null(seen.row[0].bytes);
    assert_int_equal(seen.row[0].n, 0);
    struct records_query q = all_of_it;
    q.private_too = true;
    look(q);
    assert_true(seen.row[0].is_private && !seen.row[0].hidden && seen.row[0].valid);
    assert_int_equal(seen.row[0].longitude_e7, 252795678);
    assert_true(seen.row[0].n > 0);
}

/* ---- logs ---- */

static off_t log_bytes(const char *name)
{
    struct stat st;
    return stat(db(name), &st) == 0 ? st.st_size : 0;
}

/* A server that runs for a year would have one of a few MiB for each of its days. */
static void test_a_day_that_is_over_has_no_log(void **state)
{
    (void)state;
    char name[40];
    clock_date((AT_MS - DAY_MS) * 1000, name);
    snprintf(name + strlen(name), sizeof name - strlen(name), ".db-wal");
    put_at(AT_MS - DAY_MS);
    put_at(AT_MS);
    assert_true(log_bytes(name) > 0);
    for (int i = 1; i <= 1010 && log_bytes(name) > 0; i++)
        put_at(AT_MS + i);
    assert_int_equal(log_bytes(name), 0);
    put_at(AT_MS - DAY_MS + 1);
    assert_true(log_bytes(name) > 0);
}

/* ---- latest ---- */

static int keep_latest(void *arg, const struct records_latest *latest, struct err *err)
{
    (void)err;
    *(struct records_latest *)arg = *latest;
    return ERR_OK;
}

static struct records_latest latest_of(const char *imei)
{
    struct err err;
    struct records_latest l;
    assert_ok(records_latest(records, imei, keep_latest, &l, &err));
    return l;
}

static void is_as_expected(void)
{
    struct records_latest l = latest_of(TRACKER_IMEI);
    assert_int_equal(l.time_ms, AT_MS);
    assert_int_equal(l.arrived_us / 1000, ARRIVED_US / 1000);
    assert_false(l.valid);
    assert_int_equal(l.speed_kmh, 0);
    assert_int_equal(l.fix_ms, AT_MS - 1000);
    assert_int_equal(l.longitude_e7, 7);
    assert_int_equal(l.watched[0].value, 0);
    assert_int_equal(l.watched[0].time_ms, AT_MS);
    assert_int_equal(records_watched[1], 498);
    assert_int_equal(l.watched[1].value, 3);
    assert_int_equal(l.watched[1].time_ms, AT_MS - 2000);
    assert_int_equal(l.watched[2].time_ms, 0);
}

static int count_latest(void *arg, const struct records_latest *latest, struct err *err)
{
    (void)latest, (void)err;
    ++*(int *)arg;
    return ERR_OK;
}

static void test_the_latest_is_the_newest_by_its_own_time(void **state)
{
    (void)state;
    struct err err;
    int n = 0;
    struct tracker_says newest = tracker_says(AT_MS), fix = tracker_says(AT_MS - 1000),
                        camera = tracker_says(AT_MS - 2000), ahead = tracker_says(AT_MS + 3600000);
    newest.satellites = 0;
    newest.speed_kmh = 0;
    newest.ignition = 0;
    fix.longitude_e7 = 7;
    camera.front = 3;
    put_one(TRACKER_IMEI, fix, ARRIVED_US);
    put_one(TRACKER_IMEI, newest, ARRIVED_US);
    put_one(TRACKER_IMEI, camera, ARRIVED_US);
    put_at(AT_MS - 5 * DAY_MS);
    put_one(TRACKER_IMEI, ahead, ARRIVED_US); /* an hour: not yet */
    put_at(AT_MS + 3 * DAY_MS);               /* odd: never */
    put_one(OTHER_IMEI, tracker_says(AT_MS), ARRIVED_US);
    is_as_expected();
    assert_ok(records_latest(records, NULL, count_latest, &n, &err));
    assert_int_equal(n, 2);
    assert_err(ERR_NOTFOUND, records_latest(records, "111111111111119", count_latest, &n, &err));

    reopen(); /* as it was left */
    is_as_expected();
    records_close(&records);
    assert_int_equal(unlink(db("latest.db")), 0); /* lost */
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
    is_as_expected();
    records_close(&records);
    support_write(db("latest.db"), "no database", 11); /* broken */
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
    is_as_expected();
    assert_int_equal(unlink(db("latest.db")), 0); /* meanwhile */
    put_one(OTHER_IMEI, tracker_says(AT_MS + 1), ARRIVED_US);
    is_as_expected();
    assert_int_equal(latest_of(OTHER_IMEI).time_ms, AT_MS + 1);
}

/* fn is done by a writer that is killed after it. */
static void killed_after(void (*fn)(void))
{
    struct err err;
    int status;
    records_close(&records);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (records_open(&records, root, RECORDS_WRITE, &err) == ERR_OK)
            fn();
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void open_again(void)
{
    struct err err;
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
}

static void keep_the_latest(void)
{
    char sql[300];
    snprintf(sql, sizeof sql, "VACUUM INTO '%s'", db("kept"));
    sql_run(db("latest.db"), sql);
}

/* As a power cut leaves it, or who is killed between the day's commit and its own. */
static void bring_back_the_latest(void)
{
    char kept[300];
    snprintf(kept, sizeof kept, "%s", db("kept"));
    assert_int_equal(rename(kept, db("latest.db")), 0);
    unlink(db("latest.db-wal"));
    unlink(db("latest.db-shm"));
}

static void put_behind_its_back(void)
{
    struct tracker_says camera = tracker_says(AT_MS - 7 * DAY_MS);
    keep_the_latest();
    camera.front = 4;
    put_one(TRACKER_IMEI, camera, ARRIVED_US);
    put_at(AT_MS);
    put_one("111111111111119", tracker_says(AT_MS - 3 * DAY_MS), ARRIVED_US);
}

static void test_after_an_unclean_end_the_latest_is_right(void **state)
{
    (void)state;
    put_at(AT_MS - 1000);
    put_one(OTHER_IMEI, tracker_says(AT_MS - 9 * DAY_MS), ARRIVED_US);
    killed_after(put_behind_its_back);
    bring_back_the_latest();
    open_again();
    assert_int_equal(latest_of(TRACKER_IMEI).time_ms, AT_MS);
    assert_int_equal(latest_of(TRACKER_IMEI).watched[1].value, 4);
    assert_int_equal(latest_of(OTHER_IMEI).time_ms, AT_MS - 9 * DAY_MS);
    assert_int_equal(latest_of("111111111111119").time_ms, AT_MS - 3 * DAY_MS);
}

static void do_nothing(void)
{
}

/* Each record of a year would be read again. */
static void test_after_an_unclean_end_only_what_is_new_is_read(void **state)
{
    (void)state;
    put_at(AT_MS - 9 * DAY_MS);
    put_at(AT_MS - 1000);
    killed_after(do_nothing);
    sql_change(db("latest.db"), "UPDATE latest SET speed_kmh = 77");
    open_again();
    assert_int_equal(latest_of(TRACKER_IMEI).speed_kmh, 77);
    killed_after(put_behind_its_back); /* and that again is all that the next time is */
    sql_change(db("latest.db"), "UPDATE latest SET speed_kmh = 78");
    open_again();
    assert_int_equal(latest_of(TRACKER_IMEI).speed_kmh, 78);
}

static void no_trouble(void *arg, const char *name, const char *why)
{
    (void)arg;
    fail_msg("%s: %s", name, why);
}

static void erase_and_put_less(void)
{
    struct err err;
    struct records_gone gone;
    struct records_span all = {OTHER_IMEI, 0, INT64_MAX};
    keep_the_latest();
    assert_ok(records_erase(records, &all, 1, false, no_trouble, NULL, &gone, &err));
    put_one("111111111111119", tracker_says(AT_MS - 600), ARRIVED_US);
    put_one("111111111111119", tracker_says(AT_MS - 500), ARRIVED_US);
}

/* New records have the numbers of those that went. */
static void test_after_an_unclean_end_numbers_may_have_come_again(void **state)
{
    (void)state;
    put_at(AT_MS - 1000);
    put_one(OTHER_IMEI, tracker_says(AT_MS - 900), ARRIVED_US);
    put_one(OTHER_IMEI, tracker_says(AT_MS - 800), ARRIVED_US);
    killed_after(erase_and_put_less);
    bring_back_the_latest();
    open_again();
    assert_int_equal(latest_of("111111111111119").time_ms, AT_MS - 500);
}

static void test_a_latest_of_an_earlier_version_is_made_anew(void **state)
{
    (void)state;
    put_at(AT_MS - 1000);
    records_close(&records);
    sql_change(db("latest.db"), "DROP TABLE cover; PRAGMA user_version = 1; DELETE FROM latest");
    open_again();
    assert_int_equal(latest_of(TRACKER_IMEI).time_ms, AT_MS - 1000);
}

static void test_who_is_private_is_nowhere(void **state)
{
    (void)state;
    struct tracker_says says = tracker_says(AT_MS);
    put_at(AT_MS - 60000);
    says.private_mode = 1;
    put_one(TRACKER_IMEI, says, ARRIVED_US);
    struct records_latest l = latest_of(TRACKER_IMEI);
    assert_int_equal(l.time_ms, AT_MS);
    assert_true(l.is_private && !l.valid);
    assert_int_equal(l.fix_ms, 0);
    assert_int_equal(l.longitude_e7, 0);
    assert_int_equal(l.speed_kmh, 0);
    put_at(AT_MS + 1000); /* and back */
    l = latest_of(TRACKER_IMEI);
    assert_true(l.valid && !l.is_private);
    assert_int_equal(l.longitude_e7, 252795678);
}

/* ---- files that are not ours ---- */

static void put_beside_a_bad_file(const char *says)
{
    struct err err;
    struct records_done done;
    struct records_new v[2] = {item(TRACKER_IMEI, tracker_says(AT_MS), ARRIVED_US),
                               item(TRACKER_IMEI, tracker_says(AT_MS - DAY_MS), ARRIVED_US)};
    assert_ok(records_put(records, v, 2, &done, &err));
    assert_int_equal(done.stored, 2);
    assert_has(done.aside, says);
    assert_has(done.aside, "2026-11-21.db.aside-");
    assert_int_equal(support_entries_like(db("2026-11-21.db.aside-")), 1);
    assert_int_equal(count(all_of_it), 2);
    let_go(v, 2);
}

static void test_a_broken_file_is_set_aside(void **state)
{
    (void)state;
    support_write(db("2026-11-21.db"), "this is no database, and it is long enough", 42);
    look(all_of_it);
    assert_int_equal(seen.troubles, 1);
    assert_has(seen.trouble, "2026-11-21");
    put_beside_a_bad_file("database");
}

static void test_a_file_of_another_root_is_set_aside(void **state)
{
    (void)state;
    char *other = support_tmp_dir();
    struct err err;
    put_at(AT_MS);
    records_close(&records);
    assert_int_equal(rename(db("2026-11-21.db"), support_path(other, "it.db")), 0);
    support_tmp_remove(&root);
    root = support_tmp_dir();
    tracker_root(root, 2);
    assert_int_equal(rename(support_path(other, "it.db"), db("2026-11-21.db")), 0);
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
    look(all_of_it);
    assert_int_equal(seen.n, 0);
    assert_has(seen.trouble, "another ROOT");
    put_beside_a_bad_file("another ROOT");
    support_tmp_remove(&other);
}

static void test_without_an_identity_nothing_is_written(void **state)
{
    (void)state;
    struct err err;
    char *bare = support_tmp_dir();
    struct records *r = NULL;
    assert_err(ERR_FOREIGN, records_open(&r, bare, RECORDS_WRITE, &err));
    assert_null(r);
    assert_int_equal(support_entries(bare), 0);
    assert_ok(records_open(&r, bare, RECORDS_READ, &err)); /* nothing is found */
    struct records_sum sum;
    assert_ok(records_count(r, &all_of_it, &sum, &err));
    assert_int_equal(sum.records, 0);
    int n = 0;
    assert_ok(records_latest(r, NULL, count_latest, &n, &err));
    assert_int_equal(n, 0);
    records_close(&r);
    assert_int_equal(support_entries(bare), 0);
    support_tmp_remove(&bare);
}

/* ---- others ---- */

/* Readers in processes of their own see whole batches, and lock nobody out. */
static void test_others_read_while_it_is_written(void **state)
{
    (void)state;
    enum { BATCHES = 60, EACH = 20 };
    struct err err;
    int pipes[2];
    char go;
    records_close(&records);
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct records_sum sum = {0};
        int64_t before = 0;
        bool right = records_open(&records, root, RECORDS_READ, &err) == ERR_OK;
        while (right && sum.records < BATCHES * EACH) {
            right = records_count(records, &all_of_it, &sum, &err) == ERR_OK &&
                    sum.records % EACH == 0 && sum.records >= before;
            before = sum.records;
            look(all_of_it);
            right = right && (int64_t)seen.n >= before && seen.troubles == 0;
            if (sum.records > 0 && write(pipes[1], "r", 1) != 1)
                right = false;
        }
        _exit(right ? 0 : 1);
    }
    assert_ok(records_open(&records, root, RECORDS_WRITE, &err));
    for (int b = 0; b < BATCHES; b++) {
        struct records_new v[EACH];
        struct records_done done;
        for (int i = 0; i < EACH; i++)
            v[i] = item(TRACKER_IMEI, tracker_says(AT_MS + b * EACH + i), ARRIVED_US);
        assert_ok(records_put(records, v, EACH, &done, &err));
        assert_int_equal(done.stored, EACH);
        let_go(v, EACH);
        if (b == BATCHES / 2) /* it has read in between */
            assert_int_equal(read(pipes[0], &go, 1), 1);
    }
    close(pipes[0]);
    signal(SIGPIPE, SIG_IGN);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(pipes[1]);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Somebody holds one day for longer than is waited: that day's records are told as missing, and
 * nothing else. */
static void test_a_busy_file_is_told(void **state)
{
    (void)state;
    struct err err;
    struct records_done done;
    int ready[2], end[2];
    char c = 'x';
    put_at(AT_MS - 1000);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(end[1]);
        sql_hold(db("2026-11-21.db"));
        if (write(ready[1], &c, 1) != 1 || read(end[0], &c, 1) < 0)
            _exit(1);
        _exit(0);
    }
    close(end[0]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    struct records_new v[2] = {item(TRACKER_IMEI, tracker_says(AT_MS), ARRIVED_US),
                               item(TRACKER_IMEI, tracker_says(AT_MS - DAY_MS), ARRIVED_US)};
    assert_err(ERR_BUSY, records_put(records, v, 2, &done, &err));
    assert_int_equal(v[0].state, RECORDS_MISSING);
    assert_int_equal(v[1].state, RECORDS_STORED);
    close(end[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ok(records_put(records, v, 2, &done, &err));
    assert_int_equal(v[0].state, RECORDS_STORED);
    assert_int_equal(v[1].state, RECORDS_KNOWN);
    assert_int_equal(latest_of(TRACKER_IMEI).time_ms, AT_MS);
    let_go(v, 2);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_what_was_put_is_found_by_time),
        T(test_pages_lose_nothing),
        T(test_a_record_is_stored_once),
        T(test_what_is_no_record_keeps_nothing_else_away),
        T(test_times_that_are_not_believed_are_odd),
        T(test_ten_thousand_years_are_one_file),
        T(test_hundreds_of_days_need_few_descriptors),
        T(test_logs_stay_short),
        T(test_private_records_tell_no_position),
        T(test_a_day_that_is_over_has_no_log),
        T(test_the_latest_is_the_newest_by_its_own_time),
        T(test_after_an_unclean_end_the_latest_is_right),
        T(test_after_an_unclean_end_only_what_is_new_is_read),
        T(test_after_an_unclean_end_numbers_may_have_come_again),
        T(test_a_latest_of_an_earlier_version_is_made_anew),
        T(test_who_is_private_is_nowhere),
        T(test_a_broken_file_is_set_aside),
        T(test_a_file_of_another_root_is_set_aside),
        T(test_without_an_identity_nothing_is_written),
        T(test_others_read_while_it_is_written),
        T(test_a_busy_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
