/* What is one event, and what [export] takes. */
#include "dashspool/export.h"
#include "dashspool/stages.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S INT64_C(1000000)

/* "2-4": the first and the last that belong to number `at`, of times in seconds. */
static const char *range(const int64_t *seconds, size_t n, size_t at, int64_t window_s)
{
    static char out[40];
    int64_t us[400];
    size_t first, end;
    assert_true(at < n && n <= 400);
    for (size_t i = 0; i < n; i++)
        us[i] = seconds[i] * S;
    export_event_range(us, n, at, window_s * S, &first, &end);
    snprintf(out, sizeof out, "%zu-%zu", first, end - 1);
    return out;
}
#define RANGE(at, window_s, ...) \
    range((const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / 8, at, window_s)

static void test_what_begins_within_the_window_of_another_belongs_to_it(void **state)
{
    (void)state;
    assert_string_equal(RANGE(0, 60, 100), "0-0");
    assert_string_equal(RANGE(0, 60, 100, 103), "0-1");
    assert_string_equal(RANGE(1, 60, 100, 160, 220), "0-2"); /* the window itself is within */
    assert_string_equal(RANGE(0, 60, 100, 161), "0-0");
    assert_string_equal(RANGE(1, 60, 100, 161), "1-1");
    assert_string_equal(RANGE(2, 60, 0, 100, 130, 180, 500), "1-3");
    assert_string_equal(RANGE(0, 0, 100, 100, 101), "0-1"); /* front and rear of one instant */
    assert_string_equal(RANGE(1, 60, -100, -70, 20), "0-1");
}

static void test_all_of_an_event_see_the_same_event(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 59, 118, 400, 401, 500, 900, 959};
    static const char *const expected[] = {"0-2", "0-2", "0-2", "3-4", "3-4", "5-5", "6-7", "6-7"};
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(range(times, 8, i, 60), expected[i]);
}

static void test_what_never_ends_is_cut_at_quarters_of_an_hour(void **state)
{
    (void)state;
    int64_t times[300]; /* five hours of a clip a minute */
    for (int i = 0; i < 300; i++)
        times[i] = -3600 + 60 * i;
    for (size_t i = 0; i < 300; i++) {
        char expected[40];
        snprintf(expected, sizeof expected, "%zu-%zu", i / 15 * 15, i / 15 * 15 + 14);
        assert_string_equal(range(times, 300, i, 60), expected);
    }
    /* a quarter of an hour is not too long yet */
    assert_string_equal(range(times + 7, 16, 3, 60), "0-15");
    assert_string_equal(range(times + 7, 17, 3, 60), "0-7");
    assert_string_equal(range(times + 7, 17, 8, 60), "8-16");
}

/* ---- settings ---- */

static char *dir;
static struct cfg *cfg;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cfg_free(&cfg);
    support_tmp_remove(&dir);
    return 0;
}

static int load(const char *text, struct export_policy *out, struct err *err)
{
    static struct cfg_section sections[2];
    char path[600];
    cfg_free(&cfg);
    sections[0] = stages_cfg_sections[4];
    sections[1] = export_cfg_section;
    snprintf(path, sizeof path, "%s/50-x.conf", dir);
    support_write(path, text, strlen(text));
    int rc = cfg_load(&cfg, dir, sections, 2, err);
    return rc < 0 ? rc : export_policy_read(out, cfg, err);
}

static void test_without_settings_crashes_are_packed(void **state)
{
    (void)state;
    struct err err;
    struct export_policy p;
    assert_ok(load("", &p, &err));
    assert_true(export_policy_wants(&p, "crash"));
    assert_false(export_policy_wants(&p, "crash2"));
    assert_false(export_policy_wants(&p, "periodic"));
    assert_false(export_policy_wants(&p, ""));
    assert_true(p.zip && p.protect);
    assert_int_equal(p.window_us, 60 * S);
    assert_int_equal(p.settle_us, 900 * S);
    assert_string_equal(p.dir, "");
    assert_null(p.sign_cert);
    assert_null(p.sign_key);
    assert_null(p.tsa_url);
    assert_non_null(strstr(p.who, "dashspool"));
}

static void test_triggers_are_a_list(void **state)
{
    (void)state;
    struct err err;
    struct export_policy p;
    assert_ok(load("[export]\ntriggers = towing,crash , trigger-37\nformat = folder\n", &p, &err));
    assert_true(export_policy_wants(&p, "crash"));
    assert_true(export_policy_wants(&p, "towing"));
    assert_true(export_policy_wants(&p, "trigger-37"));
    assert_false(export_policy_wants(&p, "trigger-3"));
    assert_false(p.zip);
    assert_ok(load("[export]\ntriggers = all\n", &p, &err));
    assert_true(export_policy_wants(&p, "periodic"));
    assert_true(export_policy_wants(&p, ""));
}

static void test_mistakes_are_named_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[export]\ntriggers = crsh\n", "50-x.conf:2: triggers = crsh: unknown trigger 'crsh'"},
        {"[export]\ntriggers = trigger-x\n", "unknown trigger 'trigger-x'"},
        {"[export]\ntriggers = ,\n", "50-x.conf:2: triggers: name at least one"},
        {"[export]\nwindow = 16 min\n", "50-x.conf:2: window = 16 min"},
        {"[export]\nsettle = 8 d\n", "50-x.conf:2: settle = 8 d"},
        {"[export]\nformat = tar\n", "50-x.conf:2: format = tar"},
        {"[export]\nsign_cert = a.pem\n",
         "50-x.conf:2: [export] sign_cert and sign_key must be set"},
        {"[export]\n\nsign_key = a.key\n",
         "50-x.conf:3: [export] sign_cert and sign_key must be set"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err;
        struct export_policy p;
        assert_err(ERR_CONFIG, load(bad[i].text, &p, &err));
        if (!strstr(err.text, bad[i].says))
            fail_msg("'%s' is not in '%s'", bad[i].says, err.text);
    }
}

/* Not its id, nor what came of it, but what is known before its bytes. */
static void test_a_recording_is_known_again(void **state)
{
    (void)state;
    struct catalogue_transfer a = {.imei = "352093081452251",
                                   .camera = "other",
                                   .kind = "photo",
                                   .trigger_name = "dsm-event",
                                   .time_us = 1732865025 * S,
                                   .length_s = 10,
                                   .wire = {.start = {0, 0, 1}, .start_n = 3}},
                              b = a;
    snprintf(b.id, sizeof b.id, "352093081452251-other-photo-20241129T072345Z-2");
    b.length_bytes = 17;
    b.completed_us = 1;
    b.state = CATALOGUE_PARTIAL;
    assert_true(export_event_recording(&a) == export_event_recording(&b));
    struct catalogue_transfer others[7] = {b, b, b, b, b, b, b};
    others[0].wire.start[2] = 2;
    others[1].wire.start_n = 2;
    others[2].wire.path[0] = 'a';
    others[2].wire.path_n = 1;
    others[3].time_us++;
    others[4].length_s++;
    snprintf(others[5].trigger_name, sizeof b.trigger_name, "request");
    snprintf(others[6].camera, sizeof b.camera, "driver");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_true(export_event_recording(&a) != export_event_recording(&others[i]));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_begins_within_the_window_of_another_belongs_to_it),
        cmocka_unit_test(test_all_of_an_event_see_the_same_event),
        cmocka_unit_test(test_what_never_ends_is_cut_at_quarters_of_an_hour),
        cmocka_unit_test(test_a_recording_is_known_again),
        TEST(test_without_settings_crashes_are_packed),
        TEST(test_triggers_are_a_list),
        TEST(test_mistakes_are_named_with_file_and_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
