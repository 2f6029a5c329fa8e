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

/* ---- who answers ---- */

static int answer_page(struct web *w, struct web_request *r, struct web_answer *out,
                       struct err *err)
{
    if (r->rc < 0) {
        *err = r->err;
        return r->rc;
    }
    if (r->login)
        return login_answer(r, out, err);
    if (r->logout)
        return logout_answer(r, out, err);
    if (!r->route)
        return err_set(err, ERR_NOTFOUND, W_("There is no such page."));
    if (r->ask.post && r->unfit)
        return err_set(err, ERR_MALFORMED, W_("This is no form of these pages."));
    return r->route->answer(w->app->app, &r->ask, out, err);
}

static int answer(struct web *w, struct web_request *r, struct web_answer *out, struct err *err)
{
    struct err why = {0};
    bool form = r->ask.post && (r->route || r->logout) && (!r->unfit || r->logout) && !r->large;
    if (form && r->may == GATE_MAY && r->rc == ERR_OK && !gate_is_own_form(r))
        r->may = GATE_CSRF;
    if (r->may == GATE_UNKNOWN)
        return login_ask(r, out, err);
    if (r->may != GATE_MAY)
        return own_refusal(r, out, err);
    if (!r->route && r->known)
        return own_method(r, out, err);
    if (r->large && !r->login)
        return own_too_large(r, out, err);
    int rc = answer_page(w, r, out, &why);
    if (rc == ERR_OK)
        return rc;
    if (out->response)
        MHD_destroy_response(out->response);
    *out = (struct web_answer){.status = 0};
    if (rc != ERR_NOTFOUND && rc != ERR_MALFORMED && log_may(LOG_LEVEL_ERROR, r->ask.peer))
        log_error("serve", "page failed", LOG_TEXT("path", r->ask.path), LOG_ERR(&why));
    return own_error(r, &why, out, err);
}

/* Nothing that follows is read. */
static enum MHD_Result end_ambiguous(struct MHD_Connection *connection)
{
    static char text[] = "400: one Host, and one Content-Length or Transfer-Encoding: chunked\n";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result done = MHD_NO;
    if (response && MHD_add_response_header(response, "Connection", "close") == MHD_YES)
        done = MHD_queue_response(connection, MHD_HTTP_BAD_REQUEST, response);
    if (response)
        MHD_destroy_response(response);
    return done;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    struct web *w = arg;
    struct web_request *r = *state;
    struct web_answer out = {.status = 0};
    struct err err;
    if (!r) { /* its headers are there; now its body and its end */
        r = *state = request_new(w, connection, url, method);
        if (!r)
            return MHD_NO;
        if (request_is_ambiguous(r))
            return end_ambiguous(connection);
        r->https = w->tls;
        r->old = strcmp(version, "HTTP/1.1") != 0;
        proxies_judge(&w->proxies, r);
        clients_is_for(connection, r->ask.peer);
        if ((r->rc = who_asks(&w->who, r, &r->err)) == ERR_OK)
            gate_judge(&w->who, r);
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        bool more = request_take(r, upload, *upload_bytes);
        if (r->route && r->route->body && r->may == GATE_MAY)
            clients_went_on(connection, *upload_bytes);
        *upload_bytes = 0;
        return more ? MHD_YES : MHD_NO;
    }
    bool get = r->ask.head || strcmp(method, "GET") == 0;
    int rc = r->ask.post || get ? answer(w, r, &out, &err) : own_method(r, &out, &err);
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

/* What its settings say of who may; root NULL: to try them. */
static int judge(struct who *who, struct networks *proxies, const char *root, const struct cfg *cfg,
                 const struct sockaddr *at, struct err *err)
{
    const char *trusted = cfg_text(cfg, "serve", "trusted_proxy");
    int rc = who_open(who, root, cfg_text(cfg, "serve", "token_file"), err);
    if (rc == ERR_OK)
        rc = networks_read(proxies, trusted, err);
    if (rc == ERR_OK && at)
        rc = gate_check_address(who_is_asked_for(who), cfg_text(cfg, "serve", "listen"), at, err);
    if (rc == ERR_OK && at && trusted[0] && !who_is_asked_for(who))
        rc = err_set(err, ERR_CONFIG,
                     "trusted_proxy %s: whoever reaches the proxy could see and do everything; add "
                     "people first: dashspool user add NAME --role admin",
                     trusted);
    return rc;
}

static int read_tls(struct web *w, const struct cfg *cfg, struct err *err)
{
    bool fresh;
    int rc = certificate_check(cfg, err);
    w->tls = cfg_text(cfg, "serve", "tls_cert")[0] != '\0';
    if (rc < 0 || !w->tls)
        return rc;
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return err_set(err, ERR_CONFIG, "tls_cert: this machine's libmicrohttpd has no TLS");
    return certificate_read(cfg, &fresh, err);
}

static int start(struct web *w, const struct cfg *cfg, struct err *err)
{
    const char *listen_at = cfg_text(cfg, "serve", "listen");
    struct addrinfo *at = NULL;
    int rc = listen_resolve(listen_at, &at, err);
    if (rc == ERR_OK)
        rc = judge(&w->who, &w->proxies, w->root, cfg, at->ai_addr, err);
    if (rc == ERR_OK)
        rc = sessions_open(&w->who.sessions, w->root, cfg_ms(cfg, "serve", "session_idle") * 1000,
                           cfg_ms(cfg, "serve", "session_max") * 1000, err);
    if (rc == ERR_OK)
        rc = read_tls(w, cfg, err);
    if (rc == ERR_OK)
        rc = open_port(at, listen_at, &w->fd, err);
    if (at)
        freeaddrinfo(at);
    if (rc < 0)
        return rc;
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)certificate_choose},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, w->priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (w->tls ? MHD_USE_TLS : 0u), 0, NULL, NULL,
        on_request, w, MHD_OPTION_LISTEN_SOCKET, w->fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(WEB_CONNECTIONS_MAX + WEB_STREAMS_MAX), MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, clients_on_connection, &w->clients,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, w->tls ? tls : tls + 2, MHD_OPTION_END);
    return w->daemon ? ERR_OK : err_set(err, ERR_NOMEM, "starting the web server failed");
}

int web_try(const char *root, const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    const char *at = cfg_text(cfg, "serve", "listen"), *port = strrchr(at, ':');
    const char *its = old ? strrchr(cfg_text(old, "serve", "listen"), ':') : NULL;
    const char *token = cfg_text(cfg, "serve", "token_file");
    struct networks proxies;
    struct who who;
    if (token[0] && fsx_check_file(token, err) < 0)
        return cfg_blame(cfg, "serve", "token_file", err);
    if (listen_try(at, !old || (port && its && strcmp(port, its) == 0), err) < 0)
        return cfg_blame(cfg, "serve", "listen", err);
    if (certificate_check(cfg, err) < 0)
        return cfg_blame(cfg, "serve", "tls_cert", err);
    int rc = judge(&who, &proxies, NULL, cfg, NULL, err);
    who_close(&who);
    if (rc < 0)
        return cfg_blame(cfg, "serve", "token_file", err);
    struct addrinfo *address = NULL;
    rc = listen_resolve(at, &address, err);
    if (rc == ERR_OK) {
        rc = judge(&who, &proxies, root, cfg, address->ai_addr, err);
        who_close(&who);
        freeaddrinfo(address);
    }
    bool proxy = rc < 0 && strncmp(err->text, "trusted_proxy", strlen("trusted_proxy")) == 0;
    return rc < 0 ? cfg_blame(cfg, "serve", proxy ? "trusted_proxy" : "listen", err) : ERR_OK;
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
    char *access_dir = NULL;
    if (!w)
        return err_nomem(err, "the web server");
    w->fd = -1;
    w->app = app;
    w->cfg = cfg;
    /* TLS 1.2 and 1.3, with forward secrecy and authenticated encryption only, as cameras get. */
    snprintf(w->priorities, sizeof w->priorities,
             "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"
             "-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305");
    w->root = root;
    w->clients.proxies = &w->proxies;
    w->access_days = cfg_int(cfg, "serve", "access_days");
    raise_files();
    int rc = language_open(cfg_text(cfg, "ui", "language"), err);
    if (rc == ERR_OK)
        rc = fsx_path(&access_dir, err, "%s/access", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(access_dir, err);
    free(access_dir);
    return rc < 0 ? rc : start(w, cfg, err);
}

int web_run(struct web *w, struct stop *stop, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd p[2] = {{.fd = stop->fd, .events = POLLIN},
                          {.fd = info ? info->epoll_fd : -1, .events = POLLIN}};
    while (!stop_requested(stop)) {
        if (stop_reload(stop))
            certificate_read_again(w->cfg);
        int rc = w->app->between ? w->app->between(w->app->app, err) : ERR_OK;
        if (rc < 0)
            return rc;
        if ((rc = sessions_keep(&w->who.sessions, err)) < 0 && log_may(LOG_LEVEL_ERROR, ""))
            log_error("serve", "sessions are not kept", LOG_ERR(err)); /* they hold for now */
        access_sweep(w);
        streams_beat(&w->streams, &w->who);
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
    if (w)
        who_close(&w->who);
    if (w && w->tls)
        certificate_free();
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
