#include "dashspool/clock.h"
#include "support/support.h"
#include <string.h>

static void text_of(int64_t us, const char *expected)
{
    char text[CLOCK_TEXT_ROOM];
    clock_rfc3339(us, 6, text);
    assert_string_equal(text, expected);
}

static void test_rfc3339_is_utc_whatever_the_computer_thinks(void **state)
{
    (void)state;
    text_of(0, "1970-01-01T00:00:00.000000Z");
    text_of(INT64_C(1732865025250000), "2024-11-29T07:23:45.250000Z");
    text_of(-1, "1969-12-31T23:59:59.999999Z");
    text_of(INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z");
    text_of(INT64_C(4107542400000000), "2100-03-01T00:00:00.000000Z");
}

static void test_parse_reads_what_format_wrote(void **state)
{
    (void)state;
    struct err err;
    for (int64_t us = -5000000000000000; us < 9000000000000000; us += 86399123457 * 97) {
        char text[CLOCK_TEXT_ROOM];
        int64_t back;
        clock_rfc3339(us, 6, text);
        assert_ok(clock_parse(text, 0, &back, NULL, &err));
        assert_int_equal(back, us);
    }
}

static void test_parse_honours_zones_and_the_default_zone(void **state)
{
    (void)state;
    struct err err;
    int64_t us;
    int tz;
    assert_ok(clock_parse("2024-11-29T09:23:45.25+02:00", 0, &us, &tz, &err));
    assert_int_equal(us, INT64_C(1732865025250000));
    assert_int_equal(tz, 120);
    assert_ok(clock_parse("2024-11-29 12:53:45.25", 330, &us, &tz, &err));
    assert_int_equal(us, INT64_C(1732865025250000));
    assert_int_equal(tz, 330);
}

static void test_parse_refuses_what_is_no_date(void **state)
{
    (void)state;
    struct err err;
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-13-01T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "2024-11-29T24:00:00Z",
                                      "2024-11-29T07:60:00Z",
                                      "2024-11-29T07:23:45.Z",
                                      "2024-11-29T07:23:45Zx",
                                      "2024-11-29T07:23:45+99:00",
                                      "20241129T072345Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t us;
        assert_err(ERR_MALFORMED, clock_parse(bad[i], 0, &us, NULL, &err));
    }
}

static void test_a_day_as_a_bound_lies_within_it(void **state)
{
    (void)state;
    struct err err;
    int64_t since, until, hour, day = 86400 * INT64_C(1000000);
    assert_ok(clock_parse_bound("2024-11-29", false, &since, &err));
    assert_ok(clock_parse_bound("2024-11-29", true, &until, &err));
    assert_int_equal(until - since, day);
    assert_int_equal(since, INT64_C(1732838400000000));
    assert_ok(clock_parse_bound("2024-11-29T01:00:00Z", true, &hour, &err));
    assert_int_equal(hour - since, day / 24);
    assert_err(ERR_MALFORMED, clock_parse_bound("2024-11-31", true, &until, &err));
    assert_err(ERR_MALFORMED, clock_parse_bound("29.11.2024", true, &until, &err));
    assert_err(ERR_MALFORMED, clock_parse_bound("", false, &until, &err));
}

static void test_zones_read_and_print(void **state)
{
    (void)state;
    struct err err;
    static const struct {
        const char *text;
        int min;
    } zones[] = {{"Z", 0}, {"+02:00", 120}, {"-0330", -210}, {"+14", 840}, {"-12:00", -720}};
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        int min;
        assert_ok(clock_parse_zone(zones[i].text, &min, &err));
        assert_int_equal(min, zones[i].min);
    }
    char text[CLOCK_TEXT_ROOM];
    clock_zone(-210, text);
    assert_string_equal(text, "-03:30");
    int min;
    assert_err(ERR_MALFORMED, clock_parse_zone("02:00", &min, &err));
    assert_err(ERR_MALFORMED, clock_parse_zone("+2", &min, &err));
}

static void test_compact_is_a_safe_name(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_ROOM];
    clock_compact(INT64_C(1732865025999999), text);
    assert_string_equal(text, "20241129T072345Z");
}

static void test_a_day_forgets_what_is_older(void **state)
{
    struct clock_day d = {0};
    const int64_t hour_us = INT64_C(3600000000), t = 490000 * hour_us;
    (void)state;
    assert_int_equal(clock_day_sum(&d, t), 0);
    clock_day_add(&d, t);
    clock_day_add(&d, t + hour_us / 2);
    clock_day_add(&d, t + 5 * hour_us);
    clock_day_add(&d, t); /* the clock went back */
    assert_int_equal(clock_day_sum(&d, t + 5 * hour_us), 4);
    assert_int_equal(clock_day_sum(&d, t + 23 * hour_us), 4);
    assert_int_equal(clock_day_sum(&d, t + 24 * hour_us), 2);
    assert_int_equal(clock_day_sum(&d, t + 29 * hour_us), 0);
    clock_day_add(&d, t + 1000 * hour_us);
    assert_int_equal(clock_day_sum(&d, t + 1000 * hour_us), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339_is_utc_whatever_the_computer_thinks),
        cmocka_unit_test(test_parse_reads_what_format_wrote),
        cmocka_unit_test(test_parse_honours_zones_and_the_default_zone),
        cmocka_unit_test(test_parse_refuses_what_is_no_date),
        cmocka_unit_test(test_a_day_as_a_bound_lies_within_it),
        cmocka_unit_test(test_zones_read_and_print),
        cmocka_unit_test(test_compact_is_a_safe_name),
        cmocka_unit_test(test_a_day_forgets_what_is_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
