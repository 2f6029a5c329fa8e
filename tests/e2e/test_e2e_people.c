/* People at the pages: logging in and out, sessions, roles on every route, and who means no good.
 */
#include "dashspool/clock.h"
#include "support/certs.h"
#include "support/http.h"
#include "support/nginx.h"
#include "support/proc.h"
#include "support/stored.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
    char *dir, root[512];
    struct proc server;
    bool running;
    int port;
    struct nginx nginx;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct stored s;
    w->dir = support_tmp_dir();
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    assert_int_equal(mkdir(w->root, 0700), 0);
    stored_open(&s, w->root);
    stored_close(&s);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    nginx_stop(&w->nginx);
    int status = w->running ? proc_stop(&w->server, SIGTERM) : 0;
    support_tmp_remove(&w->dir);
    free(w);
    assert_int_equal(status, 0);
    return 0;
}

static void start(struct world *w)
{
    char line[200];
    const char *argv[] = {DASHSPOOL_BINARY, "--root",      w->root, "serve",
                          "--listen",       "127.0.0.1:0", NULL};
    w->server = proc_start(support_path(w->dir, "serve.log"), argv);
    w->running = true;
    proc_wait_for(&w->server, "listening on 127.0.0.1:", line, sizeof line);
    w->port = (int)strtol(line, NULL, 10);
}

static void stop(struct world *w)
{
    assert_int_equal(proc_stop(&w->server, SIGTERM), 0);
    w->running = false;
    unlink(support_path(w->dir, "serve.log"));
}

static void add_person(const struct world *w, const char *name, const char *role, char token[64])
{
    struct proc_result r = DASHSPOOL(w->root, "user", "add", name, "--role", role);
    assert_int_equal(r.status, 0);
    snprintf(token, 64, "%.*s", (int)strcspn(proc_out(&r), "\n"), proc_out(&r));
    assert_int_equal(strlen(token), 43);
    assert_non_null(strstr(proc_err(&r), "shown this once"));
    proc_clear(&r);
}

static struct http_answer login(const struct world *w, const char *name, const char *token,
                                const char *headers)
{
    char form[400];
    snprintf(form, sizeof form, "to=%%2Fstatus&name=%s&token=%s", name, token);
    return http_post(w->port, "/login", headers, form);
}

/* Logs in; the header with its cookie. */
static void enter(const struct world *w, const char *name, const char *token, char cookie[256])
{
    struct http_answer a = login(w, name, token, "");
    assert_int_equal(a.status, 303);
    assert_has(a.text, "Location: /status\r\n");
    assert_has(a.text, "; HttpOnly; SameSite=Strict\r\n");
    snprintf(cookie, 256, "%s", http_cookie(&a));
    http_clear(&a);
}

static void test_who_is_added_logs_in_and_out(void **state)
{
    struct world *w = *state;
    char token[64], cookie[256], form[200];
    start(w);
    http_expect(w->port, "/status", "", 200); /* everybody at this computer */
    add_person(w, "anna", "viewer", token);
    http_expect(w->port, "/status", "", 401); /* at once */
    struct http_answer a = http_ask(w->port, "GET", "/login", "", NULL);
    assert_int_equal(a.status, 200);
    assert_has(a.body, "name=\"name\"");
    http_clear(&a);
    enter(w, "Anna", token, cookie);
    a = http_ask(w->port, "GET", "/status", cookie, NULL);
    assert_int_equal(a.status, 200);
    assert_has(a.body, "<span>anna ");
    snprintf(form, sizeof form, "csrf=%s", http_between(a.body, "name=\"csrf\" value=\"", "\""));
    http_clear(&a);
    a = http_post(w->port, "/logout", cookie, "csrf=0"); /* nobody else does it for her */
    assert_int_equal(a.status, 403);
    http_clear(&a);
    http_expect(w->port, "/status", cookie, 200);
    a = http_post(w->port, "/logout", cookie, form);
    assert_int_equal(a.status, 303);
    assert_has(a.text, "Max-Age=0");
    http_clear(&a);
    http_expect(w->port, "/status", cookie, 401); /* on the server, too */
    snprintf(form, sizeof form, "Authorization: Bearer %s\r\n", token);
    http_expect(w->port, "/status", form, 200);
    add_person(w, "jörg", "viewer", token);
    enter(w, "J%C3%96RG", token, cookie);
}

static void test_a_session_is_new_and_outlives_a_restart(void **state)
{
    struct world *w = *state;
    char token[64], cookie[256], planted[300], other[256];
    add_person(w, "anna", "viewer", token);
    start(w);
    snprintf(planted, sizeof planted, "Cookie: dashspool=%064d\r\n", 7);
    struct http_answer a = login(w, "anna", token, planted); /* by whoever wants to know it then */
    assert_int_equal(a.status, 303);
    snprintf(cookie, sizeof cookie, "%s", http_cookie(&a));
    http_clear(&a);
    assert_string_not_equal(cookie, planted);
    http_expect(w->port, "/status", planted, 401);
    a = login(w, "anna", token, cookie); /* again: the old one is over */
    snprintf(other, sizeof other, "%s", http_cookie(&a));
    http_clear(&a);
    http_expect(w->port, "/status", cookie, 401);
    http_expect(w->port, "/status", other, 200);
    struct buf kept = support_read(support_path(w->root, "access/sessions"));
    char value[80];
    snprintf(value, sizeof value, "%s", http_between(other, "dashspool=", "\r"));
    for (size_t i = 0; i + 64 <= kept.used; i++)
        assert_true(memcmp(buf_data(&kept) + i, value, 64) != 0); /* only its hash */
    buf_clear(&kept);
    stop(w);
    start(w);
    http_expect(w->port, "/status", other, 200);
}

static void test_who_is_changed_logs_in_again(void **state)
{
    struct world *w = *state;
    char anna[64], cookie[256];
    add_person(w, "anna", "viewer", anna);
    start(w);
    enter(w, "anna", anna, cookie);
    expect(DASHSPOOL(w->root, "user", "role", "anna", "--role", "admin"), 0, "another role");
    http_expect(w->port, "/status", cookie, 401);
    enter(w, "anna", anna, cookie);
    struct proc_result r = DASHSPOOL(w->root, "user", "renew", "anna");
    assert_int_equal(r.status, 0);
    snprintf(anna, sizeof anna, "%.*s", 43, proc_out(&r));
    proc_clear(&r);
    http_expect(w->port, "/status", cookie, 401);
    enter(w, "anna", anna, cookie);
    expect(DASHSPOOL(w->root, "user", "remove", "anna"), 0, "removed");
    http_expect(w->port, "/status", cookie, 401);
    struct http_answer a = login(w, "anna", anna, "");
    assert_int_equal(a.status, 401);
    http_clear(&a);
    expect_err(DASHSPOOL(w->root, "user", "add", "anna", "--role", "viewer"), 1, "or was");
    expect_out(DASHSPOOL(w->root, "user", "list"), 0, "removed");
    http_expect(w->port, "/status", "", 401); /* nobody is left: no door is open */
}

static void test_who_guesses_has_to_wait(void **state)
{
    struct world *w = *state;
    char anna[64], ben[64], form[80], cookie[256];
    add_person(w, "änna", "viewer", anna);
    add_person(w, "ben", "viewer", ben);
    start(w);
    for (int i = 0; i < 5; i++) {
        char words[60];
        struct http_answer a = login(w, "%C3%A4nna", i ? ben : "guess", "");
        assert_int_equal(a.status, 401);
        assert_has(a.body, "Name and token do not match.");
        snprintf(words, sizeof words, i == 3 ? "%d more time." : "%d more times.", 4 - i);
        assert_has(a.body, i < 4 ? words : "Wait 10 minutes");
        assert_null(strstr(a.text, "Set-Cookie"));
        http_clear(&a);
    }
    struct http_answer a = login(w, "%C3%84NNA", anna, ""); /* also the right one */
    assert_int_equal(a.status, 429);
    assert_has(a.text, "Retry-After: ");
    http_clear(&a);
    enter(w, "ben", ben, cookie); /* others at this address may */
    for (int i = 0; i < 15; i++) {
        snprintf(form, sizeof form, "nobody-%d", i);
        a = login(w, form, "guess", "");
        assert_int_equal(a.status, 401);
        http_clear(&a);
    }
    a = login(w, "ben", ben, "");
    assert_int_equal(a.status, 429);
    http_clear(&a);
    http_expect(w->port, "/status", cookie, 200); /* who is in stays in */
    /* What anybody may write is no other address. */
    a = login(w, "ben", ben, "X-Forwarded-For: 203.0.113.9\r\n");
    assert_int_equal(a.status, 429);
    http_clear(&a);
}

/* The clip of a transfer, and its viewing copy. */
#define CLIP "352093081452251-front-video-20241129T072345Z"
static void put_clip(const struct world *w)
{
    struct err err;
    struct stored s;
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .published = true};
    row.arrived_us = 1732866000 * INT64_C(1000000);
    row.known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK;
    assert_ok(clock_parse("2024-11-29T07:23:45Z", 0, &row.time_us, NULL, &err));
    snprintf(row.imei, sizeof row.imei, "352093081452251");
    snprintf(row.camera, sizeof row.camera, "front");
    snprintf(row.kind, sizeof row.kind, "video");
    stored_open(&s, w->root);
    stored_add(&s, &row, "clip", 4);
    assert_string_equal(row.id, CLIP);
    stored_copy(&s, w->root, &row, "viewing", CLIP ".viewing-DERIVED.mp4", "copy", 4);
    stored_close(&s);
}

static void test_who_looks_is_noted_for_a_while(void **state)
{
    struct world *w = *state;
    char anna[64], cookie[256], ranged[300];
    static const char play[] = "/copy/" CLIP "/" CLIP ".viewing-DERIVED.mp4";
    put_clip(w);
    add_person(w, "anna", "viewer", anna);
    assert_int_equal(mkdir(support_path(w->root, "access"), 0700), 0);
    support_write(support_path(w->root, "access/2020-01-01.jsonl"), "{}\n", 3);
    support_write(support_path(w->root, "access/notes.txt"), "mine", 4);
    start(w);
    enter(w, "anna", anna, cookie);
    http_expect(w->port, play, cookie, 200);
    snprintf(ranged, sizeof ranged, "%sRange: bytes=2-3\r\n", cookie);
    http_expect(w->port, play, ranged, 206); /* … goes on */
    http_expect(w->port, play, "", 401);
    assert_false(support_exists(support_path(w->root, "access/2020-01-01.jsonl")));
    assert_true(support_exists(support_path(w->root, "access/notes.txt")));
    int hers = 0, plays = 0; /* midnight may lie between them */
    for (int day = -1; day <= 0; day++) {
        char name[100], date[CLOCK_TEXT_ROOM];
        clock_rfc3339(clock_utc_us() + day * 86400 * INT64_C(1000000), 0, date);
        snprintf(name, sizeof name, "access/%.10s.jsonl", date);
        if (!support_exists(support_path(w->root, name)))
            continue;
        hers += support_count(support_path(w->root, name), "\"who\": \"anna\"");
        plays += support_count(support_path(w->root, name),
                               "\"from\": \"127.0.0.1\", \"did\": \"play\", \"of\": \"" CLIP);
    }
    assert_int_equal(hers, 2);
    assert_int_equal(plays, 1);
}

static void test_it_speaks_tls(void **state)
{
    struct world *w = *state;
    char url[100];
    certs_make_ca(w->dir, "ca");
    certs_make(w->dir, "ca", "server", "IP:127.0.0.1");
    certs_make(w->dir, "ca", "other", "IP:127.0.0.1");
    expect_err(DASHSPOOL(w->root, "serve", "--listen", "127.0.0.1:0", "--tls-cert",
                         support_path(w->dir, "server.pem"), "--tls-key",
                         support_path(w->dir, "other.key")),
               2, "not the key of the certificate");
    expect_err(DASHSPOOL(w->root, "serve", "--listen", "127.0.0.1:0", "--tls-cert",
                         support_path(w->dir, "server.pem")),
               2, "set both");
    char settings[1200];
    snprintf(settings, sizeof settings, "[serve]\ntls_cert = %s\ntls_key = %s\n",
             support_path(w->dir, "server.pem"), support_path(w->dir, "server.key"));
    support_configure(w->root, settings);
    start(w);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/healthz", w->port);
    expect_out(PROC_RUN("curl", "--silent", "--cacert", support_path(w->dir, "ca.pem"), url), 0,
               "ok");
    struct proc_result r = PROC_RUN("curl", "--silent", "--insecure", "--tls-max", "1.1", url);
    assert_int_not_equal(r.status, 0);
    proc_clear(&r);
    char token[64], form[200];
    add_person(w, "anna", "viewer", token);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/login", w->port);
    snprintf(form, sizeof form, "name=anna&token=%s", token);
    expect_out(PROC_RUN("curl", "--silent", "--include", "--cacert", support_path(w->dir, "ca.pem"),
                        "--data", form, url),
               0, "; SameSite=Strict; Secure");
}

static void give(const struct world *w, const char *ca)
{
    certs_make_ca(w->dir, ca);
    certs_make(w->dir, ca, "server", "IP:127.0.0.1");
}

/* As certbot does: the file's name is a link into a folder beside, to another one each time. */
static void give_by_link(const struct world *w, const char *ca)
{
    static const char *const ends[] = {"pem", "key"};
    char made[400], kept[500], link[400], target[100];
    give(w, ca);
    for (size_t i = 0; i < 2; i++) {
        snprintf(made, sizeof made, "%s/server.%s", w->dir, ends[i]);
        snprintf(target, sizeof target, "../archive/%s-%s", ca, ends[i]);
        snprintf(kept, sizeof kept, "%s/live/%s", w->dir, target);
        snprintf(link, sizeof link, "%s/live/server.%s", w->dir, ends[i]);
        assert_int_equal(rename(made, kept), 0);
        (void)unlink(link);
        assert_int_equal(symlink(target, link), 0);
    }
}

static int curl(const struct world *w, const char *ca)
{
    char url[100], file[20];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/healthz", w->port);
    snprintf(file, sizeof file, "%s.pem", ca);
    struct proc_result r =
        PROC_RUN("curl", "--silent", "--cacert", support_path(w->dir, file), url);
    int status = r.status;
    proc_clear(&r);
    return status;
}

static void ask_on(int fd)
{
    static const char ask[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    assert_int_equal(write(fd, ask, sizeof ask - 1), sizeof ask - 1);
}

/* Whoever comes gets the new certificate, whoever is there stays. */
static void test_a_certificate_is_read_again(void **state)
{
    struct world *w = *state;
    char settings[1200], command[2000], log[400], fifo[400];
    give(w, "old");
    snprintf(settings, sizeof settings, "[serve]\ntls_cert = %s\ntls_key = %s\n",
             support_path(w->dir, "server.pem"), support_path(w->dir, "server.key"));
    support_configure(w->root, settings);
    start(w);
    assert_int_equal(curl(w, "old"), 0);
    snprintf(log, sizeof log, "%s", support_path(w->dir, "client.log"));
    snprintf(fifo, sizeof fifo, "%s", support_path(w->dir, "fifo"));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    snprintf(command, sizeof command,
             "exec openssl s_client -quiet -verify_return_error -CAfile %s/old.pem -connect "
             "127.0.0.1:%d <%s",
             w->dir, w->port, fifo);
    const char *const argv[] = {"sh", "-c", command, NULL};
    struct proc client = proc_start(log, argv);
    int fd = open(fifo, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ask_on(fd);
    support_wait(support_count(log, "HTTP/1.1 200 OK") == 1);

    const char *said = support_path(w->dir, "serve.log");
    give(w, "new");
    assert_int_equal(kill(w->server.pid, SIGHUP), 0);
    support_wait(support_count(said, "certificate reloaded\"") == 1);
    assert_int_equal(curl(w, "new"), 0);
    assert_int_not_equal(curl(w, "old"), 0);
    ask_on(fd); /* by the old one */
    support_wait(support_count(log, "HTTP/1.1 200 OK") == 2);

    support_write(support_path(w->dir, "server.key"), "none", 4);
    assert_int_equal(kill(w->server.pid, SIGHUP), 0);
    support_wait(support_count(said, "certificate reload failed, keeping the old") == 1);
    assert_int_equal(curl(w, "new"), 0);
    assert_int_equal(unlink(support_path(w->dir, "server.pem")), 0);
    assert_int_equal(kill(w->server.pid, SIGHUP), 0);
    support_wait(support_count(said, "certificate reload failed, keeping the old") == 2);
    assert_int_equal(curl(w, "new"), 0);

    certs_make(w->dir, "new", "server", "IP:127.0.0.1");
    assert_int_equal(kill(w->server.pid, SIGHUP), 0);
    support_wait(support_count(said, "certificate reloaded\"") == 2);
    assert_int_equal(kill(w->server.pid, SIGHUP), 0);
    support_wait(support_count(said, "certificate reloaded: it is the same") == 1);
    assert_int_equal(curl(w, "new"), 0);
    ask_on(fd);
    support_wait(support_count(log, "HTTP/1.1 200 OK") == 3);
    close(fd);
    (void)proc_stop(&client, SIGTERM);
}

static void test_a_certificate_is_read_again_behind_links(void **state)
{
    struct world *w = *state;
    char settings[1200];
    assert_int_equal(mkdir(support_path(w->dir, "live"), 0755), 0);
    assert_int_equal(mkdir(support_path(w->dir, "archive"), 0755), 0);
    give_by_link(w, "old");
    snprintf(settings, sizeof settings,
             "[serve]\ntls_cert = %s/live/server.pem\ntls_key = %s/live/server.key\n", w->dir,
             w->dir);
    support_configure(w->root, settings);
    start(w);
    assert_int_equal(curl(w, "old"), 0);
    give_by_link(w, "new");
    assert_int_equal(kill(w->server.pid, SIGHUP), 0);
    support_wait(support_count(support_path(w->dir, "serve.log"), "certificate reload") == 1);
    assert_int_equal(curl(w, "new"), 0);
}

static void test_a_trusted_proxy_tells_who_asks(void **state)
{
    struct world *w = *state;
    char anna[64];
    add_person(w, "anna", "viewer", anna);
    support_configure(w->root, "[serve]\ntrusted_proxy = 127.0.0.0/8\n");
    start(w);
    if (!nginx_start(&w->nginx, w->dir, w->port, "proxy_set_header X-Forwarded-Proto https;"))
        skip();
    w->port = w->nginx.port;
    struct http_answer a = login(w, "anna", anna, "");
    assert_int_equal(a.status, 303);
    assert_has(a.text, "; SameSite=Strict; Secure\r\n"); /* the proxy says https */
    http_clear(&a);
    /* nginx appends the address that it sees; before it is what the client made up. Of two trusted
     * ones in a row, the next is believed: 127.0.0.1 is in the network. */
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "nobody-%d", i);
        a = login(w, name, "guess", "X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n");
        assert_int_equal(a.status, 401);
        http_clear(&a);
    }
    a = login(w, "anna", anna, "X-Forwarded-For: 2.2.2.2, 203.0.113.9\r\n");
    assert_int_equal(a.status, 429);
    http_clear(&a);
    a = login(w, "anna", anna, "X-Forwarded-For: 203.0.113.9, 203.0.113.10\r\n");
    assert_int_equal(a.status, 303);
    http_clear(&a);
}

static void test_a_proxy_without_people_is_refused(void **state)
{
    struct world *w = *state;
    support_configure(w->root, "[serve]\ntrusted_proxy = 127.0.0.1\n");
    expect_err(DASHSPOOL(w->root, "serve", "--listen", "127.0.0.1:0"), 2, "add people first");
    support_configure(w->root, "[serve]\ntrusted_proxy = proxy.example\n");
    expect_err(DASHSPOOL(w->root, "serve", "--listen", "127.0.0.1:0"), 2, "expected addresses");
}

/* Moved away, or not to be read: nobody is let in, and nobody has to start anew when it is back. */
static void test_no_door_opens_when_the_file_goes(void **state)
{
    struct world *w = *state;
    char token[64], bearer[120], away[600];
    const char *file = support_path(w->root, "people.db");
    add_person(w, "anna", "viewer", token);
    start(w);
    snprintf(bearer, sizeof bearer, "Authorization: Bearer %s\r\n", token);
    http_expect(w->port, "/status", bearer, 200);
    snprintf(away, sizeof away, "%s.away", file);
    assert_int_equal(rename(file, away), 0);
    http_expect(w->port, "/status", "", 503);
    http_expect(w->port, "/status", bearer, 503);
    support_write(file, "no database at all", 18);
    http_expect(w->port, "/status", "", 500);
    assert_int_equal(rename(away, file), 0);
    http_expect(w->port, "/status", "", 401);
    http_expect(w->port, "/status", bearer, 200);
}

static void test_a_backup_knows_them(void **state)
{
    struct world *w = *state;
    char token[64];
    const char *to = support_path(w->dir, "backup");
    add_person(w, "anna", "viewer", token);
    expect(DASHSPOOL(w->root, "backup", to), 0, "");
    add_person(w, "ben", "admin", token);
    expect(DASHSPOOL(w->root, "backup", to), 0, "");
    expect_out(DASHSPOOL(to, "user", "list"), 0, "anna");
    expect_out(DASHSPOOL(to, "user", "list"), 0, "ben");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_who_is_added_logs_in_and_out),     T(test_a_session_is_new_and_outlives_a_restart),
        T(test_who_is_changed_logs_in_again),     T(test_who_guesses_has_to_wait),
        T(test_who_looks_is_noted_for_a_while),   T(test_it_speaks_tls),
        T(test_a_certificate_is_read_again),      T(test_a_certificate_is_read_again_behind_links),
        T(test_a_trusted_proxy_tells_who_asks),   T(test_a_backup_knows_them),
        T(test_no_door_opens_when_the_file_goes), T(test_a_proxy_without_people_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
