/*
 * chapters: where to look in a clip: "start", "trigger", and each gap in the pictures. A clip with
 * nothing but a start has none.
 */
#ifndef CONVERT_CHAPTERS_H
#define CONVERT_CHAPTERS_H

#include "media/media.h"

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
