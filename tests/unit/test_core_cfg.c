#include "dashspool/cfg.h"
#include "dashspool/fsx.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct cfg_key alpha_keys[] = {
    {"count", CFG_INT, "things", 1, 10, "3", "how many"},
    {"rate", CFG_REAL, "1/s", 0, 100, "2.5", "how fast"},
    {"on", CFG_BOOL, "yes or no", 0, 0, "no", "whether"},
    {"name", CFG_TEXT, "text", 0, 8, "abc", "what"},
    {"mode", CFG_WORD, "slow fast", 0, 0, "slow", "which"},
    {"wait", CFG_SPAN, "time", 10, 60000, "20 ms", "how long"},
};
static const struct cfg_key beta_keys[] = {{"count", CFG_INT, "", 0, 5, "0", "another"}};
/* of the same section as the first, as another module has it */
static const struct cfg_key more_keys[] = {{"more", CFG_INT, "", 0, 5, "2", "besides"}};
static const struct cfg_key run_keys[] = {{"what", CFG_TEXT, "text", 0, 900, "", "which"},
                                          {"times", CFG_INT, "", 1, 9, "1", "how often"}};
static const struct cfg_section sections[] = {{"alpha", alpha_keys, 6},
                                              {"beta", beta_keys, 1},
                                              {"alpha", more_keys, 1},
                                              {"run *", run_keys, 2}};
enum { N_SECTIONS = 4 };

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
    assert_ok(cfg_load(&cfg, NULL, sections, N_SECTIONS, &err));
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
    assert_ok(cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
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
        {"[alpha]\ncount = 11\n", "50-x.conf:2: count = 11: expected a whole number from 1 to 10"},
        {"[alpha]\n\ncount = 3x\n", "50-x.conf:3: count = 3x"},
        {"[alpha]\ncount =\n", "50-x.conf:2"},
        {"[alpha]\nrate = nan\n", "50-x.conf:2"},
        {"[alpha]\non = maybe\n", "expected yes or no"},
        {"[alpha]\nname = 123456789\n", "longer than 8"},
        {"[alpha]\nmode = fas\n", "expected one of: slow fast"},
        {"[alpha]\ncolour = red\n", "unknown key 'colour' in [alpha]"},
        {"[alpha]\ncuont = 1\n", "unknown key 'cuont' in [alpha]; did you mean 'count'?"},
        {"[alhpa]\n", "unknown section [alhpa]; did you mean [alpha]?"},
        {"[gamma]\ncount = 1\n", "unknown section [gamma]"},
        {"count = 1\n", "unknown section []"},
        {"[alpha]\nnonsense\n", "50-x.conf:2: expected [section]"},
        {"[alpha\ncount = 1\n", "50-x.conf:1: [alpha: malformed section"},
        {"[alpha]x\n", "50-x.conf:1: [alpha]x: malformed section"},
        {"[gamma]\n", "50-x.conf:1: unknown section [gamma]"},
        {"= 3\n", "50-x.conf:1: expected [section]"},
        {"[alpha]\ncount = 2 ; no\n", "50-x.conf:2: count = 2 ; no"},
        {"[alpha]\nname = a\\\n b\\\n\\\ncount = 3\n", "50-x.conf:2: name: longer"},
        {"[alpha]\n# a \\\ncount = 11\n", "50-x.conf:3: count = 11"},
        {"[alpha]\nwait = 3\n", "50-x.conf:2: wait = 3: expected a time from 10 ms to 60 s"},
        {"[alpha]\nwait = 61 s\n", "500 ms, 30 s"},
        {"[alpha]\nwait = -1 s\n", "wait = -1 s"},
        {"[alpha]\nwait = 99999999999 s\n", "a time from"},
        {"[run ]\nwhat = x\n", "unknown section [run]"},
        {"[run a/b]\nwhat = x\n", "50-x.conf:1: [run a/b]: its name must be"},
        {"[run .a]\nwhat = x\n", "no dot in front"},
        {"[run a b]\nwhat = x\n", "[run a b]: its name"},
        {"[run *]\nwhat = x\n", "[run *]: its name"},
        {"[run a]\nwhich = x\n", "50-x.conf:2: unknown key 'which' in [run a]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err;
        struct cfg *cfg = NULL;
        put("50-x.conf", bad[i].text);
        assert_err(ERR_CONFIG, cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
        assert_null(cfg);
        if (!strstr(err.text, bad[i].says))
            fail_msg("'%s' is not in '%s'", bad[i].says, err.text);
    }
}

static void test_spans_of_time_are_in_ms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } spans[] = {{"10 ms", 10}, {"10ms", 10}, {"2 s", 2000}, {"1 min", 60000}, {"60 s", 60000}};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        struct err err;
        struct cfg *cfg;
        assert_ok(cfg_load(&cfg, NULL, sections, N_SECTIONS, &err));
        assert_int_equal(cfg_ms(cfg, "alpha", "wait"), 20);
        assert_ok(cfg_set(cfg, "alpha", "wait", spans[i].text, "test", &err));
        assert_int_equal(cfg_ms(cfg, "alpha", "wait"), spans[i].ms);
        cfg_free(&cfg);
    }
}

static void test_a_table_with_a_star_has_any_number_of_sections(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    char expected[600];
    const char *origin = NULL;
    put("50-x.conf", "[run b]\n[run a]\nwhat = one\n[alpha]\nmore = 3\n[run b]\ntimes = 4\n");
    put("60-x.conf", "[run a]\nwhat = two\n");
    assert_ok(cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_string_equal(cfg_next(cfg, "run *", NULL, &origin), "run b");
    snprintf(expected, sizeof expected, "%s/50-x.conf:1", dir);
    assert_string_equal(origin, expected);
    assert_string_equal(cfg_next(cfg, "run *", "run b", NULL), "run a");
    assert_null(cfg_next(cfg, "run *", "run a", NULL));
    assert_string_equal(cfg_text(cfg, "run a", "what"), "two");
    assert_string_equal(cfg_text(cfg, "run b", "what"), "");
    assert_int_equal(cfg_int(cfg, "run a", "times"), 1);
    assert_int_equal(cfg_int(cfg, "run b", "times"), 4);
    assert_int_equal(cfg_int(cfg, "alpha", "more"), 3);
    assert_int_equal(cfg_int(cfg, "alpha", "count"), 3);
    snprintf(expected, sizeof expected, "%s/60-x.conf:2", dir);
    assert_string_equal(cfg_origin(cfg, "run a", "what"), expected);
    assert_string_equal(cfg_origin(cfg, "run a", "times"), "default");
    cfg_free(&cfg);
}

static void test_there_are_at_most_64_of_them(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    char text[4000] = "";
    for (int i = 0; i < 65; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "[run %d]\n", i);
    put("50-x.conf", text);
    assert_err(ERR_CONFIG, cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_non_null(strstr(err.text, "50-x.conf:65: [run 64]: more than 64"));
}

static void test_long_lines_and_joined_ones_are_whole(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    char text[2000], many[701];
    memset(many, 'x', 700);
    many[700] = '\0';
    snprintf(text, sizeof text,
             "\xef\xbb\xbf  [ run a ]\r\n  what=%s\r\n[run b]\nwhat = one \\\n  two \\\n three\n"
             "times = 2\n[run c]\nwhat = a=b;c # d\\",
             many);
    put("50-x.conf", text);
    assert_ok(cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_string_equal(cfg_text(cfg, "run a", "what"), many);
    assert_string_equal(cfg_text(cfg, "run b", "what"), "one     two    three");
    assert_int_equal(cfg_int(cfg, "run b", "times"), 2);
    assert_non_null(strstr(cfg_origin(cfg, "run b", "times"), "50-x.conf:7"));
    assert_string_equal(cfg_text(cfg, "run c", "what"), "a=b;c # d");
    cfg_free(&cfg);
}

static void test_what_is_no_text_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg = NULL;
    char path[600];
    snprintf(path, sizeof path, "%s/50-x.conf", dir);
    support_write(path, "[alpha]\0\n", 9);
    assert_err(ERR_CONFIG, cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_non_null(strstr(err.text, "50-x.conf: not a text file"));
    char *big = calloc(1, (1 << 20) + 1);
    memset(big, '\n', (1 << 20) + 1);
    support_write(path, big, (1 << 20) + 1);
    free(big);
    assert_err(ERR_CONFIG, cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_non_null(strstr(err.text, "larger than"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("50-x.conf", path), 0); /* to itself */
    assert_true(cfg_load(&cfg, dir, sections, N_SECTIONS, &err) < 0);
    assert_non_null(strstr(err.text, "50-x.conf: Too many levels of symbolic links"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(cfg_load(&cfg, dir, sections, N_SECTIONS, &err) < 0);
    assert_non_null(strstr(err.text, "50-x.conf: expected a file, this is a FIFO"));
}

static void test_a_missing_directory_is_an_error(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg = NULL;
    assert_err(ERR_NOTFOUND, cfg_load(&cfg, "/nonexistent/pipeline.d", sections, N_SECTIONS, &err));
    assert_non_null(strstr(err.text, "/nonexistent/pipeline.d"));
}

static void test_what_is_odd_holds_and_is_told(void **state)
{
    (void)state;
    struct err err;
    struct cfg *cfg;
    put("10-a.conf", "[alpha]\ncount = 4\nname = a # b\ncount = 5\n");
    put("20-b.conf", "[alpha]\ncount = 6\n"); /* a later file may */
    put("30-c.conf~", "[nonsense]\n");
    put(".30-c.conf.swp", "[nonsense]\n");
    assert_ok(cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_int_equal(cfg_int(cfg, "alpha", "count"), 6);
    assert_string_equal(cfg_text(cfg, "alpha", "name"), "a # b");
    assert_has(cfg_warning(cfg, 0), "10-a.conf:3: name: the value has a #");
    assert_has(cfg_warning(cfg, 1), "10-a.conf:4: count is set twice in this file; line 2");
    assert_has(cfg_warning(cfg, 2), "30-c.conf~: not read");
    assert_null(cfg_warning(cfg, 3));
    err_set(&err, ERR_IO, "is missing");
    assert_int_equal(cfg_blame(cfg, "alpha", "count", &err), ERR_CONFIG);
    assert_has(err.text, "20-b.conf:2: count = 6: is missing");
    cfg_free(&cfg);
    put("10-a.conf", "[alpha]\non = yes ; now\n");
    assert_err(ERR_CONFIG, cfg_load(&cfg, dir, sections, N_SECTIONS, &err));
    assert_has(err.text, "expected yes or no (a comment must stand on a line of its own)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_without_files_the_defaults_hold),
        TEST(test_later_names_win_and_each_value_knows_its_origin),
        TEST(test_every_mistake_is_named_with_file_and_line),
        TEST(test_spans_of_time_are_in_ms),
        TEST(test_a_table_with_a_star_has_any_number_of_sections),
        TEST(test_there_are_at_most_64_of_them),
        TEST(test_long_lines_and_joined_ones_are_whole),
        TEST(test_what_is_no_text_is_refused),
        TEST(test_a_missing_directory_is_an_error),
        TEST(test_what_is_odd_holds_and_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
