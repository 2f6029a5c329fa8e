/*
 * The report: what it says, and that it is whole in itself.
 *
 *     test_report_html --renew          writes tests/golden/report.html anew
 *     test_report_html --example FILE   writes the same with real pictures, to look at: a page, or
 * a PDF if it is called so
 */
#include "support/report_facts.h"
#include "support/report_page.h"
#include "support/report_paper.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN TEST_SOURCE_DIR "/golden/report.html"

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
    char *made = report_page(report_facts(NULL));
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
    char *a = report_page(report_facts(NULL)), *b = report_page(report_facts(NULL));
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void test_nothing_is_fetched_and_nothing_runs(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    report_fetches_nothing(page);
    assert_int_equal(report_times(page, "<img "), 3);
    report_says(page, "default-src 'none'");
    free(page);
}

static void test_the_markup_is_well_formed(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    report_well_formed(page);
    free(page);
}

static void test_every_anchor_that_is_pointed_at_is_there(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    size_t seen = 0;
    for (const char *p = page; (p = strstr(p, "href=\"#")) != NULL; seen++) {
        p += strlen("href=\"#");
        char id[64];
        snprintf(id, sizeof id, " id=\"%.*s\"", (int)strcspn(p, "\""), p);
        report_says(page, id);
    }
    assert_in_range(seen, 4, 1000);
    free(page);
}

static void test_lines_of_a_command_are_kept(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    report_says(page, "<pre><code>cd the-folder-of-this-package\nsha256sum -c manifest.sha256<");
    free(page);
}

/* Where the caller has no title: vehicle, event and date; what is not known is left out. */
static void test_the_title_names_vehicle_event_and_date(void **state)
{
    (void)state;
    static const struct report_time evening = {
        .known = true, .utc_us = 1732919025000000, .has_zone = true, .tz_min = 120};
    struct report_clip clip[2] = {{.imei = "352093081452251", .trigger = "crash", .start = evening},
                                  {.imei = "352093081452251", .trigger = "crash"}};
    const struct report r = {.clip = clip, .n_clips = 2};
    char *page;
    struct {
        struct report_clip second;
        const char *title;
    } each[] = {
        {clip[1], "Tracker 352093081452251: crash, 30 November 2024"},
        {{.imei = "352093081452251"}, "Tracker 352093081452251: 2 events, 30 November 2024"},
        {{.imei = "352093081452268", .trigger = "crash"}, "2 vehicles: crash, 30 November 2024"},
        {{.vehicle = "van 17 & trailer", .trigger = "crash"},
         "van 17 &amp; trailer: crash, 30 November 2024"},
        {{.imei = "352093081452251", .trigger = "crash", .start = evening},
         "Tracker 352093081452251: crash, 30 November 2024 to 1 December 2024"},
    };
    each[4].second.start.utc_us += INT64_C(86400000000);
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        char expected[200];
        clip[1] = each[i].second;
        page = report_page(&r);
        snprintf(expected, sizeof expected, "<title>%s</title>", each[i].title);
        report_says(page, expected);
        snprintf(expected, sizeof expected, "<h1>%s</h1>", each[i].title);
        report_says(page, expected);
        free(page);
    }
    clip[0] = clip[1] = (struct report_clip){0};
    page = report_page(&r);
    report_says(page, "<title>Dash camera video and photos: 2 events</title>");
    free(page);
}

static void test_no_recordings_make_a_page_too(void **state)
{
    (void)state;
    char *page = report_page(&(struct report){0});
    report_well_formed(page);
    report_says(page, "This package contains no recordings.");
    report_says(page, "<title>Dash camera video and photos</title>");
    report_says(page, "This package is not signed.");
    report_says_not(page, "class=\"redacted\"");
    report_says_not(page, "class=\"map");
    free(page);
}

static void test_empty_facts_are_said_to_be_unknown(void **state)
{
    (void)state;
    struct report_clip nothing = {0};
    char *page = report_page(&(struct report){.clip = &nothing, .n_clips = 1});
    report_well_formed(page);
    report_says(page, "<li>When it was taken.</li>");
    report_says(page, "<li>Where it was taken.</li>");
    report_says(page, "<li>Which vehicle (tracker) it is from.</li>");
    report_says(page, "position not known");
    report_says(page, "Not examined for damage");
    report_says(page, "No image available.");
    report_says_not(page, "No damage");
    free(page);
}

static void test_a_photo_has_no_time_line(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    r->clip += 2;
    r->n_clips = 1;
    char *page = report_page(r);
    report_well_formed(page);
    report_says(page, "One recording from tracker (IMEI)");
    report_says(page, "No damage found.");
    report_says(page, "<li>The local time zone; its time is given in UTC only.</li>");
    report_says_not(page, "class=\"bar\"");
    report_says_not(page, "class=\"map");
    report_says_not(page, " per second");
    free(page);
}

static void test_no_more_is_promised_than_the_seal_holds(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    char *page = report_page(r);
    report_says(page, "This package is not signed.");
    report_says(page, "a later change only to someone who obtained them separately");
    report_says_not(page, "any change after signing");
    free(page);
    r->signature = (struct report_signature){.is_signed = true, .who = "Fleet & Co"};
    page = report_page(r);
    report_says(page, "signed by Fleet &amp; Co");
    report_says(page, "not confirmed by a time-stamping authority");
    report_says(page, "any change after signing");
    report_says_not(page, "not signed");
    free(page);
}

static void test_times_are_local_and_utc(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    report_says(page, "29 November 2024, 09:23:45.250 (+02:00)</strong> local time; that is 29 "
                      "November 2024, 07:23:45.250 UTC");
    report_says(page, "± 1 second: the camera tells whole seconds only");
    free(page);
}

static void test_flaws_are_said_with_their_times(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    report_says(page, "<strong>Missing</strong> from 0:01.240, for 0.480 seconds, 12 frames: the "
                      "numbers of the pictures leap from 31 to 44");
    report_says(page, "<rect class=\"missing\" x=\"218\" y=\"50\" width=\"77\" height=\"60\"/>");
    report_says(
        page,
        "<strong class=\"bad\">2 of 4 recordings are damaged, incomplete or have gaps</strong>");
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
    char *page = report_page(r);
    bool pair = strstr(page, "class=\"pair\"") != NULL;
    assert_int_equal(report_times(page, "class=\"event\""), pair ? 1 : 2);
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
    return report_page(r);
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
        {49.6, 6.1, ">Luxembourg<", "geo:49.600000,6.100000"}, /* too small for its name */
        {40.4168, -3.7038, ">Spain<", "geo:40.416800,-3.703800"},
        {-0.0000001, 37, ">Kenya<", "geo:0.000000,37.000000"},
        {90, 0, "aria-label=\"Map of the region", "geo:90.000000,0.000000"},
        {-90, 180, ">Antarctica<", "geo:-90.000000,180.000000"},
    };
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        char *page = page_at(place[i].lat, place[i].lon);
        report_says(page, place[i].name);
        report_says(page, place[i].geo);
        report_well_formed(page);
        free(page);
    }
}

/* Every kilometre has its own maps, which are much alike: each is drawn once. */
static void test_maps_are_drawn_once_for_places_that_are_near(void **state)
{
    (void)state;
    struct report_clip clip[5];
    static const double lat[] = {54.687157, 54.692, 54.7, 54.687157, 54.692};
    for (size_t i = 0; i < 5; i++) {
        (void)report_facts(NULL);
        clip[i] = report_facts_clips()[0];
        clip[i].start.utc_us += (int64_t)i * 3600 * 1000000;
        clip[i].lat_deg = lat[i];
    }
    clip[4].start = clip[0].start; /* an event of two places, at the top of the page */
    struct report r = {.clip = clip, .n_clips = 5};
    char *page = report_page(&r);
    report_well_formed(page);
    assert_int_equal(report_times(page, "class=\"map near\""), 2);
    assert_int_equal(report_times(page, "class=\"map far\""), 2);
    assert_int_equal(report_times(page, "geo:54.692000,25.279652</"), 2);
    assert_int_equal(report_times(page, "Recorded here: "), 5);
    report_says(
        page, "File 5</a>, Front camera, video. That is less than 1 km from <a href=\"#file-1\">");
    report_says(
        page, "File 2</a>, Front camera, video. That is less than 1 km from <a href=\"#file-1\">");
    report_says(
        page, "File 4</a>, Front camera, video. That is less than 1 km from <a href=\"#file-1\">");
    report_says_not(page, "File 3</a>, Front camera, video. That is");
    free(page);
}

/* Nobody looks at a thousand maps of half a country each: places share them. */
static void test_of_many_places_some_share_maps_and_say_so(void **state)
{
    (void)state;
    enum { N = 150 };
    struct report_clip *clip = calloc(N, sizeof *clip);
    assert_non_null(clip);
    (void)report_facts(NULL);
    for (size_t i = 0; i < N; i++) { /* a road to the north, 20 km after 20 km */
        clip[i] = report_facts_clips()[0];
        clip[i].start.utc_us += (int64_t)i * 3600 * 1000000;
        clip[i].lat_deg = 40 + 0.18 * (double)i;
    }
    struct report r = {.clip = clip, .n_clips = 100};
    char *page = report_page(&r);
    assert_int_equal(report_times(page, "class=\"map near\""), 100);
    report_says_not(page, "That is");
    free(page);
    r.n_clips = N;
    page = report_page(&r);
    report_well_formed(page);
    assert_int_equal(report_times(page, "class=\"map near\""), N / 2);
    assert_int_equal(report_times(page, "Recorded here: "), N);
    assert_int_equal(report_times(page, ". That is about 20 km north of <a href="), N / 2);
    report_says(page, "File 2</a>, Front camera, video. That is about 20 km north of "
                      "<a href=\"#file-1\">File 1</a>, Front camera, video, whose maps show this "
                      "place, too.");
    free(page);
    free(clip);
}

/* A view of all Europe had 100 KB of coasts, most of it finer than a dot. */
static void test_outlines_are_as_fine_as_they_can_be_seen(void **state)
{
    (void)state;
    char *page = page_at(54.687157, 25.279652);
    const char *far = strstr(page, "class=\"map far\"");
    assert_non_null(far);
    assert_in_range(strstr(far, "</svg>") - far, 10000, 50000);
    free(page);
    page = page_at(-0.53, 166.93); /* an island of 6 km in the middle of an ocean */
    report_says(page, ">Nauru<");
    far = strstr(page, "class=\"map far\"");
    assert_non_null(strstr(far, "class=\"land\""));
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
        char *page = report_page(r);
        report_says(page, coded[n - 4]);
        free(page);
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
        picture[i] = (struct report_picture){.jpeg = buf_data(&jpeg[i]), .n_bytes = jpeg[i].used};
    }
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".pdf") == 0) {
        struct buf paper = report_paper(report_facts(picture));
        support_write(path, buf_data(&paper), paper.used);
        buf_clear(&paper);
    } else {
        char *page = report_page(report_facts(picture));
        support_write(path, page, strlen(page));
        free(page);
    }
    for (size_t i = 0; i < 3; i++)
        buf_clear(&jpeg[i]);
    return 0;
}

static int renew(void)
{
    char *page = report_page(report_facts(NULL));
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
        cmocka_unit_test(test_lines_of_a_command_are_kept),
        cmocka_unit_test(test_the_title_names_vehicle_event_and_date),
        cmocka_unit_test(test_no_recordings_make_a_page_too),
        cmocka_unit_test(test_empty_facts_are_said_to_be_unknown),
        cmocka_unit_test(test_a_photo_has_no_time_line),
        cmocka_unit_test(test_no_more_is_promised_than_the_seal_holds),
        cmocka_unit_test(test_times_are_local_and_utc),
        cmocka_unit_test(test_flaws_are_said_with_their_times),
        cmocka_unit_test(test_films_of_one_unit_and_moment_stand_side_by_side),
        cmocka_unit_test(test_the_map_names_the_countries_around),
        cmocka_unit_test(test_maps_are_drawn_once_for_places_that_are_near),
        cmocka_unit_test(test_of_many_places_some_share_maps_and_say_so),
        cmocka_unit_test(test_outlines_are_as_fine_as_they_can_be_seen),
        cmocka_unit_test(test_pictures_are_coded_as_rfc_4648_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
