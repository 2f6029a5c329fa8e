/* A track file from anywhere: points are on Earth, in order, and so is all between them; where
 * nothing is known nothing is said; and what is written is read again as the same bytes. */
#include "dashspool/track.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool sane(const struct track_point *p)
{
    return fabs(p->lat_deg) <= 90 && fabs(p->lon_deg) <= 180 && !(p->speed_ms < 0) &&
           (isnan(p->course_deg) || (p->course_deg >= 0 && p->course_deg < 360));
}

static bool nothing(const struct track_point *p)
{
    return isnan(p->lat_deg) && isnan(p->lon_deg) && isnan(p->speed_ms) && isnan(p->course_deg);
}

static void write_as(const struct track *t, enum track_format format, struct buf *out)
{
    static const struct track_label label = {
        .id = "id", .camera = "front", .source = "tracker", .own_source = ""};
    struct err err;
    buf_init(out, (size_t)64 << 20);
    if (track_write(t, &label, format, out, &err) < 0)
        abort();
}

static void write_and_read(const struct track *t)
{
    struct err err;
    struct track *again = NULL;
    struct buf once, twice;
    write_as(t, TRACK_GPX, &once);
    buf_clear(&once);
    write_as(t, TRACK_GEOJSON, &once);
    buf_clear(&once);
    write_as(t, TRACK_CSV, &once);
    /* times are written in ms: two may have become one */
    if (track_parse(&again, "again", (const char *)buf_data(&once), once.used, NULL, &err) < 0)
        abort();
    write_as(again, TRACK_CSV, &twice);
    if (again->n > t->n ||
        (again->n == t->n &&
         (once.used != twice.used || memcmp(buf_data(&once), buf_data(&twice), once.used) != 0)))
        abort();
    buf_clear(&once);
    buf_clear(&twice);
    track_free(&again);
}

/* What is shown of a person's file can have been: no speed that is impossible, not 0/0, nothing
 * between two segments; what is not shown is counted. */
static void check_belief(const struct track *t)
{
    struct track_point p;
    char notes[TRACK_NOTES_ROOM];
    size_t left_out = t->no_fix + t->fast_words;
    double most_ms = t->speed_max_kmh / 3.6 * (1 + 1e-9);
    for (int i = 0; i < TRACK_N_FLAWS; i++)
        left_out += t->left_out[i];
    if (left_out > 0 && !track_notes(t, notes)[0])
        abort();
    for (size_t i = 0; i < t->n; i++) {
        const struct track_point *a = &t->point[i];
        if (a->valid && fabs(a->lat_deg) < 1e-5 && fabs(a->lon_deg) < 1e-5)
            abort();
        if (track_at(t, a->utc_us, &p) == TRACK_HERE && p.speed_ms > most_ms)
            abort();
        int64_t next_us = i + 1 < t->n ? a[1].utc_us - a->utc_us : 0;
        if (next_us < 2)
            continue;
        enum track_state is = track_at(t, a->utc_us + next_us / 2, &p);
        if (a->segment != a[1].segment && is != TRACK_NO_DATA)
            abort();
        if (is == TRACK_HERE && (!a->valid || !a[1].valid || p.speed_ms > most_ms))
            abort();
    }
}

static void check(const struct track *t)
{
    struct track_point p;
    for (size_t i = 0; i < t->n; i++) {
        if (i > 0 && t->point[i - 1].utc_us >= t->point[i].utc_us)
            abort();
        for (int64_t k = 0; k < 3; k++) {
            bool here = track_at(t, t->point[i].utc_us + k * 700000, &p) == TRACK_HERE;
            if (here ? !sane(&p) : !nothing(&p))
                abort();
        }
    }
    if (t->source == TRACK_FILE)
        check_belief(t);
    write_and_read(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err;
    struct track *t = NULL, *part = NULL;
    struct track_use use = TRACK_USE_ANY;
    if (track_parse(&t, "fuzz", (const char *)data, n, NULL, &err) < 0) {
        if (t || err.code == ERR_IO)
            abort();
        if (err.code != ERR_CONFIG)
            return 0;
        /* several tracks: the first by its place, where that is its name */
        snprintf(use.name, sizeof use.name, "track 1");
        if (track_parse(&t, "fuzz", (const char *)data, n, &use, &err) < 0)
            return 0;
    }
    check(t);
    if (t->n > 0) { /* the same for a clip in it, by a slower vehicle */
        use = (struct track_use){.has_time = true, .speed_max_kmh = 50};
        use.from_us = t->point[t->n / 2].utc_us;
        use.to_us = use.from_us + 5000000;
        if (track_parse(&part, "fuzz", (const char *)data, n, &use, &err) == ERR_OK)
            check(part);
        else if (err.code != ERR_CONFIG)
            abort();
    }
    track_free(&part);
    track_free(&t);
    return 0;
}
