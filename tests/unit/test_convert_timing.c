#include "convert/timing.h"
#include "support/support.h"

static struct convert_timing vote(struct timing_facts f)
{
    struct convert_timing t;
    timing_vote(&f, &t);
    return t;
}

static void test_the_best_source_wins(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 300, .default_fps = 25};
    assert_int_equal(vote(f).chosen, CONVERT_SOURCE_DEFAULT);
    f.stream_fps = 30;
    assert_int_equal(vote(f).chosen, CONVERT_SOURCE_STREAM);
    f.length_s = 20;
    assert_int_equal(vote(f).chosen, CONVERT_SOURCE_LENGTH);
    assert_true(vote(f).fps[CONVERT_SOURCE_LENGTH] == 15);
    f.person_fps = 15;
    assert_int_equal(vote(f).chosen, CONVERT_SOURCE_PERSON);
    f.meta_fps = 15;
    assert_int_equal(vote(f).chosen, CONVERT_SOURCE_META);
    f.has_ptmf = true, f.first_us = 5000000, f.last_us = 24933333;
    assert_int_equal(vote(f).chosen, CONVERT_SOURCE_PTMF);
}

static void test_two_percent_is_the_limit_of_agreement(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 10, .meta_fps = 20, .default_fps = 99};
    assert_false(vote(f).disagree); /* the default is no witness */
    f.stream_fps = 20.39;
    assert_false(vote(f).disagree);
    f.stream_fps = 20.41;
    assert_true(vote(f).disagree);
}

static void test_nonsense_says_nothing(void **state)
{
    (void)state;
    struct timing_facts f = {.pictures = 10, .meta_fps = -3, .person_fps = 1e9};
    struct convert_timing t = vote(f);
    assert_int_equal(t.chosen, CONVERT_SOURCE_DEFAULT);
    assert_true(t.fps[CONVERT_SOURCE_DEFAULT] == 25);
    f.has_ptmf = true; /* one picture: no span, no rate */
    assert_true(vote(f).fps[CONVERT_SOURCE_PTMF] == 0);
}

static void test_constant_times_do_not_drift(void **state)
{
    (void)state;
    assert_int_equal(timing_constant_us(0, 25), 0);
    assert_int_equal(timing_constant_us(500, 25), 20000000);
    assert_int_equal(timing_constant_us(1, 30), 33333);
    assert_int_equal(timing_constant_us(90000, 30), INT64_C(3000000000));
}

static void test_impossible_times_are_replaced(void **state)
{
    (void)state;
    int64_t fine[] = {10, 43, 110, 143};
    assert_int_equal(timing_repair(fine, 4, 33), 0);
    int64_t back[] = {0, 40, 30, 120}, back_ok[] = {0, 40, 80, 120};
    assert_int_equal(timing_repair(back, 4, 40), 1);
    assert_memory_equal(back, back_ok, sizeof back);
    int64_t flip[] = {0, 40, INT64_C(1) << 40, 120, 160}, flip_ok[] = {0, 40, 80, 120, 160};
    assert_int_equal(timing_repair(flip, 5, 40), 2);
    assert_memory_equal(flip, flip_ok, sizeof flip);
}

static void test_median_step(void **state)
{
    (void)state;
    struct err err;
    int64_t step, times[] = {0, 67, 100, 167, 200, 10000};
    assert_ok(timing_median_step_us(times, 6, &step, &err));
    assert_int_equal(step, 67);
    assert_ok(timing_median_step_us(times, 1, &step, &err));
    assert_int_equal(step, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_source_wins),
        cmocka_unit_test(test_two_percent_is_the_limit_of_agreement),
        cmocka_unit_test(test_nonsense_says_nothing),
        cmocka_unit_test(test_constant_times_do_not_drift),
        cmocka_unit_test(test_impossible_times_are_replaced),
        cmocka_unit_test(test_median_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
