#include "dashspool/cfg.h"
#include "dashspool/fsx.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cfg_key alpha_keys[] = {
    {"count", CFG_INT, "things", 1, 10, "3", "how many"},
    {"rate", CFG_REAL, "1/s", 0, 100, "2.5", "how fast"},
    {"on", CFG_BOOL, "yes or no", 0, 0, "no", "whether"},
    {"name", CFG_TEXT, "text", 0, 8, "abc", "what"},
    {"mode", CFG_WORD, "slow fast", 0, 0, "slow", "which"},
};
static const struct cfg_key beta_keys[] = {{"count", CFG_INT, "", 0, 5, "0", "another"}};
static const struct cfg_section sections[] = {{"alpha", alpha_keys, 5}, {"beta", beta_keys, 1}};

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static void put(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    support_write(path, text, strlen(text));
}

static void test_without_files_the_defaults_hold(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    assert_ok(cfg_load(&cfg, NULL, sections, 2, &err));
    assert_int_equal(cfg_int(cfg, "alpha", "count"), 3);
    assert_int_equal(cfg_int(cfg, "beta", "count"), 0);
    assert_true(cfg_real(cfg, "alpha", "rate") == 2.5);
    assert_false(cfg_bool(cfg, "alpha", "on"));
    assert_string_equal(cfg_text(cfg, "alpha", "name"), "abc");
    cfg_free(&cfg);
}

static void note_origin(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                        const char *value, const char *origin)
{
    char *out = arg;
    (void)value;
    if (strcmp(section->name, "alpha") == 0 && strcmp(key->name, "count") == 0)
        snprintf(out, 600, "%s", origin);
}

static void test_later_names_win_and_each_value_knows_its_origin(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    char origin[600], expected[600];
    put("20-b.conf", "# comment\n[alpha]\ncount = 5\non = YES\n");
    put("10-a.conf", "[alpha]\ncount = 4\nname = x\n[beta]\ncount = 1\n");
    put("30-not-read.conf~", "[alpha]\ncount = 9\n");
    put(".40-hidden.conf", "[alpha]\ncount = 9\n");
    assert_ok(cfg_load(&cfg, dir, sections, 2, &err));
    assert_int_equal(cfg_int(cfg, "alpha", "count"), 5);
    assert_int_equal(cfg_int(cfg, "beta", "count"), 1);
    assert_true(cfg_bool(cfg, "alpha", "on"));
    assert_string_equal(cfg_text(cfg, "alpha", "name"), "x");
    cfg_each(cfg, note_origin, origin);
    snprintf(expected, sizeof expected, "%s/20-b.conf:3", dir);
    assert_string_equal(origin, expected);
    assert_ok(cfg_set(cfg, "alpha", "count", "7", "command line", &err));
    cfg_each(cfg, note_origin, origin);
    assert_string_equal(origin, "command line");
    cfg_free(&cfg);
}

static void test_every_mistake_is_named_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[alpha]\ncount = 11\n", "50-x.conf:2: count = 11: a whole number from 1 to 10"},
        {"[alpha]\n\ncount = 3x\n", "50-x.conf:3: count = 3x"},
        {"[alpha]\ncount =\n", "50-x.conf:2"},
        {"[alpha]\nrate = nan\n", "50-x.conf:2"},
        {"[alpha]\non = maybe\n", "write yes or no"},
        {"[alpha]\nname = 123456789\n", "longer than 8"},
        {"[alpha]\nmode = fas\n", "one of these is needed: slow fast"},
        {"[alpha]\ncolour = red\n", "unknown key 'colour' in [alpha]"},
        {"[gamma]\ncount = 1\n", "unknown section [gamma]"},
        {"count = 1\n", "unknown section []"},
        {"[alpha]\nnonsense\n", "50-x.conf:2: neither"},
        {"[alpha\ncount = 1\n", "50-x.conf:2: unknown section []"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err;
        struct cfg *cfg = NULL;
        put("50-x.conf", bad[i].text);
        assert_err(ERR_CONFIG, cfg_load(&cfg, dir, sections, 2, &err));
        assert_null(cfg);
        if (!strstr(err.text, bad[i].says))
            fail_msg("'%s' is not in '%s'", bad[i].says, err.text);
    }
}

static void test_a_missing_directory_is_an_error(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg = NULL;
    assert_err(ERR_NOTFOUND, cfg_load(&cfg, "/nonexistent/pipeline.d", sections, 2, &err));
    assert_non_null(strstr(err.text, "/nonexistent/pipeline.d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_without_files_the_defaults_hold),
        TEST(test_later_names_win_and_each_value_knows_its_origin),
        TEST(test_every_mistake_is_named_with_file_and_line),
        TEST(test_a_missing_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
