/* A job's way through the table: put, claimed, ended. */
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/site.h"
#include "dashspool/text.h"
#include "rows/rows.h"
#include "shared.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_BYTES_MAX = 256 * 1024, CLAIM_TRIES = 20 };

/* ---- put ---- */

struct putting {
    const char *stage;
    const struct spool_item *items;
    size_t n;
};

static int put_one(struct shared_db *db, const char *stage, const struct spool_item *item,
                   struct err *err)
{
    return shared_db_run(db, NULL, NULL, err,
                         "INSERT INTO job(stage, name, json, node) VALUES($1, $2, $3, $4)"
                         " ON CONFLICT DO NOTHING",
                         "ttbt", stage, item->job, item->json ? item->json : "", item->n,
                         item->here ? site_node(site_used()) : "");
}

int spool_put_rows(struct rows *rows, const char *stage, const struct spool_item *item,
                   struct err *err)
{
    struct rows_st *st = NULL;
    int rc = rows_prepare(rows, &st,
                          "INSERT INTO job(stage, name, json, node) VALUES(?1, ?2, ?3, '')"
                          " ON CONFLICT DO NOTHING",
                          err);
    if (rc == ERR_OK) {
        rows_bind_text(st, 1, stage);
        rows_bind_text(st, 2, item->job);
        rows_bind_blob(st, 3, item->json, item->n);
        rc = rows_run(st, NULL, err);
    }
    rows_finalize(&st);
    return rc;
}

static int put_all(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const struct putting *p = arg;
    (void)again;
    int rc = shared_schema(db, err);
    if (rc == ERR_OK && p->n == 1)
        return put_one(db, p->stage, p->items, err);
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, NULL, err, "BEGIN", "");
    for (size_t i = 0; rc == ERR_OK && i < p->n; i++)
        rc = put_one(db, p->stage, &p->items[i], err);
    return rc < 0 ? rc : shared_db_run(db, NULL, NULL, err, "COMMIT", "");
}

int shared_put_all(struct spool *s, const struct spool_item *items, size_t n, struct err *err)
{
    struct putting p = {s->stage, items, n};
    int rc = shared_db_do(put_all, &p, err);
    if (rc == ERR_OK)
        shared_hint(s);
    return rc;
}

/* ---- claim ---- */

/* The slot whose turn it is, and of its flow the oldest job, which takes it; the other one has that
 * one's turn. */
static const char claim_sql[] =
    "WITH slot AS MATERIALIZED (SELECT id, class, flow, turn FROM job"
    "  WHERE stage = $1 AND state = 1 AND node IN ('', $2)"
    "  ORDER BY class, turn, age_us, id LIMIT 1 FOR UPDATE SKIP LOCKED),"
    " mine AS MATERIALIZED (SELECT j.id, j.turn FROM slot, LATERAL (SELECT id, turn FROM job"
    "  WHERE stage = $1 AND state = 1 AND class = slot.class AND flow = slot.flow"
    "  AND node IN ('', $2) ORDER BY age_us, id LIMIT 1 FOR UPDATE SKIP LOCKED) j),"
    " other AS (UPDATE job SET turn = mine.turn FROM slot, mine"
    "  WHERE job.id = slot.id AND slot.id <> mine.id)"
    " UPDATE job SET state = 2, turn = slot.turn, fence = fence + 1, owner = $2, pid = $3,"
    "  lease_us = job_now() + $4, changed_us = job_now(), alone = NULL"
    " FROM slot, mine WHERE job.id = mine.id"
    " RETURNING job.id, job.fence, job.name, job.attempt, job.json, job.output, job.class,"
    "  job.flow, job.turn";

struct claiming {
    struct shared *s;
    struct shared_job *job;
    struct buf output;
    bool has_output;
};

static void end_job(struct spool_job *j)
{
    struct shared_job *job = shared_job_of(j);
    struct err unimportant;
    shared_lease_end(job);
    int rc = j->dir ? fsx_remove_tree(j->dir, &unimportant) : ERR_OK;
    (void)rc; /* a sweep does it */
}

static int read_bytes(const PGresult *r, int column, struct buf *out, struct err *err)
{
    size_t n;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)PQgetvalue(r, 0, column), &n);
    int rc = bytes ? buf_append(out, bytes, n, err) : err_nomem(err, "a job");
    PQfreemem(bytes);
    return rc;
}

static int read_claimed(struct claiming *c, struct shared_db *db, const PGresult *r,
                        struct err *err)
{
    struct spool_job *j = spool_job_new(sizeof *c->job, PQgetvalue(r, 0, 2));
    if (!j)
        return err_nomem(err, "a job");
    c->job = shared_job_of(j);
    j->end = end_job;
    j->attempt = (int)shared_db_int(r, 0, 3);
    c->job->id = shared_db_int(r, 0, 0);
    c->job->fence = shared_db_int(r, 0, 1);
    int rc = read_bytes(r, 4, &j->json, err);
    c->has_output = !PQgetisnull(r, 0, 5);
    if (rc == ERR_OK && c->has_output)
        rc = read_bytes(r, 5, &c->output, err);
    shared_took_turn(c->s, db, (int)shared_db_int(r, 0, 6), PQgetvalue(r, 0, 7),
                     shared_db_int(r, 0, 8));
    return rc;
}

static int read_due(struct shared *s, struct shared_db *db, struct err *err)
{
    PGresult *r = NULL;
    int rc = shared_db_run(db, &r, NULL, err,
                           "SELECT coalesce(min(due_us), 0) FROM job WHERE stage = $1 AND state = 0"
                           " AND due_us > job_now()",
                           "t", s->common.stage);
    if (rc == ERR_OK)
        s->common.due_us = shared_db_int(r, 0, 0);
    PQclear(r);
    return rc;
}

/* A ready one may have gone while it was looked at, and another one be there. */
static int try_claim(struct shared_db *db, void *arg, bool again, struct err *err)
{
    struct claiming *c = arg;
    struct shared *s = c->s;
    bool more = true;
    (void)again;
    int rc = shared_schema(db, err);
    for (int i = 0; rc == ERR_OK && !c->job && more && i < CLAIM_TRIES; i++) {
        PGresult *r = NULL;
        rc = shared_promote(s, db, &more, err);
        if (rc == ERR_OK)
            rc = shared_db_run(db, &r, NULL, err, claim_sql, "ttii", s->common.stage,
                               site_node(site_used()), (int64_t)getpid(),
                               site_lease_ms(site_used()) * 1000);
        if (rc == ERR_OK && PQntuples(r) == 1)
            rc = read_claimed(c, db, r, err);
        PQclear(r);
    }
    return rc == ERR_OK && !c->job ? read_due(s, db, err) : rc;
}

/* What keeps us from it is of this node: another one may do it. */
static int begin(struct claiming *c, struct err *err)
{
    struct spool_job *j = &c->job->common;
    struct err later;
    int rc = shared_lease_keep(c->job, err);
    if (rc == ERR_OK)
        rc = shared_lay_out(c->s, c->job, c->has_output ? buf_data(&c->output) : NULL,
                            c->output.used, err);
    if (rc == ERR_OK)
        rc = spool_job_check(j, err);
    if (rc < 0 && shared_requeue(&c->s->common, j, j->attempt, 1000, &later) < 0)
        err_wrap(err, "%s (%s)", j->name, later.text);
    return rc;
}

int shared_claim(struct spool *spool, struct spool_job **out, struct err *err)
{
    struct claiming c = {.s = shared_of(spool)};
    buf_init(&c.output, OUTPUT_BYTES_MAX);
    spool->due_us = 0;
    int rc = shared_db_do(try_claim, &c, err);
    if (rc == ERR_OK && c.job)
        rc = begin(&c, err);
    buf_clear(&c.output);
    struct spool_job *job = c.job ? &c.job->common : NULL;
    if (rc < 0)
        spool_job_free(&job);
    *out = job;
    return rc;
}

/* Its row is locked until the commit: neither a sweep nor a claim changes it before. */
static int hold_within(struct rows *rows, const struct shared_job *job, struct err *err)
{
    struct rows_st *st = NULL;
    int64_t n = 0;
    int rc = rows_prepare(rows, &st,
                          "UPDATE job SET lease_us = job_now() + ?3"
                          " WHERE id = ?1 AND fence = ?2 AND state = 2",
                          err);
    if (rc == ERR_OK) {
        rows_bind_int64(st, 1, job->id);
        rows_bind_int64(st, 2, job->fence);
        rows_bind_int64(st, 3, site_lease_ms(site_used()) * 1000);
        rc = rows_run(st, &n, err);
    }
    rows_finalize(&st);
    return rc == ERR_OK && n == 0 ? shared_lost_error(job, err) : rc;
}

int shared_hold(struct spool *s, struct spool_job *job, struct rows *within, struct err *err)
{
    (void)s;
    return within ? hold_within(within, shared_job_of(job), err)
                  : shared_lease_renew(shared_job_of(job), err);
}

bool shared_lost(struct spool_job *j)
{
    struct shared_job *job = shared_job_of(j);
    pthread_mutex_lock(&job->lock);
    bool lost = job->lost;
    pthread_mutex_unlock(&job->lock);
    return lost;
}

/* ---- its end ----
 *
 * An answer that was lost may have been to what was done: then it has been done with our fence.
 */

struct ending {
    struct spool *spool;
    struct shared_job *job;
    int state, attempt;
    int64_t later_us;
    const char *why;
    struct buf output;
    bool has_output;
    struct spool *const *next;
    size_t n_next;
    const struct spool_item *item;
};

static int lost(const struct ending *e, struct err *err)
{
    return shared_lost_error(e->job, err);
}

static int was_done(struct shared_db *db, const struct ending *e, bool again, struct err *err)
{
    PGresult *r = NULL;
    if (!again)
        return lost(e, err);
    int rc = shared_db_run(db, &r, NULL, err, "SELECT 1 FROM job_done WHERE id = $1 AND fence = $2",
                           "ii", e->job->id, e->job->fence);
    bool is = rc == ERR_OK && PQntuples(r) > 0;
    PQclear(r);
    return rc < 0 || is ? rc : lost(e, err);
}

#define DONE                                                                                     \
    "WITH gone AS (DELETE FROM job WHERE id = $1 AND fence = $2 AND state = 2 RETURNING id, "    \
    "stage,"                                                                                     \
    " name, attempt, fence, owner, pid, put_us, changed_us) INSERT INTO job_done SELECT gone.*," \
    " job_now() FROM gone"

static int end_done(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const struct ending *e = arg;
    int64_t n = 0;
    int rc = e->n_next > 0 ? shared_db_run(db, NULL, NULL, err, "BEGIN", "") : ERR_OK;
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, &n, err, DONE, "ii", e->job->id, e->job->fence);
    if (rc == ERR_OK && n == 0)
        return was_done(db, e, again, err);
    for (size_t i = 0; rc == ERR_OK && i < e->n_next; i++)
        rc = put_one(db, e->next[i]->stage, e->item, err);
    if (rc == ERR_OK && e->n_next > 0)
        rc = shared_db_run(db, NULL, NULL, err, "COMMIT", "");
    return rc;
}

static int make_room(struct shared_db *db, void *arg, bool again, struct err *err)
{
    (void)arg;
    (void)again;
    return shared_partitions(db, err);
}

static int finish(struct ending *e, struct err *err)
{
    int rc = shared_db_do(end_done, e, err);
    if (rc < 0 && shared_db_was("23514")) { /* no partition: nobody has swept for days */
        rc = shared_db_do(make_room, NULL, err);
        if (rc == ERR_OK)
            rc = shared_db_do(end_done, e, err);
    }
    return rc;
}

int shared_finish(struct spool *s, struct spool_job *job, struct err *err)
{
    struct ending e = {.spool = s, .job = shared_job_of(job)};
    return finish(&e, err);
}

int shared_hand_on(struct spool *s, struct spool_job *job, struct spool *const *next, size_t n,
                   const struct spool_item *item, struct err *err)
{
    struct ending e = {
        .spool = s, .job = shared_job_of(job), .next = next, .n_next = n, .item = item};
    int rc = finish(&e, err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        shared_hint(next[i]);
    return rc;
}

/* Back, or to those that failed. */
static int end_moved(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const struct ending *e = arg;
    int64_t n = 0;
    static const char sql[] =
        "UPDATE job SET state = $3, attempt = $4, due_us = job_now() + $5, why = $6,"
        " output = $7, fence = fence + 1, changed_us = job_now(), alone = NULL"
        " WHERE id = $1 AND fence = $2 AND state = 2";
    int rc =
        shared_db_run(db, NULL, &n, err, sql, "iiiiitb", e->job->id, e->job->fence,
                      (int64_t)e->state, (int64_t)e->attempt, e->later_us, e->why,
                      e->has_output ? (const void *)buf_data(&e->output) : NULL, e->output.used);
    if (rc < 0 || n > 0)
        return rc;
    if (!again)
        return lost(e, err);
    rc = shared_db_run(db, NULL, &n, err,
                       "UPDATE job SET why = why WHERE id = $1 AND fence = $2 + 1 AND state = $3"
                       " AND attempt = $4 AND why = $5",
                       "iiiit", e->job->id, e->job->fence, (int64_t)e->state, (int64_t)e->attempt,
                       e->why);
    return rc == ERR_OK && n == 0 ? lost(e, err) : rc;
}

/* The database takes characters only. */
static char *characters_of(const char *text)
{
    size_t n = strlen(text), used = 0;
    char *out = malloc(n + 1);
    uint32_t c;
    for (size_t left = n; out && left > 0;) {
        size_t is = utf8_next(text + n - left, left, &c), took = is > 0 ? is : 1;
        if (is > 0)
            memcpy(out + used, text + n - left, is);
        else
            out[used] = '?';
        used += took;
        left -= took;
    }
    if (out)
        out[used] = '\0';
    return out;
}

/* What the stage's command said, for a person; it is no reason to lose more. */
static void take_output(struct ending *e)
{
    char *path = NULL;
    struct err unimportant;
    buf_init(&e->output, OUTPUT_BYTES_MAX);
    e->has_output = e->job->common.dir &&
                    fsx_path(&path, &unimportant, "%s/output.txt", e->job->common.dir) == ERR_OK &&
                    fsx_read_file(path, &e->output, &unimportant) == ERR_OK;
    if (!e->has_output)
        buf_clear(&e->output);
    free(path);
}

static int move(struct ending *e, const char *why, struct err *err)
{
    char *text = characters_of(why);
    if (!text)
        return err_nomem(err, "a job's reason");
    e->why = text;
    take_output(e);
    int rc = shared_db_do(end_moved, e, err);
    buf_clear(&e->output);
    free(text);
    return rc;
}

int shared_requeue(struct spool *s, struct spool_job *job, int attempt, int64_t later_ms,
                   struct err *err)
{
    struct ending e = {.spool = s,
                       .job = shared_job_of(job),
                       .state = SHARED_WAITING,
                       .attempt = attempt,
                       .later_us = later_ms * 1000};
    int rc = move(&e, job->why, err);
    if (rc == ERR_OK && later_ms == 0)
        shared_hint(s);
    return rc;
}

int shared_fail(struct spool *s, struct spool_job *job, const char *reason, struct err *err)
{
    struct ending e = {
        .spool = s, .job = shared_job_of(job), .state = SHARED_FAILED, .attempt = job->attempt};
    return move(&e, reason, err);
}

/* ---- alone ---- */

struct wish {
    struct shared_job *job;
    const char *key;
    bool got;
};

static int wish_alone(struct shared_db *db, void *arg, bool again, struct err *err)
{
    struct wish *w = arg;
    int64_t n = 0;
    (void)again;
    int rc = shared_db_run(db, NULL, &n, err,
                           "UPDATE job SET alone = $3 WHERE id = $1 AND fence = $2 AND state = 2",
                           "iit", w->job->id, w->job->fence, w->key);
    w->got = rc == ERR_OK && n > 0;
    if (rc < 0 && shared_db_was("23505")) /* unique: somebody else has it */
        return ERR_OK;
    return rc == ERR_OK && n == 0 ? shared_lost_error(w->job, err) : rc;
}

int shared_alone(struct spool *s, struct spool_job *job, const char *key, bool here, bool *got,
                 struct err *err)
{
    char *whole = NULL;
    (void)s;
    int rc = fsx_path(&whole, err, "%s/%s", here ? site_node(site_used()) : "", key);
    struct wish w = {.job = shared_job_of(job), .key = whole};
    if (rc == ERR_OK)
        rc = shared_db_do(wish_alone, &w, err);
    free(whole);
    *got = w.got;
    return rc;
}
