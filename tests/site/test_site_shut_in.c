/* Who is shut in reaches database and object store where he may, and nowhere where he may not. */
#include "dashspool/objects.h"
#include "dashspool/sandbox.h"
#include "dashspool/site.h"
#include "rows/rows.h"
#include "support/engines.h"
#include "support/support.h"
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *root;

static int set_up(void **state)
{
    (void)state;
    engines_use_site();
    root = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&root);
    engines_end();
    return 0;
}

/* Exit status: 0 both were reached, 1 the database was not, 2 the object store was not. */
static int reach(void)
{
    struct err err;
    struct rows *rows = NULL;
    struct objects *o = NULL;
    struct objects_facts facts;
    char hex[HASH_HEX_ROOM];
    struct addrinfo *named = NULL;
    if (getaddrinfo("localhost", "1", NULL, &named) != 0)
        return 1;
    freeaddrinfo(named);
    if (rows_open(&rows, site_used(), &err) < 0 || rows_exec(rows, "SELECT 1", &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    rows_close(&rows);
    if (hash_text("bytes", 5, hex, &err) < 0 || objects_open(&o, site_used(), &err) < 0)
        return 3;
    const struct objects_put put = {
        .key = "probe/shut-in", .fd = -1, .data = "bytes", .n = 5, .sha256 = hex};
    objects_patience(o, 2000);
    if (objects_put(o, &put, &err) < 0 || objects_head(o, put.key, &facts, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    objects_close(&o);
    return facts.bytes == 5 ? 0 : 4;
}

static int shut_in(enum sandbox_kind kind, bool connects)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err err;
        struct sandbox_report report;
        const struct sandbox_rules rules = {.kind = kind,
                                            .stage = "test",
                                            .write_dir = root,
                                            .connects = connects ? site_reads(site_used()) : NULL};
        if (sandbox_enter(&rules, &report, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            _exit(9);
        }
        _exit(reach());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_servers_and_watchers_of_a_site_reach_it(void **state)
{
    (void)state;
    assert_int_equal(shut_in(SANDBOX_SERVER, true), 0);
    assert_int_equal(shut_in(SANDBOX_WATCHER, true), 0);
}

static void test_those_of_a_machine_alone_reach_nothing(void **state)
{
    struct sandbox_report report;
    (void)state;
    sandbox_probe(&report);
    if (!report.seccomp)
        skip();
    assert_int_equal(shut_in(SANDBOX_SERVER, false), 1);
    assert_int_equal(shut_in(SANDBOX_WATCHER, false), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_servers_and_watchers_of_a_site_reach_it),
        T(test_those_of_a_machine_alone_reach_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
