/*
 * clock: wall time (UTC, microseconds since 1970, `utc_us`), monotonic time (`mono_us`), and their
 * text. The time zone of this computer is never asked for: zones come from the cameras, in minutes
 * east of UTC. Pure but for the two clocks.
 */
#ifndef DASHSPOOL_CLOCK_H
#define DASHSPOOL_CLOCK_H

#include "dashspool/err.h"
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_ROOM 40

int64_t clock_utc_us(void);
int64_t clock_mono_us(void);

struct clock_civil {
    int year, month, day, hour, minute, second, us; /* proleptic Gregorian */
};

/* Civil time of utc_us in a zone tz_min minutes east of UTC. */
struct clock_civil clock_civil_from_utc(int64_t utc_us, int tz_min);

/* RFC 3339 in UTC, with `digits` (0, 3 or 6) of the second: 2024-11-29T07:23:45.250Z. */
void clock_rfc3339(int64_t utc_us, int digits, char out[CLOCK_TEXT_ROOM]);

/* Compact, for names: 20241129T072345Z (the fraction is cut off). */
void clock_compact(int64_t utc_us, char out[CLOCK_TEXT_ROOM]);

/* "+02:00"; tz_min within ±18 h. */
void clock_zone(int tz_min, char out[CLOCK_TEXT_ROOM]);

/* Reads "2024-11-29T07:23:45[.123456][Z|±hh:mm]" ("T" may be a space; no zone means
 * tz_min_default). *tz_min, where wanted, is the zone that was used. ERR_MALFORMED. */
int clock_parse(const char *text, int tz_min_default, int64_t *utc_us, int *tz_min,
                struct err *err) DS_MUST_CHECK;

/* Reads "Z", "±hh:mm", "±hhmm" or "±hh". ERR_MALFORMED. */
int clock_parse_zone(const char *text, int *tz_min, struct err *err) DS_MUST_CHECK;

/* How often something happened within the last day, to the hour. {0} at the beginning. */
struct clock_day {
    int64_t hour; /* the last that is counted in, since 1970 */
    unsigned n[24];
};
void clock_day_add(struct clock_day *d, int64_t utc_us);
unsigned clock_day_sum(const struct clock_day *d, int64_t utc_us);

#endif
