#include "dashspool/fsx.h"
#include "dashspool/listen.h"
#include "dashspool/log.h"
#include "dashspool/sandbox.h"
#include "dashspool/status.h"
#include "dashspool/stop.h"
#include "serve_internal.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cfg_key keys[] = {
    {"enabled", CFG_BOOL, "yes or no", 0, 0, "no", "whether 'dashspool run' starts it"},
    {"listen", CFG_TEXT, "HOST:PORT", 1, 300, "127.0.0.1:7180",
     "address to listen on; any other than loopback requires token_file", listen_check},
    {"token_file", CFG_TEXT, "path", 0, 4000, "",
     "file whose first line is the access token for browsers and programs"},
};
const struct cfg_section serve_cfg_section = {"serve", keys, sizeof keys / sizeof *keys};

enum { FILES = 3, IDLE_S = 30, MEMORY_BYTES = 32 * 1024, BACKLOG = 64, WAIT_MS = 60000 };

/* ---- pages without a file of their own ---- */

static int answer_text(const char *text, const char *type, const char *cache, struct answer *out,
                       struct err *err)
{
    struct buf b;
    buf_init(&b, 65536);
    int rc = buf_append(&b, text, strlen(text), err);
    if (rc == ERR_OK)
        rc = web_send(&b, MHD_HTTP_OK, type, cache, out, err);
    buf_clear(&b);
    return rc;
}

static int serve_css(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    (void)s;
    (void)ask;
    return answer_text(serve_style, "text/css; charset=utf-8", "no-cache", out, err);
}

static int serve_health(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    struct catalogue_counts counts;
    (void)ask;
    int rc = catalogue_count(s->catalogue, &counts, err);
    return rc < 0 ? rc : answer_text("ok\n", "text/plain; charset=utf-8", "no-store", out, err);
}

static void begin_error(struct web *h, const char *title, const char *text)
{
    web_begin(h, title);
    web_print(h, "<h1>%s</h1>\n<p>%s</p>\n", title, text);
}

static int answer_error(const struct err *why, struct answer *out, struct err *err)
{
    struct web h;
    int code = why->code;
    begin_error(&h,
                code == ERR_NOTFOUND    ? "Not found"
                : code == ERR_MALFORMED ? "Bad request"
                                        : "Server error",
                why->text);
    web_put(&h, "<p><a href=\"/\">All transfers</a></p>\n");
    return web_answer(&h,
                      code == ERR_NOTFOUND     ? MHD_HTTP_NOT_FOUND
                      : code == ERR_MALFORMED  ? MHD_HTTP_BAD_REQUEST
                      : err_is_temporary(code) ? MHD_HTTP_SERVICE_UNAVAILABLE
                                               : MHD_HTTP_INTERNAL_SERVER_ERROR,
                      out, err);
}

/* The page that was asked for, and that the form leads back to. */
static int answer_no_token(const char *to, struct answer *out, struct err *err)
{
    struct web h;
    begin_error(&h, "Access token required", "Ask the administrator of this server for it.");
    web_print(&h,
              "<form method=\"post\" action=\"/login\"><input type=\"hidden\" name=\"to\" "
              "value=\"%s\"><label>Token<input type=\"password\" name=\"token\" "
              "autocomplete=\"current-password\" required></label><button>Open</button></form>",
              to);
    int rc = web_answer(&h, MHD_HTTP_UNAUTHORIZED, out, err);
    return rc < 0 ? rc : web_header(out, "WWW-Authenticate", "Bearer", err);
}

/* The browser has it from now on, for no script to read and no other site to send. */
static int answer_cookie(const struct serve *s, const char *path, struct answer *out,
                         struct err *err)
{
    char cookie[HASH_HEX_ROOM + 80];
    struct web h, to = {.rc = ERR_OK};
    buf_init(&to.b, 4096);
    web_path(&to, path);
    if (to.rc == ERR_OK)
        to.rc = buf_append(&to.b, "", 1, &to.err);
    web_begin(&h, "Open");
    snprintf(cookie, sizeof cookie, "dashspool=%s; Path=/; HttpOnly; SameSite=Strict",
             s->access.cookie);
    int rc = web_answer(&h, MHD_HTTP_SEE_OTHER, out, err);
    if (rc == ERR_OK)
        rc = web_header(out, "Set-Cookie", cookie, err);
    if (rc == ERR_OK)
        rc =
            web_header(out, "Location", to.rc == ERR_OK ? (const char *)buf_data(&to.b) : "/", err);
    buf_clear(&to.b);
    return rc;
}

/* ---- who answers ---- */

static const struct route {
    const char *path;
    bool all_below; /* path ends in '/': what is behind it is the page's own */
    bool open;      /* without a token */
    serve_page_fn *page;
} routes[] = {
    {"/", false, false, serve_list},           {"/transfer/", true, false, serve_transfer},
    {"/copy/", true, false, serve_copy},       {"/original/", true, false, serve_original},
    {"/style.css", false, true, serve_css},    {"/healthz", false, true, serve_health},
    {"/status", false, false, serve_state},    {"/status.json", false, false, serve_state_json},
    {"/metrics", false, false, serve_metrics},
};

static const struct route *find_route(struct ask *ask)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        size_t n = strlen(routes[i].path);
        ask->rest = ask->path + n;
        if (routes[i].all_below ? strncmp(ask->path, routes[i].path, n) == 0
                                : strcmp(ask->path, routes[i].path) == 0)
            return &routes[i];
    }
    return NULL;
}

static int answer(struct serve *s, struct ask *ask, struct answer *out, struct err *err)
{
    const struct route *route = find_route(ask);
    struct err why = {0};
    enum serve_may may = serve_authorize(&s->access, ask);
    if (may == SERVE_OTHER_NAME) {
        struct web h;
        begin_error(&h, "Wrong host name",
                    "Without a token, these pages are only served as http://127.0.0.1 or "
                    "http://localhost.");
        return web_answer(&h, MHD_HTTP_FORBIDDEN, out, err);
    }
    if (may == SERVE_NO_TOKEN && !(route && route->open))
        return answer_no_token(route ? ask->path : "/", out, err);
    int rc = route ? route->page(s, ask, out, &why)
                   : err_set(&why, ERR_NOTFOUND, "There is no such page.");
    if (rc == ERR_OK)
        return rc;
    if (out->response)
        MHD_destroy_response(out->response);
    *out = (struct answer){.status = 0};
    if (rc != ERR_NOTFOUND && rc != ERR_MALFORMED && log_may(LOG_LEVEL_ERROR, ask->peer))
        log_error("serve", "page failed", LOG_TEXT("path", ask->path), LOG_ERR(&why));
    return answer_error(&why, out, err);
}

/* ---- the form ---- */

enum { FORM_BYTES_MAX = 4096, FORM_PIECE = 1024 };

struct form {
    struct MHD_PostProcessor *parser;
    char token[600], to[400]; /* what does not fit is none of ours */
    size_t bytes;
    bool unfit;
};

static enum MHD_Result on_form_data(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *file, const char *type, const char *encoding,
                                    const char *data, uint64_t at, size_t n)
{
    struct form *f = arg;
    bool token = key && strcmp(key, "token") == 0, to = key && strcmp(key, "to") == 0;
    char *out = token ? f->token : f->to;
    size_t room = token ? sizeof f->token : sizeof f->to;
    (void)kind;
    (void)file;
    (void)type;
    (void)encoding;
    if (!token && !to)
        return MHD_YES;
    if (at + n >= room || memchr(data, '\0', n)) {
        f->unfit = true;
        return MHD_NO;
    }
    memcpy(out + at, data, n);
    out[at + n] = '\0';
    return MHD_YES;
}

static void form_free(struct form **f)
{
    if (*f && (*f)->parser)
        MHD_destroy_post_processor((*f)->parser);
    free(*f);
    *f = NULL;
}

static struct form *form_new(struct MHD_Connection *connection)
{
    struct form *f = calloc(1, sizeof *f);
    if (f && !(f->parser = MHD_create_post_processor(connection, FORM_PIECE, on_form_data, f)))
        f->unfit = true; /* it is no form */
    return f;
}

/* More than a form of ours has is not read on: false. */
static bool form_take(struct form *f, const char *data, size_t n)
{
    f->bytes += n;
    if (f->bytes > FORM_BYTES_MAX)
        return false;
    if (!f->unfit && MHD_post_process(f->parser, data, n) != MHD_YES)
        f->unfit = true;
    return true;
}

static int answer_login(struct serve *s, const struct form *f, struct answer *out, struct err *err)
{
    struct ask to = {.path = f->to[0] ? f->to : "/"};
    bool known = find_route(&to) != NULL; /* leads nowhere else */
    if (f->unfit || !s->access.token || !serve_is_token(&s->access, f->token))
        return answer_no_token(known ? to.path : "/", out, err);
    return answer_cookie(s, known ? to.path : "/", out, err);
}

static int answer_method(struct answer *out, struct err *err)
{
    struct web h;
    begin_error(&h, "Read-only", "Only GET and HEAD are supported.");
    int rc = web_answer(&h, MHD_HTTP_METHOD_NOT_ALLOWED, out, err);
    return rc < 0 ? rc : web_header(out, "Allow", "GET, HEAD", err);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    struct serve *s = arg;
    struct form *form = *state;
    struct ask ask = {.connection = connection, .path = url, .head = strcmp(method, "HEAD") == 0};
    struct answer out = {.status = 0};
    struct err err;
    bool login = strcmp(method, "POST") == 0 && strcmp(url, "/login") == 0;
    bool known = ask.head || strcmp(method, "GET") == 0 || login;
    (void)version;
    if (known && !form) /* its headers are there; now its end */
        return (*state = form_new(connection)) ? MHD_YES : MHD_NO;
    if (known && *upload_bytes > 0) {
        bool more = form_take(form, upload, *upload_bytes);
        *upload_bytes = 0;
        return more ? MHD_YES : MHD_NO;
    }
    serve_peer(connection, ask.peer);
    int rc = login   ? answer_login(s, form, &out, &err)
             : known ? answer(s, &ask, &out, &err)
                     : answer_method(&out, &err);
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
    struct form *form = *state;
    (void)arg;
    (void)how;
    form_free(&form);
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

static int start(struct serve *s, const struct cfg *cfg, int *fd, struct err *err)
{
    const char *listen_at = cfg_text(cfg, "serve", "listen");
    struct addrinfo *at = NULL;
    int rc = listen_resolve(listen_at, &at, err);
    if (rc == ERR_OK)
        rc = serve_access_open(&s->access, cfg_text(cfg, "serve", "token_file"), listen_at,
                               at->ai_addr, err);
    if (rc == ERR_OK)
        rc = open_port(at, listen_at, fd, err);
    if (at)
        freeaddrinfo(at);
    if (rc < 0)
        return rc;
    s->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s,
                                 MHD_OPTION_LISTEN_SOCKET, *fd, MHD_OPTION_CONNECTION_LIMIT,
                                 (unsigned)SERVE_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                                 (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 (size_t)MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
                                 clients_on_connection, &s->clients, MHD_OPTION_NOTIFY_COMPLETED,
                                 on_completed, s, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    return s->daemon ? ERR_OK : err_set(err, ERR_NOMEM, "starting the web server failed");
}

int serve_try(const struct cfg *cfg, const struct cfg *old, struct err *err)
{
    const char *at = cfg_text(cfg, "serve", "listen"), *port = strrchr(at, ':');
    const char *its = old ? strrchr(cfg_text(old, "serve", "listen"), ':') : NULL;
    const char *token = cfg_text(cfg, "serve", "token_file");
    struct addrinfo *address = NULL;
    struct serve_access unused;
    if (!cfg_bool(cfg, "serve", "enabled"))
        return ERR_OK;
    if (token[0] && fsx_check_file(token, err) < 0)
        return cfg_blame(cfg, "serve", "token_file", err);
    if (listen_try(at, !old || (port && its && strcmp(port, its) == 0), err) < 0 ||
        listen_resolve(at, &address, err) < 0)
        return cfg_blame(cfg, "serve", "listen", err);
    int rc = serve_access_open(&unused, token, at, address->ai_addr, err);
    freeaddrinfo(address);
    return rc < 0 ? cfg_blame(cfg, "serve", token[0] ? "token_file" : "listen", err) : ERR_OK;
}

/* Until a signal comes. */
static int run(struct serve *s, struct stop *stop, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd p[2] = {{.fd = stop->fd, .events = POLLIN},
                          {.fd = info ? info->epoll_fd : -1, .events = POLLIN}};
    while (!stop_requested(stop)) {
        if (catalogue_there(s->catalogue, err) < 0)
            return err->code; /* whoever starts it again opens what is there now */
        MHD_UNSIGNED_LONG_LONG ms = WAIT_MS;
        if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > WAIT_MS)
            ms = WAIT_MS;
        int late_ms = clients_end_late(&s->clients);
        if (late_ms >= 0 && (unsigned)late_ms < ms)
            ms = (unsigned)late_ms;
        if (poll(p, 2, (int)ms) < 0 && errno != EINTR)
            return err_sys(err, "wait for requests");
        MHD_run(s->daemon);
        log_left_out("serve");
    }
    return ERR_OK;
}

/* Shuts this process in, for good. /proc/locks: who works at a job, as a status tells. */
static int enter_sandbox(const char *root, struct err *err)
{
    static const char *const files[FILES] = {"catalogue.db", "catalogue.db-wal",
                                             "catalogue.db-shm"};
    const char *const dirs[] = {root, NULL};
    char *file[FILES + 1] = {NULL};
    struct sandbox_report report;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < FILES; i++)
        rc = fsx_path(&file[i], err, "%s/%s", root, files[i]);
    struct sandbox_rules rules = {.kind = SANDBOX_SERVER,
                                  .stage = "serve",
                                  .read = {"/proc/locks"},
                                  .read_dirs = dirs,
                                  .write_files = (const char *const *)file};
    if (rc == ERR_OK)
        rc = sandbox_enter(&rules, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_warn("serve", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (size_t i = 0; i < FILES; i++)
        free(file[i]);
    return rc;
}

int serve_run(const char *root, const struct cfg *cfg, struct err *err)
{
    struct serve s = {.cfg = cfg};
    char *real = NULL;
    struct stop stop;
    int fd = -1, rc = stop_open(&stop, "serve", err);
    if (rc == ERR_OK)
        rc = catalogue_open(&s.catalogue, root, true, err);
    if (rc == ERR_OK && !(s.root = real = realpath(root, NULL)))
        rc = err_sys(err, "%s", root);
    if (rc == ERR_OK && (rc = raw_open(&s.raw, s.root, err)) == ERR_OK)
        rc = start(&s, cfg, &fd, err);
    if (rc == ERR_OK)
        rc = enter_sandbox(s.root, err);
    if (rc == ERR_OK) {
        /* Who started it waits for these words, in the log of a machine, too. */
        struct sockaddr_storage addr;
        socklen_t n = sizeof addr;
        char address[LISTEN_NAME_ROOM] = "?", host[LISTEN_NAME_ROOM], words[128];
        if (getsockname(fd, (struct sockaddr *)&addr, &n) == 0)
            listen_name((struct sockaddr *)&addr, n, address, host);
        snprintf(words, sizeof words, "listening on %s", address);
        if (log_is_plain())
            fprintf(stderr, "%s\n", words);
        else
            log_event(LOG_LEVEL_INFO, "serve", words, LOG_FIELDS(LOG_TEXT("address", address)));
        fflush(stderr);
        rc = run(&s, &stop, err);
    }
    if (s.daemon)
        MHD_stop_daemon(s.daemon);
    else if (fd >= 0)
        close(fd);
    status_free(&s.state);
    raw_close(&s.raw);
    catalogue_close(&s.catalogue);
    free(real);
    stop_close(&stop);
    return rc;
}
