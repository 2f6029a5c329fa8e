/* Tracks: their points, and what is known between them. */
#include "track_internal.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is above is no number of a vehicle: not known. */
#define SPEED_MAX_MS   1e5
#define ALTITUDE_MAX_M 1e6

bool track_number(struct track_field f, bool comma, double *out)
{
    const char *p = f.p, *end = f.p + f.n;
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    double v = 0;
    int places = 0, digits = 0, exponent = 0;
    for (bool point = false; p < end; p++) {
        if (!point && (*p == '.' || (comma && *p == ','))) {
            point = true;
            continue;
        }
        if (*p < '0' || *p > '9')
            break;
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

bool track_is_private(const struct track_point *p)
{
    return isnan(p->lat_deg) && isnan(p->lon_deg);
}

int track_add(struct track *track, const struct track_point *point, struct err *err)
{
    bool hidden = track_is_private(point);
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

int track_satellites(double v)
{
    return v >= 0 && v <= 1000 ? (int)v : -1;
}

/* ---- a whole track ---- */

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

/* Of the same time the one that stays first (track.h), then anything that is always the same. */
int track_compare(const struct track_point *x, const struct track_point *y)
{
    if (x->utc_us != y->utc_us)
        return x->utc_us < y->utc_us ? -1 : 1;
    if (track_is_private(x) != track_is_private(y))
        return track_is_private(x) ? -1 : 1;
    if (x->valid != y->valid)
        return x->valid ? -1 : 1;
    if (isnan(x->speed_ms) != isnan(y->speed_ms))
        return isnan(x->speed_ms) ? 1 : -1;
    int c = compare(x->lat_deg, y->lat_deg);
    c = c ? c : compare(x->lon_deg, y->lon_deg);
    return c ? c : compare(x->speed_ms, y->speed_ms);
}

static int by_time(const void *a, const void *b)
{
    return track_compare(a, b);
}

void track_put_in_order(struct track *t)
{
    size_t kept = 0;
    if (t->n > 0)
        qsort(t->point, t->n, sizeof *t->point, by_time);
    for (size_t i = 0; i < t->n; i++)
        if (kept == 0 || t->point[kept - 1].utc_us != t->point[i].utc_us)
            t->point[kept++] = t->point[i];
    t->n = kept;
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
        rc = track_add(t, &point[i], err);
    track_put_in_order(t);
    if (rc < 0)
        track_free(out);
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
    return track_is_private(p) ? TRACK_PRIVATE : p->valid ? TRACK_HERE : TRACK_NO_FIX;
}

/* What is known from a point up to the next one. */
static enum track_state state_between(const struct track *t, const struct track_point *a,
                                      const struct track_point *b)
{
    enum track_state x = state_of(a), y = state_of(b);
    if (a->segment != b->segment ||
        b->utc_us - a->utc_us >
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
    p.segment = a->segment;
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
        rc = track_add(t, &end, err);
    for (size_t i = first; i < behind && rc == ERR_OK; i++) {
        struct track_point p;
        bool here = track_at(track, track->point[i].utc_us, &p) == TRACK_HERE;
        rc = track_add(t, here ? &p : &track->point[i], err);
    }
    if (rc == ERR_OK && to_us > from_us && track_at(track, to_us, &end) == TRACK_HERE)
        rc = track_add(t, &end, err);
    if (rc < 0)
        track_free(out);
    return rc;
}
