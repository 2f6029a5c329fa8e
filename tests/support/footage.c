#include "support/footage.h"
#include "footage/media/annexb.h"
#include "footage/media/media.h"
#include "footage/media/ptmf.h"
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

const char *footage_sample(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", TEST_SAMPLES, name);
    return path;
}

struct media_facts footage_facts(void)
{
    return (struct media_facts){
        .id = "350612071913857-front-video-20241129T072345Z",
        .imei = "350612071913857",
        .camera = "front",
        .trigger = "crash",
        .has_time = true,
        .has_zone = true,
        .has_position = true,
        .start_utc_us = INT64_C(1732865025250000),
        .tz_min = 120,
        .lat_deg = 54.70042,
        .lon_deg = 25.25,
    };
}

struct convert_options footage_options(unsigned copies)
{
    return (struct convert_options){.copies = copies,
                                    .media.default_fps = 25,
                                    .crf = 21,
                                    .preset = "veryfast",
                                    .osd_size = 1,
                                    .osd_box = true};
}

static AVFormatContext *open_mp4(const char *path)
{
    AVFormatContext *ctx = NULL;
    if (avformat_open_input(&ctx, path, NULL, NULL) < 0 || avformat_find_stream_info(ctx, NULL) < 0)
        fail_msg("FFmpeg cannot read %s", path);
    return ctx;
}

/* Feeds the slice NAL units of an MP4 sample (4-byte lengths) to the hash. */
static void hash_sample(struct hash *h, const AVPacket *p)
{
    size_t at = 0, n = (size_t)p->size;
    while (at + 4 < n) {
        const uint8_t *b = p->data + at;
        size_t length = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
        assert_true(length <= n - at - 4);
        if ((b[4] >> 1 & 0x3f) <= NAL_VCL_LAST)
            hash_update(h, b + 4, length);
        at += 4 + length;
    }
    assert_int_equal(at, n);
}

static void add_packet(struct footage_track *t, const AVPacket *p)
{
    t->pts = realloc(t->pts, (size_t)(t->n + 1) * sizeof *t->pts);
    t->span = realloc(t->span, (size_t)(t->n + 1) * sizeof *t->span);
    assert_non_null(t->pts);
    assert_non_null(t->span);
    t->pts[t->n] = p->pts;
    t->span[t->n++] = p->duration;
}

static void read_tag(const AVFormatContext *ctx, const char *key, char *out, size_t room)
{
    const AVDictionaryEntry *e = av_dict_get(ctx->metadata, key, NULL, 0);
    snprintf(out, room, "%s", e ? e->value : "");
}

/* NULL: data, as the chapters' own track. */
static struct footage_track *track_of(struct footage *f, const AVCodecParameters *par)
{
    return par->codec_type == AVMEDIA_TYPE_VIDEO      ? &f->picture
           : par->codec_type == AVMEDIA_TYPE_AUDIO    ? &f->sound
           : par->codec_type == AVMEDIA_TYPE_SUBTITLE ? &f->text
                                                      : NULL;
}

struct footage footage_read(const char *mp4)
{
    struct footage f = {0};
    struct err err = {0};
    struct hash *h = NULL;
    uint8_t digest[HASH_BYTES];
    AVFormatContext *ctx = open_mp4(mp4);
    AVPacket *p = av_packet_alloc();
    assert_ok(hash_new(&h, &err));
    for (unsigned i = 0; i < ctx->nb_streams; i++) {
        const AVCodecParameters *par = ctx->streams[i]->codecpar;
        struct footage_track *t = track_of(&f, par);
        for (int k = 0; t && k < 4; k++)
            t->tag[k] = (char)(par->codec_tag >> 8 * k & 0xff);
        if (t)
            t->width_px = par->width, t->height_px = par->height;
    }
    while (av_read_frame(ctx, p) >= 0) {
        const AVCodecParameters *par = ctx->streams[p->stream_index]->codecpar;
        if (track_of(&f, par))
            add_packet(track_of(&f, par), p);
        if (par->codec_id == AV_CODEC_ID_HEVC)
            hash_sample(h, p);
        av_packet_unref(p);
    }
    f.duration_s = (double)ctx->duration / AV_TIME_BASE;
    read_tag(ctx, "com.apple.quicktime.location.ISO6709", f.location, sizeof f.location);
    read_tag(ctx, "creation_time", f.created, sizeof f.created);
    read_tag(ctx, "encoder", f.encoder, sizeof f.encoder);
    assert_ok(hash_final(h, digest, &err));
    hash_hex(digest, f.picture.slices);
    hash_free(&h);
    av_packet_free(&p);
    avformat_close_input(&ctx);
    return f;
}

void footage_clear(struct footage *f)
{
    free(f->picture.pts);
    free(f->picture.span);
    free(f->sound.pts);
    free(f->sound.span);
    free(f->text.pts);
    free(f->text.span);
    *f = (struct footage){0};
}

void footage_master_slices(const char *path, char out[HASH_HEX_ROOM])
{
    struct err err = {0};
    struct hash *h = NULL;
    struct ptmf_record r;
    struct nal nal;
    uint8_t digest[HASH_BYTES];
    struct buf b = support_read(path);
    struct ptmf p = ptmf_init(buf_data(&b), b.used);
    assert_ok(hash_new(&h, &err));
    while (ptmf_next(&p, &r)) {
        struct nal_scan scan = nal_scan_init(r.payload, r.n);
        while (r.type != 'A' && nal_next(&scan, &nal))
            if (nal.type <= NAL_VCL_LAST)
                hash_update(h, nal.p, nal.n);
    }
    assert_ok(hash_final(h, digest, &err));
    hash_hex(digest, out);
    hash_free(&h);
    buf_clear(&b);
}

int64_t *footage_truth(const char *json, const char *array, int *n)
{
    struct buf b = support_read(json);
    struct err err = {0};
    assert_ok(buf_append(&b, "", 1, &err));
    char key[64];
    snprintf(key, sizeof key, "\"%s\": [", array);
    char *at = strstr((char *)b.mem + b.start, key);
    assert_non_null(at);
    at += strlen(key);
    int64_t *out = NULL;
    for (*n = 0; *at != ']'; at += strspn(at, ", ")) {
        out = realloc(out, (size_t)(*n + 1) * sizeof *out);
        assert_non_null(out);
        out[(*n)++] = strtoll(at, &at, 10);
    }
    buf_clear(&b);
    return out;
}

struct opened {
    AVFormatContext *ctx;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
};

static struct opened open_track(const char *mp4, enum AVMediaType type)
{
    struct opened o = {.ctx = open_mp4(mp4)};
    const AVCodec *decoder = NULL;
    o.stream = av_find_best_stream(o.ctx, type, -1, -1, &decoder, 0);
    assert_true(o.stream >= 0);
    o.codec = avcodec_alloc_context3(decoder);
    o.packet = av_packet_alloc();
    o.frame = av_frame_alloc();
    AVStream *s = o.ctx->streams[o.stream];
    assert_true(avcodec_parameters_to_context(o.codec, s->codecpar) >= 0);
    o.codec->pkt_timebase = s->time_base;
    assert_true(avcodec_open2(o.codec, decoder, NULL) >= 0);
    return o;
}

/* The next frame; false at the end. A decoder's error fails the test. */
static bool next_frame(struct opened *o)
{
    for (;;) {
        int code = avcodec_receive_frame(o->codec, o->frame);
        if (code != AVERROR(EAGAIN)) {
            assert_true(code >= 0 || code == AVERROR_EOF);
            return code >= 0;
        }
        code = av_read_frame(o->ctx, o->packet);
        if (code >= 0 && o->packet->stream_index != o->stream) {
            av_packet_unref(o->packet);
            continue;
        }
        assert_true(avcodec_send_packet(o->codec, code < 0 ? NULL : o->packet) >= 0);
        av_packet_unref(o->packet);
    }
}

static void close_track(struct opened *o)
{
    av_frame_free(&o->frame);
    av_packet_free(&o->packet);
    avcodec_free_context(&o->codec);
    avformat_close_input(&o->ctx);
}

int footage_pictures(const char *mp4, footage_fn *fn, void *arg)
{
    struct opened o = open_track(mp4, AVMEDIA_TYPE_VIDEO);
    int n = 0;
    while (next_frame(&o)) {
        assert_int_equal(o.frame->decode_error_flags, 0);
        fn(arg, n++, o.frame);
    }
    close_track(&o);
    return n;
}

static void place(float **samples, int *n, int64_t at, const float *from, int count)
{
    int64_t skip = at < 0 ? -at : 0, end = at + count;
    if (end > *n) {
        *samples = realloc(*samples, (size_t)end * sizeof **samples);
        assert_non_null(*samples);
        for (int64_t i = *n; i < end; i++)
            (*samples)[i] = 0;
        *n = (int)end;
    }
    for (int64_t i = skip; i < count; i++)
        (*samples)[at + i] = from[i];
}

float *footage_sound(const char *mp4, int *n)
{
    struct opened o = open_track(mp4, AVMEDIA_TYPE_AUDIO);
    float *samples = NULL;
    *n = 0;
    while (next_frame(&o)) {
        float pcm[8192];
        bool whole = o.frame->format == AV_SAMPLE_FMT_S16;
        assert_true(whole || o.frame->format == AV_SAMPLE_FMT_FLTP);
        assert_true(o.frame->nb_samples <= 8192);
        for (int i = 0; i < o.frame->nb_samples; i++)
            pcm[i] = whole ? (float)((int16_t *)(void *)o.frame->data[0])[i] / 32768.0f
                           : ((float *)(void *)o.frame->data[0])[i];
        place(&samples, n, o.frame->pts, pcm, o.frame->nb_samples);
    }
    close_track(&o);
    return samples;
}

float *footage_master_sound(const char *path, int64_t first_picture_us, int *n)
{
    struct buf b = support_read(path);
    struct ptmf p = ptmf_init(buf_data(&b), b.used);
    struct ptmf_record r;
    float *samples = NULL;
    *n = 0;
    while (ptmf_next(&p, &r)) {
        if (r.type != 'A')
            continue;
        float pcm[320];
        assert_int_equal(r.n, 324);
        for (int i = 0; i < 320; i++)
            pcm[i] = (float)sound_alaw(r.payload[4 + i]) / 32768.0f;
        place(&samples, n, (r.time_us - first_picture_us) * 8 / 1000, pcm, 320);
    }
    buf_clear(&b);
    return samples;
}

int footage_run(char *const argv[], struct buf *out)
{
    int pipe_fd[2], status = 0;
    pid_t pid;
    struct err err = {0};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(pipe_fd), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe_fd[1], 1);
    posix_spawn_file_actions_addclose(&actions, pipe_fd[0]);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(pipe_fd[1]);
    char block[4096];
    for (ssize_t n; !failed && (n = read(pipe_fd[0], block, sizeof block)) > 0;)
        assert_ok(buf_append(out, block, (size_t)n, &err));
    close(pipe_fd[0]);
    if (failed)
        return -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void footage_read_part(const char *dir, const char *path, const char *at, const char *crop,
                       char *out, size_t room)
{
    char png[4096], input[4096], filter[256];
    struct buf text;
    buf_init(&text, 65536);
    snprintf(png, sizeof png, "%s/crop.png", dir);
    snprintf(input, sizeof input, "%s", path);
    snprintf(filter, sizeof filter, "crop=%s,scale=iw*3:-1:flags=lanczos,negate", crop);
    char *cut[] = {(char[]){"ffmpeg"},
                   (char[]){"-v"},
                   (char[]){"error"},
                   (char[]){"-y"},
                   (char[]){"-i"},
                   input,
                   (char[]){"-ss"},
                   (char *)(uintptr_t)at,
                   (char[]){"-vf"},
                   filter,
                   (char[]){"-frames:v"},
                   (char[]){"1"},
                   png,
                   NULL};
    int status = footage_run(cut, &text);
    char *ocr[] = {(char[]){"tesseract"}, png,           (char[]){"-"},
                   (char[]){"--psm"},     (char[]){"6"}, NULL};
    if (status == 0)
        status = footage_run(ocr, &text);
    if (status == -1) {
        fprintf(stderr, "SKIPPED: ffmpeg or tesseract is not there\n");
        skip();
    }
    assert_int_equal(status, 0);
    snprintf(out, room, "%.*s", (int)text.used, (const char *)buf_data(&text));
    buf_clear(&text);
}

void footage_overlay(const char *dir, const char *path, const char *at, char *out, size_t room)
{
    footage_read_part(dir, path, at, "760:58:0:ih-58", out, room);
}
