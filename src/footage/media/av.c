#include "av.h"
#include "dashspool/fsx.h"
#include <libavformat/avformat.h>
#include <libavutil/error.h>
#include <libavutil/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void av_watch_init(struct av_watch *w)
{
    *w = (struct av_watch){0};
    pthread_mutex_init(&w->lock, NULL);
}

void av_watch_clear(struct av_watch *w)
{
    pthread_mutex_destroy(&w->lock);
}

DS_PRINTF(3, 0)
static void on_log(void *context, int level, const char *fmt, va_list ap)
{
    const AVClass *class = context ? *(AVClass **)context : NULL;
    if (level > AV_LOG_WARNING || !class || strcmp(class->class_name, "AVCodecContext") != 0)
        return;
    struct av_watch *w = ((AVCodecContext *)context)->opaque;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    char text[sizeof w->first];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\r\n")] = '\0';
    if (w->complaints++ == 0)
        memcpy(w->first, text, sizeof text);
    if (level <= AV_LOG_ERROR && !w->fresh[0])
        memcpy(w->fresh, text, sizeof text);
    pthread_mutex_unlock(&w->lock);
}

static void route(void)
{
    av_log_set_callback(on_log);
}

void av_log_route(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, route);
}

static int code_of(int code)
{
    switch (code) {
    case AVERROR(ENOMEM):
        return ERR_NOMEM;
    case AVERROR(ENOSPC):
    case AVERROR(EIO):
    case AVERROR(EDQUOT):
    case AVERROR(EFBIG):
    case AVERROR(EROFS):
    case AVERROR(EACCES):
    case AVERROR(ENOENT):
        return ERR_IO;
    case AVERROR_INVALIDDATA:
        return ERR_MALFORMED;
    default:
        return ERR_UNSUPPORTED;
    }
}

int av_fail(struct err *err, int code, const struct av_watch *w, const char *fmt, ...)
{
    char what[256], why[AV_ERROR_MAX_STRING_SIZE] = "";
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    av_strerror(code, why, sizeof why);
    if (w && w->complaints)
        return err_set(err, code_of(code), "%s: %s (%s)", what, why, w->first);
    return err_set(err, code_of(code), "%s: %s", what, why);
}

bool av_encoder_takes(const AVCodec *codec, enum AVPixelFormat format)
{
    const enum AVPixelFormat *formats = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100) /* FFmpeg 7.1 */
    const void *list = NULL;
    if (avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list, NULL) >= 0)
        formats = list;
#else
    formats = codec->pix_fmts;
#endif
    for (; formats && *formats != AV_PIX_FMT_NONE; formats++)
        if (*formats == format)
            return true;
    return false;
}

void av_call_from_threads(AVCodecContext *ctx)
{
#if LIBAVCODEC_VERSION_MAJOR < 60 /* later ones take it for granted */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    ctx->thread_safe_callbacks = 1;
#pragma GCC diagnostic pop
#else
    (void)ctx;
#endif
}

int av_open_mp4(struct AVFormatContext **out, const char *path, const char *what, struct err *err)
{
    char *url = NULL;
    int rc = fsx_path(&url, err, "file:%s", path);
    if (rc == ERR_OK) {
        /* only our own container, whatever the bytes look like */
        int code = avformat_open_input(out, url, av_find_input_format("mp4"), NULL);
        rc = code < 0 ? av_fail(err, code, NULL, "%s", what) : ERR_OK;
    }
    free(url);
    return rc;
}
