/* A track file from anywhere: points are on Earth, in order, and so is all between them. */
#include "dashspool/track.h"
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

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
        for (int64_t k = 0; k < 3; k++)
            if (track_at(t, t->point[i].utc_us + k * 700000, &p) &&
                (!(fabs(p.lat_deg) <= 90) || !(fabs(p.lon_deg) <= 180)))
                abort();
    }
    track_free(&t);
    return 0;
}
