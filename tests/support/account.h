/*
 * account: a clip, and what its tracker said of it, as records in the catalogue. Everything fails
 * the running test on error.
 */
#ifndef TESTS_ACCOUNT_H
#define TESTS_ACCOUNT_H

#include "support/catalogued.h"

#define ACCOUNT_IMEI    "352093081452251"
#define ACCOUNT_CRASH   3   /* of 499, and of the clip's metadata */
#define ACCOUNT_SAMPLES 100 /* of a record, at most */

/* A record at CATALOGUED_T0_US + at_ms; -1: that is not said. */
struct account_said {
    int64_t at_ms;
    int satellites, speed_kmh;
    int trigger, crash, counter; /* 499, 247, 317 */
    int samples;                 /* X counts from `first` on, Y is -1000, Z 1000 */
    int first;
    bool private_mode;
    int priority;
};

/* 9 satellites, 50 km/h, and nothing else. */
struct account_said account_drive(int64_t at_ms);

void account_say(const struct catalogued *f, const struct catalogue_transfer *t,
                 const struct account_said *s);
/* … and it is that of the clip's event. */
void account_say_event(const struct catalogued *f, const struct catalogue_transfer *t,
                       const struct account_said *s, int64_t difference_ms);

/* 10 s from CATALOGUED_T0_US on, its trigger at 5 s; it is stored. */
struct catalogue_transfer account_clip(const struct catalogued *f);

#endif
