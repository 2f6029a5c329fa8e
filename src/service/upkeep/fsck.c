#include "dashspool/fsx.h"
#include "fsck_internal.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *upkeep_part_name(enum upkeep_part part)
{
    static const char *const names[UPKEEP_N_PARTS] = {"catalogue", "master", "copy",
                                                      "custody",   "job",    "file"};
    return names[part];
}

void fsck_problem(struct fsck *f, enum upkeep_part part, const char *where, const char *advice,
                  const char *fmt, ...)
{
    char what[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    f->out->problems++;
    f->listener->problem(f->listener->arg, &(struct upkeep_problem){part, where, what, advice});
}

int fsck_check(struct fsck *f, enum upkeep_part part, const char *where, const char *advice, int rc,
               const struct err *err)
{
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    fsck_problem(f, part, where, advice, "%s", err->text);
    return ERR_OK;
}

int fsck_step(struct fsck *f, const char *where, int64_t n, struct err *err)
{
    f->done_bytes += n;
    double done = f->all_bytes > 0 ? (double)f->done_bytes / (double)f->all_bytes : 0;
    if (f->listener->progress &&
        !f->listener->progress(f->listener->arg, where, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; the check is incomplete");
    return ERR_OK;
}

static int tell_flaw(void *arg, const char *text, struct err *err)
{
    (void)err;
    fsck_problem(arg, UPKEEP_CATALOGUE, "catalogue.db",
                 "stop dashspool, then run 'dashspool reindex' or restore it from a backup", "%s",
                 text);
    return ERR_OK;
}

/* Without a catalogue the masters can still be looked at. */
static int open_catalogue(struct fsck *f, struct err *err)
{
    struct catalogue_counts n = {0};
    int64_t copies = 0, copy_bytes = 0;
    int rc = catalogue_open(&f->catalogue, f->root, false, err);
    rc = fsck_check(f, UPKEEP_CATALOGUE, "catalogue.db",
                    "run 'dashspool reindex' to rebuild it from the originals", rc, err);
    if (rc < 0 || !f->catalogue)
        return rc;
    if ((rc = catalogue_check(f->catalogue, f->quick, tell_flaw, f, err)) < 0)
        return rc;
    rc = catalogue_count(f->catalogue, &n, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_count(f->catalogue, &copies, &copy_bytes, err);
    f->all_bytes = n.bytes + copy_bytes;
    return err_is_temporary(rc) ? rc : ERR_OK; /* what is malformed was told above */
}

static int look(struct fsck *f, struct err *err)
{
    int rc = open_catalogue(f, err);
    if (rc == ERR_OK)
        rc = raw_open(&f->raw, f->root, err);
    if (rc == ERR_OK)
        rc = fsck_masters(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = fsck_transfers(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = fsck_custodies(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = fsck_spools(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = fsck_files(f, err);
    if (rc == ERR_OK && f->catalogue)
        rc = fsck_jobs(f, err);
    return rc;
}

static int is_there(const char *root, const char *name, bool *out, struct err *err)
{
    struct stat st;
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s/%s", root, name);
    *out = rc == ERR_OK && stat(path, &st) == 0;
    if (rc == ERR_OK && !*out && errno != ENOENT && errno != ENOTDIR)
        rc = err_sys(err, "open %s", path);
    free(path);
    return rc;
}

int upkeep_fsck(const char *root, bool quick, const struct upkeep_stages *stages,
                const struct upkeep_listener *listener, struct upkeep_findings *out,
                struct err *err)
{
    struct fsck f = {
        .root = root, .quick = quick, .stages = stages, .listener = listener, .out = out};
    bool is_root = false;
    *out = (struct upkeep_findings){0};
    int rc = is_there(root, "catalogue.db", &is_root, err);
    if (rc == ERR_OK && !is_root)
        rc = is_there(root, "raw", &is_root, err);
    if (rc == ERR_OK && !is_root)
        rc = err_set(
            err, ERR_NOTFOUND,
            "%s contains neither catalogue.db nor raw/; give the right directory with --root",
            root);
    if (rc == ERR_OK)
        rc = look(&f, err);
    spools_close(&f.spools);
    raw_close(&f.raw);
    catalogue_close(&f.catalogue);
    return rc;
}
