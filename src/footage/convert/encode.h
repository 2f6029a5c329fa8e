/*
 * encode: pictures of a viewing copy into H.264 or H.265 packets, by whatever encoder of FFmpeg the
 * settings name. In: 8-bit 4:2:0 frames in memory, times in AV_TICKS. The encoders differ in how
 * they name quality, in the pixel layout that they take, and in whether pictures must be put into a
 * device's memory first; that is hidden here.
 *
 * libx264 is the default, and the only one whose bytes are promised to be the same everywhere. It
 * runs with a fixed number of threads (they decide the bytes) and aq-mode 2, which at "superfast"
 * gives more SSIM for fewer bytes than the default does.
 */
#ifndef CONVERT_ENCODE_H
#define CONVERT_ENCODE_H

#include "dashspool/convert.h"
#include "media/av.h"
#include "media/media.h"

struct encoder {
    AVCodecContext *ctx;
    struct av_watch watch;
    AVFrame *interleaved; /* NV12, where that is what the encoder takes */
    AVBufferRef *device;  /* VAAPI */
};

/* A setting's check (cfg.h): an encoder that this FFmpeg has; "" is ours to choose. */
int encoder_check(const char *name, struct err *err);

/* width, height: even. ERR_CONFIG for an encoder that FFmpeg does not have or that is no video
 * encoder for MP4, with those that there are; ERR_UNSUPPORTED, with its own words, for one that
 * cannot work on this machine. encoder_close() also after a failure. */
int encoder_open(struct encoder *e, const struct media *m, int width_px, int height_px,
                 const struct convert_options *options, struct err *err) DS_MUST_CHECK;
void encoder_close(struct encoder *e);

/* NULL: there are no more. The frame stays the caller's. */
int encoder_send(struct encoder *e, AVFrame *frame, struct err *err) DS_MUST_CHECK;

/* *got is false when none is ready (or, behind the end, none is left). */
int encoder_receive(struct encoder *e, AVPacket *out, bool *got, struct err *err) DS_MUST_CHECK;

#endif
