/*
 * http: a client that sends what it is told to, right or wrong, and a server of web whose pages are
 * a test's.
 */
#ifndef TESTS_HTTP_H
#define TESTS_HTTP_H

#include "dashspool/web.h"
#include "support.h"
#include <sys/types.h>

/* ---- the client ---- */

struct http_answer {
    int status;       /* 0: there was none */
    char *text;       /* all of it, NUL-ended: the head ends with an empty line's first \r\n */
    const char *body; /* in it */
    size_t body_n;
};

/* A connection to 127.0.0.1; what comes in its two minutes or never fails the test that reads. */
int http_dial(int port);
void http_send(int fd, const void *data, size_t n);
/* To its end; closes fd. */
struct http_answer http_read(int fd);
/* headers: lines with their \r\n; Host is "localhost" unless they have one. body: NULL: none; its
 * Content-Length is put. */
struct http_answer http_ask(int port, const char *method, const char *path, const char *headers,
                            const char *body);
/* A form, by POST. */
struct http_answer http_post(int port, const char *path, const char *headers, const char *form);
/* Also that it has this status. */
void http_expect(int port, const char *path, const char *headers, int status);
void http_clear(struct http_answer *a);

/* What stands between `before` and `after` in the text, in a static buffer; fails if it does not.
 */
const char *http_between(const char *text, const char *before, const char *after);
/* "Cookie: …\r\n" with the cookie that the answer sets, in a static buffer. */
const char *http_cookie(const struct http_answer *a);

/* ---- the server ---- */

struct http_server {
    pid_t pid;
    int port;
};

/* Serves these routes for ROOT in another process; settings: lines of [serve], or "". `publish`
 * (may be NULL) is called as web_app.between is, with the server. */
void http_serve(struct http_server *s, const char *root, const char *settings,
                const struct web_route *routes, size_t n_routes);
/* Asks it to end, and that it does so without an error. */
void http_end(struct http_server *s);

#endif
