/*
 * av: where FFmpeg's habits end: its log, its error numbers. Nothing of it reaches stderr; what a
 * codec says while it works for us is collected in the struct av_watch that its context's `opaque`
 * points to, whatever thread it says it on.
 */
#ifndef MEDIA_AV_H
#define MEDIA_AV_H

#include "dashspool/err.h"
#include <libavcodec/avcodec.h>
#include <pthread.h>
#include <stdbool.h>

#define AV_TICKS 90000 /* per second: the time base of all pictures */

struct av_watch {
    pthread_mutex_t lock;
    int complaints; /* warnings and errors */
    char first[160];
    char fresh[160]; /* the first error since this was last emptied */
};

void av_watch_init(struct av_watch *w);
void av_watch_clear(struct av_watch *w);

/* Silences FFmpeg's log for the process, once. */
void av_log_route(void);

/* Sets err from FFmpeg's `code`; w (may be NULL) adds the codec's own words. */
int av_fail(struct err *err, int code, const struct av_watch *w, const char *fmt, ...)
    DS_PRINTF(4, 5);

/* What differs between the FFmpeg of one Debian and the next is here, and nowhere else. */
bool av_encoder_takes(const AVCodec *codec, enum AVPixelFormat format);
void av_call_from_threads(
    AVCodecContext *ctx); /* get_buffer2() shares nothing with other threads */

struct AVFormatContext;

/* Opens what we wrote ourselves, or what is to be the same; `what` begins the error. */
int av_open_mp4(struct AVFormatContext **out, const char *path, const char *what,
                struct err *err) DS_MUST_CHECK;

static inline AVRational av_ticks(void)
{
    return (AVRational){1, AV_TICKS};
}

static inline int64_t av_ticks_of(int64_t us)
{
    return av_rescale(us, AV_TICKS, 1000000);
}

#endif
