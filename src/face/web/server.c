/* The server: its port, its routes, forms, the loop. */
#include "dashspool/fsx.h"
#include "dashspool/listen.h"
#include "dashspool/log.h"
#include "dashspool/stop.h"
#include "web_internal.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { IDLE_S = 30, MEMORY_BYTES = 32 * 1024, BACKLOG = 64, WAIT_MS = 60000, STREAMS_MS = 1000 };

/* ---- log in ---- */

/* The browser has it from now on, for no script to read and no other site to send. */
static int answer_cookie(struct web *w, const char *path, struct web_answer *out, struct err *err)
{
    char cookie[HASH_HEX_ROOM + 80];
    struct web_page to = {.rc = ERR_OK};
    buf_init(&to.b, 4096);
    web_path(&to, path);
    if (to.rc == ERR_OK)
        to.rc = buf_append(&to.b, "", 1, &to.err);
    snprintf(cookie, sizeof cookie, "dashspool=%s; Path=/; HttpOnly; SameSite=Strict",
             w->gate.cookie);
    int rc = web_redirect(to.rc == ERR_OK ? (const char *)buf_data(&to.b) : "/", out, err);
    if (rc == ERR_OK)
        rc = web_header(out, "Set-Cookie", cookie, err);
    buf_clear(&to.b);
    return rc;
}

static int answer_login(struct web *w, const struct web_request *r, struct web_answer *out,
                        struct err *err)
{
    const char *to = web_field(&r->ask, "to"); /* leads nowhere else */
    if (!request_is_taken(w->app, to, false))
        to = "/";
    if (r->may != GATE_MAY)
        return own_refusal(r, out, err);
    if (r->unfit || r->large || !w->gate.token ||
        !gate_is_token(&w->gate, web_field(&r->ask, "token")))
        return own_login(r, to, out, err);
    return answer_cookie(w, to, out, err);
}

/* ---- who answers ---- */

static int answer(struct web *w, struct web_request *r, struct web_answer *out, struct err *err)
{
    struct err why = {0};
    if (r->ask.post && r->may == GATE_MAY && r->route && !gate_is_own_form(r))
        r->may = r->unfit || r->large ? r->may : GATE_CSRF;
    if (r->may != GATE_MAY)
        return own_refusal(r, out, err);
    if (!r->route && r->known)
        return own_method(r, out, err);
    if (r->large)
        return own_too_large(r, out, err);
    int rc = r->rc;
    if (rc < 0)
        why = r->err;
    else if (!r->route)
        rc = err_set(&why, ERR_NOTFOUND, "There is no such page.");
    else if (r->ask.post && r->unfit)
        rc = err_set(&why, ERR_MALFORMED, "This is no form of these pages.");
    else
        rc = r->route->answer(w->app->app, &r->ask, out, &why);
    if (rc == ERR_OK)
        return rc;
    if (out->response)
        MHD_destroy_response(out->response);
    *out = (struct web_answer){.status = 0};
    if (rc != ERR_NOTFOUND && rc != ERR_MALFORMED && log_may(LOG_LEVEL_ERROR, r->ask.peer))
        log_error("serve", "page failed", LOG_TEXT("path", r->ask.path), LOG_ERR(&why));
    return own_error(r, &why, out, err);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    struct web *w = arg;
    struct web_request *r = *state;
    struct web_answer out = {.status = 0};
    struct err err;
    (void)version;
    if (!r) { /* its headers are there; now its body and its end */
        r = *state = request_new(w, connection, url, method);
        if (r)
            gate_judge(&w->gate, r);
        return r ? MHD_YES : MHD_NO;
    }
    if (*upload_bytes > 0) {
        bool more = request_take(r, upload, *upload_bytes);
        if (r->route && r->route->body && r->may == GATE_MAY)
            clients_went_on(connection, *upload_bytes);
        *upload_bytes = 0;
        return more ? MHD_YES : MHD_NO;
    }
    bool get = r->ask.head || strcmp(method, "GET") == 0;
    int rc = r->login             ? answer_login(w, r, &out, &err)
             : r->ask.post || get ? answer(w, r, &out, &err)
                                  : own_method(r, &out, &err);
    if (rc < 0 && log_may(LOG_LEVEL_ERROR, r->ask.peer))
        log_error("serve", "response failed, out of memory", LOG_TEXT("path", url), LOG_ERR(&err));
    enum MHD_Result done =
        rc == ERR_OK ? MHD_queue_response(connection, out.status, out.response) : MHD_NO;
    if (out.response)
        MHD_destroy_response(out.response);
    if (done == MHD_YES)
        clients_answered(connection, true);
    if (done == MHD_YES && r->stream)
        clients_streams(connection);
    return done;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode how)
{
    struct web_request *request = *state;
    (void)arg;
    (void)how;
    request_free(&request);
    *state = NULL;
    clients_answered(connection, false);
}

/* ---- listening ---- */

static int open_port(const struct addrinfo *at, const char *listen_at, int *fd, struct err *err)
{
    int on = 1;
    *fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(*fd, at->ai_addr, at->ai_addrlen) < 0 || listen(*fd, BACKLOG) < 0)
        return err_sys(err, "listen %s", listen_at);
    return ERR_OK;
}

static int start(struct web *w, const struct cfg *cfg, struct err *err)
{
    const char *listen_at = cfg_text(cfg, "serve", "listen");
    struct addrinfo *at = NULL;
    int rc = listen_resolve(listen_at, &at, err);
    if (rc == ERR_OK)
        rc = gate_open(&w->gate, cfg_text(cfg, "serve", "token_file"), listen_at, at->ai_addr, err);
    if (rc == ERR_OK)
        rc = open_port(at, listen_at, &w->fd, err);
    if (at)
        freeaddrinfo(at);
    if (rc < 0)
        return rc;
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, w,
        MHD_OPTION_LISTEN_SOCKET, w->fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(WEB_CONNECTIONS_MAX + WEB_STREAMS_MAX), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, clients_on_connection, &w->clients,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    return w->daemon ? ERR_OK : err_set(err, ERR_NOMEM, "starting the web server failed");
}

int web_try(const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    const char *at = cfg_text(cfg, "serve", "listen"), *port = strrchr(at, ':');
    const char *its = old ? strrchr(cfg_text(old, "serve", "listen"), ':') : NULL;
    const char *token = cfg_text(cfg, "serve", "token_file");
    struct addrinfo *address = NULL;
    struct gate unused;
    if (token[0] && fsx_check_file(token, err) < 0)
        return cfg_blame(cfg, "serve", "token_file", err);
    if (listen_try(at, !old || (port && its && strcmp(port, its) == 0), err) < 0 ||
        listen_resolve(at, &address, err) < 0)
        return cfg_blame(cfg, "serve", "listen", err);
    int rc = gate_open(&unused, token, at, address->ai_addr, err);
    freeaddrinfo(address);
    return rc < 0 ? cfg_blame(cfg, "serve", token[0] ? "token_file" : "listen", err) : ERR_OK;
}

/* Each connection is a file; the limit that is usual (1024) is for others besides. */
static void raise_files(void)
{
    struct rlimit files;
    rlim_t wanted = 2048;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
        return;
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* else fewer streams */
}

int web_open(struct web **out, const char *root, const struct cfg *cfg, const struct web_app *app,
             struct err *err)
{
    struct web *w = *out = calloc(1, sizeof *w);
    (void)root;
    if (!w)
        return err_nomem(err, "the web server");
    w->fd = -1;
    w->app = app;
    raise_files();
    int rc = language_open(cfg_text(cfg, "ui", "language"), err);
    return rc < 0 ? rc : start(w, cfg, err);
}

int web_run(struct web *w, struct stop *stop, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd p[2] = {{.fd = stop->fd, .events = POLLIN},
                          {.fd = info ? info->epoll_fd : -1, .events = POLLIN}};
    while (!stop_requested(stop)) {
        int rc = w->app->between ? w->app->between(w->app->app, err) : ERR_OK;
        if (rc < 0)
            return rc;
        streams_beat(&w->streams);
        MHD_UNSIGNED_LONG_LONG ms = WAIT_MS, most = w->streams.n ? STREAMS_MS : WAIT_MS;
        if (MHD_get_timeout(w->daemon, &ms) != MHD_YES || ms > most)
            ms = most;
        int late_ms = clients_end_late(&w->clients);
        if (late_ms >= 0 && (unsigned)late_ms < ms)
            ms = (unsigned)late_ms;
        if (w->streams.resumed)
            ms = 0;
        w->streams.resumed = false;
        if (poll(p, 2, (int)ms) < 0 && errno != EINTR)
            return err_sys(err, "wait for requests");
        MHD_run(w->daemon);
        log_left_out("serve");
    }
    return ERR_OK;
}

void web_close(struct web **web)
{
    struct web *w = *web;
    if (w && w->daemon) {
        streams_end(&w->streams);
        MHD_stop_daemon(w->daemon);
    }
    if (w && !w->daemon && w->fd >= 0)
        close(w->fd);
    free(w);
    *web = NULL;
}

void web_address(const struct web *w, char *out, size_t room)
{
    struct sockaddr_storage addr;
    socklen_t n = sizeof addr;
    char address[LISTEN_NAME_ROOM] = "?", host[LISTEN_NAME_ROOM];
    if (getsockname(w->fd, (struct sockaddr *)&addr, &n) == 0)
        listen_name((struct sockaddr *)&addr, n, address, host);
    snprintf(out, room, "%s", address);
}
