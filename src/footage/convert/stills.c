#include "copies.h"
#include "pick.h"
#include "raster.h"
#include "redact.h"
#include <inttypes.h>

static int overlay(struct raster *r, const struct copy_task *t, int64_t time_us, struct err *err)
{
    char lines[OSD_LINES][OSD_LINE_ROOM];
    struct osd *osd = NULL;
    osd_text_at(t->osd, time_us, 0, "still", lines);
    int rc = osd_new(&osd, r->width_px, r->height_px, t->options, err);
    if (rc == ERR_OK)
        rc = osd_set(osd, lines, err);
    if (rc == ERR_OK) {
        struct osd_planes planes = {
            .plane = {r->plane[0], r->plane[1], r->plane[2]},
            .stride = {r->stride[0], r->stride[1], r->stride[2]},
            .n = 3,
            .width_px = r->width_px,
            .height_px = r->height_px,
            .log2_chroma_w = r->log2_chroma,
            .log2_chroma_h = r->log2_chroma,
            .full_range = true,
        };
        osd_blend(osd, &planes);
    }
    osd_free(&osd);
    return rc;
}

static void warn(struct media *m, const char *what, int64_t wanted, int64_t shown)
{
    const struct media_picture *p = &m->picture[shown];
    if (shown != wanted)
        media_warn(m, "%s: picture %" PRId64 " does not decode, the nearest that does is %+.3f s",
                   what, wanted, (double)(p->pts - m->picture[wanted].pts) / AV_TICKS);
    else if (p->state == MEDIA_DAMAGED)
        media_warn(m, "%s: the picture is damaged", what);
    else if (p->state != MEDIA_GOOD)
        media_warn(m, "%s: the picture is affected by damage before it", what);
}

/* The picture that is shown at pts as a JPEG of its full size. */
static int make_still(const struct copy_task *t, const char *what, int64_t pts, struct err *err)
{
    struct media *m = t->m;
    struct pick pick = {0};
    struct raster r = {0};
    const AVFrame *f = NULL;
    AVFrame *own = NULL;
    int64_t wanted = pick_at(m, pts);
    int rc = pick_open(&pick, m, err);
    if (rc == ERR_OK)
        rc = pick_get(&pick, wanted, &f, err);
    if (rc == ERR_OK)
        rc = redact_picked(t, &pick, &f, &own, err);
    if (rc == ERR_OK)
        rc = raster_init(&r, f->width, f->height, 1, 0, err);
    if (rc == ERR_OK)
        rc = raster_put(&r, (struct raster_box){0, 0, f->width, f->height}, f, err);
    if (rc == ERR_OK)
        rc = overlay(&r, t, m->picture[f->pts].time_us, err);
    if (rc == ERR_OK)
        rc = raster_save(&r, t->path, err);
    if (rc == ERR_OK)
        warn(m, what, wanted, f->pts);
    copy_progress(t, 1, 1);
    raster_clear(&r);
    av_frame_free(&own);
    pick_close(&pick);
    return rc;
}

static int64_t to_ticks(int64_t us)
{
    return av_rescale(us, AV_TICKS, 1000000);
}

int copy_poster(const struct copy_task *t, struct err *err)
{
    const struct media_facts *f = t->facts;
    int64_t at_us = f->trigger_utc_us - f->start_utc_us - t->m->start_us;
    bool inside = f->has_time && f->has_trigger_time && at_us >= 0 && at_us < t->m->duration_us;
    return make_still(t, "poster", to_ticks(inside ? at_us : t->m->duration_us / 2), err);
}

int copy_moment(const struct copy_task *t, struct err *err)
{
    return make_still(t, "still", to_ticks(t->moment_us), err);
}

int copy_moments_check(const struct media *m, const struct convert_options *options,
                       struct err *err)
{
    for (int i = 0; options->copies & CONVERT_MOMENT && i < options->n_moments; i++)
        if (options->moment_us[i] < 0 || options->moment_us[i] >= m->duration_us)
            return err_set(err, ERR_CONFIG, "no frame at %.3f s: the clip is %.3f s long",
                           (double)options->moment_us[i] / 1e6, (double)m->duration_us / 1e6);
    return ERR_OK;
}
