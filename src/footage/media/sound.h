/*
 * sound: the master's G.711 A-law records, placed by their capture times, as AAC or
 * FLAC packets.
 */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include "av.h"
#include "media.h"

#define SOUND_HZ 8000 /* docs/ptmf.md, section 2 */

/* The samples on one time line from the first picture kept on. */
struct sound_line {
    const struct media *m;
    int64_t record;      /* the one that is read next */
    const uint8_t *alaw; /* rest of the record that is being read */
    size_t left;
    int64_t silence; /* samples of silence before it */
    int64_t at;      /* sample number, 0 at the first picture */
    int64_t end;     /* no sample at or behind it */
};

/* at is where the first sample belongs; at == end when there is none. */
struct sound_line sound_line_init(const struct media *m);

/* Up to n samples in -32768..32767; fewer at the end. */
int sound_line_read(struct sound_line *s, int16_t *out, int n);

int16_t sound_alaw(uint8_t code);

struct sound {
    struct sound_line line;
    const char *name; /* of the coding, for messages */
    AVCodecContext *ctx;
    AVFrame *frame;
    struct av_watch watch;
    bool drained;
};

bool sound_any(const struct media *m);

/* First sample and the one behind the last, on the line of struct sound_line; equal without sound.
 */
void sound_span(const struct media *m, int64_t *from, int64_t *until);

/* flac: lossless; else AAC. sound_close() also after a failure. */
int sound_open(struct sound *s, const struct media *m, bool flac, struct err *err) DS_MUST_CHECK;
void sound_close(struct sound *s);

/* The next packet, times in 1/SOUND_HZ since the first picture; AAC's delay makes the first one
 * earlier than the first sample. FLAC's last one is empty and brings the final header. *got is
 * false at the end. */
int sound_next(struct sound *s, AVPacket *out, bool *got, struct err *err) DS_MUST_CHECK;

#endif
