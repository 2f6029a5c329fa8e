/*
 * convert: makes copies of one master. It knows no database and no spool: a file in, files out.
 *
 *   master                       what it is, and when its pictures were taken: see media.h
 *   <stem>.working.mp4           the same coded pictures, true times, sound as AAC or FLAC, the
 *                                overlay as a text track, chapters at trigger and gaps
 *   <stem>.viewing-DERIVED.mp4   H.264 + AAC, clock and position burned in
 *   <stem>.still-DERIVED.jpg     a photo with clock and position
 *   <stem>.timing.json           every picture: its time, how well that is known, its state
 *
 * Copies from which something was hidden (options.mask, no_sound, hide) have -REDACTED-DERIVED in
 * place of -DERIVED, and say REDACTED in the picture; an MP4 also in its title and comment, a photo
 * in its Exif. Files beside them are called <stem>.timing-REDACTED.json, <stem>.REDACTED.srt …, and
 * tell of the redacted copies: bytes and key pictures are those of the viewing copy.
 *
 * Outputs are made in a hidden directory of their own in the output directory, read back, fsynced
 * and renamed, all or none; on failure nothing of them is left. The input is opened read-only and
 * never an output. Thread-safe: calls do not share state. For files from outside use confine.h,
 * which runs the same in a process that can do no harm.
 */
#ifndef DASHSPOOL_CONVERT_H
#define DASHSPOOL_CONVERT_H

#include "dashspool/cfg.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/media.h"

#define CONVERT_MOMENTS_MAX 8
#define CONVERT_MASKS_MAX   32 /* of one conversion */
#define CONVERT_OUTPUTS_MAX 20

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

/* Facts that can be hidden: a set of them. Copies are without position and IMEI where those are
 * hidden (overlay, tags, Exif; files of positions cannot be made). They never have the other two:
 * those are for a package (export.h). */
enum convert_hide {
    CONVERT_HIDE_POSITION = 1 << 0,
    CONVERT_HIDE_IMEI = 1 << 1,
    CONVERT_HIDE_DRIVER = 1 << 2, /* the driver's name */
    CONVERT_HIDE_SOURCE = 1 << 3, /* addresses of cameras, paths of files */
};
#define CONVERT_N_HIDES 4

/* "position,imei": adds them to *hide. ERR_CONFIG. Pure. */
int convert_hide_parse(const char *text, unsigned *hide, struct err *err) DS_MUST_CHECK;

/* Number i of them, from 0: "position". */
const char *convert_hide_name(int i);

/* No pointers: the whole struct may be handed to another process of the same program. */
struct convert_options {
    unsigned copies;            /* enum copy_kind */
    struct media_options media; /* how the master is read */
    double crf;                 /* quality of the viewing copy's encoder, 0..51 */
    char preset[16];            /* libx264 speed */
    char encoder[32];           /* of the viewing copy, FFmpeg's name: "libx264" */
    char vectors[8]; /* what libx264 may use of the processor, convert_vectors(); "": that */
    int threads;     /* of the codecs; 0: decoder one a core, encoder 4 (its bytes depend on it) */
    int lookahead;   /* pictures that libx264 looks ahead beyond what its preset says; 0: none */
    bool overwrite;  /* replace outputs that are there; else ERR_BUSY */
    bool flac;       /* sound of the working copy as FLAC instead of AAC */
    bool check;      /* decode every copy whole before it counts */
    int64_t moment_us[CONVERT_MOMENTS_MAX]; /* COPY_MOMENT: offsets from the first picture */
    int n_moments;

    /* what is hidden. A working copy cannot be made then: ERR_CONFIG */
    struct convert_mask mask[CONVERT_MASKS_MAX];
    int n_masks;
    bool no_sound; /* the viewing copy has no sound track */
    unsigned hide; /* enum convert_hide */

    /* overlay */
    char osd_template[512]; /* "": the built-in two lines */
    char osd_position[16];  /* bottom-left bottom-right top-right */
    double osd_size;        /* 1: as large as its 8 % of the picture allow */
    bool osd_box, osd_imperial;
    char note[128]; /* {note} */

    /* where it was over time (track.h). With a hash it is the tracker's own account of the clip:
     * the file must have it (else ERR_MALFORMED; no file: ERR_CONFIG), pictures call it "tracker",
     * and recipes name it by its hash. Without, it is a file that a person gave, "track": what of
     * it cannot be used is a warning, and the copies are made without; ERR_CONFIG only if several
     * of its tracks cover the clip. So one conversion has one of them: what a person asks for by
     * hand is his. Not read at all where the position is hidden. */
    char track_path[1024]; /* "" none */
    char track_sha256[HASH_HEX_ROOM];
    double track_speed_max_kmh; /* of a person's file; 0: TRACK_SPEED_MAX */
    char track_name[88];        /* of several tracks in it this one (track_use); "": that which
                                 * covers the clip */
};

struct convert_output {
    enum copy_kind kind;
    char path[1024];
    int64_t length_bytes;
    char sha256[HASH_HEX_ROOM];
};

struct convert_result {
    enum media_container container;
    int width_px, height_px;
    int64_t pictures, key_pictures;
    int64_t duration_us; /* of the pictures, the last one's own time included */
    bool sound;
    int64_t gaps, gaps_by_camera; /* stretches without pictures; of them, those in which the camera
                                     itself dropped some: no damage */
    int64_t gap_us;               /* their sum, the step of a picture included */
    int64_t silences, silence_us; /* stretches without sound that were filled, and their sum */
    struct media_timing timing;   /* of a video */
    struct media_wall wall;
    struct media_damage damage;
    int64_t covered[CONVERT_MASKS_MAX]; /* frames that have each mask of the options; a photo: 1 */
    char slices_sha256[HASH_HEX_ROOM];  /* over the payloads of all slice NAL units, in decoding
                                           order: the same in master and working copy; "" if no
                                           working copy was made */
    struct convert_output output[CONVERT_OUTPUTS_MAX];
    int n_outputs;
    char warning[512]; /* "" or one line on what is not as it should be, though copies were made */
};

/* "x,y,w,h[,from[,to]]": whole numbers of pixels; times in seconds, or mm:ss, or hh:mm:ss, with a
 * fraction. ERR_CONFIG says what was expected; whoever read the text names it. Pure. */
int convert_mask_parse(const char *text, struct convert_mask *out, struct err *err) DS_MUST_CHECK;

/* The same text of a mask, that convert_mask_parse() reads again. */
#define CONVERT_MASK_ROOM 128
void convert_mask_text(const struct convert_mask *mask, char out[CONVERT_MASK_ROOM]);

/* done in 0..1; called often, from the calling thread. */
typedef void convert_progress_fn(void *arg, double done);

/* Converts one file into out_dir (which exists) under the name `stem`. On success *result tells
 * what was made; on failure nothing new is left in out_dir. progress may be NULL. A mask that hides
 * nothing of this master, as it lies outside of the picture or behind the end, is ERR_CONFIG. */
int convert_file(const char *path, const char *out_dir, const char *stem,
                 const struct media_facts *facts, const struct convert_options *options,
                 convert_progress_fn *progress, void *arg, struct convert_result *result,
                 struct err *err) DS_MUST_CHECK;

/* Does what every overlay begins with, for a process that forks children which convert. */
int convert_warm_up(struct err *err) DS_MUST_CHECK;

/* The two halves of convert_file(), for two processes. A stage is a workdir in out_dir. */
#define CONVERT_STAGE_PREFIX ".dashspool-"

/* Makes all copies in stage_dir, under the names that they will have, and reads them back. Writes
 * nowhere else. *result names the outputs in out_dir, without length and hash. */
int convert_prepare(const char *path, const char *out_dir, const char *stage_dir, const char *stem,
                    const struct media_facts *facts, const struct convert_options *options,
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

/* How much of an x86-64 processor libx264 may use here: "avx2", "sse4.2" or "sse2"; "none" on
 * others. Its bytes depend on that: SSE2 rounds another way than SSE4.2 and AVX2, which agree, and
 * with AVX-512 the build of Debian 12 reads memory that it never wrote. So it is AVX2 everywhere,
 * and only less where a processor has less. It is one of convert_libraries(), and in each recipe;
 * what a recipe asks for is used where the processor has it. No other library's bytes were found to
 * depend on the processor (tests/stage/test_convert_everywhere.c). */
const char *convert_vectors(void);

/* The [convert] section, and options from it. */
extern const struct cfg_section convert_cfg_section;
void convert_options_from_cfg(const struct cfg *cfg, struct convert_options *out);

#endif
