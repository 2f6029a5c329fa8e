/* spool, the engine of directories: places, moves between states, locks. */
#ifndef DASHSPOOL_SPOOL_DIR_H
#define DASHSPOOL_SPOOL_DIR_H

#include "engine.h"
#include <time.h>

enum spool_state { SPOOL_TMP, SPOOL_NEW, SPOOL_CUR, SPOOL_FAILED, SPOOL_STATES };

/* Names in one listing; a directory of three million jobs has other troubles first. */
#define SPOOL_LIST_BYTES_MAX ((size_t)512 * 1024 * 1024)

struct spool_entry {
    struct timespec changed;        /* of the directory's inode: a rename counts */
    char name[SPOOL_NAME_ROOM + 8]; /* in tmp/ there is ".XXXXXX" behind it */
};

/* A job that was ready at the last look. */
struct spool_ready {
    struct spool_entry entry;
    int class;
    uint64_t flow; /* hash of its name */
    int64_t age_us, due_us;
    uint64_t turn;
};

/* A camera whose last turn is not over for all others. */
struct spool_flow {
    uint64_t flow, turn;
};

struct dir {
    struct spool common;
    char *dir; /* ROOT/spool/<stage> */
    char *state[SPOOL_STATES];
    struct buf ready; /* struct spool_ready, in the order in which they are to be claimed */
    size_t next;      /* of these */
    int64_t looked_us;
    struct buf flows; /* struct spool_flow, without order */
    uint64_t turn;
    struct buf aside; /* those that cannot be touched and stay where they are (dir_aside.c) */
    int watch;        /* spool_watch(); -1: there is none to be had */
    bool watch_asked;
};

static inline struct dir *dir_of(struct spool *spool)
{
    return (struct dir *)(void *)spool;
}

/* What the door's table has of each file. */
int dir_put_all(struct spool *s, const struct spool_item *items, size_t n, struct err *err);
int dir_claim(struct spool *s, struct spool_job **out, struct err *err);
int dir_finish(struct spool *s, struct spool_job *job, struct err *err);
int dir_hand_on(struct spool *s, struct spool_job *job, struct spool *const *next, size_t n,
                const struct spool_item *item, struct err *err);
int dir_alone(struct spool *s, struct spool_job *job, const char *key, bool here, bool *got,
              struct err *err);
int dir_requeue(struct spool *s, struct spool_job *job, int attempt, int64_t later_ms,
                struct err *err);
int dir_fail(struct spool *s, struct spool_job *job, const char *reason, struct err *err);
void dir_order_changed(struct spool *s);
int dir_sweep(struct spool *s, int *given_back, struct err *err);
int dir_stages(const char *root, spool_stage_fn *fn, void *arg, struct err *err);
int dir_find(struct spool *s, const char *job, enum spool_place *out, struct err *err);
int dir_each(struct spool *s, enum spool_place place, spool_found_fn *fn, void *arg,
             struct err *err);
int dir_retry(struct spool *s, const char *job, struct err *err);
int dir_discard(struct spool *s, enum spool_place place, const char *job, struct err *err);
int dir_reclaim(struct spool *s, const char *job, struct err *err);
int dir_survey(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
               void *arg, struct err *err);
int dir_word_put(const char *root, const char *stage, const char *job, const char *text, size_t n,
                 struct err *err);
int dir_word_get(const char *root, const char *stage, const char *job, struct buf *out,
                 struct err *err);
int dir_word_sweep(const char *root, const char *stage, int64_t before_us, struct err *err);
int dir_glance(const char *root, const char *stage, const char *job, struct buf *json,
               struct spool_glance *out, struct err *err);

/* ROOT/spool/<stage>/<state>/<name>; the caller's. */
int spool_path(const struct dir *spool, enum spool_state state, const char *name, char **out,
               struct err *err) DS_MUST_CHECK;

/* The four directories, where they are missing. */
int spool_make_places(const struct dir *spool, struct err *err) DS_MUST_CHECK;

/* Whether the job is in `state`. */
int spool_is_in(const struct dir *spool, enum spool_state state, const char *job, bool *there,
                struct err *err) DS_MUST_CHECK;

/* The job directories of a state, oldest first. `entries` (struct spool_entry) is emptied first. */
int spool_list(const struct dir *spool, enum spool_state state, struct buf *entries,
               struct err *err) DS_MUST_CHECK;

/* Two struct spool_entry: the older first. */
int spool_by_age(const void *a, const void *b);

static inline int64_t spool_time_us(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000 + t->tv_nsec / 1000;
}

static inline size_t spool_list_count(const struct buf *entries)
{
    return entries->used / sizeof(struct spool_entry);
}

/*
 * The stage's directory itself is a lock: put holds it alone while it looks at new/, cur/ and
 * failed/ and renames, everyone else shares it while renaming between these. Otherwise a job that
 * moves while put looks from one to the next could be missed in each, and be there twice. It guards
 * an instant, no state: a crash frees it.
 */
int spool_stage_lock(const struct dir *spool, int operation, int *fd,
                     struct err *err) DS_MUST_CHECK;

/* One transition under the shared stage lock; `durable` fsyncs both states' directories. */
int spool_move(const struct dir *spool, const char *name, enum spool_state from,
               enum spool_state to, bool durable, struct err *err) DS_MUST_CHECK;

/* Deletes what is in tmp/ as far as it can; sweep deletes the rest by and by. */
void spool_discard(const char *path);

/* A fresh directory tmp/<name>.XXXXXX; the path is the caller's. */
int spool_make_tmp(const struct dir *spool, const char *name, char **out,
                   struct err *err) DS_MUST_CHECK;

/* Takes the job's directory out of sight, durably, and deletes it. */
int spool_bury(const struct dir *spool, const char *name, const char *dir,
               struct err *err) DS_MUST_CHECK;

/* Takes the lock of the job in `state`: *fd is -1 if somebody else holds it or the job went away.
 */
int spool_lock_job(const struct dir *spool, enum spool_state state, const char *name, int *fd,
                   struct err *err) DS_MUST_CHECK;

/* What the file `attempt` tells; 1, and 0, without it, or if it tells nothing sensible. An error if
 * it cannot be read now. */
int spool_attempt_read(const char *dir, int *attempt, int64_t *due_us,
                       struct err *err) DS_MUST_CHECK;

/* The text of that file, "3\n", "3\n2026-11-21T12:00:00.000Z\n" or, with what the attempt before
 * said, "3\n[time]\nwords\n". *why is "" or borrowed from text, which is cut there. What makes no
 * sense is left as it was. */
void spool_attempt_parse(char *text, int *attempt, int64_t *due_us, const char **why);
#define SPOOL_ATTEMPT_BYTES_MAX (64 + SPOOL_WHY_ROOM)

/* From cur/ or failed/ to new/, working files removed. The caller holds the lock. */
struct spool_again {
    int attempt;
    int64_t due_us;  /* 0: at once */
    const char *why; /* for a person; NULL: nothing */
};
int spool_requeue(const struct dir *spool, enum spool_state from, const char *name,
                  const struct spool_again *again, struct err *err) DS_MUST_CHECK;

/* From cur/ to new/, attempt + 1, at once. The caller holds the lock. */
int spool_give_back(const struct dir *spool, const char *name, const char *why,
                    struct err *err) DS_MUST_CHECK;

/* To failed/ with its reason. */
int spool_to_failed(const struct dir *spool, enum spool_state from, const char *name,
                    const char *reason, struct err *err) DS_MUST_CHECK;

/*
 * What *err says keeps one job from being touched, not the stage: it goes to failed/, if it is
 * `ours` (nobody else works on it) and can be moved; else it stays, and is left alone for
 * SPOOL_ASIDE_MS or until its directory has changed. ERR_OK, or the error if it is of the stage.
 */
int spool_set_aside(struct dir *spool, enum spool_state state, const char *name, bool ours,
                    struct err *err) DS_MUST_CHECK;

/* The same for who is only looking for something to do: one that the disk cannot read just now,
 * while it takes what is written elsewhere, stays and is left alone, too. */
int spool_pass_over(struct dir *spool, enum spool_state state, const char *name, bool ours,
                    struct err *err) DS_MUST_CHECK;
bool spool_is_aside(const struct dir *spool, const struct spool_entry *entry);

/* Looks for jobs and puts them in order: spool->ready, next, due_us. */
int spool_look(struct dir *spool, struct err *err) DS_MUST_CHECK;

static inline struct spool_ready *spool_ready_at(struct buf *ready, size_t i)
{
    return (struct spool_ready *)(void *)(ready->mem + ready->start) + i;
}

static inline size_t spool_ready_count(const struct buf *ready)
{
    return ready->used / sizeof(struct spool_ready);
}

/* This one was claimed: its flow has had its turn. */
void spool_took_turn(struct dir *spool, const struct spool_ready *r);

#endif
