/* Times and days, as people read them: in the zone where it happened, or in that of [ui]. */
#include "dashspool/clock.h"
#include "dashspool/err.h"
#include "serve_internal.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DAY_US (24 * 3600 * INT64_C(1000000))

enum { YEAR_FIRST = 1, YEAR_LAST = 9999 };

/* ---- the zone ---- */

/* "/usr/share/zoneinfo/Europe/Berlin": what its link leads to. */
static void name_of_here(char *out, size_t room)
{
    static const char within[] = "zoneinfo/";
    char to[256];
    ssize_t n = readlink("/etc/localtime", to, sizeof to - 1);
    to[n > 0 ? n : 0] = '\0';
    const char *at = strstr(to, within);
    snprintf(out, room, "%s", at ? at + strlen(within) : "UTC");
}

int when_open(struct serve *s, struct err *err)
{
    const char *name = cfg_text(s->cfg, "ui", "zone");
    char here[256];
    struct err unimportant;
    int rc = name[0] ? clock_tz_open(&s->zone, name, err) : ERR_OK;
    if (!name[0]) {
        name_of_here(here, sizeof here);
        name = clock_tz_open(&s->zone, here, &unimportant) < 0 ? "UTC" : here;
    }
    snprintf(s->zone_name, sizeof s->zone_name, "%s", name);
    return rc;
}

int when_min(const struct serve *s, int64_t utc_us)
{
    return s->zone ? clock_tz_min(s->zone, utc_us) : 0;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t when_day(const struct serve *s, int64_t utc_us)
{
    return floor_div(utc_us + when_min(s, utc_us) * INT64_C(60000000), DAY_US);
}

int64_t when_day_us(const struct serve *s, int64_t day)
{
    int tz_min = 0, other_min;
    if (s->zone)
        (void)clock_tz_local(s->zone, day * DAY_US, &tz_min, &other_min);
    return day * DAY_US - tz_min * INT64_C(60000000);
}

void when_zone(const struct serve *s, int64_t utc_us, int tz_min, char out[CLOCK_TEXT_ROOM])
{
    if (tz_min != WHEN_HERE && tz_min != when_min(s, utc_us))
        clock_zone(tz_min, out);
    else if (s->zone)
        clock_tz_word(s->zone, utc_us, out);
    else
        snprintf(out, CLOCK_TEXT_ROOM, "UTC");
}

/* ---- words ---- */

/* A translated text with "%s", or "%1$s", for each of three words. */
static void fill(char out[WHEN_ROOM], const char *text, const char *a, const char *b, const char *c)
{
    const char *const words[] = {a, b, c};
    size_t n = 0, next = 0;
    while (*text && n < WHEN_ROOM - 1) {
        bool numbered =
            text[0] == '%' && text[1] >= '1' && text[1] <= '3' && strncmp(text + 2, "$s", 2) == 0;
        if (numbered || (strncmp(text, "%s", 2) == 0 && next < 3)) {
            snprintf(out + n, WHEN_ROOM - n, "%s", words[numbered ? text[1] - '1' : (int)next++]);
            n += strlen(out + n);
            text += numbered ? 4 : 2;
        } else {
            out[n++] = *text++;
        }
    }
    out[n] = '\0';
}

static const char *month_text(const struct web_page *h, int month, bool whole)
{
    static const char *const all[] = {W_("January"), W_("February"), W_("March"),
                                      W_("April"),   W_("May"),      W_("June"),
                                      W_("July"),    W_("August"),   W_("September"),
                                      W_("October"), W_("November"), W_("December")};
    static const char *const cut[] = {W_("Jan"), W_("Feb"), W_("Mar"), W_("Apr"),
                                      W_("May"), W_("Jun"), W_("Jul"), W_("Aug"),
                                      W_("Sep"), W_("Oct"), W_("Nov"), W_("Dec")};
    return web_tr(h, whole ? all[month - 1] : cut[month - 1]);
}

static int weekday_of(int64_t day)
{
    return (int)(((day + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

const char *when_weekday(const struct web_page *h, int64_t day)
{
    static const char *const cut[] = {W_("Sun"), W_("Mon"), W_("Tue"), W_("Wed"),
                                      W_("Thu"), W_("Fri"), W_("Sat")};
    return web_tr(h, cut[weekday_of(day)]);
}

void when_day_text(const struct serve *s, const struct web_page *h, int64_t day,
                   enum when_day_form form, char out[WHEN_ROOM])
{
    static const char *const all[] = {W_("Sunday"),   W_("Monday"), W_("Tuesday"), W_("Wednesday"),
                                      W_("Thursday"), W_("Friday"), W_("Saturday")};
    struct clock_civil c = clock_civil_from_utc(day * DAY_US, 0);
    char number[16], month[WHEN_ROOM / 2];
    int64_t now_us = clock_utc_us();
    int this_year = clock_civil_from_utc(now_us, when_min(s, now_us)).year;
    const char *name = month_text(h, c.month, form == WHEN_LONG_DAY);
    snprintf(number, sizeof number, "%d", c.day);
    if (c.year == this_year)
        snprintf(month, sizeof month, "%s", name);
    else
        snprintf(month, sizeof month, "%s %04d", name, c.year);
    if (form == WHEN_DATE)
        fill(out, web_tr(h, "%1$s %2$s"), number, month, "");
    else if (form == WHEN_SHORT_DAY)
        fill(out, web_tr(h, "%1$s %2$s %3$s"), when_weekday(h, day), number, month);
    else
        fill(out, web_tr(h, "%1$s, %2$s %3$s"), web_tr(h, all[weekday_of(day)]), number, month);
}

void when_text(const struct serve *s, const struct web_page *h, int64_t utc_us, int tz_min,
               enum when_form form, char out[WHEN_ROOM])
{
    int min = tz_min == WHEN_HERE ? when_min(s, utc_us) : tz_min;
    struct clock_civil c = clock_civil_from_utc(utc_us, min);
    char zone[CLOCK_TEXT_ROOM], clock[CLOCK_TEXT_ROOM + 16], day_text[WHEN_ROOM];
    when_zone(s, utc_us, tz_min, zone);
    if (c.year < YEAR_FIRST || c.year > YEAR_LAST) {
        snprintf(out, WHEN_ROOM, "%s", web_tr(h, "not known"));
        return;
    }
    if (form == WHEN_SHORT)
        snprintf(clock, sizeof clock, "%02d:%02d %s", c.hour, c.minute, zone);
    else
        snprintf(clock, sizeof clock, "%02d:%02d:%02d %s", c.hour, c.minute, c.second, zone);
    int64_t day = clock_days(c.year, c.month, c.day);
    int64_t now_us = clock_utc_us();
    if (form == WHEN_CLOCK) {
        snprintf(out, WHEN_ROOM, "%s", clock);
        return;
    }
    if (form == WHEN_SHORT && day == when_day(s, now_us))
        snprintf(day_text, sizeof day_text, "%s", web_tr(h, "today"));
    else
        when_day_text(s, h, day, form == WHEN_SHORT ? WHEN_DATE : WHEN_SHORT_DAY, day_text);
    fill(out, web_tr(h, "%1$s, %2$s"), day_text, clock, "");
}

void when_put(const struct serve *s, struct web_page *h, int64_t utc_us, int tz_min,
              enum when_form form)
{
    int min = tz_min == WHEN_HERE ? when_min(s, utc_us) : tz_min;
    struct clock_civil c = clock_civil_from_utc(utc_us, min);
    char text[WHEN_ROOM], zone[CLOCK_TEXT_ROOM], machine[2 * CLOCK_TEXT_ROOM];
    char utc[CLOCK_TEXT_ROOM];
    when_text(s, h, utc_us, tz_min, form, text);
    clock_zone(min, zone);
    snprintf(machine, sizeof machine, "%04d-%02d-%02dT%02d:%02d:%02d%s", c.year, c.month, c.day,
             c.hour, c.minute, c.second, zone);
    clock_rfc3339(utc_us, 0, utc);
    if (strlen(utc) > 19)
        utc[10] = ' ', utc[19] = '\0';
    web_print(h, "<time datetime=\"%s\" title=\"%s UTC\">%s</time>", machine, utc, text);
}

void when_span(const struct web_page *h, int64_t us, char out[WHEN_ROOM])
{
    int64_t s = us < 0 ? 0 : us / 1000000;
    char number[24];
    int64_t n = s < 120 ? s : s < 2 * 3600 ? s / 60 : s < 2 * 86400 ? s / 3600 : s / 86400;
    snprintf(number, sizeof number, "%lld", (long long)n);
    const char *text = s < 120         ? web_tr(h, "%s s")
                       : s < 2 * 3600  ? web_tr(h, "%s min")
                       : s < 2 * 86400 ? web_tr(h, "%s h")
                                       : web_trn(h, "%s day", "%s days", n);
    fill(out, text, number, "", "");
}
