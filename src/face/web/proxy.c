/* Trusted proxies: only they are believed who somebody is, and how that one came. */
#include "web_internal.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FORWARDED_ROOM = 2048 };

/* As 16 bytes; of IPv4, mapped. */
static bool read_address(const char *text, struct in6_addr *out)
{
    struct in_addr v4;
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    if (inet_pton(AF_INET, text, &v4) != 1)
        return false;
    memset(out, 0, sizeof *out);
    out->s6_addr[10] = out->s6_addr[11] = 0xff;
    memcpy(out->s6_addr + 12, &v4, 4);
    return true;
}

static int read_one(const char *text, size_t n, struct proxy *out, struct err *err)
{
    char address[64];
    snprintf(address, sizeof address, "%.*s", (int)n, text);
    char *slash = strchr(address, '/'), *end = NULL;
    if (slash)
        *slash = '\0';
    long most = strchr(address, ':') ? 128 : 32, bits = slash ? strtol(slash + 1, &end, 10) : most;
    if (n >= sizeof address || !read_address(address, &out->address) || bits < 0 || bits > most ||
        (slash && (*end || end == slash + 1)))
        return err_set(err, ERR_CONFIG,
                       "expected addresses or networks, separated by commas: 127.0.0.1, "
                       "10.0.0.0/8, fd00::/8");
    out->bits = (unsigned)(bits + 128 - most);
    return ERR_OK;
}

int proxies_read(struct proxies *out, const char *text, struct err *err)
{
    *out = (struct proxies){.n = 0};
    for (text += strspn(text, " ,"); *text; text += strspn(text, " ,")) {
        size_t n = strcspn(text, " ,");
        if (out->n == PROXIES_MAX)
            return err_set(err, ERR_CONFIG, "expected at most %d addresses", PROXIES_MAX);
        int rc = read_one(text, n, &out->of[out->n++], err);
        if (rc < 0)
            return rc;
        text += n;
    }
    return ERR_OK;
}

static bool is_in(const struct proxy *p, const struct in6_addr *a)
{
    for (unsigned bit = 0; bit < p->bits; bit += 8) {
        unsigned left = p->bits - bit, mask = left >= 8 ? 0xffu : 0xffu << (8 - left) & 0xffu;
        if ((p->address.s6_addr[bit / 8] ^ a->s6_addr[bit / 8]) & mask)
            return false;
    }
    return true;
}

bool proxies_trust(const struct proxies *all, const char *peer)
{
    struct in6_addr a;
    if (!read_address(peer, &a))
        return false;
    for (size_t i = 0; i < all->n; i++)
        if (is_in(&all->of[i], &a))
            return true;
    return false;
}

/* ---- what they say ---- */

struct lines { /* a header that may come several times, in their order */
    const char *name;
    char text[FORWARDED_ROOM];
    bool cut;
};

static enum MHD_Result add_line(void *arg, enum MHD_ValueKind kind, const char *name,
                                const char *value)
{
    struct lines *l = arg;
    size_t used = strlen(l->text);
    (void)kind;
    if (strcasecmp(name, l->name) != 0 || !value)
        return MHD_YES;
    int n = snprintf(l->text + used, sizeof l->text - used, "%s%s", used ? "," : "", value);
    l->cut = l->cut || (size_t)n >= sizeof l->text - used;
    return MHD_YES;
}

static void read_header(const struct web_request *r, const char *name, struct lines *out)
{
    *out = (struct lines){.name = name};
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, add_line, out);
    if (out->cut)
        out->text[0] = '\0'; /* nobody needs as many */
}

/* "1.2.3.4", "1.2.3.4:5", "\"[::1]:5\"", "::1" -> the address; false: it is none. */
static bool only_address(const char *text, size_t n, char out[WEB_PEER_ROOM])
{
    char all[WEB_PEER_ROOM];
    struct in6_addr a;
    while (n > 0 && strchr(" \t\"", text[n - 1]))
        n--;
    while (n > 0 && strchr(" \t\"", *text))
        text++, n--;
    if (n == 0 || n >= sizeof all)
        return false;
    snprintf(all, sizeof all, "%.*s", (int)n, text);
    char *at = all, *colon = strchr(all, ':');
    if (all[0] == '[') {
        at++;
        all[strcspn(all, "]")] = '\0';
    } else if (colon && !strchr(colon + 1, ':')) {
        *colon = '\0';
    }
    snprintf(out, WEB_PEER_ROOM, "%s", at);
    return read_address(out, &a);
}

/* The last element of a list of which `*n` bytes are left; takes it away. */
static const char *take_last(const char *text, size_t *n, size_t *length)
{
    size_t end = *n, begin = end;
    while (begin > 0 && text[begin - 1] != ',')
        begin--;
    *length = end - begin;
    *n = begin > 0 ? begin - 1 : 0;
    return text + begin;
}

/* The value of a parameter of an element of Forwarded (RFC 7239): "for", "proto". */
static bool parameter(const char *element, size_t n, const char *name, const char **out,
                      size_t *length)
{
    const char *end = element + n;
    size_t of_name = strlen(name);
    for (const char *at = element, *next; at < end; at = next + 1) {
        at += strspn(at, " \t");
        next = memchr(at, ';', (size_t)(end - at > 0 ? end - at : 0));
        next = next ? next : end;
        if ((size_t)(next - at) > of_name && strncasecmp(at, name, of_name) == 0 &&
            at[of_name] == '=') {
            *out = at + of_name + 1;
            *length = (size_t)(next - *out);
            return true;
        }
    }
    return false;
}

/* From the last one on, as far as each was added by one that is trusted. */
static void follow(const struct proxies *all, struct web_request *r, const char *text,
                   bool forwarded)
{
    char peer[WEB_PEER_ROOM];
    size_t left = strlen(text), n;
    while (left > 0 && proxies_trust(all, r->ask.peer)) {
        const char *element = take_last(text, &left, &n), *value = element;
        if (forwarded && !parameter(element, n, "for", &value, &n))
            return;
        if (!only_address(value, n, peer))
            return;
        snprintf(r->ask.peer, sizeof r->ask.peer, "%s", peer);
    }
}

void proxies_judge(const struct proxies *all, struct web_request *r)
{
    struct lines forwarded, x, proto;
    const char *value;
    size_t n = 0, left, length;
    if (!proxies_trust(all, r->ask.peer))
        return;
    read_header(r, "Forwarded", &forwarded);
    read_header(r, "X-Forwarded-For", &x);
    read_header(r, "X-Forwarded-Proto", &proto);
    /* The nearest proxy knows how it was asked; its word is the last one. */
    if (proto.text[0]) {
        left = strlen(proto.text);
        value = take_last(proto.text, &left, &n);
        while (n > 0 && *value == ' ')
            value++, n--;
        r->https = r->https || (n == 5 && strncasecmp(value, "https", 5) == 0);
    } else if (forwarded.text[0]) {
        left = strlen(forwarded.text);
        const char *element = take_last(forwarded.text, &left, &length);
        if (parameter(element, length, "proto", &value, &n))
            r->https =
                r->https || (n >= 5 && strncasecmp(value + (*value == '"'), "https", 5) == 0);
    }
    if (x.text[0])
        follow(all, r, x.text, false);
    else
        follow(all, r, forwarded.text, true);
}
