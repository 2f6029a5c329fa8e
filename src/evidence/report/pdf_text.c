#define _GNU_SOURCE /* memfd_create */
#include "pdf_text.h"
#include "dashspool/fsx.h"
#include "dashspool/table.h"
#include "pdf_draw.h"
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of one paragraph; what a command or a note may be, and no book. */
#define TEXT_MAX   ((size_t)16 << 20)

/* So many bytes are laid out at once: pango takes time with the square of a paragraph's length. */
#define PART_BYTES 4096

/* So many texts are kept, each of so many bytes at most; some 10 MB. */
#define KEPT       4096
#define KEPT_BYTES 512

/* ---- fonts ---- */

extern const char report_sans[], report_sans_end[], report_bold[], report_bold_end[], report_mono[],
    report_mono_end[], report_cjk[], report_cjk_end[];

/* fontconfig and pango want a font as a file with a name. This one is in memory, and has the name
 * that the kernel gives to open files. */
static int add_font(FcConfig *config, const char *bytes, const char *end, struct err *err)
{
    char name[64];
    int fd = memfd_create("dashspool-font", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "a font in memory");
    int rc = fsx_write_all(fd, bytes, (size_t)(end - bytes), err);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    if (rc == ERR_OK && !FcConfigAppFontAddFile(config, (const FcChar8 *)name))
        rc = err_set(err, ERR_IO, "%s: the font cannot be read", name);
    if (rc < 0)
        close(fd);
    return rc;
}

/* An empty configuration, so that nothing of the machine or of its user's home is read, and nothing
 * is written there; then our fonts. As the process' current one it keeps pango, which asks for
 * that, from reading the machine's. */
static int make_config(FcConfig **out, struct err *err)
{
    const struct {
        const char *bytes, *end;
    } font[] = {{report_sans, report_sans_end},
                {report_bold, report_bold_end},
                {report_mono, report_mono_end},
                {report_cjk, report_cjk_end}};
    FcConfig *config = FcConfigCreate();
    if (!config)
        return err_nomem(err, "the fonts");
    FcConfigSetSysRoot(config, NULL); /* whatever the environment says */
    FcConfigSetRescanInterval(config, 0);
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof font / sizeof *font; i++)
        if (font[i].end > font[i].bytes)
            rc = add_font(config, font[i].bytes, font[i].end, err);
    if (rc == ERR_OK && !FcConfigSetCurrent(config))
        rc = err_nomem(err, "the fonts");
    if (rc < 0)
        FcConfigDestroy(config);
    else
        *out = config;
    return rc;
}

/* Made once, and kept. */
static int get_config(FcConfig **out, struct err *err)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static FcConfig *config;
    pthread_mutex_lock(&mutex);
    int rc = config ? ERR_OK : make_config(&config, err);
    *out = config;
    pthread_mutex_unlock(&mutex);
    return rc;
}

static PangoFontDescription *describe(const char *family, PangoWeight weight)
{
    PangoFontDescription *d = pango_font_description_new();
    pango_font_description_set_family(d, family);
    pango_font_description_set_weight(d, weight);
    return d;
}

#ifdef __SANITIZE_ADDRESS__
/* fontconfig has distances where others have pointers. The leak checker does not follow them, so
 * that what is kept for the process looks lost to it. The C library loses LOCPATH's parts itself.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so\nleak:argz_add_sep";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif

/* Without its file pango would draw boxes, and only warn. */
static bool can_be_drawn(PangoContext *context, const PangoFontDescription *face)
{
    PangoFont *font = pango_context_load_font(context, face);
    cairo_scaled_font_t *drawn =
        font ? pango_cairo_font_get_scaled_font((PangoCairoFont *)font) : NULL;
    bool ok = drawn && cairo_scaled_font_status(drawn) == CAIRO_STATUS_SUCCESS;
    if (font)
        g_object_unref(font);
    return ok;
}

int pdf_fonts_init(struct pdf_fonts *out, struct err *err)
{
    FcConfig *config;
    *out = (struct pdf_fonts){0};
    int rc = get_config(&config, err);
    if (rc < 0)
        return rc;
    PangoFontMap *map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    if (!map)
        return err_nomem(err, "the fonts");
    pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(map), config);
    out->context = pango_font_map_create_context(map);
    g_object_unref(map);
    /* lengths are those of the fonts, on paper and where pages are only counted */
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    pango_cairo_context_set_font_options(out->context, options);
    cairo_font_options_destroy(options);
    pango_context_set_round_glyph_positions(out->context, FALSE);
    /* Of a language that it does not know pango believes that it is written in any way; of one that
     * it knows it would ask the environment which other language a word is in. */
    pango_context_set_language(out->context, pango_language_from_string("xx"));
    pango_context_set_base_dir(out->context, PANGO_DIRECTION_LTR);
    out->face[PDF_SANS] = describe("DejaVu Sans", PANGO_WEIGHT_NORMAL);
    out->face[PDF_BOLD] = describe("DejaVu Sans", PANGO_WEIGHT_BOLD);
    out->face[PDF_MONO] = describe("DejaVu Sans Mono", PANGO_WEIGHT_NORMAL);
    out->kept = calloc(KEPT, sizeof(struct pdf_lines *));
    if (!out->kept)
        rc = err_nomem(err, "the fonts");
    for (size_t i = 0; rc == ERR_OK && i < PDF_FACES; i++)
        if (!can_be_drawn(out->context, out->face[i]))
            rc = err_set(err, ERR_IO, "a font of the program cannot be opened");
    return rc;
}

void pdf_fonts_clear(struct pdf_fonts *f)
{
    for (size_t i = 0; f->kept && i < KEPT; i++)
        pdf_lines_free(&f->kept[i]);
    free(f->kept);
    for (size_t i = 0; i < PDF_FACES; i++)
        pango_font_description_free(f->face[i]);
    if (f->context)
        g_object_unref(f->context);
    *f = (struct pdf_fonts){0};
}

/* ---- text that grows ---- */

struct span {
    size_t from; /* to the next one's */
    struct pdf_look look;
};

void pdf_text_init(struct pdf_text *t)
{
    buf_init(&t->bytes, TEXT_MAX);
    buf_init(&t->spans, SIZE_MAX / 2);
    buf_init(&t->links, TEXT_MAX);
    t->size = 0;
}

void pdf_text_clear(struct pdf_text *t)
{
    buf_clear(&t->bytes);
    buf_clear(&t->spans);
    buf_clear(&t->links);
}

static bool same_look(const struct pdf_look *a, const struct pdf_look *b)
{
    return a->face == b->face && a->colour == b->colour && a->size == b->size &&
           a->link == b->link && !a->swatch && !b->swatch;
}

static const struct span *spans_of(const struct buf *spans, size_t *n)
{
    *n = spans->used / sizeof(struct span);
    return (const struct span *)(const void *)spans->mem;
}

int pdf_text_add(struct pdf_text *t, const struct pdf_look *look, const void *bytes, size_t n,
                 struct err *err)
{
    size_t n_spans;
    const struct span *span = spans_of(&t->spans, &n_spans);
    if (n_spans == 0 || !same_look(&span[n_spans - 1].look, look)) {
        struct span s = {t->bytes.used, *look};
        int rc = buf_append(&t->spans, &s, sizeof s, err);
        if (rc < 0)
            return rc;
    }
    return buf_append(&t->bytes, bytes, n, err);
}

/* ---- lines ---- */

struct line {
    PangoLayoutLine *line; /* its layout's */
    size_t part;           /* where the layout's text begins */
};

struct pdf_lines {
    struct buf bytes, spans, links;
    struct buf layouts; /* PangoLayout *, owned */
    struct buf lines;
    double size;              /* of its largest letters */
    double width, least_size; /* as it was asked for */
    unsigned users;
};

static int to_pango(double points)
{
    return (int)(points * PANGO_SCALE + 0.5);
}

static double to_points(int pango)
{
    return (double)pango / PANGO_SCALE;
}

static void add_attribute(PangoAttrList *list, PangoAttribute *a, size_t from, size_t until)
{
    a->start_index = (guint)from;
    a->end_index = (guint)until;
    pango_attr_list_insert(list, a);
}

/* For the text [from, until): fonts, and the number of its span as a colour. That is drawn by
 * nobody, but pango makes no run of two colours, and so none of two looks. */
static PangoAttrList *attributes(const struct pdf_lines *l, const struct pdf_fonts *fonts,
                                 size_t from, size_t until)
{
    PangoAttrList *list = pango_attr_list_new();
    size_t n;
    const struct span *span = spans_of(&l->spans, &n);
    add_attribute(list, pango_attr_font_features_new("liga=0, clig=0"), 0, until - from);
    /* a hash that is broken is not to have hyphens in it when it is copied */
    add_attribute(list, pango_attr_insert_hyphens_new(FALSE), 0, until - from);
    for (size_t i = 0; i < n; i++) {
        size_t begin = span[i].from, end = i + 1 < n ? span[i + 1].from : l->bytes.used;
        if (end <= from || begin >= until)
            continue;
        begin = begin < from ? 0 : begin - from;
        end = (end > until ? until : end) - from;
        const struct pdf_look *look = &span[i].look;
        PangoFontDescription *d = pango_font_description_copy_static(fonts->face[look->face]);
        pango_font_description_set_absolute_size(d, look->size * PANGO_SCALE);
        add_attribute(list, pango_attr_font_desc_new(d), begin, end);
        pango_font_description_free(d);
        if (look->swatch) {
            PangoRectangle box = {.width = to_pango(look->size * 1.5)};
            add_attribute(list, pango_attr_shape_new(&box, &box), begin, end);
        }
        add_attribute(list, pango_attr_foreground_new(i >> 16 & 0xffff, i & 0xffff, 0), begin, end);
    }
    return list;
}

/* Lays out what begins at *from; *next: what is left begins there. */
static int add_part(struct pdf_lines *l, const struct pdf_fonts *fonts, double width, size_t from,
                    size_t *next, struct err *err)
{
    const char *text = (const char *)buf_data(&l->bytes);
    size_t until = l->bytes.used - from > PART_BYTES ? from + PART_BYTES : l->bytes.used;
    while (until < l->bytes.used && ((uint8_t)text[until] & 0xc0) == 0x80)
        until--;
    PangoLayout *layout = pango_layout_new(fonts->context);
    int rc = buf_append(&l->layouts, &layout, sizeof layout, err);
    if (rc < 0) {
        g_object_unref(layout);
        return rc;
    }
    PangoAttrList *list = attributes(l, fonts, from, until);
    pango_layout_set_auto_dir(layout, FALSE); /* from left to right, as the page is */
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_width(layout, width == PDF_ONE_LINE ? -1 : to_pango(width));
    pango_layout_set_attributes(layout, list);
    pango_attr_list_unref(list);
    pango_layout_set_text(layout, text + from, (int)(until - from));
    /* The last line of a part goes on in the next, and a new line at the end begins none. */
    bool goes_on = until < l->bytes.used && pango_layout_get_line_count(layout) > 1;
    bool empty_end = until > from && until == l->bytes.used && text[until - 1] == '\n';
    *next = until;
    for (GSList *at = pango_layout_get_lines(layout); rc == ERR_OK && at; at = at->next) {
        struct line line = {at->data, from};
        if (!at->next && goes_on)
            *next = from + (size_t)line.line->start_index;
        if (!at->next && (goes_on || empty_end))
            break;
        /* pango would draw a box with the number of the character in it, which is what would be
         * copied. The font's own box can be copied as what it stands for. */
        for (GSList *r = line.line->runs; r; r = r->next) {
            PangoGlyphItem *run = r->data;
            for (int i = 0; i < run->glyphs->num_glyphs; i++) {
                PangoGlyphInfo *g = &run->glyphs->glyphs[i];
                PangoRectangle box;
                if (!(g->glyph & PANGO_GLYPH_UNKNOWN_FLAG) || g->glyph == PANGO_GLYPH_EMPTY)
                    continue;
                pango_font_get_glyph_extents(run->item->analysis.font, 0, NULL, &box);
                g->glyph = 0;
                g->geometry = (PangoGlyphGeometry){.width = box.width};
            }
        }
        rc = buf_append(&l->lines, &line, sizeof line, err);
    }
    return rc;
}

static bool same_bytes(const struct buf *a, const struct buf *b)
{
    return a->used == b->used && (a->used == 0 || memcmp(a->mem, b->mem, a->used) == 0);
}

static bool is_of(const struct pdf_lines *l, const struct pdf_text *t, double width)
{
    size_t n, n_kept;
    const struct span *a = spans_of(&t->spans, &n), *b = spans_of(&l->spans, &n_kept);
    bool same = n == n_kept && l->width == width && l->least_size == t->size &&
                same_bytes(&l->bytes, &t->bytes) && same_bytes(&l->links, &t->links);
    for (size_t i = 0; same && i < n; i++)
        same = a[i].from == b[i].from && same_look(&a[i].look, &b[i].look);
    return same;
}

int pdf_lines_new(struct pdf_lines **out, const struct pdf_fonts *fonts, struct pdf_text *t,
                  double width, struct err *err)
{
    uint64_t hash =
        fnv_add(fnv_add(FNV_BEGIN, buf_data(&t->bytes), t->bytes.used), &width, sizeof width);
    struct pdf_lines **kept = &fonts->kept[(hash ^ hash >> 32) % KEPT], *l = *kept;
    if (l && is_of(l, t, width)) {
        pdf_text_clear(t);
        t->size = 0;
        l->users++;
        *out = l;
        return ERR_OK;
    }
    l = *out = calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err, "a text");
    int rc = buf_append(&t->bytes, "", 1, err); /* a NUL, for pdf_lines_text() */
    *l = (struct pdf_lines){t->bytes, t->spans, t->links, .size = t->size};
    l->width = width;
    l->least_size = t->size;
    l->users = 1;
    buf_init(&l->layouts, SIZE_MAX / 2);
    buf_init(&l->lines, SIZE_MAX / 2);
    pdf_text_init(t);
    size_t n, at = 0;
    const struct span *span = spans_of(&l->spans, &n);
    for (size_t i = 0; i < n; i++)
        l->size = span[i].look.size > l->size ? span[i].look.size : l->size;
    l->bytes.used -= rc == ERR_OK;
    do {
        if (rc == ERR_OK)
            rc = add_part(l, fonts, width, at, &at, err);
    } while (rc == ERR_OK && at < l->bytes.used);
    if (rc < 0) {
        pdf_lines_free(out);
    } else if (l->bytes.used <= KEPT_BYTES) {
        pdf_lines_free(kept);
        *kept = l;
        l->users++;
    }
    return rc;
}

void pdf_lines_free(struct pdf_lines **l)
{
    if (!*l)
        return;
    if (--(*l)->users > 0) {
        *l = NULL;
        return;
    }
    PangoLayout **layout = (PangoLayout **)(void *)(*l)->layouts.mem;
    for (size_t i = 0; i < (*l)->layouts.used / sizeof *layout; i++)
        g_object_unref(layout[i]);
    buf_clear(&(*l)->bytes);
    buf_clear(&(*l)->spans);
    buf_clear(&(*l)->links);
    buf_clear(&(*l)->layouts);
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
    return l->lines.used / sizeof(struct line);
}

double pdf_lines_pitch(const struct pdf_lines *l)
{
    return l->size * 1.36;
}

double pdf_lines_rise(const struct pdf_lines *l)
{
    return l->size * 1.03;
}

static const struct line *line_of(const struct pdf_lines *l, size_t i)
{
    return (const struct line *)(const void *)l->lines.mem + i;
}

double pdf_lines_width(const struct pdf_lines *l, size_t i)
{
    int width = 0;
    for (GSList *r = line_of(l, i)->line->runs; r; r = r->next)
        width += pango_glyph_string_get_width(((PangoGlyphItem *)r->data)->glyphs);
    return to_points(width);
}

void pdf_lines_draw(const struct pdf_lines *l, cairo_t *cr, size_t i, double x, double y)
{
    static const double rgb[][3] = {[PDF_INK] = {0.07, 0.08, 0.1},
                                    [PDF_SOFT] = {0.3, 0.33, 0.37},
                                    [PDF_RED] = {0.58, 0.08, 0.08},
                                    [PDF_BLUE] = {0.1, 0.31, 0.55}};
    const struct line *line = line_of(l, i);
    uint32_t link = 0;
    for (GSList *r = line->line->runs; r; r = r->next) {
        PangoGlyphItem *run = r->data;
        size_t byte = line->part + (size_t)run->item->offset;
        size_t n, low = 0;
        const struct span *span = spans_of(&l->spans, &n);
        for (size_t high = n; high - low > 1;) {
            size_t middle = low + (high - low) / 2;
            if (span[middle].from <= byte)
                low = middle;
            else
                high = middle;
        }
        const struct pdf_look *look = &span[low].look;
        const double *c = rgb[look->colour];
        if (link && link != look->link)
            cairo_tag_end(cr, CAIRO_TAG_LINK);
        if (look->link && link != look->link)
            cairo_tag_begin(cr, CAIRO_TAG_LINK, (const char *)buf_data(&l->links) + look->link - 1);
        link = look->link;
        if (look->swatch)
            pdf_ink_swatch(cr, look->ink, x, y - look->size * 0.72, look->size * 1.1,
                           look->size * 0.72);
        else {
            cairo_set_source_rgb(cr, c[0], c[1], c[2]);
            cairo_move_to(cr, x, y);
            pango_cairo_show_glyph_item(cr, pdf_lines_text(l) + line->part, run);
        }
        x += to_points(pango_glyph_string_get_width(run->glyphs));
    }
    if (link)
        cairo_tag_end(cr, CAIRO_TAG_LINK);
    cairo_new_path(cr); /* without the point that text began at */
}

/* ---- commands ---- */

#define CARRIED "    "

/* Where a line may be carried on: the last space in text[0, n) that no quotes are around and that
 * has no more than `letters` before it; without one, the first that has more; n: nowhere. */
static size_t fold_at(const char *text, size_t n, size_t letters)
{
    char quote = 0;
    size_t seen = 0, at = n, first = strspn(text, " ");
    for (size_t i = 0; i < n && (seen <= letters || at == n); i++) {
        char c = text[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == ' ' && i > first)
            at = i;
        seen += ((uint8_t)c & 0xc0) != 0x80;
    }
    return at;
}

static size_t letters_of(const char *text, size_t n)
{
    size_t seen = 0;
    for (size_t i = 0; i < n; i++)
        seen += ((uint8_t)text[i] & 0xc0) != 0x80;
    return seen;
}

static int fold_line(struct buf *out, const char *text, size_t n, size_t letters, struct err *err)
{
    int rc = ERR_OK;
    size_t room = letters;
    while (rc == ERR_OK && letters_of(text, n) > room) {
        size_t at = fold_at(text, n, room - 2);
        if (at == n)
            break;
        rc = buf_append(out, text, at, err);
        if (rc == ERR_OK)
            rc = buf_append(out, " \\\n" CARRIED, 3 + strlen(CARRIED), err);
        text += at + 1;
        n -= at + 1;
        room = letters - strlen(CARRIED);
    }
    return rc < 0 ? rc : buf_append(out, text, n, err);
}

int pdf_fold_command(struct buf *out, const char *text, size_t n, size_t letters, struct err *err)
{
    int rc = ERR_OK;
    while (rc == ERR_OK && n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t line = end ? (size_t)(end - text) : n;
        rc = fold_line(out, text, line, letters, err);
        if (rc == ERR_OK && end)
            rc = buf_append(out, "\n", 1, err);
        text += line + (end != NULL);
        n -= line + (end != NULL);
    }
    return rc;
}
