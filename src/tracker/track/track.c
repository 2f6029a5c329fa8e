#include "dashspool/track.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <libxml/xmlreader.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EARTH_M 6371008.8 /* mean radius, IUGG */
#define RADIAN  (3.14159265358979323846 / 180)

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

/* ERR_MALFORMED if it is nowhere on Earth. */
static int add_point(struct track *track, const struct track_point *point, struct err *err)
{
    if (!(fabs(point->lat_deg) <= 90) || !(fabs(point->lon_deg) <= 180))
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
    track->point[track->n++] = *point;
    return ERR_OK;
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
    g->point = (struct track_point){.speed_ms = NAN};
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
    double speed;
    if (is_named(g, "time")) {
        rc = clock_parse(p, 0, &g->point.utc_us, NULL, err);
        g->has_time = rc == ERR_OK;
    } else if (is_named(g, "speed") && number((struct field){p, n}, &speed) && speed >= 0) {
        g->point.speed_ms = speed; /* m/s: GPX 1.0 speedType, Garmin's TrackPointExtension v2 */
    }
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
        struct track_point p = {.speed_ms = NAN};
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
            return err_set(err, ERR_MALFORMED, "%.*s is not a time", f.n < 40 ? (int)f.n : 40, f.p);
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
        return err_set(err, ERR_MALFORMED, "lat and lon are not numbers");
    if ((rc = read_time(f[c->time], &p.utc_us, err)) < 0)
        return rc;
    if (c->speed >= 0 && c->speed < n && number(f[c->speed], &p.speed_ms))
        p.speed_ms = p.speed_ms >= 0 ? p.speed_ms * c->speed_unit_ms : NAN;
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

/* ---- a whole track ---- */

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

/* By time; of the same time, what tells a speed first, then anything that is always the same. */
static int by_time(const void *a, const void *b)
{
    const struct track_point *x = a, *y = b;
    if (x->utc_us != y->utc_us)
        return x->utc_us < y->utc_us ? -1 : 1;
    if (isnan(x->speed_ms) != isnan(y->speed_ms))
        return isnan(x->speed_ms) ? 1 : -1;
    int c = compare(x->lat_deg, y->lat_deg);
    return c ? c : compare(x->lon_deg, y->lon_deg);
}

int track_parse(struct track **out, const char *name, const char *text, size_t n, struct err *err)
{
    size_t at = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
    while (at < n && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    struct track *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_nomem(err, "a track");
    int rc;
    if (n > TRACK_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "larger than %d MiB", TRACK_BYTES_MAX >> 20);
    else if (at == n)
        rc = err_set(err, ERR_MALFORMED, "the file is empty");
    else if (text[at] == '<')
        rc = read_gpx(t, text, n, err);
    else if (text[at] == '$' || text[at] == '!')
        rc = read_nmea(t, text, n, err);
    else
        rc = read_csv(t, text, n, err);
    size_t kept = 0;
    if (t->n > 0)
        qsort(t->point, t->n, sizeof *t->point, by_time);
    for (size_t i = 0; i < t->n; i++)
        if (kept == 0 || t->point[kept - 1].utc_us != t->point[i].utc_us)
            t->point[kept++] = t->point[i];
    t->n = kept;
    if (rc == ERR_OK && t->n == 0)
        rc = err_set(err, ERR_MALFORMED, "no point with both position and time");
    if (rc == ERR_OK)
        return ERR_OK;
    track_free(out);
    return err_wrap(err, "%s", name);
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

static bool near(const struct track_point *a, const struct track_point *b)
{
    return b->utc_us - a->utc_us <= TRACK_GAP_US;
}

static struct track_point between(const struct track_point *a, const struct track_point *b,
                                  int64_t utc_us)
{
    double whole_us = (double)(b->utc_us - a->utc_us);
    double part = (double)(utc_us - a->utc_us) / whole_us;
    struct track_point p = {.utc_us = utc_us};
    p.lat_deg = a->lat_deg + part * (b->lat_deg - a->lat_deg);
    p.lon_deg = a->lon_deg + part * remainder(b->lon_deg - a->lon_deg, 360);
    p.lon_deg = fabs(p.lon_deg) > 180 ? remainder(p.lon_deg, 360) : p.lon_deg;
    p.speed_ms = a->speed_ms + part * (b->speed_ms - a->speed_ms);
    if (isnan(p.speed_ms))
        p.speed_ms = distance_m(a, b) / (whole_us / 1e6);
    return p;
}

bool track_at(const struct track *track, int64_t utc_us, struct track_point *out)
{
    const struct track_point *p = track->point;
    size_t low = 0, high = track->n; /* the first point behind utc_us */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p[middle].utc_us > utc_us)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == 0)
        return false;
    size_t at = low - 1;
    if (p[at].utc_us == utc_us) {
        *out = p[at];
        if (isnan(out->speed_ms) && low < track->n && near(&p[at], &p[low]))
            out->speed_ms = between(&p[at], &p[low], utc_us).speed_ms;
        else if (isnan(out->speed_ms) && at > 0 && near(&p[at - 1], &p[at]))
            out->speed_ms = between(&p[at - 1], &p[at], utc_us).speed_ms;
        return true;
    }
    if (low == track->n || !near(&p[at], &p[low]))
        return false;
    *out = between(&p[at], &p[low], utc_us);
    return true;
}
