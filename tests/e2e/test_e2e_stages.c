/* Commands as stages, with the program that a person runs: what they are told, what becomes of each
 * way to end, and that nothing is done twice or left behind. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "support/sql.h"
#include "support/workplace.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define FRONT TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define ID    "352093081452251-front-photo-20241129T072345Z"

/* In `text` each @ becomes the test's directory. */
static void configure(struct workplace *w, const char *text)
{
    char all[4000] = "[receive]\nlisten = 127.0.0.1:0\n[convert]\npreset = ultrafast\n";
    for (const char *p = text; *p; p++)
        snprintf(all + strlen(all), sizeof all - strlen(all), *p == '@' ? "%s" : "%.1s",
                 *p == '@' ? w->dir : p);
    support_configure(w->root, all);
}

#define RUN(w, ...) DASHSPOOL((w)->root, __VA_ARGS__)

static void start_receiver(struct workplace *w)
{
    workplace_start(w, DASHSPOOL_BINARY, "receive");
    workplace_listens(w);
}

static void take(struct workplace *w, const char *kind, const char *file, const char *imei,
                 const char *time, const char *trigger)
{
    expect_err(RUN(w, "simulate", "--to", w->address, "--imei", imei, kind, file, "--time", time,
                   "--trigger", trigger, "--length", "10", "--fps", "20"),
               0, "files uploaded: 1,");
}

/* A photo that is not the same file as any other. */
static void take_another(struct workplace *w, const char *imei, const char *time,
                         const char *trigger)
{
    static char n;
    struct err err;
    struct buf b = support_read(PHOTO);
    const char *path = support_path(w->dir, "another.jpg");
    assert_ok(buf_append(&b, &n, 1, &err));
    n++;
    support_write(path, buf_data(&b), b.used);
    buf_clear(&b);
    take(w, "--photo-front", path, imei, time, trigger);
}

/* One photo is there to be worked. */
static void take_photo(struct workplace *w)
{
    start_receiver(w);
    take(w, "--photo-front", PHOTO, "352093081452251", "2024-11-29T07:23:45Z", "crash");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

static const char *at(const struct workplace *w, const char *name)
{
    return support_path(w->dir, name);
}

/* The whole file as text, in a static buffer; "" if it is not there. */
static const char *text_of(const struct workplace *w, const char *name)
{
    static char text[3 << 20];
    text[0] = '\0';
    if (!support_exists(at(w, name)))
        return text;
    struct buf b = support_read(at(w, name));
    snprintf(text, sizeof text, "%.*s", (int)b.used, (const char *)buf_data(&b));
    buf_clear(&b);
    return text;
}

static void test_a_job_goes_from_stage_to_stage_once(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec second]\nafter = first\ncommand = sh -c \"echo 2 $DASHSPOOL_ID >>@/log\"\n"
                 "[exec first]\ncommand = sh -c 'echo 1 \"$1\" >>@/log' sh %{id}\n"
                 "[exec off]\nenabled = no\ncommand = sh -c 'echo off >>@/log'\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 0, "3 jobs done, 0 failed");
    assert_string_equal(text_of(w, "log"), "1 " ID "\n2 " ID "\n");
    expect_err(RUN(w, "work", "--once"), 0, "0 jobs done");
    /* as after a crash between a stage's work and its job's end */
    struct err err;
    static const char *const stages[] = {"convert", "first", "second"};
    for (int i = 0; i < 3; i++) {
        char name[200];
        snprintf(name, sizeof name, "root/spool/%s/new/" ID, stages[i]);
        assert_ok(fsx_mkdirs(at(w, name), &err));
        snprintf(name, sizeof name, "root/spool/%s/new/" ID "/job.json", stages[i]);
        support_write(at(w, name), "{\"id\":\"" ID "\"}", strlen("{\"id\":\"" ID "\"}"));
        expect_err(RUN(w, "work", "--once"), 0, "already done");
    }
    assert_string_equal(text_of(w, "log"), "1 " ID "\n2 " ID "\n");
}

static void lose_jobs(struct workplace *w, const char *stage)
{
    struct err err;
    char name[200];
    snprintf(name, sizeof name, "root/spool/%s", stage);
    assert_ok(fsx_remove_tree(at(w, name), &err));
}

/* In each stage, also two behind one; fsck puts it, and so does the receiver's start. */
static void test_a_job_that_any_stage_lost_is_missed(void **state)
{
    struct workplace *w = *state;
    static const char *const stages[] = {"convert", "first", "second"};
    configure(w, "[exec second]\nafter = first\ncommand = sh -c \"echo 2 >>@/log\"\n"
                 "[exec first]\ncommand = sh -c 'echo 1 >>@/log'\n"
                 "[exec other]\nafter = receive\ncommand = sh -c 'echo 0 >>@/log'\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once", "--stage", "other"), 0, "1 job done, 0 failed");
    for (int i = 0; i < 3; i++) {
        char text[100];
        expect(RUN(w, "fsck"), 0, "no problems");
        lose_jobs(w, stages[i]);
        snprintf(text, sizeof text, "not done by stage %s, which has no job of it", stages[i]);
        expect(RUN(w, "fsck"), 1, text);
        if (i != 1)
            expect(RUN(w, "fsck", "--repair"), 0, "1 transfer repaired");
        start_receiver(w);
        assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
        expect(RUN(w, "fsck"), 0, "no problems");
        expect_err(RUN(w, "work", "--once", "--stage", stages[i]), 0, "1 job done, 0 failed");
    }
    assert_string_equal(text_of(w, "log"), "0\n1\n2\n");
    lose_jobs(w, "first");
    expect(RUN(w, "fsck"), 0, "no problems"); /* it is done */
}

/* status looks at what is older than a few minutes, and says the same; also where what has the
 * job's name is no job. */
static void test_status_tells_of_jobs_that_were_lost(void **state)
{
    struct workplace *w = *state;
    struct err err;
    char late[200];
    configure(w, "[exec up]\ncommand = true\n");
    take_photo(w);
    snprintf(late, sizeof late, "UPDATE done SET at_us = %lld WHERE attempt = 0",
             (long long)(clock_utc_us() - 3600 * INT64_C(1000000)));
    sql_change(at(w, "root/catalogue.db"), late);
    assert_int_equal(unlink(at(w, "root/receive.json")), 0); /* it is meant to be stopped */
    expect(RUN(w, "status"), 0, "oldest ");
    lose_jobs(w, "convert");
    expect(RUN(w, "status"), 1, "convert: jobs that were lost: 1, the first of " ID);
    assert_ok(fsx_mkdirs(at(w, "root/spool/convert/new"), &err));
    support_write(at(w, "root/spool/convert/new/" ID), "x", 1);
    expect(RUN(w, "status"), 1, "convert: jobs that were lost: 1");
    expect(RUN(w, "fsck"), 1, "not done by stage convert");
    assert_int_equal(unlink(at(w, "root/spool/convert/new/" ID)), 0);
    expect(RUN(w, "fsck", "--repair"), 0, "1 transfer repaired");
    expect(RUN(w, "status"), 0, "oldest ");
    expect_err(RUN(w, "work", "--once", "--stage", "convert"), 0, "1 job done, 0 failed");
    sql_change(at(w, "root/catalogue.db"), late);
    lose_jobs(w, "up");
    expect(RUN(w, "status"), 1, "up: jobs that were lost: 1, the first of " ID);
}

/* By somebody's word, or because the settings have no such stage. */
static void test_a_job_that_nobody_wants_is_not_missed(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec up]\ncommand = false\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 1, "1 job done, 1 failed");
    lose_jobs(w, "up");
    expect(RUN(w, "fsck", "--repair"), 0, "1 transfer repaired");
    configure(w, "[exec up]\nenabled = no\ncommand = false\n");
    lose_jobs(w, "up");
    expect(RUN(w, "fsck"), 1, "not done by stage up"); /* it waits until that is enabled */
    configure(w, "");
    expect(RUN(w, "fsck"), 0, "no problems");
    configure(w, "[exec up]\ncommand = false\n");
    expect(RUN(w, "fsck", "--repair"), 0, "1 transfer repaired");
    expect_err(RUN(w, "work", "--once"), 1, "0 jobs done, 1 failed");
    expect(RUN(w, "fsck"), 0, "no problems"); /* it lies there */
    expect(RUN(w, "drop", "--stage", "up", "--all"), 0, "dropped");
    expect(RUN(w, "fsck"), 0, "no problems");
    expect(RUN(w, "fsck", "--repair"), 0, "no problems");
    assert_int_equal(support_entries(at(w, "root/spool/up/new")), 0);
}

static void test_a_stage_may_come_right_after_receive(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec backup]\nafter = receive\n"
                 "command = cp %{master} @/copy\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once", "--stage", "backup"), 0, "1 job done");
    struct buf a = support_read(PHOTO), b = support_read(at(w, "copy"));
    assert_int_equal(a.used, b.used);
    assert_memory_equal(buf_data(&a), buf_data(&b), a.used);
    buf_clear(&a);
    buf_clear(&b);
    assert_int_equal(support_entries(at(w, "root/spool/convert/new")), 1);
}

/* A worker that only looks every minute: it is told. */
static void test_an_idle_worker_is_told_of_a_job(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec mark]\nafter = receive\npoll = 1 min\ncommand = touch @/marked\n");
    struct proc worker =
        proc_start(at(w, "worker.log"), (const char *const[]){DASHSPOOL_BINARY, "--root", w->root,
                                                              "work", "--stage", "mark", NULL});
    support_wait(support_exists(at(w, "root/spool/mark/failed")));
    int64_t began_us = clock_mono_us();
    take_photo(w);
    support_wait(support_exists(at(w, "marked")));
    assert_true(clock_mono_us() - began_us < 50 * INT64_C(1000000)); /* not by the look */
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
}

static void test_status_75_is_tried_again_until_it_works(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec up]\nbackoff = 1 ms\n"
                 "command = sh -c 'echo $DASHSPOOL_ATTEMPT >>@/log; test $DASHSPOOL_ATTEMPT -ge 3 "
                 "|| { echo no route; exit 75; }'\n");
    take_photo(w);
    int rounds = 0, status;
    do {
        struct proc_result r = RUN(w, "work", "--once");
        status = r.status;
        if (status != 0)
            assert_has(proc_err(&r),
                       "status 75 (try_later), will be retried; its output: no route");
        proc_clear(&r);
    } while (status != 0 && ++rounds < 100);
    assert_int_equal(status, 0);
    assert_string_equal(text_of(w, "log"), "1\n2\n3\n");
    assert_int_equal(support_entries(at(w, "root/spool/up/failed")), 0);
}

static void test_once_waits_for_no_attempt(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec up]\nbackoff = 1 h\ncommand = sh -c 'echo no route; exit 75'\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 1, "1 job done, 0 failed, 1 to be retried");
    expect_err(RUN(w, "work", "--once"), 0, "0 jobs done, 0 failed\n");
    assert_string_equal(text_of(w, "root/spool/up/new/" ID "/output.txt"), "no route\n");
}

static void test_failures_say_why_and_stop_nobody(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec bad]\ncommand = sh -c \"printf 'one\\ntwo \\\\033[31m\\n'; echo three >&2; "
                 "test $DASHSPOOL_CAMERA = rear\"\n");
    start_receiver(w);
    take(w, "--photo-front", PHOTO, "352093081452251", "2024-11-29T07:23:45Z", "crash");
    take(w, "--photo-rear", PHOTO, "352093081452251", "2024-11-29T07:23:45Z", "periodic");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    expect_err(RUN(w, "work", "--once"), 1, "3 jobs done, 1 failed");
    const char *reason = text_of(w, "root/spool/bad/failed/" ID "/reason.txt");
    assert_has(reason,
               "command exited with status 1; its output: three\n\nLast output of the command");
    assert_has(reason, "  one\n  two \\x1b[31m\n  three\n");
    assert_string_equal(text_of(w, "root/spool/bad/failed/" ID "/output.txt"),
                        "one\ntwo \033[31m\nthree\n");
}

static void test_a_command_that_says_nothing_says_nothing(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec mute]\ncommand = sh -c 'exit 3'\n");
    take_photo(w);
    struct proc_result r = RUN(w, "work", "--once");
    assert_has(proc_err(&r), "command exited with status 3");
    assert_null(strstr(proc_err(&r), "is lost"));
    proc_clear(&r);
    assert_true(support_exists(at(w, "root/spool/mute/failed/" ID "/output.txt")));
    assert_string_equal(text_of(w, "root/spool/mute/failed/" ID "/output.txt"), "");
    assert_string_equal(text_of(w, "root/spool/mute/failed/" ID "/reason.txt"),
                        "command exited with status 3\n");
}

static void test_hostile_words_cannot_fake_a_line_of_the_log(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec bad]\ncommand = sh -c \"printf 'x\\\\r\\\\033[2Jfake'; exit 1\"\n");
    take_photo(w);
    struct proc_result r = RUN(w, "work", "--once");
    assert_has(proc_err(&r), "its output: x\\\\x0d\\\\x1b[2Jfake\" error=malformed pid=");
    assert_null(strchr(proc_err(&r), '\r'));
    proc_clear(&r);
}

static bool lives(const struct workplace *w, const char *file)
{
    pid_t pid = (pid_t)strtol(text_of(w, file), NULL, 10);
    assert_true(pid > 1);
    return kill(pid, 0) == 0 || errno == EPERM;
}

static void test_a_command_that_hangs_is_ended_with_all_that_it_started(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec hang]\ntimeout = 300 ms\nretries = 1\n"
                 "command = sh -c \"setsid sleep 1000 & echo $! >@/own; sleep 1000 & "
                 "echo $! >@/child; echo $$ >@/self; echo started; trap '' TERM; "
                 "while :; do sleep 0.1; done\"\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 1,
               "exceeded its timeout of 0.3 s and was stopped; its output: started");
    assert_false(lives(w, "own"));
    assert_false(lives(w, "child"));
    assert_false(lives(w, "self"));
    assert_has(text_of(w, "root/spool/hang/failed/" ID "/reason.txt"), "exceeded its timeout");
}

static void test_a_command_may_leave_nothing_running(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec daemon]\n"
                 "command = sh -c \"setsid sleep 1000 >/dev/null 2>&1 & echo $! >@/own\"\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 0, "2 jobs done");
    assert_false(lives(w, "own"));
}

static void test_its_environment_is_clean_and_tells_all(void **state)
{
    struct workplace *w = *state;
    char expected[900];
    configure(w, "[exec env]\nretries = 1\n"
                 "command = sh -c \"env; echo DIR=$(pwd); readlink /proc/$$/fd/3 /proc/$$/fd/4 "
                 "/proc/$$/fd/5 /proc/$$/fd/6 /proc/$$/fd/7 && echo OPEN; exit 1\"\n");
    take_photo(w);
    setenv("A_SECRET", "hidden", 1);
    expect_err(RUN(w, "work", "--once"), 1, "1 failed");
    unsetenv("A_SECRET");
    const char *text = text_of(w, "root/spool/env/failed/" ID "/output.txt");
    assert_null(strstr(text, "A_SECRET"));
    static const char *const lines[] = {"DASHSPOOL_ID=" ID "\n",
                                        "DASHSPOOL_IMEI=352093081452251\n",
                                        "DASHSPOOL_CAMERA=front\n",
                                        "DASHSPOOL_KIND=photo\n",
                                        "DASHSPOOL_TRIGGER=crash\n",
                                        "DASHSPOOL_TIME=2024-11-29T07:23:45Z\n",
                                        "DASHSPOOL_STAGE=env\n",
                                        "DASHSPOOL_ATTEMPT=1\n",
                                        "LANG=C.UTF-8\n",
                                        "TZ=UTC\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_has(text, lines[i]);
    snprintf(expected, sizeof expected, "DIR=%s/spool/env/cur/" ID "\n", w->root);
    assert_has(text, expected);
    snprintf(expected, sizeof expected,
             "DASHSPOOL_STILL=%s/archive/352093081452251/2024-11-29/" ID ".still-DERIVED.jpg\n",
             w->root);
    assert_has(text, expected);
    assert_null(strstr(text, "DASHSPOOL_VIEWING="));
    assert_null(strstr(text, "DASHSPOOL_MASTER="));
    assert_null(strstr(text, "OPEN"));
}

static void test_what_is_said_is_kept_up_to_a_limit(void **state)
{
    struct workplace *w = *state;
    configure(w,
              "[exec loud]\ncommand = sh -c \"echo first; head -c 3000000 /dev/zero | tr '\\\\0' "
              "x; echo last; exit 1\"\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 1, "1 failed");
    const char *text = text_of(w, "root/spool/loud/failed/" ID "/output.txt");
    assert_in_range(strlen(text), 1 << 20, (1 << 20) + 100);
    assert_memory_equal(text, "first\nx", 7);
    assert_has(text, "bytes are left out");
    assert_string_equal(text + strlen(text) - 6, "xlast\n");
}

static void test_a_copy_that_there_is_not_is_no_work(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec up]\ncommand = sh -c 'echo x >>@/log' sh %{viewing}\n"
                 "[exec any]\ncommand = sh -c 'echo \"$1\" >>@/any' sh %{copy}\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once"), 0, "reason=\"no viewing copy exists");
    assert_string_equal(text_of(w, "log"), "");
    assert_has(text_of(w, "any"), ".still-DERIVED.jpg\n");
}

static void test_a_program_that_is_not_there_is_waited_for(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec a]\ncommand = no-such-program-here\n"
                 "[exec b]\ncommand = /no/such/program\n");
    take_photo(w);
    struct proc_result r = RUN(w, "work", "--once");
    assert_int_equal(r.status, 1);
    assert_has(proc_err(&r), "command 'no-such-program-here' not found in /usr/local/sbin");
    assert_has(proc_err(&r), "cannot run /no/such/program: No such file or directory");
    assert_has(proc_err(&r), "1 job done, 0 failed, 2 to be retried");
    proc_clear(&r);
}

static void test_triggers_come_first_then_cameras_take_turns(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec log]\ncommand = sh -c 'echo $DASHSPOOL_TRIGGER "
                 "$DASHSPOOL_IMEI-$DASHSPOOL_TIME >>@/log'\n");
    start_receiver(w);
    take_another(w, "352093081450001", "2024-11-29T07:00:00Z", "periodic");
    take_another(w, "352093081450001", "2024-11-29T07:00:01Z", "request");
    take_another(w, "352093081450001", "2024-11-29T07:00:02Z", "request");
    take_another(w, "352093081450001", "2024-11-29T07:00:03Z", "request");
    take_another(w, "352093081450002", "2024-11-29T07:00:04Z", "request");
    take_another(w, "352093081450003", "2024-11-29T07:00:05Z", "towing");
    take_another(w, "352093081450001", "2024-11-29T07:00:06Z", "crash");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    expect_err(RUN(w, "work", "--once"), 0, "14 jobs done");
    assert_string_equal(text_of(w, "log"), "towing 352093081450003-2024-11-29T07:00:05Z\n"
                                           "crash 352093081450001-2024-11-29T07:00:06Z\n"
                                           "request 352093081450002-2024-11-29T07:00:04Z\n"
                                           "request 352093081450001-2024-11-29T07:00:01Z\n"
                                           "request 352093081450001-2024-11-29T07:00:02Z\n"
                                           "request 352093081450001-2024-11-29T07:00:03Z\n"
                                           "periodic 352093081450001-2024-11-29T07:00:00Z\n");
}

/* ---- ends ---- */

static struct proc start_work(struct workplace *w, const char *stage)
{
    const char *const argv[] = {DASHSPOOL_BINARY, "--root", w->root, "work",
                                "--stage",        stage,    NULL};
    return proc_start(at(w, "work.log"), argv);
}

/* What the command says through the fifo, which it waits for. */
static void hear(const struct workplace *w, char *out, size_t room)
{
    struct pollfd p = {.fd = open(at(w, "fifo"), O_RDONLY | O_NONBLOCK), .events = POLLIN};
    assert_true(p.fd >= 0);
    assert_int_equal(poll(&p, 1, 60000), 1);
    ssize_t n = read(p.fd, out, room - 1);
    assert_true(n > 0);
    out[n] = '\0';
    close(p.fd);
}

static void test_a_killed_worker_takes_its_command_along_and_the_job_is_done_once(void **state)
{
    struct workplace *w = *state;
    char said[64];
    configure(w, "[exec slow]\ncommand = sh -c 'echo $DASHSPOOL_ATTEMPT >>@/log; "
                 "test $DASHSPOOL_ATTEMPT -gt 1 && exit 0; echo $$ >@/fifo; exec sleep 1000'\n"
                 "[exec then]\nafter = slow\ncommand = sh -c 'echo then >>@/log'\n");
    take_photo(w);
    assert_int_equal(mkfifo(at(w, "fifo"), 0600), 0);
    expect_err(RUN(w, "work", "--once", "--stage", "convert"), 0, "1 job done");
    struct proc worker = start_work(w, "slow");
    hear(w, said, sizeof said);
    assert_int_equal(proc_stop(&worker, SIGKILL), 128 + SIGKILL);
    support_wait(kill((pid_t)strtol(said, NULL, 10), 0) < 0);
    /* The supervisor holds the claim a moment longer than the command lives. */
    int64_t until_us = clock_mono_us() + 60 * INT64_C(1000000);
    while (!strstr(text_of(w, "log"), "then") && clock_mono_us() < until_us) {
        struct proc_result r = RUN(w, "work", "--once");
        proc_clear(&r);
    }
    assert_string_equal(text_of(w, "log"), "1\n2\nthen\n");
    expect_err(RUN(w, "work", "--once"), 0, "0 jobs done");
}

/* Field 4 of /proc/<pid>/stat, behind the name. */
static pid_t parent_of(pid_t pid)
{
    char path[40], text[400];
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_int_equal(sscanf(strrchr(text, ')') + 1, " %*c %d", &parent), 1);
    return (pid_t)parent;
}

/* Not only the command, but what it has started, too, before the job is tried again. */
static void test_a_killed_supervisor_leaves_nothing_running(void **state)
{
    struct workplace *w = *state;
    char said[64];
    configure(w, "[exec slow]\nbackoff = 1 ms\ncommand = sh -c 'test $DASHSPOOL_ATTEMPT -gt 1 && "
                 "exec sh -c \"kill -0 $(cat @/own) || echo alone >>@/log\"; "
                 "setsid sleep 1000 & echo $! >@/own; echo $! >@/fifo; wait'\n");
    take_photo(w);
    assert_int_equal(mkfifo(at(w, "fifo"), 0600), 0);
    expect_err(RUN(w, "work", "--once", "--stage", "convert"), 0, "1 job done");
    struct proc worker = start_work(w, "slow");
    hear(w, said, sizeof said);
    pid_t own = (pid_t)strtol(said, NULL, 10), supervisor = parent_of(parent_of(own));
    assert_int_equal(parent_of(supervisor), worker.pid);
    assert_int_equal(kill(supervisor, SIGKILL), 0);
    support_wait(strstr(text_of(w, "log"), "alone"));
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
    assert_string_equal(text_of(w, "log"), "alone\n");
}

static void test_a_job_that_kills_its_worker_again_and_again_fails(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec deadly]\nretries = 2\ncommand = true\n");
    take_photo(w);
    expect_err(RUN(w, "work", "--once", "--stage", "convert"), 0, "1 job done");
    /* as two sweeps after two killed workers leave it */
    support_write(at(w, "root/spool/deadly/new/" ID "/attempt"), "3\n", 2);
    expect_err(RUN(w, "work", "--once"), 1, "1 failed");
    assert_has(text_of(w, "root/spool/deadly/failed/" ID "/reason.txt"),
               "all 2 attempts used (retries = 2); the worker did not survive the last one");
}

static void test_sigterm_gives_a_commands_job_back_uncounted(void **state)
{
    struct workplace *w = *state;
    char said[64];
    configure(w, "[exec slow]\ncommand = sh -c 'echo $$ >@/fifo; exec sleep 1000'\n");
    take_photo(w);
    assert_int_equal(mkfifo(at(w, "fifo"), 0600), 0);
    expect_err(RUN(w, "work", "--once", "--stage", "convert"), 0, "1 job done");
    struct proc worker = start_work(w, "slow");
    hear(w, said, sizeof said);
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
    assert_true(kill((pid_t)strtol(said, NULL, 10), 0) < 0);
    assert_string_equal(text_of(w, "root/spool/slow/new/" ID "/attempt"), "1\n");
}

static void test_sigterm_gives_a_conversion_back_uncounted(void **state)
{
    struct workplace *w = *state;
    configure(w, "[convert]\npreset = veryslow\n");
    start_receiver(w);
    take(w, "--front", FRONT, "352093081452251", "2024-11-29T07:23:45Z", "crash");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    struct proc worker = start_work(w, "convert");
    support_wait(support_exists(at(w, "root/archive/352093081452251/2024-11-29")));
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
    assert_string_equal(text_of(w, "root/spool/convert/new/"
                                   "352093081452251-front-video-20241129T072345Z/attempt"),
                        "1\n");
    assert_int_equal(support_entries(at(w, "root/archive/352093081452251/2024-11-29")), 0);
}

/* ---- settings ---- */

static void test_settings_are_checked_before_anything_starts(void **state)
{
    struct workplace *w = *state;
    configure(w, "[exec a]\ncommand = true %{id}\n");
    expect_err(RUN(w, "config", "--check"), 0, "");
    struct proc_result r = RUN(w, "config");
    assert_has(proc_out(&r), "[exec a]\n");
    assert_has(proc_out(&r), "50-test.conf:6\n");
    proc_clear(&r);
    expect_err(RUN(w, "work", "--once", "--stage", "nobody"), 2, "unknown stage 'nobody'");
    configure(w, "[exec a]\ncommand = true\nafter = b\n");
    expect_err(RUN(w, "config", "--check"), 2, "50-test.conf:7: [exec a] after = b: unknown stage");
    expect_err(RUN(w, "work", "--once"), 2, "50-test.conf:7: ");
    expect_err(RUN(w, "receive"), 2, "50-test.conf:7: ");
}

static void test_the_shipped_settings_are_good(void **state)
{
    (void)state;
    expect(
        PROC_RUN(DASHSPOOL_BINARY, "--config", TEST_SAMPLES "/../pipeline.d", "config", "--check"),
        0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, workplace_set_up, workplace_tear_down)
        E2E(test_a_job_goes_from_stage_to_stage_once),
        E2E(test_a_job_that_any_stage_lost_is_missed),
        E2E(test_status_tells_of_jobs_that_were_lost),
        E2E(test_a_job_that_nobody_wants_is_not_missed),
        E2E(test_a_stage_may_come_right_after_receive),
        E2E(test_an_idle_worker_is_told_of_a_job),
        E2E(test_status_75_is_tried_again_until_it_works),
        E2E(test_once_waits_for_no_attempt),
        E2E(test_failures_say_why_and_stop_nobody),
        E2E(test_a_command_that_says_nothing_says_nothing),
        E2E(test_hostile_words_cannot_fake_a_line_of_the_log),
        E2E(test_a_command_that_hangs_is_ended_with_all_that_it_started),
        E2E(test_a_command_may_leave_nothing_running),
        E2E(test_its_environment_is_clean_and_tells_all),
        E2E(test_what_is_said_is_kept_up_to_a_limit),
        E2E(test_a_copy_that_there_is_not_is_no_work),
        E2E(test_a_program_that_is_not_there_is_waited_for),
        E2E(test_triggers_come_first_then_cameras_take_turns),
        E2E(test_a_killed_worker_takes_its_command_along_and_the_job_is_done_once),
        E2E(test_a_killed_supervisor_leaves_nothing_running),
        E2E(test_a_job_that_kills_its_worker_again_and_again_fails),
        E2E(test_sigterm_gives_a_commands_job_back_uncounted),
        E2E(test_sigterm_gives_a_conversion_back_uncounted),
        E2E(test_settings_are_checked_before_anything_starts),
        E2E(test_the_shipped_settings_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
