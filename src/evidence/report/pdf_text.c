#include "pdf_text.h"
#include "pdf_lines.h"
#include <fribidi.h>
#include <stdlib.h>
#include <string.h>

/* A word longer than this (bytes) may be broken anywhere, so that a line is found in bounded time.
 */
#define WORD_MAX 256

/* Of one paragraph; what a command or a note may be, and no book. */
#define TEXT_MAX ((size_t)16 << 20)

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

static struct span *spans_of(const struct pdf_text *t, size_t *n)
{
    *n = t->spans.used / sizeof(struct span);
    return (struct span *)(void *)t->spans.mem;
}

int pdf_text_add(struct pdf_text *t, const struct pdf_look *look, const void *bytes, size_t n,
                 struct err *err)
{
    size_t n_spans;
    const struct span *span = spans_of(t, &n_spans);
    if (n_spans == 0 || !same_look(&span[n_spans - 1].look, look)) {
        struct span s = {t->bytes.used, *look};
        int rc = buf_append(&t->spans, &s, sizeof s, err);
        if (rc < 0)
            return rc;
    }
    return buf_append(&t->bytes, bytes, n, err);
}

/* A text that is being broken. */
struct work {
    const struct pdf_fonts *fonts;
    struct err *err;
    struct pdf_lines *l;
    const char *text;
    size_t n;
    const struct span *span;
    size_t n_spans;
    FriBidiLevel *level; /* of each byte; NULL: all from left to right */
    double width;        /* that there is */
    size_t span_at;      /* of the last piece */
    size_t first;        /* piece of the line that grows */
    double x;            /* so far in it, with spaces at its end */
};

static size_t char_bytes(const char *p)
{
    uint8_t b = (uint8_t)*p;
    return b < 0x80 ? 1 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}

static uint32_t char_at(const char *p)
{
    size_t n = char_bytes(p);
    uint32_t v = n == 1 ? (uint8_t)*p : (uint8_t)*p & (0x7fU >> n);
    for (size_t i = 1; i < n; i++)
        v = v << 6 | ((uint8_t)p[i] & 0x3fU);
    return v;
}

/* Of a writing without spaces, where a line may end behind each character. */
static bool ideograph(uint32_t v)
{
    return (v >= 0x2e80 && v < 0xa4d0) || (v >= 0xac00 && v < 0xd7a4) ||
           (v >= 0xf900 && v < 0xfb00) || (v >= 0x20000 && v < 0x30000);
}

/* The end of the word at `at`, with the spaces behind it; *spaces: where those begin. */
static size_t word_end(const struct work *w, size_t at, size_t *spaces)
{
    size_t end = at;
    while (end < w->n && w->text[end] != ' ' && w->text[end] != '\n' && end - at < WORD_MAX) {
        bool alone = ideograph(char_at(w->text + end));
        if (alone && end > at)
            break;
        end += char_bytes(w->text + end);
        if (alone)
            break;
    }
    *spaces = end;
    while (end < w->n && w->text[end] == ' ')
        end++;
    return end;
}

/* The directions, where any character is not written from left to right. */
static int find_levels(struct work *w)
{
    bool right = false;
    size_t chars = 0;
    for (size_t i = 0; i < w->n; i += char_bytes(w->text + i), chars++)
        right |= char_at(w->text + i) >= 0x590;
    if (!right)
        return ERR_OK;
    FriBidiChar *c = malloc(chars * sizeof *c);
    FriBidiCharType *type = malloc(chars * sizeof *type);
    FriBidiBracketType *bracket = malloc(chars * sizeof *bracket);
    FriBidiLevel *level = malloc(chars * sizeof *level);
    FriBidiParType base = FRIBIDI_PAR_LTR;
    w->level = malloc(w->n);
    bool ok = c && type && bracket && level && w->level;
    for (size_t i = 0, k = 0; ok && i < w->n; i += char_bytes(w->text + i))
        c[k++] = char_at(w->text + i);
    if (ok) {
        fribidi_get_bidi_types(c, (FriBidiStrIndex)chars, type);
        fribidi_get_bracket_types(c, (FriBidiStrIndex)chars, type, bracket);
        ok = fribidi_get_par_embedding_levels_ex(type, bracket, (FriBidiStrIndex)chars, &base,
                                                 level) != 0;
    }
    for (size_t i = 0, k = 0; ok && i < w->n; k++)
        for (size_t b = char_bytes(w->text + i); b > 0; b--)
            w->level[i++] = level[k];
    free(c);
    free(type);
    free(bracket);
    free(level);
    return ok ? ERR_OK : err_set(w->err, ERR_NOMEM, "no memory for a line of text");
}

static int shape(struct work *w, struct pdf_piece *p)
{
    static const hb_feature_t plain[] = {{HB_TAG('l', 'i', 'g', 'a'), 0, 0, (unsigned)-1}};
    hb_buffer_t *b = w->fonts->buffer;
    hb_font_t *font = w->fonts->of[p->look.face].shaper;
    double scale = p->look.size / w->fonts->of[p->look.face].units;
    hb_buffer_reset(b);
    hb_buffer_add_utf8(b, w->text, (int)w->n, (unsigned)p->from, (int)p->n);
    hb_buffer_set_direction(b, p->level & 1 ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
    hb_buffer_set_language(b, hb_language_from_string("en", 2)); /* not the machine's */
    hb_buffer_guess_segment_properties(b);
    hb_shape(font, b, plain, 1);
    unsigned n = 0;
    const hb_glyph_info_t *info = hb_buffer_get_glyph_infos(b, &n);
    const hb_glyph_position_t *at = hb_buffer_get_glyph_positions(b, &n);
    if (!hb_buffer_allocation_successful(b))
        return err_set(w->err, ERR_NOMEM, "no memory for a line of text");
    p->glyph = w->l->glyphs.used / sizeof(struct pdf_glyph);
    p->n_glyphs = n;
    p->width = 0;
    for (unsigned i = 0; i < n; i++) {
        struct pdf_glyph g = {info[i].codepoint, info[i].cluster, at[i].x_advance * scale,
                              at[i].x_offset * scale, at[i].y_offset * scale};
        int rc = buf_append(&w->l->glyphs, &g, sizeof g, w->err);
        if (rc < 0)
            return rc;
        p->width += g.advance;
    }
    return ERR_OK;
}

/* The piece at `at`, which ends where look or direction change, or at `end`. */
static int add_piece(struct work *w, size_t at, size_t end, size_t *next)
{
    while (w->span_at + 1 < w->n_spans && w->span[w->span_at + 1].from <= at)
        w->span_at++;
    while (w->span_at > 0 && w->span[w->span_at].from > at)
        w->span_at--;
    if (w->span_at + 1 < w->n_spans && w->span[w->span_at + 1].from < end)
        end = w->span[w->span_at + 1].from;
    struct pdf_piece p = {.from = at, .look = w->span[w->span_at].look};
    p.level = w->level ? w->level[at] : 0;
    while (at < end && (!w->level || w->level[at] == p.level))
        at++;
    p.n = at - p.from;
    *next = at;
    int rc = ERR_OK;
    if (p.look.swatch)
        p.width = p.look.size * 1.5;
    else
        rc = shape(w, &p);
    return rc < 0 ? rc : buf_append(&w->l->pieces, &p, sizeof p, w->err);
}

/* Pieces of a stretch of text, behind those that are there; *width: of all of them. */
static int add_pieces(struct work *w, size_t from, size_t end, double *width)
{
    size_t first = pdf_pieces_count(w->l);
    int rc = ERR_OK;
    while (rc == ERR_OK && from < end)
        rc = add_piece(w, from, end, &from);
    *width = 0;
    for (size_t i = first; i < pdf_pieces_count(w->l); i++)
        *width += pdf_pieces(w->l)[i].width;
    return rc;
}

static void drop_pieces(struct work *w, size_t pieces, size_t glyph_bytes)
{
    w->l->pieces.used = pieces * sizeof(struct pdf_piece);
    w->l->glyphs.used = glyph_bytes;
}

/* Rule L2 of UAX #9 on the pieces of a line. */
static void reorder(struct pdf_piece *p, size_t n)
{
    int most = 0;
    for (size_t i = 0; i < n; i++)
        most = p[i].level > most ? p[i].level : most;
    for (int level = most; level > 0; level--)
        for (size_t i = 0; i < n; i++) {
            size_t end = i;
            while (end < n && p[end].level >= level)
                end++;
            for (size_t a = i, b = end; a + 1 < b; a++, b--) {
                struct pdf_piece swap = p[a];
                p[a] = p[b - 1];
                p[b - 1] = swap;
            }
            i = end > i ? end - 1 : i;
        }
}

static int end_line(struct work *w)
{
    struct pdf_line line = {w->first, pdf_pieces_count(w->l) - w->first, w->x};
    reorder(pdf_pieces(w->l) + line.piece, line.n);
    w->first = pdf_pieces_count(w->l);
    w->x = 0;
    return buf_append(&w->l->lines, &line, sizeof line, w->err);
}

/* How much of the word, whose pieces begin at `first`, fits into `room`: at least a character. */
static size_t fitting(const struct work *w, size_t first, size_t from, size_t end, double room)
{
    double x = 0;
    size_t cut = from;
    for (size_t i = first; i < pdf_pieces_count(w->l); i++) {
        const struct pdf_piece *p = &pdf_pieces(w->l)[i];
        const struct pdf_glyph *g = pdf_glyphs(w->l) + p->glyph;
        for (unsigned k = 0; k < p->n_glyphs; k++) {
            const struct pdf_glyph *at = &g[p->level & 1 ? p->n_glyphs - 1 - k : k];
            if (at->cluster > cut && x <= room)
                cut = at->cluster;
            x += at->advance;
        }
        if (x <= room)
            cut = p->from + p->n;
    }
    return cut > from                                ? cut
           : from + char_bytes(w->text + from) < end ? from + char_bytes(w->text + from)
                                                     : end;
}

/* Puts a word on the line, or on the next, or a part of it where it is too long for any. */
static int put_word(struct work *w, size_t *at)
{
    size_t spaces, end = word_end(w, *at, &spaces), pieces = pdf_pieces_count(w->l);
    size_t glyph_bytes = w->l->glyphs.used;
    double word = 0, gap = 0;
    int rc = add_pieces(w, *at, spaces, &word);
    if (rc == ERR_OK && w->x + word > w->width && pieces > w->first &&
        (word <= w->width || w->x > w->width / 2)) {
        drop_pieces(w, pieces, glyph_bytes);
        return end_line(w);
    }
    if (rc == ERR_OK && w->x + word > w->width && spaces - *at > char_bytes(w->text + *at)) {
        size_t cut = fitting(w, pieces, *at, spaces, w->width - w->x);
        drop_pieces(w, pieces, glyph_bytes);
        rc = add_pieces(w, *at, cut, &word);
        *at = cut;
        w->x += word;
        return rc < 0 ? rc : cut < spaces ? end_line(w) : ERR_OK;
    }
    if (rc == ERR_OK)
        rc = add_pieces(w, spaces, end, &gap);
    w->x += word + gap;
    *at = end;
    return rc;
}

static int break_lines(struct work *w)
{
    int rc = find_levels(w);
    for (size_t at = 0; rc == ERR_OK && at < w->n;) {
        if (w->text[at] == '\n') {
            rc = end_line(w);
            at++;
        } else
            rc = put_word(w, &at);
    }
    if (rc == ERR_OK && (w->first < pdf_pieces_count(w->l) || w->l->lines.used == 0))
        rc = end_line(w);
    free(w->level);
    return rc;
}

int pdf_lines_new(struct pdf_lines **out, const struct pdf_fonts *fonts, struct pdf_text *t,
                  double width, struct err *err)
{
    struct pdf_lines *l = *out = calloc(1, sizeof *l);
    if (!l)
        return err_set(err, ERR_NOMEM, "no memory for a text");
    struct work w = {.fonts = fonts, .err = err, .l = l, .n = t->bytes.used, .width = width};
    w.span = spans_of(t, &w.n_spans);
    l->size = t->size;
    for (size_t i = 0; i < w.n_spans; i++)
        l->size = w.span[i].look.size > l->size ? w.span[i].look.size : l->size;
    int rc = buf_append(&t->bytes, "", 1, err); /* a NUL, for pdf_lines_text() */
    l->bytes = t->bytes;
    l->links = t->links;
    w.text = (const char *)buf_data(&l->bytes);
    buf_init(&l->glyphs, SIZE_MAX / 2);
    buf_init(&l->pieces, SIZE_MAX / 2);
    buf_init(&l->lines, SIZE_MAX / 2);
    if (rc == ERR_OK)
        rc = break_lines(&w);
    buf_clear(&t->spans);
    pdf_text_init(t);
    if (rc < 0)
        pdf_lines_free(out);
    return rc;
}
