/* What is wrong with a recording: a bar of time, and the same as a list in words. */
#include "format.h"
#include "page.h"

/* The bar, in units of the drawing. */
#define BAR_LEFT  20
#define BAR_WIDTH 960
#define BAR_LEAST 8 /* what is shorter is drawn this wide, so that it can be seen */

static const struct {
    enum draw_ink ink;
    const char *word, *in_key;
} flaw[] = {
    [REPORT_DAMAGED] = {DRAW_DAMAGED, "Damaged", "damaged"},
    [REPORT_MISSING] = {DRAW_MISSING, "Missing", "missing"},
    [REPORT_SILENCE] = {DRAW_SILENCE, "No sound", "no sound"},
    [REPORT_CUT] = {DRAW_MISSING, "Ends early", "ends early"},
};

const char *condition_label(const struct report_clip *clip)
{
    if (clip->arrival.partial)
        return "Incomplete";
    if (!clip->examined)
        return "Not examined";
    bool seen[REPORT_N_FLAWS] = {false};
    for (size_t i = 0; i < clip->n_stretches; i++)
        seen[clip->stretch[i].flaw] = true;
    if (seen[REPORT_DAMAGED])
        return "Partly damaged";
    if (seen[REPORT_MISSING])
        return "Frames missing";
    if (seen[REPORT_CUT])
        return "Ends early";
    return seen[REPORT_SILENCE] ? "Sound gaps" : "No damage found";
}

/* Where a time is on the bar; times beyond the video are at its ends. */
static int place(const struct report_clip *clip, int64_t us)
{
    if (us <= 0)
        return BAR_LEFT;
    if (us >= clip->duration_us)
        return BAR_LEFT + BAR_WIDTH;
    return BAR_LEFT + (int)((double)us / (double)clip->duration_us * BAR_WIDTH);
}

static void draw_tick(struct draw *d, int x, enum draw_anchor anchor, int64_t us)
{
    char text[FORMAT_ROOM];
    d->ops->path(d, DRAW_TICK);
    d->ops->move(d, x, 140);
    d->ops->line(d, x, 150);
    d->ops->path_end(d);
    d->ops->text(d, DRAW_WORD, anchor, x, 180, format_offset(us, text));
}

static void draw_trigger(struct draw *d, const struct report_clip *clip)
{
    if (!clip->has_trigger_time || clip->trigger_offset_us < 0 ||
        clip->trigger_offset_us > clip->duration_us)
        return;
    int x = place(clip, clip->trigger_offset_us);
    d->ops->path(d, DRAW_TRIGGER);
    d->ops->move(d, x, 40);
    d->ops->line(d, x, 144);
    d->ops->move(d, x - 12, 24);
    d->ops->line(d, x + 12, 24);
    d->ops->line(d, x, 42);
    d->ops->shut(d);
    d->ops->path_end(d);
    bool right = x > BAR_LEFT + BAR_WIDTH / 2;
    d->ops->text(d, DRAW_WORD, right ? DRAW_END : DRAW_START, right ? x - 20 : x + 20, 36,
                 doc_empty(clip->trigger) ? "trigger" : clip->trigger);
}

static void draw_bar(struct doc *doc, const struct report_clip *clip)
{
    struct draw *d = doc->ops->drawing(doc, DRAW_BAR, 1000, 190,
                                       "Timeline of the video; the list below gives the same in "
                                       "words");
    if (!d)
        return;
    d->ops->rect(d, DRAW_GOOD, BAR_LEFT, 50, BAR_WIDTH, 60);
    if (clip->has_sound)
        d->ops->rect(d, DRAW_SOUND, BAR_LEFT, 116, BAR_WIDTH, 22);
    for (size_t i = 0; i < clip->n_stretches; i++) {
        int from = place(clip, clip->stretch[i].from_us),
            until = place(clip, clip->stretch[i].until_us);
        int width = until - from < BAR_LEAST ? BAR_LEAST : until - from;
        if (from + width > BAR_LEFT + BAR_WIDTH)
            from = BAR_LEFT + BAR_WIDTH - width;
        bool sound = clip->stretch[i].flaw == REPORT_SILENCE;
        d->ops->rect(d, flaw[clip->stretch[i].flaw].ink, from, sound ? 116 : 50, width,
                     sound ? 22 : 60);
    }
    draw_trigger(d, clip);
    draw_tick(d, BAR_LEFT, DRAW_START, 0);
    draw_tick(d, BAR_LEFT + BAR_WIDTH / 2, DRAW_MIDDLE, clip->duration_us / 2);
    draw_tick(d, BAR_LEFT + BAR_WIDTH, DRAW_END, clip->duration_us);
    doc->ops->drawing_end(doc, d);
}

static void in_words(struct doc *d, const struct report_clip *clip, const struct report_stretch *s)
{
    char text[FORMAT_ROOM];
    doc_open(d, DOC_ITEM);
    doc_put(d, DOC_STRONG, flaw[s->flaw].word);
    if (clip->kind == REPORT_VIDEO) {
        doc_textf(d, s->flaw == REPORT_CUT ? " at %s" : " from %s",
                  format_offset(s->from_us, text));
        if (s->until_us > s->from_us)
            doc_textf(d, ", for %s", format_length(format_between(s->from_us, s->until_us), text));
    }
    if (s->pictures == 1)
        doc_text(d, ", one frame");
    else if (s->pictures > 0)
        doc_textf(d, ", %lld frames", (long long)s->pictures);
    doc_text_behind(d, ": ", s->why);
    doc_close(d, DOC_ITEM);
}

void flaws_show(struct doc *d, const struct report_clip *clip)
{
    doc_put(d, DOC_HEAD_4, "Damage and gaps");
    if (clip->kind == REPORT_VIDEO && clip->duration_us > 0 && clip->examined) {
        draw_bar(d, clip);
        bool seen[REPORT_N_FLAWS] = {false};
        for (size_t i = 0; i < clip->n_stretches; i++)
            seen[clip->stretch[i].flaw] = true;
        doc_open(d, DOC_KEY);
        d->ops->swatch(d, DRAW_GOOD);
        doc_text(d, "video ");
        if (clip->has_sound) {
            d->ops->swatch(d, DRAW_SOUND);
            doc_text(d, "sound ");
        }
        for (size_t i = 0; i < REPORT_N_FLAWS; i++)
            if (seen[i]) {
                d->ops->swatch(d, flaw[i].ink);
                doc_textf(d, "%s ", flaw[i].in_key);
            }
        doc_close(d, DOC_KEY);
    }
    if (!clip->examined)
        doc_put(d, DOC_PARAGRAPH,
                "Not examined for damage: an empty list does not mean that there is none.");
    else if (clip->n_stretches == 0)
        doc_put(d, DOC_PARAGRAPH, "No damage found.");
    if (clip->n_stretches) {
        doc_open(d, DOC_BULLETS);
        for (size_t i = 0; i < clip->n_stretches; i++)
            in_words(d, clip, &clip->stretch[i]);
        doc_close(d, DOC_BULLETS);
    }
    if (!doc_empty(clip->examined_why))
        doc_put(d, DOC_SMALL, clip->examined_why);
}
