/*
 * graph: a ROOT that `dashspool run` works with everything that it has: cameras (`dashspool
 * simulate`, with faults) and a watched folder → convert → [exec twice], which fails twice and then
 * works → [exec never], which never works; retention. What is fed is kept in mind, so that it can
 * be asked afterwards whether each file was stored once, and each of its jobs done once in effect,
 * whatever was killed meanwhile. Everything fails the running test on error.
 *
 * `twice` says in tries/ID how often it ran, and writes ID into `ledger` when it works, unless it
 * is there; while a file `gate` is there it waits. `never` says in runs/ID.
 */
#ifndef TESTS_GRAPH_H
#define TESTS_GRAPH_H

#include "dashspool/buf.h"
#include "dashspool/catalogue.h"
#include "support/tree.h"

enum { GRAPH_ITEMS = 8192, GRAPH_CAMERAS = 3, GRAPH_TRIES = 3 };

/* Dropped files of this camera go when there is more than a megabyte of them. */
#define GRAPH_DOOMED "352093081459991"

struct graph_item {
    char id[CATALOGUE_ID_ROOM]; /* that it must have */
    char sha256[65];
    int64_t time_us;
    bool dropped, photo, doomed;
    bool calls;        /* a camera of the graph hands it over */
    bool acknowledged; /* of a camera's: it heard so */
};

/* A camera's way from file to file. */
struct graph_camera {
    pid_t pid; /* 0: it does not call now */
    size_t item;
    bool calls; /* it has that item to hand over */
    int attempts;
    int64_t next_us; /* it waits for so long */
};

struct graph {
    const char *binary;
    char *dir;
    char root[256], in[300], log[300], address[32];
    pid_t run; /* 0: it does not run */
    int starts;
    struct graph_camera camera[GRAPH_CAMERAS];
    struct graph_item item[GRAPH_ITEMS];
    size_t n, next; /* items; the next one for a camera that has none to do */
};

/* retention: lines of [retention]. The stages' spools are made, nothing runs. */
struct graph *graph_new(const char *binary, const char *retention);
void graph_free(struct graph **g); /* ends what a test that failed has left running */

void graph_configure(struct graph *g, const char *retention);
const char *graph_path(const struct graph *g, const char *name); /* in dir: support_path() */

void graph_start(struct graph *g);  /* run; waits for nothing */
void graph_reload(struct graph *g); /* SIGHUP */
/* SIGTERM: it must end well, and nothing may be left of it. */
void graph_stop(struct graph *g);
/* What has ended is taken note of: cameras call again, a run that was killed is started anew. */
void graph_tend(struct graph *g);

/* One more file that nobody has seen: dropped; handed over by a camera; or (add) handed over by the
 * test, which sets `acknowledged` when it heard so; buf_clear() its bytes. */
void graph_drop(struct graph *g, bool photo, bool doomed);
void graph_hand_over(struct graph *g, bool photo);
struct graph_item *graph_add(struct graph *g, const char *imei, bool photo, struct buf *bytes);

/* How many transfers there are of a camera (NULL: of all). */
int graph_count(const struct graph *g, const char *imei);

/* Until all that was fed is done; tends. */
void graph_settle(struct graph *g, int seconds);

struct graph_tally {
    int files, deleted;
    int runs;     /* of `twice` */
    int unneeded; /* … beyond the three that it needs */
    int left;     /* directories in tmp/ and hidden ones in the archive */
};
/* Fails the test with all that is not as it must be. Nothing may run. */
struct graph_tally graph_judge(struct graph *g);

#endif
