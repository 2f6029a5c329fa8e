/* Workers of a site that are killed, or stopped for longer than their lease: another one goes on,
 * and what comes of a job is recorded once. */
#include "dashspool/catalogue.h"
#include "dashspool/site.h"
#include "dashspool/spool.h"
#include "support/engines.h"
#include "support/proc.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *root, id[CATALOGUE_ID_ROOM];
static int64_t key;

static const char *in_root(const char *name)
{
    return support_path(root, name);
}

/* A transfer with a job whose command says where it is, and waits until it may end. */
static int set_up(void **state)
{
    struct err err;
    struct catalogue *c = NULL;
    struct spool *spool = NULL;
    char text[4000], json[CATALOGUE_ID_ROOM + 32];
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .arrived_us = 1764538980000000};
    (void)state;
    engines_use_site();
    root = support_tmp_dir();
    snprintf(text, sizeof text,
             "[receive]\nmin_free_mib = 0\n%s"
             "[exec slow]\nafter = receive\nenabled = yes\npoll = 100 ms\n"
             "command = sh -c 'pwd >> \"$1/begun\"; while [ ! -e \"$1/go\" ]; do sleep 0.05; "
             "done; pwd >> \"$1/ended\"' sh %%{root}\n",
             engines_settings("test-site-work", "lease = 2 s\n"));
    support_configure(root, text);
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(catalogue_begin(c, &err));
    assert_ok(catalogue_end(c, catalogue_transfer_add(c, &row, &err), &err));
    catalogue_close(&c);
    snprintf(id, sizeof id, "%s", row.id);
    key = row.key;
    assert_ok(spool_open(&spool, root, "slow", &err));
    snprintf(json, sizeof json, "{\"version\":1,\"id\":\"%s\"}", id);
    assert_ok(spool_put(spool, id, json, strlen(json), &err));
    spool_close(&spool);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    engines_end();
    return 0;
}

static struct proc start(const char *log)
{
    return proc_start(in_root(log), (const char *const[]){DASHSPOOL_BINARY, "--root", root, "work",
                                                          "--stage", "slow", NULL});
}

static int lines(const char *name)
{
    return support_exists(in_root(name)) ? support_count(in_root(name), "\n") : 0;
}

static int see_done(void *arg, const struct catalogue_done *d, struct err *err)
{
    int *attempt = arg;
    (void)err;
    *attempt = strcmp(d->stage, "slow") == 0 ? (int)d->attempt : *attempt;
    return ERR_OK;
}

/* In the queue, and in the catalogue. */
static void assert_done_once(int attempt)
{
    int noted = 0;
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM job_done WHERE attempt = %d", attempt);
    assert_int_equal(engines_sql(sql), 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done"), 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM job"), 0);
    struct err err;
    struct catalogue *c = NULL;
    assert_ok(catalogue_open(&c, root, false, &err));
    assert_ok(catalogue_done_each(c, key, see_done, &noted, &err));
    assert_int_equal(noted, attempt);
    catalogue_close(&c);
}

static void test_the_job_of_a_killed_worker_goes_on(void **state)
{
    (void)state;
    struct proc first = start("first.log");
    support_wait(lines("begun") == 1);
    assert_int_equal(proc_stop(&first, SIGKILL), 128 + SIGKILL);
    struct proc second = start("second.log");
    support_wait(lines("begun") == 2); /* within the lease and a sweep */
    support_write(in_root("go"), "", 0);
    support_wait(engines_sql("SELECT count(*) FROM job_done") == 1);
    assert_int_equal(proc_stop(&second, SIGTERM), 0);
    assert_int_equal(lines("ended"), 1); /* the first one's command went with it */
    assert_done_once(2);
    assert_int_equal(support_entries(in_root("scratch/slow")), 0);
}

static void test_the_result_of_a_worker_that_was_stopped_is_refused(void **state)
{
    (void)state;
    struct proc first = start("first.log");
    support_wait(lines("begun") == 1);
    assert_int_equal(kill(first.pid, SIGSTOP), 0);
    struct proc second = start("second.log");
    support_wait(lines("begun") == 2);
    support_write(in_root("go"), "", 0);
    support_wait(engines_sql("SELECT count(*) FROM job_done") == 1);
    assert_done_once(2);
    assert_int_equal(kill(first.pid, SIGCONT), 0);
    support_wait(support_count(in_root("first.log"), "result refused") == 1);
    assert_int_equal(proc_stop(&first, SIGTERM), 0);
    assert_int_equal(proc_stop(&second, SIGTERM), 0);
    assert_int_equal(support_count(in_root("first.log"), "lease ran out"), 1);
    assert_int_equal(support_count(in_root("second.log"), "refused"), 0);
    assert_done_once(2);
    assert_int_equal(support_entries(in_root("scratch/slow")), 0);
}

static void cut(void)
{
    engines_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'dashspool test-site-work'");
}

/* As when the database's server ends: again and again, whatever the worker is about to do. */
static void test_a_worker_lives_through_a_database_that_is_away(void **state)
{
    (void)state;
    support_write(in_root("go"), "", 0);
    struct proc worker = start("first.log");
    support_wait(engines_sql("SELECT count(*) FROM job_done") == 1);
    support_wait((cut(), support_count(in_root("first.log"), "waiting for the site") > 0));
    support_wait(support_count(in_root("first.log"), "the site is there again") > 0);
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
    assert_done_once(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_job_of_a_killed_worker_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_result_of_a_worker_that_was_stopped_is_refused,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_worker_lives_through_a_database_that_is_away, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
