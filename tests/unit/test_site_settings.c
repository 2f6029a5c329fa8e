/* What [site] may say, and where the keys of the S3 store come from. */
#include "dashspool/site.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *dir;
static struct cfg *cfg;
static struct site *site;

static int set_up(void **state)
{
    (void)state;
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    dir = support_tmp_dir();
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

static int load(const char *text, struct err *err)
{
    char path[600];
    site_free(&site);
    cfg_free(&cfg);
    snprintf(path, sizeof path, "%s/05-site.conf", dir);
    support_write(path, text, strlen(text));
    int rc = cfg_load(&cfg, dir, &site_cfg_section, 1, err);
    return rc < 0 ? rc : site_load(&site, cfg, err);
}

#define BOTH "[site]\ndatabase = postgresql://db1,db2/dashspool\nobjects = s3://footage/fleet/a/\n"

static void test_without_settings_this_machine_is_alone(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load("", &err));
    assert_null(site);
    assert_ok(load("[site]\nnode = a\n", &err));
    assert_null(site);
    assert_null(site_used());
}

static void test_what_is_set_is_told(void **state)
{
    (void)state;
    struct err err;
    assert_ok(load(BOTH "endpoint = http://[::1]:8086/\nnode = r1\nack = local\nstaged_mib = 3\n"
                        "lease = 30 s\nack_wait = 5 s\nstaged_age = 2 h\nschema = fleet_2\n",
                   &err));
    assert_string_equal(site_database(site), "postgresql://db1,db2/dashspool");
    assert_string_equal(site_schema(site), "fleet_2");
    assert_string_equal(site_bucket(site), "footage");
    assert_string_equal(site_prefix(site), "fleet/a");
    assert_string_equal(site_endpoint(site), "http://[::1]:8086");
    assert_string_equal(site_region(site), "us-east-1");
    assert_string_equal(site_node(site), "r1");
    assert_true(site_ack_is_local(site));
    assert_int_equal(site_ack_wait_ms(site), 5000);
    assert_int_equal(site_staged_bytes(site), 3 << 20);
    assert_int_equal(site_staged_age_ms(site), 7200000);
    assert_int_equal(site_lease_ms(site), 30000);
    site_use(site);
    assert_ptr_equal(site_used(), site);
    site_use(NULL);

    assert_ok(load("[site]\ndatabase = host=/run/postgresql dbname=d\nobjects = s3://abc\n", &err));
    assert_string_equal(site_bucket(site), "abc");
    assert_string_equal(site_prefix(site), "");
    assert_true(site_node(site)[0]); /* the host's */
    assert_false(site_ack_is_local(site));
    assert_int_equal(site_ack_wait_ms(site), 20000);
    assert_int_equal(site_lease_ms(site), 60000);
}

/* One line with file, line, key and what would be right. */
static void test_a_wrong_value_is_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } wrong[] = {
        {"database = mysql://host/x", "expected postgresql://"},
        {"database = postgresql://", "expected postgresql://"},
        {"database = dashspool", "expected postgresql://"},
        {"database = postgresql://u:p@h/d", "a password does not belong here"},
        {"database = host=h password = x", "a password does not belong here"},
        {"database = postgresql://h/d?password=x", "a password does not belong here"},
        {"objects = footage/fleet", "expected s3://BUCKET"},
        {"objects = s3://", "expected s3://BUCKET"},
        {"objects = s3://ab", "expected s3://BUCKET"},
        {"objects = s3://Footage", "expected s3://BUCKET"},
        {"objects = s3://-footage", "expected s3://BUCKET"},
        {"objects = s3://foo..tage", "expected s3://BUCKET"},
        {"objects = s3://footage//", "expected s3://BUCKET"},
        {"objects = s3://footage/a//b", "expected s3://BUCKET"},
        {"objects = s3://footage/../b", "expected s3://BUCKET"},
        {"objects = s3://footage/a=b", "expected s3://BUCKET"},
        {"objects = s3://footage/A", "expected s3://BUCKET"},
        {"schema = Fleet", "expected 1 to 40"},
        {"schema = 1fleet", "expected 1 to 40"},
        {"schema = a\"; drop", "expected 1 to 40"},
        {"schema =", "expected 1 to 40"},
        {"schema = pg_x", "expected 1 to 40"},
        {"endpoint = s3.example.org", "expected https://HOST"},
        {"endpoint = ftp://s3.example.org", "expected https://HOST"},
        {"endpoint = https://s3.example.org/bucket", "expected https://HOST"},
        {"endpoint = https://u@s3.example.org", "expected https://HOST"},
        {"endpoint = https://s3.example.org:0", "expected https://HOST"},
        {"endpoint = https://s3.example.org:70000", "expected https://HOST"},
        {"endpoint = https://", "expected https://HOST"},
        {"region = EU", "expected a name of"},
        {"region =", "expected a name of"},
        {"node = .a", "expected up to 63"},
        {"node = a b", "expected up to 63"},
        {"ack = both", "expected one of: site local"},
        {"ack_wait = 0", "expected a time"},
        {"lease = 1 s", "expected a time"},
        {"staged_mib = 0", "expected a whole number"},
        {"progress = shared", "this version cannot do that yet"},
        {"progress = there", "expected local"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[400];
        struct err err;
        snprintf(text, sizeof text, "[site]\n# here\n%s\n", wrong[i].line);
        assert_int_equal(load(text, &err), ERR_CONFIG);
        if (!strstr(err.text, wrong[i].says) || !strstr(err.text, "05-site.conf:3: ") ||
            strchr(err.text, '\n'))
            fail_msg("%s: %s", wrong[i].line, err.text);
    }
}

static void test_a_password_is_not_repeated(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(load("[site]\ndatabase = postgresql://u:geheim@h/d\n", &err), ERR_CONFIG);
    assert_null(strstr(err.text, "geheim"));
    assert_ok(load("[site]\ndatabase = postgresql://u@h:5432/d?passfile=/etc/x\nobjects = "
                   "s3://footage\n",
                   &err));
}

static void test_one_of_both_is_not_enough(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(load("[site]\ndatabase = postgresql://h/d\n", &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "05-site.conf:2: database = "));
    assert_non_null(strstr(err.text, "objects is not set"));
    assert_int_equal(load("[site]\n\nobjects = s3://footage\n", &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "05-site.conf:3: objects = "));
    assert_non_null(strstr(err.text, "database is not set"));
}

static void test_nothing_changes_while_it_runs(void **state)
{
    (void)state;
    struct err err;
    struct cfg *old;
    assert_ok(load(BOTH, &err));
    old = cfg;
    cfg = NULL;
    assert_ok(load(BOTH, &err));
    assert_ok(site_try(cfg, old, &err));
    assert_ok(site_try(cfg, NULL, &err));
    assert_ok(load(BOTH "lease = 30 s\n", &err));
    assert_int_equal(site_try(cfg, old, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "05-site.conf:4: lease = 30 s: "));
    assert_non_null(strstr(err.text, "restart"));
    cfg_free(&old);
}

/* ---- keys ---- */

static int load_keys(const char *text, mode_t mode, struct site_keys *keys, struct err *err)
{
    char path[600], settings[1200];
    snprintf(path, sizeof path, "%s/keys", dir);
    support_write(path, text, strlen(text));
    assert_return_code(chmod(path, mode), 0);
    snprintf(settings, sizeof settings, BOTH "credentials = %s\n", path);
    int rc = load(settings, err);
    return rc < 0 ? rc : site_keys(site, keys, err);
}

static void test_keys_are_of_the_environment_then_of_the_file(void **state)
{
    (void)state;
    struct err err;
    struct site_keys keys;
    static const char file[] = "# mine\n[other]\naws_access_key_id = NO\n[default]\nregion = x\n"
                               "aws_access_key_id = AK\r\naws_secret_access_key=S/K+=\n"
                               "aws_session_token = T\n[third]\naws_access_key_id = NO\n";
    assert_ok(load(BOTH, &err));
    assert_int_equal(site_keys(site, &keys, &err), ERR_NOTFOUND);

    assert_ok(load_keys(file, 0600, &keys, &err));
    assert_string_equal(keys.id, "AK");
    assert_string_equal(keys.secret, "S/K+=");
    assert_string_equal(keys.token, "T");

    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    assert_int_equal(site_keys(site, &keys, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "no AWS_SECRET_ACCESS_KEY"));
    setenv("AWS_SECRET_ACCESS_KEY", "SECRET", 1);
    assert_ok(site_keys(site, &keys, &err));
    assert_string_equal(keys.id, "ENV");
    assert_string_equal(keys.secret, "SECRET");
    assert_string_equal(keys.token, "");
    setenv("AWS_SECRET_ACCESS_KEY", "two\r\nlines", 1);
    assert_int_equal(site_keys(site, &keys, &err), ERR_CONFIG);
    assert_null(strstr(err.text, "two"));
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
}

static void test_a_file_of_keys_that_is_no_good(void **state)
{
    (void)state;
    struct err err;
    struct site_keys keys;
    static const char good[] = "aws_access_key_id = AK\naws_secret_access_key = SK\n";
    assert_ok(load_keys(good, 0640, &keys, &err));
    assert_string_equal(keys.secret, "SK");
    assert_int_equal(load_keys(good, 0644, &keys, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_string_equal(keys.secret, "");
    assert_int_equal(load_keys(good, 0660, &keys, &err), ERR_CONFIG);
    assert_int_equal(load_keys("aws_access_key_id = AK\n", 0600, &keys, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "aws_secret_access_key"));
    assert_int_equal(load_keys("[x]\naws_access_key_id = AK\n", 0600, &keys, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "aws_access_key_id"));
    assert_ok(load(BOTH "credentials = /nowhere/keys\n", &err));
    assert_int_equal(site_keys(site, &keys, &err), ERR_CONFIG);
    assert_non_null(strstr(err.text, "/nowhere/keys"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_without_settings_this_machine_is_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_set_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wrong_value_is_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_password_is_not_repeated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_of_both_is_not_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_changes_while_it_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys_are_of_the_environment_then_of_the_file, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_of_keys_that_is_no_good, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
