/* What a site's database can do, in words; and what it may not be. */
#include "dashspool/able.h"
#include "support/support.h"
#include <string.h>

static struct cfg *cfg;
static struct site *site;
static char *dir;

static int set_up(void **state)
{
    (void)state;
    struct err err;
    static const char text[] = "[site]\ndatabase = host=h dbname=d\nobjects = s3://abc\n";
    dir = support_tmp_dir();
    support_write(support_path(dir, "a.conf"), text, sizeof text - 1);
    assert_ok(cfg_load(&cfg, dir, &site_cfg_section, 1, &err));
    assert_ok(site_load(&site, cfg, &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    site_free(&site);
    cfg_free(&cfg);
    support_tmp_remove(&dir);
    return 0;
}

static struct able_database good(void)
{
    return (struct able_database){.version = 150020,
                                  .at = "10.0.0.3:5432",
                                  .may_write = true,
                                  .may_make = true,
                                  .is_utf8 = true,
                                  .is_safe = true,
                                  .standby = "standby",
                                  .standby_answers = true,
                                  .ask_us = 340,
                                  .commit_us = 4200};
}

static void test_a_good_one(void **state)
{
    (void)state;
    char text[ABLE_TEXT_ROOM];
    struct able_database a = good();
    assert_true(able_database_text(&a, site, text));
    assert_string_equal(
        text, "database: PostgreSQL 15.20 at 10.0.0.3:5432, schema dashspool (not made yet); a "
              "question takes 0.3 ms, a commit 4.2 ms\n"
              "database: a synchronous standby (standby) has each commit before it counts: the "
              "loss of one server loses nothing\n");
}

static void test_what_works_and_is_to_be_known(void **state)
{
    (void)state;
    char text[ABLE_TEXT_ROOM];
    struct able_database a = good();
    a.standby[0] = '\0';
    a.standby_answers = false;
    a.clock_ahead_ms = -3200;
    assert_true(able_database_text(&a, site, text));
    assert_has(text, "no synchronous standby");
    assert_has(text, "its clock is 3.2 s behind this machine's");
}

static void test_what_does_not_work(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *says;
    } wrong[] = {
        {offsetof(struct able_database, may_write), "only reads"},
        {offsetof(struct able_database, may_make), "there is no schema dashspool"},
        {offsetof(struct able_database, is_utf8), "not UTF8"},
        {offsetof(struct able_database, is_safe), "a power cut loses footage"},
        {offsetof(struct able_database, standby_answers), "nothing would be acknowledged"},
    };
    char text[ABLE_TEXT_ROOM];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct able_database a = good();
        *(bool *)((char *)&a + wrong[i].at) = false;
        assert_false(able_database_text(&a, site, text));
        assert_has(text, wrong[i].says);
        assert_has(text, "database: wrong: ");
    }
    struct able_database a = good();
    a.version = 120009;
    assert_false(able_database_text(&a, site, text));
    assert_has(text, "PostgreSQL 12 is too old");
    a = good();
    a.has_schema = true;
    a.may_make = false;
    assert_false(able_database_text(&a, site, text));
    assert_has(text, "no tables in the schema dashspool");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_one),
        cmocka_unit_test(test_what_works_and_is_to_be_known),
        cmocka_unit_test(test_what_does_not_work),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
