/* status of a real ROOT: what is found there, whatever lies there, and that it only looks. */
#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "dashspool/receive.h"
#include "dashspool/requests.h"
#include "dashspool/retention.h"
#include "dashspool/spool.h"
#include "dashspool/stages.h"
#include "dashspool/standing.h"
#include "dashspool/status.h"
#include "dashspool/telemetry.h"
#include "support/certs.h"
#include "support/sql.h"
#include "support/support.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char *root;
static struct cfg *cfg;
static json_t *o; /* the last that was told */
static char metrics[65536], screen_text[65536];

static void configure(const char *text)
{
    struct cfg_section sections[STAGES_CFG_SECTIONS + 6];
    static struct cfg_section kept[STAGES_CFG_SECTIONS + 6];
    char path[600];
    struct err err;
    for (int i = 0; i < STAGES_CFG_SECTIONS; i++)
        sections[i] = stages_cfg_sections[i];
    sections[STAGES_CFG_SECTIONS] = receive_cfg_section;
    sections[STAGES_CFG_SECTIONS + 1] = retention_cfg_section;
    sections[STAGES_CFG_SECTIONS + 2] = convert_cfg_section;
    sections[STAGES_CFG_SECTIONS + 3] = status_cfg_section;
    sections[STAGES_CFG_SECTIONS + 4] = standing_cfg_section;
    sections[STAGES_CFG_SECTIONS + 5] = telemetry_cfg_section;
    memcpy(kept, sections, sizeof kept);
    cfg_free(&cfg);
    snprintf(path, sizeof path, "%s.conf", root);
    assert_ok(fsx_mkdirs(path, &err));
    snprintf(path, sizeof path, "%s.conf/a.conf", root);
    support_write(path, text, strlen(text));
    snprintf(path, sizeof path, "%s.conf", root);
    assert_ok(cfg_load(&cfg, path, kept, STAGES_CFG_SECTIONS + 6, &err));
}

static int set_up(void **state)
{
    (void)state;
    root = support_tmp_dir();
    configure("[receive]\nmin_free_mib = 0\n");
    return 0;
}

static int tear_down(void **state)
{
    char path[600];
    struct err err;
    (void)state;
    json_decref(o);
    o = NULL;
    cfg_free(&cfg);
    snprintf(path, sizeof path, "%s.conf", root);
    assert_ok(fsx_remove_tree(path, &err));
    support_tmp_remove(&root);
    return 0;
}

/* All three ways to tell it; whether it is in trouble. */
static bool look(void)
{
    struct status *s = NULL;
    struct buf out;
    struct err err;
    const struct status_screen screen = {120, 60, false};
    json_decref(o);
    assert_ok(status_collect(&s, root, cfg, &err));
    buf_init(&out, 1 << 24);
    assert_ok(status_text(s, &screen, &out, &err));
    for (size_t i = 0; i < out.used; i++)
        assert_true(buf_data(&out)[i] >= ' ' || buf_data(&out)[i] == '\n');
    snprintf(screen_text, sizeof screen_text, "%.*s", (int)out.used, (const char *)buf_data(&out));
    buf_consume(&out, out.used);
    assert_ok(status_prometheus(s, &out, &err));
    snprintf(metrics, sizeof metrics, "%.*s", (int)out.used, (const char *)buf_data(&out));
    buf_consume(&out, out.used);
    assert_ok(status_json(s, false, &out, &err));
    o = json_loadb((const char *)buf_data(&out), out.used, 0, NULL);
    assert_non_null(o);
    bool trouble = status_troubles(s) > 0;
    assert_int_equal(trouble, json_array_size(json_object_get(o, "trouble")) > 0);
    buf_clear(&out);
    status_free(&s);
    return trouble;
}

/* "jobs/convert/ready", "errors/0/n"; NULL where there is none. */
static const json_t *at(const char *path)
{
    char key[64];
    const json_t *v = o;
    for (; v && *path; path += *path == '/') {
        size_t n = strcspn(path, "/");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        v = json_is_array(v) ? json_array_get(v, strtoul(key, NULL, 10)) : json_object_get(v, key);
        path += n;
    }
    return v;
}

static long long number(const char *path)
{
    if (!json_is_integer(at(path)))
        fail_msg("no number %s", path);
    return (long long)json_integer_value(at(path));
}

static double real(const char *path)
{
    return json_real_value(at(path));
}

static bool metrics_have(const char *text)
{
    return strstr(metrics, text) != NULL;
}

static void says(const char *path, const char *words)
{
    const char *text = json_string_value(at(path));
    if (!text || !strstr(text, words))
        fail_msg("%s: '%s', not '%s'", path, text ? text : "(none)", words);
}

static bool is_in_trouble(const char *words)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(o, "trouble"), i, one)
    {
        if (strstr(json_string_value(json_object_get(one, "what")), words))
            return true;
    }
    return false;
}

static void write_to(const char *name, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", root, name);
    support_write(path, text, strlen(text));
}

static struct spool *open_spool(const char *stage)
{
    struct spool *spool = NULL;
    struct err err;
    assert_ok(spool_open(&spool, root, stage, &err));
    return spool;
}

static void put(struct spool *spool, const char *stage, const char *job, int64_t age_s)
{
    char path[600];
    struct err err;
    assert_ok(spool_put(spool, job, "{}", 2, &err));
    snprintf(path, sizeof path, "%s/spool/%s/new/%s/job.json", root, stage, job);
    const struct timespec t = {.tv_sec = time(NULL) - age_s};
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){t, t}, 0), 0);
}

static struct spool_job *claim(struct spool *spool)
{
    struct spool_job *job = NULL;
    struct err err;
    assert_ok(spool_claim(spool, &job, &err));
    assert_non_null(job);
    return job;
}

/* ---- it only looks ---- */

static void test_where_there_is_no_root_none_is_made(void **state)
{
    struct status *s = NULL;
    char path[600];
    struct err err;
    (void)state;
    assert_err(ERR_NOTFOUND, status_collect(&s, root, cfg, &err));
    assert_null(s);
    assert_int_equal(support_entries(root), 0);
    snprintf(path, sizeof path, "%s/nowhere", root);
    assert_err(ERR_NOTFOUND, status_collect(&s, path, cfg, &err));
    assert_false(support_exists(path));
}

static void test_looking_leaves_everything_as_it_is(void **state)
{
    struct catalogue *c = NULL;
    struct err err;
    (void)state;
    assert_ok(catalogue_open(&c, root, true, &err));
    int before = support_entries(root);
    assert_false(look());
    assert_int_equal(support_entries(root), before);
    says("run/state", "stopped");
    says("receiver/state", "stopped");
    assert_true(json_is_null(at("oldest")));
    assert_true(number("disk/free") > 0);
    assert_int_equal(number("disk/telemetry"), 0);
    char *day = calloc(1, 50000);
    assert_non_null(day);
    memset(day, 1, 50000);
    assert_int_equal(mkdir(support_path(root, "telemetry"), 0750), 0);
    support_write(support_path(root, "telemetry/2026-11-21.db"), day, 50000);
    free(day);
    assert_false(look());
    assert_true(number("disk/telemetry") >= 50000);
    catalogue_close(&c);
}

static void test_requests_are_counted_by_state(void **state)
{
    struct catalogue *c = NULL;
    struct err err;
    (void)state;
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_false(look());
    assert_null(strstr(metrics, "requests_open"));
    for (int i = 0; i < 3; i++) {
        struct requests_request r = {.imei = "352093081452251",
                                     .by = "anna",
                                     .what = {.kind = CAMREQ_FORMAT, .camera = "front"}};
        assert_ok(requests_add(c, &r, clock_utc_us(), &err));
        if (i == 0)
            assert_ok(requests_sent(c, r.id, "10.0.0.1:40123", clock_utc_us(), &err));
    }
    catalogue_close(&c);
    assert_false(look());
    assert_non_null(strstr(metrics, "dashspool_requests{state=\"queued\"} 1\n"));
    assert_non_null(strstr(metrics, "dashspool_requests{state=\"sent\"} 1\n"));
    assert_non_null(strstr(metrics, "dashspool_requests{state=\"waiting\"} 0\n"));
}

static void test_events_that_wait_to_become_requests_are_listed(void **state)
{
    struct catalogue *c = NULL;
    struct err err;
    char text[600], path[600];
    const int64_t now_us = clock_utc_us();
    (void)state;
    assert_ok(catalogue_open(&c, root, true, &err));
    catalogue_close(&c);
    assert_false(look());
    assert_null(strstr(screen_text, "events "));
    snprintf(path, sizeof path, "%s/catalogue.db", root);
    for (int i = 0; i < 5; i++) { /* the first two are done, the last is another rule's */
        snprintf(text, sizeof text,
                 "INSERT INTO rule_event VALUES('%s', '352093081452251', %lld, 'crash', 0, 1, %lld,"
                 " %s, NULL)",
                 i == 4 ? "zone" : "harsh", (long long)(now_us / 1000 - (int64_t)(7 - i) * 3600000),
                 (long long)now_us + 1900 * 1000000LL, i < 2 ? "'late'" : "NULL");
        sql_run(path, text);
    }
    assert_false(look());
    assert_non_null(strstr(screen_text, " 3 events of rules may become requests\n"));
    assert_non_null(strstr(screen_text, "  harsh: 2, the oldest of 2"));
    assert_non_null(strstr(screen_text, "(5 h ago); next look in 31 min\n"));
    says("rules/0/rule", "harsh");
    assert_int_equal(number("rules/0/waiting"), 2);
    says("rules/1/rule", "zone");
    assert_int_equal(json_array_size(at("rules")), 2);
    assert_non_null(strstr(metrics, "dashspool_rule_events{rule=\"harsh\"} 2\n"));
}

static void test_rules_without_a_server_of_trackers_are_told(void **state)
{
    struct catalogue *c = NULL;
    struct err err;
    (void)state;
    assert_ok(catalogue_open(&c, root, true, &err));
    catalogue_close(&c);
    configure("[receive]\nmin_free_mib = 0\n[request harsh]\non = crash\n");
    assert_true(look());
    assert_non_null(strstr(screen_text, "ask for nothing: [telemetry] is off"));
    configure("[receive]\nmin_free_mib = 0\n[request harsh]\non = crash\n[telemetry]\n"
              "enabled = yes\n");
    assert_false(look());
}

/* ---- jobs ---- */

static void test_jobs_of_all_states_are_counted_by_age(void **state)
{
    struct err err;
    (void)state;
    struct spool *spool = open_spool("convert");
    put(spool, "convert", "fails", 500000);
    struct spool_job *job = claim(spool);
    assert_ok(spool_fail(spool, &job, "no parameter sets in 17", &err));
    put(spool, "convert", "fails-too", 500000);
    job = claim(spool);
    assert_ok(spool_fail(spool, &job, "no parameter sets in 18", &err));
    put(spool, "convert", "waits", 4000);
    job = claim(spool);
    spool_job_because(job, "the disk is full");
    assert_ok(spool_release(spool, &job, 3600 * 1000, &err));
    put(spool, "convert", "worked", 200);
    job = claim(spool);
    put(spool, "convert", "ready", 30);
    put(spool, "convert", "old", 7 * 86400 + 10);

    assert_true(look());
    assert_int_equal(number("jobs/convert/ready"), 2);
    assert_int_equal(number("jobs/convert/waiting"), 1);
    assert_int_equal(number("jobs/convert/claimed"), 1);
    assert_int_equal(number("jobs/convert/failed"), 2);
    assert_int_equal(number("jobs/convert/ages/ready/0"), 1);
    assert_int_equal(number("jobs/convert/ages/ready/5"), 1);
    assert_int_equal(number("jobs/convert/ages/waiting/3"), 1);
    assert_int_equal(number("jobs/convert/ages/claimed/1"), 1);
    assert_int_equal(number("jobs/convert/ages/failed/0"), 2); /* since it failed */

    says("stages/1/working/0/job", "worked");
    assert_true(json_is_true(at("stages/1/working/0/alive")));
    long long pid = number("stages/1/working/0/pid"); /* 0: not every file system tells */
    assert_true(pid == getpid() || pid == 0);
    assert_int_equal(number("errors/0/n"), 2);
    says("errors/0/what", "no parameter sets in 1");
    says("errors/0/advice", "dashspool retry");
    assert_true(is_in_trouble("convert: failed jobs: 2"));
    says("trouble/0/said/what/0", "%s: failed jobs: %lld");
    says("trouble/0/said/what/1", "convert");
    says("trouble/0/said/what/2", "2");
    says("oldest/id", "old");
    spool_job_free(&job);
    spool_close(&spool);
}

static void test_the_oldest_tells_why_it_waits_and_what_to_do(void **state)
{
    struct err err;
    (void)state;
    struct spool *spool = open_spool("convert");
    put(spool, "convert", "a", 10);
    assert_false(look());
    says("oldest/id", "a");
    says("oldest/why", "no worker for stage convert");
    says("oldest/advice", "dashspool run");

    struct spool_job *job = claim(spool);
    assert_false(look());
    says("oldest/why", "has been working on it");
    says("oldest/advice", "nothing");

    spool_job_because(job, "the disk is \033[2J full");
    assert_ok(spool_release(spool, &job, 3600 * 1000, &err));
    assert_false(look());
    says("oldest/why", "attempt 2 in 59 min");
    says("oldest/why", "the disk is ?[2J full");
    spool_close(&spool);
}

static void test_what_nobody_will_work_is_trouble_after_an_hour(void **state)
{
    (void)state;
    struct spool *spool = open_spool("gone");
    put(spool, "gone", "a", 3500);
    assert_false(look());
    says("oldest/why", "stage 'gone' is no longer in the settings");
    put(spool, "gone", "b", 3700);
    assert_true(look());
    assert_true(is_in_trouble("gone: 2 ready, the oldest for 61 min"));
    says("stages/2/kind", "export");
    says("stages/4/stage", "gone");
    assert_true(json_is_false(at("stages/4/known")));
    spool_close(&spool);

    spool = open_spool("convert"); /* switched off on purpose: somebody else does it */
    put(spool, "convert", "c", 10000);
    configure("[receive]\nmin_free_mib = 0\n[convert]\nenabled = no\n[exec gone]\ncommand = true\n"
              "after = receive\n");
    look();
    assert_false(is_in_trouble("convert"));
    says("oldest/why", "convert is disabled");
    spool_close(&spool);
}

static void test_a_dead_worker_is_seen(void **state)
{
    int status;
    (void)state;
    struct spool *spool = open_spool("convert");
    put(spool, "convert", "a", 10);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct spool_job *job = NULL;
        struct err err;
        _exit(spool_claim(spool, &job, &err) < 0 || !job); /* it dies with the claim */
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    look();
    assert_true(json_is_false(at("stages/1/working/0/alive")));
    says("oldest/why", "its worker died");
    says("oldest/advice", "start 'dashspool run'");
    spool_close(&spool);
}

/* ---- what run and receive say ---- */

static void test_a_run_that_died_is_trouble(void **state)
{
    char text[1000], now[CLOCK_TEXT_ROOM];
    (void)state;
    clock_rfc3339(clock_utc_us(), 3, now);
    write_to("run.lock", "1\n");
    assert_false(look());
    says("run/state", "stopped");
    snprintf(text, sizeof text,
             "{\"pid\":1,\"since\":\"%s\",\"processes\":[{\"name\":\"up 1\",\"stage\":\"up\","
             "\"pid\":1,\"ends_of_the_day\":3,\"ended\":\"%s\",\"how\":\"was killed\"}]}",
             now, now);
    write_to("run.json", text);
    assert_true(look());
    says("run/state", "dead");
    assert_true(is_in_trouble("'dashspool run' died unexpectedly"));
    says("stages/4/stage", "up");
    assert_int_equal(number("stages/4/processes/0/pid"), 0); /* whoever has that number now */
    says("errors/0/kind", "restart");
    assert_int_equal(number("errors/0/n"), 3);
}

static void write_receiver(int pid, const char *updated, const char *more)
{
    char text[2000];
    snprintf(text, sizeof text,
             "{\"serial\":1,\"pid\":%d,\"started\":\"%s\",\"updated\":\"%s\",\"connections\":2,"
             "\"receiving\":1,\"rate\":1000%s,\"same_serial\":1}      \n",
             pid, updated, updated, more);
    write_to("receive.json", text);
}

static void write_run(const char *processes, const char *stopped)
{
    char text[1000];
    snprintf(text, sizeof text,
             "{\"pid\":1,\"since\":\"2026-01-01T00:00:00Z\",\"stopped\":%s,\"processes\":[%s]}",
             stopped, processes);
    write_to("run.json", text);
}

static void test_a_clean_stop_is_told_from_a_crash_and_is_not_well(void **state)
{
    char now[CLOCK_TEXT_ROOM], stopped[80], text[120];
    (void)state;
    write_to("run.lock", "1\n");
    assert_false(look()); /* where 'run' never was, nothing is missed */
    assert_true(metrics_have("dashspool_run_state{state=\"stopped\"} 1\n"));
    clock_rfc3339(clock_utc_us() - 7200 * INT64_C(1000000) - 1, 3, now);
    snprintf(stopped, sizeof stopped, "\"%s\"", now);
    write_run("", stopped);
    assert_true(look());
    says("run/state", "stopped");
    says("run/stopped", "T");
    assert_true(is_in_trouble("'dashspool run' was stopped cleanly at 2"));
    assert_true(is_in_trouble("(2 h ago): nothing is received"));
    assert_false(is_in_trouble("died"));
    says("trouble/0/advice", "systemctl start dashspool");
    assert_true(metrics_have("dashspool_run_up 0\n"));
    assert_true(metrics_have("dashspool_run_state{state=\"stopped\"} 1\n"));
    assert_true(metrics_have("dashspool_run_state{state=\"dead\"} 0\n"));
    assert_true(metrics_have("dashspool_run_stopped_timestamp_seconds "));

    clock_rfc3339(clock_utc_us(), 0, now);
    write_receiver(getpid(), now, ""); /* somebody started it alone */
    assert_false(look());
    snprintf(text, sizeof text, "{\"stopped\":%s}", stopped);
    write_to("receive.json", text);
    assert_true(look());
    says("receiver/state", "stopped");
    assert_true(is_in_trouble("'dashspool run' was stopped cleanly at 2"));
    write_to("run.json", "{}"); /* it was always alone */
    assert_true(look());
    assert_true(is_in_trouble("the receiver was stopped cleanly at 2"));
    assert_true(is_in_trouble("(2 h ago): nothing is received"));
    write_to("receive.json", "{}");

    write_run("", "null");
    assert_true(look());
    assert_true(is_in_trouble("'dashspool run' died unexpectedly"));
    assert_true(json_is_null(at("run/stopped")));
    assert_true(metrics_have("dashspool_run_state{state=\"dead\"} 1\n"));
}

/* A process that does nothing: stopped by SIGSTOP, of which we wait to be told. */
static pid_t freeze(void (*before)(void *arg), void *arg)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (before)
            before(arg);
        raise(SIGSTOP);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    return pid;
}

static void thaw(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void claim_one(void *spool)
{
    struct spool_job *job = NULL;
    struct err err;
    if (spool_claim(spool, &job, &err) < 0 || !job)
        _exit(1);
}

static void test_what_a_signal_stopped_is_named(void **state)
{
    char text[300], words[200], now[CLOCK_TEXT_ROOM];
    (void)state;
    write_to("run.lock", "1\n");
    int lock = open(support_path(root, "run.lock"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    pid_t pid = freeze(NULL, NULL);
    snprintf(text, sizeof text, "{\"name\":\"convert 1\",\"stage\":\"convert\",\"pid\":%d}", pid);
    write_run(text, "null");
    assert_true(look());
    says("run/state", "running");
    snprintf(words, sizeof words, "convert 1 (process %d) was stopped by a signal (SIGSTOP)", pid);
    assert_true(is_in_trouble(words));
    snprintf(words, sizeof words, "kill -CONT %d", pid);
    says("trouble/0/advice", words);
    assert_true(json_is_true(at("stages/1/processes/0/frozen")));
    assert_true(
        metrics_have("dashspool_process_frozen{process=\"convert 1\",stage=\"convert\"} 1\n"));

    snprintf(text, sizeof text, "%d\n", pid); /* run itself */
    write_to("run.lock", text);
    write_run("", "null");
    assert_true(look());
    snprintf(words, sizeof words, "'dashspool run' (process %d) was stopped by a signal", pid);
    assert_true(is_in_trouble(words));
    write_to("run.lock", "1\n");

    clock_rfc3339(clock_utc_us(), 0, now);
    write_receiver(pid, now, ""); /* told before it has been silent for long */
    assert_true(look());
    snprintf(words, sizeof words, "the receiver (process %d) was stopped by a signal", pid);
    assert_true(is_in_trouble(words));
    thaw(pid);
    write_to("receive.json", "{}");
    assert_false(look());

    struct spool *spool = open_spool("convert"); /* by hand: it is known by its job */
    put(spool, "convert", "a", 10);
    pid = freeze(claim_one, spool);
    look();
    if (number("stages/1/working/0/pid") == pid) { /* not every file system tells */
        snprintf(words, sizeof words, "convert: process %d was stopped by a signal", pid);
        assert_true(is_in_trouble(words));
        assert_true(json_is_true(at("stages/1/working/0/frozen")));
    }
    thaw(pid);
    spool_close(&spool);
    close(lock);
}

static void test_a_job_that_takes_far_too_long_is_named(void **state)
{
    const struct timespec long_ago = {.tv_sec = time(NULL) - 700};
    (void)state;
    configure("[receive]\nmin_free_mib = 0\n[exec up]\ncommand = true\ntimeout = 20 s\n"
              "[exec any]\ncommand = true\ntimeout = 0\n");
    static const char *const stages[] = {"up", "any"}; /* `any` may take as long as it takes */
    struct spool *spools[2];
    struct spool_job *jobs[2];
    for (int i = 0; i < 2; i++) {
        char lock[100];
        spools[i] = open_spool(stages[i]);
        put(spools[i], stages[i], "slow", 10);
        jobs[i] = claim(spools[i]);
        assert_int_equal(look(), i == 1); /* not yet, this one */
        snprintf(lock, sizeof lock, "spool/%s/cur/slow/lock", stages[i]);
        assert_int_equal(utimensat(AT_FDCWD, support_path(root, lock),
                                   (const struct timespec[]){long_ago, long_ago}, 0),
                         0);
    }
    assert_true(look());
    assert_true(is_in_trouble("up: slow has been worked at for 11 min; no job should take 10 min"));
    assert_int_equal(json_array_size(at("trouble")), 1);
    assert_true(metrics_have("dashspool_jobs_stuck{stage=\"up\"} 1\n"));
    assert_true(metrics_have("dashspool_jobs_stuck{stage=\"any\"} 0\n"));
    for (int i = 0; i < 2; i++) {
        spool_job_free(&jobs[i]);
        spool_close(&spools[i]);
    }
}

static void test_what_comes_in_is_told_with_the_time_left(void **state)
{
    char now[CLOCK_TEXT_ROOM], more[1000];
    (void)state;
    clock_rfc3339(clock_utc_us(), 0, now);
    snprintf(more, sizeof more,
             ",\"refusals\":[{\"why\":\"not in the list\",\"of_the_day\":4,\"last\":\"%s\"}],"
             "\"transfers\":[{\"imei\":\"352093081452251\",\"camera\":\"front\",\"id\":\"x\","
             "\"bytes\":4000,\"total\":10000,\"rate\":1000,\"since\":\"%s\",\"quiet_s\":0}]",
             now, now);
    write_receiver(getpid(), now, more);
    assert_false(look());
    says("receiver/state", "running");
    assert_int_equal(number("incoming/n"), 1);
    assert_int_equal(number("incoming/list/0/left_s"), 6);
    says("oldest/why", "receiving: 4.0 kB of 10.0 kB, 1.0 kB/s, 6 s left");
    says("errors/0/kind", "refusal");
    assert_int_equal(number("errors/0/n"), 4);

    write_receiver(getpid(), "2020-01-01T00:00:00Z", "");
    assert_true(look()); /* nobody holds its lock: the number is another's by now */
    says("receiver/state", "dead");
    char raw[600];
    snprintf(raw, sizeof raw, "%s/raw", root);
    assert_true(mkdir(raw, 0755) == 0 || errno == EEXIST);
    int lock = open(raw, O_RDONLY | O_DIRECTORY);
    assert_true(lock >= 0 && flock(lock, LOCK_EX) == 0);
    assert_true(look());
    says("receiver/state", "stuck");
    close(lock);
    write_receiver(getpid(), now, ",\"trouble\":\"the disk\\u001b[2J is full\"");
    assert_true(look());
    assert_true(is_in_trouble("the disk?[2J is full"));
}

static void test_whatever_lies_in_its_files_is_told_not_obeyed(void **state)
{
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"pid\":1e400}",
        "{\"a\":\"\xff\"}",
        "{\"pid\":-5,\"processes\":7,\"transfers\":{},\"listens\":[1,2,3],\"started\":{}}",
        "{\"pid\":99999999999,\"since\":\"9999-99-99\",\"processes\":[1,[],{\"name\":[]},{}],"
        "\"transfers\":[null,{\"bytes\":-1,\"total\":9223372036854775807,\"rate\":-7}],"
        "\"refusals\":[{\"of_the_day\":-4},3]}",
        "{\"serial\":1,\"same_serial\":2}",
    };
    char path[600], *deep = malloc(200001);
    struct err err;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_to("run.json", texts[i]);
        write_to("receive.json", texts[i]);
        look();
    }
    memset(deep, '[', 200000);
    deep[200000] = '\0';
    write_to("run.json", deep);
    write_to("receive.json", deep);
    free(deep);
    assert_true(look());
    assert_true(is_in_trouble("run.json: unexpected content"));
    static const char *const names[] = {"run.json", "receive.json", "run.lock"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", root, names[i]);
        assert_ok(fsx_remove_tree(path, &err));
        assert_int_equal(i == 2 ? mkdir(path, 0750) : mkfifo(path, 0640), 0);
    }
    assert_true(look());
    write_to("catalogue.db", "this is no database, and it is longer than that of one");
    write_to("spool", "in the way");
    assert_true(look());
    assert_true(is_in_trouble("catalogue: "));
    assert_true(json_is_null(at("transfers")));
}

/* ---- what is stored, and goes no further ---- */

static void add_transfer(enum catalogue_state state, int64_t age_s, const char *ended)
{
    struct catalogue *c = NULL;
    struct err err;
    struct catalogue_transfer t = {.state = state, .day = "2024-11-29", .length_bytes = 1000};
    struct catalogue_arrival a = {.ended_us = clock_utc_us()};
    snprintf(t.imei, sizeof t.imei, "352093081452251");
    snprintf(t.camera, sizeof t.camera, "front");
    snprintf(t.kind, sizeof t.kind, "video");
    snprintf(t.source, sizeof t.source, "camera");
    snprintf(a.ended, sizeof a.ended, "%s", ended);
    t.arrived_us = t.completed_us = clock_utc_us() - age_s * 1000000;
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(catalogue_transfer_add(c, &t, &err));
    assert_ok(catalogue_arrival_add(c, t.key, &a, &err));
    catalogue_close(&c);
    assert_ok(fsx_mkdirs(support_path(root, "raw"), &err));
    support_write(support_path(root, "raw/2024-11-29.db"), "x", 1); /* nobody reads it here */
}

static void test_what_is_stored_and_not_queued_is_trouble(void **state)
{
    char now[CLOCK_TEXT_ROOM];
    (void)state;
    add_transfer(CATALOGUE_STORED, 5, "complete");
    assert_false(look()); /* it came a moment ago */
    says("oldest/why", "not queued yet");
    clock_rfc3339(clock_utc_us(), 0, now);
    write_receiver(getpid(), now,
                   ",\"jobs_waiting\":1,\"jobs_trouble\":\"create x: No space left on device\"");
    assert_true(look());
    assert_true(is_in_trouble("stored, but not queued: transfers: 1: create x: No space"));
    says("receiver/jobs_trouble", "No space");
    write_receiver(getpid(), now, ",\"jobs_waiting\":1,\"jobs_trouble\":null");
    assert_false(look());
    add_transfer(CATALOGUE_STORED, 900, "complete");
    assert_true(look()); /* whatever the receiver says */
    assert_true(is_in_trouble("stored, but not queued: transfers: 2, the oldest for 15 min"));
}

static void make_catalogue(void)
{
    struct catalogue *c = NULL;
    struct err err;
    assert_ok(catalogue_open(&c, root, true, &err));
    catalogue_close(&c);
}

#define STAGED(ack, files, trouble, full)                                                \
    ",\"site\":{\"ack\":\"" ack "\",\"files\":" files                                    \
    ",\"bytes\":5000,\"oldest\":\"2026-01-01T00:00:00Z\",\"accepted\":17,\"last\":null," \
    "\"trouble\":" trouble ",\"full\":" full "}"

static void test_what_waits_for_the_site_is_told(void **state)
{
    char now[CLOCK_TEXT_ROOM];
    (void)state;
    make_catalogue();
    clock_rfc3339(clock_utc_us(), 0, now);
    write_receiver(getpid(), now, "");
    assert_false(look());
    assert_true(json_is_null(at("receiver/site")));
    assert_false(metrics_have("dashspool_staged"));
    write_receiver(getpid(), now, STAGED("site", "0", "null", "null"));
    assert_false(look());
    says("receiver/site/ack", "site");
    assert_has(screen_text, "everything is in the site; since start 17");
    add_transfer(CATALOGUE_STORED, 900, "complete"); /* what waits for the site has no job here */
    assert_false(look());
    assert_true(metrics_have("dashspool_site_accepted_total 17\n"));
    write_receiver(getpid(), now, STAGED("local", "3", "\"database: refused\"", "\"10 MiB wait\""));
    assert_true(look());
    assert_true(is_in_trouble("cameras are refused: 10 MiB wait"));
    assert_true(is_in_trouble("not handed on to the site, files: 3: database: refused"));
    assert_int_equal(number("receiver/site/files"), 3);
    assert_has(screen_text, "3 (5.0 kB) wait for the site");
    assert_has(screen_text, "a lost disk can lose footage");
    assert_true(metrics_have("dashspool_staged_files 3\n"));
    assert_true(metrics_have("dashspool_staged_bytes 5000\n"));
    assert_true(metrics_have("dashspool_staged_trouble 1\n"));
    assert_true(metrics_have("dashspool_ack_local 1\n"));
}

static void write_day(int days_ago, size_t n)
{
    char day[CLOCK_DATE_ROOM], name[40];
    struct err err;
    char *zeros = calloc(1, n);
    assert_non_null(zeros);
    clock_date(clock_utc_us() - days_ago * INT64_C(86400000000), day);
    snprintf(name, sizeof name, "telemetry/%s.db", day);
    assert_ok(fsx_mkdirs(support_path(root, "telemetry"), &err));
    support_write(support_path(root, name), zeros, n);
    free(zeros);
}

/* A disk can be full of them alone. */
static void test_what_trackers_say_counts_for_the_time_left(void **state)
{
    const int mib = 1 << 20;
    (void)state;
    make_catalogue();
    look();
    assert_int_equal(number("disk/a_day"), 0);
    write_day(1, (size_t)mib);
    write_day(3, 3 * (size_t)mib);
    write_day(40, 50 * (size_t)mib); /* what one brings back from long ago is once */
    look();
    assert_in_range(number("disk/a_day"), mib, mib * 4 / 3); /* four in three days and some hours */
    assert_true(real("disk/days_left") > 0);
    add_transfer(CATALOGUE_STORED, 5, "complete");
    look();
    assert_in_range(number("disk/a_day"), mib + 1000, mib * 4 / 3 + 1000);
}

static void test_open_requests_are_counted_by_their_state(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    struct requests_request r = {.what = {.kind = CAMREQ_PHOTO, .camera = "front"}, .by = "a test"};
    struct err err;
    make_catalogue();
    look();
    assert_true(metrics_have("dashspool_requests{state=\"queued\"} 0\n"));
    snprintf(r.imei, sizeof r.imei, "352093081452251");
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(requests_add(c, &r, clock_utc_us(), &err));
    catalogue_close(&c);
    look();
    assert_true(metrics_have("dashspool_requests{state=\"queued\"} 1\n"));
    assert_true(metrics_have("dashspool_requests{state=\"waiting\"} 0\n"));
    assert_false(metrics_have("{state=\"fetched\"}"));
}

static void test_a_partial_transfer_is_not_finished(void **state)
{
    (void)state;
    add_transfer(CATALOGUE_PARTIAL, 100, "camera closed the connection");
    assert_false(look());
    says("oldest/id", "352093081452251-front-video-");
    says("oldest/why", "interrupted: camera closed the connection");
    says("oldest/advice", "the camera resumes it");
    struct spool *spool = open_spool("convert");
    put(spool, "convert", "younger", 5);
    look();
    says("oldest/id", "younger"); /* it may stay for ever, and hides nothing */
    spool_close(&spool);
}

static void test_a_camera_that_is_overdue_is_named(void **state)
{
    char path[600];
    struct err err;
    struct cfg_section section = status_cfg_section;
    struct cfg *bad = NULL;
    (void)state;
    add_transfer(CATALOGUE_PARTIAL, 30 * 3600, "");
    assert_false(look()); /* nobody expects it */
    assert_true(json_is_null(at("cameras/list/0/max_silence_s")));
    configure("[receive]\nmin_free_mib = 0\n[status]\nmax_silence = rear 1h, 48h\n");
    assert_false(look());
    assert_int_equal(number("cameras/list/0/max_silence_s"), 48 * 3600);
    configure("[receive]\nmin_free_mib = 0\n[status]\nmax_silence = front 26h\n");
    assert_true(look());
    assert_true(is_in_trouble("camera 352093081452251 front: silent for 30 h, since 20"));
    assert_true(is_in_trouble("expected at least every 26 h"));
    assert_int_equal(number("cameras/overdue"), 1);
    assert_true(json_is_true(at("cameras/list/0/overdue")));
    assert_true(metrics_have("dashspool_cameras_overdue 1\n"));
    configure("[receive]\nmin_free_mib = 0\n[status]\n"
              "max_silence = 352093081452251 forever, 352093081452269 7d, 26h\n");
    assert_true(look());
    assert_int_equal(json_array_size(at("trouble")), 1);
    assert_true(is_in_trouble("camera 352093081452269: nothing received; expected at least every"));
    says("cameras/unheard/0/imei", "352093081452269");

    snprintf(path, sizeof path, "%s.conf", root);
    static const char *const wrong[] = {"7", "video 7d", "everyone 7d"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[100];
        snprintf(text, sizeof text, "[status]\nmax_silence = %s\n", wrong[i]);
        support_write(support_path(path, "a.conf"), text, strlen(text));
        assert_err(ERR_CONFIG, cfg_load(&bad, path, &section, 1, &err));
    }
}

static void note(const char *task, int64_t at_us, bool ok, const char *text)
{
    struct catalogue *c = NULL;
    struct err err;
    struct catalogue_upkeep u = {.at_us = at_us, .ok = ok};
    snprintf(u.text, sizeof u.text, "%s", text);
    assert_ok(catalogue_open(&c, root, true, &err));
    assert_ok(catalogue_upkeep_note(c, task, &u, &err));
    catalogue_close(&c);
}

static void test_the_last_sweep_fsck_and_backup_are_told(void **state)
{
    int64_t then_us = clock_utc_us() - 3 * INT64_C(86400000000);
    (void)state;
    note("backup", then_us, true, "9 originals written");
    assert_false(look());
    says("upkeep/backup/text", "9 originals written");
    assert_true(json_is_null(at("upkeep/fsck")));
    assert_true(metrics_have("dashspool_upkeep_last_timestamp_seconds{task=\"fsck\"} 0\n"));
    assert_non_null(strstr(screen_text, "upkeep     backup 3 d ago: 9 originals written"));
    assert_non_null(strstr(screen_text, "never yet: sweep, fsck"));
    note("fsck", then_us, false, "4 problems; 9 originals");
    assert_true(look());
    assert_true(is_in_trouble("the last fsck, 3 d ago: 4 problems; 9 originals"));
    says("trouble/0/advice", "dashspool fsck");
    assert_true(metrics_have("dashspool_upkeep_last_ok{task=\"fsck\"} 0\n"));
    note("fsck", then_us, true, "0 problems");
    assert_false(look());

    note("sweep", then_us, false, "failed: database is locked");
    assert_true(look());
    assert_true(is_in_trouble("the last sweep, 3 d ago: failed: database is locked"));
    assert_true(json_is_false(at("upkeep/clock_doubted")));
    note("sweep", then_us, false, "not all could be looked at");
    note("clock", then_us, true, "");
    assert_true(look());
    assert_true(json_is_false(at("upkeep/clock_doubted")));
    says("trouble/0/advice", "run 'dashspool sweep' for details");
    note("sweep", then_us + 1, false, "rules wait, the clock is doubted: 'dashspool sweep'");
    assert_true(look());
    assert_true(json_is_true(at("upkeep/clock_doubted")));
    assert_true(is_in_trouble("the last sweep, 3 d ago: rules wait, the clock is doubted"));
    says("trouble/0/advice", "dashspool sweep --clock-is-right");
    assert_true(metrics_have("dashspool_clock_doubted 1\n"));
}

static void test_a_day_that_a_receiver_goes_on_without_is_told_until_it_is_back(void **state)
{
    struct err err;
    (void)state;
    note("missing days", clock_utc_us(), false, "2026-10-01 2026-10-02 2026-11-01");
    assert_ok(fsx_mkdirs(support_path(root, "raw"), &err));
    write_to("raw/2026-11-01.db", "x");
    assert_true(look());
    assert_true(is_in_trouble("raw/2026-10-01.db is missing, and files of other days"));
    says("trouble/0/advice", "put it back into raw/");
    assert_int_equal(json_array_size(at("trouble")), 1);
    write_to("raw/2026-10-01.db", "x");
    assert_true(look());
    assert_true(is_in_trouble("raw/2026-10-02.db is missing: its originals"));
    write_to("raw/2026-10-02.db", "x");
    assert_false(look());
    assert_int_equal(unlink(support_path(root, "raw/2026-10-02.db")), 0);
    note("missing days", clock_utc_us(), true, "2026-10-02"); /* fsck --repair */
    assert_false(look());
}

/* Its raw/ is no reason to make a catalogue of it. */
static void test_a_backup_that_broke_off_is_told_as_such(void **state)
{
    struct err err;
    (void)state;
    assert_ok(fsx_mkdirs(support_path(root, "raw"), &err));
    write_to("raw/2026-11-01.db", "x");
    write_to("backup.json", "{\"state\": \"unfinished\"}");
    assert_true(look());
    assert_true(is_in_trouble("is a backup that was not finished, and no ROOT"));
    assert_int_equal(json_array_size(at("trouble")), 1);
    assert_null(strstr(screen_text, "reindex"));
}

static void test_keys_for_everybody_and_old_certificates_are_trouble(void **state)
{
    char text[2000], path[600];
    (void)state;
    write_to("receive.json", "{}"); /* a ROOT */
    certs_make_ca(root, "ca");
    certs_make(root, "ca", "server", "IP:127.0.0.1");
    snprintf(path, sizeof path, "%s/server.key", root);
    assert_int_equal(chmod(path, 0640), 0);
    snprintf(text, sizeof text,
             "[receive]\nmin_free_mib = 0\ntls_cert = %s/server.pem\ntls_key = %s\n", root, path);
    configure(text);
    assert_false(look());
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(look());
    assert_true(is_in_trouble("/server.key ([receive] tls_key) can be read by every user"));
    says("trouble/0/advice", "chmod o-rwx ");
    assert_int_equal(chmod(path, 0600), 0);
    certs_end_in(root, "server", 15 * 86400 - 60);
    assert_false(look());
    says("certificates/0/setting", "[receive] tls_cert");
    assert_true(real("certificates/0/days_left") > 14 && real("certificates/0/days_left") < 15);
    certs_end_in(root, "server", 13 * 86400 + 600);
    assert_true(look());
    assert_true(is_in_trouble("/server.pem ([receive] tls_cert) expires in 13 d"));
    assert_true(metrics_have("dashspool_certificate_expiry_timestamp_seconds{setting=\"[receive] "
                             "tls_cert\",path="));
    certs_end_in(root, "server", -3600);
    assert_true(look());
    assert_true(is_in_trouble("/server.pem ([receive] tls_cert) expired 60 min ago"));
    assert_true(real("certificates/0/days_left") < 0);
    snprintf(path, sizeof path, "%s/server.pem", root); /* nobody can use it; the receiver tells */
    support_write(path, "no certificate", 14);
    assert_false(look());
}

static void test_too_little_space_is_trouble(void **state)
{
    struct catalogue *c = NULL;
    struct err err;
    (void)state;
    assert_ok(catalogue_open(&c, root, true, &err));
    catalogue_close(&c);
    configure("[retention]\nwarn_free_mib = 1073741824\n[receive]\nmin_free_mib = 0\n");
    assert_true(look());
    assert_true(is_in_trouble("warn_free_mib"));
    configure("[receive]\nmin_free_mib = 1073741824\n");
    assert_true(look());
    assert_true(is_in_trouble("receiving stops"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        T(test_where_there_is_no_root_none_is_made),
        T(test_looking_leaves_everything_as_it_is),
        T(test_events_that_wait_to_become_requests_are_listed),
        T(test_rules_without_a_server_of_trackers_are_told),
        T(test_requests_are_counted_by_state),
        T(test_jobs_of_all_states_are_counted_by_age),
        T(test_the_oldest_tells_why_it_waits_and_what_to_do),
        T(test_what_nobody_will_work_is_trouble_after_an_hour),
        T(test_a_dead_worker_is_seen),
        T(test_a_run_that_died_is_trouble),
        T(test_a_clean_stop_is_told_from_a_crash_and_is_not_well),
        T(test_what_a_signal_stopped_is_named),
        T(test_a_job_that_takes_far_too_long_is_named),
        T(test_what_comes_in_is_told_with_the_time_left),
        T(test_whatever_lies_in_its_files_is_told_not_obeyed),
        T(test_what_is_stored_and_not_queued_is_trouble),
        T(test_what_waits_for_the_site_is_told),
        T(test_what_trackers_say_counts_for_the_time_left),
        T(test_open_requests_are_counted_by_their_state),
        T(test_a_partial_transfer_is_not_finished),
        T(test_a_camera_that_is_overdue_is_named),
        T(test_the_last_sweep_fsck_and_backup_are_told),
        T(test_a_day_that_a_receiver_goes_on_without_is_told_until_it_is_back),
        T(test_a_backup_that_broke_off_is_told_as_such),
        T(test_keys_for_everybody_and_old_certificates_are_trouble),
        T(test_too_little_space_is_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
