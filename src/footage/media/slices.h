/*
 * slices: what the coded pictures are, whatever container they are in: SHA-256 over the payloads
 * (from the header byte on; start codes, lengths and trailing zeros left out) of the slice NAL
 * units (types 0..31) in decoding order, one behind the other.
 */
#ifndef MEDIA_SLICES_H
#define MEDIA_SLICES_H

#include "media.h"

/* … of the pictures from m->first on: those that a working copy has. */
int slices_of_master(const struct media *m, char out[HASH_HEX_ROOM], struct err *err) DS_MUST_CHECK;

/* … of a sample of an MP4: NAL units with 4-byte lengths (hvcC as libavformat writes it). False:
 * they are broken. */
bool slices_add_sample(struct hash *h, const uint8_t *p, size_t n);

#endif
