/*
 * workplace: a ROOT in a directory of its own, and the command that works there until it is told to
 * end (`receive`, `run`). The test configures it. Everything fails the running test on error.
 */
#ifndef TESTS_WORKPLACE_H
#define TESTS_WORKPLACE_H

#include "support/proc.h"

struct workplace {
    char *dir;
    char root[512], log[512], address[128];
    struct proc service;
};

/* For cmocka: *state is a struct workplace. Nothing runs, and nothing is in ROOT yet. */
int workplace_set_up(void **state);
int workplace_tear_down(void **state);

/* `binary --root ROOT command`, which writes its log to w->log; proc_stop() the service. */
void workplace_start(struct workplace *w, const char *binary, const char *command);

/* Waits until it takes connections of cameras, at w->address. */
void workplace_listens(struct workplace *w);

#endif
