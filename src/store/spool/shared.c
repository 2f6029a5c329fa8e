/* The engine of a site: a spool as a whole, and what the door has of all its files. */
#include "shared.h"
#include "dashspool/fsx.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_BYTES_MAX = 1 << 20 };

static void close_it(struct spool *spool)
{
    struct shared *s = shared_of(spool);
    PQfinish(s->watch);
    buf_clear(&s->turns);
    free(s->scratch);
    free(s);
}

static int enter_stage(struct shared_db *db, void *arg, bool again, struct err *err)
{
    const char *stage = arg;
    (void)again;
    int rc = shared_schema(db, err);
    return rc < 0 ? rc
                  : shared_db_run(db, NULL, NULL, err,
                                  "INSERT INTO job_stage(stage) VALUES($1) ON CONFLICT DO NOTHING",
                                  "t", stage);
}

static int open_it(struct spool **out, const char *root, const char *stage, struct err *err)
{
    char name[SPOOL_NAME_ROOM];
    struct shared *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err, "a spool");
    buf_init(&s->turns, TURNS_BYTES_MAX);
    snprintf(name, sizeof name, "%s", stage);
    int rc = fsx_path(&s->scratch, err, "%s/scratch/%s", root, stage);
    if (rc == ERR_OK)
        rc = shared_db_do(enter_stage, name, err);
    if (rc < 0)
        close_it(&s->common);
    else
        *out = &s->common;
    return rc;
}

const struct spool_engine spool_shared = {
    .open = open_it,
    .close = close_it,
    .put_all = shared_put_all,
    .claim = shared_claim,
    .watch = shared_watch,
    .finish = shared_finish,
    .hand_on = shared_hand_on,
    .requeue = shared_requeue,
    .fail = shared_fail,
    .alone = shared_alone,
    .hold = shared_hold,
    .lost = shared_lost,
    .sweep = shared_sweep,
    .count = shared_count,
    .find = shared_find,
    .each = shared_each,
    .retry = shared_retry,
    .discard = shared_discard,
    .reclaim = shared_reclaim,
    .stages = shared_stages,
    .survey = shared_survey,
    .leases_lost = shared_leases_lost,
    .word_put = shared_word_put,
    .word_get = shared_word_get,
    .word_sweep = shared_word_sweep,
    .glance = shared_glance,
};
