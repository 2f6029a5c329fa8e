/* What of a person's file is believed: which points a vehicle can have come to, which of several
 * tracks is meant; and what is to be said of the rest. */
#include "dashspool/clock.h"
#include "dashspool/text.h"
#include "track_internal.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_FIX_DEG 1e-5 /* so near to 0 N 0 E nobody is: a metre */
#define SAME_M     100  /* two points of one moment that are nearer tell the same */
#define BACK_MAX   256  /* points that are looked back over; an outage of so many is bridged */
#define RUNS_MAX   16   /* places between which a segment jumps; what is behind is left out */
#define RUN_MIN    10   /* points at the other end of a jump that are more than an error */

/* ---- while it is read ---- */

void track_reading_clear(struct track_reading *r)
{
    free(r->name);
    free(r->first_segment);
    free(r->track_of);
    *r = (struct track_reading){.current = -1, .segment = -1};
}

static int add_segment(struct track_reading *r, struct err *err)
{
    if (r->n_segments == r->segment_room) {
        int room = r->segment_room ? 2 * r->segment_room : 64;
        int *grown = realloc(r->track_of, (size_t)room * sizeof *grown);
        if (!grown)
            return err_nomem(err, "a track's segments");
        r->track_of = grown;
        r->segment_room = room;
    }
    r->track_of[r->n_segments] = r->current;
    r->segment = r->n_segments++;
    r->used = false;
    return ERR_OK;
}

int track_reading_segment(struct track_reading *r, struct err *err)
{
    return r->used || r->segment < 0 ? add_segment(r, err) : ERR_OK;
}

int track_reading_name(struct track_reading *r, const char *name, struct err *err)
{
    for (int i = 0; name && i < r->n_names; i++)
        if (strcmp(r->name[i], name) == 0) {
            r->current = i;
            r->segment = r->first_segment[i];
            return ERR_OK;
        }
    if (r->n_names == TRACK_NAMES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d tracks", TRACK_NAMES_MAX);
    if (!r->name) {
        r->name = calloc(TRACK_NAMES_MAX, sizeof *r->name);
        r->first_segment = calloc(TRACK_NAMES_MAX, sizeof *r->first_segment);
        if (!r->name || !r->first_segment)
            return err_nomem(err, "the names of tracks");
    }
    r->current = r->n_names++;
    snprintf(r->name[r->current], sizeof r->name[0], "%s", name ? name : "");
    r->first_segment[r->current] = r->n_segments;
    return add_segment(r, err);
}

int track_reading_add(struct track_reading *r, const struct track_point *point, struct err *err)
{
    struct track_point p = *point;
    if (p.valid && (!(fabs(p.lat_deg) <= 90) || !(fabs(p.lon_deg) <= 180))) {
        r->track->left_out[TRACK_NO_POSITION]++;
        return ERR_OK;
    }
    if (!p.valid || (fabs(p.lat_deg) < NO_FIX_DEG && fabs(p.lon_deg) < NO_FIX_DEG)) {
        p = (struct track_point)TRACK_POINT_NONE;
        p.utc_us = point->utc_us;
        p.lat_deg = p.lon_deg = 0; /* not hidden: not known */
        p.valid = false;
    }
    if (p.speed_ms > r->speed_max_ms) {
        p.speed_ms = NAN;
        r->track->fast_words++;
    }
    int rc = r->segment < 0 ? track_reading_name(r, NULL, err) : ERR_OK;
    p.segment = r->segment;
    r->used = true;
    return rc < 0 ? rc : track_add(r->track, &p, err);
}

/*
 * ---- where a vehicle can have come ----
 *
 * Of the points of a segment the longest row stays in which each can be reached from the one before
 * it. Where a segment jumps for good, as when two were put behind each other, each end is a row of
 * its own, and nothing is said between them.
 */

struct node {
    double x, y, z; /* on a sphere, in metres; a chord is no longer than the way */
    int64_t utc_us;
    size_t point;
    int length, back; /* of the longest row that ends here, and how far its last but one is */
    bool kept, begins, twin;
};

static double apart_m(const struct node *a, const struct node *b)
{
    double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
    return sqrt(x * x + y * y + z * z);
}

static bool reaches(const struct node *a, const struct node *b, double speed_max_ms)
{
    return b->utc_us > a->utc_us &&
           apart_m(a, b) <= speed_max_ms * ((double)(b->utc_us - a->utc_us) / 1e6);
}

/* Keeps the longest row of a part, where it ends and begins; its length. Of points of one moment
 * the first one is preferred, as it tells most. */
static int keep_longest(struct node *node, size_t from, size_t until, double speed_max_ms,
                        int least, size_t *first, size_t *last)
{
    int longest = 0;
    *first = *last = from;
    for (size_t i = from; i < until; i++) {
        struct node *n = &node[i];
        n->length = 1, n->back = 0;
        for (size_t k = 1; k <= BACK_MAX && k <= i - from; k++) {
            const struct node *a = n - k;
            bool better = a->length >= n->length, as_good = n->back && a->length + 1 == n->length &&
                                                            a->utc_us == (n - n->back)->utc_us;
            if (n->length == longest + 1 && a->utc_us != (n - n->back)->utc_us)
                break;
            if ((better || as_good) && reaches(a, n, speed_max_ms)) {
                n->length = a->length + 1;
                n->back = (int)k;
            }
        }
        if (n->length > longest) {
            longest = n->length;
            *last = i;
        }
    }
    if (longest < least)
        return 0;
    for (size_t i = *last;; i -= (size_t)node[i].back) {
        node[i].kept = true;
        *first = i;
        if (!node[i].back)
            break;
    }
    node[*first].begins = true;
    return longest;
}

/* What is left out of a moment of which a point stays that tells the same is not worth a word. */
static void find_twins(struct node *node, size_t n)
{
    for (int way = 0; way < 2; way++) {
        const struct node *kept = NULL;
        for (size_t i = 0; i < n; i++) {
            struct node *a = &node[way ? n - 1 - i : i];
            if (kept && kept->utc_us != a->utc_us)
                kept = NULL;
            if (a->kept)
                kept = a;
            else if (kept && apart_m(kept, a) <= SAME_M)
                a->twin = true;
        }
    }
}

static void keep_rows(struct node *node, size_t n, double speed_max_ms)
{
    struct {
        size_t from, until;
    } todo[RUNS_MAX + 2] = {{0, n}};
    int n_todo = 1;
    for (int runs = 0; n_todo > 0 && runs < RUNS_MAX; runs++) {
        size_t first, last, from = todo[--n_todo].from, until = todo[n_todo].until;
        if (!keep_longest(node, from, until, speed_max_ms, runs ? RUN_MIN : 1, &first, &last))
            continue;
        if (first - from >= RUN_MIN)
            todo[n_todo].from = from, todo[n_todo++].until = first;
        if (until - last - 1 >= RUN_MIN)
            todo[n_todo].from = last + 1, todo[n_todo++].until = until;
    }
    find_twins(node, n);
}

/* ---- rows of a track ---- */

struct run {
    int track, of; /* which one of the file; which one of those to choose from */
    size_t first, n;
    int64_t from_us, until_us;
};

struct choice {
    size_t first, n;
    char label[TRACK_LABEL_ROOM];
};

struct judge {
    struct track *t;
    const struct track_reading *r;
    struct node *node; /* room for all points */
    struct run *run;   /* the same */
    size_t n_runs;
    struct choice *choice;
    int n_choices;
};

static void put_point(struct judge *j, const struct track_point *p, size_t *used, bool begins)
{
    if (begins)
        j->run[j->n_runs++] =
            (struct run){.track = j->r->track_of[p->segment], .first = *used, .from_us = p->utc_us};
    struct run *run = &j->run[j->n_runs - 1];
    j->t->no_fix += !p->valid;
    j->t->point[(*used)++] = *p; /* behind where it is, never before */
    run->until_us = p->utc_us;
    run->n++;
}

/* One segment, in order: what stays is put at *used. */
static void judge_segment(struct judge *j, size_t from, size_t until, size_t *used)
{
    struct track *t = j->t;
    size_t n = 0, at = 0, begin = *used;
    for (size_t i = from; i < until; i++) {
        const struct track_point *p = &t->point[i];
        if (!p->valid)
            continue;
        double lat = p->lat_deg * RADIAN, lon = p->lon_deg * RADIAN;
        j->node[n++] = (struct node){.x = EARTH_M * cos(lat) * cos(lon),
                                     .y = EARTH_M * cos(lat) * sin(lon),
                                     .z = EARTH_M * sin(lat),
                                     .utc_us = p->utc_us,
                                     .point = i};
    }
    keep_rows(j->node, n, j->r->speed_max_ms);
    bool begins = true, placed = false;
    for (size_t i = from; i < until; i++) {
        const struct track_point p = t->point[i];
        bool again = *used > begin && t->point[*used - 1].utc_us == p.utc_us;
        if (!p.valid) {
            if (!again)
                put_point(j, &p, used, begins), begins = false;
            continue;
        }
        const struct node *node = &j->node[at++];
        begins = begins || (node->kept && node->begins && placed);
        if (node->kept && !again)
            put_point(j, &p, used, begins), begins = false, placed = true;
        else if (!node->twin)
            t->left_out[TRACK_TOO_FAST]++;
    }
}

static int by_segment(const void *a, const void *b)
{
    const struct track_point *x = a, *y = b;
    return x->segment != y->segment ? (x->segment < y->segment ? -1 : 1) : track_compare(x, y);
}

static int by_track(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->track != y->track)
        return x->track < y->track ? -1 : 1;
    if (x->from_us != y->from_us)
        return x->from_us < y->from_us ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

/* "NAME", "track 2", or, where another has the same name, "NAME, track 2". */
static void name_track(const struct track_reading *r, int track, char out[TRACK_NAME_ROOM + 16])
{
    const char *name = r->name[track];
    bool again = false;
    for (int i = 0; i < r->n_names; i++)
        again = again || (i != track && strcmp(r->name[i], name) == 0);
    if (name[0] && !again)
        snprintf(out, TRACK_NAME_ROOM + 16, "%s", name);
    else
        snprintf(out, TRACK_NAME_ROOM + 16, "%s%strack %d", name, name[0] ? ", " : "", track + 1);
}

/* Segments of one track at the same time are of two vehicles: each may be the one. */
static int find_choices(struct judge *j, struct err *err)
{
    qsort(j->run, j->n_runs, sizeof *j->run, by_track);
    for (size_t i = 0, behind; i < j->n_runs; i = behind) {
        int64_t until_us = INT64_MIN;
        bool beside = false;
        for (behind = i; behind < j->n_runs && j->run[behind].track == j->run[i].track; behind++) {
            beside = beside || j->run[behind].from_us < until_us;
            if (j->run[behind].until_us > until_us)
                until_us = j->run[behind].until_us;
        }
        char name[TRACK_NAME_ROOM + 16];
        name_track(j->r, j->run[i].track, name);
        for (size_t k = i; k < behind; k++) {
            j->run[k].of = j->n_choices - (k > i && !beside);
            if (k > i && !beside)
                continue;
            if (j->n_choices == TRACK_NAMES_MAX)
                return err_set(err, ERR_LIMIT, "more than %d tracks", TRACK_NAMES_MAX);
            struct choice *c = &j->choice[j->n_choices++];
            snprintf(c->label, sizeof c->label, beside ? "%s, segment %zu" : "%s", name, k - i + 1);
        }
    }
    return ERR_OK;
}

/* The points of each choice together, in order, their segments numbered anew. */
static int put_together(struct judge *j, struct err *err)
{
    struct track *t = j->t;
    struct track_point *point = calloc(t->n + 1, sizeof *point);
    size_t used = 0;
    if (!point)
        return err_nomem(err, "a track");
    for (size_t i = 0; i < j->n_runs; i++) {
        const struct run *run = &j->run[i];
        struct choice *c = &j->choice[run->of];
        if (c->n == 0)
            c->first = used;
        for (size_t k = run->first; k < run->first + run->n; k++) {
            if (c->n > 0 && point[used - 1].utc_us >= t->point[k].utc_us)
                continue; /* where one segment ends the next one begins */
            point[used] = t->point[k];
            point[used++].segment = (int)i;
            c->n++;
        }
    }
    free(t->point);
    t->point = point;
    t->room = t->n + 1;
    t->n = used;
    return ERR_OK;
}

/* 0: nothing of that time, 1: some, 2: all; a second at a time, a long one in 1000 steps. */
static int covers(const struct judge *j, const struct choice *c, const struct track_use *use)
{
    const struct track part = {.point = j->t->point + c->first, .n = c->n};
    struct track_point unused;
    bool some = false, whole = true;
    int64_t step_us = (use->to_us - use->from_us) / 1000;
    step_us = step_us > 1000000 ? step_us : 1000000;
    if (c->n == 0 || part.point[0].utc_us > use->to_us ||
        part.point[c->n - 1].utc_us < use->from_us)
        return 0;
    for (int64_t at = use->from_us;; at += step_us) {
        bool last = at >= use->to_us;
        bool known = track_at(&part, last ? use->to_us : at, &unused) != TRACK_NO_DATA;
        some = some || known;
        whole = whole && known;
        if (last)
            return some + (some && whole);
    }
}

/* "'A' (FROM to UNTIL), 'B' (…) and 3 more": those that cover the time by `least` or more. */
static void list_choices(const struct judge *j, const int *cover, int least, char *out, size_t room)
{
    char from[CLOCK_TEXT_ROOM], until[CLOCK_TEXT_ROOM];
    size_t used = 0;
    int told = 0, more = 0;
    out[0] = '\0';
    for (int i = 0; i < j->n_choices; i++) {
        const struct choice *c = &j->choice[i];
        if (cover[i] < least)
            continue;
        if (used + 2 * CLOCK_TEXT_ROOM + TRACK_LABEL_ROOM > room) {
            more++;
            continue;
        }
        clock_rfc3339(j->t->point[c->first].utc_us, 0, from);
        clock_rfc3339(j->t->point[c->first + c->n - 1].utc_us, 0, until);
        used += (size_t)snprintf(out + used, room - used, "%s'%s' (%s to %s)", told++ ? ", " : "",
                                 c->label, from, until);
    }
    if (more > 0)
        snprintf(out + used, room - used, " and %d more", more);
}

static int choose(struct judge *j, const struct track_use *use, int *out, struct err *err)
{
    int n[3] = {0}, at[3] = {0}, rc = ERR_OK;
    int *cover = calloc((size_t)j->n_choices + 1, sizeof *cover);
    char list[400];
    if (!cover)
        return err_nomem(err, "a track");
    for (int i = j->n_choices; i-- > 0;) {
        bool named = use->name[0] && strcmp(use->name, j->choice[i].label) == 0;
        cover[i] = named || (!use->name[0] && !use->has_time) ? 2
                   : use->name[0]                             ? 0
                                                              : covers(j, &j->choice[i], use);
        n[cover[i]]++;
        at[cover[i]] = i;
    }
    int least = n[2] ? 2 : n[1] ? 1 : 0;
    list_choices(j, cover, least, list, sizeof list);
    if (use->name[0] && least == 0)
        rc = err_set(err, ERR_CONFIG, "no track in it is called '%s'; there %s %s", use->name,
                     j->n_choices == 1 ? "is" : "are", list);
    else if (least > 0 && n[least] > 1)
        rc = err_set(err, ERR_CONFIG, "%d tracks %s: %s", n[least],
                     use->has_time && !use->name[0] ? "in it cover the clip" : "are in it", list);
    *out = at[least];
    if (rc == ERR_OK && least > 0)
        snprintf(j->t->name, sizeof j->t->name, "%s", j->choice[*out].label);
    free(cover);
    return rc;
}

int track_judge(struct track_reading *r, const struct track_use *use, struct err *err)
{
    struct track *t = r->track;
    struct judge j = {.t = t, .r = r};
    int taken = 0, rc = ERR_OK;
    size_t used = 0;
    if (t->n == 0)
        return ERR_OK;
    j.node = calloc(t->n, sizeof *j.node);
    j.run = calloc(t->n, sizeof *j.run);
    j.choice = calloc(TRACK_NAMES_MAX, sizeof *j.choice);
    if (!j.node || !j.run || !j.choice)
        rc = err_nomem(err, "a track");
    if (rc == ERR_OK) {
        qsort(t->point, t->n, sizeof *t->point, by_segment);
        for (size_t i = 0, behind; i < t->n; i = behind) {
            for (behind = i; behind < t->n && t->point[behind].segment == t->point[i].segment;)
                behind++;
            judge_segment(&j, i, behind, &used);
        }
        t->n = used;
        rc = find_choices(&j, err);
    }
    if (rc == ERR_OK)
        rc = put_together(&j, err);
    if (rc == ERR_OK)
        rc = choose(&j, use, &taken, err);
    if (rc == ERR_OK) {
        const struct choice *c = &j.choice[taken];
        memmove(t->point, t->point + c->first, c->n * sizeof *t->point);
        t->n = c->n;
        t->n_tracks = j.n_choices;
    }
    free(j.node);
    free(j.run);
    free(j.choice);
    return rc;
}

/* ---- what is to be said ---- */

const char *track_flaw_name(enum track_flaw flaw)
{
    static const char *const name[] = {
        [TRACK_NO_TIME] = "no_time",
        [TRACK_NO_POSITION] = "no_position",
        [TRACK_TOO_FAST] = "too_fast",
        [TRACK_UNREADABLE] = "unreadable",
    };
    return name[flaw];
}

struct notes {
    char *text;
    size_t used;
};

DS_PRINTF(3, 4)
static void note(struct notes *n, const char *before, const char *fmt, ...)
{
    va_list ap;
    size_t room = TRACK_NOTES_ROOM - n->used;
    int put = snprintf(n->text + n->used, room, "%s", n->used ? before : "");
    n->used += (size_t)put < room ? (size_t)put : room - 1;
    room = TRACK_NOTES_ROOM - n->used;
    va_start(ap, fmt);
    put = vsnprintf(n->text + n->used, room, fmt, ap);
    va_end(ap);
    n->used += (size_t)put < room ? (size_t)put : room - 1;
}

const char *track_notes(const struct track *t, char out[TRACK_NOTES_ROOM])
{
    static const char *const why[] = {
        [TRACK_NO_TIME] = "without a time",
        [TRACK_NO_POSITION] = "with no position on Earth",
        [TRACK_TOO_FAST] = "where no vehicle can have come",
        [TRACK_UNREADABLE] = "that cannot be read",
    };
    struct notes n = {out, 0};
    size_t all = 0;
    out[0] = '\0';
    for (int i = 0; i < TRACK_N_FLAWS; i++)
        all += t->left_out[i];
    if (all > 0)
        note(&n, "", "%zu %s left out", all, size_plural((int64_t)all, "point", "points"));
    bool first = true;
    for (int i = 0; i < TRACK_N_FLAWS; i++)
        if (t->left_out[i] > 0) {
            note(&n, first ? " (" : ", ", "%zu %s", t->left_out[i], why[i]);
            if (i == TRACK_TOO_FAST)
                note(&n, "", ": above %.0f km/h", t->speed_max_kmh);
            first = false;
        }
    if (all > 0)
        note(&n, "", ")");
    if (t->no_fix > 0)
        note(&n, ", ", "%zu %s without a fix", t->no_fix,
             size_plural((int64_t)t->no_fix, "point", "points"));
    if (t->fast_words > 0)
        note(&n, ", ", "%zu %s above %.0f km/h not taken", t->fast_words,
             size_plural((int64_t)t->fast_words, "speed", "speeds"), t->speed_max_kmh);
    if (t->broken[0])
        note(&n, ", ", "%s", t->broken);
    if (t->no_checksums)
        note(&n, ", ", "no checksums");
    if (t->utf16)
        note(&n, ", ", "in UTF-16");
    if (t->commas)
        note(&n, ", ", "with decimal commas");
    if (t->n_tracks > 1 && t->name[0])
        note(&n, ", ", "of %d tracks in it '%s' is taken", t->n_tracks, t->name);
    return out;
}
