#include "sound.h"
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>

#define BITS_PER_S 32000
#define FRAME_MAX  8192             /* samples that an encoder may ask for at once */
#define TAIL_US    INT64_C(1000000) /* sound may outlast the pictures by this */

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

static int add_silence(struct media *m, const struct sound_line *s, struct err *err)
{
    int rc = media_grow(&m->silence, m->n_silences, &m->room_silences, MEDIA_SOUNDS_MAX,
                        sizeof *m->silence, "silences", err);
    if (rc < 0)
        return rc;
    const struct media_sound *next = &m->sound[s->record - 1];
    int64_t last = s->at + s->silence < s->end ? s->at + s->silence : s->end;
    m->silence[m->n_silences++] = (struct media_silence){
        .from_us = m->start_us + av_rescale(s->at, 1000000, SOUND_HZ),
        .until_us = m->start_us + av_rescale(last, 1000000, SOUND_HZ),
        .why = next->sequence == next[-1].sequence + 1 ? "the camera recorded no sound"
                                                       : "sound records are missing",
    };
    return ERR_OK;
}

int media_find_silence(struct media *m, struct err *err)
{
    struct sound_line s = sound_line_init(m);
    int rc = ERR_OK;
    while (rc == ERR_OK && s.at < s.end) {
        s.at += (int64_t)s.left;
        if (s.at < s.end && next_record(&s, false) && s.silence > 0) {
            rc = add_silence(m, &s, err);
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

static int open_encoder(struct sound *s, enum AVCodecID id, struct err *err)
{
    const AVCodec *codec = avcodec_find_encoder(id);
    if (!codec)
        return err_set(err, ERR_UNSUPPORTED, "this FFmpeg has no %s encoder", s->name);
    s->ctx = avcodec_alloc_context3(codec);
    s->frame = av_frame_alloc();
    if (!s->ctx || !s->frame)
        return err_set(err, ERR_NOMEM, "no memory for a %s encoder", s->name);
    s->ctx->opaque = &s->watch;
    s->ctx->sample_rate = SOUND_HZ;
    s->ctx->sample_fmt = codec->sample_fmts[0];
    s->ctx->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
    s->ctx->time_base = (AVRational){1, SOUND_HZ};
    s->ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    int code = 0;
    if (id == AV_CODEC_ID_AAC) {
        s->ctx->bit_rate = BITS_PER_S;
        /* The other coder takes longer than everything else in a working copy. */
        code = av_opt_set(s->ctx->priv_data, "aac_coder", "fast", 0);
    }
    if (code >= 0)
        code = avcodec_open2(s->ctx, codec, NULL);
    return code < 0 ? av_fail(err, code, &s->watch, "%s encoder", s->name) : ERR_OK;
}

int sound_open(struct sound *s, const struct media *m, bool flac, struct err *err)
{
    *s = (struct sound){.line = sound_line_init(m), .name = flac ? "FLAC" : "AAC"};
    av_watch_init(&s->watch);
    return open_encoder(s, flac ? AV_CODEC_ID_FLAC : AV_CODEC_ID_AAC, err);
}

void sound_close(struct sound *s)
{
    av_frame_free(&s->frame);
    avcodec_free_context(&s->ctx);
    av_watch_clear(&s->watch);
}

/* n samples from `at` on, in the encoder's format. */
static int fill_frame(struct sound *s, const int16_t *pcm, int n, int64_t at, struct err *err)
{
    AVFrame *f = s->frame;
    av_frame_unref(f);
    f->nb_samples = n;
    f->format = s->ctx->sample_fmt;
    f->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
    f->sample_rate = SOUND_HZ;
    f->pts = at;
    int code = av_frame_get_buffer(f, 0);
    if (code < 0)
        return av_fail(err, code, NULL, "sound frame");
    if (f->format == AV_SAMPLE_FMT_S16) {
        memcpy(f->data[0], pcm, (size_t)n * sizeof *pcm);
        return ERR_OK;
    }
    float *out = (float *)(void *)f->data[0];
    for (int i = 0; i < n; i++)
        out[i] = (float)pcm[i] / 32768.0f;
    return ERR_OK;
}

/* Gives the encoder one frame of samples, or the end. */
static int feed(struct sound *s, struct err *err)
{
    int n_max = s->ctx->frame_size, code, rc = ERR_OK;
    int16_t pcm[FRAME_MAX];
    if (n_max <= 0 || n_max > FRAME_MAX)
        return err_set(err, ERR_UNSUPPORTED, "%s frames of %d samples", s->name, n_max);
    int64_t at = s->line.at;
    int n = sound_line_read(&s->line, pcm, n_max);
    s->drained = n == 0;
    if (n > 0 && (rc = fill_frame(s, pcm, n, at, err)) < 0)
        return rc;
    code = avcodec_send_frame(s->ctx, n > 0 ? s->frame : NULL);
    return code < 0 ? av_fail(err, code, &s->watch, "%s encoder", s->name) : ERR_OK;
}

int sound_next(struct sound *s, AVPacket *out, bool *got, struct err *err)
{
    for (;;) {
        int code = avcodec_receive_packet(s->ctx, out);
        *got = code >= 0;
        if (code >= 0 || code == AVERROR_EOF)
            return ERR_OK;
        if (code != AVERROR(EAGAIN) || s->drained)
            return av_fail(err, code, &s->watch, "%s encoder", s->name);
        int rc = feed(s, err);
        if (rc < 0)
            return rc;
    }
}
