/*
 * The report: what it says, that it is whole in itself, and that nothing in it is dangerous.
 *
 *     test_report_html --renew          writes tests/golden/report.html anew
 *     test_report_html --example FILE   writes the same page with real pictures, to look at
 */
#include "support/report_facts.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN TEST_SOURCE_DIR "/golden/report.html"
#define MAX    (16U << 20)

/* The page as a string; free() it. */
static char *page_of(const struct report *r)
{
    struct buf out;
    struct err err;
    buf_init(&out, MAX);
    assert_ok(report_html(&out, r, &err));
    assert_null(memchr(buf_data(&out), 0, out.used));
    char *text = malloc(out.used + 1);
    assert_non_null(text);
    memcpy(text, buf_data(&out), out.used);
    text[out.used] = 0;
    buf_clear(&out);
    return text;
}

static void assert_says(const char *page, const char *words)
{
    if (!strstr(page, words))
        fail_msg("the page does not say: %s", words);
}

static void assert_not_says(const char *page, const char *words)
{
    if (strstr(page, words))
        fail_msg("the page says: %s", words);
}

static size_t times_in(const char *page, const char *words)
{
    size_t n = 0;
    for (const char *p = page; (p = strstr(p, words)) != NULL; p += strlen(words))
        n++;
    return n;
}

/* Ends of the lines at a and b, without their newline. */
static size_t line_at(const char *text)
{
    return strcspn(text, "\n");
}

static void show_first_differences(const char *made, const char *golden)
{
    int line = 1, shown = 0;
    while (shown < 3 && (*made || *golden)) {
        size_t n = line_at(made), m = line_at(golden);
        if (n != m || memcmp(made, golden, n) != 0) {
            fprintf(stderr, "line %d\n  golden: %.*s\n  made:   %.*s\n", line,
                    (int)(m < 300 ? m : 300), golden, (int)(n < 300 ? n : 300), made);
            shown++;
        }
        made += n + (made[n] == '\n');
        golden += m + (golden[m] == '\n');
        line++;
    }
}

static void test_the_page_is_as_agreed(void **state)
{
    (void)state;
    char *made = page_of(report_facts(NULL));
    struct buf file = support_read(GOLDEN);
    struct err err;
    assert_ok(buf_append(&file, "", 1, &err));
    const char *golden = (const char *)buf_data(&file);
    bool same = strcmp(made, golden) == 0;
    if (!same)
        show_first_differences(made, golden);
    free(made);
    buf_clear(&file);
    if (!same)
        fail_msg("the page is not as in %s; if it is better: test_report_html --renew", GOLDEN);
}

static void test_the_same_facts_give_the_same_bytes(void **state)
{
    (void)state;
    char *a = page_of(report_facts(NULL)), *b = page_of(report_facts(NULL));
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void judge_attribute(const char *p)
{
    static const char *const fetching[] = {
        " src=",        " href=",   " srcset=", " poster=",    " data=",
        " xlink:href=", " action=", " style=",  " background="};
    for (size_t i = 0; i < sizeof fetching / sizeof *fetching; i++) {
        size_t n = strlen(fetching[i]);
        if (strncmp(p, fetching[i], n) == 0 && strncmp(p + n, "\"#", 2) != 0 &&
            strncmp(p + n, "\"data:image/jpeg;base64,", 24) != 0)
            fail_msg("the page refers to %.60s", p);
    }
    if (strncmp(p, " on", 3) == 0)
        fail_msg("the page acts on %.60s", p);
}

/* What a browser would fetch or run. */
static void assert_fetches_nothing(const char *page)
{
    bool in_tag = false, quoted = false;
    for (const char *p = page; *p; p++) {
        in_tag = (in_tag || *p == '<') && (quoted || *p != '>');
        quoted = in_tag && (quoted ^ (*p == '"'));
        if (in_tag && !quoted)
            judge_attribute(p);
    }
    for (const char *p = page; (p = strstr(p, "url(")) != NULL; p += 4)
        assert_int_equal(p[4], '#');
    static const char *const never[] = {"<script", "<link", "<iframe", "<object",
                                        "<embed",  "<base", "@import", "<foreignObject"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_not_says(page, never[i]);
}

static void test_nothing_is_fetched_and_nothing_runs(void **state)
{
    (void)state;
    char *page = page_of(report_facts(NULL));
    assert_fetches_nothing(page);
    assert_int_equal(times_in(page, "<img "), 3);
    assert_says(page, "default-src 'none'");
    free(page);
}

/* Elements that are opened are closed, in order; attributes are quoted. */
static void assert_well_formed(const char *page)
{
    static const char *const void_element[] = {"meta", "br", "img"};
    char open[64][24];
    size_t depth = 0;
    for (const char *p = page; (p = strchr(p, '<')) != NULL; p++) {
        if (p[1] == '!')
            continue;
        bool closing = p[1] == '/';
        char name[24];
        size_t n = strcspn(p + 1 + closing, " >/\n");
        assert_in_range(n, 1, sizeof name - 1);
        snprintf(name, sizeof name, "%.*s", (int)n, p + 1 + closing);
        const char *end = p;
        for (bool quoted = false; *end && (quoted || *end != '>'); end++)
            quoted ^= *end == '"';
        assert_int_equal(*end, '>');
        bool single = end[-1] == '/';
        for (size_t i = 0; i < 3; i++)
            single |= strcmp(name, void_element[i]) == 0;
        if (closing) {
            assert_int_not_equal(depth, 0);
            assert_string_equal(open[--depth], name);
        } else if (!single) {
            assert_in_range(depth, 0, 63);
            memcpy(open[depth++], name, sizeof name);
        }
        p = end;
    }
    assert_int_equal(depth, 0);
}

static void test_the_markup_is_well_formed(void **state)
{
    (void)state;
    char *page = page_of(report_facts(NULL));
    assert_well_formed(page);
    free(page);
}

static void test_every_anchor_that_is_pointed_at_is_there(void **state)
{
    (void)state;
    char *page = page_of(report_facts(NULL));
    size_t seen = 0;
    for (const char *p = page; (p = strstr(p, "href=\"#")) != NULL; seen++) {
        p += strlen("href=\"#");
        char id[64];
        snprintf(id, sizeof id, " id=\"%.*s\"", (int)strcspn(p, "\""), p);
        assert_says(page, id);
    }
    assert_in_range(seen, 4, 1000);
    free(page);
}

/* Every string of the facts is hostile. */
static struct report *hostile(const char *text)
{
    static struct report_clock clock;
    static struct report_stretch stretch;
    static struct report_derived derived;
    static struct report_file file;
    static struct report_check check;
    static const char *list[1];
    list[0] = text;
    clock = (struct report_clock){.name = text, .value = text, .note = text, .chosen = true};
    stretch = (struct report_stretch){REPORT_DAMAGED, 0, 100000, 1, text};
    derived = (struct report_derived){text, text, text, text, text, text, 1};
    file = (struct report_file){text, text};
    check = (struct report_check){text, text, text};
    struct report *r = report_facts(NULL);
    struct report_clip *c = report_facts_clips();
    c->id = c->name = c->camera = c->imei = c->vehicle = c->start_why = c->trigger = text;
    c->rate_why = c->sha256 = c->position_why = c->picture.what = c->examined_why = text;
    c->clock = &clock;
    c->stretch = &stretch;
    c->derived = &derived;
    c->n_clocks = c->n_stretches = c->n_derived = c->n_unknown = 1;
    c->unknown = list;
    c->arrival.how = c->arrival.peer = text;
    r->title = r->reference = r->recipient = r->author = r->tool = r->note = r->redaction = text;
    r->file = &file;
    r->check = &check;
    r->limit = list;
    r->n_files = r->n_checks = r->n_limits = r->n_clips = 1;
    r->signature = (struct report_signature){true, text, text, true, text, 0};
    return r;
}

static void test_hostile_text_stays_text(void **state)
{
    (void)state;
    char *page = page_of(hostile("\"'><script>alert(1)</script><img src=x onerror=\"a\">&amp;"));
    assert_fetches_nothing(page);
    assert_well_formed(page);
    assert_says(page, "&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror="
                      "&quot;a&quot;&gt;&amp;amp;");
    assert_in_range(times_in(page, "&lt;script&gt;"), 30, 1000);
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
        struct report *r = hostile(sample[i].in);
        char *page = page_of(r);
        char title[100];
        snprintf(title, sizeof title, "<title>%s</title>", sample[i].out);
        assert_says(page, title);
        assert_clean_utf8(page);
        free(page);
    }
}

static void test_lines_of_a_command_are_kept(void **state)
{
    (void)state;
    char *page = page_of(report_facts(NULL));
    assert_says(page, "<pre><code>cd the-folder-of-this-package\nsha256sum -c manifest.sha256<");
    free(page);
}

static void test_no_recordings_make_a_page_too(void **state)
{
    (void)state;
    char *page = page_of(&(struct report){0});
    assert_well_formed(page);
    assert_says(page, "There are no recordings in this package.");
    assert_says(page, "<title>Dash camera recordings</title>");
    assert_says(page, "This package is not signed.");
    assert_not_says(page, "class=\"redacted\"");
    assert_not_says(page, "class=\"map");
    free(page);
}

static void test_empty_facts_are_said_to_be_unknown(void **state)
{
    (void)state;
    struct report_clip nothing = {0};
    char *page = page_of(&(struct report){.clip = &nothing, .n_clips = 1});
    assert_well_formed(page);
    assert_says(page, "<li>When it was taken.</li>");
    assert_says(page, "<li>Where it was taken.</li>");
    assert_says(page, "<li>Which camera unit made it.</li>");
    assert_says(page, "no position is known");
    assert_says(page, "Nobody looked for damage.");
    assert_says(page, "There is no picture to show here.");
    assert_not_says(page, "Nothing wrong");
    free(page);
}

static void test_a_photo_has_no_time_line(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    r->clip += 2;
    r->n_clips = 1;
    char *page = page_of(r);
    assert_well_formed(page);
    assert_says(page, "One recording of the camera unit");
    assert_says(page, "Nothing wrong was found.");
    assert_says(page, "<li>The time zone where it was taken: its time is given in UTC only.</li>");
    assert_not_says(page, "class=\"bar\"");
    assert_not_says(page, "class=\"map");
    assert_not_says(page, "pictures a second");
    free(page);
}

static void test_times_are_local_and_utc(void **state)
{
    (void)state;
    char *page = page_of(report_facts(NULL));
    assert_says(page, "29 November 2024, 09:23:45.250 (+02:00)</strong> local time; that is 29 "
                      "November 2024, 07:23:45.250 UTC");
    assert_says(page, "± 1 second: the camera tells whole seconds only");
    free(page);
}

static void test_flaws_are_said_with_their_times(void **state)
{
    (void)state;
    char *page = page_of(report_facts(NULL));
    assert_says(page, "<strong>Missing</strong> from 0:01.240, for 0.480 seconds, 12 pictures: the "
                      "numbers of the pictures leap from 31 to 44");
    assert_says(page, "<rect class=\"missing\" x=\"218\" y=\"50\" width=\"77\" height=\"60\"/>");
    assert_says(page, "<strong class=\"bad\">2 of 4 recordings are damaged, have gaps or are not "
                      "complete</strong>");
    free(page);
}

/* Number of clips that stand together with the first one. */
static bool side_by_side(int64_t apart_us, const char *imei)
{
    struct report *r = report_facts(NULL);
    struct report_clip *c = report_facts_clips();
    c[1].start.utc_us = c[0].start.utc_us + apart_us;
    c[1].imei = imei;
    r->n_clips = 2;
    char *page = page_of(r);
    bool pair = strstr(page, "class=\"pair\"") != NULL;
    assert_int_equal(times_in(page, "class=\"event\""), pair ? 1 : 2);
    free(page);
    return pair;
}

static void test_films_of_one_unit_and_moment_stand_side_by_side(void **state)
{
    (void)state;
    const char *imei = "352093081452251";
    assert_true(side_by_side(0, imei));
    assert_true(side_by_side(REPORT_SAME_EVENT_US, imei));
    assert_true(side_by_side(-REPORT_SAME_EVENT_US, imei));
    assert_false(side_by_side(REPORT_SAME_EVENT_US + 1, imei));
    assert_false(side_by_side(INT64_MIN / 2, imei));
    assert_false(side_by_side(0, "352093081452252"));
    assert_false(side_by_side(0, ""));
}

static char *page_at(double lat_deg, double lon_deg)
{
    struct report *r = report_facts(NULL);
    report_facts_clips()->lat_deg = lat_deg;
    report_facts_clips()->lon_deg = lon_deg;
    r->n_clips = 1;
    return page_of(r);
}

static void test_the_map_names_the_countries_around(void **state)
{
    (void)state;
    static const struct {
        double lat, lon;
        const char *name, *geo;
    } place[] = {
        {54.687157, 25.279652, ">Lithuania<", "geo:54.687157,25.279652"},
        {-33.8688, 151.2093, ">Australia<", "geo:-33.868800,151.209300"},
        {-16.5, 179.99, ">Fiji<", "geo:-16.500000,179.990000"}, /* over the line */
        {-16.5, -179.99, ">Fiji<", "geo:-16.500000,-179.990000"},
        {40.4168, -3.7038, ">Spain<", "geo:40.416800,-3.703800"},
        {-0.0000001, 37, ">Kenya<", "geo:0.000000,37.000000"},
        {90, 0, "aria-label=\"Map of the country", "geo:90.000000,0.000000"},
        {-90, 180, ">Antarctica<", "geo:-90.000000,180.000000"},
    };
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        char *page = page_at(place[i].lat, place[i].lon);
        assert_says(page, place[i].name);
        assert_says(page, place[i].geo);
        assert_well_formed(page);
        free(page);
    }
}

static void test_a_place_that_is_none_is_not_drawn(void **state)
{
    (void)state;
    static const double bad[][2] = {{91, 0}, {0, 181}, {NAN, 0}, {0, INFINITY}, {-90.001, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *page = page_at(bad[i][0], bad[i][1]);
        assert_says(page, "no position is known");
        assert_not_says(page, "class=\"map");
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
    char *page = page_of(r);
    assert_says(page, "There is no picture to show here.");
    assert_not_says(page, "<img");
    free(page);
}

static void test_pictures_are_coded_as_rfc_4648_says(void **state)
{
    (void)state;
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0xfb, 0xf0};
    static const char *const coded[] = {"base64,/9j/4A==\"", "base64,/9j/4Ps=\"",
                                        "base64,/9j/4Pvw\""};
    struct report *r = report_facts(NULL);
    r->n_clips = 1;
    for (size_t n = 4; n <= 6; n++) {
        report_facts_clips()->picture.jpeg = jpeg;
        report_facts_clips()->picture.n_bytes = n;
        char *page = page_of(r);
        assert_says(page, coded[n - 4]);
        free(page);
    }
}

static void test_a_ceiling_that_is_too_low_is_an_error(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    char *whole = page_of(r);
    size_t length = strlen(whole), ceiling[] = {0, 100, length / 2, length - 1};
    free(whole);
    for (size_t i = 0; i < 4; i++) {
        struct buf out;
        struct err err;
        buf_init(&out, ceiling[i]);
        assert_err(ERR_LIMIT, report_html(&out, r, &err));
        buf_clear(&out);
    }
}

static int write_example(const char *path)
{
    static const char *const name[] = {"viewing-copy.jpg", "photo-720p.jpg", "photo-720p.jpg"};
    struct report_picture picture[3];
    struct buf jpeg[3];
    for (size_t i = 0; i < 3; i++) {
        char from[600];
        snprintf(from, sizeof from, "%s/%s", TEST_SAMPLES, name[i]);
        jpeg[i] = support_read(from);
        picture[i] = (struct report_picture){buf_data(&jpeg[i]), jpeg[i].used, NULL};
    }
    char *page = page_of(report_facts(picture));
    support_write(path, page, strlen(page));
    free(page);
    for (size_t i = 0; i < 3; i++)
        buf_clear(&jpeg[i]);
    return 0;
}

static int renew(void)
{
    char *page = page_of(report_facts(NULL));
    support_write(GOLDEN, page, strlen(page));
    free(page);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--renew") == 0)
        return renew();
    if (argc == 3 && strcmp(argv[1], "--example") == 0)
        return write_example(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_is_as_agreed),
        cmocka_unit_test(test_the_same_facts_give_the_same_bytes),
        cmocka_unit_test(test_nothing_is_fetched_and_nothing_runs),
        cmocka_unit_test(test_the_markup_is_well_formed),
        cmocka_unit_test(test_every_anchor_that_is_pointed_at_is_there),
        cmocka_unit_test(test_hostile_text_stays_text),
        cmocka_unit_test(test_bytes_that_are_no_text_are_replaced),
        cmocka_unit_test(test_lines_of_a_command_are_kept),
        cmocka_unit_test(test_no_recordings_make_a_page_too),
        cmocka_unit_test(test_empty_facts_are_said_to_be_unknown),
        cmocka_unit_test(test_a_photo_has_no_time_line),
        cmocka_unit_test(test_times_are_local_and_utc),
        cmocka_unit_test(test_flaws_are_said_with_their_times),
        cmocka_unit_test(test_films_of_one_unit_and_moment_stand_side_by_side),
        cmocka_unit_test(test_the_map_names_the_countries_around),
        cmocka_unit_test(test_a_place_that_is_none_is_not_drawn),
        cmocka_unit_test(test_what_is_no_jpeg_is_not_shown),
        cmocka_unit_test(test_pictures_are_coded_as_rfc_4648_says),
        cmocka_unit_test(test_a_ceiling_that_is_too_low_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
