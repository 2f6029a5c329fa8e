/* Who asks, and whether that one may. */
#include "dashspool/fsx.h"
#include "dashspool/listen.h"
#include "web_internal.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

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

/* What a browser keeps is of no use elsewhere. */
static int hash_token(struct gate *a, const char *token, struct err *err)
{
    char salted[TOKEN_BYTES_MAX + 32];
    int n = snprintf(salted, sizeof salted, "dashspool cookie\n%s", token);
    int rc = hash_text(token, strlen(token), a->sha256, err);
    return rc < 0 ? rc : hash_text(salted, (size_t)n, a->cookie, err);
}

/* The first line of the file. */
static int read_token(struct gate *a, const char *path, struct err *err)
{
    struct buf b;
    char token[TOKEN_BYTES_MAX + 1] = "";
    buf_init(&b, TOKEN_BYTES_MAX);
    int rc = fsx_check_file(path, err); /* a FIFO would be waited for */
    if (rc == ERR_OK)
        rc = fsx_read_file(path, &b, err);
    if (rc == ERR_OK)
        snprintf(token, sizeof token, "%.*s", (int)b.used, (const char *)buf_data(&b));
    buf_clear(&b);
    if (rc < 0)
        return err_set(err, ERR_CONFIG, "token_file %s: cannot be read", path);
    token[strcspn(token, "\r\n")] = '\0';
    for (const char *c = token; *c; c++)
        if (!isgraph((unsigned char)*c))
            return err_set(err, ERR_CONFIG, "token_file %s: the token must not contain spaces",
                           path);
    if (strlen(token) < WEB_TOKEN_LEAST)
        return err_set(err, ERR_CONFIG,
                       "token_file %s: the first line must be a token of at least %d characters; "
                       "create one with 'openssl rand -hex 24'",
                       path, WEB_TOKEN_LEAST);
    a->token = true;
    return hash_token(a, token, err);
}

int gate_open(struct gate *a, const char *token_file, const char *listen,
              const struct sockaddr *addr, struct err *err)
{
    *a = (struct gate){.token = false};
    if (getrandom(a->secret, sizeof a->secret, 0) != sizeof a->secret)
        return err_sys(err, "random numbers");
    int rc = token_file[0] ? read_token(a, token_file, err) : ERR_OK;
    if (rc < 0 || a->token || is_loopback(addr))
        return rc;
    return err_set(err, ERR_CONFIG,
                   "listen %s: anyone who can reach this address could see all footage; set "
                   "token_file, or listen on 127.0.0.1 and use an SSH tunnel (ssh -L)",
                   listen);
}

/* In a time that tells nothing of where they differ. */
static bool same(const char a[HASH_HEX_ROOM], const char b[HASH_HEX_ROOM])
{
    volatile unsigned char differ = 0;
    for (int i = 0; i < HASH_HEX_ROOM - 1; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}

bool gate_is_token(const struct gate *a, const char *token)
{
    char sha256[HASH_HEX_ROOM];
    struct err unimportant;
    return token && strlen(token) <= TOKEN_BYTES_MAX &&
           hash_text(token, strlen(token), sha256, &unimportant) == ERR_OK &&
           same(sha256, a->sha256);
}

static bool is_cookie(const struct gate *a, const char *cookie)
{
    return cookie && strlen(cookie) == HASH_HEX_ROOM - 1 && same(cookie, a->cookie);
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

/* Each form has it: what no other site's page can read, of this session (its cookie) and this
 * process. */
static bool make_csrf(const struct gate *a, const char *cookie, char csrf[WEB_CSRF_ROOM])
{
    char text[GATE_SECRET_BYTES + HASH_HEX_ROOM];
    struct err unimportant;
    memcpy(text, a->secret, GATE_SECRET_BYTES);
    int n = snprintf(text + GATE_SECRET_BYTES, HASH_HEX_ROOM, "%s", cookie);
    return hash_text(text, GATE_SECRET_BYTES + (size_t)n, csrf, &unimportant) == ERR_OK;
}

/* Who asks; false: nobody that is known. */
static bool know(const struct gate *a, struct web_request *r)
{
    static const char bearer[] = "Bearer ";
    struct web_ask *ask = &r->ask;
    const char *header = web_header_of(ask, "Authorization");
    const char *cookie = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, "dashspool");
    if (!a->token) {
        ask->role = PEOPLE_ADMIN;
        return make_csrf(a, "", ask->csrf);
    }
    r->bearer = strncasecmp(header, bearer, strlen(bearer)) == 0 &&
                gate_is_token(a, header + strlen(bearer));
    bool known = r->bearer || is_cookie(a, cookie);
    ask->role = known ? PEOPLE_VIEWER : PEOPLE_NOBODY;
    return make_csrf(a, known && !r->bearer ? cookie : "", ask->csrf) && known;
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

bool gate_is_foreign(const struct web_ask *ask)
{
    const char *site = web_header_of(ask, "Sec-Fetch-Site"), *origin = web_header_of(ask, "Origin");
    return (site[0] && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) ||
           (origin[0] && !is_of_host(origin, web_header_of(ask, "Host")));
}

bool gate_is_own_form(const struct web_request *r)
{
    const char *shown = web_header_of(&r->ask, "X-CSRF-Token");
    if (!shown[0])
        shown = web_field(&r->ask, "csrf");
    return r->bearer || (strlen(shown) == HASH_HEX_ROOM - 1 && same(shown, r->ask.csrf));
}

void gate_judge(const struct gate *a, struct web_request *r)
{
    bool known = know(a, r);
    enum people_role least = r->login ? PEOPLE_NOBODY : r->route ? r->route->least : PEOPLE_VIEWER;
    if (!a->token && !is_own_name(web_header_of(&r->ask, "Host")))
        r->may = GATE_OTHER_NAME;
    else if (!known && least > PEOPLE_NOBODY)
        r->may = GATE_UNKNOWN;
    else if (r->route && r->ask.role < least)
        r->may = GATE_ROLE;
    else if (r->ask.post && !r->bearer && gate_is_foreign(&r->ask))
        r->may = GATE_ORIGIN;
    else
        r->may = GATE_MAY;
}
