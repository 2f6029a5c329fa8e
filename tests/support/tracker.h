/*
 * tracker: records as trackers send them, for the tests of the store and of what reads it.
 * Everything fails the running test on error.
 */
#ifndef TESTS_TRACKER_H
#define TESTS_TRACKER_H

#include "dashspool/records.h"
#include "support/support.h"

#define TRACKER_IMEI "356307042441013"

/* What a record says beside its time; the rest of it is alike in all. */
struct tracker_says {
    int64_t time_ms;
    uint8_t priority;
    uint16_t event_id;
    int32_t longitude_e7, latitude_e7;
    uint8_t satellites;
    uint16_t speed_kmh;
    int ignition;      /* 239; as all of these: -1: it is not in the record */
    int front;         /* 498 */
    int private_mode;  /* 391 */
    int trigger;       /* 499 */
    uint64_t odometer; /* 16; so that records differ */
};

/* 11 satellites, 50 km/h, ignition on. */
struct tracker_says tracker_says(int64_t time_ms);

/* The bytes of such a record, Codec 8 Extended; *n: how many. The caller's (free). */
uint8_t *tracker_record(const struct tracker_says *says, size_t *n);

/* Stores it, as the tracker's own link does. */
void tracker_put(struct records *r, const char *imei, const struct tracker_says *says,
                 int64_t arrived_us);

/* A ROOT's identity, as intake_stores_opened() makes it, without a catalogue. */
void tracker_root(const char *root, uint8_t id);

#endif
