#include "refresh.h"
#include "bits.h"
#include "decode.h"
#include <inttypes.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the stream says ---- */

#define SEI_BYTES        256 /* of a message that is looked at */
#define SEI_RECOVERY     6   /* payloadType of a recovery point (D.2.1) */
#define RECOVERY_POC_MAX 32768

static bool sei_has_point(const struct nal *nal, int *poc_away)
{
    uint8_t content[SEI_BYTES];
    const uint8_t *p = content, *end = p + nal_content(nal, content, sizeof content);
    struct sei s;
    while (sei_next(&p, end, &s))
        if (s.type == SEI_RECOVERY) {
            struct bits b = bits_init(s.p, s.n);
            *poc_away = bits_se(&b, RECOVERY_POC_MAX);
            return !b.bad;
        }
    return false;
}

bool refresh_point(const uint8_t *data, size_t head, int *poc_away)
{
    struct nal_scan scan = nal_scan_init(data, head);
    struct nal nal;
    while (nal_next(&scan, &nal))
        if (nal.type == NAL_PREFIX_SEI && nal.layer == 0 && sei_has_point(&nal, poc_away))
            return true;
    return false;
}

/* ---- what comes out ----
 *
 * Two decoders get the same bytes; in the place of pictures that are not there they have others,
 * unlike everywhere. What is the same in both does not depend on them. A picture that is, with as
 * many behind it as a decoder keeps, hands nothing on. Most encoders take less care: what they code
 * anew takes something over from beside it, so that traces remain. Of those it is measured when
 * each block was about the same once. */

#define LOOK_PICTURES 3000 /* two minutes: no refresh takes as long */
#define KEPT_MAX      16   /* pictures that a decoder keeps (A.4.2) */
#define FRESH_MAX     32   /* buffers of one packet: a picture, and those that it lacks */
#define BLOCK         16   /* pixels */
#define ABOUT         20   /* the same but for a part in so many of the difference to begin with */
#define BEGUN         50   /* a refresh has begun with one in so many blocks … */
#define MOST(n)       ((n)*2 / 3) /* … and is over, but for traces, with so many */

struct fresh {
    uint8_t *plane[AV_NUM_DATA_POINTERS];
    size_t bytes[AV_NUM_DATA_POINTERS];
};

struct run {
    struct decoder d;
    AVFrame *frame;
    bool second;
    struct fresh fresh[FRESH_MAX];
    int n_fresh;
};

static struct run *run_of(AVCodecContext *ctx)
{
    uint8_t *watch = ctx->opaque;
    return (struct run *)(void *)(watch - offsetof(struct run, d.watch));
}

/* libavcodec makes pictures that are missing grey, behind this call. */
static int get_noted_buffer(AVCodecContext *ctx, AVFrame *f, int flags)
{
    struct run *r = run_of(ctx);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    int code = avcodec_default_get_buffer2(ctx, f, flags);
    if (code < 0 || !d || r->n_fresh == FRESH_MAX)
        return code;
    struct fresh *fresh = &r->fresh[r->n_fresh++];
    *fresh = (struct fresh){.bytes = {0}};
    for (int k = 0; k < AV_NUM_DATA_POINTERS && f->data[k] && f->linesize[k] > 0; k++) {
        int shift = k == 1 || k == 2 ? d->log2_chroma_h : 0;
        fresh->plane[k] = f->data[k];
        fresh->bytes[k] = (size_t)f->linesize[k] * (size_t)(f->height >> shift);
    }
    return code;
}

/* Bytes that stand in, of 8-bit samples and of two-byte ones (257 and 771). */
static const uint8_t stand_in[2][2] = {{40, 200}, {1, 3}};

/* … and decodes slices with this one, when they have been made. */
static int execute_with_other_pictures(AVCodecContext *ctx,
                                       int (*func)(AVCodecContext *ctx, void *arg), void *arg,
                                       int *ret, int count, int size)
{
    struct run *r = run_of(ctx);
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(ctx->pix_fmt);
    bool deep = d && d->comp[0].depth > 8;
    for (int i = 0; i < r->n_fresh; i++)
        for (int k = 0; k < AV_NUM_DATA_POINTERS && r->fresh[i].plane[k]; k++)
            memset(r->fresh[i].plane[k], stand_in[deep][r->second], r->fresh[i].bytes[k]);
    r->n_fresh = 0;
    return avcodec_default_execute(ctx, func, arg, ret, count, size);
}

static int run_open(struct run *r, const struct media *m, bool second, struct err *err)
{
    r->second = second;
    r->frame = av_frame_alloc();
    if (!r->frame)
        return err_nomem(err, "a frame");
    int rc = decoder_open(&r->d, m, 1, err);
    if (rc == ERR_OK) {
        r->d.ctx->get_buffer2 = get_noted_buffer;
        r->d.ctx->execute = execute_with_other_pictures;
    }
    return rc;
}

static void run_close(struct run *r)
{
    av_frame_free(&r->frame);
    decoder_close(&r->d);
}

static int sample(const AVFrame *f, int x, int y, bool deep)
{
    const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0] + (deep ? 2 * x : x);
    return deep ? p[0] | p[1] << 8 : p[0];
}

struct comparison {
    struct run a, b;
    int64_t first, until;
    int64_t last_unlike; /* picture; -1: none yet */
    int64_t last;        /* picture that came out */
    int64_t alike;       /* pictures in a row */
    uint8_t *block;      /* those that were about the same once are set */
    int columns, rows;
    int64_t done;          /* blocks */
    int64_t begun, mostly; /* pictures: a refresh begins, is over; -1 */
};

/* The frames are of the same picture. Unlike: somewhere, not only in a part that is about alike. */
static int compare_blocks(struct comparison *c, bool *same, struct err *err)
{
    const AVFrame *a = c->a.frame, *b = c->b.frame;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)a->format);
    bool deep = d && d->comp[0].depth > 8;
    int about = (deep ? 514 : 160) / ABOUT;
    if (!c->block) {
        c->columns = (a->width + BLOCK - 1) / BLOCK;
        c->rows = (a->height + BLOCK - 1) / BLOCK;
        if (!(c->block = calloc((size_t)c->columns * (size_t)c->rows, 1)))
            return err_nomem(err, "the blocks of a picture");
    }
    *same = d && a->width == b->width && a->height == b->height && a->format == b->format &&
            (a->width + BLOCK - 1) / BLOCK == c->columns &&
            (a->height + BLOCK - 1) / BLOCK == c->rows;
    for (int i = 0; *same && i < c->columns * c->rows; i++) {
        int x0 = i % c->columns * BLOCK, y0 = i / c->columns * BLOCK, most = 0;
        for (int y = y0; y < y0 + BLOCK && y < a->height; y++)
            for (int x = x0; x < x0 + BLOCK && x < a->width; x++) {
                int off = abs(sample(a, x, y, deep) - sample(b, x, y, deep));
                most = off > most ? off : most;
            }
        c->done += most <= about && !c->block[i];
        c->block[i] |= most <= about;
    }
    return ERR_OK;
}

static bool same_planes(const AVFrame *a, const AVFrame *b)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)a->format);
    for (int k = 0; d && k < 3 && a->data[k]; k++) {
        int w = AV_CEIL_RSHIFT(a->width, k > 0 ? d->log2_chroma_w : 0);
        int h = AV_CEIL_RSHIFT(a->height, k > 0 ? d->log2_chroma_h : 0);
        size_t n = (size_t)w * (d->comp[0].depth > 8 ? 2u : 1u);
        for (int y = 0; y < h; y++)
            if (memcmp(a->data[k] + (ptrdiff_t)y * a->linesize[k],
                       b->data[k] + (ptrdiff_t)y * b->linesize[k], n) != 0)
                return false;
    }
    return d != NULL;
}

static int judge_pair(struct comparison *c, struct err *err)
{
    bool same;
    int64_t at = c->a.frame->pts;
    int rc = compare_blocks(c, &same, err);
    if (rc < 0)
        return rc;
    same = same && at == c->b.frame->pts && same_planes(c->a.frame, c->b.frame);
    int64_t blocks = (int64_t)c->columns * c->rows;
    c->alike = same ? c->alike + 1 : 0;
    if (!same && at > c->last_unlike)
        c->last_unlike = at;
    c->last = at > c->last ? at : c->last;
    if (c->begun < 0 && c->done * BEGUN >= blocks)
        c->begun = at;
    if (c->mostly < 0 && c->done >= MOST(blocks))
        c->mostly = at;
    return ERR_OK;
}

static int compare_one(struct comparison *c, const struct media *m, int64_t index, struct err *err)
{
    bool got = true, got_b = true;
    int rc = decoder_send(&c->a.d, m, index, err);
    if (rc == ERR_OK)
        rc = decoder_send(&c->b.d, m, index, err);
    while (rc == ERR_OK && got) {
        if ((rc = decoder_receive(&c->a.d, c->a.frame, &got, err)) == ERR_OK)
            rc = decoder_receive(&c->b.d, c->b.frame, &got_b, err);
        got = got && got_b;
        if (rc == ERR_OK && got)
            rc = judge_pair(c, err);
        av_frame_unref(c->a.frame);
        av_frame_unref(c->b.frame);
    }
    return rc;
}

/* *whole: -1 if none is, before `limit`, or none was unlike: then nothing was measured. */
static int measure(struct media *m, int64_t first, int64_t limit, struct refresh *out,
                   int64_t *begun, struct err *err)
{
    struct comparison *c = calloc(1, sizeof *c);
    out->whole = out->mostly = *begun = -1;
    if (!c)
        return err_nomem(err, "two decoders");
    c->last_unlike = c->last = c->begun = c->mostly = -1;
    m->first = first;
    int rc = media_collect_sets(m, err);
    if (rc == ERR_OK && m->n_sets > 0 && (rc = run_open(&c->a, m, false, err)) == ERR_OK &&
        (rc = run_open(&c->b, m, true, err)) == ERR_OK) {
        for (int64_t i = first; rc == ERR_OK && i < limit && i - first < LOOK_PICTURES; i++) {
            if (c->last_unlike >= 0 && c->alike > KEPT_MAX + m->reorder)
                break;
            rc = compare_one(c, m, i, err);
        }
        if (rc == ERR_OK)
            rc = compare_one(c, m, -1, err);
    }
    if (rc == ERR_UNSUPPORTED || rc == ERR_MALFORMED) /* bad parameter sets */
        rc = ERR_OK;
    else if (rc == ERR_OK && c->last_unlike >= 0) {
        out->whole = c->last > c->last_unlike ? c->last_unlike + 1 : -1;
        out->mostly = c->mostly;
        *begun = c->begun;
    }
    run_close(&c->a);
    run_close(&c->b);
    free(c->block);
    free(c);
    return rc;
}

int refresh_find(struct media *m, int64_t limit, struct refresh *out, struct err *err)
{
    int64_t start = 0, told = -1, begun, kept_first = m->first;
    bool has_key = limit < m->n_pictures;
    int away = 0;
    *out = (struct refresh){-1, -1, -1};
    for (int64_t i = 0; i < limit && told < 0; i++) {
        const struct media_picture *p = &m->picture[i];
        if (!refresh_point(m->map + p->offset, p->head, &away))
            continue;
        start = i;
        for (told = i; told < limit && m->picture[told].poc < p->poc + away; told++)
            continue;
    }
    int rc = measure(m, start, limit, out, &begun, err);
    /* What came before a refresh began is nothing but what stands in. */
    if (rc == ERR_OK && told < 0 && out->mostly >= 0 && begun > start) {
        struct refresh later;
        int64_t unused;
        rc = measure(m, begun, limit, &later, &unused, err);
        if (rc == ERR_OK && later.mostly >= 0) {
            *out = later;
            start = begun;
        }
    }
    m->first = kept_first;
    if (rc == ERR_OK)
        rc = media_collect_sets(m, err);
    if (rc < 0)
        return rc;
    if (told >= 0 && told < limit && out->mostly < 0)
        out->mostly = told;
    /* Before a key picture there must be more to win than pictures that cannot be trusted. */
    int64_t from = has_key && told < 0 ? out->whole : out->mostly;
    if (from >= 0 && (!has_key || limit - from >= from - start))
        out->first = start;
    if (out->whole < 0)
        out->whole = limit;
    return rc;
}

const char *refresh_text(const struct media *m, char out[REFRESH_TEXT_ROOM])
{
    int64_t mostly = m->mostly < 0 ? m->first : m->mostly;
    out[0] = '\0';
    if (m->whole > m->first && m->whole < m->n_pictures)
        snprintf(out, REFRESH_TEXT_ROOM,
                 "no key picture at the start: by intra refresh whole from picture %" PRId64
                 " (%.2f s) on",
                 m->whole, (double)m->picture[m->whole].pts / AV_TICKS);
    else if (m->whole > m->first)
        snprintf(out, REFRESH_TEXT_ROOM,
                 "no key picture at the start: by intra refresh most of it is coded anew by "
                 "picture %" PRId64 " (%.2f s), never all of it",
                 mostly, (double)m->picture[mostly].pts / AV_TICKS);
    return out;
}
