/* Numbers in words. */
#include "format.h"
#include "dashspool/clock.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};

bool format_time_ok(const struct report_time *t)
{
    return t->known && t->utc_us >= INT64_C(-62135510400000000) &&
           t->utc_us < INT64_C(253402214400000000); /* a day from both ends, for zones */
}

bool format_zone_ok(const struct report_time *t)
{
    return t->has_zone && t->tz_min >= -18 * 60 && t->tz_min <= 18 * 60;
}

bool format_place_ok(const struct report_clip *clip)
{
    /* written so that a NaN is no position */
    return clip->has_position && clip->lat_deg >= -90 && clip->lat_deg <= 90 &&
           clip->lon_deg >= -180 && clip->lon_deg <= 180;
}

bool format_route_ok(const struct report_clip *clip)
{
    const struct report_journey *j = &clip->journey;
    return j->known && (double)j->records - (double)j->unfixed - (double)j->hidden > 0;
}

int64_t format_between(int64_t from_us, int64_t until_us)
{
    if (from_us < 0 && until_us > INT64_MAX + from_us)
        return INT64_MAX;
    if (from_us > 0 && until_us < INT64_MIN + from_us)
        return INT64_MIN;
    return until_us - from_us;
}

/* |us|, rounded to milliseconds. */
static uint64_t milliseconds(int64_t us)
{
    return ((us < 0 ? 0 - (uint64_t)us : (uint64_t)us) + 500) / 1000;
}

const char *format_date(int64_t utc_us, int tz_min, char out[FORMAT_ROOM])
{
    struct clock_civil c = clock_civil_from_utc(utc_us, tz_min);
    snprintf(out, FORMAT_ROOM, "%d %s %d", c.day, months[(c.month - 1) % 12], c.year);
    return out;
}

const char *format_clock(int64_t utc_us, int tz_min, char out[FORMAT_ROOM])
{
    struct clock_civil c = clock_civil_from_utc(utc_us, tz_min);
    if (c.us >= 1000)
        snprintf(out, FORMAT_ROOM, "%02d:%02d:%02d.%03d", c.hour, c.minute, c.second, c.us / 1000);
    else
        snprintf(out, FORMAT_ROOM, "%02d:%02d:%02d", c.hour, c.minute, c.second);
    return out;
}

const char *format_time(const struct report_time *t, char out[FORMAT_ROOM])
{
    snprintf(out, FORMAT_ROOM, "not known");
    if (!format_time_ok(t))
        return out;
    int tz_min = format_zone_ok(t) ? t->tz_min : 0;
    char date[FORMAT_ROOM], clock[FORMAT_ROOM], zone[CLOCK_TEXT_ROOM + 2] = "UTC";
    if (format_zone_ok(t)) {
        char east[CLOCK_TEXT_ROOM];
        clock_zone(tz_min, east);
        snprintf(zone, sizeof zone, "(%s)", east);
    }
    snprintf(out, FORMAT_ROOM, "%.30s, %.20s %.20s", format_date(t->utc_us, tz_min, date),
             format_clock(t->utc_us, tz_min, clock), zone);
    return out;
}

const char *format_length(int64_t us, char out[FORMAT_ROOM])
{
    unsigned long long ms = milliseconds(us);
    unsigned long long min = ms / 60000;
    if (min >= 1)
        snprintf(out, FORMAT_ROOM, "%llu minute%s %llu second%s", min, min == 1 ? "" : "s",
                 ms % 60000 / 1000, ms % 60000 / 1000 == 1 ? "" : "s");
    else if (ms % 1000 == 0)
        snprintf(out, FORMAT_ROOM, "%llu second%s", ms / 1000, ms == 1000 ? "" : "s");
    else if (ms % 100 == 0)
        snprintf(out, FORMAT_ROOM, "%llu.%llu seconds", ms / 1000, ms % 1000 / 100);
    else
        snprintf(out, FORMAT_ROOM, "%llu.%03llu seconds", ms / 1000, ms % 1000);
    return out;
}

const char *format_error(const struct report_time *t, char out[FORMAT_ROOM])
{
    out[0] = 0;
    if (!format_time_ok(t) || !t->has_error)
        return out;
    char length[FORMAT_ROOM];
    snprintf(out, FORMAT_ROOM, "± %.60s", format_length(t->error_us, length));
    return out;
}

const char *format_offset(int64_t us, char out[FORMAT_ROOM])
{
    unsigned long long ms = milliseconds(us);
    snprintf(out, FORMAT_ROOM, "%s%llu:%02llu.%03llu", us < 0 ? "-" : "", ms / 60000,
             ms % 60000 / 1000, ms % 1000);
    return out;
}

const char *format_bytes(int64_t bytes, char out[FORMAT_ROOM])
{
    static const char *const unit[] = {"kB", "MB", "GB", "TB"};
    snprintf(out, FORMAT_ROOM, "%lld bytes", (long long)bytes);
    if (bytes < 1000)
        return out;
    long long n = (long long)bytes;
    size_t u = 0;
    while (n >= 999950 && u < 3) {
        n /= 1000;
        u++;
    }
    long long tenths = (n + 50) / 100;
    snprintf(out, FORMAT_ROOM, "%lld.%lld %s", tenths / 10, tenths % 10, unit[u]);
    return out;
}

static const char *micro_degrees(double deg, const char *sign, const char *behind,
                                 char out[FORMAT_ROOM])
{
    long long micro = llround(fabs(deg) * 1e6);
    snprintf(out, FORMAT_ROOM, "%s%lld.%06lld%s", sign, micro / 1000000, micro % 1000000, behind);
    return out;
}

const char *format_degrees(double deg, bool lon, char out[FORMAT_ROOM])
{
    const char *behind = lon ? (deg < 0 ? "° west" : "° east") : deg < 0 ? "° south" : "° north";
    return micro_degrees(deg, "", behind, out);
}

const char *format_decimal(double deg, char out[FORMAT_ROOM])
{
    return micro_degrees(deg, llround(deg * 1e6) < 0 ? "-" : "", "", out);
}

const char *format_camera(const struct report_clip *clip, char out[FORMAT_ROOM])
{
    static const struct {
        const char *name, *words;
    } known[] = {
        {"front", "Front camera"},
        {"rear", "Rear camera"},
        {"driver", "Driver camera"},
        {"road", "Road camera"},
    };
    const char *name = clip->camera ? clip->camera : "";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].words;
    snprintf(out, FORMAT_ROOM, *name ? "Camera “%.60s”" : "Camera", name);
    return out;
}

const char *format_anchor(const char *kind, size_t i, char out[FORMAT_ROOM])
{
    snprintf(out, FORMAT_ROOM, "%.40s-%zu", kind, i + 1);
    return out;
}

const char *format_kind(const struct report_clip *clip)
{
    return clip->kind == REPORT_PHOTO ? "photo" : "video";
}
