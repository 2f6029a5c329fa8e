/* A recipe comes back as it was written, to the last bit; what is none is refused by name. */
#include "dashspool/export.h"
#include "dashspool/recipe.h"
#include "support/support.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct recipe whole(void)
{
    struct recipe r = {.n_libraries = 0};
    r.facts = (struct media_facts){
        .has_time = true,
        .has_zone = true,
        .has_position = true,
        .has_trigger_time = true,
        .start_utc_us = INT64_C(1732865025123457),
        .time_error_us = 500001,
        .tz_min = -210,
        .lat_deg = 54.700000000000003,
        .lon_deg = -25.1 / 3,
        .trigger_utc_us = INT64_C(1732865030000001),
        .meta_fps = 1e3 / 7,
        .length_s = 10,
    };
    snprintf(r.facts.id, sizeof r.facts.id, "352093081452251-rear-video-20241129T072345Z");
    snprintf(r.facts.imei, sizeof r.facts.imei, "352093081452251");
    snprintf(r.facts.camera, sizeof r.facts.camera, "rear");
    snprintf(r.facts.trigger, sizeof r.facts.trigger, "crash");
    snprintf(r.facts.time_source, sizeof r.facts.time_source, "file name");
    r.options = (struct convert_options){
        .copies = COPY_WORKING | COPY_TIMING | COPY_VTT | COPY_MOMENT,
        .media.fps = 0.1,
        .media.default_fps = 25,
        .crf = 23.25,
        .lookahead = 10,
        .threads = 3,
        .flac = true,
        .moment_us = {0, INT64_C(1234567)},
        .n_moments = 2,
        .osd_size = 4.0 / 3,
        .osd_box = true,
        .osd_imperial = true,
    };
    snprintf(r.options.preset, sizeof r.options.preset, "slow");
    snprintf(r.options.encoder, sizeof r.options.encoder, "libx264");
    snprintf(r.options.osd_template, sizeof r.options.osd_template, "{time}\n\"\\ {note}");
    snprintf(r.options.osd_position, sizeof r.options.osd_position, "top-right");
    snprintf(r.options.note, sizeof r.options.note, "Žalgirio g. 12 \xe2\x80\xa8\x01");
    recipe_sign(&r);
    return r;
}

static void comes_back(const struct recipe *r)
{
    struct recipe back;
    struct err err;
    char *text = NULL, *again = NULL;
    assert_ok(recipe_text(r, &text, &err));
    assert_ok(recipe_parse(&back, text, strlen(text), &err));
    assert_true(back.facts.lat_deg == r->facts.lat_deg && back.facts.lon_deg == r->facts.lon_deg);
    assert_true(back.facts.meta_fps == r->facts.meta_fps);
    assert_true(back.options.crf == r->options.crf &&
                back.options.media.fps == r->options.media.fps);
    assert_true(back.options.osd_size == r->options.osd_size);
    assert_true(back.facts.start_utc_us == r->facts.start_utc_us);
    assert_int_equal(back.options.copies, r->options.copies);
    assert_int_equal(back.n_libraries, r->n_libraries);
    assert_memory_equal(back.options.moment_us, r->options.moment_us, sizeof r->options.moment_us);
    assert_string_equal(back.options.note, r->options.note);
    assert_ok(recipe_text(&back, &again, &err));
    assert_string_equal(text, again);
    free(text);
    free(again);
}

/* What came later than the first recipes is 0 in those, and not written where it is. */
static void test_an_older_recipe_has_no_lookahead(void **state)
{
    (void)state;
    struct recipe r = whole(), back;
    struct err err;
    char *text = NULL;
    assert_ok(recipe_text(&r, &text, &err));
    assert_ok(recipe_parse(&back, text, strlen(text), &err));
    assert_int_equal(back.options.lookahead, 10);
    free(text);
    r.options.lookahead = 0;
    assert_ok(recipe_text(&r, &text, &err));
    assert_null(strstr(text, "lookahead"));
    assert_ok(recipe_parse(&back, text, strlen(text), &err));
    assert_int_equal(back.options.lookahead, 0);
    free(text);
}

/* What is written of a copy is read again, by the one who wrote it. */
static void test_settings_come_back(void **state)
{
    (void)state;
    struct recipe r = whole();
    struct convert_result made = {.pictures = 200, .duration_us = 10030000, .sound = true};
    struct recipe_settings s;
    struct err err;
    char settings[RECIPE_BYTES_MAX], why_not[200] = "", *text = NULL, *again = NULL;
    made.timing.fps[MEDIA_SOURCE_PTMF] = 19.967;
    made.damage.lost = 13;
    made.damage.stray_bytes = 7;
    assert_ok(recipe_settings_text(&r, &made, COPY_WORKING, settings, sizeof settings, &err));
    assert_true(recipe_settings_read(&s, settings));
    assert_int_equal(s.pictures, 200);
    assert_true(s.duration_s == 10.03);
    assert_string_equal(s.timing, "capture times");
    assert_int_equal(s.rate.chosen, MEDIA_SOURCE_PTMF);
    assert_true(s.rate.fps[MEDIA_SOURCE_PTMF] == 19.967);
    assert_int_equal(s.n_damage, 2);
    assert_string_equal(s.damage[0].name, "missing");
    assert_int_equal(s.damage[0].n, 13);
    assert_string_equal(s.sound, r.options.flac ? "flac" : "aac");
    assert_string_equal(s.encoder, r.options.encoder);
    assert_string_equal(s.preset, r.options.preset);
    assert_ok(recipe_settings_recipe(&text, settings, why_not, sizeof why_not, &err));
    assert_ok(recipe_text(&r, &again, &err));
    assert_string_equal(text, again);
    assert_string_equal(why_not, "");
    free(text);
    free(again);

    r.options.no_sound = true; /* nobody can follow it elsewhere */
    assert_ok(recipe_settings_text(&r, &made, COPY_VIEWING, settings, sizeof settings, &err));
    assert_true(recipe_settings_read(&s, settings));
    assert_string_equal(s.encoder, "");
    assert_string_equal(s.sound, "");
    assert_ok(recipe_settings_recipe(&text, settings, why_not, sizeof why_not, &err));
    assert_null(text);
    assert_non_null(strstr(why_not, "something was hidden in it"));
    assert_false(recipe_settings_read(&s, "[]"));
    assert_ok(recipe_settings_recipe(&text, "no JSON", why_not, sizeof why_not, &err));
    assert_null(text);
}

static void test_a_recipe_comes_back_as_it_was(void **state)
{
    (void)state;
    struct recipe r = whole();
    comes_back(&r);
    r.facts.has_position = r.facts.has_time = false;
    r.facts.lat_deg = r.facts.lon_deg = 0;
    r.facts.start_utc_us = 0;
    comes_back(&r);
    r = (struct recipe){.program = "another 2"};
    comes_back(&r);
}

static void test_numbers_lose_nothing(void **state)
{
    (void)state;
    static const double values[] = {0.0,          -0.0, 90,      -90,       DBL_MIN,
                                    DBL_TRUE_MIN, 0.1,  1.0 / 3, 54.687157, 89.99999999999999,
                                    -DBL_EPSILON};
    struct recipe r = whole(), back;
    struct err err;
    srand(7);
    for (size_t i = 0; i < sizeof values / sizeof *values + 2000; i++) {
        char *text = NULL;
        r.facts.lat_deg = i < sizeof values / sizeof *values
                              ? values[i]
                              : (rand() / (double)RAND_MAX - 0.5) * 180;
        assert_ok(recipe_text(&r, &text, &err));
        assert_ok(recipe_parse(&back, text, strlen(text), &err));
        assert_memory_equal(&back.facts.lat_deg, &r.facts.lat_deg, sizeof(double));
        free(text);
    }
}

static void test_what_is_not_known_is_not_there(void **state)
{
    (void)state;
    struct recipe r = whole(), back;
    struct err err;
    char *text = NULL;
    r.facts.has_position = r.facts.has_trigger_time = false;
    assert_ok(recipe_text(&r, &text, &err));
    assert_null(strstr(text, "lat_deg"));
    assert_null(strstr(text, "trigger_utc_us"));
    assert_non_null(strstr(text, "start_utc_us"));
    assert_ok(recipe_parse(&back, text, strlen(text), &err));
    assert_false(back.facts.has_position || back.facts.has_trigger_time);
    assert_true(back.facts.has_time && back.facts.lat_deg == 0);
    free(text);
}

static void test_the_longest_texts_fit(void **state)
{
    (void)state;
    struct recipe r = whole();
    struct catalogue_copy copy;
    struct err err;
    char *text = NULL;
    memset(r.options.osd_template, '"', sizeof r.options.osd_template - 1);
    memset(r.options.note, '\\', sizeof r.options.note - 1);
    memset(r.facts.id, 'i', sizeof r.facts.id - 1);
    comes_back(&r);
    assert_ok(recipe_text(&r, &text, &err));
    assert_true(strlen(text) < sizeof copy.settings * 2 / 3); /* what came out must fit, too */
    free(text);
}

static void test_what_cannot_be_followed_elsewhere_is_said(void **state)
{
    (void)state;
    struct err err;
    char *text = NULL;
    struct recipe r = whole();
    snprintf(r.options.track_path, sizeof r.options.track_path, "/home/x/drive.gpx");
    assert_err(ERR_UNSUPPORTED, recipe_text(&r, &text, &err));
    assert_non_null(strstr(err.text, "another file, drive.gpx,"));
    r = whole();
    snprintf(r.options.media.params_from, sizeof r.options.media.params_from, "/home/x/other.h265");
    assert_err(ERR_UNSUPPORTED, recipe_text(&r, &text, &err));
    assert_non_null(strstr(err.text, "other.h265"));
    r = whole();
    snprintf(r.options.note, sizeof r.options.note, "\xff\xfe");
    assert_err(ERR_UNSUPPORTED, recipe_text(&r, &text, &err));
    assert_non_null(strstr(err.text, "note is not UTF-8"));
    assert_null(text);
}

/* Where it lies is nobody's business: who follows the recipe has a file with the hash, or not. */
#define HASH "b4acdfbb05e9656efd6aaed7b4dac44e844ccb4086d60b3381f4b1a21b356edc"

static void test_the_trackers_track_is_named_by_its_hash(void **state)
{
    (void)state;
    static const char name[] = "\"track\":{\"sha256\":\"" HASH "\",\"source\":\"tracker\"}";
    struct err err;
    char *text = NULL;
    struct recipe r = whole(), back;
    snprintf(r.options.track_path, sizeof r.options.track_path, "/home/x/clip.track.csv");
    snprintf(r.options.track_sha256, sizeof r.options.track_sha256, HASH);
    assert_ok(recipe_text(&r, &text, &err));
    assert_non_null(strstr(text, name));
    assert_null(strstr(text, "/home"));
    assert_ok(recipe_parse(&back, text, strlen(text), &err));
    assert_string_equal(back.options.track_sha256, HASH);
    assert_string_equal(back.options.track_path, "");
    static const struct {
        int code;
        const char *to, *says;
    } cases[] = {
        {ERR_MALFORMED, "\"track\":{\"sha256\":\"" HASH "\"}", "track has no source"},
        {ERR_MALFORMED, "\"track\":\"drive.gpx\"", "track has no source"},
        {ERR_MALFORMED, "\"track\":{\"sha256\":\"A" HASH "\",\"source\":\"tracker\"}",
         "track has a sha256 that is none"},
        {ERR_MALFORMED, "\"track\":{\"sha256\":\"" HASH "\",\"source\":\"tracker\",\"x\":1}",
         "track has no source"},
        {ERR_UNSUPPORTED, "\"track\":{\"sha256\":\"" HASH "\",\"source\":\"balloon\"}",
         "a track by 'balloon'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char other[RECIPE_BYTES_MAX];
        const char *at = strstr(text, name);
        snprintf(other, sizeof other, "%.*s%s%s", (int)(at - text), text, cases[i].to,
                 at + strlen(name));
        assert_err(cases[i].code, recipe_parse(&back, other, strlen(other), &err));
        if (!strstr(err.text, cases[i].says))
            fail_msg("'%s' is not in '%s'", cases[i].says, err.text);
    }
    free(text);
    /* and a copy's settings tell it */
    static struct convert_result made = {.container = MEDIA_ANNEXB};
    static char settings[RECIPE_BYTES_MAX];
    struct recipe_settings s;
    assert_ok(recipe_settings_text(&r, &made, COPY_VIEWING, settings, sizeof settings, &err));
    assert_true(recipe_settings_read(&s, settings));
    assert_string_equal(s.track_sha256, HASH);
}

/* The text with one part replaced; static. */
static const char *with(const char *from, const char *to)
{
    static char out[RECIPE_BYTES_MAX * 2];
    struct recipe r = whole();
    struct err err;
    char *text = NULL;
    assert_ok(recipe_text(&r, &text, &err));
    char *at = strstr(text, from);
    if (!at)
        fail_msg("no %s in %s", from, text);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return out;
}

static void refused(int code, const char *from, const char *to, const char *says)
{
    struct recipe back;
    struct err err = {0};
    const char *text = with(from, to);
    int rc = recipe_parse(&back, text, strlen(text), &err);
    if (rc != code || !strstr(err.text, says))
        fail_msg("%s: %d '%s' instead of '%s'", to, rc, err.text, says);
}

static void test_hostile_values_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const lats[] = {"\"91\"", "\"nan\"", "\"inf\"", "\"0x10\"",  "\"\"",
                                       "\" 1\"", "\"1 \"",  "\"1,5\"", "\"1e999\"", "\"-\"",
                                       "54.7",   "null",    "[\"1\"]", "\"1.2.3\"", "true"};
    static const char was[] = "\"lat_deg\":\"54.7\"";
    assert_non_null(strstr(with(was, was), was));
    for (size_t i = 0; i < sizeof lats / sizeof *lats; i++) {
        char to[60];
        snprintf(to, sizeof to, "\"lat_deg\":%s", lats[i]);
        refused(ERR_MALFORMED, was, to, "lat_deg");
    }
    refused(ERR_MALFORMED, "\"tz_min\":-210", "\"tz_min\":1441", "tz_min is out of range");
    refused(ERR_MALFORMED, "\"tz_min\":-210", "\"tz_min\":-210.5", "tz_min is not a number");
    refused(ERR_MALFORMED, "\"lookahead\":10", "\"lookahead\":-1", "lookahead");
    refused(ERR_MALFORMED, "\"lookahead\":10", "\"lookahead\":251", "lookahead");
    refused(ERR_MALFORMED, "\"lookahead\":10", "\"lookahead\":\"10\"", "lookahead");
    refused(ERR_MALFORMED, "\"threads\":3", "\"threads\":65", "threads");
    refused(ERR_MALFORMED, "\"threads\":3", "\"threads\":-1", "threads");
    refused(ERR_MALFORMED, ",\"threads\":3", "", "threads is missing");
    refused(ERR_MALFORMED, "1732865025123457", "9223372036854775807", "start_utc_us");
    refused(ERR_MALFORMED, "1732865025123457", "92233720368547758070", "not a recipe");
    refused(ERR_MALFORMED, "\"flac\":true", "\"flac\":1", "flac");
    refused(ERR_MALFORMED, "\"crf\":\"23.25\"", "\"crf\":\"52\"", "crf");
    refused(ERR_MALFORMED, "\"slow\"", "\"much too long a word\"", "preset is too long");
    refused(ERR_MALFORMED, "\"slow\"", "\"s\\u0000w\"", "not a recipe");
    refused(ERR_MALFORMED, "\"slow\"", "\"s\xff\"", "not a recipe");
    refused(ERR_MALFORMED, "\"slow\"", "{}", "preset is not a text");
    refused(ERR_MALFORMED, "\"working\"", "\"still\"", "copies");
    refused(ERR_MALFORMED, "\"working\"", "\"unknown\"", "copies");
    refused(ERR_MALFORMED, "\"working\"", "7", "copies");
    refused(ERR_MALFORMED, "[0,1234567]", "[0,1,2,3,4,5,6,7,8]", "moments_us");
    refused(ERR_MALFORMED, "[0,1234567]", "[-1]", "moments_us");
    refused(ERR_MALFORMED, "[0,1234567]", "[\"1\"]", "moments_us");
    refused(ERR_MALFORMED, "[0,1234567]", "7", "moments_us");
    refused(ERR_MALFORMED, "\"libraries\":{", "\"libraries\":{\"x\":1,", "libraries");
    refused(ERR_MALFORMED, "\"libraries\":{", "\"libraries\":[],\"x\":{", "libraries");
    refused(ERR_MALFORMED, "\"program\":", "\"x\":", "program");
    refused(ERR_MALFORMED, "\"facts\":{", "\"facts\":7,\"x\":{", "facts");
    refused(ERR_MALFORMED, "\"format\":1", "\"format\":\"1\"", "not a recipe");
    refused(ERR_MALFORMED, "\"flac\":true", "\"flac\":true,\"flac\":true", "not a recipe");
    refused(ERR_UNSUPPORTED, "\"format\":1", "\"format\":2", "format 2");
    refused(ERR_UNSUPPORTED, "\"flac\":true", "\"flac\":true,\"mirror\":true", "'mirror'");
    refused(ERR_UNSUPPORTED, "\"facts\":{", "\"facts\":{\"copies\":[],", "'copies'");
}

static void test_any_bytes_do_no_harm(void **state)
{
    (void)state;
    struct recipe r = whole(), back;
    struct err err;
    char *text = NULL;
    assert_ok(recipe_text(&r, &text, &err));
    size_t n = strlen(text);
    uint32_t seed = 1;
    for (size_t at = 0; at < n; at++) {
        char kept = text[at];
        assert_true(recipe_parse(&back, text, at, &err) < 0);
        seed = seed * 1664525u + 1013904223u;
        text[at] = (char)(seed >> 24);
        if (recipe_parse(&back, text, n, &err) == ERR_OK) {
            assert_true(strlen(back.options.note) < sizeof back.options.note);
            assert_true(isfinite(back.facts.lat_deg) && back.options.n_moments <= 8);
        }
        text[at] = kept;
    }
    free(text);
    char *big = calloc(1, RECIPE_BYTES_MAX + 1);
    assert_non_null(big);
    memset(big, '[', RECIPE_BYTES_MAX + 1);
    assert_err(ERR_MALFORMED, recipe_parse(&back, big, RECIPE_BYTES_MAX + 1, &err));
    assert_err(ERR_MALFORMED, recipe_parse(&back, big, RECIPE_BYTES_MAX, &err));
    free(big);
    assert_err(ERR_MALFORMED, recipe_parse(&back, "", 0, &err));
}

static void test_other_makers_are_named(void **state)
{
    (void)state;
    struct recipe then = whole(), now = whole();
    char text[300];
    assert_false(recipe_differs(&then, &now, text, sizeof text));
    assert_string_equal(text, "");
    snprintf(then.program, sizeof then.program, "dashspool 0.0.1");
    assert_true(recipe_differs(&then, &now, text, sizeof text));
    assert_string_equal(text, "dashspool 0.0.1, here dashspool " DASHSPOOL_VERSION);
    then = now;
    snprintf(then.library[1].version, sizeof then.library[1].version, "1.2.3");
    assert_true(recipe_differs(&then, &now, text, sizeof text));
    assert_non_null(strstr(text, "libavcodec 1.2.3, here "));
    then = now;
    then.n_libraries--;
    assert_true(recipe_differs(&then, &now, text, sizeof text));
    assert_non_null(strstr(text, "none, here "));
    then.n_libraries = 0;
    assert_true(recipe_differs(&then, &now, text, 20)); /* cut, not overrun */
    assert_int_equal(strlen(text), 19);
}

static void test_the_facts_of_a_row_are_those_that_can_be_true(void **state)
{
    (void)state;
    struct catalogue_transfer t = {.id = "x",
                                   .time_us = 5,
                                   .lat_deg = 1,
                                   .lon_deg = 2,
                                   .tz_min = 60,
                                   .fps = 99,
                                   .length_s = 7};
    struct media_facts f;
    struct err err;
    snprintf(t.trigger_name, sizeof t.trigger_name, "crash");
    assert_ok(export_media_facts(NULL, &t, "", &f, &err));
    assert_false(f.has_time || f.has_zone || f.has_position || f.has_trigger_time);
    assert_true(f.meta_fps == 0 && f.length_s == 0 && f.trigger[0] == '\0');
    t.known = CATALOGUE_HAS_META | CATALOGUE_POSITION_OK | CATALOGUE_FPS_OK;
    assert_ok(export_media_facts(NULL, &t, "", &f, &err));
    assert_true(f.has_position && f.lon_deg == 2 && f.meta_fps == 99 && f.length_s == 7);
    assert_string_equal(f.trigger, "crash");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_recipe_comes_back_as_it_was),
        cmocka_unit_test(test_an_older_recipe_has_no_lookahead),
        cmocka_unit_test(test_settings_come_back),
        cmocka_unit_test(test_numbers_lose_nothing),
        cmocka_unit_test(test_what_is_not_known_is_not_there),
        cmocka_unit_test(test_the_longest_texts_fit),
        cmocka_unit_test(test_what_cannot_be_followed_elsewhere_is_said),
        cmocka_unit_test(test_the_trackers_track_is_named_by_its_hash),
        cmocka_unit_test(test_hostile_values_are_refused_by_name),
        cmocka_unit_test(test_any_bytes_do_no_harm),
        cmocka_unit_test(test_other_makers_are_named),
        cmocka_unit_test(test_the_facts_of_a_row_are_those_that_can_be_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
