/*
 * media: a master, opened for reading: where its access units and its sound are, when each picture
 * is shown, and what a decoder needs to start. The index is built once; all copies are made from
 * it. The bytes are mapped, never copied whole.
 *
 * media.c is the ground that the others stand on, open.c builds the index with them:
 *
 *   container.c   what a file is, and whether it ends well
 *   damage.c      what is not as the camera made it
 *   refs.c        to which pictures each one refers
 *   decode.c      pictures by libavcodec
 *   numbers.c     how the records are numbered
 *   recordings.c  where a new recording begins in it
 *   examine.c     all of them, and what is wrong with each
 *   times.c       in which order and when pictures are shown
 *   sound.c       the sound on one time line
 *   sets.c        parameter sets
 *   start.c       where decoding starts
 *   refresh.c     a start without a key picture
 *   shapes.c      sizes and formats of the pictures
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include "annexb.h"
#include "dashspool/media.h"
#include <libavutil/pixfmt.h>
#include <libavutil/rational.h>

/* Bounds on what a master can ask for. */
#define MEDIA_PICTURES_MAX 1000000       /* 9 hours at 30 a second; 64 MB of index */
#define MEDIA_SOUNDS_MAX   2000000       /* 22 hours of 40 ms records */
#define MEDIA_PIXELS_MAX   (8192 * 4320) /* 8K */
#define MEDIA_SETS_MAX     64            /* parameter sets: 16 + 16 + a few PPS in practice */
#define MEDIA_TRIES_MAX    16            /* key pictures tried before giving up */

enum media_state {
    MEDIA_GOOD,
    MEDIA_AFFECTED, /* refers, directly or not, to a damaged or lost picture */
    MEDIA_DAMAGED,  /* its own bytes are broken or missing in part */
};

struct media_picture {
    size_t offset, n;       /* its access unit in the map */
    size_t head;            /* … of that, what is in front of its first slice */
    int64_t time_us;        /* when it is shown, since the first picture of the master */
    int64_t pts, dts, span; /* AV_TICKS since the first picture kept; span: how long it is shown */
    int64_t poc;
    int32_t period;  /* counts the restarts of POC */
    int64_t missing; /* pictures that should be shown between its predecessor and it, and are not
                        there: by sequence numbers, or by POC */
    bool key;
    bool leading; /* RADL or RASL: shown before the key picture in front of it */
    bool unread;  /* the parser refuses its slice header, or its POC cannot be */
    bool repeat;  /* it comes a second time, the same to the byte */
    bool keyless; /* POC restarts here, but the key picture is missing */
    bool lacks;   /* it refers to a picture that is not there */
    bool proven;  /* the encoder's hash of it fits, whatever happened to others */
    bool padded;  /* behind it are more zeros than it needs: legal, but bytes may be lost */
    bool blind;   /* to which it refers is not known */
    bool hidden;  /* by its own word (pic_output_flag), or by H.265 8.1.3, it is not shown */
    int layered;  /* units of layers above the base layer */
    int n_refs;   /* … to these: m->ref[ref_at] and those behind it */
    int64_t ref_at;
    bool unkeyed;      /* of a later recording, before the first key picture of that */
    uint32_t sequence; /* PTMF: its number (numbers.c) … */
    size_t record;     /* … where its record begins */
    int64_t clock_us;  /* … and when it was taken, since the camera started, as recorded */
    int nominal_fps;   /* … and what that says; 0 unknown */
    float stream_fps;  /* what its parameter sets say; 0 nothing */
    int32_t recording; /* that it belongs to, from 0 (recordings.c) */
    bool apart;        /* … and how long after the one before that began, nobody knows */
    enum media_state state;
    const char *why; /* static text; NULL for MEDIA_GOOD, and where it only refers to another */
};

struct media_sound {
    size_t offset, n; /* A-law bytes in the map */
    int64_t time_us;  /* like a picture's */
    uint32_t sequence;
    int32_t recording;
};

struct media_silence {         /* put in where the master has no sound */
    int64_t from_us, until_us; /* like a picture's time_us */
    const char *why;           /* static text */
};

struct media_hole {            /* pictures that the camera made and that are not there */
    int64_t before;            /* index (decode order) of the picture behind the hole */
    int64_t lost;              /* by sequence numbers or POC; 0: the camera dropped pictures */
    int64_t from_us, until_us; /* times of the pictures around it, like a picture's time_us */
    bool recording;            /* lost is 0 as another recording begins */
};

struct media_shape { /* size and format */
    int64_t from;    /* picture: a key picture */
    int width_px, height_px;
    enum AVPixelFormat format;
    AVRational sample_aspect; /* of a pixel; 1:1 where nothing is said */
};

struct media_set {
    int type, id;
    const uint8_t *p; /* in the map */
    size_t n;
};

struct media {
    const uint8_t *map;
    size_t n, mapped;
    size_t from, until; /* the part of the map that is indexed */
    enum media_container container;

    struct media_picture *picture; /* decode order */
    int64_t n_pictures, room_pictures;
    int64_t *ref; /* indices of pictures to which others refer (refs.h) */
    int64_t n_refs;
    int64_t first; /* pictures before this one cannot be decoded and are left out */
    int64_t whole; /* … and those before this one are built on pictures that are not there: there is
                      no key picture at `first`, but intra refresh (refresh.h); else `first` */
    int64_t mostly; /* … of which this is the first that was mostly coded anew; -1: unknown */
    int64_t n_led;  /* leading pictures of that one, not in picture[]: they are left out, too */
    struct media_sound *sound;
    int64_t n_sounds, room_sounds;
    int nominal_fps;  /* PTMF header of the first picture; 0 unknown */
    int64_t clock_us; /* its capture time: since the camera started */

    struct media_set set[MEDIA_SETS_MAX]; /* in force at `first` */
    int n_sets;
    bool sets_change; /* behind `first` others come */
    uint8_t *lent;    /* Annex-B parameter sets in force before the own ones: … */
    size_t n_lent;
    bool borrowed;    /* … of another clip … */
    bool lent_early;  /* … or own ones, of a record in front of the first picture … */
    bool lent_late;   /* … or behind the first slices */
    int64_t own_sets; /* picture: the first that has an SPS and a PPS in front */

    int profile, level; /* H.265 annex A: general_profile_idc, general_level_idc */
    int reorder;        /* pictures that may be decoded before one and shown after it */
    int width_px, height_px;
    enum AVPixelFormat format;
    enum AVColorRange range;
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorSpace space;
    AVRational sample_aspect;
    double stream_fps;
    double fps;                /* of the whole, whatever its recordings have; for encoders */
    struct media_shape *shape; /* in order; the first is that of the fields above */
    int64_t n_shapes, room_shapes;
    int view_width_px, view_height_px; /* of the largest */
    AVRational view_aspect;

    struct media_hole *hole; /* in time order */
    int64_t n_holes, room_holes;
    int64_t n_padded;              /* pictures */
    int64_t layered;               /* units of layers above the base layer: kept, not shown */
    struct media_silence *silence; /* in time order */
    int64_t n_silences, room_silences;
    struct media_damage damage;
    int64_t *view_pts; /* what the viewing copy shows, cards included; ascending, AV_TICKS */
    struct media_coded {
        int64_t bytes;
        bool key;
    } * view_coded; /* … each of them, as the encoder made it */
    int64_t n_view, room_view, room_coded;
    int view_codec;                    /* enum AVCodecID; 0 means H.264 */
    char slices_sha256[HASH_HEX_ROOM]; /* from `first` on, once a copy of them was read back */

    int n_recordings;       /* in the part that is indexed */
    bool unplaced;          /* that part is a recording of which nobody knows … */
    int64_t placed_us;      /* … how long after the master's first picture it begins */
    bool wall_lost;         /* from … on nobody knows how long after the first picture it is: */
    int64_t wall_lost_us;   /* … this time; like a picture's */
    bool clock_dead;        /* the capture times cannot be true, or most of them: not used */
    double clock_fps;       /* … the rate that they tell as they stand; 0: none */
    const char *clock_unit; /* … what they count instead of microseconds; NULL */
    struct media_timing timing;
    int64_t start_us; /* of the first picture kept, since the first of the master */
    int64_t duration_us;
    char warning[512];
};

/* ---- media.c ---- */

/* Maps a file read-only with zeros behind its end, which FFmpeg's parsers ask for; n > 0. */
int media_map(struct media *m, const char *path, struct err *err) DS_MUST_CHECK;

/* Also after media_open(). */
void media_close(struct media *m);

/* Adds to the one line of warning. */
void media_warn(struct media *m, const char *fmt, ...) DS_PRINTF(2, 3);
/* "1 picture is damaged", "2 pictures are damaged"; nothing for 0. */
void media_warn_count(struct media *m, int64_t n, const char *one, const char *many);

/* Room for one more element of an array (the address of the pointer to it) of n, at most max. */
int media_grow(void *array, int64_t n, int64_t *room, int64_t max, size_t element, const char *what,
               struct err *err) DS_MUST_CHECK;

struct media_shown { /* a picture in display order */
    int64_t poc, index;
    int32_t period;
};

/* All pictures in display order; the caller's (free), also after a failure. */
int media_display_order(const struct media *m, struct media_shown **out,
                        struct err *err) DS_MUST_CHECK;

/* How many pictures are kept, and how many of them are key pictures: what everybody tells of it. */
void media_count(const struct media *m, int64_t *pictures, int64_t *key_pictures);

/* How many of the pictures kept are shown before pts: the number (from 0) of one shown then. */
int64_t media_shown_before(const struct media *m, int64_t pts);

/* Two pictures have the same bytes. */
bool media_alike(const struct media *m, int64_t i, int64_t k);

/* ---- sets.c ---- */

/* Collects the parameter sets in force at m->first, and sets m->sets_change. */
int media_collect_sets(struct media *m, struct err *err) DS_MUST_CHECK;

/* Those in front of a picture come into force. */
int media_take_sets(struct media *m, int64_t index, struct err *err) DS_MUST_CHECK;

/* Of those in force, the SPS that a picture is coded by; NULL: it is not there. */
const struct media_set *media_active_sps(const struct media *m, int64_t index);

/* The parameter sets in force with start codes, VPS and SPS first: libavcodec judges each by those
 * that it has read. av_malloc'ed with FFmpeg's padding, the caller's. */
int media_extradata(const struct media *m, uint8_t **out, int *n, struct err *err) DS_MUST_CHECK;

/* A parameter set that the samples need not repeat. */
bool media_in_sets(const struct media *m, const struct nal *nal);

/* ---- shapes.c ---- */

/* Fills in m->shape and what a viewing copy has of them; with times known. */
int media_find_shapes(struct media *m, struct err *err) DS_MUST_CHECK;

/* "640x360", and what of its pixels and format is unlike the one before. */
#define MEDIA_SHAPE_ROOM 80
void media_shape_text(const struct media_shape *shape, const struct media_shape *before,
                      char out[MEDIA_SHAPE_ROOM]);

/* Where in a view of view_width_px × view_height_px a picture of this size and pixel aspect lies:
 * as large as it can be, undistorted, in the middle; even numbers, unless it is all of it. */
struct media_box {
    int x, y, w, h;
};
struct media_box media_fit(const struct media *m, int width_px, int height_px, AVRational aspect);

/* ---- container.c ---- */

/* Tells what a file is by its bytes; n > 0. *out is MEDIA_ANNEXB also with the error that only
 * parameter sets are missing. ERR_MALFORMED, ERR_UNSUPPORTED with what it looks like instead.
 * Pure. */
int sniff_bytes(const uint8_t *data, size_t n, enum media_container *out,
                struct err *err) DS_MUST_CHECK;

/* ---- open.c ---- */

/* Opens and indexes a video. *m is the caller's storage; media_close() also after a failure. */
int media_open(struct media *m, const char *path, enum media_container container,
               const struct media_facts *facts, const struct media_options *options,
               struct err *err) DS_MUST_CHECK;

/* ---- numbers.c ---- */

/* With POC known: makes picture[].sequence and sound[].sequence go on by one from each to the next,
 * and by more where some are missing, also where the records' own numbers count otherwise. */
int media_read_numbers(struct media *m, struct err *err) DS_MUST_CHECK;

/* ---- recordings.c ---- */

/* How long copies of the whole show nothing between two recordings: nobody knows how long it was,
 * but a viewer sees that there is something between. */
#define MEDIA_APART_US INT64_C(1000000)

/* With POC known: fills in picture[] and sound[].recording, n_recordings, clock_dead and what goes
 * with it, and turns the times of records into microseconds if they count something else. */
int media_find_recordings(struct media *m, struct err *err) DS_MUST_CHECK;

/* Narrows from..until to recording `number` (from 1), for the index to be built anew.
 * ERR_NOTFOUND: there is none. */
int media_keep_recording(struct media *m, int number, struct err *err) DS_MUST_CHECK;

/* ---- start.c ---- */

/* Finds the first key picture that decodes (m->first), or a start by intra refresh (refresh.h), and
 * notes the size, the format and the parameter sets found there. Its leading pictures go.
 * ERR_MALFORMED if there is none. */
int media_find_first(struct media *m, struct err *err) DS_MUST_CHECK;

/* ---- times.c ---- */

/* POC of every picture, and the stream's own rate (m->stream_fps). */
int media_read_poc(struct media *m, struct err *err) DS_MUST_CHECK;

/* The camera's clock made a sane one (timing_repair()), the vote, and from it all times. PTMF times
 * are in picture[].time_us and sound[].time_us already, as recorded. */
int media_assign_times(struct media *m, const struct media_facts *facts,
                       const struct media_options *options, struct err *err) DS_MUST_CHECK;

/* When the moment time_us (like a picture's) was; facts: those of what is indexed. A photo has no
 * pictures here. */
bool media_wall_known(const struct media *m, const struct media_facts *facts, int64_t time_us);
struct media_wall media_wall_at(const struct media *m, const struct media_facts *facts,
                                int64_t time_us);

/* ---- sound.c: G.711 A-law records, placed by their capture times ---- */

#define SOUND_HZ 8000 /* docs/ptmf.md, section 2 */

/* The samples on one time line from the first picture kept on. */
struct sound_line {
    const struct media *m;
    int64_t record;      /* the one that is read next */
    const uint8_t *alaw; /* rest of the record that is being read */
    size_t left;
    int64_t silence; /* samples of silence before it */
    int64_t at;      /* sample number, 0 at the first picture */
    int64_t end;     /* no sample at or behind it */
};

/* at is where the first sample belongs; at == end when there is none. */
struct sound_line sound_line_init(const struct media *m);

/* Up to n samples in -32768..32767; fewer at the end. */
int sound_line_read(struct sound_line *s, int16_t *out, int n);

int16_t sound_alaw(uint8_t code);

bool sound_any(const struct media *m);

/* First sample and the one behind the last, on the line of struct sound_line; equal without sound.
 */
void sound_span(const struct media *m, int64_t *from, int64_t *until);

/* Fills in m->silence: what sound_line_read() puts in. */
int media_find_silence(struct media *m, struct err *err) DS_MUST_CHECK;

/* ---- slices.c ----
 *
 * What the coded pictures are, whatever container they are in: SHA-256 over the payloads (from the
 * header byte on; start codes, lengths and trailing zeros left out) of the slice NAL units (types
 * 0..31) in decoding order, one behind the other. */

/* The next NAL unit (type, bytes) of a sample of an MP4: 4-byte lengths (hvcC as libavformat writes
 * it). *left > 0. False: it is broken. */
bool slices_next(const uint8_t **p, size_t *left, struct nal *out);

#endif
