/*
 * track: where a vehicle was over time; from a file that a person has, or by the tracker's own
 * records. It hides how such files are read and written, what may be said between two points, and
 * what may not. Pure, but for track_load() and track_save(); any thread.
 *
 * A person's file is GPX 1.0 and 1.1 (track points with a time), NMEA 0183 (RMC and GGA), or CSV
 * with a header row. It is told apart by its first byte that is no space: '<', '$' or '!', or
 * anything else.
 *
 *   CSV columns: utc or time (RFC 3339, without a zone UTC; or Unix seconds, above 10^11
 *   milliseconds), lat, lon, speed_ms or speed_kmh, course_deg, altitude_m, satellites; others are
 *   ignored. A row without a position is no point.
 *   NMEA: a sentence whose checksum is wrong or missing is left out and counted. GGA has no date:
 *   it takes that of the RMC before it.
 *
 * The track file of a clip is the tracker's account of it: CSV, LF, its first line the version of
 * the format, a row for each record, by time. What recipes, custody and packages name is the
 * SHA-256 of these bytes; the same records give the same bytes.
 *
 *   # dashspool tracker track 1
 *   time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid
 *   2024-11-29T07:23:45.123Z,54.7000000,25.2000000,112,63,271,9,1
 *   2024-11-29T07:23:46.000Z,54.7000000,25.2000000,112,0,0,0,0      the last known position
 *   2024-11-29T07:23:47.000Z,,,,,,,0                                private mode: hidden
 *
 * Its reader takes nothing else: other columns, half a position, or a last line that is cut are
 * ERR_MALFORMED; another version is ERR_UNSUPPORTED.
 */
#ifndef DASHSPOOL_TRACK_H
#define DASHSPOOL_TRACK_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bounds on what a file can ask for. */
#define TRACK_BYTES_MAX  (64 * 1024 * 1024) /* ten days at one point a second, in GPX */
#define TRACK_POINTS_MAX 1000000            /* 64 MB; eleven days at one a second */

/* Whose account it is: of a file that a person has, or the tracker's own. */
enum track_source { TRACK_FILE, TRACK_TRACKER };

/* No position is said between two points that are further apart. Both must be valid, too. */
#define TRACK_FILE_GAP_US    (INT64_C(10) * 1000000)
#define TRACK_TRACKER_GAP_US (INT64_C(15) * 1000000)

struct track_point {
    int64_t utc_us;
    double lat_deg, lon_deg; /* WGS 84; both NAN: private mode hid it, and all else here */
    double speed_ms;         /* NAN: unknown, as the next two */
    double course_deg;       /* 0 is north, 90 east; at least 0, less than 360 */
    double altitude_m;
    int satellites; /* -1: unknown */
    bool valid;     /* false: the last known position, not where it was then */
};

/* Nothing known but that it is one. */
#define TRACK_POINT_NONE                                                                       \
    {                                                                                          \
        .lat_deg = NAN, .lon_deg = NAN, .speed_ms = NAN, .course_deg = NAN, .altitude_m = NAN, \
        .satellites = -1, .valid = true                                                        \
    }

struct track {
    struct track_point *point; /* by time; no two at the same */
    size_t n, room;
    size_t damaged; /* lines left out */
    enum track_source source;
};

/* *out is the caller's (track_free); NULL on failure. ERR_MALFORMED and ERR_LIMIT name file and
 * line. A file with the first line of a track file has the source TRACK_TRACKER, and may be without
 * a record; any other has TRACK_FILE, and no point is ERR_MALFORMED. */
int track_load(struct track **out, const char *path, struct err *err) DS_MUST_CHECK;
int track_parse(struct track **out, const char *name, const char *text, size_t n,
                struct err *err) DS_MUST_CHECK;

/* Of points in any order. Of several at one time one stays: a private one, else a valid one, else
 * one that tells a speed. ERR_MALFORMED: one is nowhere on Earth; ERR_LIMIT. */
int track_from(struct track **out, enum track_source source, const struct track_point *point,
               size_t n, struct err *err) DS_MUST_CHECK;
void track_free(struct track **track);

/* What is known of a moment. A private record hides all up to its neighbours. */
enum track_state {
    TRACK_NO_DATA, /* outside of the track, or in a gap */
    TRACK_NO_FIX,  /* the tracker spoke, and one of the records around had no valid position */
    TRACK_PRIVATE, /* … or was in private mode: nothing may be told */
    TRACK_HERE,
};

/* "no data", "no fix", "private mode"; "" for TRACK_HERE. */
const char *track_state_name(enum track_state state);

/* Position, course, speed, altitude at a time; *out is whole with TRACK_HERE only, else a point of
 * which nothing is known. Between points in proportion to time: a straight line in degrees, the
 * short way round; it is within 1 m of the great circle for steps below 3 km outside the polar
 * regions. Course the short way round. Speed as given by both neighbours, else in a person's file
 * their distance over their time, else NAN; so none is older than the gap that is allowed.
 * Satellites: the fewer of both. */
enum track_state track_at(const struct track *track, int64_t utc_us, struct track_point *out);

/* The part from one time to another, with a point at each end where one is known; valid points tell
 * what track_at() tells of their times. *out is the caller's. */
int track_cut(struct track **out, const struct track *track, int64_t from_us, int64_t to_us,
              struct err *err) DS_MUST_CHECK;

/* ---- writing ---- */

/* A point's numbers as every file has them; "" for what is unknown or hidden. Speed in km/h. */
struct track_texts {
    char lat[24], lon[24], altitude_m[24], speed_kmh[24], course_deg[24], satellites[16];
};
void track_texts(const struct track_point *point, struct track_texts *out);

/*
 *   TRACK_CSV      all points: the track file of a clip, whatever the label
 *   TRACK_JSON     all points: {"format":1,"id":…,"source":…,"points":[{"time":…,"lat":…,"lon":…,
 *                  "altitude_m":…,"speed_kmh":…,"course_deg":…,"satellites":…,"valid":…,
 *                  "private":…}]}; null for what is unknown
 *   TRACK_GPX      GPX 1.1; valid points only, as the next two, a segment for each stretch without
 *                  a gap; speed (m/s) and course as Garmin's TrackPointExtension v2, <ele>, <sat>
 *   TRACK_KML      OGC KML 2.2 (07-147r2): lines
 *   TRACK_GEOJSON  RFC 7946: lines, with times, speeds_kmh, courses_deg, altitudes_m, satellites
 */
enum track_format { TRACK_CSV, TRACK_JSON, TRACK_GPX, TRACK_KML, TRACK_GEOJSON };

struct track_label {
    const char *id, *camera; /* what it is of; one line without control characters; "": nothing */
    const char *source;      /* who says so: "tracker" */
    bool has_time;           /* when that begins */
    int64_t utc_us;
    bool has_own; /* GPX, KML, GeoJSON: one position by another source, a point of its own */
    double own_lat_deg, own_lon_deg;
    const char *own_source;
};

/* Appends to *out, which is of no use after a failure. track may be NULL: none. */
int track_write(const struct track *track, const struct track_label *label,
                enum track_format format, struct buf *out, struct err *err) DS_MUST_CHECK;

/* The track file of a clip, as TRACK_CSV writes it, and the hash that names it. */
int track_save(const struct track *track, const char *path, char sha256[HASH_HEX_ROOM],
               struct err *err) DS_MUST_CHECK;

#endif
