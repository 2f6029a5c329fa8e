#include "dashspool/journey.h"
#include "dashspool/clock.h"
#include "dashspool/wire.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- when ---- */

bool journey_span(const struct catalogue_transfer *t, int64_t *from_us, int64_t *until_us)
{
    bool photo = strcmp(t->kind, "photo") == 0;
    bool length = t->known & CATALOGUE_HAS_META && t->length_s > 0;
    if (!(t->known & CATALOGUE_TIME_OK) || strcmp(t->imei, CATALOGUE_IMEI_UNKNOWN) == 0)
        return false;
    *from_us = t->time_us;
    *until_us = t->time_us + (photo    ? 0
                              : length ? t->length_s * INT64_C(1000000)
                                       : JOURNEY_LENGTH_US);
    return true;
}

/* In milliseconds, around_us more on both sides; all that it has for around_us < 0. */
static bool span_ms(const struct catalogue_transfer *t, int64_t around_us, int64_t *from_ms,
                    int64_t *until_ms)
{
    int64_t from_us, until_us;
    if (!journey_span(t, &from_us, &until_us))
        return false;
    *from_ms = around_us < 0 ? INT64_MIN : (from_us - around_us) / 1000;
    *until_ms = around_us < 0 ? INT64_MAX : (until_us + around_us) / 1000;
    return true;
}

/* ---- joining ---- */

struct joining {
    struct catalogue *c;
    struct hash *hash;
    const struct catalogue_transfer *t;
    struct journey_joined *out;
    int64_t at_ms, window_ms; /* of its event */
    int64_t bytes;            /* of its records, so far */
    int64_t near_from_ms, near_until_ms;
    bool further; /* those near it were taken before */
};

static int64_t distance(int64_t ms)
{
    return ms < 0 ? -ms : ms;
}

static int digest(struct joining *j, const struct records_row *row, uint8_t out[HASH_BYTES],
                  struct err *err)
{
    hash_update(j->hash, row->bytes, row->n);
    return hash_final(j->hash, out, err);
}

static bool is_near(const struct joining *j, const struct records_row *row)
{
    return row->time_ms >= j->near_from_ms && row->time_ms <= j->near_until_ms;
}

static int put(struct joining *j, const struct records_row *row, struct err *err)
{
    struct catalogue_record r = {.time_ms = row->time_ms,
                                 .priority = row->priority,
                                 .event = row->event_id,
                                 .codec = row->codec,
                                 .arrived_us = row->arrived_us,
                                 .raw = row->bytes,
                                 .raw_bytes = row->n};
    bool added = false;
    int rc = digest(j, row, r.sha256, err);
    if (rc == ERR_OK)
        rc = catalogue_record_put(j->c, j->t->key, &r, &added, err);
    j->out->added += added;
    j->out->near += added && is_near(j, row);
    j->bytes += added ? (int64_t)row->n : 0;
    return rc;
}

static int take(void *arg, const struct records_row *row, struct err *err)
{
    struct joining *j = arg;
    if (j->further && is_near(j, row))
        return ERR_OK;
    if (j->bytes + (int64_t)row->n > JOURNEY_BYTES_MAX) {
        j->out->full = true;
        return ERR_OK;
    }
    return put(j, row, err);
}

/* Of two that are as far away, one before and one behind it, it is the earlier one, whichever came
 * first. */
static bool is_closer(int64_t difference_ms, int64_t than_ms)
{
    return distance(difference_ms) < distance(than_ms) ||
           (distance(difference_ms) == distance(than_ms) && difference_ms < than_ms);
}

/* A record of a camera's trigger that may be that of this transfer's event. It has room also where
 * a flood came before it. */
static int consider(void *arg, const struct records_row *row, struct err *err)
{
    struct joining *j = arg;
    struct catalogue_match *m = &j->out->match;
    int64_t difference_ms = row->time_ms - j->at_ms;
    struct avl_record r;
    struct avl_io io;
    if (distance(difference_ms) > j->window_ms ||
        (j->out->event && !is_closer(difference_ms, m->difference_ms)) ||
        j->bytes + (int64_t)row->n > JOURNEY_BYTES_MAX + JOURNEY_EVENT_BYTES)
        return ERR_OK;
    if (avl_record_decode(row->codec, row->bytes, row->n, &r, err) < 0)
        return ERR_OK; /* fsck tells it */
    if (!avl_io_find(&r, AVL_ID_CAMERA_TRIGGER, &io) ||
        !wire_trigger_is(j->t->trigger_name, avl_io_unsigned(&io)))
        return ERR_OK;
    int rc = put(j, row, err); /* also one that is not around the clip */
    if (rc < 0)
        return rc;
    *m = (struct catalogue_match){.time_ms = row->time_ms,
                                  .priority = row->priority,
                                  .event = row->event_id,
                                  .difference_ms = difference_ms};
    j->out->event = j->out->event_new = true;
    return digest(j, row, m->sha256, err);
}

static int find_event(struct joining *j, struct records *r, int64_t window_us, struct err *err)
{
    const struct catalogue_transfer *t = j->t;
    int rc = catalogue_match_get(j->c, t->key, &j->out->match, &j->out->event, err);
    if (rc < 0 || !(t->known & CATALOGUE_HAS_META) || !t->trigger_name[0])
        return rc;
    j->at_ms = (t->known & CATALOGUE_TRIGGER_TIME_OK ? t->trigger_time_us : t->time_us) / 1000;
    j->window_ms = window_us / 1000;
    const struct records_query query = {.imei = t->imei,
                                        .from_ms = j->at_ms - j->window_ms,
                                        .until_ms = j->at_ms + j->window_ms,
                                        .event_id = AVL_ID_CAMERA_TRIGGER,
                                        .private_too = true};
    const struct records_reader reader = {consider, NULL, j};
    rc = records_each(r, &query, &reader, err);
    return rc < 0 || !j->out->event_new ? rc
                                        : catalogue_match_put(j->c, t->key, &j->out->match, err);
}

static int note(struct joining *j, const char *who, struct err *err)
{
    struct buf text;
    char hex[HASH_HEX_ROOM], by[64], at[CLOCK_TEXT_ROOM];
    const struct catalogue_match *m = &j->out->match;
    struct custody_what what = {.records = &j->out->records, .records_sha256 = hex};
    buf_init(&text, JOURNEY_TEXT_BYTES_MAX);
    int rc = journey_text(j->c, j->t, -1, true, &text, NULL, NULL, err);
    if (rc == ERR_OK)
        rc = hash_text((const char *)buf_data(&text), text.used, hex, err);
    buf_clear(&text);
    if (rc < 0)
        return rc;
    if (j->out->event) {
        clock_rfc3339(m->time_ms * 1000, 3, at);
        what.event_at = at;
        what.difference_ms = &m->difference_ms;
    }
    snprintf(by, sizeof by, "dashspool " DASHSPOOL_VERSION " %s", who);
    return catalogue_event_note(j->c, j->t->id, CATALOGUE_NOW, CUSTODY_JOINED, by, &what, err);
}

static int join(struct joining *j, struct records *r, int64_t window_us, const char *who,
                struct err *err)
{
    struct records_query query = {
        .imei = j->t->imei, .event_id = RECORDS_ANY_EVENT, .private_too = true};
    const struct records_reader reader = {take, NULL, j};
    int rc = catalogue_record_count(j->c, j->t->key, &j->out->records, &j->bytes, err);
    span_ms(j->t, JOURNEY_PICTURES_US, &j->near_from_ms, &j->near_until_ms);
    /* What counts most comes first: it is there also where all others are too many. */
    if (rc == ERR_OK)
        rc = find_event(j, r, window_us, err);
    if (rc == ERR_OK && span_ms(j->t, JOURNEY_PICTURES_US, &query.from_ms, &query.until_ms))
        rc = records_each(r, &query, &reader, err);
    j->further = true;
    if (rc == ERR_OK && span_ms(j->t, JOURNEY_AROUND_US, &query.from_ms, &query.until_ms))
        rc = records_each(r, &query, &reader, err);
    j->out->records += j->out->added;
    if (rc < 0 || (j->out->added == 0 && !j->out->event_new))
        return rc;
    bool hidden = false;
    if ((rc = journey_hides(j->c, j->t, &hidden, err)) == ERR_OK)
        rc = catalogue_private_put(j->c, j->t->key, hidden, err);
    return rc < 0 ? rc : note(j, who, err);
}

int journey_join(struct catalogue *c, struct records *r, const struct catalogue_transfer *t,
                 int64_t window_us, const char *who, struct journey_joined *out, struct err *err)
{
    struct joining j = {.c = c, .t = t, .out = out};
    int64_t from_us, until_us;
    *out = (struct journey_joined){.records = 0};
    if (!journey_span(t, &from_us, &until_us))
        return ERR_OK;
    bool own = !catalogue_in_transaction(c);
    int rc = own ? catalogue_begin(c, err) : ERR_OK;
    if (rc < 0)
        return rc;
    rc = hash_new(&j.hash, err);
    if (rc == ERR_OK)
        rc = join(&j, r, window_us, who, err);
    hash_free(&j.hash);
    return own ? catalogue_end(c, rc, err) : rc;
}

/* ---- telling ---- */

struct telling {
    struct buf *out;
    bool whole;
    int64_t records, withheld;
};

static int tell(void *arg, const struct catalogue_record *r, struct err *err)
{
    struct telling *t = arg;
    const struct account_record record = {r->time_ms, r->arrived_us, (uint8_t)r->codec, r->raw,
                                          r->raw_bytes};
    bool withheld = false;
    int rc = account_line(t->out, &record, t->whole, &withheld, err);
    t->records++;
    t->withheld += withheld;
    return rc;
}

int journey_text(struct catalogue *c, const struct catalogue_transfer *t, int64_t around_us,
                 bool whole, struct buf *out, int64_t *records, int64_t *withheld, struct err *err)
{
    struct telling telling = {.out = out, .whole = whole};
    int64_t from_ms, until_ms;
    int rc = buf_append(out, ACCOUNT_HEAD, sizeof ACCOUNT_HEAD - 1, err);
    if (rc == ERR_OK && span_ms(t, around_us, &from_ms, &until_ms))
        rc = catalogue_record_each(c, t->key, from_ms, until_ms, tell, &telling, err);
    if (records)
        *records = telling.records;
    if (withheld)
        *withheld = telling.withheld;
    return rc;
}

/* ---- the track ---- */

/* What cannot be decoded is no point: fsck tells it. */
static int add_point(void *arg, const struct catalogue_record *r, struct err *err)
{
    struct buf *points = arg;
    struct track_point p;
    struct avl_record record;
    struct err unimportant;
    if (avl_record_decode((uint8_t)r->codec, r->raw, r->raw_bytes, &record, &unimportant) < 0 ||
        !account_point(&record, &p))
        return ERR_OK;
    p.utc_us = r->time_ms * 1000;
    return buf_append(points, &p, sizeof p, err);
}

int journey_track(struct catalogue *c, const struct catalogue_transfer *t, int64_t around_us,
                  struct track **out, struct err *err)
{
    struct buf points;
    int64_t from_ms, until_ms;
    int rc = ERR_OK;
    *out = NULL;
    if (!span_ms(t, around_us, &from_ms, &until_ms))
        return ERR_OK;
    buf_init(&points, TRACK_POINTS_MAX * sizeof(struct track_point));
    rc = catalogue_record_each(c, t->key, from_ms, until_ms, add_point, &points, err);
    if (rc == ERR_OK && points.used > 0)
        rc = track_from(out, TRACK_TRACKER,
                        (const struct track_point *)(const void *)buf_data(&points),
                        points.used / sizeof(struct track_point), err);
    buf_clear(&points);
    return rc;
}

int journey_hides(struct catalogue *c, const struct catalogue_transfer *t, bool *out,
                  struct err *err)
{
    struct track *track = NULL;
    struct track_point unused;
    int64_t from_us = 0, until_us = 0;
    *out = false;
    if (!journey_span(t, &from_us, &until_us))
        return ERR_OK;
    int rc = journey_track(c, t, JOURNEY_PICTURES_US, &track, err);
    if (rc < 0 || !track)
        return rc;
    *out = track_at(track, from_us, &unused) == TRACK_PRIVATE ||
           track_at(track, until_us, &unused) == TRACK_PRIVATE;
    for (size_t i = 0; i < track->n; i++)
        *out = *out || (track->point[i].utc_us >= from_us && track->point[i].utc_us <= until_us &&
                        isnan(track->point[i].lat_deg));
    track_free(&track);
    return ERR_OK;
}

/* ---- settings, and how long to wait ---- */

static const struct cfg_key telemetry_keys[] = {
    {"window", CFG_SPAN, "time", 1, 3600000, "3 s",
     "how far the tracker's record of an event and the camera's time of it may be apart"},
    {"families", CFG_TEXT, "IMEIs and families", 0, 64000, "",
     "trackers whose ids mean what they mean in a family (fmb: FMB, FMC, FMM …; fmx6: FMB640, "
     "FMC650 …), as 352093081452251 fmx6, comma-separated; others: by what they send",
     avl_families_check},
};
static const struct cfg_key convert_keys[] = {
    {"telemetry_wait", CFG_SPAN, "time; 0: none", 0, 3600000, "30 s",
     "how long copies wait for the tracker's records of the clip, while its connection is alive"},
};
const struct cfg_section journey_cfg_sections[JOURNEY_CFG_SECTIONS] = {
    {"telemetry", telemetry_keys, sizeof telemetry_keys / sizeof *telemetry_keys},
    {"convert", convert_keys, sizeof convert_keys / sizeof *convert_keys},
};

int64_t journey_window_us(const struct cfg *cfg)
{
    return cfg_ms(cfg, "telemetry", "window") * 1000;
}

const char *journey_families(const struct cfg *cfg)
{
    return cfg ? cfg_text(cfg, "telemetry", "families") : "";
}

int64_t journey_wait_us(const struct cfg *cfg)
{
    return cfg_ms(cfg, "convert", "telemetry_wait") * 1000;
}

static int keep_latest(void *arg, const struct records_latest *latest, struct err *err)
{
    (void)err;
    *(struct records_latest *)arg = *latest;
    return ERR_OK;
}

int journey_wait_ms(struct records *r, const struct catalogue_transfer *t, int64_t wait_us,
                    int64_t now_us, int64_t *wait_ms, struct err *err)
{
    struct records_latest latest;
    int64_t from_us, until_us, left_us = t->completed_us + wait_us - now_us;
    *wait_ms = 0;
    if (wait_us == 0 || left_us <= 0 || left_us > wait_us || !journey_span(t, &from_us, &until_us))
        return ERR_OK;
    int rc = records_latest(r, t->imei, keep_latest, &latest, err);
    if (rc < 0)
        return rc == ERR_NOTFOUND ? ERR_OK : rc;
    if (latest.time_ms * 1000 < until_us && now_us - latest.arrived_us < JOURNEY_ALIVE_US)
        *wait_ms = left_us / 1000 + 1 < 2000 ? left_us / 1000 + 1 : 2000;
    return ERR_OK;
}
