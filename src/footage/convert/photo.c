/*
 * The still copy of a photo: its coefficients with the overlay, or with black boxes, and what is
 * known of the transfer in its Exif.
 */
#include "media/photo.h"
#include "copies.h"
#include "dashspool/text.h"
#include "exif.h"
#include "redact.h"
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * ---- the overlay, block by block ----
 *
 *   coefficients × table ─► inverse DCT ─► samples ─► osd_blend() ─► which samples changed?
 *     none: the block is not touched
 *     else: DCT of (new sample where it changed, the unrounded old one where not) / table, rounded
 *
 * The transforms are those of T.81, A.3.3, in floating point as two products of 8×8 matrices.
 * The planes have room for the whole picture, so that osd_blend() needs no other coordinates; only
 * the pages under the box are ever touched, the rest stays zero pages of calloc().
 */

struct dct {
    float basis[DCTSIZE][DCTSIZE]; /* [frequency][place] */
};

/* The blocks of one component that lie under the box: from x0, y0 to before x1, y1. */
struct area {
    JDIMENSION x0, y0, x1, y1;
};

struct blending {
    const struct osd *osd;
    struct dct dct;
    uint8_t *plane[3]; /* samples */
    int stride[3];
};

/* A block: its coefficients, their table, and where its samples are. */
typedef void block_fn(JCOEF *coefficients, const UINT16 *table, const struct dct *dct,
                      uint8_t *samples, int stride);

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

static void block_decode(JCOEF *coefficients, const UINT16 *table, const struct dct *dct,
                         uint8_t *samples, int stride)
{
    float out[DCTSIZE][DCTSIZE];
    block_samples(dct, coefficients, table, out);
    for (int y = 0; y < DCTSIZE; y++)
        for (int x = 0; x < DCTSIZE; x++)
            samples[y * stride + x] = rounded(out[y][x]);
}

static void block_encode(JCOEF *coefficients, const UINT16 *table, const struct dct *dct,
                         uint8_t *samples, int stride)
{
    float old[DCTSIZE][DCTSIZE], out[DCTSIZE][DCTSIZE];
    bool changed = false;
    block_samples(dct, coefficients, table, old);
    for (int y = 0; y < DCTSIZE; y++)
        for (int x = 0; x < DCTSIZE; x++)
            if (samples[y * stride + x] != rounded(old[y][x])) {
                old[y][x] = (float)samples[y * stride + x] - 128;
                changed = true;
            }
    if (!changed)
        return;
    /* out = basis · in · basis^T */
    float half[DCTSIZE][DCTSIZE] = {{0}};
    for (int v = 0; v < DCTSIZE; v++)
        for (int y = 0; y < DCTSIZE; y++)
            for (int x = 0; x < DCTSIZE; x++)
                half[v][x] += dct->basis[v][y] * old[y][x];
    for (int v = 0; v < DCTSIZE; v++)
        for (int u = 0; u < DCTSIZE; u++) {
            float sum = 0;
            for (int x = 0; x < DCTSIZE; x++)
                sum += half[v][x] * dct->basis[u][x];
            out[v][u] = sum;
        }
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

static struct area area_under(const struct photo *p, int k, const struct osd *osd)
{
    int x, y, w, h, log2_w = p->log2_w[k] + 3, log2_h = p->log2_h[k] + 3; /* 8 samples a block */
    const jpeg_component_info *c = &p->in.comp_info[k];
    osd_box(osd, &x, &y, &w, &h);
    if (w <= 0 || h <= 0)
        return (struct area){0};
    struct area a = {(JDIMENSION)(x >> log2_w), (JDIMENSION)(y >> log2_h),
                     (JDIMENSION)((x + w - 1) >> log2_w) + 1,
                     (JDIMENSION)((y + h - 1) >> log2_h) + 1};
    a.x1 = a.x1 < c->width_in_blocks ? a.x1 : c->width_in_blocks;
    a.y1 = a.y1 < c->height_in_blocks ? a.y1 : c->height_in_blocks;
    return a;
}

static void each_block(struct photo *p, const struct blending *b, block_fn *fn)
{
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *c = &p->in.comp_info[k];
        struct area a = area_under(p, k, b->osd);
        if (!c->quant_table) /* no scan of a cut photo has this component: it stays grey */
            continue;
        for (JDIMENSION y = a.y0; y < a.y1; y++) {
            JBLOCKROW row =
                p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y, 1, TRUE)[0];
            for (JDIMENSION x = a.x0; x < a.x1; x++)
                fn(row[x], c->quant_table->quantval, &b->dct,
                   b->plane[k] + (size_t)y * DCTSIZE * (size_t)b->stride[k] + x * DCTSIZE,
                   b->stride[k]);
        }
    }
}

static void decode_blocks(struct photo *p, void *blending)
{
    each_block(p, blending, block_decode);
}

static void encode_blocks(struct photo *p, void *blending)
{
    each_block(p, blending, block_encode);
}

static int make_planes(const struct photo *p, struct blending *b, struct err *err)
{
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *c = &p->in.comp_info[k];
        b->stride[k] = (int)c->width_in_blocks * DCTSIZE;
        b->plane[k] = calloc((size_t)c->height_in_blocks * DCTSIZE, (size_t)b->stride[k]);
        if (!b->plane[k])
            return err_nomem(err, "%dx%d pixels", p->width_px, p->height_px);
    }
    return ERR_OK;
}

/* Blends the overlay (turned by osd_orient()) into the coefficients. */
static int blend(struct photo *p, const struct osd *osd, struct err *err)
{
    struct blending b = {.osd = osd, .dct = dct_init()};
    int rc = make_planes(p, &b, err);
    if (rc == ERR_OK)
        rc = photo_guard(p, decode_blocks, &b, err);
    if (rc == ERR_OK) {
        struct osd_planes planes = {
            .plane = {b.plane[0], b.plane[1], b.plane[2]},
            .stride = {b.stride[0], b.stride[1], b.stride[2]},
            .n = p->in.num_components,
            .width_px = p->width_px,
            .height_px = p->height_px,
            .log2_chroma_w = p->log2_w[1],
            .log2_chroma_h = p->log2_h[1],
            .full_range = true, /* JFIF */
        };
        osd_blend(osd, &planes);
        rc = photo_guard(p, encode_blocks, &b, err);
    }
    for (int k = 0; k < 3; k++)
        free(b.plane[k]);
    return rc;
}

/*
 * ---- what is hidden of a photo ----
 *
 * Whole units of its coding become black, in coefficients, so that
 * nothing is left below; and everything that may show the photo once more (thumbnails, previews,
 * maker notes) is left out.
 */

#define JFIF_BYTES  14 /* of its segment without a thumbnail (JFIF 1.02) */
#define ADOBE_BYTES 12 /* of its segment (T.872, 6.5.3) */

struct hiding {
    const struct convert_options *options;
    unsigned ways; /* bit n: it may be seen in orientation n */
};

/* A mask in stored pixels, up to before x1, y1. */
struct stored {
    int x0, y0, x1, y1;
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static struct stored stored_box(const struct photo *p, int orientation,
                                const struct convert_mask *m)
{
    bool turned = orientation >= 5;
    int w = turned ? p->height_px : p->width_px, h = turned ? p->width_px : p->height_px;
    int ax, ay, bx, by;
    osd_seen_to_stored(orientation, w, h, m->x, m->y, &ax, &ay);
    osd_seen_to_stored(orientation, w, h, least(m->x + m->w, w) - 1, least(m->y + m->h, h) - 1, &bx,
                       &by);
    return (struct stored){least(ax, bx), least(ay, by), (ax > bx ? ax : bx) + 1,
                           (ay > by ? ay : by) + 1};
}

/* Coefficients of a block of one sample value: 0 but for the first, which for black is so low that
 * it is 0 or less when it is decoded. A hostile table of zeros gives grey. */
static void blacken_row(JBLOCKROW row, JDIMENSION from, JDIMENSION until, const JQUANT_TBL *table,
                        bool luma)
{
    int q = luma && table ? table->quantval[0] : 0;
    int dc = q > 0 ? -((PHOTO_COEFFICIENT_MAX + q - 1) / q) : 0;
    for (JDIMENSION x = from; x < until; x++) {
        memset(row[x], 0, sizeof row[x]);
        row[x][0] = (JCOEF)dc;
    }
}

static void blacken(struct photo *p, void *arg)
{
    const struct hiding *hiding = arg;
    int unit_w = 8, unit_h = 8;
    for (int k = 0; k < p->in.num_components; k++) {
        unit_w = 8 << p->log2_w[k] > unit_w ? 8 << p->log2_w[k] : unit_w;
        unit_h = 8 << p->log2_h[k] > unit_h ? 8 << p->log2_h[k] : unit_h;
    }
    for (int i = 0; i < 8 * hiding->options->n_masks; i++) {
        const struct convert_mask *mask = &hiding->options->mask[i / 8];
        int orientation = i % 8 + 1, turned = orientation >= 5;
        if (!(hiding->ways & 1u << orientation) ||
            mask->x >= (turned ? p->height_px : p->width_px) ||
            mask->y >= (turned ? p->width_px : p->height_px))
            continue;
        struct stored b = stored_box(p, orientation, mask);
        b.x0 = b.x0 / unit_w * unit_w;
        b.y0 = b.y0 / unit_h * unit_h;
        b.x1 = (b.x1 + unit_w - 1) / unit_w * unit_w;
        b.y1 = (b.y1 + unit_h - 1) / unit_h * unit_h;
        for (int k = 0; k < p->in.num_components; k++) {
            /* The blocks of component k in a box that is made of whole units. */
            const jpeg_component_info *c = &p->in.comp_info[k];
            int log2_w = p->log2_w[k] + 3, log2_h = p->log2_h[k] + 3; /* 8 samples a block */
            JDIMENSION x1 = (JDIMENSION)(b.x1 >> log2_w), y1 = (JDIMENSION)(b.y1 >> log2_h);
            x1 = x1 < c->width_in_blocks ? x1 : c->width_in_blocks;
            y1 = y1 < c->height_in_blocks ? y1 : c->height_in_blocks;
            for (JDIMENSION y = (JDIMENSION)(b.y0 >> log2_h); y < y1; y++) {
                JBLOCKROW row = p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y,
                                                              1, TRUE)[0];
                blacken_row(row, (JDIMENSION)(b.x0 >> log2_w), x1, c->quant_table, k == 0);
            }
        }
    }
}

static bool is_profile(const struct jpeg_marker_struct *m)
{
    static const char icc[] = "ICC_PROFILE"; /* ICC.1, B.4 */
    return m->marker == JPEG_APP0 + 2 && m->data_length > sizeof icc &&
           memcmp(m->data, icc, sizeof icc) == 0;
}

/* Of a segment without which the colours would be others: only the bytes that decide it stay, as
 * version, density and flags can say anything. A colour profile (ICC.1) is full of text: without it
 * a photo is shown as sRGB, which all of these cameras make. */
static bool is_needed(struct jpeg_marker_struct *m)
{
    static const JOCTET jfif[JFIF_BYTES] = {'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1};
    static const JOCTET adobe[ADOBE_BYTES] = {'A', 'd', 'o', 'b', 'e', 0, 100, [11] = 1};
    if (photo_is_jfif(m) && m->data_length >= JFIF_BYTES) {
        memcpy(m->data, jfif, m->data_length = JFIF_BYTES);
        return true;
    }
    if (m->marker != JPEG_APP0 + 14 || m->data_length < ADOBE_BYTES ||
        memcmp(m->data, adobe, 5) != 0)
        return false;
    memcpy(m->data, adobe, m->data_length = ADOBE_BYTES); /* YCbCr: photo_open() takes no other */
    return true;
}

/* ---- how it is turned ---- */

/* As viewers turn it (photo_turn_segment()). True: all agree. */
static bool find_ways(const struct photo *p, int *first, unsigned *ways)
{
    struct photo_turn turn = {0};
    for (const struct jpeg_marker_struct *m = p->in.marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1)
            photo_turn_segment(&turn, false, m->data, m->data_length);
    for (const struct jpeg_marker_struct *m = p->late; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1)
            photo_turn_segment(&turn, true, m->data, m->data_length);
    bool agreed = photo_turn_end(&turn);
    *first = turn.first;
    *ways = turn.ways;
    return agreed;
}

/* ---- the copy ---- */

/* The Exif segment as it will be: the master's with the facts added. A broken one is replaced: its
 * readers would disagree on it, and with them on how the photo is turned; the master still has it.
 */
struct still_exif {
    struct exif exif;
    const struct jpeg_marker_struct *old; /* the first one there is, or NULL */
    struct buf payload;
};

/* A new block, with nothing of the old one but how the photo is turned. */
static void renew_exif(struct still_exif *s, const struct photo *p, const struct copy_task *t,
                       int orientation)
{
    const uint32_t turned = (uint32_t)orientation;
    char text[160], hidden[REDACT_TEXT_ROOM];
    struct convert_options masks = *t->options;
    masks.no_sound = false;
    redact_text(&masks, hidden);
    snprintf(text, sizeof text, "REDACTED still copy: derived, %s", hidden);
    s->exif = (struct exif){0};
    s->old = NULL;
    exif_set_facts(&s->exif, t->facts, p->width_px, p->height_px);
    exif_set_numbers(&s->exif, EXIF_IFD0, EXIF_TAG_ORIENTATION, EXIF_SHORT, &turned, 1);
    exif_set_text(&s->exif, EXIF_IFD0, EXIF_TAG_DESCRIPTION, text);
}

/* ERR_CONFIG if a mask is not in the photo as it is seen. */
static int redact(struct photo *p, struct still_exif *s, const struct copy_task *t, int orientation,
                  unsigned ways, struct err *err)
{
    bool turned = orientation >= 5;
    int rc = redact_check(t->options, turned ? p->height_px : p->width_px,
                          turned ? p->width_px : p->height_px, -1, err);
    if (rc < 0)
        return rc;
    renew_exif(s, p, t, orientation);
    /* Makes the units of coding (MCU) under the masks of `options` black, turned by the
     * orientation, and leaves out all segments but what is needed of JFIF's and Adobe's: what
     * pointed into p->in.marker_list is not good any more. Before blend(). */
    struct hiding hiding = {t->options, ways};
    jpeg_saved_marker_ptr *at = &p->in.marker_list;
    bool profile = false;
    while (*at)
        if (is_needed(*at)) {
            at = &(*at)->next;
        } else {
            profile = profile || is_profile(*at);
            *at = (*at)->next;
        }
    if (profile)
        media_warn(t->m, "the colour profile, which can hold any text, was left out: the redacted "
                         "photo is shown as sRGB");
    return photo_guard(p, blacken, &hiding, err);
}

/* In the copy all are to agree. */
static void drop_other_exif(struct photo *p, const struct jpeg_marker_struct *but)
{
    jpeg_saved_marker_ptr *at = &p->in.marker_list;
    while (*at)
        if (photo_is_exif(*at) && *at != but)
            *at = (*at)->next;
        else
            at = &(*at)->next;
}

/* Data that fills its segment stays as it is. */
static int write_exif(struct still_exif *s, const struct photo *p, const struct copy_task *t,
                      struct err *err)
{
    if (!t->osd->redacted)
        exif_set_facts(&s->exif, t->facts, p->width_px, p->height_px);
    int rc = exif_write(&s->exif, &s->payload, err);
    if (rc != ERR_LIMIT || !s->old)
        return rc;
    media_warn(t->m, "%s: nothing was added to it", err->text);
    buf_consume(&s->payload, s->payload.used);
    return buf_append(&s->payload, s->old->data, s->old->data_length, err);
}

static int overlay(struct photo *p, int orientation, const struct copy_task *t, struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd *osd = NULL;
    bool turned = orientation >= 5;
    osd_text_at(t->osd, 0, 0, "still copy", lines);
    int rc = osd_new(&osd, turned ? p->height_px : p->width_px, turned ? p->width_px : p->height_px,
                     t->options, err);
    if (rc == ERR_OK && (rc = osd_set(osd, lines, err)) == ERR_OK)
        osd_warn(osd, t->m);
    if (rc == ERR_OK)
        rc = osd_orient(osd, orientation, err);
    if (rc == ERR_OK)
        rc = blend(p, osd, err);
    osd_free(&osd);
    return rc;
}

static int make_still(struct photo *p, struct still_exif *s, const struct copy_task *t,
                      struct err *err)
{
    int rc = photo_open(p, t->m->map, t->m->n, err);
    if (rc < 0)
        return rc;
    const struct photo_errors *e = &p->errors;
    size_t behind = p->in.src->bytes_in_buffer;
    if (e->stray_bytes > 0)
        media_warn(t->m, "%lld %s between the segments left out",
                   SIZE_COUNT(e->stray_bytes, "stray byte was", "stray bytes were"));
    if (e->damaged && e->scan > 1)
        media_warn(t->m, "the photo is damaged from byte %zu of %zu on (scan %d, row %d of %d): %s",
                   e->offset, p->n, e->scan, e->row_px, p->height_px, e->damage);
    else if (e->damaged)
        media_warn(t->m, "the photo is damaged from row %d of %d on (byte %zu of %zu): %s",
                   e->row_px, p->height_px, e->offset, p->n, e->damage);
    else if (e->no_end)
        media_warn(t->m, "the end mark (EOI) was missing, no part of the photo");
    else if (p->late)
        media_warn(t->m, "segments behind the start of the picture were left out");
    else if (behind > 0)
        media_warn(t->m, "%lld %s behind the photo's end %s left out",
                   SIZE_COUNT(behind, "byte", "bytes"), behind == 1 ? "was" : "were");
    t->m->damage.damaged = e->damaged;
    const char *why;
    s->exif = (struct exif){0};
    s->old = p->in.marker_list;
    while (s->old && !photo_is_exif(s->old))
        s->old = s->old->next;
    if (s->old) {
        if (!exif_parse(&s->exif, s->old->data + EXIF_HEAD_BYTES,
                        s->old->data_length - EXIF_HEAD_BYTES, &why))
            media_warn(t->m, "the EXIF data is damaged (%s) and was replaced", why);
        else if (s->exif.damaged)
            media_warn(t->m, "%lld damaged EXIF %s left out",
                       SIZE_COUNT(s->exif.damaged, "entry was", "entries were"));
    }
    int orientation;
    unsigned ways;
    if (!find_ways(p, &orientation, &ways)) {
        const uint32_t turned = (uint32_t)orientation;
        media_warn(t->m, "viewers differ in how they turn this photo: orientation %d is taken%s",
                   orientation,
                   t->options->n_masks ? ", and each mask hides its box in every way" : "");
        exif_set_numbers(&s->exif, EXIF_IFD0, EXIF_TAG_ORIENTATION, EXIF_SHORT, &turned, 1);
        drop_other_exif(p, s->old);
    }
    if (t->osd->redacted)
        rc = redact(p, s, t, orientation, ways, err);
    if (rc == ERR_OK && (rc = overlay(p, orientation, t, err)) == ERR_OK)
        rc = write_exif(s, p, t, err);
    if (rc != ERR_OK)
        return rc;
    int fd = open(t->path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", t->path);
    rc = photo_write(p, fd, &s->payload, s->old, err);
    if (close(fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", t->path);
    return rc;
}

int copy_still(const struct copy_task *t, struct err *err)
{
    struct photo *p = calloc(1, sizeof *p);
    struct still_exif *s = calloc(1, sizeof *s);
    int rc = ERR_NOMEM;
    if (!p || !s) {
        err_set(err, rc, "out of memory: a photo");
    } else {
        buf_init(&s->payload, 2 * EXIF_BYTES_MAX);
        rc = make_still(p, s, t, err);
        t->result->width_px = p->width_px;
        t->result->height_px = p->height_px;
        t->result->pictures = t->result->key_pictures = 1;
        photo_close(p);
        buf_clear(&s->payload);
        copy_progress(t, 1, 1);
    }
    free(p);
    free(s);
    return rc;
}
