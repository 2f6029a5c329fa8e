/*
 * What a tracker said, as the report draws it: numbers read back from the drawings, by their own
 * scales, against the records.
 */
#include "support/report_facts.h"
#include "support/report_page.h"
#include "support/report_paper.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE     "What the tracker says"
#define MANY      100000
#define VERTEX    6000 /* more than any drawing has */
#define PAGE_MOST (300 * 1000)

/* ---- reading drawings ---- */

/* The drawing behind these words, as a string; free() it. */
static char *drawing_behind(const char *page, const char *words)
{
    const char *at = strstr(page, words);
    const char *begin = at ? strstr(at, "<svg") : NULL,
               *end = begin ? strstr(begin, "</svg>") : NULL;
    if (!end)
        fail_msg("no drawing behind: %s", words);
    return strndup(begin, (size_t)(end - begin));
}

struct vertex {
    double x, y;
    bool moved; /* no line leads to it */
};

/* The path of a class, the n-th from 0: its corners. */
static size_t path_of(const char *svg, const char *class, int n, struct vertex out[VERTEX])
{
    char open[60];
    const char *p = svg;
    size_t count = 0;
    snprintf(open, sizeof open, "<path class=\"%s\" d=\"", class);
    do {
        p = strstr(p, open);
        if (!p)
            fail_msg("no path: %s", class);
        p += strlen(open);
    } while (n-- > 0);
    long x = 0, y = 0;
    while (*p != '"') {
        bool move = *p == 'M';
        char *end;
        if (*p == 'M' || *p == 'l' || *p == ' ' || *p == 'z') {
            if (!move) {
                p++;
                continue;
            }
            p++;
        }
        long a = strtol(p, &end, 10), b = strtol(end, &end, 10);
        x = move ? a : x + a;
        y = move ? b : y + b;
        assert_in_range(count, 0, VERTEX - 1);
        out[count++] = (struct vertex){(double)x, (double)y, move};
        p = end;
    }
    return count;
}

/* Where a word is. */
static bool word_at(const char *svg, const char *words, double *x, double *y)
{
    char end[60];
    snprintf(end, sizeof end, ">%s</text>", words);
    const char *p = strstr(svg, end), *begin = p;
    while (begin && begin > svg && *begin != '<')
        begin--;
    const char *ax = begin ? strstr(begin, " x=\"") : NULL,
               *ay = begin ? strstr(begin, " y=\"") : NULL;
    if (!ax || !ay)
        return false;
    *x = strtod(ax + 4, NULL);
    *y = strtod(ay + 4, NULL);
    return true;
}

/* A scale, of two words of it. */
struct scale {
    double at, value, per; /* units of the drawing for one of the value */
};

static struct scale scale_of(const char *svg, bool across, const char *a, double a_is,
                             const char *b, double b_is)
{
    double x[2], y[2];
    assert_true(word_at(svg, a, &x[0], &y[0]));
    assert_true(word_at(svg, b, &x[1], &y[1]));
    double from = across ? x[0] : y[0], to = across ? x[1] : y[1];
    return (struct scale){from, a_is, (to - from) / (b_is - a_is)};
}

static double value_at(const struct scale *s, double place)
{
    return s->value + (place - s->at) / s->per;
}

static const struct track_point *points_of(size_t *n)
{
    const struct report_journey *j = &report_facts_clips()->journey;
    *n = j->n_points;
    return j->point;
}

static double second_of(int64_t utc_us)
{
    return (double)(utc_us - report_facts_clips()->journey.from_us) / 1e6;
}

/* ---- the drawings say what the records say ---- */

static void test_speeds_are_those_of_the_records(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    char *svg = drawing_behind(page, "<h4>Speed</h4>");
    static struct vertex v[VERTEX];
    struct scale x = scale_of(svg, true, "−60\u00a0s", -60, "+60\u00a0s", 60);
    struct scale y = scale_of(svg, false, "0", 0, "80", 80);
    size_t n_points, n = path_of(svg, "curve", 0, v), seen = 0;
    const struct track_point *point = points_of(&n_points);
    for (size_t i = 0; i < n_points; i++) {
        double s = second_of(point[i].utc_us), kmh = point[i].speed_ms * 3.6;
        if (!point[i].valid || isnan(kmh))
            continue;
        bool found = false; /* the words stand a little below what they name */
        for (size_t k = 0; k < n && !found; k++)
            found =
                fabs(value_at(&x, v[k].x) - s) < 0.2 && fabs(value_at(&y, v[k].y + 9) - kmh) < 0.5;
        if (!found)
            fail_msg("%.0f km/h at %.1f s is not drawn", kmh, s);
        seen++;
    }
    assert_int_equal(seen, 112 - 3 - 10);
    assert_int_equal(n, seen);
    free(svg);
    free(page);
}

/* 20 s without records, 3 s without a fix, private mode: no line, and the last two are marked. */
static void test_nothing_is_drawn_where_nothing_is_known(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    char *svg = drawing_behind(page, "<h4>Speed</h4>");
    static struct vertex v[VERTEX];
    struct scale x = scale_of(svg, true, "−60\u00a0s", -60, "+60\u00a0s", 60);
    size_t n = path_of(svg, "curve", 0, v), moves = 0;
    for (size_t i = 0; i < n; i++) {
        double s = value_at(&x, v[i].x);
        moves += v[i].moved;
        assert_false((s > -39.5 && s < -20.5) || (s > 19.5 && s < 22.5) || s > 60.5);
        if (v[i].moved && i > 0)
            assert_true(fabs(s - (moves == 2 ? -20 : 23)) < 0.3);
    }
    assert_int_equal(moves, 3);
    assert_int_equal(report_times(svg, "class=\"unfixed\""), 1);
    assert_int_equal(report_times(svg, "class=\"hidden\""), 1);
    report_says(page, "3 without a fix");
    report_says(page, "10 in private mode: position and speed are hidden");
    free(svg);
    free(page);
}

static void test_the_recording_and_both_triggers_are_marked(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    char *svg = drawing_behind(page, "<h4>Speed</h4>");
    static struct vertex v[VERTEX];
    struct scale x = scale_of(svg, true, "0\u00a0s", 0, "+60\u00a0s", 60);
    const char *span = strstr(svg, "<rect class=\"span\" x=\"");
    assert_non_null(span);
    double from = strtod(span + 22, NULL), width = strtod(strstr(span, "width=\"") + 7, NULL);
    assert_true(fabs(value_at(&x, from)) < 0.2);
    assert_true(fabs(value_at(&x, from + width) - 10) < 0.2);
    assert_int_not_equal(path_of(svg, "trigger", 0, v), 0);
    assert_true(fabs(value_at(&x, v[0].x) - 4.75) < 0.2);
    assert_int_not_equal(path_of(svg, "event-at", 0, v), 0);
    assert_true(fabs(value_at(&x, v[0].x) - 5.1) < 0.2);
    report_says(svg, "trigger, camera");
    report_says(svg, "event, tracker");
    free(svg);
    free(page);
}

/* Three axes of one scale, none of which is called "front"; ± 1 s around the event. */
static void test_samples_are_those_of_the_trace(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    char *svg = drawing_behind(page, "<h4>Acceleration (crash trace)</h4>");
    static struct vertex v[VERTEX];
    const struct report_journey *j = &report_facts_clips()->journey;
    struct scale x = scale_of(svg, true, "0\u00a0s", 0, "+10\u00a0s", 10);
    static const char *const axis[] = {"X", "Y", "Z"};
    double per_mg = 0, middle, unused;
    for (int k = 0; k < 3; k++) {
        assert_true(word_at(svg, axis[k], &unused, &middle));
        size_t n = path_of(svg, "curve", k, v);
        double most = 0, at = 0, most_mg = 0, at_s = 0;
        for (size_t i = 0; i < n; i++)
            if (fabs(v[i].y + 9 - middle) > fabs(most)) {
                most = v[i].y + 9 - middle;
                at = value_at(&x, v[i].x);
            }
        for (size_t i = 0; i < j->n_samples; i++)
            if (fabs((double)j->sample[i].mg[k]) > fabs(most_mg)) {
                most_mg = j->sample[i].mg[k];
                at_s = second_of(j->sample[i].utc_us);
            }
        per_mg = k == 0 ? most / most_mg : per_mg;
        assert_true(fabs(most / per_mg - most_mg) < 40);
        assert_true(k == 2 || fabs(at - at_s) < 0.05);
    }
    /* The frame is 4000 mG up and down. */
    assert_true(fabs(-1 / per_mg - 4000.0 / 55) < 2);
    report_says(svg, ">+4\u202f000</text>");
    report_says_not(svg, "front");
    const char *band = strstr(svg, "<rect class=\"band\" x=\"");
    assert_non_null(band);
    double from = strtod(band + 22, NULL), width = strtod(strstr(band, "width=\"") + 7, NULL);
    assert_true(fabs(value_at(&x, from) - 4.1) < 0.05);
    assert_true(fabs(value_at(&x, from + width) - 6.1) < 0.05);
    report_says(page, "X from −3\u202f929 to 30 mG");
    report_says(page, "not calibrated");
    free(svg);
    free(page);
}

/* A break in the samples is one in the line; those that have no time are counted. */
static void test_gaps_between_samples_stay_gaps(void **state)
{
    (void)state;
    static struct report_sample sample[4];
    static struct vertex v[VERTEX];
    struct report *r = report_facts(NULL);
    struct report_journey *j = &report_facts_clips()->journey;
    for (int i = 0; i < 4; i++)
        sample[i] = (struct report_sample){
            j->from_us + (i < 2 ? i : i + 100) * INT64_C(40000), {1000, 0, 0}, i == 2};
    j->sample = sample;
    j->n_samples = 4;
    j->unplaced = 17;
    char *page = report_page(r);
    char *svg = drawing_behind(page, "<h4>Acceleration (crash trace)</h4>");
    size_t n = path_of(svg, "curve", 0, v);
    assert_int_equal(n, 4);
    assert_true(v[0].moved && !v[1].moved && v[2].moved && !v[3].moved);
    report_says(page, " 17 further samples");
    free(svg);
    free(page);
}

/* As long as the scale says, and as wide as the Earth is there. */
static void test_the_route_is_as_long_as_its_scale_says(void **state)
{
    (void)state;
    char *page = report_page(report_facts(NULL));
    char *svg = drawing_behind(page, "<h4>Route</h4>");
    static struct vertex v[VERTEX];
    size_t n_points, n;
    const struct track_point *p = points_of(&n_points);
    assert_int_equal(path_of(svg, "scale", 1, v), 4); /* the first is the arrow to the north */
    double m_per_unit = 200 / (v[2].x - v[1].x);
    report_says(svg, ">200 m</text>");
    n = path_of(svg, "way", 0, v);
    size_t from = 0, until = 0;
    for (size_t i = 0; i < n_points; i++) {
        from = second_of(p[i].utc_us) <= 0 ? i : from;
        until = second_of(p[i].utc_us) <= 10 ? i : until;
    }
    double m = (p[until].lon_deg - p[from].lon_deg) * 111200 * cos(54.687157 * M_PI / 180);
    assert_true(m > 50);
    assert_true(fabs((v[n - 1].x - v[0].x) * m_per_unit - m) < 3);
    assert_true(v[0].moved);
    n = path_of(svg, "way-around", 0, v);
    size_t moves = 0;
    for (size_t i = 0; i < n; i++)
        moves += v[i].moved;
    assert_int_equal(moves, 2); /* before the recording: up to the gap, and on behind it */
    assert_int_equal(report_times(svg, "<circle class=\"mark\""), 1);
    free(svg);
    free(page);
}

static void test_a_route_across_180_degrees_is_short(void **state)
{
    (void)state;
    static struct track_point p[20];
    struct report *r = report_facts(NULL);
    struct report_journey *j = &report_facts_clips()->journey;
    for (int i = 0; i < 20; i++) {
        double lon = 179.9995 + i * 0.0001;
        p[i] = (struct track_point)TRACK_POINT_NONE;
        p[i].utc_us = j->from_us + i * 1000000;
        p[i].lat_deg = -16.5;
        p[i].lon_deg = lon > 180 ? lon - 360 : lon;
    }
    j->point = p;
    j->n_points = 20;
    char *page = report_page(r);
    report_says(page, ">50 m</text>");
    report_says(page, "No speed is known");
    free(page);
}

/* ---- in words ---- */

static void test_the_event_and_the_speed_before_it_are_told(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    struct report_journey *j = &report_facts_clips()->journey;
    char *page = report_page(r);
    report_says(page, "29 November 2024, 09:23:50.350 (+02:00); camera trigger (499): crash; "
                      "priority high");
    report_says(page,
                "0.350 seconds: the tracker’s time of the event is later than the camera’s of the "
                "event");
    report_says(page,
                "48 km/h by the last record with a fix, 0.1 s before its record of the event");
    report_says(page, "crash, not calibrated; record of");
    assert_int_equal(report_times(page, TITLE), 1); /* once for both cameras */
    assert_int_equal(report_times(page, "<h4>Route</h4>"), 1);
    report_says(page, "what the tracker says of the same time is not drawn again");
    free(page);
    /* That record itself is not before it; and without one it is the camera's word when it was. */
    j->event_us -= 100000;
    page = report_page(r);
    report_says(page, "64 km/h by the last record with a fix, 1.0 s before its record");
    free(page);
    j->has_event = j->has_crash = false;
    j->imperial = true;
    page = report_page(r);
    report_says(page, "<th scope=\"row\">Speed before the event</th><td>40 mph by the last record "
                      "with a fix, 0.8 s before the camera’s time of the trigger");
    report_says(page, ">mph</text>");
    report_says(page, "Between 0 and 40 mph");
    free(page);
    j->has_event = true;
    j->difference_us = -1500000;
    report_facts_clips()->has_trigger_time = false;
    page = report_page(r);
    report_says(page,
                "1.5 seconds: the tracker’s time of the event is earlier than the camera’s of "
                "its beginning");
    free(page);
    j->n_points = 0;
    page = report_page(r);
    report_says(page, "not known: there is no record with a fix before it");
    free(page);
}

/* Whom the camera told none: its tracker did. */
static void test_where_it_was_is_known_by_the_tracker_too(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    struct report_clip *c = report_facts_clips();
    r->n_clips = 1;
    c->has_position = false;
    char *page = report_page(r);
    report_says(page, "not known by the camera; the tracker tells the route of 1 of 1, see below");
    report_says(page, "For what its tracker said, see below.");
    report_says_not(page, "Where it was taken.");
    free(page);
    c->journey.hidden = c->journey.records;
    page = report_page(r);
    report_says_not(page, "the tracker tells the route");
    report_says_not(page, "see below.");
    report_says(page, "Where it was taken.");
    free(page);
}

static void test_without_an_account_nothing_is_told_of_one(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    report_facts_clips()[0].journey.known = report_facts_clips()[1].journey.known = false;
    char *page = report_page(r);
    report_says_not(page, TITLE);
    report_says_not(page, "acker’s clock");
    free(page);
}

static void test_it_is_the_same_on_paper(void **state)
{
    (void)state;
    struct buf paper = report_paper(report_facts(NULL));
    char *words = report_paper_words(&paper);
    static const char *const says[] = {TITLE,         "event, tracker", "trigger, camera",
                                       "+4\u202f000", "200 m",          "0.350 seconds"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        report_paper_says(words, says[i]);
    free(words);
    buf_clear(&paper);
}

/* ---- hostile ---- */

static void test_values_that_cannot_be_are_not_drawn(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, -1, 1e308, -1e308, 5e-324, 91, 181};
    static const int64_t time[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    enum { BAD = sizeof bad / sizeof *bad, TIMES = sizeof time / sizeof *time };
    static struct track_point p[BAD * TIMES];
    static struct report_sample s[TIMES];
    for (int ours = 0; ours < 2; ours++)
        for (size_t from = 0; from < TIMES; from++) {
            struct report *r = report_facts(NULL);
            struct report_journey *j = &report_facts_clips()->journey;
            size_t n = 0;
            int64_t near = ours ? j->from_us : 0;
            for (size_t t = 0; t < TIMES; t++) {
                s[t] = (struct report_sample){
                    ours ? near + (int64_t)t : time[t], {INT16_MIN, INT16_MAX, 0}, t % 2};
                for (size_t b = 0; b < BAD; b++, n++)
                    p[n] = (struct track_point){.utc_us = ours ? near + (int64_t)n : time[t],
                                                .lat_deg = b % 3 ? bad[b] : 10,
                                                .lon_deg = b % 2 ? bad[(b + 1) % BAD] : 10,
                                                .speed_ms = bad[b],
                                                .valid = b % 4 != 3};
            }
            j->point = p;
            j->sample = s;
            j->n_points = n;
            j->n_samples = TIMES;
            if (!ours)
                j->from_us = time[from];
            j->until_us = time[TIMES - 1 - from];
            j->event_us = j->crash_us = time[from];
            j->difference_us = time[from];
            j->records = j->unfixed = j->hidden = j->unplaced = time[from];
            report_facts_clips()->trigger_offset_us = time[TIMES - 1 - from];
            char *page = report_page(r);
            report_well_formed(page);
            report_says_not(page, "=\"nan");
            report_says_not(page, "=\"inf");
            free(page);
            struct buf paper = report_paper(r);
            buf_clear(&paper);
        }
}

/* Far more than a line has room for: none of the peaks is lost, and the page stays small. */
static void test_of_many_records_no_peak_is_lost(void **state)
{
    (void)state;
    struct track_point *p = calloc(MANY, sizeof *p);
    struct report_sample *s = calloc(MANY, sizeof *s);
    assert_non_null(p);
    assert_non_null(s);
    struct report *r = report_facts(NULL);
    struct report_journey *j = &report_facts_clips()->journey;
    for (int i = 0; i < MANY; i++) {
        p[i] = (struct track_point){.utc_us = j->from_us - 60000000 + i * INT64_C(1300),
                                    .lat_deg = 54 + i * 1e-7 + (i % 2) * 1e-4,
                                    .lon_deg = 25,
                                    .speed_ms = (i == 33333 ? 190 : 50 + i % 7) / 3.6,
                                    .valid = true};
        s[i] =
            (struct report_sample){j->from_us + i * INT64_C(100), {(int16_t)(i % 200), 0, 0}, !i};
    }
    s[77777].mg[0] = -7000;
    j->point = p;
    j->sample = s;
    j->n_points = j->n_samples = MANY;
    char *page = report_page(r);
    static struct vertex v[VERTEX];
    char *svg = drawing_behind(page, "<h4>Speed</h4>");
    struct scale y = scale_of(svg, false, "0", 0, "200", 200);
    size_t n = path_of(svg, "curve", 0, v);
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, value_at(&y, v[i].y + 9));
    assert_true(fabs(most - 190) < 1);
    report_says(page, "Between 50 and 190 km/h");
    report_says(page, "X from −7\u202f000 to 199 mG");
    free(svg);
    svg = drawing_behind(page, "<h4>Route</h4>");
    assert_in_range(report_times(svg, " "), 1, 20000);
    free(svg);
    assert_in_range(strlen(page), 1, PAGE_MOST);
    free(page);
    /* As bad as it can be: each other one breaks the line. */
    for (int i = 0; i < MANY; i += 2)
        p[i].valid = false;
    page = report_page(r);
    assert_in_range(strlen(page), 1, PAGE_MOST);
    struct buf paper = report_paper(r);
    buf_clear(&paper);
    free(page);
    free(p);
    free(s);
}

/* ---- records that are loaded ---- */

struct source {
    const struct report_journey *of;
    size_t cut;
    int loads;
};

static int load_some(void *from, struct buf *points, struct buf *samples, struct err *err)
{
    struct source *s = from;
    s->loads++;
    int rc = buf_append(points, s->of->point, s->of->n_points * sizeof *s->of->point - s->cut, err);
    return rc < 0
               ? rc
               : buf_append(samples, s->of->sample, s->of->n_samples * sizeof *s->of->sample, err);
}

static void test_records_are_loaded_where_they_are_shown(void **state)
{
    (void)state;
    struct report *r = report_facts(NULL);
    struct report_journey *j = &report_facts_clips()->journey;
    char *in_memory = report_page(r);
    const struct report_journey all = *j;
    struct source source = {.of = &all};
    struct buf out;
    struct err err;
    j->point = NULL;
    j->sample = NULL;
    j->load = load_some;
    j->from = &source;
    char *loaded = report_page(r);
    assert_string_equal(loaded, in_memory);
    assert_int_equal(source.loads, 1);
    source.cut = 1;
    assert_int_equal(report_form_bytes(report_html, r, 1 << 20, &out, &err), ERR_IO);
    assert_has(err.text, "cut short");
    buf_clear(&out);
    free(loaded);
    free(in_memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_speeds_are_those_of_the_records),
        cmocka_unit_test(test_nothing_is_drawn_where_nothing_is_known),
        cmocka_unit_test(test_the_recording_and_both_triggers_are_marked),
        cmocka_unit_test(test_samples_are_those_of_the_trace),
        cmocka_unit_test(test_gaps_between_samples_stay_gaps),
        cmocka_unit_test(test_the_route_is_as_long_as_its_scale_says),
        cmocka_unit_test(test_a_route_across_180_degrees_is_short),
        cmocka_unit_test(test_the_event_and_the_speed_before_it_are_told),
        cmocka_unit_test(test_where_it_was_is_known_by_the_tracker_too),
        cmocka_unit_test(test_without_an_account_nothing_is_told_of_one),
        cmocka_unit_test(test_it_is_the_same_on_paper),
        cmocka_unit_test(test_values_that_cannot_be_are_not_drawn),
        cmocka_unit_test(test_of_many_records_no_peak_is_lost),
        cmocka_unit_test(test_records_are_loaded_where_they_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
