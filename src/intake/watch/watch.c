#define _GNU_SOURCE
/* watch: folders that are looked at for ever, and what is done about the files in them. */
#include "dashspool/watch.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "watch_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the watcher may reach beside the stores: the folders that it watches. What strangers put
 * down is parsed in this process. Where files are put that are done must be there now, if it
 * is not below what is watched. */
static void name_folders(const char *in[2 * TOPS_MAX + 1], const struct watch *w)
{
    struct err err;
    size_t n = 0;
    for (int i = 0; i < w->n_tops; i++) {
        const struct top *top = &w->top[i];
        in[n++] = top->path;
        if (!top->done || top_of(w, top->done))
            continue;
        if (fsx_mkdirs(top->done, &err) == ERR_OK)
            in[n++] = top->done;
        else
            log_warn("watch", "move target not writable", LOG_TEXT("dir", top->done),
                     LOG_ERR(&err));
    }
}

int watch_guard(const struct watch *w, const char *const *feeds, size_t n, struct err *err)
{
    const char *in[2 * TOPS_MAX + 1] = {NULL};
    name_folders(in, w);
    return import_guard(w->root, "watch", feeds, n, in, w->after != AFTER_KEEP, err);
}

/* faccessat */

static const struct cfg_key keys[] = {
    {"enabled", CFG_BOOL, "yes or no", 0, 0, "no", "whether 'dashspool run' starts it"},
    {"dirs", CFG_TEXT, "folders", 0, 4000, "", "folders to watch, separated by ':'"},
    {"scan_s", CFG_REAL, "s", 0, 86400, "60", "interval of full scans, in addition to file events"},
    {"quiet_s", CFG_REAL, "s", 0, 86400, "5",
     "import a complete file once it has not changed for this long"},
    {"patience_s", CFG_REAL, "s", 0, 604800, "600",
     "import an incomplete or undecidable file after this long"},
    {"after", CFG_WORD, "keep move remove", 0, 0, "keep",
     "what to do with a file once its original is stored"},
    {"done", CFG_TEXT, "folder", 1, 4000, "done",
     "target folder of 'move': below the watched folder, or an absolute path"},
    {"min_free_mib", CFG_INT, "MiB; 0: any", 0, 1 << 30, "256",
     "minimum free space on ROOT's disk; below it nothing is imported"},
};
const struct cfg_section watch_cfg_section = {"watch", keys, sizeof keys / sizeof *keys};

#define PAUSE_FIRST_US INT64_C(1000000) /* after a failure of the store, doubled up to … */
#define PAUSE_LAST_US  INT64_C(60000000)
#define SCAN_LEAST_US  INT64_C(50000)

int64_t watch_free_bytes_min(const struct cfg *cfg)
{
    return cfg_int(cfg, "watch", "min_free_mib") << 20;
}

static int64_t us_of(const struct cfg *cfg, const char *key)
{
    return llround(cfg_real(cfg, "watch", key) * 1e6);
}

/* ---- what import tells ---- */

static void settle(struct watch *w, struct entry *e, const char *id)
{
    snprintf(e->id, sizeof e->id, "%s", id);
    files_set_state(&w->files, e, ENTRY_SETTLED);
    e->pending = w->after != AFTER_KEEP;
    w->some_pending |= e->pending;
}

static void on_import_result(void *arg, const char *path, enum import_outcome outcome,
                             const char *id, const char *why)
{
    struct watch *w = arg;
    struct entry *e = files_find(&w->files, path);
    int64_t now_us = clock_mono_us();
    char text[400];
    if (!e)
        return;
    import_path_text(path, text, sizeof text);
    switch (outcome) {
    case IMPORT_TAKEN:
        log_info("watch", "imported", LOG_TEXT("id", id), LOG_TEXT("file", text),
                 LOG_TEXT("note", why));
        settle(w, e, id);
        return;
    case IMPORT_SAME:
        log_info("watch", "duplicate, already stored", LOG_TEXT("id", id), LOG_TEXT("file", text),
                 LOG_TEXT("reason", why));
        settle(w, e, id);
        return;
    case IMPORT_KNOWN:
        settle(w, e, id);
        return;
    case IMPORT_LEFT:
    case IMPORT_REFUSED:
        files_set_state(&w->files, e, ENTRY_SETTLED);
        log_skip_once(e, why);
        return;
    case IMPORT_NOT_YET:
        e->cut = true;
        e->due_us = e->since_us + w->patience_us;
        if (e->due_us <= now_us) /* it was written to just now: the next look sees it */
            e->due_us = now_us + w->quiet_us;
        return;
    case IMPORT_FAILED:
        log_skip_once(e, why);
        e->due_us = now_us + w->scan_us;
        return;
    case IMPORT_N_OUTCOMES:
        return;
    }
}

static void on_import_note(void *arg, const char *path, const char *note)
{
    char text[400];
    (void)arg;
    import_path_text(path, text, sizeof text);
    log_warn("watch", "not all that is given with a file is used", LOG_TEXT("file", text),
             LOG_TEXT("reason", note));
}

/* ---- taking ---- */

/* Somebody may be putting an evidence package down. */
static bool in_package(const struct watch *w, const char *path)
{
    char bag[CATALOGUE_FILE_ROOM + 16];
    const struct top *top = top_of(w, path);
    size_t least = top ? strlen(top->path) : 0;
    for (size_t n = strlen(path); n > least; n--)
        if (path[n] == '/') {
            snprintf(bag, sizeof bag, "%.*s/bagit.txt", (int)n, path);
            if (access(bag, F_OK) == 0)
                return true;
        }
    return false;
}

static void on_store(struct watch *w, int rc, const struct err *err)
{
    if (rc == ERR_OK && w->pause_us > 0)
        log_info("watch", "store recovered, importing again");
    if (rc == ERR_OK) {
        w->pause_us = w->retry_us = 0;
        return;
    }
    if (w->pause_us == 0)
        log_error("watch", "store unavailable, imports suspended", LOG_ERR(err));
    w->pause_us = w->pause_us == 0 ? PAUSE_FIRST_US : w->pause_us * 2;
    w->pause_us = w->pause_us < PAUSE_LAST_US ? w->pause_us : PAUSE_LAST_US;
    w->retry_us = clock_mono_us() + w->pause_us;
    for (struct entry *e = w->files.first; e; e = e->behind)
        if (e->due_us > w->retry_us) /* FAILED with the batch */
            e->due_us = e->since_us + (e->cut ? w->patience_us : w->quiet_us);
}

static int take(struct watch *w, struct entry *e, int64_t now_us, struct err *err)
{
    if (in_package(w, e->path)) {
        files_set_state(&w->files, e, ENTRY_SETTLED);
        return ERR_OK;
    }
    bool as_it_is = e->cut && now_us - e->since_us >= w->patience_us;
    e->due_us = INT64_MAX; /* until its result comes */
    return import_file(w->import, e->path, as_it_is, err);
}

static void take_due(struct watch *w)
{
    struct err err;
    int rc = ERR_OK;
    int64_t now_us = clock_mono_us();
    if (now_us < w->retry_us || !w->files.first)
        return;
    bool any = false;
    for (struct entry *e = w->files.first, *next; e && rc == ERR_OK && !w->stop.told; e = next) {
        next = e->behind;
        if (e->due_us > now_us || !look_again(w, e, now_us))
            continue;
        any = true;
        rc = take(w, e, now_us, &err);
        stop_requested(&w->stop);
    }
    if (rc == ERR_OK && any)
        rc = import_flush(w->import, &err);
    if (any)
        on_store(w, rc, &err);
}

/* ---- the loop ---- */

static int64_t next_due(const struct watch *w)
{
    int64_t due_us = w->next_scan_us;
    for (const struct entry *e = w->files.first; e; e = e->behind) {
        int64_t own_us = e->due_us > w->retry_us ? e->due_us : w->retry_us;
        due_us = own_us < due_us ? own_us : due_us;
    }
    return due_us;
}

static void wait(struct watch *w)
{
    struct pollfd p[2] = {{.fd = w->stop.fd, .events = POLLIN},
                          {.fd = w->hints.fd, .events = POLLIN}};
    int64_t us = next_due(w) - clock_mono_us();
    int ms = us <= 0 ? 0 : us > INT64_C(3600000000) ? 3600000 : (int)(us / 1000) + 1;
    if (poll(p, 2, ms) < 0 && errno != EINTR)
        log_error("watch", "waiting for file events failed", LOG_TEXT("reason", strerror(errno)));
    stop_requested(&w->stop);
}

static void run(struct watch *w)
{
    look_at_all(w);
    for (int i = 0; i < w->n_tops; i++)
        log_info("watch", "watching", LOG_TEXT("dir", w->top[i].path));
    while (!w->stop.told && !w->replaced && !import_lost(w->import)) {
        bool lost = hints_read(&w->hints, look_at_hint, w);
        if (lost)
            log_info("watch", "inotify events lost, rescanning everything");
        if (lost || clock_mono_us() >= w->next_scan_us) {
            look_at_all(w);
            after_all(w); /* what could not be moved before */
        }
        take_due(w);
        after_all(w);
        if (!w->stop.told)
            wait(w);
    }
}

/* ---- open, close ---- */

/* What this program keeps there is no place for others. */
static int check_top(const struct watch *w, const char *path, struct err *err)
{
    static const char *const own[] = {"/archive", "/raw", "/spool", "/packages", "/telemetry"};
    size_t n = strlen(w->root);
    if (strcmp(path, w->root) == 0)
        return err_set(err, ERR_CONFIG, "%s is ROOT itself; name a separate folder", path);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        size_t m = strlen(own[i]);
        if (strncmp(path, w->root, n) == 0 && strncmp(path + n, own[i], m) == 0 &&
            (path[n + m] == '\0' || path[n + m] == '/'))
            return err_set(err, ERR_CONFIG,
                           "%s is used by dashspool itself; name a separate folder", path);
    }
    return ERR_OK;
}

/* It need not be there yet. */
static int check_done(const struct watch *w, const char *done, struct err *err)
{
    char *dir = NULL, *name = NULL, *real = realpath(done, NULL), *path = NULL;
    int rc = ERR_OK;
    if (!real && (rc = fsx_split(done, &dir, &name, err)) == ERR_OK &&
        (real = realpath(dir, NULL)) != NULL)
        rc = fsx_path(&path, err, "%s/%s", real, name);
    if (rc == ERR_OK && real)
        rc = check_top(w, path ? path : real, err);
    free(dir);
    free(name);
    free(real);
    free(path);
    return rc;
}

static int add_top(struct watch *w, const char *dir, const char *done, struct err *err)
{
    struct stat st;
    char *path = realpath(dir, NULL);
    if (!path || stat(path, &st) < 0 || !S_ISDIR(st.st_mode)) {
        free(path);
        return err_set(err, ERR_CONFIG, "watch %s: no such folder", dir);
    }
    int rc = check_top(w, path, err);
    for (int i = 0; rc == ERR_OK && i < w->n_tops; i++)
        if (strcmp(w->top[i].path, path) == 0) { /* named twice */
            free(path);
            return ERR_OK;
        }
    if (rc == ERR_OK && w->n_tops == TOPS_MAX)
        rc = err_set(err, ERR_CONFIG, "more than %d folders to watch", TOPS_MAX);
    struct top *top = &w->top[w->n_tops];
    if (rc == ERR_OK && w->after == AFTER_MOVE)
        rc = done[0] == '/' ? fsx_path(&top->done, err, "%s", done)
                            : fsx_path(&top->done, err, "%s/%s", path, done);
    if (rc == ERR_OK && top->done && (rc = check_done(w, top->done, err)) < 0)
        w->wrong = "done";
    if (rc < 0) {
        free(path);
        free(top->done);
        top->done = NULL;
        return rc;
    }
    top->path = path;
    w->n_tops++;
    return ERR_OK;
}

static int add_tops(struct watch *w, const struct cfg *cfg, char *const *dir, int n,
                    struct err *err)
{
    const char *done = cfg_text(cfg, "watch", "done");
    int rc = ERR_OK;
    for (int i = 0; rc == ERR_OK && i < n; i++)
        rc = add_top(w, dir[i], done, err);
    if (n > 0 || rc < 0)
        return rc;
    char *dirs = strdup(cfg_text(cfg, "watch", "dirs")), *rest = NULL;
    if (!dirs)
        return err_nomem(err, "the folders to watch");
    for (char *one = strtok_r(dirs, ":", &rest); one && rc == ERR_OK;
         one = strtok_r(NULL, ":", &rest))
        rc = add_top(w, one, done, err);
    free(dirs);
    if (rc == ERR_OK && w->n_tops == 0)
        rc = err_set(err, ERR_CONFIG, "no folder to watch: name one, or set [watch] dirs");
    return rc;
}

static void watch_clear(struct watch *w)
{
    import_close(&w->import);
    hints_close(&w->hints);
    files_clear(&w->files);
    for (int i = 0; i < w->n_tops; i++) {
        free(w->top[i].path);
        free(w->top[i].done);
    }
    stop_close(&w->stop);
    free(w->root);
    free(w);
}

static enum after after_of(const struct cfg *cfg)
{
    const char *after = cfg_text(cfg, "watch", "after");
    return strcmp(after, "move") == 0     ? AFTER_MOVE
           : strcmp(after, "remove") == 0 ? AFTER_REMOVE
                                          : AFTER_KEEP;
}

static int try_top(const struct watch *w, const struct top *top, const struct cfg *cfg,
                   struct err *err)
{
    int may = w->after == AFTER_KEEP ? R_OK | X_OK : R_OK | W_OK | X_OK;
    if (faccessat(AT_FDCWD, top->path, may, AT_EACCESS) < 0) {
        err_sys(err, "%s: cannot be read%s", top->path,
                w->after == AFTER_KEEP ? "" : ", or files in it not be moved or removed");
        return cfg_blame(cfg, "watch", "dirs", err);
    }
    return top->done && fsx_check_dir(top->done, err) < 0 ? cfg_blame(cfg, "watch", "done", err)
                                                          : ERR_OK;
}

int watch_try(const char *root, const struct cfg *cfg, struct err *err)
{
    if (!cfg_bool(cfg, "watch", "enabled"))
        return ERR_OK;
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err, "watching folders");
    w->stop.fd = w->hints.fd = -1;
    w->after = after_of(cfg);
    int rc = (w->root = realpath(root, NULL)) || (w->root = strdup(root))
                 ? add_tops(w, cfg, NULL, 0, err)
                 : err_nomem(err, "a path");
    if (rc < 0)
        rc = cfg_blame(cfg, "watch", w->wrong ? w->wrong : "dirs", err);
    for (int i = 0; rc == ERR_OK && i < w->n_tops; i++)
        rc = try_top(w, &w->top[i], cfg, err);
    watch_clear(w);
    return rc;
}

int watch_run(const char *root, const struct cfg *cfg, char *const *dir, int n, struct err *err)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w)
        return err_nomem(err, "watching folders");
    struct stages *stages = NULL;
    const char *feeds[STAGES_MAX];
    struct import_options options = {.who = "watch",
                                     .free_bytes_min = watch_free_bytes_min(cfg),
                                     .on_result = on_import_result,
                                     .on_note = on_import_note,
                                     .arg = w};
    w->stop.fd = w->hints.fd = -1;
    w->scan_us = us_of(cfg, "scan_s");
    w->scan_us = w->scan_us < SCAN_LEAST_US ? SCAN_LEAST_US : w->scan_us;
    w->quiet_us = us_of(cfg, "quiet_s");
    w->patience_us = us_of(cfg, "patience_s");
    w->after = after_of(cfg);
    int rc = stop_open(&w->stop, "watch", err);
    if (rc == ERR_OK && (rc = files_init(&w->files, err)) == ERR_OK)
        rc = stages_load(&stages, cfg, err);
    if (rc == ERR_OK) { /* what people drop goes where the cameras' footage goes */
        options.feeds = feeds;
        options.n_feeds = stages_feeds(stages, "receive", feeds);
        rc = import_open(&w->import, root, &options, err);
    }
    if (rc == ERR_OK && !(w->root = realpath(root, NULL)))
        rc = err_sys(err, "look at %s", root);
    if (rc == ERR_OK)
        rc = add_tops(w, cfg, dir, n, err);
    if (rc == ERR_OK) {
        hints_open(&w->hints);
        rc = watch_guard(w, feeds, options.n_feeds, err);
    }
    if (rc == ERR_OK)
        run(w);
    if (rc == ERR_OK && w->replaced)
        rc = err_set(err, ERR_AGAIN,
                     "%s was replaced by another folder (disk remounted?): restart needed; "
                     "'dashspool run' does this automatically",
                     w->replaced);
    else if (rc == ERR_OK && !w->stop.told && import_lost(w->import))
        rc = err_set(err, ERR_AGAIN,
                     "the process that looks at files was killed: restart needed; "
                     "'dashspool run' does this automatically");
    watch_clear(w);
    stages_free(&stages);
    return rc;
}
