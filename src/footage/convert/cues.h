/*
 * cues: the overlay as soft subtitles: one cue a second, changing where the clock's second changes.
 * The same text as in the picture (osd_text.h), the clock to whole seconds.
 */
#ifndef CONVERT_CUES_H
#define CONVERT_CUES_H

#include "media/av.h"
#include "media/media.h"
#include "osd_context.h"
#include "osd_text.h"

struct cue {
    int64_t pts, span;                    /* AV_TICKS since the first picture kept */
    char text[OSD_LINES * OSD_LINE_ROOM]; /* UTF-8, lines parted by \n */
};

struct cues {
    const struct media *m;
    const struct osd_context *osd;
    int64_t at_us; /* since the first picture of the master: where the next cue begins */
};

struct cues cues_init(const struct media *m, const struct osd_context *osd);

/* The next cue; false behind the last. They join without gaps from the first picture kept to the
 * end. */
bool cues_next(struct cues *c, struct cue *out);

/* 3GPP TS 26.245, 5.16: a text track's sample entry (not forced, white on translucent black at the
 * bottom), and a sample. */
int cues_describe(AVCodecParameters *out, int width_px, int height_px,
                  struct err *err) DS_MUST_CHECK;
int cues_packet(const struct cue *cue, AVPacket *out, struct err *err) DS_MUST_CHECK;

#endif
