/*
 * track: where a vehicle was, from a file that a person has: GPX 1.0 and 1.1 (track points with a
 * time), NMEA 0183 (RMC and GGA), or CSV with a header row. It is external data: what shows it says
 * so. The file is told apart by its first byte that is no space: '<', '$' or '!', or anything else.
 *
 *   CSV columns: utc or time (RFC 3339, without a zone UTC; or Unix seconds, above 10^11
 *   milliseconds), lat, lon, and speed_ms or speed_kmh; others are ignored. A row without a
 *   position is no point.
 *   NMEA: a sentence whose checksum is wrong or missing is left out and counted. GGA has no date:
 *   it takes that of the RMC before it.
 */
#ifndef DASHSPOOL_TRACK_H
#define DASHSPOOL_TRACK_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds on what a file can ask for. */
#define TRACK_BYTES_MAX  (64 * 1024 * 1024)      /* ten days at one point a second, in GPX */
#define TRACK_POINTS_MAX 1000000                 /* 32 MB; eleven days at one a second */
#define TRACK_GAP_US     (INT64_C(10) * 1000000) /* no position is made up inside a longer one */

struct track_point {
    int64_t utc_us;
    double lat_deg, lon_deg; /* WGS 84 */
    double speed_ms;         /* NAN: unknown */
};

struct track {
    struct track_point *point; /* by time; no two at the same */
    size_t n, room;
    size_t damaged; /* lines left out */
};

/* *out is the caller's (track_free); NULL on failure. ERR_MALFORMED and ERR_LIMIT name file and
 * line. */
int track_load(struct track **out, const char *path, struct err *err) DS_MUST_CHECK;
int track_parse(struct track **out, const char *name, const char *text, size_t n,
                struct err *err) DS_MUST_CHECK;
void track_free(struct track **track);

/* Position and speed at a time, between points in proportion to it: a straight line in degrees,
 * the short way round; it is within 1 m of the great circle for steps below 3 km outside the polar
 * regions. Speed as given by both neighbours, else their distance over their time, else NAN. False
 * outside the track and in a gap. */
bool track_at(const struct track *track, int64_t utc_us, struct track_point *out);

#endif
