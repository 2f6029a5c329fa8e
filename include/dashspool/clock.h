/*
 * clock: wall time (UTC, microseconds since 1970, `utc_us`), monotonic time (`mono_us`), and their
 * text. The time zone of this computer is never asked for: zones come from the cameras, in minutes
 * east of UTC, or by name from a person. Pure but for the two clocks and clock_tz_open(), which
 * reads /usr/share/zoneinfo. Thread-safe.
 */
#ifndef DASHSPOOL_CLOCK_H
#define DASHSPOOL_CLOCK_H

#include "dashspool/err.h"
#include <stdbool.h>
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

/* The day in UTC, for names of files: 2024-11-29; before 1970 and after 9999 the nearest that has
 * four digits. Whether a text is exactly such a shape, so that it may become part of a path. */
#define CLOCK_DATE_ROOM 11
void clock_date(int64_t utc_us, char out[CLOCK_DATE_ROOM]);
bool clock_date_ok(const char *text);

/* "+02:00"; tz_min within ±18 h. */
void clock_zone(int tz_min, char out[CLOCK_TEXT_ROOM]);

/* Reads "2024-11-29T07:23:45[.123456][Z|±hh:mm]" ("T" may be a space; no zone means
 * tz_min_default). *tz_min, where wanted, is the zone that was used. ERR_MALFORMED. */
int clock_parse(const char *text, int tz_min_default, int64_t *utc_us, int *tz_min,
                struct err *err) DS_MUST_CHECK;

/* Reads the same in UTC, or a day, "2024-11-29": its beginning, or with `until` its end, so that
 * the day itself is in between. ERR_MALFORMED. */
int clock_parse_bound(const char *text, bool until, int64_t *utc_us, struct err *err) DS_MUST_CHECK;

/* Reads "Z", "±hh:mm", "±hhmm" or "±hh". ERR_MALFORMED. */
int clock_parse_zone(const char *text, int *tz_min, struct err *err) DS_MUST_CHECK;

/* Days from 1970-01-01 to that date. */
int64_t clock_days(int year, int month, int day);

#define CLOCK_TZ_DATABASE "/usr/share/zoneinfo"

/* A time zone that has a name, "Europe/Berlin": when it had, has and will have which offset. */
struct clock_tz;

/* *out is the caller's (clock_tz_free). ERR_CONFIG, "expected …": there is none of that name. */
int clock_tz_open(struct clock_tz **out, const char *name, struct err *err) DS_MUST_CHECK;

/* The same from the bytes of a file of the tz database, which are hostile. ERR_MALFORMED. */
int clock_tz_parse(struct clock_tz **out, const void *data, size_t n,
                   struct err *err) DS_MUST_CHECK;
void clock_tz_free(struct clock_tz **tz);

/* Minutes east of UTC at that time. */
int clock_tz_min(const struct clock_tz *tz, int64_t utc_us);

/* What people there call it then: "CET"; where that is but a number, "+03:00". */
void clock_tz_word(const struct clock_tz *tz, int64_t utc_us, char out[CLOCK_TEXT_ROOM]);

/* The same for a local time (as if it were UTC). TWICE: the clocks went back; *tz_min is the first
 * of both, *other_min the second. NEVER: they went forward; *tz_min is what held before. */
enum clock_local { CLOCK_LOCAL_ONCE, CLOCK_LOCAL_TWICE, CLOCK_LOCAL_NEVER };
enum clock_local clock_tz_local(const struct clock_tz *tz, int64_t local_us, int *tz_min,
                                int *other_min);

/* ---- what a person says ---- */

/* A zone by its name, or as clock_parse_zone() has it. *out is the caller's. ERR_MALFORMED, as all
 * of these, for who said it. */
int clock_tz_told(struct clock_tz **out, const char *zone, struct err *err) DS_MUST_CHECK;

/* A local time (as if it were UTC) there, with the offset then. ERR_MALFORMED: the clocks went
 * forward over it, or back, so that it came twice. */
int clock_tz_utc(const struct clock_tz *tz, int64_t local_us, int64_t *utc_us, int *tz_min,
                 struct err *err) DS_MUST_CHECK;

/* clock_parse()'s form, seconds may be left out, in that zone; NULL: in none, and read as UTC.
 * *has_zone: there is one, if only in the text, whose own goes before that. ERR_MALFORMED. */
int clock_parse_told(const char *text, const struct clock_tz *tz, int64_t *utc_us, bool *has_zone,
                     int *tz_min, struct err *err) DS_MUST_CHECK;

/* When something was recorded, as a person tells it; a zone alone is that of times which files tell
 * without one. {0}: nothing. */
struct clock_told {
    bool has_time;
    int64_t utc_us;
    int tz_min;          /* then and there */
    struct clock_tz *tz; /* NULL: none but that of the time itself */
};

/* time as clock_parse_told() has it, zone as clock_tz_told(); NULL and "": not told. *out is the
 * caller's (clock_told_clear). ERR_MALFORMED, also: it has no zone; it is still to come, or older
 * than such cameras are. */
int clock_told(struct clock_told *out, const char *time, const char *zone, int64_t now_us,
               struct err *err) DS_MUST_CHECK;
void clock_told_clear(struct clock_told *told);

/* How often something happened within the last day, to the hour. {0} at the beginning. */
struct clock_day {
    int64_t hour; /* the last that is counted in, since 1970 */
    unsigned n[24];
};
void clock_day_add(struct clock_day *d, int64_t utc_us);
unsigned clock_day_sum(const struct clock_day *d, int64_t utc_us);

#endif
