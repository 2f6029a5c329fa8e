/*
 * accept: how a site takes a transfer that a node has stored (site.h): its bytes, its row, all that
 * is known of it, its custody and its jobs; all or nothing.
 *
 *  1. The token is asked for: what was accepted before is not done again.
 *  2. The master goes to the object store as masters/<2 hex>/<SHA-256>, which that compares with
 *     its bytes. Nothing tells whether it was there before: the same bytes have the same name.
 *  3. In one transaction of the database, with a lock on that SHA-256 (raw.h drops objects with the
 *     same one, so that none goes between the look and the row):
 *       - is the object there, with its length? If not, it is put once more;
 *       - a repeat of the same IMEI, camera, kind, length and SHA-256 is noted as one, in the
 *         custody of the first; else a row, with the next free id; its connections, its origin, the
 *         tracker's records that were joined; its custody, line by line as the node wrote it (under
 *         another id the same events, chained anew); what it fulfils of requests; what stages have
 *         to do with it, their jobs;
 *       - its facts and custody as an object beside the master, for who has nothing but objects;
 *       - the token.
 *
 * Before the commit there may be objects that no row knows: the next try needs them. A commit whose
 * answer is lost was, or was not: the token tells the next try.
 *
 * Of one thread. Opens nothing before it is needed, and what was lost, anew.
 */
#ifndef DASHSPOOL_ACCEPT_H
#define DASHSPOOL_ACCEPT_H

#include "dashspool/catalogue.h"
#include "dashspool/raw.h"
#include "dashspool/site.h"

struct accept;

/* What a transfer is taken from: the stores of the node, and its row there, which is stored. */
struct accept_from {
    const char *root;
    struct catalogue *catalogue;
    struct raw *raw;
    const struct catalogue_transfer *row;
    const char *token; /* names it among those of all nodes, for ever */
};

struct accept_taken {
    char id[CATALOGUE_ID_ROOM]; /* the site's */
    bool same;                  /* the site had these bytes of this camera before */
    int64_t lines;              /* of the node's custody, which the site has by now */
};

/* n stages get jobs (0: convert alone); borrowed. *out is the caller's. */
int accept_open(struct accept **out, const struct site *site, const char *root,
                const char *const *stages, size_t n, struct err *err) DS_MUST_CHECK;
void accept_close(struct accept **a);

/* Asked now and then while the object store lets us wait; true ends that (ERR_AGAIN). */
typedef bool accept_stop_fn(void *arg);
void accept_stop(struct accept *a, accept_stop_fn *stop, void *arg);

/* ERR_MALFORMED, ERR_NOTFOUND, ERR_LIMIT: it lies in this transfer. Anything else: nothing was
 * accepted, or its answer is lost; to be done again. */
int accept_transfer(struct accept *a, const struct accept_from *from, struct accept_taken *out,
                    struct err *err) DS_MUST_CHECK;

/* Lines of the node's custody from line from_line on, that came later: noted in that of what it
 * became, each once (by its kind and time). ERR_NOTFOUND: the site did not take it. */
int accept_note(struct accept *a, const struct accept_from *from, int64_t from_line,
                struct err *err) DS_MUST_CHECK;

#endif
