#include "osd.h"
#include "dashspool/text.h"
#include <ft2build.h>
#include FT_FREETYPE_H
#include <limits.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * ---- letters, as libass draws them ----
 *
 * With the font that is in the program and no other. A renderer has tables of 3 MB that are walked
 * whenever its size is set: that costs more than the letters. So there is none before there is
 * something to draw, and one that is idle is kept for whoever wants it next; a process that is to
 * fork can make it before (osd_warm_up).
 */

#define FONT_NAME "DejaVu Sans Mono"

extern const char convert_font[], convert_font_end[];

static struct letters *_Atomic idle;

static void silent(int level, const char *fmt, va_list ap, void *arg)
{
    (void)level;
    (void)fmt;
    (void)ap;
    (void)arg;
}

void letters_free(struct letters *l)
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

struct letters *letters_new(int width_px, int height_px)
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
    l->track = ass_new_track(l->library);
    if (!l->track)
        goto fail;
    l->track->WrapStyle = 2; /* lines break where we say */
    l->track->PlayResX = width_px;
    l->track->PlayResY = height_px;
    l->style = ass_alloc_style(l->track);
    if (l->style < 0)
        goto fail;
    ASS_Style *style = &l->track->styles[l->style];
    style->Name = strdup("Default");
    style->FontName = strdup(FONT_NAME);
    style->Bold = 1;
    style->PrimaryColour = 0xffffff00; /* RGBA, alpha 0 is opaque */
    style->ScaleX = style->ScaleY = 1;
    style->BorderStyle = 1;
    style->OutlineColour = 0x00000000;
    style->Alignment = 5; /* top left, in libass's legacy numbers */
    if (style->Name && style->FontName)
        return l;
fail:
    letters_free(l);
    return NULL;
}

bool letters_add(struct letters *letters, const char *text, double font_px, double edge_px)
{
    int e = ass_alloc_event(letters->track);
    if (e < 0)
        return false;
    ASS_Event *event = &letters->track->events[e];
    event->Style = letters->style;
    event->ReadOrder = e;
    event->Duration = LLONG_MAX / 4;
    event->Text = strdup(text);
    letters->track->styles[letters->style].FontSize = font_px;
    letters->track->styles[letters->style].Outline = edge_px;
    return event->Text != NULL;
}

const ASS_Image *letters_draw(struct letters *letters)
{
    int change;
    return ass_render_frame(letters->renderer, letters->track, 0, &change);
}

/* A renderer for pictures of this size, the caller's alone until glyph_cache_release(). */
static int glyph_cache_acquire(struct letters **out, int width_px, int height_px, struct err *err)
{
    struct letters *l = *out = atomic_exchange(&idle, NULL);
    if (!l)
        l = *out = letters_new(width_px, height_px);
    if (!l)
        return err_nomem(err, "the overlay");
    if (l->track->PlayResX != width_px || l->track->PlayResY != height_px) {
        ass_set_storage_size(l->renderer, width_px, height_px);
        ass_set_frame_size(l->renderer, width_px, height_px);
        l->track->PlayResX = width_px;
        l->track->PlayResY = height_px;
    }
    return ERR_OK;
}

static void glyph_cache_release(struct letters **letters)
{
    if (!*letters)
        return;
    letters_free(atomic_exchange(&idle, *letters));
    *letters = NULL;
}

/* ---- the overlay ---- */

#define STRIP       0.08  /* of the picture's height, at the most, at size 1 */
#define SIZE_MAX_X  4     /* times */
#define EDGE_EM     0.07  /* around letters without a box */
#define BOX_ALPHA   168   /* of 255 */
#define LINE_EM     1.164 /* of this font: libass's font size is ascender + descender */
#define ADVANCE_EM  0.602 /* every character */

#define FONT_MIN_PX 8   /* below that letters are noise */
#define SMALL_STRIP 0.4 /* of the height of a picture in which they would be smaller */
#define COLUMNS_MIN 10  /* a date */
#define SHOWN_MAX   16

struct osd {
    int frame_w, frame_h; /* what a person sees */
    double size;          /* 1: what the strip allows */
    bool top, right, centre, box;
    int x, y, w, h;           /* the box */
    uint8_t *opacity, *light; /* of the box's pixels: what covers, and how much of it is white */
    char lines[OSD_LINES][OSD_LINE_ROOM];
    char shown[SHOWN_MAX][OSD_LINE_ROOM]; /* the same, broken where they must be */
    int n_shown;

    /* for osd_note() */
    double smallest; /* font in pixels; 0: large enough */
    bool cut;
    uint32_t lacking; /* a letter that the font has no shape for */
    FT_Library type;
    FT_Face face; /* to ask it */
};

int osd_new(struct osd **out, int width_px, int height_px, const struct convert_options *options,
            struct err *err)
{
    struct osd *o = *out = calloc(1, sizeof *o);
    if (!o)
        return err_nomem(err, "the overlay");
    o->frame_w = width_px;
    o->frame_h = height_px;
    o->top = strcmp(options->osd_position, "top-right") == 0;
    o->right = o->top || strcmp(options->osd_position, "bottom-right") == 0;
    o->centre = strcmp(options->osd_position, "centre") == 0; /* of a card */
    o->box = options->osd_box;
    o->size = options->osd_size > 0 ? fmin(options->osd_size, SIZE_MAX_X) : 1;
    return ERR_OK;
}

void osd_free(struct osd **osd)
{
    if (!osd || !*osd)
        return;
    if ((*osd)->type)
        FT_Done_FreeType((*osd)->type); /* and its face */
    free((*osd)->opacity);
    free((*osd)->light);
    free(*osd);
    *osd = NULL;
}

static int characters(const char *utf8)
{
    int n = 0;
    for (; *utf8; utf8++)
        n += ((unsigned char)*utf8 & 0xc0) != 0x80;
    return n;
}

static int lines_used(const struct osd *o)
{
    int n = OSD_LINES;
    while (n > 1 && !o->lines[n - 1][0])
        n--;
    return n;
}

static bool lacks(struct osd *o, uint32_t letter)
{
    if (!o->type && (FT_Init_FreeType(&o->type) != 0 ||
                     FT_New_Memory_Face(o->type, (const FT_Byte *)convert_font,
                                        (FT_Long)(convert_font_end - convert_font), 0, &o->face)))
        o->face = NULL;
    return o->face && FT_Get_Char_Index(o->face, letter) == 0;
}

static void look_for_lacking(struct osd *o)
{
    for (int i = 0; i < OSD_LINES && !o->lacking; i++)
        for (const char *p = o->lines[i]; *p && !o->lacking;) {
            uint32_t letter = 0;
            size_t n = (unsigned char)*p < 0x80 ? 1 : utf8_next(p, 4, &letter);
            if (letter > 0xff && lacks(o, letter))
                o->lacking = letter;
            p += n ? n : 1;
        }
}

/* A piece of text onto the last line or, where it has no room, onto a new one; false: there is no
 * line left. */
static bool add_piece(struct osd *o, const char *gap, const char *piece, size_t n, int columns,
                      int rows)
{
    char word[OSD_LINE_ROOM];
    snprintf(word, sizeof word, "%.*s", (int)n, piece);
    char *last = o->n_shown ? o->shown[o->n_shown - 1] : NULL;
    if (last && gap && characters(last) + characters(gap) + characters(word) <= columns) {
        size_t used = strlen(last);
        snprintf(last + used, OSD_LINE_ROOM - used, "%s%s", gap, word);
        return true;
    }
    if (o->n_shown == rows)
        return false;
    snprintf(o->shown[o->n_shown++], OSD_LINE_ROOM, "%s", word);
    return true;
}

/* Breaks the lines at spaces, and words that are longer than a line; what has no room is left out.
 */
static void break_lines(struct osd *o, int columns, int rows)
{
    o->n_shown = 0;
    if (columns < COLUMNS_MIN || rows < 1) {
        o->cut = true;
        return;
    }
    for (int i = 0; i < lines_used(o); i++) {
        const char *gap = NULL; /* a line begins anew */
        for (const char *p = o->lines[i]; *p;) {
            size_t n = 0;
            int have = 0;
            while (p[n] && p[n] != ' ' && have < columns) {
                uint32_t unused;
                size_t one = utf8_next(p + n, 4, &unused);
                n += one ? one : 1;
                have++;
            }
            if (n > 0 && !add_piece(o, gap, p, n, columns, rows)) {
                o->cut = true;
                return;
            }
            p += n;
            size_t spaces = strspn(p, " ");
            gap = spaces == 0 ? NULL : spaces == 1 ? " " : "  ";
            p += spaces;
        }
    }
}

/* Sizes the box and the font for the text: as high as the strip allows, unless the longest line
 * would be wider than the picture. One line is as large as each of two. Where that is too small to
 * read, lines are broken, in a higher strip. Returns the font size, and what is left around the
 * text. */
static double lay_out(struct osd *o, double *pad_px)
{
    int longest = 1, n = o->n_shown = lines_used(o);
    memcpy(o->shown, o->lines, sizeof o->lines);
    for (int i = 0; i < n; i++)
        longest = characters(o->lines[i]) > longest ? characters(o->lines[i]) : longest;
    double strip = fmin(floor(o->frame_h * STRIP * o->size), o->frame_h);
    double font = strip / ((n > 2 ? n : 2) + 0.35); /* a third of a line around them */
    double widest = (o->frame_w * LINE_EM) / (longest * ADVANCE_EM + LINE_EM);
    font = font < widest ? font : widest;
    if (font < FONT_MIN_PX && o->size >= 1) {
        double columns = (o->frame_w * LINE_EM / FONT_MIN_PX - LINE_EM) / ADVANCE_EM;
        double rows = o->frame_h * SMALL_STRIP / FONT_MIN_PX - 0.3;
        font = FONT_MIN_PX;
        break_lines(o, (int)columns, rows < 1 ? 0 : rows < SHOWN_MAX ? (int)rows : SHOWN_MAX);
        n = o->n_shown;
        longest = 1;
        for (int i = 0; i < n; i++)
            longest = characters(o->shown[i]) > longest ? characters(o->shown[i]) : longest;
        strip = o->frame_h;
    }
    if (font >= FONT_MIN_PX)
        font = floor(font); /* whole pixels are crisper */
    else
        o->smallest = o->smallest > 0 && o->smallest < font ? o->smallest : font;
    *pad_px = font * 0.15;
    double w = ceil(longest * ADVANCE_EM / LINE_EM * font + 4 * *pad_px);
    double h = ceil(n * font + 2 * *pad_px);
    o->w = w < o->frame_w ? (int)w : o->frame_w;
    o->h = h < strip ? (int)h : (int)strip;
    if (n == 0)
        o->w = o->h = 0;
    o->x = o->right ? o->frame_w - o->w : 0;
    o->y = o->top ? 0 : o->frame_h - o->h;
    if (o->centre) {
        o->x = (o->frame_w - o->w) / 2;
        o->y = (o->frame_h - o->h) / 2;
    }
    return font;
}

/* Appends a line so that libass sees text and no commands. It has no escape for a backslash. */
static void add_escaped(char *out, size_t room, const char *line)
{
    size_t used = strlen(out);
    for (; *line && used + 3 < room; line++) {
        if (*line == '{' || *line == '}')
            out[used++] = '\\';
        out[used++] = *line == '\\' ? '/' : *line;
    }
    out[used] = '\0';
}

/* Lines begin at the left of the box on the left side, and end at its right on the other. */
static char *ass_text(const struct osd *o, double pad_px)
{
    size_t room = SHOWN_MAX * 2 * OSD_LINE_ROOM + 64;
    char *text = malloc(room);
    if (!text)
        return NULL;
    double x = o->right ? o->x + o->w - 2 * pad_px : o->x + 2 * pad_px;
    snprintf(text, room, "{\\an%d\\pos(%.2f,%.2f)}", o->right ? 9 : 7, x, o->y + pad_px);
    for (int i = 0; i < o->n_shown; i++) {
        size_t used = strlen(text);
        snprintf(text + used, room - used, "%s%s", i ? "\\N" : "", o->shown[i][0] ? "" : "\\h");
        add_escaped(text, room, o->shown[i]);
    }
    return text;
}

static int draw_letters(struct osd *o, double font, double pad_px, struct err *err)
{
    struct letters *letters = NULL;
    const ASS_Image *image = NULL;
    char *text = ass_text(o, pad_px);
    if (!text)
        return err_nomem(err, "the overlay");
    int rc = glyph_cache_acquire(&letters, o->frame_w, o->frame_h, err);
    if (rc == ERR_OK) {
        ass_flush_events(letters->track);
        if (letters_add(letters, text, font, o->box ? 0 : font * EDGE_EM))
            image = letters_draw(letters);
        else
            rc = err_nomem(err, "the overlay");
    }
    for (; image; image = image->next) {
        /* White letters, or their dark edges, over the box: one bitmap of coverage each. */
        unsigned visible = 255 - (image->color & 0xff), white = image->color >> 24;
        for (int row = 0; row < image->h; row++) {
            int y = image->dst_y + row - o->y;
            if (y < 0 || y >= o->h)
                continue;
            for (int col = 0; col < image->w; col++) {
                int x = image->dst_x + col - o->x;
                if (x < 0 || x >= o->w)
                    continue;
                unsigned cover = image->bitmap[row * image->stride + col] * visible / 255;
                uint8_t *light = &o->light[y * o->w + x], *opacity = &o->opacity[y * o->w + x];
                *opacity = (uint8_t)(*opacity + (255u - *opacity) * cover / 255);
                *light = (uint8_t)((*light * (255u - cover) + white * cover) / 255);
            }
        }
    }
    glyph_cache_release(&letters);
    free(text);
    return rc;
}

int osd_set(struct osd *o, char lines[OSD_LINES][OSD_LINE_ROOM], struct err *err)
{
    bool same = o->opacity != NULL;
    for (int i = 0; i < OSD_LINES; i++)
        same = same && strcmp(o->lines[i], lines[i]) == 0;
    if (same)
        return ERR_OK;
    for (int i = 0; i < OSD_LINES; i++)
        memcpy(o->lines[i], lines[i], OSD_LINE_ROOM);
    look_for_lacking(o);
    double pad_px, font = lay_out(o, &pad_px);
    size_t area = (size_t)o->w * (size_t)o->h;
    free(o->opacity);
    free(o->light);
    o->opacity = malloc(area ? area : 1);
    o->light = calloc(area ? area : 1, 1);
    if (!o->opacity || !o->light)
        return err_nomem(err, "the overlay");
    memset(o->opacity, o->box ? BOX_ALPHA : 0, area);
    int rc = area ? draw_letters(o, font, pad_px, err) : ERR_OK;
    for (size_t i = 0; i < area; i++) /* what is light is covered, whatever was rounded */
        o->opacity[i] = o->opacity[i] > o->light[i] ? o->opacity[i] : o->light[i];
    return rc;
}

void osd_note(const struct osd *osd, char out[OSD_NOTE_ROOM])
{
    int n = 0;
    out[0] = '\0';
    if (osd->cut)
        n = snprintf(out, OSD_NOTE_ROOM, "the picture has no room for all of the overlay");
    else if (osd->smallest > 0)
        n = snprintf(out, OSD_NOTE_ROOM, "the letters of the overlay are only %.1f pixels high",
                     osd->smallest);
    if (osd->lacking)
        snprintf(out + n, OSD_NOTE_ROOM - (size_t)n,
                 "%sthe font of the overlay has no shape for U+%04X", n ? "; " : "",
                 (unsigned)osd->lacking);
}

void osd_warn(const struct osd *osd, struct media *m)
{
    char note[OSD_NOTE_ROOM];
    osd_note(osd, note);
    if (note[0] && !strstr(m->warning, note)) /* another copy has it, too */
        media_warn(m, "%s", note);
}

void osd_seen_to_stored(int orientation, int w, int h, int x, int y, int *sx, int *sy)
{
    int mx = w - 1 - x, my = h - 1 - y;
    const int at[9][2] = {{x, y}, {x, y},  {mx, y},  {mx, my}, {x, my},
                          {y, x}, {y, mx}, {my, mx}, {my, x}};
    *sx = at[orientation][0];
    *sy = at[orientation][1];
}

int osd_orient(struct osd *osd, int orientation, struct err *err)
{
    if (orientation <= 1 || orientation > 8 || osd->w == 0)
        return ERR_OK;
    int x0, y0, x1, y1, fw = osd->frame_w, fh = osd->frame_h;
    osd_seen_to_stored(orientation, fw, fh, osd->x, osd->y, &x0, &y0);
    osd_seen_to_stored(orientation, fw, fh, osd->x + osd->w - 1, osd->y + osd->h - 1, &x1, &y1);
    int left = x0 < x1 ? x0 : x1, top = y0 < y1 ? y0 : y1;
    int w = abs(x1 - x0) + 1, h = abs(y1 - y0) + 1;
    uint8_t *opacity = malloc((size_t)w * (size_t)h), *light = malloc((size_t)w * (size_t)h);
    if (!opacity || !light) {
        free(opacity);
        free(light);
        return err_nomem(err, "the overlay");
    }
    for (int y = 0; y < osd->h; y++)
        for (int x = 0; x < osd->w; x++) {
            int sx, sy, from = y * osd->w + x;
            osd_seen_to_stored(orientation, fw, fh, osd->x + x, osd->y + y, &sx, &sy);
            opacity[(sy - top) * w + sx - left] = osd->opacity[from];
            light[(sy - top) * w + sx - left] = osd->light[from];
        }
    free(osd->opacity);
    free(osd->light);
    osd->opacity = opacity;
    osd->light = light;
    osd->x = left, osd->y = top, osd->w = w, osd->h = h;
    return ERR_OK;
}

void osd_box(const struct osd *osd, int *x, int *y, int *w, int *h)
{
    *x = osd->x, *y = osd->y, *w = osd->w, *h = osd->h;
}

static void blend_chroma(const struct osd *o, const struct osd_planes *p)
{
    int left = o->x >> p->log2_chroma_w, top = o->y >> p->log2_chroma_h;
    int right = (o->x + o->w - 1) >> p->log2_chroma_w;
    int bottom = (o->y + o->h - 1) >> p->log2_chroma_h;
    for (int cy = top; cy <= bottom && cy << p->log2_chroma_h < p->height_px; cy++)
        for (int cx = left; cx <= right && cx << p->log2_chroma_w < p->width_px; cx++) {
            /* Mean opacity of the luma pixels under the chroma pixel (cx, cy); outside the box it
             * is 0. */
            int sum = 0, n = 0;
            for (int y = cy << p->log2_chroma_h; y < (cy + 1) << p->log2_chroma_h; y++)
                for (int x = cx << p->log2_chroma_w; x < (cx + 1) << p->log2_chroma_w; x++) {
                    if (x >= p->width_px || y >= p->height_px)
                        continue;
                    n++;
                    if (x >= o->x && x < o->x + o->w && y >= o->y && y < o->y + o->h)
                        sum += o->opacity[(y - o->y) * o->w + x - o->x];
                }
            int a = n ? sum / n : 0;
            for (int k = 1; k < 3; k++) {
                uint8_t *at = p->plane[k] + (ptrdiff_t)cy * p->stride[k] + cx;
                *at = (uint8_t)((*at * (255 - a) + 128 * a + 127) / 255);
            }
        }
}

void osd_blend(const struct osd *osd, const struct osd_planes *p)
{
    if (osd->w <= 0 || osd->h <= 0)
        return;
    const struct osd *o = osd;
    int black = p->full_range ? 0 : 16, white = p->full_range ? 255 : 235;
    int w = o->x + o->w <= p->width_px ? o->w : p->width_px - o->x;
    for (int row = 0; row < o->h && o->y + row < p->height_px; row++) {
        uint8_t *at = p->plane[0] + (ptrdiff_t)(o->y + row) * p->stride[0] + o->x;
        const uint8_t *a = o->opacity + row * o->w, *l = o->light + row * o->w;
        for (int i = 0; i < w; i++)
            at[i] = (uint8_t)((at[i] * (255 - a[i]) + l[i] * white + (a[i] - l[i]) * black + 127) /
                              255);
    }
    if (p->n == 3)
        blend_chroma(osd, p);
}

int osd_warm_up(struct err *err)
{
    static const struct convert_options usual = {.osd_box = true};
    char lines[OSD_LINES][OSD_LINE_ROOM] = {"0123456789-:.,+NSEW",
                                            "km/h UTC GMT still copy, viewing"};
    struct osd *osd = NULL;
    int rc = osd_new(&osd, 1280, 720, &usual, err);
    if (rc == ERR_OK)
        rc = osd_set(osd, lines, err);
    osd_free(&osd);
    return rc;
}
