#include "copies.h"
#include "dashspool/text.h"
#include "media/av.h"
#include "media/timing.h"
#include <inttypes.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDING_TICKS = 2 }; /* microseconds to ticks, and libavformat's own rescaling */

struct copy_check {
    const struct media *m;
    enum copy_kind kind;
    AVFormatContext *ctx;
    AVStream *video;
    AVPacket *packet;
    struct hash *slices;
    int64_t *pts; /* of the pictures planned, ascending */
    int64_t n_planned, n;
    AVStream *sound;
    int64_t sound_from; /* its first sample */
    AVCodecContext *decoder;
    AVFrame *frame;
    struct av_watch watch;
    int64_t decoded;
};

#define UNLIKE(err, ...) err_set(err, ERR_IO, __VA_ARGS__)

static int plan_times(struct copy_check *c, struct err *err)
{
    const struct media *m = c->m;
    bool known = c->kind == COPY_VIEWING && m->n_view > 0;
    c->n_planned = known ? m->n_view : m->n_pictures - m->first;
    c->pts = malloc((size_t)c->n_planned * sizeof *c->pts);
    if (!c->pts)
        return err_nomem(err, "the picture times");
    for (int64_t i = 0; i < c->n_planned; i++)
        c->pts[i] = known ? m->view_pts[i] : m->picture[m->first + i].pts;
    if (c->kind != COPY_WORKING)
        qsort(c->pts, (size_t)c->n_planned, sizeof *c->pts, timing_by_value);
    return ERR_OK;
}

static int open_copy(struct copy_check *c, const char *path, struct err *err)
{
    if (av_open_mp4(&c->ctx, path, "opening", err) < 0)
        return err->code = ERR_IO;
    c->packet = av_packet_alloc();
    c->frame = av_frame_alloc();
    return c->packet && c->frame ? hash_new(&c->slices, err) : err_nomem(err, "a packet");
}

/* The working copy has the overlay as text, and either may have chapters. */
static bool planned_text(const struct copy_check *c, const AVCodecParameters *par)
{
    return (par->codec_type == AVMEDIA_TYPE_SUBTITLE && c->kind == COPY_WORKING) ||
           (par->codec_type == AVMEDIA_TYPE_DATA && c->ctx->nb_chapters > 0);
}

static int check_tracks(struct copy_check *c, struct err *err)
{
    int64_t from, until;
    sound_span(c->m, &from, &until);
    for (unsigned i = 0; i < c->ctx->nb_streams; i++) {
        AVStream *s = c->ctx->streams[i];
        if (s->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !c->video)
            c->video = s;
        else if (s->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && !c->sound)
            c->sound = s;
        else if (!planned_text(c, s->codecpar))
            return UNLIKE(err, "track %u was not planned", i);
    }
    if (!c->video)
        return UNLIKE(err, "there is no picture track");
    if (!c->sound != (from == until))
        return UNLIKE(err, c->sound ? "a sound track was not planned" : "there is no sound track");
    bool working = c->kind == COPY_WORKING;
    uint32_t tag = c->video->codecpar->codec_tag;
    uint32_t hevc = c->m->sets_change ? MKTAG('h', 'e', 'v', '1') : MKTAG('h', 'v', 'c', '1');
    int planned = working            ? AV_CODEC_ID_HEVC
                  : c->m->view_codec ? c->m->view_codec
                                     : AV_CODEC_ID_H264;
    if ((int)c->video->codecpar->codec_id != planned || (working && tag != hevc))
        return UNLIKE(err, "the pictures are %s", avcodec_get_name(c->video->codecpar->codec_id));
    return ERR_OK;
}

static int open_decoder(struct copy_check *c, struct err *err)
{
    const AVCodec *codec = avcodec_find_decoder(c->video->codecpar->codec_id);
    c->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c->decoder)
        return err_set(err, ERR_UNSUPPORTED, "no decoder to check it with");
    int code = avcodec_parameters_to_context(c->decoder, c->video->codecpar);
    c->decoder->opaque = &c->watch;
    c->decoder->max_pixels = MEDIA_PIXELS_MAX;
    if (code >= 0)
        code = avcodec_open2(c->decoder, codec, NULL);
    return code < 0 ? av_fail(err, code, &c->watch, "decoder") : ERR_OK;
}

/* packet: NULL at the end. What does not decode is counted, not an error here. */
static void decode(struct copy_check *c, const AVPacket *packet)
{
    if (avcodec_send_packet(c->decoder, packet) < 0)
        return;
    for (int code; (code = avcodec_receive_frame(c->decoder, c->frame)) != AVERROR(EAGAIN) &&
                   code != AVERROR_EOF && code != AVERROR(ENOMEM);)
        c->decoded += code >= 0;
}

/* The working copy has every picture, in decoding order, with its own time; the viewing copy has
 * what it says that it shows, cards included, in whatever order. */
static int check_time(struct copy_check *c, struct err *err)
{
    const struct media *m = c->m;
    int64_t pts = av_rescale_q(c->packet->pts, c->video->time_base, av_ticks());
    if (c->n >= c->n_planned)
        return UNLIKE(err, "there are more pictures than the %" PRId64 " planned", c->n_planned);
    if (c->kind != COPY_WORKING)
        return bsearch(&pts, c->pts, (size_t)c->n_planned, sizeof pts, timing_by_value)
                   ? ERR_OK
                   : UNLIKE(err, "picture %" PRId64 " is at %" PRId64 "/90000 s", c->n, pts);
    const struct media_picture *p = &m->picture[m->first + c->n];
    if (pts != p->pts)
        return UNLIKE(err, "picture %" PRId64 " is at %" PRId64 "/90000 s, not %" PRId64, c->n, pts,
                      p->pts);
    return ERR_OK;
}

/* False: there is none behind those that were taken. */
static bool next_slice_of_master(struct nal_scan *scan, struct nal *out)
{
    while (nal_next(scan, out))
        if (out->type <= NAL_VCL_LAST)
            return true;
    return false;
}

/* The slices of a working copy's picture are those of the master's: as many, and bit by bit the
 * same. So their hash is the one of the master's, and is computed once, as they are read. */
static int compare_slices(const struct copy_check *c, struct err *err)
{
    const struct media *m = c->m;
    const struct media_picture *p = &m->picture[m->first + c->n];
    struct nal_scan scan = nal_scan_init(m->map + p->offset, p->n);
    struct nal here, there;
    const uint8_t *at = c->packet->data;
    size_t left = (size_t)c->packet->size;
    bool same = true;
    while (same && left > 0) {
        if (!slices_next(&at, &left, &here))
            return UNLIKE(err, "picture %" PRId64 " has broken NAL units", c->n);
        if (here.type > NAL_VCL_LAST)
            continue;
        same = next_slice_of_master(&scan, &there) && there.n == here.n &&
               memcmp(there.p, here.p, here.n) == 0;
        hash_update(c->slices, here.p, here.n);
    }
    same = same && !next_slice_of_master(&scan, &there);
    return same ? ERR_OK
                : UNLIKE(err, "picture %" PRId64 ": its slices are not the master's", c->n);
}

static int64_t in_samples(const struct copy_check *c, int64_t ts)
{
    return av_rescale_q(ts, c->sound->time_base, (AVRational){1, SOUND_HZ});
}

static int read_all(struct copy_check *c, struct err *err)
{
    int code, rc = ERR_OK;
    while (rc == ERR_OK && (code = av_read_frame(c->ctx, c->packet)) >= 0) {
        if (c->packet->stream_index == c->video->index) {
            rc = check_time(c, err);
            if (rc == ERR_OK && c->kind == COPY_WORKING)
                rc = compare_slices(c, err);
            if (rc == ERR_OK && c->decoder)
                decode(c, c->packet);
            c->n++;
        } else if (c->sound && c->packet->stream_index == c->sound->index) {
            if (c->sound_from == INT64_MAX)
                c->sound_from = in_samples(c, c->packet->pts);
        }
        av_packet_unref(c->packet);
    }
    if (rc == ERR_OK && code != AVERROR_EOF)
        return av_fail(err, code, NULL, "picture %" PRId64, c->n), err->code = ERR_IO;
    if (rc == ERR_OK && c->decoder)
        decode(c, NULL);
    return rc;
}

static int judge(struct copy_check *c, struct err *err)
{
    bool viewing = c->kind == COPY_VIEWING;
    if (c->n == 0 || c->n != c->n_planned)
        return UNLIKE(err, "%lld %s, not %" PRId64, SIZE_COUNT(c->n, "picture", "pictures"),
                      c->n_planned);
    /* How long a player shows it. AAC begins with samples that are not heard, before 0. */
    int rc = ERR_OK;
    int64_t from, until;
    int64_t planned = av_ticks_of(c->m->duration_us);
    int64_t lasts = av_rescale_q(c->video->duration, c->video->time_base, av_ticks());
    if (llabs(lasts - planned) > ROUNDING_TICKS)
        rc = UNLIKE(err, "its pictures last %" PRId64 "/90000 s, not %" PRId64, lasts, planned);
    else if (c->sound) {
        sound_span(c->m, &from, &until);
        int64_t begins = c->sound_from < 0 ? 0 : c->sound_from;
        int64_t ends = begins + in_samples(c, c->sound->duration);
        if (begins > from || llabs(ends - until) > 1)
            rc = UNLIKE(err,
                        "its sound is samples %" PRId64 "..%" PRId64 ", not %" PRId64 "..%" PRId64,
                        begins, ends, from, until);
    }
    if (rc < 0)
        return rc;
    /* a damaged master's working copy decodes no better than the master */
    if (c->decoder && viewing && (c->decoded != c->n || c->watch.complaints > 0))
        return UNLIKE(err, "%" PRId64 " of %" PRId64 " pictures decode%s%s", c->decoded, c->n,
                      c->watch.complaints ? ": " : "", c->watch.complaints ? c->watch.first : "");
    if (c->decoder && c->decoded == 0)
        return UNLIKE(err, "no picture decodes");
    return ERR_OK;
}

int check_mp4(const char *path, enum copy_kind kind, struct media *m, bool whole, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    struct copy_check c = {.m = m, .kind = kind, .sound_from = INT64_MAX};
    const char *name = strrchr(path, '/');
    av_watch_init(&c.watch);
    int rc = open_copy(&c, path, err);
    if (rc == ERR_OK && (rc = check_tracks(&c, err)) == ERR_OK)
        rc = plan_times(&c, err);
    if (rc == ERR_OK && whole)
        rc = open_decoder(&c, err);
    if (rc == ERR_OK && (rc = read_all(&c, err)) == ERR_OK)
        rc = judge(&c, err);
    if (rc == ERR_OK && kind == COPY_WORKING && (rc = hash_final(c.slices, digest, err)) == ERR_OK)
        hash_hex(digest, m->slices_sha256);
    hash_free(&c.slices);
    free(c.pts);
    av_frame_free(&c.frame);
    av_packet_free(&c.packet);
    avcodec_free_context(&c.decoder);
    avformat_close_input(&c.ctx);
    av_watch_clear(&c.watch);
    return rc < 0
               ? err_wrap(err, "the copy %s does not read back as planned", name ? name + 1 : path)
               : ERR_OK;
}
