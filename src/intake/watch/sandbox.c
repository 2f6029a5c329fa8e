/* What the watcher may reach: the folders that it watches, and of ROOT what it stores to. What
 * strangers put down is parsed in this process. */
#include "dashspool/sandbox.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "watch_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORE_DIRS = STAGES_MAX + 1, STORE_FILES = 3 };

struct paths {
    char *store[STORE_DIRS + 1];      /* directories */
    char *catalogue[STORE_FILES + 1]; /* it and its log are open by now, and stay */
    const char *in[2 * TOPS_MAX + 1];
};

static int name_store(struct paths *p, const char *root, const char *const *feeds, size_t n,
                      struct err *err)
{
    static const char *const ends[STORE_FILES] = {"", "-wal", "-shm"};
    int rc = fsx_path(&p->store[0], err, "%s/raw", root);
    if (rc == ERR_OK)
        rc = fsx_mkdirs(p->store[0], err);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = fsx_path(&p->store[i + 1], err, "%s/spool/%s", root, feeds[i]);
    for (size_t i = 0; rc == ERR_OK && i < STORE_FILES; i++)
        rc = fsx_path(&p->catalogue[i], err, "%s/catalogue.db%s", root, ends[i]);
    return rc;
}

/* Where files are put that are done must be there now, if it is not below what is watched. */
static void name_folders(struct paths *p, const struct watch *w)
{
    struct err err;
    size_t n = 0;
    for (int i = 0; i < w->n_tops; i++) {
        const struct top *top = &w->top[i];
        p->in[n++] = top->path;
        if (!top->done || top_of(w, top->done))
            continue;
        if (fsx_mkdirs(top->done, &err) == ERR_OK)
            p->in[n++] = top->done;
        else
            log_warn("watch", "move target not writable", LOG_TEXT("dir", top->done),
                     LOG_ERR(&err));
    }
}

static void clear(struct paths *p)
{
    for (size_t i = 0; i < STORE_DIRS; i++)
        free(p->store[i]);
    for (size_t i = 0; i < STORE_FILES; i++)
        free(p->catalogue[i]);
}

int watch_guard(const struct watch *w, const char *const *feeds, size_t n, struct err *err)
{
    struct paths p = {.store = {NULL}};
    struct sandbox_report report;
    int rc = name_store(&p, w->root, feeds, n, err);
    if (rc == ERR_OK) {
        name_folders(&p, w);
        struct sandbox_rules rules = {.kind = SANDBOX_WATCHER,
                                      .write_dirs = (const char *const *)p.store,
                                      .write_files = (const char *const *)p.catalogue};
        if (w->after == AFTER_KEEP)
            rules.read_dirs = p.in;
        else
            rules.move_dirs = p.in;
        rc = sandbox_enter(&rules, &report, err);
    }
    if (rc == ERR_OK && report.missing[0])
        log_warn("watch", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    clear(&p);
    return rc;
}

/* Another folder, or another disk, came to be there since: the rights were those of the old one. */
bool watch_is_shut_out(const char *dir)
{
    if (access(dir, R_OK | X_OK) < 0)
        return false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool out = fd < 0 && errno == EACCES;
    if (fd >= 0)
        close(fd);
    return out;
}
