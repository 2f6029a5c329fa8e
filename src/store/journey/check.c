/* What the catalogue has of a tracker's account, compared with the bytes and the custody. */
#include "dashspool/clock.h"
#include "dashspool/journey.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    const struct catalogue_transfer *t;
    journey_told_fn *fn;
    void *arg;
    struct hash *hash;
    int64_t records, lines;
    /* of its event: what the catalogue has, and whether its record is there */
    bool event, event_there;
    struct catalogue_match match;
    /* the last line of the custody */
    bool joined, has_records, has_difference;
    int64_t said_records, said_difference;
    char said_sha256[HASH_HEX_ROOM], said_event[CLOCK_TEXT_ROOM];
};

static int tell(const struct check *k, const char *text, struct err *err)
{
    return k->fn(k->arg, false, text, err);
}

static int see_line(void *arg, const char *line, struct err *err)
{
    struct check *k = arg;
    struct custody_record r;
    (void)err;
    k->lines++;
    custody_read(&r, line, strlen(line));
    if (r.kind == CUSTODY_JOINED) {
        const struct custody_what *w = &r.what;
        k->joined = true;
        k->has_records = w->records;
        k->said_records = w->records ? *w->records : 0;
        k->has_difference = w->difference_ms;
        k->said_difference = w->difference_ms ? *w->difference_ms : 0;
        snprintf(k->said_sha256, sizeof k->said_sha256, "%s",
                 w->records_sha256 ? w->records_sha256 : "");
        snprintf(k->said_event, sizeof k->said_event, "%s", w->event_at ? w->event_at : "");
    }
    custody_record_clear(&r);
    return ERR_OK;
}

static bool is_match(const struct catalogue_match *m, const struct catalogue_record *r)
{
    return m->time_ms == r->time_ms && m->priority == r->priority && m->event == r->event &&
           memcmp(m->sha256, r->sha256, sizeof r->sha256) == 0;
}

static int look_at_record(void *arg, const struct catalogue_record *r, struct err *err)
{
    struct check *k = arg;
    uint8_t sha256[HASH_BYTES];
    struct avl_record decoded = {.codec = 0};
    struct err why;
    char text[400], at[CLOCK_TEXT_ROOM];
    k->records++;
    k->event_there |= k->event && is_match(&k->match, r);
    clock_rfc3339(r->time_ms * 1000, 3, at);
    hash_update(k->hash, r->raw, r->raw_bytes);
    int rc = hash_final(k->hash, sha256, err);
    if (rc < 0)
        return rc;
    if (avl_record_decode((uint8_t)r->codec, r->raw, r->raw_bytes, &decoded, &why) < 0)
        snprintf(text, sizeof text, "the tracker's record of %s: its bytes are no record: %s", at,
                 why.text);
    else if (memcmp(sha256, r->sha256, sizeof sha256) != 0)
        snprintf(text, sizeof text,
                 "the tracker's record of %s: its SHA-256 is that of other bytes", at);
    else if (decoded.time_ms != (uint64_t)r->time_ms || decoded.priority != r->priority ||
             decoded.event_id != r->event)
        snprintf(text, sizeof text,
                 "the tracker's record of %s: the catalogue says priority %d, event %d; its bytes "
                 "say priority %d, event %d, time %" PRIu64 " ms",
                 at, r->priority, r->event, decoded.priority, decoded.event_id, decoded.time_ms);
    else
        return ERR_OK;
    return tell(k, text, err);
}

static int compare_records(struct check *k, struct catalogue *c, struct err *err)
{
    struct buf all;
    char hex[HASH_HEX_ROOM] = "", text[400];
    buf_init(&all, JOURNEY_TEXT_BYTES_MAX);
    int rc = journey_text(c, k->t, -1, true, &all, NULL, NULL, err);
    if (rc == ERR_OK)
        rc = hash_text((const char *)buf_data(&all), all.used, hex, err);
    buf_clear(&all);
    if (rc < 0 || (k->joined && k->has_records && k->said_records == k->records &&
                   strcmp(k->said_sha256, hex) == 0))
        return rc;
    if (!k->joined)
        snprintf(text, sizeof text,
                 "the tracker's records: the catalogue has %" PRId64
                 ", the custody record tells of none",
                 k->records);
    else
        snprintf(text, sizeof text,
                 "the tracker's records: the catalogue has %" PRId64 " with SHA-256 %.16s…, the "
                 "custody record says %" PRId64 " with %.16s…",
                 k->records, hex, k->said_records, k->said_sha256);
    return tell(k, text, err);
}

static int compare_event(const struct check *k, struct err *err)
{
    char text[400], at[CLOCK_TEXT_ROOM] = "";
    if (k->event)
        clock_rfc3339(k->match.time_ms * 1000, 3, at);
    bool same = strcmp(at, k->said_event) == 0 && k->event == k->has_difference &&
                (!k->event || k->match.difference_ms == k->said_difference);
    if (same && (!k->event || k->event_there))
        return ERR_OK;
    if (same)
        snprintf(text, sizeof text, "the tracker's record of the event: none of %s is there", at);
    else
        snprintf(text, sizeof text,
                 "the tracker's record of the event: the catalogue says %s, %" PRId64
                 " ms apart; the custody record says %s, %" PRId64 " ms",
                 k->event ? at : "none", k->event ? k->match.difference_ms : 0,
                 k->said_event[0] ? k->said_event : "none", k->said_difference);
    return tell(k, text, err);
}

int journey_check(struct catalogue *c, const struct catalogue_transfer *t, journey_told_fn *fn,
                  void *arg, struct err *err)
{
    struct check k = {.t = t, .fn = fn, .arg = arg};
    int rc = catalogue_match_get(c, t->key, &k.match, &k.event, err);
    if (rc == ERR_OK && (rc = hash_new(&k.hash, err)) == ERR_OK)
        rc = catalogue_record_each(c, t->key, INT64_MIN, INT64_MAX, look_at_record, &k, err);
    hash_free(&k.hash);
    if (rc == ERR_OK)
        rc = catalogue_event_each(c, t->id, see_line, &k, err);
    int64_t lines = 0;
    if (rc == ERR_OK)
        rc = catalogue_event_count(c, t->id, &lines, err);
    if (rc < 0 || lines != k.lines) /* a gap in the custody, which others tell */
        return rc;
    if (!k.joined && !k.event && k.records == 0)
        return rc;
    rc = compare_records(&k, c, err);
    return rc < 0 ? rc : compare_event(&k, err);
}
