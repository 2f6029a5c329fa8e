/* Pictures and drawings on paper. */
#include "jpeg.h"
#include "pdf.h"
#include <stdlib.h>

#define PICTURE_HEIGHT 190.0 /* at most */
#define BAR_SCALE      0.345 /* its letters are as high as those of a caption then */
#define MAP_SCALE      0.056
#define MAP_GAP        9.0
#define MAP_HEIGHT     (3000 * MAP_SCALE)

static struct pdf *pdf_of(struct doc *d)
{
    return (struct pdf *)d;
}

/* The bytes go into the PDF as they are; nobody decodes them here. cairo wants a surface besides:
 * it does not look at its dots, but copies them, so that it has one only, as large as the picture.
 */
static int put_jpeg(struct pdf *p, const uint8_t *jpeg, size_t n, double x, double y, double width,
                    double height)
{
    cairo_t *cr = p->flow.cr;
    unsigned char *bytes = malloc(n);
    cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    cairo_status_t status = cairo_surface_status(s);
    if (!bytes || status != CAIRO_STATUS_SUCCESS) {
        free(bytes);
        cairo_surface_destroy(s);
        return err_set(p->doc.err, ERR_NOMEM, "no memory for a picture");
    }
    for (size_t i = 0; i < n; i++)
        bytes[i] = jpeg[i];
    status = cairo_surface_set_mime_data(s, CAIRO_MIME_TYPE_JPEG, bytes, n, free, bytes);
    if (status != CAIRO_STATUS_SUCCESS)
        free(bytes);
    else {
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_scale(cr, width, height);
        cairo_set_source_surface(cr, s, 0, 0);
        cairo_tag_begin(cr, "Figure", NULL);
        cairo_paint(cr);
        cairo_tag_end(cr, "Figure");
        cairo_restore(cr);
    }
    cairo_surface_destroy(s);
    return status == CAIRO_STATUS_SUCCESS
               ? ERR_OK
               : err_set(p->doc.err, ERR_NOMEM, "no memory for a picture");
}

static void empty_box(struct pdf *p, double x, double y, double width, double height)
{
    cairo_t *cr = p->flow.cr;
    if (!cr)
        return;
    cairo_set_source_rgb(cr, 0.955, 0.96, 0.968);
    cairo_rectangle(cr, x, y, width, height);
    cairo_fill(cr);
}

/* Places the words in the column of the picture, from flow.y on. */
static void place_words(struct pdf *p, struct pdf_row *words)
{
    if (p->doc.rc == 0)
        pdf_flow_row(&p->flow, words);
    else
        pdf_row_clear(words);
    pdf_keep(p, 0);
}

static size_t format_lines(const struct pdf_row *words)
{
    return words->n ? pdf_lines_count(words->cell[0].lines) : 0;
}

static void place_picture(struct pdf *p, const uint8_t *jpeg, size_t n, const char *what)
{
    struct pdf_look look = {.face = PDF_SANS, .colour = PDF_SOFT, .size = 7.5};
    struct pdf_row words;
    int width = 16, height = 5;
    bool ok = jpeg_size(jpeg, n, &width, &height);
    double scale = PDF_PICTURE_WIDTH / width;
    scale = scale * height > PICTURE_HEIGHT ? PICTURE_HEIGHT / height : scale;
    double high = scale * height;
    pdf_say(p, &look, ok ? what ? what : "" : DOC_NO_PICTURE, PDF_LEFT + (ok ? 0 : 12),
            PDF_PICTURE_WIDTH - (ok ? 0 : 24), &words);
    words.tag = "P";
    words.pad = 3;
    if (p->doc.rc < 0) {
        pdf_row_clear(&words);
        return;
    }
    double caption = 10.5 * (double)(format_lines(&words) < 8 ? format_lines(&words) : 8);
    pdf_flow_need(&p->flow, high + caption + 6);
    double top = p->flow.y;
    int page = p->flow.page;
    if (!ok)
        empty_box(p, PDF_LEFT, top, PDF_PICTURE_WIDTH, high);
    else if (p->flow.cr)
        pdf_keep(p, put_jpeg(p, jpeg, n, PDF_LEFT, top, scale * width, high));
    p->flow.y = top + (ok ? high : high / 2 - 8);
    place_words(p, &words);
    p->card_page = p->flow.page;
    p->card_bottom = ok || p->flow.y > top + high ? p->flow.y + 6 : top + high + 6;
    if (p->flow.page == page) /* the facts stand beside it */
        p->flow.y = top;
}

void pdf_picture(struct doc *d, const struct report_picture *picture)
{
    struct pdf *p = pdf_of(d);
    const uint8_t *jpeg;
    size_t n;
    struct buf hold;
    int rc = doc_picture_bytes(picture, &hold, &jpeg, &n, d->err);
    pdf_keep(p, rc);
    if (rc == ERR_OK)
        place_picture(p, jpeg, n, picture->what);
    buf_clear(&hold);
}

void pdf_maps(struct pdf *p, bool begin)
{
    if (begin) {
        pdf_flow_need(&p->flow, MAP_HEIGHT + 60);
        p->map_x = p->left;
        p->map_y = p->flow.y;
    } else
        p->flow.y = p->map_y + MAP_HEIGHT + 6;
}

struct draw *pdf_drawing(struct doc *d, enum draw_what kind, int width, int height,
                         const char *what)
{
    struct pdf *p = pdf_of(d);
    double scale = kind == DRAW_BAR ? BAR_SCALE : MAP_SCALE, x = p->left;
    (void)what; /* cairo has no words for who cannot see */
    if (kind == DRAW_BAR) {
        pdf_flow_need(&p->flow, height * scale + 24);
        p->map_y = p->flow.y;
        p->flow.y += height * scale;
        x -= 20 * scale; /* its left edge stands where text does */
    } else {
        x = p->map_x;
        p->map_x += width * scale + MAP_GAP;
    }
    p->map_width = kind == DRAW_BAR ? 0 : width * scale;
    if (!p->flow.cr || d->rc < 0)
        return NULL;
    cairo_tag_begin(p->flow.cr, "Figure", NULL);
    pdf_draw_begin(&p->draw, p->flow.cr, p->fonts, x, p->map_y, scale, width, height, d->err);
    return &p->draw.draw;
}

void pdf_drawing_end(struct doc *d, struct draw *draw)
{
    struct pdf *p = pdf_of(d);
    (void)draw;
    pdf_keep(p, pdf_draw_end(&p->draw));
    if (p->map_width > 0) {
        cairo_rectangle(p->flow.cr, p->map_x - MAP_GAP - p->map_width, p->map_y, p->map_width,
                        MAP_HEIGHT);
        cairo_set_source_rgb(p->flow.cr, 0.72, 0.74, 0.77);
        cairo_set_line_width(p->flow.cr, 0.5);
        cairo_stroke(p->flow.cr);
    }
    cairo_tag_end(p->flow.cr, "Figure");
}
