/* `config --check` against real engines: what it says of them, and of what is wrong. */
#include "support/engines.h"
#include "support/proc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dir, secret[100];

static int set_up(void **state)
{
    (void)state;
    engines_use_site();
    snprintf(secret, sizeof secret, "%s", getenv("AWS_SECRET_ACCESS_KEY"));
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    engines_end();
    support_tmp_remove(&dir);
    return 0;
}

/* With this in place of a line of [site], which begins with its key and " ="; NULL: as it is. */
static struct proc_result check(const char *line)
{
    char text[3000] = "[receive]\nlisten = 127.0.0.1:0\n", settings[2000], *save = NULL;
    snprintf(settings, sizeof settings, "%s", engines_settings("a", ""));
    for (char *l = strtok_r(settings, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        size_t key = line ? strcspn(line, "=") : 0;
        strcat(strcat(text, line && strncmp(l, line, key) == 0 ? line : l), "\n");
    }
    support_configure(dir, text);
    return DASHSPOOL(dir, "config", "--check");
}

static void test_both_are_told(void **state)
{
    (void)state;
    struct proc_result r = check(NULL);
    assert_int_equal(r.status, 0);
    assert_has(proc_out(&r), "database: PostgreSQL 1");
    assert_has(proc_out(&r), "a synchronous standby (");
    assert_has(proc_out(&r), "store: s3://dashspool/test_");
    assert_has(proc_out(&r), "store: refuses bytes that are not those of their hash");
    assert_has(proc_out(&r), "store: does not replace what is there, if it is told so");
    assert_has(proc_out(&r), "store: has no object lock");
    assert_has(proc_out(&r), "settings are valid");
    proc_clear(&r);
}

static void test_a_standby_alone_is_not_enough(void **state)
{
    (void)state;
    char line[400], port[8] = "";
    /* the second of "…@127.0.0.1:P1,127.0.0.1:P2/…" */
    const char *second = strchr(getenv("DASHSPOOL_TEST_DATABASE"), ',');
    assert_non_null(second);
    snprintf(port, sizeof port, "%.*s", (int)strspn(strchr(second, ':') + 1, "0123456789"),
             strchr(second, ':') + 1);
    snprintf(line, sizeof line, "database = postgresql://dashspool@127.0.0.1:%s/dashspool", port);
    expect_err(check(line), 2, "database: wrong: this server only reads");
}

static void test_who_is_not_let_in_is_told_where(void **state)
{
    (void)state;
    expect_err(check("database = host=127.0.0.1 port=1 dbname=dashspool"), 2,
               "50-test.conf:4: database = host=127.0.0.1 port=1 dbname=dashspool: ");
}

static void test_a_store_that_does_not_take_us_is_told_where(void **state)
{
    (void)state;
    expect_err(check("objects = s3://nobodys-bucket/x"), 2, "objects = s3://nobodys-bucket/x: ");
    setenv("AWS_SECRET_ACCESS_KEY", "another", 1);
    expect_err(check(NULL), 2, "50-test.conf:6: objects = s3://dashspool/test_");
    setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
    expect_err(check("endpoint = http://127.0.0.1:1"), 2, "objects = s3://dashspool/test_");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_standby_alone_is_not_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_store_that_does_not_take_us_is_told_where, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_is_not_let_in_is_told_where, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
