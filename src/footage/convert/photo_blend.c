/*
 * The overlay, block by block:
 *
 *   coefficients × table ─► inverse DCT ─► samples ─► osd_blend() ─► which samples changed?
 *     none: the block is not touched
 *     else: DCT of (new sample where it changed, the unrounded old one where not) / table, rounded
 *
 * The transforms are those of T.81, A.3.3, in floating point as two products of 8×8 matrices.
 * The planes have room for the whole picture, so that osd_blend() needs no other coordinates; only
 * the pages under the box are ever touched, the rest stays zero pages of calloc().
 */
#include "media/photo.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct dct {
    float basis[DCTSIZE][DCTSIZE]; /* [frequency][place] */
};

/* The blocks of one component that lie under the box: from x0, y0 to before x1, y1. */
struct area {
    JDIMENSION x0, y0, x1, y1;
};

typedef void block_fn(struct photo *p, int k, const struct dct *dct, JCOEF *coefficients,
                      const UINT16 *table, uint8_t *samples);

static struct dct dct_init(void)
{
    struct dct d;
    for (int u = 0; u < DCTSIZE; u++)
        for (int x = 0; x < DCTSIZE; x++)
            d.basis[u][x] =
                (float)((u == 0 ? sqrt(0.125) : 0.5) * cos((2 * x + 1) * u * M_PI / 16));
    return d;
}

/* out = basis^T · in · basis */
static void dct_inverse(const struct dct *d, float in[DCTSIZE][DCTSIZE],
                        float out[DCTSIZE][DCTSIZE])
{
    float half[DCTSIZE][DCTSIZE] = {{0}};
    memset(out, 0, sizeof half);
    for (int v = 0; v < DCTSIZE; v++)
        for (int u = 0; u < DCTSIZE; u++)
            if (in[v][u] != 0) /* most are */
                for (int x = 0; x < DCTSIZE; x++)
                    half[v][x] += in[v][u] * d->basis[u][x];
    for (int y = 0; y < DCTSIZE; y++)
        for (int v = 0; v < DCTSIZE; v++)
            for (int x = 0; x < DCTSIZE; x++)
                out[y][x] += d->basis[v][y] * half[v][x];
}

/* out = basis · in · basis^T */
static void dct_forward(const struct dct *d, float in[DCTSIZE][DCTSIZE],
                        float out[DCTSIZE][DCTSIZE])
{
    float half[DCTSIZE][DCTSIZE] = {{0}};
    for (int v = 0; v < DCTSIZE; v++)
        for (int y = 0; y < DCTSIZE; y++)
            for (int x = 0; x < DCTSIZE; x++)
                half[v][x] += d->basis[v][y] * in[y][x];
    for (int v = 0; v < DCTSIZE; v++)
        for (int u = 0; u < DCTSIZE; u++) {
            float sum = 0;
            for (int x = 0; x < DCTSIZE; x++)
                sum += half[v][x] * d->basis[u][x];
            out[v][u] = sum;
        }
}

static void block_samples(const struct dct *dct, const JCOEF *c, const UINT16 *table,
                          float out[DCTSIZE][DCTSIZE])
{
    float in[DCTSIZE][DCTSIZE];
    for (int i = 0; i < DCTSIZE2; i++)
        in[i / DCTSIZE][i % DCTSIZE] = (float)c[i] * (float)table[i];
    dct_inverse(dct, in, out);
}

static uint8_t rounded(float sample)
{
    return (uint8_t)(sample <= -128 ? 0 : sample >= 127 ? 255 : lrintf(sample) + 128);
}

static void block_decode(struct photo *p, int k, const struct dct *dct, JCOEF *coefficients,
                         const UINT16 *table, uint8_t *samples)
{
    float out[DCTSIZE][DCTSIZE];
    block_samples(dct, coefficients, table, out);
    for (int y = 0; y < DCTSIZE; y++)
        for (int x = 0; x < DCTSIZE; x++)
            samples[y * p->stride[k] + x] = rounded(out[y][x]);
}

static void block_encode(struct photo *p, int k, const struct dct *dct, JCOEF *coefficients,
                         const UINT16 *table, uint8_t *samples)
{
    float old[DCTSIZE][DCTSIZE], out[DCTSIZE][DCTSIZE];
    bool changed = false;
    block_samples(dct, coefficients, table, old);
    for (int y = 0; y < DCTSIZE; y++)
        for (int x = 0; x < DCTSIZE; x++)
            if (samples[y * p->stride[k] + x] != rounded(old[y][x])) {
                old[y][x] = (float)samples[y * p->stride[k] + x] - 128;
                changed = true;
            }
    if (!changed)
        return;
    dct_forward(dct, old, out);
    for (int i = 0; i < DCTSIZE2; i++) {
        if (table[i] == 0) /* a hostile table: whatever the coefficient is, it says 0 */
            continue;
        float c = out[i / DCTSIZE][i % DCTSIZE] / table[i];
        c = c > PHOTO_COEFFICIENT_MAX    ? PHOTO_COEFFICIENT_MAX
            : c < -PHOTO_COEFFICIENT_MAX ? -PHOTO_COEFFICIENT_MAX
                                         : c;
        coefficients[i] = (JCOEF)lrintf(c);
    }
}

static struct area area_under(const struct photo *p, int k)
{
    int x, y, w, h, log2_w = p->log2_w[k] + 3, log2_h = p->log2_h[k] + 3; /* 8 samples a block */
    const jpeg_component_info *c = &p->in.comp_info[k];
    osd_box(p->osd, &x, &y, &w, &h);
    if (w <= 0 || h <= 0)
        return (struct area){0};
    struct area a = {(JDIMENSION)(x >> log2_w), (JDIMENSION)(y >> log2_h),
                     (JDIMENSION)((x + w - 1) >> log2_w) + 1,
                     (JDIMENSION)((y + h - 1) >> log2_h) + 1};
    a.x1 = a.x1 < c->width_in_blocks ? a.x1 : c->width_in_blocks;
    a.y1 = a.y1 < c->height_in_blocks ? a.y1 : c->height_in_blocks;
    return a;
}

static void each_block(struct photo *p, block_fn *fn)
{
    struct dct dct = dct_init();
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *c = &p->in.comp_info[k];
        struct area a = area_under(p, k);
        if (!c->quant_table) /* no scan of a cut photo has this component: it stays grey */
            continue;
        for (JDIMENSION y = a.y0; y < a.y1; y++) {
            JBLOCKROW row =
                p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y, 1, TRUE)[0];
            for (JDIMENSION x = a.x0; x < a.x1; x++)
                fn(p, k, &dct, row[x], c->quant_table->quantval,
                   p->plane[k] + (size_t)y * DCTSIZE * (size_t)p->stride[k] + x * DCTSIZE);
        }
    }
}

static void decode_blocks(struct photo *p)
{
    each_block(p, block_decode);
}

static void encode_blocks(struct photo *p)
{
    each_block(p, block_encode);
}

static int make_planes(struct photo *p, struct err *err)
{
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *c = &p->in.comp_info[k];
        p->stride[k] = (int)c->width_in_blocks * DCTSIZE;
        p->plane[k] = calloc((size_t)c->height_in_blocks * DCTSIZE, (size_t)p->stride[k]);
        if (!p->plane[k])
            return err_set(err, ERR_NOMEM, "no memory for %dx%d pixels", p->width_px, p->height_px);
    }
    return ERR_OK;
}

int photo_blend(struct photo *p, const struct osd *osd, struct err *err)
{
    p->osd = osd;
    int rc = make_planes(p, err);
    if (rc == ERR_OK)
        rc = photo_guard(p, decode_blocks, err);
    if (rc < 0)
        return rc;
    struct osd_planes planes = {
        .plane = {p->plane[0], p->plane[1], p->plane[2]},
        .stride = {p->stride[0], p->stride[1], p->stride[2]},
        .n = p->in.num_components,
        .width_px = p->width_px,
        .height_px = p->height_px,
        .log2_chroma_w = p->log2_w[1],
        .log2_chroma_h = p->log2_h[1],
        .full_range = true, /* JFIF */
    };
    osd_blend(osd, &planes);
    return photo_guard(p, encode_blocks, err);
}
