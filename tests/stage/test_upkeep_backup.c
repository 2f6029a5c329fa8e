/* A backup is a ROOT of its own with all that was there; a catalogue can be made anew. */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "dashspool/requests.h"
#include "dashspool/spool.h"
#include "dashspool/upkeep.h"
#include "dashspool/wire.h"
#include "support/sql.h"
#include "support/support.h"
#include "support/upkept.h"
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static char *root, *dir, troubles[8192];
static char old[CATALOGUE_ID_ROOM], today[CATALOGUE_ID_ROOM], told_by_camera[CATALOGUE_ID_ROOM];

/* A photo whose wire bytes are kept, as a receiver does it. */
static void add_with_metadata(void)
{
    struct stored s;
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = UPKEPT_AT_US};
    const struct wire_meta meta = {.kind = WIRE_KIND_DUALCAM,
                                   .file_type = 16,
                                   .trigger = 5,
                                   .fps = 20,
                                   .time_ms = (uint64_t)(UPKEPT_AT_US / 1000 - 60000),
                                   .length_s = 10,
                                   .tz_min = 120,
                                   .lat_deg = 54.7,
                                   .lon_deg = 25.25};
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "rear");
    snprintf(row.kind, sizeof row.kind, "photo");
    wire_init_put(row.wire.init, 3, UINT64_C(352093081452251), 0);
    row.wire.init_n = WIRE_INIT_BYTES;
    row.protocol_id = 3;
    row.wire.meta_n = wire_meta_put(row.wire.meta, &meta, 3);
    assert_true(facts_decode(&row));
    assert_true(row.known & CATALOGUE_TIME_OK);
    stored_open(&s, root);
    stored_add(&s, &row, "not really a photo", 18);
    stored_close(&s);
    memcpy(told_by_camera, row.id, sizeof row.id);
}

static int make_root(void **state)
{
    (void)state;
    root = support_tmp_dir();
    dir = support_tmp_dir();
    upkept_add(root, "front", UPKEPT_AT_US, 300000, true, old);
    upkept_add(root, "front", clock_utc_us(), 200000, true, today);
    add_with_metadata();
    troubles[0] = '\0';
    return 0;
}

static int remove_root(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    support_tmp_remove(&dir);
    return 0;
}

static void on_trouble(void *arg, const char *where, const char *why)
{
    size_t n = strlen(troubles);
    (void)arg;
    snprintf(troubles + n, sizeof troubles - n, "%s: %s\n", where, why);
}

static const struct upkeep_settings no_settings = {NULL, NULL};
static const struct upkeep_progress quiet = {.trouble = on_trouble};

static void all_is_well(const char *where)
{
    char problems[8192];
    upkept_fsck(where, problems);
    assert_string_equal(problems, "");
}

static void get(const char *where, const char *id, struct catalogue_transfer *t)
{
    struct err err;
    struct catalogue *c = NULL;
    assert_ok(catalogue_open(&c, where, false, &err));
    assert_ok(catalogue_transfer_get(c, id, t, &err));
    catalogue_close(&c);
}

static char *in(const char *where, const char *name)
{
    static char path[4][700];
    static unsigned i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", where, name);
    return p;
}

/* Whether ROOT's catalogue has a note of a backup. */
static bool noted(struct catalogue_upkeep *u)
{
    struct err err;
    struct catalogue *c = NULL;
    bool found;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_upkeep_last(c, "backup", u, &found, &err));
    catalogue_close(&c);
    return found;
}

static void test_a_backup_is_a_root_of_its_own(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    struct catalogue_upkeep u;
    assert_false(noted(&u));
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_true(noted(&u) && u.ok && u.at_us > UPKEPT_AT_US);
    assert_non_null(strstr(u.text, "1 original, 4 copies, 1 day file written: "));
    assert_non_null(strstr(u.text, dir));
    assert_string_equal(troubles, "");
    assert_int_equal(r.days, 1);
    assert_int_equal(r.masters, 1);
    assert_int_equal(r.copies, 4);
    all_is_well(dir);
    assert_true(upkept_has(dir, old) && upkept_has(dir, today) && upkept_has(dir, told_by_camera));
    /* again: only what is new */
    char another[CATALOGUE_ID_ROOM];
    upkept_add(root, "rear", clock_utc_us(), 1000, false, another);
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_int_equal(r.days, 0);
    assert_int_equal(r.masters, 1);
    assert_int_equal(r.copies, 0);
    assert_true(upkept_has(dir, another));
    all_is_well(dir);
}

static void test_a_backup_goes_on_while_a_receiver_writes(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    struct raw *raw = NULL;
    struct catalogue *c = NULL;
    char day[RAW_DAY_ROOM];
    raw_day(clock_utc_us(), day);
    assert_ok(raw_open(&raw, root, &err));
    assert_ok(raw_append(raw, day, 4711, NULL, 0, "not yet committed", 17, &err));
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_begin(c, &err));
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    catalogue_rollback(c);
    catalogue_close(&c);
    raw_rollback(raw);
    raw_close(&raw);
    all_is_well(dir);
}

static void test_what_waits_for_conversion_waits_in_the_backup_too(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    struct spool *spool = NULL;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_transfer_get(c, told_by_camera, &t, &err));
    t.published = true;
    assert_ok(catalogue_transfer_update(c, &t, &err));
    catalogue_close(&c);
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_put(spool, told_by_camera, "{}", 2, &err));
    spool_close(&spool);
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    get(dir, told_by_camera, &t);
    assert_false(t.published);
    get(root, told_by_camera, &t);
    assert_true(t.published);
}

/* Ready, claimed or failed, in any stage. */
static void test_what_waits_for_another_stage_waits_in_the_backup_too(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    static char *const ids[] = {told_by_camera, old, today};
    int64_t done_us = 0;
    assert_ok(catalogue_open(&c, root, false, &err));
    for (int i = 0; i < 3; i++) {
        assert_ok(catalogue_transfer_get(c, ids[i], &t, &err));
        t.published = true;
        assert_ok(catalogue_transfer_update(c, &t, &err));
        assert_ok(catalogue_done_put(c, t.key, "convert", 17, 1, &err));
    }
    catalogue_close(&c);
    upkept_fail_job_of(root, "upload", old);
    upkept_fail_job_of(root, "mail", told_by_camera);
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    get(dir, old, &t);
    assert_false(t.published);
    get(dir, told_by_camera, &t);
    assert_false(t.published);
    get(dir, today, &t);
    assert_true(t.published);
    /* what a stage has done it does not do again there */
    get(dir, old, &t);
    assert_ok(catalogue_open(&c, dir, false, &err));
    assert_ok(catalogue_done_get(c, t.key, "convert", &done_us, &err));
    assert_int_equal(done_us, 17);
    catalogue_close(&c);
    all_is_well(dir);
}

static void test_a_backup_is_not_written_over_something_else(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    support_write(in(dir, "letter.txt"), "x", 1);
    assert_err(ERR_BUSY, upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_err(ERR_CONFIG, upkeep_backup(root, root, &no_settings, &quiet, &r, &err));
    assert_int_equal(support_entries(dir), 1);
    struct catalogue_upkeep u; /* `status` knows: a disk that was not mounted looks the same */
    assert_true(noted(&u) && !u.ok);
    assert_non_null(strstr(u.text, "failed: "));
    assert_int_equal(remove(in(dir, "letter.txt")), 0);
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_true(noted(&u) && u.ok);
}

static void test_a_copy_that_was_changed_is_told_by_the_backup(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    char name[300];
    snprintf(name, sizeof name, "archive/%s.working.mp4", old);
    support_write(in(root, name), "changed", 7);
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_int_equal(r.troubles, 1);
    assert_non_null(strstr(troubles, "it was changed"));
    struct catalogue_upkeep u;
    assert_true(noted(&u) && !u.ok);
}

/* A day that ROOT lost is kept where an earlier backup has it; where none has, that is told. */
static void test_an_original_that_root_lost_is_told_by_the_backup(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    struct catalogue_upkeep u;
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_int_equal(unlink(in(root, "raw/2024-11-29.db")), 0);
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
    assert_string_equal(troubles, "");
    all_is_well(dir);
    char *other = support_tmp_dir();
    assert_ok(upkeep_backup(root, other, &no_settings, &quiet, &r, &err));
    support_tmp_remove(&other);
    assert_int_equal(r.troubles, 1);
    assert_non_null(strstr(troubles, "are not in raw/2024-11-29.db: "));
    assert_non_null(strstr(troubles, old));
    assert_true(noted(&u) && !u.ok);
}

/* ---- where a backup may go ---- */

static void refused(int code, const char *to, const char *says)
{
    struct err err;
    struct upkeep_backup_result r;
    int rc = upkeep_backup(root, to, &no_settings, &quiet, &r, &err);
    if (rc != code || !strstr(err.text, says))
        fail_msg("%s: %s instead of %s: %s", to, err_name(rc), err_name(code), err.text);
}

static void back_up(void)
{
    struct err err;
    struct upkeep_backup_result r;
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &r, &err));
}

static void test_a_backup_goes_neither_into_root_nor_around_it(void **state)
{
    (void)state;
    struct err err;
    char link[600], slash[600], sub[600], real[PATH_MAX], cwd[PATH_MAX];
    assert_non_null(realpath(root, real));
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(link, sizeof link, "%s/link", dir);
    assert_int_equal(symlink(root, link), 0);
    refused(ERR_CONFIG, root, "is ROOT itself");
    snprintf(slash, sizeof slash, "%s/", root);
    refused(ERR_CONFIG, slash, "is ROOT itself");
    refused(ERR_CONFIG, link, "is ROOT itself");
    snprintf(sub, sizeof sub, "%s/new/backup", link);
    refused(ERR_CONFIG, sub, "is inside of ROOT");
    snprintf(sub, sizeof sub, "%s/archive", root);
    refused(ERR_CONFIG, sub, "is inside of ROOT");
    snprintf(sub, sizeof sub, "%s/archive/../new", root);
    refused(ERR_CONFIG, sub, "is inside of ROOT");
    assert_int_equal(chdir(root), 0);
    refused(ERR_CONFIG, ".", "is ROOT itself");
    refused(ERR_CONFIG, "backup", "is inside of ROOT");
    refused(ERR_CONFIG, "..", "ROOT is inside of ..");
    assert_int_equal(chdir(cwd), 0);
    assert_false(support_exists(in(root, "new")) || support_exists(in(root, "backup.json")));
    /* an earlier one whose parts have become ROOT's own */
    assert_int_equal(unlink(link), 0);
    back_up();
    assert_ok(fsx_remove_tree(in(dir, "raw"), &err));
    assert_int_equal(symlink(in(root, "raw"), in(dir, "raw")), 0);
    refused(ERR_CONFIG, dir, "raw is that of ROOT itself");
    all_is_well(root);
}

/* Each keeps what it has. */
static void test_a_backup_of_another_root_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    char id[CATALOGUE_ID_ROOM], *other = support_tmp_dir();
    upkept_add(other, "rear", UPKEPT_AT_US + 5, 1000, true, id);
    assert_ok(upkeep_backup(other, dir, &no_settings, &quiet, &r, &err));
    refused(ERR_FOREIGN, dir, "is the backup of another ROOT");
    assert_int_equal(unlink(in(dir, "catalogue.db")), 0); /* one that broke off says so, too */
    refused(ERR_FOREIGN, dir, "is the backup of another ROOT");
    refused(ERR_BUSY, other, "neither empty nor an earlier backup"); /* and the other itself */
    support_tmp_remove(&other);
    all_is_well(root);
}

/* As both were made before identities. */
static void test_a_backup_of_another_root_is_known_by_its_transfers(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result r;
    char id[CATALOGUE_ID_ROOM], *other = support_tmp_dir();
    static const char *const marks[] = {"raw/root-id", "archive/root-id", "spool/root-id",
                                        "telemetry/root-id"};
    upkept_add(other, "rear", UPKEPT_AT_US + 5, 1000, true, id);
    assert_ok(upkeep_backup(other, dir, &no_settings, &quiet, &r, &err));
    sql_run(in(dir, "catalogue.db"), "DELETE FROM root");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        unlink(in(dir, marks[i]));
    refused(ERR_FOREIGN, dir, "is the backup of another ROOT");
    support_tmp_remove(&other);
    assert_ok(fsx_remove_tree(dir, &err));
    back_up(); /* and one's own is known likewise */
    sql_run(in(dir, "catalogue.db"), "DELETE FROM root");
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        unlink(in(dir, marks[i]));
    back_up();
    all_is_well(dir);
}

static void test_a_backup_that_is_in_use_is_refused(void **state)
{
    (void)state;
    struct err err;
    static const char *const locks[] = {"", "raw", "run.lock", "import.lock", "telemetry"};
    static const char *const says[] = {"another backup", "a receiver", "'dashspool run'",
                                       "an import", "a receiver of trackers"};
    back_up();
    for (size_t i = 0; i < sizeof locks / sizeof *locks; i++) {
        char path[700];
        snprintf(path, sizeof path, "%s/%s", dir, locks[i]);
        int fd = open(path, i < 2 || i == 4 ? O_RDONLY : O_RDWR | O_CREAT, 0640);
        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        refused(ERR_BUSY, dir, says[i]);
        close(fd);
    }
    back_up();
    support_write(in(dir, "receive.json"), "{}", 2);
    refused(ERR_BUSY, dir, "has been used as a ROOT of its own since (receive.json)");
    assert_int_equal(unlink(in(dir, "receive.json")), 0);
    struct spool *spool = NULL;
    assert_ok(spool_open(&spool, dir, "convert", &err));
    back_up(); /* a spool without jobs is none */
    assert_ok(spool_put(spool, "one", "{}", 2, &err));
    spool_close(&spool);
    refused(ERR_BUSY, dir, "has been used as a ROOT of its own since (job one)");
}

/* ROOT was put back from an older one: what came since is in the newer one alone. */
static void test_a_backup_that_is_newer_than_root_is_refused(void **state)
{
    (void)state;
    struct err err;
    char id[CATALOGUE_ID_ROOM], *older = support_tmp_dir();
    struct upkeep_backup_result r;
    assert_ok(upkeep_backup(root, older, &no_settings, &quiet, &r, &err));
    upkept_add(root, "rear", UPKEPT_AT_US + 5, 1000, true, id);
    back_up();
    char *lost = root;
    root = older;
    refused(ERR_FOREIGN, dir, "is newer than ROOT");
    root = lost;
    support_tmp_remove(&older);
    assert_true(upkept_has(dir, id));
    back_up();
}

static int stops;

static bool stop_later(void *arg, const char *where, double done)
{
    (void)arg;
    (void)where;
    (void)done;
    return stops-- > 0;
}

/* Wherever it broke off. */
static void test_a_first_backup_that_broke_off_is_no_root(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *c = NULL;
    struct upkeep_reindex_result made;
    const struct upkeep_progress progress = {.progress = stop_later, .trouble = on_trouble};
    struct upkeep_backup_result r;
    int rc = ERR_AGAIN;
    for (int n = 0; rc == ERR_AGAIN; n++) {
        assert_ok(fsx_remove_tree(dir, &err));
        stops = n;
        rc = upkeep_backup(root, dir, &no_settings, &progress, &r, &err);
        if (rc != ERR_AGAIN)
            break;
        assert_err(ERR_FOREIGN, catalogue_open(&c, dir, true, &err));
        assert_has(err.text, "is a backup that was not finished, and no ROOT");
        assert_err(ERR_FOREIGN, catalogue_open(&c, dir, false, &err));
        assert_err(ERR_FOREIGN, upkeep_reindex(dir, &quiet, &made, &err));
        assert_has(err.text, "run the backup again");
        assert_true(n < 1000);
        back_up();
        all_is_well(dir);
    }
    assert_int_equal(rc, ERR_OK);
}

/* ---- reindex ---- */

static void lose_the_catalogue(void)
{
    assert_int_equal(unlink(in(root, "catalogue.db")), 0);
    unlink(in(root, "catalogue.db-wal"));
    unlink(in(root, "catalogue.db-shm"));
}

static void test_a_lost_catalogue_is_made_from_the_masters_and_the_copies(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    struct catalogue_transfer was, is;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    get(root, told_by_camera, &was);
    lose_the_catalogue();
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_string_equal(troubles, "");
    assert_int_equal(r.masters, 3);
    assert_int_equal(r.copies, 4);
    assert_int_equal(r.taken_over, 0);
    all_is_well(root);
    get(root, told_by_camera, &is);
    assert_int_equal(is.key, was.key);
    assert_int_equal(is.time_us, was.time_us);
    assert_int_equal(is.known, was.known);
    assert_int_equal(is.tz_min, 120);
    assert_int_equal(is.protocol_id, 3);
    assert_true(is.lat_deg > 54.6 && is.lat_deg < 54.8);
    assert_string_equal(is.trigger_name, was.trigger_name);
    assert_string_equal(is.sha256, was.sha256);
    assert_false(is.published); /* nobody made copies of it */
    get(root, old, &is);
    assert_true(is.published);
    upkept_last_event(root, old, event, line);
    assert_string_equal(event, "reindexed");
    assert_non_null(strstr(line, "\"n\":1,"));
    assert_non_null(strstr(line, "the masters"));
    assert_int_equal(upkept_copies(root, old), 2);
}

static void test_what_the_old_catalogue_knows_is_taken_over(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct stored s;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM], told[8192];
    struct catalogue_transfer part = {
        .state = CATALOGUE_PARTIAL, .arrived_us = UPKEPT_AT_US, .completed_us = clock_utc_us()};
    const struct catalogue_protection p = {1, "somebody", "claim 17"};
    snprintf(part.imei, sizeof part.imei, UPKEPT_IMEI);
    snprintf(part.camera, sizeof part.camera, "front");
    snprintf(part.kind, sizeof part.kind, "video");
    snprintf(part.peer, sizeof part.peer, "127.0.0.1:4711");
    stored_open(&s, root);
    stored_add(&s, &part, "partial", 7);
    stored_close(&s);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_protect(c, today, &p, &err));
    catalogue_close(&c);
    upkept_sweep(root, (const char *const[]){"masters", "video 30d", NULL}, false, told);
    assert_false(upkept_has(root, old));
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_string_equal(troubles, "");
    assert_int_equal(r.taken_over, 3);
    assert_int_equal(r.custodies, 4); /* with that of what was deleted */
    all_is_well(root);
    get(root, part.id, &t);
    assert_string_equal(t.peer, "127.0.0.1:4711");
    upkept_last_event(root, today, event, line);
    assert_non_null(strstr(line, "\"n\":5,")); /* received stored protected protected reindexed */
    upkept_last_event(root, old, event, line);
    assert_string_equal(event, "deleted");
    upkept_sweep(root, (const char *const[]){"masters", "1GB", "partials_h", "0", NULL}, false,
                 told);
    assert_true(upkept_has(root, today));
}

static char dropped[CATALOGUE_ID_ROOM];

/* A file that was dropped, as watch or import enter it. */
static void add_file(void)
{
    struct stored s;
    struct err err;
    struct catalogue_transfer row = {
        .state = CATALOGUE_STORED, .arrived_us = UPKEPT_AT_US, .source = "file"};
    const struct catalogue_origin o = {.path = "/srv/in/\xff clip.h265",
                                       .stat = {11, 12, 13},
                                       .whole = true,
                                       .note = "nobody can tell"};
    const struct catalogue_seen seen = {.path = "/srv/in/gone.h265", .stat = {1, 2, 3}, .id = "x"};
    snprintf(row.imei, sizeof row.imei, UPKEPT_IMEI);
    snprintf(row.camera, sizeof row.camera, "other");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, root);
    stored_add(&s, &row, "dropped", 7);
    assert_ok(catalogue_origin_put(s.catalogue, row.key, &o, &err));
    assert_ok(catalogue_done_put(s.catalogue, row.key, "upload", 18, 2, &err));
    assert_ok(catalogue_done_put(s.catalogue, row.key, "convert", 17, 1, &err));
    assert_ok(catalogue_seen_put(s.catalogue, &seen, &err));
    stored_close(&s);
    memcpy(dropped, row.id, sizeof row.id);
}

static void test_where_files_came_from_and_what_stages_did_is_taken_over(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    struct catalogue_origin o;
    struct catalogue_seen seen;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    int64_t at_us;
    add_file();
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_string_equal(troubles, "");
    assert_int_equal(r.origins, 1);
    assert_int_equal(r.done, 2);
    assert_int_equal(r.seen, 1);
    assert_int_equal(r.no_origin, 0);
    get(root, dropped, &t);
    assert_string_equal(t.source, "file");
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_origin_get(c, t.key, &o, &err));
    assert_string_equal(o.path, "/srv/in/\xff clip.h265");
    assert_int_equal(o.stat.mtime_ns, 13);
    assert_true(o.whole);
    assert_string_equal(o.note, "nobody can tell");
    assert_ok(catalogue_done_get(c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 18);
    assert_ok(catalogue_done_get(c, t.key, "convert", &at_us, &err));
    assert_int_equal(at_us, 17);
    assert_ok(catalogue_seen_get(c, "/srv/in/gone.h265", &seen, &err));
    assert_int_equal(seen.stat.length_bytes, 2);
    catalogue_close(&c);
    upkept_last_event(root, dropped, event, line);
    assert_string_equal(event, "reindexed");
    assert_null(strstr(line, "not_known"));
    all_is_well(root);
}

static void test_what_cannot_be_known_is_said(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    add_file();
    lose_the_catalogue();
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_int_equal(r.origins + r.done + r.seen, 0);
    assert_int_equal(r.no_origin, 1);
    upkept_last_event(root, dropped, event, line);
    assert_non_null(
        strstr(line, "\"not_known\":[\"connections\",\"protections\",\"stages done\",\"origin\"]"));
    upkept_last_event(root, old, event, line);
    assert_non_null(
        strstr(line, "\"not_known\":[\"connections\",\"protections\",\"stages done\"]"));
    all_is_well(root);
}

/* One row that cannot be read costs itself. */
static void test_a_row_that_cannot_be_read_does_not_keep_the_others(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    const struct catalogue_protection p = {1, "somebody", "claim 17"};
    sqlite3 *db = NULL;
    int64_t at_us;
    bool kept = false;
    add_file();
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_protect(c, dropped, &p, &err));
    catalogue_close(&c);
    assert_int_equal(sqlite3_open(in(root, "catalogue.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE origin SET length_bytes = -1", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_int_equal(r.troubles, 1);
    assert_non_null(strstr(troubles, "the origin of transfer 4 is malformed"));
    assert_int_equal(r.no_origin, 1);
    get(root, dropped, &t);
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_done_get(c, t.key, "upload", &at_us, &err));
    assert_int_equal(at_us, 18);
    assert_ok(catalogue_protected(c, t.key, &kept, &err));
    assert_true(kept);
    catalogue_close(&c);
    upkept_last_event(root, dropped, event, line);
    assert_non_null(strstr(line, "\"not_known\":[\"origin\"]"));
}

static void test_a_broken_custody_is_not_taken_over(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    char event[CUSTODY_EVENT_ROOM], line[CUSTODY_LINE_ROOM];
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(in(root, "catalogue.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE custody SET line = replace(line, 'a test', 'b test')"
                                  " WHERE n = 1 AND transfer LIKE '%photo%'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_int_equal(r.troubles, 1);
    assert_non_null(strstr(troubles, "was changed after line 2"));
    upkept_last_event(root, told_by_camera, event, line);
    assert_non_null(strstr(line, "\"n\":1,"));
    all_is_well(root);
}

static void test_a_catalogue_full_of_rubbish_keeps_its_name_for_those_who_look(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    int before = support_entries(root);
    support_write(in(root, "catalogue.db"), "this was a catalogue once, and is none any more", 47);
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_int_equal(r.troubles, 1);
    assert_int_equal(r.masters, 3);
    assert_int_equal(support_entries(root), before + 1);
    all_is_well(root);
}

static void ask_for_footage(void)
{
    struct err err;
    struct catalogue *c = NULL;
    struct requests_request r = {.imei = UPKEPT_IMEI,
                                 .by = "anna",
                                 .what = {CAMREQ_VIDEO, "front", UPKEPT_AT_US / 1000000, 10}};
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(requests_add(c, &r, UPKEPT_AT_US + INT64_C(60000000), &err));
    assert_ok(requests_sent(c, r.id, "10.0.0.1:1", UPKEPT_AT_US + INT64_C(61000000), &err));
    catalogue_close(&c);
    sql_run(in(root, "catalogue.db"), /* an event that a rule has asked for */
            "INSERT INTO rule_event VALUES('harsh', '" UPKEPT_IMEI "', 1, 'crash', 3, 1, 1,"
            " 'asked', 1)");
}

static void has_the_request(const char *where)
{
    struct err err;
    struct catalogue *c = NULL;
    struct requests_request r;
    assert_ok(catalogue_open(&c, where, false, &err));
    assert_ok(requests_get(c, 1, &r, &err));
    assert_int_equal(r.state, REQUESTS_SENT);
    assert_string_equal(r.why, "sent to 10.0.0.1:1 (Codec 12)");
    catalogue_close(&c);
    assert_int_equal(sql_run(in(where, "catalogue.db"), "SELECT count(*) FROM rule_event"
                                                        " WHERE request = 1 AND own = 3"),
                     1);
}

static void test_what_was_asked_for_is_in_backups_and_new_catalogues(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_backup_result backup;
    struct upkeep_reindex_result r;
    ask_for_footage();
    assert_ok(upkeep_backup(root, dir, &no_settings, &quiet, &backup, &err));
    has_the_request(dir);
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
    assert_string_equal(troubles, "");
    has_the_request(root);
}

static void test_no_reindex_while_a_receiver_runs(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_reindex_result r;
    int fd = open(in(root, "raw"), O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_err(ERR_BUSY, upkeep_reindex(root, &quiet, &r, &err));
    close(fd);
    assert_ok(upkeep_reindex(root, &quiet, &r, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_backup_is_a_root_of_its_own),
        TEST(test_a_backup_goes_on_while_a_receiver_writes),
        TEST(test_what_waits_for_conversion_waits_in_the_backup_too),
        TEST(test_what_waits_for_another_stage_waits_in_the_backup_too),
        TEST(test_a_backup_is_not_written_over_something_else),
        TEST(test_a_backup_goes_neither_into_root_nor_around_it),
        TEST(test_a_backup_of_another_root_is_refused),
        TEST(test_a_backup_of_another_root_is_known_by_its_transfers),
        TEST(test_a_backup_that_is_in_use_is_refused),
        TEST(test_a_backup_that_is_newer_than_root_is_refused),
        TEST(test_a_first_backup_that_broke_off_is_no_root),
        TEST(test_a_copy_that_was_changed_is_told_by_the_backup),
        TEST(test_an_original_that_root_lost_is_told_by_the_backup),
        TEST(test_a_lost_catalogue_is_made_from_the_masters_and_the_copies),
        TEST(test_what_the_old_catalogue_knows_is_taken_over),
        TEST(test_where_files_came_from_and_what_stages_did_is_taken_over),
        TEST(test_what_cannot_be_known_is_said),
        TEST(test_a_row_that_cannot_be_read_does_not_keep_the_others),
        TEST(test_a_broken_custody_is_not_taken_over),
        TEST(test_a_catalogue_full_of_rubbish_keeps_its_name_for_those_who_look),
        TEST(test_what_was_asked_for_is_in_backups_and_new_catalogues),
        TEST(test_no_reindex_while_a_receiver_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
