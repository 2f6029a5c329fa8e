#include "svg.h"

static const char *const classes[DRAW_INKS] = {
    [DRAW_SEA] = "sea",         [DRAW_LAND] = "land",       [DRAW_BORDER] = "border",
    [DRAW_COAST] = "coast",     [DRAW_GRID] = "grid",       [DRAW_GRID_WORD] = "grid-word",
    [DRAW_NAME] = "name",       [DRAW_SCALE] = "scale",     [DRAW_SCALE_WORD] = "scale-word",
    [DRAW_MARK] = "mark",       [DRAW_WINDOW] = "window",   [DRAW_GOOD] = "good",
    [DRAW_SOUND] = "sound",     [DRAW_DAMAGED] = "damaged", [DRAW_MISSING] = "missing",
    [DRAW_SILENCE] = "silence", [DRAW_TICK] = "tick",       [DRAW_TRIGGER] = "trigger",
    [DRAW_WORD] = "word",
};

const char *svg_class(enum draw_ink ink)
{
    return classes[ink];
}

void svg_patterns(struct html *h)
{
    html_raw(h, "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
                "<pattern id=\"hatch\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\"><rect class=\"hatch-a\" width=\"12\" "
                "height=\"12\"/><rect class=\"hatch-b\" width=\"6\" height=\"12\"/></pattern>"
                "</defs></svg>\n");
}

static struct svg *svg_of(struct draw *d)
{
    return (struct svg *)d;
}

static void path(struct draw *d, enum draw_ink ink)
{
    html_rawf(svg_of(d)->h, "<path class=\"%s\" d=\"", classes[ink]);
}

static void move(struct draw *d, long x, long y)
{
    struct svg *s = svg_of(d);
    html_rawf(s->h, "M%ld %ldl", x, y);
    s->x = x;
    s->y = y;
}

static void line(struct draw *d, long x, long y)
{
    struct svg *s = svg_of(d);
    html_rawf(s->h, "%ld %ld ", x - s->x, y - s->y);
    s->x = x;
    s->y = y;
}

static void shut(struct draw *d)
{
    html_raw(svg_of(d)->h, "z");
}

static void path_end(struct draw *d)
{
    html_raw(svg_of(d)->h, "\"/>\n");
}

static void rect(struct draw *d, enum draw_ink ink, long x, long y, long width, long height)
{
    html_rawf(svg_of(d)->h,
              "<rect class=\"%s\" x=\"%ld\" y=\"%ld\" width=\"%ld\" height=\"%ld\"/>\n",
              classes[ink], x, y, width, height);
}

static void circle(struct draw *d, enum draw_ink ink, long x, long y, long radius)
{
    html_rawf(svg_of(d)->h, "<circle class=\"%s\" cx=\"%ld\" cy=\"%ld\" r=\"%ld\"/>\n",
              classes[ink], x, y, radius);
}

static void text(struct draw *d, enum draw_ink ink, enum draw_anchor anchor, long x, long y,
                 const char *words)
{
    static const char *const place[] = {"start", "middle", "end"};
    struct html *h = svg_of(d)->h;
    html_rawf(h, "<text class=\"%s\" x=\"%ld\" y=\"%ld\" text-anchor=\"%s\">", classes[ink], x, y,
              place[anchor]);
    html_text(h, words, false);
    html_raw(h, "</text>\n");
}

struct draw *svg_begin(struct html *h, enum draw_what kind, int width, int height, const char *what)
{
    static const struct draw_ops ops = {path, move, line, shut, path_end, rect, circle, text};
    static const char *const class[] = {"map near", "map far", "bar"};
    html_rawf(h, "<svg class=\"%s\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", class[kind],
              width, height);
    html_text(h, what, false);
    html_raw(h, "\">\n");
    *h->svg = (struct svg){{&ops}, h, 0, 0};
    return &h->svg->draw;
}

void svg_end(struct html *h)
{
    html_raw(h, "</svg>\n");
}
