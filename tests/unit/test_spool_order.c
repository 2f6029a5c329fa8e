/* Which job is claimed next, and when. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/spool.h"
#include "support/engines.h"
#include "support/support.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char *root;
    struct spool *spool;
    int asked;
};

/* A job is named <class><camera>-<age>: 0a-17. */
static void order(void *arg, const char *job, struct spool_order *out)
{
    struct fixture *f = arg;
    f->asked++;
    out->class = job[0] - '0';
    snprintf(out->flow, sizeof out->flow, "%c", job[1]);
    out->age_us = atoi(job + 3);
}

static int setup(void **state)
{
    struct err err;
    struct fixture *f = calloc(1, sizeof *f);
    engines_begin();
    f->root = support_tmp_dir();
    assert_ok(spool_open(&f->spool, f->root, "convert", &err));
    spool_set_order(f->spool, order, f);
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

static void put(struct fixture *f, const char *jobs)
{
    struct err err;
    char text[400], *save = NULL;
    snprintf(text, sizeof text, "%s", jobs);
    for (char *job = strtok_r(text, " ", &save); job; job = strtok_r(NULL, " ", &save))
        assert_ok(spool_put(f->spool, job, "{}", 2, &err));
}

static struct spool_job *claim(struct fixture *f)
{
    struct err err;
    struct spool_job *job = NULL;
    assert_ok(spool_claim(f->spool, &job, &err));
    return job;
}

/* Claims and finishes these, and only these, in this order. */
static void assert_next(struct fixture *f, const char *jobs)
{
    struct err err;
    char text[400], *save = NULL;
    snprintf(text, sizeof text, "%s", jobs);
    for (char *want = strtok_r(text, " ", &save); want; want = strtok_r(NULL, " ", &save)) {
        struct spool_job *job = claim(f);
        assert_non_null(job);
        assert_string_equal(spool_job_name(job), want);
        assert_ok(spool_finish(f->spool, &job, &err));
    }
}

static void test_classes_come_before_age(void **state)
{
    struct fixture *f = *state;
    put(f, "2a-1 1a-2 0a-4 1a-1 0a-3");
    assert_next(f, "0a-3 0a-4 1a-1 1a-2 2a-1");
    assert_null(claim(f));
}

static void test_an_urgent_job_that_comes_later_is_next(void **state)
{
    struct fixture *f = *state;
    put(f, "2a-2 2a-3 2a-4");
    assert_next(f, "2a-2");
    put(f, "0b-9 2a-1");
    assert_next(f, "0b-9 2a-1 2a-3 2a-4");
}

static void test_the_flood_of_one_camera_leaves_turns_for_others(void **state)
{
    struct fixture *f = *state;
    put(f, "1a-1 1a-2 1a-3 1a-4 1a-5 1b-90 1b-91 1c-95");
    assert_next(f, "1a-1 1b-90 1c-95 1a-2 1b-91 1a-3");
    put(f, "1c-99 1d-98"); /* who comes late has lost no turn, and gains none */
    assert_next(f, "1d-98 1c-99 1a-4 1a-5");
    assert_null(claim(f));
}

static void test_turns_hold_over_many_looks(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char name[16];
    int from_a = 0;
    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "1a-%d", i);
        put(f, name);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "1b-%d", 100 + i);
        put(f, name); /* b has never more than one waiting, and always a younger one */
        for (int k = 0; k < 2; k++) {
            struct spool_job *job = claim(f);
            from_a += spool_job_name(job)[1] == 'a';
            assert_ok(spool_finish(f->spool, &job, &err));
        }
    }
    assert_int_equal(from_a, 20);
}

static void test_each_job_is_asked_about_once(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static char name[600][16];
    static struct spool_item items[600];
    for (int i = 0; i < 600; i++) {
        snprintf(name[i], sizeof name[i], "1%c-%d", 'a' + i % 7, i);
        items[i] = (struct spool_item){name[i], "{}", 2};
    }
    assert_ok(spool_put_all(f->spool, items, 600, &err));
    for (int i = 0; i < 600; i++) {
        struct spool_job *job = claim(f);
        assert_non_null(job);
        assert_ok(spool_finish(f->spool, &job, &err));
    }
    assert_null(claim(f));
    assert_int_equal(f->asked, 600);
}

static void test_a_job_that_waits_for_another_attempt_keeps_no_other(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "0a-1 1a-2");
    struct spool_job *job = claim(f);
    int64_t before_us = clock_utc_us();
    assert_ok(spool_release(f->spool, &job, 3600 * 1000, &err));
    assert_next(f, "1a-2");
    assert_null(claim(f));
    int64_t due_us = spool_due_us(f->spool);
    assert_in_range(due_us - before_us, 3599 * INT64_C(1000000), 3601 * INT64_C(1000000));
    /* another process sees it, too */
    struct spool *other = NULL;
    assert_ok(spool_open(&other, f->root, "convert", &err));
    assert_ok(spool_claim(other, &job, &err));
    assert_null(job);
    assert_true(spool_due_us(other) != 0);
    spool_close(&other);
}

static void test_a_job_that_is_due_is_claimed_and_counted(void **state)
{
    struct fixture *f = *state;
    struct err err;
    put(f, "0a-1");
    struct spool_job *job = claim(f);
    assert_ok(spool_release(f->spool, &job, 1, &err));
    do /* until the millisecond is over */
        job = claim(f);
    while (!job);
    assert_int_equal(spool_job_attempt(job), 2);
    assert_ok(spool_unclaim(f->spool, &job, &err));
    job = claim(f);
    assert_int_equal(spool_job_attempt(job), 2); /* it was not tried to its end */
    assert_ok(spool_finish(f->spool, &job, &err));
    assert_int_equal(spool_due_us(f->spool), 0);
}

static void write_attempt(struct fixture *f, const char *job, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/spool/convert/new/%s/attempt", f->root, job);
    support_write(path, text, strlen(text));
}

static void test_due_times_that_cannot_be_are_none(void **state)
{
    struct fixture *f = *state;
    struct err err;
    static const char *const texts[] = {"2\n2999-01-01T00:00:00.000Z\n", "2\nsoon\n", "2\n\n",
                                        "2\n2000-01-01T00:00:00Z",
                                        "2\n2026-01-01T00:00:00.000000000000000000Z\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(f, "0a-1");
        write_attempt(f, "0a-1", texts[i]);
        struct spool_job *job = claim(f);
        assert_non_null(job);
        assert_int_equal(spool_job_attempt(job), 2);
        assert_ok(spool_finish(f->spool, &job, &err));
    }
}

static void test_what_the_last_attempt_said_outlives_it(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char path[600];
    put(f, "0a-1");
    struct spool_job *job = claim(f);
    snprintf(path, sizeof path, "%s/output.txt", spool_job_dir(job));
    support_write(path, "no route", 8);
    snprintf(path, sizeof path, "%s/part", spool_job_dir(job));
    support_write(path, "x", 1);
    assert_ok(spool_release(f->spool, &job, 0, &err));
    job = claim(f);
    struct buf said = support_read(support_path(spool_job_dir(job), "output.txt"));
    assert_int_equal(said.used, 8);
    assert_memory_equal(buf_data(&said), "no route", 8);
    buf_clear(&said);
    assert_false(support_exists(support_path(spool_job_dir(job), "part")));
    assert_ok(spool_finish(f->spool, &job, &err));
}

static bool hinted(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void test_a_watched_spool_tells_of_what_comes(void **state)
{
    struct fixture *f = *state;
    struct err err;
    char path[300];
    put(f, "0a-1");
    int fd = spool_watch(f->spool);
    if (fd < 0) {
        fprintf(stderr, "SKIPPED: there is no inotify here\n");
        skip();
    }
    assert_false(hinted(fd)); /* what was there before is for the claim */
    struct spool_job *job = claim(f);
    assert_false(hinted(fd));
    put(f, "0a-2");
    assert_true(hinted(fd));
    assert_int_equal(spool_watch(f->spool), fd);
    assert_false(hinted(fd));
    assert_ok(spool_release(f->spool, &job, 0, &err)); /* comes back */
    assert_true(hinted(fd));
    /* a spool that was made anew is the one that is watched */
    assert_ok(fsx_remove_tree(support_path(f->root, "spool"), &err));
    struct spool *other = NULL;
    assert_ok(spool_open(&other, f->root, "convert", &err));
    assert_int_equal(spool_watch(f->spool), fd);
    assert_false(hinted(fd));
    assert_ok(spool_put(other, "0a-3", "{}", 2, &err));
    assert_true(hinted(fd));
    spool_close(&other);
    snprintf(path, sizeof path, "%s/spool/convert/new", f->root);
    assert_ok(fsx_remove_tree(path, &err));
    assert_int_equal(spool_watch(f->spool), -1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_classes_come_before_age),
        T(test_an_urgent_job_that_comes_later_is_next),
        T(test_the_flood_of_one_camera_leaves_turns_for_others),
        T(test_turns_hold_over_many_looks),
        T(test_each_job_is_asked_about_once),
        T(test_a_job_that_waits_for_another_attempt_keeps_no_other),
        T(test_a_job_that_is_due_is_claimed_and_counted),
        T(test_what_the_last_attempt_said_outlives_it),
    };
    const struct CMUnitTest of_directories[] = {
        T(test_due_times_that_cannot_be_are_none),
        T(test_a_watched_spool_tells_of_what_comes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!engines_wanted())
        failed += cmocka_run_group_tests(of_directories, NULL, NULL);
    return failed;
}
