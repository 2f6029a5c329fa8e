/*
 * mux: one MP4 file with a picture track; if the master has sound, a sound track in step with it;
 * if wanted, the overlay as a text track; chapters where there is something to find. The index
 * comes before the media (faststart); the same calls give the same bytes.
 */
#ifndef CONVERT_MUX_H
#define CONVERT_MUX_H

#include "media/av.h"
#include "osd.h"
#include <libavformat/avformat.h>

struct sound {
    struct sound_line line;
    const char *name; /* of the coding, for messages */
    AVCodecContext *ctx;
    AVFrame *frame;
    struct av_watch watch;
    bool drained;
};

struct cue {
    int64_t pts, span;                    /* AV_TICKS since the first picture kept */
    char text[OSD_LINES * OSD_LINE_ROOM]; /* UTF-8, lines parted by \n */
};

struct cues {
    const struct media *m;
    const struct osd_context *osd;
    int64_t at_us; /* since the first picture of the master: where the next cue begins */
};

struct mux {
    AVFormatContext *ctx;
    AVStream *video, *audio, *text;
    struct sound sound;
    AVPacket *waiting; /* the next sound packet */
    bool has_sound, has_waiting;
    struct cues cues;
    struct cue cue; /* the next one */
    bool has_cue;
};

/* What is written into the file about the file, and beside the pictures. */
struct mux_tags {
    const char *title, *comment;
    const struct media_facts *facts;
    bool flac;                       /* sound as FLAC */
    const struct osd_context *words; /* of the text track; NULL: none */
};

/* Opens `path` (which exists, empty) and writes the header. video: codec parameters, extradata
 * included; copied. mux_close() also after a failure. */
int mux_open(struct mux *x, const char *path, const struct media *m, const AVCodecParameters *video,
             const struct mux_tags *tags, struct err *err) DS_MUST_CHECK;
void mux_close(struct mux *x);

/* Writes one packet of pictures (AV_TICKS) and the sound and text up to it; the packet is emptied.
 */
int mux_video(struct mux *x, AVPacket *packet, struct err *err) DS_MUST_CHECK;

/* The rest of the sound, the index; the data is written, not yet fsynced. */
int mux_finish(struct mux *x, struct err *err) DS_MUST_CHECK;

/* ---- chapters: where to look in a clip ----
 *
 * "start", "trigger", and each gap in the pictures. A clip with nothing but a start has none. */

#define CHAPTERS_MAX 200 /* players list them all; a Nero chapter box holds 255 */

struct chapter {
    int64_t from_us, until_us; /* since the first picture kept */
    char title[48];
};

/* In time order, from the first picture to the end without gaps; returns how many: 0, or 2 and
 * more. */
int chapters_make(const struct media *m, const struct media_facts *facts,
                  struct chapter out[CHAPTERS_MAX]);

#endif
