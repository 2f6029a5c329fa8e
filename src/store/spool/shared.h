/* spool, the engine of a site: a table of jobs, which any number of nodes share. */
#ifndef DASHSPOOL_SPOOL_SHARED_H
#define DASHSPOOL_SPOOL_SHARED_H

#include "engine.h"
#include "shared_db.h"
#include <pthread.h>

/* job.state. WAITING: it is not due yet, or nobody has seen it yet and knows its order. */
enum { SHARED_WAITING, SHARED_READY, SHARED_RUNNING, SHARED_FAILED };

/* A turn that this process knows of: of a flow the last one, of flow 0 that of its class. */
struct shared_turn {
    int class;
    uint64_t flow;
    int64_t turn;
};

struct shared {
    struct spool common;
    char *scratch;     /* ROOT/scratch/<stage> */
    struct buf turns;  /* struct shared_turn, without order */
    int64_t upkept_us; /* monotonic; when it last looked after partitions */
    int64_t hinted_us; /* likewise: when it last told the others of a job */
    PGconn *watch;     /* that listens; NULL: none */
};

/* A claimed job. Its lease is renewed by a thread, whatever its worker is doing. */
struct shared_job {
    struct spool_job common;
    int64_t id, fence;
    pthread_t renewer;
    bool renewed; /* there is one */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over, lost;
};

static inline struct shared *shared_of(struct spool *spool)
{
    return (struct shared *)(void *)spool;
}

static inline struct shared_job *shared_job_of(struct spool_job *job)
{
    return (struct shared_job *)(void *)job;
}

/* ---- shared_schema.c ---- */

/* The tables, made or brought up to date where that is needed. ERR_UNSUPPORTED: they are of a
 * newer version. */
int shared_schema(struct shared_db *db, struct err *err) DS_MUST_CHECK;
/* Room for the jobs that are done in the next days; what is older than SPOOL_DONE_DAYS goes, a day
 * at a time. */
int shared_partitions(struct shared_db *db, struct err *err) DS_MUST_CHECK;

/* ---- shared_order.c ---- */

/* Those that are due by now become ready, each with its turn. *more: there may be others. */
int shared_promote(struct shared *s, struct shared_db *db, bool *more,
                   struct err *err) DS_MUST_CHECK;
/* One was claimed that had this turn. */
void shared_took_turn(struct shared *s, struct shared_db *db, int class, const char *flow,
                      int64_t turn);

/* ---- shared_scratch.c ---- */

/* ROOT/scratch/<stage>/<job>.<fence>, with job.json and (if output is not NULL) output.txt. */
int shared_lay_out(const struct shared *s, struct shared_job *job, const void *output, size_t n,
                   struct err *err) DS_MUST_CHECK;
/* What those left whose worker is dead. */
int shared_sweep_scratch(const struct shared *s, struct err *err) DS_MUST_CHECK;

/* ---- shared_lease.c ---- */

int shared_lost_error(const struct shared_job *job, struct err *err); /* ERR_LOST */
/* From now on, once more. ERR_LOST. */
int shared_lease_renew(struct shared_job *job, struct err *err) DS_MUST_CHECK;
/* Until its end. ERR_AGAIN: there is no thread to be had. */
int shared_lease_keep(struct shared_job *job, struct err *err) DS_MUST_CHECK;
void shared_lease_end(struct shared_job *job);

/* ---- what the table of the engine has ---- */

int shared_put_all(struct spool *s, const struct spool_item *items, size_t n, struct err *err);
int shared_claim(struct spool *s, struct spool_job **out, struct err *err);
int shared_finish(struct spool *s, struct spool_job *job, struct err *err);
int shared_hand_on(struct spool *s, struct spool_job *job, struct spool *const *next, size_t n,
                   const struct spool_item *item, struct err *err);
int shared_requeue(struct spool *s, struct spool_job *job, int attempt, int64_t later_ms,
                   struct err *err);
int shared_fail(struct spool *s, struct spool_job *job, const char *reason, struct err *err);
int shared_alone(struct spool *s, struct spool_job *job, const char *key, bool here, bool *got,
                 struct err *err);
int shared_hold(struct spool *s, struct spool_job *job, struct rows *within, struct err *err);
bool shared_lost(struct spool_job *job);
int shared_watch(struct spool *s);
void shared_hint(struct spool *s);
int shared_sweep(struct spool *s, int *given_back, struct err *err);
int shared_count(struct spool *s, struct spool_count *out, struct err *err);
int shared_find(struct spool *s, const char *job, enum spool_place *out, struct err *err);
int shared_each(struct spool *s, enum spool_place place, spool_found_fn *fn, void *arg,
                struct err *err);
int shared_retry(struct spool *s, const char *job, struct err *err);
int shared_discard(struct spool *s, enum spool_place place, const char *job, struct err *err);
int shared_reclaim(struct spool *s, const char *job, struct err *err);
int shared_stages(const char *root, spool_stage_fn *fn, void *arg, struct err *err);
int shared_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
                  void *arg, struct err *err);
int shared_leases_lost(const char *stage, int64_t *n, int64_t *last_us, struct err *err);
int shared_word_put(const char *root, const char *stage, const char *job, const char *text,
                    size_t n, struct err *err);
int shared_word_get(const char *root, const char *stage, const char *job, struct buf *out,
                    struct err *err);
int shared_word_sweep(const char *root, const char *stage, int64_t before_us, struct err *err);
int shared_glance(const char *root, const char *stage, const char *job, struct buf *json,
                  struct spool_glance *out, struct err *err);

#endif
