/* repair: the camera's clock in a whole master: pictures first, then the sound along with them. */
#include "media.h"
#include "timing.h"
#include <inttypes.h>
#include <stdlib.h>

/* The camera writes sound within a second of the pictures of the same time, and records that are
 * not in time order (docs/ptmf.md, section 2). */
#define SOUND_AWAY_US    INT64_C(5000000)
#define SOUND_REORDER_US INT64_C(200000)

static int64_t distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static void warn_pictures(struct media *m, const struct timing_repair *r)
{
    double step_s = (double)r->step_us / 1e6;
    if (r->kind == TIMING_WRAPPED)
        media_warn(m, "the camera's 32-bit clock wrapped at picture %" PRId64, r->first);
    else if (r->kind == TIMING_JUMPED)
        media_warn(m, "the camera's clock jumped %s (%+.3f s) at picture %" PRId64,
                   r->step_us <= 0 ? "back" : "ahead", step_s, r->first);
    else
        media_warn(m, "a capture time that cannot be true at picture %" PRId64 " (%+.3f s)",
                   r->first, step_s);
    if (m->clock_dead)
        media_warn(m, "most capture times cannot be true: a constant rate is used");
    else if (r->changed > 1)
        media_warn(m, "%" PRId64 " capture times repaired in all", r->changed);
}

int media_repair_pictures(struct media *m, int64_t *times_us, struct err *err)
{
    int64_t step_us = 0;
    int rc = timing_median_step_us(times_us, m->n_pictures, &step_us, err);
    if (rc < 0)
        return rc;
    if (m->nominal_fps > 0) { /* unless the steps are others: they alternate (docs/ptmf.md, 3) */
        int64_t nominal_us = 1000000 / m->nominal_fps;
        if (step_us == 0 || (step_us <= 2 * nominal_us && nominal_us <= 2 * step_us))
            step_us = nominal_us;
    }
    struct timing_repair r = timing_repair(times_us, m->n_pictures, step_us);
    m->clock_dead = r.changed * 2 > m->n_pictures;
    if (r.changed > 0)
        warn_pictures(m, &r);
    m->damage.times_repaired += r.changed;
    return ERR_OK;
}

/* The recorded time of a sound record on the pictures' repaired clock: of the corrections that the
 * pictures around it in the file got, the one that brings it closest to them. */
static int64_t on_picture_clock(const struct media *m, const int64_t *repaired_us, int64_t near,
                                int64_t raw_us)
{
    int64_t best = raw_us + repaired_us[near] - m->picture[near].time_us;
    int64_t from = near > TIMING_AWAY ? near - TIMING_AWAY : 0;
    for (int64_t k = from; k < m->n_pictures && k <= near + TIMING_AWAY; k++) {
        int64_t t = raw_us + repaired_us[k] - m->picture[k].time_us;
        if (distance(t, repaired_us[near]) < distance(best, repaired_us[near]))
            best = t;
    }
    return best;
}

/* Records a little out of order are sorted; the rest is for the repair. */
static void sort_near(struct media_sound *s, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        struct media_sound moved = s[i];
        int64_t k = i;
        for (; k > 0 && s[k - 1].time_us > moved.time_us &&
               s[k - 1].time_us - moved.time_us <= SOUND_REORDER_US;
             k--)
            s[k] = s[k - 1];
        s[k] = moved;
    }
}

/* Times far from the pictures around a record are none: it follows its predecessor. */
static int64_t map_sound(struct media *m, const int64_t *repaired_us)
{
    int64_t near = 0, strayed = 0;
    for (int64_t i = 0; i < m->n_sounds; i++) {
        struct media_sound *s = &m->sound[i];
        while (near + 1 < m->n_pictures && m->picture[near + 1].offset < s->offset)
            near++;
        s->time_us = on_picture_clock(m, repaired_us, near, s->time_us);
        if (distance(s->time_us, repaired_us[near]) <= SOUND_AWAY_US)
            continue;
        s->time_us = i > 0 ? s[-1].time_us + (int64_t)s[-1].n * 125 : repaired_us[near];
        strayed++;
    }
    return strayed;
}

int media_repair_sound(struct media *m, const int64_t *repaired_us, struct err *err)
{
    if (m->n_sounds == 0)
        return ERR_OK;
    int64_t strayed = map_sound(m, repaired_us);
    sort_near(m->sound, m->n_sounds);
    int64_t *times_us = malloc((size_t)m->n_sounds * sizeof *times_us);
    if (!times_us)
        return err_set(err, ERR_NOMEM, "no memory for the times of the sound");
    for (int64_t i = 0; i < m->n_sounds; i++)
        times_us[i] = m->sound[i].time_us;
    struct timing_repair r =
        timing_repair(times_us, m->n_sounds, (int64_t)m->sound[0].n * 125); /* 8 kHz */
    for (int64_t i = 0; i < m->n_sounds; i++)
        m->sound[i].time_us = times_us[i];
    free(times_us);
    media_warn_count(m, strayed + r.changed,
                     "time of a sound record that cannot be true was repaired",
                     "times of sound records that cannot be true were repaired");
    m->damage.times_repaired += strayed + r.changed;
    return ERR_OK;
}
