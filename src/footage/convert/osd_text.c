#include "osd_text.h"
#include "dashspool/clock.h"
#include "osd_context.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at p (RFC 3629), 0 if it is none. */
static size_t utf8_length(const unsigned char *p)
{
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool beyond = (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf4 && p[1] >= 0x90);
    return overlong || beyond ? 0 : n;
}

void osd_text_plain(char *out, size_t room, const char *text)
{
    size_t used = strlen(out);
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t n = utf8_length(p);
        bool control = p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
        if (used + (n ? n : 1) >= room)
            break;
        if (n == 0 || control)
            out[used++] = '?';
        else
            for (size_t i = 0; i < n; i++)
                out[used++] = (char)p[i];
        p += n ? n : 1;
    }
    out[used] = '\0';
}

#define VALUE_ROOM 160
#define UNKNOWN    "–" /* in a person's template, where there is no room for more */

/* What is to be said of one picture; "" is unknown. */
struct words {
    char date[VALUE_ROOM], time[VALUE_ROOM], zone[VALUE_ROOM];
    char lat[VALUE_ROOM], lon[VALUE_ROOM], speed[VALUE_ROOM], t_minus[VALUE_ROOM];
    char picture[VALUE_ROOM];
    bool external; /* the position is the track's */
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static void say_time(struct words *w, const struct media_facts *f, int64_t offset_us, bool seconds)
{
    char zone[CLOCK_TEXT_ROOM] = "Z";
    if (!f->has_time)
        return;
    int tz_min = f->has_zone ? f->tz_min : 0;
    struct clock_civil c = clock_civil_from_utc(f->start_utc_us + offset_us, tz_min);
    if (f->has_zone)
        clock_zone(tz_min, zone);
    snprintf(w->date, sizeof w->date, "%04d-%02d-%02d", c.year, c.month, c.day);
    int n = snprintf(w->time, sizeof w->time, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    if (!seconds && n > 0)
        snprintf(w->time + n, sizeof w->time - (size_t)n, ".%d", c.us / 100000);
    snprintf(w->zone, sizeof w->zone, "%s", zone);
}

/* Before the trigger it says a little more, behind it a little less: both are cut toward the past.
 */
static void say_trigger_time(struct words *w, const struct media_facts *f, int64_t offset_us,
                             bool seconds)
{
    if (!f->has_time || !f->has_trigger_time)
        return;
    int64_t hundredths = floor_div(f->start_utc_us + offset_us - f->trigger_utc_us, 10000);
    if (seconds)
        hundredths = floor_div(hundredths, 100) * 100;
    char sign = hundredths < 0 ? '-' : '+';
    hundredths = hundredths < 0 ? -hundredths : hundredths;
    if (seconds)
        snprintf(w->t_minus, sizeof w->t_minus, "T%c%02" PRId64 " s", sign, hundredths / 100);
    else
        snprintf(w->t_minus, sizeof w->t_minus, "T%c%02" PRId64 ".%02" PRId64 " s", sign,
                 hundredths / 100, hundredths % 100);
}

static void say_place(struct words *w, const struct osd_context *c, int64_t offset_us)
{
    struct track_point p = {.speed_ms = NAN};
    w->external = osd_context_track_at(c, offset_us, &p);
    if (!w->external && !osd_context_own_position(c, &p.lat_deg, &p.lon_deg))
        return;
    snprintf(w->lat, sizeof w->lat, "%.5f° %c", fabs(p.lat_deg), p.lat_deg < 0 ? 'S' : 'N');
    snprintf(w->lon, sizeof w->lon, "%.5f° %c", fabs(p.lon_deg), p.lon_deg < 0 ? 'W' : 'E');
    if (!isnan(p.speed_ms))
        snprintf(w->speed, sizeof w->speed, "%.0f %s",
                 p.speed_ms * (c->options->osd_imperial ? 3600 / 1609.344 : 3.6),
                 c->options->osd_imperial ? "mph" : "km/h");
}

static void add_word(char *out, const char *prefix, const char *word)
{
    if (!word[0])
        return;
    if (out[0])
        osd_text_plain(out, OSD_LINE_ROOM, "  ");
    osd_text_plain(out, OSD_LINE_ROOM, prefix);
    osd_text_plain(out, OSD_LINE_ROOM, word);
}

static void built_in(const struct words *w, const struct osd_context *c, const char *what,
                     char out[OSD_LINES][OSD_LINE_ROOM])
{
    const struct media_facts *f = c->facts;
    add_word(out[0], "", w->date[0] ? w->date : "time unknown");
    if (w->date[0])
        snprintf(out[0], OSD_LINE_ROOM, "%s %s %s", w->date, w->time, w->zone);
    add_word(out[0], "", w->lat[0] ? w->lat : "position unknown");
    add_word(out[0], "", w->lon);
    add_word(out[0], "", w->external ? "track" : "");
    add_word(out[1], "", f->camera);
    add_word(out[1], "", f->trigger);
    add_word(out[1], "IMEI ", f->imei[0] ? f->imei : "unknown");
    add_word(out[1], "", what);
    add_word(out[1], "", w->t_minus);
    add_word(out[1], "", w->speed[0] ? w->speed : c->track ? "speed unknown" : "");
    add_word(out[2], "", c->options->note);
}

static const char *or_unknown(const char *text)
{
    return text[0] ? text : UNKNOWN;
}

static void fill_in(struct words *w, const struct osd_context *c,
                    char out[OSD_LINES][OSD_LINE_ROOM])
{
    const struct media_facts *f = c->facts;
    if (w->external) { /* the mark stands once, behind the position */
        char *last = template_uses(&c->template, TEMPLATE_LON) ? w->lon : w->lat;
        osd_text_plain(last, VALUE_ROOM, "  track");
    }
    const char *const value[TEMPLATE_N_FIELDS] = {
        [TEMPLATE_DATE] = or_unknown(w->date),       [TEMPLATE_TIME] = or_unknown(w->time),
        [TEMPLATE_ZONE] = or_unknown(w->zone),       [TEMPLATE_LAT] = or_unknown(w->lat),
        [TEMPLATE_LON] = or_unknown(w->lon),         [TEMPLATE_CAMERA] = or_unknown(f->camera),
        [TEMPLATE_IMEI] = or_unknown(f->imei),       [TEMPLATE_TRIGGER] = or_unknown(f->trigger),
        [TEMPLATE_T_MINUS] = or_unknown(w->t_minus), [TEMPLATE_PICTURE] = w->picture,
        [TEMPLATE_SPEED] = or_unknown(w->speed),     [TEMPLATE_NOTE] = or_unknown(c->options->note),
        [TEMPLATE_ID] = or_unknown(f->id),
    };
    template_format(&c->template, value, out);
}

static void say(const struct osd_context *c, int64_t offset_us, int64_t picture, const char *what,
                bool seconds, char out[OSD_LINES][OSD_LINE_ROOM])
{
    struct words w = {0};
    for (int i = 0; i < OSD_LINES; i++)
        out[i][0] = '\0';
    say_time(&w, c->facts, offset_us, seconds);
    say_trigger_time(&w, c->facts, offset_us, seconds);
    say_place(&w, c, offset_us);
    snprintf(w.picture, sizeof w.picture, "%" PRId64, picture + 1);
    if (c->options->osd_template[0])
        fill_in(&w, c, out);
    else
        built_in(&w, c, what, out);
}

void osd_text_at(const struct osd_context *c, int64_t offset_us, int64_t picture, const char *what,
                 char out[OSD_LINES][OSD_LINE_ROOM])
{
    char first[OSD_LINE_ROOM];
    say(c, offset_us, picture, what, false, out);
    if (!c->redacted)
        return;
    memcpy(first, out[0], sizeof first);
    snprintf(out[0], OSD_LINE_ROOM, "REDACTED");
    add_word(out[0], "", first);
}

void osd_text_second(const struct osd_context *c, int64_t offset_us, int64_t picture,
                     const char *what, char out[OSD_LINES][OSD_LINE_ROOM])
{
    say(c, offset_us, picture, what, true, out);
}
