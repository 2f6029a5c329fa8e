/*
 * web: HTTP for pages. Who asks and whether they may, forms and their CSRF tokens, sessions, the
 * limits of a peer, long answers, and HTML in the making. It knows no page: serve hands it its
 * routes. libmicrohttpd enters here alone.
 *
 * One process, one thread, WEB_CONNECTIONS_MAX connections. Who is slow to ask makes room for who
 * comes later, of one address and of all; an event stream (web_stream()) is outside of that, and
 * has a limit of its own.
 *
 * Each request goes: host and proxy -> person (session, Bearer, or the loopback) -> route and
 * method -> role -> origin and CSRF token of a POST -> the route's function.
 */
#ifndef DASHSPOOL_WEB_H
#define DASHSPOOL_WEB_H

#include "dashspool/buf.h"
#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include "dashspool/people.h"
#include "dashspool/text.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WEB_CONNECTIONS_MAX 64
#define WEB_PEER_ROOM       64 /* listen_name() */
#define WEB_TOKEN_LEAST     16
#define WEB_FIELDS_MAX      256          /* of a form */
#define WEB_FORM_BYTES_MAX  (128 * 1024) /* … with all its texts */
#define WEB_CSRF_ROOM       HASH_HEX_ROOM

/* ---- a request, as its page sees it ---- */

struct web_request; /* what libmicrohttpd has of it */

struct web_ask {
    struct web_request *request;
    const char *path, *rest; /* rest: behind the route's own words */
    bool head;               /* nobody reads the body */
    bool post;
    char peer[WEB_PEER_ROOM];    /* its address, the one behind a trusted proxy */
    char name[PEOPLE_NAME_ROOM]; /* who asks; "" without people: anybody at this computer, or
                                    who has the token of token_file */
    enum people_role role;       /* what that one may */
    const char *language;        /* of the page: "en", "de" */
    char csrf[WEB_CSRF_ROOM];    /* each form of the page has it as "csrf" (in front of its files),
                                    each POST of a script as the header X-CSRF-Token */
    void *body;                  /* what web_body's begin made */
};

/* A parameter of the query, a field of the form, a header; "" if it is not there. Borrowed until
 * the answer. */
const char *web_asked(const struct web_ask *ask, const char *name);
const char *web_field(const struct web_ask *ask, const char *name);
const char *web_header_of(const struct web_ask *ask, const char *name);
/* The i-th field of this name, for lists; NULL: there are no more. */
const char *web_field_at(const struct web_ask *ask, const char *name, size_t i);

/* For custody and logs: the name, else "somebody at <peer>". */
const char *web_who(const struct web_ask *ask, char out[PEOPLE_NAME_ROOM + WEB_PEER_ROOM]);

/* Into ROOT/access/<day>.jsonl, kept for [serve] access_days: who, when, from where, what ("play"),
 * of what. What is handed out is a custody event instead. */
void web_note(const struct web_ask *ask, const char *what, const char *of);

/* ---- an answer ---- */

struct web_answer {
    void *response; /* whose it is until it is queued: the caller's, when it is set */
    unsigned status;
};

/* What a page answers with. An error becomes a page: ERR_NOTFOUND 404, ERR_MALFORMED and ERR_CONFIG
 * 400, passing ones 503, others 500. */
typedef int web_fn(void *app, const struct web_ask *ask, struct web_answer *out, struct err *err);

/* What is in b, as it is; cache: of Cache-Control. */
int web_send(const struct buf *b, unsigned status, const char *type, const char *cache,
             struct web_answer *out, struct err *err) DS_MUST_CHECK;
/* 303 to an address of these pages. */
int web_redirect(const char *to, struct web_answer *out, struct err *err) DS_MUST_CHECK;

/* A file, or the part of it that is asked for (RFC 9110, section 14); etag: its hash. Takes fd,
 * also on failure. */
int web_send_file(const struct web_ask *ask, int fd, uint64_t length, const char *etag,
                  const char *type, struct web_answer *out, struct err *err) DS_MUST_CHECK;

/* n bytes that `read` makes as they are sent: returns how many it put, WEB_END at the end, or
 * WEB_ABORT, which ends the connection. `done` frees arg, always. */
#define WEB_END   (-1)
#define WEB_ABORT (-2)
typedef ssize_t web_read_fn(void *arg, uint64_t at, char *out, size_t room);
int web_send_made(uint64_t n, web_read_fn *read, void *arg, void (*done)(void *arg),
                  const char *type, struct web_answer *out, struct err *err) DS_MUST_CHECK;

int web_header(struct web_answer *out, const char *name, const char *value,
               struct err *err) DS_MUST_CHECK;

/* ---- HTML in the making; what goes wrong is told at the end ---- */

struct web_page {
    struct buf b;
    const char *language;
    const char *images; /* another host that its pictures may be of, "https://…"; NULL: none */
    int rc;
    struct err err;
};
void web_page_init(struct web_page *h, const struct web_ask *ask);
void web_page_clear(struct web_page *h);
void web_put(struct web_page *h, const char *markup);
void web_text(struct web_page *h, const char *text); /* escaped */
/* Markup in which each %s is a text, escaped; there is no other directive. */
void web_print(struct web_page *h, const char *markup, ...) DS_PRINTF(2, 3);
void web_url(struct web_page *h, const char *text);  /* one part of an address */
void web_path(struct web_page *h, const char *text); /* … several, with / */
/* A text as a string of JSON in a <script type="application/json">, which nothing in it can end. */
void web_json(struct web_page *h, const char *text);
void web_append(struct web_page *h, const struct web_page *part);
/* Numbers for people, as the page's language writes them: "100,000", "12.5", "2.1 MB". Scripts, SVG
 * and addresses have snprintf()'s. */
void web_number(struct web_page *h, int64_t n);
void web_size(struct web_page *h, int64_t bytes);
#define WEB_DECIMAL_ROOM 48
const char *web_decimal(const struct web_page *h, double value, int decimals,
                        char out[WEB_DECIMAL_ROOM]);
const char *web_size_text(const struct web_page *h, int64_t bytes, char out[WEB_DECIMAL_ROOM]);

/* A sentence of ours in the page's language; msgid is English, as it stands here, without markup.
 * web_tr() returns it (borrowed, for ever), web_say() puts it, escaped; web_sayf() with the texts
 * that its %s (in a language with another order: %1$s) stand for, escaped. web_trn(): of an
 * amount, whose %s is the number. */
const char *web_tr(const struct web_page *h, const char *msgid);
void web_say(struct web_page *h, const char *msgid);
void web_sayf(struct web_page *h, const char *msgid, ...);
/* What the program said where it knows no language: an error, a problem. In that of the page where
 * it is a sentence of a catalogue; else as it is, marked as English for those who hear it. */
void web_told(struct web_page *h, const char *text);
const char *web_trn(const struct web_page *h, const char *one, const char *many, int64_t n);
void web_sayn(struct web_page *h, const char *one, const char *many, int64_t n);

/* The page as an answer; clears h. */
int web_page_send(struct web_page *h, unsigned status, struct web_answer *out,
                  struct err *err) DS_MUST_CHECK;

/* ---- streams: what happens, as it happens (text/event-stream; EventSource in a browser) ----
 *
 * Outside of WEB_CONNECTIONS_MAX and of the limits of time. One ends when its session does, when
 * its browser left or does not take what it is told, and with the server; browsers ask again.
 */
#define WEB_STREAMS_MAX 512

struct web;
/* The answer of a route (GET, never HEAD). ERR_BUSY: there are too many. */
int web_stream(const struct web_ask *ask, struct web_answer *out, struct err *err) DS_MUST_CHECK;
/* Tells all of them, of the app's `between`; data: a text of lines, 60 KB at most. */
void web_publish(struct web *w, const char *event, const char *data);
/* How many there are. While there are, `between` is called each second, also when nobody asks. */
size_t web_streams(const struct web *w);

/* ---- bodies that are taken as they come: uploads ----
 *
 * begin, when the headers are there and the person may; then the pieces; then the route's answer.
 * Fields of a form that are no files are fields as always, those in front of a file are there when
 * its first piece comes. After an error of begin or piece no other piece follows, and the error is
 * the answer. Of any length: begin judges Content-Length. It must go on: 64 KiB in 15 s.
 */
struct web_piece {
    const char *name, *file; /* of a form (multipart/form-data): the field, and the name that the
                                browser gives its file; both "" of a body that is none */
    uint64_t at;             /* of the file, or of the body; 0: a new one begins */
    const void *data;
    size_t n; /* 0: an empty file */
};
struct web_body {
    int (*begin)(void *app, const struct web_ask *ask, void **body, struct err *err);
    int (*piece)(void *app, const struct web_ask *ask, const struct web_piece *piece,
                 struct err *err);
    void (*drop)(void *app, void *body); /* after the answer, or without one; not of NULL */
};

/* ---- the server ---- */

/* A POST must have the right CSRF token and come from these pages (Origin, Sec-Fetch-Site); from
 * who shows a token as Bearer, neither is asked. */
struct web_route {
    const char *path;
    bool below;             /* path ends in '/': what is behind it is the page's own */
    bool post;              /* takes a form; else GET and HEAD */
    enum people_role least; /* PEOPLE_NOBODY: without being known */
    web_fn *answer;
    const struct web_body *body; /* of a POST that takes more than a form; NULL: none */
};

struct web_app {
    void *app;
    const struct web_route *routes;
    size_t n_routes;
    /* The beginning and the end of each page of ours, also of those that web makes itself (errors,
     * log in). title: translated. */
    void (*begin)(void *app, struct web_page *h, const struct web_ask *ask, const char *title);
    void (*end)(void *app, struct web_page *h, const struct web_ask *ask);
    /* Between two requests: negative ends the server. */
    int (*between)(void *app, struct err *err);
};

/* The [serve] keys that are web's: cfg's names are serve's. Opens the port; nothing is answered
 * before web_run(). ERR_CONFIG: an address that is not the loopback without people or a token. */
int web_open(struct web **out, const char *root, const struct cfg *cfg, const struct web_app *app,
             struct err *err) DS_MUST_CHECK;
struct stop;
int web_run(struct web *w, struct stop *stop, struct err *err) DS_MUST_CHECK;
void web_close(struct web **w);
/* "127.0.0.1:7180" */
void web_address(const struct web *w, char *out, size_t room);

/* Of [ui] language: "auto", or one that there is a catalogue of. ERR_CONFIG. */
int web_language_check(const char *value, struct err *err);

/* As serve_try(). */
int web_try(const char *root, const struct cfg *cfg, const struct cfg *old,
            struct err *err) DS_MUST_CHECK;

#endif
