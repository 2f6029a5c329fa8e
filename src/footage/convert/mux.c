#include "mux.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include <inttypes.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- sound, as AAC or FLAC packets ---- */

#define BITS_PER_S 32000
#define FRAME_MAX  8192 /* samples that an encoder may ask for at once */

/* flac: lossless; else AAC. sound_close() also after a failure. */
static int sound_open(struct sound *s, const struct media *m, bool flac, struct err *err)
{
    *s = (struct sound){.line = sound_line_init(m), .name = flac ? "FLAC" : "AAC"};
    av_watch_init(&s->watch);
    enum AVCodecID id = flac ? AV_CODEC_ID_FLAC : AV_CODEC_ID_AAC;
    const AVCodec *codec = avcodec_find_encoder(id);
    if (!codec)
        return err_set(err, ERR_UNSUPPORTED, "this FFmpeg has no %s encoder", s->name);
    s->ctx = avcodec_alloc_context3(codec);
    s->frame = av_frame_alloc();
    if (!s->ctx || !s->frame)
        return err_nomem(err, "a %s encoder", s->name);
    s->ctx->opaque = &s->watch;
    s->ctx->sample_rate = SOUND_HZ;
    s->ctx->sample_fmt = flac ? AV_SAMPLE_FMT_S16 : AV_SAMPLE_FMT_FLTP;
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

static void sound_close(struct sound *s)
{
    av_frame_free(&s->frame);
    avcodec_free_context(&s->ctx);
    av_watch_clear(&s->watch);
}

/* The next n samples, n > 0, in the encoder's format. */
static int fill_frame(struct sound *s, const int16_t *pcm, int n, struct err *err)
{
    AVFrame *f = s->frame;
    av_frame_unref(f);
    f->nb_samples = n;
    f->format = s->ctx->sample_fmt;
    f->ch_layout = (AVChannelLayout)AV_CHANNEL_LAYOUT_MONO;
    f->sample_rate = SOUND_HZ;
    f->pts = s->line.at - n;
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
    int n = sound_line_read(&s->line, pcm, n_max);
    s->drained = n == 0;
    if (n > 0 && (rc = fill_frame(s, pcm, n, err)) < 0)
        return rc;
    code = avcodec_send_frame(s->ctx, n > 0 ? s->frame : NULL);
    return code < 0 ? av_fail(err, code, &s->watch, "%s encoder", s->name) : ERR_OK;
}

/* The next packet, times in 1/SOUND_HZ since the first picture; AAC's delay makes the first one
 * earlier than the first sample. FLAC's last one is empty and brings the final header. *got is
 * false at the end. */
static int sound_next(struct sound *s, AVPacket *out, bool *got, struct err *err)
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

/*
 * ---- the overlay as a text track ----
 *
 * One cue a second, changing where the clock's second changes. The same text as in the picture, the
 * clock to whole seconds.
 */

#define SECOND_US INT64_C(1000000)

/* The next cue; false behind the last. They join without gaps from the first picture kept to the
 * end. */
static bool cues_next(struct cues *c, struct cue *out)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    int64_t end_us = c->m->start_us + c->m->duration_us;
    do {
        /* Where the clock's next second begins; without a clock, the clip's. */
        int64_t zero_us = c->osd->facts->has_time ? c->osd->facts->start_utc_us : -c->m->start_us;
        int64_t into_us = (zero_us + c->at_us) % SECOND_US;
        int64_t from_us = c->at_us;
        int64_t until_us = from_us + SECOND_US - (into_us < 0 ? into_us + SECOND_US : into_us);
        if (from_us >= end_us)
            return false;
        until_us = until_us < end_us ? until_us : end_us;
        out->pts = av_rescale(from_us - c->m->start_us, AV_TICKS, SECOND_US);
        out->span = av_rescale(until_us - c->m->start_us, AV_TICKS, SECOND_US) - out->pts;
        int64_t shown = media_shown_before(c->m, out->pts + 1) - 1;
        osd_text_second(c->osd, from_us, shown, "", lines);
        c->at_us = until_us;
    } while (out->span <= 0);
    size_t used = 0;
    out->text[0] = '\0';
    for (int i = 0; i < OSD_LINES; i++)
        if (lines[i][0] && used < sizeof out->text)
            used += (size_t)snprintf(out->text + used, sizeof out->text - used, "%s%s",
                                     used ? "\n" : "", lines[i]);
    return true;
}

static uint8_t *put_be(uint8_t *p, unsigned value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *p++ = (uint8_t)(value >> 8 * i);
    return p;
}

/* 3GPP TS 26.245, 5.16: a text track's sample entry (not forced, white on translucent black at the
 * bottom), and a sample. */
static int cues_describe(AVCodecParameters *out, int width_px, int height_px, struct err *err)
{
    static const char font[] = "Sans-Serif";
    unsigned size = (unsigned)height_px / 24, n_font = sizeof font - 1;
    unsigned n = 30 + 13 + n_font;
    uint8_t *p = out->extradata = av_mallocz(n + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!p)
        return err_nomem(err, "a text track");
    out->extradata_size = (int)n;
    out->codec_type = AVMEDIA_TYPE_SUBTITLE;
    out->codec_id = AV_CODEC_ID_MOV_TEXT;
    out->codec_tag = MKTAG('t', 'x', '3', 'g');
    out->width = width_px;
    out->height = height_px;
    p = put_be(p, 0, 4);          /* display flags: neither scrolling nor forced */
    p = put_be(p, 0x01ff, 2);     /* centred, at the bottom */
    p = put_be(p, 0x00000090, 4); /* background, RGBA */
    p = put_be(p, 0, 4);          /* text box: the whole picture */
    p = put_be(p, (unsigned)out->height, 2);
    p = put_be(p, (unsigned)out->width, 2);
    p = put_be(p, 0, 4);                       /* style of all characters … */
    p = put_be(p, 1, 2);                       /* … in font 1 */
    p = put_be(p, size < 255 ? size : 255, 2); /* plain face, size */
    p = put_be(p, 0xffffffff, 4);
    p = put_be(p, 13 + n_font, 4);
    p = put_be(p, MKBETAG('f', 't', 'a', 'b'), 4);
    p = put_be(p, 1, 2);
    p = put_be(p, 1, 2);
    p = put_be(p, n_font, 1);
    memcpy(p, font, n_font);
    return ERR_OK;
}

/* ---- chapters ---- */

#define SHORTEST_US INT64_C(1000) /* two at one place would be one in a player's list */

static int by_time(const void *a, const void *b)
{
    const struct chapter *x = a, *y = b;
    if (x->from_us != y->from_us)
        return x->from_us < y->from_us ? -1 : 1;
    return x->until_us < y->until_us ? -1 : 1; /* the order in which they were found */
}

int chapters_make(const struct media *m, const struct media_facts *facts,
                  struct chapter out[CHAPTERS_MAX])
{
    int n = 1, kept = 1;
    int64_t trigger_us = facts->trigger_utc_us - facts->start_utc_us - m->start_us;
    out[0] = (struct chapter){.title = "start"};
    if (media_wall_known(m, facts, trigger_us + m->start_us) && facts->has_trigger_time &&
        trigger_us >= SHORTEST_US && trigger_us < m->duration_us)
        out[n++] = (struct chapter){trigger_us, 1, "trigger"};
    for (int64_t i = 0; i < m->n_holes && n < CHAPTERS_MAX; i++) {
        int64_t from_us =
            (m->hole[i].recording ? m->hole[i].until_us : m->hole[i].from_us) - m->start_us;
        if (from_us < SHORTEST_US || from_us >= m->duration_us)
            continue;
        out[n] = (struct chapter){from_us, n, ""};
        if (m->hole[i].recording)
            snprintf(out[n].title, sizeof out->title, "recording %d",
                     m->picture[m->hole[i].before].recording + 1);
        else if (m->hole[i].lost > 0)
            snprintf(out[n].title, sizeof out->title, "gap: %" PRId64 " picture%s missing",
                     m->hole[i].lost, m->hole[i].lost > 1 ? "s" : "");
        else
            snprintf(out[n].title, sizeof out->title, "gap: pictures missing");
        n++;
    }
    qsort(out, (size_t)n, sizeof *out, by_time);
    for (int i = 1; i < n; i++)
        if (out[i].from_us >= out[kept - 1].from_us + SHORTEST_US)
            out[kept++] = out[i];
    for (int i = 0; i < kept; i++)
        out[i].until_us = i + 1 < kept ? out[i + 1].from_us : m->duration_us;
    return kept > 1 ? kept : 0;
}

/* ---- the file ---- */

static int add_stream(struct mux *x, AVStream **out, AVRational base, struct err *err)
{
    *out = avformat_new_stream(x->ctx, NULL);
    if (!*out)
        return err_nomem(err, "a track");
    (*out)->time_base = base;
    return ERR_OK;
}

static int add_sound(struct mux *x, const struct media *m, bool flac, struct err *err)
{
    int code, rc = sound_open(&x->sound, m, flac, err);
    x->has_sound = true;
    if (rc == ERR_OK)
        rc = add_stream(x, &x->audio, (AVRational){1, SOUND_HZ}, err);
    if (rc < 0)
        return rc;
    code = avcodec_parameters_from_context(x->audio->codecpar, x->sound.ctx);
    if (code < 0)
        return av_fail(err, code, NULL, "sound track");
    return sound_next(&x->sound, x->waiting, &x->has_waiting, err);
}

/* Players show it as a track that can be switched off: enabled, not forced, language unknown. */
static int add_text(struct mux *x, const struct media *m, const struct osd_context *words,
                    struct err *err)
{
    int rc = add_stream(x, &x->text, av_ticks(), err);
    if (rc == ERR_OK)
        rc = cues_describe(x->text->codecpar, m->width_px, m->height_px, err);
    if (rc < 0)
        return rc;
    av_dict_set(&x->text->metadata, "handler_name", osd_text_of_what(words), 0);
    x->text->disposition = AV_DISPOSITION_DEFAULT;
    x->cues = (struct cues){.m = m, .osd = words, .at_us = m->start_us};
    x->has_cue = cues_next(&x->cues, &x->cue);
    return ERR_OK;
}

static int add_chapters(struct mux *x, const struct media *m, const struct media_facts *facts,
                        struct err *err)
{
    struct chapter chapters[CHAPTERS_MAX];
    int n = chapters_make(m, facts, chapters);
    if (n == 0)
        return ERR_OK;
    x->ctx->chapters = av_calloc((size_t)n, sizeof(AVChapter *)); /* freed with ctx */
    if (!x->ctx->chapters)
        return err_nomem(err, "chapters");
    for (int i = 0; i < n; i++) {
        AVChapter *c = av_mallocz(sizeof *c);
        if (!c || av_dict_set(&c->metadata, "title", chapters[i].title, 0) < 0) {
            av_free(c);
            return err_nomem(err, "chapters");
        }
        c->id = x->ctx->nb_chapters;
        c->time_base = (AVRational){1, 1000000};
        c->start = chapters[i].from_us;
        c->end = chapters[i].until_us;
        x->ctx->chapters[x->ctx->nb_chapters++] = c;
    }
    return ERR_OK;
}

/* The QuickTime keys are what ffprobe, exiftool and mediainfo all read in an MP4. */
static void set_camera(AVDictionary **d, const struct media *m, const struct media_facts *f)
{
    char model[32];
    if (m->container != MEDIA_PTMF && !f->imei[0])
        return; /* some H.265: nobody knows of what camera */
    snprintf(model, sizeof model, "DualCam%s%s", f->camera[0] ? " " : "", f->camera);
    av_dict_set(d, "com.apple.quicktime.make", "Teltonika", 0);
    av_dict_set(d, "com.apple.quicktime.model", model, 0);
}

static int open_io(struct mux *x, const char *path, struct err *err)
{
    char *url = NULL;
    int rc = fsx_path(&url, err, "file:%s", path);
    if (rc < 0)
        return rc;
    int code = avformat_alloc_output_context2(&x->ctx, NULL, "mp4", url);
    if (code >= 0)
        code = avio_open(&x->ctx->pb, url, AVIO_FLAG_WRITE);
    free(url);
    return code < 0 ? av_fail(err, code, NULL, "%s", path) : ERR_OK;
}

/* Room for the index in front of the media, so that nothing is written twice: a sample costs 44
 * bytes at most in the tables of its track (stts 8, ctts 8, stsz 4, stss 4, stsc 12, co64 8). What
 * is too much becomes a `free` box. */
static int64_t index_bytes(const struct mux *x, const struct media *m,
                           const AVCodecParameters *video)
{
    int64_t sound = x->audio ? (m->duration_us / 1000000 + 3) * SOUND_HZ / 576 : 0;
    int64_t text =
        x->text ? 2 * (m->duration_us / 1000000 + 3) : 0; /* a cue and a pause a second */
    int64_t chapters = x->ctx->nb_chapters;
    return 6144 + 2 * (int64_t)video->extradata_size + 300 * chapters +
           44 * (m->n_pictures - m->first + sound + text + chapters);
}

static int write_header(struct mux *x, const char *path, const struct media *m,
                        const AVCodecParameters *video, struct err *err)
{
    AVDictionary *options = NULL;
    av_dict_set_int(&options, "moov_size", index_bytes(x, m, video), 0);
    av_dict_set(&options, "movflags", "+use_metadata_tags", 0);
    av_dict_set(&options, "movie_timescale", "90000", 0); /* edit lists finer than 1 ms */
    int code = avformat_write_header(x->ctx, &options);
    av_dict_free(&options);
    if (code < 0)
        return av_fail(err, code, NULL, "%s: header", path);
    /* Bit-exact muxing drops this tag at the header; the tags are written at the end. */
    av_dict_set(&x->ctx->metadata, "encoder", "dashspool " DASHSPOOL_VERSION, 0);
    return ERR_OK;
}

int mux_open(struct mux *x, const char *path, const struct media *m, const AVCodecParameters *video,
             const struct mux_tags *tags, struct err *err)
{
    *x = (struct mux){0};
    int code, rc = open_io(x, path, err);
    if (rc == ERR_OK && !(x->waiting = av_packet_alloc()))
        rc = err_nomem(err, "a packet");
    if (rc == ERR_OK)
        rc = add_stream(x, &x->video, av_ticks(), err);
    if (rc < 0)
        return rc;
    x->ctx->flags |= AVFMT_FLAG_BITEXACT;
    if ((code = avcodec_parameters_copy(x->video->codecpar, video)) < 0)
        return av_fail(err, code, NULL, "picture track");
    x->video->sample_aspect_ratio = video->sample_aspect_ratio;
    if (sound_any(m) && (rc = add_sound(x, m, tags->flac, err)) < 0)
        return rc;
    if (tags->flac) /* FFmpeg 5 calls "FLAC in ISOBMFF" 1.0.0 experimental still */
        x->ctx->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (tags->words && (rc = add_text(x, m, tags->words, err)) < 0)
        return rc;
    if ((rc = add_chapters(x, m, tags->facts, err)) < 0)
        return rc;
    const struct media_facts *f = tags->facts;
    AVDictionary **d = &x->ctx->metadata;
    char text[CLOCK_TEXT_ROOM];
    av_dict_set(d, "title", tags->title, 0);
    av_dict_set(d, "comment", tags->comment, 0);
    set_camera(d, m, f);
    if (media_wall_known(m, f, m->start_us)) {
        clock_rfc3339(f->start_utc_us + m->start_us, 6, text);
        av_dict_set(d, "creation_time", text, 0);
        av_dict_set(&x->video->metadata, "creation_time", text, 0);
        if (x->audio)
            av_dict_set(&x->audio->metadata, "creation_time", text, 0);
    }
    if (f->has_position && fabs(f->lat_deg) <= 90 && fabs(f->lon_deg) <= 180) {
        /* ISO 6709, annex H: +54.7004+025.2500/ */
        snprintf(text, sizeof text, "%+09.5f%+010.5f/", f->lat_deg, f->lon_deg);
        av_dict_set(d, "location", text, 0); /* the 3GPP box; ffprobe, exiftool */
        av_dict_set(d, "com.apple.quicktime.location.ISO6709", text, 0); /* the same, mediainfo */
    }
    return write_header(x, path, m, video, err);
}

void mux_close(struct mux *x)
{
    if (x->has_sound)
        sound_close(&x->sound);
    av_packet_free(&x->waiting);
    if (x->ctx && x->ctx->pb)
        avio_closep(&x->ctx->pb);
    avformat_free_context(x->ctx);
    *x = (struct mux){0};
}

static int write_packet(struct mux *x, AVPacket *packet, const AVStream *to, AVRational base,
                        struct err *err)
{
    packet->stream_index = to->index;
    av_packet_rescale_ts(packet, base, to->time_base);
    int code = av_interleaved_write_frame(x->ctx, packet);
    return code < 0 ? av_fail(err, code, NULL, "%s", x->ctx->url) : ERR_OK;
}

/* Sound packets that come before `dts` of the pictures. */
static int sound_until(struct mux *x, int64_t dts, struct err *err)
{
    AVRational base = {1, SOUND_HZ};
    int rc = ERR_OK;
    while (rc == ERR_OK && x->has_waiting &&
           av_compare_ts(x->waiting->dts, base, dts, av_ticks()) <= 0) {
        rc = write_packet(x, x->waiting, x->audio, base, err);
        if (rc == ERR_OK)
            rc = sound_next(&x->sound, x->waiting, &x->has_waiting, err);
    }
    return rc;
}

/* Cues that begin before `dts` or with it. x->waiting is the sound's. */
static int text_until(struct mux *x, int64_t dts, struct err *err)
{
    int rc = ERR_OK;
    AVPacket *packet = x->has_cue && x->cue.pts <= dts ? av_packet_alloc() : NULL;
    if (x->has_cue && x->cue.pts <= dts && !packet)
        return err_nomem(err, "a packet");
    while (rc == ERR_OK && x->has_cue && x->cue.pts <= dts) {
        size_t n = strlen(x->cue.text);
        int code = av_new_packet(packet, (int)n + 2);
        if (code < 0)
            rc = av_fail(err, code, NULL, "packet");
        else {
            memcpy(put_be(packet->data, (unsigned)n, 2), x->cue.text, n);
            packet->pts = packet->dts = x->cue.pts;
            packet->duration = x->cue.span;
            packet->flags = AV_PKT_FLAG_KEY;
        }
        if (rc == ERR_OK)
            rc = write_packet(x, packet, x->text, av_ticks(), err);
        x->has_cue = cues_next(&x->cues, &x->cue);
    }
    av_packet_free(&packet);
    return rc;
}

int mux_video(struct mux *x, AVPacket *packet, struct err *err)
{
    int rc = sound_until(x, packet->dts, err);
    if (rc == ERR_OK)
        rc = text_until(x, packet->dts, err);
    return rc < 0 ? rc : write_packet(x, packet, x->video, av_ticks(), err);
}

int mux_finish(struct mux *x, struct err *err)
{
    int rc = text_until(x, INT64_MAX, err);
    if (rc == ERR_OK)
        rc = sound_until(x, INT64_MAX, err);
    if (rc < 0)
        return rc;
    int code = av_write_trailer(x->ctx);
    if (code >= 0)
        code = x->ctx->pb->error;
    int closed = avio_closep(&x->ctx->pb);
    if (code >= 0)
        code = closed;
    return code < 0 ? av_fail(err, code, NULL, "%s", x->ctx->url) : ERR_OK;
}
