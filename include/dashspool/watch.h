/*
 * watch: takes footage from folders, for ever (import.h says how a file is taken).
 *
 * Events of the kernel (inotify) are hints, a scan of everything every scan_s is the truth: network
 * folders send no events, the queue of events overflows, a folder is made and filled before anybody
 * looks. Hints only make it quick.
 *
 * A file is taken when its size, mtime and inode, and those of what lies beside it, have not
 * changed for quiet_s, and its structure ends well; or, if that cannot be told or is not so, when
 * nothing has changed for patience_s: that is noted with it. Then it is kept, moved or removed,
 * the latter two only once its master is durable. What cannot be taken, and folders that cannot be
 * read, are told once, and again when they have changed.
 *
 * What is put down is hostile, and read in this process: once its store is open it can read the
 * folders, rename or remove there if files are to be moved or removed, and write to the raw store,
 * the spool and the catalogue; no network, no other process (sandbox.h). A folder that is replaced
 * by another one, or by a new disk, is then out of its reach: it ends, to be started again.
 *
 * Not looked at: what is hidden or still written by its name, links, ROOT, evidence packages, the
 * folder for what is done; copies of this program are known by their names and by what is in them.
 */
#ifndef DASHSPOOL_WATCH_H
#define DASHSPOOL_WATCH_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

/* The [watch] section. */
extern const struct cfg_section watch_cfg_section;

/* Watches n folders, with n 0 those of the setting `dirs`, until SIGTERM or SIGINT; what is being
 * taken is finished first. Prints "watching DIR" to stderr for each when ready. ERR_CONFIG: no
 * folder, one that is not there, or one inside of ROOT that is this program's own. ERR_AGAIN: a
 * folder was replaced. */
int watch_run(const char *root, const struct cfg *cfg, char *const *dir, int n,
              struct err *err) DS_MUST_CHECK;

/* Tries what [watch] names: its folders, and what is to be done in them. ERR_CONFIG with
 * "file:line: key = value: …". */
int watch_try(const char *root, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

/* min_free_mib of the settings, in bytes; import keeps to it, too. */
int64_t watch_free_bytes_min(const struct cfg *cfg);

#endif
