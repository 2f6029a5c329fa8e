/* What becomes of a file once its master is safe, and of what lies beside it. */
#define _GNU_SOURCE /* renameat2 */
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "watch_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 10000 }; /* clip-2.h265, clip-3.h265 … */

static int dir_of(const char *path, char **out, struct err *err)
{
    const char *slash = strrchr(path, '/');
    return fsx_path(out, err, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static int sync_dir_of(const char *path, struct err *err)
{
    char *dir = NULL;
    int rc = dir_of(path, &dir, err);
    if (rc == ERR_OK)
        rc = fsx_sync_dir(dir, err);
    free(dir);
    return rc;
}

/* Renames, under a name that is free: `to` is changed to it. Nothing is ever replaced. */
static int rename_to_free(const char *from, char *to, size_t room, struct err *err)
{
    char wanted[CATALOGUE_FILE_ROOM];
    const char *slash = strrchr(to, '/'), *dot = strrchr(to, '.');
    int stem = (int)((dot && dot > slash + 1 ? dot : to + strlen(to)) - to);
    snprintf(wanted, sizeof wanted, "%s", to);
    for (int i = 2; i < NAMES_MAX; i++) {
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
            return ERR_OK;
        if (errno != EEXIST)
            break;
        snprintf(to, room, "%.*s-%d%s", stem, wanted, i, wanted + stem);
    }
    if (errno == EXDEV)
        return err_set(err, ERR_CONFIG, "cannot move to %s: it is on another file system", to);
    return err_sys(err, "move to %s", to);
}

/* Another file of footage has the same stem. */
static bool has_sibling(const char *path)
{
    static const char *const ends[] = {"h265", "hevc", "265", "jpg", "jpeg", "mp4"};
    const char *dot = strrchr(path, '.');
    char other[CATALOGUE_FILE_ROOM + 8];
    struct stat st;
    for (size_t i = 0; dot && i < sizeof ends / sizeof *ends; i++) {
        snprintf(other, sizeof other, "%.*s.%s", (int)(dot - path), path, ends[i]);
        if (strcmp(other, path) != 0 && lstat(other, &st) == 0)
            return true;
    }
    return false;
}

static bool is_file(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* What lies beside it goes along; or goes away, if it is kept with the transfer. */
static void move_sidecars(struct watch *w, const char *path, const char *to, const char *id)
{
    char from[CATALOGUE_FILE_ROOM + 8], beside[CATALOGUE_FILE_ROOM + 8], text[400];
    bool shared = has_sibling(path), of_stem;
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        struct err err;
        import_sidecar(path, i, from, sizeof from, &of_stem);
        if ((of_stem && shared) || !is_file(from))
            continue;
        if (to) {
            import_sidecar(to, i, beside, sizeof beside, &of_stem);
            if (rename_to_free(from, beside, sizeof beside, &err) < 0)
                log_warn("watch", "sidecar file not moved",
                         LOG_TEXT("file", import_path_text(from, text, sizeof text)),
                         LOG_ERR(&err));
        } else if (import_sidecar_kept(w->import, from, id)) {
            unlink(from); /* one that stays does no harm */
        }
    }
}

static int move(struct watch *w, const struct entry *e, struct err *err)
{
    const struct top *top = top_of(w, e->path);
    char to[CATALOGUE_FILE_ROOM], *dir = NULL;
    const char *below = e->path + strlen(top->path);
    int n = snprintf(to, sizeof to, "%s/%s", top->done, below + (*below == '/'));
    if (n < 0 || (size_t)n + 8 >= sizeof to)
        return err_set(err, ERR_LIMIT, "path below %s would be too long", top->done);
    int rc = dir_of(to, &dir, err);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(dir, err);
    if (rc == ERR_OK && (rc = rename_to_free(e->path, to, sizeof to, err)) == ERR_OK) {
        move_sidecars(w, e->path, to, e->id);
        if ((rc = sync_dir_of(to, err)) == ERR_OK)
            rc = sync_dir_of(e->path, err);
    }
    free(dir);
    return rc < 0 ? rc : import_moved(w->import, e->path, to, err);
}

static int drop(struct watch *w, const struct entry *e, struct err *err)
{
    if (unlink(e->path) < 0)
        return err_sys(err, "remove %s", e->path);
    move_sidecars(w, e->path, NULL, e->id);
    return import_moved(w->import, e->path, NULL, err);
}

static void after_one(struct watch *w, struct entry *e)
{
    struct err err;
    int rc = import_safe(w->import, e->path, e->id, &err);
    if (rc == ERR_OK)
        rc = w->after == AFTER_MOVE ? move(w, e, &err) : drop(w, e, &err);
    if (rc < 0 && err.sys_errno != ENOENT) {
        log_skip_once(e, err.text);
        w->some_pending = true;
        return;
    }
    e->pending = false;
}

void after_all(struct watch *w)
{
    if (!w->some_pending)
        return;
    w->some_pending = false;
    for (struct entry *e = w->files.all; e; e = e->next)
        if (e->pending)
            after_one(w, e);
}
