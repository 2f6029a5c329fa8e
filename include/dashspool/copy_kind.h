/*
 * copy_kind: the one list of what copies there are, their names and what their files are called.
 * These words are stored, configured and handed out: all wings ask here, and keep no list of their
 * own. Pure.
 */
#ifndef DASHSPOOL_COPY_KIND_H
#define DASHSPOOL_COPY_KIND_H

#include <stdbool.h>

/* Everything that can be made of a master. A photo gives COPY_STILL, whatever copies of a video
 * are asked for. */
enum copy_kind {
    COPY_WORKING = 1 << 0, /* <stem>.working.mp4 */
    COPY_VIEWING = 1 << 1, /* <stem>.viewing-DERIVED.mp4 */
    COPY_STILL = 1 << 2,   /* <stem>.still-DERIVED.jpg of a photo */
    COPY_TIMING =
        1 << 3,        /* <stem>.timing.json: every picture; beside each working or viewing copy */
    COPY_CSV = 1 << 4, /* <stem>.timing.csv: the same as a table */
    COPY_POSTER = 1 << 5, /* <stem>.poster-DERIVED.jpg: the picture at the trigger, or the middle */
    COPY_SHEET = 1 << 6,  /* <stem>.sheet-DERIVED.jpg: contact sheet with times */
    COPY_MOMENT = 1 << 7, /* <stem>.still-<offset>-DERIVED.jpg, one for each options.moment_us */
    COPY_GPX = 1 << 8,    /* <stem>.gpx: position or track, GPX 1.1 */
    COPY_GEOJSON = 1 << 9, /* <stem>.geojson, RFC 7946 */
    COPY_SRT = 1 << 10,    /* <stem>.srt: the overlay's text as subtitles */
    COPY_VTT = 1 << 11,    /* <stem>.vtt */
    COPY_KML = 1 << 12,    /* <stem>.kml: OGC KML 2.2, as GPX */
    COPY_LAST = COPY_KML,
};

/* In the stem of copies that were made anew beside those that a package has, behind the id. */
#define COPY_BESIDE ".tracker"

/* Names of kinds, as they are stored, configured and typed: "working" … */
const char *copy_kind_name(enum copy_kind kind);

/* enum copy_kind; 0: it is none that this program knows. */
unsigned copy_kind_of(const char *name);

/* What a copy's file is called behind "<stem>.": "working.mp4" …; of COPY_MOMENT OFFSET stands
 * for the offset. And the kind of a suffix, offset and all; 0: it is none. */
const char *copy_kind_suffix(enum copy_kind kind);
unsigned copy_kind_of_suffix(const char *suffix);

/* Whether a file that looks like footage has the name of a copy: that is no master. */
bool copy_kind_looks_so(const char *file_name);

#endif
