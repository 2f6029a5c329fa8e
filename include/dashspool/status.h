/*
 * status: what a ROOT is doing, what is stuck, why, and what to do; at one moment, for a person, a
 * program and Prometheus. It only looks: nothing is made in ROOT, the catalogue is read-only, and
 * what is locked is asked for an instant. What cannot be read is itself something to tell, and no
 * failure. Everything below ROOT is hostile: texts are made printable when they are read.
 *
 * Its sources: ROOT/catalogue.db; the spool's directories; run.lock and run.json (of `run`, which
 * leaves in it when it ended); receive.json (of `receive`); the sizes of raw/<day>.db; /proc; the
 * configuration. With 10 000 jobs and
 * 100 000 transfers it takes 0.3 s.
 *
 * `trouble`, each with what to do: a receiver or `run` that died, hangs, or was stopped by a signal
 * (SIGSTOP); a `run` that ended cleanly and was not started again, for such a ROOT takes no footage
 * (one where `run` never was is somebody's folder); a worker that is stopped, or works at one job
 * for far longer than its stage allows; a camera that was silent for longer than [status] allows; a
 * sweep or fsck that found problems, a clock that sweep doubts; a stage that ended and
 * waits for its next start; jobs that failed; jobs that wait for longer than an hour with nobody at
 * them; transfers that are stored and not queued; too little space, too few inodes, a disk that is
 * read-only; a catalogue or a file that cannot be read; a key or token that everybody can read, a
 * certificate of ours that has expired, or will within STATUS_CERTIFICATE_DAYS.
 *
 * JSON, all times RFC 3339 in UTC or null, sizes in bytes:
 *
 *   version, root, at
 *   trouble    [{what, advice, about: parts jobs cameras upkeep disk other, said: {what, advice}}];
 *              said: of each a format and its values, ["%s: failed jobs: %lld", "convert", "3"], or
 *              the text alone: for who says it in another language
 *   run        {state: running stopped dead, pid, since, stopped (when it ended cleanly), frozen}
 *   receiver   {state: running stopped dead stuck, pid, frozen, started, updated, listens [],
 * connections, receiving, taken, refused, bytes, rate (a second), trouble, jobs_waiting (stored
 *               transfers that have no job yet), jobs_trouble (why), site: null (this machine
 * alone), or {ack: site local, files, bytes (that wait for the site), oldest, accepted, last,
 *               trouble (why nothing is handed on), full (why cameras are refused)}}
 *   stages     [{stage, kind: receive convert exec other, enabled, known, workers,
 *                processes [{name, pid (0: not now), since, waits_until, ended, how,
 *                            ends_of_the_day, frozen}],
 *                working   [{job, pid (0: not known), since, attempt, alive, frozen, stuck}]}]
 *   jobs       {STAGE: {ready, waiting, claimed, failed, ages {ready [], waiting [], …}}}: numbers
 *   age_limits_s
 *              what these count: younger than the first, … the last but one, and older
 *   transfers  {receiving, stored, partial, unpublished, bytes}
 *   cameras    {known, of_the_hour, of_the_day, left_out, overdue,
 *               list [{imei, camera, last, max_silence_s, overdue}],
 *               unheard [{imei, max_silence_s}]}: the latter are expected, and never came
 *   upkeep     {sweep, fsck, backup: {at, ok, text} or null (never), clock_doubted}
 *   certificates [{setting, path, from, until, days_left}]
 *   incoming   {n, rate, list [{id, imei, camera, kind, bytes, total, rate, since, quiet_s,
 *               left_s}]}
 *   disk       {bytes, free, raw, archive, archive_exact, spool, packages, a_day, days_left,
 *               min_free, warn_free, delete_free}; null: not known
 *   errors     [{kind: job transfer refusal restart, stage, what, n, last, example, advice}]:
 *              of the last day, by reason, the last first
 *   oldest     {id, stage, since, why, advice} or null; a partial transfer if nothing else is
 *              unfinished
 */
#ifndef DASHSPOOL_STATUS_H
#define DASHSPOOL_STATUS_H

#include "dashspool/buf.h"
#include "dashspool/cfg.h"
#include <stdbool.h>

struct status;

#define STATUS_CERTIFICATE_DAYS 14 /* left: time enough to get another */

/* [status]: how long cameras may be silent. */
extern const struct cfg_section status_cfg_section;

/* ERR_NOTFOUND: there is no ROOT, or nothing of ours in it; ERR_CONFIG, ERR_NOMEM. *out is the
 * caller's. */
int status_collect(struct status **out, const char *root, const struct cfg *cfg,
                   struct err *err) DS_MUST_CHECK;
void status_free(struct status **s);

/* How many there are. */
size_t status_troubles(const struct status *s);

/* Each appends text in UTF-8 that ends with a newline. */
int status_json(const struct status *s, bool compact, struct buf *out,
                struct err *err) DS_MUST_CHECK;

struct status_screen {
    int columns, rows; /* 0: as many as it takes */
    bool colour;       /* ANSI */
};
int status_text(const struct status *s, const struct status_screen *screen, struct buf *out,
                struct err *err) DS_MUST_CHECK;

/* Prometheus' text format 0.0.4. All names begin with dashspool_. Of more than
 * STATUS_CAMERA_METRICS cameras the others have no metric (dashspool_cameras_left_out). */
#define STATUS_CAMERA_METRICS 2000
int status_prometheus(const struct status *s, struct buf *out, struct err *err) DS_MUST_CHECK;

/* … into a file, whole or not at all, for everybody to read. ERR_CONFIG: its name does not end in
 * .prom, as node_exporter's textfile collector wants it. */
int status_prometheus_file(const struct status *s, const char *path, struct err *err) DS_MUST_CHECK;

#endif
