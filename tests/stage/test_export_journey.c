/* What a transfer's tracker said, as its report tells it: from the bytes of records on. */
#include "dashspool/convert.h"
#include "dashspool/journey.h"
#include "export/report_facts.h"
#include "support/account.h"
#include "support/report_page.h"
#include "support/support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0     CATALOGUED_T0_US
#define SECOND INT64_C(1000000)
#define TITLE  "What the tracker says"

/* What is gathered, with its points and samples; gathered_clear() it. */
struct gathered {
    struct told_journey told;
    FILE *scratch;
    struct buf points, samples;
    const struct track_point *point;
    const struct report_sample *sample;
};

static void gather(const struct catalogued *f, const struct catalogue_transfer *t,
                   struct gathered *out)
{
    struct err err;
    int64_t bytes = 7; /* of a picture before it */
    out->scratch = tmpfile();
    assert_non_null(out->scratch);
    assert_int_equal(fwrite("picture", 1, 7, out->scratch), 7);
    assert_ok(told_journey_gather(&out->told, f->c, t, "", out->scratch, &bytes, &err));
    assert_int_equal(fflush(out->scratch), 0);
    buf_init(&out->points, 1 << 20);
    buf_init(&out->samples, 1 << 20);
    const struct report_journey *j = &out->told.told;
    if (j->known)
        assert_ok(j->load(j->from, &out->points, &out->samples, &err));
    assert_int_equal(out->points.used, j->n_points * sizeof *out->point);
    assert_int_equal(out->samples.used, j->n_samples * sizeof *out->sample);
    out->point = (const struct track_point *)(const void *)buf_data(&out->points);
    out->sample = (const struct report_sample *)(const void *)buf_data(&out->samples);
}

static void gathered_clear(struct gathered *g)
{
    buf_clear(&g->points);
    buf_clear(&g->samples);
    fclose(g->scratch);
}

/* ---- what is gathered ---- */

static void test_nothing_is_told_where_nothing_was_said(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct gathered g;
    gather(f, &t, &g);
    assert_false(g.told.told.known);
    gathered_clear(&g);
}

static void test_records_are_counted_and_their_points_kept(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct gathered g;
    for (int s = -60; s <= 70; s++) {
        struct account_said said = account_drive(s * 1000);
        said.speed_kmh = 60 + s;
        said.satellites = s == 20 ? 0 : 9;
        said.private_mode = s > 60;
        account_say(f, &t, &said);
    }
    gather(f, &t, &g);
    const struct report_journey *j = &g.told.told;
    assert_true(j->known);
    assert_int_equal(j->records, 131);
    assert_int_equal(j->unfixed, 1);
    assert_int_equal(j->hidden, 10);
    assert_true(j->from_us == T0 && j->until_us == T0 + 10 * SECOND);
    assert_int_equal(j->n_points, 131);
    for (int i = 0; i < 131; i++) {
        const struct track_point *p = &g.point[i];
        assert_true(p->utc_us == T0 + (i - 60) * SECOND);
        assert_int_equal(p->valid, i != 80 && i <= 120);
        assert_int_equal(isnan(p->lat_deg), i > 120);
        assert_true(i > 120 || fabs(p->speed_ms * 3.6 - i) < 1e-9);
    }
    assert_false(j->has_event || j->has_crash);
    gathered_clear(&g);
}

static void test_its_event_is_named_and_its_difference_told(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct gathered g;
    struct account_said said = account_drive(5350);
    said.trigger = ACCOUNT_CRASH;
    said.priority = 1;
    account_say_event(f, &t, &said, 350);
    gather(f, &t, &g);
    const struct report_journey *j = &g.told.told;
    assert_true(j->has_event);
    assert_true(j->event_us == T0 + 5350000);
    assert_int_equal(j->difference_us, 350000);
    assert_string_equal(j->priority, "high");
    assert_string_equal(j->event, "camera trigger (AVL 499): crash");
    gathered_clear(&g);
}

/* As many as a record has, in the time to the next; the last as fast as the one before. */
static void test_samples_lie_between_their_records(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct gathered g;
    struct account_said said = account_drive(4091);
    said.crash = 1;
    said.counter = 7;
    account_say(f, &t,
                &said); /* the crash itself has no samples, and another parity than its trace */
    said.crash = 5;
    said.samples = ACCOUNT_SAMPLES;
    for (int i = 0; i < 3; i++) {
        said.at_ms = 1101 + i * 1000 + (i == 2 ? 500 : 0);
        said.first = i * ACCOUNT_SAMPLES;
        account_say(f, &t, &said);
    }
    gather(f, &t, &g);
    const struct report_journey *j = &g.told.told;
    assert_true(j->has_crash);
    assert_true(j->crash_us == T0 + 4091000);
    assert_string_equal(j->crash, "crash, calibrated (AVL 247)");
    assert_int_equal(j->axes, REPORT_CALIBRATED);
    assert_int_equal(j->n_samples, 3 * ACCOUNT_SAMPLES);
    assert_int_equal(j->unplaced, 0);
    for (int i = 0; i < 3 * ACCOUNT_SAMPLES; i++) {
        int64_t at_us = i < 100   ? 1101000 + i * 10000
                        : i < 200 ? 2101000 + (i - 100) * 15000
                                  : 3601000 + (i - 200) * 15000;
        assert_true(g.sample[i].utc_us == T0 + at_us);
        assert_int_equal(g.sample[i].mg[0], i);
        assert_int_equal(g.sample[i].mg[1], -1000);
        assert_int_equal(g.sample[i].mg[2], 1000);
        assert_int_equal(g.sample[i].apart, i == 0);
    }
    gathered_clear(&g);
}

/* A record that is far from the others, or of another crash, tells nothing of how fast they are. */
static void test_samples_without_a_neighbour_have_no_time(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct gathered g;
    struct account_said said = account_drive(0);
    said.crash = 2;
    said.counter = 7;
    said.samples = 10;
    static const struct {
        int at_ms, counter;
    } each[] = {{0, 7}, {400, 7}, {20000, 7}, {20500, 8}, {21501, 8}};
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        said.at_ms = each[i].at_ms;
        said.counter = each[i].counter;
        account_say(f, &t, &said);
    }
    gather(f, &t, &g);
    const struct report_journey *j = &g.told.told;
    assert_int_equal(j->n_samples, 20); /* of the first two */
    assert_int_equal(j->unplaced, 30);
    assert_true(g.sample[10].utc_us == T0 + 400000 && g.sample[19].utc_us == T0 + 760000);
    assert_int_equal(j->axes, REPORT_NOT_CALIBRATED);
    assert_false(j->has_crash); /* only its trace */
    gathered_clear(&g);
}

static void test_private_mode_hides_samples_too(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct gathered g;
    struct account_said said = account_drive(0);
    said.crash = 5;
    said.samples = 10;
    said.private_mode = true;
    for (int i = 0; i < 3; i++, said.at_ms += 400)
        account_say(f, &t, &said);
    gather(f, &t, &g);
    assert_int_equal(g.told.told.hidden, 3);
    assert_int_equal(g.told.told.n_samples + (size_t)g.told.told.unplaced, 0);
    assert_false(g.told.told.has_crash);
    assert_int_equal(g.told.told.axes, REPORT_NOT_TOLD);
    gathered_clear(&g);
}

/* ---- in the report ---- */

/* redacted: NULL or with these things hidden. The page is the caller's (free). */
static char *page_of(const struct catalogued *f, const struct catalogue_transfer *t,
                     const struct cfg *cfg, const struct report_facts_redacted *redacted)
{
    struct report_facts *facts;
    struct err err;
    struct buf differences;
    const struct export_request request = {.who = "A. Person", .cfg = cfg};
    char *text = NULL;
    size_t n = 0;
    buf_init(&differences, 100);
    assert_ok(report_facts_new(&facts, f->root, NULL, "", &err));
    assert_ok(report_facts_add(facts, f->c, f->root, t, "", redacted, &err));
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    assert_ok(report_facts_report(facts, &request, redacted ? "Something" : NULL, &differences,
                                  REPORT_FACTS_HTML, out, &err));
    fclose(out);
    report_facts_free(&facts);
    buf_clear(&differences);
    return text;
}

static void test_the_report_tells_it_but_not_without_the_position(void **state)
{
    const struct catalogued *f = *state;
    struct catalogue_transfer t = account_clip(f);
    struct cfg *cfg;
    struct err err;
    struct account_said said = account_drive(5350);
    for (int s = -60; s <= 70; s++)
        account_say(f, &t, &(struct account_said){s * 1000, 9, 100, -1, -1, -1, 0, 0, false, 0});
    said.trigger = ACCOUNT_CRASH;
    account_say_event(f, &t, &said, 350);
    char *page = page_of(f, &t, NULL, NULL);
    report_well_formed(page);
    report_says(page, TITLE);
    report_says(page, "132 around the recording");
    report_says(page, "0.350 seconds: the tracker’s time of the event is later");
    report_says(page, "100 km/h by the last record with a fix, 0.3 s before its record");
    free(page);
    assert_ok(cfg_load(&cfg, NULL, &convert_cfg_section, 1, &err));
    assert_ok(cfg_set(cfg, "convert", "osd_units", "imperial", "a test", &err));
    page = page_of(f, &t, cfg, NULL);
    report_says(page, "62 mph by the last record with a fix");
    free(page);
    cfg_free(&cfg);
    struct report_facts_redacted redacted = {.no_sound = true};
    page = page_of(f, &t, NULL, &redacted);
    report_says_not(page, TITLE);
    report_says_not(page, "km/h");
    free(page);
    redacted.with_position = true;
    page = page_of(f, &t, NULL, &redacted);
    report_says(page, TITLE);
    free(page);
    redacted.no_position = true;
    page = page_of(f, &t, NULL, &redacted);
    report_says_not(page, TITLE);
    report_says_not(page, "km/h");
    report_says_not(page, "class=\"map route\"");
    free(page);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, catalogued_set_up, catalogued_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_nothing_is_told_where_nothing_was_said),
        T(test_records_are_counted_and_their_points_kept),
        T(test_its_event_is_named_and_its_difference_told),
        T(test_samples_lie_between_their_records),
        T(test_samples_without_a_neighbour_have_no_time),
        T(test_private_mode_hides_samples_too),
        T(test_the_report_tells_it_but_not_without_the_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
