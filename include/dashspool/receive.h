/*
 * receive: the TCP server around wire_session, and the group commit behind it. One process, many
 * cameras, one event loop (libuv); all SQLite and spool work happens in one worker thread, a batch
 * at a time, so that a slow disk never stops the network and one fsync serves every camera.
 *
 * The order in which things become true (durable first, acknowledge second):
 *
 *     START ─► row `receiving` committed ─► RESUME is sent
 *     DATA  ─► chunks of all cameras, every commit_ms or commit_mib ─► raw/<day>.db committed
 *     last DATA ─► master sealed, committed ─► row `stored`, committed ─► 0009 is sent
 *             ─► job in spool/convert/new (and where else `after = receive` leads), durable
 *             ─► row marked published
 *
 * At the start what a crash left is put right: rows `receiving` become `stored` if their master is
 * sealed and `partial` if not, and stored rows without a job get one.
 *
 * Files touched: ROOT/catalogue.db, ROOT/raw, ROOT/spool. One receiver a ROOT: the second
 * is told so (ERR_BUSY; a lock on ROOT/raw).
 */
#ifndef DASHSPOOL_RECEIVE_H
#define DASHSPOOL_RECEIVE_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

/* The [receive] section. */
extern const struct cfg_section receive_cfg_section;

/* Tries what [receive] names: ports, certificate and key, allow-list, user. old: the settings that
 * a receiver runs with now, whose ports are busy because of it; NULL: any may be. ERR_CONFIG with
 * "file:line: key = value: …". */
int receive_try(const struct cfg *cfg, const struct cfg *old, struct err *err) DS_MUST_CHECK;

/* Receives below root until SIGTERM or SIGINT; then open transfers are kept as partials and all
 * that was taken is made durable. Prints "listening on HOST:PORT" to stderr when ready (port 0:
 * any). */
int receive_run(const char *root, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

#endif
