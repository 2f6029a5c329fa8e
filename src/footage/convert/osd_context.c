#include "osd_context.h"
#include <math.h>

/* A photo has no pictures here: all is at its one time. */
static void find_span(struct osd_context *c, const struct media *m)
{
    c->start_us = c->end_us = m->start_us;
    for (int64_t i = m->first; i < m->n_pictures; i++)
        if (m->picture[i].time_us > c->end_us)
            c->end_us = m->picture[i].time_us;
}

bool osd_context_track_at(const struct osd_context *c, int64_t offset_us, struct track_point *out)
{
    return c->track && c->facts->has_time &&
           track_at(c->track, c->facts->start_utc_us + offset_us, out);
}

bool osd_context_own_position(const struct osd_context *c, double *lat_deg, double *lon_deg)
{
    *lat_deg = c->facts->lat_deg;
    *lon_deg = c->facts->lon_deg;
    return c->facts->has_position && fabs(*lat_deg) <= 90 && fabs(*lon_deg) <= 180;
}

/* A second at a time (a long clip: in 100000 steps), and at the end. */
static void judge_cover(const struct osd_context *c, bool *some, bool *whole)
{
    struct track_point unused;
    *some = false;
    *whole = true;
    int64_t step_us = (c->end_us - c->start_us) / 100000;
    step_us = step_us > 1000000 ? step_us : 1000000;
    for (int64_t at = c->start_us;; at += step_us) {
        bool last = at >= c->end_us;
        bool here = osd_context_track_at(c, last ? c->end_us : at, &unused);
        *some = *some || here;
        *whole = *whole && here;
        if (last)
            return;
    }
}

static int open_track(struct osd_context *c, struct media *m, struct err *err)
{
    bool some, whole;
    int rc = track_load(&c->track, c->options->track_path, err);
    if (rc < 0)
        return err_wrap(err, "track");
    judge_cover(c, &some, &whole);
    if (!c->facts->has_time)
        media_warn(m, "the track is not used: the time of the clip is unknown");
    else if (!some)
        media_warn(m, "the track is not used: it does not cover the time of the clip");
    else if (!whole)
        media_warn(m, "the track does not cover the whole clip");
    if (some && c->track->damaged > 0)
        media_warn(m, "%zu damaged lines of the track were left out", c->track->damaged);
    if (!some)
        track_free(&c->track);
    return ERR_OK;
}

int osd_context_init(struct osd_context *c, struct media *m, const struct media_facts *facts,
                     const struct convert_options *options, struct err *err)
{
    *c = (struct osd_context){.facts = facts, .options = options};
    find_span(c, m);
    int rc = template_compile(&c->template, options->osd_template, err);
    if (rc == ERR_OK && options->track_path[0])
        rc = open_track(c, m, err);
    return rc;
}

void osd_context_clear(struct osd_context *c)
{
    track_free(&c->track);
}
