#include "dashspool/listen.h"
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/user.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMEI_ROOM  16
#define FILE_BYTES ((size_t)32 * 1024 * 1024) /* a million cameras with comments */

/* ---- addresses ---- */

/* Where the port begins; NULL: that is none. */
static const char *port_of(const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon ? strspn(colon + 1, "0123456789") : 0;
    bool good = n > 0 && n <= 5 && !colon[1 + n] && strtol(colon + 1, NULL, 10) <= 65535;
    return good ? colon + 1 : NULL;
}

int listen_check(const char *value, struct err *err)
{
    return !value[0] || port_of(value)
               ? ERR_OK
               : err_set(err, ERR_CONFIG, "expected HOST:PORT, the port a number from 0 to 65535");
}

int listen_resolve(const char *text, struct addrinfo **out, struct err *err)
{
    char host[256];
    const char *port = port_of(text);
    size_t n = port ? (size_t)(port - 1 - text) : 0;
    if (!port || n >= sizeof host)
        return err_set(err, ERR_CONFIG,
                       "listen %s: expected HOST:PORT, the port a number from 0 to 65535", text);
    bool brackets = n >= 2 && text[0] == '[' && port[-2] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), text + brackets);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int gai = getaddrinfo(host[0] ? host : NULL, port, &hints, out);
    return gai == 0 ? ERR_OK : err_set(err, ERR_CONFIG, "listen %s: %s", text, gai_strerror(gai));
}

int listen_try(const char *text, bool ours, struct err *err)
{
    struct addrinfo *at = NULL;
    int on = 1, rc = listen_resolve(text, &at, err);
    if (rc < 0)
        return rc;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, 1) < 0) {
        const char *why = errno == EADDRINUSE      ? "another program listens there"
                          : errno == EADDRNOTAVAIL ? "this computer does not have that address"
                          : errno == EACCES
                              ? "ports below 1024 are for root, or CAP_NET_BIND_SERVICE"
                              : strerror(errno);
        if (errno != EADDRINUSE || !ours)
            rc = err_set(err, ERR_CONFIG, "%s", why);
    }
    if (fd >= 0)
        close(fd);
    freeaddrinfo(at);
    return rc;
}

/* The address' bytes; *any: it is all of them. */
static const void *bytes_of(const struct addrinfo *at, size_t *n, bool *any)
{
    static const uint8_t none[16];
    const struct sockaddr_in *v4 = (const void *)at->ai_addr;
    const struct sockaddr_in6 *v6 = (const void *)at->ai_addr;
    bool is_v4 = at->ai_family == AF_INET;
    const void *bytes = is_v4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;
    *n = is_v4 ? sizeof v4->sin_addr : sizeof v6->sin6_addr;
    *any = memcmp(bytes, none, *n) == 0;
    return bytes;
}

bool listen_same(const char *one, const char *other)
{
    struct addrinfo *a = NULL, *b = NULL;
    struct err unimportant;
    const char *port = port_of(one), *its = port_of(other);
    bool same = false, any, any_too;
    size_t n, m;
    if (!port || !its || strtol(port, NULL, 10) != strtol(its, NULL, 10) ||
        strtol(port, NULL, 10) == 0)
        return false;
    if (listen_resolve(one, &a, &unimportant) == ERR_OK &&
        listen_resolve(other, &b, &unimportant) == ERR_OK && a->ai_family == b->ai_family) {
        const void *x = bytes_of(a, &n, &any), *y = bytes_of(b, &m, &any_too);
        same = any || any_too || memcmp(x, y, n) == 0;
    }
    if (a)
        freeaddrinfo(a);
    if (b)
        freeaddrinfo(b);
    return same;
}

void listen_name(const struct sockaddr *address, size_t bytes, char out[LISTEN_NAME_ROOM],
                 char host[LISTEN_NAME_ROOM])
{
    char name[LISTEN_NAME_ROOM - 10] = "?", port[8] = "?";
    if (getnameinfo(address, (socklen_t)bytes, name, sizeof name, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        snprintf(name, sizeof name, "?");
    snprintf(out, LISTEN_NAME_ROOM, strchr(name, ':') ? "[%s]:%s" : "%s:%s", name, port);
    snprintf(host, LISTEN_NAME_ROOM, "%s", name);
}

/* ---- rights and limits ---- */

int listen_drop_root(const char *section, const char *user, const char *root, struct err *err)
{
    struct user owner, named;
    bool owned = user_of_root(&owner, root);
    int rc = user[0] ? user_named(&named, user, err) : ERR_OK;
    if (rc < 0)
        return rc;
    if (geteuid() != 0)
        return !user[0] || geteuid() == named.uid
                   ? ERR_OK
                   : err_set(err, ERR_CONFIG, "user = %s: cannot switch user: not started as root",
                             user);
    if (owned && user[0] && owner.uid != named.uid)
        return err_set(err, ERR_CONFIG,
                       "user = %s: %s belongs to %s; give it to %s (chown -R), or leave user out",
                       user, root, owner.name, user);
    if (user[0] || owned)
        return user_become(user[0] ? &named : &owner, err);
    log_warn(section, "running as root; set user in its section to drop privileges");
    return ERR_OK;
}

int listen_raise_descriptors(const char *section, int *connections, struct err *err)
{
    enum { OTHERS = 64, FEW = 16 }; /* databases, logs, listeners; connections */
    struct rlimit r;
    rlim_t want = (rlim_t)*connections + OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0)
        return ERR_OK;
    if (r.rlim_cur < want) {
        r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
    if (r.rlim_cur >= want)
        return ERR_OK;
    if (r.rlim_cur < OTHERS + FEW)
        return err_set(err, ERR_CONFIG,
                       "%llu file descriptors are allowed, at least %d are needed; raise the limit "
                       "(ulimit -n, LimitNOFILE=)",
                       (unsigned long long)r.rlim_cur, OTHERS + FEW);
    *connections = (int)r.rlim_cur - OTHERS;
    log_warn(section, "connections_max reduced, too few file descriptors (ulimit -n)",
             LOG_INT("descriptors", r.rlim_cur), LOG_INT("connections", *connections));
    return ERR_OK;
}

/* ---- the allow-list ---- */

struct access {
    char *path; /* NULL: everybody may */
    bool learn;
    char (*imei)[IMEI_ROOM]; /* ascending */
    size_t n, room;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* As INIT is read: a shorter one has a 0 in front, and would match nothing without it. */
static bool imei_ok(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)text[i]))
            return false;
    return n == 15;
}

static int add(struct access *a, const char *text, size_t n, struct err *err)
{
    if (a->n == a->room) {
        size_t room = a->room ? 2 * a->room : 64;
        void *more = realloc(a->imei, room * sizeof *a->imei);
        if (!more)
            return err_nomem(err, "the list of cameras");
        a->imei = more;
        a->room = room;
    }
    snprintf(a->imei[a->n++], IMEI_ROOM, "%.*s", (int)n, text);
    return ERR_OK;
}

/* text is one line, without its end. */
static int take_line(struct access *a, const char *text, size_t n, int line, struct err *err)
{
    const char *comment = memchr(text, '#', n);
    if (comment)
        n = (size_t)(comment - text);
    for (; n > 0 && isspace((unsigned char)text[0]); text++)
        n--;
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    if (n == 0)
        return ERR_OK;
    if (!imei_ok(text, n))
        return err_set(err, ERR_CONFIG,
                       "%s:%d: '%.*s' is not an IMEI; write one IMEI (15 digits) per line", a->path,
                       line, n < 40 ? (int)n : 40, text);
    return add(a, text, n, err);
}

static int parse(struct access *a, const struct buf *b, struct err *err)
{
    const char *p = (const char *)buf_data(b), *end = p + b->used;
    int rc = ERR_OK;
    for (int line = 1; rc == ERR_OK && p < end; line++) {
        const char *eol = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((eol ? eol : end) - p);
        rc = take_line(a, p, n, line, err);
        p += n + 1;
    }
    if (rc == ERR_OK && a->n > 0)
        qsort(a->imei, a->n, sizeof *a->imei, by_text);
    return rc;
}

static int append_piece(void *arg, const void *data, size_t n, struct err *err)
{
    return buf_append(arg, data, n, err);
}

static int read_file(const struct access *a, struct buf *out, struct err *err)
{
    struct stat st;
    int rc, fd = open(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_sys(err, "open %s", a->path);
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) /* a FIFO would be an empty list */
        rc = err_set(err, ERR_CONFIG, "%s: not an ordinary file", a->path);
    else
        rc = fsx_read_pieces(fd, a->path, append_piece, out, err);
    close(fd);
    return rc;
}

int access_reload(struct access *a, size_t *n, struct err *err)
{
    struct access fresh = {.path = a->path, .learn = a->learn};
    struct buf b;
    int rc = ERR_OK;
    buf_init(&b, FILE_BYTES);
    if (a->path && (rc = read_file(a, &b, err)) == ERR_OK &&
        (rc = parse(&fresh, &b, err)) == ERR_OK) {
        free(a->imei);
        *a = fresh;
    } else {
        free(fresh.imei);
    }
    buf_clear(&b);
    if (n)
        *n = a->n;
    return rc;
}

/* Who learns needs a file to write to: better told now than by the first camera. */
static int make_file(const struct access *a, struct err *err)
{
    int fd = open(a->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
    if (fd < 0)
        return err_sys(err, "open %s", a->path);
    close(fd);
    return ERR_OK;
}

int access_open(struct access **out, const char *path, bool learn, struct err *err)
{
    struct access *a = *out = calloc(1, sizeof *a);
    if (!a || (path[0] && !(a->path = strdup(path)))) {
        access_close(out);
        return err_nomem(err, "the list of cameras");
    }
    a->learn = learn;
    int rc = a->path && learn ? make_file(a, err) : ERR_OK;
    if (rc == ERR_OK)
        rc = access_reload(a, NULL, err);
    if (rc < 0)
        access_close(out);
    return rc;
}

void access_close(struct access **access)
{
    if (!*access)
        return;
    free((*access)->imei);
    free((*access)->path);
    free(*access);
    *access = NULL;
}

/* A line of its own, whatever an editor left at the end of the file. */
static int append_line(const struct access *a, const char *imei, struct err *err)
{
    char line[IMEI_ROOM + 2], last = '\n';
    int rc = ERR_OK, fd = open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_sys(err,
                       errno == EACCES
                           ? "add to %s (if the file was replaced, restart the receiver: its "
                             "sandbox allows writing to the old file only)"
                           : "add to %s",
                       a->path);
    if (lseek(fd, -1, SEEK_END) >= 0 && read(fd, &last, 1) < 0)
        rc = err_sys(err, "read %s", a->path);
    int n = snprintf(line, sizeof line, "%s%s\n", last == '\n' ? "" : "\n", imei);
    if (rc == ERR_OK)
        rc = fsx_write_all(fd, line, (size_t)n, err);
    if (rc == ERR_OK && fsync(fd) < 0)
        rc = err_sys(err, "fsync %s", a->path);
    close(fd);
    return rc;
}

int access_check(struct access *a, const char *imei, bool *learned, struct err *err)
{
    *learned = false;
    if (!a->path || (a->n > 0 && bsearch(imei, a->imei, a->n, sizeof *a->imei, by_text)))
        return ERR_OK;
    if (!a->learn)
        return err_set(err, ERR_NOTFOUND, "IMEI %s is not on the allow-list %s", imei, a->path);
    int rc = append_line(a, imei, err);
    if (rc == ERR_OK)
        rc = add(a, imei, strlen(imei), err);
    if (rc == ERR_OK) {
        qsort(a->imei, a->n, sizeof *a->imei, by_text);
        *learned = true;
    }
    return rc;
}
