/* What people do at the pages: a form becomes a job, `work` does it in their name, the page follows
 * it; once in effect, whoever is killed when, and whoever wrote the job. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/actions.h"
#include "dashspool/clock.h"
#include "dashspool/spool.h"
#include "support/http.h"
#include "support/world.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define FRONT IMEI "-front-photo-20241129T072345Z"
#define REAR  IMEI "-rear-photo-20241129T072345Z"
#define TOKEN "a-token-for-tests-0123456789"

static struct world w;
static struct proc server;
static bool serves;
static int port;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

static const char *in_root(const char *name)
{
    return support_path(w.root, name);
}

/* Two photos of one event, with their copies. */
static int set_up(void **state)
{
    (void)state;
    serves = false;
    world_open(&w, DASHSPOOL_BINARY, "");
    world_start(&w);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--photo-front", PHOTO,
               "--photo-rear", PHOTO, "--time", "2024-11-29T07:23:45Z", "--lat", "54.70042",
               "--lon", "25.28713"),
           0, "files uploaded: 2,");
    world_stop(&w);
    expect(RUN("work", "--once"), 0, "2 jobs done");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    int status = serves ? proc_stop(&server, SIGTERM) : 0;
    world_close(&w);
    assert_int_equal(status, 0);
    return 0;
}

static void serve(bool token)
{
    char line[200];
    const char *argv[] = {DASHSPOOL_BINARY, "--root",       w.root, "serve", "--listen",
                          "127.0.0.1:0",    "--token-file", NULL,   NULL};
    if (token)
        support_write(in_dir("token"), TOKEN, strlen(TOKEN));
    argv[token ? 7 : 6] = token ? in_dir("token") : NULL;
    server = proc_start(in_dir("serve.log"), argv);
    serves = true;
    proc_wait_for(&server, "listening on 127.0.0.1:", line, sizeof line);
    port = (int)strtol(line, NULL, 10);
}

#define HEX        "-0123456789abcdef0123456789abcdef"
#define HEAD(role) "\"at\":\"2026-11-30T20:43:00.000000Z\",\"by\":\"eve\",\"role\":\"" role "\""

/* ---- at the pages ---- */

static const char *csrf(void)
{
    struct http_answer a = http_ask(port, "GET", "/upload", "", NULL);
    const char *token = http_between(a.body, "name=\"csrf\" value=\"", "\"");
    http_clear(&a);
    return token;
}

/* The job of a form's action, in a static buffer. */
static const char *act(const char *form)
{
    static char job[8][ACTIONS_JOB_ROOM];
    static size_t next;
    char body[4000];
    next = (next + 1) % 8;
    snprintf(body, sizeof body, "csrf=%s&to=%%2Fstatus%%3Fa%%3D1%%26did%%3Dold%%23x&%s", csrf(),
             form);
    struct http_answer a = http_post(port, "/action", "", body);
    if (a.status != 303)
        fail_msg("%s: %d: %s", form, a.status, a.body ? a.body : "");
    snprintf(job[next], sizeof job[next], "%s",
             http_between(a.text, "Location: /status?a=1&did=", "#x\r\n"));
    http_clear(&a);
    return job[next];
}

static void work_actions(void)
{
    struct proc_result r = RUN("work", "--once", "--stage", "action");
    assert_int_equal(r.status == 0 || r.status == 1, 1);
    proc_clear(&r);
}

/* What became of it, as a script asks; in a static buffer. */
static const char *fate(const char *job)
{
    static char text[40000];
    char path[200];
    snprintf(path, sizeof path, "/action/%s?json=1", job);
    struct http_answer a = http_ask(port, "GET", path, "", NULL);
    assert_int_equal(a.status, 200);
    snprintf(text, sizeof text, "%s", a.body);
    http_clear(&a);
    return text;
}

static const char *done(const char *form)
{
    const char *job = act(form);
    work_actions();
    assert_has(fate(job), "\"state\":\"done\"");
    return job;
}

static int custody(const char *id, const char *words)
{
    struct proc_result r = RUN("show", "--custody", id);
    int n = 0;
    assert_int_equal(r.status, 0);
    for (const char *at = proc_out(&r); (at = strstr(at, words)) != NULL; at++)
        n++;
    proc_clear(&r);
    return n;
}

#define BY "\"who\":\"somebody at 127.0.0.1\""

static void test_what_is_done_is_in_the_custody_by_name(void **state)
{
    (void)state;
    serve(false);
    const char *job = act("do=reviewed&event=" FRONT);
    assert_has(fate(job), "\"state\":\"ready\"");
    assert_has(fate(job), "\"by\":\"somebody at 127.0.0.1\"");
    work_actions();
    assert_has(fate(job), "\"state\":\"done\"");
    assert_has(fate(job), "2 transfers"); /* all of the event */
    done("do=note&do=case&event=" FRONT "&note=two%0D%0Alines&case_number=K-17");
    done("do=protect&event=" REAR "&reason=claim+17");
    done("do=unprotect&event=" REAR);
    static const char *const events[] = {"reviewed", "noted", "case", "protected", "unprotected"};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        char line[80];
        snprintf(line, sizeof line, "\"event\":\"%s\"", events[i]);
        if (custody(FRONT, line) != 1 || custody(REAR, line) != 1)
            fail_msg("%s: %d and %d times", line, custody(FRONT, line), custody(REAR, line));
    }
    assert_int_equal(custody(FRONT, BY), 5);
    assert_int_equal(custody(FRONT, "two\\nlines"), 1);
    done("do=unreviewed&event=" FRONT);
    assert_int_equal(custody(FRONT, BY), 6);
    /* The page tells, and takes back. */
    job = done("do=reviewed&event=" FRONT);
    char path[120];
    snprintf(path, sizeof path, "/status?did=%s", job);
    struct http_answer a = http_ask(port, "GET", path, "", NULL);
    assert_int_equal(a.status, 200);
    assert_has(a.body, "Marked as reviewed");
    assert_has(a.body, "name=\"do\" value=\"unreviewed\"");
    http_clear(&a);
    expect(RUN("fsck"), 0, "");
}

static void refused(const char *headers, const char *form, int status, const char *words)
{
    struct http_answer a = http_post(port, "/action", headers, form);
    if (a.status != status)
        fail_msg("%s: %d instead of %d", form, a.status, status);
    assert_has(a.body, words);
    http_clear(&a);
    assert_int_equal(support_entries(in_root("spool/action/new")), 0);
}

static void test_who_may_only_look_does_nothing(void **state)
{
    (void)state;
    static const char bearer[] = "Authorization: Bearer " TOKEN "\r\n";
    serve(true);
    for (unsigned k = 0; k < ACTIONS_DOWNLOADED; k++) {
        char form[200];
        snprintf(form, sizeof form, "do=%s&event=" FRONT "&reason=x&note=x&package=x&imei=" IMEI,
                 actions_name((enum actions_kind)k));
        refused(bearer, form, 403, "your role, viewer");
    }
    refused("", "do=reviewed&event=" FRONT, 401, "");
    http_expect(port, "/original/" FRONT, bearer, 403);
    http_expect(port, "/package/x.zip", bearer, 403);
    http_expect(port, "/packages", bearer, 200);
}

static void put_job(const char *job, const char *json)
{
    struct err err;
    struct spool *spool = NULL;
    assert_ok(spool_open(&spool, w.root, ACTIONS_STAGE, &err));
    assert_ok(spool_put(spool, job, json, strlen(json), &err));
    spool_close(&spool);
}

/* A person's token, as a header. */
static void add_person(const char *name, const char *role, char header[200])
{
    struct proc_result r = RUN("user", "add", name, "--role", role);
    assert_int_equal(r.status, 0);
    snprintf(header, 200, "Authorization: Bearer %.*s\r\n", (int)strcspn(proc_out(&r), "\n"),
             proc_out(&r));
    proc_clear(&r);
}

/* The role decides at the page, and once more when it is done; the name is in the custody. */
static void test_each_role_does_what_it_may(void **state)
{
    (void)state;
    static const char *const roles[] = {"viewer", "reviewer", "admin"};
    static const struct {
        const char *form;
        int least; /* index of roles */
    } forms[] = {{"do=reviewed&event=" FRONT, 1},
                 {"do=unreviewed&event=" FRONT, 1},
                 {"do=note&event=" FRONT "&note=n", 1},
                 {"do=case&event=" FRONT "&case_number=K", 1},
                 {"do=protect&event=" FRONT "&reason=r", 1},
                 {"do=unprotect&event=" FRONT, 2},
                 {"do=request&imei=" IMEI "&cameras=front&time=2026-01-02T03:04:05Z&seconds=9", 1},
                 {"do=cancel&request=1", 1},
                 {"do=retry&event=" FRONT, 2},
                 {"do=drop&event=" FRONT, 2},
                 {"do=vehicle&imei=" IMEI "&name=Van", 2},
                 {"do=export&event=" FRONT, 1},
                 {"do=verify&package=x.zip", 1},
                 {"do=import&upload=x", 1}};
    char header[3][200];
    for (int r = 0; r < 3; r++)
        add_person(roles[r], roles[r], header[r]);
    serve(false);
    for (int r = 0; r < 3; r++)
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            struct http_answer a = http_post(port, "/action", header[r], forms[i].form);
            if (a.status != (r >= forms[i].least ? 303 : 403))
                fail_msg("%s as %s: %d", forms[i].form, roles[r], a.status);
            http_clear(&a);
        }
    http_expect(port, "/original/" FRONT, header[0], 403);
    http_expect(port, "/original/" FRONT, header[1], 200);
    work_actions();
    assert_int_equal(custody(FRONT, "\"who\":\"viewer\""), 0);
    assert_true(custody(FRONT, "\"who\":\"reviewer\"") >= 6);
    assert_int_equal(custody(FRONT, "\"event\":\"shown\""), 1);
    assert_true(custody(FRONT, "\"who\":\"admin\"") >= 1);
}

/* A job that bears the name of nobody, or of one who may not do it any more. */
static void test_a_name_in_a_job_must_be_a_persons(void **state)
{
    (void)state;
    static const char *const why[] = {"eve is none of the people", "has the role viewer by now"};
    char header[200];
    add_person("ann", "reviewer", header);
    serve(false);
    put_job("reviewed" HEX,
            "{\"action\":\"reviewed\"," HEAD("admin") ",\"events\":[\"" FRONT "\"]}");
    struct http_answer a = http_post(port, "/action", header, "do=note&note=n&event=" FRONT);
    assert_int_equal(a.status, 303);
    char failed[2][200] = {"spool/action/failed/reviewed" HEX "/reason.txt", ""};
    snprintf(failed[1], sizeof failed[1], "spool/action/failed/%s/reason.txt",
             http_between(a.text, "did=", "\r\n"));
    http_clear(&a);
    expect(RUN("user", "role", "ann", "--role", "viewer"), 0, "");
    work_actions();
    for (int i = 0; i < 2; i++)
        assert_int_equal(support_count(in_root(failed[i]), why[i]), 1);
    assert_int_equal(custody(FRONT, "\"event\":\"noted\""), 0);
    assert_int_equal(custody(FRONT, "\"event\":\"reviewed\""), 0);
}

static void test_forms_that_are_none_put_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "do=",
        "do=format",
        "do=downloaded&event=" FRONT,
        "do=reviewed",
        "do=reviewed&event=..%2F..%2Fx",
        "do=note&event=" FRONT,
        "do=note&event=" FRONT "&note=+%0A+",
        "do=protect&event=" FRONT "&reason=a%0Ab",
        "do=protect&event=" FRONT "&reason=%E2%80%AE",
        "do=verify&package=..%2Fcatalogue.db",
        "do=export&event=" FRONT "&mask=1,2,3,4%3Brm",
        "do=export&event=" FRONT "&mask_w=3&mask_h=4",
        "do=export&event=" FRONT "&mask_of=&mask_x=3&mask_y=4&mask_w=&mask_h=",
        "do=export&event=" FRONT "&mask_of=front&mask_x=&mask_y=&mask_w=&mask_h=",
        "do=export&event=" FRONT "&mask_x=&mask_y=&mask_w=&mask_h=&mask_from=1&mask_to=2",
        "do=export&event=" FRONT "&mask_x=1&mask_y=2&mask_w=3&mask_h=",
        "do=export&event=" FRONT "&mask_x=1&mask_y=2",
        "do=export&event=" FRONT "&mask_x=0000000000012&mask_y=2&mask_w=3&mask_h=4",
        "do=export&event=" FRONT "&no_sound=1&mask_x=1&mask_y=2&mask_w=3&mask_h=4"
        "&mask_x=5&mask_y=6&mask_w=&mask_h=",
        "do=note&do=case&event=" FRONT "&note=n&case_number="
        "0123456789012345678901234567890123456789012345678901234567890123",
        "do=note&do=format&event=" FRONT "&note=n",
        "do=note&do=note&do=note&do=note&do=note&event=" FRONT "&note=n",
        "do=request&imei=" IMEI "&cameras=front&seconds=10",
        "do=request&imei=" IMEI "&cameras=front&seconds=10&time=yesterday",
        "do=request&imei=" IMEI "&cameras=front&seconds=10000&time=2024-11-29T07:00",
        "do=request&imei=" IMEI
        "&cameras=front&seconds=9&time=2024-03-31T02:30&zone=Europe%2FBerlin",
        "do=request&imei=" IMEI "&cameras=front&seconds=9&time=2024-03-31T02:30&zone=..%2F..%2Fx",
        "do=cancel&request=-1",
        "do=cancel&request=1e3",
        "do=retry&stage=..&job=x",
        "do=import&upload=..",
    };
    serve(false);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char form[600];
        snprintf(form, sizeof form, "csrf=%s&%s", csrf(), bad[i]);
        refused("", form, 400, "<h1>");
    }
    refused("", "do=reviewed&event=" FRONT, 403, ""); /* another site's */
    /* No form leads elsewhere. */
    static const char *const to[] = {"https%3A%2F%2Fx.example%2F", "%2F%2Fx.example",
                                     "%2F%5Cx.example", "javascript%3Ax", "%2Fa%0D%0ASet-Cookie:x"};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
        char form[300];
        snprintf(form, sizeof form, "csrf=%s&do=reviewed&event=" FRONT "&to=%s", csrf(), to[i]);
        struct http_answer a = http_post(port, "/action", "", form);
        assert_int_equal(a.status, 303);
        assert_has(a.text, "Location: /?did=reviewed-");
        http_clear(&a);
    }
}

/* ---- whoever wrote the job ---- */

static void test_a_job_of_a_stranger_does_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *job, *json, *why;
    } bad[] = {
        {"note" HEX,
         "{\"action\":\"note\"," HEAD("viewer") ",\"events\":[\"" FRONT "\"],\"text\":\"x\"}",
         "the role viewer may not do this"},
        {"retry" HEX, "{\"action\":\"retry\"," HEAD("reviewer") ",\"events\":[\"" FRONT "\"]}",
         "the role reviewer may not do this"},
        {"reviewed" HEX, "{\"action\":\"unprotect\"," HEAD("admin") ",\"events\":[\"" FRONT "\"]}",
         "another action than its name says"},
        {"x", "{\"action\":\"reviewed\"," HEAD("admin") ",\"events\":[\"" FRONT "\"]}",
         "another action than its name says"},
        {"verify" HEX, "{\"action\":\"verify\"," HEAD("admin") ",\"package\":\"../../x\"}",
         "no name"},
        {"case" HEX,
         "{\"action\":\"case\"," HEAD("admin") ",\"events\":[\"" FRONT
                                               "\"],\"text\":\"x\",\"force\":1}",
         "takes no \"force\""},
        {"protect" HEX, "[1,2,3]", "no JSON object"},
        {"cancel" HEX, "{\"action\":\"cancel\"," HEAD("admin") ",\"request\":99}", "99"},
        {"unreviewed" HEX,
         "{\"action\":\"unreviewed\"," HEAD("admin") ",\"events\":[\"" IMEI "-no\"]}",
         "not there any more"},
        {"import" HEX, "{\"action\":\"import\"," HEAD("admin") ",\"upload\":\"nothing\"}",
         "no upload nothing"},
    };
    int lines = custody(FRONT, "\"event\"");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        put_job(bad[i].job, bad[i].json);
    work_actions();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char path[200];
        snprintf(path, sizeof path, "spool/action/failed/%s/reason.txt", bad[i].job);
        if (!support_exists(in_root(path)) || support_count(in_root(path), bad[i].why) < 1)
            fail_msg("%s: '%s' is not its reason", bad[i].job, bad[i].why);
    }
    assert_int_equal(custody(FRONT, "\"event\""), lines);
    serve(false); /* the page says why */
    struct http_answer a = http_ask(port, "GET", "/status?did=note" HEX, "", NULL);
    assert_has(a.body, "role=\"alert\"");
    assert_has(a.body, "Not done: note: the role viewer may not do this");
    http_clear(&a);
}

/* ---- once in effect ---- */

/* As after a power cut that its end did not survive. */
static void forget_outcomes(void)
{
    expect(PROC_RUN("sh", "-c", "rm -f \"$1\"/actions/*.json", "sh", w.root), 0, "");
}

static void test_what_is_done_again_is_done_once(void **state)
{
    (void)state;
    char events[] = "[\"" FRONT "\",\"" REAR "\"]"; /* the same event twice */
    char at[CLOCK_TEXT_ROOM], json[8][600];
    const char *job[8] = {"note" HEX,    "reviewed" HEX,   "case" HEX,    "protect" HEX,
                          "request" HEX, "downloaded" HEX, "vehicle" HEX, "export" HEX};
    static const char *const rest[8] = {
        ",\"text\":\"once\"",
        "",
        ",\"text\":\"K-1\"",
        ",\"text\":\"claim\"",
        ",\"imei\":\"" IMEI "\",\"cameras\":\"front rear road\",\"seconds\":70,\"time\":"
        "\"2026-01-02T03:04:05Z\"",
        "",
        ",\"imei\":\"" IMEI "\",\"name\":\"Van 12\"",
        ""};
    clock_rfc3339(clock_utc_us() - 1000000, 6, at);
    for (int i = 0; i < 8; i++) {
        bool of_events = i != 4 && i != 6;
        snprintf(json[i], sizeof json[i],
                 "{\"action\":\"%.*s\",\"at\":\"%s\",\"by\":\"ann\",\"role\":\"admin\"%s%s%s}",
                 (int)(strlen(job[i]) - strlen(HEX)), job[i], at, of_events ? ",\"events\":" : "",
                 of_events ? events : "", rest[i]);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++)
            put_job(job[i], json[i]);
        expect(RUN("work", "--once", "--stage", "action"), 0, "8 jobs done, 0 failed");
        if (round == 0)
            continue; /* the second time its outcome tells, the third time nothing does */
        forget_outcomes();
    }
    assert_int_equal(custody(FRONT, "\"event\":\"noted\""), 1);
    assert_int_equal(custody(REAR, "\"event\":\"reviewed\""), 1);
    assert_int_equal(custody(REAR, "\"event\":\"case\""), 1);
    assert_int_equal(custody(REAR, "\"reason\":\"claim\""), 1);
    assert_int_equal(custody(REAR, "\"event\":\"shown\""), 1);
    assert_int_equal(custody(FRONT, "\"event\":\"exported\""), 1);
    assert_int_equal(support_entries(in_root("packages")), 1);
    struct proc_result r = RUN("requests");
    int n = 0;
    for (const char *p = proc_out(&r); (p = strstr(p, IMEI)) != NULL; p++)
        n++;
    proc_clear(&r);
    assert_int_equal(n, 6); /* front and rear as one, and the road camera: of 30, 30 and 10 s */
    expect(RUN("fsck"), 0, "");
}

/* A clip that somebody uploaded. */
static void put_upload(const char *place)
{
    char path[200];
    struct buf b = support_read(TEST_SAMPLES "/rear-25fps-6s-silent.h265");
    snprintf(path, sizeof path, "upload/%s", place);
    (void)mkdir(in_root("upload"), 0750); /* serve may have made it */
    assert_int_equal(mkdir(in_root(path), 0750), 0);
    snprintf(path, sizeof path, "upload/%s/clip-20250102T030405Z.h265", place);
    support_write(in_root(path), buf_data(&b), b.used);
    buf_clear(&b);
}

static void test_a_kill_at_any_time_leaves_it_done_once(void **state)
{
    (void)state;
    char at[CLOCK_TEXT_ROOM], json[400];
    const char *argv[] = {DASHSPOOL_BINARY, "--root",  w.root,   "work",
                          "--once",         "--stage", "action", NULL};
    int rounds = 0;
    struct proc_killer k = proc_killer(support_seed(20261130), 60);
    clock_rfc3339(clock_utc_us() - 1000000, 6, at);
    snprintf(json, sizeof json,
             "{\"action\":\"note\",\"at\":\"%s\",\"by\":\"ann\",\"role\":\"reviewer\",\"events\":["
             "\"" FRONT "\"],\"text\":\"once\"}",
             at);
    put_job("note" HEX, json);
    snprintf(json, sizeof json,
             "{\"action\":\"export\",\"at\":\"%s\",\"by\":\"ann\",\"role\":\"reviewer\",\"events\":"
             "[\"" FRONT "\"],\"case_number\":\"K 17/a\"}",
             at);
    put_job("export" HEX, json);
    put_upload("0a1b");
    snprintf(json, sizeof json,
             "{\"action\":\"import\",\"at\":\"%s\",\"by\":\"ann\",\"role\":\"reviewer\",\"upload\":"
             "\"0a1b\",\"imei\":\"" IMEI "\",\"camera\":\"rear\"}",
             at);
    put_job("import" HEX, json);
    while (proc_kill_later(&k, in_dir("work.log"), argv) && rounds++ < 200)
        ;
    support_wait((expect(RUN("work", "--once", "--stage", "action"), 0, ""),
                  support_entries(in_root("spool/action/new")) +
                          support_entries(in_root("spool/action/cur")) ==
                      0));
    assert_int_equal(support_entries(in_root("spool/action/failed")), 0);
    assert_int_equal(custody(FRONT, "\"event\":\"noted\""), 1);
    assert_int_equal(custody(REAR, "\"event\":\"noted\""), 1);
    assert_int_equal(custody(FRONT, "\"event\":\"exported\""), 1);
    assert_true(support_exists(in_root("packages/K-17-a-01234567.zip")));
    assert_false(support_exists(in_root("upload/0a1b")));
    expect(RUN("verify", in_root("packages/K-17-a-01234567.zip")), 0, "package verified");
    expect(RUN("fsck"), 0, "");
}

/* ---- packages ---- */

/* When it was made, to the millisecond: bag-info.txt has the second, the report the rest. */
static void read_at(const char *package, char out[CLOCK_TEXT_ROOM])
{
    static const char ask[] =
        "unzip -p \"$1\" '*/bag-info.txt' | sed -n 's/^Exported-At: \\(.*\\)Z$/\\1/p' | tr -d "
        "'\\n'; "
        "unzip -p \"$1\" '*/report.html' | "
        "sed -n 's/.*Created <strong>[^.<]*\\(\\.[0-9]*\\) UTC.*/\\1/p' | head -n 1 | tr -d '\\n'";
    char path[700];
    snprintf(path, sizeof path, "packages/%s", package);
    struct proc_result r = PROC_RUN("sh", "-c", ask, "sh", in_root(path));
    snprintf(out, CLOCK_TEXT_ROOM, "%.30sZ", proc_out(&r));
    proc_clear(&r);
}

static void copy_root(const char *to)
{
    expect(PROC_RUN("cp", "-a", w.root, in_dir(to)), 0, "");
}

static void test_a_package_of_the_page_is_that_of_the_command_line(void **state)
{
    (void)state;
    char at[CLOCK_TEXT_ROOM], package[200], redacted[200], path[700];
    serve(false);
    copy_root("before");
    const char *job = done("do=export&event=" FRONT "&title=Van+12%2C+crash&recipient=the+insurer"
                           "&case_number=K-17");
    snprintf(package, sizeof package, "%s", http_between(fate(job), "\"result\":\"", "\""));
    read_at(package, at);
    expect(DASHSPOOL(in_dir("before"), "export", "--who", "somebody at 127.0.0.1", "--title",
                     "Van 12, crash", "--recipient", "the insurer", "--case", "K-17", "--at", at,
                     "-o", in_dir(package), FRONT, REAR),
           0, "2 transfers");
    snprintf(path, sizeof path, "packages/%s", package);
    expect(PROC_RUN("cmp", in_root(path), in_dir(package)), 0, "");
    expect(PROC_RUN("sh", "-c", "unzip -p \"$1\" '*/bag-info.txt'", "sh", in_dir(package)), 0,
           "External-Identifier: K-17\nRecipient: the insurer\n");
    expect(PROC_RUN("sh", "-c", "unzip -p \"$1\" '*/report.html'", "sh", in_dir(package)), 0,
           "the insurer");

    copy_root("between");
    job = done("do=export&event=" FRONT "&case_number=K-17&mask_of=front&mask_x=100&mask_y=50"
               "&mask_w=64&mask_h=32&mask_from=&mask_to=&mask_of=&mask_x=&mask_y=&mask_w=&mask_h="
               "&mask_from=&mask_to=&mask=rear%3A0,0,64,64&hide=driver&hide=position");
    snprintf(redacted, sizeof redacted, "%s", http_between(fate(job), "\"result\":\"", "\""));
    assert_has(redacted, "-redacted-");
    read_at(redacted, at);
    expect(DASHSPOOL(in_dir("between"), "export", "--who", "somebody at 127.0.0.1", "--case",
                     "K-17", "--mask", "rear:0,0,64,64", "--mask", "front:100,50,64,32", "--hide",
                     "driver,position", "--at", at, "-o", in_dir(redacted), FRONT, REAR),
           0, "redacted");
    snprintf(path, sizeof path, "packages/%s", redacted);
    expect(PROC_RUN("cmp", in_root(path), in_dir(redacted)), 0, "");
}

static void test_packages_are_listed_fetched_and_verified(void **state)
{
    (void)state;
    char package[200], path[700], form[300];
    serve(false);
    const char *job = done("do=export&event=" FRONT "&no_sound=1&case_number=%3Cb%3E");
    snprintf(package, sizeof package, "%s", http_between(fate(job), "\"result\":\"", "\""));
    assert_int_equal(support_entries(in_root("packages")), 2); /* the full one came before it */
    snprintf(path, sizeof path, "/packages?did=%s", job);
    struct http_answer a = http_ask(port, "GET", path, "", NULL);
    assert_has(a.body, "fingerprint (SHA-256 of tagmanifest-sha256.txt)"); /* what is to be kept */
    http_clear(&a);
    a = http_ask(port, "GET", "/packages", "", NULL);
    assert_int_equal(a.status, 200);
    assert_has(a.body, package);
    assert_has(a.body, "Redacted");
    assert_has(a.body, "Not signed");
    assert_has(a.body, "somebody at 127.0.0.1");
    assert_has(a.body, "&lt;b&gt;");
    assert_null(strstr(a.body, "<b>&"));
    http_clear(&a);

    snprintf(path, sizeof path, "/package/%s", package);
    a = http_ask(port, "GET", path, "", NULL);
    assert_int_equal(a.status, 200);
    assert_has(a.text, "Content-Type: application/zip\r\n");
    snprintf(path, sizeof path, "packages/%s", package);
    struct buf b = support_read(in_root(path));
    assert_int_equal(a.body_n, b.used);
    assert_memory_equal(a.body, buf_data(&b), b.used);
    http_clear(&a);
    assert_int_equal(support_entries(in_root("spool/action/new")), 1); /* before the first byte */
    work_actions();
    assert_int_equal(custody(FRONT, "\"what\":\"package "), 1);
    assert_int_equal(custody(REAR, "\"what\":\"package "), 1);
    static const char *const none[] = {"/package/",
                                       "/package/..",
                                       "/package/.hidden.zip",
                                       "/package/../catalogue.db",
                                       "/package/no.zip",
                                       "/package/..%2Fcatalogue.db"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        http_expect(port, none[i], "", 404);

    snprintf(form, sizeof form, "do=verify&package=%s", package);
    job = done(form);
    assert_has(fate(job), "package verified: no problems found");
    struct buf worse;
    struct err err;
    buf_init(&worse, b.used + 1);
    assert_ok(buf_append(&worse, buf_data(&b), b.used, &err));
    worse.mem[worse.start + b.used / 2] ^= 1;
    support_write(in_root(path), buf_data(&worse), worse.used);
    buf_clear(&worse);
    buf_clear(&b);
    job = done(form);
    assert_null(strstr(fate(job), "package verified"));
    assert_has(fate(job), "\"bad\":true");
    snprintf(path, sizeof path, "/packages?did=%s", job);
    a = http_ask(port, "GET", path, "", NULL);
    assert_true(strstr(a.body, "REFUSED") || strstr(a.body, "FAILED"));
    http_clear(&a);
    /* Of what could not be judged it does not say that it was changed. */
    assert_int_equal(mkdir(in_root("packages/none"), 0750), 0);
    job = act("do=verify&package=none");
    work_actions();
    assert_has(fate(job), "\"state\":\"ready\"");
    assert_has(fate(job), "verify did not come to its end: ");
    assert_has(fate(job), "not an evidence package");
    assert_has(fate(job), "\"bad\":false");
}

static void test_a_package_in_a_folder_is_listed_by_file(void **state)
{
    (void)state;
    expect(RUN("export", "-o", in_root("packages/case"), FRONT), 1, ""); /* no folder for it yet */
    assert_int_equal(mkdir(in_root("packages"), 0750), 0);
    expect(RUN("export", "-o", in_root("packages/case"), FRONT), 0, "1 transfer");
    assert_int_equal(symlink("/etc/passwd", in_root("packages/link.zip")), 0);
    serve(false);
    struct http_answer a = http_ask(port, "GET", "/packages", "", NULL);
    assert_has(a.body, "href=\"/package/case\"");
    assert_null(strstr(a.body, "link.zip"));
    http_clear(&a);
    a = http_ask(port, "GET", "/package/case", "", NULL);
    assert_has(a.body, "href=\"/package/case/data/custody.jsonl\"");
    http_clear(&a);
    http_expect(port, "/package/case/data/custody.jsonl", "", 200);
    http_expect(port, "/package/case/data/link", "", 404);
    http_expect(port, "/package/case/../../catalogue.db", "", 404);
    http_expect(port, "/package/link.zip", "", 404);
    work_actions();
    assert_int_equal(custody(FRONT, "\"what\":\"package case\""), 1);
    assert_int_equal(symlink("/etc/passwd", in_root("packages/case/data/link")), 0);
    a = http_ask(port, "GET", "/packages", "", NULL);
    assert_has(a.body, "Cannot be read"); /* it is no package of ours any more */
    http_clear(&a);
    http_expect(port, "/package/case/data/link", "", 404);
}

/* ---- jobs, requests, vehicles, uploads ---- */

static void test_jobs_that_failed_are_tried_again_or_given_up(void **state)
{
    (void)state;
    struct err err;
    struct spool *spool = NULL;
    struct spool_job *job = NULL;
    static const char json[] = "{\"id\":\"" FRONT "\"}";
    assert_ok(spool_open(&spool, w.root, "convert", &err));
    serve(false);
    for (int i = 0; i < 3; i++) {
        assert_ok(spool_put(spool, FRONT, json, strlen(json), &err));
        assert_ok(spool_claim(spool, &job, &err));
        assert_ok(spool_fail(spool, &job, "no", &err));
        done(i == 0   ? "do=retry&event=" REAR
             : i == 1 ? "do=retry&stage=convert&job=" FRONT
                      : "do=drop&stage=convert&reason=hopeless&job=" FRONT);
        struct spool_count n;
        assert_ok(spool_count(spool, &n, &err));
        assert_int_equal(n.failed, 0);
        assert_int_equal(n.ready, i < 2);
        if (i < 2)
            assert_ok(spool_cancel(spool, FRONT, &err));
    }
    spool_close(&spool);
    assert_int_equal(custody(FRONT, "\"event\":\"dropped\""), 1);
    assert_int_equal(custody(FRONT, "hopeless"), 1);
}

static void test_footage_is_asked_for_and_taken_back(void **state)
{
    (void)state;
    serve(false);
    done("do=request&imei=" IMEI "&cameras=front&time=2026-01-02T04:04:30&zone=Europe%2FBerlin"
         "&before=10&after=15&reason=claim");
    expect(RUN("requests", "--json"), 0, "2026-01-02T03:04:20Z");
    expect(RUN("requests", "--json"), 0, "\"somebody at 127.0.0.1\"");
    done("do=cancel&request=1");
    expect(RUN("requests"), 0, "cancelled");
    /* a photo of now: its form has a time and a length all the same */
    done("do=request&imei=" IMEI "&cameras=front&cameras=rear&time=2026-01-02T04:04:30&seconds=20"
         "&photo=1&zone=Europe%2FBerlin");
    expect(RUN("requests", "--json"), 0, "camreq:1,3");
    const char *job = done("do=vehicle&imei=" IMEI "&name=Van+12&plate=B-XY&group=North");
    assert_has(fate(job), "\"state\":\"done\"");
}

static void test_what_was_uploaded_becomes_a_transfer(void **state)
{
    (void)state;
    serve(false);
    put_upload("0a1b");
    support_write(in_root("upload/0a1b/notes.h265"), "none", 4);
    const char *job = act("do=import&upload=0a1b&imei=" IMEI "&camera=rear");
    work_actions();
    assert_has(fate(job), "\"state\":\"done\"");
    assert_has(fate(job), "notes.h265: not taken");
    assert_has(fate(job), "\"bad\":true");
    char path[120];
    snprintf(path, sizeof path, "/status?did=%s", job);
    struct http_answer a = http_ask(port, "GET", path, "", NULL);
    assert_has(a.body, "Not all files could be taken in");
    assert_has(a.body, "notes.h265: not taken");
    http_clear(&a);
    char id[CATALOGUE_ID_ROOM];
    snprintf(id, sizeof id, "%s", http_between(fate(job), "\"result\":\"", "\""));
    assert_has(id, IMEI "-rear-video-");
    assert_int_equal(custody(id, " import for somebody at 127.0.0.1\"") > 1, 1);
    assert_false(support_exists(in_root("upload/0a1b/clip-20250102T030405Z.h265")));
    assert_true(support_exists(in_root("upload/0a1b/notes.h265")));
    expect(RUN("work", "--once"), 0, "1 job done");
    expect(RUN("fsck"), 0, "");
}

/* ---- nobody waits behind a package ---- */

static void test_what_is_short_does_not_wait_for_what_is_long(void **state)
{
    (void)state;
    serve(false);
    const char *package = act("do=export&event=" FRONT), *note = act("do=reviewed&event=" FRONT);
    int lock = open(in_root("spool/action/alone.lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_true(lock >= 0 && fcntl(lock, F_OFD_SETLK, &all) == 0); /* somebody makes another one */
    work_actions();
    assert_has(fate(note), "\"state\":\"done\"");
    assert_has(fate(package), "\"state\":\"ready\"");
    close(lock);
    support_wait((work_actions(), strstr(fate(package), "\"state\":\"done\"")));
    assert_int_equal(custody(FRONT, "\"event\":\"exported\""), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_what_is_done_is_in_the_custody_by_name),
        T(test_who_may_only_look_does_nothing),
        T(test_each_role_does_what_it_may),
        T(test_a_name_in_a_job_must_be_a_persons),
        T(test_forms_that_are_none_put_nothing),
        T(test_a_job_of_a_stranger_does_nothing),
        T(test_what_is_done_again_is_done_once),
        T(test_a_kill_at_any_time_leaves_it_done_once),
        T(test_a_package_of_the_page_is_that_of_the_command_line),
        T(test_packages_are_listed_fetched_and_verified),
        T(test_a_package_in_a_folder_is_listed_by_file),
        T(test_jobs_that_failed_are_tried_again_or_given_up),
        T(test_footage_is_asked_for_and_taken_back),
        T(test_what_was_uploaded_becomes_a_transfer),
        T(test_what_is_short_does_not_wait_for_what_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
