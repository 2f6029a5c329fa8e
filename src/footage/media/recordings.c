/*
 * recordings: where in a camera's file a new recording begins: files that somebody appended to each
 * other, a camera that started again. Clock and numbers of the records count within one recording
 * only; whoever judges them asks picture[].recording first.
 */
#include "media.h"
#include "timing.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND_MIN  3                 /* pictures, or the end may be one wrong value */
#define NUMBERS_MAX 1000              /* a step that is longer says nothing of what is missing */
#define PAUSE_US    INT64_C(10000000) /* … nor do few where the clock tells of so much more */
#define GOES_ON_US \
    INT64_C(1000000)    /* a clock that does is the same; farther on it may be another */
#define COUNTED_MAX 256 /* pictures: more than a group of a camera has */
#define REORDERED   20  /* one picture of so many is out of order: it is how the stream is coded */

struct finding {
    struct media *m;
    uint8_t *clock; /* enum timing_anomaly of each picture, by index */
    bool coarse;    /* the clock counts seconds */
};

static int64_t number_step(const struct media *m, int64_t i)
{
    return (int32_t)(m->picture[i].sequence - m->picture[i - 1].sequence);
}

/* ---- the clock ---- */

static bool poc_falls(const struct media *m, int64_t i)
{
    const struct media_picture *p = &m->picture[i];
    return p->period == p[-1].period && p->poc < p[-1].poc;
}

/* Whether an earlier picture of its period has the count of picture i: no two have. */
static bool counted_already(const struct media *m, int64_t i)
{
    const struct media_picture *p = m->picture;
    int64_t k = i - 1, last = i > COUNTED_MAX ? i - COUNTED_MAX : 0;
    while (k >= last && p[k].period == p[i].period && p[k].poc != p[i].poc)
        k--;
    return k >= last && p[k].period == p[i].period;
}

/* Pictures in the order in which their times rise. By decoding order a recording may begin in the
 * middle of what POC counts; where pictures are reordered, POC is needed. Where they are not, or
 * a count comes again, POC that falls has begun anew with a key picture that is missing: those
 * behind it are shown behind those in front of it, not among them. */
static int order_pictures(struct media *m, struct media_shown **out, struct err *err)
{
    int64_t back = 0;
    int32_t added = 0;
    for (int64_t i = 1; i < m->n_pictures; i++)
        back += poc_falls(m, i);
    bool reordered = back * REORDERED >= m->n_pictures;
    for (int64_t i = 1; i < m->n_pictures; i++)
        m->picture[i].keyless =
            poc_falls(m, i) && number_step(m, i) > 0 && (!reordered || counted_already(m, i));
    for (int64_t i = 0; i < m->n_pictures; i++)
        m->picture[i].period += added += m->picture[i].keyless;
    int rc = media_display_order(m, out, err);
    for (int64_t i = 0; rc == ERR_OK && !reordered && i < m->n_pictures; i++)
        (*out)[i].index = i;
    return rc;
}

/* All times of the records in microseconds, whatever unit they are in. */
static void convert_unit(struct media *m, const struct timing_clock *clock)
{
    int64_t most = INT64_MAX / 4 / clock->num;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        int64_t *us = &m->picture[i].time_us;
        *us = (*us < most ? *us : most) * clock->num / clock->den;
    }
    for (int64_t i = 0; i < m->n_sounds; i++) {
        int64_t *us = &m->sound[i].time_us;
        *us = (*us < most ? *us : most) * clock->num / clock->den;
    }
    m->clock_us = m->n_pictures > 0 ? m->picture[0].time_us : 0;
}

static int judge_clock(struct finding *f, const struct media_shown *order, int64_t *times_us,
                       struct err *err)
{
    struct media *m = f->m;
    struct timing_clock clock;
    struct timing_repair r = {0};
    int64_t step_us = 0;
    for (int64_t i = 0; i < m->n_pictures; i++)
        times_us[i] = m->picture[order[i].index].time_us;
    int rc =
        timing_judge_clock(times_us, m->n_pictures, m->nominal_fps, m->stream_fps, &clock, err);
    if (rc < 0)
        return rc;
    m->clock_dead = !clock.usable;
    m->clock_fps = clock.fps;
    m->clock_unit = clock.unit;
    f->coarse = clock.num > TIMING_STEP_MIN_US;
    if (clock.unit)
        convert_unit(m, &clock);
    for (int64_t i = 0; i < m->n_pictures; i++)
        times_us[i] = m->picture[order[i].index].time_us;
    uint8_t *kind = malloc((size_t)m->n_pictures);
    if (!kind)
        return err_nomem(err, "the picture times");
    if ((clock.usable || clock.unit) && !f->coarse) {
        rc = timing_median_step_us(times_us, m->n_pictures, &step_us, err);
        r = timing_repair(times_us, m->n_pictures, step_us, kind);
        m->clock_dead = m->clock_dead || r.changed * 2 > m->n_pictures;
    }
    for (int64_t i = 0; i < m->n_pictures; i++) {
        int64_t step = i > 0 ? times_us[i] - times_us[i - 1] : 0;
        bool jump = f->coarse && (step < 0 || step > TIMING_JUMP_US);
        f->clock[order[i].index] =
            r.changed ? kind[i] : (uint8_t)(jump ? TIMING_JUMPED : TIMING_SANE);
    }
    free(kind);
    return rc;
}

/* ---- the numbers ---- */

/* The numbers do not go on at picture i, go on from it instead, and do not come back. */
static bool numbers_begin(const struct finding *f, int64_t i)
{
    const struct media *m = f->m;
    int64_t step = number_step(m, i), us = m->picture[i].time_us - m->picture[i - 1].time_us;
    int64_t nominal = m->nominal_fps > 0 ? m->nominal_fps : 25;
    bool told = !m->clock_dead && f->clock[i] == TIMING_SANE && us > 0;
    if (told && step > 1 && us > PAUSE_US + 4 * step * 1000000 / nominal)
        return true;
    if (step > 0 && (told ? step - 1 <= 16 + 4 * us * nominal / 1000000 : step <= NUMBERS_MAX))
        return false; /* they are missing, or may be */
    for (int64_t k = i - 2; k >= 0 && k >= i - BEHIND_MIN; k--) {
        int64_t on = (int32_t)(m->picture[i].sequence - m->picture[k].sequence);
        int64_t since_us = m->picture[i].time_us - m->picture[k].time_us;
        bool agreed = !m->clock_dead && since_us > 0 && since_us <= PAUSE_US;
        if (on > 0 && (on <= i - k || (agreed && on <= TIMING_AWAY)))
            return false; /* what stands between was wrong, or belongs elsewhere */
    }
    if (i + 1 < m->n_pictures &&
        (number_step(m, i + 1) <= 0 || number_step(m, i + 1) > NUMBERS_MAX))
        return false; /* one wrong number, or they count nothing */
    for (int64_t j = i + 1; j < m->n_pictures && j <= i + TIMING_AWAY; j++) {
        int64_t on = (int32_t)(m->picture[j].sequence - m->picture[i].sequence);
        int64_t back = (int32_t)(m->picture[j].sequence - m->picture[i - 1].sequence);
        if (back > 0 && back <= j - i + 1 && llabs(on - (j - i)) > TIMING_AWAY)
            return false;
    }
    return true;
}

/* Pictures that came before come once more, and then it goes on: they are repeated. */
static bool replays(const struct media *m, int64_t i)
{
    int64_t twin = i + number_step(m, i) - 1;
    if (number_step(m, i) > 0 || twin < 0 || twin + TIMING_AWAY < i || !media_alike(m, i, twin))
        return false;
    for (int64_t j = i + 1; j < m->n_pictures && j <= i + TIMING_AWAY; j++)
        if ((int32_t)(m->picture[j].sequence - m->picture[i - 1].sequence) > 0)
            return true;
    return false;
}

/* ---- both ---- */

/* A new recording begins with picture i; *apart: and nobody knows how long after its predecessor.
 * A recording begins with a key picture. Without one, the clock must begin anew, and numbers or
 * POC with it. */
static bool begins(const struct finding *f, int64_t i, bool *apart)
{
    const struct media *m = f->m;
    bool numbers = numbers_begin(f, i);
    bool clock = f->clock[i] == TIMING_JUMPED ||
                 (f->clock[i] == TIMING_WRAPPED && numbers && number_step(m, i) <= 0);
    bool end = m->n_pictures - i < BEHIND_MIN;
    int64_t us = m->picture[i].time_us - m->picture[i - 1].time_us;
    *apart = clock || m->clock_dead || us > GOES_ON_US;
    if (replays(m, i))
        return false;
    return clock && (numbers || m->picture[i].keyless) ? true
           : end                                       ? false
                                                       : m->picture[i].key && (clock || numbers);
}

/* A jump is seen at the picture that is shown first, which may be a leading one. */
static void move_to_keys(struct finding *f)
{
    const struct media *m = f->m;
    for (int64_t i = 1; i < m->n_pictures; i++) {
        int64_t key = i;
        while (key > 0 && m->picture[key].leading && m->picture[key].period == m->picture[i].period)
            key--;
        if (key == i || f->clock[i] != TIMING_JUMPED)
            continue;
        f->clock[i] = TIMING_SANE;
        f->clock[key] = TIMING_JUMPED;
    }
}

static void number_recordings(struct finding *f)
{
    struct media *m = f->m;
    int32_t recording = 0, added = 0;
    int64_t at = 0;
    bool keyless = false; /* a later recording whose first key picture has not come */
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        bool apart = false;
        p->apart = i > 0 && p[-1].apart;
        if (i > 0 && begins(f, i, &apart)) {
            recording++;
            added += p->period + added == p[-1].period; /* no key picture began it */
            p->apart = apart;
            keyless = true;
        }
        keyless = keyless && !p->key;
        if (keyless) { /* POC tells nothing of it, and the parameter sets may be others */
            p->unkeyed = true;
            p->unread = false;
            p->poc = INT32_MIN + i; /* in front of that key picture */
        }
        p->recording = recording;
        p->clock_us = p->time_us;
        p->period += added;
        for (; at < m->n_sounds && m->sound[at].offset < p->offset; at++)
            m->sound[at].recording = recording - (i > 0 && p[-1].recording < recording);
    }
    for (; at < m->n_sounds; at++)
        m->sound[at].recording = recording;
    m->n_recordings = recording + 1;
}

int media_find_recordings(struct media *m, struct err *err)
{
    struct finding f = {.m = m, .clock = calloc((size_t)m->n_pictures, 1)};
    struct media_shown *order = NULL;
    int64_t *times_us = malloc((size_t)m->n_pictures * sizeof *times_us);
    int rc = f.clock && times_us ? ERR_OK : err_nomem(err, "the recordings");
    m->n_recordings = 1;
    if (rc == ERR_OK && m->container == MEDIA_PTMF &&
        (rc = order_pictures(m, &order, err)) == ERR_OK &&
        (rc = judge_clock(&f, order, times_us, err)) == ERR_OK) {
        move_to_keys(&f);
        number_recordings(&f);
    }
    free(order);
    free(times_us);
    free(f.clock);
    return rc;
}

/* ---- one of them ---- */

int media_keep_recording(struct media *m, int number, struct err *err)
{
    size_t from = 0, until = m->n;
    int64_t first = -1;
    if (number > m->n_recordings)
        return err_set(err, ERR_NOTFOUND, "there is no recording %d: the file holds %d", number,
                       m->n_recordings);
    for (int64_t i = 0; i < m->n_pictures; i++) {
        const struct media_picture *p = &m->picture[i];
        if (i > 0 && p->recording == p[-1].recording)
            continue;
        if (p->recording == number - 1) {
            first = i;
            from = p->record;
        } else if (p->recording == number)
            until = p->record;
        if (p->apart && p->recording < number)
            m->unplaced = true;
    }
    if (!m->unplaced && first >= 0)
        m->placed_us = m->picture[first].time_us - m->picture[0].time_us;
    m->from = number > 1 ? from : 0;
    m->until = until;
    m->n_pictures = m->n_sounds = 0;
    m->damage = (struct media_damage){0};
    m->warning[0] = '\0';
    free(m->lent);
    m->lent = NULL;
    m->n_lent = 0;
    m->lent_early = m->lent_late = m->borrowed = false;
    return ERR_OK;
}
