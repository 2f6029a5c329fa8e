/*
 * A session against the simulated camera, or against bytes written by hand, under a clock that the
 * test owns. Every STORE is checked: in order, without holes, each byte once.
 */
#ifndef SUPPORT_PLAY_H
#define SUPPORT_PLAY_H

#include "dashspool/buf.h"
#include "dashspool/simulate.h"
#include "dashspool/wire.h"
#include <stdbool.h>

struct stored {
    struct wire_offer offer;            /* its pointers are not good any more */
    char name[WIRE_PATH_BYTES_MAX + 1]; /* the slot's identifier or the path */
    struct buf bytes;
    bool complete;
    uint8_t meta[512];
    size_t meta_bytes;
};

struct play {
    struct wire_session *s;
    struct simulate_camera *camera; /* NULL: the test writes the bytes */
    int64_t now_us;
    struct buf heard, said; /* all that the session sent, all that the camera sent */
    struct stored file[8];
    int n_files, n_abandoned, n_logs;
    bool closed, closed_warn;
    char text[256]; /* of the last ABANDON or CLOSE */
    char log[256];  /* the last */
    bool hold_accept, hold_commit;
    uint64_t have_bytes; /* what the first offer is accepted with */
    bool from_0;         /* … likewise */
    size_t fill_bytes;   /* what the camera says at once, at most; 0: 64 KiB */
};

/* limits and config may be NULL: the default, no camera. */
void play_begin(struct play *p, const struct wire_limits *limits,
                const struct simulate_config *config);
void play_end(struct play *p);

void play_drain(struct play *p);
void play_feed(struct play *p, const void *data, size_t n);
void play_feed_hex(struct play *p, const char *hex);
/* What the session sent since the last call. */
void play_heard_is(struct play *p, const char *hex);
/* The state of the session by its name. */
const char *play_state(const struct play *p);
/* Time passes until the session's deadline. */
void play_until_deadline(struct play *p);

/* A photo of `packets` packets, by hand, up to RECEIVING; nothing heard yet. */
void play_begin_receiving(struct play *p, const struct wire_limits *limits, unsigned packets);
/* A DATA frame of n bytes, all `fill`. */
void play_feed_packet(struct play *p, uint8_t fill, size_t n, uint16_t *seed);

/* Lets the camera speak until it is quiet; chunk: bytes a read; change (or NULL) may damage what is
 * on the way, at: bytes said before. */
void play_converse(struct play *p, size_t chunk,
                   void (*change)(uint8_t *data, size_t n, size_t at));

#endif
