/* The lower half of the screen: what there is, what went wrong, what waits longest. */
#include "dashspool/clock.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

static int64_t age_s(const struct status *s, int64_t since_us)
{
    return since_us > 0 && since_us < s->now_us ? (s->now_us - since_us) / 1000000 : 0;
}

const char *text_since(const struct status *s, int64_t since_us, char out[24])
{
    return format_span(age_s(s, since_us), out);
}

void text_more(struct page *p, long long n)
{
    if (n > 0)
        page_line(p, STYLE_FAINT, "%*s… %lld more", INDENT, "", n);
}

void text_transfers(struct page *p, const struct status *s)
{
    const struct catalogue_totals *n = &s->totals;
    char size[24];
    if (!s->have_totals)
        page_line(p, STYLE_WARN, "%-*s unknown", INDENT - 1, "transfers");
    else
        page_line(p, STYLE_STRONG, "%-*s %lld stored, %lld partial, %lld being received: %s",
                  INDENT - 1, "transfers", (long long)n->stored, (long long)n->partial,
                  (long long)n->receiving, size_text(n->bytes, size));
}

/* ---- cameras ---- */

static void put_incoming(struct page *p, const struct incoming *t)
{
    char of[24], rate[24], left[24];
    double part = t->total > 0 ? 100.0 * (double)t->bytes / (double)t->total : 0;
    size_text(t->total, of);
    size_text(t->rate, rate);
    if (t->quiet_s >= 5)
        page_line(p, STYLE_WARN, "  %-15s %-6s %3.0f %% of %s, silent for %s  %s", t->imei,
                  t->camera, part, of, format_span(t->quiet_s, left), t->id);
    else
        page_line(p, STYLE_PLAIN, "  %-15s %-6s %3.0f %% of %s, %s/s, %s left  %s", t->imei,
                  t->camera, part, of, rate, format_span(t->left_s, left), t->id);
}

static bool comes_in(const struct status *s, const struct camera *c)
{
    for (size_t i = 0; i < LIST_COUNT(&s->incoming, struct incoming); i++) {
        const struct incoming *t = LIST_AT(&s->incoming, struct incoming, i);
        if (strcmp(t->imei, c->imei) == 0 && strcmp(t->camera, c->camera) == 0)
            return true;
    }
    return false;
}

/* The CAMERAS_TOLD that were here last, in that order. */
void text_find_recent(const struct status *s, struct limits *l)
{
    for (size_t i = 0; i < LIST_COUNT(&s->cameras, struct camera); i++) {
        const struct camera *c = LIST_AT(&s->cameras, struct camera, i);
        bool full = l->n_recent == CAMERAS_TOLD;
        if ((full && c->last_us <= l->recent[CAMERAS_TOLD - 1]->last_us) || comes_in(s, c))
            continue;
        int at = full ? CAMERAS_TOLD - 1 : l->n_recent++;
        for (; at > 0 && c->last_us > l->recent[at - 1]->last_us; at--)
            l->recent[at] = l->recent[at - 1];
        l->recent[at] = c;
    }
}

static void put_contacts(struct page *p, const struct status *s, const struct limits *l, int most)
{
    char span[24], at[CLOCK_TEXT_ROOM];
    for (int i = 0; i < l->n_recent && i < most; i++) {
        const struct camera *c = l->recent[i];
        clock_rfc3339(c->last_us, 0, at);
        page_line(p, STYLE_PLAIN, "  %-15s %-6s last seen %s ago, %s", c->imei, c->camera,
                  text_since(s, c->last_us, span), at);
    }
}

void text_cameras(struct page *p, const struct status *s, const struct limits *most)
{
    size_t n = LIST_COUNT(&s->incoming, struct incoming);
    char rate[24];
    page_line(p, STYLE_STRONG,
              "%-*s %lld, active: %lld in the last hour, %lld in the last day; %lld sending, %s/s",
              INDENT - 1, "cameras", (long long)s->n_cameras, (long long)s->cameras_of_the_hour,
              (long long)s->cameras_of_the_day,
              s->receiver.life == LIFE_RUNNING ? (long long)s->receiver.receiving : 0,
              size_text(s->receiver.life == LIFE_RUNNING ? s->receiver.rate : 0, rate));
    size_t shown = n < (size_t)most->cameras ? n : (size_t)most->cameras;
    for (size_t i = 0; i < shown; i++)
        put_incoming(p, LIST_AT(&s->incoming, struct incoming, i));
    put_contacts(p, s, most, most->cameras - (int)shown);
    long long all = s->n_cameras > (int64_t)n ? (long long)s->n_cameras : (long long)n;
    text_more(p, most->cameras > 0 ? all - most->cameras : 0);
}

/* ---- disk, errors, the oldest ---- */

static const char *until_full(const struct disk *d, char out[64])
{
    char a_day[24], span[24];
    out[0] = '\0';
    if (d->days_left > 3650)
        snprintf(out, 64, "; growing %s/day, room for years", size_text(d->a_day, a_day));
    else if (d->days_left >= 0)
        snprintf(out, 64, "; growing %s/day, full in %s", size_text(d->a_day, a_day),
                 format_span((int64_t)(d->days_left * 86400), span));
    return out;
}

static void put_marks(struct page *p, const struct disk *d)
{
    const struct {
        const char *what;
        int64_t bytes;
    } marks[] = {{"receiving stops below ", d->min_free},
                 {"oldest originals deleted below ", d->delete_free},
                 {"warning below ", d->warn_free}};
    char line[160] = "", size[24];
    for (size_t i = 0; i < 3; i++)
        if (marks[i].bytes > 0)
            snprintf(line + strlen(line), sizeof line - strlen(line), "%s%s%s", *line ? "; " : "",
                     marks[i].what, size_text(marks[i].bytes, size));
    if (*line)
        page_line(p, STYLE_FAINT, "%*s%s", INDENT, "", line);
}

void text_disk(struct page *p, const struct status *s, const struct limits *most)
{
    const struct disk *d = &s->disk;
    char a[24], b[24], c[24], until[64], packages[48] = "";
    if (d->free < 0) {
        page_line(p, STYLE_WARN, "%-*s unknown", INDENT - 1, "disk");
        return;
    }
    page_line(p, d->days_left >= 0 && d->days_left < 7 ? STYLE_WARN : STYLE_STRONG,
              "%-*s %s of %s free (%.0f %%)%s", INDENT - 1, "disk", size_text(d->free, a),
              size_text(d->bytes, b), d->bytes > 0 ? 100.0 * (double)d->free / (double)d->bytes : 0,
              until_full(d, until));
    if (most->details == 0)
        return;
    if (d->packages != 0)
        snprintf(packages, sizeof packages, ", packages %s%s", d->packages_more ? "over " : "",
                 size_text(d->packages, a));
    page_line(p, STYLE_PLAIN, "%*soriginals %s, copies %s%s, spool %s%s%s", INDENT, "",
              size_text(d->raw, a), d->archive_exact || d->archive < 0 ? "" : "about ",
              size_text(d->archive, b), d->spool_more ? "over " : "", size_text(d->spool, c),
              packages);
    put_marks(p, d);
}

void text_errors(struct page *p, const struct status *s, const struct limits *most)
{
    long long n = 0;
    char span[24];
    for (size_t i = 0; i < s->n_errors; i++)
        n += s->errors[i].n;
    page_line(p, STYLE_STRONG, "%-*s in the last day: %lld", INDENT - 1, "errors", n);
    for (size_t i = 0; i < s->n_errors && i < (size_t)most->errors; i++) {
        const struct error *e = &s->errors[i];
        page_line(p, e->kind == ERROR_JOB ? STYLE_BAD : STYLE_PLAIN,
                  "  %5lld × %7s ago  %s: %s (do: %s)", (long long)e->n,
                  text_since(s, e->last_us, span), e->stage, e->what, e->advice);
    }
    text_more(p, (long long)s->n_errors - most->errors);
}

void text_oldest(struct page *p, const struct status *s)
{
    const struct oldest *o = &s->oldest;
    char span[24];
    if (o->kind == OLDEST_NONE) {
        page_line(p, STYLE_STRONG, "%-*s nothing pending", INDENT - 1, "oldest");
        return;
    }
    const char *stage =
        o->kind == OLDEST_JOB ? LIST_AT(&s->stage, struct stage, o->stage)->name : "receive";
    page_line(p, STYLE_STRONG, "%-*s %s in %s, for %s", INDENT - 1, "oldest", o->id, stage,
              text_since(s, o->since_us, span));
    page_wrap(p, STYLE_PLAIN, INDENT + 5, "%*swhy: %s", INDENT, "", o->why);
    page_wrap(p, STYLE_PLAIN, INDENT + 5, "%*sdo:  %s", INDENT, "", o->advice);
}
