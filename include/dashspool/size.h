/*
 * size: an amount of bytes as people read it, "2.1 MB" (SI units: 1 MB is 1 000 000 bytes).
 */
#ifndef DASHSPOOL_SIZE_H
#define DASHSPOOL_SIZE_H

#include <stdint.h>

#define SIZE_TEXT_ROOM 24

/* Returns out. From "999 B" and "1.0 kB" to "9223.4 PB"; less than 0 is not known, "?". */
const char *size_text(int64_t bytes, char out[SIZE_TEXT_ROOM]);

#endif
