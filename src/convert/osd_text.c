#include "osd_text.h"
#include "dashspool/clock.h"
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
    static const char from[] = "{}\\", to[] = "()/";
    size_t used = strlen(out);
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        size_t n = utf8_length(p);
        bool control = p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0);
        const char *special = strchr(from, (char)p[0]);
        if (used + (n ? n : 1) >= room)
            break;
        if (n == 0 || control)
            out[used++] = '?';
        else if (special)
            out[used++] = to[special - from];
        else
            for (size_t i = 0; i < n; i++)
                out[used++] = (char)p[i];
        p += n ? n : 1;
    }
    out[used] = '\0';
}

static void time_text(const struct convert_facts *facts, int64_t offset_us, char *out, size_t room)
{
    if (!facts->has_time) {
        snprintf(out, room, "time unknown");
        return;
    }
    int tz_min = facts->has_zone ? facts->tz_min : 0;
    struct clock_civil c = clock_civil_from_utc(facts->start_utc_us + offset_us, tz_min);
    char zone[CLOCK_TEXT_ROOM] = "Z";
    if (facts->has_zone)
        clock_zone(tz_min, zone);
    snprintf(out, room, "%04d-%02d-%02d %02d:%02d:%02d.%d %s", c.year, c.month, c.day, c.hour,
             c.minute, c.second, c.us / 100000, zone);
}

static void position_text(const struct convert_facts *facts, char *out, size_t room)
{
    double lat = facts->lat_deg, lon = facts->lon_deg;
    if (facts->has_position && fabs(lat) <= 90 && fabs(lon) <= 180)
        snprintf(out, room, "%.5f° %c  %.5f° %c", fabs(lat), lat < 0 ? 'S' : 'N', fabs(lon),
                 lon < 0 ? 'W' : 'E');
    else
        snprintf(out, room, "position unknown");
}

static void add_word(char *out, size_t room, const char *prefix, const char *word)
{
    if (!word[0])
        return;
    if (out[0])
        osd_text_plain(out, room, "  ");
    osd_text_plain(out, room, prefix);
    osd_text_plain(out, room, word);
}

void osd_text_lines(const struct convert_facts *facts, int64_t offset_us, const char *what,
                    char out[OSD_LINES][OSD_LINE_ROOM])
{
    char time[64], position[64];
    time_text(facts, offset_us, time, sizeof time);
    position_text(facts, position, sizeof position);
    snprintf(out[0], OSD_LINE_ROOM, "%s  %s", time, position);
    out[1][0] = '\0';
    add_word(out[1], OSD_LINE_ROOM, "", facts->camera);
    add_word(out[1], OSD_LINE_ROOM, "", facts->trigger);
    add_word(out[1], OSD_LINE_ROOM, "IMEI ", facts->imei[0] ? facts->imei : "unknown");
    add_word(out[1], OSD_LINE_ROOM, "", what);
}
