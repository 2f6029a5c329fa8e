#include "pdf_lines.h"
#include "pdf_draw.h"
#include <stdlib.h>

void pdf_lines_free(struct pdf_lines **l)
{
    if (!*l)
        return;
    buf_clear(&(*l)->bytes);
    buf_clear(&(*l)->links);
    buf_clear(&(*l)->glyphs);
    buf_clear(&(*l)->pieces);
    buf_clear(&(*l)->lines);
    free(*l);
    *l = NULL;
}

const char *pdf_lines_text(const struct pdf_lines *l)
{
    return (const char *)buf_data(&l->bytes);
}

size_t pdf_lines_count(const struct pdf_lines *l)
{
    return l->lines.used / sizeof(struct pdf_line);
}

double pdf_lines_pitch(const struct pdf_lines *l)
{
    return l->size * 1.36;
}

double pdf_lines_rise(const struct pdf_lines *l)
{
    return l->size * 1.03;
}

static const struct pdf_line *line_of(const struct pdf_lines *l, size_t i)
{
    return (const struct pdf_line *)(const void *)l->lines.mem + i;
}

double pdf_lines_width(const struct pdf_lines *l, size_t i)
{
    return line_of(l, i)->width;
}

/* Which glyphs stand for which bytes, in the order of the text. */
static int map_clusters(const struct pdf_piece *p, const struct pdf_glyph *g,
                        cairo_text_cluster_t *out)
{
    int n = 0;
    bool back = p->level & 1;
    for (unsigned k = 0; k < p->n_glyphs; k++) {
        uint32_t at = g[back ? p->n_glyphs - 1 - k : k].cluster;
        if (k > 0 && at == g[back ? p->n_glyphs - k : k - 1].cluster) {
            out[n - 1].num_glyphs++;
            continue;
        }
        out[n] = (cairo_text_cluster_t){(int)(n == 0 ? p->n : p->from + p->n - at), 1};
        if (n > 0)
            out[n - 1].num_bytes -= out[n].num_bytes;
        n++;
    }
    return n;
}

static void draw_piece(const struct pdf_lines *l, const struct pdf_fonts *fonts, cairo_t *cr,
                       const struct pdf_piece *p, double x, double y)
{
    static const double rgb[][3] = {[PDF_INK] = {0.07, 0.08, 0.1},
                                    [PDF_SOFT] = {0.3, 0.33, 0.37},
                                    [PDF_RED] = {0.58, 0.08, 0.08},
                                    [PDF_BLUE] = {0.1, 0.31, 0.55}};
    const struct pdf_glyph *g = pdf_glyphs(l) + p->glyph;
    if (p->look.swatch)
        pdf_draw_swatch(cr, p->look.ink, x, y - p->look.size * 0.72, p->look.size * 1.1,
                        p->look.size * 0.72);
    if (p->n_glyphs == 0)
        return;
    cairo_glyph_t *glyph = cairo_glyph_allocate((int)p->n_glyphs);
    cairo_text_cluster_t *cluster = cairo_text_cluster_allocate((int)p->n_glyphs);
    for (unsigned i = 0; glyph && i < p->n_glyphs; i++) {
        glyph[i] = (cairo_glyph_t){g[i].id, x + g[i].x, y - g[i].y};
        x += g[i].advance;
    }
    int n = cluster ? map_clusters(p, g, cluster) : 1; /* without memory cr takes an error here */
    cairo_set_font_face(cr, fonts->of[p->look.face].face);
    cairo_set_font_size(cr, p->look.size);
    const double *c = rgb[p->look.colour];
    cairo_set_source_rgb(cr, c[0], c[1], c[2]);
    cairo_show_text_glyphs(cr, (const char *)buf_data(&l->bytes) + p->from, (int)p->n, glyph,
                           (int)p->n_glyphs, cluster, n,
                           p->level & 1 ? CAIRO_TEXT_CLUSTER_FLAG_BACKWARD : 0);
    cairo_glyph_free(glyph);
    cairo_text_cluster_free(cluster);
}

void pdf_lines_draw(const struct pdf_lines *l, const struct pdf_fonts *fonts, cairo_t *cr, size_t i,
                    double x, double y)
{
    const struct pdf_line *line = line_of(l, i);
    const struct pdf_piece *p = pdf_pieces(l) + line->piece;
    uint32_t link = 0;
    for (size_t k = 0; k < line->n; k++) {
        if (link && link != p[k].look.link)
            cairo_tag_end(cr, CAIRO_TAG_LINK);
        if (p[k].look.link && link != p[k].look.link)
            cairo_tag_begin(cr, CAIRO_TAG_LINK,
                            (const char *)buf_data(&l->links) + p[k].look.link - 1);
        link = p[k].look.link;
        draw_piece(l, fonts, cr, &p[k], x, y);
        x += p[k].width;
    }
    if (link)
        cairo_tag_end(cr, CAIRO_TAG_LINK);
}
