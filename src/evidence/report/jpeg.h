/*
 * jpeg: as much of a picture's beginning as it takes to put it on paper. Nothing is decoded.
 */
#ifndef REPORT_JPEG_H
#define REPORT_JPEG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than this no picture of a camera is. */
#define JPEG_SIDE_MAX 8192

/* Size of a JPEG with 8 bits a channel, grey or in colours (ITU-T T.81, B.2: SOI, then segments up
 * to SOF0, SOF1 or SOF2). false: it is none, or none that a PDF can hold (ISO 32000-1, 7.4.8). */
bool jpeg_size(const uint8_t *data, size_t n, int *width_px, int *height_px);

#endif
