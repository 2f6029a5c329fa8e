#include "dashspool/log.h"
#include "dashspool/status.h"
#include "serve_internal.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const struct cfg_key keys[] = {
    {"enabled", CFG_BOOL, "yes or no", 0, 0, "no", "whether 'dashspool run' starts it"},
    {"listen", CFG_TEXT, "HOST:PORT", 1, 300, "127.0.0.1:7180",
     "address to listen on; any other than loopback requires token_file"},
    {"token_file", CFG_TEXT, "path", 0, 4000, "",
     "file whose first line is the access token for browsers and programs"},
};
const struct cfg_section serve_cfg_section = {"serve", keys, sizeof keys / sizeof *keys};

enum { IDLE_S = 30, OF_ONE_PEER = 32, MEMORY_BYTES = 32 * 1024, BACKLOG = 64, WAIT_MS = 60000 };

/* ---- pages without a file of their own ---- */

static struct MHD_Response *answer_text(const char *text)
{
    size_t n = strlen(text);
    char *copy = strdup(text); /* what is const the library does not take */
    struct MHD_Response *r =
        copy ? MHD_create_response_from_buffer(n, copy, MHD_RESPMEM_MUST_FREE) : NULL;
    if (!r)
        free(copy);
    return r;
}

static int serve_css(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    (void)s;
    (void)ask;
    *out = (struct answer){.status = MHD_HTTP_OK};
    out->response = answer_text(serve_style);
    return web_headers(out, "text/css; charset=utf-8", "no-cache", err);
}

static int serve_health(struct serve *s, const struct ask *ask, struct answer *out, struct err *err)
{
    struct catalogue_counts counts;
    (void)ask;
    int rc = catalogue_count(s->catalogue, &counts, err);
    if (rc < 0)
        return rc;
    *out = (struct answer){.status = MHD_HTTP_OK};
    out->response = answer_text("ok\n");
    return web_headers(out, "text/plain; charset=utf-8", "no-store", err);
}

static void begin_error(struct web *h, const char *title, const char *text)
{
    web_begin(h, title);
    web_join(h, "<h1>", title, "</h1>\n");
    web_join(h, "<p>", text, "</p>\n");
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

static int answer_no_token(struct answer *out, struct err *err)
{
    struct web h;
    begin_error(&h, "Access token required", "Ask the administrator of this server for it.");
    web_put(&h, "<form><label>Token<input type=\"password\" name=\"token\" "
                "autocomplete=\"current-password\" required></label><button>Open</button></form>");
    int rc = web_answer(&h, MHD_HTTP_UNAUTHORIZED, out, err);
    return rc < 0 ? rc : web_header(out, "WWW-Authenticate", "Bearer", err);
}

static int answer_other_name(struct answer *out, struct err *err)
{
    struct web h;
    begin_error(&h, "Wrong host name",
                "Without a token, these pages are only served as http://127.0.0.1 or "
                "http://localhost.");
    return web_answer(&h, MHD_HTTP_FORBIDDEN, out, err);
}

/* The token leaves the address at once: addresses are kept in histories. */
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
    enum serve_may may = serve_access_judge(&s->access, ask);
    if (may == SERVE_OTHER_NAME)
        return answer_other_name(out, err);
    if (may == SERVE_NO_TOKEN && !(route && route->open))
        return answer_no_token(out, err);
    if (may == SERVE_NEW_COOKIE)
        return answer_cookie(s, route ? ask->path : "/", out, err);
    int rc = route ? route->page(s, ask, out, &why)
                   : err_set(&why, ERR_NOTFOUND, "There is no such page.");
    if (rc == ERR_OK)
        return rc;
    if (out->response)
        MHD_destroy_response(out->response);
    *out = (struct answer){.status = 0};
    if (rc != ERR_NOTFOUND && rc != ERR_MALFORMED)
        log_error("serve", "page failed", LOG_TEXT("path", ask->path), LOG_ERR(&why));
    return answer_error(&why, out, err);
}

static int answer_method(struct answer *out, struct err *err)
{
    struct web h;
    begin_error(&h, "Read-only", "Only GET and HEAD are supported.");
    int rc = web_answer(&h, MHD_HTTP_METHOD_NOT_ALLOWED, out, err);
    return rc < 0 ? rc : web_header(out, "Allow", "GET, HEAD", err);
}

const char *serve_asked(const struct ask *ask, const char *name)
{
    const char *value = MHD_lookup_connection_value(ask->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? value : "";
}

static void name_peer(struct ask *ask)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(ask->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    socklen_t n = info && info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                                   : sizeof(struct sockaddr_in);
    snprintf(ask->peer, sizeof ask->peer, "?");
    if (info)
        getnameinfo(info->client_addr, n, ask->peer, sizeof ask->peer, NULL, 0, NI_NUMERICHOST);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **state)
{
    static char begun;
    struct ask ask = {.connection = connection, .path = url, .head = strcmp(method, "HEAD") == 0};
    struct answer out = {.status = 0};
    struct err err;
    bool known = ask.head || strcmp(method, "GET") == 0;
    (void)version;
    (void)upload;
    (void)upload_bytes;
    if (known && !*state) { /* its headers are there; now its end */
        *state = &begun;
        return MHD_YES;
    }
    name_peer(&ask);
    int rc = known ? answer(arg, &ask, &out, &err) : answer_method(&out, &err);
    if (rc < 0)
        log_error("serve", "response failed, out of memory", LOG_TEXT("path", url), LOG_ERR(&err));
    enum MHD_Result done =
        rc == ERR_OK ? MHD_queue_response(connection, out.status, out.response) : MHD_NO;
    if (out.response)
        MHD_destroy_response(out.response);
    return done;
}

/* ---- listening ---- */

static int resolve(const char *listen, struct addrinfo **out, struct err *err)
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    if (!colon || !colon[1] || n == 0 || n >= sizeof host)
        return err_set(err, ERR_CONFIG, "listen %s: write HOST:PORT", listen);
    bool brackets = n > 2 && listen[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), listen + brackets);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int gai = getaddrinfo(host, colon + 1, &hints, out);
    return gai == 0 ? ERR_OK : err_set(err, ERR_CONFIG, "listen %s: %s", listen, gai_strerror(gai));
}

static int open_port(const struct addrinfo *at, const char *listen_at, int *fd, struct err *err)
{
    int on = 1;
    *fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(*fd, at->ai_addr, at->ai_addrlen) < 0 || listen(*fd, BACKLOG) < 0)
        return err_sys(err, "listen %s", listen_at);
    return ERR_OK;
}

static void announce(int fd)
{
    struct sockaddr_storage addr;
    socklen_t n = sizeof addr;
    char host[64] = "?", port[8] = "?";
    if (getsockname(fd, (struct sockaddr *)&addr, &n) == 0)
        getnameinfo((struct sockaddr *)&addr, n, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    fprintf(stderr, strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host,
            port);
}

static int start(struct serve *s, const struct cfg *cfg, int *fd, struct err *err)
{
    const char *listen_at = cfg_text(cfg, "serve", "listen");
    struct addrinfo *at = NULL;
    int rc = resolve(listen_at, &at, err);
    if (rc == ERR_OK)
        rc = serve_access_open(&s->access, cfg_text(cfg, "serve", "token_file"), listen_at,
                               at->ai_addr, err);
    if (rc == ERR_OK)
        rc = open_port(at, listen_at, fd, err);
    if (at)
        freeaddrinfo(at);
    if (rc < 0)
        return rc;
    s->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, *fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)SERVE_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)OF_ONE_PEER, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    return s->daemon ? ERR_OK : err_set(err, ERR_NOMEM, "starting the web server failed");
}

/* Until a signal comes. */
static int run(struct serve *s, int signal_fd, struct err *err)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd p[2] = {{.fd = signal_fd, .events = POLLIN},
                          {.fd = info ? info->epoll_fd : -1, .events = POLLIN}};
    while (!(p[0].revents & POLLIN)) {
        MHD_UNSIGNED_LONG_LONG ms = WAIT_MS;
        if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > WAIT_MS)
            ms = WAIT_MS;
        if (poll(p, 2, (int)ms) < 0 && errno != EINTR)
            return err_sys(err, "wait for requests");
        MHD_run(s->daemon);
    }
    struct signalfd_siginfo taken; /* or it ends us later */
    while (read(signal_fd, &taken, sizeof taken) == (ssize_t)sizeof taken)
        ;
    return ERR_OK;
}

static int open_signals(sigset_t *before, int *fd, struct err *err)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, before);
    *fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    return *fd < 0 ? err_sys(err, "wait for signals") : ERR_OK;
}

int serve_run(const char *root, const struct cfg *cfg, struct err *err)
{
    struct serve s = {.cfg = cfg};
    char *real = NULL;
    int fd = -1, signal_fd = -1;
    sigset_t before;
    int rc = open_signals(&before, &signal_fd, err);
    if (rc == ERR_OK)
        rc = catalogue_open(&s.catalogue, root, true, err);
    if (rc == ERR_OK && !(s.root = real = realpath(root, NULL)))
        rc = err_sys(err, "%s", root);
    if (rc == ERR_OK)
        rc = raw_open(&s.raw, s.root, err);
    if (rc == ERR_OK)
        rc = start(&s, cfg, &fd, err);
    if (rc == ERR_OK)
        rc = serve_guard(s.root, err);
    if (rc == ERR_OK) {
        announce(fd);
        rc = run(&s, signal_fd, err);
    }
    if (s.daemon)
        MHD_stop_daemon(s.daemon);
    else if (fd >= 0)
        close(fd);
    status_free(&s.state);
    raw_close(&s.raw);
    catalogue_close(&s.catalogue);
    free(real);
    if (signal_fd >= 0)
        close(signal_fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}
