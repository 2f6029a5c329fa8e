/* Each route of the pages, by each role; and requests of people who mean no good. */
#include "support/http.h"
#include "support/proc.h"
#include "support/stored.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the table: whoever adds a route says here who may ---- */

enum least { NOBODY, VIEWER, REVIEWER, ADMIN };
static const char *const least_names[] = {"NOBODY", "VIEWER", "REVIEWER", "ADMIN"};

static const struct row {
    const char *path;
    bool below, post;
    enum least least;
} rows[] = {
    {"/", false, false, VIEWER},
    {"/event/", true, false, VIEWER},
    {"/transfer/", true, false, VIEWER},
    {"/copy/", true, false, VIEWER},
    {"/original/", true, false, REVIEWER},
    {"/assets/", true, false, NOBODY},
    {"/healthz", false, false, NOBODY},
    {"/vehicles", false, false, VIEWER},
    {"/vehicle/", true, false, VIEWER},
    {"/map", false, false, VIEWER},
    {"/tiles/", true, false, VIEWER},
    {"/status", false, false, VIEWER},
    {"/requests", false, false, VIEWER},
    {"/live", false, false, VIEWER},
    {"/status.json", false, false, VIEWER},
    {"/metrics", false, false, VIEWER},
    {"/action", false, true, VIEWER}, /* each action has a role of its own: test_e2e_actions */
    {"/upload", false, false, REVIEWER},
    {"/upload", false, true, REVIEWER},
    {"/upload/new", false, true, REVIEWER},
    {"/upload/state", false, false, REVIEWER},
    {"/upload/put", false, true, REVIEWER},
    {"/upload/done", false, true, REVIEWER},
    {"/action/", true, false, VIEWER},
    {"/packages", false, false, VIEWER},
    {"/package/", true, false, REVIEWER},
};
enum { ROWS = sizeof rows / sizeof *rows };

struct world {
    char *dir, root[512];
    struct proc server;
    bool running;
    int port;
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
    int status = w->running ? proc_stop(&w->server, SIGTERM) : 0;
    support_tmp_remove(&w->dir);
    free(w);
    assert_int_equal(status, 0);
    return 0;
}

#define FOR_ALL "a-token-for-tests-0123456789"

static void start(struct world *w)
{
    char line[200];
    support_write(support_path(w->dir, "token"), FOR_ALL, strlen(FOR_ALL));
    const char *argv[] = {DASHSPOOL_BINARY,
                          "--root",
                          w->root,
                          "serve",
                          "--listen",
                          "127.0.0.1:0",
                          "--token-file",
                          support_path(w->dir, "token"),
                          NULL};
    w->server = proc_start(support_path(w->dir, "serve.log"), argv);
    w->running = true;
    proc_wait_for(&w->server, "listening on 127.0.0.1:", line, sizeof line);
    w->port = (int)strtol(line, NULL, 10);
}

/* Somebody who may ask: headers, and the CSRF token of a browser. */
struct asker {
    enum least role;
    char headers[400], csrf[WEB_CSRF_ROOM];
};

static void enter(const struct world *w, enum least role, struct asker *out)
{
    static const char *const names[] = {"", "viewer", "reviewer", "admin"};
    char form[200];
    struct proc_result r = DASHSPOOL(w->root, "user", "add", names[role], "--role", names[role]);
    assert_int_equal(r.status, 0);
    snprintf(form, sizeof form, "name=%s&token=%.43s", names[role], proc_out(&r));
    proc_clear(&r);
    struct http_answer a = http_post(w->port, "/login", "", form);
    assert_int_equal(a.status, 303);
    *out = (struct asker){.role = role};
    snprintf(out->headers, sizeof out->headers, "%s", http_cookie(&a));
    http_clear(&a);
    a = http_ask(w->port, "GET", "/status", out->headers, NULL);
    snprintf(out->csrf, sizeof out->csrf, "%s",
             http_between(a.body, "name=\"csrf\" value=\"", "\""));
    http_clear(&a);
}

/* The status that a row has for these headers; of a stream, without its end. */
static int status_of(const struct world *w, const struct row *row, const char *headers,
                     const char *csrf)
{
    char path[100], form[100], text[2000];
    int status = 0;
    snprintf(path, sizeof path, "%s%s", row->path, row->below ? "352093081452251" : "");
    snprintf(form, sizeof form, "csrf=%s", csrf);
    if (row->post) {
        struct http_answer a = http_post(w->port, path, headers, form);
        status = a.status;
        http_clear(&a);
        return status;
    }
    int fd = http_dial(w->port);
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", path,
                     headers);
    http_send(fd, text, (size_t)n);
    ssize_t got = recv(fd, text, sizeof text - 1, MSG_WAITALL * (strcmp(path, "/live") != 0));
    text[got > 0 ? got : 0] = '\0';
    close(fd);
    assert_int_equal(sscanf(text, "HTTP/1.1 %d", &status), 1);
    return status;
}

static void expect_role(const struct world *w, const struct row *row, const struct asker *asker)
{
    int status = status_of(w, row, asker->headers, asker->csrf);
    int refused = asker->role == NOBODY ? 401 : 403;
    bool may = asker->role >= row->least;
    if (may ? status == 401 || status == 403 : status != refused)
        fail_msg("%s %s as %s: %d", row->post ? "POST" : "GET", row->path, least_names[asker->role],
                 status);
}

/* ---- roles ---- */

/* The routes of serve.c are those above, with their roles. */
static void test_the_table_has_every_route(void **state)
{
    struct buf source = support_read(TEST_SOURCE_DIR "/../src/face/serve/serve.c");
    struct err err;
    int n = 0;
    (void)state;
    assert_ok(buf_append(&source, "", 1, &err));
    const char *at = strstr((const char *)buf_data(&source), "struct web_route routes[] = {");
    assert_non_null(at);
    for (at = strstr(at, "{\"/"); at; at = strstr(at + 1, "{\"/")) {
        char path[100], below[8], post[8], least[16];
        bool found = false;
        if (sscanf(at, "{\"%99[^\"]\", %7[a-z], %7[a-z], PEOPLE_%15[A-Z]", path, below, post,
                   least) != 4)
            continue;
        for (size_t i = 0; i < ROWS && !found; i++)
            found = strcmp(rows[i].path, path) == 0 &&
                    rows[i].below == (strcmp(below, "true") == 0) &&
                    rows[i].post == (strcmp(post, "true") == 0) &&
                    strcmp(least_names[rows[i].least], least) == 0;
        if (!found)
            fail_msg("%s (post: %s, %s) is not in the table of this test, or otherwise", path, post,
                     least);
        n++;
    }
    assert_int_equal(n, ROWS);
    buf_clear(&source);
}

static void test_each_role_may_what_the_table_says(void **state)
{
    struct world *w = *state;
    struct asker asker[5] = {{.role = NOBODY}};
    start(w);
    for (int role = VIEWER; role <= ADMIN; role++)
        enter(w, (enum least)role, &asker[role]);
    asker[4] = (struct asker){.role = VIEWER};
    snprintf(asker[4].headers, sizeof asker[4].headers, "Authorization: Bearer " FOR_ALL "\r\n");
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < 5; k++)
            expect_role(w, &rows[i], &asker[k]);
}

static void test_no_form_is_taken_without_its_own_token(void **state)
{
    struct world *w = *state;
    struct asker admin, viewer;
    char foreign[500];
    start(w);
    enter(w, ADMIN, &admin);
    enter(w, VIEWER, &viewer);
    snprintf(foreign, sizeof foreign, "%sOrigin: https://evil.example\r\n", admin.headers);
    for (size_t i = 0; i < ROWS; i++) {
        if (!rows[i].post)
            continue;
        assert_int_equal(status_of(w, &rows[i], admin.headers, ""), 403);
        assert_int_equal(status_of(w, &rows[i], admin.headers, viewer.csrf), 403);
        assert_int_equal(status_of(w, &rows[i], foreign, admin.csrf), 403);
    }
    /* of web itself: whoever is logged in; and without any form */
    static const struct row logout = {"/logout", false, true, VIEWER};
    assert_int_equal(status_of(w, &logout, admin.headers, ""), 403);
    assert_int_equal(status_of(w, &logout, admin.headers, viewer.csrf), 403);
    assert_int_equal(status_of(w, &logout, foreign, admin.csrf), 403);
    for (int i = 0; i < 3; i++) {
        static const char *const types[] = {"", "Content-Type: text/plain\r\n",
                                            "Content-Type: multipart/form-data\r\n"};
        char headers[600];
        snprintf(headers, sizeof headers, "%s%s", admin.headers, types[i]);
        struct http_answer a = http_ask(w->port, "POST", "/logout", headers, i == 0 ? "" : "x");
        assert_int_equal(a.status, 403);
        http_clear(&a);
    }
    http_expect(w->port, "/status", admin.headers, 200);
    assert_int_equal(status_of(w, &logout, admin.headers, admin.csrf), 303);
    http_expect(w->port, "/status", admin.headers, 401);
}

/* ---- what comes in on the wire ---- */

/* Sends it as it is; the status of each answer, up to 8. */
static int statuses(const struct world *w, const char *text, size_t n, int out[8])
{
    int fd = http_dial(w->port), found = 0;
    http_send(fd, text, n);
    shutdown(fd, SHUT_WR);
    struct http_answer a = http_read(fd);
    if (a.status)
        out[found++] = a.status;
    for (const char *at = a.body; a.body && found < 8 && (at = strstr(at, "HTTP/1.1 ")); at++)
        out[found++] = (int)strtol(at + 9, NULL, 10);
    http_clear(&a);
    return found;
}

/* Of the first answer, without waiting for the connection's end; 0: it was ended instead. */
static int first_status(const struct world *w, const char *text, size_t n)
{
    char answer[64];
    int status = 0, fd = http_dial(w->port);
    http_send(fd, text, n);
    ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    answer[got > 0 ? got : 0] = '\0';
    close(fd);
    (void)sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

/* A proxy in front and this server must see the same requests: a second one that is hidden in the
 * body of the first is never answered. */
static void test_no_request_hides_in_another(void **state)
{
    struct world *w = *state;
    static const char *const heads[] = {
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 500\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 99999999999999999999999\r\n",
    };
    start(w);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char text[1000];
        int got[8];
        int n = snprintf(text, sizeof text,
                         "POST /nothing HTTP/1.1\r\nHost: localhost\r\n%s\r\n0\r\n\r\n"
                         "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                         heads[i]);
        int answers = statuses(w, text, (size_t)n, got);
        /* Each of them is one that ends the connection, or is refused. */
        for (int k = 0; k < answers; k++)
            if (got[k] == 200)
                fail_msg("hidden behind %s: answered", heads[i]);
        http_expect(w->port, "/healthz", "", 200);
    }
}

static void test_malformed_requests_do_no_harm(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET http://evil.example/status HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /status HTTP/1.1\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET /status%00.json HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /%2e%2e/people.db HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /assets/%2e%2e%2f%2e%2e%2fpeople.db HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /copy/..%2f..%2fpeople.db/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /package/..%2fpeople.db HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /tiles/../../people.db HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: localhost\r\nCookie: dashspool=\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: localhost\r\nCookie: dashspool=x; dashspool=y\r\n\r\n",
        "GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer\r\n\r\n",
        "GET /assets/style.css HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-0,1-1\r\n\r\n",
    };
    start(w);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int status = first_status(w, texts[i], strlen(texts[i]));
        if (status >= 500 && status != 505)
            fail_msg("%s: %d", texts[i], status);
        if (strstr(texts[i], "people.db") || strstr(texts[i], "Host: b"))
            assert_true(status == 401 || status == 404 || status == 400);
    }
    http_expect(w->port, "/healthz", "", 200);
}

/* Headers and addresses that are longer than any of ours, and cookies of sessions that are not. */
static void test_long_and_made_up_headers_are_refused(void **state)
{
    struct world *w = *state;
    enum { LONG = 60000 };
    char *text = malloc(LONG + 200), headers[200];
    start(w);
    memset(text, 'a', LONG + 200);
    memcpy(text, "GET /", 5);
    memcpy(text + LONG, " HTTP/1.1\r\nHost: localhost\r\n\r\n", 31);
    int status = first_status(w, text, LONG + 30);
    assert_true(status == 0 || (status >= 400 && status < 500));
    memset(text, 'a', LONG);
    memcpy(text, "GET /status HTTP/1.1\r\nHost: localhost\r\nCookie: dashspool=", 57);
    memcpy(text + LONG, "\r\n\r\n", 5);
    status = first_status(w, text, LONG + 4);
    assert_true(status == 0 || (status >= 400 && status < 500));
    for (int i = 0; i < 16; i++) {
        snprintf(headers, sizeof headers, "Cookie: dashspool=%064x\r\n", (unsigned)i);
        http_expect(w->port, "/status", headers, 401);
    }
    free(text);
    http_expect(w->port, "/healthz", "", 200);
}

/* Whoever says who he is, or what he is called, is not believed. */
static void test_what_headers_claim_is_not_believed(void **state)
{
    struct world *w = *state;
    static const char *const lies[] = {"X-Forwarded-For: 127.0.0.1\r\n",
                                       "X-Real-IP: 127.0.0.1\r\n",
                                       "Forwarded: for=127.0.0.1;proto=https\r\n",
                                       "X-Forwarded-User: admin\r\n",
                                       "Remote-User: admin\r\n",
                                       "X-Original-URL: /healthz\r\n",
                                       "X-HTTP-Method-Override: GET\r\n"};
    char form[100];
    start(w);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        http_expect(w->port, "/status", lies[i], 401);
    /* without a trusted proxy no cookie is Secure by somebody's word */
    snprintf(form, sizeof form, "token=" FOR_ALL);
    struct http_answer a = http_post(w->port, "/login", "X-Forwarded-Proto: https\r\n", form);
    assert_int_equal(a.status, 303);
    assert_null(strstr(a.text, "; Secure"));
    http_clear(&a);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_has_every_route),
        T(test_each_role_may_what_the_table_says),
        T(test_no_form_is_taken_without_its_own_token),
        T(test_no_request_hides_in_another),
        T(test_malformed_requests_do_no_harm),
        T(test_long_and_made_up_headers_are_refused),
        T(test_what_headers_claim_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
