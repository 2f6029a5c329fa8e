/*
 * osd_text: what the overlay says. Pure.
 */
#ifndef CONVERT_OSD_TEXT_H
#define CONVERT_OSD_TEXT_H

#include "dashspool/convert.h"

#define OSD_LINES     2
#define OSD_LINE_ROOM 160

/* 2024-11-29 09:23:45.3 +02:00  54.70042° N  25.25000° E
 * front  crash  IMEI 350612071913857  viewing copy
 *
 * for a picture offset_us behind the first one; what: "viewing copy". The time is cut off, not
 * rounded, to 1/10 s: a picture never shows a time that had not come. */
void osd_text_lines(const struct convert_facts *facts, int64_t offset_us, const char *what,
                    char out[OSD_LINES][OSD_LINE_ROOM]);

/* Appends text that came from outside to out (room bytes) so that it is text and nothing else:
 * libass's { } and \ become ( ) and /, control characters and what is not UTF-8 become "?". */
void osd_text_plain(char *out, size_t room, const char *text);

#endif
