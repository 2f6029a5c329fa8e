/*
 * osd_context: what the overlay and the sidecars know of a clip, prepared once: the facts, the
 * compiled template, and the track where it covers the clip.
 */
#ifndef CONVERT_OSD_CONTEXT_H
#define CONVERT_OSD_CONTEXT_H

#include "media/media.h"
#include "template.h"
#include "track.h"

struct osd_context {
    const struct media_facts *facts;
    const struct convert_options *options;
    struct template template; /* of options->osd_template, unless that is "" */
    struct track *track;      /* NULL: there is none, or it does not cover the clip */
    int64_t start_us, end_us; /* first and last picture kept, since the master's first */
    bool redacted;            /* the overlay says so; nobody but convert.c sets it */
};

/* *c is the caller's storage; facts and options must outlive it; osd_context_clear() also after a
 * failure. A track that cannot be used for this clip is a warning of m, one that cannot be read an
 * error. */
int osd_context_init(struct osd_context *c, struct media *m, const struct media_facts *facts,
                     const struct convert_options *options, struct err *err) DS_MUST_CHECK;
void osd_context_clear(struct osd_context *c);

/* Where the track was at a picture; false where there is none. */
bool osd_context_track_at(const struct osd_context *c, int64_t offset_us, struct track_point *out);

/* The camera's own position, if it is one. */
bool osd_context_own_position(const struct osd_context *c, double *lat_deg, double *lon_deg);

#endif
