/* A claimed job, and what may be called one. */
#include "engine.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool spool_name_ok(const char *name, size_t room)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n < room && name[n] == '\0' && name[0] != '.';
}

int spool_check_name(const char *what, const char *name, struct err *err)
{
    if (spool_name_ok(name, SPOOL_NAME_ROOM))
        return ERR_OK;
    return err_set(err, ERR_MALFORMED,
                   "'%.40s' cannot name a %s: 1 to %d of A-Z a-z 0-9 . _ -, no dot in front", name,
                   what, SPOOL_NAME_ROOM - 1);
}

struct spool_job *spool_job_new(size_t size, const char *name)
{
    struct spool_job *job = calloc(1, size);
    if (!job)
        return NULL;
    job->lock = -1;
    job->attempt = 1;
    buf_init(&job->json, SPOOL_JOB_BYTES_MAX + 1);
    snprintf(job->name, sizeof job->name, "%s", name);
    return job;
}

void spool_job_free(struct spool_job **job)
{
    if (!*job)
        return;
    if ((*job)->end)
        (*job)->end(*job);
    if ((*job)->lock >= 0)
        close((*job)->lock);
    buf_clear(&(*job)->json);
    free((*job)->dir);
    free(*job);
    *job = NULL;
}

int spool_job_check(struct spool_job *job, struct err *err)
{
    if (job->json.used > SPOOL_JOB_BYTES_MAX || memchr(buf_data(&job->json), '\0', job->json.used))
        return err_set(err, ERR_MALFORMED, "%s/job.json is not a text of at most %d bytes",
                       job->dir, SPOOL_JOB_BYTES_MAX);
    return buf_append(&job->json, "", 1, err);
}

const char *spool_job_name(const struct spool_job *job)
{
    return job->name;
}

const char *spool_job_dir(const struct spool_job *job)
{
    return job->dir;
}

const char *spool_job_json(const struct spool_job *job)
{
    return (const char *)buf_data(&job->json);
}

int spool_job_attempt(const struct spool_job *job)
{
    return job->attempt;
}

int spool_job_lock(const struct spool_job *job)
{
    return job->lock;
}

void spool_job_because(struct spool_job *job, const char *why)
{
    snprintf(job->why, sizeof job->why, "%.*s", (int)strcspn(why, "\n"), why);
}
