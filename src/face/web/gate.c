/* Who may look. */
#include "dashspool/fsx.h"
#include "dashspool/listen.h"
#include "web_internal.h"
#include <arpa/inet.h>
#include <ctype.h>
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
    if (!host)
        return false;
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (n >= sizeof name || n > strlen(host))
        return false;
    snprintf(name, sizeof name, "%.*s", (int)n, host);
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

enum gate_may gate_judge(const struct gate *a, const struct web_ask *ask)
{
    static const char bearer[] = "Bearer ";
    struct MHD_Connection *c = ask->request->connection;
    const char *header = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
    if (!a->token)
        return is_own_name(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"))
                   ? GATE_MAY
                   : GATE_OTHER_NAME;
    if (header && strncasecmp(header, bearer, strlen(bearer)) == 0 &&
        gate_is_token(a, header + strlen(bearer)))
        return GATE_MAY;
    return is_cookie(a, MHD_lookup_connection_value(c, MHD_COOKIE_KIND, "dashspool"))
               ? GATE_MAY
               : GATE_NO_TOKEN;
}
