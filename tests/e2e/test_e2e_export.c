/* Evidence packages, made by the program that a person runs and checked by the tools of anybody. */
#include "support/authority.h"
#include "support/sql.h"
#include "support/world.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIP       TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO      TEST_SAMPLES "/photo-720p.jpg"
#define IMEI       "352093081452251"
#define VIDEO      IMEI "-rear-video-20241129T072345Z"
#define STILL      IMEI "-front-photo-20241129T072345Z"
#define BROKEN_OFF IMEI "-rear-video-20241129T080000Z"
#define AT         "2026-11-21T12:00:00Z"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

/* A clip with its copies, a photo, and a clip that broke off. */
static int make_store(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    world_start(&w);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", CLIP,
               "--photo-front", PHOTO, "--time", "2024-11-29T07:23:45Z", "--lat", "54.7", "--lon",
               "25.25"),
           0, "files uploaded: 2,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", CLIP, "--time",
               "2024-11-29T08:00:00Z", "--fault", "disconnect=300"),
           0, "files uploaded: 0,");
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
    return support_path(w.dir, name);
}

static void check_by_sha256sum(const char *package, int status)
{
    static const char *const manifests[] = {"manifest-sha256.txt", "tagmanifest-sha256.txt"};
    int worst = 0;
    for (int i = 0; i < 2; i++) {
        struct proc_result r = PROC_RUN("env", "-C", package, "sha256sum", "--check", "--strict",
                                        "--quiet", manifests[i]);
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
    return support_entries_like(in_dir(name));
}

static void sql(const char *database, const char *text)
{
    sql_change(support_path(w.root, database), text);
}

static void test_anybody_can_check_a_package(void **state)
{
    (void)state;
    static const char *const names[] = {
        "README.txt",
        "verify.html",
        "data/master/" VIDEO ".h265",
        "data/master/" VIDEO ".json",
        "data/master/" STILL ".jpg",
        "data/master/" BROKEN_OFF ".partial.h265",
        "data/working/" VIDEO ".working.mp4",
        "data/viewing/" VIDEO ".viewing-DERIVED.mp4",
        "data/stills/" STILL ".still-DERIVED.jpg",
        "data/timing/" VIDEO ".timing.json",
        "data/timing/" VIDEO ".timing.csv",
        "data/stills/" VIDEO ".poster-DERIVED.jpg",
        "data/stills/" VIDEO ".sheet-DERIVED.jpg",
        "data/position/" VIDEO ".gpx",
        "data/position/" VIDEO ".kml",
        "data/position/" VIDEO ".geojson",
        "data/working/" BROKEN_OFF ".partial.working.mp4",
        "data/viewing/" BROKEN_OFF ".partial.viewing-DERIVED.mp4",
        "data/custody.jsonl",
        "data/report.html",
        "data/report.pdf",
        "data/tool.json",
        "data/transfer/" VIDEO ".json",
    };
    const char *package = in_dir("checked");
    expect(RUN("export", "--imei", IMEI, "-o", in_dir("bare"), "--as-is"), 0, "3 transfers");
    assert_false(is_there(in_dir("bare"), "data/position/" VIDEO ".gpx"));
    expect(RUN("export", "--imei", IMEI, "-o", package, "--at", AT), 0, "made missing copies: ");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_there(package, names[i]))
            fail_msg("no %s", names[i]);
    check_by_sha256sum(package, 0);
    expect(RUN("verify", package), 0, "no problems found");
    expect(PROC_RUN("cmp", CLIP, in_dir("checked/data/master/" VIDEO ".h265")), 0, "");
    assert_int_equal(entries_like("checked"), 1);
}

static void test_the_same_store_and_time_give_the_same_bytes(void **state)
{
    (void)state;
    char other[600];
    snprintf(other, sizeof other, "%s", in_dir("other-root"));
    expect(PROC_RUN("cp", "-a", w.root, other), 0, "");
    setenv("TZ", "Asia/Kathmandu", 1);
    expect(RUN("export", VIDEO, STILL, "-o", in_dir("one"), "--at", AT, "--who", "A. Person"), 0,
           "2 transfers");
    static const char *const elsewhere[] = {
        "TZ=America/St_Johns", "HOME=/nonexistent",
        "LC_ALL=tr_TR.UTF-8",  "LANGUAGE=de",
        "MALLOC_PERTURB_=85",  "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-FMA,-FMA4"};
    struct proc_result r = PROC_RUN(
        "env", "-C", "/", elsewhere[0], elsewhere[1], elsewhere[2], elsewhere[3], elsewhere[4],
        elsewhere[5], "sh", "-c", "umask 077; exec \"$@\"", "sh", DASHSPOOL_BINARY, "--root", other,
        "export", STILL, VIDEO, "-o", in_dir("two"), "--at", AT, "--who", "A. Person");
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    expect(PROC_RUN("diff", "-r", in_dir("one"), in_dir("two")), 0, "");
}

static void test_a_zip_of_a_package_is_checked_likewise(void **state)
{
    (void)state;
    if (!proc_have("zip")) {
        fprintf(stderr, "SKIPPED: zip is not there\n");
        return;
    }
    expect(RUN("export", STILL, "-o", in_dir("zipped")), 0, "1 transfer,");
    expect(PROC_RUN("env", "-C", w.dir, "zip", "-q", "-r", "-0", "zipped.zip", "zipped"), 0, "");
    expect(RUN("verify", in_dir("zipped.zip")), 0, "no problems found");
    expect(RUN("verify", CLIP, in_dir("zipped.zip")), 3,
           "VERIFICATION FAILED: this package was changed or is incomplete");
}

static void test_a_package_may_be_a_zip(void **state)
{
    (void)state;
    const char *zip = in_dir("whole.zip");
    expect(RUN("export", "--imei", IMEI, "-o", zip), 0, "3 transfers");
    assert_int_equal(entries_like("whole"), 1);
    expect(RUN("verify", zip), 0, "no problems found");
    expect(PROC_RUN("unzip", "-q", zip, "-d", w.dir), 0, "");
    check_by_sha256sum(in_dir("whole"), 0); /* the folder in it is named like the zip */
    expect(RUN("verify", in_dir("whole")), 0, "no problems found");
    expect(RUN("export", VIDEO, "-o", zip), 1, "already exists");
}

static void test_a_zip_is_the_same_bytes_again(void **state)
{
    (void)state;
    char other[600];
    snprintf(other, sizeof other, "%s", in_dir("zip-root"));
    expect(PROC_RUN("cp", "-a", w.root, other), 0, "");
    expect(PROC_RUN("mkdir", in_dir("east"), in_dir("west")), 0, "");
    setenv("TZ", "Asia/Kathmandu", 1);
    expect(RUN("export", VIDEO, "-o", in_dir("east/a.zip"), "--at", AT), 0, "1 transfer,");
    setenv("TZ", "America/St_Johns", 1);
    expect(DASHSPOOL(other, "export", VIDEO, "-o", in_dir("west/a.zip"), "--at", AT), 0,
           "1 transfer,");
    expect(PROC_RUN("cmp", in_dir("east/a.zip"), in_dir("west/a.zip")), 0, "");
}

static void test_an_export_is_in_the_custody_of_what_it_contains(void **state)
{
    (void)state;
    expect(RUN("export", STILL, "-o", in_dir("noted"), "--who", "A. Person"), 0, "not signed");
    expect(RUN("show", STILL, "--custody"), 0, "\"event\":\"exported\"");
    expect(RUN("show", STILL, "--custody"), 0, "\"package\":\"noted\"");
    expect(RUN("export", STILL, "-o", in_dir("dated"), "--at", AT), 0, ""); /* whatever it says */
    struct proc_result r = RUN("show", STILL, "--custody");
    char before[40] = "";
    int n = 0;
    for (const char *at = proc_out(&r); (at = strstr(at, "\"at\":\"")) != NULL; n++) {
        char now[40];
        at += 6;
        snprintf(now, sizeof now, "%.*s", (int)strcspn(at, "\""), at);
        if (strcmp(before, now) > 0)
            fail_msg("an event of %s behind one of %s:\n%s", now, before, proc_out(&r));
        memcpy(before, now, sizeof before);
    }
    assert_true(n > 3);
    proc_clear(&r);
}

static void test_a_signature_is_checked_here_and_by_openssl(void **state)
{
    (void)state;
    expect(
        RUN("keygen", "--cert", in_dir("a.pem"), "--key", in_dir("a.key"), "--name", "A. Person"),
        0, "");
    expect(RUN("export", STILL, "-o", in_dir("signed"), "--sign-cert", in_dir("a.pem"),
               "--sign-key", in_dir("a.key")),
           0, "signed; keep this checksum");
    expect(RUN("verify", in_dir("signed")), 0, "CN=A. Person");
    expect(PROC_RUN("env", "-C", in_dir("signed"), "openssl", "cms", "-verify", "-binary",
                    "-inform", "DER", "-in", "signature/manifest.p7s", "-content",
                    "tagmanifest-sha256.txt", "-CAfile", "signature/certificate.pem", "-out",
                    "/dev/null"),
           0, "uccessful");
    expect(PROC_RUN("grep", "-o", "CN=A. Person", in_dir("signed/data/report.html")), 0,
           "CN=A. Person");
    expect(RUN("keygen", "--cert", in_dir("b.pem"), "--key", in_dir("b.key"), "--name", "B"), 0,
           "");
    expect(RUN("export", STILL, "-o", in_dir("other"), "--sign-cert", in_dir("b.pem"), "--sign-key",
               in_dir("b.key")),
           0, "signed");
    expect(PROC_RUN("cp", in_dir("other/signature/manifest.p7s"),
                    in_dir("signed/signature/manifest.p7s")),
           0, "");
    expect(RUN("verify", in_dir("signed")), 3, "signature        FAILED");
    expect(RUN("export", STILL, "-o", in_dir("x"), "--sign-cert", in_dir("a.pem"), "--sign-key",
               in_dir("b.key")),
           1, "b.key");
    expect(RUN("export", STILL, "-o", in_dir("x"), "--sign-cert", in_dir("a.pem")), 2,
           "must be given together");
    assert_int_equal(entries_like("x"), 0);
}

/* A package with a stamp of an authority of our own, checked here and by openssl. */
static void check_stamped(const char *package)
{
    expect(RUN("verify", package), 0, "by CN=tsa,O=Time");
    expect(RUN("verify", "--ca", in_dir("all.pem"), package), 0, "no problems found");
    expect(RUN("verify", "--ca", in_dir("mail.pem"), package), 3, "signature/token.tsr:");
}

static void make_authority(void)
{
    authority_make_cert(w.dir, "tsa", "extendedKeyUsage=critical,timeStamping");
    authority_make_cert(w.dir, "mail", "extendedKeyUsage=emailProtection");
    authority_configure(w.dir, "tsa.cnf", "tsa", "sha256");
    expect(RUN("keygen", "--cert", in_dir("depot.pem"), "--key", in_dir("depot.key"), "--name",
               "Depot 7"),
           0, "CN=Depot 7");
    struct buf all = support_read(in_dir("tsa.pem")), depot = support_read(in_dir("depot.pem"));
    struct err err;
    assert_ok(buf_append(&all, buf_data(&depot), depot.used, &err));
    support_write(in_dir("all.pem"), buf_data(&all), all.used);
    buf_clear(&all);
    buf_clear(&depot);
}

static void test_an_authority_stamps_a_package(void **state)
{
    (void)state;
    struct authority_server tsa;
    make_authority();
    authority_start(&tsa, w.dir, "tsa.cnf");
    expect(RUN("export", STILL, "-o", in_dir("stamped.zip"), "--sign-cert", in_dir("depot.pem"),
               "--sign-key", in_dir("depot.key"), "--tsa", tsa.url),
           0, "signed and time-stamped");
    authority_end(&tsa);
    check_stamped(in_dir("stamped.zip"));
    expect(RUN("attach-timestamp", in_dir("stamped.zip"), in_dir("answer")), 1,
           "already has a time stamp");
    expect(RUN("export", STILL, "-o", in_dir("alone"), "--tsa", tsa.url), 1, /* it is gone now */
           "the package is complete without it");
    expect(RUN("verify", in_dir("alone")), 0, "the package has no time stamp");
    expect(RUN("verify", "--ca", in_dir("all.pem"), in_dir("alone")), 3,
           "VERIFICATION FAILED: the package is not signed");
    expect(RUN("verify", in_dir("alone")), 0, "although one was asked for");
    expect(RUN("verify", "--require", "timestamp", in_dir("alone")), 3,
           "VERIFICATION FAILED: the package has no time stamp");
    expect(RUN("verify", "--require", "signature", "--require", "timestamp", in_dir("stamped.zip")),
           0, "no problems found");
    expect(RUN("verify", "--require", "nothing", in_dir("alone")), 2,
           "expected signature or timestamp");
    expect(RUN("verify", "--fingerprint", "12:34", in_dir("alone")), 2,
           "expected 64 hexadecimal digits");
    expect(RUN("verify", "--fingerprint",
               "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF", in_dir("alone")),
           3, "expected 00112233445566778899aabbccddeeff");
    expect(RUN("verify", w.dir), 2, "not an evidence package");
}

/* The question is carried to an authority by hand, and its answer back. */
static void stamp_later(const char *name)
{
    char folder[100], query_path[600];
    snprintf(folder, sizeof folder, "%.*s", (int)strcspn(name, "."), name);
    expect(RUN("export", STILL, "-o", in_dir(name), "--sign-cert", in_dir("depot.pem"),
               "--sign-key", in_dir("depot.key")),
           0, "signed");
    if (strcmp(folder, name) != 0)
        expect(PROC_RUN("unzip", "-q", in_dir(name), "-d", w.dir), 0, "");
    snprintf(query_path, sizeof query_path, "%s/signature/request.tsq", in_dir(folder));
    struct buf query = support_read(query_path);
    struct buf token = authority_reply(w.dir, "tsa.cnf", &query, true);
    support_write(in_dir("token"), buf_data(&token), token.used);
    expect(RUN("attach-timestamp", in_dir(name), in_dir("token")), 0, "stamped 2");
    check_stamped(in_dir(name));
    assert_int_equal(entries_like(name), 1);
    buf_clear(&query);
    buf_clear(&token);
}

/* Everything in README.txt that begins like a command of anybody's is run as it stands there. */
static void test_the_readme_of_a_package_says_what_works(void **state)
{
    (void)state;
    static const char *const begins[] = {"  sha256sum ", "  openssl ", "  head ", "  ffprobe "};
    struct authority_server tsa;
    int n = 0;
    authority_start(&tsa, w.dir, "tsa.cnf");
    expect(RUN("export", "--imei", IMEI, "-o", in_dir("read"), "--sign-cert", in_dir("depot.pem"),
               "--sign-key", in_dir("depot.key"), "--tsa", tsa.url),
           0, "signed and time-stamped");
    authority_end(&tsa);
    expect(PROC_RUN("cp", in_dir("tsa.pem"), in_dir("read/authority.pem")), 0, "");
    struct buf readme = support_read(in_dir("read/README.txt"));
    struct err err;
    assert_ok(buf_append(&readme, "", 1, &err));
    char *rest = (char *)(readme.mem + readme.start);
    for (char *line; (line = strtok_r(rest, "\n", &rest));)
        for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
            if (strncmp(line, begins[i], strlen(begins[i])) == 0) {
                expect(PROC_RUN("env", "-C", in_dir("read"), "sh", "-ec", line), 0, "");
                n++;
            }
    assert_int_equal(n, 9);
    buf_clear(&readme);
}

/* The first line of a text that begins so and holds this; NULL: there is none. */
static const char *line_with(char *text, const char *begins, const char *holds)
{
    for (char *line; (line = strtok_r(text, "\n", &text));)
        if (strncmp(line, begins, strlen(begins)) == 0 && strstr(line, holds))
            return line;
    return NULL;
}

/* A stamp outlives the certificate of its authority, here and by the README's line, for which no
 * program is needed but a shell, openssl and awk. */
static void test_a_stamp_of_an_expired_authority_is_verified(void **state)
{
    (void)state;
    expect(RUN("export", STILL, "-o", in_dir("aged")), 0, "1 transfer");
    struct buf query = support_read(in_dir("aged/signature/request.tsq"));
    struct buf answer = authority_reply_at(w.dir, "past", &query, -2);
    support_write(in_dir("aged-answer"), buf_data(&answer), answer.used);
    buf_clear(&query);
    buf_clear(&answer);
    expect(RUN("attach-timestamp", in_dir("aged"), in_dir("aged-answer")), 0, "stamped 2");
    expect(RUN("verify", "--require", "timestamp", in_dir("aged")), 0, "no problems found");
    expect(PROC_RUN("cp", in_dir("past.pem"), in_dir("aged/authority.pem")), 0, "");
    expect(PROC_RUN("env", "-C", in_dir("aged"), "openssl", "ts", "-verify", "-data",
                    "tagmanifest-sha256.txt", "-in", "signature/token.tsr", "-CAfile",
                    "authority.pem"),
           1, "expired");
    expect(PROC_RUN("sh", "-ec",
                    "mkdir \"$1\"; for p in sh openssl awk; do ln -s \"$(command -v $p)\" \"$1\"; "
                    "done; ! PATH=$1 command -v date",
                    "sh", in_dir("few")),
           0, "");
    char path[600];
    snprintf(path, sizeof path, "PATH=%s", in_dir("few"));
    struct buf readme = support_read(in_dir("aged/README.txt"));
    struct err err;
    assert_ok(buf_append(&readme, "", 1, &err));
    const char *line =
        line_with((char *)(readme.mem + readme.start), "  openssl ts -verify", "-attime");
    assert_non_null(line);
    expect(PROC_RUN("env", "-C", in_dir("aged"), path, "sh", "-ec", line), 0, "Verification: OK");
    buf_clear(&readme);
}

static void test_a_stamp_of_the_future_is_said(void **state)
{
    (void)state;
    expect(RUN("export", STILL, "-o", in_dir("ahead")), 0, "1 transfer");
    struct buf query = support_read(in_dir("ahead/signature/request.tsq"));
    struct buf answer = authority_reply_at(w.dir, "ahead-tsa", &query, 2);
    support_write(in_dir("ahead-answer"), buf_data(&answer), answer.used);
    buf_clear(&query);
    buf_clear(&answer);
    expect(RUN("attach-timestamp", in_dir("ahead"), in_dir("ahead-answer")), 0, "stamped 2");
    expect(RUN("verify", in_dir("ahead")), 0, "it is of the future, by the clock of this computer");
}

static void test_a_stamp_can_come_later(void **state)
{
    (void)state;
    stamp_later("later");
    expect(PROC_RUN("env", "-C", in_dir("later"), "openssl", "ts", "-verify", "-data",
                    "tagmanifest-sha256.txt", "-in", "signature/token.tsr", "-token_in", "-CAfile",
                    in_dir("tsa.pem")),
           0, "Verification: OK");
    stamp_later("packed.zip");
    expect(RUN("export", STILL, "-o", in_dir("third")), 0, "1 transfer");
    expect(RUN("attach-timestamp", in_dir("third"), in_dir("token")), 1,
           "token: the time stamp does not match this package");
    expect(RUN("verify", in_dir("third")), 0, "the package has no time stamp");
    expect(PROC_RUN("cp", in_dir("token"), in_dir("third/signature/token.tsr")), 0, "");
    expect(RUN("verify", in_dir("third")), 3, "time stamp       FAILED");
}

static void test_nothing_is_written_over(void **state)
{
    (void)state;
    expect(RUN("export", STILL, "-o", in_dir("first")), 0, "1 transfer,");
    expect(RUN("export", VIDEO, "-o", in_dir("first")), 1, "already exists");
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
    expect(RUN("export", VIDEO, "-o", in_dir("changed")), 1, "was changed (made with");
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
    expect(RUN("export", VIDEO, "-o", in_dir("master")), 1, "restore that file from a backup");
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
    expect(RUN("export", VIDEO), 2, "give the package's path with -o");
    expect(RUN("export", "-o", in_dir("x")), 2, "give IDs");
    expect(RUN("export", VIDEO, "--imei", IMEI, "-o", in_dir("x")), 2, "not both");
    expect(RUN("export", "nobody", "-o", in_dir("x")), 1, "'dashspool list' shows all");
    expect(RUN("export", "--imei", "1", "-o", in_dir("x")), 1, "no matching transfers");
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--at", "noon"), 2, "--at noon");
    expect(RUN("verify"), 2, "give at least one package");
    expect(RUN("verify", in_dir("x")), 1, "No such file");
    assert_int_equal(entries_like("x"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anybody_can_check_a_package),
        cmocka_unit_test(test_the_same_store_and_time_give_the_same_bytes),
        cmocka_unit_test(test_a_zip_of_a_package_is_checked_likewise),
        cmocka_unit_test(test_a_package_may_be_a_zip),
        cmocka_unit_test(test_a_zip_is_the_same_bytes_again),
        cmocka_unit_test(test_an_export_is_in_the_custody_of_what_it_contains),
        cmocka_unit_test(test_a_signature_is_checked_here_and_by_openssl),
        cmocka_unit_test(test_an_authority_stamps_a_package),
        cmocka_unit_test(test_a_stamp_of_an_expired_authority_is_verified),
        cmocka_unit_test(test_a_stamp_of_the_future_is_said),
        cmocka_unit_test(test_a_stamp_can_come_later),
        cmocka_unit_test(test_the_readme_of_a_package_says_what_works),
        cmocka_unit_test(test_nothing_is_written_over),
        cmocka_unit_test(test_a_changed_copy_stops_the_export),
        cmocka_unit_test(test_a_changed_master_stops_the_export),
        cmocka_unit_test(test_a_custody_with_a_line_missing_stops_the_export),
        cmocka_unit_test(test_what_is_asked_wrongly_is_said),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
