/* Tracks by lines, read: NMEA 0183 (as IEC 61162-1 has it), CSV, and the track file of a clip. */
#include "dashspool/clock.h"
#include "track_internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELDS_MAX  64    /* of a line; what is behind is not looked at */
#define SNIFF_BYTES 65536 /* in which NMEA says what it is */
#define KNOT_MS     (1852.0 / 3600)

struct lines {
    const char *p, *end;
    int number;
};

/* LF, CR LF, or CR alone. */
static bool next_line(struct lines *l, struct track_field *out)
{
    if (l->p == l->end)
        return false;
    const char *stop = l->p;
    while (stop < l->end && *stop != '\n' && *stop != '\r')
        stop++;
    *out = (struct track_field){l->p, (size_t)(stop - l->p)};
    l->p = stop;
    l->p += l->p < l->end && *l->p == '\r';
    l->p += l->p < l->end && *l->p == '\n';
    l->number++;
    while (out->n > 0 && strchr(" \t", out->p[out->n - 1]))
        out->n--;
    return true;
}

/* Fields without the spaces and quotes around them; what is in quotes is one field. */
static int split(struct track_field line, char between, struct track_field out[FIELDS_MAX])
{
    int n = 0;
    const char *p = line.p, *end = line.p + line.n;
    while (n < FIELDS_MAX) {
        const char *from = p, *quote;
        while (from < end && *from == ' ')
            from++;
        if (from < end && *from == '"' && (quote = memchr(from + 1, '"', (size_t)(end - from) - 1)))
            from = quote;
        const char *stop = memchr(from, between, (size_t)(end - from));
        struct track_field f = {p, (size_t)((stop ? stop : end) - p)};
        while (f.n > 0 && (*f.p == ' ' || *f.p == '\t' || *f.p == '"'))
            f.p++, f.n--;
        while (f.n > 0 && strchr(" \t\"", f.p[f.n - 1]) && f.p[f.n - 1])
            f.n--;
        out[n++] = f;
        if (!stop)
            break;
        p = stop + 1;
    }
    return n;
}

static bool number(struct track_field f, double *out)
{
    return track_number(f, false, out);
}

static bool is(struct track_field f, const char *word)
{
    return f.n == strlen(word) && strncasecmp(f.p, word, f.n) == 0;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

enum sum { SUM_NONE, SUM_RIGHT, SUM_WRONG };

/* What is between '$' and '*', or the end; and what its checksum is. A logger may put something
 * before it. False: it is no sentence. */
static bool sentence(struct track_field line, struct track_field *out, enum sum *is)
{
    const char *begin = memchr(line.p, '$', line.n), *end = line.p + line.n;
    if (!begin || end - begin < 7)
        return false;
    const char *star = memchr(begin, '*', (size_t)(end - begin));
    *out = (struct track_field){begin + 1, (size_t)((star ? star : end) - begin - 1)};
    *is = SUM_NONE;
    if (!star)
        return true;
    int sum = 0, high = star + 1 < end ? hex(star[1]) : -1,
        low = star + 2 < end ? hex(star[2]) : -1;
    for (size_t i = 0; i < out->n; i++)
        sum ^= (unsigned char)out->p[i];
    *is =
        high >= 0 && low >= 0 && end - star == 3 && sum == high * 16 + low ? SUM_RIGHT : SUM_WRONG;
    return true;
}

/* "GPRMC" is "RMC" by anybody. */
static bool is_of(struct track_field f, const char *kind)
{
    return f.n == 5 && memcmp(f.p + 2, kind, 3) == 0;
}

/* "4807.038","N": degrees and minutes. */
static bool degrees(struct track_field f, struct track_field side, const char *sides, double *out)
{
    double v;
    if (side.n != 1 || !memchr(sides, side.p[0], 2) || !number(f, &v) || v < 0)
        return false;
    double whole = floor(v / 100), minutes = v - whole * 100;
    *out = (whole + minutes / 60) * (side.p[0] == sides[1] ? -1 : 1);
    return minutes < 60;
}

/* Two digits at f[at]; -1 if there are none. */
static int two(struct track_field f, size_t at)
{
    if (at + 2 > f.n || f.p[at] < '0' || f.p[at] > '9' || f.p[at + 1] < '0' || f.p[at + 1] > '9')
        return -1;
    return (f.p[at] - '0') * 10 + f.p[at + 1] - '0';
}

static bool time_of_day(struct track_field f, int64_t *us)
{
    int h = two(f, 0), m = two(f, 2);
    double s;
    if (h < 0 || h > 23 || m < 0 || m > 59 || two(f, 4) < 0 ||
        !number((struct track_field){f.p + 4, f.n - 4}, &s) || s >= 60)
        return false;
    *us = (h * 60 + m) * INT64_C(60000000) + llround(s * 1e6);
    return true;
}

struct nmea {
    bool has_day;
    int64_t day_us, day_at_us; /* midnight and time of day of what told the date last */
};

/* "290124": years from 80 on are of the last century. */
static bool date(struct track_field f, int64_t *day_us)
{
    int d = two(f, 0), m = two(f, 2), y = two(f, 4);
    char text[CLOCK_TEXT_ROOM];
    struct err unused;
    if (f.n != 6 || d < 0 || m < 0 || y < 0)
        return false;
    snprintf(text, sizeof text, "%04d-%02d-%02dT00:00:00Z", y < 80 ? 2000 + y : 1900 + y, m, d);
    return clock_parse(text, 0, day_us, NULL, &unused) == ERR_OK;
}

/* "00.5" of a time of day that is none may be a leap second. */
static bool sentence_time(struct track_field f, struct track_reading *r, int64_t *us)
{
    bool good = time_of_day(f, us);
    r->track->left_out[TRACK_NO_TIME] += !good;
    return good;
}

static void position(struct track_field lat, struct track_field north, struct track_field lon,
                     struct track_field east, struct track_point *out)
{
    if (!degrees(lat, north, "NS", &out->lat_deg) || !degrees(lon, east, "EW", &out->lon_deg))
        out->lat_deg = out->lon_deg = NAN;
}

/* Recommended minimum: time, status, position, speed in knots, course, date. */
static bool rmc(struct nmea *s, struct track_reading *r, const struct track_field *f,
                struct track_point *out)
{
    double knots;
    int64_t day_us, us;
    if (!sentence_time(f[1], r, &us))
        return false;
    if (!date(f[9], &day_us)) {
        r->track->left_out[TRACK_NO_TIME]++;
        return false;
    }
    s->day_us = day_us;
    s->day_at_us = us;
    s->has_day = true;
    out->utc_us = day_us + us;
    out->valid = is(f[2], "A");
    if (number(f[7], &knots))
        out->speed_ms = knots * KNOT_MS;
    number(f[8], &out->course_deg);
    position(f[3], f[4], f[5], f[6], out);
    return true;
}

/* Fix data: time, position, quality. Behind midnight it is a day ahead of the last date. */
static bool gga(const struct nmea *s, struct track_reading *r, const struct track_field *f,
                struct track_point *out)
{
    const int64_t day = INT64_C(86400000000);
    int64_t us;
    if (!sentence_time(f[1], r, &us))
        return false;
    if (!s->has_day) {
        r->track->left_out[TRACK_NO_TIME]++;
        return false;
    }
    out->utc_us = s->day_us + us + (us < s->day_at_us - day / 2 ? day : 0);
    out->valid = f[6].n == 1 && f[6].p[0] >= '1' && f[6].p[0] <= '5';
    position(f[2], f[3], f[4], f[5], out);
    return true;
}

/* Time and date: day, month, year. */
static void zda(struct nmea *s, const struct track_field *f)
{
    char text[8];
    int64_t day_us, us;
    if (f[2].n != 2 || f[3].n != 2 || f[4].n != 4)
        return;
    snprintf(text, sizeof text, "%.2s%.2s%.2s", f[2].p, f[3].p, f[4].p + 2);
    if (time_of_day(f[1], &us) && date((struct track_field){text, 6}, &day_us)) {
        s->day_us = day_us;
        s->day_at_us = us;
        s->has_day = true;
    }
}

/* Whether any sentence has a checksum that is right: then one without is cut. */
static bool has_checksums(const char *text, size_t n)
{
    struct lines l = {text, text + n, 0};
    struct track_field line, unused;
    enum sum sum = SUM_NONE;
    while (next_line(&l, &line))
        if (sentence(line, &unused, &sum) && sum == SUM_RIGHT)
            return true;
    return false;
}

int track_read_nmea(struct track_reading *r, const char *text, size_t n, struct err *err)
{
    struct lines l = {text, text + n, 0};
    struct nmea state = {0};
    struct track_field line, inside, f[FIELDS_MAX];
    struct track *t = r->track;
    bool sums = has_checksums(text, n);
    while (next_line(&l, &line)) {
        enum sum sum;
        if (line.n == 0 || line.p[0] == '!') /* AIS and the like: a sentence, but coded */
            continue;
        if (!sentence(line, &inside, &sum) || sum == SUM_WRONG || (sums && sum == SUM_NONE)) {
            t->left_out[TRACK_UNREADABLE]++;
            continue;
        }
        t->no_checksums = !sums;
        struct track_point p = TRACK_POINT_NONE;
        int fields = split(inside, ',', f);
        bool has_position = is_of(f[0], "RMC") || is_of(f[0], "GGA");
        if (has_position && fields < (is_of(f[0], "RMC") ? 10 : 7)) {
            t->left_out[TRACK_UNREADABLE]++;
            continue;
        }
        if (fields >= 5 && is_of(f[0], "ZDA"))
            zda(&state, f);
        bool good =
            has_position && (is_of(f[0], "RMC") ? rmc(&state, r, f, &p) : gga(&state, r, f, &p));
        int rc = good ? track_reading_add(r, &p, err) : ERR_OK;
        if (rc < 0)
            return err_wrap(err, "line %d", l.number);
    }
    if (!state.has_day && t->left_out[TRACK_NO_TIME] > 0)
        return err_set(err, ERR_MALFORMED,
                       "none of its sentences tells a date (GGA has only the time of day): record "
                       "RMC or ZDA, too");
    return ERR_OK;
}

bool track_is_nmea(const char *text, size_t n)
{
    for (size_t at = 0; at + 7 < n && at < SNIFF_BYTES; at++)
        if (text[at] == '$' && text[at + 6] == ',') {
            struct track_field f = {text + at + 1, 5};
            if (is_of(f, "RMC") || is_of(f, "GGA") || is_of(f, "ZDA") || is_of(f, "GSV") ||
                is_of(f, "GSA") || is_of(f, "VTG") || is_of(f, "GLL"))
                return true;
        }
    return false;
}

struct columns {
    char between;
    int n, time, lat, lon, speed, course, altitude, satellites, of; /* -1: there is none */
    double speed_unit_ms;
};

/* What parts the columns: that of which the header has most. */
static char column_end(struct track_field header)
{
    static const char known[] = ",;\t";
    char best = ',';
    size_t most = 0;
    for (const char *p = known; *p; p++) {
        size_t n = 0;
        for (size_t i = 0; i < header.n; i++)
            n += header.p[i] == *p;
        if (n > most)
            most = n, best = *p;
    }
    return best;
}

static int read_header(struct track_field line, struct columns *c, struct err *err)
{
    struct track_field f[FIELDS_MAX];
    char between = column_end(line);
    *c = (struct columns){between, 0, -1, -1, -1, -1, -1, -1, -1, -1, 1};
    c->n = split(line, between, f);
    for (int i = c->n - 1; i >= 0; i--) {
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
        else if (is(f[i], "course_deg"))
            c->course = i;
        else if (is(f[i], "altitude_m"))
            c->altitude = i;
        else if (is(f[i], "satellites"))
            c->satellites = i;
        else if (is(f[i], "vehicle") || is(f[i], "track"))
            c->of = i;
    }
    if (c->time < 0 || c->lat < 0 || c->lon < 0)
        return err_set(
            err, ERR_MALFORMED,
            "line 1: neither GPX nor NMEA, and as CSV it needs a header row with utc (or "
            "time), lat and lon");
    return ERR_OK;
}

static int read_time(struct track_field f, int64_t *utc_us, struct err *err)
{
    double v;
    char text[48];
    if (number(f, &v)) {
        double seconds = fabs(v) > 1e11 ? v / 1000 : v;
        if (seconds < 0 || seconds > 253402300799.0) /* the year 9999 */
            return err_set(err, ERR_MALFORMED, "%.*s is not a time", f.n < 40 ? (int)f.n : 40, f.p);
        *utc_us = llround(seconds * 1e6);
        return ERR_OK;
    }
    snprintf(text, sizeof text, "%.*s", f.n < 47 ? (int)f.n : 47, f.p);
    return clock_parse(text, 0, utc_us, NULL, err);
}

/* NAN: there is no such column, or no number in it. */
static double number_in(const struct track_field *f, int n, int column, bool comma)
{
    double v = NAN;
    return column >= 0 && column < n && track_number(f[column], comma, &v) ? v : NAN;
}

static int read_row(struct track_reading *r, const struct columns *c, struct track_field line,
                    struct err *err)
{
    struct track_field f[FIELDS_MAX];
    struct track_point p = TRACK_POINT_NONE;
    struct err unused;
    struct track *t = r->track;
    int n = split(line, c->between, f), rc = ERR_OK;
    while (n > c->n && f[n - 1].n == 0)
        n--;
    /* more than the header has: 54,7 in a file whose columns are parted by commas */
    if (n <= c->time || n <= c->lat || n <= c->lon || (c->between == ',' && n > c->n)) {
        t->left_out[TRACK_UNREADABLE]++;
        return ERR_OK;
    }
    if (f[c->lat].n == 0 && f[c->lon].n == 0)
        return ERR_OK; /* no fix */
    bool quoted = memchr(f[c->lat].p, ',', f[c->lat].n) || memchr(f[c->lon].p, ',', f[c->lon].n);
    bool comma = quoted || c->between != ',';
    p.lat_deg = number_in(f, n, c->lat, comma);
    p.lon_deg = number_in(f, n, c->lon, comma);
    t->commas = t->commas || quoted;
    if (read_time(f[c->time], &p.utc_us, &unused) < 0) {
        t->left_out[TRACK_NO_TIME]++;
        return ERR_OK;
    }
    p.speed_ms = number_in(f, n, c->speed, comma) * c->speed_unit_ms;
    p.course_deg = number_in(f, n, c->course, comma);
    p.altitude_m = number_in(f, n, c->altitude, comma);
    p.satellites = track_satellites(number_in(f, n, c->satellites, comma));
    if (c->of >= 0 && c->of < n) {
        char name[TRACK_NAME_ROOM];
        snprintf(name, sizeof name, "%.*s", f[c->of].n < 200 ? (int)f[c->of].n : 200, f[c->of].p);
        rc = track_reading_name(r, name, err);
    }
    return rc < 0 ? rc : track_reading_add(r, &p, err);
}

int track_read_csv(struct track_reading *r, const char *text, size_t n, struct err *err)
{
    struct lines l = {text, text + n, 0};
    struct columns c;
    struct track_field line;
    bool header = false;
    int rc = ERR_OK;
    while (rc == ERR_OK && next_line(&l, &line)) {
        if (line.n == 0)
            continue;
        rc = header ? read_row(r, &c, line, err) : read_header(line, &c, err);
        if (rc < 0 && header)
            err_wrap(err, "line %d", l.number);
        header = true;
    }
    return rc;
}

/*
 * ---- the track file of a clip ----
 *
 * Nobody but this program writes it: what is not as it would be is refused.
 */

static bool is_empty(const struct track_field *f, int from, int to)
{
    bool empty = true;
    for (int i = from; i < to; i++)
        empty = empty && f[i].n == 0;
    return empty;
}

static int read_record(struct track *track, struct track_field line, struct err *err)
{
    struct track_field f[FIELDS_MAX];
    struct track_point p = TRACK_POINT_NONE;
    double valid;
    int rc;
    if (split(line, ',', f) != 8)
        return err_set(err, ERR_MALFORMED, "a record has 8 columns");
    if (f[0].n == 0 || f[0].p[f[0].n - 1] != 'Z')
        return err_set(err, ERR_MALFORMED, "a time ends with Z");
    if ((rc = read_time(f[0], &p.utc_us, err)) < 0)
        return rc;
    if (f[7].n != 1 || !number(f[7], &valid) || valid > 1)
        return err_set(err, ERR_MALFORMED, "valid is neither 0 nor 1");
    p.valid = valid > 0;
    if (is_empty(f, 1, 7) && !p.valid)
        return track_add(track, &p, err); /* private mode */
    if (!number(f[1], &p.lat_deg) || !number(f[2], &p.lon_deg))
        return err_set(err, ERR_MALFORMED, "lat and lon are not numbers");
    for (int i = 3; i < 7; i++) {
        double unused;
        if (f[i].n > 0 && !number(f[i], &unused))
            return err_set(err, ERR_MALFORMED, "column %d is not a number", i + 1);
    }
    p.altitude_m = number_in(f, 8, 3, false);
    p.speed_ms = number_in(f, 8, 4, false) / 3.6;
    p.course_deg = number_in(f, 8, 5, false);
    p.satellites = track_satellites(number_in(f, 8, 6, false));
    return track_add(track, &p, err);
}

int track_read_records(struct track *track, const char *text, size_t n, struct err *err)
{
    struct lines l = {text, text + n, 0};
    struct track_field line;
    int rc = ERR_OK;
    next_line(&l, &line);
    if (!is(line, TRACK_FIRST_LINE))
        rc = err_set(err, ERR_UNSUPPORTED,
                     "a track of another version; this program reads '%s': use a newer program",
                     TRACK_FIRST_LINE);
    else if (text[n - 1] != '\n')
        rc = err_set(err, ERR_MALFORMED, "its end is missing");
    else if (!next_line(&l, &line) || !is(line, TRACK_HEADER))
        rc = err_set(err, ERR_MALFORMED, "its columns are not %s", TRACK_HEADER);
    while (rc == ERR_OK && next_line(&l, &line))
        rc = read_record(track, line, err);
    return rc < 0 ? err_wrap(err, "line %d", l.number) : ERR_OK;
}
