#include "dashspool/receive.h"
#include "dashspool/sandbox.h"
#include "dashspool/stages.h"
#include "stats.h"
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKLOG = 1024,
    TABLE_BUCKETS = 4096, /* 10 000 connections: chains of 2 or 3 */
};

static const struct cfg_key keys[] = {
    {"listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:7160",
     "address the cameras connect to; port 0: any free port; empty: TLS only", listen_check},
    {"tls_listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:7161",
     "address for TLS connections; used once tls_cert is set", listen_check},
    {"tls_cert", CFG_TEXT, "PEM file", 0, 4000, "",
     "server certificate, followed by its intermediate certificates"},
    {"tls_key", CFG_TEXT, "PEM file", 0, 4000, "", "private key of tls_cert"},
    {"tls_client_ca", CFG_TEXT, "PEM file", 0, 4000, "",
     "CA certificates; clients must present a certificate issued by one of them; empty: not "
     "required"},
    {"allow", CFG_TEXT, "file", 0, 4000, "",
     "file of accepted IMEIs, one per line; empty: accept all. Reloaded on SIGHUP"},
    {"learn", CFG_BOOL, "yes or no", 0, 0, "no",
     "accept unknown IMEIs and add them to the allow file"},
    {"user", CFG_TEXT, "name", 0, 63, "",
     "user to switch to once the ports are open, when started as root; empty: the owner of ROOT"},
    {"connections_max", CFG_INT, "connections", 1, 1000000, "12000",
     "maximum number of connections; further ones are closed at once"},
    {"per_address_max", CFG_INT, "connections", 1, 1000000, "2000",
     "maximum number of connections per address (a mobile operator may put a fleet behind one)"},
    {"init_s", CFG_INT, "s", 1, 3600, "15",
     "close a connection that has not sent INIT after this time"},
    {"metadata_s", CFG_INT, "s", 0, 3600, "10",
     "how long to wait for metadata before continuing without; 0: do not request it"},
    {"sync_s", CFG_INT, "s", 1, 3600, "10", "how long to wait for SYNC before repeating RESUME"},
    {"stall_s", CFG_INT, "s", 1, 3600, "30", "how long to wait for data before sending RESUME"},
    {"silence_s", CFG_INT, "s", 1, 86400, "300",
     "close a connection that has been silent for this long"},
    {"repeats", CFG_INT, "times", 1, 1000, "20",
     "retries (RESUME) at one packet before the transfer is kept as partial"},
    {"packets_max", CFG_INT, "packets of 1 KiB", 1, 4194303, "1048576",
     "maximum file size; larger files are refused"},
    {"commit_ms", CFG_INT, "ms", 1, 60000, "250",
     "maximum time until received bytes are committed to disk"},
    {"commit_mib", CFG_INT, "MiB", 1, 1024, "4", "… or as soon as this many are pending"},
    {"min_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "256",
     "minimum free space on ROOT's disk; below it connections are refused and transfers paused"},
    {"day_files_max", CFG_INT, "files; 0: any", 0, 1 << 30, "5000",
     "daily quota per tracker (UTC day); more is refused"},
    {"day_mib_max", CFG_INT, "MiB; 0: any", 0, 1 << 30, "20480", "likewise"},
    {"queue_mib", CFG_INT, "MiB", 1, 16384, "64",
     "stop reading from cameras while more than this is waiting to be written"},
};
const struct cfg_section receive_cfg_section = {"receive", keys, sizeof keys / sizeof *keys};

enum { N_LISTENERS = 2, N_SIGNALS = 3, STATUS_EVERY_MS = 1000 };

struct listener {
    uv_tcp_t tcp;
    struct server *server;
    bool tls;
    bool waits; /* a connection that there was no memory for */
};

struct server {
    const struct cfg *cfg;
    struct stages *stages;
    const char *feeds[STAGES_MAX], *names[STAGES_MAX];
    struct spools_known known; /* all of them */
    uv_loop_t loop;
    struct listener listener[N_LISTENERS];
    int n_listeners;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t timer; /* the status */
    int handles;      /* listeners and timer, not yet closed */
    struct connections connections;
    struct tls_context *tls;
    struct status_file status;
    bool stopping;
};

static int64_t get(const struct cfg *cfg, const char *name)
{
    return cfg_int(cfg, receive_cfg_section.name, name);
}

static const char *get_text(const struct cfg *cfg, const char *name)
{
    return cfg_text(cfg, receive_cfg_section.name, name);
}

static struct wire_limits limits_from(const struct cfg *cfg)
{
    struct wire_limits l = wire_limits_default;
    l.init_us = get(cfg, "init_s") * 1000000;
    l.meta_us = get(cfg, "metadata_s") * 1000000;
    l.sync_us = get(cfg, "sync_s") * 1000000;
    l.stall_us = get(cfg, "stall_s") * 1000000;
    l.silence_us = get(cfg, "silence_s") * 1000000;
    l.repeats = (int)get(cfg, "repeats");
    l.packets_max = (uint32_t)get(cfg, "packets_max");
    return l;
}

/* ---- listeners ---- */

static void take(struct listener *l)
{
    struct server *s = l->server;
    bool waited = l->waits;
    l->waits = !connections_accept(&s->connections, (uv_stream_t *)&l->tcp, l->tls ? s->tls : NULL);
    if (l->waits && !waited)
        log_error("receive", "out of memory, not accepting connections");
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status == 0)
        take(l);
    else if (log_may(LOG_LEVEL_ERROR, "?")) /* as often as somebody connects */
        log_error("receive", "listen failed", LOG_TEXT("reason", uv_strerror(status)));
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
    status_file_listens(&l->server->status, text);
    if (log_is_plain())
        fprintf(stderr, "%s\n", words);
    else
        log_event(LOG_LEVEL_INFO, "receive", words,
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
    const char *cert = get_text(s->cfg, "tls_cert");
    if (!cert[0])
        return ERR_OK;
    int rc = tls_context_server(&fresh, cert, get_text(s->cfg, "tls_key"),
                                get_text(s->cfg, "tls_client_ca"), err);
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
    const char *cert = get_text(s->cfg, "tls_cert");
    if (cert[0] && (tls_try_server(cert, get_text(s->cfg, "tls_key"),
                                   get_text(s->cfg, "tls_client_ca"), &err) < 0)) {
        log_error("receive", "certificate reload failed, keeping the old certificate",
                  LOG_ERR(&err));
        return;
    }
    if (access_reload(s->connections.access, &n, &err) < 0) {
        log_error("receive", "allow-list reload failed, keeping the old list", LOG_ERR(&err));
        return;
    }
    if (get_text(s->cfg, "allow")[0])
        log_info("receive", "allow-list reloaded", LOG_INT("cameras", n));
    if (load_tls(s, &err) < 0)
        log_error("receive", "certificate reload failed, keeping the old certificate",
                  LOG_ERR(&err));
    else if (s->tls)
        log_info("receive", "certificate reloaded");
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
    log_info("receive", "shutting down",
             LOG_TEXT("signal", signum == SIGTERM ? "SIGTERM" : "SIGINT"));
    close_handles(s);
    connections_close(&s->connections, "receiver shutting down");
}

/* ---- the beginning ---- */

static void on_status(uv_timer_t *timer)
{
    struct server *s = uv_loop_get_data(timer->loop);
    status_file_write(&s->status, &s->connections);
    log_left_out("receive");
    for (int i = 0; i < s->n_listeners; i++)
        if (s->listener[i].waits)
            take(&s->listener[i]);
}

static char *dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!path[0])
        return NULL;
    return slash == path ? strdup("/")
           : slash       ? strndup(path, (size_t)(slash - path))
                         : strdup(".");
}

/* Shuts the process in, before its first thread: ROOT to read and write, the folders of what SIGHUP
 * reads again to read. What the kernel does not have is logged. */
static int enter_sandbox(const char *root, const struct cfg *cfg, struct err *err)
{
    static const char *const reread[] = {"tls_cert", "tls_key", "tls_client_ca", "allow"};
    const char *learned[] = {cfg_text(cfg, "receive", "allow"), NULL};
    struct sandbox_report report;
    char *dir[5] = {NULL};
    const char *dirs[5] = {NULL};
    size_t n = 0;
    for (int i = 0; i < 4; i++)
        if ((dir[n] = dir_of(cfg_text(cfg, "receive", reread[i]))) != NULL)
            dirs[n] = dir[n], n++;
    struct sandbox_rules rules = {
        .kind = SANDBOX_SERVER, .stage = "receive", .write_dir = root, .read_dirs = dirs};
    rules.write_files = cfg_bool(cfg, "receive", "learn") ? learned : NULL;
    int rc = sandbox_enter(&rules, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_warn("receive", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (size_t i = 0; i < n; i++)
        free(dir[i]);
    return rc;
}

static int open_all(struct server *s, const char *root, struct err *err)
{
    struct connections *all = &s->connections;
    struct store_options options = {
        .commit_ms = get(s->cfg, "commit_ms"),
        .commit_bytes = (size_t)get(s->cfg, "commit_mib") << 20,
        .queued_bytes = (size_t)get(s->cfg, "queue_mib") << 20,
        .free_bytes_min = get(s->cfg, "min_free_mib") << 20,
        .day_files_max = get(s->cfg, "day_files_max"),
        .day_bytes_max = get(s->cfg, "day_mib_max") << 20,
        .on_room = connections_on_room,
        .on_room_arg = all,
    };
    int rc = stages_load(&s->stages, s->cfg, err);
    if (rc < 0)
        return rc;
    options.feeds = s->feeds;
    options.n_feeds = stages_feeds(s->stages, "receive", s->feeds);
    s->known.name = s->names;
    for (const struct stages_stage *stage; (stage = stages_at(s->stages, s->known.n));)
        s->names[s->known.n++] = stage->name;
    options.stages = &s->known;
    rc = load_tls(s, err);
    if (rc == ERR_OK && get_text(s->cfg, "listen")[0])
        rc = start_listener(s, get_text(s->cfg, "listen"), false, err);
    if (rc == ERR_OK && s->tls)
        rc = start_listener(s, get_text(s->cfg, "tls_listen"), true, err);
    if (rc == ERR_OK && s->n_listeners == 0)
        rc = err_set(err, ERR_CONFIG,
                     "nothing to listen on: set [receive] listen, or tls_cert and tls_key");
    if (rc < 0 || (rc = listen_drop_root("receive", get_text(s->cfg, "user"), root, err)) < 0)
        return rc;
    /* as who will read it again, and add to it */
    rc = access_open(&all->access, get_text(s->cfg, "allow"),
                     cfg_bool(s->cfg, receive_cfg_section.name, "learn"), err);
    if (rc < 0 || (rc = store_open(&all->store, root, &s->loop, &options, err)) < 0 ||
        (rc = status_file_open(&s->status, root, err)) < 0)
        return rc;
    return enter_sandbox(root, s->cfg, err);
}

int receive_run(const char *root, const struct cfg *cfg, struct err *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "the server");
    s->cfg = cfg;
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
    s->connections = (struct connections){.loop = &s->loop,
                                          .limits = limits_from(cfg),
                                          .open_max = (int)get(cfg, "connections_max"),
                                          .per_address_max = (int)get(cfg, "per_address_max")};
    rc = listen_raise_descriptors("receive", &s->connections.open_max, err);
    if (rc == ERR_OK)
        rc = table_init(&s->connections.by_address, TABLE_BUCKETS, err);
    if (rc == ERR_OK)
        rc = table_init(&s->connections.by_imei, TABLE_BUCKETS, err);
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
    while (s->handles > 0 || s->connections.open > 0)
        uv_run(&s->loop, UV_RUN_ONCE);
    store_close(&s->connections.store);
    for (int i = 0; i < N_SIGNALS; i++)
        uv_unref((uv_handle_t *)&s->signals[i]);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    status_file_close(&s->status);
    tls_context_free(&s->tls);
    access_close(&s->connections.access);
    table_clear(&s->connections.by_address);
    table_clear(&s->connections.by_imei);
    stages_free(&s->stages);
    /* The loop and its signals stay until the process is gone: who tells us twice to end must not
     * kill us on the way out. */
    return rc;
}
