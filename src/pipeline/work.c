#include "dashspool/catalogue.h"
#include "dashspool/clock.h"
#include "dashspool/confine.h"
#include "dashspool/convert.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "dashspool/pipeline.h"
#include "dashspool/raw.h"
#include "dashspool/recipe.h"
#include "dashspool/sandbox.h"
#include "dashspool/spool.h"
#include "record.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct cfg_key keys[] = {
    {"retries", CFG_INT, "attempts", 1, 1000, "5",
     "attempts at a job that fails for a passing reason, before it goes to failed/"},
    {"poll_ms", CFG_INT, "ms", 10, 60000, "500", "how often to look for new jobs when idle"},
};
const struct cfg_section pipeline_cfg_section = {"work", keys, sizeof keys / sizeof *keys};

enum { SWEEP_EVERY_US = 60 * 1000000 };

struct worker {
    const char *root;
    struct convert_options options;
    struct confine_limits limits;
    struct catalogue *catalogue;
    struct raw *raw;
    struct spool *spool;
};

static volatile sig_atomic_t stop;

static void on_stop(int signum)
{
    (void)signum;
    stop = 1;
}

/* ---- one job ---- */

/* The id of job.json. */
static int job_id(const struct spool_job *job, char out[CATALOGUE_ID_ROOM], struct err *err)
{
    json_error_t why;
    json_t *root = json_loads(spool_job_json(job), JSON_REJECT_DUPLICATES, &why);
    const char *id = json_string_value(json_object_get(root, "id"));
    int rc = ERR_OK;
    if (!root)
        rc = err_set(err, ERR_MALFORMED, "job.json, line %d: %s", why.line, why.text);
    else if (!id || strlen(id) >= CATALOGUE_ID_ROOM)
        rc = err_set(err, ERR_MALFORMED, "job.json names no transfer (\"id\")");
    else
        snprintf(out, CATALOGUE_ID_ROOM, "%s", id);
    json_decref(root);
    return rc;
}

struct extract {
    int fd;
    struct hash *hash;
};

static int extract_chunk(void *arg, const void *data, size_t n, struct err *err)
{
    struct extract *x = arg;
    hash_update(x->hash, data, n);
    return fsx_write_all(x->fd, data, n, err);
}

/* The master into a file of the job's directory; its bytes are those that were received. */
static int extract_master(struct worker *w, const struct catalogue_transfer *t, const char *path,
                          struct err *err)
{
    struct extract x = {.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
    uint8_t digest[HASH_BYTES];
    char hex[HASH_HEX_ROOM];
    if (x.fd < 0)
        return err_sys(err, "create %s", path);
    int rc = hash_new(&x.hash, err);
    if (rc == ERR_OK)
        rc = raw_copy(w->raw, t->day, t->key, extract_chunk, &x, err);
    if (rc == ERR_OK)
        rc = hash_final(x.hash, digest, err);
    if (rc == ERR_OK) {
        hash_hex(digest, hex);
        if (strcmp(hex, t->sha256) != 0)
            rc = err_set(err, ERR_MALFORMED,
                         "master of %s in raw/%s.db has SHA-256 %s, but %s was received; restore "
                         "that file from a back-up",
                         t->id, t->day, hex, t->sha256);
    }
    hash_free(&x.hash);
    if (close(x.fd) < 0 && rc == ERR_OK)
        rc = err_sys(err, "close %s", path);
    return rc;
}

/* ROOT/archive/<imei>/<yyyy-mm-dd>: the UTC day of the clip, or of arrival when its time is not
 * known. */
static int archive_dir(const struct worker *w, const struct catalogue_transfer *t, char **out,
                       struct err *err)
{
    bool known = t->known & CATALOGUE_TIME_OK;
    struct clock_civil c = clock_civil_from_utc(known ? t->time_us : t->arrived_us, 0);
    int rc = fsx_path(out, err, "%s/archive/%s/%04d-%02d-%02d", w->root, t->imei, c.year, c.month,
                      c.day);
    return rc < 0 ? rc : fsx_mkdirs(*out, err);
}

static int convert_job(struct worker *w, const struct spool_job *job, struct err *err)
{
    char id[CATALOGUE_ID_ROOM];
    struct catalogue_transfer t;
    struct convert_facts facts;
    struct convert_result result;
    char *master = NULL, *dir = NULL;
    int rc = job_id(job, id, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_get(w->catalogue, id, &t, err);
    if (rc == ERR_OK)
        rc = fsx_path(&master, err, "%s/master.%s", spool_job_dir(job),
                      strcmp(t.kind, "photo") == 0 ? "jpg" : "h265");
    if (rc == ERR_OK)
        rc = extract_master(w, &t, master, err);
    if (rc == ERR_OK)
        rc = archive_dir(w, &t, &dir, err);
    if (rc < 0)
        goto out;
    recipe_facts(&t, &facts);
    int64_t began_us = clock_mono_us();
    rc = confine_convert(master, dir, t.id, &facts, &w->options, &w->limits, NULL, NULL, &result,
                         err);
    if (rc == ERR_OK)
        rc = record_copies(w->catalogue, w->root, &t, &w->options, &result, err);
    if (rc == ERR_OK && result.warning[0])
        log_warn("work", "%s: %s", t.id, result.warning);
    double took_s = (double)(clock_mono_us() - began_us) / 1e6;
    if (rc == ERR_OK && result.container == CONVERT_JPEG)
        log_info("work", "%s: photo, in %.2f s", t.id, took_s);
    else if (rc == ERR_OK)
        log_info("work", "%s: %lld pictures, %.1f s of footage, in %.1f s", t.id,
                 (long long)result.pictures, (double)result.duration_us / 1e6, took_s);
out:
    free(master);
    free(dir);
    return rc;
}

/* Does a claimed job and ends it, one way or another. */
static int work_job(struct worker *w, struct spool_job **job, int retries,
                    struct pipeline_tally *tally, struct err *err)
{
    struct err why = {0};
    char name[SPOOL_NAME_ROOM];
    snprintf(name, sizeof name, "%s", spool_job_name(*job));
    int rc = convert_job(w, *job, &why);
    if (rc == ERR_OK) {
        tally->done++;
        return spool_finish(w->spool, job, err);
    }
    if (err_is_temporary(rc) && spool_job_attempt(*job) < retries) {
        log_warn("work", "%s: attempt %d of %d: %s", name, spool_job_attempt(*job), retries,
                 why.text);
        return spool_release(w->spool, job, 0, err);
    }
    tally->failed++;
    log_error("work", "%s: failed: %s", name, why.text);
    return spool_fail(w->spool, job, why.text, err);
}

/* ---- the loop ---- */

static void worker_close(struct worker *w)
{
    catalogue_close(&w->catalogue);
    raw_close(&w->raw);
    spool_close(&w->spool);
}

static int worker_open(struct worker *w, const char *root, const struct cfg *cfg, struct err *err)
{
    *w = (struct worker){.root = root};
    convert_options_from_cfg(cfg, &w->options);
    confine_limits_from_cfg(cfg, &w->limits);
    w->options.overwrite = true; /* what an earlier attempt left */
    int rc = catalogue_open(&w->catalogue, root, true, err);
    if (rc == ERR_OK)
        rc = raw_open(&w->raw, root, err);
    if (rc == ERR_OK)
        rc = spool_open(&w->spool, root, "convert", err);
    if (rc < 0)
        worker_close(w);
    return rc;
}

static int sweep(struct worker *w, int64_t *swept_us, struct err *err)
{
    int given_back = 0;
    if (*swept_us && clock_mono_us() - *swept_us < SWEEP_EVERY_US)
        return ERR_OK;
    *swept_us = clock_mono_us();
    int rc = spool_sweep(w->spool, &given_back, err);
    if (rc == ERR_OK && given_back > 0)
        log_info("work", "%d jobs of a worker that ended are taken up again", given_back);
    return rc;
}

static void catch_signals(struct sigaction old[2])
{
    struct sigaction act = {.sa_handler = on_stop};
    sigemptyset(&act.sa_mask);
    stop = 0;
    sigaction(SIGTERM, &act, &old[0]);
    sigaction(SIGINT, &act, &old[1]);
}

int pipeline_work(const char *root, const struct cfg *cfg, bool once, struct pipeline_tally *tally,
                  struct err *err)
{
    struct worker w;
    struct sigaction old[2];
    struct sandbox_report sandbox;
    int64_t swept_us = 0;
    int retries = (int)cfg_int(cfg, pipeline_cfg_section.name, "retries");
    int poll_ms = (int)cfg_int(cfg, pipeline_cfg_section.name, "poll_ms");
    *tally = (struct pipeline_tally){0};
    int rc = worker_open(&w, root, cfg, err);
    if (rc < 0)
        return rc;
    sandbox_probe(&sandbox);
    if (sandbox.missing[0])
        log_warn("work", "conversions are less confined than they could be: %s", sandbox.missing);
    catch_signals(old);
    while (rc == ERR_OK && !stop) {
        struct spool_job *job = NULL;
        rc = sweep(&w, &swept_us, err);
        if (rc == ERR_OK)
            rc = spool_claim(w.spool, &job, err);
        if (rc == ERR_OK && job)
            rc = work_job(&w, &job, retries, tally, err);
        else if (rc == ERR_OK && once)
            break;
        else if (rc == ERR_OK)
            poll(NULL, 0, poll_ms); /* a signal ends it early */
    }
    sigaction(SIGTERM, &old[0], NULL);
    sigaction(SIGINT, &old[1], NULL);
    worker_close(&w);
    return rc;
}
