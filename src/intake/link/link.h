/*
 * link: what a server of devices does whatever they speak: listening, with TLS or without; who gets
 * in, and how many of them; one device's socket, from its first byte to the close of its handles;
 * the newest link of an IMEI; signals; the sandbox; the file that tells `status` of it all. One
 * thread, one loop of libuv.
 *
 * What is said on a link, and what is done with it, is the room's above (struct link_service). It
 * sees plain bytes, never sockets, and may close a link in any of its calls.
 */
#ifndef DASHSPOOL_LINK_H
#define DASHSPOOL_LINK_H

#include "dashspool/cfg.h"
#include "dashspool/clock.h"
#include "dashspool/listen.h"
#include "dashspool/log.h"
#include "dashspool/table.h"
#include "dashspool/tls.h"
#include "proxy.h"
#include <jansson.h>
#include <uv.h>

struct link;
struct links;

struct link_service {
    const char *name; /* of its section, in the log, and ROOT/<name>.json; static */
    const char *down; /* why links end with us: "receiver shutting down" */

    /* ---- one link ---- */
    size_t bytes; /* of the room's own struct, which begins with a struct link; zeroed */
    int (*begin)(struct link *l, struct err *err);
    int (*feed)(struct link *l, const uint8_t *data, size_t n, struct err *err);
    void (*eof)(struct link *l);         /* nothing more comes; l->failure says why, or "" */
    bool (*act)(struct link *l);         /* does one thing that is due; false: nothing is */
    bool (*wants)(const struct link *l); /* to read on */
    int64_t (*deadline_us)(const struct link *l); /* when act() is due without bytes; monotonic */
    void (*leave)(struct link *l);                /* it is closed, and in no list any more */
    void (*end)(struct link *l);                  /* … and its handles are; frees what is in it */

    /* ---- the server ---- */
    /* Its stores, once the ports are open and root's rights given away; arg is link_serve()'s.
     * close: also after a failure, with the loop that still runs. */
    int (*open)(void *arg, struct links *all, const char *root, struct err *err);
    void (*close)(void *arg);
    /* Adds what it has to tell to the status; called once a second. `list`: the array in it that is
     * cut where all of it has no room. */
    void (*status)(void *arg, json_t *o);
    const char *list;
    size_t status_bytes_max;
};

/* Settings that each such section has; `enabled` is the stages' (stages.h). */
#define LINK_CFG_TLS                                                                             \
    {"tls_cert",                                                                                 \
     CFG_TEXT,                                                                                   \
     "PEM file",                                                                                 \
     0,                                                                                          \
     4000,                                                                                       \
     "",                                                                                         \
     "server certificate, followed by its intermediate certificates"},                           \
        {"tls_key", CFG_TEXT, "PEM file", 0, 4000, "", "private key of tls_cert"},               \
    {                                                                                            \
        "tls_client_ca", CFG_TEXT, "PEM file", 0, 4000, "",                                      \
            "CA certificates; clients must present a certificate issued by one of them; empty: " \
            "not required"                                                                       \
    }
#define LINK_CFG_LIMITS                                                                      \
    {"user",                                                                                 \
     CFG_TEXT,                                                                               \
     "name",                                                                                 \
     0,                                                                                      \
     63,                                                                                     \
     "",                                                                                     \
     "user to switch to once the ports are open, when started as root; empty: the owner of " \
     "ROOT"},                                                                                \
        {"connections_max",                                                                  \
         CFG_INT,                                                                            \
         "connections",                                                                      \
         1,                                                                                  \
         1000000,                                                                            \
         "12000",                                                                            \
         "maximum number of connections; further ones are closed at once"},                  \
        {"per_address_max",                                                                  \
         CFG_INT,                                                                            \
         "connections",                                                                      \
         1,                                                                                  \
         1000000,                                                                            \
         "2000",                                                                             \
         "maximum number of connections per address (a mobile operator may put a fleet "     \
         "behind one)"},                                                                     \
    {                                                                                        \
        "proxy_from", CFG_TEXT, "addresses", 0, 1000, "",                                    \
            "load balancers, whose connections begin with a PROXY header (version 2) that "  \
            "says who is behind them: addresses, networks; nobody else may send one",        \
            networks_check                                                                   \
    }

/* Serves until SIGTERM or SIGINT. Reads the allow-list of [receive] and its own certificate again
 * at SIGHUP. Prints "listening on HOST:PORT" to stderr when ready. */
int link_serve(const char *root, const struct cfg *cfg, const struct link_service *service,
               void *arg, struct err *err) DS_MUST_CHECK;

/* Tries what a section names: ports, certificate and key, user; and [receive]'s the allow-list.
 * old: the settings that the server runs with now, whose ports are busy because of it; NULL: any
 * may be. ERR_CONFIG with "file:line: key = value: …". */
int link_try(const char *section, const struct cfg *cfg, const struct cfg *old,
             struct err *err) DS_MUST_CHECK;

/* ---- all links ---- */

/* Why devices were sent away, and how often within the last day; by the texts, numbers in them set
 * aside. */
struct link_refusal {
    char why[160]; /* the last of these texts; "" free */
    int64_t last_us;
    struct clock_day day;
};
enum { LINK_REFUSALS = 8 }; /* further ones take the place of the oldest */

struct links { /* the server's storage */
    uv_loop_t *loop;
    const struct link_service *service;
    void *arg; /* link_serve()'s */
    struct access *access;
    int open_max, per_address_max;
    struct networks balancers; /* who says whom it speaks for */
    struct link *first;
    struct table by_address, by_imei;
    int open;                   /* handles not yet closed: the loop may end when it is 0 */
    uint64_t accepted, refused; /* connections since the start */
    struct link_refusal refusal[LINK_REFUSALS];
    int64_t refused_logged_us;
    uint64_t refused_unlogged;
};

/* A device was sent away. */
void links_count_refusal(struct links *all, const char *why);
json_t *links_refusals(const struct links *all);

/* Takes the next waiting connection of a listener; tls: the peer speaks TLS, else NULL. One too
 * many is closed at once. False: there was no memory for it, it waits still (and the listener takes
 * no other before); call again later. */
bool links_accept(struct links *all, uv_stream_t *listener, const struct tls_context *tls);

/* Ends every link. */
void links_close(struct links *all, const char *why);

/* link_drain() of each. */
void links_drain(struct links *all);

/* ---- one of them ---- */

struct link {
    struct links *all;
    struct link *next, **self; /* list of all */
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct tls *tls; /* NULL: plain */
    struct table_link by_address, by_imei;
    char imei[16]; /* "" before it is known */
    /* "10.0.0.1:4711", "10.0.0.1"; behind a load balancer the device's, once that has said it */
    char peer[LISTEN_NAME_ROOM], address[LISTEN_NAME_ROOM];
    char failure[120]; /* why we end it, where the room above does not know; "" else */
    size_t unsent;     /* memory of what waits to be sent */
    struct proxy_header proxy;
    bool spoken; /* the device has, not only a load balancer for it */
    bool reading, closing;
    int handles; /* not yet closed */
};

/* Whom an event is about. */
#define LINK_WHO(l) LOG_TEXT("imei", (l)->imei), LOG_TEXT("peer", (l)->peer)

/* It has said whose it is. An older link of the same IMEI, which hangs, or soon will, is ended.
 * ERR_NOTFOUND and others: it may not in (counted); *learned: it was added to the allow-list. */
int link_named(struct link *l, const char *imei, bool *learned, struct err *err) DS_MUST_CHECK;

/* Leaves the list and the tables at once; freed when its handles are closed. Again is fine. */
void link_close(struct link *l);

/* Does what is due now, then hears on if the room above wants to. To be called after whatever may
 * have changed that. */
void link_drain(struct link *l);

/* Through TLS, if it speaks that. Never waits: what a device does not take is kept for it, a
 * little; then it is ended. */
void link_send(struct link *l, const uint8_t *data, size_t n);

/* Bytes that may be anything, for JSON: what is no printable ASCII becomes '?'. */
json_t *link_text_json(const char *text);
json_t *link_time_json(int64_t utc_us);

/* ---- status.c ----
 *
 * ROOT/<name>.json, what `dashspool status` tells of a running server. Written in place once a
 * second, padded to the size that it had, so that it can be written on a full disk, too; no fsync.
 * Who reads while it is written finds that its first value (serial) is not its last (same_serial),
 * and reads again.
 */

struct link_status {
    int fd; /* -1: not open; 0 before link_status_open() */
    bool open;
    const struct link_service *service;
    int64_t started_us;
    char listens[2][96];
    int n_listens;
    long long serial;
    size_t bytes; /* of the file */
};

int link_status_open(struct link_status *f, const struct link_service *service, const char *root,
                     struct err *err) DS_MUST_CHECK;
void link_status_listens(struct link_status *f, const char *where);
void link_status_write(struct link_status *f, const struct links *all, void *arg);
void link_status_close(struct link_status *f); /* removes what it said */

#endif
