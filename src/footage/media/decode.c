#include "decode.h"
#include "damage.h"
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What fills a row of a picture before it is decoded: depends on the picture, so that what another
 * one copied from there is not taken for its own. */
static uint8_t unwritten(int64_t index, int y)
{
    return (uint8_t)((index * 37 + 11) ^ (y & 1 ? 0x80 : 0));
}

static int get_marked_buffer(AVCodecContext *ctx, AVFrame *f, int flags)
{
    int code = avcodec_default_get_buffer2(ctx, f, flags);
    for (int y = 0; code >= 0 && y < f->height; y++)
        memset(f->data[0] + (ptrdiff_t)y * f->linesize[0], unwritten(f->pts, y),
               (size_t)abs(f->linesize[0]));
    return code;
}

#define PATCH_W 8
#define PATCH_H 4

static bool is_unwritten(const AVFrame *f, int x, int y, int odd)
{
    for (int row = 0; row < PATCH_H; row++)
        for (int i = 0; i < PATCH_W; i++)
            if (f->data[0][(ptrdiff_t)(y + row) * f->linesize[0] + x + i] !=
                unwritten(f->pts, row + odd))
                return false;
    return true;
}

/* Blocks of 16 x 16, the smallest CTB, are looked at in the middle, where no filter reaches. */
bool decoder_wrote_all(const AVFrame *f)
{
    for (int y = 0; y + 6 + PATCH_H <= f->height; y += 16)
        for (int x = 0; x + 4 + PATCH_W <= f->width; x += 16)
            if (is_unwritten(f, x + 4, y + 6, 0) || is_unwritten(f, x + 4, y + 6, 1))
                return false;
    return true;
}

int decoder_open(struct decoder *d, const struct media *m, int threads, struct err *err)
{
    *d = (struct decoder){0};
    av_watch_init(&d->watch);
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_HEVC);
    if (!codec)
        return err_set(err, ERR_UNSUPPORTED, "this FFmpeg has no H.265 decoder");
    d->ctx = avcodec_alloc_context3(codec);
    d->packet = av_packet_alloc();
    if (!d->ctx || !d->packet)
        return err_nomem(err, "a decoder");
    d->ctx->opaque = &d->watch;
    d->ctx->thread_count = threads;
    d->ctx->max_pixels = MEDIA_PIXELS_MAX;
    d->ctx->err_recognition = AV_EF_CRCCHECK; /* picture hash SEI */
    d->ctx->get_buffer2 = get_marked_buffer;
    av_call_from_threads(d->ctx);
    if (m->damage.damaged || m->damage.affected || m->damage.lost)
        d->ctx->thread_count = 1; /* what broken references look like depends on the threads */
    int rc = media_extradata(m, &d->ctx->extradata, &d->ctx->extradata_size, err);
    if (rc < 0)
        return rc;
    int code = avcodec_open2(d->ctx, codec, NULL);
    return code < 0 ? av_fail(err, code, &d->watch, "H.265 decoder") : ERR_OK;
}

void decoder_close(struct decoder *d)
{
    av_packet_free(&d->packet);
    avcodec_free_context(&d->ctx);
    av_watch_clear(&d->watch);
}

int decoder_send(struct decoder *d, const struct media *m, int64_t index, struct err *err)
{
    int code;
    if (index >= 0) {
        const struct media_picture *p = &m->picture[index];
        if (p->n > INT_MAX / 2)
            return err_set(err, ERR_LIMIT, "a picture of %zu bytes at offset %zu", p->n, p->offset);
        if ((code = av_new_packet(d->packet, (int)p->n)) < 0)
            return av_fail(err, code, NULL, "packet");
        nal_put_in_order(d->packet->data, m->map + p->offset, p->n);
        d->packet->pts = index;
        d->packet->flags = p->key ? AV_PKT_FLAG_KEY : 0;
        code = avcodec_send_packet(d->ctx, d->packet);
        av_packet_unref(d->packet);
    } else {
        code = avcodec_send_packet(d->ctx, NULL);
    }
    if (code == AVERROR(ENOMEM) || code == AVERROR(EAGAIN))
        return av_fail(err, code, &d->watch, "H.265 decoder");
    return ERR_OK;
}

int decoder_receive(struct decoder *d, AVFrame *out, bool *got, struct err *err)
{
    int code;
    do /* damage comes out here as well; behind it the next frame */
        code = avcodec_receive_frame(d->ctx, out);
    while (code < 0 && code != AVERROR(EAGAIN) && code != AVERROR_EOF && code != AVERROR(ENOMEM));
    *got = code >= 0;
    if (code == AVERROR(ENOMEM))
        return av_fail(err, code, &d->watch, "H.265 decoder");
    return ERR_OK;
}

/* ---- everything, once ---- */

enum { OUT = 1, TOLD = 2 };

struct check {
    struct media *m;
    struct decoder decoder;
    AVFrame *frame;
    uint8_t *done; /* OUT: it came out; TOLD: it was complained about */
    decode_found_fn *found;
    void *arg;
};

static void report(struct check *c, int64_t index, const char *said)
{
    if (index < c->m->first || index >= c->m->n_pictures || c->done[index] & TOLD)
        return;
    c->done[index] |= TOLD;
    if (damage_is_repeat(&c->m->picture[index]))
        return;
    damage_from_decoder(c->m, index, said);
    if (c->found)
        c->found(c->arg, index, said ? said : "no picture comes out of it");
}

/* With one thread a picture is decoded before the call that feeds it returns, so whatever the
 * decoder says belongs to it. */
static int check_one(struct check *c, int64_t index, struct err *err)
{
    bool got = true;
    char *fresh = c->decoder.watch.fresh;
    fresh[0] = '\0';
    int rc = decoder_send(&c->decoder, c->m, index, err);
    while (rc == ERR_OK && got) {
        rc = decoder_receive(&c->decoder, c->frame, &got, err);
        if (fresh[0])
            report(c, index, fresh);
        if (rc == ERR_OK && got) {
            const AVFrame *f = c->frame;
            if (f->pts >= c->m->first && f->pts < c->m->n_pictures) {
                c->done[f->pts] |= OUT;
                if (!decoder_wrote_all(f))
                    report(c, f->pts, "parts of it are missing");
                else if (f->decode_error_flags || f->flags & AV_FRAME_FLAG_CORRUPT)
                    report(c, f->pts, "the decoder marks it as corrupt");
            }
        }
    }
    return rc;
}

int decode_check(struct media *m, decode_found_fn *found, void *arg, struct err *err)
{
    struct check c = {.m = m, .found = found, .arg = arg};
    int rc = decoder_open(&c.decoder, m, 1, err);
    c.frame = av_frame_alloc();
    c.done = calloc((size_t)m->n_pictures, sizeof *c.done);
    if (rc == ERR_OK && (!c.frame || !c.done))
        rc = err_nomem(err, "a frame");
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures; i++)
        rc = check_one(&c, i, err);
    if (rc == ERR_OK)
        rc = check_one(&c, -1, err);
    for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures; i++)
        if (!c.done[i] &&
            !m->picture[i].leading) /* of a CRA behind the end of a sequence (8.1.3) */
            report(&c, i, NULL);
    if (rc == ERR_OK)
        damage_settle(m);
    av_frame_free(&c.frame);
    free(c.done);
    decoder_close(&c.decoder);
    return rc;
}
