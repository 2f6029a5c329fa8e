#include "av.h"
#include "media.h"
#include <inttypes.h>
#include <libavformat/avformat.h>
#include <string.h>

/* Of the pictures from m->first on: those that a working copy has. */
static int slices_of_master(const struct media *m, char out[HASH_HEX_ROOM], struct err *err)
{
    struct hash *h = NULL;
    struct nal nal;
    uint8_t digest[HASH_BYTES];
    int rc = hash_new(&h, err);
    if (rc < 0)
        return rc;
    for (int64_t i = m->first; i < m->n_pictures; i++) {
        struct nal_scan scan = nal_scan_init(m->map + m->picture[i].offset, m->picture[i].n);
        while (nal_next(&scan, &nal))
            if (nal.type <= NAL_VCL_LAST)
                hash_update(h, nal.p, nal.n);
    }
    if ((rc = hash_final(h, digest, err)) == ERR_OK)
        hash_hex(digest, out);
    hash_free(&h);
    return rc;
}

bool slices_next(const uint8_t **p, size_t *left, struct nal *out)
{
    const uint8_t *at = *p;
    size_t n =
        *left < 4 ? *left : (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (*left < 6 || n < 2 || n > *left - 4)
        return false;
    *out = (struct nal){.type = at[4] >> 1 & 0x3f, .p = at + 4, .n = n};
    *p += 4 + n;
    *left -= 4 + n;
    return true;
}

static bool add_sample(struct hash *h, const uint8_t *p, size_t left)
{
    struct nal nal;
    while (left > 0) {
        if (!slices_next(&p, &left, &nal))
            return false;
        if (nal.type <= NAL_VCL_LAST)
            hash_update(h, nal.p, nal.n);
    }
    return true;
}

/* ---- an MP4 that anybody may have made ---- */

struct mp4 {
    AVFormatContext *ctx;
    AVPacket *packet;
    int video; /* index of its track */
    struct hash *hash;
};

/* One picture track, or nobody knows which one a player shows; 4-byte lengths (ISO 14496-15,
 * 8.3.3.1.2: lengthSizeMinusOne are the last two bits of byte 21). */
static int find_pictures(struct mp4 *f, struct err *err)
{
    f->video = -1;
    for (unsigned i = 0; i < f->ctx->nb_streams; i++) {
        const AVCodecParameters *par = f->ctx->streams[i]->codecpar;
        if (par->codec_type != AVMEDIA_TYPE_VIDEO)
            continue;
        if (f->video >= 0)
            return err_set(err, ERR_MALFORMED, "it has more than one picture track");
        f->video = (int)i;
        if (par->codec_id != AV_CODEC_ID_HEVC)
            return err_set(err, ERR_MALFORMED, "its pictures are %s, not hevc",
                           avcodec_get_name(par->codec_id));
        if (par->extradata_size < 23 || (par->extradata[21] & 3) != 3)
            return err_set(err, ERR_MALFORMED, "its parameter sets are broken");
    }
    return f->video >= 0 ? ERR_OK : err_set(err, ERR_MALFORMED, "it has no picture track");
}

static int read_mp4(struct mp4 *f, struct media_slices *out, struct err *err)
{
    uint8_t digest[HASH_BYTES];
    int code, rc = ERR_OK;
    while (rc == ERR_OK && (code = av_read_frame(f->ctx, f->packet)) >= 0) {
        if (f->packet->stream_index == f->video) {
            if (!add_sample(f->hash, f->packet->data, (size_t)f->packet->size))
                rc = err_set(err, ERR_MALFORMED, "picture %" PRId64 " has broken NAL units",
                             out->pictures);
            out->pictures++;
        }
        av_packet_unref(f->packet);
    }
    if (rc == ERR_OK && code != AVERROR_EOF)
        rc = av_fail(err, code, NULL, "picture %" PRId64, out->pictures);
    if (rc == ERR_OK)
        rc = hash_final(f->hash, digest, err);
    if (rc == ERR_OK)
        hash_hex(digest, out->sha256);
    return rc;
}

static int slices_of_film(const char *path, struct media_slices *out, struct err *err)
{
    struct mp4 f = {.video = -1};
    int rc = av_open_mp4(&f.ctx, path, "no MP4 that can be read", err);
    if (rc == ERR_OK && !(f.packet = av_packet_alloc()))
        rc = err_nomem(err, "a packet");
    if (rc == ERR_OK && (rc = hash_new(&f.hash, err)) == ERR_OK)
        rc = find_pictures(&f, err);
    if (rc == ERR_OK)
        rc = read_mp4(&f, out, err);
    hash_free(&f.hash);
    av_packet_free(&f.packet);
    avformat_close_input(&f.ctx);
    return rc;
}

/* ---- whatever it is ---- */

static int slices_of_file(const char *path, struct media_slices *out, struct err *err)
{
    static const struct media_facts no_facts;
    static const struct media_options options = {.default_fps = 25};
    enum media_container container = MEDIA_UNKNOWN;
    struct media m = {0};
    int rc = media_map(&m, path, err);
    if (rc == ERR_OK && (out->is_mp4 = m.n >= 8 && memcmp(m.map + 4, "ftyp", 4) == 0)) {
        media_close(&m);
        return slices_of_film(path, out, err);
    }
    if (rc == ERR_OK)
        rc = sniff_bytes(m.map, m.n, &container, err);
    media_close(&m);
    if (rc == ERR_OK && container == MEDIA_JPEG)
        rc = err_set(err, ERR_UNSUPPORTED, "a photo has no slices");
    if (rc == ERR_OK && (rc = media_open(&m, path, container, &no_facts, &options, err)) == ERR_OK)
        rc = slices_of_master(&m, out->sha256, err);
    if (rc == ERR_OK)
        out->pictures = m.n_pictures - m.first;
    media_close(&m);
    return rc;
}

int media_slices(const char *path, struct media_slices *out, struct err *err)
{
    *out = (struct media_slices){.is_mp4 = false};
    av_log_route();
    int rc = slices_of_file(path, out, err);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}
