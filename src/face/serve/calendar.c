/* Four weeks of days, with what each has: a strip of links. */
#include "serve_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BAR_TALLEST = 23, BOX = 37, HIGH = 18 };

/* ---- the strip ---- */

/* "Fri 27 November: 11 events, 6 to review" */
static void say_day(const struct serve *s, struct web_page *h, const struct counts_day *d)
{
    char day[WHEN_ROOM];
    when_day_text(s, h, d->day, WHEN_LONG_DAY, day);
    web_print(h, "%s: ", day);
    calendar_say(h, d);
}

void calendar_say(struct web_page *h, const struct counts_day *d)
{
    if (d->all == 0) {
        web_say(h, "no events");
        return;
    }
    web_sayn(h, "%s event", "%s events", d->all);
    if (d->to_review == 0)
        return;
    web_put(h, ", ");
    web_sayn(h, "%s to review", "%s to review", d->to_review);
}

static void put_bar(struct web_page *h, const char *look, int top, int high)
{
    char text[120];
    snprintf(text, sizeof text, "<rect %sx=\"0\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\"/>",
             look, top, HIGH, high);
    web_put(h, text);
}

static void put_bars(struct web_page *h, const struct counts_day *d, int64_t most)
{
    char text[120];
    int high = d->all ? 2 + (int)(d->all * (BAR_TALLEST - 2) / most) : 0;
    int todo = d->to_review ? 2 + (int)(d->to_review * (BAR_TALLEST - 2) / most) : 0;
    web_put(h, "<svg aria-hidden=\"true\">");
    if (high > 0) {
        snprintf(text, sizeof text,
                 "<text x=\"9\" y=\"%d\" text-anchor=\"middle\">%" PRId64 "</text>", BOX - high - 3,
                 d->all);
        web_put(h, text);
        put_bar(h, "", BOX - high, high);
    }
    if (todo > 0)
        put_bar(h, "class=\"todo\" ", BOX - todo, todo);
    web_put(h, "</svg>");
}

static void put_day(const struct serve *s, struct web_page *h, const struct filter *f,
                    const struct counts_day *d, int64_t first, int64_t today, int64_t most)
{
    struct filter of = *f;
    struct clock_civil c = clock_civil_from_utc(d->day * 86400 * INT64_C(1000000), 0);
    char number[WHEN_ROOM];
    int weekday = (int)(((d->day + 4) % 7 + 7) % 7);
    bool chosen = f->from == d->day && f->to == d->day;
    bool shown = chosen || (d->day == today && !(f->from == f->to && f->from != FILTER_ANY));
    of.from = of.to = d->day;
    of.page = 1;
    web_put(h, shown                          ? "<li><a class=\"today\" "
               : weekday == 0 || weekday == 6 ? "<li><a class=\"off\" "
                                              : "<li><a ");
    web_put(h, chosen ? "aria-current=\"true\" " : d->day == today ? "aria-current=\"date\" " : "");
    web_put(h, "href=\"/");
    filter_put(h, &of);
    web_put(h, "\" title=\"");
    say_day(s, h, d);
    web_put(h, "\"><span class=\"hidden\">");
    say_day(s, h, d);
    web_put(h, "</span>");
    put_bars(h, d, most);
    web_print(h, "<span aria-hidden=\"true\">%s</span>",
              d->day == today ? web_tr(h, "Today") : when_weekday(h, d->day));
    if (c.day == 1 || d->day == first)
        when_day_text(s, h, d->day, WHEN_DATE, number);
    else
        snprintf(number, sizeof number, "%d", c.day);
    web_print(h, "<b aria-hidden=\"true\">%s</b></a></li>\n", number);
}

/* Four weeks of which `end` is the last day; FILTER_ANY: it leads nowhere. */
static void put_step(struct web_page *h, const struct filter *f, int64_t end, const char *icon,
                     const char *text)
{
    struct filter of = *f;
    of.page = 1;
    of.from = end == FILTER_ANY ? FILTER_ANY : end - COUNTS_STRIP + 1;
    of.to = end;
    web_put(h, "<a class=\"button plain icon\" href=\"/");
    filter_put(h, &of);
    web_print(h, "\" title=\"%s\" aria-label=\"%s\">", text, text);
    frame_icon(h, icon);
    web_put(h, "</a>\n");
}

void calendar_put(const struct serve *s, struct web_page *h, const struct filter *f,
                  const struct counts_day days[COUNTS_STRIP])
{
    int64_t most = 1, first = days[0].day, today = when_day(s, clock_utc_us());
    int64_t end = first + COUNTS_STRIP - 1;
    for (int i = 0; i < COUNTS_STRIP; i++)
        most = days[i].all > most ? days[i].all : most;
    web_print(h, "<nav class=\"days\" aria-label=\"%s\">\n", web_tr(h, "Days"));
    put_step(h, f, first - 1, "prev", web_tr(h, "Four weeks earlier"));
    web_put(h, "<ol>\n");
    for (int i = COUNTS_STRIP - 1; i >= 0; i--)
        put_day(s, h, f, &days[i], first, today, most);
    web_put(h, "</ol>\n");
    if (end < today)
        put_step(h, f, end + COUNTS_STRIP < today ? end + COUNTS_STRIP : FILTER_ANY, "next",
                 web_tr(h, "Four weeks later"));
    web_put(h, "</nav>\n");
}
