#define _GNU_SOURCE /* nftw */
/*
 * A service's ROOT is its user's, whoever types a command: each command is typed by root, and
 * behind each one everything in ROOT still belongs to the user of the service, who goes on with it.
 * For root alone; a user without rights can make nobody else's files.
 */
#include "dashspool/fsx.h"
#include "support/world.h"
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIP  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define VIDEO IMEI "-rear-video-20241129T072345Z"
#define STILL IMEI "-front-photo-20241129T072345Z"
#define BAD   IMEI "-front-video-20241129T080000Z"

enum { OWNER = 12345 };

static struct world w;
static char program[400], in[400], out[400], locked[400]; /* locked: for root alone */

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)
#define AS_OWNER(...) \
    PROC_RUN("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", __VA_ARGS__)
#define SERVICE(...) AS_OWNER(program, "--root", w.root, __VA_ARGS__)

/* ---- whose files ---- */

static char stranger[600]; /* the first file of ROOT that is not OWNER's; "": none */

static int look_at(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)type;
    (void)at;
    if (st->st_uid != OWNER && !stranger[0])
        snprintf(stranger, sizeof stranger, "%s", path);
    return 0;
}

static int give_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return lchown(path, OWNER, OWNER);
}

static void all_is_the_owners(const char *after)
{
    stranger[0] = '\0';
    assert_int_equal(nftw(w.root, look_at, 16, FTW_PHYS), 0);
    if (stranger[0])
        fail_msg("%s: %s is not the service's", after, stranger);
}

static void copy(const char *from, const char *name, mode_t mode)
{
    char path[600];
    struct buf b = support_read(from);
    snprintf(path, sizeof path, "%s/%s", w.dir, name);
    support_write(path, buf_data(&b), b.used);
    buf_clear(&b);
    assert_int_equal(chmod(path, mode), 0);
}

/* ---- a service's ROOT ---- */

static const char *why_not(void)
{
    if (geteuid() != 0)
        return "it takes root to work on another user's ROOT";
    if (!proc_have("setpriv"))
        return "setpriv (util-linux) is missing";
    struct proc_result r = AS_OWNER("ls", w.dir);
    bool reached = r.status == 0;
    proc_clear(&r);
    return reached ? NULL : "other users cannot reach TMPDIR";
}

static int set_up(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "[retention]\nfailed = 90d\n[export]\nenabled = no\n");
    chmod(w.dir, 0755);
    const char *why = why_not();
    if (why) {
        print_message("skipped: %s\n", why);
        return 0;
    }
    copy(DASHSPOOL_BINARY, "dashspool", 0755);
    snprintf(program, sizeof program, "%s/dashspool", w.dir);
    snprintf(in, sizeof in, "%s/in", w.dir);
    snprintf(out, sizeof out, "%s/out", w.dir);
    snprintf(locked, sizeof locked, "%s/locked", w.dir);
    assert_int_equal(mkdir(in, 0755) | mkdir(out, 0755) | mkdir(locked, 0700), 0);
    assert_int_equal(chown(out, OWNER, OWNER), 0);
    copy(TEST_SAMPLES "/front-20fps-10s-sound.h265", "in/clip.h265", 0644);
    copy(PHOTO, "locked/photo.jpg", 0644);
    copy(CLIP, "clip.h265", 0644); /* the source tree may be out of the owner's reach */
    support_write(support_path(w.dir, "bad.h265"), "this is no footage at all", 25);
    assert_int_equal(nftw(w.root, give_away, 16, FTW_PHYS), 0);
    world_start(&w); /* as root, and takes footage as the owner */
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", CLIP,
               "--photo-front", PHOTO, "--time", "2024-11-29T07:23:45Z"),
           0, "files uploaded: 2,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--front",
               support_path(w.dir, "bad.h265"), "--time", "2024-11-29T08:00:00Z"),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
    all_is_the_owners("receive");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

#define ROOT_ONLY          \
    if (why_not() != NULL) \
    skip()

/* The user of the service receives and converts one more. */
static void service_goes_on(const char *after)
{
    static int day;
    char time[32], said[64], path[600];
    struct buf b = support_read(PHOTO); /* the same once more would be a duplicate */
    snprintf(path, sizeof path, "%s/photo.jpg", w.dir);
    support_write(path, buf_data(&b), b.used - (size_t)++day);
    buf_clear(&b);
    snprintf(time, sizeof time, "2025-01-%02dT00:00:00Z", day);
    snprintf(said, sizeof said, IMEI "-rear-photo-202501%02dT000000Z", day);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--photo-rear", path,
               "--time", time),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
    expect(SERVICE("work", "--once"), 0, "1 job done");
    expect(SERVICE("protect", said, "--reason", "x"), 0, "protected");
    all_is_the_owners(after);
}

static void test_what_root_types_leaves_nothing_of_roots_in_root(void **state)
{
    char package[600], backup[600], metrics[600], copies[600], key[600], cert[600], clip[600];
    (void)state;
    ROOT_ONLY;
    snprintf(package, sizeof package, "%s/case.zip", w.root);
    snprintf(backup, sizeof backup, "%s/backup", out);
    snprintf(metrics, sizeof metrics, "%s/metrics.prom", w.root);
    snprintf(copies, sizeof copies, "%s/more", w.root);
    snprintf(cert, sizeof cert, "%s/sign.pem", w.root);
    snprintf(key, sizeof key, "%s/sign.key", w.root);
    snprintf(clip, sizeof clip, "%s/clip.h265", w.dir);
    const struct {
        const char *words[10];
        int status;
        const char *says;
    } typed[] = {
        {{"work", "--once"}, 1, "2 jobs done, 1 failed"},
        {{"retry", BAD}, 0, "requeued"},
        {{"work", "--once", "--workers", "2"}, 1, "1 failed"},
        {{"fsck"}, 0, "no problems"},
        {{"fsck", "--repair"}, 0, "no problems"},
        {{"list"}, 0, VIDEO},
        {{"show", VIDEO}, 0, VIDEO},
        {{"show", VIDEO, "--custody"}, 0, "received"},
        {{"cat", STILL}, 0, ""},
        {{"status"}, 1, "failed"},
        {{"status", "--json"}, 1, "trouble"},
        {{"status", "--prometheus", metrics}, 0, ""},
        {{"config"}, 0, "[receive]"},
        {{"config", "--check"}, 0, "settings are valid"},
        {{"import", in}, 0, "1 imported"},
        {{"import", in}, 0, "1 already stored"},
        {{"work", "--once"}, 0, "1 job done"},
        {{"protect", VIDEO, "--reason", "claim 17"}, 0, "protected"},
        {{"protect", "--release", VIDEO}, 0, "released"},
        {{"sweep", "--dry-run"}, 0, "0 originals"},
        {{"sweep"}, 0, "0 originals"},
        {{"release", "--all"}, 0, ""},
        {{"drop", BAD, "--reason", "broken"}, 0, "dropped"},
        {{"keygen", "--cert", cert, "--key", key, "--name", "Depot"}, 0, "certificate"},
        {{"export", VIDEO, "-o", package, "--sign-cert", cert, "--sign-key", key}, 0, "1 transfer"},
        {{"verify", package}, 0, "no problems found"},
        {{"attach-timestamp", package, clip}, 1, ""},
        {{"convert", clip, "-o", copies}, 0, ""},
        {{"probe", clip, "--no-decode"}, 0, ""},
        {{"erase", STILL, "--reason", "asked for", "--protected"}, 0, "1 transfer"},
        {{"backup", backup}, 0, "originals"},
        {{"help"}, 0, ""},
    };
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
        const char *argv[14] = {DASHSPOOL_BINARY, "--root", w.root};
        memcpy(argv + 3, typed[i].words, sizeof typed[i].words);
        expect(proc_run(argv), typed[i].status, typed[i].says);
        all_is_the_owners(typed[i].words[0]);
    }
    expect(RUN("show", VIDEO, "--custody"), 0, "\"who\":\"root\""); /* it was root who said so */
    service_goes_on("all of them");
    expect(AS_OWNER(program, "--root", backup, "fsck"), 0, "no problems");
}

/* Without a process that has them open, the database's helper files are made anew. */
static void test_a_stopped_or_killed_store_is_looked_at_and_made_anew_by_root(void **state)
{
    static const char *const looks[] = {"status", "list", "fsck", "reindex", "fsck", "sweep"};
    (void)state;
    ROOT_ONLY;
    for (int killed = 0; killed < 2; killed++) {
        if (killed)
            world_kill(&w);
        else
            world_stop(&w);
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
            struct proc_result r = RUN(looks[i]);
            proc_clear(&r);
            all_is_the_owners(looks[i]);
        }
        world_start(&w);
        service_goes_on("reindex");
    }
}

static void test_what_runs_on_works_as_the_owner(void **state)
{
    static const char *const commands[][3] = {
        {"run", NULL}, {"work", NULL}, {"serve", NULL}, {"watch", in}};
    static const char *const begun[] = {"all processes running", NULL, "listening on",
                                        "msg=\"watching\""};
    char log[600];
    (void)state;
    ROOT_ONLY;
    world_stop(&w);
    static const char serve[] = "[serve]\nlisten = 127.0.0.1:0\n";
    support_write(support_path(w.root, "pipeline.d/60-serve.conf"), serve, sizeof serve - 1);
    for (size_t i = 0; i < 4; i++) {
        snprintf(log, sizeof log, "%s/%s.log", w.dir, commands[i][0]);
        const char *const argv[] = {DASHSPOOL_BINARY, "--root",       w.root,
                                    commands[i][0],   commands[i][1], NULL};
        struct proc p = proc_start(log, argv);
        char status[64];
        snprintf(status, sizeof status, "/proc/%d/status", (int)p.pid);
        if (begun[i])
            support_wait(support_count(log, begun[i]) > 0);
        support_wait(support_count(status, "Uid:\t12345\t12345\t12345\t12345") == 1);
        int rc = proc_stop(&p, SIGTERM); /* what says nothing may not have begun to catch it */
        assert_true(rc == 0 || (!begun[i] && rc == 128 + SIGTERM));
        nftw(support_path(w.root, "pipeline.d"), give_away, 16, FTW_PHYS); /* it was the test's */
        all_is_the_owners(commands[i][0]);
    }
    world_start(&w);
    service_goes_on("run");
}

static void test_what_the_owner_may_not_do_is_refused_with_what_to_do(void **state)
{
    char there[600];
    (void)state;
    ROOT_ONLY;
    expect(RUN("import", locked), 1, "sudo setfacl -R -m u:12345:rX");
    snprintf(there, sizeof there, "%s/photo.jpg", locked);
    expect(RUN("import", there), 1, "may not read there");
    snprintf(there, sizeof there, "%s/case", locked);
    expect(RUN("export", VIDEO, "-o", there), 1, "may not write there; choose another place");
    assert_false(support_exists(there));
    snprintf(there, sizeof there, "%s/new/backup", locked);
    expect(RUN("backup", there), 1, "may not write there");
    expect(RUN("backup", locked), 1, "may not write there");
    expect(PROC_RUN(DASHSPOOL_BINARY, "convert", CLIP, "-o", locked), 0, ""); /* no ROOT's */
    /* and who is neither root nor the owner is told whose it is */
    expect(PROC_RUN("setpriv", "--reuid=12346", "--regid=12346", "--clear-groups", program,
                    "--root", w.root, "import", in),
           1, "sudo -u 12345 dashspool");
    expect(PROC_RUN("setpriv", "--reuid=12346", "--regid=12346", "--clear-groups", program,
                    "--root", w.root, "receive", "--listen", "127.0.0.1:0"),
           1, "sudo -u 12345 dashspool");
    expect_out(PROC_RUN("setpriv", "--reuid=12346", "--regid=12346", "--clear-groups", program,
                        "--root", w.root, "status"),
               1, "do: look as the owner of ROOT");
    assert_int_equal(chmod(w.root, 0700), 0); /* its settings are not replaced by the defaults */
    expect_err(PROC_RUN("setpriv", "--reuid=12346", "--regid=12346", "--clear-groups", program,
                        "--root", w.root, "config", "--check"),
               1, "pipeline.d: Permission denied");
    assert_int_equal(chmod(w.root, 0755), 0);
    all_is_the_owners("refusals");
    world_stop(&w);                          /* it could not reach it either */
    assert_int_equal(chmod(w.dir, 0700), 0); /* whose owner cannot even reach it */
    struct proc_result r = RUN("list");
    chmod(w.dir, 0755);
    expect(r, 1, "belongs to 12345, who cannot work there");
    world_start(&w);
}

/* ---- jobs of another user ---- */

static void offer(const char *camera, int n)
{
    char path[600], time[32];
    struct buf b = support_read(PHOTO);
    snprintf(path, sizeof path, "%s/photo.jpg", w.dir);
    support_write(path, buf_data(&b), b.used - 100 - (size_t)n);
    buf_clear(&b);
    snprintf(time, sizeof time, "2025-02-%02dT00:00:00Z", n);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, camera, path, "--time",
               time),
           0, "files uploaded: 1,");
    world_wait_jobs(&w);
}

static const char *job_at(const char *place, int n, const char *file)
{
    static char path[4][700];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof *path, "%s/spool/convert/%s/" IMEI "-front-photo-202502%02dT000000Z%s",
             w.root, place, n, file);
    return p;
}

static int take_away(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return lchown(path, 0, 0) < 0 || chmod(path, 0700) < 0 ? -1 : 0;
}

/* As root's commands left them, before they kept the owner. */
static void test_a_job_of_another_user_stops_no_stage(void **state)
{
    struct err err;
    char old[600];
    (void)state;
    ROOT_ONLY;
    for (int n = 1; n <= 5; n++)
        offer("--photo-front", n);
    assert_int_equal(nftw(job_at("new", 1, ""), take_away, 16, FTW_PHYS), 0); /* not to be opened */
    assert_int_equal(rename(job_at("new", 2, ""), job_at("cur", 2, "")), 0);  /* nor its lock */
    support_write(job_at("cur", 2, "/lock"), "", 0);
    assert_int_equal(nftw(job_at("cur", 2, ""), take_away, 16, FTW_PHYS), 0);
    take_away(job_at("new", 3, "/job.json"), NULL, 0, NULL); /* only that */
    snprintf(old, sizeof old, "%s/spool/convert/tmp/old.abcdef", w.root);
    assert_ok(fsx_mkdirs(support_path(old, "below"), &err));
    assert_int_equal(nftw(old, take_away, 16, FTW_PHYS), 0);
    struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);

    expect(SERVICE("work", "--once"), 1, "2 jobs done"); /* the other two */
    expect(SERVICE("work", "--once"), 1, "0 jobs done");
    assert_int_equal(support_count(job_at("failed", 3, "/reason.txt"), "Permission denied"), 1);
    expect(RUN("status"), 1, "jobs that belong to another user and are set aside: 2");

    char log[600]; /* one that runs on tells each once, and takes what is given back to it */
    snprintf(log, sizeof log, "%s/worker.log", w.dir);
    const char *const argv[] = {
        "setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", program, "--root",
        w.root,    "work",          "--stage",       "convert",        NULL};
    struct proc worker = proc_start(log, argv);
    support_wait(support_count(log, "job set aside, it cannot be touched") == 3);
    offer("--photo-rear", 6);
    support_wait(support_count(log, "msg=\"converted\"") == 1);
    assert_int_equal(nftw(w.root, give_away, 16, FTW_PHYS), 0);
    support_wait(support_count(log, "msg=\"converted\"") == 3);
    assert_int_equal(support_count(log, "job set aside"), 3);
    assert_int_equal(proc_stop(&worker, SIGTERM), 0);
    expect(SERVICE("retry", "--all"), 0, "requeued");
    expect(SERVICE("work", "--once"), 0, "1 job done");
    expect(SERVICE("fsck"), 0, "no problems");
    all_is_the_owners("work");
}

/* Of another user (a command of root's, a copy with cp -a), or of a mode that forbids it: the
 * service cannot work, and whoever looks must not hear that all is well. */
static void test_what_the_owner_cannot_write_to_is_told_by_status_and_fsck(void **state)
{
    (void)state;
    ROOT_ONLY;
    static const struct {
        const char *name;
        uid_t uid;
        mode_t mode;
        const char *says, *advice;
    } cases[] = {
        {"", 0, 0755, ".: user 12345, to whom ROOT belongs", "chown -R 12345:12345 ROOT"},
        {"spool", 0, 0755, "spool: user 12345", "sudo chown -R 12345:12345 ROOT/spool"},
        {"spool/export", 0, 0700, "spool/export: user 12345", "12345:12345 ROOT/spool"},
        {"spool/convert/new", 0, 0755, "spool/convert/new: user 12345", "ROOT/spool"},
        {"spool/convert/tmp", OWNER, 0555, "spool/convert/tmp: user 12345",
         "sudo chmod -R u+rwX ROOT/spool"},
        {"raw", 0, 0755, "raw: user 12345", "sudo chown -R 12345:12345 ROOT/raw"},
        {"archive", 0, 0755, "archive: user 12345", "ROOT/archive"},
        {"packages", 0, 0755, "packages: user 12345", "ROOT/packages"},
        {"catalogue.db", OWNER, 0440, "catalogue.db: user 12345", "chmod -R u+rwX ROOT/catalogue"},
        {"catalogue.db", 0, 0644, "catalogue.db: user 12345", "ROOT/catalogue.db"},
    };
    struct err err;
    assert_ok(fsx_mkdirs(support_path(w.root, "packages"), &err));
    assert_ok(fsx_mkdirs(support_path(w.root, "spool/export"), &err));
    assert_int_equal(nftw(w.root, give_away, 16, FTW_PHYS), 0);
    world_stop(&w);
    expect(RUN("fsck", "--quick"), 0, "no problems");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = cases[i].name[0] ? support_path(w.root, cases[i].name) : w.root;
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(chown(path, cases[i].uid, cases[i].uid) | chmod(path, cases[i].mode), 0);
        for (int k = 0; k < 4; k++) {
            const char *says = k % 2 ? cases[i].advice : cases[i].says;
            bool is_root = !cases[i].name[0]; /* there fsck cannot begin, and says so */
            expect(k < 2 || is_root ? RUN("status") : RUN("fsck", "--quick"), 1, says);
        }
        assert_int_equal(chown(path, OWNER, OWNER) | chmod(path, st.st_mode & 07777), 0);
        unlink(support_path(w.root, "catalogue.db-wal")); /* empty; SQLite made them of its mode */
        unlink(support_path(w.root, "catalogue.db-shm"));
        expect(RUN("fsck", "--quick"), 0, "no problems");
    }
    /* What its group may write to is not judged: who is in it, and an ACL, is not asked. */
    assert_int_equal(chown(support_path(w.root, "spool"), 0, OWNER), 0);
    assert_int_equal(chmod(support_path(w.root, "spool"), 0775), 0);
    expect(RUN("fsck", "--quick"), 0, "no problems");
    assert_int_equal(chown(support_path(w.root, "spool"), OWNER, OWNER), 0);
    world_start(&w);
}

static void test_a_user_of_the_settings_must_be_the_owner(void **state)
{
    (void)state;
    ROOT_ONLY;
    world_stop(&w);
    expect(RUN("receive", "--user", "nobody"), 2, "belongs to 12345; give it to nobody");
    world_start(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_root_types_leaves_nothing_of_roots_in_root),
        cmocka_unit_test(test_a_stopped_or_killed_store_is_looked_at_and_made_anew_by_root),
        cmocka_unit_test(test_what_runs_on_works_as_the_owner),
        cmocka_unit_test(test_what_the_owner_may_not_do_is_refused_with_what_to_do),
        cmocka_unit_test(test_a_job_of_another_user_stops_no_stage),
        cmocka_unit_test(test_what_the_owner_cannot_write_to_is_told_by_status_and_fsck),
        cmocka_unit_test(test_a_user_of_the_settings_must_be_the_owner),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
