/*
 * track: where a vehicle was over time; from a file that a person has, or by the tracker's own
 * records. It hides how such files are read and written, what may be said between two points, and
 * what may not. Pure, but for track_load() and track_save(); any thread.
 *
 * A person's file is GPX 1.0 and 1.1 (track points with a time), NMEA 0183 (RMC, GGA, ZDA), or CSV
 * with a header row; in UTF-8 or UTF-16. It is told apart by what is in it: '<', a sentence that
 * tells a position, or the names of columns.
 *
 *   CSV columns: utc or time (RFC 3339, without a zone UTC; or Unix seconds, above 10^11
 *   milliseconds), lat, lon, speed_ms or speed_kmh, course_deg, altitude_m, satellites; vehicle or
 *   track: which one the row is of; others are ignored. Between columns a comma, a semicolon or a
 *   tab; what is in quotes is one field. A row without a position is no point, and one with more
 *   fields than the header, parted by commas, cannot be read: one of them may be a decimal's.
 *   NMEA: a sentence whose checksum is wrong is left out and counted, and one without where others
 *   have theirs. GGA has no date: it takes that of the RMC or ZDA before it.
 *
 * It is given beside footage, and is no reason for that to wait: what is bad in it is left out,
 * counted, and told by track_notes(). That is a point without a time or nowhere on Earth, a line
 * that cannot be read, what is behind the place where the file is cut or broken; and a point to
 * which no vehicle can have come: of points that are too far apart for their times as many stay as
 * can. At 0 N 0 E, as at a point that says so itself, there was no fix.
 *
 * Segments are not joined: nothing is said between two of them. Nor are tracks: of several, also of
 * segments at the same time, one is taken, that which covers the time that is asked for.
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
    int segment;    /* nothing is said between points of two segments */
    bool valid;     /* false: the last known position, not where it was then */
};

/* Nothing known but that it is one. */
#define TRACK_POINT_NONE                                                                       \
    {                                                                                          \
        .lat_deg = NAN, .lon_deg = NAN, .speed_ms = NAN, .course_deg = NAN, .altitude_m = NAN, \
        .satellites = -1, .valid = true                                                        \
    }

/* Why a point of a person's file is left out. */
enum track_flaw {
    TRACK_NO_TIME,     /* none, or none that is one: empty, a leap second */
    TRACK_NO_POSITION, /* none, none that is a number, or nowhere on Earth */
    TRACK_TOO_FAST,    /* no vehicle can have come there */
    TRACK_UNREADABLE,  /* a line, or an element */
};
#define TRACK_N_FLAWS 4

/* Its name in files: "no_time". */
const char *track_flaw_name(enum track_flaw flaw);

#define TRACK_NAME_ROOM   48
#define TRACK_LABEL_ROOM  72  /* "NAME", "track 2", "NAME, segment 2" */
#define TRACK_SPEED_MAX   300 /* km/h; what no road vehicle drives */
#define TRACK_NOTES_ROOM  400
#define TRACK_BROKEN_ROOM 120

struct track {
    struct track_point *point; /* by time; no two at the same */
    size_t n, room;
    enum track_source source;

    /* of a person's file */
    size_t left_out[TRACK_N_FLAWS];   /* points; in the whole file */
    size_t no_fix;                    /* points that tell of none */
    size_t fast_words;                /* speeds that the file tells, and no vehicle has */
    double speed_max_kmh;             /* what those two were judged by */
    bool utf16, no_checksums, commas; /* it is UTF-16; has no checksum; 54,7 is 54.7 */
    char broken[TRACK_BROKEN_ROOM];   /* where it is cut or broken, and how; "": it is not */
    int n_tracks;                     /* in it; one of them is here */
    char name[TRACK_LABEL_ROOM];      /* that one, if it was chosen; "": there is no other */
};

/* What a track is for. */
struct track_use {
    bool has_time; /* from_us and to_us: that of the clip, both included */
    int64_t from_us, to_us;
    double speed_max_kmh;        /* more is impossible */
    char name[TRACK_LABEL_ROOM]; /* of several tracks this one, as the error lists it; "": any */
};
#define TRACK_USE_ANY                    \
    {                                    \
        .speed_max_kmh = TRACK_SPEED_MAX \
    }

/* *out is the caller's (track_free); NULL on failure. ERR_MALFORMED, ERR_UNSUPPORTED and ERR_LIMIT
 * name the file and what is wrong: nothing in it can be used. ERR_CONFIG: of several tracks in it
 * more than one covers the time (without a time: there are several); the text lists them. Where
 * none does the first is taken. ERR_CONFIG, too: none is called use->name. A file with the first
 * line of a track file has the source TRACK_TRACKER, and may be without a record; it is refused for
 * what a person's is not, with its line. use: NULL is TRACK_USE_ANY. */
int track_load(struct track **out, const char *path, const struct track_use *use,
               struct err *err) DS_MUST_CHECK;
int track_parse(struct track **out, const char *name, const char *text, size_t n,
                const struct track_use *use, struct err *err) DS_MUST_CHECK;

/* What was left out of a person's file, and what is special in how it was read, in one line:
 * "2 points left out (1 without a time, 1 with no position on Earth), 3 points without a fix, …";
 * "": nothing. Names in it are as the file has them. Returns out. */
const char *track_notes(const struct track *track, char out[TRACK_NOTES_ROOM]);

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
