#include "pdf_font.h"
#include <cairo-ft.h>
#include <ft2build.h>
#include <stdlib.h>
#include FT_FREETYPE_H

extern const char report_sans[], report_sans_end[], report_bold[], report_bold_end[], report_mono[],
    report_mono_end[];

/* A font that cairo draws with, and the library that it is opened by: cairo keeps fonts for a while
 * after they were used, so they are not ours to close. */
struct drawn {
    FT_Library library;
    FT_Face face;
};

static void drawn_free(void *data)
{
    struct drawn *d = data;
    FT_Done_Face(d->face);
    FT_Done_FreeType(d->library);
    free(d);
}

static cairo_font_face_t *open_face(const char *bytes, size_t n)
{
    static const cairo_user_data_key_t key;
    struct drawn *d = calloc(1, sizeof *d);
    if (!d || FT_Init_FreeType(&d->library) != 0) {
        free(d);
        return NULL;
    }
    if (FT_New_Memory_Face(d->library, (const FT_Byte *)bytes, (FT_Long)n, 0, &d->face) != 0) {
        FT_Done_FreeType(d->library);
        free(d);
        return NULL;
    }
    cairo_font_face_t *face = cairo_ft_font_face_create_for_ft_face(d->face, FT_LOAD_NO_HINTING);
    if (cairo_font_face_set_user_data(face, &key, d, drawn_free) != CAIRO_STATUS_SUCCESS) {
        cairo_font_face_destroy(face);
        drawn_free(d);
        return NULL;
    }
    return face;
}

static hb_font_t *open_shaper(const char *bytes, size_t n)
{
    hb_blob_t *blob = hb_blob_create(bytes, (unsigned)n, HB_MEMORY_MODE_READONLY, NULL, NULL);
    hb_face_t *face = hb_face_create(blob, 0);
    hb_font_t *font = hb_font_create(face);
    hb_face_destroy(face);
    hb_blob_destroy(blob);
    return font;
}

int pdf_fonts_init(struct pdf_fonts *out, struct err *err)
{
    const struct {
        const char *bytes, *end;
    } file[PDF_FACES] = {
        [PDF_SANS] = {report_sans, report_sans_end},
        [PDF_BOLD] = {report_bold, report_bold_end},
        [PDF_MONO] = {report_mono, report_mono_end},
    };
    *out = (struct pdf_fonts){.buffer = hb_buffer_create()};
    bool ok = hb_buffer_allocation_successful(out->buffer);
    for (size_t i = 0; i < PDF_FACES; i++) {
        size_t n = (size_t)(file[i].end - file[i].bytes);
        out->of[i].face = open_face(file[i].bytes, n);
        out->of[i].shaper = open_shaper(file[i].bytes, n);
        out->of[i].units = hb_face_get_upem(hb_font_get_face(out->of[i].shaper));
        ok = ok && out->of[i].face && hb_font_get_glyph_h_advance(out->of[i].shaper, 36) > 0;
    }
    return ok ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for the fonts");
}

void pdf_fonts_clear(struct pdf_fonts *f)
{
    for (size_t i = 0; i < PDF_FACES; i++) {
        cairo_font_face_destroy(f->of[i].face);
        hb_font_destroy(f->of[i].shaper);
    }
    hb_buffer_destroy(f->buffer);
    *f = (struct pdf_fonts){0};
}
