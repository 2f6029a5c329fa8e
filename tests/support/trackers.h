/*
 * trackers: a tracker's link by hand, for tests of `dashspool telemetry`. Everything fails the
 * running test on error.
 */
#ifndef TESTS_TRACKERS_H
#define TESTS_TRACKERS_H

#include "dashspool/avl.h"
#include "support/world.h"

void tracker_say(int fd, const void *bytes, size_t n);

/* True: n bytes came; false: the server closed before the last of them. */
bool tracker_hear(int fd, uint8_t *out, size_t n);

/* The number of records comes. */
void tracker_is_answered(int fd, uint32_t n);
/* The server closes, and says nothing before; fd is closed. */
void tracker_is_closed(int fd);
/* Nothing waits to be read. */
void tracker_is_silent(int fd);

/* Connects, logs in, and hears this answer. */
int tracker_dial(const struct world *w, const char *imei, uint8_t answer);

#endif
