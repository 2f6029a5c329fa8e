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
#include <unistd.h>

enum { IDLE_S = 30, MEMORY_BYTES = 32 * 1024, BACKLOG = 64, WAIT_MS = 60000 };

/* ---- pages of its own ---- */

static void begin_error(struct web *w, struct web_page *h, const struct web_ask *ask,
                        const char *title, const char *text)
{
    web_page_init(h, ask);
    w->app->begin(w->app->app, h, ask, web_tr(h, title));
    web_print(h, "<h1>%s</h1>\n<p>%s</p>\n", web_tr(h, title), text);
}

static int end_error(struct web *w, struct web_page *h, const struct web_ask *ask, unsigned status,
                     struct web_answer *out, struct err *err)
{
    w->app->end(w->app->app, h, ask);
    return web_page_send(h, status, out, err);
}

static int answer_error(struct web *w, const struct web_ask *ask, const struct err *why,
                        struct web_answer *out, struct err *err)
{
    struct web_page h;
    int code = why->code;
    bool bad = code == ERR_MALFORMED || code == ERR_CONFIG;
    begin_error(w, &h, ask,
                code == ERR_NOTFOUND ? "Not found"
                : bad                ? "Bad request"
                                     : "Server error",
                why->text);
    web_put(&h, "<p><a href=\"/\">");
    web_say(&h, "All events");
    web_put(&h, "</a></p>\n");
    return end_error(w, &h, ask,
                     code == ERR_NOTFOUND     ? MHD_HTTP_NOT_FOUND
                     : bad                    ? MHD_HTTP_BAD_REQUEST
                     : err_is_temporary(code) ? MHD_HTTP_SERVICE_UNAVAILABLE
                                              : MHD_HTTP_INTERNAL_SERVER_ERROR,
                     out, err);
}

/* The page that was asked for, and that the form leads back to. */
static int answer_no_token(struct web *w, const struct web_ask *ask, const char *to,
                           struct web_answer *out, struct err *err)
{
    struct web_page h;
    begin_error(w, &h, ask, "Access token required",
                "Ask the administrator of this server for it.");
    web_print(&h,
              "<form method=\"post\" action=\"/login\"><input type=\"hidden\" name=\"to\" "
              "value=\"%s\"><label>Token<input type=\"password\" name=\"token\" "
              "autocomplete=\"current-password\" required></label><button>Open</button></form>",
              to);
    int rc = end_error(w, &h, ask, MHD_HTTP_UNAUTHORIZED, out, err);
    return rc < 0 ? rc : web_header(out, "WWW-Authenticate", "Bearer", err);
}

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

/* ---- who answers ---- */

static const struct web_route *find_route(const struct web *w, struct web_ask *ask, bool *known)
{
    *known = false;
    for (size_t i = 0; i < w->app->n_routes; i++) {
        const struct web_route *r = &w->app->routes[i];
        size_t n = strlen(r->path);
        if (r->below ? strncmp(ask->path, r->path, n) != 0 : strcmp(ask->path, r->path) != 0)
            continue;
        *known = true;
        ask->rest = ask->path + n;
        if (r->post == ask->post)
            return r;
    }
    return NULL;
}

static int answer_login(struct web *w, const struct web_ask *ask, struct web_answer *out,
                        struct err *err)
{
    struct web_ask to = {.path = web_field(ask, "to")};
    bool known = false; /* leads nowhere else */
    (void)find_route(w, &to, &known);
    const char *path = known ? to.path : "/";
    if (ask->request->unfit || !w->gate.token || !gate_is_token(&w->gate, web_field(ask, "token")))
        return answer_no_token(w, ask, path, out, err);
    return answer_cookie(w, path, out, err);
}

/* Whether a route takes the address by that method. */
static bool takes(const struct web *w, const char *path, bool post)
{
    struct web_ask other = {.path = path, .post = post};
    bool known;
    return find_route(w, &other, &known) || (post && strcmp(path, "/login") == 0);
}

static int answer_method(struct web *w, const struct web_ask *ask, struct web_answer *out,
                         struct err *err)
{
    struct web_page h;
    bool get = takes(w, ask->path, false), post = takes(w, ask->path, true);
    begin_error(w, &h, ask, "Method not allowed", "This address does not take that method.");
    int rc = end_error(w, &h, ask, MHD_HTTP_METHOD_NOT_ALLOWED, out, err);
    const char *allow = get && post ? "GET, HEAD, POST" : post ? "POST" : "GET, HEAD";
    return rc < 0 ? rc : web_header(out, "Allow", allow, err);
}

static int answer(struct web *w, struct web_ask *ask, struct web_answer *out, struct err *err)
{
    struct err why = {0};
    bool known;
    const struct web_route *route = find_route(w, ask, &known);
    enum gate_may may = gate_judge(&w->gate, ask);
    if (may == GATE_OTHER_NAME) {
        struct web_page h;
        begin_error(w, &h, ask, "Wrong host name",
                    "Without a token, these pages are only served as http://127.0.0.1 or "
                    "http://localhost.");
        return end_error(w, &h, ask, MHD_HTTP_FORBIDDEN, out, err);
    }
    if (may == GATE_NO_TOKEN && !(route && route->least == PEOPLE_NOBODY))
        return answer_no_token(w, ask, route && !ask->post ? ask->path : "/", out, err);
    if (!route && known)
        return answer_method(w, ask, out, err);
    int rc = route ? route->answer(w->app->app, ask, out, &why)
                   : err_set(&why, ERR_NOTFOUND, "There is no such page.");
    if (rc == ERR_OK)
        return rc;
    if (out->response)
        MHD_destroy_response(out->response);
    *out = (struct web_answer){.status = 0};
    if (rc != ERR_NOTFOUND && rc != ERR_MALFORMED && log_may(LOG_LEVEL_ERROR, ask->peer))
        log_error("serve", "page failed", LOG_TEXT("path", ask->path), LOG_ERR(&why));
    return answer_error(w, ask, &why, out, err);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    struct web *w = arg;
    struct web_request *request = *state;
    struct web_answer out = {.status = 0};
    struct err err;
    bool head = strcmp(method, "HEAD") == 0, post = strcmp(method, "POST") == 0;
    bool known = head || strcmp(method, "GET") == 0 || post;
    (void)version;
    if (!request) /* its headers are there; now its end */
        return (*state = request_new(connection, known)) ? MHD_YES : MHD_NO;
    if (known && *upload_bytes > 0) {
        bool more = request_take(request, upload, *upload_bytes);
        *upload_bytes = 0;
        return more ? MHD_YES : MHD_NO;
    }
    struct web_ask ask = {.request = request,
                          .path = url,
                          .rest = "",
                          .head = head,
                          .post = post,
                          .role = PEOPLE_ADMIN,
                          .language = "en"};
    gate_peer(connection, ask.peer);
    int rc = post && strcmp(url, "/login") == 0 ? answer_login(w, &ask, &out, &err)
             : known                            ? answer(w, &ask, &out, &err)
                                                : answer_method(w, &ask, &out, &err);
    if (rc < 0 && log_may(LOG_LEVEL_ERROR, ask.peer))
        log_error("serve", "response failed, out of memory", LOG_TEXT("path", url), LOG_ERR(&err));
    enum MHD_Result done =
        rc == ERR_OK ? MHD_queue_response(connection, out.status, out.response) : MHD_NO;
    if (out.response)
        MHD_destroy_response(out.response);
    if (done == MHD_YES)
        clients_answered(connection, true);
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
    w->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, w,
                                 MHD_OPTION_LISTEN_SOCKET, w->fd, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)WEB_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 (size_t)MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
                                 clients_on_connection, &w->clients, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_completed, w, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
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

int web_open(struct web **out, const char *root, const struct cfg *cfg, const struct web_app *app,
             struct err *err)
{
    struct web *w = *out = calloc(1, sizeof *w);
    (void)root;
    if (!w)
        return err_nomem(err, "the web server");
    w->fd = -1;
    w->app = app;
    return start(w, cfg, err);
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
        MHD_UNSIGNED_LONG_LONG ms = WAIT_MS;
        if (MHD_get_timeout(w->daemon, &ms) != MHD_YES || ms > WAIT_MS)
            ms = WAIT_MS;
        int late_ms = clients_end_late(&w->clients);
        if (late_ms >= 0 && (unsigned)late_ms < ms)
            ms = (unsigned)late_ms;
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
    if (w && w->daemon)
        MHD_stop_daemon(w->daemon);
    else if (w && w->fd >= 0)
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
