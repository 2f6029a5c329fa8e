/*
 * jpeg_segments: the APPn and COM segments of a JPEG (ITU-T T.81, annex B). Pure.
 */
#ifndef MEDIA_JPEG_SEGMENTS_H
#define MEDIA_JPEG_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jpeg_segment {
    uint8_t marker;
    const uint8_t *p; /* from its FF on */
    size_t n;         /* marker and length included */
};

struct jpeg_walk {
    const uint8_t *data;
    size_t n, at;
};

/* data begins with SOI. */
struct jpeg_walk jpeg_walk_init(const uint8_t *data, size_t n);

/* The next segment before the image data; false at SOS, at the end, or where the structure breaks.
 */
bool jpeg_walk_next(struct jpeg_walk *w, struct jpeg_segment *out);

bool jpeg_is_jfif(const struct jpeg_segment *s);
bool jpeg_is_exif(const struct jpeg_segment *s);

/* Reads IFD0 of an Exif segment (CIPA DC-008, 4.5 and 4.6); false if it does not parse.
 * *orientation is 1 where there is none. */
bool jpeg_exif_orientation(const struct jpeg_segment *s, int *orientation);

#endif
