/*
 * New settings while cameras send: whatever is wrong in them, and however little of it, the old
 * ones go on, no connection is lost, and one line of the log says what, where and why, as `config
 * --check` does. What is right is taken.
 */
#include "dashspool/clock.h"
#include "support/certs.h"
#include "support/fleet.h"
#include "support/workplace.h"
#include "support/world.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char base[] = "[receive]\nlisten = 127.0.0.1:0\ntls_listen = 127.0.0.1:0\n"
                           "min_free_mib = 0\ncommit_ms = 20\n[convert]\nenabled = yes\n"
                           "[run]\nrestart = 20 ms\nrestart_max = 20 ms\n";

static struct workplace *w;
static int busy_fd = -1;

/* @ stands for the test's directory, # for a port that is busy. */
struct wrong {
    const char *settings; /* from the second line on; the first is its section */
    const char *says;     /* behind "60-case.conf:" */
};

static const struct wrong wrong[] = {
    {"[receive]\nlisten = :99999\n", "2: listen = :99999: expected HOST:PORT, the port a number"},
    {"[receive]\nlisten = 127.0.0.1:71600\n", "2: listen = 127.0.0.1:71600: expected HOST:PORT"},
    {"[receive]\nlisten = 127.0.0.1\n", "2: listen = 127.0.0.1: expected HOST:PORT"},
    {"[receive]\nlisten = 127.0.0.1:\n", "2: listen = 127.0.0.1:: expected HOST:PORT"},
    {"[receive]\nlisten = 127.0.0.1:#\n", ": another program listens there"},
    {"[receive]\nlisten = 192.0.2.1:7160\n", "2: listen = 192.0.2.1:7160: this computer does not"},
    {"[receive]\nlisten =\n", "2: listen = : nothing to listen on"},
    {"[receive]\ntls_listen = 127.0.0.1:70000\n", "2: tls_listen = 127.0.0.1:70000: expected"},
    {"[receive]\ntls_cert = @/nope.pem\ntls_key = @/server.key\n", "/nope.pem: No such file"},
    {"[receive]\ntls_cert = @/server.pem\ntls_key = @/nope.key\n", "/nope.key: No such file"},
    {"[receive]\ntls_cert = @/server.pem\n", "tls_cert and tls_key must be set together"},
    {"[receive]\ntls_key = @/server.key\n", "tls_cert and tls_key must be set together"},
    {"[receive]\ntls_cert = @/server.pem\ntls_key = @/other.key\n",
     "not the key of the certificate"},
    {"[receive]\ntls_cert = @/server.key\ntls_key = @/server.key\n", "/server.key: no start line"},
    {"[receive]\ntls_cert = @/old.pem\ntls_key = @/old.key\n", "the certificate has expired"},
    {"[receive]\ntls_cert = @/new.pem\ntls_key = @/new.key\n", "is not valid yet"},
    {"[receive]\ntls_cert = @/locked.pem\ntls_key = @/locked.key\n", "the key is encrypted"},
    {"[receive]\ntls_cert = @/fifo\ntls_key = @/server.key\n", "expected a file, this is a FIFO"},
    {"[receive]\ntls_cert = @/server.pem\ntls_key = @/fifo\n", "expected a file, this is a FIFO"},
    {"[receive]\ntls_client_ca = @/folder\n", "expected a file, this is a directory"},
    {"[receive]\nallow = @/nope.txt\n", "/nope.txt: "},
    {"[receive]\nallow = @/fifo\n", "not an ordinary file"},
    {"[receive]\nallow = @/short.txt\n", "short.txt:2: '35209308145225' is not an IMEI"},
    {"[receive]\nlisten = 127.0.0.1:27160\ntls_listen = 0.0.0.0:27160\n"
     "tls_cert = @/server.pem\ntls_key = @/server.key\n",
     "3: tls_listen = 0.0.0.0:27160: listen has the same port"},
    {"[receive]\nlisten = 0.0.0.0:27160\n[serve]\nenabled = yes\nlisten = 127.0.0.1:27160\n",
     "5: listen = 127.0.0.1:27160: [receive] listen has the same port"},
    {"[receive]\nlisten = localhost:27160\n[serve]\nenabled = yes\nlisten = localhost:27160\n",
     "5: listen = localhost:27160: [receive] listen has the same port"},
    {"[receive]\nuser = no-such-user\n", "2: user = no-such-user: "},
    {"[receive]\ncommit_ms = 5 # quick\n",
     "commit_ms = 5 # quick: expected a whole number from 1 to "
     "60000 (ms) (a comment must stand on a line of its own)"},
    {"[receive]\ncommit_ms = 0\n", "2: commit_ms = 0: expected a whole number"},
    {"[receive]\ncomit_ms = 20\n",
     "2: unknown key 'comit_ms' in [receive]; did you mean 'commit_ms'?"},
    {"[recieve]\n", "1: unknown section [recieve]; did you mean [receive]?"},
    {"[watch]\nenabled = yes\ndirs = @/nope\n", "3: dirs = "},
    {"[watch]\nenabled = yes\n", "no folder to watch"},
    {"[watch]\nenabled = yes\ndirs = @/root/raw\n", "is used by dashspool itself"},
    {"[watch]\nenabled = yes\ndirs = @/folder\nafter = move\ndone = @/root/raw/done\n",
     "5: done = "},
    {"[watch]\nenabled = yes\ndirs = @/folder\nafter = move\ndone = ../root/spool\n",
     "spool is used by dashspool itself"},
    {"[watch]\nenabled = yes\ndirs = @/folder\nafter = move\ndone = @/short.txt\n",
     "expected a directory"},
    {"[convert]\nencoder = libbogus\n", "2: encoder 'libbogus' is not one of H.264 or H.265"},
    {"[convert]\npreset = quick\n", "2: preset = quick: expected one of: ultrafast"},
    {"[convert]\ncopies = working,vewing\n", "2: copies = working,vewing: expected"},
    {"[export]\nenabled = yes\ndir = @/short.txt\n", "3: dir = "},
    {"[export]\nenabled = yes\nsign_cert = @/server.pem\n", "sign_cert and sign_key must be set"},
    {"[export]\nenabled = yes\nsign_cert = @/nope.pem\nsign_key = @/server.key\n",
     "/nope.pem: No such file"},
    {"[export]\nenabled = yes\nsign_cert = @/server.pem\nsign_key = @/other.key\n", "sign_"},
    {"[export]\nenabled = yes\ntsa = freetsa.org\n", "3: tsa = freetsa.org: expected a URL"},
    {"[export]\nenabled = yes\ntriggers = crsh\n", "unknown trigger 'crsh'"},
    {"[serve]\nenabled = yes\nlisten = localhost\n", "3: listen = localhost: expected HOST:PORT"},
    {"[serve]\nenabled = yes\nlisten = 127.0.0.1:#\n", "another program listens there"},
    {"[serve]\nenabled = yes\nlisten = 0.0.0.0:0\n", "anyone who can reach this address"},
    {"[serve]\nenabled = yes\ntoken_file = @/nope\n", "3: token_file = "},
    {"[serve]\nenabled = yes\ntoken_file = @/fifo\n", "expected a file, this is a FIFO"},
    {"[serve]\nenabled = yes\ntoken_file = @/token\n", "a token of at least 16 characters"},
    {"[retention]\nmasters = 35209308145225 forever, video 90d\n",
     "2: '35209308145225' is not an IMEI, and would match no camera: write all 15 digits"},
    {"[status]\nmax_silence = 35209308145225 7d\n", "2: '35209308145225' is not an IMEI"},
    {"[retention]\ncopies = 3520930814522511 forever\n", "2: '3520930814522511' is not an IMEI"},
    {"[run]\nprometheus = metrics.txt\n",
     "2: prometheus = metrics.txt: the name must end in .prom"},
    {"[run]\nprometheus = @/short.txt/x.prom\n", "2: prometheus = "},
    {"[exec up]\ncommand = no-such-program %{copy}\n", "no program no-such-program in"},
    {"[exec up]\ncommand = /etc/passwd %{copy}\n", "/etc/passwd is not a program"},
    {"[exec up]\nafter = convert\n", "[exec up] has no command"},
    {"[exec up]\nafter = cnvert\ncommand = true\n", "unknown stage 'cnvert'"},
    {"[exec up]\ncommand = true %{cpy}\n", "2: "},
};

/* ---- the case's file ---- */

static void write_case(const char *settings)
{
    char text[2000], *to = text;
    struct sockaddr_in at;
    socklen_t n = sizeof at;
    assert_int_equal(getsockname(busy_fd, (struct sockaddr *)&at, &n), 0);
    for (const char *c = settings; *c; c++)
        if (*c == '@')
            to += sprintf(to, "%s", w->dir);
        else if (*c == '#' && c[-1] == ':')
            to += sprintf(to, "%d", ntohs(at.sin_port));
        else
            *to++ = *c;
    *to = '\0';
    support_write(support_path(w->root, "pipeline.d/60-case.conf"), text, strlen(text));
}

/* The last line of the log that has these words. */
static void last_line(const char *words, char *out, size_t room)
{
    char line[2000];
    FILE *f = fopen(w->log, "re");
    assert_non_null(f);
    out[0] = '\0';
    while (fgets(line, sizeof line, f))
        if (strstr(line, words))
            snprintf(out, room, "%s", line);
    fclose(f);
}

static int set_up(void **state)
{
    static const char *const names[] = {"server", "other", "old", "new", "locked"};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    workplace_set_up((void **)&w);
    *state = w;
    certs_make_ca(w->dir, "ca");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        certs_make(w->dir, "ca", names[i], "IP:127.0.0.1");
    certs_end_in(w->dir, "old", -60);
    certs_postpone(w->dir, "new");
    certs_lock_key(w->dir, "locked");
    support_write(support_path(w->dir, "short.txt"), "# ours\n35209308145225\n", 22);
    support_write(support_path(w->dir, "token"), "short\n", 6);
    assert_int_equal(mkfifo(support_path(w->dir, "fifo"), 0600), 0);
    assert_int_equal(mkdir(support_path(w->dir, "folder"), 0755), 0);
    busy_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(busy_fd, (struct sockaddr *)&any, sizeof any), 0);
    assert_int_equal(listen(busy_fd, 1), 0);
    support_configure(w->root, base);
    return 0;
}

static int tear_down(void **state)
{
    close(busy_fd);
    return workplace_tear_down(state);
}

/* ---- under load ---- */

#define BAD  "reload failed, keeping the old settings"
#define GOOD "settings reloaded"

/* The cameras go on until the log has a further line of either kind. */
static void reload(struct fleet *f, const char *kind)
{
    int bad = support_count(w->log, BAD), good = support_count(w->log, GOOD);
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    do
        fleet_run(f, clock_mono_us() + 10000);
    while (support_count(w->log, BAD) + support_count(w->log, GOOD) == bad + good);
    if (support_count(w->log, kind) != (kind[0] == 'r' ? bad : good) + 1) {
        char line[2000];
        last_line("reload", line, sizeof line);
        fail_msg("not '%s': %s", kind, line);
    }
}

static void test_each_wrong_value_leaves_all_as_it_is(void **state)
{
    const struct fleet_plan plan = {
        .cameras = 6, .files = FLEET_ENDLESS, .bytes_min = 20000, .bytes_max = 200000, .seed = 7};
    (void)state;
    struct fleet *f = fleet_new(&plan);
    workplace_start(w, DASHSPOOL_BINARY, "run");
    workplace_listens(w);
    support_wait(support_count(w->log, "all processes running") == 1);
    fleet_aim(f, w->address);
    fleet_run(f, clock_mono_us() + 50000);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char line[2000];
        if (!wrong[i].says[0])
            continue;
        write_case(wrong[i].settings);
        reload(f, BAD);
        last_line(BAD, line, sizeof line);
        if (!strstr(line, "60-case.conf:") || !strstr(line, wrong[i].says))
            fail_msg("%s%s: %s", wrong[i].settings, wrong[i].says, line);
        if (strchr(wrong[i].settings, '#') && strstr(wrong[i].settings, ":#"))
            continue; /* whose port it is only the one that runs can know */
        expect(DASHSPOOL(w->root, "config", "--check"), 2, wrong[i].says);
    }
    unlink(support_path(w->root, "pipeline.d/60-case.conf"));
    reload(f, GOOD);
    struct fleet_stats s = fleet_stats(f);
    assert_int_equal(s.broken, 0);
    assert_int_equal(s.refused, 0);
    assert_int_equal(s.connects, plan.cameras);
    assert_true(s.files > 0);
    fleet_wind_down(f);
    while (!fleet_run(f, clock_mono_us() + 1000000))
        continue;
    assert_int_equal(fleet_stats(f).broken, 0);
    assert_int_equal(support_count(w->log, "msg=\"started\" process=receive"), 1);
    assert_int_equal(support_count(w->log, "process ended"), 0);

    /* what is right is taken, and what is odd is told */
    write_case("[receive]\ntls_cert = @/server.pem\ntls_key = @/server.key\n"
               "allow = @/learned.txt\nlearn = yes\nlearn = yes\n[serve]\nenabled = yes\n"
               "listen = 127.0.0.1:0\ntls_cert = @/server.pem\ntls_key = @/server.key\n"
               "[watch]\nenabled = yes\ndirs = @/folder\n"
               "[convert]\nnote = depot # 7\n");
    support_write(support_path(w->root, "pipeline.d/70-off.conf.bak"), "", 0);
    expect_out(DASHSPOOL(w->root, "config", "--check"), 0, "settings are valid");
    expect_err(DASHSPOOL(w->root, "config", "--check"), 0, "60-case.conf:6: learn is set twice");
    expect_err(DASHSPOOL(w->root, "config", "--check"), 0, ".bak: not read");
    expect_err(DASHSPOOL(w->root, "config", "--check"), 0,
               "60-case.conf:16: note: the value has a #");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    support_wait(support_count(w->log, " (TLS)") == 1);
    support_wait(support_count(w->log, "msg=\"started\" process=watch") == 1);
    support_wait(support_count(w->log, "msg=\"started\" process=serve") == 1);
    assert_true(support_count(w->log, "line 5 does not count") > 0);
    /* whoever stays reads its certificate again */
    support_wait(support_count(w->log, "listening on 127.0.0.1:") > 0);
    certs_make(w->dir, "ca", "server", "IP:127.0.0.1");
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    support_wait(support_count(w->log, "level=info stage=serve msg=\"certificate reloaded\"") == 1);
    assert_int_equal(support_count(w->log, "msg=\"started\" process=serve"), 1);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
    fleet_free(&f);
}

/* A receiver by hand: its list and its certificate, both or neither. */
static void test_a_receiver_takes_all_that_it_reads_again_or_nothing(void **state)
{
    char text[2000], list[600], address[128];
    (void)state;
    snprintf(list, sizeof list, "%s/list.txt", w->dir);
    support_write(list, "352093081452251\n", 16);
    snprintf(text, sizeof text, "%sallow = %s\ntls_cert = %s/server.pem\ntls_key = %s/server.key\n",
             "[receive]\nlisten = 127.0.0.1:0\ntls_listen = 127.0.0.1:0\n", list, w->dir, w->dir);
    support_configure(w->root, text);
    workplace_start(w, DASHSPOOL_BINARY, "receive");
    workplace_listens(w);
    snprintf(address, sizeof address, "%s", w->address);
    support_write(list, "352093081452269\n", 16);
    certs_make(w->dir, "ca", "server", "IP:127.0.0.1");
    certs_end_in(w->dir, "server", -60);
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    support_wait(support_count(w->log, "certificate reload failed, keeping the old") == 1);
    assert_int_equal(support_count(w->log, "the certificate has expired"), 1);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", address, "--imei", "352093081452251",
                    "--photo-front", TEST_SAMPLES "/photo-720p.jpg"),
           0, "files uploaded: 1,"); /* by the old list */
    certs_make(w->dir, "ca", "server", "IP:127.0.0.1");
    support_write(list, "nonsense\n", 9);
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    support_wait(support_count(w->log, "allow-list reload failed, keeping the old list") == 1);
    assert_int_equal(support_count(w->log, "certificate reloaded"), 0);
    support_write(list, "352093081452269\n", 16);
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    support_wait(support_count(w->log, "certificate reloaded") == 1);
    assert_int_equal(support_count(w->log, "allow-list reloaded"), 1);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

/* Whatever is wrong when it begins, what works begins; and it is told. */
static void test_at_the_start_what_works_begins(void **state)
{
    (void)state;
    write_case("[watch]\nenabled = yes\ndirs = @/nope\n");
    workplace_start(w, DASHSPOOL_BINARY, "run");
    workplace_listens(w);
    support_wait(support_count(w->log, "wrong settings") == 1);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

/* What reads its settings once goes on with them, and says so. `makes`: when it hears signals. */
static void reload_by_hand(const char *command, const char *settings, const char *makes)
{
    write_case(settings);
    workplace_start(w, DASHSPOOL_BINARY, command);
    support_wait(support_exists(support_path(w->root, makes)));
    assert_int_equal(kill(w->service.pid, SIGHUP), 0);
    support_wait(support_count(w->log, "new settings are not taken while this runs") >= 1);
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

static void test_work_by_hand_does_not_end_by_a_reload(void **state)
{
    (void)state;
    reload_by_hand("work", "", "spool/convert/new");
}

static void test_serve_by_hand_does_not_end_by_a_reload(void **state)
{
    (void)state;
    reload_by_hand("serve", "[serve]\nenabled = yes\nlisten = 127.0.0.1:0\n", "catalogue.db");
}

static void test_watch_by_hand_does_not_end_by_a_reload(void **state)
{
    (void)state;
    reload_by_hand("watch", "[watch]\nenabled = yes\ndirs = @/folder\n", "catalogue.db");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_each_wrong_value_leaves_all_as_it_is),
        T(test_a_receiver_takes_all_that_it_reads_again_or_nothing),
        T(test_at_the_start_what_works_begins),
        T(test_work_by_hand_does_not_end_by_a_reload),
        T(test_serve_by_hand_does_not_end_by_a_reload),
        T(test_watch_by_hand_does_not_end_by_a_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
