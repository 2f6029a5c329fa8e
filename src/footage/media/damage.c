#include "damage.h"
#include "dashspool/text.h"
#include "refs.h"
#include "timing.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_STEPS 1.75 /* a step longer than so many nominal ones: pictures were dropped */
#define PTMF_ZEROS_MAX \
    8               /* encoders align to 4 or 8: more in a record may be bytes that were lost */
#define KEPT_MAX 16 /* pictures that a decoder keeps (A.4.2) */
static const char repeated[] = "the same picture comes twice";
static const char no_key[] = "its recording begins without a key picture";
static const char parts_missing[] = "parts of it are missing";
static const char no_picture[] = "no picture comes out of it";
static const char header_broken[] = "its slice header is broken";
static const char ends_within[] = "the file ends within it";
static const char before_refresh[] =
    "it is built on pictures before the start, and not all of it was coded anew yet";

void damage_mark(struct media_picture *p, const char *why)
{
    if (p->state == MEDIA_DAMAGED)
        return;
    p->state = MEDIA_DAMAGED;
    p->why = why;
    p->repeat = why == repeated;
}

bool damage_is_repeat(const struct media_picture *p)
{
    return p->repeat;
}

/* ---- what a row of sequence numbers tells ---- */

#define FAR (1 << 20) /* 10 hours of pictures: no clip spans more */

struct judge {
    struct sequence_entry *entry;
    int64_t n;
    int64_t *value;  /* numbers, relative to their median */
    int64_t *sorted; /* scratch; then the values of those displaced */
    int64_t *run;    /* indices on the longest increasing row */
    int64_t *before; /* predecessor on the row that ends here; -1 none */
    int64_t n_run, n_displaced;
};

/* How many of n rising values are below `limit`. */
static int64_t count_below(const int64_t *value, int64_t n, int64_t limit)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (value[middle] < limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Numbers wrap at 2^32; relative to the median they do not. */
static void take_values(struct judge *j)
{
    uint32_t base = j->entry[0].number;
    for (int64_t i = 0; i < j->n; i++)
        j->sorted[i] = j->value[i] = (int32_t)(j->entry[i].number - base);
    qsort(j->sorted, (size_t)j->n, sizeof *j->sorted, timing_by_value);
    base += (uint32_t)j->sorted[j->n / 2];
    for (int64_t i = 0; i < j->n; i++)
        j->value[i] = (int32_t)(j->entry[i].number - base);
}

/* Longest strictly increasing row (patience sorting). While it grows, run[k] is the index with the
 * smallest value that ends a row of k + 1. */
static void find_run(struct judge *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        int64_t low = 0, high = j->n_run;
        if (llabs(j->value[i]) > FAR)
            continue;
        while (low < high) {
            int64_t middle = low + (high - low) / 2;
            if (j->value[j->run[middle]] < j->value[i])
                low = middle + 1;
            else
                high = middle;
        }
        if (low < j->n_run && j->value[j->run[low]] == j->value[i])
            continue; /* of two alike, the first */
        j->before[i] = low > 0 ? j->run[low - 1] : -1;
        j->run[low] = i;
        j->n_run += low == j->n_run;
    }
    int64_t i = j->n_run > 0 ? j->run[j->n_run - 1] : -1;
    for (int64_t k = j->n_run - 1; k >= 0; k--, i = j->before[i]) {
        j->run[k] = i;
        j->entry[i].state = SEQUENCE_OK;
    }
}

/* Those off the row: `sorted` becomes the row's values, then those of the displaced. */
static void judge_others(struct judge *j)
{
    for (int64_t k = 0; k < j->n_run; k++)
        j->sorted[k] = j->value[j->run[k]];
    for (int64_t i = 0; i < j->n; i++) {
        struct sequence_entry *e = &j->entry[i];
        if (e->state == SEQUENCE_OK)
            continue;
        int64_t k = count_below(j->sorted, j->n_run, j->value[i]);
        if (k < j->n_run && j->sorted[k] == j->value[i]) {
            e->state = SEQUENCE_TAKEN;
            e->twin = j->run[k];
        } else if (k > 0 && k < j->n_run) {
            e->state = SEQUENCE_DISPLACED;
        }
    }
    for (int64_t i = 0; i < j->n; i++)
        if (j->entry[i].state == SEQUENCE_DISPLACED)
            j->sorted[j->n_displaced++] = j->value[i];
    qsort(j->sorted, (size_t)j->n_displaced, sizeof *j->sorted, timing_by_value);
}

int sequence_judge(struct sequence_entry *entry, int64_t n, struct err *err)
{
    struct judge j = {.entry = entry, .n = n};
    if (n <= 0)
        return ERR_OK;
    size_t size = (size_t)n * sizeof *j.value;
    int64_t *room = malloc(4 * size);
    if (!room)
        return err_nomem(err, "%" PRId64 " sequence numbers", n);
    j.value = room;
    j.sorted = room + n;
    j.run = room + 2 * n;
    j.before = room + 3 * n;
    for (int64_t i = 0; i < n; i++)
        entry[i] = (struct sequence_entry){.number = entry[i].number, .state = SEQUENCE_WRONG};
    take_values(&j);
    find_run(&j);
    judge_others(&j);
    /* A missing number is lost unless a displaced picture has it, or a picture right there has a
     * wrong number instead. */
    for (int64_t k = 1; k < j.n_run; k++) {
        int64_t from = j.run[k - 1], to = j.run[k];
        int64_t lost = j.value[to] - j.value[from] - 1;
        if (lost > 0)
            lost -= count_below(j.sorted, j.n_displaced, j.value[to]) -
                    count_below(j.sorted, j.n_displaced, j.value[from] + 1);
        for (int64_t i = from + 1; i < to && lost > 0; i++)
            lost -= j.entry[i].state == SEQUENCE_WRONG;
        j.entry[to].lost = lost > 0 ? lost : 0;
    }
    free(room);
    return ERR_OK;
}

int64_t sequence_lost(const struct sequence_entry *entry, int64_t n, int64_t k)
{
    int64_t lost = entry[k].lost;
    for (int64_t i = k - 1; lost > 0 && i > 0 && entry[i].state == SEQUENCE_TAKEN; i--)
        lost -= !entry[i].repeat;
    for (int64_t i = k + 1; lost > 0 && i < n && entry[i].state == SEQUENCE_TAKEN; i++)
        lost -= entry[i].twin == k && !entry[i].repeat;
    return lost;
}

/* ---- what the records and the bytes tell ---- */

int damage_add_hole(struct media *m, int64_t before, int64_t lost, int64_t from_us, struct err *err)
{
    if (before <= m->first) /* what does not decode is left out, with its gaps */
        return ERR_OK;
    int rc = media_grow(&m->hole, m->n_holes, &m->room_holes, MEDIA_PICTURES_MAX, sizeof *m->hole,
                        "holes", err);
    int64_t until_us = m->picture[before].time_us;
    if (rc == ERR_OK)
        m->hole[m->n_holes++] = (struct media_hole){
            .before = before,
            .lost = lost,
            .recording =
                before > 0 && m->picture[before].recording != m->picture[before - 1].recording,
            .from_us = from_us < until_us ? from_us : until_us, /* a displaced one stands before */
            .until_us = until_us,
        };
    m->damage.lost += lost;
    return rc;
}

/* Shown behind what is in front of it in the file, and before what is behind it, by POC and by the
 * clock; pictures from..until-1 are its recording. */
static bool is_in_place(const struct media *m, int64_t from, int64_t until, int64_t i)
{
    bool in_place = true;
    for (int64_t k = i > from ? i : from + 1; k <= i + 1 && k < until; k++) {
        const struct media_picture *p = &m->picture[k], *before = p - 1;
        bool counted = p->period == before->period && !p->unread && !before->unread;
        in_place = in_place && (!counted || p->poc > before->poc) &&
                   (m->clock_dead || p->clock_us > before->clock_us);
    }
    return in_place;
}

/* What the numbers alone tell. */
struct odd_numbers {
    int64_t wrong, displaced;
};

/* Picture i of from..until-1, its recording. A number alone takes nothing from a picture whose
 * bytes are all there: *odd counts those that are only wrong. */
static void judge_number(struct media *m, int64_t from, int64_t until, int64_t i,
                         struct sequence_entry *e, struct odd_numbers *odd)
{
    struct media_picture *p = &m->picture[i];
    const struct media_picture *twin = &m->picture[from + e->twin];
    bool ahead = i + 1 < m->n_pictures && p[1].period == p->period && p[1].poc < p->poc;
    if (e->state == SEQUENCE_TAKEN && (e->repeat = media_alike(m, i, from + e->twin)))
        damage_mark(p, repeated);
    else if (e->state == SEQUENCE_TAKEN && p->poc == twin->poc && p->period == twin->period)
        damage_mark(p, "its sequence number is that of another picture");
    else if (e->state == SEQUENCE_DISPLACED && is_in_place(m, from, until, i))
        odd->displaced++;
    else if (e->state == SEQUENCE_DISPLACED || (e->state == SEQUENCE_WRONG && ahead))
        damage_mark(p, "its record is out of order");
    else
        odd->wrong += e->state != SEQUENCE_OK;
}

/* The longest step between pictures of a recording that still counts as one. A camera that runs
 * much slower than its header says is judged by its own step. */
static int longest_step(const struct media *m, int64_t from, int64_t n, int64_t *out,
                        struct err *err)
{
    int nominal = m->picture[from].nominal_fps;
    int64_t nominal_us = 1000000 / (nominal > 0 ? nominal : 25), median_us = 0;
    int64_t *times_us = malloc((size_t)n * sizeof *times_us);
    if (!times_us)
        return err_nomem(err, "the picture times");
    for (int64_t i = 0; i < n; i++)
        times_us[i] = m->picture[from + i].time_us;
    int rc = timing_median_step_us(times_us, n, &median_us, err);
    if ((double)median_us > GAP_STEPS * (double)nominal_us)
        nominal_us = median_us;
    *out = (int64_t)(GAP_STEPS * (double)nominal_us);
    free(times_us);
    return rc;
}

/* Lost pictures by the numbers of one recording; where the numbers go on but the time jumps, the
 * camera itself dropped pictures. */
static int judge_pictures(struct media *m, int64_t from, int64_t n, struct err *err)
{
    struct odd_numbers odd = {0};
    int64_t longest_us = 0;
    struct sequence_entry *e = calloc((size_t)n, sizeof *e);
    if (!e)
        return err_nomem(err, "the sequence numbers");
    for (int64_t i = 0; i < n; i++)
        e[i].number = m->picture[from + i].sequence;
    int rc = sequence_judge(e, n, err);
    if (rc == ERR_OK)
        rc = longest_step(m, from, n, &longest_us, err);
    for (int64_t i = 0; rc == ERR_OK && i < n; i++)
        judge_number(m, from, from + n, from + i, &e[i], &odd);
    media_warn_count(m, odd.displaced, "sequence number of a record is out of order",
                     "sequence numbers of records are out of order");
    media_warn_count(m, odd.wrong, "sequence number of a record cannot be true",
                     "sequence numbers of records cannot be true");
    if (rc == ERR_OK && from > 0)
        rc = damage_add_hole(m, from, 0, m->picture[from - 1].time_us, err);
    for (int64_t i = 1; rc == ERR_OK && i < n; i++) {
        struct media_picture *p = &m->picture[from + i];
        if (e[i].state != SEQUENCE_OK)
            continue;
        bool late = p->time_us - p[-1].time_us > longest_us;
        bool next = e[i - 1].state == SEQUENCE_OK && e[i].number == e[i - 1].number + 1;
        p->missing = sequence_lost(e, n, i);
        if (p->missing > 0 || (late && next))
            rc = damage_add_hole(m, from + i, p->missing, p[-1].time_us, err);
    }
    free(e);
    return rc;
}

static int judge_sound(struct media *m, int64_t from, int64_t n, struct err *err)
{
    struct sequence_entry *e = calloc((size_t)n, sizeof *e);
    if (!e)
        return err_nomem(err, "the sequence numbers");
    for (int64_t i = 0; i < n; i++)
        e[i].number = m->sound[from + i].sequence;
    int rc = sequence_judge(e, n, err);
    for (int64_t i = 0; rc == ERR_OK && i < n; i++)
        m->damage.sound_lost += e[i].lost;
    free(e);
    return rc;
}

/* Numbers count within a recording. */
static int judge_numbers(struct media *m, struct err *err)
{
    int rc = ERR_OK;
    for (int64_t from = 0, i = 1; rc == ERR_OK && i <= m->n_pictures; i++)
        if (i == m->n_pictures || m->picture[i].recording != m->picture[from].recording) {
            rc = judge_pictures(m, from, i - from, err);
            from = i;
        }
    for (int64_t from = 0, i = 1; rc == ERR_OK && m->n_sounds > 0 && i <= m->n_sounds; i++)
        if (i == m->n_sounds || m->sound[i].recording != m->sound[from].recording) {
            rc = judge_sound(m, from, i - from, err);
            from = i;
        }
    return rc;
}

/* It refers to a picture that is not there, or is not as it should be. From m->whole on, nothing
 * depends on what was before that, whatever is referred to. */
static bool is_affected(const struct media *m, int64_t i)
{
    const struct media_picture *p = &m->picture[i];
    bool refreshed = m->whole > m->first && i >= m->whole;
    bool affected = p->lacks && !(refreshed && i < m->whole + KEPT_MAX);
    for (int k = 0; k < p->n_refs && !affected; k++) {
        int64_t ref = m->ref[p->ref_at + k];
        const struct media_picture *q = &m->picture[ref];
        affected = q->state != MEDIA_GOOD && !damage_is_repeat(q) && !(refreshed && ref < m->whole);
    }
    if (p->blind && !p->key && !(refreshed && i == m->whole)) /* then to the one before it */
        affected =
            affected || (i > m->first && p[-1].state != MEDIA_GOOD && !damage_is_repeat(&p[-1]));
    return affected;
}

void damage_settle_picture(struct media *m, int64_t i)
{
    struct media_picture *p = &m->picture[i];
    if (p->proven && p->state == MEDIA_AFFECTED)
        p->state = MEDIA_GOOD;
    if (p->unkeyed && p->state == MEDIA_GOOD) {
        p->state = MEDIA_AFFECTED;
        p->why = no_key;
    }
    if (!p->proven && p->state == MEDIA_GOOD && is_affected(m, i))
        p->state = MEDIA_AFFECTED;
}

void damage_settle(struct media *m)
{
    struct media_damage *d = &m->damage;
    d->damaged = d->affected = d->repeated = 0;
    d->undecodable_lead = m->first + m->n_led;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        damage_settle_picture(m, i);
        if (i < m->first)
            continue;
        d->damaged += p->state == MEDIA_DAMAGED && !damage_is_repeat(p);
        d->repeated += damage_is_repeat(p);
        d->affected += p->state == MEDIA_AFFECTED;
    }
    /* Plain H.265 is cut off anywhere: where its last picture is not all there, that is why. */
    struct media_picture *last = &m->picture[m->n_pictures - 1];
    if (m->container == MEDIA_ANNEXB && last->state == MEDIA_DAMAGED &&
        (strcmp(last->why, parts_missing) == 0 || strcmp(last->why, no_picture) == 0 ||
         last->why == header_broken || last->why == ends_within)) {
        last->why = ends_within;
        d->cut_bytes = (int64_t)last->n;
    }
}

void media_cut_text(enum media_container container, const struct media_damage *d,
                    char out[MEDIA_CUT_ROOM])
{
    out[0] = '\0';
    if (d->cut_bytes)
        snprintf(out, MEDIA_CUT_ROOM, "ends early, %lld %s of an unfinished %s",
                 SIZE_COUNT(d->cut_bytes, "byte", "bytes"),
                 container == MEDIA_PTMF ? "record left out" : "frame at its end");
}

void damage_warn(struct media *m)
{
    const struct media_damage *d = &m->damage;
    char cut[MEDIA_CUT_ROOM];
    media_cut_text(m->container, d, cut);
    if (cut[0])
        media_warn(m, "%s", cut);
    media_warn_count(m, d->damaged, "picture is damaged", "pictures are damaged");
    media_warn_count(m, d->lost, "picture is missing", "pictures are missing");
    media_warn_count(m, d->affected, "picture refers to one of those", "pictures refer to those");
    media_warn_count(m, d->repeated, "picture comes twice", "pictures come twice");
    media_warn_count(m, d->sound_lost, "sound record is missing", "sound records are missing");
}

int damage_find(struct media *m, struct err *err)
{
    int rc = ERR_OK;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        const char *why = annexb_fault(m->map + p->offset, p->n);
        m->layered += p->layered;
        if (!why && p->unread && i >= m->first)
            why = header_broken;
        if (why)
            damage_mark(p, why);
        p->padded =
            m->container == MEDIA_PTMF && annexb_zeros(m->map + p->offset, p->n) > PTMF_ZEROS_MAX;
        m->n_padded += p->padded;
    }
    for (int64_t i = m->first; i < m->whole; i++)
        if (m->picture[i].state == MEDIA_GOOD) {
            m->picture[i].state = MEDIA_AFFECTED;
            m->picture[i].why = before_refresh;
        }
    media_warn_count(m, m->layered, "unit of another layer (nuh_layer_id) is kept, but not shown",
                     "units of other layers (nuh_layer_id) are kept, but not shown");
    if (m->container == MEDIA_PTMF)
        rc = judge_numbers(m, err);
    if (rc == ERR_OK)
        rc = refs_find(m, err);
    if (rc < 0)
        return rc;
    damage_settle(m);
    return ERR_OK;
}

const char *damage_from_decoder(struct media *m, int64_t index, enum damage_shown what)
{
    static const char *const why[] = {
        [DAMAGE_UNWRITTEN] = parts_missing,
        [DAMAGE_REFUSED] = "its data makes no sense to a decoder",
        [DAMAGE_NO_PICTURE] = no_picture,
        [DAMAGE_OVERRUN] = "it does not end where its data ends",
        [DAMAGE_HASH] = "it is not the picture that the encoder made a hash of",
    };
    if (m->picture[index].unkeyed)
        return no_key; /* nothing else can be said of it */
    damage_mark(&m->picture[index], why[what]);
    return why[what];
}

bool damage_any(const struct media_damage *d)
{
    return d->damaged || d->affected || d->lost || d->repeated || d->undecodable_lead ||
           d->stray_bytes || d->cut_bytes || d->sound_lost;
}

bool damage_only_cut(const struct media *m)
{
    struct media_damage d = m->damage;
    const struct media_picture *last = &m->picture[m->n_pictures - 1];
    d.damaged -= last->why == ends_within;
    d.cut_bytes = 0;
    return m->damage.cut_bytes > 0 && !damage_any(&d);
}

/* ---- what the order counts of plain H.265 tell (POC, H.265 8.3.1) ---- */

#define REORDER_MAX  16                  /* pictures that wait for their turn (A.4.2) */
#define STEPS_MIN    8                   /* fewer do not tell what a step is */
#define STEP_PERCENT 75                  /* of all steps are alike, or nothing is said */
#define RESTART      3                   /* pictures in a row that belong to a new count */
#define ALONE_MAX    16                  /* more are not believed to a last picture alone */
#define NO_NUMBER    (UINT32_C(1) << 30) /* farther than any sequence_judge() believes */

struct order {
    struct media *m;
    int64_t *shown; /* indices in the order in which a decoder hands them out */
    int64_t n_shown;
    int64_t waiting[REORDER_MAX + 1], turn; /* turn: the count of the last one handed out */
    int n_waiting;
    int64_t *steps; /* scratch */
    bool *again;    /* an earlier picture of the period has the same count */
    struct sequence_entry *entry;
};

/* Finds counts that come twice in a period, and marks pictures that are the same to the byte. */
static int find_again(struct order *o, struct err *err)
{
    struct media *m = o->m;
    struct media_shown *c;
    int rc = media_display_order(m, &c, err);
    if (rc < 0)
        return rc;
    for (int64_t k = 1; k < m->n_pictures; k++) {
        struct media_picture *p = &m->picture[c[k].index];
        if (p->unread || c[k].period != c[k - 1].period || c[k].poc != c[k - 1].poc)
            continue;
        o->again[c[k].index] = true;
        if (media_alike(m, c[k].index, c[k - 1].index))
            damage_mark(p, repeated);
    }
    free(c);
    return ERR_OK;
}

/* Picture i and those behind it would have had their turn already: they belong to a key picture
 * that is missing. */
static bool restarts(const struct order *o, int64_t i, int32_t added)
{
    const struct media_picture *p = &o->m->picture[i];
    if (i + RESTART > o->m->n_pictures)
        return false;
    for (int64_t k = 0; k < RESTART; k++)
        if (!o->again[i + k] || damage_is_repeat(&p[k]) || p[k].poc >= o->turn ||
            (k > 0 && (p[k].period + added != p->period || p[k].poc == p[k - 1].poc)))
            return false;
    return true;
}

/* The least count of those that wait. */
static void take_turn(struct order *o)
{
    const struct media_picture *p = o->m->picture;
    int least = 0;
    for (int k = 1; k < o->n_waiting; k++)
        if (p[o->waiting[k]].poc < p[o->waiting[least]].poc)
            least = k;
    o->turn = p[o->waiting[least]].poc;
    o->shown[o->n_shown++] = o->waiting[least];
    o->n_waiting--;
    memmove(&o->waiting[least], &o->waiting[least + 1],
            (size_t)(o->n_waiting - least) * sizeof *o->waiting);
}

/* Puts the pictures in the order in which a decoder hands them out (C.5.2): one, whenever more
 * than m->reorder wait. A count that starts again begins a period. */
static void hand_out(struct order *o)
{
    struct media *m = o->m;
    int depth = m->reorder < REORDER_MAX ? m->reorder : REORDER_MAX;
    int32_t added = 0;
    o->turn = INT64_MIN;
    for (int64_t i = 0; i < m->n_pictures; i++) {
        struct media_picture *p = &m->picture[i];
        p->period += added;
        bool anew = i > 0 && p->period != p[-1].period;
        if (!anew && restarts(o, i, added)) {
            added++;
            p->period++;
            p->keyless = anew = true;
        }
        while (anew && o->n_waiting > 0)
            take_turn(o);
        if (anew)
            o->turn = INT64_MIN;
        o->waiting[o->n_waiting++] = i;
        if (o->n_waiting > depth)
            take_turn(o);
    }
    while (o->n_waiting > 0)
        take_turn(o);
}

/* At the end of a period: a count far ahead of all others that nothing confirms is not believed.
 * Where pictures are reordered, those in front of the last one to come may have been cut off with
 * the end, which plain H.265 does not tell. */
static void doubt_end(struct order *o, int64_t from, int64_t until, int64_t last)
{
    struct media_picture *p = o->m->picture;
    if (p[o->shown[last]].missing > ALONE_MAX)
        p[o->shown[last]].missing = 0;
    for (int64_t k = from; k < until && o->m->reorder > 0; k++)
        if (o->shown[k] >= o->shown[last])
            p[o->shown[k]].missing = 0;
}

/* One period, shown[from..until-1]. */
static int judge_period(struct order *o, int64_t from, int64_t until, int64_t step, struct err *err)
{
    struct media_picture *p = o->m->picture, *first = &p[o->shown[from]];
    struct sequence_entry *e = o->entry;
    int64_t base = first->poc, n = until - from, last = -1;
    for (int64_t k = 0; k < n; k++) {
        const struct media_picture *x = &p[o->shown[from + k]];
        bool odd = x->unread || (x->poc - base) % step != 0;
        e[k].number = odd ? NO_NUMBER : (uint32_t)((x->poc - base) / step);
    }
    int rc = sequence_judge(e, n, err);
    for (int64_t k = 0; k < n; k++)
        e[k].repeat = damage_is_repeat(&p[o->shown[from + k]]);
    for (int64_t k = 1; rc == ERR_OK && k < n; k++) {
        if (e[k].state != SEQUENCE_OK)
            continue;
        p[o->shown[from + k]].missing = sequence_lost(e, n, k);
        last = k;
    }
    if (last > 0)
        doubt_end(o, from, until, from + last);
    if (first->keyless && base > 0 && base / step <= REORDER_MAX)
        first->missing = base / step; /* its key picture among them */
    return rc;
}

static int judge_periods(struct order *o, struct err *err)
{
    const struct media *m = o->m;
    /* By how much the count grows from picture to picture; 0: by this and that, or nobody can tell.
     */
    const struct media_picture *p = o->m->picture;
    int64_t n = 0, best = 0, best_n = 0, run = 0;
    for (int64_t k = 1; k < o->m->n_pictures; k++) {
        const struct media_picture *a = &p[o->shown[k - 1]], *b = &p[o->shown[k]];
        if (a->period == b->period && b->poc > a->poc && !a->unread && !b->unread)
            o->steps[n++] = b->poc - a->poc;
    }
    qsort(o->steps, (size_t)n, sizeof *o->steps, timing_by_value);
    for (int64_t k = 0; k < n; k++) {
        run = k > 0 && o->steps[k] == o->steps[k - 1] ? run + 1 : 1;
        if (run > best_n) {
            best_n = run;
            best = o->steps[k];
        }
    }
    int64_t step = n >= STEPS_MIN && best_n * 100 >= n * STEP_PERCENT ? best : 0;
    int rc = ERR_OK;
    for (int64_t from = 0, k = 1; step > 0 && rc == ERR_OK && k <= m->n_pictures; k++) {
        if (k < m->n_pictures &&
            m->picture[o->shown[k]].period == m->picture[o->shown[from]].period)
            continue;
        rc = judge_period(o, from, k, step, err);
        from = k;
    }
    return rc;
}

int damage_find_missing(struct media *m, struct err *err)
{
    size_t n = (size_t)m->n_pictures;
    struct order o = {.m = m,
                      .shown = malloc(n * sizeof *o.shown),
                      .steps = malloc(n * sizeof *o.steps),
                      .again = calloc(n, sizeof *o.again),
                      .entry = calloc(n, sizeof *o.entry)};
    int rc = ERR_OK;
    if (!o.shown || !o.steps || !o.again || !o.entry)
        rc = err_nomem(err, "the order counts");
    if (rc == ERR_OK)
        rc = find_again(&o, err);
    if (rc == ERR_OK) {
        hand_out(&o);
        rc = judge_periods(&o, err);
    }
    free(o.shown);
    free(o.steps);
    free(o.again);
    free(o.entry);
    return rc;
}
