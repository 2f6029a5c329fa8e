/*
 * format: times, lengths and amounts as people say them. Nothing depends on the locale. The
 * text is returned; out is room for it.
 */
#ifndef REPORT_FORMAT_H
#define REPORT_FORMAT_H

#include "dashspool/report.h"
#include <stddef.h>

#define FORMAT_ROOM 96

/* Known, and in the years 1 to 9999. */
bool format_time_ok(const struct report_time *t);
/* It has a zone that there can be: within 18 hours. */
bool format_zone_ok(const struct report_time *t);
/* It has a position that there can be. */
bool format_place_ok(const struct report_clip *clip);
/* Its tracker tells where it was. */
bool format_route_ok(const struct report_clip *clip);
/* until - from, or the nearest that there is. */
int64_t format_between(int64_t from_us, int64_t until_us);

/* "29 November 2024" */
const char *format_date(int64_t utc_us, int tz_min, char out[FORMAT_ROOM]);
/* "09:23:45.250" */
const char *format_clock(int64_t utc_us, int tz_min, char out[FORMAT_ROOM]);
/* "29 November 2024, 09:23:45.250 (+02:00)"; without a zone in UTC: "…, 07:23:45.250 UTC"; "not
 * known" */
const char *format_time(const struct report_time *t, char out[FORMAT_ROOM]);
/* "± 1.5 seconds"; "" if that is not known */
const char *format_error(const struct report_time *t, char out[FORMAT_ROOM]);
/* "10.0 seconds", "2 minutes 5 seconds" */
const char *format_length(int64_t us, char out[FORMAT_ROOM]);
/* Place in a video: "0:03.067" */
const char *format_offset(int64_t us, char out[FORMAT_ROOM]);
/* "2.2 MB (2 214 880 bytes)" without the bracket: "2.2 MB" */
const char *format_bytes(int64_t bytes, char out[FORMAT_ROOM]);
/* Degrees: "56.950123° north"; lon: "east" and "west" */
const char *format_degrees(double deg, bool lon, char out[FORMAT_ROOM]);
/* "-56.950123", six digits, whatever the locale */
const char *format_decimal(double deg, char out[FORMAT_ROOM]);
/* "Front camera"; camera "" is "Camera" */
const char *format_camera(const struct report_clip *clip, char out[FORMAT_ROOM]);
/* Names the i-th of its kind, from 1: "file-3" */
const char *format_anchor(const char *kind, size_t i, char out[FORMAT_ROOM]);
/* "video", "photo" */
const char *format_kind(const struct report_clip *clip);

#endif
