/*
 * media: what a master is. A file is told apart by its content: a camera's records (PTMF), plain
 * H.265 (Annex B) or a photo (JPEG). From its bytes alone, and from what is known of its transfer,
 * come its pictures and their times, what of it is damaged or missing, and whether it is whole.
 *
 * Files are opened read-only and never changed; they may be cut, hostile or anything. Thread-safe:
 * calls do not share state. For files from outside, what decodes (media_probe(), media_slices())
 * or reads pictures (media_recordings()) belongs into a process that can do no harm: see confine.h.
 *
 * PTMF (docs/ptmf.md): 36-byte little-endian record headers, H.265 access units with capture times
 * in microseconds, G.711 A-law sound.
 */
#ifndef DASHSPOOL_MEDIA_H
#define DASHSPOOL_MEDIA_H

#include "dashspool/err.h"
#include "dashspool/hash.h"

#define MEDIA_INPUT_BYTES_MAX \
    (INT64_C(4) * 1024 * 1024 * 1024 - 1) /* as large as a master can be */

enum media_container { MEDIA_UNKNOWN, MEDIA_PTMF, MEDIA_ANNEXB, MEDIA_JPEG };

/* Tells the container from the first bytes. ERR_MALFORMED, with what it looks like, for anything
 * else: an empty file, text, a stream without parameter sets … */
int media_sniff(const char *path, enum media_container *out, struct err *err) DS_MUST_CHECK;

/* ---- what is known beside its bytes ---- */

#define MEDIA_TIME_TOLD "a person" /* who imported it told when it was recorded */

/* What is known of a transfer beside its bytes. All text is UTF-8; "" is unknown. */
struct media_facts {
    char id[96];
    char imei[16], camera[16], trigger[24];
    char vehicle[136]; /* what people call it: name and plate; only where an overlay shows it */
    bool has_time, has_zone, has_position, has_trigger_time;
    int64_t
        start_utc_us; /* wall time of the master's first picture; copies that begin later move on */
    int64_t time_error_us; /* … known to ± this; 0: the default of the source (media/timing.h) */
    char time_source[32];  /* where it is from: "metadata", "file name", "--time", MEDIA_TIME_TOLD;
                              "" with has_time: metadata */
    int tz_min;            /* minutes east of UTC; without a zone the clock is shown in UTC */
    double lat_deg, lon_deg; /* WGS 84 */
    int64_t trigger_utc_us;
    double meta_fps; /* frame rate of the metadata; 0 unknown */
    int length_s;    /* clip length of the metadata; 0 unknown */
};

/* What a downloaded file's name, and the folder that it is in, tell: *facts gets a time if it has
 * none (in its zone, if it has one), and an IMEI if it has none. Pure; now_us bounds what is
 * plausible. */
void media_facts_from_path(const char *path, int64_t now_us, struct media_facts *facts);

/* Whether that folder is named like an IMEI, but for its check digit: it is none that is believed.
 */
bool media_imei_doubtful(const char *path, char imei[16]);

/* What a person, or the configuration, says about a master beside its facts. No pointers. */
struct media_options {
    double fps;             /* a person's word on the rate (--fps); 0: none */
    double default_fps;     /* when nothing else is known */
    char params_from[1024]; /* a clip of the same camera whose parameter sets are lent; "" none */
    int recording; /* which of the recordings in the file, from 1; 0: all of it. ERR_NOTFOUND */
};

/* ---- time ---- */

/* The vote on the picture rate (pure; media/timing.c). Sources in the order of trust. */
enum media_source {
    MEDIA_SOURCE_PTMF,    /* capture times of the records */
    MEDIA_SOURCE_META,    /* frame rate of metadata v2 and later */
    MEDIA_SOURCE_HEADER,  /* nominal rate in the headers of the records */
    MEDIA_SOURCE_PERSON,  /* --fps */
    MEDIA_SOURCE_LENGTH,  /* picture count / metadata length */
    MEDIA_SOURCE_STREAM,  /* the stream's own timing (VUI) */
    MEDIA_SOURCE_DEFAULT, /* configuration */
    MEDIA_N_SOURCES,
};
/* "capture times", "metadata rate" …: reads well in a sentence and in JSON. */
const char *media_source_name(enum media_source source);

struct media_timing {
    double fps[MEDIA_N_SOURCES]; /* what each source says; 0: nothing. The default speaks only where
                                    it is chosen: it is no witness */
    enum media_source chosen;
    bool disagree;       /* media_timing_contradicts() for some source */
    int32_t recordings;  /* that the file holds, with a clock; 0: one … */
    int32_t recording;   /* … of which this one (from 1) has a vote of its own, the first of those
                            with a dispute; 0: all have the same */
    int32_t disputed;    /* … and so many have one */
    int64_t pictures;    /* that the vote is about */
    int64_t duration_us; /* of those that decode, without what nobody knows between recordings */
};

/* " (recording 2 of 3)" behind a rate, or "". */
#define MEDIA_OF_ROOM 40
const char *media_timing_of(const struct media_timing *t, char out[MEDIA_OF_ROOM]);

/* A source is more than 2 % away from the chosen one; a length in whole seconds, also more than a
 * second away from the duration. */
bool media_timing_contradicts(const struct media_timing *t, enum media_source source);

/* All sources on one line: "capture times 19.967, metadata rate 20". */
void media_timing_text(const struct media_timing *t, char *out, size_t room);

/* What contradicts the chosen source, wherever that is told: "Announced 10 s at 20/s, holds 6.0 s
 * at 24.97/s", behind "Recording 2 of 3: " where others say something else; "" if nothing does. */
#define MEDIA_DISPUTE_ROOM 240
void media_timing_dispute(const struct media_timing *t, char out[MEDIA_DISPUTE_ROOM]);

/* When the first picture of the copies was taken, and how well that is known. */
struct media_wall {
    bool known;
    int64_t utc_us, error_us; /* ± */
    char source[32];          /* "metadata", "file name" … as in media_facts.time_source */
    char why[160];            /* why no better than error_us */
};

/* ---- what is in it ---- */

/* What is not as the camera made it (media/damage.c). */
struct media_damage {
    int64_t damaged;          /* pictures whose own bytes are broken or missing in part; like all
                                 that follow, of those that decode */
    int64_t affected;         /* … that refer to one of those, up to the next key picture */
    int64_t lost;             /* pictures that the camera made and that are not there: gaps in the
                                 sequence numbers of the records, or in the order counts of plain H.265 */
    int64_t repeated;         /* pictures that come twice */
    int64_t undecodable_lead; /* pictures before the first that decodes */
    int64_t stray_bytes;      /* between records */
    int64_t cut_bytes;  /* with which it ends early: of a last record that is not whole, and is left
                           out; of plain H.265, of its last picture */
    int64_t sound_lost; /* sound records that are missing */
    int64_t times_repaired; /* capture times that cannot be true */
};

/* "ends early, 4929 bytes of an unfinished record left out"; "" if it does not. */
#define MEDIA_CUT_ROOM 96
void media_cut_text(enum media_container container, const struct media_damage *d,
                    char out[MEDIA_CUT_ROOM]);

/* What a file is (media/probe.c). Times in microseconds since the first picture that decodes, as in
 * the copies; pictures are numbered from 0 in file order, as in timing.json. */
#define MEDIA_FINDINGS_MAX 20 /* of each kind, in order; the counts go on */

struct media_finding {
    int64_t picture;
    int64_t time_us;
    char text[120];
};

struct media_gap {
    int64_t picture; /* the one behind it */
    int64_t lost;   /* by sequence numbers or order counts; 0: the camera itself dropped pictures */
    bool recording; /* … or another recording begins: media_probe.part */
    int64_t from_us, until_us;
};

/* Recordings that are appended to each other in one file: clock and numbers begin anew. */
struct media_part {
    int64_t picture, pictures, key_pictures; /* its first one, and how many it has */
    int64_t from_us, duration_us;
    double fps;              /* of it alone; 0: one picture has none */
    int64_t camera_clock_us; /* of its first picture */
    bool apart;              /* how long after the one before it, nobody knows */
};

struct media_probe {
    enum media_container container;
    int64_t length_bytes;
    char sha256[HASH_HEX_ROOM];
    char codec[16], profile[32]; /* "H.265", "Main" */
    int level;                   /* times 30, as in the stream: 93 is 3.1 */
    int width_px, height_px;
    char pixels[24], range[12], matrix[24]; /* FFmpeg's names; "" unknown */
    struct media_change {                   /* of size or format; the first ones, in order */
        int64_t picture, time_us;
        int width_px, height_px;
        char pixels[24];
        char text[80]; /* "640x360, pixels 4:3" */
    } change[MEDIA_FINDINGS_MAX];
    int64_t changes;

    /* a video */
    int64_t pictures, key_pictures; /* that decode: those that copies have */
    int64_t duration_us;            /* … of them */
    int64_t pictures_in_file;       /* … and those at its start that do not */
    int64_t key_interval;           /* pictures between keys, the longest; 0 with one key */
    int64_t first_decodable;        /* picture */
    int64_t first_whole; /* picture: without a key picture at the start, those before it are built
                            on some that are not there; behind the last one: all are */
    char refresh[160];   /* … that in words; "" there is one */
    double nominal_fps;  /* of the record headers; 0 unknown */
    bool has_camera_clock;
    int64_t camera_clock_us; /* of the first picture: how long the camera had been running */
    struct media_timing timing;
    struct media_part part[MEDIA_FINDINGS_MAX];
    int64_t parts;                   /* all; 1: one recording */
    int64_t sound_records, sound_us; /* 0: no sound. G.711 A-law, 8 kHz */
    bool borrowed_sets;              /* parameter sets of options->params_from are in use */
    bool end_unknown;                /* plain H.265 does not tell whether it was cut */
    bool decoded;                    /* every picture was */

    /* a photo */
    char subsampling[8]; /* "4:2:0" */
    int orientation;     /* EXIF, 1..8 */
    bool complete;

    struct media_damage damage;
    struct media_finding damaged[MEDIA_FINDINGS_MAX]; /* damage.damaged of them */
    struct media_gap gap[MEDIA_FINDINGS_MAX];
    int64_t gaps, gaps_by_camera; /* all; those with lost == 0, which are no damage */
    struct media_finding decoder[MEDIA_FINDINGS_MAX];
    int64_t decoder_findings;
    int64_t layered_units;  /* of layers above the base layer (nuh_layer_id): no pictures */
    char photo_damage[160]; /* "" none */
    bool clean;             /* nothing is damaged, lost or left out */
    bool only_ends_early;   /* … but for its last record or picture, which is not all there */
    char warning[512];
};

/* Looks at a file and changes nothing. Without `decode` only its structure is judged: quick, but
 * damage inside a picture's bits shows only when decoding. A file that cannot be read at all is an
 * error, with the container in out->container where it is known. */
int media_probe(const char *path, const struct media_facts *facts,
                const struct media_options *options, bool decode, struct media_probe *out,
                struct err *err) DS_MUST_CHECK;

/* How many recordings a file holds, for media_options.recording; without decoding. */
int media_recordings(const char *path, const struct media_options *options, int *out,
                     struct err *err) DS_MUST_CHECK;

/* What the coded pictures of a file are: convert_result.slices_sha256, of a master (what of it a
 * working copy has) or of an MP4 with one track of H.265. ERR_MALFORMED, ERR_UNSUPPORTED: it has
 * none, or cannot be read to its end. */
struct media_slices {
    bool is_mp4;
    int64_t pictures;
    char sha256[HASH_HEX_ROOM];
};
int media_slices(const char *path, struct media_slices *out, struct err *err) DS_MUST_CHECK;

/*
 * Whether a file ends as one of footage does, and whether this program made it; by its structure
 * alone, without a decoder but for a JPEG that has no end. For whoever takes files while they may
 * still be written: a copy that is under way ends within a record. Pure but for pread(2).
 *
 *   PTMF   the last record is whole, and nothing is behind it
 *   JPEG   an EOI ends the picture (ITU-T T.81, annex B); more may follow. Without one, all blocks
 *          of its scans are there
 *   MP4    the boxes fill the file, one of them is moov (ISO/IEC 14496-12, 4.2)
 *   plain H.265 does not tell
 */
enum media_end { MEDIA_END_WELL, MEDIA_END_CUT, MEDIA_END_UNKNOWN };

struct media_ending {
    enum media_end end;
    bool photo;
    bool ours;      /* MP4, JPEG: it says that dashspool made it */
    char note[160]; /* unless it ends well: why */
};

/* Reads what is needed of the first length_bytes of fd. ERR_MALFORMED or ERR_UNSUPPORTED: it is no
 * footage, with what it looks like; ERR_AGAIN: the file has become shorter meanwhile; ERR_IO. */
int media_ending(int fd, int64_t length_bytes, struct media_ending *out,
                 struct err *err) DS_MUST_CHECK;

#endif
