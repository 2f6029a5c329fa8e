/* The file of the catalogue: what is half done, done by others at once, tampered with, of other
 * versions, or not there. */
#include "dashspool/fsx.h"
#include "sqlx/sqlx.h"
#include "support/catalogued.h"
#include "support/support.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 CATALOGUED_T0_US

static void test_a_rollback_undoes_all_of_it(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t;
    assert_ok(catalogue_begin(f->c, &err));
    t = catalogued_add(f, "350000000000001", "front", T0);
    catalogued_copy(f, t.key, "working", "archive/a.mp4", 1);
    catalogue_rollback(f->c);
    assert_int_equal(
        catalogued_sql(f, "SELECT (SELECT count(*) FROM transfer) + (SELECT count(*) FROM camera)"
                          " + (SELECT count(*) FROM copy)"),
        0);
    assert_ok(catalogue_begin(f->c, &err));
    t = catalogued_add(f, "350000000000001", "front", T0);
    assert_ok(catalogue_commit(f->c, &err));
    catalogued_reopen(f);
    catalogued_get(f, t.id);
}

static void test_a_writer_killed_in_a_transaction_leaves_nothing_of_it(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer kept = catalogued_add(f, "350000000000001", "front", T0);
    catalogue_close(&f->c);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct catalogue *c = NULL;
        struct catalogue_transfer t = catalogued_transfer("350000000000009", "front", T0);
        if (catalogue_open(&c, f->root, false, &err) < 0 || catalogue_begin(c, &err) < 0 ||
            catalogue_transfer_add(c, &t, &err) < 0 ||
            catalogue_transfer_remove(c, kept.key, &err) < 0)
            _exit(1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
    catalogued_get(f, kept.id);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM transfer"), 1);
}

#define WRITERS 4
#define WRITES  25

static int write_many(const char *root)
{
    struct err err;
    struct catalogue *c = NULL;
    if (catalogue_open(&c, root, true, &err) < 0) {
        fprintf(stderr, "open: %s\n", err.text);
        return 1;
    }
    for (int i = 0; i < WRITES; i++) {
        struct catalogue_transfer t = catalogued_transfer("350000000000001", "front", T0);
        if (catalogue_transfer_add(c, &t, &err) < 0)
            return 2;
    }
    catalogue_close(&c);
    return 0;
}

static void test_processes_that_create_and_write_at_once_lose_nothing(void **state)
{
    struct catalogued *f = *state;
    catalogue_close(&f->c);
    support_tmp_remove(&f->root);
    f->root = support_tmp_dir();
    pid_t pids[WRITERS];
    fflush(NULL);
    for (int i = 0; i < WRITERS; i++)
        if ((pids[i] = fork()) == 0)
            _exit(write_many(f->root));
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(catalogued_sql(f, "SELECT count(DISTINCT id) FROM transfer"),
                     WRITERS * WRITES);
}

static int stop(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    (void)t;
    ++*(int *)arg;
    return err_set(err, ERR_AGAIN, "enough");
}

static void test_a_tampered_row_is_told_not_cut_off(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    static const char *const tampering[] = {
        "UPDATE transfer SET peer=hex(zeroblob(32))",
        "UPDATE transfer SET day='2026-11-211'",
        "UPDATE transfer SET day=CAST(x'320030' AS TEXT)",
        "UPDATE transfer SET kind='12345678'",
        "UPDATE transfer SET trigger_name=hex(zeroblob(12))",
        "UPDATE transfer SET sha256=hex(zeroblob(33))",
        "UPDATE transfer SET meta=zeroblob(4097)",
        "UPDATE transfer SET fps=2147483648",
        "UPDATE transfer SET length_bytes=-1",
        "UPDATE transfer SET known=-1",
        "PRAGMA ignore_check_constraints=1; UPDATE transfer SET state='sold'",
        "PRAGMA ignore_check_constraints=1; UPDATE transfer SET published=2",
        "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql=replace(sql, 'init BLOB', 'init "
        "ANY');"
        "PRAGMA writable_schema=RESET; UPDATE transfer SET init='text'",
        "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql=replace(sql, 'fps INTEGER', 'fps "
        "ANY');"
        "PRAGMA writable_schema=RESET; UPDATE transfer SET fps='twenty'",
        "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql=replace(sql, 'lat_deg REAL', "
        "'lat_deg ANY');"
        "PRAGMA writable_schema=RESET; UPDATE transfer SET lat_deg='north'",
    };
    for (size_t i = 0; i < sizeof tampering / sizeof *tampering; i++) {
        struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0), got;
        catalogue_close(&f->c);
        catalogued_sql(f, tampering[i]);
        assert_ok(catalogue_open(&f->c, f->root, false, &err));
        int rc = catalogue_transfer_get(f->c, t.id, &got, &err);
        if (rc != ERR_MALFORMED)
            fail_msg("after \"%s\": %s", tampering[i], err_name(rc));
        int calls = 0;
        assert_err(ERR_MALFORMED, catalogue_transfer_each(f->c, NULL, stop, &calls, &err));
        assert_ok(catalogue_transfer_remove(f->c, t.key, &err));
    }
}

static void test_a_newer_schema_and_a_foreign_file_are_refused(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    char path[512];
    catalogue_close(&f->c);
    catalogued_sql(f, "PRAGMA user_version=11");
    assert_err(ERR_UNSUPPORTED, catalogue_open(&f->c, f->root, true, &err));
    assert_null(f->c);
    catalogued_sql(f, "PRAGMA user_version=10; PRAGMA application_id=7");
    assert_err(ERR_MALFORMED, catalogue_open(&f->c, f->root, true, &err));
    snprintf(path, sizeof path, "%s/catalogue.db", f->root);
    support_write(path, "this is no database, but long enough to be asked", 48);
    assert_err(ERR_MALFORMED, catalogue_open(&f->c, f->root, true, &err));
    support_write(path, "", 0);
    assert_err(ERR_NOTFOUND, catalogue_open(&f->c, f->root, false, &err));
    assert_ok(catalogue_open(&f->c, f->root, true, &err));
}

static void test_a_missing_or_unusable_root_is_named(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue *c = NULL;
    char path[400], inside[512];
    snprintf(path, sizeof path, "%s/none/deeper", f->root);
    assert_err(ERR_NOTFOUND, catalogue_open(&c, path, false, &err));
    assert_false(support_exists(path));
    assert_err(ERR_NOTFOUND, catalogue_open(&c, path, true, &err));
    assert_false(support_exists(path)); /* a mistyped ROOT stays away */
    assert_non_null(strstr(err.text, path));
    assert_ok(fsx_mkdirs(path, &err));
    assert_ok(catalogue_open(&c, path, true, &err));
    catalogue_close(&c);
    assert_ok(catalogue_open(&c, path, false, &err));
    catalogue_close(&c);
    snprintf(path, sizeof path, "%s/file", f->root);
    support_write(path, "x", 1);
    assert_err(ERR_CONFIG, catalogue_open(&c, path, true, &err));
    assert_null(c);
    assert_non_null(strstr(err.text, path));
    snprintf(path, sizeof path, "%s/dir", f->root);
    snprintf(inside, sizeof inside, "%s/catalogue.db", path);
    assert_ok(fsx_mkdirs(inside, &err));
    assert_err(ERR_CONFIG, catalogue_open(&c, path, true, &err));
    assert_non_null(strstr(err.text, inside));
}

/* As version 6 was: the settings of each copy in its row. */
#define AS_VERSION_6                                                                              \
    "ALTER TABLE copy RENAME TO copy_7; DROP INDEX copy_transfer;"                                \
    "CREATE TABLE copy(key INTEGER PRIMARY KEY,"                                                  \
    " transfer INTEGER NOT NULL REFERENCES transfer(key) ON DELETE CASCADE,"                      \
    " kind TEXT NOT NULL, path TEXT NOT NULL UNIQUE, length_bytes INTEGER NOT NULL, sha256 TEXT," \
    " made_us INTEGER NOT NULL, tool TEXT, settings TEXT) STRICT;"                                \
    "CREATE INDEX copy_transfer ON copy(transfer, kind, path);"                                   \
    "INSERT INTO copy SELECT key, transfer, kind, path, length_bytes, sha256, made_us, tool,"     \
    " (SELECT iif(recipe IS NULL, text, substr(text, 1, at) || (SELECT text FROM recipe)"         \
    "  || substr(text, at + 1)) FROM settings AS s WHERE s.key = copy_7.settings) FROM copy_7;"   \
    "DROP TABLE copy_7; DROP TABLE settings; DROP TABLE recipe; DROP INDEX transfer_imei;"        \
    "DROP INDEX transfer_trigger; DROP INDEX transfer_unfinished; DROP INDEX done_owed;"          \
    "DROP TABLE upkeep;"                                                                          \
    "CREATE INDEX transfer_camera ON transfer(imei, camera, when_us);"                            \
    "ALTER TABLE transfer DROP COLUMN from_0; ALTER TABLE transfer DROP COLUMN set_aside;"        \
    "ALTER TABLE transfer DROP COLUMN remade; DROP TABLE journey; DROP TABLE journey_event;"      \
    "DROP TABLE root;"                                                                            \
    "DROP TABLE request_event; DROP TABLE request_transfer; DROP TABLE request;"                  \
    "DROP TABLE rule_event;"                                                                      \
    "DROP TABLE event_words; DROP TABLE event_of; DROP TABLE event; DROP TABLE reviewed;"         \
    "DROP TABLE note; DROP TABLE case_number; DROP TABLE vehicle; DROP TABLE trouble;"            \
    "DROP TABLE private_mode;"                                                                    \
    "PRAGMA user_version = 6;"

#define AS_VERSION_1                                                                  \
    AS_VERSION_6                                                                      \
    "DROP TABLE seen; DROP TABLE origin; DROP TABLE custody; DROP TABLE arrival;"     \
    "DROP INDEX transfer_arrived;"                                                    \
    "ALTER TABLE transfer DROP COLUMN path; ALTER TABLE transfer DROP COLUMN events;" \
    "ALTER TABLE transfer DROP COLUMN driver;"                                        \
    "ALTER TABLE transfer DROP COLUMN connections;"                                   \
    "ALTER TABLE transfer DROP COLUMN bytes_lost;"                                    \
    "ALTER TABLE transfer DROP COLUMN duplicates; DROP TABLE done;"                   \
    "DROP TABLE protection; DROP TABLE due; PRAGMA user_version = 1;"

/* What version 1 of the schema lacks is added; nothing is lost. */
static void test_an_older_catalogue_is_brought_up_to_date(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_partial("350612071913857", T0, 1024), out;
    assert_ok(catalogue_transfer_add(f->c, &t, &err));
    catalogue_close(&f->c);
    catalogued_sql(f, AS_VERSION_1);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
    assert_int_equal(catalogued_sql(f, "PRAGMA user_version"), 10);
    assert_ok(catalogue_transfer_get(f->c, t.id, &out, &err));
    assert_int_equal(out.length_bytes, 1024);
    assert_int_equal(out.connections, 1);
    struct catalogue_arrival a = {.peer = "x"};
    assert_ok(catalogue_arrival_add(f->c, t.key, &a, &err));
}

enum { COPIES = 400 };
#define UPGRADED "{\"a\":{\"libraries\":\"Ž\",\"program\":1},\"b\":%d}"

static int see_settings(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    char want[64];
    int *n = arg, i = ++*n;
    (void)err;
    snprintf(want, sizeof want, "archive/%03d", i);
    assert_string_equal(copy->path, want);
    snprintf(want, sizeof want, UPGRADED, i % 3);
    assert_string_equal(copy->settings, i % 5 == 0 ? "" : want);
    return ERR_OK;
}

/* Killed by the kernel (SIGXFSZ, which nothing catches) at the first write behind `bytes` of any
 * file; false: it was done before. */
static bool killed_in_the_upgrade(struct catalogued *f, rlim_t bytes)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct err err;
        const struct rlimit limit = {bytes, bytes}, no_core = {0, 0};
        if (setrlimit(RLIMIT_CORE, &no_core) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
            _exit(9);
        int rc = catalogue_open(&f->c, f->root, false, &err);
        if (rc < 0)
            fprintf(stderr, "%s\n", err.text);
        _exit(rc < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        assert_int_equal(WTERMSIG(status), SIGXFSZ);
    else
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void test_an_upgrade_killed_anywhere_has_done_all_or_nothing(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    struct catalogue_transfer t = catalogued_add(f, "350000000000001", "front", T0);
    assert_ok(catalogue_begin(f->c, &err));
    for (int i = 1; i <= COPIES; i++) {
        struct catalogue_copy copy = {.kind = "working", .made_us = T0};
        snprintf(copy.path, sizeof copy.path, "archive/%03d", i);
        if (i % 5)
            snprintf(copy.settings, sizeof copy.settings, UPGRADED, i % 3);
        assert_ok(catalogue_copy_put(f->c, t.key, &copy, &err));
    }
    assert_ok(catalogue_commit(f->c, &err));
    catalogue_close(&f->c);
    catalogued_sql(f, AS_VERSION_6);
    int deaths = 0;
    for (rlim_t bytes = 1024; killed_in_the_upgrade(f, bytes); bytes += 16384, deaths++)
        if (catalogued_sql(f, "PRAGMA user_version") == 6) {
            assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM copy"), COPIES);
            assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM copy WHERE settings IS NULL"),
                             COPIES / 5);
            assert_int_equal(
                catalogued_sql(f, "SELECT count(*) FROM sqlite_schema WHERE name = 'settings'"), 0);
        }
    assert_true(deaths > 3);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
    assert_int_equal(catalogued_sql(f, "PRAGMA user_version"), 10);
    assert_int_equal(catalogued_sql(f, "SELECT count(*) FROM settings"), 3);
    int n = 0;
    assert_ok(catalogue_copy_each(f->c, t.key, see_settings, &n, &err));
    assert_int_equal(n, COPIES);
}

/* All that `run` starts opens the catalogue at the same time, whoever brings it up to date. */
static void test_who_comes_during_an_upgrade_waits_for_it(void **state)
{
    struct catalogued *f = *state;
    struct err err;
    int begun[2], status;
    char byte = 0;
    catalogue_close(&f->c);
    catalogued_sql(f, AS_VERSION_6);
    assert_int_equal(pipe(begun), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db = NULL;
        char path[512];
        snprintf(path, sizeof path, "%s/catalogue.db", f->root);
        bool ok = sqlite3_open(path, &db) == SQLITE_OK &&
                  sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
        ok = write(begun[1], &byte, 1) == 1 && ok;
        sqlite3_sleep(SQLX_BUSY_MS + 1000); /* longer than anything else is waited for */
        ok = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK && ok;
        _exit(!ok);
    }
    assert_int_equal(read(begun[0], &byte, 1), 1);
    assert_ok(catalogue_open(&f->c, f->root, false, &err));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(catalogued_sql(f, "PRAGMA user_version"), 10);
    close(begun[0]);
    close(begun[1]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_rollback_undoes_all_of_it),
        T(test_a_writer_killed_in_a_transaction_leaves_nothing_of_it),
        T(test_processes_that_create_and_write_at_once_lose_nothing),
        T(test_a_tampered_row_is_told_not_cut_off),
        T(test_a_newer_schema_and_a_foreign_file_are_refused),
        T(test_a_missing_or_unusable_root_is_named),
        T(test_an_older_catalogue_is_brought_up_to_date),
        T(test_an_upgrade_killed_anywhere_has_done_all_or_nothing),
        T(test_who_comes_during_an_upgrade_waits_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
