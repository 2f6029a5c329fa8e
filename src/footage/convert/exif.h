/*
 * exif: the Exif block of a photo: a TIFF file in an APP1 segment (CIPA DC-008-2019, 4.5 and 4.6).
 * Pure; the bytes may be hostile.
 *
 * Reading: IFD0, its Exif IFD and its GPS IFD. A block whose header or IFD0 does not hold is broken
 * as a whole; an entry that points outside, has no legal type or comes twice is left out and
 * counted in `damaged`.
 *
 * Writing: the old bytes stay where they are, so that what points into them (thumbnail, maker note,
 * interoperability) still does; the three directories are written anew behind them.
 */
#ifndef CONVERT_EXIF_H
#define CONVERT_EXIF_H

#include "dashspool/buf.h"
#include "dashspool/media.h"

#define EXIF_ENTRIES_MAX 200         /* of one directory; phones write up to 50 */
#define EXIF_BYTES_MAX   (65535 - 2) /* of a segment's payload */
#define EXIF_HEAD        "Exif\0"    /* and the 0 that ends the string */
#define EXIF_HEAD_BYTES  ((size_t)sizeof EXIF_HEAD)

enum { EXIF_TAG_DESCRIPTION = 0x010e, EXIF_TAG_ORIENTATION = 0x0112 }; /* of IFD0 */

enum exif_dir { EXIF_IFD0, EXIF_PHOTO, EXIF_GPS, EXIF_N_DIRS };

enum exif_type {
    EXIF_BYTE = 1,
    EXIF_ASCII,
    EXIF_SHORT,
    EXIF_LONG,
    EXIF_RATIONAL,
    EXIF_UNDEFINED = 7
};

struct exif_entry {
    uint16_t tag, type;
    uint32_t count;
    const uint8_t *value; /* n bytes, in the block's byte order */
    size_t n;
    uint32_t offset; /* of the value in the old bytes; unused if n <= 4 or fresh */
    bool fresh;      /* set since: the value is in `scratch` */
};

struct exif {            /* {0}: an empty block */
    const uint8_t *tiff; /* borrowed; NULL: none yet */
    size_t n;
    bool big; /* byte order "MM" */
    struct {
        struct exif_entry entry[EXIF_ENTRIES_MAX];
        int n;
    } dir[EXIF_N_DIRS];
    uint32_t thumbnail_at; /* IFD1, or 0 */
    int damaged;
    uint8_t scratch[2048]; /* values set since */
    size_t used;
};

/* Reads a segment's payload behind EXIF_HEAD; borrows it. False, with the reason, if it is broken:
 * then *out is empty. */
bool exif_parse(struct exif *out, const uint8_t *tiff, size_t n, const char **why);

/* NULL: there is none. */
const struct exif_entry *exif_find(const struct exif *e, enum exif_dir dir, uint16_t tag);
int exif_orientation(const struct exif *e); /* 1..8; 1 where there is none */

/* Number i of a BYTE, SHORT or LONG entry, or of the halves of a RATIONAL one; 0 beyond. */
uint32_t exif_number(const struct exif *e, const struct exif_entry *entry, uint32_t i);

/* Sets an entry: numbers, n of them (of RATIONAL: 2 for each), or a text. */
void exif_set_numbers(struct exif *e, enum exif_dir dir, uint16_t tag, enum exif_type type,
                      const uint32_t *number, uint32_t n);
void exif_set_text(struct exif *e, enum exif_dir dir, uint16_t tag, const char *text);

/* Appends EXIF_HEAD and the block to out. ERR_LIMIT if it does not fit into one segment. */
int exif_write(const struct exif *e, struct buf *out, struct err *err) DS_MUST_CHECK;

/* What is known of the transfer, for a picture of this size. Sets Software; Make and
 * Model if a camera is named; UserComment with transfer, IMEI and camera; the position; the time
 * (without a zone: UTC; a version of Exif below 2.31 is raised to 2.32, which knows zones). In an
 * empty block also Orientation 1 and what DC-008 makes mandatory. */
void exif_set_facts(struct exif *e, const struct media_facts *facts, int width_px, int height_px);

#endif
