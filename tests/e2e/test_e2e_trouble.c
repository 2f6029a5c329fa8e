/* A job that fails shows in the list of events, until it is retried, and when it was given up. */
#include "dashspool/review.h"
#include "support/sql.h"
#include "support/world.h"
#include <stdio.h>
#include <string.h>

#define PHOTO TEST_SAMPLES "/photo-720p.jpg"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static int keep_event(void *arg, const struct review_event *e, struct err *err)
{
    (void)err;
    *(struct review_event *)arg = *e;
    return ERR_OK;
}

static struct review_event event(void)
{
    struct err err;
    struct catalogue *c = NULL;
    struct review_event e = {.id = ""};
    assert_ok(catalogue_open(&c, w.root, false, &err));
    assert_ok(review_each(c, &(struct review_filter){0}, 0, 1, keep_event, &e, &err));
    catalogue_close(&c);
    return e;
}

static int64_t troubles(void)
{
    return sql_run(support_path(w.root, "catalogue.db"), "SELECT count(*) FROM trouble");
}

static void test_a_job_that_fails_shows_until_somebody_decides(void **state)
{
    (void)state;
    char path[600];
    world_open(&w, DASHSPOOL_BINARY, "");
    snprintf(path, sizeof path, "%s/cut.jpg", w.dir);
    struct buf photo = support_read(PHOTO);
    support_write(path, buf_data(&photo), 3000); /* no picture can be had of it */
    buf_clear(&photo);
    expect(RUN("import", "--force", "--imei", "352093081452251", path), 0, "");
    assert_int_equal(event().condition, REVIEW_WAITING);
    expect(RUN("work", "--once"), 1, "1 failed");
    assert_int_equal(event().condition, REVIEW_FAILED);
    assert_int_equal(troubles(), 1);
    expect(RUN("retry", "--all"), 0, "requeued");
    assert_int_equal(event().condition, REVIEW_WAITING);
    expect(RUN("work", "--once"), 1, "1 failed");
    /* one of an earlier version, of which nobody noted it; and a catalogue made anew */
    sql_change(support_path(w.root, "catalogue.db"), "DELETE FROM trouble");
    expect(RUN("fsck", "--repair"), 0, "no problems");
    assert_int_equal(troubles(), 1);
    expect(RUN("reindex"), 0, "");
    assert_int_equal(troubles(), 1);
    assert_int_equal(event().condition, REVIEW_FAILED);
    expect(RUN("drop", "--all"), 0, "dropped");
    assert_int_equal(troubles(), 0);
    assert_int_equal(event().condition, REVIEW_FAILED); /* there is no picture of it */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_that_fails_shows_until_somebody_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
