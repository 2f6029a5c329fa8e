/*
 * world: a server that runs (`dashspool receive`, or `telemetry`, on free ports of the loopback,
 * below a temporary directory), cameras that connect to it from inside the test, and what it has
 * stored, asked through the doors catalogue.h and raw.h. Everything fails the running test on
 * error.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "dashspool/catalogue.h"
#include "dashspool/simulate.h"
#include "support/proc.h"
#include <stdbool.h>

enum { WORLD_ROWS = 12 };

struct world {
    const char *binary;
    const char *command; /* "receive", "telemetry" */
    char *dir;
    char root[256];
    char port[8], tls_port[8]; /* "" none; of 127.0.0.1 */
    struct proc receiver;
    bool running;
    int starts;
};

/* config: lines of [receive] (or of its section, and other sections); not started yet. */
void world_open(struct world *w, const char *binary, const char *config);
void world_open_telemetry(struct world *w, const char *binary, const char *config);
/* Ends what still runs; it must end well. */
void world_close(struct world *w);

/* Writes these lines anew, for the next start. */
void world_configure(struct world *w, const char *config);

/* Each start has a log of its own: w->receiver.log. */
void world_start(struct world *w);
void world_stop(struct world *w); /* SIGTERM; it must end well */
void world_kill(struct world *w); /* SIGKILL */

/* Waits until `is` says true of what is on disk: it is asked again whenever something changes. */
typedef bool world_is_fn(struct world *w, void *arg);
void world_wait(struct world *w, world_is_fn *is, void *arg, const char *what);

/* ---- what is stored ---- */

struct world_rows {
    int n;
    struct catalogue_transfer row[WORLD_ROWS]; /* of one camera, by time, then id */
};
void world_rows(struct world *w, const char *imei, struct world_rows *out);
/* … once none of them is being received any more. */
void world_settled_rows(struct world *w, const char *imei, struct world_rows *out);

/* The bytes of a transfer, also of a partial; buf_clear() them. */
struct buf world_bytes(struct world *w, const struct catalogue_transfer *row);

/* Where the last of its connections began to store. */
int64_t world_resumed_at(struct world *w, const struct catalogue_transfer *row);

/* Waits until so many bytes of the camera's only transfer are on disk. */
void world_wait_stored(struct world *w, const char *imei, int64_t bytes);

/* Waits until each stored transfer has its job for convert: a camera is acknowledged before. */
void world_wait_jobs(struct world *w);

/* ---- the receiver's log ---- */

/* How many lines of it have these words. */
int world_log_lines(struct world *w, const char *words);

/* ---- cameras ---- */

/* A connection to a port of 127.0.0.1. */
int world_dial(const char *port);
/* "127.0.0.1:PORT", for `simulate --to`; in one of two static buffers. */
const char *world_address(const char *port);

/* A camera on a connection that the test holds. */
struct world_camera {
    struct simulate_camera *camera;
    int fd;
};
void world_camera_connect(struct world *w, const struct simulate_config *config,
                          struct world_camera *out);
/* Lets it talk until it has sent so many bytes of files; ends the test if the server leaves. */
void world_camera_send(struct world_camera *c, uint64_t bytes);
/* Lets it talk until it is done (true) or the server closes the connection (false). */
bool world_camera_finish(struct world_camera *c);
void world_camera_close(struct world_camera *c);

/* Connects a camera and lets it talk to its end: the files that were acknowledged. */
int world_camera_run(struct world *w, const struct simulate_config *config);

#endif
