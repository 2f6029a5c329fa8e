/* fsck, from the archive's and the spool's side. */
#include "dashspool/fsx.h"
#include "dashspool/spool_upkeep.h"
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
    "move it away; an export of it makes it again, or restore it from a back-up";

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
        fsck_tell(f, CARE_COPY, copy->path, make_again,
                  "it has SHA-256 %s, but %s was made: it was changed", hex, copy->sha256);
    return fsck_judge(f, CARE_COPY, copy->path, make_again, rc, err);
}

int fsck_copy(struct fsck *f, const char *id, const struct catalogue_copy *copy, struct err *err)
{
    char *path = NULL;
    struct stat st;
    f->out->copies++;
    if (!files_archived_ok(copy->path)) {
        fsck_tell(f, CARE_COPY, id, "restore catalogue.db from a back-up, or reindex",
                  "'%.200s' is no place for a copy", copy->path);
        return ERR_OK;
    }
    int rc = fsx_path(&path, err, "%s/%s", f->root, copy->path);
    if (rc < 0)
        return rc;
    if (lstat(path, &st) < 0 && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(err, "look at %s", path);
    else if (lstat(path, &st) < 0)
        fsck_tell(f, CARE_COPY, copy->path, make_again, "it is not there");
    else if (!S_ISREG(st.st_mode))
        fsck_tell(f, CARE_COPY, copy->path, make_again, "it is no regular file");
    else if (st.st_size != copy->length_bytes)
        fsck_tell(f, CARE_COPY, copy->path, make_again,
                  "it has %" PRId64 " bytes, but %" PRId64 " were made: it was changed",
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
static int is_being_made(struct fsck *f, const char *path, bool *out, struct err *err)
{
    const char *name = strrchr(path, '/');
    char id[CATALOGUE_ID_ROOM];
    enum spool_place place = SPOOL_PLACE_NONE;
    struct spool *spool = NULL;
    struct err no_job;
    size_t n = strcspn(name ? name + 1 : path, ".");
    *out = false;
    if (n >= sizeof id)
        return ERR_OK;
    snprintf(id, sizeof id, "%.*s", (int)n, name ? name + 1 : path);
    int rc = spool_open(&spool, f->root, "convert", err);
    if (rc == ERR_OK && spool_find(spool, id, &place, &no_job) == ERR_OK)
        *out = place == SPOOL_PLACE_CLAIMED;
    spool_close(&spool);
    return rc;
}

static int look_at_file(void *arg, const char *path, const struct stat *st, struct err *err)
{
    struct fsck *f = arg;
    char id[CATALOGUE_ID_ROOM];
    bool being_made = false;
    int rc = catalogue_copy_owner(f->catalogue, path, id, err);
    if (rc != ERR_NOTFOUND)
        return rc == ERR_MALFORMED ? ERR_OK : rc;
    rc = is_being_made(f, path, &being_made, err);
    if (rc == ERR_OK && !being_made)
        fsck_tell(f, CARE_FILE, path,
                  S_ISREG(st->st_mode) ? "delete it, or 'dashspool reindex' enters it"
                                       : "move it away",
                  "the catalogue does not know it");
    return rc;
}

int fsck_files(struct fsck *f, struct err *err)
{
    int rc = files_each(f->root, "archive", look_at_file, f, err);
    return fsck_judge(f, CARE_FILE, "archive", "look what lies there", rc, err);
}

/* ---- jobs ---- */

struct stage {
    struct fsck *f;
    const char *name;
};

static int look_at_job(void *arg, const struct spool_found *job, struct err *err)
{
    struct stage *s = arg;
    struct catalogue_transfer t;
    char where[300];
    s->f->out->jobs++;
    int rc = catalogue_transfer_get(s->f->catalogue, job->job, &t, err);
    if (rc == ERR_NOTFOUND) {
        snprintf(where, sizeof where, "spool/%s: %s", s->name, job->job);
        fsck_tell(s->f, CARE_JOB, where, "'dashspool work' finds that out; then drop it",
                  "there is no such transfer");
    }
    return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? ERR_OK : rc;
}

/* Only this stage's jobs are named by transfers. */
int fsck_jobs(struct fsck *f, struct err *err)
{
    struct spool *spool = NULL;
    struct stage stage = {f, "convert"};
    int rc = spool_open(&spool, f->root, stage.name, err);
    for (enum spool_place p = SPOOL_PLACE_READY; rc == ERR_OK && p <= SPOOL_PLACE_FAILED; p++)
        rc = spool_each(spool, p, look_at_job, &stage, err);
    spool_close(&spool);
    return fsck_judge(f, CARE_JOB, "spool/convert", "look what lies there", rc, err);
}
