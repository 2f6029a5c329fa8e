/*
 * refresh: streams that are whole some time behind their start, without a key picture. Cameras with
 * intra refresh code a column or a row of each picture anew, until all of it was; who starts in the
 * middle has a whole picture after one such turn.
 */
#ifndef MEDIA_REFRESH_H
#define MEDIA_REFRESH_H

#include "media.h"

/* Whether an access unit has a recovery point SEI (H.265 D.2.8): who starts with it has whole
 * pictures *poc_away further on in POC. */
bool refresh_point(const uint8_t *data, size_t head, int *poc_away);

struct refresh {
    int64_t first;  /* picture to start with; -1: there is none */
    int64_t mostly; /* the first of which most was coded anew; -1: not measured */
    int64_t whole;  /* the first that depends on nothing before `first`; `limit`: none does */
};

/* Looks for such a start before picture `limit` (the first key picture that decodes, or
 * n_pictures). A recovery point tells where to start; from when on pictures are whole is measured:
 * they come out the same, whatever stands in for the pictures that are not there. */
int refresh_find(struct media *m, int64_t limit, struct refresh *out,
                 struct err *err) DS_MUST_CHECK;

/* How m->first became a start without being a key picture, in words; "" where it is one. */
#define REFRESH_TEXT_ROOM 160
const char *refresh_text(const struct media *m, char out[REFRESH_TEXT_ROOM]);

#endif
