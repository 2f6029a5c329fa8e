/*
 * decode: H.265 pictures by libavcodec. A frame's pts is the index of its access unit, so no
 * picture's time can be lost or invented.
 */
#ifndef MEDIA_DECODE_H
#define MEDIA_DECODE_H

#include "av.h"
#include "media.h"

enum decoder_use {
    DECODER_HEADS,  /* of each slice its beginning, which as a rule is enough to tell that a picture
                       comes out, of what size and format, at a small part of the cost */
    DECODER_SHOW,   /* pictures as a player shows them, whatever is wrong with them */
    DECODER_JUDGE,  /* all that come out, and what is wrong with each */
    DECODER_STRICT, /* … but a picture with a fault is refused (AV_EF_EXPLODE), and need not come
                       out: where none is refused, all are as they should be */
};

struct decoder {
    enum decoder_use use;
    AVCodecContext *ctx;
    AVPacket *packet;
    const struct media *m;
    uint8_t tail; /* to judge: what stands behind a slice; one that is whole never reads it */
    struct av_watch watch; /* what it said, for the text of errors: its words decide nothing */
    int64_t refused;       /* of DECODER_STRICT: how often it did */
    /* of the frame received last: */
    bool unwritten; /* blocks of it were not decoded */
    bool hashed,
        fits; /* the stream has a hash of it, and it is the picture that this was made of */
};

/* threads 0: one a core. decoder_close() also after a failure. Slices, parameter sets and SEI of
 * the base layer are decoded; what else is in an access unit, no decoder sees. */
int decoder_open(struct decoder *d, const struct media *m, int threads,
                 struct err *err) DS_MUST_CHECK;
int decoder_open_for(struct decoder *d, const struct media *m, enum decoder_use use, int threads,
                     struct err *err) DS_MUST_CHECK;
void decoder_close(struct decoder *d);

/* Feeds access unit `index`, or (index < 0) says that there are no more. Damage is no error.
 * Frames must be received until there are none before the next call. */
int decoder_send(struct decoder *d, const struct media *m, int64_t index,
                 struct err *err) DS_MUST_CHECK;

/* *got is false when there is none (yet). */
int decoder_receive(struct decoder *d, AVFrame *out, bool *got, struct err *err) DS_MUST_CHECK;

#endif
