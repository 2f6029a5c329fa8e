/*
 * copies: makes one copy each, into a file that exists and is empty. A new kind is a row in
 * core's copy_kind.c, which says what it is called, and one in convert.c, which says who makes it.
 */
#ifndef CONVERT_COPIES_H
#define CONVERT_COPIES_H

#include "media/media.h"
#include "osd.h"

/* What making a copy needs to know; m collects warnings. */
struct copy_task {
    struct media *m;
    enum copy_kind kind;
    const char *path, *stem;
    const struct media_facts *facts;
    const struct convert_options *options;
    const struct osd_context *osd; /* for osd_text_at() */
    struct convert_result *result;
    int64_t moment_us;             /* COPY_MOMENT: which one */
    convert_progress_fn *progress; /* may be NULL; done in from..to */
    void *arg;
    double from, to;
};

typedef int copy_fn(const struct copy_task *t, struct err *err);

copy_fn copy_working, copy_viewing;
copy_fn copy_table;                 /* timing and csv. Last: they tell what the others found */
copy_fn copy_still;                 /* a photo; fills in what the result tells of it */
copy_fn copy_place, copy_subtitles; /* sidecar.c: GPX, KML, GeoJSON; SRT, VTT */
copy_fn copy_picture, copy_sheet;   /* picture: poster, moments */

/* ERR_CONFIG if a moment is asked for that the clip does not have; before anything is made. */
int copy_moments_check(const struct media *m, const struct convert_options *options,
                       struct err *err) DS_MUST_CHECK;

static inline void copy_progress(const struct copy_task *t, int64_t done, int64_t of)
{
    if (t->progress && of > 0)
        t->progress(t->arg, t->from + (t->to - t->from) * (double)done / (double)of);
}

/*
 * check.c: a copy counts only if it reads back as it was planned. An MP4 is opened again with
 * libavformat: codec and tag, number of pictures, the time of each, how long pictures and sound
 * last, and the slices of each picture of a working copy, which are compared with the mapped
 * master's; fills in m->slices_sha256 with them. With `decode` every picture is decoded as well.
 * ERR_IO: "the copy … does not read back …".
 */
int check_mp4(const char *path, enum copy_kind kind, struct media *m, bool decode,
              struct err *err) DS_MUST_CHECK;

#endif
