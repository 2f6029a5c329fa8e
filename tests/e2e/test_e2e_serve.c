/* The pages for a browser, as browsers, programs and people who mean no good ask for them. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/clock.h"
#include "dashspool/sandbox.h"
#include "support/proc.h"
#include "support/sql.h"
#include "support/stored.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMEI  "352093081452251"
#define CLIP  IMEI "-front-video-20241129T072345Z"
#define PHOTO IMEI "-front-photo-20241129T072345Z"
#define COPY  CLIP ".viewing-DERIVED.mp4"
#define TOKEN "a-token-for-tests-0123456789"

enum { CLIP_BYTES = 200000, COPY_BYTES = 100000 };

struct world {
    char *dir;
    char root[512], port[8];
    struct proc server;
    bool running;
    uint8_t clip[CLIP_BYTES], copy[COPY_BYTES];
};

struct page {
    int status;
    char *text;       /* all of it, NUL-ended */
    const char *body; /* in it */
    size_t body_n;
};

/* ---- the store ---- */

static void add(struct world *w, const char *camera, const char *kind, const char *trigger,
                const char *time, const void *data, size_t n)
{
    struct err err;
    struct stored s;
    struct catalogue_transfer row = {.state = CATALOGUE_STORED, .published = true};
    row.arrived_us = 1732866000 * INT64_C(1000000);
    row.known = CATALOGUE_HAS_META | CATALOGUE_TIME_OK;
    assert_ok(clock_parse(time, 0, &row.time_us, NULL, &err));
    snprintf(row.imei, sizeof row.imei, IMEI);
    snprintf(row.camera, sizeof row.camera, "%s", camera);
    snprintf(row.kind, sizeof row.kind, "%s", kind);
    snprintf(row.trigger_name, sizeof row.trigger_name, "%s", trigger);
    stored_open(&s, w->root);
    stored_add(&s, &row, data, n);
    if (strcmp(row.id, CLIP) == 0)
        stored_copy(&s, w->root, &row, "viewing", COPY, w->copy, sizeof w->copy);
    struct catalogue_copy still = {.kind = "still", .path = "archive/still.jpg"};
    snprintf(still.settings, sizeof still.settings, "{\"damage\":{\"damaged\":1}}");
    if (strcmp(kind, "photo") == 0)
        assert_ok(catalogue_copy_put(s.catalogue, row.key, &still, &err));
    stored_close(&s);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->dir = support_tmp_dir();
    snprintf(w->root, sizeof w->root, "%s/root", w->dir);
    assert_int_equal(mkdir(w->root, 0700), 0);
    for (size_t i = 0; i < sizeof w->clip; i++)
        w->clip[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t i = 0; i < sizeof w->copy; i++)
        w->copy[i] = (uint8_t)(i * 13 + i / 253);
    add(w, "front", "video", "crash", "2024-11-29T07:23:45Z", w->clip, sizeof w->clip);
    add(w, "front", "photo", "<q>\"'&", "2024-11-29T07:23:45Z", "photo", 5);
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

static const char *in_dir(const struct world *w, const char *name)
{
    return support_path(w->dir, name);
}

/* token: NULL: none is needed */
static void start(struct world *w, const char *token)
{
    char line[200];
    const char *argv[] = {DASHSPOOL_BINARY, "--root",       w->root, "serve", "--listen",
                          "127.0.0.1:0",    "--token-file", NULL,    NULL};
    if (token)
        support_write(in_dir(w, "token"), token, strlen(token));
    argv[token ? 7 : 6] = token ? in_dir(w, "token") : NULL;
    w->server = proc_start(in_dir(w, "serve.log"), argv);
    w->running = true;
    proc_wait_for(&w->server, "listening on 127.0.0.1:", line, sizeof line);
    snprintf(w->port, sizeof w->port, "%.*s", (int)strcspn(line, " \n"), line);
}

/* ---- a browser ---- */

static int dial(const struct world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)strtol(w->port, NULL, 10))};
    struct timeval limit = {.tv_sec = 60};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Status 0: there was no answer. */
static struct page read_page(int fd)
{
    struct page p = {.status = 0};
    struct buf b;
    struct err err;
    char some[65536];
    ssize_t n;
    buf_init(&b, 4 << 20);
    while ((n = recv(fd, some, sizeof some, 0)) > 0)
        assert_ok(buf_append(&b, some, (size_t)n, &err));
    close(fd);
    assert_ok(buf_append(&b, "", 1, &err));
    p.text = malloc(b.used);
    memcpy(p.text, buf_data(&b), b.used);
    char *end = memmem(p.text, b.used, "\r\n\r\n", 4);
    if (!end || sscanf(p.text, "HTTP/1.1 %d", &p.status) != 1) {
        buf_clear(&b);
        return p;
    }
    end[2] = '\0';
    p.body = end + 4;
    p.body_n = b.used - 1 - (size_t)(p.body - p.text);
    buf_clear(&b);
    return p;
}

/* headers: lines with their \r\n; Host is ours unless they have one. */
static struct page ask(const struct world *w, const char *method, const char *path,
                       const char *headers)
{
    char text[2000];
    int fd = dial(w);
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\n%sConnection: close\r\n%s\r\n", method,
                     path, strstr(headers, "Host:") ? "" : "Host: localhost\r\n", headers);
    assert_int_equal(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
    return read_page(fd);
}

static struct page get(const struct world *w, const char *path)
{
    return ask(w, "GET", path, "");
}

static void assert_status(const struct world *w, const char *path, const char *headers, int status)
{
    struct page p = ask(w, "GET", path, headers);
    if (p.status != status)
        fail_msg("%s: %d instead of %d: %s\n%s", path, p.status, status, p.text,
                 p.body ? p.body : "");
    free(p.text);
}

/* ---- pages ---- */

static void test_what_came_is_listed_and_each_has_its_page(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    struct page p = get(w, "/");
    assert_int_equal(p.status, 200);
    assert_has(p.body, "<a href=\"/event/" CLIP "\">");
    assert_has(p.body, IMEI "</a>");
    assert_has(p.body, "Damaged</span>");
    free(p.text);
    struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "--root", w->root, "list");
    assert_int_equal(r.status, 0);
    assert_non_null(strstr(proc_out(&r), "  stored "));
    assert_non_null(strstr(proc_out(&r), "  damaged "));
    proc_clear(&r);
    p = get(w, "/event/" PHOTO);
    assert_has(p.body, "<span class=\"badge warn\">");
    free(p.text);
    p = get(w, "/event/" CLIP);
    assert_int_equal(p.status, 200);
    assert_has(p.body, " src=\"/copy/" CLIP "/" COPY "\" aria-label=\"Front video\"></video>");
    assert_has(p.body, "/original/" CLIP);
    assert_has(p.body, "<th scope=\"row\">Arrived</th>");
    free(p.text);
    assert_status(w, "/healthz", "", 200);
    assert_status(w, "/assets/style.css", "", 200);
    assert_status(w, "/assets/../people.db", "", 404);
    assert_status(w, "/event/" CLIP "x", "", 404);
    assert_status(w, "/nothing", "", 404);
}

static void test_the_status_is_a_page_and_metrics(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    struct page p = get(w, "/status");
    assert_int_equal(p.status, 200);
    assert_has(p.body, "<h1>Status</h1>");
    assert_has(p.body, "<dt>Originals</dt><dd>");
    free(p.text);
    p = get(w, "/metrics");
    assert_int_equal(p.status, 200);
    assert_has(p.text, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_has(p.body, "\ndashspool_transfers{");
    free(p.text);
    p = get(w, "/status.json");
    assert_int_equal(p.status, 200);
    assert_has(p.body, "\"stored\": 2");
    free(p.text);
}

static void test_no_page_brings_anything_from_elsewhere(void **state)
{
    struct world *w = *state;
    static const char *const pages[] = {"/",
                                        "/status",
                                        "/event/" CLIP,
                                        "/event/" PHOTO,
                                        "/nothing",
                                        "/copy/" CLIP "/" COPY,
                                        "/original/" CLIP,
                                        "/healthz"};
    start(w, NULL);
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct page p = get(w, pages[i]);
        assert_has(p.text, "Content-Security-Policy: default-src 'none'; style-src 'self'; "
                           "script-src 'self'; connect-src 'self'; ");
        assert_has(p.text, "X-Content-Type-Options: nosniff\r\n");
        assert_has(p.text, "Referrer-Policy: same-origin\r\n");
        if (strstr(p.text, "Content-Type: text/html")) {
            assert_null(strstr(p.body, "<script>")); /* none in the page */
            assert_null(strstr(p.body, "http://"));
            assert_null(strstr(p.body, "https://"));
            assert_null(strstr(p.body, "style="));
        }
        free(p.text);
    }
}

static void test_what_others_said_is_text(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    struct page p = get(w, "/");
    assert_has(p.body, "&lt;q&gt;&quot;&#39;&amp;</span>");
    assert_null(strstr(p.body, "<q>"));
    free(p.text);
    p = get(w, "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&trigger=%00x");
    assert_null(strstr(p.body, "<script>"));
    assert_has(p.body, "value=\"&quot;&gt;&lt;script&gt;");
    free(p.text);
    p = get(w, "/?q=%E2%80%AEx%C2%85%0A%1B%FFy");
    assert_has(p.body, "value=\"\\u202ex\\u0085\\u000a\\u001b\\xffy\"");
    free(p.text);
    p = get(w, "/event/%3Cscript%3E");
    assert_int_equal(p.status, 404);
    assert_null(strstr(p.body, "<script>"));
    free(p.text);
}

static void test_nothing_can_be_changed(void **state)
{
    struct world *w = *state;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"};
    start(w, NULL);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct page p = ask(w, methods[i], "/original/" CLIP, "Content-Length: 0\r\n");
        assert_int_equal(p.status, 405);
        assert_has(p.text, "Allow: GET, HEAD\r\n");
        free(p.text);
    }
    struct page p = ask(w, "HEAD", "/event/" CLIP, "");
    assert_int_equal(p.status, 200);
    assert_int_equal(p.body_n, 0);
    free(p.text);
}

/* ---- copies ---- */

static void assert_part(const struct world *w, const char *range, int status, size_t from, size_t n)
{
    char header[200], expected[80];
    snprintf(header, sizeof header, "Range: %s\r\n", range);
    struct page p = ask(w, "GET", "/copy/" CLIP "/" COPY, header);
    if (p.status != status || p.body_n != n || memcmp(p.body, w->copy + from, n) != 0)
        fail_msg("%s: %d, %zu bytes: %s", range, p.status, p.body_n, p.text);
    snprintf(expected, sizeof expected, "Content-Range: bytes %zu-%zu/%d\r\n", from, from + n - 1,
             COPY_BYTES);
    if (status == 206)
        assert_has(p.text, expected);
    if (status == 416)
        assert_has(p.text, "Content-Range: bytes */100000\r\n");
    free(p.text);
}

static void test_a_copy_comes_whole_or_in_parts(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    struct page p = get(w, "/copy/" CLIP "/" COPY);
    assert_int_equal(p.status, 200);
    assert_int_equal(p.body_n, COPY_BYTES);
    assert_memory_equal(p.body, w->copy, COPY_BYTES);
    assert_has(p.text, "Content-Type: video/mp4\r\n");
    assert_has(p.text, "Accept-Ranges: bytes\r\n");
    assert_has(p.text, "Content-Disposition: inline; filename=\"" COPY "\"\r\n");
    free(p.text);
    assert_part(w, "bytes=0-9", 206, 0, 10);
    assert_part(w, "bytes=5000-", 206, 5000, COPY_BYTES - 5000);
    assert_part(w, "bytes=-10", 206, COPY_BYTES - 10, 10);
    assert_part(w, "bytes=-999999", 206, 0, COPY_BYTES);
    assert_part(w, "bytes=99999-", 206, 99999, 1);
    assert_part(w, "bytes=99990-200000", 206, 99990, 10);
    assert_part(w, "bytes=100000-", 416, 0, 0);
    assert_part(w, "bytes=-0", 416, 0, 0);
    static const char *const not_understood[] = {"bytes=0-1,5-6",
                                                 "bytes=9-1",
                                                 "bytes=",
                                                 "bytes=-",
                                                 "bytes=x-1",
                                                 "lines=1-2",
                                                 "bytes=1-99999999999999999999999"};
    for (size_t i = 0; i < sizeof not_understood / sizeof *not_understood; i++)
        assert_part(w, not_understood[i], 200, 0, COPY_BYTES);
    p = ask(w, "GET", "/copy/" CLIP "/" COPY, "Range: bytes=0-9\r\nIf-Range: \"other\"\r\n");
    assert_int_equal(p.status, 200);
    free(p.text);
}

static void sql(const struct world *w, const char *text)
{
    sql_change(support_path(w->root, "catalogue.db"), text);
}

static void test_no_name_leads_out_of_the_archive(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {
        "/copy/" CLIP "/../../../catalogue.db",
        "/copy/" CLIP "/%2e%2e%2f%2e%2e%2fcatalogue.db",
        "/copy/" CLIP "//etc/passwd",
        "/copy/../" CLIP "/" COPY,
        "/copy/" CLIP "/archive/" COPY,
        "/copy/" CLIP "/",
        "/copy/" CLIP,
        "/original/../catalogue.db",
        "/transfer/../../x",
        "/original/" CLIP "/..",
        "/copy/%00/" COPY,
        "//etc/passwd",
    };
    start(w, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_status(w, names[i], "", 404);
    /* nor does what stands in the catalogue */
    support_write(in_dir(w, "outside.mp4"), w->copy, sizeof w->copy);
    sql(w, "UPDATE copy SET path = 'archive/../../outside.mp4' WHERE kind = 'viewing'");
    assert_status(w, "/copy/" CLIP "/outside.mp4", "", 404);
    sql(w, "UPDATE copy SET path = 'catalogue.db' WHERE kind = 'viewing'");
    assert_status(w, "/copy/" CLIP "/catalogue.db", "", 404);
    assert_int_equal(symlink(in_dir(w, "outside.mp4"), support_path(w->root, "archive/link.mp4")),
                     0);
    sql(w, "UPDATE copy SET path = 'archive/link.mp4' WHERE kind = 'viewing'");
    assert_status(w, "/copy/" CLIP "/link.mp4", "", 404);
}

/* ---- originals ---- */

/* The pages put a job, `work` writes what it says. */
static int count_shown(struct world *w)
{
    expect(DASHSPOOL(w->root, "work", "--once", "--stage", "action"), 0, "");
    struct proc_result r = DASHSPOOL(w->root, "show", "--custody", CLIP);
    int n = 0;
    for (const char *at = proc_out(&r); (at = strstr(at, "\"event\":\"shown\"")) != NULL; at++)
        n++;
    if (n > 0)
        assert_has(proc_out(&r), "\"who\":\"somebody at 127.0.0.1\"");
    proc_clear(&r);
    return n;
}

static void test_who_is_shown_an_original_is_in_its_custody(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    struct page p = ask(w, "HEAD", "/original/" CLIP, "");
    assert_int_equal(p.status, 200);
    free(p.text);
    assert_status(w, "/original/" CLIP, "Sec-Fetch-Site: cross-site\r\n", 400);
    assert_int_equal(count_shown(w), 0);
    p = get(w, "/original/" CLIP);
    assert_int_equal(p.status, 200);
    assert_int_equal(p.body_n, CLIP_BYTES);
    assert_memory_equal(p.body, w->clip, CLIP_BYTES);
    assert_has(p.text, "Content-Disposition: attachment; filename=\"" CLIP ".h265\"\r\n");
    assert_has(p.text, "Content-Type: application/octet-stream\r\n");
    free(p.text);
    assert_int_equal(count_shown(w), 1);
    p = ask(w, "GET", "/original/" CLIP, "Range: bytes=0-9\r\n"); /* all of it, or nothing */
    assert_int_equal(p.status, 200);
    assert_int_equal(p.body_n, CLIP_BYTES);
    free(p.text);
    assert_int_equal(count_shown(w), 2);
}

static void test_a_changed_original_does_not_come_to_its_end(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    sql(w,
        "UPDATE transfer SET sha256 = replace(hex(zeroblob(32)), '0', 'a') WHERE kind = 'video'");
    struct page p = get(w, "/original/" CLIP);
    assert_int_equal(p.status, 200);
    assert_has(p.text, "Content-Length: 200000\r\n");
    assert_true(p.body_n < CLIP_BYTES);
    assert_null(strstr(p.text, "ETag")); /* it would be a wrong one */
    free(p.text);
    assert_true(support_count(w->server.log, "received as") > 0);
}

/* ---- who may look ---- */

static void assert_old_is_refused(const struct world *w)
{
    static const char text[] = "GET /original/" CLIP " HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n";
    int fd = dial(w);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    struct page p = read_page(fd);
    assert_int_equal(p.status, 403);
    free(p.text);
}

static void test_without_a_token_it_is_for_this_computer_only(void **state)
{
    struct world *w = *state;
    static const char *const everywhere[] = {"0.0.0.0:0", "[::]:0", "203.0.113.1:7180"};
    for (size_t i = 0; i < 3; i++) {
        expect_err(DASHSPOOL(w->root, "serve", "--listen", everywhere[i]), 2,
                   "anyone who can reach this address could see all footage");
    }
    start(w, NULL);
    assert_status(w, "/", "Host: 127.0.0.1:7180\r\n", 200);
    assert_status(w, "/", "Host: [::1]:7180\r\n", 200);
    assert_status(w, "/", "Host: LOCALHOST\r\n", 200);
    /* what another site made point here */
    assert_status(w, "/", "Host: evil.example:7180\r\n", 403);
    assert_status(w, "/", "Host: 127.0.0.1.evil.example\r\n", 403);
    assert_status(w, "/original/" CLIP, "Host: localhost.evil.example\r\n", 403);
    /* what a web server in front hands on, whose defaults make Host this computer's */
    static const char *const handed_on[] = {"X-Forwarded-For: 127.0.0.1\r\n", "Via: 1.1 web\r\n",
                                            "Forwarded: for=127.0.0.1\r\n",
                                            "X-Real-IP: 127.0.0.1\r\n"};
    for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++) {
        assert_status(w, "/original/" CLIP, handed_on[i], 403);
        assert_status(w, "/healthz", handed_on[i], 200);
    }
    assert_old_is_refused(w);
    assert_int_equal(count_shown(w), 0);
}

/* The form of the page that asks for the token. */
static struct page login(const struct world *w, const char *form)
{
    char head[300];
    int fd = dial(w);
    int n = snprintf(head, sizeof head,
                     "POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Content-Type: application/x-www-form-urlencoded\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     strlen(form));
    assert_int_equal(send(fd, head, (size_t)n, MSG_NOSIGNAL), n);
    send(fd, form, strlen(form), MSG_NOSIGNAL);
    return read_page(fd);
}

static void test_with_a_token_only_who_has_it(void **state)
{
    struct world *w = *state;
    char header[300], *cookie;
    start(w, TOKEN "\n");
    assert_status(w, "/", "", 401);
    assert_status(w, "/original/" CLIP, "", 401);
    assert_status(w, "/nothing", "", 401);
    assert_status(w, "/metrics", "", 401);
    assert_status(w, "/status", "", 401);
    assert_status(w, "/", "Authorization: Bearer " TOKEN "x\r\n", 401);
    assert_status(w, "/", "Authorization: Bearer \r\n", 401);
    assert_status(w, "/?token=" TOKEN "x", "", 401);
    assert_status(w, "/?token=" TOKEN, "", 401); /* an old link: a page that asks */
    assert_status(w, "/", "Cookie: dashspool=" TOKEN "\r\n", 401);
    assert_status(w, "/", "Authorization: Bearer " TOKEN "\r\n", 200);
    assert_status(w, "/", "Host: cams.example\r\nAuthorization: Bearer " TOKEN "\r\n", 200);
    assert_status(w, "/healthz", "", 200);
    assert_int_equal(count_shown(w), 0);
    struct page p = get(w, "/event/" CLIP "?token=" TOKEN);
    assert_int_equal(p.status, 401);
    assert_has(p.body, "method=\"post\" action=\"/login\">");
    assert_has(p.body, "name=\"to\" value=\"/event/" CLIP "\"");
    assert_null(strstr(p.text, TOKEN));
    assert_null(strstr(p.text, "Set-Cookie"));
    free(p.text);
    p = login(w, "token=" TOKEN "x&to=/");
    assert_int_equal(p.status, 401);
    free(p.text);
    p = login(w, "token=" TOKEN "&to=%2Fevent%2F" CLIP);
    assert_int_equal(p.status, 303);
    assert_has(p.text, "Location: /event/" CLIP "\r\n");
    assert_null(strstr(p.text, TOKEN));
    cookie = strstr(p.text, "Set-Cookie: ");
    assert_non_null(cookie);
    assert_has(cookie, "; HttpOnly; SameSite=Strict\r\n");
    snprintf(header, sizeof header, "Cookie: %.*s\r\n", (int)strcspn(cookie + 12, ";"),
             cookie + 12);
    free(p.text);
    assert_status(w, "/event/" CLIP, header, 200);
    static const char *const elsewhere[] = {"//evil.example/", "https://evil.example", "\\\\evil"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        char form[300];
        snprintf(form, sizeof form, "to=%s&token=" TOKEN, elsewhere[i]);
        p = login(w, form);
        assert_int_equal(p.status, 303);
        assert_has(p.text, "Location: /\r\n");
        free(p.text);
    }
    char *big = calloc(1, 100001);
    memset(big, 'x', 100000); /* is not read to its end */
    p = login(w, big);
    assert_true(p.status != 303 && p.status != 200);
    free(p.text);
    free(big);
    assert_status(w, "/login", header, 200);
    p = ask(w, "POST", "/", header);
    assert_int_equal(p.status, 405);
    free(p.text);
}

static void test_a_token_that_is_none_is_refused(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"", "short", "fifteen-letters\n", "one with spaces in it\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        support_write(in_dir(w, "token"), bad[i], strlen(bad[i]));
        expect_err(DASHSPOOL(w->root, "serve", "--listen", "0.0.0.0:0", "--token-file",
                             in_dir(w, "token")),
                   2, "token_file");
    }
}

/* ---- trouble ---- */

static void test_many_connections_and_half_requests_do_no_harm(void **state)
{
    struct world *w = *state;
    int fd[200];
    char big[60000];
    start(w, NULL);
    for (int i = 0; i < 200; i++) {
        fd[i] = dial(w);
        send(fd[i], "GET / HT", 8, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 200; i++)
        close(fd[i]);
    int64_t until_us = clock_mono_us() + 60 * INT64_C(1000000);
    for (int status = 0; status == 0 && clock_mono_us() < until_us;) { /* it is told by and by */
        struct page first = get(w, "/");
        status = first.status;
        free(first.text);
    }
    assert_status(w, "/", "", 200);
    memset(big, 'x', sizeof big); /* longer than any request */
    int one = dial(w);
    send(one, "GET /", 5, MSG_NOSIGNAL);
    send(one, big, sizeof big, MSG_NOSIGNAL);
    close(one);
    one = dial(w);
    send(one, "\x16\x03\x01\x02 no HTTP\r\n\r\n", 16, MSG_NOSIGNAL);
    close(one);
    assert_status(w, "/", "", 200);
    struct page p = ask(w, "GET", "/original/" CLIP, "");
    assert_int_equal(p.body_n, CLIP_BYTES);
    free(p.text);
}

/* Slow ones of the same address, which go on and on, do not keep it out. */
static void test_dripping_connections_keep_nobody_out(void **state)
{
    enum { SLOW = 60 };
    static const char good_so_far[] = "GET / HTTP/1.1\r\nX-Slow: ";
    struct world *w = *state;
    int fd[SLOW], open = 0;
    char byte;
    start(w, NULL);
    for (int i = 0; i < SLOW; i++) {
        fd[i] = dial(w);
        send(fd[i], good_so_far, strlen(good_so_far), MSG_NOSIGNAL);
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < SLOW; i++)
            send(fd[i], "x", 1, MSG_NOSIGNAL);
        assert_status(w, "/", "", 200);
    }
    for (int i = 0; i < SLOW; i++) {
        open += recv(fd[i], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
        if (i + 1 < SLOW)
            close(fd[i]);
    }
    assert_in_range(open, 1, 32);
    /* A request that is never whole comes to its end, whatever drips. */
    for (int64_t until_us = 0; send(fd[SLOW - 1], "x", 1, MSG_NOSIGNAL) == 1;)
        support_wait_a_little(&until_us, "the end of a request that drips");
    close(fd[SLOW - 1]);
}

static void test_a_changed_copy_is_not_handed_out(void **state)
{
    struct world *w = *state;
    start(w, NULL);
    assert_status(w, "/copy/" CLIP "/" COPY, "", 200);
    int fd = open(support_path(w->root, "archive/" COPY), O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    uint8_t other = (uint8_t)~w->copy[500];
    assert_int_equal(pwrite(fd, &other, 1, 500), 1);
    const struct timespec before[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(futimens(fd, before), 0); /* its time may be set to any */
    struct page p = get(w, "/copy/" CLIP "/" COPY);
    assert_int_equal(p.status, 500);
    assert_null(strstr(p.text, "ETag"));
    assert_has(p.body, "modified since it was made");
    free(p.text);
    assert_int_equal(pwrite(fd, &w->copy[500], 1, 500), 1);
    close(fd);
    assert_status(w, "/copy/" CLIP "/" COPY, "", 200);
}

static void test_it_is_shut_in(void **state)
{
    struct world *w = *state;
    struct sandbox_report can;
    char path[64];
    sandbox_probe(&can);
    if (!can.seccomp)
        skip();
    start(w, NULL);
    snprintf(path, sizeof path, "/proc/%d/status", (int)w->server.pid);
    assert_true(support_count(path, "Seccomp:\t2") > 0);
    assert_true(support_count(path, "NoNewPrivs:\t1") > 0);
}

/* Whoever takes it over has no descriptor and no memory by which the catalogue could be written. */
static void test_it_cannot_write_the_catalogue(void **state)
{
    struct world *w = *state;
    struct sandbox_report can;
    struct err err;
    char path[64], target[600], maps[64];
    int found = 0;
    sandbox_probe(&can);
    if (!can.seccomp || !can.landlock_abi) /* a sanitizer's program is not shut in */
        skip();
    start(w, NULL);
    assert_status(w, "/", "", 200);
    expect(DASHSPOOL(w->root, "protect", "--reason", "a writer meanwhile", CLIP), 0, "");
    assert_status(w, "/", "", 200);
    for (int fd = 0; fd < 64; fd++) {
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)w->server.pid, fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        if (!strstr(target, "/catalogue.db"))
            continue;
        found++;
        snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", (int)w->server.pid, fd);
        struct buf b = support_read(path);
        assert_ok(buf_append(&b, "", 1, &err));
        const char *flags = strstr((const char *)buf_data(&b), "flags:");
        assert_non_null(flags);
        assert_int_equal(strtol(flags + strlen("flags:"), NULL, 8) & O_ACCMODE, O_RDONLY);
        buf_clear(&b);
    }
    assert_true(found >= 2); /* the file, and its log */
    snprintf(maps, sizeof maps, "/proc/%d/maps", (int)w->server.pid);
    struct buf b = support_read(maps);
    assert_ok(buf_append(&b, "", 1, &err));
    for (const char *at = (const char *)buf_data(&b); *at;
         at += strcspn(at, "\n"), at += *at != 0) {
        char line[1024];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        if (strstr(line, "/catalogue.db"))
            assert_null(strstr(line, " rw"));
    }
    buf_clear(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_what_came_is_listed_and_each_has_its_page),
        T(test_the_status_is_a_page_and_metrics),
        T(test_no_page_brings_anything_from_elsewhere),
        T(test_what_others_said_is_text),
        T(test_nothing_can_be_changed),
        T(test_a_copy_comes_whole_or_in_parts),
        T(test_no_name_leads_out_of_the_archive),
        T(test_who_is_shown_an_original_is_in_its_custody),
        T(test_a_changed_original_does_not_come_to_its_end),
        T(test_without_a_token_it_is_for_this_computer_only),
        T(test_with_a_token_only_who_has_it),
        T(test_a_token_that_is_none_is_refused),
        T(test_many_connections_and_half_requests_do_no_harm),
        T(test_dripping_connections_keep_nobody_out),
        T(test_a_changed_copy_is_not_handed_out),
        T(test_it_is_shut_in),
        T(test_it_cannot_write_the_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
