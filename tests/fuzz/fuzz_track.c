/* A track file from anywhere: points are on Earth, in order, and so is all between them; where
 * nothing is known nothing is said; and what is written is read again as the same bytes. */
#include "dashspool/track.h"
#include <math.h>
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
    if (track_parse(&again, "again", (const char *)buf_data(&once), once.used, &err) < 0)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err;
    struct track *t = NULL;
    struct track_point p;
    if (track_parse(&t, "fuzz", (const char *)data, n, &err) < 0) {
        if (t)
            abort();
        return 0;
    }
    for (size_t i = 0; i < t->n; i++) {
        if (i > 0 && t->point[i - 1].utc_us >= t->point[i].utc_us)
            abort();
        for (int64_t k = 0; k < 3; k++) {
            bool here = track_at(t, t->point[i].utc_us + k * 700000, &p) == TRACK_HERE;
            if (here ? !sane(&p) : !nothing(&p))
                abort();
        }
    }
    write_and_read(t);
    track_free(&t);
    return 0;
}
