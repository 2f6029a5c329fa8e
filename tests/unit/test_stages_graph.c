/* Which stages there are, who feeds whom, and every way in which that can be wrong. */
#include "dashspool/stages.h"
#include "support/support.h"
#include <stdio.h>
#include <string.h>

static char *dir;
static struct cfg *cfg;
static struct stages *stages;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stages_free(&stages);
    cfg_free(&cfg);
    support_tmp_remove(&dir);
    return 0;
}

static int load(const char *text, struct err *err)
{
    char path[600];
    stages_free(&stages);
    cfg_free(&cfg);
    snprintf(path, sizeof path, "%s/50-x.conf", dir);
    support_write(path, text, strlen(text));
    int rc = cfg_load(&cfg, dir, stages_cfg_sections, STAGES_CFG_SECTIONS, err);
    return rc < 0 ? rc : stages_load(&stages, cfg, err);
}

/* "convert upload" */
static const char *feeds(const char *name)
{
    static char out[400];
    const char *to[STAGES_MAX];
    size_t n = stages_feeds(stages, name, to);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", to[i]);
    return out;
}

static void test_without_settings_receive_feeds_convert(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("", &err));
    assert_string_equal(stages_at(stages, 0)->name, "receive");
    assert_string_equal(stages_at(stages, 1)->name, "convert");
    assert_string_equal(stages_at(stages, 2)->name, "export");
    assert_false(stages_at(stages, 2)->enabled);
    assert_string_equal(stages_at(stages, 3)->name, "action"); /* always, and nothing feeds it */
    assert_true(stages_at(stages, 3)->enabled && stages_at(stages, 3)->workers > 1);
    assert_string_equal(feeds("action"), "");
    assert_null(stages_at(stages, 4));
    assert_string_equal(feeds("receive"), "convert");
    assert_string_equal(feeds("convert"), "");
    assert_string_equal(feeds("nobody"), "");
}

static void test_each_stage_stands_behind_those_that_feed_it(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("[exec last]\ncommand = x\nafter = upload,mail\n"
                   "[exec mail]\ncommand = x\nafter = upload\n"
                   "[exec upload]\ncommand = x\n"
                   "[exec backup]\ncommand = x\nafter = receive\n"
                   "[exec off]\ncommand = x\nenabled = no\n",
                   &err));
    static const char *const names[] = {"receive", "convert", "export", "upload",
                                        "mail",    "last",    "backup", "off"};
    for (size_t i = 0; i < 8; i++)
        assert_string_equal(stages_at(stages, i)->name, names[i]);
    assert_string_equal(feeds("receive"), "convert backup");
    assert_string_equal(feeds("convert"), "upload"); /* what is not enabled gets no jobs */
    assert_string_equal(feeds("upload"), "mail last");
    assert_string_equal(stages_find(stages, "mail")->section, "exec mail");
    assert_null(stages_find(stages, "exec mail"));
}

/* "convert upload" */
static const char *before(const char *name)
{
    static char out[400];
    const char *from[STAGES_MAX];
    size_t n = stages_before(stages, name, from);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s", i ? " " : "", from[i]);
    return out;
}

static void test_export_comes_behind_what_it_says(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("[export]\nenabled = yes\nafter = blur\n"
                   "[exec blur]\ncommand = x\n"
                   "[exec send]\ncommand = x %{package}\nafter = export\n"
                   "[exec tell]\ncommand = x %{package}\nafter = send\n"
                   "[exec other]\ncommand = x\n",
                   &err));
    assert_string_equal(feeds("convert"), "blur other");
    assert_string_equal(feeds("blur"), "export");
    assert_string_equal(feeds("export"), "send");
    assert_string_equal(before("export"), "convert blur");
    assert_string_equal(before("tell"), "convert blur export send");
    assert_string_equal(before("convert"), "");
    assert_string_equal(before("nobody"), "");
}

static void test_jobs_for_convert_wait_while_it_is_off(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("[convert]\nenabled = no\n", &err));
    assert_string_equal(feeds("receive"), "convert");
    assert_ok(load("[exec first]\ncommand = x\nafter = receive\n[convert]\nafter = first\n", &err));
    assert_string_equal(feeds("receive"), "first");
    assert_string_equal(feeds("first"), "convert");
}

static void test_every_mistake_is_named_with_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"[exec a]\nenabled = no\n", "50-x.conf:1: [exec a] has no command"},
        {"[exec a]\ncommand = x %{y}\n", "50-x.conf:2: command: %{y}: there are"},
        {"[exec a]\ncommand = x\nafter = b\n", "50-x.conf:3: [exec a] after = b: unknown stage"},
        {"[exec a]\ncommand = x\nafter = convert,\n", "unknown stage ''"},
        {"[exec a]\ncommand = x\nafter = convert receive\n", "50-x.conf:3: [exec a] after = "},
        {"[exec a]\ncommand = x\nafter = a\n",
         "50-x.conf:3: [exec a]: stages form a cycle: a after a"},
        {"[exec a]\ncommand = x\nafter = b\n[exec b]\ncommand = x\nafter = c\n"
         "[exec c]\ncommand = x\nafter = b\n",
         "b after c, c after b"},
        {"[exec a]\ncommand = x\nafter = convert\n[convert]\nafter = a\n", "form a cycle"},
        {"[exec a]\ncommand = x\n[convert]\nenabled = no\n",
         "50-x.conf:1: [exec a] runs after convert, which is disabled ("},
        {"[exec a]\ncommand = x\nafter = b\n[exec b]\nenabled = no\ncommand = x\n",
         "50-x.conf:3: [exec a] runs after b, which is disabled ("},
        {"[exec convert]\ncommand = x\n",
         "50-x.conf:1: [exec convert]: the name 'convert' is already used by another"},
        {"[exec watch]\ncommand = x\n", "is already used by another stage"},
        {"[exec action]\ncommand = x\n", "is already used by another stage"},
        {"[convert]\nafter = nobody\n", "50-x.conf:2: [convert] after = nobody"},
        {"[exec a]\ncommand = x\nafter = export\n",
         "50-x.conf:3: [exec a] runs after export, which is disabled ("},
        {"[export]\nenabled = yes\n[exec a]\ncommand = x %{package}\n",
         "50-x.conf:4: [exec a] uses %{package}, which requires after = export"},
        {"[export]\nenabled = yes\n[exec a]\nafter = convert, export\ncommand = x %{package}\n",
         "50-x.conf:5: [exec a] uses %{package}"},
        {"[export]\nenabled = yes\nafter = a\n[exec a]\nafter = export\ncommand = x\n",
         "form a cycle"},
        {"[exec a]\ncommand = x\nworkers = 0\n", "50-x.conf:3: workers = 0"},
        {"[exec a]\ncommand = x\nbackoff = 5\n", "50-x.conf:3: backoff = 5"},
        {"[exec a]\ncommand = x\ntry_later = 0\n",
         "50-x.conf:3: try_later = 0: expected comma-separated numbers from 1"},
        {"[exec a]\ncommand = x\ntry_later = 7,\n", "50-x.conf:3: try_later = 7,"},
        {"[exec a]\ncommand = x\ntry_later = 7 8\n", "50-x.conf:3: try_later"},
        {"[exec a]\ncommand = x\ntry_later = 256\n", "50-x.conf:3: try_later"},
        {"[exec a]\ncommand = x\ntry_later =\n", "50-x.conf:3: try_later"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err;
        assert_err(ERR_CONFIG, load(bad[i].text, &err));
        assert_null(stages);
        if (!strstr(err.text, bad[i].says))
            fail_msg("'%s' is not in '%s'", bad[i].says, err.text);
    }
}

static void test_statuses_that_may_pass_are_a_list(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("[exec a]\ncommand = x\n[exec b]\ncommand = x\ntry_later = 6 , 7,255\n", &err));
    const struct stages_stage *a = stages_find(stages, "a"), *b = stages_find(stages, "b");
    for (int i = 0; i < 256; i++) {
        assert_int_equal(a->try_later[i], i == 75);
        assert_int_equal(b->try_later[i], i == 6 || i == 7 || i == 255);
    }
}

static void test_waits_grow_up_to_a_limit_and_are_spread(void **state)
{
    (void)state;
    struct stages_stage s = {.backoff_ms = 1000, .backoff_max_ms = 10000};
    static const int64_t longest[] = {1000, 2000, 4000, 8000, 10000, 10000};
    for (int attempt = 1; attempt <= 6; attempt++) {
        assert_int_equal(stages_backoff_ms(&s, attempt, 0), longest[attempt - 1]);
        assert_int_equal(stages_backoff_ms(&s, attempt, 1), longest[attempt - 1] / 2);
    }
    assert_int_equal(stages_backoff_ms(&s, 1000000, 0), 10000);
    s.backoff_ms = 20000; /* more than the limit */
    assert_int_equal(stages_backoff_ms(&s, 1, 0), 10000);
    s.backoff_ms = s.backoff_max_ms = 1;
    assert_int_equal(stages_backoff_ms(&s, 3, 1), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_without_settings_receive_feeds_convert),
        TEST(test_each_stage_stands_behind_those_that_feed_it),
        TEST(test_export_comes_behind_what_it_says),
        TEST(test_jobs_for_convert_wait_while_it_is_off),
        TEST(test_every_mistake_is_named_with_file_and_line),
        TEST(test_statuses_that_may_pass_are_a_list),
        TEST(test_waits_grow_up_to_a_limit_and_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
