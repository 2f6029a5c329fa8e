/*
 * The inside of avl. From the ground up: codec.c (names, CRC, IMEI), record.c (records and
 * IO elements), frame.c (what is
 * around them), stream.c (frames out of a link), message.c (Codec 12 to 15), put.c (all of it
 * written), and beside them profile.c (what ids mean).
 */
#ifndef AVL_INTERNAL_H
#define AVL_INTERNAL_H

#include "dashspool/avl.h"
#include "dashspool/reader.h"

enum {
    WIDTHS = 5,      /* the groups of IO elements: 1, 2, 4, 8 bytes, and those with a length */
    HEAD_BYTES = 24, /* of a record, before its IO element: time, priority, GPS */
};
/* 0: each element has its length. */
extern const uint8_t avl_widths[WIDTHS];

/* How many bytes the fields of the IO element have. */
struct layout {
    uint8_t codec;
    uint8_t id, total, count;
    uint8_t groups; /* the first of avl_widths */
    bool generation;
};
/* NULL: no codec of records. */
const struct layout *avl_layout(uint8_t codec);

/* One record from the front of what is left; false: it is cut off. */
bool avl_record_read(uint8_t codec, struct rd *r, struct avl_record *out);

/* Exactly 15 digits. */
bool avl_imei_ok(const char *imei);
/* "000f" is read: 15 bytes that may be digits. */
bool avl_imei_read(const uint8_t *digits, char out[AVL_IMEI_ROOM]);

/* Types of messages, up to one of codec 0. */
struct message_type {
    uint8_t codec, type;
    enum avl_message_kind kind;
};
extern const struct message_type avl_message_types[];

enum { AVL_BCD_BYTES = 8 };

static inline bool avl_message_has_time(uint8_t codec)
{
    return codec == AVL_CODEC_13 || codec == AVL_CODEC_15;
}

static inline bool avl_message_has_imei(uint8_t codec)
{
    return codec == AVL_CODEC_14 || codec == AVL_CODEC_15;
}

/* n bytes at data for a terminal: what is not printable ASCII is \xNN; cut off with "...". */
const char *avl_bytes_text(const uint8_t *data, size_t n, char *out, size_t room);

#endif
