/* Tracks, read; and what is known between their points. */
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "track_internal.h"
#include <libxml/xmlreader.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EARTH_M        6371008.8 /* mean radius, IUGG */
#define RADIAN         (3.14159265358979323846 / 180)

/* What is above is no number of a vehicle: not known. */
#define SPEED_MAX_MS   1e5
#define ALTITUDE_MAX_M 1e6

struct field {
    const char *p;
    size_t n;
};

/* "-12.5", "3e-05": the whole of the field, in no locale. False, and *out as it was, if it is no
 * finite number. */
static bool number(struct field f, double *out)
{
    const char *p = f.p, *end = f.p + f.n;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    double v = 0;
    int places = 0, digits = 0, exponent = 0;
    for (bool point = false; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        v = v * 10 + (*p - '0');
        places += point;
        if (++digits > 40)
            return false;
    }
    if (digits == 0)
        return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool down = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        if (p == end || end - p > 2)
            return false;
        for (; p < end && *p >= '0' && *p <= '9'; p++)
            exponent = exponent * 10 + (*p - '0');
        exponent = down ? -exponent : exponent;
    }
    int scale = exponent - places;
    v = scale < 0 ? v / pow(10, -scale) : v * pow(10, scale);
    if (p != end || !isfinite(v))
        return false;
    *out = minus ? -v : v;
    return true;
}

static const struct track_point no_point = TRACK_POINT_NONE;

static bool is_private(const struct track_point *p)
{
    return isnan(p->lat_deg) && isnan(p->lon_deg);
}

/* ERR_MALFORMED if it is nowhere on Earth. Of a private one nothing is kept but its time; of the
 * others no number that cannot be. */
static int add_point(struct track *track, const struct track_point *point, struct err *err)
{
    bool hidden = is_private(point);
    if (!hidden && (!(fabs(point->lat_deg) <= 90) || !(fabs(point->lon_deg) <= 180)))
        return err_set(err, ERR_MALFORMED, "%.6g, %.6g is not a position", point->lat_deg,
                       point->lon_deg);
    if (track->n >= TRACK_POINTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d points", TRACK_POINTS_MAX);
    if (track->n == track->room) {
        size_t room = track->room ? 2 * track->room : 256;
        struct track_point *grown = realloc(track->point, room * sizeof *grown);
        if (!grown)
            return err_nomem(err, "a track");
        track->point = grown;
        track->room = room;
    }
    struct track_point *p = &track->point[track->n++];
    *p = hidden ? no_point : *point;
    p->utc_us = point->utc_us;
    p->valid = point->valid && !hidden;
    if (!(p->speed_ms >= 0 && p->speed_ms <= SPEED_MAX_MS))
        p->speed_ms = NAN;
    if (!(p->course_deg >= 0 && p->course_deg <= 360))
        p->course_deg = NAN;
    if (p->course_deg >= 360)
        p->course_deg = 0;
    if (!(fabs(p->altitude_m) <= ALTITUDE_MAX_M))
        p->altitude_m = NAN;
    if (p->satellites < 0)
        p->satellites = -1;
    return ERR_OK;
}

static int satellites(double v)
{
    return v >= 0 && v <= 1000 ? (int)v : -1;
}

/*
 * ---- GPX ----
 *
 * By libxml2's streaming reader: no network, no document type, memory for one point at a time.
 * Without XML_PARSE_HUGE libxml2 itself bounds depth (256) and the length of names and texts.
 */

struct gpx {
    xmlTextReaderPtr reader;
    struct track *track;
    bool in_point, has_time;
    char text[64]; /* of the innermost element, cut: a time or a number is shorter */
    struct track_point point;
    char why[160]; /* libxml2's first complaint */
    bool nomem;
};

static void note_complaint(void *arg, xmlErrorPtr error)
{
    struct gpx *g = arg;
    g->nomem = g->nomem || error->code == XML_ERR_NO_MEMORY;
    if (!g->why[0] && error->message)
        snprintf(g->why, sizeof g->why, "%.*s", (int)strcspn(error->message, "\n"), error->message);
}

static bool is_named(const struct gpx *g, const char *name)
{
    const char *own = (const char *)xmlTextReaderConstLocalName(g->reader);
    return own && strcmp(own, name) == 0;
}

static bool attribute(const struct gpx *g, const char *name, double *out)
{
    xmlChar *text = xmlTextReaderGetAttribute(g->reader, (const xmlChar *)name);
    bool good = text && number((struct field){(const char *)text, strlen((const char *)text)}, out);
    xmlFree(text);
    return good;
}

static int gpx_begin(struct gpx *g, struct err *err)
{
    bool empty = xmlTextReaderIsEmptyElement(g->reader) == 1;
    g->text[0] = '\0';
    if (!is_named(g, "trkpt"))
        return ERR_OK;
    if (g->in_point)
        return err_set(err, ERR_MALFORMED, "a trkpt inside another");
    g->point = no_point;
    g->in_point = !empty;
    g->has_time = false;
    if (!attribute(g, "lat", &g->point.lat_deg) || !attribute(g, "lon", &g->point.lon_deg))
        return err_set(err, ERR_MALFORMED, "a trkpt needs lat and lon, in degrees");
    return ERR_OK;
}

static int gpx_end(struct gpx *g, struct err *err)
{
    if (!g->in_point)
        return ERR_OK;
    if (is_named(g, "trkpt")) {
        g->in_point = false;
        return g->has_time ? add_point(g->track, &g->point, err) : ERR_OK;
    }
    /* The text without the spaces around it. */
    char *p = g->text + strspn(g->text, " \t\r\n");
    size_t n = strlen(p);
    while (n > 0 && strchr(" \t\r\n", p[n - 1]))
        n--;
    p[n] = '\0';
    int rc = ERR_OK;
    double v;
    bool is_number = number((struct field){p, n}, &v);
    if (is_named(g, "time")) {
        rc = clock_parse(p, 0, &g->point.utc_us, NULL, err);
        g->has_time = rc == ERR_OK;
    } else if (is_number && is_named(g, "speed"))
        g->point.speed_ms = v; /* m/s: GPX 1.0 speedType, Garmin's TrackPointExtension v2 */
    else if (is_number && is_named(g, "course"))
        g->point.course_deg = v; /* there, too */
    else if (is_number && is_named(g, "ele"))
        g->point.altitude_m = v;
    else if (is_number && is_named(g, "sat"))
        g->point.satellites = satellites(v);
    g->text[0] = '\0';
    return rc;
}

static int gpx_node(struct gpx *g, struct err *err)
{
    size_t used = strlen(g->text);
    switch (xmlTextReaderNodeType(g->reader)) {
    case XML_READER_TYPE_ELEMENT:
        return gpx_begin(g, err);
    case XML_READER_TYPE_END_ELEMENT:
        return gpx_end(g, err);
    case XML_READER_TYPE_TEXT:
    case XML_READER_TYPE_CDATA:
        snprintf(g->text + used, sizeof g->text - used, "%s",
                 (const char *)xmlTextReaderConstValue(g->reader));
        return ERR_OK;
    case XML_READER_TYPE_DOCUMENT_TYPE:
    case XML_READER_TYPE_ENTITY_REFERENCE:
        return err_set(err, ERR_UNSUPPORTED, "a document type or an entity; GPX has none");
    default:
        return ERR_OK;
    }
}

static int read_gpx(struct track *track, const char *text, size_t n, struct err *err)
{
    struct gpx g = {.track = track};
    g.reader = xmlReaderForMemory(text, (int)n, NULL, NULL, XML_PARSE_NONET);
    if (!g.reader)
        return err_nomem(err, "an XML reader");
    xmlTextReaderSetStructuredErrorHandler(g.reader, note_complaint, &g);
    int more, rc = ERR_OK;
    bool root = false;
    while (rc == ERR_OK && (more = xmlTextReaderRead(g.reader)) == 1) {
        if (!root && xmlTextReaderNodeType(g.reader) == XML_READER_TYPE_ELEMENT) {
            root = true;
            if (!is_named(&g, "gpx"))
                rc = err_set(err, ERR_MALFORMED, "this XML is not GPX");
        }
        if (rc == ERR_OK)
            rc = gpx_node(&g, err);
    }
    if (rc == ERR_OK && g.nomem)
        rc = err_nomem(err, "a track");
    else if (rc == ERR_OK && more < 0)
        rc = err_set(err, ERR_MALFORMED, "%s", g.why[0] ? g.why : "broken XML");
    int line = xmlTextReaderGetParserLineNumber(g.reader);
    xmlFreeTextReader(g.reader);
    return rc < 0 ? err_wrap(err, "line %d", line) : ERR_OK;
}

/* ---- lines: NMEA 0183 (as IEC 61162-1 has it) and CSV ---- */

#define FIELDS_MAX 64 /* of a line; what is behind is not looked at */
#define KNOT_MS    (1852.0 / 3600)

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
        !number((struct field){f.p + 4, f.n - 4}, &s) || s >= 60)
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
    if (number(f[7], &knots))
        out->speed_ms = knots * KNOT_MS;
    number(f[8], &out->course_deg);
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

static int read_nmea(struct track *track, const char *text, size_t n, struct err *err)
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
        struct track_point p = no_point;
        int fields = split(inside, f);
        bool good =
            f[0].n == 5 && ((memcmp(f[0].p + 2, "RMC", 3) == 0 && rmc(&state, f, fields, &p)) ||
                            (memcmp(f[0].p + 2, "GGA", 3) == 0 && gga(&state, f, fields, &p)));
        int rc = good ? add_point(track, &p, err) : ERR_OK;
        if (rc < 0)
            return err_wrap(err, "line %d", l.number);
    }
    return ERR_OK;
}

struct columns {
    int time, lat, lon, speed, course, altitude, satellites; /* -1: there is none */
    double speed_unit_ms;
};

static int read_header(struct field line, struct columns *c, struct err *err)
{
    struct field f[FIELDS_MAX];
    *c = (struct columns){-1, -1, -1, -1, -1, -1, -1, 1};
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
        else if (is(f[i], "course_deg"))
            c->course = i;
        else if (is(f[i], "altitude_m"))
            c->altitude = i;
        else if (is(f[i], "satellites"))
            c->satellites = i;
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
            return err_set(err, ERR_MALFORMED, "%.*s is not a time", f.n < 40 ? (int)f.n : 40, f.p);
        *utc_us = llround(seconds * 1e6);
        return ERR_OK;
    }
    snprintf(text, sizeof text, "%.*s", f.n < 47 ? (int)f.n : 47, f.p);
    return clock_parse(text, 0, utc_us, NULL, err);
}

/* NAN: there is no such column, or no number in it. */
static double number_in(const struct field *f, int n, int column)
{
    double v = NAN;
    return column >= 0 && column < n && number(f[column], &v) ? v : NAN;
}

static int read_row(struct track *track, const struct columns *c, struct field line,
                    struct err *err)
{
    struct field f[FIELDS_MAX];
    struct track_point p = no_point;
    int n = split(line, f), rc;
    if (n <= c->time || n <= c->lat || n <= c->lon)
        return err_set(err, ERR_MALFORMED, "%d columns are too few", n);
    if (f[c->lat].n == 0 && f[c->lon].n == 0)
        return ERR_OK; /* no fix */
    if (!number(f[c->lat], &p.lat_deg) || !number(f[c->lon], &p.lon_deg))
        return err_set(err, ERR_MALFORMED, "lat and lon are not numbers");
    if ((rc = read_time(f[c->time], &p.utc_us, err)) < 0)
        return rc;
    p.speed_ms = number_in(f, n, c->speed) * c->speed_unit_ms;
    p.course_deg = number_in(f, n, c->course);
    p.altitude_m = number_in(f, n, c->altitude);
    p.satellites = satellites(number_in(f, n, c->satellites));
    return add_point(track, &p, err);
}

static int read_csv(struct track *track, const char *text, size_t n, struct err *err)
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

/*
 * ---- the track file of a clip ----
 *
 * Nobody but this program writes it: what is not as it would be is refused.
 */

static bool is_empty(const struct field *f, int from, int to)
{
    bool empty = true;
    for (int i = from; i < to; i++)
        empty = empty && f[i].n == 0;
    return empty;
}

static int read_record(struct track *track, struct field line, struct err *err)
{
    struct field f[FIELDS_MAX];
    struct track_point p = no_point;
    double valid;
    int rc;
    if (split(line, f) != 8)
        return err_set(err, ERR_MALFORMED, "a record has 8 columns");
    if (f[0].n == 0 || f[0].p[f[0].n - 1] != 'Z')
        return err_set(err, ERR_MALFORMED, "a time ends with Z");
    if ((rc = read_time(f[0], &p.utc_us, err)) < 0)
        return rc;
    if (f[7].n != 1 || !number(f[7], &valid) || valid > 1)
        return err_set(err, ERR_MALFORMED, "valid is neither 0 nor 1");
    p.valid = valid > 0;
    if (is_empty(f, 1, 7) && !p.valid)
        return add_point(track, &p, err); /* private mode */
    if (!number(f[1], &p.lat_deg) || !number(f[2], &p.lon_deg))
        return err_set(err, ERR_MALFORMED, "lat and lon are not numbers");
    for (int i = 3; i < 7; i++) {
        double unused;
        if (f[i].n > 0 && !number(f[i], &unused))
            return err_set(err, ERR_MALFORMED, "column %d is not a number", i + 1);
    }
    p.altitude_m = number_in(f, 8, 3);
    p.speed_ms = number_in(f, 8, 4) / 3.6;
    p.course_deg = number_in(f, 8, 5);
    p.satellites = satellites(number_in(f, 8, 6));
    return add_point(track, &p, err);
}

static int read_records(struct track *track, const char *text, size_t n, struct err *err)
{
    struct lines l = {text, text + n, 0};
    struct field line;
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

/* ---- a whole track ---- */

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

/* By time; of the same time the one that stays first (track.h), then anything that is always the
 * same. */
static int by_time(const void *a, const void *b)
{
    const struct track_point *x = a, *y = b;
    if (x->utc_us != y->utc_us)
        return x->utc_us < y->utc_us ? -1 : 1;
    if (is_private(x) != is_private(y))
        return is_private(x) ? -1 : 1;
    if (x->valid != y->valid)
        return x->valid ? -1 : 1;
    if (isnan(x->speed_ms) != isnan(y->speed_ms))
        return isnan(x->speed_ms) ? 1 : -1;
    int c = compare(x->lat_deg, y->lat_deg);
    c = c ? c : compare(x->lon_deg, y->lon_deg);
    return c ? c : compare(x->speed_ms, y->speed_ms);
}

static void put_in_order(struct track *t)
{
    size_t kept = 0;
    if (t->n > 0)
        qsort(t->point, t->n, sizeof *t->point, by_time);
    for (size_t i = 0; i < t->n; i++)
        if (kept == 0 || t->point[kept - 1].utc_us != t->point[i].utc_us)
            t->point[kept++] = t->point[i];
    t->n = kept;
}

int track_parse(struct track **out, const char *name, const char *text, size_t n, struct err *err)
{
    static const char mark[] = TRACK_MARK;
    size_t at = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
    while (at < n && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    struct track *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err, "a track");
    t->source = n >= sizeof mark - 1 && memcmp(text, mark, sizeof mark - 1) == 0 ? TRACK_TRACKER
                                                                                 : TRACK_FILE;
    int rc;
    if (n > TRACK_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "larger than %d MiB", TRACK_BYTES_MAX >> 20);
    else if (at == n)
        rc = err_set(err, ERR_MALFORMED, "the file is empty");
    else if (t->source == TRACK_TRACKER)
        rc = read_records(t, text, n, err);
    else if (text[at] == '<')
        rc = read_gpx(t, text, n, err);
    else if (text[at] == '$' || text[at] == '!')
        rc = read_nmea(t, text, n, err);
    else
        rc = read_csv(t, text, n, err);
    put_in_order(t);
    if (rc == ERR_OK && t->n == 0 && t->source == TRACK_FILE)
        rc = err_set(err, ERR_MALFORMED, "no point with both position and time");
    if (rc == ERR_OK)
        return ERR_OK;
    track_free(out);
    return err_wrap(err, "%s", name);
}

int track_from(struct track **out, enum track_source source, const struct track_point *point,
               size_t n, struct err *err)
{
    struct track *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err, "a track");
    t->source = source;
    int rc = ERR_OK;
    for (size_t i = 0; i < n && rc == ERR_OK; i++)
        rc = add_point(t, &point[i], err);
    put_in_order(t);
    if (rc < 0)
        track_free(out);
    return rc;
}

int track_load(struct track **out, const char *path, struct err *err)
{
    struct buf b;
    *out = NULL;
    buf_init(&b, TRACK_BYTES_MAX);
    int rc = fsx_read_file(path, &b, err);
    if (rc == ERR_OK)
        rc = track_parse(out, path, (const char *)buf_data(&b), b.used, err);
    buf_clear(&b);
    return rc;
}

void track_free(struct track **track)
{
    if (!track || !*track)
        return;
    free((*track)->point);
    free(*track);
    *track = NULL;
}

/* Haversine formula. */
static double distance_m(const struct track_point *a, const struct track_point *b)
{
    double lat = sin((b->lat_deg - a->lat_deg) * RADIAN / 2);
    double lon = sin((b->lon_deg - a->lon_deg) * RADIAN / 2);
    double h = lat * lat + cos(a->lat_deg * RADIAN) * cos(b->lat_deg * RADIAN) * lon * lon;
    return 2 * EARTH_M * asin(sqrt(h < 1 ? h : 1));
}

/* ---- between its points ---- */

const char *track_state_name(enum track_state state)
{
    static const char *const name[] = {
        [TRACK_NO_DATA] = "no data",
        [TRACK_NO_FIX] = "no fix",
        [TRACK_PRIVATE] = "private mode",
        [TRACK_HERE] = "",
    };
    return name[state];
}

static enum track_state state_of(const struct track_point *p)
{
    return is_private(p) ? TRACK_PRIVATE : p->valid ? TRACK_HERE : TRACK_NO_FIX;
}

/* What is known from a point up to the next one. */
static enum track_state state_between(const struct track *t, const struct track_point *a,
                                      const struct track_point *b)
{
    enum track_state x = state_of(a), y = state_of(b);
    if (b->utc_us - a->utc_us >
        (t->source == TRACK_TRACKER ? TRACK_TRACKER_GAP_US : TRACK_FILE_GAP_US))
        return TRACK_NO_DATA;
    if (x == TRACK_PRIVATE || y == TRACK_PRIVATE)
        return TRACK_PRIVATE;
    return x == TRACK_HERE ? y : x;
}

static struct track_point between(const struct track *t, const struct track_point *a,
                                  const struct track_point *b, int64_t utc_us)
{
    double whole_us = (double)(b->utc_us - a->utc_us);
    double part = (double)(utc_us - a->utc_us) / whole_us;
    struct track_point p = no_point;
    p.utc_us = utc_us;
    p.lat_deg = a->lat_deg + part * (b->lat_deg - a->lat_deg);
    p.lon_deg = a->lon_deg + part * remainder(b->lon_deg - a->lon_deg, 360);
    p.lon_deg = fabs(p.lon_deg) > 180 ? remainder(p.lon_deg, 360) : p.lon_deg;
    p.altitude_m = a->altitude_m + part * (b->altitude_m - a->altitude_m);
    p.course_deg =
        fmod(a->course_deg + part * remainder(b->course_deg - a->course_deg, 360) + 360, 360);
    p.satellites = a->satellites < b->satellites ? a->satellites : b->satellites;
    p.speed_ms = a->speed_ms + part * (b->speed_ms - a->speed_ms);
    if (isnan(p.speed_ms) && t->source == TRACK_FILE)
        p.speed_ms = distance_m(a, b) / (whole_us / 1e6);
    if (p.speed_ms > SPEED_MAX_MS)
        p.speed_ms = NAN;
    return p;
}

/* The number of points up to a time. */
static size_t points_until(const struct track *track, int64_t utc_us)
{
    size_t low = 0, high = track->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (track->point[middle].utc_us > utc_us)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

enum track_state track_at(const struct track *track, int64_t utc_us, struct track_point *out)
{
    const struct track_point *p = track->point;
    size_t next = points_until(track, utc_us);
    *out = no_point;
    out->utc_us = utc_us;
    if (next == 0)
        return TRACK_NO_DATA;
    size_t at = next - 1;
    bool first = at == 0, last = next == track->n;
    enum track_state before = first ? TRACK_NO_DATA : state_between(track, &p[at - 1], &p[at]);
    enum track_state behind = last ? TRACK_NO_DATA : state_between(track, &p[at], &p[next]);
    if (p[at].utc_us == utc_us) {
        if (state_of(&p[at]) != TRACK_HERE)
            return state_of(&p[at]);
        *out = p[at];
        if (isnan(out->speed_ms) && behind == TRACK_HERE)
            out->speed_ms = between(track, &p[at], &p[next], utc_us).speed_ms;
        else if (isnan(out->speed_ms) && before == TRACK_HERE)
            out->speed_ms = between(track, &p[at - 1], &p[at], utc_us).speed_ms;
        return TRACK_HERE;
    }
    if (behind == TRACK_HERE)
        *out = between(track, &p[at], &p[next], utc_us);
    return behind;
}

int track_cut(struct track **out, const struct track *track, int64_t from_us, int64_t to_us,
              struct err *err)
{
    size_t first = points_until(track, from_us), behind = points_until(track, to_us - 1);
    struct track_point end;
    struct track *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err, "a track");
    t->source = track->source;
    int rc = ERR_OK;
    if (track_at(track, from_us, &end) == TRACK_HERE)
        rc = add_point(t, &end, err);
    for (size_t i = first; i < behind && rc == ERR_OK; i++) {
        struct track_point p;
        bool here = track_at(track, track->point[i].utc_us, &p) == TRACK_HERE;
        rc = add_point(t, here ? &p : &track->point[i], err);
    }
    if (rc == ERR_OK && to_us > from_us && track_at(track, to_us, &end) == TRACK_HERE)
        rc = add_point(t, &end, err);
    if (rc < 0)
        track_free(out);
    return rc;
}
