/*
 * forward: hands on to the site what this node has stored, and clears it away here when it is done
 * with. A thread of its own, with its own connections to the local stores and to the site's; the
 * receiver's loop never waits for it. `import` calls it at its end, and waits.
 *
 * What a local row says (ROOT/catalogue.db; the bytes are in ROOT/raw):
 *
 *     stored ─► accepted (published) ─► done with (set aside; no bytes) ─► no row
 *         take        its camera was acknowledged,         its day and the next
 *                     or a day went by                     are over
 *
 *  - stored: the site may have it or not. It is what stands between a camera and its loss.
 *  - accepted: the site has bytes, row, custody and jobs. It stays for a camera that was not told,
 *    and brings it again: its end is compared with it, and it is acknowledged at once.
 *  - done with: the row is still counted as what its camera brought that day.
 *
 * Steps of one transfer, and what a crash, or an answer that is lost, leaves after each:
 *
 *  1. take (accept.h): bytes to the object store under their
 *     hash, then one transaction of the database. Before its commit: an object that nobody knows,
 *     which the next try needs. After it: the site knows the token, "<identity of ROOT>/<key>",
 *     and the next try is told what came of the first.
 *  2. accepted(): the camera is acknowledged. A crash before: it brings the file again.
 *  3. the local row says "published", if its custody has no line that the site does not have:
 *     before, 1 is done once more, without effect. A line that came meanwhile is handed on first;
 *     one that the site has already (kind and time) is not added again.
 *  4. set aside; then its bytes are dropped; then, some other day, its row. A crash between these
 *     is put right by the next look at what is old, which does all of them once more.
 *
 * What lies in one transfer itself (its bytes are damaged here) is logged and keeps no other from
 * it; it is tried again by the next start. Anything else stops all, and is tried again after
 * RETRY_FIRST_MS, doubled up to RETRY_LAST_MS: state.trouble.
 *
 * Whom a camera waits for goes first, then the others by their time.
 */
#ifndef DASHSPOOL_FORWARD_FORWARD_H
#define DASHSPOOL_FORWARD_FORWARD_H

#include "dashspool/accept.h"

/* The site, as forward sees it: that of accept.h, or a test's. */
struct forward_site {
    /* stop: asked while it waits; true: it ends soon. */
    int (*open)(void **out, void *arg, accept_stop_fn *stop, void *stop_arg, struct err *err);
    void (*close)(void **at);
    int (*take)(void *at, const struct accept_from *from, struct accept_taken *out,
                struct err *err);
    int (*note)(void *at, const struct accept_from *from, int64_t from_line, struct err *err);
    void *arg; /* of open */
};

/* Of n stages; all borrowed. */
struct forward_feeds {
    const char *root;
    const char *const *stage;
    size_t n;
};
struct forward_site forward_to_site(struct forward_feeds *feeds);

struct forward_options {
    const char *who; /* "receive", "import": in the log */
    struct forward_site site;
    int64_t staged_bytes_max;                 /* what may wait here, */
    int64_t staged_age_max_us;                /* … and how long; 0: any */
    void (*accepted)(void *arg, int64_t key); /* on forward's thread; NULL */
    void *arg;
};

struct forward_state {
    int64_t files, bytes; /* that wait for the site */
    int64_t oldest_us;    /* when the oldest of them was complete, UTC; 0: none waits */
    int64_t accepted;     /* by the site, since the start */
    int64_t last_us;      /* … the last of them, UTC */
    char trouble[256];    /* why nothing is handed on, for a person; "" */
    char full[256];       /* why no camera may come; "" */
};

struct forward;

/* options are copied, their texts borrowed. Opens nothing yet: a site that cannot be reached keeps
 * nobody from receiving. *out is the caller's. */
int forward_open(struct forward **out, const char *root, const struct forward_options *options,
                 struct err *err) DS_MUST_CHECK;
void forward_close(struct forward **f); /* ends its thread, after the step that is under way */

/* Begins its thread; for who shuts himself in, after that. */
int forward_start(struct forward *f, struct err *err) DS_MUST_CHECK;

/* Instead of a thread: hands on all that waits, once. The error that stopped it; ERR_MALFORMED when
 * all but some that are damaged went. */
int forward_all(struct forward *f, struct err *err) DS_MUST_CHECK;

/* From any thread. A transfer is to be handed on, and somebody waits for it. Its camera was
 * acknowledged, or nobody brings it again: what is here of it may go once the site has it. */
void forward_wants(struct forward *f, int64_t key);
void forward_heard(struct forward *f, int64_t key);

void forward_look(struct forward *f, struct forward_state *out);

#endif
