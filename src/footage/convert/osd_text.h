/*
 * osd_text: what the overlay says. Pure.
 */
#ifndef CONVERT_OSD_TEXT_H
#define CONVERT_OSD_TEXT_H

#include "dashspool/convert.h"

#define OSD_LINES     4
#define OSD_LINE_ROOM 320

struct osd_context;

/* The words for a picture offset_us behind the master's first one; `picture` counts those that are
 * kept in the order in which they are shown, from 0 on ({picture} says one more); what: "viewing
 * copy". Lines that are not used are "". Without a template:
 *
 *   2024-11-29 09:23:45.3 +02:00  54.70042° N  25.25000° E  track
 *   front  crash  IMEI 350612071913857  viewing copy  T-02.35 s  48 km/h
 *
 * "track" marks a position that the camera did not tell; speed is there with a track only. Times
 * are cut off, not rounded, toward the past: a picture never shows a time that had not come. In a
 * redacted copy the first line begins with "REDACTED", whatever the template. */
void osd_text_at(const struct osd_context *c, int64_t offset_us, int64_t picture, const char *what,
                 char out[OSD_LINES][OSD_LINE_ROOM]);

/* The same with times in whole seconds, for subtitles. */
void osd_text_second(const struct osd_context *c, int64_t offset_us, int64_t picture,
                     const char *what, char out[OSD_LINES][OSD_LINE_ROOM]);

/* Appends text that came from outside to out (room bytes) so that it is one line of text: control
 * characters and what is not UTF-8 become "?". Cut between characters. */
void osd_text_plain(char *out, size_t room, const char *text);

#endif
