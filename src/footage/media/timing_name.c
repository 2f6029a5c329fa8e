#include "dashspool/clock.h"
#include "timing.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define YEAR_FIRST 2015 /* before there were such cameras */
#define DAY_US     (INT64_C(86400) * 1000000)

enum zone { LOCAL, UTC, UPLOAD };

/* Y: four digits; y: the last two of 20xx; M D h m s: two; anything else: itself. Longer ones
 * before their beginnings. */
static const struct {
    const char *pattern;
    enum zone zone;
} patterns[] = {
    {"YMDThmsZ", UTC},      {"Y-M-DTh-m-sZ", UTC},  {"Y-M-Dhms", UPLOAD},   {"YMDThms", LOCAL},
    {"YMD_hms", LOCAL},     {"YMD-hms", LOCAL},     {"YMD hms", LOCAL},     {"YMDhms", LOCAL},
    {"Y-M-D h-m-s", LOCAL}, {"Y-M-D_h-m-s", LOCAL}, {"Y-M-DTh-m-s", LOCAL}, {"Y-M-D-h-m-s", LOCAL},
    {"Y-M-D h.m.s", LOCAL}, {"Y-M-D_hms", LOCAL},   {"Y_M_D_h_m_s", LOCAL}, {"Y-M-DTh_m_sZ", UTC},
    {"Y-M-DTh_m_s", LOCAL}, {"Y_MD_hms", LOCAL},    {"D.M.Y h-m-s", LOCAL}, {"D.M.Y_h-m-s", LOCAL},
    {"yMD_hms", LOCAL},
};

/* n digits at p as a number; -1 if they are not all digits. */
static int64_t number(const char *p, int n)
{
    int64_t v = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)p[i]))
            return -1;
        v = v * 10 + (p[i] - '0');
    }
    return v;
}

/* A date and time as the pattern says at p, no digit behind it. */
static bool match(const char *p, const char *pattern, int tz_min, int64_t *utc_us)
{
    static const char letters[] = "YMDhmsy";
    int part[7] = {0};
    char text[80];
    struct err err;
    for (; *pattern; pattern++) {
        const char *letter = strchr(letters, *pattern);
        int n = *pattern == 'Y' ? 4 : letter ? 2 : 1;
        int64_t v = letter ? number(p, n) : 0;
        if (v < 0 || (!letter && *p != *pattern))
            return false;
        if (letter)
            part[letter - letters] = (int)v;
        p += n;
    }
    if (part[6] > 0)
        part[0] = 2000 + part[6];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", part[0], part[1], part[2], part[3],
             part[4], part[5]);
    return !isdigit((unsigned char)*p) && clock_parse(text, tz_min, utc_us, NULL, &err) == ERR_OK;
}

static bool plausible(int64_t utc_us, int64_t now_us)
{
    return clock_civil_from_utc(utc_us, 0).year >= YEAR_FIRST && utc_us <= now_us + DAY_US;
}

/* A run of 10 or 13 digits. */
static bool unix_time(const char *p, int64_t *utc_us)
{
    size_t n = strspn(p, "0123456789");
    if (n != 10 && n != 13)
        return false;
    *utc_us = number(p, (int)n) * (n == 10 ? 1000000 : 1000);
    return true;
}

bool timing_from_name(const char *name, const int *tz_min, int64_t now_us, int64_t *utc_us,
                      const char **source)
{
    static const size_t n = sizeof patterns / sizeof *patterns;
    for (const char *p = name; *p; p++) {
        if (!isdigit((unsigned char)*p) || (p > name && isdigit((unsigned char)p[-1])))
            continue;
        for (size_t i = 0; i < n; i++) {
            bool local = patterns[i].zone == LOCAL;
            if (!match(p, patterns[i].pattern, local && tz_min ? *tz_min : 0, utc_us) ||
                !plausible(*utc_us, now_us))
                continue;
            *source = patterns[i].zone == UPLOAD ? TIMING_NAME_UPLOAD
                      : local && !tz_min         ? TIMING_NAME_UTC
                                                 : TIMING_NAME;
            return true;
        }
        if (unix_time(p, utc_us) && plausible(*utc_us, now_us)) {
            *source = TIMING_NAME;
            return true;
        }
    }
    return false;
}

bool timing_imei_ok(const char *text)
{
    int sum = 0;
    if (strlen(text) != 15 || strspn(text, "0123456789") != 15)
        return false;
    for (int i = 0; i < 15; i++) {
        int v = (text[i] - '0') * (i % 2 ? 2 : 1);
        sum += v > 9 ? v - 9 : v;
    }
    return sum % 10 == 0;
}

void convert_facts_from_path(const char *path, int64_t now_us, struct convert_facts *facts)
{
    const char *slash = strrchr(path, '/'), *source;
    const char *name = slash ? slash + 1 : path;
    if (!facts->has_time && timing_from_name(name, facts->has_zone ? &facts->tz_min : NULL, now_us,
                                             &facts->start_utc_us, &source)) {
        facts->has_time = true;
        snprintf(facts->time_source, sizeof facts->time_source, "%s", source);
    }
    if (facts->imei[0] || !slash)
        return;
    const char *folder = slash;
    while (folder > path && folder[-1] != '/')
        folder--;
    char imei[sizeof facts->imei];
    if (slash - folder != sizeof imei - 1)
        return;
    snprintf(imei, sizeof imei, "%s", folder);
    if (timing_imei_ok(imei))
        snprintf(facts->imei, sizeof facts->imei, "%s", imei);
}
