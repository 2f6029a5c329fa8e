/*
 * decode: H.265 pictures by libavcodec. A frame's pts is the index of its access unit, so no
 * picture's time can be lost or invented.
 */
#ifndef MEDIA_DECODE_H
#define MEDIA_DECODE_H

#include "av.h"
#include "media.h"

struct decoder {
    AVCodecContext *ctx;
    AVPacket *packet;
    struct av_watch watch;
};

/* threads 0: one a core. decoder_close() also after a failure. */
int decoder_open(struct decoder *d, const struct media *m, int threads,
                 struct err *err) DS_MUST_CHECK;
void decoder_close(struct decoder *d);

/* Feeds access unit `index`, or (index < 0) says that there are no more. Damage is no error: it is
 * counted in d->watch. Frames must be received until there are none before the next call. */
int decoder_send(struct decoder *d, const struct media *m, int64_t index,
                 struct err *err) DS_MUST_CHECK;

/* *got is false when there is none (yet). */
int decoder_receive(struct decoder *d, AVFrame *out, bool *got, struct err *err) DS_MUST_CHECK;

/* Whether every block of a frame was decoded: each picture's bytes are marked beforehand. A slice
 * that ends too early is no error to libavcodec. */
bool decoder_wrote_all(const AVFrame *frame);

/* Decodes everything from m->first on, once, on one thread, and tells
 * damage_from_decoder() and found() (may be NULL) of each complaint with the picture that it is
 * about. */
typedef void decode_found_fn(void *arg, int64_t index, const char *said);
int decode_check(struct media *m, decode_found_fn *found, void *arg, struct err *err) DS_MUST_CHECK;

#endif
