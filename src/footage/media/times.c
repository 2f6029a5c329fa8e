/*
 * times: in which order the pictures are shown, and when. What the camera's clock says is repaired
 * first, pictures and sound together; where there is no clock, a rate is voted on.
 */
#include "av.h"
#include "damage.h"
#include "timing.h"
#include <inttypes.h>
#include <libavutil/mem.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The camera writes sound within a second of the pictures of the same time, and records that are
 * not in time order (docs/ptmf.md, section 2). */
#define SOUND_AWAY_US    INT64_C(5000000)
#define SOUND_REORDER_US INT64_C(200000)

/* ---- order ---- */

/* The parser reads the parameter sets that are lent before anything else. */
static int set_extradata(const struct media *m, AVCodecContext *ctx, struct err *err)
{
    ctx->extradata = av_mallocz(m->n_lent + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!ctx->extradata)
        return err_nomem(err, "the parameter sets");
    nal_put_in_order(ctx->extradata, m->lent, m->n_lent, m->n_lent);
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

/* The parser, too, judges a parameter set by those that it has read. */
static void parse_picture(const struct media *m, const struct media_picture *p,
                          AVCodecParserContext *parser, AVCodecContext *ctx)
{
    int unused_n, n = p->n < INT_MAX / 2 ? (int)p->n : INT_MAX / 2;
    const uint8_t *data = m->map + p->offset;
    size_t head = p->head < (size_t)n ? p->head : (size_t)n;
    uint8_t *unused, *sorted = NULL;
    if (!nal_in_order(data, head) &&
        (sorted = av_mallocz((size_t)n + AV_INPUT_BUFFER_PADDING_SIZE)) != NULL)
        nal_put_in_order(sorted, data, (size_t)n, head);
    parser->output_picture_number = INT_MIN;
    av_parser_parse2(parser, ctx, &unused, &unused_n, sorted ? sorted : data, n, AV_NOPTS_VALUE,
                     AV_NOPTS_VALUE, 0);
    av_free(sorted);
}

int media_read_poc(struct media *m, struct err *err)
{
    const struct media_picture *key = NULL;
    int rc = ERR_OK;
    AVCodecParserContext *parser = av_parser_init(AV_CODEC_ID_HEVC);
    AVCodecContext *ctx = avcodec_alloc_context3(NULL);
    if (!parser || !ctx) {
        rc = err_nomem(err, "a parser");
        goto out;
    }
    ctx->codec_id = AV_CODEC_ID_HEVC;
    parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    if (m->n_lent > 0 && (rc = set_extradata(m, ctx, err)) < 0)
        goto out;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        ctx->framerate = (AVRational){0, 1};
        parse_picture(m, p, parser, ctx);
        if (ctx->framerate.num > 0 && ctx->framerate.den > 0)
            m->stream_fps = p->stream_fps = (float)av_q2d(ctx->framerate);
        p->poc = parser->output_picture_number;
        p->unread = p->poc == INT_MIN;
        settle_poc(m, i, key);
        if (p->key)
            key = p;
    }
out:
    if (parser)
        av_parser_close(parser);
    avcodec_free_context(&ctx);
    return rc;
}

/* ---- the camera's clock ---- */

/* One recording, times_us[0..n-1] of the pictures from `at` on. */
static int repair_recording(struct media *m, int64_t *times_us, int64_t n, int64_t at, int nominal,
                            struct err *err)
{
    int64_t step_us = 0;
    int rc = timing_median_step_us(times_us, n, &step_us, err);
    if (rc < 0)
        return rc;
    if (nominal > 0) { /* unless the steps are others: they alternate (docs/ptmf.md, 3) */
        int64_t nominal_us = 1000000 / nominal;
        if (step_us == 0 || (step_us <= 2 * nominal_us && nominal_us <= 2 * step_us))
            step_us = nominal_us;
    }
    struct timing_repair r = timing_repair(times_us, n, step_us, NULL);
    if (m->clock_unit || r.changed == 0)
        return ERR_OK;
    double step_s = (double)r.step_us / 1e6;
    int places = llabs(r.step_us) < 1000 ? 6 : 3;
    if (r.kind == TIMING_WRAPPED)
        media_warn(m, "the camera's 32-bit clock wrapped at picture %" PRId64, at + r.first);
    else if (r.kind == TIMING_JUMPED && r.step_us == 0)
        media_warn(m, "the camera's clock stood still at picture %" PRId64, at + r.first);
    else if (r.kind == TIMING_JUMPED)
        media_warn(m, "the camera's clock jumped %s (%+.*f s) at picture %" PRId64,
                   r.step_us <= 0 ? "back" : "ahead", places, step_s, at + r.first);
    else
        media_warn(m, "a capture time that cannot be true at picture %" PRId64 " (%+.*f s)",
                   at + r.first, places, step_s);
    if (r.changed > 1)
        media_warn(m, "%" PRId64 " capture times repaired in all", r.changed);
    m->damage.times_repaired += r.changed;
    return ERR_OK;
}

/* Each recording by itself, then one behind the other. Where its clock was set by a new start, how
 * long nothing was recorded is unknown. */
static int repair_pictures(struct media *m, const struct media_shown *shown, int64_t *times_us,
                           struct err *err)
{
    int rc = ERR_OK;
    for (int64_t from = 0, until = 0, n = m->n_pictures; rc == ERR_OK && from < n; from = until) {
        const struct media_picture *first = &m->picture[shown[from].index];
        while (until < n && m->picture[shown[until].index].recording == first->recording)
            until++;
        int64_t before_us = from > 0 ? m->picture[shown[from - 1].index].time_us : 0;
        int64_t step_us = times_us[from] - before_us;
        rc = repair_recording(m, times_us + from, until - from, from, first->nominal_fps, err);
        if (from == 0 || rc < 0)
            continue;
        if (first->apart || step_us < TIMING_STEP_MIN_US || step_us > TIMING_JUMP_US)
            step_us =
                (first->nominal_fps > 0 ? 1000000 / first->nominal_fps : 40000) + MEDIA_APART_US;
        int64_t move_us = times_us[from - 1] + step_us - times_us[from];
        for (int64_t i = from; i < until; i++)
            times_us[i] += move_us;
    }
    return rc;
}

/* The recorded time of a sound record on the pictures' repaired clock: of the corrections that the
 * pictures around it in the file got, the one that brings it closest to them. */
static int64_t on_picture_clock(const struct media *m, const int64_t *repaired_us, int64_t near,
                                int64_t raw_us)
{
    int64_t best = raw_us + repaired_us[near] - m->picture[near].time_us;
    int64_t from = near > TIMING_AWAY ? near - TIMING_AWAY : 0;
    for (int64_t k = from; k < m->n_pictures && k <= near + TIMING_AWAY; k++) {
        if (m->picture[k].recording != m->picture[near].recording)
            continue;
        int64_t t = raw_us + repaired_us[k] - m->picture[k].time_us;
        if (llabs(t - repaired_us[near]) < llabs(best - repaired_us[near]))
            best = t;
    }
    return best;
}

/* Times far from the pictures around a record are none: it follows its predecessor. */
static int64_t map_sound(struct media *m, const int64_t *repaired_us)
{
    int64_t near = 0, strayed = 0;
    for (int64_t i = 0; i < m->n_sounds; i++) {
        struct media_sound *s = &m->sound[i];
        while (near + 1 < m->n_pictures && (m->picture[near + 1].offset < s->offset ||
                                            m->picture[near].recording < s->recording))
            near++;
        s->time_us = on_picture_clock(m, repaired_us, near, s->time_us);
        if (llabs(s->time_us - repaired_us[near]) <= SOUND_AWAY_US)
            continue;
        s->time_us = i > 0 ? s[-1].time_us + (int64_t)s[-1].n * 125 : repaired_us[near];
        strayed++;
    }
    return strayed;
}

static int repair_sound(struct media *m, const int64_t *repaired_us, struct err *err)
{
    if (m->n_sounds == 0)
        return ERR_OK;
    int64_t strayed = map_sound(m, repaired_us);
    /* Records a little out of order are sorted; the rest is for the repair. */
    struct media_sound *s = m->sound;
    int64_t n = m->n_sounds;
    for (int64_t i = 1; i < n; i++) {
        struct media_sound moved = s[i];
        int64_t k = i;
        for (; k > 0 && s[k - 1].time_us > moved.time_us &&
               s[k - 1].time_us - moved.time_us <= SOUND_REORDER_US;
             k--)
            s[k] = s[k - 1];
        s[k] = moved;
    }
    int64_t *times_us = malloc((size_t)m->n_sounds * sizeof *times_us);
    if (!times_us)
        return err_nomem(err, "the times of the sound");
    for (int64_t i = 0; i < m->n_sounds; i++)
        times_us[i] = m->sound[i].time_us;
    struct timing_repair r =
        timing_repair(times_us, m->n_sounds, (int64_t)m->sound[0].n * 125, NULL); /* 8 kHz */
    for (int64_t i = 0; i < m->n_sounds; i++)
        m->sound[i].time_us = times_us[i];
    free(times_us);
    if (m->clock_dead)
        return ERR_OK;
    media_warn_count(m, strayed + r.changed,
                     "time of a sound record that cannot be true was repaired",
                     "times of sound records that cannot be true were repaired");
    m->damage.times_repaired += strayed + r.changed;
    return ERR_OK;
}

/* ---- times ---- */

/* The camera's clock, repaired, with its zero at the first picture shown; sound is on it too.
 * times_us: by display order. */
static int camera_times(struct media *m, const struct media_shown *shown, int64_t *times_us,
                        struct err *err)
{
    int64_t *by_index = malloc((size_t)m->n_pictures * sizeof *by_index);
    if (!by_index)
        return err_nomem(err, "the picture times");
    int rc = repair_pictures(m, shown, times_us, err);
    for (int64_t i = 0; i < m->n_pictures; i++)
        by_index[shown[i].index] = times_us[i];
    if (rc == ERR_OK)
        rc = repair_sound(m, by_index, err);
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
static int constant_times(struct media *m, const struct media_shown *shown, int64_t *times_us,
                          struct err *err)
{
    double fps = m->timing.fps[m->timing.chosen];
    int64_t missing = 0, apart_us = 0;
    int rc = ERR_OK;
    for (int64_t i = 0; rc == ERR_OK && i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[shown[i].index];
        if (timing_constant_us(p->missing, fps) > TIMING_JUMP_US)
            p->missing = 0;
        missing += p->missing;
        if (i > 0 && p->recording != m->picture[shown[i - 1].index].recording)
            apart_us += MEDIA_APART_US;
        p->time_us = times_us[i] = timing_constant_us(i + missing, fps) + apart_us;
        if (p->missing > 0 && i > 0)
            rc = damage_add_hole(m, shown[i].index, p->missing, times_us[i - 1], err);
    }
    return rc;
}

/* Sound that is on the clock of pictures at from_us (rising), put on that of the same pictures at
 * to_us. */
static void move_sound(struct media *m, const int64_t *from_us, const int64_t *to_us)
{
    for (int64_t i = 0; i < m->n_sounds; i++) {
        int64_t t = m->sound[i].time_us, low = 0, high = m->n_pictures - 1;
        while (low < high) { /* the last picture at or before it */
            int64_t middle = (low + high + 1) / 2;
            if (from_us[middle] <= t)
                low = middle;
            else
                high = middle - 1;
        }
        bool between = from_us[low] <= t && low + 1 < m->n_pictures;
        int64_t span = between ? from_us[low + 1] - from_us[low] : 1;
        int64_t room = between ? to_us[low + 1] - to_us[low] : 1;
        m->sound[i].time_us = to_us[low] + av_rescale(t - from_us[low], room, span);
    }
}

/* Once the rate is chosen: why the camera's clock has no part in it. */
static void say_clock(struct media *m)
{
    const struct media_timing *t = &m->timing;
    const char *source = media_source_name(t->chosen);
    double fps = t->fps[t->chosen];
    bool wild = m->clock_fps > TIMING_FPS_MAX || m->clock_fps < TIMING_FPS_MIN;
    if (m->clock_unit)
        media_warn(m,
                   "the capture times count %s, not microseconds (%.6g pictures/s as they stand): "
                   "they are not used, pictures are placed by the %s, %.6g/s",
                   m->clock_unit, m->clock_fps, source, fps);
    else if (wild && m->clock_fps > 0)
        media_warn(
            m,
            "the capture times cannot be true (%.6g pictures/s): they are not used, pictures "
            "are placed by the %s, %.6g/s",
            m->clock_fps, source, fps);
    else
        media_warn(m, "most capture times cannot be true: a constant rate is used, %s, %.6g/s",
                   source, fps);
}

/* What a viewer of copies of the whole has to know. */
static void say_recordings(struct media *m, const struct media_shown *shown)
{
    int32_t last = m->n_pictures > 0 ? m->picture[shown[0].index].recording : 0;
    for (int64_t i = 1; i < m->n_pictures; i++) {
        const struct media_picture *p = &m->picture[shown[i].index];
        if (p->apart && !m->wall_lost) {
            m->wall_lost = true;
            m->wall_lost_us = p->time_us;
        }
        if (p->recording == last || last != 0)
            continue;
        last = p->recording;
        media_warn(
            m, "the file holds %d recordings: another begins at picture %" PRId64 " (%.3f s)%s",
            m->n_recordings, i, (double)p->time_us / 1e6,
            p->apart && m->first < shown[i].index ? ", the time between is unknown and shown as 1 s"
                                                  : "");
    }
}

/* Each recording has a rate of its own, and what contradicts it; the metadata are about the first.
 * The vote of the first one with a dispute is that of the file; where there is none, that of the
 * first one, unless all have the same rate. */
static void vote_by_recordings(struct media *m, const struct timing_facts *whole,
                               const int64_t *times_us, const struct media_shown *shown)
{
    struct media_timing first = {.chosen = MEDIA_SOURCE_DEFAULT}, chosen = first, one;
    bool alike = true;
    int32_t number = 0, disputed = 0;
    for (int64_t from = 0, until; from < m->n_pictures; from = until) {
        const struct media_picture *p = &m->picture[shown[from].index];
        struct timing_facts f = *whole;
        f.pictures = 0;
        f.stream_fps = 0;
        for (until = from; until < m->n_pictures; until++) {
            const struct media_picture *q = &m->picture[shown[until].index];
            if (q->recording != p->recording)
                break;
            f.pictures += 1 + q->missing;
            f.stream_fps = q->stream_fps > 0 ? (double)q->stream_fps : f.stream_fps;
        }
        f.first_us = times_us[from];
        f.last_us = times_us[until - 1];
        f.header_fps = p->nominal_fps;
        if (number++ > 0)
            f.meta_fps = f.length_s = 0;
        timing_select(&f, &one);
        one.recording = number;
        if (number == 1)
            first = chosen = one;
        if (one.disagree && disputed++ == 0)
            chosen = one;
        double rate = one.fps[MEDIA_SOURCE_PTMF], other = first.fps[MEDIA_SOURCE_PTMF];
        alike = alike && fabs(rate - other) <= TIMING_DISAGREE * other;
    }
    if (alike && disputed == 0) {
        chosen.recording = 0;
        chosen.fps[MEDIA_SOURCE_PTMF] = m->timing.fps[MEDIA_SOURCE_PTMF];
        chosen.pictures = m->timing.pictures;
    }
    m->timing = chosen;
    m->timing.recordings = number;
    m->timing.disputed = disputed;
}

/* times_us: by display order, since the first picture. */
static int time_pictures(struct media *m, const struct media_shown *shown, int64_t *times_us,
                         const struct media_facts *facts, const struct media_options *options,
                         struct err *err)
{
    int rc = m->container == MEDIA_PTMF ? camera_times(m, shown, times_us, err) : ERR_OK;
    int64_t missing = 0, apart_us = 0;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        const struct media_picture *p = &m->picture[i];
        missing += p->missing;
        if (i > 0 && p->apart && p->recording != p[-1].recording)
            apart_us += MEDIA_APART_US;
    }
    struct timing_facts f = {
        .has_ptmf = m->container == MEDIA_PTMF && !m->clock_dead,
        .first_us = times_us[0],
        .last_us = times_us[m->n_pictures - 1] - apart_us,
        .pictures = m->n_pictures + missing,
        .meta_fps = facts->meta_fps,
        .header_fps = m->nominal_fps,
        .person_fps = options->fps,
        .stream_fps = m->stream_fps,
        .default_fps = options->default_fps,
        .length_s = options->recording > 0 ? 0 : facts->length_s,
    };
    timing_select(&f, &m->timing);
    m->fps = m->timing.fps[m->timing.chosen];
    if (f.has_ptmf && m->n_recordings > 1)
        vote_by_recordings(m, &f, times_us, shown);
    if (m->timing.chosen == MEDIA_SOURCE_PTMF) {
        for (int64_t i = 0; i < m->n_pictures; i++)
            m->picture[shown[i].index].time_us = times_us[i];
        return rc;
    }
    int64_t *clock_us = malloc((size_t)m->n_pictures * sizeof *clock_us);
    if (!clock_us)
        return err_nomem(err, "the picture times");
    memcpy(clock_us, times_us, (size_t)m->n_pictures * sizeof *clock_us);
    if (rc == ERR_OK && (rc = constant_times(m, shown, times_us, err)) == ERR_OK)
        move_sound(m, clock_us, times_us);
    free(clock_us);
    if (m->clock_dead)
        say_clock(m);
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

int media_assign_times(struct media *m, const struct media_facts *facts,
                       const struct media_options *options, struct err *err)
{
    struct media_shown *shown = NULL;
    int64_t n = 0, last_us = 0;
    int64_t *times_us = malloc((size_t)m->n_pictures * sizeof *times_us);
    int rc = times_us ? ERR_OK : err_nomem(err, "the picture times");
    if (rc == ERR_OK)
        rc = media_display_order(m, &shown, err);
    if (rc < 0)
        goto out;
    for (int64_t i = 0; i < m->n_pictures; i++)
        times_us[i] = m->picture[shown[i].index].time_us;
    if ((rc = time_pictures(m, shown, times_us, facts, options, err)) < 0)
        goto out;
    say_recordings(m, shown);
    for (int64_t i = 0; i < m->n_pictures; i++) {
        if (shown[i].index < m->first)
            continue;
        shown[n] = shown[i];
        times_us[n++] = times_us[i];
    }
    if ((rc = last_span_us(m, times_us, n, &last_us, err)) == ERR_OK) {
        /* PTS from the times. DTS are the sorted PTS, moved back as far as the reordering needs (no
         * reordering: DTS = PTS). kept_us and kept are in display order. */
        int64_t zero_us = times_us[0], late = 0;
        for (int64_t k = 0; k < n; k++) {
            struct media_picture *p = &m->picture[shown[k].index];
            int64_t until_us = (k + 1 < n ? times_us[k + 1] : times_us[k] + last_us) - zero_us;
            p->pts = av_ticks_of(times_us[k] - zero_us);
            p->span = av_ticks_of(until_us) - p->pts;
        }
        for (int64_t k = 0; k < n; k++) {
            int64_t early = av_ticks_of(times_us[k] - zero_us) - m->picture[m->first + k].pts;
            late = early > late ? early : late;
        }
        for (int64_t k = 0; k < n; k++)
            m->picture[m->first + k].dts = av_ticks_of(times_us[k] - zero_us) - late;
        m->start_us = zero_us;
        m->duration_us = times_us[n - 1] - zero_us + last_us;
        bool whole = m->timing.recording == 0;
        if (whole)
            m->timing.duration_us = m->duration_us;
        for (int64_t i = m->first + 1; whole && i < m->n_pictures; i++)
            if (m->picture[i].apart && m->picture[i].recording != m->picture[i - 1].recording)
                m->timing.duration_us -= MEDIA_APART_US;
    }
out:
    free(times_us);
    free(shown);
    return rc;
}

/* ---- the time of day ---- */

bool media_wall_known(const struct media *m, const struct media_facts *facts, int64_t time_us)
{
    return facts->has_time && !(m->wall_lost && time_us >= m->wall_lost_us);
}

struct media_wall media_wall_at(const struct media *m, const struct media_facts *facts,
                                int64_t time_us)
{
    if (!media_wall_known(m, facts, time_us))
        return (struct media_wall){.known = false};
    return m->n_pictures > 0 ? timing_wall(facts, &m->timing, m->start_us + m->duration_us, time_us)
                             : timing_wall(facts, NULL, 0, 0);
}
