#include "pichash.h"
#include "annexb.h"
#include <libavutil/frame.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <libavutil/pixdesc.h>
#include <string.h>

#define SEI_PICTURE_HASH 132
#define SEI_BYTES_MAX    256 /* of a suffix SEI; a hash takes 50 */

/* ---- in the stream ---- */

static bool read_sei(const uint8_t *p, size_t n, struct pichash *out)
{
    static const size_t bytes[] = {16, 2, 4};
    const uint8_t *end = p + n;
    struct sei s;
    while (sei_next(&p, end, &s))
        if (s.type == SEI_PICTURE_HASH && s.n > 1 && s.p[0] <= PICHASH_CHECKSUM) {
            *out = (struct pichash){.kind = (enum pichash_kind)s.p[0], .bytes = bytes[s.p[0]]};
            out->n = s.n - 1 < sizeof out->plane ? s.n - 1 : sizeof out->plane;
            memcpy(out->plane, s.p + 1, out->n);
            return true;
        }
    return false;
}

bool pichash_find(const uint8_t *au, size_t n, struct pichash *out)
{
    struct nal_scan scan = nal_scan_init(au, n);
    struct nal nal;
    uint8_t content[SEI_BYTES_MAX];
    while (nal_next(&scan, &nal))
        if (nal.type == NAL_SUFFIX_SEI && nal.layer == 0 &&
            read_sei(content, nal_content(&nal, content, sizeof content), out))
            return true;
    return false;
}

/* ---- of a picture ---- */

struct plane {
    const uint8_t *data;
    ptrdiff_t stride;
    int w, h;
    bool wide; /* two bytes a sample */
};

static unsigned sample(const struct plane *p, int x, int y)
{
    const uint8_t *row = p->data + y * p->stride;
    uint16_t v;
    if (!p->wide)
        return row[x];
    memcpy(&v, row + 2 * (ptrdiff_t)x, 2);
    return v;
}

static bool md5_of(const struct plane *p, uint8_t out[16])
{
    struct AVMD5 *md5 = av_md5_alloc();
    uint8_t *row = av_malloc((size_t)p->w * 2);
    bool ok = md5 && row;
    if (ok)
        av_md5_init(md5);
    for (int y = 0; ok && y < p->h; y++) {
        for (int x = 0; p->wide && x < p->w; x++) {
            unsigned v = sample(p, x, y);
            row[2 * x] = (uint8_t)v;
            row[2 * x + 1] = (uint8_t)(v >> 8);
        }
        av_md5_update(md5, p->wide ? row : p->data + y * p->stride,
                      (size_t)p->w * (p->wide ? 2 : 1));
    }
    if (ok)
        av_md5_final(md5, out);
    av_free(row);
    av_free(md5);
    return ok;
}

/* Equation D-8, of 8-bit samples: polynomial 1021, from FFFF, with two zero bytes behind it. */
static void crc_of(const struct plane *p, uint8_t out[2])
{
    uint16_t table[256];
    unsigned crc = 0xffff;
    for (unsigned i = 0; i < 256; i++) {
        unsigned v = i << 8;
        for (int bit = 0; bit < 8; bit++)
            v = v << 1 ^ (v & 0x8000 ? 0x1021u : 0u);
        table[i] = (uint16_t)v;
    }
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            unsigned v = sample(p, x, y);
            crc = ((crc << 8 | v) & 0xffff) ^ table[crc >> 8];
        }
    for (int i = 0; i < 2; i++)
        crc = (crc << 8 & 0xffff) ^ table[crc >> 8];
    out[0] = (uint8_t)(crc >> 8);
    out[1] = (uint8_t)crc;
}

/* Equation D-9. */
static void checksum_of(const struct plane *p, uint8_t out[4])
{
    uint32_t sum = 0;
    for (int y = 0; y < p->h; y++)
        for (int x = 0; x < p->w; x++) {
            unsigned mask =
                ((unsigned)x ^ (unsigned)y ^ (unsigned)x >> 8 ^ (unsigned)y >> 8) & 0xff;
            unsigned v = sample(p, x, y);
            sum += (v & 0xff) ^ mask;
            if (p->wide)
                sum += v >> 8 ^ mask;
        }
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(sum >> (24 - 8 * i));
}

bool pichash_fits(const struct pichash *hash, const struct AVFrame *frame)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    if (!d || d->nb_components > 3 || d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL))
        return true;
    for (int k = 0; k < d->nb_components && (size_t)(k + 1) * hash->bytes <= hash->n; k++) {
        const AVComponentDescriptor *c = &d->comp[k];
        struct plane p = {.data = frame->data[c->plane],
                          .stride = frame->linesize[c->plane],
                          .w = k ? AV_CEIL_RSHIFT(frame->width, d->log2_chroma_w) : frame->width,
                          .h = k ? AV_CEIL_RSHIFT(frame->height, d->log2_chroma_h) : frame->height,
                          .wide = c->depth > 8};
        uint8_t is[16];
        /* x265 3.5 writes another CRC than D-8 where samples have more than 8 bits */
        bool odd_crc = hash->kind == PICHASH_CRC && p.wide;
        if (c->step != (p.wide ? 2 : 1) || c->shift || odd_crc)
            return true;
        switch (hash->kind) {
        case PICHASH_MD5:
            if (!md5_of(&p, is))
                return true;
            break;
        case PICHASH_CRC:
            crc_of(&p, is);
            break;
        case PICHASH_CHECKSUM:
            checksum_of(&p, is);
            break;
        }
        if (memcmp(is, hash->plane + (size_t)k * hash->bytes, hash->bytes) != 0)
            return false;
    }
    return true;
}
