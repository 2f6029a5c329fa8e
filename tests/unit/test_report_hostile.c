/* The report, from facts that somebody made up to do harm, or that are nonsense. */
#include "support/report_facts.h"
#include "support/report_page.h"
#include "support/support.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_hostile_text_stays_text(void **state)
{
    (void)state;
    char *page = report_page(
        report_facts_hostile("\"'><script>alert(1)</script><img src=x onerror=\"a\">&amp;"));
    report_fetches_nothing(page);
    report_well_formed(page);
    report_says(page, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror="
                      "&quot;a&quot;&gt;&amp;amp;");
    assert_in_range(report_times(page, "&lt;script&gt;"), 30, 1000);
    free(page);
}

/* The page is UTF-8 without control characters, whatever comes in. */
static void assert_clean_utf8(const char *page)
{
    for (const uint8_t *p = (const uint8_t *)page; *p;) {
        size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        assert_true(*p < 0x80 || *p >= 0xc2);
        assert_true(*p >= 0x20 || *p == '\n');
        assert_int_not_equal(*p, 0x7f);
        for (size_t i = 1; i < n; i++)
            assert_int_equal(p[i] & 0xc0, 0x80);
        p += n;
    }
}

static void test_bytes_that_are_no_text_are_replaced(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } sample[] = {
        {"a\x80"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"cut \xc4", "cut \xef\xbf\xbd"},                   /* the end of the string */
        {"\xc0\xaf over", "\xef\xbf\xbd\xef\xbf\xbd over"}, /* too long for a slash */
        {"\xed\xa0\x80 half", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd half"}, /* a surrogate */
        {"\xf4\x90\x80\x80!", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd!"},
        {"bell\a \x1b[31m del\x7f", "bell\xef\xbf\xbd \xef\xbf\xbd[31m del\xef\xbf\xbd"},
        {"\xc2\x85 next line", "\xef\xbf\xbd next line"}, /* C1 control */
        {"gpj.\xe2\x80\xae"
         "exe",
         "gpj.\xef\xbf\xbd"
         "exe"}, /* turns the direction */
        {"two\nlines\ttab", "two lines tab"},
        {"\xc5\xa0iauliai \xf0\x9f\x9a\x97", "\xc5\xa0iauliai \xf0\x9f\x9a\x97"},
    };
    for (size_t i = 0; i < sizeof sample / sizeof *sample; i++) {
        struct report *r = report_facts_hostile(sample[i].in);
        char *page = report_page(r);
        char title[100];
        snprintf(title, sizeof title, "<title>%s</title>", sample[i].out);
        report_says(page, title);
        assert_clean_utf8(page);
        free(page);
    }
}

static void test_amounts_beyond_all_measure_do_no_harm(void **state)
{
    (void)state;
    static const int64_t amount[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MAX - 1, INT64_MAX};
    static struct report_stretch stretch[2];
    for (size_t i = 0; i < sizeof amount / sizeof *amount; i++) {
        struct report *r = report_facts(NULL);
        struct report_clip *c = report_facts_clips();
        int64_t n = amount[i], other = amount[4 - i];
        stretch[0] = (struct report_stretch){REPORT_MISSING, n, other, n, ""};
        stretch[1] = (struct report_stretch){REPORT_SILENCE, other, n, other, ""};
        c->stretch = stretch;
        c->n_stretches = 2;
        c->start.utc_us = c->start.error_us = c->trigger_offset_us = c->duration_us = n;
        c->start.tz_min = n < 0 ? INT_MIN : INT_MAX;
        c->pictures = c->fps_milli = c->length_bytes = n;
        c->width_px = c->height_px = n < 0 ? INT_MIN : INT_MAX;
        c->arrival.began_us = n;
        c->arrival.ended_us = other;
        c->arrival.bytes = c->arrival.packets = c->arrival.missing_bytes = n;
        c->arrival.partial = true;
        r->made = c->start;
        r->signature =
            (struct report_signature){.is_signed = true, .has_stamp = true, .stamp_us = n};
        char *page = report_page(r);
        report_well_formed(page);
        free(page);
    }
}

static void test_a_place_that_is_none_is_not_drawn(void **state)
{
    (void)state;
    static const double bad[][2] = {{91, 0}, {0, 181}, {NAN, 0}, {0, INFINITY}, {-90.001, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct report *r = report_facts(NULL);
        report_facts_clips()->lat_deg = bad[i][0];
        report_facts_clips()->lon_deg = bad[i][1];
        report_facts_clips()->journey.known = false; /* it has a map of its own */
        r->n_clips = 1;
        char *page = report_page(r);
        report_says(page, "position not known");
        report_says_not(page, "class=\"map");
        free(page);
    }
}

static void test_what_is_no_jpeg_is_not_shown(void **state)
{
    (void)state;
    static const uint8_t svg[] = "<svg onload=alert(1)>";
    struct report *r = report_facts(NULL);
    report_facts_clips()->picture.jpeg = svg;
    report_facts_clips()->picture.n_bytes = sizeof svg;
    r->n_clips = 1;
    char *page = report_page(r);
    report_says(page, "No image available.");
    report_says_not(page, "<img");
    free(page);
}

static void test_a_disk_that_is_full_is_an_error(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    char *whole = report_page(r);
    size_t length = strlen(whole), room[] = {0, 100, length / 2, length - 1};
    free(whole);
    for (size_t i = 0; i < 4; i++) {
        struct buf out;
        struct err err;
        assert_err(ERR_IO, report_form_bytes(report_html, r, room[i], &out, &err));
        buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_text_stays_text),
        cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(test_amounts_beyond_all_measure_do_no_harm),
        cmocka_unit_test(test_a_place_that_is_none_is_not_drawn),
        cmocka_unit_test(test_what_is_no_jpeg_is_not_shown),
        cmocka_unit_test(test_a_disk_that_is_full_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
