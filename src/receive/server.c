#include "connection.h"
#include "dashspool/log.h"
#include "dashspool/receive.h"
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 1024 };

static const struct cfg_key keys[] = {
    {"listen", CFG_TEXT, "HOST:PORT", 0, 255, "0.0.0.0:7160",
     "address that the cameras connect to; port 0 takes a free one"},
    {"init_s", CFG_INT, "s", 1, 3600, "15",
     "a connection that has not said INIT by then is closed"},
    {"metadata_s", CFG_INT, "s", 0, 3600, "10",
     "wait for metadata, then go on without; 0 never asks for it"},
    {"sync_s", CFG_INT, "s", 1, 3600, "10", "wait for SYNC, then send RESUME again"},
    {"stall_s", CFG_INT, "s", 1, 3600, "30", "wait for data, then send RESUME"},
    {"silence_s", CFG_INT, "s", 1, 86400, "300", "a camera that is silent for so long is closed"},
    {"repeats", CFG_INT, "times", 1, 1000, "20",
     "RESUMEs at one packet before the transfer is kept as a partial"},
    {"packets_max", CFG_INT, "packets of 1 KiB", 1, 4194303, "1048576",
     "larger files are not taken"},
    {"commit_ms", CFG_INT, "ms", 1, 60000, "250", "received bytes are on disk after this time"},
    {"commit_mib", CFG_INT, "MiB", 1, 1024, "4", "… or after so many"},
    {"min_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "256",
     "with less space on ROOT's disk no camera is taken, and running transfers wait"},
    {"day_files_max", CFG_INT, "files; 0: any", 0, 1 << 30, "5000",
     "of one camera and UTC day; more are refused"},
    {"day_mib_max", CFG_INT, "MiB; 0: any", 0, 1 << 30, "20480", "likewise"},
    {"queue_mib", CFG_INT, "MiB", 1, 16384, "64", "reading pauses when so much waits for the disk"},
};
const struct cfg_section receive_cfg_section = {"receive", keys, sizeof keys / sizeof *keys};

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t signals[2];
    int handles; /* listener and signals, not yet closed */
    struct connections connections;
    bool stopping;
};

static int64_t get(const struct cfg *cfg, const char *name)
{
    return cfg_int(cfg, receive_cfg_section.name, name);
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

static void on_closed(uv_handle_t *handle)
{
    struct server *s = handle->data;
    s->handles--;
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct server *s = handle->data;
    if (s->stopping)
        return;
    s->stopping = true;
    log_info("receive", "%s: ending", signum == SIGTERM ? "SIGTERM" : "SIGINT");
    uv_close((uv_handle_t *)&s->listener, on_closed);
    uv_close((uv_handle_t *)&s->signals[0], on_closed);
    uv_close((uv_handle_t *)&s->signals[1], on_closed);
    connection_close_all(&s->connections, "the receiver ends");
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = listener->data;
    if (status < 0)
        log_error("receive", "listen: %s", uv_strerror(status));
    else
        connection_accept(&s->connections, listener);
}

/* Splits "HOST:PORT", "[HOST]:PORT" or ":PORT" and resolves it. */
static int resolve(const char *listen, struct addrinfo **out, struct err *err)
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    size_t n = colon ? (size_t)(colon - listen) : 0;
    if (!colon || !colon[1] || n >= sizeof host)
        return err_set(err, ERR_CONFIG, "listen %s: write HOST:PORT", listen);
    bool brackets = n >= 2 && listen[0] == '[' && colon[-1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), listen + brackets);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int gai = getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, out);
    if (gai != 0)
        return err_set(err, ERR_CONFIG, "listen %s: %s", listen, gai_strerror(gai));
    return ERR_OK;
}

static void announce(struct server *s)
{
    struct sockaddr_storage addr;
    int size = sizeof addr;
    char host[64] = "?", port[8] = "?";
    if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&addr, &size) == 0)
        getnameinfo((struct sockaddr *)&addr, (socklen_t)size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    fprintf(stderr, strchr(host, ':') ? "listening on [%s]:%s\n" : "listening on %s:%s\n", host,
            port);
    fflush(stderr);
}

static int start(struct server *s, const char *listen, const struct addrinfo *addr, struct err *err)
{
    int rc = uv_tcp_bind(&s->listener, addr->ai_addr, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    if (rc < 0)
        return err_set(err, ERR_BUSY, "listen %s: %s", listen, uv_strerror(rc));
    static const int signums[2] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++)
        uv_signal_start(&s->signals[i], on_signal, signums[i]);
    announce(s);
    return ERR_OK;
}

int receive_run(const char *root, const struct cfg *cfg, struct err *err)
{
    const char *listen = cfg_text(cfg, receive_cfg_section.name, "listen");
    struct addrinfo *addr = NULL;
    int rc = resolve(listen, &addr, err); /* wrong usage touches no disk */
    if (rc < 0)
        return rc;
    struct server *s = calloc(1, sizeof *s);
    if (!s) {
        freeaddrinfo(addr);
        return err_set(err, ERR_NOMEM, "no memory for the server");
    }
    uv_loop_init(&s->loop);
    uv_tcp_init(&s->loop, &s->listener);
    uv_signal_init(&s->loop, &s->signals[0]);
    uv_signal_init(&s->loop, &s->signals[1]);
    s->listener.data = s->signals[0].data = s->signals[1].data = s;
    s->handles = 3;
    s->connections = (struct connections){.loop = &s->loop, .limits = limits_from(cfg)};
    struct store_options options = {
        .commit_ms = get(cfg, "commit_ms"),
        .commit_bytes = (size_t)get(cfg, "commit_mib") << 20,
        .queued_bytes = (size_t)get(cfg, "queue_mib") << 20,
        .free_bytes_min = get(cfg, "min_free_mib") << 20,
        .day_files_max = get(cfg, "day_files_max"),
        .day_bytes_max = get(cfg, "day_mib_max") << 20,
    };
    rc = store_open(&s->connections.store, root, &s->loop, &options, err);
    if (rc == ERR_OK) {
        store_on_room(s->connections.store, connection_on_room, &s->connections);
        rc = start(s, listen, addr, err);
    }
    freeaddrinfo(addr);
    if (rc < 0) {
        uv_close((uv_handle_t *)&s->listener, on_closed);
        uv_close((uv_handle_t *)&s->signals[0], on_closed);
        uv_close((uv_handle_t *)&s->signals[1], on_closed);
    }
    while (s->handles > 0 || s->connections.open > 0)
        uv_run(&s->loop, UV_RUN_ONCE);
    store_close(&s->connections.store);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    free(s);
    return rc;
}
