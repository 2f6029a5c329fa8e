/* web, inside: the server, and who is connected to it. */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H

#include "dashspool/hash.h"
#include "dashspool/text.h"
#include "dashspool/web.h"
#include <microhttpd.h>
#include <sys/socket.h>

struct gate {
    bool token;                 /* one is asked for */
    char sha256[HASH_HEX_ROOM]; /* of it */
    char cookie[HASH_HEX_ROOM]; /* what a browser keeps instead of it */
};

struct client;
struct clients { /* who is connected */
    struct client *first;
};

struct web {
    const struct web_app *app;
    struct gate gate;
    struct clients clients;
    struct MHD_Daemon *daemon;
    int fd;
};

struct web_field {
    char *name, *value;
};

struct web_request {
    struct MHD_Connection *connection;
    struct MHD_PostProcessor *parser; /* of a form */
    struct web_field field[WEB_FIELDS_MAX];
    size_t n_fields, bytes;
    bool unfit; /* it is no form of ours */
};

/* Headers that each answer has. */
int web_headers(struct web_answer *out, const char *type, const char *cache,
                struct err *err) DS_MUST_CHECK;

/* ---- request.c ---- */

struct web_request *request_new(struct MHD_Connection *connection, bool form);
void request_free(struct web_request **request);
/* The next bytes of its form. More than a form of ours has is not read on: false. */
bool request_take(struct web_request *request, const char *data, size_t n);

/* ---- gate.c ---- */

/* Reads the token's file, if there is one, and judges the address with it. */
int gate_open(struct gate *a, const char *token_file, const char *listen,
              const struct sockaddr *addr, struct err *err) DS_MUST_CHECK;

enum gate_may { GATE_MAY, GATE_NO_TOKEN, GATE_OTHER_NAME };
enum gate_may gate_judge(const struct gate *a, const struct web_ask *ask);

/* Whether that is the token: it comes in the body of a form or in a header. In an address it would
 * be kept in histories and in the logs of others. */
bool gate_is_token(const struct gate *a, const char *token);

/* The address of its peer, without the port. */
void gate_peer(struct MHD_Connection *connection, char host[WEB_PEER_ROOM]);

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

#endif
