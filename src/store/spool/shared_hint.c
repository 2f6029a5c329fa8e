/* A hint to those who wait for a job. */
#include "dashspool/clock.h"
#include "dashspool/site.h"
#include "dashspool/table.h"
#include "shared.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HINT_EVERY_US 50000

/* Who notifies within its transaction holds a lock of the whole server at its commit: so it is one
 * of its own, and not for each job of many. It may be lost: who waits looks now and then.
 */

/* "job_" and a hash of schema and stage: it is a name, and has at most 63 letters. */
static const char *channel(const struct shared *s, char out[32])
{
    const char *schema = site_schema(site_used());
    uint64_t h = fnv_add(FNV_BEGIN, schema, strlen(schema) + 1);
    h = fnv_add(h, s->common.stage, strlen(s->common.stage));
    snprintf(out, 32, "job_%016" PRIx64, h);
    return out;
}

static int notify(struct shared_db *db, void *arg, bool again, struct err *err)
{
    char name[32];
    (void)again;
    return shared_db_run(db, NULL, NULL, err, "SELECT pg_notify($1, '')", "t", channel(arg, name));
}

void shared_hint(struct spool *spool)
{
    struct shared *s = shared_of(spool);
    struct err unimportant;
    int64_t now_us = clock_mono_us();
    if (s->hinted_us && now_us - s->hinted_us < HINT_EVERY_US)
        return;
    s->hinted_us = now_us;
    int rc = shared_db_do(notify, s, &unimportant);
    (void)rc;
}

int shared_watch(struct spool *spool)
{
    struct shared *s = shared_of(spool);
    struct err unimportant;
    char name[32], sql[64];
    if (s->watch && (!PQconsumeInput(s->watch) || PQstatus(s->watch) != CONNECTION_OK)) {
        PQfinish(s->watch);
        s->watch = NULL;
    }
    for (PGnotify *n; s->watch && (n = PQnotifies(s->watch)) != NULL;)
        PQfreemem(n);
    if (s->watch)
        return PQsocket(s->watch);
    struct shared_db *db = NULL;
    snprintf(sql, sizeof sql, "LISTEN %s", channel(s, name));
    if (shared_db_get(&db, &unimportant) == ERR_OK &&
        shared_db_run(db, NULL, NULL, &unimportant, sql, "") == ERR_OK) {
        s->watch = db->pq; /* it is taken from the others for good */
        db->pq = NULL;
    }
    shared_db_put(&db);
    return s->watch ? PQsocket(s->watch) : -1;
}
