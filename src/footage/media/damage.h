/*
 * damage: what of a master is not as the camera made it. First what the bytes tell (cheap, nothing
 * is decoded), then what a decoder adds. Findings are in m->picture[].state and why, m->hole[] and
 * m->damage.
 */
#ifndef MEDIA_DAMAGE_H
#define MEDIA_DAMAGE_H

#include "media.h"

/* Its own bytes are broken; the first reason counts. `why` is static text. */
void damage_mark(struct media_picture *p, const char *why);

/* The same bytes as another picture of its period. */
void damage_mark_repeat(struct media_picture *p);

/* Pictures are missing (lost > 0), or the camera dropped some, before picture `before`, since the
 * one at from_us. Called in time order. */
int damage_add_hole(struct media *m, int64_t before, int64_t lost, int64_t from_us,
                    struct err *err) DS_MUST_CHECK;

/* Looks at all pictures, sound records, sequence numbers and times; called once, with times and
 * m->first known. ERR_NOMEM. */
int damage_find(struct media *m, struct err *err) DS_MUST_CHECK;

/* The decoder complained about picture `index` in the words `said` (NULL: no picture came out of
 * it). A reference that is missing makes it MEDIA_AFFECTED, anything else MEDIA_DAMAGED. Behind the
 * last of these calls, damage_settle(). */
void damage_from_decoder(struct media *m, int64_t index, const char *said);

/* Spreads MEDIA_AFFECTED from the causes to the next key pictures, and counts anew. */
void damage_settle(struct media *m);

/* The whole picture comes a second time: the decoder refuses it, and nothing is lost by that. */
bool damage_is_repeat(const struct media_picture *p);

/* What was found, as a part of the one line of warning; once, when nothing more is looked for. */
void damage_warn(struct media *m);

/* Something is wrong with the file. (A late start alone is counted, too: something was there.) */
bool damage_any(const struct media_damage *d);

#endif
