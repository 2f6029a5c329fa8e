/* All jobs at a glance, by one who only looks. */
#include "dashspool/clock.h"
#include "dashspool/spool.h"
#include "support/engines.h"
#include "support/support.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct seen {
    int n, of[4]; /* by place */
    struct spool_sight last;
    char why[SPOOL_WHY_ROOM], lock[600];
};

static int note(void *arg, const struct spool_sight *s, struct err *err)
{
    struct seen *v = arg;
    (void)err;
    v->n++;
    v->of[s->place]++;
    v->last = *s;
    snprintf(v->why, sizeof v->why, "%s", s->why);
    snprintf(v->lock, sizeof v->lock, "%s", s->lock ? s->lock : "");
    return ERR_OK;
}

static int set_up(void **state)
{
    (void)state;
    engines_begin();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engines_end();
    return 0;
}

static struct seen survey(const char *root)
{
    struct seen v = {0};
    struct err err;
    assert_ok(spool_survey(root, "convert", 0, note, &v, &err));
    return v;
}

static struct spool *open_with(const char *root, const char *job)
{
    struct spool *spool = NULL;
    struct err err;
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_put(spool, job, "{}", 2, &err));
    return spool;
}

static struct spool_job *claim(struct spool *spool)
{
    struct spool_job *job = NULL;
    struct err err;
    assert_ok(spool_claim(spool, &job, &err));
    assert_non_null(job);
    return job;
}

/* Its job.json is so old. */
static void make_older(const char *root, const char *where, int64_t seconds)
{
    char path[600];
    snprintf(path, sizeof path, "%s/spool/convert/%s/job.json", root, where);
    struct timespec t = {.tv_sec = time(NULL) - seconds};
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){t, t}, 0), 0);
}

static void test_nothing_is_made_where_there_is_nothing(void **state)
{
    char *root = support_tmp_dir();
    (void)state;
    assert_int_equal(survey(root).n, 0);
    assert_int_equal(support_entries(root), 0);
    support_tmp_remove(&root);
}

static void test_a_job_is_told_with_its_age_wherever_it_is(void **state)
{
    char *root = support_tmp_dir(), lock[600];
    struct err err;
    (void)state;
    struct spool *spool = open_with(root, "a");
    make_older(root, "new/a", 1000);
    int64_t old_us = (int64_t)(time(NULL) - 999) * 1000000, now_us = clock_utc_us();

    struct seen v = survey(root);
    assert_int_equal(v.of[SPOOL_PLACE_READY], 1);
    assert_true(v.last.put_us < old_us && v.last.attempt == 1 && v.last.due_us == 0);

    struct spool_job *job = claim(spool);
    v = survey(root);
    assert_int_equal(v.of[SPOOL_PLACE_CLAIMED], 1);
    assert_true(v.last.put_us < old_us && v.last.changed_us > now_us - 60 * 1000000);
    snprintf(lock, sizeof lock, "%s/spool/convert/cur/a/lock", root);
    assert_string_equal(v.lock, lock);

    assert_ok(spool_fail(spool, &job, "no pictures\nmore", &err));
    v = survey(root);
    assert_int_equal(v.of[SPOOL_PLACE_FAILED], 1);
    assert_true(v.last.put_us < old_us && v.last.changed_us > now_us - 60 * 1000000);
    assert_string_equal(v.why, "no pictures");
    assert_int_equal(v.n, 1);
    spool_close(&spool);
    support_tmp_remove(&root);
}

static void test_a_job_that_waits_tells_until_when_and_why(void **state)
{
    char *root = support_tmp_dir();
    struct err err;
    (void)state;
    struct spool *spool = open_with(root, "a");
    struct spool_job *job = claim(spool);
    spool_job_because(job, "disk full\nsecond line");
    assert_ok(spool_release(spool, &job, 3600 * 1000, &err));
    struct seen v = survey(root);
    assert_int_equal(v.of[SPOOL_PLACE_READY], 1);
    assert_int_equal(v.last.attempt, 2);
    assert_true(v.last.due_us > clock_utc_us() + 3000 * INT64_C(1000000));
    assert_string_equal(v.why, "disk full");
    assert_ok(spool_claim(spool, &job, &err));
    assert_null(job); /* the words do not hide the time */
    spool_close(&spool);
    support_tmp_remove(&root);
}

static void test_long_words_are_cut_and_the_attempt_counts_on(void **state)
{
    char *root = support_tmp_dir(), words[2000];
    struct err err;
    (void)state;
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    struct spool *spool = open_with(root, "a");
    for (int attempt = 1; attempt <= 3; attempt++) {
        struct spool_job *job = claim(spool);
        assert_int_equal(spool_job_attempt(job), attempt);
        spool_job_because(job, words);
        assert_ok(spool_release(spool, &job, 0, &err));
    }
    struct seen v = survey(root);
    assert_int_equal(v.last.attempt, 4);
    assert_int_equal(v.last.due_us, 0);
    assert_int_equal(strlen(v.why), SPOOL_WHY_ROOM - 1);
    spool_close(&spool);
    support_tmp_remove(&root);
}

static void test_what_is_strange_is_passed_over(void **state)
{
    char *root = support_tmp_dir(), path[600];
    struct err err;
    (void)state;
    struct spool *spool = open_with(root, "a");
    snprintf(path, sizeof path, "%s/spool/convert/new/file", root);
    support_write(path, "x", 1);
    snprintf(path, sizeof path, "%s/spool/convert/new/a\033b", root);
    assert_int_equal(mkdir(path, 0750), 0);
    snprintf(path, sizeof path, "%s/spool/convert/new/a/attempt", root);
    assert_int_equal(mkfifo(path, 0640), 0); /* must not wait for a writer */
    struct seen v = survey(root);
    assert_int_equal(v.n, 1);
    assert_int_equal(v.last.attempt, 1);
    assert_err(ERR_MALFORMED, spool_survey(root, "../x", 0, note, &v, &err));
    spool_close(&spool);
    support_tmp_remove(&root);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_nothing_is_made_where_there_is_nothing),
        T(test_a_job_that_waits_tells_until_when_and_why),
        T(test_long_words_are_cut_and_the_attempt_counts_on),
    };
    const struct CMUnitTest of_directories[] = {
        T(test_a_job_is_told_with_its_age_wherever_it_is),
        T(test_what_is_strange_is_passed_over),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!engines_wanted())
        failed += cmocka_run_group_tests(of_directories, NULL, NULL);
    return failed;
}
