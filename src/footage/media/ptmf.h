/*
 * ptmf: reads the camera's container, a sequence of records (docs/ptmf.md, section 1). Pure: bytes
 * in memory in, borrowed payloads out. Damage is stepped over and counted, never an error: the
 * caller judges what is left.
 */
#ifndef MEDIA_PTMF_H
#define MEDIA_PTMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PTMF_HEADER_BYTES 36
#define PTMF_TIME_MAX     (UINT64_C(1) << 61) /* no clock: 73 000 years; room to calculate */

struct ptmf_record {
    char type; /* 'I' and 'P': one access unit; 'A': sound */
    int fps;   /* nominal */
    int width_px, height_px;
    uint32_t sequence;
    int64_t time_us;        /* since the camera started, as recorded; at most PTMF_TIME_MAX */
    size_t offset;          /* of the header in the data */
    const uint8_t *payload; /* borrowed; without the padding */
    size_t n;
    bool damaged; /* the next header came before the payload was over: bytes are missing */
};

struct ptmf {
    const uint8_t *data;
    size_t n, at;
    int64_t skipped_bytes; /* between records */
    size_t first_skip;     /* offset of the first skipped byte, if there is one */
    int64_t damaged;       /* records with missing bytes */
    int64_t cut_bytes;     /* of a last record that is not whole; it is not handed out */
    size_t cut_at;
};

struct ptmf ptmf_init(const uint8_t *data, size_t n);

/* The next record; false at the end. */
bool ptmf_next(struct ptmf *p, struct ptmf_record *out);

/* A plausible header at data[0], whatever follows it. *length (may be NULL): bytes of its payload,
 * behind the header. */
bool ptmf_header_ok(const uint8_t *data, size_t n, uint32_t *length);

#endif
