/*
 * redact: what is hidden of a copy, wherever its pictures come from: boxes made black in decoded
 * frames before anything else sees them, and no sound. What boxes hide at which time is said in
 * convert.h (struct convert_mask).
 */
#ifndef CONVERT_REDACT_H
#define CONVERT_REDACT_H

#include "copies.h"
#include <libavutil/frame.h>

#define REDACT_TEXT_ROOM 80

/* Whether a copy of a master of this kind is a redacted one: a photo has no sound to lose. */
bool redact_asked(const struct convert_options *options, enum media_container container);

/* Takes away what is hidden of the facts. A copy without an id is called by its stem, which may
 * have the IMEI in it. */
void redact_facts(struct media_facts *facts, const char *stem,
                  const struct convert_options *options);

/* ERR_CONFIG: a working copy has the master's pictures and sound, whole; a file of positions is
 * nothing without them. */
int redact_possible(const struct convert_options *options, struct err *err) DS_MUST_CHECK;

/* Of a video: takes its sound away where that is asked for, and judges the masks. */
int redact_media(struct media *m, const struct convert_options *options,
                 struct err *err) DS_MUST_CHECK;

/* ERR_CONFIG for a mask that hides nothing in pictures of this size, or of a video that is
 * duration_us long (-1: a photo). */
int redact_check(const struct convert_options *options, int width_px, int height_px,
                 int64_t duration_us, struct err *err) DS_MUST_CHECK;

/* "2 boxes blacked out, no sound, no IMEI"; "": nothing is hidden. */
void redact_text(const struct convert_options *options, char out[REDACT_TEXT_ROOM]);

/* How long a picture is shown, in AV_TICKS since the first; all: it may be of any time. */
struct redact_time {
    int64_t from, until;
    bool all;
};

/* Picture `index` of m, which is shown up to `until`. */
struct redact_time redact_time_of(const struct media *m, int64_t index, int64_t until);

/* How many frames of a video, whose damage is known, have a mask. */
int64_t redact_covered(const struct media *m, const struct convert_mask *mask);

/* Blackens what is hidden at that time in a frame of any size and layout, which is the master's
 * picture: its own bytes, never a decoder's. ERR_UNSUPPORTED: a layout that cannot be. */
int redact_frame(AVFrame *f, const struct copy_task *t, struct redact_time time,
                 struct err *err) DS_MUST_CHECK;

#endif
