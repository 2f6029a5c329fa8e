/* stats: what goes on in the connections at this moment, for `dashspool status`. */
#ifndef DASHSPOOL_RECEIVE_STATS_H
#define DASHSPOOL_RECEIVE_STATS_H

#include "connection.h"

/* A camera was sent away. */
void stats_count_refusal(struct connections *all, const char *why);

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
