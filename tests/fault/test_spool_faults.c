/* The spool when memory, disk or the process fails at each single call. */
#include "dashspool/fsx.h"
#include "dashspool/spool.h"
#include "support/inject.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON "{\"version\": 1, \"for\": \"whoever claims it\"}\n"

/* What is told when a step has succeeded: A, B put; a done, r given back, f failed. */
static void tell(char *acks, char what)
{
    size_t n = strlen(acks);
    acks[n] = what;
    acks[n + 1] = '\0';
    inject_ack(what);
}

#define ACKS_ROOM 32

static int put(struct spool *spool, const char *job, char what, char *acks, struct err *err)
{
    int rc = spool_put(spool, job, JSON, sizeof JSON - 1, err);
    if (rc == ERR_OK)
        tell(acks, what);
    return rc;
}

/* What a claimed job must be like, whatever failed before. */
static int look(const struct spool_job *job, const char *acks, struct err *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s/half.mp4", spool_job_dir(job));
    if (strcmp(spool_job_json(job), JSON) != 0)
        return err_set(err, ERR_MALFORMED, "job %s: another text", spool_job_name(job));
    if (support_exists(path))
        return err_set(err, ERR_MALFORMED, "%s is left of an earlier attempt", path);
    if (spool_job_name(job)[0] == 'b' && strchr(acks, 'r') && spool_job_attempt(job) < 2)
        return err_set(err, ERR_MALFORMED, "an attempt at job b is forgotten");
    return ERR_OK;
}

/* Leaves a file, as a conversion that was given up does. */
static int half_work(struct spool_job *job, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/half.mp4", spool_job_dir(job));
    if (rc == ERR_OK)
        rc = fsx_write_file(path, "half", 4, err);
    free(path);
    return rc;
}

/* The first attempt at b is given back, the second fails for good; everything else is done. */
static int do_one(struct spool *spool, struct spool_job **job, char *acks, struct err *err)
{
    bool b = strcmp(spool_job_name(*job), "b") == 0;
    int attempt = spool_job_attempt(*job);
    int rc = look(*job, acks, err);
    if (rc == ERR_OK)
        rc = half_work(*job, err);
    if (rc < 0) {
        spool_job_free(job);
    } else if (!b) {
        if ((rc = spool_finish(spool, job, err)) == ERR_OK)
            tell(acks, 'a');
    } else if (attempt == 1) {
        if ((rc = spool_release(spool, job, 1, err)) == ERR_OK)
            tell(acks, 'r');
    } else if ((rc = spool_fail(spool, job, "no pictures", err)) == ERR_OK) {
        tell(acks, 'f');
    }
    return rc;
}

static void order(void *arg, const char *job, struct spool_order *out)
{
    (void)arg;
    out->class = job[0] == 'a';
    out->flow[0] = job[0];
}

static int work(struct spool *spool, char *acks, struct err *err)
{
    struct spool_job *job = NULL;
    int rc;
    if ((!strchr(acks, 'A') && (rc = put(spool, "a", 'A', acks, err)) < 0) ||
        (!strchr(acks, 'B') && (rc = put(spool, "b", 'B', acks, err)) < 0) ||
        (rc = spool_sweep(spool, NULL, err)) < 0)
        return rc;
    spool_set_order(spool, order, NULL);
    do { /* b may be due in a millisecond */
        while ((rc = spool_claim(spool, &job, err)) == ERR_OK && job)
            if ((rc = do_one(spool, &job, acks, err)) < 0)
                return rc;
    } while (rc == ERR_OK && spool_due_us(spool) != 0);
    return rc;
}

static char *at(const char *root, const char *state, const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/spool/convert/%s/%s", root, state, file);
    return path;
}

static int is_in(const char *root, const char *state, const char *job)
{
    return support_exists(at(root, state, job));
}

/* Wherever a job is, its text is whole; and it is in one place at the most. */
static int places_of(const char *root, const char *job)
{
    static const char *const states[] = {"new", "cur", "failed"};
    int places = 0;
    char file[32];
    snprintf(file, sizeof file, "%s/job.json", job);
    for (size_t i = 0; i < 3; i++) {
        if (!is_in(root, states[i], job))
            continue;
        places++;
        struct buf json = support_read(at(root, states[i], file));
        assert_int_equal(json.used, sizeof JSON - 1);
        assert_memory_equal(buf_data(&json), JSON, sizeof JSON - 1);
        buf_clear(&json);
    }
    assert_in_range(places, 0, 1);
    return places;
}

/* What was told, and what nobody told, at any moment. */
static void nothing_is_lost(const char *root, const char *acks)
{
    int a = places_of(root, "a"), b = places_of(root, "b");
    if (strchr(acks, 'a'))
        assert_int_equal(a, 0);
    /* without an answer its end may have come through */
    if (strchr(acks, 'B'))
        assert_int_equal(b, 1);
    if (strchr(acks, 'f'))
        assert_true(is_in(root, "failed", "b"));
}

static void is_right(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    struct spool_count count;
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(spool_sweep(spool, NULL, &err));
    assert_ok(spool_claim(spool, &job, &err));
    assert_null(job);
    assert_ok(spool_count(spool, &count, &err));
    assert_int_equal(count.ready + count.claimed, 0);
    assert_int_equal(count.failed, 1);
    spool_close(&spool);
    assert_int_equal(places_of(root, "a"), 0);
    assert_true(is_in(root, "failed", "b/half.mp4"));
    struct buf reason = support_read(at(root, "failed", "b/reason.txt"));
    assert_int_equal(reason.used, 12);
    buf_clear(&reason);
}

static void on_aside(void *arg, const char *job, const char *why)
{
    int *n = arg;
    assert_non_null(job);
    assert_true(why[0]);
    ++*n;
}

static bool round_of_failure(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[ACKS_ROOM] = "";
    struct inject_left before = inject_left();
    struct err err = {0};
    struct spool *spool = NULL;
    int passed_over = 0;
    inject_arm(kind, how, n);
    int rc = spool_open(&spool, root, "convert", &err);
    if (rc == ERR_OK)
        spool_on_aside(spool, on_aside, &passed_over);
    if (rc == ERR_OK)
        rc = work(spool, acks, &err);
    inject_check_told(rc, &err);
    bool more = inject_disarm();
    nothing_is_lost(root, acks);
    if (passed_over > 0) /* for a minute, or the next worker */
        spool_close(&spool);
    if (!spool)
        assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(work(spool, acks, &err));
    spool_close(&spool);
    is_right(root);
    inject_check_left(before);
    support_tmp_remove(&root);
    return more;
}

static int work_in_child(const char *root)
{
    struct err err;
    struct spool *spool = NULL;
    char acks[ACKS_ROOM] = "";
    int rc = spool_open(&spool, root, "convert", &err);
    if (rc == ERR_OK)
        rc = work(spool, acks, &err);
    spool_close(&spool);
    return rc;
}

static bool round_of_killing(enum inject_kind kind, enum inject_how how, long n)
{
    char *root = support_tmp_dir(), acks[ACKS_ROOM];
    struct err err;
    struct spool *spool = NULL;
    (void)kind;
    (void)how;
    bool more = inject_killed(work_in_child, root, n, acks, sizeof acks);
    nothing_is_lost(root, acks);
    assert_ok(spool_open(&spool, root, "convert", &err));
    assert_ok(work(spool, acks, &err));
    spool_close(&spool);
    is_right(root);
    support_tmp_remove(&root);
    return more;
}

static void test_memory_that_fails_loses_no_job(void **state)
{
    (void)state;
    inject_each(INJECT_MEMORY, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_MEMORY, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_disk_that_fails_loses_no_job(void **state)
{
    (void)state;
    inject_each(INJECT_FILES, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_FILES, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_full_disk_loses_no_job(void **state)
{
    (void)state;
    inject_each(INJECT_SPACE, INJECT_ONCE, 1, round_of_failure);
    inject_each(INJECT_SPACE, INJECT_FOR_EVER, 1, round_of_failure);
}

static void test_a_kill_between_any_two_changes_loses_no_job(void **state)
{
    (void)state;
    inject_each(INJECT_CHANGES, INJECT_KILL, 1, round_of_killing);
}

#define T(test) cmocka_unit_test_teardown(test, inject_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_memory_that_fails_loses_no_job),
        T(test_a_disk_that_fails_loses_no_job),
        T(test_a_full_disk_loses_no_job),
        T(test_a_kill_between_any_two_changes_loses_no_job),
    };
    inject_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
