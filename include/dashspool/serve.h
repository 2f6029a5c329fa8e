/*
 * serve: pages for a browser: events to look at, to compare, to decide on, and to hand on.
 *
 *     /                   events, the newest first, as cards or (view=table) rows; of a choice:
 *                         ?q= &imei= &trigger= &cameras=front,rear &condition=damaged,…
 *                         &marks=protected,to-review,… &from= &to= (days of [ui] zone) &page=
 *     /event/ID           one of them, by the id of any of its transfers; the choice rides along
 *     /vehicles, /vehicle/IMEI, /map
 *     /requests           footage that was asked for, and the form that asks
 *     /upload …           files that people bring, piece by piece: upload.c
 *     /packages, /package/NAME
 *     /action (POST), /action/JOB
 *                         what people do, as jobs of `work` (actions.h), and what became of it
 *     /copy/ID/NAME       a copy; parts of it, too (Range)
 *     /original/ID        the master, checked against its hash while it goes; that it was shown is
 *                         an event of its custody
 *     /status, /status.json, /metrics
 *                         what runs, waits and is in trouble (status.h): for people, programs,
 *                         Prometheus
 *     /live               a stream: that something changed, and the numbers of the bar (live.c)
 *     /healthz            "ok", if the catalogue answers; without a token
 *     /login, /logout     of people and their tokens (POST; web.h)
 *     /assets/NAME        style, icons, scripts
 *
 * It cannot write the catalogue: whatever is to be written is a job in spool/action. Nothing of a
 * request becomes the name of a file but below ROOT/upload: IDs and names are looked up in the
 * catalogue. All but keys, stepping and what is live works without a script, and nothing comes from
 * elsewhere (Content-Security-Policy) but map tiles, where [ui] tiles names a host.
 *
 * Who may look, and do what: web.h and people.h. On the loopback without people everybody on this
 * computer may all, by its own names only (a page of another site cannot have the browser read it).
 *
 * A copy is handed out if its hash is that of its making, which is its ETag; it is read for that
 * once, and again when inode or times of the file have changed.
 *
 * Who is slow to ask makes room for who comes later, of one address and of all.
 *
 * One process, one thread (web.h); once it listens it reads ROOT, writes spool/action, upload and
 * access (sessions, who looked at what), and no more (sandbox.h).
 */
#ifndef DASHSPOOL_SERVE_H
#define DASHSPOOL_SERVE_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"

/* The [serve] section. */
extern const struct cfg_section serve_cfg_section;
/* [ui]: how the pages tell things to people. */
extern const struct cfg_section ui_cfg_section;

/* Tries what [serve] names: port and token, and whether there are people where it needs them. old:
 * as receive_try() has it. ERR_CONFIG with "file:line: key = value: …". */
int serve_try(const char *root, const struct cfg *cfg, const struct cfg *old,
              struct err *err) DS_MUST_CHECK;

/* Serves until SIGTERM or SIGINT. Prints "listening on HOST:PORT" to stderr when ready (port 0:
 * any). ERR_CONFIG: an address that is not the loopback without a token, or one that is none. */
int serve_run(const char *root, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;

#endif
