#include "copies.h"
#include "encode.h"
#include "media/damage.h"
#include "media/decode.h"
#include "media/examine.h"
#include "media/timing.h"
#include "mux.h"
#include "redact.h"
#include <inttypes.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * ---- cards: what is not as the camera made it, said in the picture ----
 *
 * Where pictures are missing or do not decode, the last one that was shown is held under a card in
 * the middle; a picture that is damaged, or refers to one that is, has a mark in a corner. So
 * nobody takes a held picture for a still scene, or a smear for something that was on the road.
 */

#define MISSING_SIZE 2.5 /* times the overlay's */

static int card_make(struct osd **out, int w, int h, const char *position, double size,
                     struct err *err)
{
    struct convert_options style = {.osd_size = size, .osd_box = true};
    snprintf(style.osd_position, sizeof style.osd_position, "%s", position);
    return osd_new(out, w, h, &style, err);
}

/* ---- the copy ---- */

#define VIEW_MAX   (2 * MEDIA_PICTURES_MAX) /* a card behind each picture */
#define HOLE_STEPS 1.75                     /* a step that is longer is a hole (as in damage.c) */

struct viewing {
    const struct copy_task *t;
    struct decoder decoder;
    struct encoder encoder;
    struct mux mux;
    struct osd *osd, *missing, *mark; /* the overlay; the cards */
    struct SwsContext *sws;
    AVFrame *frame, *held, *canvas; /* decoded, the last one that was shown, being painted */
    AVPacket *packet;
    int64_t step;              /* median of the pictures' spans */
    int64_t shown, last_pts;   /* pictures, without cards */
    int64_t last_us, last_end; /* of the last one: its time, and where its own span ends */
    bool examined;             /* what is wrong with each picture is known */
    bool doubt;                /* … it is not, and the decoder was not content */
};

static bool is_planar_420(int format)
{
    return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P;
}

static int open_canvas(struct viewing *v, struct err *err)
{
    v->frame = av_frame_alloc();
    v->held = av_frame_alloc();
    v->canvas = av_frame_alloc();
    v->packet = av_packet_alloc();
    if (!v->frame || !v->held || !v->canvas || !v->packet)
        return err_nomem(err, "a frame");
    v->canvas->format = AV_PIX_FMT_YUV420P;
    v->canvas->width = v->encoder.ctx->width;
    v->canvas->height = v->encoder.ctx->height;
    v->canvas->color_range = v->encoder.ctx->color_range;
    int code = av_frame_get_buffer(v->canvas, 0);
    return code < 0 ? av_fail(err, code, NULL, "frame") : ERR_OK;
}

static int find_step(struct viewing *v, struct err *err)
{
    const struct media *m = v->t->m;
    int64_t n = m->n_pictures - m->first, *spans = malloc((size_t)n * sizeof *spans);
    if (!spans)
        return err_nomem(err, "the picture times");
    for (int64_t i = 0; i < n; i++)
        spans[i] = m->picture[m->first + i].span;
    qsort(spans, (size_t)n, sizeof *spans, timing_by_value);
    v->step = spans[n / 2] > 0 ? spans[n / 2] : 1;
    free(spans);
    /* "25 pictures a second" of a 30 Hz sensor are steps of 33 and 67 ms */
    if (m->nominal_fps > 0 && AV_TICKS / m->nominal_fps > v->step)
        v->step = AV_TICKS / m->nominal_fps;
    return ERR_OK;
}

static bool is_full(const AVFrame *f)
{
    return f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P;
}

static void blacken_around(AVFrame *c, struct media_box at)
{
    int black = c->color_range == AVCOL_RANGE_JPEG ? 0 : 16;
    for (int k = 0; k < 3; k++) {
        int shift = k > 0, w = c->width >> shift, h = c->height >> shift;
        int left = at.x >> shift, right = (at.x + at.w) >> shift;
        for (int y = 0; y < h; y++) {
            uint8_t *row = c->data[k] + (ptrdiff_t)y * c->linesize[k];
            bool inside = y >= at.y >> shift && y < (at.y + at.h) >> shift;
            memset(row, k ? 128 : black, (size_t)(inside ? left : w));
            if (inside)
                memset(row + right, k ? 128 : black, (size_t)(w - right));
        }
    }
}

/* Converts what is not 8-bit 4:2:0 of the right size, into its place on the canvas, with black
 * around it; levels stay as they are, unless their range is another one. */
static int scale(struct viewing *v, AVFrame *f, struct err *err)
{
    AVFrame *c = v->canvas;
    struct media_box at = media_fit(v->t->m, f->width, f->height, f->sample_aspect_ratio);
    at.w = at.x + at.w < c->width ? at.w : c->width - at.x;
    at.h = at.y + at.h < c->height ? at.h : c->height - at.y;
    uint8_t *plane[4] = {NULL};
    for (int k = 0; k < 3; k++)
        plane[k] = c->data[k] + (ptrdiff_t)(at.y >> (k > 0)) * c->linesize[k] + (at.x >> (k > 0));
    v->sws = sws_getCachedContext(
        v->sws, f->width, f->height, (enum AVPixelFormat)f->format, at.w, at.h, AV_PIX_FMT_YUV420P,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!v->sws)
        return err_set(err, ERR_UNSUPPORTED, "pictures of %dx%d, %s", f->width, f->height,
                       av_get_pix_fmt_name((enum AVPixelFormat)f->format));
    int full = c->color_range == AVCOL_RANGE_JPEG;
    const int *table = sws_getCoefficients(
        v->encoder.ctx->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_DEFAULT);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    bool rgb = d && (d->flags & AV_PIX_FMT_FLAG_RGB);
    sws_setColorspaceDetails(v->sws, table, rgb ? 1 : is_full(f), table, full, 0, 1 << 16, 1 << 16);
    int code = sws_scale(v->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height, plane,
                         c->linesize);
    blacken_around(c, at); /* behind it: swscale writes whole vectors, beyond its picture */
    return code < 0 ? av_fail(err, code, NULL, "scaling") : ERR_OK;
}

/* The decoded picture on the canvas, which the encoder has given back; without what is hidden of it
 * as long as it is shown. What is scaled is blackened before, as scaling mixes neighbours. */
static int paint(struct viewing *v, AVFrame *f, int64_t until, struct err *err)
{
    AVFrame *c = v->canvas;
    struct redact_time time = redact_time_of(v->t->m, f->pts, until);
    int rc = ERR_OK, code = av_frame_make_writable(c);
    if (code < 0)
        return av_fail(err, code, NULL, "frame");
    struct media_box fit = media_fit(v->t->m, f->width, f->height, f->sample_aspect_ratio);
    bool fills = fit.w == v->t->m->view_width_px && fit.h == v->t->m->view_height_px;
    if (!(is_planar_420(f->format) && fills && f->width >> 1 == c->width >> 1 &&
          f->height >> 1 == c->height >> 1 && is_full(f) == is_full(c))) {
        rc = redact_frame(f, v->t, time, err);
        if (rc == ERR_OK)
            rc = scale(v, f, err);
        return rc < 0 ? rc : redact_frame(c, v->t, time, err);
    }
    for (int k = 0; k < 3; k++) {
        int shift = k > 0, w = c->width >> shift, h = c->height >> shift;
        for (int y = 0; y < h; y++)
            memcpy(c->data[k] + (ptrdiff_t)y * c->linesize[k],
                   f->data[k] + (ptrdiff_t)y * f->linesize[k], (size_t)w);
    }
    return redact_frame(c, v->t, time, err);
}

static struct osd_planes planes_of(AVFrame *c)
{
    return (struct osd_planes){
        .plane = {c->data[0], c->data[1], c->data[2]},
        .stride = {c->linesize[0], c->linesize[1], c->linesize[2]},
        .n = 3,
        .width_px = c->width,
        .height_px = c->height,
        .log2_chroma_w = 1,
        .log2_chroma_h = 1,
        .full_range = c->color_range == AVCOL_RANGE_JPEG,
    };
}

static int overlay(struct viewing *v, int64_t time_us, struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd_planes p = planes_of(v->canvas);
    osd_text_at(v->t->osd, time_us, v->shown, "viewing copy", lines);
    int rc = osd_set(v->osd, lines, err);
    if (rc == ERR_OK)
        osd_blend(v->osd, &p);
    return rc;
}

static int drain(struct viewing *v, struct err *err)
{
    const struct media *m = v->t->m;
    bool got = true;
    for (;;) {
        int rc = encoder_receive(&v->encoder, v->packet, &got, err);
        if (rc < 0 || !got)
            return rc;
        /* Only the last packet's duration is looked at: the others end where the next begins. It
         * need not be the picture shown last, but its step in decoding order is that one's. */
        int64_t end = av_ticks_of(m->duration_us);
        const int64_t *at =
            bsearch(&v->packet->pts, m->view_pts, (size_t)m->n_view, sizeof *at, timing_by_value);
        if (at)
            m->view_coded[at - m->view_pts] =
                (struct media_coded){v->packet->size, v->packet->flags & AV_PKT_FLAG_KEY};
        int64_t shown_last = m->view_pts[m->n_view - 1];
        v->packet->duration = shown_last < end ? end - shown_last : v->step;
        if ((rc = mux_video(&v->mux, v->packet, err)) < 0)
            return rc;
    }
}

/* Gives the encoder the canvas for `pts` and writes what comes out. */
static int encode(struct viewing *v, int64_t pts, struct err *err)
{
    struct media *m = v->t->m;
    int rc = media_grow(&m->view_pts, m->n_view, &m->room_view, VIEW_MAX, sizeof *m->view_pts,
                        "pictures to view", err);
    if (rc == ERR_OK)
        rc = media_grow(&m->view_coded, m->n_view, &m->room_coded, VIEW_MAX, sizeof *m->view_coded,
                        "pictures to view", err);
    if (rc < 0)
        return rc;
    m->view_coded[m->n_view] = (struct media_coded){0};
    m->view_pts[m->n_view++] = v->canvas->pts = pts;
    rc = encoder_send(&v->encoder, v->canvas, err);
    return rc < 0 ? rc : drain(v, err);
}

/* Pictures that were lost between two times, as far as sequence numbers tell. */
static int64_t lost_between(const struct media *m, int64_t from_us, int64_t until_us)
{
    int64_t lost = 0;
    for (int64_t i = 0; i < m->n_holes; i++)
        if (m->hole[i].from_us >= from_us && m->hole[i].until_us <= until_us)
            lost += m->hole[i].lost;
    return lost;
}

/* The start of another recording between two times; NULL: there is none. */
static const struct media_hole *recording_between(const struct media *m, int64_t from_us,
                                                  int64_t until_us)
{
    for (int64_t i = 0; i < m->n_holes; i++)
        if (m->hole[i].recording && m->hole[i].from_us >= from_us &&
            m->hole[i].until_us <= until_us)
            return &m->hole[i];
    return NULL;
}

/* Nothing is shown from the end of the last picture until `until`: the last one is held (before the
 * first, there is only grey) under a card. `skipped` pictures are there but do not decode. */
static int hold(struct viewing *v, int64_t until, int64_t until_us, int64_t skipped,
                struct err *err)
{
    const struct media *m = v->t->m;
    int64_t at = v->shown ? v->last_end : 0;
    int64_t for_us = av_rescale(until - at, 1000000, AV_TICKS);
    int64_t at_us = v->shown ? until_us - for_us : m->start_us;
    int code, rc = ERR_OK;
    if (v->shown)
        rc = paint(v, v->held, until, err);
    else if ((code = av_frame_make_writable(v->canvas)) < 0)
        rc = av_fail(err, code, NULL, "frame");
    else {
        for (int k = 0; k < 3; k++)
            for (int y = 0; y < v->canvas->height >> (k > 0); y++)
                memset(v->canvas->data[k] + (ptrdiff_t)y * v->canvas->linesize[k], k ? 128 : 16,
                       (size_t)(v->canvas->width >> (k > 0)));
    }
    if (rc < 0)
        return rc;
    struct osd_planes p = planes_of(v->canvas);
    int64_t lost = v->shown ? lost_between(m, v->last_us, until_us) : 0;
    /* PICTURE MISSING, for how long, and how many pictures (0: nobody knows). */
    int64_t pictures = lost + skipped;
    bool unknown = false;
    const struct media_hole *anew = v->shown ? recording_between(m, v->last_us, until_us) : NULL;
    char lines[OSD_LINES][OSD_LINE_ROOM] = {"PICTURE MISSING"};
    if (anew) {
        snprintf(lines[0], OSD_LINE_ROOM, "ANOTHER RECORDING");
        unknown = m->picture[anew->before].apart;
    }
    int n = unknown ? snprintf(lines[1], OSD_LINE_ROOM, "unknown time between")
                    : snprintf(lines[1], OSD_LINE_ROOM, "%.2f s", (double)for_us / 1e6);
    if (pictures > 0 && n > 0)
        snprintf(lines[1] + n, OSD_LINE_ROOM - (size_t)n, ", %" PRId64 " picture%s", pictures,
                 pictures == 1 ? "" : "s");
    rc = osd_set(v->missing, lines, err);
    if (rc == ERR_OK)
        osd_blend(v->missing, &p);
    if (rc == ERR_OK)
        rc = overlay(v, at_us, err);
    return rc < 0 ? rc : encode(v, at, err);
}

/* A step that is too long is said, whatever its cause. */
static int bridge(struct viewing *v, int64_t until, int64_t until_us, struct err *err)
{
    int64_t begins = v->shown ? v->last_end : 0;
    int64_t slack = (int64_t)((HOLE_STEPS - 1) * (double)v->step);
    if (until - begins <= slack)
        return ERR_OK;
    /* Pictures between two times that are there: none of them was shown. */
    const struct media *m = v->t->m;
    int64_t from = v->shown ? v->last_pts : -1;
    int64_t skipped = 0;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        skipped += m->picture[i].pts > from && m->picture[i].pts < until;
    v->doubt = v->doubt || skipped > 0;
    return hold(v, until, until_us, skipped, err);
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
    v->doubt = v->doubt || (p->state == MEDIA_GOOD &&
                            (v->decoder.unwritten || v->decoder.hashed != v->decoder.fits));
    int rc = bridge(v, p->pts, p->time_us, err);
    if (rc == ERR_OK)
        rc = paint(v, v->frame, p->pts + p->span, err);
    struct osd_planes planes = planes_of(v->canvas);
    if (rc == ERR_OK) {
        char lines[OSD_LINES][OSD_LINE_ROOM] = {""};
        snprintf(lines[0], OSD_LINE_ROOM, "%s", osd_mark_of(m, index));
        if (lines[0][0]) {
            rc = osd_set(v->mark, lines, err);
            if (rc == ERR_OK)
                osd_blend(v->mark, &planes);
        }
    }
    if (rc == ERR_OK)
        rc = overlay(v, p->time_us, err);
    if (rc < 0)
        return rc;
    av_frame_unref(v->held);
    av_frame_move_ref(v->held, v->frame);
    v->shown++;
    v->last_pts = p->pts;
    v->last_us = p->time_us;
    v->last_end = p->pts + (p->span < v->step ? p->span : v->step);
    return encode(v, p->pts, err);
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
    if (rc == ERR_OK && v->shown == 0)
        rc = err_set(err, ERR_MALFORMED, "no picture decodes");
    if (rc == ERR_OK)
        rc = bridge(v, av_ticks_of(m->duration_us), m->start_us + m->duration_us, err);
    if (rc == ERR_OK)
        rc = encoder_send(&v->encoder, NULL, err);
    v->doubt = v->doubt || v->decoder.refused > 0;
    return rc < 0 ? rc : drain(v, err);
}

static int open_all(struct viewing *v, struct err *err)
{
    const struct copy_task *t = v->t;
    char title[160], comment[400], hidden[REDACT_TEXT_ROOM];
    const char *name = t->facts->id[0] ? t->facts->id : t->stem;
    redact_text(t->options, hidden);
    snprintf(title, sizeof title, "%.120s, %sviewing copy", name, hidden[0] ? "REDACTED " : "");
    snprintf(comment, sizeof comment,
             "%sviewing copy of %.120s: derived, %s%sre-encoded, %s burned in; "
             "picture times from: %s",
             hidden[0] ? "REDACTED " : "", name, hidden, hidden[0] ? ", " : "",
             osd_text_of_what(t->osd), media_source_name(t->m->timing.chosen));
    struct mux_tags tags = {.title = title, .comment = comment, .facts = t->facts};
    int code, rc = decoder_open_for(&v->decoder, t->m, v->examined ? DECODER_SHOW : DECODER_STRICT,
                                    t->options->threads, err);
    if (rc == ERR_OK)
        rc = encoder_open(&v->encoder, t->m, t->m->view_width_px & ~1, t->m->view_height_px & ~1,
                          t->options, err);
    if (rc == ERR_OK && (rc = open_canvas(v, err)) == ERR_OK)
        rc = find_step(v, err);
    if (rc < 0)
        return rc;
    /* The mark keeps out of the overlay's corner. */
    bool taken = strcmp(t->options->osd_position, "top-right") == 0;
    int w = v->canvas->width, h = v->canvas->height;
    if ((rc = osd_new(&v->osd, w, h, t->options, err)) < 0 ||
        (rc = card_make(&v->missing, w, h, "centre", MISSING_SIZE, err)) < 0 ||
        (rc = card_make(&v->mark, w, h, taken ? "bottom-right" : "top-right", 1, err)) < 0)
        return rc;
    AVCodecParameters *par = avcodec_parameters_alloc();
    if (!par)
        return err_nomem(err, "a track");
    if ((code = avcodec_parameters_from_context(par, v->encoder.ctx)) < 0)
        rc = av_fail(err, code, NULL, "picture track");
    else
        rc = mux_open(&v->mux, t->path, t->m, par, &tags, err);
    avcodec_parameters_free(&par);
    return rc;
}

/* One run over all pictures; *doubt: the decoder met damage that is not known yet. */
static int run(const struct copy_task *t, bool examined, bool *doubt, struct err *err)
{
    struct viewing v = {.t = t, .examined = examined};
    t->m->n_view = 0;
    int rc = open_all(&v, err);
    t->m->view_codec = (int)(rc == ERR_OK ? v.encoder.ctx->codec_id : AV_CODEC_ID_H264);
    if (rc == ERR_OK && (rc = transcode(&v, err)) == ERR_OK)
        rc = mux_finish(&v.mux, err);
    *doubt = v.doubt;
    if (rc == ERR_OK && v.osd)
        osd_warn(v.osd, t->m);
    mux_close(&v.mux);
    osd_free(&v.mark);
    osd_free(&v.missing);
    osd_free(&v.osd);
    sws_freeContext(v.sws);
    av_packet_free(&v.packet);
    av_frame_free(&v.canvas);
    av_frame_free(&v.held);
    av_frame_free(&v.frame);
    encoder_close(&v.encoder);
    decoder_close(&v.decoder);
    return rc;
}

/* A clean clip takes one run with all threads, and a strict decoder. Where something is wrong,
 * everything is examined first, so that each picture's state is known before it is shown, and
 * shown by one thread, so that it comes out the same always. */
int copy_viewing(const struct copy_task *t, struct err *err)
{
    const struct media_damage *d = &t->m->damage;
    bool doubt = d->damaged || d->affected || d->lost;
    int rc = doubt ? ERR_OK : run(t, false, &doubt, err);
    if (doubt && (rc == ERR_OK || rc == ERR_MALFORMED)) {
        rc = examine(t->m, t->options->threads, NULL, NULL, err);
        if (rc == ERR_OK)
            rc = run(t, true, &doubt, err);
    }
    return rc;
}
