/* Tracks of lines: NMEA 0183 (as IEC 61162-1 has it) and CSV. */
#include "dashspool/clock.h"
#include "track.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MAX 64 /* of a line; what is behind is not looked at */
#define KNOT_MS    (1852.0 / 3600)

struct field {
    const char *p;
    size_t n;
};

struct lines {
    const char *p, *end;
    int number;
};

static bool next_line(struct lines *l, struct field *out)
{
    if (l->p == l->end)
        return false;
    const char *stop = memchr(l->p, '\n', (size_t)(l->end - l->p));
    *out = (struct field){l->p, (size_t)((stop ? stop : l->end) - l->p)};
    l->p = stop ? stop + 1 : l->end;
    l->number++;
    while (out->n > 0 && strchr(" \t\r", out->p[out->n - 1]))
        out->n--;
    return true;
}

/* Fields without the spaces and quotes around them; a quoted comma is not supported, as no column
 * that is read here has one. */
static int split(struct field line, struct field out[FIELDS_MAX])
{
    int n = 0;
    const char *p = line.p, *end = line.p + line.n;
    while (n < FIELDS_MAX) {
        const char *stop = memchr(p, ',', (size_t)(end - p));
        struct field f = {p, (size_t)((stop ? stop : end) - p)};
        while (f.n > 0 && (*f.p == ' ' || *f.p == '\t' || *f.p == '"'))
            f.p++, f.n--;
        while (f.n > 0 && strchr(" \t\"", f.p[f.n - 1]))
            f.n--;
        out[n++] = f;
        if (!stop)
            break;
        p = stop + 1;
    }
    return n;
}

static bool is(struct field f, const char *word)
{
    return f.n == strlen(word) && strncasecmp(f.p, word, f.n) == 0;
}

static bool number(struct field f, double *out)
{
    return track_number(f.p, f.n, out);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* What is between '$' and '*', if the checksum behind it is right. */
static bool sentence(struct field line, struct field *out)
{
    if (line.n < 9 || line.p[0] != '$' || line.p[line.n - 3] != '*')
        return false;
    int sum = 0, high = hex(line.p[line.n - 2]), low = hex(line.p[line.n - 1]);
    *out = (struct field){line.p + 1, line.n - 4};
    for (size_t i = 0; i < out->n; i++)
        sum ^= (unsigned char)out->p[i];
    return high >= 0 && low >= 0 && sum == high * 16 + low;
}

/* "4807.038","N": degrees and minutes. */
static bool degrees(struct field f, struct field side, const char *sides, double *out)
{
    double v;
    if (side.n != 1 || !memchr(sides, side.p[0], 2) || !number(f, &v) || v < 0)
        return false;
    double whole = floor(v / 100), minutes = v - whole * 100;
    *out = (whole + minutes / 60) * (side.p[0] == sides[1] ? -1 : 1);
    return minutes < 60;
}

/* Two digits at f[at]; -1 if there are none. */
static int two(struct field f, size_t at)
{
    if (at + 2 > f.n || f.p[at] < '0' || f.p[at] > '9' || f.p[at + 1] < '0' || f.p[at + 1] > '9')
        return -1;
    return (f.p[at] - '0') * 10 + f.p[at + 1] - '0';
}

static bool time_of_day(struct field f, int64_t *us)
{
    int h = two(f, 0), m = two(f, 2);
    double s;
    if (h < 0 || h > 23 || m < 0 || m > 59 || two(f, 4) < 0 ||
        !track_number(f.p + 4, f.n - 4, &s) || s >= 60)
        return false;
    *us = (h * 60 + m) * INT64_C(60000000) + llround(s * 1e6);
    return true;
}

struct nmea {
    bool has_day;
    int64_t day_us, rmc_us; /* midnight and time of day of the last RMC */
};

/* "290124": years from 80 on are of the last century. */
static bool date(struct field f, int64_t *day_us)
{
    int d = two(f, 0), m = two(f, 2), y = two(f, 4);
    char text[CLOCK_TEXT_ROOM];
    struct err unused;
    if (f.n != 6 || d < 0 || m < 0 || y < 0)
        return false;
    snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", y < 80 ? 2000 + y : 1900 + y, m, d);
    return clock_parse(text, 0, day_us, NULL, &unused) == ERR_OK;
}

/* Recommended minimum: time, status, position, speed in knots, course, date. */
static bool rmc(struct nmea *s, const struct field *f, int n, struct track_point *out)
{
    double knots;
    if (n < 10 || !is(f[2], "A") || !time_of_day(f[1], &s->rmc_us) || !date(f[9], &s->day_us))
        return false;
    s->has_day = true;
    out->utc_us = s->day_us + s->rmc_us;
    if (number(f[7], &knots) && knots >= 0)
        out->speed_ms = knots * KNOT_MS;
    return degrees(f[3], f[4], "NS", &out->lat_deg) && degrees(f[5], f[6], "EW", &out->lon_deg);
}

/* Fix data: time, position, quality. Behind midnight it is a day ahead of the last RMC's date. */
static bool gga(const struct nmea *s, const struct field *f, int n, struct track_point *out)
{
    const int64_t day = INT64_C(86400000000);
    int64_t us;
    if (!s->has_day || n < 7 || f[6].n != 1 || f[6].p[0] < '1' || f[6].p[0] > '5' ||
        !time_of_day(f[1], &us))
        return false;
    out->utc_us = s->day_us + us + (us < s->rmc_us - day / 2 ? day : 0);
    return degrees(f[2], f[3], "NS", &out->lat_deg) && degrees(f[4], f[5], "EW", &out->lon_deg);
}

int track_read_nmea(struct track *track, const char *text, size_t n, struct err *err)
{
    struct lines l = {text, text + n, 0};
    struct nmea state = {0};
    struct field line, inside, f[FIELDS_MAX];
    while (next_line(&l, &line)) {
        if (line.n == 0)
            continue;
        if (!sentence(line, &inside)) {
            track->damaged++;
            continue;
        }
        struct track_point p = {.speed_ms = NAN};
        int fields = split(inside, f);
        bool good =
            f[0].n == 5 && ((memcmp(f[0].p + 2, "RMC", 3) == 0 && rmc(&state, f, fields, &p)) ||
                            (memcmp(f[0].p + 2, "GGA", 3) == 0 && gga(&state, f, fields, &p)));
        int rc = good ? track_add(track, &p, err) : ERR_OK;
        if (rc < 0)
            return err_wrap(err, "line %d", l.number);
    }
    return ERR_OK;
}

struct columns {
    int time, lat, lon, speed; /* -1: there is none */
    double speed_unit_ms;
};

static int read_header(struct field line, struct columns *c, struct err *err)
{
    struct field f[FIELDS_MAX];
    *c = (struct columns){-1, -1, -1, -1, 1};
    for (int i = split(line, f) - 1; i >= 0; i--) {
        if (is(f[i], "utc") || is(f[i], "time"))
            c->time = i;
        else if (is(f[i], "lat"))
            c->lat = i;
        else if (is(f[i], "lon"))
            c->lon = i;
        else if (is(f[i], "speed_ms"))
            c->speed = i, c->speed_unit_ms = 1;
        else if (is(f[i], "speed_kmh"))
            c->speed = i, c->speed_unit_ms = 1 / 3.6;
    }
    if (c->time < 0 || c->lat < 0 || c->lon < 0)
        return err_set(err, ERR_MALFORMED,
                       "neither GPX nor NMEA, and as CSV it needs a header row with utc (or time), "
                       "lat and lon");
    return ERR_OK;
}

static int read_time(struct field f, int64_t *utc_us, struct err *err)
{
    double v;
    char text[48];
    if (number(f, &v)) {
        double seconds = fabs(v) > 1e11 ? v / 1000 : v;
        if (seconds < 0 || seconds > 253402300799.0) /* the year 9999 */
            return err_set(err, ERR_MALFORMED, "%.*s is no time", f.n < 40 ? (int)f.n : 40, f.p);
        *utc_us = llround(seconds * 1e6);
        return ERR_OK;
    }
    snprintf(text, sizeof text, "%.*s", f.n < 47 ? (int)f.n : 47, f.p);
    return clock_parse(text, 0, utc_us, NULL, err);
}

static int read_row(struct track *track, const struct columns *c, struct field line,
                    struct err *err)
{
    struct field f[FIELDS_MAX];
    struct track_point p = {.speed_ms = NAN};
    int n = split(line, f), rc;
    if (n <= c->time || n <= c->lat || n <= c->lon)
        return err_set(err, ERR_MALFORMED, "%d columns are too few", n);
    if (f[c->lat].n == 0 && f[c->lon].n == 0)
        return ERR_OK; /* no fix */
    if (!number(f[c->lat], &p.lat_deg) || !number(f[c->lon], &p.lon_deg))
        return err_set(err, ERR_MALFORMED, "lat and lon are no numbers");
    if ((rc = read_time(f[c->time], &p.utc_us, err)) < 0)
        return rc;
    if (c->speed >= 0 && c->speed < n && number(f[c->speed], &p.speed_ms))
        p.speed_ms = p.speed_ms >= 0 ? p.speed_ms * c->speed_unit_ms : NAN;
    return track_add(track, &p, err);
}

int track_read_csv(struct track *track, const char *text, size_t n, struct err *err)
{
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3, n -= 3;
    struct lines l = {text, text + n, 0};
    struct columns c;
    struct field line;
    bool header = false;
    int rc = ERR_OK;
    while (rc == ERR_OK && next_line(&l, &line)) {
        if (line.n == 0)
            continue;
        rc = header ? read_row(track, &c, line, err) : read_header(line, &c, err);
        header = true;
    }
    return rc < 0 ? err_wrap(err, "line %d", l.number) : ERR_OK;
}
