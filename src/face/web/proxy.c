/* Trusted proxies: only they are believed who somebody is, and how that one came. */
#include "web_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { FORWARDED_ROOM = 2048 };

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
    return network_is_address(out);
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
static void follow(const struct networks *all, struct web_request *r, const char *text,
                   bool forwarded)
{
    char peer[WEB_PEER_ROOM];
    size_t left = strlen(text), n;
    while (left > 0 && networks_have(all, r->ask.peer)) {
        const char *element = take_last(text, &left, &n), *value = element;
        if (forwarded && !parameter(element, n, "for", &value, &n))
            return;
        if (!only_address(value, n, peer))
            return;
        snprintf(r->ask.peer, sizeof r->ask.peer, "%s", peer);
    }
}

void proxies_judge(const struct networks *all, struct web_request *r)
{
    struct lines forwarded, x, proto;
    const char *value;
    size_t n = 0, left, length;
    if (!networks_have(all, r->ask.peer))
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
