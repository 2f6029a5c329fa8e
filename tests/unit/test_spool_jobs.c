#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/spool.h"
#include "support/engines.h"
#include "support/support.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    char *root;
    struct spool *spool;
};

static int setup(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    engines_begin();
    f->root = support_tmp_dir();
    assert_ok(spool_open(&f->spool, f->root, "convert", &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    spool_close(&f->spool);
    support_tmp_remove(&f->root);
    engines_end();
    free(f);
    return 0;
}

/* ROOT/spool/convert/<rest>, in one of a few static buffers. */
static const char *at(const struct fixture *f, const char *rest)
{
    static char path[4][768];
    static unsigned i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/spool/convert/%s", f->root, rest);
    return p;
}

/* A file in a claimed job's directory, likewise. */
static const char *within(const struct spool_job *job, const char *name)
{
    return support_path(spool_job_dir(job), name);
}

static void put(struct fixture *f, const char *job, const char *json)
{
    struct err err;
    assert_ok(spool_put(f->spool, job, json, strlen(json), &err));
}

static struct spool_job *claim(struct fixture *f)
{
    struct err err;
    struct spool_job *job = NULL;
    assert_ok(spool_claim(f->spool, &job, &err));
    return job;
}

static void assert_count(struct fixture *f, int writing, int ready, int claimed, int failed)
{
    struct err err;
    struct spool_count n;
    assert_ok(spool_count(f->spool, &n, &err));
    if (n.writing != writing || n.ready != ready || n.claimed != claimed || n.failed != failed)
        fail_msg("tmp %d new %d cur %d failed %d", n.writing, n.ready, n.claimed, n.failed);
}

/* Of whom nobody heard for long: with directories, the dead. */
static int sweep(struct fixture *f)
{
    struct err err;
    int given_back = -1;
    assert_ok(spool_sweep(f->spool, &given_back, &err));
    return given_back;
}

static void test_a_spool_that_was_removed_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool_item items[20];
    char path[600], name[20][8];
    snprintf(path, sizeof path, "%s/spool", f->root);
    for (size_t i = 0; i < 20; i++) {
        snprintf(name[i], sizeof name[i], "j%zu", i);
        items[i] = (struct spool_item){name[i], "{}", 2};
    }
    put(f, "lost", "{}");
    assert_ok(fsx_remove_tree(path, &err));
    put(f, "one", "{}");
    assert_count(f, 0, 1, 0, 0);
    assert_ok(fsx_remove_tree(path, &err));
    assert_ok(spool_put_all(f->spool, items, 20, &err));
    assert_count(f, 0, 20, 0, 0);
    assert_ok(fsx_remove_tree(path, &err));
    support_write(path, "in the way", 10);
    assert_err(ERR_CONFIG, spool_put_all(f->spool, items, 20, &err));
    assert_non_null(strstr(err.text, "not a directory"));
}

static void test_a_job_goes_from_put_to_gone(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "a.1", "{\"id\":1}");
    assert_count(f, 0, 1, 0, 0);
    struct spool_job *job = claim(f);
    assert_non_null(job);
    assert_string_equal(spool_job_name(job), "a.1");
    assert_string_equal(spool_job_json(job), "{\"id\":1}");
    if (!engines_wanted())
        assert_string_equal(spool_job_dir(job), at(f, "cur/a.1"));
    struct buf text = support_read(within(job, "job.json"));
    assert_int_equal(text.used, 8);
    buf_clear(&text);
    assert_int_equal(spool_job_attempt(job), 1);
    assert_count(f, 0, 0, 1, 0);
    char dir[600];
    snprintf(dir, sizeof dir, "%s", spool_job_dir(job));
    support_write(within(job, "half.mp4"), "x", 1);
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_null(job);
    assert_false(support_exists(dir));
    assert_count(f, 0, 0, 0, 0);
    assert_null(claim(f));
}

static void test_claims_come_oldest_first(void **state)
{
    struct fixture *f = *state;
    struct err err;
    /* The change time has the resolution of the kernel's tick: names decide within one. */
    char name[16];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "job-%02d", i);
        put(f, name, "{}");
    }
    for (int i = 0; i < 40; i++) {
        struct spool_job *job = claim(f);
        snprintf(name, sizeof name, "job-%02d", i);
        assert_string_equal(spool_job_name(job), name);
        if (i == 5)
            put(f, "aaa", "{}"); /* younger than the rest, whatever its name */
        assert_ok(spool_finish(f->spool, &job, &err));
    }
    struct spool_job *job = claim(f);
    assert_string_equal(spool_job_name(job), "aaa");
    assert_ok(spool_finish(f->spool, &job, &err));
}

static void test_a_repeated_put_changes_nothing_wherever_the_job_is(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "first");
    put(f, "j", "second");
    assert_count(f, 0, 1, 0, 0);
    struct spool_job *job = claim(f);
    assert_string_equal(spool_job_json(job), "first");
    put(f, "j", "third");
    assert_count(f, 0, 0, 1, 0);
    assert_ok(spool_fail(f->spool, &job, "no pictures", &err));
    put(f, "j", "fourth");
    assert_count(f, 0, 0, 0, 1);
}

static void test_many_are_put_at_once_and_each_once(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static char name[300][16];
    struct spool_item items[300];
    put(f, "job-7", "{}");
    struct spool_job *job = claim(f);
    for (int i = 0; i < 300; i++) {
        snprintf(name[i], sizeof name[i], "job-%d", i % 299); /* the last one is the first */
        items[i] = (struct spool_item){name[i], "{\"n\":1}", 7};
    }
    assert_ok(spool_put_all(f->spool, items, 300, &err));
    assert_count(f, 0, 298, 1, 0);
    assert_ok(spool_put_all(f->spool, items, 300, &err));
    assert_count(f, 0, 298, 1, 0);
    assert_ok(spool_finish(f->spool, &job, &err));
    job = claim(f);
    assert_string_equal(spool_job_json(job), "{\"n\":1}");
    spool_job_free(&job);
    assert_ok(spool_put_all(f->spool, NULL, 0, &err));
}

static void test_one_bad_name_among_many_puts_nothing(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool_item items[] = {{"a", "{}", 2}, {"../b", "{}", 2}, {"c", "{}", 2}};
    assert_int_equal(spool_put_all(f->spool, items, 3, &err), ERR_MALFORMED);
    assert_non_null(strstr(err.text, "../b"));
    assert_count(f, 0, 0, 0, 0);
}

static void test_release_counts_the_attempt_and_removes_half_work(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    for (int attempt = 1; attempt <= 3; attempt++) {
        struct spool_job *job = claim(f);
        assert_int_equal(spool_job_attempt(job), attempt);
        assert_string_equal(spool_job_json(job), "{}");
        assert_false(support_exists(within(job, "half.mp4")));
        assert_false(support_exists(within(job, "parts")));
        support_write(within(job, "half.mp4"), "x", 1);
        assert_ok(fsx_mkdirs(within(job, "parts/1"), &err));
        assert_ok(spool_release(f->spool, &job, 0, &err));
        assert_null(job);
        assert_count(f, 0, 1, 0, 0);
    }
}

static void test_a_job_may_wait_without_an_attempt(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    for (int i = 0; i < 3; i++) {
        struct spool_job *job = claim(f);
        assert_int_equal(spool_job_attempt(job), 1);
        assert_ok(spool_postpone(f->spool, &job, i < 2 ? 0 : 3600000, &err));
        assert_null(job);
        assert_count(f, 0, 1, 0, 0);
    }
    struct spool_job *job = NULL;
    assert_ok(spool_claim(f->spool, &job, &err));
    assert_null(job);
    int64_t in_us = spool_due_us(f->spool) - clock_utc_us();
    assert_true(in_us > 3500 * INT64_C(1000000) && in_us <= 3600 * INT64_C(1000000));
}

static void test_fail_keeps_the_files_and_tells_the_reason(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    struct spool_job *job = claim(f);
    support_write(at(f, "cur/j/half.mp4"), "x", 1);
    assert_ok(spool_fail(f->spool, &job, "no pictures", &err));
    assert_null(job);
    assert_true(support_exists(at(f, "failed/j/half.mp4")));
    struct buf reason = support_read(at(f, "failed/j/reason.txt"));
    assert_int_equal(reason.used, 12);
    assert_memory_equal(buf_data(&reason), "no pictures\n", 12);
    buf_clear(&reason);
    assert_int_equal(sweep(f), 0);
    assert_null(claim(f));
}

static void test_a_live_claim_is_left_alone_by_sweep_and_claim(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    struct spool_job *job = claim(f);
    assert_int_equal(sweep(f), 0);
    assert_null(claim(f));
    assert_count(f, 0, 0, 1, 0);
    assert_ok(spool_finish(f->spool, &job, &err));
}

static void test_a_freed_claim_stays_claimed_until_the_sweep(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    struct spool_job *job = claim(f);
    spool_job_free(&job);
    spool_job_free(&job);
    assert_null(claim(f));
    engines_lose_leases();
    assert_int_equal(sweep(f), 1);
    assert_int_equal(sweep(f), 0);
    job = claim(f);
    assert_int_equal(spool_job_attempt(job), 2);
    assert_ok(spool_finish(f->spool, &job, &err));
}

static void test_the_claim_of_a_killed_worker_is_given_back(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct spool_job *job = NULL;
        if (spool_claim(f->spool, &job, &err) < 0 || !job)
            _exit(1);
        support_write(within(job, "half.mp4"), "x", 1);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_count(f, 0, 0, 1, 0);
    engines_lose_leases();
    assert_int_equal(sweep(f), 1);
    struct spool_job *job = claim(f);
    assert_non_null(job);
    assert_false(support_exists(within(job, "half.mp4")));
    assert_int_equal(spool_job_attempt(job), 2);
    assert_ok(spool_finish(f->spool, &job, &err));
}

/* Each state that a crash can leave, made by hand; a sweep must put each right. */
static void test_every_crash_point_is_put_right(void **state)
{
    struct fixture *f = *state;
    struct err err;
    /* put, before the rename */
    assert_ok(fsx_mkdirs(at(f, "tmp/a.Xy12Zz"), &err));
    support_write(at(f, "tmp/a.Xy12Zz/job.json.Q1w2e3"), "{", 1);
    put(f, "a", "{}");
    /* claim: the lock was made, the rename not */
    support_write(at(f, "new/a/lock"), "", 0);
    struct spool_job *job = claim(f);
    assert_int_equal(spool_job_attempt(job), 1);
    spool_job_free(&job);
    /* give-back: the attempt was written, the rename not; and a half-written attempt beside it */
    support_write(at(f, "cur/a/attempt"), "2\n", 2);
    support_write(at(f, "cur/a/attempt.abcdef"), "", 0);
    assert_int_equal(sweep(f), 1);
    assert_false(support_exists(at(f, "new/a/attempt.abcdef")));
    job = claim(f);
    assert_int_equal(spool_job_attempt(job), 3);
    spool_job_free(&job);
    /* fail: the reason was written, the rename not */
    support_write(at(f, "cur/a/reason.txt"), "x\n", 2);
    assert_int_equal(sweep(f), 1);
    assert_false(support_exists(at(f, "new/a/reason.txt")));
    job = claim(f);
    assert_int_equal(spool_job_attempt(job), 4);
    /* finish: renamed to tmp/, half deleted. It must not come back. */
    spool_job_free(&job);
    assert_int_equal(rename(at(f, "cur/a"), at(f, "tmp/a.Pq34Rs")), 0);
    assert_int_equal(unlink(at(f, "tmp/a.Pq34Rs/job.json")), 0);
    assert_int_equal(sweep(f), 0);
    assert_null(claim(f));
    assert_count(f, 2, 0, 0, 0);
}

static void age(const char *path, int seconds)
{
    struct timespec now, times[2];
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    times[0] = times[1] = now;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_sweep_deletes_only_what_was_abandoned_long_ago(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char longest[SPOOL_NAME_ROOM + 16] = "tmp/";
    memset(longest + 4, 'n', SPOOL_NAME_ROOM - 1);
    strcat(longest, ".abcdef"); /* as put makes it of the longest name */
    assert_ok(fsx_mkdirs(at(f, longest), &err));
    assert_ok(fsx_mkdirs(at(f, "tmp/old.abcdef"), &err));
    assert_ok(fsx_mkdirs(at(f, "tmp/young.abcdef"), &err));
    support_write(at(f, "tmp/old.abcdef/job.json"), "{}", 2);
    age(at(f, longest), SPOOL_TMP_AGE_S + 60);
    age(at(f, "tmp/old.abcdef"), SPOOL_TMP_AGE_S + 60);
    age(at(f, "tmp/young.abcdef"), SPOOL_TMP_AGE_S - 60);
    assert_count(f, 3, 0, 0, 0);
    assert_int_equal(sweep(f), 0);
    assert_count(f, 1, 0, 0, 0);
    assert_true(support_exists(at(f, "tmp/young.abcdef")));
}

static void test_a_job_locked_by_another_claimer_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "a", "{}");
    put(f, "b", "{}");
    int fd = open(at(f, "new/a/lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct spool_job *job = claim(f);
    assert_string_equal(spool_job_name(job), "b");
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_null(claim(f));
    close(fd);
    job = claim(f);
    assert_string_equal(spool_job_name(job), "a");
    assert_ok(spool_finish(f->spool, &job, &err));
}

static void test_an_unreadable_job_fails_and_the_next_is_claimed(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "a-nul", "{}");
    put(f, "b-none", "{}");
    put(f, "c-huge", "{}");
    support_write(at(f, "new/a-nul/job.json"), "{\0}", 3);
    assert_int_equal(unlink(at(f, "new/b-none/job.json")), 0);
    assert_int_equal(truncate(at(f, "new/c-huge/job.json"), SPOOL_JOB_BYTES_MAX + 1), 0);
    put(f, "d", "{}");
    struct spool_job *job = claim(f);
    assert_non_null(job);
    assert_string_equal(spool_job_name(job), "d");
    assert_count(f, 0, 0, 1, 3);
    assert_true(support_exists(at(f, "failed/c-huge/reason.txt")));
    assert_ok(spool_finish(f->spool, &job, &err));
}

static void test_strange_attempts_count_as_the_first(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const char *const bad[] = {"",
                                      "0\n",
                                      "-3",
                                      "x",
                                      "99999999999999999999",
                                      "2x",
                                      "1000000000000000000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(f, "j", "{}");
        support_write(at(f, "new/j/attempt"), bad[i], strlen(bad[i]));
        struct spool_job *job = claim(f);
        assert_int_equal(spool_job_attempt(job), 1);
        assert_ok(spool_finish(f->spool, &job, &err));
    }
}

static void test_only_safe_names_and_sizes_are_taken(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool *other = NULL;
    char longest[SPOOL_NAME_ROOM + 1];
    memset(longest, 'n', sizeof longest);
    longest[SPOOL_NAME_ROOM] = '\0';
    const char *const bad[] = {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "\xc3\xa9", longest};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_err(ERR_MALFORMED, spool_put(f->spool, bad[i], "{}", 2, &err));
        assert_err(ERR_MALFORMED, spool_open(&other, f->root, bad[i], &err));
        assert_null(other);
    }
    longest[SPOOL_NAME_ROOM - 1] = '\0';
    put(f, longest, "{}");
    char *huge = calloc(1, SPOOL_JOB_BYTES_MAX + 1);
    memset(huge, ' ', SPOOL_JOB_BYTES_MAX + 1);
    assert_err(ERR_LIMIT, spool_put(f->spool, "huge", huge, SPOOL_JOB_BYTES_MAX + 1, &err));
    assert_ok(spool_put(f->spool, "zlarge", huge, SPOOL_JOB_BYTES_MAX, &err));
    assert_err(ERR_MALFORMED, spool_put(f->spool, "nul", "{\0}", 3, &err));
    free(huge);
    assert_count(f, 0, 2, 0, 0);
    struct spool_job *job = claim(f);
    assert_string_equal(spool_job_name(job), longest);
    assert_ok(spool_finish(f->spool, &job, &err));
    job = claim(f);
    assert_int_equal(strlen(spool_job_json(job)), SPOOL_JOB_BYTES_MAX);
    assert_ok(spool_finish(f->spool, &job, &err));
}

static void test_a_file_in_the_way_is_named(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool *other = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/file", f->root);
    support_write(path, "x", 1);
    assert_err(ERR_CONFIG, spool_open(&other, path, "convert", &err));
    assert_null(other);
    assert_non_null(strstr(err.text, path));
}

#define JOBS 200

/* Claims until nothing is ready; tells each job's name by an exclusively made file. Every seventh
 * is given back once, every eleventh left behind as by a crash. Exit status 0: no job seen twice.
 */
static int work(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    if (spool_open(&spool, root, "convert", &err) < 0)
        return 1;
    while (spool_claim(spool, &job, &err) == ERR_OK && job) {
        int n = atoi(spool_job_name(job) + 4), rc = 0;
        if (spool_job_attempt(job) == 1 && n % 7 == 0) {
            rc = spool_release(spool, &job, 0, &err);
        } else if (spool_job_attempt(job) == 1 && n % 11 == 0) {
            spool_job_free(&job);
        } else {
            char done[512];
            snprintf(done, sizeof done, "%s/done/%d", root, n);
            int fd = open(done, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
            if (fd < 0)
                return 2;
            close(fd);
            rc = spool_finish(spool, &job, &err);
        }
        if (rc < 0)
            return 3;
        if (n % 20 == 0 && spool_sweep(spool, NULL, &err) < 0)
            return 4;
    }
    spool_close(&spool);
    return job ? 5 : 0;
}

static int start(int (*what)(const char *root), const char *root)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(what(root));
    assert_true(pid > 0);
    return (int)pid;
}

static void assert_exit_0(int pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int put_all(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    if (spool_open(&spool, root, "convert", &err) < 0)
        return 1;
    for (int i = 0; i < JOBS; i++) {
        char name[16];
        snprintf(name, sizeof name, "job-%03d", i);
        if (spool_put(spool, name, "{}", 2, &err) < 0)
            return 2;
    }
    spool_close(&spool);
    return 0;
}

static void test_two_workers_do_each_of_200_jobs_once(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char done[512];
    snprintf(done, sizeof done, "%s/done", f->root);
    assert_ok(fsx_mkdirs(done, &err));
    assert_int_equal(put_all(f->root), 0);
    int a = start(work, f->root), b = start(work, f->root);
    assert_exit_0(a);
    assert_exit_0(b);
    /* What was left behind at the very end. */
    engines_lose_leases();
    sweep(f);
    assert_int_equal(work(f->root), 0);
    assert_int_equal(support_entries(done), JOBS);
    assert_count(f, 0, 0, 0, 0);
}

static void test_two_producers_of_the_same_jobs_put_each_once(void **state)
{
    struct fixture *f = *state;
    int a = start(put_all, f->root), b = start(put_all, f->root);
    assert_exit_0(a);
    assert_exit_0(b);
    assert_count(f, 0, JOBS, 0, 0);
}

/* ---- what cannot be touched ---- */

struct heard {
    int n;
    char job[64], why[300];
};

static void on_aside(void *arg, const char *job, const char *why)
{
    struct heard *h = arg;
    h->n++;
    snprintf(h->job, sizeof h->job, "%s", job);
    snprintf(h->why, sizeof h->why, "%s", why);
}

/* A lock that is a directory cannot be opened by anybody. */
static void test_a_job_that_cannot_be_touched_is_set_aside_for_the_others(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct heard heard = {0};
    spool_on_aside(f->spool, on_aside, &heard);
    put(f, "bad", "{}");
    assert_ok(fsx_mkdirs(at(f, "new/bad/lock"), &err));
    put(f, "good", "{}");
    struct spool_job *job = claim(f);
    assert_non_null(job);
    assert_string_equal(spool_job_name(job), "good");
    assert_int_equal(heard.n, 1);
    assert_string_equal(heard.job, "bad");
    assert_has(heard.why, "new/bad/lock: Is a directory");
    assert_int_equal(support_count(at(f, "failed/bad/reason.txt"), "Is a directory"), 1);
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_null(claim(f));
    assert_count(f, 0, 0, 0, 1);
    assert_ok(fsx_remove_tree(at(f, "failed/bad/lock"), &err)); /* a person mends it */
    assert_ok(spool_retry(f->spool, "bad", &err));
    job = claim(f);
    assert_non_null(job);
    spool_job_free(&job);
}

/* As a bad block is: an error that may go away, of one job. A socket for a lock has one like it. */
static void test_a_job_that_the_disk_cannot_read_stays_and_the_others_go_on(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct heard heard = {0};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    spool_on_aside(f->spool, on_aside, &heard);
    put(f, "bad", "{}");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_in_range(snprintf(name.sun_path, sizeof name.sun_path, "%s", at(f, "new/bad/lock")), 1,
                    sizeof name.sun_path - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    put(f, "good", "{}"); /* behind it: the lock has changed its directory */
    struct spool_job *job = claim(f);
    assert_non_null(job);
    assert_string_equal(spool_job_name(job), "good");
    assert_int_equal(heard.n, 1);
    assert_has(heard.why, "new/bad/lock: No such device or address");
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_null(claim(f));
    assert_count(f, 0, 1, 0, 0);
    assert_int_equal(heard.n, 1);
    assert_int_equal(support_entries(at(f, "tmp")), 0); /* what tried the disk is gone */
    assert_int_equal(unlink(at(f, "new/bad/lock")), 0);
    support_wait(chmod(at(f, "new/bad"), 0700) == 0 && (job = claim(f)) != NULL);
    spool_job_free(&job);
    close(fd);
}

/* Whether its worker lives nobody can know. */
static void test_a_claim_that_cannot_be_touched_stays_and_the_others_are_swept(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct heard heard = {0};
    spool_on_aside(f->spool, on_aside, &heard);
    put(f, "bad", "{}");
    put(f, "good", "{}");
    for (int i = 0; i < 2; i++) {
        struct spool_job *job = claim(f);
        assert_non_null(job);
        spool_job_free(&job);
    }
    assert_int_equal(unlink(at(f, "cur/bad/lock")), 0);
    assert_ok(fsx_mkdirs(at(f, "cur/bad/lock"), &err));
    assert_int_equal(sweep(f), 1);
    assert_int_equal(sweep(f), 0);
    assert_int_equal(heard.n, 1);
    assert_has(heard.why, "cur/bad/lock: Is a directory");
    assert_count(f, 0, 1, 1, 0);
    assert_ok(fsx_remove_tree(at(f, "cur/bad/lock"), &err));
    /* once it has changed it is looked at anew; file times are as coarse as the kernel's tick */
    support_wait(chmod(at(f, "cur/bad"), 0700) == 0 && sweep(f) == 1);
    assert_count(f, 0, 2, 0, 0);
}

/* Then each job would be set aside, one after the other. */
static void test_a_stage_that_cannot_be_used_is_no_matter_of_a_job(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct heard heard = {0};
    struct spool_job *job = NULL;
    spool_on_aside(f->spool, on_aside, &heard);
    put(f, "one", "{}");
    assert_int_equal(rename(at(f, "cur"), at(f, "away")), 0);
    support_write(at(f, "cur"), "in the way", 10);
    assert_true(spool_claim(f->spool, &job, &err) < 0);
    assert_int_equal(heard.n, 0);
    assert_int_equal(unlink(at(f, "cur")), 0);
    assert_int_equal(rename(at(f, "away"), at(f, "cur")), 0);
    assert_count(f, 0, 1, 0, 0);
}

/* ---- what a person does ---- */

static void test_a_failed_job_is_retried_or_dropped(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool_glance at;
    put(f, "j", "{\"id\":1}");
    assert_err(ERR_NOTFOUND, spool_retry(f->spool, "j", &err));
    assert_err(ERR_NOTFOUND, spool_drop(f->spool, "j", &err));
    struct spool_job *job = claim(f);
    assert_ok(spool_fail(f->spool, &job, "no pictures\n\nsecond \xff line", &err));
    assert_null(claim(f));
    struct buf json;
    buf_init(&json, SPOOL_JOB_BYTES_MAX);
    assert_ok(spool_glance(f->root, "convert", "j", &json, &at, &err));
    assert_int_equal(at.place, SPOOL_PLACE_FAILED);
    assert_int_equal(json.used, 8);
    buf_clear(&json);
    assert_has(at.why, "no pictures");
    assert_has(at.why, "second");
    assert_ok(spool_retry(f->spool, "j", &err));
    job = claim(f);
    assert_int_equal(spool_job_attempt(job), 1);
    assert_ok(spool_fail(f->spool, &job, "again", &err));
    assert_ok(spool_drop(f->spool, "j", &err));
    assert_count(f, 0, 0, 0, 0);
    assert_ok(spool_glance(f->root, "convert", "j", NULL, &at, &err));
    assert_int_equal(at.place, SPOOL_PLACE_NONE);
}

static void test_a_ready_job_is_cancelled_and_no_other(void **state)
{
    struct fixture *f = *state;
    struct err err;
    enum spool_place place;
    put(f, "j", "{}");
    struct spool_job *job = claim(f);
    assert_err(ERR_NOTFOUND, spool_cancel(f->spool, "j", &err));
    assert_has(err.text, "no job j is ready");
    assert_ok(spool_find(f->spool, "j", &place, &err));
    assert_int_equal(place, SPOOL_PLACE_CLAIMED);
    assert_ok(spool_release(f->spool, &job, 3600000, &err));
    assert_ok(spool_find(f->spool, "j", &place, &err));
    assert_int_equal(place, SPOOL_PLACE_READY);
    assert_ok(spool_cancel(f->spool, "j", &err));
    assert_ok(spool_find(f->spool, "j", &place, &err));
    assert_int_equal(place, SPOOL_PLACE_NONE);
}

static void test_one_claim_of_a_dead_worker_is_taken_back(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "j", "{}");
    struct spool_job *job = claim(f);
    assert_err(ERR_BUSY, spool_reclaim(f->spool, "j", &err));
    spool_job_free(&job);
    engines_lose_leases();
    assert_ok(spool_reclaim(f->spool, "j", &err));
    assert_err(ERR_NOTFOUND, spool_reclaim(f->spool, "j", &err));
    job = claim(f);
    assert_int_equal(spool_job_attempt(job), 2);
    assert_ok(spool_finish(f->spool, &job, &err));
}

static int see(void *arg, const struct spool_found *job, struct err *err)
{
    char *seen = arg;
    (void)err;
    snprintf(seen + strlen(seen), 200 - strlen(seen), "%s:%s ", job->job, job->reason);
    return job->changed_us > 0 ? ERR_OK : ERR_MALFORMED;
}

static int see_stage(void *arg, const char *stage, struct err *err)
{
    char *seen = arg;
    (void)err;
    snprintf(seen + strlen(seen), 200 - strlen(seen), "%s ", stage);
    return ERR_OK;
}

static void test_each_of_a_place_is_told_and_each_stage(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool *other = NULL;
    char seen[200] = "";
    put(f, "b", "{}");
    struct spool_job *job = claim(f);
    assert_ok(spool_fail(f->spool, &job, "no pictures\nmore", &err));
    put(f, "a", "{}");
    assert_ok(spool_each(f->spool, SPOOL_PLACE_FAILED, see, seen, &err));
    assert_ok(spool_each(f->spool, SPOOL_PLACE_READY, see, seen, &err));
    assert_ok(spool_each(f->spool, SPOOL_PLACE_CLAIMED, see, seen, &err));
    assert_string_equal(seen, "b:no pictures a: ");
    seen[0] = '\0';
    assert_ok(spool_open(&other, f->root, "upload", &err));
    spool_close(&other);
    assert_ok(spool_stages(f->root, see_stage, seen, &err));
    assert_string_equal(seen, "convert upload ");
}

/* ---- what comes behind ---- */

static void test_a_done_job_is_handed_on_under_its_name(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct spool *next[2] = {NULL, NULL};
    assert_ok(spool_open(&next[0], f->root, "upload", &err));
    assert_ok(spool_open(&next[1], f->root, "mail", &err));
    put(f, "j", "{}");
    struct spool_job *job = claim(f);
    assert_ok(spool_hand_on(f->spool, &job, next, 2, "{\"x\":2}", 7, &err));
    assert_null(job);
    assert_count(f, 0, 0, 0, 0);
    for (int i = 0; i < 2; i++) {
        assert_ok(spool_claim(next[i], &job, &err));
        assert_non_null(job);
        assert_string_equal(spool_job_name(job), "j");
        assert_string_equal(spool_job_json(job), "{\"x\":2}");
        assert_ok(spool_hand_on(next[i], &job, NULL, 0, "", 0, &err));
        spool_close(&next[i]);
    }
}

static void test_one_worker_at_a_time_is_alone_with_a_key(void **state)
{
    struct fixture *f = *state;
    struct err err;
    bool got = false;
    put(f, "a", "{}");
    put(f, "b", "{}");
    struct spool_job *a = claim(f), *b = claim(f);
    assert_ok(spool_job_alone(f->spool, a, "van-1", false, &got, &err));
    assert_true(got);
    assert_ok(spool_job_alone(f->spool, b, "van-1", false, &got, &err));
    assert_false(got);
    assert_ok(spool_job_alone(f->spool, b, "van-2", false, &got, &err));
    assert_true(got);
    assert_ok(spool_unclaim(f->spool, &a, &err));
    assert_ok(spool_job_alone(f->spool, b, "van-1", false, &got, &err));
    assert_true(got);
    assert_ok(spool_finish(f->spool, &b, &err));
    a = claim(f);
    assert_ok(spool_job_alone(f->spool, a, "van-2", false, &got, &err));
    assert_true(got);
    assert_ok(spool_finish(f->spool, &a, &err));
}

static void test_what_became_of_a_job_outlives_it_until_a_sweep(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct buf text;
    buf_init(&text, 1000);
    assert_err(ERR_NOTFOUND, spool_word_get(f->root, "action", "j", &text, &err));
    assert_ok(spool_word_put(f->root, "action", "j", "{\"a\":1}", 7, &err));
    assert_ok(spool_word_put(f->root, "action", "j", "{\"a\":\"\xc3\xa4\"}", 10, &err));
    assert_ok(spool_word_put(f->root, "action", "k", "", 0, &err));
    assert_ok(spool_word_get(f->root, "action", "j", &text, &err));
    assert_int_equal(text.used, 10);
    assert_memory_equal(buf_data(&text), "{\"a\":\"\xc3\xa4\"}", 10);
    assert_err(ERR_NOTFOUND, spool_word_get(f->root, "other", "j", &text, &err));
    assert_ok(spool_word_sweep(f->root, "action", clock_utc_us() - 60000000, &err));
    buf_consume(&text, text.used);
    assert_ok(spool_word_get(f->root, "action", "j", &text, &err));
    assert_ok(spool_word_sweep(f->root, "action", clock_utc_us() + 60000000, &err));
    assert_err(ERR_NOTFOUND, spool_word_get(f->root, "action", "j", &text, &err));
    assert_err(ERR_MALFORMED, spool_word_put(f->root, "action", "../j", "{}", 2, &err));
    buf_clear(&text);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_job_goes_from_put_to_gone),
        T(test_claims_come_oldest_first),
        T(test_a_repeated_put_changes_nothing_wherever_the_job_is),
        T(test_many_are_put_at_once_and_each_once),
        T(test_one_bad_name_among_many_puts_nothing),
        T(test_release_counts_the_attempt_and_removes_half_work),
        T(test_a_job_may_wait_without_an_attempt),
        T(test_a_live_claim_is_left_alone_by_sweep_and_claim),
        T(test_a_freed_claim_stays_claimed_until_the_sweep),
        T(test_the_claim_of_a_killed_worker_is_given_back),
        T(test_only_safe_names_and_sizes_are_taken),
        T(test_a_failed_job_is_retried_or_dropped),
        T(test_a_ready_job_is_cancelled_and_no_other),
        T(test_one_claim_of_a_dead_worker_is_taken_back),
        T(test_each_of_a_place_is_told_and_each_stage),
        T(test_a_done_job_is_handed_on_under_its_name),
        T(test_one_worker_at_a_time_is_alone_with_a_key),
        T(test_what_became_of_a_job_outlives_it_until_a_sweep),
        T(test_two_workers_do_each_of_200_jobs_once),
        T(test_two_producers_of_the_same_jobs_put_each_once),
    };
    const struct CMUnitTest of_directories[] = {
        T(test_a_spool_that_was_removed_is_made_anew),
        T(test_fail_keeps_the_files_and_tells_the_reason),
        T(test_every_crash_point_is_put_right),
        T(test_sweep_deletes_only_what_was_abandoned_long_ago),
        T(test_a_job_locked_by_another_claimer_is_passed_over),
        T(test_an_unreadable_job_fails_and_the_next_is_claimed),
        T(test_strange_attempts_count_as_the_first),
        T(test_a_file_in_the_way_is_named),
        T(test_a_job_that_cannot_be_touched_is_set_aside_for_the_others),
        T(test_a_job_that_the_disk_cannot_read_stays_and_the_others_go_on),
        T(test_a_claim_that_cannot_be_touched_stays_and_the_others_are_swept),
        T(test_a_stage_that_cannot_be_used_is_no_matter_of_a_job),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!engines_wanted())
        failed += cmocka_run_group_tests(of_directories, NULL, NULL);
    return failed;
}
