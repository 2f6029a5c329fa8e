/* web, inside: the server, who asks it, and who is connected to it. */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H

#include "dashspool/hash.h"
#include "dashspool/text.h"
#include "dashspool/web.h"
#include <microhttpd.h>
#include <sys/socket.h>

#define GATE_SECRET_BYTES 32

struct gate {
    bool token;                              /* one is asked for */
    char sha256[HASH_HEX_ROOM];              /* of it */
    char cookie[HASH_HEX_ROOM];              /* what a browser keeps instead of it */
    unsigned char secret[GATE_SECRET_BYTES]; /* of this process */
};

struct client;
struct clients { /* who is connected */
    struct client *first;
};

struct stream;
struct streams {
    struct stream *first;
    size_t n;
    bool resumed; /* MHD_run() has something to do, which MHD_get_timeout() does not know */
};

struct web {
    const struct web_app *app;
    struct gate gate;
    struct clients clients;
    struct streams streams;
    struct MHD_Daemon *daemon;
    int fd;
};

struct web_field {
    char *name, *value;
};

/* Whether somebody may what is asked, and what is in the way. */
enum gate_may {
    GATE_MAY,
    GATE_OTHER_NAME, /* the host's */
    GATE_UNKNOWN,    /* who that is: has to log in */
    GATE_ROLE,       /* has not the role */
    GATE_ORIGIN,     /* another site's page asks for it */
    GATE_CSRF,       /* the form is not of this session */
};

struct web_request {
    struct MHD_Connection *connection;
    struct web *web;
    struct web_ask ask;
    const struct web_route *route; /* NULL: none for this method */
    bool known;                    /* there is one for another method */
    bool login;                    /* it is the form of the page that asks who that is */
    enum gate_may may;
    bool bearer;                      /* shows a token that no browser sends unasked */
    struct MHD_PostProcessor *parser; /* of a form */
    struct web_field field[WEB_FIELDS_MAX];
    size_t n_fields, bytes; /* of the form */
    uint64_t taken;         /* bytes of the body so far */
    bool unfit;             /* it is no form of ours */
    bool large;             /* … and is too large for one */
    bool begun;             /* the route's body */
    bool stream;            /* its answer is one */
    int rc;                 /* of its begin and its pieces */
    struct err err;
};

/* Headers that each answer has. */
int web_headers(struct web_answer *out, const char *type, const char *cache,
                struct err *err) DS_MUST_CHECK;

/* ---- request.c ---- */

struct web_request *request_new(struct web *w, struct MHD_Connection *connection, const char *path,
                                const char *method);
void request_free(struct web_request **request);
/* The next bytes of its body. Far more than can be used is not waited for: false. */
bool request_take(struct web_request *request, const char *data, size_t n);
/* Whether a route takes the address by that method. */
bool request_is_taken(const struct web_app *app, const char *path, bool post);

/* ---- gate.c ---- */

/* Reads the token's file, if there is one, and judges the address with it. */
int gate_open(struct gate *a, const char *token_file, const char *listen,
              const struct sockaddr *addr, struct err *err) DS_MUST_CHECK;

/* Who asks, into r->ask, and whether that one may, as far as the headers tell: into r->may. */
void gate_judge(const struct gate *a, struct web_request *r);

/* Whether a POST bears the CSRF token of who asks, as far as its body came. */
bool gate_is_own_form(const struct web_request *r);

/* Whether another site's page asks, as the browser says. */
bool gate_is_foreign(const struct web_ask *ask);

/* Whether that is the token: it comes in the body of a form or in a header. In an address it would
 * be kept in histories and in the logs of others. */
bool gate_is_token(const struct gate *a, const char *token);

/* The address of its peer, without the port. */
void gate_peer(struct MHD_Connection *connection, char host[WEB_PEER_ROOM]);

/* ---- own.c: pages of its own ---- */

int own_error(const struct web_request *r, const struct err *why, struct web_answer *out,
              struct err *err) DS_MUST_CHECK;
/* What is in the way, and what to do. */
int own_refusal(const struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;
int own_too_large(const struct web_request *r, struct web_answer *out,
                  struct err *err) DS_MUST_CHECK;
int own_method(const struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;
/* Asks for the token; `to`: where the form leads then. */
int own_login(const struct web_request *r, const char *to, struct web_answer *out,
              struct err *err) DS_MUST_CHECK;

/* ---- clients.c ----
 *
 * One address has a few dozen connections at most, and who is slow to ask makes room for who comes
 * later: nobody can keep others out by waiting, however slowly it goes on. A request has to be
 * whole within seconds; of a body that is taken as it comes, 64 KiB.
 */

/* For MHD_OPTION_NOTIFY_CONNECTION. */
void clients_on_connection(void *clients, struct MHD_Connection *connection, void **context,
                           enum MHD_ConnectionNotificationCode what);

/* The answer to a request is on its way, or (false) it has come to its end. */
void clients_answered(struct MHD_Connection *connection, bool is_on_its_way);

/* Its answer is a stream: it does not count any more. */
void clients_streams(struct MHD_Connection *connection);

/* So much more of a body came that it may take as long again. */
void clients_went_on(struct MHD_Connection *connection, size_t n);

/* Ends those whose time is over; after how many ms it is to be called again, -1: no matter. */
int clients_end_late(struct clients *clients);

/* ---- language.c ---- */

/* Reads the catalogues, before the first page; setting: [ui] language. */
int language_open(const char *setting, struct err *err) DS_MUST_CHECK;
/* The code of the language that a browser gets; accept: its header. */
const char *language_choose(const char *accept);

/* ---- stream.c ---- */

/* Those that were told nothing for long are, and who left is found out. */
void streams_beat(struct streams *streams);
/* Before the daemon is stopped. */
void streams_end(struct streams *streams);

#endif
