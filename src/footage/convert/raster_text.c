#include "raster.h"
#include <ass/ass.h>
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FONT_NAME "DejaVu Sans Mono"

extern const char convert_font[], convert_font_end[];

struct writer {
    ASS_Library *library;
    ASS_Renderer *renderer;
    ASS_Track *track;
};

/* ITU-R BT.601, full range (JFIF 1.02). */
void raster_colour(uint32_t rgb, uint8_t ycc[3])
{
    int r = rgb >> 16 & 255, g = rgb >> 8 & 255, b = rgb & 255;
    ycc[0] = (uint8_t)((299 * r + 587 * g + 114 * b + 500) / 1000);
    ycc[1] = (uint8_t)((128000 - 169 * r - 331 * g + 500 * b) / 1000);
    ycc[2] = (uint8_t)((128000 + 500 * r - 419 * g - 81 * b) / 1000);
}

static void silent(int level, const char *fmt, va_list ap, void *arg)
{
    (void)level;
    (void)fmt;
    (void)ap;
    (void)arg;
}

static bool writer_open(struct writer *w, const struct raster *r)
{
    w->library = ass_library_init();
    if (!w->library)
        return false;
    ass_set_message_cb(w->library, silent, NULL);
    ass_add_font(w->library, FONT_NAME, convert_font, (int)(convert_font_end - convert_font));
    w->renderer = ass_renderer_init(w->library);
    w->track = ass_new_track(w->library);
    if (!w->renderer || !w->track)
        return false;
    ass_set_storage_size(w->renderer, r->width_px, r->height_px);
    ass_set_frame_size(w->renderer, r->width_px, r->height_px);
    ass_set_shaper(w->renderer, ASS_SHAPING_SIMPLE);
    ass_set_fonts(w->renderer, NULL, FONT_NAME, ASS_FONTPROVIDER_NONE, NULL, 0);
    w->track->PlayResX = r->width_px;
    w->track->PlayResY = r->height_px;
    w->track->WrapStyle = 2;
    int s = ass_alloc_style(w->track);
    if (s < 0)
        return false;
    ASS_Style *style = &w->track->styles[s];
    style->Name = strdup("Default");
    style->FontName = strdup(FONT_NAME);
    style->Bold = 1;
    style->FontSize = 20;
    style->ScaleX = style->ScaleY = 1;
    style->BorderStyle = 1;
    w->track->default_style = s;
    return style->Name && style->FontName;
}

static void writer_close(struct writer *w)
{
    if (w->track)
        ass_free_track(w->track);
    if (w->renderer)
        ass_renderer_done(w->renderer);
    if (w->library)
        ass_library_done(w->library);
}

static bool add_event(struct writer *w, const struct raster_text *t)
{
    char text[sizeof t->text + 80];
    int e = ass_alloc_event(w->track);
    if (e < 0)
        return false;
    snprintf(text, sizeof text, "{\\an%d\\pos(%d,%d)\\fs%d\\1c&H%02x%02x%02x&}%s", t->right ? 9 : 7,
             t->x, t->y, t->size_px, (unsigned)(t->rgb & 255), (unsigned)(t->rgb >> 8 & 255),
             (unsigned)(t->rgb >> 16 & 255), t->text);
    ASS_Event *event = &w->track->events[e];
    event->Style = w->track->default_style;
    event->ReadOrder = e;
    event->Duration = LLONG_MAX / 4;
    event->Text = strdup(text);
    return event->Text != NULL;
}

static void blend(struct raster *r, const ASS_Image *image)
{
    uint8_t ycc[3];
    int visible = 255 - (int)(image->color & 0xff);
    raster_colour(image->color >> 8, ycc);
    for (int row = 0; row < image->h; row++) {
        int y = image->dst_y + row;
        for (int col = 0; col < image->w && y >= 0 && y < r->height_px; col++) {
            int x = image->dst_x + col, a = image->bitmap[row * image->stride + col] * visible;
            if (x < 0 || x >= r->width_px)
                continue;
            for (int k = 0; k < 3; k++) {
                uint8_t *at = r->plane[k] + (ptrdiff_t)y * r->stride[k] + x;
                *at = (uint8_t)((*at * (65025 - a) + ycc[k] * a + 32512) / 65025);
            }
        }
    }
}

int raster_write(struct raster *r, const struct raster_text *text, int n, struct err *err)
{
    struct writer w = {0};
    int change;
    assert(r->log2_chroma == 0);
    bool ok = writer_open(&w, r);
    for (int i = 0; ok && i < n; i++)
        ok = add_event(&w, &text[i]);
    const ASS_Image *image = ok ? ass_render_frame(w.renderer, w.track, 0, &change) : NULL;
    for (; image; image = image->next)
        blend(r, image);
    writer_close(&w);
    return ok ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for text");
}
