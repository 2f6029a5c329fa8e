#include "dashspool/clock.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define US_PER_S   INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_S)

static int64_t read_clock_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t clock_utc_us(void)
{
    return read_clock_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
    return read_clock_us(CLOCK_MONOTONIC);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 <-> civil date, after H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms" (days_from_civil, civil_from_days): eras of 400 years that begin on 1 March. */
static void civil_from_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

int64_t clock_days(int of_year, int month, int day)
{
    int64_t year = (int64_t)of_year - (month <= 2);
    int64_t era = floor_div(year, 400);
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

struct clock_civil clock_civil_from_utc(int64_t utc_us, int tz_min)
{
    int64_t local = utc_us + tz_min * 60 * US_PER_S;
    int64_t days = floor_div(local, US_PER_DAY);
    int64_t rest = local - days * US_PER_DAY;
    struct clock_civil c;
    civil_from_days(days, &c.year, &c.month, &c.day);
    c.us = (int)(rest % US_PER_S);
    int64_t s = rest / US_PER_S;
    c.hour = (int)(s / 3600);
    c.minute = (int)(s / 60 % 60);
    c.second = (int)(s % 60);
    return c;
}

void clock_rfc3339(int64_t utc_us, int digits, char out[CLOCK_TEXT_ROOM])
{
    struct clock_civil c = clock_civil_from_utc(utc_us, 0);
    int n = snprintf(out, CLOCK_TEXT_ROOM, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day,
                     c.hour, c.minute, c.second);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used >= CLOCK_TEXT_ROOM)
        return;
    if (digits == 3)
        snprintf(out + used, CLOCK_TEXT_ROOM - used, ".%03dZ", c.us / 1000);
    else if (digits == 6)
        snprintf(out + used, CLOCK_TEXT_ROOM - used, ".%06dZ", c.us);
    else
        snprintf(out + used, CLOCK_TEXT_ROOM - used, "Z");
}

void clock_compact(int64_t utc_us, char out[CLOCK_TEXT_ROOM])
{
    struct clock_civil c = clock_civil_from_utc(utc_us, 0);
    snprintf(out, CLOCK_TEXT_ROOM, "%04d%02d%02dT%02d%02d%02dZ", c.year, c.month, c.day, c.hour,
             c.minute, c.second);
}

void clock_date(int64_t utc_us, char out[CLOCK_DATE_ROOM])
{
    const int64_t last_us = INT64_C(253402300799) * 1000000; /* 9999-12-31T23:59:59Z */
    utc_us = utc_us < 0 ? 0 : utc_us > last_us ? last_us : utc_us;
    struct clock_civil c = clock_civil_from_utc(utc_us, 0);
    snprintf(out, CLOCK_DATE_ROOM, "%04u-%02u-%02u", (unsigned)c.year % 10000u,
             (unsigned)c.month % 100u, (unsigned)c.day % 100u);
}

bool clock_date_ok(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof shape; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
    }
    return true;
}

void clock_zone(int tz_min, char out[CLOCK_TEXT_ROOM])
{
    int m = abs(tz_min);
    snprintf(out, CLOCK_TEXT_ROOM, "%c%02d:%02d", tz_min < 0 ? '-' : '+', m / 60, m % 60);
}

/* n decimal digits, else -1; *p moves behind them. */
static int digits(const char **p, int n)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

/* Reads a zone at *p ("Z", "±hh", "±hhmm", "±hh:mm"); false if there is none. */
static bool zone(const char **p, int *tz_min)
{
    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        *tz_min = 0;
        return true;
    }
    if (**p != '+' && **p != '-')
        return false;
    int sign = *(*p)++ == '-' ? -1 : 1;
    int h = digits(p, 2), m = 0;
    if (**p == ':')
        (*p)++;
    if (isdigit((unsigned char)**p))
        m = digits(p, 2);
    if (h < 0 || h > 18 || m < 0 || m > 59)
        return false;
    *tz_min = sign * (h * 60 + m);
    return true;
}

int clock_parse_bound(const char *text, bool until, int64_t *utc_us, struct err *err)
{
    char whole[24];
    bool day = strlen(text) == 10;
    if (day)
        snprintf(whole, sizeof whole, "%sT00:00:00Z", text);
    int rc = clock_parse(day ? whole : text, 0, utc_us, NULL, err);
    if (rc == ERR_OK && day && until)
        *utc_us += 86400 * US_PER_S;
    return rc;
}

int clock_parse_zone(const char *text, int *tz_min, struct err *err)
{
    const char *p = text;
    if (zone(&p, tz_min) && *p == '\0')
        return ERR_OK;
    return err_set(err, ERR_MALFORMED, "'%s' is not a time zone; write +02:00 or Z", text);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int clock_parse(const char *text, int tz_min_default, int64_t *utc_us, int *tz_min, struct err *err)
{
    const char *p = text;
    int part[6], tz = tz_min_default;
    static const char behind[6][3] = {"-", "-", "T ", ":", ":", ""};
    for (int i = 0; i < 6; i++) {
        part[i] = digits(&p, i == 0 ? 4 : 2);
        if (part[i] < 0 || (behind[i][0] && (!*p || !strchr(behind[i], *p))))
            goto bad;
        p += behind[i][0] != '\0';
    }
    int64_t us = 0;
    if (*p == '.') {
        p++;
        if (!isdigit((unsigned char)*p))
            goto bad;
        for (int64_t unit = US_PER_S / 10; isdigit((unsigned char)*p); p++, unit /= 10)
            us += unit * (*p - '0');
    }
    if (*p && !zone(&p, &tz))
        goto bad;
    if (*p || part[1] < 1 || part[1] > 12 || part[2] < 1 ||
        part[2] > days_in_month(part[0], part[1]) || part[3] > 23 || part[4] > 59 || part[5] > 59)
        goto bad;
    int64_t s = clock_days(part[0], part[1], part[2]) * 86400 + part[3] * 3600 + part[4] * 60 +
                part[5] - tz * 60;
    *utc_us = s * US_PER_S + us;
    if (tz_min)
        *tz_min = tz;
    return ERR_OK;
bad:
    return err_set(err, ERR_MALFORMED,
                   "'%s' is not a date and time; write 2024-11-29T07:23:45Z or "
                   "2024-11-29T09:23:45+02:00",
                   text);
}

/* ---- the last day ---- */

static int64_t hour_of(int64_t utc_us)
{
    return utc_us / INT64_C(3600000000);
}

void clock_day_add(struct clock_day *d, int64_t utc_us)
{
    int64_t hour = hour_of(utc_us);
    if (hour < d->hour) /* the clock went back: it counts as now */
        hour = d->hour;
    for (int i = 0; i < 24 && d->hour < hour; i++, d->hour++)
        d->n[(d->hour + 1) % 24] = 0;
    d->hour = hour;
    d->n[hour % 24]++;
}

unsigned clock_day_sum(const struct clock_day *d, int64_t utc_us)
{
    unsigned sum = 0;
    for (int64_t hour = d->hour; hour > d->hour - 24 && hour > hour_of(utc_us) - 24 && hour > 0;
         hour--)
        sum += d->n[hour % 24];
    return sum;
}
