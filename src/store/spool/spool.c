/* The door: what both engines have in common, and which of them does the rest. */
#include "dashspool/site.h"
#include "engine.h"
#include <string.h>

static const struct spool_engine *engine(void)
{
    return site_used() ? &spool_shared : &spool_directories;
}

int spool_open(struct spool **out, const char *root, const char *stage, struct err *err)
{
    *out = NULL;
    int rc = spool_check_name("stage", stage, err);
    if (rc == ERR_OK)
        rc = engine()->open(out, root, stage, err);
    if (rc < 0)
        return rc;
    (*out)->engine = engine();
    memcpy((*out)->stage, stage, strlen(stage) + 1);
    return ERR_OK;
}

void spool_close(struct spool **spool)
{
    if (*spool)
        (*spool)->engine->close(*spool);
    *spool = NULL;
}

const char *spool_stage(const struct spool *spool)
{
    return spool->stage;
}

void spool_set_order(struct spool *spool, spool_order_fn *fn, void *arg)
{
    spool->order = fn;
    spool->order_arg = arg;
    if (spool->engine->order_changed)
        spool->engine->order_changed(spool);
}

void spool_on_aside(struct spool *spool, spool_aside_fn *fn, void *arg)
{
    spool->on_aside = fn;
    spool->on_aside_arg = arg;
}

int64_t spool_due_us(const struct spool *spool)
{
    return spool->due_us;
}

/* ---- put ---- */

static int check(const struct spool_item *item, struct err *err)
{
    int rc = spool_check_name("job", item->job, err);
    if (rc < 0)
        return rc;
    if (item->n > SPOOL_JOB_BYTES_MAX || memchr(item->json, '\0', item->n))
        return err_set(err, item->n > SPOOL_JOB_BYTES_MAX ? ERR_LIMIT : ERR_MALFORMED,
                       "job %s: job.json has %zu bytes; up to %d without NUL are allowed",
                       item->job, item->n, SPOOL_JOB_BYTES_MAX);
    return ERR_OK;
}

int spool_put_all(struct spool *spool, const struct spool_item *items, size_t n, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = check(&items[i], err);
    return rc < 0 || n == 0 ? rc : spool->engine->put_all(spool, items, n, err);
}

int spool_put(struct spool *spool, const char *job, const char *json, size_t n, struct err *err)
{
    struct spool_item item = {job, json, n, false};
    return spool_put_all(spool, &item, 1, err);
}

/* ---- a worker's ---- */

int spool_claim(struct spool *spool, struct spool_job **out, struct err *err)
{
    *out = NULL;
    return spool->engine->claim(spool, out, err);
}

int spool_watch(struct spool *spool)
{
    return spool->engine->watch(spool);
}

int spool_finish(struct spool *spool, struct spool_job **job, struct err *err)
{
    int rc = spool->engine->finish(spool, *job, err);
    spool_job_free(job);
    return rc;
}

int spool_hand_on(struct spool *spool, struct spool_job **job, struct spool *const *next, size_t n,
                  const char *json, size_t n_json, struct err *err)
{
    const struct spool_item item = {(*job)->name, json, n_json, false};
    int rc = check(&item, err);
    if (rc == ERR_OK)
        rc = spool->engine->hand_on(spool, *job, next, n, &item, err);
    if (rc == ERR_OK || rc == ERR_LOST)
        spool_job_free(job);
    return rc;
}

bool spool_job_lost(struct spool *spool, struct spool_job *job)
{
    return spool->engine->lost && spool->engine->lost(job);
}

int spool_job_alone(struct spool *spool, struct spool_job *job, const char *key, bool here,
                    bool *got, struct err *err)
{
    *got = false;
    return spool->engine->alone(spool, job, key, here, got, err);
}

int spool_job_hold(struct spool *spool, struct spool_job *job, struct rows *within, struct err *err)
{
    return spool->engine->hold ? spool->engine->hold(spool, job, within, err) : ERR_OK;
}

/* Only when it is freed is the lock free: whoever claims sees the job whole. */
static int requeue(struct spool *spool, struct spool_job **job, int attempt, int64_t later_ms,
                   struct err *err)
{
    int rc = spool->engine->requeue(spool, *job, attempt, later_ms, err);
    spool_job_free(job);
    return rc;
}

int spool_release(struct spool *spool, struct spool_job **job, int64_t later_ms, struct err *err)
{
    return requeue(spool, job, (*job)->attempt + 1, later_ms, err);
}

int spool_postpone(struct spool *spool, struct spool_job **job, int64_t later_ms, struct err *err)
{
    return requeue(spool, job, (*job)->attempt, later_ms, err);
}

int spool_unclaim(struct spool *spool, struct spool_job **job, struct err *err)
{
    return requeue(spool, job, (*job)->attempt, 0, err);
}

int spool_fail(struct spool *spool, struct spool_job **job, const char *reason, struct err *err)
{
    int rc = spool->engine->fail(spool, *job, reason, err);
    spool_job_free(job);
    return rc;
}

int spool_sweep(struct spool *spool, int *given_back, struct err *err)
{
    int count = 0, rc = spool->engine->sweep(spool, &count, err);
    if (given_back)
        *given_back = count;
    return rc;
}

/* ---- for people ---- */

int spool_count(struct spool *spool, struct spool_count *out, struct err *err)
{
    *out = (struct spool_count){0};
    return spool->engine->count(spool, out, err);
}

int spool_stages(const char *root, spool_stage_fn *fn, void *arg, struct err *err)
{
    return engine()->stages(root, fn, arg, err);
}

int spool_find(struct spool *spool, const char *job, enum spool_place *out, struct err *err)
{
    *out = SPOOL_PLACE_NONE;
    int rc = spool_check_name("job", job, err);
    return rc < 0 ? rc : spool->engine->find(spool, job, out, err);
}

int spool_each(struct spool *spool, enum spool_place place, spool_found_fn *fn, void *arg,
               struct err *err)
{
    return spool->engine->each(spool, place, fn, arg, err);
}

int spool_retry(struct spool *spool, const char *job, struct err *err)
{
    int rc = spool_check_name("job", job, err);
    return rc < 0 ? rc : spool->engine->retry(spool, job, err);
}

static int discard(struct spool *spool, enum spool_place place, const char *job, struct err *err)
{
    int rc = spool_check_name("job", job, err);
    return rc < 0 ? rc : spool->engine->discard(spool, place, job, err);
}

int spool_drop(struct spool *spool, const char *job, struct err *err)
{
    return discard(spool, SPOOL_PLACE_FAILED, job, err);
}

int spool_cancel(struct spool *spool, const char *job, struct err *err)
{
    return discard(spool, SPOOL_PLACE_READY, job, err);
}

int spool_reclaim(struct spool *spool, const char *job, struct err *err)
{
    int rc = spool_check_name("job", job, err);
    return rc < 0 ? rc : spool->engine->reclaim(spool, job, err);
}

int spool_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
                 void *arg, struct err *err)
{
    int rc = spool_check_name("stage", stage, err);
    return rc < 0 ? rc : engine()->survey(root, stage, reasons_us, fn, arg, err);
}

int spool_leases_lost(const char *root, const char *stage, int64_t *n, int64_t *last_us,
                      struct err *err)
{
    (void)root; /* it names the stores; in a site all of them are one */
    *n = *last_us = 0;
    int rc = spool_check_name("stage", stage, err);
    return rc < 0 || !engine()->leases_lost ? rc : engine()->leases_lost(stage, n, last_us, err);
}

static int check_job(const char *stage, const char *job, struct err *err)
{
    int rc = spool_check_name("stage", stage, err);
    return rc < 0 ? rc : spool_check_name("job", job, err);
}

int spool_word_put(const char *root, const char *stage, const char *job, const char *text, size_t n,
                   struct err *err)
{
    int rc = check_job(stage, job, err);
    return rc < 0 ? rc : engine()->word_put(root, stage, job, text, n, err);
}

int spool_word_get(const char *root, const char *stage, const char *job, struct buf *out,
                   struct err *err)
{
    int rc = check_job(stage, job, err);
    return rc < 0 ? rc : engine()->word_get(root, stage, job, out, err);
}

int spool_word_sweep(const char *root, const char *stage, int64_t before_us, struct err *err)
{
    int rc = spool_check_name("stage", stage, err);
    return rc < 0 ? rc : engine()->word_sweep(root, stage, before_us, err);
}

int spool_glance(const char *root, const char *stage, const char *job, struct buf *json,
                 struct spool_glance *out, struct err *err)
{
    *out = (struct spool_glance){.attempt = 1};
    int rc = check_job(stage, job, err);
    return rc < 0 ? rc : engine()->glance(root, stage, job, json, out, err);
}
