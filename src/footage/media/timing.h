/*
 * timing: the vote on the picture rate, the times of the pictures, and the time of day that goes
 * with them (docs/ptmf.md, sections 3 and 5). Pure.
 */
#ifndef MEDIA_TIMING_H
#define MEDIA_TIMING_H

#include "dashspool/media.h"

/* ---- the vote ---- */

#define TIMING_DISAGREE 0.02 /* rates further apart are not the same (docs/ptmf.md, section 5) */

/* What is known before the vote; 0 where nothing is. */
struct timing_facts {
    bool has_ptmf;             /* the pictures carry capture times */
    int64_t first_us, last_us; /* of them, repaired */
    int64_t pictures;
    double meta_fps, header_fps, person_fps, stream_fps, default_fps;
    int length_s;
};

/* Fills in what every source says, chooses the best and compares the others with it. */
void timing_select(const struct timing_facts *facts, struct media_timing *out);

/* How a source comes to its rate: static text, one line. */
const char *timing_source_text(enum media_source source);

/* Time of the n-th picture at a constant rate, rounded to the microsecond. */
int64_t timing_constant_us(int64_t n, double fps);

/* ---- a camera's clock ---- */

/* A step that is longer is no gap but a clock that was set: a clip is at most 30 s when it is asked
 * for (docs/protocol.md, section 9: camreq), and none longer than a minute is known. */
#define TIMING_JUMP_US     (INT64_C(60) * 1000000)
#define TIMING_WRAP_US     (INT64_C(1) << 32) /* a 32-bit clock of microseconds: 4294.967296 s */
#define TIMING_AWAY        64                 /* pictures that a clock can be wrong and come back */
/* A step that is shorter is none: it is the coarsest unit that any copy tells a time in (subtitles,
 * the header of an MP4), and no camera takes pictures so fast. */
#define TIMING_STEP_MIN_US INT64_C(1000)
/* Rates that no camera has: capture times with such a step are none. */
#define TIMING_FPS_MIN     1.0
#define TIMING_FPS_MAX     120.0

/* For qsort() and bsearch() of int64_t, ascending. */
int timing_by_value(const void *a, const void *b);

/* Median of the steps between n times, those left out that no sane clock makes; 0 if there is
 * none. ERR_NOMEM. */
int timing_median_step_us(const int64_t *times_us, int64_t n, int64_t *out,
                          struct err *err) DS_MUST_CHECK;

/* Whether the recorded times, in the order in which the pictures are shown, can be those of a
 * camera. They cannot where most do not rise, where they tell of more than 120 or fewer than 1
 * picture a second, or where they are off from what header and stream say (0: nothing) by what
 * another unit would make of them. A camera that is slower than it says is believed. ERR_NOMEM. */
struct timing_clock {
    bool usable, rises;
    double fps;       /* as microseconds; 0: nothing can be said */
    const char *unit; /* "milliseconds": what they count instead; NULL: nobody knows */
    int64_t num, den; /* microseconds of it: num / den */
};
int timing_judge_clock(const int64_t *times_us, int64_t n, double header_fps, double stream_fps,
                       struct timing_clock *out, struct err *err) DS_MUST_CHECK;

enum timing_anomaly { TIMING_SANE, TIMING_WRAPPED, TIMING_STRAYED, TIMING_JUMPED };
struct timing_repair {
    int64_t changed;          /* times that were replaced, and one for each jump and wrap */
    int64_t first;            /* index of the first of them; -1 none */
    enum timing_anomaly kind; /* of the first */
    int64_t step_us;          /* … the step that could not be true */
    int64_t wraps, jumps;     /* of all */
};

/* Makes n capture times, in the order in which the pictures are shown, increase by at least
 * TIMING_STEP_MIN_US and at most TIMING_JUMP_US, with the least change:
 *   a 32-bit clock that wraps      is counted on: nothing is lost
 *   up to TIMING_AWAY times that   are put step_us apart behind their predecessor (closer, where
 *   stray and then come back       the clock leaves less room); all others stay
 *   a clock that jumps for good    goes on step_us behind its predecessor; the distances of all
 *                                  later times stay
 * Sane times, whatever their jitter and gaps, are not touched. Times in ±2^61. kind (may be NULL):
 * enum timing_anomaly of each of them. */
struct timing_repair timing_repair(int64_t *times_us, int64_t n, int64_t step_us, uint8_t *kind);

/* ---- the time of day ---- */

/* When a picture offset_us behind the first one of the master was taken, and how well that is
 * known. Where facts->time_error_us does not say, the source does:
 *
 *   metadata, request   ±1.1 s: whole seconds; two clips asked for were seen to begin within 0.1 s
 *                       of it (docs/ptmf.md, section 3)
 *   metadata, trigger   nothing is measured, and the vendor's page calls it the time at which the
 *                       file was finalized: it can be the end. ±(length + 1.1 s), which covers both
 *                       readings; ±1.1 s if the trigger came more than 1 s behind it, for a file is
 *                       not finalized before its trigger. No trigger known: as a trigger's
 *   --time              ±1 s if whole seconds were given, else ±0.1 s
 *   file name           ±1 s: whole seconds, as the camera's own name for the start
 *   … taken as UTC      ±14 h: a name without a zone, and none given; zones reach from -12 to +14
 *   … (upload)          ±24 h: the vendor's test server names files by when the camera connected,
 *                       which is later than the clip, by how much is not known
 *   a person            ±1 s if seconds were told, ±1 min if whole minutes were
 *   any other           ±1 s
 *
 * A photo (no timing) has no length: its time is what the source says, to the second.
 *
 * A constant rate adds half a picture step (at 20 a second the camera's pictures are up to 17 ms
 * off an even grid, docs/ptmf.md, section 3) and the drift to the source that disagrees most; with
 * the default rate alone, as much as the offset itself. duration_us: of the clip. */
struct media_wall timing_wall(const struct media_facts *facts, const struct media_timing *timing,
                              int64_t duration_us, int64_t offset_us);

/* ---- names ---- */

/* The values of facts->time_source that a name can give. */
#define TIMING_NAME        "file name"
#define TIMING_NAME_UTC    "file name, taken as UTC"
#define TIMING_NAME_UPLOAD "file name (upload)"

/* The first time in a file's name that is plausible: from 2015 to now_us and a day.
 *   20241129_092345, 2024-11-29 09-23-45, 20241129092345 …   local time: of tz_min, or UTC
 *   20241129T072345Z (our ids)                               UTC
 *   2024-11-29072345 (the vendor's test server)              UTC, of the upload
 *   1732865025, 1732865025250                                Unix seconds, milliseconds
 * *source is one of the texts above. false: there is none. */
bool timing_from_name(const char *name, const int *tz_min, int64_t now_us, int64_t *utc_us,
                      const char **source);

#endif
