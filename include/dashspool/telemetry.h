/*
 * telemetry: the TCP server of trackers: their AVL connection (avl.h), beside receive.h, which is
 * the server of their cameras. One process, many trackers, one event loop; all SQLite work happens
 * in one worker thread, a batch at a time.
 *
 * The order in which things become true (durable first, acknowledge second):
 *
 *     login ─► on the allow-list? 01, else 00 and close
 *     frame ─► CRC, counts and record ends are right ─► all records of the batch committed
 *             (records.h) ─► the u32 answer: all of them, also those known already
 *             ─► the hooks of the batch: what else is to know of new records
 *     a request is due (requests.h) ─► `sent`, committed ─► the command is sent
 *             ─► its answer, the device's own words, committed
 *
 * A frame that is not right gets no answer, and the third in a row closes the link: the tracker
 * keeps its records and sends them again. While the disk is full or failing nothing is answered.
 * Codec 12, 13, 14 and 15 are never answered. The newest login of an IMEI wins.
 *
 * Who may log in is told by [receive] allow and learn: a tracker is the same on both ports.
 *
 * Files touched: ROOT/telemetry (records.h), ROOT/catalogue.db (requests.h), ROOT/telemetry.json
 * (what `status` tells of it). One such server a ROOT: the second is told so (ERR_BUSY; a lock on
 * ROOT/telemetry).
 */
#ifndef DASHSPOOL_TELEMETRY_H
#define DASHSPOOL_TELEMETRY_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

/* The [telemetry] section. */
extern const struct cfg_section telemetry_cfg_section;

/* Tries what [telemetry] names: ports, certificate and key, user. old: the settings that it runs
 * with now, whose ports are busy because of it; NULL: any may be. ERR_CONFIG with
 * "file:line: key = value: …". */
int telemetry_try(const struct cfg *cfg, const struct cfg *old, struct err *err) DS_MUST_CHECK;

/* Serves trackers below root until SIGTERM or SIGINT; then what was taken is made durable (who was
 * not answered sends it again). Prints "listening on HOST:PORT" to stderr when ready (port 0: any).
 */
int telemetry_run(const char *root, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

#endif
