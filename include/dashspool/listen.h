/*
 * listen: what every listener of this program does alike, for cameras, trackers and browsers:
 * finding its address, saying who called, which addresses a setting names, giving away root's
 * rights, having descriptors for its connections, and the allow-list. TLS is tls.h; the sockets are
 * the caller's.
 *
 * The allow-list is a file of IMEIs, one a line, "#" begins a comment; it is read at the start and
 * again when asked to. In learn mode a tracker that is not in it is added to it, durably, and
 * taken: for the first days of a fleet. A server in its sandbox may write to the file that was
 * there when it began; one put in its place is read, and learned into after the next start.
 */
#ifndef DASHSPOOL_LISTEN_H
#define DASHSPOOL_LISTEN_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addrinfo;
struct sockaddr;

/* "HOST:PORT", "[HOST]:PORT" or ":PORT" (any address). *out is the caller's (freeaddrinfo).
 * ERR_CONFIG. */
int listen_resolve(const char *text, struct addrinfo **out, struct err *err) DS_MUST_CHECK;

/* A setting's check (cfg.h): HOST:PORT with a port that there is, or nothing. */
int listen_check(const char *value, struct err *err);

/* Whether one can listen there: the host is known and of this computer, the port allowed and free.
 * ours: it is busy because of us. ERR_CONFIG. */
int listen_try(const char *text, bool ours, struct err *err) DS_MUST_CHECK;

/* Whether two settings want the same port of this computer; one of any address has it of all. */
bool listen_same(const char *one, const char *other);

/* "10.0.0.1:4711", "[::1]:4711", and the address alone; "?" of what cannot be named. */
#define LISTEN_NAME_ROOM 64
void listen_name(const struct sockaddr *address, size_t bytes, char out[LISTEN_NAME_ROOM],
                 char host[LISTEN_NAME_ROOM]);

/* ---- addresses that a setting names: proxies, load balancers ---- */

#define NETWORKS_MAX 16
struct networks {
    struct network {
        uint8_t address[16]; /* of IPv4: mapped */
        unsigned bits;
    } of[NETWORKS_MAX];
    size_t n;
};

/* "127.0.0.1, 10.0.0.0/8, fd00::/8"; none is fine. ERR_CONFIG, "expected …". */
int networks_read(struct networks *out, const char *text, struct err *err) DS_MUST_CHECK;
int networks_check(const char *value, struct err *err); /* a setting's check (cfg.h) */
bool networks_have(const struct networks *all, const char *address);
bool network_is_address(const char *text);

/* ---- rights and limits ---- */

/* Becomes the user and its groups; "": the owner of ROOT; only root can. ERR_CONFIG for a user that
 * does not exist, or is not the one to whom ROOT belongs. section: of the settings, for the log. */
int listen_drop_root(const char *section, const char *user, const char *root,
                     struct err *err) DS_MUST_CHECK;

/* Descriptors for *connections, if the system lets us; fewer connections where it has fewer.
 * ERR_CONFIG: not even enough for a few. */
int listen_raise_descriptors(const char *section, int *connections, struct err *err) DS_MUST_CHECK;

/* ---- the allow-list ---- */

struct access;

/* path "": everybody may. In learn mode a missing file is made. ERR_CONFIG names file and line of
 * what is not an IMEI. */
int access_open(struct access **out, const char *path, bool learn, struct err *err) DS_MUST_CHECK;
void access_close(struct access **access);

/* Reads the file again; on failure the list stays as it was. *n (may be NULL): trackers in it. */
int access_reload(struct access *access, size_t *n, struct err *err) DS_MUST_CHECK;

/* ERR_OK: may; *learned tells that it was added just now. ERR_NOTFOUND: may not. Other errors: it
 * could not be added, and may not. */
int access_check(struct access *access, const char *imei, bool *learned,
                 struct err *err) DS_MUST_CHECK;

#endif
