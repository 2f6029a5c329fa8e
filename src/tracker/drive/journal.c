/* journal: where the vehicle is, and what happens to it: the records of a drive. */
#include "drive_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000)

enum {
    TRACE_SAMPLES = 100, /* of a record of the trace, one a second (docs/avl.md) */
    TRACE_BYTES = TRACE_SAMPLES * 6,
    TRACE_BEFORE_S = 10,
    TRACE_AFTER_S = 10,
    IOS_MAX = 16,
    SATELLITES = 9, /* where a track does not tell */
};

bool drive_span_has(const struct drive_span *span, int64_t at_us)
{
    return span->until_us > 0 && at_us >= span->from_us && at_us < span->until_us;
}

/* ---- which records there are ---- */

static int by_time(const void *a, const void *b)
{
    const struct drive_entry *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (int)x->kind - (int)y->kind;
}

static void add(struct drive_journal *j, enum drive_entry_kind kind, int64_t at_us)
{
    j->entry[j->n++] = (struct drive_entry){.at_us = at_us, .kind = kind};
}

static int check(const struct drive_config *c, struct err *err)
{
    if (c->crash_us != DRIVE_NEVER && c->codec == AVL_CODEC_8)
        return err_set(err, ERR_CONFIG,
                       "Codec 8 has no place for a crash's counter (317): use 8E or 16");
    if (c->trigger != DRIVE_NEVER && c->codec == AVL_CODEC_8)
        return err_set(err, ERR_CONFIG,
                       "Codec 8 has no place for the cameras' trigger (499): use 8E or 16");
    if (c->private_mode.until_us && c->codec == AVL_CODEC_8)
        return err_set(err, ERR_CONFIG,
                       "Codec 8 has no place for private mode (391): use 8E or 16");
    return ERR_OK;
}

int drive_journal_make(struct drive_journal *j, const struct drive_config *c, struct err *err)
{
    const struct track *t = c->track;
    int64_t length_us = c->length_us;
    int rc = check(c, err);
    if (rc < 0)
        return rc;
    j->begin_us = c->begin_us;
    if (t && t->n > 0) {
        j->track_us = t->point[0].utc_us;
        length_us = t->point[t->n - 1].utc_us - j->track_us;
        j->begin_us = c->begin_us ? c->begin_us : j->track_us;
    }
    if (length_us / c->period_us >= DRIVE_RECORDS_MAX)
        return err_set(err, ERR_CONFIG, "%lld records: at most %d; take a longer period",
                       (long long)(length_us / c->period_us + 1), DRIVE_RECORDS_MAX);
    size_t room = (size_t)(length_us / c->period_us) + 1 + 2 + 2 + TRACE_BEFORE_S + TRACE_AFTER_S;
    j->entry = calloc(room, sizeof *j->entry);
    if (!j->entry)
        return err_nomem(err, "a drive's records");
    for (int64_t at = 0; at <= length_us; at += c->period_us)
        add(j, ENTRY_PERIODIC, at);
    if (c->ignition_off.until_us) {
        add(j, ENTRY_IGNITION, c->ignition_off.from_us);
        add(j, ENTRY_IGNITION, c->ignition_off.until_us);
    }
    if (c->trigger != DRIVE_NEVER)
        add(j, ENTRY_TRIGGER, c->trigger_us);
    if (c->crash_us != DRIVE_NEVER) {
        add(j, ENTRY_CRASH, c->crash_us);
        for (int s = -TRACE_BEFORE_S; s < TRACE_AFTER_S && c->codec == AVL_CODEC_8E; s++)
            if (c->crash_us + s * SECOND >= 0)
                add(j, ENTRY_TRACE, c->crash_us + s * SECOND);
    }
    qsort(j->entry, j->n, sizeof *j->entry, by_time);
    return ERR_OK;
}

/* ---- one of them ---- */

struct elements {
    uint8_t byte[IOS_MAX][8];
    uint8_t trace[TRACE_BYTES];
    struct avl_io io[IOS_MAX];
    size_t n;
    bool wide; /* ids above 255 have a place */
};

static void put(struct elements *e, uint16_t id, uint16_t width, uint64_t value)
{
    if (id > UINT8_MAX && !e->wide)
        return;
    uint8_t *at = e->byte[e->n];
    for (int i = width - 1; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
    e->io[e->n++] = (struct avl_io){.id = id, .width = width, .bytes = at};
}

/* Gravity, and for a third of a second from the crash on a blow from the front that ebbs away. */
static void put_trace(struct elements *e, int64_t since_crash_us)
{
    for (int i = 0; i < TRACE_SAMPLES; i++) {
        int64_t ms = since_crash_us / 1000 + i * 10;
        int blow = ms >= 0 && ms < 320 ? (int)(320 - ms) * 20 : 0;
        int16_t v[3] = {(int16_t)-blow, (int16_t)(blow / 5), (int16_t)(1000 + blow / 8)};
        for (int axis = 0; axis < 3; axis++) {
            e->trace[i * 6 + axis * 2] = (uint8_t)((uint16_t)v[axis] >> 8);
            e->trace[i * 6 + axis * 2 + 1] = (uint8_t)v[axis];
        }
    }
    e->io[e->n++] = (struct avl_io){
        .id = AVL_ID_CRASH_TRACE, .width = TRACE_BYTES, .sized = true, .bytes = e->trace};
}

static void put_position(struct avl_record *r, const struct track_point *p, bool measured)
{
    r->longitude_e7 = (int32_t)lround(p->lon_deg * 1e7);
    r->latitude_e7 = (int32_t)lround(p->lat_deg * 1e7);
    r->altitude_m = isnan(p->altitude_m) ? 0 : (int16_t)lround(p->altitude_m);
    if (!measured)
        return; /* the last one that was: course, satellites, speed are 0 */
    if (!isnan(p->course_deg))
        r->angle_deg = (uint16_t)(lround(p->course_deg) % 360);
    r->satellites = p->satellites > 0 ? (uint8_t)(p->satellites & 0x7f) : SATELLITES;
    r->speed_kmh = isnan(p->speed_ms) ? 0 : (uint16_t)lround(p->speed_ms * 3.6);
}

/* What was measured at that time, else what was measured last. */
static void locate(const struct drive_journal *j, const struct drive_config *c, int64_t at_us,
                   struct avl_record *r)
{
    struct track_point p = TRACK_POINT_NONE;
    const struct track *t = c->track;
    if (!t) {
        p.lat_deg = c->lat_deg;
        p.lon_deg = c->lon_deg;
        put_position(r, &p, c->lat_deg != 0 || c->lon_deg != 0);
        return;
    }
    if (track_at(t, j->track_us + at_us, &p) == TRACK_HERE) {
        put_position(r, &p, true);
        return;
    }
    for (size_t i = t->n; i > 0; i--)
        if (t->point[i - 1].utc_us <= j->track_us + at_us && t->point[i - 1].valid &&
            !isnan(t->point[i - 1].lat_deg)) {
            put_position(r, &t->point[i - 1], false);
            return;
        }
}

static void describe(const struct drive_entry *entry, const struct drive_config *c,
                     struct avl_record *r, struct elements *e)
{
    switch (entry->kind) {
    case ENTRY_PERIODIC:
        break;
    case ENTRY_IGNITION:
        r->event_id = AVL_ID_IGNITION;
        r->priority = 1;
        break;
    case ENTRY_CRASH:
        r->event_id = AVL_ID_CRASH;
        r->priority = 1;
        put(e, AVL_ID_CRASH, 1, 1);
        put(e, AVL_ID_CRASH_COUNTER, 1, 1);
        break;
    case ENTRY_TRACE:
        r->event_id = AVL_ID_CRASH;
        put(e, AVL_ID_CRASH, 1, 5);
        put(e, AVL_ID_CRASH_COUNTER, 1, 1);
        put_trace(e, entry->at_us - c->crash_us);
        break;
    case ENTRY_TRIGGER:
        r->event_id = AVL_ID_CAMERA_TRIGGER;
        r->priority = 1;
        put(e, AVL_ID_CAMERA_TRIGGER, 1, (uint64_t)c->trigger);
        break;
    }
}

size_t drive_journal_record(const struct drive_journal *j, const struct drive_config *c, size_t i,
                            uint8_t *out, size_t room)
{
    const struct drive_entry *entry = &j->entry[i];
    struct elements e = {.wide = c->codec != AVL_CODEC_8};
    struct avl_record r = {.time_ms = (uint64_t)((j->begin_us + entry->at_us) / 1000),
                           .generation = entry->kind == ENTRY_PERIODIC ? 7 : 6};
    bool off = drive_span_has(&c->ignition_off, entry->at_us);
    locate(j, c, entry->at_us, &r);
    describe(entry, c, &r, &e);
    put(&e, AVL_ID_IGNITION, 1, !off);
    put(&e, AVL_ID_MOVEMENT, 1, r.speed_kmh > 0);
    put(&e, 21, 1, 4);                        /* the network's signal, of 5 */
    put(&e, 69, 1, r.satellites > 0 ? 1 : 2); /* GNSS: fix, no fix */
    put(&e, 66, 2, off ? 12400 : 14100);      /* mV */
    put(&e, 67, 2, 4050);                     /* the tracker's battery, mV */
    put(&e, AVL_ID_CAMERA_FRONT, 1, c->camera[DRIVE_FRONT]);
    put(&e, AVL_ID_CAMERA_REAR, 1, c->camera[DRIVE_REAR]);
    if (c->private_mode.until_us)
        put(&e, AVL_ID_PRIVATE_MODE, 1, drive_span_has(&c->private_mode, entry->at_us));
    return avl_record_put(out, room, c->codec, &r, e.io, e.n);
}
