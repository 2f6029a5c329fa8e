/* fsck, from the archive's and the spool's side. */
#include "dashspool/fsx.h"
#include "dashspool/intake.h"
#include "files.h"
#include "fsck_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a copy ---- */

static const char make_again[] =
    "move it away, then export or convert again, or restore it from a backup";

static int step(void *arg, int64_t n, struct err *err)
{
    struct fsck *f = arg;
    f->out->hashed_bytes += n;
    return fsck_step(f, "copies", n, err);
}

static int compare_hash(struct fsck *f, const struct catalogue_copy *copy, const char *path,
                        struct err *err)
{
    char hex[HASH_HEX_ROOM];
    int rc = files_hash(path, step, f, hex, err);
    if (rc == ERR_OK && strcmp(hex, copy->sha256) != 0)
        fsck_problem(f, UPKEEP_COPY, copy->path, make_again,
                     "checksum mismatch: SHA-256 is %s, made as %s: it was changed", hex,
                     copy->sha256);
    return fsck_check(f, UPKEEP_COPY, copy->path, make_again, rc, err);
}

int fsck_copy(struct fsck *f, const char *id, const struct catalogue_copy *copy, struct err *err)
{
    char *path = NULL;
    struct stat st;
    f->out->copies++;
    if (!files_archived_ok(copy->path)) {
        fsck_problem(f, UPKEEP_COPY, id,
                     "restore catalogue.db from a backup, or run 'dashspool reindex'",
                     "'%.200s' is no place for a copy", copy->path);
        return ERR_OK;
    }
    int rc = fsx_path(&path, err, "%s/%s", f->root, copy->path);
    if (rc < 0)
        return rc;
    if (lstat(path, &st) < 0 && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(err, "look at %s", path);
    else if (lstat(path, &st) < 0)
        fsck_problem(f, UPKEEP_COPY, copy->path, make_again, "missing");
    else if (!S_ISREG(st.st_mode))
        fsck_problem(f, UPKEEP_COPY, copy->path, make_again, "not a regular file");
    else if (st.st_size != copy->length_bytes)
        fsck_problem(f, UPKEEP_COPY, copy->path, make_again,
                     "size mismatch: it has %" PRId64 " bytes, but %" PRId64
                     " were made: it was changed",
                     (int64_t)st.st_size, copy->length_bytes);
    else if (!f->quick)
        rc = compare_hash(f, copy, path, err);
    else
        rc = fsck_step(f, copy->path, copy->length_bytes, err);
    free(path);
    return rc;
}

/* ---- files that nobody knows ---- */

/* The name begins with an id: a worker may be about to record it. */
static bool is_being_made(const struct fsck *f, const char *path)
{
    const char *name = strrchr(path, '/');
    char id[CATALOGUE_ID_ROOM];
    struct spools_found jobs;
    struct err no_job;
    size_t n = strcspn(name ? name + 1 : path, ".");
    if (n >= sizeof id)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)n, name ? name + 1 : path);
    return spools_find(&f->spools, id, &jobs, &no_job) == ERR_OK && jobs.claimed;
}

static int look_at_file(void *arg, const char *path, const struct stat *st, struct err *err)
{
    struct fsck *f = arg;
    char id[CATALOGUE_ID_ROOM];
    int rc = catalogue_copy_owner(f->catalogue, path, id, err);
    if (rc != ERR_NOTFOUND)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    if (!is_being_made(f, path))
        fsck_problem(f, UPKEEP_FILE, path,
                     S_ISREG(st->st_mode) ? "delete it, or 'dashspool reindex' enters it"
                                          : "move it away",
                     "not in the catalogue");
    return ERR_OK;
}

int fsck_files(struct fsck *f, struct err *err)
{
    int rc = files_each(f->root, "archive", look_at_file, f, err);
    return fsck_check(f, UPKEEP_FILE, "archive", "inspect what is there", rc, err);
}

/* ---- jobs ---- */

static int tell_bad(void *arg, const char *stage, int rc, struct err *err)
{
    char where[SPOOL_NAME_ROOM + 16];
    snprintf(where, sizeof where, "spool/%s", stage);
    return fsck_check(arg, UPKEEP_JOB, where, "inspect what is there", rc, err);
}

int fsck_spools(struct fsck *f, struct err *err)
{
    return spools_open(&f->spools, f->root, tell_bad, f, err);
}

struct stage {
    struct fsck *f;
    const char *name;
};

static int look_at_job(void *arg, const struct spool_found *job, struct err *err)
{
    struct stage *s = arg;
    struct catalogue_transfer t;
    char where[300], id[CATALOGUE_ID_ROOM];
    s->f->out->jobs++;
    intake_job_id(job->job, id);
    int rc = catalogue_transfer_get(s->f->catalogue, id, &t, err);
    if (rc == ERR_NOTFOUND) {
        snprintf(where, sizeof where, "spool/%s: %s", s->name, job->job);
        fsck_problem(s->f, UPKEEP_JOB, where,
                     "run 'dashspool work', which moves it to failed, then drop it",
                     "no such transfer");
    }
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

static int look_at_stage(struct fsck *f, const struct spools_one *one, struct err *err)
{
    struct stage stage = {f, one->stage};
    char where[SPOOL_NAME_ROOM + 16];
    int64_t before = f->out->jobs;
    int rc = ERR_OK;
    for (enum spool_place p = SPOOL_PLACE_READY; rc == ERR_OK && p <= SPOOL_PLACE_FAILED; p++)
        rc = spool_each(one->spool, p, look_at_job, &stage, err);
    snprintf(where, sizeof where, "spool/%s", one->stage);
    if (f->out->jobs > before && !spools_configured(f->stages, one->stage))
        fsck_problem(
            f, UPKEEP_JOB, where, "restore the stage in pipeline.d, or delete that directory",
            "%" PRId64 " jobs of a stage that is not in the settings: nothing processes them",
            f->out->jobs - before);
    return fsck_check(f, UPKEEP_JOB, where, "inspect what is there", rc, err);
}

int fsck_jobs(struct fsck *f, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < f->spools.n; i++)
        rc = look_at_stage(f, &f->spools.one[i], err);
    return rc;
}
