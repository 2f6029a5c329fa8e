#include "dashspool/clock.h"
#include "dashspool/intake.h"
#include "dashspool/log.h"
#include "store_internal.h"
#include <stdio.h>

struct repair {
    struct stores *s;
    int stored, partial, published;
};

static int find_end(void *arg, const struct catalogue_arrival *a, struct err *err)
{
    int64_t *end = arg;
    (void)err;
    if (*end < a->until_bytes)
        *end = a->until_bytes;
    return ERR_OK;
}

/* The row and its part in one transaction: another end must not come between them. */
static int record(struct stores *s, struct catalogue_transfer *row, struct catalogue_arrival *part,
                  struct err *err)
{
    int rc = catalogue_begin(s->catalogue, err);
    if (rc < 0)
        return rc;
    if ((rc = pass_record_what_is_there(s, row, part, err)) == ERR_OK)
        return catalogue_commit(s->catalogue, err);
    catalogue_rollback(s->catalogue);
    return rc;
}

/* What the last connection brought before the end came. */
static int repair_receiving(void *arg, const struct catalogue_transfer *found, struct err *err)
{
    struct repair *r = arg;
    struct catalogue_transfer row = *found;
    struct catalogue_arrival part = {.began_us = row.arrived_us, .ended_us = clock_utc_us()};
    snprintf(part.peer, sizeof part.peer, "%s", row.peer);
    snprintf(part.ended, sizeof part.ended, "interrupted by an unclean shutdown of the receiver");
    int rc = catalogue_arrival_each(r->s->catalogue, row.key, find_end, &part.from_bytes, err);
    row.completed_us = part.ended_us;
    row.published = false; /* whatever was put of it as a partial */
    if (rc == ERR_OK)
        rc = record(r->s, &row, &part, err);
    r->stored += row.state == CATALOGUE_STORED;
    r->partial += row.state == CATALOGUE_PARTIAL;
    return rc;
}

int repair_run(struct stores *s, struct err *err)
{
    struct repair r = {.s = s};
    struct catalogue_filter receiving = {.states = 1 << CATALOGUE_RECEIVING, .source = "camera"};
    struct intake_feeds feeds;
    int rc = intake_feeds_open(&feeds, s->root, s->options.feeds, s->options.n_feeds, err);
    if (rc == ERR_OK)
        rc = catalogue_transfer_each(s->catalogue, &receiving, repair_receiving, &r, err);
    if (rc == ERR_OK)
        rc = intake_publish_late(s->catalogue, &feeds, "receive", &r.published, err);
    if (rc == ERR_OK && r.stored + r.partial + r.published > 0)
        log_info("receive", "recovered after unclean shutdown", LOG_INT("stored", r.stored),
                 LOG_INT("partial", r.partial), LOG_INT("jobs", r.published));
    intake_feeds_close(&feeds);
    return rc;
}
