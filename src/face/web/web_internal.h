/* web, inside: the server, who asks it, and who is connected to it. */
#ifndef WEB_INTERNAL_H
#define WEB_INTERNAL_H

#include "dashspool/hash.h"
#include "dashspool/listen.h"
#include "dashspool/text.h"
#include "dashspool/web.h"
#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <sys/socket.h>

struct session {
    char sha256[HASH_HEX_ROOM];  /* of its cookie */
    char name[PEOPLE_NAME_ROOM]; /* "": by the token of token_file */
    int64_t mark, began_us, seen_us;
};

struct sessions {
    struct session *list;
    size_t n;
    char *path;
    bool changed;
    int64_t saved_us, idle_us, life_us;
};

enum tries_kind { TRY_NAME, TRY_ADDRESS, TRY_BEARER };
#define TRIES_MAX      512
#define TRIES_KEY_ROOM (PEOPLE_NAME_ROOM + 4)
struct tries {
    struct
    try {
        char key[TRIES_KEY_ROOM];
        int64_t first_us; /* monotonic */
        int n;
    }
    of[TRIES_MAX];
};

#define WHO_COOKIE "dashspool"

struct who {
    const char *root;
    bool token;                 /* there is one for all, of token_file */
    char sha256[HASH_HEX_ROOM]; /* of it */
    int64_t token_mark;
    struct people *people;    /* NULL: there are none */
    bool in_use;              /* there is somebody, or was */
    unsigned char secret[32]; /* of this process */
    struct sessions sessions;
    struct tries tries;
};

struct client;
struct clients { /* who is connected */
    struct client *first;
    const struct networks *proxies;
};

struct stream;
struct streams {
    struct stream *first;
    size_t n;
    bool resumed; /* MHD_run() has something to do, which MHD_get_timeout() does not know */
};

struct web {
    const struct web_app *app;
    const char *root;
    int64_t access_days, access_day; /* how long it is kept; when it was looked through */
    const struct cfg *cfg;
    bool tls;
    char priorities[256]; /* of GnuTLS */
    struct networks proxies;
    struct who who;
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
    GATE_HANDED_ON,  /* by a server in front, without anybody to be known: it is from anywhere */
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
    bool logout;                   /* it is the form of that */
    bool https;                    /* as the browser sees it */
    bool old;                      /* HTTP/1.0, as no browser speaks it */
    char session[HASH_HEX_ROOM];   /* its hash; "": by none */
    int64_t mark;                  /* of the person (people.h), of the token */
    bool login;                    /* … of the page that asks who that is */
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
/* Whether a proxy could see another end of its body than we do (RFC 9112, section 6.3): what it
 * takes for the body's rest would be a request of somebody else here. Or another host. */
bool request_is_ambiguous(const struct web_request *request);
/* Whether a route takes the address by that method. */
bool request_is_taken(const struct web_app *app, const char *path, bool post);

/* ---- gate.c ---- */

/* ERR_CONFIG: others could reach the address, and nobody is asked for a token. */
int gate_check_address(bool who_is_asked, const char *listen, const struct sockaddr *addr,
                       struct err *err) DS_MUST_CHECK;

/* Whether the one who asks (who_asks()) may, as far as the headers tell: into r->may. */
void gate_judge(const struct who *a, struct web_request *r);

/* Whether a POST bears the CSRF token of who asks, as far as its body came. */
bool gate_is_own_form(const struct web_request *r);

/* The address of its peer, without the port. */
void gate_peer(struct MHD_Connection *connection, char host[WEB_PEER_ROOM]);

/* ---- who.c ---- */

/* root NULL: only the token's file is judged. */
int who_open(struct who *a, const char *root, const char *token_file,
             struct err *err) DS_MUST_CHECK;
void who_close(struct who *a);
/* Else everybody at this computer may everything. */
bool who_is_asked_for(const struct who *a);
/* Into r->ask (name, role, csrf); PEOPLE_NOBODY: not known. */
int who_asks(struct who *a, struct web_request *r, struct err *err) DS_MUST_CHECK;
/* The role of a session's person, PEOPLE_NOBODY: it is over. */
int who_holds(struct who *a, const char *name, int64_t mark, enum people_role *role,
              struct err *err) DS_MUST_CHECK;
/* The cookie of a new session; the one before is over. ERR_NOTFOUND: they do not match. A token
 * comes in the body of a form or in a header: in an address it would be kept in histories and in
 * the logs of others. */
int who_logs_in(struct who *a, const struct web_request *r, const char *name, const char *token,
                char cookie[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;
const char *who_cookie(const struct web_request *r);
bool who_same(const char a[HASH_HEX_ROOM], const char b[HASH_HEX_ROOM]);

/* ---- sessions.c ---- */

int sessions_open(struct sessions *all, const char *root, int64_t idle_us, int64_t life_us,
                  struct err *err) DS_MUST_CHECK;
void sessions_close(struct sessions *all);
/* By the hash of its cookie. */
bool sessions_has(const struct sessions *all, const char *sha256);
/* NULL: there is none, or it is over. Borrowed until the next call. */
const struct session *sessions_find(struct sessions *all, const char *cookie);
int sessions_new(struct sessions *all, const char *name, int64_t mark, char cookie[HASH_HEX_ROOM],
                 struct err *err) DS_MUST_CHECK;
int sessions_end(struct sessions *all, const char *cookie, struct err *err) DS_MUST_CHECK;
/* Now and then: when they were seen goes to disk. */
int sessions_keep(struct sessions *all, struct err *err) DS_MUST_CHECK;

/* ---- certificate.c: [serve] tls_cert, tls_key ---- */

/* Whether they can be used. */
int certificate_check(const struct cfg *cfg, struct err *err) DS_MUST_CHECK;
/* *fresh: they are other ones than before. Bad ones change nothing. */
int certificate_read(const struct cfg *cfg, bool *fresh, struct err *err) DS_MUST_CHECK;
void certificate_read_again(const struct cfg *cfg); /* what came of it is logged */
gnutls_certificate_retrieve_function2 certificate_choose;
void certificate_free(void);

/* ---- access.c ---- */

void access_note(const struct web *w, const char *who, const char *from, const char *what,
                 const char *of);
/* Once a day: what is too old goes. */
void access_sweep(struct web *w);

/* ---- tries.c ---- */

void tries_failed(struct tries *all, enum tries_kind kind, const char *text);
void tries_succeeded(struct tries *all, enum tries_kind kind, const char *text);
/* 0: none for now, but in *wait_s seconds. */
int tries_left(struct tries *all, enum tries_kind kind, const char *text, int *wait_s);

/* ---- proxy.c ---- */

/* Who asks, and whether by https, as the trusted ones say: r->ask.peer, r->https. */
void proxies_judge(const struct networks *all, struct web_request *r);

/* ---- login.c ---- */

/* Asks who that is; it leads to what was asked for then, with its query. */
int login_ask(const struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;
/* GET and POST of /login, POST of /logout. */
int login_answer(struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;
int logout_answer(struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;

/* ---- own.c: pages of its own ---- */

int own_error(const struct web_request *r, const struct err *why, struct web_answer *out,
              struct err *err) DS_MUST_CHECK;
/* What is in the way, and what to do. */
int own_refusal(const struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;
int own_too_large(const struct web_request *r, struct web_answer *out,
                  struct err *err) DS_MUST_CHECK;
int own_method(const struct web_request *r, struct web_answer *out, struct err *err) DS_MUST_CHECK;

/* Beginning (title: translated) and end of one. */
void own_begin(const struct web_request *r, struct web_page *h, const char *title);
int own_end(const struct web_request *r, struct web_page *h, unsigned status,
            struct web_answer *out, struct err *err) DS_MUST_CHECK;

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

/* Its request is of this address, as a trusted proxy says: that is what counts. */
void clients_is_for(struct MHD_Connection *connection, const char *peer);

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

/* Those that were told nothing for long are, and who left is found out; those whose session is over
 * end. */
void streams_beat(struct streams *streams, struct who *who);
/* Before the daemon is stopped. */
void streams_end(struct streams *streams);

#endif
