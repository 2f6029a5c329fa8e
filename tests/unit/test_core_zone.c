/* Time zones by name: those of the system, and what a file of theirs may not do. */
#include "dashspool/clock.h"
#include "support/support.h"
#include <stdlib.h>
#include <string.h>

static int64_t us(const char *text)
{
    int64_t at;
    struct err err;
    assert_ok(clock_parse(text, 0, &at, NULL, &err));
    return at;
}

static struct clock_tz *zone(const char *name)
{
    struct clock_tz *tz;
    struct err err;
    assert_ok(clock_tz_open(&tz, name, &err));
    return tz;
}

static void test_offsets_of_real_zones(void **state)
{
    static const struct {
        const char *zone, *utc;
        int tz_min;
    } rows[] = {
        {"Europe/Berlin", "2024-11-29T07:23:45Z", 60},
        {"Europe/Berlin", "2024-07-01T12:00:00Z", 120},
        {"Europe/Berlin", "2024-03-31T00:59:59Z", 60},
        {"Europe/Berlin", "2024-03-31T01:00:00Z", 120},
        {"Europe/Berlin", "2024-10-27T00:59:59Z", 120},
        {"Europe/Berlin", "2024-10-27T01:00:00Z", 60},
        {"Europe/Berlin", "1850-01-01T00:00:00Z", 53},  /* local mean time: 53 min 28 s */
        {"Europe/Berlin", "2099-07-01T12:00:00Z", 120}, /* by the rule */
        {"Europe/Berlin", "2099-12-01T12:00:00Z", 60},
        {"America/New_York", "2024-12-01T00:00:00Z", -300},
        {"America/New_York", "2060-07-01T00:00:00Z", -240},
        {"America/St_Johns", "2024-12-01T00:00:00Z", -210},
        {"Asia/Kolkata", "2024-12-01T00:00:00Z", 330},
        {"Asia/Kolkata", "2080-12-01T00:00:00Z", 330},
        {"Australia/Sydney", "2024-12-01T00:00:00Z", 660}, /* summer is in December */
        {"Australia/Sydney", "2070-12-01T00:00:00Z", 660},
        {"Australia/Sydney", "2070-07-01T00:00:00Z", 600},
        {"Australia/Lord_Howe", "2070-12-01T00:00:00Z", 660},
        {"Australia/Lord_Howe", "2070-07-01T00:00:00Z", 630},
        {"UTC", "2024-12-01T00:00:00Z", 0},
        {"Etc/GMT-14", "2024-12-01T00:00:00Z", 840},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct clock_tz *tz = zone(rows[i].zone);
        int found = clock_tz_min(tz, us(rows[i].utc));
        if (found != rows[i].tz_min)
            fail_msg("%s at %s: %d instead of %d", rows[i].zone, rows[i].utc, found,
                     rows[i].tz_min);
        clock_tz_free(&tz);
    }
}

static void test_what_a_zone_is_called_then(void **state)
{
    static const struct {
        const char *zone, *utc, *word;
    } rows[] = {
        {"Europe/Berlin", "2024-11-29T07:23:45Z", "CET"},
        {"Europe/Berlin", "2024-07-01T12:00:00Z", "CEST"},
        {"Europe/Berlin", "2099-07-01T12:00:00Z", "CEST"}, /* by the rule */
        {"Europe/Berlin", "2099-12-01T12:00:00Z", "CET"},
        {"Asia/Dubai", "2024-07-01T12:00:00Z", "+04:00"}, /* has no letters: "+04" */
        {"Asia/Dubai", "2099-07-01T12:00:00Z", "+04:00"}, /* "<+04>" */
        {"Asia/Kolkata", "2024-12-01T00:00:00Z", "IST"},
        {"UTC", "2024-12-01T00:00:00Z", "UTC"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct clock_tz *tz = zone(rows[i].zone);
        char word[CLOCK_TEXT_ROOM];
        clock_tz_word(tz, us(rows[i].utc), word);
        if (strcmp(word, rows[i].word) != 0)
            fail_msg("%s at %s: %s instead of %s", rows[i].zone, rows[i].utc, word, rows[i].word);
        clock_tz_free(&tz);
    }
}

static void test_local_times_that_come_twice_or_never(void **state)
{
    static const struct {
        const char *local;
        enum clock_local is;
        int tz_min, other_min;
    } rows[] = {
        {"2024-11-29T09:23:45Z", CLOCK_LOCAL_ONCE, 60, 60},
        {"2024-07-01T09:23:45Z", CLOCK_LOCAL_ONCE, 120, 120},
        {"2024-10-27T01:59:59Z", CLOCK_LOCAL_ONCE, 120, 60},
        {"2024-10-27T02:00:00Z", CLOCK_LOCAL_TWICE, 120, 60},
        {"2024-10-27T02:59:59Z", CLOCK_LOCAL_TWICE, 120, 60},
        {"2024-10-27T03:00:00Z", CLOCK_LOCAL_ONCE, 60, 120},
        {"2024-03-31T01:59:59Z", CLOCK_LOCAL_ONCE, 60, 120},
        {"2024-03-31T02:00:00Z", CLOCK_LOCAL_NEVER, 60, 120},
        {"2024-03-31T02:59:59Z", CLOCK_LOCAL_NEVER, 60, 120},
        {"2024-03-31T03:00:00Z", CLOCK_LOCAL_ONCE, 120, 60},
    };
    (void)state;
    struct clock_tz *tz = zone("Europe/Berlin");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int tz_min, other_min;
        enum clock_local is = clock_tz_local(tz, us(rows[i].local), &tz_min, &other_min);
        if (is != rows[i].is || tz_min != rows[i].tz_min || other_min != rows[i].other_min)
            fail_msg("%s: %d, %d, %d", rows[i].local, (int)is, tz_min, other_min);
    }
    clock_tz_free(&tz);
}

static void test_names_that_lead_out_of_the_database(void **state)
{
    static const char *const bad[] = {"",
                                      "/etc/passwd",
                                      "/usr/share/zoneinfo/Europe/Berlin",
                                      "../../../etc/passwd",
                                      "Europe/../Europe/Berlin",
                                      "Europe/./Berlin",
                                      "Europe//Berlin",
                                      "Europe/",
                                      "Europe",
                                      "Europe/Berln",
                                      "Europe/Berlin\n",
                                      "Europe/Berlin ",
                                      "zone.tab",
                                      "-05:00",
                                      "right/Europe/Berlin",
                                      "Very/Long/Name/Very/Long/Name/Very/Long/Name/Very/Long/"
                                      "Name/Very/Long/Name"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct clock_tz *tz;
        struct err err;
        int rc = clock_tz_open(&tz, bad[i], &err);
        if (rc != ERR_CONFIG || tz)
            fail_msg("'%s' is a zone", bad[i]);
        assert_has(err.text, "expected +02:00, Z, or a time zone");
    }
}

/* ---- bytes ---- */

struct file {
    uint8_t data[512];
    size_t n;
};

static void put(struct file *f, const void *data, size_t n)
{
    memcpy(f->data + f->n, data, n);
    f->n += n;
}

static void put_be(struct file *f, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f->data[f->n++] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static void put_header(struct file *f, unsigned steps, unsigned types, unsigned leap)
{
    static const uint8_t reserved[15];
    put(f, "TZif2", 5);
    put(f, reserved, sizeof reserved);
    put_be(f, 0, 4);
    put_be(f, 0, 4);
    put_be(f, leap, 4);
    put_be(f, steps, 4);
    put_be(f, types, 4);
    put_be(f, 4, 4);
}

/* One step, at 1000 s, from +1 h to `offset`; then the rule. */
static struct file file(const char *rule, int64_t step_s, int32_t offset, uint8_t type)
{
    struct file f = {.n = 0};
    put_header(&f, 0, 1, 0); /* of before 2005: not read */
    put(&f, "\0\0\0\0\0\0XXX", 10);
    put_header(&f, 2, 2, 0);
    put_be(&f, 1000, 8);
    put_be(&f, (uint64_t)step_s, 8);
    put(&f, &type, 1);
    put_be(&f, 0, 1);
    put_be(&f, 3600, 4);
    put_be(&f, 0, 2);
    put_be(&f, (uint32_t)offset, 4);
    put_be(&f, 0, 2);
    put(&f, "XXX", 4);
    put(&f, "\n", 1);
    put(&f, rule, strlen(rule));
    put(&f, "\n", 1);
    return f;
}

static int parse(const struct file *f, size_t n, struct clock_tz **tz)
{
    struct err err;
    uint8_t *exact = malloc(n + 1); /* what is read behind it, the sanitizer sees */
    assert_non_null(exact);
    memcpy(exact, f->data, n);
    int rc = clock_tz_parse(tz, exact, n, &err);
    free(exact);
    return rc;
}

static void test_a_file_is_read(void **state)
{
    struct file f = file("AAA-3", 5000, 7200, 1);
    struct clock_tz *tz;
    (void)state;
    assert_int_equal(parse(&f, f.n, &tz), ERR_OK);
    assert_int_equal(clock_tz_min(tz, 0), 60);
    assert_int_equal(clock_tz_min(tz, INT64_C(1000000000)), 120);
    assert_int_equal(clock_tz_min(tz, INT64_C(5000000000)), 180);
    assert_int_equal(clock_tz_min(tz, INT64_MAX / 2), 180);
    assert_int_equal(clock_tz_min(tz, INT64_MIN / 2), 60);
    clock_tz_free(&tz);
    f = file("", 5000, 7200, 1);
    assert_int_equal(parse(&f, f.n, &tz), ERR_OK);
    assert_int_equal(clock_tz_min(tz, INT64_C(6000000000)), 60); /* the last step's type */
    clock_tz_free(&tz);
    clock_tz_free(&tz);
}

static void test_rules(void **state)
{
    static const struct {
        const char *rule, *utc;
        int tz_min;
    } rows[] = {
        {"<-03>3", "2030-01-01T00:00:00Z", -180},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2030-01-01T00:00:00Z", 660},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-31T00:59:59Z", -120},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2030-03-31T01:00:00Z", -60},
        {"EST5EDT,0/0,J365/25", "2030-12-31T23:59:59Z", -240}, /* for ever */
        {"AAA0BBB,J60/0,J61/0", "2032-02-29T12:00:00Z", 0},
        {"AAA0BBB,J60/0,J61/0", "2032-03-01T12:00:00Z", 60},
        {"AAA0BBB,59/0,60/0", "2032-02-29T12:00:00Z", 60},
    };
    static const char *const bad[] = {"AA-3",
                                      "AAA",
                                      "AAA-3BBB",
                                      "AAA-3x",
                                      "AAA-25",
                                      "<AAA-3",
                                      "AAA0BBB,M13.1.0,M4.1.0",
                                      "AAA0BBB,M3.6.0,M4.1.0",
                                      "AAA0BBB,M3.1.7,M4.1.0",
                                      "AAA0BBB,J0,J5",
                                      "AAA0BBB,366,5",
                                      "AAA0BBB,M3.1.0",
                                      "AAA0BBB,M3.1.0,M4.1.0x",
                                      "AAA0BBB,M3.1.0/168,M4.1.0",
                                      "AAA-3\n"};
    struct clock_tz *tz;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct file f = file(rows[i].rule, 5000, 7200, 1);
        assert_int_equal(parse(&f, f.n, &tz), ERR_OK);
        int found = clock_tz_min(tz, us(rows[i].utc));
        if (found != rows[i].tz_min)
            fail_msg("%s at %s: %d", rows[i].rule, rows[i].utc, found);
        clock_tz_free(&tz);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct file f = file(bad[i], 5000, 7200, 1);
        if (parse(&f, f.n, &tz) != ERR_MALFORMED)
            fail_msg("%s is a rule", bad[i]);
    }
}

static void test_hostile_bytes(void **state)
{
    struct clock_tz *tz;
    (void)state;
    struct file f = file("AAA-3", 1000, 7200, 1); /* not later than the one before */
    assert_int_equal(parse(&f, f.n, &tz), ERR_MALFORMED);
    f = file("AAA-3", 5000, 100 * 3600, 1);
    assert_int_equal(parse(&f, f.n, &tz), ERR_MALFORMED);
    f = file("AAA-3", 5000, 7200, 2); /* a type that there is not */
    assert_int_equal(parse(&f, f.n, &tz), ERR_MALFORMED);
    f = file("AAA-3", 5000, 7200, 1);
    for (size_t n = 0; n < f.n; n++) /* cut off anywhere */
        if (parse(&f, n, &tz) != ERR_MALFORMED)
            fail_msg("%zu bytes are enough", n);
    for (size_t i = 0; i < f.n; i++) { /* any byte another */
        static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, '\n'};
        for (size_t k = 0; k < sizeof values; k++) {
            struct file g = f;
            g.data[i] = values[k];
            if (parse(&g, g.n, &tz) == ERR_OK) {
                int min, other;
                clock_tz_local(tz, us("2024-11-29T09:23:45Z"), &min, &other);
                clock_tz_free(&tz);
            }
        }
    }
}

static void test_what_a_person_tells(void **state)
{
    static const struct {
        const char *time, *zone, *utc; /* "": no time; not an instant: what is wrong */
        int tz_min;
    } rows[] = {
        {"2024-11-29T09:23:45", "Europe/Berlin", "2024-11-29T08:23:45Z", 60},
        {"2024-07-01 09:23", "Europe/Berlin", "2024-07-01T07:23:00Z", 120},
        {"2024-11-29T09:23:45.5", "+02:00", "2024-11-29T07:23:45.5Z", 120},
        {"2024-11-29T09:23:45+02:00", "", "2024-11-29T07:23:45Z", 120},
        {"2024-11-29T07:23:45Z", "Europe/Berlin", "2024-11-29T07:23:45Z", 60},
        {"2024-10-27T02:30:00+01:00", "Europe/Berlin", "2024-10-27T01:30:00Z", 60},
        {"2024-10-27T02:30:00", "+01:00", "2024-10-27T01:30:00Z", 60},
        {"", "Europe/Berlin", "", 0},
        {NULL, NULL, "", 0},
        {"2024-11-29T09:23:45", "", "2024-11-29T09:23:45 is of no time zone: give that, too", 0},
        {"2024-03-31T02:30", "Europe/Berlin",
         "there was no 2024-03-31T02:30:00 in this time zone: the clocks went forward over it", 0},
        {"2024-10-27T02:30:00", "Europe/Berlin",
         "2024-10-27T02:30:00 came twice in this time zone, as the clocks went back: choose +02:00 "
         "for the first, or +01:00 for the second",
         0},
        {"2024-02-30T09:23:45", "Z", "2024-02-30T09:23:45 is no time: write 2024-11-29T09:23:45",
         0},
        {"yesterday", "Z", "yesterday is no time: write 2024-11-29T09:23:45", 0},
        {"2024-11-29T09:23:45", "Europe/Nowhere", "there is no time zone Europe/Nowhere", 0},
        {"", "../../etc/passwd", "there is no time zone ../../etc/passwd", 0},
        {"2014-11-29T09:23:45", "Z",
         "2014-11-29T09:23:45 is before 2015: there were no such "
         "cameras",
         0},
        {"2025-01-01T00:02:00", "Z", "2025-01-01T00:02:00 is still to come", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct clock_told told;
        struct err err = {0}, none;
        int64_t utc_us = 0;
        int rc = clock_told(&told, rows[i].time, rows[i].zone, us("2025-01-01T00:00:00Z"), &err);
        bool is = rows[i].utc[0] && clock_parse(rows[i].utc, 0, &utc_us, NULL, &none) == ERR_OK;
        if (rc < 0)
            assert_string_equal(err.text, rows[i].utc);
        else
            assert_true(is == told.has_time && told.utc_us == utc_us &&
                        told.tz_min == rows[i].tz_min);
        assert_int_equal(rc, is || !rows[i].utc[0] ? ERR_OK : ERR_MALFORMED);
        clock_told_clear(&told);
        clock_told_clear(&told);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_of_real_zones),
        cmocka_unit_test(test_what_a_zone_is_called_then),
        cmocka_unit_test(test_local_times_that_come_twice_or_never),
        cmocka_unit_test(test_what_a_person_tells),
        cmocka_unit_test(test_names_that_lead_out_of_the_database),
        cmocka_unit_test(test_a_file_is_read),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
