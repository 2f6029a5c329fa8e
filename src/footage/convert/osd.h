/*
 * osd: the overlay as pixels. Up to four lines of white text, on a dark translucent box or with a
 * dark edge, in a corner of the picture (never the top left one, where the camera's own clock is),
 * in at most its lowest or highest 8 %, times the size that a person asks for. By libass with the
 * font that is in the program and no other, so that the same text gives the same pixels everywhere;
 * a character that the font lacks is an empty box.
 *
 * The overlay has no colour: it is blended into luma, and draws chroma to grey under the box. So
 * the picture's matrix plays no part, only its range.
 */
#ifndef CONVERT_OSD_H
#define CONVERT_OSD_H

#include "dashspool/convert.h"
#include "dashspool/track.h"
#include "media/media.h"
#include <ass/ass.h>

#define OSD_LINES     4
#define OSD_LINE_ROOM 320

/* ---- letters, as libass draws them (osd.c) ---- */

struct letters {
    ASS_Library *library;
    ASS_Renderer *renderer;
    ASS_Track *track;
    int style; /* libass puts one of its own before ours */
};

/* For pictures of this size; NULL: no memory. */
struct letters *letters_new(int width_px, int height_px);
void letters_free(struct letters *letters);

/* One more `text` (ASS, with its commands), bold and white with a dark edge unless that says
 * otherwise; the sizes are those of all. False: no memory. */
bool letters_add(struct letters *letters, const char *text, double font_px, double edge_px);

/* All of them; valid until the next call, NULL if nothing is to be seen. */
const ASS_Image *letters_draw(struct letters *letters);

/* ---- pixels (osd.c) ---- */

struct osd;

/* 8-bit planes Y (and Cb, Cr if n is 3) of a picture. */
struct osd_planes {
    uint8_t *plane[3];
    int stride[3], n;
    int width_px, height_px;
    int log2_chroma_w, log2_chroma_h;
    bool full_range;
};

/* For pictures of this size as a person sees them; corner, size and box as in `options`. *out is
 * the caller's (osd_free). */
int osd_new(struct osd **out, int width_px, int height_px, const struct convert_options *options,
            struct err *err) DS_MUST_CHECK;
void osd_free(struct osd **osd);

/* Draws the text, UTF-8 (lines at the end that are "" are not there); cheap when it is the same as
 * before. Where a picture is so small, or a line so long, that letters would be no letters any more
 * (less than 8 pixels high), lines are broken, and what does not fit then is left out. */
int osd_set(struct osd *osd, char lines[OSD_LINES][OSD_LINE_ROOM], struct err *err) DS_MUST_CHECK;

/* What is not as it should be of all that was drawn; "": nothing. */
#define OSD_NOTE_ROOM 240
void osd_note(const struct osd *osd, char out[OSD_NOTE_ROOM]);
void osd_warn(const struct osd *osd, struct media *m); /* … said once of a clip */

/* Turns what was drawn so that it stands upright in a picture that a viewer turns by its EXIF
 * orientation 1..8 (CIPA DC-008, Orientation). Once after osd_set(). */
int osd_orient(struct osd *osd, int orientation, struct err *err) DS_MUST_CHECK;

/* Where the pixel (x, y) of a w × h picture, as it is seen, is stored. */
void osd_seen_to_stored(int orientation, int w, int h, int x, int y, int *sx, int *sy);

/* The box in stored pixels, which osd_blend() does not leave; w or h is 0 if there is none. */
void osd_box(const struct osd *osd, int *x, int *y, int *w, int *h);

void osd_blend(const struct osd *osd, const struct osd_planes *p);

/* Draws what most overlays have for the size of picture that most cameras make, for nobody: who
 * forks afterwards gives its children the font, read, and the letters, drawn. */
int osd_warm_up(struct err *err) DS_MUST_CHECK;

/* ---- words (osd_text.c) ---- */

/* Appends text that came from outside to out (room bytes) so that it is one line of text: control
 * characters, also those that turn its direction, and what is not UTF-8 become "?". Cut between
 * characters. */
void osd_text_plain(char *out, size_t room, const char *text);

/*
 * The template: the words of the overlay as a person wants them. Compiled once, filled in for every
 * picture. Pure.
 *
 *   {camera} {date} {time}\n{lat} {lon}   fields; "\n", typed or real, begins a new line
 *   {{ }}                                 literal braces
 */
#define TEMPLATE_BYTES_MAX 511 /* osd_template of the options */

enum template_field {
    TEMPLATE_DATE,
    TEMPLATE_TIME,
    TEMPLATE_ZONE,
    TEMPLATE_LAT,
    TEMPLATE_LON,
    TEMPLATE_CAMERA,
    TEMPLATE_IMEI,
    TEMPLATE_VEHICLE,
    TEMPLATE_TRIGGER,
    TEMPLATE_T_MINUS,
    TEMPLATE_PICTURE,
    TEMPLATE_SPEED,
    TEMPLATE_COURSE,
    TEMPLATE_NOTE,
    TEMPLATE_ID,
    TEMPLATE_N_FIELDS,
};

struct template_part {
    int field; /* enum template_field, or -1: literal text */
    int line, from;
};

struct template
{
    struct template_part part[TEMPLATE_BYTES_MAX + 1];
    int n;
    char text[2 * TEMPLATE_BYTES_MAX + 2]; /* literals, each with its end */
};

/* ERR_CONFIG for an unknown field, a brace without its partner, or too many lines, with the
 * position in characters from 1 on. */
int template_compile(struct template *out, const char *text, struct err *err) DS_MUST_CHECK;

/* value: what each field says. What is too long for a line is cut between characters. */
void template_format(const struct template *t, const char *const value[TEMPLATE_N_FIELDS],
                     char out[OSD_LINES][OSD_LINE_ROOM]);

/* What the overlay and the sidecars know of a clip, prepared once: the facts, the compiled
 * template, and the track where it covers the clip. */
struct osd_context {
    const struct media_facts *facts;
    const struct convert_options *options;
    struct template template; /* of options->osd_template, unless that is "" */
    struct track *track;      /* NULL: there is none, or it does not cover the clip */
    char track_sha256[HASH_HEX_ROOM];
    char no_track[400]; /* why the one that was given is not used; "": it is, or there is none */
    bool tracker;       /* the track is the tracker's own account (options->track_sha256) */
    bool placed;        /* the track has a position at some moment of the clip */
    bool private_mode;  /* … or hides it at some moment: no other source may tell it, either */
    int64_t start_us, end_us; /* first and last picture kept, since the master's first */
    bool is_video;            /* … else a photo */
    bool wall_lost;           /* from … on the time of day is unknown: another recording begins */
    int64_t wall_lost_us;
    bool redacted; /* the overlay says so; nobody but convert.c sets it */
};

/* *c is the caller's storage; facts and options must outlive it; osd_context_clear() also after a
 * failure. A person's track that cannot be used for this clip is a warning of m, and so is what was
 * left out of it; an error if several of its tracks cover the clip. The tracker's own is an error
 * if it cannot be read, or is not the one that options->track_sha256 names. */
int osd_context_init(struct osd_context *c, struct media *m, const struct media_facts *facts,
                     const struct convert_options *options, struct err *err) DS_MUST_CHECK;
void osd_context_clear(struct osd_context *c);

/* Where it was at a picture, as overlay, subtitles and timing tell it. Where a person's track has
 * nothing, the camera's own position stands in; where the tracker's has nothing, nothing does. */
struct osd_place {
    struct track_point point; /* of which nothing is known unless state is TRACK_HERE */
    enum track_state state;
    const char *source; /* "tracker", "track", "camera metadata"; "": nobody tells anything */
};
struct osd_place osd_place_at(const struct osd_context *c, int64_t offset_us);

#define OSD_OWN_SOURCE "camera metadata"

/* The camera's own position, if it is one; else false, and both stay as they were. */
bool osd_context_own_position(const struct osd_context *c, double *lat_deg, double *lon_deg);

/* The words for a picture offset_us behind the master's first one; `picture` counts those that are
 * kept in the order in which they are shown, from 0 on ({picture} says one more); what: "viewing
 * copy". Lines that are not used are "". Without a template:
 *
 *   2024-11-29 09:23:45.3 +02:00  54.70042° N  25.25000° E  track
 *   front  crash  IMEI 350612071913857  viewing copy  T-02.35 s  48 km/h  course 271°
 *
 * Of a video whose time is not known the first line tells what is: "0:12.34 from the start  frame
 * 310". That position and IMEI are not known either is said only where something of the camera is.
 *
 * "track" marks a position that a person's file told, "tracker" one by the tracker's own records,
 * which may also have "no fix", "no data" or "private mode"; speed and course are there with a
 * track only. Times are cut off, not rounded, toward the past: a picture never shows a time that
 * had not come. In a redacted copy the first line begins with "REDACTED", whatever the template. */
void osd_text_at(const struct osd_context *c, int64_t offset_us, int64_t picture, const char *what,
                 char out[OSD_LINES][OSD_LINE_ROOM]);

/* What is wrong with a picture, to be said in it; "" nothing is known to be. */
const char *osd_mark_of(const struct media *m, int64_t index);

/* What they tell of when and where: "clock and position", "clock", "position"; "text" where they do
 * not, as it is not known, hidden, or not in the template. */
const char *osd_text_of_what(const struct osd_context *c);

/* The same with times in whole seconds, for subtitles. */
void osd_text_second(const struct osd_context *c, int64_t offset_us, int64_t picture,
                     const char *what, char out[OSD_LINES][OSD_LINE_ROOM]);

#endif
