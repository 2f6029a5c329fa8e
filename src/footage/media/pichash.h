/*
 * pichash: the decoded picture hash that an encoder may put behind a picture (SEI, H.265 D.2.19):
 * MD5, CRC or checksum of each plane, as it was when it was made. Pure.
 */
#ifndef MEDIA_PICHASH_H
#define MEDIA_PICHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct AVFrame;

enum pichash_kind { PICHASH_MD5, PICHASH_CRC, PICHASH_CHECKSUM };

struct pichash {
    enum pichash_kind kind;
    size_t bytes;          /* of one plane: 16, 2 or 4 */
    uint8_t plane[3 * 16]; /* one behind the other */
    size_t n;              /* bytes that are there */
};

/* Finds it in an access unit; false: there is none, or one that nobody specifies. */
bool pichash_find(const uint8_t *au, size_t n, struct pichash *out);

/* Whether the frame, which must not be cropped, is the picture that the encoder had. True also for
 * a pixel format that H.265 does not have, and for a CRC of samples of more than 8 bits, which
 * encoders do not agree on. */
bool pichash_fits(const struct pichash *hash, const struct AVFrame *frame);

#endif
