#include "damage.h"
#include "sequence.h"
#include "timing.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GAP_STEPS        1.75 /* a step longer than so many nominal ones: pictures were dropped */
#define ANNEXB_ZEROS_MAX 8    /* encoders that align do so to 4 or 8 bytes */
static const char repeated[] = "the same picture comes twice";
static const char reference_missing[] = "it refers to a picture that is not there";

void damage_mark(struct media_picture *p, const char *why)
{
    if (p->state == MEDIA_DAMAGED)
        return;
    p->state = MEDIA_DAMAGED;
    p->why = why;
}

bool damage_is_repeat(const struct media_picture *p)
{
    return p->why == repeated;
}

void damage_mark_repeat(struct media_picture *p)
{
    damage_mark(p, repeated);
}

static void look_at_bytes(struct media *m)
{
    size_t zeros_max = m->container == MEDIA_PTMF ? 0 : ANNEXB_ZEROS_MAX;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        const char *why = annexb_fault(m->map + p->offset, p->n, zeros_max);
        if (!why && p->unread && i >= m->first)
            why = "its slice header is broken";
        if (why)
            damage_mark(p, why);
    }
}

int damage_add_hole(struct media *m, int64_t before, int64_t lost, int64_t from_us, struct err *err)
{
    int rc = media_grow(&m->hole, m->n_holes, &m->room_holes, MEDIA_PICTURES_MAX, sizeof *m->hole,
                        "holes", err);
    if (rc == ERR_OK)
        m->hole[m->n_holes++] = (struct media_hole){
            .before = before,
            .lost = lost,
            .from_us = from_us,
            .until_us = m->picture[before].time_us,
        };
    m->damage.lost += lost;
    return rc;
}

/* The longest step between pictures that still counts as one. A camera that runs much slower than
 * its header says is judged by its own step. */
static int longest_step_us(const struct media *m, int64_t *out, struct err *err)
{
    int64_t nominal_us = 1000000 / (m->nominal_fps > 0 ? m->nominal_fps : 25), median_us = 0;
    int64_t *times_us = malloc((size_t)m->n_pictures * sizeof *times_us);
    if (!times_us)
        return err_set(err, ERR_NOMEM, "no memory for the picture times");
    for (int64_t i = 0; i < m->n_pictures; i++)
        times_us[i] = m->picture[i].time_us;
    int rc = timing_median_step_us(times_us, m->n_pictures, &median_us, err);
    if ((double)median_us > GAP_STEPS * (double)nominal_us)
        nominal_us = median_us;
    *out = (int64_t)(GAP_STEPS * (double)nominal_us);
    free(times_us);
    return rc;
}

static bool alike(const struct media *m, int64_t i, int64_t k)
{
    const struct media_picture *a = &m->picture[i], *b = &m->picture[k];
    return a->n == b->n && memcmp(m->map + a->offset, m->map + b->offset, a->n) == 0;
}

static void judge_number(struct media *m, int64_t i, struct sequence_entry *e)
{
    struct media_picture *p = &m->picture[i];
    switch (e->state) {
    case SEQUENCE_OK:
        break;
    case SEQUENCE_TAKEN:
        e->repeat = alike(m, i, e->twin);
        damage_mark(p, e->repeat ? repeated : "its sequence number is that of another picture");
        break;
    case SEQUENCE_DISPLACED:
        damage_mark(p, "its record is out of order");
        break;
    case SEQUENCE_WRONG:
        damage_mark(p, "its sequence number cannot be true");
        break;
    }
}

/* Lost pictures by the numbers; where the numbers go on but the time jumps, the camera itself
 * dropped pictures. */
static int find_holes(struct media *m, struct sequence_entry *e, struct err *err)
{
    int64_t longest_us = 0;
    int rc = longest_step_us(m, &longest_us, err);
    for (int64_t i = 0; i < m->n_pictures; i++)
        judge_number(m, i, &e[i]);
    for (int64_t i = 1; rc == ERR_OK && i < m->n_pictures; i++) {
        if (e[i].state != SEQUENCE_OK)
            continue;
        bool late = m->picture[i].time_us - m->picture[i - 1].time_us > longest_us;
        bool next = e[i - 1].state == SEQUENCE_OK && e[i].number == e[i - 1].number + 1;
        int64_t lost = sequence_lost(e, m->n_pictures, i);
        m->picture[i].missing = lost;
        if (lost > 0 || (late && next))
            rc = damage_add_hole(m, i, lost, m->picture[i - 1].time_us, err);
    }
    return rc;
}

static int judge_pictures(struct media *m, struct err *err)
{
    struct sequence_entry *e = calloc((size_t)m->n_pictures, sizeof *e);
    if (!e)
        return err_set(err, ERR_NOMEM, "no memory for the sequence numbers");
    for (int64_t i = 0; i < m->n_pictures; i++)
        e[i].number = m->picture[i].sequence;
    int rc = sequence_judge(e, m->n_pictures, err);
    if (rc == ERR_OK)
        rc = find_holes(m, e, err);
    free(e);
    return rc;
}

static int judge_sound(struct media *m, struct err *err)
{
    if (m->n_sounds == 0)
        return ERR_OK;
    struct sequence_entry *e = calloc((size_t)m->n_sounds, sizeof *e);
    if (!e)
        return err_set(err, ERR_NOMEM, "no memory for the sequence numbers");
    for (int64_t i = 0; i < m->n_sounds; i++)
        e[i].number = m->sound[i].sequence;
    int rc = sequence_judge(e, m->n_sounds, err);
    for (int64_t i = 0; rc == ERR_OK && i < m->n_sounds; i++)
        m->damage.sound_lost += e[i].lost;
    free(e);
    return rc;
}

void damage_settle(struct media *m)
{
    struct media_damage *d = &m->damage;
    bool broken = false;
    d->damaged = d->affected = d->repeated = 0;
    d->undecodable_lead = m->first + m->n_led;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        broken = broken && !p->key;
        broken = broken || (p->missing > 0 && !p->key);
        if (broken && p->state == MEDIA_GOOD)
            p->state = MEDIA_AFFECTED;
        broken = broken || (p->state != MEDIA_GOOD && !damage_is_repeat(p));
        d->damaged += p->state == MEDIA_DAMAGED && !damage_is_repeat(p);
        d->repeated += damage_is_repeat(p);
        d->affected += p->state == MEDIA_AFFECTED && i >= m->first;
    }
}

void damage_warn(struct media *m)
{
    const struct media_damage *d = &m->damage;
    media_warn_count(m, d->damaged, "picture is damaged", "pictures are damaged");
    media_warn_count(m, d->lost, "picture is missing", "pictures are missing");
    media_warn_count(m, d->affected, "picture refers to one of those", "pictures refer to those");
    media_warn_count(m, d->repeated, "picture comes twice", "pictures come twice");
    media_warn_count(m, d->sound_lost, "sound record is missing", "sound records are missing");
}

int damage_find(struct media *m, struct err *err)
{
    int rc = ERR_OK;
    look_at_bytes(m);
    if (m->container == MEDIA_PTMF)
        rc = judge_pictures(m, err);
    if (rc == ERR_OK)
        rc = judge_sound(m, err);
    if (rc < 0)
        return rc;
    damage_settle(m);
    return ERR_OK;
}

void damage_from_decoder(struct media *m, int64_t index, const char *said)
{
    struct media_picture *p = &m->picture[index];
    if (!said) {
        damage_mark(p, "no picture comes out of it");
    } else if (strcmp(said, "parts of it are missing") == 0) {
        damage_mark(p, "parts of it are missing");
    } else if (strstr(said, "Could not find ref") == NULL) {
        damage_mark(p, "the decoder stumbles over it");
    } else if (p->state == MEDIA_GOOD) {
        p->state = MEDIA_AFFECTED;
        p->why = reference_missing;
    }
}

bool damage_any(const struct media_damage *d)
{
    return d->damaged || d->affected || d->lost || d->repeated || d->undecodable_lead ||
           d->stray_bytes || d->cut_bytes || d->sound_lost || d->times_repaired;
}
