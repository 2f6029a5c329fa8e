/* Evidence packages, made by the program that a person runs and checked by the tools of anybody. */
#include "dashspool/fsx.h"
#include "support/world.h"
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define VIDEO IMEI "-rear-video-20241129T072345Z"
#define STILL IMEI "-front-photo-20241129T072345Z"
#define AT    "2026-11-21T12:00:00Z"

static struct world w;

#define RUN(...) \
    proc_run((const char *const[]){DASHSPOOL_BINARY, "--root", w.root, __VA_ARGS__, NULL})

static void expect(struct proc_result r, int status, const char *says)
{
    if (r.status != status || !(strstr(proc_out(&r), says) || strstr(proc_err(&r), says)))
        fail_msg("status %d; stdout: %s; stderr: %s", r.status, proc_out(&r), proc_err(&r));
    proc_clear(&r);
}

/* A clip with its copies, a photo, and a clip that broke off. */
static int make_store(void **state)
{
    (void)state;
    char address[32];
    world_open(&w, DASHSPOOL_BINARY, "");
    world_start(&w);
    snprintf(address, sizeof address, "127.0.0.1:%s", w.port);
    expect(RUN("simulate", "--to", address, "--imei", IMEI, "--rear", CLIP, "--photo-front", PHOTO,
               "--time", "2024-11-29T07:23:45Z", "--lat", "54.7", "--lon", "25.25"),
           0, "2 files");
    expect(RUN("simulate", "--to", address, "--imei", IMEI, "--rear", CLIP, "--time",
               "2024-11-29T08:00:00Z", "--fault", "disconnect=300"),
           0, "0 files");
    world_stop(&w);
    expect(RUN("work", "--once"), 0, "2 jobs done");
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static const char *in_dir(const char *name)
{
    static char path[8][600];
    static unsigned i;
    char *p = path[i++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", w.dir, name);
    return p;
}

static void check_by_sha256sum(const char *package, int status)
{
    static const char *const manifests[] = {"manifest-sha256.txt", "tagmanifest-sha256.txt"};
    int worst = 0;
    for (int i = 0; i < 2; i++) {
        struct proc_result r =
            proc_run((const char *const[]){"env", "-C", package, "sha256sum", "--check", "--strict",
                                           "--quiet", manifests[i], NULL});
        worst = r.status > worst ? r.status : worst;
        proc_clear(&r);
    }
    assert_int_equal(worst, status);
}

static bool is_there(const char *package, const char *name)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", package, name);
    return access(path, F_OK) == 0;
}

/* What was begun and not finished must not lie about. */
static int entries_like(const char *name)
{
    glob_t found;
    char pattern[700];
    snprintf(pattern, sizeof pattern, "%s*", in_dir(name));
    int n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return n;
}

static void sql(const char *database, const char *text)
{
    sqlite3 *db = NULL;
    char path[700];
    snprintf(path, sizeof path, "%s/%s", w.root, database);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    assert_true(sqlite3_total_changes(db) > 0);
    sqlite3_close(db);
}

static void test_anybody_can_check_a_package(void **state)
{
    (void)state;
    static const char *const names[] = {
        "README.txt",
        "data/master/" VIDEO ".h265",
        "data/master/" VIDEO ".json",
        "data/master/" STILL ".jpg",
        "data/master/" IMEI "-rear-video-20241129T080000Z.partial.h265",
        "data/working/" VIDEO ".working.mp4",
        "data/viewing/" VIDEO ".viewing-DERIVED.mp4",
        "data/stills/" STILL ".still-DERIVED.jpg",
        "data/timing/" VIDEO ".timing.json",
        "data/custody.jsonl",
        "data/report.html",
        "data/report.pdf",
        "data/tool.json",
    };
    const char *package = in_dir("checked");
    expect(RUN("export", "--imei", IMEI, "-o", package, "--at", AT), 0, "3 transfers");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_there(package, names[i]))
            fail_msg("no %s", names[i]);
    check_by_sha256sum(package, 0);
    expect(RUN("verify", package), 0, "nothing is wrong");
    struct proc_result r = proc_run(
        (const char *const[]){"cmp", CLIP, in_dir("checked/data/master/" VIDEO ".h265"), NULL});
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    assert_int_equal(entries_like("checked"), 1);
}

static void test_the_same_store_and_time_give_the_same_bytes(void **state)
{
    (void)state;
    char other[600];
    snprintf(other, sizeof other, "%s", in_dir("other-root"));
    expect(proc_run((const char *const[]){"cp", "-a", w.root, other, NULL}), 0, "");
    setenv("TZ", "Asia/Kathmandu", 1);
    expect(RUN("export", VIDEO, STILL, "-o", in_dir("one"), "--at", AT, "--who", "A. Person"), 0,
           "2 transfers");
    setenv("TZ", "America/St_Johns", 1);
    expect(proc_run((const char *const[]){DASHSPOOL_BINARY, "--root", other, "export", STILL, VIDEO,
                                          "-o", in_dir("two"), "--at", AT, "--who", "A. Person",
                                          NULL}),
           0, "2 transfers");
    expect(proc_run((const char *const[]){"diff", "-r", in_dir("one"), in_dir("two"), NULL}), 0,
           "");
}

static void test_a_zip_of_a_package_is_checked_likewise(void **state)
{
    (void)state;
    if (!proc_have("zip")) {
        fprintf(stderr, "SKIPPED: zip is not there\n");
        return;
    }
    expect(RUN("export", STILL, "-o", in_dir("zipped")), 0, "1 transfer,");
    expect(proc_run((const char *const[]){"env", "-C", w.dir, "zip", "-q", "-r", "-0", "zipped.zip",
                                          "zipped", NULL}),
           0, "");
    expect(RUN("verify", in_dir("zipped.zip")), 0, "nothing is wrong");
    expect(RUN("verify", CLIP, in_dir("zipped.zip")), 3, "THIS PACKAGE IS NOT WHAT IT WAS");
}

static void test_an_export_is_in_the_custody_of_what_it_contains(void **state)
{
    (void)state;
    expect(RUN("export", STILL, "-o", in_dir("noted"), "--who", "A. Person"), 0, "not signed");
    expect(RUN("show", STILL, "--custody"), 0, "\"event\":\"exported\"");
    expect(RUN("show", STILL, "--custody"), 0, "\"package\":\"noted\"");
}

static void test_a_signature_is_checked_here_and_by_openssl(void **state)
{
    (void)state;
    expect(
        RUN("keygen", "--cert", in_dir("a.pem"), "--key", in_dir("a.key"), "--name", "A. Person"),
        0, "");
    expect(RUN("export", STILL, "-o", in_dir("signed"), "--sign-cert", in_dir("a.pem"),
               "--sign-key", in_dir("a.key")),
           0, "signed; keep this");
    expect(RUN("verify", in_dir("signed")), 0, "CN=A. Person");
    expect(proc_run((const char *const[]){
               "env", "-C", in_dir("signed"), "openssl", "cms", "-verify", "-binary", "-inform",
               "DER", "-in", "signature/manifest.p7s", "-content", "tagmanifest-sha256.txt",
               "-CAfile", "signature/certificate.pem", "-out", "/dev/null", NULL}),
           0, "uccessful");
    expect(proc_run((const char *const[]){"grep", "-o", "CN=A. Person",
                                          in_dir("signed/data/report.html"), NULL}),
           0, "CN=A. Person");
    expect(RUN("keygen", "--cert", in_dir("b.pem"), "--key", in_dir("b.key"), "--name", "B"), 0,
           "");
    expect(RUN("export", STILL, "-o", in_dir("other"), "--sign-cert", in_dir("b.pem"), "--sign-key",
               in_dir("b.key")),
           0, "signed");
    expect(proc_run((const char *const[]){"cp", in_dir("other/signature/manifest.p7s"),
                                          in_dir("signed/signature/manifest.p7s"), NULL}),
           0, "");
    expect(RUN("verify", in_dir("signed")), 3, "signature        FAILED");
    expect(RUN("export", STILL, "-o", in_dir("x"), "--sign-cert", in_dir("a.pem"), "--sign-key",
               in_dir("b.key")),
           1, "b.key");
    expect(RUN("export", STILL, "-o", in_dir("x"), "--sign-cert", in_dir("a.pem")), 2,
           "belong together");
    assert_int_equal(entries_like("x"), 0);
}

static void test_nothing_is_written_over(void **state)
{
    (void)state;
    expect(RUN("export", STILL, "-o", in_dir("first")), 0, "1 transfer,");
    expect(RUN("export", VIDEO, "-o", in_dir("first")), 1, "is there already");
    assert_false(is_there(in_dir("first"), "data/master/" VIDEO ".h265"));
    check_by_sha256sum(in_dir("first"), 0);
    assert_int_equal(entries_like("first"), 1);
}

static void test_a_changed_copy_stops_the_export(void **state)
{
    (void)state;
    char path[700];
    snprintf(path, sizeof path, "%s/archive/" IMEI "/2024-11-29/" VIDEO ".working.mp4", w.root);
    struct buf b = support_read(path);
    uint8_t *byte = b.mem + b.start + b.used / 2;
    *byte ^= 1;
    support_write(path, buf_data(&b), b.used);
    expect(RUN("export", VIDEO, "-o", in_dir("changed")), 1, "it was changed");
    *byte ^= 1;
    support_write(path, buf_data(&b), b.used);
    buf_clear(&b);
    assert_int_equal(entries_like("changed"), 0);
}

static void test_a_changed_master_stops_the_export(void **state)
{
    (void)state;
    glob_t days;
    char pattern[700];
    snprintf(pattern, sizeof pattern, "%s/raw/*.db", w.root);
    assert_int_equal(glob(pattern, 0, NULL, &days), 0);
    const char *day = days.gl_pathv[0] + strlen(w.root) + 1;
    sql(day, "CREATE TABLE kept AS SELECT n, data FROM chunk;"
             "UPDATE chunk SET data = zeroblob(length(data))");
    expect(RUN("export", VIDEO, "-o", in_dir("master")), 1, "restore that file from a back-up");
    sql(day, "UPDATE chunk SET data = (SELECT data FROM kept WHERE kept.n = chunk.n);"
             "DROP TABLE kept");
    globfree(&days);
    assert_int_equal(entries_like("master"), 0);
    expect(RUN("export", VIDEO, "-o", in_dir("whole-again")), 0, "1 transfer,");
}

static void test_a_custody_with_a_line_missing_stops_the_export(void **state)
{
    (void)state;
    sql("catalogue.db", "CREATE TABLE kept AS SELECT * FROM custody;"
                        "DELETE FROM custody WHERE n = 2 AND transfer = '" VIDEO "';"
                        "UPDATE custody SET n = n - 1 WHERE n > 2 AND transfer = '" VIDEO "'");
    expect(RUN("export", VIDEO, "-o", in_dir("custody")), 1, "does not follow line 1");
    expect(RUN("show", VIDEO), 0, "BROKEN");
    expect(RUN("show", VIDEO, "--custody"), 1, "does not follow line 1");
    sql("catalogue.db",
        "DELETE FROM custody; INSERT INTO custody SELECT * FROM kept; DROP TABLE kept");
    assert_int_equal(entries_like("custody"), 0);
}

static void test_what_is_asked_wrongly_is_said(void **state)
{
    (void)state;
    expect(RUN("export", VIDEO), 2, "say with -o");
    expect(RUN("export", "-o", in_dir("x")), 2, "give IDs");
    expect(RUN("export", VIDEO, "--imei", IMEI, "-o", in_dir("x")), 2, "not both");
    expect(RUN("export", "nobody", "-o", in_dir("x")), 1, "'dashspool list' names them");
    expect(RUN("export", "--imei", "1", "-o", in_dir("x")), 1, "no transfers match");
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--at", "noon"), 2, "--at noon");
    expect(RUN("export", VIDEO, "-o", in_dir("x.zip")), 2, "as folders");
    expect(RUN("verify"), 2, "name a package");
    expect(RUN("verify", in_dir("x")), 1, "No such file");
    assert_int_equal(entries_like("x"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anybody_can_check_a_package),
        cmocka_unit_test(test_the_same_store_and_time_give_the_same_bytes),
        cmocka_unit_test(test_a_zip_of_a_package_is_checked_likewise),
        cmocka_unit_test(test_an_export_is_in_the_custody_of_what_it_contains),
        cmocka_unit_test(test_a_signature_is_checked_here_and_by_openssl),
        cmocka_unit_test(test_nothing_is_written_over),
        cmocka_unit_test(test_a_changed_copy_stops_the_export),
        cmocka_unit_test(test_a_changed_master_stops_the_export),
        cmocka_unit_test(test_a_custody_with_a_line_missing_stops_the_export),
        cmocka_unit_test(test_what_is_asked_wrongly_is_said),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
