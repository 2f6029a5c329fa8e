#include "archive_dir.h"
#include "dashspool/clock.h"
#include "dashspool/export.h"
#include "dashspool/log.h"
#include "dashspool/recipe.h"
#include "record.h"
#include "worker.h"
#include <math.h>
#include <poll.h>
#include <stdlib.h>

/* Until it is done, or we are told to end: then nothing of it is left. */
static int convert(struct worker *w, const struct catalogue_transfer *t, const char *master,
                   const char *dir, struct convert_result *result, struct err *err)
{
    struct media_facts facts;
    struct confine *c = NULL;
    double done;
    export_media_facts(t, &facts);
    int rc = confine_start(&c, master, dir, t->id, &facts, &w->options, &w->limits, err);
    if (rc < 0)
        return rc;
    while (!stop_requested(w->stop) && confine_step(c, &done)) {
        struct pollfd p[2] = {{.fd = confine_fd(c), .events = POLLIN},
                              {.fd = w->stop->fd, .events = POLLIN}};
        poll(p, 2, confine_wait_ms(c));
    }
    return confine_finish(&c, result, err);
}

static void tell(const struct worker *w, const struct catalogue_transfer *t,
                 const struct convert_result *r, double took_s)
{
    if (r->warning[0])
        log_warn(w->stage->name, "converted with warnings", LOG_TEXT("id", t->id),
                 LOG_TEXT("note", r->warning));
    bool film = r->container != MEDIA_JPEG;
    log_info(w->stage->name, "converted", LOG_TEXT("id", t->id), LOG_TEXT("kind", t->kind),
             LOG_INT_IF(film, "pictures", r->pictures),
             LOG_SECONDS("footage_seconds", film ? (double)r->duration_us / 1e6 : NAN),
             LOG_SECONDS("seconds", took_s));
}

int convert_work(struct worker *w, struct work *work, struct err *err)
{
    const struct catalogue_transfer *t = &work->transfer;
    struct convert_result result;
    char *master = NULL, *dir = NULL;
    int64_t began_us = clock_mono_us();
    int rc = worker_extract(w, work, &master, err);
    if (rc == ERR_OK)
        rc = archive_dir(w->root, t, &dir, err);
    if (rc == ERR_OK)
        rc = convert(w, t, master, dir, &result, err);
    if (rc == ERR_OK)
        rc = record_copies(w->catalogue, w->root, t, &w->options, &result, w->stage->name,
                           spool_job_attempt(work->job), err);
    if (rc == ERR_OK)
        tell(w, t, &result, (double)(clock_mono_us() - began_us) / 1e6);
    free(master);
    free(dir);
    return rc;
}

void convert_sweep(const struct worker *w, const struct work *work)
{
    char *dir = NULL;
    struct err unimportant;
    if (archive_dir(w->root, &work->transfer, &dir, &unimportant) == ERR_OK)
        workdir_sweep(dir, CONVERT_STAGE_PREFIX);
    free(dir);
}
