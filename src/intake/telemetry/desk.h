/*
 * desk: what else is to be done about trackers, beside the records and slower than them: commands
 * of requests (requests.h), and telling whom new records concern (intake_join()). All of it is
 * catalogue work, on a worker thread of its own: no acknowledgement waits for it.
 *
 * Calls are made on the loop's thread and return at once; what they ask for is done in order, and
 * answered on the loop's thread. What fails for a reason that may pass is tried again.
 *
 * About once a second it looks for whom requests are open, whoever made them, and says so (due()):
 * a request of another process is sent within seconds while the tracker's link is up.
 */
#ifndef DASHSPOOL_TELEMETRY_DESK_H
#define DASHSPOOL_TELEMETRY_DESK_H

#include "dashspool/standing.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct desk;
struct desk_order;

struct desk_options {
    int64_t window_us;                        /* journey.h */
    const struct standing *standing;          /* asked for here, about once a second */
    void (*due)(void *arg, const char *imei); /* a request of it is open: desk_next(), if it can
                                                 take a command now */
    void *arg;
};

int desk_open(struct desk **out, const char *root, uv_loop_t *loop,
              const struct desk_options *options, struct err *err) DS_MUST_CHECK;
/* Does what waits, once, then closes. */
void desk_close(struct desk **desk);

/* ---- commands ---- */

struct desk_command {
    int64_t id; /* 0: none is due */
    bool codec_14;
    char text[192];
};
typedef void desk_next_fn(void *owner, const struct desk_command *command);
typedef void desk_answer_fn(void *owner, bool settled);

/* Whether requests of it are open, as of a second ago. */
bool desk_wants(const struct desk *d, const char *imei);

/* It has logged in. */
void desk_login(struct desk *d, const char *imei);

/* Its records say so now: enum requests_wait, as bits. */
void desk_heard(struct desk *d, const char *imei, unsigned what);

/* The command that is due, recorded as sent: to be sent at once, or desk_unsent(). NULL: out of
 * memory. The pointer is good until done(), or desk_disown(). */
struct desk_order *desk_next(struct desk *d, const char *imei, const char *peer, void *owner,
                             desk_next_fn *done);
/* All that the tracker has said to it so far. */
struct desk_order *desk_answer(struct desk *d, int64_t id, const void *text, size_t n, void *owner,
                               desk_answer_fn *done);
void desk_disown(struct desk_order *order);
/* … and more than that, after it had settled the request. */
void desk_more(struct desk *d, int64_t id, const void *text, size_t n);

void desk_silent(struct desk *d, int64_t id, const void *text, size_t n);
/* Not one byte of it went out: DESK_ENDED, or another reason. */
void desk_unsent(struct desk *d, int64_t id, const char *why);
#define DESK_ENDED "the connection ended before it was sent"
/* The tracker says that it is for another one. */
void desk_refused(struct desk *d, int64_t id, const char *why);
void desk_lost(struct desk *d, const char *imei); /* its link, while a command was out */

/* ---- records ---- */

/* New records of it, of these times, are on disk. */
void desk_records(struct desk *d, const char *imei, int64_t from_ms, int64_t until_ms);

#endif
