/* Retention: what goes, what stays whatever a rule says, and what is left of what went. */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/raw.h"
#include "dashspool/spool.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/upkept.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_US     (INT64_C(86400) * 1000000)
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})

static char *root, told[8192];
static char a[CATALOGUE_ID_ROOM], b[CATALOGUE_ID_ROOM], c[CATALOGUE_ID_ROOM];

/* The clock goes on at our word: nobody can make a job's failure older. */
int64_t __real_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void);
static int64_t ahead_us;

int64_t __wrap_clock_utc_us(void)
{
    return __real_clock_utc_us() + ahead_us;
}

static int make_root(void **state)
{
    (void)state;
    ahead_us = 0;
    root = support_tmp_dir();
    upkept_add(root, "front", UPKEPT_AT_US, 300000, true, a);
    upkept_add(root, "rear", UPKEPT_AT_US + 1, 200000, true, b);
    upkept_add(root, "front", UPKEPT_AT_US + DAY_US, 100000, true, c);
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

static bool has_file(const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return support_exists(path);
}

static int64_t file_bytes(const char *name)
{
    char path[700];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", root, name);
    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void all_is_well(void)
{
    char problems[8192];
    upkept_fsck(root, problems);
    assert_string_equal(problems, "");
}

static void test_without_rules_nothing_goes(void **state)
{
    (void)state;
    struct retention_result r = upkept_sweep(root, NULL, false, told);
    assert_string_equal(told, "");
    assert_int_equal(r.masters + r.copies + r.jobs, 0);
    assert_true(r.free_bytes > 0);
    assert_true(upkept_has(root, a) && upkept_has(root, b) && upkept_has(root, c));
}

static void test_what_is_too_old_goes_with_all_but_its_custody(void **state)
{
    (void)state;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM], again[CATALOGUE_ID_ROOM];
    struct retention_result r =
        upkept_sweep(root, RULES("masters", "rear forever, 30d"), false, told);
    assert_int_equal(r.masters, 2);
    assert_int_equal(r.bytes, 300000 + 100000 + 2 * 3000);
    assert_false(upkept_has(root, a) || upkept_has(root, c));
    assert_true(upkept_has(root, b));
    assert_false(has_file("raw/2024-11-30.db")); /* it was all of that day */
    assert_true(has_file("raw/2024-11-29.db"));
    upkept_last_event(root, a, event, line);
    assert_string_equal(event, "deleted");
    assert_non_null(strstr(line, "\"why\":\"age: 30d\""));
    assert_non_null(strstr(line, "\"sha256\":\""));
    all_is_well();
    /* its id is not given again */
    upkept_add(root, "front", UPKEPT_AT_US, 300000, true, again);
    assert_string_not_equal(again, a);
    all_is_well();
}

static void test_a_dry_run_tells_the_same_and_changes_nothing(void **state)
{
    (void)state;
    char dry[8192];
    const char *const *rules = RULES("masters", "30d", "copies", "rear 1d");
    struct retention_result would = upkept_sweep(root, rules, true, dry);
    assert_true(upkept_has(root, a) && upkept_has(root, b) && upkept_has(root, c));
    assert_int_equal(upkept_copies(root, b), 2);
    all_is_well();
    struct retention_result did = upkept_sweep(root, rules, false, told);
    assert_string_equal(dry, told);
    assert_int_equal(would.masters, did.masters);
    assert_int_equal(would.copies, did.copies);
}

static void test_a_size_takes_the_oldest_of_all_or_of_each_camera(void **state)
{
    (void)state;
    char more[CATALOGUE_ID_ROOM];
    upkept_add(root, "front", UPKEPT_AT_US + 2 * DAY_US, 900000, true, more);
    upkept_sweep(root, RULES("masters", "1MB/camera"), false, told); /* 1.3 MB of front */
    assert_false(upkept_has(root, a));
    assert_true(upkept_has(root, b) && upkept_has(root, c) && upkept_has(root, more));
    upkept_sweep(root, RULES("masters", "1MB"), false, told); /* 1.2 MB in all */
    assert_false(upkept_has(root, b));
    assert_true(upkept_has(root, c) && upkept_has(root, more));
    all_is_well();
}

static void test_what_is_protected_stays_until_it_is_released(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *cat = NULL;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    int ended;
    struct catalogue_protection p = {.since_us = 1, .who = "somebody", .reason = "claim 17"};
    assert_ok(catalogue_open(&cat, root, false, &err));
    assert_ok(catalogue_protect(cat, a, &p, &err));
    assert_ok(catalogue_protect(cat, a, &p, &err)); /* once */
    upkept_last_event(root, a, event, line);
    assert_string_equal(event, "protected");
    assert_non_null(strstr(line, "\"n\":3,"));
    assert_non_null(strstr(line, "claim 17"));
    struct retention_result r =
        upkept_sweep(root, RULES("masters", "30d", "copies", "1d"), false, told);
    assert_true(upkept_has(root, a));
    assert_int_equal(upkept_copies(root, a), 2);
    assert_false(upkept_has(root, b));
    assert_int_equal(r.protected, 3); /* its copies, and itself */
    /* the others' part of the file is given back to the disk */
    assert_true(file_bytes("raw/2024-11-29.db") < 870000);
    all_is_well();
    assert_ok(catalogue_unprotect(cat, a, "somebody else", &ended, &err));
    assert_int_equal(ended, 1);
    upkept_last_event(root, a, event, line);
    assert_string_equal(event, "unprotected");
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, a));
    assert_err(ERR_NOTFOUND, catalogue_protect(cat, a, &p, &err));
    catalogue_close(&cat);
    assert_false(has_file("raw/2024-11-29.db"));
    all_is_well();
}

static void test_what_is_not_converted_or_is_worked_at_stays(void **state)
{
    (void)state;
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    char raw_only[CATALOGUE_ID_ROOM];
    upkept_add(root, "front", UPKEPT_AT_US + 5, 1000, false, raw_only);
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_put(spool, a, "{}", 2, &err));
    assert_ok(spool_claim(spool, &job, &err));
    assert_ok(spool_put(spool, b, "{}", 2, &err));
    struct retention_result r = upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_true(upkept_has(root, a) && upkept_has(root, b) && upkept_has(root, raw_only));
    assert_false(upkept_has(root, c));
    assert_int_equal(r.busy, 1);
    assert_int_equal(r.unconverted, 2);
    assert_ok(spool_finish(spool, &job, &err));
    spool_close(&spool);
}

static void test_a_failed_job_goes_with_its_master(void **state)
{
    (void)state;
    struct err err;
    struct spool *spool = NULL;
    enum spool_place place;
    char raw_only[CATALOGUE_ID_ROOM];
    upkept_add(root, "front", UPKEPT_AT_US + 5, 1000, false, raw_only);
    upkept_fail_job(root, raw_only);
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, raw_only));
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_find(spool, raw_only, &place, &err));
    assert_int_equal(place, SPOOL_PLACE_NONE);
    /* one that a crash left behind */
    upkept_fail_job(root, raw_only);
    upkept_sweep(root, NULL, false, told);
    assert_ok(spool_find(spool, raw_only, &place, &err));
    assert_int_equal(place, SPOOL_PLACE_NONE);
    spool_close(&spool);
}

static enum spool_place place_of(const char *stage, const char *id)
{
    struct err err;
    struct spool *spool = NULL;
    enum spool_place place;
    assert_ok(spool_open(&spool, root, stage, &err));
    assert_ok(spool_find(spool, id, &place, &err));
    spool_close(&spool);
    return place;
}

static void put_job(const char *stage, const char *id)
{
    struct err err;
    struct spool *spool = NULL;
    assert_ok(spool_open(&spool, root, stage, &err));
    assert_ok(spool_put(spool, id, "{}", 2, &err));
    spool_close(&spool);
}

static void test_failed_jobs_of_every_stage_go_by_the_rule(void **state)
{
    (void)state;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    upkept_fail_job_of(root, "upload", a);
    upkept_fail_job(root, b);
    upkept_fail_job_of(root, "mail", c);
    struct catalogue *cat = NULL;
    struct err err;
    const struct catalogue_protection p = {1, "somebody", "claim 17"};
    assert_ok(catalogue_open(&cat, root, false, &err));
    assert_ok(catalogue_protect(cat, c, &p, &err));
    catalogue_close(&cat);
    struct retention_result r = upkept_sweep(root, RULES("failed", "90d"), false, told);
    assert_int_equal(r.jobs, 0); /* they failed just now */
    ahead_us = 91 * DAY_US;
    r = upkept_sweep(root, RULES("failed", "90d"), true, told);
    assert_int_equal(r.jobs, 2);
    assert_int_equal(place_of("upload", a), SPOOL_PLACE_FAILED);
    r = upkept_sweep(root, RULES("failed", "90d"), false, told);
    assert_int_equal(r.jobs, 2);
    assert_int_equal(place_of("upload", a), SPOOL_PLACE_NONE);
    assert_int_equal(place_of("convert", b), SPOOL_PLACE_NONE);
    assert_int_equal(place_of("mail", c), SPOOL_PLACE_FAILED);
    upkept_last_event(root, a, event, line);
    assert_string_equal(event, "dropped");
    assert_non_null(strstr(line, "\"stage\":\"upload\""));
    assert_non_null(strstr(line, "a test says so"));
    all_is_well();
}

/* Only the conversion's end makes an original one that may go. */
static void test_what_is_given_up_elsewhere_is_not_converted(void **state)
{
    (void)state;
    char raw_only[CATALOGUE_ID_ROOM];
    upkept_add(root, "front", UPKEPT_AT_US + 5, 1000, false, raw_only);
    upkept_fail_job_of(root, "upload", raw_only);
    struct retention_result r = upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_int_equal(r.unconverted, 1);
    assert_true(upkept_has(root, raw_only));
    ahead_us = 91 * DAY_US;
    upkept_sweep(root, RULES("failed", "90d"), false, told);
    assert_int_equal(place_of("upload", raw_only), SPOOL_PLACE_NONE);
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_true(upkept_has(root, raw_only));
    upkept_fail_job(root, raw_only);
    upkept_sweep(root, RULES("failed", "90d"), false, told);
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, raw_only));
}

/* Copies of a part, for a package, do not convert the whole that came later. */
static void test_what_was_made_of_a_part_does_not_count(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM];
    struct catalogue *known = NULL;
    struct catalogue_transfer t;
    struct catalogue_copy copy = {.made_us = UPKEPT_AT_US, .length_bytes = 1000};
    struct err err;
    upkept_add(root, "front", UPKEPT_AT_US + 5, 1000, false, id);
    assert_ok(catalogue_open(&known, root, false, &err));
    assert_ok(catalogue_transfer_get(known, id, &t, &err));
    snprintf(copy.kind, sizeof copy.kind, "working");
    snprintf(copy.path, sizeof copy.path, "archive/%s.partial.working.mp4", id);
    assert_ok(catalogue_copy_put(known, t.key, &copy, &err));
    const struct custody_event converted = {UPKEPT_AT_US, CUSTODY_CONVERTED, "a test", NULL},
                               stored = {UPKEPT_AT_US + 1, CUSTODY_STORED, "a test", NULL};
    assert_ok(catalogue_event_add(known, id, &converted, &err));
    assert_ok(catalogue_event_add(known, id, &stored, &err));
    struct retention_result r = upkept_sweep(root, RULES("masters", "30d"), true, told);
    assert_int_equal(r.unconverted, 1);
    assert_ok(catalogue_event_add(known, id, &converted, &err));
    catalogue_close(&known);
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, id));
}

static void test_failed_jobs_of_all_stages_go_with_their_master(void **state)
{
    (void)state;
    upkept_fail_job_of(root, "mail", a);
    upkept_fail_job_of(root, "upload", a);
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, a));
    assert_int_equal(place_of("mail", a), SPOOL_PLACE_NONE);
    assert_int_equal(place_of("upload", a), SPOOL_PLACE_NONE);
    /* one that a crash left behind */
    upkept_fail_job_of(root, "upload", a);
    upkept_sweep(root, NULL, false, told);
    assert_int_equal(place_of("upload", a), SPOOL_PLACE_NONE);
    all_is_well();
}

static void test_jobs_of_a_stage_that_the_settings_do_not_have_are_noted(void **state)
{
    (void)state;
    static const char *const name[] = {"receive", "convert"};
    static const struct spools_known known = {name, 2};
    put_job("old", a);
    upkept_fail_job_of(root, "older", b);
    ahead_us = 91 * DAY_US;
    struct retention_result r =
        upkept_sweep_with(root, RULES("masters", "30d", "failed", "90d"), &known, false, told);
    assert_non_null(strstr(told, "note spool/old: a stage that the settings do not have: 1 job "
                                 "waits there, which keeps the originals; 0 failed"));
    assert_null(strstr(told, "spool/older")); /* its only one was to go */
    assert_int_equal(r.troubles, 0);
    assert_int_equal(r.jobs, 1);
    assert_true(upkept_has(root, a));
    assert_false(upkept_has(root, b));
}

/* As many as there can be, and more. */
static void test_any_number_of_stages(void **state)
{
    (void)state;
    char stage[16];
    for (int i = 0; i < 70; i++) {
        snprintf(stage, sizeof stage, "stage-%d", i);
        upkept_fail_job_of(root, stage, a);
    }
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, a));
    assert_int_equal(place_of("stage-69", a), SPOOL_PLACE_NONE);
}

static void test_a_partial_stays_while_its_camera_may_go_on(void **state)
{
    (void)state;
    struct stored s;
    struct catalogue_transfer row = {.state = CATALOGUE_PARTIAL,
                                     .arrived_us = UPKEPT_AT_US,
                                     .completed_us = clock_utc_us() - DAY_US};
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, root);
    stored_add(&s, &row, "partial", 7);
    stored_close(&s);
    struct retention_result r = upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_int_equal(r.young, 1);
    assert_true(upkept_has(root, row.id));
    upkept_sweep(root, RULES("masters", "30d", "partials_h", "12"), false, told);
    assert_false(upkept_has(root, row.id));
}

static void test_copies_go_by_rules_of_their_own_and_the_master_stays(void **state)
{
    (void)state;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM], name[300];
    struct retention_result r =
        upkept_sweep(root, RULES("copies", "viewing 30d, forever"), false, told);
    assert_int_equal(r.copies, 3);
    assert_int_equal(r.masters, 0);
    assert_int_equal(upkept_copies(root, a), 1);
    snprintf(name, sizeof name, "archive/%s.viewing-DERIVED.mp4", a);
    assert_false(has_file(name));
    snprintf(name, sizeof name, "archive/%s.working.mp4", a);
    assert_true(has_file(name));
    upkept_last_event(root, a, event, line);
    assert_string_equal(event, "copy-deleted");
    assert_non_null(strstr(line, "viewing-DERIVED.mp4"));
    all_is_well();
}

static void test_a_disk_that_is_nearly_full_takes_what_may_go_and_no_more(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *cat = NULL;
    char today[CATALOGUE_ID_ROOM];
    struct catalogue_protection p = {.since_us = 1, .who = "somebody", .reason = "claim 17"};
    upkept_add(root, "front", clock_utc_us(), 1000, true, today);
    assert_ok(catalogue_open(&cat, root, false, &err));
    assert_ok(catalogue_protect(cat, a, &p, &err));
    catalogue_close(&cat);
    struct retention_result r = upkept_sweep(
        root, RULES("delete_free_mib", "1000000000", "warn_free_mib", "1000000000"), false, told);
    assert_true(r.low);
    assert_int_equal(r.masters, 3); /* today's too: that is all that a small disk holds */
    assert_non_null(strstr(told, "the disk is nearly full"));
    assert_true(upkept_has(root, a) && !upkept_has(root, today));
    r = upkept_sweep(root, RULES("delete_free_mib", "1", "warn_free_mib", "1"), false, told);
    assert_false(r.low);
    all_is_well();
}

static void test_one_that_cannot_be_read_does_not_keep_the_rest(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *cat = NULL;
    struct catalogue_transfer t;
    struct catalogue_copy copy = {.kind = "working", .path = "archive/../catalogue.db"};
    assert_ok(catalogue_open(&cat, root, false, &err));
    assert_ok(catalogue_transfer_get(cat, a, &t, &err));
    assert_ok(catalogue_copy_put(cat, t.key, &copy, &err));
    catalogue_close(&cat);
    struct retention_result r = upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_true(r.troubles > 0);
    assert_non_null(strstr(told, "is no place for a copy"));
    assert_true(has_file("catalogue.db"));
    assert_true(upkept_has(root, a));
    assert_false(upkept_has(root, b) || upkept_has(root, c));
}

/* A folder of another user's, or here a directory in the file's place. */
static void test_one_that_cannot_be_deleted_does_not_keep_the_rest(void **state)
{
    (void)state;
    struct err err;
    char copy[300], path[700];
    snprintf(copy, sizeof copy, "archive/%s.viewing-DERIVED.mp4", a);
    snprintf(path, sizeof path, "%s/%s", root, copy);
    assert_int_equal(remove(path), 0);
    assert_ok(fsx_mkdirs(path, &err));
    struct retention_result r = upkept_sweep(root, RULES("copies", "viewing 30d"), false, told);
    assert_int_equal(r.copies, 2);
    assert_int_equal(r.troubles, 1);
    r = upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_true(r.troubles > 0);
    assert_non_null(strstr(told, "Is a directory"));
    assert_true(upkept_has(root, a));
    assert_false(upkept_has(root, b) || upkept_has(root, c));
    assert_int_equal(remove(path), 0);
    upkept_sweep(root, RULES("masters", "30d"), false, told);
    assert_false(upkept_has(root, a));
    all_is_well();
}

/* A receiver that has the day's file open while it is made smaller or deleted. */
static void test_a_store_that_was_open_writes_into_the_file_that_is_there(void **state)
{
    (void)state;
    struct err err;
    struct raw *open = NULL;
    int64_t length, freed;
    bool sealed;
    assert_ok(raw_open(&open, root, &err));
    assert_ok(raw_stat(open, "2024-11-29", 1, &length, &sealed, NULL, &err));
    upkept_sweep(root, RULES("masters", "front 30d"), false, told); /* made smaller */
    assert_true(file_bytes("raw/2024-11-29.db") < 870000);
    assert_ok(raw_append(open, "2024-11-29", 77, NULL, 0, "abc", 3, &err));
    assert_ok(raw_commit(open, &err));
    assert_ok(raw_stat(open, "2024-11-29", 2, &length, &sealed, NULL, &err));
    assert_int_equal(length, 200000);
    struct raw *other = NULL;
    assert_ok(raw_open(&other, root, &err));
    assert_ok(raw_stat(other, "2024-11-29", 77, &length, &sealed, NULL, &err));
    assert_ok(raw_drop(other, "2024-11-29", 77, &err));
    assert_ok(raw_commit(other, &err));
    assert_ok(raw_append(open, "2024-11-29", 78, NULL, 0, "abc", 3, &err));
    assert_err(ERR_BUSY, raw_trim(other, "2024-11-29", RAW_TRIM_NOW, &freed, &err));
    raw_rollback(open);
    raw_close(&other);
    raw_close(&open);
}

static void on_swept(void *arg, const struct retention_swept *item)
{
    (void)arg;
    (void)item;
}

static void on_trouble(void *arg, const char *name, const char *why)
{
    snprintf(arg, sizeof told, "%s: %s", name, why);
}

/* Without anybody's word. */
static struct retention_result sweep_by_clock(unsigned how)
{
    struct retention_result r;
    struct err err;
    struct cfg *cfg = upkept_cfg(RULES("masters", "30d", "copies", "20d", "failed", "1d"));
    const struct retention_listener listener = {on_swept, on_trouble, NULL, NULL, told};
    told[0] = '\0';
    assert_ok(retention_sweep(root, cfg, NULL, how, &listener, &r, &err));
    cfg_free(&cfg);
    return r;
}

static void test_a_clock_that_jumped_deletes_nothing(void **state)
{
    (void)state;
    struct stored s;
    char now[CATALOGUE_ID_ROOM];
    struct retention_result r;
    upkept_add(root, "front", clock_utc_us(), 1000, true, now);
    r = sweep_by_clock(0); /* an arrival of today: the clock is believed */
    assert_false(r.clock_doubted);
    assert_int_equal(r.masters, 3); /* those of 2024 */
    ahead_us = 400 * DAY_US;
    upkept_fail_job(root, now);
    r = sweep_by_clock(0);
    assert_true(r.clock_doubted);
    assert_int_equal(r.masters + r.copies + r.jobs, 0);
    assert_int_equal(r.troubles, 1);
    assert_non_null(strstr(told, "sweep --clock-is-right"));
    assert_int_equal(upkept_copies(root, now), 2);
    assert_int_equal(sweep_by_clock(RETENTION_DRY_RUN).masters, 1);
    /* what arrives now is dated by the same clock */
    upkept_add(root, "front", clock_utc_us(), 1000, true, a);
    assert_true(sweep_by_clock(0).clock_doubted);
    /* a camera's own clock is a witness */
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = clock_utc_us()};
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "rear");
    snprintf(row.kind, sizeof row.kind, "photo");
    row.known = CATALOGUE_TIME_OK;
    row.time_us = row.arrived_us - 10000000;
    stored_open(&s, root);
    stored_add(&s, &row, "photo", 5);
    stored_close(&s);
    r = sweep_by_clock(0);
    assert_false(r.clock_doubted);
    assert_false(upkept_has(root, now));
    /* back again, more than a day: whom to believe? */
    ahead_us = 0;
    assert_true(sweep_by_clock(0).clock_doubted);
    assert_false(sweep_by_clock(RETENTION_CLOCK_IS_RIGHT).clock_doubted);
    assert_false(sweep_by_clock(0).clock_doubted); /* whatever came in that year */
}

/* A service that sweeps each hour needs no arrivals. */
static void test_a_quiet_store_is_swept_by_its_last_sweep(void **state)
{
    (void)state;
    assert_true(sweep_by_clock(0).clock_doubted); /* arrivals of 2024, never swept */
    assert_false(sweep_by_clock(RETENTION_CLOCK_IS_RIGHT).clock_doubted);
    for (int i = 0; i < 3; i++) {
        ahead_us += DAY_US - 3600000000;
        assert_false(sweep_by_clock(0).clock_doubted);
    }
    ahead_us += DAY_US + 3600000000;
    assert_true(sweep_by_clock(0).clock_doubted);
    assert_true(sweep_by_clock(0).clock_doubted); /* the one before is no witness */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

/* A line in `due` is not enough: footage that has a row was not deleted. */
static void test_what_is_due_and_has_a_row_is_kept(void **state)
{
    (void)state;
    sql_change(support_path(root, "catalogue.db"),
               "INSERT INTO due(key, day) VALUES(1, '2024-11-29')");
    struct retention_result r = upkept_sweep(root, NULL, false, told);
    assert_has(told, "due to be deleted, but it is in the catalogue: kept");
    assert_true(r.troubles > 0);
    upkept_fsck(root, told);
    assert_has(told, "its bytes are due to be deleted, although it is there");
    assert_null(strstr(told, "not in raw/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_due_and_has_a_row_is_kept),
        TEST(test_without_rules_nothing_goes),
        TEST(test_what_is_too_old_goes_with_all_but_its_custody),
        TEST(test_a_dry_run_tells_the_same_and_changes_nothing),
        TEST(test_a_size_takes_the_oldest_of_all_or_of_each_camera),
        TEST(test_what_is_protected_stays_until_it_is_released),
        TEST(test_what_is_not_converted_or_is_worked_at_stays),
        TEST(test_a_failed_job_goes_with_its_master),
        TEST(test_failed_jobs_of_every_stage_go_by_the_rule),
        TEST(test_what_is_given_up_elsewhere_is_not_converted),
        TEST(test_what_was_made_of_a_part_does_not_count),
        TEST(test_failed_jobs_of_all_stages_go_with_their_master),
        TEST(test_jobs_of_a_stage_that_the_settings_do_not_have_are_noted),
        TEST(test_any_number_of_stages),
        TEST(test_a_partial_stays_while_its_camera_may_go_on),
        TEST(test_copies_go_by_rules_of_their_own_and_the_master_stays),
        TEST(test_a_disk_that_is_nearly_full_takes_what_may_go_and_no_more),
        TEST(test_one_that_cannot_be_read_does_not_keep_the_rest),
        TEST(test_one_that_cannot_be_deleted_does_not_keep_the_rest),
        TEST(test_a_store_that_was_open_writes_into_the_file_that_is_there),
        TEST(test_a_clock_that_jumped_deletes_nothing),
        TEST(test_a_quiet_store_is_swept_by_its_last_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
