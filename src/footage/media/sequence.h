/*
 * sequence: what a row of sequence numbers tells about the pictures that carry them. Pure.
 */
#ifndef MEDIA_SEQUENCE_H
#define MEDIA_SEQUENCE_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

enum sequence_state {
    SEQUENCE_OK,
    SEQUENCE_TAKEN,     /* the number of another one: repeated, or wrong */
    SEQUENCE_DISPLACED, /* it belongs elsewhere */
    SEQUENCE_WRONG,     /* it belongs nowhere */
};

struct sequence_entry {
    uint32_t number;
    enum sequence_state state;
    int64_t twin; /* of SEQUENCE_TAKEN: index of the other one */
    int64_t lost; /* of SEQUENCE_OK: numbers missing right before it */
    bool repeat;  /* of SEQUENCE_TAKEN, the caller's: the same bytes as its twin */
};

/* Fills in all but the numbers. Right is what lies on the longest row of increasing numbers, so
 * that one wrong number condemns no other. ERR_NOMEM. */
int sequence_judge(struct sequence_entry *entry, int64_t n, struct err *err) DS_MUST_CHECK;

/* How many of entry[k].lost are not there under the number of another one either: of pictures right
 * before it, or of one right behind it that has its own number. */
int64_t sequence_lost(const struct sequence_entry *entry, int64_t n, int64_t k);

#endif
