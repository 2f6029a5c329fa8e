/*
 * size: amounts as people read them: "2.1 MB" (SI units: 1 MB is 1 000 000 bytes), "1 copy",
 * "2 copies".
 */
#ifndef DASHSPOOL_SIZE_H
#define DASHSPOOL_SIZE_H

#include <stdint.h>

#define SIZE_TEXT_ROOM 24

/* Returns out. From "999 B" and "1.0 kB" to "9223.4 PB"; less than 0 is not known, "?". */
const char *size_text(int64_t bytes, char out[SIZE_TEXT_ROOM]);

/* The noun for n of them: `one` if n is 1, else `many`. */
const char *size_plural(int64_t n, const char *one, const char *many);

/* A number with its noun, for "%lld %s". */
#define SIZE_COUNT(n, one, many) (long long)(n), size_plural((int64_t)(n), one, many)

#endif
