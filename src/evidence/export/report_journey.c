/*
 * What a transfer's tracker said (journey.h), as facts for its report. Points and samples wait in
 * the report's scratch file: a tracker that floods its link shall not fill the memory.
 */
#include "dashspool/avl.h"
#include "dashspool/journey.h"
#include "report_facts.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct gathering {
    struct told_journey *out;
    const struct catalogue_match *match;
    const char *families, *imei;
    unsigned signs;
    bool event_told; /* its trigger is known: */
    uint64_t event;
    uint64_t crash;
    unsigned axes; /* bits: 1 calibrated, 2 not */
};

/* ---- one record ---- */

static void see_crash(struct gathering *g, const struct avl_record *r)
{
    struct avl_io io;
    if (!avl_io_find(r, AVL_ID_CRASH, &io))
        return;
    uint64_t value = avl_io_unsigned(&io);
    if (value < 1 || value > 6)
        return;
    g->axes |= value % 2 ? 1 : 2;
    if ((value == 1 || value == 6) && !g->out->told.has_crash) { /* 2 to 5 are of its trace */
        g->out->told.has_crash = true;
        g->out->told.crash_us = avl_record_utc_us(r);
        g->crash = value;
    }
}

static int see_record(void *arg, const struct catalogue_record *r, struct err *err)
{
    struct gathering *g = arg;
    (void)err;
    struct report_journey *j = &g->out->told;
    struct avl_record record;
    struct avl_io io;
    struct err unimportant;
    j->records++;
    if (avl_record_decode((uint8_t)r->codec, r->raw, r->raw_bytes, &record, &unimportant) < 0)
        return ERR_OK; /* fsck tells it */
    g->signs |= avl_signs(&record);
    if (g->match && r->time_ms == g->match->time_ms &&
        memcmp(r->sha256, g->match->sha256, sizeof r->sha256) == 0 &&
        avl_io_find(&record, AVL_ID_CAMERA_TRIGGER, &io)) {
        g->event_told = true;
        g->event = avl_io_unsigned(&io);
    }
    if (avl_private(&record)) {
        j->hidden++;
        return ERR_OK;
    }
    j->unfixed += !avl_position_valid(&record);
    see_crash(g, &record);
    return ERR_OK;
}

/* ---- in words ---- */

/* As both families have it, where it is not known which one it is. */
static const char *word_of(enum avl_family family, uint16_t id, uint64_t value)
{
    if (family != AVL_RAW)
        return avl_word(family, id, value);
    const char *a = avl_word(AVL_FMB, id, value), *b = avl_word(AVL_FMX6, id, value);
    return a && b && strcmp(a, b) == 0 ? a : NULL;
}

static void tell_words(struct gathering *g)
{
    static const char *const priorities[] = {"low", "high", "panic"};
    struct told_journey *out = g->out;
    enum avl_family family = avl_families_find(g->families, g->imei, avl_signs_family(g->signs));
    const struct catalogue_match *m = g->match;
    if (m) {
        const char *word = g->event_told ? word_of(family, AVL_ID_CAMERA_TRIGGER, g->event) : NULL;
        out->told.has_event = true;
        out->told.event_us = m->time_ms * 1000;
        out->told.difference_us = m->difference_ms * 1000;
        out->told.priority = m->priority >= 0 && m->priority < 3 ? priorities[m->priority] : "";
        if (word)
            snprintf(out->event, sizeof out->event, "camera trigger (AVL %d): %s",
                     AVL_ID_CAMERA_TRIGGER, word);
        else
            snprintf(out->event, sizeof out->event, "camera trigger (AVL %d), value %" PRIu64,
                     AVL_ID_CAMERA_TRIGGER, g->event);
        out->told.event = out->event;
    }
    if (out->told.has_crash) {
        const char *word = word_of(family, AVL_ID_CRASH, g->crash);
        snprintf(out->crash, sizeof out->crash, "%s (AVL %d)", word ? word : "recorded",
                 AVL_ID_CRASH);
        out->told.crash = out->crash;
    }
    out->told.axes = g->axes == 1   ? REPORT_CALIBRATED
                     : g->axes == 2 ? REPORT_NOT_CALIBRATED
                                    : REPORT_NOT_TOLD;
}

/* ---- where they wait ---- */

static int spill(FILE *to, int64_t *bytes, const void *data, size_t n, int64_t *at, struct err *err)
{
    *at = *bytes;
    if (n > 0 && fwrite(data, 1, n, to) != n)
        return err_sys(err, "write the records of the report");
    *bytes += (int64_t)n;
    return ERR_OK;
}

static int unspill(FILE *in, int64_t at, size_t n, struct buf *out, struct err *err)
{
    uint8_t *to = n ? buf_reserve(out, n, err) : NULL;
    if (n == 0)
        return ERR_OK;
    if (!to)
        return err->code;
    if (fseeko(in, at, SEEK_SET) < 0 || fread(to, 1, n, in) != n)
        return err_sys(err, "read the records of the report");
    buf_commit(out, n);
    return ERR_OK;
}

static int load(void *from, struct buf *points, struct buf *samples, struct err *err)
{
    const struct told_journey *t = from;
    int rc =
        unspill(t->in, t->points_at, t->told.n_points * sizeof(struct track_point), points, err);
    return rc < 0 ? rc
                  : unspill(t->in, t->samples_at, t->told.n_samples * sizeof(struct report_sample),
                            samples, err);
}

/* Those that have a time. */
static int spill_samples(struct told_journey *out, struct catalogue *c,
                         const struct catalogue_transfer *t, FILE *scratch, int64_t *scratch_bytes,
                         struct err *err)
{
    struct buf trace;
    int64_t unused;
    buf_init(&trace, REPORT_JOURNEY_BYTES_MAX);
    int rc = journey_trace(c, t, &trace, err);
    const struct journey_sample *s = (const struct journey_sample *)(const void *)buf_data(&trace);
    out->samples_at = *scratch_bytes;
    for (size_t i = 0; rc == ERR_OK && i < trace.used / sizeof *s; i++) {
        const struct report_sample sample = {
            s[i].utc_us, {s[i].mg[0], s[i].mg[1], s[i].mg[2]}, s[i].apart};
        if (s[i].placed)
            rc = spill(scratch, scratch_bytes, &sample, sizeof sample, &unused, err);
        out->told.n_samples += s[i].placed;
        out->told.unplaced += !s[i].placed;
    }
    buf_clear(&trace);
    return rc;
}

int told_journey_gather(struct told_journey *out, struct catalogue *c,
                        const struct catalogue_transfer *t, const char *families, FILE *scratch,
                        int64_t *scratch_bytes, struct err *err)
{
    struct gathering g = {.out = out, .families = families, .imei = t->imei};
    struct catalogue_match match;
    struct track *track = NULL;
    bool found = false;
    *out = (struct told_journey){.in = scratch};
    if (!journey_span(t, &out->told.from_us, &out->told.until_us))
        return ERR_OK;
    int rc = catalogue_match_get(c, t->key, &match, &found, err);
    g.match = found ? &match : NULL;
    if (rc == ERR_OK)
        rc = catalogue_record_each(c, t->key, INT64_MIN, INT64_MAX, see_record, &g, err);
    if (rc < 0 || out->told.records == 0)
        return rc;
    rc = journey_track(c, t, JOURNEY_AROUND_US, &track, err);
    if (rc == ERR_OK) {
        tell_words(&g);
        out->told.known = true;
        out->told.n_points = track ? track->n : 0;
        out->told.load = load;
        out->told.from = out;
        rc = spill(scratch, scratch_bytes, track ? track->point : NULL,
                   out->told.n_points * sizeof *track->point, &out->points_at, err);
    }
    track_free(&track);
    return rc < 0 ? rc : spill_samples(out, c, t, scratch, scratch_bytes, err);
}
