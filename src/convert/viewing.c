#include "copies.h"
#include "decode.h"
#include "mux.h"
#include "osd.h"
#include <inttypes.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_EVERY_S     2 /* seeking */
#define DEFAULT_THREADS 4 /* fixed: the number of threads decides the encoder's bytes */

struct span { /* of a picture, in display order */
    int64_t pts, span;
};

struct viewing {
    const struct copy_task *t;
    struct decoder decoder;
    AVCodecContext *ctx; /* libx264 */
    struct av_watch watch;
    struct mux mux;
    struct osd *osd;
    struct SwsContext *sws;
    AVFrame *frame, *canvas;
    AVPacket *packet;
    struct span *spans;
    int64_t n_spans;
    int64_t shown, last_pts;
};

static bool is_planar_420(int format)
{
    return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P;
}

static int open_encoder(struct viewing *v, struct err *err)
{
    const struct media *m = v->t->m;
    const struct convert_options *o = v->t->options;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(m->format);
    bool rgb = d && (d->flags & AV_PIX_FMT_FLAG_RGB);
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    if (!codec)
        return err_set(err, ERR_UNSUPPORTED, "this FFmpeg has no libx264");
    AVCodecContext *c = v->ctx = avcodec_alloc_context3(codec);
    if (!c)
        return err_set(err, ERR_NOMEM, "no memory for an H.264 encoder");
    c->opaque = &v->watch;
    c->width = m->width_px & ~1;
    c->height = m->height_px & ~1;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->color_range = rgb ? AVCOL_RANGE_MPEG : m->range;
    c->colorspace = rgb ? AVCOL_SPC_BT709 : m->space;
    c->color_primaries = m->primaries;
    c->color_trc = m->transfer;
    c->sample_aspect_ratio = m->sample_aspect;
    c->time_base = av_ticks();
    c->framerate = av_d2q(m->timing.fps[m->timing.chosen], 100000);
    if (c->framerate.num <= 0)
        c->framerate = (AVRational){25, 1};
    c->gop_size = (int)(av_q2d(c->framerate) * KEY_EVERY_S) + 1;
    c->thread_count = o->threads > 0 ? o->threads : DEFAULT_THREADS;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    int code = av_opt_set(c->priv_data, "preset", o->preset, 0);
    if (code >= 0)
        code = av_opt_set_double(c->priv_data, "crf", o->crf, 0);
    if (code >= 0)
        code = av_opt_set(c->priv_data, "profile", "high", 0);
    if (code >= 0)
        code = avcodec_open2(c, codec, NULL);
    return code < 0 ? av_fail(err, code, &v->watch, "H.264 encoder, %dx%d, preset %s", c->width,
                              c->height, o->preset)
                    : ERR_OK;
}

static int open_canvas(struct viewing *v, struct err *err)
{
    v->frame = av_frame_alloc();
    v->canvas = av_frame_alloc();
    v->packet = av_packet_alloc();
    if (!v->frame || !v->canvas || !v->packet)
        return err_set(err, ERR_NOMEM, "no memory for a frame");
    v->canvas->format = AV_PIX_FMT_YUV420P;
    v->canvas->width = v->ctx->width;
    v->canvas->height = v->ctx->height;
    v->canvas->color_range = v->ctx->color_range;
    int code = av_frame_get_buffer(v->canvas, 0);
    return code < 0 ? av_fail(err, code, NULL, "frame") : ERR_OK;
}

static int by_pts(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return (x->pts > y->pts) - (x->pts < y->pts);
}

static int index_spans(struct viewing *v, struct err *err)
{
    const struct media *m = v->t->m;
    v->n_spans = m->n_pictures - m->first;
    v->spans = malloc((size_t)v->n_spans * sizeof *v->spans);
    if (!v->spans)
        return err_set(err, ERR_NOMEM, "no memory for the picture times");
    for (int64_t i = 0; i < v->n_spans; i++)
        v->spans[i] = (struct span){m->picture[m->first + i].pts, m->picture[m->first + i].span};
    qsort(v->spans, (size_t)v->n_spans, sizeof *v->spans, by_pts);
    return ERR_OK;
}

/* Converts what is not 8-bit 4:2:0 of the right size; levels stay as they are. */
static int scale(struct viewing *v, struct err *err)
{
    AVFrame *f = v->frame, *c = v->canvas;
    v->sws = sws_getCachedContext(
        v->sws, f->width, f->height, (enum AVPixelFormat)f->format, c->width, c->height,
        AV_PIX_FMT_YUV420P, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!v->sws)
        return err_set(err, ERR_UNSUPPORTED, "pictures of %dx%d, %s", f->width, f->height,
                       av_get_pix_fmt_name((enum AVPixelFormat)f->format));
    int full = c->color_range == AVCOL_RANGE_JPEG;
    const int *table =
        sws_getCoefficients(v->ctx->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_DEFAULT);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    bool rgb = d && (d->flags & AV_PIX_FMT_FLAG_RGB);
    sws_setColorspaceDetails(v->sws, table, rgb ? 1 : full, table, full, 0, 1 << 16, 1 << 16);
    int code = sws_scale(v->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
                         c->data, c->linesize);
    return code < 0 ? av_fail(err, code, NULL, "scaling") : ERR_OK;
}

/* The decoded picture on the canvas, which the encoder has given back. */
static int paint(struct viewing *v, struct err *err)
{
    AVFrame *f = v->frame, *c = v->canvas;
    int code = av_frame_make_writable(c);
    if (code < 0)
        return av_fail(err, code, NULL, "frame");
    if (!is_planar_420(f->format) || f->width >> 1 != c->width >> 1 ||
        f->height >> 1 != c->height >> 1)
        return scale(v, err);
    for (int k = 0; k < 3; k++) {
        int shift = k > 0, w = c->width >> shift, h = c->height >> shift;
        for (int y = 0; y < h; y++)
            memcpy(c->data[k] + (ptrdiff_t)y * c->linesize[k],
                   f->data[k] + (ptrdiff_t)y * f->linesize[k], (size_t)w);
    }
    return ERR_OK;
}

static int overlay(struct viewing *v, int64_t time_us, struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    AVFrame *c = v->canvas;
    osd_text_lines(v->t->facts, time_us, "viewing copy", lines);
    int rc = osd_set(v->osd, lines, err);
    if (rc < 0)
        return rc;
    struct osd_planes p = {
        .plane = {c->data[0], c->data[1], c->data[2]},
        .stride = {c->linesize[0], c->linesize[1], c->linesize[2]},
        .n = 3,
        .width_px = c->width,
        .height_px = c->height,
        .log2_chroma_w = 1,
        .log2_chroma_h = 1,
        .full_range = c->color_range == AVCOL_RANGE_JPEG,
    };
    osd_blend(v->osd, &p);
    return ERR_OK;
}

/* Gives the encoder a picture (NULL: there are no more) and writes what comes out. */
static int encode(struct viewing *v, AVFrame *picture, struct err *err)
{
    int rc = ERR_OK, code = avcodec_send_frame(v->ctx, picture);
    while (code >= 0 && rc == ERR_OK) {
        code = avcodec_receive_packet(v->ctx, v->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return ERR_OK;
        if (code < 0)
            break;
        struct span key = {.pts = v->packet->pts};
        const struct span *s = bsearch(&key, v->spans, (size_t)v->n_spans, sizeof key, by_pts);
        v->packet->duration = s ? s->span : 0;
        rc = mux_video(&v->mux, v->packet, err);
    }
    return rc < 0 ? rc : code < 0 ? av_fail(err, code, &v->watch, "H.264 encoder") : ERR_OK;
}

static int show(struct viewing *v, struct err *err)
{
    const struct media *m = v->t->m;
    int64_t index = v->frame->pts;
    if (index < m->first || index >= m->n_pictures)
        return ERR_OK;
    const struct media_picture *p = &m->picture[index];
    if (v->shown > 0 && p->pts <= v->last_pts)
        return ERR_OK; /* damage put it out of order; counted as missing */
    int rc = paint(v, err);
    if (rc == ERR_OK)
        rc = overlay(v, p->time_us, err);
    if (rc < 0)
        return rc;
    v->canvas->pts = v->last_pts = p->pts;
    v->shown++;
    return encode(v, v->canvas, err);
}

static int transcode(struct viewing *v, struct err *err)
{
    struct media *m = v->t->m;
    int rc = ERR_OK;
    for (int64_t i = m->first; rc == ERR_OK && i <= m->n_pictures; i++) {
        bool got = true;
        rc = decoder_send(&v->decoder, m, i < m->n_pictures ? i : -1, err);
        while (rc == ERR_OK && got) {
            rc = decoder_receive(&v->decoder, v->frame, &got, err);
            if (rc == ERR_OK && got)
                rc = show(v, err);
        }
        copy_progress(v->t, i + 1 - m->first, m->n_pictures + 1 - m->first);
    }
    return rc < 0 ? rc : encode(v, NULL, err);
}

static void warn(const struct viewing *v)
{
    int64_t missing = v->n_spans - v->shown;
    if (missing > 0)
        media_warn(v->t->m, "%" PRId64 " of %" PRId64 " pictures did not decode", missing,
                   v->n_spans);
    if (v->decoder.watch.complaints > 0)
        media_warn(v->t->m, "the decoder complained %d times, first: %s",
                   v->decoder.watch.complaints, v->decoder.watch.first);
}

static int open_all(struct viewing *v, struct err *err)
{
    const struct copy_task *t = v->t;
    char title[160], comment[320];
    const char *name = t->facts->id[0] ? t->facts->id : t->stem;
    snprintf(title, sizeof title, "%.120s, viewing copy", name);
    snprintf(comment, sizeof comment,
             "viewing copy of %.120s: derived, re-encoded, clock and position burned in; picture "
             "times from: %s",
             name, convert_source_name(t->m->timing.chosen));
    struct mux_tags tags = {.title = title, .comment = comment, .facts = t->facts};
    int code, rc = decoder_open(&v->decoder, t->m, t->options->threads, err);
    if (rc == ERR_OK)
        rc = open_encoder(v, err);
    if (rc == ERR_OK)
        rc = open_canvas(v, err);
    if (rc == ERR_OK)
        rc = index_spans(v, err);
    if (rc == ERR_OK)
        rc = osd_new(&v->osd, v->ctx->width, v->ctx->height, err);
    if (rc < 0)
        return rc;
    AVCodecParameters *par = avcodec_parameters_alloc();
    if (!par)
        return err_set(err, ERR_NOMEM, "no memory for a track");
    if ((code = avcodec_parameters_from_context(par, v->ctx)) < 0)
        rc = av_fail(err, code, NULL, "picture track");
    else
        rc = mux_open(&v->mux, t->path, t->m, par, &tags, err);
    avcodec_parameters_free(&par);
    return rc;
}

int copy_viewing(const struct copy_task *t, struct err *err)
{
    struct viewing v = {.t = t};
    av_watch_init(&v.watch);
    int rc = open_all(&v, err);
    if (rc == ERR_OK)
        rc = transcode(&v, err);
    if (rc == ERR_OK)
        rc = mux_finish(&v.mux, err);
    if (rc == ERR_OK)
        warn(&v);
    mux_close(&v.mux);
    osd_free(&v.osd);
    sws_freeContext(v.sws);
    free(v.spans);
    av_packet_free(&v.packet);
    av_frame_free(&v.canvas);
    av_frame_free(&v.frame);
    avcodec_free_context(&v.ctx);
    decoder_close(&v.decoder);
    av_watch_clear(&v.watch);
    return rc;
}
