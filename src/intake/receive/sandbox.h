/* sandbox: what the receiver gives away before it listens to anybody: root's rights, files outside
 * of ROOT, system calls. */
#ifndef DASHSPOOL_RECEIVE_SANDBOX_H
#define DASHSPOOL_RECEIVE_SANDBOX_H

#include "dashspool/cfg.h"

/* Becomes the user and its groups; "" changes nothing, and only root can. ERR_CONFIG for a user
 * that does not exist. */
int guard_drop(const char *user, struct err *err) DS_MUST_CHECK;

/* Shuts the process in: ROOT to read and write, the directories of the files that SIGHUP reads
 * again to read. What the kernel does not have is logged. Before the first thread. */
int guard_enter(const char *root, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

#endif
