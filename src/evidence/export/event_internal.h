/* event: what the custody says of packages. */
#ifndef EXPORT_EVENT_INTERNAL_H
#define EXPORT_EVENT_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/export_event.h"

struct event_issued {
    char package[EXPORT_EVENT_NAME_ROOM]; /* its name */
    char for_job[CATALOGUE_ID_ROOM];      /* "": a person made it */
    bool current;                         /* the transfer is now as it was then */
};

/* All packages that a transfer is in, the oldest first. buf_clear() *out in any case. */
int event_issued_read(struct buf *out, struct catalogue *c, const char *id,
                      struct err *err) DS_MUST_CHECK;

static inline struct event_issued *event_issued_at(const struct buf *all, size_t i)
{
    return (struct event_issued *)(void *)(all->mem + all->start) + i;
}

static inline size_t event_issued_count(const struct buf *all)
{
    return all->used / sizeof(struct event_issued);
}

#endif
