/* Streams: what happens reaches all browsers, through a proxy, too, and keeps nobody out. */
#include "support/http.h"
#include "support/nginx.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 200 };

/* Each may have 32 streams. */
enum { PERSONS = 8 };

struct world {
    char *dir;
    struct http_server server;
    struct nginx nginx;
    char auth[PERSONS][120]; /* headers of as many; "": nobody is asked who that is */
};

/* ---- pages ---- */

static int live(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    (void)app;
    return web_stream(ask, out, err);
}

/* Tells what it is told. */
static int publish(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct web *w = *(struct web **)app;
    char text[64];
    struct buf b;
    web_publish(w, web_asked(ask, "event"), web_asked(ask, "data"));
    buf_init(&b, 64);
    int n = snprintf(text, sizeof text, "streams=%zu.", web_streams(w));
    int rc = buf_append(&b, text, (size_t)n, err);
    if (rc == ERR_OK)
        rc = web_send(&b, 200, "text/plain; charset=utf-8", "no-store", out, err);
    buf_clear(&b);
    return rc;
}

static int csrf(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct buf b;
    char text[100];
    (void)app;
    int n = snprintf(text, sizeof text, "csrf=%s.", ask->csrf);
    buf_init(&b, sizeof text);
    int rc = buf_append(&b, text, (size_t)n, err);
    if (rc == ERR_OK)
        rc = web_send(&b, 200, "text/plain; charset=utf-8", "no-store", out, err);
    buf_clear(&b);
    return rc;
}

static const struct web_route routes[] = {
    {.path = "/csrf", .least = PEOPLE_VIEWER, .answer = csrf},
    {.path = "/live", .least = PEOPLE_VIEWER, .answer = live},
    {.path = "/publish", .least = PEOPLE_VIEWER, .answer = publish},
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->dir = support_tmp_dir();
    http_serve(&w->server, w->dir, "", routes, sizeof routes / sizeof *routes);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    nginx_stop(&w->nginx);
    if (w->server.pid)
        http_end(&w->server);
    support_tmp_remove(&w->dir);
    free(w);
    return 0;
}

/* ---- a browser that listens ---- */

struct listener {
    int fd;
    char text[8192];
    size_t n;
};

static void wait_for(struct listener *l, const char *words)
{
    while (!strstr(l->text, words)) {
        struct pollfd p = {.fd = l->fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 120000), 1);
        ssize_t n = recv(l->fd, l->text + l->n, sizeof l->text - 1 - l->n, 0);
        if (n <= 0)
            fail_msg("it ended, without %s: %s", words, l->text);
        l->n += (size_t)n;
        l->text[l->n] = '\0';
    }
}

static void listen_as(struct listener *l, int port, const char *auth)
{
    char ask[300];
    snprintf(ask, sizeof ask, "GET /live HTTP/1.1\r\nHost: localhost\r\n%s\r\n", auth);
    *l = (struct listener){.fd = http_dial(port)};
    http_send(l->fd, ask, strlen(ask));
    wait_for(l, "retry: 3000\n\n");
}

static void listen_to(struct listener *l, int port)
{
    listen_as(l, port, "");
}

static int count(const struct world *w)
{
    struct http_answer a =
        http_ask(w->server.port, "GET", "/publish?event=x&data=y", w->auth[0], NULL);
    assert_int_equal(a.status, 200);
    int n = (int)strtol(http_between(a.body, "streams=", "."), NULL, 10);
    http_clear(&a);
    return n;
}

/* ---- tests ---- */

static void hear_all(struct world *w, int port)
{
    struct listener *l = calloc(MANY, sizeof *l);
    for (int i = 0; i < MANY; i++)
        listen_as(&l[i], port, w->auth[i % PERSONS]);
    assert_has(l[0].text, "Content-Type: text/event-stream\r\n");
    if (port == w->server.port)
        assert_has(l[0].text, "Connection: close\r\n"); /* it is a stream's, to its end */
    struct http_answer a =
        http_ask(w->server.port, "GET", "/publish?event=new&data=one%0Atwo", w->auth[0], NULL);
    assert_has(a.body, "streams=200.");
    http_clear(&a);
    for (int i = 0; i < MANY; i++)
        wait_for(&l[i], "event: new\ndata: one\ndata: two\n\n");
    for (int i = 0; i < MANY; i++)
        close(l[i].fd);
    support_wait(count(w) == 0); /* who left is found out by what is told */
    free(l);
}

static void test_all_hear_what_happens_and_others_are_answered(void **state)
{
    struct world *w = *state;
    hear_all(w, w->server.port);
}

static void test_all_hear_behind_a_proxy(void **state)
{
    struct world *w = *state;
    struct people *people;
    struct err err;
    assert_ok(people_open(&people, w->dir, true, &err));
    for (int i = 0; i < PERSONS; i++) {
        char name[16], token[PEOPLE_TOKEN_ROOM];
        snprintf(name, sizeof name, "person-%d", i);
        assert_ok(people_add(people, name, PEOPLE_VIEWER, 1, token, &err));
        snprintf(w->auth[i], sizeof w->auth[i], "Authorization: Bearer %s\r\n", token);
    }
    people_close(&people);
    if (!nginx_start(&w->nginx, w->dir, w->server.port, ""))
        skip();
    hear_all(w, w->nginx.port);
}

static void test_who_takes_nothing_is_ended(void **state)
{
    struct world *w = *state;
    enum { LINE = 16000 };
    struct listener deaf, hears;
    char *path = malloc(LINE + 100), ends[64];
    listen_to(&deaf, w->server.port);
    listen_to(&hears, w->server.port);
    for (int i = 0; count(w) > 1; i++) {
        assert_true(i < 20000);
        int n = sprintf(path, "/publish?event=e%d&data=", i);
        memset(path + n, 'y', LINE);
        path[n + LINE] = '\0';
        int fd = http_dial(w->server.port);
        http_send(fd, "GET ", 4);
        http_send(fd, path, strlen(path));
        http_send(fd, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 50);
        struct http_answer a = http_read(fd);
        assert_int_equal(a.status, 200);
        http_clear(&a);
        snprintf(ends, sizeof ends, "event: e%d\n", i);
        while (!strstr(hears.text, ends)) {
            size_t kept = hears.n < sizeof ends ? hears.n : sizeof ends;
            memmove(hears.text, hears.text + hears.n - kept, kept);
            ssize_t got = recv(hears.fd, hears.text + kept, sizeof hears.text - 1 - kept, 0);
            assert_true(got > 0);
            hears.n = kept + (size_t)got;
            hears.text[hears.n] = '\0';
        }
    }
    free(path);
    close(deaf.fd);
    close(hears.fd);
}

/* Told by the server within a second or so, not by the next page. */
static void test_they_end_with_their_session(void **state)
{
    struct world *w = *state;
    struct people *people;
    struct err err;
    struct listener anna = {.fd = -1}, anybody;
    char token[PEOPLE_TOKEN_ROOM], form[200], ask[400], ben[PEOPLE_TOKEN_ROOM];
    listen_to(&anybody, w->server.port);
    assert_ok(people_open(&people, w->dir, true, &err));
    assert_ok(people_add(people, "anna", PEOPLE_VIEWER, 1, token, &err));
    assert_ok(people_add(people, "ben", PEOPLE_VIEWER, 1, ben, &err));
    snprintf(form, sizeof form, "Authorization: Bearer %s\r\n", ben);
    http_expect(w->server.port, "/publish", form, 200); /* the door is closed by now */
    while (recv(anybody.fd, anybody.text, sizeof anybody.text, 0) > 0)
        continue;
    close(anybody.fd);
    for (int removed = 0; removed < 2; removed++) {
        snprintf(form, sizeof form, "name=anna&token=%s", token);
        struct http_answer a = http_post(w->server.port, "/login", "", form);
        assert_int_equal(a.status, 303);
        anna = (struct listener){.fd = http_dial(w->server.port)};
        snprintf(ask, sizeof ask, "GET /live HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                 http_cookie(&a));
        http_send(anna.fd, ask, strlen(ask));
        wait_for(&anna, "retry: 3000\n\n");
        if (removed) {
            assert_ok(people_remove(people, "anna", 2, &err));
        } else {
            struct http_answer page =
                http_ask(w->server.port, "GET", "/csrf", http_cookie(&a), NULL);
            char csrf[100];
            snprintf(csrf, sizeof csrf, "csrf=%s", http_between(page.body, "csrf=", "."));
            http_clear(&page);
            page = http_post(w->server.port, "/logout", http_cookie(&a), csrf);
            assert_int_equal(page.status, 303);
            http_clear(&page);
        }
        http_clear(&a);
        while (recv(anna.fd, anna.text, sizeof anna.text, 0) > 0)
            continue;
        close(anna.fd);
    }
    people_close(&people);
}

static void test_they_end_with_the_server(void **state)
{
    struct world *w = *state;
    struct listener l;
    listen_to(&l, w->server.port);
    http_end(&w->server);
    assert_int_equal(recv(l.fd, l.text, sizeof l.text, MSG_WAITALL) >= 0, 1);
    close(l.fd);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_all_hear_what_happens_and_others_are_answered),
        T(test_all_hear_behind_a_proxy),
        T(test_who_takes_nothing_is_ended),
        T(test_they_end_with_their_session),
        T(test_they_end_with_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
