/*
 * sniff: tells what a file is by its bytes. Pure.
 */
#ifndef MEDIA_SNIFF_H
#define MEDIA_SNIFF_H

#include "dashspool/media.h"

/* n > 0. *out is MEDIA_ANNEXB also with the error that only parameter sets are missing.
 * ERR_MALFORMED, ERR_UNSUPPORTED with what it looks like instead. */
int sniff_bytes(const uint8_t *data, size_t n, enum media_container *out,
                struct err *err) DS_MUST_CHECK;

#endif
