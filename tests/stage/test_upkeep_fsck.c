/* fsck: a store that is well has no problems; each thing that can be wrong is told once, by its
 * name, and never stops the rest. */
#include "dashspool/catalogue.h"
#include "dashspool/requests.h"
#include "dashspool/spool.h"
#include "dashspool/upkeep.h"
#include "support/sql.h"
#include "support/stored.h"
#include "support/support.h"
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_US INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */
#define DAY   "raw/2024-11-29.db"

static char *root;
static char whole[CATALOGUE_ID_ROOM], other[CATALOGUE_ID_ROOM], broken_off[CATALOGUE_ID_ROOM];

static const struct spools_known *configured; /* NULL: not known */

static int make_store(void **state)
{
    (void)state;
    configured = NULL;
    struct stored s;
    uint8_t bytes[200000];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = AT_US};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    root = support_tmp_dir();
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, root);
    stored_add(&s, &row, bytes, sizeof bytes);
    snprintf(whole, sizeof whole, "%s", row.id);
    stored_copy(&s, root, &row, "working", "a.working.mp4", bytes, 1000);
    stored_copy(&s, root, &row, "viewing", "a.viewing-DERIVED.mp4", bytes, 2000);
    stored_add(&s, &row, bytes, 3000);
    snprintf(other, sizeof other, "%s", row.id);
    row.state = CATALOGUE_PARTIAL;
    row.sha256[0] = '\0';
    stored_add(&s, &row, bytes, 70000);
    snprintf(broken_off, sizeof broken_off, "%s", row.id);
    stored_close(&s);
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    return 0;
}

static const char *in_root(const char *name)
{
    return support_path(root, name);
}

static void sql(const char *database, const char *format, const char *id)
{
    char text[700];
    sqlite3_snprintf(sizeof text, text, format, id);
    sql_change(in_root(database), text);
}

/* All that was told, a line each. */
struct told {
    char text[16384];
    bool had_enough;
};

static void tell(void *arg, const struct upkeep_problem *p)
{
    struct told *t = arg;
    size_t n = strlen(t->text);
    assert_true(p->advice && p->advice[0]);
    snprintf(t->text + n, sizeof t->text - n, "%s %s: %s\n", upkeep_part_name(p->part), p->where,
             p->what);
}

static bool progress(void *arg, const char *where, double done)
{
    const struct told *t = arg;
    assert_non_null(where);
    assert_true(done >= 0 && done <= 1);
    return !t->had_enough;
}

static struct upkeep_findings look(bool quick, struct told *t)
{
    struct err err;
    struct upkeep_findings f;
    t->text[0] = '\0';
    assert_ok(upkeep_fsck(root, quick, configured, &(struct upkeep_listener){tell, progress, t}, &f,
                          &err));
    return f;
}

static void expect(bool quick, int64_t problems, const char *says)
{
    struct told t = {.had_enough = false};
    struct upkeep_findings f = look(quick, &t);
    if (f.problems != problems || !strstr(t.text, says))
        fail_msg("%d problems instead of %d with '%s': %s", (int)f.problems, (int)problems, says,
                 t.text);
}

static void expect_noted(bool ok, const char *text)
{
    struct catalogue *c = NULL;
    struct catalogue_upkeep u;
    struct err err;
    bool found;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_upkeep_last(c, "fsck", &u, &found, &err));
    catalogue_close(&c);
    assert_true(found);
    assert_int_equal(u.ok, ok);
    assert_true(u.at_us > AT_US);
    assert_string_equal(u.text, text);
}

static void test_a_request_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *c = NULL;
    struct requests_request r = {
        .imei = "352093081452251", .by = "anna", .what = {CAMREQ_PHOTO, "front"}};
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(requests_add(c, &r, AT_US, &err));
    catalogue_close(&c);
    expect(true, 0, "");
    sql("catalogue.db", "UPDATE request SET state = '%s'", "begun");
    expect(true, 1, "catalogue catalogue.db: catalogue: request 1 is malformed");
    sql("catalogue.db", "UPDATE request SET state = '%s'", "queued");
    sql("catalogue.db", "UPDATE request_event SET state = '%s'", "begun");
    expect(true, 1, "event 1 of request 1 is malformed");
    sql("catalogue.db", "UPDATE request_event SET state = '%s'", "queued");
    sql("catalogue.db", "INSERT INTO request_transfer VALUES(1, 'x', 'front', 1, %s, 0)", "7");
    expect(true, 1, "a file of request 1 is malformed");
}

static void test_an_event_of_a_rule_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *c = NULL;
    assert_ok(catalogue_open(&c, root, true, &err));
    catalogue_close(&c);
    static const char *const broken[] = {"imei = '35209308145225'",
                                         "imei = '35209308145225x'",
                                         "time_ms = -1",
                                         "own = 256",
                                         "outcome = 'perhaps'",
                                         "request = 0",
                                         "what = printf('%100d', 1)",
                                         "rule = printf('%100d', 1)"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        sql("catalogue.db",
            "INSERT INTO rule_event VALUES('harsh', '352093081452251', 1732865025000,"
            " 'crash (AVL 247 = 1)', 3, 1, 1, %s, NULL)",
            i % 2 ? "NULL" : "'asked'");
        expect(true, 0, "");
        sql("catalogue.db", "UPDATE rule_event SET %s", broken[i]);
        expect(true, 1, "catalogue catalogue.db: catalogue: an event of rule '");
        sql("catalogue.db", "DELETE FROM rule_event%s", "");
    }
}

static void test_what_came_of_it_is_noted_for_status(void **state)
{
    (void)state;
    expect(true, 0, "");
    expect_noted(true, "0 problems; 3 originals, 2 copies, 3 custody records, 0 jobs; contents not "
                       "read");
    support_write(in_root("archive/unknown"), "x", 1);
    expect(false, 1, "unknown");
    expect_noted(false, "1 problem; 3 originals, 2 copies, 3 custody records, 0 jobs");
}

static void test_a_store_that_is_well_has_no_problems(void **state)
{
    (void)state;
    struct told t = {.had_enough = false};
    struct upkeep_findings f = look(false, &t);
    assert_string_equal(t.text, "");
    assert_int_equal(f.problems, 0);
    assert_int_equal(f.masters, 3);
    assert_int_equal(f.copies, 2);
    assert_int_equal(f.custodies, 3);
    assert_int_equal(f.hashed_bytes, 200000 + 3000 + 70000 + 1000 + 2000);
    f = look(true, &t);
    assert_int_equal(f.problems, 0);
    assert_int_equal(f.hashed_bytes, 0);
}

static void test_one_changed_byte_of_a_master_is_found_by_its_hash(void **state)
{
    (void)state;
    sql(DAY, "UPDATE chunk SET data = zeroblob(length(data)) WHERE offset = 64512 AND key = 1%s",
        "");
    expect(true, 0, "");
    expect(false, 1, "it was changed");
}

static void test_a_master_that_is_missing_is_told(void **state)
{
    (void)state;
    sql(DAY, "DELETE FROM chunk WHERE key = 1%s", "");
    sql(DAY, "DELETE FROM master WHERE key = 1%s", "");
    expect(true, 1, whole);
    expect(true, 1, "not in " DAY);
}

static void test_a_hole_and_a_broken_row_do_not_stop_the_rest(void **state)
{
    (void)state;
    sql(DAY, "DELETE FROM chunk WHERE key = 1 AND offset = 64512%s", "");
    expect(false, 1, "a hole at 64512");
    sql(DAY, "UPDATE master SET sha256 = x'00' WHERE key = 2%s", "");
    expect(false, 2, "its facts are malformed");
}

static void test_a_master_that_the_catalogue_does_not_know_is_told(void **state)
{
    (void)state;
    sql("catalogue.db", "DELETE FROM transfer WHERE id = %Q", other);
    expect(true, 2, "not in the catalogue"); /* and its custody has no transfer */
}

static void test_what_was_deleted_and_not_yet_dropped_is_told_as_such(void **state)
{
    (void)state;
    struct err err;
    struct catalogue *c = NULL;
    struct catalogue_transfer t;
    const struct custody_event e = {AT_US, CUSTODY_DELETED, "a test", NULL};
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_transfer_get(c, other, &t, &err));
    assert_ok(catalogue_retire(c, &t, &e, &err));
    catalogue_close(&c);
    expect(true, 1, "deleted, but its bytes still exist");
}

static void test_lengths_states_and_hashes_that_disagree_are_told(void **state)
{
    (void)state;
    sql("catalogue.db", "UPDATE transfer SET length_bytes = 71000 WHERE id = %Q", broken_off);
    expect(true, 1,
           "length_bytes: the catalogue says 71000, raw/2024-11-29.db and the custody "
           "record say 70000");
    sql("catalogue.db", "UPDATE transfer SET state = 'stored' WHERE id = %Q", broken_off);
    expect(true, 2,
           "state: the catalogue says stored, raw/2024-11-29.db and the custody record "
           "say partial");
    sql("catalogue.db", "UPDATE transfer SET sha256 = upper(sha256) WHERE id = %Q", other);
    expect(true, 3, "sha256: the catalogue says ");
}

static void test_a_row_that_cannot_be_read_is_told_and_the_rest_is_read(void **state)
{
    (void)state;
    sql("catalogue.db", "UPDATE transfer SET imei = 'far too long for an IMEI' WHERE id = %Q",
        other);
    struct told t = {.had_enough = false};
    struct upkeep_findings f = look(true, &t);
    assert_true(strstr(t.text, "the row of transfer 2 is malformed"));
    assert_int_equal(f.copies, 2);
}

static void test_copies_that_are_gone_cut_or_changed_are_told(void **state)
{
    (void)state;
    struct buf was = support_read(in_root("archive/a.working.mp4"));
    assert_int_equal(unlink(in_root("archive/a.working.mp4")), 0);
    expect(true, 1, "copy archive/a.working.mp4: missing");
    support_write(in_root("archive/a.working.mp4"), "short", 5);
    expect(true, 1, "it has 5 bytes, but 1000 were made");
    was.mem[was.start + 500] ^= 1;
    support_write(in_root("archive/a.working.mp4"), buf_data(&was), was.used);
    expect(true, 0, "");
    expect(false, 1, "it was changed");
    assert_int_equal(unlink(in_root("archive/a.working.mp4")), 0);
    assert_int_equal(symlink("/etc/passwd", in_root("archive/a.working.mp4")), 0);
    expect(false, 1, "not a regular file");
    buf_clear(&was);
}

static void test_a_copy_outside_of_the_archive_is_not_read(void **state)
{
    (void)state;
    sql("catalogue.db",
        "UPDATE copy SET path = 'archive/../../etc/passwd' WHERE kind = 'working'%s", "");
    expect(false, 2, "is no place for a copy"); /* and its file has no row */
}

static void test_files_that_nobody_knows_are_told(void **state)
{
    (void)state;
    support_write(in_root("archive/stray.mp4"), "x", 1);
    expect(false, 1, "file archive/stray.mp4: not in the catalogue");
    support_write(in_root("raw/notes.txt"), "x", 1);
    expect(false, 2, "file raw/notes.txt");
}

static void test_a_custody_that_was_changed_cut_or_taken_away_is_told(void **state)
{
    (void)state;
    sql("catalogue.db",
        "UPDATE custody SET line = replace(line, 'a test', 'b test')"
        " WHERE n = 1 AND transfer = %Q",
        whole);
    expect(true, 1, "was changed after line 2");
    sql("catalogue.db",
        "UPDATE custody SET line = replace(line, 'b test', 'a test')"
        " WHERE n = 1 AND transfer = %Q",
        whole);
    expect(true, 0, "");
    sql("catalogue.db", "UPDATE custody SET n = 3 WHERE n = 2 AND transfer = %Q", whole);
    expect(true, 1, "lines are missing");
    sql("catalogue.db", "DELETE FROM custody WHERE transfer = %Q", whole);
    expect(true, 1, "no custody record");
}

static void test_a_master_that_was_replaced_with_its_row_is_betrayed_by_its_custody(void **state)
{
    (void)state;
    static const char zeros[] =
        "x'0000000000000000000000000000000000000000000000000000000000000000'";
    char text[300];
    snprintf(text, sizeof text, "UPDATE master SET sha256 = %s WHERE id = %%Q", zeros);
    sql(DAY, text, other);
    snprintf(text, sizeof text, "UPDATE transfer SET sha256 = lower(hex(%s)) WHERE id = %%Q",
             zeros);
    sql("catalogue.db", text, other);
    expect(true, 1, "sha256: the catalogue and raw/2024-11-29.db say 0000");
}

static void test_a_job_of_no_transfer_is_told(void **state)
{
    (void)state;
    struct err err;
    struct spool *spool = NULL;
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_put(spool, whole, "{}", 2, &err));
    expect(true, 0, "");
    assert_ok(spool_put(spool, "nobody", "{}", 2, &err));
    expect(true, 1, "job spool/convert: nobody");
    spool_close(&spool);
}

static void put_job(const char *stage, const char *job, bool claim)
{
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *claimed = NULL;
    assert_ok(spool_open(&spool, root, stage, &err));
    assert_ok(spool_put(spool, job, "{}", 2, &err));
    if (claim)
        assert_ok(spool_claim(spool, &claimed, &err));
    spool_job_free(&claimed);
    spool_close(&spool);
}

static void test_jobs_of_every_stage_are_looked_at(void **state)
{
    (void)state;
    struct told t = {.had_enough = false};
    put_job("upload", whole, false);
    put_job("convert", other, false);
    struct upkeep_findings f = look(true, &t);
    assert_string_equal(t.text, "");
    assert_int_equal(f.jobs, 2);
    put_job("mail", "nobody", false);
    expect(true, 1, "job spool/mail: nobody: no such transfer");
}

static void test_jobs_of_a_stage_that_the_settings_do_not_have_are_told(void **state)
{
    (void)state;
    static const char *const name[] = {"receive", "convert", "upload"};
    static const struct spools_known known = {name, 3};
    struct spool *spool = NULL;
    struct err err;
    configured = &known;
    put_job("convert", whole, false);
    put_job("upload", whole, false);
    assert_ok(spool_open(&spool, root, "empty", &err));
    spool_close(&spool);
    expect(true, 0, "");
    put_job("old", whole, false);
    put_job("old", other, false);
    expect(true, 1,
           "job spool/old: 2 jobs of a stage that is not in the settings: nothing processes them");
    configured = NULL;
    expect(true, 0, "");
}

/* Published: it had a job. `other` has no copies. */
static void test_a_transfer_without_job_and_copies_is_told_and_queued(void **state)
{
    (void)state;
    static const char *const feeds[] = {"upload"};
    static const char *const names[] = {"convert", "upload"};
    static const struct spools_known known = {names, 2, feeds, 1};
    struct told t = {.had_enough = false};
    struct upkeep_findings f;
    struct err err;
    expect(true, 0, ""); /* not published: the receiver's next start does it */
    put_job("convert", whole, false);
    sql("catalogue.db", "UPDATE transfer SET published = 1 WHERE state = 'stored' AND '' <> %Q",
        other);
    expect(true, 1, "-2: stored, but it has neither a job nor copies");
    support_write(in_root("spool/in-the-way"), "x", 1);
    expect(true, 1, "job spool/in-the-way: "); /* its job may be there */
    assert_int_equal(unlink(in_root("spool/in-the-way")), 0);
    sql("catalogue.db", "INSERT INTO done SELECT key, 'upload', 1, 1 FROM transfer WHERE id = %Q",
        other);
    expect(true, 0, "");
    sql("catalogue.db", "DELETE FROM done WHERE '' <> %Q", other);
    assert_ok(upkeep_fsck(root, UPKEEP_QUICK | UPKEEP_REPAIR, &known,
                          &(struct upkeep_listener){tell, progress, &t}, &f, &err));
    assert_string_equal(t.text, "");
    assert_int_equal(f.repaired, 1);
    assert_int_equal(support_entries(in_root("spool/upload/new")), 1);
    expect(true, 0, "");
}

static void test_what_is_no_spool_is_told(void **state)
{
    (void)state;
    put_job("upload", "nobody", false);
    support_write(in_root("spool/in-the-way"), "x", 1);
    expect(true, 2, "job spool/in-the-way: ");
    expect(true, 2, "job spool/upload: nobody");
}

/* A worker records a copy after it has its name. */
static void test_a_file_that_a_stage_is_making_is_not_told(void **state)
{
    (void)state;
    char name[CATALOGUE_ID_ROOM + 32];
    snprintf(name, sizeof name, "archive/%s.new.mp4", other);
    support_write(in_root(name), "x", 1);
    put_job("anonymise", other, false);
    expect(true, 1, "not in the catalogue");
    put_job("anonymise", other, true);
    expect(true, 0, "");
}

static void scribble(const char *name, long at, size_t n)
{
    FILE *f = fopen(in_root(name), "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, at, SEEK_SET), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(fputc((int)(i * 37 & 0xff), f), EOF);
    assert_int_equal(fclose(f), 0);
}

static void test_databases_that_are_no_databases_are_told_and_the_others_are_read(void **state)
{
    (void)state;
    support_write(in_root("raw/2024-11-30.db"), "this is no database, but long enough to be read",
                  47);
    expect(false, 1, "raw/2024-11-30.db");
    scribble("catalogue.db", 0, 4096);
    struct told t = {.had_enough = false};
    struct upkeep_findings f = look(false, &t);
    assert_true(strstr(t.text, "catalogue catalogue.db"));
    assert_int_equal(f.masters, 3); /* they are looked at all the same */
}

/* Whatever is scribbled where: it comes to an end, and somebody is told. */
static void test_pages_full_of_rubbish_are_told(void **state)
{
    (void)state;
    static const char *const files[] = {"catalogue.db", DAY};
    struct err err;
    for (int file = 0; file < 2; file++) {
        struct buf was = support_read(in_root(files[file]));
        long page = file ? 65536 : 4096;
        for (long at = page; at < (long)was.used; at += page) {
            struct told t = {.had_enough = false};
            struct upkeep_findings f;
            support_write(in_root(files[file]), buf_data(&was), was.used);
            scribble(files[file], at, 512);
            int rc = upkeep_fsck(root, false, NULL, &(struct upkeep_listener){tell, progress, &t},
                                 &f, &err);
            assert_true(rc == ERR_OK || err.text[0]);
            if (rc == ERR_OK && f.problems == 0)
                fail_msg("%s, at %ld: nothing was told", files[file], at);
        }
        support_write(in_root(files[file]), buf_data(&was), was.used);
        buf_clear(&was);
    }
    expect(false, 0, "");
}

static void test_the_listener_can_end_it(void **state)
{
    (void)state;
    struct err err;
    struct upkeep_findings f;
    struct told t = {.had_enough = true};
    assert_err(ERR_AGAIN, upkeep_fsck(root, false, NULL,
                                      &(struct upkeep_listener){tell, progress, &t}, &f, &err));
    assert_err(ERR_NOTFOUND, upkeep_fsck("/no/such/root", false, NULL,
                                         &(struct upkeep_listener){tell, NULL, &t}, &f, &err));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_store, remove_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_store_that_is_well_has_no_problems),
        TEST(test_what_came_of_it_is_noted_for_status),
        TEST(test_a_request_that_cannot_be_read_is_told),
        TEST(test_an_event_of_a_rule_that_cannot_be_read_is_told),
        TEST(test_a_transfer_without_job_and_copies_is_told_and_queued),
        TEST(test_one_changed_byte_of_a_master_is_found_by_its_hash),
        TEST(test_a_master_that_is_missing_is_told),
        TEST(test_a_hole_and_a_broken_row_do_not_stop_the_rest),
        TEST(test_a_master_that_the_catalogue_does_not_know_is_told),
        TEST(test_what_was_deleted_and_not_yet_dropped_is_told_as_such),
        TEST(test_lengths_states_and_hashes_that_disagree_are_told),
        TEST(test_a_row_that_cannot_be_read_is_told_and_the_rest_is_read),
        TEST(test_copies_that_are_gone_cut_or_changed_are_told),
        TEST(test_a_copy_outside_of_the_archive_is_not_read),
        TEST(test_files_that_nobody_knows_are_told),
        TEST(test_a_custody_that_was_changed_cut_or_taken_away_is_told),
        TEST(test_a_master_that_was_replaced_with_its_row_is_betrayed_by_its_custody),
        TEST(test_a_job_of_no_transfer_is_told),
        TEST(test_jobs_of_every_stage_are_looked_at),
        TEST(test_jobs_of_a_stage_that_the_settings_do_not_have_are_told),
        TEST(test_what_is_no_spool_is_told),
        TEST(test_a_file_that_a_stage_is_making_is_not_told),
        TEST(test_databases_that_are_no_databases_are_told_and_the_others_are_read),
        TEST(test_pages_full_of_rubbish_are_told),
        TEST(test_the_listener_can_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
