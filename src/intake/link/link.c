/* link: one device's socket, and who of them gets in. */
#include "link.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_BYTES = 64 * 1024,
    KEEPALIVE_S = 60,
    /* Memory for what the kernel does not take: a device that takes no answers, and asks on, costs
     * no more. None has more than a few unheard; a chain of certificates fits, too. */
    UNSENT_MAX = 64 * 1024,
};

struct write {
    uv_write_t req;
    uv_buf_t buf;
    struct link *link;
    size_t cost;
    uint8_t bytes[];
};

/* ---- new, close ---- */

static struct link *link_new(struct links *all, const struct tls_context *tls)
{
    struct err err;
    struct link *l = calloc(1, all->service->bytes);
    if (l)
        l->all = all;
    if (l && (!tls || tls_new(&l->tls, tls, NULL, &err) == ERR_OK) &&
        all->service->begin(l, &err) == ERR_OK) {
        l->next = all->first;
        l->self = &all->first;
        if (l->next)
            l->next->self = &l->next;
        all->first = l;
        all->open++;
        l->handles = 2;
        uv_tcp_init(all->loop, &l->tcp);
        uv_timer_init(all->loop, &l->timer);
        l->tcp.data = l->timer.data = l;
        return l;
    }
    if (l)
        tls_free(&l->tls);
    free(l);
    return NULL;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;
    if (--l->handles > 0)
        return;
    l->all->open--;
    l->all->service->end(l);
    tls_free(&l->tls);
    free(l);
}

void link_close(struct link *l)
{
    if (l->closing)
        return;
    l->closing = true;
    table_remove(&l->by_address);
    table_remove(&l->by_imei);
    *l->self = l->next;
    if (l->next)
        l->next->self = l->self;
    l->all->service->leave(l);
    uv_close((uv_handle_t *)&l->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
}

/* ---- sending ---- */

static void on_written(uv_write_t *req, int status)
{
    struct write *w = req->data;
    (void)status; /* a broken connection is told by the next read */
    w->link->unsent -= w->cost;
    free(w);
}

static void send_raw(struct link *l, const uint8_t *data, size_t n)
{
    uv_buf_t whole = uv_buf_init((char *)(uintptr_t)data, (unsigned)n);
    int sent = uv_try_write((uv_stream_t *)&l->tcp, &whole, 1);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == n)
        return;
    const size_t cost = sizeof(struct write) + n - done;
    if (l->unsent + cost > UNSENT_MAX) {
        snprintf(l->failure, sizeof l->failure, "it sends on without taking its answers");
        l->all->service->eof(l);
        return;
    }
    struct write *w = malloc(cost);
    if (!w)
        return; /* a time-out of the session asks again, or ends it */
    w->link = l;
    w->cost = cost;
    memcpy(w->bytes, data + done, n - done);
    w->buf = uv_buf_init((char *)w->bytes, (unsigned)(n - done));
    w->req.data = w;
    if (uv_write(&w->req, (uv_stream_t *)&l->tcp, &w->buf, 1, on_written) < 0)
        free(w);
    else
        l->unsent += cost;
}

/* What TLS has for the network. */
static void send_pulled(struct link *l)
{
    uint8_t bytes[4096];
    for (size_t n; (n = tls_pull(l->tls, bytes, sizeof bytes)) > 0;)
        send_raw(l, bytes, n);
}

void link_send(struct link *l, const uint8_t *data, size_t n)
{
    struct err err;
    if (l->closing)
        return;
    if (!l->tls) {
        send_raw(l, data, n);
        return;
    }
    if (tls_write(l->tls, data, n, &err) < 0 && log_may(LOG_LEVEL_WARN, l->peer))
        log_warn(l->all->service->name, "TLS send failed", LINK_WHO(l),
                 LOG_ERR(&err)); /* time-outs end it */
    send_pulled(l);
}

/* ---- who gets in ---- */

/* Once a second at most: a flood must not fill the log. */
static void log_refused(struct links *all, const char *peer, const char *why)
{
    int64_t now_us = clock_mono_us();
    all->refused++;
    links_count_refusal(all, why);
    if (all->refused_logged_us && now_us - all->refused_logged_us < 1000000) {
        all->refused_unlogged++;
        return;
    }
    log_warn(all->service->name, "connection refused", LOG_TEXT("peer", peer),
             LOG_TEXT("reason", why),
             LOG_INT("others", all->refused_unlogged)); /* since the last such line */
    all->refused_logged_us = now_us;
    all->refused_unlogged = 0;
}

/* Why this connection is one too many, or NULL. A load balancer has many. */
static const char *too_many(const struct link *l)
{
    const struct links *all = l->all;
    if (all->open > all->open_max)
        return "too many connections (connections_max)";
    if (l->proxy.state == PROXY_EXPECTED)
        return NULL;
    if (table_count(&all->by_address, l->address) > (size_t)all->per_address_max)
        return "too many connections from this address (per_address_max)";
    return NULL;
}

/* It is known who is there. False: sent away. */
static bool let_in(struct link *l, const struct sockaddr *address, size_t bytes)
{
    struct links *all = l->all;
    listen_name(address, bytes, l->peer, l->address);
    if (l->proxy.state == PROXY_NONE && networks_have(&all->balancers, l->address))
        l->proxy.state = PROXY_EXPECTED;
    if (l->proxy.state != PROXY_EXPECTED)
        table_add(&all->by_address, &l->by_address, l->address, l);
    const char *why = too_many(l);
    if (why) {
        log_refused(all, l->peer, why);
        link_close(l);
        return false;
    }
    if (l->proxy.state == PROXY_EXPECTED)
        return true;
    all->accepted++;
    if (log_may(LOG_LEVEL_DEBUG, l->peer))
        log_debug(all->service->name, "accepted", LOG_TEXT("peer", l->peer),
                  LOG_INT("connections", all->open));
    return true;
}

/* ---- hearing ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    static char
        bytes[READ_BYTES]; /* one thread reads, and what it read is used up before the next */
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static int feed_plain(struct link *l, const void *data, size_t n, struct err *err)
{
    int rc = l->all->service->feed(l, data, n, err);
    if (rc == ERR_OK)
        link_drain(l);
    return rc;
}

static int feed_tls(struct link *l, const void *data, size_t n, struct err *err)
{
    static uint8_t plain[READ_BYTES]; /* like `bytes` of on_alloc() */
    bool end = false;
    int rc = tls_feed(l->tls, data, n, err);
    for (size_t got = 1; rc == ERR_OK && got > 0 && !end && !l->closing;) {
        rc = tls_read(l->tls, plain, sizeof plain, &got, &end, err);
        send_pulled(l);
        if (rc == ERR_OK && got > 0)
            rc = feed_plain(l, plain, got, err);
    }
    if (rc == ERR_OK && end && !l->closing)
        l->all->service->eof(l);
    return rc;
}

/* What a load balancer says before its client does; the rest stays in *data. */
static int feed_proxy(struct link *l, const uint8_t **data, size_t *n, struct err *err)
{
    struct sockaddr_storage from;
    size_t bytes = 0;
    int rc = proxy_feed(&l->proxy, data, n, &from, &bytes, err);
    if (rc < 0) {
        links_count_refusal(l->all, err->text);
        return rc;
    }
    if (l->proxy.state != PROXY_DONE)
        return ERR_OK;
    if (bytes > 0) /* else it is itself */
        let_in(l, (struct sockaddr *)&from, bytes);
    return ERR_OK;
}

/* A balancer that proxy_from does not name would be taken for all of its devices. */
static int refuse_proxy(struct link *l, const uint8_t *data, size_t n, struct err *err)
{
    l->proxy.state = PROXY_DONE; /* only the first bytes may be one */
    if (!proxy_is_header(data, n))
        return ERR_OK;
    err_set(err, ERR_MALFORMED, "a PROXY header from an address that proxy_from does not name");
    links_count_refusal(l->all, err->text);
    return err->code;
}

static int feed(struct link *l, const uint8_t *data, size_t n, struct err *err)
{
    int rc = l->proxy.state == PROXY_EXPECTED ? feed_proxy(l, &data, &n, err)
             : l->proxy.state == PROXY_NONE   ? refuse_proxy(l, data, n, err)
                                              : ERR_OK;
    if (rc < 0 || n == 0 || l->closing)
        return rc;
    l->spoken = true;
    return l->tls ? feed_tls(l, data, n, err) : feed_plain(l, data, n, err);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = stream->data;
    struct err err;
    int rc = ERR_OK;
    if (n == 0)
        return;
    if (n < 0 && l->all->balancers.n > 0 && !l->spoken &&
        networks_have(&l->all->balancers, l->address))
        link_close(l); /* a health check, every few seconds: there is nothing to tell of it */
    else if (n < 0)
        l->all->service->eof(l);
    else
        rc = feed(l, (const uint8_t *)buf->base, (size_t)n, &err);
    if (l->closing)
        return;
    if (rc < 0) {
        snprintf(l->failure, sizeof l->failure, "%s", err.text); /* the line of CLOSE says it */
        l->all->service->eof(l);
    }
    link_drain(l);
}

static void on_timer(uv_timer_t *timer)
{
    link_drain(timer->data);
}

/* The timer only ever fires early: then it is set again. Most DATA so cost no timer work. */
static void set_timer(struct link *l)
{
    int64_t deadline_us = l->all->service->deadline_us(l);
    if (deadline_us == INT64_MAX) {
        uv_timer_stop(&l->timer);
        return;
    }
    int64_t left_us = deadline_us - clock_mono_us();
    uint64_t left_ms = left_us > 0 ? (uint64_t)left_us / 1000 + 1 : 1;
    if (!uv_is_active((uv_handle_t *)&l->timer) || uv_timer_get_due_in(&l->timer) > left_ms)
        uv_timer_start(&l->timer, on_timer, left_ms, 0);
}

void link_drain(struct link *l)
{
    const struct link_service *service = l->all->service;
    while (!l->closing && service->act(l))
        ;
    if (l->closing)
        return;
    bool want = service->wants(l);
    if (want && !l->reading)
        uv_read_start((uv_stream_t *)&l->tcp, on_alloc, on_read);
    else if (!want && l->reading)
        uv_read_stop((uv_stream_t *)&l->tcp);
    l->reading = want;
    set_timer(l);
}

/* ---- all links ---- */

bool links_accept(struct links *all, uv_stream_t *listener, const struct tls_context *tls)
{
    struct link *l = link_new(all, tls);
    if (!l)
        return false;
    int rc = uv_accept(listener, (uv_stream_t *)&l->tcp);
    if (rc < 0) {
        if (log_may(LOG_LEVEL_ERROR, "?"))
            log_error(all->service->name, "accept failed", LOG_TEXT("reason", uv_strerror(rc)));
        link_close(l);
        return true;
    }
    struct sockaddr_storage addr = {0};
    int size = sizeof addr;
    uv_tcp_getpeername(&l->tcp, (struct sockaddr *)&addr, &size);
    if (!let_in(l, (struct sockaddr *)&addr, (size_t)size))
        return true;
    uv_tcp_nodelay(&l->tcp, 1);
    uv_tcp_keepalive(&l->tcp, 1, KEEPALIVE_S);
    link_drain(l);
    return true;
}

void links_close(struct links *all, const char *why)
{
    while (all->first) {
        struct link *l = all->first;
        log_info(all->service->name, "closing", LINK_WHO(l), LOG_TEXT("reason", why));
        l->all->service->eof(l);
        link_drain(l);
        link_close(l); /* also one that waits for an answer */
    }
}

void links_drain(struct links *all)
{
    for (struct link *l = all->first, *next; l; l = next) {
        next = l->next;
        link_drain(l);
    }
}

int link_named(struct link *l, const char *imei, bool *learned, struct err *err)
{
    struct links *all = l->all;
    snprintf(l->imei, sizeof l->imei, "%s", imei);
    int rc = access_check(all->access, imei, learned, err);
    if (rc < 0) {
        links_count_refusal(all, err->text);
        return rc;
    }
    /* The newer connection of a device is the one that works; the older one hangs, or soon will. */
    for (struct table_link *at; (at = table_find(&all->by_imei, l->imei, NULL));) {
        struct link *older = at->owner;
        if (log_may(LOG_LEVEL_WARN, l->peer))
            log_warn(all->service->name, "closed, superseded by a new connection", LINK_WHO(older),
                     LOG_TEXT("new_peer", l->peer));
        table_remove(&older->by_imei);
        all->service->eof(older);
        link_drain(older);
        link_close(older);
    }
    table_add(&all->by_imei, &l->by_imei, l->imei, l);
    return ERR_OK;
}
