/* server: the ports, and the life of a server: its beginning, SIGHUP, its end. */
#include "dashspool/sandbox.h"
#include "dashspool/site.h"
#include "link.h"
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKLOG = 1024,
    TABLE_BUCKETS = 4096, /* 10 000 connections: chains of 2 or 3 */
};

enum { N_LISTENERS = 2, N_SIGNALS = 3, STATUS_EVERY_MS = 1000 };

struct listener {
    uv_tcp_t tcp;
    struct server *server;
    bool tls;
    bool waits; /* a connection that there was no memory for */
};

struct server {
    const struct cfg *cfg;
    const struct link_service *service;
    void *arg; /* the service's */
    uv_loop_t loop;
    struct listener listener[N_LISTENERS];
    int n_listeners;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t timer; /* the status */
    int handles;      /* listeners and timer, not yet closed */
    struct links links;
    struct tls_context *tls;
    struct link_status status;
    bool stopping;
};

static const char *get_text(const struct server *s, const char *key)
{
    return cfg_text(s->cfg, s->service->name, key);
}

static const char *allow_file(const struct server *s)
{
    return cfg_text(s->cfg, "receive", "allow");
}

/* ---- listeners ---- */

static void take(struct listener *l)
{
    struct server *s = l->server;
    bool waited = l->waits;
    l->waits = !links_accept(&s->links, (uv_stream_t *)&l->tcp, l->tls ? s->tls : NULL);
    if (l->waits && !waited)
        log_error(s->service->name, "out of memory, not accepting connections");
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status == 0)
        take(l);
    else if (log_may(LOG_LEVEL_ERROR, "?")) /* as often as somebody connects */
        log_error(l->server->service->name, "listen failed",
                  LOG_TEXT("reason", uv_strerror(status)));
}

/* Who started it waits for these words, in the log of a machine, too. */
static void announce(struct listener *l)
{
    struct sockaddr_storage addr = {0};
    int size = sizeof addr;
    char address[LISTEN_NAME_ROOM], host[LISTEN_NAME_ROOM], text[96], words[128];
    uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&addr, &size);
    listen_name((struct sockaddr *)&addr, (size_t)size, address, host);
    snprintf(text, sizeof text, "%s%s", address, l->tls ? " (TLS)" : "");
    snprintf(words, sizeof words, "listening on %s", text);
    link_status_listens(&l->server->status, text);
    if (log_is_plain())
        fprintf(stderr, "%s\n", words);
    else
        log_event(LOG_LEVEL_INFO, l->server->service->name, words,
                  LOG_FIELDS(LOG_TEXT("address", address), LOG_BOOL("tls", l->tls)));
    fflush(stderr);
}

static int start_listener(struct server *s, const char *listen, bool tls, struct err *err)
{
    struct addrinfo *addr = NULL;
    struct listener *l = &s->listener[s->n_listeners];
    int rc = listen_resolve(listen, &addr, err);
    if (rc < 0)
        return rc;
    uv_tcp_init(&s->loop, &l->tcp);
    l->tcp.data = l;
    l->server = s;
    l->tls = tls;
    s->n_listeners++;
    s->handles++;
    int code = uv_tcp_bind(&l->tcp, addr->ai_addr, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    freeaddrinfo(addr);
    if (code < 0)
        return err_set(err, ERR_BUSY, "listen %s: %s", listen, uv_strerror(code));
    return ERR_OK;
}

/* ---- what SIGHUP reads again ---- */

static int load_tls(struct server *s, struct err *err)
{
    struct tls_context *fresh = NULL;
    const char *cert = get_text(s, "tls_cert");
    if (!cert[0])
        return ERR_OK;
    int rc =
        tls_context_server(&fresh, cert, get_text(s, "tls_key"), get_text(s, "tls_client_ca"), err);
    if (rc == ERR_OK) {
        tls_context_free(&s->tls); /* connections that are open keep theirs */
        s->tls = fresh;
    }
    return rc;
}

/* All of it, or nothing: the old goes on. */
static void reload(struct server *s)
{
    struct err err;
    size_t n = 0;
    const char *cert = get_text(s, "tls_cert");
    if (cert[0] &&
        (tls_try_server(cert, get_text(s, "tls_key"), get_text(s, "tls_client_ca"), &err) < 0)) {
        log_error(s->service->name, "certificate reload failed, keeping the old certificate",
                  LOG_ERR(&err));
        return;
    }
    if (access_reload(s->links.access, &n, &err) < 0) {
        log_error(s->service->name, "allow-list reload failed, keeping the old list",
                  LOG_ERR(&err));
        return;
    }
    if (allow_file(s)[0])
        log_info(s->service->name, "allow-list reloaded", LOG_INT("cameras", n));
    if (load_tls(s, &err) < 0)
        log_error(s->service->name, "certificate reload failed, keeping the old certificate",
                  LOG_ERR(&err));
    else if (s->tls)
        log_info(s->service->name, "certificate reloaded");
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct server *s = uv_loop_get_data(handle->loop);
    s->handles--;
}

static void close_handles(struct server *s)
{
    for (int i = 0; i < s->n_listeners; i++)
        uv_close((uv_handle_t *)&s->listener[i].tcp, on_closed);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct server *s = uv_loop_get_data(handle->loop);
    if (s->stopping)
        return;
    if (signum == SIGHUP) {
        reload(s);
        return;
    }
    s->stopping = true;
    log_info(s->service->name, "shutting down",
             LOG_TEXT("signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"));
    close_handles(s);
    links_close(&s->links, s->service->down);
}

/* ---- the beginning ---- */

static void on_status(uv_timer_t *timer)
{
    struct server *s = uv_loop_get_data(timer->loop);
    link_status_write(&s->status, &s->links, s->arg);
    log_left_out(s->service->name);
    for (int i = 0; i < s->n_listeners; i++)
        if (s->listener[i].waits)
            take(&s->listener[i]);
}

/* Shuts the process in, before its first thread: ROOT to read and write, what SIGHUP reads again to
 * read. What the kernel does not have is logged. */
static int enter_sandbox(const struct server *s, const char *root, struct err *err)
{
    const char *const reread[] = {get_text(s, "tls_cert"), get_text(s, "tls_key"),
                                  get_text(s, "tls_client_ca"), allow_file(s), NULL};
    const char *learned[] = {allow_file(s), NULL};
    struct sandbox_report report;
    struct sandbox_rules rules = {
        .kind = SANDBOX_SERVER, .stage = s->service->name, .write_dir = root, .reread = reread};
    rules.connects = site_reads(site_used());
    rules.write_files = cfg_bool(s->cfg, "receive", "learn") ? learned : NULL;
    int rc = sandbox_enter(&rules, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_warn(s->service->name, "sandbox incomplete", LOG_TEXT("reason", report.missing));
    return rc;
}

static int open_all(struct server *s, const char *root, struct err *err)
{
    const char *name = s->service->name;
    int rc = load_tls(s, err);
    if (rc == ERR_OK && get_text(s, "listen")[0])
        rc = start_listener(s, get_text(s, "listen"), false, err);
    if (rc == ERR_OK && s->tls)
        rc = start_listener(s, get_text(s, "tls_listen"), true, err);
    if (rc == ERR_OK && s->n_listeners == 0)
        rc = err_set(err, ERR_CONFIG,
                     "nothing to listen on: set [%s] listen, or tls_cert and tls_key", name);
    if (rc < 0 || (rc = listen_drop_root(name, get_text(s, "user"), root, err)) < 0)
        return rc;
    /* as who will read it again, and add to it */
    rc = access_open(&s->links.access, allow_file(s), cfg_bool(s->cfg, "receive", "learn"), err);
    if (rc < 0 || (rc = s->service->open(s->arg, &s->links, root, err)) < 0 ||
        (rc = link_status_open(&s->status, s->service, root, err)) < 0)
        return rc;
    return enter_sandbox(s, root, err);
}

/* The loop and its signals stay until the process is gone: who tells us twice to end must not kill
 * us on the way out. */
int link_serve(const char *root, const struct cfg *cfg, const struct link_service *service,
               void *arg, struct err *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the server");
    s->cfg = cfg;
    s->service = service;
    s->arg = arg;
    int rc = sandbox_without_rings(err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    uv_loop_init(&s->loop);
    uv_loop_set_data(&s->loop, s);
    for (int i = 0; i < N_SIGNALS; i++)
        uv_signal_init(&s->loop, &s->signals[i]);
    uv_signal_start(&s->signals[N_SIGNALS - 1], on_signal, SIGHUP); /* before what it reads again */
    uv_timer_init(&s->loop, &s->timer);
    s->handles = 1;
    signal(SIGPIPE, SIG_IGN); /* who is gone is told by the next read, not by our end */
    s->links = (struct links){
        .loop = &s->loop,
        .service = service,
        .arg = arg,
        .open_max = (int)cfg_int(cfg, service->name, "connections_max"),
        .per_address_max = (int)cfg_int(cfg, service->name, "per_address_max"),
    };
    rc = networks_read(&s->links.balancers, cfg_text(cfg, service->name, "proxy_from"), err);
    if (rc == ERR_OK)
        rc = listen_raise_descriptors(service->name, &s->links.open_max, err);
    if (rc == ERR_OK)
        rc = table_init(&s->links.by_address, TABLE_BUCKETS, err);
    if (rc == ERR_OK)
        rc = table_init(&s->links.by_imei, TABLE_BUCKETS, err);
    if (rc == ERR_OK) {
        static const int signums[N_SIGNALS - 1] = {SIGTERM, SIGINT};
        rc = open_all(s, root, err);
        if (rc == ERR_OK) {
            for (int i = 0; i < N_SIGNALS - 1; i++)
                uv_signal_start(&s->signals[i], on_signal, signums[i]);
            for (int i = 0; i < s->n_listeners; i++)
                announce(&s->listener[i]);
            uv_timer_start(&s->timer, on_status, 0, STATUS_EVERY_MS);
        }
    }
    if (rc < 0)
        close_handles(s);
    while (s->handles > 0 || s->links.open > 0)
        uv_run(&s->loop, UV_RUN_ONCE);
    service->close(arg);
    for (int i = 0; i < N_SIGNALS; i++)
        uv_unref((uv_handle_t *)&s->signals[i]);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    link_status_close(&s->status);
    tls_context_free(&s->tls);
    access_close(&s->links.access);
    table_clear(&s->links.by_address);
    table_clear(&s->links.by_imei);
    return rc;
}
