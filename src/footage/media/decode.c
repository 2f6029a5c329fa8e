#include "decode.h"
#include "pichash.h"
#include <inttypes.h>
#include <libavutil/pixdesc.h>
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

#define BLOCK   16 /* the smallest CTB: what is decoded, or is not, as a whole */
#define PATCH_X 4  /* its middle, where no filter reaches */
#define PATCH_Y 6
#define PATCH_W 8
#define PATCH_H 4

static bool is_unwritten(const AVFrame *f, int x, int y, int wide)
{
    for (int row = 0; row < PATCH_H; row++)
        for (int i = 0; i < PATCH_W * wide; i++)
            if (f->data[0][(ptrdiff_t)(y + row) * f->linesize[0] + x * wide + i] !=
                unwritten(f->pts, y + row))
                return false;
    return true;
}

/* A slice that ends too early is no error to libavcodec, but its blocks are as they were marked.
 * The frame is not cropped. */
static bool wrote_all(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    int wide = d && d->comp[0].depth > 8 ? 2 : 1;
    for (int y = PATCH_Y; y + PATCH_H <= f->height; y += BLOCK)
        for (int x = PATCH_X; x + PATCH_W <= f->width; x += BLOCK)
            if (is_unwritten(f, x, y, wide))
                return false;
    return true;
}

static void judge(struct decoder *d, const AVFrame *f)
{
    struct pichash hash;
    d->unwritten = !wrote_all(f);
    d->hashed = d->fits = false;
    if (f->pts < d->m->first || f->pts >= d->m->n_pictures)
        return;
    const struct media_picture *p = &d->m->picture[f->pts];
    d->hashed = pichash_find(d->m->map + p->offset, p->n, &hash);
    d->fits = d->hashed && pichash_fits(&hash, f);
}

/* ---- a decoder ---- */

static int open_codec(struct decoder *d, const struct media *m, int threads, bool explode,
                      struct err *err)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_HEVC);
    if (!codec)
        return err_set(err, ERR_UNSUPPORTED, "this FFmpeg has no H.265 decoder");
    avcodec_free_context(&d->ctx);
    if (!(d->ctx = avcodec_alloc_context3(codec)))
        return err_nomem(err, "a decoder");
    d->ctx->opaque = &d->watch;
    d->ctx->thread_count = threads;
    d->ctx->max_pixels = MEDIA_PIXELS_MAX;
    d->ctx->err_recognition = explode ? AV_EF_EXPLODE : 0;
    d->ctx->apply_cropping = 0; /* decoder_receive() does, behind its look at the whole */
    if (d->use != DECODER_SHOW) /* grain that is told of is not put on */
        d->ctx->export_side_data = AV_CODEC_EXPORT_DATA_FILM_GRAIN;
    if (d->use != DECODER_HEADS)
        d->ctx->get_buffer2 = get_marked_buffer;
    av_call_from_threads(d->ctx);
    int rc = media_extradata(m, &d->ctx->extradata, &d->ctx->extradata_size, err);
    if (rc < 0)
        return rc;
    int code = avcodec_open2(d->ctx, codec, NULL);
    return code < 0 ? av_fail(err, code, &d->watch, "H.265 decoder") : ERR_OK;
}

int decoder_open_for(struct decoder *d, const struct media *m, enum decoder_use use, int threads,
                     struct err *err)
{
    *d = (struct decoder){.use = use, .tail = 0xff};
    av_watch_init(&d->watch);
    if (!(d->packet = av_packet_alloc()))
        return err_nomem(err, "a decoder");
    if (m->damage.damaged || m->damage.affected || m->damage.lost)
        threads = 1; /* what broken references look like depends on the threads */
    int rc = open_codec(d, m, threads, use == DECODER_STRICT, err);
    if (use == DECODER_STRICT && (rc == ERR_MALFORMED || rc == ERR_UNSUPPORTED)) {
        d->refused++; /* the parameter sets: whether they do, the pictures tell */
        rc = open_codec(d, m, threads, false, err);
        d->ctx->err_recognition = AV_EF_EXPLODE;
    }
    return rc;
}

int decoder_open(struct decoder *d, const struct media *m, int threads, struct err *err)
{
    return decoder_open_for(d, m, DECODER_SHOW, threads, err);
}

void decoder_close(struct decoder *d)
{
    av_packet_free(&d->packet);
    avcodec_free_context(&d->ctx);
    av_watch_clear(&d->watch);
}

/* Bits of ones behind a slice bring the arithmetic decoder, if it gets there, to where it decodes
 * "this was the last block" (9.3.4.3.5: the offset stays one below the range): a slice whose end is
 * not there leaves blocks unwritten instead of filling them with whatever follows in memory. One
 * that is whole does not read them. */
#define TAIL_BYTES 256

/* A slice header rarely takes more: it would have hundreds of entry points. */
#define HEAD_BYTES 1024

static bool to_judge(const struct decoder *d)
{
    return d->use == DECODER_JUDGE || d->use == DECODER_STRICT;
}

static bool is_wanted(const struct decoder *d, const struct nal *nal)
{
    bool sei = nal->type == NAL_PREFIX_SEI || nal->type == NAL_SUFFIX_SEI;
    return nal_is_slice(nal) || nal_is_parameter_set(nal) ||
           (nal->layer == 0 &&
            (nal->type == NAL_EOS || nal->type == NAL_EOB || (sei && !to_judge(d))));
}

static void put_unit(const struct decoder *d, const struct nal *nal, uint8_t *out, size_t *used)
{
    static const uint8_t start_code[4] = {0, 0, 0, 1};
    size_t n = nal->n;
    bool slice = nal_is_slice(nal), judged = slice && to_judge(d);
    bool cut = slice && d->use == DECODER_HEADS && n > HEAD_BYTES;
    if (cut)
        n = HEAD_BYTES;
    while (judged && n > 5 && nal->p[n - 1] == 3 && nal->p[n - 2] == 0 && nal->p[n - 3] == 0)
        n -= 3; /* cabac_zero_words (7.3.2.14) … */
    while (judged && n > 2 && nal->p[n - 1] == 0)
        n--; /* … of which the first stands alone */
    memcpy(out + *used, start_code, sizeof start_code);
    memcpy(out + *used + sizeof start_code, nal->p, n);
    if (judged && nal_is_irap(nal->type) && n > 2)
        out[*used + sizeof start_code + 2] &= 0xbf; /* no_output_of_prior_pics_flag */
    *used += sizeof start_code + n;
    if (judged || cut) {
        memset(out + *used, d->tail, TAIL_BYTES);
        *used += TAIL_BYTES;
    }
}

/* The units of an access unit that a decoder is to see: slices, or the others, or all. */
enum { OTHERS = 1, SLICES = 2 };
static int send_units(struct decoder *d, const struct media *m, int64_t index, int which,
                      int *answer, struct err *err)
{
    const struct media_picture *p = &m->picture[index];
    struct nal_order order = nal_order_init(m->map + p->offset, p->n, p->head);
    struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
    struct nal nal;
    size_t room = 0, used = 0;
    *answer = 0;
    while (nal_next(&scan, &nal))
        if (is_wanted(d, &nal))
            room += nal.n + 4 + TAIL_BYTES;
    if (room > INT_MAX / 2)
        return err_set(err, ERR_LIMIT, "a picture of %zu bytes at offset %zu", p->n, p->offset);
    int code = av_new_packet(d->packet, (int)room);
    if (code < 0)
        return av_fail(err, code, NULL, "packet");
    while (nal_order_next(&order, &nal)) /* a set is judged by those that were read */
        if (is_wanted(d, &nal) && which & (nal_is_slice(&nal) ? SLICES : OTHERS))
            put_unit(d, &nal, d->packet->data, &used);
    av_shrink_packet(d->packet, (int)used);
    d->packet->pts = index;
    d->packet->flags = p->key ? AV_PKT_FLAG_KEY : 0;
    if (used > 0)
        *answer = avcodec_send_packet(d->ctx, d->packet);
    av_packet_unref(d->packet);
    return ERR_OK;
}

int decoder_send(struct decoder *d, const struct media *m, int64_t index, struct err *err)
{
    int code, rc = ERR_OK;
    d->m = m;
    if (index < 0)
        code = avcodec_send_packet(d->ctx, NULL);
    else if (d->use != DECODER_STRICT || d->ctx->thread_count != 1)
        rc = send_units(d, m, index, OTHERS | SLICES, &code, err);
    else if ((rc = send_units(d, m, index, OTHERS, &code, err)) == ERR_OK &&
             code != AVERROR(ENOMEM)) /* a set that it refuses spoils nothing by itself */
        rc = send_units(d, m, index, SLICES, &code, err);
    if (rc < 0)
        return rc;
    if (code == AVERROR(ENOMEM) || code == AVERROR(EAGAIN))
        return av_fail(err, code, &d->watch, "H.265 decoder");
    d->refused += code < 0;
    return ERR_OK;
}

int decoder_receive(struct decoder *d, AVFrame *out, bool *got, struct err *err)
{
    int code;
    while ((code = avcodec_receive_frame(d->ctx, out)) < 0 && code != AVERROR(EAGAIN) &&
           code != AVERROR_EOF && code != AVERROR(ENOMEM))
        d->refused++; /* damage comes out here as well; behind it the next frame */
    *got = code >= 0;
    if (*got && d->use != DECODER_HEADS)
        judge(d, out);
    if (*got && (code = av_frame_apply_cropping(out, 0)) < 0)
        return av_fail(err, code, NULL, "a picture's edges");
    if (code == AVERROR(ENOMEM))
        return av_fail(err, code, &d->watch, "H.265 decoder");
    return ERR_OK;
}
