/* A site as people see it: what one node has received, another one works, shows, packages. */
#include "support/engines.h"
#include "support/world.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define IMEI "352093081452251"
#define ID   IMEI "-rear-video-20241129T072345Z"

static struct world receiver;
static char *other; /* the ROOT of another node, which never received anything */

static int set_up(void **state)
{
    char config[3000], text[3000];
    (void)state;
    engines_use_site();
    snprintf(config, sizeof config, "commit_ms = 20\n%s", engines_settings("r1", ""));
    world_open(&receiver, DASHSPOOL_BINARY, config);
    other = support_tmp_dir();
    snprintf(text, sizeof text, "%s", engines_settings("w1", ""));
    support_configure(other, text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&receiver);
    support_tmp_remove(&other);
    engines_end();
    return 0;
}

#define AT_OTHER(...) PROC_RUN(DASHSPOOL_BINARY, "--root", other, __VA_ARGS__)

static void receive_one(void)
{
    world_start(&receiver);
    expect_err(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", world_address(receiver.port),
                        "--imei", IMEI, "--time", "2024-11-29T07:23:45Z", "--trigger", "crash",
                        "--rear", CLIP),
               0, "files uploaded: 1,");
}

static void test_what_one_node_received_another_one_works_and_packages(void **state)
{
    (void)state;
    receive_one();
    expect_out(AT_OTHER("list"), 0, ID);
    expect_out(AT_OTHER("work", "--once"), 0, "");
    assert_int_equal(engines_sql("SELECT count(*) FROM event WHERE trigger = 'crash'"), 1);
    expect_out(AT_OTHER("show", ID), 0, "chain intact");
    expect_out(AT_OTHER("fsck"), 0, "1 original, 3 copies, 1 custody record, 0 jobs: no problems");
    char package[300];
    snprintf(package, sizeof package, "%s/package", other);
    expect_out(AT_OTHER("export", ID, "-o", package), 0, "made missing copies");
    expect_out(PROC_RUN(DASHSPOOL_BINARY, "verify", package), 0, "");
    /* one frame of the video is in the page */
    assert_true(support_count(support_path(package, "data/report.html"), "data:image/jpeg") > 0);
}

/* GET of 127.0.0.1: the status, and so many bytes of it or more. */
static void assert_page(const char *address, const char *path, int status, int64_t bytes)
{
    char url[500];
    int got = 0;
    long long size = 0;
    snprintf(url, sizeof url, "http://%s%s", address, path);
    struct proc_result r = PROC_RUN("curl", "-s", "-m", "30", "-o", support_path(other, "page"),
                                    "-w", "%{http_code} %{size_download}", url);
    assert_int_equal(sscanf(proc_out(&r), "%d %lld", &got, &size), 2);
    proc_clear(&r);
    if (got != status || size < bytes)
        fail_msg("%s: %d, %lld bytes", path, got, size);
}

/* Shut in, where nothing was fetched yet. */
static void test_pages_of_any_node_show_what_the_site_has(void **state)
{
    char port[100], address[60];
    (void)state;
    receive_one();
    expect_out(AT_OTHER("work", "--once"), 0, "");
    struct proc pages = proc_start(support_path(other, "serve.log"),
                                   (const char *const[]){DASHSPOOL_BINARY, "--root", other, "serve",
                                                         "--listen", "127.0.0.1:0", NULL});
    proc_wait_for(&pages, "listening on 127.0.0.1:", port, sizeof port);
    snprintf(address, sizeof address, "127.0.0.1:%d", (int)strtol(port, NULL, 10));
    assert_page(address, "/", 200, 5000);
    assert_page(address, "/?q=crash", 200, 1000);
    assert_page(address, "/?q=%ff%fe", 200, 1000);
    assert_page(address, "/event/" ID, 200, 10000);
    assert_page(address, "/status", 200, 1000);
    assert_page(address, "/copy/" ID "/" ID ".viewing-DERIVED.mp4", 200, 500000);
    assert_true(support_entries(support_path(other, "scratch/.copies")) > 0);
    assert_int_equal(proc_stop(&pages, SIGTERM), 0);
}

/* Shut in, too. */
static void test_what_one_node_imports_another_one_works(void **state)
{
    (void)state;
    world_start(&receiver);
    expect_err(AT_OTHER("import", "--imei", IMEI, "--camera", "front", CLIP), 0, "1 imported");
    expect_err(AT_OTHER("import", "--imei", IMEI, "--camera", "front", CLIP), 0,
               "1 already stored");
    expect_err(PROC_RUN(DASHSPOOL_BINARY, "--root", receiver.root, "work", "--once"), 0,
               "1 job done");
    expect_out(AT_OTHER("fsck"), 0, "1 original, 3 copies, 1 custody record, 0 jobs: no problems");
}

static void test_a_person_s_notes_are_seen_by_all_nodes(void **state)
{
    (void)state;
    receive_one();
    expect_out(AT_OTHER("protect", ID, "--reason", "case 12"), 0, "protected");
    expect_out(PROC_RUN(DASHSPOOL_BINARY, "--root", receiver.root, "show", ID), 0, "case 12");
    expect_out(AT_OTHER("vehicles", "set", IMEI, "--name", "Lorry 7"), 0, "");
    expect_out(PROC_RUN(DASHSPOOL_BINARY, "--root", receiver.root, "vehicles"), 0, "Lorry 7");
}

static void test_what_is_not_for_a_site_is_refused_and_touches_nothing(void **state)
{
    char target[300];
    (void)state;
    expect_out(AT_OTHER("status"), 0, "OK"); /* it has no file of its own yet */
    receive_one();
    int64_t was = engines_sql("SELECT count(*) FROM transfer");
    struct proc_result r = AT_OTHER("reindex");
    assert_int_not_equal(r.status, 0);
    assert_has(proc_err(&r), "a site's catalogue is in its database");
    proc_clear(&r);
    assert_int_equal(engines_sql("SELECT count(*) FROM transfer"), was);
    snprintf(target, sizeof target, "%s/backup", other);
    r = AT_OTHER("backup", target);
    assert_int_not_equal(r.status, 0);
    assert_has(proc_err(&r), "pg_basebackup");
    proc_clear(&r);
    assert_false(support_exists(target));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_what_one_node_received_another_one_works_and_packages),
        T(test_pages_of_any_node_show_what_the_site_has),
        T(test_what_one_node_imports_another_one_works),
        T(test_a_person_s_notes_are_seen_by_all_nodes),
        T(test_what_is_not_for_a_site_is_refused_and_touches_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
