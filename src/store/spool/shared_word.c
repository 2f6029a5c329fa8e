/* What became of jobs: the table job_word. */
#include "shared.h"
#include <string.h>

struct word {
    const char *stage, *job, *text;
    size_t n;
    struct buf *out;
    int64_t before_us;
};

static int put(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const struct word *w = arg;
    (void)again;
    int rc = shared_schema(db, err);
    return rc < 0 ? rc
                  : shared_db_run(db, NULL, NULL, err,
                                  "INSERT INTO job_word(stage, job, text) VALUES($1, $2, $3)"
                                  " ON CONFLICT (stage, job) DO UPDATE SET text = excluded.text,"
                                  " at_us = job_now()",
                                  "ttb", w->stage, w->job, w->text, w->n);
}

int shared_word_put(const char *root, const char *stage, const char *job, const char *text,
                    size_t n, struct err *err)
{
    struct word w = {.stage = stage, .job = job, .text = text, .n = n};
    (void)root;
    return shared_db_do(put, &w, err);
}

static int get(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const struct word *w = arg;
    PGresult *r = NULL;
    size_t n;
    (void)again;
    buf_consume(w->out, w->out->used);
    int rc =
        shared_db_run(db, &r, NULL, err, "SELECT text FROM job_word WHERE stage = $1 AND job = $2",
                      "tt", w->stage, w->job);
    if (rc == ERR_OK && PQntuples(r) == 0)
        rc = err_set(err, ERR_NOTFOUND, "nothing is known of job %s", w->job);
    unsigned char *text =
        rc == ERR_OK ? PQunescapeBytea((const unsigned char *)PQgetvalue(r, 0, 0), &n) : NULL;
    if (rc == ERR_OK)
        rc = text ? buf_append(w->out, text, n, err) : err_nomem(err, "a job's outcome");
    PQfreemem(text);
    PQclear(r);
    return rc;
}

int shared_word_get(const char *root, const char *stage, const char *job, struct buf *out,
                    struct err *err)
{
    struct word w = {.stage = stage, .job = job, .out = out};
    (void)root;
    return shared_db_do(get, &w, err);
}

static int sweep(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const struct word *w = arg;
    (void)again;
    int rc = shared_schema(db, err);
    return rc < 0 ? rc
                  : shared_db_run(db, NULL, NULL, err,
                                  "DELETE FROM job_word WHERE stage = $1 AND at_us < $2", "ti",
                                  w->stage, w->before_us);
}

int shared_word_sweep(const char *root, const char *stage, int64_t before_us, struct err *err)
{
    struct word w = {.stage = stage, .before_us = before_us};
    (void)root;
    return shared_db_do(sweep, &w, err);
}
