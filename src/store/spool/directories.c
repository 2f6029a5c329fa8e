/* The engine of directories: a spool as a whole, and what the door has of all its files. */
#include "dashspool/fsx.h"
#include "dir.h"
#include <stdalign.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

static const char *const state_names[SPOOL_STATES] = {"tmp", "new", "cur", "failed"};

static void close_it(struct spool *s)
{
    struct dir *spool = dir_of(s);
    for (size_t i = 0; i < SPOOL_STATES; i++)
        free(spool->state[i]);
    free(spool->dir);
    if (spool->watch_asked && spool->watch >= 0)
        close(spool->watch);
    buf_clear(&spool->ready);
    buf_clear(&spool->flows);
    buf_clear(&spool->aside);
    free(spool);
}

static int open_it(struct spool **out, const char *root, const char *stage, struct err *err)
{
    struct dir *spool = calloc(1, sizeof *spool);
    if (!spool)
        return err_nomem(err, "a spool");
    buf_init(&spool->ready, SPOOL_LIST_BYTES_MAX);
    buf_init(&spool->flows, SPOOL_LIST_BYTES_MAX);
    buf_init(&spool->aside, SPOOL_LIST_BYTES_MAX);
    int rc = fsx_path(&spool->dir, err, "%s/spool/%s", root, stage);
    for (size_t i = 0; rc == ERR_OK && i < SPOOL_STATES; i++)
        rc = fsx_path(&spool->state[i], err, "%s/%s", spool->dir, state_names[i]);
    if (rc == ERR_OK)
        rc = spool_make_places(spool, err);
    if (rc < 0)
        close_it(&spool->common);
    else
        *out = &spool->common;
    return rc;
}

static int count(struct spool *s, struct spool_count *out, struct err *err)
{
    struct dir *spool = dir_of(s);
    int *const counts[SPOOL_STATES] = {&out->writing, &out->ready, &out->claimed, &out->failed};
    struct buf entries;
    int rc = ERR_OK;
    buf_init(&entries, SPOOL_LIST_BYTES_MAX);
    for (enum spool_state at = SPOOL_TMP; rc == ERR_OK && at < SPOOL_STATES; at++)
        if ((rc = spool_list(spool, at, &entries, err)) == ERR_OK)
            *counts[at] = (int)spool_list_count(&entries);
    buf_clear(&entries);
    return rc;
}

/* A hint by inotify(7) on new/. */
static int watch(struct spool *s)
{
    struct dir *spool = dir_of(s);
    alignas(struct inotify_event) char events[4096];
    if (!spool->watch_asked)
        spool->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    spool->watch_asked = true; /* where instances are short, it is not asked again and again */
    if (spool->watch < 0)
        return -1;
    /* every time: it may be another directory by now, and the same one has one watch */
    if (inotify_add_watch(spool->watch, spool->state[SPOOL_NEW], IN_MOVED_TO | IN_ONLYDIR) < 0)
        return -1;
    while (read(spool->watch, events, sizeof events) > 0)
        continue;
    return spool->watch;
}

const struct spool_engine spool_directories = {
    .open = open_it,
    .close = close_it,
    .order_changed = dir_order_changed,
    .put_all = dir_put_all,
    .claim = dir_claim,
    .watch = watch,
    .finish = dir_finish,
    .hand_on = dir_hand_on,
    .alone = dir_alone,
    .requeue = dir_requeue,
    .fail = dir_fail,
    .sweep = dir_sweep,
    .count = count,
    .find = dir_find,
    .each = dir_each,
    .retry = dir_retry,
    .discard = dir_discard,
    .reclaim = dir_reclaim,
    .stages = dir_stages,
    .survey = dir_survey,
    .word_put = dir_word_put,
    .word_get = dir_word_get,
    .word_sweep = dir_word_sweep,
    .glance = dir_glance,
};
