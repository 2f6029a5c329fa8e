#include "backup_internal.h"
#include "dashspool/buf.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "files.h"
#include "spools.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int backup_step(struct backup *b, const char *where, int64_t n, struct err *err)
{
    b->done_bytes += n;
    double done = b->all_bytes > 0 ? (double)b->done_bytes / (double)b->all_bytes : 1;
    if (b->progress->progress &&
        !b->progress->progress(b->progress->arg, where, done < 1 ? done : 1))
        return err_set(err, ERR_AGAIN, "interrupted; the backup is incomplete, run it again");
    return ERR_OK;
}

int backup_trouble(struct backup *b, const char *where, int rc, const struct err *err)
{
    if (rc == ERR_OK || err_is_temporary(rc))
        return rc;
    b->out->troubles++;
    b->progress->trouble(b->progress->arg, where, err->text);
    return ERR_OK;
}

bool backup_has(const char *path, const struct stat *like)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == like->st_size &&
           st.st_mtim.tv_sec == like->st_mtim.tv_sec && st.st_mtim.tv_nsec == like->st_mtim.tv_nsec;
}

/* ---- copies ---- */

static int step_copy(void *arg, int64_t n, struct err *err)
{
    return backup_step(arg, "copies", n, err);
}

static int copy_file(struct backup *b, const struct catalogue_copy *copy, const char *from,
                     const char *to, struct err *err)
{
    char hex[HASH_HEX_ROOM], *dir = NULL;
    int rc = fsx_path(&dir, err, "%.*s", (int)(strrchr(to, '/') - to), to);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK)
        rc = files_copy(from, to, step_copy, b, hex, err);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(dir, err);
    free(dir);
    if (rc < 0)
        return rc;
    b->out->copies++;
    b->out->bytes += copy->length_bytes;
    if (strcmp(hex, copy->sha256) != 0)
        return err_set(err, ERR_MALFORMED, "it has SHA-256 %s, but %s was made: it was changed",
                       hex, copy->sha256);
    return ERR_OK;
}

static int back_up_copy(void *arg, const struct catalogue_copy *copy, struct err *err)
{
    struct backup *b = arg;
    char *from = NULL, *to = NULL;
    struct stat st;
    int rc = ERR_OK;
    if (!files_archived_ok(copy->path))
        rc = err_set(err, ERR_MALFORMED, "this is no place for a copy");
    if (rc == ERR_OK)
        rc = fsx_path(&from, err, "%s/%s", b->root, copy->path);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s/%s", b->dir, copy->path);
    if (rc == ERR_OK && lstat(from, &st) < 0)
        rc = err_sys(err, "look at it");
    if (rc == ERR_OK && backup_has(to, &st)) {
        b->out->kept++;
        rc = backup_step(b, copy->path, copy->length_bytes, err);
    } else if (rc == ERR_OK) {
        rc = copy_file(b, copy, from, to, err);
    }
    free(from);
    free(to);
    return backup_trouble(b, copy->path, rc, err);
}

/* ---- rows ---- */

struct jobs {
    struct backup *b;
    struct spools spools;
};

/* A row that cannot be read is told where its copies are looked for. */
static int unpublish(void *arg, int64_t key, struct err *err)
{
    struct jobs *j = arg;
    struct catalogue_transfer t;
    struct spools_found jobs = {.ready = false};
    bool found = false;
    int rc = catalogue_transfer_by_key(j->b->snapshot, key, &t, &found, err);
    if (rc < 0 || !found || !t.published)
        return err_is_temporary(rc) ? rc : ERR_OK;
    rc = spools_find(&j->spools, t.id, &jobs, err);
    if (rc == ERR_OK && (jobs.ready || jobs.claimed || jobs.failed)) {
        t.published = false;
        rc = catalogue_transfer_update(j->b->snapshot, &t, err);
    }
    return backup_trouble(j->b, t.id, rc, err);
}

static int tell_bad(void *arg, const char *stage, int rc, struct err *err)
{
    const struct jobs *j = arg;
    return backup_trouble(j->b, stage, rc, err);
}

/*
 * Jobs are not in the backup. The receiver's next start there puts them again, for what has one
 * here in any stage; stages that have done their part pass it on (catalogue_done_get()). At once
 * after the snapshot, which does not have what is finished later.
 */
static int unpublish_jobs(struct backup *b, struct err *err)
{
    struct jobs j = {.b = b};
    int rc = spools_open(&j.spools, b->root, tell_bad, &j, err);
    if (rc == ERR_OK)
        rc = catalogue_key_each(b->snapshot, unpublish, &j, err);
    spools_close(&j.spools);
    return rc;
}

static int back_up_row(void *arg, int64_t key, struct err *err)
{
    struct backup *b = arg;
    struct catalogue_transfer t;
    bool found = false;
    char name[40];
    snprintf(name, sizeof name, "transfer %" PRId64, key);
    int rc = catalogue_transfer_by_key(b->snapshot, key, &t, &found, err);
    if (rc == ERR_OK && found)
        rc = catalogue_copy_each(b->snapshot, key, back_up_copy, b, err);
    return backup_trouble(b, name, rc, err);
}

/* ---- the directory ---- */

static int write_mark(const struct backup *b, const char *state, struct err *err)
{
    char *path = NULL, text[256], at[CLOCK_TEXT_ROOM];
    clock_rfc3339(b->now_us, 0, at);
    int n = snprintf(text, sizeof text,
                     "{\"tool\": \"dashspool " DASHSPOOL_VERSION "\", \"began\": \"%s\", "
                     "\"state\": \"%s\"}\n",
                     at, state);
    int rc = fsx_path(&path, err, "%s/backup.json", b->dir);
    if (rc == ERR_OK)
        rc = fsx_write_file(path, text, (size_t)n, err);
    free(path);
    return rc;
}

/* Nothing is in it, or an earlier backup. */
static int check_dir(const char *dir, struct err *err)
{
    int rc = fsx_mkdirs(dir, err);
    DIR *d = rc == ERR_OK ? opendir(dir) : NULL;
    bool empty = true, marked = false;
    if (rc == ERR_OK && !d)
        rc = err_sys(err, "open %s", dir);
    for (struct dirent *e; d && (e = readdir(d));) {
        bool mark = strncmp(e->d_name, "backup.json", 11) == 0; /* or one that was cut short */
        empty = empty && (mark || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
        marked = marked || (mark && e->d_name[11] == '\0');
    }
    if (d)
        closedir(d);
    if (rc == ERR_OK && !empty && !marked)
        rc = err_set(err, ERR_BUSY,
                     "%s is neither empty nor an earlier backup; choose another directory", dir);
    return rc;
}

/* dir/unfinished/catalogue.db: the catalogue as of this moment. */
static int take_snapshot(struct backup *b, const char *unfinished, struct err *err)
{
    struct catalogue *c = NULL;
    char *path = NULL;
    struct catalogue_counts n;
    int64_t copies, copy_bytes = 0;
    int rc = catalogue_open(&c, b->root, false, err);
    if (rc == ERR_OK)
        rc = fsx_remove_tree(unfinished, err);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(unfinished, err);
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/catalogue.db", unfinished);
    if (rc == ERR_OK)
        rc = catalogue_backup(c, path, err);
    catalogue_close(&c);
    free(path);
    if (rc == ERR_OK)
        rc = catalogue_open(&b->snapshot, unfinished, false, err);
    if (rc == ERR_OK)
        rc = catalogue_count(b->snapshot, &n, err);
    if (rc == ERR_OK)
        rc = catalogue_copy_count(b->snapshot, &copies, &copy_bytes, err);
    b->all_bytes = rc == ERR_OK ? n.bytes + copy_bytes : 0;
    return rc;
}

/* Closed by now: all of it is in the file itself. */
static int finish(struct backup *b, const char *unfinished, struct err *err)
{
    char *from = NULL, *to = NULL, *part = NULL;
    static const char *const with[] = {"-wal", "-shm"};
    int rc = fsx_path(&from, err, "%s/catalogue.db", unfinished);
    if (rc == ERR_OK)
        rc = fsx_path(&to, err, "%s/catalogue.db", b->dir);
    for (int i = 0; rc == ERR_OK && i < 2; i++) { /* of the one that it replaces */
        rc = fsx_path(&part, err, "%s%s", to, with[i]);
        if (rc == ERR_OK && unlink(part) < 0 && errno != ENOENT)
            rc = err_sys(err, "delete %s", part);
        free(part);
    }
    if (rc == ERR_OK)
        rc = fsx_sync_file(from, err);
    if (rc == ERR_OK)
        rc = fsx_rename(from, to, err);
    if (rc == ERR_OK)
        rc = fsx_remove_tree(unfinished, err);
    free(from);
    free(to);
    return rc < 0 ? rc : write_mark(b, "whole", err);
}

static int run(struct backup *b, const char *unfinished, struct err *err)
{
    int rc = check_dir(b->dir, err);
    if (rc == ERR_OK)
        rc = write_mark(b, "unfinished", err);
    if (rc == ERR_OK)
        rc = take_snapshot(b, unfinished, err);
    if (rc == ERR_OK)
        rc = unpublish_jobs(b, err);
    if (rc == ERR_OK)
        rc = raw_open(&b->from, b->root, err);
    if (rc == ERR_OK)
        rc = raw_open(&b->to, b->dir, err);
    if (rc == ERR_OK)
        rc = backup_masters(b, err);
    if (rc == ERR_OK)
        rc = catalogue_key_each(b->snapshot, back_up_row, b, err);
    if (rc == ERR_OK)
        rc = catalogue_settle(b->snapshot, err);
    raw_close(&b->from);
    raw_close(&b->to);
    catalogue_close(&b->snapshot);
    return rc < 0 ? rc : finish(b, unfinished, err);
}

int upkeep_backup(const char *root, const char *dir, const struct upkeep_progress *progress,
                  struct upkeep_backup_result *out, struct err *err)
{
    struct backup b = {root, dir, progress, out, NULL, NULL, NULL, clock_utc_us(), 0, 0};
    char *unfinished = NULL;
    *out = (struct upkeep_backup_result){0};
    int rc = fsx_path(&unfinished, err, "%s/unfinished", dir);
    if (rc == ERR_OK)
        rc = run(&b, unfinished, err);
    free(unfinished);
    return rc;
}
