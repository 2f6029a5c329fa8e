/*
 * shapes: what size and format the pictures of a master have. As a rule one; where a camera was
 * switched over, or recordings were put together, others from some key picture on. A viewing copy
 * has one size: that of the largest. Others are fitted into it, as they are seen, between bars.
 */
#include "decode.h"
#include <inttypes.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPS_SEEN_MAX 32 /* different ones: each is decoded once */

struct seen {
    const uint8_t *sps;
    size_t n;
    struct media_shape shape;
};

struct search {
    struct media *m;
    struct seen seen[SPS_SEEN_MAX];
    int n_seen;
    AVFrame *frame;
};

static bool same_shape(const struct media_shape *a, const struct media_shape *b)
{
    return a->width_px == b->width_px && a->height_px == b->height_px && a->format == b->format &&
           av_cmp_q(a->sample_aspect, b->sample_aspect) == 0;
}

static AVRational known_aspect(AVRational aspect)
{
    return aspect.num > 0 && aspect.den > 0 ? aspect : (AVRational){1, 1};
}

static int add_shape(struct media *m, int64_t from, struct media_shape shape, struct err *err)
{
    int rc = media_grow(&m->shape, m->n_shapes, &m->room_shapes, MEDIA_PICTURES_MAX,
                        sizeof *m->shape, "changes of size", err);
    if (rc < 0)
        return rc;
    shape.from = from;
    m->shape[m->n_shapes++] = shape;
    if ((int64_t)shape.width_px * shape.height_px > (int64_t)m->view_width_px * m->view_height_px) {
        m->view_width_px = shape.width_px;
        m->view_height_px = shape.height_px;
        m->view_aspect = shape.sample_aspect;
    }
    return ERR_OK;
}

/* Decodes a key picture by the sets in force; *got is false where nothing comes out. */
static int decode_alone(struct search *s, int64_t index, bool *got, struct err *err)
{
    struct decoder d = {0};
    int rc = decoder_open(&d, s->m, 1, err);
    *got = false;
    if (rc == ERR_UNSUPPORTED || rc == ERR_MALFORMED)
        rc = ERR_OK; /* bad parameter sets */
    else if (rc == ERR_OK && (rc = decoder_send(&d, s->m, index, err)) == ERR_OK &&
             (rc = decoder_send(&d, s->m, -1, err)) == ERR_OK)
        rc = decoder_receive(&d, s->frame, got, err);
    decoder_close(&d);
    return rc;
}

/* Key picture `index`, where another SPS comes into force. */
static int look_at(struct search *s, int64_t index, const struct media_set *sps, struct err *err)
{
    struct media *m = s->m;
    struct media_shape shape = m->shape[m->n_shapes - 1];
    int k = 0, rc = ERR_OK;
    while (k < s->n_seen &&
           !(s->seen[k].n == sps->n && memcmp(s->seen[k].sps, sps->p, sps->n) == 0))
        k++;
    if (k < s->n_seen) {
        shape = s->seen[k].shape;
    } else {
        bool got;
        if ((rc = decode_alone(s, index, &got, err)) < 0 || !got)
            return rc;
        shape.width_px = s->frame->width;
        shape.height_px = s->frame->height;
        shape.format = (enum AVPixelFormat)s->frame->format;
        shape.sample_aspect = known_aspect(s->frame->sample_aspect_ratio);
        if (s->n_seen < SPS_SEEN_MAX)
            s->seen[s->n_seen++] = (struct seen){sps->p, sps->n, shape};
    }
    return same_shape(&shape, &m->shape[m->n_shapes - 1]) ? rc : add_shape(m, index, shape, err);
}

static bool one_sps(const struct media *m)
{
    int n = 0;
    for (int i = 0; i < m->n_sets; i++)
        n += m->set[i].type == NAL_SPS;
    return n < 2;
}

static int look_at_all(struct search *s, struct err *err)
{
    struct media *m = s->m;
    const struct media_set *first = media_active_sps(m, m->first);
    struct media_set last = first ? *first : (struct media_set){0};
    int rc = ERR_OK;
    if (last.n > 0)
        s->seen[s->n_seen++] = (struct seen){last.p, last.n, m->shape[0]};
    for (int64_t i = m->first + 1; rc == ERR_OK && i < m->n_pictures; i++) {
        rc = media_take_sets(m, i, err);
        const struct media_set *sps =
            rc == ERR_OK && m->picture[i].key ? media_active_sps(m, i) : NULL;
        if (!sps || (sps->n == last.n && memcmp(sps->p, last.p, last.n) == 0))
            continue;
        last = *sps;
        rc = look_at(s, i, sps, err);
    }
    return rc;
}

void media_shape_text(const struct media_shape *shape, const struct media_shape *before,
                      char out[MEDIA_SHAPE_ROOM])
{
    AVRational a = shape->sample_aspect;
    const char *format = av_get_pix_fmt_name(shape->format);
    int n = snprintf(out, MEDIA_SHAPE_ROOM, "%dx%d", shape->width_px, shape->height_px);
    if (n > 0 && (a.num != a.den || av_cmp_q(a, before->sample_aspect) != 0))
        n += snprintf(out + n, MEDIA_SHAPE_ROOM - (size_t)n, ", pixels %d:%d", a.num, a.den);
    if (n > 0 && shape->format != before->format)
        snprintf(out + n, MEDIA_SHAPE_ROOM - (size_t)n, ", %s", format ? format : "unknown");
}

static void warn(struct media *m)
{
    char text[MEDIA_SHAPE_ROOM];
    if (m->n_shapes < 2)
        return;
    media_shape_text(&m->shape[1], &m->shape[0], text);
    media_warn(m,
               "the size or format of the picture changes %" PRId64 " time%s, first to %s at "
               "%.2f s: the viewing copy has %dx%d throughout",
               m->n_shapes - 1, m->n_shapes > 2 ? "s" : "", text,
               (double)m->picture[m->shape[1].from].pts / AV_TICKS, m->view_width_px,
               m->view_height_px);
}

int media_find_shapes(struct media *m, struct err *err)
{
    struct search s = {.m = m};
    const struct media_shape shape = {.width_px = m->width_px,
                                      .height_px = m->height_px,
                                      .format = m->format,
                                      .sample_aspect = known_aspect(m->sample_aspect)};
    int rc = add_shape(m, m->first, shape, err);
    if (rc < 0)
        return rc;
    m->view_aspect = m->sample_aspect; /* as the master has it: it may say nothing */
    if (!m->sets_change && one_sps(m))
        return ERR_OK;
    struct media_set *kept = malloc(sizeof m->set);
    int n_kept = m->n_sets;
    s.frame = av_frame_alloc();
    if (!kept || !s.frame) {
        rc = err_nomem(err, "a frame");
    } else {
        memcpy(kept, m->set, sizeof m->set);
        rc = look_at_all(&s, err);
        memcpy(m->set, kept, sizeof m->set);
        m->n_sets = n_kept;
    }
    av_frame_free(&s.frame);
    free(kept);
    warn(m);
    return rc;
}

struct media_box media_fit(const struct media *m, int width_px, int height_px, AVRational aspect)
{
    int w = m->view_width_px, h = m->view_height_px;
    AVRational view = known_aspect(m->view_aspect), own = known_aspect(aspect);
    bool same = abs(width_px - w) < 2 && abs(height_px - h) < 2; /* an encoder wants even sides */
    if (same && av_cmp_q(view, own) == 0)
        return (struct media_box){0, 0, w, h};
    /* its shape as it is seen, in pixels of the view */
    double seen = (double)width_px / height_px * av_q2d(own) / av_q2d(view);
    struct media_box box = {0, 0, w, h};
    if (seen > (double)w / h)
        box.h = (int)(w / seen + 0.5);
    else
        box.w = (int)(h * seen + 0.5);
    box.w = box.w < 2 ? 2 : box.w & ~1;
    box.h = box.h < 2 ? 2 : box.h & ~1;
    box.x = (w - box.w) / 2 & ~1;
    box.y = (h - box.h) / 2 & ~1;
    return box;
}
