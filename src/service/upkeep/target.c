/* Where a backup may go: a new directory, or an earlier backup of the same ROOT, that nobody uses.
 */
#define _GNU_SOURCE /* flock */
#include "target.h"
#include "dashspool/catalogue.h"
#include "dashspool/fsx.h"
#include "dashspool/root.h"
#include "dashspool/spool.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the place: by inodes, so that links and bind mounts are seen through ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* The path, or the nearest one above it that exists, without links; the caller's. */
static char *nearest(const char *path)
{
    char name[PATH_MAX], *found;
    snprintf(name, sizeof name, "%s%s", path[0] == '/' ? "" : "./", path);
    while (!(found = realpath(name, NULL)) && fsx_go_up(name))
        continue;
    return found;
}

/* Whether `path` (no links) is one of these directories, or lies in it. */
static bool is_in(const char *path, const struct stat *dir)
{
    char above[PATH_MAX];
    struct stat st;
    snprintf(above, sizeof above, "%s", path);
    do
        if (stat(above, &st) == 0 && is_same(&st, dir))
            return true;
    while (fsx_go_up(above));
    return false;
}

/* dir is in one of the directories of ROOT, wherever that is mounted. */
static int check_inside(const char *root, const char *at, const char *dir, struct err *err)
{
    struct fsx_names names = {NULL, 0};
    int rc = fsx_list(root, &names, err);
    for (size_t i = 0; rc == ERR_OK && i < names.n; i++) {
        char *part = NULL;
        struct stat st;
        rc = fsx_path(&part, err, "%s/%s", root, names.name[i]);
        if (rc == ERR_OK && stat(part, &st) == 0 && S_ISDIR(st.st_mode) && is_in(at, &st))
            rc = err_set(err, ERR_CONFIG, "%s is in %s of ROOT itself; choose another disk", dir,
                         names.name[i]);
        free(part);
    }
    fsx_names_clear(&names);
    return rc;
}

/* An earlier backup whose parts are those of ROOT: a link put there. */
static int check_parts(const char *root, const char *dir, struct err *err)
{
    static const char *const parts[] = {"raw",          "archive",   "telemetry",
                                        "catalogue.db", "people.db", "unfinished"};
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < sizeof parts / sizeof *parts; i++) {
        char *ours = NULL, *theirs = NULL;
        struct stat a, b;
        rc = fsx_path(&ours, err, "%s/%s", root, parts[i]);
        if (rc == ERR_OK)
            rc = fsx_path(&theirs, err, "%s/%s", dir, parts[i]);
        if (rc == ERR_OK && stat(ours, &a) == 0 && stat(theirs, &b) == 0 && is_same(&a, &b))
            rc = err_set(err, ERR_CONFIG, "%s is that of ROOT itself; choose another directory",
                         theirs);
        free(ours);
        free(theirs);
    }
    return rc;
}

int target_check_place(const char *root, const char *dir, struct err *err)
{
    char *at = nearest(dir), *from = realpath(root, NULL);
    struct stat ours, theirs;
    int rc = ERR_OK;
    if (!at || !from || stat(from, &ours) < 0)
        rc = err_sys(err, "look at %s and %s", root, dir);
    else if (stat(dir, &theirs) == 0 && is_same(&ours, &theirs))
        rc = err_set(err, ERR_CONFIG, "%s is ROOT itself; choose another directory", dir);
    else if (is_in(at, &ours))
        rc = err_set(err, ERR_CONFIG, "%s is inside of ROOT; choose another disk", dir);
    else if (stat(dir, &theirs) == 0 && is_in(from, &theirs))
        rc = err_set(err, ERR_CONFIG, "ROOT is inside of %s; choose another directory", dir);
    if (rc == ERR_OK)
        rc = check_inside(root, at, dir, err);
    free(at);
    free(from);
    return rc < 0 ? rc : check_parts(root, dir, err);
}

/* ---- who uses it ---- */

/* Nothing is in it, or an earlier backup. */
static int check_content(const char *dir, struct err *err)
{
    struct fsx_names names = {NULL, 0};
    bool empty = true, marked = false;
    int rc = fsx_list(dir, &names, err);
    for (size_t i = 0; i < names.n; i++) {
        bool mark = strncmp(names.name[i], "backup.json", 11) == 0; /* or one that was cut short */
        empty = empty && (mark || strcmp(names.name[i], "lost+found") == 0);
        marked = marked || (mark && names.name[i][11] == '\0');
    }
    fsx_names_clear(&names);
    if (rc == ERR_OK && !empty && !marked)
        rc = err_set(err, ERR_BUSY,
                     "%s is neither empty nor an earlier backup; choose another directory", dir);
    return rc;
}

/* *fd is open and locked; -1: there is no such file. */
static int lock(int *fd, const char *dir, const char *name, const char *whose, struct err *err)
{
    char *path = NULL;
    int rc = fsx_path(&path, err, "%s%s%s", dir, *name ? "/" : "", name);
    if (rc == ERR_OK && (*fd = open(path, O_RDONLY | O_CLOEXEC)) < 0 && errno != ENOENT)
        rc = err_sys(err, "open %s", path);
    if (rc == ERR_OK && *fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK
                 ? err_set(err, ERR_BUSY, "%s is in use: %s; choose another directory", dir, whose)
                 : err_sys(err, "lock %s", path);
    free(path);
    return rc;
}

static int see_job(void *arg, const struct spool_sight *job, struct err *err)
{
    return err_set(err, ERR_BUSY,
                   "%s has been used as a ROOT of its own since (job %.100s); choose another "
                   "directory, or remove its spool/ if that was a mistake",
                   (const char *)arg, job->job);
}

static int see_stage(void *arg, const char *stage, struct err *err)
{
    char *dir = arg;
    return spool_survey(dir, stage, INT64_MAX, see_job, dir, err);
}

/* A receiver, a worker or an import has gone on with it: it has what ROOT has not. */
static int check_used(const char *dir, struct err *err)
{
    static const char *const signs[] = {"receive.json", "run.json", "telemetry.json"};
    char *path = NULL, *name = strdup(dir);
    int rc = name ? ERR_OK : err_nomem(err, "a path");
    for (size_t i = 0; rc == ERR_OK && i < sizeof signs / sizeof *signs; i++) {
        rc = fsx_path(&path, err, "%s/%s", dir, signs[i]);
        if (rc == ERR_OK && access(path, F_OK) == 0)
            rc = err_set(err, ERR_BUSY,
                         "%s has been used as a ROOT of its own since (%s); choose another "
                         "directory",
                         dir, signs[i]);
        free(path);
    }
    if (rc == ERR_OK)
        rc = spool_stages(dir, see_stage, name, err);
    free(name);
    return rc;
}

int target_take(struct target *out, const char *dir, struct err *err)
{
    int rc = check_content(dir, err);
    if (rc == ERR_OK)
        rc = lock(&out->fd[0], dir, "", "another backup writes to it", err);
    if (rc == ERR_OK)
        rc = lock(&out->fd[1], dir, "raw", "a receiver or reindex works on it", err);
    if (rc == ERR_OK)
        rc = lock(&out->fd[2], dir, "run.lock", "'dashspool run' works on it", err);
    if (rc == ERR_OK)
        rc = lock(&out->fd[3], dir, "import.lock", "an import works on it", err);
    if (rc == ERR_OK)
        rc = lock(&out->fd[4], dir, "telemetry", "a receiver of trackers works on it", err);
    return rc < 0 ? rc : check_used(dir, err);
}

void target_release(struct target *t)
{
    for (size_t i = 0; i < TARGET_LOCKS; i++)
        if (t->fd[i] >= 0)
            close(t->fd[i]);
    *t = TARGET_NONE;
}

/* ---- whose it is ---- */

struct comparison {
    struct catalogue *ours, *theirs;
    const char *dir;
    int64_t highest;
};

static int is_another(const char *dir, const char *why, struct err *err)
{
    return err_set(err, ERR_FOREIGN,
                   "%s is the backup of another ROOT (%s); choose another directory", dir, why);
}

/* From before identities: the same key must be the same transfer. */
static int compare_row(void *arg, int64_t key, struct err *err)
{
    struct comparison *c = arg;
    struct catalogue_transfer ours, theirs;
    bool in_ours = false, in_theirs = false;
    int rc = catalogue_transfer_by_key(c->ours, key, &ours, &in_ours, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_by_key(c->theirs, key, &theirs, &in_theirs, err);
    if (rc < 0)
        return err_is_temporary(rc) ? rc : ERR_OK;
    if (in_theirs && (in_ours ? strcmp(ours.id, theirs.id) != 0 : key > c->highest))
        return is_another(c->dir, theirs.id, err);
    return ERR_OK;
}

static int compare(struct comparison *c, const struct root_id *ours, const struct root_id *found,
                   struct err *err)
{
    struct root_id theirs;
    int64_t highest = 0;
    char text[ROOT_ID_ROOM];
    int rc = catalogue_root(c->theirs, &theirs, err);
    if (rc == ERR_OK && !root_id_known(&theirs))
        theirs = *found;
    if (rc == ERR_OK)
        rc = catalogue_highest_key(c->ours, &c->highest, err);
    if (rc == ERR_OK)
        rc = catalogue_highest_key(c->theirs, &highest, err);
    if (rc < 0)
        return rc;
    root_id_text(&theirs, text);
    text[8] = '\0';
    if (root_id_known(ours) && root_id_known(&theirs)) {
        if (!root_id_same(ours, &theirs))
            return is_another(c->dir, text, err);
    } else if ((rc = catalogue_key_each(c->theirs, compare_row, c, err)) < 0) {
        return rc;
    }
    return highest <= c->highest
               ? ERR_OK
               : err_set(err, ERR_FOREIGN,
                         "%s is newer than ROOT (its transfers count to %" PRId64 ", those of ROOT "
                         "to %" PRId64 "): ROOT was put back from an older backup; choose another "
                         "directory, or put that one back",
                         c->dir, highest, c->highest);
}

int target_compare(struct catalogue *ours, const char *dir, struct err *err)
{
    static const char *const dirs[] = {"raw", "archive", "spool", "telemetry"};
    struct comparison c = {.ours = ours, .dir = dir};
    struct root_id id, found = {{0}};
    char text[ROOT_ID_ROOM];
    int rc = catalogue_root(ours, &id, err);
    for (size_t i = 0; rc == ERR_OK && i < sizeof dirs / sizeof *dirs && !root_id_known(&found);
         i++)
        rc = root_read(dir, dirs[i], &found, err);
    if (rc == ERR_OK && root_id_known(&id) && root_id_known(&found) && !root_id_same(&id, &found)) {
        root_id_text(&found, text);
        text[8] = '\0';
        return is_another(dir, text, err);
    }
    char *path = NULL;
    if (rc == ERR_OK)
        rc = fsx_path(&path, err, "%s/catalogue.db", dir);
    bool there = rc == ERR_OK && access(path, F_OK) == 0; /* else a first one that broke off */
    free(path);
    if (rc == ERR_OK && there && (rc = catalogue_open(&c.theirs, dir, false, err)) == ERR_OK)
        rc = compare(&c, &id, &found, err);
    catalogue_close(&c.theirs);
    return rc;
}
