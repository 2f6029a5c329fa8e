/* start: the picture with which decoding starts: the first key picture that decodes, or where an
 * intra refresh begins. */
#include "decode.h"
#include "refresh.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Decodes m->first alone; *got tells whether a picture came out. */
static int decode_first(struct media *m, enum decoder_use use, AVFrame *frame, bool *got,
                        char complaint[160], struct err *err)
{
    struct decoder d = {0};
    int rc = decoder_open_for(&d, m, use, 1, err);
    *got = false;
    if (rc == ERR_UNSUPPORTED || rc == ERR_MALFORMED) /* bad parameter sets: the next may do */
        rc = ERR_OK;
    else if (rc == ERR_OK && (rc = decoder_send(&d, m, m->first, err)) == ERR_OK &&
             (rc = decoder_send(&d, m, -1, err)) == ERR_OK)
        rc = decoder_receive(&d, frame, got, err);
    if (*got && use == DECODER_STRICT && (d.refused || d.unwritten))
        *got = false; /* the lent sets do not fit */
    if (*got) {
        m->profile = d.ctx->profile;
        m->level = d.ctx->level;
        m->reorder = d.ctx->has_b_frames;
    }
    if (rc == ERR_OK && !*got && !complaint[0])
        memcpy(complaint, d.watch.first, sizeof d.watch.first);
    decoder_close(&d);
    return rc;
}

/* Lent sets have to fit; own ones are taken with what damage there is. */
static int try_first(struct media *m, AVFrame *frame, bool *got, char complaint[160],
                     struct err *err)
{
    char unused[160] = "";
    bool lent = m->n_lent > 0 && m->first < m->own_sets && m->picture[m->first].key;
    if (lent)
        return decode_first(m, DECODER_STRICT, frame, got, complaint, err);
    int rc = decode_first(m, DECODER_HEADS, frame, got, unused, err);
    return rc < 0 || *got ? rc : decode_first(m, DECODER_SHOW, frame, got, complaint, err);
}

/* What is shown before the first key picture needs what came before that (RASL), or nothing (RADL,
 * as after a cut at an IDR_W_RADL); an MP4 that libavformat writes begins with its first sample. */
static void leave_out_leading(struct media *m)
{
    int64_t from = m->first + 1, until = from;
    while (until < m->n_pictures && m->picture[until].leading)
        until++;
    m->n_led = until - from;
    memmove(m->picture + from, m->picture + until,
            (size_t)(m->n_pictures - until) * sizeof *m->picture);
    m->n_pictures -= m->n_led;
    media_warn_count(m, m->n_led, "picture that is shown before the first key picture is left out",
                     "pictures that are shown before the first key picture are left out");
}

/* Where pictures are in front of the first key picture that decodes, or there is none: whether they
 * become whole without. *got then, and m->first is where. */
static int start_by_refresh(struct media *m, bool has_key, AVFrame *frame, bool *got,
                            struct err *err)
{
    char unused[160] = "";
    int64_t key = m->first;
    struct refresh r;
    int rc = refresh_find(m, has_key ? key : m->n_pictures, &r, err);
    *got = false;
    if (rc < 0 || r.first < 0)
        return rc;
    m->first = r.first;
    if ((rc = media_collect_sets(m, err)) == ERR_OK)
        rc = try_first(m, frame, got, unused, err);
    m->whole = r.whole;
    m->mostly = r.mostly;
    if (rc == ERR_OK && !*got && has_key) {
        m->first = key;
        rc = media_collect_sets(m, err);
    }
    return rc;
}

int media_find_first(struct media *m, struct err *err)
{
    char complaint[160] = "";
    int tries = 0, rc = ERR_OK;
    bool got = false, refreshed = false;
    AVFrame *frame = av_frame_alloc();
    if (!frame)
        return err_nomem(err, "a frame");
    for (int64_t i = 0; rc == ERR_OK && !got && i < m->n_pictures && tries < MEDIA_TRIES_MAX; i++) {
        if (!m->picture[i].key)
            continue;
        tries++;
        m->first = i;
        if ((rc = media_collect_sets(m, err)) < 0)
            break;
        if (m->n_sets > 0)
            rc = try_first(m, frame, &got, complaint, err);
    }
    if (rc == ERR_OK && (!got || m->first > 0)) {
        AVFrame *other = av_frame_alloc();
        rc = other ? start_by_refresh(m, got, other, &refreshed, err) : err_nomem(err, "a frame");
        if (refreshed) {
            av_frame_unref(frame);
            av_frame_move_ref(frame, other);
            got = true;
        }
        av_frame_free(&other);
    }
    if (!refreshed)
        m->whole = m->first;
    if (rc == ERR_OK && got) {
        m->width_px = frame->width;
        m->height_px = frame->height;
        m->format = (enum AVPixelFormat)frame->format;
        m->range = frame->color_range;
        m->primaries = frame->color_primaries;
        m->transfer = frame->color_trc;
        m->space = frame->colorspace;
        m->sample_aspect = frame->sample_aspect_ratio;
    } else if (rc == ERR_OK && m->own_sets == m->n_pictures && m->n_lent == 0)
        rc = err_set(err, ERR_MALFORMED,
                     "no parameter sets in it, so no picture decodes; take them from another clip "
                     "of the same camera with --params-from CLIP");
    else if (rc == ERR_OK && tries == 0)
        rc = err_set(err, ERR_MALFORMED,
                     "no key picture among %" PRId64
                     " pictures, and none that is whole without (intra refresh)",
                     m->n_pictures);
    else if (rc == ERR_OK)
        rc =
            err_set(err, ERR_MALFORMED, "no picture decodes%s%s%s, first key picture at offset %zu",
                    m->borrowed ? " with the parameter sets of the other clip" : "",
                    complaint[0] ? ": " : "", complaint, m->picture[m->first].offset);
    if (rc == ERR_OK)
        leave_out_leading(m);
    if (rc == ERR_OK)
        media_warn_count(m, m->first, "picture before the first that decodes is left out",
                         "pictures before the first that decodes are left out");
    av_frame_free(&frame);
    return rc;
}
