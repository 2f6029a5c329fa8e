/* serve, inside: a request, its answer, and who makes it. */
#ifndef SERVE_INTERNAL_H
#define SERVE_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "dashspool/hash.h"
#include "dashspool/raw.h"
#include "dashspool/serve.h"
#include "dashspool/text.h"
#include <microhttpd.h>
#include <sys/socket.h>

#define SERVE_PEER_ROOM 64 /* listen_name() */

struct serve_access {
    bool token;                 /* one is asked for */
    char sha256[HASH_HEX_ROOM]; /* of it */
    char cookie[HASH_HEX_ROOM]; /* what a browser keeps instead of it */
};

struct client;
struct clients { /* who is connected */
    struct client *first;
};

struct serve {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    struct serve_access access;
    struct MHD_Daemon *daemon;
    struct clients clients;
    const struct cfg *cfg;
    struct status *state; /* as it was at state_us (monotonic); NULL: nobody asked yet */
    int64_t state_us;
};

struct ask {
    struct MHD_Connection *connection;
    const char *path, *rest; /* rest: behind the route's own words */
    bool head;               /* nobody reads the body */
    char peer[SERVE_PEER_ROOM];
};

struct answer {
    struct MHD_Response *response; /* the caller's, when it is set */
    unsigned status;
};

/* An error becomes a page: ERR_NOTFOUND 404, ERR_MALFORMED 400, passing ones 503, others 500. */
typedef int serve_page_fn(struct serve *s, const struct ask *ask, struct answer *out,
                          struct err *err);
serve_page_fn serve_list, serve_transfer, serve_copy, serve_original, serve_state, serve_state_json,
    serve_metrics;

/* A parameter of the query; "" if it is not there. */
const char *serve_asked(const struct ask *ask, const char *name);

/* ---- access.c ---- */

/* Reads the token's file, if there is one, and judges the address with it. */
int serve_access_open(struct serve_access *a, const char *token_file, const char *listen,
                      const struct sockaddr *addr, struct err *err) DS_MUST_CHECK;

enum serve_may { SERVE_MAY, SERVE_NO_TOKEN, SERVE_OTHER_NAME };
enum serve_may serve_authorize(const struct serve_access *a, const struct ask *ask);

/* Whether that is the token: it comes in the body of a form or in a header. In an address it would
 * be kept in histories and in the logs of others. */
bool serve_is_token(const struct serve_access *a, const char *token);

/* The address of its peer, without the port. */
void serve_peer(struct MHD_Connection *connection, char host[SERVE_PEER_ROOM]);

/* ---- clients.c ----
 *
 * One address has a few dozen connections at most, and who is slow to ask makes room for who comes
 * later: nobody can keep others out by waiting, however slowly it goes on. A request has to be
 * whole within seconds.
 */

/* For MHD_OPTION_NOTIFY_CONNECTION. */
void clients_on_connection(void *clients, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what);

/* The answer to a request is on its way, or (false) it has come to its end. */
void clients_answered(struct MHD_Connection *connection, bool is_on_its_way);

/* Ends those whose time is over; after how many ms it is to be called again, -1: no matter. */
int clients_end_late(struct clients *clients);

/* ---- web.c: text in the making; what goes wrong is told at the end ---- */

struct web {
    struct buf b;
    int rc;
    struct err err;
};
void web_begin(struct web *h, const char *title);
void web_put(struct web *h, const char *markup);
void web_text(struct web *h, const char *text); /* escaped */
/* Markup in which each %s is a text, escaped; there is no other directive. */
void web_print(struct web *h, const char *markup, ...) DS_PRINTF(2, 3);
void web_url(struct web *h, const char *text);  /* one part of an address */
void web_path(struct web *h, const char *text); /* … several, with / */
void web_time(struct web *h, int64_t utc_us);
void web_size(struct web *h, int64_t bytes);
/* What is in b, as it is. */
int web_send(const struct buf *b, unsigned status, const char *type, const char *cache,
             struct answer *out, struct err *err) DS_MUST_CHECK;
/* The page's end, and its answer; clears h. */
int web_answer(struct web *h, unsigned status, struct answer *out, struct err *err) DS_MUST_CHECK;

extern const char serve_style[];

/* Headers that each answer has. */
int web_headers(struct answer *out, const char *type, const char *cache,
                struct err *err) DS_MUST_CHECK;
int web_header(struct answer *out, const char *name, const char *value,
               struct err *err) DS_MUST_CHECK;

#endif
