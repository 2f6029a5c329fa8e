/* track: what its files share. track.c is a track; file.c has a person's file read into a
 * `reading`, by gpx.c or lines.c, of which judge.c makes a track; write.c writes. */
#ifndef TRACK_INTERNAL_H
#define TRACK_INTERNAL_H

#include "dashspool/track.h"

#define TRACK_MARK       "# dashspool tracker track " /* of any version */
#define TRACK_FIRST_LINE TRACK_MARK "1"
#define TRACK_HEADER     "time,lat,lon,altitude_m,speed_kmh,course_deg,satellites,valid"

#define EARTH_M          6371008.8 /* mean radius, IUGG */
#define RADIAN           (3.14159265358979323846 / 180)

/* ---- words of a file ---- */

struct track_field {
    const char *p;
    size_t n;
};

/* "-12.5", "3e-05": the whole of the field, in no locale; with `comma` that may be the decimal
 * point. False, and *out as it was, if it is no finite number. */
bool track_number(struct track_field f, bool comma, double *out);

int track_satellites(double v);

bool track_is_private(const struct track_point *p);

/* Appends it. ERR_MALFORMED if it is nowhere on Earth. Of a private one nothing is kept but its
 * time; of the others no number that cannot be. */
int track_add(struct track *track, const struct track_point *point, struct err *err);

/* By time; of the same time the one that stays is the first (track.h), and only that does. */
void track_put_in_order(struct track *track);
int track_compare(const struct track_point *x, const struct track_point *y);

/* ---- a person's file while it is read ---- */

#define TRACK_NAMES_MAX 1000 /* tracks of one file; their names are held, and told */

struct track_reading {
    struct track *track; /* its points in the order of the file, each with its segment */
    double speed_max_ms;
    char (*name)[TRACK_NAME_ROOM];
    int *first_segment;   /* of each name */
    int n_names, current; /* that of the points that come; -1: none yet */
    int *track_of;        /* of each segment */
    int n_segments, segment_room, segment;
    bool used; /* the segment has a point */
};

void track_reading_clear(struct track_reading *r);

/* Points that follow are of this track; NULL: of another one, whose name may come. */
int track_reading_name(struct track_reading *r, const char *name, struct err *err);

/* … of another segment. */
int track_reading_segment(struct track_reading *r, struct err *err);

/* A point as the file tells it; what cannot be used is counted. ERR_LIMIT, ERR_NOMEM. */
int track_reading_add(struct track_reading *r, const struct track_point *point, struct err *err);

int track_read_gpx(struct track_reading *r, const char *text, size_t n, struct err *err);
int track_read_nmea(struct track_reading *r, const char *text, size_t n, struct err *err);
int track_read_csv(struct track_reading *r, const char *text, size_t n, struct err *err);

/* The track file of a clip. */
int track_read_records(struct track *track, const char *text, size_t n, struct err *err);

/* Whether a text has a sentence that tells a position, in its beginning. */
bool track_is_nmea(const char *text, size_t n);

/* Leaves of what was read one track, in order, without what cannot be. ERR_CONFIG: several cover
 * the time; the text lists them. */
int track_judge(struct track_reading *r, const struct track_use *use, struct err *err);

#endif
