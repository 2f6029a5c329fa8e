/* What is known of an event: its transfers, their copies, one clock for all of them, and what the
 * tracker said. */
#include "dashspool/copies.h"
#include "dashspool/copy_kind.h"
#include "dashspool/fsx.h"
#include "dashspool/journey.h"
#include "event.h"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMING_BYTES_MAX ((size_t)16 << 20)
#define POINTS_BYTES_MAX ((size_t)16 << 20)
#define TRACE_BYTES_MAX  ((size_t)8 << 20)
#define OVERLAP_S        1.5 /* cameras count whole seconds: two clips in a row may seem to overlap */
#define REACH_S          30.0 /* a trigger that is further from all pictures is not on the axis */
#define LENGTH_MAX_S     7200.0

/* ---- transfers, and what was made of them ---- */

static const char *name_of(const struct catalogue_copy *copy)
{
    const char *slash = strrchr(copy->path, '/');
    return slash ? slash + 1 : copy->path;
}

struct reading {
    struct event *e;
    struct event_clip *clip;
    bool working;                 /* its settings are those that tell of sound */
    struct catalogue_copy timing; /* path "": none */
};

static int add_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct reading *r = arg;
    struct event_clip *c = r->clip;
    (void)err;
    if (c->n_copies == EVENT_COPIES_MAX || !catalogue_copy_is_current(&c->t, copy) ||
        strlen(name_of(copy)) >= sizeof c->copy->name)
        return ERR_OK;
    struct event_copy *to = &c->copy[c->n_copies++];
    to->kind = copy_kind_of(copy->kind);
    to->bytes = copy->length_bytes;
    snprintf(to->word, sizeof to->word, "%s", copy->kind);
    snprintf(to->name, sizeof to->name, "%s", name_of(copy));
    snprintf(to->sha256, sizeof to->sha256, "%s", copy->sha256);
    if (to->kind == COPY_VIEWING && !c->viewing)
        c->viewing = to;
    if (to->kind == COPY_STILL && !c->still)
        c->still = to;
    if (to->kind == COPY_POSTER && !c->poster)
        c->poster = to;
    if (to->kind == COPY_SHEET && !c->sheet)
        c->sheet = to;
    if (to->kind == COPY_TIMING && !r->timing.path[0])
        r->timing = *copy;
    if (!c->examined || to->kind == COPY_WORKING)
        c->examined = recipe_settings_read(&c->made, copy->settings);
    c->has_sound = c->has_sound || c->made.sound[0];
    return ERR_OK;
}

/* What cannot be read is as one that is not there: the page shows the rest. */
static void read_timing(const struct reading *r, struct buf *out)
{
    struct err unimportant;
    struct stat st;
    int fd;
    if (!r->timing.path[0] ||
        copies_open(r->e->serve->root, &r->timing, &fd, &st, &unimportant) < 0)
        return;
    size_t n = st.st_size > 0 && (uint64_t)st.st_size <= TIMING_BYTES_MAX ? (size_t)st.st_size : 0;
    uint8_t *to = n ? buf_reserve(out, n, &unimportant) : NULL;
    ssize_t got = to ? pread(fd, to, n, 0) : -1;
    if (got == (ssize_t)n)
        buf_commit(out, n);
    close(fd);
}

static void read_wall(struct event_clip *c)
{
    struct err unimportant;
    c->has_wall = c->made.has_wall &&
                  clock_parse(c->made.wall_start, 0, &c->wall_us, NULL, &unimportant) == ERR_OK;
    c->error_s = c->has_wall ? c->made.wall_error_s : 0;
    if (!c->has_wall && c->t.known & CATALOGUE_TIME_OK) {
        c->has_wall = true;
        c->wall_us = c->t.time_us;
    }
}

static int add_clip(void *arg, const struct catalogue_transfer *t, struct err *err)
{
    struct event *e = arg;
    if (e->n_clips == EVENT_CLIPS_MAX) {
        e->n_left_out++;
        return ERR_OK;
    }
    struct event_clip *c = e->clip[e->n_clips] = calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err, "an event");
    e->n_clips++;
    c->t = *t;
    c->video = strcmp(t->kind, "photo") != 0;
    c->lane = -1;
    return ERR_OK;
}

static int read_clip(struct event *e, struct event_clip *c, struct err *err)
{
    struct reading r = {.e = e, .clip = c};
    struct buf text;
    bool hides = false;
    int rc = catalogue_copy_each(e->serve->catalogue, c->t.key, add_copy, &r, err);
    if (rc == ERR_OK)
        rc = journey_hides(e->serve->catalogue, &c->t, &hides, err);
    if (rc < 0)
        return rc;
    e->private_mode = e->private_mode || hides;
    buf_init(&text, TIMING_BYTES_MAX);
    if (c->video)
        read_timing(&r, &text);
    rc = recipe_timing_read(&c->timing, (const char *)buf_data(&text), text.used, &c->made, err);
    buf_clear(&text);
    read_wall(c);
    return rc;
}

/* ---- one clock ---- */

static int find_zero(struct event *e, struct err *err)
{
    struct catalogue_match match;
    bool found = false;
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->t.known & CATALOGUE_TRIGGER_TIME_OK) {
            e->zero = EVENT_CAMERA_TRIGGER;
            e->has_zero = true;
            e->zero_us = e->clip[i]->t.trigger_time_us;
            return ERR_OK;
        }
    for (size_t i = 0; i < e->n_clips; i++) {
        int rc = catalogue_match_get(e->serve->catalogue, e->clip[i]->t.key, &match, &found, err);
        if (rc < 0)
            return rc;
        if (found) {
            e->zero = EVENT_TRACKER_TRIGGER;
            e->has_zero = true;
            e->zero_us = match.time_ms * 1000;
            return ERR_OK;
        }
    }
    e->zero = EVENT_FIRST_PICTURE;
    for (int photos = 0; photos < 2 && !e->has_zero; photos++)
        for (size_t i = 0; i < e->n_clips; i++) {
            const struct event_clip *c = e->clip[i];
            if (!c->has_wall || c->video != (photos == 0) ||
                (e->has_zero && c->wall_us >= e->zero_us))
                continue;
            e->has_zero = true;
            e->zero_us = c->wall_us;
        }
    return ERR_OK;
}

double event_seconds(const struct event *e, int64_t utc_us)
{
    int64_t apart_us;
    if (!e->has_zero || __builtin_sub_overflow(utc_us, e->zero_us, &apart_us))
        return INFINITY;
    return (double)apart_us / 1e6;
}

static double length_of(const struct event_clip *c)
{
    double s = c->made.duration_s > 0 ? c->made.duration_s : c->t.length_s;
    double last = c->timing.n ? (double)c->timing.pts_us[c->timing.n - 1] / 1e6 : 0;
    s = s < last ? last : s;
    return s > 0 && s < LENGTH_MAX_S ? s : 0;
}

/* A lane of its camera that is free again, else a new one; -1: there is no room. */
static int find_lane(struct event *e, const struct event_clip *c)
{
    int of_camera = 1;
    for (int i = 0; i < e->n_lanes; i++) {
        if (strcmp(e->lane[i].camera, c->t.camera) != 0)
            continue;
        if (c->from_s >= e->lane[i].until_s - OVERLAP_S)
            return i;
        of_camera++;
    }
    if (e->n_lanes == EVENT_LANES_MAX)
        return -1;
    struct event_lane *l = &e->lane[e->n_lanes];
    unsigned bit = REVIEW_FRONT;
    while (bit < REVIEW_OTHER && strcmp(words_camera_name(bit), c->t.camera) != 0)
        bit <<= 1;
    snprintf(l->camera, sizeof l->camera, "%s", c->t.camera);
    if (of_camera > 1)
        snprintf(l->name, sizeof l->name, "%.30s %d", words_camera(e->h, bit), of_camera);
    else
        snprintf(l->name, sizeof l->name, "%.38s", words_camera(e->h, bit));
    return e->n_lanes++;
}

/* Videos first, of which the front camera leads; then as review_members() has them: by time. */
static int by_camera(const void *a, const void *b)
{
    static const char *const order[] = {"front", "rear", "driver", "road"};
    const struct event_clip *x = *(struct event_clip *const *)a,
                            *y = *(struct event_clip *const *)b;
    int at[2] = {4, 4};
    for (int i = 0; i < 4; i++) {
        at[0] = strcmp(x->t.camera, order[i]) == 0 ? i : at[0];
        at[1] = strcmp(y->t.camera, order[i]) == 0 ? i : at[1];
    }
    if (x->video != y->video)
        return x->video ? -1 : 1;
    if (at[0] != at[1])
        return at[0] - at[1];
    if (x->wall_us != y->wall_us)
        return x->wall_us < y->wall_us ? -1 : 1;
    return strcmp(x->t.id, y->t.id);
}

/* What has no time of its own begins with the event: a place is better than none, and the page
 * says that nobody knows it. */
static void place_clips(struct event *e)
{
    e->lo = INFINITY;
    e->hi = -INFINITY;
    for (size_t i = 0; i < e->n_clips; i++) {
        struct event_clip *c = e->clip[i];
        double s = c->has_wall ? event_seconds(e, c->wall_us) : 0, length = length_of(c);
        if (!c->video || fabs(s) > LENGTH_MAX_S)
            continue;
        c->from_s = s;
        c->until_s = s + length;
        if ((c->lane = find_lane(e, c)) < 0)
            continue;
        c->shown = true;
        e->lane[c->lane].until_s = c->until_s;
        if (c->viewing && length > 0) {
            e->lo = c->from_s < e->lo ? c->from_s : e->lo;
            e->hi = c->until_s > e->hi ? c->until_s : e->hi;
        }
    }
    if (e->lo > e->hi)
        e->lo = e->hi = 0;
    if (e->zero != EVENT_FIRST_PICTURE) {
        e->lo = e->lo > 0 && e->lo < REACH_S ? 0 : e->lo;
        e->hi = e->hi < 0 && e->hi > -REACH_S ? 0 : e->hi;
    }
}

/* ---- the tracker ---- */

struct span {
    bool any;
    int64_t from_us, until_us;
};

/* Records of one clip are those of another one of the same time. */
static bool is_within(const struct event_clip *c, struct span *span)
{
    int64_t from_us, until_us;
    if (!journey_span(&c->t, &from_us, &until_us))
        return true;
    if (span->any && from_us >= span->from_us && until_us <= span->until_us)
        return true;
    span->from_us = span->any && span->from_us < from_us ? span->from_us : from_us;
    span->until_us = span->any && span->until_us > until_us ? span->until_us : until_us;
    span->any = true;
    return false;
}

static int read_journey(struct event *e, struct err *err)
{
    struct span span = {.any = false};
    struct buf points;
    int rc = ERR_OK;
    buf_init(&points, POINTS_BYTES_MAX);
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++) {
        struct track *part = NULL;
        if (is_within(e->clip[i], &span))
            continue;
        rc = journey_track(e->serve->catalogue, &e->clip[i]->t, JOURNEY_AROUND_US, &part, err);
        if (rc == ERR_OK && part && part->n > 0)
            rc = buf_append(&points, part->point, part->n * sizeof *part->point, err);
        track_free(&part);
        if (rc == ERR_OK && e->samples.used == 0)
            rc = journey_trace(e->serve->catalogue, &e->clip[i]->t, &e->samples, err);
    }
    if (rc == ERR_OK && points.used > 0)
        rc = track_from(&e->track, TRACK_TRACKER,
                        (const struct track_point *)(const void *)buf_data(&points),
                        points.used / sizeof(struct track_point), err);
    buf_clear(&points);
    return rc;
}

/* ---- all of it ---- */

int event_gather(struct event *e, const char *id, struct err *err)
{
    struct serve *s = e->serve;
    buf_init(&e->samples, TRACE_BYTES_MAX);
    e->clip = calloc(EVENT_CLIPS_MAX, sizeof(struct event_clip *));
    if (!e->clip)
        return err_nomem(err, "an event");
    int rc = filter_read(e->ask, &e->filter, err);
    struct review_filter filter = filter_review(s, &e->filter);
    if (rc == ERR_OK && (rc = review_get(s->catalogue, id, &e->review, err)) == ERR_OK &&
        (rc = review_members(s->catalogue, id, add_clip, e, err)) == ERR_OK)
        rc = review_beside(s->catalogue, &filter, e->review.id, &e->beside, err);
    if (rc == ERR_OK && e->beside.older[0]) {
        struct review_beside open;
        filter.no_marks |= REVIEW_REVIEWED;
        rc = review_beside(s->catalogue, &filter, e->review.id, &open, err);
        memcpy(e->to_review, open.older, sizeof e->to_review);
    }
    for (size_t i = 0; rc == ERR_OK && i < e->n_clips; i++)
        rc = read_clip(e, e->clip[i], err);
    if (rc == ERR_OK)
        rc = find_zero(e, err);
    if (rc < 0)
        return rc;
    e->tz_min = e->review.zone_known ? e->review.tz_min : WHEN_HERE;
    qsort(e->clip, e->n_clips, sizeof *e->clip, by_camera);
    place_clips(e);
    return e->private_mode ? ERR_OK : read_journey(e, err);
}

void event_clear(struct event *e)
{
    for (size_t i = 0; i < e->n_clips; i++) {
        recipe_timing_clear(&e->clip[i]->timing);
        free(e->clip[i]);
    }
    free(e->clip);
    track_free(&e->track);
    buf_clear(&e->samples);
}

/* ---- as its parts say it ---- */

const char *event_t(double s, char out[EVENT_T_ROOM])
{
    long long hundredths = llround(fabs(s) * 100);
    snprintf(out, EVENT_T_ROOM, "T%s%02lld.%02lld", s < -0.005 ? "−" : "+", hundredths / 100,
             hundredths % 100);
    return out;
}

void event_name(const struct event *e, const struct event_clip *c, char out[EVENT_NAME_ROOM])
{
    static const struct {
        const char *camera, *video, *photo;
    } names[] = {{"front", W_("Front video"), W_("Front photo")},
                 {"rear", W_("Rear video"), W_("Rear photo")},
                 {"driver", W_("Driver video"), W_("Driver photo")},
                 {"road", W_("Road video"), W_("Road photo")},
                 {"other", W_("Video of another camera"), W_("Photo of another camera")}};
    size_t i = 0;
    while (i < 4 && strcmp(names[i].camera, c->t.camera) != 0)
        i++;
    const char *name = web_tr(e->h, c->video ? names[i].video : names[i].photo);
    int of = 0, which = 0;
    for (size_t k = 0; k < e->n_clips; k++) {
        const struct event_clip *other = e->clip[k];
        of += other->video == c->video && strcmp(other->t.camera, c->t.camera) == 0;
        which = other == c ? of : which;
    }
    snprintf(out, EVENT_NAME_ROOM, of > 1 ? "%s %d" : "%s", name, which);
}

void event_copy_url(struct web_page *h, const struct event_clip *c, const struct event_copy *copy)
{
    web_put(h, "/copy/");
    web_url(h, c->t.id);
    web_put(h, "/");
    web_url(h, copy->name);
}

void event_clock(const struct event *e, int64_t utc_us, int hundredths, char out[WHEN_ROOM])
{
    int tz_min = e->tz_min == WHEN_HERE ? when_min(e->serve, utc_us) : e->tz_min;
    struct clock_civil c = clock_civil_from_utc(utc_us, tz_min);
    char zone[CLOCK_TEXT_ROOM], part[8] = "";
    when_zone(e->serve, utc_us, e->tz_min, zone);
    if (hundredths)
        snprintf(part, sizeof part, ".%02d", c.us / 10000 % 100);
    snprintf(out, WHEN_ROOM, "%02d:%02d:%02d%s %s", c.hour, c.minute, c.second, part, zone);
}

bool event_has_place(const struct event *e, double *lat_deg, double *lon_deg)
{
    struct track_point at;
    if (e->private_mode)
        return false;
    if (e->track && e->has_zero && track_at(e->track, e->zero_us, &at) == TRACK_HERE) {
        *lat_deg = at.lat_deg;
        *lon_deg = at.lon_deg;
        return true;
    }
    for (size_t i = 0; i < e->n_clips; i++)
        if (e->clip[i]->t.known & CATALOGUE_POSITION_OK) {
            *lat_deg = e->clip[i]->t.lat_deg;
            *lon_deg = e->clip[i]->t.lon_deg;
            return true;
        }
    return false;
}
