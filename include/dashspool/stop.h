/*
 * stop: how a process is told to end. Three ways to hear of it: as something to poll for
 * (services), as a flag to look at now and then (commands that work through a list), and not at all
 * (what is started by us begins as if nobody had touched its signals).
 */
#ifndef DASHSPOOL_STOP_H
#define DASHSPOOL_STOP_H

#include "dashspool/err.h"
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct stop {
    int fd; /* to poll() for reading; -1: closed */
    bool told;
    int terminal; /* -1: none */
    const char *who;
    sigset_t before;
    bool reloads, reload, nohup;
};

/* From now on SIGINT, SIGTERM and (unless it is ignored: nohup) SIGHUP only make fd readable. When
 * the terminal is gone, SIGHUP says that we are to end; else somebody wants new settings to be
 * taken, and `who` (a log tag, borrowed) answers with a line that this needs a restart. */
int stop_open(struct stop *stop, const char *who, struct err *err) DS_MUST_CHECK;
void stop_close(struct stop *stop);

/* From now on SIGHUP by somebody makes stop_reload() say so, once, instead of that line; also where
 * it is ignored (nohup): then the terminal may go all the same. */
int stop_reloads(struct stop *stop, struct err *err) DS_MUST_CHECK;
bool stop_reload(struct stop *stop); /* after stop_requested() */

/* Were we told to end? Stays true. */
bool stop_requested(struct stop *stop);

/* Waits so long, or until we are told, or `fd` is readable (-1: none). */
void stop_wait(struct stop *stop, int fd, int64_t ms);

/* ---- a flag ----
 *
 * From stop_catch() to its stop_release() SIGINT, SIGTERM and SIGHUP are noted instead of ending
 * us, unless they are ignored (nohup, a shell's "&"): who closes the terminal leaves nothing
 * behind, either. System calls that wait end with EINTR. May be nested: what was noted stays noted
 * until the outermost one is released. For one thread of the process. */
void stop_catch(void);
int stop_caught(void); /* the signal; 0: none so far */
void stop_release(void);

/* Between fork() and exec(): every signal does what it does by default, and those of `blocked`
 * (NULL: none) are blocked. Calls only what is async-signal-safe. */
void stop_default_signals(const sigset_t *blocked);

#endif
