/* Retention: what was deleted is nowhere in ROOT, and its space is the disk's again. */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/copies.h"
#include "dashspool/fsx.h"
#include "dashspool/raw.h"
#include "dashspool/requests.h"
#include "dashspool/spool.h"
#include "dashspool/upkeep.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/upkept.h"
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY_US     (INT64_C(86400) * 1000000)
#define RULES(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { MANY = 2000, MARK_BYTES = 13 };

static char *root, told[1 << 13];
static int64_t ahead_us;
static uint32_t dice;
static int masters; /* how many were made; each is full of "<master-0007>" of its own */
static char ids[MANY][CATALOGUE_ID_ROOM];

int64_t __real_clock_utc_us(void);
int64_t __wrap_clock_utc_us(void);

int64_t __wrap_clock_utc_us(void)
{
    return __real_clock_utc_us() + ahead_us;
}

static int make_root(void **state)
{
    (void)state;
    ahead_us = 0;
    masters = 0;
    dice = 2463534242u;
    root = support_tmp_dir();
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

static uint32_t roll(uint32_t below)
{
    dice ^= dice << 13;
    dice ^= dice >> 17;
    dice ^= dice << 5;
    return dice % below;
}

/* Of n bytes, with a copy that is full of the same. */
static int add(struct stored *s, const char *camera, int64_t at_us, size_t n)
{
    char name[CATALOGUE_ID_ROOM + 32], mark[MARK_BYTES + 1];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = at_us};
    uint8_t *bytes = malloc(n + MARK_BYTES);
    assert_non_null(bytes);
    assert_true(masters < MANY);
    snprintf(mark, sizeof mark, "<master-%04d>", masters % MANY);
    for (size_t at = 0; at < n; at += MARK_BYTES)
        memcpy(bytes + at, mark, MARK_BYTES);
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "video");
    stored_add(s, &row, bytes, n);
    snprintf(name, sizeof name, "%s.working.mp4", row.id);
    stored_copy(s, root, &row, "working", name, bytes, n / 4 + 1);
    memcpy(ids[masters], row.id, sizeof row.id);
    free(bytes);
    return masters++;
}

static bool found[MANY]; /* in any file of ROOT */
static int64_t disk_bytes;

static int look(const char *path, const struct stat *st, int type)
{
    if (type != FTW_F)
        return 0;
    size_t n = (size_t)st->st_size;
    disk_bytes += (int64_t)st->st_blocks * 512;
    char *bytes = malloc(n + 1);
    FILE *f = fopen(path, "rb");
    assert_true(bytes && f);
    assert_int_equal(fread(bytes, 1, n, f), n);
    fclose(f);
    for (char *at = bytes; (at = memchr(at, '<', n - (size_t)(at - bytes))); at++)
        if (n - (size_t)(at - bytes) >= MARK_BYTES && memcmp(at, "<master-", 8) == 0 &&
            at[MARK_BYTES - 1] == '>')
            found[atoi(at + 8) % MANY] = true;
    free(bytes);
    return 0;
}

/* What is there is there, and nothing is that was deleted. */
static void none_is_left(void)
{
    memset(found, 0, sizeof found);
    disk_bytes = 0;
    assert_int_equal(ftw(root, look, 16), 0);
    for (int i = 0; i < masters; i++) {
        if (upkept_has(root, ids[i]) != found[i])
            fail_msg("master %d (%s) %s", i, ids[i],
                     found[i] ? "was deleted, and pieces of it are left" : "is gone");
    }
}

static void all_is_well(void)
{
    char problems[8192];
    upkept_fsck(root, problems);
    assert_string_equal(problems, "");
}

/* Many that grow at once, large ones and small ones that share pages; the oldest go again and
 * again while new ones come. */
static void test_what_went_is_in_no_file(void **state)
{
    (void)state;
    for (int round = 0; round < 10; round++) {
        struct stored s;
        stored_open(&s, root);
        for (int i = 0; i < 12; i++)
            add(&s, i % 2 ? "front" : "rear", UPKEPT_AT_US + DAY_US * (int64_t)roll(3) + masters,
                roll(3) ? roll(20000) + 100 : roll(600000) + 100);
        stored_close(&s);
        struct retention_result r =
            upkept_sweep(root, RULES("masters", roll(2) ? "2MB" : "front 1MB"), false, told);
        assert_int_equal(r.troubles, 0);
        none_is_left();
        all_is_well();
    }
    assert_true(masters > 100);
}

/* A receiver has the files of today and yesterday open: space goes at once, the last pieces
 * when nobody writes there any more. */
static void test_space_of_today_is_given_back_while_a_receiver_writes(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    struct raw *receiver = NULL;
    char name[64], path[700], day[RAW_DAY_ROOM];
    struct stat before, after;
    const int64_t now_us = clock_utc_us();
    stored_open(&s, root);
    for (int i = 0; i < 20; i++)
        add(&s, i < 10 ? "front" : "rear", now_us - 1000000 + i, 200000);
    stored_close(&s);
    raw_day(now_us - 1000000, day);
    snprintf(path, sizeof path, "%s/raw/%s.db", root, day);
    assert_ok(raw_open(&receiver, root, &err));
    assert_ok(raw_append(receiver, day, 900, NULL, 0, "abc", 3, &err));
    assert_ok(raw_commit(receiver, &err));
    assert_int_equal(stat(path, &before), 0);
    ahead_us = DAY_US / 12;
    upkept_sweep(root, RULES("masters", "front 1h"), false, told);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_size - after.st_size >= 10 * 200000);
    snprintf(name, sizeof name, "%s-journal", path);
    assert_true(!support_exists(name) || (stat(name, &after) == 0 && after.st_size < 200000));
    assert_ok(raw_append(receiver, day, 900, NULL, 3, "def", 3, &err));
    assert_ok(raw_commit(receiver, &err));
    assert_ok(raw_drop(receiver, day, 900, &err));
    assert_ok(raw_commit(receiver, &err));
    raw_close(&receiver);
    ahead_us = 3 * DAY_US;
    upkept_sweep(root, NULL, false, told); /* no rule, nothing to delete: only what is left of it */
    none_is_left();
    all_is_well();
}

/* A file of a day as version 2 made it: with its unused pages, and a journal that nobody cut. */
static void test_a_file_of_before_is_cleaned_too(void **state)
{
    (void)state;
    struct stored s;
    char path[700];
    stored_open(&s, root);
    for (int i = 0; i < 8; i++)
        add(&s, i < 4 ? "front" : "rear", UPKEPT_AT_US + i, 150000);
    stored_close(&s);
    snprintf(path, sizeof path, "%s/raw/2024-11-29.db", root);
    sql_run(path, "DROP TABLE dropped; DROP TABLE root; ALTER TABLE master DROP COLUMN root;"
                  "PRAGMA auto_vacuum=NONE; VACUUM; PRAGMA user_version=2;"
                  "PRAGMA user_version");
    assert_int_equal(sql_run(path, "PRAGMA auto_vacuum"), 0);
    upkept_sweep(root, RULES("masters", "front 30d"), false, told);
    none_is_left();
    assert_int_equal(sql_run(path, "PRAGMA auto_vacuum"), 2);
    assert_int_equal(sql_run(path, "PRAGMA freelist_count"), 0);
    all_is_well();
}

static void on_told(void *arg, const char *name, const char *what)
{
    size_t n = strlen(arg);
    snprintf((char *)arg + n, sizeof told - n, "%s: %s\n", name, what);
}

static void on_erased(void *arg, const struct retention_swept *item)
{
    on_told(arg, item->name, item->what);
}

static struct retention_result erase(const struct retention_erasing *what)
{
    struct retention_result r;
    struct err err;
    const struct retention_listener listener = {on_erased, on_told, on_told, NULL, told};
    told[0] = '\0';
    assert_ok(retention_erase(root, what, &listener, &r, &err));
    return r;
}

/* What a line of custody and a row can tell of a person: full of the master's mark. */
static void tell_all(struct catalogue *c, int i)
{
    char mark[MARK_BYTES + 1], facts[100], path[100];
    struct catalogue_transfer t;
    struct err err;
    snprintf(mark, sizeof mark, "<master-%04d>", i);
    snprintf(facts, sizeof facts, "{\"driver\":\"%s\",\"latitude\":54.7}", mark);
    snprintf(path, sizeof path, "/home/%s/clip.mp4", mark);
    const struct custody_what what = {.path = path,
                                      .from = mark,
                                      .peer = mark,
                                      .facts = facts,
                                      .meta_sha256 = mark,
                                      .changes = {path, strlen(path) + 1}};
    const struct custody_what package = {.package = "case-17.zip", .tagmanifest_sha256 = "ab12"};
    assert_ok(catalogue_event_note(c, ids[i], 1, CUSTODY_REPAIRED, "a test", &what, &err));
    assert_ok(catalogue_event_note(c, ids[i], 1, CUSTODY_EXPORTED, "a test", &package, &err));
    assert_ok(catalogue_transfer_get(c, ids[i], &t, &err));
    snprintf(t.driver, sizeof t.driver, "%s", mark);
    memcpy(t.wire.path, mark, MARK_BYTES);
    memcpy(t.wire.meta, mark, MARK_BYTES);
    t.wire.path_n = t.wire.meta_n = MARK_BYTES;
    assert_ok(catalogue_transfer_update(c, &t, &err));
}

static bool is_in_files(const char *text)
{
    char command[900];
    snprintf(command, sizeof command, "grep -rqF -e '%s' '%s'", text, root);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    return pclose(f) == 0;
}

struct seeking {
    const char *name;
    bool withheld;
};

static int see_withheld(void *arg, const char *line, struct err *err)
{
    struct seeking *s = arg;
    char quoted[40];
    const char *list = strstr(line, "\"withheld\":[");
    (void)err;
    snprintf(quoted, sizeof quoted, "\"%s\"", s->name);
    s->withheld |= strstr(line, "\"who\":\"withheld\"") && strcmp(s->name, "who") == 0;
    s->withheld |= list && strstr(list, quoted) && strstr(list, quoted) < strchr(list, ']');
    return ERR_OK;
}

/* Whether any line of a custody leaves this out. */
static bool withholds(const char *id, const char *name)
{
    struct catalogue *c = NULL;
    struct err err;
    struct seeking s = {name, false};
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_event_each(c, id, see_withheld, &s, &err));
    catalogue_close(&c);
    return s.withheld;
}

static void test_what_is_erased_leaves_a_reason_and_nothing_else(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    struct catalogue *c = NULL;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    const int64_t now_us = clock_utc_us();
    stored_open(&s, root);
    for (int i = 0; i < 12; i++)
        add(&s, i % 2 ? "front" : "rear", i < 9 ? UPKEPT_AT_US + DAY_US * (i / 3) : now_us + i,
            roll(2) ? roll(20000) + 100 : roll(300000) + 100);
    stored_close(&s);
    assert_ok(catalogue_open(&c, root, false, &err));
    for (int i = 0; i < masters; i++)
        tell_all(c, i);
    catalogue_close(&c);
    none_is_left(); /* all are there */
    assert_true(is_in_files("latitude"));

    const char *some[] = {ids[1], ids[4], ids[10], "no-such-transfer"};
    struct retention_erasing what = {.ids = some, .n = 4, .reason = "request 12", .who = "me"};
    what.dry_run = true;
    assert_int_equal(erase(&what).masters, 3);
    none_is_left();
    what.dry_run = false;
    struct retention_result r = erase(&what);
    assert_int_equal(r.masters, 3);
    assert_int_equal(r.copies, 3);
    assert_int_equal(r.troubles, 1); /* no such transfer */
    assert_non_null(strstr(told, "no-such-transfer"));
    assert_non_null(strstr(told, "is in the package case-17.zip"));
    none_is_left();
    upkept_last_event(root, ids[10], event, line);
    assert_string_equal(event, "deleted");
    assert_non_null(strstr(line, "\"erased\":true"));
    assert_non_null(strstr(line, "\"reason\":\"request 12\""));
    assert_non_null(strstr(line, "\"sha256\":\""));
    assert_false(withholds(ids[10], "who")); /* who handled it is no subject of the erasure … */
    assert_true(withholds(ids[10], "facts") && withholds(ids[10], "from")); /* … but all of that */

    /* of a vehicle: also what a rule deleted before, whose custody tells of it still */
    upkept_sweep(root, RULES("masters", "front 30d"), false, told);
    assert_true(is_in_files("latitude"));
    what = (struct retention_erasing){
        .imei = UPKEPT_IMEI, .until_us = now_us - DAY_US, .reason = "request 13", .who = "me"};
    erase(&what);
    assert_non_null(strstr(told, "custody record"));
    for (int i = 0; i < masters; i++)
        assert_int_equal(upkept_has(root, ids[i]), i >= 9 && i != 10);
    none_is_left();
    what.until_us = 0;
    r = erase(&what);
    assert_int_equal(r.masters, 2);
    assert_int_equal(r.troubles, 0);
    none_is_left();
    assert_false(is_in_files("latitude"));
    assert_int_equal(erase(&what).masters, 0); /* once */
    assert_string_equal(told, "");
    all_is_well();
}

static int64_t requests_of(const char *imei)
{
    struct err err;
    struct catalogue *c = NULL;
    int64_t n;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(requests_count(c, &(struct requests_filter){.imei = imei}, &n, &err));
    catalogue_close(&c);
    return n;
}

static void test_what_was_asked_for_is_erased_with_its_vehicle(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *c = NULL;
    static const char *const of[] = {UPKEPT_IMEI, "352093081452252"};
    assert_ok(catalogue_open(&c, root, true, &err));
    for (int i = 0; i < 2; i++) {
        struct requests_request r = {.by = "anna", .what = {CAMREQ_PHOTO, "front"}};
        snprintf(r.imei, sizeof r.imei, "%s", of[i]);
        snprintf(r.reason, sizeof r.reason, "sought %s", of[i]);
        assert_ok(requests_add(c, &r, UPKEPT_AT_US, &err));
    }
    catalogue_close(&c);
    sql_run(support_path(root, "catalogue.db"), /* an event of a rule that waits */
            "INSERT INTO rule_event SELECT 'harsh', imei, 1, 'a crash of ' || imei, 0, 1, 1, NULL,"
            " NULL FROM request");
    struct retention_erasing what = {
        .imei = UPKEPT_IMEI, .reason = "request 12", .who = "me", .dry_run = true};
    erase(&what);
    assert_string_equal(told, "of tracker " UPKEPT_IMEI ": 1: requests\n");
    assert_int_equal(requests_of(of[0]), 1);
    assert_true(is_in_files("a crash of " UPKEPT_IMEI));
    what.dry_run = false;
    erase(&what);
    assert_string_equal(told, "of tracker " UPKEPT_IMEI ": 1: requests\n");
    assert_int_equal(requests_of(of[0]), 0);
    assert_int_equal(requests_of(of[1]), 1);
    assert_false(is_in_files("sought " UPKEPT_IMEI));
    assert_true(is_in_files("sought 352093081452252"));
    assert_false(is_in_files("a crash of " UPKEPT_IMEI));
    assert_true(is_in_files("a crash of 352093081452252"));
}

static void test_what_is_protected_or_worked_at_is_not_erased(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    struct catalogue *c = NULL;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    struct catalogue_protection p = {.since_us = 1, .who = "somebody", .reason = "claim 17"};
    stored_open(&s, root);
    for (int i = 0; i < 3; i++)
        add(&s, "front", UPKEPT_AT_US + i, 50000);
    stored_close(&s);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_protect(c, ids[0], &p, &err));
    catalogue_close(&c);
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_put(spool, ids[1], "{}", 2, &err));
    assert_ok(spool_claim(spool, &job, &err));
    assert_ok(spool_put(spool, ids[2], "{}", 2, &err));
    struct retention_erasing what = {.imei = UPKEPT_IMEI, .reason = "request 12", .who = "me"};
    struct retention_result r = erase(&what);
    assert_int_equal(r.masters, 1);
    assert_int_equal(r.troubles, 2);
    assert_non_null(strstr(told, "is protected"));
    assert_non_null(strstr(told, "is being worked at"));
    assert_true(upkept_has(root, ids[0]) && upkept_has(root, ids[1]) && !upkept_has(root, ids[2]));
    enum spool_place place;
    assert_ok(spool_find(spool, ids[2], &place, &err)); /* nobody works it any more */
    assert_int_equal(place, SPOOL_PLACE_NONE);
    assert_ok(spool_finish(spool, &job, &err));
    spool_close(&spool);
    what.protected_too = true;
    assert_int_equal(erase(&what).masters, 2);
    none_is_left();
    all_is_well();
}

/* Where the copies of master i are made. */
static void dir_of_copies(struct catalogue *c, int i, char out[700])
{
    struct catalogue_transfer t;
    struct err err;
    char *dir = NULL;
    assert_ok(catalogue_transfer_get(c, ids[i], &t, &err));
    assert_ok(copies_dir(root, &t, &dir, &err));
    snprintf(out, 700, "%s", dir);
    free(dir);
}

static void leave(const char *dir, const char *name, int i)
{
    char path[1000], mark[MARK_BYTES + 1];
    struct err err;
    snprintf(mark, sizeof mark, "<master-%04d>", i);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_ok(fsx_mkdirs(dir, &err));
    support_write(path, mark, MARK_BYTES);
}

/* Of master i: a copy between file and row, a conversion, an export, its package. */
static void leave_all(int i)
{
    char dir[700], name[CATALOGUE_ID_ROOM + 40], path[800];
    struct catalogue *c = NULL;
    struct err err;
    assert_ok(catalogue_open(&c, root, false, &err));
    dir_of_copies(c, i, dir);
    catalogue_close(&c);
    snprintf(name, sizeof name, "%s.viewing-DERIVED.mp4", ids[i]);
    leave(dir, name, i);
    snprintf(path, sizeof path, "%s/.dashspool-abCD%02d", dir, i);
    leave(path, name, i);
    snprintf(path, sizeof path, "%s/.staged-abCD%02d", root, i);
    leave(path, "master.h265", i);
    snprintf(path, sizeof path, "%s/packages/case.zip.unfinished-abCD%02d", root, i);
    leave(path, "case.zip", i);
}

static void test_what_killed_processes_left_goes_too(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    char dir[700], theirs[800];
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    stored_open(&s, root);
    for (int i = 0; i < 3; i++)
        add(&s, i ? "front" : "rear", UPKEPT_AT_US + DAY_US * i, 50000);
    dir_of_copies(s.catalogue, 1, dir);
    stored_close(&s);
    leave_all(0);
    leave_all(1);
    snprintf(theirs, sizeof theirs, "%s/%s.working.mp4", dir, ids[2]); /* of another */
    leave(dir, theirs + strlen(dir) + 1, 2);
    upkept_sweep(root, RULES("masters", "rear 30d"), false, told);
    const char *some[] = {ids[1]};
    const struct retention_erasing what = {.ids = some, .n = 1, .reason = "a court", .who = "me"};
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_put(spool, ids[1], "{}", 2, &err));
    assert_ok(spool_claim(spool, &job, &err));
    leave(spool_job_dir(job), "master.h265", 1);
    spool_job_free(&job); /* its worker died */
    leave_all(1);
    assert_int_equal(erase(&what).troubles, 0);
    none_is_left();
    assert_true(support_exists(theirs));
    spool_close(&spool);
}

/* And `status` is told so. */
static void sweep_fails(const char *why)
{
    struct retention_result r;
    struct err err, unused;
    struct catalogue *c = NULL;
    struct catalogue_upkeep u;
    bool found_one;
    struct cfg *cfg = upkept_cfg(RULES("masters", "rear 30d"));
    const struct retention_listener listener = {on_erased, on_told, on_told, NULL, told};
    told[0] = '\0';
    assert_err(ERR_BUSY, retention_sweep(root, cfg, NULL, 0, &listener, &r, &err));
    cfg_free(&cfg);
    assert_non_null(strstr(err.text, why));
    assert_ok(catalogue_open(&c, root, false, &unused));
    assert_ok(catalogue_upkeep_last(c, "sweep", &u, &found_one, &unused));
    catalogue_close(&c);
    assert_true(found_one && !u.ok && strncmp(u.text, "failed: ", 8) == 0);
    assert_non_null(strstr(u.text, why));
}

static void test_who_reads_for_long_is_told_of_and_repeating_ends_it(void **state)
{
    (void)state;
    struct stored s;
    sqlite3 *reader = NULL;
    char path[700];
    stored_open(&s, root);
    for (int i = 0; i < 4; i++)
        add(&s, i ? "front" : "rear", UPKEPT_AT_US + i, 50000);
    stored_close(&s);
    upkept_sweep(root, NULL, false, told); /* marks the file as this ROOT's */
    snprintf(path, sizeof path, "%s/raw/2024-11-29.db", root);
    assert_int_equal(sqlite3_open(path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM chunk", NULL, NULL, NULL),
                     SQLITE_OK);
    sweep_fails("is locked");
    const struct retention_erasing what = {.imei = UPKEPT_IMEI, .reason = "a court", .who = "me"};
    struct retention_result r = erase(&what);
    assert_int_equal(r.masters, 3);
    assert_true(r.troubles > 0);
    assert_non_null(strstr(told, "until this is repeated"));
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(erase(&what).troubles, 0);
    assert_non_null(strstr(told, "is overwritten now"));
    none_is_left();
}

/* Its path is forgotten when it is no longer there; before that it would come in again. */
static void test_the_file_that_was_imported_is_named_while_it_is_there(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    struct catalogue_seen seen = {.stat = {1, 2, 3}};
    stored_open(&s, root);
    add(&s, "front", UPKEPT_AT_US, 50000);
    add(&s, "rear", UPKEPT_AT_US, 50000);
    snprintf(seen.path, sizeof seen.path, "%s/anna-front.h265", root);
    snprintf(seen.id, sizeof seen.id, "%s", ids[0]);
    support_write(seen.path, "anna", 4);
    assert_ok(catalogue_seen_put(s.catalogue, &seen, &err));
    char there[sizeof seen.path];
    memcpy(there, seen.path, sizeof there);
    snprintf(seen.path, sizeof seen.path, "/no/such/anna-long-ago.h265");
    assert_ok(catalogue_seen_put(s.catalogue, &seen, &err));
    snprintf(seen.path, sizeof seen.path, "/no/such/other.h265");
    snprintf(seen.id, sizeof seen.id, "%s", ids[1]);
    assert_ok(catalogue_seen_put(s.catalogue, &seen, &err));
    stored_close(&s);
    const char *some[] = {ids[0]};
    const struct retention_erasing what = {.ids = some, .n = 1, .reason = "a court", .who = "me"};
    assert_int_equal(erase(&what).troubles, 0);
    assert_non_null(strstr(told, "anna-front.h265, which is there still: delete it"));
    assert_true(is_in_files("anna-front.h265"));
    assert_false(is_in_files("anna-long-ago"));
    assert_int_equal(remove(there), 0);
    assert_int_equal(erase(&what).troubles, 1); /* erased already */
    assert_false(is_in_files("anna-front.h265"));
    assert_true(is_in_files("other.h265"));
}

static void on_backup_trouble(void *arg, const char *where, const char *why)
{
    (void)arg;
    fail_msg("%s: %s", where, why);
}

static void test_a_backup_loses_what_was_erased_and_nothing_else(void **state)
{
    (void)state;
    struct stored s;
    struct err err;
    struct upkeep_backup_result r;
    const struct upkeep_progress progress = {.trouble = on_backup_trouble};
    const struct upkeep_settings no_settings = {NULL, NULL};
    char *backup = support_tmp_dir(), *store = root;
    const int64_t now_us = clock_utc_us();
    stored_open(&s, root);
    for (int i = 0; i < 12; i++)
        add(&s, i % 2 ? "front" : "rear", i < 8 ? UPKEPT_AT_US + DAY_US * (i / 4) : now_us + i,
            roll(2) ? roll(20000) + 100 : roll(300000) + 100);
    stored_close(&s);
    assert_ok(upkeep_backup(root, backup, &no_settings, &progress, &r, &err));
    upkept_sweep(root, RULES("masters", "rear 30d"), false, told); /* 0 2 4 6: stay there */
    const char *some[] = {ids[0], ids[1], ids[3], ids[5], ids[8], ids[9]};
    const struct retention_erasing what = {.ids = some, .n = 6, .reason = "a court", .who = "me"};
    assert_int_equal(erase(&what).troubles, 0);
    assert_ok(upkeep_backup(root, backup, &no_settings, &progress, &r, &err));
    memset(found, 0, sizeof found);
    assert_int_equal(ftw(backup, look, 16), 0);
    for (int i = 0; i < masters; i++) {
        bool erased = i == 0 || i == 1 || i == 3 || i == 5 || i == 8 || i == 9;
        if (found[i] == erased)
            fail_msg("master %d %s the backup", i, erased ? "is in" : "is not in");
    }
    assert_ok(upkeep_backup(root, backup, &no_settings, &progress, &r, &err));
    assert_int_equal(r.erased, 0);
    root = backup; /* and it is a ROOT: */
    assert_true(upkept_has(root, ids[7]) && !upkept_has(root, ids[9]));
    root = store;
    support_tmp_remove(&backup);
}

/* The dry run counts what the real one then does, rule after rule. */
static void test_a_dry_run_counts_the_same_bytes(void **state)
{
    (void)state;
    char dry[sizeof told];
    struct stored s;
    stored_open(&s, root);
    for (int i = 0; i < 12; i++)
        add(&s, i % 2 ? "front" : "rear", UPKEPT_AT_US + i, 100000 + (size_t)roll(100000));
    stored_close(&s);
    const char *const *rules =
        RULES("copies", "front 1d, 1MB", "masters", "front 30d", "delete_free_mib", "1000000000");
    struct retention_result would = upkept_sweep(root, rules, true, dry);
    struct retention_result did = upkept_sweep(root, rules, false, told);
    assert_string_equal(dry, told);
    assert_int_equal(would.bytes, did.bytes);
    assert_int_equal(would.masters, did.masters);
    assert_int_equal(would.copies, did.copies);
    assert_int_equal(did.masters, 12);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_went_is_in_no_file),
        TEST(test_space_of_today_is_given_back_while_a_receiver_writes),
        TEST(test_a_file_of_before_is_cleaned_too),
        TEST(test_a_dry_run_counts_the_same_bytes),
        TEST(test_what_is_erased_leaves_a_reason_and_nothing_else),
        TEST(test_a_backup_loses_what_was_erased_and_nothing_else),
        TEST(test_what_was_asked_for_is_erased_with_its_vehicle),
        TEST(test_what_is_protected_or_worked_at_is_not_erased),
        TEST(test_what_killed_processes_left_goes_too),
        TEST(test_who_reads_for_long_is_told_of_and_repeating_ends_it),
        TEST(test_the_file_that_was_imported_is_named_while_it_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
