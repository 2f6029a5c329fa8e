#include "copies.h"
#include "mux.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

static int describe(const struct media *m, AVCodecParameters **out, struct err *err)
{
    AVCodecParameters *par = *out = avcodec_parameters_alloc();
    if (!par)
        return err_nomem(err, "a track");
    par->codec_type = AVMEDIA_TYPE_VIDEO;
    par->codec_id = AV_CODEC_ID_HEVC;
    par->codec_tag = m->sets_change ? MKTAG('h', 'e', 'v', '1') : MKTAG('h', 'v', 'c', '1');
    par->width = m->width_px;
    par->height = m->height_px;
    par->format = m->format;
    par->color_range = m->range;
    par->color_primaries = m->primaries;
    par->color_trc = m->transfer;
    par->color_space = m->space;
    par->sample_aspect_ratio = m->sample_aspect;
    return media_extradata(m, &par->extradata, &par->extradata_size, err);
}

/* The access unit's NAL units with start codes (libavformat writes lengths instead), in an order in
 * which every player can read them; parameter sets that are in the sample entry are left out
 * (ISO/IEC 14496-15, 8.3.2: hvc1 has none in samples). */
static int fill_packet(const struct media *m, const struct media_picture *p, AVPacket *packet,
                       struct err *err)
{
    static const uint8_t start_code[4] = {0, 0, 0, 1};
    struct nal_order order = nal_order_init(m->map + p->offset, p->n, p->head);
    struct nal nal;
    size_t used = 0;
    if (p->n > INT_MAX / 2)
        return err_set(err, ERR_LIMIT, "a picture of %zu bytes at offset %zu", p->n, p->offset);
    int code = av_new_packet(packet, (int)p->n + (int)(p->n / 3)); /* 00 00 01 may become longer */
    if (code < 0)
        return av_fail(err, code, NULL, "packet");
    while (nal_order_next(&order, &nal)) {
        if (!m->sets_change && media_in_sets(m, &nal))
            continue;
        memcpy(packet->data + used, start_code, sizeof start_code);
        memcpy(packet->data + used + sizeof start_code, nal.p, nal.n);
        used += sizeof start_code + nal.n;
    }
    av_shrink_packet(packet, (int)used);
    packet->pts = p->pts;
    packet->dts = p->dts;
    packet->duration = p->span;
    /* without a key picture, who plays it can start at the first one alone */
    packet->flags = p->key || p == &m->picture[m->first] ? AV_PKT_FLAG_KEY : 0;
    return ERR_OK;
}

/* A sample's duration in an MP4 is the step to the next decoding time. The last one of these has
 * none: the track lasts until the picture that is shown last has ended, which may be another one.
 */
static int64_t last_step(const struct media *m)
{
    const struct media_picture *last = &m->picture[m->n_pictures - 1];
    int64_t shown_last = last->dts - m->picture[m->first].dts; /* the first is shown at 0 */
    return av_ticks_of(m->duration_us) - shown_last;
}

int copy_working(const struct copy_task *t, struct err *err)
{
    struct mux x = {0};
    AVCodecParameters *par = NULL;
    char title[160], comment[320];
    const char *name = t->facts->id[0] ? t->facts->id : t->stem;
    snprintf(title, sizeof title, "%.120s, working copy", name);
    snprintf(comment, sizeof comment,
             "working copy of %.120s: the coded pictures of the master, not re-encoded; picture "
             "times from: %s",
             name, media_source_name(t->m->timing.chosen));
    struct mux_tags tags = {title, comment, t->facts, t->options->flac, t->osd};
    int rc = describe(t->m, &par, err);
    if (rc == ERR_OK)
        rc = mux_open(&x, t->path, t->m, par, &tags, err);
    if (rc == ERR_OK) {
        struct media *m = t->m;
        AVPacket *packet = av_packet_alloc();
        if (!packet)
            rc = err_nomem(err, "a packet");
        else {
            for (int64_t i = m->first; rc == ERR_OK && i < m->n_pictures; i++) {
                rc = fill_packet(m, &m->picture[i], packet, err);
                if (rc == ERR_OK && i == m->n_pictures - 1)
                    packet->duration = last_step(m);
                if (rc == ERR_OK)
                    rc = mux_video(&x, packet, err);
                copy_progress(t, i + 1 - m->first, m->n_pictures - m->first);
            }
            av_packet_free(&packet);
        }
    }
    if (rc == ERR_OK)
        rc = mux_finish(&x, err);
    if (rc == ERR_OK && t->m->sets_change)
        media_warn(t->m, "parameter sets change within the stream: the working copy is hev1");
    mux_close(&x);
    avcodec_parameters_free(&par);
    return rc;
}
