/* Tiles of web maps. */
#include "outlines.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { UNITS = 1024 }; /* 4 a dot */

struct svg {
    struct buf *out;
    bool dark;
    int rc;
    struct err *err;
};

static void put(struct svg *s, const char *text)
{
    if (s->rc == ERR_OK)
        s->rc = buf_append(s->out, text, strlen(text), s->err);
}

static void put_spot(struct svg *s, char how, long x, long y)
{
    char text[64];
    snprintf(text, sizeof text, "%c%ld %ld", how, x, y);
    put(s, text);
}

static void svg_begin(void *arg, enum atlas_part part)
{
    struct svg *s = arg;
    put(s, part == ATLAS_LAND
               ? (s->dark ? "<path fill=\"#232a31\" d=\"" : "<path fill=\"#f4f2ec\" d=\"")
           : part == ATLAS_BORDER
               ? (s->dark ? "<path fill=\"none\" stroke=\"#55606c\" stroke-width=\"4\" "
                            "stroke-dasharray=\"16 8\" d=\""
                          : "<path fill=\"none\" stroke=\"#9aa3ad\" stroke-width=\"4\" "
                            "stroke-dasharray=\"16 8\" d=\"")
               : (s->dark ? "<path fill=\"none\" stroke=\"#6a7683\" stroke-width=\"4\" d=\""
                          : "<path fill=\"none\" stroke=\"#7b8a99\" stroke-width=\"4\" d=\""));
}

static void svg_move(void *arg, long x, long y)
{
    put_spot(arg, 'M', x, y);
}

static void svg_line(void *arg, long x, long y)
{
    put_spot(arg, 'L', x, y);
}

static void svg_shut(void *arg)
{
    put(arg, "Z");
}

static void svg_end(void *arg)
{
    put(arg, "\"/>");
}

/* The tile, and a little around it, so that no line is cut within sight. */
static struct atlas_view view_of(int z, int x, int y)
{
    static const double pi = 3.14159265358979323846;
    double n = (double)(1L << z), middle = pi * (1 - 2 * (y + 0.5) / n);
    return (struct atlas_view){.lon_deg = (x + 0.5) / n * 360 - 180,
                               .lat_deg = (2 * atan(exp(middle)) - pi / 2) * 180 / pi,
                               .x_per_deg = UNITS * n / 360,
                               .y_per_deg = UNITS * n / 360,
                               .width = UNITS,
                               .height = UNITS,
                               .least = z < 4 ? 6 : 2,
                               .mercator = true};
}

int atlas_tile(const struct atlas *a, int z, int x, int y, bool dark, struct buf *out,
               struct err *err)
{
    struct svg s = {.out = out, .dark = dark, .err = err};
    const struct atlas_pen pen = {svg_begin, svg_move, svg_line, svg_shut, svg_end, &s};
    if (z < 0 || z > ATLAS_ZOOM_MAX || x < 0 || y < 0 || x >= 1 << z || y >= 1 << z)
        return err_set(err, ERR_NOTFOUND, "there is no tile %d/%d/%d", z, x, y);
    struct atlas_view v = view_of(z, x, y);
    put(&s, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"256\" height=\"256\" "
            "viewBox=\"0 0 1024 1024\">");
    put(&s, dark ? "<rect width=\"1024\" height=\"1024\" fill=\"#151b22\"/>"
                 : "<rect width=\"1024\" height=\"1024\" fill=\"#d3dfe8\"/>");
    if (s.rc == ERR_OK)
        s.rc = atlas_draw_land(a, &v, &pen, NULL, err);
    atlas_draw_lines(a, &v, ATLAS_BORDER, &pen);
    atlas_draw_lines(a, &v, ATLAS_COAST, &pen);
    put(&s, "</svg>");
    return s.rc;
}
