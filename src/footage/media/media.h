/*
 * media: a master, opened for reading: where its access units and its sound are, when each picture
 * is shown, and what a decoder needs to start. The index is built once; both copies are made from
 * it. The bytes are mapped, never copied whole.
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
    int64_t time_us;        /* when it is shown, since the first picture of the master */
    int64_t pts, dts, span; /* AV_TICKS since the first picture kept; span: how long it is shown */
    int64_t poc;
    int32_t period;  /* counts the restarts of POC */
    int64_t missing; /* pictures that should be shown between its predecessor and it, and are not
                        there: by sequence numbers, or by POC */
    bool key;
    bool leading;      /* RADL or RASL: shown before the key picture in front of it */
    bool unread;       /* the parser refuses its slice header, or its POC cannot be */
    bool keyless;      /* POC restarts here, but the key picture is missing */
    uint32_t sequence; /* PTMF */
    enum media_state state;
    const char *why; /* static text; NULL for MEDIA_GOOD, and where it only refers to another */
};

struct media_sound {
    size_t offset, n; /* A-law bytes in the map */
    int64_t time_us;  /* like a picture's */
    uint32_t sequence;
};

struct media_silence {         /* put in where the master has no sound */
    int64_t from_us, until_us; /* like a picture's time_us */
    const char *why;           /* static text */
};

struct media_hole {            /* pictures that the camera made and that are not there */
    int64_t before;            /* index (decode order) of the picture behind the hole */
    int64_t lost;              /* by sequence numbers or POC; 0: the camera dropped pictures */
    int64_t from_us, until_us; /* times of the pictures around it, like a picture's time_us */
};

struct media_set {
    int type, id;
    const uint8_t *p; /* in the map */
    size_t n;
};

struct media {
    const uint8_t *map;
    size_t n, mapped;
    enum media_container container;

    struct media_picture *picture; /* decode order */
    int64_t n_pictures, room_pictures;
    int64_t first; /* pictures before this one cannot be decoded and are left out */
    int64_t n_led; /* leading pictures of that one, not in picture[]: they are left out, too */
    struct media_sound *sound;
    int64_t n_sounds, room_sounds;
    int nominal_fps;  /* PTMF header of the first picture; 0 unknown */
    int64_t clock_us; /* its capture time: since the camera started */

    struct media_set set[MEDIA_SETS_MAX]; /* in force at `first` */
    int n_sets;
    bool sets_change; /* behind `first` others come */
    uint8_t *lent;    /* Annex-B parameter sets of another clip, in force before the own ones */
    size_t n_lent;

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

    struct media_hole *hole; /* in time order */
    int64_t n_holes, room_holes;
    struct media_silence *silence; /* in time order */
    int64_t n_silences, room_silences;
    struct media_damage damage;
    int64_t *view_pts; /* what the viewing copy shows, cards included; ascending, AV_TICKS */
    int64_t n_view, room_view;
    int view_codec;                    /* enum AVCodecID; 0 means H.264 */
    char slices_sha256[HASH_HEX_ROOM]; /* of the master's slices from `first` on, once computed */

    bool clock_dead; /* most capture times had to be repaired: they are not used */
    struct media_timing timing;
    int64_t start_us; /* of the first picture kept, since the first of the master */
    int64_t duration_us;
    char warning[512];
};

/* Opens and indexes a video. *m is the caller's storage; media_close() also after a failure. */
int media_open(struct media *m, const char *path, enum media_container container,
               const struct media_facts *facts, const struct media_options *options,
               struct err *err) DS_MUST_CHECK;
void media_close(struct media *m);

/* Adds to the one line of warning. */
void media_warn(struct media *m, const char *fmt, ...) DS_PRINTF(2, 3);
/* "1 picture is damaged", "2 pictures are damaged"; nothing for 0. */
void media_warn_count(struct media *m, int64_t n, const char *one, const char *many);

/* Maps a file read-only with zeros behind its end, which FFmpeg's parsers ask for; n > 0. */
int media_map(struct media *m, const char *path, struct err *err) DS_MUST_CHECK;

/* Room for one more element in an array of at most `max`; array is the address of the pointer. */
int media_grow(void *array, int64_t n, int64_t *room, int64_t max, size_t element, const char *what,
               struct err *err) DS_MUST_CHECK;

/* order.c: POC of every picture, and the stream's own rate (m->stream_fps). */
int media_read_poc(struct media *m, struct err *err) DS_MUST_CHECK;

/* poc.c: of plain H.265 whose POC grows by the same step almost always: where pictures are missing
 * (picture[].missing), which come twice, and where a period has lost its key picture. What is
 * missing at the end of a period, before its next key picture, POC does not tell; where pictures
 * are reordered, that goes for the last group of them. */
int media_find_missing(struct media *m, struct err *err) DS_MUST_CHECK;

/* order.c: the vote, and from it all times. PTMF times are in picture[].time_us already. */
int media_assign_times(struct media *m, const struct media_facts *facts,
                       const struct media_options *options, struct err *err) DS_MUST_CHECK;

/* repair.c: makes the camera's clock a sane one (timing_repair()), counts what was changed in
 * m->damage, and says so. times_us: of the pictures in display order. Then the sound, which is on
 * the same clock and stays in step: repaired_us is by index, picture[].time_us and sound[].time_us
 * still as recorded, both in the order of the file. */
int media_repair_pictures(struct media *m, int64_t *times_us, struct err *err) DS_MUST_CHECK;
int media_repair_sound(struct media *m, const int64_t *repaired_us, struct err *err) DS_MUST_CHECK;

/* sound.c: fills in m->silence: what sound_line_read() puts in. */
int media_find_silence(struct media *m, struct err *err) DS_MUST_CHECK;

/* sets.c: if m begins without parameter sets, takes those of the clip at `path` into m->lent. */
int media_use_sets(struct media *m, const char *path, struct err *err) DS_MUST_CHECK;

/* sets.c: collects the parameter sets in force at m->first, and sets m->sets_change. */
int media_collect_sets(struct media *m, struct err *err) DS_MUST_CHECK;

/* The parameter sets with start codes; av_malloc'ed with FFmpeg's padding, the caller's. */
int media_extradata(const struct media *m, uint8_t **out, int *n, struct err *err) DS_MUST_CHECK;

/* A parameter set that the samples need not repeat. */
bool media_in_sets(const struct media *m, const struct nal *nal);

#endif
