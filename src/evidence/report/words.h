/*
 * words: times, lengths and amounts as people say them. Nothing depends on the locale.
 */
#ifndef REPORT_WORDS_H
#define REPORT_WORDS_H

#include "dashspool/report.h"
#include <stddef.h>

#define WORDS_ROOM 96

/* Known, and in the years 1 to 9999. */
bool words_time_ok(const struct report_time *t);
/* It has a zone that there can be: within 18 hours. */
bool words_zone_ok(const struct report_time *t);
/* until - from, or the nearest that there is. */
int64_t words_between(int64_t from_us, int64_t until_us);

/* "29 November 2024" */
void words_date(int64_t utc_us, int tz_min, char out[WORDS_ROOM]);
/* "09:23:45.250" */
void words_clock(int64_t utc_us, int tz_min, char out[WORDS_ROOM]);
/* "29 November 2024, 09:23:45.250 (+02:00)"; without a zone in UTC: "…, 07:23:45.250 UTC"; "not
 * known" */
void words_time(const struct report_time *t, char out[WORDS_ROOM]);
/* "± 1.5 seconds"; "" if that is not known */
void words_error(const struct report_time *t, char out[WORDS_ROOM]);
/* "10.0 seconds", "2 minutes 5 seconds" */
void words_length(int64_t us, char out[WORDS_ROOM]);
/* Place in a film: "0:03.067" */
void words_offset(int64_t us, char out[WORDS_ROOM]);
/* "2.2 MB (2 214 880 bytes)" without the bracket: "2.2 MB" */
void words_bytes(int64_t bytes, char out[WORDS_ROOM]);
/* Degrees: "56.950123° north"; lon: "east" and "west" */
void words_degrees(double deg, bool lon, char out[WORDS_ROOM]);
/* "-56.950123", six digits, whatever the locale */
void words_decimal(double deg, char out[WORDS_ROOM]);
/* "Front camera"; camera "" is "Camera" */
void words_camera(const struct report_clip *clip, char out[WORDS_ROOM]);
/* Names the i-th of its kind, from 1: "file-3" */
void words_anchor(const char *kind, size_t i, char out[WORDS_ROOM]);
/* "film", "photo" */
const char *words_kind(const struct report_clip *clip);

#endif
