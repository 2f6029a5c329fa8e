/* What a redacted package is asked for. */
#include "dashspool/export.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static void test_a_mask_can_be_of_a_camera_or_of_a_transfer(void **state)
{
    (void)state;
    static const struct {
        const char *text, *of;
        int64_t from_us;
    } good[] = {
        {"1,2,3,4", "", 0},
        {"front:1,2,3,4", "front", 0},
        {"rear:1,2,3,4,0:05,0:06", "rear", 5000000},
        {"1,2,3,4,1:00,1:01", "", 60000000},
        {"352093081452251-front-video-20241129T072345Z-2:1,2,3,4",
         "352093081452251-front-video-20241129T072345Z-2", 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct export_mask m;
        struct err err;
        assert_ok(export_mask_parse(good[i].text, &m, &err));
        assert_string_equal(m.of, good[i].of);
        assert_int_equal(m.mask.x, 1);
        assert_int_equal(m.mask.h, 4);
        assert_int_equal(m.mask.from_us, good[i].from_us);
    }
}

static void test_what_is_no_mask_is_refused(void **state)
{
    (void)state;
    char longest[400] = "";
    memset(longest, 'a', 200);
    snprintf(longest + 200, sizeof longest - 200, ":1,2,3,4");
    const char *const bad[] = {
        "",
        ":1,2,3,4",
        "front:",
        "front:1,2,3",
        "a b:1,2,3,4",
        longest,
        "front:rear:1,2,3,4",
        "front",
        "../x:1,2,3,4",
        "front\n:1,2,3,4",
        "front;1,2,3,4",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct export_mask m = {.of = "kept"};
        struct err err = {0};
        if (export_mask_parse(bad[i], &m, &err) != ERR_CONFIG || strcmp(m.of, "kept") != 0)
            fail_msg("'%s' is taken as a mask", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mask_can_be_of_a_camera_or_of_a_transfer),
        cmocka_unit_test(test_what_is_no_mask_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
