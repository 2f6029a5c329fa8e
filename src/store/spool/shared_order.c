/*
 * Which job is next. A job that is due becomes ready with a turn: one more than the last of its
 * flow that waits or is worked, at least that of the job of its class that was claimed last. So who
 * claims looks at one index, by class and turn, and flows take turns as they do with directories.
 *
 * The turn of a class is a hint that nobody waits for; what a process has claimed itself it
 * remembers.
 */
#include "dashspool/site.h"
#include "dashspool/table.h"
#include "shared.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING(x) #x
#define NUMBER(x) STRING(x)

/* ---- turns that this process knows of ---- */

static struct shared_turn *find(const struct shared *s, int class, uint64_t flow)
{
    struct shared_turn *t = (struct shared_turn *)(void *)(s->turns.mem + s->turns.start);
    for (size_t i = 0; i < s->turns.used / sizeof *t; i++)
        if (t[i].class == class && t[i].flow == flow)
            return &t[i];
    return NULL;
}

static int64_t turn_of(const struct shared *s, int class, uint64_t flow)
{
    const struct shared_turn *t = find(s, class, flow);
    return t ? t->turn : -1;
}

/* Flows whose last turn is over for all are as good as new. */
static void forget(struct shared *s, int class, int64_t before)
{
    struct shared_turn *t = (struct shared_turn *)(void *)(s->turns.mem + s->turns.start);
    size_t n = s->turns.used / sizeof *t, left = 0;
    for (size_t i = 0; i < n; i++)
        if (t[i].class != class || t[i].flow == 0 || t[i].turn >= before)
            t[left++] = t[i];
    s->turns.used = left * sizeof *t;
}

static void remember(struct shared *s, int class, uint64_t flow, int64_t turn)
{
    struct shared_turn *t = find(s, class, flow), added = {class, flow, turn};
    struct err unimportant;
    if (t)
        t->turn = turn > t->turn ? turn : t->turn;
    else if (buf_append(&s->turns, &added, sizeof added, &unimportant) < 0)
        forget(s, class, turn); /* without memory it may have another turn too early */
}

static uint64_t flow_number(const char *flow)
{
    uint64_t h = fnv_add(FNV_BEGIN, flow, strlen(flow));
    return h ? h : 1;
}

void shared_took_turn(struct shared *s, struct shared_db *db, int class, const char *flow,
                      int64_t turn)
{
    struct err unimportant;
    bool first = turn > turn_of(s, class, 0);
    remember(s, class, flow_number(flow), turn);
    if (!first)
        return;
    remember(s, class, 0, turn);
    forget(s, class, turn);
    /* who is just writing it knows it as well as we do */
    int rc = shared_db_run(db, NULL, NULL, &unimportant,
                           "WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),"
                           " old AS (SELECT stage, class FROM job_turn, quick WHERE stage = $1"
                           "  AND class = $2 AND turn < $3 FOR UPDATE OF job_turn SKIP LOCKED)"
                           " UPDATE job_turn t SET turn = $3 FROM old"
                           " WHERE t.stage = old.stage AND t.class = old.class",
                           "tii", s->common.stage, (int64_t) class, turn);
    (void)rc;
}

/* ---- those that are due ---- */

struct due {
    int64_t id, age_us;
    struct spool_order order;
};

static int by_age(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    if (x->age_us != y->age_us)
        return x->age_us < y->age_us ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Of a class that is new, too. */
static int read_class(struct shared *s, struct shared_db *db, int class, struct err *err)
{
    PGresult *r = NULL;
    int rc = shared_db_run(db, &r, NULL, err,
                           "SELECT turn FROM job_turn WHERE stage = $1 AND class = $2", "ti",
                           s->common.stage, (int64_t) class);
    int64_t turn = rc == ERR_OK && PQntuples(r) > 0 ? shared_db_int(r, 0, 0) : -1;
    PQclear(r);
    if (rc == ERR_OK && turn < 0)
        rc = shared_db_run(db, NULL, NULL, err,
                           "INSERT INTO job_turn VALUES($1, $2, 0) ON CONFLICT DO NOTHING", "ti",
                           s->common.stage, (int64_t) class);
    if (rc == ERR_OK && turn > turn_of(s, class, 0)) {
        remember(s, class, 0, turn);
        forget(s, class, turn);
    }
    return rc;
}

/* Unless another process has it by now. */
static int promote_one(const struct shared *s, struct shared_db *db, const struct due *d,
                       struct err *err)
{
    static const char sql[] =
        "UPDATE job SET state = 1, ordered = true, class = $2, flow = $3, order_us = $4,"
        " age_us = $5, turn = greatest($6, $7, coalesce((SELECT max(turn) + 1 FROM job"
        " WHERE stage = $8 AND class = $2 AND flow = $3 AND state IN (1, 2)), 0)) WHERE id ="
        " (SELECT id FROM job WHERE id = $1 AND state = 0 AND due_us <= job_now() FOR UPDATE SKIP "
        "LOCKED)";
    const struct spool_order *o = &d->order;
    int64_t now = turn_of(s, o->class, 0), own = turn_of(s, o->class, flow_number(o->flow)) + 1;
    return shared_db_run(db, NULL, NULL, err, sql, "iitiiiit", d->id, (int64_t)o->class, o->flow,
                         o->age_us, d->age_us, now > 0 ? now : 0, own, s->common.stage);
}

static int take(struct shared *s, struct shared_db *db, const PGresult *r, struct due *due,
                size_t n, struct err *err)
{
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < n; i++) {
        struct due *d = &due[i];
        int row = (int)i;
        const char *job = PQgetvalue(r, row, 1);
        *d = (struct due){.id = shared_db_int(r, row, 0)};
        if (PQgetvalue(r, row, 2)[0] == 't') {
            d->order.class = (int)shared_db_int(r, row, 3);
            snprintf(d->order.flow, sizeof d->order.flow, "%s", PQgetvalue(r, row, 4));
            d->order.age_us = shared_db_int(r, row, 5);
        } else if (s->common.order) {
            s->common.order(s->common.order_arg, job, &d->order);
        }
        d->order.flow[sizeof d->order.flow - 1] = '\0';
        d->age_us = d->order.age_us ? d->order.age_us : shared_db_int(r, row, 6);
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = due[k].order.class == d->order.class;
        if (!seen)
            rc = read_class(s, db, d->order.class, err);
    }
    qsort(due, n, sizeof *due, by_age);
    return rc;
}

static int promote_all(struct shared *s, struct shared_db *db, bool *more, struct err *err)
{
    static const char sql[] = "SELECT id, name, ordered, class, flow, order_us, changed_us FROM job"
                              " WHERE stage = $1 AND state = 0 AND due_us <= job_now()"
                              " ORDER BY due_us LIMIT " NUMBER(SPOOL_LOOK_JOBS);
    static _Thread_local struct due due[SPOOL_LOOK_JOBS];
    PGresult *r = NULL;
    int rc = shared_db_run(db, &r, NULL, err, sql, "t", s->common.stage);
    size_t n = rc == ERR_OK ? (size_t)PQntuples(r) : 0;
    if (n > 0)
        rc = take(s, db, r, due, n, err);
    PQclear(r);
    for (size_t i = 0; rc == ERR_OK && i < n; i++)
        rc = promote_one(s, db, &due[i], err);
    *more = n == SPOOL_LOOK_JOBS;
    return rc;
}

/* One process of all at a time: the others would ask about the same ones. */
int shared_promote(struct shared *s, struct shared_db *db, bool *more, struct err *err)
{
    PGresult *r = NULL;
    *more = false;
    int rc = shared_db_run(db, &r, NULL, err,
                           "SELECT 1 FROM job WHERE stage = $1 AND state = 0"
                           " AND due_us <= job_now() LIMIT 1",
                           "t", s->common.stage);
    bool any = rc == ERR_OK && PQntuples(r) > 0;
    PQclear(r);
    if (rc < 0 || !any)
        return rc;
    rc = shared_db_run(db, NULL, NULL, err, "BEGIN", "");
    if (rc == ERR_OK)
        rc = shared_db_run(db, NULL, NULL, err,
                           "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 2))",
                           "tt", site_schema(site_used()), s->common.stage);
    if (rc == ERR_OK)
        rc = promote_all(s, db, more, err);
    return rc < 0 ? rc : shared_db_run(db, NULL, NULL, err, "COMMIT", "");
}
