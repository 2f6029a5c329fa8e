/*
 * report: what goes with footage to an insurer or a court. Facts in, one HTML file out, or one PDF
 * that says the same on paper.
 *
 * It hides the report's words, its look and the maps. It knows no database, no file and no codec:
 * who calls says what is known, and the page says so in plain words, with what is not known beside
 * it. Clips and photos of one camera unit (IMEI) that begin within REPORT_SAME_EVENT_US are one
 * event; they stand side by side, in the order in which they were given.
 *
 * The page is whole in itself: no script, no link, no font or picture from elsewhere; pictures are
 * data: URIs (RFC 2397), maps and time lines inline SVG. Its own Content-Security-Policy forbids
 * the browser to fetch anything. The PDF has its fonts within it, its pictures as they are, links
 * only to its own pages and, as the words of an address, to a map; no form and no script.
 *
 * Same facts, same bytes, on any machine with the same program and libraries: no clock, locale,
 * zone, setting or font of the machine is asked for. The fonts are in the program: DejaVu Sans and
 * Sans Mono (src/evidence/report/font), and WenQuanYi Micro Hei for Chinese, Japanese and
 * Korean, which the build takes from the system, since it is too large for the tree. What they have
 * no shape for (Thai, emoji) is a box on paper, and itself when copied.
 *
 * All strings are the caller's, borrowed for the call, UTF-8 by intention; NULL is "". They may be
 * hostile: markup is escaped; control characters, those that turn the direction of writing, and
 * bytes that are no UTF-8 become U+FFFD. Hashes are SHA-256 as hexadecimal text.
 *
 * What a tracker said on its own link is drawn for the first clip of an event that has it: speed
 * and acceleration over time, and the way on a map of its own. Of more records than a line has room
 * for, the first, lowest, highest and last of each step are drawn, so that no peak is lost.
 *
 * Maps: Natural Earth 1:50m, public domain (src/evidence/atlas/LICENSE). Thread-safe.
 *
 * After the first PDF the process keeps four open files, which are the fonts in memory, and is told
 * by fontconfig of no other fonts; cairo keeps some shapes of letters for the next PDF, up to its
 * own limit. Where our memory runs out there is ERR_NOMEM; where Pango's does, the process ends, as
 * GLib has it: a PDF is to be made in a process that may be started again.
 */
#ifndef DASHSPOOL_REPORT_H
#define DASHSPOOL_REPORT_H

#include "dashspool/buf.h"
#include "dashspool/err.h"
#include "dashspool/track.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REPORT_SAME_EVENT_US INT64_C(5000000)

/* A point in time, and how well it is known. Outside the years 1 to 9999 it is not known; a zone
 * outside ±18 h is none. */
struct report_time {
    bool known;
    int64_t utc_us;
    bool has_zone; /* without one it is shown in UTC only, and that is said */
    int tz_min;    /* minutes east of UTC */
    bool has_error;
    int64_t error_us; /* ± */
};

/* A JPEG, complete, as it is to be seen; bytes that do not begin as one are not shown. */
struct report_picture {
    const uint8_t *jpeg; /* NULL: none, unless it can be loaded */
    size_t n_bytes;
    const char *what; /* for those who cannot see it, and below it: "Front camera at the trigger" */
    /* Appends it to out (a ceiling of REPORT_PICTURE_BYTES_MAX) each time that it is needed, so
     * that the pictures of a long report are not in memory all at once. NULL: jpeg has it. */
    int (*load)(void *from, struct buf *out, struct err *err);
    void *from;
};
#define REPORT_PICTURE_BYTES_MAX ((size_t)8 << 20)

/* Somebody or something that said when, or how fast: "camera's message", "file name" … */
struct report_clock {
    const char *name;
    struct report_time time; /* what it said, if that is a time … */
    const char *value;       /* … else, or besides, in words: "20 pictures a second" */
    const char *note;        /* why it was chosen, or what speaks against it */
    bool chosen, disagrees;  /* disagrees: with the chosen one, by more than both allow */
};

/* A stretch of a video that is not as the camera made it. Times from the first picture on. */
enum report_flaw {
    REPORT_DAMAGED,
    REPORT_MISSING,
    REPORT_SILENCE,
    REPORT_CUT, /* it ends early: a stretch without length, at its end */
    REPORT_N_FLAWS,
};
struct report_stretch {
    enum report_flaw flaw;
    int64_t from_us, until_us;
    int64_t pictures; /* concerned; 0: unknown, or it is sound */
    const char *why;  /* in words: "the camera left out 3 pictures" */
};

/* How the original came. */
struct report_arrival {
    bool known;                 /* false: brought in as a file; `how` says what is known of that */
    const char *how;            /* a sentence, or "" */
    const char *peer;           /* address and port of the camera's connection */
    bool encrypted;             /* by TLS */
    int64_t began_us, ended_us; /* UTC, by the receiver's clock */
    int64_t connections, packets,
        bad_frames;        /* bad: refused for a wrong check sum, then repeated */
    int64_t resumed;       /* times that a broken transfer was taken up again */
    int64_t bytes;         /* that were received for it, repeated ones included; 0 unknown */
    bool partial;          /* its end never came */
    int64_t missing_bytes; /* of a partial one; 0 unknown */
};

/* A file that was made of the original. */
struct report_derived {
    const char *name;         /* in the package: "media/….viewing-DERIVED.mp4" */
    const char *purpose;      /* "to look at, in any player", or "" */
    const char *tool;         /* "dashspool 0.1.0, FFmpeg 5.1.6" */
    const char *settings;     /* in words or as options */
    const char *input_sha256; /* NULL: the clip's own original */
    const char *sha256;
    int64_t length_bytes;
};

/* Acceleration as a tracker measured it at a crash, in thousandths of g, gravity with it. Which way
 * X, Y and Z point, only the tracker knows. */
struct report_sample {
    int64_t utc_us; /* derived: its record's time and its place in it; ± REPORT_SAMPLES_US */
    int16_t mg[3];  /* X, Y, Z */
    bool apart;     /* nothing is known of the time between it and the one before */
};
#define REPORT_SAMPLES_US INT64_C(1000000)

/* What the tracker itself said, on its own link, of the time around a clip. Nothing proves that its
 * clock is the camera's: what differs is shown, and not corrected. */
struct report_journey {
    bool known;                       /* false: it said nothing, and nothing is told of it */
    bool imperial;                    /* speeds in miles an hour */
    int64_t from_us, until_us;        /* the clip itself, by the camera's clock */
    int64_t records, unfixed, hidden; /* … of them without a fix; in private mode */

    /* Its record of the clip's event. */
    bool has_event;
    int64_t event_us, difference_us; /* its time; less the camera's time of it */
    const char *priority;            /* "high" */
    const char *event;               /* what caused it: "camera trigger (499): crash" */

    bool has_crash; /* a record of a crash (247) is among them */
    int64_t crash_us;
    const char *crash; /* "crash, calibrated" */
    enum { REPORT_NOT_TOLD, REPORT_CALIBRATED, REPORT_NOT_CALIBRATED } axes;
    int64_t unplaced; /* samples whose time is not known: they are not below */

    /* By time; these, or those that load() appends: of a long report they are not in memory all at
     * once. A point that is not valid, or hidden (track.h), breaks the lines that are drawn. */
    const struct track_point *point;
    const struct report_sample *sample;
    size_t n_points, n_samples;
    int (*load)(void *from, struct buf *points, struct buf *samples, struct err *err);
    void *from;
};
#define REPORT_JOURNEY_BYTES_MAX ((size_t)64 << 20) /* of either */

enum report_kind { REPORT_VIDEO, REPORT_PHOTO };

struct report_clip {
    const char *id;     /* names it everywhere: "352093081452251-front-video-20241129T072345Z" */
    const char *name;   /* the original in the package; "" if it is not in it */
    const char *camera; /* "front", "rear", "driver", "road" */
    const char *imei;
    const char *vehicle; /* "" or what it is known by */
    enum report_kind kind;
    struct report_time start; /* of the first picture, or of the photo */
    const char *start_why;    /* where that is from, and why no better */
    const char *trigger;      /* "crash"; "": unknown */
    bool has_trigger_time;
    int64_t trigger_offset_us; /* from the first picture; may be negative */
    int64_t duration_us;       /* 0 unknown */
    int64_t pictures;          /* 0 unknown */
    int64_t fps_milli;         /* pictures in 1000 s; 0 unknown */
    const char *rate_why;      /* where the rate is from */
    int width_px, height_px;   /* 0 unknown */
    bool has_sound;
    int64_t length_bytes;
    const char *sha256; /* of the original */
    bool has_position;
    double lat_deg, lon_deg;  /* WGS 84; not within ±90, ±180: no position */
    const char *position_why; /* whose word it is, or why there is none */
    struct report_journey journey;
    struct report_picture picture;
    const struct report_clock *clock;
    size_t n_clocks;
    bool examined;            /* false: nobody looked for damage, and the page says that */
    const char *examined_why; /* how: "all 200 pictures were decoded" */
    const struct report_stretch *stretch; /* in order of time */
    size_t n_stretches;
    struct report_arrival arrival;
    const struct report_derived *derived;
    size_t n_derived;
    const char *const *unknown; /* more sentences on what is not known of it */
    size_t n_unknown;
};

/* A file of the package, in the order in which to open them. */
struct report_file {
    const char *name, *what;
};

/* How to check: a line or more to type, and what must be seen then. */
struct report_check {
    const char *title, *command, *expect;
};

struct report_signature {
    bool is_signed;
    const char *who; /* name in the certificate */
    const char *how; /* "CMS, ECDSA P-256", certificate's fingerprint … */
    bool has_stamp;  /* a time stamp of a third party (RFC 3161) */
    const char *stamp_who;
    int64_t stamp_us; /* UTC */
};

struct report {
    const char *title;     /* "": it names vehicle, event and date */
    const char *reference; /* claim or case number, or "" */
    const char *recipient, *author;
    const char *tool; /* what made it: "dashspool 0.1.0" */
    struct report_time made;
    const char *note; /* a person's words, or "" */
    bool redacted;
    const char *redaction;         /* what was hidden, in whose name, where the whole is */
    const char *const *difference; /* what is not as it was received, as it was found */
    size_t n_differences;
    const struct report_file *file;
    size_t n_files;
    const struct report_clip *clip;
    size_t n_clips;
    const struct report_check *check;
    size_t n_checks;
    struct report_signature signature;
    const char *const *limit; /* more sentences on what the package does not show */
    size_t n_limits;
};

/* Writes the page to out, and all of it is handed to the system when it returns. ERR_IO: it cannot
 * be written; ERR_NOMEM; what a picture's load() returned. On failure out holds a part of it. */
int report_html(FILE *out, const struct report *r, struct err *err) DS_MUST_CHECK;

/* The same as a PDF, on A4, to be printed or filed. A picture is in it as it is (ITU-T T.81
 * baseline or progressive, 8 bits, up to 8192 dots a side); others are "no picture". The same
 * errors. */
int report_pdf(FILE *out, const struct report *r, struct err *err) DS_MUST_CHECK;

#endif
