/* stop: SIGTERM and SIGINT as something to poll for. */
#ifndef DASHSPOOL_STOP_H
#define DASHSPOOL_STOP_H

#include "dashspool/err.h"
#include <signal.h>
#include <stdint.h>

struct stop {
    int fd; /* to poll() for reading; -1: closed */
    bool told;
    sigset_t before;
};

/* From now on these two only make fd readable. */
int stop_open(struct stop *stop, struct err *err) DS_MUST_CHECK;
void stop_close(struct stop *stop);

/* Were we told to end? Stays true. */
bool stop_requested(struct stop *stop);

/* Waits so long, or until we are told. */
void stop_wait(struct stop *stop, int64_t ms);

#endif
