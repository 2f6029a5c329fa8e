/*
 * convert: makes copies of one master. It knows no database and no spool: a file in, files out.
 *
 *   master             container told apart by content: PTMF records, Annex-B H.265, or JPEG
 *   <stem>.working.mp4           the same coded pictures, true times, sound as AAC
 *   <stem>.viewing-DERIVED.mp4   H.264 + AAC, clock and position burned in
 *   <stem>.still-DERIVED.jpg     a photo with clock and position
 *
 * Outputs are written under a temporary name in the output directory, fsynced and renamed; on
 * failure nothing of them is left. The input is opened read-only and never an output. Thread-safe:
 * calls do not share state.
 *
 * PTMF: "The camera file-transfer protocol", section 8: 36-byte little-endian record headers, H.265
 * access units with capture times in microseconds, G.711 A-law sound.
 */
#ifndef DASHSPOOL_CONVERT_H
#define DASHSPOOL_CONVERT_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include "dashspool/hash.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONVERT_INPUT_BYTES_MAX \
    (INT64_C(4) * 1024 * 1024 * 1024 - 1) /* as large as a master can be */

enum convert_container { CONVERT_UNKNOWN, CONVERT_PTMF, CONVERT_ANNEXB, CONVERT_JPEG };

enum convert_copy_kind {
    CONVERT_WORKING = 1 << 0,
    CONVERT_VIEWING = 1 << 1,
    CONVERT_STILL = 1 << 2,
};

/* What is known of a transfer beside its bytes. All text is UTF-8; "" is unknown. */
struct convert_facts {
    char id[96];
    char imei[16], camera[16], trigger[24];
    bool has_time, has_zone, has_position, has_trigger_time;
    int64_t start_utc_us;    /* wall time of the master's first picture; of a photo */
    int tz_min;              /* minutes east of UTC; without a zone the clock is shown in UTC */
    double lat_deg, lon_deg; /* WGS 84 */
    int64_t trigger_utc_us;
    double meta_fps; /* frame rate of the metadata; 0 unknown */
    int length_s;    /* clip length of the metadata; 0 unknown */
};

struct convert_options {
    unsigned copies;    /* enum convert_copy_kind; a photo gives a still whatever is asked for */
    double fps;         /* a person's word on the rate (--fps); 0: none */
    double default_fps; /* when nothing else is known */
    int crf;            /* libx264 quality, 0..51 */
    char preset[16];    /* libx264 speed */
    int threads;        /* of the codecs; the encoder's number decides the viewing copy's bytes;
                         * 0: the decoder one a core, the encoder 4 whatever the machine */
    bool overwrite;     /* replace outputs that are there; else ERR_BUSY */
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

struct convert_output {
    enum convert_copy_kind kind;
    char path[1024];
    int64_t length_bytes;
    char sha256[HASH_HEX_ROOM];
};

struct convert_result {
    enum convert_container container;
    int width_px, height_px;
    int64_t pictures, key_pictures;
    int64_t duration_us; /* of the pictures, the last one's own time included */
    bool sound;
    struct convert_timing timing; /* of a video */
    struct convert_output output[3];
    int n_outputs;
    char warning[256]; /* "" or one line on what is not as it should be, though copies were made */
};

const char *convert_copy_name(enum convert_copy_kind kind); /* working viewing still */

/* done in 0..1; called often, from the calling thread. */
typedef void convert_progress_fn(void *arg, double done);

/* Tells the container from the first bytes. ERR_MALFORMED, with what it looks like, for anything
 * else: an empty file, text, a stream without parameter sets … */
int convert_sniff(const char *path, enum convert_container *out, struct err *err) DS_MUST_CHECK;

/* Converts one file into out_dir (which exists) under the name `stem`. On success *result tells
 * what was made; on failure nothing new is left in out_dir. progress may be NULL. */
int convert_file(const char *path, const char *out_dir, const char *stem,
                 const struct convert_facts *facts, const struct convert_options *options,
                 convert_progress_fn *progress, void *arg, struct convert_result *result,
                 struct err *err) DS_MUST_CHECK;

/* The [convert] section, and options from it. */
extern const struct cfg_section convert_cfg_section;
void convert_options_from_cfg(const struct cfg *cfg, struct convert_options *out);

#endif
