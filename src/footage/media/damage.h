/*
 * damage: what of a master is not as the camera made it. First what the bytes tell (cheap, nothing
 * is decoded), then what a decoder adds (examine.h). Findings are in m->picture[].state and why,
 * m->hole[] and m->damage.
 */
#ifndef MEDIA_DAMAGE_H
#define MEDIA_DAMAGE_H

#include "media.h"

/* Its own bytes are broken; the first reason counts. `why` is static text. */
void damage_mark(struct media_picture *p, const char *why);

/* Pictures are missing (lost > 0), or the camera dropped some, before picture `before`, since the
 * one at from_us. Called in time order. */
int damage_add_hole(struct media *m, int64_t before, int64_t lost, int64_t from_us,
                    struct err *err) DS_MUST_CHECK;

/* Looks at all pictures, sound records, sequence numbers and times; called once, with times and
 * m->first known. ERR_NOMEM. */
int damage_find(struct media *m, struct err *err) DS_MUST_CHECK;

/* What decoding shows of a picture that is damaged. */
enum damage_shown {
    DAMAGE_UNWRITTEN,
    DAMAGE_REFUSED,
    DAMAGE_NO_PICTURE,
    DAMAGE_OVERRUN,
    DAMAGE_HASH
};

/* Marks it, and returns why, as static text. Behind the last of these calls, damage_settle(). */
const char *damage_from_decoder(struct media *m, int64_t index, enum damage_shown what);

/* Spreads MEDIA_AFFECTED from the causes to all that refer to them, directly or not, and counts
 * anew. */
void damage_settle(struct media *m);

/* … to picture i alone, those before it being settled. */
void damage_settle_picture(struct media *m, int64_t i);

/* The whole picture comes a second time: the decoder refuses it, and nothing is lost by that. */
bool damage_is_repeat(const struct media_picture *p);

/* What was found, as a part of the one line of warning; once, when nothing more is looked for. */
void damage_warn(struct media *m);

/* Something of the footage is not there as it was. (A late start alone is counted, too: something
 * was there. A time that was repaired takes nothing from the pictures.) */
bool damage_any(const struct media_damage *d);

/* It ends early, and nothing else is wrong with it. */
bool damage_only_cut(const struct media *m);

/* Of plain H.265 whose POC grows by the same step almost always: where pictures are missing
 * (picture[].missing), which come twice, and where a period has lost its key picture. What is
 * missing at the end of a period, before its next key picture, POC does not tell; where pictures
 * are reordered, that goes for the last group of them. The records of a camera have numbers of
 * their own, and need none of this. */
int damage_find_missing(struct media *m, struct err *err) DS_MUST_CHECK;

/* ---- what a row of sequence numbers tells about the pictures that carry them; pure ---- */

enum sequence_state {
    SEQUENCE_OK,
    SEQUENCE_TAKEN,     /* the number of another one: repeated, or wrong */
    SEQUENCE_DISPLACED, /* it belongs elsewhere */
    SEQUENCE_WRONG,     /* it belongs nowhere */
};

struct sequence_entry {
    uint32_t number;
    enum sequence_state state;
    int64_t twin; /* of SEQUENCE_TAKEN: index of the other one */
    int64_t lost; /* of SEQUENCE_OK: numbers missing right before it */
    bool repeat;  /* of SEQUENCE_TAKEN, the caller's: the same bytes as its twin */
};

/* Fills in all but the numbers. Right is what lies on the longest row of increasing numbers, so
 * that one wrong number condemns no other. ERR_NOMEM. */
int sequence_judge(struct sequence_entry *entry, int64_t n, struct err *err) DS_MUST_CHECK;

/* How many of entry[k].lost are not there under the number of another one either: of pictures right
 * before it, or of one right behind it that has its own number. */
int64_t sequence_lost(const struct sequence_entry *entry, int64_t n, int64_t k);

#endif
