/* Which files are there, and since when they are as they are. */
#include "dashspool/clock.h"
#include "dashspool/log.h"
#include "watch_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t sidecar_digest(const char *path)
{
    uint64_t h = FNV_BEGIN;
    char sidecar[CATALOGUE_FILE_ROOM + 8];
    for (int i = 0; i < IMPORT_SIDECARS; i++) {
        struct stat st;
        bool of_stem;
        import_sidecar(path, i, sidecar, sizeof sidecar, &of_stem);
        if (lstat(sidecar, &st) == 0) {
            struct catalogue_stat s;
            import_stat_of(&st, &s);
            int64_t facts[] = {i, s.length_bytes, s.mtime_ns};
            h = fnv_add(h, facts, sizeof facts);
        }
    }
    return h;
}

static bool take_look(const char *path, struct entry_look *out)
{
    struct stat st;
    struct catalogue_stat changed;
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    *out = (struct entry_look){.beside = 0};
    import_stat_of(&st, &out->stat);
    st.st_mtim = st.st_ctim;
    import_stat_of(&st, &changed);
    out->ctime_ns = changed.mtime_ns;
    return true;
}

static bool same_file(const struct entry_look *a, const struct entry_look *b)
{
    return memcmp(&a->stat, &b->stat, sizeof a->stat) == 0 && a->ctime_ns == b->ctime_ns;
}

static void begin_waiting(struct watch *w, struct entry *e, const struct entry_look *now,
                          int64_t now_us)
{
    e->look = *now;
    e->since_us = now_us;
    e->due_us = now_us + w->quiet_us;
    e->cut = e->pending = false;
    e->said[0] = '\0';
    files_set_state(&w->files, e, ENTRY_WAITING);
}

bool look_again(struct watch *w, struct entry *e, int64_t now_us)
{
    struct entry_look now;
    if (!take_look(e->path, &now)) {
        files_set_state(&w->files, e, ENTRY_SETTLED); /* gone; the next scan forgets it */
        e->look = (struct entry_look){0};
        return false;
    }
    now.beside = e->state == ENTRY_WAITING ? sidecar_digest(e->path) : e->look.beside;
    if (same_file(&now, &e->look) && now.beside == e->look.beside)
        return true;
    begin_waiting(w, e, &now, now_us);
    return false;
}

static void add_or_update_entry(struct watch *w, const char *path)
{
    struct entry_look now;
    struct entry *e = files_find(&w->files, path);
    int64_t now_us = clock_mono_us();
    if (e) {
        look_again(w, e, now_us);
    } else if (take_look(path, &now)) {
        if (!(e = files_add(&w->files, path)))
            return; /* no memory now; the next scan meets it again */
        now.beside = sidecar_digest(path);
        begin_waiting(w, e, &now, now_us);
    }
    if (e)
        e->scan = w->scan;
}

static void trouble(struct watch *w, const char *path, const char *why)
{
    struct entry *e = files_find(&w->files, path);
    if (!e && !(e = files_add(&w->files, path)))
        return;
    e->scan = w->scan;
    if (e->state != ENTRY_TROUBLE)
        e->said[0] = '\0';
    files_set_state(&w->files, e, ENTRY_TROUBLE);
    log_skip_once(e, why);
}

static int on_entry(void *arg, enum import_entry what, const char *path,
                    const struct catalogue_stat *stat, const char *why, struct err *err)
{
    struct watch *w = arg;
    (void)stat;
    (void)err;
    switch (what) {
    case IMPORT_ENTRY_DIR:
        hints_add(&w->hints, path); /* before its files: none is missed in between */
        break;
    case IMPORT_ENTRY_FILE:
        add_or_update_entry(w, path);
        break;
    case IMPORT_ENTRY_OURS:
        if (why)
            trouble(w, path, "evidence package, not imported");
        break;
    case IMPORT_ENTRY_TROUBLE:
        trouble(w, path, why);
        break;
    case IMPORT_ENTRY_UNDONE:
        break;
    }
    return ERR_OK;
}

static void scan_below(struct watch *w, const struct top *top, const char *dir)
{
    struct err err;
    const struct import_walk walk = {
        .deep = true, .skip = {w->root, top->done}, .fn = on_entry, .arg = w};
    if (import_walk(&walk, dir, &err) < 0)
        log_error("watch", "folder scan failed", LOG_TEXT("dir", dir), LOG_ERR(&err));
}

/* Another folder, or another disk, came to be there since: the rights were those of the old one. */
static bool watch_is_shut_out(const char *dir)
{
    if (access(dir, R_OK | X_OK) < 0)
        return false;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool out = fd < 0 && errno == EACCES;
    if (fd >= 0)
        close(fd);
    return out;
}

void look_at_all(struct watch *w)
{
    w->scan++;
    for (int i = 0; i < w->n_tops; i++) {
        scan_below(w, &w->top[i], w->top[i].path);
        if (watch_is_shut_out(w->top[i].path))
            w->replaced = w->top[i].path;
    }
    files_sweep(&w->files, w->scan);
    w->next_scan_us = clock_mono_us() + w->scan_us;
}

/* A new folder is scanned at once: what was put into it before we looked sends no events. Its links
 * are no folders, hidden ones are not looked at, nor what is done. */
void look_at_hint(void *arg, const char *path, bool is_dir)
{
    struct watch *w = arg;
    const struct top *top = top_of(w, path);
    const char *name = strrchr(path, '/') + 1;
    struct stat st;
    if (!top || name[0] == '.')
        return;
    if (!is_dir) {
        if (import_name(name) == IMPORT_NAME_FOOTAGE)
            add_or_update_entry(w, path);
    } else if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && strcmp(path, w->root) != 0 &&
               !(top->done && strcmp(path, top->done) == 0)) {
        scan_below(w, top, path);
    }
}
