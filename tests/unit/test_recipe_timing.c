/* A timing file is read for what it says; what is none says nothing. */
#include "dashspool/recipe.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static const char text[] =
    "{\"pictures\":[{\"pts_s\":0.0,\"state\":\"good\"},{\"pts_s\":0.5,\"state\":\"damaged\"},"
    "{\"pts_s\":1.0,\"state\":\"affected\"},{\"pts_s\":2.0,\"state\":\"good\"}],"
    "\"gaps\":[{\"lost\":3,\"from_s\":1.0,\"until_s\":2.0},{\"lost\":0,\"from_s\":0.0,\"until_s\":"
    "0.5}],\"silence\":[{\"from_s\":1.5,\"until_s\":1.75}]}";

static struct recipe_timing read_text(const char *json, const struct recipe_settings *made)
{
    struct recipe_timing t;
    struct err err;
    assert_ok(recipe_timing_read(&t, json, strlen(json), made, &err));
    return t;
}

static void assert_stretch(const struct recipe_stretch *s, enum recipe_flaw flaw,
                           enum recipe_cause cause, int64_t from_us, int64_t until_us, int64_t n)
{
    assert_int_equal(s->flaw, flaw);
    assert_int_equal(s->cause, cause);
    assert_int_equal(s->from_us, from_us);
    assert_int_equal(s->until_us, until_us);
    assert_int_equal(s->n, n);
}

static void test_pictures_and_what_is_wrong_by_time(void **state)
{
    (void)state;
    const struct recipe_settings made = {
        .duration_s = 2.5, .damage = {{"cut_bytes", 40}, {"damaged", 1}}, .n_damage = 2};
    struct recipe_timing t = read_text(text, &made);
    assert_int_equal(t.n, 4);
    assert_int_equal(t.pts_us[1], 500000);
    assert_int_equal(t.pts_us[3], 2000000);
    assert_int_equal(t.n_stretches, 5);
    assert_stretch(&t.stretch[0], RECIPE_MISSING, RECIPE_NOT_RECORDED, 0, 500000, 0);
    assert_stretch(&t.stretch[1], RECIPE_DAMAGED, RECIPE_CORRUPT, 500000, 2000000, 2);
    assert_stretch(&t.stretch[2], RECIPE_MISSING, RECIPE_NOT_RECEIVED, 1000000, 2000000, 3);
    assert_stretch(&t.stretch[3], RECIPE_SILENCE, RECIPE_NO_SOUND, 1500000, 1750000, 0);
    assert_stretch(&t.stretch[4], RECIPE_CUT, RECIPE_UNFINISHED, 2500000, 2500000, 40);
    recipe_timing_clear(&t);
}

static void test_where_another_recording_begins_nothing_is_lost(void **state)
{
    (void)state;
    const struct recipe_settings made = {.duration_s = 3};
    struct recipe_timing t = read_text("{\"gaps\":[{\"lost\":0,\"from_s\":1,\"until_s\":2,"
                                       "\"recording\":2,\"length\":\"unknown\"}]}",
                                       &made);
    assert_int_equal(t.n_stretches, 1);
    assert_stretch(&t.stretch[0], RECIPE_MISSING, RECIPE_BETWEEN, 1000000, 2000000, 0);
    recipe_timing_clear(&t);
}

static void test_without_a_file_the_settings_tell(void **state)
{
    (void)state;
    const struct recipe_settings made = {
        .duration_s = 2.5, .damage = {{"left_out", 7}, {"stray_bytes", 1}}, .n_damage = 2};
    struct recipe_timing t = read_text("", &made);
    assert_int_equal(t.n, 0);
    assert_int_equal(t.n_stretches, 2);
    assert_stretch(&t.stretch[0], RECIPE_MISSING, RECIPE_UNDECODABLE, 0, 0, 7);
    assert_stretch(&t.stretch[1], RECIPE_DAMAGED, RECIPE_SOMEWHERE, 0, 2500000, 0);
    recipe_timing_clear(&t);
}

static void test_any_text_does_no_harm(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{",
        "[]",
        "null",
        "{\"pictures\":7}",
        "{\"pictures\":[1,null,{\"pts_s\":\"x\"}]}",
        "{\"pictures\":[{\"pts_s\":1e300},{\"pts_s\":-5}],\"gaps\":[{}],\"silence\":{}}"};
    const struct recipe_settings made = {.duration_s = 1e300};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct recipe_timing t = read_text(texts[i], &made);
        for (size_t k = 1; k < t.n; k++)
            assert_true(t.pts_us[k] >= t.pts_us[k - 1]);
        recipe_timing_clear(&t);
    }
}

static void test_there_is_an_end_to_flaws(void **state)
{
    (void)state;
    static char many[RECIPE_STRETCHES_MAX * 80];
    const struct recipe_settings made = {.duration_s = 1};
    size_t n = (size_t)snprintf(many, sizeof many, "{\"gaps\":[{}");
    for (int i = 0; i < RECIPE_STRETCHES_MAX + 50; i++)
        n += (size_t)snprintf(many + n, sizeof many - n, ",{\"lost\":1,\"from_s\":1}");
    snprintf(many + n, sizeof many - n, "]}");
    struct recipe_timing t = read_text(many, &made);
    assert_int_equal(t.n_stretches, RECIPE_STRETCHES_MAX);
    recipe_timing_clear(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_and_what_is_wrong_by_time),
        cmocka_unit_test(test_where_another_recording_begins_nothing_is_lost),
        cmocka_unit_test(test_without_a_file_the_settings_tell),
        cmocka_unit_test(test_any_text_does_no_harm),
        cmocka_unit_test(test_there_is_an_end_to_flaws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
