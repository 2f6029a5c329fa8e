/* stats: what goes on in the connections at this moment, for `dashspool status`. */
#ifndef DASHSPOOL_RECEIVE_STATS_H
#define DASHSPOOL_RECEIVE_STATS_H

#include "connection.h"
#include <jansson.h>

/* Of ten thousand that are receiving only so many are told in detail: those that began first, for
 * what hangs is among them. */
enum { LIVE_MAX = 50 };

/* A camera was sent away. */
void stats_count_refusal(struct connections *all, const char *why);

/* To be called once a second or so: the rates are taken between the calls. *receiving: an array, of
 * at most LIVE_MAX; *rate: bytes a second of all. */
void stats_look(struct connections *all, json_t **receiving, double *rate);
json_t *stats_refusals(const struct connections *all);

/* Bytes that may be anything: what is no printable ASCII becomes '?'. */
json_t *stats_text(const char *text);

/*
 * status_file: ROOT/receive.json, what `dashspool status` tells of a running receiver and of what
 * comes in. Written in place once a second, padded to one size, so that it can be written on a full
 * disk, too; no fsync. Who reads while it is written finds that its first value (serial) is not its
 * last (same_serial), and reads again.
 */

struct status_file {
    int fd; /* -1: not open; 0 before status_file_open() */
    bool open;
    int64_t started_us;
    char listens[2][96];
    int n_listens;
    long long serial;
};

int status_file_open(struct status_file *f, const char *root, struct err *err) DS_MUST_CHECK;
void status_file_listens(struct status_file *f, const char *where);
void status_file_write(struct status_file *f, struct connections *all);
void status_file_close(struct status_file *f); /* removes what it said */

#endif
