#include "letters.h"
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FONT_NAME "DejaVu Sans Mono"

extern const char convert_font[], convert_font_end[];

struct letters {
    ASS_Library *library;
    ASS_Renderer *renderer;
    ASS_Track *track;
    int style; /* libass puts one of its own before ours */
};

static struct letters *_Atomic idle;

static void silent(int level, const char *fmt, va_list ap, void *arg)
{
    (void)level;
    (void)fmt;
    (void)ap;
    (void)arg;
}

static void letters_free(struct letters *l)
{
    if (!l)
        return;
    if (l->track)
        ass_free_track(l->track);
    if (l->renderer)
        ass_renderer_done(l->renderer);
    if (l->library)
        ass_library_done(l->library);
    free(l);
}

static bool make_track(struct letters *l)
{
    l->track = ass_new_track(l->library);
    if (!l->track)
        return false;
    l->track->WrapStyle = 2; /* lines break where we say */
    int s = ass_alloc_style(l->track), e = ass_alloc_event(l->track);
    if (s < 0 || e < 0)
        return false;
    l->style = s;
    ASS_Style *style = &l->track->styles[s];
    style->Name = strdup("Default");
    style->FontName = strdup(FONT_NAME);
    style->Bold = 1;
    style->PrimaryColour = 0xffffff00; /* RGBA, alpha 0 is opaque */
    style->ScaleX = style->ScaleY = 1;
    style->BorderStyle = 1;
    style->OutlineColour = 0x00000000;
    style->Alignment = 5; /* top left, in libass's legacy numbers */
    ASS_Event *event = &l->track->events[e];
    event->Style = s;
    event->Duration = LLONG_MAX / 4;
    return style->Name && style->FontName;
}

static struct letters *letters_new(int width_px, int height_px)
{
    struct letters *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->library = ass_library_init();
    if (!l->library)
        goto fail;
    ass_set_message_cb(l->library, silent, NULL);
    ass_add_font(l->library, FONT_NAME, convert_font, (int)(convert_font_end - convert_font));
    l->renderer = ass_renderer_init(l->library);
    if (!l->renderer)
        goto fail;
    ass_set_storage_size(l->renderer, width_px, height_px);
    ass_set_frame_size(l->renderer, width_px, height_px);
    ass_set_shaper(l->renderer, ASS_SHAPING_SIMPLE);
    ass_set_fonts(l->renderer, NULL, FONT_NAME, ASS_FONTPROVIDER_NONE, NULL, 0);
    if (make_track(l))
        return l;
fail:
    letters_free(l);
    return NULL;
}

int glyph_cache_acquire(struct letters **out, int width_px, int height_px, struct err *err)
{
    struct letters *l = *out = atomic_exchange(&idle, NULL);
    if (!l)
        l = *out = letters_new(width_px, height_px);
    if (!l)
        return err_set(err, ERR_NOMEM, "no memory for the overlay");
    if (l->track->PlayResX != width_px || l->track->PlayResY != height_px) {
        ass_set_storage_size(l->renderer, width_px, height_px);
        ass_set_frame_size(l->renderer, width_px, height_px);
        l->track->PlayResX = width_px;
        l->track->PlayResY = height_px;
    }
    return ERR_OK;
}

void glyph_cache_release(struct letters **letters)
{
    if (!*letters)
        return;
    letters_free(atomic_exchange(&idle, *letters));
    *letters = NULL;
}

int letters_draw(struct letters *letters, const char *text, double font_px, double edge_px,
                 const ASS_Image **out, struct err *err)
{
    ASS_Event *event = &letters->track->events[0];
    ASS_Style *style = &letters->track->styles[letters->style];
    int change;
    free(event->Text);
    event->Text = strdup(text);
    if (!event->Text)
        return err_set(err, ERR_NOMEM, "no memory for the overlay");
    style->FontSize = font_px;
    style->Outline = edge_px;
    *out = ass_render_frame(letters->renderer, letters->track, 0, &change);
    return ERR_OK;
}
