/*
 * template: the words of the overlay as a person wants them. Compiled once, filled in for every
 * picture. Pure.
 *
 *   {camera} {date} {time}\n{lat} {lon}   fields; "\n", typed or real, begins a new line
 *   {{ }}                                 literal braces
 */
#ifndef CONVERT_TEMPLATE_H
#define CONVERT_TEMPLATE_H

#include "osd_text.h"

#define TEMPLATE_BYTES_MAX 511 /* osd_template of the options */

enum template_field {
    TEMPLATE_DATE,
    TEMPLATE_TIME,
    TEMPLATE_ZONE,
    TEMPLATE_LAT,
    TEMPLATE_LON,
    TEMPLATE_CAMERA,
    TEMPLATE_IMEI,
    TEMPLATE_TRIGGER,
    TEMPLATE_T_MINUS,
    TEMPLATE_PICTURE,
    TEMPLATE_SPEED,
    TEMPLATE_NOTE,
    TEMPLATE_ID,
    TEMPLATE_N_FIELDS,
};
const char *template_field_name(enum template_field field); /* "date" … */

struct template_part {
    int field; /* enum template_field, or -1: literal text */
    int line, from;
};

struct template
{
    struct template_part part[TEMPLATE_BYTES_MAX + 1];
    int n;
    char text[2 * TEMPLATE_BYTES_MAX + 2]; /* literals, each with its end */
};

/* ERR_CONFIG for an unknown field, a brace without its partner, or too many lines, with the
 * position in characters from 1 on. */
int template_compile(struct template *out, const char *text, struct err *err) DS_MUST_CHECK;

bool template_uses(const struct template *t, enum template_field field);

/* value: what each field says. What is too long for a line is cut between characters. */
void template_format(const struct template *t, const char *const value[TEMPLATE_N_FIELDS],
                     char out[OSD_LINES][OSD_LINE_ROOM]);

#endif
