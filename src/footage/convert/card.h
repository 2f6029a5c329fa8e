/*
 * card: says in the picture what is not as the camera made it. Where pictures are missing or do not
 * decode, the last one that was shown is held under a card in the middle; a picture that is
 * damaged, or refers to one that is, has a mark in a corner. So nobody takes a held picture for a
 * still scene, or a smear for something that was on the road.
 */
#ifndef CONVERT_CARD_H
#define CONVERT_CARD_H

#include "media/media.h"
#include "osd.h"

struct card;

/* For pictures of this size; the mark keeps out of the overlay's corner. *out is the caller's. */
int card_new(struct card **out, int width_px, int height_px, const struct convert_options *options,
             struct err *err) DS_MUST_CHECK;
void card_free(struct card **card);

/* PICTURE MISSING, for how long, and how many pictures (0: nobody knows). */
int card_missing(struct card *card, int64_t for_us, int64_t pictures, const struct osd_planes *p,
                 struct err *err) DS_MUST_CHECK;

/* DAMAGED PICTURE, or what refers to one; nothing for MEDIA_GOOD. */
int card_mark(struct card *card, enum media_state state, const struct osd_planes *p,
              struct err *err) DS_MUST_CHECK;

#endif
