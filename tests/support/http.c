#define _GNU_SOURCE /* memmem */
#include "http.h"
#include "dashspool/fsx.h"
#include "dashspool/serve.h"
#include "dashspool/stop.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the client ---- */

int http_dial(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port)};
    struct timeval limit = {.tv_sec = 120};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* The server may close it meanwhile: what it answered before is there to be read. */
void http_send(int fd, const void *data, size_t n)
{
    const char *at = data;
    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        n -= (size_t)sent;
    }
}

struct http_answer http_read(int fd)
{
    struct http_answer a = {.status = 0};
    struct buf b;
    struct err err;
    char some[65536];
    ssize_t n;
    buf_init(&b, 64 << 20);
    while ((n = recv(fd, some, sizeof some, 0)) > 0)
        assert_ok(buf_append(&b, some, (size_t)n, &err));
    close(fd);
    assert_ok(buf_append(&b, "", 1, &err));
    a.text = malloc(b.used);
    assert_non_null(a.text);
    memcpy(a.text, buf_data(&b), b.used);
    char *end = memmem(a.text, b.used, "\r\n\r\n", 4);
    if (end && sscanf(a.text, "HTTP/1.1 %d", &a.status) == 1) {
        end[2] = '\0';
        a.body = end + 4;
        a.body_n = b.used - 1 - (size_t)(a.body - a.text);
    }
    buf_clear(&b);
    return a;
}

struct http_answer http_ask(int port, const char *method, const char *path, const char *headers,
                            const char *body)
{
    char head[8192], length[64] = "";
    int fd = http_dial(port);
    if (body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    int n = snprintf(
        head, sizeof head, "%s %s HTTP/1.1\r\n%s%sConnection: close\r\n%s\r\n", method, path,
        strncmp(headers, "Host:", 5) == 0 || strstr(headers, "\nHost:") ? ""
                                                                        : "Host: localhost\r\n",
        length, headers);
    assert_true(n > 0 && (size_t)n < sizeof head);
    http_send(fd, head, (size_t)n);
    if (body)
        http_send(fd, body, strlen(body));
    return http_read(fd);
}

struct http_answer http_post(int port, const char *path, const char *headers, const char *form)
{
    char all[4096];
    int n =
        snprintf(all, sizeof all, "Content-Type: application/x-www-form-urlencoded\r\n%s", headers);
    assert_true(n > 0 && (size_t)n < sizeof all);
    return http_ask(port, "POST", path, all, form);
}

void http_expect(int port, const char *path, const char *headers, int status)
{
    struct http_answer a = http_ask(port, "GET", path, headers, NULL);
    if (a.status != status)
        fail_msg("%s: %d instead of %d: %s\n%s", path, a.status, status, a.text,
                 a.body ? a.body : "");
    http_clear(&a);
}

void http_clear(struct http_answer *a)
{
    free(a->text);
    *a = (struct http_answer){.status = 0};
}

const char *http_between(const char *text, const char *before, const char *after)
{
    static char found[1024];
    const char *at = strstr(text, before);
    if (!at)
        fail_msg("no %s in: %s", before, text);
    at += strlen(before);
    const char *end = strstr(at, after);
    if (!end || (size_t)(end - at) >= sizeof found)
        fail_msg("no %s behind %s in: %s", after, before, text);
    snprintf(found, sizeof found, "%.*s", (int)(end - at), at);
    return found;
}

const char *http_cookie(const struct http_answer *a)
{
    static char header[1100];
    snprintf(header, sizeof header, "Cookie: %s\r\n", http_between(a->text, "Set-Cookie: ", ";"));
    return header;
}

/* ---- the server ---- */

static void begin(void *app, struct web_page *h, const struct web_ask *ask, const char *title)
{
    (void)app;
    (void)ask;
    web_print(h, "<!doctype html><title>%s</title>", title);
}

static void end(void *app, struct web_page *h, const struct web_ask *ask)
{
    (void)app;
    (void)ask;
    web_put(h, "</html>");
}

static int serve(const char *root, const char *settings, const struct web_app *app, int to)
{
    const struct cfg_section sections[] = {serve_cfg_section, ui_cfg_section};
    struct cfg *cfg = NULL;
    struct web *web = NULL;
    struct stop stop;
    struct err err = {.code = ERR_OK};
    char address[64] = "", *dir = NULL, *file = NULL;
    int rc = fsx_path(&dir, &err, "%s/pipeline.d", root);
    if (rc == ERR_OK && (rc = fsx_mkdirs(dir, &err)) == ERR_OK)
        rc = fsx_path(&file, &err, "%s/serve.conf", dir);
    if (rc == ERR_OK) {
        char text[4096];
        int n = snprintf(text, sizeof text, "[serve]\nlisten = 127.0.0.1:0\n%s", settings);
        rc = fsx_write_file(file, text, (size_t)n, &err);
    }
    if (rc == ERR_OK)
        rc = cfg_load(&cfg, dir, sections, 2, &err);
    if (rc == ERR_OK)
        rc = stop_open(&stop, "test", &err);
    if (rc == ERR_OK && (rc = web_open(&web, root, cfg, app, &err)) == ERR_OK) {
        web_address(web, address, sizeof address);
        if (write(to, address, sizeof address) != sizeof address)
            rc = err_sys(&err, "tell the port");
        close(to);
        *(struct web **)app->app = web;
        if (rc == ERR_OK)
            rc = web_run(web, &stop, &err);
    }
    if (rc < 0)
        fprintf(stderr, "server: %s\n", err.text);
    web_close(&web);
    cfg_free(&cfg);
    free(dir);
    free(file);
    return rc;
}

void http_serve(struct http_server *s, const char *root, const char *settings,
                const struct web_route *routes, size_t n_routes)
{
    int pipe_[2];
    char address[64];
    assert_int_equal(pipe(pipe_), 0);
    fflush(NULL);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        struct web *web = NULL;
        const struct web_app app = {
            .app = &web, .routes = routes, .n_routes = n_routes, .begin = begin, .end = end};
        close(pipe_[0]);
        _exit(serve(root, settings, &app, pipe_[1]) == ERR_OK ? 0 : 1);
    }
    close(pipe_[1]);
    assert_int_equal(read(pipe_[0], address, sizeof address), sizeof address);
    close(pipe_[0]);
    s->port = (int)strtol(strrchr(address, ':') + 1, NULL, 10);
}

void http_end(struct http_server *s)
{
    int status = -1;
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_int_equal(status, 0);
    s->pid = 0;
}
