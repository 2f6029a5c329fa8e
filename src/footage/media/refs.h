/*
 * refs: to which pictures each picture refers, by its slice header (H.265 7.3.6.1, 8.3.2), and
 * which of those are not there. Nothing is decoded.
 */
#ifndef MEDIA_REFS_H
#define MEDIA_REFS_H

#include "media.h"

/* Fills in m->ref and, of each picture from m->first on, ref_at, n_refs, lacks, blind and hidden.
 * Needs picture[].missing: behind a gap that may hide a key picture, no count is believed. */
int refs_find(struct media *m, struct err *err) DS_MUST_CHECK;

#endif
