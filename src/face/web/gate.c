/* Who asks, and whether that one may. */
#include "dashspool/listen.h"
#include "web_internal.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_BYTES_MAX = 512 };

static bool is_loopback(const struct sockaddr *addr)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (addr->sa_family == AF_INET) {
        memcpy(&v4, addr, sizeof v4);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    if (addr->sa_family != AF_INET6)
        return false;
    memcpy(&v6, addr, sizeof v6);
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

int gate_check_address(bool who_is_asked, const char *listen, const struct sockaddr *addr,
                       struct err *err)
{
    if (who_is_asked || is_loopback(addr))
        return ERR_OK;
    return err_set(err, ERR_CONFIG,
                   "listen %s: anyone who can reach this address could see all footage; add "
                   "people (dashspool user add) or set token_file, or listen on 127.0.0.1 and use "
                   "an SSH tunnel (ssh -L)",
                   listen);
}

void gate_peer(struct MHD_Connection *connection, char host[WEB_PEER_ROOM])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char with_port[LISTEN_NAME_ROOM];
    snprintf(host, WEB_PEER_ROOM, "?");
    if (info)
        listen_name(info->client_addr,
                    info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                             : sizeof(struct sockaddr_in),
                    with_port, host);
}

/* "localhost:7180", "127.0.0.1", "[::1]:7180": a name that nobody else can make point here. */
static bool is_own_name(const char *host)
{
    char name[64];
    struct in_addr v4;
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (n >= sizeof name || n > strlen(host))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)n, host);
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* Whether a web server in front of this one hands on what others ask. By its defaults it makes
 * Host this computer's (nginx: "proxy_pass http://127.0.0.1:7180;"), and then everybody in the
 * world would be somebody at this computer. It shows by what it adds, or by HTTP/1.0. */
static bool is_handed_on(const struct web_request *r)
{
    static const char *const headers[] = {"Forwarded",        "X-Forwarded-For",
                                          "X-Forwarded-Host", "X-Forwarded-Proto",
                                          "X-Real-IP",        "Via"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (web_header_of(&r->ask, headers[i])[0])
            return true;
    return r->old;
}

/* "https://cams.example:8443" and "cams.example:8443": of one origin, as far as the name tells. */
static bool is_of_host(const char *origin, const char *host)
{
    const char *name = strstr(origin, "://");
    size_t n = strlen(host);
    if (!name || n == 0)
        return false;
    const char *port = strncmp(origin, "https:", 6) == 0 ? ":443" : ":80";
    name += 3;
    return strncasecmp(name, host, n) == 0
               ? !name[n] || strcmp(name + n, port) == 0
               : n > strlen(port) && strcmp(host + n - strlen(port), port) == 0 &&
                     strlen(name) == n - strlen(port) &&
                     strncasecmp(name, host, n - strlen(port)) == 0;
}

/* As the browser says. */
static bool is_foreign(const struct web_request *r)
{
    const struct web_ask *ask = &r->ask;
    const char *site = web_header_of(ask, "Sec-Fetch-Site"), *origin = web_header_of(ask, "Origin");
    return (site[0] && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) ||
           (origin[0] && !is_of_host(origin, web_header_of(ask, "Host"))) ||
           (origin[0] && r->https && strncmp(origin, "https:", 6) != 0);
}

bool gate_is_own_form(const struct web_request *r)
{
    const char *shown = web_header_of(&r->ask, "X-CSRF-Token");
    if (!shown[0])
        shown = web_field(&r->ask, "csrf");
    return r->bearer || (strlen(shown) == HASH_HEX_ROOM - 1 && who_same(shown, r->ask.csrf));
}

void gate_judge(const struct who *a, struct web_request *r)
{
    enum people_role least = r->login || r->logout ? PEOPLE_NOBODY
                             : r->route            ? r->route->least
                                                   : PEOPLE_VIEWER;
    if (!who_is_asked_for(a) && !is_own_name(web_header_of(&r->ask, "Host")))
        r->may = GATE_OTHER_NAME;
    else if (!who_is_asked_for(a) && least > PEOPLE_NOBODY && is_handed_on(r))
        r->may = GATE_HANDED_ON;
    else if (r->ask.role == PEOPLE_NOBODY && least > PEOPLE_NOBODY)
        r->may = GATE_UNKNOWN;
    else if (r->ask.role < least)
        r->may = GATE_ROLE;
    else if (r->ask.post && !r->bearer && is_foreign(r))
        r->may = GATE_ORIGIN;
    else
        r->may = GATE_MAY;
}
