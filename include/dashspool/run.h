/*
 * run: keeps the enabled stages running, each as a process of its own (`receive`, and `work --stage
 * NAME` as often as it has workers). One that ends is started again, after a wait that grows while
 * it ends soon again; it stops no other.
 *
 *   SIGHUP    reads the settings again, and tries what they name (ports, files, folders …). Are
 * they bad in anything, nothing changes. Good ones: stages whose settings changed are ended and
 * started anew, new ones started, others ended; `receive`, `telemetry` and `serve`, if they stay,
 * get the SIGHUP, too (their lists of cameras, their certificates).
 *   SIGTERM   ends all of them within 10 s; running jobs are given back. SIGINT likewise.
 *
 * The processes run with the settings that were checked, as they were then: ROOT/run.d has them.
 * ROOT/run.lock is held meanwhile: a second run on the ROOT is told so (ERR_BUSY). ROOT/run.json
 * tells of each process since when it runs, how the last one ended and when the next is started.
 * [run] prometheus names a file that `dashspool status` keeps up to date. To systemd
 * (sd_notify(3), Type=notify) it tells when all run, when it reloads and when it ends, and keeps
 * its watchdog content as long as no stage is in trouble: no ten starts in a row that ended soon,
 * and a receiver that writes its status. load(arg, …) is for SIGHUP.
 */
#ifndef DASHSPOOL_RUN_H
#define DASHSPOOL_RUN_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

/* Reads the settings anew, checks them whole and tries what they name; *out is the caller's. old:
 * those that hold now. */
typedef int run_load_fn(void *arg, const struct cfg *old, struct cfg **out, struct err *err);

/* Tries what [run] and the commands of [exec NAME] name. ERR_CONFIG with "file:line: key = value:
 * …". */
int run_try(const char *root, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

int run_stages(const char *root, const struct cfg *cfg, run_load_fn *load, void *arg,
               struct err *err) DS_MUST_CHECK;

#endif
