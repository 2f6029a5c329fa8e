/* redact_mask: boxes as a person types them. */
#include "dashspool/convert.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIDE_MAX_PX 65535
#define TIME_MAX_S  1000000

/* Digits up to a ',' or the end; false: something else, or more than max. */
static bool take_number(const char **at, int max, int *out)
{
    int64_t v = 0;
    const char *p = *at;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p) && v <= max; p++)
        v = v * 10 + (*p - '0');
    *at = *p == ',' ? p + 1 : p;
    *out = (int)v;
    return v <= max && (*p == ',' || *p == '\0');
}

/* Six digits behind the point count; more would be finer than the times are. */
static bool take_fraction(const char **at, int64_t *us)
{
    int64_t unit = 100000;
    const char *p = *at + 1;
    if (!isdigit((unsigned char)*p))
        return false;
    for (; isdigit((unsigned char)*p); p++, unit /= 10)
        *us += (*p - '0') * unit;
    *at = p;
    return true;
}

/* ss, mm:ss or hh:mm:ss, with a fraction. */
static bool take_time(const char **at, int64_t *out_us)
{
    int64_t s = 0, us = 0;
    const char *p = *at;
    for (int part = 0; part < 3; part++) {
        int64_t v = 0;
        if (!isdigit((unsigned char)*p))
            return false;
        for (; isdigit((unsigned char)*p) && v <= TIME_MAX_S; p++)
            v = v * 10 + (*p - '0');
        s = s * 60 + v;
        if (v > TIME_MAX_S || *p != ':')
            break;
        p++;
    }
    if (s > TIME_MAX_S || (*p == '.' && !take_fraction(&p, &us)) || (*p != ',' && *p != '\0'))
        return false;
    *out_us = s * 1000000 + us;
    *at = *p == ',' ? p + 1 : p;
    return true;
}

static int refuse(const char *text, const char *why, struct err *err)
{
    return err_set(err, ERR_CONFIG, "mask '%.60s': %s", text, why);
}

int convert_mask_parse(const char *text, struct convert_mask *out, struct err *err)
{
    const char *at = text;
    struct convert_mask m = {.x = 0};
    int *const numbers[] = {&m.x, &m.y, &m.w, &m.h};
    for (int i = 0; i < 4; i++)
        if (!take_number(&at, SIDE_MAX_PX, numbers[i]) || (i < 3 && at[-1] != ','))
            return refuse(text,
                          "write x,y,width,height in pixels, and after them, where it is "
                          "not for all of the film, from,to in seconds or mm:ss",
                          err);
    if (m.w == 0 || m.h == 0)
        return refuse(text, "it is empty; width and height are at least 1", err);
    bool has_time = at[-1] == ',';
    if (has_time && !take_time(&at, &m.from_us))
        return refuse(text, "invalid start time; write seconds or mm:ss", err);
    if (has_time && at[-1] == ',') {
        if (!take_time(&at, &m.until_us) || at[-1] == ',')
            return refuse(text, "invalid end time; write seconds or mm:ss", err);
        if (m.until_us <= m.from_us)
            return refuse(text, "it ends before it begins", err);
    }
    *out = m;
    return ERR_OK;
}

/* "2.5"; whole seconds without a point. */
static int seconds_text(char *out, size_t room, int64_t us)
{
    int n = snprintf(out, room, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
    while (n > 1 && out[n - 1] == '0')
        n--;
    if (out[n - 1] == '.')
        n--;
    out[n] = '\0';
    return n;
}

void convert_mask_text(const struct convert_mask *mask, char out[CONVERT_MASK_ROOM])
{
    int n = snprintf(out, CONVERT_MASK_ROOM, "%d,%d,%d,%d", mask->x, mask->y, mask->w, mask->h);
    if (mask->from_us == 0 && mask->until_us == 0)
        return;
    out[n++] = ',';
    n += seconds_text(out + n, CONVERT_MASK_ROOM - (size_t)n, mask->from_us);
    if (mask->until_us == 0)
        return;
    out[n++] = ',';
    seconds_text(out + n, CONVERT_MASK_ROOM - (size_t)n, mask->until_us);
}
