/*
 * convert: makes copies of one master. It knows no database and no spool: a file in, files out.
 *
 *   master             container told apart by content: PTMF records, Annex-B H.265, or JPEG
 *   <stem>.working.mp4           the same coded pictures, true times, sound as AAC or FLAC, the
 *                                overlay as a text track, chapters at trigger and gaps
 *   <stem>.viewing-DERIVED.mp4   H.264 + AAC, clock and position burned in
 *   <stem>.still-DERIVED.jpg     a photo with clock and position
 *   <stem>.timing.json           every picture: its time, how well that is known, its state
 *
 * Copies from which something was hidden (options.mask, no_sound) have -REDACTED-DERIVED in place
 * of -DERIVED, and say REDACTED in the picture; an MP4 also in its title and comment, a photo in
 * its Exif.
 *
 * Outputs are made in a hidden directory of their own in the output directory, read back, fsynced
 * and renamed, all or none; on failure nothing of them is left. The input is opened read-only and
 * never an output. Thread-safe: calls do not share state. For files from outside use confine.h,
 * which runs the same in a process that can do no harm.
 *
 * PTMF: docs/ptmf.md: 36-byte little-endian record headers, H.265
 * access units with capture times in microseconds, G.711 A-law sound.
 */
#ifndef DASHSPOOL_CONVERT_H
#define DASHSPOOL_CONVERT_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include "dashspool/workdir.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONVERT_INPUT_BYTES_MAX \
    (INT64_C(4) * 1024 * 1024 * 1024 - 1) /* as large as a master can be */

enum convert_container { CONVERT_UNKNOWN, CONVERT_PTMF, CONVERT_ANNEXB, CONVERT_JPEG };

/* Everything that can be made of a master. A photo gives CONVERT_STILL, whatever copies of a video
 * are asked for. */
enum convert_copy_kind {
    CONVERT_WORKING = 1 << 0, /* <stem>.working.mp4 */
    CONVERT_VIEWING = 1 << 1, /* <stem>.viewing-DERIVED.mp4 */
    CONVERT_STILL = 1 << 2,   /* <stem>.still-DERIVED.jpg of a photo */
    CONVERT_TIMING =
        1 << 3, /* <stem>.timing.json: every picture; beside each working or viewing copy */
    CONVERT_CSV = 1 << 4, /* <stem>.timing.csv: the same as a table */
    CONVERT_POSTER =
        1 << 5, /* <stem>.poster-DERIVED.jpg: the picture at the trigger, or the middle */
    CONVERT_SHEET = 1 << 6,  /* <stem>.sheet-DERIVED.jpg: contact sheet with times */
    CONVERT_MOMENT = 1 << 7, /* <stem>.still-<offset>-DERIVED.jpg, one for each options.moment_us */
    CONVERT_GPX = 1 << 8,    /* <stem>.gpx: position or track, GPX 1.1 */
    CONVERT_GEOJSON = 1 << 9, /* <stem>.geojson, RFC 7946 */
    CONVERT_SRT = 1 << 10,    /* <stem>.srt: the overlay's text as subtitles */
    CONVERT_VTT = 1 << 11,    /* <stem>.vtt */
    CONVERT_KML = 1 << 12,    /* <stem>.kml: OGC KML 2.2, as GPX */
    CONVERT_LAST = CONVERT_KML,
};
#define CONVERT_MOMENTS_MAX 8
#define CONVERT_MASKS_MAX   32 /* of one conversion */
#define CONVERT_OUTPUTS_MAX 20

/* What is known of a transfer beside its bytes. All text is UTF-8; "" is unknown. */
struct convert_facts {
    char id[96];
    char imei[16], camera[16], trigger[24];
    bool has_time, has_zone, has_position, has_trigger_time;
    int64_t
        start_utc_us; /* wall time of the master's first picture; copies that begin later move on */
    int64_t time_error_us; /* … known to ± this; 0: the default of the source (convert/timing.h) */
    char time_source[32]; /* where it is from: "metadata", "file name", "--time"; "" with has_time:
                             metadata */
    int tz_min;           /* minutes east of UTC; without a zone the clock is shown in UTC */
    double lat_deg, lon_deg; /* WGS 84 */
    int64_t trigger_utc_us;
    double meta_fps; /* frame rate of the metadata; 0 unknown */
    int length_s;    /* clip length of the metadata; 0 unknown */
};

/*
 * A box that is blacked out in viewing copies and stills before they are encoded, below the
 * overlay: nothing of what was there is in the copy. Pixels of the master's picture, turned as its
 * EXIF says, from the top left corner; what reaches out of it is cut. Widened to whole chroma
 * samples, in a photo to whole blocks of its coding (8 or 16 pixels).
 *
 * Times count from the first picture of the copies. A picture that is shown at any moment of the
 * box's time has it, and so has one that is held then. A picture that is damaged, or built on one
 * that is, may show what belongs to another time: it has every box, and so has a photo.
 */
struct convert_mask {
    int x, y, w, h;
    int64_t from_us, until_us; /* until_us 0: to the end */
};

/* No pointers: the whole struct may be handed to another process of the same program. */
struct convert_options {
    unsigned copies;    /* enum convert_copy_kind */
    double fps;         /* a person's word on the rate (--fps); 0: none */
    double default_fps; /* when nothing else is known */
    double crf;         /* quality of the viewing copy's encoder, 0..51 */
    char preset[16];    /* libx264 speed */
    char encoder[32];   /* of the viewing copy, FFmpeg's name: "libx264" */
    int threads;    /* of the codecs; 0: decoder one a core, encoder 4 (its bytes depend on it) */
    bool overwrite; /* replace outputs that are there; else ERR_BUSY */
    bool flac;      /* sound of the working copy as FLAC instead of AAC */
    bool check;     /* decode every copy whole before it counts */
    char params_from[1024]; /* a clip of the same camera whose parameter sets are lent; "" none */
    int64_t moment_us[CONVERT_MOMENTS_MAX]; /* CONVERT_MOMENT: offsets from the first picture */
    int n_moments;

    /* what is hidden. A working copy cannot be made then: ERR_CONFIG */
    struct convert_mask mask[CONVERT_MASKS_MAX];
    int n_masks;
    bool no_sound; /* the viewing copy has no sound track */

    /* overlay */
    char osd_template[512]; /* "": the built-in two lines */
    char osd_position[16];  /* bottom-left bottom-right top-right */
    double osd_size;        /* 1: as large as its 8 % of the picture allow */
    bool osd_box, osd_imperial;
    char note[128];        /* {note} */
    char track_path[1024]; /* GPX, NMEA or CSV that covers the time; "" none */
};

/* The vote on the picture rate (pure; convert/timing.c). Sources in the order of trust. */
enum convert_source {
    CONVERT_SOURCE_PTMF,    /* capture times of the records */
    CONVERT_SOURCE_META,    /* frame rate of metadata v2 and later */
    CONVERT_SOURCE_PERSON,  /* --fps */
    CONVERT_SOURCE_LENGTH,  /* picture count / metadata length */
    CONVERT_SOURCE_STREAM,  /* the stream's own timing (VUI) */
    CONVERT_SOURCE_DEFAULT, /* configuration */
    CONVERT_N_SOURCES,
};
/* "capture times", "metadata rate" …: reads well in a sentence and in JSON. */
const char *convert_source_name(enum convert_source source);

struct convert_timing {
    double fps[CONVERT_N_SOURCES]; /* what each source says; 0: it says nothing */
    enum convert_source chosen;
    bool disagree; /* some source is more than 2 % away from the chosen one */
};

/* One line: "capture times 19.967, metadata rate 20"; only_disagreeing: the chosen source and those
 * that contradict it, "" if none does. */
void convert_timing_text(const struct convert_timing *t, bool only_disagreeing, char *out,
                         size_t room);

/* When the first picture of the copies was taken, and how well that is known. */
struct convert_wall {
    bool known;
    int64_t utc_us, error_us; /* ± */
    char source[32];          /* "metadata", "file name" … as in convert_facts.time_source */
    char why[160];            /* why no better than error_us */
};

/* What a downloaded file's name, and the folder that it is in, tell: *facts gets a time if it has
 * none (in its zone, if it has one), and an IMEI if it has none. Pure; now_us bounds what is
 * plausible. */
void convert_facts_from_path(const char *path, int64_t now_us, struct convert_facts *facts);

struct convert_output {
    enum convert_copy_kind kind;
    char path[1024];
    int64_t length_bytes;
    char sha256[HASH_HEX_ROOM];
};

/* What is not as the camera made it (convert/damage.c). */
struct convert_damage {
    int64_t damaged;          /* pictures whose own bytes are broken or missing in part */
    int64_t affected;         /* … that refer to one of those, up to the next key picture */
    int64_t lost;             /* pictures that the camera made and that are not there: gaps in the
                                 sequence numbers of the records, or in the order counts of plain H.265 */
    int64_t repeated;         /* pictures that come twice */
    int64_t undecodable_lead; /* pictures before the first that decodes */
    int64_t stray_bytes, cut_bytes; /* between records; of a last record that is not whole */
    int64_t sound_lost;             /* sound records that are missing */
    int64_t times_repaired;         /* capture times that cannot be true */
};

struct convert_result {
    enum convert_container container;
    int width_px, height_px;
    int64_t pictures, key_pictures;
    int64_t duration_us; /* of the pictures, the last one's own time included */
    bool sound;
    int64_t silences, silence_us; /* stretches without sound that were filled, and their sum */
    struct convert_timing timing; /* of a video */
    struct convert_wall wall;
    struct convert_damage damage;
    char slices_sha256[HASH_HEX_ROOM]; /* over the payloads of all slice NAL units, in decoding
                                          order: the same in master and working copy; "" if no
                                          working copy was made */
    struct convert_output output[CONVERT_OUTPUTS_MAX];
    int n_outputs;
    char warning[512]; /* "" or one line on what is not as it should be, though copies were made */
};

const char *convert_copy_name(
    enum convert_copy_kind kind); /* "working" … as in `copies` of the settings */

/* "working,viewing,poster": names of convert_copy_name() with commas. With a working or a viewing
 * copy the timing file is always made. ERR_CONFIG names what is none. */
int convert_copies_parse(const char *text, unsigned *out, struct err *err) DS_MUST_CHECK;

/* "x,y,w,h[,from[,to]]": whole numbers of pixels; times in seconds, or mm:ss, or hh:mm:ss, with a
 * fraction. ERR_CONFIG says what is wrong. Pure. */
int convert_mask_parse(const char *text, struct convert_mask *out, struct err *err) DS_MUST_CHECK;

/* The same text of a mask, that convert_mask_parse() reads again. */
#define CONVERT_MASK_ROOM 128
void convert_mask_text(const struct convert_mask *mask, char out[CONVERT_MASK_ROOM]);

/* done in 0..1; called often, from the calling thread. */
typedef void convert_progress_fn(void *arg, double done);

/* Tells the container from the first bytes. ERR_MALFORMED, with what it looks like, for anything
 * else: an empty file, text, a stream without parameter sets … */
int convert_sniff(const char *path, enum convert_container *out, struct err *err) DS_MUST_CHECK;

/* Converts one file into out_dir (which exists) under the name `stem`. On success *result tells
 * what was made; on failure nothing new is left in out_dir. progress may be NULL. A mask that hides
 * nothing of this master, as it lies outside of the picture or behind the end, is ERR_CONFIG. */
int convert_file(const char *path, const char *out_dir, const char *stem,
                 const struct convert_facts *facts, const struct convert_options *options,
                 convert_progress_fn *progress, void *arg, struct convert_result *result,
                 struct err *err) DS_MUST_CHECK;

/* What a file is (convert/probe.c). Times in microseconds since the first picture. */
#define CONVERT_FINDINGS_MAX 20 /* of each kind, in order; the counts go on */

struct convert_finding {
    int64_t picture; /* from 0, in file order */
    int64_t time_us;
    char text[120];
};

struct convert_gap {
    int64_t picture; /* the one behind it */
    int64_t lost; /* by sequence numbers or order counts; 0: the camera itself dropped pictures */
    int64_t from_us, until_us;
};

struct convert_probe {
    enum convert_container container;
    int64_t length_bytes;
    char sha256[HASH_HEX_ROOM];
    char codec[16], profile[32]; /* "H.265", "Main" */
    int level;                   /* times 30, as in the stream: 93 is 3.1 */
    int width_px, height_px;
    char pixels[24], range[12], matrix[24]; /* FFmpeg's names; "" unknown */

    /* a video */
    int64_t pictures, key_pictures; /* all that are there */
    int64_t key_interval;           /* pictures between keys, the longest; 0 with one key */
    int64_t first_decodable;        /* picture; those before it are no use */
    int64_t duration_us;            /* from that one on */
    double nominal_fps;             /* of the record headers; 0 unknown */
    bool has_camera_clock;
    int64_t camera_clock_us; /* of the first picture: how long the camera had been running */
    struct convert_timing timing;
    int64_t sound_records, sound_us; /* 0: no sound. G.711 A-law, 8 kHz */
    bool borrowed_sets;              /* parameter sets of options.params_from are in use */
    bool end_unknown;                /* plain H.265 does not tell whether it was cut */
    bool decoded;                    /* every picture was */

    /* a photo */
    char subsampling[8]; /* "4:2:0" */
    int orientation;     /* EXIF, 1..8 */
    bool complete;

    struct convert_damage damage;
    struct convert_finding damaged[CONVERT_FINDINGS_MAX]; /* damage.damaged of them */
    struct convert_gap gap[CONVERT_FINDINGS_MAX];
    int64_t gaps, gaps_by_camera; /* all; those with lost == 0, which are no damage */
    struct convert_finding decoder[CONVERT_FINDINGS_MAX];
    int64_t decoder_findings;
    char photo_damage[160]; /* "" none */
    bool clean;             /* nothing is damaged, lost or left out */
    char warning[512];
};

/* Looks at a file and changes nothing. Without `decode` only its structure is judged: quick, but
 * damage inside a picture's bits shows only when decoding. Of the options, fps, default_fps and
 * params_from count. A file that cannot be read at all is an error, with the container in
 * out->container where it is known. */
int convert_probe(const char *path, const struct convert_facts *facts,
                  const struct convert_options *options, bool decode, struct convert_probe *out,
                  struct err *err) DS_MUST_CHECK;

/* What the coded pictures of a file are: convert_result.slices_sha256, of a master (what of it a
 * working copy has) or of an MP4 with one track of H.265. ERR_MALFORMED, ERR_UNSUPPORTED: it has
 * none, or cannot be read to its end. */
struct convert_slices {
    bool film; /* an MP4 */
    int64_t pictures;
    char sha256[HASH_HEX_ROOM];
};
int convert_slices(const char *path, struct convert_slices *out, struct err *err) DS_MUST_CHECK;

/* Does what every overlay begins with, for a process that forks children which convert. */
int convert_warm_up(struct err *err) DS_MUST_CHECK;

/* The two halves of convert_file(), for two processes. A stage is a workdir in out_dir. */
#define CONVERT_STAGE_PREFIX ".dashspool-"

/* Makes all copies in stage_dir, under the names that they will have, and reads them back. Writes
 * nowhere else. *result names the outputs in out_dir, without length and hash. */
int convert_prepare(const char *path, const char *out_dir, const char *stage_dir, const char *stem,
                    const struct convert_facts *facts, const struct convert_options *options,
                    convert_progress_fn *progress, void *arg, struct convert_result *result,
                    struct err *err) DS_MUST_CHECK;

/* Makes the outputs in result durable, fills in their lengths and hashes, and gives them their
 * names: all or none. A name that is taken is ERR_BUSY unless overwrite. */
int convert_publish(const struct workdir *stage, const char *out_dir, bool overwrite,
                    struct convert_result *result, struct err *err) DS_MUST_CHECK;

/* The libraries that the bytes of copies depend on, and their versions, as loaded now
 * ("libavcodec", "59.37.100"; "x264", "core 164 r3095 baee400"); always in the same order, each
 * name once. Takes milliseconds. */
typedef void convert_library_fn(void *arg, const char *name, const char *version);
void convert_libraries(convert_library_fn *fn, void *arg);

/* The [convert] section, and options from it. */
extern const struct cfg_section convert_cfg_section;
void convert_options_from_cfg(const struct cfg *cfg, struct convert_options *out);

#endif
