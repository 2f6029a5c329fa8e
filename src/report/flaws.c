/* What is wrong with a recording: a bar of time, and the same as a list in words. */
#include "page.h"
#include "words.h"
#include <stdio.h>

/* The bar, in units of the drawing. */
#define BAR_LEFT  20
#define BAR_WIDTH 960
#define BAR_LEAST 8 /* what is shorter is drawn this wide, so that it can be seen */

static const struct {
    const char *class, *word;
} flaw[] = {
    [REPORT_DAMAGED] = {"damaged", "Damaged"},
    [REPORT_MISSING] = {"missing", "Missing"},
    [REPORT_SILENCE] = {"silence", "No sound"},
};

const char *flaws_word(const struct report_clip *clip)
{
    if (clip->arrival.partial)
        return "Not complete";
    if (!clip->examined)
        return "Not examined";
    bool seen[3] = {false};
    for (size_t i = 0; i < clip->n_stretches; i++)
        seen[clip->stretch[i].flaw] = true;
    if (seen[REPORT_DAMAGED])
        return "Damaged in places";
    if (seen[REPORT_MISSING])
        return "Pictures missing";
    return seen[REPORT_SILENCE] ? "Silent in places" : "Nothing wrong found";
}

void flaws_patterns(struct html *h)
{
    html_raw(h, "<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>"
                "<pattern id=\"hatch\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\" "
                "patternTransform=\"rotate(45)\"><rect class=\"hatch-a\" width=\"12\" "
                "height=\"12\"/><rect class=\"hatch-b\" width=\"6\" height=\"12\"/></pattern>"
                "</defs></svg>\n");
}

/* Where a time is on the bar; times beyond the film are at its ends. */
static int place(const struct report_clip *clip, int64_t us)
{
    if (us <= 0)
        return BAR_LEFT;
    if (us >= clip->duration_us)
        return BAR_LEFT + BAR_WIDTH;
    return BAR_LEFT + (int)((double)us / (double)clip->duration_us * BAR_WIDTH);
}

static void draw_stretch(struct html *h, const struct report_clip *clip,
                         const struct report_stretch *s)
{
    int from = place(clip, s->from_us), until = place(clip, s->until_us);
    int width = until - from < BAR_LEAST ? BAR_LEAST : until - from;
    if (from + width > BAR_LEFT + BAR_WIDTH)
        from = BAR_LEFT + BAR_WIDTH - width;
    bool sound = s->flaw == REPORT_SILENCE;
    html_rawf(h, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n",
              flaw[s->flaw].class, from, sound ? 116 : 50, width, sound ? 22 : 60);
}

static void draw_mark(struct html *h, int x, const char *anchor, const char *text)
{
    html_rawf(h, "<path class=\"tick\" d=\"M%d 140v10\"/><text x=\"%d\" y=\"180\" %s>", x, x,
              anchor);
    html_text(h, text);
    html_raw(h, "</text>\n");
}

static void draw_trigger(struct html *h, const struct report_clip *clip)
{
    if (!clip->has_trigger_time || clip->trigger_offset_us < 0 ||
        clip->trigger_offset_us > clip->duration_us)
        return;
    int x = place(clip, clip->trigger_offset_us);
    html_rawf(h, "<path class=\"trigger\" d=\"M%d 40v104M%d 24h24l-12 18z\"/>", x, x - 12);
    bool right = x > BAR_LEFT + BAR_WIDTH / 2;
    html_rawf(h, "<text x=\"%d\" y=\"36\" text-anchor=\"%s\">", right ? x - 20 : x + 20,
              right ? "end" : "start");
    html_text(h, html_empty(clip->trigger) ? "trigger" : clip->trigger);
    html_raw(h, "</text>\n");
}

static void draw(struct html *h, const struct report_clip *clip)
{
    char text[WORDS_ROOM];
    html_raw(h, "<svg class=\"bar\" viewBox=\"0 0 1000 190\" role=\"img\" aria-label=\"Time line "
                "of the film; the list below says the same in words\">\n");
    html_rawf(h, "<rect class=\"good\" x=\"%d\" y=\"50\" width=\"%d\" height=\"60\"/>\n", BAR_LEFT,
              BAR_WIDTH);
    if (clip->has_sound)
        html_rawf(h, "<rect class=\"sound\" x=\"%d\" y=\"116\" width=\"%d\" height=\"22\"/>\n",
                  BAR_LEFT, BAR_WIDTH);
    for (size_t i = 0; i < clip->n_stretches; i++)
        draw_stretch(h, clip, &clip->stretch[i]);
    draw_trigger(h, clip);
    words_offset(0, text);
    draw_mark(h, BAR_LEFT, "text-anchor=\"start\"", text);
    words_offset(clip->duration_us / 2, text);
    draw_mark(h, BAR_LEFT + BAR_WIDTH / 2, "text-anchor=\"middle\"", text);
    words_offset(clip->duration_us, text);
    draw_mark(h, BAR_LEFT + BAR_WIDTH, "text-anchor=\"end\"", text);
    html_raw(h, "</svg>\n");
}

static void key(struct html *h, const struct report_clip *clip)
{
    bool seen[3] = {false};
    for (size_t i = 0; i < clip->n_stretches; i++)
        seen[clip->stretch[i].flaw] = true;
    html_raw(h, "<p class=\"key\" aria-hidden=\"true\"><span class=\"good\"></span> pictures ");
    if (clip->has_sound)
        html_raw(h, "<span class=\"sound\"></span> sound ");
    for (size_t i = 0; i < 3; i++)
        if (seen[i])
            html_rawf(h, "<span class=\"%s\"></span> %s ", flaw[i].class,
                      i == REPORT_DAMAGED   ? "damaged"
                      : i == REPORT_MISSING ? "missing"
                                            : "no sound");
    html_raw(h, "</p>\n");
}

static void in_words(struct html *h, const struct report_clip *clip, const struct report_stretch *s)
{
    char from[WORDS_ROOM], length[WORDS_ROOM];
    html_rawf(h, "<li><strong>%s</strong>", flaw[s->flaw].word);
    if (clip->kind == REPORT_VIDEO) {
        words_offset(s->from_us, from);
        words_length(words_between(s->from_us, s->until_us), length);
        html_textf(h, " from %s", from);
        if (s->until_us > s->from_us)
            html_textf(h, ", for %s", length);
    }
    if (s->pictures > 0)
        html_rawf(h, s->pictures == 1 ? ", one picture" : ", %lld pictures",
                  (long long)s->pictures);
    if (!html_empty(s->why)) {
        html_raw(h, ": ");
        html_text(h, s->why);
    }
    html_raw(h, "</li>\n");
}

void flaws_show(struct html *h, const struct report_clip *clip)
{
    html_raw(h, "<h4>Damage and gaps</h4>\n");
    if (clip->kind == REPORT_VIDEO && clip->duration_us > 0 && clip->examined) {
        draw(h, clip);
        key(h, clip);
    }
    if (!clip->examined)
        html_raw(h, "<p>Nobody looked for damage. That none is listed means nothing.</p>\n");
    else if (clip->n_stretches == 0)
        html_raw(h, "<p>Nothing wrong was found.</p>\n");
    if (clip->n_stretches) {
        html_raw(h, "<ul>\n");
        for (size_t i = 0; i < clip->n_stretches; i++)
            in_words(h, clip, &clip->stretch[i]);
        html_raw(h, "</ul>\n");
    }
    if (!html_empty(clip->examined_why)) {
        html_raw(h, "<p class=\"soft\">");
        html_text(h, clip->examined_why);
        html_raw(h, "</p>\n");
    }
}
