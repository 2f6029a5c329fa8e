#include "encode.h"
#include <libavutil/hwcontext.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <string.h>

#define KEY_EVERY_S     2 /* seeking */
#define DEFAULT_THREADS 4 /* fixed: the number of threads decides the encoder's bytes */

/* How each family of encoders names a constant quality on x264's scale. */
static const struct {
    const char *part;    /* of the encoder's name */
    const char *quality; /* option */
    const char *more, *value;
} families[] = {
    {"libx264", "crf", "aq-mode", "2"},     {"libx265", "crf", "x265-params", "log-level=error"},
    {"_nvenc", "cq", "rc", "vbr"},          {"_vaapi", "qp", NULL, NULL},
    {"_qsv", "global_quality", NULL, NULL},
};

/* What the pictures of a viewing copy can be coded in. */
static bool is_ours(const AVCodec *c)
{
    return c->id == AV_CODEC_ID_H264 || c->id == AV_CODEC_ID_HEVC;
}

static int find(const char *name, const AVCodec **out, struct err *err)
{
    char names[300] = "";
    void *at = NULL;
    size_t used = 0;
    *out = avcodec_find_encoder_by_name(name);
    if (*out && is_ours(*out))
        return ERR_OK;
    for (const AVCodec *c; (c = av_codec_iterate(&at)) != NULL;)
        if (av_codec_is_encoder(c) && is_ours(c) && used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "",
                                     c->name);
    return err_set(err, ERR_CONFIG, "encoder '%s' is not one of H.264 or H.265; this FFmpeg has %s",
                   name, names);
}

int encoder_check(const char *name, struct err *err)
{
    const AVCodec *unused;
    return name[0] ? find(name, &unused, err) : ERR_OK;
}

/* Pictures for VAAPI live in the device. */
static int open_device(struct encoder *e, struct err *err)
{
    AVCodecContext *c = e->ctx;
    int code = av_hwdevice_ctx_create(&e->device, AV_HWDEVICE_TYPE_VAAPI, NULL, NULL, 0);
    if (code < 0)
        return err_set(err, ERR_UNSUPPORTED,
                       "encoder %s: no VAAPI device can be opened here (%s); use libx264",
                       c->codec->name, av_err2str(code));
    c->hw_frames_ctx = av_hwframe_ctx_alloc(e->device);
    if (!c->hw_frames_ctx)
        return err_nomem(err, "a device's frames");
    AVHWFramesContext *frames = (AVHWFramesContext *)(void *)c->hw_frames_ctx->data;
    frames->format = AV_PIX_FMT_VAAPI;
    frames->sw_format = AV_PIX_FMT_NV12;
    frames->width = c->width;
    frames->height = c->height;
    frames->initial_pool_size = 20;
    code = av_hwframe_ctx_init(c->hw_frames_ctx);
    return code < 0 ? av_fail(err, code, NULL, "encoder %s: device frames", c->codec->name)
                    : ERR_OK;
}

static int choose_layout(struct encoder *e, const AVCodec *codec, struct err *err)
{
    AVCodecContext *c = e->ctx;
    bool vaapi =
        av_encoder_takes(codec, AV_PIX_FMT_VAAPI) && !av_encoder_takes(codec, AV_PIX_FMT_YUV420P);
    c->pix_fmt = av_encoder_takes(codec, AV_PIX_FMT_YUV420P) ? AV_PIX_FMT_YUV420P
                 : vaapi                                     ? AV_PIX_FMT_VAAPI
                                                             : AV_PIX_FMT_NV12;
    if (c->pix_fmt == AV_PIX_FMT_YUV420P)
        return ERR_OK;
    if (c->pix_fmt == AV_PIX_FMT_NV12 && !av_encoder_takes(codec, AV_PIX_FMT_NV12))
        return err_set(err, ERR_UNSUPPORTED,
                       "encoder %s takes no 8-bit 4:2:0 pictures from memory; use libx264",
                       codec->name);
    e->interleaved = av_frame_alloc();
    if (!e->interleaved)
        return err_nomem(err, "a frame");
    e->interleaved->format = AV_PIX_FMT_NV12;
    e->interleaved->width = c->width;
    e->interleaved->height = c->height;
    int code = av_frame_get_buffer(e->interleaved, 0);
    if (code < 0)
        return av_fail(err, code, NULL, "frame");
    return vaapi ? open_device(e, err) : ERR_OK;
}

/* As x264 names them; the processor has this one. */
static bool has_vectors(const char *name)
{
#if defined(__x86_64__)
    return strcmp(name, "avx2") == 0     ? __builtin_cpu_supports("avx2")
           : strcmp(name, "sse4.2") == 0 ? __builtin_cpu_supports("sse4.2")
                                         : strcmp(name, "sse2") == 0;
#else
    return strcmp(name, "none") == 0;
#endif
}

const char *convert_vectors(void)
{
    static const char *const levels[] = {"avx2", "sse4.2", "sse2"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (has_vectors(levels[i]))
            return levels[i];
    return "none";
}

static int set_x264_params(AVCodecContext *c, const struct convert_options *o)
{
    char text[64];
    const char *level = has_vectors(o->vectors) ? o->vectors : convert_vectors();
    int n = snprintf(text, sizeof text, "asm=%s", strcmp(level, "none") == 0 ? "auto" : level);
    if (o->lookahead > 0 && n > 0)
        snprintf(text + n, sizeof text - (size_t)n, ":rc-lookahead=%d:mbtree=1", o->lookahead);
    return av_opt_set(c->priv_data, "x264-params", text, 0);
}

static int set_quality(AVCodecContext *c, const struct convert_options *o)
{
    int code = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (!strstr(c->codec->name, families[i].part))
            continue;
        if (strcmp(families[i].quality, "global_quality") == 0)
            c->global_quality = (int)o->crf;
        else
            code = av_opt_set_double(c->priv_data, families[i].quality, o->crf, 0);
        if (code >= 0 && families[i].more)
            code = av_opt_set(c->priv_data, families[i].more, families[i].value, 0);
    }
    if (code >= 0 && strncmp(c->codec->name, "libx26", 6) == 0)
        code = av_opt_set(c->priv_data, "preset", o->preset, 0);
    if (code >= 0 && strcmp(c->codec->name, "libx264") == 0)
        code = av_opt_set(c->priv_data, "profile", "high", 0);
    if (code >= 0 && strcmp(c->codec->name, "libx264") == 0)
        code = set_x264_params(c, o);
    /* what superfast finds for B pictures costs a quarter of its time, and at the same size of the
     * copy the pictures look worse than without them */
    if (strcmp(c->codec->name, "libx264") == 0 && strcmp(o->preset, "superfast") == 0)
        c->max_b_frames = 0;
    return code;
}

int encoder_open(struct encoder *e, const struct media *m, int width_px, int height_px,
                 const struct convert_options *options, struct err *err)
{
    const AVCodec *codec = NULL;
    *e = (struct encoder){0};
    av_watch_init(&e->watch);
    int rc = find(options->encoder[0] ? options->encoder : "libx264", &codec, err);
    if (rc < 0)
        return rc;
    AVCodecContext *c = e->ctx = avcodec_alloc_context3(codec);
    if (!c)
        return err_nomem(err, "an encoder");
    c->opaque = &e->watch;
    c->width = width_px;
    c->height = height_px;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(m->format);
    bool rgb = d && (d->flags & AV_PIX_FMT_FLAG_RGB);
    c->color_range = rgb ? AVCOL_RANGE_MPEG : m->range;
    c->colorspace = rgb ? AVCOL_SPC_BT709 : m->space;
    c->color_primaries = m->primaries;
    c->color_trc = m->transfer;
    c->sample_aspect_ratio = m->view_aspect;
    c->time_base = av_ticks();
    c->framerate = av_d2q(m->fps, 100000);
    if (c->framerate.num <= 0)
        c->framerate = (AVRational){25, 1};
    c->gop_size = (int)(av_q2d(c->framerate) * KEY_EVERY_S) + 1;
    c->thread_count = options->threads > 0 ? options->threads : DEFAULT_THREADS;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    if ((rc = choose_layout(e, codec, err)) < 0)
        return rc;
    if (codec->id == AV_CODEC_ID_HEVC)
        c->codec_tag = MKTAG('h', 'v', 'c', '1');
    int code = set_quality(c, options);
    if (code >= 0)
        code = avcodec_open2(c, codec, NULL);
    if (code >= 0)
        return ERR_OK;
    av_fail(err, code, &e->watch, "encoder %s cannot work here, %dx%d, preset %s", codec->name,
            width_px, height_px, options->preset);
    return err->code == ERR_NOMEM ? ERR_NOMEM : (err->code = ERR_UNSUPPORTED);
}

void encoder_close(struct encoder *e)
{
    avcodec_free_context(&e->ctx);
    av_frame_free(&e->interleaved);
    av_buffer_unref(&e->device);
    av_watch_clear(&e->watch);
}

/* The frame as the encoder wants it; *uploaded is to be freed. */
static int convert(struct encoder *e, AVFrame *in, AVFrame **use, AVFrame **uploaded)
{
    *use = in;
    if (!e->interleaved)
        return 0;
    int code = av_frame_make_writable(e->interleaved);
    if (code < 0)
        return code;
    for (int y = 0; y < in->height; y++)
        memcpy(e->interleaved->data[0] + (ptrdiff_t)y * e->interleaved->linesize[0],
               in->data[0] + (ptrdiff_t)y * in->linesize[0], (size_t)in->width);
    for (int y = 0; y < in->height / 2; y++) {
        const uint8_t *u = in->data[1] + (ptrdiff_t)y * in->linesize[1];
        const uint8_t *v = in->data[2] + (ptrdiff_t)y * in->linesize[2];
        uint8_t *uv = e->interleaved->data[1] + (ptrdiff_t)y * e->interleaved->linesize[1];
        for (int x = 0; x < in->width / 2; x++) {
            uv[2 * x] = u[x];
            uv[2 * x + 1] = v[x];
        }
    }
    e->interleaved->pts = in->pts;
    *use = e->interleaved;
    if (!e->device)
        return 0;
    *uploaded = av_frame_alloc();
    if (!*uploaded)
        return AVERROR(ENOMEM);
    code = av_hwframe_get_buffer(e->ctx->hw_frames_ctx, *uploaded, 0);
    if (code >= 0)
        code = av_hwframe_transfer_data(*uploaded, e->interleaved, 0);
    (*uploaded)->pts = in->pts;
    *use = *uploaded;
    return code;
}

int encoder_send(struct encoder *e, AVFrame *frame, struct err *err)
{
    AVFrame *use = NULL, *uploaded = NULL;
    int code = frame ? convert(e, frame, &use, &uploaded) : 0;
    if (code >= 0)
        code = avcodec_send_frame(e->ctx, use);
    av_frame_free(&uploaded);
    return code < 0 ? av_fail(err, code, &e->watch, "encoder %s", e->ctx->codec->name) : ERR_OK;
}

int encoder_receive(struct encoder *e, AVPacket *out, bool *got, struct err *err)
{
    int code = avcodec_receive_packet(e->ctx, out);
    *got = code >= 0;
    if (code >= 0 || code == AVERROR(EAGAIN) || code == AVERROR_EOF)
        return ERR_OK;
    return av_fail(err, code, &e->watch, "encoder %s", e->ctx->codec->name);
}
