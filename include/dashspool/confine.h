/*
 * confine: convert_file(), media_slices() and media_recordings() in a process that can do no harm.
 * FFmpeg parses hostile bytes, so each file is read in a child of its own, forked from this program
 * executed anew
 * (/proc/self/exe convert-child; once, for all children), with a clean environment, no descriptors
 * of ours, and core/sandbox around it. It reads the master, writes into the stage (a hidden
 * directory in out_dir), and sends a result that is treated as hostile too. The parent gives the
 * copies their names, or removes the stage.
 *
 *   confine_start ──► confine_step, as often as confine_fd() is readable ──► confine_finish
 *
 * The child dies with its parent, and at its wall-clock limit. A program that uses this runs
 * confine_child() when its first argument is CONFINE_COMMAND. Thread rule: a struct confine belongs
 * to one thread; the child also dies when the thread that started it ends.
 */
#ifndef DASHSPOOL_CONFINE_H
#define DASHSPOOL_CONFINE_H

#include "dashspool/convert.h"
#include "dashspool/sandbox.h"

#define CONFINE_COMMAND "convert-child"

struct confine_limits {
    int64_t memory_bytes; /* 0: none */
    int64_t file_bytes;   /* of all outputs; 0: 1 GiB and 64 times the master */
    int cpu_s;            /* over all threads; 0: the wall-clock limit on every core */
    int wall_s;           /* 0: 120 and 20 times the footage that the master's size lets expect */
};

/* timeout and memory_mib of the [convert] section. */
void confine_limits_from_cfg(const struct cfg *cfg, struct confine_limits *out);

struct confine;

/* Starts what the children of this process are forked from, beside it; the first conversion would
 * wait for that. Who cannot have it is told by that one. */
void confine_warm_up(void);

/* Starts a conversion; the texts and structs are not needed afterwards. */
int confine_start(struct confine **out, const char *path, const char *out_dir, const char *stem,
                  const struct media_facts *facts, const struct convert_options *options,
                  const struct confine_limits *limits, struct err *err) DS_MUST_CHECK;

/* To poll() for reading; valid until confine_finish(). */
int confine_fd(const struct confine *c);

/* How long poll() may wait at the most. */
int confine_wait_ms(const struct confine *c);

/* Takes what has come, without waiting, and ends a child that is over its time. False: there will
 * be no more, call confine_finish(). *done in 0..1. */
bool confine_step(struct confine *c, double *done);

/* The contract of convert_file(). Of a child that still runs: ends it, ERR_AGAIN. Always frees *c
 * and leaves no child and no stage. */
int confine_finish(struct confine **c, struct convert_result *result,
                   struct err *err) DS_MUST_CHECK;

/* The same for media_slices(), which writes nothing. Both ends fit confine_step() and the others
 * alike; a struct confine is finished by the function that belongs to its start. */
int confine_slices_start(struct confine **out, const char *path,
                         const struct confine_limits *limits, struct err *err) DS_MUST_CHECK;
int confine_slices_finish(struct confine **c, struct media_slices *out,
                          struct err *err) DS_MUST_CHECK;

/* media_recordings(), all at once. */
int confine_recordings(const char *path, const struct media_options *options,
                       const struct confine_limits *limits, int *out,
                       struct err *err) DS_MUST_CHECK;

/* A conversion, all at once, for who has nothing else to do. */
int confine_convert(const char *path, const char *out_dir, const char *stem,
                    const struct media_facts *facts, const struct convert_options *options,
                    const struct confine_limits *limits, convert_progress_fn *progress, void *arg,
                    struct convert_result *result, struct err *err) DS_MUST_CHECK;

/* Shuts the caller in, too, for good, so that what it parses itself can do no harm either: it reads
 * only these files and directories, its children only children_read, and both what is below
 * write_dirs, which must be there, and write only there (lists end with NULL). What it could still
 * start before (other programs, threads of them, connections) it cannot any more. The forkserver is
 * behind the same fences: a caller that was taken over cannot have it write, or read, anything
 * else. Called once, before the first child, and before the first hostile byte. */
int confine_guard(const char *stage, const char *const *reads, const char *const *children_read,
                  const char *const *write_dirs, struct sandbox_report *report,
                  struct err *err) DS_MUST_CHECK;

/* The life of the process that the children are forked from; the exit status. */
int confine_child(void);

#endif
