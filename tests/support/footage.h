/*
 * footage: reads copies back with FFmpeg, and masters with the modules under test's lowest layers.
 * Everything fails the running test on error.
 */
#ifndef TESTS_FOOTAGE_H
#define TESTS_FOOTAGE_H

#include "dashspool/convert.h"
#include "dashspool/hash.h"
#include "support/support.h"
#include <libavutil/frame.h>

/* A file in samples/, in a static buffer. */
const char *footage_sample(const char *name);

/* facts and options that the tests share: a crash near Vilnius, 2024-11-29 09:23:45.25 +02:00. */
struct media_facts footage_facts(void);
struct convert_options footage_options(unsigned copies);

/* One track, as the container tells it. pts: in 1/90000 s for pictures. */
struct footage_track {
    char tag[5];
    int n, width_px, height_px;
    int64_t *pts, *span;
    char slices[HASH_HEX_ROOM]; /* SHA-256 over the slice NAL units (H.265 only) */
};

struct footage {
    struct footage_track picture, sound, text;
    double duration_s;
    char location[64], created[40], encoder[64];
};

struct footage footage_read(const char *mp4);
void footage_clear(struct footage *f);

/* SHA-256 over the slice NAL units of a PTMF master. */
void footage_master_slices(const char *path, char out[HASH_HEX_ROOM]);

/* Numbers of an array in a JSON file; *n is set; free() it. */
int64_t *footage_truth(const char *json, const char *array, int *n);

/* Decodes all pictures; fn gets each. Returns how many there were; errors of the decoder fail
 * the test. */
typedef void footage_fn(void *arg, int index, const AVFrame *frame);
int footage_pictures(const char *mp4, footage_fn *fn, void *arg);

/* The sound as samples from time 0 of the presentation on (silence where there is none), -1..1. */
float *footage_sound(const char *mp4, int *n);
float *footage_master_sound(const char *path, int64_t first_picture_us, int *n);

/* Runs a program; what it prints is in out. Its exit status, or -1 if it is not there. */
int footage_run(char *const argv[], struct buf *out);

/* A part of a picture file (at: seconds into a clip; crop: as ffmpeg's filter has it) as tesseract
 * reads it; the second: the overlay in the bottom left corner of 720p. Skips the test without
 * ffmpeg or tesseract. */
void footage_read_part(const char *dir, const char *path, const char *at, const char *crop,
                       char *out, size_t room);
void footage_overlay(const char *dir, const char *path, const char *at, char *out, size_t room);

/* A point of a track, valid, of which this is known. */
#define FOOTAGE_POINT(utc, lat, lon, speed)                                                  \
    {                                                                                        \
        .utc_us = utc, .lat_deg = lat, .lon_deg = lon, .speed_ms = speed, .course_deg = NAN, \
        .altitude_m = NAN, .satellites = -1, .valid = true                                   \
    }

#endif
