/* Jobs of a site: leases and fences, and many who work at the same table. */
#include "dashspool/catalogue.h"
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include "dashspool/spool.h"
#include "dashspool/upkeep.h"
#include "rows/rows.h"
#include "support/engines.h"
#include "support/proc.h"
#include "support/support.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    char *root;
    struct spool *spool;
};

static int set_up(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    engines_use_site();
    f->root = support_tmp_dir();
    assert_ok(spool_open(&f->spool, f->root, "convert", &err));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    spool_close(&f->spool);
    support_tmp_remove(&f->root);
    engines_end();
    free(f);
    return 0;
}

static void put(struct spool *spool, const char *job)
{
    struct err err;
    assert_ok(spool_put(spool, job, "{}", 2, &err));
}

static struct spool_job *claim(struct spool *spool)
{
    struct err err;
    struct spool_job *job = NULL;
    assert_ok(spool_claim(spool, &job, &err));
    return job;
}

static int sweep(struct spool *spool)
{
    struct err err;
    int n = -1;
    assert_ok(spool_sweep(spool, &n, &err));
    return n;
}

/* ---- the fence ---- */

/* One that was stopped for longer than its lease, and goes on: whatever it says is refused. */
static void test_a_job_that_somebody_else_has_is_not_ended(void **state)
{
    struct fixture *f = *state;
    struct err err;
    bool got;
    struct spool *other = NULL;
    assert_ok(spool_open(&other, f->root, "upload", &err));
    for (int how = 0; how < 6; how++) {
        put(f->spool, "j");
        struct spool_job *late = claim(f->spool), *now;
        engines_lose_leases();
        assert_int_equal(sweep(f->spool), 1);
        now = how % 2 ? claim(f->spool) : NULL; /* or nobody has it yet */
        int rc = ERR_OK;
        switch (how) {
        case 0:
        case 1:
            rc = spool_finish(f->spool, &late, &err);
            break;
        case 2:
            rc = spool_release(f->spool, &late, 0, &err);
            break;
        case 3:
            rc = spool_fail(f->spool, &late, "no pictures", &err);
            break;
        case 4:
            rc = spool_hand_on(f->spool, &late, &other, 1, "{}", 2, &err);
            break;
        case 5:
            rc = spool_job_alone(f->spool, late, "van", false, &got, &err);
            spool_job_free(&late);
            break;
        }
        assert_int_equal(rc, ERR_LOST);
        assert_has(err.text, "its lease ran out");
        assert_null(late);
        now = now ? now : claim(f->spool);
        assert_non_null(now);
        assert_int_equal(spool_job_attempt(now), 2);
        assert_ok(spool_finish(f->spool, &now, &err));
        assert_null(claim(other));
    }
    assert_int_equal(engines_sql("SELECT count(*) FROM job"), 0);
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done WHERE attempt = 2"), 6);
    assert_int_equal(engines_sql("SELECT lost FROM job_stage WHERE stage = 'convert'"), 6);
    spool_close(&other);
}

/* In one transaction with what came of it: until its commit nobody gets the job. */
static void test_a_result_is_recorded_with_the_fence_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct rows *rows = NULL;
    assert_ok(rows_open(&rows, site_used(), &err));
    put(f->spool, "j");
    struct spool_job *job = claim(f->spool);
    engines_lose_leases();
    assert_ok(rows_begin(rows, &err));
    assert_ok(spool_job_hold(f->spool, job, rows, &err));
    assert_int_equal(sweep(f->spool), 0);
    assert_null(claim(f->spool));
    assert_ok(rows_commit(rows, &err));
    assert_int_equal(sweep(f->spool), 0); /* and for a lease from then on */
    engines_lose_leases();
    assert_ok(spool_job_hold(f->spool, job, NULL, &err));
    assert_int_equal(sweep(f->spool), 0);
    engines_lose_leases();
    assert_int_equal(sweep(f->spool), 1);
    assert_ok(rows_begin(rows, &err));
    assert_err(ERR_LOST, spool_job_hold(f->spool, job, rows, &err));
    rows_rollback(rows);
    assert_err(ERR_LOST, spool_job_hold(f->spool, job, NULL, &err));
    assert_true(spool_job_lost(f->spool, job));
    spool_job_free(&job);
    rows_close(&rows);
}

/* What a receiver hands on is one transaction: the transfer's row, its custody, its job. */
static void test_a_job_comes_with_the_transaction_that_it_is_of(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct rows *rows = NULL;
    const struct spool_item item = {"j", "{\"id\":1}", 8, false};
    assert_ok(rows_open(&rows, site_used(), &err));
    for (int commit = 0; commit < 2; commit++) {
        assert_ok(rows_begin(rows, &err));
        assert_ok(spool_put_rows(rows, "convert", &item, &err));
        assert_ok(spool_put_rows(rows, "convert", &item, &err));
        assert_null(claim(f->spool));
        if (commit)
            assert_ok(rows_commit(rows, &err));
        else
            rows_rollback(rows);
    }
    struct spool_job *job = claim(f->spool);
    assert_string_equal(spool_job_json(job), "{\"id\":1}");
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_null(claim(f->spool));
    rows_close(&rows);
}

/* ---- the lease ---- */

/* A site whose leases are short: the same schema, and another node's settings. */
static struct site *short_leases(struct fixture *f)
{
    struct err err;
    struct cfg *cfg = NULL;
    struct site *site = NULL;
    const char *text = engines_settings("short", "lease = 2 s\n");
    const char *dir = support_path(f->root, "pipeline.d");
    assert_ok(fsx_mkdirs(dir, &err));
    support_write(support_path(f->root, "pipeline.d/05-site.conf"), text, strlen(text));
    assert_ok(cfg_load(&cfg, support_path(f->root, "pipeline.d"), &site_cfg_section, 1, &err));
    assert_ok(site_load(&site, cfg, &err));
    cfg_free(&cfg);
    return site;
}

static void test_a_lease_lasts_as_long_as_its_worker(void **state)
{
    struct fixture *f = *state;
    struct err err;
    int status, pipes[2];
    char c = 0;
    const struct site *own = site_used();
    struct site *quick = short_leases(f);
    site_use(quick);
    put(f->spool, "j");
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) { /* it does nothing for it, as one does who waits for a conversion */
        struct spool_job *job = NULL;
        alarm(120); /* it stays for nobody */
        if (spool_claim(f->spool, &job, &err) < 0 || !job || write(pipes[1], "x", 1) != 1)
            _exit(1);
        while (!spool_job_lost(f->spool, job))
            poll(NULL, 0, 20);
        _exit(spool_finish(f->spool, &job, &err) == ERR_LOST ? 7 : 2);
    }
    assert_int_equal(read(pipes[0], &c, 1), 1);
    long long first = engines_sql("SELECT lease_us FROM job");
    /* it is renewed twice at least */
    support_wait(engines_sql("SELECT lease_us FROM job") > first + 2000000);
    assert_int_equal(sweep(f->spool), 0);
    assert_int_equal(engines_sql("SELECT attempt FROM job"), 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    support_wait(sweep(f->spool) == 1);
    struct spool_job *job = claim(f->spool);
    assert_non_null(job);
    assert_int_equal(spool_job_attempt(job), 2);
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done"), 1);
    close(pipes[0]);
    close(pipes[1]);
    site_use(own);
    site_free(&quick);
}

static void test_a_killed_workers_directory_is_swept_and_no_other(void **state)
{
    struct fixture *f = *state;
    struct err err;
    int status;
    put(f->spool, "dead");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct spool_job *job = NULL;
        if (spool_claim(f->spool, &job, &err) < 0 || !job)
            _exit(1);
        support_write(support_path(spool_job_dir(job), "half.mp4"), "x", 1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    put(f->spool, "alive");
    struct spool_job *job = claim(f->spool);
    assert_string_equal(spool_job_name(job), "alive");
    assert_int_equal(support_entries(support_path(f->root, "scratch/convert")), 2);
    assert_int_equal(sweep(f->spool), 0); /* its lease is still good, its directory of no use */
    assert_int_equal(support_entries(support_path(f->root, "scratch/convert")), 1);
    assert_true(support_exists(support_path(spool_job_dir(job), "job.json")));
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_int_equal(support_entries(support_path(f->root, "scratch/convert")), 0);
}

/* ---- many ---- */

enum { JOBS = 2000, WORKERS = 8 };

static void order(void *arg, const char *job, struct spool_order *out)
{
    (void)arg;
    out->class = 1;
    snprintf(out->flow, sizeof out->flow, "%.2s", job);
}

static int work(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    int n = 0, rc = spool_open(&spool, root, "convert", &err);
    if (rc == ERR_OK)
        spool_set_order(spool, order, NULL);
    while (rc == ERR_OK && (rc = spool_claim(spool, &job, &err)) == ERR_OK && job) {
        n++;
        rc = spool_finish(spool, &job, &err);
    }
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    spool_close(&spool);
    return rc < 0 ? 255 : n > 0; /* who comes late may find nothing left */
}

static void test_eight_workers_do_each_of_2000_jobs_once(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static char name[JOBS][16];
    static struct spool_item items[JOBS];
    pid_t pid[WORKERS];
    int did = 0;
    for (int i = 0; i < JOBS; i++) {
        snprintf(name[i], sizeof name[i], "%02d-%d", i % 17, i);
        items[i] = (struct spool_item){name[i], "{}", 2, false};
    }
    assert_ok(spool_put_all(f->spool, items, JOBS, &err));
    fflush(NULL);
    for (int i = 0; i < WORKERS; i++)
        if ((pid[i] = fork()) == 0)
            _exit(work(f->root));
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        did += WEXITSTATUS(status);
    }
    assert_true(did > 1);
    assert_int_equal(engines_sql("SELECT count(*) FROM job"), 0);
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done"), JOBS);
    assert_int_equal(engines_sql("SELECT count(DISTINCT name) FROM job_done"), JOBS);
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done WHERE fence <> 1 OR attempt <> 1"),
                     0);
}

/* ---- what is of a site alone ---- */

static void test_a_job_of_one_node_is_worked_by_no_other(void **state)
{
    struct fixture *f = *state;
    struct err err;
    const struct site *own = site_used();
    struct site *other = short_leases(f);
    struct spool_item item = {"upload", "{}", 2, true};
    assert_ok(spool_put_all(f->spool, &item, 1, &err));
    put(f->spool, "anybody");
    site_use(other);
    struct spool_job *job = claim(f->spool);
    assert_string_equal(spool_job_name(job), "anybody");
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_null(claim(f->spool));
    site_use(own);
    job = claim(f->spool);
    assert_string_equal(spool_job_name(job), "upload");
    assert_ok(spool_finish(f->spool, &job, &err));
    site_free(&other);
}

static bool hinted(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

static void test_who_waits_hears_of_a_job(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool *other = NULL;
    assert_ok(spool_open(&other, f->root, "upload", &err));
    int fd = spool_watch(f->spool);
    assert_true(fd >= 0);
    put(other, "of-another-stage");
    assert_false(hinted(fd, 0));
    assert_int_equal(spool_watch(f->spool), fd);
    put(f->spool, "j");
    assert_true(hinted(fd, 10000));
    assert_int_equal(spool_watch(f->spool), fd);
    assert_false(hinted(fd, 0));
    assert_string_equal(spool_job_name(claim(f->spool)), "j");
    /* a connection that was cut is made anew */
    engines_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE query LIKE 'LISTEN job_%' AND usename = current_user");
    assert_true(hinted(fd, 10000));
    fd = spool_watch(f->spool);
    assert_true(fd >= 0);
    put(f->spool, "k");
    assert_true(hinted(fd, 10000));
    spool_close(&other);
}

/* The days of what was done: room is made for them, and old ones go as a whole. */
static void test_done_jobs_leave_a_day_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct err err;
    assert_int_equal(sweep(f->spool), 0);
    long long days =
        engines_sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'job_done'::regclass");
    assert_true(days >= 3);
    engines_sql("CREATE TABLE job_done_20200101 PARTITION OF job_done FOR VALUES FROM (0) TO (1)");
    struct spool *again = NULL;
    assert_ok(spool_open(&again, f->root, "convert", &err));
    assert_int_equal(sweep(again), 0);
    assert_int_equal(
        engines_sql("SELECT count(*) FROM pg_inherits WHERE inhparent = 'job_done'::regclass"),
        days);
    /* nobody has swept for days */
    engines_sql("DO $$ DECLARE t text; BEGIN FOR t IN SELECT c.relname FROM pg_inherits i JOIN"
                " pg_class c ON c.oid = i.inhrelid WHERE inhparent = 'job_done'::regclass LOOP"
                " EXECUTE 'DROP TABLE ' || t; END LOOP; END $$");
    put(f->spool, "j");
    struct spool_job *job = claim(f->spool);
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done"), 1);
    spool_close(&again);
}

static int see(void *arg, const struct spool_sight *s, struct err *err)
{
    char *seen = arg;
    (void)err;
    snprintf(seen, 100, "%s %s %d %d", s->job, s->owner ? s->owner : "-", s->pid == (int)getpid(),
             s->expired);
    return ERR_OK;
}

static void test_a_survey_tells_whose_a_job_is(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char seen[100] = "";
    put(f->spool, "j");
    struct spool_job *job = claim(f->spool);
    assert_ok(spool_survey(f->root, "convert", 0, see, seen, &err));
    assert_string_equal(seen, "j test 1 0");
    engines_lose_leases();
    assert_ok(spool_survey(f->root, "convert", 0, see, seen, &err));
    assert_string_equal(seen, "j test 1 1");
    assert_ok(spool_finish(f->spool, &job, &err)); /* nobody else has taken it */
}

static void take_problem(void *arg, const struct upkeep_problem *p)
{
    char *text = arg;
    size_t n = strlen(text);
    snprintf(text + n, 2000 - n, "%s: %s\n", p->where, p->what);
}

static const char *check(struct fixture *f, bool repair)
{
    static char text[2000];
    struct err err;
    struct upkeep_findings found;
    const struct upkeep_listener listener = {.problem = take_problem, .arg = text};
    text[0] = '\0';
    assert_ok(upkeep_fsck(f->root, UPKEEP_QUICK | (repair ? UPKEEP_REPAIR : 0), NULL, &listener,
                          &found, &err));
    return text;
}

/* Of a worker on another node, which dies; the settings of this one are in ROOT/pipeline.d. */
static void test_status_and_fsck_tell_of_leases(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct catalogue *c = NULL;
    char text[3000];
    snprintf(text, sizeof text, "[receive]\nmin_free_mib = 0\n%s", engines_settings("here", ""));
    support_configure(f->root, text);
    assert_ok(catalogue_open(&c, f->root, true, &err));
    catalogue_close(&c);
    put(f->spool, "j");
    struct spool_job *job = claim(f->spool);
    struct proc_result r = DASHSPOOL(f->root, "status");
    assert_has(proc_out(&r), "by node test, process ");
    assert_null(strstr(proc_out(&r), "longer than its lease"));
    proc_clear(&r);
    assert_null(strstr(check(f, false), "its lease is over"));
    spool_job_free(&job);
    engines_lose_leases();
    r = DASHSPOOL(f->root, "status");
    assert_has(proc_out(&r), "its worker died");
    proc_clear(&r);
    assert_has(check(f, false), "has not been heard of, and its lease is over");
    assert_int_equal(sweep(f->spool), 1);
    r = DASHSPOOL(f->root, "status");
    assert_has(proc_out(&r), "convert: a worker was not heard of for longer than its lease");
    proc_clear(&r);
    r = DASHSPOOL(f->root, "status", "--prometheus");
    assert_has(proc_out(&r), "dashspool_jobs_leases_lost_total{stage=\"convert\"} 1");
    proc_clear(&r);
    job = claim(f->spool);
    spool_job_free(&job);
    engines_lose_leases();
    assert_has(check(f, true), "its lease is over");
    assert_int_equal(sweep(f->spool), 0); /* it was given back */
    assert_non_null(job = claim(f->spool));
    assert_ok(spool_finish(f->spool, &job, &err));
}

/* An answer that never came: what was done is not done twice, and no job is lost. */
static void test_a_connection_that_is_cut_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct err err;
    for (int i = 0; i < 3; i++) {
        static const char cut[] = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                                  " WHERE usename = current_user AND pid <> pg_backend_pid()"
                                  " AND application_name LIKE 'dashspool %'";
        engines_sql(cut);
        put(f->spool, "j");
        engines_sql(cut);
        struct spool_job *job = claim(f->spool);
        assert_non_null(job);
        engines_sql(cut);
        assert_ok(spool_finish(f->spool, &job, &err));
    }
    assert_int_equal(engines_sql("SELECT count(*) FROM job_done"), 3);
}

static void test_jobs_of_a_newer_version_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool *other = NULL;
    const struct site *own = site_used();
    struct site *quick = short_leases(f);
    engines_sql("UPDATE job_version SET version = version + 1");
    engines_sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE usename = current_user AND pid <> pg_backend_pid()"
                " AND application_name LIKE 'dashspool %'");
    assert_err(ERR_UNSUPPORTED, spool_open(&other, f->root, "convert", &err));
    assert_has(err.text, "newer version");
    site_use(own);
    site_free(&quick);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_job_that_somebody_else_has_is_not_ended),
        T(test_a_result_is_recorded_with_the_fence_or_not_at_all),
        T(test_a_job_comes_with_the_transaction_that_it_is_of),
        T(test_a_lease_lasts_as_long_as_its_worker),
        T(test_a_killed_workers_directory_is_swept_and_no_other),
        T(test_eight_workers_do_each_of_2000_jobs_once),
        T(test_a_job_of_one_node_is_worked_by_no_other),
        T(test_who_waits_hears_of_a_job),
        T(test_done_jobs_leave_a_day_at_a_time),
        T(test_a_survey_tells_whose_a_job_is),
        T(test_status_and_fsck_tell_of_leases),
        T(test_a_connection_that_is_cut_is_made_anew),
        T(test_jobs_of_a_newer_version_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
