/*
 * pick: single pictures of a video, decoded: from the nearest key picture on, not the whole clip.
 * Asked for in display order, each picture is decoded once at the most.
 */
#ifndef CONVERT_PICK_H
#define CONVERT_PICK_H

#include "media/decode.h"
#include <libavutil/frame.h>

struct pick {
    struct media *m;
    struct decoder decoder;
    AVFrame *frame, *best;
    bool best_whole; /* nothing is known to be wrong with its own bytes */
    int64_t next;    /* is fed next; -1: start at a key picture */
    bool *bad;       /* of each picture: the decoder complained about it */
};

/* pick_close() also after a failure. */
int pick_open(struct pick *p, struct media *m, struct err *err) DS_MUST_CHECK;
void pick_close(struct pick *p);

/* The picture that is shown at pts (the last whose time has come), as an index. */
int64_t pick_at(const struct media *m, int64_t pts);

/* Decodes picture `index`; where it does not decode whole, the nearest that does, and where none
 * does, what there is. *out is borrowed until the next call; its pts is the index of the picture
 * that it is. ERR_MALFORMED: nothing comes out. */
int pick_get(struct pick *p, int64_t index, const AVFrame **out, struct err *err) DS_MUST_CHECK;

#endif
