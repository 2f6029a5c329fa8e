/*
 * proc: runs programs, as a person does. Everything fails the running test on error.
 */
#ifndef TESTS_PROC_H
#define TESTS_PROC_H

#include "support/support.h"
#include <sys/types.h>

struct proc_result {
    int status; /* exit status; 128 + signal */
    struct buf out, err;
};

/* Runs to its end. argv is NULL-ended; argv[0] is looked up in PATH. proc_clear() the result. */
struct proc_result proc_run(const char *const argv[]);
void proc_clear(struct proc_result *r);

/* The same, of words without a NULL; and dashspool, in tests/e2e. */
#define PROC_RUN(...)        proc_run((const char *const[]){__VA_ARGS__, NULL})
#define DASHSPOOL(root, ...) PROC_RUN(DASHSPOOL_BINARY, "--root", root, __VA_ARGS__)

/* out and err as text, NUL-terminated in place. */
const char *proc_out(struct proc_result *r);
const char *proc_err(struct proc_result *r);

/* It ended with that status and said these words: somewhere, on stdout, on stderr. The result is
 * cleared. */
void expect(struct proc_result r, int status, const char *says);
void expect_out(struct proc_result r, int status, const char *says);
void expect_err(struct proc_result r, int status, const char *says);

/* A program that runs on; its stderr goes to a file. */
struct proc {
    pid_t pid;
    char log[512];
};
struct proc proc_start(const char *log, const char *const argv[]);

/* Waits until the log has a line that begins with `prefix`; returns the rest of that line in `out`.
 */
void proc_wait_for(const struct proc *p, const char *prefix, char *out, size_t room);

/* Sends signum (0: nothing) and waits for the end; the exit status, or 128 + signal. */
int proc_stop(struct proc *p, int signum);

/* Kills a program that has something to do again and again, each time later in its life, until one
 * comes to its end before: on a slow machine that takes more kills, but the whole life is met.
 *
 *   struct proc_killer k = proc_killer(seed, 50);
 *   while (proc_kill_later(&k, log, argv))
 *       …what it left…
 *   assert_true(k.killed > 5);
 */
struct proc_killer {
    int64_t us;  /* how long the next one lives */
    int percent; /* how much longer than the one before */
    int killed;
};
struct proc_killer proc_killer(uint64_t seed, int percent);

/* Starts it, and kills it unless it ends before. False: it did, with status 0. */
bool proc_kill_later(struct proc_killer *k, const char *log, const char *const argv[]);

bool proc_have(const char *program);

#endif
