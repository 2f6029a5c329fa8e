/* Files that were uploaded become transfers, as `import` makes them. */
#include "action.h"
#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dashspool/import.h"
#include "dashspool/watch.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct taking {
    struct acting *act;
    struct import *import;
    struct fsx_names paths, taken, taken_as; /* taken: those that are stored, and as what */
    int failed;
    int rc; /* of what could not be kept in mind */
    char why[300];
};

static const char *file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void on_result(void *arg, const char *path, enum import_outcome outcome, const char *id,
                      const char *why)
{
    struct taking *t = arg;
    struct err unimportant;
    char name[200];
    import_path_text(file_of(path), name, sizeof name);
    if (outcome == IMPORT_TAKEN || outcome == IMPORT_SAME || outcome == IMPORT_KNOWN) {
        if (!t->act->o.result[0])
            snprintf(t->act->o.result, sizeof t->act->o.result, "%s", id);
        act_say(t->act, "%s: %s%s%s", name, outcome == IMPORT_TAKEN ? id : "is stored already",
                why[0] ? "; " : "", why);
        if (t->rc == ERR_OK)
            t->rc = fsx_names_add(&t->taken, path, &unimportant);
        if (t->rc == ERR_OK)
            t->rc = fsx_names_add(&t->taken_as, id, &unimportant);
        return;
    }
    t->failed++;
    act_say(t->act, "%s: not taken: %s", name, why);
    if (!t->why[0])
        snprintf(t->why, sizeof t->why, "%s: %s", name, why);
    if (outcome == IMPORT_FAILED && t->rc == ERR_OK)
        t->rc = ERR_AGAIN;
}

static void on_note(void *arg, const char *path, const char *text)
{
    struct taking *t = arg;
    char name[200];
    act_say(t->act, "%s: %s", import_path_text(file_of(path), name, sizeof name), text);
}

static int on_entry(void *arg, enum import_entry what, const char *path,
                    const struct catalogue_stat *stat, const char *why, struct err *err)
{
    struct taking *t = arg;
    (void)stat;
    (void)why;
    return what == IMPORT_ENTRY_FILE ? fsx_names_add(&t->paths, path, err) : ERR_OK;
}

static int take_all(struct taking *t, const char *dir, struct err *err)
{
    const struct import_walk walk = {.deep = true, .fn = on_entry, .arg = t};
    int rc = import_walk(&walk, dir, err);
    for (size_t i = 0; rc == ERR_OK && i < t->paths.n; i++) {
        if (!act_tell_done(t->act, (double)i / (double)t->paths.n))
            return err_set(err, ERR_AGAIN, "stopped");
        rc = import_file(t->import, t->paths.name[i], true, err);
    }
    if (rc == ERR_OK)
        rc = import_flush(t->import, err);
    if (rc == ERR_OK && t->rc < 0)
        rc = err_set(err, ERR_AGAIN, "%s", t->why[0] ? t->why : "out of memory");
    return rc;
}

/* What is stored, durably, is no longer needed here; what was not taken a person may look at. */
static int clear_up(struct taking *t, const char *dir, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < t->taken.n; i++) {
        const char *path = t->taken.name[i];
        rc = import_safe(t->import, path, t->taken_as.name[i], err);
        if (rc == ERR_NOTFOUND) {
            char name[200];
            t->failed++;
            act_say(t->act, "%s: cannot be found among what is stored, so that it stays here",
                    import_path_text(file_of(path), name, sizeof name));
            rc = ERR_OK;
        } else if (rc == ERR_OK && unlink(path) < 0 && errno != ENOENT) {
            rc = err_sys(err, "remove %s", path);
        } else if (rc == ERR_OK) {
            rc = import_moved(t->import, path, NULL, err);
        }
    }
    return rc < 0 || t->failed > 0 ? rc : fsx_remove_tree(dir, err);
}

int act_import(struct acting *act, struct err *err)
{
    const struct actions_action *a = act->a;
    struct taking t = {.act = act};
    char who[ACTIONS_BY_ROOM + 16]; /* "dashspool 0.1.0 import for ann", in the custody */
    struct import_options options = {.who = who,
                                     .imei = a->imei && a->imei[0] ? a->imei : NULL,
                                     .camera = a->camera && a->camera[0] ? a->camera : NULL,
                                     .feeds = act->w->feeds,
                                     .n_feeds = act->w->n_feeds,
                                     .free_bytes_min = watch_free_bytes_min(act->w->cfg),
                                     .on_result = on_result,
                                     .on_note = on_note,
                                     .arg = &t};
    struct clock_told told;
    struct stat st;
    char *dir = NULL;
    snprintf(who, sizeof who, "import for %s", a->by);
    int rc = clock_told(&told, a->local, a->zone, clock_utc_us(), err);
    options.told = &told;
    options.told_by = a->by;
    if (rc == ERR_OK)
        rc = fsx_path(&dir, err, "%s/upload/%s", act->w->root, a->upload);
    if (rc == ERR_OK && (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode)))
        rc = err_set(err, ERR_NOTFOUND, "there is no upload %s; upload the files once more",
                     a->upload);
    if (rc == ERR_OK)
        rc = import_open(&t.import, act->w->root, &options, err);
    if (rc == ERR_OK && (rc = take_all(&t, dir, err)) == ERR_OK && t.taken.n > 0) {
        /* Told before what it came from goes: killed in between, it finds no files, but this. */
        act->o.state = ACTIONS_DONE;
        act->o.done = 1;
        act->o.bad = t.failed > 0;
        rc = actions_tell(act->w->root, act->job, &act->o, err);
    }
    if (rc == ERR_OK)
        rc = clear_up(&t, dir, err);
    act->o.bad = t.failed > 0;
    import_close(&t.import);
    if (rc == ERR_OK && t.taken.n == 0)
        rc = err_set(err, ERR_MALFORMED, "%s",
                     t.why[0] ? t.why : "no footage found (.h265 .hevc .265 .jpg .jpeg .mp4)");
    clock_told_clear(&told);
    fsx_names_clear(&t.paths);
    fsx_names_clear(&t.taken);
    fsx_names_clear(&t.taken_as);
    free(dir);
    return rc;
}
