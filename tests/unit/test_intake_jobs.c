/* The names of jobs. */
#include "dashspool/intake.h"
#include "support/support.h"
#include <string.h>

#define ID "352093081452251-front-video-20241129T072345Z"

static void test_a_job_bears_its_transfers_id(void **state)
{
    (void)state;
    struct intake_text text;
    char id[CATALOGUE_ID_ROOM];
    struct spool_item job = intake_job(ID, &text);
    assert_string_equal(job.job, ID);
    assert_string_equal(job.json, "{\"version\": 1, \"id\": \"" ID "\"}\n");
    assert_int_equal(job.n, strlen(job.json));
    assert_false(spool_transfer_of(job.job, id, sizeof id));
    assert_string_equal(id, ID);
}

static void test_that_of_a_partial_one_has_another_name_and_the_same_id(void **state)
{
    (void)state;
    struct intake_text text;
    char id[CATALOGUE_ID_ROOM];
    struct spool_item job = intake_job_of_partial(ID, &text);
    assert_string_equal(job.job, ID ".partial");
    assert_string_equal(job.json, "{\"version\": 1, \"id\": \"" ID "\"}\n");
    assert_true(spool_transfer_of(job.job, id, sizeof id));
    assert_string_equal(id, ID);
}

static void test_any_name_is_told_apart(void **state)
{
    (void)state;
    char id[CATALOGUE_ID_ROOM], longest[400];
    assert_false(spool_transfer_of("", id, sizeof id));
    assert_string_equal(id, "");
    assert_false(spool_transfer_of(".partial", id, sizeof id)); /* of nothing */
    assert_string_equal(id, ".partial");
    assert_true(spool_transfer_of("a.partial.partial", id, sizeof id));
    assert_string_equal(id, "a.partial");
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(spool_transfer_of(longest, id, sizeof id));
    assert_int_equal(strlen(id), CATALOGUE_ID_ROOM - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_bears_its_transfers_id),
        cmocka_unit_test(test_that_of_a_partial_one_has_another_name_and_the_same_id),
        cmocka_unit_test(test_any_name_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
