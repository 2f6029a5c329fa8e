#include "track.h"
#include "dashspool/buf.h"
#include "dashspool/fsx.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EARTH_M 6371008.8 /* mean radius, IUGG */
#define RADIAN  (3.14159265358979323846 / 180)

bool track_number(const char *text, size_t n, double *out)
{
    const char *p = text, *end = text + n;
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

int track_add(struct track *track, const struct track_point *point, struct err *err)
{
    if (!(fabs(point->lat_deg) <= 90) || !(fabs(point->lon_deg) <= 180))
        return err_set(err, ERR_MALFORMED, "%.6g, %.6g is no position", point->lat_deg,
                       point->lon_deg);
    if (track->n >= TRACK_POINTS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d points", TRACK_POINTS_MAX);
    if (track->n == track->room) {
        size_t room = track->room ? 2 * track->room : 256;
        struct track_point *grown = realloc(track->point, room * sizeof *grown);
        if (!grown)
            return err_set(err, ERR_NOMEM, "no memory for a track");
        track->point = grown;
        track->room = room;
    }
    track->point[track->n++] = *point;
    return ERR_OK;
}

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

static void sort(struct track *t)
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
    size_t at = n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* byte order mark */
    while (at < n && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    struct track *t = *out = calloc(1, sizeof *t);
    if (!t)
        return err_set(err, ERR_NOMEM, "no memory for a track");
    int rc;
    if (n > TRACK_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "larger than %d MiB", TRACK_BYTES_MAX >> 20);
    else if (at == n)
        rc = err_set(err, ERR_MALFORMED, "the file is empty");
    else if (text[at] == '<')
        rc = track_read_gpx(t, text, n, err);
    else if (text[at] == '$' || text[at] == '!')
        rc = track_read_nmea(t, text, n, err);
    else
        rc = track_read_csv(t, text, n, err);
    sort(t);
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
