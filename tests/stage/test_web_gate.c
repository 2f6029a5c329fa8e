/* Who may what: hosts, roles, origins, CSRF tokens; and forms and bodies as they come. */
#include "support/http.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "a-token-for-tests-0123456789"

struct world {
    char *dir;
    struct http_server server;
};

/* ---- pages ---- */

static int tell(const char *text, struct web_answer *out, struct err *err)
{
    struct buf b;
    buf_init(&b, 4096);
    int rc = buf_append(&b, text, strlen(text), err);
    if (rc == ERR_OK)
        rc = web_send(&b, 200, "text/plain; charset=utf-8", "no-store", out, err);
    buf_clear(&b);
    return rc;
}

static int tell_who(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    char text[512], who[PEOPLE_NAME_ROOM + WEB_PEER_ROOM];
    (void)app;
    snprintf(text, sizeof text, "who=%s role=%s csrf=%s.", web_who(ask, who),
             people_role_name(ask->role), ask->csrf);
    return tell(text, out, err);
}

static int do_it(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    char text[512];
    const char *second = web_field_at(ask, "what", 1);
    (void)app;
    snprintf(text, sizeof text, "done %s,%s", web_field(ask, "what"), second ? second : "-");
    return tell(text, out, err);
}

struct upload {
    size_t n, files, sum;
    char names[256];
};

static int begin(void *app, const struct web_ask *ask, void **body, struct err *err)
{
    (void)app;
    if (strcmp(web_asked(ask, "begin"), "full") == 0)
        return err_set(err, ERR_MALFORMED, "no room for it");
    *body = calloc(1, sizeof(struct upload));
    return *body ? ERR_OK : err_nomem(err, "an upload");
}

static int piece(void *app, const struct web_ask *ask, const struct web_piece *p, struct err *err)
{
    struct upload *u = ask->body;
    (void)app;
    if (p->at == 0) {
        size_t used = strlen(u->names);
        u->files++;
        snprintf(u->names + used, sizeof u->names - used, "%s:%s(%s);", p->name, p->file,
                 web_field(ask, "what"));
    }
    u->n += p->n;
    for (size_t i = 0; i < p->n; i++)
        u->sum = u->sum * 31 + ((const unsigned char *)p->data)[i];
    if (strcmp(web_asked(ask, "stop"), "yes") == 0 && u->n > 100000)
        return err_set(err, ERR_MALFORMED, "that is enough");
    return ERR_OK;
}

static void drop(void *app, void *body)
{
    (void)app;
    free(body);
}

static const struct web_body body = {begin, piece, drop};

static int uploaded(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    const struct upload *u = ask->body;
    char text[512];
    (void)app;
    snprintf(text, sizeof text, "files=%zu n=%zu sum=%zu names=%s", u ? u->files : 0, u ? u->n : 0,
             u ? u->sum : 0, u ? u->names : "");
    return tell(text, out, err);
}

static const struct web_route routes[] = {
    {.path = "/", .least = PEOPLE_VIEWER, .answer = tell_who},
    {.path = "/open", .least = PEOPLE_NOBODY, .answer = tell_who},
    {.path = "/originals", .least = PEOPLE_REVIEWER, .answer = tell_who},
    {.path = "/look", .post = true, .least = PEOPLE_VIEWER, .answer = do_it},
    {.path = "/act", .post = true, .least = PEOPLE_REVIEWER, .answer = do_it},
    {.path = "/upload", .post = true, .least = PEOPLE_VIEWER, .answer = uploaded, .body = &body},
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->dir = support_tmp_dir();
    support_write(support_path(w->dir, "token"), TOKEN "\n", strlen(TOKEN) + 1);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->server.pid)
        http_end(&w->server);
    support_tmp_remove(&w->dir);
    free(w);
    return 0;
}

static void start(struct world *w, bool token)
{
    char settings[600] = "";
    if (token)
        snprintf(settings, sizeof settings, "token_file = %s\n", support_path(w->dir, "token"));
    http_serve(&w->server, w->dir, settings, routes, sizeof routes / sizeof *routes);
}

/* Its CSRF token, as these headers get it. */
static void get_csrf(const struct world *w, const char *headers, char out[WEB_CSRF_ROOM])
{
    struct http_answer a = http_ask(w->server.port, "GET", "/", headers, NULL);
    assert_int_equal(a.status, 200);
    snprintf(out, WEB_CSRF_ROOM, "%s", http_between(a.body, "csrf=", "."));
    assert_int_equal(strlen(out), WEB_CSRF_ROOM - 1);
    http_clear(&a);
}

static void expect_post(const struct world *w, const char *path, const char *headers,
                        const char *form, int status, const char *words)
{
    struct http_answer a = http_post(w->server.port, path, headers, form);
    if (a.status != status)
        fail_msg("%s %s%s: %d instead of %d\n%s", path, headers, form, a.status, status,
                 a.body ? a.body : a.text);
    assert_has(a.body, words);
    http_clear(&a);
}

/* ---- tests ---- */

static void test_a_form_without_the_right_token_does_nothing(void **state)
{
    struct world *w = *state;
    char csrf[WEB_CSRF_ROOM], form[400], again[WEB_CSRF_ROOM];
    start(w, false);
    get_csrf(w, "", csrf);
    expect_post(w, "/act", "", "what=a", 403, "reload the page");
    expect_post(w, "/act", "", "what=a&csrf=", 403, "reload the page");
    expect_post(w, "/act", "", "what=a&csrf=0123", 403, "reload the page");
    snprintf(form, sizeof form, "what=a&what=b&csrf=%s", csrf);
    expect_post(w, "/act", "", form, 200, "done a,b");
    form[strlen(form) - 1] = form[strlen(form) - 1] == '0' ? '1' : '0';
    expect_post(w, "/act", "", form, 403, "reload the page");
    snprintf(form, sizeof form, "X-CSRF-Token: %s\r\n", csrf); /* of a script */
    expect_post(w, "/act", form, "what=c", 200, "done c,-");
    http_end(&w->server);
    start(w, false);
    get_csrf(w, "", again);
    assert_string_not_equal(csrf, again);
    snprintf(form, sizeof form, "csrf=%s", csrf);
    expect_post(w, "/act", "", form, 403, "before the server was started again");
}

static void test_what_another_site_asks_for_is_not_done(void **state)
{
    struct world *w = *state;
    static const char *const foreign[] = {
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost.evil.example\r\n",
        "Origin: http://localhost:81\r\n",
        "Origin: localhost\r\n",
        "Origin: http://evil.example\r\nSec-Fetch-Site: same-origin\r\n",
    };
    static const char *const own[] = {
        "",
        "Origin: http://localhost\r\n",
        "Origin: http://localhost:80\r\n",
        "Origin: http://LOCALHOST\r\nSec-Fetch-Site: same-origin\r\n",
        "Host: 127.0.0.1:7180\r\nOrigin: http://127.0.0.1:7180\r\n",
        "Host: localhost:80\r\nOrigin: http://localhost\r\n",
        "Sec-Fetch-Site: none\r\n",
    };
    char csrf[WEB_CSRF_ROOM], form[400];
    start(w, false);
    get_csrf(w, "", csrf);
    snprintf(form, sizeof form, "what=a&csrf=%s", csrf);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        expect_post(w, "/act", foreign[i], form, 403, "Another site");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        expect_post(w, "/act", own[i], form, 200, "done a");
}

static void test_each_role_may_its_own(void **state)
{
    struct world *w = *state;
    char cookie[200], csrf[WEB_CSRF_ROOM], form[400];
    start(w, true);
    struct http_answer a = http_post(w->server.port, "/login", "", "token=" TOKEN);
    assert_int_equal(a.status, 303);
    snprintf(cookie, sizeof cookie, "%s", http_cookie(&a));
    http_clear(&a);
    http_expect(w->server.port, "/open", "", 200);
    http_expect(w->server.port, "/", "", 401);
    http_expect(w->server.port, "/", cookie, 200);
    a = http_ask(w->server.port, "GET", "/originals", cookie, NULL);
    assert_int_equal(a.status, 403);
    assert_has(a.body, "This needs the role reviewer; yours is viewer.");
    http_clear(&a);
    get_csrf(w, cookie, csrf);
    snprintf(form, sizeof form, "what=a&csrf=%s", csrf);
    expect_post(w, "/look", cookie, form, 200, "done a");
    expect_post(w, "/act", cookie, form, 403, "This needs the role reviewer");
    expect_post(w, "/look", "", form, 401, "");
    expect_post(w, "/look", "Authorization: Bearer " TOKEN "\r\n", "what=a", 200, "done a");
    expect_post(w, "/look", "Authorization: Bearer x\r\n", "what=a", 401, "");
    expect_post(w, "/login", "Origin: http://evil.example\r\n", "token=" TOKEN, 403, "Another");
}

static void test_forms_have_a_measure(void **state)
{
    struct world *w = *state;
    char csrf[WEB_CSRF_ROOM], *form = malloc(WEB_FORM_BYTES_MAX + 1000);
    start(w, false);
    get_csrf(w, "", csrf);
    memset(form, 'x', WEB_FORM_BYTES_MAX + 1000);
    int n = snprintf(form, 400, "csrf=%s&what=", csrf);
    form[n] = 'y';
    form[WEB_FORM_BYTES_MAX - 1000] = '\0';
    expect_post(w, "/act", "", form, 200, "done yxx");
    form[WEB_FORM_BYTES_MAX - 1000] = 'x';
    form[WEB_FORM_BYTES_MAX + 999] = '\0';
    expect_post(w, "/act", "", form, 413, "more text than is taken");
    n = snprintf(form, 400, "csrf=%s", csrf);
    for (int i = 0; i <= WEB_FIELDS_MAX; i++)
        n += snprintf(form + n, 100, "&what=%d", i);
    expect_post(w, "/act", "", form, 400, "no form of these pages");
    free(form);
    struct http_answer a = http_ask(w->server.port, "POST", "/act",
                                    "Content-Type: application/json\r\n", "{\"what\":1}");
    assert_int_equal(a.status, 400);
    http_clear(&a);
}

static void test_a_body_comes_in_pieces(void **state)
{
    struct world *w = *state;
    enum { N = 3000000 };
    char csrf[WEB_CSRF_ROOM], headers[400], expected[200], *data = malloc(N + 1);
    size_t sum = 0;
    start(w, false);
    get_csrf(w, "", csrf);
    for (size_t i = 0; i < N; i++) {
        data[i] = (char)('a' + (i * 7 + i / 251) % 26);
        sum = sum * 31 + (unsigned char)data[i];
    }
    data[N] = '\0';
    snprintf(headers, sizeof headers, "Content-Type: video/h265\r\nX-CSRF-Token: %s\r\n", csrf);
    struct http_answer a = http_ask(w->server.port, "POST", "/upload", headers, data);
    snprintf(expected, sizeof expected, "files=1 n=%d sum=%zu names=:();", N, sum);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, expected);
    http_clear(&a);
    a = http_ask(w->server.port, "POST", "/upload?stop=yes", headers, data);
    assert_int_equal(a.status, 400);
    assert_has(a.body, "that is enough");
    http_clear(&a);
    a = http_ask(w->server.port, "POST", "/upload?begin=full", headers, data);
    assert_int_equal(a.status, 400);
    assert_has(a.body, "no room for it");
    http_clear(&a);
    a = http_ask(w->server.port, "POST", "/upload", "Content-Type: video/h265\r\n", data);
    assert_int_equal(a.status, 403); /* the token is missing */
    http_clear(&a);
    free(data);
}

static void test_files_of_a_form_come_in_pieces(void **state)
{
    struct world *w = *state;
    enum { N = 200000 };
    char csrf[WEB_CSRF_ROOM], expected[300], *data = malloc(N + 2000), *at = data;
    size_t sum = 0;
    start(w, false);
    get_csrf(w, "", csrf);
    at += sprintf(at,
                  "--XX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n"
                  "--XX\r\nContent-Disposition: form-data; name=\"what\"\r\n\r\nfront\r\n"
                  "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a b.h265\"\r\n"
                  "Content-Type: application/octet-stream\r\n\r\n",
                  csrf);
    for (size_t i = 0; i < N; i++) {
        char c = (char)('a' + (i * 7 + i / 251) % 26);
        sum = sum * 31 + (unsigned char)c;
        *at++ = c;
    }
    sum = sum * 31 + 'z';
    sprintf(at, "\r\n--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../c\"\r\n\r"
                "\nz\r\n--XX--\r\n");
    struct http_answer a = http_ask(w->server.port, "POST", "/upload",
                                    "Content-Type: multipart/form-data; boundary=XX\r\n", data);
    snprintf(expected, sizeof expected,
             "files=2 n=%d sum=%zu names=file:a b.h265(front);file:../c(front);", N + 1, sum);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, expected);
    http_clear(&a);
    data[60] = 'x'; /* in the token */
    a = http_ask(w->server.port, "POST", "/upload",
                 "Content-Type: multipart/form-data; boundary=XX\r\n", data);
    assert_int_equal(a.status, 403);
    http_clear(&a);
    free(data);
}

static void test_only_a_trusted_proxy_says_who_asks(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *headers, *peer;
    } said[] = {
        {"", "127.0.0.1"},
        {"X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 1.1.1.1, 203.0.113.9\r\n", "203.0.113.9"},  /* who came made that up */
        {"X-Forwarded-For: 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9"}, /* two of ours */
        {"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.1.2.3\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7"},
        {"X-Forwarded-For: unknown\r\n", "127.0.0.1"},
        {"X-Forwarded-For: 203.0.113.9, nonsense\r\n", "127.0.0.1"},
        {"Forwarded: for=203.0.113.9\r\n", "203.0.113.9"},
        {"Forwarded: for=1.1.1.1, proto=https;For=\"[2001:db8::7]:4711\";by=x\r\n", "2001:db8::7"},
        {"Forwarded: for=_hidden\r\n", "127.0.0.1"},
        {"Forwarded: for=1.1.1.1\r\nX-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9"},
    };
    char settings[700], headers[400], expected[100];
    for (int trusted = 0; trusted < 2; trusted++) {
        snprintf(settings, sizeof settings, "token_file = %s\n%s", support_path(w->dir, "token"),
                 trusted ? "trusted_proxy = 127.0.0.1, 10.0.0.0/8\n" : "");
        http_serve(&w->server, w->dir, settings, routes, sizeof routes / sizeof *routes);
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
            snprintf(headers, sizeof headers, "Authorization: Bearer " TOKEN "\r\n%s",
                     said[i].headers);
            struct http_answer a = http_ask(w->server.port, "GET", "/", headers, NULL);
            assert_int_equal(a.status, 200);
            snprintf(expected, sizeof expected, "who=somebody at %s role",
                     trusted ? said[i].peer : "127.0.0.1");
            assert_has(a.body, expected);
            http_clear(&a);
        }
        http_end(&w->server);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_a_form_without_the_right_token_does_nothing),
        T(test_what_another_site_asks_for_is_not_done),
        T(test_each_role_may_its_own),
        T(test_forms_have_a_measure),
        T(test_a_body_comes_in_pieces),
        T(test_files_of_a_form_come_in_pieces),
        T(test_only_a_trusted_proxy_says_who_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
