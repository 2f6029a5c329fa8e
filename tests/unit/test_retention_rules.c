/* The rules of retention: what is one, what fits, which counts. */
#include "service/retention/rules.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

static void test_a_rule_has_selectors_and_limits(void **state)
{
    (void)state;
    struct err err;
    struct rules r;
    assert_ok(rules_parse("video front 352093081452251 90d 2TB 50GB/camera", RULES_FOR_MASTERS, &r,
                          &err));
    assert_int_equal(r.n, 1);
    assert_string_equal(r.rule[0].kind, "video");
    assert_string_equal(r.rule[0].camera, "front");
    assert_string_equal(r.rule[0].imei, "352093081452251");
    assert_int_equal(r.rule[0].age_us, 90 * DAY_US);
    assert_int_equal(r.rule[0].bytes, INT64_C(2000000000000));
    assert_int_equal(r.rule[0].camera_bytes, INT64_C(50000000000));
    assert_string_equal(r.rule[0].text, "video front 352093081452251 90d 2TB 50GB/camera");
    assert_ok(rules_parse("12h, 8w, 2y, 1MB", RULES_FOR_MASTERS, &r, &err));
    assert_int_equal(r.n, 4);
    assert_int_equal(r.rule[0].age_us, DAY_US / 2);
    assert_int_equal(r.rule[1].age_us, 56 * DAY_US);
    assert_int_equal(r.rule[2].age_us, 730 * DAY_US);
    assert_int_equal(r.rule[3].bytes, 1000000);
    assert_ok(rules_parse("", RULES_FOR_MASTERS, &r, &err));
    assert_int_equal(r.n, 0);
}

static void test_the_first_rule_that_fits_counts(void **state)
{
    (void)state;
    struct err err;
    struct rules r;
    assert_ok(rules_parse("352093081452251 forever, photo 1y, driver 30d, video 90d",
                          RULES_FOR_MASTERS, &r, &err));
    assert_int_equal(rules_find(&r, "photo", "front", "352093081452251", ""), 0);
    assert_int_equal(rules_find(&r, "photo", "driver", "350000000000001", ""), 1);
    assert_int_equal(rules_find(&r, "video", "driver", "350000000000001", ""), 2);
    assert_int_equal(rules_find(&r, "video", "rear", "350000000000001", ""), 3);
    assert_ok(rules_parse("viewing 30d, front 1y", RULES_FOR_COPIES, &r, &err));
    assert_int_equal(rules_find(&r, "video", "front", "350000000000001", "viewing"), 0);
    assert_int_equal(rules_find(&r, "video", "front", "350000000000001", "working"), 1);
    assert_int_equal(rules_find(&r, "video", "rear", "350000000000001", "working"), -1);
}

static void test_what_is_no_rule_is_told(void **state)
{
    (void)state;
    static const char *const bad[] = {"video",
                                      "90",
                                      "d",
                                      "-1d",
                                      "0d",
                                      "90d 30d",
                                      "1e9d",
                                      "90d,,30d",
                                      "video photo 1d",
                                      "forever 1d",
                                      "100001d",
                                      "1GB/front",
                                      "viewing 90d",
                                      "1.5GB",
                                      "99999999999999999999d",
                                      "12345678901234567 1d",
                                      "90d; rm -rf /"};
    struct err err;
    struct rules r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (rules_parse(bad[i], RULES_FOR_MASTERS, &r, &err) != ERR_CONFIG)
            fail_msg("'%s' is taken for a rule", bad[i]);
    assert_err(ERR_CONFIG, rules_parse("1GB", RULES_FOR_JOBS, &r, &err));
    char many[400] = "1d";
    for (int i = 0; i < RULES_MAX; i++)
        strcat(many, ", 1d");
    assert_err(ERR_CONFIG, rules_parse(many, RULES_FOR_MASTERS, &r, &err));
}

static void add(struct candidates *list, const char *imei, const char *camera, int64_t at_us,
                int64_t bytes)
{
    struct err err;
    struct candidate c = {.key = at_us, .at_us = at_us, .bytes = bytes};
    snprintf(c.imei, sizeof c.imei, "%s", imei);
    snprintf(c.camera, sizeof c.camera, "%s", camera);
    assert_ok(candidates_add(list, &c, &err));
}

/* Names that are alike but for one character, and that would be the same one after the other. */
static void test_a_size_of_each_camera_is_of_that_camera_alone(void **state)
{
    (void)state;
    struct err err;
    struct rules rules;
    struct candidates list = {NULL};
    char why[CANDIDATES_WHY_ROOM];
    assert_ok(rules_parse("10MB/camera", RULES_FOR_MASTERS, &rules, &err));
    add(&list, "352093081452251", "front", 5, 6000000);
    add(&list, "352093081452252", "front", 4, 6000000);
    add(&list, "352093081452251", "rear", 3, 6000000);
    add(&list, "35209308145225", "front", 2, 6000000);
    add(&list, "352093081452251", "front", 1, 6000000);
    assert_ok(candidates_begin(&list, &rules, 100, &err));
    const struct candidate *c = candidates_next(&list, why);
    assert_non_null(c);
    assert_int_equal(c->at_us, 1);
    assert_string_equal(why, "size of the camera's: 10MB/camera");
    candidates_gone(&list, c);
    assert_null(candidates_next(&list, why)); /* 6 MB are left of each */
    candidates_clear(&list);
}

static void test_what_stays_goes_on_counting(void **state)
{
    (void)state;
    struct err err;
    struct rules rules;
    struct candidates list = {NULL};
    char why[CANDIDATES_WHY_ROOM];
    assert_ok(rules_parse("10MB", RULES_FOR_MASTERS, &rules, &err));
    for (int i = 3; i > 0; i--)
        add(&list, "352093081452251", "front", i, 6000000);
    assert_ok(candidates_begin(&list, &rules, 100, &err));
    assert_int_equal(candidates_next(&list, why)->at_us, 1); /* protected, say: it stays */
    const struct candidate *c = candidates_next(&list, why);
    assert_int_equal(c->at_us, 2);
    candidates_gone(&list, c);
    c = candidates_next(&list, why);
    assert_int_equal(c->at_us, 3);
    candidates_gone(&list, c);
    assert_null(candidates_next(&list, why));
    candidates_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_size_of_each_camera_is_of_that_camera_alone),
        cmocka_unit_test(test_what_stays_goes_on_counting),
        cmocka_unit_test(test_a_rule_has_selectors_and_limits),
        cmocka_unit_test(test_the_first_rule_that_fits_counts),
        cmocka_unit_test(test_what_is_no_rule_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
