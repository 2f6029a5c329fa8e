/* spool, inside: what an engine does for the door, and what both have of a spool and a job. */
#ifndef DASHSPOOL_SPOOL_ENGINE_H
#define DASHSPOOL_SPOOL_ENGINE_H

#include "dashspool/buf.h"
#include "dashspool/spool.h"

/* Of spool.h, the functions of that name; names of stages and jobs are judged before. What ends a
 * job leaves it to the door to free it. */
struct spool_engine {
    int (*open)(struct spool **out, const char *root, const char *stage, struct err *err);
    void (*close)(struct spool *spool);
    void (*order_changed)(struct spool *spool); /* NULL: it does not matter */
    int (*put_all)(struct spool *spool, const struct spool_item *items, size_t n, struct err *err);
    int (*claim)(struct spool *spool, struct spool_job **out, struct err *err);
    int (*watch)(struct spool *spool);
    int (*finish)(struct spool *spool, struct spool_job *job, struct err *err);
    int (*hand_on)(struct spool *spool, struct spool_job *job, struct spool *const *next, size_t n,
                   const struct spool_item *item, struct err *err);
    int (*alone)(struct spool *spool, struct spool_job *job, const char *key, bool here, bool *got,
                 struct err *err);
    int (*hold)(struct spool *spool, struct spool_job *job, struct rows *within,
                struct err *err);        /* NULL: it is */
    bool (*lost)(struct spool_job *job); /* NULL: it cannot be */
    int (*requeue)(struct spool *spool, struct spool_job *job, int attempt, int64_t later_ms,
                   struct err *err);
    int (*fail)(struct spool *spool, struct spool_job *job, const char *reason, struct err *err);
    int (*sweep)(struct spool *spool, int *given_back, struct err *err);
    int (*count)(struct spool *spool, struct spool_count *out, struct err *err);
    int (*find)(struct spool *spool, const char *job, enum spool_place *out, struct err *err);
    int (*each)(struct spool *spool, enum spool_place place, spool_found_fn *fn, void *arg,
                struct err *err);
    int (*retry)(struct spool *spool, const char *job, struct err *err);
    int (*discard)(struct spool *spool, enum spool_place place, const char *job, struct err *err);
    int (*reclaim)(struct spool *spool, const char *job, struct err *err);
    int (*stages)(const char *root, spool_stage_fn *fn, void *arg, struct err *err);
    int (*survey)(const char *root, const char *stage, int64_t reasons_us, spool_sight_fn *fn,
                  void *arg, struct err *err);
    int (*leases_lost)(const char *stage, int64_t *n, int64_t *last_us,
                       struct err *err); /* NULL: there are no leases */
    int (*word_put)(const char *root, const char *stage, const char *job, const char *text,
                    size_t n, struct err *err);
    int (*word_get)(const char *root, const char *stage, const char *job, struct buf *out,
                    struct err *err);
    int (*word_sweep)(const char *root, const char *stage, int64_t before_us, struct err *err);
    int (*glance)(const char *root, const char *stage, const char *job, struct buf *json,
                  struct spool_glance *out, struct err *err);
};

extern const struct spool_engine spool_directories; /* directories.c */
extern const struct spool_engine spool_shared;      /* shared.c */

/* At the beginning of each engine's own. */
struct spool {
    const struct spool_engine *engine;
    char stage[SPOOL_NAME_ROOM];
    spool_order_fn *order; /* NULL: none */
    void *order_arg;
    spool_aside_fn *on_aside;
    void *on_aside_arg;
    int64_t due_us; /* spool_due_us() */
};

struct spool_job {
    void (*end)(struct spool_job *job); /* of what the engine has with it; NULL: nothing */
    char name[SPOOL_NAME_ROOM];
    char *dir;
    int lock; /* descriptor; the claim lasts as long as it is open */
    int attempt;
    char why[SPOOL_WHY_ROOM]; /* "" */
    struct buf json;          /* with its NUL */
};

/* ---- job.c ---- */

/* ERR_MALFORMED: not one path component of a stage or a job. */
int spool_check_name(const char *what, const char *name, struct err *err) DS_MUST_CHECK;

/* One path component that fits `room`. */
bool spool_name_ok(const char *name, size_t room);

/* Of `size` bytes, a struct spool_job at their beginning; NULL: no memory. */
struct spool_job *spool_job_new(size_t size, const char *name);

/* What is in json is a text that a job may have; then it ends with a NUL. */
int spool_job_check(struct spool_job *job, struct err *err) DS_MUST_CHECK;

#endif
