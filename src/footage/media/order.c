#include "av.h"
#include "damage.h"
#include "media.h"
#include "timing.h"
#include <inttypes.h>
#include <libavutil/mem.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The parser reads the parameter sets of another clip before anything else. */
static int set_extradata(const struct media *m, AVCodecContext *ctx, struct err *err)
{
    ctx->extradata = av_mallocz(m->n_lent + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!ctx->extradata)
        return err_set(err, ERR_NOMEM, "no memory for the parameter sets");
    memcpy(ctx->extradata, m->lent, m->n_lent);
    ctx->extradata_size = (int)m->n_lent;
    return ERR_OK;
}

/* Only leading pictures are shown before their key picture (7.4.2.2). What is unreadable comes
 * behind its predecessor. */
static void settle_poc(struct media *m, int64_t i, const struct media_picture *key)
{
    struct media_picture *p = &m->picture[i];
    if (key && key->period == p->period && !p->leading && p->poc < key->poc)
        p->unread = true;
    if (p->unread)
        p->poc = i > 0 && m->picture[i - 1].period == p->period ? m->picture[i - 1].poc : 0;
}

int media_read_poc(struct media *m, struct err *err)
{
    const struct media_picture *key = NULL;
    int rc = ERR_OK;
    AVCodecParserContext *parser = av_parser_init(AV_CODEC_ID_HEVC);
    AVCodecContext *ctx = avcodec_alloc_context3(NULL);
    if (!parser || !ctx) {
        rc = err_set(err, ERR_NOMEM, "no memory for a parser");
        goto out;
    }
    ctx->codec_id = AV_CODEC_ID_HEVC;
    parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    if (m->lent && (rc = set_extradata(m, ctx, err)) < 0)
        goto out;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        uint8_t *unused;
        int n_unused, n = p->n < INT_MAX / 2 ? (int)p->n : INT_MAX / 2;
        parser->output_picture_number = INT_MIN;
        av_parser_parse2(parser, ctx, &unused, &n_unused, m->map + p->offset, n, AV_NOPTS_VALUE,
                         AV_NOPTS_VALUE, 0);
        p->poc = parser->output_picture_number;
        p->unread = p->poc == INT_MIN;
        settle_poc(m, i, key);
        if (p->key)
            key = p;
    }
    if (ctx->framerate.num > 0 && ctx->framerate.den > 0)
        m->stream_fps = av_q2d(ctx->framerate);
out:
    if (parser)
        av_parser_close(parser);
    avcodec_free_context(&ctx);
    return rc;
}

struct shown { /* a picture in display order */
    int64_t poc, index;
    int32_t period;
};

static int by_display(const void *a, const void *b)
{
    const struct shown *x = a, *y = b;
    if (x->period != y->period)
        return x->period < y->period ? -1 : 1;
    if (x->poc != y->poc)
        return x->poc < y->poc ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Indices of all pictures in display order; the caller's. */
static int display_order(const struct media *m, struct shown **out, struct err *err)
{
    struct shown *s = *out = malloc((size_t)m->n_pictures * sizeof *s);
    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for %" PRId64 " pictures", m->n_pictures);
    for (int64_t i = 0; i < m->n_pictures; i++)
        s[i] = (struct shown){m->picture[i].poc, i, m->picture[i].period};
    qsort(s, (size_t)m->n_pictures, sizeof *s, by_display);
    return ERR_OK;
}

/* A clock that is wrong more often than right is no witness; then the rate in the records' headers
 * is one, which is the same as the metadata's (docs/ptmf.md, section 1). */
static void vote(struct media *m, const int64_t *times_us, const struct media_facts *facts,
                 const struct media_options *options)
{
    int64_t missing = 0;
    for (int64_t i = 0; i < m->n_pictures; i++)
        missing += m->picture[i].missing;
    struct timing_facts f = {
        .has_ptmf = m->container == MEDIA_PTMF && !m->clock_dead,
        .first_us = times_us[0],
        .last_us = times_us[m->n_pictures - 1],
        .pictures = m->n_pictures + missing,
        .meta_fps = facts->meta_fps,
        .person_fps = options->fps,
        .stream_fps = m->stream_fps,
        .default_fps = options->default_fps,
        .length_s = facts->length_s,
    };
    if (m->clock_dead && f.meta_fps <= 0)
        f.meta_fps = m->nominal_fps;
    timing_select(&f, &m->timing);
    if (f.has_ptmf) /* one picture has a time though no rate */
        m->timing.chosen = MEDIA_SOURCE_PTMF;
}

/* The camera's clock, repaired, with its zero at the first picture shown; sound is on it too.
 * times_us: by display order. */
static int camera_times(struct media *m, const struct shown *shown, int64_t *times_us,
                        struct err *err)
{
    int64_t *by_index = malloc((size_t)m->n_pictures * sizeof *by_index);
    if (!by_index)
        return err_set(err, ERR_NOMEM, "no memory for the picture times");
    int rc = media_repair_pictures(m, times_us, err);
    for (int64_t i = 0; i < m->n_pictures; i++)
        by_index[shown[i].index] = times_us[i];
    if (rc == ERR_OK)
        rc = media_repair_sound(m, by_index, err);
    free(by_index);
    int64_t zero_us = times_us[0];
    for (int64_t i = 0; i < m->n_pictures; i++)
        times_us[i] -= zero_us;
    for (int64_t i = 0; i < m->n_sounds; i++)
        m->sound[i].time_us -= zero_us;
    return rc;
}

/* Pictures that are missing from plain H.265 take their time; but a hole so long that no clip has
 * it is a count that means something else. */
static int constant_times(struct media *m, const struct shown *shown, int64_t *times_us,
                          struct err *err)
{
    double fps = m->timing.fps[m->timing.chosen];
    int64_t missing = 0;
    int rc = ERR_OK;
    for (int64_t i = 0; rc == ERR_OK && i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[shown[i].index];
        if (timing_constant_us(p->missing, fps) > TIMING_JUMP_US)
            p->missing = 0;
        missing += p->missing;
        p->time_us = times_us[i] = timing_constant_us(i + missing, fps);
        if (p->missing > 0 && i > 0)
            rc = damage_add_hole(m, shown[i].index, p->missing, times_us[i - 1], err);
    }
    return rc;
}

/* times_us: by display order, since the first picture. */
static int time_pictures(struct media *m, const struct shown *shown, int64_t *times_us,
                         const struct media_facts *facts, const struct media_options *options,
                         struct err *err)
{
    int rc = m->container == MEDIA_PTMF ? camera_times(m, shown, times_us, err) : ERR_OK;
    vote(m, times_us, facts, options);
    if (m->timing.chosen != MEDIA_SOURCE_PTMF)
        return rc < 0 ? rc : constant_times(m, shown, times_us, err);
    for (int64_t i = 0; i < m->n_pictures; i++)
        m->picture[shown[i].index].time_us = times_us[i];
    return rc;
}

/* How long the last picture is shown: as the median one; the nominal time if it is alone. */
static int last_span_us(const struct media *m, const int64_t *kept_us, int64_t n, int64_t *out,
                        struct err *err)
{
    if (m->timing.chosen != MEDIA_SOURCE_PTMF) {
        *out = timing_constant_us(1, m->timing.fps[m->timing.chosen]);
        return ERR_OK;
    }
    int rc = timing_median_step_us(kept_us, n, out, err);
    if (rc == ERR_OK && *out == 0)
        *out = 1000000 / (m->nominal_fps > 0 ? m->nominal_fps : 25);
    return rc;
}

static int64_t to_ticks(int64_t us)
{
    return av_rescale(us, AV_TICKS, 1000000);
}

/* PTS from the times. DTS are the sorted PTS, moved back as far as the reordering needs (no
 * reordering: DTS = PTS). kept_us and kept are in display order. */
static void assign_ticks(struct media *m, const struct shown *kept, const int64_t *kept_us,
                         int64_t n, int64_t last_us)
{
    int64_t zero_us = kept_us[0], late = 0;
    for (int64_t k = 0; k < n; k++) {
        struct media_picture *p = &m->picture[kept[k].index];
        int64_t until_us = (k + 1 < n ? kept_us[k + 1] : kept_us[k] + last_us) - zero_us;
        p->pts = to_ticks(kept_us[k] - zero_us);
        p->span = to_ticks(until_us) - p->pts;
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t early = to_ticks(kept_us[k] - zero_us) - m->picture[m->first + k].pts;
        late = early > late ? early : late;
    }
    for (int64_t k = 0; k < n; k++)
        m->picture[m->first + k].dts = to_ticks(kept_us[k] - zero_us) - late;
    m->start_us = zero_us;
    m->duration_us = kept_us[n - 1] - zero_us + last_us;
}

int media_assign_times(struct media *m, const struct media_facts *facts,
                       const struct media_options *options, struct err *err)
{
    struct shown *shown = NULL;
    int64_t n = 0, last_us = 0;
    int64_t *times_us = malloc((size_t)m->n_pictures * sizeof *times_us);
    int rc = times_us ? ERR_OK : err_set(err, ERR_NOMEM, "no memory for the picture times");
    if (rc == ERR_OK)
        rc = display_order(m, &shown, err);
    if (rc < 0)
        goto out;
    for (int64_t i = 0; i < m->n_pictures; i++)
        times_us[i] = m->picture[shown[i].index].time_us;
    if ((rc = time_pictures(m, shown, times_us, facts, options, err)) < 0)
        goto out;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        if (shown[i].index < m->first)
            continue;
        shown[n] = shown[i];
        times_us[n++] = times_us[i];
    }
    if ((rc = last_span_us(m, times_us, n, &last_us, err)) == ERR_OK)
        assign_ticks(m, shown, times_us, n, last_us);
out:
    free(times_us);
    free(shown);
    return rc;
}
