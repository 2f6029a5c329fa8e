/*
 * What is hidden of a photo: whole units of its coding become black, in coefficients, so that
 * nothing is left below; and everything that may show the photo once more (thumbnails, previews,
 * maker notes) is left out.
 */
#include "media/photo.h"
#include <stdlib.h>
#include <string.h>

#define JFIF_BYTES 14 /* of its segment without a thumbnail (JFIF 1.02) */

/* A mask in stored pixels, up to before x1, y1. */
struct stored {
    int x0, y0, x1, y1;
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

static struct stored stored_box(const struct photo *p, const struct convert_mask *m)
{
    bool turned = p->hidden_orientation >= 5;
    int w = turned ? p->height_px : p->width_px, h = turned ? p->width_px : p->height_px;
    int ax, ay, bx, by;
    osd_seen_to_stored(p->hidden_orientation, w, h, m->x, m->y, &ax, &ay);
    osd_seen_to_stored(p->hidden_orientation, w, h, least(m->x + m->w, w) - 1,
                       least(m->y + m->h, h) - 1, &bx, &by);
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

/* The blocks of component k in a box that is made of whole units. */
static void blacken_blocks(struct photo *p, int k, struct stored b)
{
    const jpeg_component_info *c = &p->in.comp_info[k];
    int log2_w = p->log2_w[k] + 3, log2_h = p->log2_h[k] + 3; /* 8 samples a block */
    JDIMENSION x1 = (JDIMENSION)(b.x1 >> log2_w), y1 = (JDIMENSION)(b.y1 >> log2_h);
    x1 = x1 < c->width_in_blocks ? x1 : c->width_in_blocks;
    y1 = y1 < c->height_in_blocks ? y1 : c->height_in_blocks;
    for (JDIMENSION y = (JDIMENSION)(b.y0 >> log2_h); y < y1; y++) {
        JBLOCKROW row =
            p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y, 1, TRUE)[0];
        blacken_row(row, (JDIMENSION)(b.x0 >> log2_w), x1, c->quant_table, k == 0);
    }
}

static void blacken(struct photo *p)
{
    int unit_w = 8, unit_h = 8;
    for (int k = 0; k < p->in.num_components; k++) {
        unit_w = 8 << p->log2_w[k] > unit_w ? 8 << p->log2_w[k] : unit_w;
        unit_h = 8 << p->log2_h[k] > unit_h ? 8 << p->log2_h[k] : unit_h;
    }
    for (int i = 0; i < p->hidden->n_masks; i++) {
        struct stored b = stored_box(p, &p->hidden->mask[i]);
        b.x0 = b.x0 / unit_w * unit_w;
        b.y0 = b.y0 / unit_h * unit_h;
        b.x1 = (b.x1 + unit_w - 1) / unit_w * unit_w;
        b.y1 = (b.y1 + unit_h - 1) / unit_h * unit_h;
        for (int k = 0; k < p->in.num_components; k++)
            blacken_blocks(p, k, b);
    }
}

static bool is_needed(struct jpeg_marker_struct *m)
{
    static const char icc[] = "ICC_PROFILE"; /* ICC.1, B.4 */
    if (photo_is_jfif(m) && m->data_length >= JFIF_BYTES) {
        m->data_length = JFIF_BYTES;
        m->data[JFIF_BYTES - 2] = m->data[JFIF_BYTES - 1] = 0; /* size of its thumbnail */
        return true;
    }
    return (m->marker == JPEG_APP0 + 14 && m->data_length >= 5 && !memcmp(m->data, "Adobe", 5)) ||
           (m->marker == JPEG_APP0 + 2 && m->data_length > sizeof icc &&
            !memcmp(m->data, icc, sizeof icc));
}

/* Only segments without which the colours would be others stay. */
static void strip(struct photo *p)
{
    jpeg_saved_marker_ptr *at = &p->in.marker_list;
    while (*at)
        if (is_needed(*at))
            at = &(*at)->next;
        else
            *at = (*at)->next;
}

int photo_redact(struct photo *p, const struct convert_options *options, int orientation,
                 struct err *err)
{
    p->hidden = options;
    p->hidden_orientation = orientation;
    strip(p);
    return photo_guard(p, blacken, err);
}
