#include "media.h"
#include <libavutil/mathematics.h>

#define TAIL_US INT64_C(1000000) /* sound may outlast the pictures by this */

/* ITU-T G.711, table 1a, as 16-bit samples. */
int16_t sound_alaw(uint8_t code)
{
    unsigned a = code ^ 0x55u, segment = a >> 4 & 7;
    int v = (int)((a & 15) << 4) + 8;
    if (segment)
        v = (v + 0x100) << (segment - 1);
    return (int16_t)(a & 0x80 ? v : -v);
}

static int64_t sample_of(const struct media *m, int64_t time_us)
{
    return av_rescale(time_us - m->start_us, SOUND_HZ, 1000000);
}

/* Takes up the next record. One that is within half its length of where the last one ended follows
 * it at once (the times jitter); a later one comes after silence, an earlier one loses its overlap.
 * false when there is none before the end. */
static bool next_record(struct sound_line *s, bool exact)
{
    while (s->record < s->m->n_sounds) {
        const struct media_sound *r = &s->m->sound[s->record++];
        int64_t n = (int64_t)r->n, early = s->at - sample_of(s->m, r->time_us);
        int64_t slack = exact ? 0 : n / 2;
        if (-early >= s->end - s->at)
            break;
        int64_t drop = early > slack ? early : 0;
        if (drop >= n)
            continue;
        s->silence = -early > slack ? -early : 0;
        s->alaw = s->m->map + r->offset + drop;
        s->left = (size_t)(n - drop);
        return true;
    }
    s->left = 0;
    s->end = s->at;
    return false;
}

struct sound_line sound_line_init(const struct media *m)
{
    struct sound_line s = {.m = m};
    s.end = av_rescale(m->duration_us + TAIL_US, SOUND_HZ, 1000000);
    if (next_record(&s, true)) {
        s.at = s.silence; /* nothing is made up before the first sample */
        s.silence = 0;
    }
    return s;
}

int media_find_silence(struct media *m, struct err *err)
{
    struct sound_line s = sound_line_init(m);
    int rc = ERR_OK;
    while (rc == ERR_OK && s.at < s.end) {
        s.at += (int64_t)s.left;
        if (s.at < s.end && next_record(&s, false) && s.silence > 0) {
            rc = media_grow(&m->silence, m->n_silences, &m->room_silences, MEDIA_SOUNDS_MAX,
                            sizeof *m->silence, "silences", err);
            if (rc == ERR_OK) {
                const struct media_sound *next = &m->sound[s.record - 1];
                int64_t last = s.at + s.silence < s.end ? s.at + s.silence : s.end;
                m->silence[m->n_silences++] = (struct media_silence){
                    .from_us = m->start_us + av_rescale(s.at, 1000000, SOUND_HZ),
                    .until_us = m->start_us + av_rescale(last, 1000000, SOUND_HZ),
                    .why = next->recording != next[-1].recording ? "another recording begins"
                           : next->sequence == next[-1].sequence + 1
                               ? "the camera recorded no sound"
                               : "sound records are missing",
                };
            }
            s.at += s.silence;
        }
    }
    return rc;
}

int sound_line_read(struct sound_line *s, int16_t *out, int n)
{
    int i = 0;
    while (i < n && s->at < s->end) {
        if (s->silence > 0) {
            s->silence--;
            out[i++] = 0;
        } else if (s->left > 0) {
            s->left--;
            out[i++] = sound_alaw(*s->alaw++);
        } else {
            if (!next_record(s, false))
                break;
            continue;
        }
        s->at++;
    }
    return i;
}

void sound_span(const struct media *m, int64_t *from, int64_t *until)
{
    struct sound_line s = sound_line_init(m);
    *from = s.at;
    while (s.at < s.end) {
        s.at += s.silence + (int64_t)s.left;
        s.silence = 0;
        if (s.at < s.end && !next_record(&s, false))
            break;
    }
    *until = s.at < s.end ? s.at : s.end;
}

bool sound_any(const struct media *m)
{
    struct sound_line s = sound_line_init(m);
    return s.at < s.end;
}
